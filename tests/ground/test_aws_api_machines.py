"""Machines, groups of them and their network in the AWS API: what was given comes back, and what AWS refuses is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.ground.test_aws_api_support import ACCOUNT, RunningApi, refusal


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApi]:
    running = RunningApi(tmp_path_factory.mktemp("aws"))
    yield running
    running.run(running.api.stop())


@pytest.fixture(scope="module")
def network(api: RunningApi) -> dict[str, Any]:
    ec2 = api.client_of("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1b")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="machine", Description="machine", VpcId=vpc)["GroupId"]
    return {"vpc": vpc, "subnet": subnet, "group": group}


def test_a_machine_is_where_its_network_interface_says_with_the_volume_and_metadata_that_it_was_given(
    api: RunningApi, network: dict[str, Any],
) -> None:
    ec2 = api.client_of("ec2")
    made = ec2.run_instances(
        ImageId="ami-0c2023a1b2c3d4e5f", InstanceType="t3.micro", MinCount=1, MaxCount=1, EbsOptimized=True,
        NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": network["subnet"], "Groups": [network["group"]],
                            "AssociatePublicIpAddress": False}],
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "VolumeType": "gp3", "VolumeSize": 20}}],
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 2})["Instances"][0]
    found = ec2.describe_instances(InstanceIds=[made["InstanceId"]])["Reservations"][0]["Instances"][0]
    assert (found["SubnetId"], found["Placement"]["AvailabilityZone"]) == (network["subnet"], "us-east-1b")
    assert [group["GroupId"] for group in found["SecurityGroups"]] == [network["group"]]
    assert found["EbsOptimized"] and "PublicIpAddress" not in found
    options = found["MetadataOptions"]
    assert (options["HttpTokens"], options["HttpPutResponseHopLimit"], options["HttpEndpoint"]) == ("required", 2, "enabled")
    volume = ec2.describe_volumes(VolumeIds=[found["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]])["Volumes"][0]
    assert (volume["Encrypted"], volume["Size"], volume["AvailabilityZone"]) == (True, 20, "us-east-1b")


def test_a_protected_machine_is_terminated_only_after_its_protection_is_lifted(api: RunningApi) -> None:
    ec2 = api.client_of("ec2")
    name = ec2.run_instances(ImageId="ami-0c2023a1b2c3d4e5f", MinCount=1, MaxCount=1, DisableApiTermination=True,
                             InstanceType="t3.micro")["Instances"][0]["InstanceId"]
    assert ec2.describe_instance_attribute(InstanceId=name, Attribute="disableApiTermination")["DisableApiTermination"] == {
        "Value": True}
    assert refusal(lambda: ec2.terminate_instances(InstanceIds=[name]))[0] == "OperationNotPermitted"
    ec2.modify_instance_attribute(InstanceId=name, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[name])


def test_a_launch_template_keeps_the_security_groups_of_its_interfaces(api: RunningApi, network: dict[str, Any]) -> None:
    ec2 = api.client_of("ec2")
    ec2.create_launch_template(LaunchTemplateName="machine", LaunchTemplateData={"NetworkInterfaces": [
        {"DeviceIndex": 0, "Groups": [network["group"]], "DeleteOnTermination": True, "AssociatePublicIpAddress": False}]})
    kept = ec2.describe_launch_template_versions(LaunchTemplateName="machine")["LaunchTemplateVersions"][0]
    interface = kept["LaunchTemplateData"]["NetworkInterfaces"][0]
    assert (interface["Groups"], interface["DeleteOnTermination"], interface["AssociatePublicIpAddress"]) == (
        [network["group"]], True, False)


def test_a_group_keeps_its_mixture_its_targets_and_whether_it_rebalances(api: RunningApi, network: dict[str, Any]) -> None:
    scaling, ec2 = api.client_of("autoscaling"), api.client_of("ec2")
    template = ec2.create_launch_template(LaunchTemplateName="mixed", LaunchTemplateData={
        "InstanceType": "t3.micro"})["LaunchTemplate"]["LaunchTemplateId"]
    targets = [f"arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT}:targetgroup/{name}/0" for name in ("a", "b")]
    mixture = {
        "LaunchTemplate": {"LaunchTemplateSpecification": {"LaunchTemplateId": template, "Version": "1"},
                           "Overrides": [{"InstanceType": "t3.micro"}, {"InstanceType": "t3.small"}]},
        "InstancesDistribution": {"OnDemandBaseCapacity": 1, "SpotAllocationStrategy": "price-capacity-optimized"}}
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="g", MinSize=0, MaxSize=1, VPCZoneIdentifier=network["subnet"], CapacityRebalance=True,
        TargetGroupARNs=targets[:1], MixedInstancesPolicy=mixture)

    def group() -> dict[str, Any]:
        return scaling.describe_auto_scaling_groups(AutoScalingGroupNames=["g"])["AutoScalingGroups"][0]

    found = group()
    assert (found["CapacityRebalance"], found["TargetGroupARNs"]) == (True, targets[:1])
    shown = found["MixedInstancesPolicy"]
    assert shown["LaunchTemplate"]["LaunchTemplateSpecification"]["LaunchTemplateName"] == "mixed"
    assert [item["InstanceType"] for item in shown["LaunchTemplate"]["Overrides"]] == ["t3.micro", "t3.small"]
    assert shown["InstancesDistribution"]["OnDemandBaseCapacity"] == 1
    scaling.attach_load_balancer_target_groups(AutoScalingGroupName="g", TargetGroupARNs=targets[1:])
    scaling.detach_load_balancer_target_groups(AutoScalingGroupName="g", TargetGroupARNs=targets[:1])
    assert group()["TargetGroupARNs"] == targets[1:]


def test_a_flow_log_keeps_where_how_and_with_which_role_it_is_written(api: RunningApi, network: dict[str, Any]) -> None:
    ec2 = api.client_of("ec2")
    role = f"arn:aws:iam::{ACCOUNT}:role/flow"
    name = ec2.create_flow_logs(
        ResourceIds=[network["vpc"]], ResourceType="VPC", TrafficType="ALL", LogGroupName="flow", DeliverLogsPermissionArn=role,
        TagSpecifications=[{"ResourceType": "vpc-flow-log", "Tags": [{"Key": "System", "Value": "shop"}]}])["FlowLogIds"][0]
    found = ec2.describe_flow_logs(FlowLogIds=[name])["FlowLogs"][0]
    assert (found["LogGroupName"], found["DeliverLogsPermissionArn"], found["MaxAggregationInterval"]) == ("flow", role, 600)
    assert found["LogFormat"].startswith("${version} ${account-id}") and found["Tags"] == [{"Key": "System", "Value": "shop"}]


def test_an_interface_endpoint_keeps_its_security_groups_and_private_names(api: RunningApi, network: dict[str, Any]) -> None:
    ec2 = api.client_of("ec2")
    made = ec2.create_vpc_endpoint(
        VpcEndpointType="Interface", VpcId=network["vpc"], ServiceName="com.amazonaws.us-east-1.sqs",
        SubnetIds=[network["subnet"]], SecurityGroupIds=[network["group"]], PrivateDnsEnabled=True)
    name = made["VpcEndpoint"]["VpcEndpointId"]

    def endpoint() -> dict[str, Any]:
        return ec2.describe_vpc_endpoints(VpcEndpointIds=[name])["VpcEndpoints"][0]

    assert (endpoint()["PrivateDnsEnabled"], [item["GroupId"] for item in endpoint()["Groups"]]) == (True, [network["group"]])
    ec2.modify_vpc_endpoint(VpcEndpointId=name, RemoveSecurityGroupIds=[network["group"]], PrivateDnsEnabled=False)
    assert (endpoint()["PrivateDnsEnabled"], endpoint()["Groups"]) == (False, [])
    gateway = ec2.create_vpc_endpoint(VpcId=network["vpc"], ServiceName="com.amazonaws.us-east-1.s3")["VpcEndpoint"]
    assert gateway["PrivateDnsEnabled"] is False


def test_a_replica_of_a_table_has_the_key_of_its_own_region(api: RunningApi) -> None:
    dynamodb = api.client_of("dynamodb")
    keys = {region: f"arn:aws:kms:{region}:{ACCOUNT}:key/0" for region in ("us-east-1", "us-west-2")}
    dynamodb.create_table(
        TableName="orders", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": keys["us-east-1"]})
    dynamodb.update_table(TableName="orders", ReplicaUpdates=[
        {"Create": {"RegionName": "us-west-2", "KMSMasterKeyId": keys["us-west-2"]}}])
    west = boto3.client("dynamodb", endpoint_url=api.url, region_name="us-west-2", aws_access_key_id=api.root.access_key_id,
                        aws_secret_access_key=api.root.secret_access_key)
    found = {client.meta.region_name: client.describe_table(TableName="orders")["Table"]["SSEDescription"]["KMSMasterKeyArn"]
             for client in (dynamodb, west)}
    assert found == keys
