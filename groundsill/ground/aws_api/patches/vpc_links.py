"""API Gateway: VPC links of HTTP APIs (``aws_apigatewayv2_vpc_link``), and authorizers as they were given.

The emulator has no VPC links. AWS makes one in the background and it is ``PENDING`` for minutes; here it is
``AVAILABLE`` at once ("VpcLinks", Amazon API Gateway Version 2 API Reference). Subnets and security groups must exist
and cannot be changed later; a link that an integration uses cannot be deleted. Of an integration the emulator dropped
which link it goes through and whose name the load balancer's certificate must have.

A JWT authorizer has no payload format version and no result lifetime: those belong to REQUEST authorizers, and of these
only HTTP APIs' have a version ("Authorizers", same reference). The emulator gave every authorizer everything, which
Terraform saw as a change.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from groundsill.graph.shapes import is_mapping
from groundsill.ground.aws_api.emulator import Emulator

_LINK_ARN = ":/vpclinks/"
_OF_REQUEST_AUTHORIZERS = ("authorizerPayloadFormatVersion", "authorizerResultTtlInSeconds", "enableSimpleResponses",
                           "authorizerUri", "authorizerCredentialsArn")
_NOT_OF_REQUEST_AUTHORIZERS = ("authorizerPayloadFormatVersion", "jwtConfiguration")
_OF_CONNECTIONS = ("connectionId", "tlsConfig", "credentialsArn", "integrationSubtype")
_MOST_NAME = 128


def apply(module: Any, emulator: Emulator) -> None:
    """Mend the emulator's API Gateway module."""
    _plain_authorizers(module)
    _whole_integrations(module)
    links = _Links(module, emulator)
    original = module.handle_request

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        parts = [unquote(part) for part in path.strip("/").split("/")]
        if parts[:2] == ["v2", "vpclinks"] and len(parts) <= 3:
            return links.answer(method, parts[2] if len(parts) == 3 else None, _json(body))
        arn = "/".join(parts[2:])
        if parts[:2] == ["v2", "tags"] and _LINK_ARN in arn:
            return links.answer_tags(method, arn, _json(body), query)
        return await original(method, path, headers, body, query)

    module.handle_request = handle_request


class _Links:
    """The VPC links of every account and region, kept with the module's own state."""

    def __init__(self, module: Any, emulator: Emulator) -> None:
        self._module = module
        self._emulator = emulator
        self._links: Any = emulator.responses.AccountRegionScopedDict()
        get_state, restore = module.get_state, module.load_persisted_state

        def state() -> dict[str, Any]:
            return {**get_state(), "vpc_links": self._links}

        def load_state(data: dict[str, Any]) -> None:
            self._links.update(data.get("vpc_links") or {})
            restore(data)

        module.get_state, module.load_persisted_state = state, load_state

    def answer(self, method: str, link_id: str | None, data: dict[str, Any]) -> Any:
        if link_id is None:
            calls: dict[str, Callable[[], Any]] = {"POST": lambda: self._create(data), "GET": self._list}
        else:
            link = self._links.get(link_id)
            if link is None:
                return self._error("NotFoundException", f"Invalid VpcLink identifier specified {link_id}", 404)
            calls = {"GET": lambda: self._response(link), "PATCH": lambda: self._rename(link, data),
                     "DELETE": lambda: self._delete(link)}
        call = calls.get(method)
        return call() if call else self._error("NotFoundException", "Unable to find operation", 404)

    def answer_tags(self, method: str, arn: str, data: dict[str, Any], query: dict[str, Any]) -> Any:
        link = self._links.get(arn.rpartition("/")[2])
        if link is None:
            return self._error("NotFoundException", f"Invalid resource identifier specified {arn}", 404)
        tags: dict[str, str] = link["tags"]
        if method == "GET":
            return self._response({"tags": tags})
        if method == "POST":
            tags.update(data.get("tags") or {})
            return self._response({}, 201)
        named: str | list[str] = query.get("tagKeys") or []
        for name in [named] if isinstance(named, str) else named:
            tags.pop(name, None)
        return 204, {}, b""

    def _create(self, data: dict[str, Any]) -> Any:
        name: str = data.get("name") or ""
        subnets: list[str] = data.get("subnetIds") or []
        groups: list[str] = data.get("securityGroupIds") or []
        tags: dict[str, str] = data.get("tags") or {}
        if not name or len(name) > _MOST_NAME:
            return self._error("BadRequestException", f"A name of 1 to {_MOST_NAME} characters is required", 400)
        if not subnets:
            return self._error("BadRequestException", "At least one subnet is required", 400)
        ec2 = self._emulator.service("ec2")
        asked: tuple[tuple[str, Any, list[str]], ...] = (
            ("subnet", ec2._subnets, subnets), ("security group", ec2._security_groups, groups))
        for kind, known, wanted in asked:
            missing = [item for item in wanted if item not in known]
            if missing:
                return self._error("BadRequestException", f"The {kind} {missing[0]} does not exist", 400)
        link: dict[str, Any] = {
            "vpcLinkId": secrets.token_hex(3), "name": name, "subnetIds": subnets, "securityGroupIds": groups,
            "tags": tags, "vpcLinkVersion": "V2", "vpcLinkStatus": "AVAILABLE",
            "vpcLinkStatusMessage": "VPC link is ready to route traffic",
            "createdDate": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        self._links[link["vpcLinkId"]] = link
        return self._response(link, 201)

    def _list(self) -> Any:
        return self._response({"items": list(self._links.values())})

    def _rename(self, link: dict[str, Any], data: dict[str, Any]) -> Any:
        link["name"] = data.get("name") or link["name"]
        return self._response(link)

    def _delete(self, link: dict[str, Any]) -> Any:
        for integrations in self._module._integrations.values():
            if any(item.get("connectionId") == link["vpcLinkId"] for item in integrations.values()):
                return self._error("BadRequestException", "Cannot delete vpc link. Vpc link is in use by an API", 400)
        del self._links[link["vpcLinkId"]]
        return 202, {"Content-Type": "application/json"}, b"{}"

    def _response(self, content: dict[str, Any], status: int = 200) -> Any:
        return self._module._apigw_response(content, status)

    def _error(self, code: str, message: str, status: int) -> Any:
        return self._module._apigw_error(code, message, status)


def _plain_authorizers(module: Any) -> None:
    create = module._create_authorizer

    def create_authorizer(api_id: str, data: dict[str, Any]) -> Any:
        status, headers, body = create(api_id, data)
        if status != 201:
            return status, headers, body
        authorizer = module._authorizers[api_id][json.loads(body)["authorizerId"]]
        jwt = authorizer["authorizerType"] == "JWT"
        for name in _OF_REQUEST_AUTHORIZERS if jwt else _NOT_OF_REQUEST_AUTHORIZERS:
            if name not in data:
                authorizer.pop(name, None)
        return module._apigw_response(authorizer, 201)

    module._create_authorizer = create_authorizer


def _whole_integrations(module: Any) -> None:
    create, update = module._create_integration, module._update_integration

    def keep(api_id: str, data: dict[str, Any], answer: Any, success: int) -> Any:
        if answer[0] != success:
            return answer
        integration = module._integrations[api_id][json.loads(answer[2])["integrationId"]]
        integration.update({name: data[name] for name in _OF_CONNECTIONS if data.get(name) is not None})
        return module._apigw_response(integration, success)

    def create_integration(api_id: str, data: dict[str, Any]) -> Any:
        return keep(api_id, data, create(api_id, data), 201)

    def update_integration(api_id: str, integration_id: str, data: dict[str, Any]) -> Any:
        return keep(api_id, data, update(api_id, integration_id, data), 200)

    module._create_integration, module._update_integration = create_integration, update_integration


def _json(body: bytes) -> dict[str, Any]:
    try:
        content: Any = json.loads(body) if body else {}
    except ValueError:
        return {}
    return dict(content) if is_mapping(content) else {}
