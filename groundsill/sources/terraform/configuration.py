"""The files of a module: what it declares, before anything is worked out.

Source: Terraform documentation, "Files and Configuration Structure" and "Override Files".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from groundsill.aws.schema import Block as SchemaBlock
from groundsill.aws.schema import type_schema
from groundsill.graph.diagnostics import Diagnostic, Diagnostics, Severity
from groundsill.graph.source import SourceLocation
from groundsill.sources.hcl.bodies import parse_file
from groundsill.sources.hcl.json_bodies import parse_json_file
from groundsill.sources.hcl.source import SourceText
from groundsill.sources.hcl.syntax import Attribute, Block, Body, Expression, Index, Literal, Name

SUFFIXES = (".tf", ".tf.json", ".tofu", ".tofu.json")
_OVERRIDE = re.compile(r"(^|.*_)override\.(tf|tofu)(\.json)?")
_IGNORE = re.compile(r"groundsill:ignore\b[ \t]*([\w-]*)[ \t:,-]*(.*?)\s*(?:\*/)?$")
LARGEST_FILE = 16 * 1024 * 1024
MOST_FILES = 2_000
_LABELS = {"resource": 2, "data": 2, "ephemeral": 2, "variable": 1, "output": 1, "module": 1, "provider": 1}


@dataclass(frozen=True, slots=True)
class Ignored:
    """A comment ``# groundsill:ignore RULE reason`` at a resource.

    Arguments:
        rule: id of the rule.
        reason: in the user's words.
        location: its line.
    """

    rule: str
    reason: str
    location: SourceLocation


@dataclass(slots=True)
class Module:
    """What the files of one folder declare.

    Arguments:
        folder: absolute.
        label: the folder as the user would name it, relative to the root module; ``.`` for the root itself.
        texts: of the files that were read.
    """

    folder: Path
    label: str
    variables: dict[str, Block] = field(default_factory=dict[str, Block])
    locals: dict[str, Expression] = field(default_factory=dict[str, Expression])
    resources: dict[str, Block] = field(default_factory=dict[str, Block])
    calls: dict[str, Block] = field(default_factory=dict[str, Block])
    outputs: dict[str, Block] = field(default_factory=dict[str, Block])
    providers: list[Block] = field(default_factory=list[Block])
    settings: list[Block] = field(default_factory=list[Block])
    moved: list[Block] = field(default_factory=list[Block])
    ignored: dict[str, list[Ignored]] = field(default_factory=dict[str, list[Ignored]])
    texts: list[str] = field(default_factory=list[str])


def address_of(block: Block) -> str:
    """The address of a resource's or a data source's block inside its module."""
    prefix = "" if block.type == "resource" else f"{block.type}."
    return f"{prefix}{block.labels[0]}.{block.labels[1]}"


def static_path(expression: Expression | None) -> list[str | int]:
    """The steps of a reference that is not evaluated, as ``depends_on`` and ``provider`` hold; empty where it is none."""
    steps: list[str | int] = []
    while expression is not None:
        if isinstance(expression, Attribute):
            steps.append(expression.name)
            expression = expression.of
        elif isinstance(expression, Index) and isinstance(expression.key, Literal) \
                and isinstance(expression.key.value, str | int):
            steps.append(expression.key.value)
            expression = expression.of
        elif isinstance(expression, Name):
            return [expression.name, *reversed(steps)]
        elif isinstance(expression, Literal) and isinstance(expression.value, str) and not steps:
            return [*re.findall(r"[^.\[\]\"]+", expression.value)]
        else:
            return []
    return []


class Loader:
    """Reads modules' folders, each once.

    Arguments:
        root: the root module's folder.
        diagnostics: receives what is wrong.
    """

    def __init__(self, root: Path, diagnostics: Diagnostics) -> None:
        self.root = root
        self._diagnostics = diagnostics
        self._modules: dict[Path, Module] = {}
        self._files = 0

    def load(self, folder: Path) -> Module | None:
        """The module of a folder; None where no folder or no Terraform file is there."""
        folder = folder.resolve()
        if folder not in self._modules:
            files = self._files_of(folder)
            if not files:
                return None
            module = Module(folder, _label(folder, self.root))
            for path in files:
                self._read(module, path)
            self._modules[folder] = module
        return self._modules[folder]

    @property
    def folders(self) -> list[Path]:
        """Folders of every module so far."""
        return list(self._modules)

    def _files_of(self, folder: Path) -> list[Path]:
        try:
            files = sorted(path for path in folder.iterdir()
                           if path.name.endswith(SUFFIXES) and not path.name.startswith(".") and path.is_file())
        except OSError:
            return []
        self._files += len(files)
        if self._files > MOST_FILES:
            self._report("GS4020", "there are more files than can be read", None, f"at most {MOST_FILES:,}")
            return files[: max(len(files) - (self._files - MOST_FILES), 0)]
        return [path for path in files if not _OVERRIDE.fullmatch(path.name)] + [
            path for path in files if _OVERRIDE.fullmatch(path.name)]

    def _read(self, module: Module, path: Path) -> None:
        text = self.text(path)
        if text is None:
            return
        module.texts.append(text)
        source = SourceText(str(path), text)
        body, errors = parse_json_file(source, is_nested_block) if path.name.endswith(".json") else parse_file(source)
        for error in errors:
            # A negative offset is a line: inside a string of JSON there is nothing finer.
            at = SourceLocation(str(path), -error.offset) if error.offset < 0 else source.location(error.offset)
            self._report("GS4010", "this cannot be read as Terraform", at, error.detail)
        self._declare(module, body, override=_OVERRIDE.fullmatch(path.name) is not None)
        self._note_ignored(module, source, body)

    def text(self, path: Path) -> str | None:
        """A file's text; None, with a diagnostic, where it cannot be had."""
        try:
            if path.stat().st_size > LARGEST_FILE:
                self._report("GS4011", f"{path.name} is too large", None, f"at most {LARGEST_FILE:,} bytes are read")
                return None
            return path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            self._report("GS4011", f"{path.name} is not UTF-8", SourceLocation(str(path), 1))
        except OSError as error:
            self._report("GS4011", f"{path.name} cannot be read", None, str(error))
        return None

    # -- declarations --------------------------------------------------------------------------------------------------

    def _declare(self, module: Module, body: Body, *, override: bool) -> None:
        for block in body.blocks:
            if len(block.labels) != _LABELS.get(block.type, len(block.labels)):
                self._report("GS4026", f"a `{block.type}` block takes {_LABELS[block.type]} names and not {len(block.labels)}",
                             block.location)
                continue
            match block.type:
                case "resource" | "data" | "ephemeral":
                    self._keep(module.resources, address_of(block), block, override)
                case "variable":
                    self._keep(module.variables, block.labels[0], block, override)
                case "output":
                    self._keep(module.outputs, block.labels[0], block, override)
                case "module":
                    self._keep(module.calls, block.labels[0], block, override)
                case "locals":
                    self._locals(module, block, override)
                case "provider":
                    self._provider(module, block, override)
                case "terraform":
                    module.settings.append(block)
                case "moved":
                    module.moved.append(block)
                case "import" | "removed" | "check":
                    pass
                case _:
                    self._report("GS4026", f"Terraform has no block `{block.type}`", block.location)
        for name, expression in body.attributes.items():
            self._report("GS4026", f"`{name}` stands outside of every block", expression.location)

    def _keep(self, found: dict[str, Block], name: str, block: Block, override: bool) -> None:
        first = found.get(name)
        if first is None:
            found[name] = block
        elif override:
            _override(first, block)
        else:
            self._report("GS4026", f"{block.type} `{name}` is declared twice", block.location,
                         f"the first one is at {first.location}")

    def _locals(self, module: Module, block: Block, override: bool) -> None:
        for name, expression in block.body.attributes.items():
            if name in module.locals and not override:
                self._report("GS4026", f"local `{name}` is declared twice", expression.location)
            else:
                module.locals[name] = expression

    def _provider(self, module: Module, block: Block, override: bool) -> None:
        same = next((item for item in module.providers if override and item.labels == block.labels
                     and static_path(item.body.attributes.get("alias")) == static_path(block.body.attributes.get("alias"))),
                    None)
        if same is None:
            module.providers.append(block)
        else:
            _override(same, block)

    def _note_ignored(self, module: Module, source: SourceText, body: Body) -> None:
        lines = {line for line, _ in source.comments}
        for line, text in source.comments:
            match = _IGNORE.search(text)
            if match is None:
                continue
            block = next((block for block in body.blocks if _belongs(line, block, lines)), None)
            at = SourceLocation(source.file, line)
            if block is None or block.type not in ("resource", "data") or len(block.labels) != 2:
                self._report("GS4028", "a `groundsill:ignore` comment stands at no resource", at,
                             mend="write it inside the resource's block or right above it", severity=Severity.WARNING)
            elif not match[1] or not match[2]:
                self._report("GS4028", "a `groundsill:ignore` comment gives no reason", at,
                             mend="write: # groundsill:ignore RULE the reason why this is so", severity=Severity.WARNING)
            else:
                module.ignored.setdefault(address_of(block), []).append(Ignored(match[1], match[2], at))

    def _report(
        self, code: str, summary: str, location: SourceLocation | None, detail: str = "", mend: str = "",
        severity: Severity = Severity.ERROR,
    ) -> None:
        self._diagnostics.add(Diagnostic(code, summary, location, "", detail, mend, severity))


def _belongs(line: int, block: Block, comments: set[int]) -> bool:
    """Whether a comment stands inside a block, or right above it with nothing but such comments between."""
    if block.location.line <= line <= block.last_line:
        return True
    return line < block.location.line and all(between in comments for between in range(line, block.location.line))


def _override(first: Block, block: Block) -> None:
    """Merge a block of an override file: its arguments and its kinds of nested blocks replace those that are there."""
    first.body.attributes.update(block.body.attributes)
    kinds = {inner.type for inner in block.body.blocks}
    first.body.blocks = [inner for inner in first.body.blocks if inner.type not in kinds] + block.body.blocks


def _label(folder: Path, root: Path) -> str:
    import os

    return Path(os.path.relpath(folder, root)).as_posix()


def is_nested_block(type: str, data: bool, path: tuple[str, ...]) -> bool:
    """Whether a name inside a type, reached through nested blocks, is a nested block itself."""
    schema: SchemaBlock | None = type_schema(type, data=data)
    for name in path:
        if schema is None or not schema.has_block(name):
            return False
        nested = schema.nested(name)
        if nested.nesting == "map":
            return False
        schema = nested.block
    return True


def meta_blocks(body: Body, type: str) -> Iterator[Block]:
    """Blocks of a type that Terraform itself reads, such as ``lifecycle``."""
    return (block for block in body.blocks if block.type == type)


def kind_of(block: Block) -> tuple[str, Body]:
    """The label of a block that has one, also where JSON has it as a key, and what belongs to it."""
    if block.labels:
        return block.labels[0], block.body
    if block.body.blocks:
        return block.body.blocks[0].type, block.body.blocks[0].body
    return next(iter(block.body.attributes), ""), Body()
