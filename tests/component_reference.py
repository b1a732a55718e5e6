"""Writes docs/components/: a page for each family of components, from their docstrings, signatures and graphs.

    python -m tests.component_reference
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

from groundsill import Stage
from groundsill import components as c
from groundsill.components.roles import verbs_of
from groundsill.definition.component import Component
from groundsill.definition.grant import Grant
from groundsill.graph import Graph
from tests.component_examples import every_component
from tests.component_support import build
from tests.tiers_reference import changes

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "components"
FAMILIES: dict[str, str] = c._FAMILIES
_HEADINGS = ("Arguments", "Returns", "Raises", "Verbs for `uses`", "Resources created", "Costs", "Example", "Source")
_SECTION = re.compile(rf"^({'|'.join(map(re.escape, _HEADINGS))}):[ \n]", re.MULTILINE)
_WORDS = {"Apis": "HTTP APIs", "Cdn": "CDN", "Dns": "DNS", "Rest apis": "REST APIs", "Web acls": "Web ACLs",
          "Websockets": "WebSocket APIs"}
_TIERS = (("basic", "standard"), ("standard", "enterprise"))


@dataclass
class Doc:
    """A docstring in its sections."""

    about: str = ""
    sections: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def arguments(self) -> dict[str, str]:
        """What is said of each argument, by name."""
        text = inspect.cleandoc("\n" + self.sections.get("Arguments", ""))
        found = re.findall(r"^(\w+): (.*?)(?=^\w+: |\Z)", text, re.MULTILINE | re.DOTALL)
        return {name: " ".join(said.split()) for name, said in found}


def doc_of(thing: Any) -> Doc:
    """The docstring of a class, function or method; what comes after a section's last line belongs to what it is about."""
    text = inspect.getdoc(thing) or ""
    doc = Doc()
    places = [*_SECTION.finditer(text)]
    doc.about = text[: places[0].start()].strip() if places else text.strip()
    for index, place in enumerate(places):
        end = places[index + 1].start() if index + 1 < len(places) else len(text)
        inside = text[place.end(): end]
        if place[1] in ("Arguments", "Returns", "Raises", "Example"):
            # Indented lines alone: a paragraph between two sections says more about the whole.
            taken = re.match(r"(?:[ \t]+.*\n?|\n)*", inside)
            assert taken is not None
            rest = inside[taken.end():].strip()
            inside = taken[0]
            doc.about += f"\n\n{rest}" if rest else ""
        doc.sections[place[1]] = inside.rstrip()
    return doc


def paragraph(text: str) -> str:
    """A docstring's text as Markdown: lines joined, names of components linked, literals in single back ticks."""
    joined = "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip()))
    single = re.sub(r"``([^`]+)``", r"`\1`", joined)

    def linked(match: re.Match[str]) -> str:
        name = match[1]
        return f"[`{name}`]({FAMILIES[name]}.md#{name.lower()})" if name in FAMILIES else match[0]

    return re.sub(r"(?<!`)`([A-Za-z]+)`(?!`)", linked, single)


def type_of(annotation: str, names: dict[str, Any]) -> str:
    """A type as a reader wants it: choices written out."""
    parts: list[str] = []
    for part in annotation.split(" | "):
        choices = get_args(names.get(part))
        parts += [f"`{choice!r}`".replace("'", '"') for choice in choices] if choices and names.get(part) else [f"`{part}`"]
    return " or ".join(part for part in parts if part != "`None`")


def argument_rows(function: Callable[..., Any], doc: Doc) -> list[str]:
    """A table of a function's arguments: name, type, default, what it is for."""
    names = getattr(function, "__globals__", {})
    rows: list[str] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name == "self":
            continue
        default = "required" if parameter.default is parameter.empty else f"`{_default(parameter.default)}`"
        said = paragraph(doc.arguments.get(name, "")).replace("|", "\\|")
        kind = type_of(str(parameter.annotation), names).replace("|", "\\|")
        rows.append(f"| `{name}` | {kind} | {default} | {said} |")
    return ["| argument | type | default | |", "|---|---|---|---|", *rows] if rows else ["It takes no arguments."]


def _default(value: Any) -> str:
    if isinstance(value, Mapping) and not value:
        return "none"
    return repr(value).replace("'", '"')


@cache
def graph(tier: str = "basic", stage: str = "dev") -> tuple[Graph, dict[str, Component]]:
    """One of everything, and its components by name."""
    made: dict[str, Component] = {}

    def define(described: Stage) -> None:
        made.update(every_component(described).save.building.components)

    return build(define, stage, tier=tier, stages=dict.fromkeys(("dev", "prod"), "basic")), made


def of_kind(name: str, found: tuple[Graph, dict[str, Component]]) -> list[str]:
    """Names of the components of a class that the examples make."""
    return [component for component, made in found[1].items() if type(made).__name__ == name]


def created(name: str) -> set[str]:
    """Every type that components of a class are lowered to, whatever tier and stage."""
    types: set[str] = set()
    for tier, stage in (("basic", "dev"), ("enterprise", "dev"), ("enterprise", "prod")):
        found = graph(tier, stage)
        names = set(of_kind(name, found))
        types |= {resource.type for resource in found[0] if resource.component in names and not resource.data}
    return types


def _differences(name: str, before: tuple[Graph, dict[str, Component]], after: tuple[Graph, dict[str, Component]]) -> str:
    names = set(of_kind(name, after))

    def part(whole: Graph) -> Graph:
        chosen = Graph()
        for resource in whole:
            if resource.component in names:
                chosen.add(resource)
        return chosen

    by_type: dict[str, list[str]] = {}
    for type, argument in sorted(changes(part(before[0]), part(after[0]))):
        by_type.setdefault(type, []).append(argument)
    return ", ".join(f"`{type}`" + (f" ({', '.join(f'`{item}`' for item in items if item)})" if any(items) else "")
                     for type, items in by_type.items())


def tier_lines(name: str) -> list[str]:
    """What tiers and production change in what a component makes."""
    lines = [f"- `{higher}` beside `{lower}`: {found}" for lower, higher in _TIERS
             if (found := _differences(name, graph(lower), graph(higher)))]
    return lines or ["Every tier makes the same of it."]


def verb_rows(name: str) -> list[str]:
    """The verbs of a component: what each grants and passes, from a component of the examples."""
    kind = getattr(c, name)
    made = graph()[1]
    component = next((made[item] for item in of_kind(name, graph()) if verbs_of(made[item])), None)
    rows: list[str] = []
    if component is not None:
        own = component.terraform_name().upper().strip("_")
        for verb in (item.rpartition(".")[2] for item in verbs_of(component)):
            with component.building.active():
                try:
                    grant: Grant = getattr(component, verb)
                except Exception:
                    continue
            actions = sorted({action for statement in grant.statements for action in statement.actions})
            passed = sorted(item.replace(own, "<NAME>") for item in grant.environment)
            about = paragraph(doc_of(getattr(kind, verb)).about)
            network = "; opens the port" if grant.network else ""
            rows.append(f"| `{verb}` | {about}{network} | {', '.join(f'`{item}`' for item in actions) or 'none'} | "
                        f"{', '.join(f'`{item}`' for item in passed) or 'nothing'} |")
    return ["| verb | | rights | environment variables |", "|---|---|---|---|", *rows] if rows else []


def methods(name: str) -> list[tuple[str, Any]]:
    """The methods that a definition calls."""
    return [(method, member) for method, member in vars(getattr(c, name)).items()
            if hasattr(member, "__wrapped__") and not method.startswith("_")]


def entry(name: str) -> list[str]:
    """The part of a page about one name."""
    thing = getattr(c, name)
    doc = doc_of(thing)
    function = thing.__init__ if inspect.isclass(thing) else thing
    lines = [f"## {name}", "", paragraph(doc.about), "", "### Arguments", "", *argument_rows(function, doc)]
    if "Example" in doc.sections:
        example = inspect.cleandoc("\n" + doc.sections["Example"]).strip("`")
        lines += ["", "### Example", "", "```python", example, "```"]
    if inspect.isclass(thing) and issubclass(thing, Component):
        rows = verb_rows(name)
        more = paragraph(doc.sections.get("Verbs for `uses`", ""))
        lines += ["", "### Verbs for `uses`", "", *(rows or [more or "None: no workload uses it."])]
        if rows and more:
            lines += ["", more[0].upper() + more[1:]]
        for method, member in methods(name):
            inner = doc_of(member)
            lines += ["", f"### {name}.{method}", "", paragraph(inner.about), "", *argument_rows(member, inner)]
            if "Returns" in inner.sections:
                lines += ["", f"Returns: {paragraph(inner.sections['Returns'])}"]
        lines += ["", "### Resources created", "", _sentence(doc.sections.get("Resources created", "")), "",
                  "### Tiers", "", *tier_lines(name), "", "### Costs", "", _sentence(doc.sections.get("Costs", ""))]
    return lines


def _sentence(text: str) -> str:
    said = paragraph(text)
    return said[:1].upper() + said[1:]


def pages() -> dict[str, str]:
    """Every page by file name."""
    made: dict[str, str] = {}
    index = ["# Components", "",
             "AWS services with defaults that hold up, wired to each other by `uses`. Written from the docstrings and from what",
             "the code makes; `python -m tests.component_reference` writes them again, and a test keeps them current.", "",
             "Every component takes its name first, unique in the system, and `formerly=\"...\"` after a rename. Verbs go into",
             "`uses` of functions, services and machines: each grants exact rights, passes addresses as environment variables",
             "and opens the way over the network. `.env(\"NAME\")` renames what a verb passes.", ""]
    by_family: dict[str, list[str]] = {}
    for name in c.__all__:
        by_family.setdefault(FAMILIES[name], []).append(name)
    for family, names in sorted(by_family.items()):
        title = inspect.getdoc(import_module(f"groundsill.components.{family}")) or family
        head, _, rest = title.partition("\n\n")
        spoken = family.replace("_", " ").capitalize()
        spoken = _WORDS.get(spoken, spoken)
        lines = [f"# {spoken}", "", paragraph(head), *(["", paragraph(rest)] if rest else [])]
        for name in names:
            lines += ["", *entry(name)]
        made[f"{family}.md"] = "\n".join(line.rstrip() for line in lines) + "\n"
        index.append(f"- [{spoken}]({family}.md): {', '.join(f'`{name}`' for name in names)}. "
                     f"{paragraph(head)}")
    made["index.md"] = "\n".join(index) + "\n"
    return made


def write() -> None:
    """Write every page, and remove those of families that are gone."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    current = pages()
    for path in FOLDER.glob("*.md"):
        if path.name not in current:
            path.unlink()
    for file, text in current.items():
        (FOLDER / file).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
