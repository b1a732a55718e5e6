"""The one place that imports MiniStack, so that it can be swapped.

Its settings are environment variables read at import ("Configuration", MiniStack README), so `load` sets them first.
"""

from __future__ import annotations

import importlib
import os
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CANONICAL_PORT = "4566"
"""The emulator stores queue addresses with this port and answers with the port that the caller used, so that stored
queues stay valid when the API's own port changes."""


@dataclass(frozen=True)
class Emulator:
    """MiniStack's modules that the server uses; all untyped."""

    app: Any
    iam_actions: Any
    iam_evaluator: Any
    responses: Any
    router: Any
    sigv4: Any

    def service(self, module: str) -> Any:
        """A service's module, loaded on first use, e.g. ``dynamodb``."""
        return self.app._get_module(module)

    def loaded(self) -> dict[str, Any]:
        """Modules of the services in use, by the name under which the emulator stores their state."""
        found: dict[str, Any] = {}
        for key, name in self.app._state_map.items():
            module = sys.modules.get(f"ministack.services.{name}")
            if module is not None and hasattr(module, "get_state"):
                found[key] = module
        return found


def load(data_directory: Path, region: str, account_id: str, root_access_key_id: str, root_secret: str) -> Emulator:
    """Set the emulator up for this process and import it."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "MINISTACK_", "S3_", "SMTP_", "COGNITO_"))]:
        del os.environ[name]
    os.environ.update({
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": root_access_key_id,
        "AWS_SECRET_ACCESS_KEY": root_secret,
        "MINISTACK_REGION": region,
        "MINISTACK_ACCOUNT_ID": account_id,
        "GATEWAY_PORT": CANONICAL_PORT,
        "STATE_DIR": str(data_directory / "keys"),
        "PERSIST_STATE": "0",  # it saves at a clean exit only; durability.py stores each call
        "S3_PERSIST": "1",  # objects are files, written beside and renamed
        "S3_DATA_DIR": str(data_directory / "objects"),
        "LOG_LEVEL": "WARNING",
        "DOCKER_HOST": "unix:///nonexistent",  # it must never start containers: the ground runs workloads
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
    })
    _without_hypercorn()
    names = ("app", "core.iam_actions", "core.iam_evaluator", "core.responses", "core.router", "core.sigv4")
    return Emulator(*(importlib.import_module(f"ministack.{name}") for name in names))


class _Absent(types.ModuleType):
    """A module whose every name is an empty class."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (), {"__init__": _nothing, "__post_init__": _nothing, "stream_send": _nothing,
                               "app_send": _nothing, "_send_error_response": _nothing})
        setattr(self, name, made)
        return made


def _nothing(*_: object, **__: object) -> None:
    return None


def _without_hypercorn() -> None:
    """Spare a quarter of a second at start: the emulator imports its own HTTP server, which we do not use."""
    compat = types.ModuleType("ministack.core.hypercorn_compat")
    compat.install = _nothing  # pyright: ignore[reportAttributeAccessIssue]
    sys.modules["ministack.core.hypercorn_compat"] = compat
    for name in ("hypercorn", "hypercorn.config", "hypercorn.protocol", "hypercorn.protocol.events",
                 "hypercorn.protocol.h11", "hypercorn.protocol.ws_stream"):
        sys.modules[name] = _Absent(name)
