"""Before anything is built: whether the credentials may do what a deploy takes; and what a refusal of AWS says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from groundsill import Stage, System
from groundsill.aws.calls import CALLS, arn_forms, control_of
from groundsill.aws.controls import controls_of
from groundsill.components import Function, Queue, Table
from groundsill.graph import Graph, resolve
from groundsill.terraform.denials import decoded, denial, explained
from groundsill.terraform.events import Problem
from groundsill.terraform.failures import diagnose
from groundsill.terraform.needs import Needs, Wanted, wanted_by_state
from groundsill.terraform.outcome import EngineError
from groundsill.terraform.permissions import Judgement, Permissions, diagnostics
from groundsill.terraform.preflight import Caller
from groundsill.testing import Definition
from tests.component_examples import every_component
from tests.component_support import build
from tests.contract import iam_actions

from .deploy_support import BUCKET, Shop, client, running_api
from .gate import gate

SYSTEMS = Path(__file__).resolve().parents[2] / "systems"
ACCOUNT = "123456789012"
STATE_RIGHTS = {"Effect": "Allow", "Action": "s3:*", "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]}
ASKING = {"Effect": "Allow", "Action": "iam:SimulatePrincipalPolicy", "Resource": "*"}
TABLES = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "arn:aws:dynamodb:*:*:table/*"}


def shop_graph() -> Graph:
    system = System("shop", region="us-east-1")

    @system.define
    def define(stage: Stage) -> None:
        jobs = Queue("jobs", dead_letter=Queue("jobs-dead"), max_receives=3)
        orders = Table("orders", key="Id")
        Function("save", "functions.orders:save", uses=[orders.write, jobs.send])

    return system.build()


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with running_api(tmp_path_factory.mktemp("api")) as found:
        client(found, "s3").create_bucket(Bucket=BUCKET)
        yield found


def user(api: dict[str, str], name: str, *statements: dict[str, Any], boundary: dict[str, Any] | None = None) -> dict[str, str]:
    """The environment of an IAM user with these rights."""
    iam = client(api, "iam")
    more = {}
    if boundary:
        document = json.dumps({"Version": "2012-10-17", "Statement": [boundary]})
        more["PermissionsBoundary"] = iam.create_policy(PolicyName=f"{name}-limit", PolicyDocument=document)["Policy"]["Arn"]
    iam.create_user(UserName=name, **more)
    iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": list(statements)}))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {**api, "AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def judged(
    api: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch, graph: Graph, wanted: list[Wanted] | None = None,
) -> Judgement:
    for variable, value in api.items():
        monkeypatch.setenv(variable, value)
    who = Caller("000000000000", f"arn:aws:iam::000000000000:user/{name}")
    return Permissions(who, graph).judge(wanted_by_state(graph, []) if wanted is None else wanted)


# -- what a deploy takes -----------------------------------------------------------------------------------------------


def test_every_action_that_a_deploy_takes_exists_and_is_one_of_the_deployers() -> None:
    wrong: list[str] = []
    for type, calls in CALLS.items():
        control = control_of(type)
        assert control is not None, type
        known = iam_actions()[control.service]
        patterns = [pattern for item in controls_of(type) if item.service == control.service
                    for pattern in (*item.actions, *item.unnamed)]
        for name in {*calls.make, *calls.change, *calls.end}:
            if name not in known["named"] + known["unnamed"]:
                wrong.append(f"AWS has no {control.service}:{name} ({type})")
            if patterns and not any(fnmatchcase(name, pattern) for pattern in patterns):
                wrong.append(f"the deployer of {type} lacks {control.service}:{name}")
            if f"{control.service}:{name}" not in arn_forms():
                wrong.append(f"what {control.service}:{name} names is not written down: python -m scripts.generate_action_arns")
    assert not wrong, "\n".join(wrong)


def test_the_actions_of_a_deploy_name_the_resources_that_it_makes() -> None:
    graph = shop_graph()
    needs = {(need.action, need.address): need.arns for need in Needs(graph, "aws", ACCOUNT).of(wanted_by_state(graph, []))}
    assert f"arn:aws:sqs:us-east-1:{ACCOUNT}:shop-dev-jobs" in needs["sqs:CreateQueue", "aws_sqs_queue.jobs"]
    assert f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:shop-dev-save" in needs[
        "lambda:CreateFunction", "aws_lambda_function.save"]
    (role,) = [arns for (action, _), arns in needs.items() if action == "iam:PassRole"]
    assert any(":role/shop-dev-save" in arn for arn in role), "whoever makes a function hands it its role"
    assert ("sqs:DeleteQueue", "aws_sqs_queue.jobs") not in needs
    gone = [{"address": "aws_sqs_queue.old", "type": "aws_sqs_queue", "values": {"name": "shop-dev-old"}}]
    (deleted,) = [need for need in Needs(graph, "aws", ACCOUNT).of(wanted_by_state(graph, gone)) if "Delete" in need.action]
    assert deleted.action == "sqs:DeleteQueue" and f"arn:aws:sqs:us-east-1:{ACCOUNT}:shop-dev-old" in deleted.arns
    assert not Needs(graph, "aws", ACCOUNT).of(wanted_by_state(graph, [{"address": item.address} for item in graph]))


def allowed(graph: Graph) -> list[tuple[list[str], list[str]]]:
    """Actions and resources that the deployer's policies allow."""
    found: list[tuple[list[str], list[str]]] = []
    for policy in graph.of_type("aws_iam_policy"):
        document = resolve(policy.arguments["policy"], lambda reference: ACCOUNT, json_text=False)
        found += [(item["Action"], item["Resource"]) for item in document["Statement"]]
    return found


# What would let the deployer change its own rights.
OF_AN_ADMINISTRATOR = {f"iam:{name}" for name in (
    "CreatePolicy", "CreatePolicyVersion", "DeletePolicy", "CreateOpenIDConnectProvider", "GetOpenIDConnectProvider",
    "DeleteOpenIDConnectProvider")}


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_deployers_own_policies_allow_what_is_asked_for(stage: str) -> None:
    graphs = [build(every_component, stage, tier="enterprise"), Definition(SYSTEMS / "open_metabolics").graph(stage)]
    for graph in graphs:
        rights = allowed(graph)
        changes = [Wanted(item.address, item.type, action) for item in graph if not item.data
                   for action in ("create", "update", "replace")]
        refused = {need.action for need in Needs(graph, "aws", ACCOUNT).of(changes) if not any(
            any(fnmatchcase(need.action, name) for name in actions)
            and any(fnmatchcase(arn, resource) for arn in need.arns for resource in resources) for actions, resources in rights)}
        assert refused <= OF_AN_ADMINISTRATOR, graph.name


# -- what IAM says beforehand ------------------------------------------------------------------------------------------


@pytest.mark.requirement("OM-T01", "AN-T02")
def test_actions_that_will_be_refused_are_named_by_component(api: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    graph = shop_graph()
    found = judged(user(api, "tables", ASKING, TABLES), "tables", monkeypatch, graph)
    refused = {item.action for item in found.denied}
    assert {"sqs:CreateQueue", "lambda:CreateFunction", "iam:CreateRole", "iam:PassRole"} <= refused
    assert not [action for action in refused if action.startswith("dynamodb:")]
    told = {item.subject: item for item in diagnostics(found, graph)}
    assert told.keys() == {'Queue("jobs")', 'Queue("jobs-dead")', 'Function("save")'}
    queue = told['Queue("jobs")']
    assert queue.code == "GS3043" and queue.location is not None
    assert queue.detail.splitlines()[0] == "aws_sqs_queue"
    assert "sqs:CreateQueue on arn:aws:sqs:us-east-1:000000000000:shop-dev-jobs: no policy allows it" in queue.detail
    assert "arn:aws:iam::000000000000:user/tables" in queue.mend


@pytest.mark.requirement("OM-T01", "AN-T02")
def test_rights_on_exactly_the_systems_names_are_enough(api: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    graph = shop_graph()
    narrow = {"Effect": "Allow", "Resource": "*", "NotAction": ["sqs:*", "dynamodb:*"]}
    queues = {"Effect": "Allow", "Action": "sqs:*", "Resource": "arn:aws:sqs:us-east-1:*:shop-dev-*"}
    here = {**TABLES, "Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}}
    found = judged(user(api, "narrow", narrow, queues, here), "narrow", monkeypatch, graph)
    assert not found.denied and not found.unsure and found.words.endswith("actions may be done")
    other = {**queues, "Resource": "arn:aws:sqs:us-east-1:*:other-*"}
    found = judged(user(api, "other", narrow, other, here), "other", monkeypatch, graph)
    assert {item.action.partition(":")[0] for item in found.denied} == {"sqs"}


@pytest.mark.requirement("OM-T01", "AN-T02")
def test_denials_boundaries_and_conditions_are_told_apart(api: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    graph = shop_graph()
    wanted = [Wanted("aws_sqs_queue.jobs", "aws_sqs_queue", "create")]
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    no = {"Effect": "Deny", "Action": "sqs:CreateQueue", "Resource": "*"}
    (denied,) = judged(user(api, "denied", everything, no), "denied", monkeypatch, graph, wanted).denied
    assert (denied.action, denied.why) == ("sqs:CreateQueue", "a policy denies it")
    limited = user(api, "limited", everything, boundary={"Effect": "Allow", "NotAction": "sqs:*", "Resource": "*"})
    found = judged(limited, "limited", monkeypatch, graph, wanted)
    assert {item.why for item in found.denied} == {"the permissions boundary does not allow it"}
    tagged = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*",
              "Condition": {"StringEquals": {"aws:RequestTag/team": "shop"}}}
    found = judged(user(api, "tagged", ASKING, tagged), "tagged", monkeypatch, graph, wanted)
    assert not found.denied and found.unsure == ("sqs:CreateQueue", "sqs:GetQueueAttributes")
    assert "hang on conditions" in found.words


@pytest.mark.requirement("OM-T01")
def test_whose_policies_cannot_be_simulated_is_told_in_a_line(api: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    graph = shop_graph()
    mute = judged(user(api, "mute", TABLES), "mute", monkeypatch, graph)
    assert mute.words == "not judged: these credentials may not ask for it (iam:SimulatePrincipalPolicy)"
    for arn, words in (
        (f"arn:aws:iam::{ACCOUNT}:root", "root user"), (f"arn:aws:sts::{ACCOUNT}:federated-user/ana", "federated user"),
    ):
        assert words in Permissions(Caller(ACCOUNT, arn), graph).judge(wanted_by_state(graph, [])).words
    assert "not known whose" in Permissions(Caller(unasked="no network"), graph).judge([]).words


@pytest.mark.requirement("OM-T01")
def test_the_role_behind_a_session_is_judged_also_with_a_path(api: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in api.items():
        monkeypatch.setenv(variable, value)
    iam = client(api, "iam")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
    iam.create_role(RoleName="Admin", Path="/aws-reserved/sso/", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName="Admin", PolicyName="tables", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [TABLES]}))
    graph = shop_graph()
    who = Caller("000000000000", "arn:aws:sts::000000000000:assumed-role/Admin/ana")
    found = Permissions(who, graph).judge(wanted_by_state(graph, []))
    assert found.principal == "arn:aws:iam::000000000000:role/aws-reserved/sso/Admin"
    assert "sqs:CreateQueue" in {item.action for item in found.denied}


def test_the_answer_of_aws_is_read_in_both_of_its_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    # API Reference, "EvaluationResult": one for each resource, or one whose ResourceSpecificResults speak of each.
    graph = shop_graph()
    pages: list[dict[str, Any]] = []

    def ask(_: Any, service: str, operation: str, arguments: dict[str, Any]) -> Any:
        pages.append(arguments)
        return {"EvaluationResults": [
            {"EvalActionName": action, "EvalResourceName": arn, "MissingContextValues": [], "MatchedStatements": [],
             "EvalDecision": "implicitDeny" if action == "sqs:CreateQueue" else "allowed",
             "OrganizationsDecisionDetail": {"AllowedByOrganizations": action != "sqs:CreateQueue"}}
            for action in arguments["ActionNames"] for arn in arguments["ResourceArns"]]}

    monkeypatch.setattr("groundsill.terraform.permissions.AwsCalls.ask", ask)
    found = Permissions(Caller(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/ana"), graph).judge(wanted_by_state(graph, []))
    (denied,) = found.denied
    assert denied.action == "sqs:CreateQueue" and "service control policy" in denied.why and len(denied.addresses) == 2
    assert all(len(page["ActionNames"]) * len(page["ResourceArns"]) <= 250 for page in pages)
    assert not any("*" in page["ResourceArns"] and len(page["ResourceArns"]) > 1 for page in pages)


# -- in the commands ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("OM-T01", "AN-T02")
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_deploy_that_will_be_refused_begins_nothing_and_a_plan_warns(
    terraform: None, api: dict[str, str], tmp_path: Path,
) -> None:
    shop = Shop(tmp_path / "shop", user(api, "planner", STATE_RIGHTS, ASKING, {
        "Effect": "Allow", "Action": ["dynamodb:Describe*", "dynamodb:List*"], "Resource": "*"}))
    planned = shop.json("plan", code=2)["permissions"]
    assert [item["action"] for item in planned["denied"]] == ["dynamodb:CreateTable"] and planned["not_judged"] is None
    warned = shop.run("plan", code=2)
    assert "warning[GS3043]" in warned.stderr and "1 of 4 actions will be refused" in warned.stderr
    (error,) = shop.json("deploy", code=1)["diagnostics"]
    assert error["code"] == "GS3043" and error["subject"] == 'Table("orders")' and error["line"] == 10
    assert "dynamodb:CreateTable on arn:aws:dynamodb:us-east-1:000000000000:table/shop-dev-orders" in error["detail"]
    assert not client(api, "dynamodb").list_tables()["TableNames"]
    assert shop.run("plan", "--no-permission-check", code=2).stderr.count("permissions") == 0

    refused = shop.json("deploy", "--no-permission-check", code=1)["diagnostics"][0]
    assert refused["code"] == "GS3016" and refused["subject"] == 'Table("orders")'
    said = refused["detail"].splitlines()
    assert "action: dynamodb:CreateTable" in said[0]
    assert "principal: arn:aws:iam::000000000000:user/planner" in said
    assert "resource: arn:aws:dynamodb:us-east-1:000000000000:table/shop-dev-orders" in said
    assert "`dynamodb:CreateTable`" in refused["mend"]


@pytest.mark.requirement("OM-T01", "AN-T02")
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_encoded_refusal_is_decoded_where_that_is_allowed(terraform: None, api: dict[str, str], tmp_path: Path) -> None:
    # The AWS API of the ground has neither: the answers are those of the documentation of EC2 and STS.
    content = {"allowed": False, "explicitDeny": True, "matchedStatements": {"items": [
        {"statementId": "NoTables", "effect": "DENY"}]}, "failures": {"items": []}, "context": {
        "principal": {"id": "AIDA:ana", "arn": f"arn:aws:iam::{ACCOUNT}:user/ana"}, "action": "dynamodb:CreateTable",
        "resource": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/shop-dev-orders", "conditions": {"items": []}}}

    def answer(call: bytes, status: int, body: bytes) -> tuple[int, bytes]:
        if b"DynamoDB_20120810.CreateTable" in call:
            message = f"You are not authorized to perform this operation. Encoded authorization failure message: {'aB3-_x' * 9}"
            return 400, json.dumps({"__type": "com.amazon.coral.service#AccessDeniedException", "message": message}).encode()
        if b"Action=DecodeAuthorizationMessage" in call:
            text = json.dumps(content).replace('"', "&quot;")
            return 200, (f'<DecodeAuthorizationMessageResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
                         f"<DecodeAuthorizationMessageResult><DecodedMessage>{text}</DecodedMessage>"
                         f"</DecodeAuthorizationMessageResult></DecodeAuthorizationMessageResponse>").encode()
        return status, body

    with gate(api) as (before, environment):
        before.rewrite = answer
        shop = Shop(tmp_path / "shop", environment)
        refused = shop.json("deploy", code=1)["diagnostics"][0]
        assert refused["code"] == "GS3016" and "aB3-_x" not in refused["detail"]
        assert refused["detail"].splitlines()[0].endswith("action: dynamodb:CreateTable")
        assert "statement: NoTables (deny)" in refused["detail"] and "reason: an explicit deny" in refused["detail"]
        assert "take away the statement that denies `dynamodb:CreateTable`" in refused["mend"]


# -- what a refusal says -----------------------------------------------------------------------------------------------

SCP = "with an explicit deny in a service control policy"
OF_LAMBDA = (
    "creating Lambda Function (save): operation error Lambda: CreateFunction, https response error StatusCode: 403, api error "
    f"AccessDeniedException: User: arn:aws:sts::{ACCOUNT}:assumed-role/ci/run is not authorized to perform: "
    f"lambda:CreateFunction on resource: arn:aws:lambda:us-east-1:{ACCOUNT}:function:save because no identity-based policy "
    "allows the lambda:CreateFunction action")
OF_IAM = (f"api error AccessDenied: User: arn:aws:iam::{ACCOUNT}:user/ana is not authorized to perform: iam:PassRole on "
          f"resource: arn:aws:iam::{ACCOUNT}:role/save {SCP}")
OF_EC2 = ("creating EC2 VPC: operation error EC2: CreateVpc, https response error StatusCode: 403, api error "
          "UnauthorizedOperation: You are not authorized to perform this operation.")


@pytest.mark.requirement("OM-T01", "AN-T02")
@pytest.mark.parametrize(("text", "action", "resource", "why"), [
    (OF_LAMBDA, "lambda:CreateFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:save",
     "no identity-based policy allows the lambda:CreateFunction action"),
    (OF_IAM, "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/save", SCP.removeprefix("with ")),
    (OF_EC2, "ec2:CreateVpc", "", ""),
    ("operation error S3: CreateBucket, api error AccessDenied: Access Denied", "s3:CreateBucket", "", ""),
    ("operation error Glacier: CreateVault, api error AccessDenied: no", "that of Glacier CreateVault", "", ""),
])
def test_a_refusal_names_the_action_and_what_it_was_for(text: str, action: str, resource: str, why: str) -> None:
    found = diagnose(Problem("creation failed", text, address="aws_x.y"))
    assert found.code == "GS3016" and f"action: {action}" in found.detail and f"`{action}`" in found.mend
    said = denial(text)
    assert (said.action, said.resource, said.why) == (action, resource, why)
    if "service control policy" in why:
        assert "administrator" in found.mend


def test_a_refusal_that_may_not_be_decoded_keeps_its_message_for_whoever_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundsill.terraform.denials.AwsCalls.ask", lambda *_: "An error occurred (AccessDenied) ")
    message = "aB3-_x" * 9
    found = diagnose(Problem("creation failed", f"{OF_EC2} Encoded authorization failure message: {message}"))
    (told,) = decoded(EngineError([found]), "us-east-1").diagnostics
    assert message in told.detail and "sts:DecodeAuthorizationMessage" in told.detail and "action: ec2:CreateVpc" in told.detail


def test_words_that_say_nothing_of_an_action_stay_as_they_are() -> None:
    found = diagnose(Problem("something", "AccessDenied"))
    assert found.code == "GS3016" and found.detail == "something\nAccessDenied" and "named above" in found.mend
    error = EngineError([explained(found, "AccessDenied")])
    assert decoded(error, "us-east-1") is error
