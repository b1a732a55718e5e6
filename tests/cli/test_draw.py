"""`groundsill draw`: a picture where the user wants it, or a clear word why there is none."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from groundsill.cli.main import main

SYSTEM = str(Path(__file__).resolve().parents[2] / "systems" / "parrot")


def test_the_picture_is_written_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["draw", SYSTEM, "--stage", "prod", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    path = tmp_path / "parrot-prod.svg"
    assert told["path"] == str(path)
    ET.parse(path)
    assert {"source", "target", "kind", "label"} == set(told["edges"][0])
    assert {node["label"] for node in told["nodes"]} >= {"front", "backend", "db"}
    assert [file.name for file in tmp_path.iterdir()] == ["parrot-prod.svg"]


def test_the_ending_says_the_form(tmp_path: Path) -> None:
    assert main(["draw", SYSTEM, "--out", str(tmp_path / "a.mmd")]) == 0
    assert (tmp_path / "a.mmd").read_text().startswith("---\ntitle:")
    assert main(["draw", SYSTEM, "--out", str(tmp_path / "a.md")]) == 0
    assert (tmp_path / "a.md").read_text().startswith("```mermaid\n")


def test_standard_output_takes_the_picture_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", SYSTEM, "--out", "-"]) == 0
    ET.fromstring(capsys.readouterr().out)


@pytest.mark.parametrize(("arguments", "code"), [
    ([SYSTEM, "--out", "picture.bmp"], "GS4301"), ([SYSTEM, "--out", "/proc/nowhere/a.svg"], "GS4302"), (["/nowhere"], "GS4001"),
])
def test_what_cannot_be_drawn_is_said(arguments: list[str], code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", *arguments]) == 1
    assert code in capsys.readouterr().err


def test_costs_are_those_of_the_estimate(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", SYSTEM, "--stage", "prod", "--costs", "--out", "-"]) == 0
    assert "US dollars a month, expected" in capsys.readouterr().out
