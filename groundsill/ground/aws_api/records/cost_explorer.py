"""Cost Explorer: anomaly monitors and their subscriptions, cost categories and cost allocation tags ("AWS Billing and
Cost Management API Reference"). No cost is known, so no anomaly is ever found.
"""

from __future__ import annotations

import uuid
from typing import Any

from groundsill.ground.aws_api.records.service import Tagged, found, now
from groundsill.ground.aws_api.records.wire import Refused

Given = dict[str, Any]
_MOST_OF_SERVICES = 1
"""Monitors of the dimension SERVICE in an account ("Quotas and restrictions", AWS Cost Management User Guide)."""


class CostExplorer(Tagged):
    """Everything by ARN."""

    service = "ce"

    def _arn(self, kind: str) -> str:
        return f"arn:aws:ce::{self.account}:{kind}/{uuid.uuid4()}"

    # -- anomalies -----------------------------------------------------------------------------------------------------

    def create_anomaly_monitor(self, given: Given) -> Given:
        monitor: Given = given["AnomalyMonitor"]
        of_services = [item for item in self.kept("monitors").values() if item.get("MonitorDimension") == "SERVICE"]
        if monitor.get("MonitorDimension") == "SERVICE" and len(of_services) >= _MOST_OF_SERVICES:
            raise Refused("LimitExceededException", "Limit exceeded on dimensional spend monitor creation")
        arn = self._arn("anomalymonitor")
        self.kept("monitors")[arn] = {**monitor, "MonitorArn": arn, "CreationDate": _date(), "DimensionalValueCount": 0}
        self.give_tags(arn, given.get("ResourceTags"))
        return {"MonitorArn": arn}

    def get_anomaly_monitors(self, given: Given) -> Given:
        return {"AnomalyMonitors": self._named("monitors", given.get("MonitorArnList"), "UnknownMonitorException")}

    def update_anomaly_monitor(self, given: Given) -> Given:
        arn = given["MonitorArn"]
        monitor = found(self.kept("monitors"), arn, "monitor", "UnknownMonitorException")
        self.kept("monitors")[arn] = {**monitor, **given, "LastUpdatedDate": _date()}
        return {"MonitorArn": arn}

    def delete_anomaly_monitor(self, given: Given) -> None:
        self._delete("monitors", given["MonitorArn"], "UnknownMonitorException")

    def create_anomaly_subscription(self, given: Given) -> Given:
        subscription: Given = given["AnomalySubscription"]
        self._named("monitors", subscription["MonitorArnList"], "UnknownMonitorException")
        arn = self._arn("anomalysubscription")
        subscribers = [{"Status": "CONFIRMED", **item} for item in subscription["Subscribers"]]
        self.kept("subscriptions")[arn] = {**subscription, "SubscriptionArn": arn, "AccountId": self.account,
                                           "Subscribers": subscribers}
        self.give_tags(arn, given.get("ResourceTags"))
        return {"SubscriptionArn": arn}

    def get_anomaly_subscriptions(self, given: Given) -> Given:
        # The list is a filter: only so does the provider take one for gone.
        asked = given.get("SubscriptionArnList")
        return {"AnomalySubscriptions": [item for arn, item in self.kept("subscriptions").items()
                                         if not asked or arn in asked]}

    def update_anomaly_subscription(self, given: Given) -> Given:
        arn = given["SubscriptionArn"]
        subscription = found(self.kept("subscriptions"), arn, "subscription", "UnknownSubscriptionException")
        self.kept("subscriptions")[arn] = {**subscription, **given}
        return {"SubscriptionArn": arn}

    def delete_anomaly_subscription(self, given: Given) -> None:
        self._delete("subscriptions", given["SubscriptionArn"], "UnknownSubscriptionException")

    # -- categories and tags of costs ----------------------------------------------------------------------------------

    def create_cost_category_definition(self, given: Given) -> Given:
        if any(item["Name"] == given["Name"] for item in self.kept("categories").values()):
            raise Refused("ServiceQuotaExceededException", f"a cost category {given['Name']} exists")
        arn = self._arn("costcategory")
        category = {"EffectiveStart": _first_of_month(), **given, "CostCategoryArn": arn}
        self.kept("categories")[arn] = category
        self.give_tags(arn, given.get("ResourceTags"))
        return category

    def describe_cost_category_definition(self, given: Given) -> Given:
        return {"CostCategory": found(self.kept("categories"), given["CostCategoryArn"], "cost category")}

    def update_cost_category_definition(self, given: Given) -> Given:
        arn = given["CostCategoryArn"]
        category = {**found(self.kept("categories"), arn, "cost category"), **given}
        self.kept("categories")[arn] = category
        return category

    def delete_cost_category_definition(self, given: Given) -> Given:
        self._delete("categories", given["CostCategoryArn"], "ResourceNotFoundException")
        return {"CostCategoryArn": given["CostCategoryArn"], "EffectiveEnd": _first_of_month()}

    def update_cost_allocation_tags_status(self, given: Given) -> Given:
        for entry in given["CostAllocationTagsStatus"]:
            self.kept("allocation")[entry["TagKey"]] = {**entry, "Type": "UserDefined", "LastUpdatedDate": _date()}
        return {"Errors": []}

    def list_cost_allocation_tags(self, given: Given) -> Given:
        wanted = given.get("TagKeys")
        return {"CostAllocationTags": [entry for name, entry in self.kept("allocation").items()
                                       if not wanted or name in wanted]}

    # -- tags of the resources themselves ------------------------------------------------------------------------------

    def list_tags_for_resource(self, given: Given) -> Given:
        return {"ResourceTags": self.tag_list(given["ResourceArn"])}

    def tag_resource(self, given: Given) -> None:
        self.give_tags(given["ResourceArn"], given["ResourceTags"])

    def untag_resource(self, given: Given) -> None:
        self.take_tags(given["ResourceArn"], given["ResourceTagKeys"])

    def _named(self, store: str, arns: list[str] | None, code: str) -> list[Given]:
        return [found(self.kept(store), arn, store, code) for arn in arns] if arns else list(self.kept(store).values())

    def _delete(self, store: str, arn: str, code: str) -> None:
        found(self.kept(store), arn, store, code)
        del self.kept(store)[arn]
        self.forget_tags(arn)


def _date() -> str:
    import time

    return time.strftime("%Y-%m-%d", time.gmtime(now()))


def _first_of_month() -> str:
    return f"{_date()[:7]}-01T00:00:00Z"
