"""AWS X-Ray: traces that are recorded.

"AWS X-Ray Pricing" (aws.amazon.com/xray/pricing). A rule records its reservoir each second and its rate of what is left;
without one a request a second and 5 % of the rest are recorded ("Configuring sampling rules in the X-Ray console").
"""

from __future__ import annotations

from collections.abc import Iterator

from groundsill.cost.amount import Amount, spread
from groundsill.cost.context import Context
from groundsill.cost.model import Edge, Factor, Lines, Parameter, Service
from groundsill.cost.quantities import HOURS_PER_MONTH, Dimension, count_text
from groundsill.graph.resource import Resource

service = Service("AWS X-Ray",
    free={"aws_xray_group": "groups cost nothing; insights of a group are recorded with its traces",
              "aws_xray_encryption_config": "the setting costs nothing"})
_SECONDS = HOURS_PER_MONTH * 3600
_DEFAULT_RATE, _DEFAULT_RESERVOIR = 0.05, 1.0
_BUSY = 0.1  # of all seconds have a request, where traffic comes in waves
_FRONTS = ("aws_api_gateway_rest_api", "aws_apigatewayv2_api")


@service.meter("aws_xray_sampling_rule", Parameter("requests", Dimension.RATE, "requests that the rule decides on"))
def rule(context: Context, rule: Resource) -> Lines:
    """Traces that the rule lets through."""
    rate = context.number(rule, "fixed_rate", default=_DEFAULT_RATE).amount
    reservoir = context.number(rule, "reservoir_size", default=_DEFAULT_RESERVOIR).amount
    requests = context.measure(rule, "requests", "requests")
    if rate is None or reservoir is None:
        yield context.not_known(rule, "traces", "its rate is known only after apply")
        return
    yield context.line(rule, "traces", "xray.trace_recorded", _traces(requests, min(rate.expected, 1), reservoir.expected))


@service.flow
def requests(context: Context) -> Iterator[Edge]:
    """Requests of front doors, and of functions where there is no door, are what a rule decides on."""
    rules = context.of_type("aws_xray_sampling_rule")
    fronts = [(item.address, "requests") for item in context.of_type(*_FRONTS)] or [
        (item.address, "invocations") for item in context.of_type("aws_lambda_function") if _traced(context, item)]
    for rule in rules[:1]:
        for front in fronts:
            yield Edge(front, (rule.address, "requests"), Amount(1, 1, 1))


def default_traces(context: Context, function: Resource, invocations: Factor) -> Lines:
    """Traces of a traced function where no rule of the system's own decides."""
    if _traced(context, function) and not context.of_type("aws_xray_sampling_rule"):
        yield context.line(function, "traces", "xray.trace_recorded",
                           _traces(invocations, _DEFAULT_RATE, _DEFAULT_RESERVOIR))


def _traced(context: Context, function: Resource) -> bool:
    return context.text(function, "tracing_config", "mode") == "Active"


def _traces(requests: Factor, rate: float, reservoir: float) -> Factor:
    """Traces of requests: the rate's share at least; with a reservoir each request that has a second to itself at most."""
    if requests.amount is None:
        return requests
    amount = requests.amount

    def recorded(number: float, busy: float) -> float:
        return number * rate + min(number * (1 - rate), reservoir * _SECONDS * busy)

    found = spread(amount.low * rate, recorded(amount.expected, _BUSY), recorded(amount.high, 1))
    text = f"{count_text(found.expected)} traces of {requests.text}"
    return Factor(found, text, requests.assumptions).because(
        f"{rate:.0%} of requests are traced, and {reservoir:g} more in each second in which one comes")
