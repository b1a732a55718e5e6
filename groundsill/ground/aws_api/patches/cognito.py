"""Cognito user pools: codes that only the mail tells, and what follows from a confirmed address.

- Codes: AWS mails six random digits, valid 24 hours for a sign-up and 1 hour for a reset ("Signing up and confirming
  user accounts" and "Quotas", Cognito Developer Guide); a new code replaces the old. The emulator always used
  ``123456`` and ``654321`` and never let them expire.
- ``email_verified``: AWS writes ``false`` at sign-up and ``true`` once the code is confirmed (or the reset code used)
  in a pool that verifies mail addresses. The emulator left the attribute out, so ``GetUser`` never showed it.
- ``SignUp`` answered with the whole address; AWS masks it (``a***@e***``).
- Sender: with ``EmailSendingAccount=DEVELOPER`` and no ``From``, AWS sends from the SES identity of ``SourceArn``.
- Names: in a pool with ``CaseSensitive=false``, AWS finds a user whatever the capitals. The emulator stored the
  setting and ignored it.
- SRP: the verifier of a password costs 25 ms of arithmetic and never changes; it is remembered.
"""

from __future__ import annotations

import functools
import json
import secrets
import time
from typing import Any

SIGN_UP_CODE_SECONDS = 24 * 3600
RESET_CODE_SECONDS = 3600

_EXPIRED = ("ExpiredCodeException", "Invalid code provided, please request a code again.")


def apply(module: Any) -> None:
    """Mend the emulator's Cognito module."""
    _random_codes(module)
    _expiring_codes(module)
    _verified_addresses(module)
    _masked_sign_up(module)
    _identity_sender(module)
    _case(module)
    module._srp_verifier = functools.lru_cache(maxsize=1024)(module._srp_verifier)


def _random_codes(module: Any) -> None:
    send = module._send_verification_email

    def send_random(pool: Any, username: str, attributes: Any, _code: str, attribute_name: str = "email") -> Any:
        code = f"{secrets.randbelow(1_000_000):06d}"
        user = module._resolve_user(pool, username)[0]
        if user is not None:
            field, seconds = (("_reset_code", RESET_CODE_SECONDS) if attribute_name == "password"
                              else ("_confirmation_code", SIGN_UP_CODE_SECONDS))
            user[field] = code
            user[f"{field}_until"] = time.time() + seconds
        return send(pool, username, attributes, code, attribute_name)

    module._send_verification_email = send_random
    # A user without an address gets no mail and so no code: the constants below must not let anyone in.
    sign_up = module._sign_up

    def sign_up_without_known_code(data: Any) -> Any:
        response = sign_up(data)
        if response[0] == 200:
            pool, _ = module._pool_for_client(data.get("ClientId"))
            user = module._resolve_user(pool, data.get("Username"))[0]
            if user is not None and "_confirmation_code_until" not in user:
                user["_confirmation_code"] = secrets.token_hex(16)
        return response

    module._sign_up = sign_up_without_known_code


def _expiring_codes(module: Any) -> None:
    check = module._confirmation_code_error

    def check_with_time(action: str, data: Any) -> Any:
        error = check(action, data)
        if error is not None or action not in ("ConfirmSignUp", "ConfirmForgotPassword"):
            return error
        pool, _ = module._pool_for_client(data.get("ClientId"))
        user = module._resolve_user(pool, data.get("Username"))[0] if pool else None
        field = "_reset_code_until" if action == "ConfirmForgotPassword" else "_confirmation_code_until"
        if user is not None and time.time() > user.get(field, float("inf")):
            return module.error_response_json(*_EXPIRED, 400)
        return None

    module._confirmation_code_error = check_with_time


def _set_attribute(module: Any, user: Any, name: str, value: str) -> None:
    user["Attributes"] = module._merge_attributes(user.get("Attributes", []), [{"Name": name, "Value": value}])


def _verified_addresses(module: Any) -> None:
    sign_up, confirm, reset = module._sign_up, module._confirm_sign_up, module._confirm_forgot_password

    def user_of(data: Any) -> tuple[Any, Any]:
        pool, _ = module._pool_for_client(data.get("ClientId"))
        return pool, module._resolve_user(pool, data.get("Username"))[0]

    def signed_up(data: Any) -> Any:
        response = sign_up(data)
        if response[0] == 200:
            _, user = user_of(data)
            attributes = module._attr_list_to_dict(user["Attributes"])
            if "email" in attributes and "email_verified" not in attributes:
                _set_attribute(module, user, "email_verified", "false")
        return response

    def confirmed(data: Any) -> Any:
        response = confirm(data)
        if response[0] == 200:
            pool, user = user_of(data)
            _verify(pool, user)
        return response

    def was_reset(data: Any) -> Any:
        response = reset(data)
        if response[0] == 200:
            pool, user = user_of(data)
            _verify(pool, user)
        return response

    def _verify(pool: Any, user: Any) -> None:
        if "email" in (pool.get("AutoVerifiedAttributes") or []) and (
                "email" in module._attr_list_to_dict(user["Attributes"])):
            _set_attribute(module, user, "email_verified", "true")

    module._sign_up, module._confirm_sign_up, module._confirm_forgot_password = signed_up, confirmed, was_reset


def _masked_sign_up(module: Any) -> None:
    sign_up = module._sign_up

    def masked(data: Any) -> Any:
        response = sign_up(data)
        status, headers, body = response
        if status != 200:
            return response
        content = json.loads(body)
        details = content.get("CodeDeliveryDetails")
        if not details:
            return response
        details["Destination"] = module._masked_destination(details["Destination"])
        return status, headers, json.dumps(content).encode()

    module._sign_up = masked


def _identity_sender(module: Any) -> None:
    resolve = module._resolve_email_sender

    def with_identity(pool: Any) -> tuple[str, str, str]:
        sender, reply_to, configuration = resolve(pool)
        settings: Any = pool.get("EmailConfiguration") or {}
        arn = str(settings.get("SourceArn") or "")
        if not settings.get("From") and settings.get("EmailSendingAccount") == "DEVELOPER" and ":identity/" in arn:
            identity = arn.rpartition(":identity/")[2]
            sender = identity if "@" in identity else f"no-reply@{identity}"
        return sender, reply_to, configuration

    module._resolve_email_sender = with_identity


def _case(module: Any) -> None:
    resolve = module._resolve_user

    def in_any_case(pool: Any, username: Any) -> Any:
        found = resolve(pool, username)
        setting: Any = pool.get("UsernameConfiguration") or {}
        if found[0] is not None or setting.get("CaseSensitive", True) or not isinstance(username, str):
            return found
        wanted = username.casefold()
        aliases: list[str] = [*(pool.get("UsernameAttributes") or ()), *(pool.get("AliasAttributes") or ())]
        for user in pool["_users"].values():
            attributes = module._attr_list_to_dict(user.get("Attributes", []))
            known = {user["Username"].casefold(), *(str(attributes.get(name, "")).casefold() for name in aliases)}
            if wanted in known:
                return resolve(pool, user["Username"])
        return found

    module._resolve_user = in_any_case
