"""The job contract: how a job is asked for, what its message holds and how its status row reads.

The status table has one row a session. It is written before the message is sent, with a condition, so that
the same request twice gives one job. A row that nobody has touched for `JOB_STALE_SECONDS` (its message
expired, or its worker was killed three times) is sent again under the same job id when its user asks again.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from dataclasses import asdict, dataclass
from typing import Any

from . import profiles, raw, timestamps
from .attributes import decode_item, encode_item
from .clients import dynamodb, sqs
from .errors import RequestError, aws_code, session_not_found
from .fields import SESSION_ID
from .logs import log_exception

PENDING, PROCESSING, COMPLETED, FAILED = "pending", "processing", "completed", "failed"
STATUSES = (PENDING, PROCESSING, COMPLETED, FAILED)
VERSION = 1


@dataclass(frozen=True, slots=True)
class Tables:
    """Where a job is looked up and noted down: names of tables and the queue's address."""

    raw: str
    profiles: str
    status: str
    queue_url: str


@dataclass(frozen=True, slots=True)
class Job:
    """The body of a message.

    Example:
        >>> Job.from_json(Job("j", "s", "a@b", 0).to_json())
        Job(job_id='j', session_id='s', user_email='a@b', requested_at=0, version=1)
    """

    job_id: str
    session_id: str
    user_email: str
    requested_at: int
    version: int = VERSION

    def to_json(self) -> str:
        """The message body."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, body: str) -> Job:
        """The job of a message body; raises ValueError that says which field is wrong."""
        try:
            fields = json.loads(body)
        except (ValueError, RecursionError):
            raise ValueError("the message is not JSON") from None
        if not isinstance(fields, dict):
            raise ValueError("the message is not a JSON object")
        for name in ("job_id", "session_id", "user_email"):
            if not isinstance(fields.get(name), str) or not fields[name]:
                raise ValueError(f"the message has no {name}")
        if not SESSION_ID.fullmatch(fields["session_id"]):
            raise ValueError("the message's session_id cannot be one of ours")
        if fields.get("version", VERSION) != VERSION:
            raise ValueError(f"the message has a version other than {VERSION}")
        requested_at = fields.get("requested_at", 0)
        if (
            isinstance(requested_at, bool)
            or not isinstance(requested_at, int)
            or not 0 <= requested_at < 10**13
        ):
            raise ValueError("the message's requested_at is not a time in milliseconds")
        return cls(fields["job_id"], fields["session_id"], fields["user_email"], requested_at)


def now() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1000)


def request_job(
    tables: Tables, session_id: str, user_email: str, *, force: bool = False
) -> tuple[int, dict[str, Any]]:
    """Start the estimate of a session, once.

    Args:
        force: also start it when it is completed.

    Returns:
        The HTTP status and the body: 202 with the new or the running job, 200 when it is completed already.

    Raises:
        RequestError: 404 for a session that is not the caller's, 409 without samples or profile, 503 when the
        queue
            does not take the message.
    """
    head = raw.head(tables.raw, session_id)
    if head is None or head.owner != user_email:
        raise session_not_found()
    if not head.has_samples:
        message = "The session has no samples. Upload them with save-raw-sensor-data first."
        raise RequestError(409, "no_samples", message, field="session_id")
    profiles.complete(tables.profiles, user_email)
    job = Job(str(uuid.uuid4()), session_id, user_email, now())
    row = _create(tables.status, job, force=force)
    if row is not None:
        if not _renew(tables.status, row, job.requested_at):
            return (200 if row["Status"] == COMPLETED else 202), _brief(row)
        job = Job(row["JobId"], session_id, user_email, int(row["CreatedAt"]))
    try:
        sqs().send_message(QueueUrl=tables.queue_url, MessageBody=job.to_json())
    except Exception as error:
        _give_up(tables.status, job)
        log_exception("job_not_queued", error, job_id=job.job_id)
        if aws_code(error) in ("AccessDenied", "AccessDeniedException"):
            raise
        message = "The queue does not take jobs at the moment. Send the same request again."
        raise RequestError(503, "queue_unavailable", message, retry_after=5) from error
    return 202, {"job_id": job.job_id, "session_id": session_id, "status": PENDING}


def read_row(table: str, session_id: str) -> dict[str, Any] | None:
    """The status row of a session as plain values, None when no job was ever asked for."""
    answer = dynamodb().get_item(TableName=table, Key={"SessionId": {"S": session_id}}, ConsistentRead=True)
    item = answer.get("Item")
    return None if item is None else decode_item(item)


def view(row: dict[str, Any]) -> dict[str, Any]:
    """The answer for a status row: status, progress (0 to 100), times (ISO-8601), error text."""

    def moment(name: str) -> str | None:
        return timestamps.iso(row[name]) if row.get(name) else None

    return {
        "session_id": row["SessionId"],
        "job_id": row["JobId"],
        "status": row["Status"],
        "progress": row.get("Progress", 0),
        "created_at": moment("CreatedAt"),
        "updated_at": moment("UpdatedAt"),
        "started_at": moment("StartedAt"),
        "completed_at": moment("CompletedAt"),
        "attempts": row.get("Attempts", 0),
        "error": row.get("Error"),
        "will_retry": row.get("WillRetry", False),
    }


def _create(table: str, job: Job, *, force: bool) -> dict[str, Any] | None:
    """Write the row of a new job; where one stands in the way, return that one instead."""
    again = ":failed, :completed" if force else ":failed"
    values = {
        "SessionId": job.session_id,
        "UserEmail": job.user_email,
        "JobId": job.job_id,
        "Status": PENDING,
        "Progress": 0,
        "CreatedAt": job.requested_at,
        "UpdatedAt": job.requested_at,
    }
    replaced = {":failed": {"S": FAILED}} | ({":completed": {"S": COMPLETED}} if force else {})
    try:
        dynamodb().put_item(
            TableName=table,
            Item=encode_item(values),
            ConditionExpression=f"attribute_not_exists(SessionId) OR #s IN ({again})",
            ExpressionAttributeNames={"#s": "Status"},
            ExpressionAttributeValues=replaced,
        )
    except Exception as error:
        if aws_code(error) != "ConditionalCheckFailedException":
            raise
    else:
        return None
    row = read_row(table, job.session_id)
    if row is None:
        raise RequestError(
            503, "busy", "The session changes just now. Send the same request again.", retry_after=1
        )
    return row


def _renew(table: str, row: dict[str, Any], moment: int) -> bool:
    """Whether a row that stands still was taken by this request, to be sent again."""
    stale = moment - 1000 * int(os.environ.get("JOB_STALE_SECONDS", "1800"))
    if row["Status"] not in (PENDING, PROCESSING) or row["UpdatedAt"] >= stale:
        return False
    try:
        dynamodb().update_item(
            TableName=table,
            Key={"SessionId": {"S": row["SessionId"]}},
            UpdateExpression="SET UpdatedAt = :now",
            ConditionExpression="JobId = :job AND UpdatedAt < :stale",
            ExpressionAttributeValues={
                ":now": {"N": str(moment)},
                ":job": {"S": row["JobId"]},
                ":stale": {"N": str(stale)},
            },
        )
    except Exception as error:
        if aws_code(error) != "ConditionalCheckFailedException":
            raise
        return False
    return True


def _give_up(table: str, job: Job) -> None:
    """Let the user's next request try again at once."""
    try:
        dynamodb().update_item(
            TableName=table,
            Key={"SessionId": {"S": job.session_id}},
            UpdateExpression="SET #s = :failed, #e = :why, UpdatedAt = :now",
            ConditionExpression="JobId = :job AND #s = :pending",
            ExpressionAttributeNames={"#s": "Status", "#e": "Error"},
            ExpressionAttributeValues={
                ":failed": {"S": FAILED},
                ":pending": {"S": PENDING},
                ":why": {"S": "the job could not be queued"},
                ":now": {"N": str(now())},
                ":job": {"S": job.job_id},
            },
        )
    except Exception as error:
        # Then the row becomes stale, and the same request works after JOB_STALE_SECONDS.
        log_exception("job_row_left_pending", error, job_id=job.job_id)


def _brief(row: dict[str, Any]) -> dict[str, Any]:
    return {"job_id": row["JobId"], "session_id": row["SessionId"], "status": row["Status"]}
