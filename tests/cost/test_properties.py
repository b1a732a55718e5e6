"""What holds of every estimate: more traffic is never cheaper, the parts are the whole, the same input gives the same sums."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundsill.cost.amount import Amount, spread, total
from groundsill.cost.compare import compare
from groundsill.cost.estimate import Estimate, estimate
from groundsill.cost.report import estimate_data
from groundsill.graph import Graph, Resource
from groundsill.testing import Definition

from .cost_support import function, graph_of, priced

ROOT = Path(__file__).resolve().parents[2]
NUTRITION = Definition(ROOT / "systems" / "ai_nutritionist")
amounts = st.builds(lambda values: Amount(*sorted(values)), st.tuples(*[st.floats(0, 1e9)] * 3))
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(amounts, amounts)
def test_estimates_stay_in_order_whatever_is_done_with_them(one: Amount, other: Amount) -> None:
    for found in (
        one + other,
        one * other,
        one * 3.5,
        one.less(other),
        one.at_most(5),
        one.at_least(5),
        total([one, other]),
        spread(one.high, one.expected, one.low),
    ):
        assert 0 <= found.low <= found.expected <= found.high


def ordered(found: Estimate) -> None:
    for line in found.lines:
        if line.cost is not None:
            assert 0 <= line.cost.low <= line.cost.expected <= line.cost.high, (line.resource.address, line.what)


def cheaper(first: Estimate, second: Estimate) -> None:
    """The first costs no more than the second, in every estimate."""
    for name in ("low", "expected", "high"):
        assert getattr(first.total, name) <= getattr(second.total, name) * (1 + 1e-9) + 1e-9


@FEW
@given(
    st.floats(0, 1e9),
    st.floats(1, 1000),
    st.sampled_from(
        [
            "aws_apigatewayv2_api",
            "aws_cloudfront_distribution",
            "aws_sqs_queue",
            "aws_dynamodb_table",
            "aws_s3_bucket",
            "aws_sns_topic",
            "aws_lb",
        ]
    ),
)
def test_more_traffic_never_costs_less(number: float, times: float, type: str) -> None:
    name = {
        "aws_sqs_queue": "messages",
        "aws_dynamodb_table": "writes",
        "aws_s3_bucket": "puts",
        "aws_sns_topic": "messages",
    }.get(type, "requests")
    resource = Resource(type, "x", {"billing_mode": "PAY_PER_REQUEST", "subnets": ["a"]})
    few, many = (
        priced(resource, traffic={f"{type}.x": {name: f"{value:f}/month"}}) for value in (number, number * times)
    )
    ordered(few), ordered(many)
    cheaper(few, many)


@FEW
@given(st.integers(0, 2_000_000), st.integers(1, 20))
def test_more_traffic_of_a_whole_system_never_costs_less(number: int, times: int) -> None:
    graph = NUTRITION.graph("prod")
    file = ROOT / "systems" / "ai_nutritionist" / "traffic.toml"
    few, many = (
        estimate(
            graph, traffic_file=file, given={"api.requests": f"{value}/month", "site-cdn.requests": f"{value}/month"}
        )
        for value in (number, number * times)
    )
    ordered(few), ordered(many)
    cheaper(few, many)


@FEW
@given(st.integers(0, 50), st.integers(0, 50), st.floats(0, 730), st.floats(0, 730))
def test_more_tasks_and_more_hours_never_cost_less(tasks: int, more: int, hours: float, later: float) -> None:
    def service(number: int, time: float) -> Estimate:
        task = Resource("aws_ecs_task_definition", "t", {"cpu": "256", "memory": "512"})
        made = Resource("aws_ecs_service", "s", {"task_definition": task["arn"], "desired_count": number})
        return priced(task, made, traffic={"aws_ecs_service.s": {"hours": f"{time:f} h/month", "requests": 0}})

    first, second = service(tasks, min(hours, later)), service(tasks + more, max(hours, later))
    ordered(first), ordered(second)
    cheaper(first, second)


@FEW
@given(st.floats(0.001, 900), st.floats(1, 10), st.integers(128, 10_240))
def test_longer_and_larger_functions_never_cost_less(seconds: float, times: float, memory: int) -> None:
    def run(duration: float, size: int) -> Estimate:
        return priced(
            *function(memory_size=size, timeout=900),
            traffic={"aws_lambda_function.f": {"invocations": "1M/month", "duration": f"{duration:f} s"}},
        )

    cheaper(run(seconds, memory), run(seconds * times, memory))
    cheaper(run(seconds, memory), run(seconds, min(memory * 2, 10_240)))


@pytest.mark.parametrize("by", ["component", "service", "resource"])
@pytest.mark.parametrize(
    ("system", "stage"), [("ai_nutritionist", "prod"), ("open_metabolics", "dev"), ("multitask", "prod")]
)
def test_the_parts_are_the_whole_however_they_are_summed(system: str, stage: str, by: str) -> None:
    folder = ROOT / "systems" / system
    found = estimate(Definition(folder).graph(stage), traffic_file=folder / "traffic.toml")
    ordered(found)
    for name in ("low", "expected", "high"):
        assert sum(getattr(group.cost, name) for group in found.by(by)) == pytest.approx(
            getattr(found.total, name), rel=1e-12
        )
        assert sum(getattr(line.cost, name) for line in found.lines if line.cost) == pytest.approx(
            getattr(found.total, name), rel=1e-12
        )
    assert sum(len(group.lines) for group in found.by(by)) == len(found.lines)
    assert all(not item.differs and not item.change for item in compare(found, found, by))


def test_the_same_definition_gives_the_same_bytes() -> None:
    folder = ROOT / "systems" / "ai_nutritionist"
    texts = {
        json.dumps(
            estimate_data(estimate(Definition(folder).graph("prod"), traffic_file=folder / "traffic.toml"), "component")
        )
        for _ in range(3)
    }
    assert len(texts) == 1


# -- odd graphs ----------------------------------------------------------------------------------------------------------


def test_bands_are_filled_by_the_system_together() -> None:
    """Two queues of 60 billion requests: 100 billion at 0.40 and 20 billion at 0.30, as one queue would cost."""
    queues = [Resource("aws_sqs_queue", name, {}) for name in ("a", "b")]
    found = priced(*queues, traffic={f"aws_sqs_queue.{name}": {"messages": "20G/month"} for name in ("a", "b")})
    assert found.total.expected == pytest.approx(100_000 * 0.40 + 20_000 * 0.30)
    assert "blended" in found.lines[0].formula


@FEW
@given(st.dictionaries(st.text("abcdefgh", min_size=1, max_size=3), st.integers(0, 10**6), max_size=5))
def test_components_are_told_apart_by_name(names: dict[str, int]) -> None:
    graph = Graph("shop")
    for index, (name, size) in enumerate(names.items()):
        graph.add(Resource("aws_ebs_volume", f"v{index}", {"type": "gp3", "size": size}, component=name))
    found = estimate(graph)
    assert {group.name for group in found.by("component")} == set(names)
    assert found.total.expected == pytest.approx(sum(names.values()) * 0.08)


def test_a_region_without_prices_is_warned_of() -> None:
    found: Any = estimate(
        graph_of(
            Resource("aws_eip", "x", {}),
        )
    )
    assert not list(found.diagnostics)
    elsewhere = Graph("shop", "prod", "eu-central-1")
    elsewhere.add(Resource("aws_eip", "x", {}))
    assert [item.code for item in estimate(elsewhere).diagnostics] == ["GS4208"]
