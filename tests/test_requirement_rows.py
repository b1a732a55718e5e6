"""The table of requirement rows: what counts as covered, over several workers too, and what stops a run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.requirement_rows import Proofs, table, written_rows

ROOT = Path(__file__).resolve().parents[1]
TESTS = """
import pytest
@pytest.mark.requirement("OM-R01", "OM-R02")
def test_passes(): pass
@pytest.mark.requirement("OM-R02")
def test_fails(): assert False
@pytest.mark.requirement("OM-R03")
@pytest.mark.skip
def test_is_skipped(): pass
@pytest.mark.requirement("OM-R04")
class TestOfAClass:
    @pytest.mark.requirement("OM-R05")
    def test_passes(self): pass
@pytest.fixture
def broken(): raise OSError
@pytest.mark.requirement("OM-R06")
def test_with_a_broken_fixture(broken): pass
@pytest.mark.requirement("OM-R07")
@pytest.mark.xfail
def test_is_known_to_fail(): assert False
"""


def run(folder: Path, text: str, *options: str) -> str:
    (folder / "test_rows.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-p", "tests.requirement_rows", "-p", "xdist.plugin", "test_rows.py", *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60,
                          env={**environment, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    return done.stdout + done.stderr


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_a_row_is_covered_when_a_test_of_it_ran_and_every_one_that_ran_passed(tmp_path: Path, options: tuple[str, ...]) -> None:
    text = run(tmp_path, TESTS, *options)
    lines = text[text.index("Requirement rows"):].splitlines()
    row = next(line for line in lines if line.startswith("open-metabolics"))
    assert row.split()[1:] == ["3/58", "0/25", "0/24", "0/9", "0/17", "0/29", "3/162"]
    assert lines[-1] == "contradicted by a failed test: OM-R02 OM-R06"


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_a_row_that_does_not_exist_stops_the_run(tmp_path: Path, options: tuple[str, ...]) -> None:
    rows = ["OM-R59", "OM-R1", "XX-R01", "OM-X01", "R01", ""]
    text = run(tmp_path, f"import pytest\n@pytest.mark.requirement(*{rows})\ndef test_one(): pass\n", *options)
    for row in rows:
        assert re.search(rf"test_one names the unknown requirement row '{row}'", text)
    assert "passed" not in text


def test_the_rows_that_are_written_down_are_889() -> None:
    written = written_rows()
    assert {prefix: sum(counts.values()) for prefix, counts in written.counts.items()} == {
        "OM": 162, "AN": 185, "IU": 178, "MT": 203, "PA": 161}
    assert sum(len(written.ids(prefix, section)) for prefix in written.counts for section in "RBOTSC") == 889


def test_the_few_missing_rows_of_a_system_are_named() -> None:
    written, proofs = written_rows(), Proofs()
    proofs.record([row for row in written.ids("OM", "R") if row != "OM-R34"], passed=True)
    assert "not covered: OM-R34" in table(written, proofs)
