"""Texts that belong to somebody, or were spoilt on their way."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from groundsill.checks.context import Context
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import literal_parts
from groundsill.graph.resource import Resource

RULES = Ruleset(Family.DEPLOYS)
_LONGEST = 20_000
# Users that machines' images have, and folders below /home that are nobody's.
_NOBODY = ("ec2-user", "ubuntu", "admin", "debian", "fedora", "centos", "rocky", "ssm-user", "bitnami", "user", "app", "node",
           "runner", "vscode", "appuser", "nonroot", "deploy", "linuxbrew", "sbx_user1051")
_HOME = r"(?:^|[\s\"'=:])(?:file://)?((?:/Users/|/home/|[A-Za-z]:\\\\?Users\\\\?)([A-Za-z][\w.-]*)[/\\\\][^\s\"']*)"
_NOT_ON_A_MACHINE = ("user_data", "user_data_base64", "container_definitions", "buildspec", "content")
_MAIL = r"^[\w.+-]+@[\w-]+(\.[\w-]+)+$"
_EXAMPLES = r"@(.*\.)?(example\.(com|org|net)|[\w.-]*\.(example|invalid|test|localhost))$"
# UTF-8 read as Windows-1252: the first byte of two, three or four as its letter, the following ones as theirs.
_BYTES = "\u00c3\u00c2\u00e2\u00f0\ufffd"  # what a garbled letter begins with
_GARBLED = ("[\u00c3\u00c2][\u0080-\u00bf\u2018-\u2026\u20ac\u2122]|\u00e2\u20ac[\u0080-\u00ff\u2018-\u2122]"
            "|\u00f0\u0178|\ufffd")


def _matching(context: Context, pattern: str, may: Callable[[str], bool]) -> Iterator[tuple[Resource, str, re.Match[str]]]:
    """Where a pattern is found in the texts of resources: once an argument, among the texts that may have it at all."""
    seen: set[tuple[str, str]] = set()
    for resource, argument, _, text in context.texts_where(may):
        if (resource.address, argument) in seen:
            continue
        match = next((match for part in literal_parts(text) if len(part) <= _LONGEST and (match := re.search(pattern, part))),
                     None)
        if match:
            seen.add((resource.address, argument))
            yield resource, argument, match


@RULES.rule(
    "path-on-somebodys-machine", Severity.MEDIUM, "a path leads into the home folder of one person",
    rationale="It exists on that person's machine alone: elsewhere the plan fails, or packs something else; and it tells "
              "their name to everybody who reads the configuration.",
    mend="write it relative to the project: ${path.module}/...",
    example='filename = "/home/maria/shop/dist/api.zip"',
)
def home(context: Context) -> Found:
    for resource, argument, match in _matching(context, _HOME, lambda text: "Users" in text or "/home/" in text):
        if argument not in _NOT_ON_A_MACHINE and match[2].lower() not in _NOBODY:
            yield Finding(resource, f"{argument} is {match[1]!r}", attribute=argument)


@RULES.rule(
    "default-is-somebodys-address", Severity.LOW, "a variable has somebody's mail address as its default",
    rationale="Whoever copies the configuration writes to that person, or sends in their name, without noticing.",
    mend="give the variable no default: then Terraform asks for it",
    example='variable "sender" { default = "m.rossi@university.edu" }',
)
def mail(context: Context) -> Found:
    for variable in context.graph.variables.values():
        value = variable.default
        if isinstance(value, str) and re.match(_MAIL, value) and not re.search(_EXAMPLES, value):
            yield Finding(None, f"`{variable.name}` is {value!r} unless somebody says otherwise", place=variable.location)


@RULES.rule(
    "text-garbled", Severity.LOW, "a text was read in the wrong encoding",
    rationale="UTF-8 that was read as Windows-1252 and saved again: names and descriptions are shown like this everywhere, and "
              "many arguments take ASCII alone.",
    mend="write the text anew, in a file that is UTF-8",
    example='description = "Caf\u00c3\u00a9"',
)
def garbled(context: Context) -> Found:
    for resource, argument, match in _matching(
        context, _GARBLED, lambda text: not text.isascii() and any(byte in text for byte in _BYTES),
    ):
        if not resource.data:
            near = match.string[max(match.start() - 12, 0):match.end() + 12]
            yield Finding(resource, f"{argument} holds {near!r}", attribute=argument)
