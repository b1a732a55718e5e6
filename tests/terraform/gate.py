"""A gate before the AWS API: it holds one call, so that a deploy can be killed exactly there, or gives answers of its own."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_PER_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


class Gate:
    """Passes every call on, and holds the first that has certain words in it for good: whoever waits for it is to be killed.

    Arguments:
        url: of the AWS API.
    """

    def __init__(self, url: str) -> None:
        self.target = urlsplit(url)
        self.closed = threading.Event()
        self.reached = threading.Event()
        self.rewrite: Callable[[bytes, int, bytes], tuple[int, bytes]] | None = None
        """Given a call, the status and the content that the API answers: the status and content to answer instead."""
        self._words, self._answered = b"", False
        self._lock = threading.Lock()

    def hold(self, words: str, *, answered: bool = False) -> None:
        """Hold the next call with these words in its address, headers or body.

        Arguments:
            words: for example ``Action=CreateVpc``.
            answered: whether AWS gets it, so that only the answer is held.
        """
        with self._lock:
            self._words, self._answered = words.encode(), answered
            self.reached.clear()

    def holds(self, call: bytes, *, answered: bool) -> bool:
        """Whether this call is the one."""
        with self._lock:
            if not self._words or self._words not in call or self._answered != answered:
                return False
            self._words = b""
        self.reached.set()
        return True


@contextmanager
def gate(api: dict[str, str]) -> Iterator[tuple[Gate, dict[str, str]]]:
    """A gate, and the environment that leads through it.

    Arguments:
        api: the environment that leads to the AWS API.
    """
    made = Gate(api["AWS_ENDPOINT_URL"])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            call = b"\n".join([self.requestline.encode(), self.headers.as_bytes(), body])
            if made.holds(call, answered=False):
                made.closed.wait()
                return
            onward = http.client.HTTPConnection(made.target.hostname or "", made.target.port, timeout=60)
            onward.request(self.command, self.path, body, dict(self.headers.items()))
            answer = onward.getresponse()
            content = answer.read()
            onward.close()
            if made.holds(call, answered=True):
                made.closed.wait()
                return
            status = answer.status
            if made.rewrite is not None:
                status, content = made.rewrite(call, status, content)
            self.send_response(status)
            for name, value in answer.getheaders():
                if name.lower() not in _PER_HOP | {"date", "server"}:
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
            self.send_header("Content-Length", length or "0")
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = _pass  # noqa: N815 (the library's names)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made, {**api, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_address[1]}"}
    finally:
        made.closed.set()
        server.shutdown()
        server.server_close()
