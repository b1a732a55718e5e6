"""OpenMetabolics: recorded movement goes in, the energy that a person spent comes out.

A phone app stores sensor batches through an HTTP API; an energy service takes a request to process a session, a worker
estimates the energy, and the app reads the curve back. Everything here belongs to the signed-in user.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from groundsill import DomainName, EmailAddress, Region, Stage, System
from groundsill.components import (
    Alerts,
    BackupPlan,
    Cluster,
    Container,
    Cors,
    Deployer,
    EmailSender,
    Function,
    HealthCheck,
    HttpApi,
    Index,
    LoadBalancer,
    Network,
    Password,
    Queue,
    Service,
    Table,
    UserPool,
    output,
)


class Settings(BaseModel):
    """What differs from one deployment to another. `sender_email` is personal, so it has no default."""

    region: Region = "us-east-1"
    dynamodb_table_name: str = "RawSensorDataTable"
    sender_email: EmailAddress
    alert_email: EmailAddress | None = None
    cors_origins: list[str] = ["*"]
    domain: DomainName | None = None
    hosted_zone_id: str | None = None
    deployer_repository: str | None = None
    # The original sizes look swapped: the API only takes requests in, the worker computes. "suggested" swaps them.
    task_sizes: Literal["original", "suggested"] = "original"


# CPU units and MB of a task.
LARGE, SMALL = (1024, 2048), (256, 512)


system = System("open-metabolics", region="us-east-1", settings=Settings, names="{component}",
                stages={"dev": "basic", "prod": "standard"})


@system.define
def define(stage: Stage) -> None:
    by_user = Index("UserEmailIndex", ("UserEmail", "Timestamp"))
    # Samples are many and are read by session; the index only answers whose they are.
    raw = Table("raw-sensor-data", name=stage.setting("dynamodb_table_name"), key=("SessionId", "Timestamp"),
                indexes=[Index("UserEmailIndex", ("UserEmail", "Timestamp"), projection="KEYS_ONLY")])
    results = Table("energy-results", name="open-metabolics-energy-results", key=("SessionId", "Timestamp"),
                    indexes=[by_user])
    profiles = Table("user-profiles", name="open-metabolics-user-profiles", key="UserEmail")
    surveys = Table("survey-responses", name="user_survey_responses", key=("SessionId", "Timestamp"), indexes=[by_user])
    status = Table("processing-status", name="energy-expenditure-processing-status", key="SessionId")

    # A worker extends its lease while it works, so a lost one is noticed in 15 minutes and a long job is not repeated.
    dead = Queue("energy-jobs-dead", name="energy-expenditure-processing-dlq", retention="14d")
    jobs = Queue("energy-jobs", name="energy-expenditure-processing-queue", visibility="15m", retention="14d",
                 dead_letter=dead, max_receives=3)

    sender = EmailSender("sender", stage.setting("sender_email"))
    users = UserPool("users", name="openmetabolics-users", email=sender, attributes=("given_name", "family_name"),
                     password=Password(length=8, upper=True, lower=True, digit=True, symbol=True))
    app = users.client("app", name="openmetabolics-app", sign_in=["srp"])

    api = HttpApi("api", name="open-metabolics-api", authorizer=users, cors=Cors(stage.setting("cors_origins")))
    if "*" in stage.setting("cors_origins"):
        api.suppress("api-open-to-any-page", because="the mobile app is no web page, and sends its token in a header that no "
                     "other page has; name the origins as soon as there is a web client")

    def function(route: str, handler: str, *, memory: int = 256, timeout: int = 29, uses: list) -> Function:
        made = Function(route, handler, memory=memory, timeout=timeout, include=["functions", "shared"], uses=uses)
        api.route(f"POST /{route}", made)
        return made

    save = function("save-raw-sensor-data", "functions.sensor:save", memory=512,
                    uses=[raw.write.env("DYNAMODB_TABLE")])
    function("process-energy-expenditure", "functions.process:start", memory=1024, timeout=15,
             uses=[raw.read.env("RAW_SENSOR_TABLE"), results.read.env("RESULTS_TABLE"), jobs.send.env("QUEUE_URL"),
                   profiles.read.env("USER_PROFILES_TABLE"), status.read_write.env("STATUS_TABLE")])
    function("manage-user-profile", "functions.profiles:manage", uses=[profiles.read_write.env("USER_PROFILES_TABLE")])
    function("get-user-profile", "functions.profiles:get", uses=[profiles.read.env("USER_PROFILES_TABLE")])
    for route, handler in {
        "get-past-sessions": "functions.sessions:past",
        "get-past-sessions-summary": "functions.sessions:summary",
        "get-session-details": "functions.sessions:details",
    }.items():
        function(route, handler, uses=[results.read.env("RESULTS_TABLE")])
    function("get-all-session-summaries", "functions.sessions:all_summaries", memory=512,
             uses=[results.read.env("RESULTS_TABLE"), surveys.read.env("SURVEY_TABLE")])
    function("save-survey-response", "functions.surveys:save", uses=[surveys.write.env("SURVEY_TABLE")])
    function("get-survey-response", "functions.surveys:get", uses=[surveys.read.env("SURVEY_TABLE")])
    function("check-survey-responses", "functions.surveys:check", uses=[surveys.read.env("SURVEY_TABLE")])

    network = Network("main", cidr="10.0.0.0/16", zones=2, public=["10.0.1.0/24", "10.0.4.0/24"],
                      private=["10.0.2.0/24", "10.0.3.0/24"], nat=stage.pick(dev=1, prod=2))
    cluster = Cluster("cluster", name="open-metabolics-cluster")
    image = Container("energy", name="open-metabolics-energy-expenditure-service", keep=30,
                      dockerfile="services/energy/Dockerfile", command=("python", "-m", "services.energy"))

    api_size, worker_size = (SMALL, LARGE) if stage.setting("task_sizes") == "suggested" else (LARGE, SMALL)
    energy_api = Service(
        "energy-api", image, network.private, cluster=cluster, cpu=api_size[0], memory=api_size[1], port=8080,
        name="open-metabolics-energy-expenditure-service", log_name="/ecs/open-metabolics-energy-expenditure",
        environment={"SERVICE_TYPE": "api"},
        uses=[jobs.send.env("QUEUE_URL"), status.read_write.env("STATUS_TABLE"), raw.read.env("RAW_SENSOR_TABLE"),
              profiles.read.env("USER_PROFILES_TABLE"), results.read.env("RESULTS_TABLE"), users.verify])
    Service(
        "energy-worker", image, network.private, cluster=cluster, cpu=worker_size[0], memory=worker_size[1],
        name="energy-expenditure-worker", log_name="/ecs/energy-expenditure-worker",
        environment={"SERVICE_TYPE": "worker"},
        uses=[jobs.consume.env("QUEUE_URL"), raw.read.env("RAW_SENSOR_TABLE"), profiles.read.env("USER_PROFILES_TABLE"),
              results.read_write.env("RESULTS_TABLE"), status.read_write.env("STATUS_TABLE")])

    domain = stage.setting("domain")
    front = LoadBalancer("front", network.public if domain else network.private, name="open-metabolics-ee-lb",
                         domain=domain, zone=stage.setting("hosted_zone_id"))
    slow = HealthCheck("/health", interval=60, timeout=30, healthy=2, unhealthy=10)
    front.route("/*", energy_api, name="open-metabolics-ee-tg", health=stage.pick(dev=slow, others=HealthCheck("/health")))
    # Without a domain there is no certificate, so the API brings the encryption and the way in.
    api.route("ANY /energy/{proxy+}", front)

    Alerts("alerts", name="open-metabolics-alerts", email=stage.setting("alert_email"))
    if stage.production:
        BackupPlan("daily", protects=[raw, results, profiles, surveys, status], keep=35)
    Deployer("deployer", repository=stage.setting("deployer_repository"),
             policy_name="OpenMetabolicsTerraformDeployment")

    # -- what a reviewer asked, and what the answer was --
    users.suppress("user-pool-without-second-factor", because="the app has no page for a second factor yet")
    users.suppress("user-pool-without-threat-protection", because="it takes the plan PLUS, which costs for every user")
    front.suppress("load-balancer-without-access-log", because="the service writes a line for every request to its own log")
    front.suppress("load-balancer-without-firewall", because="every request needs a token of the user pool, and the service "
                   "refuses the others before it does any work")
    stage.suppress("worker-smaller-than-its-sender", because="these are the sizes of the system that it describes; the setting "
                   "`task_sizes` = \"suggested\" swaps them")
    stage.suppress("container-writable-root", because="programs put scratch files below /tmp, and a task is replaced at each "
                   "release; its image runs as a user without privileges")
    stage.suppress("production-without-budget", because="the laboratory has one budget for all systems of its account")

    output("api_endpoint", api.url, "Where the app sends its requests")
    output("dynamodb_table_name", raw.resource["name"], "Table of raw samples")
    output("lambda_function_name", save.resource["function_name"], "Function that stores samples")
    output("cognito_pool_id", users.resource["id"], "User pool that people sign in to")
    output("cognito_client_id", app["id"], "The app's client of the user pool")
    output("energy_expenditure_service_url", front.url if domain else f"{api.url}/energy", "Energy service")
    output("load_balancer_dns_name", front.resource["dns_name"], "Address of the load balancer")
    output("queue_url", jobs.resource["url"], "Queue of jobs")
    output("dead_letter_queue_url", dead.resource["url"], "Queue of jobs that failed three times")
    output("repository_url", image.resource["repository_url"], "Where images are pushed")
    output("cluster_name", cluster.resource["name"], "Cluster of both services")
    for name, table in {"results": results, "profiles": profiles, "surveys": surveys, "status": status}.items():
        output(f"{name}_table_name", table.resource["name"], f"Table of {name}")
