"""What the internet reaches: a way in, an address and an open group together."""

from __future__ import annotations

from collections.abc import Iterator

from groundsill.checks.context import Context
from groundsill.checks.expect import truth
from groundsill.checks.rule import Family, Finding, Ruleset, Severity
from groundsill.checks.rules.safe.network import Opening, openings, world
from groundsill.graph.resource import Resource

RULES = Ruleset(Family.SAFE)
_EVERYWHERE = ("0.0.0.0/0", "::/0")


def public(context: Context, subnet: Resource) -> bool:
    """Whether a subnet has a way to an internet gateway."""
    topology = context.network.topology
    table = topology.route_table(subnet)
    return table is not None and any(
        route.target is not None and route.target.type == "aws_internet_gateway" and str(route.destination) in _EVERYWHERE
        for route in topology.routes(table))


def _world_groups(context: Context) -> dict[str, Opening]:
    """One opening to the world by the address of the group."""
    return {opening.group.address: opening for opening in openings(context)
            if opening.group is not None and world(context, opening)}


def _addressed(context: Context) -> Iterator[tuple[Resource, list[Resource], list[Resource]]]:
    """What has a public address, with its subnets and its groups."""
    view = context.view
    for machine in context.of_type("aws_instance"):
        subnets = view.targets(machine, "subnet_id")
        given = view.get(machine, "associate_public_ip_address")
        automatic = given is None and any(truth(view.get(subnet, "map_public_ip_on_launch")) for subnet in subnets)
        fixed = any(view.referring(machine, "aws_eip", "aws_eip_association"))
        if truth(given) or automatic or fixed:
            yield machine, subnets, view.targets(machine, "vpc_security_group_ids") + view.targets(machine, "security_groups")
    for service in context.of_type("aws_ecs_service"):
        if truth(view.get(service, "network_configuration", "assign_public_ip")):
            yield (service, view.targets(service, "network_configuration", "subnets"),
                   view.targets(service, "network_configuration", "security_groups"))
    for database in context.of_type("aws_db_instance"):
        if truth(view.get(database, "publicly_accessible")):
            group = view.target(database, "db_subnet_group_name")
            yield database, view.targets(group, "subnet_ids") if group else [], view.targets(database, "vpc_security_group_ids")


@RULES.rule(
    "workload-reachable-from-the-internet", Severity.HIGH, "everybody on the internet can reach the workload itself",
    rationale="It has a public address, its subnet a route to the internet gateway, and its security group lets the world in. "
              "Amazon VPC user guide, \"Internet gateways\".",
    mend="place it in a private subnet behind a load balancer or an API, which let in what they should",
)
def _reachable(context: Context) -> Iterator[Finding]:
    open_groups = _world_groups(context)
    if not open_groups:
        return
    for workload, subnets, groups in _addressed(context):
        ways = [open_groups[group.address] for group in groups if group.address in open_groups]
        if ways and any(public(context, subnet) for subnet in subnets):
            yield Finding(workload, f"on {ways[0].ports}, through {ways[0].resource.address}",
                          severity=Severity.CRITICAL if workload.type == "aws_db_instance" else None,
                          related=(ways[0].resource,))


@RULES.rule(
    "database-in-public-subnet", Severity.MEDIUM, "the database is in subnets that the internet has a way to",
    rationale="One setting is then between it and the world: AWS Security Hub, RDS.46; Amazon RDS user guide, \"Working "
              "with a DB "
              "instance in a VPC\".",
    mend="give its subnet group private subnets",
    types=("aws_db_subnet_group", "aws_elasticache_subnet_group", "aws_redshift_subnet_group"), controls=("FSBP RDS.46",),
)
def _public_database(context: Context, group: Resource) -> Iterator[Finding]:
    open_ones = [subnet for subnet in context.view.targets(group, "subnet_ids") if public(context, subnet)]
    if open_ones:
        yield Finding(group, f"{open_ones[0].address} has a route to the internet gateway", attribute="subnet_ids",
                      related=tuple(open_ones))


@RULES.rule(
    "database-open-to-a-stranger", Severity.MEDIUM, "a workload reaches a database that it has nothing to do with",
    rationale="A flaw in it is then a way to the data: AWS Well-Architected, security pillar, \"SEC05 Protecting networks\".",
    mend="let in the workloads that use the database", types=("aws_db_instance", "aws_rds_cluster"),
)
def _stranger(context: Context, database: Resource) -> Iterator[Finding]:
    if not database.component:
        return  # what belongs to what is known of definitions
    topology = context.network.topology
    for group in context.view.targets(database, "vpc_security_group_ids"):
        for rule in topology.ingress(group):
            for address in rule.groups:
                source = context.graph[address]
                users = {user.component for user in context.view.referring(source)
                         if "security_group" not in user.type} - {"", database.component}
                strangers = sorted(user for user in users if not _uses(context, user, database))
                if strangers:
                    yield Finding(database, f"{', '.join(strangers)} may connect through {rule.source.address}, and is "
                                            f"told neither "
                                            "its address nor its secret", related=(rule.source,))


def _uses(context: Context, component: str, database: Resource) -> bool:
    """Whether a part of a component, other than the rule itself, refers to the database or to its secret."""
    return any(source.component == component and "security_group" not in source.type
               for source in context.view.referring(database))
