"""Traffic: what is said of it, where it goes, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from groundsill import Stage
from groundsill import components as c
from groundsill.cost.amount import Amount
from groundsill.cost.estimate import Estimate, estimate
from groundsill.cost.model import Answer
from groundsill.cost.traffic_template import template
from groundsill.graph import Graph, Reference, Resource, Severity, Unknown
from groundsill.graph.diagnostics import GroundsillError
from tests.component_support import build

from .cost_support import function, graph_of, line, policy, priced


def shop(stage: Stage) -> None:
    orders = c.Table("orders", key="Id")
    jobs = c.Queue("jobs", dead_letter=c.Queue("dead"))
    take = c.Function("take", "functions.take:handle", uses=[orders.write, jobs.send])
    c.Function("work", "functions.work:handle", uses=[orders.read], sources=[c.EventSource(jobs)])
    show = c.Function("show", "functions.show:handle", uses=[orders.read])
    api = c.HttpApi("api")
    api.route("POST /orders", take)
    api.route("GET /orders", show)
    api.traffic(requests="1M/month", request_size="2 KB", routes={"POST /orders": "25%"})


def quantity(found: Estimate, address: str, what: str) -> Amount:
    amount = line(found, address, what).quantity
    assert amount is not None
    return amount


def said(tmp_path: Path, text: str, graph: Graph | None = None, **given: str) -> Estimate:
    file = tmp_path / "traffic.toml"
    file.write_text(text, encoding="utf-8")
    return estimate(graph or build(shop, "prod"), traffic_file=file, given=given)


def test_requests_go_from_the_api_over_functions_and_queues_to_tables_and_logs() -> None:
    found = estimate(build(shop, "prod"))
    assert not list(found.diagnostics)
    assert quantity(found, "aws_apigatewayv2_api.api", "requests").expected == 1e6
    assert quantity(found, "aws_lambda_function.take", "requests").expected == 250_000
    # What nobody gave a share is spread evenly over the other routes: here one.
    assert quantity(found, "aws_lambda_function.show", "requests").expected == 750_000
    # One message a call, and a batch of two records.
    assert quantity(found, "aws_sqs_queue.jobs", "requests").expected == 3 * 250_000
    assert quantity(found, "aws_lambda_function.work", "requests").expected == 125_000
    assert quantity(found, "aws_dynamodb_table.orders", "writes").expected == 250_000
    # Half a read unit for each read.
    assert quantity(found, "aws_dynamodb_table.orders", "reads").expected == (750_000 + 125_000) / 2
    assert quantity(found, "aws_cloudwatch_log_group.take", "logs taken in").expected == pytest.approx(
        250_000 * 1024 / 2**30
    )
    assert found.requests == Amount(1e6, 1e6, 1e6)
    assert found.per_unit["1,000 requests"].expected == pytest.approx(found.total.expected / 1000)


def test_everything_that_was_assumed_is_said_with_the_word_that_says_it_better() -> None:
    found = estimate(build(shop, "prod"))
    told = "\n".join(found.assumptions)
    assert "take: one invocation runs 200 ms (50 ms to 1 s) (`duration`)" in told
    assert "take: uses `orders.write` 1 times a call (0.2 to 3) (`uses`)" in told
    assert "orders: holds the data of 12 months (`months`)" in told
    assert "request_size" not in told  # that was said


def test_without_traffic_what_depends_on_it_is_unknown_and_what_does_not_is_priced() -> None:
    graph = build(lambda stage: (shop(stage), c.Network("main", nat=1)), "prod")
    graph._traffic.clear()  # pyright: ignore[reportPrivateUsage]
    found = estimate(graph)
    lost = line(found, "aws_lambda_function.take", "requests")
    assert lost.answer is Answer.UNKNOWN and lost.cost is None and lost.reason == "`requests` of api is not stated"
    assert {item.reason for item in found.unknown if item.resource.component in ("work", "jobs", "dead")} == {
        "`requests` of api is not stated"
    }
    hours = line(found, "aws_nat_gateway.main_a", "hours")
    assert hours.cost and hours.cost.expected == pytest.approx(32.85)
    assert found.requests is None and not found.per_unit


def test_the_file_goes_before_the_definition_its_stage_before_its_tier_and_the_command_line_before_all(
    tmp_path: Path,
) -> None:
    text = '[traffic.api]\nrequests = "2M/month"\n[traffic.take]\nduration = "1 s"\n'
    assert said(tmp_path, text).requests == Amount(2e6, 2e6, 2e6)
    text += '[tier.standard.traffic.api]\nrequests = "3M/month"\n[tier.basic.traffic.api]\nrequests = "9M/month"\n'
    assert said(tmp_path, text).requests == Amount(3e6, 3e6, 3e6)
    text += '[stage.prod.traffic.api]\nrequests = "4M/month"\n[stage.dev.traffic.api]\nrequests = "9M/month"\n'
    assert said(tmp_path, text).requests == Amount(4e6, 4e6, 4e6)
    assert said(tmp_path, text, **{"api.requests": "5M/month"}).requests == Amount(5e6, 5e6, 5e6)


def test_units_of_the_users_own_share_the_cost(tmp_path: Path) -> None:
    found = said(tmp_path, '[units]\nuser = 500\norder = "250k/month"\n')
    assert found.per_unit["user"].expected == pytest.approx(found.total.expected / 500)
    assert found.per_unit["order"].expected == pytest.approx(found.total.expected / 250_000)


def test_a_price_that_you_pay_goes_before_the_list_price(tmp_path: Path) -> None:
    found = said(tmp_path, '[prices]\n"lambda.request_arm64" = 0.001\n')
    assert line(found, "aws_lambda_function.take", "requests").cost == Amount(250, 250, 250)


MISTAKES = [
    ('[traffic.apo]\nrequests = "1/day"', "GS4204", "api"),
    ('[stage.prod.traffic.apo]\nrequests = "1/day"', "GS4204", "api"),
    ('[traffic.api]\nrequest = "1/day"', "GS4205", "requests"),
    ('[traffic.api]\nrequests = "1M"', "GS4206", "a number in a time"),
    ("[traffic.api]\nrequests = [1, 2]", "GS4206", "a number in a time"),
    ('[traffic.api]\nroutes = { "POST /order" = "10%" }', "GS4207", "POST /orders"),
    ('[traffic.api]\nroutes = { "POST /orders" = "70%", "GET /orders" = "60%" }', "GS4206", "more than all"),
    ("[traffic.api]\nroutes = 3", "GS4206", "a table of shares"),
    ('[traffic.take]\nuses = { "orders.writes" = 2 }', "GS4207", "orders.write"),
    ('[trafic.api]\nrequests = "1/day"', "GS4203", "traffic"),
    ("traffic = 3", "GS4203", ""),
    ("[traffic]\napi = 3", "GS4206", "[traffic.api]"),
    ("[units]\nuser = 0", "GS4206", "none"),
    ('[units]\nuser = "many"', "GS4206", "a number"),
    ("[assume]\nmonth = 3", "GS4206", "months"),
    ('[assume]\nmonths = "3"', "GS4206", "months"),
    ('[prices]\n"lambda.reqest_arm64" = 1', "GS4206", "lambda.request_arm64"),
    ('[prices]\n"lambda.request_arm64" = -1', "GS4206", "price"),
    ("[stage]\nprod = 3", "GS4203", "[stage."),
    ("[traffic.api", "GS4202", "--write-traffic"),
]


@pytest.mark.parametrize(("text", "code", "told"), MISTAKES)
def test_a_mistake_is_told_with_its_line_and_what_was_meant(tmp_path: Path, text: str, code: str, told: str) -> None:
    try:
        found = list(said(tmp_path, text).diagnostics)
    except GroundsillError as error:
        found = list(error.diagnostics)
    assert [item.code for item in found] == [code]
    assert told in f"{found[0].detail} {found[0].mend}"
    assert found[0].location and found[0].location.file.endswith("traffic.toml")


def test_a_component_that_only_other_stages_have_is_a_warning_and_one_of_this_stage_an_error(tmp_path: Path) -> None:
    everywhere = said(tmp_path, '[traffic.cache]\nhours = "1 h/day"\n').diagnostics
    assert [item.severity for item in everywhere] == [Severity.WARNING]
    here = said(tmp_path, '[stage.prod.traffic.cache]\nhours = "1 h/day"\n').diagnostics
    assert [item.severity for item in here] == [Severity.ERROR]


def test_a_mistake_names_its_line(tmp_path: Path) -> None:
    (found,) = said(
        tmp_path, '[units]\nuser = 5\n\n[traffic.api]\nrequest_size = "1 KB"\nrequests = "many"\n'
    ).diagnostics
    assert found.location and found.location.line == 6


def test_the_written_file_names_every_entry_first_and_can_be_read_back(tmp_path: Path) -> None:
    graph = build(shop, "prod")
    text = template(graph)
    assert text.index("[traffic.api]") < text.index("[traffic.orders]")
    assert '# requests = "100k/month"  # requests that come in' in text
    # Read back with every comment taken away, except the examples of tables.
    lines = [item.removeprefix("# ") for item in text.splitlines() if " = " in item or item.startswith("[")]
    found = said(tmp_path, "\n".join(item for item in lines if not item.startswith(("Times", "What", "Stored"))), graph)
    assert not list(found.diagnostics), [item.render() for item in found.diagnostics]
    assert not [item for item in found.unknown if "stated" in item.reason]


def test_a_plan_or_terraform_files_are_told_of_by_address(tmp_path: Path) -> None:
    queue = Resource("aws_sqs_queue", "jobs", {}, module="module.work", key="a")
    found = said(
        tmp_path, '[traffic.\'module.work.aws_sqs_queue.jobs["a"]\']\nmessages = "1M/month"\n', graph_of(queue)
    )
    assert not list(found.diagnostics)
    assert quantity(found, queue.address, "requests").expected == 3e6


def test_traffic_that_goes_in_a_circle_is_counted_once() -> None:
    queue = Resource("aws_sqs_queue", "jobs", {})
    again = function("again", (["sqs:SendMessage"], [queue["arn"]]))
    mapping = Resource(
        "aws_lambda_event_source_mapping",
        "m",
        {"function_name": again[2]["arn"], "event_source_arn": queue["arn"], "batch_size": 1},
    )
    found = priced(queue, *again, mapping, traffic={"aws_sqs_queue.jobs": {"messages": "1M/month"}})
    assert quantity(found, "aws_lambda_function.again", "requests").expected == 1e6
    unsaid = priced(queue, *again, mapping)
    assert all(item.reason for item in unsaid.unknown)


def test_where_some_of_the_traffic_is_not_known_the_rest_is_counted_and_that_is_said() -> None:
    table = Resource("aws_dynamodb_table", "t", {"billing_mode": "PAY_PER_REQUEST"})
    grant = (["dynamodb:PutItem"], [table["arn"]])
    found = priced(
        table,
        *function("known", grant),
        *function("dark", grant),
        traffic={"aws_lambda_function.known": {"invocations": "1M/month"}},
    )
    written = line(found, "aws_dynamodb_table.t", "writes")
    assert written.quantity and written.quantity.expected == 1e6
    assert any(
        "nothing is counted of `invocations` of aws_lambda_function.dark" in item for item in written.assumptions
    )


@pytest.mark.parametrize(
    "value",
    [
        Unknown("data.x.y"),
        Reference("data.aws_iam_policy_document.x", ("json",)),
        "no json",
        '{"Statement": 3}',
        7,
        None,
        policy((["dynamodb:*"], ["*"])),
    ],
)
def test_a_policy_that_cannot_be_read_grants_nothing_and_breaks_nothing(value: Any) -> None:
    made = function("f")
    made[3].arguments["policy"] = value
    found = priced(*made, traffic={"aws_lambda_function.f": {"invocations": "1M/month"}})
    assert quantity(found, "aws_lambda_function.f", "requests").expected == 1e6


def test_a_policy_document_of_terraform_is_read_too() -> None:
    table = Resource("aws_dynamodb_table", "t", {"billing_mode": "PAY_PER_REQUEST"})
    document = Resource(
        "aws_iam_policy_document",
        "d",
        {"statement": [{"actions": ["dynamodb:Put*"], "resources": [table["arn"]]}]},
        data=True,
    )
    made = function("f")
    made[3].arguments["policy"] = document["json"]
    found = priced(table, document, *made, traffic={"aws_lambda_function.f": {"invocations": "1M/month"}})
    assert quantity(found, "aws_dynamodb_table.t", "writes").expected == 1e6


def test_free_allowances_are_shown_apart_and_never_taken_off() -> None:
    found = priced(Resource("aws_cognito_user_pool", "u", {}), traffic={"aws_cognito_user_pool.u": {"users": 12_000}})
    assert found.total.expected == pytest.approx(12_000 * 0.015)
    (saving,) = found.savings
    assert (saving.quantity, saving.cost) == (10_000, pytest.approx(150))


def test_what_stands_in_another_region_is_said_to_be_priced_as_here() -> None:
    graph = graph_of(Resource("aws_kms_key", "here", {}))
    alias = graph.add_provider("us-west-2")
    graph.add(Resource("aws_kms_key", "there", {}, provider=alias))
    found = estimate(graph)
    told = "what is in us-west-2 costs what it does in us-east-1"
    assert told in line(found, "aws_kms_key.there", "key").assumptions
    assert told not in line(found, "aws_kms_key.here", "key").assumptions


def test_how_far_prices_can_be_trusted_is_told_in_shares_of_the_sum() -> None:
    found = priced(Resource("aws_nat_gateway", "x", {}), Resource("aws_kms_key", "x", {}))
    shares = found.confidence
    assert sum(shares.values()) == pytest.approx(1) and shares["high"] > 0.9 and shares["medium"] > 0
