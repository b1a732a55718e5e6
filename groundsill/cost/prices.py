"""The price book: list prices as data, each with its unit, its date and how far it can be trusted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from groundsill.cost.book_file import BOOK, digest_of
from groundsill.graph.diagnostics import Diagnostic, GroundsillError

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Price(NamedTuple):
    """One list price.

    Arguments:
        key: its name in the book, for example ``fargate.vcpu_hour_arm64``.
        amount: US dollars for one unit; of the first band where there are bands.
        unit: what is paid for, for example ``vCPU-hour``.
        date: when it was read from AWS's list or a copy of it; empty where nobody noted it.
        confidence: ``high``, ``medium`` or ``low``.
        source: key of the book's sources.
        bands: quantity in a month from which a price holds, and that price, from zero on.
        note: what else is known.
        select: how ``--refresh`` finds it in AWS's price list; empty where it cannot.
    """

    key: str
    amount: float
    unit: str
    date: str = ""
    confidence: str = "medium"
    source: str = ""
    bands: tuple[tuple[float, float], ...] = ()
    note: str = ""
    select: Mapping[str, Any] = _NOTHING

    def cost(self, quantity: float) -> float:
        """What a quantity costs in a month, band by band.

        Example:
            >>> round(Price("x", 0.09, "GB", bands=((0, 0.09), (10240, 0.085))).cost(10250), 2)
            922.45
        """
        if not self.bands:
            return quantity * self.amount
        paid = 0.0
        for (start, price), end in zip(self.bands, [*(start for start, _ in self.bands[1:]), float("inf")], strict=True):
            if quantity <= start:
                break
            paid += (min(quantity, end) - start) * price
        return paid

    @property
    def text(self) -> str:
        """The price as a formula shows it: ``$0.04048`` or ``$0.20 per 1M``."""
        if 0 < self.amount < 0.00001:
            return f"${_trimmed(self.amount * 1e6)} per 1M"
        return f"${_trimmed(self.amount)}"


def _trimmed(value: float) -> str:
    text = f"{value:.10f}".rstrip("0")
    whole, _, cents = text.partition(".")
    return f"{whole}.{cents:<02}" if cents else whole


class Allowance(NamedTuple):
    """What AWS gives an account free of charge, every month and for ever.

    Arguments:
        name: for example ``lambda.requests``.
        quantity: how many units.
        prices: keys of the prices that it is taken off.
    """

    name: str
    quantity: float
    prices: tuple[str, ...]


class PriceBook(NamedTuple):
    """Every price that is known.

    Arguments:
        region: of the prices.
        compiled: date of the book.
        prices: by key.
        sources: what each source is, by key.
        allowances: what an account has free of charge.
        content: the file's content, which a refresh starts from.
        path: the file.
    """

    region: str
    compiled: str
    prices: Mapping[str, Price]
    sources: Mapping[str, Mapping[str, str]]
    allowances: tuple[Allowance, ...]
    content: Mapping[str, Any]
    path: Path

    def get(self, key: str) -> Price | None:
        """A price, or None where the book has none."""
        return self.prices.get(key)


def load_book(path: Path = BOOK) -> PriceBook:
    """Read a price book.

    Arguments:
        path: default the package's own.

    Raises:
        GroundsillError: where the file cannot be read, or was changed by hand so that its digest is wrong.
    """
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        if content["digest"] != digest_of(content):
            raise ValueError("its digest does not fit its content")
        return _book(content, path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise GroundsillError(Diagnostic(
            "GS4201", f"{path} cannot be read as a price book", detail=str(error),
            mend="make it anew with `groundsill cost --refresh`; a price of your own belongs into traffic.toml, [prices]",
        )) from error


def _book(content: dict[str, Any], path: Path) -> PriceBook:
    prices = {key: _price(key, entry) for key, entry in content["prices"].items() if entry["price"] is not None}
    allowances = tuple(Allowance(name, float(entry["quantity"]), tuple(entry["prices"]))
                       for name, entry in content["allowances"].items())
    return PriceBook(content["region"], content["compiled"], MappingProxyType(prices), content["sources"], allowances,
                     MappingProxyType(content), path)


def _price(key: str, entry: dict[str, Any]) -> Price:
    return Price(
        key, float(entry["price"]), entry["unit"], entry.get("date", ""), entry["confidence"], entry["source"],
        tuple((float(start), float(price)) for start, price in entry.get("tiers", ())), entry.get("note", ""),
        entry.get("select") or _NOTHING,
    )
