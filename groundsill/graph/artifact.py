"""What has to be built from the user's files before it can be deployed: function packages, container images, releases."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class FunctionPackage(NamedTuple):
    """The zip of one function.

    Arguments:
        name: component name, for example ``save-raw-sensor-data``.
        source: folder whose content is the root of the zip (the system's folder).
        include: files and folders below ``source`` that go in, for example ``("functions", "shared")``.
        requirements: requirements file with what is installed beside them, or None.
        runtime: Lambda runtime identifier, for example ``python3.13``.
        architecture: ``arm64`` or ``x86_64``.
        address: Terraform address of the function.
    """

    name: str
    source: Path
    include: tuple[str, ...]
    requirements: Path | None
    runtime: str
    architecture: str
    address: str


class ContainerImage(NamedTuple):
    """A container image that services run.

    Arguments:
        name: component name, for example ``energy``.
        context: build context folder.
        dockerfile: Dockerfile, relative to the context.
        command: the process that the image starts, which the ground starts too, for example ``("python", "-m", "app")``.
        platform: ``linux/arm64`` or ``linux/amd64``.
        repository: Terraform address of the image repository.
        variable: name of the Terraform variable that receives the pushed image's URI with its digest.
        target: stage of the Dockerfile that is built, empty for the last one.
    """

    name: str
    context: Path
    dockerfile: str
    command: tuple[str, ...]
    platform: str
    repository: str
    variable: str
    target: str = ""


class MachineRelease(NamedTuple):
    """What a machine runs: an archive of the user's files, beside which its requirements are installed.

    Arguments:
        name: component name, for example ``backend``.
        source: folder whose content is the root of the archive (the system's folder).
        include: files and folders below ``source`` that go in.
        requirements: requirements file, or None.
        command: the process that the machine runs, which the ground starts too.
        bucket: Terraform address of the bucket that releases are kept in.
        key: key of the current release in it.
        address: Terraform address of the machine or of its group.
    """

    name: str
    source: Path
    include: tuple[str, ...]
    requirements: Path | None
    command: tuple[str, ...]
    bucket: str
    key: str
    address: str


Artifact = FunctionPackage | ContainerImage | MachineRelease
