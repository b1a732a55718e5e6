"""``HTTP_PROXY`` integrations: a public address, or a load balancer's listener through a VPC link.

Source: API Gateway Developer Guide, "Create HTTP proxy integrations for HTTP APIs", "Create private
integrations for HTTP APIs" (the stage stays in the path unless ``overwrite:path`` takes it out) and
"Transform API requests and responses for HTTP APIs".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from groundsill.ground.edge.asgi import HeaderList, HttpResponse, json_message
from groundsill.ground.edge.authorizer import Allowed
from groundsill.ground.edge.blocks import texts
from groundsill.ground.edge.http_api import INTERNAL, UNAVAILABLE, EdgeCallbacks
from groundsill.ground.edge.proxy import Proxy, TargetBroken, TargetSilent
from groundsill.ground.edge.request import EventFacts, GatewayRequest, log_time
from groundsill.ground.resolved import ResolvedResource

_REFERENCE = re.compile(
    r"\$\{((?:request|context|stageVariables)[\w.\-]*)\}|\$((?:request|context|stageVariables)[\w.\-]*)"
)
_PATH_SAFE = "/-._~!$&'()*+,;=:@%"


class HttpIntegration:
    """Arguments: the ``aws_apigatewayv2_integration``, its timeout in seconds, the API's component name, the
    supervisor's callbacks and the API's connections."""

    def __init__(
        self,
        resource: ResolvedResource,
        timeout_seconds: float,
        component: str,
        callbacks: EdgeCallbacks,
        proxy: Proxy,
    ) -> None:
        given = resource.arguments
        self._uri = str(given.get("integration_uri") or "")
        self._method = str(given.get("integration_method") or "ANY")
        self._private = given.get("connection_type") == "VPC_LINK"
        # API Gateway developer guide, private integrations: the certificate is verified for this name.
        self._server_name = str(resource.block("tls_config").get("server_name_to_verify") or "") or None
        self._mappings = texts(given, "request_parameters")
        self._timeout = timeout_seconds
        self._component = component
        self._callbacks = callbacks
        self._proxy = proxy

    async def __call__(
        self,
        request: GatewayRequest,
        facts: EventFacts,
        parameters: Mapping[str, str],
        allowed: Allowed | None,
        scopes: tuple[str, ...],
    ) -> HttpResponse:
        base = self._callbacks.listener_url(self._uri) if self._uri.startswith("arn:") else self._uri
        if not base:
            self._callbacks.log(
                self._component, f"{request.method} {request.path}: nothing listens for {self._uri}"
            )
            return json_message(503, UNAVAILABLE)
        values = _Values(request, facts, parameters)
        headers, path, query = self._mapped(values)
        url = self._url(base, path, parameters, request.path)
        if query:
            url += ("&" if "?" in url else "?") + query
        method = request.method if self._method == "ANY" else self._method
        try:
            return await self._proxy.request(method, url, headers, request.body, self._timeout, self._server_name)
        except TargetSilent as error:
            self._callbacks.log(self._component, f"{request.method} {request.path}: {error}")
            return json_message(503, UNAVAILABLE)
        except TargetBroken as error:
            self._callbacks.log(self._component, f"{request.method} {request.path}: {error}")
            return json_message(503 if self._private else 500, UNAVAILABLE if self._private else INTERNAL)

    def _url(self, base: str, path: str | None, parameters: Mapping[str, str], request_path: str) -> str:
        if self._private:
            return base.rstrip("/") + quote(path if path is not None else request_path, safe=_PATH_SAFE)
        url = re.sub(
            r"\{([^{}+]+)\+?\}", lambda found: quote(parameters.get(found[1], ""), safe=_PATH_SAFE), base
        )
        if path is None:
            return url
        scheme, separator, rest = url.partition("://")
        return scheme + separator + rest.partition("/")[0] + quote(path, safe=_PATH_SAFE)

    def _mapped(self, values: _Values) -> tuple[HeaderList, str | None, str]:
        request = values.request
        headers = dict(request.headers)
        if request.cookies:
            headers["cookie"] = "; ".join(request.cookies)
        # Not the client's: a private target is reached under the API's own name, a public one under its own.
        if not self._private:
            headers.pop("host", None)
        headers.pop("content-length", None)
        headers["forwarded"] = f"for={request.client};host={request.host};proto={request.scheme}"
        query: list[str] = [request.raw_query] if request.raw_query else []
        path: str | None = None
        for key, template in self._mappings.items():
            action, _, place = key.partition(":")
            where, _, name = place.partition(".")
            value = values.fill(template)
            if where == "path":
                path = value
            elif where == "header":
                name = name.lower()
                if action == "remove":
                    headers.pop(name, None)
                elif action == "append" and name in headers:
                    headers[name] += "," + value
                else:
                    headers[name] = value
            elif where == "querystring":
                if action != "append":
                    query = [
                        part for part in "&".join(query).split("&") if part.partition("=")[0] != name and part
                    ]
                if action != "remove":
                    query.append(f"{quote(name)}={quote(value, safe='')}")
        encoded = [
            (name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()
        ]
        return encoded, path, "&".join(query)


class _Values:
    """What mapping values such as ``$request.header.x`` stand for."""

    def __init__(self, request: GatewayRequest, facts: EventFacts, parameters: Mapping[str, str]) -> None:
        self.request = request
        self._facts = facts
        self._parameters = parameters

    def fill(self, template: str) -> str:
        return _REFERENCE.sub(lambda found: self._value(found[1] or found[2]), template)

    def _value(self, reference: str) -> str:
        request, facts = self.request, self._facts
        if reference == "request.path":
            # Unlike the path of the event, this one has no stage.
            return (
                request.path
                if facts.stage == "$default"
                else request.path.removeprefix("/" + facts.stage) or "/"
            )
        source, _, name = reference.partition(".")
        if source == "stageVariables":
            return facts.stage_variables.get(name, "")
        if source == "context":
            return {
                "apiId": facts.api_id,
                "stage": facts.stage,
                "requestId": request.request_id,
                "routeKey": facts.route_key,
                "httpMethod": request.method,
                "path": request.path,
                "domainName": request.host,
                "accountId": facts.account_id,
                "requestTime": log_time(request.time_ms),
                "requestTimeEpoch": str(request.time_ms),
                "identity.sourceIp": request.client,
                "identity.userAgent": request.headers.get("user-agent", ""),
            }.get(name, "")
        kind, _, field = name.partition(".")
        if kind == "header":
            return request.headers.get(field.lower(), "")
        if kind == "querystring":
            return request.joined_query().get(field, "")
        if kind == "path":
            return self._parameters.get(field, "")
        return ""
