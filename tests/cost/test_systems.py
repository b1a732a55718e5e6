"""The five systems: their costs beside those of their documents, row by row."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from groundsill.cost.amount import total
from groundsill.cost.estimate import Estimate, estimate
from groundsill.cost.model import Answer, Line
from groundsill.graph import Resource
from groundsill.sources.reading import read
from groundsill.terraform.synth import synthesize
from groundsill.testing import Definition

from .cost_support import function, line, priced

ROOT = Path(__file__).resolve().parents[2]
HOURS = 730
BUILT: dict[str, Definition] = {}


def of(
    system: str, stage: str, *, tier: str | None = None, given: dict[str, str] | None = None, **settings: Any
) -> Estimate:
    folder = ROOT / "systems" / system
    definition = BUILT.setdefault(system, Definition(folder))
    found = estimate(definition.graph(stage, tier=tier, **settings), traffic_file=folder / "traffic.toml", given=given)
    found.diagnostics.raise_if_errors()
    return found


def cost(found: Estimate, chosen: Callable[[Line], bool]) -> float:
    """The expected cost of some lines."""
    return total(item.cost for item in found.lines if item.cost is not None and chosen(item)).expected


def of_type(*types: str, what: str = "") -> Callable[[Line], bool]:
    return lambda item: item.resource.type in types and what in item.what


def of_service(name: str) -> Callable[[Line], bool]:
    return lambda item: item.service == name


def test_the_page_of_costs_is_current() -> None:
    sys.path.insert(0, str(ROOT))
    from scripts.generate_cost_page import PAGE, page

    assert PAGE.read_text(encoding="utf-8") == page(), "run: python scripts/generate_cost_page.py"


def test_the_page_of_traffic_is_current() -> None:
    sys.path.insert(0, str(ROOT))
    from scripts.generate_traffic_page import PAGE, page

    assert PAGE.read_text(encoding="utf-8") == page(), "run: python scripts/generate_traffic_page.py"


def test_the_page_of_costs_explains_every_figure_and_names_every_row_about_cost() -> None:
    sys.path.insert(0, str(ROOT))
    from scripts.cost_page_figures import SECTIONS

    rows = [row for section in SECTIONS for row in section.rows]
    assert all(row.why and row.document and row.label for row in rows)
    named = {name.strip() for row in rows for name in row.ids.split(",")}
    assert named >= {
        "OM-S13",
        "PA-S01",
        "PA-S02",
        "PA-S03",
        "PA-C02",
        "PA-C03",
        "PA-C35",
        "AN-S21",
        "AN-S22",
        "AN-S23",
        "AN-S24",
        "AN-C05",
        "AN-C06",
        "AN-C07",
        "AN-C08",
        "AN-C29",
        "IU-S01",
        "IU-S02",
        "IU-S03",
        "IU-C01",
        "IU-C02",
        "IU-C14",
        "IU-C21",
        "IU-C22",
        "IU-C32",
        "MT-S09",
        "MT-C12",
        "MT-C14",
        "MT-C37",
    }


# -- OpenMetabolics ------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("OM-S13")
def test_open_metabolics_fixed_costs_are_those_of_the_row_less_the_fifth_that_arm_saves() -> None:
    found = of("open_metabolics", "dev")
    tasks = {
        name: cost(
            found,
            lambda item, name=name: (
                item.resource.address == f"aws_ecs_service.{name}" and item.what in ("vCPU", "memory")
            ),
        )
        for name in ("energy_api", "energy_worker")
    }
    assert tasks["energy_api"] == pytest.approx(HOURS * (1 * 0.03238 + 2 * 0.00356))
    assert tasks["energy_worker"] == pytest.approx(HOURS * (0.25 * 0.03238 + 0.5 * 0.00356))
    # The row's own figures, 36.04 and 9.01, are those of x86.
    assert pytest.approx(36.04, abs=0.005) == HOURS * (1 * 0.04048 + 2 * 0.004445)
    assert pytest.approx(9.01, abs=0.005) == HOURS * (0.25 * 0.04048 + 0.5 * 0.004445)
    assert cost(found, of_type("aws_nat_gateway", what="hours")) == pytest.approx(32.85)
    assert cost(found, of_type("aws_lb", what="hours")) == pytest.approx(16.425)
    # Each driver that the row names is a line of its own.
    for service in ("Amazon DynamoDB", "AWS Lambda", "Amazon ECS", "Elastic Load Balancing", "Amazon VPC"):
        assert cost(found, of_service(service)) > 0, service


@pytest.mark.requirement("OM-C08")
def test_tasks_in_private_subnets_pay_for_no_address_of_their_own() -> None:
    assert cost(of("open_metabolics", "dev"), of_type("aws_ecs_service", what="IPv4")) == 0
    assert cost(of("parrot", "dev"), of_type("aws_ecs_service", what="IPv4")) == pytest.approx(2 * 3.65)


# -- Parrot --------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PA-S01", "PA-C03")
def test_parrot_costs_what_its_list_prices_add_up_to() -> None:
    found = of("parrot", "dev")
    assert cost(
        found, lambda item: item.resource.type == "aws_ecs_service" and item.what in ("vCPU", "memory")
    ) == pytest.approx(2 * HOURS * (0.25 * 0.03238 + 0.5 * 0.00356))
    assert cost(found, of_type("aws_db_instance", what="hours")) == pytest.approx(HOURS * 0.016)
    assert cost(found, of_type("aws_db_instance", what="storage")) == pytest.approx(2.30)
    assert cost(found, of_type("aws_lb", what="hours")) == pytest.approx(16.425)
    assert cost(found, lambda item: "IPv4" in item.what) == pytest.approx(14.60, abs=0.001)  # and a minute for each migration
    assert cost(found, lambda item: item.what in ("secret", "password in Secrets Manager")) == pytest.approx(0.80)
    # About 66 before usage with x86 and db.t3.micro; ours is cheaper by both, and has alarms and a dashboard.
    assert 60 < found.total.expected < 72
    assert found.total.expected < 110


@pytest.mark.requirement("PA-C02")
def test_a_zone_and_its_queries_are_not_forty_dollars() -> None:
    found = of("parrot", "dev")
    assert 0.50 <= cost(found, of_service("Amazon Route 53")) < 1
    zone = line(of("parrot", "dev", given={"zone.queries": "1M/month"}), "aws_route53_zone.zone", "queries")
    assert zone.cost and zone.cost.expected == pytest.approx(0.40)


@pytest.mark.requirement("PA-S02", "PA-C19", "PA-C35")
def test_parrots_savings_are_those_of_the_price_list() -> None:
    plain = of("parrot", "dev").total.expected
    # A NAT gateway with its address against the addresses of two tasks.
    assert pytest.approx(36.50) == 32.85 + 3.65
    cached = of("parrot", "dev", redis=True)
    assert cost(cached, of_service("Amazon ElastiCache")) == pytest.approx(11.68)
    assert cached.total.expected - plain == pytest.approx(11.68, abs=0.5)
    node = priced(Resource("aws_elasticache_cluster", "x", {"engine": "redis", "node_type": "cache.t3.micro"}))
    assert node.total.expected == pytest.approx(12.41)
    standby = cost(of("parrot", "prod"), of_type("aws_db_instance", what="hours"))
    assert standby - HOURS * 0.016 == pytest.approx(11.68)


@pytest.mark.requirement("PA-S03")
def test_parrot_at_each_number_of_users_of_its_document() -> None:
    def load(users: int, **settings: Any) -> float:
        return of("parrot", "dev", given={"front.requests": f"{users * 100}/day"}, **settings).total.expected

    many = {
        "backend_desired_count": 8,
        "frontend_desired_count": 8,
        "task_size": "large",
        "database_class": "db.t4g.small",
    }
    costs = [load(1), load(100), load(1000, backend_desired_count=2, frontend_desired_count=2), load(10_000, **many)]
    assert costs == sorted(costs)
    assert costs[1] - costs[0] < 1, "a hundred users cost cents more than one"
    assert 80 < costs[2] < 180
    assert 500 < costs[3] < 800


@pytest.mark.requirement("PA-S04")
def test_an_agreed_price_and_spot_are_what_a_saving_is_modelled_with(tmp_path: Path) -> None:
    graph = BUILT.setdefault("parrot", Definition(ROOT / "systems" / "parrot")).graph("dev")
    file = tmp_path / "traffic.toml"
    file.write_text(f'[prices]\n"rds.db.t4g.micro_postgres_single_az" = {0.016 * 0.7}\n', encoding="utf-8")
    assert cost(estimate(graph, traffic_file=file), of_type("aws_db_instance", what="hours")) == pytest.approx(
        11.68 * 0.7
    )
    task = Resource("aws_ecs_task_definition", "t", {"cpu": "256", "memory": "512"})
    made = {"task_definition": task["arn"], "desired_count": 1}
    usual = priced(task, Resource("aws_ecs_service", "s", made))
    spot = priced(
        task,
        Resource(
            "aws_ecs_service", "s", {**made, "capacity_provider_strategy": [{"capacity_provider": "FARGATE_SPOT"}]}
        ),
    )
    assert spot.total.low < spot.total.expected < spot.total.high < usual.total.expected


@pytest.mark.requirement("PA-C33")
def test_gp3_costs_a_database_what_gp2_does() -> None:
    costs = [
        priced(
            Resource(
                "aws_db_instance",
                "x",
                {"engine": "postgres", "instance_class": "db.t4g.micro", "allocated_storage": 20, "storage_type": kind},
            )
        ).total.expected
        for kind in ("gp2", "gp3")
    ]
    assert costs[0] == costs[1]


# -- AI Nutritionist -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("AN-S21", "AN-C07")
def test_the_tiers_of_ai_nutritionist_cost_more_from_one_to_the_next_and_leave_nothing_out() -> None:
    tiers = [of("ai_nutritionist", "prod", tier=tier) for tier in ("basic", "standard", "enterprise")]
    costs = [found.total.expected for found in tiers]
    assert costs == sorted(costs)
    for service in ("Amazon API Gateway", "Amazon CloudFront", "Amazon S3", "AWS WAF", "AWS KMS", "AWS Backup"):
        assert cost(tiers[2], of_service(service)) > 0, f"{service} is missing from the document's table"
    assert cost(tiers[2], lambda item: "tokens" in item.what) > 0
    assert tiers[2].assumptions and not [item for item in tiers[2].unknown if "stated" in item.reason]


@pytest.mark.requirement("AN-S22", "AN-C06", "AN-S23", "AN-C05")
def test_the_parts_of_ai_nutritionist_add_up_to_its_total_in_every_stage() -> None:
    for stage in ("dev", "staging", "prod"):
        found = of("ai_nutritionist", stage)
        assert sum(group.cost.expected for group in found.by("service")) == pytest.approx(found.total.expected)
    assert of("ai_nutritionist", "dev").total.expected < of("ai_nutritionist", "prod").total.expected


@pytest.mark.requirement("AN-S24")
def test_what_arm_saves_is_in_the_estimate() -> None:
    slow, fast = (
        priced(
            *function(architectures=[kind]),
            traffic={"aws_lambda_function.f": {"invocations": "10M/month", "duration": "1 s"}},
        )
        for kind in ("x86_64", "arm64")
    )
    saved = 1 - cost(fast, of_type("aws_lambda_function", what="duration")) / cost(
        slow, of_type("aws_lambda_function", what="duration")
    )
    assert saved == pytest.approx(0.20, abs=0.001)


@pytest.mark.requirement("AN-C08")
def test_the_cache_pays_for_itself_only_from_some_traffic_on() -> None:
    def saved(requests: str) -> float:
        given = {"api.requests": requests, "universal-message-handler.model_calls": "0.2"}
        tokens = [
            cost(
                of("ai_nutritionist", "prod", given=given | {"universal-message-handler.model_calls": calls}),
                lambda item: "tokens" in item.what,
            )
            for calls in ("1", "0.2")
        ]
        return tokens[0] - tokens[1]

    cache = cost(of("ai_nutritionist", "prod"), of_service("Amazon ElastiCache"))
    assert cache == pytest.approx(2 * HOURS * 0.0128)
    assert saved("30k/month") < cache < saved("300k/month")
    without = of("ai_nutritionist", "prod", enable_elasticache=False)
    assert cost(without, of_service("Amazon ElastiCache")) == 0
    answers = [item for item in without.lines if item.resource.component == "answers" and item.what == "writes"]
    assert answers, "without the cache answers are kept in a table"


@pytest.mark.requirement("AN-C10")
def test_shield_advanced_is_not_there_and_would_not_be_free() -> None:
    assert not of("ai_nutritionist", "prod").graph.of_type("aws_shield_protection")
    (asked,) = priced(Resource("aws_shield_protection", "x", {})).lines
    assert asked.answer is Answer.UNKNOWN and "3,000 USD a month" in asked.reason


@pytest.mark.requirement("AN-C29")
def test_nat_gateways_addresses_and_endpoints_are_itemised() -> None:
    one, two = of("ai_nutritionist", "prod", tier="standard"), of("ai_nutritionist", "prod")
    assert cost(one, of_type("aws_nat_gateway", what="hours")) == pytest.approx(32.85)
    assert cost(two, of_type("aws_nat_gateway", what="hours")) == pytest.approx(65.70)
    for found in (one, two):
        assert cost(found, of_type("aws_vpc_endpoint", what="hours")) == pytest.approx(5 * 2 * 7.30)
    gateways = [item for item in two.lines if item.resource.type == "aws_vpc_endpoint" and item.answer is Answer.FREE]
    assert len(gateways) == 2


@pytest.mark.requirement("AN-S10", "AN-T08")
def test_each_stage_has_a_budget_that_the_estimate_is_compared_with() -> None:
    limits = {stage: of("ai_nutritionist", stage).budgets[0].limit for stage in ("dev", "staging", "prod")}
    assert limits == {"dev": 50, "staging": 200, "prod": 1000}
    busy = of("ai_nutritionist", "prod", given={"api.requests": "10M/month"})
    assert busy.total.expected > busy.budgets[0].limit


# -- ImageUnderstander ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("IU-S01", "IU-C01", "IU-C14")
def test_the_models_machine_alone_is_above_the_documents_total() -> None:
    found = of("image_understander", "prod")
    hours = {
        item.resource.component: item.cost.expected
        for item in found.lines
        if item.what == "hours" and item.cost and item.resource.type == "aws_instance"
    }
    assert hours["llm"] == pytest.approx(734.38) and hours["llm"] > 521
    assert hours["chromadb"] == pytest.approx(24.53, abs=0.005)
    assert cost(
        found, lambda item: item.resource.type == "aws_db_instance" and item.what in ("hours", "storage")
    ) == pytest.approx(27.96)
    assert 900 < found.total.expected < 1000


@pytest.mark.requirement("IU-S02", "IU-C01")
def test_a_model_that_is_parked_outside_working_hours_is_paid_for_its_hours() -> None:
    parked = of("image_understander", "dev")
    assert (
        line(parked, "aws_instance.llm", "hours").cost
        == line(of("image_understander", "dev", given={"llm.hours": "180 h/month"}), "aws_instance.llm", "hours").cost
    )
    always = of("image_understander", "dev", given={"llm.hours": "730 h/month"})
    assert always.total.expected - parked.total.expected == pytest.approx((730 - 180) * 1.006)
    # The document's saving of 380 is that of 378 hours.
    assert pytest.approx(378, abs=0.5) == 380 / 1.006


@pytest.mark.requirement("IU-S02", "IU-S03", "IU-C32", "IU-O22")
def test_each_switch_of_the_document_shows_what_it_saves() -> None:
    usual = of("image_understander", "prod")

    def saves(**settings: Any) -> float:
        return usual.total.expected - of("image_understander", "prod", **settings).total.expected

    assert saves(db_multi_az=False) == pytest.approx(13.98, abs=0.01)
    assert 700 * 0.3 < saves(llm_spot=True) < 700 * 0.7
    spot = of("image_understander", "prod", llm_spot=True)
    assert spot.total.high - spot.total.low > 250, "Spot floats, and the estimate says so"
    assert 0 < saves(create_hosted_zone=False, hosted_zone_id="Z0123456789EXAMPLE") < 1


@pytest.mark.requirement("IU-C21")
def test_keeping_logs_for_a_shorter_time_saves_little_since_taking_them_in_is_the_cost() -> None:
    costs = {
        days: [
            cost(
                of("image_understander", "prod", log_retention_days=days, given={"front.requests": "300M/month"}),
                lambda item, what=what: item.what == what,
            )
            for what in ("logs kept", "logs taken in")
        ]
        for days in (7, 30)
    }
    saved = costs[30][0] - costs[7][0]
    assert 0 < saved < 0.02 * costs[30][1]
    assert costs[7][1] == pytest.approx(costs[30][1])


@pytest.mark.requirement("IU-C22")
def test_route_53_is_itemised() -> None:
    found = of("image_understander", "prod")
    lines = {
        item.what: item.cost.expected
        for item in found.lines
        if item.service == "Amazon Route 53" and item.cost and item.what
    }
    assert lines == {
        "hosted zone": 0.5,
        "queries": pytest.approx(0.04),
        "health check": 0.75,
        "options of the check": 2,
    }


@pytest.mark.requirement("IU-C02")
def test_interface_endpoints_cost_more_than_the_traffic_they_save() -> None:
    plain, complete = of("image_understander", "prod"), of("image_understander", "prod", extras=["endpoints"])
    paid = cost(complete, of_type("aws_vpc_endpoint", what="hours"))
    assert paid == pytest.approx(5 * 2 * 7.30)
    assert cost(plain, of_type("aws_nat_gateway", what="data")) < paid
    assert cost(plain, of_type("aws_vpc_endpoint")) == 0


# -- Multitask -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("MT-C14")
def test_functions_that_are_kept_warm_cost_what_the_row_says() -> None:
    found = of("multitask", "prod")
    warm = cost(found, of_type("aws_lambda_provisioned_concurrency_config"))
    assert warm == pytest.approx(6 * 10 * 0.5 * 730 * 3600 * 0.0000033334) and warm == pytest.approx(263, abs=0.5)
    assert cost(of("multitask", "dev"), of_type("aws_lambda_provisioned_concurrency_config")) == 0


@pytest.mark.requirement("MT-C12")
def test_tables_can_be_priced_on_demand_and_with_capacity() -> None:
    demand, capacity = of("multitask", "prod"), of("multitask", "prod", table_capacity="provisioned")
    rooms = [
        item
        for item in capacity.lines
        if item.resource.address == "aws_dynamodb_table.chat_rooms" and "capacity" in item.what
    ]
    # Five of each for the table and its index at least, up to a hundred.
    assert sum(item.cost.low for item in rooms if item.cost) == pytest.approx(2 * 5 * HOURS * (0.00013 + 0.00065))
    assert sum(item.cost.high for item in rooms if item.cost) == pytest.approx(2 * 100 * HOURS * (0.00013 + 0.00065))
    assert not [item for item in demand.lines if item.resource.type == "aws_dynamodb_table" and "capacity" in item.what]


@pytest.mark.requirement("MT-C37")
def test_streams_that_functions_read_cost_nothing() -> None:
    found = of("multitask", "prod")
    assert not [item for item in found.lines if "stream" in item.what]
    mappings = [item for item in found.lines if item.resource.type == "aws_lambda_event_source_mapping"]
    assert mappings and all(item.answer is Answer.FREE for item in mappings)


@pytest.mark.requirement("MT-S09", "MT-O14")
def test_every_stage_of_multitask_is_compared_with_its_budget() -> None:
    for stage, limit in {"dev": 100, "staging": 250, "prod": 1000}.items():
        found = of("multitask", stage)
        assert [budget.limit for budget in found.budgets] == [limit]
        assert found.total.expected > 0


def test_no_stage_of_any_system_leaves_traffic_unsaid() -> None:
    for system, stages in {
        "open_metabolics": ("dev", "prod"),
        "ai_nutritionist": ("dev", "staging", "prod"),
        "image_understander": ("dev", "staging", "prod"),
        "multitask": ("dev", "staging", "prod"),
        "parrot": ("dev", "stage", "prod"),
    }.items():
        for stage in stages:
            found = of(system, stage)
            assert not [item for item in found.unknown if "stated" in item.reason], (system, stage)
            assert not list(found.diagnostics), (system, stage)
            assert found.per_unit


def test_the_generators_of_pages_run_by_themselves() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import scripts.generate_cost_page"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("system", "entry"),
    [
        ("open_metabolics", "aws_apigatewayv2_api.api.requests"),
        ("parrot", "aws_lb.front.requests"),
        ("ai_nutritionist", "aws_api_gateway_rest_api.api.requests"),
        ("image_understander", "aws_lb.front.requests"),
        ("multitask", "aws_api_gateway_rest_api.multitask_api.requests"),
    ],
)
def test_the_terraform_that_is_deployed_costs_line_by_line_what_the_definition_does(
    system: str, entry: str, tmp_path: Path
) -> None:
    graph = BUILT.setdefault(system, Definition(ROOT / "systems" / system)).graph("prod")
    (tmp_path / "main.tf.json").write_text(json.dumps(synthesize(graph)), encoding="utf-8")
    costs: list[dict[tuple[str, str], object]] = []
    for source in (graph, read(tmp_path, stage="prod").graph):
        found = estimate(source, given={entry: "100k/day"})
        costs.append(
            {
                (item.resource.address, item.what): (item.answer, item.cost and round(item.cost.expected, 6))
                for item in found.lines
            }
        )
    assert costs[0] == costs[1] and len(costs[0]) > 100
