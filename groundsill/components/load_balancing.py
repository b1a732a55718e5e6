"""Application load balancers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from groundsill import aws
from groundsill.components.alarm import Alarm
from groundsill.components.containers import Service
from groundsill.components.network import Subnets
from groundsill.components.roles import require
from groundsill.definition.component import Collecting, Component, Mistake, step
from groundsill.graph import Broken, Reference, Resource

_TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"  # Elastic Load Balancing: recommended security policy
_FEWEST_ZONES = 2  # Application Load Balancers: subnets in at least two zones
_DEREGISTRATION_DELAY = 30


@dataclass(frozen=True, slots=True)
class HealthCheck(metaclass=Collecting):
    """How a load balancer finds out whether a target can take requests.

    Arguments:
        path: default ``/health``; 200 means healthy.
        interval: seconds between checks, 5 to 300, default 15.
        timeout: seconds until a check counts as failed, 2 to 120, less than the interval, default 5.
        healthy: checks in a row that make a target healthy, 2 to 10, default 2.
        unhealthy: checks in a row that make it unhealthy, 2 to 10, default 3.
    """

    path: str = "/health"
    interval: int = 15
    timeout: int = 5
    healthy: int = 2
    unhealthy: int = 3


class LoadBalancer(Component):
    """An application load balancer in front of services.

    With a domain it listens on HTTPS and redirects HTTP there. Without one it has no certificate, so it is internal:
    nothing outside the network reaches it but an HTTP API's private route, which brings the encryption.

    Arguments:
        component: unique in the system.
        subnets: at least two zones; public ones for a load balancer with a domain.
        domain: host name that clients use, for example ``api.shop.example``; default none.
        zone: id of the Route 53 zone that holds the domain. With it the certificate validates itself and the name
            points here; without it both records are outputs of `groundsill outputs` to be made by hand.
        internal: reachable only inside the network; default exactly when there is no domain.
        name: the name that AWS sees; default from the system's name pattern.

    Resources created: ``aws_lb``, ``aws_lb_listener``, ``aws_lb_target_group``, ``aws_security_group`` with its rules;
    with a domain ``aws_acm_certificate``; with a zone ``aws_acm_certificate_validation`` and ``aws_route53_record``.

    Costs: by the hour and by capacity unit, and a public IPv4 address a zone where it is public.

    Example:
        ``LoadBalancer("front", network.public, domain=stage.setting("domain"))``
    """

    def __init__(
        self, component: str, subnets: Subnets, /, *, domain: str | None = None, zone: str | None = None,
        internal: bool | None = None, name: str | None = None,
    ) -> None:
        super().__init__(component)
        require(subnets, Subnets, "subnets", self)
        if len(subnets.resources) < _FEWEST_ZONES:
            raise Mistake("GS1380", "a load balancer needs subnets in at least two zones",
                          mend="give the network zones=2 or more")
        self.subnets, self.domain = subnets, domain
        self.internal = domain is None if internal is None else internal
        if not self.internal and subnets.kind != "public":
            raise Mistake("GS1381", "a public load balancer in private subnets is reached by nobody",
                          mend="place it in network.public, or make it internal=True")
        self.security_group = self._security_group()
        self.resource = aws.lb(
            self.terraform_name(), name=self.physical_name("aws_lb", name), load_balancer_type="application",
            internal=self.internal, subnets=subnets.ids, security_groups=[self.security_group["id"]],
            drop_invalid_header_fields=True, enable_deletion_protection=self.stage.production,
        )
        self._default: Any = {
            "type": "fixed-response",
            "fixed_response": {"content_type": "text/plain", "message_body": "Not found", "status_code": "404"},
        }
        if domain:
            certificate = self._certificate(domain, zone)
            aws.lb_listener(
                self.terraform_name("http"), load_balancer_arn=self.arn, port=80, protocol="HTTP",
                default_action={"type": "redirect",
                                "redirect": {"port": "443", "protocol": "HTTPS", "status_code": "HTTP_301"}},
            )
            self.listener = aws.lb_listener(
                self.terraform_name("https"), load_balancer_arn=self.arn, port=443, protocol="HTTPS",
                ssl_policy=_TLS_POLICY, certificate_arn=certificate, default_action=self._default,
            )
        else:
            self.listener = aws.lb_listener(
                self.terraform_name("http"), load_balancer_arn=self.arn, port=80, protocol="HTTP",
                default_action=self._default,
            )
        self._rules = 0
        self._groups: dict[str, Resource] = {}

    @property
    def arn(self) -> Reference:
        """ARN of the load balancer."""
        return self.resource["arn"]

    @property
    def url(self) -> Any:
        """Where clients reach it."""
        return f"https://{self.domain}" if self.domain else f"http://{self.resource['dns_name']}"

    @step
    def route(
        self, path: str, service: Service, /, *, host: str | None = None, health: HealthCheck | None = None,
        name: str | None = None,
    ) -> Resource:
        """Send requests to a service.

        Arguments:
            path: path pattern with ``*`` and ``?``; ``/*`` without a host takes everything that no other route takes.
            service: a service with a port.
            host: host name pattern that requests must have, default any.
            health: how its tasks are checked, default ``/health`` every 15 s.
            name: target group name that AWS sees; default from the system's name pattern.
        """
        if isinstance(service, Broken):
            return service  # pyright: ignore[reportReturnType]
        if service.port is None:
            self.building.report("GS1382", f"{service.subject} has no port, so nothing can be routed to it",
                                 mend="give it port=8080")
            return Broken()  # pyright: ignore[reportReturnType]
        known = self._groups.get(service.name)
        if known is not None:
            if health is not None or name is not None:
                self.building.report("GS1383", f"{service.subject} is already behind {self.subject} with its own health check",
                                     mend="give health and name at its first route alone")
            self._lead(path, host, known)
            return known
        check = health or HealthCheck()
        group = self._groups[service.name] = aws.lb_target_group(
            self.terraform_name(service.name),
            name=self.physical_name("aws_lb_target_group", name, "" if name else service.name),
            vpc_id=self.subnets.network.id, target_type="ip", protocol="HTTP", port=service.port,
            deregistration_delay=_DEREGISTRATION_DELAY,
            health_check={
                "path": check.path, "protocol": "HTTP", "port": "traffic-port", "matcher": "200",
                "interval": check.interval, "timeout": check.timeout, "healthy_threshold": check.healthy,
                "unhealthy_threshold": check.unhealthy,
            },
        )
        self._lead(path, host, group)
        self._let_in(service)
        service.register_with(group, self.listener)
        return group

    @property
    def target_groups(self) -> list[Resource]:
        """Target groups of the services behind it, in the order of their first routes."""
        return list(self._groups.values())

    def _lead(self, path: str, host: str | None, group: Resource) -> None:
        """Send requests of a path to a target group."""
        forward: Any = {"type": "forward", "target_group_arn": group["arn"]}
        if path == "/*" and host is None:
            self.listener.override(default_action=[forward])
        else:
            self._add_rule(path, host, forward)

    def _add_rule(self, path: str, host: str | None, action: Any) -> None:
        self._rules += 1
        conditions: list[Any] = [{"path_pattern": {"values": [path]}}]
        if host:
            conditions.append({"host_header": {"values": [host]}})
        aws.lb_listener_rule(
            self.terraform_name(str(self._rules)), listener_arn=self.listener["arn"], priority=10 * self._rules,
            condition=conditions, action=[action],
        )

    def _let_in(self, service: Service) -> None:
        aws.vpc_security_group_egress_rule(
            self.terraform_name("to", service.name), security_group_id=self.security_group["id"],
            description=f"To {service.name}", referenced_security_group_id=service.security_group["id"],
            ip_protocol="tcp", from_port=service.port, to_port=service.port,
        )
        aws.vpc_security_group_ingress_rule(
            service.terraform_name("from", self.name), security_group_id=service.security_group["id"],
            description=f"From {self.name}", referenced_security_group_id=self.security_group["id"], ip_protocol="tcp",
            from_port=service.port, to_port=service.port,
        )

    def _security_group(self) -> Resource:
        group = aws.security_group(
            self.terraform_name(), name=self.physical_name("aws_security_group", part="balancer"),
            description=f"Load balancer {self.name}", vpc_id=self.subnets.network.id,
        )
        if not self.internal:
            for port in (80, 443) if self.domain else (80,):
                aws.vpc_security_group_ingress_rule(
                    self.terraform_name("internet", str(port)), security_group_id=group["id"],
                    description="From the internet", cidr_ipv4="0.0.0.0/0", ip_protocol="tcp", from_port=port,
                    to_port=port,
                )
        return group

    def let_in(self, source: Resource, from_name: str) -> None:
        """Let one security group reach the listener, for example that of an HTTP API's private route."""
        with self.lowering():
            port = 443 if self.domain else 80
            aws.vpc_security_group_ingress_rule(
                self.terraform_name("from", from_name), security_group_id=self.security_group["id"],
                description=f"From {from_name}", referenced_security_group_id=source["id"], ip_protocol="tcp",
                from_port=port, to_port=port,
            )

    def _certificate(self, domain: str, zone: str | None) -> Any:
        certificate = aws.acm_certificate(
            self.terraform_name(), domain_name=domain, validation_method="DNS",
            lifecycle=_replace_first(),
        )
        if not zone:
            return certificate["arn"]
        option = certificate["domain_validation_options"].element(0)
        record = aws.route53_record(
            self.terraform_name("validation"), zone_id=zone, name=option.at("resource_record_name"),
            type=option.at("resource_record_type"), records=[option.at("resource_record_value")], ttl=60,
            allow_overwrite=True,
        )
        aws.route53_record(
            self.terraform_name(), zone_id=zone, name=domain, type="A",
            alias={"name": self.resource["dns_name"], "zone_id": self.resource["zone_id"],
                   "evaluate_target_health": True},
        )
        validation = aws.acm_certificate_validation(
            self.terraform_name(), certificate_arn=certificate["arn"], validation_record_fqdns=[record["fqdn"]],
        )
        return validation["certificate_arn"]

    def alarms(self) -> Iterable[Alarm]:
        """Targets that fail their health checks."""
        for group in self.target_groups:
            yield Alarm(
                f"unhealthy-{group.name}", f"A target behind {self.name} fails its health check: see the service's log.",
                "AWS/ApplicationELB", "UnHealthyHostCount",
                {"LoadBalancer": self.resource["arn_suffix"], "TargetGroup": group["arn_suffix"]}, 1,
                statistic="Maximum", periods=3,
            )


def _replace_first() -> Any:
    from groundsill.graph import Lifecycle

    return Lifecycle(create_before_destroy=True)
