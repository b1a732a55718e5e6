"""Application load balancers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from groundsill import aws
from groundsill.components.alarm import Alarm
from groundsill.components.containers import Service
from groundsill.components.keys import account_id
from groundsill.components.network import Subnets
from groundsill.components.roles import require
from groundsill.components.security_groups import let_in, security_group
from groundsill.definition.component import Collecting, Component, Mistake, duration, step
from groundsill.definition.grant import Grant, NetworkAccess
from groundsill.definition.naming import environment_name, identifier
from groundsill.graph import Broken, Reference, Resource
from groundsill.graph.value import Value

if TYPE_CHECKING:
    from groundsill.components.buckets import Bucket
    from groundsill.components.dns import Certificate
    from groundsill.components.machines import Machine, MachineGroup

# Elastic Load Balancing, "Security policies for your Application Load Balancer": TLS 1.3 and 1.2 with restricted ciphers
# and post-quantum key exchange.
_TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
_LAST_PRIORITY = 50_000  # Elastic Load Balancing API: CreateRule, Priority
_MOST_STICKY = 604_800  # Elastic Load Balancing: sticky sessions last 1 s to 7 days
_FEWEST_ZONES = 2  # Application Load Balancers: subnets in at least two zones
_DEREGISTRATION_DELAY = 30
_SLOW_SECONDS = 2


class HealthCheck(Value, metaclass=Collecting):
    """How a load balancer finds out whether a target can take requests.

    Arguments:
        path: default ``/health``; 200 means healthy.
        interval: seconds between checks, 5 to 300, default 15.
        timeout: seconds until a check counts as failed, 2 to 120, less than the interval, default 5.
        healthy: checks in a row that make a target healthy, 2 to 10, default 2.
        unhealthy: checks in a row that make it unhealthy, 2 to 10, default 3.

    Example:
        ``front.route("/*", web, health=HealthCheck("/healthz", interval=10))``
    """

    __slots__ = ("path", "interval", "timeout", "healthy", "unhealthy")  # noqa: RUF023  in the constructor's order

    def __init__(
        self, path: str = "/health", interval: int = 15, timeout: int = 5, healthy: int = 2, unhealthy: int = 3,
    ) -> None:
        self.path: Final = path
        self.interval: Final = interval
        self.timeout: Final = timeout
        self.healthy: Final = healthy
        self.unhealthy: Final = unhealthy


class LoadBalancer(Component):
    """An application load balancer in front of services and machines.

    With a domain it listens on HTTPS and redirects HTTP there. Without one it has no certificate, so it is internal:
    nothing outside the network reaches it but an HTTP API's private route, which brings the encryption.

    Arguments:
        component: unique in the system.
        subnets: at least two zones; public ones for a load balancer with a domain.
        domain: host name that clients use, for example ``api.shop.example``; default none.
        zone: id of the Route 53 zone that holds the domain. With it the certificate validates itself and the name
            points here; without it both records are outputs of `groundsill outputs` to be made by hand.
        certificate: a `Certificate` in place of `domain` and `zone`: its first name is the domain, and names are pointed
            here with the zone's `point`.
        internal: reachable only inside the network; default exactly when there is no domain.
        tls_policy: name of a security policy of Elastic Load Balancing; default TLS 1.2 and 1.3 with restricted ciphers.
        access_logs: bucket that takes a line for each request; default none.
        name: the name that AWS sees; default from the system's name pattern.

    `route` sends requests to a service or machine, `redirect` sends clients to another host. What no rule takes is
    answered with 404.

    Verbs for `uses`: ``reach`` lets a workload inside the network in and passes ``<NAME>_URL``.

    Resources created: ``aws_lb``, ``aws_lb_listener``, ``aws_lb_listener_rule``, ``aws_lb_target_group``,
    ``aws_security_group`` with an ``aws_vpc_security_group_ingress_rule`` and ``aws_vpc_security_group_egress_rule``
    each way; with a domain ``aws_acm_certificate`` and ``aws_acm_certificate_validation``; with a zone
    ``aws_route53_record``.

    Costs: by the hour and by capacity unit, and a public IPv4 address a zone where it is public.

    Example:
        ``LoadBalancer("front", network.public, domain=stage.setting("domain"))``
    """

    def __init__(
        self, component: str, subnets: Subnets, /, *, domain: str | None = None, zone: str | None = None,
        certificate: Certificate | None = None, internal: bool | None = None, tls_policy: str = _TLS_POLICY,
        access_logs: Bucket | None = None, name: str | None = None,
    ) -> None:
        super().__init__(component)
        require(subnets, Subnets, "subnets", self)
        if len(subnets.resources) < _FEWEST_ZONES:
            raise Mistake("GS1380", "a load balancer needs subnets in at least two zones",
                          mend="give the network zones=2 or more")
        if certificate is not None:
            if domain or zone:
                raise Mistake("GS1384", "a load balancer has a certificate of its own or one that is given, not both",
                              mend="give `certificate` alone, or `domain` and `zone`")
            domain = certificate.domain
        self.subnets, self.domain = subnets, domain
        self.internal = domain is None if internal is None else internal
        if not self.internal and subnets.kind != "public":
            raise Mistake("GS1381", "a public load balancer in private subnets is reached by nobody",
                          mend="place it in network.public, or make it internal=True")
        self.security_group = self._security_group()
        self.resource = self._balancer = aws.lb(
            self.terraform_name(), name=self.physical_name("aws_lb", name), load_balancer_type="application",
            internal=self.internal, subnets=subnets.ids, security_groups=[self.security_group["id"]],
            drop_invalid_header_fields=True, enable_deletion_protection=self.stage.production,
        )
        if access_logs is not None:
            self._log_to(access_logs)
        self._http: Resource | None = None
        self._default: Any = {
            "type": "fixed-response",
            "fixed_response": {"content_type": "text/plain", "message_body": "Not found", "status_code": "404"},
        }
        if domain:
            arn = certificate.arn if certificate else self._certificate(domain, zone)
            self._http = aws.lb_listener(
                self.terraform_name("http"), load_balancer_arn=self.arn, port=80, protocol="HTTP",
                default_action={"type": "redirect",
                                "redirect": {"port": "443", "protocol": "HTTPS", "status_code": "HTTP_301"}},
            )
            self.listener = aws.lb_listener(
                self.terraform_name("https"), load_balancer_arn=self.arn, port=443, protocol="HTTPS",
                ssl_policy=tls_policy, certificate_arn=arn, default_action=self._default,
            )
        else:
            self.listener = aws.lb_listener(
                self.terraform_name("http"), load_balancer_arn=self.arn, port=80, protocol="HTTP",
                default_action=self._default,
            )
        self._rules = 0
        self._priorities: set[tuple[str, int]] = set()
        self._groups: dict[str, Resource] = {}
        self._registered: list[Resource] = []

    @property
    def arn(self) -> Reference:
        """ARN of the load balancer."""
        return self.resource["arn"]

    @property
    def url(self) -> Any:
        """Where clients reach it."""
        return f"https://{self.domain}" if self.domain else f"http://{self.resource['dns_name']}"

    @property
    def reach(self) -> Grant:
        """Call what is behind it from inside the network: passes ``<NAME>_URL``."""
        return Grant(self.name, "reach", environment={environment_name(self.name, "url"): self.url},
                     network=(NetworkAccess(self.security_group.address, 443 if self.domain else 80),))

    @step
    def route(
        self, path: str, service: Service | Machine | MachineGroup, /, *, host: str | None = None,
        health: HealthCheck | None = None, sticky: int | str | None = None, priority: int | None = None,
        name: str | None = None,
    ) -> Resource:
        """Send requests to a service or to machines.

        Arguments:
            path: path pattern with ``*`` and ``?``; ``/*`` without a host takes everything that no other route takes.
            service: a service, a machine or a group of machines, with a port.
            host: host name pattern that requests must have, default any.
            health: how its targets are checked, default ``/health`` every 15 s.
            sticky: how long a client stays with one target, 1 s to 7 days; default not at all. It pins clients to a
                target that is in trouble: prefer state that every target can read.
            priority: place among the rules, 1 to 50,000, lower ones first; default in the order of the definition.
            name: target group name that AWS sees; default from the system's name pattern.
        """
        if isinstance(service, Broken):
            return service  # pyright: ignore[reportReturnType]
        if service.port is None:
            self.building.report("GS1382", f"{service.subject} has no port, so nothing can be routed to it",
                                 mend="give it port=8080")
            return Broken()  # pyright: ignore[reportReturnType]
        group = self._groups.get(service.name)
        if group is None:
            group = self._groups[service.name] = self._target_group(service, service.port, health, sticky, name)
            self._let_in(service, service.port)
        elif health is not None or name is not None or sticky is not None:
            self.building.report("GS1383", f"{service.subject} is already behind {self.subject} with its own health check",
                                 mend="give health, stickiness and name at its first route alone")
        forward: Any = {"type": "forward", "target_group_arn": group["arn"]}
        way = self.listener
        if path == "/*" and host is None and priority is None:
            self.listener.override(default_action=[forward])
        else:
            way = self._add_rule(self.listener, forward, priority, service.name, path=path, host=host)
        if group not in self._registered:
            self._registered.append(group)
            service.register_with(group, self.listener, way)
        return group

    @step
    def redirect(self, host: str, to: str, /, *, priority: int | None = None) -> Resource:
        """Send clients of one host to another, with their path and query, in one step from HTTP too.

        Arguments:
            host: host name pattern, for example ``www.shop.example``.
            to: host name that they are sent to.
            priority: place among the rules; default in the order of the definition.
        """
        action: Any = {"type": "redirect", "redirect": {
            "host": to, "port": "443" if self.domain else "80", "protocol": "HTTPS" if self.domain else "HTTP",
            "status_code": "HTTP_301"}}
        rule = self._add_rule(self.listener, action, priority, "redirect", host=host)
        if self._http is not None:
            self._add_rule(self._http, action, priority or 10 * self._rules, "redirect", host=host, plain=True)
        return rule

    @property
    def target_groups(self) -> list[Resource]:
        """Target groups of what is behind it, in the order of their first routes."""
        return list(self._groups.values())

    def _target_group(
        self, service: Service | Machine | MachineGroup, port: int, health: HealthCheck | None, sticky: int | str | None,
        name: str | None,
    ) -> Resource:
        check = health or HealthCheck()
        stickiness: Any = None
        if sticky is not None:
            lasts = duration("sticky", sticky)
            if not 1 <= lasts <= _MOST_STICKY:
                raise Mistake("GS1385", f"clients stay with a target for 1 s to {_MOST_STICKY} s, not {lasts} s")
            stickiness = {"enabled": True, "type": "lb_cookie", "cookie_duration": lasts}
        return aws.lb_target_group(
            self.terraform_name(service.name),
            name=self.physical_name("aws_lb_target_group", name, "" if name else service.name),
            vpc_id=self.subnets.network.id, target_type=service.target_type, protocol="HTTP", port=port,
            deregistration_delay=_DEREGISTRATION_DELAY, stickiness=stickiness,
            health_check={
                "path": check.path, "protocol": "HTTP", "port": "traffic-port", "matcher": "200",
                "interval": check.interval, "timeout": check.timeout, "healthy_threshold": check.healthy,
                "unhealthy_threshold": check.unhealthy,
            },
        )

    def _add_rule(
        self, listener: Resource, action: Any, priority: int | None, what: str, *, path: str | None = None,
        host: str | None = None, plain: bool = False,
    ) -> Resource:
        self._rules += not plain
        place = 10 * self._rules if priority is None else priority
        if not 1 <= place <= _LAST_PRIORITY or (listener.name, place) in self._priorities:
            raise Mistake("GS1386", f"{place} cannot be the place of a rule",
                          "places are 1 to 50000, and each is taken once" if 1 <= place <= _LAST_PRIORITY else "",
                          "choose another priority, or leave it out everywhere")
        self._priorities.add((listener.name, place))
        conditions: list[Any] = []
        if path:
            conditions.append({"path_pattern": {"values": [path]}})
        if host:
            conditions.append({"host_header": {"values": [host]}})
        # Named by what it does: a rule more or less before it leaves it where it is.
        return aws.lb_listener_rule(
            self.terraform_name("http" if plain else "", what, *_words_of(host, path)), listener_arn=listener["arn"],
            priority=place, condition=conditions, action=[action],
        )

    def _let_in(self, service: Service | Machine | MachineGroup, port: int) -> None:
        aws.vpc_security_group_egress_rule(
            self.terraform_name("to", service.name), security_group_id=self.security_group["id"],
            description=f"To {service.name}", referenced_security_group_id=service.security_group["id"],
            ip_protocol="tcp", from_port=port, to_port=port,
        )
        let_in(service, service.security_group, self.security_group, self.name, port)

    def _security_group(self) -> Resource:
        group = security_group(self, self.subnets.network.id, "balancer", f"Load balancer {self.name}")
        if not self.internal:
            for port in (80, 443) if self.domain else (80,):
                aws.vpc_security_group_ingress_rule(
                    self.terraform_name("internet", str(port)), security_group_id=group["id"],
                    description="From the internet", cidr_ipv4="0.0.0.0/0", ip_protocol="tcp", from_port=port,
                    to_port=port,
                )
        return group

    def _log_to(self, bucket: Bucket) -> None:
        """Elastic Load Balancing user guide, "Enable access logs": the service writes below its account's folder."""
        if bucket.encryption:
            raise Mistake("GS1387", "access logs cannot be written under a key of the account's own",
                          "Elastic Load Balancing writes them with S3's own keys alone",
                          "give the bucket served=True: it then has S3's own keys")
        prefix = f"load-balancers/{self.name}"
        bucket.allow(identifier("Logs", self.name), "logdelivery.elasticloadbalancing.amazonaws.com", ("s3:PutObject",),
                     prefix=f"{prefix}/AWSLogs/{account_id()}/")
        self._balancer.override(access_logs={"bucket": bucket.resource["id"], "prefix": prefix, "enabled": True})
        self.resource.depends_on = (*self.resource.depends_on, bucket.policy_address)

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
            # The listener takes issued certificates alone, so the deploy waits for whoever enters the record by hand.
            return aws.acm_certificate_validation(
                self.terraform_name(), certificate_arn=certificate["arn"])["certificate_arn"]
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
        """Targets that fail their health checks, answer with errors or answer slowly."""
        for name, group in self._groups.items():
            dimensions = {"LoadBalancer": self.resource["arn_suffix"], "TargetGroup": group["arn_suffix"]}
            yield Alarm(
                f"unhealthy-{group.name}", f"A target behind {self.name} fails its health check: see the service's log.",
                "AWS/ApplicationELB", "UnHealthyHostCount", dimensions, 1, statistic="Maximum", periods=3,
            )
            yield Alarm(
                f"errors-{group.name}", f"{name} answers with server errors behind {self.name}: see its log.",
                "AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", dimensions, 10, period=300,
            )
            yield Alarm(
                f"slow-{group.name}", f"{name} has been slow behind {self.name} for 15 minutes: see its log and its size.",
                "AWS/ApplicationELB", "TargetResponseTime", dimensions, _SLOW_SECONDS, statistic="Average", period=300,
                periods=3,
            )


def _words_of(host: str | None, path: str | None) -> tuple[str, str]:
    """A host by its first label and a path by its words, for a Terraform name; a digest where words alone say too little.

    The domain is left out, so that another one changes the rule and does not replace it.
    """
    label = (host or "").partition(".")[0].replace("*", "any")
    plain = (path or "").removesuffix("/*").strip("/")
    if re.fullmatch(r"[A-Za-z0-9/]*", plain):
        return label, plain
    return label, f"{plain} {hashlib.sha256(plain.encode()).hexdigest()[:6]}"


def _replace_first() -> Any:
    from groundsill.graph import Lifecycle

    return Lifecycle(create_before_destroy=True)
