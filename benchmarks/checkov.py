"""Our checks beside Checkov's, on the same systems: where both agree, where they differ and why, and how long each takes.

Which of our rules asks what a check of Checkov asks is said by the rules themselves (`controls`). Every difference has its
explanation in `checkov_differences.toml`; one without is printed as UNEXPLAINED.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from benchmarks.measuring import WORK, Run, median_of, peer_environment, run_process, table
from groundsill.checks.rule import Family, Rule
from groundsill.checks.rules import every_rule
from groundsill.checks.run import check
from groundsill.graph import Graph
from groundsill.terraform.synth import text
from groundsill.testing import Definition

ROOT = Path(__file__).resolve().parent.parent
DIFFERENCES = Path(__file__).with_name("checkov_differences.toml")
SYSTEMS = {name: ROOT / "systems" / name for name in
           ("ai_nutritionist", "image_understander", "multitask", "open_metabolics", "parrot")}
FAULTY = {f"faulty_{name}": ROOT / "benchmarks" / "faulty" / name for name in ("data", "delivery", "identity", "network")}
STAGE, TIER = "prod", "enterprise"
OPTIONS = ["--framework", "terraform_json", "--output", "json", "--compact", "--skip-download", "--soft-fail"]


@dataclass
class Compared:
    """What both found in one system.

    Arguments:
        both_pass: pairs of a check and a resource that both find right.
        both_fail: pairs that both find wrong.
        only_checkov: pairs that Checkov alone finds wrong.
        only_ours: pairs that we alone find wrong, where Checkov says that its check passed.
        not_ours: findings of checks that none of our rules asks.
        beyond: findings of ours on resources where Checkov has no check that asks the same.
    """

    both_pass: int = 0
    both_fail: int = 0
    only_checkov: list[tuple[str, str]] = field(default_factory=list)
    only_ours: list[tuple[str, str]] = field(default_factory=list)
    not_ours: list[tuple[str, str]] = field(default_factory=list)
    beyond: list[tuple[str, str]] = field(default_factory=list)


def main(runs: int) -> None:
    """Compare findings system by system, then time both."""
    python = peer_environment("checkov", ["checkov"])
    version = subprocess.run([str(python), "-m", "checkov.main", "--version"], check=True, capture_output=True, text=True)
    print(f"Checkov {version.stdout.strip()}; {len(list(every_rule()))} rules of ours")
    by_control = controls()
    explained = tomllib.loads(DIFFERENCES.read_text())
    rows: list[list[object]] = []
    differences: list[tuple[str, str, str]] = []
    for name, folder in {**SYSTEMS, **FAULTY}.items():
        graph = Definition(folder).graph(STAGE, tier=TIER)
        path = written(name, graph)
        found = compared(graph, results(python, path), by_control)
        sure = found.both_pass + found.both_fail
        asked = sure + len(found.only_checkov) + len(found.only_ours)
        rows.append([name, len(graph), asked, found.both_pass, found.both_fail, len(found.only_checkov), len(found.only_ours),
                     f"{100 * sure / asked:.1f} %" if asked else "-", len(found.not_ours), len(found.beyond)])
        differences += [("only-checkov", f"{name} {resource}", id) for id, resource in found.only_checkov]
        differences += [("only-ours", f"{name} {resource}", id) for id, resource in found.only_ours]
        differences += [("not-ours", f"{name} {resource}", id) for id, resource in found.not_ours]
        differences += [("beyond", f"{name} {resource}", id) for id, resource in found.beyond]
    print(table(["system", "resources", "asked by both", "both pass", "both fail", "only Checkov", "only we", "agree",
                 "checks we have not", "findings it has not"], rows))
    _explain(differences, explained)
    _time(python, runs)


def controls() -> dict[str, list[Rule]]:
    """Our rules by the id of Checkov's check that asks the same."""
    found: dict[str, list[Rule]] = {}
    for rule in every_rule():
        for control in rule.controls:
            if control.startswith("CKV"):
                found.setdefault(control, []).append(rule)
    return found


def written(name: str, graph: Graph) -> Path:
    """The folder with a system's Terraform JSON, without the block of versions, which Checkov's parser cannot read."""
    folder = WORK / "checkov" / name
    folder.mkdir(parents=True, exist_ok=True)
    content = json.loads(text(graph))
    del content["terraform"]
    (folder / "main.tf.json").write_text(json.dumps(content, indent=2))
    return folder


def results(python: Path, folder: Path) -> dict[tuple[str, str], bool]:
    """Whether each of Checkov's checks passed, by check and resource. A resource is told by the line where it begins."""
    done = subprocess.run([str(python), "-m", "checkov.main", "--directory", str(folder), *OPTIONS], check=True,
                          capture_output=True, text=True)
    answer = json.loads(done.stdout)
    reports = answer if isinstance(answer, list) else [answer]
    lines = dict(_lines(folder / "main.tf.json"))
    found: dict[tuple[str, str], bool] = {}
    for report in reports:
        for kind, passed in (("passed_checks", True), ("failed_checks", False)):
            for item in report.get("results", {}).get(kind, ()):
                address = _address(item, lines)
                if address and re.match(r"CKV2?_AWS_", item["check_id"]):
                    found[item["check_id"], address] = found.get((item["check_id"], address), True) and passed
    return found


def _address(item: dict[str, Any], lines: dict[int, str]) -> str:
    if not item["resource"].startswith("resource."):
        return item["resource"]
    name = item["resource"].partition(".")[2]
    first = item["file_line_range"][0]
    return next((address for line in range(first - 2, first + 3)
                 if (address := lines.get(line, "")) and address.endswith(f".{name}")), "")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The address of the resource that begins in each line."""
    inside, type = False, ""
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if re.match(r'  "', line):
            inside = line.startswith('  "resource"')
        elif inside and (found := re.match(r'    "(\w+)": {', line)):
            type = found[1]
        elif inside and (found := re.match(r'      "([\w-]+)": {', line)):
            yield number, f"{type}.{found[1]}"


def compared(graph: Graph, theirs: dict[tuple[str, str], bool], by_control: dict[str, list[Rule]]) -> Compared:
    """Both sides' findings, check by check and resource by resource. What the user accepts counts as found all the same."""
    report = check(graph)
    ours: dict[str, set[str]] = {}
    for result in (*report.results, *report.suppressed):
        if result.finding.resource:
            ours.setdefault(result.rule.id, set()).add(result.finding.resource.address)
    found = Compared()
    judged: set[tuple[str, str]] = set()
    for (id, address), passed in sorted(theirs.items()):
        rules = by_control.get(id, [])
        judged.update((rule.id, address) for rule in rules)
        failed = any(address in ours.get(rule.id, ()) for rule in rules)
        if not rules:
            found.not_ours += [] if passed else [(id, address)]
        elif passed and not failed:
            found.both_pass += 1
        elif not passed and failed:
            found.both_fail += 1
        else:
            (found.only_ours if failed else found.only_checkov).append((id, address))
    for result in (*report.results, *report.suppressed):
        resource = result.finding.resource
        if result.rule.family is Family.SAFE and resource and (result.rule.id, resource.address) not in judged:
            found.beyond.append((result.rule.id, resource.address))
    return found


def _explain(differences: list[tuple[str, str, str]], explained: dict[str, Any]) -> None:
    """Differences by their explanation, those without one first and loud."""
    counts: Counter[tuple[str, str, str]] = Counter()
    unexplained: list[str] = []
    for kind, resource, id in differences:
        why = _why(explained.get(kind, {}), id, resource)
        if kind == "beyond" and not why:
            rule = next(rule for rule in every_rule() if rule.id == id)
            asked = [control for control in rule.controls if control.startswith("CKV")]
            why = f"{', '.join(asked)} does not look at such a resource" if asked else "Checkov has no such check"
        if why:
            counts[kind, id, why] += 1
        else:
            unexplained.append(f"UNEXPLAINED {kind}: {id} {resource}")
    titles = {"only-checkov": "Only Checkov finds it", "only-ours": "Only we find it", "not-ours": "Checks that we have not",
              "beyond": "Findings that Checkov has not"}
    for kind, title in titles.items():
        print(f"\n{title}")
        for (found_kind, id, why), count in sorted(counts.items()):
            if found_kind == kind:
                print(f"  {count:4} {id}: {why}")
    print()
    for line in unexplained:
        print(f"!!! {line}")
    print(f"{len(differences) - len(unexplained)} differences explained, {len(unexplained)} not")


def _why(kind: dict[str, Any], id: str, resource: str) -> str:
    """The explanation of a difference: by check, or by check and resource."""
    entry = kind.get(id)
    if isinstance(entry, str):
        return entry
    patterns = entry.items() if isinstance(entry, dict) else ()
    return next((why for pattern, why in patterns if fnmatchcase(resource, pattern)), "")


def _time(python: Path, runs: int) -> None:
    """Whole processes, in turn on the same machine: we read the definition, Checkov the JSON made of it."""
    groundsill = str(Path(sys.executable).parent / "groundsill")
    rows: list[list[object]] = []
    for name, folder in SYSTEMS.items():
        ours: list[Run] = []
        peer: list[Run] = []
        for _ in range(runs):
            ours.append(run_process([groundsill, "check", str(folder), "--stage", STAGE, "--tier", TIER, "--fail-on", "never",
                                     "--json"]))
            peer.append(run_process([str(python), "-m", "checkov.main", "--directory", str(WORK / "checkov" / name), *OPTIONS]))
        we, they = median_of(ours), median_of(peer)
        rows.append([name, f"{we.wall:.2f}", f"{we.cpu:.2f}", f"{they.wall:.2f}", f"{they.cpu:.2f}",
                     f"{they.wall / we.wall:.1f} x", f"{they.cpu / we.cpu:.1f} x"])
    print("\n" + table(["system", "our wall s", "our CPU s", "Checkov wall s", "Checkov CPU s", "wall", "CPU"], rows))
