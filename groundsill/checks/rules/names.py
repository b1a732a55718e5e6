"""Names and tags that AWS refuses, or that two things share."""

from __future__ import annotations

import re
from ipaddress import ip_address

from groundsill.checks.context import Context
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import each, text
from groundsill.graph.name_rules import NAME_RULES
from groundsill.graph.reference import split_template
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_mapping

RULES = Ruleset(Family.DEPLOYS)

# The argument that holds the name, where it is not `name`.
_ARGUMENTS = {
    "aws_lambda_function": "function_name", "aws_db_instance": "identifier", "aws_rds_cluster": "cluster_identifier",
    "aws_elasticache_replication_group": "replication_group_id", "aws_elasticache_cluster": "cluster_id",
    "aws_s3_bucket": "bucket", "aws_ecs_task_definition": "family", "aws_cloudwatch_metric_alarm": "alarm_name",
    "aws_cloudwatch_dashboard": "dashboard_name", "aws_xray_group": "group_name", "aws_xray_sampling_rule": "rule_name",
    "aws_codedeploy_deployment_group": "deployment_group_name", "aws_kms_alias": "name",
}
_NAMED = tuple(type for type in NAME_RULES if type != "aws_s3_bucket")
# Unique in an account and region; those that belong to a parent or are versions are not.
_UNIQUE = (*(type for type in NAME_RULES if type not in (
    "aws_api_gateway_rest_api", "aws_api_gateway_api_key", "aws_api_gateway_usage_plan", "aws_apigatewayv2_api",
    "aws_cognito_user_pool", "aws_cognito_user_pool_client", "aws_ecs_task_definition", "aws_ecs_service",
    "aws_codedeploy_deployment_group", "aws_cloudwatch_event_rule", "aws_scheduler_schedule", "aws_security_group",
    "aws_ce_anomaly_monitor", "aws_backup_plan", "aws_cloudwatch_query_definition",
)), "aws_elasticache_cluster", "aws_kms_alias")
_OF_AWS = ("/aws/", "alias/aws/", "AWSBackup")
_FIRST_IN_FIRST_OUT = ("aws_sqs_queue", "aws_sns_topic")
# The same name twice below the same parent.
_PARENTS = {
    "aws_cloudwatch_event_rule": "event_bus_name", "aws_scheduler_schedule": "group_name", "aws_ecs_service": "cluster",
    "aws_security_group": "vpc_id", "aws_codedeploy_deployment_group": "app_name",
}
_PLACEHOLDERS = (
    r"(?i)\b(your-?domain|your-?company|my-?company|mycompany|your-?name|your-?bucket|change-?me|replace-?me|todo)\b"
    r"|\bexample\.(com|org|net)\b|\bi-(0?1234567890abcdef0?|0{8,})\b|\b123456789012\b")
# One of these is in every placeholder: nearly no text has one, and to look for them is quicker.
_HINTS = ("your", "company", "change", "replace", "todo", "example.", "i-0", "i-1", "123456789012")


@RULES.rule(
    "name-refused", Severity.CRITICAL, "AWS refuses this name", types=_NAMED,
    rationale="Every service has its own longest name and its own characters; the apply fails with a validation error, often "
              "after the things before it have been made.",
    mend="shorten it, or leave out the characters that are refused",
    example="aws_lb: name = \"a-name-of-more-than-thirty-two-characters\"",
)
def refused(context: Context, resource: Resource) -> Found:
    argument = _ARGUMENTS.get(resource.type, "name")
    value = context.view.get(resource, argument)
    rule = NAME_RULES[resource.type]
    if not isinstance(value, str):
        return
    literal = "".join(part for part in split_template(value) if isinstance(part, str))
    # "Amazon SQS, Queue names" and "Amazon SNS, FIFO topics": the name ends in .fifo, which counts as part of it.
    own = literal.removesuffix(".fifo") if resource.type in _FIRST_IN_FIRST_OUT else literal
    wrong = sorted(set(re.findall(rule.forbidden, own)))
    if wrong:
        yield Finding(resource, f"{literal!r} holds {' '.join(map(repr, wrong))} ({rule.source})", attribute=argument)
    elif len(literal) > rule.longest:
        yield Finding(resource, f"{literal!r} has {len(literal)} characters; {rule.source} takes {rule.longest}",
                      attribute=argument)
    elif literal == value and len(literal) < rule.shortest:
        yield Finding(resource, f"{literal!r} has {len(literal)} characters; {rule.source} asks for {rule.shortest}",
                      attribute=argument)


@RULES.rule(
    "bucket-name-refused", Severity.CRITICAL, "S3 refuses this bucket name", types=("aws_s3_bucket",),
    rationale="Bucket names are 3 to 63 lower-case letters, digits, dots and hyphens, begin and end with a letter or digit, "
              "and are no IP address; some beginnings and endings are S3's own (Amazon S3 User Guide, \"General purpose "
              "bucket naming rules\").",
    mend="choose a name of lower-case letters, digits and hyphens",
    example="bucket = \"My_Bucket\"",
)
def bucket(context: Context, resource: Resource) -> Found:
    value = context.view.get(resource, "bucket")
    if not isinstance(value, str):
        return
    parts = split_template(value)
    literal = "".join(part if isinstance(part, str) else "0" for part in parts)
    reason = _bucket_fault(literal, whole=len(parts) <= 1)
    if reason:
        yield Finding(resource, f"{literal!r} {reason}", attribute="bucket")


def _bucket_fault(name: str, *, whole: bool) -> str:
    if re.search(r"[^a-z0-9.-]", name):
        return "holds characters other than lower-case letters, digits, dots and hyphens"
    if len(name) > 63 or (whole and len(name) < 3):
        return f"has {len(name)} characters, not 3 to 63"
    if not re.match(r"[a-z0-9]", name) or not re.search(r"[a-z0-9]$", name):
        return "does not begin and end with a letter or a digit"
    if ".." in name:
        return "holds two dots in a row"
    if name.startswith(("xn--", "sthree-", "amzn-s3-demo-")) or name.endswith(("-s3alias", "--ol-s3", "--x-s3", ".mrap")):
        return "has a beginning or an ending that S3 keeps for itself"
    try:
        ip_address(name)
    except ValueError:
        return ""
    return "is an IP address"


@RULES.rule(
    "name-taken-twice", Severity.CRITICAL, "two resources of one type have the same name",
    rationale="The name is unique in an account and region, or below its parent: the second one fails with \"already "
              "exists\".",
    mend="give one of them another name",
    example="two aws_dynamodb_table with name = \"orders\"",
)
def twice(context: Context) -> Found:
    for type in (*_UNIQUE, *_PARENTS):
        seen: dict[tuple[str | None, str, str], Resource] = {}
        for resource in context.of_type(type):
            argument = _ARGUMENTS.get(type, "name")
            name = context.view.get(resource, argument)
            if not isinstance(name, str) or not name:
                continue
            parent = str(context.view.get(resource, _PARENTS[type], default="")) if type in _PARENTS else ""
            first = seen.setdefault((resource.provider, parent, name.lower()), resource)
            if first is not resource:
                yield Finding(resource, f"{first.address} is named {_shown(name)} too", attribute=argument, related=(first,))


def _shown(name: str) -> str:
    return repr("".join(part if isinstance(part, str) else f"${{{part.expression}}}" for part in split_template(name)))


@RULES.rule(
    "name-without-its-stage", Severity.LOW, "a name does not say which stage it belongs to, and the others do",
    family=Family.RUNS,
    rationale="Names are unique in an account and region: a second stage there fails at the first name that both have, and "
              "scripts that build names by the pattern of the others do not find it.",
    mend="put the stage into the name, as the others have it",
    example="table \"sessions-prod\" and table \"profiles\" in stage prod",
)
def stageless(context: Context) -> Found:
    stage = _stage(context)
    for type in _UNIQUE if stage else ():
        argument = _ARGUMENTS.get(type, "name")
        names = {item: name for item in context.of_type(type)
                 if (name := text(context.view.get(item, argument))) and not name.startswith(_OF_AWS)}
        having = [name for name in names.values() if re.search(rf"(?<![a-z0-9]){re.escape(stage)}(?![a-z0-9])", name.lower())]
        # Where most have no stage, the names are somebody's on purpose.
        if len(having) < 2 or len(having) * 2 <= len(names):
            continue
        for item, name in names.items():
            if name not in having:
                yield Finding(item, f"it is named {name!r}, and {having[0]!r} beside it has {stage}", attribute=argument)


def _stage(context: Context) -> str:
    """The stage's name; of Terraform what its variable for that says."""
    told = (context.graph.variables.get(name) for name in ("environment", "env", "stage"))
    given = next((item.default for item in told if item is not None and isinstance(item.default, str)), "")
    return (context.graph.stage or given).lower()


@RULES.rule(
    "tags-refused", Severity.CRITICAL, "AWS refuses these tags",
    rationale="A resource has at most 50 tags, a key at most 128 characters and a value 256, and `aws:` is AWS's own (AWS "
              "General Reference, \"Tag naming limits and requirements\").",
    mend="shorten or drop what does not fit",
    example="tags = {\"aws:team\" = \"shop\"}",
)
def tags(context: Context) -> Found:
    good: set[tuple[str, str]] = set()  # most resources have the same ones
    for resource in context.graph:
        given = resource.arguments.get("tags")
        if resource.data or not is_mapping(given):
            continue
        if len(given) > 50:
            yield Finding(resource, f"it has {len(given)} tags", attribute="tags")
        for key, value in given.items():
            if type(value) is str and (key, value) in good:
                continue
            reason = _tag_fault(str(key), value)
            if reason:
                yield Finding(resource, f"tag {key!r} {reason}", attribute="tags")
            elif isinstance(key, str) and type(value) is str:
                good.add((key, value))


def _tag_fault(key: str, value: object) -> str:
    if key.lower().startswith("aws:"):
        return "begins with aws:"
    if not 1 <= len(key) <= 128:
        return f"has {len(key)} characters"
    written = text(value)
    if written is not None and len(written) > 256:
        return f"has a value of {len(written)} characters"
    return ""


@RULES.rule(
    "placeholder-left", Severity.MEDIUM, "a value is a placeholder from an example",
    rationale="Copied examples carry domains, buckets and ids that belong to nobody or to somebody else; the thing is made, "
              "and does not work.",
    mend="write your own value, best as a setting without a default",
    example="bucket = \"mycompany-terraform-state\"",
)
def placeholder(context: Context) -> Found:
    if not context.texts_where(_is_placeholder):
        return
    for resource in context.graph:
        if resource.data:
            continue
        for argument, value in resource.arguments.items():
            if argument in ("tags", "description", "comment", "template", "user_data"):
                continue
            for item in each(value):
                if isinstance(item, str) and (found := _is_placeholder(item)):
                    yield Finding(resource, f"{argument} holds {found[0]!r}", attribute=argument)
                    break


def _is_placeholder(item: str) -> re.Match[str] | None:
    may_be = len(item) < 2_000 and any(map(item.lower().__contains__, _HINTS))
    return re.search(_PLACEHOLDERS, item) if may_be else None
