"""The AWS provider's schema, read one type at a time from the data file beside this module.

The file holds an index and one small compressed record a type, so that looking one type up reads a few
hundred bytes and nothing else. ``groundsill.aws.packing`` writes it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from groundsill.aws.types import Type, type_of_code

Nesting = Literal["list", "set", "single", "map"]

MAGIC = b"groundsill-schema-1\n"
DATA_FILE = Path(__file__).with_name("schema.bin")
_PLAIN = {"string": str, "bool": bool, "number": int}
_NESTING: dict[str, Nesting] = {"l": "list", "t": "set", "1": "single", "m": "map"}


class Attribute(NamedTuple):
    """One attribute of a resource type or of a nested block.

    Arguments:
        type: its value type.
        required: must be given.
        optional: may be given.
        computed: AWS decides it where it is not given.
        deprecated: the provider will drop it.
        sensitive: Terraform hides its value.
        write_only: Terraform sends it and never stores it.
        plain: the Python type whose values it takes as they are, without another word; None for none.
    """

    type: Type
    required: bool
    optional: bool
    computed: bool
    deprecated: bool
    sensitive: bool
    write_only: bool
    plain: type | None = None

    @property
    def settable(self) -> bool:
        """Whether a definition may give it a value."""
        return self.required or self.optional


@cache
def attribute_of_code(code: str) -> Attribute:
    """The attribute that a code stands for: flags, then the type's code.

    ``r`` required, ``o`` optional, ``c`` computed, ``p`` optional and computed; before it ``D`` deprecated,
    ``S`` sensitive, ``W`` write-only.
    """
    flags = code[: next(index for index, letter in enumerate(code) if letter.islower()) + 1]
    mode = flags[-1]
    type = type_of_code(code[len(flags) :])
    return Attribute(
        type,
        mode == "r",
        mode in "op",
        mode in "cp",
        "D" in flags,
        "S" in flags,
        "W" in flags,
        _PLAIN.get(type.kind) if mode != "c" and "D" not in flags else None,
    )


class NestedBlock(NamedTuple):
    """How often a nested block may appear, and what it holds.

    Arguments:
        nesting: ``list``, ``set``, ``single`` or ``map``.
        min_items: least number of blocks, 0 for none.
        max_items: greatest number of blocks, None for no limit.
        block: what it holds.
    """

    nesting: Nesting
    min_items: int
    max_items: int | None
    block: Block


class Block:
    """The attributes and nested blocks of a type or of a nested block, which are decoded when they are asked for."""

    __slots__ = (
        "_blocks", "_known", "_nested", "_record", "attributes", "deprecated", "descriptions", "required", "required_blocks",
    )

    def __init__(self, record: list[list[Any]], index: int, blocks: dict[int, Block]) -> None:
        attributes, nested, *rest = record[index]
        self.attributes: dict[str, Attribute] = {
            name: attribute_of_code(code) for name, code in attributes.items()
        }
        self.deprecated: bool = bool(rest and rest[0])
        self.descriptions: dict[str, str] = rest[1] if len(rest) > 1 else {}
        self._nested: dict[str, list[Any]] = nested
        self.required = tuple(name for name, attribute in self.attributes.items() if attribute.required)
        self.required_blocks = tuple(name for name, (_, least, *_) in nested.items() if least)
        self._record = record
        self._blocks = blocks
        self._known: dict[str, NestedBlock] = {}
        blocks[index] = self

    @property
    def block_names(self) -> tuple[str, ...]:
        """Names of the nested blocks."""
        return tuple(self._nested)

    @property
    def arguments(self) -> list[str]:
        """Names that a definition may set: settable attributes and nested blocks."""
        return [name for name, attribute in self.attributes.items() if attribute.settable] + list(
            self._nested
        )

    def has_block(self, name: str) -> bool:
        """Whether there is a nested block of this name."""
        return name in self._nested

    def nested(self, name: str) -> NestedBlock:
        """One nested block.

        Raises:
            KeyError: where there is none of this name.
        """
        found = self._known.get(name)
        if found is None:
            nesting, minimum, maximum, index = self._nested[name]
            block = self._blocks.get(index) or Block(self._record, index, self._blocks)
            found = self._known[name] = NestedBlock(_NESTING[nesting], minimum, maximum or None, block)
        return found

    def least(self, name: str) -> int:
        """The least number of nested blocks of a name, without decoding what they hold."""
        return int(self._nested[name][1])

    def number_of(self, name: str) -> int:
        """The nested block's number: equal numbers within a type are equal blocks."""
        return int(self._nested[name][3])


class SchemaFile:
    """The data file.

    Arguments:
        path: the file, default the one in the package.
    """

    def __init__(self, path: Path = DATA_FILE) -> None:
        self.path = path

    @cached_property
    def _layout(self) -> tuple[dict[str, Any], bytes, bytes, int]:
        with self.path.open("rb") as file:
            if file.readline() != MAGIC:
                raise ValueError(f"{self.path} is not a schema file of this version")
            header = json.loads(file.readline())
            dictionary = file.read(header["dictionary"])
            index = file.read(header["index"])
            return header, zlib.decompress(dictionary), index, file.tell()

    @property
    def provider_version(self) -> str:
        """Version of ``hashicorp/aws`` that the file was made from."""
        return str(self._layout[0]["version"])

    def names(self, *, data: bool = False) -> Iterator[str]:
        """Every type, without ``aws_``, sorted."""
        kind = b"d" if data else b"r"
        for line in self._layout[2].splitlines():
            if line[:1] == kind:
                yield line[2 : line.index(b" ", 2)].decode()

    def record(self, name: str, *, data: bool = False) -> list[list[Any]] | None:
        """The undecoded record of one type, or None where the provider has no such type."""
        _, dictionary, index, start = self._layout
        key = f"\n{'d' if data else 'r'} {name} ".encode()
        found = index.find(key)
        if found < 0:
            return None
        offset, length = index[found + len(key) : index.index(b"\n", found + 1)].split()
        with self.path.open("rb") as file:
            file.seek(start + int(offset))
            packed = file.read(int(length))
        return json.loads(zlib.decompressobj(zdict=dictionary).decompress(packed))

    def block(self, name: str, *, data: bool = False) -> Block | None:
        """The schema of one type, or None where the provider has no such type.

        Arguments:
            name: short name, without ``aws_``.
            data: whether a data source is meant, default False.
        """
        record = self.record(name, data=data) if name.replace("_", "a").isalnum() else None
        return None if record is None else Block(record, len(record) - 1, {})


@cache
def schema_file() -> SchemaFile:
    """The data file of the package."""
    return SchemaFile()


@cache
def type_schema(type: str, *, data: bool = False) -> Block | None:
    """The schema of one Terraform type, decoded once.

    Arguments:
        type: Terraform type, for example ``aws_sqs_queue``.
        data: whether a data source is meant, default False.

    Returns:
        The schema, or None where the AWS provider has no such type.
    """
    return schema_file().block(type.removeprefix("aws_"), data=data) if type.startswith("aws_") else None
