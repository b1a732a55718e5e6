"""References: values that are known only after apply, usable anywhere a value is.

A reference put into an f-string leaves a marked token there, never Terraform's own ``${...}``: a user's literal ``${``
(an IAM policy variable, a shell line) is therefore always literal and always escaped, and a reference never forged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from groundsill.graph.value import Value

MARK = "\ue000"
"""What every reference in a text begins with, and no other text has: for loops in which a call for each would be felt."""
_CLOSE, _STEP = "\ue001", "\ue002"
_INDEX, _ELEMENT = "#", "*"


class Element(Value):
    """A step into a set, which Terraform cannot index: rendered as ``tolist(...)[index]``."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index: Final = index


Step = str | int | Element


class Reference(Value):
    """An attribute of a resource, data source or variable that is known only after apply.

    Works alone, inside strings, lists and maps.

    Arguments:
        address: ``aws_sqs_queue.jobs``, ``data.aws_caller_identity.current`` or ``var.sender``.
        path: steps from the address to the value, for example ``("arn",)``; a number indexes a list.

    Example:
        >>> table = Reference("aws_dynamodb_table.raw")
        >>> table.at("arn").expression
        'aws_dynamodb_table.raw.arn'
        >>> list(references_in(f"{table.at('arn')}/index/*"))
        [Reference(address='aws_dynamodb_table.raw', path=('arn',))]
    """

    __slots__ = ("address", "path")

    def __init__(self, address: str, path: tuple[Step, ...] = ()) -> None:
        self.address: Final = address
        self.path: Final = path

    def at(self, *steps: Step) -> Reference:
        """The reference some steps further in."""
        return Reference(self.address, self.path + steps)

    def element(self, index: int = 0) -> Reference:
        """One member of a set, for example of ``domain_validation_options``."""
        return self.at(Element(index))

    @property
    def expression(self) -> str:
        """The reference in Terraform's language, without ``${}``."""
        text = self.address
        for step in self.path:
            if isinstance(step, Element):
                text = f"tolist({text})[{step.index}]"
            elif isinstance(step, int):
                text = f"{text}[{step}]"
            elif step.isidentifier():
                text = f"{text}.{step}"
            else:
                text = f"{text}[{json.dumps(step)}]"
        return text

    @property
    def attribute(self) -> str:
        """The first named step, for example ``arn``; empty for a variable."""
        return next((step for step in self.path if isinstance(step, str)), "")

    def __str__(self) -> str:
        steps = [self.address]
        for step in self.path:
            if isinstance(step, Element):
                steps.append(f"{_ELEMENT}{step.index}")
            else:
                steps.append(f"{_INDEX}{step}" if isinstance(step, int) else step)
        return f"{MARK}{_STEP.join(steps)}{_CLOSE}"

    def __format__(self, specification: str) -> str:
        if specification:
            raise ValueError(f"{self.expression} is known only after apply, so it cannot be formatted as {specification!r}")
        return str(self)


_BROKEN = "broken"


class Broken(Reference):
    """Stands for a thing that could not be built because of a mistake that has already been reported.

    It fits wherever a component, a grant or a value fits and does nothing, so that one mistake gives one error and the
    rest of the definition is still read.
    """

    def __init__(self) -> None:
        super().__init__(_BROKEN)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self

    def __getitem__(self, key: Any) -> Any:
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __bool__(self) -> bool:
        return False


class Unknown(Value):
    """A value that a reader of a plan or of Terraform files could not work out: said to be unknown, never guessed.

    Arguments:
        expression: as written, for example ``cidrsubnet(data.aws_vpc.main.cidr_block, 8, 1)``; empty where nothing is known.
        references: what the expression refers to, so that who-refers-to-whom stays whole.

    Example:
        >>> unknown = Unknown("length(var.zones)", (Reference("var.zones"),))
        >>> [reference.expression for reference in references_in([unknown])]
        ['var.zones']
    """

    __slots__ = ("expression", "references")

    def __init__(self, expression: str = "", references: tuple[Reference, ...] = ()) -> None:
        self.expression: Final = expression
        self.references: Final = references

    def __str__(self) -> str:
        return f"(unknown: {self.expression})" if self.expression else "(unknown)"


UNKNOWN = Unknown()
"""The value of which nothing is known."""


class JsonDocument:
    """A structure that an argument takes as JSON text, kept as a structure so that every reader can look inside.

    Arguments:
        content: mappings, lists, strings, numbers, booleans and references.

    Example:
        >>> policy = JsonDocument({"Statement": [{"Resource": Reference("aws_sqs_queue.jobs", ("arn",))}]})
        >>> [reference.expression for reference in references_in(policy)]
        ['aws_sqs_queue.jobs.arn']
    """

    __slots__ = ("content",)

    def __init__(self, content: Any) -> None:
        self.content = content

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JsonDocument) and other.content == self.content

    def __hash__(self) -> int:
        return hash(json.dumps(self.content, sort_keys=True, default=str))

    def __repr__(self) -> str:
        return f"JsonDocument({self.content!r})"


def _decode(token: str) -> Reference:
    address, *steps = token.split(_STEP)
    if address == _BROKEN:
        return Broken()
    path: list[Step] = []
    for step in steps:
        if step.startswith(_ELEMENT):
            path.append(Element(int(step[1:])))
        else:
            path.append(int(step[1:]) if step.startswith(_INDEX) else step)
    return Reference(address, tuple(path))


def holds_reference(text: str) -> bool:
    """Whether a string has a reference in it: what most have not, told without taking it apart."""
    return MARK in text


def split_template(text: str) -> list[str | Reference]:
    """The literal parts and the references of a string, in order.

    Example:
        >>> split_template(f"{Reference('aws_s3_bucket.a', ('arn',))}/*")
        [Reference(address='aws_s3_bucket.a', path=('arn',)), '/*']
    """
    if MARK not in text:
        return [text] if text else []
    parts: list[str | Reference] = []
    for index, piece in enumerate(text.split(MARK)):
        if index == 0:
            if piece:
                parts.append(piece)
            continue
        token, _, literal = piece.partition(_CLOSE)
        parts.append(_decode(token))
        if literal:
            parts.append(literal)
    return parts


def references_in(value: Any) -> Iterator[Reference]:
    """Every reference inside a value, wherever it is nested."""
    found: list[Reference] = []
    _gather(value, found)
    return iter(found)


def _gather(value: Any, found: list[Reference]) -> None:
    # Every reader asks this of every value, and most values are plain: their types are tried first, and exactly.
    kind = type(value)  # pyright: ignore[reportUnknownVariableType]
    if kind is str:
        if MARK in value:
            found += [part for part in split_template(value) if isinstance(part, Reference)]
    elif kind is dict:
        for key, item in value.items():
            if type(key) is str and MARK in key:
                _gather(key, found)
            if type(item) is not str or MARK in item:
                _gather(item, found)
    elif kind is list or kind is tuple:
        for item in value:
            if type(item) is not str or MARK in item:
                _gather(item, found)
    elif kind is bool or kind is int or value is None:
        return
    else:
        _gather_other(value, found)


def _gather_other(value: Any, found: list[Reference]) -> None:
    if isinstance(value, Reference):
        found.append(value)
    elif isinstance(value, Unknown):
        found += value.references
    elif isinstance(value, JsonDocument):
        _gather(value.content, found)
    elif isinstance(value, str):
        _gather(str.__str__(value), found)
    elif isinstance(value, Mapping):
        _gather(dict(value), found)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            _gather(item, found)


def resolve(value: Any, lookup: Callable[[Reference], Any], *, json_text: bool = True) -> Any:
    """The value with every reference replaced by what ``lookup`` says.

    A string that is nothing but one reference takes the looked-up value with its type; inside a longer string the value
    is written as text.

    Arguments:
        value: any value of a resource's arguments.
        lookup: gives the value of a reference.
        json_text: whether a JSON document becomes its text (as AWS receives it, default) or stays a structure.
    """
    if isinstance(value, str):
        parts = split_template(value)
        if len(parts) == 1 and isinstance(parts[0], Reference):
            return lookup(parts[0])
        if all(isinstance(part, str) for part in parts):
            return value
        return "".join(part if isinstance(part, str) else str(lookup(part)) for part in parts)
    if isinstance(value, Reference):
        return lookup(value)
    if isinstance(value, Mapping):
        return {
            resolve(key, lookup): resolve(item, lookup, json_text=json_text)
            for key, item in value.items()  # pyright: ignore[reportUnknownVariableType]
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [resolve(item, lookup, json_text=json_text) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, JsonDocument):
        content = resolve(value.content, lookup)
        return json.dumps(content) if json_text else content
    return value
