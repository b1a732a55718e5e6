"""Terraform's meta arguments: what every resource takes beside its own arguments."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from groundsill.aws.problems import DEPRECATED, INVALID_META_ARGUMENT, INVALID_NAME, Problems, shown, text_of
from groundsill.aws.schema import Block
from groundsill.graph.diagnostics import Severity, did_you_mean
from groundsill.graph.reference import Broken, Reference
from groundsill.graph.resource import Lifecycle, Resource
from groundsill.graph.shapes import is_list, is_set

_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
"""Terraform language documentation, "Syntax", Identifiers; kept to ASCII."""
_ADDRESS = r"(data\.)?[a-z][a-z0-9_]*\.[A-Za-z_][A-Za-z0-9_-]*"
_REGION = r"[a-z]{2}(-[a-z]+)+-\d"
_RESERVED = {
    "count": "write a Python loop: each turn constructs one resource under its own name",
    "for_each": "write a Python loop: each turn constructs one resource under its own name",
    "provisioner": "Groundsill has none: run it from the image or from user data",
    "connection": "Groundsill has none: run it from the image or from user data",
    "dynamic": "pass a list of mappings",
}


class Meta(NamedTuple):
    """The meta arguments of one resource, checked.

    Arguments:
        depends_on: addresses.
        lifecycle: Terraform's lifecycle block, or None.
        region: region whose provider it uses; None for the default one's.
        provider: alias of a provider, where that is given instead of a region.
        moved_from: earlier addresses.
    """

    depends_on: tuple[str, ...] = ()
    lifecycle: Lifecycle | None = None
    region: str | None = None
    provider: str | None = None
    moved_from: tuple[str, ...] = ()


NOTHING = Meta()
NAMES = frozenset({"depends_on", "lifecycle", "provider", "region", "moved_from", *_RESERVED})


def checked_name(name: Any, problems: Problems) -> str:
    """The Terraform name, or a usable one in its place where it is not valid."""
    if isinstance(name, str) and re.fullmatch(_NAME, name):
        return name
    usable = re.sub(r"[^A-Za-z0-9_-]", "_", text_of(name)) or "_"
    usable = usable if re.match(_NAME, usable) else f"_{usable}"
    problems.add(
        INVALID_NAME,
        f"invalid Terraform name for {problems.type}",
        f"{shown(name)} is not letters, digits, `_` and `-`, starting with a letter or `_`",
        f"for example {usable!r}",
        argument="name",
    )
    return usable


def take_meta(type: str, schema: Block, arguments: dict[str, Any], problems: Problems) -> Meta:
    """Take the meta arguments out of the arguments and check them.

    An argument of the type itself goes first: eight types have a ``region`` of their own, which then is
    meant.

    Arguments:
        type: Terraform type.
        schema: the type's schema.
        arguments: what the user wrote; the meta arguments are removed from it.
        problems: receives mistakes.
    """
    if NAMES.isdisjoint(arguments):
        return NOTHING
    given = {name: arguments.pop(name) for name in NAMES & arguments.keys() if not _own(schema, name)}
    for name, mend in _RESERVED.items():
        if given.get(name) is not None:
            problems.add(
                INVALID_META_ARGUMENT, f"`{name}` is not an argument of {type}", mend=mend, argument=name
            )
    region = _region(given.get("region"), problems)
    provider = given.get("provider")
    if provider is not None and (not isinstance(provider, str) or not re.fullmatch(_NAME, provider)):
        problems.add(
            INVALID_META_ARGUMENT,
            f"invalid `provider` of {type}",
            f"it takes a region or an alias, not {shown(provider)}",
            "for example region='us-east-1'",
            argument="provider",
        )
        provider = None
    if isinstance(provider, str) and re.fullmatch(_REGION, provider):
        region, provider = provider, None
    return Meta(
        tuple(_addresses("depends_on", given.get("depends_on"), problems)),
        _lifecycle(given.get("lifecycle"), schema, problems),
        region,
        provider,
        tuple(_earlier(type, given.get("moved_from"), problems)),
    )


def _own(schema: Block, name: str) -> bool:
    attribute = schema.attributes.get(name)
    return schema.has_block(name) or bool(attribute and attribute.settable)


def _region(region: Any, problems: Problems) -> str | None:
    if region is None or (isinstance(region, str) and re.fullmatch(_REGION, region)):
        return region
    problems.add(
        INVALID_META_ARGUMENT,
        f"invalid `region` of {problems.type}",
        f"{shown(region)} is not the name of an AWS region",
        "for example region='us-east-1'",
        argument="region",
    )
    return None


def _listed(value: Any) -> Iterable[Any]:
    if value is None:
        return ()
    listed: Iterable[Any] = value if is_list(value) or is_set(value) else (value,)
    return listed


def _addresses(name: str, value: Any, problems: Problems) -> Iterable[str]:
    for item in _listed(value):
        if isinstance(item, Broken) or item is None:
            continue
        address = item.address if isinstance(item, Resource | Reference) else item
        if isinstance(address, str) and re.fullmatch(_ADDRESS, address):
            yield address
        else:
            problems.add(
                INVALID_META_ARGUMENT,
                f"invalid `{name}` of {problems.type}",
                f"{shown(item)} is neither a resource nor an address",
                "for example `aws_sqs_queue.jobs`",
                argument=name,
            )


def _earlier(type: str, value: Any, problems: Problems) -> Iterable[str]:
    names = [
        f"{type}.{item}" if isinstance(item, str) and re.fullmatch(_NAME, item) else item
        for item in _listed(value)
    ]
    return _addresses("moved_from", names, problems)


def _lifecycle(value: Any, schema: Block, problems: Problems) -> Lifecycle | None:
    if value is None:
        return None
    if not isinstance(value, Lifecycle):
        problems.add(
            INVALID_META_ARGUMENT,
            f"invalid `lifecycle` of {problems.type}",
            f"it takes a Lifecycle, not {shown(value)}",
            "for example lifecycle=Lifecycle(prevent_destroy=True)",
            argument="lifecycle",
        )
        return None
    known = [*schema.attributes, *schema.block_names]
    kept: list[str] = []
    for path in value.ignore_changes:
        top = re.split(r"[.\[]", path, maxsplit=1)[0]
        if top in known or path == "all":
            kept.append(path)
        else:
            problems.add(
                INVALID_META_ARGUMENT,
                f"unknown argument `{top}` in `ignore_changes` of {problems.type}",
                mend=did_you_mean(top, known, what="Known arguments"),
                argument="lifecycle",
            )
    return Lifecycle(value.create_before_destroy, value.prevent_destroy, tuple(kept))


def warn_deprecated_type(schema: Block, problems: Problems) -> None:
    """Keep a warning where the provider will drop the whole type."""
    if schema.deprecated:
        problems.add(
            DEPRECATED,
            f"{problems.type} is deprecated",
            "a later version of the AWS provider will drop it",
            "see the type's page in the provider's documentation",
            severity=Severity.WARNING,
        )
