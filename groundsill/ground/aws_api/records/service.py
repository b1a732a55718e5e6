"""A service, or a part of one, that keeps what it is told and nothing else."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from groundsill.ground.aws_api.emulator import Emulator
from groundsill.ground.aws_api.records.wire import Answer, Elsewhere, Refused, Wire

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Recorded:
    """The base of the services: each public method is an operation, named as the AWS SDK for Python names it.

    A method takes the parameters and returns the result, both by the names of the API; it raises `Refused`. What a
    service keeps is in the stores that `kept` gives; they are part of the API's durable state.

    Arguments:
        emulator: what holds account and region of the call at hand.
    """

    service: ClassVar[str]
    """botocore's name."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._wire = Wire(self.service)
        self._stores: dict[str, Any] = {}

    def kept(self, name: str) -> Any:
        """A dictionary that is another one for each account and region."""
        if name not in self._stores:
            self._stores[name] = self._emulator.responses.AccountRegionScopedDict()
        return self._stores[name]

    def arn(self, service: str, resource: str) -> str:
        """An ARN in this call's account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    @property
    def account(self) -> str:
        """The account of the call at hand."""
        return str(self._emulator.responses.get_account_id())

    @property
    def region(self) -> str:
        """The region of the call at hand."""
        return str(self._emulator.responses.get_region())

    # -- what the emulator asks of the module of a service -------------------------------------------------------------

    async def handle_request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]],
    ) -> Answer:
        """Answer a call; one that is not among the operations is refused by name."""
        answer = self.answer(method, path, headers, body, query)
        if answer is not None:
            return answer
        operation, _ = self._wire.request(method, path, headers, body, query)
        return self._wire.refusal(Refused(
            "UnknownOperationException", f"{operation or path} of {self.service} is not part of this AWS API", 501))

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]],
    ) -> Answer | None:
        """The answer to a call; None where it is not one of the operations here."""
        try:
            operation, given = self._wire.request(method, path, headers, body, query)
            handler: Any = getattr(self, snake_case(operation), None) if operation else None
            if handler is None:
                return None
            return self._wire.answer(operation, handler(given) or {})
        except Refused as refused:
            return self._wire.refusal(refused)
        except Elsewhere:
            return None

    def get_state(self) -> dict[str, Any]:
        """Everything kept."""
        return dict(self._stores)

    def load_persisted_state(self, data: Mapping[str, Any]) -> None:
        """Take back what `get_state` gave."""
        for name, store in data.items():
            self.kept(name).update(store)

    def reset(self) -> None:
        """Forget everything."""
        for store in self._stores.values():
            store.clear()


class Tagged(Recorded):
    """A service whose resources are tagged by ARN, with the tags kept apart from them."""

    def tags_of(self, arn: str) -> dict[str, str]:
        """The tags of a resource, to read and to change."""
        return self.kept("tags").setdefault(arn, {})

    def give_tags(self, arn: str, given: Any) -> None:
        """Add tags.

        Arguments:
            arn: the resource.
            given: a map, a list of ``{"Key": ..., "Value": ...}`` in either case, or nothing.
        """
        self.tags_of(arn).update(tag_map(given))
        self.kept("tags")[arn] = self.tags_of(arn)

    def take_tags(self, arn: str, names: list[str]) -> None:
        """Take tags away; those that are not there make no difference."""
        self.kept("tags")[arn] = {name: value for name, value in self.tags_of(arn).items() if name not in names}

    def tag_list(self, arn: str) -> list[dict[str, str]]:
        """The tags as a list of ``{"Key": ..., "Value": ...}``."""
        return [{"Key": name, "Value": value} for name, value in self.tags_of(arn).items()]

    def forget_tags(self, arn: str) -> None:
        """The resource is gone."""
        self.kept("tags").pop(arn, None)


def tag_map(given: Any) -> dict[str, str]:
    """Tags as a map, from any of the forms in which AWS's APIs take them.

    Example:
        >>> tag_map([{"Key": "System", "Value": "shop"}])
        {'System': 'shop'}
    """
    if not given:
        return {}
    if isinstance(given, Mapping):
        return dict(cast("Mapping[str, str]", given))
    tags = cast("list[dict[str, str]]", given)
    return {tag.get("Key", tag.get("key", "")): tag.get("Value", tag.get("value", "")) or "" for tag in tags}


def found(store: Any, key: str, what: str, code: str = "ResourceNotFoundException", status: int = 400) -> Any:
    """An entry of a store.

    Raises:
        Refused: where there is none.
    """
    try:
        return store[key]
    except KeyError:
        raise Refused(code, f"there is no {what} {key}", status) from None


def snake_case(operation: str) -> str:
    """An operation as the AWS SDK for Python names it.

    Example:
        >>> snake_case("PutLoggingConfiguration"), snake_case("ListTagsForResource")
        ('put_logging_configuration', 'list_tags_for_resource')
    """
    return _WORD.sub("_", operation).lower()


def now() -> float:
    """Seconds since the epoch, for timestamps."""
    return time.time()
