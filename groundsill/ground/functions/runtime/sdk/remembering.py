"""Remembering what depends on nothing but its arguments: the user agent, the host of an address."""

from __future__ import annotations

import functools
import importlib
import operator
from collections.abc import Mapping
from typing import Any

from .ordinary import replace

_MOST_AGENTS = 256
_of_agent = operator.attrgetter(
    "_platform_name", "_platform_version", "_platform_machine", "_python_version", "_python_implementation",
    "_execution_env", "_crt_version", "_session_user_agent_name", "_session_user_agent_version",
    "_session_user_agent_extra",
)


def _of_config(config: Any) -> tuple[Any, ...]:
    """What a client's configuration says in the user agent."""
    retries: Mapping[str, Any] = config.retries or {}
    return (
        getattr(config, "_supplied_user_agent", ""), config.user_agent, config.user_agent_extra, config.user_agent_appid,
        config.endpoint_discovery_enabled, bool(retries), retries.get("mode"),
    )


def place() -> None:
    """Puts what remembers in the place of what computes anew."""
    agent: Any = importlib.import_module("botocore.useragent")
    auth: Any = importlib.import_module("botocore.auth")
    awsrequest: Any = importlib.import_module("botocore.awsrequest")
    user_agent = agent.UserAgentString
    plain = user_agent.to_string
    remembered: dict[Any, str] = {}

    def to_string(self: Any) -> str:
        config = self._client_config
        context = agent.get_context()
        found_features: set[str] = set() if context is None else context.features
        own_features: set[str] = self._client_features or set()
        try:
            # In the order of the same union, which is the order in which they are written.
            features = tuple(own_features.union(found_features))
            key = (_of_agent(self), features, None if config is None else _of_config(config), agent.modify_components)
            found = remembered.get(key)
        except (AttributeError, TypeError):
            return plain(self)
        if found is None:
            if len(remembered) >= _MOST_AGENTS:
                remembered.clear()
            found = remembered[key] = plain(self)
        return found

    replace(user_agent, "to_string", to_string)
    for owner, name in ((auth, "_host_from_url"), (awsrequest, "_urljoin")):
        # ``lru_cache`` names what it remembers as ``__wrapped__``, like every other way.
        setattr(owner, name, functools.lru_cache(maxsize=64)(getattr(owner, name)))
