"""DynamoDB queries return what AWS would, whatever the size of the partition, and quickly."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ground.test_aws_api_support import RunningApi, table

NUMBERS = st.decimals(min_value=-1000, max_value=1000, places=2).map(lambda n: n.normalize() + 0)
BOUNDS = st.integers(-45, 45).map(Decimal) | NUMBERS  # mostly values that are stored, so that edges count
CONDITIONS = st.one_of(
    st.just(("", ())), st.tuples(st.sampled_from(["=", "<", "<=", ">", ">="]), st.tuples(BOUNDS)),
    st.tuples(st.just("between"), st.tuples(BOUNDS, BOUNDS).map(lambda pair: tuple(sorted(pair)))))


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with RunningApi(tmp_path_factory.mktemp("aws")) as running:
        table(running, "numbers", sort_type="N")
        table(running, "names")
        yield running


def _holds(value: Decimal, operator: str, operands: tuple[Decimal, ...]) -> bool:
    return {
        "": lambda: True, "=": lambda: value == operands[0], "<": lambda: value < operands[0],
        "<=": lambda: value <= operands[0], ">": lambda: value > operands[0], ">=": lambda: value >= operands[0],
        "between": lambda: operands[0] <= value <= operands[1],
    }[operator]()


def _query(api: RunningApi, index: bool, condition: tuple[str, tuple[Decimal, ...]], forward: bool,
           limit: int | None, partition: str = "all") -> list[Decimal]:
    operator, operands = condition
    key = "UserEmail" if index else "SessionId"
    expression = f"{key} = :key"
    values: dict[str, Any] = {":key": {"S": partition}}
    if operator == "between":
        expression += " AND #t BETWEEN :a AND :b"
        values |= {":a": {"N": str(operands[0])}, ":b": {"N": str(operands[1])}}
    elif operator:
        expression += f" AND #t {operator} :a"
        values |= {":a": {"N": str(operands[0])}}
    arguments: dict[str, Any] = {
        "TableName": "numbers", "KeyConditionExpression": expression, "ExpressionAttributeValues": values,
        "ScanIndexForward": forward, **({"IndexName": "UserEmailIndex"} if index else {}),
        **({"Limit": limit} if limit else {}), **({"ExpressionAttributeNames": {"#t": "Timestamp"}} if operator else {})}
    found: list[Decimal] = []
    for _ in range(400):
        page = api.client_of("dynamodb").query(**arguments)
        assert limit is None or page["Count"] <= limit
        found.extend(Decimal(item["Timestamp"]["N"]) for item in page["Items"])
        if "LastEvaluatedKey" not in page:
            return found
        arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    raise AssertionError("the pages do not end")


stored: set[Decimal] = set()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(added=st.sets(NUMBERS, max_size=25), removed=st.sets(NUMBERS, max_size=5), index=st.booleans(),
       condition=CONDITIONS, forward=st.booleans(), limit=st.none() | st.integers(5, 60))
def test_a_query_returns_what_sorting_and_filtering_would(
        api: RunningApi, added: set[Decimal], removed: set[Decimal], index: bool,
        condition: tuple[str, tuple[Decimal, ...]], forward: bool, limit: int | None) -> None:
    client = api.client_of("dynamodb")
    if not stored:
        added = added | {Decimal(n) for n in range(-40, 40)}  # enough for the sorted form to be used
    writes = [{"PutRequest": {"Item": {"SessionId": {"S": "all"}, "Timestamp": {"N": str(n)}, "UserEmail": {"S": "all"}}}}
              for n in added]
    writes += [{"DeleteRequest": {"Key": {"SessionId": {"S": "all"}, "Timestamp": {"N": str(n)}}}} for n in removed - added]
    for start in range(0, len(writes), 25):
        client.batch_write_item(RequestItems={"numbers": writes[start:start + 25]})
    stored.difference_update(removed - added)
    stored.update(added)
    expected = sorted((n for n in stored if _holds(n, *condition)), reverse=not forward)
    assert _query(api, index, condition, forward, limit) == expected


@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("forward", [True, False])
def test_the_edges_of_a_range_count_as_the_operator_says(api: RunningApi, index: bool, forward: bool) -> None:
    client = api.client_of("dynamodb")
    for start in range(0, 100, 25):
        client.batch_write_item(RequestItems={"numbers": [{"PutRequest": {"Item": {
            "SessionId": {"S": "edges"}, "Timestamp": {"N": str(n)}, "UserEmail": {"S": "edges"}}}}
            for n in range(start, start + 25)]})
    for operator in ("=", "<", "<=", ">", ">="):
        for operand in ("0", "50", "50.0", "99", "-1", "100"):
            condition = (operator, (Decimal(operand),))
            expected = sorted((Decimal(n) for n in range(100) if _holds(Decimal(n), *condition)), reverse=not forward)
            assert _query(api, index, condition, forward, 30, "edges") == expected
    assert len(_query(api, index, ("between", (Decimal(10), Decimal(20))), forward, None, "edges")) == 11


def test_names_are_found_by_their_beginning(api: RunningApi) -> None:
    client = api.client_of("dynamodb")
    names = [f"{letter}{number:02}" for letter in "abéz" for number in range(20)]
    for name in names:
        client.put_item(TableName="names", Item={"SessionId": {"S": "s"}, "Timestamp": {"S": name}, "UserEmail": {"S": "u"}})
    for prefix in ("a", "a1", "é", "é19", "zz", "b0"):
        for index, key in ((None, "SessionId"), ("UserEmailIndex", "UserEmail")):
            found = client.query(
                TableName="names", **({"IndexName": index} if index else {}),
                KeyConditionExpression=f"{key} = :k AND begins_with(#t, :p)", ExpressionAttributeNames={"#t": "Timestamp"},
                ExpressionAttributeValues={":k": {"S": "s" if index is None else "u"}, ":p": {"S": prefix}})
            assert [item["Timestamp"]["S"] for item in found["Items"]] == [n for n in names if n.startswith(prefix)]


def test_a_filter_and_a_projection_apply_after_the_page_is_read(api: RunningApi) -> None:
    client = api.client_of("dynamodb")
    for number in range(60):
        client.put_item(TableName="names", Item={
            "SessionId": {"S": "filtered"}, "Timestamp": {"S": f"{number:03}"}, "even": {"BOOL": number % 2 == 0}})
    page = client.query(TableName="names", Limit=10, KeyConditionExpression="SessionId = :s", FilterExpression="even = :t",
                        ProjectionExpression="#t", ExpressionAttributeNames={"#t": "Timestamp"},
                        ExpressionAttributeValues={":s": {"S": "filtered"}, ":t": {"BOOL": True}})
    assert (page["Count"], page["ScannedCount"]) == (5, 10)
    assert page["Items"][0] == {"Timestamp": {"S": "000"}}
    counted = client.query(TableName="names", Select="COUNT", KeyConditionExpression="SessionId = :s",
                           ExpressionAttributeValues={":s": {"S": "filtered"}})
    assert counted["Count"] == 60


@pytest.mark.requirement("OM-B07")
def test_a_session_of_many_rows_uploads_and_is_read_in_pages_of_1_mb(api: RunningApi) -> None:
    client = api.client_of("dynamodb")
    rows = 15_000
    for start in range(0, rows, 25):
        client.batch_write_item(RequestItems={"names": [{"PutRequest": {"Item": {
            "SessionId": {"S": "long"}, "Timestamp": {"S": f"{number:08}"}, "UserEmail": {"S": "long@example.com"},
            **{f"axis{axis}": {"N": f"{number}.{axis}"} for axis in range(6)}}}} for number in range(start, start + 25)]})

    def page(**more: Any) -> dict[str, Any]:
        return client.query(TableName="names", KeyConditionExpression="SessionId = :s",
                            ExpressionAttributeValues={":s": {"S": "long"}}, **more)

    def best(**more: Any) -> float:
        """Seconds of the quickest of several, whatever else the machine does."""
        seconds: list[float] = []
        for _ in range(20):
            started = time.monotonic()
            assert page(**more)["Items"][0]["Timestamp"]["S"] == f"{rows - 1:08}"
            seconds.append(time.monotonic() - started)
        return min(seconds)

    # Ten rows are found without a look at the others: reading a page of 1 MB costs many times that.
    assert best(Limit=10, ScanIndexForward=False) * 4 < best(ScanIndexForward=False)
    read, pages, cursor = 0, 0, {}
    while True:
        answer = page(**cursor)
        read, pages = read + answer["Count"], pages + 1
        if "LastEvaluatedKey" not in answer:
            break
        cursor = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
    assert read == rows
    assert pages > 1
