"""Time, memory, size and concurrency limits of functions, saved files, and that no process is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from groundsill.ground.functions import results
from groundsill.ground.functions.results import InvocationResult, LogLine
from groundsill.ground.functions.runner import FunctionRunner
from groundsill.ground.functions.settings import FunctionSettings

T = TypeVar("T")


class Code:
    """A folder with a module ``app`` and functions in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[LogLine] = []

    def write(self, source: str, name: str = "app.py") -> Path:
        path = self.folder / name
        beside = path.with_suffix(".new")
        beside.write_text(source)
        beside.replace(path)
        return path

    def settings(self, **more: Any) -> FunctionSettings:
        arn = "arn:aws:lambda:us-east-1:000000000000:function:hello"
        given = {"timeout_seconds": 20.0, "memory_megabytes": 256, **more}
        return FunctionSettings("hello", arn, "app.handler", self.folder, Path(sys.executable), **given)

    def run(self, use: Callable[[FunctionRunner], Awaitable[T]], *, warm: bool = False, **more: Any) -> T:
        async def main() -> T:
            runner = FunctionRunner([self.settings(**more)], self.lines.append, preload=False)
            await runner.start(warm=warm)
            try:
                return await use(runner)
            finally:
                await runner.stop()

        return asyncio.run(asyncio.wait_for(main(), 50))


@pytest.fixture
def code(tmp_path: Path) -> Code:
    folder = tmp_path / "code"
    folder.mkdir()
    return Code(folder)


async def value(runner: FunctionRunner, event: bytes = b"{}") -> Any:
    return json.loads((await runner.invoke("hello", event)).payload)


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.01)


def test_a_function_that_hangs_is_killed_at_its_timeout(code: Code) -> None:
    code.write(
        "import time\ndef handler(event, context):\n"
        "    print('before')\n    time.sleep(event)\n    return 1\n"
    )

    async def use(runner: FunctionRunner) -> list[InvocationResult]:
        return [await runner.invoke("hello", b"60"), await runner.invoke("hello", b"0")]

    late, after = code.run(use, timeout_seconds=0.5)
    assert late.error is not None
    assert late.error.type == "Sandbox.Timedout"
    assert late.error.message.endswith("Task timed out after 0.50 seconds")
    assert 500 <= late.duration_ms < 2000
    assert after.payload == b"1"
    lines = [line.message for line in code.lines if line.request_id == late.request_id]
    assert "before" in lines
    assert any(line.endswith(f"{late.request_id} Task timed out after 0.50 seconds") for line in lines)
    assert any(line.startswith("REPORT") and "Status: timeout" in line for line in lines)


def test_a_timeout_also_ends_what_the_function_started(code: Code) -> None:
    code.write(
        "import subprocess, sys\ndef handler(event, context):\n"
        "    child = subprocess.Popen(['sleep', '60'])\n    print('child', child.pid)\n    child.wait()\n"
    )
    code.run(lambda runner: runner.invoke("hello", b"{}"), timeout_seconds=0.5)
    (line,) = [line.message for line in code.lines if line.message.startswith("child")]
    pid = int(line.split()[1])

    def gone() -> bool:
        return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE

    asyncio.run(until(gone))


def test_a_function_above_its_memory_is_killed(code: Code) -> None:
    code.write(
        "import time\ndef handler(event, context):\n    kept = []\n"
        "    while True:\n        kept.append(bytearray(4_000_000)); time.sleep(0.002)\n"
    )
    result = code.run(lambda runner: runner.invoke("hello", b"{}"), memory_megabytes=128)
    assert result.error is not None
    assert result.error.type == "Runtime.OutOfMemory"
    assert result.max_memory_mb == 128


def test_a_short_peak_above_the_memory_counts_too(code: Code) -> None:
    code.write("def handler(event, context):\n    kept = b'x' * 200_000_000\n    return len(kept)\n")
    result = code.run(lambda runner: runner.invoke("hello", b"{}"), memory_megabytes=128)
    assert result.error is not None
    assert result.error.type == "Runtime.OutOfMemory"


def test_one_enormous_allocation_does_not_take_the_machine_down(code: Code) -> None:
    code.write("def handler(event, context):\n    return len(b'x' * 50_000_000_000)\n")
    result = code.run(lambda runner: runner.invoke("hello", b"{}"), memory_megabytes=128)
    assert result.error is not None
    assert result.error.type in ("MemoryError", "Runtime.OutOfMemory")


def test_events_and_results_above_six_megabytes_are_refused(code: Code) -> None:
    code.write("def handler(event, context):\n    return 'x' * event\n")

    async def use(runner: FunctionRunner) -> list[InvocationResult]:
        with pytest.raises(results.RequestTooLarge):
            await runner.invoke("hello", b'"' + b"x" * 6_291_460 + b'"')
        return [await runner.invoke("hello", size) for size in (b"6291556", b"6000000")]

    large, right = code.run(use)
    assert large.error is not None
    assert large.error.type == "Function.ResponseSizeTooLarge"
    assert right.error is None
    assert len(right.payload) == 6_000_002


def test_requests_at_the_same_time_have_a_worker_each(code: Code) -> None:
    code.write(
        "import os, time, pathlib\ndef handler(event, context):\n"
        "    here = pathlib.Path(event); (here / str(os.getpid())).touch()\n"
        "    deadline = time.time() + 10\n"
        "    while len(list(here.iterdir())) < 3 and time.time() < deadline: time.sleep(0.005)\n"
        "    return os.getpid()\n"
    )
    meeting = code.folder.parent / "meeting"
    meeting.mkdir()

    async def use(runner: FunctionRunner) -> list[Any]:
        event = json.dumps(str(meeting)).encode()
        pids = await asyncio.gather(*(value(runner, event) for _ in range(3)))
        return [*pids, await value(runner, event)]

    first, second, third, again = code.run(use)
    assert len({first, second, third}) == 3
    assert again in {first, second, third}


def test_reserved_concurrency_refuses_what_is_above_it(code: Code) -> None:
    code.write("import time\ndef handler(event, context):\n    time.sleep(event)\n    return 1\n")

    async def use(runner: FunctionRunner) -> None:
        busy = asyncio.ensure_future(runner.invoke("hello", b"0.3"))
        await until(lambda: runner.pool("hello").workers == 1)
        with pytest.raises(results.TooManyRequests):
            await runner.invoke("hello", b"0")
        assert (await busy).payload == b"1"
        assert (await runner.invoke("hello", b"0")).payload == b"1"

    code.run(use, concurrency=1)


def test_a_reservation_of_zero_refuses_everything(code: Code) -> None:
    code.write("def handler(event, context): return 1\n")
    with pytest.raises(results.TooManyRequests):
        code.run(lambda runner: runner.invoke("hello", b"{}"), concurrency=0)


def test_a_saved_file_is_live_on_the_next_request(code: Code) -> None:
    async def use(runner: FunctionRunner) -> list[Any]:
        seen = [await value(runner)]
        for text in ("b", "c", "d", "e"):
            # Same size, and within the same second: what bytecode caches get wrong.
            code.write(f"import helper\ndef handler(event, context): return helper.NAME + '{text}'\n")
            seen.append(await value(runner))
        code.write("NAME = 'H'\n", "helper.py")
        seen.append(await value(runner))
        return seen

    code.write("NAME = 'h'\n", "helper.py")
    code.write("import helper\ndef handler(event, context): return helper.NAME + 'a'\n")
    assert code.run(use) == ["ha", "hb", "hc", "hd", "he", "He"]


def test_a_file_read_while_importing_is_live_too(code: Code) -> None:
    async def use(runner: FunctionRunner) -> list[Any]:
        before = await value(runner)
        code.write("second", "greeting.txt")
        return [before, await value(runner)]

    code.write("first", "greeting.txt")
    code.write("TEXT = open('greeting.txt').read()\ndef handler(event, context): return TEXT\n")
    assert code.run(use) == ["first", "second"]


def test_a_module_imported_inside_the_handler_is_live_too(code: Code) -> None:
    async def use(runner: FunctionRunner) -> list[Any]:
        before = await value(runner)
        code.write("NAME = 'new'\n", "late.py")
        return [before, await value(runner)]

    code.write("NAME = 'old'\n", "late.py")
    code.write("def handler(event, context):\n    import late\n    return late.NAME\n")
    assert code.run(use) == ["old", "new"]


def test_a_broken_save_fails_the_next_request_and_a_good_one_mends_it(code: Code) -> None:
    async def use(runner: FunctionRunner) -> list[Any]:
        seen = [await value(runner)]
        code.write("def handler(event, context) return 2\n")
        seen += [(await value(runner))["errorType"], (await value(runner))["errorType"]]
        code.write("def handler(event, context): return 3\n")
        return [*seen, await value(runner)]

    code.write("def handler(event, context): return 1\n")
    assert code.run(use) == [1, "Runtime.UserCodeSyntaxError", "Runtime.UserCodeSyntaxError", 3]


def test_a_request_that_is_running_finishes_with_the_code_it_began_with(code: Code) -> None:
    code.write("import time\ndef handler(event, context):\n    time.sleep(event)\n    return 'old'\n")

    async def use(runner: FunctionRunner) -> list[Any]:
        assert await value(runner, b"0") == "old"
        running = asyncio.ensure_future(value(runner, b"0.5"))
        await asyncio.sleep(0.05)
        code.write("def handler(event, context): return 'new'\n")
        fresh = await value(runner, b"0")
        assert not running.done()
        return [fresh, await running, await value(runner, b"0")]

    assert code.run(use) == ["new", "old", "new"]


def test_unchanged_code_keeps_its_warm_worker(code: Code) -> None:
    code.write("import os\ndef handler(event, context): return os.getpid()\n")

    async def use(runner: FunctionRunner) -> set[Any]:
        return {await value(runner) for _ in range(5)}

    assert len(code.run(use, warm=True)) == 1


def test_a_killed_interpreter_is_replaced(code: Code) -> None:
    code.write("import os\ndef handler(event, context): return [os.getpid(), os.getppid()]\n")

    async def use(runner: FunctionRunner) -> None:
        worker, server = await value(runner)
        os.kill(server, signal.SIGKILL)
        await until(lambda: not psutil.pid_exists(worker))
        assert (await value(runner))[1] != server

    code.run(use)


def test_an_interpreter_that_is_not_there_is_an_error_that_names_it(tmp_path: Path, code: Code) -> None:
    async def main() -> None:
        settings = FunctionSettings("x", "arn:x", "app.handler", code.folder, tmp_path / "no-python")
        await FunctionRunner([settings], code.lines.append, preload=False).start()

    with pytest.raises(Exception, match="no-python"):
        asyncio.run(main())


def test_stopping_leaves_no_process(code: Code) -> None:
    code.write("import os, time\ndef handler(event, context):\n    print(os.getpid()); time.sleep(30)\n")

    async def use(runner: FunctionRunner) -> None:
        running = asyncio.ensure_future(runner.invoke("hello", b"{}"))
        await until(lambda: any(line.message.isdigit() for line in code.lines))
        await runner.stop()
        assert (await running).error is not None

    code.run(use)
    assert not [
        child for child in psutil.Process().children(recursive=True) if "zygote" in " ".join(child.cmdline())
    ]


def test_workers_end_when_the_supervisor_is_killed(code: Code, tmp_path: Path) -> None:
    code.write(
        "import os, time\ndef handler(event, context):\n"
        "    print(os.getpid(), os.getppid(), flush=True)\n    time.sleep(60)\n"
    )
    supervisor = tmp_path / "supervisor.py"
    supervisor.write_text(
        "import asyncio, sys\nfrom pathlib import Path\n"
        "from groundsill.ground.functions.runner import FunctionRunner\n"
        "from groundsill.ground.functions.settings import FunctionSettings\n"
        "async def main():\n"
        f"    code = Path({str(code.folder)!r})\n"
        "    s = FunctionSettings('f', 'arn:f', 'app.handler', code, Path(sys.executable), 60)\n"
        "    r = FunctionRunner([s], lambda line: print(line.message, flush=True), preload=False)\n"
        "    await r.start()\n    await r.invoke('f', b'{}')\n"
        "asyncio.run(main())\n"
    )
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, str(supervisor)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert process.stdout is not None
    pids: list[int] = []
    for line in process.stdout:
        if line.strip().replace(" ", "").isdigit():
            pids = [int(part) for part in line.split()]
            break
    assert len(pids) == 2
    process.kill()
    process.wait()

    def gone(pid: int) -> bool:
        return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE

    asyncio.run(until(lambda: all(gone(pid) for pid in pids)))
    process.stdout.close()


def test_the_interpreter_has_the_aws_sdk_ready_before_it_forks(code: Code) -> None:
    code.write("import sys\nREADY = 'botocore' in sys.modules\ndef handler(event, context): return READY\n")

    async def main() -> bytes:
        runner = FunctionRunner([code.settings()], code.lines.append)
        await runner.start()
        result = await runner.invoke("hello", b"{}")
        await runner.stop()
        return result.payload

    assert asyncio.run(main()) == b"true"


def test_a_cancelled_caller_leaves_the_function_usable(code: Code) -> None:
    code.write("import time\ndef handler(event, context):\n    time.sleep(event)\n    return 1\n")

    async def use(runner: FunctionRunner) -> list[Any]:
        # Cancelled at every stage of a cold start and of a run.
        for pause in (0, 0.001, 0.005, 0.02, 0.1, 0.3):
            calls = [asyncio.ensure_future(runner.invoke("hello", b"30")) for _ in range(2)]
            await asyncio.sleep(pause)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        seen = [await value(runner, b"0") for _ in range(3)]
        await until(lambda: runner.pool("hello").workers == 1)
        return seen

    assert code.run(use) == [1, 1, 1]


def test_a_caller_cancelled_while_the_code_loads_leaves_no_worker(code: Code) -> None:
    code.write("import time\ntime.sleep(3)\ndef handler(event, context):\n    return 1\n")

    async def use(runner: FunctionRunner) -> None:
        pool = runner.pool("hello")
        call = asyncio.ensure_future(runner.invoke("hello", b"{}"))
        await until(lambda: pool.workers == 1)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await until(lambda: pool.workers == 0)

    code.run(use)


def test_many_reloads_leave_no_process_and_no_descriptor_open(code: Code) -> None:
    code.write("def handler(event, context): return 0\n")

    async def use(runner: FunctionRunner) -> None:
        assert await value(runner) == 0
        me = psutil.Process()
        before = me.num_fds()
        for number in range(20):
            code.write(f"def handler(event, context): return {number}\n")
            assert await value(runner) == number
        await until(lambda: me.num_fds() <= before)

    code.run(use)


def test_a_flood_of_output_is_logged_whole_and_in_order_while_others_are_served(code: Code) -> None:
    code.write(
        "def handler(event, context):\n"
        "    for number in range(event): print(number, 'x' * 100)\n    return event\n"
    )

    async def use(runner: FunctionRunner) -> list[Any]:
        assert await value(runner, b"0") == 0
        flood = asyncio.ensure_future(value(runner, b"30000"))
        await until(lambda: len(code.lines) > 100)
        others = [await value(runner, b"1") for _ in range(3)]
        return [*others, await flood]

    assert code.run(use) == [1, 1, 1, 30000]
    (request_id,) = {line.request_id for line in code.lines if line.message.startswith("29999 ")}
    numbers = [
        int(line.message.split()[0])
        for line in code.lines
        if line.request_id == request_id and line.message.endswith("xxx")
    ]
    assert numbers == list(range(30000))
