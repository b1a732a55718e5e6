"""`groundsill check`: what it shows, in which forms, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from .conftest import Shop

FAULTY = '''
from groundsill import Stage, System, aws
from groundsill.components import Queue

system = System("shop", region="eu-central-1")


@system.define
def define(stage: Stage) -> None:
    jobs = Queue("jobs", visibility="30s")
    slow = aws.lambda_function("slow", function_name="slow", role="arn:aws:iam::123456789012:role/slow", timeout=60)
    aws.lambda_event_source_mapping("slow", event_source_arn=jobs.resource["arn"], function_name=slow["arn"])
    SUPPRESS
'''
RULE = "queue-visibility-below-function-timeout"
ONLY = ("--rule", RULE)


def faulty(shop: Shop, suppress: str = "pass") -> Shop:
    shop.define(FAULTY.replace("SUPPRESS", suppress))
    return shop


def test_a_finding_is_shown_below_its_component_with_line_detail_and_mend(shop: Shop) -> None:
    done = faulty(shop).run("check", *ONLY)
    assert done.returncode == 1
    assert done.stdout.startswith('Queue("jobs"')
    assert f"high[{RULE}]: a queue shows a message again while the function is still working on it" in done.stdout
    assert "--> system.py:10  aws_sqs_queue.jobs.visibility_timeout_seconds" in done.stdout
    assert "visibility is 30 s, and aws_lambda_function.slow runs up to 60 s" in done.stdout
    assert "set visibility_timeout_seconds to 360" in done.stdout
    assert "shop dev (basic): 1 high (1 rules, " in done.stdout.splitlines()[-1]
    assert f"groundsill check --explain {RULE}" in done.stderr


def test_what_fails_is_told_by_fail_on(shop: Shop) -> None:
    faulty(shop)
    assert shop.run("check", *ONLY, "--fail-on", "critical").returncode == 0
    assert shop.run("check", *ONLY, "--fail-on", "low").returncode == 1
    assert shop.run("check", *ONLY, "--fail-on", "never").returncode == 0
    assert shop.run("check", *ONLY, "--family", "safe").returncode == 0
    assert shop.run("check", "--fail-on", "hihg").returncode == 2


def test_a_suppressed_finding_is_shown_with_its_reason_and_fails_nothing(shop: Shop) -> None:
    faulty(shop, f'jobs.suppress("{RULE}", because="the function is idempotent")')
    done = shop.run("check", *ONLY)
    assert done.returncode == 0
    assert "Accepted" in done.stdout and "the function is idempotent" in done.stdout
    found = shop.json("check", *ONLY)
    assert found["findings"] == [] and found["suppressed"][0]["reason"] == "the function is idempotent"


def test_a_suppression_of_nothing_is_shown(shop: Shop) -> None:
    faulty(shop, 'jobs.suppress("queue-visibility-bellow", because="typed wrongly")')
    done = shop.run("check")
    assert "Suppressions of nothing" in done.stdout and "there is no such rule" in done.stdout
    assert done.returncode == 1 and "error[GS4103]" in done.stderr and f"did you mean `{RULE}`" in done.stderr
    shop.define(FAULTY.replace("SUPPRESS", f'jobs.suppress("{RULE}", because="was so once")').replace("30s", "6m"))
    done = shop.run("check", *ONLY)
    assert done.returncode == 0 and "nothing is found any more: take it out" in done.stdout


def test_json_has_everything_that_the_text_has(shop: Shop) -> None:
    found = faulty(shop).json("check", *ONLY, code=1)
    (finding,) = found["findings"]
    assert finding["rule"] == RULE and finding["severity"] == "high" and finding["family"] == "runs"
    assert (finding["file"], finding["line"]) == ("system.py", 10)
    assert (finding["address"], finding["attribute"]) == ("aws_sqs_queue.jobs", "visibility_timeout_seconds")
    assert finding["component"] == "jobs" and finding["related"] == ["aws_lambda_function.slow"]
    assert found["counts"] == {"critical": 0, "high": 1, "medium": 0, "low": 0}
    assert shop.run("check", *ONLY, "--format", "json").stdout == shop.run("check", *ONLY, "--json").stdout


def test_sarif_has_what_its_schema_requires(shop: Shop) -> None:
    """OASIS, SARIF 2.1.0: 3.13 sarifLog, 3.14 run, 3.18 tool, 3.27 result, 3.28 location, 3.35 suppression, 3.49 rule."""
    faulty(shop, f'jobs.suppress("{RULE}", because="idempotent")')
    log = json.loads(shop.run("check", *ONLY, "--format", "sarif").stdout)
    assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "groundsill"
    assert [rule["id"] for rule in driver["rules"]] == [RULE]
    assert driver["rules"][0]["shortDescription"]["text"] and driver["rules"][0]["help"]["text"]
    assert run["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]
    (result,) = run["results"]
    assert result["ruleId"] == RULE and driver["rules"][result["ruleIndex"]]["id"] == RULE
    assert result["level"] in ("none", "note", "warning", "error") and result["message"]["text"]
    physical = result["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"] == {"uri": "system.py", "uriBaseId": "ROOT"}
    assert physical["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]
    assert physical["region"]["startLine"] == 10
    assert result["suppressions"] == [{"kind": "inSource", "justification": "idempotent"}]


def test_junit_has_a_failure_a_finding_and_the_counts_agree(shop: Shop) -> None:
    root = ElementTree.fromstring(faulty(shop).run("check", *ONLY, "--format", "junit").stdout)
    (failure,) = root.iter("failure")
    assert failure.get("type") == "high" and "visibility is 30 s" in (failure.text or "")
    assert root.get("failures") == "1" == root[0].get("failures") and root[0].get("name") == "jobs"
    root = ElementTree.fromstring(shop.run("check", *ONLY, "--format", "junit", "--fail-on", "never").stdout)
    assert not list(root.iter("failure")) and root.get("failures") == "0"


def test_markdown_is_a_table_a_component(shop: Shop) -> None:
    text = faulty(shop).run("check", *ONLY, "--format", "markdown").stdout
    assert "## jobs" in text
    assert f"| high | `{RULE}` | `aws_sqs_queue.jobs` system.py:10 |" in text


def test_a_report_is_written_whole_where_it_is_told_and_shown_as_text(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "reports" / "check.sarif"
    done = faulty(shop).run("check", *ONLY, "--format", "sarif", "--out", str(path))
    assert done.returncode == 1 and done.stdout.startswith('Queue("jobs"')
    assert json.loads(path.read_text())["version"] == "2.1.0"
    assert [item.name for item in path.parent.iterdir()] == ["check.sarif"]
    done = shop.run("check", "--out", "/proc/nothing/report")
    assert done.returncode == 1 and "error[GS4102]" in done.stderr and "Traceback" not in done.stderr


def test_a_rule_is_explained_and_a_misspelt_one_is_guessed(shop: Shop) -> None:
    done = shop.run("check", "--explain", RULE)
    assert done.returncode == 0
    for words in ("why", "mend", "example", "Using Lambda with Amazon SQS"):
        assert words in done.stdout
    for option in ("--explain", "--rule"):
        done = shop.run("check", option, "queue-visibility-below-function-timout")
        assert done.returncode == 1 and f"did you mean `{RULE}`?" in done.stderr


def test_rules_are_listed_by_family(shop: Shop) -> None:
    listed = shop.json("check", "--list", "--family", "runs")["rules"]
    assert RULE in {rule["id"] for rule in listed} and {rule["family"] for rule in listed} == {"runs"}
    assert RULE in shop.run("check", "--list").stdout


def test_a_mistake_in_the_definition_is_shown_before_anything_is_checked(shop: Shop) -> None:
    shop.define(FAULTY.replace("SUPPRESS", 'Queue("other", colour="red")'))
    done = shop.run("check")
    assert done.returncode == 1 and "error[GS1201]" in done.stderr and done.stdout == ""
