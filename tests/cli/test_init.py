"""A new system: complete, and sound by its own definition."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Shop


def test_a_new_system_can_be_synthesized_for_every_stage_at_once(shop: Shop) -> None:
    made = shop.json("init", "notes")
    assert {"system.py", "functions/notes.py", "settings.toml", ".gitignore", "README.md"} <= set(made["files"])
    assert "{{" not in "".join(path.read_text() for path in (shop.folder / "notes").rglob("*") if path.is_file())
    for stage in ("dev", "prod"):
        shown = shop.json("synth", "notes", "--stage", stage)
        assert shown["system"] == "notes" and shown["warnings"] == []
        written = json.loads(Path(shown["path"]).read_text())
        assert {"aws_dynamodb_table", "aws_lambda_function", "aws_apigatewayv2_api"} <= set(written["resource"])
        assert set(written["output"]) == {"api_endpoint", "notes_table_name"}


def test_next_actions_name_the_new_folder(shop: Shop) -> None:
    done = shop.run("init", "deep/down/notes")
    assert done.returncode == 0 and "groundsill up deep/down/notes" in done.stderr
    assert (shop.folder / "deep/down/notes/system.py").is_file()


def test_what_exists_is_never_overwritten(shop: Shop) -> None:
    (shop.folder / "notes").mkdir()
    (shop.folder / "taken").write_text("mine")
    (shop.folder / "dangling").symlink_to("nowhere")
    for name in ("notes", "taken", "dangling", "."):
        done = shop.run("init", name)
        assert done.returncode == 1 and "GS2132" in done.stderr, name
    assert list((shop.folder / "notes").iterdir()) == [] and (shop.folder / "taken").read_text() == "mine"
    assert not [path for path in shop.folder.iterdir() if path.name.startswith(".notes")]


@pytest.mark.parametrize("name", ["Notes", "1st", "my_notes", "n" * 41, "né"])
def test_a_name_that_no_system_can_have_is_refused(shop: Shop, name: str) -> None:
    done = shop.run("init", name)
    assert done.returncode == 1 and "GS2130" in done.stderr and not (shop.folder / name).exists()


def test_an_unknown_template_is_named_with_the_known_ones(shop: Shop) -> None:
    done = shop.run("init", "notes", "--template", "http-ap")
    assert done.returncode == 1 and "did you mean `http-api`" in done.stderr
