"""ElastiCache: parameters by who set them, and minor upgrades of a node.

``Source`` of ``DescribeCacheParameters`` asks for those that a user set alone, ``user`` ("DescribeCacheParameters",
Amazon ElastiCache API Reference); the emulator answered with its defaults too, as if somebody had set them. Of a node
it did not say whether it takes minor versions by itself (``CacheCluster``, same reference), which is where the provider
looks for it; of a replication group, which key it is encrypted with.
"""

from __future__ import annotations

from typing import Any


def apply(module: Any) -> None:
    """Mend the emulator's ElastiCache module."""
    describe = module._describe_cache_parameters

    def describe_parameters(given: Any) -> Any:
        source, name = module._p(given, "Source"), module._p(given, "CacheParameterGroupName")
        everything = module._param_group_params.get(name)
        if not source or everything is None:
            return describe(given)
        module._param_group_params[name] = {
            key: value for key, value in everything.items() if value.get("Source", "system") == source}
        try:
            return describe(given)
        finally:
            module._param_group_params[name] = everything

    module._describe_cache_parameters = describe_parameters
    _keep_key(module)
    inner = module._cluster_xml_inner

    def cluster_xml(cluster: dict[str, Any]) -> str:
        return f"{inner(cluster)}{_minor_upgrades(cluster)}"

    module._cluster_xml_inner = cluster_xml


def _minor_upgrades(cluster: dict[str, Any]) -> str:
    name = "AutoMinorVersionUpgrade"
    return f"<{name}>{str(cluster.get(name, True)).lower()}</{name}>"


def _keep_key(module: Any) -> None:
    create, shown = module._create_replication_group, module._rg_xml

    def create_group(given: Any) -> Any:
        module.groundsill_key = module._p(given, "KmsKeyId")
        try:
            return create(given)
        finally:
            module.groundsill_key = ""

    def group_xml(group: dict[str, Any]) -> str:
        if module.groundsill_key:
            group["KmsKeyId"] = module.groundsill_key
        key = group.get("KmsKeyId")
        return f"{shown(group)}<KmsKeyId>{key}</KmsKeyId>" if key else str(shown(group))

    module.groundsill_key = ""
    module._create_replication_group, module._rg_xml = create_group, group_xml
