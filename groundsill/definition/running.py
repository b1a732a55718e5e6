"""Running a user's definition so that whatever goes wrong in it becomes a diagnostic, never a traceback."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from groundsill.definition.building import Building
from groundsill.definition.renames import add_moves
from groundsill.definition.stage import Stage
from groundsill.definition.system import Define, System, one_system
from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.graph.source import SourceLocation

SYSTEM_FILE = "system.py"


def run_definition(define: Define, building: Building) -> None:
    """Run the function under ``@system.define``, then what components left for the end.

    Whatever the user's code raises is collected as a diagnostic with the user's line; so are the mistakes before it.
    """
    stage: Stage = building.stage
    with building.active():
        try:
            define(stage)
            building.finishing = True
            for finish in (*building.at_end, *building.at_last, *building.at_rest):
                finish()
            add_moves(building)
        except GroundsillError as error:
            for diagnostic in error.diagnostics:
                building.diagnostics.add(diagnostic)
        except SystemExit as error:
            building.diagnostics.add(_ended(error, building.folder))
        except Exception as error:  # noqa: BLE001  a user's definition may raise anything
            building.diagnostics.add(_stopped(error, building.folder))


def load_system(folder: Path) -> System:
    """The system that a folder's `system.py` defines.

    The folder is importable while the file runs, so a definition can import its own modules.

    Arguments:
        folder: a folder with a `system.py`, or the path of such a file.

    Raises:
        GroundsillError: where there is no such file, it cannot be run, or it does not define exactly one system.
    """
    path = (folder if folder.suffix == ".py" else folder / SYSTEM_FILE).resolve()
    if not path.is_file():
        raise GroundsillError(Diagnostic(
            "GS1312", f"there is no {SYSTEM_FILE} in {folder}",
            mend="name the folder of a system, or make one with `groundsill init`",
        ))
    specification = importlib.util.spec_from_file_location(f"groundsill_system_{path.parent.name}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    sys.path.insert(0, str(path.parent))
    try:
        specification.loader.exec_module(module)
    except GroundsillError:
        raise
    except SystemExit as error:
        raise GroundsillError(_ended(error, path.parent, path)) from error
    except Exception as error:
        raise GroundsillError(_stopped(error, path.parent, path)) from error
    finally:
        sys.path.remove(str(path.parent))
    return one_system([value for value in vars(module).values() if isinstance(value, System)], path)


def _ended(error: SystemExit, folder: Path, path: Path | None = None) -> Diagnostic:
    return Diagnostic(
        "GS1313", "the definition ended the program", _place(error, folder, path), detail=f"exit code {error.code}",
        mend="raise an error where the definition cannot go on",
    )


def _place(error: BaseException, folder: Path, path: Path | None) -> SourceLocation | None:
    return _last_line_below(folder, error) or (SourceLocation(str(path), 1) if path else None)


def _stopped(error: Exception, folder: Path, path: Path | None = None) -> Diagnostic:
    if isinstance(error, SyntaxError) and error.filename:
        location: SourceLocation | None = SourceLocation(error.filename, error.lineno or 1)
    else:
        location = _place(error, folder, path)
    return Diagnostic(
        "GS1314", f"the definition stopped: {type(error).__name__}", location, detail=str(error) or repr(error),
        mend="what comes after this line was not read",
    )


def _last_line_below(folder: Path, error: BaseException) -> SourceLocation | None:
    """The innermost line of the user's own files that the error came through."""
    import traceback

    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_relative_to(folder) and "site-packages" not in file.parts:
            return SourceLocation(frame.filename, frame.lineno or 1)
    return None
