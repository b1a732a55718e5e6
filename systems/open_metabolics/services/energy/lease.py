"""Keep a job while it is worked on: the queue's visibility timeout and the status row's lease, renewed
together.

The message stays hidden for one lease only. A worker that dies stops renewing, and the queue hands the job to
another one. Source: SQS Developer Guide "Amazon SQS visibility timeout" (a message stays hidden for 12 hours
at most).
"""

from __future__ import annotations

import math
import threading
from types import TracebackType

from shared import jobs
from shared.clients import sqs
from shared.errors import aws_code
from shared.logs import log_exception

from .status import LeaseLost, StatusRow

# Three chances to renew before a lease ends.
RENEWALS = 3


class Lease:
    """A background thread that renews the lease of one job until the `with` block ends.

    Args:
        queue_url: of the job queue.
        receipt: of the message.
        row: the job's status row.
        seconds: length of the lease.
    """

    def __init__(self, queue_url: str, receipt: str, row: StatusRow, seconds: float) -> None:
        self._queue_url = queue_url
        self._receipt = receipt
        self._row = row
        self._seconds = seconds
        self._ended = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    @property
    def lost(self) -> bool:
        """Whether another worker has, or may soon have, the job."""
        return self._lost.is_set()

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        # What follows decides about the message, and no renewal may come after it.
        self._thread.join()

    def _keep(self) -> None:
        failures = 0
        while not self._ended.wait(self._seconds / RENEWALS):
            lease_until = jobs.now() + int(self._seconds * 1000)
            try:
                set_visibility(self._queue_url, self._receipt, self._seconds)
                self._row.renew(lease_until)
                failures = 0
            except LeaseLost:
                self._lost.set()
                return
            except Exception as error:
                failures += 1
                log_exception("lease_not_renewed", error)
                # The queue says that the message is gone or visible again, or the lease has run out by now.
                if failures >= RENEWALS - 1 or _is_final(error):
                    self._lost.set()
                    return


def set_visibility(queue_url: str, receipt: str, seconds: float) -> None:
    """Hide the message for so long from now; 0 gives it back at once."""
    sqs().change_message_visibility(
        QueueUrl=queue_url, ReceiptHandle=receipt, VisibilityTimeout=min(43_200, math.ceil(seconds))
    )


def _is_final(error: Exception) -> bool:
    return "InvalidParameterValue" in (aws_code(error) or "") or "MessageNotInflight" in (
        aws_code(error) or ""
    )
