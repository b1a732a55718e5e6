"""What a user meets before any system does: help, wrong usage, and faults of our own."""

from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from .conftest import Shop

COMMANDS = ("init", "synth", "up", "down", "outputs", "logs", "rehearse", "plan", "deploy", "destroy", "state",
            "bootstrap")


def test_groundsill_alone_shows_help_with_every_command_and_the_exit_codes(shop: Shop) -> None:
    for arguments in ((), ("--help",), ("-h",)):
        done = shop.run(*arguments)
        assert done.returncode == 0 and "Exit codes: 0" in done.stdout
        assert all(f"  {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(shop: Shop, command: str) -> None:
    done = shop.run(command, "--help")
    assert done.returncode == 0 and done.stdout.startswith(f"usage: groundsill {command}")
    assert "--json" in done.stdout and "130 Ctrl-C" in done.stdout


def test_the_version_is_the_package_s(shop: Shop) -> None:
    import groundsill

    assert shop.run("--version").stdout == f"groundsill {groundsill.__version__}\n"


def test_it_is_the_same_as_a_module_and_as_a_script() -> None:
    for command in ([sys.executable, "-m", "groundsill"], [str(Path(sys.executable).with_name("groundsill"))]):
        done = subprocess.run([*command, "--version"], capture_output=True, text=True)
        assert (done.returncode, done.stdout.startswith("groundsill ")) == (0, True), done.stderr


@pytest.mark.parametrize(("arguments", "said"), [
    (("synt",), "did you mean `synth`?"),
    (("--stage", "dev"), "comes before the command"),
    (("synth", "--outt", "x"), "unrecognized arguments: --outt"),
    (("synth", "a", "b"), "unrecognized arguments: b"),
    (("up", "--port", "70000"), "is not a port"),
    (("up", "--set", "novalue"), "is not NAME=VALUE"),
    (("logs", "--lines", "-1"), "--lines"),
    (("logs", "--since", "yesterday"), "--since yesterday"),
    (("outputs", "--format", "xml"), "invalid choice"),
    (("outputs", "--out", "file.xml"), "say with --format"),
    (("init",), "NAME"),
])
def test_wrong_usage_is_code_2_and_says_what(shop: Shop, arguments: tuple[str, ...], said: str) -> None:
    done = shop.run(*arguments)
    assert done.returncode == 2 and said in done.stderr and done.stdout == "" and "Traceback" not in done.stderr
    as_json = shop.run(*arguments, "--json")
    assert as_json.returncode == 2 and said in json.loads(as_json.stdout)["error"]


_OPTIONS = ("--json", "--stage", "--set", "--lines", "--since", "--format", "--out", "--component", "--template", "--wipe")


@given(some.sampled_from((*COMMANDS, "")), some.lists(some.text() | some.sampled_from(_OPTIONS), max_size=4))
def test_whatever_is_typed_the_answer_is_an_exit_code_and_no_traceback(command: str, words: list[str]) -> None:
    from groundsill.cli.main import main

    words = [word.replace("\0", "").replace("/", "") for word in words if not word.startswith("-h")]
    system = [] if command in ("", "init") else ["nowhere"]
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        # A new system needs a name that it can have; none of these is one.
        code = main([command, *system, *(f"X{word}" if command == "init" and word[:1] != "-" else word for word in words)])
    assert code in (1, 2) or (code == 0 and "--help" in output.getvalue())
    assert "GS2100" not in errors.getvalue() + output.getvalue() and "Traceback" not in errors.getvalue()
    if "--json" in words:
        assert json.loads(output.getvalue())


def test_a_fault_of_our_own_is_a_line_and_a_file_to_report(shop: Shop, monkeypatch: pytest.MonkeyPatch,
                                                          capsys: pytest.CaptureFixture[str]) -> None:
    from groundsill.cli import main
    from groundsill.cli.commands import synth

    def broken(*_: object) -> int:
        raise KeyError("inside")

    monkeypatch.setattr(synth, "run", broken)
    assert main.main(["synth"]) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("error[GS2100]: groundsill stopped by a fault of its own: KeyError")
    found = re.search(r"the whole trace is in (\S+)", shown)
    assert found and "please report it" in shown and "Traceback (most recent call last)" not in shown
    trace = Path(found[1])
    assert "KeyError: 'inside'" in trace.read_text()
    trace.unlink()


def test_colours_only_for_a_terminal_that_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from groundsill.cli.screen import shows_colour

    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert shows_colour(Terminal())  # type: ignore[arg-type]
    monkeypatch.setenv("NO_COLOR", "1")
    assert not shows_colour(Terminal())  # type: ignore[arg-type]
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not shows_colour(Terminal())  # type: ignore[arg-type]
