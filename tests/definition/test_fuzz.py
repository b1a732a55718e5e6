"""Junk for every argument of every component: always a diagnostic or a whole graph, never a traceback."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundsill import components as c
from groundsill.graph import Broken, Reference
from groundsill.terraform.synth import text
from tests.component_support import everything, examine

KINDS = ["orders", "jobs", "users", "network", "image", "web", "front", "save", "sender", "cluster", "key"]


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

def valid(parts: Any) -> dict[str, tuple[Any, list[Any], dict[str, Any]]]:
    """What can be called, with arguments that fit."""
    return {
        "Alerts": (c.Alerts, ["x"], {}),
        "BackupPlan": (c.BackupPlan, ["x"], {"protects": [parts.orders]}),
        "Cluster": (c.Cluster, ["x"], {}),
        "Container": (c.Container, ["x"], {"command": ("app",)}),
        "Cors": (c.Cors, [["*"]], {}),
        "Deployer": (c.Deployer, ["x"], {}),
        "EmailSender": (c.EmailSender, ["x", "a@b.example"], {}),
        "Function": (c.Function, ["x", "a.b:c"], {}),
        "HealthCheck": (c.HealthCheck, [], {}),
        "HttpApi": (c.HttpApi, ["x"], {}),
        "Index": (c.Index, ["ByX", ("X",)], {}),
        "Key": (c.Key, ["x"], {}),
        "LoadBalancer": (c.LoadBalancer, ["x", parts.network.public], {}),
        "Network": (c.Network, ["x"], {}),
        "Password": (c.Password, [], {}),
        "Queue": (c.Queue, ["x"], {}),
        "Service": (c.Service, ["x", parts.image, parts.network.private], {"cluster": parts.cluster}),
        "Table": (c.Table, ["x"], {"key": "Id"}),
        "UserPool": (c.UserPool, ["x"], {}),
        "output": (c.output, ["x", "value"], {}),
        "HttpApi.route": (parts.api.route, ["GET /x", parts.save], {}),
        "LoadBalancer.route": (parts.back.route, ["/x", parts.web], {}),
        "UserPool.client": (parts.users.client, ["x"], {}),
        "Queue.backlog": (parts.jobs.backlog, [], {"per_task": 1, "max": 2}),
        "Grant.env": (parts.orders.read.env, ["X"], {}),
    }


def use(name: str, value: Any, parts: Any) -> None:
    """Pass a value on to where its contents are read."""
    if name == "Index":
        c.Table("y", key="Id", indexes=[value])
    elif name == "Cors":
        c.HttpApi("y", cors=value)
    elif name == "Password":
        c.UserPool("y", password=value)
    elif name == "HealthCheck":
        parts.back.route("/y", parts.web, health=value)
    elif name == "Queue.backlog":
        c.Service("y", parts.image, parts.network.private, cluster=parts.cluster, scale=value)
    elif name == "Grant.env":
        c.Function("y", "a.b:c", uses=[value])


NAMES = [
    "Alerts", "BackupPlan", "Cluster", "Container", "Cors", "Deployer", "EmailSender", "Function", "HealthCheck", "HttpApi",
    "Index", "Key", "LoadBalancer", "Network", "Password", "Queue", "Service", "Table", "UserPool", "output",
    "HttpApi.route", "LoadBalancer.route", "UserPool.client", "Queue.backlog", "Grant.env",
]


METHODS = {"HttpApi.route": c.HttpApi.route, "LoadBalancer.route": c.LoadBalancer.route, "UserPool.client": c.UserPool.client,
           "Queue.backlog": c.Queue.backlog}


def parameters(name: str) -> list[str]:
    if name == "Grant.env":
        return []
    function = METHODS[name] if name in METHODS else getattr(c, name)
    signature = inspect.signature(function.__init__ if isinstance(function, type) else function)
    return [name for name, parameter in signature.parameters.items()
            if name != "self" and parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)]


@pytest.mark.parametrize("name", NAMES)
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], max_examples=20)
@given(data=st.data(), stage=st.sampled_from(["dev", "prod-strict"]))
def test_junk_arguments_end_in_a_diagnostic_or_a_graph_that_can_be_written(name: str, data: st.DataObject, stage: str) -> None:
    known = parameters(name)
    named_junk = data.draw(st.dictionaries(st.sampled_from(known), JUNK, max_size=3)) if known else {}
    positional_junk = data.draw(st.dictionaries(st.integers(0, 1), JUNK, max_size=1))

    def define(stage: Any) -> None:
        parts = everything(stage)
        function, positional, named = valid(parts)[name]
        for index, value in positional_junk.items():
            if index < len(positional):
                positional[index] = made(value, parts)
        by_position = list(inspect.signature(function).parameters)[: len(positional)]
        named |= {key: made(value, parts) for key, value in named_junk.items() if key not in by_position}
        use(name, function(*positional, **named), parts)

    graph, diagnostics = examine(define, stage)
    for item in diagnostics:
        item.render()
        assert item.code != "GS1314" or name == "output", item.render()
        if item.code != "GS1302":
            assert item.location is None or item.location.file == __file__, item.render()
    if not diagnostics.errors:
        text(graph)
