"""Junk for every argument of every component, value and method: a diagnostic or a whole graph, never a traceback."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundsill import components as c
from groundsill.graph import Broken, Reference
from groundsill.terraform.synth import text
from tests.component_examples import Parts
from tests.component_support import examine

KINDS = ["orders", "jobs", "users", "network", "image", "web", "front", "save", "sender", "cluster", "key", "files", "zone",
         "alerts", "secret", "news"]


class Hostile:
    """Raises whatever is done to it."""

    def __repr__(self) -> str:
        raise ZeroDivisionError("no text of it")

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError("no comparison")

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise ZeroDivisionError("no truth")


# Made only inside the definition: the test tool cannot print them.
UNPRINTABLE: dict[str, Callable[[], Any]] = {"hostile": Hostile, "huge": lambda: 10**5000, "broken": Broken}


@dataclass(frozen=True)
class Later:
    """Something to be made inside the definition."""

    name: str


def made(value: Any, parts: Any) -> Any:
    """A drawn value with what is to be made inside the definition."""
    if isinstance(value, Later):
        return UNPRINTABLE[value.name]() if value.name in UNPRINTABLE else getattr(parts, value.name)
    if isinstance(value, list | tuple):
        return type(value)(made(item, parts) for item in value)
    if isinstance(value, dict):
        return {key: made(item, parts) for key, item in value.items()}
    return value


JUNK = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.binary(max_size=5), st.complex_numbers(),
        st.sampled_from([
            10**300, "a" * 300, "\0", "../..", "\ud800", "${var.x}", "\ue000", "10.0.0.0/16", "a.b:c", "GET /x", "15m", object,
            Reference("aws_sqs_queue.jobs", ("arn",)), len, NotImplemented, ..., range(3),
        ]),
        st.sampled_from([Later(name) for name in (*UNPRINTABLE, *KINDS)]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3)),
    max_leaves=5,
)

Call = tuple[Callable[..., Any], list[Any], dict[str, Any]]

# Everything that a definition calls, with arguments that fit.
CALLS: Mapping[str, Callable[[Parts], Call]] = {
    "Alarm": lambda p: (c.Alarm, ["x", "what to do", "AWS/SQS", "Age", {}, 1], {}),
    "Alerts": lambda p: (c.Alerts, ["x"], {}),
    "Alerts.watch": lambda p: (p.alerts.watch, ["x", c.metric(p.save, "Errors")], {"above": 1}),
    "AuditTrail": lambda p: (c.AuditTrail, ["x", p.files], {}),
    "BackupPlan": lambda p: (c.BackupPlan, ["x"], {"protects": [p.orders]}),
    "BackupSettings": lambda p: (c.BackupSettings, ["x"], {}),
    "Bucket": lambda p: (c.Bucket, ["x"], {}),
    "Budget": lambda p: (c.Budget, ["x"], {"limit": 5, "emails": ["a@b.example"]}),
    "Cache": lambda p: (c.Cache, ["x", p.network.private], {}),
    "Capacity": lambda p: (c.Capacity, [(1, 2), (1, 2)], {}),
    "Cdn": lambda p: (c.Cdn, ["x"], {"bucket": p.pages}),
    "Cdn.route": lambda p: (p.site.route, ["/x", p.rest], {}),
    "Certificate": lambda p: (c.Certificate, ["x", "x.example"], {}),
    "Cluster": lambda p: (c.Cluster, ["x"], {}),
    "CompositeAlarm": lambda p: (c.CompositeAlarm, ["x", p.alerts], {
        "any": [p.alerts.watch("y", c.metric(p.save, "Errors"), above=1)]}),
    "ConfigRecorder": lambda p: (c.ConfigRecorder, ["x", p.files], {}),
    "ConfigRule": lambda p: (c.ConfigRule, ["x", "CLOUD_TRAIL_ENABLED"], {}),
    "Container": lambda p: (c.Container, ["x"], {"command": ("app",)}),
    "Cors": lambda p: (c.Cors, [["*"]], {}),
    "CostAnomalies": lambda p: (c.CostAnomalies, ["x"], {"emails": ["a@b.example"]}),
    "CostTags": lambda p: (c.CostTags, ["x"], {}),
    "Dashboard": lambda p: (c.Dashboard, ["x"], {"shows": [p.save]}),
    "Database": lambda p: (c.Database, ["x", p.network.private], {}),
    "Deployer": lambda p: (c.Deployer, ["x"], {}),
    "DnsHealthCheck": lambda p: (c.DnsHealthCheck, ["x", "x.example"], {}),
    "EmailSender": lambda p: (c.EmailSender, ["x", "a@b.example"], {}),
    "EventBus": lambda p: (c.EventBus, ["x"], {}),
    "EventRule": lambda p: (c.EventRule, ["x"], {"pattern": {"source": ["a"]}, "targets": [p.jobs]}),
    "EventSource": lambda p: (c.EventSource, [p.jobs], {}),
    "ExistingNetwork": lambda p: (c.ExistingNetwork, ["x"], {
        "vpc": "vpc-0123456789abcdef0", "private": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]}),
    "Function": lambda p: (c.Function, ["x", "a.b:c"], {}),
    "Grant.env": lambda p: (p.orders.read.env, ["X"], {}),
    "Guardrail": lambda p: (c.Guardrail, ["x"], {"refusal": "No."}),
    "HealthCheck": lambda p: (c.HealthCheck, [], {}),
    "HttpApi": lambda p: (c.HttpApi, ["x"], {}),
    "HttpApi.route": lambda p: (p.http.route, ["GET /x", p.save], {}),
    "Index": lambda p: (c.Index, ["ByX", ("X",)], {}),
    "Key": lambda p: (c.Key, ["x"], {}),
    "LanguageModel": lambda p: (c.LanguageModel, ["x", "amazon.nova-lite-v1:0"], {}),
    "LanguageModel.metric": lambda p: (p.model.metric, ["Invocations"], {}),
    "LifecycleRule": lambda p: (c.LifecycleRule, ["x"], {}),
    "LoadBalancer": lambda p: (c.LoadBalancer, ["x", p.network.public], {}),
    "LoadBalancer.redirect": lambda p: (p.front.redirect, ["www.x.example", "x.example"], {}),
    "LoadBalancer.route": lambda p: (p.front.route, ["/x", p.web], {}),
    "LogMetric": lambda p: (c.LogMetric, ["x", p.save, "{ $.a = 1 }"], {}),
    "LogMetric.metric": lambda p: (p.counted.metric, [], {}),
    "Machine": lambda p: (c.Machine, ["x", p.network.private], {
        "type": "t4g.small", "command": ("app",), "packages": ["app==1"]}),
    "MachineGroup": lambda p: (c.MachineGroup, ["x", p.network.private], {
        "types": ["t4g.small"], "command": ("app",), "packages": ["app==1"]}),
    "Metric": lambda p: (c.Metric, ["Shop", "Orders"], {}),
    "ModelLog": lambda p: (c.ModelLog, ["x"], {}),
    "Network": lambda p: (c.Network, ["x"], {}),
    "Network.peer": lambda p: (p.network.peer, ["x"], {"network": "vpc-0123456789abcdef0", "cidr": "10.9.0.0/16"}),
    "Parameter": lambda p: (c.Parameter, ["x"], {"value": "y"}),
    "Password": lambda p: (c.Password, [], {}),
    "Queue": lambda p: (c.Queue, ["x"], {}),
    "Queue.backlog": lambda p: (p.jobs.backlog, [], {"per_task": 1, "max": 2}),
    "RestApi": lambda p: (c.RestApi, ["x"], {}),
    "RestApi.domain": lambda p: (p.rest.domain, ["api.shop.example", p.certificate], {}),
    "RestApi.route": lambda p: (p.rest.route, ["GET /x", p.save], {}),
    "RestApi.usage_plan": lambda p: (p.rest.usage_plan, ["x"], {"keys": ["a"], "burst": 1, "rate": 1}),
    "RestoreTest": lambda p: (c.RestoreTest, ["x", p.plan], {}),
    "Rollout": lambda p: (c.Rollout, [], {}),
    "SavedQuery": lambda p: (c.SavedQuery, ["x", [p.save], "fields @message"], {}),
    "Scale": lambda p: (c.Scale, [], {"max": 2, "cpu": 50}),
    "Migration": lambda p: (c.Migration, ["x", c.Function("y", "functions.save:handle")], {"before": [p.save]}),
    "Schedule": lambda p: (c.Schedule, ["x", "rate(1 day)", p.save], {}),
    "ScheduleGroup": lambda p: (c.ScheduleGroup, ["x"], {}),
    "Secret": lambda p: (c.Secret, ["x"], {"keys": ["a"]}),
    "Secret.inject": lambda p: (p.secret.inject, [{"TOKEN": "token"}], {}),
    "SecurityHub": lambda p: (c.SecurityHub, ["x"], {}),
    "ServerlessDatabase": lambda p: (c.ServerlessDatabase, ["x", p.network.private], {}),
    "Service": lambda p: (c.Service, ["x", p.image, p.network.private], {"cluster": p.cluster}),
    "SmsSender": lambda p: (c.SmsSender, ["x"], {}),
    "Table": lambda p: (c.Table, ["x"], {"key": "Id"}),
    "Task": lambda p: (c.Task, ["x", p.image, p.network.private], {"cluster": p.cluster}),
    "ThreatDetection": lambda p: (c.ThreatDetection, ["x"], {}),
    "Topic": lambda p: (c.Topic, ["x"], {}),
    "Topic.subscribe": lambda p: (p.news.subscribe, [p.jobs], {}),
    "Traces": lambda p: (c.Traces, ["x"], {}),
    "UserPool": lambda p: (c.UserPool, ["x"], {}),
    "UserPool.client": lambda p: (p.users.client, ["x"], {}),
    "Volume": lambda p: (c.Volume, ["/data", 10], {}),
    "WebAcl": lambda p: (c.WebAcl, ["x"], {}),
    "WebAcl.protect": lambda p: (p.rules.protect, [p.rest], {}),
    "WebSocketApi": lambda p: (c.WebSocketApi, ["x"], {}),
    "WebSocketApi.domain": lambda p: (p.sockets.domain, ["ws.shop.example", p.certificate], {}),
    "WebSocketApi.route": lambda p: (p.sockets.route, ["$default", p.save], {}),
    "Zone": lambda p: (c.Zone, ["x", "x.example"], {}),
    "Zone.point": lambda p: (p.zone.point, ["x", p.front], {}),
    "Zone.record": lambda p: (p.zone.record, ["x", "TXT", ["y"]], {}),
    "metric": lambda p: (c.metric, [p.save, "Errors"], {}),
    "output": lambda p: (c.output, ["x", "value"], {}),
}

# Where a value's contents are read.
USES: Mapping[str, Callable[[Parts, Any], Any]] = {
    "Capacity": lambda p, value: c.Table("y", key="Id", capacity=value),
    "ConfigRule": lambda p, value: c.ConfigRecorder("y", p.files, rules=[value]),
    "Cors": lambda p, value: (c.HttpApi("y", cors=value), c.RestApi("z", cors=value).route("GET /", p.save),
                              c.Bucket("w", cors=value)),
    "EventSource": lambda p, value: c.Function("y", "a.b:c", sources=[value]),
    "Grant.env": lambda p, value: c.Function("y", "a.b:c", uses=[value]),
    "HealthCheck": lambda p, value: p.front.route("/y", p.web, health=value),
    "Index": lambda p, value: c.Table("y", key="Id", indexes=[value]),
    "LanguageModel.metric": lambda p, value: c.Dashboard("y", graphs={"Mine": [value]}),
    "LifecycleRule": lambda p, value: c.Bucket("y", lifecycle=[value]),
    "LogMetric.metric": lambda p, value: p.alerts.watch("y", value, above=1),
    "Metric": lambda p, value: (c.Dashboard("y", graphs={"Mine": [value]}), p.alerts.watch("y", value, above=1)),
    "Password": lambda p, value: c.UserPool("y", password=value),
    "Queue.backlog": lambda p, value: c.Service("y", p.image, p.network.private, cluster=p.cluster, scale=value),
    "Rollout": lambda p, value: c.Function("y", "a.b:c", rollout=value),
    "Scale": lambda p, value: c.Service("y", p.image, p.network.private, cluster=p.cluster, scale=value),
    "Secret.inject": lambda p, value: c.Service("y", p.image, p.network.private, cluster=p.cluster, uses=[value]),
    "Volume": lambda p, value: c.Machine("y", p.network.private, type="t4g.small", command=("app",), packages=["app==1"],
                                         volumes=[value]),
    "metric": lambda p, value: c.Dashboard("y", graphs={"Mine": [value]}),
}


def steps() -> set[str]:
    """Every method that a definition calls, as ``Class.method``."""
    return {f"{name}.{method}" for name in c.__all__ if inspect.isclass(kind := getattr(c, name))
            for method, member in vars(kind).items() if hasattr(member, "__wrapped__") and not method.startswith("_")}


def test_everything_that_a_definition_calls_is_fuzzed() -> None:
    assert set(CALLS) == {*c.__all__, *steps(), "Grant.env"}


def parameters(function: Callable[..., Any]) -> list[str]:
    signature = inspect.signature(function.__init__ if isinstance(function, type) else function)
    return [name for name, parameter in signature.parameters.items()
            if name != "self" and parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)]


def declared(name: str) -> list[str]:
    """The names of its arguments, known before a definition runs."""
    owner, _, method = name.partition(".")
    if owner == "Grant":
        return []
    return parameters(getattr(getattr(c, owner), method) if method else getattr(c, owner))


@pytest.mark.parametrize("name", list(CALLS))
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], max_examples=15)
@given(data=st.data(), stage=st.sampled_from(["dev", "prod-strict"]))
def test_junk_arguments_end_in_a_diagnostic_or_a_graph_that_can_be_written(name: str, data: st.DataObject, stage: str) -> None:
    known = declared(name)
    named_junk = data.draw(st.dictionaries(st.sampled_from(known), JUNK, max_size=3)) if known else {}
    positional_junk = data.draw(st.dictionaries(st.integers(0, 2), JUNK, max_size=1))

    def define(stage: Any) -> None:
        parts = Parts()
        function, positional, named = CALLS[name](parts)
        for index, value in positional_junk.items():
            if index < len(positional):
                positional[index] = made(value, parts)
        by_position = list(inspect.signature(function).parameters)[: len(positional)]
        named |= {key: made(value, parts) for key, value in named_junk.items() if key not in by_position}
        value = function(*positional, **named)
        if name in USES:
            USES[name](parts, value)

    graph, diagnostics = examine(define, stage)
    for item in diagnostics:
        shown = item.render()
        assert item.code != "GS1314", shown
        if item.code != "GS1302":
            assert item.location is None or item.location.file.endswith(("test_fuzz.py", "component_examples.py")), shown
    if not diagnostics.errors:
        text(graph)
