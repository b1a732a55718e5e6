"""The rehearsal itself, step by step."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundsill.aws.schema import schema_file
from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.graph.graph import Graph
from groundsill.operate.rehearsal.configuration import (
    lift_protections,
    stand_in_variables,
    write_folder,
    write_provider,
)
from groundsill.operate.rehearsal.gaps import EMULATOR, GAPS, Gap, left_out, of_types
from groundsill.operate.rehearsal.leftovers import read_state, still_there
from groundsill.operate.rehearsal.limit import DEFAULT_SECONDS, TimeLimit
from groundsill.operate.rehearsal.outside import Presupposed, presupposed
from groundsill.operate.rehearsal.report import Report, ResourceReport
from groundsill.terraform.engine import ApplySummary, Engine, EngineError
from groundsill.terraform.events import Event, Problem
from groundsill.terraform.guard import guarded

if TYPE_CHECKING:
    from groundsill.ground.aws_api import AwsApi

ACCOUNT = "000000000000"
PARALLEL = 30
"""Operations at once. Terraform's own 10 ("Command: apply", ``-parallelism``) are soon taken up by functions, which the
provider makes one after the other, while a load balancer waits for its turn to begin its minute."""
OnStep = Callable[[str, str, float, str], None]
"""Called with a step, ``started`` or ``done``, its seconds so far, and a remark."""
STATE_NAME = "terraform.tfstate"
LOCK_FILE_NAME = ".terraform.lock.hcl"
_NEVER_INHERITED = ("AWS_", "TF_VAR_", "TF_WORKSPACE", "TF_DATA_DIR", "TF_CLI_ARGS")


def rehearse(
    graph: Graph, *, engine: Engine | None = None, variables: Mapping[str, Any] | None = None,
    gaps: Sequence[Gap] = GAPS, folder: Path | None = None, on_step: OnStep | None = None,
    on_event: Callable[[Event], None] | None = None, timeout: float = DEFAULT_SECONDS,
) -> Report:
    """Apply a system to a fresh AWS API on this machine, plan again, destroy, and see what is left.

    Arguments:
        graph: a finished graph without problems.
        engine: Terraform or OpenTofu, default the one of this machine. Its environment is replaced: no credentials of
            a real account are there.
        variables: values of variables; those without value and default get a stand-in.
        gaps: what is known not to work, default `GAPS`.
        folder: where to work, and to leave everything for a closer look; default a temporary folder that is removed.
        on_step: told of each step.
        on_event: told of what Terraform says.
        timeout: seconds that all of it may take, default half an hour.

    Returns:
        The report. A resource that fails is in it; it is not raised.

    Raises:
        GroundsillError: where a rehearsal cannot be held: no Terraform, no room, a configuration that it refuses, or not
            enough time (GS3103).

    However this process ends, nothing that the rehearsal started goes on: neither Terraform nor the AWS API.

    Example:
        .. code-block:: python

            report = rehearse(system.build("prod"))
            assert report.passed, report.to_markdown()
    """
    engine = engine or Engine.find()
    found = presupposed(graph)
    with (
        _folder(folder) as place, guarded(place, remove=folder is None), TimeLimit(timeout, place) as limit,
        _aws_api(place, graph.region, found) as api,
    ):
        rehearsal = _Rehearsal(graph, engine, api, place, variables or {}, gaps, limit, on_step, on_event)
        rehearsal.stands_in({item.name: item.what for item in found})
        return rehearsal.run()


class _Rehearsal:
    def __init__(
        self, graph: Graph, engine: Engine, api: AwsApi, place: Path, variables: Mapping[str, Any],
        gaps: Sequence[Gap], limit: TimeLimit, on_step: OnStep | None, on_event: Callable[[Event], None] | None,
    ) -> None:
        from groundsill.ground.aws_api import environment_for

        inherited = {name: value for name, value in engine.environment.items() if not name.startswith(_NEVER_INHERITED)}
        local = environment_for(api.root_credentials(), api.url, graph.region)
        parallel = f"-parallelism={PARALLEL}"
        environment = {**inherited, **local, "NO_PROXY": "*", "TF_CLI_ARGS_apply": parallel, "TF_CLI_ARGS_plan": parallel}
        self._engine = Engine(engine.binary, engine.product, engine.version, environment)
        # After the second plan nothing can have changed: what it has read need not be read again to destroy it.
        self._quick = Engine(engine.binary, engine.product, engine.version,
                             {**environment, "TF_CLI_ARGS_apply": f"{parallel} -refresh=false"})
        # In the folder beside it, what was made ready for this one is ready too.
        self._beside = Engine(engine.binary, engine.product, engine.version,
                              {**environment, "TF_DATA_DIR": str(place / "terraform" / ".terraform")})
        self._graph, self._gaps, self._limit, self._on_step = graph, gaps, limit, on_step
        self._on_event = limit.following(on_event)
        self._api = api
        self._place, self._folder = place, place / "terraform"
        reasons = left_out(graph, gaps)
        self._resources = {
            resource.address: ResourceReport(
                resource.address, resource.type, resource.component,
                str(resource.location) if resource.location else "", reasons.get(resource.address, ""), resource.data)
            for resource in graph
        }
        self._report = Report(
            graph.name, graph.stage, f"{engine.product} {'.'.join(map(str, engine.version))}",
            schema_file().provider_version, EMULATOR, resources=list(self._resources.values()),
            gaps=list(of_types({resource.type for resource in graph}, gaps)))
        values, stand_ins = stand_in_variables(graph, ACCOUNT, variables)
        self._variables = values
        for variable in graph.variables.values():
            if variable.ephemeral:  # Terraform asks for it again at each run, because it keeps it nowhere
                for each in (self._engine, self._quick):
                    each.environment[f"TF_VAR_{variable.name}"] = str(values[variable.name])
        self._folder.mkdir(parents=True)
        self._report.stand_ins = {**stand_ins, **write_folder(graph, self._folder, list(reasons))}

    def stands_in(self, more: Mapping[str, str]) -> None:
        """Note what takes the place of something that a deployment finds in its account."""
        self._report.stand_ins = {**self._report.stand_ins, **more}

    def run(self) -> Report:
        with self._step("init"):
            self._engine.init(self._folder, on_event=self._on_event)
        with self._step("apply") as done:
            self._apply()
            done.remark = self._counted(lambda item: item.applied)
        with self._step("second plan") as done:
            self._second_plan()
            done.remark = "no change" if not any(item.changed for item in self._resources.values()) else "changes"
        before = self._state()
        with self._step("destroy") as done:
            self._destroy()
            done.remark = self._counted(lambda item: item.destroyed)
        with self._step("what is left") as done:
            self._look_for_leftovers(before)
            done.remark = "nothing" if not any(item.left for item in self._resources.values()) else "something"
        self._look_for_unneeded_gaps()
        return self._report

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _apply(self) -> None:
        for done in self._applied(self._engine, "apply").resources:
            item = self._resources.get(done.address)
            if item is not None and not done.failed:
                item.applied, item.apply_seconds = True, done.seconds

    def _second_plan(self) -> None:
        try:
            seen = self._engine.glance(self._folder, variables=self._variables, on_event=self._on_event, graph=self._graph)
            if not any(map(_changes_something, seen)):
                return
            # Which attributes it would change is Terraform asked only where it would change any.
            plan = self._engine.plan(self._folder, out=self._folder / "second.tfplan", variables=self._variables,
                                     on_event=self._on_event, graph=self._graph)
        except EngineError as error:
            self._note(error, "second plan")
            self._report.problems.append("there is no second plan, so it is not known what it would change")
            return
        for change in plan.changes:
            item = self._resources.get(change.address)
            if item is None:
                self._report.problems.append(f"the second plan would {change.action} {change.address}")
            elif item.applied:
                for attribute in change.attributes:
                    gap = next((gap for gap in self._gaps if gap.covers(item.type, attribute.path)), None)
                    if gap is None:
                        item.changed.append(attribute.path)
                    elif gap not in item.gaps:
                        item.gaps.append(gap)
                if not change.attributes:
                    item.changed.append(f"(whole: {change.action})")
        if all(item.applied for item in self._resources.values() if not item.left_out and not item.data):
            for name, action in plan.outputs.items():
                # An output follows from a resource: where one is known to change, this says nothing new.
                if not any(item.changed or item.gaps for item in self._resources.values()):
                    self._report.problems.append(f"the second plan would {action} the output {name}")

    def _destroy(self) -> None:
        lifted = lift_protections(self._folder)
        if lifted:
            self._report.lifted = lifted
            self._applied(self._quick, "lift")
        for done in self._applied(self._quick, "destroy").resources:
            item = self._resources.get(done.address)
            if item is not None and done.action == "destroy" and not done.failed:
                item.destroyed, item.destroy_seconds = True, done.seconds

    def _look_for_leftovers(self, state: bytes) -> None:
        """The provider looks, through the API, for everything that was there before the destroy: it must find nothing."""
        if not state:
            return
        before = read_state(state)
        folder = self._place / "left"
        write_provider(self._graph, folder)
        (folder / STATE_NAME).write_bytes(before.provider_looks_for)
        (folder / LOCK_FILE_NAME).write_bytes((self._folder / LOCK_FILE_NAME).read_bytes())
        try:
            seen = self._beside.glance(folder, refresh_only=True, on_event=self._on_event, graph=self._graph)
            gone = {event.address for event in seen if event.kind == "drift" and event.action == "destroy"}
        except EngineError as error:
            self._note(error, "what is left")
            self._report.problems.append("it is not known what is left, because the provider could not look for it")
            gone = before.addresses
        asked = {address for address, (type_, attributes) in before.asked_directly.items()
                 if still_there(type_, attributes, self._client)}
        for address in (before.addresses - before.asked_directly.keys() - gone) | asked:
            item = self._resources.get(address)
            if item is None:
                self._report.problems.append(f"{address} is still there after the destroy")
            elif address in before.stays:
                item.notes.append(before.stays[address])
            else:
                item.left = True

    def _client(self, service: str) -> Any:
        import boto3

        root = self._api.root_credentials()
        make: Any = getattr(boto3, "client")  # noqa: B009 -- its type is not wholly known
        return make(service, endpoint_url=self._api.url, region_name=self._graph.region,
                    aws_access_key_id=root.access_key_id, aws_secret_access_key=root.secret_access_key)

    def _look_for_unneeded_gaps(self) -> None:
        seen = {gap for item in self._resources.values() for gap in item.gaps}
        rehearsed = {item.type for item in self._resources.values() if not item.left_out}
        self._report.unneeded_gaps = [
            gap for gap in of_types(rehearsed, self._gaps) if gap.step != "apply" and gap not in seen
        ]

    # -- parts of steps ------------------------------------------------------------------------------------------------

    def _applied(self, engine: Engine, step: str) -> ApplySummary:
        try:
            return engine.apply_unreviewed(self._folder, variables=self._variables, destroy=step == "destroy",
                                           on_event=self._on_event, graph=self._graph)
        except EngineError as error:
            self._note(error, step)
            return error.summary or ApplySummary()

    def _note(self, error: EngineError, step: str) -> None:
        """Put what went wrong where it belongs: to its resource, or to the whole."""
        self._limit.check()
        problems = [problem for problem in error.problems if problem.error]
        if not problems:
            self._report.problems.extend(f"{step}: {item.summary}: {item.detail}" for item in error.diagnostics)
        for problem in problems:
            item = self._resources.get(problem.address)
            if item is None:
                self._report.problems.append(f"{step}: {_one_line(problem)}")
                continue
            gap = next((gap for gap in self._gaps if gap.type == item.type and gap.step == step), None)
            if gap is None:
                item.errors.append(f"{step}: {_one_line(problem)}")
            elif gap not in item.gaps:
                item.gaps.append(gap)

    def _state(self) -> bytes:
        path = self._folder / STATE_NAME
        return path.read_bytes() if path.exists() else b""

    def _counted(self, fits: Callable[[ResourceReport], bool]) -> str:
        own = [item for item in self._resources.values() if not item.left_out and not item.data]
        return f"{sum(map(fits, own))} of {len(own)} resources"

    @contextmanager
    def _step(self, name: str) -> Generator[_Done]:
        self._limit.step(name)
        started = time.perf_counter()
        done = _Done()
        self._tell(name, "started", 0.0, "")
        try:
            yield done
        finally:
            seconds = time.perf_counter() - started
            self._report.steps[name] = seconds
            self._tell(name, "done", seconds, done.remark)

    def _tell(self, name: str, state: str, seconds: float, remark: str) -> None:
        if self._on_step:
            self._on_step(name, state, seconds, remark)


@dataclass(slots=True)
class _Done:
    remark: str = ""


def _changes_something(event: Event) -> bool:
    """Whether an event of a plan is of something other than what stays as it is."""
    if event.kind == "outputs":
        outputs: Mapping[str, Mapping[str, Any]] = event.raw["outputs"]
        return any(output.get("action") != "noop" for output in outputs.values())
    return event.kind == "change" and event.action not in ("none", "read")


def _one_line(problem: Problem) -> str:
    return " ".join(problem.text.split())


@contextmanager
def _folder(given: Path | None) -> Generator[Path]:
    try:
        if given is not None:
            given.mkdir(mode=0o700, parents=True, exist_ok=True)
            if any(given.iterdir()):
                raise GroundsillError(Diagnostic(
                    "GS3102", f"the folder {given} is not empty", detail="a rehearsal begins with nothing",
                    mend="name a new folder"))
            place = given.resolve()
        else:
            place = Path(tempfile.mkdtemp(prefix="groundsill-rehearsal-"))
    except OSError as error:
        raise GroundsillError(Diagnostic(
            "GS2108", f"cannot write to {given or 'the folder for temporary files'}", detail=str(error),
            mend="free some space or name another folder")) from error
    try:
        yield place
    finally:
        if given is None:
            shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _aws_api(place: Path, region: str, there: Sequence[Presupposed]) -> Generator[AwsApi]:
    try:
        from groundsill.ground.aws_api import AwsApi, AwsApiError, AwsApiSettings
    except ImportError as error:
        raise GroundsillError(_without_ground(str(error))) from error
    with asyncio.Runner() as runner:
        try:
            api = runner.run(AwsApi.start(AwsApiSettings(place / "aws", region=region, account_id=ACCOUNT)))
        except AwsApiError as error:
            raise GroundsillError(_without_ground(str(error))) from error
        try:
            for item in there:
                runner.run(api.request("POST", "/_groundsill/outside", {**item.asked, "account": ACCOUNT, "region": region}))
            yield api
        finally:
            runner.run(api.stop())


def _without_ground(detail: str) -> Diagnostic:
    return Diagnostic(
        "GS3101", "the AWS API of the rehearsal does not start", detail=detail,
        mend="install what it needs: `pip install 'groundsill[ground]'`",
    )
