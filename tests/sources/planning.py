"""What the real Terraform says of a folder: its plan as JSON, made against an AWS API on this machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from groundsill.graph import Graph
from groundsill.ground.aws_api import AwsApi, AwsApiSettings, environment_for
from groundsill.operate.rehearsal.configuration import stand_in_variables, write_folder
from groundsill.operate.rehearsal.gaps import GAPS, left_out
from groundsill.operate.rehearsal.run import ACCOUNT
from groundsill.terraform.engine import Engine

_NEVER_INHERITED = ("AWS_", "TF_VAR_", "TF_WORKSPACE", "TF_DATA_DIR", "TF_CLI_ARGS")
_LOCAL = {"s3_use_path_style": True, "skip_metadata_api_check": "true"}


def plan_of(
    folder: Path, *, region: str = "us-east-1", variables: Mapping[str, Any] | None = None, scratch: Path, apply: bool = False,
) -> list[dict[str, Any]]:
    """The plan of a folder, as ``terraform show -json`` gives it; after an apply also the second plan and the state.

    Arguments:
        folder: with Terraform files; what Terraform needs beside them is written there.
        region: of the AWS API.
        variables: values of variables without default.
        scratch: where the AWS API keeps its data.
        apply: whether to apply the plan too, and to plan again.
    """
    found = Engine.find()
    with asyncio.Runner() as runner:
        api = runner.run(AwsApi.start(AwsApiSettings(scratch / "aws", region=region, account_id=ACCOUNT)))
        try:
            inherited = {name: value for name, value in found.environment.items() if not name.startswith(_NEVER_INHERITED)}
            local = environment_for(api.root_credentials(), api.url, region)
            engine = Engine(found.binary, found.product, found.version, {**inherited, **local, "NO_PROXY": "*"})
            engine.init(folder)
            made = scratch / "first.tfplan"
            engine.plan(folder, out=made, variables=variables)
            shown = [engine.show(folder, made)]
            if apply:
                engine.apply(folder, made)
                again = scratch / "second.tfplan"
                engine.plan(folder, out=again, variables=variables)
                shown += [engine.show(folder, again), engine.show(folder)]
            return shown
        finally:
            runner.run(api.stop())


def plan_of_graph(graph: Graph, scratch: Path, *, apply: bool = False) -> list[dict[str, Any]]:
    """The plan of a definition's graph; where it is applied, what cannot be done on this machine is left out."""
    folder = scratch / "terraform"
    folder.mkdir(parents=True)
    write_folder(graph, folder, list(left_out(graph, GAPS)) if apply else [])
    variables, _ = stand_in_variables(graph, ACCOUNT, {})
    return plan_of(folder, region=graph.region, variables=variables, scratch=scratch, apply=apply)


def with_local_provider(folder: Path, *aliases: str) -> None:
    """Add what points the AWS providers at this machine.

    Arguments:
        folder: of the root module.
        aliases: of its providers beside the default one.
    """
    providers = [_LOCAL, *({"alias": alias, **_LOCAL} for alias in aliases)]
    (folder / "local_override.tf.json").write_text(json.dumps({"provider": {"aws": providers}}))
