"""The graph as a whole: everything that is referred to exists, nothing goes in a circle, no service is gone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from groundsill.checks.context import Context
from groundsill.checks.facts.support import SERVICES, XRAY_SDK_MAINTENANCE
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import each, truth
from groundsill.graph.artifact import MachineRelease
from groundsill.graph.reference import Broken, references_in
from groundsill.graph.resource import Resource

RULES = Ruleset(Family.DEPLOYS)
# One of each exists in an account and region.
_ONE_AN_ACCOUNT = (
    "aws_guardduty_detector", "aws_securityhub_account", "aws_config_configuration_recorder", "aws_config_delivery_channel",
    "aws_inspector2_enabler", "aws_macie2_account", "aws_iam_account_password_policy", "aws_ebs_encryption_by_default",
)
_APPLICATION = (
    "aws_lambda_function", "aws_ecs_service", "aws_instance", "aws_lb", "aws_api_gateway_rest_api", "aws_apigatewayv2_api",
)
_DOORS = {
    "aws_apigatewayv2_api": ("aws_apigatewayv2_domain_name", "aws_apigatewayv2_stage"),
    "aws_api_gateway_rest_api": ("aws_api_gateway_domain_name", "aws_api_gateway_stage"), "aws_lb": (),
    "aws_cloudfront_distribution": (),
}


@RULES.rule(
    "reference-to-nothing", Severity.CRITICAL, "something is referred to that does not exist",
    rationale="Terraform stops before it makes anything (\"Reference to undeclared resource\").",
    mend="correct the name, or define what is meant",
    example="aws_lambda_function: role = aws_iam_role.gone.arn",
)
def dangling(context: Context) -> Found:
    graph = context.graph
    for resource in graph:
        for address in dict.fromkeys(item.address for item in graph.references(resource.address) if not isinstance(item, Broken)):
            there = address.removeprefix("var.") in graph.variables if address.startswith("var.") else address in graph
            if not there and _is_resource(address):
                yield Finding(resource, f"it refers to {address}, which is not defined")


def _is_resource(address: str) -> bool:
    """Whether an address is of a resource or a variable: what a module gives, or a local value, is not followed here."""
    return address.startswith("var.") or re.match(r"(module\.[^.]+\.)*(data\.)?(aws|random)_\w+\.\w+", address) is not None


@RULES.rule(
    "resources-in-a-circle", Severity.CRITICAL, "resources refer to each other in a circle",
    rationale="No order exists in which they could be made: Terraform stops with \"Cycle\". `depends_on` adds edges and "
              "cannot break one; security groups whose inline rules name each other are the usual case.",
    mend="make one of the references a resource of its own, for example an aws_vpc_security_group_ingress_rule",
    example="aws_security_group.a: ingress from aws_security_group.b, and aws_security_group.b: ingress from "
            "aws_security_group.a",
)
def circle(context: Context) -> Found:
    graph = context.graph
    known: set[str] = set()
    while addresses := graph.circle(without=known):
        yield Finding(graph[addresses[0]], " -> ".join(addresses), related=tuple(graph[item] for item in addresses[1:-1]))
        known.update(addresses)


@RULES.rule(
    "service-ended", Severity.HIGH, "AWS no longer offers this service",
    rationale="After the end of support a resource cannot be made, and what runs is switched off (AWS, \"AWS Product "
              "Lifecycle\").",
    mend="move to what AWS names in its place; for Amazon Pinpoint's messages that is AWS End User Messaging",
    example="aws_pinpoint_app",
)
def ended(context: Context) -> Found:
    gone = {beginning: said for beginning, said in SERVICES.items() if said[0] <= context.today}
    for type in dict.fromkeys(resource.type for resource in context.graph):
        for beginning, (day, name) in gone.items():
            if type.startswith(beginning) and not type.startswith("aws_pinpointsmsvoicev2"):
                for resource in context.graph.of_type(type):
                    yield Finding(resource, f"{name} ended on {day:%d %b %Y}")


@RULES.rule(
    "account-service-in-application", Severity.LOW, "a service of the whole account is made with one application",
    rationale="GuardDuty, Security Hub and the Config recorder exist once an account and region: a second application that "
              "makes them fails, and destroying this one switches them off for all.",
    mend="keep them in a system of their own for the account",
    example="aws_guardduty_detector beside aws_lambda_function",
)
def account(context: Context) -> Found:
    if not context.of_type(*_APPLICATION):
        return
    for resource in context.of_type(*_ONE_AN_ACCOUNT):
        yield Finding(resource, "the account has one of these, and this graph has an application too")


@RULES.rule(
    "front-door-without-output", Severity.LOW, "an address that clients need is not an output", family=Family.RUNS,
    types=tuple(_DOORS),
    rationale="Apps, webhooks of other companies and scripts are configured with it; without an output somebody copies it "
              "from the console, once, wrongly.",
    mend="output the URL of the API, load balancer or distribution",
    example="aws_api_gateway_rest_api without an output that refers to it or to its stage or domain",
)
def unnamed(context: Context, door: Resource) -> Found:
    private = door.type == "aws_lb" and truth(context.view.get(door, "internal"), default=False) is not False
    if not context.graph.stage or private:
        return
    near = {door.address} | {item.address for item in context.view.referring(door, *_DOORS[door.type], "aws_route53_record",
                                                                               "aws_api_gateway_base_path_mapping",
                                                                               "aws_apigatewayv2_api_mapping",
                                                                               "aws_cloudfront_distribution")}
    near |= {target.address for address in list(near) for target in _named(context, address)}
    if not _mentioned(context, near) and not _own_domain(context, door):
        yield Finding(door, "no output refers to it, to its stage or to its domain")


def _named(context: Context, address: str) -> Iterator[Resource]:
    resource = context.graph[address]
    if resource.type.endswith("_mapping"):
        yield from context.view.targets(resource, "domain_name")


def _mentioned(context: Context, addresses: set[str]) -> bool:
    return any(reference.address in addresses for output in context.graph.outputs.values()
               for reference in references_in(output.value))


def _own_domain(context: Context, door: Resource) -> bool:
    """Whether it has a name of the user's own, which they know."""
    if door.type == "aws_cloudfront_distribution":
        return bool(each(context.view.get(door, "aliases")))
    kinds = ("aws_route53_record", "aws_api_gateway_base_path_mapping", "aws_apigatewayv2_api_mapping")
    return any(True for _ in context.view.referring(door, *kinds))


@RULES.rule(
    "machine-without-application", Severity.MEDIUM, "nothing says what a machine runs", family=Family.RUNS,
    types=("aws_instance", "aws_autoscaling_group"),
    rationale="The machine starts and serves nothing: its health checks fail until somebody copies a program onto it by hand.",
    mend="declare its release, or start the program from user_data",
    example="aws_instance without user_data and without a release",
)
def idle(context: Context, machine: Resource) -> Found:
    released = {item.address for item in context.graph.artifacts if isinstance(item, MachineRelease)}
    template = next((item for item in context.view.targets(machine) if item.type == "aws_launch_template"), None)
    sources = [machine, *([template] if template else [])]
    if machine.address in released or any(item.address in released for item in sources):
        return
    if any(item.arguments.get(name) is not None for item in sources for name in ("user_data", "user_data_base64")):
        return
    if any(_is_bare(context, item) for item in sources):
        yield Finding(machine, "it has neither a release nor user_data")


def _is_bare(context: Context, machine: Resource) -> bool:
    """Whether a machine starts from an image of Amazon's: what an image of one's own holds, nobody can see here."""
    for argument in ("ami", "image_id"):
        image = context.view.target(machine, argument)
        if image is not None and image.type == "aws_ami" and image.data:
            return "amazon" in each(context.view.get(image, "owners"))
        if image is not None and image.type == "aws_ssm_parameter" and image.data:
            return str(context.view.get(image, "name", default="")).startswith("/aws/service/")
    return False


@RULES.rule(
    "tracing-sdk-in-maintenance", Severity.LOW, "the X-Ray SDK gets no more features", family=Family.RUNS,
    rationale="The X-Ray SDKs and daemon are in maintenance since 25 February 2026 (AWS X-Ray Developer Guide, \"AWS X-Ray "
              "SDK and daemon end of support timeline\"); AWS recommends OpenTelemetry, which sends to X-Ray as well.",
    mend="use OpenTelemetry: aws-opentelemetry-distro in place of aws-xray-sdk",
    example="requirements.txt: aws-xray-sdk",
)
def xray(context: Context) -> Found:
    if context.today < XRAY_SDK_MAINTENANCE:
        return
    for artifact in context.graph.artifacts:
        file = getattr(artifact, "requirements", None)
        resource = context.graph.resources.get(getattr(artifact, "address", ""))
        if file is None or not file.is_file():
            continue
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            if re.match(r"aws[-_]xray[-_]sdk\b", line.strip(), re.IGNORECASE):
                yield Finding(resource, f"{file.name}: {line.strip()}")
