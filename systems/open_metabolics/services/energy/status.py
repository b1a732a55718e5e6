"""The worker's side of a status row: claim, renew, report, complete, fail, release.

Every write after the claim holds only while the row still names this job and this worker: a worker that lost
its lease can no longer change what its successor wrote.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared import jobs
from shared.attributes import encode
from shared.clients import dynamodb
from shared.errors import aws_code
from shared.jobs import COMPLETED, FAILED, PENDING, PROCESSING, Job

# Of an error text that a user may read.
MAX_ERROR = 500
# Two machines' clocks and the queue's.
CLOCK_MARGIN_MILLISECONDS = 1000


class LeaseLost(Exception):
    """Another worker has the job now."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What became of the attempt to take a job.

    Args:
        outcome: `taken`, `done` (completed, or replaced by a newer job) or `held` (another worker has it).
        free_in: milliseconds until the other worker's lease ends.
    """

    outcome: str
    free_in: int = 0


class StatusRow:
    """The status row of one job, written by one worker.

    Args:
        table: name of the status table.
        job: the job.
        worker_id: of this process, to tell workers apart.
    """

    def __init__(self, table: str, job: Job, worker_id: str) -> None:
        self._table = table
        self._job = job
        self._worker_id = worker_id

    def claim(self, lease_until: int, attempt: int) -> Claim:
        """Take the job: pending or failed, or held under a lease that has ended.

        Args:
            lease_until: end of the lease, ms since 1970.
            attempt: how often the queue has delivered the message.
        """
        moment = jobs.now()
        try:
            self._update(
                "SET #s = :processing, JobId = :job, UserEmail = :email, Progress = :zero, "
                "WorkerId = :worker, LeaseUntil = :lease, Attempts = :attempt, "
                "StartedAt = :now, UpdatedAt = :now, CreatedAt = if_not_exists(CreatedAt, :asked) "
                "REMOVE #e, WillRetry, CompletedAt",
                "attribute_not_exists(SessionId) OR (JobId = :job AND (#s IN (:pending, :failed) OR "
                "(#s = :processing AND LeaseUntil < :free)))",
                {
                    ":processing": PROCESSING,
                    ":pending": PENDING,
                    ":failed": FAILED,
                    ":job": self._job.job_id,
                    ":email": self._job.user_email,
                    ":zero": 0,
                    ":worker": self._worker_id,
                    ":lease": lease_until,
                    ":attempt": attempt,
                    ":now": moment,
                    ":asked": self._job.requested_at or moment,
                    ":free": moment + CLOCK_MARGIN_MILLISECONDS,
                },
            )
        except LeaseLost:
            row = jobs.read_row(self._table, self._job.session_id)
            if row is None:
                return Claim("held", 1000)
            if row["JobId"] != self._job.job_id or row["Status"] == COMPLETED:
                return Claim("done")
            return Claim("held", max(1000, row.get("LeaseUntil", 0) - moment))
        return Claim("taken")

    def renew(self, lease_until: int) -> None:
        """Note a longer lease; raises `LeaseLost`."""
        self._update_mine("SET LeaseUntil = :lease, UpdatedAt = :now", {":lease": lease_until})

    def progress(self, percent: int) -> None:
        """Note the progress, 0 to 100; raises `LeaseLost`."""
        self._update_mine("SET Progress = :percent, UpdatedAt = :now", {":percent": percent})

    def complete(self) -> None:
        """The last write of a job that succeeded; raises `LeaseLost`."""
        self._update_mine(
            "SET #s = :completed, Progress = :percent, CompletedAt = :now, UpdatedAt = :now "
            "REMOVE LeaseUntil, WorkerId, #e, WillRetry",
            {":completed": COMPLETED, ":percent": 100},
        )

    def fail(self, reason: str, *, will_retry: bool) -> None:
        """The last write of an attempt that failed, with the reason a user reads; raises `LeaseLost`."""
        self._update_mine(
            "SET #s = :failed, #e = :why, WillRetry = :again, UpdatedAt = :now REMOVE LeaseUntil, WorkerId",
            {":failed": FAILED, ":why": reason[:MAX_ERROR], ":again": will_retry},
        )

    def release(self) -> None:
        """Give the job back untouched, because this worker stops; raises `LeaseLost`."""
        self._update_mine(
            "SET #s = :pending, Progress = :zero, UpdatedAt = :now REMOVE LeaseUntil, WorkerId",
            {":pending": PENDING, ":zero": 0},
        )

    def _update_mine(self, update: str, values: dict[str, Any]) -> None:
        mine = {":job": self._job.job_id, ":worker": self._worker_id, ":now": jobs.now()}
        self._update(update, "JobId = :job AND WorkerId = :worker", {**values, **mine})

    def _update(self, update: str, condition: str, values: dict[str, Any]) -> None:
        names = {"#s": "Status", "#e": "Error"}
        request: dict[str, Any] = {
            "TableName": self._table,
            "Key": {"SessionId": {"S": self._job.session_id}},
            "UpdateExpression": update,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": {name: encode(value) for name, value in values.items()},
        }
        # DynamoDB refuses a name that no expression uses.
        used = {name: word for name, word in names.items() if name in update or name in condition}
        if used:
            request["ExpressionAttributeNames"] = used
        try:
            dynamodb().update_item(**request)
        except Exception as error:
            if aws_code(error) != "ConditionalCheckFailedException":
                raise
            raise LeaseLost(self._job.job_id) from None
