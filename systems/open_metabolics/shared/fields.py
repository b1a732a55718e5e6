"""Checks of the fields of a request. Each raises `RequestError` that names the field and what to send."""

from __future__ import annotations

import json
import re
from typing import Any

from .errors import RequestError, invalid, missing

SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}", re.ASCII)


def read_json(text: str | bytes) -> dict[str, Any]:
    """The JSON object of a body; NaN and Infinity, which are not JSON, are refused."""
    if not text.strip():
        raise RequestError(400, "empty_body", "The body is empty: send a JSON object.", field="body")
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise RequestError(400, "not_json", "The body is not valid JSON.", field="body") from None
    if not isinstance(value, dict):
        raise RequestError(400, "not_an_object", "The body must be a JSON object.", field="body")
    return value


def _no_constant(_name: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


def required(fields: dict[str, Any], name: str) -> Any:
    """The value of a field that must be there."""
    if fields.get(name) is None:
        raise missing(name, f"Send the field {name}.")
    return fields[name]


def text(fields: dict[str, Any], name: str, *, limit: int) -> str:
    """A required string of 1 to `limit` characters."""
    value = required(fields, name)
    if not isinstance(value, str):
        raise invalid(name, "This field must be a string.")
    if not value.strip():
        raise invalid(name, "This field must not be empty.")
    if len(value) > limit:
        raise invalid(name, f"This field may hold at most {limit} characters.")
    if not is_storable(value):
        raise invalid(name, "This field holds characters that are not valid Unicode.")
    return value


def is_storable(value: str) -> bool:
    """Whether a string can be encoded: JSON allows lone surrogates, UTF-8 does not."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def session_id(fields: dict[str, Any]) -> str:
    """The session id: 1 to 128 of letters, digits and `. _ : -`, starting with a letter or digit."""
    value = text(fields, "session_id", limit=128)
    if not SESSION_ID.fullmatch(value):
        raise invalid(
            "session_id", "Use 1 to 128 letters, digits or . _ : - and start with a letter or digit."
        )
    return value


def number(value: Any, name: str, *, low: float, high: float, unit: str) -> float:
    """A number from `low` to `high`, which NaN and infinity never are; a string that looks like one is not
    one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise invalid(name, f"This field must be a number ({unit}).")
    if not low <= value <= high:
        raise invalid(name, f"This field must be from {low:g} to {high:g} {unit}.")
    return value


def whole(fields: dict[str, Any], name: str, *, low: int, high: int, default: int) -> int:
    """An optional whole number, also written as a string because query strings know nothing else."""
    value = fields.get(name)
    if value is None:
        return default
    if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value, re.ASCII):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise invalid(name, f"This field must be a whole number from {low} to {high}.")
    return value


def flag(fields: dict[str, Any], name: str) -> bool:
    """An optional true or false, false when it is not sent."""
    value = fields.get(name)
    if value is None:
        return False
    if value in ("true", "false"):
        return value == "true"
    if not isinstance(value, bool):
        raise invalid(name, "This field must be true or false.")
    return value


def own_email(fields: dict[str, Any], claims: dict[str, Any]) -> str:
    """The caller's e-mail by the verified token; a `user_email` that is sent must be the same person.

    Raises:
        RequestError: 401 without an e-mail in the claims, 403 when the field names somebody else.
    """
    email = claims.get("email")
    if not isinstance(email, str) or "@" not in email:
        message = "Send the ID token of a signed-in user: `Authorization: Bearer <id token>`."
        raise RequestError(401, "not_signed_in", message, field="authorization")
    email = email.strip().lower()
    sent = fields.get("user_email")
    if sent is None:
        return email
    if not isinstance(sent, str):
        raise invalid("user_email", "This field must be a string.")
    if sent.strip().lower() != email:
        raise RequestError(403, "wrong_user", "The token belongs to another user.", field="user_email")
    return email
