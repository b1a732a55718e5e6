"""Route 53: whether a zone is signed.

The provider asks for it before it deletes a zone. The emulator had no such call; DNSSEC signing of a new zone is off
("GetDNSSEC", Amazon Route 53 API Reference), and nothing here can switch it on.
"""

from __future__ import annotations

import re
from typing import Any

_DNSSEC = re.compile(r"/2013-04-01/hostedzone/([^/]+)/dnssec")


def apply(module: Any) -> None:
    """Mend the emulator's Route 53 module."""
    original = module.handle_request

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        asked = _DNSSEC.fullmatch(path) if method == "GET" else None
        if asked is None:
            return await original(method, path, headers, body, query)
        if asked[1] not in module._zones:
            return module._error_response("NoSuchHostedZone", f"No hosted zone found with ID: {asked[1]}", 404)
        return module._xml_response("GetDNSSECResponse", _not_signing)

    module.handle_request = handle_request


def _not_signing(root: Any) -> None:
    from xml.etree.ElementTree import SubElement

    SubElement(SubElement(root, "Status"), "ServeSignature").text = "NOT_SIGNING"
    SubElement(root, "KeySigningKeys")
