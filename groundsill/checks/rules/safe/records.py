"""What is recorded, for how long, and who is told: logs, trails, alarms, backups and budgets."""

from __future__ import annotations

from collections.abc import Iterator

from groundsill.checks.context import Context
from groundsill.checks.expect import GIVEN, TRUE, at_least, expected, none_of, number, truth
from groundsill.checks.rule import Family, Finding, Ruleset, Severity
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_mapping
from groundsill.graph.view import as_blocks, is_known

RULES = Ruleset(Family.SAFE)
LOG, ALARM = "aws_cloudwatch_log_group", "aws_cloudwatch_metric_alarm"
TRAIL, RECORDER = "aws_cloudtrail", "aws_config_configuration_recorder"
_LEAST_DAYS = 14
_WORKLOADS = ("aws_lambda_function", "aws_ecs_service", "aws_instance", "aws_autoscaling_group", "aws_db_instance",
              "aws_rds_cluster")
# AWS Budgets user guide, "Budget filters": dimensions as the API and Terraform name them.
_BUDGET_FILTERS = {"AZ", "BillingEntity", "CostCategory", "InstanceType", "InvoicingEntity", "LegalEntity", "LegalEntityName",
                   "LinkedAccount", "Operation", "PurchaseType", "Region", "Service", "TagKeyValue", "UsageType",
                   "UsageTypeGroup",
                   "InstanceTypeFamily", "Platform", "Tenancy", "DatabaseEngine", "CacheEngine", "DeploymentOption"}


@RULES.rule(
    "log-kept-too-short", Severity.LOW, "the log is gone before an incident is noticed",
    rationale="Break-ins are noticed weeks later: AWS Security Hub, CloudWatch.16, asks for a year; two weeks is the "
              "least that helps "
              "after a release.",
    mend=f"set retention_in_days to {_LEAST_DAYS} or more, 365 for what may have to be proven", types=(LOG,),
    production_only=True,
    controls=("NIST CloudWatch.16", "CKV_AWS_338"),
)
def _short(context: Context, log: Resource) -> Iterator[Finding]:
    days = number(context.view.known(log, "retention_in_days", default=0))
    if days is not None and 0 < days < _LEAST_DAYS:
        yield Finding(log, f"`retention_in_days` is {days:g}", attribute="retention_in_days")


@RULES.rule(
    "function-log-made-by-itself", Severity.MEDIUM, "the function's log is made by Lambda, without an end and without a key",
    rationale="A log group that Lambda makes keeps everything for ever: AWS Lambda developer guide, \"Sending Lambda "
              "function logs to "
              "CloudWatch Logs\".",
    mend="declare aws_cloudwatch_log_group /aws/lambda/<name> with a retention", types=("aws_lambda_function",),
)
def _function_log(context: Context, function: Resource) -> Iterator[Finding]:
    if context.view.get(function, "logging_config", "log_group") is not None:
        return
    name = context.view.get(function, "function_name")
    wanted = f"/aws/lambda/{name}"
    groups = [context.view.get(group, "name") for group in context.of_type(LOG)]
    if isinstance(name, str) and is_known(name) and wanted not in groups:
        if any(not is_known(group) for group in groups if group is not None):
            yield Finding(function, "the names of some log groups are known only after apply", unknown=True)
        else:
            yield Finding(function, f"no log group is named {wanted}")


@RULES.rule(
    "alarm-tells-nobody", Severity.MEDIUM, "the alarm goes off and nobody is told",
    rationale="Amazon CloudWatch user guide, \"Using Amazon CloudWatch alarms\", actions.", mend="give it alarm_actions",
    types=(ALARM, "aws_cloudwatch_composite_alarm"), controls=("NIST CloudWatch.15",), production_only=True,
)
def _tells_nobody(context: Context, alarm: Resource) -> Iterator[Finding]:
    if alarm.arguments.get("alarm_actions") or alarm.arguments.get("ok_actions"):
        return
    # Part of another alarm, or asked by a deployment: then that one acts.
    if not any(context.view.referring(alarm, "aws_cloudwatch_composite_alarm", "aws_codedeploy_deployment_group",
                                      "aws_ecs_service",
                                      "aws_appconfig_environment", "aws_autoscaling_policy", "aws_route53_health_check")):
        yield Finding(alarm, "`alarm_actions` is not set", attribute="alarm_actions")


@RULES.rule(
    "production-without-alarms", Severity.MEDIUM, "nobody is told when the system fails",
    rationale="Users are the first to notice then: AWS Well-Architected, operational excellence, \"OPS08 Workload "
              "observability\".",
    mend="add aws_cloudwatch_metric_alarm resources with an action", production_only=True,
)
def _no_alarms(context: Context) -> Iterator[Finding]:
    workloads = context.of_type(*_WORKLOADS)
    if workloads and not context.of_type(ALARM, "aws_cloudwatch_composite_alarm"):
        yield Finding(None, f"{len(workloads)} workloads and databases, and no alarm")


@RULES.rule(
    "production-without-budget", Severity.LOW, "nobody is told when the system costs too much",
    rationale="A loop or a flood is noticed on the bill a month later: AWS Cost Management user guide, \"Managing your "
              "costs with AWS "
              "Budgets\".",
    mend="add an aws_budgets_budget with a notification, or an aws_ce_anomaly_subscription", production_only=True,
    tiers=("standard", "enterprise"),
)
def _no_budget(context: Context) -> Iterator[Finding]:
    if context.of_type(*_WORKLOADS) and not context.of_type("aws_budgets_budget", "aws_ce_anomaly_subscription"):
        yield Finding(None, "there is no budget and no cost anomaly subscription")


@RULES.rule(
    "budget-tells-nobody", Severity.MEDIUM, "the budget is exceeded and nobody is told",
    rationale="AWS Cost Management user guide, \"Managing your costs with AWS Budgets\".",
    mend="add a notification with a receiver",
    types=("aws_budgets_budget",),
)
def _budget_silent(context: Context, budget: Resource) -> Iterator[Finding]:
    notices = context.view.blocks(budget, "notification")
    if not any(notice.get("subscriber_email_addresses") or notice.get("subscriber_sns_topic_arns") for notice in notices):
        yield Finding(budget, "no notification has a receiver", attribute="notification")


@RULES.rule(
    "budget-filter-matches-nothing", Severity.HIGH, "the budget counts nothing, or everything",
    rationale="A tag is filtered by the name TagKeyValue and values such as `user:Project$shop`: AWS Cost Management user guide, "
              "\"Budget filters\"; provider documentation, aws_budgets_budget.",
    mend='write cost_filter with name "TagKeyValue" and values ["user:KEY$VALUE"]', types=("aws_budgets_budget",),
)
def _budget_filter(context: Context, budget: Resource) -> Iterator[Finding]:
    for block in context.view.blocks(budget, "cost_filter"):
        name = block.get("name")
        if isinstance(name, str) and is_known(name) and name not in _BUDGET_FILTERS:
            yield Finding(budget, f"there is no filter {name}", attribute="cost_filter")
        elif name == "TagKeyValue":
            wrong = [value for value in as_blocks(block.get("values"))
                     if isinstance(value, str) and ("$" not in value or not value.startswith(("user:", "aws:")))]
            if wrong and is_known(wrong[0]):
                yield Finding(budget, f"{wrong[0]} is not user:KEY$VALUE", attribute="cost_filter")


# -- the account's own records -----------------------------------------------------------------------------------------


@RULES.rule(
    "recorder-misses-resources", Severity.MEDIUM, "changes of some resources are not recorded",
    rationale="AWS Config developer guide, \"Recording AWS resources with AWS Config\".",
    mend="set recording_group with all_supported and include_global_resource_types", types=(RECORDER,),
    controls=("FSBP Config.1", "CIS 3.3", "CKV2_AWS_48"),
)
def _misses(context: Context, recorder: Resource) -> Iterator[Finding]:
    groups = context.view.blocks(recorder, "recording_group")
    if groups and not truth(groups[0].get("all_supported", True)):
        yield Finding(recorder, "`all_supported` is false", attribute="recording_group")


@RULES.rule(
    "recorder-not-started", Severity.MEDIUM, "AWS Config records nothing",
    rationale="A recorder is made stopped: provider documentation, aws_config_configuration_recorder_status.",
    mend="add an aws_config_configuration_recorder_status with is_enabled = true", types=(RECORDER,),
    controls=("FSBP Config.1", "CIS 3.3", "CKV2_AWS_45"),
)
def _not_started(context: Context, recorder: Resource) -> Iterator[Finding]:
    states = [context.view.get(status, "is_enabled") for status in
              context.view.referring(recorder, "aws_config_configuration_recorder_status")]
    if not any(truth(state) or not is_known(state) for state in states):
        yield Finding(recorder, "no status starts it")


@RULES.rule(
    "vault-without-plan", Severity.LOW, "nothing is put into the vault",
    rationale="AWS Backup developer guide, \"Managing backups using backup plans\".",
    mend="add an aws_backup_plan with a rule for it",
    types=("aws_backup_vault",),
)
def _no_plan(context: Context, vault: Resource) -> Iterator[Finding]:
    if not any(context.view.referring(vault, "aws_backup_plan", "aws_backup_vault_notifications", "aws_backup_vault_policy")):
        yield Finding(vault, "no plan refers to it")


# Metrics of these services come of one resource when it is named, and are summed over the whole account when it is not.
_OF_ONE_RESOURCE = {"AWS/Lambda", "AWS/ApiGateway", "AWS/SQS", "AWS/DynamoDB", "AWS/RDS", "AWS/ApplicationELB",
                    "AWS/ECS", "AWS/ElastiCache",
                    "AWS/SNS", "AWS/Events", "AWS/S3", "AWS/EC2"}


@RULES.rule(
    "alarm-counts-the-whole-account", Severity.MEDIUM, "the alarm counts what every system in the account does",
    rationale="Without dimensions a metric is the sum over all functions or APIs of the region, or has no data: AWS "
              "Lambda developer "
              "guide, \"Types of metrics for Lambda functions\"; Amazon CloudWatch user guide, \"Dimension\".",
    mend="name the resource in `dimensions`", types=(ALARM,),
)
def _whole_account(context: Context, alarm: Resource) -> Iterator[Finding]:
    metrics = [(context.view.get(alarm, "namespace"), alarm.arguments.get("dimensions"))]
    for query in context.view.blocks(alarm, "metric_query"):
        metrics += [(block.get("namespace"), block.get("dimensions")) for block in as_blocks(query.get("metric"))
                    if is_mapping(block)]
    for namespace, dimensions in metrics:
        if isinstance(namespace, str) and namespace in _OF_ONE_RESOURCE and not dimensions:
            yield Finding(alarm, f"a metric of {namespace} without `dimensions`", attribute="dimensions")
            return


@RULES.rule(
    "alarm-that-never-sounds", Severity.MEDIUM, "the alarm watches a metric that nobody measures",
    rationale="AWS/DDoSProtection has metrics with Shield Advanced alone, USD 3,000 a month: AWS Shield developer "
              "guide, \"Monitoring "
              "AWS Shield Advanced with CloudWatch\".",
    mend="watch requests that the web ACL blocked, refused requests and surges instead", types=(ALARM,),
)
def _never_sounds(context: Context, alarm: Resource) -> Iterator[Finding]:
    if context.view.get(alarm, "namespace") == "AWS/DDoSProtection" and not context.of_type(
        "aws_shield_protection", "aws_shield_subscription"
    ):
        yield Finding(alarm, "AWS/DDoSProtection, without Shield Advanced", attribute="namespace")


RULES.items += [
    expected(
        "log-without-retention", Severity.MEDIUM, "the log is kept, and paid for, for ever", LOG, at="retention_in_days",
        wanted=at_least(1), absent=False,
        why="Personal data in it is never deleted: Amazon CloudWatch Logs user guide, \"Working with log groups and log "
            "streams\".",
        mend="set retention_in_days", controls=("CKV_AWS_66",),
    ),
    expected(
        "alarm-switched-off", Severity.MEDIUM, "the alarm does nothing when it goes off", ALARM,
        "aws_cloudwatch_composite_alarm",
        at="actions_enabled", wanted=TRUE, absent=True, production_only=True,
        why="Amazon CloudWatch user guide, \"Using Amazon CloudWatch alarms\".", mend="leave actions_enabled out",
        controls=("NIST CloudWatch.17", "CKV_AWS_319"),
    ),
    expected(
        "trail-of-one-region", Severity.HIGH, "what happens in other regions is not recorded", TRAIL,
        at="is_multi_region_trail", wanted=TRUE, absent=False,
        why="Whoever breaks in goes where nobody looks: AWS CloudTrail user guide, \"Understanding multi-Region trails\".",
        mend="set is_multi_region_trail = true", controls=("FSBP CloudTrail.1", "CIS 3.1", "CKV_AWS_67"),
    ),
    expected(
        "trail-can-be-forged", Severity.MEDIUM, "a changed or deleted record is not noticed", TRAIL,
        at="enable_log_file_validation", wanted=TRUE, absent=False,
        why="AWS CloudTrail user guide, \"Validating CloudTrail log file integrity\".",
        mend="set enable_log_file_validation = true",
        controls=("FSBP CloudTrail.4", "CIS 3.2", "CKV_AWS_36"),
    ),
    expected(
        "trail-not-watched", Severity.LOW, "nobody can be told of what the trail records", TRAIL,
        at="cloud_watch_logs_group_arn",
        wanted=GIVEN, absent=False, tiers=("enterprise",),
        why="Alarms work on a log group: AWS CloudTrail user guide, \"Monitoring CloudTrail log files with Amazon "
            "CloudWatch Logs\".",
        mend="set cloud_watch_logs_group_arn and its role", controls=("FSBP CloudTrail.5", "CKV2_AWS_10"),
    ),
    expected(
        "trail-switched-off", Severity.HIGH, "nothing is recorded", TRAIL, at="enable_logging", wanted=TRUE, absent=True,
        why="AWS CloudTrail user guide, \"Turning off logging for a trail\".", mend="leave enable_logging out",
        controls=("PCI CloudTrail.3", "CIS 3.1", "CKV_AWS_251"),
    ),
    expected(
        "detector-switched-off", Severity.HIGH, "nobody looks for signs of an attack", "aws_guardduty_detector", at="enable",
        wanted=TRUE, absent=True, why="Amazon GuardDuty user guide, \"Getting started with GuardDuty\".", mend="leave enable out",
        controls=("FSBP GuardDuty.1", "CKV_AWS_238", "CKV2_AWS_3"),
    ),
    expected(
        "vault-emptied-on-destroy", Severity.HIGH, "destroying the vault deletes every backup", "aws_backup_vault",
        at="force_destroy", wanted=none_of("true"), absent=True, production_only=True,
        why="Provider documentation, aws_backup_vault: recovery points are deleted first.", mend="leave force_destroy out",
    ),
    expected(
        "health-check-in-clear-text", Severity.LOW, "the outside check does not see whether TLS works",
        "aws_route53_health_check",
        at="type", wanted=none_of("HTTP", "HTTP_STR_MATCH"), absent=True, production_only=True,
        why="An expired certificate keeps users out while the check is green: Amazon Route 53 developer guide, \"Types of "
            "Route 53 health "
            "checks\".",
        mend="use HTTPS",
    ),
]
