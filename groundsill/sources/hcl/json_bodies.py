"""The JSON form of Terraform's language: objects become the same attributes and blocks that the native form has.

Source: Terraform documentation, "JSON Configuration Syntax". What is a nested block there and what the value of an attribute,
only the provider's schema says; so it is asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from groundsill.graph.shapes import is_list, is_mapping
from groundsill.graph.source import SourceLocation
from groundsill.sources.hcl.parser import parse_template
from groundsill.sources.hcl.source import HclError, SourceText
from groundsill.sources.hcl.syntax import Block, Body, Expression, Literal, Object, Tuple

_LABELS = {"resource": 2, "data": 2, "ephemeral": 2, "variable": 1, "output": 1, "module": 1, "provider": 1}
_META = ("lifecycle", "connection", "provisioner")
_LITERAL = {"variable": ("default", "type", "description"), "output": ("description",)}
"""What is taken as it stands: there a string is no template."""
_DEEPEST = 60
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|\n')

IsBlock = Callable[[str, bool, tuple[str, ...]], bool]
"""Whether a name inside a type (and inside the blocks of a path) is a nested block."""


def parse_json_file(source: SourceText, is_block: IsBlock) -> tuple[Body, list[HclError]]:
    """A whole ``.tf.json`` file.

    Arguments:
        source: its text.
        is_block: asked for ``(type, data, path)``.
    """
    try:
        document: Any = json.loads(source.text)
    except RecursionError:
        return Body(), [HclError("it is nested too deeply", 0)]
    except ValueError as error:
        return Body(), [HclError(f"it is not JSON: {getattr(error, 'msg', error)}", getattr(error, "pos", 0))]
    if not is_mapping(document):
        return Body(), [HclError("the file is not an object", 0)]
    reader = _Reader(source, is_block)
    return reader.file(document), reader.errors


def expression_of(source: SourceText, value: Any) -> Expression | None:
    """A value of the JSON form as an expression; None where a string in it is no template."""
    reader = _Reader(source, _no_block)
    found = reader.expression(value, 0)
    return None if reader.errors else found


def _no_block(type: str, data: bool, path: tuple[str, ...]) -> bool:
    del type, data, path
    return False


class _Reader:
    def __init__(self, source: SourceText, is_block: IsBlock) -> None:
        self.source = source
        self.is_block = is_block
        self.errors: list[HclError] = []
        self.lines = _lines(source)
        self.line = source.first_line

    def file(self, document: Any) -> Body:
        body = Body()
        for section, content in document.items():
            if section == "//":
                continue
            if section in _LABELS:
                for labels, item in self._labelled(content, _LABELS[section], ()):
                    self.line = self._line_of((section, *labels))
                    body.blocks.append(self._block(section, list(labels), item))
            else:
                self.line = self._line_of((section,))
                body.blocks.extend(self._block(section, [], item) for item in _listed(content) if is_mapping(item))
        return body

    def _labelled(self, content: Any, count: int, labels: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
        for item in _listed(content):
            if not is_mapping(item):
                self.errors.append(HclError(f"{'.'.join(labels) or 'a section'} is not an object", 0))
            elif count == 0:
                yield labels, item
            else:
                for label, inner in item.items():
                    if label != "//":
                        yield from self._labelled(inner, count - 1, (*labels, label))

    def _line_of(self, path: tuple[str, ...]) -> int:
        return self.lines.get(path, self.source.first_line)

    def _block(self, section: str, labels: list[str], item: Any) -> Block:
        location = SourceLocation(self.source.file, self.line)
        literal = _LITERAL.get(section, ())
        typed = section in ("resource", "data", "ephemeral")
        body = self._body(item, labels[0] if typed else "", section == "data", (), literal, section, 0)
        return Block(section, labels, body, location, self.line)

    def _body(
        self, item: Any, type: str, data: bool, path: tuple[str, ...], literal: tuple[str, ...], section: str, depth: int,
    ) -> Body:
        body = Body()
        for name, value in item.items():
            if name == "//":
                continue
            if depth > _DEEPEST:
                self.errors.append(HclError("it is nested too deeply", 0))
                return body
            if name in literal:
                body.attributes[name] = self._literal(value, 0)
            elif name == "dynamic" and type and (is_mapping(value) or is_list(value)):
                self._dynamic(body, value, type, data, path, depth)
            elif self._nested(section, type, data, (*path, name), value):
                body.blocks.extend(self._inner(name, [], inner, type, data, (*path, name), section, depth)
                                   for inner in _listed(value) if is_mapping(inner))
            else:
                body.attributes[name] = self.expression(value, 0)
        return body

    def _nested(self, section: str, type: str, data: bool, path: tuple[str, ...], value: Any) -> bool:
        if not (is_mapping(value) or (is_list(value) and value and all(is_mapping(inner) for inner in value))):
            return False
        if section == "terraform" or (section == "variable" and path == ("validation",)):
            return True
        if not type:
            return section == "provider" and path == ("default_tags",)
        meta = path[0] in _META and (len(path) == 1 or path[:-1] == ("provisioner",))
        return meta or self.is_block(type, data, path)

    def _inner(self, name: str, labels: list[str], value: Any, type: str, data: bool, path: tuple[str, ...], section: str,
               depth: int) -> Block:
        body = self._body(value, type, data, path, (), section, depth + 1)
        return Block(name, labels, body, SourceLocation(self.source.file, self.line), self.line)

    def _dynamic(self, body: Body, value: Any, type: str, data: bool, path: tuple[str, ...], depth: int) -> None:
        for (name,), inner in self._labelled(value, 1, ()):
            made = Body()
            for key, part in inner.items():
                if key == "content" and is_mapping(part):
                    made.blocks.append(self._inner("content", [], part, type, data, (*path, name), "resource", depth))
                elif key != "//":
                    made.attributes[key] = self.expression(part, 0)
            body.blocks.append(Block("dynamic", [name], made, SourceLocation(self.source.file, self.line), self.line))

    # -- values --------------------------------------------------------------------------------------------------------

    def expression(self, value: Any, depth: int) -> Expression:
        """A value in which every string is a template."""
        source = self.source
        if depth > _DEEPEST:
            self.errors.append(HclError("it is nested too deeply", 0))
            return Literal(source, 0, 0, None)
        if isinstance(value, str):
            return self._template(value)
        if is_mapping(value):
            return Object(source, 0, 0, [(self._template(key), self.expression(inner, depth + 1))
                                         for key, inner in value.items() if key != "//"])
        if is_list(value):
            return Tuple(source, 0, 0, [self.expression(inner, depth + 1) for inner in value])
        return Literal(source, 0, 0, value)

    def _template(self, text: str) -> Expression:
        own = SourceText(self.source.file, text, self.line)
        try:
            return parse_template(own)
        except HclError as error:
            self.errors.append(HclError(f"{error.detail}, in {text[:80]!r}", -self.line))
            return Literal(own, 0, len(text), None)

    def _literal(self, value: Any, depth: int) -> Expression:
        text = value if isinstance(value, str) else ""
        return Literal(SourceText(self.source.file, text, self.line), 0, len(text), value if depth <= _DEEPEST else None)


def _listed(value: Any) -> list[Any]:
    return list(value) if is_list(value) else [value]


def _lines(source: SourceText) -> dict[tuple[str, ...], int]:
    """The line of every section, type and name: what the JSON reader of Python does not tell."""
    found: dict[tuple[str, ...], int] = {}
    path: list[str] = []
    opened: list[bool] = []
    key, line, depth, last = "", source.first_line, 0, ""
    for match in _PIECE.finditer(source.text):
        piece = match[0]
        if piece == "\n":
            line += 1
        elif piece == ":":
            key = last
            if depth <= 3:
                found.setdefault((*path[:3], key), line)
        elif piece in "{[":
            opened.append(bool(key))
            if key:
                path.append(key)
            depth = len(path) + 1
            key = ""
        elif piece in "}]":
            if opened and opened.pop():
                path.pop()
            depth = len(path) + 1
            key = ""
        elif piece == ",":
            key = ""
        else:
            last = piece[1:-1]
    return found
