"""The client configuration that a deployment exports."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_NEEDED = ("api_endpoint", "energy_expenditure_service_url", "cognito_pool_id", "cognito_client_id", "region")


class ConfigurationError(ValueError):
    """A configuration that cannot be used; the message names every key at fault."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """Where the system is.

    Args:
        api_endpoint: of the HTTP API with its stage, `https://<api>.execute-api.us-east-1.amazonaws.com/dev`.
        energy_expenditure_service_url: of the container API.
        cognito_pool_id: `<region>_<id>`.
        cognito_client_id: of the app.
        region: of the user pool.
        aws_endpoint_url: where Cognito answers when it is not at AWS.
    """

    api_endpoint: str
    energy_expenditure_service_url: str
    cognito_pool_id: str
    cognito_client_id: str
    region: str
    aws_endpoint_url: str | None = None

    @property
    def cognito_url(self) -> str:
        """The address of the Cognito API."""
        return self.aws_endpoint_url or f"https://cognito-idp.{self.region}.amazonaws.com"

    @classmethod
    def load(cls, source: str | Path | Mapping[str, Any] | Configuration) -> Configuration:
        """From a JSON file, its content as a mapping, or a configuration; unknown keys are left alone.

        The keys are the deployment's outputs, each value plain or as `terraform output -json` writes it. Without a
        region the one in the pool's id counts.

        Raises:
            ConfigurationError: a file that cannot be read, a missing key, a value that cannot be one.
        """
        if isinstance(source, Configuration):
            return source
        values = _plain(_read(Path(source)) if isinstance(source, (str, Path)) else source)
        faults = [
            f"{name} is missing"
            for name in _NEEDED
            if not isinstance(values.get(name), str) or not values[name]
        ]
        for name in ("api_endpoint", "energy_expenditure_service_url", "aws_endpoint_url"):
            value = values.get(name)
            if value and not _is_address(value):
                faults.append(f"{name} is not an http(s) address")
        pool = values.get("cognito_pool_id")
        if isinstance(pool, str) and pool and not re.fullmatch(r"[\w-]+_[0-9a-zA-Z]+", pool):
            faults.append("cognito_pool_id is not of the form <region>_<id>")
        if faults:
            raise ConfigurationError("; ".join(faults))
        endpoint = values.get("aws_endpoint_url") or None
        return cls(
            **{name: values[name].rstrip("/") for name in _NEEDED},
            aws_endpoint_url=endpoint.rstrip("/") if endpoint else None,
        )


def _plain(source: Mapping[str, Any]) -> dict[str, Any]:
    values = {
        name: value["value"] if isinstance(value, Mapping) and "value" in value else value
        for name, value in source.items()
    }
    pool = values.get("cognito_pool_id")
    if not values.get("region") and isinstance(pool, str) and "_" in pool:
        values["region"] = pool.partition("_")[0]
    return values


def _read(path: Path) -> Mapping[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise ConfigurationError(f"{path} is not JSON") from None
    if not isinstance(values, dict):
        raise ConfigurationError(f"{path} does not hold a JSON object")
    return values


def _is_address(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        return False
