"""Write the schema data file from what ``terraform providers schema -json`` prints.

Not used when Groundsill runs: ``scripts/generate_aws_schema.py`` calls it when the provider's version
changes.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

from groundsill.aws.schema import MAGIC
from groundsill.aws.types import code_of_type

PROVIDER = "registry.terraform.io/hashicorp/aws"
_LARGEST_DICTIONARY = 32 * 1024  # zlib's window
_NESTING = {"list": "l", "set": "t", "single": "1", "map": "m", "group": "1"}
_MODES = {(True, False): "r", (False, False): "o", (False, True): "p"}


def records_of(provider_schemas: dict[str, Any]) -> dict[tuple[str, str], list[list[Any]]]:
    """One record a type, by kind (``r`` or ``d``) and short name.

    Arguments:
        provider_schemas: the document that ``terraform providers schema -json`` prints.
    """
    provider = provider_schemas["provider_schemas"][PROVIDER]
    records: dict[tuple[str, str], list[list[Any]]] = {}
    for kind, section in (("r", "resource_schemas"), ("d", "data_source_schemas")):
        for type in sorted(provider[section]):
            blocks: dict[str, int] = {}
            encoded: list[list[Any]] = []
            root = provider[section][type]["block"]
            _encode(root, blocks, encoded)
            records[kind, type.removeprefix("aws_")] = encoded
    return records


def _uncertain_ids(provider_schemas: dict[str, Any], section: str) -> dict[str, dict[str, Any]]:
    types = provider_schemas["provider_schemas"][PROVIDER][section]
    return {
        type: types[type]["block"]
        for type in sorted(types)
        if {"optional", "computed"} <= types[type]["block"]["attributes"].get("id", {}).keys()
    }


_PLACEHOLDERS: dict[str, Any] = {"string": "x", "number": 1, "bool": True, "list": [], "set": [], "map": {}}


def _smallest(block: dict[str, Any]) -> dict[str, Any]:
    """The fewest arguments that Terraform itself, before it asks the provider, takes for a block."""
    arguments: dict[str, Any] = {
        name: _PLACEHOLDERS[attribute["type"] if isinstance(attribute["type"], str) else attribute["type"][0]]
        for name, attribute in block.get("attributes", {}).items()
        if attribute.get("required")
    }
    for name, nested in block.get("block_types", {}).items():
        if nested.get("min_items"):
            arguments[name] = [_smallest(nested["block"])] * nested["min_items"]
    return arguments


def id_probe(provider_schemas: dict[str, Any]) -> dict[str, Any]:
    """A configuration that gives an id to every data source whose schema calls it optional.

    The provider's older framework adds an optional id to every type. A resource never takes one, and a data
    source only where it has an argument of that name; for the others ``terraform validate`` answers "Invalid
    or unknown key".
    """
    blocks = _uncertain_ids(provider_schemas, "data_source_schemas")
    return {"data": {type: {"x": {**_smallest(block), "id": "x"}} for type, block in blocks.items()}}


def mark_refused_ids(provider_schemas: dict[str, Any], diagnostics: list[dict[str, Any]]) -> None:
    """Make every id computed-only that the provider does not take.

    Arguments:
        provider_schemas: changed in place.
        diagnostics: what ``terraform validate -json`` answers to :func:`id_probe`.
    """
    refused = {
        str(diagnostic["snippet"]["context"]).split(".")[1]
        for diagnostic in diagnostics
        if diagnostic["summary"] == "Invalid or unknown key" and '"id"' in diagnostic["snippet"]["code"]
    }
    sources = _uncertain_ids(provider_schemas, "data_source_schemas")
    blocks = [block for type, block in sources.items() if type in refused]
    for block in [*blocks, *_uncertain_ids(provider_schemas, "resource_schemas").values()]:
        block["attributes"]["id"].pop("optional")


def _attribute_code(attribute: dict[str, Any]) -> str:
    flags = "".join(
        letter
        for letter, key in (("D", "deprecated"), ("S", "sensitive"), ("W", "write_only"))
        if attribute.get(key)
    )
    settable = attribute.get("required") or attribute.get("optional")
    mode = _MODES[bool(attribute.get("required")), bool(attribute.get("computed"))] if settable else "c"
    return flags + mode + code_of_type(attribute["type"])


def _encode(block: dict[str, Any], blocks: dict[str, int], encoded: list[list[Any]]) -> int:
    attributes = {name: _attribute_code(value) for name, value in sorted(block.get("attributes", {}).items())}
    nested = {
        name: [
            _NESTING[child["nesting_mode"]],
            child.get("min_items", 0),
            child.get("max_items", 0),
            _encode(child["block"], blocks, encoded),
        ]
        for name, child in sorted(block.get("block_types", {}).items())
    }
    descriptions = {
        name: " ".join(str(value["description"]).split())
        for name, value in sorted(block.get("attributes", {}).items())
        if value.get("description")
    }
    record: list[Any] = [attributes, nested]
    if block.get("deprecated") or descriptions:
        record.append(1 if block.get("deprecated") else 0)
    if descriptions:
        record.append(descriptions)
    # The same block (a filter statement, a column format) appears up to a thousand times in one type: keep it
    # once. The type's own block cannot equal one that it holds, so it comes last.
    key = _text(record)
    if key not in blocks:
        blocks[key] = len(encoded)
        encoded.append(record)
    return blocks[key]


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _dictionary(records: dict[tuple[str, str], list[list[Any]]]) -> bytes:
    """What many types have in common, the most frequent last, where zlib finds it cheapest."""
    pieces: Counter[str] = Counter()
    for encoded in records.values():
        for attributes, nested, *_ in encoded:
            pieces.update(f'"{name}":"{code}",' for name, code in attributes.items())
            pieces.update(f'"{name}":[{_text(value[:3])[1:-1]},' for name, value in nested.items())
    ranked = sorted(pieces.items(), key=lambda item: (-item[1] * len(item[0]), item[0]))
    chosen: list[str] = []
    size = 0
    for piece, count in ranked:
        if count > 2 and size + len(piece) <= _LARGEST_DICTIONARY:
            chosen.append(piece)
            size += len(piece)
    return "".join(reversed(chosen)).encode()


def pack(provider_schemas: dict[str, Any], version: str) -> bytes:
    """The data file's bytes: equal input gives equal bytes.

    Arguments:
        provider_schemas: the document that ``terraform providers schema -json`` prints.
        version: version of ``hashicorp/aws``, for example ``5.100.0``.
    """
    records = records_of(provider_schemas)
    dictionary = _dictionary(records)
    index: list[str] = [""]
    packed: list[bytes] = []
    offset = 0
    for (kind, name), record in records.items():
        compressor = zlib.compressobj(
            9, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_DEFAULT_STRATEGY, dictionary
        )
        data = compressor.compress(_text(record).encode()) + compressor.flush()
        index.append(f"{kind} {name} {offset} {len(data)}")
        packed.append(data)
        offset += len(data)
    index_bytes = ("\n".join(index) + "\n").encode()
    dictionary_bytes = zlib.compress(dictionary, 9)
    header = {
        "provider": "hashicorp/aws",
        "version": version,
        "dictionary": len(dictionary_bytes),
        "index": len(index_bytes),
    }
    return b"".join([MAGIC, _text(header).encode(), b"\n", dictionary_bytes, index_bytes, *packed])


def write_schema(provider_schemas: dict[str, Any], version: str, path: Path) -> int:
    """Write the data file, beside and then renamed, and return its size in bytes."""
    data = pack(provider_schemas, version)
    beside = path.with_suffix(".new")
    beside.write_bytes(data)
    beside.replace(path)
    return len(data)
