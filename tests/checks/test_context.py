"""What rules are given: texts, and a view that they may share with other readers."""

from __future__ import annotations

from groundsill.checks.context import Context
from groundsill.checks.run import check
from groundsill.cost.estimate import estimate
from groundsill.diagram.draw import picture_of
from groundsill.graph.iam_policies import Policies
from groundsill.graph.view import View

from .support import TODAY, graph, json, system


def test_texts_are_found_in_the_graphs_order_and_each_is_asked_about_once() -> None:
    given = graph({
        "aws_sqs_queue.b": {"name": "here", "tags": {"Team": "there", "/home/ana": "here"}},
        "aws_sqs_queue.a": {"name": "here", "policy": json({"Statement": [{"Sid": "there"}]})},
    })
    asked: list[str] = []

    def meant(text: str) -> bool:
        asked.append(text)
        return text in ("here", "/home/ana")

    found = Context(given).texts_where(meant)
    assert [(item.resource.name, item.argument, item.name, item.text) for item in found] == [
        ("b", "name", "name", "here"), ("b", "tags", "tags", "/home/ana"), ("b", "tags", "/home/ana", "here"),
        ("a", "name", "name", "here")]
    assert sorted(asked) == ["/home/ana", "here", "there"]


def test_readers_that_share_a_view_say_what_they_say_alone() -> None:
    given = system("multitask", "prod")
    view = View(given)
    picture, shared, found = picture_of(given, view), estimate(given, view=view), check(given, today=TODAY, view=view)
    assert found.results == check(given, today=TODAY).results and found.suppressed == check(given, today=TODAY).suppressed
    assert shared.lines == estimate(given).lines
    assert (picture[0].edges, picture[1]) == (picture_of(given)[0].edges, picture_of(given)[1])


def test_a_policy_is_read_once_for_all_who_ask() -> None:
    given = graph({"aws_iam_role_policy.work": {"policy": json({"Statement": [
        {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}]})}})
    policies = Policies(View(given))
    found = policies.of(given["aws_iam_role_policy.work"])
    assert found and found[0].actions == ("sqs:SendMessage",)
    assert policies.of(given["aws_iam_role_policy.work"]) is found
