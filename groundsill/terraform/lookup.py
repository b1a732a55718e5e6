"""What exists in AWS with the tags of a stage: asked through the provider, so with exactly its credentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from groundsill.graph.shapes import is_mapping
from groundsill.terraform.deployment import Deployment, plan_file
from groundsill.terraform.synth import FILE_NAME, synthesize
from groundsill.terraform.template import render_json

_FOLDER = "lookup"


@dataclass(frozen=True, slots=True)
class Found:
    """Something that exists.

    Arguments:
        arn: its ARN.
        tags: all that it carries.
    """

    arn: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Lookup:
    """What AWS answered.

    Arguments:
        resources: what carries the tags.
        facts: ``account``, ``partition`` and ``region``.
    """

    resources: list[Found] = field(default_factory=list[Found])
    facts: Mapping[str, str] = field(default_factory=dict[str, str])


def look_up(about: Deployment) -> Lookup:
    """Ask for everything that has the tags ``System`` and ``Stage`` of a stage, in every region that it uses.

    Source: Resource Groups Tagging API Reference, GetResources, and its list of the services that it knows.

    Arguments:
        about: the stage.

    Raises:
        GroundsillError: where AWS cannot be asked.
    """
    whole = synthesize(about.graph)
    owners = {(tags.get("System"), tags.get("Stage")) for resource in about.graph
              if is_mapping(tags := resource.arguments.get("tags"))}
    filters = [[{"key": name, "values": [value]} for name, value in zip(("System", "Stage"), owner, strict=True)]
               for owner in sorted(owners, key=str) if all(isinstance(value, str) for value in owner)]
    queries: dict[str, Any] = {}
    for provider in about.graph.providers:
        for number, tags in enumerate(filters):
            where = {"provider": f"aws.{provider.alias}"} if provider.alias else {}
            queries[f"{provider.alias or 'default'}_{number}"] = {"tag_filter": tags, **where}
    content: dict[str, Any] = {
        "terraform": {name: value for name, value in whole["terraform"].items() if name != "backend"},
        "provider": whole["provider"],
        "data": {"aws_resourcegroupstaggingapi_resources": queries, "aws_caller_identity": {"me": {}},
                 "aws_partition": {"here": {}}},
        "output": {"account": {"value": "${data.aws_caller_identity.me.account_id}"},
                   "partition": {"value": "${data.aws_partition.here.partition}"}},
    }
    directory = about.directory / _FOLDER
    directory.mkdir(exist_ok=True)
    for path in about.directory.glob("*override.tf.json"):  # what leads the provider elsewhere leads this too
        (directory / path.name).write_bytes(path.read_bytes())
    (directory / FILE_NAME).write_text(render_json(content), encoding="utf-8")
    engine = about.engine
    engine.init(directory, reconfigure=True)
    with plan_file() as file:
        plan = engine.plan(directory, out=file)
    return _read(plan.prior, about.graph.region)


def _read(prior: Mapping[str, Any], region: str) -> Lookup:
    values_read: dict[str, Any] = prior.get("values") or {}
    root: dict[str, Any] = values_read.get("root_module") or {}
    read: list[dict[str, Any]] = root.get("resources") or []
    found: dict[str, Found] = {}
    facts = {"region": region}
    for item in read:
        values: dict[str, Any] = item.get("values") or {}
        if item.get("type") == "aws_caller_identity":
            facts["account"] = str(values.get("account_id"))
        elif item.get("type") == "aws_partition":
            facts["partition"] = str(values.get("partition"))
        else:
            entries: list[dict[str, Any]] = values.get("resource_tag_mapping_list") or []
            for entry in entries:
                arn = str(entry.get("resource_arn"))
                found[arn] = Found(arn, dict(entry.get("tags") or {}))
    return Lookup(sorted(found.values(), key=lambda item: item.arn), facts)
