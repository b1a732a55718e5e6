"""manage-user-profile and get-user-profile."""

from __future__ import annotations

import pytest
from om_support.backend import Backend
from om_support.calls import PROFILE, call, error, ok

SAVE, GET = "manage-user-profile", "get-user-profile"


@pytest.mark.requirement("OM-B03", "OM-B04")
def test_a_profile_is_created_changed_in_one_field_and_read_back(backend: Backend) -> None:
    me = "profile@example.com"
    assert error(GET, {}, email=me)[0] == 404
    created = ok(
        SAVE, {**PROFILE, "user_email": me, "activity_level": "high", "left_handed": False}, email=me
    )
    assert created["profile"].items() >= PROFILE.items()
    changed = ok(SAVE, {"weight": 80}, email=me)["profile"]
    assert changed == ok(GET, {"user_email": me}, email=me)["profile"]
    assert (
        changed.items() >= {**PROFILE, "weight": 80, "activity_level": "high", "left_handed": False}.items()
    )
    assert changed["created_at"] == created["profile"]["created_at"]


@pytest.mark.requirement("OM-B04", "OM-C23")
def test_a_profile_can_be_read_by_get(backend: Backend) -> None:
    ok(SAVE, PROFILE, email="get@example.com")
    assert ok(GET, email="get@example.com", method="GET")["profile"]["age"] == 34
    assert error(GET, email="get@example.com", method="GET", query={"user_email": "x@example.com"})[0] == 403


@pytest.mark.requirement("OM-B03")
def test_a_further_field_is_removed_with_null(backend: Backend) -> None:
    me = "null@example.com"
    ok(SAVE, {**PROFILE, "note": "hello", "year": 1990}, email=me)
    profile = ok(SAVE, {"note": None}, email=me)["profile"]
    assert "note" not in profile
    assert profile["year"] == 1990


@pytest.mark.requirement("OM-B03")
@pytest.mark.parametrize("absent", ["age", "weight", "height"])
def test_a_new_profile_needs_what_the_estimate_needs(backend: Backend, absent: str) -> None:
    body = {name: value for name, value in PROFILE.items() if name != absent}
    status, refused = error(SAVE, body, email=f"new-{absent}@example.com")
    assert (status, refused["code"], refused["field"]) == (400, "missing_field", absent)
    assert error(GET, {}, email=f"new-{absent}@example.com")[0] == 404


@pytest.mark.requirement("OM-B03")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("age", 4),
        ("age", 121),
        ("age", "34"),
        ("age", None),
        ("age", True),
        ("weight", 0),
        ("weight", -70),
        pytest.param("weight", 10**400, id="weight-huge"),
        ("weight", [70]),
        ("height", 1.78),
        ("height", 400),
        ("sex", "other"),
        ("sex", 1),
        ("sex", ["male"]),
        pytest.param("note", "x" * 201, id="note-long"),
        ("note", {"a": 1}),
        ("note", "\udfff"),
        ("score", 1e300),
        ("created_at", "now"),
    ],
)
def test_a_wrong_value_is_named_and_nothing_changes(backend: Backend, field: str, value: object) -> None:
    me = "wrong@example.com"
    before = ok(SAVE, PROFILE, email=me)["profile"]
    status, refused = error(SAVE, {**PROFILE, "age": 50, field: value}, email=me)
    assert (status, refused["field"]) == (400, field)
    assert ok(GET, {}, email=me)["profile"] == before


@pytest.mark.parametrize(
    "body", [{}, {"UserEmail": "x"}, {"a" * 41: 1}, {"1a": 1}, {f"f{index}": 1 for index in range(21)}]
)
def test_a_body_without_or_with_impossible_fields_is_refused(backend: Backend, body: dict) -> None:
    assert error(SAVE, body, email="names@example.com")[0] == 400


def test_a_field_may_be_called_like_a_word_of_the_store(backend: Backend) -> None:
    me = "words@example.com"
    assert ok(SAVE, {**PROFILE, "size": 3, "name": "Ann", "values": True}, email=me)["profile"]["size"] == 3


@pytest.mark.requirement("OM-B14")
def test_nobody_reads_or_writes_another_ones_profile(backend: Backend) -> None:
    ok(SAVE, PROFILE, email="a@example.com")
    for name in (SAVE, GET):
        status, refused = error(name, {**PROFILE, "user_email": "a@example.com"}, email="b@example.com")
        assert (status, refused["field"]) == (403, "user_email")
    assert call(GET, {}, email="b@example.com")[0] == 404
