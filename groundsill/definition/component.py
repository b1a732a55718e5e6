"""The base of all components: binding of arguments, mistakes, names and attribution."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from groundsill.definition.arguments import holds_broken, shown, usable_arguments
from groundsill.definition.building import Building, current_building
from groundsill.definition.naming import terraform_name
from groundsill.definition.quantities import seconds
from groundsill.definition.renames import take_formerly
from groundsill.graph.diagnostics import GroundsillError, did_you_mean
from groundsill.graph.graph import StatedTraffic
from groundsill.graph.reference import Broken
from groundsill.graph.resource import Resource
from groundsill.graph.scope import Frame, current_scope
from groundsill.graph.source import caller_location

_LONGEST_NAME = 64
# What fits into every AWS name that it becomes a part of.
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?")
Owner = TypeVar("Owner", bound="Component")
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


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


class Collecting(type):
    """Makes values such as `Index` so that a mistake in their arguments is collected and the definition goes on."""

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        scope = current_scope()
        if not isinstance(scope, Building):
            return super().__call__(*arguments, **named)
        frame = Frame("", _written(cls.__name__, arguments), caller_location(2))
        with scope.lowering(frame):
            usable = usable_arguments(cls.__init__, cls.__name__, arguments, named, scope)
            return Broken() if usable is None else super().__call__(*arguments, **usable)


class ComponentType(type):
    """Constructs components so that a mistake is collected, with its place, and the definition goes on."""

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        building = current_building()
        name = arguments[0] if arguments else None
        frame = Frame(name if isinstance(name, str) else "", _written(cls.__name__, arguments), caller_location(2))
        with building.lowering(frame):
            if isinstance(name, Broken) or (name is not None and not _name_is_usable(name, building)):
                return Broken()
            if isinstance(name, str):
                named = take_formerly(name, named, building)
            usable = usable_arguments(cls.__init__, cls.__name__, arguments, named, building)
            if usable is None or not isinstance(name, str):
                return _unbuilt(name, building)
            frame.tags["Component"] = building.formerly.get(str(name), str(name))
            component = _collected(lambda: super(ComponentType, cls).__call__(*arguments, **usable), building,
                                   cls.__name__, (arguments, named))
            if isinstance(component, Broken):
                return _unbuilt(name, building)
        building.components[str(name)] = component
        return component


def _collected(build: Callable[[], Any], building: Building, owner: str, given: Any) -> Any:
    """What is built, or a stand-in for it where that raises; the mistake is collected.

    A mistake in something that was given a stand-in is most likely the earlier mistake again, so it is not reported.
    """
    try:
        return build()
    except Mistake as mistake:
        if not holds_broken(given):
            building.report(mistake.code, mistake.summary, mistake.detail, mistake.mend)
    except GroundsillError as error:
        for diagnostic in error.diagnostics:
            building.diagnostics.add(diagnostic)
    except Exception as error:  # noqa: BLE001  whatever a user passes, the rest of the definition is read too
        if not holds_broken(given):
            building.report("GS1204", f"{owner} cannot be built from these arguments", f"{type(error).__name__}: {error}")
    return Broken()


def _unbuilt(name: Any, building: Building) -> Broken:
    """The stand-in for a component with a mistake, whose name counts as taken all the same."""
    if isinstance(name, str) and building.frame:
        building.unbuilt[name] = building.frame
    return Broken()


def _written(owner: str, arguments: tuple[Any, ...]) -> str:
    """How the user wrote it: the call with its first argument."""
    first = arguments[0] if arguments else ""
    return f'{owner}("{first}")' if type(first) is str else f"{owner}({shown(first)})"


def step(method: Callable[Concatenate[Owner, Parameters], Result]) -> Callable[Concatenate[Owner, Parameters], Result]:
    """Decorator of a component's method that the user calls: resources and mistakes in it belong to the component.

    A mistake is collected at the line that called the method, which then gives a stand-in.
    """

    @wraps(method)
    def call(self: Owner, *arguments: Parameters.args, **named: Parameters.kwargs) -> Result:
        owner = f"{type(self).__name__}.{method.__name__}"
        with self.lowering():
            usable = usable_arguments(method, owner, arguments, named, self.building)
            if usable is None:
                return Broken()  # pyright: ignore[reportReturnType]
            return _collected(lambda: method(self, *arguments, **usable), self.building, owner, (arguments, named))

    return call


def _name_is_usable(name: Any, building: Building) -> bool:
    if not isinstance(name, str) or len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        building.report(
            "GS1203", f"{shown(name)} cannot be the name of a component",
            "AWS names are made from it, and each service takes other characters", "give a short text of letters, digits "
            f"and hyphens between them, at most {_LONGEST_NAME} characters, for example \"energy-jobs\"",
        )
        return False
    first = building.components.get(name) or building.unbuilt.get(name)
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
        formerly: the component's name before it was renamed, taken by every component: what exists stays as it is.

    Example:
        ``Table("purchases", key="Id", formerly="orders")``
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

    def suppress(self, rule: str, *, because: str, only: str = "") -> None:
        """Live with what a rule of `groundsill check` finds in this component; every report shows it with the reason.

        Arguments:
            rule: id of the rule, for example ``bucket-without-access-log``.
            because: why this is right here.
            only: which of the component's resources, by address with ``*`` for anything; default all of them.

        Example:
            ``assets.suppress("bucket-without-access-log", because="holds public pictures; the CDN logs who reads them")``
        """
        self.building.suppress(rule, only or self.name, because, caller_location(2), self.subject)

    def traffic(self, **values: Any) -> None:
        """Say what `groundsill cost` should reckon with; a `traffic.toml` beside the definition goes before it.

        Arguments:
            values: by parameter, as in `traffic.toml`; `groundsill cost --write-traffic FILE` lists them.

        Example:
            ``api.traffic(requests="1M/day", request_size="20 KB")``
        """
        self.building.graph.add_traffic(StatedTraffic(self.name, values, caller_location(2)))

    def lowering(self) -> Any:
        """Attribute resources constructed later (in a method) to this component, at the line that called the method."""
        called = None if self.building.finishing else caller_location(2)
        frame = Frame(self.name, self.subject, called or self.location,
                      {"Component": self.building.formerly.get(self.name, self.name)})
        return self.building.lowering(frame)

    if not TYPE_CHECKING:  # a type checker knows what a component has

        def __getattr__(self, name: str) -> Any:
            """A misspelt verb or attribute is collected, and a stand-in given."""
            if name.startswith("_"):
                raise AttributeError(name)
            known = [item for item in {**vars(type(self)), **vars(self)} if not item.startswith("_")]
            self.building.report(
                "GS1208", f"{type(self).__name__} has no `{name}`", mend=did_you_mean(name, known, what="It has"),
                location=caller_location(2), subject=self.subject,
            )
            return Broken()

    def __repr__(self) -> str:
        return self.subject or self.name


def duration(argument: str, value: int | str) -> int:
    """A duration argument of a component in seconds.

    Raises:
        Mistake: where it is not one.
    """
    try:
        return seconds(value)
    except (TypeError, ValueError) as error:
        raise Mistake("GS1207", f"`{argument}` is not a duration", str(error)) from error
