"""`groundsill cost`: what a system costs in a month, and from which traffic."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from groundsill.cli.arguments import Parser
from groundsill.cli.inputs import add_input, read_input
from groundsill.cli.pricing import PRICES_FILE
from groundsill.cli.screen import Screen
from groundsill.graph.diagnostics import Diagnostic, GroundsillError

if TYPE_CHECKING:
    from groundsill.cost.estimate import Estimate
    from groundsill.cost.prices import PriceBook
    from groundsill.sources.reading import Source

FORMATS = ("text", "json", "markdown")
GROUPS = ("component", "service", "resource")
EXIT_CODES = "Exit codes: 0 all went well; 1 an error, or above the budget with --budget; 2 wrong usage; 130 Ctrl-C."


def arguments(parser: Parser) -> None:
    """What the command takes."""
    parser.epilog = EXIT_CODES
    add_input(parser)
    parser.add_argument("--traffic", type=Path, metavar="FILE",
                        help="what to reckon with; default: traffic.toml beside the system, where there is one")
    parser.add_argument("--set-traffic", action="append", default=[], dest="stated", type=_stated, metavar="SUBJECT.NAME=VALUE",
                        help="traffic of a component, for example api.requests=1M/day; before the file; repeat it for more")
    parser.add_argument("--against", metavar="STAGE|TIER|PATH",
                        help="show the difference to another stage or tier of the system, or to another input")
    parser.add_argument("--by", choices=GROUPS, default="component", help="what costs are summed by; default: component")
    parser.add_argument("--lines", action="store_true", help="show every line with its formula, price date and confidence")
    parser.add_argument("--verbose", action="store_true", help="show every assumption and everything that is not known")
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument("--budget", action="store_true", help="exit with 1 where the expected cost is above the stage's budget")
    parser.add_argument("--prices", type=Path, metavar="FILE",
                        help=f"a price book; default: {PRICES_FILE} beside the system where there is one, else Groundsill's own")
    parser.add_argument("--refresh", action="store_true",
                        help=f"read AWS's public price lists into {PRICES_FILE} beside the system (or --prices), first")
    parser.add_argument("--write-traffic", type=Path, metavar="FILE", help="write a traffic file to fill in, and price nothing")


def _stated(text: str) -> str:
    name, equals, _ = text.partition("=")
    if not equals or "." not in name:
        raise argparse.ArgumentTypeError(f"{text!r} is not SUBJECT.NAME=VALUE")
    return text


def run(given: argparse.Namespace, screen: Screen) -> int:
    """Price a graph, and show what it costs."""
    source = read_input(given)
    if source.kind == "definition":
        source.diagnostics.raise_if_errors()
    screen.diagnostics(source.diagnostics.in_file_order())
    if given.write_traffic:
        return _write_traffic(given.write_traffic, source, screen)
    files = _Files.of(source, given)
    if given.refresh:
        _refresh(source, files, screen)
    found = _estimate(source, files, given, screen)
    if given.budget and not found.budgets:
        raise GroundsillError(Diagnostic(
            "GS4209", "there is no monthly budget to compare with", mend="add a Budget to the definition, or leave --budget out"))
    against = _against(source, files, given, screen)
    _show(found, against, given, screen)
    _next(found, source, files, given, screen)
    over = given.budget and any(found.total.expected > budget.limit for budget in found.budgets)
    return 1 if over or source.diagnostics.errors else 0


@dataclass(frozen=True, slots=True)
class _Files:
    """What lies beside a system.

    Arguments:
        folder: of the system.
        traffic: its traffic file, or None.
        prices: the price book that is read or written.
        own: whether that is the package's own book.
    """

    folder: Path
    traffic: Path | None
    prices: Path
    own: bool

    @classmethod
    def of(cls, source: Source, given: argparse.Namespace) -> _Files:
        """The files of a command's input.

        Raises:
            GroundsillError: where one that is named does not exist.
        """
        from groundsill.cost.book_file import BOOK
        from groundsill.cost.traffic import TRAFFIC_FILE

        folder = source.path if source.path.is_dir() else source.path.parent
        for path in (given.traffic, None if given.refresh else given.prices):
            if path is not None and not path.is_file():
                raise GroundsillError(Diagnostic("GS4210", f"there is no file {path}", mend="name a file that exists"))
        beside = folder / TRAFFIC_FILE
        prices = given.prices or folder / PRICES_FILE
        own = not given.refresh and not prices.is_file()
        return cls(folder, given.traffic or (beside if beside.is_file() else None), BOOK if own else prices, own)

    def book(self) -> PriceBook:
        """The prices."""
        from groundsill.cost.prices import load_book

        return load_book(self.prices)


def _estimate(source: Source, files: _Files, given: argparse.Namespace, screen: Screen) -> Estimate:
    from groundsill.cost.estimate import estimate

    stated = dict(item.split("=", 1) for item in given.stated)
    found = estimate(source.graph, traffic_file=files.traffic, given=stated, book=files.book())
    found.diagnostics.raise_if_errors()
    screen.diagnostics(found.diagnostics.in_file_order())
    return found


def _against(source: Source, files: _Files, given: argparse.Namespace, screen: Screen) -> Estimate | None:
    """The estimate that is compared with: of another input, of another tier or of another stage."""
    if not given.against:
        return None
    from groundsill.definition.tier import TIERS

    other = argparse.Namespace(**vars(given))
    if Path(given.against).exists() and (source.kind != "definition" or "/" in given.against or "." in given.against):
        other.input, other.traffic = given.against, given.traffic
    elif source.kind != "definition":
        raise GroundsillError(Diagnostic("GS4211", f"there is nothing at {given.against} to compare with",
                                         mend="name a plan, a folder of .tf files or a system"))
    elif given.against in TIERS:
        other.tier = given.against
    else:
        other.stage, other.tier = given.against, None
    compared = read_input(other)
    compared.diagnostics.raise_if_errors()
    beside = _Files.of(compared, other)
    traffic = beside.traffic or files.traffic
    return _estimate(compared, _Files(beside.folder, traffic, files.prices, files.own), given, Screen(json=True))


def _show(found: Estimate, against: Estimate | None, given: argparse.Namespace, screen: Screen) -> None:
    from groundsill.cost.report import estimate_data, markdown

    if given.format == "markdown" and not screen.json:
        screen.result(markdown(found, given.by, against, lines=given.lines).rstrip("\n"))
        return
    from groundsill.cli.views.cost import render

    screen.json = screen.json or given.format == "json"
    screen.result(
        render(found, given.by, screen.style, against=against, lines=given.lines, everything=given.verbose),
        estimate_data(found, given.by, against))


def _refresh(source: Source, files: _Files, screen: Screen) -> None:
    from groundsill.cost.estimate import estimate
    from groundsill.cost.price_list import refresh
    from groundsill.cost.prices import load_book

    base = load_book(files.prices) if files.prices.is_file() else load_book()
    wanted = estimate(source.graph, book=base).wanted
    changes = refresh(base, files.prices, wanted=wanted, told=screen.note)
    screen.note(f"Wrote {files.prices}: {changes.words}")


def _write_traffic(file: Path, source: Source, screen: Screen) -> int:
    from groundsill.cost.traffic_template import template

    if file.exists():
        raise GroundsillError(Diagnostic("GS4212", f"{file} exists already", mend="name another file, or remove it first"))
    beside = file.with_name(f"{file.name}.new")
    beside.write_text(template(source.graph), encoding="utf-8")
    beside.rename(file)
    screen.result(f"Wrote {file}", {"written": str(file)})
    screen.next_actions({f"groundsill cost {shlex.quote(str(source.path))} --traffic {shlex.quote(str(file))}":
                         "price the system with it, once it is filled in"})
    return 0


def _next(found: Estimate, source: Source, files: _Files, given: argparse.Namespace, screen: Screen) -> None:
    words = shlex.join([part for part in (
        "groundsill", "cost", str(given.input) if given.input != "." else "", *(["--stage", given.stage] if given.stage else []))
        if part])
    actions: dict[str, str] = {}
    if files.traffic is None and not given.stated and not found.traffic.said:
        actions[f"{words} --write-traffic {shlex.quote(str(files.folder / 'traffic.toml'))}"] = "say which traffic to reckon with"
    if found.wanted:
        actions[f"{words} --refresh"] = f"read {len(found.wanted)} prices that the book does not have"
    if not given.lines:
        actions[f"{words} --lines"] = "see how each sum comes about"
    if not given.against and source.kind == "definition":
        other = "basic" if found.graph.tier == "enterprise" else "enterprise"
        actions[f"{words} --against {other}"] = "compare with another tier"
    screen.next_actions(actions)

