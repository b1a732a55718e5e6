"""The reference of error codes, ``docs/errors.md``: every code of the source, with its text, its mend and an example.

Written anew with ``python -m tests.error_reference``; a test says where the file and the source differ.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from groundsill.definition.running import load_system

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "errors.md"
MISTAKES = ROOT / "tests" / "definition" / "mistakes" / "system.py"
CODE = re.compile(r"GS\d{4}")
_REGULAR_EXPRESSION = re.compile(r"\.\*|\\|\(\?|\w\|\w|\)\|")
SECTIONS = {
    "10": ("The graph", "What is wrong between resources: names, references and circles."),
    "11": ("The AWS surface", "Arguments of `aws.<type>(...)` or of an `override` that the provider's schema does not take."),
    "12": ("Components and their arguments", "Found when a component is constructed; the definition is read on all the same."),
    "13": ("Systems, stages, settings and the limits of components", "Most limits are AWS's own; the source names the page."),
    "14": ("`uses`, environment variables and outputs", "What a workload may do, and what it is told."),
    "15": ("Further components", "Front doors, events and storage."),
    "16": ("Operations and protection", "Alarms, schedules, budgets, backups and the security services."),
    "20": ("The ground", "Running a system on this machine."),
    "21": ("The command line", "What a command needs from you."),
    "22": ("Operating", "What a command about a running or deployed system needs from you, and what the system answered."),
    "30": ("Terraform", "What Terraform, the provider or AWS answered, in one form."),
    "31": ("Rehearsal", "Terraform against an AWS API of its own."),
    "40": ("Reading", "What cannot be read as a system: a folder, a plan, Terraform files."),
    "41": ("Check", "What `groundsill check` needs from you; what it finds has names of its own."),
    "42": ("Cost", "Traffic, prices and budgets."),
    "43": ("Drawing", "What `groundsill draw` needs from you."),
}
# What a summary alone does not say.
MEANINGS = {
    "GS1001": "Terraform remembers a resource by its type and name, so each pair can exist once.",
    "GS1002": "A reference names a resource or a variable that the definition does not make: most often a misspelt name.",
    "GS1003": "No order exists in which these could be created.",
    "GS1101": "The provider's schema has no such argument for this type.",
    "GS1102": "The value cannot become what the schema asks for.",
    "GS1103": "The provider refuses the resource without it.",
    "GS1104": "The schema limits how often a nested block can be given.",
    "GS1105": "Only AWS sets this attribute; it can be read, never written.",
    "GS1106": "A warning: the provider will drop it in a later version.",
    "GS1107": "The provider has no such type; the surface leaves `aws_` out.",
    "GS1108": "The type has no such attribute to refer to.",
    "GS1109": "Terraform names are letters, digits, `_` and `-`, beginning with a letter or `_`.",
    "GS1110": "`depends_on`, `lifecycle`, `provider`, `region` and `moved_from` mean the same for every type.",
    "GS1200": "Components belong to the system that is being read, so they exist only inside `@system.define`.",
    "GS1201": "A misspelt or made-up argument; what was meant would silently be missing otherwise.",
    "GS1202": "An argument is missing, or there is one too many.",
    "GS1203": "Terraform addresses and AWS names are made from a component's name.",
    "GS1204": "Something in these arguments could not be used; the detail says what Python said.",
    "GS1205": "Terraform addresses are made from the name, so each exists once in a system.",
    "GS1206": "The argument takes another kind of value.",
    "GS1207": "Durations are seconds, or text such as `\"15m\"`, `\"2h\"` or `\"1h 30m\"`.",
    "GS1208": "The component has no such verb or attribute.",
    "GS1301": "The settings class declares it without a default, and no value was given.",
    "GS1302": "The settings class declares no such setting.",
    "GS1305": "The value does not have the type that the settings class declares.",
    "GS1311": "A `system.py` defines exactly one `System`, so that a command knows which one is meant.",
    "GS2001": "A port that the system needs is taken by another process.",
    "GS3014": "The disk is full, or the program cannot be started in that folder.",
    "GS1314": "The definition's own code raised an error; what was found before it is reported too.",
    "GS1330": "A message would be deleted before it had been received often enough to be moved aside, unseen by anyone.",
    "GS1373": "Containers run without privileges, and ports below 1024 need them.",
    "GS1394": "The caller is told that the request failed while the function runs on.",
    "GS1401": "A component alone grants nothing: the verb says what the workload may do with it.",
    "GS1403": "Two grants, or a grant and `environment`, give one variable different values.",
}


@dataclass(slots=True)
class Entry:
    """What the source says about a code."""

    summaries: dict[str, None] = field(default_factory=dict[str, None])
    notes: dict[str, None] = field(default_factory=dict[str, None])


def _text(node: ast.AST | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left) + _text(node.right)
    if isinstance(node, ast.IfExp):
        return _text(node.body)
    return ""


def _code(node: ast.AST, constants: dict[str, str]) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
        return node.value
    return constants.get(node.id, "") if isinstance(node, ast.Name) else ""


def _uses(tree: ast.AST, constants: dict[str, str]) -> Iterator[tuple[str, list[ast.expr], dict[str, Any]]]:
    """Every call and table row that names a code, with what follows it."""
    for node in ast.walk(tree):
        items = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.Tuple | ast.List) else []
        named = {item.arg: item.value for item in node.keywords if item.arg} if isinstance(node, ast.Call) else {}
        for index, item in enumerate(items):
            code = _code(item, constants)
            if code:
                yield code, items[index + 1:], named
                break


def used_codes() -> dict[str, Entry]:
    """Every code that the source names, with the texts that go with it."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "groundsill").rglob("*.py"))]
    constants: dict[str, str] = {}
    entries: dict[str, Entry] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
                entries.setdefault(node.value, Entry())
        for node in getattr(tree, "body", []):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _code(node.value, {}):
                constants[node.targets[0].id] = _code(node.value, {})
    for tree in trees:
        for code, after, named in _uses(tree, constants):
            texts = [text for text in map(_text, after) if text and not _REGULAR_EXPRESSION.search(text)]
            if not texts:
                continue
            entries[code].summaries[texts[0]] = None
            notes = [*texts[1:], _text(named.get("detail")), _text(named.get("mend"))]
            entries[code].notes.update(dict.fromkeys(note for note in notes if len(note.replace("…", "").split()) > 1))
    return dict(sorted(entries.items()))


def documented_codes() -> set[str]:
    """Every code that has a heading on the page."""
    return set(re.findall(r"^### (GS\d{4})$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))


def examples() -> dict[str, str]:
    """What a user sees, by code, from a definition with one mistake of each kind."""
    _, diagnostics = load_system(MISTAKES).examine("dev", {"tasks": "many"})
    shown: dict[str, str] = {}
    for item in diagnostics:
        shown.setdefault(item.code, re.sub(r"at /\S*/system", "at system", item.render(MISTAKES.parent)))
    return shown


def page() -> str:
    """The whole page."""
    entries, shown = used_codes(), examples()
    lines = [
        "# Errors",
        "",
        "Each error has a stable code, a constant summary, the line of your file, and what to do. All errors of a definition",
        "come in one run. `--json` gives the same as data. `…` stands for what differs from case to case.",
    ]
    for prefix in sorted({code[2:4] for code in entries}):
        title, about = SECTIONS.get(prefix, (f"GS{prefix}", ""))
        lines += ["", f"## {title}", "", about]
        for code, entry in entries.items():
            if code[2:4] != prefix:
                continue
            lines += ["", f"### {code}", ""]
            lines += [f"**{summary}**  " for summary in list(entry.summaries)[:3]]
            if code in MEANINGS:
                lines += ["", MEANINGS[code]] if entry.summaries else [MEANINGS[code]]
            notes = [note.strip() for note in entry.notes if note.strip()]
            if notes:
                lines += ["", *[f"- {note}" for note in notes[:4]]]
            if code in shown:
                lines += ["", "```text", shown[code], "```"]
    return "\n".join(line.rstrip() if not line.endswith("**  ") else line for line in lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
