"""`groundsill up`: run the system on this machine."""

from __future__ import annotations

import argparse
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from importlib.util import find_spec
from typing import Any

from groundsill.cli.arguments import Parser, add_settings, add_system, port
from groundsill.cli.log_lines import Follower
from groundsill.cli.screen import Screen
from groundsill.cli.systems import Target, target
from groundsill.cli.views import running
from groundsill.cli.views.diagnostics import from_dict
from groundsill.cli.views.logs import LogView
from groundsill.cli.views.progress import Progress, progress
from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.ground.control import StateFolder, events

# The AWS API; without the extra `ground` it is not there.
_GROUND_MARK = "ministack"
_FOLLOW_SECONDS = 0.1
_LAST_WORDS = 12
# A daemon that has failed has nothing more to do.
_GOING_SECONDS = 10.0
_INTERRUPTED = 130


def arguments(parser: Parser) -> None:
    """What the command takes."""
    add_system(parser)
    add_settings(parser)
    parser.add_argument("--detach", action="store_true",
                        help="return when everything answers; without it the logs are shown until Ctrl-C, which stops "
                             "the system (a second Ctrl-C ends it by force). --json implies it")
    parser.add_argument("--port", type=port, metavar="N", help="port of the first HTTP API; default: the one it had "
                        "before, or a free one")


def run(given: argparse.Namespace, screen: Screen) -> int:
    """Start the system, show where it answers, and stay with it unless told otherwise."""
    started = time.perf_counter()
    _check_installed()
    about = target(given)
    state = about.state
    follower = Follower(state.logs)
    options = [word for item in given.settings for word in ("--set", item)]
    if given.port:
        options += ["--port", str(given.port)]
    detached: bool = given.detach or given.json
    process: subprocess.Popen[str] | None = None
    with _ends_like_ctrl_c():
        try:
            process = state.start(options)
            if process is None:
                return _already(about, screen, ignored=bool(options))
            facts = _ready(process, state, screen)
            seconds = time.perf_counter() - started
            if not detached:
                _show(facts, screen, seconds)
                screen.note(screen.error_style.dim("\nLogs follow. Ctrl-C stops the system; its data stays.\n"))
        except BaseException:
            # Also Ctrl-C: what has been started is not left behind without its owner.
            if process is not None:
                _stop(state, process, screen)
            raise
        if not detached:
            return _stay(process, state, follower, screen)
    _show(facts, screen, seconds)
    screen.next_actions(_next(about))
    return 0


def _check_installed() -> None:
    if find_spec(_GROUND_MARK) is None:
        raise GroundsillError(Diagnostic(
            "GS2102", "what is needed to run a system on this machine is not installed",
            mend="install it: pip install 'groundsill[ground]'",
        ))


# -- starting ----------------------------------------------------------------------------------------------------------


def _ready(process: subprocess.Popen[str], state: StateFolder, screen: Screen) -> dict[str, Any]:
    with progress(screen) as shown:
        for event in events(process):
            kind = event["event"]
            if kind == "ready":
                return event
            if kind == "failed":
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_GOING_SECONDS)
                raise GroundsillError([from_dict(item) for item in event.get("diagnostics", [])] or [_ended(process, state)])
            _tell(shown, kind, event)
    process.wait()
    raise GroundsillError(_ended(process, state))


def _tell(shown: Progress, kind: str, event: dict[str, Any]) -> None:
    if kind == "phase":
        shown.phase(str(event.get("name", "")), str(event.get("state", "")), float(event.get("seconds") or 0.0),
                    str(event.get("detail") or ""))
    elif kind == "warning":
        shown.line(f"warning: {event.get('message', '')}")
    else:
        shown.line(str(event.get("message", "")))


def _ended(process: subprocess.Popen[str], state: StateFolder) -> Diagnostic:
    return Diagnostic(
        "GS2104", "the process that holds the system ended before it was ready",
        detail="\n".join([f"exit code {process.returncode}", *_last_words(state)]),
        mend=f"all that it wrote is in {state.daemon_log}",
    )


def _last_words(state: StateFolder) -> list[str]:
    try:
        return state.daemon_log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_WORDS:]
    except OSError:
        return []


# -- running -----------------------------------------------------------------------------------------------------------


def _already(about: Target, screen: Screen, *, ignored: bool) -> int:
    state = about.state
    facts = state.running()
    if facts is None:
        screen.note("Another command is starting it: waiting.")
    while facts is None:
        if not state.is_running():
            raise GroundsillError(Diagnostic(
                "GS2105", f"another command was starting stage {about.stage}, and that has failed",
                mend=f"`{about.command('up')}` starts it anew",
            ))
        time.sleep(_FOLLOW_SECONDS)
        facts = state.running()
    screen.note(f"{facts['system']} {about.stage} is already running, since {facts.get('started', '?')}.")
    if ignored:
        screen.note(f"--set and --port take effect at the next start, after `{about.command('down')}`.")
    _show(facts, screen, already=True)
    screen.next_actions(_next(about))
    return 0


def _show(facts: dict[str, Any], screen: Screen, seconds: float | None = None, *, already: bool = False) -> None:
    public = {name: value for name, value in facts.items() if name not in ("event", "process")}
    if seconds is not None:
        screen.note(running.headline(facts, seconds, screen.error_style))
    screen.result(running.urls(facts, screen.style), {**public, "already_running": already})
    # At a start the notes have been shown as they came.
    for text in running.remarks(facts, screen.error_style, notes=already):
        screen.note(text)


def _next(about: Target) -> dict[str, str]:
    return {
        about.command("logs", "--follow"): "see what it does",
        about.command("outputs"): "addresses and names that a client needs",
        about.command("down"): "stop it; its data stays",
    }


def _stay(process: subprocess.Popen[str], state: StateFolder, follower: Follower, screen: Screen) -> int:
    view = LogView(screen.style)

    def show() -> bool:
        lines = follower.poll()
        for line in lines:
            print(view.line(line))
        sys.stdout.flush()
        return bool(lines)

    try:
        while process.poll() is None:
            if not show():
                time.sleep(_FOLLOW_SECONDS)
        show()
    except KeyboardInterrupt:
        _stop(state, process, screen)
        show()
        screen.note("Stopped. Its data stays.")
        return _INTERRUPTED
    except BaseException:
        # For example nobody reads the logs any more: a system in the foreground does not outlive its command.
        _stop(state, process, screen)
        raise
    if process.returncode == 0:
        screen.note("The system was stopped from elsewhere.")
        return 0
    state.forget_ground()
    raise GroundsillError(Diagnostic(
        "GS2106", "the process that holds the system has ended",
        detail="\n".join([f"exit code {process.returncode}", *_last_words(state)]),
        mend="start it again with `groundsill up`; its data is as it was",
    ))


# -- stopping ----------------------------------------------------------------------------------------------------------


def _stop(state: StateFolder, process: subprocess.Popen[str], screen: Screen) -> None:
    """Stop what this command started; a Ctrl-C meanwhile ends it by force."""
    if process.poll() is not None:
        state.forget_ground()
        return
    try:
        screen.note("\nStopping ...")
        state.stop()
    except KeyboardInterrupt:
        # A third one must not leave it half ended.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        screen.note("Ending it by force.")
        state.kill()
        state.forget_ground()
    if process.poll() is None:
        process.kill()
        process.wait()


@contextlib.contextmanager
def _ends_like_ctrl_c() -> Generator[None]:
    """A closed terminal and a polite kill do as Ctrl-C does, so that no system is left without its owner."""
    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
