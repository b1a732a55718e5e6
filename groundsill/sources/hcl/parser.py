"""From tokens to expressions, by the precedence of operators.

Source: HCL Native Syntax Specification, "Expressions" and "Templates".
"""

from __future__ import annotations

import re

from groundsill.sources.hcl.lexer import (
    DEEPEST,
    END,
    NAME,
    NEWLINE,
    NUMBER,
    OPERATOR,
    TEMPLATE,
    Hole,
    Token,
    stripped,
    template_parts,
    tokens,
)
from groundsill.sources.hcl.source import HclError, SourceText
from groundsill.sources.hcl.syntax import (
    Attribute,
    Binary,
    Call,
    Conditional,
    Expression,
    For,
    Index,
    Literal,
    Name,
    Object,
    Splat,
    SplatItem,
    Template,
    TemplateFor,
    TemplateIf,
    Tuple,
    Unary,
)

_STRENGTH = {"||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, ">": 4, "<=": 4, ">=": 4, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6}
_WORDS = {"true": True, "false": False, "null": None}
_LEADING = re.compile(r"^[ \t\r]*\n?")
_TRAILING = re.compile(r"\n?[ \t\r\n]*\Z")


def parse_expression(source: SourceText) -> Expression:
    """The expression that a text is as a whole.

    Raises:
        HclError: where it is none.
    """
    parser = Parser(source, tokens(source))
    parser.skip_newlines = True
    expression = parser.expression()
    parser.expect_end()
    return expression


def parse_template(source: SourceText) -> Expression:
    """The template that a text is as a whole: a string of Terraform's JSON, or a template's file.

    Raises:
        HclError: where an interpolation in it is no expression.
    """
    if "${" not in source.text and "%{" not in source.text:
        return Literal(source, 0, len(source.text), source.text)
    return Parser(source, []).template(template_parts(source), 0, len(source.text))


class Parser:
    """Reads expressions from tokens, one after the other.

    Arguments:
        source: the text that the tokens are of.
        stream: the tokens; the last one is an end.
        depth: how deeply nested what is read is already.
    """

    def __init__(self, source: SourceText, stream: list[Token], depth: int = 0) -> None:
        self.source = source
        self.stream = stream
        self.position = 0
        self.skip_newlines = False
        self.depth = depth

    # -- tokens --------------------------------------------------------------------------------------------------------

    def peek(self) -> Token:
        """The next token."""
        token = self.stream[self.position]
        if self.skip_newlines:
            while token.kind == NEWLINE:
                self.position += 1
                token = self.stream[self.position]
        return token

    def take(self) -> Token:
        """The next token, which is then behind."""
        token = self.peek()
        if token.kind != END:
            self.position += 1
        return token

    def at(self, operator: str) -> bool:
        """Whether the next token is this operator."""
        token = self.peek()
        return token.kind == OPERATOR and token.value == operator

    def accept(self, operator: str) -> bool:
        """Take the next token where it is this operator."""
        if self.at(operator):
            self.position += 1
            return True
        return False

    def expect(self, operator: str, where: str) -> Token:
        """Take this operator.

        Raises:
            HclError: where something else comes next.
        """
        token = self.take()
        if token.kind != OPERATOR or token.value != operator:
            raise HclError(f"`{operator}` is missing {where}", token.start)
        return token

    def expect_end(self) -> None:
        """Make sure that nothing follows.

        Raises:
            HclError: where something does.
        """
        token = self.peek()
        if token.kind != END:
            raise HclError(f"{_shown(token)} cannot stand here", token.start)

    def lines(self) -> None:
        """Pass line ends."""
        while self.stream[self.position].kind == NEWLINE:
            self.position += 1

    # -- expressions ---------------------------------------------------------------------------------------------------

    def expression(self) -> Expression:
        """The next expression.

        Raises:
            HclError: where none comes next.
        """
        self.depth += 1
        if self.depth > DEEPEST:
            raise HclError("it is nested too deeply", self.peek().start)
        condition = self._operation(1)
        if self.accept("?"):
            skip, self.skip_newlines = self.skip_newlines, True
            then = self.expression()
            self.expect(":", "in a conditional")
            self.skip_newlines = True
            self.peek()
            self.skip_newlines = skip
            otherwise = self.expression()
            condition = Conditional(self.source, condition.start, otherwise.end, condition, then, otherwise)
        self.depth -= 1
        return condition

    def _operation(self, least: int) -> Expression:
        left = self._unary()
        while True:
            token = self.peek()
            strength = _STRENGTH.get(token.value, 0) if token.kind == OPERATOR else 0
            if strength < least:
                return left
            self.position += 1
            self._pass_lines_after_operator()
            right = self._operation(strength + 1)
            left = Binary(self.source, left.start, right.end, token.value, left, right)

    def _pass_lines_after_operator(self) -> None:
        while self.stream[self.position].kind == NEWLINE:
            self.position += 1

    def _unary(self) -> Expression:
        marks: list[Token] = []
        token = self.peek()
        while token.kind == OPERATOR and token.value in ("-", "!"):
            marks.append(token)
            self.position += 1
            token = self.peek()
        if len(marks) > DEEPEST:
            raise HclError("it is nested too deeply", token.start)
        value = self._postfix(self._primary())
        for mark in reversed(marks):
            if mark.value == "-" and isinstance(value, Literal) and isinstance(value.value, int | float) \
                    and not isinstance(value.value, bool):
                value = Literal(self.source, mark.start, value.end, -value.value)
            else:
                value = Unary(self.source, mark.start, value.end, mark.value, value)
        return value

    def _primary(self) -> Expression:
        token = self.take()
        kind = token.kind
        if kind == NAME:
            if self.stream[self.position].kind == OPERATOR:
                following = self.stream[self.position].value
                if following in ("(", "::"):
                    return self._call(token)
            if token.value in _WORDS:
                return Literal(self.source, token.start, token.end, _WORDS[token.value])
            return Name(self.source, token.start, token.end, token.value)
        if kind == TEMPLATE:
            return self.template(token.value, token.start, token.end)
        if kind == NUMBER:
            return Literal(self.source, token.start, token.end, token.value)
        if kind == OPERATOR:
            if token.value == "(":
                skip, self.skip_newlines = self.skip_newlines, True
                inner = self.expression()
                self.expect(")", "at the end of what is in parentheses")
                self.skip_newlines = skip
                return inner
            if token.value == "[":
                return self._tuple(token)
            if token.value == "{":
                return self._object(token)
        raise HclError("a value is missing" if kind in (END, NEWLINE) else f"{_shown(token)} cannot begin a value",
                       token.start)

    def _postfix(self, value: Expression) -> Expression:
        steps = 0
        while True:
            token = self.peek()
            if token.kind != OPERATOR or token.value not in (".", "["):
                return value
            steps += 1
            if steps > 4 * DEEPEST:
                raise HclError("it is nested too deeply", token.start)
            self.position += 1
            if token.value == ".":
                following = self.take()
                if following.kind == OPERATOR and following.value == "*":
                    value = self._splat(value, following.end, full=False)
                elif following.kind == NAME:
                    value = Attribute(self.source, value.start, following.end, value, following.value)
                elif following.kind == NUMBER:
                    # `a.0.1` comes as the number 0.1
                    for part in self.source.text[following.start : following.end].split("."):
                        if not part.isdecimal():
                            raise HclError("an attribute has no such name", following.start)
                        key = Literal(self.source, following.start, following.end, int(part))
                        value = Index(self.source, value.start, following.end, value, key)
                else:
                    raise HclError("the name of an attribute is missing", following.start)
            elif self._full_splat():
                value = self._splat(value, self.stream[self.position - 1].end, full=True)
            else:
                skip, self.skip_newlines = self.skip_newlines, True
                key = self.expression()
                closing = self.expect("]", "at the end of an index")
                self.skip_newlines = skip
                value = Index(self.source, value.start, closing.end, value, key)

    def _full_splat(self) -> bool:
        first, second = self.stream[self.position], self.stream[min(self.position + 1, len(self.stream) - 1)]
        if first.kind == second.kind == OPERATOR and first.value == "*" and second.value == "]":
            self.position += 2
            return True
        return False

    def _splat(self, of: Expression, end: int, *, full: bool) -> Expression:
        each: Expression = SplatItem(self.source, end, end)
        if full:
            self.depth += 1
            if self.depth > DEEPEST:
                raise HclError("it is nested too deeply", end)
            each = self._postfix(each)
            self.depth -= 1
        else:
            # An attribute-only splat takes attributes and no index: those are of the list that it gives.
            while self.at(".") and self.stream[self.position + 1].kind == NAME:
                name = self.stream[self.position + 1]
                self.position += 2
                each = Attribute(self.source, each.start, name.end, each, name.value)
        return Splat(self.source, of.start, each.end, of, each)

    def _call(self, name: Token) -> Expression:
        called = name.value
        while self.accept("::"):
            called += f"::{self.take().value}"
        self.expect("(", "behind the name of a function")
        skip, self.skip_newlines = self.skip_newlines, True
        arguments: list[Expression] = []
        spread = False
        while not self.at(")"):
            arguments.append(self.expression())
            if self.accept("..."):
                spread = True
                break
            if not self.accept(","):
                break
        end = self.expect(")", f"at the end of the arguments of {called}").end
        self.skip_newlines = skip
        return Call(self.source, name.start, end, called, arguments, spread)

    def _tuple(self, opening: Token) -> Expression:
        skip, self.skip_newlines = self.skip_newlines, True
        token = self.peek()
        if token.kind == NAME and token.value == "for":
            result = self._for(opening, "]")
        else:
            items: list[Expression] = []
            while not self.at("]"):
                items.append(self.expression())
                if not self.accept(","):
                    break
            end = self.expect("]", "at the end of a list").end
            result = Tuple(self.source, opening.start, end, items)
        self.skip_newlines = skip
        return result

    def _object(self, opening: Token) -> Expression:
        skip, self.skip_newlines = self.skip_newlines, False
        self.lines()
        token = self.peek()
        if token.kind == NAME and token.value == "for" and self._is_for():
            self.skip_newlines = True
            result = self._for(opening, "}")
            self.skip_newlines = skip
            return result
        items: list[tuple[Expression, Expression]] = []
        while not self.at("}"):
            key = self._key()
            if not self.accept("=") and not self.accept(":"):
                raise HclError("`=` is missing behind a key", self.peek().start)
            self.lines()
            value = self.expression()
            items.append((key, value))
            following = self.peek()
            if following.kind == NEWLINE or self.accept(","):
                self.lines()
            elif not self.at("}"):
                raise HclError("a line end or `,` is missing behind a value", following.start)
        end = self.expect("}", "at the end of an object").end
        self.skip_newlines = skip
        return Object(self.source, opening.start, end, items)

    def _is_for(self) -> bool:
        following = self.stream[self.position + 1]
        return following.kind == NAME

    def _key(self) -> Expression:
        key = self.expression()
        if isinstance(key, Name):
            return Literal(key.source, key.start, key.end, key.name)
        return key

    def _for(self, opening: Token, closing: str) -> Expression:
        self.take()
        first, second = self._loop_names()
        collection = self.expression()
        self.expect(":", "in a for expression")
        value = self.expression()
        key: Expression | None = None
        if closing == "}":
            self.expect("=>", "between key and value of a for expression")
            key, value = value, self.expression()
        grouped = self.accept("...")
        condition: Expression | None = None
        if self.peek().kind == NAME and self.peek().value == "if":
            self.take()
            condition = self.expression()
        end = self.expect(closing, "at the end of a for expression").end
        return For(self.source, opening.start, end, first, second, collection, key, value, condition, grouped)

    def _loop_names(self) -> tuple[str, str]:
        """Names of key and value; the key's is empty where one name is given."""
        first = self.take()
        second = first
        if self.accept(","):
            second = self.take()
        word = self.take()
        if first.kind != NAME or second.kind != NAME or word.kind != NAME or word.value != "in":
            raise HclError("`for` takes one or two names and `in`", first.start)
        return ("" if second is first else first.value), second.value

    # -- templates -----------------------------------------------------------------------------------------------------

    def template(self, parts: list[str | Hole], start: int, end: int) -> Expression:
        """The expression that the parts of a template make."""
        if not parts:
            return Literal(self.source, start, end, "")
        if len(parts) == 1 and isinstance(parts[0], str):
            return Literal(self.source, start, end, parts[0])
        if len(parts) == 1 and isinstance(parts[0], Hole) and not parts[0].directive:
            return self._inside(parts[0]).whole()
        reader = _TemplateReader(self, stripped(parts), start, end)
        found = reader.read(())
        return found

    def _inside(self, hole: Hole) -> Parser:
        inner = Parser(self.source, hole.tokens, self.depth + 1)
        inner.skip_newlines = True
        return inner

    def whole(self) -> Expression:
        """The expression that all tokens are."""
        expression = self.expression()
        self.expect_end()
        return expression


class _TemplateReader:
    def __init__(self, parser: Parser, parts: list[str | Hole], start: int, end: int) -> None:
        self.parser, self.parts, self.start, self.end = parser, parts, start, end
        self.position = 0
        self.ended_by = ""

    def read(self, until: tuple[str, ...], depth: int = 0) -> Template:
        """Parts up to a directive of these names, or to the end where there are none."""
        if depth > DEEPEST:
            raise HclError("it is nested too deeply", self.start)
        found: list[str | Expression] = []
        while self.position < len(self.parts):
            part = self.parts[self.position]
            self.position += 1
            if isinstance(part, str):
                found.append(part)
                continue
            inner = self.parser._inside(part)  # pyright: ignore[reportPrivateUsage]
            if not part.directive:
                found.append(inner.whole())
                continue
            word = inner.take()
            if word.value in until and word.kind == NAME:
                self.ended_by = word.value
                return Template(self.parser.source, self.start, self.end, found)
            found.append(self._directive(word, inner, depth))
        if until:
            raise HclError(f"%{{ {until[-1]} }} is missing", self.start)
        return Template(self.parser.source, self.start, self.end, found)

    def _directive(self, word: Token, inner: Parser, depth: int) -> Expression:
        source = self.parser.source
        if word.kind == NAME and word.value == "if":
            condition = inner.whole()
            then = self.read(("else", "endif"), depth + 1)
            otherwise = Template(source, self.start, self.end, [])
            if self.ended_by == "else":
                otherwise = self.read(("endif",), depth + 1)
            return TemplateIf(source, word.start, word.end, condition, then, otherwise)
        if word.kind == NAME and word.value == "for":
            key, value = inner._loop_names()  # pyright: ignore[reportPrivateUsage]
            collection = inner.whole()
            return TemplateFor(source, word.start, word.end, key, value, collection, self.read(("endfor",), depth + 1))
        raise HclError(f"there is no directive %{{ {word.value} }} here", word.start)


def _shown(token: Token) -> str:
    if token.kind == END:
        return "the end"
    if token.kind == NEWLINE:
        return "a line end"
    return "a string" if token.kind == TEMPLATE else f"`{token.value}`"
