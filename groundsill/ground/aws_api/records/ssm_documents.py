"""Systems Manager, what the emulator leaves out: documents ("AWS Systems Manager API Reference"). None is ever run."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from groundsill.ground.aws_api.records.service import Tagged, found, now
from groundsill.ground.aws_api.records.wire import Elsewhere, Refused

Given = dict[str, Any]
_KIND = "Document"
_SCHEMA_VERSION = re.compile(r"""schemaVersion["']?\s*:\s*["']?([\d.]+)""")


class SsmDocuments(Tagged):
    """Documents by name, each with its versions."""

    service = "ssm"

    def create_document(self, given: Given) -> Given:
        name = given["Name"]
        if name in self.kept("documents"):
            raise Refused("DocumentAlreadyExists", f"the document {name} exists")
        document: Given = {
            "Name": name, "Owner": self.account, "CreatedDate": now(), "Status": "Active", "LatestVersion": "1",
            "DefaultVersion": "1", "PlatformTypes": ["Windows", "Linux", "MacOS"], "permissions": [],
            "DocumentType": given.get("DocumentType") or "Command", "versions": {"1": _version(given, "1")},
            "TargetType": given.get("TargetType"), "Requires": given.get("Requires")}
        self.kept("documents")[name] = document
        self.give_tags(name, given.get("Tags"))
        return {"DocumentDescription": self._shown(document, "1")}

    def describe_document(self, given: Given) -> Given:
        document = self._document(given)
        return {"Document": self._shown(document, self._number(document, given))}

    def get_document(self, given: Given) -> Given:
        document = self._document(given)
        number = self._number(document, given)
        return {**self._shown(document, number), "Content": document["versions"][number]["Content"]}

    def list_document_versions(self, given: Given) -> Given:
        document = self._document(given)
        return {"DocumentVersions": [
            {**version, "Name": document["Name"], "IsDefaultVersion": number == document["DefaultVersion"], "Status": "Active"}
            for number, version in document["versions"].items()]}

    def update_document(self, given: Given) -> Given:
        document = self._document(given)
        latest = document["versions"][document["LatestVersion"]]
        if latest["Content"] == given["Content"] and not given.get("VersionName"):
            raise Refused("DuplicateDocumentContent", "the content of the document is the same as that of another version")
        number = str(int(document["LatestVersion"]) + 1)
        changed = _version({"DocumentFormat": latest["DocumentFormat"], **given}, number)
        document = {**document, "LatestVersion": number, "versions": {**document["versions"], number: changed}}
        self.kept("documents")[document["Name"]] = document
        return {"DocumentDescription": self._shown(document, number)}

    def update_document_default_version(self, given: Given) -> Given:
        document = self._document(given)
        number = self._number(document, given)
        self.kept("documents")[document["Name"]] = {**document, "DefaultVersion": number}
        return {"Description": {"Name": document["Name"], "DefaultVersion": number}}

    def delete_document(self, given: Given) -> None:
        document = self._document(given)
        if document["permissions"]:
            raise Refused("AssociatedInstances", "the document is shared: take that back first")
        del self.kept("documents")[document["Name"]]
        self.forget_tags(document["Name"])

    def describe_document_permission(self, given: Given) -> Given:
        accounts = self._document(given)["permissions"]
        return {"AccountIds": accounts,
                "AccountSharingInfoList": [{"AccountId": name, "SharedDocumentVersion": "$DEFAULT"} for name in accounts]}

    def modify_document_permission(self, given: Given) -> None:
        document = self._document(given)
        accounts = {*document["permissions"], *(given.get("AccountIdsToAdd") or ())}
        accounts -= set(given.get("AccountIdsToRemove") or ())
        self.kept("documents")[document["Name"]] = {**document, "permissions": sorted(accounts)}

    def list_tags_for_resource(self, given: Given) -> Given:
        return {"TagList": self.tag_list(self._own(given))}

    def add_tags_to_resource(self, given: Given) -> None:
        self.give_tags(self._own(given), given["Tags"])

    def remove_tags_from_resource(self, given: Given) -> None:
        self.take_tags(self._own(given), given["TagKeys"])

    def _own(self, given: Given) -> str:
        if given["ResourceType"] != _KIND:
            raise Elsewhere
        return found(self.kept("documents"), given["ResourceId"], "document", "InvalidResourceId")["Name"]

    def _document(self, given: Given) -> Given:
        name = given["Name"].rpartition(":document/")[2]
        if name not in self.kept("documents"):
            raise Refused("InvalidDocument", f"Document with name {name} does not exist.")
        return self.kept("documents")[name]

    def _number(self, document: Given, given: Given) -> str:
        asked = given.get("DocumentVersion") or "$DEFAULT"
        number = {"$DEFAULT": document["DefaultVersion"], "$LATEST": document["LatestVersion"]}.get(asked, asked)
        if number not in document["versions"]:
            raise Refused("InvalidDocumentVersion", f"{document['Name']} has no version {number}")
        return number

    def _shown(self, document: Given, number: str) -> Given:
        return {**document, **document["versions"][number], "Tags": self.tag_list(document["Name"])}


def _version(given: Given, number: str) -> Given:
    content = str(given["Content"])
    schema = _SCHEMA_VERSION.search(content)
    if schema is None:
        raise Refused("InvalidDocumentContent", "the content has no schemaVersion")
    format_ = given.get("DocumentFormat") or "JSON"
    told: Given = _parsed(content) if format_ == "JSON" else {}
    parameters: dict[str, Given] = told.get("parameters") or {}
    return {
        "DocumentVersion": number, "VersionName": given.get("VersionName"), "Content": content, "DocumentFormat": format_,
        "SchemaVersion": schema[1], "CreatedDate": now(), "Description": told.get("description"),
        "Hash": hashlib.sha256(content.encode()).hexdigest(), "HashType": "Sha256",
        "Parameters": [_parameter(name, body) for name, body in parameters.items()]}


def _parsed(content: str) -> Given:
    try:
        return dict(json.loads(content))
    except (ValueError, TypeError):
        raise Refused("InvalidDocumentContent", "the content is not a JSON object") from None


def _parameter(name: str, body: Given) -> Given:
    default = body.get("default")
    return {"Name": name, "Type": body.get("type"), "Description": body.get("description"),
            "DefaultValue": default if default is None or isinstance(default, str) else json.dumps(default)}
