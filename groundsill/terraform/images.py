"""Container images: a tag that follows from the content, a digest that says what runs, a build only where it is needed."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundsill.graph.artifact import ContainerImage
from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.graph.graph import Graph
from groundsill.terraform.aws_calls import AwsCalls

STAND_IN = "sha256:" + "0" * 64
"""Digest of an image that has not been pushed yet, for a plan that only shows."""
_NEVER = (".git", ".groundsill", "__pycache__", ".venv", ".pytest_cache", ".ruff_cache")
_URI = re.compile(r"[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}")
_TAG_LENGTH = 24
_PROBE_SECONDS = 20
_LAST_LINES = 15


def given_images(words: Sequence[str], graph: Graph) -> dict[str, str]:
    """Images that the user names: ``NAME=REPOSITORY@sha256:...``, by the variable that takes each.

    Raises:
        GroundsillError: GS3028 where one is not of that form or no container has that name.
    """
    known = {part.name: part for part in graph.artifacts if isinstance(part, ContainerImage)}
    found: dict[str, str] = {}
    for word in words:
        name, _, uri = word.partition("=")
        if name not in known or not _URI.fullmatch(uri):
            raise GroundsillError(Diagnostic(
                "GS3028", f"--image {word} names no image by its digest",
                detail=f"containers of the system: {', '.join(known) or 'none'}",
                mend="write NAME=REPOSITORY@sha256:<64 hexadecimal digits>",
            ))
        found[known[name].variable] = uri
    return found


def content_tag(image: ContainerImage) -> str:
    """The tag of an image: it changes when, and only when, what it is built from changes.

    Raises:
        GroundsillError: GS3026 where there is no such Dockerfile.
    """
    dockerfile = image.context / image.dockerfile
    if not dockerfile.is_file():
        raise GroundsillError(Diagnostic("GS3026", f"image {image.name} cannot be built", detail=f"there is no {dockerfile}",
                                         mend="correct `dockerfile` or `context` of the container"))
    digest = hashlib.sha256(f"{image.platform} {image.dockerfile}\0".encode())
    for inside, path in context_files(image):
        # Executable or not is part of the image; owner and time are not.
        mode = "x" if path.stat().st_mode & 0o100 else "-"
        content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()  # noqa: PTH115
        digest.update(f"{inside}\0{mode}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:_TAG_LENGTH]


def context_files(image: ContainerImage) -> Iterator[tuple[str, Path]]:
    """What a build may see: the context without what ``.dockerignore`` names, sorted.

    Source: Docker documentation, "Build context", .dockerignore files: the Dockerfile's own file goes before the context's.
    """
    own = image.context / f"{image.dockerfile}.dockerignore"
    ignore = own if own.is_file() else image.context / ".dockerignore"
    rules = list(_rules(ignore.read_text(encoding="utf-8"))) if ignore.is_file() else []
    for folder, folders, files in os.walk(image.context):
        folders[:] = sorted(name for name in folders if name not in _NEVER)
        for name in sorted(files):
            path = Path(folder) / name
            inside = path.relative_to(image.context).as_posix()
            if inside == image.dockerfile or not (ignored(inside, rules) or name.endswith(".pyc")):
                yield inside, path


def _rules(text: str) -> Iterator[tuple[bool, re.Pattern[str]]]:
    for line in text.splitlines():
        rule = line.strip()
        if not rule or rule.startswith("#"):
            continue
        keeps = rule.startswith("!")
        pattern = rule.removeprefix("!").strip().strip("/")
        if pattern:
            yield keeps, re.compile(_expression(pattern))


def _expression(pattern: str) -> str:
    parts: list[str] = []
    *above, last = pattern.split("/")
    for part in (*above, *([] if last == "**" else [last])):
        if part == "**":
            parts.append("(?:[^/]+/)*")
        else:
            # fnmatch's star crosses slashes; Go's does not.
            inner = fnmatch.translate(part).removeprefix("(?s:").removesuffix(r")\Z").removesuffix(r")\z")
            parts.append(inner.replace(".*", "[^/]*") + "/")
    return "".join(parts) + ".+" if last == "**" else "".join(parts).removesuffix("/") + "(?:/.*)?"


def ignored(inside: str, rules: Sequence[tuple[bool, re.Pattern[str]]]) -> bool:
    """Whether a file is left out: the last rule that fits it or a folder above it counts."""
    out = False
    for keeps, pattern in rules:
        if pattern.fullmatch(inside):
            out = not keeps
    return out


# -- building and pushing ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Builder:
    """A program that builds images: Docker with Buildx, or Podman."""

    program: str

    @classmethod
    def find(cls) -> Builder:
        """The first that works on this machine.

        Raises:
            GroundsillError: GS3025 where none does, with why.
        """
        reasons: list[str] = []
        for name, probe in (("docker", ("version", "--format", "{{.Server.Version}}")), ("podman", ("info",))):
            path = shutil.which(name)
            if path is None:
                reasons.append(f"{name}: not installed")
                continue
            try:
                done = subprocess.run([path, *probe], capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False)
            except subprocess.TimeoutExpired:
                reasons.append(f"{name}: does not answer")
                continue
            if done.returncode == 0:
                return cls(path)
            said = (done.stderr or done.stdout).strip().splitlines()
            reasons.append(f"{name}: {said[-1] if said else 'does not work'}")
        raise GroundsillError(Diagnostic(
            "GS3025", "no program on this machine can build container images", detail="\n".join(reasons),
            mend="start Docker or Podman, or name an image that is pushed already: --image NAME=REPOSITORY@sha256:...",
        ))

    def build_and_push(self, image: ContainerImage, uri: str, say: Callable[[str], None]) -> None:
        """Build an image and push it under a tag.

        Raises:
            GroundsillError: GS3026 or GS3027 with the last lines of what the program said.
        """
        build = [self.program, "build", "--platform", image.platform, "--tag", uri, "--file",
                 str(image.context / image.dockerfile), str(image.context)]
        self._run(build, say, "GS3026", f"image {image.name} cannot be built", "mend what is named above")
        self._run([self.program, "push", uri], say, "GS3027", f"image {image.name} cannot be pushed",
                  "run the same command again: what has been pushed is not pushed twice")

    def login(self, registry: str, password: str) -> None:
        """Sign in to a registry; the password goes through standard input, never on the command line.

        Raises:
            GroundsillError: GS3027 where it is not accepted.
        """
        done = subprocess.run([self.program, "login", "--username", "AWS", "--password-stdin", registry], input=password,
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise GroundsillError(Diagnostic("GS3027", f"cannot sign in to {registry}",
                                             detail=done.stderr.strip()[-500:]))

    def _run(self, command: list[str], say: Callable[[str], None], code: str, summary: str, mend: str) -> None:
        last: list[str] = []
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                              text=True, errors="replace") as child:
            assert child.stdout is not None
            for line in child.stdout:
                last = [*last[-_LAST_LINES:], line.rstrip()]
                say(line.rstrip())
        if child.returncode != 0:
            raise GroundsillError(Diagnostic(code, summary, detail="\n".join(last), mend=mend))


class Registry:
    """What AWS knows of pushed images.

    Arguments:
        region: AWS region.
    """

    def __init__(self, region: str) -> None:
        self._aws = AwsCalls(region)

    @property
    def reachable(self) -> bool:
        """Whether there is a way to ask."""
        return self._aws.possible

    def digest(self, repository: str, tag: str) -> str | None:
        """Digest of the image with a tag; None where there is none.

        Raises:
            GroundsillError: GS3027 where the registry cannot be asked.
        """
        found = self._ask("describe_images", {"repositoryName": repository, "imageIds": [{"imageTag": tag}]},
                          ("ImageNotFoundException", "RepositoryNotFoundException"))
        details: list[Mapping[str, Any]] = (found or {}).get("imageDetails") or []
        return str(details[0]["imageDigest"]) if details else None

    def password(self) -> str:
        """What a builder signs in with; valid for 12 hours (Amazon ECR API: GetAuthorizationToken).

        Raises:
            GroundsillError: GS3027 where the registry gives none.
        """
        import base64

        found = self._ask("get_authorization_token", {}, ()) or {}
        token = str(found["authorizationData"][0]["authorizationToken"])
        return base64.b64decode(token).decode().partition(":")[2]

    def _ask(self, operation: str, arguments: dict[str, Any], absent: tuple[str, ...]) -> Mapping[str, Any] | None:
        if not self._aws.possible:
            raise GroundsillError(Diagnostic(
                "GS3027", "nothing on this machine can ask the image registry",
                mend="install boto3 (pip install 'groundsill[ground]') or the AWS command line, or name the image: "
                     "--image NAME=REPOSITORY@sha256:...",
            ))
        text = self._aws.ask("ecr", operation, arguments)
        if isinstance(text, str):
            if any(name in text for name in absent):
                return None
            raise GroundsillError(Diagnostic("GS3027", "the image registry cannot be asked", detail=text,
                                             mend="look at the credentials: `aws sts get-caller-identity`"))
        return text
