"""What AWS would say of databases, caches, secrets, machines and zones, which the ground only records so far."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from types import MappingProxyType

from groundsill.ground.provision.places import Arguments, Attributes, Place

_SUFFIX_LENGTH = 6  # Secrets Manager user guide: an ARN ends in a hyphen and six random characters


def _digest(address: str, length: int) -> str:
    return hashlib.sha256(address.encode()).hexdigest()[:length]


def _managed_secret(place: Place, address: str) -> list[Attributes]:
    arn = place.arn("secretsmanager", f"secret:rds!db-{_digest(address, 32)}-{_digest(address, _SUFFIX_LENGTH)}")
    return [{"secret_arn": arn, "secret_status": "active", "kms_key_id": place.arn("kms", "alias/aws/secretsmanager")}]


def _database(place: Place, address: str, arguments: Arguments) -> Attributes:
    name = arguments["identifier"]
    host = f"{name}.{_digest(address, 12)}.{place.region}.rds.amazonaws.com"
    port = arguments.get("port", 5432)
    return {"id": f"db-{_digest(address, 26).upper()}", "arn": place.arn("rds", f"db:{name}"), "address": host,
            "endpoint": f"{host}:{port}", "master_user_secret": _managed_secret(place, address)}


def _cluster(place: Place, address: str, arguments: Arguments) -> Attributes:
    name, end = arguments["cluster_identifier"], f"{_digest(address, 12)}.{place.region}.rds.amazonaws.com"
    return {"id": name, "arn": place.arn("rds", f"cluster:{name}"), "endpoint": f"{name}.cluster-{end}",
            "reader_endpoint": f"{name}.cluster-ro-{end}", "master_user_secret": _managed_secret(place, address)}


def _cache(place: Place, address: str, arguments: Arguments) -> Attributes:
    name = arguments["replication_group_id"]
    host = f"{name}.{_digest(address, 6)}.ng.0001.use1.cache.amazonaws.com"
    return {"id": name, "arn": place.arn("elasticache", f"replicationgroup:{name}"),
            "primary_endpoint_address": f"master.{host}", "reader_endpoint_address": f"replica.{host}"}


def _secret(place: Place, address: str, arguments: Arguments) -> Attributes:
    arn = place.arn("secretsmanager", f"secret:{arguments['name']}-{_digest(address, _SUFFIX_LENGTH)}")
    return {"id": arn, "arn": arn}


def _parameter(place: Place, address: str, arguments: Arguments) -> Attributes:
    return {"id": arguments["name"], "arn": place.arn("ssm", f"parameter{arguments['name']}"), "version": 1}


def _instance(place: Place, address: str, arguments: Arguments) -> Attributes:
    identifier = f"i-{_digest(address, 17)}"
    return {"id": identifier, "arn": place.arn("ec2", f"instance/{identifier}"), "private_ip": "127.0.0.1",
            "private_dns": "localhost"}


def _named(service: str, kind: str, argument: str = "name") -> Callable[[Place, str, Arguments], Attributes]:
    def attributes(place: Place, address: str, arguments: Arguments) -> Attributes:
        name = arguments.get(argument) or f"{arguments.get(f'{argument}_prefix', '')}{_digest(address, 26)}"
        return {"id": name, argument: name, "arn": place.arn(service, f"{kind}{name}")}

    return attributes


def _zone(place: Place, address: str, arguments: Arguments) -> Attributes:
    identifier = f"Z{_digest(address, 20).upper()}"
    servers = [f"ns-{number}.groundsill.example" for number in (1, 2, 3, 4)]
    return {"id": identifier, "zone_id": identifier, "arn": f"arn:aws:route53:::hostedzone/{identifier}",
            "name_servers": servers, "primary_name_server": servers[0]}


def _template(place: Place, address: str, arguments: Arguments) -> Attributes:
    identifier = f"lt-{_digest(address, 17)}"
    return {"id": identifier, "arn": place.arn("ec2", f"launch-template/{identifier}"), "latest_version": 1,
            "default_version": 1}


def _profile(place: Place, address: str, arguments: Arguments) -> Attributes:
    name = arguments["name"]
    return {"id": name, "arn": place.arn("iam", f"instance-profile/{name}", regional=False)}


DATA: MappingProxyType[str, Callable[[Place, str, Arguments], Attributes]] = MappingProxyType({
    "aws_autoscaling_group": _named("autoscaling", "autoScalingGroup:*:autoScalingGroupName/"),
    "aws_db_instance": _database,
    "aws_db_parameter_group": _named("rds", "pg:"),
    "aws_db_subnet_group": _named("rds", "subgrp:"),
    "aws_elasticache_parameter_group": _named("elasticache", "parametergroup:"),
    "aws_elasticache_replication_group": _cache,
    "aws_elasticache_subnet_group": _named("elasticache", "subnetgroup:"),
    "aws_iam_instance_profile": _profile,
    "aws_instance": _instance,
    "aws_launch_template": _template,
    "aws_rds_cluster": _cluster,
    "aws_rds_cluster_parameter_group": _named("rds", "cluster-pg:"),
    "aws_route53_zone": _zone,
    "aws_secretsmanager_secret": _secret,
    "aws_ssm_parameter": _parameter,
})
