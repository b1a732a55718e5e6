"""Makes `groundsill/cost/prices.json`, the price book, from compiled list prices: `python scripts/generate_price_book.py`.

The file is compact, sorted and carries a digest of itself. It is data: a price with its unit, date, confidence and source,
and the rule by which `groundsill cost --refresh` finds it in AWS's public price list.

Arguments: the compiled prices, default ``../shared/prices/us-east-1.yaml``; ``--check`` writes nothing and fails where the
file would change.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from groundsill.cost.book_file import BOOK, text_of  # noqa: E402
from groundsill.cost.price_list import bands_of  # noqa: E402

COMPILED = ROOT.parent / "shared" / "prices" / "us-east-1.yaml"
CONFIDENCES = ("high", "medium", "low")
# Allowances that AWS gives an account for ever: named there, and the prices that each is taken off.
ALLOWANCES = {
    ("lambda", "requests"): ("lambda.request_x86", "lambda.request_arm64"),
    ("lambda", "gb_seconds"): ("lambda.duration_x86", "lambda.duration_arm64"),
    ("sqs", "requests"): ("sqs.standard_request", "sqs.fifo_request"),
    ("sns", "publishes"): ("sns.publish_request",),
    ("sns", "email"): ("sns.delivery_email",),
    ("cloudwatch", "alarm_metrics"): ("cloudwatch.alarm_standard_month",),
    ("cloudwatch", "custom_metrics"): ("cloudwatch.custom_metric_month",),
    ("cloudwatch", "logs_gb"): ("cloudwatch.logs_ingest_standard", "cloudwatch.logs_vended_first_10tb"),
    ("cloudwatch", "dashboards"): ("cloudwatch.dashboard_month",),
    ("dynamodb", "storage_gb"): ("dynamodb.storage_standard",),
    ("dynamodb", "wcu_hours"): ("dynamodb.provisioned_wcu_hour",),
    ("dynamodb", "rcu_hours"): ("dynamodb.provisioned_rcu_hour",),
    ("cognito_lite_essentials", "mau"): ("cognito.lite_mau", "cognito.essentials_mau"),
    ("kms", "requests"): ("kms.request_symmetric",),
    ("cloudfront", "gb"): ("cloudfront.data_out_us_ca_mx",),
    ("cloudfront", "requests"): ("cloudfront.https_request_us",),
    ("cloudfront", "function_invocations"): ("cloudfront.functions_invocation",),
    ("eventbridge_scheduler", "invocations"): ("eventbridge.scheduler_invocation",),
    ("xray", "recorded"): ("xray.trace_recorded",),
}
ALLOWANCE_OF_TRANSFER = "data_transfer_out_gb"
# What a price list calls a thing whose price may be asked for by a name that is not in the book; {} is that name.
TEMPLATES = {
    "ec2.{}": {"offer": "AmazonEC2", "usageType": "BoxUsage:{}", "operatingSystem": "Linux", "tenancy": "Shared",
               "preInstalledSw": "NA", "capacitystatus": "Used"},
    "rds.{}_mysql_single_az": {"offer": "AmazonRDS", "usageType": "InstanceUsage:{}", "databaseEngine": "MySQL"},
    "rds.{}_mysql_multi_az": {"offer": "AmazonRDS", "usageType": "Multi-AZUsage:{}", "databaseEngine": "MySQL"},
    "rds.{}_postgres_single_az": {"offer": "AmazonRDS", "usageType": "InstanceUsage:{}", "databaseEngine": "PostgreSQL"},
    "rds.{}_postgres_multi_az": {"offer": "AmazonRDS", "usageType": "Multi-AZUsage:{}", "databaseEngine": "PostgreSQL"},
    "elasticache.{}_redis": {"offer": "AmazonElastiCache", "usageType": "NodeUsage:{}", "cacheEngine": "Redis"},
    "elasticache.{}_valkey": {"offer": "AmazonElastiCache", "usageType": "NodeUsage:{}", "cacheEngine": "Valkey"},
}
UNITS_OF_TEMPLATES = {"elasticache": "node-hour"}
# Prices that stand in another's note.
DERIVED = {
    "route53.health_check_option_aws_month": ("route53.health_check_aws_endpoint_month", 1),
    "route53.health_check_option_other_month": ("route53.health_check_other_endpoint_month", 2),
}
# How the compiled file writes a filter, and how the price list does.
FILTERS = {"operation": "operation", "volumeType": "volumeType"}
ENGINES = {"rds": "databaseEngine", "elasticache": "cacheEngine"}
# One usage type holds several products; what tells the one that is meant (the compiled file's parse rules).
TOLD_APART = {
    "route53.standard_query": {"unit": "Queries", "routingType": "Standard"},
    "eventbridge.custom_event": {"eventType": "Custom Event"},
    "fargate.vcpu_hour_x86": {"operation": ""},
    "fargate.gb_hour_x86": {"operation": ""},
}
# The price list counts in other units: Nova models' tokens by the thousand.
SCALES = {"USE1-Nova": 1000}


def book(compiled: Any) -> dict[str, Any]:
    """The price book of a compiled file's content."""
    meta = compiled["_meta"]
    prices: dict[str, dict[str, Any]] = {}
    for service, rows in sorted(compiled.items()):
        if service.startswith("_"):
            continue
        for name, row in sorted(rows.items()):
            prices[f"{service}.{name}"] = price(service, f"{service}.{name}", row)
    for key, (like, amount) in DERIVED.items():
        prices[key] = {**{name: value for name, value in prices[like].items() if name not in ("note", "select")},
                       "price": amount, "unit": "option-month"}
    allowances: dict[str, dict[str, Any]] = {}
    free = compiled["_free_tier"]["always_free"]
    for (group, what), keys in ALLOWANCES.items():
        allowances[f"{group}.{what}"] = {"quantity": free[group][what], "prices": list(keys)}
    allowances["data_transfer.out_gb"] = {"quantity": free[ALLOWANCE_OF_TRANSFER], "prices": ["data_transfer.out_to_internet"]}
    missing = sorted({key for item in allowances.values() for key in item["prices"]} - prices.keys())
    if missing:
        raise SystemExit(f"allowances name prices that are not compiled: {', '.join(missing)}")
    sources = {
        name: {"description": row["desc"], "kind": row["kind"], "date": str(row["as_of"])}
        for name, row in compiled["_sources"].items()
    }
    return {
        "region": meta["region"], "currency": meta["currency"], "compiled": str(meta["compiled"]),
        "hours_per_month": meta["hours_per_month"], "kind": meta["kind"], "sources": sources, "allowances": allowances,
        "templates": TEMPLATES, "template_units": UNITS_OF_TEMPLATES, "prices": prices,
    }


def price(service: str, key: str, row: dict[str, Any]) -> dict[str, Any]:
    """One entry of the book."""
    if row["confidence"] not in CONFIDENCES:
        raise SystemExit(f"{key}: unknown confidence {row['confidence']}")
    date = str(row["as_of"])
    found: dict[str, Any] = {
        "price": row["price"], "unit": row["unit"], "date": "" if date.startswith("un") else date,
        "confidence": row["confidence"], "source": row["source"],
    }
    bands = bands_of((start, cost) for start, _, cost in row.get("tiers", ()))
    if len(bands) > 1:
        found["tiers"] = bands
    if row.get("note"):
        found["note"] = row["note"]
    if row.get("usagetype") and row.get("offer"):
        found["select"] = selector(service, key, row)
    return found


def selector(service: str, key: str, row: dict[str, Any]) -> dict[str, Any]:
    """How a price is found in AWS's price list."""
    told = {"offer": row["offer"], "usageType": row["usagetype"]}
    told |= {FILTERS[name]: row[name] for name in FILTERS if name in row}
    if "engine" in row:
        told[ENGINES[service]] = row["engine"]
    if "filters" in row:
        told |= {name: value for name, value in TEMPLATES["ec2.{}"].items() if name not in ("offer", "usageType")}
    if "scope" in row:
        told["scope"] = row["scope"].removesuffix(" file").removesuffix(" region")
    told |= {name: value for name, value in TOLD_APART.get(key, {}).items() if value}
    for start, scale in SCALES.items():
        if row["usagetype"].startswith(start):
            told["scale"] = scale
    return told


def main() -> int:
    """Write the file, or with ``--check`` say whether it is current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("compiled", nargs="?", type=Path, default=COMPILED)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    import yaml  # pyright: ignore[reportMissingModuleSource]

    text = text_of(book(yaml.safe_load(given.compiled.read_text(encoding="utf-8"))))
    current = BOOK.read_text(encoding="utf-8") if BOOK.is_file() else ""
    if given.check:
        return 0 if text == current else 1
    BOOK.write_text(text, encoding="utf-8")
    print(f"{BOOK.relative_to(ROOT)}: {text.count(chr(10))} lines")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
