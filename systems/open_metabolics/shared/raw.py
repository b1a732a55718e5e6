"""The raw-sensor table: one item a sample, or one item a chunk of samples, and one item that says whose
session it is.

| item  | `Timestamp`               | further attributes                                                   |
|-------|---------------------------|----------------------------------------------------------------------|
| owner | `#owner`                  | `Owner` (e-mail), `CreatedAt` (ms since 1970)                        |
| row   | time of the sample        | `UserEmail`, one number a sensor column                              |
| chunk | `<first time>#<count>`    | `UserEmail`, `EndTimestamp`, `Count`, `Columns`, `Samples` (binary)  |

`#` sorts before every digit, so a query from "0" on sees samples only. The owner item has no `UserEmail` and
so is not in the index. It is written with a condition before any sample: of two users who use one session id
at the same moment exactly one gets it. A chunk's key holds its length, so that a shorter one never replaces a
longer.

`Samples` holds `Count` little-endian 64-bit times in microseconds, then for each column of `Columns` its
`Count` little-endian 32-bit floats (the precision of a phone's sensors).
"""

from __future__ import annotations

import sys
import time
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from . import timestamps
from .attributes import number
from .clients import dynamodb
from .errors import RequestError, aws_code

OWNER_KEY = "#owner"
# The first string that can be the time of a sample.
FIRST_TIME = "0"
GYROSCOPE = ("Gyroscope_X", "Gyroscope_Y", "Gyroscope_Z")
ACCELEROMETER = ("Accelerometer_X", "Accelerometer_Y", "Accelerometer_Z")
COLUMNS = (*ACCELEROMETER, *GYROSCOPE)


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples in time order: `times` in microseconds, `values` one array of floats a column."""

    columns: tuple[str, ...]
    times: array[int]
    values: tuple[array[float], ...]

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True, slots=True)
class SessionHead:
    """Whose session it is, since when (ms since 1970, None for data older than owner items), and if it has
    samples."""

    owner: str
    created_at: int | None
    has_samples: bool


def claim(table: str, session_id: str, user_email: str) -> None:
    """Make the session this user's, or confirm that it is.

    Raises:
        RequestError: 403 `session_taken` when it is another user's.
    """
    try:
        dynamodb().update_item(
            TableName=table,
            Key={"SessionId": {"S": session_id}, "Timestamp": {"S": OWNER_KEY}},
            UpdateExpression="SET #o = :me, CreatedAt = if_not_exists(CreatedAt, :now)",
            ConditionExpression="attribute_not_exists(#o) OR #o = :me",
            ExpressionAttributeNames={"#o": "Owner"},
            ExpressionAttributeValues={":me": {"S": user_email}, ":now": {"N": str(int(time.time() * 1000))}},
        )
    except Exception as error:
        if aws_code(error) != "ConditionalCheckFailedException":
            raise
        message = "This session id cannot be used by you. Start a session with a new id."
        raise RequestError(403, "session_taken", message, field="session_id") from None


def head(table: str, session_id: str) -> SessionHead | None:
    """The owner of a session and whether it has samples, by one query; None when there is no such session."""
    answer = dynamodb().query(
        TableName=table,
        KeyConditionExpression="SessionId = :s",
        ExpressionAttributeValues={":s": {"S": session_id}},
        ExpressionAttributeNames={"#t": "Timestamp", "#o": "Owner"},
        ProjectionExpression="#t, #o, UserEmail, CreatedAt",
        Limit=2,
        ConsistentRead=True,
    )
    items = answer["Items"]
    if not items:
        return None
    first = items[0]
    if first["Timestamp"]["S"] == OWNER_KEY:
        return SessionHead(first["Owner"]["S"], int(first["CreatedAt"]["N"]), len(items) > 1)
    return SessionHead(first.get("UserEmail", {}).get("S", ""), None, True)


def row_items(samples: Samples, session_id: str, user_email: str) -> Iterator[dict[str, Any]]:
    """One item a sample."""
    session, email = {"S": session_id}, {"S": user_email}
    for index, moment in enumerate(samples.times):
        item: dict[str, Any] = {
            "SessionId": session,
            "Timestamp": {"S": timestamps.format_key(moment)},
            "UserEmail": email,
        }
        for column, values in zip(samples.columns, samples.values, strict=True):
            item[column] = number(values[index])
        yield item


def chunk_items(samples: Samples, session_id: str, user_email: str, size: int) -> Iterator[dict[str, Any]]:
    """One item for each `size` samples."""
    columns = {"L": [{"S": column} for column in samples.columns]}
    for start in range(0, len(samples), size):
        times = samples.times[start : start + size]
        values = [array("f", column[start : start + size]) for column in samples.values]
        yield {
            "SessionId": {"S": session_id},
            "Timestamp": {"S": f"{timestamps.format_key(times[0])}#{len(times):03d}"},
            "UserEmail": {"S": user_email},
            "EndTimestamp": {"S": timestamps.format_key(times[-1])},
            "Count": {"N": str(len(times))},
            "Columns": columns,
            "Samples": {"B": b"".join(_little_endian(part) for part in (times, *values))},
        }


def decode(item: dict[str, Any]) -> Samples:
    """The samples of one row item or one chunk item; raises ValueError for an item of neither form."""
    if "Samples" not in item:
        columns = tuple(column for column in COLUMNS if column in item)
        times = array("q", [timestamps.parse_key(item["Timestamp"]["S"])])
        return Samples(columns, times, tuple(array("d", [float(item[column]["N"])]) for column in columns))
    columns = tuple(column["S"] for column in item["Columns"]["L"])
    count, packed = int(item["Count"]["N"]), item["Samples"]["B"]
    if len(packed) != count * (8 + 4 * len(columns)):
        raise ValueError("a chunk of samples has the wrong length")
    times = _from_little_endian("q", packed[: count * 8])
    parts = (packed[count * (8 + 4 * n) : count * (12 + 4 * n)] for n in range(len(columns)))
    return Samples(columns, times, tuple(_from_little_endian("f", part) for part in parts))


def pages(table: str, session_id: str) -> Iterator[Sequence[dict[str, Any]]]:
    """The sample items of a session in key order, a page of at most 1 MB at a time, strongly consistent."""
    request: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": "SessionId = :s AND #t >= :first",
        "ExpressionAttributeNames": {"#t": "Timestamp"},
        "ExpressionAttributeValues": {":s": {"S": session_id}, ":first": {"S": FIRST_TIME}},
        "ConsistentRead": True,
    }
    while True:
        answer = dynamodb().query(**request)
        yield answer["Items"]
        if not answer.get("LastEvaluatedKey"):
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _little_endian(values: array[Any]) -> bytes:
    if sys.byteorder == "big":
        values = array(values.typecode, values)
        values.byteswap()
    return values.tobytes()


def _from_little_endian(kind: str, packed: bytes) -> array[Any]:
    values: array[Any] = array(kind)
    values.frombytes(packed)
    if sys.byteorder == "big":
        values.byteswap()
    return values
