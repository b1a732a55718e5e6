"""Terraform's template language: references as ``${...}``, literal text escaped, JSON documents as text.

Source: Terraform language documentation, "Strings and Templates", Escape Sequences, and "JSON Configuration
Syntax", Expression Mapping (every JSON string is a template there, object keys included).
"""

from __future__ import annotations

import json
import re
from typing import Any

from groundsill.aws.reference_types import type_of_reference
from groundsill.graph.reference import Broken, JsonDocument, Reference, references_in, split_template
from groundsill.graph.shapes import is_list, is_mapping, is_set

_text_of = json.JSONEncoder(ensure_ascii=False).encode
_OPEN = "\ue000"
_MARKER = re.compile(r"[$%]+\{")
_TRAILING = re.compile(r"[$%]+\Z")
_PLAIN = re.compile(
    r"(.*_)?(arn|arns|id|ids|url|uri|name|bucket|endpoint|region|partition|dns_suffix|account_id)"
)
"""Attributes whose values AWS keeps free of quotes, backslashes and control characters, so that they stand in
JSON text as they are. Every other value goes through ``jsonencode``.
"""


def escape(text: str) -> str:
    """Literal text for a Terraform template.

    Example:
        >>> escape("${aws:username} 50%{off}")
        '$${aws:username} 50%%{off}'
    """
    if "\r" in text:
        # Terraform's scanner swallows the character after a carriage return, be it the `$` of an interpolation.
        *before, last = text.split("\r")
        return "".join(f'{_literal_before_reference(piece)}${{"\\r"}}' for piece in before) + escape(last)
    if "{" not in text:
        return text
    return _MARKER.sub(_escape_marker, text)


def _escape_marker(match: re.Match[str]) -> str:
    """``$...${``: Terraform reads only the two characters before ``{`` as an escape, so the last one is doubled."""
    marks = match[0][:-1]
    return f"{marks}{marks[-1]}{{"


def _literal_before_reference(text: str) -> str:
    """Literal text that a ``${`` follows: a ``$`` or ``%`` at its end would make an escape of it."""
    marks = _TRAILING.search(text)
    return f'{escape(text[: marks.start()])}${{"{marks[0]}"}}' if marks else escape(text)


def _interpolation(reference: Reference) -> str:
    return f"${{{reference.expression}}}"


def text_template(value: str) -> str:
    """A string as a Terraform template: references become interpolations, everything else stays literal.

    Example:
        >>> text_template(f"{Reference('aws_s3_bucket.a', ('arn',))}/${{x}}")
        '${aws_s3_bucket.a.arn}/$${x}'
    """
    if _OPEN not in value:
        return escape(value)
    parts = split_template(value)
    rendered: list[str] = []
    for index, part in enumerate(parts):
        if isinstance(part, Reference):
            rendered.append(_interpolation(part))
        else:
            rendered.append(_literal_before_reference(part) if index + 1 < len(parts) else escape(part))
    return "".join(rendered)


def template(value: Any) -> Any:
    """Any value for Terraform's JSON: strings and keys as templates, references as interpolations, JSON as text."""
    if isinstance(value, str):
        return text_template(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Reference):
        return None if isinstance(value, Broken) else _interpolation(value)
    if isinstance(value, JsonDocument):
        return json_template(value.content)
    if is_mapping(value):
        return {text_template(str(key)): template(item) for key, item in value.items()}
    if is_set(value):
        return [template(item) for item in sorted(value, key=str)]
    return [template(item) for item in value]


# -- JSON inside a string
# ----------------------------------------------------------------------------------------------


def json_template(content: Any) -> str:
    """A structure as JSON text with interpolations.

    A reference that stands alone keeps its type: text is quoted, a number or a list is not. Where a value
    could hold a quote, ``jsonencode`` does it.

    Example:
        >>> json_template({"Resource": Reference("aws_sqs_queue.jobs", ("arn",)), "Count": 3})
        '{"Resource":"${aws_sqs_queue.jobs.arn}","Count":3}'
        >>> json_template([Reference("aws_sqs_queue.jobs", ("delay_seconds",))])
        '[${jsonencode(aws_sqs_queue.jobs.delay_seconds)}]'
    """
    if next(references_in(content), None) is None:
        return escape(_dump(content))
    return _json(content)


def _dump(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=list)


def _json(value: Any) -> str:
    if isinstance(value, Reference):
        if isinstance(value, Broken):
            return "null"
        return (
            f'"{_interpolation(value)}"' if _stands_as_text(value) else f"${{jsonencode({value.expression})}}"
        )
    if isinstance(value, str):
        return _json_string(value)
    if is_mapping(value):
        return "{" + ",".join(f"{_json_string(str(key))}:{_json(item)}" for key, item in value.items()) + "}"
    if is_list(value) or is_set(value):
        return "[" + ",".join(_json(item) for item in value) + "]"
    return escape(_dump(value))


def _stands_as_text(reference: Reference) -> bool:
    last = next((step for step in reversed(reference.path) if isinstance(step, str)), "")
    held = type_of_reference(reference)
    return held is not None and held.kind == "string" and bool(_PLAIN.fullmatch(last))


def _json_string(value: str) -> str:
    if _OPEN not in value:
        return escape(_dump(value))
    parts = split_template(value)
    if len(parts) == 1 and isinstance(parts[0], Reference):
        return _json(parts[0])
    if all(isinstance(part, str) or _stands_as_text(part) for part in parts):
        rendered = "".join(
            _interpolation(part)
            if isinstance(part, Reference)
            else (_literal_before_reference if index + 1 < len(parts) else escape)(_dump(part)[1:-1])
            for index, part in enumerate(parts)
        )
        return f'"{rendered}"'
    inner = "".join(_interpolation(part) if isinstance(part, Reference) else _quoted(part) for part in parts)
    return f'${{jsonencode("{inner}")}}'


def _quoted(text: str) -> str:
    """Literal text inside a quoted template of Terraform's own language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    # A mark as a character code can never be the start of an interpolation.
    escaped = escaped.replace("${", "\\u0024{").replace("%{", "\\u0025{")
    if _TRAILING.search(escaped):
        escaped = escaped[:-1] + f"\\u{ord(escaped[-1]):04x}"
    return "".join(f"\\u{ord(letter):04x}" if ord(letter) < 32 else letter for letter in escaped)


# -- the file
# ----------------------------------------------------------------------------------------------------------


def render_json(value: Any) -> str:
    """Readable JSON, two spaces a level, ending in a newline: as ``json.dumps(indent=2)``, several times faster."""
    lines: list[str] = []
    _render(value, "\n", lines)
    lines.append("\n")
    return "".join(lines)


def _render(value: Any, indent: str, lines: list[str]) -> None:
    if isinstance(value, str):
        lines.append(_text_of(value))
    elif is_mapping(value):
        if not value:
            lines.append("{}")
            return
        inner = f"{indent}  "
        mark = "{"
        for key, item in value.items():
            lines.append(f"{mark}{inner}{_text_of(key)}: ")
            _render(item, inner, lines)
            mark = ","
        lines.append(f"{indent}}}")
    elif is_list(value):
        if not value:
            lines.append("[]")
            return
        inner = f"{indent}  "
        mark = "["
        for item in value:
            lines.append(f"{mark}{inner}")
            _render(item, inner, lines)
            mark = ","
        lines.append(f"{indent}]")
    else:
        lines.append(json.dumps(value))
