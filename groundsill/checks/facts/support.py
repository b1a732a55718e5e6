"""Until when AWS supports runtimes, engines and services."""

from __future__ import annotations

from datetime import date
from types import MappingProxyType

LAMBDA_RUNTIMES: MappingProxyType[str, date] = MappingProxyType({
    "dotnetcore1.0": date(2019, 6, 27), "dotnetcore2.0": date(2019, 5, 30), "dotnetcore2.1": date(2022, 1, 5),
    "dotnetcore3.1": date(2023, 4, 3), "dotnet5.0": date(2022, 5, 10), "dotnet6": date(2024, 12, 20),
    "dotnet7": date(2024, 5, 14), "dotnet8": date(2026, 11, 10), "dotnet9": date(2026, 11, 10), "dotnet10": date(2028, 11, 14),
    "go1.x": date(2024, 1, 8),
    "java8": date(2024, 1, 8), "java8.al2": date(2027, 6, 30), "java11": date(2027, 6, 30), "java17": date(2027, 6, 30),
    "java21": date(2029, 6, 30), "java25": date(2029, 6, 30),
    "nodejs": date(2016, 10, 31), "nodejs4.3": date(2020, 3, 5), "nodejs4.3-edge": date(2020, 3, 5),
    "nodejs6.10": date(2019, 8, 12), "nodejs8.10": date(2020, 3, 6), "nodejs10.x": date(2021, 7, 30),
    "nodejs12.x": date(2023, 3, 31), "nodejs14.x": date(2023, 12, 4), "nodejs16.x": date(2024, 6, 12),
    "nodejs18.x": date(2025, 9, 1), "nodejs20.x": date(2026, 4, 30), "nodejs22.x": date(2027, 4, 30),
    "nodejs24.x": date(2028, 4, 30),
    "provided": date(2024, 1, 8), "provided.al2": date(2026, 7, 31), "provided.al2023": date(2029, 6, 30),
    "python2.7": date(2021, 7, 15), "python3.6": date(2022, 7, 18), "python3.7": date(2023, 12, 4),
    "python3.8": date(2024, 10, 14), "python3.9": date(2025, 12, 15), "python3.10": date(2026, 10, 31),
    "python3.11": date(2027, 6, 30), "python3.12": date(2028, 10, 31), "python3.13": date(2029, 6, 30),
    "python3.14": date(2029, 6, 30),
    "ruby2.5": date(2021, 7, 30), "ruby2.7": date(2023, 12, 7), "ruby3.2": date(2026, 3, 31), "ruby3.3": date(2027, 3, 31),
    "ruby3.4": date(2028, 3, 31), "ruby4.0": date(2029, 3, 31),
})
"""Deprecation date by runtime. Source: AWS Lambda Developer Guide, "Lambda runtimes", tables "Supported runtimes" and
"Deprecated runtimes", compared with copies of May 2026."""

RUNTIME_BLOCKED_AFTER_DAYS = 30
"""From then on a function can no longer be created. Source: AWS Lambda Developer Guide, "Runtime deprecation policy"."""

ENGINES: MappingProxyType[str, MappingProxyType[str, date]] = MappingProxyType({
    "postgres": MappingProxyType({
        "9": date(2022, 4, 30), "10": date(2023, 4, 30), "11": date(2024, 2, 29), "12": date(2025, 2, 28),
        "13": date(2026, 2, 28), "14": date(2027, 2, 28), "15": date(2028, 2, 29), "16": date(2029, 2, 28),
        "17": date(2030, 2, 28), "18": date(2031, 2, 28),
    }),
    "mysql": MappingProxyType({
        "5.5": date(2021, 5, 25), "5.6": date(2022, 3, 1), "5.7": date(2024, 2, 29), "8.0": date(2026, 7, 31),
        "8.4": date(2029, 7, 31),
    }),
    "mariadb": MappingProxyType({
        "10.2": date(2022, 10, 15), "10.3": date(2023, 10, 23), "10.4": date(2025, 2, 28), "10.5": date(2026, 2, 28),
        "10.6": date(2026, 7, 31), "10.11": date(2028, 2, 29), "11.4": date(2029, 5, 31),
    }),
    "aurora-postgresql": MappingProxyType({
        "9": date(2022, 1, 31), "10": date(2023, 1, 31), "11": date(2024, 2, 29), "12": date(2025, 2, 28),
        "13": date(2026, 2, 28), "14": date(2027, 2, 28), "15": date(2028, 2, 29), "16": date(2029, 2, 28),
        "17": date(2030, 2, 28), "18": date(2031, 2, 28),
    }),
    "aurora-mysql": MappingProxyType({
        "5.6": date(2023, 2, 28), "5.7": date(2024, 10, 31), "8.0": date(2028, 4, 30), "8.4": date(2032, 4, 30),
    }),
    "redis": MappingProxyType({
        "2": date(2023, 7, 31), "3": date(2023, 7, 31), "4": date(2026, 1, 31), "5": date(2026, 1, 31),
        "6": date(2027, 1, 31),
    }),
})
"""End of standard support by engine and major version.

Sources: Amazon RDS User Guide, "Supported MySQL major versions on Amazon RDS", "Release calendars for Amazon RDS for
PostgreSQL", "Supported MariaDB major versions on Amazon RDS"; Amazon Aurora User Guide, "Release calendars for Aurora";
Amazon ElastiCache User Guide, "ElastiCache versions for Redis OSS end of life schedule". Compared with copies of these
tables as of September 2026; that of MariaDB as of August 2025. Of versions that ended before 2024 the month counts.
"""

SERVICES: MappingProxyType[str, tuple[date, str]] = MappingProxyType({
    "aws_appmesh_": (date(2026, 9, 30), "AWS App Mesh"),
    "aws_cloud9_": (date(2024, 7, 25), "AWS Cloud9 (no new customers)"),
    "aws_codecommit_": (date(2024, 7, 25), "AWS CodeCommit (no new customers)"),
    "aws_elastictranscoder_": (date(2025, 11, 13), "Amazon Elastic Transcoder"),
    "aws_evidently_": (date(2025, 10, 17), "CloudWatch Evidently"),
    "aws_iotanalytics_": (date(2025, 12, 15), "AWS IoT Analytics"),
    "aws_kinesis_analytics_application": (date(2026, 1, 27), "Kinesis Data Analytics for SQL"),
    "aws_lookoutmetrics_": (date(2025, 10, 10), "Amazon Lookout for Metrics"),
    "aws_media_store_": (date(2025, 11, 13), "AWS Elemental MediaStore"),
    "aws_opsworks_": (date(2024, 5, 26), "AWS OpsWorks Stacks"),
    "aws_pinpoint_": (date(2026, 10, 30), "Amazon Pinpoint"),
    "aws_qldb_": (date(2025, 7, 31), "Amazon QLDB"),
    "aws_robomaker_": (date(2025, 9, 10), "AWS RoboMaker"),
    "aws_simpledb_": (date(2024, 7, 25), "Amazon SimpleDB (no new customers)"),
    "aws_timestreamwrite_": (date(2025, 6, 20), "Amazon Timestream for LiveAnalytics (no new customers)"),
    "aws_worklink_": (date(2022, 4, 19), "Amazon WorkLink"),
})
"""End of support by the beginning of the Terraform type. Source: AWS, "AWS Product Lifecycle"."""

XRAY_SDK_MAINTENANCE = date(2026, 2, 25)
"""Source: AWS X-Ray Developer Guide, "AWS X-Ray SDK and daemon end of support timeline"."""


def major_version(engine: str, version: str) -> str:
    """The major version that a table names: one part for PostgreSQL and Redis, two for the others.

    Example:
        >>> major_version("postgres", "17.4"), major_version("mysql", "8.0.35")
        ('17', '8.0')
    """
    parts = version.split(".")
    return parts[0] if "postgres" in engine or engine in ("redis", "valkey") else ".".join(parts[:2])
