"""Who reaches what over the network: images, AWS, databases, targets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from groundsill.checks.context import Context
from groundsill.checks.facts.containers import PULL_SERVICES
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import mapping, text, truth, whole
from groundsill.checks.workloads import Workload, containers
from groundsill.graph.iam_reach import Rights
from groundsill.graph.judgement import Judgement
from groundsill.graph.reference import references_in, split_template
from groundsill.graph.resource import Resource

RULES = Ruleset(Family.RUNS)
# Argument with the port, and the port where it is left out.
_DATA = {
    "aws_db_instance": {"postgres": 5_432, "mysql": 3_306, "mariadb": 3_306, "oracle": 1_521, "sqlserver": 1_433},
    "aws_rds_cluster": {"aurora-postgresql": 5_432, "aurora-mysql": 3_306, "postgres": 5_432, "mysql": 3_306},
    "aws_elasticache_replication_group": {"": 6_379},
    "aws_elasticache_cluster": {"memcached": 11_211, "": 6_379},
}
_ADDRESSES = (
    "address",
    "endpoint",
    "reader_endpoint",
    "primary_endpoint_address",
    "reader_endpoint_address",
    "configuration_endpoint_address",
    "cache_nodes",
)
# Endpoint by IAM prefix. AWS PrivateLink guide, "AWS services that integrate with AWS PrivateLink".
_SERVICES = {
    "sqs": "sqs",
    "sns": "sns",
    "secretsmanager": "secretsmanager",
    "ssm": "ssm",
    "kms": "kms",
    "events": "events",
    "lambda": "lambda",
    "dynamodb": "dynamodb",
    "s3": "s3",
    "bedrock": "bedrock-runtime",
    "cognito-idp": "cognito-idp",
    "execute-api": "execute-api",
    "states": "states",
    "kinesis": "kinesis-streams",
    "ses": "email",
    "sms-voice": "sms-voice",
}
# Calls that Lambda itself makes for a function, from outside of the function's network.
_BY_LAMBDA = (
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ChangeMessageVisibility",
    "logs:",
    "xray:",
    "ec2:",
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
)
_URL_PORT = r"^\w+://[^/]*?:(\d{2,5})(?:/|$)|^:(\d{2,5})(?:/|$)"


@RULES.rule(
    "task-cannot-pull-image",
    Severity.HIGH,
    "a task has no way to its image",
    types=("aws_ecs_service",),
    rationale="Without a NAT gateway, a public address or endpoints for ecr.api, ecr.dkr and s3 the task stays PENDING and "
    'stops with CannotPullContainerError or ResourceInitializationError (Amazon ECR User Guide, "Amazon ECR '
    'interface VPC endpoints (AWS PrivateLink)").',
    mend="route its subnets to a NAT gateway; or add the three endpoints and one for logs; or, in development, a public address",
    example="private subnets without aws_nat_gateway and without endpoints",
)
def image(context: Context, service: Resource) -> Found:
    placement = context.network.topology.placement(service)
    task = context.view.target(service, "task_definition")
    if placement is None or task is None:
        return
    out = context.network.way_out(placement)
    if out.is_yes:
        return
    needed = [*PULL_SERVICES, *(["logs"] if _logs(context, task) else [])]
    judged = {name: context.network.to_service(placement, name) for name in needed}
    missing = [name for name, item in judged.items() if item.is_no]
    if missing:
        yield Finding(service, f"no way to {', '.join(missing)}: {'; '.join(out.reasons)}", attribute="network_configuration")
    elif any(item.is_unknown for item in judged.values()):
        yield Finding(service, "whether it reaches its image is not known", unknown=True)


def _logs(context: Context, task: Resource) -> bool:
    return any(
        mapping(item.get("logConfiguration")).get("logDriver") == "awslogs" for item in containers(context.view, task) or ()
    )


@RULES.rule(
    "function-without-way-out",
    Severity.HIGH,
    "a function in a network cannot reach the AWS services that it calls",
    types=("aws_lambda_function",),
    rationale="A function in a VPC has no public address: it reaches AWS through a NAT gateway or through endpoints of its "
    'network alone, and calls time out otherwise (AWS Lambda Developer Guide, "Enable internet access for '
    'VPC-connected Lambda functions").',
    mend="route its subnets to a NAT gateway, or add endpoints for what it calls; or take it out of the network",
    example="vpc_config with subnets without a route to a NAT gateway, role with sqs:SendMessage",
)
def way_out(context: Context, function: Resource) -> Found:
    work = context.workload(function)
    if work is None or work.placement is None or work.role is None:
        return
    out = context.network.way_out(work.placement)
    if out.is_yes:
        return
    called = _called(context.access.rights(work.role))
    judged = {name: context.network.to_service(work.placement, _SERVICES[name]) for name in called if name in _SERVICES}
    missing = [name for name, item in judged.items() if item.is_no]
    if missing:
        yield Finding(
            function,
            f"it may call {', '.join(missing)}, and has no way there: {'; '.join(out.reasons)}",
            attribute="vpc_config",
        )
    elif any(item.is_unknown for item in judged.values()):
        yield Finding(function, "whether it reaches AWS is not known", unknown=True)


def _called(rights: Rights) -> list[str]:
    """Prefixes of what a role's own statements allow, without what Lambda itself calls."""
    found: dict[str, None] = {}
    for statement, _ in rights.statements:
        for action in statement.actions or () if statement.allows else ():
            if isinstance(action, str) and ":" in action and not action.startswith(_BY_LAMBDA):
                found[action.partition(":")[0]] = None
    return list(found)


def _named(context: Context, work: Workload) -> Iterator[tuple[str, Resource]]:
    """Databases and caches whose address a workload is told, each once, with the variable's name."""
    seen: set[str] = set()
    for name, value in (work.environment or {}).items():
        for reference in references_in(value):
            target = context.graph.target(reference)
            if (
                target is not None
                and target.type in _DATA
                and not target.data
                and reference.attribute in _ADDRESSES
                and target.address not in seen
            ):
                seen.add(target.address)
                yield str(name), target


def _port(context: Context, data: Resource) -> int | None:
    given = context.view.get(data, "port")
    if given is not None:
        return whole(given)
    engine = text(context.view.get(data, "engine")) or ""
    ports = _DATA[data.type]
    return next((port for name, port in ports.items() if name and engine.startswith(name)), ports.get(""))


@RULES.rule(
    "workload-cannot-reach-database",
    Severity.HIGH,
    "a workload has no way to a database or cache that it is told of",
    rationale="Connections time out: a function outside of the network, another VPC without a route, or a security group "
    'that does not let it in (Amazon RDS User Guide, "Can\'t connect to Amazon RDS DB instance").',
    mend="put the workload into the database's network, and let its security group in on the database's port",
    example="DATABASE_HOST = aws_db_instance.main.address on a function without vpc_config",
)
def database(context: Context) -> Found:
    for work in context.workloads:
        for name, data in _named(context, work):
            there, port = context.network.topology.placement(data), _port(context, data)
            if there is None or port is None:
                continue
            if work.placement is None:
                public = truth(context.view.get(data, "publicly_accessible"), default=False)
                if work.is_function and public is False:
                    yield Finding(
                        work.resource,
                        f"{name} is {data.address}, which is in a network, and the function is not",
                        attribute="vpc_config",
                        related=(data,),
                    )
                continue
            judged = context.network.connects(work.placement, there, port)
            if judged.is_no:
                yield Finding(
                    work.resource,
                    f"{name}: {'; '.join(judged.reasons)}",
                    attribute="network_configuration" if not work.is_function else "vpc_config",
                    related=(data,),
                )
            elif judged.is_unknown:
                yield Finding(work.resource, f"whether it reaches {data.address} is not known", unknown=True)


@RULES.rule(
    "database-address-does-not-fit",
    Severity.HIGH,
    "a workload is told another port than its database has",
    rationale="The connection is refused or times out.",
    mend="take the port from the database's own attribute",
    example='DATABASE_PORT = "3306" beside the address of a PostgreSQL database',
)
def address(context: Context) -> Found:
    for work in context.workloads:
        environment: dict[str, Any] = dict(work.environment or {})
        for name, data in _named(context, work):
            port = _port(context, data)
            stem = re.sub(r"_(HOST|ADDRESS|ENDPOINT|URL|HOSTNAME|SERVER)$", "", name)
            told = whole(environment.get(f"{stem}_PORT"))
            if port is not None and told is not None and told != port and f"{stem}_PORT" != name:
                yield Finding(
                    work.resource,
                    f"{stem}_PORT is {told}, and {data.address} listens on {port}",
                    attribute="environment",
                    related=(data,),
                )
            inside = _url_port(environment.get(name))
            if port is not None and inside is not None and inside != port:
                yield Finding(
                    work.resource,
                    f"{name} names port {inside}, and {data.address} listens on {port}",
                    attribute="environment",
                    related=(data,),
                )


def _url_port(value: Any) -> int | None:
    """The port that follows an address in a URL: ``postgresql://${db.address}:5432/shop``."""
    parts = split_template(value) if isinstance(value, str) else []
    after = next((parts[index + 1] for index, part in enumerate(parts[:-1]) if not isinstance(part, str)), None)
    match = re.match(_URL_PORT, after) if isinstance(after, str) else None
    return int(match[1] or match[2]) if match else None


@RULES.rule(
    "load-balancer-cannot-reach-target",
    Severity.HIGH,
    "a load balancer has no way to its targets",
    types=("aws_ecs_service",),
    rationale="Health checks time out, targets stay unhealthy, and every request gets 504 (Application Load Balancers guide, "
    '"Troubleshoot your Application Load Balancers").',
    mend="let the load balancer's security group into the tasks' group on the container's port, and out of its own",
    example="tasks listen on 8080, their security group admits port 80",
)
def targets(context: Context, service: Resource) -> Found:
    placement = context.network.topology.placement(service)
    if placement is None:
        return
    for block in context.view.blocks(service, "load_balancer"):
        port = whole(block.get("container_port"))
        for balancer in _balancers(context, block.get("target_group_arn")):
            front = context.network.topology.placement(balancer)
            if front is None or port is None or not front.groups:
                continue
            judged = context.network.connects(front, placement, port)
            if judged.is_no:
                yield Finding(service, "; ".join(judged.reasons), attribute="load_balancer", related=(balancer,))
            elif judged.is_unknown:
                yield Finding(service, f"whether {balancer.address} reaches it on {port} is not known", unknown=True)


def _balancers(context: Context, group: Any) -> Iterator[Resource]:
    found: dict[str, Resource] = {}
    for reference in references_in(group):
        target = context.graph.target(reference)
        if target is None:
            continue
        for item in context.view.referring(target, "aws_lb_listener", "aws_lb_listener_rule"):
            listener = item if item.type == "aws_lb_listener" else context.view.target(item, "listener_arn")
            balancer = context.view.target(listener, "load_balancer_arn") if listener is not None else None
            if balancer is not None and balancer.type == "aws_lb":
                found[balancer.address] = balancer
    yield from found.values()


@RULES.rule(
    "endpoint-names-do-not-resolve",
    Severity.CRITICAL,
    "a private endpoint needs names that its network does not resolve",
    types=("aws_vpc_endpoint",),
    family=Family.DEPLOYS,
    rationale='private_dns_enabled needs DNS support and DNS host names in the VPC (AWS PrivateLink guide, "Access an AWS '
    'service using an interface VPC endpoint").',
    mend="enable_dns_support and enable_dns_hostnames = true on the VPC",
    example="aws_vpc without enable_dns_hostnames, aws_vpc_endpoint: private_dns_enabled = true",
)
def names(context: Context, endpoint: Resource) -> Found:
    vpc = context.network.topology.vpc(endpoint)
    if vpc is None or vpc.data or truth(context.view.get(endpoint, "private_dns_enabled"), default=False) is not True:
        return
    for argument, usual in (("enable_dns_hostnames", False), ("enable_dns_support", True)):
        if truth(context.view.get(vpc, argument), default=usual) is False:
            yield Finding(endpoint, f"{argument} of {vpc.address} is off", attribute="private_dns_enabled", related=(vpc,))


@RULES.rule(
    "gateway-without-way-out",
    Severity.HIGH,
    "a NAT gateway itself has no way to the internet",
    types=("aws_nat_gateway",),
    rationale="A public NAT gateway is in a subnet that leads to an internet gateway; in a private subnet it takes packets "
    'and sends none on (Amazon VPC User Guide, "Troubleshoot NAT gateways").',
    mend="put it into a public subnet",
    example="aws_nat_gateway in a subnet without a route to an aws_internet_gateway",
)
def gateway(context: Context, device: Resource) -> Found:
    topology = context.network.topology
    home = context.view.target(device, "subnet_id")
    if home is None or home.data or context.view.get(device, "connectivity_type", default="public") == "private":
        return
    table = topology.route_table(home)
    judged = (
        Judgement.unknown()
        if table is None
        else Judgement.yes()
        if any(route.kind == "gateway_id" for route in topology.routes(table))
        else Judgement.no()
    )
    if judged.is_no and table is not None:
        yield Finding(
            device,
            f"{table.address} of {home.address} has no route to an internet gateway",
            attribute="subnet_id",
            related=(home,),
        )
