"""`groundsill state`: see and mend what Terraform knows of a stage."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundsill.cli.arguments import Parser, add_settings, add_system
from groundsill.cli.deployments import about_graph, add_deployment, can_ask, ends_like_ctrl_c, opened, typed
from groundsill.cli.screen import Screen, table
from groundsill.cli.systems import Target
from groundsill.graph.diagnostics import Diagnostic, GroundsillError, did_you_mean
from groundsill.graph.graph import Graph

if TYPE_CHECKING:
    from groundsill.terraform.deployment import Deployment


def arguments(parser: Parser) -> None:
    """What the command takes."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, what, words in (
        ("list", "every resource that Terraform knows, by component", ()),
        ("show", "what Terraform knows of one resource; secret values are hidden", ("ADDRESS",)),
        ("unlock", "take away the lock of somebody who is gone; without LOCK it only says who holds it", ()),
        ("import", "take over a resource that exists in AWS", ("ADDRESS", "ID")),
        ("move", "move the state from this machine to the bucket that state.toml names", ()),
    ):
        action = actions.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
        for word in words:
            action.add_argument(word.lower(), metavar=word)
        if name == "unlock":
            action.add_argument("--lock", metavar="LOCK", help="the lock to take away, as shown without it")
        add_system(action)
        add_settings(action)
        add_deployment(action)
        action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run(given: argparse.Namespace, screen: Screen) -> int:
    """Do what was asked for."""
    target, graph = about_graph(given, screen)
    if given.action == "move":
        return _move(given, target, graph, screen)
    about = opened(given, target, graph)
    with ends_like_ctrl_c(), about.workspace.held(f"state {given.action}"):
        about.prepare()
        return _ACTIONS[given.action](given, about, target, screen)


def _list(given: argparse.Namespace, about: Deployment, target: Target, screen: Screen) -> int:
    from groundsill.terraform.failures import base_address

    addresses = [name for name in about.engine.state_list(about.directory) if not name.startswith("data.")]
    rows: list[dict[str, Any]] = []
    for address in addresses:
        resource = about.graph.resources.get(base_address(address))
        place = resource.location.relative_to(Path.cwd()) if resource and resource.location else ""
        rows.append({"address": address, "component": resource.subject if resource else None, "place": place or None})
    text = table(((row["address"], f"{row['component'] or 'not in the definition'}  {row['place'] or ''}".rstrip())
                  for row in rows), screen.style)
    screen.result(text or "Nothing is deployed.", {"state": about.backend.words, "resources": rows})
    return 0


def _show(given: argparse.Namespace, about: Deployment, target: Target, screen: Screen) -> int:
    from groundsill.terraform.changes import value_text, without_secrets
    from groundsill.terraform.state import state_resources

    found = {str(item["address"]): item for item in state_resources(about.engine.show(about.directory))}
    item = found.get(given.address)
    if item is None:
        raise GroundsillError(Diagnostic("GS3033", f"the state has no {given.address}",
                                         mend=did_you_mean(given.address, found, what="It has")))
    values: dict[str, Any] = without_secrets(item.get("values") or {}, item.get("sensitive_values"))
    screen.result(table(((name, value_text(value, longest=120)) for name, value in values.items() if value is not None),
                        screen.style), {"address": given.address, "values": values})
    return 0


def _unlock(given: argparse.Namespace, about: Deployment, target: Target, screen: Screen) -> int:
    lock = about.engine.lock(about.directory)
    facts = {"id": lock.id, "who": lock.who, "since": lock.created} if lock else None
    if lock is None:
        screen.result("Nobody holds the lock.", {"lock": None, "unlocked": False})
        return 0
    if given.lock is not None and given.lock != lock.id:
        raise GroundsillError(Diagnostic("GS3033", "the state has another lock", detail=lock.words,
                                         mend="nothing was unlocked: somebody else works on it now"))
    if given.lock is None:
        screen.note(f"The lock is {lock.words}.")
        if not can_ask(screen):
            screen.result("", {"lock": facts, "unlocked": False})
            screen.note(f"`{target.command('state unlock', '--lock', lock.id)}` takes it away.")
            return 1
        if typed("Take it away? Only where its owner is gone for good. [y/N]").lower() not in ("y", "yes"):
            return 1
    about.engine.force_unlock(about.directory, lock.id)
    screen.result(f"Unlocked: it was {lock.words}.", {"lock": facts, "unlocked": True})
    return 0


def _import(given: argparse.Namespace, about: Deployment, target: Target, screen: Screen) -> int:
    from groundsill.terraform.deploy import planned_images
    from groundsill.terraform.failures import base_address

    if base_address(given.address) not in about.graph:
        raise GroundsillError(Diagnostic(
            "GS3033", f"the definition has no {given.address}",
            mend=did_you_mean(given.address, about.graph.resources, what="It has"),
        ))
    values, _ = planned_images(about, {})
    about.check_variables(values)
    about.engine.import_(about.directory, given.address, given.id, variables=values, graph=about.graph)
    screen.result(f"{screen.style.green('Taken over:')} {given.id} is {given.address}",
                  {"address": given.address, "id": given.id})
    screen.next_actions({target.command("plan"): "see how it differs from the definition"})
    return 0


def _move(given: argparse.Namespace, target: Target, graph: Graph, screen: Screen) -> int:
    from groundsill.terraform.engine import Engine
    from groundsill.terraform.moving import move_state
    from groundsill.terraform.workspace import Workspace

    directory = target.state.terraform
    with ends_like_ctrl_c(), Workspace(directory, target.folder, target.stage).held("state move"):
        place = move_state(Engine.find(given.terraform), graph, target.folder, directory)
    screen.result(f"{screen.style.green('Moved:')} the state of {graph.stage} is in {place}", {"state": place})
    screen.next_actions({target.command("plan"): "see that nothing else has changed"})
    return 0


_ACTIONS = {"list": _list, "show": _show, "unlock": _unlock, "import": _import}
