"""EC2: rules of security groups for all protocols.

"If the protocol is -1, traffic on all ports is allowed, regardless of any ports you specify" (``IpPermission``, Amazon
EC2 API Reference). The emulator compared the ports all the same, so that the provider, which names ports 0 to 0, could
not take away the rule that lets everything out and that every new group has. A rule of the definition's own for the
same traffic was then merged into it and lost its description and tags.

A rule that a group already has is refused: ``InvalidPermission.Duplicate`` ("Error codes for the Amazon EC2 API"). The
emulator took it for granted, so a definition that AWS would refuse passed.

Images of others have the architecture that they were asked for with (``outside.py``); the emulator's own are all x86_64.
"""

from __future__ import annotations

from typing import Any

_ALL = "-1"
_SIDES = {"AuthorizeSecurityGroupIngress": "IpPermissions", "AuthorizeSecurityGroupEgress": "IpPermissionsEgress"}


def apply(module: Any) -> None:
    """Mend the emulator's EC2 module."""
    parse = module._parse_ip_permissions

    def parse_ip_permissions(parameters: Any, prefix: str) -> Any:
        rules: list[dict[str, Any]] = parse(parameters, prefix)
        for rule in rules:
            if rule["IpProtocol"] == _ALL:
                rule.pop("FromPort", None)
                rule.pop("ToPort", None)
        return rules

    module._parse_ip_permissions = parse_ip_permissions
    architectures: dict[str, str] = {}
    view = module._stub_image_view

    def image_view(image_id: str, *more: Any) -> Any:
        shown = view(image_id, *more)
        return {**shown, "Architecture": architectures.get(image_id, shown["Architecture"])}

    module._stub_image_view, module.groundsill_architectures = image_view, architectures
    for action, side in _SIDES.items():
        module._ACTION_MAP[action] = _refusing_doubles(module, module._ACTION_MAP[action], side)


def _refusing_doubles(module: Any, authorize: Any, side: str) -> Any:
    def handler(parameters: Any) -> Any:
        group = module._security_groups.get(module._p(parameters, "GroupId"))
        for rule in module._parse_ip_permissions(parameters, "IpPermissions") if group else ():
            if any(module._rules_match(rule, existing) for existing in group[side]):
                return module._error(
                    "InvalidPermission.Duplicate",
                    f"the specified rule \"{_described(rule)}\" already exists", 400)
        return authorize(parameters)

    return handler


def _described(rule: dict[str, Any]) -> str:
    """The rule as EC2's message shows it."""
    peers = [*(entry["CidrIp"] for entry in rule["IpRanges"]), *(entry["CidrIpv6"] for entry in rule["Ipv6Ranges"]),
             *(pair.get("GroupId", "") for pair in rule["UserIdGroupPairs"])]
    protocol = "ALL" if rule["IpProtocol"] == _ALL else str(rule["IpProtocol"]).upper()
    ports = "" if rule["IpProtocol"] == _ALL else f", from port: {rule.get('FromPort')}, to port: {rule.get('ToPort')}"
    return f"peer: {', '.join(peers)}, {protocol}{ports}, ALLOW"
