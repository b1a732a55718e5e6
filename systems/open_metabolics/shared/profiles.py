"""The profile table: what the estimate needs of a person, and further demographic fields.

Height is stored and answered in centimetres, as people and phone apps write it; the estimate takes metres.
"""

from __future__ import annotations

from typing import Any

from .attributes import decode_item
from .clients import dynamodb
from .errors import RequestError

# name -> (lowest, highest, unit): what the estimate accepts, so that a saved profile never fails a job.
LIMITS: dict[str, tuple[float, float, str]] = {
    "age": (5, 120, "years"),
    "weight": (20, 350, "kg"),
    "height": (90, 250, "cm"),
}
SEXES = ("female", "male", "unspecified")
# Attributes that are not fields of the profile.
BOOKKEEPING = ("UserEmail", "CreatedAt", "UpdatedAt")


def load(table: str, user_email: str) -> dict[str, Any] | None:
    """The stored profile as plain values, None when there is none."""
    answer = dynamodb().get_item(TableName=table, Key={"UserEmail": {"S": user_email}}, ConsistentRead=True)
    item = answer.get("Item")
    return None if item is None else decode_item(item)


def complete(table: str, user_email: str) -> dict[str, Any]:
    """The stored profile with everything that an estimate needs.

    Raises:
        RequestError: 409 `profile_missing` or `profile_incomplete`, naming what to save first.
    """
    profile = load(table, user_email)
    if profile is None:
        message = "Save a profile with age, weight and height with manage-user-profile first."
        raise RequestError(409, "profile_missing", message, field="profile")
    for name in LIMITS:
        if not isinstance(profile.get(name), (int, float)):
            message = f"The profile has no {name}. Save it with manage-user-profile first."
            raise RequestError(409, "profile_incomplete", message, field=name)
    return profile


def sex(profile: dict[str, Any]) -> str:
    """`female`, `male` or `unspecified`: the field `sex`, else a `gender` that is one of these words."""
    for name in ("sex", "gender"):
        value = profile.get(name)
        if isinstance(value, str) and value.lower() in SEXES:
            return value.lower()
    return "unspecified"
