"""The command and the environment of one task's process."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from groundsill.ground.services.settings import ServiceSettings

# Nothing else of the developer's own environment reaches a service: above all no AWS_ variable.
_INHERITED = ("PATH", "LANG", "LC_ALL", "HOME", "TMPDIR", "LD_LIBRARY_PATH")
_PYTHONS = frozenset({"python", "python3"})


@dataclass(frozen=True)
class Launch:
    """What is started for a task.

    Arguments:
        command: program and arguments.
        directory: where it starts.
        environment: every variable it has.
    """

    command: tuple[str, ...]
    directory: Path
    environment: dict[str, str]


def takes_any_port(settings: ServiceSettings) -> bool:
    """Whether the process can be told its port, so that several tasks run side by side on one machine.

    It can where the definition gives it the container's port as variable ``PORT``, or as an argument of its command
    (``--port 8080``, ``--bind=0.0.0.0:8080``).
    """
    port = str(settings.container_port)
    return settings.environment.get("PORT") == port or any(_with_port(part, port, "") != part for part in settings.command)


def launch(settings: ServiceSettings, port: int | None) -> Launch:
    """The command and environment of a task.

    On Fargate every task has an address of its own, and here all share one: the container's port is replaced by the
    task's, in the variable ``PORT`` and in the command. `AWS_EXECUTION_ENV` is the one that Fargate sets (Amazon ECS
    Developer Guide, "Amazon ECS task metadata endpoint"); its metadata address ``ECS_CONTAINER_METADATA_URI_V4`` is
    not set, since nothing answers it here.

    Arguments:
        settings: the service.
        port: the task's port on this machine; None for a worker.
    """
    declared = dict(settings.environment)
    command = settings.command
    if port is not None and settings.container_port is not None:
        before = str(settings.container_port)
        if declared.get("PORT") == before:
            declared["PORT"] = str(port)
        else:
            command = tuple(_with_port(part, before, str(port)) for part in command)
    # Not resolved: a virtual environment is where its interpreter's link is.
    interpreter = Path(os.path.abspath(settings.interpreter))
    if command[0] in _PYTHONS:
        command = (str(interpreter), *command[1:])
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    # Programs that the workload's packages bring (uvicorn, gunicorn, ...) come first, as in its image.
    environment["PATH"] = os.pathsep.join([str(interpreter.parent), environment.get("PATH", os.defpath)])
    environment |= {
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        # As nearly every Dockerfile of a Python service says; without it the log is late.
        "PYTHONUNBUFFERED": "1",
    }
    return Launch(command, settings.directory, environment | declared)


def _with_port(part: str, before: str, port: str) -> str:
    return re.sub(rf"(^|[:=]){re.escape(before)}$", rf"\g<1>{port}", part)
