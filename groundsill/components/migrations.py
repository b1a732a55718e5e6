"""Changes of a database's schema: applied by the deploy, after the data stores and before what relies on them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from groundsill import aws
from groundsill.components.containers import Service
from groundsill.components.functions import Function
from groundsill.components.roles import require
from groundsill.definition.arguments import shown
from groundsill.definition.component import Component, Mistake
from groundsill.graph import Broken, Graph, Reference

COMMAND = "up"
"""What the function is told to do."""
# What tells a database from the one that takes its place: AWS never uses these identifiers again.
_DATABASES = {"aws_rds_cluster": "cluster_resource_id", "aws_db_instance": "resource_id"}
# They look at what a migration needs; it does not need them.
_WATCHERS = frozenset({"aws_cloudwatch_metric_alarm", "aws_cloudwatch_composite_alarm"})
_SHARED = "migrations"


class Migration(Component):
    """A function that brings a database's schema up to date, at its place in a deploy.

    It runs after everything that it uses is there, and before a new version of the workloads in ``before``: where it
    fails, these stay as they are, and the same deploy runs it again. It runs on the first deploy, when its package has
    changed, after it has failed or was killed, and for a new database; a plan says so. That it has run is in
    Terraform's state, which everybody who deploys shares and locks.

    The function gets ``{"command": "up"}``, from a deploy and, before anything answers there, from ``groundsill up``. It must
    raise an error when it fails and for a command that it does not know, do nothing where nothing is pending, and take a
    lock in the database: a killed deploy leaves it running while the next one calls it again.

    For ``groundsill migrate`` it also knows ``{"command": "status"}``, which changes nothing, and ``{"command": "down",
    "migration": "0002_price"}``, which takes the last applied migration back and fails where that is another one than
    named. It then answers ``{"applied": ["0001_items"], "pending": ["0002_price"], "done": []}``: names that the database
    has and lacks, oldest first, and those that this run has applied or taken back. Deploys do not read the answer.

    Arguments:
        component: unique in the system.
        run: the function that migrates.
        before: functions and services that rely on the new schema.

    Resources created: ``aws_lambda_invocation``.

    Costs: an invocation of the function for each run.

    Example:
        ``Migration("schema", Function("migrate", "functions.migrate:handle", timeout=300), before=[save])``
    """

    def __init__(self, component: str, run: Function, /, *, before: Sequence[Function | Service]) -> None:
        super().__init__(component)
        require(run, Function, "run", self)
        if not before:
            raise Mistake("GS1570", f"nothing waits for {self.subject}",
                          "a migration that nothing waits for may run after the program that needs it",
                          "name the functions and services that rely on the schema: before=[catalog]")
        for waiting in before:
            if not isinstance(waiting, (Function, Service, Broken)):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise Mistake("GS1571", f"`before` of {self.subject} takes functions and services, not {shown(waiting)}",
                              mend="name what gets a new version after the migration, for example before=[catalog]")
            if waiting is run:
                raise Mistake("GS1572", f"{self.subject} cannot run before the function that it runs",
                              mend="name the functions and services that rely on the schema")
        self.run, self.before = run, tuple(before)
        self.resource = self._invocation = aws.lambda_invocation(
            self.terraform_name(), function_name=run.resource["function_name"], input=json.dumps({"command": COMMAND}),
            # Terraform calls again when one of these changes, and at no other change of the function.
            triggers={"package": run.resource.arguments["filename"]},
        )
        for waiting in before:
            waiting.resource.depends_on = (*waiting.resource.depends_on, self.resource.address)
        waiting_for_order: list[Migration] = self.building.shared.setdefault(_SHARED, [])
        if not waiting_for_order:
            self.building.at_last.append(lambda: _order(waiting_for_order))
        waiting_for_order.append(self)

    def add_triggers(self, triggers: Mapping[str, Reference]) -> None:
        """Run again also when one of these values changes."""
        self._invocation.override(triggers=triggers)


def _order(migrations: Sequence[Migration]) -> None:
    """Let each run wait for everything that its function needs, once all of that is known."""
    graph = migrations[0].building.graph
    graph.changed()
    found = [_needs(graph, migration) for migration in migrations]
    for migration, (databases, waits) in zip(migrations, found, strict=True):
        with migration.lowering():
            migration.add_triggers(databases)
        migration.resource.depends_on = tuple(waits)
    graph.changed()


def _needs(graph: Graph, migration: Migration) -> tuple[dict[str, Reference], list[str]]:
    """What tells a new database, by trigger; and the addresses that a run has to wait for."""
    needed = graph.needs(*(item.address for item in graph.of_component(migration.run.name)))
    databases = {
        f"database_{graph[address].name}": Reference(address, (attribute,))
        for address in sorted(needed) if (attribute := _DATABASES.get(graph[address].type))
    }
    # A store is there when all of its component is: a cluster is what others name, and its instances are what answers.
    components = dict.fromkeys(graph[address].component for address in needed)
    later = set(graph.needed_by(migration.resource.address))
    wanted = [item.address for name in components if name for item in graph.of_component(name)
              if item.type not in _WATCHERS and not item.data and item.address not in later]
    # What another one of them refers to is there before that one.
    ways = [address for item in wanted for address in graph.dependencies(item)]
    implied = set(graph.needs(*ways, migration.run.resource.address))
    return databases, [address for address in wanted if address not in implied]
