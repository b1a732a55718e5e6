"""Jobs that failed three times: `python -m services.energy.dead_letters list|redrive [--json]`.

`list` shows each message with the error of its session's status row and leaves it where it is. `redrive`
sends the messages back to the job queue: first sent, then deleted, so that none is lost; one that is sent
twice runs once. Needs DEAD_LETTER_QUEUE_URL, and QUEUE_URL for redrive; with STATUS_TABLE the errors are
shown.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from shared import jobs
from shared.clients import sqs
from shared.errors import from_exception
from shared.jobs import Job

# Long enough to look at a queue of thousands; a listed message is given back at the end anyway.
LOOK_SECONDS = 120


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message of the dead-letter queue; `error` by its status row, or why it is not a job at all."""

    message_id: str
    receipt: str
    body: str
    receives: int
    session_id: str | None
    job_id: str | None
    status: str | None
    error: str | None


def list_letters(queue_url: str, status_table: str | None = None, *, limit: int = 1000) -> list[DeadLetter]:
    """The messages of the dead-letter queue, visible again afterwards.

    Args:
        status_table: where errors are looked up; without it the error is None.
        limit: how many at most.
    """
    letters = [_describe(message, status_table) for message in _receive(queue_url, limit)]
    for letter in letters:
        sqs().change_message_visibility(QueueUrl=queue_url, ReceiptHandle=letter.receipt, VisibilityTimeout=0)
    return letters


def redrive(
    queue_url: str,
    target_url: str,
    *,
    session_id: str | None = None,
    wanted: Callable[[str], bool] | None = None,
) -> int:
    """Move messages back to the job queue and return how many.

    Args:
        session_id: only the jobs of this session.
        wanted: only messages for whose body this is true.
    """
    moved = 0
    for message in list(_receive(queue_url, 10_000)):
        body = message["Body"]
        chosen = (session_id is None or _session_of(body) == session_id) and (wanted is None or wanted(body))
        if chosen:
            sqs().send_message(QueueUrl=target_url, MessageBody=body)
            sqs().delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
            moved += 1
        else:
            sqs().change_message_visibility(
                QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
    return moved


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; exit code 2 when the environment cannot be used, 1 when a queue cannot be reached."""
    parser = argparse.ArgumentParser(prog="python -m services.energy.dead_letters", description=__doc__)
    parser.add_argument("command", choices=("list", "redrive"))
    parser.add_argument("--session", help="redrive the jobs of this session only")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    needed = (
        ("DEAD_LETTER_QUEUE_URL",) if options.command == "list" else ("DEAD_LETTER_QUEUE_URL", "QUEUE_URL")
    )
    absent = [name for name in needed if not os.environ.get(name)]
    if absent:
        print(f"error: set {' and '.join(absent)}", file=sys.stderr)
        return 2
    queue_url = os.environ["DEAD_LETTER_QUEUE_URL"]
    try:
        if options.command == "list":
            _print_list(list_letters(queue_url, os.environ.get("STATUS_TABLE")), as_json=options.json)
        else:
            moved = redrive(queue_url, os.environ["QUEUE_URL"], session_id=options.session)
            print(json.dumps({"redriven": moved}) if options.json else f"{moved} moved back to the job queue")
    except Exception as error:
        print(f"error: {from_exception(error).message} ({type(error).__name__})", file=sys.stderr)
        return 1
    return 0


def _print_list(letters: list[DeadLetter], *, as_json: bool) -> None:
    if as_json:
        shown = [
            {name: value for name, value in asdict(letter).items() if name != "receipt"} for letter in letters
        ]
        print(json.dumps(shown, indent=2))
        return
    for letter in letters:
        print(f"{letter.message_id}  session {letter.session_id or '-'}  {letter.error or 'no error noted'}")
    print(f"{len(letters)} in the dead-letter queue")


def _receive(queue_url: str, limit: int) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    while len(seen) < limit:
        answer = sqs().receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=min(10, limit - len(seen)),
            WaitTimeSeconds=1,
            VisibilityTimeout=LOOK_SECONDS,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        new = [message for message in answer.get("Messages", []) if message["MessageId"] not in seen]
        if not new:
            return
        seen.update(message["MessageId"] for message in new)
        yield from new


def _describe(message: dict[str, Any], status_table: str | None) -> DeadLetter:
    session_id = job_id = status = error = None
    try:
        job = Job.from_json(message["Body"])
    except ValueError as problem:
        error = str(problem)
    else:
        session_id, job_id = job.session_id, job.job_id
        row = jobs.read_row(status_table, session_id) if status_table else None
        if row is not None:
            status, error = row["Status"], row.get("Error")
    receives = int(message.get("Attributes", {}).get("ApproximateReceiveCount", "0"))
    return DeadLetter(
        message["MessageId"],
        message["ReceiptHandle"],
        message["Body"],
        receives,
        session_id,
        job_id,
        status,
        error,
    )


def _session_of(body: str) -> str | None:
    try:
        return Job.from_json(body).session_id
    except ValueError:
        return None


if __name__ == "__main__":
    sys.exit(main())
