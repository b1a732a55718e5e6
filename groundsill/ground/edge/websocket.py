"""WebSocket connections through a load balancer."""

from __future__ import annotations

import asyncio
from typing import Any

from groundsill.ground.edge import asgi
from groundsill.ground.edge.asgi import HeaderList
from groundsill.ground.edge.targets import Target

# Those that the two handshakes make anew.
_HANDSHAKE = frozenset(
    {b"sec-websocket-key", b"sec-websocket-version", b"sec-websocket-extensions", b"sec-websocket-protocol"}
)
_GOING_AWAY = 1001


async def forward_websocket(
    scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send, target: Target | None, headers: HeaderList
) -> None:
    """Connects a client's WebSocket with a target's.

    Arguments:
        scope: the client's handshake.
        receive: its messages.
        send: messages to it.
        target: where to; None refuses the handshake.
        headers: the handshake's headers as the target shall see them.
    """
    await receive()
    if target is None:
        await send({"type": "websocket.close", "code": _GOING_AWAY})
        return
    import aiohttp

    query = scope["query_string"].decode("latin-1")
    url = (
        "ws"
        + target.url.removeprefix("http")
        + scope["raw_path"].decode("latin-1")
        + (f"?{query}" if query else "")
    )
    passed = [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in headers if name not in _HANDSHAKE
    ]
    target.begin()
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(
                url, headers=passed, protocols=scope.get("subprotocols") or (), max_msg_size=0, autoping=True
            ) as upstream,
        ):
            await send({"type": "websocket.accept", "subprotocol": upstream.protocol})
            tasks = [
                asyncio.ensure_future(_to_target(receive, upstream)),
                asyncio.ensure_future(_to_client(send, upstream)),
            ]
            _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    except (aiohttp.ClientError, OSError):
        await send({"type": "websocket.close", "code": _GOING_AWAY})
    finally:
        target.end()


async def _to_target(receive: asgi.Receive, upstream: Any) -> None:
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            await upstream.close(code=message.get("code") or 1000)
            return
        if message.get("text") is not None:
            await upstream.send_str(message["text"])
        else:
            await upstream.send_bytes(message.get("bytes") or b"")


async def _to_client(send: asgi.Send, upstream: Any) -> None:
    import aiohttp

    async for message in upstream:
        if message.type == aiohttp.WSMsgType.TEXT:
            await send({"type": "websocket.send", "text": message.data})
        elif message.type == aiohttp.WSMsgType.BINARY:
            await send({"type": "websocket.send", "bytes": message.data})
    await send({"type": "websocket.close", "code": upstream.close_code or 1000})
