"""What the AWS API of the ground needs to start, and the credentials and variables it gives to others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class AwsApiSettings:
    """How to start the AWS API.

    Arguments:
        data_directory: folder that holds everything the API stores; created when absent. One running API a folder.
        port: TCP port on 127.0.0.1; 0 lets the system choose a free one, which is then kept across restarts.
        region: the region of requests that name none, and of generated ARNs.
        account_id: 12 digits, the account in every ARN.
        log_file: where the server writes its own log; default ``aws-api.log`` in the data directory.
        calls_file: where each AWS call is recorded, one JSON object a line; default ``aws-calls.jsonl`` in the
            data directory.

    Example:
        >>> AwsApiSettings(Path("/srv/example/aws")).region
        'us-east-1'
    """

    data_directory: Path
    port: int = 0
    region: str = "us-east-1"
    account_id: str = "000000000000"
    log_file: Path | None = None
    calls_file: Path | None = None

    @property
    def log_path(self) -> Path:
        """The server's own log."""
        return self.log_file or self.data_directory / "aws-api.log"

    @property
    def calls_path(self) -> Path:
        """The record of every AWS call, one JSON object a line."""
        return self.calls_file or self.data_directory / "aws-calls.jsonl"


@dataclass(frozen=True)
class Credentials:
    """AWS credentials; ``session_token`` is empty for the root key.

    Example:
        >>> Credentials("AKIAEXAMPLE", "secret").session_token
        ''
    """

    access_key_id: str
    secret_access_key: str
    session_token: str = ""


class AwsApiError(Exception):
    """The AWS API cannot start or refused an internal request; the message says why and what to do."""


def environment_for(credentials: Credentials, url: str, region: str) -> dict[str, str]:
    """The environment variables that make any AWS SDK in a workload use this API with these credentials.

    Arguments:
        credentials: the workload's own role credentials.
        url: address of the API, e.g. ``http://127.0.0.1:4566``.
        region: e.g. ``us-east-1``.

    Only what AWS SDKs read ("Settings reference", AWS SDKs and Tools Reference Guide). Configuration files of the
    developer's own account are shut out: a workload must never reach a real account by accident.
    """
    variables = {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }
    if credentials.session_token:
        variables["AWS_SESSION_TOKEN"] = credentials.session_token
    return variables
