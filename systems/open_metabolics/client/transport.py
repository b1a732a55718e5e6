"""JSON over HTTP with one kept connection a server, and patience where a repeat is safe."""

from __future__ import annotations

import http.client
import json
import random
import time
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 35.0
ATTEMPTS = 5
# "Later" by the service, the gateway or the load balancer.
_LATER = frozenset({429, 502, 503, 504})


class ServiceError(Exception):
    """An answer other than success.

    Args:
        status: HTTP status; 0 when there was no answer at all.
        code: the stable word of the service.
        message: for people.
        field: the field at fault, where the service names one.
    """

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        super().__init__(f"{status} {code}: {message}" + (f" (field {field})" if field else ""))
        self.status = status
        self.code = code
        self.message = message
        self.field = field


class Connection:
    """Requests to one address; not for several threads at once.

    Args:
        address: `https://host:port/prefix`.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._prefix = parts.path.rstrip("/")
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        attempts: int = ATTEMPTS,
    ) -> dict[str, Any]:
        """The JSON object of a successful answer.

        Args:
            body: sent as JSON, None for no body.
            attempts: how often in all; every request of this client may be repeated safely, except where it
                says 1.

        Raises:
            ServiceError: for every other answer, and for none.
        """
        packed = None if body is None else json.dumps(body).encode()
        sent = {"content-type": "application/json", "accept": "application/json", **(headers or {})}
        for attempt in range(1, attempts + 1):
            last = attempt == attempts
            try:
                self._connection.request(method, self._prefix + path, packed, sent)
                answer = self._connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if last:
                    raise ServiceError(
                        0, "no_answer", f"the server does not answer ({type(error).__name__})"
                    ) from None
                _pause(attempt, None)
                continue
            if answer.status < 400:
                return _object(answer.status, content)
            if last or answer.status not in _LATER:
                raise _error(answer.status, content)
            _pause(attempt, answer.getheader("retry-after"))
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close the connection; the next request opens it again."""
        self._connection.close()


def _pause(attempt: int, retry_after: str | None) -> None:
    asked = float(retry_after) if retry_after and retry_after.isdigit() else 0.0
    time.sleep(min(10.0, max(asked, 0.1 * 2**attempt * random.uniform(0.5, 1.0))))


def _object(status: int, content: bytes) -> dict[str, Any]:
    if not content:
        return {}
    try:
        value = json.loads(content)
    except ValueError:
        raise ServiceError(status, "not_json", "the answer is not JSON") from None
    return value if isinstance(value, dict) else {"value": value}


def _error(status: int, content: bytes) -> ServiceError:
    try:
        value = json.loads(content)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        return ServiceError(status, "refused", http.client.responses.get(status, "refused"))
    error = value.get("error")
    if isinstance(error, dict):
        return ServiceError(status, str(error.get("code")), str(error.get("message")), error.get("field"))
    # Cognito: {"__type": "NotAuthorizedException", "message": ...}; API Gateway: {"message": "Unauthorized"}.
    code = str(value.get("__type", "refused")).rpartition("#")[2]
    return ServiceError(status, code, str(value.get("message", value.get("Message", "refused"))))
