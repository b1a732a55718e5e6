"""The price book is data that can be trusted as far as it says: dated, with a source, and whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from groundsill.cost.book_file import BOOK, digest_of, text_of
from groundsill.cost.prices import load_book
from groundsill.graph.diagnostics import GroundsillError

ROOT = Path(__file__).resolve().parents[2]
COMPILED = ROOT.parent / "shared" / "prices" / "us-east-1.yaml"


def test_the_book_is_what_its_generator_makes_of_the_compiled_prices() -> None:
    if not COMPILED.is_file():
        pytest.skip("the compiled prices are not beside this repository")
    done = subprocess.run([sys.executable, "scripts/generate_price_book.py", "--check"], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, "run: python scripts/generate_price_book.py"


def test_the_books_file_has_one_form_and_a_digest_of_its_content() -> None:
    text = BOOK.read_text(encoding="utf-8")
    content = json.loads(text)
    assert content["digest"] == digest_of(content)
    assert text == text_of({name: value for name, value in content.items() if name != "digest"})


def test_every_price_has_a_unit_a_confidence_and_a_source_and_a_date_where_anybody_noted_one() -> None:
    book = load_book()
    assert len(book.prices) >= 225
    for price in book.prices.values():
        assert price.unit and price.confidence in ("high", "medium", "low") and price.source in book.sources, price.key
        assert price.amount >= 0 and all(start >= 0 and cost >= 0 for start, cost in price.bands), price.key
        assert price.date or price.source in ("memory", "old-readme-spot", "objectfs"), price.key
        if price.select:
            assert price.select["offer"] and price.select["usageType"], price.key
    assert sum(bool(price.select) for price in book.prices.values()) >= 140


def test_bands_begin_at_nothing_rise_and_never_start_with_an_allowance() -> None:
    for price in load_book().prices.values():
        if price.bands:
            starts = [start for start, _ in price.bands]
            assert starts[0] == 0 and starts == sorted(set(starts)) and price.bands[0][1] == price.amount > 0, price.key


def test_a_quantity_fills_one_band_after_the_other() -> None:
    price = load_book().prices["data_transfer.out_to_internet"]
    # 10,240 GB at 0.09, then 40,960 GB at 0.085, then 102,400 GB at 0.07, the rest at 0.05.
    assert price.cost(10_240) == pytest.approx(921.60)
    assert price.cost(200_000) == pytest.approx(921.60 + 3481.60 + 7168.00 + 46_400 * 0.05)


def test_a_book_that_was_changed_by_hand_is_refused(tmp_path: Path) -> None:
    for name, text in {
        "changed": BOOK.read_text(encoding="utf-8").replace('"price": 0.045', '"price": 0.0045', 1),
        "cut": BOOK.read_text(encoding="utf-8")[:500],
        "empty": "",
        "list": "[]",
        "null": "null",
        "no prices": '{"digest": 1}',
    }.items():
        file = tmp_path / f"{name}.json"
        file.write_text(text, encoding="utf-8")
        with pytest.raises(GroundsillError) as error:
            load_book(file)
        assert error.value.diagnostics[0].code == "GS4201"


def test_a_price_is_shown_as_people_read_it() -> None:
    prices = load_book().prices
    assert prices["fargate.vcpu_hour_x86"].text == "$0.04048"
    assert prices["lambda.request_arm64"].text == "$0.20 per 1M"
    assert prices["kms.customer_key_month"].text == "$1"
