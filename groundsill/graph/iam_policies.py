"""IAM policy documents as statements, wherever they are written, and whether a pattern covers an ARN."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from groundsill.graph.judgement import Answer
from groundsill.graph.reference import JsonDocument, Reference, Unknown, holds_reference, references_in, split_template
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.graph.view import View

# What these data sources give is the same in a policy and in the thing that it names, whatever it is.
_SAME_EVERYWHERE = ("aws_caller_identity", "aws_region", "aws_partition")
# ARN of a resource from its arguments: IAM reference, "Actions, resources, and condition keys for AWS services".
_ARNS: Mapping[str, tuple[str, str]] = {
    "aws_sqs_queue": ("sqs", "{name}"), "aws_sns_topic": ("sns", "{name}"), "aws_dynamodb_table": ("dynamodb", "table/{name}"),
    "aws_lambda_function": ("lambda", "function:{function_name}"),
    "aws_secretsmanager_secret": ("secretsmanager", "secret:{name}-*"), "aws_ssm_parameter": ("ssm", "parameter{name}"),
    "aws_kinesis_stream": ("kinesis", "stream/{name}"), "aws_cloudwatch_log_group": ("logs", "log-group:{name}"),
    "aws_cloudwatch_event_bus": ("events", "event-bus/{name}"), "aws_ecr_repository": ("ecr", "repository/{name}"),
    "aws_sfn_state_machine": ("states", "stateMachine:{name}"), "aws_ecs_cluster": ("ecs", "cluster/{name}"),
}
_ARN_ATTRIBUTES = ("arn", "invoke_arn", "id", "execution_arn", "secret_id")


_EFFECTS = {"Allow": True, "Deny": False}


class Statement(NamedTuple):
    """One statement of a policy.

    Arguments:
        allows: True for ``Allow``, False for ``Deny``, None where it is not known.
        actions: that it names; None where it names none but ``not_actions``, or where they are not known.
        not_actions: all but these.
        resources: ARNs, patterns and references; empty in a trust policy.
        not_resources: all but these.
        conditions: conditions as written; empty without any.
        principals: by kind (``AWS``, ``Service``); ``{"*": ["*"]}`` for everybody; empty in an identity policy.
        sid: its name.
    """

    allows: bool | None
    actions: tuple[Any, ...] | None
    not_actions: tuple[Any, ...] = ()
    resources: tuple[Any, ...] = ()
    not_resources: tuple[Any, ...] = ()
    conditions: Mapping[str, Any] | None = None
    principals: Mapping[str, tuple[Any, ...]] | None = None
    sid: str = ""


def statements(view: View, value: Any) -> list[Statement] | None:
    """The statements of a policy argument: a structure, JSON text, or an ``aws_iam_policy_document``.

    Arguments:
        view: of the graph.
        value: of the argument, as written or followed.

    Returns:
        The statements; None where the document is not known.
    """
    if isinstance(value, JsonDocument):
        return _of_document(value.content)
    if isinstance(value, str):
        parts = split_template(value)
        if len(parts) == 1 and isinstance(parts[0], Reference):
            return statements(view, parts[0])
        try:
            return _of_document(json.loads(value))
        except ValueError:
            return None
    if isinstance(value, Reference):
        target = view.graph.target(value)
        if target is not None and target.type == "aws_iam_policy_document":
            return _of_data_source(view, target)
        if target is not None and target.type == "aws_iam_policy" and value.attribute == "policy":
            return statements(view, view.get(target, "policy"))
        return None
    return _of_document(value) if is_mapping(value) else None


class Policies:
    """The policies of a graph, each read once for all who ask about it.

    Arguments:
        view: of a finished graph.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self._read: dict[tuple[Resource, str], list[Statement] | None] = {}

    def of(self, resource: Resource, argument: str = "policy") -> list[Statement] | None:
        """The statements of a resource's argument, as of :func:`statements`.

        Arguments:
            resource: whose argument.
            argument: that holds the policy.
        """
        key = (resource, argument)
        if key not in self._read:
            self._read[key] = statements(self.view, self.view.get(resource, argument))
        return self._read[key]


def _of_document(content: Any) -> list[Statement] | None:
    if not is_mapping(content) or isinstance(content.get("Statement"), Reference | Unknown):
        return None
    return [_of_mapping(item) for item in _listed(content.get("Statement")) if is_mapping(item)]


def _of_mapping(item: Mapping[str, Any]) -> Statement:
    principal = item.get("Principal")
    principals: dict[str, tuple[Any, ...]] | None = None
    if is_mapping(principal):
        principals = {str(kind): _all(who) for kind, who in principal.items()}
    elif principal is not None:
        principals = {"*": (principal,)}
    condition = item.get("Condition")
    return Statement(
        _EFFECTS.get(str(item.get("Effect", ""))),
        _all(item["Action"]) if "Action" in item else None, _all(item.get("NotAction")), _all(item.get("Resource")),
        _all(item.get("NotResource")),
        condition if is_mapping(condition) else {} if condition is None else {"?": condition}, principals,
        str(item.get("Sid", "")),
    )


def _of_data_source(view: View, source: Resource) -> list[Statement] | None:
    found: list[Statement] = []
    for name in ("source_policy_documents", "override_policy_documents"):
        for document in _listed(view.get(source, name)):
            inner = statements(view, document)
            if inner is None:
                return None
            found += inner
    return [*found, *(_of_block(view, block) for block in view.blocks(source, "statement"))]


def _of_block(view: View, block: Mapping[str, Any]) -> Statement:
    principals: dict[str, tuple[Any, ...]] = {}
    for item in _listed(block.get("principals")):
        if is_mapping(item):
            principals[str(item.get("type", "*"))] = tuple(_listed(item.get("identifiers")))
    conditions: dict[str, Any] = {}
    for item in _listed(block.get("condition")):
        if is_mapping(item):
            conditions.setdefault(str(item.get("test")), {})[str(item.get("variable"))] = item.get("values")
    actions = block.get("actions")
    return Statement(
        _EFFECTS.get(str(block.get("effect", "Allow"))),
        None if actions is None else tuple(_listed(actions)), tuple(_listed(block.get("not_actions"))),
        tuple(_listed(block.get("resources"))), tuple(_listed(block.get("not_resources"))), conditions,
        principals or None, str(block.get("sid", "")),
    )


def _all(value: Any) -> tuple[Any, ...]:
    return () if value is None else tuple(value) if is_list(value) else (value,)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if is_list(value) else [value]


def action_matches(pattern: Any, action: str) -> Answer:
    """Whether a statement's action, which may hold ``*`` and ``?``, covers one action, for example ``sqs:SendMessage``."""
    if not isinstance(pattern, str) or holds_reference(pattern):
        return Answer.UNKNOWN
    # Nearly every one is written out, or ends with its only star: an expression is made for the others alone.
    if "*" not in pattern and "?" not in pattern:
        return Answer.YES if len(pattern) == len(action) and pattern.lower() == action.lower() else Answer.NO
    pattern, action = pattern.lower(), action.lower()
    beginning, _, rest = pattern.partition("*")
    if "?" not in pattern and not rest:
        return Answer.YES if action.startswith(beginning) else Answer.NO
    return Answer.YES if _expression(pattern).fullmatch(action) else Answer.NO


def resource_matches(view: View, pattern: Any, target: Any) -> Answer:
    """Whether a statement's resource covers a target.

    Arguments:
        view: of the graph.
        pattern: ARN, pattern or reference, as in a policy.
        target: resource of the graph, or the reference or text that stands for its ARN; text may end with what is inside,
            for example ``f"{table['arn']}/index/*"``.
    """
    if pattern == "*":
        return Answer.YES
    written, wanted = list(_texts(view, pattern)), list(_texts(view, target))
    found: list[Answer] = []
    for marked in (True, False):
        ours = [text for text in written if (_TAG in text) is marked]
        theirs = [text for text in wanted if (_TAG in text) is marked]
        found += [_compare(one, other) for one in ours for other in theirs]
    if Answer.YES in found:
        return Answer.YES
    # Nothing to compare like with like: one is a reference of which the ARN is not known, the other a written ARN.
    return Answer.UNKNOWN if not found or Answer.UNKNOWN in found else Answer.NO


_HOLE = "\x00"
"""Stands for text that nobody knows; ``_SAME`` for text that is the same on both sides."""
_SAME = "\x01"
_TAG = "\x02"


def _texts(view: View, value: Any) -> Iterator[str]:
    """A value as text: references to resources as marks of their own, and the resource's ARN where it follows from names."""
    if isinstance(value, Resource):
        yield f"{_TAG}{value.address}{_TAG}"
        yield from _arn(view, value)
        return
    if isinstance(value, Unknown):
        yield _HOLE
        return
    parts = [value] if isinstance(value, Reference) else split_template(value) if isinstance(value, str) else []
    texts = [""]
    for part in parts:
        options = [part] if isinstance(part, str) else list(_reference(view, part))
        texts = [text + option for text in texts for option in options][:8]
    yield from texts


def _reference(view: View, reference: Reference) -> Iterator[str]:
    target = view.graph.target(reference)
    if target is not None and target.data and target.type in _SAME_EVERYWHERE:
        yield _SAME
        return
    if target is None or target.data:
        yield f"{_TAG}{reference.expression}{_TAG}" if target is not None else _HOLE
        return
    if reference.path and reference.path[-1] in _ARN_ATTRIBUTES and len(reference.path) == 1:
        owner = _owner(view, target, reference)
        yield f"{_TAG}{owner.address}{_TAG}"
        yield from _arn(view, owner)
        return
    followed = view.follow(reference)
    if isinstance(followed, str) and followed:
        yield "".join(part if isinstance(part, str) else _HOLE for part in split_template(followed))
    else:
        yield f"{_TAG}{reference.expression}{_TAG}"


def _owner(view: View, target: Resource, reference: Reference) -> Resource:
    """A version stands for its secret."""
    if target.type == "aws_secretsmanager_secret_version":
        return view.target(target, "secret_id") or target
    return target


def _arn(view: View, resource: Resource) -> Iterator[str]:
    if resource.type == "aws_s3_bucket":
        yield f"arn:aws:s3:::{_known(view.get(resource, 'bucket'))}"
    elif resource.type in _ARNS:
        service, form = _ARNS[resource.type]
        argument = re.search(r"{(\w+)}", form)
        name = _known(view.get(resource, argument[1])) if argument else ""
        yield f"arn:aws:{service}:{_SAME}:{_SAME}:{re.sub(r'{.*}', lambda _: name, form)}"


def _known(value: Any) -> str:
    if not isinstance(value, str):
        return _HOLE
    return "".join(part if isinstance(part, str) else _SAME if _constant(part) else _HOLE for part in split_template(value))


def _constant(reference: Reference) -> bool:
    return any(f"data.{name}." in reference.address for name in _SAME_EVERYWHERE)


def _compare(pattern: str, target: str) -> Answer:
    """Whether a pattern covers a target; both may hold holes."""
    pattern = _regions_alike(pattern)
    target = _regions_alike(target)
    if _expression(pattern.replace(_HOLE, _SAME)).fullmatch(target.replace(_HOLE, _SAME)):
        return Answer.UNKNOWN if _HOLE in pattern or _HOLE in target else Answer.YES
    if _HOLE in pattern or _HOLE in target or "*" in target:
        return Answer.UNKNOWN if _may(pattern, target) else Answer.NO
    return Answer.NO


def _regions_alike(text: str) -> str:
    """Region and account of an ARN are those of the system: which ones they are makes no difference here."""
    parts = text.split(":", 5)
    if len(parts) == 6 and parts[0] == "arn" and parts[3:5] != ["", ""]:
        parts[3:5] = [_SAME, _SAME]
    return ":".join(parts)


def _may(pattern: str, target: str) -> bool:
    """Whether some text fits both, holes and stars being anything."""
    loose_pattern = pattern.replace(_HOLE, "*")
    loose_target = target.replace(_HOLE, "*")
    return _overlap(loose_pattern, loose_target)


def _overlap(one: str, other: str) -> bool:
    """Whether two patterns with ``*`` and ``?`` have a text in common."""
    # Positions in `other` that a prefix of `one` can stand before.
    reached: set[int] = _through_stars({0}, other)
    for char in one:
        if char == "*":
            reached = set(range(min(reached), len(other) + 1))
            continue
        after: set[int] = set()
        for at in reached:
            if at < len(other) and (other[at] == char or other[at] == "?" or char == "?"):
                after.add(at + 1)
            if at < len(other) and other[at] == "*":
                after.add(at)
        reached = _through_stars(after, other)
        if not reached:
            return False
    return len(other) in reached


def _through_stars(reached: set[int], other: str) -> set[int]:
    found = set(reached)
    for at in sorted(reached):
        step = at
        while step < len(other) and other[step] == "*":
            step += 1
            found.add(step)
    return found


def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern), re.DOTALL)


def mentions(value: Any, resource: Resource) -> bool:
    """Whether a value refers to a resource."""
    return any(reference.address == resource.address for reference in references_in(value))
