"""`groundsill cost` and the cost of a plan, as commands."""

from __future__ import annotations

import csv
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from .conftest import Shop
from .test_deploy import Deployable

SHOP = """
from groundsill import Stage, System
from groundsill.components import Budget, Function, HttpApi, Network, Queue, Table

system = System("shop", region="us-east-1", stages={"dev": "basic", "prod": "standard"})


@system.define
def define(stage: Stage) -> None:
    orders = Table("orders", key="Id")
    take = Function("take", "functions.take:handle", uses=[orders.write])
    api = HttpApi("api")
    api.route("POST /orders", take)
    Queue("jobs")
    Network("main", nat=stage.pick(dev=0, prod=1), endpoints=[])
    Budget("monthly", limit=20, emails=["a@shop.example"])
"""
TRAFFIC = '[units]\nbuyer = 100\n[traffic.api]\nrequests = "1M/month"\n'


@pytest.fixture
def costed(shop: Shop) -> Shop:
    shop.define(SHOP)
    (shop.folder / "functions").mkdir()
    (shop.folder / "functions" / "take.py").write_text("def handle(event, context): ...\n")
    (shop.folder / "traffic.toml").write_text(TRAFFIC)
    return shop


def test_the_table_is_by_component_dearest_first_with_what_was_assumed_and_what_to_do_next(costed: Shop) -> None:
    done = costed.run("cost", "--stage", "prod")
    assert done.returncode == 0, done.stderr
    lines = [item.split() for item in done.stdout.splitlines()]
    names = [item[0] for item in lines if item and item[0] in ("main", "api", "take", "orders", "total")]
    assert names[0] == "main" and names[-1] == "total"
    assert "for each buyer" in done.stdout and "for 1,000 requests" in done.stdout
    assert "Assumed, the weightiest first" in done.stdout and "(`duration`)" in done.stdout
    assert "of the budget of $20.00" in done.stdout and "--lines" in done.stderr


def test_json_holds_every_line_with_its_formula_its_price_and_its_date(costed: Shop) -> None:
    found = costed.json("cost", "--stage", "prod")
    line = next(item for group in found["groups"] for item in group["lines"] if item["what"] == "hours")
    assert line["formula"] == "1 NAT gateway x 730 h x $0.045" and line["cost"]["expected"] == pytest.approx(32.85)
    assert line["price"] == {
        "key": "vpc.nat_gateway_hour",
        "amount": 0.045,
        "unit": "hour",
        "date": "2026-10-07",
        "confidence": "high",
        "source": "pharma-pl",
    }
    assert found["total"]["low"] <= found["total"]["expected"] <= found["total"]["high"]
    assert found["total"]["expected"] == pytest.approx(sum(group["cost"]["expected"] for group in found["groups"]))
    assert (
        found["currency"] == "USD"
        and found["prices"]["region"] == "us-east-1"
        and found["budgets"][0]["exceeded"] is True
    )


def test_lines_show_how_each_sum_comes_about(costed: Shop) -> None:
    shown = costed.run("cost", "--stage", "prod", "--lines").stdout
    assert "aws_nat_gateway.main_a  hours: 1 NAT gateway x 730 h x $0.045  (2026-10-07, high)" in shown
    assert "aws_budgets_budget.monthly: budgets without actions are free" in shown


def test_above_the_budget_is_a_failure_only_where_that_is_asked(costed: Shop) -> None:
    assert costed.run("cost", "--stage", "prod").returncode == 0
    assert costed.run("cost", "--stage", "prod", "--budget").returncode == 1
    assert costed.run("cost", "--stage", "dev", "--budget").returncode == 0
    costed.define(SHOP.replace('    Budget("monthly", limit=20, emails=["a@shop.example"])\n', ""))
    assert costed.json("cost", "--budget", code=1)["diagnostics"][0]["code"] == "GS4209"


def test_stages_tiers_and_other_definitions_are_compared(costed: Shop, tmp_path: Path) -> None:
    shown = costed.run("cost", "--stage", "prod", "--against", "dev").stdout
    assert [item for item in shown.splitlines() if item.split()[:1] == ["main"] and "+36.5" in item]
    found = costed.json("cost", "--stage", "prod", "--against", "dev")["against"]
    assert found["stage"] == "dev" and found["differences"][0]["name"] == "main"
    assert costed.json("cost", "--stage", "prod", "--against", "enterprise")["against"]["tier"] == "enterprise"
    other = tmp_path / "other"
    other.mkdir()
    (other / "system.py").write_text(
        SHOP.replace('    Queue("jobs")\n', '    Queue("jobs")\n    Network("second", nat=1)\n')
    )
    found = costed.json("cost", "--against", str(other))["against"]
    assert found["differences"][0]["name"] == "second" and found["differences"][0]["change"] < -36
    shown = costed.run("cost", "--against", str(other)).stdout
    assert [item for item in shown.splitlines() if item.split() == ["component", "before", "after", "change"]]
    assert costed.json("cost", "--against", "nothing", code=1)["diagnostics"][0]["code"] == "GS1309"


def test_traffic_is_set_on_the_command_line_and_mistakes_say_what_is_meant(costed: Shop) -> None:
    more = costed.json("cost", "--set-traffic", "api.requests=100M/month")["total"]["expected"]
    assert more > costed.json("cost")["total"]["expected"] + 90
    wrong = costed.json("cost", "--set-traffic", "api.request=1/day", code=1)["diagnostics"][0]
    assert wrong["code"] == "GS4205" and "`requests`" in wrong["mend"]
    assert costed.run("cost", "--set-traffic", "api=1").returncode == 2
    (costed.folder / "traffic.toml").write_text('[traffic.api]\nrequests = "often"\n')
    wrong = costed.json("cost", code=1)["diagnostics"][0]
    assert wrong["code"] == "GS4206" and wrong["file"].endswith("traffic.toml") and wrong["line"] == 2
    assert costed.json("cost", "--traffic", "nowhere.toml", code=1)["diagnostics"][0]["code"] == "GS4210"


def test_a_file_to_fill_in_is_written_once(costed: Shop) -> None:
    (costed.folder / "traffic.toml").unlink()
    assert "--write-traffic" in costed.run("cost").stderr
    done = costed.run("cost", "--write-traffic", "traffic.toml")
    assert done.returncode == 0 and "[traffic.api]" in (costed.folder / "traffic.toml").read_text()
    assert costed.json("cost", "--write-traffic", "traffic.toml", code=1)["diagnostics"][0]["code"] == "GS4212"
    assert costed.run("cost").returncode == 0


def test_markdown_is_a_table_for_a_document(costed: Shop) -> None:
    shown = costed.run("cost", "--stage", "prod", "--format", "markdown", "--lines").stdout
    assert shown.startswith("## Cost of shop prod (standard)\n")
    assert (
        "| component | low | expected | high | not known |" in shown
        and "| `aws_nat_gateway.main_a` | hours | 32.85 |" in shown
    )
    compared = costed.run("cost", "--stage", "prod", "--format", "markdown", "--against", "dev").stdout
    assert "| component | dev | prod | change |" in compared


def test_a_plan_of_terraform_is_priced_with_traffic_by_address(costed: Shop, tmp_path: Path) -> None:
    plan = {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "planned_values": {
            "root_module": {
                "resources": [
                    {
                        "address": "aws_sqs_queue.jobs",
                        "mode": "managed",
                        "type": "aws_sqs_queue",
                        "name": "jobs",
                        "values": {"name": "jobs"},
                    },
                    {"address": "aws_eip.out", "mode": "managed", "type": "aws_eip", "name": "out", "values": {}},
                ]
            }
        },
        "configuration": {"root_module": {}},
    }
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    (tmp_path / "traffic.toml").write_text('[traffic."aws_sqs_queue.jobs"]\nmessages = "10M/month"\n')
    found = costed.json("cost", str(tmp_path / "plan.json"))
    costs = {group["name"]: group["cost"]["expected"] for group in found["groups"]}
    assert costs == {"aws_sqs_queue.jobs": pytest.approx(12), "aws_eip.out": pytest.approx(3.65)}


def test_refresh_reads_the_public_lists_and_what_the_book_does_not_have_beside_the_system(costed: Shop) -> None:
    (costed.folder / "system.py").write_text(
        SHOP.replace(
            '    Queue("jobs")\n', '    aws.instance("big", instance_type="m7g.large", ami="ami-1")\n'
        ).replace("from groundsill import Stage", "from groundsill import aws, Stage")
    )
    before = costed.json("cost")
    assert before["prices"]["wanted"] == ["ec2.m7g.large"]
    files: dict[str, bytes] = {}

    class Lists(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path in files else 404)
            self.end_headers()
            self.wfile.write(files.get(self.path, b""))

        def log_message(self, format: str, *args: Any) -> None:
            pass

    from groundsill.cost.price_list import refresh  # noqa: F401  the command below is a process of its own
    from groundsill.cost.prices import load_book

    rules: dict[str, list[dict[str, str]]] = {}
    entries = [price.select for price in load_book().prices.values() if price.select]
    entries.append(
        {
            "offer": "AmazonEC2",
            "usageType": "BoxUsage:m7g.large",
            "operatingSystem": "Linux",
            "tenancy": "Shared",
            "preInstalledSw": "NA",
            "capacitystatus": "Used",
        }
    )
    for select in entries:
        scope = select.get("scope", "us-east-1")
        path = f"/offers/v1.0/aws/{select['offer']}/current{'' if scope == 'global' else f'/{scope}'}/index.csv"
        rules.setdefault(path, []).append(
            {name: str(value) for name, value in select.items() if name not in ("offer", "scope", "scale")}
        )
    for path, selects in rules.items():
        names = sorted({name for select in selects for name in select} - {"unit"})
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerows(
            [
                ["FormatVersion", "v1.0"],
                ["Disclaimer", "x"],
                ["Publication Date", "2026-11-25T00:00:00Z"],
                ["Version", "1"],
                ["OfferCode", "x"],
                ["SKU", "TermType", "StartingRange", "Unit", "PricePerUnit", "Currency", *names],
            ]
        )
        writer.writerows(
            [
                f"S{index}",
                "OnDemand",
                "0",
                select.get("unit", "Hrs"),
                "0.5",
                "USD",
                *(select.get(name, "") for name in names),
            ]
            for index, select in enumerate(selects)
        )
        files[path] = text.getvalue().encode()
    with ThreadingHTTPServer(("127.0.0.1", 0), Lists) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        costed.environment["GROUNDSILL_PRICE_LIST_URL"] = f"http://127.0.0.1:{server.server_port}"
        done = costed.run("cost", "--refresh")
        assert done.returncode == 0, done.stderr
        files.clear()
        failed = costed.json("cost", "--refresh", code=1)
        server.shutdown()
    assert "AmazonEC2 (us-east-1)" in done.stderr and "ec2.m7g.large new 0.5" in done.stderr
    assert failed["diagnostics"][0]["code"] == "GS4213"
    found = costed.json("cost")
    line = next(
        item
        for group in found["groups"]
        for item in group["lines"]
        if item["resource"] == "aws_instance.big" and item["what"] == "hours"
    )
    assert line["cost"]["expected"] == 365 and line["price"]["date"] == "2026-11-25" and not found["prices"]["wanted"]
    assert sorted(item.name for item in costed.folder.glob("prices*")) == ["prices.json"]


@pytest.mark.requirement("MT-O06")
def test_a_plan_shows_what_it_changes_in_cost_by_component(shop: Shop, tmp_path: Path) -> None:
    deployable = Deployable(shop.folder).prepare(tmp_path)
    deployable.define(SHOP)
    (shop.folder / "functions").mkdir()
    (shop.folder / "functions" / "take.py").write_text("def handle(event, context): ...\n")
    (shop.folder / "traffic.toml").write_text(TRAFFIC)
    deployable.plans(("aws_nat_gateway", "main_a", ["create"]), ("aws_eip", "main_nat_a", ["create"]))
    done = deployable.run("plan", "--local-state", "--stage", "prod")
    assert 'Network("main")' in done.stdout and "+36.5" in next(
        item for item in done.stdout.splitlines() if 'Network("main")' in item
    )
    assert "Cost: +36.5" in done.stdout and "US dollars a month" in done.stdout
    found = deployable.json("plan", "--local-state", "--stage", "prod", code=2)["cost"]
    assert found["change"] == pytest.approx(36.5, abs=0.5)
    assert [item["component"] for item in found["components"]] == ["main"]
    # Where traffic cannot be read, the plan is shown all the same, without its cost.
    (shop.folder / "traffic.toml").write_text("[traffic.api")
    done = deployable.run("plan", "--local-state", "--stage", "prod")
    assert done.returncode == 2 and "Cost:" not in done.stdout and "GS4202" in done.stderr
