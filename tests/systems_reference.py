"""Writes docs/systems.md: the lines of each system.py beside the lines of Terraform that the same resources take.

    python -m tests.systems_reference
"""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundsill.definition.running import load_system
from groundsill.graph import Graph, JsonDocument, resolve

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "systems.md"
_WIDEST = 100  # a list that is longer is written one item a line
_OWN_TAGS = {"System", "Stage", "Component", "ManagedBy"}  # a writer has the provider add those: `default_tags`
_SETTINGS = 14  # the blocks `terraform` and `provider`, with a backend and default tags
_VARIABLE, _OUTPUT = 5, 5  # block, type or value, description, and a blank line


@dataclass(frozen=True)
class Document:
    """What the document that a system was described in says about its Terraform.

    Arguments:
        folders: folders of the system's definitions below `systems/`.
        files: the files of its list.
    """

    folders: tuple[str, ...]
    files: str


# From the file list of each document; only one of them states a number of lines.
DOCUMENTS: Mapping[str, Document] = {
    "OpenMetabolics": Document(("open_metabolics",),
                               "`main.tf` with all resources, `variables.tf`, `outputs.tf`, and a policy in JSON"),
    "AI Nutritionist": Document(("ai_nutritionist", "ai_nutritionist/account"),
                                "17 files, of which `variables.tf` alone has \"450+ lines\""),
    "ImageUnderstander": Document(("image_understander",), "7 modules, and a root of 4 files for each of 3 environments"),
    "Multitask": Document(("multitask",), "4 files at the root and 10 modules, beside Serverless and SST files"),
    "Parrot": Document(("parrot",), "5 modules, a root of 3 files for each environment, and 3 files beside them"),
}


def code_lines(path: Path) -> int:
    """Lines of a Python file that hold code: without blank lines, comments and docstrings."""
    held: set[int] = set()
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING,
               tokenize.ENDMARKER}
    before = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        docstring = token.type == tokenize.STRING and before in (tokenize.NEWLINE, tokenize.INDENT, tokenize.ENCODING)
        if token.type not in skipped and not docstring:
            held.update(range(token.start[0], token.end[0] + 1))
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            before = token.type
    return len(held)


def _value(value: Any) -> int:
    """Lines that a value takes, the one that its name is on included."""
    if isinstance(value, JsonDocument):
        value = value.content
    if isinstance(value, Mapping):
        return 2 + sum(_value(item) for item in value.values()) if value else 1
    if isinstance(value, list | tuple | set | frozenset):
        if any(isinstance(item, Mapping) for item in value):
            return 2 + sum(_value(item) for item in value)
        return 1 if len(str(list(value))) <= _WIDEST else 2 + len(value)
    return 1


def _arguments(arguments: Mapping[str, Any]) -> int:
    lines = 0
    for name, value in arguments.items():
        if name == "tags" and isinstance(value, Mapping):
            value = {key: item for key, item in value.items() if key not in _OWN_TAGS}
            if not value:
                continue
        if value is None:
            continue
        if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
            lines += sum(2 + _arguments(item) for item in value)  # one nested block each
        else:
            lines += _value(value)
    return lines


def terraform_lines(graph: Graph) -> int:
    """Lines of Terraform's language that a graph takes, as `terraform fmt` writes it: one argument a line, no loops."""
    lines = _SETTINGS + _VARIABLE * len(graph.variables) + _OUTPUT * len(graph.outputs)
    for resource in graph:
        arguments = resolve(resource.arguments, lambda reference: reference.expression, json_text=False)
        lifecycle = 3 if resource.lifecycle else 0
        lines += 3 + _arguments(arguments) + lifecycle + bool(resource.depends_on)
    return lines


def rows() -> Iterable[str]:
    """One row a system, of its production stage."""
    for name, document in DOCUMENTS.items():
        paths = [ROOT / "systems" / folder for folder in document.folders]
        graphs = [load_system(path).build("prod") for path in paths]
        code = sum(code_lines(path / "system.py") for path in paths)
        whole = sum(len((path / "system.py").read_text(encoding="utf-8").splitlines()) for path in paths)
        lines = sum(map(terraform_lines, graphs))
        resources = sum(1 for graph in graphs for resource in graph if not resource.data)
        yield f"| {name} | {whole} | {code} | {resources} | {lines:,} | {lines / code:.0f} | {document.files} |"


def page() -> str:
    """The whole page."""
    return "\n".join([
        "# Five systems",
        "",
        "Each of the systems in `systems/` was described in a document before, with the architecture and the Terraform files",
        "that it takes. Here is how much each takes as a definition, beside what the same resources take in Terraform.",
        "",
        "| system | lines of `system.py` | of them code | resources in `prod` | lines of Terraform | times | document's files |",
        "|---|---|---|---|---|---|---|",
        *rows(),
        "",
        "How it is counted:",
        "",
        "- *Code* leaves out blank lines, comments and docstrings. The settings class, with its validation, is counted.",
        "- *Lines of Terraform* are computed from the resources of the production stage, as `terraform fmt` would write them:",
        "  one argument a line, nested blocks, policies by `jsonencode`, a blank line between blocks, variables and outputs",
        "  with their descriptions. Tags that a provider's `default_tags` adds are not counted. It is a second measure: the",
        "  documents name their files and not, with one exception, their lines.",
        "- There are no loops in it. A writer who uses `for_each` and modules needs fewer lines for things of one kind, and",
        "  more for the variables and outputs of each module, none of which are counted.",
        "- One definition covers every stage and tier; the Terraform is that of one stage.",
        "",
        "The page is written by `python -m tests.systems_reference`, and a test keeps it current.",
    ]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
