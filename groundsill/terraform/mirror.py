"""Where this machine keeps Terraform providers, so that Terraform need not download them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

AWS_PROVIDER = "registry.terraform.io/hashicorp/aws"
"""Folder of the AWS provider below a mirror: Terraform's documentation, "CLI configuration file",
filesystem_mirror.
"""

_USUAL = ("/usr/share/terraform/plugins", "/usr/local/share/terraform/plugins")


def _candidates(environment: Mapping[str, str], home: Path, optional: Path) -> Iterator[Path]:
    for variable in ("GROUNDSILL_PROVIDER_MIRROR", "TF_PLUGIN_CACHE_DIR"):
        if environment.get(variable):
            yield Path(environment[variable])
    yield home / ".terraform.d" / "plugins"
    yield home / ".terraform.d" / "plugin-cache"
    yield home / ".local" / "share" / "terraform" / "plugins"
    yield from map(Path, _USUAL)
    if optional.is_dir():
        yield optional
        yield from sorted(path for path in optional.iterdir() if path.is_dir())


def find_mirror(
    environment: Mapping[str, str] | None = None,
    *,
    home: Path | None = None,
    optional: Path = Path("/opt"),
) -> Path | None:
    """The first folder that holds the AWS provider in the layout of a Terraform filesystem mirror.

    Looked at in this order: the folders that ``GROUNDSILL_PROVIDER_MIRROR`` and ``TF_PLUGIN_CACHE_DIR`` name,
    Terraform's own plugin folders in the home folder and under ``/usr``, then ``/opt`` and the folders in it.

    Arguments:
        environment: environment variables, default this process's.
        home: home folder, default the user's.
        optional: folder of optional software, default ``/opt``.

    Returns:
        The mirror, or None where there is none: Terraform then downloads from its registry.
    """
    values = os.environ if environment is None else environment
    for folder in _candidates(values, home or Path.home(), optional):
        try:
            if any((folder / AWS_PROVIDER).iterdir()):
                return folder
        except OSError:
            continue
    return None


def mirrored_versions(mirror: Path) -> list[str]:
    """Versions of the AWS provider that a mirror holds, oldest first."""
    names = {
        # Unpacked: hashicorp/aws/5.100.0/linux_amd64; packed: terraform-provider-aws_5.100.0_linux_amd64.zip
        entry.name if entry.is_dir() else entry.name.removeprefix("terraform-provider-aws_").split("_")[0]
        for entry in (mirror / AWS_PROVIDER).iterdir()
        if entry.is_dir() or entry.suffix == ".zip"
    }
    numbered = [name for name in names if name.replace(".", "").isdigit()]
    return sorted(numbered, key=lambda name: tuple(int(part) for part in name.split(".")))


def cli_config(mirror: Path) -> str:
    """A Terraform CLI configuration that takes from the mirror what it holds and downloads everything else.

    Example:
        >>> print(cli_config(Path("/srv/mirror")), end="")
        provider_installation {
          filesystem_mirror {
            path    = "/srv/mirror"
            include = ["registry.terraform.io/hashicorp/aws"]
          }
          direct {
            exclude = ["registry.terraform.io/hashicorp/aws"]
          }
        }
    """
    return (
        "provider_installation {\n"
        "  filesystem_mirror {\n"
        f"    path    = {json.dumps(str(mirror))}\n"
        f'    include = ["{AWS_PROVIDER}"]\n'
        "  }\n"
        "  direct {\n"
        f'    exclude = ["{AWS_PROVIDER}"]\n'
        "  }\n"
        "}\n"
    )
