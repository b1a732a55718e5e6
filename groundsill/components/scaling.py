"""Scaling of services by demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from groundsill import aws
from groundsill.definition.component import Mistake

if TYPE_CHECKING:
    from groundsill.components.containers import Service
    from groundsill.components.queues import Queue


class BacklogScaling:
    """Keep the number of messages that wait for each task near a target.

    Source of the method: Amazon EC2 Auto Scaling user guide, "Scaling policy based on Amazon SQS", with metric math in
    place of a custom metric.

    Arguments:
        queue: the queue whose backlog counts.
        per_task: messages that one task may have waiting.
        min: fewest tasks.
        max: most tasks.
    """

    def __init__(self, queue: Queue, *, per_task: int, min: int, max: int) -> None:
        if per_task < 1 or not 0 <= min <= max:
            raise Mistake("GS1376", f"tasks between {min} and {max} with {per_task} messages each cannot be",
                          mend="per_task is at least 1, and min is at most max")
        self.queue, self.per_task, self.min, self.max = queue, per_task, min, max

    def attach(self, service: Service) -> None:
        """Scale a service; Terraform then leaves its number of tasks alone."""
        from groundsill.graph import Lifecycle

        cluster, name = service.cluster.resource["name"], service.resource["name"]
        target = aws.appautoscaling_target(
            service.terraform_name(), service_namespace="ecs", scalable_dimension="ecs:service:DesiredCount",
            resource_id=f"service/{cluster}/{name}", min_capacity=self.min, max_capacity=self.max,
        )
        dimensions = [{"name": "ClusterName", "value": cluster}, {"name": "ServiceName", "value": name}]
        metrics: Any = [
            {"id": "waiting", "return_data": False, "metric_stat": {"stat": "Sum", "metric": {
                "namespace": "AWS/SQS", "metric_name": "ApproximateNumberOfMessagesVisible",
                "dimensions": [{"name": "QueueName", "value": self.queue.resource["name"]}]}}},
            {"id": "tasks", "return_data": False, "metric_stat": {"stat": "SampleCount", "metric": {
                "namespace": "AWS/ECS", "metric_name": "CPUUtilization", "dimensions": dimensions}}},
            {"id": "backlog", "label": "Messages waiting for each task", "return_data": True,
             "expression": "waiting / FILL(tasks, 1)"},
        ]
        aws.appautoscaling_policy(
            service.terraform_name("backlog"), name="backlog", policy_type="TargetTrackingScaling",
            service_namespace=target["service_namespace"], scalable_dimension=target["scalable_dimension"],
            resource_id=target["resource_id"],
            target_tracking_scaling_policy_configuration={
                "target_value": self.per_task,
                "scale_in_cooldown": 300, "scale_out_cooldown": 60,
                "customized_metric_specification": {"metrics": metrics},
            },
        )
        service.resource.lifecycle = Lifecycle(ignore_changes=("desired_count",))
