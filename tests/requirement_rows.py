"""Requirement rows: which of them the tests of a run prove.

A test names the rows it proves with ``@pytest.mark.requirement("OM-R02")``. A row is covered when at least one test that
names it ran, and every one that ran passed. The table of rows covered of rows written is the last thing a run prints.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

SECTIONS = ("R", "B", "O", "T", "S", "C")
ROWS_FILE = Path(__file__).with_name("requirements.toml")
_ROW = re.compile(r"([A-Z]{2})-([A-Z])(\d{2,3})")
_MARKER = "requirement"
_MOST_LISTED = 24  # missing ids of a section, named when they are few enough to read


@dataclass(frozen=True, slots=True)
class Written:
    """The rows that are written down, by system and section.

    Arguments:
        names: name of each system by the prefix of its rows, for example ``{"OM": "open-metabolics"}``.
        counts: rows of each section by prefix; they are numbered from 1 without gaps.
    """

    names: Mapping[str, str]
    counts: Mapping[str, Mapping[str, int]]

    def ids(self, prefix: str, section: str) -> list[str]:
        """Every row of one section of one system."""
        return [f"{prefix}-{section}{number:02d}" for number in range(1, self.counts[prefix].get(section, 0) + 1)]

    def __contains__(self, row: object) -> bool:
        match = _ROW.fullmatch(row) if isinstance(row, str) else None
        return match is not None and match[1] in self.counts and row in self.ids(match[1], match[2])


def written_rows(path: Path = ROWS_FILE) -> Written:
    """The rows of the file beside this one."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return Written(
        {prefix: table["system"] for prefix, table in content.items()},
        {prefix: table["rows"] for prefix, table in content.items()},
    )


@dataclass(slots=True)
class Proofs:
    """What the tests of a run say about rows: the rows that passed, and those with a test that failed."""

    passed: set[str] = field(default_factory=set[str])
    failed: set[str] = field(default_factory=set[str])

    def record(self, rows: Iterable[str], *, passed: bool) -> None:
        """Take in one test that ran."""
        (self.passed if passed else self.failed).update(rows)

    @property
    def covered(self) -> set[str]:
        """Rows that a test proves and none contradicts."""
        return self.passed - self.failed

    @property
    def named(self) -> set[str]:
        """Rows of any test that ran."""
        return self.passed | self.failed


def table(written: Written, proofs: Proofs) -> list[str]:
    """The lines that a run ends with: rows covered of rows written, and what is missing where little is."""
    width = max(len(name) for name in written.names.values())
    lines = [" " * width + "".join(f"{section:>9}" for section in (*SECTIONS, "all"))]
    missing: list[str] = []
    for prefix, name in written.names.items():
        cells: list[str] = []
        done_in_all = written_in_all = 0
        for section in SECTIONS:
            ids = written.ids(prefix, section)
            done = [row for row in ids if row in proofs.covered]
            cells.append(f"{len(done)}/{len(ids)}")
            done_in_all += len(done)
            written_in_all += len(ids)
            left = [row for row in ids if row not in proofs.covered]
            if section in ("R", "B") and done and 0 < len(left) <= _MOST_LISTED:
                missing.append(f"not covered: {' '.join(left)}")
        cells.append(f"{done_in_all}/{written_in_all}")
        lines.append(f"{name:<{width}}" + "".join(f"{cell:>9}" for cell in cells))
    failed = sorted(proofs.failed)
    return [*lines, *missing, *([f"contradicted by a failed test: {' '.join(failed)}"] if failed else [])]


def rows_of(item: pytest.Item) -> list[str]:
    """The rows that a test names, each once."""
    named = [row for marker in item.iter_markers(_MARKER) for row in marker.args]
    return list(dict.fromkeys(named))


class RequirementRows:
    """The plugin: checks the names, carries them from the workers, counts and prints."""

    def __init__(self, written: Written) -> None:
        self.written = written
        self.proofs = Proofs()

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """A test that names a row which does not exist is a collection error."""
        report = yield
        items = [node for node in report.result or () if isinstance(node, pytest.Item)]
        unknown = [f"{item.nodeid} names the unknown requirement row {row!r}"
                   for item in items for row in rows_of(item) if row not in self.written]
        if unknown:
            report.outcome, report.result = "failed", []
            report.longrepr = "\n".join((*unknown, f"the rows that exist are counted in {ROWS_FILE.name}"))
        return report

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Rows travel with the report, so that they reach the process that prints."""
        rows = rows_of(item)
        if rows:
            item.user_properties.append((_MARKER, rows))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in what a test says: its call, or a set-up or tear-down that failed."""
        rows = [row for name, value in report.user_properties if name == _MARKER for row in value]
        if rows and (report.failed or (report.when == "call" and report.passed and not hasattr(report, "wasxfail"))):
            self.proofs.record(rows, passed=report.passed)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and the plugin."""
    config.addinivalue_line("markers", f"{_MARKER}(*ids): rows of the systems' requirements that the test proves")
    config.pluginmanager.register(RequirementRows(written_rows()), "requirement-rows")


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Print the table as the last lines of the run, in the process that the user looks at."""
    plugin: Any = config.pluginmanager.get_plugin("requirement-rows")
    terminal: Any = config.pluginmanager.get_plugin("terminalreporter")
    if hasattr(config, "workerinput") or terminal is None or plugin is None or not plugin.proofs.named:
        return
    terminal.write_line("")
    terminal.write_line("Requirement rows covered / written", bold=True)
    for line in table(plugin.written, plugin.proofs):
        terminal.write_line(line)
