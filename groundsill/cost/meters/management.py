"""What manages an account: budgets, anomaly detection, deployments, scaling."""

from __future__ import annotations

from groundsill.cost.context import Context, counted
from groundsill.cost.model import Lines, Service
from groundsill.graph.resource import Resource

service = Service("AWS Billing and management", free={
    "aws_budgets_budget": "budgets without actions are free",
    "aws_ce_anomaly_monitor": "anomaly detection is free", "aws_ce_anomaly_subscription": "anomaly detection is free",
    "aws_ce_cost_allocation_tag": "a setting",
    "aws_appautoscaling_policy": "scaling is free; the alarms that it makes itself are too",
    "aws_appautoscaling_scheduled_action": "scaling is free", "aws_appautoscaling_target": "scaling is free",
    "aws_codedeploy_app": "free for functions, containers and machines of EC2",
    "aws_codedeploy_deployment_config": "a setting",
    "aws_codedeploy_deployment_group": "free for functions, containers and machines of EC2",
    "aws_resourcegroups_group": "groups are free", "aws_servicediscovery_service": "paid with its zone",
    "aws_cloudformation_stack": "free for AWS's own types",
    "random_password": "made by Terraform itself", "random_id": "made by Terraform itself",
    "random_string": "made by Terraform itself", "random_pet": "made by Terraform itself",
    "null_resource": "nothing in AWS", "local_file": "nothing in AWS",
    "tls_private_key": "made by Terraform itself", "archive_file": "nothing in AWS", "time_sleep": "nothing in AWS",
})


@service.meter("aws_budgets_budget_action")
def action(context: Context, action: Resource) -> Lines:
    """A budget with an action is paid by the day; two are free."""
    yield context.line(action, "budget with an action", "budgets.budget_with_action_day", counted(730 / 24, "days"))


streams = Service("AWS Step Functions")


@streams.meter("aws_sfn_state_machine")
def state_machine(context: Context, machine: Resource) -> Lines:
    """Transitions of a standard machine."""
    yield context.not_known(machine, "transitions", "how often it runs, and through how many states, is not in the graph")
