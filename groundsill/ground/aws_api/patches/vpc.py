"""VPC: flow logs and interface endpoints as they were given.

Of a flow log the emulator dropped where it is written with which role, how often and in which form, and its tags; where
a call does not say, AWS aggregates for 600 seconds and writes the fields of version 2 ("CreateFlowLogs", Amazon EC2 API
Reference; "Flow log records", Amazon VPC User Guide). Of an endpoint it dropped the security groups, the private names
and the policy ("CreateVpcEndpoint", same). Nothing is logged and no packet goes through an endpoint.
"""

from __future__ import annotations

import re
from typing import Any
from xml.sax.saxutils import escape

_FLOW_LOG = re.compile(r"<flowLogId>(fl-\w+)</flowLogId>")
_NEW_FLOW_LOG = re.compile(r"<item>(fl-\w+)</item>")
_USUAL_FORMAT = " ".join(f"${{{name}}}" for name in (
    "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes",
    "start", "end", "action", "log-status"))
_USUAL_INTERVAL = "600"
_OF_FLOW_LOGS = {
    "logGroupName": "LogGroupName", "deliverLogsPermissionArn": "DeliverLogsPermissionArn",
    "deliverCrossAccountRole": "DeliverCrossAccountRole", "maxAggregationInterval": "MaxAggregationInterval",
    "logFormat": "LogFormat"}
_INTERFACE = "Interface"


def apply(module: Any) -> None:
    """Mend the emulator's EC2 module."""
    _flow_logs(module)
    _endpoints(module)


def _flow_logs(module: Any) -> None:
    create, describe = module._ACTION_MAP["CreateFlowLogs"], module._ACTION_MAP["DescribeFlowLogs"]

    def create_flow_logs(given: Any) -> Any:
        answer = create(given)
        for name in _NEW_FLOW_LOG.findall(_text(answer)):
            told = {tag: module._p(given, parameter) for tag, parameter in _OF_FLOW_LOGS.items()}
            told["maxAggregationInterval"] = told["maxAggregationInterval"] or _USUAL_INTERVAL
            told["logFormat"] = told["logFormat"] or _USUAL_FORMAT
            module._flow_logs[name]["groundsill"] = told
            module._parse_tag_specs(given, "vpc-flow-log", name)
        return answer

    def describe_flow_logs(given: Any) -> Any:
        status, headers, _ = answer = describe(given)
        whole = _FLOW_LOG.sub(lambda found: f"{found[0]}{_elements(module._flow_logs[found[1]].get('groundsill', {}))}",
                              _text(answer))
        return status, headers, whole.encode()

    module._ACTION_MAP.update({"CreateFlowLogs": create_flow_logs, "DescribeFlowLogs": describe_flow_logs})


def _endpoints(module: Any) -> None:
    create, modify, fields = module._ACTION_MAP["CreateVpcEndpoint"], module._ACTION_MAP["ModifyVpcEndpoint"], (
        module._vpce_fields_xml)
    arriving: list[Any] = []

    def shown(endpoint: dict[str, Any], tag: str = "item") -> str:
        if arriving:  # the answer to its own creation: what it was given is not with it yet
            given = arriving.pop()
            interface = endpoint["VpcEndpointType"] == _INTERFACE
            endpoint.update({
                "Groups": module._parse_member_list(given, "SecurityGroupId"),
                "PrivateDnsEnabled": interface and module._p(given, "PrivateDnsEnabled") != "false",
                "PolicyDocument": module._p(given, "PolicyDocument") or "",
                "IpAddressType": module._p(given, "IpAddressType") or "ipv4"})
        whole = str(fields(endpoint, tag))
        groups = "".join(f"<item><groupId>{name}</groupId><groupName>{name}</groupName></item>"
                         for name in endpoint.get("Groups", ()))
        more = (f"<groupSet>{groups}</groupSet>"
                f"<privateDnsEnabled>{str(endpoint.get('PrivateDnsEnabled', False)).lower()}</privateDnsEnabled>"
                f"<ipAddressType>{endpoint.get('IpAddressType', 'ipv4')}</ipAddressType>"
                f"<policyDocument>{escape(endpoint.get('PolicyDocument', ''))}</policyDocument>")
        return whole.removesuffix(f"</{tag}>") + f"{more}</{tag}>"

    def create_endpoint(given: Any) -> Any:
        arriving.append(given)
        try:
            return create(given)
        finally:
            arriving.clear()

    def modify_endpoint(given: Any) -> Any:
        answer = modify(given)
        endpoint = module._vpc_endpoints.get(module._p(given, "VpcEndpointId"))
        if answer[0] == 200 and endpoint is not None:
            gone = module._parse_member_list(given, "RemoveSecurityGroupId")
            groups = [*endpoint.get("Groups", ()), *module._parse_member_list(given, "AddSecurityGroupId")]
            endpoint["Groups"] = [name for name in dict.fromkeys(groups) if name not in gone]
            if module._p(given, "PrivateDnsEnabled"):
                endpoint["PrivateDnsEnabled"] = module._p(given, "PrivateDnsEnabled") == "true"
            if module._p(given, "ResetPolicy") == "true":
                endpoint["PolicyDocument"] = ""
        return answer

    module._vpce_fields_xml = shown
    module._ACTION_MAP.update({"CreateVpcEndpoint": create_endpoint, "ModifyVpcEndpoint": modify_endpoint})


def _text(answer: Any) -> str:
    body = answer[2]
    return body.decode() if isinstance(body, bytes) else str(body)


def _elements(told: dict[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in told.items() if value)
