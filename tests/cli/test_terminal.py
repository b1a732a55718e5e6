"""`groundsill up` on a terminal: spinners, colours, Ctrl-C as the terminal sends it."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import time

from .conftest import COMMAND, Shop, alive

_FOREGROUND_COLOUR = re.compile(r"\x1b\[(?:36|33)m(?:orders-api|worker)")


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, shop: Shop, *arguments: str, behaviour: str = "") -> None:
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            os.chdir(shop.folder)
            os.environ.update(shop.environment, FAKE_DAEMON=behaviour, TERM="xterm-256color", COLUMNS="200")
            os.environ.pop("NO_COLOR", None)
            os.execv(COMMAND[0], [*COMMAND, *arguments])
        self.text = ""

    def read_until(self, wanted: str, seconds: float = 30.0) -> str:
        deadline = time.monotonic() + seconds
        while wanted not in self.text:
            ready, _, _ = select.select([self.screen], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"{wanted!r} did not come; on the screen: {self.text!r}"
            try:
                self.text += os.read(self.screen, 65_536).decode(errors="replace")
            except OSError as error:
                raise AssertionError(f"it ended without {wanted!r}; on the screen: {self.text!r}") from error
        return self.text

    def press(self, key: str) -> None:
        os.write(self.screen, key.encode())

    def end(self) -> int:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            ready, _, _ = select.select([self.screen], [], [], 0.02)
            if ready:
                try:
                    self.text += os.read(self.screen, 65_536).decode(errors="replace")
                except OSError:
                    pass  # nobody holds the other end any more
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                os.close(self.screen)
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, signal.SIGKILL)
        raise AssertionError(f"it did not end; on the screen: {self.text!r}")


def test_the_foreground_moves_colours_and_stops_at_ctrl_c(shop: Shop) -> None:
    terminal = Terminal(shop, "up")
    terminal.read_until("second line")
    pid = shop.state.pid()
    assert "✓" in terminal.text and "0.2 s" in terminal.text
    assert _FOREGROUND_COLOUR.search(terminal.text)
    terminal.press("\x03")
    assert terminal.end() == 130
    assert "Stopped. Its data stays." in terminal.text and "Traceback" not in terminal.text
    assert pid and not alive(pid)


def test_a_second_ctrl_c_on_the_terminal_ends_it_by_force(shop: Shop) -> None:
    terminal = Terminal(shop, "up", behaviour="stubborn")
    terminal.read_until("second line")
    pid = shop.state.pid()
    terminal.press("\x03")
    terminal.read_until("Stopping")
    terminal.press("\x03")
    assert terminal.end() == 130
    assert pid and not alive(pid)


def test_wipe_asks_on_a_terminal_and_no_changes_nothing(shop: Shop) -> None:
    shop.run("up", "--detach")
    for answer, stays in (("\r", True), ("n\r", True), ("y\r", False)):
        terminal = Terminal(shop, "down", "--wipe")
        terminal.read_until("[y/N]")
        terminal.press(answer)
        assert terminal.end() == (1 if stays else 0), terminal.text
        assert (shop.state.is_running(), shop.state.data.exists()) == (stays, stays)
