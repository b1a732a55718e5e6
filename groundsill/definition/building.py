"""One run of a definition: what components find when they are constructed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundsill.definition.naming import physical_name
from groundsill.graph.diagnostics import Diagnostic, Diagnostics, GroundsillError
from groundsill.graph.scope import Frame, Scope, current_scope
from groundsill.graph.source import SourceLocation, caller_location

if TYPE_CHECKING:
    from groundsill.definition.component import Component
    from groundsill.definition.stage import Stage
    from groundsill.graph.graph import Graph


class Building(Scope):
    """The scope of a definition, with its stage and the components so far.

    Arguments:
        graph: as of a `Scope`.
        diagnostics: as of a `Scope`.
        tags: as of a `Scope`.
        stage: the stage being built.
        system: system name.
        folder: the system's folder, which relative paths start from.
        name_pattern: form of a physical name that the user did not give.
        name_suffix: what tells this stage's names from the default stage's.

    Attributes:
        components: components so far, by name.
        unbuilt: where a component was written that could not be built, by name.
        formerly: names that components had before they were renamed, by their names of now.
        shared: what components share, for example the tier's key.
        at_end: run when the definition has been read, for what covers all components.
        at_last: run after those, for what needs all that they made.
        at_rest: run when nothing is made any more, for what covers all resources.
        finishing: whether these are being run: the user's line is then the component's own.
    """

    def __init__(
        self, graph: Graph, diagnostics: Diagnostics | None = None, tags: dict[str, str] | None = None, *, stage: Stage,
        system: str, folder: Path, name_pattern: str, name_suffix: str,
    ) -> None:
        super().__init__(graph, diagnostics, tags)
        self.stage = stage
        self.system = system
        self.folder = folder
        self.name_pattern = name_pattern
        self.name_suffix = name_suffix
        self.components: dict[str, Component] = {}
        self.unbuilt: dict[str, Frame] = {}
        self.formerly: dict[str, str] = {}
        self.shared: dict[str, Any] = {}
        self.at_end: list[Callable[[], None]] = []
        self.at_last: list[Callable[[], None]] = []
        self.at_rest: list[Callable[[], None]] = []
        self.finishing = False

    def physical_name(self, type: str, component: str, explicit: str | None = None, part: str = "") -> str:
        """The AWS name of a resource: the user's own or one from the pattern, told apart by stage and cut to the limit.

        Arguments:
            type: Terraform type, whose limits apply.
            component: component name.
            explicit: the name the user gave, if any; kept to the letter in the default stage. One with ``{stage}`` in it
                says itself how stages are told apart.
            part: what tells several resources of one component apart, for example ``execution``.
        """
        # A renamed component keeps its AWS names: see `groundsill.definition.renames`.
        known = self.formerly.get(component, component)
        pattern = self.name_pattern.format(system=self.system, stage=self.stage.name, component=known)
        own = (explicit or "").replace("{system}", self.system).replace("{stage}", self.stage.name)
        name = own or pattern
        suffix = "" if "{stage}" in (explicit or self.name_pattern) else self.name_suffix
        return physical_name(type, name + (f"-{part}" if part else ""), suffix)

    def report(
        self, code: str, summary: str, detail: str = "", mend: str = "", *, location: SourceLocation | None = None,
        subject: str = "",
    ) -> None:
        """Collect a mistake, at the component being lowered where no other place is given."""
        frame = self.frame
        self.diagnostics.add(Diagnostic(
            code, summary, location or (frame.location if frame else caller_location(2)),
            subject or (frame.subject if frame else ""), detail, mend,
        ))


def current_building() -> Building:
    """The definition that is running.

    Raises:
        GroundsillError: where none is.
    """
    scope = current_scope()
    if not isinstance(scope, Building):
        raise GroundsillError(Diagnostic(
            "GS1200", "components can only be constructed inside a definition", caller_location(2),
            mend="construct them in the function under @system.define",
        ))
    return scope
