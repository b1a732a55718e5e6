"""The running system's door for commands about it; `ground.door` is the side of the command.

Any program of the machine, and any page in a browser on it, reaches a local port: without the key nothing is answered.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from pathlib import Path
from typing import Any

from groundsill.ground.door import FILE_NAME, KEY_HEADER
from groundsill.ground.edge.asgi import (
    BodyTooLarge,
    ClientGone,
    HttpResponse,
    Receive,
    Scope,
    Send,
    read_body,
    respond,
)
from groundsill.ground.edge.server import Server, serve
from groundsill.ground.migrations import Migrations

_MOST_BYTES = 64 * 1024


class Door:
    """A local address that answers whoever has its key.

    Arguments:
        folder: the state folder, where commands look for the address.
        migrations: what can be asked for.
    """

    def __init__(self, folder: Path, migrations: Migrations) -> None:
        self._file = folder / FILE_NAME
        self._migrations = migrations
        self._key = secrets.token_urlsafe(32)
        self._server: Server | None = None

    async def open(self) -> None:
        """Answer from now on."""
        self._server = await serve(self._answer)
        beside = self._file.with_suffix(".new")
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump({"port": self._server.port, "key": self._key}, file)
        beside.replace(self._file)

    async def close(self) -> None:
        """Answer no more."""
        self._file.unlink(missing_ok=True)
        if self._server is not None:
            await self._server.stop()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            body = await read_body(receive, scope["headers"], _MOST_BYTES)
            status, content = await self._content(scope, body)
        except BodyTooLarge:
            status, content = 413, {"error": "too large"}
        except ClientGone:
            return
        raw = json.dumps(content).encode()
        await respond(send, HttpResponse(status, [(b"content-type", b"application/json"),
                                                  (b"content-length", b"%d" % len(raw))], raw))

    async def _content(self, scope: Scope, body: bytes) -> tuple[int, Any]:
        given = next((value for name, value in scope["headers"] if name == KEY_HEADER.encode()), b"")
        if not hmac.compare_digest(given, self._key.encode()):
            return 403, {"error": "the key is wrong"}
        listed = {item.component: item for item in self._migrations.listed}
        if scope["method"] == "GET" and scope["path"] == "/migrations":
            return 200, [item._asdict() for item in listed.values()]
        component = str(scope["path"]).removeprefix("/migrations/")
        if scope["method"] != "POST" or component not in listed or listed[component].reason:
            return 404, {"error": f"there is no migration {component} that runs here"}
        try:
            event: Any = json.loads(body)
        except ValueError:
            event = None
        if not isinstance(event, dict):
            return 400, {"error": "an event is a JSON object"}
        return 200, await self._migrations.command(component, event)  # pyright: ignore[reportUnknownArgumentType]
