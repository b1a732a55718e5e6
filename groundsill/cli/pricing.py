"""The traffic and the prices that lie beside a system: what every command that prices reckons with by default."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from groundsill.cost.prices import PriceBook

PRICES_FILE = "prices.json"


def beside(folder: Path) -> tuple[Path | None, PriceBook]:
    """A system's traffic file where there is one, and its own price book where there is one, else Groundsill's.

    Raises:
        GroundsillError: where the price book cannot be read.
    """
    from groundsill.cost.prices import load_book
    from groundsill.cost.traffic import TRAFFIC_FILE

    traffic, prices = folder / TRAFFIC_FILE, folder / PRICES_FILE
    return (traffic if traffic.is_file() else None), (load_book(prices) if prices.is_file() else load_book())
