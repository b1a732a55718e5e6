"""Laws of the edge's small parts."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.ground.edge.cors import Cors
from groundsill.ground.edge.function_response import MalformedResponse, to_response
from groundsill.ground.edge.permissions import arn_matches, route_source_arn
from groundsill.ground.edge.routes import RouteKeyInvalid, RouteTable
from groundsill.ground.edge.rules import wildcard
from groundsill.ground.edge.targets import HealthCheck
from groundsill.ground.edge.throttle import TokenBucket

SEGMENT = st.text(string.ascii_letters + string.digits + "-_.~é ", min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/pets/dog/1", "GET /pets/dog/1"),
        ("GET", "/pets/dog/2", "GET /pets/dog/{id}"),
        ("GET", "/pets/cat/1", "GET /pets/{proxy+}"),
        ("POST", "/pets/dog/1", "ANY /{proxy+}"),
        ("POST", "/", "$default"),
    ],
)
def test_the_most_specific_route_wins_as_in_awss_own_example(method: str, path: str, expected: str) -> None:
    keys = ["$default", "ANY /{proxy+}", "GET /pets/{proxy+}", "GET /pets/dog/{id}", "GET /pets/dog/1"]
    match = RouteTable([(key, key) for key in keys]).match(method, path)
    assert match is not None
    assert match.route == expected


@given(st.lists(SEGMENT, min_size=1, max_size=4), st.integers(0, 3))
def test_a_path_variable_gives_back_what_was_in_its_place(segments: list[str], place: int) -> None:
    place %= len(segments)
    pattern = "/".join("{v}" if i == place else segment for i, segment in enumerate(segments))
    match = RouteTable([(f"GET /{pattern}", 1)]).match("GET", "/" + "/".join(segments))
    assert match is not None
    assert match.parameters == {"v": segments[place]}


@pytest.mark.parametrize("key", ["", "GET", "GET pets", "FETCH /x", "/x"])
def test_a_malformed_route_key_is_named(key: str) -> None:
    with pytest.raises(RouteKeyInvalid, match="METHOD /path"):
        RouteTable([(key, 1)])


@given(st.floats(0.1, 1000), st.integers(1, 50), st.lists(st.floats(0, 0.5), max_size=100))
def test_a_bucket_never_lets_more_pass_than_burst_and_rate_allow(
    rate: float, burst: int, gaps: list[float]
) -> None:
    now = [0.0]
    bucket = TokenBucket(rate, burst, clock=lambda: now[0])
    passed = 0
    for gap in gaps:
        now[0] += gap
        passed += bucket.take()
    assert passed <= burst + rate * now[0] + 1e-6


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    JSON_VALUES
    | st.fixed_dictionaries(
        {"statusCode": JSON_VALUES | st.integers(100, 599)},
        optional={
            "body": JSON_VALUES,
            "headers": JSON_VALUES | st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=3),
            "cookies": JSON_VALUES,
            "isBase64Encoded": JSON_VALUES,
            "multiValueHeaders": st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=3),
        },
    ),
    st.sampled_from(["1.0", "2.0"]),
)
def test_any_result_is_a_sound_response_or_malformed(result: Any, version: str) -> None:
    try:
        response = to_response(json.dumps(result).encode("utf-8", "surrogatepass"), version)
    except MalformedResponse:
        return
    assert 200 <= response.status <= 599
    for name, value in response.headers:
        assert name == name.lower()
        assert b"\n" not in name + value
        assert b"\r" not in name + value
    lengths = [value for name, value in response.headers if name == b"content-length"]
    assert response.status == 204 or response.status == 304 or lengths == [str(len(response.body)).encode()]


@given(SEGMENT, SEGMENT)
def test_a_star_matches_anything_and_a_literal_only_itself(first: str, second: str) -> None:
    assert wildcard("/*").fullmatch(f"/{first}/{second}")
    assert wildcard(first).fullmatch(first)
    assert arn_matches("arn:*", f"arn:{first}")
    if first != second:
        assert not arn_matches(first, second)


def test_source_arns_of_routes_are_those_of_the_gateway() -> None:
    found = [route_source_arn("arn:a", "dev", key) for key in ("POST /x", "ANY /x/{id}", "$default")]
    assert found == ["arn:a/dev/POST/x", "arn:a/dev/*/x/{id}", "arn:a/dev/$default"]


@pytest.mark.parametrize(
    ("allowed", "origin", "expected"),
    [
        (["*"], b"https://a.example", b"*"),
        (["https://a.example"], b"https://A.example", b"https://A.example"),
        (["https://*"], b"https://b.example", b"https://b.example"),
        (["https://*"], b"http://b.example", None),
        (["https://a.example"], b"https://a.example.evil", None),
    ],
)
def test_origins_are_compared_as_the_gateway_does(
    allowed: list[str], origin: bytes, expected: bytes | None
) -> None:
    headers = dict(Cors({"allow_origins": allowed}).headers(origin))
    assert headers.get(b"access-control-allow-origin") == expected


@pytest.mark.parametrize(
    ("matcher", "status", "good"), [("200", 200, True), ("200-299,302", 302, True), ("200,202", 201, False)]
)
def test_health_check_matchers_take_lists_and_ranges(matcher: str, status: int, good: bool) -> None:
    assert HealthCheck(matcher=matcher).accepts(status) is good
