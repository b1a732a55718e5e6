"""One running command with everything that it started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from groundsill.ground.services.environment import Launch
from groundsill.ground.services.lines import Lines

_LAUNCHER = Path(__file__).with_name("launcher.py")
_OUTPUT_SECONDS = 2.0
_CHUNK = 65_536


class CannotStart(Exception):
    """A command that cannot be started; trying again gives the same."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a command ended.

    Arguments:
        code: exit code as ECS shows it: 128 and the signal's number for a killed process (137 for SIGKILL).
        signal: name of the signal that ended it, or empty.
    """

    code: int
    signal: str = ""

    def __str__(self) -> str:
        return f"killed by {self.signal}, exit code {self.code}" if self.signal else f"exit code {self.code}"


class ContainerProcess:
    """A command that runs in a session of its own under a launcher that ends its whole tree with it.

    Arguments:
        launch: command, folder and environment.
        on_line: takes each line of standard output and standard error, in the event loop.
    """

    def __init__(self, launch: Launch, on_line: Callable[[str], None]) -> None:
        self._launch, self._on_line = launch, on_line
        self.pid = 0
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._output: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start it.

        Raises:
            CannotStart: the folder or the program does not exist, or may not be executed.
        """
        ours, theirs = socket.socketpair()
        try:
            self._process = await asyncio.create_subprocess_exec(
                # -I and -S: nothing of the environment or of installed packages runs in the launcher.
                sys.executable, "-I", "-S", "-B", str(_LAUNCHER), str(theirs.fileno()), str(self._launch.directory),
                *self._launch.command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE, env=self._launch.environment, pass_fds=(theirs.fileno(),),
                # A signal from the terminal is the supervisor's to handle.
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            ours.close()
            raise CannotStart(f"{_program(self._launch)}: {error}") from error
        finally:
            theirs.close()
        try:
            self._reader, self._writer = await asyncio.open_unix_connection(sock=ours)
            self._output = [
                asyncio.get_running_loop().create_task(self._pump(stream))
                for stream in (self._process.stdout, self._process.stderr) if stream is not None
            ]
            word, _, rest = (await self._reader.readline()).decode().strip().partition(" ")
        except asyncio.CancelledError:
            ours.close()  # its end is the launcher's sign to end everything
            raise
        if word == "started":
            self.pid = int(rest)
            return
        await self._finish()
        raise CannotStart(_why(self._launch, rest))

    def terminate(self) -> None:
        """SIGTERM to the command's process group."""
        self._tell(b"T")

    def kill(self) -> None:
        """SIGKILL to the whole process tree."""
        self._tell(b"K")

    async def wait(self) -> Exit:
        """Wait for its end, and for the end of its output."""
        assert self._reader is not None
        # A reset is what a launcher leaves that was killed itself.
        with contextlib.suppress(ConnectionError):
            word, _, rest = (await self._reader.readline()).decode().strip().partition(" ")
            if word:
                await self._finish()
                number = int(rest)
                return Exit(128 + number, _signal_name(number)) if word == "signal" else Exit(number)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        await self._finish()
        return Exit(128 + signal.SIGKILL, "SIGKILL")

    async def _finish(self) -> None:
        if self._output:
            _, late = await asyncio.wait(self._output, timeout=_OUTPUT_SECONDS)
            for pump in late:
                pump.cancel()
        if self._writer is not None:
            self._writer.close()
        if self._process is not None:
            await self._process.wait()

    def _tell(self, word: bytes) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(word)

    async def _pump(self, stream: asyncio.StreamReader) -> None:
        lines = Lines()
        while chunk := await stream.read(_CHUNK):
            for line in lines.feed(chunk):
                self._on_line(line)
        for line in lines.end():
            self._on_line(line)


def _program(launch: Launch) -> str:
    return launch.command[0] if launch.command else "(no command)"


def _why(launch: Launch, problem: str) -> str:
    what, _, number = problem.partition(" ")
    reason = os.strerror(int(number)) if number.isdigit() else "the launcher ended"
    if what == "directory":
        return f"its folder {launch.directory} cannot be entered: {reason}"
    if reason == os.strerror(2):
        return (f'exec: "{_program(launch)}": executable file not found in $PATH: install it, or correct the command '
                f"of the container")
    return f'exec: "{_program(launch)}": {reason}'


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
