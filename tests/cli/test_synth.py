"""Writing Terraform's configuration, and what a whole process of it costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from .conftest import COMMAND, Shop


def test_synth_writes_main_tf_json_where_it_is_told(shop: Shop, tmp_path: Path) -> None:
    shown = shop.json("synth", "--out", str(tmp_path / "deep" / "out"))
    path = tmp_path / "deep" / "out" / "main.tf.json"
    assert shown["path"] == str(path.resolve())
    written = json.loads(path.read_text())
    assert shown["resources"] == sum(len(members) for members in written["resource"].values())
    assert (shown["system"], shown["stage"], shown["region"], shown["warnings"]) == ("shop", "dev", "eu-central-1", [])


def test_synth_defaults_to_the_state_folder_and_names_what_is_next(shop: Shop) -> None:
    done = shop.run("synth", "--stage", "prod")
    assert done.returncode == 0
    assert ".groundsill/prod/terraform/main.tf.json" in done.stdout
    assert "terraform -chdir=.groundsill/prod/terraform init" in done.stderr
    assert "groundsill up --stage prod" in done.stderr


def test_synth_twice_gives_the_same_bytes(shop: Shop, tmp_path: Path) -> None:
    texts: list[bytes] = []
    for name in ("a", "b"):
        shop.run("synth", "--out", str(tmp_path / name))
        texts.append((tmp_path / name / "main.tf.json").read_bytes())
    assert texts[0] == texts[1]


def test_another_tier_is_seen_beside_what_the_stage_is_deployed_from(shop: Shop) -> None:
    shop.run("synth")
    deployed = shop.folder / ".groundsill/dev/terraform/main.tf.json"
    before = deployed.read_bytes()
    shown = shop.json("synth", "--tier", "enterprise")
    assert (shown["stage"], shown["tier"]) == ("dev", "enterprise")
    assert shown["path"].endswith(".groundsill/dev/terraform-enterprise/main.tf.json")
    assert '"aws_kms_key"' in Path(shown["path"]).read_text()
    assert deployed.read_bytes() == before
    done = shop.run("synth", "--tier", "entreprise")
    assert done.returncode == 1
    assert "error[GS1316]: unknown tier 'entreprise'" in done.stderr
    assert "did you mean `enterprise`?" in done.stderr


def test_what_a_definition_prints_does_not_get_into_the_result(shop: Shop) -> None:
    shop.define((shop.folder / "system.py").read_text() + "\nprint('hello from the definition')\n")
    assert shop.json("synth")["resources"] > 0


def test_every_mistake_is_shown_with_its_line_and_counted(shop: Shop) -> None:
    shop.define('''
from groundsill import Stage, System
from groundsill.components import Function, Table
system = System("shop")
@system.define
def define(stage: Stage) -> None:
    Table("orders", key="Id", colour="red")
    Function("save", "nothandler")
    stage.setting("absent")
''')
    done = shop.run("synth")
    assert done.returncode == 1 and done.stdout == "" and "Traceback" not in done.stderr
    for line in (7, 8, 9):
        assert f"--> system.py:{line}" in done.stderr
    assert done.stderr.rstrip().endswith("3 errors")
    shown = shop.json("synth", code=1)
    assert shown["error"] == "3 errors" and {item["line"] for item in shown["diagnostics"]} == {7, 8, 9}
    assert not (shop.folder / ".groundsill").exists()


def test_a_definition_that_is_no_python_is_named_with_its_line(shop: Shop) -> None:
    shop.define("x = 1\nthis is not Python\n")
    done = shop.run("synth")
    assert done.returncode == 1 and "--> system.py:2" in done.stderr and "Traceback" not in done.stderr


def test_a_definition_that_ends_the_program_is_an_error(shop: Shop) -> None:
    shop.define((shop.folder / "system.py").read_text() + "    raise SystemExit(0)\n")
    done = shop.run("synth")
    assert done.returncode == 1 and "GS1313" in done.stderr


def test_a_path_that_is_not_utf_8_is_an_error_like_others(shop: Shop) -> None:
    done = subprocess.run([*COMMAND, "synth", b"no\xffwhere", "--json"], cwd=shop.folder, capture_output=True)
    assert done.returncode == 1 and "no\udcffwhere" in json.loads(done.stdout)["error"]


def test_settings_on_the_command_line_go_before_the_file(shop: Shop) -> None:
    shop.define('''
from groundsill import Stage, System
from groundsill.components import Queue
from pydantic import BaseModel
class Settings(BaseModel):
    keep: str
system = System("shop", settings=Settings)
@system.define
def define(stage: Stage) -> None:
    Queue("jobs", retention=stage.setting("keep"))
''')
    missing = shop.run("synth")
    assert missing.returncode == 1 and "--set keep=VALUE" in missing.stderr
    shown = shop.json("synth", "--set", "keep=2d")
    written = json.loads(Path(shown["path"]).read_text())
    assert written["resource"]["aws_sqs_queue"]["jobs"]["message_retention_seconds"] == 172_800


def test_a_folder_that_cannot_be_written_is_named(shop: Shop) -> None:
    (shop.folder / "file").write_text("")
    done = shop.run("synth", "--out", "file/below")
    assert done.returncode == 1 and "GS2108" in done.stderr and "file/below" in done.stderr


def test_no_system_is_a_clear_error(shop: Shop, tmp_path: Path) -> None:
    (shop.folder / "system.py").unlink()
    assert "GS1312" in shop.run("synth").stderr
    assert "GS2101" in shop.run("synth", "nowhere").stderr
    assert shop.json("synth", code=1)["diagnostics"][0]["code"] == "GS1312"


def test_a_system_is_named_by_its_folder_or_its_file(shop: Shop, tmp_path: Path) -> None:
    for name in (str(shop.folder), str(shop.folder / "system.py"), "../shop"):
        assert shop.json("synth", name, "--stage", "dev")["system"] == "shop"


_LARGE = '''
from groundsill import Stage, System
from groundsill.components import Queue
system = System("large")
@system.define
def define(stage: Stage) -> None:
    for number in range(100):
        Queue(f"queue-{number}")
'''
_HEAVY = ("typer", "click", "rich", "pydantic", "boto3", "uvicorn", "asyncio", "psutil")


def test_synth_of_a_hundred_resources_loads_nothing_heavy_and_stays_below_60_mb(shop: Shop) -> None:
    shop.define(_LARGE)
    program = (
        "import resource, sys\n"
        "def peak_megabytes():\n"
        "    try:\n"
        "        status = open('/proc/self/status').read()\n"
        "    except OSError:\n"
        "        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024\n"
        "    return int(status.split('VmHWM:')[1].split()[0]) // 1024\n"
        "from groundsill.cli.main import main\n"
        "code = main(['synth', '--json'])\n"
        f"print([name for name in {_HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
        "print(peak_megabytes(), file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    # Read from the process's own memory map: the account of resource usage starts with the peak of whoever forked it.
    done = subprocess.run(["/bin/sh", "-c", 'exec "$0" -c "$1"', sys.executable, program], cwd=shop.folder,
                          env=os.environ.copy(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    loaded, megabytes = done.stderr.splitlines()[-2:]
    assert loaded == "[]"
    assert int(megabytes) <= 60
