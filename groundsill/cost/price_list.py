"""Rebuilding a price book from AWS's public price lists, which anybody may read without an account.

The files are those of "Getting price list files manually" (docs.aws.amazon.com/awsaccountbilling): one CSV file for each
service and region, five lines about the file, then a header, then a line for each rate. The largest, Amazon EC2's, has
300 MB; files are read as a stream, and only lines that a rule asks for are kept.
"""

from __future__ import annotations

import csv
import http.client
import io
import os
import re
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit

from groundsill.cost.book_file import text_of
from groundsill.cost.prices import PriceBook
from groundsill.graph.diagnostics import Diagnostic, Diagnostics, GroundsillError

PRICE_LIST = "https://pricing.us-east-1.amazonaws.com"
URL_VARIABLE = "GROUNDSILL_PRICE_LIST_URL"
"""Environment variable with another address, for a mirror: https, or http on this machine alone."""
_METADATA_LINES = 5
_MOST_CANDIDATES = 8
_SECONDS = 60
_OWN = ("offer", "scope", "scale")  # of a rule; everything else is a column
_SOURCE = "price-list"


@dataclass(slots=True)
class Changes:
    """What a refresh did.

    Arguments:
        read: keys of prices that were read.
        changed: old and new price of those that differ.
        kept: keys that no rule finds, and that stay as they were.
    """

    read: list[str] = field(default_factory=list[str])
    changed: dict[str, tuple[float | None, float]] = field(default_factory=dict[str, tuple[float | None, float]])
    kept: list[str] = field(default_factory=list[str])

    @property
    def words(self) -> str:
        """The refresh in a sentence."""
        shown = "; ".join(f"{key} {'new' if old is None else f'{old:g} ->'} {new:g}"
                          for key, (old, new) in sorted(self.changed.items(), key=lambda item: item[1][0] is not None)[:10])
        more = f" and {len(self.changed) - 10} more" if len(self.changed) > 10 else ""
        return (f"{len(self.read)} prices read, {len(self.changed)} of them changed{f' ({shown}{more})' if shown else ''}; "
                f"{len(self.kept)} have no rule that finds them and stay as they were")


@dataclass(slots=True)
class _Product:
    """One product that a rule matched: its rates, and what tells it from others."""

    rates: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    description: str = ""
    told: str = ""


@dataclass(slots=True)
class _Rule:
    """How one price is found."""

    key: str
    columns: Mapping[str, str]
    scale: float
    products: dict[str, _Product] = field(default_factory=dict[str, _Product])
    near: dict[str, None] = field(default_factory=dict[str, None])


def refresh(
    book: PriceBook, file: Path, *, wanted: Iterable[str] = (), told: Callable[[str], None] = lambda text: None,
    base: str | None = None,
) -> Changes:
    """Read every price that a rule finds, and write the book anew: all of it, or where anything is wrong nothing.

    Arguments:
        book: the book that is refreshed; prices without a rule stay as they are, with their old dates.
        file: where the new book goes.
        wanted: further keys, for example ``ec2.m7g.large``, which the book's templates have rules for.
        told: is given a sentence for each file that is read.
        base: address of the price list; default the variable `GROUNDSILL_PRICE_LIST_URL`, else AWS's own.

    Raises:
        GroundsillError: where a file cannot be read, or a rule finds no product or several, which are then listed.
    """
    address = _address(base or os.environ.get(URL_VARIABLE) or PRICE_LIST)
    content: dict[str, Any] = {name: value for name, value in book.content.items() if name != "digest"}
    prices: dict[str, dict[str, Any]] = {key: dict(entry) for key, entry in content["prices"].items()}
    for key in wanted:
        entry = _of_template(key, content)
        if entry is not None:
            prices.setdefault(key, entry)
    files: dict[tuple[str, str], list[_Rule]] = {}
    for key, entry in prices.items():
        select = entry.get("select")
        if select:
            columns = {_column(name): str(value) for name, value in select.items() if name not in _OWN}
            files.setdefault((select["offer"], select.get("scope", book.region)), []).append(
                _Rule(key, columns, float(select.get("scale", 1))))
    problems, changes = Diagnostics(), Changes()
    published: dict[str, str] = {}
    for (offer, scope), rules in sorted(files.items()):
        place = "" if scope == "global" else f"/{scope}"
        url = f"{address}/offers/v1.0/aws/{offer}/current{place}/index.csv"
        date, rows = _read(url, rules)
        told(f"{offer}{f' ({scope})' if place else ''}: {rows:,} rates of {date}")
        published[offer] = max(date, published.get(offer, ""))
        for rule in rules:
            _take(rule, prices[rule.key], date, problems, changes)
    problems.raise_if_errors()
    changes.kept = [key for key, entry in prices.items() if not entry.get("select")]
    dates = sorted(published.values())
    content["prices"] = prices
    content["compiled"] = dates[-1] if dates else book.compiled
    content["sources"] = {**content["sources"], _SOURCE: {
        "description": "AWS Price List bulk files", "kind": "price-list", "date": content["compiled"]}}
    beside = file.with_name(f"{file.name}.new")
    try:
        beside.write_text(text_of(content), encoding="utf-8")
        beside.replace(file)
    except OSError as error:
        raise GroundsillError(Diagnostic("GS4216", f"{file} cannot be written", detail=str(error))) from error
    return changes


def bands_of(rates: Iterable[tuple[float, float]]) -> list[list[float]]:
    """Start and price of each band; a first band of nothing is an account's allowance, which a price does not hold.

    Example:
        >>> bands_of([(25, 0.25), (0, 0)])
        [[0, 0.25]]
    """
    bands = [[start, price] for start, price in sorted(rates)]
    if len(bands) > 1 and bands[0][1] == 0:
        bands = [[0, bands[1][1]], *bands[2:]]
    return bands


def _take(rule: _Rule, entry: dict[str, Any], date: str, problems: Diagnostics, changes: Changes) -> None:
    """Put what a rule found into its price's entry."""
    if len(rule.products) != 1:
        found = [f"{sku}: {product.told}" for sku, product in list(rule.products.items())[:_MOST_CANDIDATES]] or list(rule.near)
        wanted = ", ".join(f"{name} = {value!r}" for name, value in rule.columns.items())
        problems.add(Diagnostic(
            "GS4214", f"the price list has {len(rule.products) or 'no'} products for `{rule.key}`, and one is meant",
            detail="\n".join([f"looked for {wanted}", *(f"candidate {item}" for item in found)]),
            mend="the book is left as it was; make the rule of this price say which one is meant"))
        return
    product = next(iter(rule.products.values()))
    bands = [[start, round(price * rule.scale, 12)] for start, price in bands_of(product.rates)]
    old, new = entry.get("price"), bands[0][1]
    if old is None or abs(old - new) > 1e-12:
        changes.changed[rule.key] = old, new
    changes.read.append(rule.key)
    entry |= {"price": new, "date": date, "confidence": "high", "source": _SOURCE}
    entry.pop("tiers", None)
    if len(bands) > 1:
        entry["tiers"] = bands


def _read(url: str, rules: list[_Rule]) -> tuple[str, int]:
    """Give every rule of a file its products; the date of the file, and how many rates it has."""
    by_usage: dict[str, list[_Rule]] = {}
    for rule in rules:
        by_usage.setdefault(rule.columns["usagetype"], []).append(rule)
    rows = 0
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as response:  # noqa: S310  _address lets https and loopback through
            lines = csv.reader(io.TextIOWrapper(response, encoding="utf-8", newline=""))
            date = _published(lines)
            header = [_column(name) for name in next(lines)]
            index = {name: position for position, name in enumerate(header)}
            for name in ("sku", "termtype", "startingrange", "unit", "priceperunit", "currency", "usagetype"):
                if name not in index:
                    raise ValueError(f"it has no column `{name}`")
            for row in lines:
                rows += 1
                for rule in by_usage.get(row[index["usagetype"]], ()):
                    _match(rule, row, index)
    except (OSError, URLError, http.client.HTTPException, UnicodeDecodeError) as error:
        raise GroundsillError(Diagnostic(
            "GS4213", "a price list cannot be read", detail=f"{url}: {error}",
            mend="look at the network, or try again; the book is left as it was")) from error
    except (ValueError, IndexError, StopIteration, csv.Error) as error:
        raise GroundsillError(Diagnostic(
            "GS4215", "a price list has another form than AWS documents", detail=f"{url}: {error or 'it ends too early'}",
            mend="the book is left as it was")) from error
    return date, rows


def _published(lines: Iterator[list[str]]) -> str:
    """The date of the five lines at the beginning."""
    told = {row[0]: row[1] for row in islice(lines, _METADATA_LINES) if len(row) > 1}
    if "FormatVersion" not in told or "Publication Date" not in told:
        raise ValueError("it does not begin with FormatVersion and Publication Date")
    return told["Publication Date"][:10]


def _match(rule: _Rule, row: list[str], index: Mapping[str, int]) -> None:
    def cell(name: str) -> str:
        return row[index[name]] if name in index else ""

    if cell("termtype") != "OnDemand" or cell("currency") != "USD":
        return
    told = ", ".join(part for part in (cell("pricedescription"), cell("operation"), cell("unit")) if part)
    if any(cell(name) != value for name, value in rule.columns.items()):
        if len(rule.near) < _MOST_CANDIDATES:
            rule.near[f"{cell('sku')}: {told}"] = None
        return
    product = rule.products.setdefault(cell("sku"), _Product(told=told))
    product.rates.append((float(cell("startingrange") or 0), float(cell("priceperunit"))))


def _column(name: str) -> str:
    """A column's name as JSON and CSV files share it: `Pre Installed S/W` is `preInstalledSw`."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _of_template(key: str, content: Mapping[str, Any]) -> dict[str, Any] | None:
    """The entry of a price that the book does not have, where one of its templates has a rule for it."""
    for form, select in content["templates"].items():
        start, _, end = form.partition("{}")
        name = key[len(start):len(key) - len(end)]
        if key.startswith(start) and key.endswith(end) and re.fullmatch(r"[a-z0-9.-]+", name):
            unit = content["template_units"].get(key.partition(".")[0], "hour")
            return {"price": None, "unit": unit, "date": "", "confidence": "low", "source": _SOURCE,
                    "select": {column: value.replace("{}", name) for column, value in select.items()}}
    return None


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")):
        return url.rstrip("/")
    raise GroundsillError(Diagnostic(
        "GS4217", f"{url} is no address of a price list", detail=f"it comes from {URL_VARIABLE}",
        mend="prices are read over https, or over http from this machine"))
