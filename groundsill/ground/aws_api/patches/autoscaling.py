"""EC2 Auto Scaling: groups with all that they were given.

The emulator dropped target groups, the mixture of instances, and whether capacity is rebalanced ("CreateAutoScalingGroup"
and "UpdateAutoScalingGroup", Amazon EC2 Auto Scaling API Reference). No instance runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from groundsill.ground.aws_api.emulator import Emulator

_GROUP = re.compile(r"<AutoScalingGroupName>([^<]+)</AutoScalingGroupName><AutoScalingGroupARN>")
_TARGETS, _MIXED, _REBALANCE = "TargetGroupARNs", "MixedInstancesPolicy", "CapacityRebalance"


def apply(module: Any, emulator: Emulator) -> None:
    """Mend the emulator's Auto Scaling module."""
    actions: dict[str, Callable[[Any], Any]] = module._ACTION_MAP
    for name in ("CreateAutoScalingGroup", "UpdateAutoScalingGroup"):
        actions[name] = _keeping(module, emulator, actions[name])
    describe = actions["DescribeAutoScalingGroups"]

    def describe_groups(given: Any) -> Any:
        status, headers, body = describe(given)
        text = body.decode() if isinstance(body, bytes) else str(body)
        whole = _GROUP.sub(lambda found: f"{_more(module, module._asgs[found[1]])}{found[0]}", text)
        return status, headers, whole.encode()

    actions["DescribeAutoScalingGroups"] = describe_groups
    for name, add in (("AttachLoadBalancerTargetGroups", True), ("DetachLoadBalancerTargetGroups", False)):
        actions[name] = _target_groups(module, name, add=add)


def _keeping(module: Any, emulator: Emulator, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def handler(given: Any) -> Any:
        answer = original(given)
        group = module._asgs.get(module._p(given, "AutoScalingGroupName"))
        if answer[0] != 200 or group is None:
            return answer
        targets = module._parse_member_list(given, _TARGETS)
        group[_TARGETS] = targets or group.get(_TARGETS, [])
        if module._p(given, _REBALANCE):
            group[_REBALANCE] = module._p(given, _REBALANCE) == "true"
        policy: dict[str, Any] = module._parse_nested(given, _MIXED)
        if policy:
            group[_MIXED] = _named(emulator, policy)
            group["LaunchTemplate"] = {}
        return answer

    return handler


def _named(emulator: Emulator, policy: dict[str, Any]) -> dict[str, Any]:
    """The policy with the launch template's name beside its id, as AWS shows both."""
    template: dict[str, Any] = policy.get("LaunchTemplate") or {}
    told: dict[str, Any] = template.get("LaunchTemplateSpecification") or {}
    known = emulator.service("ec2")._launch_templates.get(told.get("LaunchTemplateId") or "")
    if known:
        told = {**told, "LaunchTemplateName": known["LaunchTemplateName"]}
    return {**policy, "LaunchTemplate": {**template, "LaunchTemplateSpecification": told}}


def _more(module: Any, group: dict[str, Any]) -> str:
    shown: dict[str, Any] = {
        _TARGETS: group.get(_TARGETS, []), _REBALANCE: group.get(_REBALANCE, False),
        "CapacityReservationSpecification": {"CapacityReservationPreference": "default"}}
    if group.get(_MIXED):
        shown[_MIXED] = group[_MIXED]
    return str(module._member_xml(shown))


def _target_groups(module: Any, name: str, *, add: bool) -> Callable[[Any], Any]:
    def handler(given: Any) -> Any:
        group = module._asgs.get(module._p(given, "AutoScalingGroupName"))
        if group is None:
            return module._error("ValidationError", "AutoScalingGroup name not found")
        named = module._parse_member_list(given, _TARGETS)
        others = [arn for arn in group.get(_TARGETS, ()) if arn not in named]
        group[_TARGETS] = [*others, *named] if add else others
        return module._xml(200, f"{name}Response", f"<{name}Result/>")

    return handler
