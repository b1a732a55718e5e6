"""The examples in docstrings say what is true."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "groundsill"


def test_the_examples_in_docstrings_are_true() -> None:
    wrong: list[str] = []
    tried = 0
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name == "__main__.py" or ">>> " not in path.read_text(encoding="utf-8"):
            continue
        inside = path.relative_to(PACKAGE.parent).with_suffix("")
        module = importlib.import_module(".".join(part for part in inside.parts if part != "__init__"))
        for test in doctest.DocTestFinder().find(module):
            said: list[str] = []
            result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=said.append)
            tried += result.attempted
            wrong += said
    assert not wrong, "".join(wrong)
    assert tried > 30
