"""`groundsill rehearse` beside the same synthesized files run by hand with terraform on the same kind of AWS API.

By hand means what a team would type: init, apply, plan, destroy. The rehearsal does these and besides looks for what is
left; that step is shown apart, because by hand nobody does it. Both are done in turn, as often as is asked for, and the
median of each step counts; the processor's seconds stand beside, because they tell less of what else the machine does.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import statistics
import tempfile
from pathlib import Path

from benchmarks.measuring import Run, median_of, run_process, table
from benchmarks.synth import GROUNDSILL

STAGE = "dev"
DEFINITION = '''
from groundsill import Stage, System
from groundsill.components import Function, HttpApi, Network, Queue, Table, Topic, UserPool

system = System("benchmark", region="us-east-1")


@system.define
def define(stage: Stage) -> None:
    orders = Table("orders", key="Id")
    jobs = Queue("jobs", dead_letter=Queue("dead"))
    news = Topic("news")
    users = UserPool("users")
    users.client("app", sign_in=["srp"])
    api = HttpApi("api", authorizer=users)
    for name in ("save", "show", "list"):
        api.route(f"POST /{name}", Function(name, "functions.all:run", uses=[orders.write, jobs.send, news.publish]))
    Network("main", zones=2, nat=0)
'''
"""About 60 resources of most services, and none that the provider waits minutes for."""
OWN_STEP = "what is left"
STEPS = {"init": "init", "apply": "apply", "second plan": "plan", "destroy": "destroy"}


def main(runs: int) -> None:
    """Run both in turn and print the seconds of each step side by side, and the overhead."""
    hand: list[dict[str, Run]] = []
    ours: list[tuple[dict[str, float], Run]] = []
    with tempfile.TemporaryDirectory(prefix="groundsill-benchmark-") as folder:
        system = _system(Path(folder) / "system")
        for number in range(runs):
            place = Path(folder) / str(number)
            place.mkdir()
            hand.append(asyncio.run(_by_hand(system, place)))
            ours.append(_rehearsed(system, place))
    steps = {name: statistics.median(found[name] for found, _ in ours) for name in (*STEPS, OWN_STEP)}
    by_hand = {name: median_of([found[name] for found in hand]) for name in STEPS}
    whole = median_of([run for _, run in ours])
    rows: list[list[object]] = [
        [step, f"{steps[step]:.1f}", f"{by_hand[step].wall:.1f}", _over(steps[step], by_hand[step].wall)] for step in STEPS
    ]
    rows.append(["start, synth, report", f"{whole.wall - sum(steps.values()):.1f}", "", ""])
    same, theirs = whole.wall - steps[OWN_STEP], sum(run.wall for run in by_hand.values())
    rows.append(["the same work", f"{same:.1f}", f"{theirs:.1f}", _over(same, theirs)])
    rows.append([OWN_STEP, f"{steps[OWN_STEP]:.1f}", "not done", ""])
    rows.append(["all", f"{whole.wall:.1f}", f"{theirs:.1f}", _over(whole.wall, theirs)])
    rows.append(["processor (ours with the AWS API)", f"{whole.cpu:.1f}", f"{sum(run.cpu for run in by_hand.values()):.1f}", ""])
    print(table([f"{runs} runs", "groundsill rehearse s", "terraform by hand s", "overhead"], rows))


def _over(ours: float, theirs: float) -> str:
    return f"{100 * (ours / theirs - 1):+.1f} %"


def _system(folder: Path) -> Path:
    (folder / "functions").mkdir(parents=True)
    (folder / "system.py").write_text(DEFINITION)
    (folder / "functions" / "all.py").write_text("def run(event, context):\n    return {}\n")
    return folder


def _rehearsed(system: Path, place: Path) -> tuple[dict[str, float], Run]:
    path = place / "report.json"
    # Through the shell, because the report is long and what is measured would wait for whoever reads it.
    command = shlex.join([*map(str, GROUNDSILL), "rehearse", str(system), "--stage", STAGE, "--json"])
    run = run_process(["/bin/sh", "-c", f"{command} > {shlex.quote(str(path))}"], timeout=3600)
    report = json.loads(path.read_text())
    assert report["passed"], report["problems"]
    return report["steps"], run


async def _by_hand(system: Path, place: Path) -> dict[str, Run]:
    from groundsill.definition.running import load_system
    from groundsill.ground.aws_api import AwsApi, AwsApiSettings, environment_for
    from groundsill.operate.rehearsal.configuration import stand_in_variables, write_folder
    from groundsill.operate.rehearsal.run import ACCOUNT
    from groundsill.terraform.engine import Engine

    graph = load_system(system).build(STAGE)
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
    found: dict[str, Run] = {}
    async with await AwsApi.start(AwsApiSettings(place / "aws", account_id=ACCOUNT)) as api:
        environment = environment_for(api.root_credentials(), api.url, graph.region)
        config = engine.environment_in(folder).get("TF_CLI_CONFIG_FILE", "")
        if config:
            environment["TF_CLI_CONFIG_FILE"] = config
        for name, command in commands.items():
            found[name] = await asyncio.to_thread(run_process, command, cwd=folder, environment=environment)
    return found
