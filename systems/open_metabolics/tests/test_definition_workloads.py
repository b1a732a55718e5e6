"""The definition against the requirement rows: functions, the API, roles and logs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from om_support.defined import graph

from groundsill.components.functions import package_digest, packaged_files
from groundsill.graph import FunctionPackage
from groundsill.testing import Defined

DEV, PROD = Defined(graph("dev")), Defined(graph("prod"))
STAGES = pytest.mark.parametrize("stage", [DEV, PROD], ids=["dev", "prod"])
SUFFIX = {DEV: "", PROD: "-prod"}

# function: (row, MB, seconds, environment variable: table or queue)
FUNCTIONS = {
    "save-raw-sensor-data": ("OM-R07", 512, 29, {"DYNAMODB_TABLE": "raw_sensor_data"}),
    "process-energy-expenditure": ("OM-R08", 1024, 15, {
        "RAW_SENSOR_TABLE": "raw_sensor_data", "RESULTS_TABLE": "energy_results", "STATUS_TABLE": "processing_status",
        "USER_PROFILES_TABLE": "user_profiles", "QUEUE_URL": "energy_jobs"}),
    "manage-user-profile": ("OM-R09", 256, 29, {"USER_PROFILES_TABLE": "user_profiles"}),
    "get-user-profile": ("OM-R10", 256, 29, {"USER_PROFILES_TABLE": "user_profiles"}),
    "get-past-sessions": ("OM-R11", 256, 29, {"RESULTS_TABLE": "energy_results"}),
    "get-past-sessions-summary": ("OM-R12", 256, 29, {"RESULTS_TABLE": "energy_results"}),
    "get-session-details": ("OM-R13", 256, 29, {"RESULTS_TABLE": "energy_results"}),
    "get-all-session-summaries": ("OM-R14", 512, 29, {
        "RESULTS_TABLE": "energy_results", "SURVEY_TABLE": "survey_responses"}),
    "save-survey-response": ("OM-R15", 256, 29, {"SURVEY_TABLE": "survey_responses"}),
    "get-survey-response": ("OM-R16", 256, 29, {"SURVEY_TABLE": "survey_responses"}),
    "check-survey-responses": ("OM-R17", 256, 29, {"SURVEY_TABLE": "survey_responses"}),
}
EACH = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.requirement(facts[0])) for name, facts in FUNCTIONS.items()])


def terraform(name: str) -> str:
    return name.replace("-", "_")


@STAGES
@EACH
@pytest.mark.requirement("OM-C01", "OM-C02")
def test_a_function_has_the_stated_size_and_environment_and_answers_in_time(stage: Defined, name: str) -> None:
    _, memory, timeout, variables = FUNCTIONS[name]
    function = stage.one("aws_lambda_function", function_name=name + SUFFIX[stage])
    assert (function["runtime"], function["architectures"]) == ("python3.13", ["arm64"])
    assert (function["memory_size"], function["timeout"]) == (memory, timeout)
    assert function["role"] == f"${{aws_iam_role.{terraform(name)}.arn}}"
    assert function["environment"][0]["variables"] == {
        variable: f"${{aws_sqs_queue.{thing}.url}}" if variable == "QUEUE_URL" else f"${{aws_dynamodb_table.{thing}.name}}"
        for variable, thing in variables.items()
    }


@pytest.mark.requirement("OM-R18", "OM-C18")
def test_a_package_is_rebuilt_when_and_only_when_its_files_change(tmp_path: Path) -> None:
    packages = [item for item in DEV.graph.artifacts if isinstance(item, FunctionPackage)]
    assert {package.name for package in packages} == set(FUNCTIONS)
    for package in packages:
        function = DEV.all("aws_lambda_function")[terraform(package.name)]
        assert function["filename"] == f"packages/{package.name}-{package_digest(package)}.zip"
        names = [name for name, _ in packaged_files(package)]
        assert function["handler"].rpartition(".")[0].replace(".", "/") + ".py" in names
        assert not [name for name in names if "test" in name or name.endswith(".pyc")]
    (tmp_path / "functions").mkdir()
    file = tmp_path / "functions" / "one.py"
    file.write_text("a = 1\n")
    package = packages[0]._replace(source=tmp_path)
    before = package_digest(package)
    (tmp_path / "functions" / "__pycache__").mkdir()
    (tmp_path / "functions" / "__pycache__" / "one.pyc").write_text("cache")
    assert package_digest(package) == before
    file.write_text("a = 2\n")
    assert package_digest(package) != before
    file.write_text("a = 1\n")
    assert package_digest(package) == before


@STAGES
@pytest.mark.requirement("OM-R19", "OM-R20", "OM-C26")
def test_the_api_is_an_http_api_whose_stage_is_named_after_the_environment(stage: Defined) -> None:
    assert stage.one("aws_apigatewayv2_api")["protocol_type"] == "HTTP"
    served = stage.one("aws_apigatewayv2_stage")
    assert (served["name"], served["auto_deploy"]) == (stage.graph.stage, True)
    assert served["api_id"] == "${aws_apigatewayv2_api.api.id}"


@STAGES
@pytest.mark.requirement("OM-R21", "OM-C03", "OM-B14")
def test_each_function_is_a_post_route_of_its_name_that_wants_the_users_token(stage: Defined) -> None:
    routes = {route["route_key"]: route for route in stage.all("aws_apigatewayv2_route").values()}
    assert set(routes) == {f"POST /{name}" for name in FUNCTIONS} | {"ANY /energy/{proxy+}"}
    integrations = stage.all("aws_apigatewayv2_integration")
    for name in FUNCTIONS:
        route = routes[f"POST /{name}"]
        assert route["target"] == f"integrations/${{aws_apigatewayv2_integration.api_{terraform(name)}.id}}"
        integration = integrations[f"api_{terraform(name)}"]
        assert (integration["integration_type"], integration["payload_format_version"]) == ("AWS_PROXY", "2.0")
        assert integration["integration_uri"] == f"${{aws_lambda_function.{terraform(name)}.invoke_arn}}"
    for route in routes.values():
        assert (route["authorization_type"], route["authorizer_id"]) == ("JWT", "${aws_apigatewayv2_authorizer.api.id}")
    authorizer = stage.one("aws_apigatewayv2_authorizer")
    assert authorizer["authorizer_type"] == "JWT"
    assert authorizer["identity_sources"] == ["$request.header.Authorization"]
    assert authorizer["jwt_configuration"] == [{
        "audience": ["${aws_cognito_user_pool_client.users_app.id}"],
        "issuer": "https://${aws_cognito_user_pool.users.endpoint}"}]


@STAGES
@pytest.mark.requirement("OM-R22")
def test_the_api_may_call_each_function_by_its_own_route_alone(stage: Defined) -> None:
    permissions = stage.all("aws_lambda_permission")
    assert {(item["function_name"], item["source_arn"]) for item in permissions.values()} == {
        (f"${{aws_lambda_function.{terraform(name)}.function_name}}",
         f"${{aws_apigatewayv2_api.api.execution_arn}}/{stage.graph.stage}/POST/{name}") for name in FUNCTIONS}
    assert {(item["principal"], item["action"]) for item in permissions.values()} == {
        ("apigateway.amazonaws.com", "lambda:InvokeFunction")}


READ = {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"}
WRITE = {"dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"}
INDEXED = {"raw_sensor_data", "energy_results", "survey_responses"}
# role: what it does with which table; the queue's actions beside.
TABLE_RIGHTS = {
    "save_raw_sensor_data": {"raw_sensor_data": WRITE},
    "process_energy_expenditure": {
        "raw_sensor_data": READ, "energy_results": READ, "user_profiles": READ, "processing_status": READ | WRITE},
    "manage_user_profile": {"user_profiles": READ | WRITE},
    "get_user_profile": {"user_profiles": READ},
    "get_past_sessions": {"energy_results": READ},
    "get_past_sessions_summary": {"energy_results": READ},
    "get_session_details": {"energy_results": READ},
    "get_all_session_summaries": {"energy_results": READ, "survey_responses": READ},
    "save_survey_response": {"survey_responses": WRITE},
    "get_survey_response": {"survey_responses": READ},
    "check_survey_responses": {"survey_responses": READ},
    "energy_api": {
        "raw_sensor_data": READ, "energy_results": READ, "user_profiles": READ, "processing_status": READ | WRITE},
    "energy_worker": {
        "raw_sensor_data": READ, "energy_results": READ | WRITE, "user_profiles": READ, "processing_status": READ | WRITE},
}
SEND = {"sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"}
CONSUME = {"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl",
           "sqs:ReceiveMessage"}
QUEUE_RIGHTS = {"process_energy_expenditure": SEND, "energy_api": SEND, "energy_worker": CONSUME}


def check_rights(stage: Defined, role: str) -> None:
    found: dict[str, set[str]] = {}
    for actions, resources in stage.statements(role).values():
        for action in actions:
            found.setdefault(action, set()).update(resources)
    wanted: dict[str, set[str]] = {}
    for table, actions in TABLE_RIGHTS[role].items():
        arn = f"${{aws_dynamodb_table.{table}.arn}}"
        for action in actions:
            wanted.setdefault(action, set()).add(arn)
        if table in INDEXED:
            for action in actions & READ:
                wanted[action].add(f"{arn}/index/UserEmailIndex")
    for action in QUEUE_RIGHTS.get(role, set()):
        wanted[action] = {"${aws_sqs_queue.energy_jobs.arn}"}
    if not role.startswith("energy_"):
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            wanted[action] = {f"${{aws_cloudwatch_log_group.{role}.arn}}:*"}
        if stage is PROD:
            wanted |= {action: {"*"} for action in ("xray:PutTelemetryRecords", "xray:PutTraceSegments")}
    assert found == wanted


@STAGES
@pytest.mark.requirement("OM-R49", "OM-C04", "OM-C15", "OM-S03")
@pytest.mark.parametrize("role", [role for role in TABLE_RIGHTS if not role.startswith("energy_")])
def test_a_function_may_do_exactly_what_it_declares_and_nothing_else(stage: Defined, role: str) -> None:
    check_rights(stage, role)
    (statement,) = stage.all("aws_iam_role")[role]["assume_role_policy"]["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


@STAGES
@pytest.mark.requirement("OM-R51", "OM-S03")
@pytest.mark.parametrize("role", ["energy_api", "energy_worker"])
def test_a_service_may_do_exactly_what_it_declares_and_nothing_else(stage: Defined, role: str) -> None:
    check_rights(stage, role)
    assert stage.all("aws_ecs_task_definition")[role]["task_role_arn"] == f"${{aws_iam_role.{role}.arn}}"


@STAGES
@pytest.mark.requirement("OM-R50")
@pytest.mark.parametrize("service", ["energy_api", "energy_worker"])
def test_fargate_may_pull_the_image_and_write_the_log_of_a_service(stage: Defined, service: str) -> None:
    statements = stage.statements(f"{service}_execution").values()
    assert sorted((sorted(actions), sorted(resources)) for actions, resources in statements) == [
        (["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
         ["${aws_ecr_repository.energy.arn}"]),
        (["ecr:GetAuthorizationToken"], ["*"]),
        (["logs:CreateLogStream", "logs:PutLogEvents"], [f"${{aws_cloudwatch_log_group.{service}.arn}}:*"]),
    ]
    task = stage.all("aws_ecs_task_definition")[service]
    assert task["execution_role_arn"] == f"${{aws_iam_role.{service}_execution.arn}}"


@STAGES
@pytest.mark.requirement("OM-R52", "OM-C16")
def test_deploying_takes_a_role_for_an_hour_and_never_a_user_with_a_key(stage: Defined) -> None:
    assert not [resource for resource in stage.graph if resource.type.startswith(("aws_iam_user", "aws_iam_access_key"))]
    role = stage.all("aws_iam_role")["deployer"]
    assert role["max_session_duration"] == 3600
    policies = stage.all("aws_iam_policy")
    names = [policy["name"] for policy in policies.values()]
    assert names[0] == "OpenMetabolicsTerraformDeployment" + SUFFIX[stage]
    assert all(name.startswith("OpenMetabolicsTerraformDeployment") for name in names)
    attached = {item["policy_arn"] for item in stage.all("aws_iam_role_policy_attachment").values()
                if item["role"] == "${aws_iam_role.deployer.name}"}
    assert attached == {f"${{aws_iam_policy.{name}.arn}}" for name in policies}
    statements = [statement for policy in policies.values() for statement in policy["policy"]["Statement"]]
    for policy in policies.values():
        text = json.dumps(policy["policy"]).replace("${data.aws_caller_identity.current.account_id}", "0" * 12)
        assert len("".join(text.split())) <= 6144
    data = ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "sqs:SendMessage", "sqs:ReceiveMessage")
    for statement in statements:
        assert not set(statement["Action"]) & {"*", "iam:*", *data}
        assert all(":" in action and not action.endswith(":*") for action in statement["Action"])


@STAGES
@pytest.mark.requirement("OM-R55", "OM-C22", "OM-S07")
def test_every_function_has_a_log_group_that_forgets_after_30_days(stage: Defined) -> None:
    groups = {group["name"]: group["retention_in_days"] for group in stage.all("aws_cloudwatch_log_group").values()}
    for name in FUNCTIONS:
        assert groups[f"/aws/lambda/{name}{SUFFIX[stage]}"] == 30
        logging = stage.all("aws_lambda_function")[terraform(name)]["logging_config"]
        assert logging[0]["log_group"] == f"${{aws_cloudwatch_log_group.{terraform(name)}.name}}"
    assert set(groups.values()) == {30}


@STAGES
@pytest.mark.requirement("OM-S03")
def test_no_data_action_names_a_wildcard_resource(stage: Defined) -> None:
    for policy in stage.all("aws_iam_role_policy").values():
        for statement in policy["policy"]["Statement"]:
            if "*" in statement["Resource"]:
                assert {action.split(":")[0] for action in statement["Action"]} <= {"xray", "ecr"}
                assert statement["Action"] == ["ecr:GetAuthorizationToken"] or "xray" in statement["Action"][0]
            assert not [action for action in statement["Action"] if "*" in action]
