"""One run of a definition: what components find when they are constructed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundsill.definition.naming import physical_name
from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.graph.scope import Frame, Scope, current_scope
from groundsill.graph.source import SourceLocation, caller_location

if TYPE_CHECKING:
    from groundsill.definition.component import Component
    from groundsill.definition.stage import Stage


@dataclass(slots=True)
class Building(Scope):
    """The scope of a definition, with its stage and the components so far.

    Arguments:
        stage: the stage being built.
        system: system name.
        folder: the system's folder, which relative paths start from.
        name_pattern: form of a physical name that the user did not give.
        name_suffix: what tells this stage's names from the default stage's.
        components: components so far, by name.
        unbuilt: where a component was written that could not be built, by name.
        shared: what components share, for example the tier's key.
        at_end: run when the definition has been read, for what covers all components.
        at_last: run after those, for what covers all resources.
        finishing: whether these are being run: the user's line is then the component's own.
    """

    stage: Stage = field(kw_only=True)
    system: str = field(kw_only=True)
    folder: Path = field(kw_only=True)
    name_pattern: str = field(kw_only=True)
    name_suffix: str = field(kw_only=True)
    unbuilt: dict[str, Frame] = field(default_factory=dict[str, Frame], kw_only=True)
    components: dict[str, Component] = field(default_factory=dict[str, "Component"], kw_only=True)
    formerly: dict[str, str] = field(default_factory=dict[str, str], kw_only=True)
    shared: dict[str, Any] = field(default_factory=dict[str, Any], kw_only=True)
    at_end: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]], kw_only=True)
    at_last: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]], kw_only=True)
    finishing: bool = field(default=False, kw_only=True)

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
