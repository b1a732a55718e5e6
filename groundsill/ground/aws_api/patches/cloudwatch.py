"""CloudWatch alarms in the Query protocol, which the AWS provider still speaks.

The emulator keeps an alarm that comes as JSON or CBOR whole, but of a Query request it dropped ``Metrics`` and
``InsufficientDataActions``, and its Query answer left out most of what it keeps: description, actions, dimensions,
period, statistic. So Terraform saw every alarm as changed at once. Here the Query form is translated, once for every
alarm call: members become lists, the JSON form of the call is answered, and its answer becomes XML ("PutMetricAlarm",
"DescribeAlarms", Amazon CloudWatch API Reference).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast
from xml.sax.saxutils import escape

_CALLS = {
    "PutMetricAlarm": "_put_metric_alarm",
    "PutCompositeAlarm": "_put_composite_alarm",
    "DescribeAlarms": "_describe_alarms",
    "DescribeAlarmsForMetric": "_describe_alarms_for_metric",
}
_WITHOUT_RESULT = frozenset({"PutMetricAlarm", "PutCompositeAlarm"})
_BOOLEANS = frozenset({"ActionsEnabled", "ReturnData"})
_NUMBERS: dict[str, Callable[[str], float]] = {
    "Period": int, "EvaluationPeriods": int, "DatapointsToAlarm": int, "MaxRecords": int, "Threshold": float,
}
_OF_ONE_METRIC = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit")
_KEPT_AS_GIVEN = ("Metrics", "ThresholdMetricId", "EvaluateLowSampleCountPercentile")
_MEMBER = re.compile(r"\.member\.(\d+)")


def apply(module: Any) -> None:
    """Mend the emulator's CloudWatch module."""
    _keep_what_was_given(module)
    for action, name in _CALLS.items():
        setattr(module, name, _translated(module, action, getattr(module, name)))


def _translated(module: Any, action: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def handler(params: Any, data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        if is_cbor or is_json:
            return original(params, data, is_cbor, is_json)
        status, _, body = original(params, structure(_plain(params)), False, True)
        content: dict[str, Any] = json.loads(body) if body else {}
        if status >= 400:
            return module._error(content.get("__type", "InternalFailure"), content.get("message", ""), status)
        inner = "" if action in _WITHOUT_RESULT else f"<{action}Result>{xml(content)}</{action}Result>"
        return module._xml(200, f"{action}Response", inner)

    return handler


def _keep_what_was_given(module: Any) -> None:
    put = module._put_metric_alarm

    def put_metric_alarm(params: Any, data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        answer = put(params, data, is_cbor, is_json)
        if answer[0] == 200 and data:
            alarm = module._alarms[data["AlarmName"]]
            alarm.update({name: data[name] for name in _KEPT_AS_GIVEN if name in data})
            # AWS describes what an alarm was given: one metric with one kind of statistic, or expressions over several.
            absent = _OF_ONE_METRIC if data.get("Metrics") else (
                ("Statistic",) if data.get("ExtendedStatistic") else ("ExtendedStatistic",))
            for name in absent:
                if name not in data:
                    alarm[name] = None
        return answer

    module._put_metric_alarm = put_metric_alarm


def _plain(params: dict[str, Any]) -> dict[str, str]:
    return {name: str(value[0] if isinstance(value, list) else value) for name, value in params.items()}  # pyright: ignore[reportUnknownArgumentType]


def structure(params: dict[str, str]) -> dict[str, Any]:
    """The parameters of a Query request as the structure that they spell out.

    Example:
        >>> structure({"AlarmName": "a", "Dimensions.member.1.Name": "Queue", "Dimensions.member.1.Value": "jobs"})
        {'AlarmName': 'a', 'Dimensions': [{'Name': 'Queue', 'Value': 'jobs'}]}
    """
    nested: dict[str, Any] = {}
    for name, value in params.items():
        *path, last = _MEMBER.sub(r".#\1", name).split(".")
        place = nested
        for step in path:
            place = place.setdefault(step, {})
        place[last] = _typed(last, value)
    return cast("dict[str, Any]", _with_lists(nested))


def _typed(name: str, value: str) -> Any:
    if name in _BOOLEANS:
        return value == "true"
    try:
        return _NUMBERS[name](value) if name in _NUMBERS else value
    except ValueError:
        return value


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    entries = cast("dict[str, Any]", value)
    if entries and all(name.startswith("#") for name in entries):
        return [_with_lists(entries[name]) for name in sorted(entries, key=lambda name: int(name[1:]))]
    return {name: _with_lists(item) for name, item in entries.items()}


def xml(value: Any, name: str = "") -> str:
    """A JSON answer as the elements of a Query answer: fields without a value are left out, lists have members."""
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        return "".join(f"<{key}>{xml(item, key)}</{key}>" for key, item in entries.items() if item is not None)
    if isinstance(value, list):
        return "".join(f"<member>{xml(item)}</member>" for item in cast("list[Any]", value))
    if isinstance(value, bool):
        return str(value).lower()
    if name.endswith("Timestamp") and isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return escape(str(value))
