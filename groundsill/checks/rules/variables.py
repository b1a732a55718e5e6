"""What programs are told by variables, and what that does not do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from groundsill.checks.context import Context
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import each, mapping, text
from groundsill.checks.workloads import Workload, containers
from groundsill.graph.provisioner import TASK_RUN_TYPE, runs_task
from groundsill.graph.resource import Resource

RULES = Ruleset(Family.RUNS)
# Next.js documentation, "How to use environment variables in Next.js"; Vite guide, "Env Variables and Modes"; Create React
# App documentation, "Adding Custom Environment Variables": replaced in the page's code when it is built.
_BUILT_IN = ("NEXT_PUBLIC_", "VITE_", "REACT_APP_", "GATSBY_", "NUXT_ENV_", "VUE_APP_")
_SCHEMA_AT_START = (r"^((PRISMA_)?DB_PUSH|(RUN_|AUTO_|DB_|DATABASE_|PRISMA_)?MIGRAT(E|IONS?)|SYNC_SCHEMA|DB_SYNC)"
                    r"(_ON_START(UP)?|_AT_START)?$")
_MIGRATES = r"(?i)migrat|schema|db-?push"
_SEEDS = r"(^|_)(SEED|DEMO|FIXTURES?|SAMPLE_DATA)(_|$)"
_TRUE = ("true", "1", "yes", "on")
_DATABASES = ("aws_db_instance", "aws_rds_cluster")


def _told(context: Context) -> Iterator[tuple[Workload, str, Any]]:
    for work in context.workloads:
        for name, value in (work.environment or {}).items():
            yield work, str(name), value


@RULES.rule(
    "variable-of-the-build-at-run-time", Severity.LOW, "a variable is set where only a build would read it",
    rationale="Variables of this prefix are written into the page's code when it is built; what the container is given later "
              "changes nothing in the browser (Next.js documentation, \"How to use environment variables in Next.js\").",
    mend="serve the value by the program, for example at /config.json, under a name of its own; or build an image a stage",
    example="container environment: NEXT_PUBLIC_API_URL",
)
def built(context: Context) -> Found:
    for work, name, _ in _told(context):
        if name.startswith(_BUILT_IN):
            yield Finding(work.resource, f"{name} is read by a build", attribute="environment")


@RULES.rule(
    "schema-never-made", Severity.MEDIUM, "nothing makes the database's tables",
    rationale="The program is told not to change the schema at its start, and there is no task or function that does: it "
              "meets an empty database.",
    mend="add a migration that the deploy runs before the program starts",
    example="DB_PUSH_ON_START = \"false\", and nothing whose name or command says migrate",
)
def empty(context: Context) -> Found:
    if not context.of_type(*_DATABASES) or _has_migration(context):
        return
    for work, name, value in _told(context):
        if re.match(_SCHEMA_AT_START, name) and str(text(value)).lower() in ("false", "0", "no", "off"):
            yield Finding(work.resource, f"{name} is {text(value)}, and nothing here migrates", attribute="environment")


def _has_migration(context: Context) -> bool:
    if any(map(runs_task, context.of_type(TASK_RUN_TYPE))):
        return True
    return any(re.search(_MIGRATES, item.name) or re.search(_MIGRATES, str(item.arguments.get("container_definitions", "")))
               or re.search(_MIGRATES, str(item.arguments.get("function_name", "")))
               for item in context.of_type("aws_lambda_function", "aws_ecs_task_definition", "aws_codebuild_project"))


@RULES.rule(
    "demo-data-in-production",
    Severity.HIGH,
    "production is filled with demo data at each start",
    types=("aws_ecs_task_definition", "aws_lambda_function"),
    rationale="A seed that belongs to development writes rows, and often accounts with known passwords, into the real "
    "database.",
    mend="switch it off outside of development",
    example='SEED_DB = "true" beside NODE_ENV = "production"',
)
def seeds(context: Context, resource: Resource) -> Found:
    if resource.type == "aws_lambda_function":
        found = [mapping(context.view.get(resource, "environment", "variables"))]
    else:
        found = [
            {str(mapping(item).get("name")): mapping(item).get("value") for item in each(container.get("environment"))}
            for container in containers(context.view, resource) or ()
        ]
    for variables in found:
        if context.graph.production is False and context.graph.stage:
            continue
        real = context.graph.production or any(
            variables.get(name) == "production" for name in ("NODE_ENV", "APP_ENV", "ENVIRONMENT")
        )
        for name, value in variables.items():
            if real and str(value).lower() in _TRUE and re.search(_SEEDS, name.upper()):
                yield Finding(resource, f"{name} is {value}", attribute="environment")
