"""API Gateway, REST APIs: integrations without a backend, and keys without a value of their own.

A ``MOCK`` integration has no backend, so no method and no address of one ("Set up mock integrations", Amazon API
Gateway Developer Guide); the emulator gave it ``POST`` and an empty address, which Terraform saw as another
integration. A key that is given an empty value gets one that API Gateway makes up ("CreateApiKey", API Reference: "Specifies
a value"); the emulator refused it as too short, though the provider sends it so.

A mapping without a path is at ``(none)``, also where the path is given and empty, and a domain without mutual TLS says
nothing of it ("CreateBasePathMapping" and "DomainName", API Reference).
"""

from __future__ import annotations

from typing import Any

_OF_BACKENDS = ("httpMethod", "uri")


def apply(module: Any) -> None:
    """Mend the emulator's module of REST APIs."""
    put, create_key = module._put_integration, module._create_api_key

    def put_integration(api_id: str, resource_id: str, http_method: str, data: dict[str, Any]) -> Any:
        answer = put(api_id, resource_id, http_method, data)
        if answer[0] != 201 or data.get("type") != "MOCK":
            return answer
        integration = module._resources[api_id][resource_id]["resourceMethods"][http_method]["methodIntegration"]
        for name in _OF_BACKENDS:
            if not data.get(name):
                integration.pop(name, None)
        return module._v1_response(integration, 201)

    def create_api_key(data: dict[str, Any]) -> Any:
        return create_key({name: value for name, value in data.items() if name != "value" or value})

    map_path, create_domain = module._create_base_path_mapping, module._create_domain_name

    def create_mapping(domain: str, data: dict[str, Any]) -> Any:
        return map_path(domain, {**data, "basePath": data.get("basePath") or "(none)"})

    def create_domain_name(data: dict[str, Any]) -> Any:
        answer = create_domain(data)
        if answer[0] != 201 or data.get("mutualTlsAuthentication"):
            return answer
        domain = module._domain_names[data["domainName"]]
        domain.pop("mutualTlsAuthentication", None)
        return module._v1_response(domain, 201)

    module._put_integration, module._create_api_key = put_integration, create_api_key
    module._create_base_path_mapping, module._create_domain_name = create_mapping, create_domain_name
