"""The AWS API where Terraform is exact about it: what was given comes back, and what AWS refuses is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from groundsill.ground.aws_api.patches.cloudwatch import structure, xml
from tests.ground.test_aws_api_support import RunningApi, refusal


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApi]:
    running = RunningApi(tmp_path_factory.mktemp("aws"))
    yield running
    running.run(running.api.stop())


@pytest.fixture(scope="module")
def network(api: RunningApi) -> dict[str, Any]:
    ec2 = api.client_of("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="link", Description="link", VpcId=vpc)["GroupId"]
    return {"vpc": vpc, "subnet": subnet, "group": group}


def test_a_vpc_link_is_made_tagged_renamed_and_deleted(api: RunningApi, network: dict[str, Any]) -> None:
    gateway = api.client_of("apigatewayv2")
    made = gateway.create_vpc_link(Name="link", SubnetIds=[network["subnet"]], SecurityGroupIds=[network["group"]],
                                   Tags={"System": "shop"})
    name = made["VpcLinkId"]
    assert gateway.get_vpc_link(VpcLinkId=name)["VpcLinkStatus"] == "AVAILABLE"
    assert [item["VpcLinkId"] for item in gateway.get_vpc_links()["Items"]] == [name]
    arn = f"arn:aws:apigateway:us-east-1::/vpclinks/{name}"
    gateway.tag_resource(ResourceArn=arn, Tags={"Stage": "dev"})
    gateway.untag_resource(ResourceArn=arn, TagKeys=["System"])
    assert gateway.get_tags(ResourceArn=arn)["Tags"] == {"Stage": "dev"}
    assert gateway.update_vpc_link(VpcLinkId=name, Name="other")["Name"] == "other"
    gateway.delete_vpc_link(VpcLinkId=name)
    assert refusal(lambda: gateway.get_vpc_link(VpcLinkId=name))[0] == "NotFoundException"


def test_a_vpc_link_into_a_subnet_that_does_not_exist_is_refused(api: RunningApi) -> None:
    gateway = api.client_of("apigatewayv2")
    assert refusal(lambda: gateway.create_vpc_link(Name="link", SubnetIds=["subnet-0"]))[0] == "BadRequestException"


def test_an_integration_keeps_its_vpc_link_and_the_link_cannot_be_deleted_under_it(
    api: RunningApi, network: dict[str, Any],
) -> None:
    gateway = api.client_of("apigatewayv2")
    http_api = gateway.create_api(Name="api", ProtocolType="HTTP")["ApiId"]
    link = gateway.create_vpc_link(Name="link", SubnetIds=[network["subnet"]])["VpcLinkId"]
    made = gateway.create_integration(
        ApiId=http_api, IntegrationType="HTTP_PROXY", IntegrationMethod="ANY", PayloadFormatVersion="1.0",
        ConnectionType="VPC_LINK", ConnectionId=link, TlsConfig={"ServerNameToVerify": "energy.example"},
        IntegrationUri="arn:aws:elasticloadbalancing:us-east-1:000000000000:listener/app/a/b/c")
    kept = gateway.get_integration(ApiId=http_api, IntegrationId=made["IntegrationId"])
    assert (kept["ConnectionId"], kept["TlsConfig"]) == (link, {"ServerNameToVerify": "energy.example"})
    assert "in use" in refusal(lambda: gateway.delete_vpc_link(VpcLinkId=link))[1]
    gateway.delete_api(ApiId=http_api)
    gateway.delete_vpc_link(VpcLinkId=link)


def test_a_jwt_authorizer_has_nothing_of_a_request_authorizer(api: RunningApi) -> None:
    gateway = api.client_of("apigatewayv2")
    http_api = gateway.create_api(Name="jwt", ProtocolType="HTTP")["ApiId"]
    made = gateway.create_authorizer(
        ApiId=http_api, AuthorizerType="JWT", Name="users", IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Audience": ["app"], "Issuer": "https://issuer.example"})
    shown = gateway.get_authorizer(ApiId=http_api, AuthorizerId=made["AuthorizerId"])
    assert not {"AuthorizerPayloadFormatVersion", "AuthorizerResultTtlInSeconds", "AuthorizerUri"} & set(shown)
    assert shown["JwtConfiguration"]["Audience"] == ["app"]


def test_the_rule_that_lets_everything_out_is_revoked_whatever_ports_are_named_with_it(
    api: RunningApi, network: dict[str, Any],
) -> None:
    ec2 = api.client_of("ec2")
    group = ec2.create_security_group(GroupName="out", Description="out", VpcId=network["vpc"])["GroupId"]
    all_out = [{"IpProtocol": "-1", "FromPort": 0, "ToPort": 0, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=all_out)
    assert ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissionsEgress"] == []
    described = [{**all_out[0], "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "To AWS"}]}]
    rules = ec2.authorize_security_group_egress(GroupId=group, IpPermissions=described)["SecurityGroupRules"]
    assert (rules[0]["Description"], rules[0]["FromPort"]) == ("To AWS", -1)
    again = refusal(lambda: ec2.authorize_security_group_egress(GroupId=group, IpPermissions=all_out))
    assert again[0] == "InvalidPermission.Duplicate"


def test_a_service_keeps_whether_it_spreads_its_tasks_over_zones_again(api: RunningApi) -> None:
    ecs = api.client_of("ecs")
    ecs.create_cluster(clusterName="main")
    ecs.register_task_definition(family="web", containerDefinitions=[{"name": "web", "image": "x", "memory": 128}])

    def shown(name: str) -> str:
        return ecs.describe_services(cluster="main", services=[name])["services"][0]["availabilityZoneRebalancing"]

    ecs.create_service(cluster="main", serviceName="a", taskDefinition="web", desiredCount=0)
    made = ecs.create_service(cluster="main", serviceName="b", taskDefinition="web", desiredCount=0,
                              availabilityZoneRebalancing="DISABLED")
    assert made["service"]["availabilityZoneRebalancing"] == "DISABLED"
    ecs.update_service(cluster="main", service="b", desiredCount=0)
    assert (shown("a"), shown("b")) == ("ENABLED", "DISABLED")


def test_a_table_says_how_far_back_it_can_be_restored(api: RunningApi) -> None:
    dynamodb = api.client_of("dynamodb")
    dynamodb.create_table(TableName="kept", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                          AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                          BillingMode="PAY_PER_REQUEST")

    def recovery() -> dict[str, Any]:
        found = dynamodb.describe_continuous_backups(TableName="kept")
        return found["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]

    assert "RecoveryPeriodInDays" not in recovery()
    for days, expected in ((7, 7), (None, 35)):
        given = {"PointInTimeRecoveryEnabled": True, **({"RecoveryPeriodInDays": days} if days else {})}
        dynamodb.update_continuous_backups(TableName="kept", PointInTimeRecoverySpecification=given)
        assert recovery()["RecoveryPeriodInDays"] == expected
    with pytest.raises(ClientError, match="ValidationException"):
        dynamodb.update_continuous_backups(TableName="kept", PointInTimeRecoverySpecification={
            "PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 36})


def test_query_parameters_become_the_structure_they_spell_out_and_back() -> None:
    given = {"AlarmName": "a", "ActionsEnabled": "false", "Threshold": "0.5", "Period": "60", "AlarmActions.member.1": "x",
             **{f"Dimensions.member.{number}.{key}": f"{key}{number}" for number in (1, 2, 10) for key in ("Name", "Value")}}
    assert structure(given) == {
        "AlarmName": "a", "ActionsEnabled": False, "Threshold": 0.5, "Period": 60, "AlarmActions": ["x"],
        "Dimensions": [{"Name": f"Name{number}", "Value": f"Value{number}"} for number in (1, 2, 10)],
    }
    assert xml({"A": [{"B": "<&"}], "C": None, "D": True, "StateUpdatedTimestamp": 0}) == (
        "<A><member><B>&lt;&amp;</B></member></A><D>true</D>"
        "<StateUpdatedTimestamp>1970-01-01T00:00:00Z</StateUpdatedTimestamp>")
