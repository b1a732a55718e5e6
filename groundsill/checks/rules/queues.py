"""Queues: are messages handled once, and is none lost unseen?"""

from __future__ import annotations

from groundsill.checks.context import Context
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.graph.reference import Reference
from groundsill.graph.resource import Resource

RULES = Ruleset(Family.RUNS)


@RULES.rule(
    "queue-visibility-below-function-timeout", Severity.HIGH,
    "a queue shows a message again while the function is still working on it",
    types=("aws_lambda_event_source_mapping",),
    rationale="A message is hidden for the visibility timeout only; if the function may run longer, another invocation takes "
              "the same message. Lambda refuses such a mapping (\"Queue visibility timeout is less than Function timeout\"), "
              "and recommends six times the function's timeout (\"Using Lambda with Amazon SQS\").",
    mend="set visibility_timeout_seconds to six times the function's timeout",
    example="visibility_timeout_seconds = 30 on the queue, timeout = 60 on the function that it invokes",
)
def visibility(context: Context, mapping: Resource) -> Found:
    view = context.view
    queue, function = view.target(mapping, "event_source_arn"), view.target(mapping, "function_name")
    if queue is None or function is None or queue.type != "aws_sqs_queue" or function.type != "aws_lambda_function":
        return
    visible = view.get(queue, "visibility_timeout_seconds", default=30)
    timeout = view.get(function, "timeout", default=3)
    if isinstance(visible, Reference) or not isinstance(visible, int) or not isinstance(timeout, int):
        yield Finding(queue, "the visibility or the function's timeout is not known", unknown=True)
    elif visible < timeout:
        yield Finding(queue, f"visibility is {visible} s, and {function.address} runs up to {timeout} s",
                      f"set visibility_timeout_seconds to {6 * timeout}", "visibility_timeout_seconds", related=(function,))
    elif visible < 6 * timeout:
        yield Finding(queue, f"visibility is {visible} s, less than six times the {timeout} s of {function.address}",
                      f"set visibility_timeout_seconds to {6 * timeout}", "visibility_timeout_seconds", Severity.LOW,
                      (function,))
