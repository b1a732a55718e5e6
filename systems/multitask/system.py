"""Multitask: a social application of six services behind one API.

People sign in, keep a profile with an avatar, talk in rooms in real time, post and comment, look through a catalog and ask
an assistant. Each service is a function below `/v1/<service>`; rooms are also open over a WebSocket. Services tell each
other what has happened on an event bus.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from groundsill import DomainName, EmailAddress, Region, Stage, System
from groundsill.components import (
    Alerts,
    Bucket,
    Budget,
    Cache,
    Capacity,
    Cdn,
    Certificate,
    Cluster,
    Container,
    Cors,
    Dashboard,
    EventBus,
    EventRule,
    EventSource,
    Function,
    Index,
    LifecycleRule,
    Metric,
    Migration,
    Network,
    Parameter,
    Password,
    Queue,
    RestApi,
    Rollout,
    Schedule,
    Secret,
    ServerlessDatabase,
    Table,
    Task,
    Topic,
    Traces,
    UserPool,
    WebAcl,
    WebSocketApi,
    Zone,
    metric,
    output,
)


class Settings(BaseModel):
    """What differs from one deployment to another. Names of people and places are personal, so they have no default."""

    region: Region = "us-east-1"
    domain: DomainName
    alert_email: EmailAddress
    billing_email: EmailAddress
    repo_url: str
    hosted_zone_id: str | None = None
    # One way in: the API's own host name, or the site's `/v1/*`.
    front: Literal["domain", "cdn"] = "domain"
    table_capacity: Literal["on-demand", "provisioned"] = "on-demand"
    # A function has 15 minutes at most; a change of full tables that takes longer runs in a container.
    migrate_in: Literal["function", "container"] = "function"


system = System(
    "multitask-platform", region="us-east-1", settings=Settings, names="{component}-{stage}",
    stages={"dev": "basic", "staging": "standard", "prod": "standard"},
    # A budget can follow one tag alone, so one of them tells system and stage together.
    tags={"Project": "multitask-platform", "Environment": "{stage}", "ManagedBy": "terraform",
          "Deployment": "multitask-platform-{stage}"},
)


@system.define
def define(stage: Stage) -> None:
    stage.adjust(log_retention_days=stage.pick(dev=7, staging=30, prod=365), tracing=True)
    detailed = stage.pick(dev=False, others=True)
    domain = stage.setting("domain")
    infix = stage.pick(dev="-dev", staging="-staging", prod="")
    api_host, socket_host, cdn_host = (f"{name}{infix}.{domain}" for name in ("api", "ws", "cdn"))
    site_hosts = stage.pick(dev=[f"dev.{domain}"], staging=[f"staging.{domain}"], prod=[domain, f"www.{domain}"])
    origins = stage.pick(dev=["*"], others=[f"https://{host}" for host in site_hosts])

    # Names and certificates. A wildcard does not cover the domain itself, and a CDN looks in us-east-1 alone.
    zone = Zone("multitask-zone", domain, id=stage.setting("hosted_zone_id"))
    certificate = Certificate("multitask-certificate", domain, also=[f"*.{domain}"], zone=zone)
    cdn_certificate = certificate if certificate.region == "us-east-1" else Certificate(
        "multitask-cdn-certificate", domain, also=[f"*.{domain}"], zone=zone, region="us-east-1")

    network = Network("multitask-network", cidr="10.0.0.0/16", zones=2, isolated=True,
                      nat=stage.pick(dev=1, staging=1, prod=2))
    least, most = stage.pick(dev=(0.5, 1), staging=(1, 4), prod=(2, 16))
    catalog_data = ServerlessDatabase(
        "catalog-database", network.isolated, database=f"multitask_{stage.name}", user="multitask", least=least, most=most,
        instances=stage.pick(dev=1, staging=1, prod=2))
    presence = Cache("chat-redis", network.isolated, engine="redis", nodes=stage.pick(dev=1, staging=1, prod=2))

    provisioned = Capacity(read=(5, 100), write=(5, 100), target=70)
    capacity = provisioned if stage.production and stage.setting("table_capacity") == "provisioned" else None
    sessions = Table("auth-sessions", key="session_id", indexes=[Index("user-id-index", ("user_id",))], stream=True,
                     time_to_live="expires_at", point_in_time_recovery=True, capacity=capacity)
    profiles = Table("profile-profiles", key="user_id", stream=True, point_in_time_recovery=True, capacity=capacity)
    messages = Table("chat-messages", key="message_id", stream=True, capacity=capacity,
                     indexes=[Index("room-messages-index", ("room_id", "timestamp"))])
    rooms = Table("chat-rooms", key="room_id", indexes=[Index("room-type-index", ("type", "created_at"))], capacity=capacity)
    connections = Table("chat-connections", key="connection_id", indexes=[Index("room-connections-index", ("room_id",))],
                        time_to_live="expires_at", capacity=capacity)
    # `feed` is the month, `feed#yyyymm`: within one the newest come first.
    posts = Table("post-posts", key="post_id", capacity=capacity, indexes=[
        Index("timeline-index", ("feed", "created_at")), Index("author-posts-index", ("author_id", "created_at"))])
    comments = Table("post-comments", key="comment_id", capacity=capacity,
                     indexes=[Index("post-comments-index", ("post_id", "created_at"))])
    ai_usage = Table("ai-usage", key=("user_id", "day"), time_to_live="expires_at", capacity=capacity)
    migrations = Table("migration-state", key="migration_id")
    tables = [sessions, profiles, messages, rooms, connections, posts, comments, ai_usage, migrations]

    # Avatars stay readable at once; only backups are archived and, after seven years, deleted.
    uploads = Cors(origins, methods=["PUT"], headers=["content-type"])
    site_files = Bucket("platform-site-bucket", served=True)
    avatars = Bucket("profile-avatars-bucket", served=True, cors=uploads,
                     lifecycle=[LifecycleRule("rarely-seen", move={"STANDARD_IA": 30})])
    attachments = Bucket("chat-attachments-bucket", cors=uploads)
    backups = Bucket("platform-backups-bucket", versioning=True, lifecycle=[
        LifecycleRule("archive", move={"STANDARD_IA": 30, "GLACIER": 90}, expire=2555, old_versions=30)])
    guard = WebAcl("multitask-cdn-waf", scope="cdn", rate=1000, managed=["AWSManagedRulesCommonRuleSet"])
    avatar_cdn = Cdn("profile-avatars-cdn", bucket=avatars, domains=[cdn_host], certificate=cdn_certificate)
    site = Cdn("platform-site-cdn", bucket=site_files, domains=site_hosts, certificate=cdn_certificate, single_page=True,
               firewall=guard)
    zone.point(cdn_host, avatar_cdn)
    for host in site_hosts:
        zone.point(host, site)

    users = UserPool("multitask-users", password=Password(length=8, upper=True, lower=True, digit=True, symbol=True),
                     subject="Verify your email for Multitask Platform", message="Your verification code is {####}")
    app = users.client("app", sign_in=["srp", "password"])

    # Values are given by people, or made at the first deployment; parameters only tell where they are.
    path = f"/multitask/{stage.name}"
    provider_keys = Secret("provider-keys", name="multitask/{stage}/provider-keys",
                           keys=["gemini-api-key", "openai-api-key"])
    link_key = Secret("link-key", name="multitask/{stage}/link-key", generate=["jwt-secret"])
    held = {"jwt-secret": link_key.arn, "rds-username": catalog_data.secret_arn, "rds-password": catalog_data.secret_arn,
            "gemini-api-key": provider_keys.arn, "openai-api-key": provider_keys.arn}
    places = {name: Parameter(name, name=f"{path}/{name}", value={"secret": arn, "key": name.removeprefix("rds-")})
              for name, arn in held.items()}

    bus = EventBus("multitask-events", archive=stage.pick(dev=7, others=30))
    alerts = Alerts("multitask-alerts", email=stage.setting("alert_email"))

    everywhere = {
        "STAGE": stage.name, "REGION": stage.setting("region"), "LOG_LEVEL": stage.pick(dev="debug", others="info"),
        "CORS_ORIGINS": ",".join(origins), "RATE_LIMIT_ENABLED": stage.pick(dev="false", others="true"),
    }
    # Reserved and kept warm in production: what a service does not say for itself is 100 and 10.
    reserved = stage.pick(prod={"auth": 20}, others=None)
    warm = stage.pick(prod={"chat": 5}, others=None)

    def service(name: str, *, uses: list[Any], memory: int = 512, timeout: int = 15, **more: Any) -> Function:
        rollout = Rollout(shift=stage.pick(dev="at once", others="10% for 5 minutes"),
                          provisioned=0 if warm is None else warm.get(name, 10))
        return Function(
            f"{name}-lambda", f"functions.{name}:handle", memory=memory, timeout=timeout, rollout=rollout,
            reserved_concurrency=None if reserved is None else reserved.get(name, 100),
            environment={**everywhere, "OTEL_SERVICE_NAME": f"{name}-service", **more.pop("environment", {})},
            uses=[bus.publish.env("EVENT_BUS"), *uses], **more)

    # 28 s for what waits on others: the gateways give up after 29.
    sockets = WebSocketApi("multitask-sockets", detailed_metrics=detailed, authorizer=Function(
        "chat-authorizer-lambda", "functions.sockets:authorize", memory=512, timeout=10, environment=everywhere,
        uses=[users.verify]))
    database = catalog_data.connect.env("RDS_ENDPOINT", "RDS_PORT", "RDS_DATABASE", "RDS_SECRET_ARN")
    redis = presence.connect.env("ELASTICACHE_CLUSTER", "ELASTICACHE_PORT", "ELASTICACHE_URL")
    credentials = [places["rds-username"].read.env("RDS_USERNAME_PARAMETER"),
                   places["rds-password"].read.env("RDS_PASSWORD_PARAMETER")]
    auth = service("auth", timeout=10, environment={"COGNITO_CLIENT_ID": app["id"]}, uses=[
        sessions.read_write.env("DYNAMODB_TABLE_SESSIONS"), users.manage.env("COGNITO_USER_POOL_ID")])
    profile = service("profile", uses=[
        profiles.read_write.env("DYNAMODB_TABLE_PROFILES"), avatars.read_write.env("S3_BUCKET_AVATARS"),
        avatar_cdn.address.env("CLOUDFRONT_DOMAIN")])
    chat = service("chat", memory=1024, timeout=28, network=network.private, uses=[
        messages.read_write.env("DYNAMODB_TABLE_MESSAGES"), rooms.read_write.env("DYNAMODB_TABLE_ROOMS"),
        connections.read_write.env("DYNAMODB_TABLE_CONNECTIONS"), attachments.read_write.env("S3_BUCKET_ATTACHMENTS"),
        redis, sockets.push.env("WEBSOCKET_API_ENDPOINT"), link_key.read.env("LINK_KEY_SECRET_ARN"),
        places["jwt-secret"].read.env("JWT_SECRET_PARAMETER")])
    post = service("posts", uses=[
        posts.read_write.env("DYNAMODB_TABLE_POSTS"), comments.read_write.env("DYNAMODB_TABLE_COMMENTS")])
    catalog = service("catalog", network=network.private, uses=[database, *credentials])
    ai = service("ai", timeout=28, uses=[
        ai_usage.read_write.env("DYNAMODB_TABLE_USAGE"), provider_keys.read.env("PROVIDER_KEYS_SECRET_ARN"),
        places["gemini-api-key"].read.env("GEMINI_API_KEY_PARAMETER"),
        places["openai-api-key"].read.env("OPENAI_API_KEY_PARAMETER")])
    health = Function(
        "health-lambda", "functions.health:handle", memory=512, timeout=15, network=network.private,
        environment={**everywhere, "DYNAMODB_TABLES": ",".join(str(table.resource["name"]) for table in tables)},
        uses=[*(table.read for table in tables), database, redis])
    services = {"auth": auth, "profile": profile, "chat": chat, "posts": post, "catalog": catalog, "ai": ai}

    # REST: everybody may sign in and ask for health; the rest wants a token.
    behind_cdn = stage.setting("front") == "cdn"
    api = RestApi("multitask-api", authorizer=users, detailed_metrics=detailed, closed=not behind_cdn, cors=Cors(
        origins, methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"], headers=["authorization", "content-type"]))
    for name, function in services.items():
        for end in ("", "/{proxy+}"):
            api.route(f"ANY /v1/{name}{end}", function, authorize=name != "auth", key=behind_cdn)
    api.route("GET /health", health, authorize=False, key=behind_cdn)
    firewall = WebAcl("multitask-waf", rate=None if behind_cdn else 1000, managed=["AWSManagedRulesCommonRuleSet"])
    firewall.protect(api)
    if behind_cdn:
        # Only the CDN knows the key, so nobody gets past it and its firewall.
        api.usage_plan("cdn", keys=["origin"], burst=500, rate=200)
        for pattern in ("/v1/*", "/health"):
            site.route(pattern, api, headers={"x-api-key": api.keys["origin"]["value"]})
    else:
        api.domain(api_host, certificate, zone=zone)
    for route in ("$connect", "$disconnect", "$default", "join_room", "send_message"):
        sockets.route(route, chat)
    sockets.domain(socket_host, certificate, zone=zone)

    # Events: all of them are recorded, some make a notification. What cannot be handled waits in a dead-letter queue.
    undelivered = Queue("multitask-undelivered")
    recorded, notified = (Queue(f"multitask-{name}-queue", visibility="3m", dead_letter=Queue(f"multitask-{name}-dead"))
                          for name in ("events", "notifications"))
    notifications = Topic("multitask-notifications").subscribe(notified)
    EventRule("multitask-record", bus=bus, targets=[recorded], dead_letter=undelivered,
              pattern={"source": [{"prefix": "multitask."}]})
    EventRule("multitask-notify", bus=bus, targets=[notifications], dead_letter=undelivered, pattern={
        "detail-type": ["user.registered", "message.sent", "post.created", "catalog.changed"]})
    consumer = Function(
        "events-lambda", "functions.events:consume", memory=512, timeout=30, environment=everywhere,
        sources=[EventSource(recorded), EventSource(notified)])
    changes = Function(
        "changes-lambda", "functions.events:publish_changes", memory=512, timeout=30, environment=everywhere,
        failures=undelivered, uses=[bus.publish.env("EVENT_BUS")],
        sources=[EventSource(table) for table in (sessions, profiles, messages)])

    # A deploy migrates before the catalog gets its new version. The schedules are off: people turn them on when they need them.
    migrating = {"environment": everywhere, "uses": [
        database, *credentials, migrations.read_write.env("MIGRATION_STATE_TABLE"), migrations.scan]}
    migrate = Function(
        "migration-lambda", "functions.migration:handle", memory=512, timeout=300, network=network.private, retries=0,
        include=["functions/__init__.py", "functions/migration.py", "functions/migrations"],
        requirements="functions/migration-requirements.txt", **migrating)
    run: Function | Task = migrate
    if stage.setting("migrate_in") == "container":
        image = Container("migration-image", dockerfile="functions/migration.Dockerfile",
                          command=("python", "-m", "functions.migration"))
        run = Task("migration-task", image, network.private, cluster=Cluster("migration-cluster"), timeout="12h", **migrating)
    Migration("catalog-schema", run, before=[catalog])
    Schedule("migration-schedule", "rate(1 day)", migrate, enabled=False)
    prune = Function(
        "prune-lambda", "functions.prune:handle", timeout=60, uses=[function.prune for function in services.values()],
        environment={"FUNCTIONS": ",".join(str(function.resource["function_name"]) for function in services.values())})
    Schedule("prune-schedule", "rate(7 days)", prune, enabled=False)

    # What operators see.
    for name, function in services.items():
        alerts.watch(f"{name}-high-error-rate", [metric(function, "Errors"), metric(function, "Invocations")],
                     formula="IF(m1 > 10, 100 * m1 / m2, 0)", above=5, period=300, periods=2,
                     description=f"More than 10 calls and 5 % of those to {name} failed, twice in a row: see its log.")
    Dashboard(
        "multitask-platform", shows=[*services.values(), api, sockets, *tables, recorded, notified, catalog_data, presence],
        graphs={"Duration p50 by service": [metric(function, "Duration", "p50") for function in services.values()]})
    Dashboard("multitask-costs", graphs={"Estimated Monthly Charges": [
        Metric("AWS/Billing", "EstimatedCharges", {"Currency": "USD"}, "Maximum", region="us-east-1", period=86_400)]})
    Traces("multitask-traces", rate=stage.pick(dev=1.0, staging=0.5, prod=0.05))
    # Production's database, warm functions and NAT gateways alone are above 100 USD.
    budget = Budget("multitask-budget", name="multitask-platform-{stage}", thresholds=[80], forecast=False,
                    limit=stage.pick(dev=100, staging=250, prod=1000), emails=[stage.setting("billing_email")])
    budget.resource.override(cost_filter=[
        {"name": "TagKeyValue", "values": [f"user:Deployment$multitask-platform-{stage.name}"]}])

    # -- what a reviewer asked, and what the answer was --
    api.suppress("api-route-without-authorizer", only="aws_api_gateway_method.multitask_api_any_v1_auth*",
                 because="whoever signs up or in has no token yet; the function itself checks passwords and codes")
    migrate.suppress("migration-may-be-cut-off", because="each step is a transaction that is noted in the database itself: the "
                     "next run goes on after it")
    budget.suppress("cost-tag-not-activated", because="AWS takes the tag only once it has seen it, a day after the first deploy: "
                    "it is activated then, once for the account")
    users.suppress("client-sends-passwords", because="the auth function takes e-mail and password and passes "
                   "them on to Cognito over TLS; the app's own clients use SRP")
    users.suppress("user-pool-without-second-factor", because="the apps have no page for a second factor yet")
    if not stage.setting("hosted_zone_id"):
        for shown in {certificate.name: certificate, cdn_certificate.name: cdn_certificate}.values():
            shown.suppress("certificate-waits-for-new-zone", because="the first deploy makes the zone and waits while its name "
                           "servers, an output, are entered at the registrar")
    users.suppress("mail-of-the-sandbox", because="50 sign-ups a day do at first; a sender of one's own takes a request to AWS")
    users.suppress("user-pool-without-threat-protection", because="it takes the plan PLUS, which costs for every user")
    presence.suppress("cache-without-authentication", because="the chat and health functions' groups alone are let in, over "
                      "TLS, and a token would have to pass through Terraform's state")
    sockets.suppress("api-has-a-second-way-in", because="chat pushes messages through the stage's own address")
    catalog_data.suppress("database-without-iam-authentication", because="RDS makes the password and keeps it in Secrets Manager")
    catalog_data.suppress("database-without-enhanced-monitoring", because="Aurora Serverless scales by itself; the finer "
                          "metrics are paid as log lines")
    avatar_cdn.suppress("cdn-without-firewall", because="it serves pictures from a bucket and passes nothing on")
    for shown in (avatar_cdn, site):
        shown.suppress("cdn-without-access-log", because="what it serves is public, and its metrics tell how much")
    for bucket in (site_files, avatars, attachments, backups):
        bucket.suppress("bucket-without-access-log", because="the CDN or one function's role alone reads it")
    for rules in (guard, firewall):
        rules.suppress("firewall-without-known-bad-inputs", because="nothing behind it runs Java or a framework that these "
                       "inputs are made for")
    provider_keys.suppress("secret-without-rotation", because="only the model providers can change their keys")
    link_key.suppress("secret-without-rotation", because="a new key ends every signed link at once, so people choose when")

    output("api_url", site.url if behind_cdn else f"https://{api_host}", "Where requests are sent")
    output("websocket_url", f"wss://{socket_host}", "Where chat clients connect")
    output("site_url", site.url, "Where people find the application")
    output("cdn_domain", avatar_cdn.domain, "Where avatars are served")
    output("user_pool_id", users.resource["id"], "User pool that people sign in to")
    output("user_pool_client_id", app["id"], "The application's client of the user pool")
    output("table_names", {table.name: table.resource["name"] for table in tables}, "Tables by component")
    buckets = (site_files, avatars, attachments, backups)
    output("bucket_names", {bucket.name: bucket.resource["bucket"] for bucket in buckets}, "Buckets by component")
    output("name_servers", zone.name_servers, "Name servers to enter at the registrar")
    output("repository_url", stage.setting("repo_url"), "Where the code is kept")
    output("event_functions", [part.resource["function_name"] for part in (consumer, changes)], "Functions that take events")
