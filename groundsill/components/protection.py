"""Security services of an account and region: GuardDuty, Security Hub, AWS Config, CloudTrail.

Each exists once for an account and region (a trail may exist more often, and then costs twice). Where an account already has
them, a system declares none of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal

from groundsill import aws
from groundsill.components.buckets import Bucket
from groundsill.components.keys import account_id, key_of_tier
from groundsill.components.logs import log_group, write_log
from groundsill.components.roles import allow, policy_document, require, trust, workload_role
from groundsill.definition.component import Collecting, Component, Mistake
from groundsill.definition.grant import Statement
from groundsill.graph import JsonDocument, Reference, did_you_mean
from groundsill.graph.value import Value

_FREQUENCIES = ("FIFTEEN_MINUTES", "ONE_HOUR", "SIX_HOURS")  # GuardDuty API: CreateDetector
# AWS Security Hub user guide: standards reference; ARNs below `arn:aws:securityhub:<region>::`.
_STANDARDS = {
    "best-practices": "standards/aws-foundational-security-best-practices/v/1.0.0",
    "cis": "standards/cis-aws-foundations-benchmark/v/3.0.0",
    "nist": "standards/nist-800-53/v/5.0.0",
    "pci": "standards/pci-dss/v/4.0.1",
}
_CONFIG_POLICY = "arn:aws:iam::aws:policy/service-role/AWS_ConfigRole"
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class ThreatDetection(Component):
    """GuardDuty: looks for signs of an attack in the account's API calls, network traffic and name look-ups.

    Arguments:
        component: unique in the system.
        publish: how often new occurrences of a known finding are published: ``FIFTEEN_MINUTES`` (default), ``ONE_HOUR`` or
            ``SIX_HOURS``. A new finding is published within five minutes.

    Resources created: ``aws_guardduty_detector``.

    Costs: per million events and per GB that it reads.

    Example:
        ``ThreatDetection("threats")``
    """

    def __init__(self, component: str, /, *, publish: str = "FIFTEEN_MINUTES") -> None:
        super().__init__(component)
        if publish not in _FREQUENCIES:
            raise Mistake("GS1670", f"unknown frequency {publish!r}", mend=did_you_mean(publish, _FREQUENCIES, what="Known"))
        self.resource = aws.guardduty_detector(self.terraform_name(), enable=True, finding_publishing_frequency=publish)


class SecurityHub(Component):
    """Security Hub: checks the account against standards and gathers findings of the other services.

    Arguments:
        component: unique in the system.
        standards: ``best-practices`` (default), ``cis``, ``nist``, ``pci``.

    Resources created: ``aws_securityhub_account``, an ``aws_securityhub_standards_subscription`` for each standard.

    Costs: per check. The checks read what AWS Config records, so that has to be on too.

    Example:
        ``SecurityHub("hub", standards=["best-practices", "cis"])``
    """

    def __init__(self, component: str, /, *, standards: Sequence[str] = ("best-practices",)) -> None:
        super().__init__(component)
        unknown = [standard for standard in standards if standard not in _STANDARDS]
        if unknown:
            raise Mistake("GS1671", f"unknown standard {unknown[0]!r}",
                          mend=did_you_mean(unknown[0], _STANDARDS, what="Known standards"))
        self.resource = aws.securityhub_account(
            self.terraform_name(), enable_default_standards=False, control_finding_generator="SECURITY_CONTROL",
            auto_enable_controls=True,
        )
        for standard in standards:
            aws.securityhub_standards_subscription(
                self.terraform_name(standard), depends_on=[self.resource],
                standards_arn=f"arn:aws:securityhub:{self.building.graph.region}::{_STANDARDS[standard]}",
            )


class ConfigRule(Value, metaclass=Collecting):
    """A rule of AWS Config that AWS manages, and what mends a breach of it.

    Arguments:
        name: short, unique in the recorder.
        rule: identifier of the managed rule, for example ``DYNAMODB_PITR_ENABLED``.
        types: CloudFormation types that it looks at, for example ``("AWS::S3::Bucket",)``; default the rule's own.
        parameters: parameters of the rule, default none.
        mend: Systems Manager automation document that mends a breach, for example ``AWS-EnableS3BucketEncryption``;
            default none: the breach is only reported.
        mend_parameter: parameter of the document that takes the resource's id.
        mend_values: further parameters of the document.
        mend_actions: IAM actions that the document takes, by the ARN that they are on, for example
            ``{"arn:aws:s3:::*": ("s3:PutEncryptionConfiguration",)}``; with them the recorder makes a role for it. A breach
            can be in any resource of the account; the role reaches no other account.

    Example:
        ``ConfigRecorder("config", audit, rules=[ConfigRule("table-backups", "DYNAMODB_PITR_ENABLED")])``
    """

    __slots__ = (  # noqa: RUF023  in the constructor's order
        "name", "rule", "types", "parameters", "mend", "mend_parameter", "mend_values", "mend_actions",
    )

    def __init__(
        self, name: str, rule: str, types: Sequence[str] = (), parameters: Mapping[str, str] = _NOTHING,
        mend: str | None = None, mend_parameter: str = "ResourceId", mend_values: Mapping[str, str] = _NOTHING,
        mend_actions: Mapping[str, Sequence[str]] = _NOTHING,
    ) -> None:
        self.name: Final = name
        self.rule: Final = rule
        self.types: Final = types
        self.parameters: Final = parameters
        self.mend: Final = mend
        self.mend_parameter: Final = mend_parameter
        self.mend_values: Final = mend_values
        self.mend_actions: Final = mend_actions


def usual_rules() -> tuple[ConfigRule, ...]:
    """What most systems want watched: encryption, backups, closed buckets; a bucket that is open is closed.

    Sources: AWS Config developer guide, list of managed rules; Systems Manager automation runbook reference.
    """
    return (
        ConfigRule("table-backups", "DYNAMODB_PITR_ENABLED"),
        ConfigRule("bucket-encryption", "S3_BUCKET_SERVER_SIDE_ENCRYPTION_ENABLED"),
        ConfigRule(
            "bucket-closed", "S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED",
            mend="AWSConfigRemediation-ConfigureS3BucketPublicAccessBlock", mend_parameter="BucketName",
            mend_actions={
                "arn:aws:s3:::*": ("s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
                "*": ("s3:GetAccountPublicAccessBlock", "s3:PutAccountPublicAccessBlock"),  # name no resource
            },
        ),
        ConfigRule("key-rotation", "CMK_BACKING_KEY_ROTATION_ENABLED"),
        ConfigRule("trail", "CLOUD_TRAIL_ENABLED"),
        ConfigRule("function-public-access", "LAMBDA_FUNCTION_PUBLIC_ACCESS_PROHIBITED"),
    )


class ConfigRecorder(Component):
    """AWS Config: records every change of the account's resources, checks rules, and mends some breaches itself.

    Arguments:
        component: unique in the system.
        bucket: the `Bucket` that history is delivered to.
        rules: `ConfigRule` values, default the `usual_rules`.
        snapshots: how often the whole configuration is delivered, default ``TwentyFour_Hours``.

    Resources created: ``aws_config_configuration_recorder``, ``aws_config_configuration_recorder_status``,
    ``aws_config_delivery_channel``, ``aws_iam_role``, ``aws_iam_role_policy_attachment``; for each rule an
    ``aws_config_config_rule``, and with a document an ``aws_config_remediation_configuration`` and an
    ``aws_iam_role_policy``.

    Costs: per recorded change and per check of a rule.

    Example:
        ``ConfigRecorder("config", Bucket("audit"))``
    """

    def __init__(
        self, component: str, bucket: Bucket, /, *, rules: Sequence[ConfigRule] | None = None,
        snapshots: str = "TwentyFour_Hours",
    ) -> None:
        super().__init__(component)
        require(bucket, Bucket, "bucket", self)
        own = {"StringEquals": {"aws:SourceAccount": account_id()}}
        role = workload_role(self, "config.amazonaws.com", (), conditions=own,
                             description=f"AWS Config of {self.building.system}")
        aws.iam_role_policy_attachment(self.terraform_name(), role=role["name"], policy_arn=_CONFIG_POLICY)
        # AWS Config developer guide, "Permissions for the Amazon S3 bucket for the delivery channel".
        service = "config.amazonaws.com"
        bucket.allow("ConfigChecksBucket", service, ("s3:GetBucketAcl", "s3:ListBucket"), bucket=True, conditions=own)
        bucket.allow("ConfigDelivers", service, ("s3:PutObject",), prefix=f"AWSLogs/{account_id()}/Config/", conditions=own)
        if bucket.encryption:
            bucket.encryption.serve(service)
        self.resource = aws.config_configuration_recorder(
            self.terraform_name(), name="default", role_arn=role["arn"],
            recording_group={"all_supported": True, "include_global_resource_types": True},
        )
        channel = aws.config_delivery_channel(
            self.terraform_name(), name="default", s3_bucket_name=bucket.resource["id"],
            s3_kms_key_arn=bucket.encryption.arn if bucket.encryption else None,
            snapshot_delivery_properties={"delivery_frequency": snapshots}, depends_on=[self.resource, bucket.policy_address],
        )
        aws.config_configuration_recorder_status(
            self.terraform_name(), name=self.resource["name"], is_enabled=True, depends_on=[channel],
        )
        for rule in usual_rules() if rules is None else rules:
            require(rule, ConfigRule, "rules", self)
            self._rule(rule)

    def _rule(self, rule: ConfigRule) -> None:
        made = aws.config_config_rule(
            self.terraform_name(rule.name), name=self.physical_name("aws_config_config_rule", part=rule.name),
            source={"owner": "AWS", "source_identifier": rule.rule},
            scope={"compliance_resource_types": list(rule.types)} if rule.types else None,
            input_parameters=JsonDocument(dict(rule.parameters)) if rule.parameters else None, depends_on=[self.resource],
        )
        if rule.mend is None:
            return
        parameters: list[Any] = [{"name": rule.mend_parameter, "resource_value": "RESOURCE_ID"}]
        if rule.mend_actions:
            role = aws.iam_role(
                self.terraform_name(rule.name), name=self.physical_name("aws_iam_role", part=rule.name),
                description=f"Mends breaches of {rule.name}", assume_role_policy=trust("ssm.amazonaws.com"),
            )
            own = {"StringEquals": {"aws:ResourceAccount": account_id()}}
            aws.iam_role_policy(
                self.terraform_name(rule.name), name="mend", role=role["id"],
                policy=policy_document([
                    allow(f"Mend{number}", Statement(tuple(actions), (on,), own))
                    for number, (on, actions) in enumerate(rule.mend_actions.items(), start=1)]),
            )
            parameters.append({"name": "AutomationAssumeRole", "static_value": role["arn"]})
        parameters += [{"name": name, "static_value": value} for name, value in rule.mend_values.items()]
        parameters.sort(key=lambda parameter: str(parameter["name"]))  # as the provider reads them: a map has no order
        aws.config_remediation_configuration(
            self.terraform_name(rule.name), config_rule_name=made["name"], target_type="SSM_DOCUMENT", target_id=rule.mend,
            automatic=True, maximum_automatic_attempts=3, retry_attempt_seconds=60, parameter=parameters,
        )


class AuditTrail(Component):
    """CloudTrail: who called which AWS API when, in every region, in files whose change would be noticed.

    Arguments:
        component: unique in the system.
        bucket: the `Bucket` that the trail is delivered to.
        watch: also into a log group, so that alarms can look at it; default no.
        data_of: components whose data events are recorded too: tables, buckets and functions; default none.
        name: the name that AWS sees; default from the system's name pattern.
        kind: which calls: ``All`` (default), ``ReadOnly`` or ``WriteOnly``.

    Resources created: ``aws_cloudtrail``; with ``watch`` an ``aws_cloudwatch_log_group``, and an
    ``aws_iam_role`` with an ``aws_iam_role_policy``.

    Costs: the first trail of an account is free, its files in S3 are not; data events per 100,000.

    Example:
        ``AuditTrail("trail", Bucket("audit"))``
    """

    def __init__(
        self, component: str, bucket: Bucket, /, *, watch: bool = False, data_of: Sequence[Component] = (),
        name: str | None = None, kind: Literal["All", "ReadOnly", "WriteOnly"] = "All",
    ) -> None:
        super().__init__(component)
        require(bucket, Bucket, "bucket", self)
        trail_name = self.physical_name("aws_cloudtrail", name)
        region = self.building.graph.region
        arn = f"arn:aws:cloudtrail:{region}:{account_id()}:trail/{trail_name}"
        own = {"StringEquals": {"aws:SourceArn": arn}}
        # AWS CloudTrail user guide, "Amazon S3 bucket policy for CloudTrail".
        service = "cloudtrail.amazonaws.com"
        bucket.allow("TrailChecksBucket", service, ("s3:GetBucketAcl",), bucket=True, conditions=own)
        bucket.allow("TrailDelivers", service, ("s3:PutObject",), prefix=f"AWSLogs/{account_id()}/CloudTrail/",
                     conditions={"StringEquals": {"aws:SourceArn": arn, "s3:x-amz-acl": "bucket-owner-full-control"}})
        # The trail's digest files lie beside its logs.
        bucket.allow("TrailDigests", service, ("s3:PutObject",), prefix=f"AWSLogs/{account_id()}/CloudTrail-Digest/",
                     conditions=own)
        key = key_of_tier()
        if key:
            key.serve(service)
        logs: dict[str, Any] = {}
        if watch:
            group = log_group(self, f"/cloudtrail/{trail_name}")
            role = workload_role(self, service, (), own=[write_log(group)], own_sid="WriteLog", conditions=own)
            logs = {"cloud_watch_logs_group_arn": f"{group['arn']}:*", "cloud_watch_logs_role_arn": role["arn"]}
        selector: Any = {
            "read_write_type": kind, "include_management_events": True,
            "data_resource": [self._data(part) for part in data_of] or None,
        }
        self.resource = aws.cloudtrail(
            self.terraform_name(), name=trail_name, s3_bucket_name=bucket.resource["id"], is_multi_region_trail=True,
            include_global_service_events=True, enable_log_file_validation=True, kms_key_id=key.arn if key else None,
            event_selector=[selector], depends_on=[bucket.policy_address], **logs,
        )

    def _data(self, part: Component) -> dict[str, Any]:
        known = {"aws_dynamodb_table": ("AWS::DynamoDB::Table", ""), "aws_s3_bucket": ("AWS::S3::Object", "/"),
                 "aws_lambda_function": ("AWS::Lambda::Function", "")}
        kind = known.get(part.resource.type)
        if kind is None:
            raise Mistake("GS1672", f"CloudTrail records no data events of {part.subject}",
                          mend="name tables, buckets or functions")
        return {"type": kind[0], "values": [f"{part.resource['arn']}{kind[1]}"]}

    @property
    def arn(self) -> Reference:
        """ARN of the trail."""
        return self.resource["arn"]
