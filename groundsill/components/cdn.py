"""Content delivery (CloudFront) in front of private buckets and APIs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from groundsill import aws
from groundsill.components.alarm import Alarm
from groundsill.components.buckets import Bucket
from groundsill.components.dns import Certificate
from groundsill.components.keys import account_id
from groundsill.components.load_balancing import LoadBalancer
from groundsill.components.rest_apis import RestApi
from groundsill.components.roles import require
from groundsill.definition.component import Component, Mistake, step
from groundsill.definition.grant import Grant, Statement
from groundsill.definition.naming import environment_name
from groundsill.graph import Broken, Reference

if TYPE_CHECKING:
    from groundsill.components.web_acls import WebAcl

PriceClass = Literal["PriceClass_100", "PriceClass_200", "PriceClass_All"]

HOME = "us-east-1"  # Amazon CloudFront developer guide: certificates and web firewalls of a distribution live here
_TLS = "TLSv1.2_2021"
# Amazon CloudFront developer guide: managed cache, origin request and response headers policies.
_CACHED = "658327ea-f89d-4fab-a63d-7e88639e58f6"  # CachingOptimized
_NOT_CACHED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"  # CachingDisabled
_ALL_BUT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"  # AllViewerExceptHostHeader
_SECURITY_HEADERS = "67f7725c-6f97-4210-82d7-5512b31e9d03"  # SecurityHeadersPolicy
_READ_METHODS = ("GET", "HEAD")
_ALL_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_COMPUTE = "cloudfront-js-2.0"
# A page address without a file's ending belongs to the application, which reads it in the browser. Not done by an error
# page: that would turn the API's own 403 and 404 into the page as well.
_SINGLE_PAGE = """function handler(event) {
  var request = event.request;
  if (!request.uri.split('/').pop().includes('.')) request.uri = '/%s';
  return request;
}
"""


class Cdn(Component):
    """A CloudFront distribution: the only way to what a private bucket holds, over TLS 1.2 and later.

    Arguments:
        component: unique in the system.
        bucket: private bucket that requests go to where no route says otherwise; declare it with ``served=True``.
        domains: host names that clients use, for example ``["shop.example", "www.shop.example"]``; default CloudFront's own.
        certificate: covers them, in us-east-1.
        index: object of the address ``/``, default ``index.html``.
        single_page: whether the page itself reads addresses without a file's ending, default no.
        firewall: a `WebAcl` for CDNs; default none.
        price_class: edges that serve: North America and Europe (``PriceClass_100``, default), more, or all.

    Verbs for `uses`: ``address`` (passes the host name as ``<NAME>_DOMAIN``; needs no permission), ``invalidate``.

    Resources created: ``aws_cloudfront_distribution``, ``aws_cloudfront_origin_access_control``; with ``single_page`` an
    ``aws_cloudfront_function``. The bucket's policy lets this distribution, and no other, read.

    Costs: per GB to the internet above a free terabyte a month, and per request.

    Example:
        ``Cdn("site", bucket=pages, domains=["shop.example"], certificate=certificate).route("/v1/*", api)``
    """

    def __init__(
        self, component: str, /, *, bucket: Bucket, domains: Sequence[str] = (), certificate: Certificate | None = None,
        index: str = "index.html", single_page: bool = False, firewall: WebAcl | None = None,
        price_class: PriceClass = "PriceClass_100",
    ) -> None:
        super().__init__(component)
        if bucket.encryption is not None:
            raise Mistake("GS1540", f"{bucket.subject} is encrypted under a key that CloudFront may not use",
                          mend="declare it with served=True")
        self.domains = tuple(domains)
        self._check_names(certificate)
        access = aws.cloudfront_origin_access_control(
            self.terraform_name(), name=self.physical_name("aws_cloudfront_origin_access_control"),
            description=f"How {component} reads {bucket.name}", origin_access_control_origin_type="s3",
            signing_behavior="always", signing_protocol="sigv4",
        )
        self._origins: list[Any] = [{
            "origin_id": bucket.name, "domain_name": bucket.resource["bucket_regional_domain_name"],
            "origin_access_control_id": access["id"],
        }]
        self._behaviors: list[Any] = []
        rewrite = self._single_page(index) if single_page else None
        default: Any = {
            **_behavior(bucket.name, _READ_METHODS, _CACHED), "response_headers_policy_id": _SECURITY_HEADERS,
            "function_association": [{"event_type": "viewer-request", "function_arn": rewrite}] if rewrite else None,
        }
        self.resource = self._distribution = aws.cloudfront_distribution(
            self.terraform_name(), enabled=True, is_ipv6_enabled=True, http_version="http2and3", price_class=price_class,
            comment=f"{self.building.system} {self.stage.name} {component}", default_root_object=index,
            aliases=list(self.domains) or None, origin=self._origins,
            default_cache_behavior=default,
            restrictions={"geo_restriction": {"restriction_type": "none"}},
            viewer_certificate=(
                {"acm_certificate_arn": certificate.arn, "ssl_support_method": "sni-only", "minimum_protocol_version": _TLS}
                if certificate and self.domains else {"cloudfront_default_certificate": True}
            ),
            web_acl_id=firewall.arn if firewall else None,
        )
        self._let_in(bucket)

    def _check_names(self, certificate: Certificate | None) -> None:
        if certificate is None:
            if self.domains:
                raise Mistake("GS1541", f"{self.subject} has domains and no certificate that covers them",
                              mend=f'give it certificate=Certificate(..., region="{HOME}")')
            return
        if certificate.region != HOME:
            raise Mistake("GS1542", f"{certificate.subject} is in {certificate.region}, where CloudFront does not look",
                          mend=f'give it region="{HOME}"')
        for domain in self.domains:
            if domain not in certificate.names and f"*.{domain.partition('.')[2]}" not in certificate.names:
                raise Mistake("GS1543", f"{certificate.subject} does not cover `{domain}`",
                              f"it covers {', '.join(certificate.names)}; a wildcard never covers the domain itself",
                              f'add also=["{domain}"] to it')

    def _single_page(self, index: str) -> Reference:
        return aws.cloudfront_function(
            self.terraform_name(), name=self.physical_name("aws_cloudfront_function"), runtime=_COMPUTE, publish=True,
            comment=f"Pages of {self.name}", code=_SINGLE_PAGE % index,
        )["arn"]

    def _let_in(self, bucket: Bucket) -> None:
        with bucket.lowering():
            bucket.allow(f"{self.terraform_name()}Reads".replace("_", ""), "cloudfront.amazonaws.com", ["s3:GetObject"],
                         conditions={"StringEquals": {"AWS:SourceArn": self.arn}})

    @property
    def arn(self) -> Reference:
        """ARN of the distribution."""
        return self.resource["arn"]

    @property
    def domain(self) -> Any:
        """Host name that clients use: the first of `domains`, or CloudFront's own."""
        return self.domains[0] if self.domains else self.resource["domain_name"]

    @property
    def url(self) -> str:
        """Where clients reach it."""
        return f"https://{self.domain}"

    @step
    def route(
        self, path: str, target: RestApi | LoadBalancer | Bucket, /, *, headers: Mapping[str, Any] | None = None,
    ) -> Cdn:
        """Send requests to an API, to what is behind a load balancer, or to another bucket.

        Answers of APIs and services are not kept, and every header but the host goes through.

        Arguments:
            path: path pattern with ``*`` and ``?``, for example ``"/v1/*"``. Earlier routes come first.
            target: a `RestApi`, a `LoadBalancer` with a domain, or a `Bucket`.
            headers: sent along, for example one by which the target knows that requests came this way.

        Returns:
            The distribution, so that routes can be chained.
        """
        if isinstance(target, Broken):
            return self
        if any(item["path_pattern"] == path for item in self._behaviors):
            raise Mistake("GS1544", f"the path `{path}` is already taken", mend="remove one of the routes")
        if isinstance(target, Bucket):
            require(target, Bucket, "target", self)
            access = aws.cloudfront_origin_access_control(
                self.terraform_name(target.name),
                name=self.physical_name("aws_cloudfront_origin_access_control", part=target.name),
                origin_access_control_origin_type="s3", signing_behavior="always", signing_protocol="sigv4",
            )
            origin: dict[str, Any] = {"domain_name": target.resource["bucket_regional_domain_name"],
                                      "origin_access_control_id": access["id"]}
            behavior = _behavior(target.name, _READ_METHODS, _CACHED)
            self._let_in(target)
        else:
            origin = self._served(target)
            behavior = {**_behavior(target.name, _ALL_METHODS, _NOT_CACHED), "origin_request_policy_id": _ALL_BUT_HOST}
        if headers:
            origin["custom_header"] = [{"name": name, "value": value} for name, value in headers.items()]
        if all(known["origin_id"] != target.name for known in self._origins):
            self._origins.append({"origin_id": target.name, **origin})
        self._behaviors.append({"path_pattern": path, **behavior})
        self._distribution.override(origin=self._origins, ordered_cache_behavior=self._behaviors)
        return self

    def _served(self, target: RestApi | LoadBalancer) -> dict[str, Any]:
        tls = {"http_port": 80, "https_port": 443, "origin_protocol_policy": "https-only", "origin_ssl_protocols": ["TLSv1.2"]}
        if isinstance(target, RestApi):
            return {"domain_name": target.host, "origin_path": f"/{target.stage_name}", "custom_origin_config": tls}
        if not target.domain:
            raise Mistake("GS1545", f"{target.subject} has no domain, so CloudFront cannot reach it over TLS",
                          mend="give the load balancer a domain")
        return {"domain_name": target.domain, "custom_origin_config": tls}

    @property
    def address(self) -> Grant:
        """Know the host name, for example to tell clients where an object is served."""
        return Grant(self.name, "address", (), {environment_name(self.name, "domain"): self.domain})

    @property
    def invalidate(self) -> Grant:
        """Have edges forget what they keep, after new pages have been put into the bucket."""
        arn = f"arn:aws:cloudfront::{account_id()}:distribution/{self.resource['id']}"
        return Grant(self.name, "invalidate", (Statement(("cloudfront:CreateInvalidation",), (arn,)),),
                     {environment_name(self.name, "distribution-id"): self.resource["id"]})

    def alarms(self) -> Iterable[Alarm]:
        """Server errors; CloudFront measures in us-east-1 alone, so elsewhere there is none."""
        if self.building.graph.region == HOME:
            yield Alarm("5xx", f"{self.name} answers more than 5 % of requests with server errors: see what is behind it.",
                        "AWS/CloudFront", "5xxErrorRate", {"DistributionId": self.resource["id"], "Region": "Global"}, 5,
                        statistic="Average", period=300, periods=2)


def _behavior(origin: str, methods: Sequence[str], cache_policy: str) -> dict[str, Any]:
    return {
        "target_origin_id": origin, "viewer_protocol_policy": "redirect-to-https", "compress": True,
        "allowed_methods": list(methods), "cached_methods": list(_READ_METHODS), "cache_policy_id": cache_policy,
    }
