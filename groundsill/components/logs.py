"""Log groups: every one declared, so that every one has a retention."""

from __future__ import annotations

from groundsill import aws
from groundsill.components.keys import key_of_tier
from groundsill.definition.component import Component
from groundsill.definition.grant import Statement
from groundsill.graph import Resource


def log_group(component: Component, name: str, part: str = "", region: str | None = None) -> Resource:
    """The log group of a workload, kept and encrypted as the stage's tier says.

    Arguments:
        component: the workload.
        name: the group's name as AWS sees it, stage suffix included.
        part: tells several groups of one component apart.
        region: where it lives, default the system's region.
    """
    key = key_of_tier(region)
    return aws.cloudwatch_log_group(
        component.terraform_name(part), name=name, retention_in_days=component.stage.tier.log_retention_days,
        kms_key_id=key.serve(f"logs.{region or component.building.graph.region}.amazonaws.com").arn if key else None,
        region=region,
    )


def write_log(group: Resource) -> Statement:
    """What a role needs to write to one log group and no other."""
    return Statement(("logs:CreateLogStream", "logs:PutLogEvents"), (f"{group['arn']}:*",))
