"""Laws of all components: names that AWS takes, addresses that stay, work that grows no faster than the system."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import groundsill
from groundsill import Stage
from groundsill.graph import Graph
from groundsill.terraform.synth import text
from tests.component_examples import EXAMPLES, ONCE, Parts, example_name
from tests.component_support import arguments, build, examine
from tests.contract import Subject, names

SYSTEMS = st.from_regex(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", fullmatch=True).filter(
    lambda name: len(name) <= 40 and not name.startswith(("amzn-", "aws", "internal-", "sg-", "ssm", "sthree-")))
STAGE_NAMES = st.from_regex(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", fullmatch=True).filter(lambda name: len(name) <= 20)
# The longest part that an example adds to its name has 28 characters; a component's name has at most 64.
WORDS = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,34}[A-Za-z0-9])?", fullmatch=True)


@settings(max_examples=20)
@given(system=SYSTEMS, stage=STAGE_NAMES, word=WORDS, second=st.booleans(), tier=st.sampled_from(["basic", "enterprise"]))
def test_names_stay_within_what_aws_takes_for_any_system_stage_and_component(
    system: str, stage: str, word: str, second: bool, tier: str,
) -> None:
    def define(_: Stage) -> None:
        parts = Parts().make_all()
        for component, make in EXAMPLES.items():
            make(parts, f"{word}-{example_name(component)}")

    stages = {"first": tier, stage: tier} if second and stage != "first" else {stage: tier}
    graph = build(define, stage, name=system, stages=stages)
    found = list(names(Subject(graph, system, tier, False, ())))
    assert not found, "\n".join(found)


def test_names_that_aws_keeps_for_itself_are_refused() -> None:
    for name in ("aws-costs", "internal-tools", "ssm-things", "sg-one", "a--b", "a-", "a" * 41):
        _, codes = _refused(name=name)
        assert codes == {"GS1306"}, name
    for stage in ("Prod", "feature/x", "a--b", "a" * 21, ""):
        _, codes = _refused(stages={"dev": "basic", stage: "basic"})
        assert codes == {"GS1317"}, stage


def _refused(**arguments: Any) -> tuple[Any, set[str]]:
    try:
        return examine(lambda _: None, **arguments), set()
    except groundsill.GroundsillError as error:
        return None, {item.code for item in error.diagnostics}


# What one component's use of another is seen in, in the other one's resources: never in an address or a name.
WIRED = {
    "aws_api_gateway_deployment": {"triggers"}, "aws_codedeploy_deployment_group": {"alarm_configuration"},
    "aws_iam_policy": {"policy"}, "aws_kms_key": {"policy"}, "aws_lb": set[str](), "aws_s3_bucket_policy": {"policy"},
    "aws_sns_topic_policy": {"policy"}, "aws_sqs_queue_policy": {"policy"},
    # A task tells of each load balancer in front of it.
    "aws_ecs_service": {"load_balancer", "health_check_grace_period_seconds"},
    "aws_cloudwatch_metric_alarm": {"alarm_description", "metric_name", "threshold", "statistic", "evaluation_periods"},
}


def graph_of(chosen: Collection[str]) -> Graph:
    def define(_: Stage) -> None:
        parts = Parts().make_all()
        for component in EXAMPLES:
            if component in chosen:
                EXAMPLES[component](parts, example_name(component))

    return build(define, "prod", tier="enterprise")


@settings(max_examples=25)
@given(chosen=st.sets(st.sampled_from(list(EXAMPLES)), min_size=1, max_size=12), data=st.data())
def test_adding_or_removing_a_component_moves_no_other(chosen: set[str], data: st.DataObject) -> None:
    removed = data.draw(st.sampled_from(sorted(chosen)))
    whole, rest = graph_of(chosen), graph_of(chosen - {removed})
    gone = [resource.address for resource in rest if resource.address not in whole]
    assert not gone, f"{removed} moves {gone}"
    for resource in rest:
        with_it = whole[resource.address]
        # A look-up that several share belongs to the first of them.
        assert resource.data or (with_it.component, with_it.provider) == (resource.component, resource.provider)
        before, after = arguments(resource), arguments(with_it)
        changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        assert changed <= WIRED.get(resource.type, set()), f"{removed} changes {changed} of {resource.address}"


PACKAGE = str(Path(groundsill.__file__).parent)


def lines_run(work: Callable[[], Any]) -> Counter[CodeType]:
    """How many lines of ours are run by each of our functions."""
    count: Counter[CodeType] = Counter()

    def line(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            count[frame.f_code] += 1
        return line

    def call(frame: FrameType, event: str, _: Any) -> Any:
        return line if frame.f_code.co_filename.startswith(PACKAGE) else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def test_a_system_of_five_hundred_components_takes_as_much_work_for_each_as_a_small_one() -> None:
    sizes: list[int] = []

    def synthesize(copies: int) -> None:
        def everything(_: Stage) -> None:
            parts = Parts().make_all()
            for copy in range(copies):
                for component in EXAMPLES:
                    if component not in ONCE:
                        EXAMPLES[component](parts, f"c{copy}-{example_name(component)}")

        graph = build(everything, "prod", tier="enterprise")
        sizes.append(len({resource.component for resource in graph}))
        text(graph)

    synthesize(1)  # what is read or computed once is not counted
    small, large = lines_run(lambda: synthesize(1)), lines_run(lambda: synthesize(4))
    assert sizes[-1] > 500
    faster = {code.co_qualname: (small[code], lines) for code, lines in large.items() if lines > 4.2 * small[code] + 500}
    assert not faster, f"these grow faster than the system: {faster}"
    assert large.total() < 4.05 * small.total()
