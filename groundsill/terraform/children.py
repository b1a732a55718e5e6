"""Finding resources that carry no tags: as parts of something that does, or by a name that no other may have.

Source: the API Reference of each operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from groundsill.terraform.aws_calls import AwsCalls


@dataclass(frozen=True, slots=True)
class Listing:
    """How the parts of one kind are listed.

    Arguments:
        service: in the words of boto3.
        operation: in the words of boto3.
        parent: attribute of the part that names what it belongs to, by argument of the operation.
        key: where the answer has the list, steps parted by a dot.
        same: attribute of the part by the field that must have its value.
        id: field of the identifier.
    """

    service: str
    operation: str
    parent: Mapping[str, str]
    key: str
    same: Mapping[str, str]
    id: str

    def ids(self, values: Mapping[str, Any], aws: AwsCalls) -> list[str]:
        """Identifiers of the parts that are as the definition says.

        Arguments:
            values: planned attributes of the part.
            aws: answers.
        """
        arguments = {name: values.get(attribute) for name, attribute in self.parent.items()}
        wanted = {name: values.get(attribute) for name, attribute in self.same.items()}
        if any(value in (None, "") for value in (*arguments.values(), *wanted.values())):
            return []
        answer = aws.ask(self.service, self.operation, {name: str(value) for name, value in arguments.items()})
        if isinstance(answer, str):
            return []
        found: Any = answer
        for key in self.key.split("."):
            found = found.get(key) or {}
        items: list[Mapping[str, Any]] = list(found)
        return [str(item[self.id]) for item in items if all(item.get(name) == value for name, value in wanted.items())]


def _http_api(operation: str, same: Mapping[str, str], id: str) -> Listing:
    return Listing("apigatewayv2", operation, {"ApiId": "api_id"}, "Items", same, id)


CHILDREN: MappingProxyType[str, Listing] = MappingProxyType({
    "aws_api_gateway_authorizer": Listing(
        "apigateway", "get_authorizers", {"restApiId": "rest_api_id"}, "items", {"name": "name"}, "id"),
    "aws_api_gateway_resource": Listing(
        "apigateway", "get_resources", {"restApiId": "rest_api_id"}, "items",
        {"parentId": "parent_id", "pathPart": "path_part"}, "id"),
    "aws_apigatewayv2_authorizer": _http_api("get_authorizers", {"Name": "name"}, "AuthorizerId"),
    "aws_apigatewayv2_integration": _http_api(
        "get_integrations", {"IntegrationUri": "integration_uri", "IntegrationType": "integration_type"}, "IntegrationId"),
    "aws_apigatewayv2_route": _http_api("get_routes", {"RouteKey": "route_key"}, "RouteId"),
    "aws_backup_selection": Listing(
        "backup", "list_backup_selections", {"BackupPlanId": "plan_id"}, "BackupSelectionsList",
        {"SelectionName": "name"}, "SelectionId"),
    "aws_cloudfront_origin_access_control": Listing(
        "cloudfront", "list_origin_access_controls", {}, "OriginAccessControlList.Items", {"Name": "name"}, "Id"),
    "aws_cloudwatch_query_definition": Listing(
        "logs", "describe_query_definitions", {}, "queryDefinitions", {"name": "name"}, "queryDefinitionId"),
    "aws_cognito_user_pool_client": Listing(
        "cognito-idp", "list_user_pool_clients", {"UserPoolId": "user_pool_id"}, "UserPoolClients",
        {"ClientName": "name"}, "ClientId"),
})
"""By Terraform type."""
