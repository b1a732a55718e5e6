"""What every workload on the ground is given: its code, its interpreter, its own role's credentials, its environment."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from groundsill.graph import FunctionPackage
from groundsill.ground.aws_api import Credentials, environment_for

_JWKS = "/.well-known/jwks.json"


def interpreter_of(folder: Path) -> Path:
    """The Python that a system's workloads run with: its own `.venv`, else the one that runs Groundsill."""
    own = folder / ".venv" / "bin" / "python"
    return own if own.exists() else Path(sys.executable)


def code_folder(package: FunctionPackage, root: Path) -> Path:
    """A folder that holds what the function's zip would hold, and nothing else, as links to the user's files.

    So an import of something that would not be deployed fails here as it would there, and a saved file is live.

    Arguments:
        package: the function's package.
        root: where such folders are kept.
    """
    folder = root / "+".join(sorted(entry.replace("/", "_") for entry in package.include))
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {entry: package.source / entry for entry in package.include}
    for entry, target in wanted.items():
        link = folder / entry
        if link.is_symlink() and link.readlink() == target:
            continue
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    return folder


class WorkloadEnvironment:
    """Environment of workloads on this machine.

    Arguments:
        url: address of the AWS API.
        region: for example ``us-east-1``.
        jwks: where the keys of each token issuer are on this machine, by issuer.
    """

    def __init__(self, url: str, region: str, jwks: Mapping[str, str]) -> None:
        self._url, self._region, self._jwks = url, region, jwks

    def credentials(self, credentials: Credentials) -> dict[str, str]:
        """Variables that make any AWS SDK act as the workload's role."""
        return environment_for(credentials, self._url, self._region)

    def jwks_url(self, issuer: str) -> str:
        """Where an issuer's token keys are fetched from on this machine."""
        return self._jwks.get(issuer, f"{issuer}{_JWKS}")

    def local(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The declared variables, with addresses that lead to AWS itself turned to this machine.

        That is the addresses of token keys: an issuer's name stays as tokens carry it, and only where its keys are
        fetched from differs here.
        """
        return {
            name: self._jwks.get(value.removesuffix(_JWKS), value) if value.endswith(_JWKS) else value
            for name, value in variables.items()
        }
