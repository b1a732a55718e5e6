"""From a file's text to its attributes and blocks.

Source: HCL Native Syntax Specification, "Structural Elements".
"""

from __future__ import annotations

import re

from groundsill.sources.hcl.lexer import DEEPEST, END, NAME, NEWLINE, OPERATOR, TEMPLATE, Token, tokens
from groundsill.sources.hcl.parser import Parser
from groundsill.sources.hcl.source import HclError, SourceText
from groundsill.sources.hcl.syntax import Block, Body

_TOP = re.compile(
    r"^(?:resource|data|variable|output|locals|module|provider|terraform|moved|import|removed|check|ephemeral)\b",
    re.MULTILINE)
_MOST_ERRORS = 20


def parse_file(source: SourceText) -> tuple[Body, list[HclError]]:
    """A whole file. Behind a mistake it is read on from the next block, so that each is found in one run."""
    body = Body()
    errors: list[HclError] = []
    start = 0
    while True:
        try:
            _Reader(source, start).body(body, DEEPEST)
            break
        except HclError as error:
            errors.append(error)
            following = _TOP.search(source.text, max(error.offset + 1, start + 1))
            if following is None or len(errors) >= _MOST_ERRORS:
                break
            start = following.start()
    return body, errors


class _Reader:
    def __init__(self, source: SourceText, start: int) -> None:
        self.source = source
        self.failure: HclError | None = None
        try:
            stream = tokens(source, start)
        except HclError as error:
            # What stands before it is read all the same.
            self.failure = error
            stream = self._before(error.offset, start)
        self.parser = Parser(source, stream)

    def _before(self, offset: int, start: int) -> list[Token]:
        whole = [match.start() for match in _TOP.finditer(self.source.text, start, offset)]
        cut = SourceText(self.source.file, self.source.text[: whole[-1]] if whole else "", self.source.first_line)
        try:
            return tokens(cut, min(start, len(cut.text)))
        except HclError:
            return tokens(SourceText(self.source.file, ""))

    def body(self, body: Body, room: int) -> None:
        """Everything up to the end."""
        parser = self.parser
        while True:
            parser.lines()
            token = parser.peek()
            if token.kind == END:
                if self.failure is not None:
                    raise self.failure
                return
            self._item(body, room)

    def _item(self, body: Body, room: int) -> None:
        parser = self.parser
        name = parser.take()
        if name.kind != NAME:
            quoted = name.kind == TEMPLATE
            raise HclError("the name of an attribute or a block is missing"
                           + (": it stands without quotes" if quoted else ""), name.start)
        if parser.accept("="):
            value = parser.expression()
            if name.value in body.attributes:
                raise HclError(f"`{name.value}` is set twice", name.start)
            body.attributes[name.value] = value
            following = parser.peek()
            if following.kind not in (NEWLINE, END) and not (following.kind == OPERATOR and following.value == "}"):
                raise HclError("a line end is missing behind a value", following.start)
            return
        labels: list[str] = []
        while True:
            label = parser.take()
            if label.kind == NAME:
                labels.append(label.value)
            elif label.kind == TEMPLATE and all(isinstance(part, str) for part in label.value):
                labels.append("".join(label.value))
            elif label.kind == OPERATOR and label.value == "{":
                break
            else:
                raise HclError(f"`=` or `{{` is missing behind `{name.value}`", label.start)
        if not room:
            raise HclError("it is nested too deeply", name.start)
        block = Block(name.value, labels, Body(), self.source.location(name.start))
        block.last_line = self._inside(block.body, room - 1, name.start)
        body.blocks.append(block)
        following = parser.peek()
        if following.kind not in (NEWLINE, END) and not (following.kind == OPERATOR and following.value == "}"):
            raise HclError("a line end is missing behind a block", following.start)

    def _inside(self, body: Body, room: int, opening: int) -> int:
        """Everything up to the closing brace; gives its line."""
        parser = self.parser
        while True:
            parser.lines()
            token = parser.peek()
            if token.kind == END:
                raise self.failure or HclError("a block is not closed", opening)
            if parser.accept("}"):
                return self.source.line(token.start)
            if _TOP.match(self.source.text, token.start) and self._labelled():
                raise HclError("the block is not closed: the next one begins before its `}`", opening)
            self._item(body, room)

    def _labelled(self) -> bool:
        """Whether a quoted name follows the next token, as at the beginning of a resource."""
        return self.parser.stream[self.parser.position + 1].kind == TEMPLATE
