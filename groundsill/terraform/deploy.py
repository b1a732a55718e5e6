"""A deploy from beginning to end: credentials, packages, DNS zone, delegation, registry, images, plan, apply, health, outputs.

Migrations have their place in the apply: see `groundsill.terraform.migrations`.

Each step finds out by itself what is there already and does only the rest. So a deploy that was interrupted anywhere is
continued by the same command; the journal only tells what it continues.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from groundsill.graph.artifact import ContainerImage
from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.terraform.changes import PlanSummary
from groundsill.terraform.delegation import NewZone, is_delegated, name_servers, zones_to_delegate
from groundsill.terraform.deployment import Deployment, plan_file
from groundsill.terraform.engine import ApplySummary, EngineError
from groundsill.terraform.failures import base_address
from groundsill.terraform.images import STAND_IN, Builder, Registry, content_tag
from groundsill.terraform.migrations import with_logs
from groundsill.terraform.packages import build_packages, forget_old_packages
from groundsill.terraform.preflight import Caller, caller, warnings
from groundsill.terraform.recovery import Recovered, recover
from groundsill.terraform.review import Review, review
from groundsill.terraform.state import state_resources

Result = TypeVar("Result")
_CHANGING = ("DNS zone", "delegation", "registry", "images", "apply", "take over")
_DELEGATION_PAUSE = 10.0


class Talk(Protocol):
    """Whoever started the deploy: is told of the steps and asked before something is changed."""

    def step(self, name: str, state: str, seconds: float = 0.0, detail: str = "") -> None:
        """A step has ``started`` or is ``done``."""
        ...

    def say(self, text: str) -> None:
        """Something to read meanwhile."""
        ...

    def agrees(self, found: Review, what: str) -> bool:
        """Whether the plan may be applied.

        Arguments:
            found: the plan by component.
            what: ``DNS zone`` for the step before its delegation, ``registry`` for the one before images are pushed,
                ``system`` for the whole.
        """
        ...


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a deploy did.

    Arguments:
        agreed: whether it was allowed to go on; where not, nothing was changed.
        changed: whether anything was changed.
        applied: what Terraform did, step by step.
        images: image by variable.
        outputs: values that clients read; secret ones are left out.
        seconds: how long it took.
        continued: what an earlier deploy that was interrupted had noted.
        taken_over: import identifier of each resource that it had made and not written down, by address.
    """

    agreed: bool
    changed: bool = False
    applied: tuple[ApplySummary, ...] = ()
    images: Mapping[str, str] = field(default_factory=dict[str, str])
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    seconds: float = 0.0
    continued: Mapping[str, Any] = field(default_factory=dict[str, Any])
    taken_over: Mapping[str, str] = field(default_factory=dict[str, str])


def deploy(
    about: Deployment, talk: Talk, *, images: Mapping[str, str] | None = None, saved: Path | None = None,
    upgrade: bool = False, delegation_seconds: float = 600.0,
) -> Deployed:
    """Make what the definition says.

    Arguments:
        about: the stage.
        talk: is told of the steps and asked.
        images: images that are pushed already, by variable.
        saved: a reviewed plan: it is applied, and nothing else is done.
        upgrade: take the newest provider that fits.
        delegation_seconds: how long to wait until the registrar names the name servers of a new DNS zone.

    Raises:
        GroundsillError: with the cause; the same command continues afterwards.
        Interrupted: after Ctrl-C.
    """
    steps = _Steps(about, talk)
    earlier = about.workspace.begin("deploy")
    began = time.time()
    try:
        return _deploy(steps, images or {}, saved, upgrade=upgrade, earlier=earlier, delegation_seconds=delegation_seconds)
    except GroundsillError as error:
        # Before anything was changed there is nothing that another deploy would continue.
        if about.workspace.journal().get("step") not in _CHANGING and not earlier:
            about.workspace.finished()
        told = with_logs(error, about.graph, began) if isinstance(error, EngineError) else error
        if told is not error:
            raise told from error
        raise


def _deploy(
    steps: _Steps, images: Mapping[str, str], saved: Path | None, *, upgrade: bool, earlier: Mapping[str, Any],
    delegation_seconds: float,
) -> Deployed:
    started = time.perf_counter()
    about, talk = steps.about, steps.talk
    _ask_who(steps)
    if saved is not None:
        return _apply_saved(steps, saved, started)
    if about.graph.artifacts:
        steps.run("packages", lambda: _packages(about))
    steps.run("prepare", lambda: about.prepare(upgrade=upgrade))
    applied: list[ApplySummary] = []
    values: dict[str, str] = dict(images)
    missing = [image for image in about.images if image.variable not in values]
    about.check_variables({**values, **{image.variable: "" for image in missing}})
    recovered = Recovered()
    for_now = {**values, **{image.variable: f"{image.name}@{STAND_IN}" for image in missing}}
    if about.has_traces:
        recovered = steps.run("take over", lambda: recover(about, for_now, talk.say))
    zones = zones_to_delegate(about.graph)
    if zones:
        made = _zones(steps, zones, for_now, delegation_seconds)
        if made is None:
            return _refused(about)
        applied += made
    if missing:
        builder = _Images(about, talk, missing)
        values |= builder.known()
        if builder.to_build:
            made = _registry(steps, builder, values)
            if made is None:
                return _refused(about, applied)
            applied += made
            values |= steps.run("images", builder.push)
    with plan_file() as file:
        plan = steps.run("plan", lambda: about.plan(file, values))
        if plan.has_changes:
            if not talk.agrees(review(plan, about.graph), "system"):
                return _refused(about, applied)
            applied.append(steps.run("apply", lambda: about.apply(file)))
    outputs = about.outputs()
    forget_old_packages(about.graph, about.directory)
    about.forget_traces()
    about.workspace.finished()
    return Deployed(True, bool(applied), tuple(applied), values, outputs, time.perf_counter() - started, earlier,
                    recovered.taken_over)


def _ask_who(steps: _Steps) -> None:
    """Whose credentials these are: before packages are built and long before the first change."""
    about = steps.about
    found = steps.run("credentials", lambda: caller(about.graph.region, about.backend))
    for line in warnings(found, about.backend):
        steps.talk.say(line)


def _apply_saved(steps: _Steps, saved: Path, started: float) -> Deployed:
    about = steps.about
    about.check_saved(saved)
    steps.run("prepare", about.prepare)
    plan = about.engine.read(saved, about.directory)
    if not plan.has_changes:
        about.forget_traces()
        about.workspace.finished()
        return Deployed(True, outputs=about.outputs(), seconds=time.perf_counter() - started)
    if not steps.talk.agrees(review(plan, about.graph), "system"):
        return _refused(about)
    done = steps.run("apply", lambda: about.apply(saved))
    about.forget_traces()
    about.workspace.finished()
    return Deployed(True, True, (done,), {}, about.outputs(), time.perf_counter() - started)


def _refused(about: Deployment, applied: Sequence[ApplySummary] = ()) -> Deployed:
    about.workspace.finished()
    return Deployed(False, bool(applied), tuple(applied))


class _Steps:
    """Tells of steps, and notes them."""

    def __init__(self, about: Deployment, talk: Talk) -> None:
        self.about = about
        self.talk = talk

    def run(self, name: str, step: Callable[[], Result]) -> Result:
        """Do a step."""
        self.about.workspace.note(step=name)
        started = time.perf_counter()
        self.talk.step(name, "started")
        try:
            result = step()
        except BaseException:
            self.talk.step(name, "failed", time.perf_counter() - started)
            raise
        self.talk.step(name, "done", time.perf_counter() - started, _detail(result))
        return result


def _detail(result: Any) -> str:
    if isinstance(result, str):
        return result
    if isinstance(result, Caller):
        return result.words
    if isinstance(result, PlanSummary):
        counts = {name: number for name, number in result.counts.items() if number}
        return ", ".join(f"{number} {name}" for name, number in counts.items()) or "no changes"
    if isinstance(result, ApplySummary):
        return f"{len(result.resources)} resources"
    if isinstance(result, Recovered):
        return f"{len(result.taken_over)} resources that the interrupted deploy had made"
    return ""


def _packages(about: Deployment) -> str:
    states: list[bool] = []
    build_packages(about.graph, about.directory, on_package=lambda _, there: states.append(there))
    return f"{states.count(False)} built, {states.count(True)} unchanged" if states else ""


# -- images ------------------------------------------------------------------------------------------------------------


class _Images:
    """The images of a system: which are pushed, which have to be built."""

    def __init__(self, about: Deployment, talk: Talk, wanted: Sequence[ContainerImage]) -> None:
        self._about = about
        self._talk = talk
        self._wanted = wanted
        self._registry = Registry(about.graph.region)
        self._tags = {image.name: content_tag(image) for image in wanted}
        self.to_build: list[ContainerImage] = []

    def known(self) -> dict[str, str]:
        """Images whose content is pushed already, by variable; the others are kept for :meth:`push`."""
        found: dict[str, str] = {}
        urls = repository_urls(self._about)
        for image in self._wanted:
            url = urls.get(image.repository)
            digest = self._registry.digest(url.partition("/")[2], self._tags[image.name]) if url else None
            if url and digest:
                found[image.variable] = f"{url}@{digest}"
            else:
                self.to_build.append(image)
        if self.to_build:
            Builder.find()  # before anything is made: without it nothing of this would come to its end
        return found

    def push(self) -> dict[str, str]:
        """Build and push what is missing."""
        builder = Builder.find()
        urls = repository_urls(self._about)
        found: dict[str, str] = {}
        signed_in: set[str] = set()
        for image in self.to_build:
            url = urls[image.repository]
            host, _, name = url.partition("/")
            if host not in signed_in:
                builder.login(host, self._registry.password())
                signed_in.add(host)
            tag = self._tags[image.name]
            self._talk.say(f"Building image {image.name}: {url}:{tag}")
            builder.build_and_push(image, f"{url}:{tag}", self._talk.say)
            digest = self._registry.digest(name, tag)
            if digest is None:
                raise GroundsillError(Diagnostic(
                    "GS3027", f"image {image.name} was pushed, but the registry does not have it", detail=f"{url}:{tag}",
                    mend="run the same command again",
                ))
            found[image.variable] = f"{url}@{digest}"
        return found


def _registry(steps: _Steps, builder: _Images, values: Mapping[str, str]) -> list[ApplySummary] | None:
    """Make the repositories that images are pushed to, where they are not there yet. None where that was refused."""
    there = repository_urls(steps.about)
    targets = sorted({image.repository for image in builder.to_build} - there.keys())
    for_now = {**values, **{image.variable: f"{image.name}@{STAND_IN}" for image in builder.to_build}}
    return _make_first(steps, "registry", targets, for_now)


def _make_first(
    steps: _Steps, what: str, targets: Sequence[str], values: Mapping[str, str],
) -> list[ApplySummary] | None:
    """Make what everything else waits for. None where that was refused."""
    if not targets:
        return []
    about = steps.about
    with plan_file() as file:
        plan = steps.run(f"{what} plan", lambda: about.plan(file, values, targets=targets))
        if not plan.has_changes:
            return []
        if not steps.talk.agrees(review(plan, about.graph), what):
            return None
        return [steps.run(what, lambda: about.apply(file))]


# -- zones -------------------------------------------------------------------------------------------------------------


def _zones(
    steps: _Steps, zones: Sequence[NewZone], values: Mapping[str, str], seconds: float,
) -> list[ApplySummary] | None:
    """Make the zones that certificates are validated through, and wait until they are delegated. None where refused."""
    about = steps.about
    known = state_resources(about.engine.show(about.directory))
    there = {str(item["address"]) for item in known}
    open_zones = [zone for zone in zones if not set(zone.validations) <= there]
    made = _make_first(steps, "DNS zone", sorted({zone.address for zone in open_zones} - there), values)
    if made:
        known = state_resources(about.engine.show(about.directory))
    if made is not None:
        for zone in open_zones:
            servers = name_servers(known, zone.address)
            if servers:
                steps.run("delegation", lambda zone=zone, servers=servers: _delegated(steps.talk, zone, servers, seconds))
    return made


def _delegated(talk: Talk, zone: NewZone, servers: Sequence[str], seconds: float) -> str:
    deadline = time.monotonic() + seconds
    told = False
    while True:
        found = is_delegated(zone.domain, servers)
        if found:
            return f"{zone.domain} is delegated"
        if found is None:
            talk.say(f"No DNS resolver answers, so it is not known whether {zone.domain} is delegated to {', '.join(servers)}.")
            return "not known"
        if not told:
            told = True
            talk.say(f"Enter these name servers for {zone.domain} at its registrar: {', '.join(servers)}\n"
                     f"Waiting for it for {seconds:.0f} s; certificates cannot be validated before.")
        if time.monotonic() + _DELEGATION_PAUSE > deadline:
            raise GroundsillError(Diagnostic(
                "GS3034", f"{zone.domain} is not delegated to its new zone yet", detail="name servers: " + ", ".join(servers),
                mend="enter them at the registrar of the domain and run the same command again: it continues there",
            ))
        time.sleep(_DELEGATION_PAUSE)


def repository_urls(about: Deployment) -> dict[str, str]:
    """Address of each image repository that exists, by Terraform address."""
    found: dict[str, str] = {}
    for resource in state_resources(about.engine.show(about.directory)):
        if resource.get("type") == "aws_ecr_repository":
            values: Mapping[str, Any] = resource.get("values") or {}
            url = values.get("repository_url")
            if url:
                found[base_address(str(resource["address"]))] = str(url)
    return found


def planned_images(about: Deployment, given: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Values of image variables for a plan that builds nothing.

    Arguments:
        about: the stage, prepared.
        given: images that the user names, by variable.

    Returns:
        The values, and names of the images that a deploy would build and push first: theirs is a stand-in.
    """
    values = dict(given)
    wanted = [image for image in about.images if image.variable not in values]
    if not wanted:
        return values, []
    urls = repository_urls(about)
    registry = Registry(about.graph.region)
    pending: list[str] = []
    for image in wanted:
        url = urls.get(image.repository)
        digest = None
        if url and registry.reachable:
            digest = registry.digest(url.partition("/")[2], content_tag(image))
        values[image.variable] = f"{url or image.name}@{digest or STAND_IN}"
        if digest is None:
            pending.append(image.name)
    return values, pending
