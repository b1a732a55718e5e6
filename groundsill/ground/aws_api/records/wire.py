"""Requests and answers of the JSON and REST-JSON protocols, read and written by the service model that botocore holds.

One description of each call, AWS's own, says which path, field and header is which parameter ("AWS JSON 1.1 protocol"
and "AWS restJson1 protocol", Smithy documentation), so that a service of ours is nothing but its operations.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import unquote

_PLACEHOLDER = re.compile(r"\{(\w+)(\+?)\}")
Answer = tuple[int, dict[str, str], bytes]


class Refused(Exception):
    """A service refuses a call.

    Arguments:
        code: AWS's error code, for example ``ResourceNotFoundException``.
        message: for people.
        status: HTTP status, default 400.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


class Elsewhere(Exception):
    """A call of which an operation finds that it is not its own: the emulator answers it."""


class Wire:
    """Reads requests and writes answers of one service.

    Arguments:
        service: botocore's name of it, for example ``application-autoscaling``.

    Example:
        >>> Wire("xray").request("POST", "/GetGroup", {}, b'{"GroupName": "all"}', {})
        ('GetGroup', {'GroupName': 'all'})
    """

    def __init__(self, service: str) -> None:
        import botocore.session

        self._model: Any = cast("Any", botocore.session).get_session().get_service_model(service)
        self._rest = str(self._model.metadata["protocol"]).startswith("rest")
        self._routes = self._read_routes() if self._rest else []

    def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]],
    ) -> tuple[str, dict[str, Any]]:
        """The operation and its parameters by their names in the API; an empty name where there is no such operation."""
        if not self._rest:
            operation = headers.get("x-amz-target", "").rpartition(".")[2]
            if operation not in self._model.operation_names:
                return "", {}
            return operation, self._given(self._model.operation_model(operation).input_shape, _content(body))
        for wanted, pattern, operation in self._routes:
            found = pattern.fullmatch(path.rstrip("/") or "/")
            if wanted == method and found:
                return operation, self._rest_parameters(operation, found.groupdict(), headers, body, query)
        return "", {}

    def answer(self, operation: str, result: Mapping[str, Any]) -> Answer:
        """A successful answer; of the result, what the API has in it and has a value."""
        model = self._model.operation_model(operation)
        shape: Any = model.output_shape
        content: Any = {}
        if shape is not None:
            content = self._shown(shape, result)
            if payload := shape.serialization.get("payload"):
                content = content.get(_location(payload, shape.members[payload]), {})
        status = int(model.http.get("responseCode", 200)) if self._rest else 200
        return status, {"Content-Type": self._content_type}, b"" if status == 204 else json.dumps(content).encode()

    def refusal(self, refused: Refused) -> Answer:
        """The answer that an SDK takes for the error."""
        content = {"__type": refused.code, "message": refused.message, "Message": refused.message}
        headers = {"Content-Type": self._content_type, "x-amzn-errortype": refused.code}
        return refused.status, headers, json.dumps(content).encode()

    @property
    def _content_type(self) -> str:
        return "application/json" if self._rest else f"application/x-amz-json-{self._model.metadata['jsonVersion']}"

    # -- REST ----------------------------------------------------------------------------------------------------------

    def _read_routes(self) -> list[tuple[str, re.Pattern[str], str]]:
        found: list[tuple[int, str, re.Pattern[str], str]] = []
        for name in self._model.operation_names:
            http = self._model.operation_model(name).http
            template = str(http["requestUri"]).partition("?")[0].rstrip("/") or "/"
            pattern, place = "", 0
            for part in _PLACEHOLDER.finditer(template):
                wide = ".+" if part[2] else "[^/]+"
                pattern += f"{re.escape(template[place:part.start()])}(?P<{part[1]}>{wide})"
                place = part.end()
            pattern += re.escape(template[place:])
            # What is fixed comes before what stands for anything.
            found.append((len(_PLACEHOLDER.sub("", template)), http["method"], re.compile(pattern), name))
        return [route[1:] for route in sorted(found, key=lambda route: -route[0])]

    def _rest_parameters(
        self, operation: str, in_path: Mapping[str, str], headers: Mapping[str, str], body: bytes,
        query: Mapping[str, list[str]],
    ) -> dict[str, Any]:
        shape = self._model.operation_model(operation).input_shape
        if shape is None:
            return {}
        payload = shape.serialization.get("payload")
        given: dict[str, Any] = {} if payload else self._given(shape, _content(body))
        for name, member in shape.members.items():
            location, key = member.serialization.get("location"), _location(name, member)
            if name == payload:
                given[name] = self._given(member, _content(body))
            elif location == "uri" and key in in_path:
                given[name] = unquote(in_path[key])
            elif location == "querystring" and key in query:
                given[name] = list(query[key]) if member.type_name == "list" else query[key][0]
            elif location == "header" and key.lower() in headers:
                given[name] = headers[key.lower()]
        return given

    # -- values --------------------------------------------------------------------------------------------------------

    def _given(self, shape: Any, value: Any) -> Any:
        """A value of a request, by the API's names instead of those on the wire."""
        if shape is None:
            return {}
        if value is None:
            return None
        if shape.type_name == "structure":
            return {name: self._given(member, value[key]) for name, member in shape.members.items()
                    if (key := _location(name, member)) in value}
        if shape.type_name == "list":
            return [self._given(shape.member, item) for item in value]
        if shape.type_name == "map":
            return {key: self._given(shape.value, item) for key, item in value.items()}
        return value

    def _shown(self, shape: Any, value: Any) -> Any:
        """A value of an answer, by the names on the wire; without what the API does not know."""
        if shape.type_name == "structure":
            return {_location(name, member): self._shown(member, value[name])
                    for name, member in shape.members.items() if value.get(name) is not None}
        if shape.type_name == "list":
            return [self._shown(shape.member, item) for item in value]
        if shape.type_name == "map":
            return {key: self._shown(shape.value, item) for key, item in value.items()}
        if shape.type_name == "timestamp" and isinstance(value, int | float):
            form = shape.serialization.get("timestampFormat")
            return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if form == "iso8601" else value
        if shape.type_name == "blob" and isinstance(value, bytes):
            return base64.b64encode(value).decode()
        return value


def _location(name: str, member: Any) -> str:
    return str(member.serialization.get("name", name))


def _content(body: bytes) -> dict[str, Any]:
    try:
        content: Any = json.loads(body) if body else {}
    except ValueError:
        raise Refused("SerializationException", "the request is not JSON") from None
    return cast("dict[str, Any]", content) if isinstance(content, dict) else {}
