"""Security groups: one a component, opened by what uses it and by nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from groundsill import aws
from groundsill.definition.component import Component
from groundsill.definition.grant import Grant
from groundsill.definition.naming import shorten
from groundsill.graph import Lifecycle, Reference, Resource

_LONGEST_PREFIX = 200  # Amazon EC2 API: CreateSecurityGroup takes 255 characters; Terraform adds 26 to a prefix


def security_group(component: Component, vpc: Reference, part: str, description: str) -> Resource:
    """A group without rules.

    AWS cannot change a group's description or network, so a change makes a new group before the old one goes, under a
    name of its own: a prefix and what Terraform adds.

    Arguments:
        component: whose group it is.
        vpc: id of the network.
        part: last word of its name, for example ``database``.
        description: what it is for, shown in the console.
    """
    name = shorten(component.physical_name("aws_security_group", part=part), _LONGEST_PREFIX)
    return aws.security_group(
        component.terraform_name(), name_prefix=f"{name}-", description=description, vpc_id=vpc,
        tags={"Name": name}, lifecycle=Lifecycle(create_before_destroy=True),
    )


def let_in(component: Component, group: Resource, source: Resource, source_name: str, port: int) -> None:
    """Let one group into another on a TCP port.

    Arguments:
        component: whose group is opened.
        group: the group that is opened.
        source: the group that comes in.
        source_name: its component.
        port: TCP port.
    """
    aws.vpc_security_group_ingress_rule(
        component.terraform_name("from", source_name), security_group_id=group["id"],
        description=f"From {source_name}", referenced_security_group_id=source["id"], ip_protocol="tcp", from_port=port,
        to_port=port,
    )


def let_out(component: Component, group: Resource, grants: Sequence[Grant]) -> None:
    """Let a workload out, and into what it uses, once however many grants name the same way.

    Arguments:
        component: the workload.
        group: its group.
        grants: what it uses.
    """
    aws.vpc_security_group_egress_rule(
        component.terraform_name("out"), security_group_id=group["id"], description="To AWS services and the internet",
        cidr_ipv4="0.0.0.0/0", ip_protocol="-1",
    )
    for access in dict.fromkeys(access for grant in grants for access in grant.network):
        target = access.security_group.partition(".")[2]
        aws.vpc_security_group_ingress_rule(
            component.terraform_name("to", target), security_group_id=Reference(access.security_group, ("id",)),
            description=f"From {component.name}", referenced_security_group_id=group["id"], ip_protocol="tcp",
            from_port=access.port, to_port=access.port,
        )
