"""CodeDeploy: applications and deployment groups ("AWS CodeDeploy API Reference"). Nothing is deployed by them."""

from __future__ import annotations

import uuid
from typing import Any

from groundsill.ground.aws_api.records.service import Tagged, found, now
from groundsill.ground.aws_api.records.wire import Refused

Given = dict[str, Any]


class CodeDeploy(Tagged):
    """Applications by name, groups by application and name."""

    service = "codedeploy"

    def create_application(self, given: Given) -> Given:
        name = given["applicationName"]
        if name in self.kept("applications"):
            raise Refused("ApplicationAlreadyExistsException", f"the application {name} exists")
        application = {"applicationId": str(uuid.uuid4()), "applicationName": name, "createTime": now(),
                       "linkedToGitHub": False, "computePlatform": given.get("computePlatform") or "Server"}
        self.kept("applications")[name] = application
        self.give_tags(self.arn("codedeploy", f"application:{name}"), given.get("tags"))
        return application

    def get_application(self, given: Given) -> Given:
        return {"application": self._application(given["applicationName"])}

    def update_application(self, given: Given) -> None:
        old, new = given["applicationName"], given["newApplicationName"]
        application = self._application(old)
        self.kept("applications")[new] = {**application, "applicationName": new}
        del self.kept("applications")[old]
        tags = dict(self.tags_of(self.arn("codedeploy", f"application:{old}")))
        self.forget_tags(self.arn("codedeploy", f"application:{old}"))
        self.give_tags(self.arn("codedeploy", f"application:{new}"), tags)
        for key, group in list(self.kept("groups").items()):
            if group["applicationName"] == old:
                del self.kept("groups")[key]
                self._keep({**group, "applicationName": new})

    def delete_application(self, given: Given) -> None:
        name = given["applicationName"]
        self.kept("applications").pop(name, None)
        self.forget_tags(self.arn("codedeploy", f"application:{name}"))
        for key, group in list(self.kept("groups").items()):
            if group["applicationName"] == name:
                del self.kept("groups")[key]

    def create_deployment_group(self, given: Given) -> Given:
        application = self._application(given["applicationName"])
        name = given["deploymentGroupName"]
        if _key(given["applicationName"], name) in self.kept("groups"):
            raise Refused("DeploymentGroupAlreadyExistsException", f"the deployment group {name} exists")
        group = {
            # "CreateDeploymentGroup": without one, CodeDeployDefault.OneAtATime, and of functions all at once.
            "deploymentConfigName": f"CodeDeployDefault.{_ONE_BY_ONE[application['computePlatform']]}",
            "deploymentStyle": {"deploymentType": "IN_PLACE", "deploymentOption": "WITHOUT_TRAFFIC_CONTROL"},
            **given, "deploymentGroupId": str(uuid.uuid4()), "computePlatform": application["computePlatform"]}
        tags = group.pop("tags", None)
        self._keep(group)
        self.give_tags(self._group_arn(group), tags)
        return group

    def get_deployment_group(self, given: Given) -> Given:
        return {"deploymentGroupInfo": self._group(given["applicationName"], given["deploymentGroupName"])}

    def update_deployment_group(self, given: Given) -> Given:
        group = self._group(given["applicationName"], given["currentDeploymentGroupName"])
        changed = {name: value for name, value in given.items()
                   if name not in ("currentDeploymentGroupName", "newDeploymentGroupName")}
        new = {**group, **changed, "deploymentGroupName": given.get("newDeploymentGroupName") or group["deploymentGroupName"]}
        del self.kept("groups")[_key(group["applicationName"], group["deploymentGroupName"])]
        tags = dict(self.tags_of(self._group_arn(group)))
        self.forget_tags(self._group_arn(group))
        self._keep(new)
        self.give_tags(self._group_arn(new), tags)
        return {"hooksNotCleanedUp": []}

    def delete_deployment_group(self, given: Given) -> Given:
        self._application(given["applicationName"])
        key = _key(given["applicationName"], given["deploymentGroupName"])
        group = self.kept("groups").pop(key, None)
        if group:
            self.forget_tags(self._group_arn(group))
        return {"hooksNotCleanedUp": []}

    def list_tags_for_resource(self, given: Given) -> Given:
        return {"Tags": self.tag_list(given["ResourceArn"])}

    def tag_resource(self, given: Given) -> None:
        self.give_tags(given["ResourceArn"], given["Tags"])

    def untag_resource(self, given: Given) -> None:
        self.take_tags(given["ResourceArn"], given["TagKeys"])

    def _application(self, name: str) -> Given:
        return found(self.kept("applications"), name, "application", "ApplicationDoesNotExistException")

    def _group(self, application: str, name: str) -> Given:
        self._application(application)
        return found(self.kept("groups"), _key(application, name), "deployment group",
                     "DeploymentGroupDoesNotExistException")

    def _keep(self, group: Given) -> None:
        self.kept("groups")[_key(group["applicationName"], group["deploymentGroupName"])] = group

    def _group_arn(self, group: Given) -> str:
        return self.arn("codedeploy", f"deploymentgroup:{group['applicationName']}/{group['deploymentGroupName']}")


_ONE_BY_ONE = {"Server": "OneAtATime", "Lambda": "LambdaAllAtOnce", "ECS": "ECSAllAtOnce"}


def _key(application: str, name: str) -> str:
    return f"{application}/{name}"
