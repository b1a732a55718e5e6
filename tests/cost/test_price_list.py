"""`--refresh`: prices from AWS's public lists, read as a stream, exactly one for each rule, written whole or not at all.

The slices have the form that AWS documents ("Reading service price list files"): five lines about the file, a header, a line
for each rate. They are served from this machine.
"""

from __future__ import annotations

import csv
import io
import json
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from groundsill.cost.book_file import text_of
from groundsill.cost.price_list import URL_VARIABLE, refresh
from groundsill.cost.prices import PriceBook, load_book
from groundsill.graph.diagnostics import GroundsillError

HEADER = [
    "SKU",
    "OfferTermCode",
    "RateCode",
    "TermType",
    "PriceDescription",
    "EffectiveDate",
    "StartingRange",
    "EndingRange",
    "Unit",
    "PricePerUnit",
    "Currency",
    "Product Family",
    "serviceCode",
    "Location",
    "Instance Type",
    "Operating System",
    "Tenancy",
    "Pre Installed S/W",
    "CapacityStatus",
    "Database Engine",
    "Volume Type",
    "usageType",
    "operation",
]
Files = dict[str, Iterator[bytes] | bytes | Callable[[], Iterator[bytes]]]


def rate(sku: str, usage: str, price: str, **more: str) -> list[str]:
    """A line of a price list."""
    values = {
        "SKU": sku,
        "OfferTermCode": "JRTCKXETXF",
        "RateCode": f"{sku}.JRTCKXETXF.6YS6EN2CT7",
        "TermType": "OnDemand",
        "PriceDescription": f"${price} per unit",
        "EffectiveDate": "2026-11-01",
        "StartingRange": "0",
        "EndingRange": "Inf",
        "Unit": "Hrs",
        "PricePerUnit": price,
        "Currency": "USD",
        "Location": "US East (N. Virginia)",
        "usageType": usage,
    }
    values |= {name.replace("_", " "): value for name, value in more.items()}
    return [values.get(name, "") for name in HEADER]


def offer(*rates: list[str], date: str = "2026-11-20T00:00:00Z") -> bytes:
    """A price list's file."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerows(
        [
            ["FormatVersion", "v1.0"],
            ["Disclaimer", "This pricing list is for informational purposes only."],
            ["Publication Date", date],
            ["Version", "20261120000000"],
            ["OfferCode", "AmazonEC2"],
            HEADER,
            *rates,
        ]
    )
    return text.getvalue().encode()


@pytest.fixture
def lists() -> Iterator[tuple[str, Files]]:
    """Address of a price list, and its files by path."""
    files: Files = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = files.get(self.path)
            if found is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.end_headers()
            for part in [found] if isinstance(found, bytes) else found() if callable(found) else found:
                self.wfile.write(part)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", files
        server.shutdown()


def book(folder: Path, **selects: dict[str, Any]) -> PriceBook:
    """A book of prices at 1 dollar, with these rules."""
    content = dict(load_book().content)
    content.pop("digest")
    content["prices"] = {
        key.replace("__", "."): {
            "price": 1.0,
            "unit": "hour",
            "date": "2024",
            "confidence": "low",
            "source": "memory",
            **({"select": select} if select else {}),
        }
        for key, select in selects.items()
    }
    file = folder / "prices.json"
    file.write_text(text_of(content), encoding="utf-8")
    return load_book(file)


EC2 = "/offers/v1.0/aws/AmazonEC2/current/us-east-1/index.csv"
NAT = {"offer": "AmazonEC2", "usageType": "NatGateway-Hours"}


def test_each_rule_takes_the_price_of_its_one_product_with_the_date_of_the_file(
    lists: tuple[str, Files], tmp_path: Path
) -> None:
    base, files = lists
    files[EC2] = offer(
        rate("A", "NatGateway-Hours", "0.0500000000"),
        rate("B", "NatGateway-Bytes", "0.045"),
        rate("A", "NatGateway-Hours", "0.03", TermType="Reserved"),
        rate("A", "NatGateway-Hours", "0.31", Currency="CNY"),
        rate(
            "C",
            "BoxUsage:m7g.large",
            "0.0816",
            Operating_System="Linux",
            Tenancy="Shared",
            CapacityStatus="Used",
            **{"Pre_Installed_S/W": "NA"},
        ),
        rate(
            "D",
            "BoxUsage:m7g.large",
            "0.1",
            Operating_System="RHEL",
            Tenancy="Shared",
            CapacityStatus="Used",
            **{"Pre_Installed_S/W": "NA"},
        ),
    )
    files["/offers/v1.0/aws/AmazonCloudFront/current/index.csv"] = offer(
        rate("E", "US-Out", "0.085", StartingRange="0", EndingRange="10240"),
        rate("E", "US-Out", "0.08", StartingRange="10240"),
    )
    files["/offers/v1.0/aws/AmazonDynamoDB/current/us-east-1/index.csv"] = offer(
        rate("F", "Storage", "0", EndingRange="25"),
        rate("F", "Storage", "0.25", StartingRange="25"),
        date="2026-11-18T00:00:00Z",
    )
    old = book(
        tmp_path,
        vpc__nat=NAT,
        memory__only={},
        cdn__out={"offer": "AmazonCloudFront", "scope": "global", "usageType": "US-Out"},
        table__stored={"offer": "AmazonDynamoDB", "usageType": "Storage"},
        tokens__in={"offer": "AmazonEC2", "usageType": "NatGateway-Bytes", "scale": 1000},
    )
    told: list[str] = []
    changes = refresh(old, tmp_path / "new.json", wanted=["ec2.m7g.large", "kms.nobody"], told=told.append, base=base)
    new = load_book(tmp_path / "new.json")
    assert new.compiled == "2026-11-20" and len(new.prices) == 6
    nat = new.prices["vpc.nat"]
    assert (nat.amount, nat.date, nat.confidence, nat.source) == (0.05, "2026-11-20", "high", "price-list")
    assert new.prices["ec2.m7g.large"].amount == 0.0816
    assert new.prices["cdn.out"].bands == ((0, 0.085), (10240, 0.08))
    # What an account has free of charge is no band of the price.
    assert (new.prices["table.stored"].amount, new.prices["table.stored"].bands) == (0.25, ())
    assert new.prices["table.stored"].date == "2026-11-18"
    assert new.prices["tokens.in"].amount == pytest.approx(45)
    assert new.prices["memory.only"].date == "2024" and changes.kept == ["memory.only"]
    assert changes.changed["vpc.nat"] == (1.0, 0.05) and changes.changed["ec2.m7g.large"] == (None, 0.0816)
    assert "5 prices read" in changes.words and "ec2.m7g.large new 0.0816" in changes.words
    assert any(item.startswith("AmazonEC2 (us-east-1): 6 rates of 2026-11-20") for item in told)


def test_several_products_or_none_are_an_error_that_lists_them_and_nothing_is_written(
    lists: tuple[str, Files], tmp_path: Path
) -> None:
    base, files = lists
    files[EC2] = offer(
        rate("A", "LCUUsage", "0.008", operation="LoadBalancing:Application"),
        rate("B", "LCUUsage", "0.006", operation="LoadBalancing:Network"),
        rate("C", "NatGateway-Hours", "0.045", operation="other"),
    )
    old = book(
        tmp_path, elb__lcu={"offer": "AmazonEC2", "usageType": "LCUUsage"}, vpc__nat=NAT | {"operation": "NatGateway"}
    )
    with pytest.raises(GroundsillError) as error:
        refresh(old, tmp_path / "new.json", base=base)
    several, none = error.value.diagnostics
    assert several.code == none.code == "GS4214"
    assert (
        "2 products for `elb.lcu`" in several.summary
        and "LoadBalancing:Network" in several.detail
        and "A:" in several.detail
    )
    assert (
        "no products for `vpc.nat`" in none.summary
        and "C:" in none.detail
        and "operation = 'NatGateway'" in none.detail
    )
    assert sorted(item.name for item in tmp_path.iterdir()) == ["prices.json"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "GS4215"),
        (b"<html>no</html>\n" * 10, "GS4215"),
        (offer()[:80], "GS4215"),
        (offer().replace(b"usageType", b"usage"), "GS4215"),
        (offer(rate("A", "NatGateway-Hours", "free")), "GS4215"),
        (offer() + b"\xff\xfe,", "GS4213"),
        (None, "GS4213"),
    ],
)
def test_a_list_that_cannot_be_read_leaves_the_book_as_it_was(
    lists: tuple[str, Files],
    tmp_path: Path,
    content: bytes | None,
    code: str,
) -> None:
    base, files = lists
    if content is not None:
        files[EC2] = content
    old = book(tmp_path, vpc__nat=NAT)
    before = old.path.read_bytes()
    with pytest.raises(GroundsillError) as error:
        refresh(old, old.path, base=base)
    assert error.value.diagnostics[0].code == code and EC2 in error.value.diagnostics[0].detail
    assert old.path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_a_large_list_is_read_in_little_memory(lists: tuple[str, Files], tmp_path: Path) -> None:
    base, files = lists
    start, end = offer(), offer(rate("A", "NatGateway-Hours", "0.045"))[len(offer()) :]
    many = "".join(
        ",".join(f'"{cell}"' for cell in rate(f"S{index}", f"BoxUsage:x{index}", "1")) + "\r\n" for index in range(500)
    ).encode()

    def parts() -> Iterator[bytes]:
        yield start
        for _ in range(40):
            yield many
        yield end

    files[EC2] = parts
    old = book(tmp_path, vpc__nat=NAT)
    tracemalloc.start()
    refresh(old, tmp_path / "new.json", base=base)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(many) * 40 > 3_500_000 and most < 1_500_000
    assert load_book(tmp_path / "new.json").prices["vpc.nat"].amount == 0.045


@pytest.mark.parametrize("address", ["http://prices.example", "file:///etc", "ftp://127.0.0.1", "nothing"])
def test_prices_come_over_https_or_from_this_machine(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URL_VARIABLE, address)
    with pytest.raises(GroundsillError) as error:
        refresh(book(tmp_path, vpc__nat=NAT), tmp_path / "new.json")
    assert error.value.diagnostics[0].code == "GS4217"


def test_every_rule_of_the_book_finds_its_product_where_there_is_just_that_one(
    lists: tuple[str, Files], tmp_path: Path
) -> None:
    """The book's own rules, against lists that are made of them: no rule asks for a column that no list has."""
    base, files = lists
    own = load_book()
    columns = {name.lower().replace(" ", ""): name for name in HEADER}
    rates: dict[str, list[list[str]]] = {}
    for index, price in enumerate(own.prices.values()):
        if price.select:
            scope = price.select.get("scope", "us-east-1")
            path = (
                f"/offers/v1.0/aws/{price.select['offer']}/current{'' if scope == 'global' else f'/{scope}'}/index.csv"
            )
            told = {
                columns.get(name.lower(), name): str(value)
                for name, value in price.select.items()
                if name.lower() in columns and name != "usageType"
            }
            rates.setdefault(path, []).append(
                rate(f"SKU{index}", price.select["usageType"], "2")
                if not told
                else _with(rate(f"SKU{index}", price.select["usageType"], "2"), told, price.select)
            )
    files |= {path: offer(*found) for path, found in rates.items()}
    content = {name: value for name, value in own.content.items() if name != "digest"}
    unheard = {
        "preInstalledSw",
        "databaseEngine",
        "operatingSystem",
        "cacheEngine",
        "volumeType",
        "routingType",
        "eventType",
    }
    content["prices"] = {
        key: {**entry, "select": {name: value for name, value in entry["select"].items() if name not in unheard}}
        if entry.get("select")
        else entry
        for key, entry in content["prices"].items()
        if key.partition(".")[0] not in ("rds", "elasticache")
    }
    file = tmp_path / "prices.json"
    file.write_text(text_of(content), encoding="utf-8")
    changes = refresh(load_book(file), file, base=base)
    assert len(changes.read) > 120
    assert json.loads(file.read_text())["prices"]["vpc.nat_gateway_hour"]["price"] == 2


def _with(row: list[str], told: dict[str, str], select: Any) -> list[str]:
    for name, value in told.items():
        row[HEADER.index(name)] = value
    return row
