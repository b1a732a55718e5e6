"""What calls a function by itself: messages of a queue, changes of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from groundsill import aws
from groundsill.components.queues import Queue
from groundsill.components.tables import Table
from groundsill.definition.component import Collecting, Mistake
from groundsill.definition.grant import Grant, Statement
from groundsill.graph.value import Value

if TYPE_CHECKING:
    from groundsill.components.functions import Function

# Lambda API: CreateEventSourceMapping.
_LARGEST_BATCH = 10_000
_LARGEST_WINDOW = 300
_FEWEST_CONCURRENT, _MOST_CONCURRENT = 2, 1000
_BATCH_WITHOUT_WINDOW = 10


class EventSource(Value, metaclass=Collecting):
    """A queue or a table's stream that a function reads in batches, with the rights that it needs to.

    A batch in which some messages failed is not repeated as a whole: the function answers ``batchItemFailures`` and only
    those come again.

    Arguments:
        source: a `Queue`, or a `Table` with ``stream=True``.
        batch: most messages or changes at once, default 10; a queue gives more only with a window.
        window: seconds to gather a batch, 0 (default) to 300.
        concurrency: most batches of a queue at once, 2 to 1,000; default no limit.
        retries: how often a stream's batch is tried again before it goes to the function's ``failures``, default 3.
            A queue counts with its own ``max_receives``.

    Example:
        ``Function("work", "functions.work:run", sources=[EventSource(jobs, batch=100, window=5)])``
    """

    __slots__ = ("source", "batch", "window", "concurrency", "retries")  # noqa: RUF023  in the constructor's order

    def __init__(
        self, source: Queue | Table, batch: int = 10, window: int = 0, concurrency: int | None = None, retries: int = 3,
    ) -> None:
        self.source: Final = source
        self.batch: Final = batch
        self.window: Final = window
        self.concurrency: Final = concurrency
        self.retries: Final = retries

    def grant(self) -> Grant:
        """What the function needs to read it."""
        if isinstance(self.source, Queue):
            grant = self.source.consume
            return Grant(grant.component, grant.verb, grant.statements)
        stream = self.source.resource["stream_arn"]
        # Listing streams names no resource: Service Authorization Reference, "Actions ... for Amazon DynamoDB".
        statements = [Statement(("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"), (stream,)),
                      Statement(("dynamodb:ListStreams",), ("*",))]
        if self.source.encryption:
            statements.append(self.source.encryption.read_statement())
        return Grant(self.source.name, "stream", tuple(statements))

    def check(self, function: Function) -> None:
        """Refuse what AWS would.

        Raises:
            Mistake: where the source cannot call the function.
        """
        if not 1 <= self.batch <= _LARGEST_BATCH:
            raise Mistake("GS1510", f"a batch has 1 to {_LARGEST_BATCH} members, not {self.batch}")
        if not 0 <= self.window <= _LARGEST_WINDOW:
            raise Mistake("GS1511", f"a batch is gathered for 0 to {_LARGEST_WINDOW} s, not {self.window} s")
        if isinstance(self.source, Table):
            if not self.source.resource.arguments.get("stream_enabled"):
                raise Mistake("GS1512", f"{self.source.subject} publishes no changes",
                              mend="give the table stream=True")
            return
        if self.batch > _BATCH_WITHOUT_WINDOW and not self.window:
            raise Mistake("GS1513", f"a queue gives more than {_BATCH_WITHOUT_WINDOW} messages only when they are gathered",
                          mend="give a window, for example window=1")
        if self.source.visibility < function.timeout:
            raise Mistake(
                "GS1514", f"{self.source.subject} gives a message to another reader after {self.source.visibility} s, while "
                f"the function may run {function.timeout} s", "Lambda refuses such a pair",
                f'give the queue a visibility of {6 * function.timeout} s, six times the timeout, as AWS recommends',
            )
        if self.concurrency is not None and not _FEWEST_CONCURRENT <= self.concurrency <= _MOST_CONCURRENT:
            raise Mistake("GS1515", f"batches at once are {_FEWEST_CONCURRENT} to {_MOST_CONCURRENT}, not {self.concurrency}")

    def attach(self, function: Function, target: Any, failures: Queue | None) -> None:
        """Make the source call the function.

        Arguments:
            function: the function.
            target: ARN of the function or of its alias.
            failures: the queue that is told of a stream's batches that failed for good.
        """
        name = function.terraform_name(self.source.name)
        # Lambda tries the function's rights on the source when the mapping is made.
        rights = [f"aws_iam_role_policy.{function.terraform_name()}"]
        if isinstance(self.source, Queue):
            aws.lambda_event_source_mapping(
                name, event_source_arn=self.source.arn, function_name=target, batch_size=self.batch,
                maximum_batching_window_in_seconds=self.window or None,
                function_response_types=["ReportBatchItemFailures"],
                scaling_config={"maximum_concurrency": self.concurrency} if self.concurrency else None,
                depends_on=rights,
            )
            return
        aws.lambda_event_source_mapping(
            name, event_source_arn=self.source.resource["stream_arn"], function_name=target, starting_position="LATEST",
            batch_size=self.batch, maximum_batching_window_in_seconds=self.window or None,
            function_response_types=["ReportBatchItemFailures"], bisect_batch_on_function_error=True,
            maximum_retry_attempts=self.retries,
            destination_config={"on_failure": {"destination_arn": failures.arn}} if failures else None,
            depends_on=rights,
        )
