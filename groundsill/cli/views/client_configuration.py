"""The outputs of a system as the configuration of a client, in several languages.

Every form has the same values: the outputs under the names that the definition gives them, and with them ``system``,
``stage``, ``region`` and, where the system runs on this machine, ``aws_endpoint_url``: the address at which the AWS API
answers instead of AWS itself, for a client that talks to Cognito.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from groundsill.cli.screen import table
from groundsill.cli.views.style import Style

_WRITTEN = "Written by `groundsill outputs`: it is written anew, so do not edit it."
# The AWS API of the ground is a front door like the others.
_AWS_DOOR = "AWS API"
# Dart language specification, "Reserved Words" and built-in identifiers that cannot name a member.
_DART_RESERVED = frozenset((
    "assert", "await", "break", "case", "catch", "class", "const", "continue", "default", "do", "else", "enum", "extends",
    "false", "final", "finally", "for", "if", "in", "is", "new", "null", "rethrow", "return", "super", "switch", "this",
    "throw", "true", "try", "var", "void", "when", "while", "with", "yield",
))


def values(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a client needs of a running system.

    Arguments:
        facts: the record of the running system.
    """
    found: dict[str, Any] = {name: facts.get(name) for name in ("system", "stage", "region")}
    doors: dict[str, str] = facts.get("urls") or {}
    if _AWS_DOOR in doors:
        found["aws_endpoint_url"] = doors[_AWS_DOOR]
    return found | dict(facts.get("outputs") or {})


def render(form: str, content: Mapping[str, Any], style: Style | None = None) -> str:
    """The values as text.

    Arguments:
        form: one of `FORMATS`.
        content: as :func:`values` gives it.
        style: colours of a table; default none.
    """
    return _table(content, style or Style()) if form == "table" else _RENDERERS[form](content)


def _table(content: Mapping[str, Any], style: Style) -> str:
    return table(((name, _text(value)) for name, value in content.items()), style, indent="") + "\n"


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(dict(content), indent=2, ensure_ascii=False) + "\n"


def _env(content: Mapping[str, Any]) -> str:
    """For `source` in a shell and for readers of `.env` files."""
    lines = [f"{_constant(name)}={shlex.quote(_text(value))}" for name, value in content.items()]
    return "\n".join([f"# {_WRITTEN}", *lines]) + "\n"


def _dart(content: Mapping[str, Any]) -> str:
    taken: set[str] = set()
    lines: list[str] = []
    for name, value in content.items():
        member = _unique(_camel(name), taken)
        lines.append(f"  static const {_dart_type(value)} {member} = {_dart_literal(value)};")
    return "\n".join([
        f"// {_WRITTEN}", "// ignore_for_file: constant_identifier_names, lines_longer_than_80_chars", "",
        "abstract final class SystemConfig {", *lines, "}", "", *_amplify(content),
    ])


def _amplify(content: Mapping[str, Any]) -> list[str]:
    """What Amplify Flutter is configured with, where outputs tell the user pool and its client.

    Source: Amplify Documentation, Flutter, "Use existing Cognito resources". ``Endpoint`` is read as a whole address, so
    it has its scheme (amplify-flutter, ``CognitoUserPoolConfig``).
    """
    pool, client = content.get("cognito_pool_id"), content.get("cognito_client_id")
    if not pool or not client:
        return []
    user_pool = {"PoolId": pool, "AppClientId": client, "Region": content.get("region")}
    if content.get("aws_endpoint_url"):
        user_pool["Endpoint"] = content["aws_endpoint_url"]
    plugin = {"awsCognitoAuthPlugin": {
        "CognitoUserPool": {"Default": user_pool}, "Auth": {"Default": {"authenticationFlowType": "USER_SRP_AUTH"}},
    }}
    return [f"const amplifyConfig = {_dart_string(json.dumps({'auth': {'plugins': plugin}}))};", ""]


def _typescript(content: Mapping[str, Any]) -> str:
    taken: set[str] = set()
    members = {_unique(_camel(name), taken): value for name, value in content.items()}
    return f"// {_WRITTEN}\nexport const systemConfig = {json.dumps(members, indent=2, ensure_ascii=False)} as const;\n"


_RENDERERS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "json": _json, "env": _env, "dart": _dart, "typescript": _typescript,
}
FORMATS = ("table", *_RENDERERS)
SUFFIXES = {".json": "json", ".env": "env", ".dart": "dart", ".ts": "typescript", ".txt": "table"}
"""The format that the suffix of a file stands for."""


# -- names and values --------------------------------------------------------------------------------------------------


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _words(name: str) -> list[str]:
    return re.findall(r"[A-Za-z0-9]+", name) or ["value"]


def _constant(name: str) -> str:
    text = "_".join(_words(name)).upper()
    return f"_{text}" if text[0].isdigit() else text


def _camel(name: str) -> str:
    first, *others = _words(name)
    text = first[0].lower() + first[1:] + "".join(word[0].upper() + word[1:] for word in others)
    return f"n{text}" if text[0].isdigit() else text


def _unique(name: str, taken: set[str]) -> str:
    while name in taken or name in _DART_RESERVED:
        name += "_"
    taken.add(name)
    return name


_DART_TYPES: dict[type, str] = {
    str: "String", bool: "bool", int: "int", float: "double", list: "List<Object?>", dict: "Map<String, Object?>",
}


def _dart_type(value: Any) -> str:
    # A truth value is a number to Python, so it is looked at first.
    return next((name for kind, name in _DART_TYPES.items() if isinstance(value, kind)), "Object?")


def _dart_literal(value: Any) -> str:
    if isinstance(value, str):
        return _dart_string(value)
    if isinstance(value, Mapping):
        pairs = (f"{_dart_string(str(name))}: {_dart_literal(item)}" for name, item in value.items())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_dart_literal, value)) + "]"  # pyright: ignore[reportUnknownArgumentType]
    return json.dumps(value)


def _dart_string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("$", "\\$")
    return "'" + escaped.replace("\r", "\\r").replace("\n", "\\n") + "'"
