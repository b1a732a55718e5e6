"""What Terraform would know after apply, for resources that the ground runs itself or only records.

Their ids are made from their addresses, so that they are the same at every start.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from groundsill.ground.provision.data_attributes import DATA
from groundsill.ground.provision.front_attributes import FRONT
from groundsill.ground.provision.places import Arguments, Attributes, Place, stand_in_id

_SHORT_ID_LENGTH = 10


def _identified(prefix: str) -> Callable[[Place, str, Arguments], Attributes]:
    def attributes(place: Place, address: str, arguments: Arguments) -> Attributes:
        return {"id": stand_in_id(prefix, address)}

    return attributes


def _ec2(prefix: str, kind: str) -> Callable[[Place, str, Arguments], Attributes]:
    def attributes(place: Place, address: str, arguments: Arguments) -> Attributes:
        identifier = stand_in_id(prefix, address)
        return {"id": identifier, "arn": place.arn("ec2", f"{kind}/{identifier}")}

    return attributes


def _function(place: Place, address: str, arguments: Arguments) -> Attributes:
    name = arguments["function_name"]
    arn = place.arn("lambda", f"function:{name}")
    invoke = f"arn:aws:apigateway:{place.region}:lambda:path/2015-03-31/functions/{arn}/invocations"
    return {"id": name, "arn": arn, "invoke_arn": invoke, "qualified_arn": f"{arn}:$LATEST", "version": "$LATEST"}


def _api(place: Place, address: str, arguments: Arguments) -> Attributes:
    identifier = stand_in_id("", address, _SHORT_ID_LENGTH)
    return {
        "id": identifier,
        "arn": f"arn:aws:apigateway:{place.region}::/apis/{identifier}",
        "execution_arn": place.arn("execute-api", identifier),
        "api_endpoint": f"https://{identifier}.execute-api.{place.region}.amazonaws.com",
    }


def _api_part(place: Place, address: str, arguments: Arguments) -> Attributes:
    return {"id": stand_in_id("", address, _SHORT_ID_LENGTH)}


def _stage(place: Place, address: str, arguments: Arguments) -> Attributes:
    return {"id": arguments["name"], "arn": f"arn:aws:apigateway:{place.region}::/apis/{arguments['api_id']}"
            f"/stages/{arguments['name']}"}


def _load_balancer(place: Place, address: str, arguments: Arguments) -> Attributes:
    name = arguments.get("name") or stand_in_id("lb-", address, 8)
    suffix = f"app/{name}/{stand_in_id('', address, 16)}"
    arn = place.arn("elasticloadbalancing", f"loadbalancer/{suffix}")
    prefix = "internal-" if arguments.get("internal") else ""
    return {"id": arn, "arn": arn, "arn_suffix": suffix, "zone_id": "Z35SXDOTRQ7X7K",
            "dns_name": f"{prefix}{name}.{place.region}.elb.amazonaws.com"}


def _target_group(place: Place, address: str, arguments: Arguments) -> Attributes:
    name = arguments.get("name") or stand_in_id("tg-", address, 8)
    suffix = f"targetgroup/{name}/{stand_in_id('', address, 16)}"
    arn = place.arn("elasticloadbalancing", suffix)
    return {"id": arn, "arn": arn, "arn_suffix": suffix}


def _listener(place: Place, address: str, arguments: Arguments) -> Attributes:
    balancer = str(arguments["load_balancer_arn"]).rpartition("loadbalancer/")[2]
    arn = place.arn("elasticloadbalancing", f"listener/{balancer}/{stand_in_id('', address, 16)}")
    return {"id": arn, "arn": arn}


def _listener_rule(place: Place, address: str, arguments: Arguments) -> Attributes:
    listener = str(arguments["listener_arn"]).rpartition("listener/")[2]
    arn = place.arn("elasticloadbalancing", f"listener-rule/{listener}/{stand_in_id('', address, 16)}")
    return {"id": arn, "arn": arn}


def _cluster(place: Place, address: str, arguments: Arguments) -> Attributes:
    arn = place.arn("ecs", f"cluster/{arguments['name']}")
    return {"id": arn, "arn": arn}


def _task_definition(place: Place, address: str, arguments: Arguments) -> Attributes:
    arn = place.arn("ecs", f"task-definition/{arguments['family']}")
    return {"id": arguments["family"], "arn": f"{arn}:1", "arn_without_revision": arn, "revision": 1}


def _service(place: Place, address: str, arguments: Arguments) -> Attributes:
    cluster = str(arguments.get("cluster", "default")).rpartition("/")[2]
    return {"id": place.arn("ecs", f"service/{cluster}/{arguments['name']}")}


def _repository(place: Place, address: str, arguments: Arguments) -> Attributes:
    name = arguments["name"]
    return {"id": name, "arn": place.arn("ecr", f"repository/{name}"), "registry_id": place.account_id,
            "repository_url": f"{place.account_id}.dkr.ecr.{place.region}.amazonaws.com/{name}"}


def _certificate(place: Place, address: str, arguments: Arguments) -> Attributes:
    arn = place.arn("acm", f"certificate/{stand_in_id('', address, 32)}")
    domain = arguments["domain_name"]
    options = [
        {"domain_name": name, "resource_record_name": f"_groundsill.{name}.", "resource_record_type": "CNAME",
         "resource_record_value": "_groundsill.acm-validations.aws."}
        for name in (domain, *(arguments.get("subject_alternative_names") or ()))
    ]
    return {"id": arn, "arn": arn, "domain_validation_options": options}


def _validation(place: Place, address: str, arguments: Arguments) -> Attributes:
    return {"id": arguments["certificate_arn"], "certificate_arn": arguments["certificate_arn"]}


def _record(place: Place, address: str, arguments: Arguments) -> Attributes:
    return {"id": f"{arguments['zone_id']}_{arguments['name']}", "fqdn": arguments["name"]}


def _vault(place: Place, address: str, arguments: Arguments) -> Attributes:
    return {"id": arguments["name"], "arn": place.arn("backup", f"backup-vault:{arguments['name']}")}


def _plan(place: Place, address: str, arguments: Arguments) -> Attributes:
    identifier = stand_in_id("", address, 32)
    return {"id": identifier, "arn": place.arn("backup", f"backup-plan:{identifier}")}


def _log_group(place: Place, address: str, arguments: Arguments) -> Attributes:
    return {"id": arguments["name"], "arn": place.arn("logs", f"log-group:{arguments['name']}")}


def _alarm(place: Place, address: str, arguments: Arguments) -> Attributes:
    name = arguments["alarm_name"]
    return {"id": name, "arn": place.arn("cloudwatch", f"alarm:{name}")}


def _oidc(place: Place, address: str, arguments: Arguments) -> Attributes:
    host = str(arguments["url"]).removeprefix("https://")
    arn = place.arn("iam", f"oidc-provider/{host}", regional=False)
    return {"id": arn, "arn": arn}


def _guardrail(place: Place, address: str, arguments: Arguments) -> Attributes:
    identifier = stand_in_id("", address, 12)
    return {"id": identifier, "guardrail_id": identifier, "guardrail_arn": place.arn("bedrock", f"guardrail/{identifier}")}


def _messaging(kind: str) -> Callable[[Place, str, Arguments], Attributes]:
    def attributes(place: Place, address: str, arguments: Arguments) -> Attributes:
        identifier = arguments.get("name") or stand_in_id("", address, 32)
        return {"id": identifier, "arn": place.arn("sms-voice", f"{kind}/{identifier}")}

    return attributes


def _web_acl(place: Place, address: str, arguments: Arguments) -> Attributes:
    identifier = stand_in_id("", address, 32)
    scope = "global" if arguments.get("scope") == "CLOUDFRONT" else "regional"
    return {"id": identifier, "arn": place.arn("wafv2", f"{scope}/webacl/{arguments['name']}/{identifier}")}


COMPUTED: MappingProxyType[str, Callable[[Place, str, Arguments], Attributes]] = MappingProxyType({
    **DATA,
    **FRONT,
    "aws_acm_certificate": _certificate,
    "aws_acm_certificate_validation": _validation,
    "aws_apigatewayv2_api": _api,
    "aws_apigatewayv2_authorizer": _api_part,
    "aws_apigatewayv2_integration": _api_part,
    "aws_apigatewayv2_route": _api_part,
    "aws_apigatewayv2_stage": _stage,
    "aws_apigatewayv2_vpc_link": _api_part,
    "aws_backup_plan": _plan,
    "aws_backup_vault": _vault,
    "aws_bedrock_guardrail": _guardrail,
    "aws_cloudwatch_log_group": _log_group,
    "aws_cloudwatch_metric_alarm": _alarm,
    "aws_default_security_group": _ec2("sg-", "security-group"),
    "aws_ecr_repository": _repository,
    "aws_ecs_cluster": _cluster,
    "aws_ecs_service": _service,
    "aws_ecs_task_definition": _task_definition,
    "aws_eip": _identified("eipalloc-"),
    "aws_iam_openid_connect_provider": _oidc,
    "aws_internet_gateway": _ec2("igw-", "internet-gateway"),
    "aws_lambda_function": _function,
    "aws_lb": _load_balancer,
    "aws_lb_listener": _listener,
    "aws_lb_listener_rule": _listener_rule,
    "aws_lb_target_group": _target_group,
    "aws_nat_gateway": _identified("nat-"),
    "aws_pinpointsmsvoicev2_configuration_set": _messaging("configuration-set"),
    "aws_pinpointsmsvoicev2_opt_out_list": _messaging("opt-out-list"),
    "aws_pinpointsmsvoicev2_phone_number": _messaging("phone-number"),
    "aws_route53_record": _record,
    "aws_route_table": _ec2("rtb-", "route-table"),
    "aws_security_group": _ec2("sg-", "security-group"),
    "aws_subnet": _ec2("subnet-", "subnet"),
    "aws_vpc": _ec2("vpc-", "vpc"),
    "aws_vpc_endpoint": _ec2("vpce-", "vpc-endpoint"),
    "aws_vpc_security_group_egress_rule": _identified("sgr-"),
    "aws_vpc_security_group_ingress_rule": _identified("sgr-"),
    "aws_wafv2_web_acl": _web_acl,
})


def computed(place: Place, address: str, type: str, arguments: Arguments) -> Attributes:
    """The attributes of a resource without a counterpart in the AWS API of the ground."""
    make = COMPUTED.get(type)
    return make(place, address, arguments) if make else {"id": stand_in_id("", address)}
