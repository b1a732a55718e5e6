"""The identity that deploys a system: a role that people and CI take for a short time, never a user with a key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from groundsill import aws
from groundsill.components.keys import account_id
from groundsill.components.roles import policy_document
from groundsill.definition.component import Component, Mistake
from groundsill.definition.naming import identifier
from groundsill.graph import JsonDocument, Resource, resolve

_LONGEST_POLICY = 6144  # IAM and AWS STS quotas: managed policy size in characters, white space not counted
_SESSION_SECONDS = 3600
_GITHUB_ISSUER = "token.actions.githubusercontent.com"


@dataclass(frozen=True, slots=True)
class Control:
    """What it takes to create, read, change and delete resources of some types.

    Source: Service Authorization Reference, the page of each service: actions with the resource types they name.

    Arguments:
        service: IAM service prefix.
        actions: control-plane actions; a ``*`` at the end covers a family of names and never a data-plane action.
        arn: ARN after the partition, with ``{name}`` for the resource's name; ``*`` where AWS cannot narrow it.
        argument: the argument that holds the name.
    """

    service: str
    actions: tuple[str, ...]
    arn: str = "*"
    argument: str = "name"


_TAGS = ("TagResource", "UntagResource", "ListTagsForResource")
_NETWORK = Control("ec2", (
    "AllocateAddress", "AssociateRouteTable", "AttachInternetGateway", "AuthorizeSecurityGroup*", "Create*Endpoint*",
    "CreateFlowLogs", "CreateInternetGateway", "CreateNatGateway", "CreateRoute*", "CreateSecurityGroup", "CreateSubnet",
    "CreateTags", "CreateVpc", "DeleteFlowLogs", "DeleteInternetGateway", "DeleteNatGateway", "DeleteRoute*",
    "DeleteSecurityGroup", "DeleteSubnet", "DeleteTags", "DeleteVpc*", "Describe*", "DetachInternetGateway",
    "DisassociateAddress", "DisassociateRouteTable", "ModifySecurityGroupRules", "ModifySubnetAttribute", "ModifyVpc*",
    "ReleaseAddress", "ReplaceRoute*", "RevokeSecurityGroup*",
))
_MACHINES = Control("ec2", (
    "AttachVolume", "CreateLaunchTemplate*", "CreateTags", "CreateVolume", "DeleteLaunchTemplate*", "DeleteTags",
    "DeleteVolume", "Describe*", "DetachVolume", "GetLaunchTemplateData", "ModifyInstance*", "ModifyLaunchTemplate",
    "ModifyVolume", "RunInstances", "StartInstances", "StopInstances", "TerminateInstances",
))
_DATABASES = Control("rds", (
    "AddTagsToResource", "CreateDB*", "DeleteDB*", "Describe*", "ListTagsForResource", "ModifyDB*", "RebootDBInstance",
    "RemoveTagsFromResource", "ResetDB*"), "rds:{region}:{account}:*")
_BALANCING = Control("elasticloadbalancing", (
    "AddTags", "Create*", "Delete*", "Describe*", "Modify*", "RemoveTags", "SetSecurityGroups", "SetSubnets", "SetIpAddressType",
))
_API = Control("apigateway", ("DELETE", "GET", "PATCH", "POST", "PUT", "TagResource", "UntagResource"),
               "apigateway:{region}::/*")

CONTROLS: MappingProxyType[str, Control] = MappingProxyType({
    "aws_acm_certificate": Control("acm", (
        "AddTagsToCertificate", "DeleteCertificate", "DescribeCertificate", "ListTagsForCertificate",
        "RemoveTagsFromCertificate", "RequestCertificate"), "acm:{region}:{account}:certificate/*"),
    "aws_api_gateway_": _API,
    "aws_apigatewayv2_": _API,
    "aws_appautoscaling_": Control("application-autoscaling", (
        "DeleteScalingPolicy", "DeregisterScalableTarget", "Describe*", "PutScalingPolicy", "RegisterScalableTarget",
        *_TAGS), "application-autoscaling:{region}:{account}:scalable-target/*"),
    "aws_backup_": Control("backup", (
        "CreateBackup*", "DeleteBackup*", "DescribeBackupVault", "GetBackup*", "ListTags", "TagResource",
        "UntagResource", "UpdateBackupPlan"), "backup:{region}:{account}:backup-*"),
    "aws_cloudfront_": Control("cloudfront", (
        "Create*", "Delete*", "DescribeFunction", "Get*", "List*", "PublishFunction", "TagResource", "UntagResource",
        "UpdateDistribution", "UpdateFunction", "UpdateOriginAccessControl"), "cloudfront::{account}:*"),
    "aws_cloudwatch_event_": Control("events", (
        "CreateArchive", "CreateEventBus", "DeleteArchive", "DeleteEventBus", "DeleteRule", "Describe*", "DisableRule",
        "EnableRule", "List*", "PutRule", "PutTargets", "RemoveTargets", "TagResource", "UntagResource", "UpdateArchive"),
        "events:{region}:{account}:*"),
    "aws_codedeploy_": Control("codedeploy", (
        "CreateApplication", "CreateDeploymentGroup", "DeleteApplication", "DeleteDeploymentGroup", "GetApplication",
        "GetDeploymentGroup", "ListTagsForResource", "TagResource", "UntagResource", "UpdateApplication",
        "UpdateDeploymentGroup"), "codedeploy:{region}:{account}:*"),
    "aws_cloudwatch_log_group": Control("logs", (
        "CreateLogGroup", "DeleteLogGroup", "DescribeLogGroups", "PutRetentionPolicy", "DeleteRetentionPolicy", *_TAGS),
        "logs:{region}:{account}:log-group:{name}*"),
    "aws_cloudwatch_metric_alarm": Control("cloudwatch", (
        "DeleteAlarms", "DescribeAlarms", "PutMetricAlarm", *_TAGS), "cloudwatch:{region}:{account}:alarm:{name}", "alarm_name"),
    "aws_cognito_user_pool": Control("cognito-idp", (
        "CreateUserPool*", "DeleteUserPool*", "DescribeUserPool*", "GetUserPoolMfaConfig", "SetUserPoolMfaConfig",
        "UpdateUserPool*", *_TAGS), "cognito-idp:{region}:{account}:userpool/*"),
    "aws_autoscaling_group": Control("autoscaling", (
        "CreateAutoScalingGroup", "CreateOrUpdateTags", "DeleteAutoScalingGroup", "DeleteTags", "Describe*",
        "DetachLoadBalancerTargetGroups", "AttachLoadBalancerTargetGroups", "SetInstanceProtection", "StartInstanceRefresh",
        "TerminateInstanceInAutoScalingGroup", "UpdateAutoScalingGroup")),
    "aws_db_": _DATABASES,
    "aws_dlm_lifecycle_policy": Control("dlm", (
        "CreateLifecyclePolicy", "DeleteLifecyclePolicy", "GetLifecyclePolicy", "UpdateLifecyclePolicy", *_TAGS),
        "dlm:{region}:{account}:policy/*"),
    "aws_dynamodb_table": Control("dynamodb", (
        "CreateTable", "DeleteTable", "Describe*", "ListTagsOfResource", "TagResource", "UntagResource",
        "UpdateContinuousBackups", "UpdateTable", "UpdateTimeToLive"), "dynamodb:{region}:{account}:table/{name}"),
    "aws_ecr_": Control("ecr", (
        "BatchDeleteImage", "BatchCheckLayerAvailability", "BatchGetImage", "CompleteLayerUpload", "CreateRepository",
        "DeleteLifecyclePolicy", "DeleteRepository", "Describe*", "GetLifecyclePolicy", "GetDownloadUrlForLayer",
        "InitiateLayerUpload", "ListImages", "PutImage*", "PutLifecyclePolicy", "UploadLayerPart", *_TAGS),
        "ecr:{region}:{account}:repository/{name}"),
    "aws_ecs_cluster": Control("ecs", (
        "CreateCluster", "DeleteCluster", "DescribeClusters", "PutClusterCapacityProviders", "UpdateCluster*", *_TAGS),
        "ecs:{region}:{account}:cluster/{name}"),
    "aws_ecs_service": Control("ecs", (
        "CreateService", "DeleteService", "DescribeServices", "UpdateService", *_TAGS),
        "ecs:{region}:{account}:service/*/{name}"),
    "aws_ecs_task_definition": Control("ecs", (
        "DeregisterTaskDefinition", "DescribeTaskDefinition", "RegisterTaskDefinition", *_TAGS)),
    "aws_elasticache_": Control("elasticache", (
        "AddTagsToResource", "CreateCache*", "CreateReplicationGroup", "DecreaseReplicaCount", "DeleteCache*",
        "DeleteReplicationGroup", "Describe*", "IncreaseReplicaCount", "ListTagsForResource", "ModifyCache*",
        "ModifyReplicationGroup*", "RemoveTagsFromResource"), "elasticache:{region}:{account}:*"),
    "aws_iam_instance_profile": Control("iam", (
        "AddRoleToInstanceProfile", "CreateInstanceProfile", "DeleteInstanceProfile", "GetInstanceProfile",
        "ListInstanceProfileTags", "RemoveRoleFromInstanceProfile", "TagInstanceProfile", "UntagInstanceProfile"),
        "iam::{account}:instance-profile/{name}"),
    "aws_iam_role": Control("iam", (
        "AttachRolePolicy", "CreateRole", "DeleteRole*", "DetachRolePolicy", "GetRole*", "ListAttachedRolePolicies",
        "ListInstanceProfilesForRole", "ListRolePolicies", "PassRole", "PutRolePolicy", "TagRole", "UntagRole",
        "UpdateAssumeRolePolicy", "UpdateRole*"), "iam::{account}:role/{name}"),
    "aws_kms_": Control("kms", (
        "CreateAlias", "CreateKey", "DeleteAlias", "DescribeKey", "DisableKey", "EnableKey*", "GetKey*", "ListAliases",
        "ListResourceTags", "PutKeyPolicy", "ScheduleKeyDeletion", "TagResource", "UntagResource", "UpdateAlias",
        "UpdateKeyDescription")),
    "aws_lambda_": Control("lambda", (
        "AddPermission", "CreateAlias", "CreateEventSourceMapping", "CreateFunction", "DeleteAlias", "DeleteEventSourceMapping",
        "DeleteFunction*", "DeleteProvisionedConcurrencyConfig", "GetAlias", "GetEventSourceMapping", "GetFunction*",
        "GetPolicy", "GetProvisionedConcurrencyConfig", "GetRuntimeManagementConfig", "ListVersionsByFunction",
        "PublishVersion", "PutFunctionConcurrency", "PutFunctionEventInvokeConfig", "PutProvisionedConcurrencyConfig",
        "RemovePermission", "UpdateAlias", "UpdateEventSourceMapping", "TagResource", "UntagResource",
        "ListTags", "UpdateFunction*"), "lambda:{region}:{account}:function:{name}", "function_name"),
    "aws_lb": _BALANCING,
    "aws_rds_": _DATABASES,
    "aws_route53_": Control("route53", (
        "ChangeResourceRecordSets", "ChangeTagsForResource", "CreateHealthCheck", "CreateHostedZone", "DeleteHealthCheck",
        "DeleteHostedZone", "GetHealthCheck", "ListHostedZones", "UpdateHealthCheck", "UpdateHostedZoneComment", "GetChange",
        "GetHostedZone", "ListResourceRecordSets", "ListTagsForResource"),
        "route53:::*"),
    "aws_s3_": Control("s3", (
        "CreateBucket", "DeleteBucket", "DeleteBucketPolicy", "GetAccelerateConfiguration", "GetBucket*",
        "GetEncryptionConfiguration", "GetLifecycleConfiguration", "GetReplicationConfiguration", "ListBucket",
        "PutBucketCORS", "PutBucketPolicy", "PutBucketPublicAccessBlock", "PutBucketTagging", "PutBucketVersioning",
        "PutEncryptionConfiguration", "PutLifecycleConfiguration"), "s3:::{name}", "bucket"),
    "aws_secretsmanager_": Control("secretsmanager", (
        "CreateSecret", "DeleteSecret", "DescribeSecret", "GetRandomPassword", "GetResourcePolicy", "PutSecretValue",
        "RotateSecret", "TagResource", "UntagResource", "UpdateSecret", "UpdateSecretVersionStage",
        "CancelRotateSecret"), "secretsmanager:{region}:{account}:secret:{name}*"),
    "aws_sesv2_": Control("ses", (
        "CreateEmailIdentity*", "DeleteEmailIdentity*", "GetEmailIdentity*", "PutEmailIdentity*",
        "UpdateEmailIdentityPolicy", *_TAGS), "ses:{region}:{account}:identity/*"),
    "aws_sns_": Control("sns", (
        "CreateTopic", "DeleteTopic", "GetSubscriptionAttributes", "GetTopicAttributes", "ListTagsForResource",
        "SetSubscriptionAttributes", "SetTopicAttributes", "Subscribe", "TagResource", "Unsubscribe", "UntagResource"),
        "sns:{region}:{account}:{name}"),
    "aws_sqs_": Control("sqs", (
        "CreateQueue", "DeleteQueue", "GetQueueAttributes", "GetQueueUrl", "ListQueueTags", "SetQueueAttributes",
        "TagQueue", "UntagQueue"), "sqs:{region}:{account}:{name}"),
    "aws_ssm_document": Control("ssm", (
        "AddTagsToResource", "CreateDocument", "DeleteDocument", "DescribeDocument*", "GetDocument", "ListTagsForResource",
        "RemoveTagsFromResource", "UpdateDocument*"), "ssm:{region}:{account}:document/{name}"),
    "aws_ssm_parameter": Control("ssm", (
        "AddTagsToResource", "DeleteParameter", "DescribeParameters", "GetParameter", "GetParameters",
        "ListTagsForResource", "PutParameter", "RemoveTagsFromResource"), "ssm:{region}:{account}:parameter{name}"),
    **dict.fromkeys((
        "aws_ebs_volume", "aws_instance", "aws_launch_template", "aws_volume_attachment"), _MACHINES),
    **dict.fromkeys((
        "aws_default_security_group", "aws_eip", "aws_flow_log", "aws_internet_gateway", "aws_nat_gateway", "aws_route",
        "aws_route_table", "aws_route_table_association", "aws_security_group", "aws_subnet", "aws_vpc",
        "aws_vpc_endpoint", "aws_vpc_peering_connection",
        "aws_vpc_security_group_egress_rule", "aws_vpc_security_group_ingress_rule"), _NETWORK),
})


def control_of(type: str) -> Control | None:
    """What it takes to manage a resource type: by its own name, else by the longest family that it belongs to."""
    if type in CONTROLS:
        return CONTROLS[type]
    families = [family for family in CONTROLS if type.startswith(family) and (family.endswith("_") or type[len(family)] == "_")]
    return CONTROLS[max(families, key=len)] if families else None


class Deployer(Component):
    """A role with exactly what deploying this system takes, for people with single sign-on and for CI.

    Its policies are derived from the resources of the definition, so that a new kind of resource brings its rights along;
    the role can read them and not change them, so an administrator deploys what changes them.

    Arguments:
        component: unique in the system.
        repository: GitHub repository whose workflows may take the role, for example ``acme/shop``; default none: people
            of the account only.
        policy_name: name of the policy that AWS sees; default from the system's name pattern. More than one policy is
            made where one would exceed IAM's limit; the further ones are numbered.

    Resources created: ``aws_iam_role``, ``aws_iam_policy``, ``aws_iam_role_policy_attachment``; with a repository
    ``aws_iam_openid_connect_provider``.

    Costs: nothing.
    """

    def __init__(
        self, component: str, /, *, repository: str | None = None, policy_name: str | None = None,
    ) -> None:
        super().__init__(component)
        if repository is not None and repository.count("/") != 1:
            raise Mistake("GS1399", f"{repository!r} is not a GitHub repository", mend='write "owner/name"')
        self.policy_name = policy_name
        self.resource = aws.iam_role(
            self.terraform_name(), name=self.physical_name("aws_iam_role"),
            description=f"Deploys {self.building.system}", max_session_duration=_SESSION_SECONDS,
            assume_role_policy=self._trust(repository),
        )
        self.building.at_last.append(self._write_policies)

    def _trust(self, repository: str | None) -> JsonDocument:
        if repository is None:
            return policy_document([{
                "Sid": "PeopleOfTheAccount", "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account_id()}:root"}, "Action": "sts:AssumeRole",
            }])
        provider = aws.iam_openid_connect_provider(
            self.terraform_name(), url=f"https://{_GITHUB_ISSUER}", client_id_list=["sts.amazonaws.com"],
        )
        return policy_document([{
            "Sid": "WorkflowsOfTheRepository", "Effect": "Allow", "Principal": {"Federated": provider["arn"]},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {f"{_GITHUB_ISSUER}:aud": "sts.amazonaws.com"},
                "StringLike": {f"{_GITHUB_ISSUER}:sub": f"repo:{repository}:*"},
            },
        }])

    def _write_policies(self) -> None:
        with self.lowering():
            for number, statements in enumerate(_portions(self._statements()), start=1):
                part = "" if number == 1 else str(number)
                policy = aws.iam_policy(
                    self.terraform_name(part),
                    name=self.physical_name("aws_iam_policy", self.policy_name, part),
                    description=f"What deploying {self.building.system} takes",
                    policy=policy_document(statements),
                )
                aws.iam_role_policy_attachment(
                    self.terraform_name(part), role=self.resource["name"], policy_arn=policy["arn"])

    def _statements(self) -> list[dict[str, Any]]:
        """One statement for each kind of control, with the ARNs of this system's resources alone."""
        region, account = self.building.graph.region, account_id()
        found: dict[Control, dict[str, None]] = {}
        for resource in [item for item in self.building.graph if not item.data]:
            control = control_of(resource.type)
            if control is None:
                continue
            name = resource.arguments.get(control.argument)
            named = name if isinstance(name, str) and name else "*"
            text = "*" if control.arn == "*" else "arn:aws:" + control.arn.format(
                region=region, account=account, name=named)
            found.setdefault(control, {})[text] = None
        statements: list[dict[str, Any]] = []
        for control, arns in sorted(found.items(), key=lambda item: (item[0].service, item[0].arn)):
            statement: dict[str, Any] = {
                "Sid": identifier("Manage", control.service, str(len(statements) + 1)), "Effect": "Allow",
                "Action": [f"{control.service}:{action}" for action in control.actions],
                "Resource": sorted(_without_covered(arns)),
            }
            if control.arn == "*":
                statement["Condition"] = {"StringEquals": {"aws:RequestedRegion": region}}
            statements.append(statement)
        # Reads them only: a role that could write its own policies could give itself every right.
        policies = self.physical_name("aws_iam_policy", self.policy_name)
        statements.append({
            "Sid": "ReadOwnPolicies", "Effect": "Allow",
            "Action": ["iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListPolicyVersions"],
            "Resource": [f"arn:aws:iam::{account}:policy/{policies}*"],
        })
        return statements


def _without_covered(arns: Iterable[str]) -> list[str]:
    """The ARNs without those that another one of them, with a star in the name's place, covers."""
    stars = [arn.removesuffix("*") for arn in arns if arn.endswith("*")]
    return [arn for arn in arns if not any(arn.startswith(star) and arn != f"{star}*" for star in stars)]


def _portions(statements: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The statements in groups that each fit into one managed policy."""
    portion: list[dict[str, Any]] = []
    for statement in statements:
        if portion and _size([*portion, statement]) > _LONGEST_POLICY:
            yield portion
            portion = []
        portion.append(statement)
    if portion:
        yield portion


def _size(statements: list[dict[str, Any]]) -> int:
    text = resolve(policy_document(statements).content, lambda _: "0" * 12)
    return len(json.dumps(text, separators=(",", ":")))


def unmanaged_types(resources: Iterable[Resource]) -> set[str]:
    """Types among these resources that no control covers: the deployer could not manage them."""
    return {resource.type for resource in resources if not resource.data and control_of(resource.type) is None}
