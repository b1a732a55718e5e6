"""Reading a command's arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import NoReturn


class UsageError(Exception):
    """The command was not written as its usage says.

    Arguments:
        message: what is wrong.
        usage: the command's usage line, where a command is known.
    """

    def __init__(self, message: str, usage: str = "") -> None:
        super().__init__(message)
        self.usage = usage


class Parser(argparse.ArgumentParser):
    """A parser that raises instead of ending the process.

    Attributes:
        intermixed: whether options may stand between words that may be left away: ``migrate shop --stage prod up``.
    """

    intermixed = False

    def error(self, message: str) -> NoReturn:
        """Called by argparse for whatever does not fit."""
        raise UsageError(message, self.format_usage().strip())


def parse(
    name: str, summary: str, epilog: str, add: Callable[[Parser], None], arguments: Sequence[str],
) -> argparse.Namespace:
    """The values of a command's arguments.

    Arguments:
        name: of the command.
        summary: what it does.
        epilog: shown below its help.
        add: adds its arguments to a parser.
        arguments: as typed after the command.

    Raises:
        UsageError: where they do not fit.
        SystemExit: after ``--help`` was shown.
    """
    parser = Parser(
        prog=f"groundsill {name}", description=summary + ".", epilog=epilog, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object, and nothing else, on standard output")
    return parser.parse_intermixed_args(arguments) if parser.intermixed else parser.parse_args(arguments)


def add_system(parser: Parser) -> None:
    """The system and its stage."""
    parser.add_argument("system", nargs="?", metavar="SYSTEM", help="folder with a system.py; default: the current one")
    parser.add_argument("--stage", metavar="NAME", help="default: the system's first stage")


def add_tier(parser: Parser) -> None:
    """A tier in place of the stage's own: for commands that read a definition and change nothing."""
    parser.add_argument("--tier", metavar="NAME", help="basic, standard or enterprise in place of the stage's own tier")


def add_settings(parser: Parser) -> None:
    """Values of settings."""
    parser.add_argument("--set", action="append", default=[], dest="settings", type=_setting, metavar="NAME=VALUE",
                        help="a setting, before settings.toml and the environment; repeat it for more")


def _setting(text: str) -> str:
    name, equals, _ = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return text


def port(text: str) -> int:
    """A TCP port from 1 to 65,535."""
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1 to 65535")
    return int(text)


def count(text: str) -> int:
    """A number of lines, 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of lines")
    return int(text)
