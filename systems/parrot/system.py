"""Parrot: a web application with an API and a server-rendered frontend behind one load balancer on one domain.

People sign in with tokens that the backend makes; their data is in PostgreSQL. Both parts are containers on Fargate. The
development stage is kept cheap on purpose: no NAT gateway, one task each, a database without a standby.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from groundsill import DomainName, EmailAddress, Region, Stage, System
from groundsill.components import (
    Alerts,
    Bucket,
    Budget,
    Cache,
    Cdn,
    Certificate,
    Cluster,
    Container,
    Dashboard,
    Database,
    HealthCheck,
    LoadBalancer,
    LogMetric,
    Migration,
    Network,
    Scale,
    Secret,
    Service,
    Task,
    Zone,
    output,
)


class Settings(BaseModel):
    """What differs from one deployment to another. `root_domain` is yours alone, so it has no default."""

    region: Region = "us-east-1"
    root_domain: DomainName
    hosted_zone_id: str | None = None
    alert_email: EmailAddress | None = None
    monthly_budget: float = 120
    # None is what the stage usually has: one task, two in production.
    backend_desired_count: int | None = None
    frontend_desired_count: int | None = None
    cors_origins: list[str] = []
    auth_only_mode: bool = False
    task_size: Literal["small", "medium", "large"] = "small"
    database_class: str = "db.t4g.micro"
    database_replicas: int = 0
    rotate_password_days: int | None = None
    wildcard_certificate: bool = False
    one_cluster: bool = False
    flow_logs: bool = False
    redis: bool = False
    autoscaling: bool = False
    cdn: bool = False


# CPU units and MB of a task.
SIZES = {"small": (256, 512), "medium": (512, 1024), "large": (1024, 2048)}


system = System("parrot", region="us-east-1", settings=Settings,
                stages={"dev": "basic", "stage": "standard", "prod": "standard"})


@system.define
def define(stage: Stage) -> None:
    domain, www = stage.setting("root_domain"), f"www.{stage.setting('root_domain')}"
    zone = Zone("zone", domain, id=stage.setting("hosted_zone_id"))
    certificate = Certificate("certificate", domain, zone=zone,
                              also=[www, f"*.{domain}"] if stage.setting("wildcard_certificate") else [www])

    # 251 addresses do for development; a third zone and many tasks need the room of a /16.
    small = {"cidr": "10.10.0.0/24", "public": ["10.10.0.0/26", "10.10.0.64/26"],
             "private": ["10.10.0.128/26", "10.10.0.192/26"], "nat": 0, "endpoints": []}
    network = Network("main", **stage.pick(dev=small, others={"cidr": "10.10.0.0/16"}),
                      flow_logs=True if stage.setting("flow_logs") else None)
    # Without a NAT gateway tasks need public addresses to reach AWS; no group lets anybody in but the load balancer.
    tasks = stage.pick(dev=network.public, others=network.private)

    rotation = stage.setting("rotate_password_days")
    database = Database("db", network.private, engine="postgres", version="17", instance=stage.setting("database_class"),
                        storage=20, database="parrot", user="parrot_admin", backup_days=stage.pick(prod=14, others=7),
                        replicas=stage.setting("database_replicas"), rotate_every=f"{rotation}d" if rotation else None)
    app = Secret("app-env", generate=["jwt_secret", "jwt_refresh_secret"], description="Keys that sign tokens")
    connect = database.connect.env("DATABASE_HOST", "DATABASE_PORT", "DATABASE_NAME", "DATABASE_SECRET_ARN")
    uses = [connect, app.read.env("APP_SECRET_ARN")]
    if stage.setting("redis"):
        cache = Cache("redis", network.private, engine="redis", node="cache.t4g.micro")
        uses.append(cache.connect.env("REDIS_HOST", "REDIS_PORT", "REDIS_URL"))
        output("redis_endpoint", cache.host, "Cache")

    cluster = Cluster("backend-cluster", name="parrot-{stage}-backend")
    other = cluster if stage.setting("one_cluster") else Cluster("frontend-cluster", name="parrot-{stage}-frontend")
    cpu, memory = SIZES[stage.setting("task_size")]
    usual = stage.pick(prod=2, others=1)

    def service(part: str, port: int, where: Cluster, *, target: str, uses: list, environment: dict) -> Service:
        # A deployed image is never thrown away by a busy day of builds: it carries a tag that begins with `release-`.
        image = Container(f"{part}-image", name=f"parrot-{part}", dockerfile=f"services/{part}/Dockerfile", target=target,
                          keep=10, keep_releases=50, command=("python", "-m", f"services.{part}"))
        count = stage.setting(f"{part}_desired_count") or usual
        return Service(
            part, image, tasks, cluster=where, name=f"parrot-{{stage}}-{part}", log_name=f"/aws/ecs/parrot-{{stage}}-{part}",
            cpu=cpu, memory=memory, port=port, count=count, shell=not stage.production, uses=uses, environment=environment,
            scale=Scale(min=count, max=4 * count, cpu=60, memory=75, requests=1000) if stage.setting("autoscaling") else None)

    backend = service("backend", 3001, cluster, target="production", uses=uses, environment={
        "NODE_ENV": "production", "API_PREFIX": "api",
        "CORS_ORIGINS": ",".join(stage.setting("cors_origins") or [f"https://{domain}", f"https://{www}"]),
        "JWT_EXPIRATION": "15m", "JWT_REFRESH_EXPIRATION": "7d", "DATABASE_SSLMODE": "verify-full", "DATABASE_POOL_SIZE": "5",
        # Demo data belongs to development, and tables are made by a migration before a rollout, never by a start.
        "SEED_DB": stage.pick(dev="true", others="false"), "PRISMA_DB_PUSH_ON_START": "false"})
    # The backend's own image with another command: tables and the code that needs them are of one version.
    migrate = Task("migrate", backend.container, tasks, cluster=cluster, command=("python", "-m", "services.backend.migrate"),
                   log_name="/aws/ecs/parrot-{stage}-migrate", uses=[connect], environment={"DATABASE_SSLMODE": "verify-full"})
    Migration("schema", migrate, before=[backend])
    # No secret: whatever the frontend knows reaches every visitor.
    frontend = service("frontend", 3000, other, target="runner", uses=[], environment={
        "NODE_ENV": "production", "NEXT_PUBLIC_API_BASE_URL": f"https://{domain}/api",
        "NEXT_PUBLIC_AUTH_ONLY_MODE": "true" if stage.setting("auth_only_mode") else "false"})

    front = LoadBalancer("front", network.public, certificate=certificate)
    front.redirect(www, domain, priority=50)
    front.route("/api/*", backend, host=domain, priority=100, health=HealthCheck("/api/health", interval=30, unhealthy=2))
    front.route("/*", frontend, host=domain, priority=200, health=HealthCheck("/healthz", interval=30, unhealthy=2))
    if stage.setting("cdn"):
        assets = Bucket("assets", served=True)
        edge = Certificate("edge-certificate", domain, also=[www], zone=zone, region="us-east-1")
        shown = Cdn("edge", bucket=assets, domains=[domain, www], certificate=edge)
        for path in ("/api/*", "/*"):
            shown.route(path, front)
    zone.point("", shown if stage.setting("cdn") else front)
    zone.point("www", shown if stage.setting("cdn") else front)

    alerts = Alerts("alerts", email=stage.setting("alert_email"))
    refused = LogMetric("refused-sign-ins", backend, '{ $.event = "authentication-failed" }')
    errors = {part.name: LogMetric(f"{part.name}-errors", part, '{ $.level = "ERROR" }') for part in (backend, frontend)}
    alerts.watch("refused-sign-ins", refused.metric(), above=50, description="Many sign-ins fail: somebody may be guessing.")
    for part, lines in errors.items():
        alerts.watch(f"{part}-errors", lines.metric(), above=5, description=f"{part} writes errors: search its log for ERROR.")
    Dashboard("overview", shows=[front, backend, frontend, database],
              graphs={"Refused sign-ins": [refused.metric()], "Errors": [lines.metric() for lines in errors.values()]})
    Budget("monthly", limit=stage.setting("monthly_budget"), alerts=alerts,
           emails=[email] if (email := stage.setting("alert_email")) else [])

    # -- what a reviewer asked, and what the answer was --
    if not stage.setting("hosted_zone_id"):
        certificate.suppress("certificate-waits-for-new-zone", because="the first deploy makes the zone and waits while its "
                             "name servers, an output, are entered at the registrar")
    database.suppress("database-without-iam-authentication", because="RDS makes the password and keeps it in Secrets "
                      "Manager, where the backend reads it at its start")
    database.suppress("database-without-enhanced-monitoring", because="one small database: what CloudWatch sees from outside is "
                      "enough, and the finer metrics are paid as log lines")
    app.suppress("secret-without-rotation", because="the keys sign tokens: a new one signs everybody out, so people choose when")
    front.suppress("load-balancer-without-access-log", because="both services write a line for every request to their own logs")
    front.suppress("load-balancer-without-firewall", because="sign-ins that fail are counted and an alarm tells; rules come "
                   "when there are attacks to keep out")
    stage.suppress("cost-tag-not-activated", because="AWS takes the tag only once it has seen it, a day after the first "
                   "deploy: it is activated then, once for the account")
    frontend.suppress("variable-of-the-build-at-run-time", because="the frontend is no build of Next.js: it reads them at its "
                      "start and hands them to pages")
    for part in (backend, frontend, migrate):
        part.suppress("container-writable-root", because="programs put scratch files below /tmp, and a task is replaced at "
                      "each release; its image runs as a user without privileges")

    output("vpc_id", network.id, "Network")
    output("public_subnet_ids", network.public.ids, "Subnets of the load balancer")
    output("private_subnet_ids", network.private.ids, "Subnets of the database")
    output("db_endpoint", database.host, "Database")
    output("db_port", database.port, "Port of the database")
    output("db_credentials_secret_arn", database.secret_arn, "User name and password, which RDS changes by itself")
    output("ecr_repositories", {part: f"{image['repository_url']}" for part, image in {
        "backend": backend.container.resource, "frontend": frontend.container.resource}.items()}, "Where images are pushed")
    output("alb_dns_name", front.resource["dns_name"], "Load balancer")
    output("route53_nameservers", zone.name_servers, "To enter at the registrar")
    for part, where in {backend: cluster, frontend: other}.items():
        output(f"ecs_{part.name}_cluster_id", where.resource["id"], f"Cluster of the {part.name}")
        output(f"ecs_{part.name}_service_name", part.resource["name"], f"Service of the {part.name}")
        output(f"{part.name}_target_group_arn", part.target_groups[0]["arn"], f"Health of the {part.name}")
