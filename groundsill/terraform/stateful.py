"""Which resources hold data that is gone when they are destroyed."""

from __future__ import annotations

from types import MappingProxyType

STATEFUL: MappingProxyType[str, str] = MappingProxyType({
    "aws_backup_vault": "recovery points",
    "aws_cloudwatch_log_group": "logs",
    "aws_cognito_user_pool": "accounts of users, with their passwords",
    "aws_db_instance": "a database",
    "aws_rds_cluster": "a database cluster",
    "aws_docdb_cluster": "a database cluster",
    "aws_dynamodb_table": "items",
    "aws_ebs_volume": "a disk",
    "aws_ecr_repository": "images, the earlier ones too",
    "aws_efs_file_system": "files",
    "aws_elasticache_cluster": "a cache",
    "aws_elasticache_replication_group": "a cache",
    "aws_elasticache_serverless_cache": "a cache",
    "aws_fsx_lustre_file_system": "files",
    "aws_fsx_ontap_file_system": "files",
    "aws_fsx_openzfs_file_system": "files",
    "aws_fsx_windows_file_system": "files",
    "aws_keyspaces_table": "rows",
    "aws_kinesis_stream": "records not yet read",
    "aws_kms_key": "the key: whatever it encrypted cannot be read without it",
    "aws_memorydb_cluster": "a database",
    "aws_msk_cluster": "records",
    "aws_neptune_cluster": "a graph database",
    "aws_opensearch_domain": "documents",
    "aws_qldb_ledger": "a ledger",
    "aws_redshift_cluster": "a warehouse",
    "aws_route53_zone": "the zone: a new one has other name servers",
    "aws_s3_bucket": "objects",
    "aws_s3_directory_bucket": "objects",
    "aws_secretsmanager_secret": "a secret",
    "aws_sqs_queue": "messages not yet received",
    "aws_ssm_parameter": "a value",
    "aws_timestreamwrite_table": "records",
    "aws_s3tables_table": "rows",
    "aws_s3vectors_vector_bucket": "vectors",
})
"""Terraform type, and what is lost with a resource of it. Source: the delete operation of each service's API reference."""

REMADE = frozenset({"aws_cloudwatch_log_group"})
"""Of these a loss is shown, but nobody is asked: what they hold is a record of what was, never the only copy."""


def holds_data(type: str) -> bool:
    """Whether destroying a resource of this type loses something that nothing makes again."""
    return type in STATEFUL and type not in REMADE
