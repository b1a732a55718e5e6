"""From text to tokens: names, numbers, strings with what is interpolated in them, operators and line ends."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from groundsill.sources.hcl.source import HclError, SourceText

NAME, NUMBER, TEMPLATE, OPERATOR, NEWLINE, END = "name", "number", "template", "operator", "newline", "end"
DEEPEST = 60
"""Templates inside templates, or brackets inside brackets. Nobody writes that many; more would only exhaust the stack."""


class Token(NamedTuple):
    """One token.

    Arguments:
        kind: one of the constants above.
        value: the name, the number, the operator, or the parts of a template.
        start: offset of its first character.
        end: offset behind its last one.
    """

    kind: str
    value: Any
    start: int
    end: int


class Hole(NamedTuple):
    """``${...}`` or ``%{...}`` in a template.

    Arguments:
        tokens: what is between the braces.
        directive: whether it is a ``%{...}``.
        strip_before: whether it takes away white space before it (``${~``).
        strip_after: whether it takes away white space behind it (``~}``).
        start: offset of its first character.
    """

    tokens: list[Token]
    directive: bool
    strip_before: bool
    strip_after: bool
    start: int


_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\ufeff]+|/\*.*?\*/)
    |(?P<comment>(?:\#|//)[^\n]*)
    |(?P<newline>\n)
    |(?P<name>[^\W\d][\w-]*)
    |(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<heredoc><<-?[^\W\d][\w-]*[ \t]*\r?\n)
    |(?P<quote>"(?:(?P<plain>[^"\\$%\n]*)")?)
    |(?P<operator>==|!=|<=|>=|&&|\|\||=>|\.\.\.|::|[{}\[\]()=?:.,+\-*/%!<>])
    |(?P<close>~\})""",
    re.VERBOSE | re.DOTALL,
)
_IN_QUOTES = re.compile(r'[^"\\$%\n]+|\\.|\$\$\{|%%\{|[$%]\{~?|[$%]|"|\n', re.DOTALL)
_IN_TEXT = re.compile(r"[^$%]+|\$\$\{|%%\{|[$%]\{~?|[$%]")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_UNICODE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
_LONGEST_NUMBER = 400


def tokens(source: SourceText, start: int = 0) -> list[Token]:
    """The tokens of a text from an offset to its end.

    Raises:
        HclError: where something is no token.
    """
    found, position, _ = _scan(source, start, 0, inside=False)
    found.append(Token(END, "", position, position))
    return found


def template_parts(source: SourceText) -> list[str | Hole]:
    """The parts of a text that is a template as a whole, as every string of Terraform's JSON is.

    Raises:
        HclError: where an interpolation is not whole.
    """
    return _text_parts(source, 0, len(source.text), 0)


def _scan(source: SourceText, position: int, depth: int, *, inside: bool) -> tuple[list[Token], int, bool]:
    """Tokens up to the end, or to the brace that closes an interpolation; its end, and whether it strips what follows."""
    if depth > DEEPEST:
        raise HclError("it is nested too deeply", position)
    text, size = source.text, len(source.text)
    found: list[Token] = []
    add = found.append
    match_token = _TOKEN.match
    braces = 0
    while position < size:
        match = match_token(text, position)
        if match is None:
            raise HclError(f"{text[position]!r} cannot stand here", position)
        kind, end = match.lastgroup, match.end()
        if kind == "name":
            add(Token(NAME, match[0], position, end))
        elif kind == "operator":
            operator = match[0]
            if operator == "{":
                braces += 1
            elif operator == "}":
                if inside and braces == 0:
                    return found, end, False
                braces -= 1
            add(Token(OPERATOR, operator, position, end))
        elif kind == "newline":
            add(Token(NEWLINE, "", position, end))
        elif kind in ("quote", "plain"):
            plain = match["plain"]
            if plain is not None:
                add(Token(TEMPLATE, [plain] if plain else [], position, end))
            else:
                parts, end = _quoted(source, position + 1, depth)
                add(Token(TEMPLATE, parts, position, end))
        elif kind == "number":
            add(Token(NUMBER, _number(match[0], position), position, end))
        elif kind == "heredoc":
            parts, end = _heredoc(source, match[0], end, depth)
            add(Token(TEMPLATE, parts, position, end))
        elif kind == "comment":
            if "groundsill" in match[0]:
                source.comments.append((source.line(position), match[0]))
        elif kind == "close":
            if not inside or braces:
                raise HclError("'~' cannot stand here", position)
            return found, end, True
        position = end
    if inside:
        raise HclError("an interpolation is not closed", position)
    return found, position, False


def _number(text: str, position: int) -> int | float:
    if len(text) > _LONGEST_NUMBER:
        raise HclError("a number has too many digits", position)
    if text.isdigit():
        return int(text)
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise HclError("a number is too large", position)
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


def _quoted(source: SourceText, position: int, depth: int) -> tuple[list[str | Hole], int]:
    text = source.text
    begin = position - 1
    parts: list[str | Hole] = []
    literal: list[str] = []
    while match := _IN_QUOTES.match(text, position):
        piece, position = match[0], match.end()
        if piece == '"':
            _flush(parts, literal)
            return parts, position
        if piece == "\n":
            break
        if piece[0] == "\\":
            escaped = _UNICODE.match(text, match.start())
            if escaped is not None:
                code = int(escaped[1] or escaped[2], 16)
                if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                    raise HclError("there is no such character", match.start())
                literal.append(chr(code))
                position = escaped.end()
            elif piece[1:] in _ESCAPES:
                literal.append(_ESCAPES[piece[1:]])
            else:
                raise HclError(f"{piece} is no escape of a string", match.start())
        else:
            position = _piece(source, piece, match.start(), position, parts, literal, depth)
    raise HclError("a string is not closed", begin)


def _text_parts(source: SourceText, position: int, end: int, depth: int) -> list[str | Hole]:
    parts: list[str | Hole] = []
    literal: list[str] = []
    while position < end and (match := _IN_TEXT.match(source.text, position, end)):
        position = _piece(source, match[0], match.start(), match.end(), parts, literal, depth)
    _flush(parts, literal)
    return parts


def _piece(
    source: SourceText, piece: str, start: int, position: int, parts: list[str | Hole], literal: list[str], depth: int,
) -> int:
    """Literal text, an escaped brace, or the beginning of an interpolation; gives where to go on."""
    if piece in ("$${", "%%{"):
        literal.append(piece[1:])
    elif len(piece) > 1 and piece[1] == "{" and piece[0] in "$%":
        _flush(parts, literal)
        inner, position, strip = _scan(source, position, depth + 1, inside=True)
        inner.append(Token(END, "", position - 1, position - 1))
        parts.append(Hole(inner, piece[0] == "%", piece.endswith("~"), strip, start))
    else:
        literal.append(piece)
    return position


def _flush(parts: list[str | Hole], literal: list[str]) -> None:
    if literal:
        parts.append("".join(literal))
        literal.clear()


def _heredoc(source: SourceText, opening: str, start: int, depth: int) -> tuple[list[str | Hole], int]:
    word = opening.strip().lstrip("<").removeprefix("-")
    closing = re.compile(rf"^[ \t]*{re.escape(word)}[ \t]*\r?$", re.MULTILINE).search(source.text, start)
    if closing is None:
        raise HclError(f"the text is not closed: no line holds {word} alone", start)
    parts = stripped(_lines(_text_parts(source, start, closing.start(), depth)))
    if opening.startswith("<<-"):
        parts = _unindented(parts)
    return parts, closing.end()


def _lines(parts: list[str | Hole]) -> list[str | Hole]:
    """With the literal text cut into lines: there a ``~`` mark reaches to the end of its line and no further."""
    return [piece for part in parts for piece in (part.splitlines(keepends=True) if isinstance(part, str) else [part])]


def stripped(parts: list[str | Hole]) -> list[str | Hole]:
    """Without the white space that ``~`` marks take away."""
    result = list(parts)
    for index, part in enumerate(parts):
        if not isinstance(part, Hole):
            continue
        if part.strip_before and index and isinstance(before := result[index - 1], str):
            result[index - 1] = before.rstrip()
        if part.strip_after and index + 1 < len(result) and isinstance(behind := result[index + 1], str):
            result[index + 1] = behind.lstrip()
    return result


def _unindented(parts: list[str | Hole]) -> list[str | Hole]:
    """Without the white space that every line begins with; a line of nothing else does not count."""
    beginnings: list[int] = []
    least: int | None = None
    at_start = True
    for index, part in enumerate(parts):
        if not isinstance(part, str):
            least = 0 if at_start else least
            at_start = False
            continue
        if at_start:
            beginnings.append(index)
            if part.strip() or not part.endswith("\n"):
                indent = len(part) - len(part.lstrip())
                least = indent if least is None else min(least, indent)
        at_start = part.endswith("\n")
    result = list(parts)
    for index in beginnings:
        line = parts[index]
        if isinstance(line, str) and least:
            ending = "\n" if line.endswith("\n") else ""
            result[index] = line.removesuffix("\n")[least:] + ending
    return result
