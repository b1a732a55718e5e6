"""The server process: reads its settings from standard input, serves until told to end or until its parent is gone."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import json
import logging
import os
import signal
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TextIO

KEEP_ALIVE_SECONDS = 600
"""Longer than any SDK keeps an idle connection, so that the client and never the server closes it: a request sent on
a connection that the server is just closing would fail."""


def main() -> int:
    """Entry point of the process."""
    settings: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    directory = Path(settings["data_directory"])
    os.umask(0o077)  # mails, passwords of local users and items are their owner's alone
    log_path = Path(settings["log_path"])
    log_path.parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=log_path, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        lock = _lock(directory)
    except OSError:
        return _fail(f"another AWS API is using {directory}; stop it first")
    threading.Thread(target=_end_with_parent, daemon=True, name="parent-watch").start()
    try:
        with asyncio.Runner(loop_factory=_loop) as runner:
            runner.run(_serve(settings, directory))
    except _CannotStart as error:
        return _fail(str(error))
    except Exception:
        logging.getLogger("groundsill.aws_api").exception("the AWS API ended with an error")
        return _fail(f"the AWS API could not run; its log says why: {log_path}")
    finally:
        lock.close()
    return 0


class _CannotStart(Exception):
    pass


def _fail(reason: str) -> int:
    _tell_parent({"error": reason})
    return 1


def _tell_parent(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


def _lock(directory: Path) -> TextIO:
    """Hold the folder for this process; the lock ends with it, however it ends."""
    file = (directory / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file


def _end_with_parent() -> None:
    """The parent holds the other end of standard input: its end, however the parent ended, is ours."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


async def _serve(settings: dict[str, Any], directory: Path) -> None:
    import uvicorn

    from groundsill.ground.aws_api import emulator as emulators
    from groundsill.ground.aws_api.authorization import Authorization
    from groundsill.ground.aws_api.durability import Durability, journal_path
    from groundsill.ground.aws_api.front import Front, housekeeping
    from groundsill.ground.aws_api.journal import Journal, JournalError
    from groundsill.ground.aws_api.observer import Observer
    from groundsill.ground.aws_api.patches import install

    account = settings["account_id"]
    emulator = emulators.load(directory, settings["region"], account, settings["root_access_key_id"],
                              settings["root_secret"])
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(max_workers=16, thread_name_prefix="aws-api"))
    emulator.app._MAIN_LOOP = loop
    try:
        journal = Journal(journal_path(directory))
        durability = Durability(emulator, journal)
        install(emulator, durability, loop)
        durability.restore()
    except JournalError as error:
        raise _CannotStart(str(error)) from error
    authorization = Authorization(emulator, settings["root_access_key_id"], settings["root_secret"])
    observer = Observer(Path(settings["calls_path"]))
    front = Front(emulator, authorization, durability, observer, account, settings["root_secret"])

    config = uvicorn.Config(front, loop="none", http="httptools", ws="none", lifespan="off", log_config=None,
                            access_log=False, server_header=False, date_header=False, proxy_headers=False,
                            timeout_keep_alive=KEEP_ALIVE_SECONDS, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _ask_to_end, server)
    server.capture_signals = contextlib.nullcontext  # pyright: ignore[reportAttributeAccessIssue] -- ours, above
    keeper = asyncio.create_task(housekeeping(durability, observer))
    # Stored data is long-lived: leave it out of garbage collection, which else pauses calls for milliseconds.
    gc.collect()
    gc.freeze()
    listener = socket.socket(fileno=settings["socket"])
    # Where functions that the emulator itself calls find AWS: its default is a port where nothing listens.
    os.environ["AWS_ENDPOINT_URL"] = "http://{}:{}".format(*listener.getsockname()[:2])
    _tell_parent({"ready": True})
    await server.serve(sockets=[listener])
    keeper.cancel()
    observer.write()
    durability.flush_everything()
    journal.close()


def _ask_to_end(server: Any) -> None:
    server.should_exit = True


if __name__ == "__main__":
    sys.exit(main())
