"""One job: samples and profile in, windows and a summary out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from shared import batches, jobs, profiles, raw, results, timestamps
from shared.clients import dynamodb
from shared.errors import RequestError
from shared.jobs import Job

from . import recordings
from .recordings import UnusableSession
from .settings import Settings

# Shares of the progress bar: reading, estimating, writing.
READ_END, ESTIMATE_END, WRITE_END = 15, 85, 99
PROGRESS_SECONDS = 0.5
WRITE_SECONDS = 600.0


class Progress:
    """Report percent to `write`, rising, and at most every half second.

    Args:
        write: takes 0 to 100; its exceptions end the job.
        check: called every time, also when nothing is written: raises when the job must end.
    """

    def __init__(self, write: Callable[[int], None], check: Callable[[], None]) -> None:
        self._write = write
        self._check = check
        self._last = 0
        self._next = 0.0

    def __call__(self, percent: float) -> None:
        self._check()
        whole = min(WRITE_END, int(percent))
        now = time.monotonic()
        if whole > self._last and now >= self._next:
            self._write(whole)
            self._last = whole
            self._next = now + PROGRESS_SECONDS


def run(settings: Settings, job: Job, progress: Progress) -> dict[str, Any]:
    """Estimate a session and store the result; returns the totals.

    Windows come first and the summary last, so a reader sees all or nothing of a run. Every key comes from
    the job and its samples: the same job again, after a worker's death, replaces what was written before.

    Raises:
        UnusableSession: with the reason for the user; a repeat gives the same.
    """
    head = raw.head(settings.tables.raw, job.session_id)
    if head is None or head.owner != job.user_email:
        raise UnusableSession("there are no samples of this user under the session's id")
    try:
        person = profiles.complete(settings.tables.profiles, job.user_email)
    except RequestError as error:
        raise UnusableSession(error.message) from None
    recording = recordings.read(
        settings.tables.raw,
        job.session_id,
        # How many there are is not known before the end: ever slower towards the share of reading.
        lambda count: progress(READ_END * count / (count + 20_000)),
        max_samples=settings.max_samples,
    )
    estimate = _estimate(person, recording, progress)
    windows = [_window_values(window) for window in estimate.windows]
    items = [results.window_item(job.session_id, job.job_id, values) for values in windows]
    spread = WRITE_END - ESTIMATE_END
    batches.put_items(
        settings.results_table,
        items,
        seconds=WRITE_SECONDS,
        stored=lambda count: progress(ESTIMATE_END + spread * count / len(items)),
    )
    totals = {
        "start": float(recording.time[0]),
        "end": float(recording.time[-1]),
        "duration_seconds": float(estimate.duration_seconds),
        "kilocalories": float(estimate.kilocalories),
        "mean_watts": float(estimate.mean_watts),
        "peak_watts": float(estimate.peak_watts),
        "active_minutes": float(estimate.active_minutes),
        "windows": len(windows),
        "samples": len(recording.time),
    }
    # The last moment to notice that another worker has the job: after this the result is seen.
    progress(WRITE_END)
    summary = results.summary_item(
        job.session_id,
        job.user_email,
        job.job_id,
        _recorded_at(recording, head, job),
        {**totals, "completed_at": jobs.now()},
    )
    dynamodb().put_item(TableName=settings.results_table, Item=summary)
    _remove_older_runs(settings.results_table, job, summary["Timestamp"]["S"])
    return totals


def _estimate(person: dict[str, Any], recording: recordings.Recording, progress: Progress) -> Any:
    # Late, because it loads the model and its libraries.
    from . import estimation

    share = ESTIMATE_END - READ_END
    try:
        return estimation.estimate(
            estimation.Samples(
                time=recording.time, gyroscope=recording.gyroscope, accelerometer=recording.accelerometer
            ),
            estimation.Profile(
                age=float(person["age"]),
                weight=float(person["weight"]),
                height=float(person["height"]) / 100.0,
                sex=profiles.sex(person),
            ),
            progress=lambda part: progress(READ_END + share * part),
        )
    except ValueError as error:
        # The model says so of samples and profiles that it cannot use.
        raise UnusableSession(f"the samples cannot be used: {error}") from error


def _window_values(window: Any) -> dict[str, Any]:
    return {
        "start": float(window.start),
        "end": float(window.end),
        "watts": float(window.watts),
        "kilocalories": float(window.kilocalories),
        "activity": str(window.activity),
        "gait_cycles": int(window.gait_cycles),
    }


def _recorded_at(recording: recordings.Recording, head: raw.SessionHead, job: Job) -> int:
    """When the session was recorded, ms since 1970: by its samples, or by its first upload if they count
    otherwise."""
    first = round(float(recording.time[0]) * 1000)
    if first >= timestamps.WALL_CLOCK // 1000:
        return first
    return head.created_at or job.requested_at


def _remove_older_runs(table: str, job: Job, summary_key: str) -> None:
    """Delete windows of other runs and summaries under other keys, now that no reader looks for them."""
    ending = f"#{results.run_of(job.job_id)}"
    keys = (
        key
        for key in _keys(table, job.session_id)
        if not key["Timestamp"]["S"].endswith(ending) and key["Timestamp"]["S"] != summary_key
    )
    batches.delete_keys(table, list(keys), seconds=WRITE_SECONDS)


def _keys(table: str, session_id: str) -> Iterator[dict[str, Any]]:
    query: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": "SessionId = :s",
        "ExpressionAttributeNames": {"#t": "Timestamp"},
        "ExpressionAttributeValues": {":s": {"S": session_id}},
        "ProjectionExpression": "SessionId, #t",
        "ConsistentRead": True,
    }
    while True:
        answer = dynamodb().query(**query)
        yield from answer["Items"]
        if not answer.get("LastEvaluatedKey"):
            return
        query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
