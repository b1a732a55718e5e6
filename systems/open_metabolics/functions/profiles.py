"""`POST /manage-user-profile` and `POST /get-user-profile`."""

from __future__ import annotations

import re
from typing import Any

from shared import jobs, timestamps
from shared.attributes import decode_item, encode
from shared.clients import dynamodb, setting
from shared.errors import RequestError, aws_code, invalid, missing
from shared.fields import is_storable, number
from shared.profiles import BOOKKEEPING, LIMITS, SEXES, load

from .http import Request, route

MAX_FURTHER = 20
MAX_TEXT = 200
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)


@route
def manage(request: Request) -> dict[str, Any]:
    """Create a profile, or change the fields that are sent and keep the others.

    `age` (years), `weight` (kg) and `height` (cm) are needed to create one. `sex` is optional. Further fields
    with names in small letters hold a short text, a number or true/false; null removes one.
    """
    sent = {name: value for name, value in request.fields.items() if name != "user_email"}
    values = {name: _checked(name, value) for name, value in sent.items()}
    if not values:
        raise missing("age", "Send at least one field of the profile, such as age, weight or height.")
    if sum(name not in LIMITS and name != "sex" for name in values) > MAX_FURTHER:
        raise invalid("body", f"A profile may have at most {MAX_FURTHER} further fields.")
    absent = next((name for name in LIMITS if name not in values), None)
    return {"profile": _view(_store(request.user_email, values, absent))}


@route
def get(request: Request) -> dict[str, Any]:
    """The caller's profile; 404 when there is none."""
    profile = load(setting("USER_PROFILES_TABLE"), request.user_email)
    if profile is None:
        message = "You have no profile yet. Save one with manage-user-profile."
        raise RequestError(404, "profile_not_found", message, field="profile")
    return {"profile": _view(profile)}


def _checked(name: str, value: Any) -> Any:
    if name in LIMITS:
        low, high, unit = LIMITS[name]
        return number(value, name, low=low, high=high, unit=unit)
    if not _NAME.fullmatch(name):
        # The name is not repeated: it may be anything, of any length.
        raise invalid(
            "body", "Names of fields are 1 to 40 small letters, digits and _, starting with a letter."
        )
    if name in ("created_at", "updated_at"):
        raise invalid(name, "This field is set by the service.")
    if value is None:
        return None
    if name == "sex" and value not in SEXES:
        raise invalid(name, f"This field must be one of {', '.join(SEXES)}.")
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return number(value, name, low=-1e9, high=1e9, unit="any")
    if isinstance(value, str) and len(value) <= MAX_TEXT and is_storable(value):
        return value
    raise invalid(
        name, f"This field must be a text of at most {MAX_TEXT} characters, a number, true or false."
    )


def _store(user_email: str, values: dict[str, Any], absent: str | None) -> dict[str, Any]:
    """One update of the fields that were sent; `absent` is a needed field that was not."""
    # Names and values are placeholders throughout: a person's field may be called like a word of DynamoDB.
    names = {"#created": "CreatedAt", "#updated": "UpdatedAt"}
    attributes: dict[str, Any] = {":now": {"N": str(jobs.now())}}
    sets = ["#created = if_not_exists(#created, :now)", "#updated = :now"]
    removes: list[str] = []
    for index, (name, value) in enumerate(values.items()):
        names[f"#f{index}"] = name
        if value is None:
            removes.append(f"#f{index}")
        else:
            attributes[f":v{index}"] = encode(value)
            sets.append(f"#f{index} = :v{index}")
    update: dict[str, Any] = {
        "TableName": setting("USER_PROFILES_TABLE"),
        "Key": {"UserEmail": {"S": user_email}},
        "UpdateExpression": f"SET {', '.join(sets)}" + (f" REMOVE {', '.join(removes)}" if removes else ""),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": attributes,
        "ReturnValues": "ALL_NEW",
    }
    if absent is not None:
        update["ConditionExpression"] = "attribute_exists(UserEmail)"
    try:
        return decode_item(dynamodb().update_item(**update)["Attributes"])
    except Exception as error:
        if absent is not None and aws_code(error) == "ConditionalCheckFailedException":
            message = "A new profile needs age (years), weight (kg) and height (cm)."
            raise missing(absent, message) from None
        raise


def _view(profile: dict[str, Any]) -> dict[str, Any]:
    fields = {name: value for name, value in profile.items() if name not in BOOKKEEPING}
    moments = {"created_at": profile.get("CreatedAt"), "updated_at": profile.get("UpdatedAt")}
    times = {name: timestamps.iso(value) for name, value in moments.items() if value}
    return {"user_email": profile["UserEmail"], **fields, **times}
