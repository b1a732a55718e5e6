"""Who reaches whom over the network, and what a role may do: yes, no, or not to be known before apply."""

from __future__ import annotations

import json
from typing import Any

import pytest

from groundsill.graph import Graph, JsonDocument, Reference, Resource, Unknown, View
from groundsill.graph.iam_policies import Policies
from groundsill.graph.iam_reach import Access, trusted
from groundsill.graph.judgement import Answer, Judgement, every, some
from groundsill.graph.network_reach import NetworkReach
from groundsill.graph.network_topology import Placement


def network(
    *, nat: bool = True, group_rules: list[dict[str, Any]] | None = None, egress: dict[str, Any] | None = None,
    extra: tuple[Resource, ...] = (),
) -> Graph:
    """A VPC with a public and a private subnet, a function in the private one and a database beside it."""
    graph = Graph()
    vpc = graph.add(Resource("aws_vpc", "main", {"cidr_block": "10.0.0.0/16"}))
    gateway = graph.add(Resource("aws_internet_gateway", "main", {"vpc_id": vpc["id"]}))
    public = graph.add(Resource("aws_subnet", "public", {"vpc_id": vpc["id"], "cidr_block": "10.0.0.0/24"}))
    private = graph.add(Resource("aws_subnet", "private", {"vpc_id": vpc["id"], "cidr_block": "10.0.1.0/24"}))
    outside = graph.add(Resource("aws_route_table", "public", {
        "vpc_id": vpc["id"], "route": [{"cidr_block": "0.0.0.0/0", "gateway_id": gateway["id"]}]}))
    inside = graph.add(Resource("aws_route_table", "private", {"vpc_id": vpc["id"]}))
    for name, subnet, table in (("public", public, outside), ("private", private, inside)):
        graph.add(Resource("aws_route_table_association", name, {"subnet_id": subnet["id"], "route_table_id": table["id"]}))
    if nat:
        device = graph.add(Resource("aws_nat_gateway", "a", {"subnet_id": public["id"]}))
        graph.add(Resource("aws_route", "nat", {
            "route_table_id": inside["id"], "destination_cidr_block": "0.0.0.0/0", "nat_gateway_id": device["id"]}))
    out = {"from_port": 0, "to_port": 0, "protocol": "-1", "cidr_blocks": ["0.0.0.0/0"]} if egress is None else egress
    workload = graph.add(Resource("aws_security_group", "work", {"vpc_id": vpc["id"], "egress": [out] if out else []}))
    usual = [{"from_port": 5432, "to_port": 5432, "protocol": "tcp", "security_groups": [workload["id"]]}]
    data = graph.add(Resource("aws_security_group", "data", {
        "vpc_id": vpc["id"], "ingress": usual if group_rules is None else group_rules}))
    graph.add(Resource("aws_lambda_function", "work", {
        "vpc_config": [{"subnet_ids": [private["id"]], "security_group_ids": [workload["id"]]}]}))
    both = graph.add(Resource("aws_db_subnet_group", "data", {"subnet_ids": [private["id"], public["id"]]}))
    graph.add(Resource("aws_db_instance", "data", {
        "db_subnet_group_name": both["name"], "vpc_security_group_ids": [data["id"]]}))
    for resource in extra:
        graph.add(resource)
    return graph


def place(graph: Graph, address: str) -> tuple[NetworkReach, Placement]:
    reach = NetworkReach(View(graph))
    found = reach.topology.placement(graph[address])
    assert found is not None
    return reach, found


def connects(graph: Graph, port: int = 5432) -> Judgement:
    reach, work = place(graph, "aws_lambda_function.work")
    data = reach.topology.placement(graph["aws_db_instance.data"])
    assert data is not None
    return reach.connects(work, data, port)


@pytest.mark.parametrize(("rule", "port", "answer"), [
    ({"from_port": 5432, "to_port": 5432, "protocol": "tcp", "cidr_blocks": ["10.0.0.0/16"]}, 5432, Answer.YES),
    ({"from_port": 5432, "to_port": 5432, "protocol": "tcp", "cidr_blocks": ["10.0.0.0/16"]}, 3306, Answer.NO),
    ({"from_port": 0, "to_port": 0, "protocol": "-1", "cidr_blocks": ["10.0.1.0/24"]}, 5432, Answer.YES),
    ({"from_port": 5432, "to_port": 5432, "protocol": "udp", "cidr_blocks": ["10.0.0.0/16"]}, 5432, Answer.NO),
    ({"from_port": 5432, "to_port": 5432, "protocol": "tcp", "cidr_blocks": ["10.0.1.0/25"]}, 5432, Answer.UNKNOWN),
    ({"from_port": 5432, "to_port": 5432, "protocol": "tcp", "cidr_blocks": ["10.9.0.0/16"]}, 5432, Answer.NO),
    ({"from_port": 5432, "to_port": 5432, "protocol": "tcp", "self": True}, 5432, Answer.NO),
    ({"from_port": 5432, "to_port": 5432, "protocol": "tcp", "prefix_list_ids": ["pl-1"]}, 5432, Answer.UNKNOWN),
    ({"from_port": 5432, "to_port": 5432, "protocol": "tcp", "cidr_blocks": [Reference("var.office")]}, 5432, Answer.UNKNOWN),
    ({"from_port": Unknown("var.port"), "to_port": 5432, "protocol": "tcp", "cidr_blocks": ["10.0.0.0/16"]}, 5432,
     Answer.UNKNOWN),
    ({"from_port": "5432", "to_port": "5432", "protocol": "6", "cidr_blocks": "0.0.0.0/0"}, 5432, Answer.YES),
])
def test_a_security_group_lets_in_what_its_rules_say(rule: dict[str, Any], port: int, answer: Answer) -> None:
    assert connects(network(group_rules=[rule]), port).answer is answer


def test_a_group_reference_lets_in_and_the_reasons_name_it() -> None:
    judged = connects(network())
    assert judged.is_yes
    assert "aws_security_group.data lets tcp 5432 in from aws_lambda_function.work" in judged.reasons
    judged = connects(network(), 5433)
    assert judged.is_no and judged.reasons == ("aws_security_group.data does not let tcp 5433 in from aws_lambda_function.work",)


def test_rules_of_their_own_count_as_inline_ones_do() -> None:
    for type, arguments in (
        ("aws_security_group_rule", {"type": "ingress", "protocol": "tcp", "from_port": 5432, "to_port": 5432,
                                     "source_security_group_id": Reference("aws_security_group.work", ("id",))}),
        ("aws_vpc_security_group_ingress_rule", {"ip_protocol": "tcp", "from_port": 5432, "to_port": 5432,
                                                 "referenced_security_group_id": Reference("aws_security_group.work", ("id",))}),
    ):
        rule = Resource(type, "in", {"security_group_id": Reference("aws_security_group.data", ("id",)), **arguments})
        assert connects(network(group_rules=[], extra=(rule,))).is_yes
        assert connects(network(group_rules=[])).is_no


def test_a_closed_way_out_of_the_source_is_a_no() -> None:
    assert connects(network(egress={})).is_no
    only = {"from_port": 443, "to_port": 443, "protocol": "tcp", "cidr_blocks": ["0.0.0.0/0"]}
    assert connects(network(egress=only)).is_no


def test_a_network_acl_makes_it_unknown() -> None:
    rules = Resource("aws_network_acl", "a", {"subnet_ids": [Reference("aws_subnet.private", ("id",))]})
    assert connects(network(extra=(rules,))).is_unknown


def test_a_nat_gateway_is_a_way_out_and_without_one_there_is_none() -> None:
    reach, work = place(network(), "aws_lambda_function.work")
    assert reach.way_out(work).is_yes
    reach, work = place(network(nat=False), "aws_lambda_function.work")
    judged = reach.way_out(work)
    assert judged.is_no and "aws_route_table.private of aws_subnet.private has no route to the internet" in judged.reasons


def test_an_endpoint_is_enough_for_its_service_alone() -> None:
    endpoint = Resource("aws_vpc_endpoint", "secrets", {
        "vpc_id": Reference("aws_vpc.main", ("id",)), "service_name": "com.amazonaws.us-east-1.secretsmanager",
        "vpc_endpoint_type": "Interface", "private_dns_enabled": True,
        "subnet_ids": [Reference("aws_subnet.private", ("id",))],
        "security_group_ids": [Reference("aws_security_group.ends", ("id",))]})
    ends = Resource("aws_security_group", "ends", {"ingress": [
        {"from_port": 443, "to_port": 443, "protocol": "tcp", "cidr_blocks": ["10.0.0.0/16"]}]})
    reach, work = place(network(nat=False, extra=(ends, endpoint)), "aws_lambda_function.work")
    assert reach.to_service(work, "secretsmanager").is_yes
    assert reach.to_service(work, "ecr.api").is_no
    endpoint.arguments["private_dns_enabled"] = False
    assert reach.to_service(work, "secretsmanager").is_no


def test_a_gateway_endpoint_serves_the_tables_it_is_in() -> None:
    endpoint = Resource("aws_vpc_endpoint", "s3", {
        "vpc_id": Reference("aws_vpc.main", ("id",)), "service_name": "com.amazonaws.us-east-1.s3",
        "vpc_endpoint_type": "Gateway", "route_table_ids": [Reference("aws_route_table.private", ("id",))]})
    reach, work = place(network(nat=False, extra=(endpoint,)), "aws_lambda_function.work")
    assert reach.to_service(work, "s3").is_yes
    endpoint.arguments["route_table_ids"] = [Reference("aws_route_table.public", ("id",))]
    reach, work = place(network(nat=False, extra=(endpoint,)), "aws_lambda_function.work")
    assert reach.to_service(work, "s3").is_no


def test_a_public_subnet_is_a_way_out_with_a_public_address_only() -> None:
    for public, answer in ((True, Answer.YES), (False, Answer.NO), (Reference("var.public"), Answer.UNKNOWN)):
        service = Resource("aws_ecs_service", "s", {"network_configuration": [{
            "subnets": [Reference("aws_subnet.public", ("id",))], "assign_public_ip": public,
            "security_groups": [Reference("aws_security_group.work", ("id",))]}]})
        reach, work = place(network(extra=(service,)), "aws_ecs_service.s")
        assert reach.way_out(work).answer is answer


# -- IAM ---------------------------------------------------------------------------------------------------------------


def access(*policies: Any, role: dict[str, Any] | None = None, extra: tuple[Resource, ...] = ()) -> tuple[Access, Graph]:
    graph = Graph()
    graph.add(Resource("aws_sqs_queue", "jobs", {"name": "shop-jobs"}))
    graph.add(Resource("aws_dynamodb_table", "orders", {"name": "shop-orders"}))
    graph.add(Resource("aws_secretsmanager_secret", "key", {"name": "shop-key"}))
    graph.add(Resource("aws_cognito_user_pool", "users", {"name": "users"}))
    graph.add(Resource("aws_iam_role", "work", role or {}))
    for index, policy in enumerate(policies):
        graph.add(Resource("aws_iam_role_policy", f"p{index}", {
            "role": Reference("aws_iam_role.work", ("id",)),
            "policy": policy if isinstance(policy, str) else JsonDocument(policy)}))
    for resource in extra:
        graph.add(resource)
    return Access(View(graph)), graph


def allow(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": action, "Resource": resource, **more}]}


JOBS = Reference("aws_sqs_queue.jobs", ("arn",))
ORDERS = Reference("aws_dynamodb_table.orders", ("arn",))
SEND = "sqs:SendMessage"


@pytest.mark.parametrize(("policy", "answer"), [
    (allow(SEND, JOBS), Answer.YES),
    (allow("sqs:*", "*"), Answer.YES),
    (allow("SQS:Send*", [JOBS]), Answer.YES),
    (allow("sqs:ReceiveMessage", JOBS), Answer.NO),
    (allow(SEND, ORDERS), Answer.NO),
    (allow(SEND, "arn:aws:sqs:us-east-1:123456789012:shop-jobs"), Answer.YES),
    (allow(SEND, "arn:aws:sqs:*:*:shop-*"), Answer.YES),
    (allow(SEND, "arn:aws:sqs:us-east-1:123456789012:other"), Answer.NO),
    (allow(SEND, Reference("var.queue_arn")), Answer.UNKNOWN),
    (allow(SEND, JOBS, Condition={"StringEquals": {"aws:PrincipalTag/a": "b"}}), Answer.UNKNOWN),
    ({"Statement": {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}}, Answer.YES),
    ({"Statement": {"Effect": "Allow", "NotAction": "sqs:*", "Resource": "*"}}, Answer.NO),
    (json.dumps({"Statement": [{"Effect": "Allow", "Action": SEND, "Resource": "*"}]}), Answer.YES),
    ("not json", Answer.UNKNOWN),
])
def test_a_policy_allows_what_its_statements_say(policy: Any, answer: Answer) -> None:
    asked, graph = access(policy)
    assert asked.allows(graph["aws_iam_role.work"], SEND, graph["aws_sqs_queue.jobs"]).answer is answer


def test_a_deny_is_stronger_than_any_allow() -> None:
    deny = {"Statement": {"Effect": "Deny", "Action": "sqs:*", "Resource": JOBS}}
    for policies in ((allow("*", "*"), deny), (deny, allow("*", "*"))):
        asked, graph = access(*policies)
        judged = asked.allows(graph["aws_iam_role.work"], SEND, graph["aws_sqs_queue.jobs"])
        assert judged.is_no and "denies sqs:SendMessage" in judged.reasons[0]
    plain = {"Statement": {"Effect": "Deny", "Action": "sqs:*", "Resource": "*",
                           "Condition": {"Bool": {"aws:SecureTransport": "false"}}}}
    asked, graph = access(allow(SEND, JOBS), plain)
    assert asked.allows(graph["aws_iam_role.work"], SEND, JOBS).is_yes


def test_index_rights_are_not_table_rights() -> None:
    asked, graph = access(allow("dynamodb:Query", [ORDERS]))
    assert asked.allows(graph["aws_iam_role.work"], "dynamodb:Query", graph["aws_dynamodb_table.orders"]).is_yes
    assert asked.allows(graph["aws_iam_role.work"], "dynamodb:Query", f"{ORDERS}/index/ByUser").is_no
    asked, graph = access(allow("dynamodb:Query", [ORDERS, f"{ORDERS}/index/*"]))
    assert asked.allows(graph["aws_iam_role.work"], "dynamodb:Query", f"{ORDERS}/index/ByUser").is_yes


def test_managed_policies_and_boundaries_count() -> None:
    def attached(arn: str) -> Resource:
        role = Reference("aws_iam_role.work", ("name",))
        return Resource("aws_iam_role_policy_attachment", "a", {"role": role, "policy_arn": arn})

    asked, graph = access(extra=(attached("arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"),))
    assert asked.allows(graph["aws_iam_role.work"], "ecr:BatchGetImage").is_yes
    assert asked.allows(graph["aws_iam_role.work"], "secretsmanager:GetSecretValue").is_no
    asked, graph = access(extra=(attached("arn:aws:iam::aws:policy/SomethingNobodyKnows"),))
    assert asked.allows(graph["aws_iam_role.work"], SEND).is_unknown
    asked, graph = access(allow("*", "*"), role={"permissions_boundary": "arn:aws:iam::aws:policy/AmazonSQSFullAccess"})
    assert asked.allows(graph["aws_iam_role.work"], SEND, JOBS).is_yes
    assert asked.allows(graph["aws_iam_role.work"], "dynamodb:PutItem", ORDERS).is_no


def test_a_document_of_a_data_source_is_read() -> None:
    document = Resource("aws_iam_policy_document", "d", {"statement": [
        {"actions": [SEND], "resources": [JOBS]}]}, data=True)
    policy = Resource("aws_iam_role_policy", "p", {"role": Reference("aws_iam_role.work", ("name",)),
                                                   "policy": document["json"]})
    asked, graph = access(extra=(document, policy))
    assert asked.allows(graph["aws_iam_role.work"], SEND, graph["aws_sqs_queue.jobs"]).is_yes
    assert asked.allows(graph["aws_iam_role.work"], "sqs:DeleteMessage", graph["aws_sqs_queue.jobs"]).is_no


def test_an_arn_of_which_nothing_is_known_is_unknown_against_a_written_one() -> None:
    asked, graph = access(allow("cognito-idp:AdminGetUser", "arn:aws:cognito-idp:us-east-1:1:userpool/*"))
    assert asked.allows(graph["aws_iam_role.work"], "cognito-idp:AdminGetUser", graph["aws_cognito_user_pool.users"]).is_unknown


def test_a_role_trusts_the_services_that_its_trust_policy_names() -> None:
    trust = JsonDocument({"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
                                         "Action": "sts:AssumeRole"}]})
    _, graph = access(role={"assume_role_policy": trust})
    assert trusted(Policies(View(graph)), graph["aws_iam_role.work"], "lambda.amazonaws.com").is_yes
    assert trusted(Policies(View(graph)), graph["aws_iam_role.work"], "ecs-tasks.amazonaws.com").is_no


def test_every_and_some_decide_by_the_worst_and_the_best() -> None:
    yes, no, unknown = Judgement.yes("y"), Judgement.no("n"), Judgement.unknown("u")
    assert every((yes, unknown, no)) == no and every((yes, unknown)) == unknown and every(()).is_yes
    assert some((no, unknown, yes)) == yes and some((no, unknown)) == unknown and some(()).is_no
