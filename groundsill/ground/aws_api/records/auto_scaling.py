"""Application Auto Scaling: targets, policies and scheduled actions ("Application Auto Scaling API Reference").

They are kept and scale nothing: no service here reports the metrics that they follow.
"""

from __future__ import annotations

import uuid
from typing import Any

from groundsill.ground.aws_api.records.service import Tagged, now
from groundsill.ground.aws_api.records.wire import Refused

Given = dict[str, Any]
_TARGET = ("ServiceNamespace", "ResourceId", "ScalableDimension")


class ApplicationAutoScaling(Tagged):
    """Targets by what they scale; policies and actions below them."""

    service = "application-autoscaling"

    def register_scalable_target(self, given: Given) -> Given:
        key = _key(given)
        known: Given = self.kept("targets").get(key) or {}
        if not known and not {"MinCapacity", "MaxCapacity"} <= given.keys():
            raise Refused("ValidationException", "a new target needs MinCapacity and MaxCapacity")
        suspended = {f"{name}Suspended": False for name in ("DynamicScalingIn", "DynamicScalingOut", "ScheduledScaling")}
        target: Given = {
            "ScalableTargetARN": self.arn("application-autoscaling", f"scalable-target/{uuid.uuid4().hex[:20]}"),
            "CreationTime": now(), "SuspendedState": suspended,
            "RoleARN": (f"arn:aws:iam::{self.account}:role/aws-service-role/"
                        f"{given['ServiceNamespace']}.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling"),
            **known, **{name: value for name, value in given.items() if name != "Tags"}}
        if target["MinCapacity"] > target["MaxCapacity"]:
            raise Refused("ValidationException", "Maximum capacity cannot be less than minimum capacity")
        self.kept("targets")[key] = target
        self.give_tags(target["ScalableTargetARN"], given.get("Tags"))
        return target

    def describe_scalable_targets(self, given: Given) -> Given:
        return {"ScalableTargets": self._matching("targets", given)}

    def deregister_scalable_target(self, given: Given) -> None:
        target = self._target(given)
        for store in ("policies", "actions"):  # "Deregistering a scalable target deletes the scaling policies"
            for name, item in list(self.kept(store).items()):
                if _key(item) == _key(given):
                    del self.kept(store)[name]
        del self.kept("targets")[_key(given)]
        self.forget_tags(target["ScalableTargetARN"])

    def put_scaling_policy(self, given: Given) -> Given:
        target, name = self._target(given), f"{_key(given)}/{given['PolicyName']}"
        known: Given = self.kept("policies").get(name) or {
            "PolicyARN": self.arn("autoscaling", (
                f"scalingPolicy:{uuid.uuid4()}:resource/{target['ServiceNamespace']}/{target['ResourceId']}"
                f":policyName/{given['PolicyName']}")),
            "CreationTime": now(), "PolicyType": "StepScaling", "Alarms": []}
        self.kept("policies")[name] = {**known, **given}
        return self.kept("policies")[name]

    def describe_scaling_policies(self, given: Given) -> Given:
        wanted = given.get("PolicyNames")
        return {"ScalingPolicies": [item for item in self._matching("policies", given)
                                    if not wanted or item["PolicyName"] in wanted]}

    def delete_scaling_policy(self, given: Given) -> None:
        self._delete("policies", f"{_key(given)}/{given['PolicyName']}", "scaling policy")

    def put_scheduled_action(self, given: Given) -> None:
        self._target(given)
        name = f"{_key(given)}/{given['ScheduledActionName']}"
        known: Given = self.kept("actions").get(name) or {
            "ScheduledActionARN": self.arn("autoscaling", (
                f"scheduledAction:{uuid.uuid4()}:resource/{given['ServiceNamespace']}/{given['ResourceId']}"
                f":scheduledActionName/{given['ScheduledActionName']}")), "CreationTime": now()}
        self.kept("actions")[name] = {**known, **given}

    def describe_scheduled_actions(self, given: Given) -> Given:
        wanted = given.get("ScheduledActionNames")
        return {"ScheduledActions": [item for item in self._matching("actions", given)
                                     if not wanted or item["ScheduledActionName"] in wanted]}

    def delete_scheduled_action(self, given: Given) -> None:
        self._delete("actions", f"{_key(given)}/{given['ScheduledActionName']}", "scheduled action")

    def list_tags_for_resource(self, given: Given) -> Given:
        return {"Tags": self.tags_of(given["ResourceARN"])}

    def tag_resource(self, given: Given) -> None:
        self.give_tags(given["ResourceARN"], given["Tags"])

    def untag_resource(self, given: Given) -> None:
        self.take_tags(given["ResourceARN"], given["TagKeys"])

    def _target(self, given: Given) -> Given:
        try:
            return self.kept("targets")[_key(given)]
        except KeyError:
            raise Refused("ObjectNotFoundException", f"No scalable target found for {_key(given)}") from None

    def _matching(self, store: str, given: Given) -> list[Given]:
        ids = given.get("ResourceIds") or ([given["ResourceId"]] if given.get("ResourceId") else None)
        return [item for item in self.kept(store).values()
                if item["ServiceNamespace"] == given["ServiceNamespace"]
                and (not ids or item["ResourceId"] in ids)
                and given.get("ScalableDimension") in (None, item["ScalableDimension"])]

    def _delete(self, store: str, name: str, what: str) -> None:
        if name not in self.kept(store):
            raise Refused("ObjectNotFoundException", f"No {what} found for {name}")
        del self.kept(store)[name]


def _key(given: Given) -> str:
    return "/".join(given[name] for name in _TARGET)
