"""Plain values to DynamoDB attribute values and back, for the few kinds our tables hold."""

from __future__ import annotations

from typing import Any


def number(value: float) -> dict[str, Any]:
    """A number attribute. Anything smaller than DynamoDB can hold (1e-130) becomes 0.

    Source: DynamoDB Developer Guide "Supported data types and naming rules in DynamoDB", Number.
    """
    if isinstance(value, float):
        return {"N": "0" if abs(value) < 1e-100 else repr(float(value))}
    return {"N": str(value)}


def encode(value: Any) -> dict[str, Any]:
    """One attribute value; raises TypeError for a kind our tables do not hold.

    Example:
        >>> encode({"age": 34, "name": None})
        {'M': {'age': {'N': '34'}, 'name': {'NULL': True}}}
    """
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, (bytes, bytearray)):
        return {"B": bytes(value)}
    if isinstance(value, (list, tuple)):
        return {"L": [encode(entry) for entry in value]}
    if isinstance(value, dict):
        return {"M": {str(key): encode(entry) for key, entry in value.items()}}
    raise TypeError(f"no attribute type for {type(value).__name__}")


def encode_item(values: dict[str, Any]) -> dict[str, Any]:
    """A whole item; entries that are None are left out."""
    return {name: encode(value) for name, value in values.items() if value is not None}


def decode(attribute: dict[str, Any]) -> Any:
    """The plain value of one attribute: whole numbers as int, others as float."""
    kind, value = next(iter(attribute.items()))
    if kind == "N":
        plain = float(value)
        return int(plain) if plain.is_integer() and abs(plain) < 2**53 else plain
    if kind == "NULL":
        return None
    if kind == "L":
        return [decode(entry) for entry in value]
    if kind == "M":
        return {name: decode(entry) for name, entry in value.items()}
    return value


def decode_item(item: dict[str, Any]) -> dict[str, Any]:
    """The plain values of a whole item."""
    return {name: decode(attribute) for name, attribute in item.items()}
