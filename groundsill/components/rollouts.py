"""How a new version of a function takes over: an alias, provisioned concurrency, and a gradual shift by CodeDeploy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from groundsill import aws
from groundsill.components.roles import allow, policy_document, trust
from groundsill.definition.building import Building
from groundsill.definition.component import Collecting, Mistake
from groundsill.definition.naming import terraform_name
from groundsill.graph import Lifecycle, Resource
from groundsill.graph.scope import Frame
from groundsill.graph.value import Value

if TYPE_CHECKING:
    from groundsill.components.functions import Function

Shift = Literal[
    "10% for 5 minutes", "10% for 10 minutes", "10% for 15 minutes", "10% for 30 minutes", "10% every minute",
    "10% every 2 minutes", "10% every 3 minutes", "10% every 10 minutes", "at once",
]
# CodeDeploy user guide: predefined deployment configurations for an AWS Lambda compute platform.
_CONFIGURATIONS: Mapping[str, str] = {
    "10% for 5 minutes": "CodeDeployDefault.LambdaCanary10Percent5Minutes",
    "10% for 10 minutes": "CodeDeployDefault.LambdaCanary10Percent10Minutes",
    "10% for 15 minutes": "CodeDeployDefault.LambdaCanary10Percent15Minutes",
    "10% for 30 minutes": "CodeDeployDefault.LambdaCanary10Percent30Minutes",
    "10% every minute": "CodeDeployDefault.LambdaLinear10PercentEvery1Minute",
    "10% every 2 minutes": "CodeDeployDefault.LambdaLinear10PercentEvery2Minutes",
    "10% every 3 minutes": "CodeDeployDefault.LambdaLinear10PercentEvery3Minutes",
    "10% every 10 minutes": "CodeDeployDefault.LambdaLinear10PercentEvery10Minutes",
    "at once": "CodeDeployDefault.LambdaAllAtOnce",
}
_ROLE_POLICY = "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited"
_NAME = "rollouts"
_NOTICES = ("DeploymentSuccess", "DeploymentFailure", "DeploymentRollback")
_ROLLBACK_EVENTS = ("DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM")


class Rollout(Value, metaclass=Collecting):
    """Callers reach a function through an alias, which CodeDeploy moves to a new version little by little.

    An alarm of the function during the shift moves the alias back, and the system's `Alerts` tell how it ended. Terraform
    makes the alias and leaves its version alone afterwards, so an apply never undoes a rollout or a rollback.

    Arguments:
        alias: name of the alias, default ``live``.
        shift: how traffic moves, default ``"10% for 5 minutes"``: a tenth goes to the new version for that long, then all.
        provisioned: environments that are kept warm, default 0. They cost whether they are used or not.

    Example:
        ``Function("save", "functions.orders:save", rollout=Rollout(shift="10% every minute"))``
    """

    __slots__ = ("alias", "shift", "provisioned")  # noqa: RUF023  in the constructor's order

    def __init__(self, alias: str = "live", shift: Shift = "10% for 5 minutes", provisioned: int = 0) -> None:
        self.alias: Final = alias
        self.shift: Final = shift
        self.provisioned: Final = provisioned

    def attach(self, function: Function) -> Resource:
        """Make the alias of a function and what moves it."""
        if self.provisioned < 0:
            raise Mistake("GS1516", f"{self.provisioned} provisioned environments cannot be", mend="write 0 or more")
        alias = aws.lambda_alias(
            function.terraform_name(), name=self.alias, function_name=function.resource["function_name"],
            function_version=function.resource["version"], description=f"The version of {function.name} that callers reach",
            lifecycle=Lifecycle(ignore_changes=("function_version", "routing_config")),
        )
        if self.provisioned:
            aws.lambda_provisioned_concurrency_config(
                function.terraform_name(), function_name=function.resource["function_name"], qualifier=alias["name"],
                provisioned_concurrent_executions=self.provisioned,
            )
        function.building.at_last.append(lambda: self._group(function))
        return alias

    def _group(self, function: Function) -> None:
        building = function.building
        with building.lowering(Frame(_NAME, function.subject, function.location, {"Component": _NAME})):
            app, role = _shared(building)
            topic = _notices(building, role)
        alarms = [item for item in building.graph.of_component(function.name) if item.type == "aws_cloudwatch_metric_alarm"]
        with function.lowering():
            aws.codedeploy_deployment_group(
                function.terraform_name(), app_name=app["name"],
                deployment_group_name=function.physical_name("aws_codedeploy_deployment_group"),
                service_role_arn=role["arn"], deployment_config_name=_CONFIGURATIONS[self.shift],
                deployment_style={"deployment_type": "BLUE_GREEN", "deployment_option": "WITH_TRAFFIC_CONTROL"},
                auto_rollback_configuration={"enabled": True, "events": list(_ROLLBACK_EVENTS)},
                trigger_configuration=[{"trigger_name": "notices", "trigger_events": list(_NOTICES), "trigger_target_arn": topic}]
                if topic else None,
                alarm_configuration={"enabled": True, "alarms": [alarm["alarm_name"] for alarm in alarms]} if alarms else None,
            )


def _shared(building: Building) -> tuple[Resource, Resource]:
    """The CodeDeploy application that all functions of the system share, and its role."""
    shared: dict[str, Any] = building.shared
    if _NAME not in shared:
        name = terraform_name(_NAME)
        app = aws.codedeploy_app(
            name, name=building.physical_name("aws_codedeploy_app", _NAME), compute_platform="Lambda",
        )
        role = aws.iam_role(
            name, name=building.physical_name("aws_iam_role", _NAME, part="role"),
            description=f"How CodeDeploy moves aliases of {building.system}",
            assume_role_policy=trust("codedeploy.amazonaws.com"),
        )
        aws.iam_role_policy_attachment(name, role=role["name"], policy_arn=_ROLE_POLICY)
        shared[_NAME] = (app, role)
    return shared[_NAME]


def _notices(building: Building, role: Resource) -> Any:
    """The topic of the system's `Alerts`, on which CodeDeploy may then tell of deployments; None without one."""
    alerts = building.shared.get("alerts")
    if alerts is None:
        return None
    if "rollout_notices" not in building.shared:
        topic = next(iter(alerts.publish.environment.values()))
        statements = [allow(f"Tell{number}", statement) for number, statement in enumerate(alerts.publish.statements)]
        aws.iam_role_policy(role.name, name="notices", role=role["id"], policy=policy_document(statements))
        building.shared["rollout_notices"] = topic
    return building.shared["rollout_notices"]
