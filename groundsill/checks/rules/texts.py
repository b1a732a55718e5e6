"""Texts that belong to somebody, or were spoilt on their way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from groundsill.checks.context import Context
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import literal_parts
from groundsill.graph.reference import JsonDocument
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping

RULES = Ruleset(Family.DEPLOYS)
_LONGEST = 20_000
# Users that machines' images have, and folders below /home that are nobody's.
_NOBODY = ("ec2-user", "ubuntu", "admin", "debian", "fedora", "centos", "rocky", "ssm-user", "bitnami", "user", "app", "node",
           "runner", "vscode", "appuser", "nonroot", "deploy", "linuxbrew", "sbx_user1051")
_HOME = re.compile(r"(?:^|[\s\"'=:])(?:file://)?((?:/Users/|/home/|[A-Za-z]:\\\\?Users\\\\?)([A-Za-z][\w.-]*)[/\\\\][^\s\"']*)")
_NOT_ON_A_MACHINE = ("user_data", "user_data_base64", "container_definitions", "buildspec", "content")
_MAIL = re.compile(r"^[\w.+-]+@[\w-]+(\.[\w-]+)+$")
_EXAMPLES = re.compile(r"@(.*\.)?(example\.(com|org|net)|[\w.-]*\.(example|invalid|test|localhost))$")
# UTF-8 read as Windows-1252: the first byte of two, three or four as its letter, the following ones as theirs.
_GARBLED = re.compile("[\u00c3\u00c2][\u0080-\u00bf\u2018-\u2026\u20ac\u2122]|\u00e2\u20ac[\u0080-\u00ff\u2018-\u2122]"
                      "|\u00f0\u0178|\ufffd")


def _texts(resource: Resource) -> Iterator[tuple[str, str]]:
    for argument, value in resource.arguments.items():
        yield from ((argument, item) for item in _inside(value))


def _inside(value: Any) -> Iterator[str]:
    if isinstance(value, JsonDocument):
        yield from _inside(value.content)
    elif isinstance(value, str):
        yield from (part for part in literal_parts(value) if len(part) <= _LONGEST)
    elif is_mapping(value):
        for key, item in value.items():
            yield from _inside(key)
            yield from _inside(item)
    elif is_list(value):
        for item in value:
            yield from _inside(item)


@RULES.rule(
    "path-on-somebodys-machine", Severity.MEDIUM, "a path leads into the home folder of one person",
    rationale="It exists on that person's machine alone: elsewhere the plan fails, or packs something else; and it tells "
              "their name to everybody who reads the configuration.",
    mend="write it relative to the project: ${path.module}/...",
    example='filename = "/home/maria/shop/dist/api.zip"',
)
def home(context: Context) -> Found:
    for resource in context.graph:
        for argument, value in _texts(resource):
            match = _HOME.search(value) if argument not in _NOT_ON_A_MACHINE else None
            if match and match[2].lower() not in _NOBODY:
                yield Finding(resource, f"{argument} is {match[1]!r}", attribute=argument)
                break


@RULES.rule(
    "default-is-somebodys-address", Severity.LOW, "a variable has somebody's mail address as its default",
    rationale="Whoever copies the configuration writes to that person, or sends in their name, without noticing.",
    mend="give the variable no default: then Terraform asks for it",
    example='variable "sender" { default = "m.rossi@university.edu" }',
)
def mail(context: Context) -> Found:
    for variable in context.graph.variables.values():
        value = variable.default
        if isinstance(value, str) and _MAIL.match(value) and not _EXAMPLES.search(value):
            yield Finding(None, f"`{variable.name}` is {value!r} unless somebody says otherwise", place=variable.location)


@RULES.rule(
    "text-garbled", Severity.LOW, "a text was read in the wrong encoding",
    rationale="UTF-8 that was read as Windows-1252 and saved again: names and descriptions are shown like this everywhere, and "
              "many arguments take ASCII alone.",
    mend="write the text anew, in a file that is UTF-8",
    example='description = "Caf\u00c3\u00a9"',
)
def garbled(context: Context) -> Found:
    for resource in context.graph:
        if resource.data:
            continue
        for argument, value in _texts(resource):
            match = _GARBLED.search(value)
            if match:
                start = max(match.start() - 12, 0)
                yield Finding(resource, f"{argument} holds {value[start:match.end() + 12]!r}", attribute=argument)
                break
