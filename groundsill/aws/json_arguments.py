"""Which string arguments take JSON text. The provider's schema calls them strings and says no more.

Source: the argument references of the provider's documentation (registry.terraform.io, hashicorp/aws 5.100),
where an argument is described as JSON. A mapping or a list given to one of these becomes a
:class:`~groundsill.graph.reference.JsonDocument`; given to any other string it is an error.
"""

from __future__ import annotations

EVERYWHERE = frozenset(
    {
        "access_policies",
        "access_policy",
        "archive_policy",
        "assume_role_policy",
        "configurations_json",
        "container_definitions",
        "container_properties",
        "dashboard_body",
        "delivery_policy",
        "ecs_properties",
        "eks_properties",
        "event_pattern",
        "filter_policy",
        "inline_policy",
        "key_policy",
        "node_properties",
        "policy",
        "policy_document",
        "redrive_allow_policy",
        "redrive_policy",
        "replay_policy",
        "replication_task_settings",
        "resource_policy",
        "rule_json",
        "secret_string",
        "secret_string_wo",
        "table_mappings",
    }
)
"""Names that mean JSON in whatever type or block they stand."""

BY_TYPE: dict[str, frozenset[str]] = {
    "aws_api_gateway_model": frozenset({"schema"}),
    "aws_api_gateway_rest_api": frozenset({"body"}),
    "aws_apigatewayv2_api": frozenset({"body"}),
    "aws_apigatewayv2_model": frozenset({"schema"}),
    "aws_appconfig_configuration_profile": frozenset({"content"}),
    "aws_appconfig_hosted_configuration_version": frozenset({"content"}),
    "aws_cloudcontrolapi_resource": frozenset({"desired_state", "schema"}),
    "aws_cloudformation_stack": frozenset({"policy_body", "template_body"}),
    "aws_cloudformation_stack_set": frozenset({"template_body"}),
    "aws_cloudwatch_event_target": frozenset({"input"}),
    "aws_config_config_rule": frozenset({"input_parameters"}),
    "aws_connect_contact_flow": frozenset({"content"}),
    "aws_connect_contact_flow_module": frozenset({"content"}),
    "aws_dynamodb_table_item": frozenset({"item"}),
    "aws_eks_addon": frozenset({"configuration_values"}),
    "aws_glue_crawler": frozenset({"configuration"}),
    "aws_glue_schema": frozenset({"schema_definition"}),
    "aws_grafana_workspace": frozenset({"configuration"}),
    "aws_iot_provisioning_template": frozenset({"template_body"}),
    "aws_lambda_event_source_mapping": frozenset({"pattern"}),
    "aws_organizations_policy": frozenset({"content"}),
    "aws_pipes_pipe": frozenset({"pattern"}),
    "aws_scheduler_schedule": frozenset({"input"}),
    "aws_schemas_schema": frozenset({"content"}),
    "aws_sfn_state_machine": frozenset({"definition"}),
    "aws_ssm_document": frozenset({"content"}),
    "aws_ssm_parameter": frozenset({"value", "value_wo", "insecure_value"}),
    "aws_verifiedpermissions_schema": frozenset({"value"}),
}
"""Names that mean JSON in one type only, at whatever depth."""

_NONE: frozenset[str] = frozenset()


def takes_json(type: str, argument: str) -> bool:
    """Whether a string argument of a type takes JSON text.

    Example:
        >>> takes_json("aws_iam_role", "assume_role_policy"), takes_json("aws_iam_role", "description")
        (True, False)
    """
    return argument in EVERYWHERE or argument in BY_TYPE.get(type, _NONE)
