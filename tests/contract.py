"""What every graph keeps, whatever it was made from: one rule a function, which yields what breaks it.

The tables name resource types. A type that could break a rule, which its schema tells, and that no table names is itself a
breach: what is added later has to be decided on, and cannot slip through.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from groundsill.aws.schema import type_schema
from groundsill.graph import TASK_RUN_TYPE, Graph, Resource
from groundsill.graph.name_rules import NAME_RULES, NameRule
from groundsill.testing import plain

TIERS = ("basic", "standard", "enterprise")
ACCOUNT = "${data.aws_caller_identity.current.account_id}"


@dataclass(frozen=True)
class Subject:
    """A built graph and what it was built as."""

    graph: Graph
    system: str
    tier: str
    production: bool
    files: tuple[str, ...]  # names of the files that a user wrote

    @cached_property
    def resources(self) -> list[tuple[Resource, dict[str, Any]]]:
        """Every resource that is managed, with its arguments as Terraform would see them."""
        return [(resource, plain(resource.arguments)) for resource in self.graph if not resource.data]

    def of(self, *types: str) -> list[tuple[Resource, dict[str, Any]]]:
        """Those of some types."""
        return [(resource, given) for resource, given in self.resources if resource.type in types]

    def types(self) -> set[str]:
        return {resource.type for resource, _ in self.resources}

    @property
    def own_keys(self) -> bool:
        """Whether data is encrypted under keys of the account's own."""
        return self.tier == "enterprise"


Rule = Callable[[Subject], Iterator[str]]
Holds = Callable[[dict[str, Any], Subject], bool]


def first(given: Mapping[str, Any], *path: str) -> Any:
    """The value at a path of nested blocks; None where there is none."""
    value: Any = given
    for step in path:
        if isinstance(value, list):
            value = value[0] if value else None
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def arguments_of(type: str) -> set[str]:
    schema = type_schema(type)
    assert schema is not None, type
    return set(schema.arguments)


def undecided(subject: Subject, pattern: str, decided: set[str], what: str) -> Iterator[str]:
    """Types whose arguments say that a rule may be about them, and that no table decides on."""
    for type in sorted(subject.types() - decided - {TASK_RUN_TYPE}):
        found = sorted(name for name in arguments_of(type) if re.search(pattern, name))
        if found:
            yield f"{type} has {', '.join(found)} and no table says how it is {what}"


# -- whose it is -------------------------------------------------------------------------------------------------------


def tags(subject: Subject) -> Iterator[str]:
    """Everything that can carry tags says whose it is."""
    wanted = {"System": subject.system, "Stage": subject.graph.stage}
    for resource, given in subject.resources:
        if resource.type == TASK_RUN_TYPE:
            continue  # Terraform's own: nothing in AWS is made of it
        schema = type_schema(resource.type)
        assert schema is not None
        attribute = schema.attributes.get("tags")
        if attribute is not None and attribute.settable:
            found = given.get("tags") or {}
        elif resource.type == "aws_autoscaling_group":
            found = {tag["key"]: tag["value"] for tag in given["tag"] if tag["propagate_at_launch"]}
        else:
            continue
        own = {"Component": resource.component} if resource.component else {}  # what is made by hand belongs to none
        if any(found.get(key) != value for key, value in {**wanted, **own}.items()) or not found.get("ManagedBy"):
            yield f"{resource.address} has the tags {found}"
    for resource, given in subject.of("aws_launch_template"):
        for item in given["tag_specifications"]:
            if any(item["tags"].get(key) != value for key, value in wanted.items()):
                yield f"{resource.address} starts a {item['resource_type']} with the tags {item['tags']}"


def origin(subject: Subject) -> Iterator[str]:
    """Every resource knows its component and the user's line that wrote it."""
    for resource, _ in subject.resources:
        place = resource.location.file.rpartition("/")[2] if resource.location else "nowhere"
        by_hand = resource.subject.startswith("aws.")
        if not (resource.component or by_hand) or not resource.subject or place not in subject.files:
            yield f"{resource.address}: {resource.component!r}, {resource.subject!r}, at {resource.location}"


# -- names -------------------------------------------------------------------------------------------------------------

# Where the name of a type stands, where that is not `name`.
NAME_ARGUMENTS = {
    "aws_cloudwatch_composite_alarm": "alarm_name", "aws_cloudwatch_dashboard": "dashboard_name",
    "aws_cloudwatch_event_target": "target_id", "aws_cloudwatch_metric_alarm": "alarm_name",
    "aws_codedeploy_deployment_group": "deployment_group_name", "aws_db_instance": "identifier",
    "aws_ecs_task_definition": "family", "aws_elasticache_replication_group": "replication_group_id",
    "aws_lambda_function": "function_name", "aws_lambda_permission": "statement_id", "aws_rds_cluster": "cluster_identifier",
    "aws_rds_cluster_instance": "identifier", "aws_route53_health_check": "reference_name", "aws_s3_bucket": "bucket",
    "aws_sesv2_email_identity_policy": "policy_name", "aws_xray_group": "group_name", "aws_xray_sampling_rule": "rule_name",
}
# Names that components put together themselves.
FURTHER_RULES: dict[str, NameRule] = {
    "aws_apigatewayv2_stage": NameRule(128, r"[^A-Za-z0-9_\-]", "API Gateway quotas"),
    "aws_api_gateway_authorizer": NameRule(128, r"[^ -~]", "API Gateway quotas"),
    "aws_apigatewayv2_authorizer": NameRule(128, r"[^ -~]", "API Gateway quotas"),
    "aws_apigatewayv2_vpc_link": NameRule(128, r"[^ -~]", "API Gateway quotas"),
    "aws_appautoscaling_policy": NameRule(256, r"[^ -~]", "Application Auto Scaling API: PutScalingPolicy"),
    "aws_backup_restore_testing_selection": NameRule(50, r"[^A-Za-z0-9_]", "AWS Backup API: RestoreTestingSelectionForCreate"),
    "aws_backup_selection": NameRule(50, r"[^A-Za-z0-9\-_.]", "AWS Backup API: BackupSelection"),
    "aws_ce_anomaly_subscription": NameRule(1024, r"[^ -~]", "AWS Cost Explorer API: AnomalySubscription"),
    "aws_cloudwatch_composite_alarm": NameRule(255, r"[^ -~]", "CloudWatch API: PutCompositeAlarm"),
    "aws_cloudwatch_event_target": NameRule(64, r"[^A-Za-z0-9_.\-]", "EventBridge API: Target"),
    "aws_cloudwatch_log_metric_filter": NameRule(512, r"[:*]", "CloudWatch Logs API: PutMetricFilter"),
    # Terraform adds 26 characters to a prefix.
    "aws_db_parameter_group": NameRule(229, r"[^a-z0-9\-]", "Amazon RDS API: CreateDBParameterGroup", lower=True),
    "aws_iam_role_policy": NameRule(128, r"[^\w+=,.@\-]", "IAM and AWS STS quotas"),
    "aws_kms_alias": NameRule(256, r"[^A-Za-z0-9/_\-]", "AWS KMS API: CreateAlias"),
    "aws_lambda_alias": NameRule(128, r"[^A-Za-z0-9_\-]", "Lambda API: CreateAlias"),
    "aws_lambda_permission": NameRule(100, r"[^A-Za-z0-9_\-]", "Lambda API: AddPermission"),
    "aws_rds_cluster_instance": NameRule(63, r"[^a-z0-9\-]", "Amazon RDS API: CreateDBInstance", tidy=True),
    "aws_rds_cluster_parameter_group": NameRule(229, r"[^a-z0-9\-]", "Amazon RDS API: CreateDBClusterParameterGroup"),
    "aws_route53_health_check": NameRule(27, r"[^ -~]", "Route 53 API: CreateHealthCheck, of whose 64 Terraform takes 37"),
    "aws_sesv2_email_identity_policy": NameRule(64, r"[^A-Za-z0-9_\-]", "Amazon SES API v2: CreateEmailIdentityPolicy"),
    "aws_ssm_parameter": NameRule(1011, r"[^A-Za-z0-9_.\-/]", "Systems Manager API: PutParameter"),
}
# Arguments of this name that hold no name of the thing itself, or one that AWS itself gives.
NO_NAMES = {
    "aws_config_configuration_recorder", "aws_config_delivery_channel", "aws_route53_record", "aws_route53_zone",
}
# Types whose names AWS compares over the whole account and region, so that two of one name clash.
_SCOPED = {
    "aws_apigatewayv2_stage", "aws_api_gateway_authorizer", "aws_apigatewayv2_authorizer", "aws_appautoscaling_policy",
    "aws_backup_restore_testing_selection", "aws_backup_selection", "aws_cloudwatch_event_target", "aws_iam_role_policy",
    "aws_lambda_alias", "aws_lambda_permission", "aws_sesv2_email_identity_policy",
}
_LONGEST_TEXT = {"aws_security_group": 255, "aws_iam_role": 1000, "aws_iam_policy": 1000, "aws_lambda_function": 256}


def name_rule(type: str) -> NameRule | None:
    return NAME_RULES.get(type) or FURTHER_RULES.get(type)


def names(subject: Subject) -> Iterator[str]:
    """Names stay within what AWS accepts, and no two things of a kind share one."""
    seen: dict[tuple[str, str, str | None], str] = {}
    for resource, given in subject.resources:
        argument = NAME_ARGUMENTS.get(resource.type, "name")
        for form in (argument, f"{argument}_prefix"):
            value = given.get(form)
            if not isinstance(value, str) or re.fullmatch(r"\$\{[^}]*\}", value) or resource.type in NO_NAMES:
                continue
            rule = name_rule(resource.type)
            if rule is None:
                yield f"{resource.address} has the {form} {value!r}, and no rule says what AWS takes"
                continue
            # An id of an API has ten characters.
            text = re.sub(r"\$\{[^}]*\}", "a" * 10, value.replace(ACCOUNT, "0" * 12))
            room = rule.longest - (26 if form.endswith("_prefix") and resource.type in NAME_RULES else 0)
            if not rule.shortest <= len(text) <= room:
                yield f"{resource.address}: {len(text)} characters of {form} {text!r} ({rule.source})"
            if re.search(rule.forbidden, text):
                yield f"{resource.address}: {form} {text!r} has characters that AWS refuses ({rule.source})"
            if rule.tidy and re.search(r"--|^-|-$", text if form == argument else text.removesuffix("-")):
                yield f"{resource.address}: {form} {text!r} has a hyphen too many ({rule.source})"
            place = (resource.type, value.lower() if rule.lower else value, resource.provider)
            if form == argument and resource.type not in _SCOPED:
                if place in seen:
                    yield f"{resource.address} and {seen[place]} are both called {value!r}"
                seen[place] = resource.address
        text = given.get("description")
        if isinstance(text, str) and len(text) > _LONGEST_TEXT.get(resource.type, 10_000):
            yield f"{resource.address} has a description of {len(text)} characters"


# -- rights ------------------------------------------------------------------------------------------------------------


@cache
def iam_actions() -> dict[str, dict[str, list[str]]]:
    """Actions by service: those that name a resource and those that cannot. Source: see the file."""
    return json.loads(Path(__file__).with_name("iam_actions.json").read_text(encoding="utf-8"))["services"]


def _matching(action: str) -> tuple[list[str], list[str]]:
    service, _, name = action.partition(":")
    known = iam_actions().get(service, {"named": [], "unnamed": []})
    return ([item for item in known["named"] if fnmatchcase(item, name)],
            [item for item in known["unnamed"] if fnmatchcase(item, name)])


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def rights(subject: Subject) -> Iterator[str]:
    """A workload's rights name exact actions that exist, and a resource wherever the action can."""
    for resource, given in subject.of("aws_iam_role_policy", "aws_iam_policy"):
        workload = resource.type == "aws_iam_role_policy"
        for statement in given["policy"]["Statement"]:
            if statement["Effect"] != "Allow":
                continue
            anything = "*" in as_list(statement["Resource"])
            for action in as_list(statement["Action"]):
                named, unnamed = _matching(action)
                if workload and "*" in action:
                    yield f"{resource.address} allows the family {action}"
                elif not named and not unnamed:
                    yield f"{resource.address} allows {action}, which AWS does not know"
                elif anything and named:
                    yield f"{resource.address} allows {action} on everything, though it names a resource"
                elif not anything and not named:
                    yield f"{resource.address} allows {action} on {statement['Resource']}, though it names none: no effect"
        size = len("".join(json.dumps(given["policy"]).replace(ACCOUNT, "0" * 12).split()))
        # IAM and AWS STS quotas; a reference stands for what may be longer or shorter.
        longest = (10_240 if workload else 6144) + 40 * json.dumps(given["policy"]).count("${aws_")
        if size > longest:
            yield f"{resource.address} has {size} characters of {longest}"


def own_roles(subject: Subject) -> Iterator[str]:
    """No two workloads share a role."""
    holders: dict[str, str] = {}
    taken = {"aws_lambda_function": ("role",), "aws_ecs_task_definition": ("task_role_arn", "execution_role_arn"),
             "aws_iam_instance_profile": ("role",)}
    for resource, given in subject.of(*taken):
        for argument in taken[resource.type]:
            role = given[argument]
            if role in holders:
                yield f"{resource.address} and {holders[role]} share {role}"
            holders[role] = resource.address


# -- encryption --------------------------------------------------------------------------------------------------------


def _key(given: dict[str, Any], argument: str, subject: Subject) -> bool:
    return not subject.own_keys or str(given.get(argument, "")).startswith("${aws_kms_key.")


# Types that hold data, and how it is seen that they are encrypted. At `enterprise` the key is the account's own.
AT_REST: dict[str, Holds] = {
    "aws_backup_vault": lambda g, s: _key(g, "kms_key_arn", s),
    "aws_bedrock_guardrail": lambda g, s: _key(g, "kms_key_arn", s),
    "aws_cloudtrail": lambda g, s: _key(g, "kms_key_id", s),
    "aws_cloudwatch_log_group": lambda g, s: _key(g, "kms_key_id", s),
    "aws_config_delivery_channel": lambda g, s: _key(g, "s3_kms_key_arn", s),
    "aws_db_instance": lambda g, s: bool(g.get("storage_encrypted")) and (
        "replicate_source_db" in g or (_key(g, "kms_key_id", s) and bool(g["manage_master_user_password"]))),
    "aws_dynamodb_table": lambda g, s: not s.own_keys or (
        first(g, "server_side_encryption", "enabled") is True
        and all(item.get("kms_key_arn") for item in g.get("replica", []))),
    "aws_ebs_volume": lambda g, s: bool(g.get("encrypted")) and _key(g, "kms_key_id", s),
    "aws_ecr_repository": lambda g, s: first(g, "encryption_configuration", "encryption_type") in ("AES256", "KMS"),
    "aws_elasticache_replication_group": lambda g, s: bool(g.get("at_rest_encryption_enabled")) and _key(g, "kms_key_id", s),
    "aws_instance": lambda g, s: bool(first(g, "root_block_device", "encrypted")),
    "aws_launch_template": lambda g, s: first(g, "block_device_mappings", "ebs", "encrypted") == "true",
    "aws_rds_cluster": lambda g, s: bool(g.get("storage_encrypted")) and _key(g, "kms_key_id", s)
    and bool(g["manage_master_user_password"]),
    "aws_s3_bucket": lambda g, s: True,  # its own resource says it: see `at_rest`
    "aws_scheduler_schedule": lambda g, s: _key(g, "kms_key_arn", s),
    "aws_secretsmanager_secret": lambda g, s: _key(g, "kms_key_id", s),
    # Amazon SNS encrypts its disks; a key is for who may read beside it.
    "aws_sns_topic": lambda g, s: _key(g, "kms_master_key_id", s),
    "aws_sqs_queue": lambda g, s: bool(g.get("sqs_managed_sse_enabled")) or str(
        g.get("kms_master_key_id", "")).startswith("${aws_kms_key."),
}
# Encrypted by AWS under its own key whatever is asked, with nothing of people in it.
AT_REST_BY_AWS = {
    "aws_cloudwatch_event_bus",  # events pass through
    "aws_lambda_event_source_mapping",  # the filter's text
    "aws_lambda_function",  # addresses in the environment; secrets never are
    "aws_rds_cluster_instance",  # its cluster's storage
}


def at_rest(subject: Subject) -> Iterator[str]:
    """Data is encrypted where it lies."""
    encrypted = {given["bucket"] for _, given in subject.of("aws_s3_bucket_server_side_encryption_configuration")}
    for resource, given in subject.resources:
        holds = AT_REST.get(resource.type)
        if holds is not None and not holds(given, subject):
            yield f"{resource.address} is not encrypted"
        if resource.type == "aws_s3_bucket" and f"${{{resource.address}.id}}" not in encrypted:
            yield f"{resource.address} is not encrypted"
    yield from undecided(subject, r"kms|encrypt|(^|_)sse(_|$)", {
        *AT_REST, *AT_REST_BY_AWS, "aws_s3_bucket_server_side_encryption_configuration"}, "encrypted")


def _requires_tls(given: dict[str, Any], subject: Subject) -> bool:
    wanted = {"rds.force_ssl", "require_secure_transport"}
    return any(item["name"] in wanted and item["value"] == "1" for item in given["parameter"])


def _listens(given: dict[str, Any], subject: Subject) -> bool:
    if given["protocol"] == "HTTPS":
        return str(given.get("ssl_policy", "")).startswith("ELBSecurityPolicy-TLS13-1-2")
    redirect = first(given, "default_action", "redirect") or [{}]
    balancer = subject.graph[re.sub(r"^\$\{(.*)\.arn\}$", r"\1", given["load_balancer_arn"])]
    return as_list(redirect)[0].get("protocol") == "HTTPS" or balancer.arguments["internal"] is True


def _delivers(given: dict[str, Any], subject: Subject) -> bool:
    behaviors = [*given["default_cache_behavior"], *given.get("ordered_cache_behavior", [])]
    origins = [item["custom_origin_config"][0] for item in given["origin"] if item.get("custom_origin_config")]
    certificate = given["viewer_certificate"][0]
    return (all(item["viewer_protocol_policy"] in ("redirect-to-https", "https-only") for item in behaviors)
            and all(item["origin_protocol_policy"] == "https-only" for item in origins)
            and (certificate.get("cloudfront_default_certificate") is True
                 or certificate["minimum_protocol_version"] == "TLSv1.2_2021"))


IN_TRANSIT: dict[str, Holds] = {
    "aws_api_gateway_domain_name": lambda g, s: g["security_policy"] == "TLS_1_2",
    "aws_apigatewayv2_domain_name": lambda g, s: first(g, "domain_name_configuration", "security_policy") == "TLS_1_2",
    "aws_cloudfront_distribution": _delivers,
    "aws_db_parameter_group": _requires_tls,
    "aws_elasticache_replication_group": lambda g, s: bool(
        g.get("transit_encryption_enabled")) and g["transit_encryption_mode"] == "required",
    "aws_lb_listener": _listens,
    "aws_rds_cluster_parameter_group": _requires_tls,
    "aws_route53_health_check": lambda g, s: g["type"] == "HTTPS",
}
# The address that these are called at speaks TLS alone, or what is said is about something else.
IN_TRANSIT_BY_AWS = {
    "aws_api_gateway_integration",  # the same
    "aws_apigatewayv2_integration",  # the name in the certificate of what is called
    "aws_lb",  # headers that tell of the TLS version
}


def in_transit(subject: Subject) -> Iterator[str]:
    """Nothing is sent in the clear over a network that others share."""
    for resource, given in subject.resources:
        holds = IN_TRANSIT.get(resource.type)
        if holds is not None and not holds(given, subject):
            yield f"{resource.address} may be spoken to in the clear"
    refusing = {
        target for _, given in subject.of("aws_s3_bucket_policy", "aws_sns_topic_policy")
        for statement in given["policy"]["Statement"] if statement["Effect"] == "Deny"
        and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}} for target in as_list(statement["Resource"])}
    for resource, _ in subject.of("aws_s3_bucket", "aws_sns_topic"):
        if f"${{{resource.address}.arn}}" not in refusing:
            yield f"{resource.address} may be spoken to in the clear"
    yield from undecided(subject, r"(^|_)(ssl|tls)(_|$)|transit_encryption|security_policy|viewer_protocol",
                         {*IN_TRANSIT, *IN_TRANSIT_BY_AWS}, "reached over TLS")


# -- doors -------------------------------------------------------------------------------------------------------------


def doors(subject: Subject) -> Iterator[str]:
    """The internet is let in by a public load balancer, on its ports, and by nothing else."""
    public = {group for _, given in subject.of("aws_lb") if not given["internal"] for group in given["security_groups"]}
    for resource, given in subject.of("aws_vpc_security_group_ingress_rule"):
        if not str(given.get("cidr_ipv4", "")).endswith("/0") and "cidr_ipv6" not in given:
            continue
        ports = {given["from_port"], given["to_port"]}
        if given["security_group_id"] not in public or len(ports) > 1 or not ports <= {80, 443}:
            yield f"{resource.address} lets the internet in"
    for resource, given in subject.of("aws_security_group", "aws_default_security_group"):
        if given.get("ingress") or given.get("egress"):
            yield f"{resource.address} has rules of its own, which no other resource shows"
    for resource, given in subject.of("aws_subnet"):
        if given["map_public_ip_on_launch"]:
            yield f"{resource.address} gives everything in it a public address"
    for resource, given in subject.of("aws_db_instance", "aws_rds_cluster_instance"):
        if given["publicly_accessible"]:
            yield f"{resource.address} is public"
    for resource, given in subject.of("aws_instance"):
        if given["associate_public_ip_address"] or first(given, "metadata_options", "http_tokens") != "required":
            yield f"{resource.address} has a public address, or gives its credentials to whoever asks"
    closed = {given["bucket"] for _, given in subject.of("aws_s3_bucket_public_access_block")
              if all(value for name, value in given.items() if name != "bucket")}
    for resource, _ in subject.of("aws_s3_bucket"):
        if f"${{{resource.address}.id}}" not in closed:
            yield f"{resource.address} can be opened to everybody"
    for resource, given in subject.resources:
        policy = given.get("policy") or given.get("assume_role_policy")
        for statement in policy["Statement"] if isinstance(policy, dict) and "Statement" in policy else []:
            if statement["Effect"] == "Allow" and statement.get("Principal") in ("*", {"AWS": "*"}):
                yield f"{resource.address} lets everybody in"


# -- logs --------------------------------------------------------------------------------------------------------------


def logs(subject: Subject) -> Iterator[str]:
    """Everything that logs has a log group that is declared, and every log ends."""
    groups = {resource.address: given for resource, given in subject.of("aws_cloudwatch_log_group")}
    named = {given["name"] for given in groups.values()}
    for address, given in groups.items():
        if not 1 <= given.get("retention_in_days", 0) <= 3653:
            yield f"{address} is kept for ever"

    def declared(reference: Any) -> bool:
        match = re.match(r"\$\{(aws_cloudwatch_log_group\.\w+)\.", str(reference))
        return match is not None and match[1] in groups

    for resource, given in subject.resources:
        wanted: list[Any] = []
        if resource.type == "aws_lambda_function":
            wanted = [first(given, "logging_config", "log_group")]
            if f"/aws/lambda/{given['function_name']}" not in named:
                yield f"{resource.address} has no log group of its name"
        elif resource.type == "aws_ecs_task_definition":
            wanted = [item["logConfiguration"]["options"]["awslogs-group"] for item in given["container_definitions"]]
        elif resource.type in ("aws_api_gateway_stage", "aws_apigatewayv2_stage"):
            wanted = [first(given, "access_log_settings", "destination_arn")]
            api = given.get("rest_api_id") or given["api_id"]
            stage = given.get("stage_name") or given["name"]
            protocol = subject.graph[api[2:-4]].arguments.get("protocol_type", "REST")
            own = {"REST": f"API-Gateway-Execution-Logs_{api}/{stage}", "WEBSOCKET": f"/aws/apigateway/{api}/{stage}"}
            if protocol in own and own[protocol] not in named:
                yield f"{resource.address} makes a log group by itself, which is kept for ever"
        elif resource.type == "aws_flow_log":
            wanted = [given["log_destination"]]
        elif resource.type == "aws_wafv2_web_acl_logging_configuration":
            wanted = given["log_destination_configs"]
        elif resource.type in ("aws_db_instance", "aws_rds_cluster"):
            kind = "instance" if resource.type == "aws_db_instance" else "cluster"
            identifier = given.get("identifier") or given["cluster_identifier"]
            for log in given["enabled_cloudwatch_logs_exports"]:
                if f"/aws/rds/{kind}/{identifier}/{log}" not in named:
                    yield f"{resource.address} makes its {log} log by itself, which is kept for ever"
        for group in wanted:
            if not declared(group):
                yield f"{resource.address} logs to {group}"


# -- data --------------------------------------------------------------------------------------------------------------


def _kept(given: dict[str, Any], subject: Subject) -> bool:
    final = str(given.get("final_snapshot_identifier", ""))
    return bool(given["deletion_protection"]) and not given["skip_final_snapshot"] and final.endswith("final")


# What holds data, and how it is seen that a mistake in production does not lose it.
SURVIVES: dict[str, Holds] = {
    "aws_backup_vault": lambda g, s: g["force_destroy"] is False,
    "aws_cognito_user_pool": lambda g, s: g["deletion_protection"] == "ACTIVE",
    # A copy that only reads is made again from what it copies.
    "aws_db_instance": lambda g, s: "replicate_source_db" in g or (_kept(g, s) and g["backup_retention_period"] >= 7),
    "aws_dynamodb_table": lambda g, s: bool(g["deletion_protection_enabled"]) and bool(
        first(g, "point_in_time_recovery", "enabled")),
    "aws_ebs_volume": lambda g, s: g["final_snapshot"] is True,
    "aws_ecr_repository": lambda g, s: g["force_delete"] is False,
    "aws_instance": lambda g, s: g["disable_api_termination"] is True,
    "aws_kms_key": lambda g, s: g["deletion_window_in_days"] >= 7,
    "aws_lb": lambda g, s: g["enable_deletion_protection"] is True,
    "aws_pinpointsmsvoicev2_phone_number": lambda g, s: g["deletion_protection_enabled"] is True,
    "aws_rds_cluster": lambda g, s: _kept(g, s) and g["backup_retention_period"] >= 7,
    "aws_route53_zone": lambda g, s: g["force_destroy"] is False,
    "aws_s3_bucket": lambda g, s: g["force_destroy"] is False,
    "aws_secretsmanager_secret": lambda g, s: g["recovery_window_in_days"] >= 7,
}
# Nothing of these is lost that is not made again.
SURVIVES_NOTHING = {
    "aws_autoscaling_group",  # machines without data
    "aws_cloudwatch_event_rule", "aws_cloudwatch_event_target",  # `force_destroy` is about rules that AWS manages
    "aws_ecs_service",
    "aws_elasticache_replication_group",  # a cache: what it holds can be computed again
    "aws_launch_template",
    "aws_rds_cluster_instance",  # the data is the cluster's
}


def survival(subject: Subject) -> Iterator[str]:
    """In production a mistake loses no data: deletion protection, final snapshots, versions."""
    if subject.production:
        for resource, given in subject.resources:
            holds = SURVIVES.get(resource.type)
            if holds is not None and not holds(given, subject):
                yield f"{resource.address} can be lost by a mistake"
    yield from undecided(
        subject, r"deletion_protection|force_destroy|force_delete$|final_snapshot|disable_api_termination|recovery_window"
        r"|deletion_window", {*SURVIVES, *SURVIVES_NOTHING}, "kept from being lost")


RULES: dict[str, Rule] = {rule.__name__: rule for rule in (
    tags, origin, names, rights, own_roles, at_rest, in_transit, doors, logs, survival)}
