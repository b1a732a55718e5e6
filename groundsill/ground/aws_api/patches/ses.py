"""SES v2: identity policies (``aws_sesv2_email_identity_policy``).

AWS keeps up to 20 policies an identity ("Using sending authorization", Amazon SES Developer Guide). The emulator has
none of the four calls. They are kept and returned; they are not enforced, because every caller here is of the
identity's own account, whose rights are decided by the caller's own policies.
"""

from __future__ import annotations

import json
import re
from typing import Any

_PATH = re.compile(r"^/v2/email/identities/(?P<identity>[^/]+)/policies(?:/(?P<name>[^/]+))?/?$")
_NAME = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
MOST_POLICIES = 20


def apply(module: Any) -> None:
    """Mend the emulator's SES v2 module."""
    original = module.handle_request

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        found = _PATH.match(path)
        if found is None:
            return await original(method, path, headers, body, query)
        return _answer(module, method, found["identity"], found["name"], body)

    module.handle_request = handle_request


def _answer(module: Any, method: str, name: str, policy_name: str | None, body: bytes) -> Any:
    identity = module._identities.get(name)
    if identity is None:
        return module._json_err("NotFoundException", f"Identity {name} not found", 404)
    policies: dict[str, str] = identity.setdefault("Policies", {})
    if policy_name is None:
        return module.json_response({"Policies": policies}) if method == "GET" else module._json_err(
            "BadRequestException", "PolicyName is required")
    if method == "DELETE":
        policies.pop(policy_name, None)
        return module.json_response({})
    try:
        document = str(json.loads(body)["Policy"])
        json.loads(document)
    except (ValueError, KeyError, TypeError):
        return module._json_err("BadRequestException", "Policy is not a valid JSON document")
    if not _NAME.match(policy_name):
        return module._json_err("BadRequestException", f"Invalid policy name: {policy_name}")
    if method == "POST":
        if policy_name in policies:
            return module._json_err("AlreadyExistsException", f"Policy {policy_name} already exists")
        if len(policies) >= MOST_POLICIES:
            return module._json_err("LimitExceededException", f"An identity has at most {MOST_POLICIES} policies")
    elif policy_name not in policies:
        return module._json_err("NotFoundException", f"Policy {policy_name} not found", 404)
    policies[policy_name] = document
    return module.json_response({})
