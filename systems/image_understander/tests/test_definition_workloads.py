"""The definition against the requirement rows: settings, data, secrets, machines, logs and monitoring."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from iu_support.defined import FOLDER, graph

from groundsill import GroundsillError
from groundsill.definition.running import load_system
from groundsill.graph import MachineRelease
from groundsill.terraform.backend import find_backend
from groundsill.terraform.bootstrap import Wish, configuration
from groundsill.terraform.synth import synthesize
from groundsill.testing import Defined, plain

STAGE_NAMES = ("dev", "staging", "prod")
ALL = {name: Defined(graph(name)) for name in STAGE_NAMES}
DEV, PROD = ALL["dev"], ALL["prod"]
STAGES = pytest.mark.parametrize("stage", list(ALL.values()), ids=STAGE_NAMES)
PARTS = ("frontend", "backend", "llm", "chromadb")


def told(stage: Defined, part: str) -> dict[str, Any]:
    """What a machine reads when it starts."""
    return stage.all("aws_ssm_parameter")[f"{part}_boot"]["value"]


def script(stage: Defined, part: str) -> str:
    """The boot script of a machine or of a group."""
    template = stage.all("aws_launch_template").get(part)
    if template:
        return base64.b64decode(template["user_data"]).decode()
    return stage.all("aws_instance")[part]["user_data"]


def granted(stage: Defined, part: str) -> dict[str, set[str]]:
    """Resources of each action that a part's role may do."""
    found: dict[str, set[str]] = {}
    for actions, resources in stage.statements(part).values():
        for action in actions:
            found.setdefault(action, set()).update(resources)
    return found


def with_settings(**settings: object) -> Defined:
    return Defined(load_system(FOLDER).build("dev", settings))


@pytest.mark.requirement("IU-R01", "IU-C41", "IU-C28")
def test_three_stages_come_from_one_definition_and_a_domain_must_be_given() -> None:
    system = load_system(FOLDER)
    assert list(system.stages) == ["dev", "staging", "prod"]
    assert system.name == "imageunderstander"
    assert system.settings is not None
    assert system.settings.model_fields["domain"].is_required()
    with pytest.raises(GroundsillError):
        graph("dev", domain="not a domain")
    for name, stage in ALL.items():
        assert stage.one("aws_db_instance")["identifier"] == f"imageunderstander-{name}-db"
        root = synthesize(stage.graph, backend={"s3": {"key": f"imageunderstander/{name}/terraform.tfstate"}})
        assert root["terraform"]["backend"]["s3"]["key"] == f"imageunderstander/{name}/terraform.tfstate"
        assert all(output["description"] for output in root["output"].values())
        assert all(variable["description"] for variable in root.get("variable", {}).values())


LOGIN = {"ssmmessages:OpenDataChannel", "ssmmessages:CreateControlChannel", "ssm:UpdateInstanceInformation"}
SECRETS = {"${aws_secretsmanager_secret.app_secrets.arn}", "${aws_db_instance.db.master_user_secret[0].secret_arn}"}
OBJECTS = "${aws_s3_bucket.uploads.arn}/*"


@STAGES
@pytest.mark.parametrize(
    ("part", "secrets", "reads", "writes"),
    [
        pytest.param("frontend", set(), False, False, marks=pytest.mark.requirement("IU-R16")),
        pytest.param("backend", SECRETS, True, True, marks=pytest.mark.requirement("IU-R17")),
        # It answers questions; what it reads is what it needs.
        pytest.param(
            "llm",
            {"${aws_secretsmanager_secret.app_secrets.arn}"},
            True,
            False,
            marks=pytest.mark.requirement("IU-R18", "IU-C30"),
        ),
        pytest.param("chromadb", set(), False, False, marks=pytest.mark.requirement("IU-R19")),
    ],
)
@pytest.mark.requirement("IU-S09", "IU-S10")
def test_a_machine_may_be_entered_write_its_log_and_do_what_it_declares(
    stage: Defined,
    part: str,
    secrets: set[str],
    reads: bool,
    writes: bool,
) -> None:
    rights = granted(stage, part)
    assert set(rights) >= LOGIN
    assert rights["logs:PutLogEvents"] == {f"${{aws_cloudwatch_log_group.{part}.arn}}:*"}
    assert "cloudwatch:PutMetricData" in rights
    assert rights.get("secretsmanager:GetSecretValue", set()) == secrets
    assert (OBJECTS in rights.get("s3:GetObject", set())) is reads
    assert (OBJECTS in rights.get("s3:PutObject", set())) is writes
    assert rights["ssm:GetParameter"] == {f"${{aws_ssm_parameter.{part}_boot.arn}}"}
    assert stage.all("aws_iam_instance_profile")[part]["role"] == f"${{aws_iam_role.{part}.name}}"
    for resources in (
        rights[action] for action in rights if action.split(":")[0] in ("s3", "secretsmanager", "logs", "kms")
    ):
        assert "*" not in resources


@STAGES
@pytest.mark.requirement("IU-R20", "IU-R21", "IU-C36")
def test_the_bucket_of_uploads_is_private_versioned_and_takes_uploads_from_our_page_alone(stage: Defined) -> None:
    bucket = stage.all("aws_s3_bucket")["uploads"]
    assert "bucket" not in bucket
    assert bucket["bucket_prefix"].startswith(f"imageunderstander-{stage.graph.stage}")
    assert stage.all("aws_s3_bucket_versioning")["uploads"]["versioning_configuration"] == [{"status": "Enabled"}]
    rule = stage.all("aws_s3_bucket_server_side_encryption_configuration")["uploads"]["rule"][0]
    assert rule["apply_server_side_encryption_by_default"][0]["sse_algorithm"] == "AES256"
    block = stage.all("aws_s3_bucket_public_access_block")["uploads"]
    assert all(
        block[name]
        for name in ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
    )
    (cors,) = stage.all("aws_s3_bucket_cors_configuration")["uploads"]["cors_rule"]
    certificate = stage.one("aws_acm_certificate")
    assert cors["allowed_origins"] == [f"https://{certificate['domain_name']}"]
    (age,) = [item for item in stage.all("aws_s3_bucket_lifecycle_configuration")["uploads"]["rule"] if item["id"] == "age"]
    assert age["transition"] == [{"days": 30, "storage_class": "STANDARD_IA"}]
    assert age["noncurrent_version_expiration"] == [{"noncurrent_days": 90}]


@STAGES
@pytest.mark.requirement("IU-R22", "IU-C16", "IU-S09")
def test_rds_makes_and_keeps_the_password_of_the_database(stage: Defined) -> None:
    database = stage.one("aws_db_instance")
    assert database["manage_master_user_password"] is True
    assert not {"password", "password_wo"} & set(database)
    assert not [resource for resource in stage.graph if resource.type.startswith("random_")]
    assert (
        told(stage, "backend")["environment"]["DB_SECRET_ARN"] == "${aws_db_instance.db.master_user_secret[0].secret_arn}"
    )


@STAGES
@pytest.mark.requirement("IU-R23", "IU-C16", "IU-S09")
def test_the_applications_secret_has_three_keys_and_no_value_in_any_file(stage: Defined) -> None:
    secret = stage.one("aws_secretsmanager_secret")
    assert secret["recovery_window_in_days"] == 7
    version = stage.one("aws_secretsmanager_secret_version")
    assert "secret_string" not in version
    assert set(version["secret_string_wo"]) == {"jwt_secret_key", "encryption_key", "llm_api_key"}
    assert version["secret_string_wo"]["llm_api_key"] == ""
    assert version["secret_string_wo"]["jwt_secret_key"].startswith("${ephemeral.")
    assert stage.outputs["app_secrets_name"] == "${aws_secretsmanager_secret.app_secrets.name}"


@STAGES
@pytest.mark.requirement("IU-R24", "IU-S05")
def test_every_service_has_a_log_group_of_the_stated_name(stage: Defined) -> None:
    groups = stage.all("aws_cloudwatch_log_group")
    for part, name in (("frontend", "frontend"), ("backend", "backend"), ("llm", "model"), ("chromadb", "chromadb")):
        assert groups[part]["name"] == f"/aws/ec2/imageunderstander-{stage.graph.stage}/{name}"
        assert groups[part]["retention_in_days"] == (90 if stage is PROD else 30)
        assert f"/aws/ec2/imageunderstander-{stage.graph.stage}/{name}" in script(stage, part)
    short = with_settings(log_retention_days=7).all("aws_cloudwatch_log_group")
    assert {short[part]["retention_in_days"] for part in PARTS} == {7}


@STAGES
@pytest.mark.requirement("IU-R25", "IU-R26", "IU-R27", "IU-R28", "IU-C05", "IU-C06", "IU-C25", "IU-S04", "IU-S05")
def test_mysql_is_private_encrypted_watched_and_protected_in_production(stage: Defined) -> None:
    database, production = stage.one("aws_db_instance"), stage is PROD
    assert (database["engine"], database["engine_version"], database["instance_class"]) == ("mysql", "8.4", "db.t4g.micro")
    assert (database["allocated_storage"], database["storage_type"]) == (20, "gp3")
    # Below 400 GB the 3,000 IOPS of gp3 are built in, and RDS refuses to be told so.
    assert "iops" not in database
    assert (database["auto_minor_version_upgrade"], database["storage_encrypted"], database["publicly_accessible"]) == (
        True,
        True,
        False,
    )
    assert database["multi_az"] is database["deletion_protection"] is production
    assert database["skip_final_snapshot"] is not production
    assert database["backup_retention_period"] == (14 if production else 7)
    assert database["monitoring_interval"] == 60
    assert database["monitoring_role_arn"] == "${aws_iam_role.db_monitoring.arn}"
    attached = stage.all("aws_iam_role_policy_attachment")["db_monitoring"]
    assert attached["policy_arn"].endswith("AmazonRDSEnhancedMonitoringRole")
    assert stage.one("aws_db_subnet_group")["subnet_ids"] == [
        "${aws_subnet.main_private_a.id}",
        "${aws_subnet.main_private_b.id}",
    ]
    parameters = {item["name"]: item["value"] for item in stage.one("aws_db_parameter_group")["parameter"]}
    assert stage.one("aws_db_parameter_group")["family"] == "mysql8.4"
    assert parameters["require_secure_transport"] == "1"
    assert parameters["character_set_server"] == "utf8mb4"
    grown = Defined(graph(stage.graph.stage, db_allocated_storage=50, db_instance_class="db.t4g.small", db_multi_az=True))
    other = grown.one("aws_db_instance")
    assert (other["allocated_storage"], other["instance_class"], other["multi_az"]) == (50, "db.t4g.small", True)


@pytest.mark.requirement("IU-R29")
def test_a_read_replica_comes_only_when_a_setting_names_it() -> None:
    assert len(DEV.all("aws_db_instance")) == 1
    assert with_settings(extras=["replica"]).all("aws_db_instance")["db_replica_1"]["replicate_source_db"]


@STAGES
@pytest.mark.parametrize(
    ("metrics", "namespace"),
    [
        pytest.param(
            {"CPUUtilization", "FreeStorageSpace", "DatabaseConnections"},
            "AWS/RDS",
            marks=pytest.mark.requirement("IU-R30"),
        ),
        pytest.param(
            {"UnHealthyHostCount", "TargetResponseTime", "HTTPCode_Target_5XX_Count"},
            "AWS/ApplicationELB",
            marks=pytest.mark.requirement("IU-R44"),
        ),
    ],
)
@pytest.mark.requirement("IU-S05", "IU-R62")
def test_somebody_is_told_about_database_and_load_balancer(stage: Defined, metrics: set[str], namespace: str) -> None:
    alarms = [alarm for alarm in stage.all("aws_cloudwatch_metric_alarm").values() if alarm.get("namespace") == namespace]
    assert {alarm["metric_name"] for alarm in alarms} >= metrics
    assert all(alarm["alarm_actions"] == ["${aws_sns_topic.alerts.arn}"] for alarm in alarms)
    told = [item["endpoint"] for item in stage.all("aws_sns_topic_subscription").values()]
    assert told == (["operators@imageunderstander.example"] if stage is PROD else [])


@STAGES
@pytest.mark.requirement("IU-R31", "IU-C13", "IU-C14")
def test_the_newest_image_of_each_architecture_is_taken_once_or_pinned(stage: Defined) -> None:
    images = {resource.name: plain(resource.arguments) for resource in stage.graph.of_type("aws_ami")}
    assert len(images) == 2
    assert all(item["most_recent"] and item["owners"] == ["amazon"] for item in images.values())
    arm, gpu = images["amazonlinux2023arm64"], images["deeplearningubuntu2204x8664"]
    assert arm["filter"][1] == {"name": "architecture", "values": ["arm64"]}
    assert "Ubuntu 22.04" in gpu["filter"][0]["values"][0]
    assert gpu["filter"][1]["values"] == ["x86_64"]
    for address in ("aws_instance.llm", "aws_instance.chromadb"):
        lifecycle = stage.graph[address].lifecycle
        assert lifecycle is not None
        assert "ami" in lifecycle.ignore_changes
    pinned = Defined(load_system(FOLDER).build(stage.graph.stage, {"pinned_images": {"backend": "ami-0123456789abcdef0"}}))
    assert pinned.all("aws_launch_template")["backend"]["image_id"] == "ami-0123456789abcdef0"
    assert pinned.graph["aws_launch_template.backend"].lifecycle is None


@STAGES
@pytest.mark.parametrize(
    ("part", "port"),
    [
        pytest.param("frontend", 8080, marks=pytest.mark.requirement("IU-R32")),
        pytest.param("backend", 8000, marks=pytest.mark.requirement("IU-R33")),
    ],
)
@pytest.mark.requirement("IU-R57", "IU-R68", "IU-C04", "IU-C32")
def test_a_group_keeps_one_ordinary_machine_and_takes_spot_ones_of_several_types_beside_it(
    stage: Defined,
    part: str,
    port: int,
) -> None:
    template, group = stage.all("aws_launch_template")[part], stage.all("aws_autoscaling_group")[part]
    assert template["instance_type"] == "t4g.micro"
    (metadata,) = template["metadata_options"]
    assert (metadata["http_tokens"], metadata["http_endpoint"]) == ("required", "enabled")
    assert (group["min_size"], group["max_size"]) == (2 if stage is PROD else 1, 3)
    assert group["vpc_zone_identifier"] == ["${aws_subnet.main_private_a.id}", "${aws_subnet.main_private_b.id}"]
    (policy,) = group["mixed_instances_policy"]
    (spread,) = policy["instances_distribution"]
    assert (spread["on_demand_base_capacity"], spread["on_demand_percentage_above_base_capacity"]) == (1, 0)
    assert "spot_max_price" not in spread
    assert [item["instance_type"] for item in policy["launch_template"][0]["override"]] == ["t4g.micro", "t4g.small"]
    assert template["block_device_mappings"][0]["ebs"][0]["encrypted"] == "true"
    assert template["network_interfaces"][0]["associate_public_ip_address"] == "false"
    assert group["health_check_type"] == "ELB"
    assert told(stage, part)["environment"]["PORT"] == str(port)
    assert f"/opt/{part}" in script(stage, part)
    larger = Defined(load_system(FOLDER).build(stage.graph.stage, {f"{part}_instance_types": ["t4g.small"]}))
    assert larger.all("aws_launch_template")[part]["instance_type"] == "t4g.small"


@STAGES
@pytest.mark.requirement("IU-R34", "IU-C35")
def test_the_model_service_has_a_gpu_machine_that_is_spot_only_by_a_setting(stage: Defined) -> None:
    machine = stage.all("aws_instance")["llm"]
    assert machine["instance_type"] == "g5.xlarge"
    assert machine["metadata_options"][0]["http_tokens"] == "required"
    assert (machine["subnet_id"], machine["associate_public_ip_address"]) == ("${aws_subnet.main_private_a.id}", False)
    assert "instance_market_options" not in machine
    # The image says how large the system's own disk has to be.
    assert "volume_size" not in machine["root_block_device"][0]
    assert machine["root_block_device"][0]["encrypted"] is True
    assert told(stage, "llm")["environment"]["PORT"] == "8001"
    assert "/opt/llm" in script(stage, "llm")
    assert stage.outputs["llm_instance_id"] == "${aws_instance.llm.id}"
    spot = Defined(graph(stage.graph.stage, llm_spot=True)).all("aws_instance")["llm"]
    assert spot["instance_market_options"][0]["market_type"] == "spot"
    assert "max_price" not in spot["instance_market_options"][0]["spot_options"][0]


@STAGES
@pytest.mark.requirement("IU-R35", "IU-C14")
def test_chromadb_has_an_ordinary_machine_and_is_started_at_boot(stage: Defined) -> None:
    machine = stage.all("aws_instance")["chromadb"]
    assert machine["instance_type"] == "t4g.medium"
    assert machine["metadata_options"][0]["http_tokens"] == "required"
    assert "instance_market_options" not in machine
    text = script(stage, "chromadb")
    assert 'pip" install -q chromadb==' in text
    assert "systemctl enable --now" in text
    assert "--port 8000" in text


@STAGES
@pytest.mark.parametrize(
    ("part", "size", "mount"),
    [
        pytest.param("llm", 50, "/var/lib/models", marks=pytest.mark.requirement("IU-R36")),
        pytest.param("chromadb", 100, "/var/lib/chromadb", marks=pytest.mark.requirement("IU-R37")),
    ],
)
@pytest.mark.requirement("IU-C15", "IU-S04")
def test_a_volume_outlives_its_machine_is_encrypted_and_copied_every_day(
    stage: Defined, part: str, size: int, mount: str
) -> None:
    volume, machine = stage.all("aws_ebs_volume")[f"{part}_data"], stage.all("aws_instance")[part]
    assert (volume["size"], volume["encrypted"], volume["type"]) == (size, True, "gp3")
    assert (volume["availability_zone"], machine["subnet_id"]) == ("us-east-1a", "${aws_subnet.main_private_a.id}")
    # A volume of its own is never deleted with the machine.
    assert "ebs_block_device" not in machine
    attachment = stage.all("aws_volume_attachment")[f"{part}_data"]
    assert (attachment["volume_id"], attachment["instance_id"]) == (
        f"${{aws_ebs_volume.{part}_data.id}}",
        f"${{aws_instance.{part}.id}}",
    )
    (details,) = stage.all("aws_dlm_lifecycle_policy")[part]["policy_details"]
    assert details["target_tags"]["Snapshots"] == volume["tags"]["Snapshots"]
    text = script(stage, part)
    assert f"mount_volume {mount}\n" in text
    assert 'blkid "$device" >/dev/null || mkfs.ext4' in text
    assert told(stage, part)["volumes"] == {mount: f"${{aws_ebs_volume.{part}_data.id}}"}


@STAGES
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.requirement("IU-R38", "IU-C18", "IU-C38")
def test_a_boot_script_is_sound_holds_no_secret_and_starts_what_there_is(stage: Defined, part: str, tmp_path: Path) -> None:
    text = script(stage, part)
    (tmp_path / "boot.sh").write_text(text)
    subprocess.run(["bash", "-n", str(tmp_path / "boot.sh")], check=True, timeout=20)
    assert "${aws_" not in text
    assert "amazon-cloudwatch-agent-ctl -a fetch-config" in text
    for step in (
        "packages\n",
        f"ExecStartPre=+/usr/local/bin/{part}-environment",
        f"EnvironmentFile=-/run/{part}/environment",
        "get-secret-value",
        "[Install]",
    ):
        assert step in text
    unit = re.search(r"ExecStart=(.*)", text)
    assert unit is not None
    wanted = "chroma" if part == "chromadb" else "python"
    assert unit[1].startswith(f"/opt/{part}/current/.venv/bin/{wanted}")
    if part != "chromadb":
        assert 'there is no release of $NAME yet"; exit 0' in text
        assert text.rstrip().endswith('"/usr/local/bin/$NAME-release"')


@STAGES
@pytest.mark.requirement("IU-R53")
def test_everything_carries_the_tags_that_costs_are_counted_by(stage: Defined) -> None:
    for resource in stage.graph:
        tags = resource.arguments.get("tags")
        if tags is not None and not resource.data:
            assert {
                "System": "imageunderstander",
                "Stage": stage.graph.stage,
                "ManagedBy": "groundsill",
            }.items() <= tags.items()
    for template in stage.all("aws_launch_template").values():
        assert {item["resource_type"] for item in template["tag_specifications"]} == {"instance", "volume"}
        assert all(item["tags"]["Stage"] == stage.graph.stage for item in template["tag_specifications"])


@STAGES
@pytest.mark.requirement("IU-R54")
def test_outputs_hold_all_that_operators_need(stage: Defined) -> None:
    assert set(stage.outputs) >= {
        "route53_name_servers",
        "route53_zone_id",
        "alb_dns_name",
        "acm_certificate_domain_validation_options",
        "app_secrets_name",
        "llm_instance_id",
    }
    assert (
        stage.outputs["acm_certificate_domain_validation_options"]
        == "${aws_acm_certificate.certificate.domain_validation_options}"
    )


@pytest.mark.requirement("IU-R51", "IU-C08")
def test_states_are_kept_versioned_encrypted_and_recorded_below_a_key_of_each_stage(tmp_path: Path) -> None:
    (tmp_path / "state.toml").write_text(
        '[default]\nbucket = "mycompany-terraform-state"\nregion = "us-east-1"\n'
        '[dev]\nkey = "imageunderstander/dev/terraform.tfstate"\n')
    backend = find_backend(tmp_path, "imageunderstander", "dev", tmp_path).s3
    assert backend == {"bucket": "mycompany-terraform-state", "key": "imageunderstander/dev/terraform.tfstate",
                       "region": "us-east-1", "encrypt": True, "use_lockfile": True}
    assert find_backend(tmp_path, "imageunderstander", "prod", tmp_path).s3["key"] == "imageunderstander/prod.tfstate"
    made = configuration(Wish("us-east-1"), "mycompany-terraform-state", backend=backend)["resource"]
    assert made["aws_s3_bucket"]["state"] == {"bucket": "mycompany-terraform-state", "lifecycle": {"prevent_destroy": True}}
    assert made["aws_s3_bucket_versioning"]["state"]["versioning_configuration"] == {"status": "Enabled"}
    for part in ("state", "logs"):
        (rule,) = made["aws_s3_bucket_server_side_encryption_configuration"][part]["rule"]
        assert rule == {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}
        assert all(value is True for name, value in made["aws_s3_bucket_public_access_block"][part].items() if name != "bucket")
        refused = json.loads(made["aws_s3_bucket_policy"][part]["policy"])["Statement"][0]
        assert (refused["Effect"], refused["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    recorded = made["aws_s3_bucket_logging"]["state"]
    assert (recorded["target_bucket"], recorded["target_prefix"]) == ("${aws_s3_bucket.logs.id}", "state/")
    assert made["aws_s3_bucket"]["logs"]["bucket"] == "mycompany-terraform-state-logs"


@STAGES
@pytest.mark.requirement("IU-R52", "IU-C07")
def test_the_state_needs_no_table_for_its_lock(stage: Defined) -> None:
    assert not stage.all("aws_dynamodb_table")


@STAGES
@pytest.mark.requirement("IU-R66")
def test_a_release_is_put_into_a_bucket_and_started_by_run_command(stage: Defined) -> None:
    releases = {item.name: item for item in stage.graph.artifacts if isinstance(item, MachineRelease)}
    assert set(releases) == {"frontend", "backend", "llm"}
    for part, release in releases.items():
        assert (release.bucket, release.key) == ("aws_s3_bucket.releases", f"releases/{part}/current.tar.gz")
        assert all((release.source / folder).exists() for folder in release.include)
        assert release.requirements is not None
        assert release.requirements.is_file()
        assert release.command[:2] == ("python", "-m")
        assert granted(stage, part)["s3:GetObject"] >= {f"${{aws_s3_bucket.releases.arn}}/releases/{part}/*"}
        document = stage.all("aws_ssm_document")[f"{part}_release"]
        assert json.dumps(document["content"]).count(f"/usr/local/bin/{part}-release") == 1
    assert not stage.all("aws_codedeploy_app")
