"""Names: hosted zones, their records, certificates and health checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from groundsill import aws
from groundsill.components.alarm import Alarm
from groundsill.components.keys import account_id, key_of_tier
from groundsill.components.roles import policy_document, require
from groundsill.components.topic_policies import encrypted_only, publisher
from groundsill.definition.arguments import shown
from groundsill.definition.component import Component, Mistake, step
from groundsill.definition.naming import shorten
from groundsill.graph import Broken, Lifecycle, Reference, Resource

_METRICS_REGION = "us-east-1"  # Amazon Route 53: health check metrics are in us-east-1 alone
_LONGEST_REFERENCE = 27  # Route 53 API: CallerReference takes 64 characters; Terraform adds 37 to `reference_name`
Failover = Literal["PRIMARY", "SECONDARY"]


class Zone(Component):
    """A hosted zone of a domain: made here, or one that is there already.

    A new zone answers nobody until its name servers are entered at the registrar, and certificates validate only then.
    Deploying therefore makes the zone first, shows the name servers, waits for the delegation and goes on.

    Arguments:
        component: unique in the system.
        domain: for example ``shop.example``.
        id: id of a zone that exists; default none, which makes one.

    Gives `name_servers` to enter at the registrar, and the zone's `id`.

    Resources created: ``aws_route53_zone`` without `id`; ``aws_route53_record`` for each `point` and `record`.

    Costs: per zone and month, and per million queries; alias records to AWS's own resources are free.

    Example:
        ``Zone("dns", stage.setting("domain")).point("www", front)``
    """

    def __init__(self, component: str, domain: str, /, *, id: str | None = None) -> None:
        super().__init__(component)
        self.domain = domain
        self._zone: Resource | None = None
        if id is None:
            self._zone = self.resource = aws.route53_zone(
                self.terraform_name(), name=domain, comment=f"{self.building.system} {self.stage.name}",
                force_destroy=not self.stage.production,
            )
        self.id: Any = id or self.resource["zone_id"]

    @property
    def name_servers(self) -> Any:
        """Name servers to enter at the registrar; none for a zone that was there already."""
        return self._zone["name_servers"] if self._zone else []

    def host(self, name: str) -> str:
        """The full host name of a name in the zone; ``""`` and ``"@"`` are the domain itself."""
        if name in ("", "@") or name == self.domain:
            return self.domain
        return name if name.endswith(f".{self.domain}") else f"{name}.{self.domain}"

    @step
    def point(
        self, name: str, target: Any, /, *, latency: bool = False, failover: Failover | None = None,
        check: DnsHealthCheck | None = None,
    ) -> Resource:
        """Point a name at a load balancer or a CDN.

        Arguments:
            name: name in the zone, ``""`` for the domain itself.
            target: a component with ``dns_name`` and ``zone_id``, for example a load balancer.
            latency: answer with the nearest of several regions; default no.
            failover: ``PRIMARY`` or ``SECONDARY`` of two; default neither.
            check: health check that the answer depends on; default the target's own health.
        """
        if isinstance(target, Broken):
            return target  # pyright: ignore[reportReturnType]
        if latency and failover:
            raise Mistake("GS1420", "a name answers by latency or by failover, not by both", mend="choose one")
        routing: dict[str, Any] = {}
        if latency:
            region = self.building.graph.region
            routing = {"set_identifier": region, "latency_routing_policy": {"region": region}}
        elif failover:
            routing = {"set_identifier": failover.lower(), "failover_routing_policy": {"type": failover}}
        if check is not None:
            require(check, DnsHealthCheck, "check", self)
            routing["health_check_id"] = check.resource["id"]
        host = self.host(name)
        alias = _alias_target(target)
        return aws.route53_record(
            self.terraform_name("alias", name or "apex"), zone_id=self.id, name=host, type="A",
            alias={"name": alias[0], "zone_id": alias[1], "evaluate_target_health": check is None}, **routing,
        )

    @step
    def record(self, name: str, type: str, values: Sequence[str], /, *, ttl: int = 300) -> Resource:
        """A record of any other kind.

        Arguments:
            name: name in the zone, ``""`` for the domain itself.
            type: DNS record type, for example ``TXT``.
            values: its values.
            ttl: seconds that resolvers keep it, default 300.
        """
        return aws.route53_record(
            self.terraform_name(type.lower(), name or "apex"), zone_id=self.id, name=self.host(name), type=type,
            records=list(values), ttl=ttl,
        )


class Certificate(Component):
    """A TLS certificate that AWS renews, for one name and others beside it.

    Arguments:
        component: unique in the system.
        domain: first name, for example ``shop.example``.
        also: further names, for example ``["www.shop.example"]``.
        zone: the zone that proves the names are yours; without it somebody enters the records where the DNS is kept.
        region: region of what serves it, default the system's region; a CDN wants ``us-east-1``.

    Gives `arn`: that of the validated certificate, so that what uses it waits for the validation. Without a zone a deploy
    makes the certificate first, shows the records as a table and waits until they are found and the certificate is issued.

    Resources created: ``aws_acm_certificate``, ``aws_acm_certificate_validation``; with a zone ``aws_route53_record``.

    Costs: nothing.

    Example:
        ``Certificate("certificate", zone.domain, also=[f"www.{zone.domain}"], zone=zone)``
    """

    def __init__(
        self, component: str, domain: str, /, *, also: Sequence[str] = (), zone: Zone | None = None,
        region: str | None = None,
    ) -> None:
        super().__init__(component)
        if zone is not None:
            require(zone, Zone, "zone", self)
        self.names = tuple(dict.fromkeys((domain, *also)))
        self.domain, self.region = domain, region or self.building.graph.region
        for name in self.names if zone else ():
            if not (name == zone.domain or name.endswith(f".{zone.domain}")):  # pyright: ignore[reportOptionalMemberAccess]
                raise Mistake("GS1421", f"the zone cannot prove `{name}`, which lies outside it",
                              "a certificate is validated only when all of its names are",
                              f"name hosts of {zone.domain}")  # pyright: ignore[reportOptionalMemberAccess]
        self.resource = aws.acm_certificate(
            self.terraform_name(), domain_name=domain, validation_method="DNS", region=self.region,
            subject_alternative_names=list(self.names[1:]) or None, lifecycle=Lifecycle(create_before_destroy=True),
        )
        self.arn = self._validate(zone)

    def _validate(self, zone: Zone | None) -> Reference:
        records: list[Reference] = []
        for index, name in enumerate(self.names if zone else ()):
            option = self.resource["domain_validation_options"].element(index)
            record = aws.route53_record(
                self.terraform_name("validation", name.replace("*", "star")), zone_id=zone.id,  # pyright: ignore[reportOptionalMemberAccess]
                name=option.at("resource_record_name"), type=option.at("resource_record_type"),
                records=[option.at("resource_record_value")], ttl=60,
                # A wildcard and its domain are proven by the same record.
                allow_overwrite=True,
            )
            records.append(record["fqdn"])
        validation = aws.acm_certificate_validation(
            self.terraform_name(), certificate_arn=self.resource["arn"], validation_record_fqdns=records or None,
            region=self.region,
        )
        return validation["certificate_arn"]

    @property
    def validation_records(self) -> Reference:
        """The records that prove the names, to be made by hand where there is no zone."""
        return self.resource["domain_validation_options"]


class DnsHealthCheck(Component):
    """A check from around the world that a public address answers, and an alarm when it does not.

    Arguments:
        component: unique in the system.
        host: host name, for example ``shop.example``.
        path: path that must answer with 2xx or 3xx, default ``/health``.
        interval: seconds between checks, 10 or 30 (default, cheaper).
        failures: checks in a row that must fail, 1 to 10, default 3.
        email: address that hears of a failure where the system lives outside us-east-1; there it is `Alerts`' work.

    Resources created: ``aws_route53_health_check``; outside us-east-1 an ``aws_cloudwatch_metric_alarm`` there, since
    Route 53's metrics are in no other region, with an ``aws_sns_topic``, its ``aws_sns_topic_policy`` and an
    ``aws_sns_topic_subscription`` for the address.

    Costs: per check and month.

    Example:
        ``DnsHealthCheck("outside", "shop.example", path="/health")``
    """

    def __init__(
        self, component: str, host: str, /, *, path: str = "/health", interval: int = 30, failures: int = 3,
        email: str | None = None,
    ) -> None:
        super().__init__(component)
        if interval not in (10, 30):
            raise Mistake("GS1422", f"Route 53 checks every 10 or 30 seconds, not {interval}", mend="leave it at 30")
        self.resource = aws.route53_health_check(
            self.terraform_name(), type="HTTPS", fqdn=host, port=443, resource_path=path, request_interval=interval,
            failure_threshold=failures, enable_sni=True,
            reference_name=shorten(f"{self.building.system}-{self.stage.name}-{component}", _LONGEST_REFERENCE),
        )
        self._alarm = Alarm(
            "unreachable", f"{host} does not answer from outside: see DNS, certificate, load balancer and targets.",
            "AWS/Route53", "HealthCheckStatus", {"HealthCheckId": self.resource["id"]}, 1,
            comparison="LessThanThreshold", statistic="Minimum", periods=2, missing="breaching",
        )
        if self.building.graph.region != _METRICS_REGION:
            self._alarm_there(email)

    def _alarm_there(self, email: str | None) -> None:
        topics: list[Reference] = []
        if email:
            key = key_of_tier(_METRICS_REGION)
            topic = aws.sns_topic(
                self.terraform_name(), name=self.physical_name("aws_sns_topic"), region=_METRICS_REGION,
                kms_master_key_id=key.serve("cloudwatch.amazonaws.com").arn if key else None,
            )
            aws.sns_topic_policy(
                self.terraform_name(), arn=topic["arn"], region=_METRICS_REGION, policy=policy_document([
                    encrypted_only(topic["arn"]), publisher("AlarmsPublish", "cloudwatch.amazonaws.com", topic["arn"], {
                        "StringEquals": {"aws:SourceAccount": account_id()}})]),
            )
            aws.sns_topic_subscription(self.terraform_name("email"), topic_arn=topic["arn"], protocol="email",
                                       endpoint=email, region=_METRICS_REGION)
            topics.append(topic["arn"])
        alarm = self._alarm
        aws.cloudwatch_metric_alarm(
            self.terraform_name(alarm.name), region=_METRICS_REGION,
            alarm_name=self.physical_name("aws_cloudwatch_metric_alarm", part=alarm.name),
            alarm_description=alarm.description, namespace=alarm.namespace, metric_name=alarm.metric,
            dimensions=dict(alarm.dimensions), statistic=alarm.statistic, comparison_operator=alarm.comparison,
            threshold=alarm.threshold, period=alarm.period, evaluation_periods=alarm.periods,
            treat_missing_data=alarm.missing, alarm_actions=topics or None, ok_actions=topics or None,
        )

    def alarms(self) -> Iterable[Alarm]:
        """The address does not answer; elsewhere than in us-east-1 the alarm is made there already."""
        if self.building.graph.region == _METRICS_REGION:
            yield self._alarm


def _alias_target(target: Any) -> tuple[Any, Any]:
    resource = vars(target).get("resource") if isinstance(target, Component) else None
    if not isinstance(resource, Resource):
        raise Mistake("GS1423", f"a name cannot point at {shown(target)}", mend="name a load balancer or a CDN")
    if resource.type == "aws_lb":
        return resource["dns_name"], resource["zone_id"]
    if resource.type == "aws_cloudfront_distribution":
        return resource["domain_name"], resource["hosted_zone_id"]
    raise Mistake("GS1423", f"a name cannot point at {target.subject}", mend="name a load balancer or a CDN")
