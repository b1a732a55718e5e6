"""Every code that an error can carry is documented, and nothing is documented that no error carries."""

from __future__ import annotations

from tests.error_reference import documented_codes, page, used_codes

REFRESH = "run: python -m tests.error_reference"


def test_every_error_code_is_documented_and_every_documented_code_exists() -> None:
    used, documented = set(used_codes()), documented_codes()
    assert not sorted(used - documented), f"not in docs/errors.md; {REFRESH}"
    assert not sorted(documented - used), f"in docs/errors.md alone; {REFRESH}"


def test_the_reference_names_no_path_of_the_machine_it_was_written_on() -> None:
    text = page()
    assert "/work" not in text
    assert "/home" not in text
    assert "/tmp" not in text
