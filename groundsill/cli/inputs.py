"""What `check`, `cost` and `draw` read: a definition, a plan or a folder of Terraform files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from groundsill.cli.arguments import Parser, add_settings, add_tier
from groundsill.cli.systems import words_aside

if TYPE_CHECKING:
    from groundsill.sources.reading import Source


def add_input(parser: Parser) -> None:
    """What is read, its stage and its settings."""
    parser.add_argument("input", nargs="?", metavar="INPUT", default=".",
                        help="folder with a system.py, a plan or state from `terraform show -json` (- for standard input), or a "
                             "folder of .tf files; default: the current folder")
    parser.add_argument("--stage", metavar="NAME",
                        help="default: the system's first stage; with .tf files the workspace, and NAME.tfvars where it is there")
    add_tier(parser)
    add_settings(parser)


def read_input(given: argparse.Namespace) -> Source:
    """The graph that a command is about.

    Raises:
        GroundsillError: where it cannot be read.
    """
    from groundsill.sources.reading import read

    with words_aside():
        return read(Path(given.input), stage=given.stage, tier=given.tier,
                    settings=dict(item.split("=", 1) for item in given.settings))
