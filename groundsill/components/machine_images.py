"""Images that machines start from."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any, Literal

from groundsill import aws
from groundsill.definition.component import Component, Mistake
from groundsill.definition.naming import identifier

Image = Literal["amazon-linux-2023", "deep-learning-ubuntu-22.04"]
# Amazon EC2 user guide, "Find an AMI": names that Amazon gives its images; {architecture} is arm64 or x86_64.
_IMAGES: MappingProxyType[str, str] = MappingProxyType({
    "amazon-linux-2023": "al2023-ami-2023.*-kernel-6.*-{architecture}",
    "deep-learning-ubuntu-22.04": "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) *",
})
_TYPE = re.compile(r"([a-z]+(?:-[0-9a-z]+)?)(\d+)([a-z-]*)\.[a-z0-9-]+")


def architecture_of(type: str) -> str:
    """Architecture of an instance type: ``arm64`` for Graviton, whose families have a ``g`` after the generation.

    Source: Amazon EC2 user guide, "Instance type naming conventions".

    Example:
        >>> architecture_of("t4g.micro"), architecture_of("g5.xlarge"), architecture_of("t3.medium")
        ('arm64', 'x86_64', 'x86_64')

    Raises:
        Mistake: where it is not the form of an instance type.
    """
    match = _TYPE.fullmatch(type) if isinstance(type, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
    if match is None:
        raise Mistake("GS1470", f"{type!r} is not an instance type", mend="write for example t4g.micro")
    return "arm64" if "g" in match[3] or (match[1], match[2]) == ("a", "1") else "x86_64"


def image_id(component: Component, image: Image, pinned: str | None, type: str) -> Any:
    """The id of an image: the pinned one, or the newest of its kind, looked up once a definition.

    Arguments:
        component: the machine.
        image: kind of image.
        pinned: id that takes its place, or None.
        type: instance type, whose architecture the image has.
    """
    if pinned:
        if not re.fullmatch(r"ami-[0-9a-f]{8,17}", pinned):
            raise Mistake("GS1465", f"{pinned!r} is not the id of an image", mend="write for example ami-0123456789abcdef0")
        return pinned
    if image not in _IMAGES:
        raise Mistake("GS1466", f"unknown image {image!r}", mend=f"known: {', '.join(_IMAGES)}")
    architecture = architecture_of(type)
    shared = component.building.shared.setdefault("images", {})
    found = shared.get((image, architecture))
    if found is None:
        found = shared[image, architecture] = aws.data.ami(
            identifier(image, architecture).lower(), most_recent=True, owners=["amazon"],
            filter=[{"name": "name", "values": [_IMAGES[image].format(architecture=architecture)]},
                    {"name": "architecture", "values": [architecture]},
                    {"name": "state", "values": ["available"]}],
        )
    return found["id"]
