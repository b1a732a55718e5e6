"""IAM Access Analyzer: analyzers ("IAM Access Analyzer API Reference"). Nothing is analyzed; there are no findings."""

from __future__ import annotations

from typing import Any

from groundsill.ground.aws_api.records.service import Tagged, found, now
from groundsill.ground.aws_api.records.wire import Refused

Given = dict[str, Any]


class AccessAnalyzer(Tagged):
    """Analyzers by name."""

    service = "accessanalyzer"

    def create_analyzer(self, given: Given) -> Given:
        name = given["analyzerName"]
        if name in self.kept("analyzers"):
            raise Refused("ConflictException", f"the analyzer {name} exists", 409)
        analyzer: Given = {"arn": self.arn("access-analyzer", f"analyzer/{name}"), "name": name, "type": given["type"],
                    "status": "ACTIVE", "createdAt": now(), "configuration": given.get("configuration")}
        self.kept("analyzers")[name] = analyzer
        self.give_tags(analyzer["arn"], given.get("tags"))
        rules: list[Given] = given.get("archiveRules") or []
        for rule in rules:
            self.create_archive_rule({"analyzerName": name, **rule})
        return {"arn": analyzer["arn"]}

    def get_analyzer(self, given: Given) -> Given:
        analyzer = self._analyzer(given)
        return {"analyzer": {**analyzer, "tags": self.tags_of(analyzer["arn"])}}

    def list_analyzers(self, given: Given) -> Given:
        return {"analyzers": [self.get_analyzer({"analyzerName": name})["analyzer"] for name in self.kept("analyzers")]}

    def update_analyzer(self, given: Given) -> Given:
        analyzer = {**self._analyzer(given), "configuration": given.get("configuration")}
        self.kept("analyzers")[analyzer["name"]] = analyzer
        return {"configuration": analyzer["configuration"]}

    def delete_analyzer(self, given: Given) -> None:
        analyzer = self._analyzer(given)
        del self.kept("analyzers")[analyzer["name"]]
        self.forget_tags(analyzer["arn"])
        for key, rule in list(self.kept("rules").items()):
            if rule["analyzerName"] == analyzer["name"]:
                del self.kept("rules")[key]

    def create_archive_rule(self, given: Given) -> None:
        self._analyzer(given)
        self.kept("rules")[f"{given['analyzerName']}/{given['ruleName']}"] = {
            **given, "createdAt": now(), "updatedAt": now()}

    def get_archive_rule(self, given: Given) -> Given:
        return {"archiveRule": self._rule(given)}

    def update_archive_rule(self, given: Given) -> None:
        rule = {**self._rule(given), "filter": given["filter"], "updatedAt": now()}
        self.kept("rules")[f"{given['analyzerName']}/{given['ruleName']}"] = rule

    def delete_archive_rule(self, given: Given) -> None:
        self._rule(given)
        del self.kept("rules")[f"{given['analyzerName']}/{given['ruleName']}"]

    def list_tags_for_resource(self, given: Given) -> Given:
        return {"tags": self.tags_of(given["resourceArn"])}

    def tag_resource(self, given: Given) -> None:
        self.give_tags(given["resourceArn"], given["tags"])

    def untag_resource(self, given: Given) -> None:
        self.take_tags(given["resourceArn"], given["tagKeys"])

    def _analyzer(self, given: Given) -> Given:
        return found(self.kept("analyzers"), given["analyzerName"], "analyzer", status=404)

    def _rule(self, given: Given) -> Given:
        return found(self.kept("rules"), f"{given['analyzerName']}/{given['ruleName']}", "archive rule", status=404)
