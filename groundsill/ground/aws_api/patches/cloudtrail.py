"""CloudTrail: the tags that a trail is made with ("CreateTrail", AWS CloudTrail API Reference: ``TagsList``), which the
emulator dropped.
"""

from __future__ import annotations

import json
from typing import Any


def apply(module: Any) -> None:
    """Mend the emulator's CloudTrail module."""
    create, add_tags = module._DISPATCH["CreateTrail"], module._DISPATCH["AddTags"]

    def create_trail(data: dict[str, Any]) -> Any:
        answer = create(data)
        if answer[0] == 200 and data.get("TagsList"):
            add_tags({"ResourceId": json.loads(answer[2])["TrailARN"], "TagsList": data["TagsList"]})
        return answer

    module._DISPATCH["CreateTrail"] = create_trail
