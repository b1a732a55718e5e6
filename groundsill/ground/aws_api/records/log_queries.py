"""CloudWatch Logs, what the emulator leaves out: saved queries ("Amazon CloudWatch Logs API Reference")."""

from __future__ import annotations

import uuid
from typing import Any

from groundsill.ground.aws_api.records.service import Recorded, found, now

Given = dict[str, Any]


class LogQueries(Recorded):
    """Saved queries by id."""

    service = "logs"

    def put_query_definition(self, given: Given) -> Given:
        name = given.get("queryDefinitionId")
        known: Given = found(self.kept("queries"), name, "query definition") if name else {"queryLanguage": "CWLI"}
        name = name or str(uuid.uuid4())
        self.kept("queries")[name] = {**known, **given, "queryDefinitionId": name, "lastModified": int(now() * 1000)}
        return {"queryDefinitionId": name}

    def describe_query_definitions(self, given: Given) -> Given:
        prefix = given.get("queryDefinitionNamePrefix") or ""
        return {"queryDefinitions": [item for item in self.kept("queries").values() if item["name"].startswith(prefix)]}

    def delete_query_definition(self, given: Given) -> Given:
        found(self.kept("queries"), given["queryDefinitionId"], "query definition")
        del self.kept("queries")[given["queryDefinitionId"]]
        return {"success": True}
