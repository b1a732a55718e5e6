"""What the runner must know about one function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from groundsill.ground.resolved import ResolvedResource

# Defaults of Lambda itself (AWS Lambda API Reference, "CreateFunction"): Timeout and MemorySize.
DEFAULT_TIMEOUT_SECONDS = 3
DEFAULT_MEMORY_MEGABYTES = 128


@dataclass(frozen=True)
class FunctionSettings:
    """One function as the runner starts it.

    Arguments:
        name: the function's name on AWS, for example ``save-raw-sensor-data``.
        arn: its ARN.
        handler: module and function, for example ``functions.sensor.save``.
        code_directory: the directory that the handler's module is imported from. Also the working directory.
        interpreter: the Python that runs it, for example ``Path(sys.executable)``.
        timeout_seconds: after this time it is killed. Default 3, as on AWS.
        memory_megabytes: above this resident memory it is killed. Default 128, as on AWS.
        environment: the function's own variables.
        credentials: variables that name its role and the AWS API (``AWS_ACCESS_KEY_ID``,
            ``AWS_ENDPOINT_URL``, ...).
        concurrency: reserved concurrent executions. Default none; 0 refuses every invocation, as on AWS.
        runtime: Lambda's name for the runtime, for example ``python3.13``.
        component: the name in the user's definition, for logs.
        region: for example ``us-east-1``.
        architecture: ``arm64`` or ``x86_64``. Recorded; the machine's own is what runs.
        log_group: default ``/aws/lambda/<name>``.
        log_format: ``Text`` or ``JSON``.
        log_level: the ``logging`` level with JSON logs. Default empty: Python's own.

    Example:
        >>> import sys
        >>> FunctionSettings("hello", "arn:aws:lambda:us-east-1:000000000000:function:hello", "app.handler",
        ...                  Path("src"), Path(sys.executable)).timeout_seconds
        3
    """

    name: str
    arn: str
    handler: str
    code_directory: Path
    interpreter: Path
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    memory_megabytes: int = DEFAULT_MEMORY_MEGABYTES
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    credentials: Mapping[str, str] = field(default_factory=dict[str, str])
    concurrency: int | None = None
    runtime: str = "python3.13"
    component: str = ""
    region: str = "us-east-1"
    architecture: str = "arm64"
    log_group: str = ""
    log_format: str = "Text"
    log_level: str = ""

    @classmethod
    def from_resource(
        cls,
        resource: ResolvedResource,
        *,
        code_directory: Path,
        interpreter: Path,
        credentials: Mapping[str, str],
        region: str = "us-east-1",
    ) -> FunctionSettings:
        """Settings from an ``aws_lambda_function``.

        Arguments:
            resource: the function, references resolved.
            code_directory: where its package is importable from.
            interpreter: the Python that runs it.
            credentials: the variables of its own role and of the AWS API.
            region: the region that the function believes to be in.

        Raises:
            ValueError: the function is one that the ground cannot run (an image, or another language).
        """
        given = resource.arguments
        runtime = str(given.get("runtime") or "")
        if given.get("package_type") == "Image":
            raise ValueError(
                f"{resource.address} is a container image; the ground runs functions from Python source"
            )
        if not runtime.startswith("python"):
            raise ValueError(f"{resource.address} has runtime {runtime!r}; the ground runs Python functions")
        if not given.get("handler"):
            raise ValueError(f"{resource.address} has no handler")
        name = str(given["function_name"])
        logging = resource.block("logging_config")
        reserved = given.get("reserved_concurrent_executions")
        variables: Mapping[str, Any] = resource.block("environment").get("variables") or {}
        architectures = given.get("architectures") or ["x86_64"]
        return cls(
            name=name,
            arn=str(
                resource.attributes.get("arn") or f"arn:aws:lambda:{region}:000000000000:function:{name}"
            ),
            handler=str(given["handler"]),
            code_directory=code_directory,
            interpreter=interpreter,
            timeout_seconds=float(given.get("timeout") or DEFAULT_TIMEOUT_SECONDS),
            memory_megabytes=int(given.get("memory_size") or DEFAULT_MEMORY_MEGABYTES),
            environment={key: str(value) for key, value in variables.items()},
            credentials=dict(credentials),
            # Terraform writes -1 for "no reservation".
            concurrency=None if reserved is None or int(reserved) < 0 else int(reserved),
            runtime=runtime,
            component=resource.component or name,
            region=region,
            architecture=str(architectures[0]),
            log_group=str(logging.get("log_group") or ""),
            log_format=str(logging.get("log_format") or "Text"),
            log_level=str(logging.get("application_log_level") or ""),
        )

    def process_environment(self, log_stream: str) -> dict[str, str]:
        """Every variable of a worker process: Lambda's own, the role's, the function's. Nothing is inherited.

        Source: AWS Lambda Developer Guide, "Defined runtime environment variables".
        """
        import os

        inherited = {
            name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ
        }
        root = str(self.code_directory)
        return {
            **inherited,
            "LANG": "en_US.UTF-8",
            "LC_CTYPE": "C.UTF-8",
            "TZ": ":UTC",
            "_HANDLER": self.handler,
            "LAMBDA_TASK_ROOT": root,
            "LAMBDA_RUNTIME_DIR": root,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{self.runtime}",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory_megabytes),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": self.log_group or f"/aws/lambda/{self.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
            "AWS_LAMBDA_LOG_FORMAT": self.log_format,
            # The developer's own profile, keys and instance role must never be what a function runs with.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            **self.credentials,
            **self.environment,
        }
