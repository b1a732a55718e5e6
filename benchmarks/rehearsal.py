"""`groundsill rehearse` beside the same synthesized files run by hand with terraform on the same kind of AWS API.

By hand means what a team would type: init, apply, plan, destroy. The rehearsal does these and besides looks for what is
left; that step is shown apart, because by hand nobody does it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.measuring import run_process, table
from benchmarks.synth import GROUNDSILL

SYSTEM = Path(__file__).resolve().parent.parent / "systems" / "open_metabolics"
STAGE = "dev"
OWN_STEP = "what is left"
STEPS = {"init": "init", "apply": "apply", "second plan": "plan", "destroy": "destroy"}


def main(runs: int) -> None:
    """Run both in turn and print the seconds of each step side by side, and the overhead."""
    del runs  # minutes of the provider's own waiting, which hardly differ from one run to the next: one is enough
    with tempfile.TemporaryDirectory(prefix="groundsill-benchmark-") as folder:
        place = Path(folder)
        by_hand = asyncio.run(_by_hand(place))
        ours, whole = _rehearsed(place / "ours.json")
    rows: list[list[object]] = [
        [step, f"{ours[step]:.1f}", f"{by_hand[step]:.1f}", f"{100 * (ours[step] / by_hand[step] - 1):+.0f} %"]
        for step in STEPS
    ]
    rest = whole - ours[OWN_STEP] - sum(ours[step] for step in STEPS)
    rows.append(["start, synth, report", f"{rest:.1f}", "", ""])
    same, hand = whole - ours[OWN_STEP], sum(by_hand.values())
    rows.append(["the same work", f"{same:.1f}", f"{hand:.1f}", f"{100 * (same / hand - 1):+.1f} %"])
    rows.append([OWN_STEP, f"{ours[OWN_STEP]:.1f}", "not done", ""])
    rows.append(["all", f"{whole:.1f}", f"{hand:.1f}", f"{100 * (whole / hand - 1):+.1f} %"])
    print(table([f"OpenMetabolics {STAGE}", "groundsill rehearse s", "terraform by hand s", "overhead"], rows))


def _rehearsed(path: Path) -> tuple[dict[str, float], float]:
    with path.open("w") as output:
        started = time.perf_counter()
        subprocess.run([*GROUNDSILL, "rehearse", str(SYSTEM), "--stage", STAGE, "--json"], stdout=output, check=True)  # noqa: S603
        whole = time.perf_counter() - started
    report = json.loads(path.read_text())
    assert report["passed"], report["problems"]
    return report["steps"], whole


async def _by_hand(place: Path) -> dict[str, float]:
    from groundsill.definition.running import load_system
    from groundsill.ground.aws_api import AwsApi, AwsApiSettings, environment_for
    from groundsill.operate.rehearsal.configuration import stand_in_variables, write_folder
    from groundsill.operate.rehearsal.run import ACCOUNT
    from groundsill.terraform.engine import Engine

    graph = load_system(SYSTEM).build(STAGE)
    folder = place / "by-hand"
    folder.mkdir()
    write_folder(graph, folder, [])
    values, _ = stand_in_variables(graph, ACCOUNT, {})
    (folder / "terraform.tfvars.json").write_text(json.dumps(values))
    engine = Engine.find()
    program = str(engine.binary)
    commands = {
        "init": [program, "init", "-input=false", "-no-color"],
        "apply": [program, "apply", "-input=false", "-auto-approve", "-no-color"],
        "second plan": [program, "plan", "-input=false", "-detailed-exitcode", "-no-color"],
        "destroy": [program, "destroy", "-input=false", "-auto-approve", "-no-color"],
    }
    seconds: dict[str, float] = {}
    async with await AwsApi.start(AwsApiSettings(place / "aws", account_id=ACCOUNT)) as api:
        environment = environment_for(api.root_credentials(), api.url, graph.region)
        config = engine._environment(folder).get("TF_CLI_CONFIG_FILE", "")  # pyright: ignore[reportPrivateUsage]
        if config:
            environment["TF_CLI_CONFIG_FILE"] = config
        for name, command in commands.items():
            done = await asyncio.to_thread(run_process, command, cwd=folder, environment=environment)
            seconds[name] = done.wall
    return seconds
