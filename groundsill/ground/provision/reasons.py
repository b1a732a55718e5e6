"""What the ground does with each resource type: runs it, or only records it and says why."""

from __future__ import annotations

from types import MappingProxyType

from groundsill.graph import FunctionPackage, Graph, Reference, Resource
from groundsill.graph.migration import CALL_TYPE, called_function

_NETWORK = "processes on one machine share its network: routes and groups are checked in the graph, not enforced here"
_NEWEST = "functions run the newest code here, without versions"
_DNS = "names and certificates need the real internet"
_ACCOUNT = "it watches an AWS account, and there is none here"
_BILL = "nothing costs money here"
_CHARTS = "metrics are not collected here, so there is nothing to show"
_PHONE = "text messages need a phone number and a carrier"
_BACKUP = "the data folder of this machine is not backed up by AWS Backup"
_DATABASE = "the ground cannot run databases yet"
_CACHE = "the ground cannot run caches yet"
_HELD = "the ground cannot hold secrets and parameters yet"
_SOCKETS = "the ground cannot run WebSocket APIs yet"
_MACHINES = "the ground cannot run machines yet"
_NOT_YET = "the ground cannot run this type yet"
# A function that uses one of these cannot do its work here; everything else that does not run is not missed by it.
_MISSED = frozenset({_DATABASE, _CACHE, _HELD, _SOCKETS, _MACHINES, _NOT_YET})
_TASK = "not run: the ground starts no tasks yet, so that data stores keep the schema that they have"

# Types that the ground really runs, in its own processes or in the AWS API.
RUNS: frozenset[str] = frozenset({
    "aws_apigatewayv2_api", "aws_apigatewayv2_authorizer", "aws_apigatewayv2_integration", "aws_apigatewayv2_route",
    "aws_apigatewayv2_stage", "aws_apigatewayv2_vpc_link", "aws_cloudwatch_log_group", "aws_cognito_user_pool",
    "aws_cognito_user_pool_client", "aws_dynamodb_table", "aws_ecs_cluster", "aws_ecs_service",
    "aws_ecs_task_definition", "aws_iam_policy", "aws_iam_role", "aws_iam_role_policy",
    "aws_iam_role_policy_attachment", "aws_kms_alias", "aws_kms_key", "aws_lambda_function", "aws_lambda_invocation",
    "aws_lambda_permission", "aws_lb", "aws_lb_listener", "aws_lb_listener_rule", "aws_lb_target_group",
    "aws_sesv2_email_identity", "aws_sns_topic", "aws_sns_topic_subscription", "aws_sqs_queue",
    "aws_sqs_queue_redrive_allow_policy",
})

RECORDED_ONLY: MappingProxyType[str, str] = MappingProxyType({
    "aws_acm_certificate": _DNS,
    "aws_acm_certificate_validation": _DNS,
    "aws_api_gateway_account": _ACCOUNT,
    "aws_appautoscaling_policy": "services keep their declared number of tasks here",
    "aws_appautoscaling_target": "services keep their declared number of tasks here",
    "aws_autoscaling_group": _MACHINES,
    "aws_backup_plan": _BACKUP,
    "aws_backup_region_settings": _BACKUP,
    "aws_backup_restore_testing_plan": _BACKUP,
    "aws_backup_restore_testing_selection": _BACKUP,
    "aws_backup_selection": _BACKUP,
    "aws_backup_vault": _BACKUP,
    "aws_backup_vault_notifications": _BACKUP,
    "aws_bedrock_guardrail": "models are called from here as they are, without AWS's guard in front",
    "aws_bedrock_model_invocation_logging_configuration": _ACCOUNT,
    "aws_budgets_budget": _BILL,
    "aws_ce_anomaly_monitor": _BILL,
    "aws_ce_anomaly_subscription": _BILL,
    "aws_ce_cost_allocation_tag": _BILL,
    "aws_cloudfront_monitoring_subscription": _CHARTS,
    "aws_cloudfront_origin_access_control": "only the system's own roles reach its buckets here",
    "aws_cloudtrail": _ACCOUNT,
    "aws_cloudwatch_composite_alarm": "metrics are not collected here, so no alarm can fire",
    "aws_cloudwatch_dashboard": _CHARTS,
    "aws_cloudwatch_log_metric_filter": _CHARTS,
    "aws_cloudwatch_metric_alarm": "metrics are not collected here, so no alarm can fire",
    "aws_cloudwatch_query_definition": "logs are read with `groundsill logs` here",
    "aws_codedeploy_app": _NEWEST,
    "aws_codedeploy_deployment_group": _NEWEST,
    "aws_config_config_rule": _ACCOUNT,
    "aws_config_configuration_recorder": _ACCOUNT,
    "aws_config_configuration_recorder_status": _ACCOUNT,
    "aws_config_delivery_channel": _ACCOUNT,
    "aws_config_remediation_configuration": _ACCOUNT,
    "aws_db_instance": _DATABASE,
    "aws_db_parameter_group": _DATABASE,
    "aws_db_subnet_group": _DATABASE,
    "aws_default_security_group": _NETWORK,
    "aws_dlm_lifecycle_policy": _MACHINES,
    "aws_ebs_volume": _MACHINES,
    "aws_ecr_lifecycle_policy": "services run from their folders here, so there are no images",
    "aws_ecr_repository": "services run from their folders here, so there are no images",
    "aws_ecs_cluster_capacity_providers": "services run as processes here, on no capacity of AWS",
    "aws_eip": _NETWORK,
    "aws_elasticache_parameter_group": _CACHE,
    "aws_elasticache_replication_group": _CACHE,
    "aws_elasticache_subnet_group": _CACHE,
    "aws_flow_log": _NETWORK,
    "aws_guardduty_detector": _ACCOUNT,
    "aws_iam_instance_profile": _MACHINES,
    "aws_iam_openid_connect_provider": "nobody signs in to this machine through it",
    "aws_instance": _MACHINES,
    "aws_internet_gateway": _NETWORK,
    "aws_lambda_provisioned_concurrency_config": "workers are warm here as long as the system runs",
    "aws_launch_template": _MACHINES,
    "aws_lb_target_group_attachment": _MACHINES,
    "aws_nat_gateway": _NETWORK,
    "aws_pinpointsmsvoicev2_configuration_set": _PHONE,
    "aws_pinpointsmsvoicev2_opt_out_list": _PHONE,
    "aws_pinpointsmsvoicev2_phone_number": _PHONE,
    "aws_rds_cluster": _DATABASE,
    "aws_rds_cluster_instance": _DATABASE,
    "aws_rds_cluster_parameter_group": _DATABASE,
    "aws_route": _NETWORK,
    "aws_route53_health_check": _DNS,
    "aws_route53_record": _DNS,
    "aws_route53_zone": _DNS,
    "aws_route_table": _NETWORK,
    "aws_route_table_association": _NETWORK,
    "aws_s3_bucket_lifecycle_configuration": "nothing is moved or deleted by age here",
    "aws_s3_bucket_policy": "only the system's own roles reach its buckets here",
    "aws_s3_bucket_public_access_block": "nothing of this machine is open to the public",
    "aws_s3_bucket_server_side_encryption_configuration": "objects lie on this machine's disk, whose encryption is yours",
    "aws_secretsmanager_secret": _HELD,
    "aws_secretsmanager_secret_rotation": _HELD,
    "aws_secretsmanager_secret_version": _HELD,
    "aws_security_group": _NETWORK,
    "aws_securityhub_account": _ACCOUNT,
    "aws_securityhub_standards_subscription": _ACCOUNT,
    "aws_sesv2_email_identity_policy": "mail is captured here, whoever sends it",
    "aws_sns_topic_policy": "only the system's own roles reach its topics here",
    "aws_sqs_queue_policy": "only the system's own roles reach its queues here",
    "aws_ssm_document": _MACHINES,
    "aws_ssm_parameter": _HELD,
    "aws_subnet": _NETWORK,
    "aws_volume_attachment": _MACHINES,
    "aws_vpc": _NETWORK,
    "aws_vpc_endpoint": _NETWORK,
    "aws_vpc_peering_connection": _NETWORK,
    "aws_vpc_security_group_egress_rule": _NETWORK,
    "aws_vpc_security_group_ingress_rule": _NETWORK,
    "aws_wafv2_web_acl_logging_configuration": "what rules refuse is not logged here",
    "aws_xray_group": "traces are not collected here",
    "aws_xray_sampling_rule": "traces are not collected here",
    "terraform_data": _TASK,
})


def reason_not_run(type: str) -> str | None:
    """Why resources of a type are only recorded; None where the ground runs them."""
    if type in RUNS:
        return None
    return RECORDED_ONLY.get(type, _NOT_YET)


def reason_of(resource: Resource, graph: Graph) -> str | None:
    """Why one resource is only recorded: for its type's sake, or since what it belongs to or needs is.

    Arguments:
        resource: one of the graph's.
        graph: where the API is found that it belongs to, or what its function uses.
    """
    if resource.type == CALL_TYPE:
        return _reason_of_call(resource, graph)
    if resource.type.startswith("aws_apigatewayv2_"):
        belongs = resource.arguments.get("api_id")
        api = graph.target(belongs) if isinstance(belongs, Reference) else resource
        if api is not None and api.arguments.get("protocol_type") == "WEBSOCKET":
            return _SOCKETS
    elif resource.type == "aws_ecs_task_definition" and not any(
            graph[address].type == "aws_ecs_service" for address in graph.referrers(resource.address)):
        return "no service runs it, and tasks that a deploy starts are not run here"
    return reason_not_run(resource.type)


def _reason_of_call(call: Resource, graph: Graph) -> str | None:
    """Why a deploy's call of a function is not made here: what the function uses would not answer."""
    function = called_function(call, graph)
    if function is None:
        return "not called: its function is none of this system"
    if not any(isinstance(part, FunctionPackage) and part.address == function.address for part in graph.artifacts):
        return "not called: the code of its function is not a folder of this system"
    own = {item.address for item in graph.of_component(function.component)} if function.component else {function.address}
    needed = set(graph.needs(*own)) - own
    missed = dict.fromkeys(item.component or item.address for item in graph if item.address in needed and not item.data
                           and item.type != CALL_TYPE and reason_of(item, graph) in _MISSED)
    return f"not run: it needs {', '.join(missed)}, which the ground cannot run yet" if missed else None
