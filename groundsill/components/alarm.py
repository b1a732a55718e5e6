"""What an alarm watches, as a component describes it; `Alerts` turns it into a CloudWatch alarm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from groundsill.graph.value import Value


class Alarm(Value):
    """A condition that operators want to hear of.

    Arguments:
        name: short, unique in its component, for example ``errors``.
        description: what it means and what to do.
        namespace: CloudWatch namespace, for example ``AWS/Lambda``.
        metric: CloudWatch metric name.
        dimensions: which thing is measured.
        threshold: the value that the statistic is compared with.
        comparison: CloudWatch comparison operator.
        statistic: CloudWatch statistic, default ``Sum``.
        period: seconds that one data point covers, default 60.
        periods: data points in a row that must breach, default 1.
        missing: what missing data means, default ``notBreaching``.
        severity: which topic of `Alerts` hears of it: ``critical`` (default), ``warning`` or ``info``.

    Example:
        ``Alarm("errors", "It raised an error: see its log.", "AWS/Lambda", "Errors", {"FunctionName": "save"}, 1)``
    """

    __slots__ = (  # noqa: RUF023  in the constructor's order
        "name", "description", "namespace", "metric", "dimensions", "threshold", "comparison", "statistic", "period", "periods",
        "missing", "severity",
    )

    def __init__(
        self, name: str, description: str, namespace: str, metric: str, dimensions: Mapping[str, Any], threshold: float,
        comparison: str = "GreaterThanOrEqualToThreshold", statistic: str = "Sum", period: int = 60, periods: int = 1,
        missing: str = "notBreaching", severity: str = "critical",
    ) -> None:
        self.name: Final = name
        self.description: Final = description
        self.namespace: Final = namespace
        self.metric: Final = metric
        self.dimensions: Final = dimensions
        self.threshold: Final = threshold
        self.comparison: Final = comparison
        self.statistic: Final = statistic
        self.period: Final = period
        self.periods: Final = periods
        self.missing: Final = missing
        self.severity: Final = severity
