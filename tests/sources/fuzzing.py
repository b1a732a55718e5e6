"""Junk for every reader: plans, Terraform files and definitions that are cut, doubled, nested, circular or of wrong types.

Everything follows from the number of the case, so that a case that fails can be looked at again.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parent / "fixtures"
# Python lines that hold one of these are hard to read either way.
# ruff: noqa: E501
_WORDS = [
    "var.x", "local.a", "module.m.o", "aws_vpc.main.id", "data.aws_region.current.name", "each.key", "count.index", "self.x",
    "null", "true", "-1", "1e300", "9" * 400, "1e9", '"${', '"%{ if }"', "<<EOT\n", "/*", "*/", "#", "{", "}", "[", "]", "(", ")",
    "=", "=>", "...", "?", ":", ".", ",", "\n", "\r\n", "\0", "\ue000", "\ue003", "é", "for", "in", "if", "[*]", ".*", "!", "&&",
    "range(1000000000)", "cidrsubnet(\"10.0.0.0/8\", 20, 1)", "jsonencode({", "jsondecode(", "file(\"/etc/passwd\")",
    "templatefile(\"../../x\", {})", "regex(\"(a+)+$\", \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\")", "format(\"%999999999d\", 1)",
    "setproduct(range(500), range(500), range(500))", "pow(10, 100000)", "lookup({}, null)", "flatten([[[[]]]])", "toset([[]])",
    "merge(null, [])", "element([], 3)", "slice([], 3, 1)", "concat(1, 2)", "\"a\" * 3", "1 / 0", "!null", "-\"x\"", "[for", "{for",
]
_JUNK: list[Any] = [
    None, True, False, 0, -1, 1.5, 1e300, 10**40, "", "x", "arn:aws:sqs:::x", "${", "${var.x}", "${aws_vpc.main[*].id}", "\0",
    "\ue000", "\ue000a\ue001", [], {}, [[]], [{}], {"": {}}, {"references": ["var.x", "each.value.id", "module.m.o", "["]},
    {"references": 3}, {"constant_value": {}}, ["a", 1, None], {"x": [None]}, "a" * 3000, "10.0.0.0/33", "vpc-0123456789abcdef0",
]


def case(number: int, folder: Path) -> Path:
    """Write a case; gives what is to be read."""
    random_ = random.Random(number)
    return _KINDS[number % len(_KINDS)](random_, folder)


# -- Terraform files ---------------------------------------------------------------------------------------------------


def mutated_files(random_: random.Random, folder: Path) -> Path:
    """The files of a fixture, of which some are changed in some places."""
    for path in sorted((FIXTURES / "shop").rglob("*")):
        if not path.is_file():
            continue
        text = path.read_text()
        if random_.random() < 0.4:
            text = _mutated(random_, text)
        target = folder / path.relative_to(FIXTURES / "shop")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode("utf-8", "surrogatepass") if random_.random() < 0.98 else text.encode("utf-16"))
    return folder


def _mutated(random_: random.Random, text: str) -> str:
    for _ in range(random_.choice([1, 1, 2, 3, 10])):
        at = random_.randrange(len(text) + 1)
        match random_.randrange(7):
            case 0:
                text = text[:at]
            case 1:
                text = text[:at] + text[at + random_.randrange(1, 60):]
            case 2:
                text = text[:at] + random_.choice(_WORDS) + text[at:]
            case 3:
                text = text[:at] + text[at : at + random_.randrange(400)] * random_.choice([1, 2, 30]) + text[at:]
            case 4:
                lines = text.split("\n")
                random_.shuffle(lines)
                text = "\n".join(lines)
            case 5:
                text = text[:at] + random_.choice("([{\"") * random_.choice([1, 70, 3000]) + text[at:]
            case _:
                words = text.split(" ")
                words[random_.randrange(len(words))] = random_.choice(_WORDS)
                text = " ".join(words)
        if len(text) > 2_000_000:
            break
    return text


def built_files(random_: random.Random, folder: Path) -> Path:
    """Files made of junk expressions in places where something is expected."""
    lines: list[str] = []
    for index in range(random_.randrange(1, 12)):
        value = expression(random_, 0)
        match random_.randrange(8):
            case 0:
                lines.append(f"locals {{\n  a{index} = {value}\n  b{index} = local.a{(index + 1) % 3}\n}}")
            case 1:
                kind = random_.choice(["string", "list(number)", "map(any)", "object({a = optional(string, 3)})", "3", "list("])
                lines.append(f'variable "v{index}" {{\n  type = {kind}\n  default = {value}\n}}')
            case 2:
                source, number = random_.choice(["./", ".", "./m", "../x", "a/b/c", "${x}"]), random_.choice(["1", "1e9", value])
                lines.append(f'module "m{index}" {{\n  source = "{source}"\n  x = {value}\n  count = {number}\n}}')
            case 3:
                lines.append(f'output "o{index}" {{\n  value = {value}\n}}')
            case 4:
                lines.append(
                    f'data "aws_iam_policy_document" "p{index}" {{\n  statement {{\n    actions = {value}\n'
                    f"    resources = {expression(random_, 1)}\n  }}\n"
                    f"  source_policy_documents = [data.aws_iam_policy_document.p{(index + 1) % 4}.json]\n}}")
            case 5:
                lines.append(
                    f'resource "aws_security_group" "g{index}" {{\n  dynamic "ingress" {{\n    for_each = {value}\n    content {{\n'
                    f"      from_port = ingress.value\n      security_groups = {expression(random_, 1)}\n    }}\n  }}\n}}")
            case _:
                kind = random_.choice(["aws_sqs_queue", "aws_vpc", "aws_subnet", "aws_nothing", "null_resource", "aws_s3_bucket"])
                number = random_.choice(["", f"  count = {value}\n", f"  for_each = {value}\n", "  count = 1000000000\n"])
                argument = random_.choice(["name", "vpc_id", "policy", "tags", "cidr_block", "nothing", "depends_on", "provider"])
                lines.append(f'resource "{kind}" "r{index % 4}" {{\n{number}  {argument} = {expression(random_, 0)}\n}}')
    (folder / "main.tf").write_text("\n".join(lines))
    if random_.random() < 0.3:
        (folder / "m").mkdir(exist_ok=True)
        (folder / "m" / "main.tf").write_text(
            f'module "up" {{\n  source = "../"\n}}\nvariable "x" {{}}\noutput "o" {{ value = {value} }}')
    return folder


def expression(random_: random.Random, depth: int) -> str:
    """A made-up expression."""
    if depth > 5 or random_.random() < 0.3:
        return random_.choice([*_WORDS[:40], "local.a0", "local.b1", "var.v1", "aws_sqs_queue.r0", "aws_vpc.r1.id", "module.m2.o",
                                             '"a ${local.a1} b"', "[1, 2]", '{ a = "b" }', "aws_subnet.r2[*].id"])
    inner = [expression(random_, depth + 1) for _ in range(3)]
    function = random_.choice(["merge", "concat", "length", "jsonencode", "flatten", "toset", "format", "join", "try", "lookup",
                               "keys", "values", "zipmap", "range", "setproduct", "cidrsubnet", "replace", "regexall", "coalesce",
                               "jsondecode", "split", "substr", "sum", "slice", "sort", "tolist", "one", "nothing", "file"])
    return random_.choice([
        f"[{inner[0]}, {inner[1]}]", f"{{ a = {inner[0]}, (\"b\") = {inner[1]} }}", f"{function}({inner[0]}, {inner[1]})",
        f"{function}({inner[0]})", f"{inner[0]} ? {inner[1]} : {inner[2]}", f"[for x in {inner[0]} : {inner[1]}]",
        f"{{for k, v in {inner[0]} : k => v if {inner[1]}}}", f"({inner[0]}) + {inner[1]}", f"({inner[0]}) == {inner[1]}",
        f"({inner[0]})[{inner[1]}]", f"({inner[0]}).a", f"({inner[0]})[*].b", f'"x ${{{inner[0]}}} y"', f"!({inner[0]})",
        f"({inner[0]}) && {inner[1]}",
    ])


def doubling_files(random_: random.Random, folder: Path) -> Path:
    """Small files that would become enormous, or never end."""
    count = random_.randrange(5, 60)
    form = random_.choice(['"${local.x%d}${local.x%d}"', "[local.x%d, local.x%d]", "concat(local.x%d, local.x%d)",
                           "{ a = local.x%d, b = local.x%d }", "setproduct(local.x%d, local.x%d)", "merge({x = local.x%d}, {y = local.x%d})"])
    lines = ['locals {', '  x0 = ["a", "b"]' if "concat" in form or "setproduct" in form else '  x0 = "aaaa"']
    lines += [f"  x{index + 1} = {form % (index, index)}" for index in range(count)]
    lines += ["}", f'resource "aws_ssm_parameter" "x" {{\n  name = "x"\n  type = "String"\n  value = jsonencode(local.x{count})\n}}',
              f'output "x" {{\n  value = local.x{count}\n}}']
    if random_.random() < 0.15:
        lines.append('resource "aws_sqs_queue" "many" {\n  count = 2000\n  name = "q${count.index}"\n}')
        lines.append('module "again" {\n  source = "./m"\n  count = 50\n}')
        (folder / "m").mkdir(exist_ok=True)
        (folder / "m" / "main.tf").write_text('resource "aws_sqs_queue" "q" {\n  count = 1000\n  name = "q"\n}')
    (folder / "main.tf").write_text("\n".join(lines))
    return folder


def mutated_json_files(random_: random.Random, folder: Path) -> Path:
    """A ``main.tf.json`` with junk at some places."""
    document = json.loads((FIXTURES / "small.tf.json").read_text())
    for _ in range(random_.choice([1, 2, 5])):
        document = _changed(random_, document, 0)
    text = json.dumps(document)
    if random_.random() < 0.2:
        text = _mutated(random_, text)
    (folder / "main.tf.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    return folder


# -- plans -------------------------------------------------------------------------------------------------------------


def mutated_plan(random_: random.Random, folder: Path) -> Path:
    """A plan with junk at some places."""
    document = json.loads((FIXTURES / random_.choice(["plan.json", "state.json"])).read_text())
    for _ in range(random_.choice([1, 1, 3, 20])):
        document = _changed(random_, document, 0)
    text = json.dumps(document)
    if random_.random() < 0.15:
        text = _mutated(random_, text)
    path = folder / "plan.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return path


def _changed(random_: random.Random, value: Any, depth: int) -> Any:
    """The value with one place of it changed."""
    if depth > 40 or not isinstance(value, dict | list) or not value or random_.random() < 0.06:
        if random_.random() < 0.1:
            return _nested(random_)
        return random_.choice(_JUNK)
    if isinstance(value, list):
        at = random_.randrange(len(value))
        match random_.randrange(8):
            case 0:
                return value[:at] + value[at + 1:]
            case 1:
                return value + value[at : at + 1] * random_.choice([1, 3, 200])
            case _:
                return [*value[:at], _changed(random_, value[at], depth + 1), *value[at + 1:]]
    key = random_.choice(list(value))
    match random_.randrange(10):
        case 0:
            return {name: item for name, item in value.items() if name != key}
        case 1:
            return {**value, random_.choice(["", "x", "id", "count", "module.m", "address", "\ue000"]): random_.choice(_JUNK)}
        case _:
            return {**value, key: _changed(random_, value[key], depth + 1)}


def _nested(random_: random.Random) -> Any:
    value: Any = "x"
    wrap: Callable[[Any], Any] = random_.choice([lambda inner: [inner], lambda inner: {"a": inner}])
    for _ in range(random_.choice([30, 90, 300])):
        value = wrap(value)
    return value


# -- definitions -------------------------------------------------------------------------------------------------------


def built_definition(random_: random.Random, folder: Path) -> Path:
    """A ``system.py`` whose components are given junk."""
    values = ["None", "True", "-1", "0", "10**30", "1.5", "''", "'x'", "'a' * 300", "'15m'", "'10.0.0.0/16'", "[]", "{}", "[[]]",
              "object()", "'\\x00'", "orders", "[orders.read]", "orders.read", "jobs.send", "jobs", "lambda: 3", "stage", "('a', 'b')",
              "'${var.x}'", "['Id']", "float('nan')", "range(3)", "network.private", "stage.setting('nothing')"]
    calls = {
        "Table": ["key", "indexes", "ttl", "stream", "name"], "Queue": ["visibility", "retention", "dead_letter", "max_receives", "fifo"],
        "Function": ["memory", "timeout", "uses", "environment", "runtime"], "HttpApi": ["cors", "authorizer", "stage"],
        "Bucket": ["versioned", "name", "expire"], "Network": ["cidr", "zones", "nat"], "UserPool": ["sign_in", "password"],
        "Topic": ["name"], "Schedule": ["every"], "Secret": ["value"], "Service": ["cpu", "memory", "port", "scale"], "Database": ["engine"],
    }
    lines = ["from groundsill import Stage, System", "from groundsill import components as c",
             "system = System({}, region={})".format(random_.choice(["'shop'", "'shop'", "'Shop!'", "None", "3"]),
                                                     random_.choice(["'us-east-1'", "'x'", "None"])),
             "@system.define", "def define(stage: Stage) -> None:",
             "    network = c.Network('main')", "    orders = c.Table('orders', key='Id')", "    jobs = c.Queue('jobs')"]
    for index in range(random_.randrange(1, 8)):
        name = random_.choice(list(calls))
        named = {argument: random_.choice(values) for argument in random_.sample(calls[name], random_.randrange(len(calls[name]) + 1))}
        first = random_.choice([f"'x{index}'", f"'x{index}'", "'orders'", "None", "''", "'A B'"])
        second = random_.choice(["", ", 'functions.a:b'", f", {random_.choice(values)}"])
        lines.append(f"    c.{name}({first}{second}{''.join(f', {key}={value}' for key, value in named.items())})")
    if random_.random() < 0.1:
        lines.append(random_.choice(["    raise ValueError('x')", "    1 / 0", "    return nothing", "  def", "    import nothing_here"]))
    (folder / "system.py").write_text("\n".join(lines))
    return folder


_KINDS: list[Callable[[random.Random, Path], Path]] = [
    *[mutated_files, built_files, mutated_plan, mutated_json_files, built_files, mutated_plan, built_files, built_definition] * 6,
    mutated_files, doubling_files,
]
