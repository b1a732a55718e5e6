"""Taking over what an apply has made that was killed before it could write that down.

The events that Terraform left (`groundsill.terraform.traces`) tell which resources were begun. Of those that the state
lacks, each is identified: by what AWS answered, by its own name, or by the tags that everything of a stage carries.
Terraform then imports it, in the same plan that makes the rest, so a deploy that was killed anywhere is continued by the
same command.

Only what is this stage's own is taken over: what the killed apply itself saw made, or what carries the tags that the
definition gives it. Anything else that is in the way stays, and Terraform says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from groundsill.aws.schema import type_schema
from groundsill.graph.diagnostics import GroundsillError
from groundsill.graph.provisioner import TASK_RUN_TYPE
from groundsill.graph.shapes import is_mapping
from groundsill.terraform.aws_calls import AwsCalls
from groundsill.terraform.children import CHILDREN
from groundsill.terraform.deployment import ADOPTION_NAME, Deployment, plan_file
from groundsill.terraform.engine import EngineError
from groundsill.terraform.events import Problem
from groundsill.terraform.failures import base_address
from groundsill.terraform.identities import IDENTITIES, MADE_AGAIN, Identity, identity
from groundsill.terraform.lookup import Lookup, look_up
from groundsill.terraform.replacements import aside, depose, put_back, set_aside
from groundsill.terraform.state import kept_objects
from groundsill.terraform.template import render_json
from groundsill.terraform.traces import Trace, read_traces

OWN_TAGS = ("System", "Stage", "Component")
"""What has the same values of these is the same component's."""
_ADDRESS = re.compile(r"\b(aws_[a-z0-9_]+\.[\w-]+)")
# AWS's name of one request, which is another one each time.
_REQUEST = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ROUNDS = 12


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was found of an apply that was killed.

    Arguments:
        imports: import identifier by address.
        lost: of those that were made and cannot be taken over: what AWS calls them, by address.
        forgotten: addresses of which the state knew what the killed apply had destroyed.
        finished: import identifier by address of what is in the state already: the new objects of replacements, whose old
            ones the next apply destroys.
    """

    imports: Mapping[str, str] = field(default_factory=dict[str, str])
    lost: Mapping[str, str] = field(default_factory=dict[str, str])
    forgotten: tuple[str, ...] = ()
    finished: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def taken_over(self) -> dict[str, str]:
        """Import identifier of everything that is taken over, by address."""
        return {**self.imports, **self.finished}


def recover(about: Deployment, values: Mapping[str, Any], say: Callable[[str], None]) -> Recovered:
    """Find what a killed apply has made and the state lacks, and have the next plan import it.

    Arguments:
        about: the stage, prepared.
        values: of variables.
        say: told of each resource that is taken over.

    Raises:
        GroundsillError: where Terraform cannot plan.
    """
    traces = read_traces(about.traces)
    adoption = about.directory / ADOPTION_NAME
    # A run of a task is no object of AWS: whether it came to its end, its own mark says (`groundsill.terraform.run_marks`).
    traces = {address: trace for address, trace in traces.items() if _type(address) != TASK_RUN_TYPE}
    if not traces:
        adoption.unlink(missing_ok=True)
        return Recovered()
    found = _Search(about, values, traces, adoption, say).run()
    for address, resource_id in found.taken_over.items():
        say(f"Taking over {address}, which the interrupted deploy has made: {resource_id}")
    for address, resource_id in found.lost.items():
        say(f"Not taken over: {address} was made as {resource_id}, and Terraform cannot import that type. "
            "Remove it where another of it is in the way.")
    return found


class _Suspect(NamedTuple):
    """An import that was left out, to see whether an error without a name was about it.

    Arguments:
        address: of the resource.
        resource_id: its import identifier.
        said: the errors' texts while it was there.
    """

    address: str
    resource_id: str
    said: tuple[str, ...]


class _Search:
    """The search for the resources of a killed apply, plan by plan: what is found in one makes the next one known."""

    def __init__(
        self, about: Deployment, values: Mapping[str, Any], traces: Mapping[str, Trace], adoption: Path,
        say: Callable[[str], None],
    ) -> None:
        self._about, self._values, self._adoption = about, values, adoption
        # As it is kept: that is read without the provider, whose schema Terraform takes seconds to load.
        state = kept_objects(about.engine.state_pull(about.directory))
        self._known_ids = {name for values in state.values() for name in _names(values)}
        self._forgotten = self._forget(state, traces)
        self._aside = self._set_aside(state, traces)
        self._missing = {
            address: trace for address, trace in traces.items()
            if address not in state and base_address(address) in about.graph
        }
        self._imports: dict[str, str] = {
            address: trace.resource_id for address, trace in self._missing.items()
            if trace.made and trace.resource_id and _is_its_id(_type(address))
        }
        self._finished: dict[str, str] = {}
        self._absent: set[tuple[str, str]] = set()
        self._lost: dict[str, str] = {}
        self._scores: dict[str, dict[str, int | None]] = {}
        self._trial: set[str] = set()
        self._parts: set[str] = set()
        self._suspect: _Suspect | None = None
        self._cleared: set[str] = set()
        self._looked: Lookup | None = None
        self._aws = AwsCalls(about.graph.region)
        self._say = say

    def _forget(self, state: dict[str, Mapping[str, Any]], traces: Mapping[str, Trace]) -> tuple[str, ...]:
        """Take out of the state what was destroyed for a replacement: while it is there, nothing can be imported."""
        gone = [
            address for address, trace in traces.items()
            if trace.replaced and trace.replaced == state.get(address, {}).get("id") and trace.replaced != trace.resource_id
        ]
        for address in gone:
            self._about.locked(lambda address=address: self._about.engine.state_rm(self._about.directory, address))
            del state[address]
        return tuple(gone)

    def _set_aside(self, state: dict[str, Mapping[str, Any]], traces: Mapping[str, Trace]) -> dict[str, list[str]]:
        """Free the addresses of which the state knows the old object where a new one was begun beside it.

        Gives what AWS calls each old object.
        """
        found: dict[str, list[str]] = {}
        for address, trace in traces.items():
            if aside(address) in state and address in state:  # it was killed between the import and what follows it
                depose(self._about, address)
            elif (address in state and not trace.failed and not trace.replaced and base_address(address) in self._about.graph
                  and trace.resource_id not in (names := _names(state[address])) and names):
                set_aside(self._about, address)
                state[aside(address)] = state.pop(address)
            if aside(address) in state and address not in state:
                found[address] = _names(state[aside(address)])
        return found

    def run(self) -> Recovered:
        self._adoption.unlink(missing_ok=True)
        try:
            if self._missing:
                rounds = 0
                while rounds < _ROUNDS:
                    planned = self._plan()
                    if planned is None:  # an import less, or one that is cleared: that comes to an end by itself
                        continue
                    rounds += 1
                    if not self._refuse_foreign(planned) and not self._identify(planned):
                        self._finish(planned)
                        break
        finally:
            for address in self._aside.keys() - self._finished.keys():
                self._imports.pop(address, None)
                put_back(self._about, address)
        return Recovered(dict(self._imports), dict(self._lost), self._forgotten, dict(self._finished))

    def _finish(self, planned: Mapping[str, Mapping[str, Any]]) -> None:
        """Import what has an older object beside it, and leave that one to the next apply."""
        about = self._about
        for address in sorted(self._aside.keys() & self._imports.keys()):
            resource_id = self._imports.pop(address)
            self._write()
            names = _names(_change(planned[address]).get("before") or {})
            if not names or set(names) & set(self._aside[address]):
                continue  # it is the old one itself
            about.locked(lambda address=address, resource_id=resource_id: about.engine.import_(
                about.directory, address, resource_id, variables=self._values, graph=about.graph))
            self._finished[address] = resource_id
            # What would be replaced at once is not what the definition means: it was changed back since.
            depose(about, address, new="delete" in _actions(planned[address]))

    def _plan(self) -> dict[str, Mapping[str, Any]] | None:
        """Changes by address; None where something that was to be imported does not exist or cannot be."""
        self._write()
        about = self._about
        try:
            with plan_file() as file:
                plan = about.locked(lambda: about.engine.plan(
                    about.directory, out=file, variables=self._values, refresh=False, graph=about.graph))
        except EngineError as error:
            refused = [problem for problem in error.problems if problem.error]
            said = tuple(sorted(_REQUEST.sub("", problem.text) for problem in refused))
            self._judge(said)
            failed = {address for problem in refused for address in self._imported_in(problem)}
            for address in failed:
                self._drop(address)
            if not failed and not self._suspect_next(said):
                raise
            return None
        self._judge(())
        return {str(item["address"]): item for item in plan.content if not item.get("deposed")}

    def _imported_in(self, problem: Problem) -> list[str]:
        """Addresses to be imported that an error is about."""
        named = [problem.address, *_ADDRESS.findall(problem.text)]
        return [address for address in named if address in self._imports] or spoken_of(problem.text, self._imports)

    def _suspect_next(self, said: tuple[str, ...]) -> bool:
        """Leave out one import of which nobody has seen that it exists, where an error does not say which it is about.

        Arguments:
            said: the errors' texts.

        Returns:
            Whether there was one left.
        """
        for address, resource_id in self._imports.items():
            if not self._missing[address].made and address not in self._parts | self._cleared:
                self._suspect = _Suspect(address, resource_id, said)
                del self._imports[address]
                return True
        return False

    def _judge(self, said: tuple[str, ...]) -> None:
        """Whether it was the suspect: without it the errors are others, or none."""
        suspect, self._suspect = self._suspect, None
        if suspect is None:
            return
        if said == suspect.said:
            self._imports[suspect.address] = suspect.resource_id
            self._cleared.add(suspect.address)
        else:
            self._absent.add((suspect.address, suspect.resource_id))

    def _write(self) -> None:
        if not self._imports:
            self._adoption.unlink(missing_ok=True)
            return
        blocks = [{"to": address, "id": resource_id} for address, resource_id in sorted(self._imports.items())]
        beside = self._adoption.with_suffix(".new")
        beside.write_text(render_json({"import": blocks}), encoding="utf-8")
        beside.replace(self._adoption)

    def _drop(self, address: str) -> None:
        resource_id = self._imports.pop(address)
        self._absent.add((address, resource_id))
        trace = self._missing[address]
        if trace.made and trace.resource_id and _type(address) not in MADE_AGAIN and trace.resource_id in resource_id:
            self._lost[address] = trace.resource_id

    def _refuse_foreign(self, planned: Mapping[str, Mapping[str, Any]]) -> bool:
        """Drop what turns out not to be this stage's own, or not to fit as well as another may; whether there was any."""
        dropped = False
        for address in list(self._imports):
            item = planned.get(address, {})
            resource_id = self._imports[address]
            if address in self._trial:
                self._scores[address][resource_id] = _differences(item) if _own(address, item) else None
                self._trial.remove(address)
            elif self._missing[address].made or address in self._parts or _own(address, item):
                continue
            else:
                self._absent.add((address, resource_id))
            del self._imports[address]
            dropped = True
        return dropped

    def _identify(self, planned: Mapping[str, Mapping[str, Any]]) -> bool:
        """Find more of what is missing; whether anything was found."""
        found: dict[str, str] = {}
        for address, trace in self._missing.items():
            item = planned.get(address)
            if address in self._imports or address in self._lost or item is None:
                continue
            if "create" not in _actions(item):
                continue
            after: Mapping[str, Any] = _change(item).get("after") or {}
            resource_id = self._resource_id(address, trace, after, {*self._imports.values(), *found.values()})
            if resource_id is not None:
                found[address] = resource_id
        self._imports.update(found)
        return bool(found)

    def _resource_id(self, address: str, trace: Trace, after: Mapping[str, Any], taken: set[str]) -> str | None:
        type_ = _type(address)
        if (type_ in MADE_AGAIN and type_ not in IDENTITIES) or (trace.failed and not _can_carry_tags(address)):
            return None
        how = identity(type_)
        if not how.needs_id or trace.made:
            text = how.text({**self._facts(how), **_known(after)}, trace.resource_id)
            return text if text is not None and (address, text) not in self._absent else None
        if type_ in CHILDREN:
            for child in CHILDREN[type_].ids(after, self._aws):
                text = how.text({**self._facts(how), **after}, child)
                if text and not {text, child} & (self._known_ids | taken) and (address, text) not in self._absent:
                    self._parts.add(address)
                    return text
        return self._by_tags(address, how, after, taken) if how.arn else None

    def _by_tags(self, address: str, how: Identity, after: Mapping[str, Any], taken: set[str]) -> str | None:
        """The one that carries the tags; of several the one that differs least from the definition, tried one by one."""
        candidates: list[str] = []
        for item in self._look_up().resources:
            resource_id = how.id_in(item.arn, after)
            text = how.text(after, resource_id) if resource_id and _same_owner(item.tags, after) else None
            if text and not {text, resource_id, item.arn} & (self._known_ids | taken) and (address, text) not in self._absent:
                candidates.append(text)
        scores = self._scores.setdefault(address, {})
        if len(candidates) > 1:
            untried = next((text for text in candidates if text not in scores), None)
            if untried is not None:
                self._trial.add(address)
                return untried
        fitting = [(score, text) for text in candidates if (score := scores.get(text, 0)) is not None]
        return min(fitting)[1] if fitting else None

    def _facts(self, how: Identity) -> dict[str, str]:
        """What stands in an identifier beside the resource's own attributes."""
        facts: Mapping[str, str] = self._look_up().facts if "{account}" in how.form else {}
        return {"path": "/", "base_path": "(none)", **facts}

    def _look_up(self) -> Lookup:
        if self._looked is None:
            try:
                self._looked = look_up(self._about)
            except GroundsillError as error:
                self._say(f"AWS cannot be asked for what carries the stage's tags: {error.diagnostics[0].summary}")
                self._looked = Lookup()
        return self._looked


def spoken_of(text: str, imports: Mapping[str, str]) -> list[str]:
    """Addresses whose import identifiers an error's text names: whole, or their parts in words of its own.

    An identifier of several parts has those of others in it, so it goes before them.

    Example:
        >>> imports = {"aws_route_table.a": "rtb-1", "aws_route_table_association.a": "subnet-2/rtb-1"}
        >>> spoken_of("No association found between route table ID rtb-1 and target ID subnet-2", imports)
        ['aws_route_table_association.a']
    """
    found: dict[str, int] = {}
    for address, resource_id in imports.items():
        parts = [part for part in re.split(r"[/|:,_]+", resource_id) if part]
        if resource_id in text or all(re.search(rf"(?<![\w-]){re.escape(part)}(?![\w-])", text) for part in parts):
            found[address] = len(parts)
    return [address for address, parts in found.items() if parts == max(found.values())]


def _type(address: str) -> str:
    return address.partition(".")[0]


def _is_its_id(type_: str) -> bool:
    """Whether what AWS gave a resource is all that an import needs to know."""
    return identity(type_).form == "{id}" and (type_ in IDENTITIES or type_ not in MADE_AGAIN)


def _names(values: Mapping[str, Any]) -> list[str]:
    return [str(values[name]) for name in ("id", "arn") if values.get(name)]


def _change(item: Mapping[str, Any]) -> Mapping[str, Any]:
    return item.get("change") or {}


def _actions(item: Mapping[str, Any]) -> Sequence[str]:
    return _change(item).get("actions") or ()


def _known(after: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in after.items() if value not in (None, "")}


def _same_owner(tags: Mapping[str, str], after: Mapping[str, Any]) -> bool:
    """Whether something carries the tags that the definition gives to a resource."""
    planned = after.get("tags_all") or after.get("tags")
    if not is_mapping(planned) or not all(planned.get(name) for name in OWN_TAGS):
        return False
    return all(tags.get(name) == value for name, value in planned.items())


def _can_carry_tags(address: str) -> bool:
    schema = type_schema(_type(address), data=False)
    return schema is not None and "tags" in schema.attributes


def _own(address: str, item: Mapping[str, Any]) -> bool:
    """Whether something that was found by its name or its tags is what the definition means.

    What cannot carry tags is part of something that does, so its identifier has the owner in it.
    """
    change = _change(item)
    if "delete" in _actions(item):
        return False
    if not _can_carry_tags(address):
        return True
    before: Mapping[str, Any] = change.get("before") or {}
    after: Mapping[str, Any] = change.get("after") or {}
    tags: Mapping[str, str] = before.get("tags_all") or before.get("tags") or {}
    planned: Mapping[str, str] = after.get("tags_all") or after.get("tags") or {}
    return all(planned.get(name) and tags.get(name) == planned[name] for name in OWN_TAGS)


def _differences(item: Mapping[str, Any]) -> int:
    """How many attributes an import would leave to be changed."""
    change = _change(item)
    before: Mapping[str, Any] = change.get("before") or {}
    after: Mapping[str, Any] = change.get("after") or {}
    return sum(before.get(name) != value for name, value in after.items() if name not in ("tags", "tags_all"))
