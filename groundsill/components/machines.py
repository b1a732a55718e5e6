"""Virtual machines on EC2: single ones with volumes of their own, and groups that replace and scale themselves."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from groundsill import aws
from groundsill.components.alarm import Alarm
from groundsill.components.boot_scripts import SCRIPT_LIMIT, Boot, boot_script
from groundsill.components.buckets import Bucket
from groundsill.components.keys import account_id, key_of_tier
from groundsill.components.logs import log_group, write_log
from groundsill.components.machine_images import Image, architecture_of, image_id
from groundsill.components.network import Subnets
from groundsill.components.roles import merged_environment, require, trust, usable_grants, workload_role
from groundsill.components.security_groups import let_out, security_group
from groundsill.definition.component import Collecting, Component, Mistake
from groundsill.definition.grant import Grant, NetworkAccess, Statement
from groundsill.definition.naming import environment_name
from groundsill.graph import JsonDocument, Lifecycle, MachineRelease, Reference, Resource
from groundsill.graph.value import Value

# Systems Manager user guide, "Create an IAM role with minimal Session Manager permissions"; Run Command beside it. None of
# these actions names a resource; the one that does is in `_Computer._describe`.
_SESSIONS = Statement((
    "ec2messages:AcknowledgeMessage", "ec2messages:DeleteMessage", "ec2messages:FailMessage", "ec2messages:GetEndpoint",
    "ec2messages:GetMessages", "ec2messages:SendReply", "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
), ("*",))
_METRICS = Statement(("cloudwatch:PutMetricData",), ("*",), {"StringEquals": {"cloudwatch:namespace": "CWAgent"}})
_SNAPSHOT_POLICY = "arn:aws:iam::aws:policy/service-role/AWSDataLifecycleManagerServiceRole"
_SNAPSHOT_DAYS, _PRODUCTION_SNAPSHOT_DAYS = 7, 14
_MOST_VOLUME = 65_536  # Amazon EBS user guide: gp3, GiB
_DEVICES = "fghijklmnop"  # Amazon EC2 user guide: device names for EBS volumes
_BOOT_GRACE = 300


class Volume(Value, metaclass=Collecting):
    """A disk that outlives its machine: encrypted, formatted only when it is empty, with a snapshot every day.

    Arguments:
        mount: folder that it is mounted at, for example ``/var/lib/chroma``.
        size: GB, 1 to 65,536.

    Example:
        ``Machine("chroma", network.private, type="t4g.medium", command=("chroma", "run"), packages=["chromadb==1.3.4"],
        volumes=[Volume("/var/lib/chroma", 100)])``
    """

    __slots__ = ("mount", "size")

    def __init__(self, mount: str, size: int) -> None:
        self.mount: Final = mount
        self.size: Final = size


class _Computer(Component):
    """What a machine and a group have in common: role, security group, log, environment and boot script."""

    target_type = "instance"
    port: int | None

    def _describe(
        self, subnets: Subnets, command: Sequence[str], port: int | None, uses: Sequence[Grant],
        environment: Mapping[str, Any] | None, releases: Bucket | None, include: Sequence[str], requirements: str | None,
        packages: Sequence[str], log_name: str | None, folder: str | None, volumes: Sequence[Volume] = (),
    ) -> None:
        require(subnets, Subnets, "subnets", self)
        if isinstance(command, str) or not command:
            raise Mistake("GS1460", f"`command` takes the program and its arguments one by one, not {command!r}",
                          mend='write for example command=("python", "-m", "app")')
        if (releases is None) == (not packages):
            raise Mistake("GS1461", "a machine runs releases of your files or packages of the index",
                          "what it runs has to come from somewhere, and from one place",
                          "give releases=<bucket> or packages=[...]")
        if port is not None and not 1024 <= port <= 65_535:
            raise Mistake("GS1462", f"the port of a machine's program is 1024 to 65535, not {port}",
                          "a program without privileges cannot listen below 1024", "listen on 8080")
        self.port, self.subnets = port, subnets
        grants = usable_grants(uses, self.subject)
        explicit = self.building.physical_name("aws_cloudwatch_log_group", self.name, log_name) if log_name else None
        self.log_group = log_group(
            self, explicit or f"/ec2/{self.building.system}-{self.stage.name}/{self.name}")
        self._parameter = f"/{self.building.system}/{self.stage.name}/{self.name}/boot"
        parameter_arn = self._tell(grants, port, environment or {}, releases, volumes)
        # A machine's id is known only when it is there, and a group's machines come and go.
        machines = f"arn:aws:ec2:{self.building.graph.region}:{account_id()}:instance/*"
        own = [_SESSIONS, Statement(("ssm:UpdateInstanceInformation",), (machines,)), _METRICS, write_log(self.log_group),
               Statement(("ssm:GetParameter",), (parameter_arn,))]
        if releases is not None:
            own.append(Statement(("s3:GetObject",), (releases.objects(f"releases/{self.name}/"),)))
            own += [releases.encryption.read_statement()] if releases.encryption else []
        self.role = workload_role(
            self, "ec2.amazonaws.com", grants, own=[*own, *(item for grant in grants for item in grant.secret_statements)],
            own_sid="Machine", description=f"What {self.name} of {self.building.system} may do",
        )
        self.profile = aws.iam_instance_profile(
            self.terraform_name(), name=self.physical_name("aws_iam_instance_profile"), role=self.role["name"],
        )
        self.security_group = security_group(self, subnets.network.id, "machines", f"Machines of {self.name}")
        let_out(self, self.security_group, grants)
        group_name = self.log_group.arguments["name"]
        self.script = boot_script(Boot(
            self.name, self.building.graph.region, self._parameter, folder or f"/opt/{self.name}", tuple(command),
            tuple(packages), releases is not None, tuple(volume.mount for volume in volumes), group_name,
        ))
        if len(self.script.encode()) > SCRIPT_LIMIT:
            raise Mistake("GS1463", f"the boot script is longer than {SCRIPT_LIMIT} bytes", mend="shorten packages and names")
        self._release: Any = None
        if releases is not None:
            self._release = (
                tuple(include) or (self.name,), self.building.folder / requirements if requirements else None,
                tuple(command), releases.resource.address)
            self._deliver()

    def _tell(
        self, grants: list[Grant], port: int | None, environment: Mapping[str, Any], releases: Bucket | None,
        volumes: Sequence[Volume],
    ) -> Reference:
        """What the machine reads at its start, so that a changed address replaces no machine."""
        own = {"PORT": str(port), **environment} if port else dict(environment)
        self.volumes = [self._volume(index, volume) for index, volume in enumerate(volumes)]
        told = {
            "environment": merged_environment(own, grants, self.subject),
            "secrets": {name: value for grant in grants for name, value in sorted(grant.secrets.items())},
            "volumes": {volume.mount: made["id"] for volume, made in zip(volumes, self.volumes, strict=True)},
            "releases": releases.resource["bucket"] if releases else "",
        }
        # Intelligent tiering takes more than 4 KB when it has to.
        parameter = aws.ssm_parameter(
            self.terraform_name("boot"), name=self._parameter, type="String", tier="Intelligent-Tiering",
            description=f"What {self.name} reads when it starts", value=JsonDocument(told),
        )
        return parameter["arn"]

    def _volume(self, index: int, volume: Volume) -> Resource:
        require(volume, Volume, "volumes", self)
        if not 1 <= volume.size <= _MOST_VOLUME or not volume.mount.startswith("/"):
            raise Mistake("GS1464", f"a volume of {volume.size} GB at {volume.mount!r} cannot be",
                          mend=f'write for example Volume("/data", 50); at most {_MOST_VOLUME} GB')
        key = key_of_tier()
        label = f"{self.building.system}-{self.stage.name}-{self.name}"
        return aws.ebs_volume(
            self.terraform_name("data", str(index) if index else ""),
            availability_zone=self.subnets.resources[0].arguments["availability_zone"], size=volume.size, type="gp3",
            encrypted=True, kms_key_id=key.arn if key else None, final_snapshot=self.stage.production,
            tags={"Name": label, "Snapshots": label},
        )

    def _deliver(self) -> None:
        """What `groundsill deploy` has Systems Manager run on the machines."""
        aws.ssm_document(
            self.terraform_name("release"), name=self.physical_name("aws_ssm_document", part="release"),
            document_type="Command", document_format="JSON", target_type="/AWS::EC2::Instance",
            content=JsonDocument({
                "schemaVersion": "2.2", "description": f"Take the current release of {self.name} and start it",
                "mainSteps": [{"action": "aws:runShellScript", "name": "release",
                               "inputs": {"timeoutSeconds": "600", "runCommand": [f"/usr/local/bin/{self.name}-release"]}}],
            }),
        )

    def _declare_release(self) -> None:
        if self._release:
            include, requirements, command, bucket = self._release
            self.building.graph.add_artifact(MachineRelease(
                self.name, self.building.folder, include, requirements, command, bucket,
                f"releases/{self.name}/current.tar.gz", self.resource.address))

    def _disk(self, size: int | None) -> Any:
        key = key_of_tier()
        return {"volume_size": size, "volume_type": "gp3", "encrypted": True, "kms_key_id": key.arn if key else None,
                "delete_on_termination": True}

    def _reach(self, host: Any) -> Grant:
        if self.port is None:
            raise Mistake("GS1467", f"{self.subject} has no port, so nothing can reach it", mend="give it port=8080")
        variables = {"host": host, "port": str(self.port), "url": f"http://{host}:{self.port}"}
        return Grant(
            self.name, "reach", environment={environment_name(self.name, part): value for part, value in variables.items()},
            network=(NetworkAccess(self.security_group.address, self.port),),
        )


class Machine(_Computer):
    """One virtual machine in private subnets: no key pair and no open port for operators, who come by Session Manager.

    Its program comes as releases of your own files, which a deployment puts into a bucket, or from the package index.
    Without a release yet the program is set up and not started.

    Arguments:
        component: unique in the system.
        subnets: the machine stands in the first one, and so do its volumes.
        type: instance type, for example ``t4g.small``; the image's architecture follows it.
        command: the program, for example ``("python", "-m", "services.backend")``.
        port: the port that it listens on, above 1,024; default none.
        releases: bucket that releases are kept in, below ``releases/<component>/``.
        include: files and folders of a release, default the folder named like the component.
        requirements: requirements file of a release.
        packages: instead of releases, Python packages with their versions, for example ``["chromadb==1.3.4"]``.
        image: ``amazon-linux-2023`` (default) or ``deep-learning-ubuntu-22.04``; the newest one at the first deployment,
            then kept.
        pinned_image: id of an image instead, for a machine that must not move to a newer one.
        disk: GB of the system's own disk, default the image's.
        volumes: disks that outlive the machine.
        spot: spare capacity, much cheaper, which AWS takes back with two minutes' notice; default no.
        uses: grants of other components.
        environment: further environment variables.
        folder: where the program lies, default ``/opt/<component>``.
        log_name: log group name; default ``/ec2/<system>-<stage>/<component>``.

    Verbs for `uses`: ``reach`` opens the port and passes ``<NAME>_HOST``, ``<NAME>_PORT`` and ``<NAME>_URL``.

    Resources created: ``aws_instance``, ``aws_iam_role``, ``aws_iam_role_policy``, ``aws_iam_instance_profile``,
    ``aws_security_group`` with ``aws_vpc_security_group_egress_rule`` and an ``aws_vpc_security_group_ingress_rule`` for each
    way that it uses, ``aws_cloudwatch_log_group``, ``aws_ssm_parameter``; with releases ``aws_ssm_document``; with volumes
    ``aws_ebs_volume``, ``aws_volume_attachment`` and ``aws_dlm_lifecycle_policy`` with an
    ``aws_iam_role_policy_attachment``.

    Costs: per hour of the machine while it is not stopped, and per GB of its disks and their snapshots.

    Example:
        ``Machine("chroma", network.private, type="t4g.medium", command=("chroma", "run"), packages=["chromadb==1.3.4"])``
    """

    def __init__(
        self, component: str, subnets: Subnets, /, *, type: str, command: Sequence[str], port: int | None = None,
        releases: Bucket | None = None, include: Sequence[str] = (), requirements: str | None = None,
        packages: Sequence[str] = (), image: Image = "amazon-linux-2023", pinned_image: str | None = None,
        disk: int | None = None, volumes: Sequence[Volume] = (), spot: bool = False, uses: Sequence[Grant] = (),
        environment: Mapping[str, Any] | None = None, folder: str | None = None, log_name: str | None = None,
    ) -> None:
        super().__init__(component)
        self._describe(subnets, command, port, uses, environment, releases, include, requirements, packages, log_name,
                       folder, volumes)
        looked_up = ("ami",) if not pinned_image else ()
        self.resource = self._instance = aws.instance(
            self.terraform_name(), ami=image_id(self, image, pinned_image, type), instance_type=type,
            subnet_id=subnets.ids[0], vpc_security_group_ids=[self.security_group["id"]],
            associate_public_ip_address=False, iam_instance_profile=self.profile["name"], user_data=self.script,
            user_data_replace_on_change=False, ebs_optimized=True, disable_api_termination=self.stage.production,
            metadata_options={"http_tokens": "required", "http_endpoint": "enabled", "http_put_response_hop_limit": 1},
            root_block_device=self._disk(disk), maintenance_options={"auto_recovery": "default"},
            instance_market_options=_SPOT if spot else None,
            tags={"Name": f"{self.building.system}-{self.stage.name}-{component}"},
            lifecycle=Lifecycle(ignore_changes=(*looked_up, "user_data")) if looked_up else None,
        )
        for index, made in enumerate(self.volumes):
            aws.volume_attachment(
                made.name, device_name=f"/dev/sd{_DEVICES[index]}", volume_id=made["id"],
                instance_id=self.resource["id"], stop_instance_before_detaching=True,
            )
        if self.volumes:
            self._snapshots()
        self._declare_release()

    def _snapshots(self) -> None:
        role = aws.iam_role(
            self.terraform_name("snapshots"), name=self.physical_name("aws_iam_role", part="snapshots"),
            description=f"Snapshots of the volumes of {self.name}", assume_role_policy=trust("dlm.amazonaws.com"),
        )
        aws.iam_role_policy_attachment(self.terraform_name("snapshots"), role=role["name"], policy_arn=_SNAPSHOT_POLICY)
        days = _PRODUCTION_SNAPSHOT_DAYS if self.stage.production else _SNAPSHOT_DAYS
        aws.dlm_lifecycle_policy(
            self.terraform_name(), description=f"Daily snapshots of {self.name}", state="ENABLED",
            execution_role_arn=role["arn"],
            policy_details={
                "resource_types": ["VOLUME"],
                "target_tags": {"Snapshots": f"{self.building.system}-{self.stage.name}-{self.name}"},
                "schedule": [{"name": "daily", "copy_tags": True,
                              "create_rule": {"interval": 24, "interval_unit": "HOURS", "times": ["04:00"]},
                              "retain_rule": {"count": days}}],
            },
        )

    def register_with(self, target_group: Resource, *ways: Resource) -> None:
        """Make the machine a target of a load balancer."""
        aws.lb_target_group_attachment(
            target_group.name, target_group_arn=target_group["arn"], target_id=self.resource["id"], port=self.port,
        )

    @property
    def reach(self) -> Grant:
        """Call the machine's program."""
        return self._reach(self._instance["private_dns"])

    def alarms(self) -> Iterable[Alarm]:
        """A machine that fails AWS's own checks."""
        yield Alarm("status", f"{self.name} fails its status checks: AWS recovers it; see its log if that lasts.",
                    "AWS/EC2", "StatusCheckFailed", {"InstanceId": self.resource["id"]}, 1, statistic="Maximum", periods=3)


class MachineGroup(_Computer):
    """Equal virtual machines that are replaced when they fail and rolled when they change.

    The first ones are ordinary, so that a shortage of spare capacity never takes the last one; the rest may be spot.

    Arguments:
        component: unique in the system.
        subnets: machines are spread over all of them.
        types: instance types of one architecture, the wanted one first; more types find capacity sooner.
        command: the program, for example ``("python", "-m", "services.frontend")``.
        port: the port that it listens on, above 1,024; default none.
        min: fewest machines, default 1.
        max: most machines, default 2: a new one comes before an old one goes.
        on_demand: machines that are never spot, default 1.
        spot: spot for the others, default True.
        releases: bucket that releases are kept in, below ``releases/<component>/``.
        include: files and folders of a release, default the folder named like the component.
        requirements: requirements file of a release.
        packages: instead of releases, Python packages with their versions.
        image: as for `Machine`.
        pinned_image: as for `Machine`.
        disk: GB of the system's own disk, default the image's.
        uses: grants of other components.
        environment: further environment variables.
        folder: where the program lies, default ``/opt/<component>``.
        log_name: log group name; default ``/ec2/<system>-<stage>/<component>``.
        name: the name that AWS sees; default from the system's name pattern.

    Others reach it through a load balancer, since its machines come and go.

    Resources created: ``aws_launch_template``, ``aws_autoscaling_group``, ``aws_iam_role``, ``aws_iam_role_policy``,
    ``aws_iam_instance_profile``, ``aws_security_group`` with ``aws_vpc_security_group_egress_rule`` and an
    ``aws_vpc_security_group_ingress_rule`` for each way that it uses, ``aws_cloudwatch_log_group``, ``aws_ssm_parameter``;
    with releases ``aws_ssm_document``.

    Costs: per hour of each machine and per GB of its disk.

    Example:
        ``MachineGroup("web", network.private, types=["t4g.small"], command=("python", "-m", "web"), releases=releases)``
    """

    def __init__(
        self, component: str, subnets: Subnets, /, *, types: Sequence[str], command: Sequence[str],
        port: int | None = None, min: int = 1, max: int = 2, on_demand: int = 1, spot: bool = True,
        releases: Bucket | None = None, include: Sequence[str] = (), requirements: str | None = None,
        packages: Sequence[str] = (), image: Image = "amazon-linux-2023", pinned_image: str | None = None,
        disk: int | None = None, uses: Sequence[Grant] = (), environment: Mapping[str, Any] | None = None,
        folder: str | None = None, log_name: str | None = None, name: str | None = None,
    ) -> None:
        super().__init__(component)
        kinds = {architecture_of(type) for type in types}
        if len(kinds) != 1:
            raise Mistake("GS1468", "a group takes instance types of one architecture, at least one",
                          "one image starts all of its machines", 'write for example types=["t4g.micro", "t4g.small"]')
        if not 0 <= min <= max or on_demand < 0:
            raise Mistake("GS1469", f"between {min} and {max} machines cannot be", mend="min is at most max")
        self._describe(subnets, command, port, uses, environment, releases, include, requirements, packages, log_name, folder)
        group_name = self.physical_name("aws_autoscaling_group", name)
        self.template = aws.launch_template(
            self.terraform_name(), name=self.physical_name("aws_launch_template", name), update_default_version=True,
            image_id=image_id(self, image, pinned_image, types[0]), instance_type=types[0], ebs_optimized="true",
            user_data=base64.b64encode(self.script.encode()).decode(),
            iam_instance_profile={"arn": self.profile["arn"]},
            network_interfaces=[{"associate_public_ip_address": "false", "security_groups": [self.security_group["id"]],
                                 "delete_on_termination": "true"}],
            metadata_options={"http_tokens": "required", "http_endpoint": "enabled", "http_put_response_hop_limit": 1},
            block_device_mappings=[{"device_name": "/dev/xvda", "ebs": _as_text(self._disk(disk))}],
            tag_specifications=[{"resource_type": kind, "tags": {**self.building.tags, "Component": component}}
                                for kind in ("instance", "volume")],
            lifecycle=Lifecycle(ignore_changes=("image_id",)) if not pinned_image else None,
        )
        label: Any = {"key": "Name", "value": f"{self.building.system}-{self.stage.name}-{component}",
                      "propagate_at_launch": True}
        self.resource = self._group = aws.autoscaling_group(
            self.terraform_name(), name=group_name, min_size=min, max_size=max, desired_capacity=min,
            vpc_zone_identifier=subnets.ids, capacity_rebalance=spot, health_check_type="EC2",
            health_check_grace_period=_BOOT_GRACE, wait_for_capacity_timeout="0",
            mixed_instances_policy={
                "instances_distribution": {
                    "on_demand_base_capacity": on_demand, "on_demand_percentage_above_base_capacity": 0 if spot else 100,
                    "spot_allocation_strategy": "price-capacity-optimized"},
                "launch_template": {
                    "launch_template_specification": {"launch_template_id": self.template["id"],
                                                      "version": self.template["latest_version"]},
                    "override": [{"instance_type": type} for type in types]},
            },
            instance_refresh={"strategy": "Rolling", "preferences": {
                "min_healthy_percentage": 100, "max_healthy_percentage": 200, "auto_rollback": True}},
            tag=[label],
            lifecycle=Lifecycle(ignore_changes=("desired_capacity",)),
        )
        self._declare_release()

    def register_with(self, target_group: Resource, *ways: Resource) -> None:
        """Make every machine of the group a target of a load balancer, whose checks then count as the machine's own."""
        before: list[Any] = self._group.arguments.get("target_group_arns", [])
        self._group.override(target_group_arns=[*before, target_group["arn"]], health_check_type="ELB")

    def alarms(self) -> Iterable[Alarm]:
        """Machines that have been busy for long."""
        yield Alarm("cpu", f"{self.name} has been busy for 15 minutes: allow more machines or larger ones.", "AWS/EC2",
                    "CPUUtilization", {"AutoScalingGroupName": self.resource["name"]}, 80, statistic="Average",
                    period=300, periods=3)


# A persistent request comes back after an interruption, and the machine with it: Amazon EC2 user guide, "Spot Instances".
_SPOT: Any = {"market_type": "spot", "spot_options": {"spot_instance_type": "persistent",
                                                      "instance_interruption_behavior": "stop"}}


def _as_text(block: dict[str, Any]) -> Any:
    """The form of a launch template's blocks, whose booleans are text."""
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in block.items()}
