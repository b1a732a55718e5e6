"""What Terraform would know after apply of front doors, events and storage: see `attributes`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from groundsill.ground.provision.places import Arguments, Attributes, Place, stand_in_id

_SHORT = 10
_DISTRIBUTION_ZONE = "Z2FDTNDATAQYW2"  # Amazon Route 53 API: AliasTarget, the zone of every CloudFront distribution
_API_ZONE = "Z1UJRXOUMOOFQ8"  # API Gateway endpoints and quotas: the zone of regional APIs in us-east-1


def _bucket(place: Place, address: str, arguments: Arguments) -> Attributes:
    name = arguments.get("bucket") or f"{arguments.get('bucket_prefix', '')}{stand_in_id('', address, _SHORT)}"
    return {"id": name, "bucket": name, "arn": f"arn:aws:s3:::{name}", "bucket_domain_name": f"{name}.s3.amazonaws.com",
            "bucket_regional_domain_name": f"{name}.s3.{place.region}.amazonaws.com"}


def _rest_api(place: Place, address: str, arguments: Arguments) -> Attributes:
    identifier = stand_in_id("", address, _SHORT)
    return {"id": identifier, "root_resource_id": stand_in_id("", f"{address}/", _SHORT),
            "arn": f"arn:aws:apigateway:{place.region}::/restapis/{identifier}",
            "execution_arn": place.arn("execute-api", identifier)}


def _rest_stage(place: Place, address: str, arguments: Arguments) -> Attributes:
    api, name = arguments["rest_api_id"], arguments["stage_name"]
    return {"id": f"ags-{api}-{name}", "arn": f"arn:aws:apigateway:{place.region}::/restapis/{api}/stages/{name}",
            "execution_arn": place.arn("execute-api", f"{api}/{name}"),
            "invoke_url": f"https://{api}.execute-api.{place.region}.amazonaws.com/{name}"}


def _api_key(place: Place, address: str, arguments: Arguments) -> Attributes:
    return {"id": stand_in_id("", address, _SHORT), "value": arguments.get("value") or stand_in_id("", f"{address}.value", 40)}


def _rest_domain(place: Place, address: str, arguments: Arguments) -> Attributes:
    host = f"d-{stand_in_id('', address, _SHORT)}.execute-api.{place.region}.amazonaws.com"
    return {"id": arguments["domain_name"], "regional_domain_name": host, "regional_zone_id": _API_ZONE}


def _domain(place: Place, address: str, arguments: Arguments) -> Attributes:
    host = f"d-{stand_in_id('', address, _SHORT)}.execute-api.{place.region}.amazonaws.com"
    given: Any = arguments.get("domain_name_configuration") or [{}]
    return {"id": arguments["domain_name"], "domain_name_configuration": [
        {**given[0], "target_domain_name": host, "hosted_zone_id": _API_ZONE}]}


def _distribution(place: Place, address: str, arguments: Arguments) -> Attributes:
    identifier = stand_in_id("E", address, 13).upper()
    return {"id": identifier, "arn": place.arn("cloudfront", f"distribution/{identifier}", regional=False),
            "domain_name": f"{stand_in_id('d', address, 13)}.cloudfront.net", "hosted_zone_id": _DISTRIBUTION_ZONE}


def _edge_function(place: Place, address: str, arguments: Arguments) -> Attributes:
    name = arguments["name"]
    return {"id": name, "arn": place.arn("cloudfront", f"function/{name}", regional=False)}


def _alias(place: Place, address: str, arguments: Arguments) -> Attributes:
    arn = place.arn("lambda", f"function:{arguments['function_name']}:{arguments['name']}")
    invoke = f"arn:aws:apigateway:{place.region}:lambda:path/2015-03-31/functions/{arn}/invocations"
    return {"id": arn, "arn": arn, "invoke_arn": invoke}


def _bus(place: Place, address: str, arguments: Arguments) -> Attributes:
    return {"id": arguments["name"], "arn": place.arn("events", f"event-bus/{arguments['name']}")}


def _rule(place: Place, address: str, arguments: Arguments) -> Attributes:
    bus = f"{arguments['event_bus_name']}/" if arguments.get("event_bus_name") else ""
    return {"id": f"{bus}{arguments['name']}", "arn": place.arn("events", f"rule/{bus}{arguments['name']}")}


def _identified(place: Place, address: str, arguments: Arguments) -> Attributes:
    return {"id": stand_in_id("", address, _SHORT)}


FRONT: Mapping[str, Callable[[Place, str, Arguments], Attributes]] = MappingProxyType({
    "aws_api_gateway_api_key": _api_key,
    "aws_api_gateway_authorizer": _identified,
    "aws_api_gateway_deployment": _identified,
    "aws_api_gateway_domain_name": _rest_domain,
    "aws_api_gateway_resource": _identified,
    "aws_api_gateway_rest_api": _rest_api,
    "aws_api_gateway_stage": _rest_stage,
    "aws_api_gateway_usage_plan": _identified,
    "aws_apigatewayv2_domain_name": _domain,
    "aws_cloudfront_distribution": _distribution,
    "aws_cloudfront_function": _edge_function,
    "aws_cloudfront_origin_access_control": _identified,
    "aws_cloudwatch_event_bus": _bus,
    "aws_cloudwatch_event_rule": _rule,
    "aws_lambda_alias": _alias,
    "aws_s3_bucket": _bucket,
})
