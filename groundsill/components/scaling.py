"""Scaling of services by demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from groundsill import aws
from groundsill.definition.component import Collecting, Mistake
from groundsill.graph import Lifecycle, Reference, Resource

if TYPE_CHECKING:
    from groundsill.components.containers import Service
    from groundsill.components.queues import Queue


_LEAST_SHARE, _MOST_SHARE = 10, 90


class Scaling:
    """A way to scale a service; one of those below."""

    min: int

    def attach(self, service: Service) -> None:
        """Scale a service; Terraform then leaves its number of tasks alone."""
        raise NotImplementedError


class Scale(Scaling, metaclass=Collecting):
    """Keep the load of a service's tasks near targets: more tasks when one is passed, fewer when all are well below.

    Source of the method: Application Auto Scaling user guide, "Target tracking scaling policies".

    Arguments:
        max: most tasks.
        min: fewest tasks, default 1.
        cpu: percent of the CPU that tasks use on average, 10 to 90.
        memory: percent of the memory, 10 to 90.
        requests: requests that each task takes in a minute from the load balancer in front of it.

    Example:
        ``Service("web", image, network.private, cluster=cluster, scale=Scale(min=2, max=6, cpu=60))``
    """

    def __init__(
        self, *, max: int, min: int = 1, cpu: int | None = None, memory: int | None = None, requests: int | None = None,
    ) -> None:
        self.min, self.max, self._requests = min, max, requests
        self._shares = {"cpu": ("ECSServiceAverageCPUUtilization", cpu),
                        "memory": ("ECSServiceAverageMemoryUtilization", memory)}

    def attach(self, service: Service) -> None:
        """Scale a service; Terraform then leaves its number of tasks alone."""
        self._check()
        target = _target(service, self.min, self.max)
        for name, (metric, share) in self._shares.items():
            if share is not None:
                _track(service, target, name, share, {"predefined_metric_type": metric})
        if self._requests is not None:
            # Known only when the definition has been read: the load balancer is written after the service.
            service.building.at_end.append(lambda: self._track_requests(service, target))

    def _check(self) -> None:
        shares = {name: share for name, (_, share) in self._shares.items() if share is not None}
        if not 0 <= self.min <= self.max:
            raise Mistake("GS1377", f"tasks between {self.min} and {self.max} cannot be", mend="min is at most max")
        if not shares and self._requests is None:
            raise Mistake("GS1378", "nothing says when to scale", mend="give cpu, memory or requests, for example cpu=60")
        for name, share in shares.items():
            if not _LEAST_SHARE <= share <= _MOST_SHARE:
                raise Mistake("GS1379", f"`{name}` is {_LEAST_SHARE} to {_MOST_SHARE} percent, not {share}",
                              "below, tasks start for nothing; above, they start too late")

    def _track_requests(self, service: Service, target: Resource) -> None:
        assert self._requests is not None
        graph = service.building.graph
        listeners = [graph[address] for address in service.resource.depends_on if address.startswith("aws_lb_listener.")]
        found = [(item.arguments["load_balancer_arn"], group) for item in listeners for group in service.target_groups]
        if not found:
            service.building.report(
                "GS1388", f"{service.subject} scales by requests, and no load balancer sends it any",
                mend="route a load balancer to it, or scale by cpu", location=service.location, subject=service.subject)
            return
        balancer, group = found[0]
        suffix = Reference(balancer.address, ("arn_suffix",))
        with service.lowering():
            _track(service, target, "requests", self._requests, {
                "predefined_metric_type": "ALBRequestCountPerTarget",
                "resource_label": f"{suffix}/{group['arn_suffix']}",
            })


def _target(service: Service, least: int, most: int) -> Resource:
    service.resource.lifecycle = Lifecycle(ignore_changes=("desired_count",))
    return aws.appautoscaling_target(
        service.terraform_name(), service_namespace="ecs", scalable_dimension="ecs:service:DesiredCount",
        resource_id=f"service/{service.cluster.resource['name']}/{service.resource['name']}", min_capacity=least,
        max_capacity=most,
    )


def _track(service: Service, target: Resource, name: str, value: float, metric: Any) -> None:
    aws.appautoscaling_policy(
        service.terraform_name(name), name=name, policy_type="TargetTrackingScaling",
        service_namespace=target["service_namespace"], scalable_dimension=target["scalable_dimension"],
        resource_id=target["resource_id"],
        target_tracking_scaling_policy_configuration={
            "target_value": value, "scale_in_cooldown": 300, "scale_out_cooldown": 60,
            "predefined_metric_specification": metric,
        },
    )


class BacklogScaling(Scaling):
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
        cluster, name = service.cluster.resource["name"], service.resource["name"]
        target = _target(service, self.min, self.max)
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
