"""A daemon that holds no system: it keeps to the protocol of `groundsill.ground.daemon`, and to what a test asks for.

What it should do is in FAKE_DAEMON: words of `fail`, `die`, `slow`, `chatter`, `stubborn`, `crash-later`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from groundsill.ground.control import StateFolder

BEHAVIOUR = os.environ.get("FAKE_DAEMON", "").split()


def tell(event: str, **content: Any) -> None:
    """One event."""
    print(json.dumps({"event": event, **content}), flush=True)


def log(state: StateFolder, component: str, message: str, level: str = "info") -> None:
    """One log line."""
    state.logs.mkdir(parents=True, exist_ok=True)
    moment = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment * 1000) % 1000:03d}Z"
    with (state.logs / f"{component}.jsonl").open("a") as file:
        file.write(json.dumps({"time": stamp, "component": component, "stream": "", "level": level,
                               "message": message}) + "\n")


def main() -> int:
    """Start, wait for a signal, stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--system", type=Path, required=True)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--port", type=int)
    given = parser.parse_args()
    state = StateFolder(given.system, given.stage)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if "stubborn" in BEHAVIOUR else lambda *_: sys.exit(0))
    tell("phase", name="AWS API", state="started", seconds=0.0, detail="")
    if "chatter" in BEHAVIOUR:
        print("a definition says hello", flush=True)
    if "die" in BEHAVIOUR:
        print("something broke", file=sys.stderr, flush=True)
        return 3
    if "fail" in BEHAVIOUR:
        tell("failed", diagnostics=[
            {"code": "GS1101", "severity": "error", "summary": "unknown argument `hash_keys`",
             "file": str(given.system / "system.py"), "line": 7, "subject": 'Table("orders")', "detail": None,
             "mend": "did you mean `hash_key`?"},
            {"code": "GS1102", "severity": "warning", "summary": "an old word", "file": None, "line": None,
             "subject": None, "detail": None, "mend": None},
        ])
        return 1
    if "slow" in BEHAVIOUR:
        time.sleep(60)
    tell("phase", name="AWS API", state="done", seconds=0.25, detail="http://127.0.0.1:4566")
    tell("note", message="port 1 is taken")
    facts = {
        "pid": os.getpid(), "system": "shop", "stage": given.stage, "region": "eu-central-1",
        "started": "2026-11-20T14:00:00Z",
        "urls": {"AWS API": "http://127.0.0.1:4566", "api": f"http://127.0.0.1:{given.port or 8080}/dev"},
        "outputs": {"api_endpoint": "http://127.0.0.1:8080/dev", "settings": given.set, "cognito_pool_id": "eu_1",
                    "cognito_client_id": "abc$1"},
        "recorded_only": [
            {"address": "aws_nat_gateway.a", "type": "aws_nat_gateway", "component": "n", "reason": "no network here"},
            {"address": "aws_nat_gateway.b", "type": "aws_nat_gateway", "component": "n", "reason": "no network here"},
        ],
        "notes": ["port 1 is taken"], "status": "ready",
    }
    state.data.mkdir(exist_ok=True)
    (state.data / "table").write_text("an item")
    state.write_ground(facts)
    tell("ready", **facts)
    log(state, "orders-api", "listening")
    log(state, "worker", "no \x1b[31mcolour\x1b[0m of mine\nsecond line", "warning")
    try:
        if "crash-later" in BEHAVIOUR:
            time.sleep(0.3)
            print("the floor gave way", file=sys.stderr, flush=True)
            os._exit(9)
        while True:
            time.sleep(1)
    finally:
        state.forget_ground()


if __name__ == "__main__":
    sys.exit(main())
