"""Makes `docs/costs.md`: what the five systems cost beside what their documents say: `python scripts/generate_cost_page.py`.

Every figure of ours comes from `groundsill.cost` with the system's own `traffic.toml`; every figure of a document from its
requirement rows. A test says whether the page is current.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from groundsill.cost.report import money  # noqa: E402
from groundsill.definition.running import load_system  # noqa: E402
from scripts.cost_page import PRICES, SYSTEMS, Section, dollars, sum_of  # noqa: E402
from scripts.cost_page_figures import SECTIONS  # noqa: E402

PAGE = ROOT / "docs" / "costs.md"
HEAD = """# What the five systems cost

US dollars a month, list prices of us-east-1, without free allowances, taxes and discounts. Ours is the expected cost, with
the low and the high estimate behind it, of the stage that fits the document, at the traffic of the system's own
`traffic.toml`. `groundsill cost systems/NAME --stage STAGE --lines` shows how each sum comes about.

This page is made by `python scripts/generate_cost_page.py`.
"""


def page() -> str:
    """The text of the page."""
    return (
        "\n".join([HEAD, *_overview(), *(line for section in SECTIONS for line in _section(section))]).rstrip() + "\n"
    )


def _overview() -> Iterator[str]:
    yield "| system | stage | tier | low | expected | high | not known |"
    yield "| --- | --- | --- | ---: | ---: | ---: | ---: |"
    for folder in ("open_metabolics", "ai_nutritionist", "image_understander", "multitask", "parrot"):
        for stage, tier in load_system(SYSTEMS / folder).stages.items():
            found = PRICES.of(folder, stage)
            cells = (
                money(found.total.low),
                money(found.total.expected),
                money(found.total.high),
                str(len(found.unknown) or ""),
            )
            yield f"| {folder} | {stage} | {tier} | {' | '.join(cells)} |"


def _section(section: Section) -> Iterator[str]:
    found = PRICES.of(section.folder, section.stage, **section.options)
    yield from (
        "",
        f"## {section.folder}, {section.stage}",
        "",
        section.text,
        "",
        "| rows | what | document | ours | why |",
        "| --- | --- | ---: | ---: | --- |",
    )
    for row in section.rows:
        ours = row.figure() if row.figure else dollars(sum_of(found, row.chosen))
        yield f"| {row.ids} | {row.label} | {row.document} | {ours} | {row.why} |"


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
