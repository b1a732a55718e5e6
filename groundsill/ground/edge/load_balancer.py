"""Application load balancers: one ASGI application a listener."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from groundsill.ground.edge import asgi
from groundsill.ground.edge.asgi import (
    AccessLog,
    AccessRecord,
    HeaderList,
    HttpResponse,
)
from groundsill.ground.edge.blocks import block, blocks
from groundsill.ground.edge.http_api_builder import Refusal
from groundsill.ground.edge.proxy import (
    Proxy,
    TargetBroken,
    TargetSilent,
    forwarded_headers,
)
from groundsill.ground.edge.rules import (
    Facts,
    Rule,
    facts_of,
    ordered_actions,
    rule_from,
)
from groundsill.ground.edge.target_groups import TargetGroups
from groundsill.ground.edge.targets import OnChange, Target, TargetGroup
from groundsill.ground.resolved import ResolvedGraph, ResolvedResource

# Elastic Load Balancing, "Edit attributes for your Application Load Balancer": connection idle timeout,
# default 60 s.
IDLE_SECONDS = 60.0
_STICKY_COOKIE = "AWSALB"
_TITLES = {
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
    500: "500 Internal Server Error",
    404: "404 Not Found",
}
_RUNNABLE = frozenset({"forward", "redirect", "fixed-response"})


def _page(status: int) -> HttpResponse:
    """The balancer's own error page."""
    title = _TITLES[status]
    body = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    ).encode()
    return _whole(status, b"text/html", body)


def _whole(status: int, content_type: bytes, body: bytes) -> HttpResponse:
    headers: HeaderList = [
        (b"server", b"awselb/2.0"),
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
    ]
    return HttpResponse(status, headers, body)


class Listener:
    """One listener of a load balancer, as an ASGI application.

    Arguments:
        resource: the ``aws_lb_listener``.
        balancer: its ``aws_lb``.
        rules: its rules, in order of priority.
        groups: all target groups.
        proxy: forwards requests.
        access_log: takes one record a request.
        log: takes the component's name and a line.
        local_port: the local port of a declared port of this load balancer, for redirects; None when none is
            served.
    """

    def __init__(
        self,
        resource: ResolvedResource,
        balancer: ResolvedResource,
        rules: tuple[Rule, ...],
        groups: TargetGroups,
        proxy: Proxy,
        access_log: AccessLog,
        log: Callable[[str, str], None],
        local_port: Callable[[int], int | None],
    ) -> None:
        given = resource.arguments
        self.arn = str(resource.attributes.get("arn") or resource.address)
        self.load_balancer_arn = str(given.get("load_balancer_arn"))
        self.component = balancer.component or balancer.name
        self.protocol = str(given.get("protocol") or "HTTP").upper()
        self.port = int(given.get("port") or (443 if self.protocol == "HTTPS" else 80))
        self.certificate_arn = str(given.get("certificate_arn") or "")
        self._rules = rules
        self._default = ordered_actions(blocks(given, "default_action"))
        self._groups = groups
        self._proxy = proxy
        self._access_log = access_log
        self._log = log
        self._local_port = local_port
        settings = balancer.arguments
        self._client_port = bool(settings.get("enable_xff_client_port"))
        self._drop_invalid = bool(settings.get("drop_invalid_header_fields"))

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        if scope["type"] == "websocket":
            from groundsill.ground.edge.websocket import forward_websocket

            scope["method"] = "GET"
            target = self._target(self._choose(facts_of(scope)), {})[0]
            await forward_websocket(scope, receive, send, target, forwarded_headers(scope))
            return
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        facts = facts_of(scope)
        trace = facts.headers.get("x-amzn-trace-id", "")
        try:
            status = await self._act(scope, receive, send, facts)
        except asgi.ClientGone:
            status = 460  # the balancer's own code for a client that closed the connection
        milliseconds = (time.perf_counter() - started) * 1000
        self._access_log(AccessRecord(self.component, facts.method, facts.path, status, milliseconds, trace))

    def _choose(self, facts: Facts) -> Mapping[str, Any]:
        for rule in self._rules:
            if rule.takes(facts):
                return rule.actions[-1]
        return self._default[-1]

    async def _act(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send, facts: Facts) -> int:
        action = self._choose(facts)
        kind = action.get("type")
        if kind == "fixed-response":
            response = _fixed(block(action, "fixed_response"))
        elif kind == "redirect":
            response = self._redirect(block(action, "redirect"), scope, facts)
        elif kind == "forward":
            return await self._forward(action, scope, receive, send, facts)
        else:
            response = _page(500)
        if scope["method"] == "HEAD":
            response = HttpResponse(response.status, response.headers, b"")
        await asgi.respond(send, response)
        return response.status

    def _target(
        self, action: Mapping[str, Any], cookies: Mapping[str, str]
    ) -> tuple[Target | None, TargetGroup | None]:
        arn = action.get("target_group_arn")
        if not arn:
            choices = blocks(block(action, "forward"), "target_group")
            weights = [float(1 if choice.get("weight") is None else choice["weight"]) for choice in choices]
            if not choices or sum(weights) <= 0:
                return None, None
            arn = random.choices(choices, weights)[0].get("arn")
        if arn not in self._groups:
            return None, None
        group = self._groups[str(arn)]
        return group.pick(cookies.get(_STICKY_COOKIE, "") if group.sticky else ""), group

    async def _forward(
        self,
        action: Mapping[str, Any],
        scope: asgi.Scope,
        receive: asgi.Receive,
        send: asgi.Send,
        facts: Facts,
    ) -> int:
        target, group = self._target(action, _cookies(facts.headers.get("cookie", "")))
        if target is None or group is None:
            name = group.name if group else "(none)"
            self._log(
                self.component, f"{facts.method} {facts.path}: target group {name} has no target to serve it"
            )
            await asgi.respond(send, _page(503))
            return 503
        headers = forwarded_headers(scope, client_port=self._client_port)
        if self._drop_invalid:
            headers = [pair for pair in headers if all(c in _HEADER_NAME for c in pair[0])]
        query = scope["query_string"]
        url = target.url + facts.path + ("?" + query.decode("latin-1") if query else "")
        extra: HeaderList = []
        if group.sticky:
            cookie = f"{target.token}; Max-Age={group.sticky_seconds}; Path=/"
            extra = [
                (b"set-cookie", f"{_STICKY_COOKIE}={cookie}".encode()),
                (b"set-cookie", f"{_STICKY_COOKIE}CORS={cookie}; SameSite=None".encode()),
            ]
        target.begin()
        try:
            return await self._proxy.forward(scope, receive, send, url, headers, extra)
        except TargetBroken as error:
            self._log(self.component, f"{facts.method} {facts.path}: target {target.id}: {error}")
            status = 502
        except TargetSilent as error:
            self._log(self.component, f"{facts.method} {facts.path}: target {target.id}: {error}")
            status = 504
        finally:
            target.end()
        await asgi.respond(send, _page(status))
        return status

    def _redirect(self, given: Mapping[str, Any], scope: asgi.Scope, facts: Facts) -> HttpResponse:
        host_header = facts.headers.get("host", "")
        scheme = str(scope.get("scheme", "http"))
        own_port = str((scope.get("server") or ("", self.port))[1])
        values = {
            "#{protocol}": scheme,
            "#{host}": facts.host,
            "#{port}": host_header.rpartition(":")[2] if ":" in host_header else own_port,
            "#{path}": facts.path[1:],
            "#{query}": scope["query_string"].decode("latin-1"),
        }

        def fill(name: str, default: str) -> str:
            text = str(given.get(name) or default)
            for key, value in values.items():
                text = text.replace(key, value)
            return text

        protocol = fill("protocol", "#{protocol}").lower()
        port = fill("port", "#{port}")
        host = fill("host", "#{host}")
        declared = given.get("port")
        if declared and str(declared).isdigit():
            # The declared port of another listener is served on a local one.
            port = str(self._local_port(int(declared)) or declared)
        usual = {"http": "80", "https": "443"}.get(protocol)
        address = host if port == usual else f"{host}:{port}"
        query = fill("query", "#{query}")
        location = f"{protocol}://{address}{fill('path', '/#{path}')}" + (f"?{query}" if query else "")
        status = 301 if given.get("status_code") == "HTTP_301" else 302
        response = _whole(status, b"text/html", b"")
        response.headers.append((b"location", location.encode("latin-1", "replace")))
        return response


_HEADER_NAME = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-")


def _cookies(header: str) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in header.split(";"))
    return {name: value for name, _, value in pairs}


def _fixed(given: Mapping[str, Any]) -> HttpResponse:
    status = str(given.get("status_code") or "200")
    body = str(given.get("message_body") or "").encode()
    return _whole(int(status), str(given.get("content_type") or "text/plain").encode(), body)


class LoadBalancers:
    """Every application load balancer of a system.

    Arguments:
        graph: the system's resources.
        time_scale: multiplies the times of health checks and draining. Default 1: as declared.
        access_log: takes one record a request.
        log: takes a component's name and a line for the developer.
        on_change: told of every change of a target's health.

    Example::

        balancers = LoadBalancers(graph)
        for listener in balancers.listeners:
            server = await serve(listener, port=0)
            balancers.served(listener.arn, server.port)
        balancers.groups.register(group_arn, "task-1", "127.0.0.1", 40321)
        ...
        await balancers.stop()
    """

    def __init__(
        self,
        graph: ResolvedGraph,
        *,
        time_scale: float = 1.0,
        access_log: AccessLog = lambda record: None,
        log: Callable[[str, str], None] = lambda component, line: None,
        on_change: OnChange | None = None,
    ) -> None:
        self.refused: list[Refusal] = []
        self._ports: dict[str, int] = {}
        balancers = {
            str(found.attributes.get("arn")): found
            for found in graph.of_type("aws_lb", "aws_alb")
            if str(found.arguments.get("load_balancer_type") or "application") == "application"
        }
        idle = max(
            (float(found.arguments.get("idle_timeout") or IDLE_SECONDS) for found in balancers.values()),
            default=IDLE_SECONDS,
        )
        self._proxy = Proxy(idle_seconds=idle, verify_tls=False)
        groups = [
            TargetGroup(found, self._proxy, time_scale, on_change)
            for found in graph.of_type("aws_lb_target_group", "aws_alb_target_group")
            if self._runs(found)
        ]
        self.groups = TargetGroups(groups, self._proxy)
        self.listeners: list[Listener] = []
        rules = graph.of_type("aws_lb_listener_rule", "aws_alb_listener_rule")
        for found in graph.of_type("aws_lb_listener", "aws_alb_listener"):
            balancer = balancers.get(str(found.arguments.get("load_balancer_arn")))
            if balancer is None:
                self.refused.append(
                    Refusal(found.address, "only application load balancers run on the ground")
                )
                continue
            self._add(found, balancer, rules, access_log, log)

    def _runs(self, group: ResolvedResource) -> bool:
        if group.arguments.get("target_type") == "lambda":
            self.refused.append(
                Refusal(group.address, "functions as targets of a load balancer do not run yet")
            )
            return False
        return True

    def _add(
        self,
        resource: ResolvedResource,
        balancer: ResolvedResource,
        rules: list[ResolvedResource],
        access_log: AccessLog,
        log: Callable[[str, str], None],
    ) -> None:
        arn = str(resource.attributes.get("arn") or resource.address)
        own = [rule_from(rule) for rule in rules if rule.arguments.get("listener_arn") == arn]
        own.sort(key=lambda rule: rule.priority)
        load_balancer_arn = str(resource.arguments.get("load_balancer_arn"))
        listener = Listener(
            resource,
            balancer,
            tuple(own),
            self.groups,
            self._proxy,
            access_log,
            log,
            lambda port: self._local_port(load_balancer_arn, port),
        )
        self.listeners.append(listener)
        default = ordered_actions(blocks(resource.arguments, "default_action"))
        for action in (*default, *(action for rule in own for action in rule.actions)):
            if action.get("type") not in _RUNNABLE:
                self.refused.append(
                    Refusal(resource.address, f"action {action.get('type')} does not run on the ground")
                )
            arns = [action.get("target_group_arn")]
            arns += [choice.get("arn") for choice in blocks(block(action, "forward"), "target_group")]
            for group_arn in arns:
                if group_arn in self.groups:
                    self.groups[str(group_arn)].in_use = True

    def served(self, listener_arn: str, port: int) -> None:
        """Tells on which local port a listener is served, for redirects and private integrations."""
        self._ports[listener_arn] = port

    def url(self, listener_arn: str) -> str | None:
        """A listener's local address, for :attr:`EdgeCallbacks.listener_url`; None when it is not served."""
        for listener in self.listeners:
            if listener.arn == listener_arn and listener_arn in self._ports:
                scheme = "https" if listener.protocol == "HTTPS" else "http"
                return f"{scheme}://127.0.0.1:{self._ports[listener_arn]}"
        return None

    def _local_port(self, load_balancer_arn: str, port: int) -> int | None:
        for listener in self.listeners:
            if listener.load_balancer_arn == load_balancer_arn and listener.port == port:
                return self._ports.get(listener.arn)
        return None

    async def stop(self) -> None:
        """Ends health checks and connections; the servers are the supervisor's to stop."""
        await self.groups.stop()
