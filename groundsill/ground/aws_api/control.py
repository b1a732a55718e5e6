"""The server's own paths, under ``/_groundsill/``. Not part of AWS.

``GET ready`` answers when the server does. ``GET mail?to=ADDRESS`` lists captured mails. ``POST credentials`` makes
session credentials of a role, ``POST end-waiting`` ends every long poll, and ``POST outside`` puts something there that
a system finds and does not make; these need the ground's secret in ``X-Groundsill-Key``.
"""

from __future__ import annotations

import hmac
import secrets
import time
from typing import Any

import orjson

from groundsill.ground.aws_api import mail, outside
from groundsill.ground.aws_api.durability import Durability
from groundsill.ground.aws_api.emulator import Emulator

WHAT_THIS_IS = {
    "service": "the AWS API of the ground", "use": "point an AWS SDK here with AWS_ENDPOINT_URL",
    "mail": "/_groundsill/mail", "ready": "/_groundsill/ready",
}
_LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")


def answer(emulator: Emulator, durability: Durability, root_secret: str, method: str, path: str,
           query: dict[str, list[str]], headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
    """Status and JSON content of a request to one of the server's own paths."""
    host = headers.get("host", "").rsplit(":", 1)[0]
    if host not in _LOCAL_HOSTS:
        # A page of another site, pointed here by its own DNS name, must not read mails.
        return 403, {"message": f"ask by 127.0.0.1, not by {host}"}
    name = path.removeprefix("/_groundsill/")
    if (method, name) == ("GET", "ready"):
        return 200, {"ready": True}
    if (method, name) == ("GET", "mail"):
        return 200, {"mail": mail.listing(emulator, query.get("to", [""])[0])}
    if method == "POST" and name in ("credentials", "end-waiting", "outside"):
        if not hmac.compare_digest(headers.get("x-groundsill-key", "").encode(), root_secret.encode()):
            return 403, {"message": "only the ground itself may ask this"}
        if name == "credentials":
            return _credentials(emulator, durability, body)
        if name == "outside":
            return _outside(emulator, durability, body)
        emulator.service("sqs").groundsill_arrivals.end()
        return 200, {}
    return 404, {"message": f"there is no {method} {path}"}


def _outside(emulator: Emulator, durability: Durability, body: bytes) -> tuple[int, dict[str, Any]]:
    try:
        asked = orjson.loads(body)
        outside.provide(emulator, str(asked["account"]), str(asked["region"]), asked)
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        return 400, {"message": f"send a JSON object with account, region, kind and what it needs ({error!r})"}
    durability.flush("route53")
    return 200, {}


def _credentials(emulator: Emulator, durability: Durability, body: bytes) -> tuple[int, dict[str, Any]]:
    try:
        asked = orjson.loads(body)
        role_arn, session_name = str(asked["role_arn"]), str(asked["session_name"])
        account, resource = role_arn.split(":", 5)[4:]
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return 400, {"message": "send a JSON object with role_arn and session_name"}
    name = resource.rsplit("/", 1)[-1]
    role = emulator.service("iam")._roles.get_scoped(account, None, name)
    if role is None or role["Arn"] != role_arn:
        return 404, {"message": f"there is no role {role_arn}; create it before its workload starts"}
    sessions = emulator.service("sts")._sessions
    # "RoleSessionName" takes these characters and at most 64 of them ("AssumeRole", AWS STS API Reference).
    session_name = "".join(c if c.isascii() and (c.isalnum() or c in "_+=,.@-") else "-" for c in session_name)[:64]
    key = "ASIA" + secrets.token_hex(8).upper()
    made = {"access_key_id": key, "secret_access_key": secrets.token_urlsafe(30),
            "session_token": secrets.token_urlsafe(60)}
    sessions[key] = {
        "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session_name}",
        "UserId": f"{role['RoleId']}:{session_name}",
        "AccountId": account,
        "SecretAccessKey": made["secret_access_key"],
        "SessionToken": made["session_token"],
        "PrincipalType": "AssumedRole",
        "IssuedAt": time.time(),
    }
    durability.flush_states(("sts",))
    return 200, made
