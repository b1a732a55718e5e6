"""`uses` is the only wiring: every verb gives exactly its rights and its address, and taking it away takes exactly those."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill import GroundsillError, Stage
from groundsill import components as c
from groundsill.definition.grant import Grant
from tests.component_support import arguments, build, examine

READ = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"]
WRITE = ["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
TABLE = "${aws_dynamodb_table.orders.arn}"
TABLES = [TABLE, f"{TABLE}/index/ByUser"]
NAME = {"ORDERS_TABLE": "${aws_dynamodb_table.orders.name}"}
QUEUE, URL = ["${aws_sqs_queue.jobs.arn}"], {"JOBS_QUEUE_URL": "${aws_sqs_queue.jobs.url}"}
POOL = "https://${aws_cognito_user_pool.users.endpoint}"
KEY = ["${aws_kms_key.own.arn}"]

# verb: (statements as (actions, resources), environment)
VERBS: dict[str, tuple[list[tuple[list[str], list[str]]], dict[str, str]]] = {
    "orders.read": ([(READ, TABLES)], NAME),
    "orders.write": ([(WRITE, [TABLE])], NAME),
    "orders.read_write": ([(READ, TABLES), (WRITE, [TABLE])], NAME),
    "orders.scan": ([(["dynamodb:Scan"], TABLES)], NAME),
    "locked.read": ([(READ, ["${aws_dynamodb_table.locked.arn}"]), (["kms:Decrypt"], KEY)],
                    {"LOCKED_TABLE": "${aws_dynamodb_table.locked.name}"}),
    "locked.write": ([(WRITE, ["${aws_dynamodb_table.locked.arn}"]), (["kms:Decrypt", "kms:GenerateDataKey"], KEY)],
                     {"LOCKED_TABLE": "${aws_dynamodb_table.locked.name}"}),
    "jobs.send": ([(["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"], QUEUE)], URL),
    "jobs.consume": ([(["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl",
                        "sqs:ReceiveMessage"], QUEUE)], URL),
    "jobs.redrive": ([(["sqs:CancelMessageMoveTask", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
                        "sqs:ListMessageMoveTasks", "sqs:ReceiveMessage", "sqs:StartMessageMoveTask"], QUEUE)], URL),
    "other.invoke": ([(["lambda:InvokeFunction"], ["${aws_lambda_function.other.arn}"])],
                     {"OTHER_FUNCTION": "${aws_lambda_function.other.function_name}"}),
    "sender.send": ([(["ses:SendEmail", "ses:SendRawEmail"], ["${aws_sesv2_email_identity.sender.arn}"])],
                    {"SENDER_ADDRESS": "no-reply@shop.example"}),
    "users.verify": ([], {"USER_POOL_ISSUER": POOL, "USER_POOL_JWKS_URL": f"{POOL}/.well-known/jwks.json",
                          "USER_POOL_CLIENT_ID": "${aws_cognito_user_pool_client.users_app.id}"}),
    "users.manage": ([([f"cognito-idp:{action}" for action in (
        "AdminCreateUser", "AdminDeleteUser", "AdminDisableUser", "AdminEnableUser", "AdminGetUser",
        "AdminUpdateUserAttributes", "AdminUserGlobalSignOut", "ListUsers")], ["${aws_cognito_user_pool.users.arn}"])],
        {"USERS_USER_POOL_ID": "${aws_cognito_user_pool.users.id}"}),
}


def parts() -> SimpleNamespace:
    own = c.Key("own")
    users = c.UserPool("users")
    users.client("app")
    return SimpleNamespace(
        orders=c.Table("orders", key=("Id", "At"), indexes=[c.Index("ByUser", ("User",))]),
        locked=c.Table("locked", key="Id", encryption=own), jobs=c.Queue("jobs"), users=users,
        other=c.Function("other", "a.b:other"), sender=c.EmailSender("sender", "no-reply@shop.example"),
    )


def grant(used: SimpleNamespace, verb: str) -> Grant:
    component, name = verb.split(".")
    return getattr(getattr(used, component), name)


def lowered(choose: Callable[[SimpleNamespace], list[Grant]]) -> tuple[list[tuple[list[str], list[str]]], dict[str, str]]:
    """Statements and environment of a function that uses these grants, its own log left out."""
    def define(stage: Stage) -> None:
        c.Function("under-test", "a.b:c", uses=choose(parts()))

    graph = build(define)
    policy = arguments(graph["aws_iam_role_policy.under_test"])["policy"]
    function = arguments(graph["aws_lambda_function.under_test"])
    variables = function.get("environment", [{"variables": {}}])[0]["variables"]
    return [(item["Action"], item["Resource"]) for item in policy["Statement"] if item["Sid"] != "WriteLog"], variables


@pytest.mark.parametrize("verb", list(VERBS))
@pytest.mark.requirement("OM-S03")
def test_a_verb_gives_exactly_its_rights_and_its_address(verb: str) -> None:
    assert lowered(lambda used: [grant(used, verb)]) == VERBS[verb]


GRANTING = [verb for verb in VERBS if verb != "users.verify"]


@given(verbs=st.lists(st.sampled_from(GRANTING), unique=True, min_size=1), data=st.data())
@pytest.mark.requirement("OM-S03", "OM-C15")
def test_taking_one_entry_away_takes_exactly_what_it_gave(verbs: list[str], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(verbs))
    rest = [verb for verb in verbs if verb != gone]
    whole, without = (lowered(lambda used, chosen=chosen: [grant(used, verb) for verb in chosen]) for chosen in (verbs, rest))
    for statements, variables, chosen in ((*whole, verbs), (*without, rest)):
        assert statements == [statement for verb in chosen for statement in VERBS[verb][0]]
        assert variables == {name: value for verb in chosen for name, value in VERBS[verb][1].items()}


def test_an_entry_given_twice_is_granted_once() -> None:
    assert lowered(lambda used: [used.jobs.send, used.jobs.send]) == VERBS["jobs.send"]


def test_sending_mail_is_allowed_from_the_senders_own_address_alone() -> None:
    def define(stage: Stage) -> None:
        c.Function("under-test", "a.b:c", uses=[c.EmailSender("sender", "no-reply@shop.example").send])

    (statement, _) = arguments(build(define)["aws_iam_role_policy.under_test"])["policy"]["Statement"]
    assert statement["Condition"] == {"StringEquals": {"ses:FromAddress": "no-reply@shop.example"}}


def test_a_grant_is_passed_under_the_names_that_the_code_wants() -> None:
    statements, variables = lowered(lambda used: [used.orders.read.env("TABLE"), used.users.verify.env("ISSUER", "KEYS", "APP")])
    assert statements == VERBS["orders.read"][0]
    assert variables == {"TABLE": NAME["ORDERS_TABLE"], "ISSUER": POOL, "KEYS": f"{POOL}/.well-known/jwks.json",
                         "APP": "${aws_cognito_user_pool_client.users_app.id}"}


@pytest.mark.parametrize("names", [(), ("A", "B"), ("1A",), ("A-B",), ("",)])
def test_names_that_do_not_fit_a_grant_are_refused(names: tuple[str, ...]) -> None:
    def define(stage: Stage) -> None:
        c.Function("under-test", "a.b:c", uses=[parts().orders.read.env(*names)])

    _, diagnostics = examine(define)
    assert [item.code for item in diagnostics] == ["GS1404" if len(names) != 1 else "GS1405"]
    with pytest.raises(GroundsillError):
        Grant("orders", "read", environment={"ORDERS_TABLE": "orders"}).env(*names)


def test_the_same_grant_means_the_same_for_a_service() -> None:
    def define(stage: Stage) -> None:
        used, network = parts(), c.Network("main")
        image = c.Container("image", command=("app",))
        c.Service("service", image, network.private, cluster=c.Cluster("cluster"), uses=[used.orders.read, used.jobs.send])

    graph = build(define)
    policy = arguments(graph["aws_iam_role_policy.service"])["policy"]
    assert [(item["Action"], item["Resource"]) for item in policy["Statement"]] == [
        *VERBS["orders.read"][0], *VERBS["jobs.send"][0]]
    (container,) = arguments(graph["aws_ecs_task_definition.service"])["container_definitions"]
    assert container["environment"] == [{"name": name, "value": value} for name, value in sorted({**NAME, **URL}.items())]


def test_two_paths_to_one_service_share_its_target_group_and_two_balancers_both_reach_it() -> None:
    def define(stage: Stage) -> None:
        network = c.Network("main")
        image = c.Container("image", command=("app",))
        web = c.Service("web", image, network.private, cluster=c.Cluster("cluster"), port=8080)
        for name in ("one", "two"):
            balancer = c.LoadBalancer(name, network.private)
            balancer.route("/a/*", web)
            balancer.route("/b/*", web)

    graph = build(define)
    assert sorted(group.name for group in graph.of_type("aws_lb_target_group")) == ["one_web", "two_web"]
    assert len(graph.of_type("aws_lb_listener_rule")) == 4
    behind: Any = arguments(graph["aws_ecs_service.web"])["load_balancer"]
    assert [item["target_group_arn"] for item in behind] == [
        "${aws_lb_target_group.one_web.arn}", "${aws_lb_target_group.two_web.arn}"]


@pytest.mark.requirement("OM-S17")
def test_a_worker_scales_with_what_waits_in_its_queue() -> None:
    def define(stage: Stage) -> None:
        network, jobs = c.Network("main"), c.Queue("jobs")
        c.Service("worker", c.Container("image", command=("app",)), network.private, cluster=c.Cluster("cluster"),
                  uses=[jobs.consume], scale=jobs.backlog(per_task=5, min=1, max=10))

    graph = build(define)
    target = arguments(graph["aws_appautoscaling_target.worker"])
    assert (target["min_capacity"], target["max_capacity"]) == (1, 10)
    policy = arguments(graph["aws_appautoscaling_policy.worker_backlog"])
    assert policy["target_tracking_scaling_policy_configuration"][0]["target_value"] == 5
    service = graph["aws_ecs_service.worker"]
    assert service.lifecycle is not None
    assert service.lifecycle.ignore_changes == ("desired_count",)
