"""Certificates and names: the right region, every host covered, validated, and records that do not clash."""

from __future__ import annotations

from collections.abc import Iterator

from groundsill.checks.context import Context
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.rules.zones import region
from groundsill.checks.values import each, mapping, text, truth
from groundsill.graph.resource import Resource

RULES = Ruleset(Family.DEPLOYS)
# Where each type names its certificate, and the region that it must be in; "" is the resource's own.
_USES: dict[str, tuple[tuple[str, ...], str]] = {
    "aws_cloudfront_distribution": (("viewer_certificate", "acm_certificate_arn"), "us-east-1"),
    "aws_lb_listener": (("certificate_arn",), ""),
    "aws_api_gateway_domain_name": (("regional_certificate_arn",), ""),
    "aws_apigatewayv2_domain_name": (("domain_name_configuration", "certificate_arn"), ""),
    "aws_cognito_user_pool_domain": (("certificate_arn",), "us-east-1"),
}


def certificate(context: Context, resource: Resource, *path: str) -> Resource | None:
    """The certificate that an argument names, also by its validation."""
    found = context.view.target(resource, *path)
    if found is not None and found.type == "aws_acm_certificate_validation":
        found = context.view.target(found, "certificate_arn")
    return found if found is not None and found.type == "aws_acm_certificate" and not found.data else None


def covers(names: list[str], host: str) -> bool:
    """Whether a certificate's names cover a host: a wildcard stands for exactly one label."""
    parent = host.partition(".")[2]
    return any(
        name.lower() == host.lower() or (name.startswith("*.") and name[2:].lower() == parent.lower()) for name in names
    )


def _names(context: Context, item: Resource) -> list[str] | None:
    given = [context.view.get(item, "domain_name"), *each(context.view.get(item, "subject_alternative_names"))]
    known = [name for name in given if text(name)]
    return known if len(known) == len(given) else None


@RULES.rule(
    "certificate-in-wrong-region",
    Severity.CRITICAL,
    "a certificate is in a region where it cannot be used",
    types=tuple(_USES),
    rationale="CloudFront and edge domains take certificates of us-east-1 alone, everything else those of its own region "
              "(AWS Certificate Manager User Guide, \"Services integrated with AWS Certificate Manager\").",
    mend="request the certificate with a provider of the right region",
    example="aws_cloudfront_distribution with a certificate of eu-central-1",
)
def regions(context: Context, resource: Resource) -> Found:
    path, needed = _USES[resource.type]
    found = certificate(context, resource, *path)
    if found is None and resource.type == "aws_api_gateway_domain_name":
        path, needed = ("certificate_arn",), "us-east-1"
        found = certificate(context, resource, *path)
    wanted = needed or region(context, resource)
    if found is not None and region(context, found) != wanted:
        yield Finding(
            resource,
            f"{found.address} is in {region(context, found)}, and it must be in {wanted}",
            attribute=".".join(path),
            related=(found,),
        )
    arn = text(context.view.get(resource, *path))
    if arn and arn.startswith("arn:") and arn.split(":")[3:4] != [wanted]:
        yield Finding(resource, f"{arn} is not in {wanted}", attribute=".".join(path))


@RULES.rule(
    "certificate-does-not-cover-host",
    Severity.HIGH,
    "a certificate does not cover a host that it is shown for",
    types=("aws_lb_listener", "aws_cloudfront_distribution", "aws_api_gateway_domain_name", "aws_apigatewayv2_domain_name"),
    family=Family.RUNS,
    rationale="CloudFront refuses such an alias; browsers refuse the connection (NET::ERR_CERT_COMMON_NAME_INVALID). A "
              "wildcard covers one label: *.example.com covers neither example.com nor a.b.example.com.",
    mend="add the host to the certificate's subject_alternative_names",
    example="certificate of *.shop.com, alias shop.com",
)
def coverage(context: Context, resource: Resource) -> Found:
    path = _USES[resource.type][0]
    found = certificate(context, resource, *path)
    if found is None:
        return
    names = _names(context, found)
    hosts = dict.fromkeys(_hosts(context, resource))
    if names is None:
        yield Finding(resource, f"the names of {found.address} are not known", unknown=True)
        return
    for item in context.view.referring(resource, "aws_lb_listener_certificate"):
        more = certificate(context, item, "certificate_arn")
        names += (_names(context, more) or []) if more else []
    for host in hosts:
        if not covers(names, host):
            yield Finding(resource, f"{', '.join(names)} does not cover {host}", attribute=".".join(path), related=(found,))


def _hosts(context: Context, resource: Resource) -> Iterator[str]:
    view = context.view
    if resource.type == "aws_cloudfront_distribution":
        yield from (name for name in each(view.get(resource, "aliases")) if text(name))
    elif resource.type != "aws_lb_listener":
        name = text(view.get(resource, "domain_name"))
        if name:
            yield name
    else:
        for rule in view.referring(resource, "aws_lb_listener_rule"):
            for condition in view.blocks(rule, "condition"):
                for header in each(condition.get("host_header")):
                    yield from (
                        name for name in each(mapping(header).get("values")) if text(name) and "*" not in name and "?" not in name
                    )
        balancer = view.target(resource, "load_balancer_arn")
        for record in view.referring(balancer, "aws_route53_record") if balancer else ():
            name = full_name(context, record)
            if name and "*" not in name:
                yield name


def full_name(context: Context, record: Resource) -> str | None:
    """The whole name of a record; a short one is below its zone."""
    name = text(context.view.get(record, "name"))
    zone = context.view.target(record, "zone_id")
    apex = text(context.view.get(zone, "name")) if zone is not None else None
    if name is None:
        return None
    name, apex = name.rstrip(".").lower(), apex.rstrip(".").lower() if apex else None
    if apex is None:
        return name if "." in name else None
    return name if name == apex or name.endswith(f".{apex}") else f"{name}.{apex}" if name else apex


@RULES.rule(
    "certificate-not-validated",
    Severity.CRITICAL,
    "a certificate is used before it is validated",
    types=tuple(_USES),
    rationale="A listener, a distribution and a domain take issued certificates alone (UnsupportedCertificate): without "
              "waiting for the validation the first apply fails.",
    mend="refer to aws_acm_certificate_validation.certificate_arn, and make its records",
    example="aws_lb_listener: certificate_arn = aws_acm_certificate.site.arn",
)
def validated(context: Context, resource: Resource) -> Found:
    path = _USES[resource.type][0]
    direct = context.view.target(resource, *path)
    if direct is None or direct.type != "aws_acm_certificate" or direct.data:
        return
    method = context.view.get(direct, "validation_method")
    validations = list(context.view.referring(direct, "aws_acm_certificate_validation"))
    waits = any(item.address in resource.depends_on for item in validations)
    if method in ("DNS", "EMAIL") and not waits:
        yield Finding(
            resource, f"it does not wait for {direct.address} to be issued", attribute=".".join(path), related=(direct,)
        )


@RULES.rule(
    "certificate-validation-record-missing",
    Severity.HIGH,
    "nothing proves to ACM that the domain is yours",
    types=("aws_acm_certificate_validation",),
    rationale="ACM looks for a CNAME in the domain's zone; the apply waits for it until it times out after 75 minutes (AWS "
              "Certificate Manager User Guide, \"DNS validation\").",
    mend="make an aws_route53_record for each of domain_validation_options",
    example="aws_acm_certificate_validation without an aws_route53_record of the certificate's domain_validation_options",
)
def records(context: Context, validation: Resource) -> Found:
    item = context.view.target(validation, "certificate_arn")
    if item is None or item.data or context.view.get(item, "validation_method", default="DNS") != "DNS":
        return
    made = list(context.view.referring(item, "aws_route53_record"))
    if (
        not made
        and truth(context.view.get(validation, "validation_record_fqdns") is None)
        and any(True for _ in context.of_type("aws_route53_zone"))
    ):
        yield Finding(validation, f"no record refers to {item.address}.domain_validation_options", related=(item,))


@RULES.rule(
    "certificate-waits-for-new-zone",
    Severity.MEDIUM,
    "a certificate waits for a zone that nobody delegates to yet",
    types=("aws_acm_certificate_validation",),
    rationale="The registrar learns the new zone's name servers from an output of this very apply: until somebody enters "
              "them the certificate is not issued, and the apply times out.",
    mend="deploy once without waiting for the certificate, enter the zone's name servers at the registrar, then deploy the "
         "rest",
    example="aws_route53_zone, its records and aws_acm_certificate_validation in one apply",
)
def delegation(context: Context, validation: Resource) -> Found:
    item = context.view.target(validation, "certificate_arn")
    made = list(context.view.referring(item, "aws_route53_record")) if item is not None else []
    zones = {
        zone.address: zone
        for record in made
        for zone in context.view.targets(record, "zone_id")
        if zone.type == "aws_route53_zone" and not zone.data
    }
    for zone in zones.values():
        yield Finding(validation, f"its records are in {zone.address}, which is new too", related=(zone,))


@RULES.rule(
    "domain-without-certificate",
    Severity.CRITICAL,
    "a domain of its own has no certificate",
    types=("aws_cloudfront_distribution", "aws_api_gateway_domain_name", "aws_apigatewayv2_domain_name"),
    rationale="CloudFront refuses aliases without a certificate that covers them (InvalidViewerCertificate), API Gateway a "
              "domain without one.",
    mend="name an issued certificate of the domain",
    example='aliases = ["www.shop.com"], viewer_certificate: cloudfront_default_certificate = true',
)
def bare(context: Context, resource: Resource) -> Found:
    view = context.view
    if resource.type == "aws_cloudfront_distribution":
        given = view.get(resource, "viewer_certificate", "acm_certificate_arn") or view.get(
            resource, "viewer_certificate", "iam_certificate_id"
        )
        if each(view.get(resource, "aliases")) and not given:
            yield Finding(resource, "it has aliases and CloudFront's own certificate", attribute="viewer_certificate")
    elif not (
        view.get(resource, "regional_certificate_arn")
        or view.get(resource, "certificate_arn")
        or view.get(resource, "domain_name_configuration", "certificate_arn")
    ):
        yield Finding(resource, "no certificate is named", attribute="certificate_arn")


@RULES.rule(
    "record-clash",
    Severity.CRITICAL,
    "two records of a zone clash",
    rationale="A name has one record of a type without set_identifier, and a CNAME stands alone and never at the zone's apex "
              "(Amazon Route 53 Developer Guide, \"Supported DNS record types\").",
    mend="keep one of them; at the apex use an alias record",
    example="two aws_route53_record of www, type A; or type CNAME at the apex",
)
def clash(context: Context) -> Found:
    seen: dict[tuple[str, str, str], Resource] = {}
    names: dict[tuple[str, str], list[tuple[str, Resource]]] = {}
    for record in context.of_type("aws_route53_record"):
        name, kind = full_name(context, record), text(context.view.get(record, "type"))
        zone = str(context.view.get(record, "zone_id"))
        if name is None or kind is None:
            continue
        names.setdefault((zone, name), []).append((kind, record))
        if context.view.get(record, "set_identifier") is None:
            first = seen.setdefault((zone, name, kind), record)
            if first is not record:
                yield Finding(record, f"{first.address} is {name} {kind} too", attribute="name", related=(first,))
        apex = context.view.target(record, "zone_id")
        if kind == "CNAME" and apex is not None and name == str(context.view.get(apex, "name")).rstrip(".").lower():
            yield Finding(record, f"{name} is the zone's apex, which takes no CNAME", attribute="type")
    for (_, name), found in names.items():
        kinds = {kind for kind, _ in found}
        if "CNAME" in kinds and len(kinds) > 1:
            yield Finding(
                next(item for kind, item in found if kind == "CNAME"),
                f"{name} has {', '.join(sorted(kinds - {'CNAME'}))} beside a CNAME",
                attribute="type",
            )
