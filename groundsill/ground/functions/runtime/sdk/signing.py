"""A Signature Version 4 in one pass over the headers."""

from __future__ import annotations

import functools
import hashlib
import hmac
import importlib
import logging
from typing import Any

from .ordinary import HEADER_NAME, port_of, replace

# botocore.auth.SIGNED_HEADERS_BLACKLIST
_NEVER_SIGNED = frozenset({
    "connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade", "user-agent", "x-amzn-trace-id",
})


@functools.lru_cache(maxsize=64)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Source: IAM User Guide, "Create a signed AWS API request", step "Derive a signing key"."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


@functools.lru_cache(maxsize=512)
def _lower(name: str) -> str:
    """The name of a header in lower case; empty where it is not an ordinary one."""
    lower = name.lower()
    return lower if HEADER_NAME.fullmatch(name) and lower != "x-amz-content-sha256" else ""


def place() -> None:
    """Puts it in the place of the signer's ``add_auth``."""
    auth: Any = importlib.import_module("botocore.auth")
    signer = auth.SigV4Auth
    plain = signer.add_auth

    def add_auth(self: Any, request: Any) -> Any:
        data = request.data
        if (
            type(self) is not signer
            or self.credentials is None
            or request.params
            or not isinstance(data, bytes)
            or not port_of(request.url)
            or auth.logger.isEnabledFor(logging.DEBUG)
            or not request.context.get("payload_signing_enabled", True)
            or self._is_streaming_checksum_payload(request)
        ):
            return plain(self, request)
        stamp = auth.get_current_datetime().strftime(auth.SIGV4_TIMESTAMP)
        request.context["timestamp"] = stamp
        self._modify_request_before_signing(request)
        signed: dict[str, str] = {}
        for name, value in request.headers._headers:
            lower = _lower(name)
            if not lower or lower in signed or not isinstance(value, str) or not value.isascii():
                return plain(self, request)  # it begins anew
            if lower not in _NEVER_SIGNED:
                signed[lower] = " ".join(value.split())
        if "host" not in signed:
            signed["host"] = auth._host_from_url(request.url)
        names = sorted(signed)
        joined = ";".join(names)
        lines = "".join([f"{name}:{signed[name]}\n" for name in names])
        canonical = f"{request.method.upper()}\n/\n\n{lines}\n{joined}\n{hashlib.sha256(data).hexdigest()}"
        date, region, service = stamp[:8], self._region_name, self._service_name
        scope = f"{date}/{region}/{service}/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = _signing_key(self.credentials.secret_key, date, region, service)
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        request.headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.credentials.access_key}/{scope}, "
            f"SignedHeaders={joined}, Signature={signature}"
        )
        return None

    replace(signer, "add_auth", add_auth)
