"""AI Nutritionist: people text about food, a language model answers with advice and meal plans, Stripe takes the money.

A message arrives at a webhook, through rate rules and a REST API. What takes long goes through queues. Consent, export and
deletion of personal data are part of the service. What a whole account has once (GuardDuty, Config, the audit trail) is in
`account/system.py`, so that an account that has it already keeps its own.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from groundsill import DomainName, EmailAddress, Region, Stage, System, aws
from groundsill.components import (
    Alerts,
    BackupPlan,
    Bucket,
    Budget,
    Cache,
    Cdn,
    Certificate,
    CompositeAlarm,
    Cors,
    CostAnomalies,
    Dashboard,
    EventRule,
    EventSource,
    ExistingNetwork,
    Function,
    Guardrail,
    Index,
    LanguageModel,
    LifecycleRule,
    LogMetric,
    Metric,
    Network,
    Queue,
    RestApi,
    RestoreTest,
    SavedQuery,
    Schedule,
    ScheduleGroup,
    Secret,
    SmsSender,
    Table,
    Topic,
    Traces,
    WebAcl,
    Zone,
    metric,
    output,
)

# Invocations at once that each function keeps for itself, so that a flood of one kind leaves the others running.
CONCURRENCY = {"universal-message-handler": 100, "billing-webhook": 10, "meal-plan-scheduler": 2, "async-worker": 20,
               "data-rights": 5, "health": 2, "alert-forwarder": 2, "reports": 1}
UNRESERVED = 100  # AWS Lambda quotas: what an account always keeps for functions without a reservation
# NAT gateways and cache nodes of each tier: one saves money, two survive the loss of a zone.
REDUNDANCY = {"basic": 1, "standard": 1, "enterprise": 2}
Switch = bool | None  # None leaves it to the tier


class Settings(BaseModel):
    """What differs from one deployment to another. Addresses, origins and the budget are yours, so they have no default."""

    region: Region = "us-east-1"
    alert_email: EmailAddress
    finance_email: EmailAddress
    cors_origins: list[str]
    monthly_budget_limit: Annotated[int, Field(gt=0)]
    domain: DomainName | None = None
    hosted_zone_id: str | None = None
    network: Literal["create", "existing", "none"] | None = None
    vpc_id: str | None = None
    subnet_ids: list[str] = []
    enable_guardduty: Switch = None
    enable_security_hub: Switch = None
    enable_aws_config: Switch = None
    enable_aws_backup: Switch = None
    enable_elasticache: Switch = None
    enable_monitoring: bool = True
    enable_cost_optimization: bool = True
    gdpr_compliance_enabled: bool = True
    lambda_architecture: Literal["arm64", "x86_64"] = "arm64"
    elasticache_num_nodes: Annotated[int, Field(ge=1, le=6)] | None = None
    backup_cross_region_destination: Region | None = None
    # A backup in another region is up to a day old. A replica is seconds old, and costs every write again.
    replica_region: Region | None = None
    account_concurrency: Annotated[int, Field(ge=10)] = 1000
    reserve_concurrency: bool = True
    log_retention_days: int | None = None
    conversation_days: Annotated[int, Field(ge=1)] = 365
    site_old_version_days: Annotated[int, Field(ge=1)] = 30
    api_rate: float = 50
    api_burst: int = 100
    time_zone: str = "UTC"
    sms_provider: Literal["twilio", "aws"] = "twilio"
    sms_number: Literal["SIMULATOR", "TOLL_FREE", "TEN_DLC", "LONG_CODE"] = "SIMULATOR"
    sms_registration: str | None = None
    model: str = "amazon.nova-lite-v1:0"
    enable_guardrail: bool = False

    @model_validator(mode="after")
    def fits_together(self) -> Settings:
        """Switches that need each other, and what an account can reserve."""
        if self.network == "existing" and (not self.vpc_id or len(self.subnet_ids) < 2):
            raise ValueError("network = \"existing\" needs vpc_id, and subnet_ids in two zones or more")
        if self.network != "existing" and (self.vpc_id or self.subnet_ids):
            raise ValueError("vpc_id and subnet_ids are for network = \"existing\" alone")
        if self.network == "none" and self.enable_elasticache:
            raise ValueError("a cache lives in a network: network = \"none\" and enable_elasticache exclude each other")
        if self.enable_security_hub and self.enable_aws_config is False:
            raise ValueError("Security Hub reads what AWS Config records: turn enable_aws_config on too")
        if self.reserve_concurrency and sum(CONCURRENCY.values()) > self.account_concurrency - UNRESERVED:
            raise ValueError(f"the functions reserve {sum(CONCURRENCY.values())} invocations at once, and an account with "
                             f"{self.account_concurrency} must keep {UNRESERVED}: raise the account's quota, or set "
                             "reserve_concurrency = false")
        return self


system = System("ai-nutritionist", region="us-east-1", settings=Settings, names="{system}-{component}-{stage}",
                stages={"dev": "basic", "staging": "standard", "prod": "enterprise"})

# Tier fields that a setting may change for a stage.
SWITCHES = {"enable_guardduty": "threat_detection", "enable_security_hub": "security_hub", "enable_aws_config": "config_rules",
            "enable_aws_backup": "backups", "log_retention_days": "log_retention_days"}
# Private ways to AWS services, so that personal data stays off the internet. DynamoDB and S3 have theirs always, for free.
ENDPOINTS = ("sqs", "secretsmanager", "kms", "logs", "bedrock-runtime")


@system.define
def define(stage: Stage) -> None:
    switched = {field: stage.setting(name) for name, field in SWITCHES.items() if stage.setting(name) is not None}
    # Personal data is under keys of the account's own, and what happens to it can be traced, in every stage.
    stage.adjust(customer_key=True, tracing=True, flow_logs=True, **switched)
    redundancy = REDUNDANCY[stage.tier.name]

    # -- network and cache ---------------------------------------------------------------------------------------------
    mode = stage.setting("network") or ("create" if stage.tier.private_network else "none")
    network = None
    if mode == "create":
        network = Network("main", cidr="10.0.0.0/16", zones=2, nat=redundancy, endpoints=ENDPOINTS)
    elif mode == "existing":
        network = ExistingNetwork("main", vpc=stage.setting("vpc_id"), private=stage.setting("subnet_ids"))
    inside = network.private if network else None
    cached = stage.setting("enable_elasticache")
    cache = None
    if inside and (cached is None or cached):
        cache = Cache("cache", inside, nodes=stage.setting("elasticache_num_nodes") or redundancy,
                      parameters={"maxmemory-policy": "allkeys-lru"})

    # -- data ----------------------------------------------------------------------------------------------------------
    def table(name: str, key: tuple[str, ...], *indexes: Index, expires: str | None = None) -> Table:
        replica = stage.setting("replica_region")
        return Table(name, key=key, indexes=indexes, time_to_live=expires, point_in_time_recovery=True,
                     replicas=[replica] if replica else [])

    users = table("users", ("UserId",), Index("ByPhone", ("Phone",)))
    conversations = table("conversations", ("UserId", "SentAt"), expires="ExpiresAt")
    meal_plans = table("meal-plans", ("UserId", "Week"))
    # One row a customer, one a processed Stripe event: an event that comes twice counts once.
    subscriptions = table("subscriptions", ("Id",), Index("ByUser", ("UserId",)), expires="ExpiresAt")
    consents = table("consents", ("UserId", "RecordedAt"))  # and the trail of who read or changed what
    families = table("families", ("FamilyId", "MemberId"), Index("ByMember", ("MemberId",)))
    tables = [users, conversations, meal_plans, subscriptions, consents, families]
    # Answers that were given before: in Redis where there is a cache, else in a table whose rows expire.
    answers = None if cache else Table("answers", key="Prompt", time_to_live="ExpiresAt", point_in_time_recovery=False)
    remembers = [cache.connect] if cache else [answers.read_write]

    inbound = Queue("inbound-messages", visibility="6m", dead_letter=Queue("inbound-messages-dead"), max_receives=3)
    plan_jobs = Queue("meal-plan-jobs", visibility="6m", dead_letter=Queue("meal-plan-jobs-dead"), max_receives=3)

    # -- the outside world ---------------------------------------------------------------------------------------------
    # Values are put in by hand, never into a file; functions read them at run time, so rotating one needs no deployment.
    stripe = Secret("stripe", keys=["secret_key", "webhook_secret"])
    channels = Secret("alert-channels", keys=["chat_webhook", "pager_key"])
    texts = twilio = None  # what arrives at a number of AWS; Twilio calls the webhook
    if stage.setting("sms_provider") == "aws":
        texts = Topic("inbound-sms")
        provider = SmsSender("sms", kind=stage.setting("sms_number"), registration=stage.setting("sms_registration"),
                             inbound=texts, own_keywords=True).send
    else:
        twilio = Secret("twilio", keys=["account_sid", "auth_token", "sender_number"])
        provider = twilio.read
    refusal = "I can only talk about food and nutrition. For anything else, please ask a professional."
    guardrail = Guardrail("advice", refusal=refusal, topics={
        "Diagnosis": "Telling a person which illness they have, or to take or stop a medicine.",
    }) if stage.setting("enable_guardrail") else None
    model = LanguageModel("model", stage.setting("model"), guardrail=guardrail)

    # -- functions -----------------------------------------------------------------------------------------------------
    def function(name: str, handler: str, *, uses: list, memory: int = 256, timeout: int = 29, **more: object) -> Function:
        return Function(name, f"functions.{handler}", memory=memory, timeout=timeout, uses=uses, network=inside,
                        architecture=stage.setting("lambda_architecture"), environment={"STAGE": stage.name} | settings,
                        reserved_concurrency=CONCURRENCY[name] if stage.setting("reserve_concurrency") else None, **more)

    settings = {"SMS_PROVIDER": stage.setting("sms_provider"), "CONVERSATION_DAYS": str(stage.setting("conversation_days"))}
    # 29 s is the longest that the API waits; what takes longer goes into a queue.
    handler = function("universal-message-handler", "messages:handle", memory=512, uses=[
        users.read_write, conversations.read_write, consents.read_write, families.read, subscriptions.read_write,
        meal_plans.read, inbound.send, plan_jobs.send, model.invoke, provider, *remembers])
    billing = function("billing-webhook", "billing:webhook", uses=[
        subscriptions.read_write, users.read_write, consents.write, stripe.read])
    planner = function("meal-plan-scheduler", "planning:schedule", timeout=300, failures=Queue("meal-plan-scheduler-dead"),
                       uses=[users.scan.env("USERS_TABLE"), users.read, meal_plans.read_write, consents.read_write,
                             plan_jobs.send])
    worker = function("async-worker", "work:consume", memory=512, timeout=60, uses=[
        users.read_write, conversations.read_write, meal_plans.read_write, consents.read_write, families.read,
        subscriptions.read_write, model.invoke, provider, *remembers,
    ], sources=[EventSource(inbound, concurrency=10), EventSource(plan_jobs, concurrency=10)])
    health = function("health", "health:check", timeout=5, uses=[
        users.read, inbound.send, plan_jobs.send, *([cache.connect] if cache else [])])
    functions = [handler, billing, planner, worker, health]

    # -- the way in ----------------------------------------------------------------------------------------------------
    # Twilio and Stripe sign what they send, and functions check the signature; an API key only tells clients apart.
    api = RestApi("api", cors=Cors(stage.setting("cors_origins"), headers=("content-type", "x-api-key")),
                  rate=stage.setting("api_rate"), burst=stage.setting("api_burst"))
    api.route("POST /webhook/sms", handler).route("POST /webhook/chat", handler, key=True)
    api.route("POST /webhook/stripe", billing).route("GET /health", health)
    api.usage_plan("clients", keys=["web-chat"], burst=20, rate=10, quota=100_000)
    if texts:
        texts.subscribe(handler)
    # A Stripe event is larger than the 8 KB that AWS's common rules let through, so that rule only counts.
    rules = WebAcl("api-rules", rate=500, count_only={"AWSManagedRulesCommonRuleSet": ["SizeRestrictions_BODY"]})
    rules.protect(api)

    if stage.setting("gdpr_compliance_enabled"):
        exports = Bucket("exports", lifecycle=[LifecycleRule("gone-after-a-week", expire=7)])
        rights = function("data-rights", "rights:handle", memory=512, uses=[
            exports.read_write, *(part.read_write for part in tables), *(part.scan for part in (subscriptions, families))])
        for action in ("consent", "export", "delete"):
            api.route(f"POST /privacy/{action}", rights)
        functions.append(rights)

    # -- the web site --------------------------------------------------------------------------------------------------
    pages = Bucket("site", served=True, random_suffix=True, versioning=True, lifecycle=[
        LifecycleRule("old-versions", old_versions=stage.setting("site_old_version_days"))])
    domain, certificate, zone = stage.setting("domain"), None, None
    if domain:
        zone = Zone("zone", domain, id=stage.setting("hosted_zone_id"))
        certificate = Certificate("certificate", domain, zone=zone, region="us-east-1")
    site = Cdn("site-cdn", bucket=pages, domains=[domain] if domain else [], certificate=certificate,
               firewall=WebAcl("site-rules", scope="cdn", rate=2000))
    # Without it CloudFront does not tell how much it served from its caches.
    aws.cloudfront_monitoring_subscription("site", distribution_id=site.resource["id"], monitoring_subscription={
        "realtime_metrics_subscription_config": {"realtime_metrics_subscription_status": "Enabled"}})
    if zone:
        zone.point("", site)

    # -- whom to tell --------------------------------------------------------------------------------------------------
    alerts = Alerts("alerts", email=stage.setting("alert_email"), severities=("critical", "warning", "info"))
    forwarder = function("alert-forwarder", "operations:forward", uses=[channels.read], failures=Queue("alert-forwarder-dead"))
    for severity in ("critical", "warning"):
        alerts.topic(severity).subscribe(forwarder)
    reports = function("reports", "operations:report", timeout=120, uses=[alerts.publish, users.read, meal_plans.read],
                       failures=Queue("reports-dead"))
    functions += [forwarder, reports]

    jobs = ScheduleGroup("jobs")
    undelivered = Queue("schedules-dead")
    for task, when, target in (
        ("weekly-plans", "cron(0 6 ? * SUN *)", planner),
        ("daily-summary", "cron(0 7 * * ? *)", reports),
        ("budget-report", "cron(0 8 ? * MON *)", reports),
        ("compliance-status", "cron(0 8 1 * ? *)", reports),
    ):
        Schedule(task, when, target, input={"task": task}, group=jobs, zone=stage.setting("time_zone"), dead_letter=undelivered)

    if stage.setting("enable_cost_optimization"):
        told = [stage.setting("finance_email")]
        Budget("budget", limit=stage.setting("monthly_budget_limit"), thresholds=(50, 80, 100), emails=told, alerts=alerts)
        CostAnomalies("cost-anomalies", alerts=alerts)
        stage.suppress("cost-tag-not-activated", because="AWS takes the tag only once it has seen it, a day after the first "
                       "deploy: it is activated then, once for the account")

    # -- backups and findings ------------------------------------------------------------------------------------------
    findings: dict[str, tuple[str, dict]] = {}
    if stage.tier.backups:
        # A backup in cold storage stays there for 90 days at least, so none can be deleted before the 120th.
        daily = BackupPlan("daily", protects=tables, schedule="cron(0 4 * * ? *)", cold_after=30, keep=120,
                           copy_to=stage.setting("backup_cross_region_destination"), alerts=alerts)
        RestoreTest("restore-test", daily, schedule="cron(0 6 1 * ? *)")
        findings["backup-failures"] = ("critical", {
            "source": ["aws.backup"], "detail-type": ["Backup Job State Change", "Copy Job State Change",
                                                      "Restore Job State Change"],
            "detail": {"$or": [{"state": ["FAILED", "EXPIRED", "ABORTED"]}, {"status": ["FAILED", "EXPIRED", "ABORTED"]}]}})
    if stage.tier.threat_detection:
        findings["threats"] = ("warning", {"source": ["aws.guardduty"], "detail-type": ["GuardDuty Finding"],
                                           "detail": {"severity": [{"numeric": [">=", 4]}]}})
    if stage.tier.security_hub:
        findings["security-findings"] = ("warning", {
            "source": ["aws.securityhub"], "detail-type": ["Security Hub Findings - Imported"],
            "detail": {"findings": {"Severity": {"Label": ["HIGH", "CRITICAL"]}, "Workflow": {"Status": ["NEW"]}}}})
    if stage.tier.config_rules:
        findings["breaches"] = ("warning", {
            "source": ["aws.config"], "detail-type": ["Config Rules Compliance Change"],
            "detail": {"newEvaluationResult": {"complianceType": ["NON_COMPLIANT"]}}})
    for name, (severity, pattern) in findings.items():
        EventRule(name, pattern=pattern, targets=[alerts.topic(severity)])

    # -- what a reviewer asked, and what the answer was ----------------------------------------------------------------
    api.suppress("api-route-without-authorizer", only="aws_api_gateway_method.api_post_webhook_*",
                 because="Twilio, Stripe and the chat provider cannot sign in; they sign what they send, and the function "
                 "checks the signature and its time")
    api.suppress("api-route-without-authorizer", only="aws_api_gateway_method.api_post_privacy_*",
                 because="people have no account but their phone: the function asks for a code that it texts to the number")
    if cache:
        cache.suppress("cache-without-authentication", because="the functions' group alone is let in, over TLS, and a token "
                       "would have to pass through Terraform's state")
    else:
        answers.suppress("table-without-point-in-time-recovery", because="it only remembers answers that can be asked again")
    if not domain:
        site.suppress("cdn-without-own-certificate", because="without the setting `domain` there is only CloudFront's own name")
    site.suppress("cdn-without-access-log", because="what it serves is public, and its web ACL logs what it refuses")
    pages.suppress("bucket-without-access-log", because="the CDN alone reads it, and what it holds is public")
    if stage.setting("gdpr_compliance_enabled"):
        exports.suppress("bucket-without-access-log", because="one function's role alone reads it, records each access among "
                         "the consents, and nothing stays longer than a week")
    for secret in (stripe, channels):
        secret.suppress("secret-without-rotation", because="only the other company can change its keys")
    if twilio:
        twilio.suppress("secret-without-rotation", because="only Twilio can change its keys")

    # -- what to look at -----------------------------------------------------------------------------------------------
    Traces("traces", rate=0.05, slow=2)
    if stage.setting("enable_monitoring"):
        monitor(stage, alerts, api, site, rules, handler, worker, model, functions, tables, cache)

    output("webhook_url", f"{api.url}/webhook/sms", "Enter it at Twilio for incoming messages")
    output("billing_webhook_url", f"{api.url}/webhook/stripe", "Enter it at Stripe as an endpoint for events")
    output("site_url", site.url, "Web site")
    output("site_bucket", pages.resource["bucket"], "Where the pages are uploaded")
    output("alert_topics", {name: alerts.topic(name).arn for name in ("critical", "warning", "info")}, "Whom alarms reach")
    output("resource_summary", {"functions": [part.resource["function_name"] for part in functions],
                                "tables": [part.resource["name"] for part in tables]}, "What there is")


def monitor(stage: Stage, alerts: Alerts, api: RestApi, site: Cdn, rules: WebAcl, handler: Function, worker: Function,
            model: LanguageModel, functions: list[Function], tables: list[Table], cache: Cache | None) -> None:
    """Metrics of the system's own, alarms beside those of each component, dashboards and saved queries."""
    stage_of_api = {"Stage": api.stage_name}
    latency = metric(api, "Latency", "p95", **stage_of_api)
    started = LogMetric("cold-starts", handler, '{ $.type = "platform.report" && $.record.metrics.initDurationMs > 0 }',
                        value="$.record.metrics.initDurationMs", unit="Milliseconds")
    timeouts = LogMetric("timeouts", handler, '{ $.type = "platform.report" && $.record.status = "timeout" }')
    undelivered = LogMetric("undelivered-texts", worker, '{ $.event = "delivery" && $.status = "failed" }')
    refused = LogMetric("provider-errors", worker, '{ $.event = "provider-error" }')
    hits = LogMetric("answers-from-cache", handler, '{ $.event = "answer" && $.cached IS TRUE }')
    misses = LogMetric("answers-from-model", handler, '{ $.event = "answer" && $.cached IS FALSE }')

    alerts.watch("timeouts", timeouts.metric(), above=1, description="The message handler ran out of time.")
    slow = alerts.watch("slow-api", latency, above=500, periods=3, severity="warning",
                        description="A twentieth of requests take half a second or longer.")
    cold = alerts.watch("cold-starts", started.metric("p95"), above=2000, periods=3, severity="warning",
                        description="New instances take two seconds or longer to start: import less.")
    uncached = alerts.watch("cache-hit-rate", [hits.metric(), misses.metric()], formula="100 * m1 / (m1 + m2)", below=80,
                            period=3600, periods=3, severity="warning",
                            description="Fewer than 80 % of answers come from the cache.")
    CompositeAlarm("degraded", alerts, any=[slow, cold, uncached], severity="warning",
                   description="The service is slower or dearer than it should be; see the performance dashboard.")
    if stage.setting("region") == "us-east-1":  # CloudFront measures there alone
        alerts.watch("cdn-hit-rate", metric(site, "CacheHitRate", "Average"), below=90, period=3600, periods=3,
                     severity="warning", description="Edges fetch more than a tenth of requests from the bucket.")
    # No metric says "attack" without Shield Advanced; these three together do.
    CompositeAlarm("attack", alerts, severity="critical", any=[
        alerts.watch("blocked-requests", rules.blocked, above=1000, severity=None),
        alerts.watch("refused-requests", metric(api, "4XXError", **stage_of_api), above=1000, severity=None),
        alerts.watch("request-surge", metric(api, "Count", **stage_of_api), above=20_000, severity=None),
    ], description="Far more requests than usual, or many that were refused: see the security dashboard.")
    alerts.watch("undelivered-texts", undelivered.metric(), above=10, severity="warning",
                 description="The provider could not deliver ten texts within five minutes.")
    alerts.watch("provider-errors", refused.metric(), above=3, severity="critical",
                 description="The provider refuses calls: see its status page and the secret.")

    bedrock = {f"Model: {name}": [model.metric(name, kind)] for name, kind in (
        ("Invocations", "Sum"), ("InvocationLatency", "p95"), ("InputTokenCount", "Sum"), ("OutputTokenCount", "Sum"))}
    spent = Metric("AWS/Billing", "EstimatedCharges", {"Currency": "USD"}, "Maximum", region="us-east-1")
    kept = [cache] if cache else []
    main = Dashboard("overview", shows=[api, handler, site], graphs={
        "Answers": [hits.metric().labelled("cache"), misses.metric().labelled("model")]} | bedrock)
    Dashboard("performance", shows=[api, *functions, site], graphs={
        "Cold starts (ms, p95)": [started.metric("p95")], "Timeouts": [timeouts.metric()]})
    Dashboard("infrastructure", shows=[*tables, *kept, *functions], graphs={
        "Texts": [undelivered.metric().labelled("undelivered"), refused.metric().labelled("refused")]})
    Dashboard("security", shows=[rules], graphs={"Refused by the API": [metric(api, "4XXError", **stage_of_api)]},
              queries={"Addresses that were refused most": (
                  [rules], "filter action = 'BLOCK' | stats count() as n by httpRequest.clientIp | sort n desc | limit 20")})
    Dashboard("cost", graphs={"Estimated charges (USD)": [spent]} | bedrock)
    SavedQuery("errors", functions, 'filter level = "ERROR" or @message like /Traceback/ | sort @timestamp desc | limit 100')
    SavedQuery("slow-requests", functions, 'filter type = "platform.report" | stats pct(record.metrics.durationMs, 95) as p95, '
               "count() as calls by @log | sort p95 desc")
    output("cloudwatch_dashboard_url", main.url, "How the system is doing")
