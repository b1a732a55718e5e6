"""Mistakes in a definition: each gives one error, at its line, and none hides or multiplies another."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from groundsill import GroundsillError
from groundsill.definition.running import load_system
from groundsill.graph import Diagnostic

FILE = Path(__file__).parent / "mistakes" / "system.py"
EXPECTED = Counter(
    (number, found[1]) for number, line in enumerate(FILE.read_text().splitlines(), start=1)
    if (found := re.search(r"# (GS\d{4})$", line)))


@pytest.fixture(scope="module")
def found() -> list[Diagnostic]:
    _, diagnostics = load_system(FILE).examine("dev", {"tasks": "many"})
    return list(diagnostics)


def test_every_mistake_of_a_definition_is_reported_once_at_its_line_and_nothing_else(found: list[Diagnostic]) -> None:
    assert len(EXPECTED) > 75
    rendered = "\n\n".join(item.render() for item in found)
    assert Counter((item.location.line if item.location else 0, item.code) for item in found) == EXPECTED, rendered
    assert {item.location.file for item in found if item.location} == {str(FILE)}


def test_every_mistake_says_what_the_user_wrote_and_how_to_mend_it(found: list[Diagnostic]) -> None:
    for item in found:
        head, where, *rest = item.render(FILE.parent).splitlines()
        assert re.fullmatch(rf"(error|warning)\[{item.code}\]: \S.*[^.]", head)
        assert where.startswith("  --> system.py:")
        assert all(line.startswith("  ") for line in rest)
        assert "object at 0x" not in item.render()
        assert item.mend or item.detail, item.render()


def test_all_mistakes_of_a_definition_come_as_one_error_in_file_order() -> None:
    with pytest.raises(GroundsillError) as error:
        load_system(FILE).build("dev", {"tasks": "many"})
    lines = [item.location.line for item in error.value.diagnostics if item.location]
    assert lines == sorted(lines)
    assert len(lines) == EXPECTED.total()


def test_the_command_shows_every_mistake_and_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "groundsill", "synth", str(FILE.parent), "--stage", "dev", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    text = done.stdout + done.stderr
    assert "Traceback" not in text
    missing = [code for _, code in EXPECTED if code not in text]
    assert not missing or missing == ["GS1305"]  # a wrong setting is given by the test, not by the command
    assert not list(tmp_path.iterdir())


HEAD = "from groundsill import Stage, System\nfrom groundsill.components import Queue\n"
DEFINE = "system = System('one')\n@system.define\ndef define(stage):\n"


@pytest.mark.parametrize(("text", "code", "line"), [
    (HEAD + DEFINE + "    Queue('a')\n    1 / 0\n    Queue('a')\n", "GS1314", 7),
    (HEAD + DEFINE + "    def inner():\n        return {}['x']\n    inner()\n", "GS1314", 7),
    (HEAD + DEFINE + "    import sys\n    sys.exit(3)\n", "GS1313", 7),
    (HEAD + DEFINE + "    def deep():\n        deep()\n    deep()\n", "GS1314", 7),
    (HEAD + DEFINE + "    Queue('a'\n", "GS1314", 6),
    (HEAD + "raise OSError('no disk')\n", "GS1314", 3),
    (HEAD + "import nothing_of_this_name\n", "GS1314", 3),
    (HEAD + "raise SystemExit(2)\n", "GS1313", 3),
    (HEAD + "Queue('outside')\n", "GS1200", 3),
    (HEAD, "GS1311", 1),
    (HEAD + "a, b = System('one'), System('two')\n", "GS1311", 1),
    (HEAD + "system = System('one')\n", "GS1310", 3),
    (HEAD + DEFINE.replace("'one'", "'One Two'") + "    Queue('a')\n", "GS1306", 3),
    (HEAD + DEFINE.replace("'one'", "'one', region='moon'") + "    Queue('a')\n", "GS1307", 3),
    (HEAD + DEFINE.replace("'one'", "'one', stages={'dev': 'gold'}") + "    Queue('a')\n", "GS1308", 3),
    (HEAD + DEFINE.replace("'one'", "'one', stages={'test': 'basic'}") + "    Queue('a')\n", "GS1309", 3),
    ("\0", "GS1314", 1),
], ids=lambda value: value if isinstance(value, str) and value.startswith("GS") else None)
def test_a_file_that_cannot_be_read_gives_one_error_with_its_line(tmp_path: Path, text: str, code: str, line: int) -> None:
    (tmp_path / "system.py").write_text(text)
    with pytest.raises(GroundsillError) as error:
        load_system(tmp_path).build("dev")
    assert [(item.code, item.location and item.location.line) for item in error.value.diagnostics] == [(code, line)]
    assert error.value.diagnostics[0].location.file == str(tmp_path / "system.py")


def test_a_mistake_in_a_module_of_the_users_is_shown_there(tmp_path: Path) -> None:
    (tmp_path / "parts_of_this_test.py").write_text("def make(stage):\n    raise ValueError('in a part')\n")
    (tmp_path / "system.py").write_text(HEAD + DEFINE + "    import parts_of_this_test\n    parts_of_this_test.make(stage)\n")
    (tmp_path / "system.py").write_text(HEAD + "import parts_of_this_test\n" + DEFINE + "    parts_of_this_test.make(stage)\n")
    with pytest.raises(GroundsillError) as error:
        load_system(tmp_path).build("dev")
    (item,) = error.value.diagnostics
    assert (Path(item.location.file).name, item.location.line) == ("parts_of_this_test.py", 2)


def test_a_folder_without_a_definition_is_said_to_have_none(tmp_path: Path) -> None:
    with pytest.raises(GroundsillError) as error:
        load_system(tmp_path)
    assert [item.code for item in error.value.diagnostics] == ["GS1312"]


@pytest.mark.requirement("OM-O08")
@pytest.mark.parametrize("content", ["[dev\n", "sender = 'a@b.example'\n", b"\xff\xfe\x00"])
def test_a_settings_file_that_cannot_be_read_gives_one_error(tmp_path: Path, content: str | bytes) -> None:
    (tmp_path / "system.py").write_text(HEAD + DEFINE + "    Queue('a')\n")
    (tmp_path / "settings.toml").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(GroundsillError) as error:
        load_system(tmp_path).build("dev")
    assert [item.code for item in error.value.diagnostics] == ["GS1304"]
    assert error.value.diagnostics[0].location.file == str(tmp_path / "settings.toml")
