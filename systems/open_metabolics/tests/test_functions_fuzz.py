"""Whatever is sent to a function: an answer in our form, never a failure."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from om_support.backend import Backend
from om_support.calls import ROUTES, call, event, handler

FIELDS = (
    "session_id",
    "session_ids",
    "user_email",
    "csv_data",
    "chunk_samples",
    "force",
    "limit",
    "next",
    "answers",
    "age",
    "weight",
    "height",
    "sex",
    "note",
)
LIKELY = (
    "fuzz-1",
    "walker@example.com",
    "Timestamp,Accelerometer_X\n1,1",
    "true",
    "5",
    34,
    77,
    178,
    "male",
    None,
)

values = st.recursive(
    st.sampled_from(LIKELY) | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
bodies = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=12), values, max_size=8)
quick = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("name", ROUTES)
@given(body=bodies)
@quick
def test_any_json_gets_an_answer(backend: Backend, name: str, body: dict[str, Any]) -> None:
    status, answer = call(name, json.dumps(body))
    assert status < 500, answer
    assert ("error" in answer) == (status >= 400)


@pytest.mark.parametrize("name", ROUTES)
@given(text=st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
@quick
def test_any_text_is_refused(backend: Backend, name: str, text: str) -> None:
    for encoded in (False, True):
        answer = handler(name)({**event(name, text), "isBase64Encoded": encoded})
        assert 400 <= answer["statusCode"] < 500


@given(query=st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=30)))
@quick
def test_any_query_string_gets_an_answer(backend: Backend, query: dict[str, str]) -> None:
    for name in ROUTES:
        if name.startswith(("get-", "check-")):
            assert call(name, method="GET", query=query)[0] < 500
