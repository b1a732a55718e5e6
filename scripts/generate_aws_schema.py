"""Generate ``groundsill/aws/schema.bin`` from the AWS provider's own schema.

Run it when the provider's version changes: ``python scripts/generate_aws_schema.py``. It needs ``terraform``
and the provider, from a mirror on this machine or from Terraform's registry. ``--check`` writes nothing and
exits with 1 where the file is out of date.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from groundsill.aws.packing import id_probe, mark_refused_ids, records_of, write_schema
from groundsill.aws.schema import DATA_FILE, SchemaFile
from groundsill.terraform.mirror import cli_config, find_mirror

VERSION = "5.100.0"


def provider_schemas(version: str = VERSION, *, probe: bool = True) -> dict[str, Any]:
    """What ``terraform providers schema -json`` prints for one version of ``hashicorp/aws``.

    Arguments:
        version: version of ``hashicorp/aws``.
        probe: whether to ask the provider which data sources take an id (half a minute), default True.

    Raises:
        FileNotFoundError: where terraform is not installed.
        subprocess.CalledProcessError: where terraform fails.
    """
    with tempfile.TemporaryDirectory(prefix="groundsill-schema-") as name:
        folder = Path(name)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
        mirror = find_mirror()
        if mirror:
            (folder / "terraformrc").write_text(cli_config(mirror))
            environment["TF_CLI_CONFIG_FILE"] = str(folder / "terraformrc")
        required = {"aws": {"source": "hashicorp/aws", "version": version}}
        (folder / "main.tf.json").write_text(json.dumps({"terraform": {"required_providers": required}}))

        def terraform(*command: str, check: bool = True) -> str:
            done = subprocess.run(
                ["terraform", *command],
                cwd=folder,
                env=environment,
                capture_output=True,
                check=check,
                text=True,
            )
            return done.stdout

        terraform("init", "-backend=false", "-input=false")
        schemas = json.loads(terraform("providers", "schema", "-json"))
        if not probe:
            return schemas
        # The schema calls every id optional; only the provider itself says for which types it takes one.
        (folder / "main.tf.json").write_text(json.dumps(id_probe(schemas), indent=1))
        answer = json.loads(terraform("validate", "-json", check=False))
        mark_refused_ids(schemas, answer["diagnostics"])
        return schemas


def is_current(schemas: dict[str, Any], path: Path = DATA_FILE, *, probed: bool = True) -> bool:
    """Whether the data file holds exactly these schemas. Compares content: zlib's bytes differ between its builds."""
    file = SchemaFile(path)
    expected = records_of(schemas)
    held = {
        ("d" if data else "r", name): file.record(name, data=data) or []
        for data in (False, True)
        for name in file.names(data=data)
    }
    if not probed:
        for records in (expected, held):
            for record in records.values():
                attributes = record[-1][0]
                if attributes.get("id") == "ps":
                    attributes["id"] = "cs"
    return file.provider_version == VERSION and held == expected


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="compare only; exit with 1 where the file is out of date"
    )
    arguments = parser.parse_args()
    try:
        schemas = provider_schemas()
    except FileNotFoundError:
        print("error: terraform is not installed", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(f"error: terraform failed\n{error.stderr}", file=sys.stderr)
        return 2
    if arguments.check:
        current = DATA_FILE.exists() and is_current(schemas)
        print(
            "up to date" if current else f"{DATA_FILE.name} is out of date: run this script without --check"
        )
        return 0 if current else 1
    size = write_schema(schemas, VERSION, DATA_FILE)
    print(f"{DATA_FILE.name}: {len(records_of(schemas))} types, {size / 1024:.0f} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
