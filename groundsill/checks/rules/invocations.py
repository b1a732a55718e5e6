"""Who may start or send to whom: permissions of functions, policies of queues and topics, keys that encrypt them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from groundsill.checks.context import Context
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import each, text
from groundsill.graph.iam_policies import resource_matches
from groundsill.graph.judgement import Answer, Judgement
from groundsill.graph.reference import references_in
from groundsill.graph.resource import Resource
from groundsill.graph.view import is_known

RULES = Ruleset(Family.RUNS)
# Resource that calls a function: argument with the function, service that calls, argument with the source (empty: itself).
_CALLERS: dict[str, tuple[tuple[tuple[str, ...], ...], str, str]] = {
    "aws_apigatewayv2_integration": ((("integration_uri",),), "apigateway.amazonaws.com", "api_id"),
    "aws_api_gateway_integration": ((("uri",),), "apigateway.amazonaws.com", "rest_api_id"),
    "aws_apigatewayv2_authorizer": ((("authorizer_uri",),), "apigateway.amazonaws.com", "api_id"),
    "aws_api_gateway_authorizer": ((("authorizer_uri",),), "apigateway.amazonaws.com", "rest_api_id"),
    "aws_sns_topic_subscription": ((("endpoint",),), "sns.amazonaws.com", "topic_arn"),
    "aws_cloudwatch_event_target": ((("arn",),), "events.amazonaws.com", "rule"),
    "aws_s3_bucket_notification": ((("lambda_function",),), "s3.amazonaws.com", "bucket"),
    "aws_cognito_user_pool": ((("lambda_config",),), "cognito-idp.amazonaws.com", ""),
    "aws_cloudwatch_log_subscription_filter": ((("destination_arn",),), "logs.amazonaws.com", "log_group_name"),
    "aws_secretsmanager_secret_rotation": ((("rotation_lambda_arn",),), "secretsmanager.amazonaws.com", "secret_id"),
    "aws_lb_target_group_attachment": ((("target_id",),), "elasticloadbalancing.amazonaws.com", "target_group_arn"),
}
_POLICIES = {
    "aws_sqs_queue": ("aws_sqs_queue_policy", "sqs:SendMessage"),
    "aws_sns_topic": ("aws_sns_topic_policy", "sns:Publish"),
}


@RULES.rule(
    "caller-may-not-invoke-function",
    Severity.HIGH,
    "something calls a function that does not let it",
    types=tuple(_CALLERS),
    rationale="A function is called by a service only if its resource policy says so: API Gateway then answers 500, topics, "
              "rules and buckets drop the event after retries, and a bucket notification is refused at once (AWS Lambda "
              "Developer Guide, \"Viewing resource-based IAM policies in Lambda\").",
    mend="add an aws_lambda_permission for the service, with the source's ARN",
    example="aws_apigatewayv2_integration of a function without aws_lambda_permission",
)
def permission(context: Context, caller: Resource) -> Found:
    paths, service, source_argument = _CALLERS[caller.type]
    source = context.view.target(caller, source_argument) if source_argument else caller
    if caller.type.endswith("_integration") and context.view.get(caller, "credentials") is not None:
        return
    for path in paths:
        for target in context.view.targets(caller, *path):
            if target.type not in ("aws_lambda_function", "aws_lambda_alias") or target.data:
                continue
            judged = _may_invoke(context, target, service, source)
            if judged.is_no:
                yield Finding(
                    caller,
                    f"{target.address} does not let {service} call it{_because(judged)}",
                    attribute=path[0],
                    related=(target,),
                )
            elif judged.is_unknown:
                yield Finding(caller, f"whether {target.address} lets {service} call it is not known", unknown=True)


def _because(judged: Judgement) -> str:
    return f": {judged.reasons[0]}" if judged.reasons else ""


def _may_invoke(context: Context, face: Resource, service: str, source: Resource | None) -> Judgement:
    """Whether a permission lets a service call a function, or the alias that is called."""
    view = context.view
    answers: list[Judgement] = []
    function = face if face.type == "aws_lambda_function" else view.target(face, "function_name")
    holders = {
        item.address: item
        for item in (
            *view.referring(face, "aws_lambda_permission"),
            *(view.referring(function, "aws_lambda_permission") if function else ()),
        )
    }
    for item in holders.values():
        if view.get(item, "principal") not in (service, "*"):
            continue
        qualifier = view.get(item, "qualifier")
        named = view.target(item, "qualifier")
        wanted = view.get(face, "name") if face.type == "aws_lambda_alias" else None
        if (named is not None and named is not face) or (
            named is None and qualifier != wanted and is_known(qualifier) and is_known(wanted)
        ):
            answers.append(Judgement.no("the permission is for another version or alias"))
            continue
        given = view.get(item, "source_arn")
        if given is None or source is None:
            answers.append(Judgement.yes())
            continue
        about = [context.graph.target(reference) for reference in references_in(item.arguments.get("source_arn"))]
        if source in about or any(_same(view.target(found, "rest_api_id") if found else None, source) for found in about):
            answers.append(Judgement.yes())
        elif any(found is not None and not found.data and found.type == source.type for found in about) or (
            resource_matches(view, given, source) is Answer.NO and text(given)
        ):
            answers.append(Judgement.no("the permission is for another source"))
        else:
            answers.append(Judgement.unknown())
    for wanted_answer in (Answer.YES, Answer.UNKNOWN):
        for judged in answers:
            if judged.answer is wanted_answer:
                return judged
    return answers[0] if answers else Judgement.no()


def _same(one: Resource | None, other: Resource) -> bool:
    return one is not None and one is other


def _policy(context: Context, target: Resource) -> Iterator[Any]:
    """The policies of a queue or topic, inline or by a resource of their own."""
    own = context.view.get(target, "policy")
    if own is not None:
        yield own
    kind = _POLICIES[target.type][0]
    for item in context.view.referring(target, kind):
        if target in context.view.targets(item, "queue_url") or target in context.view.targets(item, "arn"):
            yield context.view.get(item, "policy")


def _sends(context: Context) -> Iterator[tuple[Resource, Resource, str, Resource | None]]:
    """Who sends where: the resource that says so, the target, the service that sends, the source."""
    view = context.view
    for item in context.of_type("aws_sns_topic_subscription"):
        target = view.target(item, "endpoint")
        if target is not None and view.get(item, "protocol") == "sqs":
            yield item, target, "sns.amazonaws.com", view.target(item, "topic_arn")
    for item in context.of_type("aws_cloudwatch_event_target"):
        target = view.target(item, "arn")
        if target is not None and view.get(item, "role_arn") is None:
            yield item, target, "events.amazonaws.com", view.target(item, "rule")
        dead = view.target(item, "dead_letter_config", "arn")
        if dead is not None:
            yield item, dead, "events.amazonaws.com", view.target(item, "rule")
    for item in context.of_type("aws_s3_bucket_notification"):
        for argument in ("queue", "topic"):
            for target in view.targets(item, argument):
                yield item, target, "s3.amazonaws.com", view.target(item, "bucket")
    for item in context.of_type("aws_cloudwatch_metric_alarm", "aws_cloudwatch_composite_alarm"):
        for target in {
            found.address: found for name in ("alarm_actions", "ok_actions") for found in view.targets(item, name)
        }.values():
            yield item, target, "cloudwatch.amazonaws.com", item
    for item in context.of_type("aws_budgets_budget"):
        for target in view.targets(item, "notification"):
            yield item, target, "budgets.amazonaws.com", item


@RULES.rule(
    "sender-may-not-send",
    Severity.HIGH,
    "a queue or topic does not take what is sent to it",
    rationale="A service sends on its own behalf, so the queue's or topic's policy must let it: a subscription or rule is "
              "made without a word, and every message is lost (Amazon SNS Developer Guide, \"Subscribing an Amazon SQS queue "
              "to an Amazon SNS topic\"; Amazon EventBridge User Guide, \"Using resource-based policies for Amazon "
              "EventBridge\").",
    mend="add a policy that allows the service, with the source's ARN as condition",
    example="aws_sns_topic_subscription to a queue without aws_sqs_queue_policy",
)
def policy(context: Context) -> Found:
    seen: set[tuple[str, str, str]] = set()
    for sender, target, service, source in _sends(context):
        if target.type not in _POLICIES or target.data:
            continue
        about = (target.address, service, source.address if source is not None and source.type.startswith("aws_sns") else "")
        if about in seen:
            continue
        action = _POLICIES[target.type][1]
        documents = list(_policy(context, target))
        judged = [context.access.resource_policy_allows(item, service, action, target, source) for item in documents]
        if target.type == "aws_sns_topic" and not documents:
            # A topic's own policy lets everything of its account publish, except where a policy takes its place.
            continue
        if not any(item.is_yes or item.is_unknown for item in judged):
            seen.add(about)
            reason = judged[0].reasons[0] if judged and judged[0].reasons else "it has no policy"
            yield Finding(sender, f"{target.address} takes nothing of {service}: {reason}", related=(target,))


@RULES.rule(
    "key-keeps-sender-out",
    Severity.HIGH,
    "a queue or topic is encrypted under a key that its sender may not use",
    rationale="To send to an encrypted queue or topic a service calls kms:GenerateDataKey and kms:Decrypt: the key's policy "
              "must allow it, and AWS's own key alias/aws/sns or alias/aws/sqs never does (Amazon SNS Developer Guide, "
              "\"Configuring KMS permissions\").",
    mend="use a key of your own whose policy allows the service; or SQS's own encryption (sqs_managed_sse_enabled)",
    example='aws_sns_topic: kms_master_key_id = "alias/aws/sns" with alarms as publishers',
)
def key(context: Context) -> Found:
    seen: set[tuple[str, str]] = set()
    for sender, target, service, _ in _sends(context):
        given = context.view.get(target, "kms_master_key_id") if target.type in _POLICIES else None
        if given is None or (target.address, service) in seen:
            continue
        seen.add((target.address, service))
        if text(given) and given.startswith("alias/aws/"):
            yield Finding(
                target,
                f"{given} lets no service in, and {service} sends to it",
                attribute="kms_master_key_id",
                related=(sender,),
            )
            continue
        used = context.view.target(target, "kms_master_key_id")
        used = context.view.target(used, "target_key_id") if used is not None and used.type == "aws_kms_alias" else used
        if used is None or used.type != "aws_kms_key":
            continue
        documents = [
            context.view.get(used, "policy"),
            *(context.view.get(item, "policy") for item in context.view.referring(used, "aws_kms_key_policy")),
        ]
        judged = [
            context.access.resource_policy_allows(item, service, "kms:GenerateDataKey", used)
            for item in documents
            if item is not None
        ]
        if not any(item.is_yes or item.is_unknown for item in judged):
            yield Finding(
                target, f"{used.address} does not let {service} use it", attribute="kms_master_key_id", related=(used, sender)
            )


@RULES.rule(
    "bucket-keeps-cdn-out",
    Severity.HIGH,
    "CloudFront may not read the bucket that it serves",
    types=("aws_cloudfront_distribution",),
    rationale="With origin access control CloudFront signs its requests, and the bucket's policy must allow "
              "cloudfront.amazonaws.com for this distribution: every object gets 403 otherwise (Amazon CloudFront Developer "
              "Guide, \"Restrict access to an Amazon S3 origin\").",
    mend="add a bucket policy that allows s3:GetObject to cloudfront.amazonaws.com with the distribution's ARN as AWS:SourceArn",
    example="origin of a private bucket without aws_s3_bucket_policy",
)
def origins(context: Context, distribution: Resource) -> Found:
    view = context.view
    for origin in view.blocks(distribution, "origin"):
        bucket = next(
            (
                found
                for item in references_in(origin.get("domain_name"))
                if (found := context.graph.target(item)) is not None and found.type == "aws_s3_bucket"
            ),
            None,
        )
        if bucket is None or bucket.data or origin.get("custom_origin_config") or each(origin.get("s3_origin_config")):
            continue
        documents = [
            view.get(item, "policy")
            for item in view.referring(bucket, "aws_s3_bucket_policy")
            if bucket in view.targets(item, "bucket")
        ]
        objects = f"{bucket['arn']}/*"
        judged = [
            context.access.resource_policy_allows(item, "cloudfront.amazonaws.com", "s3:GetObject", objects, distribution)
            for item in documents
        ]
        public = [context.access.resource_policy_allows(item, "*", "s3:GetObject", objects) for item in documents]
        if not any(item.is_yes or item.is_unknown for item in (*judged, *public)):
            yield Finding(
                distribution,
                f"no policy of {bucket.address} lets this distribution read",
                attribute="origin",
                related=(bucket,),
            )


@RULES.rule(
    "cdn-behaviour-without-origin",
    Severity.CRITICAL,
    "a CDN sends requests to an origin that it does not have",
    types=("aws_cloudfront_distribution",),
    family=Family.DEPLOYS,
    rationale="CloudFront refuses the distribution (NoSuchOrigin).",
    mend="name the origin_id of one of the origins",
    example='target_origin_id = "assets", origin_id = "asset"',
)
def behaviours(context: Context, distribution: Resource) -> Found:
    view = context.view
    known = {str(block.get("origin_id")) for name in ("origin", "origin_group") for block in view.blocks(distribution, name)}
    for name in ("default_cache_behavior", "ordered_cache_behavior"):
        for block in view.blocks(distribution, name):
            wanted = block.get("target_origin_id")
            if text(wanted) and wanted not in known and all(text(item) for item in known):
                yield Finding(distribution, f"{wanted!r} is not among {', '.join(sorted(known))}", attribute=name)
