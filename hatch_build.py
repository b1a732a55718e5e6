"""Build hook: writes the ``.pyi`` stubs of ``groundsill.aws``, which the repository does not hold."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class StubsHook(BuildHookInterface[Any]):
    """Runs before a wheel, an editable install and a source archive are made."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the stubs into the package's folder."""
        package = Path(self.root) / "groundsill"
        # The build's own environment holds hatchling alone, and `groundsill/__init__.py` needs the
        # dependencies: stand in for it, so that only `groundsill.aws` and `groundsill.graph`, which need
        # none, are imported.
        stand_in = ModuleType("groundsill")
        stand_in.__path__ = [str(package)]
        before = {
            name: module for name, module in sys.modules.items() if name.partition(".")[0] == "groundsill"
        }
        for name in before:
            del sys.modules[name]
        sys.modules["groundsill"] = stand_in
        try:
            importlib.import_module("groundsill.aws.stubs").write_stubs(package / "aws")
        finally:
            for name in [name for name in sys.modules if name.partition(".")[0] == "groundsill"]:
                del sys.modules[name]
            sys.modules.update(before)
