"""A client that costs little: keep-alive connections on 127.0.0.1, one request after the other on each."""

from __future__ import annotations

import socket
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Load:
    """What a load run saw: median and 99th percentile in milliseconds, requests a second, failed requests, and the
    milliseconds of CPU that one request took of all that served it."""

    median: float
    p99: float
    rate: float
    failed: int
    cpu: float = float("nan")


def drive(url: str, *, clients: int, seconds: float, headers: dict[str, str] | None = None, warm: int = 20,
          cpu: Callable[[], float] = lambda: float("nan")) -> Load:
    """Send POST requests with an empty JSON body for some seconds.

    Arguments:
        url: an http address on 127.0.0.1.
        clients: connections at once.
        seconds: how long, after warming up.
        headers: further request headers, for example ``Host``.
        warm: requests of each client that are not counted.
        cpu: seconds of CPU so far of all that serves the address.
    """
    parts = urlsplit(url)
    assert parts.hostname in ("127.0.0.1", "localhost"), "load goes to this machine only"
    host = (headers or {}).get("Host", f"{parts.hostname}:{parts.port}")
    lines = [f"POST {parts.path} HTTP/1.1", f"Host: {host}", "Content-Type: application/json", "Content-Length: 2"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items() if name != "Host"]
    request = ("\r\n".join(lines) + "\r\n\r\n{}").encode()
    times: list[float] = []
    failures: list[int] = []
    ready = threading.Barrier(clients + 1)
    go = threading.Event()

    def client() -> None:
        connection = _Connection(parts.hostname or "", parts.port or 80)
        for _ in range(warm):
            connection.call(request)
        mine: list[float] = []
        failed = 0
        ready.wait()
        go.wait()
        end = time.perf_counter() + seconds
        while (before := time.perf_counter()) < end:
            if connection.call(request) == 200:
                mine.append(time.perf_counter() - before)
            else:
                failed += 1
        times.extend(mine)
        failures.append(failed)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    ready.wait()
    used = cpu()
    before = time.perf_counter()
    go.set()
    for thread in threads:
        thread.join()
    lasted = time.perf_counter() - before
    used = cpu() - used
    if not times:
        return Load(float("nan"), float("nan"), 0.0, sum(failures))
    ordered = sorted(times)
    return Load(statistics.median(ordered) * 1000, ordered[int(len(ordered) * 0.99) - 1] * 1000, len(times) / lasted,
                sum(failures), used / len(times) * 1000)


class _Connection:
    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._socket: socket.socket | None = None

    def call(self, request: bytes) -> int:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=30)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received:
            piece = self._socket.recv(65536)
            if not piece:
                self._socket = None
                return 0
            received += piece
        head, _, body = received.partition(b"\r\n\r\n")
        lower = head.lower()
        if b"content-length:" in lower:
            missing = int(lower.split(b"content-length:")[1].split(b"\r\n")[0]) - len(body)
            while missing > 0:
                piece = self._socket.recv(65536)
                if not piece:
                    self._socket = None
                    return 0
                missing -= len(piece)
        elif b"transfer-encoding: chunked" in lower:
            while not body.endswith(b"0\r\n\r\n"):
                body += self._socket.recv(65536)
        if b"connection: close" in lower:
            self._socket.close()
            self._socket = None
        return int(head.split(b" ", 2)[1])
