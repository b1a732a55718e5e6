"""The worker: take a job, run it, say how it went.

What becomes of a message:

- **success**: status `completed`, message deleted.
- **a session that cannot be used** (no samples, a sensor or the profile missing): status `failed` with the
  reason, message back at once; after three receives the queue moves it to the dead-letter queue for review.
- **an unexpected exception**: status `failed` with `will_retry`, message back after `JOB_RETRY_SECONDS` x
  receives.
- **not a job of ours** (no JSON, no session id): logged and back at once, so that it too ends in the
  dead-letter queue.
- **a job that is completed, or was replaced by a newer one**: deleted. SQS may deliver a message twice.
- **the worker dies**: nothing; the message is visible again when its lease ends.
- **the worker is asked to stop** (SIGTERM): it has `STOP_GRACE_SECONDS` to finish, then gives the job back.
  An idle one ends with its long poll (`POLL_SECONDS`): an abandoned poll could still be handed a message,
  which nobody would see until its visibility timeout. A second signal ends it at once.
"""

from __future__ import annotations

import os
import signal
import socket
import time
import uuid
from collections.abc import Callable
from types import FrameType
from typing import Any

from shared import jobs
from shared.clients import sqs
from shared.errors import aws_code
from shared.jobs import Job
from shared.logs import log, log_exception

from .lease import Lease, set_visibility
from .recordings import UnusableSession
from .run import Progress, run
from .settings import Settings
from .status import LeaseLost, StatusRow

# A message handed to a worker that dies in this very moment comes back after this time, not after a whole
# lease.
FIRST_LEASE_SECONDS = 30
# Between attempts while the queue cannot be reached.
MAX_PAUSE_SECONDS = 30.0


class Stopped(BaseException):
    """Nothing but waiting is under way, and the process shall end."""


class GaveBack(Exception):
    """SIGTERM came during a job and its grace is over."""


class Worker:
    """Take jobs one at a time until SIGTERM or SIGINT.

    Args:
        settings: of the role `worker`.
        run_job: does the work; replaced by tests.
    """

    def __init__(
        self, settings: Settings, run_job: Callable[[Settings, Job, Progress], dict[str, Any]] = run
    ) -> None:
        self._settings = settings
        self._run_job = run_job
        self._worker_id = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._queue_url = settings.tables.queue_url
        self._stop_at: float | None = None
        self._waiting = False

    def run(self) -> int:
        """Work until the process is asked to stop; returns the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        log("start", role="worker", worker_id=self._worker_id)
        pause = 1.0
        try:
            while self._stop_at is None:
                try:
                    message = self.receive()
                    pause = 1.0
                except Exception as error:
                    log_exception("receive_failed", error)
                    self._pause(pause)
                    pause = min(MAX_PAUSE_SECONDS, pause * 2)
                    continue
                if message is None:
                    continue
                if self._stop_at is not None:
                    self._give_back(message["ReceiptHandle"], 0)
                    break
                self.handle(message)
        except Stopped:
            pass
        log("stop", role="worker", worker_id=self._worker_id)
        return 0

    def handle(self, message: dict[str, Any]) -> None:
        """Do all that one message asks for; never raises for what is in it or for what the job does."""
        receipt, started = message["ReceiptHandle"], time.monotonic()
        receives = int(message.get("Attributes", {}).get("ApproximateReceiveCount", "1"))
        job_id = None
        try:
            try:
                job = Job.from_json(message["Body"])
            except ValueError as error:
                log("bad_message", level="error", message_id=message.get("MessageId"), reason=str(error))
                self._give_back(receipt, 0)
                return
            job_id = job.job_id
            outcome = self._take(job, receipt, receives)
            log(
                "job",
                job_id=job_id,
                outcome=outcome,
                attempt=receives,
                seconds=round(time.monotonic() - started, 3),
            )
        except Exception as error:
            # The tables or the queue cannot be reached: the message comes back by itself.
            log_exception("job_abandoned", error, job_id=job_id)

    def _take(self, job: Job, receipt: str, receives: int) -> str:
        seconds = self._settings.lease_seconds
        row = StatusRow(self._settings.tables.status, job, self._worker_id)
        lease_until = jobs.now() + int(seconds * 1000)
        set_visibility(self._queue_url, receipt, seconds)
        claim = row.claim(lease_until, receives)
        if claim.outcome == "done":
            self._delete(receipt)
            return "already_done"
        if claim.outcome == "held":
            self._give_back(receipt, claim.free_in / 1000)
            return "held_by_another"
        try:
            with Lease(self._queue_url, receipt, row, seconds) as lease:
                self._run_job(self._settings, job, Progress(row.progress, lambda: self._check(lease)))
            row.complete()
        except LeaseLost:
            return "lost"
        except GaveBack:
            row.release()
            self._give_back(receipt, 0)
            return "given_back"
        except UnusableSession as error:
            row.fail(str(error), will_retry=False)
            self._give_back(receipt, 0)
            return "failed"
        except Exception as error:
            log_exception("job_failed", error, job_id=job.job_id)
            again = receives < self._settings.max_receives
            row.fail(_reason(error), will_retry=again)
            self._give_back(receipt, self._settings.retry_seconds * receives if again else 0)
            return "failed"
        self._delete(receipt)
        return "completed"

    def _check(self, lease: Lease) -> None:
        if lease.lost:
            raise LeaseLost
        if self._stop_at is not None and time.monotonic() > self._stop_at + self._settings.stop_grace_seconds:
            raise GaveBack

    def receive(self) -> dict[str, Any] | None:
        """One long poll: a message, or None."""
        self._waiting = True
        try:
            answer = sqs().receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=1,
                WaitTimeSeconds=self._settings.poll_seconds,
                VisibilityTimeout=FIRST_LEASE_SECONDS,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        finally:
            self._waiting = False
        messages = answer.get("Messages", [])
        return messages[0] if messages else None

    def _pause(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._stop_at is None and time.monotonic() < deadline:
            time.sleep(0.1)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._stop_at is None:
            self._stop_at = time.monotonic()
        elif self._waiting:
            raise Stopped

    def _delete(self, receipt: str) -> None:
        sqs().delete_message(QueueUrl=self._queue_url, ReceiptHandle=receipt)

    def _give_back(self, receipt: str, seconds: float) -> None:
        set_visibility(self._queue_url, receipt, seconds)


def _reason(error: Exception) -> str:
    """What a user reads of an unexpected failure: its kind, never its text, which may quote data."""
    code = aws_code(error)
    return f"the estimate failed ({code or type(error).__name__})"
