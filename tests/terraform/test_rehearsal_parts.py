"""The parts of a rehearsal that need no Terraform: what is left out, what is written, what the report says."""

from __future__ import annotations

import json
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from groundsill.graph import (
    ContainerImage,
    FunctionPackage,
    Graph,
    JsonDocument,
    Lifecycle,
    Output,
    Provider,
    Resource,
    Variable,
)
from groundsill.operate.rehearsal import GAPS, Gap, Outcome, Report, ResourceReport
from groundsill.operate.rehearsal.configuration import lift_protections, stand_in_variables, write_folder
from groundsill.operate.rehearsal.gaps import EMULATOR, left_out
from groundsill.operate.rehearsal.leftovers import read_state
from groundsill.terraform.synth import text

DETECTOR = Gap("aws_guardduty_detector", "apply", "the call is not there")


def _graph() -> Graph:
    graph = Graph("shop", "dev", "eu-central-1")
    detector = graph.add(Resource("aws_guardduty_detector", "main", {"enable": True}))
    feature = graph.add(Resource("aws_guardduty_detector_feature", "s3", {"detector_id": detector["id"]}))
    topic = graph.add(Resource("aws_sns_topic", "found", {"name": "found"}))
    graph.add(Resource("aws_sns_topic_policy", "found", {
        "arn": topic["arn"], "policy": JsonDocument({"Id": feature["id"]})}))
    graph.add(Resource("aws_sqs_queue", "after", {"name": "after"}, depends_on=("aws_guardduty_detector.main",)))
    graph.add_output(Output("detector", detector["id"]))
    graph.add_output(Output("topic", topic["arn"]))
    return graph


def test_what_cannot_be_applied_is_left_out_with_all_that_needs_it_and_says_why() -> None:
    assert left_out(_graph(), (DETECTOR,)) == {
        "aws_guardduty_detector.main": "MiniStack 1.5.33: the call is not there",
        "aws_guardduty_detector_feature.s3": "needs aws_guardduty_detector.main, which is left out",
        "aws_sns_topic_policy.found": "needs aws_guardduty_detector_feature.s3, which is left out",
        "aws_sqs_queue.after": "needs aws_guardduty_detector.main, which is left out",
    }


def test_the_copy_without_them_has_neither_them_nor_outputs_of_them(tmp_path: Path) -> None:
    graph = _graph()
    write_folder(graph, tmp_path, list(left_out(graph, (DETECTOR,))))
    written = json.loads((tmp_path / "main.tf.json").read_text())
    assert written["resource"] == {"aws_sns_topic": {"found": {"name": "found"}}}
    assert list(written["output"]) == ["topic"]


def test_where_nothing_is_left_out_the_very_file_of_a_deployment_is_rehearsed(tmp_path: Path) -> None:
    graph = _graph()
    graph.add_provider("us-east-1")
    write_folder(graph, tmp_path, [])
    assert (tmp_path / "main.tf.json").read_text() == text(graph)
    override = json.loads((tmp_path / "rehearsal_override.tf.json").read_text())
    assert [provider.get("alias") for provider in override["provider"]["aws"]] == [None, "us_east_1"]
    assert Provider("us-east-1", "us_east_1") in graph.providers


def test_packages_are_the_real_ones_and_where_one_cannot_be_built_a_stand_in_is_named(tmp_path: Path) -> None:
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "save.py").write_text("def save(event, context): ...\n")
    graph = Graph("shop", "dev", "eu-central-1")
    for name, requirements in (("save", None), ("broken", tmp_path / "absent.txt")):
        graph.add_artifact(FunctionPackage(name, tmp_path, ("functions",), requirements, "python3.13", "arm64",
                                           f"aws_lambda_function.{name}"))
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
        stand_ins = write_folder(graph, folder, [])
        assert list(stand_ins) == ["broken"] and "without the function's code" in stand_ins["broken"]
    first, second = ({path.name: path.read_bytes() for path in (folder / "packages").iterdir()} for folder in folders)
    assert first == second and len(first) == 2
    with zipfile.ZipFile(next((folders[0] / "packages").glob("save-*.zip"))) as archive:
        assert archive.namelist() == ["functions/save.py"]


def test_images_and_secrets_have_stand_ins_of_the_right_form(tmp_path: Path) -> None:
    graph = Graph("shop", "dev", "eu-central-1")
    graph.add_artifact(ContainerImage("energy", tmp_path, "Dockerfile", ("run",), "linux/arm64",
                                      "aws_ecr_repository.energy", "energy_image"))
    for name, kind in {"energy_image": "string", "secret": "string", "count": "number", "names": "list(string)"}.items():
        graph.add_variable(Variable(name, "", type=kind))
    graph.add_variable(Variable("known", "", default="x"))
    values, named = stand_in_variables(graph, "000000000000", {"secret": "given"})
    assert values == {
        "energy_image": f"000000000000.dkr.ecr.eu-central-1.amazonaws.com/energy@sha256:{'0' * 64}",
        "secret": "given", "count": 1, "names": [],
    }
    assert named == {"energy_image": "an image that was not built", "count": "a made-up value", "names": "a made-up value"}


def test_what_holds_a_destroy_back_is_lifted_and_named(tmp_path: Path) -> None:
    graph = Graph("shop", "prod", "eu-central-1")
    graph.add(Resource("aws_dynamodb_table", "a", {"name": "a", "deletion_protection_enabled": True},
                       lifecycle=Lifecycle(prevent_destroy=True)))
    graph.add(Resource("aws_dynamodb_table", "b", {"name": "b", "deletion_protection_enabled": False}))
    graph.add(Resource("aws_lb", "front", {"name": "front"}))
    write_folder(graph, tmp_path, [])
    assert lift_protections(tmp_path) == [
        "aws_dynamodb_table.a: deletion_protection_enabled", "aws_dynamodb_table.a: lifecycle.prevent_destroy"]
    written = json.loads((tmp_path / "main.tf.json").read_text())["resource"]["aws_dynamodb_table"]["a"]
    assert written["deletion_protection_enabled"] is False and not written["lifecycle"]
    before = (tmp_path / "main.tf.json").stat().st_mtime_ns
    assert lift_protections(tmp_path) == []
    assert (tmp_path / "main.tf.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(("path", "covered"), [
    ("setting", True), ("setting[0].value", True), ("setting.value", True), ("settings", False), ("other.setting", False),
])
def test_a_gap_covers_its_attribute_and_what_is_in_it_alone(path: str, covered: bool) -> None:
    gap = Gap("aws_ecs_cluster", "plan", "is not kept", "setting")
    assert gap.covers("aws_ecs_cluster", path) is covered
    assert not gap.covers("aws_ecs_service", path)


def _clean(address: str) -> ResourceReport:
    return ResourceReport(address, address.split(".")[0], "jobs", "system.py:3", applied=True, destroyed=True)


def test_each_way_to_fail_fails_the_resource_and_the_whole() -> None:
    for spoil in (
        lambda item: setattr(item, "applied", False), lambda item: setattr(item, "destroyed", False),
        lambda item: setattr(item, "left", True), lambda item: item.changed.append("name"),
        lambda item: item.errors.append("apply: no"),
    ):
        good, bad = _clean("aws_sqs_queue.good"), _clean("aws_sqs_queue.bad")
        spoil(bad)
        report = Report("shop", "dev", "Terraform 1.11.4", "5.100.0", "MiniStack", resources=[good, bad])
        assert (good.outcome, bad.outcome, report.passed) == (Outcome.CLEAN, Outcome.FAILED, False)
    report = Report("shop", "dev", "Terraform 1.11.4", "5.100.0", "MiniStack", resources=[_clean("aws_sqs_queue.a")])
    assert report.passed
    report.problems.append("the second plan would update the output x")
    assert not report.passed


def test_gaps_and_what_was_left_out_pass_and_are_shown_with_their_reasons() -> None:
    known = _clean("aws_flow_log.main")
    known.gaps.append(Gap("aws_flow_log", "plan", "is | not kept", "log_format"))
    absent = ResourceReport("aws_guardduty_detector.main", "aws_guardduty_detector", left_out="the call is not there")
    read = ResourceReport("data.aws_region.here", "aws_region", data=True)
    report = Report("shop", "dev", "Terraform 1.11.4", "5.100.0", "MiniStack", {"energy_image": "an image"},
                    [known, absent, read], {"apply": 3.0}, lifted=["aws_lb.front: enable_deletion_protection"])
    assert report.passed and report.counts == {"clean": 1, "gap": 1, "not rehearsed": 1, "failed": 0}
    shown = report.to_markdown()
    for words in ("passed", "is \\| not kept", "the call is not there", "`energy_image`", "enable_deletion_protection"):
        assert words in shown
    assert json.loads(json.dumps(report.to_dict()))["resources"][0]["gaps"][0]["attribute"] == "log_format"


def test_a_known_gap_of_the_destroy_passes_and_another_resource_that_is_left_does_not() -> None:
    known, other = _clean("aws_config_delivery_channel.a"), _clean("aws_sqs_queue.b")
    for item in (known, other):
        item.destroyed = False
    known.gaps.append(Gap("aws_config_delivery_channel", "destroy", "it cannot be deleted"))
    assert (known.outcome, other.outcome) == (Outcome.GAP, Outcome.FAILED)


def test_the_gaps_are_those_of_the_emulator_that_is_installed() -> None:
    assert f"MiniStack {metadata.version('ministack')}" == EMULATOR


def test_what_a_destroy_leaves_is_looked_for_without_order_and_slow_types_are_asked_directly() -> None:
    def resource(type_: str, **attributes: object) -> dict[str, object]:
        return {"mode": "managed", "type": type_, "name": "a",
                "instances": [{"attributes": attributes, "dependencies": ["aws_vpc.a"]}]}

    before = read_state(json.dumps({"version": 4, "resources": [
        resource("aws_sqs_queue", url="http://x/q"), resource("aws_cloudwatch_log_group", skip_destroy=True),
        {"mode": "data", "type": "aws_region", "name": "here", "instances": [{"attributes": {}}]},
        {"mode": "managed", "type": "aws_vpc", "name": "none", "instances": []},
    ]}).encode())
    assert before.addresses == {"aws_sqs_queue.a", "aws_cloudwatch_log_group.a"}
    assert before.asked_directly == {"aws_sqs_queue.a": ("aws_sqs_queue", {"url": "http://x/q"})}
    assert list(before.stays) == ["aws_cloudwatch_log_group.a"]
    assert b"dependencies" not in before.provider_looks_for and b"aws_sqs_queue" not in before.provider_looks_for


def test_the_list_of_gaps_is_in_order_and_says_of_each_what_it_must() -> None:
    assert list(GAPS) == sorted(GAPS, key=lambda gap: (gap.type, gap.step, gap.attribute))
    for gap in GAPS:
        assert gap.reason and bool(gap.attribute) == (gap.step == "plan")
    assert len({(gap.type, gap.step, gap.attribute) for gap in GAPS}) == len(GAPS)
