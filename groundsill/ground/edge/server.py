"""Serving an ASGI application on a local port."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from groundsill.ground.edge.asgi import Application


class PortTaken(Exception):
    """The port is in use.

    Arguments:
        host: for example ``127.0.0.1``.
        port: the port that was asked for.
        holder: the process that holds it, for example ``node (pid 812)``; empty when it cannot be known.
    """

    def __init__(self, host: str, port: int, holder: str) -> None:
        super().__init__(f"port {port} on {host} is taken" + (f" by {holder}" if holder else ""))
        self.host = host
        self.port = port
        self.holder = holder


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # Signals belong to the supervisor, in whose process every server runs.
        yield


@dataclass
class Server:
    """A running server.

    Arguments:
        url: for example ``http://127.0.0.1:40123``.
        port: the port that it listens on.
    """

    url: str
    port: int
    _server: _Uvicorn = field(repr=False)
    _task: asyncio.Task[Any] = field(repr=False)

    async def stop(self, grace_seconds: float = 1.0) -> None:
        """Stops listening, lets running requests finish for the time given, then closes them."""
        self._server.should_exit = True
        done, _ = await asyncio.wait({self._task}, timeout=grace_seconds)
        if not done:
            self._server.force_exit = True
            self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


async def serve(
    application: Application,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    certificate: tuple[str, str] | None = None,
    keep_alive_seconds: int = 75,
) -> Server:
    """Serves an application until it is stopped.

    Arguments:
        application: an ASGI application; no lifespan messages are sent.
        host: the address to listen on. Default: this machine only.
        port: the port; 0 takes a free one.
        certificate: paths of a certificate chain and its key, for HTTPS. Default: plain HTTP.
        keep_alive_seconds: how long an idle connection stays open.

    Raises:
        PortTaken: the port is in use.

    Example::

        server = await serve(app)
        print(server.url)
        await server.stop()
    """
    listener = _listen(host, port)
    taken = int(listener.getsockname()[1])
    config = uvicorn.Config(
        application,
        http="httptools",
        ws="auto",
        interface="asgi3",
        lifespan="off",
        loop="none",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=keep_alive_seconds,
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate[0] if certificate else None,
        ssl_keyfile=certificate[1] if certificate else None,
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
    )
    server = _Uvicorn(config)
    task = asyncio.get_running_loop().create_task(server.serve(sockets=[listener]))
    while not server.started:
        if task.done():
            await task
            raise RuntimeError(f"the server on port {taken} ended while it started")
        await asyncio.sleep(0.001)
    return Server(f"{'https' if certificate else 'http'}://{host}:{taken}", taken, server, task)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # Accepted connections inherit it: the head and the body of an answer must not wait for each other.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(host, port, port_holder(port)) from error
        raise
    listener.setblocking(False)
    return listener


def port_holder(port: int) -> str:
    """Which process listens on a port, for example ``node (pid 812)``; empty when it cannot be known."""
    try:
        import psutil

        for connection in psutil.net_connections("tcp"):
            local: Any = connection.laddr
            if connection.status == psutil.CONN_LISTEN and local and local.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except Exception:  # noqa: BLE001  # other users' processes are hidden on some systems
        return ""
    return ""
