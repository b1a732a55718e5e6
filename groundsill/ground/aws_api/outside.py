"""What a system finds in an account and does not make: put there for it, because nobody else is in this account.

A hosted zone whose id stands in the settings, and the machine images of AWS and others that a definition looks up by
name. No call of an AWS API could make either: the id is AWS's to choose, and the owner is another account. Images are
gone after a restart.
"""

from __future__ import annotations

import hashlib
from typing import Any

from groundsill.ground.aws_api.emulator import Emulator


def provide(emulator: Emulator, account: str, region: str, asked: dict[str, Any]) -> None:
    """Put one thing into the account, where it is not there yet.

    Arguments:
        emulator: the loaded emulator.
        account: 12 digits.
        region: of a regional thing.
        asked: ``kind`` (``hosted_zone``: ``id`` and ``name``; ``image``: ``name``, ``architecture`` and ``owner``).

    Raises:
        KeyError: something is missing or the kind is not known.
    """
    emulator.responses.set_request_account_id(account)
    emulator.responses.set_request_region(region)
    {"hosted_zone": _hosted_zone, "image": _image}[asked["kind"]](emulator, asked)


def _hosted_zone(emulator: Emulator, asked: dict[str, Any]) -> None:
    module = emulator.service("route53")
    zone_id, name = str(asked["id"]), module._normalise_name(str(asked["name"]))
    if zone_id in module._zones:
        return
    module._zones[zone_id] = {"id": zone_id, "name": name, "caller_reference": zone_id, "comment": "", "private": False,
                              "vpcs": []}
    module._records[zone_id] = module._default_records(name)


def _image(emulator: Emulator, asked: dict[str, Any]) -> None:
    name, owner = str(asked["name"]), str(asked["owner"])
    alias = "" if owner.isdigit() else owner
    number = owner if owner.isdigit() else "137112412989"  # of Amazon Linux
    image_id = f"ami-{hashlib.sha256(f'{owner}/{name}'.encode()).hexdigest()[:17]}"
    module = emulator.service("ec2")
    if image_id not in module.groundsill_architectures:
        module.groundsill_architectures[image_id] = str(asked["architecture"])
        module._STUB_AMIS = (*module._STUB_AMIS, (image_id, name, name, "", "/dev/xvda", number, alias or None))
