"""The reference of checks, ``docs/checks.md``: every rule with its reason, its mend and an example.

Written anew with ``python -m tests.check_reference``; a test says where the page and the rules differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from groundsill.checks.rule import Family, Rule
from groundsill.checks.rules import every_rule

PAGE = Path(__file__).resolve().parents[1] / "docs" / "checks.md"
QUESTIONS = {
    Family.DEPLOYS: (
        "Will it deploy?",
        (
            "What makes an apply fail, often half-way: values that AWS refuses, things that do not fit "
            "together, versions that have ended."
        ),
    ),
    Family.RUNS: (
        "Will it run?",
        (
            "What is made without a word and does not work: no way to an image or a database, a missing right, a "
            "message that is lost."
        ),
    ),
    Family.SAFE: (
        "Is it safe?",
        (
            "Who gets in, what is readable, what is lost by one mistake. `docs/checks-review.md` says what is not "
            "asked and why."
        ),
    ),
}


def page() -> str:
    """The whole page."""
    rules = list(every_rule())
    return "\n".join([*_head(rules), *(line for family in Family for line in _family(family, rules))]).rstrip() + "\n"


def _head(rules: list[Rule]) -> Iterator[str]:
    yield from (
        "# Checks",
        "",
        f"`groundsill check` asks {len(rules)} questions of a definition, a plan or a folder of `.tf` files.",
        "`groundsill check --explain RULE` shows what follows here for one of them; `--list` names them all.",
        "",
        (
            'A value that only an apply tells is never guessed: what depends on it is counted as "could not be judged", and '
            "listed with `--verbose`."
        ),
        "",
        "A finding that is right where it is can be accepted in the definition, with its reason, and every report shows it:",
        "",
        "```python",
        'assets.suppress("bucket-without-access-log", because="the CDN logs who reads them")',
        "```",
        "",
        "| severity | means |",
        "|---|---|",
        "| critical | the apply fails, or data or the account is open to anybody |",
        "| high | it does not work, or loses data |",
        "| medium | it will hurt sooner or later |",
        "| low | better otherwise |",
        "",
    )


def _family(family: Family, rules: list[Rule]) -> Iterator[str]:
    title, text = QUESTIONS[family]
    own = sorted((rule for rule in rules if rule.family is family), key=lambda rule: rule.id)
    yield from (f"## {title}", "", text, "")
    for rule in own:
        yield from _rule(rule)


def _rule(rule: Rule) -> Iterator[str]:
    yield from (
        f"### {rule.id}",
        "",
        f"**{rule.severity}**: {rule.title}",
        "",
        rule.rationale,
        "",
        f"- mend: {rule.mend}",
    )
    if rule.example:
        yield f"- example: `{rule.example}`"
    if rule.types:
        yield f"- looks at: {', '.join(f'`{name}`' for name in rule.types)}"
    when = [*(["production"] if rule.production_only else []), *rule.tiers]
    if when:
        yield f"- asked of: {', '.join(when)}"
    if rule.controls:
        yield f"- controls: {', '.join(rule.controls)}"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
