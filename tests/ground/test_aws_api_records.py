"""Services that the AWS API keeps and does not run: what was told is read, changed, tagged, deleted, and survives a kill."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from groundsill.ground.aws_api.records.service import snake_case, tag_map
from groundsill.ground.aws_api.records.wire import Refused, Wire
from tests.ground.test_aws_api_support import ACCOUNT, RunningApi, refusal


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApi]:
    running = RunningApi(tmp_path_factory.mktemp("aws"))
    yield running
    running.run(running.api.stop())


def test_a_trace_group_is_kept_tagged_and_still_there_after_the_api_was_killed(api: RunningApi) -> None:
    xray = api.client_of("xray")
    arn = xray.create_group(GroupName="all", FilterExpression="responsetime > 5",
                            Tags=[{"Key": "System", "Value": "shop"}])["Group"]["GroupARN"]
    xray.tag_resource(ResourceARN=arn, Tags=[{"Key": "Stage", "Value": "dev"}])
    xray.untag_resource(ResourceARN=arn, TagKeys=["System"])
    api.kill()
    group = xray.get_group(GroupName="all")["Group"]
    assert (group["FilterExpression"], group["GroupARN"]) == ("responsetime > 5", arn)
    assert xray.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "Stage", "Value": "dev"}]
    xray.delete_group(GroupName="all")
    assert refusal(lambda: xray.get_group(GroupName="all")) == ("InvalidRequestException", "Group not found")


def test_a_call_that_such_a_service_does_not_know_is_refused_by_name(api: RunningApi) -> None:
    code, message = refusal(lambda: api.client_of("xray").get_service_graph(StartTime=0, EndTime=1))
    assert (code, "GetServiceGraph of xray" in message) == ("UnknownOperationException", True)


def test_a_subscription_to_a_monitor_that_does_not_exist_is_refused(api: RunningApi) -> None:
    costs = api.client_of("ce")
    given = {"SubscriptionName": "a", "Subscribers": [{"Type": "EMAIL", "Address": "a@shop.example"}], "Frequency": "DAILY"}
    missing = f"arn:aws:ce::{ACCOUNT}:anomalymonitor/0"
    assert refusal(lambda: costs.create_anomaly_subscription(
        AnomalySubscription={**given, "MonitorArnList": [missing]}))[0] == "UnknownMonitorException"
    monitor = costs.create_anomaly_monitor(AnomalyMonitor={
        "MonitorName": "a", "MonitorType": "DIMENSIONAL", "MonitorDimension": "SERVICE"})["MonitorArn"]
    made = costs.create_anomaly_subscription(AnomalySubscription={**given, "MonitorArnList": [monitor]})["SubscriptionArn"]
    assert costs.get_anomaly_subscriptions(SubscriptionArnList=[made])["AnomalySubscriptions"][0]["MonitorArnList"] == [monitor]


def test_a_second_monitor_of_services_is_one_too_many(api: RunningApi) -> None:
    costs = api.client_of("ce")
    second = {"MonitorName": "b", "MonitorType": "DIMENSIONAL", "MonitorDimension": "SERVICE"}
    assert refusal(lambda: costs.create_anomaly_monitor(AnomalyMonitor=second))[0] == "LimitExceededException"


def test_a_deployment_group_follows_its_application_when_that_is_renamed_and_goes_with_it(api: RunningApi) -> None:
    deploy = api.client_of("codedeploy")
    assert refusal(lambda: deploy.create_deployment_group(
        applicationName="no", deploymentGroupName="g", serviceRoleArn="r"))[0] == "ApplicationDoesNotExistException"
    deploy.create_application(applicationName="old", computePlatform="Lambda", tags=[{"Key": "a", "Value": "b"}])
    deploy.create_deployment_group(applicationName="old", deploymentGroupName="g", serviceRoleArn="r")
    deploy.update_application(applicationName="old", newApplicationName="new")
    group = deploy.get_deployment_group(applicationName="new", deploymentGroupName="g")["deploymentGroupInfo"]
    assert (group["computePlatform"], group["deploymentConfigName"]) == ("Lambda", "CodeDeployDefault.LambdaAllAtOnce")
    arn = f"arn:aws:codedeploy:us-east-1:{ACCOUNT}:application:new"
    assert deploy.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    deploy.delete_application(applicationName="new")
    assert refusal(lambda: deploy.get_deployment_group(applicationName="new", deploymentGroupName="g"))[0] == (
        "ApplicationDoesNotExistException")


def test_a_scaling_policy_needs_its_target_and_goes_with_it(api: RunningApi) -> None:
    scaling = api.client_of("application-autoscaling")
    what: dict[str, Any] = {"ServiceNamespace": "dynamodb", "ResourceId": "table/t",
                            "ScalableDimension": "dynamodb:table:ReadCapacityUnits"}
    follow = {"TargetValue": 70.0, "PredefinedMetricSpecification": {
        "PredefinedMetricType": "DynamoDBReadCapacityUtilization"}}
    policy: dict[str, Any] = {**what, "PolicyName": "p", "PolicyType": "TargetTrackingScaling",
                              "TargetTrackingScalingPolicyConfiguration": follow}
    assert refusal(lambda: scaling.put_scaling_policy(**policy))[0] == "ObjectNotFoundException"
    scaling.register_scalable_target(**what, MinCapacity=1, MaxCapacity=2)
    scaling.register_scalable_target(**what, MaxCapacity=5)
    scaling.put_scaling_policy(**policy)
    target = scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"][0]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 5)
    scaling.deregister_scalable_target(**what)
    assert scaling.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"] == []


def test_a_vault_is_locked_and_the_lock_taken_back_while_that_is_allowed(api: RunningApi) -> None:
    backup = api.client_of("backup")
    backup.create_backup_vault(BackupVaultName="v")
    backup.put_backup_vault_lock_configuration(BackupVaultName="v", MinRetentionDays=7)
    assert (lock := backup.describe_backup_vault(BackupVaultName="v"))["Locked"] and lock["MinRetentionDays"] == 7
    backup.delete_backup_vault_lock_configuration(BackupVaultName="v")
    assert backup.describe_backup_vault(BackupVaultName="v")["Locked"] is False


def test_tags_of_a_restore_test_are_ours_and_those_of_a_vault_the_emulators(api: RunningApi) -> None:
    backup = api.client_of("backup")
    vault = backup.create_backup_vault(BackupVaultName="tagged", BackupVaultTags={"a": "vault"})["BackupVaultArn"]
    plan = backup.create_restore_testing_plan(Tags={"a": "plan"}, RestoreTestingPlan={
        "RestoreTestingPlanName": "weekly", "ScheduleExpression": "cron(0 5 ? * SUN *)", "RecoveryPointSelection": {
            "Algorithm": "LATEST_WITHIN_WINDOW", "IncludeVaults": ["*"], "RecoveryPointTypes": ["SNAPSHOT"]},
    })["RestoreTestingPlanArn"]
    assert [backup.list_tags(ResourceArn=arn)["Tags"] for arn in (vault, plan)] == [{"a": "vault"}, {"a": "plan"}]


def test_a_web_acl_logs_only_to_a_destination_of_the_name_that_waf_wants(api: RunningApi) -> None:
    waf = api.client_of("wafv2")
    quiet = {"CloudWatchMetricsEnabled": False, "MetricName": "a", "SampledRequestsEnabled": False}
    acl = waf.create_web_acl(Name="a", Scope="REGIONAL", DefaultAction={"Allow": {}},
                             VisibilityConfig=quiet)["Summary"]["ARN"]
    to = "arn:aws:logs:us-east-1:000000000000:log-group:"
    wrong = {"ResourceArn": acl, "LogDestinationConfigs": [f"{to}other"]}
    assert refusal(lambda: waf.put_logging_configuration(LoggingConfiguration=wrong))[0] == "WAFInvalidParameterException"
    right = {"ResourceArn": acl, "LogDestinationConfigs": [f"{to}aws-waf-logs-a"]}
    waf.put_logging_configuration(LoggingConfiguration=right)
    kept = waf.get_logging_configuration(ResourceArn=acl)["LoggingConfiguration"]
    assert kept["LogDestinationConfigs"] == right["LogDestinationConfigs"]


def test_a_document_has_versions_and_the_default_one_is_shown(api: RunningApi) -> None:
    ssm = api.client_of("ssm")

    def content(description: str) -> str:
        return json.dumps({"schemaVersion": "2.2", "description": description, "mainSteps": []})

    ssm.create_document(Name="d", Content=content("first"), DocumentType="Command", Tags=[{"Key": "a", "Value": "b"}])
    ssm.update_document(Name="d", Content=content("second"), DocumentVersion="$LATEST")
    assert ssm.describe_document(Name="d")["Document"]["Description"] == "first"
    ssm.update_document_default_version(Name="d", DocumentVersion="2")
    assert json.loads(ssm.get_document(Name="d")["Content"])["description"] == "second"
    assert ssm.list_tags_for_resource(ResourceType="Document", ResourceId="d")["TagList"] == [{"Key": "a", "Value": "b"}]
    assert refusal(lambda: ssm.create_document(Name="e", Content="{}"))[0] == "InvalidDocumentContent"


def test_preferences_of_text_messages_are_kept_and_taken_back(api: RunningApi) -> None:
    sns = api.client_of("sns")
    sns.set_sms_attributes(attributes={"DefaultSMSType": "Transactional", "MonthlySpendLimit": "1"})
    sns.set_sms_attributes(attributes={"MonthlySpendLimit": ""})
    assert sns.get_sms_attributes()["attributes"] == {"DefaultSMSType": "Transactional"}


def test_a_database_keeps_its_address_its_logs_and_its_password_in_a_secret_that_goes_with_it(api: RunningApi) -> None:
    rds = api.client_of("rds")
    made = rds.create_db_instance(
        DBInstanceIdentifier="db", DBInstanceClass="db.t4g.micro", Engine="postgres", AllocatedStorage=20, Port=5433,
        MasterUsername="shop", ManageMasterUserPassword=True, EnableCloudwatchLogsExports=["postgresql"])["DBInstance"]
    found = rds.describe_db_instances(DBInstanceIdentifier="db")["DBInstances"][0]
    assert (made["Endpoint"], made["MasterUserSecret"]) == (found["Endpoint"], found["MasterUserSecret"])
    assert found["Endpoint"]["Address"].endswith(".us-east-1.rds.amazonaws.com") and found["Endpoint"]["Port"] == 5433
    assert found["EnabledCloudwatchLogsExports"] == ["postgresql"]
    secrets = api.client_of("secretsmanager")
    value = json.loads(secrets.get_secret_value(SecretId=found["MasterUserSecret"]["SecretArn"])["SecretString"])
    assert value["username"] == "shop" and len(value["password"]) >= 20
    rds.delete_db_instance(DBInstanceIdentifier="db", SkipFinalSnapshot=True)
    assert refusal(lambda: secrets.get_secret_value(SecretId=found["MasterUserSecret"]["SecretArn"]))[0] == (
        "ResourceNotFoundException")


def test_the_address_of_a_cluster_is_the_same_before_and_after_it_has_an_instance(api: RunningApi) -> None:
    rds = api.client_of("rds")
    before = rds.create_db_cluster(DBClusterIdentifier="c", Engine="aurora-postgresql", MasterUsername="shop",
                                   MasterUserPassword="not-a-secret-0", EnableCloudwatchLogsExports=["postgresql"])
    rds.create_db_instance(DBInstanceIdentifier="c-1", DBClusterIdentifier="c", Engine="aurora-postgresql",
                           DBInstanceClass="db.serverless")
    after = rds.describe_db_clusters(DBClusterIdentifier="c")["DBClusters"][0]
    assert after["Endpoint"] == before["DBCluster"]["Endpoint"] and after["EnabledCloudwatchLogsExports"] == ["postgresql"]


def test_a_cache_tells_only_those_parameters_as_a_users_that_a_user_set(api: RunningApi) -> None:
    cache = api.client_of("elasticache")
    cache.create_cache_parameter_group(CacheParameterGroupName="p", CacheParameterGroupFamily="redis7", Description="p")
    assert cache.describe_cache_parameters(CacheParameterGroupName="p", Source="user")["Parameters"] == []
    cache.modify_cache_parameter_group(CacheParameterGroupName="p", ParameterNameValues=[
        {"ParameterName": "maxmemory-policy", "ParameterValue": "allkeys-lru"}])
    own = cache.describe_cache_parameters(CacheParameterGroupName="p", Source="user")["Parameters"]
    assert [(item["ParameterName"], item["ParameterValue"]) for item in own] == [("maxmemory-policy", "allkeys-lru")]
    assert len(cache.describe_cache_parameters(CacheParameterGroupName="p")["Parameters"]) > 1


def test_an_integration_without_a_backend_has_no_address_and_an_empty_path_maps_the_root(api: RunningApi) -> None:
    rest = api.client_of("apigateway")
    name = rest.create_rest_api(name="a")["id"]
    root = rest.get_resources(restApiId=name)["items"][0]["id"]
    place = {"restApiId": name, "resourceId": root, "httpMethod": "OPTIONS"}
    rest.put_method(**place, authorizationType="NONE")
    rest.put_integration(**place, type="MOCK", requestTemplates={"application/json": '{"statusCode": 204}'})
    assert not {"uri", "httpMethod"} & rest.get_integration(**place).keys()
    rest.create_domain_name(domainName="api.shop.example", regionalCertificateArn="arn:aws:acm:us-east-1:0:certificate/0")
    assert "mutualTlsAuthentication" not in rest.get_domain_name(domainName="api.shop.example")
    rest.create_base_path_mapping(domainName="api.shop.example", restApiId=name, basePath="")
    assert rest.get_base_path_mapping(domainName="api.shop.example", basePath="(none)")["restApiId"] == name
    assert len(rest.create_api_key(name="k", value="")["value"]) >= 20


def test_a_zone_that_somebody_else_made_and_an_image_of_another_owner_can_be_put_there(api: RunningApi) -> None:
    def outside(**asked: str) -> None:
        api.run(api.api.request("POST", "/_groundsill/outside", {**asked, "account": ACCOUNT, "region": "us-east-1"}))

    outside(kind="hosted_zone", id="Z0123456789EXAMPLE", name="shop.example")
    zones = api.client_of("route53")
    assert zones.get_hosted_zone(Id="Z0123456789EXAMPLE")["HostedZone"]["Name"] == "shop.example."
    assert zones.get_dnssec(HostedZoneId="Z0123456789EXAMPLE")["Status"]["ServeSignature"] == "NOT_SIGNING"
    outside(kind="image", name="al2023-ami-1-arm64", owner="amazon", architecture="arm64")
    images = api.client_of("ec2").describe_images(Owners=["amazon"], Filters=[
        {"Name": "name", "Values": ["al2023-ami-*-arm64"]}, {"Name": "architecture", "Values": ["arm64"]}])["Images"]
    assert [image["Name"] for image in images] == ["al2023-ami-1-arm64"]


def test_a_path_is_read_by_its_most_exact_form_and_a_value_by_its_place() -> None:
    wire = Wire("backup")
    path = "/restore-testing/plans/weekly/selections/tables"
    assert wire.request("GET", path, {}, b"", {}) == ("GetRestoreTestingSelection", {
        "RestoreTestingPlanName": "weekly", "RestoreTestingSelectionName": "tables"})
    arn = "arn:aws:backup:us-east-1:000000000000:backup-vault:v"
    assert wire.request("GET", f"/tags/{arn}", {}, b"", {"maxResults": ["5"]}) == (
        "ListTags", {"ResourceArn": arn, "MaxResults": "5"})
    assert wire.request("POST", "/nowhere", {}, b"", {}) == ("", {})
    with pytest.raises(Refused, match="not JSON"):
        wire.request("PUT", "/restore-testing/plans", {}, b"{", {})


def test_names_of_operations_and_forms_of_tags() -> None:
    assert [snake_case(name) for name in ("GetGroup", "ListTagsForResource", "CreateDBCluster")] == [
        "get_group", "list_tags_for_resource", "create_db_cluster"]
    assert tag_map([{"Key": "a", "Value": "b"}]) == tag_map([{"key": "a", "value": "b"}]) == tag_map({"a": "b"}) == {"a": "b"}


def test_a_second_attempt_at_a_call_gets_the_answer_of_the_first_and_a_second_call_does_not(api: RunningApi) -> None:
    keys = botocore.credentials.Credentials(api.root.access_key_id, api.root.secret_access_key)

    def create(call: str, attempt: int) -> tuple[int, str]:
        request = botocore.awsrequest.AWSRequest("POST", f"{api.url}/", data='{"applicationName": "once"}', headers={
            "X-Amz-Target": "CodeDeploy_20141006.CreateApplication", "Content-Type": "application/x-amz-json-1.1",
            "amz-sdk-invocation-id": call, "amz-sdk-request": f"attempt={attempt}; max=3"})
        botocore.auth.SigV4Auth(keys, "codedeploy", "us-east-1").add_auth(request)
        sent = urllib.request.Request(request.url, request.data.encode(), dict(request.headers), method="POST")
        try:
            with urllib.request.urlopen(sent, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    made = create("first", 1)
    assert made[0] == 200 and create("first", 2) == made
    assert create("second", 1)[0] == create("second", 2)[0] == 400
