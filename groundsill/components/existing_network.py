"""A network that is there already, made by somebody else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from groundsill import aws
from groundsill.components.network import Network, Subnets
from groundsill.definition.component import Component, Mistake

_VPC, _SUBNET = re.compile(r"vpc-[0-9a-f]{8,17}"), re.compile(r"subnet-[0-9a-f]{8,17}")
_FEWEST_ZONES = 2


class ExistingNetwork(Network):
    """A VPC and private subnets that another team made: they are looked up, and nothing in them is changed.

    Routes, endpoints and flow logs are that team's. Plans fail where a VPC or a subnet is not there, or a subnet belongs to
    another VPC.

    Arguments:
        component: unique in the system.
        vpc: id of the VPC, for example ``vpc-0123456789abcdef0``.
        private: ids of the private subnets, at least two, in different zones.

    Gives `private` subnets, and no public ones.

    Resources created: none; ``data.aws_vpc`` and ``data.aws_subnet`` are read.

    Costs: nothing.

    Example:
        ``ExistingNetwork("main", vpc=stage.setting("vpc_id"), private=stage.setting("subnet_ids"))``
    """

    def __init__(self, component: str, /, *, vpc: str, private: Sequence[str]) -> None:  # pyright: ignore[reportMissingSuperCall]
        Component.__init__(self, component)
        if not isinstance(vpc, str) or not _VPC.fullmatch(vpc):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise Mistake("GS1680", f"{vpc!r} is not the id of a VPC", mend="write for example vpc-0123456789abcdef0")
        wrong = [item for item in private if not _SUBNET.fullmatch(str(item))]
        if wrong:
            raise Mistake("GS1681", f"{wrong[0]!r} is not the id of a subnet", mend="write for example subnet-0123456789abcdef0")
        if len(set(private)) < _FEWEST_ZONES:
            raise Mistake("GS1682", f"a network takes subnets in {_FEWEST_ZONES} zones or more, not {len(set(private))}",
                          "the loss of a zone would take everything with it", "name one private subnet of each zone")
        self.resource = aws.data.vpc(self.terraform_name(), id=vpc)
        self.zones = len(private)
        found = tuple(
            aws.data.subnet(self.terraform_name("private", str(number)), id=subnet, vpc_id=self.resource["id"])
            for number, subnet in enumerate(private, start=1)
        )
        self.private = Subnets(self, "private", found, ())
