"""ImageUnderstander: upload images, ask questions about them, get answers with their sources.

The frontend takes requests and passes `/api` on to the backend; the backend keeps images in a bucket and what is known
about them in MySQL and ChromaDB, and has the model service describe and answer. All of it stands on machines of its own
in private subnets, where operators come by Session Manager alone.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from groundsill import DomainName, EmailAddress, Region, Stage, System
from groundsill.components import (
    Alerts,
    AuditTrail,
    BackupPlan,
    Bucket,
    Cache,
    Certificate,
    ConfigRecorder,
    Container,
    Cors,
    Dashboard,
    Database,
    DnsHealthCheck,
    HealthCheck,
    LifecycleRule,
    LoadBalancer,
    Machine,
    MachineGroup,
    Network,
    Secret,
    SecurityHub,
    ThreatDetection,
    Traces,
    Volume,
    WebAcl,
    Zone,
    output,
)

# What the document lists for later, or for production: each is off until a stage's settings name it.
Extra = Literal["access-logs", "audit", "backup", "cache", "config", "dashboard", "endpoints", "flow-logs", "images",
                "peering", "replica", "tracing", "threat-detection", "web-rules"]


class Settings(BaseModel):
    """What differs from one deployment to another. `domain` is yours alone, so it has no default."""

    region: Region = "us-east-1"
    domain: DomainName
    hosted_zone_id: str | None = None
    # None: made in staging and production, where name servers are entered once; by hand in development.
    create_hosted_zone: bool | None = None
    create_route53_health_check: bool | None = None
    alert_email: EmailAddress | None = None
    frontend_instance_types: list[str] = ["t4g.micro", "t4g.small"]
    backend_instance_types: list[str] = ["t4g.micro", "t4g.small"]
    llm_instance_type: str = "g5.xlarge"
    llm_spot: bool = False
    chroma_instance_type: str = "t4g.medium"
    pinned_images: dict[str, str] = {}
    db_instance_class: str = "db.t4g.micro"
    db_allocated_storage: int = 20
    db_multi_az: bool | None = None
    # None: 30 days, in production 90.
    log_retention_days: Literal[7, 14, 30, 60, 90, 180, 365] | None = None
    sticky_sessions: bool = False
    tls_policy: str = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
    # The model service is to answer, not to look around: it gets no way to the database.
    model_uses_database: bool = False
    peer_vpc_id: str | None = None
    peer_cidr: str = "10.1.0.0/16"
    backup_copy_region: Region | None = None
    latency_routing: bool = False
    extras: list[Extra] = []


system = System("imageunderstander", region="us-east-1", settings=Settings,
                stages={"dev": "basic", "staging": "standard", "prod": "standard"})


@system.define
def define(stage: Stage) -> None:
    domain, extras, pinned = stage.setting("domain"), stage.setting("extras"), stage.setting("pinned_images")
    live = stage.name != "dev"
    stage.adjust(log_retention_days=stage.setting("log_retention_days") or stage.pick(prod=90, others=30))

    # Without a NAT gateway machines would need every endpoint that they call; with one the S3 endpoint, free, is enough.
    complete = ["ssm", "ssmmessages", "secretsmanager", "logs", "monitoring"]
    network = Network("main", cidr="10.0.0.0/16", zones=2, public=["10.0.1.0/24", "10.0.2.0/24"],
                      private=["10.0.11.0/24", "10.0.12.0/24"], nat=stage.pick(prod=2, others=1),
                      endpoints=complete if "endpoints" in extras else [], flow_logs="flow-logs" in extras or None)
    if "peering" in extras:
        network.peer("other", network=stage.setting("peer_vpc_id"), cidr=stage.setting("peer_cidr"))

    uploads = Bucket("uploads", random_suffix=True, versioning=True,
                     cors=Cors([f"https://{domain}"], methods=["PUT", "POST"]),
                     lifecycle=[LifecycleRule("age", move={"STANDARD_IA": 30}, old_versions=90)])
    releases = Bucket("releases", random_suffix=True)
    app = Secret("app-secrets", generate=["jwt_secret_key", "encryption_key"], keys=["llm_api_key"], recovery="7d",
                 description="Keys of tokens and of encrypted fields, and the key of the model provider")
    standby = stage.setting("db_multi_az")
    database = Database("db", network.private, engine="mysql", version="8.4", instance=stage.setting("db_instance_class"),
                        storage=stage.setting("db_allocated_storage"), backup_days=stage.pick(prod=14, others=7),
                        standby=stage.production if standby is None else standby, monitoring=60,
                        replicas=1 if "replica" in extras else 0,
                        parameters={"character_set_server": "utf8mb4", "slow_query_log": "1", "long_query_time": "1"})

    def log(part: str) -> str:
        return f"/aws/ec2/imageunderstander-{{stage}}/{part}"

    def code(part: str) -> dict:
        return {"releases": releases, "include": ["services"], "requirements": f"services/{part}/requirements.txt",
                "command": ("python", "-m", f"services.{part}"), "log_name": log(part), "pinned_image": pinned.get(part)}

    chroma = Machine(
        "chromadb", network.private, type=stage.setting("chroma_instance_type"), port=8000, packages=["chromadb==1.3.4"],
        command=("chroma", "run", "--host", "0.0.0.0", "--port", "8000", "--path", "/var/lib/chromadb"),
        volumes=[Volume("/var/lib/chromadb", 100)], log_name=log("chromadb"), pinned_image=pinned.get("chromadb"))
    known = [database.connect] if stage.setting("model_uses_database") else []
    model = Machine(
        "llm", network.private, type=stage.setting("llm_instance_type"), port=8001, spot=stage.setting("llm_spot"),
        image="deep-learning-ubuntu-22.04", volumes=[Volume("/var/lib/models", 50)],
        uses=[chroma.reach, uploads.read, app.read, *known], **code("model"))
    uses = [database.connect, chroma.reach, model.reach, uploads.read_write, app.read]
    if "cache" in extras:
        uses.append(Cache("cache", network.private).connect)
    backend = MachineGroup("backend", network.private, types=stage.setting("backend_instance_types"), port=8000, max=3,
                           min=stage.pick(prod=2, others=1), uses=uses, **code("backend"))
    # Machines of a group come and go, so the frontend finds the backend behind a load balancer inside the network.
    inside = LoadBalancer("inside", network.private)
    inside.route("/*", backend, health=HealthCheck("/health", interval=30))
    frontend = MachineGroup("frontend", network.private, types=stage.setting("frontend_instance_types"), port=8080, max=3,
                            min=stage.pick(prod=2, others=1), uses=[inside.reach.env("BACKEND_URL")], **code("frontend"))

    made, hosts = stage.setting("create_hosted_zone"), ["", "www", "api"]
    zone = Zone("zone", domain, id=stage.setting("hosted_zone_id")) if (
        stage.setting("hosted_zone_id") or (live if made is None else made)) else None
    certificate = Certificate("certificate", domain, also=[f"www.{domain}", f"api.{domain}"], zone=zone)
    logs = Bucket("access-logs", served=True) if "access-logs" in extras else None
    front = LoadBalancer("front", network.public, certificate=certificate, tls_policy=stage.setting("tls_policy"),
                         access_logs=logs)
    front.route("/*", frontend, health=HealthCheck("/health", interval=30),
                sticky="24h" if stage.setting("sticky_sessions") else None)

    alerts = Alerts("alerts", email=stage.setting("alert_email"))
    checked = stage.setting("create_route53_health_check")
    check = DnsHealthCheck("outside", domain, path="/health", email=stage.setting("alert_email")) if (
        stage.production if checked is None else checked) else None
    for host in hosts if zone else []:
        zone.point(host, front, check=check, latency=stage.setting("latency_routing"))

    if "web-rules" in extras:
        WebAcl("web-rules", rate=2000).protect(front)
    if "threat-detection" in extras:
        ThreatDetection("threats")
        SecurityHub("security")
    if "audit" in extras or "config" in extras:
        records = Bucket("records", versioning=True)
        if "audit" in extras:
            AuditTrail("trail", records)
        if "config" in extras:
            ConfigRecorder("config", records)
    if "dashboard" in extras:
        Dashboard("overview", shows=[front, frontend, backend, database])
    if "tracing" in extras:
        Traces("traces")
    if "backup" in extras:
        BackupPlan("daily", protects=[database], alerts=alerts, copy_to=stage.setting("backup_copy_region"))
    if "images" in extras:
        for part in ("frontend", "backend", "model"):
            Container(f"{part}-image", dockerfile=f"services/{part}/Dockerfile",
                      command=("python", "-m", f"services.{part}"))

    # -- what a reviewer asked, and what the answer was --
    for bucket in (uploads, releases):
        bucket.suppress("bucket-without-access-log", because="machines' roles alone read it, and they log what they read")
    database.suppress("database-without-iam-authentication", because="RDS makes the password, keeps it in Secrets Manager and "
                      "changes it")
    app.suppress("secret-without-rotation", because="a new key makes stored fields unreadable until they are encrypted anew, "
                 "and only the provider changes its own")
    for balancer in (inside, front):
        balancer.suppress("load-balancer-without-access-log", because="turn on the extra `access-logs` where they are wanted")
    front.suppress("load-balancer-without-firewall", because="turn on the extra `web-rules` where it is wanted")
    for machine in (chroma, model):
        if pinned.get("chromadb" if machine is chroma else "model") is None:
            machine.suppress("machine-never-patched", because="a new image is taken on purpose, with `pinned_images`: a replaced "
                             "machine is away for minutes")
    if zone and not stage.setting("hosted_zone_id"):
        certificate.suppress("certificate-waits-for-new-zone", because="the first deploy makes the zone and waits while its "
                             "name servers, an output, are entered at the registrar")
    stage.suppress("production-without-budget", because="the account has one budget for all of its systems")

    output("route53_name_servers", zone.name_servers if zone else [], "To enter at the registrar")
    output("route53_zone_id", zone.id if zone else "", "Hosted zone")
    output("alb_dns_name", front.resource["dns_name"], "Load balancer")
    output("acm_certificate_domain_validation_options", certificate.validation_records, "Records that prove the names")
    output("app_secrets_name", app.resource["name"], "Secret of the application")
    output("llm_instance_id", model.resource["id"], "Machine of the model service, to stop and start")
    output("chromadb_instance_id", chroma.resource["id"], "Machine of the vector database")
    output("uploads_bucket", uploads.resource["bucket"], "Bucket of images")
    output("releases_bucket", releases.resource["bucket"], "Bucket that releases are put into")
    output("db_endpoint", database.host, "Database")
    output("db_secret_arn", database.secret_arn, "User name and password, which RDS changes by itself")
    output("vpc_id", network.id, "Network")
    output("private_subnet_ids", network.private.ids, "Subnets of machines and database")
    output("public_subnet_ids", network.public.ids, "Subnets of the load balancer")
