"""What a route of an HTTP API leads to: a function, or an HTTP address."""

from __future__ import annotations

from collections.abc import Mapping

from groundsill.ground.edge.asgi import HttpResponse, json_message
from groundsill.ground.edge.authorizer import Allowed
from groundsill.ground.edge.function_response import MalformedResponse, to_response
from groundsill.ground.edge.http_api import (
    INTERNAL,
    TOO_LARGE,
    UNAVAILABLE,
    EdgeCallbacks,
    within,
)
from groundsill.ground.edge.request import (
    EventFacts,
    GatewayRequest,
    event_version_1,
    event_version_2,
)
from groundsill.ground.functions import results

# API Gateway Developer Guide, "Quotas for HTTP APIs": maximum integration timeout 30 s.
TIMEOUT_SECONDS = 30.0


class FunctionIntegration:
    """``AWS_PROXY`` to a function.

    Arguments:
        function: its name.
        version: payload format, ``1.0`` or ``2.0``.
        timeout_seconds: after this the client gets a 503; the function goes on.
        guarded: whether the function can run longer than that. An invocation that cannot is awaited directly.
        component: the name of the API, for log lines.
        callbacks: the supervisor's.
    """

    def __init__(
        self,
        function: str,
        version: str,
        timeout_seconds: float,
        guarded: bool,
        component: str,
        callbacks: EdgeCallbacks,
    ) -> None:
        self._function = function
        self._version = version
        self._event = event_version_1 if version == "1.0" else event_version_2
        self._timeout = timeout_seconds
        self._guarded = guarded
        self._component = component
        self._callbacks = callbacks

    async def __call__(
        self,
        request: GatewayRequest,
        facts: EventFacts,
        parameters: Mapping[str, str],
        allowed: Allowed | None,
        scopes: tuple[str, ...],
    ) -> HttpResponse:
        event = self._event(request, facts, parameters, allowed.claims_json if allowed else None, scopes)
        invocation = self._callbacks.invoke(self._function, event, trace_id=request.trace_id)
        try:
            result: results.InvocationResult
            if self._guarded:
                result = await within(invocation, self._timeout)
            else:
                result = await invocation
        except TimeoutError:
            self._say(request, f"no answer within {self._timeout:g} s")
            return json_message(503, UNAVAILABLE)
        except (results.TooManyRequests, results.RunnerStopped) as refusal:
            self._say(request, str(refusal))
            return json_message(503, UNAVAILABLE)
        except results.RequestTooLarge as refusal:
            self._say(request, str(refusal))
            return json_message(413, TOO_LARGE)
        except results.InvocationRefused as refusal:
            self._say(request, str(refusal))
            return json_message(500, INTERNAL)
        if result.error is not None:
            self._say(request, f"{result.error.type}: {result.error.message}")
            return json_message(500, INTERNAL)
        try:
            return to_response(result.payload, self._version)
        except MalformedResponse as malformed:
            self._say(request, f"malformed response: {malformed}")
            return json_message(500, INTERNAL)

    def _say(self, request: GatewayRequest, what: str) -> None:
        self._callbacks.log(
            self._component, f"{request.method} {request.path}: function {self._function}: {what}"
        )


class FixedIntegration:
    """Answers every request alike; stands in for an integration that the ground refuses to run.

    Arguments:
        status: HTTP status.
        reason: for the log, said at every request.
        component: the name of the API.
        callbacks: the supervisor's.
    """

    def __init__(self, status: int, reason: str, component: str, callbacks: EdgeCallbacks) -> None:
        self._status = status
        self._reason = reason
        self._component = component
        self._callbacks = callbacks

    async def __call__(
        self,
        request: GatewayRequest,
        facts: EventFacts,
        parameters: Mapping[str, str],
        allowed: Allowed | None,
        scopes: tuple[str, ...],
    ) -> HttpResponse:
        self._callbacks.log(self._component, f"{request.method} {request.path}: {self._reason}")
        return json_message(self._status, INTERNAL)
