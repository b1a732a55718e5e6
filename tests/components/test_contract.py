"""What every component keeps: tags, names, exact rights, logs that end, data that survives, closed doors."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill import Stage
from groundsill import components as c
from groundsill.aws.schema import type_schema
from groundsill.components.deployers import unmanaged_types
from groundsill.graph import Graph, Resource
from groundsill.graph.name_rules import NAME_RULES
from groundsill.terraform.synth import text
from tests.component_support import STAGES, arguments, build, everything

GRAPHS = {stage: build(everything, stage) for stage in STAGES}
EACH = pytest.mark.parametrize("stage", list(STAGES))
# Actions that name no resource. Service Authorization Reference: Amazon ECR, AWS X-Ray.
UNNAMED = {"ecr:GetAuthorizationToken", "xray:PutTelemetryRecords", "xray:PutTraceSegments"}
PRODUCTION = ("prod", "prod-strict")
NAME_ARGUMENTS = {"aws_lambda_function": "function_name", "aws_cloudwatch_metric_alarm": "alarm_name",
                  "aws_ecs_task_definition": "family"}


def statements(graph: Graph, *types: str) -> list[tuple[Resource, dict[str, Any]]]:
    return [(resource, statement) for resource in graph.of_type(*types)
            for statement in arguments(resource)["policy"]["Statement"]]


@EACH
def test_everything_that_can_carry_tags_says_whose_it_is(stage: str) -> None:
    for resource in GRAPHS[stage]:
        schema = type_schema(resource.type, data=resource.data)
        assert schema is not None
        tags = schema.attributes.get("tags")
        if resource.data or tags is None or not tags.settable:
            continue
        found = resource.arguments["tags"]
        assert (found["System"], found["Stage"], found["ManagedBy"]) == ("shop", stage, "groundsill"), resource
        assert found["Component"] == resource.component


@EACH
def test_the_same_definition_gives_the_same_bytes(stage: str) -> None:
    assert text(build(everything, stage)) == text(GRAPHS[stage])


@EACH
def test_every_resource_knows_its_component_and_the_line_that_wrote_it(stage: str) -> None:
    for resource in GRAPHS[stage]:
        assert resource.component, resource
        assert resource.subject, resource
        assert resource.location is not None, resource
        assert not resource.location.file.endswith(("component.py", "arguments.py")), resource


@EACH
@pytest.mark.requirement("OM-S03")
def test_rights_name_exact_arns_and_exact_actions(stage: str) -> None:
    found = statements(GRAPHS[stage], "aws_iam_role_policy")
    assert len(found) > 20
    for resource, statement in found:
        assert not [action for action in statement["Action"] if "*" in action], resource
        if "*" in statement["Resource"]:
            assert set(statement["Action"]) <= UNNAMED, resource
        for arn in set(statement["Resource"]) - {"*"}:
            # A log group's streams are the one thing that is not named one by one.
            assert re.fullmatch(r"\$\{aws_\w+\.\w+\.arn\}(/index/\w+|:\*)?", arn), (resource, arn)
            assert not arn.endswith(":*") or "aws_cloudwatch_log_group" in arn


@EACH
@pytest.mark.requirement("OM-C15")
def test_no_two_workloads_share_a_role(stage: str) -> None:
    roles = [str(resource.arguments["role"]) for resource in GRAPHS[stage].of_type("aws_lambda_function")]
    roles += [str(resource.arguments[name]) for resource in GRAPHS[stage].of_type("aws_ecs_task_definition")
              for name in ("task_role_arn", "execution_role_arn")]
    assert len(roles) == len(set(roles)) == 5


@EACH
@pytest.mark.requirement("OM-C22")
def test_every_log_ends(stage: str) -> None:
    groups = GRAPHS[stage].of_type("aws_cloudwatch_log_group")
    assert {group.arguments["retention_in_days"] for group in groups} == {365 if STAGES[stage] == "enterprise" else 30}
    names = {arguments(group)["name"] for group in groups}
    for function in GRAPHS[stage].of_type("aws_lambda_function"):
        assert f"/aws/lambda/{function.arguments['function_name']}" in names


@EACH
@pytest.mark.requirement("OM-S05")
def test_only_a_public_load_balancer_lets_the_internet_in(stage: str) -> None:
    public = {"${aws_security_group.front.id}"}
    for rule in map(arguments, GRAPHS[stage].of_type("aws_vpc_security_group_ingress_rule")):
        if rule.get("cidr_ipv4", "").endswith("/0"):
            assert rule["security_group_id"] in public
            assert rule["from_port"] == rule["to_port"] in (80, 443)
    for group in map(arguments, GRAPHS[stage].of_type("aws_security_group", "aws_default_security_group")):
        assert not group.get("ingress")
        assert not group.get("egress")
    for subnet in GRAPHS[stage].of_type("aws_subnet"):
        assert subnet.arguments["map_public_ip_on_launch"] is False


@EACH
@pytest.mark.requirement("OM-C25")
def test_production_data_survives_a_mistake_in_every_tier(stage: str) -> None:
    production = stage in PRODUCTION
    graph = GRAPHS[stage]
    for table in map(arguments, graph.of_type("aws_dynamodb_table")):
        assert table["deletion_protection_enabled"] is production
        assert table["point_in_time_recovery"][0]["enabled"] is (production or STAGES[stage] != "basic")
        if STAGES[stage] == "enterprise":
            assert table["server_side_encryption"][0]["kms_key_arn"].startswith("${aws_kms_key.")
    for balancer in graph.of_type("aws_lb"):
        assert balancer.arguments["enable_deletion_protection"] is production
    for pool in graph.of_type("aws_cognito_user_pool"):
        assert pool.arguments["deletion_protection"] == ("ACTIVE" if production else "INACTIVE")
    for repository in graph.of_type("aws_ecr_repository"):
        assert repository.arguments["force_delete"] is not production
        assert repository.arguments["image_tag_mutability"] == "IMMUTABLE"
    for queue in map(arguments, graph.of_type("aws_sqs_queue")):
        assert queue.get("sqs_managed_sse_enabled") or queue["kms_master_key_id"]


@EACH
def test_the_deployer_can_manage_every_type_and_its_policies_fit(stage: str) -> None:
    graph = GRAPHS[stage]
    assert unmanaged_types(graph) <= {"aws_iam_policy", "aws_iam_openid_connect_provider"}
    allowed = {action for _, statement in statements(graph, "aws_iam_policy") for action in statement["Action"]}
    assert {"cloudwatch:PutMetricAlarm", "iam:GetPolicyVersion", "dynamodb:CreateTable"} <= allowed
    assert not allowed & {"dynamodb:GetItem", "dynamodb:PutItem", "sqs:SendMessage", "sqs:ReceiveMessage", "iam:CreateUser"}
    for policy in graph.of_type("aws_iam_policy"):
        size = len("".join(json.dumps(arguments(policy)["policy"]).split()))
        assert size <= 6144 + 40 * json.dumps(arguments(policy)["policy"]).count("${")


WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=64).filter(lambda text: text.strip("-"))
SYSTEMS = st.from_regex(r"[a-z][a-z0-9-]{0,39}", fullmatch=True)


@settings(max_examples=40)
@given(system=SYSTEMS, component=WORDS, stage=st.from_regex(r"[a-z][a-z0-9]{0,19}", fullmatch=True), second=st.booleans())
def test_names_stay_within_what_aws_accepts(system: str, component: str, stage: str, second: bool) -> None:
    def define(stage: Stage) -> None:
        network = c.Network("n")
        cluster = c.Cluster("cl" + component[:60])
        image = c.Container("i" + component[:60], command=("app",))
        service = c.Service("s" + component[:60], image, network.private, cluster=cluster, port=8080)
        c.LoadBalancer("b" + component[:60], network.private).route("/*", service)
        c.Function("f" + component[:60], "a.b:c")
        c.Table("t" + component[:60], key="Id")
        c.Queue("q" + component[:60])
        c.UserPool("u" + component[:60]).client("app")
        c.HttpApi("h" + component[:60])
        c.Alerts("a" + component[:60])

    stages = {"first": "basic", stage: "basic"} if second else {stage: "basic"}
    graph = build(define, stage, name=system, stages=stages)
    seen: set[tuple[str, str]] = set()
    for resource in graph:
        name = resource.arguments.get(NAME_ARGUMENTS.get(resource.type, "name"))
        rule = NAME_RULES.get(resource.type)
        if rule is None or not isinstance(name, str):
            continue
        assert rule.shortest <= len(name) <= rule.longest, (resource, name)
        assert not re.search(rule.forbidden, name), (resource, name)
        assert (resource.type, name) not in seen, (resource, name)
        seen.add((resource.type, name))


PARTS = {
    "Table": lambda name: c.Table(name, key="Id"),
    "Queue": lambda name: c.Queue(name),
    "Function": lambda name: c.Function(name, "a.b:c"),
    "UserPool": lambda name: c.UserPool(name),
    "Cluster": lambda name: c.Cluster(name),
    "Network": lambda name: c.Network(name),
    "HttpApi": lambda name: c.HttpApi(name),
    "Container": lambda name: c.Container(name, command=("app",)),
    "Key": lambda name: c.Key(name),
}
PART_NAMES = [f"part-{letter}" for letter in "abcdef"]
SYSTEM_PARTS = st.dictionaries(st.sampled_from(PART_NAMES), st.sampled_from(sorted(PARTS)), min_size=1)


@settings(max_examples=60)
@given(parts=SYSTEM_PARTS, data=st.data())
def test_adding_or_removing_a_component_leaves_every_other_resource_as_it_was(parts: dict[str, str], data: st.DataObject) -> None:
    removed = data.draw(st.sampled_from(sorted(parts)))

    def graph(names: dict[str, str]) -> Graph:
        def define(stage: Stage) -> None:
            for name, kind in names.items():
                PARTS[kind](name)
        return build(define)

    whole, rest = graph(parts), graph({name: kind for name, kind in parts.items() if name != removed})
    assert [resource.address for resource in whole if resource.component != removed and not resource.data] == [
        resource.address for resource in rest if not resource.data]
    for resource in rest:
        assert arguments(resource) == arguments(whole[resource.address])
