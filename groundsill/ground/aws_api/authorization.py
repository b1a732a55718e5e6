"""Who calls, and may they? Signature Version 4 for every hot call, and remembered allow decisions.

Only an allow is ever remembered, and only where nothing but the role's own identity policies decide. Everything else
(a refusal, a condition in a policy, a resource policy, an odd signature) goes to the emulator's full evaluation, which
also words the error as the service does. So remembering can make a call faster, never more permitted.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Any

from groundsill.ground.aws_api.emulator import Emulator

SKEW_SECONDS = 300
"""A request is valid within five minutes of its signing ("Elements of an AWS API request signature", IAM User Guide)."""

ROOT_NAME = "groundsill"


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller.

    Arguments:
        access_key_id: the key that signed.
        name: role name for the record of calls; ``groundsill`` for the root key.
        root: whether everything is allowed.
    """

    access_key_id: str
    name: str
    root: bool


class Authorization:
    """Checks signatures and remembers allow decisions.

    Arguments:
        emulator: the loaded emulator.
        root_access_key_id: key id of the ground itself.
        root_secret: its secret.
    """

    def __init__(self, emulator: Emulator, root_access_key_id: str, root_secret: str) -> None:
        self._emulator = emulator
        self._root = (root_access_key_id, root_secret)
        self._signing_keys: dict[tuple[str, str, str, str], bytes] = {}
        self._allowed: dict[tuple[str, str, str], bool] = {}
        self._plain: dict[str, bool] = {}

    def forget(self) -> None:
        """Policies may have changed: evaluate anew."""
        self._allowed.clear()
        self._plain.clear()

    def is_root(self, access_key_id: str) -> bool:
        """Whether this is the ground's own key."""
        return access_key_id == self._root[0]

    def caller_name(self, access_key_id: str) -> str:
        """A name for the record of calls: the role's, ``groundsill`` for root, empty when unknown."""
        if not access_key_id:
            return ""
        if self.is_root(access_key_id):
            return ROOT_NAME
        session = self._emulator.service("sts")._sessions.get(access_key_id)
        return _role_name(session["Arn"]) if session else ""

    def verify(self, method: str, raw_path: str, query_string: str, headers: dict[str, str],
               body: bytes) -> Caller | None:
        """The caller, when the request carries a complete and correct Signature Version 4 header; else None."""
        authorization = headers.get("authorization", "")
        if not authorization.startswith("AWS4-HMAC-SHA256 ") or query_string:
            return None
        try:
            credential, signed_headers, signature = _parse(authorization)
            key_id, date, region, service, _ = credential.split("/")
        except ValueError:
            return None
        amz_date = headers.get("x-amz-date", "")
        if not amz_date.startswith(date) or abs(_epoch(amz_date) - time.time()) > SKEW_SECONDS:
            return None
        token = headers.get("x-amz-security-token", "")
        if key_id == self._root[0]:
            if token:
                return None
            secret, name, root = self._root[1], ROOT_NAME, True
        else:
            session = self._emulator.service("sts")._sessions.get(key_id)
            if session is None or session.get("SessionToken") != token:
                return None
            expiration = session.get("Expiration")
            if expiration is not None and time.time() > expiration:
                return None
            secret, name, root = session["SecretAccessKey"], _role_name(session["Arn"]), False
        # A header named twice or sent with odd spacing takes the long way: this is the form every SDK sends.
        lines = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in signed_headers.split(";"))
        payload = headers.get("x-amz-content-sha256") or hashlib.sha256(body).hexdigest()
        if payload != "UNSIGNED-PAYLOAD" and payload != hashlib.sha256(body).hexdigest():
            return None
        canonical = f"{method}\n{raw_path}\n\n{lines}\n{signed_headers}\n{payload}"
        to_sign = (f"AWS4-HMAC-SHA256\n{amz_date}\n{date}/{region}/{service}/aws4_request\n"
                   f"{hashlib.sha256(canonical.encode()).hexdigest()}")
        signing_key = self._signing_key(secret, date, region, service)
        expected = hmac.digest(signing_key, to_sign.encode(), "sha256").hex()
        return Caller(key_id, name, root) if hmac.compare_digest(expected, signature) else None

    def remembered(self, caller: Caller, action: str, resource: str) -> bool:
        """Whether this call is known to be allowed; evaluates and remembers it when it safely can be."""
        if caller.root:
            return True
        key = (caller.access_key_id, action, resource)
        known = self._allowed.get(key)
        if known is None:
            known = self._allowed[key] = self._evaluate(caller, action, resource)
        return known

    def _evaluate(self, caller: Caller, action: str, resource: str) -> bool:
        evaluator = self._emulator.iam_evaluator
        account = self._emulator.responses.get_account_id()
        principal = evaluator.resolve_principal(caller.access_key_id, account)
        policies = getattr(principal, "policies", None)
        if policies is None or principal.limits:
            return False
        if any(statement.conditions for policy in policies for statement in policy):
            return False
        service = action.partition(":")[0]
        found = evaluator._resource_policy(service, resource)
        if found is not None and found[0]:
            return False
        context = evaluator.EvalContext(
            principal_arn=principal.arn, principal_type=principal.type, principal_account=principal.account,
            action=action, resource_arn=resource, region=self._emulator.responses.get_region(), service_context={},
            principal_keys=principal.keys)
        result: Any = evaluator.evaluate(context, policies)
        return result.decision == "Allow"

    def _signing_key(self, secret: str, date: str, region: str, service: str) -> bytes:
        scope = (secret, date, region, service)
        key = self._signing_keys.get(scope)
        if key is None:
            key = f"AWS4{secret}".encode()
            for part in (date, region, service, "aws4_request"):
                key = hmac.new(key, part.encode(), hashlib.sha256).digest()
            if len(self._signing_keys) > 1000:  # yesterday's keys
                self._signing_keys.clear()
            self._signing_keys[scope] = key
        return key


def _parse(authorization: str) -> tuple[str, str, str]:
    parts = dict(part.strip().split("=", 1) for part in authorization[17:].split(","))
    try:
        return parts["Credential"], parts["SignedHeaders"], parts["Signature"]
    except KeyError as error:
        raise ValueError(str(error)) from None


@functools.lru_cache(maxsize=64)
def _epoch(amz_date: str) -> float:
    try:
        moment = dt.datetime(int(amz_date[0:4]), int(amz_date[4:6]), int(amz_date[6:8]), int(amz_date[9:11]),
                             int(amz_date[11:13]), int(amz_date[13:15]), tzinfo=dt.UTC)
    except ValueError:
        return 0.0
    return moment.timestamp()


def _role_name(arn: str) -> str:
    resource = arn.rsplit(":", 1)[-1]
    return resource.split("/")[1] if "/" in resource else resource
