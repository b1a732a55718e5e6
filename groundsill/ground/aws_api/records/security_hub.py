"""Security Hub: the hub and the standards that it follows ("AWS Security Hub API Reference"). There are no findings."""

from __future__ import annotations

from typing import Any

from groundsill.ground.aws_api.records.service import Tagged, found, now
from groundsill.ground.aws_api.records.wire import Refused

Given = dict[str, Any]
_DEFAULT_STANDARDS = ("standards/aws-foundational-security-best-practices/v/1.0.0",
                      "ruleset/cis-aws-foundations-benchmark/v/1.2.0")
"""Followed where a new hub does not say otherwise ("EnableSecurityHub")."""


class SecurityHub(Tagged):
    """One hub a region."""

    service = "securityhub"

    def enable_security_hub(self, given: Given) -> None:
        if "hub" in self.kept("hubs"):
            raise Refused("ResourceConflictException", "Account is already subscribed to Security Hub", 409)
        hub: Given = {"HubArn": self.arn("securityhub", "hub/default"), "SubscribedAt": _time(), "AutoEnableControls": True,
               "ControlFindingGenerator": given.get("ControlFindingGenerator") or "SECURITY_CONTROL"}
        self.kept("hubs")["hub"] = hub
        self.give_tags(hub["HubArn"], given.get("Tags"))
        if given.get("EnableDefaultStandards", True):
            arns = (f"arn:aws:securityhub:{self.region}::{_DEFAULT_STANDARDS[0]}",
                    f"arn:aws:securityhub:::{_DEFAULT_STANDARDS[1]}")
            self.batch_enable_standards({"StandardsSubscriptionRequests": [{"StandardsArn": arn} for arn in arns]})

    def describe_hub(self, given: Given) -> Given:
        return self._hub()

    def update_security_hub_configuration(self, given: Given) -> None:
        self.kept("hubs")["hub"] = {**self._hub(), **given}

    def disable_security_hub(self, given: Given) -> None:
        arn = self._hub()["HubArn"]
        self.kept("hubs").clear()
        for name in list(self.kept("standards")):
            del self.kept("standards")[name]
        self.forget_tags(arn)

    def batch_enable_standards(self, given: Given) -> Given:
        self._hub()
        made: list[Given] = []
        for request in given["StandardsSubscriptionRequests"]:
            name = request["StandardsArn"].partition("/")[2]
            arn = self.arn("securityhub", f"subscription/{name}")
            made.append({"StandardsArn": request["StandardsArn"], "StandardsSubscriptionArn": arn,
                         "StandardsInput": request.get("StandardsInput") or {}, "StandardsStatus": "READY",
                         "StandardsControlsUpdatable": "READY_FOR_UPDATES"})
            self.kept("standards")[arn] = made[-1]
        return {"StandardsSubscriptions": made}

    def get_enabled_standards(self, given: Given) -> Given:
        self._hub()
        wanted = given.get("StandardsSubscriptionArns")
        return {"StandardsSubscriptions": [item for arn, item in self.kept("standards").items()
                                           if not wanted or arn in wanted]}

    def batch_disable_standards(self, given: Given) -> Given:
        self._hub()
        gone: list[Given] = []
        for arn in given["StandardsSubscriptionArns"]:
            gone.append({**found(self.kept("standards"), arn, "subscription", status=404), "StandardsStatus": "DELETING"})
            del self.kept("standards")[arn]
        return {"StandardsSubscriptions": gone}

    def list_tags_for_resource(self, given: Given) -> Given:
        return {"Tags": self.tags_of(given["ResourceArn"])}

    def tag_resource(self, given: Given) -> None:
        self.give_tags(given["ResourceArn"], given["Tags"])

    def untag_resource(self, given: Given) -> None:
        self.take_tags(given["ResourceArn"], given["TagKeys"])

    def _hub(self) -> Given:
        try:
            return self.kept("hubs")["hub"]
        except KeyError:
            raise Refused("InvalidAccessException", f"Account {self.account} is not subscribed to AWS Security Hub",
                          401) from None


def _time() -> str:
    import time

    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now()))
