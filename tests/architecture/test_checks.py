"""Every rule of `groundsill check` is documented, and nothing is documented that no rule asks."""

from __future__ import annotations

from tests.check_reference import PAGE, page


def test_the_page_of_checks_is_what_the_rules_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.check_reference"
