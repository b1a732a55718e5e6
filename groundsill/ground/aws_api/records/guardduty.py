"""GuardDuty: the detector of a region and its features ("Amazon GuardDuty API Reference"). Nothing is watched."""

from __future__ import annotations

import secrets
from typing import Any

from groundsill.ground.aws_api.records.service import Tagged, now
from groundsill.ground.aws_api.records.wire import Refused

Given = dict[str, Any]
_ROLE = "guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty"


class GuardDuty(Tagged):
    """At most one detector."""

    service = "guardduty"

    def create_detector(self, given: Given) -> Given:
        if list(self.kept("detectors").values()):
            raise Refused("BadRequestException", "The request is rejected because a detector already exists for the "
                                                 "current account.")
        name = secrets.token_hex(16)
        detector: Given = {
            "DetectorId": name, "CreatedAt": _time(), "UpdatedAt": _time(), "Status": _status(given["Enable"]),
            "FindingPublishingFrequency": given.get("FindingPublishingFrequency") or "SIX_HOURS",
            "DataSources": _sources(given), "Features": _features([], given),
            "ServiceRole": f"arn:aws:iam::{self.account}:role/aws-service-role/{_ROLE}"}
        self.kept("detectors")[name] = detector
        self.give_tags(self._arn(name), given.get("Tags"))
        return {"DetectorId": name}

    def get_detector(self, given: Given) -> Given:
        detector = self._detector(given)
        return {**detector, "Tags": self.tags_of(self._arn(detector["DetectorId"]))}

    def list_detectors(self, given: Given) -> Given:
        return {"DetectorIds": list(self.kept("detectors").keys())}

    def update_detector(self, given: Given) -> None:
        detector: Given = {**self._detector(given), "UpdatedAt": _time()}
        if given.get("Enable") is not None:
            detector["Status"] = _status(given["Enable"])
        if given.get("FindingPublishingFrequency"):
            detector["FindingPublishingFrequency"] = given["FindingPublishingFrequency"]
        if given.get("DataSources"):
            detector["DataSources"] = {**detector["DataSources"], **_sources(given)}
        detector["Features"] = _features(detector["Features"], given)
        self.kept("detectors")[detector["DetectorId"]] = detector

    def delete_detector(self, given: Given) -> None:
        name = self._detector(given)["DetectorId"]
        del self.kept("detectors")[name]
        self.forget_tags(self._arn(name))

    def list_tags_for_resource(self, given: Given) -> Given:
        return {"Tags": self.tags_of(given["ResourceArn"])}

    def tag_resource(self, given: Given) -> None:
        self.give_tags(given["ResourceArn"], given["Tags"])

    def untag_resource(self, given: Given) -> None:
        self.take_tags(given["ResourceArn"], given["TagKeys"])

    def _detector(self, given: Given) -> Given:
        try:
            return self.kept("detectors")[given["DetectorId"]]
        except KeyError:
            raise Refused("BadRequestException", "The request is rejected because the input detectorId is not owned by "
                                                 "the current account.") from None

    def _arn(self, name: str) -> str:
        return self.arn("guardduty", f"detector/{name}")


def _status(enabled: Any) -> str:
    return "ENABLED" if enabled else "DISABLED"


def _features(known: list[Given], given: Given) -> list[Given]:
    """The features with those that a call names; what AWS would switch on by itself is not made up."""
    named = {feature["Name"]: feature for feature in known}
    asked: list[Given] = given.get("Features") or []
    for feature in asked:
        named[feature["Name"]] = {**feature, "UpdatedAt": now()}
    return list(named.values())


def _sources(given: Given) -> Given:
    """The earlier form of features; each is on where a new detector does not say ("DataSourceConfigurations")."""
    asked: Given = given.get("DataSources") or {}
    scan = asked.get("MalwareProtection", {}).get("ScanEc2InstanceWithFindings", {}).get("EbsVolumes", True)
    return {
        **{name: {"Status": "ENABLED"} for name in ("CloudTrail", "DNSLogs", "FlowLogs")},
        "S3Logs": {"Status": _status(asked.get("S3Logs", {}).get("Enable", True))},
        "Kubernetes": {"AuditLogs": {"Status": _status(
            asked.get("Kubernetes", {}).get("AuditLogs", {}).get("Enable", True))}},
        "MalwareProtection": {"ScanEc2InstanceWithFindings": {"EbsVolumes": {"Status": _status(scan)}}},
    }


def _time() -> str:
    import time

    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now()))
