"""What a function's or a service's Python does for certain: variables that it reads, calls of AWS that it makes.

Only the code that is reached from the entry is looked at, by names that can be followed without running anything. What
cannot be followed is left out: nothing is guessed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_DEEPEST = 6
_LARGEST = 1_000_000
# Methods that run when an object of a class is made or used, without their names being written.
_ALWAYS = ("__init__", "__post_init__", "__call__", "__enter__", "__exit__")
Function = ast.FunctionDef | ast.AsyncFunctionDef
Node = tuple[str, str]
"""A module and the name of a function or class in it; an empty name for what runs when the module is imported."""


class Read(NamedTuple):
    """A variable that the code cannot do without.

    Arguments:
        name: of the variable.
        file: where it is read.
        line: in that file.
    """

    name: str
    file: Path
    line: int


class Call(NamedTuple):
    """A call of AWS.

    Arguments:
        service: as boto3 names it, for example ``sqs``.
        method: for example ``send_message``.
        file: where it is made.
        line: in that file.
    """

    service: str
    method: str
    file: Path
    line: int


class Module:
    """One file of the program.

    Arguments:
        name: dotted name.
        file: that it is.
        tree: its syntax.

    Attributes:
        functions: top-level functions by name.
        classes: top-level classes by name.
        imports: local name to module and name in it (an empty one for the module itself).
        values: names that are assigned once at the top level, and what.
    """

    def __init__(self, name: str, file: Path, tree: ast.Module) -> None:
        self.name = name
        self.file = file
        self.tree = tree
        self.functions: dict[str, Function] = {}
        self.classes: dict[str, ast.ClassDef] = {}
        self.imports: dict[str, Node] = {}
        self.values: dict[str, ast.expr] = {}


class Behaviour(NamedTuple):
    """What the code does for certain.

    Arguments:
        reads: variables that must be there.
        calls: of AWS.
        missing: why the entry was not found; empty where it was.
    """

    reads: tuple[Read, ...] = ()
    calls: tuple[Call, ...] = ()
    missing: str = ""


class Program:
    """The Python files below one folder, read as they are needed.

    Arguments:
        source: folder that the package's paths begin from.
        include: what of it is packed; a module outside is not the program's.
    """

    def __init__(self, source: Path, include: tuple[str, ...] = ()) -> None:
        self.source = source
        self.include = include
        self._modules: dict[str, Module | None] = {}
        self._handlers: dict[str, Behaviour] = {}

    def handler(self, handler: str) -> Behaviour:
        """What a Lambda handler does, for example ``functions.orders.save``; followed once for all rules."""
        if handler not in self._handlers:
            self._handlers[handler] = self._handler(handler)
        return self._handlers[handler]

    def _handler(self, handler: str) -> Behaviour:
        path, _, name = handler.rpartition(".")
        module = self.module(path.replace("/", "."))
        if module is None:
            return Behaviour(missing=f"there is no module {path!r} in what is packed")
        if name not in module.functions and name not in module.classes and name not in module.imports and \
                name not in module.values and not _defines(module, name):
            return Behaviour(missing=f"{path!r} has no {name!r}")
        return self._behaviour([(module.name, ""), (module.name, name)])

    def main(self, module: str) -> Behaviour:
        """What ``python -m module`` does."""
        found = self.module(f"{module}.__main__") or self.module(module)
        return self._behaviour([(found.name, "")], whole=True) if found else Behaviour(missing=f"there is no module {module!r}")

    def module(self, name: str) -> Module | None:
        """A module of the program; None for one that is not there or cannot be read."""
        if name not in self._modules:
            self._modules[name] = self._read(name)
        return self._modules[name]

    def _read(self, name: str) -> Module | None:
        parts = name.split(".")
        if not all(part.isidentifier() for part in parts):
            return None
        if self.include and not any(_inside(parts, path) for path in self.include):
            return None
        base = self.source.joinpath(*parts)
        for file in (base / "__init__.py", base.with_name(f"{base.name}.py")):
            if file.is_file() and file.stat().st_size <= _LARGEST:
                try:
                    tree = ast.parse(file.read_text(encoding="utf-8"))
                except (SyntaxError, ValueError, OSError, RecursionError):
                    return None
                return _indexed(Module(name, file, tree), package=file.name == "__init__.py")
        return None

    # -- what is reached -----------------------------------------------------------------------------------------------

    def _behaviour(self, entries: list[Node], *, whole: bool = False) -> Behaviour:
        reads: dict[str, Read] = {}
        calls: dict[tuple[str, str], Call] = {}
        seen: set[Node] = set()
        names: set[str] = set()
        waiting = list(entries)
        methods: list[tuple[str, Function]] = []
        while waiting:
            node = waiting.pop()
            module = self.module(node[0])
            if node in seen or module is None:
                continue
            seen.add(node)
            for part in self._parts(module, node[1], methods, whole=whole):
                names |= {item.attr for item in ast.walk(part) if isinstance(item, ast.Attribute)}
                self._look(module, part, reads, calls)
                waiting += self._leads(module, part)
            # A method runs where its name is used on something: that is as much as names can tell.
            for owner, method in [item for item in methods if item[1].name in names]:
                methods.remove((owner, method))
                holder = self.module(owner)
                if holder is not None:
                    names |= {item.attr for item in ast.walk(method) if isinstance(item, ast.Attribute)}
                    self._look(holder, method, reads, calls)
                    waiting += self._leads(holder, method)
        return Behaviour(tuple(reads.values()), tuple(calls.values()))

    def _parts(
        self, module: Module, name: str, methods: list[tuple[str, Function]], *, whole: bool,
    ) -> Iterator[ast.AST]:
        """The pieces of code that run for a node."""
        if not name:
            for statement in module.tree.body:
                if _is_main(statement):
                    if whole:
                        yield statement
                elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    yield statement
                else:
                    yield from statement.decorator_list
        elif name in module.functions:
            yield module.functions[name]
        elif name in module.classes:
            for item in module.classes[name].body:
                if not isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) or item.name in _ALWAYS:
                    yield item
                else:
                    methods.append((module.name, item))
        elif name in module.imports:
            yield ast.Name(name, ast.Load())

    def _leads(self, module: Module, part: ast.AST) -> Iterator[Node]:
        """Where code leads: modules that it imports, functions and classes that it names."""
        for item in ast.walk(part):
            if isinstance(item, ast.Import | ast.ImportFrom):
                for target in _imported(module, item, module.file.name == "__init__.py").values():
                    yield from self._ways(target)
            elif isinstance(item, ast.Name):
                if item.id in module.functions or item.id in module.classes:
                    yield module.name, item.id
                elif item.id in module.imports:
                    yield from self._ways(module.imports[item.id])
            elif isinstance(item, ast.Attribute) and isinstance(item.value, ast.Name):
                target = module.imports.get(item.value.id)
                if target is not None:
                    inner = self.module(_joined(target))
                    if inner is not None:
                        yield inner.name, item.attr

    def _ways(self, target: Node) -> Iterator[Node]:
        """A name imported from a module runs that module, and the packages around it."""
        inner = self.module(_joined(target)) if target[1] else None
        if inner is not None:
            target = (inner.name, "")
        parts = target[0].split(".")
        for index in range(1, len(parts) + 1):
            yield ".".join(parts[:index]), ""
        if target[1]:
            yield target

    # -- what it does --------------------------------------------------------------------------------------------------

    def _look(self, module: Module, part: ast.AST, reads: dict[str, Read], calls: dict[tuple[str, str], Call]) -> None:
        local = _assigned(part)
        for item in ast.walk(part):
            name = _required(item) if isinstance(item, ast.Subscript) else None
            if isinstance(item, ast.Call):
                name = self._required_by(module, item)
                if isinstance(item.func, ast.Attribute):
                    service = self._client(module, item.func.value, local, {}, 0)
                    if service:
                        calls.setdefault((service, item.func.attr), Call(service, item.func.attr, module.file, item.lineno))
            if name:
                reads.setdefault(name, Read(name, module.file, getattr(item, "lineno", 1)))

    def _required_by(self, module: Module, call: ast.Call) -> str | None:
        """The variable that a call of a helper reads: ``setting("QUEUE_URL")``, where ``setting`` fails without it."""
        found = self._function(module, call.func)
        if found is None or not call.args or not isinstance(call.args[0], ast.Constant):
            return None
        value = call.args[0].value
        function = found[1]
        if not isinstance(value, str) or not function.args.args:
            return None
        parameter = function.args.args[0].arg
        if any(_required(item, parameter) for item in ast.walk(function) if isinstance(item, ast.Subscript)):
            return value
        gets = any(isinstance(item, ast.Call) and _gets(item, parameter) for item in ast.walk(function))
        raises = any(isinstance(item, ast.Raise) for item in ast.walk(function))
        return value if gets and raises else None

    def _function(self, module: Module, expression: ast.expr) -> tuple[Module, Function] | None:
        if isinstance(expression, ast.Name):
            if expression.id in module.functions:
                return module, module.functions[expression.id]
            target = module.imports.get(expression.id)
        elif isinstance(expression, ast.Attribute) and isinstance(expression.value, ast.Name):
            owner = module.imports.get(expression.value.id)
            target = (_joined(owner), expression.attr) if owner else None
        else:
            return None
        other = self.module(target[0]) if target and target[1] else None
        if other is None or target is None or target[1] not in other.functions:
            return None
        return other, other.functions[target[1]]

    def _client(
        self, module: Module, expression: ast.expr, local: dict[str, ast.expr], given: dict[str, str], depth: int,
    ) -> str:
        """The service of which an expression is a client; ``dynamodb.Table`` for a table; empty where it is none."""
        if depth > _DEEPEST:
            return ""
        if isinstance(expression, ast.Name):
            value = local.get(expression.id)
            if value is not None:
                return self._client(module, value, {**local, expression.id: ast.Constant(None)}, given, depth + 1)
            if expression.id in module.values:
                return self._client(module, module.values[expression.id], {}, {}, depth + 1)
            target = module.imports.get(expression.id)
            other = self.module(target[0]) if target and target[1] else None
            if other is not None and target is not None and target[1] in other.values:
                return self._client(other, other.values[target[1]], {}, {}, depth + 1)
            return ""
        if not isinstance(expression, ast.Call):
            return ""
        made = expression.func
        if isinstance(made, ast.Attribute):
            if made.attr in ("client", "resource") and _is_boto(module, made.value):
                return _service(expression, given)
            if made.attr == "Table":
                owner = self._client(module, made.value, local, given, depth + 1)
                return "dynamodb.Table" if owner == "dynamodb" else ""
        found = self._function(module, made)
        if found is None:
            return ""
        other, function = found
        bound = {
            parameter.arg: argument.value for parameter, argument in zip(function.args.args, expression.args, strict=False)
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        }
        inner = _assigned(function)
        for item in ast.walk(function):
            if isinstance(item, ast.Return) and item.value is not None:
                service = self._client(other, item.value, inner, bound, depth + 1)
                if service:
                    return service
        return ""


def _indexed(module: Module, *, package: bool) -> Module:
    counts: dict[str, int] = {}
    for item in ast.walk(module.tree):
        if isinstance(item, ast.Import | ast.ImportFrom):
            module.imports.update(_imported(module, item, package))
    for statement in module.tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            module.functions[statement.name] = statement
        elif isinstance(statement, ast.ClassDef):
            module.classes[statement.name] = statement
        elif isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    counts[target.id] = counts.get(target.id, 0) + 1
                    module.values[target.id] = statement.value
    module.values = {name: value for name, value in module.values.items() if counts[name] == 1}
    return module


def _imported(module: Module, item: ast.Import | ast.ImportFrom, package: bool) -> dict[str, Node]:
    if isinstance(item, ast.Import):
        return {alias.asname or alias.name.split(".")[0]: (alias.name if alias.asname else alias.name.split(".")[0], "")
                for alias in item.names}
    base = item.module or ""
    if item.level:
        parts = module.name.split(".")
        parts = parts[: len(parts) - item.level + (1 if package else 0)]
        base = ".".join([*parts, base] if base else parts)
    return {alias.asname or alias.name: (base, alias.name) for alias in item.names if alias.name != "*"}


def _joined(target: Node) -> str:
    return ".".join(part for part in target if part)


def _inside(parts: list[str], path: str) -> bool:
    """Whether a module, or a package on the way to it, is below an included path; ``.`` includes everything."""
    wanted = [part for part in path.removesuffix(".py").split("/") if part not in ("", ".")]
    shorter = min(len(wanted), len(parts))
    return parts[:shorter] == wanted[:shorter]


def _defines(module: Module, name: str) -> bool:
    """Whether something inside ``if`` or ``try`` at the top level gives the name."""
    return any(
        (isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and item.name == name)
        or (isinstance(item, ast.Name) and item.id == name and isinstance(item.ctx, ast.Store))
        or (isinstance(item, ast.ImportFrom) and any(alias.name == "*" for alias in item.names))
        for item in ast.walk(module.tree)
    )


def _is_main(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test)


def _assigned(part: ast.AST) -> dict[str, ast.expr]:
    """Names that are assigned exactly once inside a piece of code, and what."""
    found: dict[str, list[ast.expr]] = {}
    for item in ast.walk(part):
        if isinstance(item, ast.Assign):
            for target in item.targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(item.value)
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def _required(item: ast.Subscript, parameter: str | None = None) -> str | None:
    """The variable of ``os.environ["NAME"]``; with a parameter, whether the parameter is the key."""
    if not isinstance(item.ctx, ast.Load) or not _is_environment(item.value):
        return None
    key = item.slice
    if parameter is not None:
        return parameter if isinstance(key, ast.Name) and key.id == parameter else None
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None


def _gets(call: ast.Call, parameter: str) -> bool:
    """Whether it is ``os.environ.get(parameter, ...)`` or ``os.getenv(parameter, ...)``."""
    made = call.func
    if not isinstance(made, ast.Attribute) or not call.args:
        return False
    right = (made.attr == "get" and _is_environment(made.value)) or (
        made.attr == "getenv" and isinstance(made.value, ast.Name) and made.value.id == "os")
    return right and isinstance(call.args[0], ast.Name) and call.args[0].id == parameter


def _is_environment(expression: ast.expr) -> bool:
    if isinstance(expression, ast.Name):
        return expression.id == "environ"
    return isinstance(expression, ast.Attribute) and expression.attr == "environ" and \
        isinstance(expression.value, ast.Name) and expression.value.id == "os"


def _is_boto(module: Module, expression: ast.expr) -> bool:
    if isinstance(expression, ast.Call):
        return isinstance(expression.func, ast.Attribute) and expression.func.attr == "Session" and \
            _is_boto(module, expression.func.value)
    return isinstance(expression, ast.Name) and module.imports.get(expression.id, ("", ""))[0] in ("boto3", "aioboto3")


def _service(call: ast.Call, given: dict[str, str]) -> str:
    if not call.args:
        return ""
    first = call.args[0]
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        return first.value
    return given.get(first.id, "") if isinstance(first, ast.Name) else ""
