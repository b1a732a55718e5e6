"""What REST and WebSocket APIs have in common: an access log and a host name."""

from __future__ import annotations

from typing import Any

from groundsill import aws
from groundsill.components.dns import Certificate, Zone
from groundsill.components.logs import log_group
from groundsill.components.roles import trust
from groundsill.definition.building import Building
from groundsill.definition.component import Component, Mistake
from groundsill.definition.naming import terraform_name
from groundsill.graph import Resource
from groundsill.graph.scope import Frame

_LOGGING = "api-logging"
_LOG_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"


def api_logs(component: Component, execution: str) -> tuple[Resource, tuple[str, ...]]:
    """The log group of an API's requests, and the Terraform addresses of what must be there before a stage writes to it.

    API Gateway would make the log group of its own errors itself, and keep its lines for ever; so it is made before.
    REST and WebSocket APIs write logs with one role of the whole account and region, which is set once. Its last setting
    counts, so systems that share an account set the same right again; none takes it away.
    Source: API Gateway developer guide, "Set up CloudWatch logging for REST APIs in API Gateway".

    Arguments:
        component: the API.
        execution: name that API Gateway gives the log group of its own errors.
    """
    building = component.building
    log = log_group(component, f"/apigateway/{building.system}-{component.stage.name}-{component.name}")
    errors = log_group(component, execution, "execution")
    if _LOGGING not in building.shared:
        with building.lowering(Frame(_LOGGING, component.subject, component.location, {"Component": _LOGGING})):
            building.shared[_LOGGING] = _account_logging(building).address
    return log, (building.shared[_LOGGING], errors.address)


def _account_logging(building: Building) -> Resource:
    name = terraform_name(_LOGGING)
    role = aws.iam_role(
        name, name=building.physical_name("aws_iam_role", _LOGGING, part="role"),
        description="How API Gateway writes logs in this account", assume_role_policy=trust("apigateway.amazonaws.com"),
    )
    attachment = aws.iam_role_policy_attachment(name, role=role["name"], policy_arn=_LOG_POLICY)
    return aws.api_gateway_account(name, cloudwatch_role_arn=role["arn"], depends_on=[attachment])


def record_of_domain(
    component: Component, host: str, certificate: Certificate, zone: Zone | None, target: Any, target_zone: Any,
) -> None:
    """The DNS record of an API's host name.

    Raises:
        Mistake: where the certificate does not cover the name, or serves in another region.
    """
    above = host.partition(".")[2]
    if host not in certificate.names and f"*.{above}" not in certificate.names:
        raise Mistake("GS1527", f"{certificate.subject} does not cover `{host}`",
                      f"it covers {', '.join(certificate.names)}; a wildcard covers one level, and never the domain itself",
                      f'add also=["{host}"] to it')
    if certificate.region != component.building.graph.region:
        raise Mistake("GS1528", f"{certificate.subject} is in {certificate.region}, the API in {component.building.graph.region}",
                      "a regional API takes certificates of its own region alone", "make one there")
    if zone is not None:
        aws.route53_record(
            component.terraform_name("domain"), zone_id=zone.id, name=host, type="A",
            alias={"name": target, "zone_id": target_zone, "evaluate_target_health": False},
        )
