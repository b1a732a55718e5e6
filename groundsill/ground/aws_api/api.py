"""The parent's side: start, stop and restart the API process, and ask it for credentials and mail."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import sys
from pathlib import Path
from typing import Any, Self

from groundsill.ground.aws_api.settings import AwsApiError, AwsApiSettings, Credentials

READY_SECONDS = 20.0  # generous: a data directory with millions of items takes seconds to read
STOP_SECONDS = 15.0


class AwsApi:
    """A running AWS API.

    The listening socket belongs to this object, not to the server process. So while a crashed server is being
    replaced, clients wait for a moment in the socket's queue instead of being refused, and the port stays the same.

    Example:
        async with await AwsApi.start(AwsApiSettings(Path("data"))) as api:
            credentials = await api.role_credentials("arn:aws:iam::000000000000:role/save", "save")
    """

    def __init__(self, settings: AwsApiSettings, listener: socket.socket, root: Credentials) -> None:
        self.settings = settings
        self._listener = listener
        self._root = root
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._restarting = False

    @classmethod
    async def start(cls, settings: AwsApiSettings) -> AwsApi:
        """Start the server and return when it answers.

        Raises:
            AwsApiError: the port is taken, the folder is in use by another API, or stored data cannot be read.
        """
        if len(settings.account_id) != 12 or not settings.account_id.isdigit():
            raise AwsApiError(f"account id {settings.account_id!r} is not 12 digits")
        try:
            settings.data_directory.mkdir(parents=True, exist_ok=True)
            root = _root_credentials(settings.data_directory)
        except OSError as error:
            raise AwsApiError(f"cannot use {settings.data_directory} for the AWS API's data: {error}") from error
        api = cls(settings, _listen(settings.port), root)
        try:
            await api._spawn()
        except BaseException:
            await api.stop()
            raise
        return api

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """Address for ``AWS_ENDPOINT_URL``, e.g. ``http://127.0.0.1:4566``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process id of the server, or None when it does not run."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    def root_credentials(self) -> Credentials:
        """The ground's own key: every action is allowed. Never give it to a workload."""
        return self._root

    async def role_credentials(self, role_arn: str, session_name: str) -> Credentials:
        """Credentials of a role for a local workload; they do not expire and survive a restart of the API.

        Arguments:
            role_arn: an existing role, e.g. ``arn:aws:iam::000000000000:role/save``.
            session_name: names the workload in error messages and in the record of calls.

        Raises:
            AwsApiError: the role does not exist.

        On AWS, temporary credentials expire after at most 12 hours ("AssumeRole", AWS STS API Reference) and the
        service that runs the workload renews them; here they are simply kept valid.
        """
        answer = await self.request("POST", "/_groundsill/credentials",
                                    {"role_arn": role_arn, "session_name": session_name})
        return Credentials(answer["access_key_id"], answer["secret_access_key"], answer["session_token"])

    async def end_waiting(self) -> None:
        """End every receive call that waits for a message, and let none wait from now on.

        For stopping a system: an idle worker sits in such a call for up to 20 s and hears nothing else meanwhile.
        """
        await self.request("POST", "/_groundsill/end-waiting", {})

    async def mail(self, to: str | None = None) -> list[dict[str, Any]]:
        """Mails that the user pools and SES sent, oldest first.

        Arguments:
            to: only mails to this address (any case); default all.

        Each has ``id``, ``time`` (epoch seconds), ``from``, ``to``, ``cc``, ``bcc``, ``subject``, ``text``,
        ``html``, ``kind`` (e.g. ``SendEmail``, ``Cognito.Verification``), ``template`` and ``template_data``.
        """
        from urllib.parse import quote

        path = "/_groundsill/mail" + (f"?to={quote(to)}" if to else "")
        return (await self.request("GET", path))["mail"]

    async def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request to the server's own paths (``/_groundsill/...``), authorized as the ground."""
        payload = b"" if body is None else json.dumps(body).encode()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(
                f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: close\r\n"
                f"X-Groundsill-Key: {self._root.secret_access_key}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(payload)}\r\n\r\n".encode() + payload)
            await writer.drain()
            raw = await reader.read()
            writer.close()
        except OSError as error:
            raise AwsApiError(f"the AWS API at {self.url} does not answer: {error}") from error
        head, _, content = raw.partition(b"\r\n\r\n")
        try:
            status = int(head.split(b" ", 2)[1])
            answer: dict[str, Any] = json.loads(content)
        except (IndexError, ValueError) as error:
            raise AwsApiError(f"the AWS API at {self.url} broke off its answer; see {self.settings.log_path}"
                              ) from error
        if status != 200:
            raise AwsApiError(str(answer.get("message", answer)))
        return answer

    async def wait_ready(self) -> None:
        """Return when the server answers requests.

        Raises:
            AwsApiError: it does not within 20 s.
        """
        async with asyncio.timeout(READY_SECONDS):
            while True:
                with contextlib.suppress(AwsApiError):
                    await self.request("GET", "/_groundsill/ready")
                    return
                await asyncio.sleep(0.02)

    async def crashed(self) -> int:
        """Wait until the server process ends without having been asked to; returns its exit code.

        A supervisor awaits it and calls `restart`. After `stop` it never returns.
        """
        while not self._stopping:
            process = self._process
            if process is None:
                break
            code = await process.wait()
            if not self._stopping and process is self._process and not self._restarting:
                return code
            await asyncio.sleep(0.02)
        return await asyncio.get_running_loop().create_future()

    async def restart(self) -> None:
        """Start the server again on the same port, on the same data."""
        self._restarting = True
        try:
            await self._end_process()
            await self._spawn()
        finally:
            self._restarting = False

    async def stop(self) -> None:
        """End the server; everything it acknowledged is stored. Harmless when it does not run."""
        self._stopping = True
        await self._end_process()
        self._listener.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _end_process(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        # The emulator may have started processes for functions; they are of the server's process group.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)

    async def _spawn(self) -> None:
        descriptor = self._listener.fileno()
        settings = {
            "data_directory": str(self.settings.data_directory.resolve()), "socket": descriptor,
            "region": self.settings.region, "account_id": self.settings.account_id,
            "log_path": str(self.settings.log_path.resolve()), "calls_path": str(self.settings.calls_path.resolve()),
            "root_access_key_id": self._root.access_key_id, "root_secret": self._root.secret_access_key,
        }
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        # The server finds this package wherever the parent found it, installed or not.
        package_root = str(Path(__file__).resolve().parents[3])
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (package_root, environment.get("PYTHONPATH"))))
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "groundsill.ground.aws_api.server",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            pass_fds=(descriptor,), env=environment, start_new_session=True)
        assert self._process.stdin is not None and self._process.stdout is not None
        # Settings go by the pipe, not by argument or environment: those are readable by every process of the user.
        # The pipe then stays open: its end tells the server that this process is gone.
        self._process.stdin.write(json.dumps(settings).encode() + b"\n")
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._process.stdin.drain()
                line = await self._process.stdout.readline()
        except (TimeoutError, ConnectionError) as error:
            raise AwsApiError(f"the AWS API did not start; see {self.settings.log_path}") from error
        message: dict[str, Any] = json.loads(line) if line.strip() else {}
        if not message.get("ready"):
            reason = message.get("error") or f"the AWS API did not start; see {self.settings.log_path}"
            raise AwsApiError(str(reason))


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise AwsApiError(f"port {port} on 127.0.0.1 is taken: {error.strerror}") from error
    listener.listen(512)
    listener.setblocking(False)
    return listener


def _root_credentials(directory: Path) -> Credentials:
    """The ground's key of this data directory, made on first use and readable by its owner alone."""
    path = directory / "root-credentials.json"
    try:
        stored = json.loads(path.read_text())
        return Credentials(stored["access_key_id"], stored["secret_access_key"])
    except FileNotFoundError:
        pass
    except (ValueError, KeyError, TypeError) as error:
        raise AwsApiError(f"{path} is damaged; delete this one file to have a new key made") from error
    made = Credentials("AKIA" + secrets.token_hex(8).upper(), secrets.token_urlsafe(30))
    beside = path.with_suffix(".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"access_key_id": made.access_key_id, "secret_access_key": made.secret_access_key}, file)
    beside.rename(path)
    return made
