"""Changes of a database's schema: applied by the deploy, after the data stores and before what relies on them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from groundsill import aws
from groundsill.components.containers import Service
from groundsill.components.functions import Function
from groundsill.components.roles import require
from groundsill.components.tasks import Task
from groundsill.definition.arguments import shown
from groundsill.definition.component import Component, Mistake
from groundsill.graph import RUN_TASK, TASK_RUN_TYPE, Broken, Graph, Reference, Resource

COMMAND = "up"
"""What a function is told to do."""
# What tells a database from the one that takes its place: AWS never uses these identifiers again.
_DATABASES = {"aws_rds_cluster": "cluster_resource_id", "aws_db_instance": "resource_id"}
# They look at what a migration needs; it does not need them.
_WATCHERS = frozenset({"aws_cloudwatch_metric_alarm", "aws_cloudwatch_composite_alarm"})
_SHARED = "migrations"


class Migration(Component):
    """A function or a task that brings a database's schema up to date, at its place in a deploy.

    It runs after everything that it uses is there, and before a new version of the workloads in ``before``: where it
    fails, these stay as they are, and the same deploy runs it again. It runs on the first deploy, when its package or its
    image has changed, after it has failed or was killed, and for a new database; a plan says so. That it has run is in
    Terraform's state, which everybody who deploys shares and locks.

    A function gets ``{"command": "up"}``, from a deploy and, before anything answers there, from ``groundsill up``. It has 15
    minutes at most. It must raise an error when it fails and for a command that it does not know, do nothing where nothing is
    pending, and take a lock in the database: a killed deploy leaves it running while the next one calls it again.

    For ``groundsill migrate`` it also knows ``{"command": "status"}``, which changes nothing, and ``{"command": "down",
    "migration": "0002_price"}``, which takes the last applied migration back and fails where that is another one than
    named. It then answers ``{"applied": ["0001_items"], "pending": ["0002_price"], "done": []}``: names that the database
    has and lacks, oldest first, and those that this run has applied or taken back. Deploys do not read the answer.

    A task has no such limit, and its exit code says whether it failed. A deploy shows what it logs while it runs; one that
    was killed leaves it running, and the next one follows it instead of starting another. A good end is noted in the task's
    log group, as a log stream, since the state of a killed apply may say that a run is done. Terraform starts it with
    ``groundsill run-task``: where ``groundsill`` is not on the ``PATH``, an apply by Terraform alone fails there.

    Arguments:
        component: unique in the system.
        run: the function or the task that migrates.
        before: functions and services that rely on the new schema.

    Resources created: ``aws_lambda_invocation``; for a task ``terraform_data``.

    Costs: an invocation of the function, or the task's vCPU and GB by the second, for each run.

    Example:
        ``Migration("schema", Task("migrate", image, network.private, cluster=cluster, uses=[orders.write]), before=[web])``
    """

    def __init__(self, component: str, run: Function | Task, /, *, before: Sequence[Function | Service]) -> None:
        super().__init__(component)
        require(run, (Function, Task), "run", self)
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
        self.resource = self._task_run(run) if isinstance(run, Task) else self._invocation(run)
        for waiting in before:
            waiting.resource.depends_on = (*waiting.resource.depends_on, self.resource.address)
        waiting_for_order: list[Migration] = self.building.shared.setdefault(_SHARED, [])
        if not waiting_for_order:
            self.building.at_last.append(lambda: _order(waiting_for_order))
        waiting_for_order.append(self)

    def _invocation(self, run: Function) -> Resource:
        return aws.lambda_invocation(
            self.terraform_name(), function_name=run.resource["function_name"], input=json.dumps({"command": COMMAND}),
            # Terraform calls again when one of these changes, and at no other change of the function.
            triggers={"package": run.resource.arguments["filename"]},
        )

    def _task_run(self, run: Task) -> Resource:
        """No resource of the AWS provider starts a task and looks how it ended; so this one has a command do that."""
        cluster = run.cluster.resource
        return self.building.graph.add(Resource(
            TASK_RUN_TYPE, self.terraform_name(), {
                # Terraform runs it again when one of these changes, and at no other change of the task.
                "triggers_replace": {"image": run.container.image, "command": list(run.command)},
                "input": {
                    "region": self.building.graph.region, "cluster": cluster["arn"],
                    "cluster_name": cluster.arguments.get("name"), "task_definition": run.resource["arn"],
                    "family": run.resource.arguments.get("family"), "container": run.name, "subnets": run.subnets.ids,
                    "security_groups": [run.security_group["id"]], "assign_public_ip": run.subnets.kind == "public",
                    "log_group": run.log_group.arguments.get("name"), "log_stream_prefix": run.name, "timeout": run.timeout,
                },
            },
            component=self.name, location=self.location, subject=self.subject, provisioners=(RUN_TASK,)))

    def add_triggers(self, triggers: Mapping[str, Reference]) -> None:
        """Run again also when one of these values changes."""
        name = "triggers_replace" if self.resource.type == TASK_RUN_TYPE else "triggers"
        self.resource.arguments[name] = {**self.resource.arguments[name], **triggers}


def _order(migrations: Sequence[Migration]) -> None:
    """Let each run wait for everything that its function or task needs, once all of that is known."""
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
