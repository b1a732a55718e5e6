"""The base of all components: binding of arguments, mistakes, names and attribution."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from groundsill.definition.building import Building, current_building
from groundsill.definition.naming import terraform_name
from groundsill.graph.diagnostics import GroundsillError, did_you_mean
from groundsill.graph.reference import Broken
from groundsill.graph.resource import Resource
from groundsill.graph.scope import Frame
from groundsill.graph.source import caller_location

_LONGEST_NAME = 64
_UNUSABLE = (TypeError, ValueError, AttributeError, KeyError, IndexError, ArithmeticError, RecursionError)


class Mistake(Exception):
    """A mistake in the arguments of a component that leaves nothing to build.

    Arguments:
        code: stable code, for example ``GS1301``.
        summary: what is wrong.
        detail: why it matters.
        mend: what to do.
    """

    def __init__(self, code: str, summary: str, detail: str = "", mend: str = "") -> None:
        super().__init__(summary)
        self.code, self.summary, self.detail, self.mend = code, summary, detail, mend


class ComponentType(type):
    """Constructs components so that a mistake is collected, with its place, and the definition goes on."""

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        building = current_building()
        name = arguments[0] if arguments else ""
        subject = f'{cls.__name__}("{name}")' if isinstance(name, str) else f"{cls.__name__}({name!r})"
        frame = Frame(name if isinstance(name, str) else "", subject, caller_location(2))
        with building.lowering(frame):
            usable = _usable_arguments(cls, arguments, named, building)
            if usable is None or not _name_is_usable(name, building, cls):
                return Broken()
            frame.tags["Component"] = name
            try:
                component = super().__call__(*arguments, **usable)
            except Mistake as mistake:
                building.report(mistake.code, mistake.summary, mistake.detail, mistake.mend)
                return Broken()
            except GroundsillError as error:
                for diagnostic in error.diagnostics:
                    building.diagnostics.add(diagnostic)
                return Broken()
            except _UNUSABLE as error:
                building.report("GS1204", f"{cls.__name__} cannot be built from these arguments", str(error))
                return Broken()
        building.components[name] = component
        return component


def _usable_arguments(
    cls: type, arguments: tuple[Any, ...], named: dict[str, Any], building: Building,
) -> dict[str, Any] | None:
    """The named arguments without the unknown ones, each of which is reported; None where a needed one is missing."""
    signature = inspect.signature(cls.__init__)
    known = {name for name, parameter in signature.parameters.items() if name != "self"
             and parameter.kind is not inspect.Parameter.VAR_POSITIONAL}
    usable = dict(named)
    for argument in [argument for argument in named if argument not in known]:
        building.report(
            "GS1201", f"unknown argument `{argument}` for {cls.__name__}",
            mend=did_you_mean(argument, known, what="Known arguments"),
        )
        del usable[argument]
    try:
        signature.bind(None, *arguments, **usable)
    except TypeError as error:
        building.report("GS1202", f"{cls.__name__}: {error}", mend=f"arguments: {', '.join(signature.parameters)}")
        return None
    return usable


def _name_is_usable(name: Any, building: Building, cls: type) -> bool:
    if not isinstance(name, str) or not name or len(name) > _LONGEST_NAME or not terraform_name(name).strip("_"):
        building.report(
            "GS1203", f"{name!r} cannot be the name of a component", mend="give a short text of letters, digits and "
            f"hyphens, at most {_LONGEST_NAME} characters, for example \"energy-jobs\"",
        )
        return False
    first = building.components.get(name)
    if first is not None:
        building.report(
            "GS1205", f"two components are named `{name}`", f"the first one is {first.subject} at {first.location}",
            "give one of them another name; the name is what Terraform remembers it by",
        )
        return False
    return True


class Component(metaclass=ComponentType):
    """Something a user describes: lowered at once to resources of the graph.

    Arguments:
        component: unique in the system, letters, digits and hyphens; Terraform addresses are made from it.
    """

    resource: Resource

    def __init__(self, component: str, /) -> None:
        building = current_building()
        frame = building.frame
        self.name = component
        self.building = building
        self.stage = building.stage
        self.location = frame.location if frame else None
        self.subject = frame.subject if frame else ""

    def terraform_name(self, *parts: str) -> str:
        """The Terraform name of one of the component's resources."""
        return terraform_name(self.name, *parts)

    def physical_name(self, type: str, explicit: str | None = None, part: str = "") -> str:
        """The AWS name of one of the component's resources."""
        return self.building.physical_name(type, self.name, explicit, part)

    def alarms(self) -> Iterable[Any]:
        """Alarms that operators of this component want; none by default."""
        return ()

    def lowering(self) -> Any:
        """Attribute resources constructed later (in a method) to this component, at the line that called the method."""
        frame = Frame(self.name, self.subject, caller_location(2) or self.location, {"Component": self.name})
        return self.building.lowering(frame)

    def __repr__(self) -> str:
        return self.subject or self.name
