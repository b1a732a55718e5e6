"""Write the ``.pyi`` files that let an editor complete and a type checker check ``groundsill.aws``.

Generated from the schema data file when the package is built or set up (``python -m groundsill.aws.stubs``),
and never needed when Groundsill runs. One file a service (the first word of its types' names), so that a type
checker reads the services that a definition uses and no others.
"""

from __future__ import annotations

import argparse
import keyword
import sys
from collections.abc import Iterable
from pathlib import Path

from groundsill.aws.json_arguments import takes_json
from groundsill.aws.schema import Attribute, Block, schema_file
from groundsill.aws.types import Type
from groundsill.graph.resource import Resource

_FOLDER = "_stubs"
_HEADER = "# Generated from the AWS provider's schema by groundsill.aws.stubs. Do not edit.\n"
_ALIASES = """
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from groundsill.graph.reference import JsonDocument, Reference
from groundsill.graph.resource import Lifecycle as Lifecycle, Resource

_B = TypeVar("_B")
# Terraform turns a number into text, and many arguments that hold numbers are text to it.
Text: TypeAlias = str | int | Reference | JsonDocument
Json: TypeAlias = str | Reference | JsonDocument | Mapping[str, Any] | list[Any]
Number: TypeAlias = float | Reference
Flag: TypeAlias = bool | Reference
Texts: TypeAlias = (
    list[str] | list[Reference] | list[str | Reference] | tuple[str | Reference, ...] | set[str] | Reference
)
Numbers: TypeAlias = (
    list[int] | list[float] | list[float | Reference] | tuple[float | Reference, ...] | set[int] | Reference
)
TextMap: TypeAlias = Mapping[str, str | int | Reference | None] | Reference
Blocks: TypeAlias = _B | Sequence[_B | None]
Dependencies: TypeAlias = Resource | str | Sequence[Resource | Reference | str]
Earlier: TypeAlias = str | Sequence[str]
"""
_IMPORTS = """
from collections.abc import Mapping, Sequence
from typing import Any, Required, TypedDict

from groundsill.aws.{folder}._types import (
    Blocks, Dependencies, Earlier, Flag, Json, Lifecycle, Number, Numbers, Text, TextMap, Texts,
)
from groundsill.aws.resource import AwsResource
from groundsill.graph.reference import Reference
"""
_META = (
    "depends_on: Dependencies | None = ...",
    "lifecycle: Lifecycle | None = ...",
    "region: str | None = ...",
    "provider: str | None = ...",
    "moved_from: Earlier | None = ...",
)
_PRIMITIVES = {"string": "Text", "number": "Number", "bool": "Flag", "dynamic": "Any"}
_COLLECTIONS = {"string": "Texts", "number": "Numbers"}


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def _python(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name


class _Writer:
    """The stub text of one type: a typed dictionary a nested block, a class of attributes, a constructor."""

    def __init__(self, name: str, block: Block, *, data: bool) -> None:
        self.name = name
        self.block = block
        self.data = data
        self.type = f"aws_{name}"
        self.title = _camel(name)
        self._dictionaries: dict[str, list[str]] = {}
        self._by_number: dict[int, str] = {}
        self._objects: dict[str, str] = {}

    def text(self) -> str:
        arguments = self._arguments()
        kind = "data-sources" if self.data else "resources"
        page = f"hashicorp/aws/{schema_file().provider_version}/docs/{kind}/{self.name}"
        lines: list[str] = []
        for title, fields in self._dictionaries.items():
            lines += [
                f"class {title}(TypedDict, total=False):",
                *(f"    {field}" for field in fields or ["..."]),
                "",
            ]
        lines += [f"class {self.title}(AwsResource):", *(f"    {line}" for line in self._attributes()), ""]
        lines += [
            # The first one is the Terraform name; `name` is what many types call AWS's own.
            f"def {_python(self.name)}(",
            "    terraform_name: str, /, *,",
            *(f"    {argument}," for argument in arguments),
            f") -> {self.title}:",
            f'    """{self.type}: {page}"""',
            "",
        ]
        return "\n".join(lines)

    def _attributes(self) -> list[str]:
        # What a graph node has of its own is not an attribute of the type: `queue["name"]` reads that.
        own = set(dir(Resource)) | set(vars(Resource("", "")))
        names = sorted({*self.block.attributes, *self.block.block_names} - own)
        return [f"{name}: Reference" for name in names if not keyword.iskeyword(name)] or ["..."]

    def _arguments(self) -> list[str]:
        needed: list[str] = []
        optional: list[str] = []
        for name, attribute in self.block.attributes.items():
            if attribute.settable:
                value = self._value(name, attribute)
                (needed if attribute.required else optional).append(
                    f"{_python(name)}: {value}" + ("" if attribute.required else " | None = ...")
                )
        for name in self.block.block_names:
            value = self._block(name, self.block, self.title)
            least = self.block.least(name)
            (needed if least else optional).append(
                f"{_python(name)}: {value}" + ("" if least else " | None = ...")
            )
        taken = {*self.block.arguments}
        return needed + optional + [line for line in _META if line.partition(":")[0] not in taken]

    def _value(self, name: str, attribute: Attribute) -> str:
        if attribute.type.kind == "string" and takes_json(self.type, name):
            return "Json"
        return self._annotation(attribute.type, f"{self.title}{_camel(name)}")

    def _annotation(self, type: Type, title: str) -> str:
        if type.primitive:
            return _PRIMITIVES[type.kind]
        if type.kind == "object":
            return self._object(type, title)
        element = type.element
        assert element is not None
        if type.kind == "map":
            inner = self._annotation(element, title)
            return "TextMap" if element.kind == "string" else f"Mapping[str, {inner} | None] | Reference"
        if element.kind in _COLLECTIONS:
            return _COLLECTIONS[element.kind]
        inner = self._annotation(element, title)
        return (
            f"Blocks[{inner}] | Reference" if element.kind == "object" else f"Sequence[{inner}] | Reference"
        )

    def _object(self, type: Type, title: str) -> str:
        if title not in self._dictionaries:
            fields = self._dictionaries[title] = []
            for name, field in type.fields.items():
                fields.append(f"{_python(name)}: {self._annotation(field, title + _camel(name))} | None")
        return title

    def _block(self, name: str, parent: Block, title: str) -> str:
        number = parent.number_of(name)
        nested = parent.nested(name)
        known = self._by_number.get(number)
        if known is None:
            known = self._by_number[number] = f"{title}{_camel(name)}"
            fields = self._dictionaries[known] = []
            for key, attribute in nested.block.attributes.items():
                if attribute.settable:
                    value = (
                        self._value(key, attribute)
                        if attribute.type.primitive
                        else self._annotation(attribute.type, f"{known}{_camel(key)}")
                    )
                    fields.append(
                        f"{_python(key)}: "
                        + (f"Required[{value}]" if attribute.required else f"{value} | None")
                    )
            for key in nested.block.block_names:
                value = self._block(key, nested.block, known)
                least = nested.block.least(key)
                fields.append(f"{_python(key)}: " + (f"Required[{value}]" if least else f"{value} | None"))
        if nested.nesting == "map":
            return f"Mapping[str, {known}]"
        return f"Blocks[{known}]"


def _groups(names: Iterable[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.split("_", 1)[0], []).append(name)
    return groups


def stub_files() -> dict[str, str]:
    """Every stub file's text by its path below ``groundsill/aws``."""
    files = {f"{_FOLDER}/__init__.pyi": _HEADER, f"{_FOLDER}/_types.pyi": _HEADER + _ALIASES}
    for data in (False, True):
        prefix = "data_" if data else ""
        lines = [_HEADER]
        if not data:
            lines += [
                "from groundsill.aws import data as data",
                "from groundsill.aws.resource import AwsResource as AwsResource",
                "from groundsill.graph.resource import Lifecycle as Lifecycle",
            ]
        for group, names in _groups(schema_file().names(data=data)).items():
            texts: list[str] = []
            for name in names:
                block = schema_file().block(name, data=data)
                assert block is not None
                texts.append(_Writer(name, block, data=data).text())
                # `aws.lambda` and the like cannot be written in Python, and no type is called so today.
                lines.append(f"from groundsill.aws.{_FOLDER}.{prefix}{group}_ import {name} as {name}")
            files[f"{_FOLDER}/{prefix}{group}_.pyi"] = "\n".join(
                [_HEADER + _IMPORTS.format(folder=_FOLDER), *texts]
            )
        files["data.pyi" if data else "__init__.pyi"] = "\n".join(lines) + "\n"
    return files


def write_stubs(folder: Path | None = None) -> int:
    """Write the stub files, and remove those of types that are gone.

    Arguments:
        folder: folder of the package ``groundsill.aws``, default the installed one.

    Returns:
        Number of files.
    """
    root = folder or Path(__file__).parent
    files = stub_files()
    (root / _FOLDER).mkdir(parents=True, exist_ok=True)
    for old in (root / _FOLDER).glob("*.pyi"):
        if f"{_FOLDER}/{old.name}" not in files:
            old.unlink()
    for name, text in files.items():
        path = root / name
        if not path.is_file() or path.read_text() != text:
            beside = path.with_suffix(".new")
            beside.write_text(text)
            beside.replace(path)
    return len(files)


def main(arguments: list[str] | None = None) -> int:
    """``python -m groundsill.aws.stubs [--out FOLDER]``."""
    parser = argparse.ArgumentParser(
        prog="python -m groundsill.aws.stubs", description="Write the .pyi files."
    )
    parser.add_argument("--out", type=Path, default=None, help="folder of the package groundsill.aws")
    folder: Path | None = parser.parse_args(arguments).out
    try:
        count = write_stubs(folder)
    except OSError as error:
        print(f"error: the stubs cannot be written\n  {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"{count} stub files written")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
