"""Everything that stores can do wrong, beside what is right. Never deploy it."""

from __future__ import annotations

from groundsill import Stage, System, aws
from groundsill.graph import JsonDocument

system = System("faulty-data", region="us-east-1", stages={"prod": "enterprise"})


@system.define
def define(stage: Stage) -> None:
    bare = aws.s3_bucket("bare", bucket="faulty-bare", force_destroy=True)
    opened = aws.s3_bucket("opened", bucket="faulty-opened")
    aws.s3_bucket_public_access_block("opened", bucket=opened.id, block_public_acls=False, block_public_policy=False,
                                      ignore_public_acls=False, restrict_public_buckets=False)
    aws.s3_bucket_policy("opened", bucket=opened.id, policy=JsonDocument({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{opened.arn}/*"}]}))
    aws.s3_bucket_acl("opened", bucket=opened.id, acl="public-read")
    aws.s3_bucket_versioning("opened", bucket=opened.id, versioning_configuration={"status": "Suspended"})
    aws.s3_bucket_lifecycle_configuration("opened", bucket=opened.id, rule={
        "id": "a", "status": "Enabled", "filter": {"prefix": ""}, "expiration": {"days": 400}})
    aws.s3_bucket_ownership_controls("bare", bucket=bare.id, rule={"object_ownership": "ObjectWriter"})

    aws.db_instance("plain", identifier="plain", engine="postgres", engine_version="14.9", instance_class="db.t3.micro",
                    allocated_storage=20, username="postgres", password="hunter2hunter2", publicly_accessible=True,
                    skip_final_snapshot=True, backup_retention_period=0, auto_minor_version_upgrade=False)
    aws.db_instance("right", identifier="right", engine="postgres", engine_version="17", instance_class="db.t4g.micro",
                    allocated_storage=20, username="shop", manage_master_user_password=True, storage_encrypted=True,
                    kms_key_id="arn:aws:kms:us-east-1:123456789012:key/a", multi_az=True, deletion_protection=True,
                    backup_retention_period=14, iam_database_authentication_enabled=True, monitoring_interval=60,
                    monitoring_role_arn="arn:aws:iam::123456789012:role/m", copy_tags_to_snapshot=True,
                    enabled_cloudwatch_logs_exports=["postgresql"], final_snapshot_identifier="right-final",
                    performance_insights_enabled=True, auto_minor_version_upgrade=True)
    aws.rds_cluster("plain", cluster_identifier="plain", engine="aurora-mysql", master_username="admin",
                    master_password="hunter2hunter2", skip_final_snapshot=True)
    aws.dynamodb_table("plain", name="plain", hash_key="Id", attribute={"name": "Id", "type": "S"}, read_capacity=5,
                       write_capacity=5)
    aws.dynamodb_table("right", name="right", hash_key="Id", attribute={"name": "Id", "type": "S"},
                       billing_mode="PAY_PER_REQUEST", point_in_time_recovery={"enabled": True},
                       deletion_protection_enabled=True,
                       server_side_encryption={"enabled": True, "kms_key_arn": "arn:aws:kms:us-east-1:123456789012:key/a"})
    aws.elasticache_replication_group("plain", replication_group_id="plain", description="Plain", engine="redis",
                                      node_type="cache.t4g.micro", num_cache_clusters=1)
    aws.elasticache_cluster("plain", cluster_id="plain", engine="redis", node_type="cache.t4g.micro", num_cache_nodes=1)

    queue = aws.sqs_queue("plain", name="plain", sqs_managed_sse_enabled=False)
    aws.sqs_queue_policy("plain", queue_url=queue.id, policy=JsonDocument({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": queue.arn}]}))
    topic = aws.sns_topic("plain", name="plain")
    aws.sns_topic_policy("plain", arn=topic.arn, policy=JsonDocument({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": topic.arn}]}))
    aws.kms_key("plain", description="Plain", is_enabled=False, policy=JsonDocument({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"}]}))
    aws.secretsmanager_secret("plain", name="plain", recovery_window_in_days=0)
    aws.secretsmanager_secret_rotation("rare", secret_id="rare", rotation_rules={"automatically_after_days": 365})
    aws.ssm_parameter("password", name="/shop/password", type="String", value="hunter2hunter2")
    aws.cloudwatch_log_group("plain", name="plain")
    aws.backup_vault("plain", name="plain")
    aws.scheduler_schedule("plain", name="plain", schedule_expression="rate(1 day)", flexible_time_window={"mode": "OFF"},
                           target={"arn": queue.arn, "role_arn": "arn:aws:iam::123456789012:role/s"})
