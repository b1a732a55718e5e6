"""A deploy from beginning to end: credentials, permissions, packages, DNS zone, delegation, certificate, registry, images,
validation, plan, apply, health, outputs.

Migrations have their place in the apply: see `groundsill.terraform.migrations`.

Each step finds out by itself what is there already and does only the rest. So a deploy that was interrupted anywhere is
continued by the same command; the journal only tells what it continues.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from groundsill.graph.artifact import ContainerImage
from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.graph.provisioner import runs_task
from groundsill.terraform.delegation import zones_to_delegate
from groundsill.terraform.deployment import Deployment, plan_file, unusable
from groundsill.terraform.domains import Certificates, delegate_zones
from groundsill.terraform.engine import ApplySummary, EngineError
from groundsill.terraform.failures import base_address
from groundsill.terraform.images import STAND_IN, Builder, Registry, content_tag
from groundsill.terraform.migrations import with_logs
from groundsill.terraform.needs import Wanted, wanted_by_plan, wanted_by_state
from groundsill.terraform.packages import build_packages, forget_old_packages
from groundsill.terraform.permissions import Judgement, Permissions, diagnostics
from groundsill.terraform.preflight import Caller, caller, warnings
from groundsill.terraform.recovery import Recovered, recover
from groundsill.terraform.review import review
from groundsill.terraform.run_marks import run_again
from groundsill.terraform.state import state_resources
from groundsill.terraform.steps import Steps, Talk

_CHANGING = (
    "migrations", "DNS zone", "delegation", "certificate", "validation", "registry", "images", "apply", "take over",
)


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
    upgrade: bool = False, delegation_seconds: float = 600.0, certificate_seconds: float = 600.0,
    permission_check: bool = True,
) -> Deployed:
    """Make what the definition says.

    Arguments:
        about: the stage.
        talk: is told of the steps and asked.
        images: images that are pushed already, by variable.
        saved: a reviewed plan: it is applied, and nothing else is done.
        upgrade: take the newest provider that fits.
        delegation_seconds: how long to wait until the registrar names the name servers of a new DNS zone, default 600.
        certificate_seconds: how long to wait for a certificate whose records somebody enters elsewhere, default 600.
        permission_check: whether IAM is asked first whether the credentials may do it, default True.

    Raises:
        GroundsillError: with the cause; the same command continues afterwards.
        Interrupted: after Ctrl-C.
    """
    steps = Steps(about, talk)
    earlier = about.workspace.begin("deploy")
    began = time.time()
    try:
        return _deploy(steps, images or {}, saved, upgrade=upgrade, earlier=earlier, delegation_seconds=delegation_seconds,
                       certificate_seconds=certificate_seconds, permission_check=permission_check)
    except GroundsillError as error:
        # Before anything was changed there is nothing that another deploy would continue.
        if about.workspace.journal().get("step") not in _CHANGING and not earlier:
            about.workspace.finished()
        told = with_logs(error, about.graph, began) if isinstance(error, EngineError) else error
        if told is not error:
            raise told from error
        raise


def _deploy(
    steps: Steps, images: Mapping[str, str], saved: Path | None, *, upgrade: bool, earlier: Mapping[str, Any],
    delegation_seconds: float, certificate_seconds: float, permission_check: bool,
) -> Deployed:
    started = time.perf_counter()
    about, talk = steps.about, steps.talk
    who = _ask_who(steps)
    rights = Permissions(who, about.graph) if permission_check else None
    if saved is not None:
        return _apply_saved(steps, saved, started, rights)
    steps.run("prepare", lambda: about.prepare(upgrade=upgrade))
    if rights is not None:
        # Before anything is built: of what is there already, the plan below says what changes.
        pushed = {image.repository for image in about.images if image.variable not in images}
        _allowed(steps, rights, lambda: wanted_by_state(about.graph, steps.resources()), pushed)
    if about.graph.artifacts:
        steps.run("packages", lambda: _packages(about))
    applied: list[ApplySummary] = []
    values: dict[str, str] = dict(images)
    missing = [image for image in about.images if image.variable not in values]
    about.check_variables({**values, **{image.variable: "" for image in missing}})
    recovered = Recovered()
    for_now = {**values, **{image.variable: f"{image.name}@{STAND_IN}" for image in missing}}
    if about.has_traces:
        recovered = steps.run("take over", lambda: recover(about, for_now, talk.say))
        steps.changed()
    if any(map(runs_task, about.graph)):
        steps.run("migrations", lambda: run_again(about, talk.say))
    zones = zones_to_delegate(about.graph)
    if zones:
        made = delegate_zones(steps, zones, for_now, delegation_seconds)
        if made is None:
            return _refused(about)
        applied += made
    certificates = Certificates(steps)
    made = certificates.make(for_now)
    if made is None:
        return _refused(about, applied)
    applied += made
    if missing:
        builder = _Images(steps, missing)
        values |= builder.known()
        if builder.to_build:
            made = _registry(steps, builder, values)
            if made is None:
                return _refused(about, applied)
            applied += made
            values |= steps.run("images", builder.push)
    # Only now: whoever enters the records has had the time that images took.
    certificates.wait(certificate_seconds)
    with plan_file() as file:
        plan = steps.run("plan", lambda: about.plan(file, values))
        if plan.has_changes:
            if rights is not None and not rights.unasked:
                _allowed(steps, rights, lambda: wanted_by_plan(plan))
            if not talk.agrees(review(plan, about.graph), "system"):
                return _refused(about, applied)
            applied.append(steps.run("apply", lambda: certificates.telling().apply(file)))
    outputs = about.outputs()
    forget_old_packages(about.graph, about.directory)
    about.forget_traces()
    about.workspace.finished()
    return Deployed(True, bool(applied), tuple(applied), values, outputs, time.perf_counter() - started, earlier,
                    recovered.taken_over)


def _ask_who(steps: Steps) -> Caller:
    """Whose credentials these are: before packages are built and long before the first change."""
    about = steps.about
    found = steps.run("credentials", lambda: caller(about.graph.region, about.backend))
    for line in warnings(found, about.backend):
        steps.talk.say(line)
    return found


def _allowed(
    steps: Steps, rights: Permissions, wanted: Callable[[], Iterable[Wanted]], pushed: Iterable[str] = (),
) -> None:
    """Ask IAM whether the credentials may do this, and stop where they may not.

    Raises:
        GroundsillError: GS3043 for each component, with the actions that are missing.
    """
    def judge() -> Judgement:
        return rights.judge(() if rights.unasked else wanted(), pushed=pushed)

    found = diagnostics(steps.run("permissions", judge), steps.about.graph)
    if found:
        raise GroundsillError(found)


def _apply_saved(steps: Steps, saved: Path, started: float, rights: Permissions | None) -> Deployed:
    about = steps.about
    about.check_saved(saved)
    steps.run("prepare", about.prepare)
    if any(map(runs_task, about.graph)) and steps.run("migrations", lambda: run_again(about, steps.talk.say)):
        # It was made while the state said that the migration is done.
        raise unusable(saved, "a migration came to no good end, and the plan leaves it out")
    plan = about.engine.read(saved, about.directory)
    if not plan.has_changes:
        about.forget_traces()
        about.workspace.finished()
        return Deployed(True, outputs=about.outputs(), seconds=time.perf_counter() - started)
    if rights is not None:
        _allowed(steps, rights, lambda: wanted_by_plan(plan))
    if not steps.talk.agrees(review(plan, about.graph), "system"):
        return _refused(about)
    certificates = Certificates(steps)
    certificates.tell()
    done = steps.run("apply", lambda: certificates.telling().apply(saved))
    about.forget_traces()
    about.workspace.finished()
    return Deployed(True, True, (done,), {}, about.outputs(), time.perf_counter() - started)


def _refused(about: Deployment, applied: Sequence[ApplySummary] = ()) -> Deployed:
    about.workspace.finished()
    return Deployed(False, bool(applied), tuple(applied))


def _packages(about: Deployment) -> str:
    states: list[bool] = []
    build_packages(about.graph, about.directory, on_package=lambda _, there: states.append(there))
    return f"{states.count(False)} built, {states.count(True)} unchanged" if states else ""


# -- images ------------------------------------------------------------------------------------------------------------


class _Images:
    """The images of a system: which are pushed, which have to be built."""

    def __init__(self, steps: Steps, wanted: Sequence[ContainerImage]) -> None:
        self._steps = steps
        self._wanted = wanted
        self._registry = Registry(steps.about.graph.region)
        self._tags = {image.name: content_tag(image) for image in wanted}
        self.to_build: list[ContainerImage] = []

    def known(self) -> dict[str, str]:
        """Images whose content is pushed already, by variable; the others are kept for :meth:`push`."""
        found: dict[str, str] = {}
        urls = repository_urls(self._steps.resources())
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
        urls = repository_urls(self._steps.resources())
        found: dict[str, str] = {}
        signed_in: set[str] = set()
        for image in self.to_build:
            url = urls[image.repository]
            host, _, name = url.partition("/")
            if host not in signed_in:
                builder.login(host, self._registry.password())
                signed_in.add(host)
            tag = self._tags[image.name]
            self._steps.talk.say(f"Building image {image.name}: {url}:{tag}")
            builder.build_and_push(image, f"{url}:{tag}", self._steps.talk.say)
            digest = self._registry.digest(name, tag)
            if digest is None:
                raise GroundsillError(Diagnostic(
                    "GS3027", f"image {image.name} was pushed, but the registry does not have it", detail=f"{url}:{tag}",
                    mend="run the same command again",
                ))
            found[image.variable] = f"{url}@{digest}"
        return found


def _registry(steps: Steps, builder: _Images, values: Mapping[str, str]) -> list[ApplySummary] | None:
    """Make the repositories that images are pushed to, where they are not there yet. None where that was refused."""
    there = repository_urls(steps.resources())
    targets = sorted({image.repository for image in builder.to_build} - there.keys())
    for_now = {**values, **{image.variable: f"{image.name}@{STAND_IN}" for image in builder.to_build}}
    return steps.make_first("registry", targets, for_now)


def repository_urls(resources: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Address of each image repository among the resources of a state, by Terraform address."""
    found: dict[str, str] = {}
    for resource in resources:
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
    urls = repository_urls(state_resources(about.engine.show(about.directory)))
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
