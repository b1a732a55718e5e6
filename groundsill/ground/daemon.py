"""The process that holds a running system: started by `groundsill up`, ended by a signal.

It speaks to whoever started it in lines of JSON on its standard output until the system is ready, then no more.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from groundsill.graph import Diagnostic, GroundsillError
from groundsill.ground.control import StateFolder


def main(arguments: list[str] | None = None) -> int:
    """Run a system until a signal ends it.

    Returns:
        0 after a clean stop, 1 where it could not start.
    """
    parser = argparse.ArgumentParser(prog="groundsill.ground.daemon")
    parser.add_argument("--system", type=Path, required=True)
    parser.add_argument("--stage")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--port", type=int)
    parser.add_argument("--time-scale", type=float, default=1.0)
    given = parser.parse_args(arguments)
    try:
        import uvloop

        return uvloop.run(_run(given))
    except GroundsillError as error:
        _tell("failed", diagnostics=[item.to_dict() for item in error.diagnostics])
    except Exception as error:  # noqa: BLE001  whatever it is, the user gets a line and the trace is kept
        _tell("failed", diagnostics=[_unexpected(given, error).to_dict()])
    return 1


async def _run(given: argparse.Namespace) -> int:
    from groundsill.definition.running import load_system
    from groundsill.ground.aws_api import AwsApiError
    from groundsill.ground.edge.server import PortTaken
    from groundsill.ground.provision.handlers import ProvisionError
    from groundsill.ground.supervisor import Ground, GroundSettings, Report

    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    folder = given.system.resolve()
    started = time.perf_counter()
    _tell("phase", name="definition", state="started", seconds=0.0, detail="")
    system = load_system(folder)
    stage = given.stage or system.default_stage
    graph, found = system.examine(stage, dict(item.split("=", 1) for item in given.settings))
    found.raise_if_errors()
    for warning in found.warnings:
        _tell("warning", message=warning.render(folder))
    _tell("phase", name="definition", state="done", seconds=time.perf_counter() - started, detail=f"{len(graph)} resources")
    state = StateFolder(folder, stage)
    state.path.mkdir(parents=True, exist_ok=True)
    report = Report(
        lambda name, what, seconds, detail: _tell("phase", name=name, state=what, seconds=seconds, detail=detail),
        lambda text: _tell("note", message=text),
    )
    ground = Ground(graph, folder, GroundSettings(state.path, given.port, given.time_scale), report)
    starting = asyncio.ensure_future(ground.start())
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return 0
    try:
        starting.result()
    except PortTaken as error:
        raise GroundsillError(Diagnostic("GS2001", str(error), mend="stop that process, or choose another port with --port")
                              ) from error
    except (AwsApiError, ProvisionError) as error:
        raise GroundsillError(Diagnostic("GS2002", "the system cannot start here", detail=str(error))) from error
    facts: dict[str, Any] = {
        "pid": os.getpid(), "system": system.name, "stage": stage, "region": graph.region,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "urls": ground.urls, "outputs": ground.outputs,
        "recorded_only": ground.recorded_only(), "notes": report.notes, "status": "ready",
    }
    state.write_ground(facts)
    _tell("ready", **facts)
    _hang_up()
    try:
        await stop.wait()
    finally:
        await ground.stop()
        state.forget_ground()
    return 0


def _tell(event: str, **content: Any) -> None:
    try:
        sys.stdout.write(json.dumps({"event": event, **content}) + "\n")
        sys.stdout.flush()
    except (BrokenPipeError, ValueError):
        pass  # whoever started it has gone; the system runs on


def _hang_up() -> None:
    """Let go of the starter's pipe, so that `groundsill up --detach | cat` ends."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, sys.stdout.fileno())
    os.close(quiet)


def _unexpected(given: argparse.Namespace, error: Exception) -> Diagnostic:
    folder = given.system.resolve() / ".groundsill"
    folder.mkdir(parents=True, exist_ok=True)
    trace = folder / "crash.log"
    trace.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    return Diagnostic(
        "GS2003", f"the ground stopped by a fault of its own: {type(error).__name__}", detail=str(error),
        mend=f"the whole trace is in {trace}; please report it",
    )


if __name__ == "__main__":
    sys.exit(main())
