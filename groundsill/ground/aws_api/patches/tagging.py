"""Resource Groups Tagging API: what carries a tag, of all the services that AWS lists.

AWS finds resources of nearly every service that has tags ("Services that support the Resource Groups Tagging API",
Resource Groups Tagging API Reference); the emulator left out networks, load balancers, secrets, certificates, gateways,
hosted zones and event source mappings.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from groundsill.ground.aws_api.emulator import Emulator

_EC2_KINDS = {
    "vpc": "vpc", "subnet": "subnet", "igw": "internet-gateway", "nat": "natgateway", "eipalloc": "elastic-ip",
    "rtb": "route-table", "sg": "security-group", "sgr": "security-group-rule", "vpce": "vpc-endpoint", "vol": "volume",
    "i": "instance", "fl": "vpc-flow-log", "lt": "launch-template",
}
"""Resource part of an ARN by the prefix of the identifier: Service Authorization Reference, Amazon EC2."""

Tagged = Iterator[tuple[str, list[dict[str, str]]]]


def apply(module: Any, emulator: Emulator) -> None:
    """Let the emulator's tagging API see more services."""
    module._COLLECTORS.update({
        "ec2": lambda: _ec2(module, emulator), "elasticloadbalancing": lambda: _by_arn(emulator.service("alb")._tags),
        "secretsmanager": module._collect_secretsmanager, "acm": lambda: _certificates(emulator),
        "apigateway": lambda: _gateways(emulator), "route53": lambda: _zones(emulator),
        "lambda": lambda: _functions(module, emulator),
    })


def _ec2(module: Any, emulator: Emulator) -> Tagged:
    service = emulator.service("ec2")
    for name, tags in service._tags.items():
        kind = _EC2_KINDS.get(name.partition("-")[0])
        if kind and tags:
            yield f"arn:aws:ec2:{module.get_region()}:{module._account()}:{kind}/{name}", list(tags)


def _by_arn(tags: Any) -> Tagged:
    for arn, found in tags.items():
        yield arn, list(found)


def _flat(tags: Any) -> list[dict[str, str]]:
    found: dict[str, str] = dict(tags or {})
    return [{"Key": key, "Value": value} for key, value in found.items()]


def _certificates(emulator: Emulator) -> Tagged:
    for arn, certificate in emulator.service("acm")._certificates.items():
        yield arn, list(certificate.get("Tags") or ())


def _gateways(emulator: Emulator) -> Tagged:
    for tags in (emulator.service("apigateway")._api_tags, emulator.service("apigateway_v1")._v1_tags):
        for arn, found in tags.items():
            yield arn, _flat(found)


def _zones(emulator: Emulator) -> Tagged:
    for (kind, name), tags in emulator.service("route53")._tags.items():
        yield f"arn:aws:route53:::{kind}/{name}", _flat(tags)


def _functions(module: Any, emulator: Emulator) -> Tagged:
    yield from module._collect_lambda()
    for name, mapping in emulator.service("lambda_svc")._esms.items():
        arn = f"arn:aws:lambda:{module.get_region()}:{module._account()}:event-source-mapping:{name}"
        yield arn, _flat(mapping.get("Tags"))
