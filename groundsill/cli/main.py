"""The entry point: finds the command, runs it, and turns whatever goes wrong into a message and an exit code.

Start-up is a feature here. `argparse` costs 6 ms where typer costs 85 and click 25, rich another 80; a synth of a small
system as a whole takes little more than that. So only the command that was given is imported, and rich only where
something moves on a terminal.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from groundsill.cli.arguments import UsageError, parse
from groundsill.cli.screen import Screen
from groundsill.graph.diagnostics import Diagnostic, GroundsillError, did_you_mean

COMMANDS = {
    "init": "Make the folder of a new system that runs at once",
    "cost": "Show what a system costs in a month, from which traffic, and why",
    "check": "Say whether a system will deploy, will run and is safe, before anything exists",
    "draw": "Draw a system as a picture: SVG or Mermaid",
    "synth": "Write the Terraform configuration of a system",
    "rehearse": "Apply, plan again and destroy a system with Terraform against an AWS API on this machine",
    "bootstrap": "Make the bucket that keeps Terraform's state, and a role for deploys from CI",
    "plan": "Show what a deploy would change, by component",
    "deploy": "Make what the definition says, with Terraform",
    "destroy": "Take a deployed stage away",
    "migrate": "See which migrations a database has; apply what is pending, take the last one back",
    "state": "See and mend what Terraform knows of a stage",
    "up": "Run a system on this machine, for real",
    "down": "Stop a running system; its data stays",
    "outputs": "Show a running system's outputs, or write them as an app's configuration",
    "logs": "Show the logs of a system's components",
}
HIDDEN = {"run-task": "Run a migration's task to its end, for Terraform"}
"""Called by programs alone, so they are in no list."""
OK, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
EXIT_CODES = "Exit codes: 0 all went well; 1 an error in the system or in what was asked; 2 wrong usage; 130 Ctrl-C."


def run() -> int:
    """Run the command that the process was started with."""
    # A path that is not UTF-8, a log line that the terminal's encoding lacks: shown escaped rather than not at all.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return main(sys.argv[1:])


def main(arguments: Sequence[str]) -> int:
    """Run a command.

    Arguments:
        arguments: as typed after ``groundsill``.

    Returns:
        The exit code: see `EXIT_CODES`.
    """
    screen = Screen(json="--json" in arguments)
    try:
        code = _run(list(arguments), screen)
        sys.stdout.flush()
        return code
    except UsageError as error:
        screen.usage_error(str(error), error.usage)
        return WRONG_USAGE
    except GroundsillError as error:
        screen.diagnostics(error.diagnostics, failed=True)
        return FAILED
    except KeyboardInterrupt:
        screen.interrupted()
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough (`groundsill logs | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:  # noqa: BLE001  a fault of ours: a line for the user, the trace for the report
        screen.diagnostics([_unexpected(error)], failed=True)
        return FAILED


def _run(arguments: list[str], screen: Screen) -> int:
    first = arguments[0] if arguments else "--help"
    if first in ("-h", "--help"):
        screen.result(overview())
        return OK
    if first == "--version":
        from groundsill import __version__

        screen.result(f"groundsill {__version__}", {"version": __version__})
        return OK
    known = {**COMMANDS, **HIDDEN}
    if first not in known:
        if first.startswith("-"):
            raise UsageError(f"{first} comes before the command; write for example `groundsill synth --json`")
        raise UsageError(f"there is no command `{first}`; {did_you_mean(first, COMMANDS, what='Commands')}")
    command = import_module(f"groundsill.cli.commands.{first.replace('-', '_')}")
    given = parse(first, known[first], EXIT_CODES, command.arguments, arguments[1:])
    return command.run(given, screen)


def overview() -> str:
    """What `groundsill` alone shows."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {summary}" for name, summary in COMMANDS.items()]
    return "\n".join([
        "Describe an AWS system once in Python: check it, run it here, deploy it with Terraform.",
        "",
        "Usage: groundsill COMMAND [SYSTEM] [options]",
        "",
        *lines,
        "",
        "SYSTEM is a folder with a system.py; default: the current one.",
        "`groundsill COMMAND --help` explains a command; --json on any of them gives one JSON object.",
        "`groundsill --version` shows the version.",
        "",
        EXIT_CODES,
    ])


def _unexpected(error: Exception) -> Diagnostic:
    import tempfile
    import traceback

    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="groundsill-crash-", suffix=".log", delete=False, encoding="utf-8",
        ) as file:
            file.write(f"{sys.argv}\n{sys.version}\n")
            file.write("".join(traceback.format_exception(error)))
        where = f"the whole trace is in {file.name}"
    except OSError:
        where = "the trace could not be written anywhere"
    return Diagnostic(
        "GS2100", f"groundsill stopped by a fault of its own: {type(error).__name__}",
        detail=str(error), mend=f"{where}\nplease report it with that file and the command you gave",
    )
