"""A plan or a state as JSON becomes the graph that its resources make, linked as they are in Terraform."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from groundsill.graph import GroundsillError, JsonDocument, Reference, Unknown, View
from groundsill.sources.reading import Source, read


def change(address: str, after: Any, unknown: Any = None, *, actions: tuple[str, ...] = ("create",), sensitive: Any = None,
           **more: Any) -> dict[str, Any]:
    *module, mode_type = address.rsplit(".", 2) if address.startswith("module.") else (address.split("[")[0],)
    type_, name = ".".join(address.removeprefix("data.").split(".")[-2:]).split("[")[0].split(".")
    del module, mode_type
    return {"address": address, "mode": "data" if "data." in address else "managed", "type": type_, "name": name,
            "change": {"actions": list(actions), "after": after, "after_unknown": unknown or {},
                       "after_sensitive": sensitive or {}}, **more}


def plan(changes: list[dict[str, Any]], root: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"format_version": "1.2", "terraform_version": "1.11.4", "planned_values": {"root_module": {}},
            "resource_changes": changes,
            "configuration": {"provider_config": {"aws": {"name": "aws", "expressions": {
                "region": {"constant_value": "eu-central-1"}}}}, "root_module": root or {}}, **more}


def configured(address: str, **expressions: Any) -> dict[str, Any]:
    return {"address": address, "expressions": expressions, "provider_config_key": "aws"}


def refers(*references: str) -> dict[str, Any]:
    return {"references": list(references)}


def reading(tmp_path: Path, document: Any, **named: Any) -> Source:
    path = tmp_path / "plan.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return read(path, **named)


def test_an_unknown_value_is_a_reference_where_the_configuration_names_one_attribute(tmp_path: Path) -> None:
    source = reading(tmp_path, plan(
        [change("aws_vpc.main", {"cidr_block": "10.0.0.0/16"}, {"id": True}),
         change("aws_subnet.a", {"cidr_block": "10.0.1.0/24"}, {"id": True, "vpc_id": True, "arn": True})],
        {"resources": [configured("aws_vpc.main", cidr_block={"constant_value": "10.0.0.0/16"}),
                       configured("aws_subnet.a", vpc_id=refers("aws_vpc.main.id", "aws_vpc.main"))]}))
    subnet = source.graph["aws_subnet.a"]
    assert source.kind == "plan"
    assert source.graph.region == "eu-central-1"
    assert subnet.arguments == {"cidr_block": "10.0.1.0/24", "vpc_id": Reference("aws_vpc.main", ("id",))}
    assert View(source.graph).target(subnet, "vpc_id") is source.graph["aws_vpc.main"]


def test_what_may_be_text_around_a_reference_is_unknown_and_still_linked(tmp_path: Path) -> None:
    source = reading(tmp_path, plan(
        [change("aws_apigatewayv2_integration.a", {"api_id": "x"}, {"id": True}),
         change("aws_apigatewayv2_route.a", {"route_key": "GET /"}, {"target": True})],
        {"resources": [configured("aws_apigatewayv2_route.a", target=refers(
            "aws_apigatewayv2_integration.a.id", "aws_apigatewayv2_integration.a"))]}))
    target = source.graph["aws_apigatewayv2_route.a"].arguments["target"]
    assert isinstance(target, Unknown)
    assert source.graph.dependencies("aws_apigatewayv2_route.a") == ("aws_apigatewayv2_integration.a",)


def test_what_is_deployed_stays_linked_by_its_ids_and_arns(tmp_path: Path) -> None:
    arn = "arn:aws:sqs:eu-central-1:123456789012:jobs"
    policy = json.dumps({"Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": [arn, f"{arn}/*"]}]})
    source = reading(tmp_path, plan(
        [change("aws_vpc.main", {"id": "vpc-0abc0abc", "cidr_block": "10.0.0.0/16"}, actions=("no-op",)),
         change("aws_subnet.a", {"id": "subnet-0abc0abc", "vpc_id": "vpc-0abc0abc"}, actions=("no-op",)),
         change("aws_sqs_queue.jobs", {"id": "https://q", "arn": arn, "name": "jobs"}, actions=("no-op",)),
         change("aws_iam_role_policy.a", {"policy": policy}, actions=("no-op",))],
        {"resources": [configured("aws_subnet.a", vpc_id=refers("aws_vpc.main.id", "aws_vpc.main")),
                       configured("aws_iam_role_policy.a", policy=refers("aws_sqs_queue.jobs.arn", "aws_sqs_queue.jobs"))]}))
    queue = Reference("aws_sqs_queue.jobs", ("arn",))
    assert source.graph["aws_subnet.a"].arguments["vpc_id"] == Reference("aws_vpc.main", ("id",))
    document = source.graph["aws_iam_role_policy.a"].arguments["policy"]
    assert isinstance(document, JsonDocument)
    assert document.content["Statement"][0]["Resource"] == [queue, f"{queue}/*"]


def test_a_state_has_no_configuration_and_is_linked_by_ids_and_arns(tmp_path: Path) -> None:
    resources = [
        {"address": "aws_vpc.main", "mode": "managed", "type": "aws_vpc", "name": "main", "values": {
            "id": "vpc-0abc0abc", "arn": "arn:aws:ec2:ap-south-1:1:vpc/vpc-0abc0abc", "cidr_block": "10.0.0.0/16"}},
        {"address": "aws_subnet.a[0]", "mode": "managed", "type": "aws_subnet", "name": "a", "index": 0,
         "values": {"id": "subnet-0abc0abc", "vpc_id": "vpc-0abc0abc"}},
    ]
    source = reading(tmp_path, {"format_version": "1.0", "values": {"root_module": {"resources": resources}}})
    assert source.graph.region == "ap-south-1"
    assert source.graph["aws_subnet.a[0]"].arguments == {"vpc_id": Reference("aws_vpc.main", ("id",))}


def test_references_are_followed_through_modules_and_their_instances(tmp_path: Path) -> None:
    network = {"resources": [configured("aws_vpc.this")],
               "outputs": {"vpc_id": {"expression": refers("aws_vpc.this.id", "aws_vpc.this")}}}
    app = {"resources": [configured("aws_security_group.web", vpc_id=refers("var.vpc_id"))], "variables": {"vpc_id": {}}}
    root = {"module_calls": {
        "network": {"module": network, "for_each_expression": {}},
        "app": {"module": app, "expressions": {
            "vpc_id": refers('module.network["blue"].vpc_id', 'module.network["blue"]', "module.network")}}}}
    source = reading(tmp_path, plan([
        change('module.network["blue"].aws_vpc.this', {}, {"id": True}, module_address='module.network["blue"]'),
        change('module.network["red"].aws_vpc.this', {}, {"id": True}, module_address='module.network["red"]'),
        change("module.app.aws_security_group.web", {"name": "web"}, {"vpc_id": True}, module_address="module.app"),
    ], root))
    group = source.graph["module.app.aws_security_group.web"]
    assert group.module == "module.app"
    assert group.arguments["vpc_id"] == Reference('module.network["blue"].aws_vpc.this', ("id",))


def test_count_index_picks_the_instance_of_the_same_number(tmp_path: Path) -> None:
    root = {"resources": [
        configured("aws_subnet.a") | {"count_expression": {"constant_value": 2}},
        configured("aws_nat_gateway.a", subnet_id=refers("aws_subnet.a", "count.index"))]}
    changes = [change(f"aws_subnet.a[{index}]", {}, {"id": True}, index=index) for index in (0, 1)]
    changes += [change(f"aws_nat_gateway.a[{index}]", {}, {"subnet_id": True}, index=index) for index in (0, 1)]
    graph = reading(tmp_path, plan(changes, root)).graph
    assert graph.dependencies("aws_nat_gateway.a[1]") == ("aws_subnet.a[1]",)


def test_a_secret_is_not_kept(tmp_path: Path) -> None:
    source = reading(tmp_path, plan(
        [change("aws_db_instance.db", {"password": "pl4nted-s3cret", "engine": "postgres"}, sensitive={"password": True})],
        {"variables": {"password": {"sensitive": True}}},
        variables={"password": {"value": "pl4nted-s3cret"}}))
    shown = f"{source.graph['aws_db_instance.db'].arguments} {dict(source.graph.variables)} {dict(source.graph.outputs)}"
    assert "pl4nted" not in shown
    assert isinstance(source.graph["aws_db_instance.db"].arguments["password"], Unknown)


def test_what_is_deleted_is_left_out_and_what_is_replaced_is_not(tmp_path: Path) -> None:
    graph = reading(tmp_path, plan([
        change("aws_sqs_queue.gone", None, actions=("delete",)),
        change("aws_sqs_queue.new", {"name": "new"}, actions=("delete", "create")),
    ])).graph
    assert list(graph.resources) == ["aws_sqs_queue.new"]


def test_tags_that_the_provider_gives_are_there(tmp_path: Path) -> None:
    graph = reading(tmp_path, plan([change(
        "aws_sqs_queue.a", {"name": "a", "tags": {"A": "1"}, "tags_all": {"A": "1", "Team": "web"}})])).graph
    assert graph["aws_sqs_queue.a"].arguments["tags"] == {"A": "1", "Team": "web"}


def test_a_plan_comes_by_standard_input_too(monkeypatch: pytest.MonkeyPatch) -> None:
    document = json.dumps(plan([change("aws_sqs_queue.a", {"name": "a"})])).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(document)))
    source = read(Path("-"), stage="prod")
    assert list(source.graph.resources) == ["aws_sqs_queue.a"]
    assert (source.graph.stage, source.graph.production) == ("prod", True)


@pytest.mark.parametrize(("text", "code"), [
    ("", "GS4003"), ("PK\x03\x04", "GS4003"), ("[" * 100_000, "GS4004"), ('{"a":' * 100_000, "GS4003"),
    ("[]", "GS4004"), ('{"lineage": "x"}', "GS4004"),
    ('{"format_version": "9.0", "planned_values": {}}', "GS4005"),
])
def test_what_is_no_plan_is_refused_with_what_to_do(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(GroundsillError) as refused:
        reading(tmp_path, text)
    assert refused.value.diagnostics[0].code == code


def test_a_path_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GroundsillError, match="GS4001"):
        read(tmp_path / "nothing")


def test_a_plan_of_terraforms_json_form_holds_the_text_of_its_expressions_so_nothing_is_guessed(tmp_path: Path) -> None:
    def written(text: str, *references: str) -> dict[str, Any]:
        return {"constant_value": text, "references": list(references)}

    queue = ("aws_sqs_queue.jobs.arn", "aws_sqs_queue.jobs")
    policy = '{"Statement":[{"Effect":"Allow","Resource":["${aws_sqs_queue.jobs.arn}","${aws_sqs_queue.jobs.arn}/*"]}]}'
    graph = reading(tmp_path, plan(
        [change("aws_sqs_queue.jobs", {"name": "jobs"}, {"arn": True}),
         change("aws_iam_role_policy.a", {"name": "a"}, {"policy": True}),
         change("aws_lambda_permission.a", {"action": "lambda:InvokeFunction"}, {"source_arn": True})],
        {"resources": [configured("aws_iam_role_policy.a", policy=written(policy, *queue)),
                       configured("aws_lambda_permission.a", source_arn=written("${aws_sqs_queue.jobs.arn}/x", *queue))]})).graph
    arn = Reference("aws_sqs_queue.jobs", ("arn",))
    assert graph["aws_iam_role_policy.a"].arguments["policy"] == JsonDocument(
        {"Statement": [{"Effect": "Allow", "Resource": [arn, f"{arn}/*"]}]})
    assert graph["aws_lambda_permission.a"].arguments["source_arn"] == f"{arn}/x"


def test_a_policy_that_a_data_source_will_make_can_be_looked_into(tmp_path: Path) -> None:
    graph = reading(tmp_path, plan(
        [change("aws_sqs_queue.jobs", {"name": "jobs"}, {"arn": True}),
         change("data.aws_iam_policy_document.send", {"statement": [{"actions": ["sqs:SendMessage"], "sid": "Send"}]},
                {"statement": [{"resources": True}], "json": True}, actions=("read",)),
         change("aws_iam_role_policy.a", {"name": "a"}, {"policy": True})],
        {"resources": [
            configured("data.aws_iam_policy_document.send", statement=[{
                "actions": {"constant_value": ["sqs:SendMessage"]}, "resources": refers("aws_sqs_queue.jobs.arn")}]),
            configured("aws_iam_role_policy.a", policy=refers(
                "data.aws_iam_policy_document.send.json", "data.aws_iam_policy_document.send"))]})).graph
    policy = graph["aws_iam_role_policy.a"].arguments["policy"]
    assert isinstance(policy, JsonDocument)
    assert policy.content["Statement"][0]["Action"] == "sqs:SendMessage"
    assert "aws_sqs_queue.jobs" in graph.dependencies("aws_iam_role_policy.a")
