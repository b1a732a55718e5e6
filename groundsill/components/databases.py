"""Relational databases: RDS instances and Aurora Serverless v2 clusters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from groundsill import aws
from groundsill.components.alarm import Alarm
from groundsill.components.keys import Key, key_of_tier
from groundsill.components.network import Subnets
from groundsill.components.roles import require, trust
from groundsill.components.secrets import rotation_days
from groundsill.components.security_groups import security_group
from groundsill.definition.component import Component, Mistake
from groundsill.definition.grant import Grant, NetworkAccess, Statement
from groundsill.definition.naming import environment_name
from groundsill.graph import Lifecycle, Reference, Resource

Engine = Literal["postgres", "mysql"]


class _EngineFacts(NamedTuple):
    """What differs between engines.

    Sources: Amazon RDS user guide, "Amazon RDS for PostgreSQL versions" and "... MySQL versions" (majors in standard
    support, November 2026), "Requiring SSL/TLS", "Gp3 storage" (where baseline performance ends).
    """

    port: int
    version: str
    versions: tuple[str, ...]
    family: str
    require_tls: tuple[str, str]
    logs: tuple[str, ...]
    most_database: int
    most_user: int


_ENGINES: MappingProxyType[str, _EngineFacts] = MappingProxyType({
    "postgres": _EngineFacts(5432, "17", ("14", "15", "16", "17"), "postgres{version}", ("rds.force_ssl", "1"),
                             ("postgresql", "upgrade"), 63, 63),
    "mysql": _EngineFacts(3306, "8.4", ("8.4",), "mysql{version}", ("require_secure_transport", "1"), ("error",), 64, 16),
})
_AURORA_LOGS = ("postgresql",)
_LEAST_STORAGE, _MOST_STORAGE = 20, 65_536  # Amazon RDS user guide: General Purpose gp3 storage, GiB
_IOPS_THRESHOLD = 400  # the same page: below 400 GiB the baseline of 3,000 IOPS cannot be changed
_LONGEST_BACKUP = 35  # Amazon RDS user guide: backup retention period
_BACKUP_DAYS, _PRODUCTION_BACKUP_DAYS = 7, 14
_MONITORING = (0, 1, 5, 10, 15, 30, 60)  # Amazon RDS API: CreateDBInstance, MonitoringInterval
_MONITORING_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
_LEAST_CAPACITY, _MOST_CAPACITY = 0.0, 256.0  # Aurora user guide: Aurora Serverless v2 capacity, in ACUs
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_FREE_SHARE = 0.15
_GIB = 1024**3
_FEWEST_ZONES = 2  # Amazon RDS user guide: a DB subnet group covers at least two zones


class _Relational(Component):
    """What an instance and a cluster have in common: subnets, security group, password and the verb."""

    facts: _EngineFacts
    database: str
    user: str

    def _check(self, subnets: Subnets, database: str, user: str, facts: _EngineFacts, backup_days: int | None) -> None:
        require(subnets, Subnets, "subnets", self)
        if subnets.kind == "public":
            raise Mistake("GS1430", "a database in public subnets could be reached from the internet",
                          mend="place it in network.private or network.isolated")
        if len(subnets.resources) < _FEWEST_ZONES:
            raise Mistake("GS1431", "a database needs subnets in at least two zones", mend="give the network zones=2 or more")
        for what, text, longest in (("database", database, facts.most_database), ("user", user, facts.most_user)):
            if not _NAME.fullmatch(text) or len(text) > longest:
                raise Mistake("GS1432", f"{text!r} cannot be the name of a {what}",
                              mend=f"use letters, digits and underscores, at most {longest}, beginning with a letter")
        if backup_days is not None and not 1 <= backup_days <= _LONGEST_BACKUP:
            raise Mistake("GS1433", f"backups are kept 1 to {_LONGEST_BACKUP} days, not {backup_days}",
                          mend="leave `backup_days` out for 7, and 14 in production")
        self.facts, self.database, self.user = facts, database, user
        self.encryption: Key | None = key_of_tier()
        self.security_group = security_group(self, subnets.network.id, "database", f"Database {self.name}")
        self.subnet_group = aws.db_subnet_group(
            self.terraform_name(), name=self.physical_name("aws_db_subnet_group"), subnet_ids=subnets.ids,
        )

    def _backup_days(self, given: int | None) -> int:
        return given or (_PRODUCTION_BACKUP_DAYS if self.stage.production else _BACKUP_DAYS)

    def _protection(self) -> dict[str, Any]:
        """Encryption, backups on deletion and deletion protection, the same for both kinds."""
        production = self.stage.production
        return {
            "storage_encrypted": True,
            "kms_key_id": self.encryption.arn if self.encryption else None,
            "deletion_protection": production,
            "skip_final_snapshot": not production,
            "final_snapshot_identifier": self.physical_name("aws_db_instance", part="final") if production else None,
            "copy_tags_to_snapshot": True,
            "manage_master_user_password": True,
            "master_user_secret_kms_key_id": self.encryption.arn if self.encryption else None,
            "db_subnet_group_name": self.subnet_group["name"],
            "vpc_security_group_ids": [self.security_group["id"]],
        }

    def _rotate(self, every: int | str | None) -> None:
        if every is not None:
            aws.secretsmanager_secret_rotation(
                self.terraform_name(), secret_id=self.secret_arn,
                rotation_rules={"automatically_after_days": rotation_days(every)},
            )

    @property
    def host(self) -> Reference:
        """Host name."""
        raise NotImplementedError

    @property
    def port(self) -> int:
        """TCP port: 5432 for PostgreSQL, 3306 for MySQL."""
        return self.facts.port

    @property
    def arn(self) -> Reference:
        """ARN of the instance or cluster."""
        return self.resource["arn"]

    @property
    def secret_arn(self) -> Reference:
        """ARN of the secret in which RDS keeps, and rotates, the password of the first user."""
        return self.resource["master_user_secret"].at(0, "secret_arn")

    @property
    def connect(self) -> Grant:
        """Connect: the network path, the address, and the secret with user name and password, read at the start."""
        statements = [Statement(("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"), (self.secret_arn,))]
        if self.encryption:
            statements.append(self.encryption.read_statement())
        variables = {"host": self.host, "port": str(self.port), "name": self.database, "secret-arn": self.secret_arn}
        return Grant(
            self.name, "connect", tuple(statements),
            {environment_name(self.name, part): value for part, value in variables.items()},
            (NetworkAccess(self.security_group.address, self.port),),
        )


class Database(_Relational):
    """A PostgreSQL or MySQL instance on RDS: private, encrypted at rest and in transit, backed up every day.

    RDS makes the password itself, keeps it in Secrets Manager and changes it every 7 days, so it is in no state and no
    environment variable: a workload puts its connection together when it starts and again when a login is refused.

    Arguments:
        component: unique in the system.
        subnets: private or isolated ones, in at least two zones.
        engine: ``postgres`` (default) or ``mysql``.
        version: major version that RDS supports without extra cost; minor versions come by themselves. Default 17 for
            PostgreSQL, 8.4 for MySQL.
        instance: instance class, default ``db.t4g.micro``.
        storage: GB of gp3 storage, 20 (default) to 65,536. It can only grow.
        most_storage: GB up to which RDS lets it grow by itself; default it does not.
        database: name of the first database; default the system's name.
        user: name of the first user; default the system's name with ``_admin``.
        standby: a copy in a second zone that takes over when the first fails; default in production.
        backup_days: days to which the database can be taken back, 1 to 35, default 7, in production 14.
        parameters: server parameters by name. TLS is always required.
        replicas: read replicas, 0 (default) to 5.
        monitoring: seconds between the operating system's metrics: 0 (default, off), 1, 5, 10, 15, 30 or 60.
        rotate_every: pace of password changes, 1 to 1,000 days; default RDS's own, 7 days.
        name: identifier that AWS sees; default from the system's name pattern.

    Verbs for `uses`: ``connect`` opens the port and passes ``<NAME>_HOST``, ``<NAME>_PORT``, ``<NAME>_NAME`` and
    ``<NAME>_SECRET_ARN``.

    Resources created: ``aws_db_instance`` (one more for each replica), ``aws_db_subnet_group``,
    ``aws_db_parameter_group``, ``aws_security_group``, ``aws_cloudwatch_log_group``; with monitoring an ``aws_iam_role``
    with an ``aws_iam_role_policy_attachment``; with a pace of its own an ``aws_secretsmanager_secret_rotation``.

    Costs: per hour of each instance (twice with a standby) and per GB; backups up to the storage's size are free.

    Example:
        ``Database("db", network.private, engine="postgres", instance="db.t4g.micro", database="shop")``
    """

    def __init__(
        self, component: str, subnets: Subnets, /, *, engine: Engine = "postgres", version: str | None = None,
        instance: str = "db.t4g.micro", storage: int = 20, most_storage: int | None = None, database: str | None = None,
        user: str | None = None, standby: bool | None = None, backup_days: int | None = None,
        parameters: Mapping[str, str] | None = None, replicas: int = 0, monitoring: int = 0,
        rotate_every: int | str | None = None, name: str | None = None,
    ) -> None:
        super().__init__(component)
        facts, plain = _ENGINES[engine], self.building.system.replace("-", "_")
        wanted = version or facts.version
        if wanted not in facts.versions:
            raise Mistake("GS1434", f"`version` of {engine} is {', '.join(facts.versions)}, not {wanted!r}",
                          "an exact minor version cannot be created any more once RDS retires it, and an older major "
                          "version costs extended support", f'write for example version="{facts.version}"')
        if not _LEAST_STORAGE <= storage <= _MOST_STORAGE:
            raise Mistake("GS1435", f"a database has {_LEAST_STORAGE} to {_MOST_STORAGE} GB of storage, not {storage}")
        if most_storage is not None and most_storage <= storage:
            raise Mistake("GS1436", f"`most_storage` ({most_storage} GB) is not more than `storage` ({storage} GB)",
                          mend="leave it out where the storage does not grow by itself")
        if not instance.startswith("db."):
            raise Mistake("GS1437", f"{instance!r} is not an instance class", mend="write for example db.t4g.micro")
        if monitoring not in _MONITORING:
            raise Mistake("GS1438", f"`monitoring` is {', '.join(map(str, _MONITORING))} seconds, not {monitoring}")
        if not 0 <= replicas <= 5:
            raise Mistake("GS1439", f"a database has 0 to 5 replicas, not {replicas}")
        self._check(subnets, database or plain, user or f"{plain}_admin"[: facts.most_user], facts, backup_days)
        identifier = self.physical_name("aws_db_instance", name)
        self.storage = storage
        group = aws.db_parameter_group(
            self.terraform_name(), family=facts.family.format(version=wanted),
            name_prefix=f"{identifier}-", description=f"Parameters of {component}",
            parameter=[{"name": key, "value": value, "apply_method": "pending-reboot"}
                       for key, value in sorted({**(parameters or {}), facts.require_tls[0]: facts.require_tls[1]}.items())],
            lifecycle=Lifecycle(create_before_destroy=True),
        )
        common: dict[str, Any] = {
            "instance_class": instance, "storage_type": "gp3", "publicly_accessible": False,
            "parameter_group_name": group["name"], "auto_minor_version_upgrade": True,
            "enabled_cloudwatch_logs_exports": list(facts.logs), "ca_cert_identifier": "rds-ca-rsa2048-g1",
            **self._monitoring(monitoring),
        }
        groups = [self._log(identifier, log) for log in facts.logs]
        self.resource = aws.db_instance(
            self.terraform_name(), identifier=identifier, engine=engine, engine_version=wanted,
            allocated_storage=storage, max_allocated_storage=most_storage, db_name=self.database, username=self.user,
            port=facts.port, multi_az=self.stage.production if standby is None else standby,
            backup_retention_period=self._backup_days(backup_days), depends_on=groups, **common, **self._protection(),
        )
        self.replicas = [self._replica(number, name, facts.logs, common) for number in range(1, replicas + 1)]
        self._rotate(rotate_every)

    def _replica(self, number: int, name: str | None, logs: tuple[str, ...], common: dict[str, Any]) -> Resource:
        part = f"replica-{number}"
        identifier = self.physical_name("aws_db_instance", name, part)
        return aws.db_instance(
            self.terraform_name(part), replicate_source_db=self.resource["identifier"], identifier=identifier,
            storage_encrypted=True, vpc_security_group_ids=[self.security_group["id"]], skip_final_snapshot=True,
            depends_on=[self._log(identifier, log, part) for log in logs], **common,
        )

    def _log(self, identifier: str, log: str, part: str = "") -> Resource:
        """RDS would make the group itself, and keep its lines for ever."""
        from groundsill.components.logs import log_group

        return log_group(self, f"/aws/rds/instance/{identifier}/{log}", f"{part}-{log}" if part else log)

    def _monitoring(self, interval: int) -> dict[str, Any]:
        if not interval:
            return {"monitoring_interval": 0}
        role = aws.iam_role(
            self.terraform_name("monitoring"), name=self.physical_name("aws_iam_role", part="monitoring"),
            description=f"How RDS reports on the machine of {self.name}",
            assume_role_policy=trust("monitoring.rds.amazonaws.com"),
        )
        aws.iam_role_policy_attachment(self.terraform_name("monitoring"), role=role["name"], policy_arn=_MONITORING_POLICY)
        return {"monitoring_interval": interval, "monitoring_role_arn": role["arn"]}

    @property
    def host(self) -> Reference:
        """Host name of the instance."""
        return self.resource["address"]

    def alarms(self) -> Iterable[Alarm]:
        """A busy processor, storage that runs out, and more connections than a small instance bears."""
        yield from _alarms(self.name, {"DBInstanceIdentifier": self.resource["identifier"]})
        yield Alarm(
            "storage", f"{self.name} has little storage left: let it grow, it cannot shrink again.", "AWS/RDS",
            "FreeStorageSpace", {"DBInstanceIdentifier": self.resource["identifier"]},
            int(self.storage * _GIB * _FREE_SHARE), comparison="LessThanThreshold", statistic="Minimum", period=300,
            periods=3,
        )


class ServerlessDatabase(_Relational):
    """An Aurora PostgreSQL cluster whose capacity follows the load: private, encrypted, backed up continuously.

    Arguments:
        component: unique in the system.
        subnets: private or isolated ones, in at least two zones.
        least: fewest capacity units, 0 to 256 in steps of 0.5, default 0.5. One is about 2 GB of memory; 0 lets the
            cluster pause.
        most: most capacity units, default 1.
        version: PostgreSQL major version, default ``"17"``.
        database: name of the first database; default the system's name.
        user: name of the first user; default the system's name with ``_admin``.
        instances: servers, 1 to 16, each in another zone as far as there are; default 1, in production 2.
        backup_days: days to which the cluster can be taken back, 1 to 35, default 7, in production 14.
        parameters: cluster parameters by name. TLS is always required.
        rotate_every: pace of password changes, 1 to 1,000 days; default RDS's own, 7 days.
        name: identifier that AWS sees; default from the system's name pattern.

    Verbs for `uses`: ``connect`` opens the port and passes ``<NAME>_HOST``, ``<NAME>_PORT``, ``<NAME>_NAME`` and
    ``<NAME>_SECRET_ARN``.

    Resources created: ``aws_rds_cluster``, ``aws_rds_cluster_instance``, ``aws_rds_cluster_parameter_group``,
    ``aws_db_subnet_group``, ``aws_security_group``, ``aws_cloudwatch_log_group``; with a pace of its own an
    ``aws_secretsmanager_secret_rotation``.

    Costs: per capacity unit and hour, per GB, and per million reads and writes of the disk.

    Example:
        ``ServerlessDatabase("catalog", network.isolated, least=0.5, most=stage.pick(dev=1, prod=16))``
    """

    def __init__(
        self, component: str, subnets: Subnets, /, *, least: float = 0.5, most: float = 1, version: str = "17",
        database: str | None = None, user: str | None = None, instances: int | None = None,
        backup_days: int | None = None, parameters: Mapping[str, str] | None = None,
        rotate_every: int | str | None = None, name: str | None = None,
    ) -> None:
        super().__init__(component)
        facts, plain = _ENGINES["postgres"], self.building.system.replace("-", "_")
        if version not in facts.versions:
            raise Mistake("GS1434", f"`version` of Aurora PostgreSQL is {', '.join(facts.versions)}, not {version!r}",
                          mend=f'write for example version="{facts.version}"')
        if not _LEAST_CAPACITY <= least <= most <= _MOST_CAPACITY or most < 1 or least * 2 % 1 or most * 2 % 1:
            raise Mistake("GS1440", f"capacity from {least} to {most} units cannot be",
                          mend="both are multiples of 0.5, `most` is 1 to 256 and not below `least`")
        servers = (2 if self.stage.production else 1) if instances is None else instances
        if not 1 <= servers <= 16:
            raise Mistake("GS1441", f"a cluster has 1 to 16 instances, not {servers}")
        self._check(subnets, database or plain, user or f"{plain}_admin", facts, backup_days)
        identifier = self.physical_name("aws_rds_cluster", name)
        group = aws.rds_cluster_parameter_group(
            self.terraform_name(), family=f"aurora-postgresql{version}", name_prefix=f"{identifier}-",
            description=f"Parameters of {component}",
            parameter=[{"name": key, "value": value, "apply_method": "pending-reboot"}
                       for key, value in sorted({**(parameters or {}), facts.require_tls[0]: facts.require_tls[1]}.items())],
            lifecycle=Lifecycle(create_before_destroy=True),
        )
        self.resource = aws.rds_cluster(
            self.terraform_name(), cluster_identifier=identifier, engine="aurora-postgresql", engine_version=version,
            engine_mode="provisioned", database_name=self.database, master_username=self.user, port=facts.port,
            serverlessv2_scaling_configuration={"min_capacity": least, "max_capacity": most},
            backup_retention_period=self._backup_days(backup_days), db_cluster_parameter_group_name=group["name"],
            enabled_cloudwatch_logs_exports=list(_AURORA_LOGS), depends_on=[self._log(identifier)],
            # A new minor version comes in the maintenance window; the configuration names the major one.
            **self._protection(),
        )
        self.instances = [
            aws.rds_cluster_instance(
                self.terraform_name(str(number)), cluster_identifier=self.resource["id"], engine="aurora-postgresql",
                identifier=self.physical_name("aws_rds_cluster", name, str(number)), instance_class="db.serverless",
                publicly_accessible=False, auto_minor_version_upgrade=True, copy_tags_to_snapshot=True,
                promotion_tier=min(number - 1, 15),
            ) for number in range(1, servers + 1)
        ]
        self._rotate(rotate_every)

    def _log(self, identifier: str) -> Resource:
        from groundsill.components.logs import log_group

        return log_group(self, f"/aws/rds/cluster/{identifier}/postgresql")

    @property
    def host(self) -> Reference:
        """Host name of the server that takes writes."""
        return self.resource["endpoint"]

    @property
    def read_host(self) -> Reference:
        """Host name of the servers that only read."""
        return self.resource["reader_endpoint"]

    def alarms(self) -> Iterable[Alarm]:
        """A busy processor, and more connections than the capacity bears."""
        yield from _alarms(self.name, {"DBClusterIdentifier": self.resource["cluster_identifier"]})


def _alarms(name: str, dimensions: Mapping[str, Any]) -> Iterable[Alarm]:
    yield Alarm("cpu", f"{name} has been busy for 15 minutes: find slow statements, or take a larger class.", "AWS/RDS",
                "CPUUtilization", dimensions, 80, statistic="Average", period=300, periods=3)
    yield Alarm("connections", f"{name} has many connections: do workloads close theirs, are their pools small?",
                "AWS/RDS", "DatabaseConnections", dimensions, 80, statistic="Maximum", period=300, periods=3)
