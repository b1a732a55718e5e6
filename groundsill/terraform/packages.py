"""Function packages: zips that come out the same on every machine, for the platform that Lambda runs them on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from groundsill.components.functions import PACKAGE_FOLDER, package_digest, packaged_files
from groundsill.graph.artifact import FunctionPackage
from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.graph.graph import Graph

# Lambda runtimes of Python 3.12 and later are Amazon Linux 2023 (glibc 2.34); 3.11 is Amazon Linux 2 (glibc 2.26):
# Lambda Developer Guide, "Lambda runtimes".
_PLATFORMS = {"arm64": "aarch64", "x86_64": "x86_64"}
_OLD_GLIBC = ("python3.11",)
_LARGEST_BYTES = 262_144_000
"""250 MB unzipped: Lambda quotas, "Deployment package (.zip file archive) size"."""
_MOMENT = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip can hold: an entry's time says nothing about its content."""
_LEFT_OUT = ("__pycache__", "bin")
_LEFT_OUT_FILES = (".pyc", ".lock")
# What an installer writes about itself differs from machine to machine.
_INSTALLER_FILES = ("INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json")


def build_packages(graph: Graph, directory: Path, *, on_package: Callable[[str, bool], None] | None = None) -> list[Path]:
    """Build every function package of a graph that is not there yet.

    Arguments:
        graph: a finished graph.
        directory: Terraform's folder, which file names of packages start from.
        on_package: called with each function's name and whether it was there already.

    Returns:
        The packages, in the order of the definition.

    Raises:
        GroundsillError: GS3024 where a requirement cannot be installed for the platform or a package is too large.
    """
    found: list[Path] = []
    for package in graph.artifacts:
        if not isinstance(package, FunctionPackage):
            continue
        path = package_path(package, directory)
        there = path.is_file()
        if not there:
            build_package(package, path)
        if on_package:
            on_package(package.name, there)
        found.append(path)
    return found


def package_path(package: FunctionPackage, directory: Path) -> Path:
    """Where a package is: its name says what is in it."""
    return directory / PACKAGE_FOLDER / f"{package.name}-{package_digest(package)}.zip"


def build_package(package: FunctionPackage, path: Path) -> None:
    """Write a package, whole or not at all.

    Raises:
        GroundsillError: GS3024 as :func:`build_packages`.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="groundsill-package-") as temporary:
            entries = dict(_installed(package, Path(temporary)))
            # The user's own files go before a library's of the same name.
            entries |= dict(packaged_files(package))
            total = sum(file.stat().st_size for file in entries.values())
            if total > _LARGEST_BYTES:
                raise GroundsillError(Diagnostic(
                    "GS3024", f"the package of function {package.name} is too large",
                    detail=f"{total / 1e6:.0f} MB unzipped; Lambda takes {_LARGEST_BYTES / 1e6:.0f} MB",
                    mend="leave out what it does not import (`include`, `requirements`), or run it as a Service",
                ))
            write_zip(beside, entries)
        beside.replace(path)
    except OSError as error:
        raise GroundsillError(Diagnostic("GS3024", f"the package of function {package.name} cannot be written",
                                         detail=str(error))) from error
    finally:
        beside.unlink(missing_ok=True)


def write_zip(path: Path, entries: dict[str, Path]) -> None:
    """A zip whose bytes follow from names and contents alone."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(entries):
            entry = zipfile.ZipInfo(name, _MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, also where it was not built there
            executable = entries[name].stat().st_mode & 0o100
            entry.external_attr = (0o100755 if executable else 0o100644) << 16
            archive.writestr(entry, entries[name].read_bytes())


def _installed(package: FunctionPackage, target: Path) -> Iterator[tuple[str, Path]]:
    if package.requirements is None:
        return
    if not package.requirements.is_file():
        raise GroundsillError(Diagnostic("GS3024", f"function {package.name} names requirements that do not exist",
                                         detail=str(package.requirements)))
    command = _installer(package, target)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise GroundsillError(Diagnostic(
            "GS3024", f"the requirements of function {package.name} cannot be installed for {package.architecture}",
            detail="\n".join((done.stderr or done.stdout).strip().splitlines()[-12:]),
            mend="a library without a ready wheel for this platform cannot go into a package: take another version of it, "
                 "the other architecture, or run the code as a Service",
        ))
    for path in sorted(target.rglob("*")):
        inside = path.relative_to(target)
        if not path.is_file() or any(part in _LEFT_OUT for part in inside.parts[:1]) or "__pycache__" in inside.parts:
            continue
        about_itself = inside.parts[0].endswith(".dist-info") and path.name in _INSTALLER_FILES
        if not about_itself and path.suffix not in _LEFT_OUT_FILES:
            yield inside.as_posix(), path


def _installer(package: FunctionPackage, target: Path) -> list[str]:
    machine = _PLATFORMS[package.architecture]
    version = package.runtime.removeprefix("python")
    tag = "manylinux2014" if package.runtime in _OLD_GLIBC else "manylinux_2_28"
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv:
        return [uv, "pip", "install", "--quiet", "--target", str(target), "--python-platform", f"{machine}-{tag}",
                "--python-version", version, "--only-binary", ":all:", "--requirement", str(package.requirements)]
    tags = ["manylinux2014"] if tag == "manylinux2014" else ["manylinux_2_28", "manylinux_2_17", "manylinux2014"]
    return [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target),
            *(word for name in tags for word in ("--platform", f"{name}_{machine}")),
            "--python-version", version, "--only-binary", ":all:", "--requirement", str(package.requirements)]


def forget_old_packages(graph: Graph, directory: Path) -> None:
    """Remove packages that no function of the graph uses any more."""
    used = {package_path(part, directory) for part in graph.artifacts if isinstance(part, FunctionPackage)}
    for path in (directory / PACKAGE_FOLDER).glob("*.zip"):
        if path not in used:
            path.unlink(missing_ok=True)
