"""One Terraform resource or data source, with where the user wrote it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from groundsill.graph.provisioner import Provisioner
from groundsill.graph.reference import Reference, Step, references_in
from groundsill.graph.shapes import is_list
from groundsill.graph.source import SourceLocation


class Lifecycle(NamedTuple):
    """Terraform's ``lifecycle`` block.

    Arguments:
        create_before_destroy: make the replacement first, default False.
        prevent_destroy: refuse every plan that destroys it, default False.
        ignore_changes: arguments that something else manages, for example ``("desired_count",)``.
    """

    create_before_destroy: bool = False
    prevent_destroy: bool = False
    ignore_changes: tuple[str, ...] = ()


class Resource:
    """A node of the graph.

    Arguments:
        type: Terraform type, for example ``aws_sqs_queue``.
        name: Terraform name, unique for its type, for example ``energy_jobs``.
        arguments: Terraform arguments; a nested block is a mapping or a list of mappings.
        data: whether it is a data source, default False.
        ephemeral: whether it is a data source whose values live for one run and are stored nowhere, default False.
        provider: alias of the provider it belongs to; None for the default one.
        component: name of the component it was lowered from, empty where there is none.
        location: line in the user's file.
        subject: what the user wrote there, for example ``Queue("energy-jobs")``.
        depends_on: addresses that must exist first and that no argument refers to.
        lifecycle: Terraform's lifecycle block.
        moved_from: earlier addresses, which become ``moved`` blocks.
        module: address of the module it is in, for example ``module.network``; empty for the root. Definitions have none.
        key: which instance it is where Terraform makes several (``count``, ``for_each``); None where there is one.
        provisioners: commands that an apply runs with it. Of a definition, only a migration's run of a task has one.

    Example:
        >>> queue = Resource("aws_sqs_queue", "jobs", {"name": "jobs"})
        >>> queue.address, queue["arn"].expression
        ('aws_sqs_queue.jobs', 'aws_sqs_queue.jobs.arn')
    """

    def __init__(
        self,
        type: str,
        name: str,
        arguments: dict[str, Any] | None = None,
        *,
        data: bool = False,
        ephemeral: bool = False,
        provider: str | None = None,
        component: str = "",
        location: SourceLocation | None = None,
        subject: str = "",
        depends_on: tuple[str, ...] = (),
        lifecycle: Lifecycle | None = None,
        moved_from: tuple[str, ...] = (),
        module: str = "",
        key: int | str | None = None,
        provisioners: tuple[Provisioner, ...] = (),
    ) -> None:
        self.type = type
        self.name = name
        self.arguments: dict[str, Any] = {} if arguments is None else arguments
        self.data = data or ephemeral
        self.ephemeral = ephemeral
        self.provider = provider
        self.component = component
        self.location = location
        self.subject = subject
        self.depends_on = depends_on
        self.lifecycle = lifecycle
        self.moved_from = moved_from
        self.module = module
        self.key = key
        self.provisioners = provisioners
        kind = "ephemeral." if self.ephemeral else "data." if self.data else ""
        inside = f"{module}." if module else ""
        instance = "" if key is None else f"[{json.dumps(key, ensure_ascii=False)}]"
        self.address = f"{inside}{kind}{type}.{name}{instance}"
        """Terraform address: ``aws_sqs_queue.jobs``, ``data.aws_region.current``, ``module.network.aws_subnet.public[0]``."""

    def __getitem__(self, step: Step) -> Reference:
        """An attribute as a reference: ``queue["arn"]``."""
        return Reference(self.address, (step,))

    @property
    def reference(self) -> Reference:
        """The whole resource as a reference."""
        return Reference(self.address)

    def block(self, name: str) -> dict[str, Any]:
        """The first nested block of this name, or an empty mapping."""
        value: Any = self.arguments.get(name) or {}
        return value[0] if is_list(value) else value

    def references(self) -> Iterator[Reference]:
        """Every reference in the arguments, and one for each entry of ``depends_on``."""
        yield from references_in(self.arguments)
        for address in self.depends_on:
            yield Reference(address)

    def __repr__(self) -> str:
        return f"<{self.address}>"
