"""One example of every public component, in full: what the contract, the properties and the fuzz run over.

A component, value or method that is added later has to be entered here: `test_examples_are_complete` fails until it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from groundsill import Stage
from groundsill import components as c

Made = Callable[["Parts"], Any]


class Parts:
    """What examples are wired to; each is made when it is first asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._made:
            self._made[name] = PARTS[name](self)
        return self._made[name]

    def make_all(self) -> Parts:
        """Make every part, so that what examples use is there whichever of them are made."""
        for name in PARTS:
            getattr(self, name)
        return self


def _users(parts: Parts) -> Any:
    users = c.UserPool("users", email=parts.sender)
    users.client("app")
    return users


PARTS: Mapping[str, Made] = MappingProxyType({
    "key": lambda p: c.Key("own-key"),
    "network": lambda p: c.Network("main", isolated=True, flow_logs=True),
    "orders": lambda p: c.Table("orders", key=("Id", "At"), indexes=[c.Index("ByUser", ("User", "At"))], stream=True),
    "dead": lambda p: c.Queue("jobs-dead"),
    # A queue that takes dead letters has another alarm than one that does not, so the part is one from the beginning.
    "jobs": lambda p: c.Queue("jobs", visibility="2m", dead_letter=p.dead),
    "news": lambda p: c.Topic("news"),
    "files": lambda p: c.Bucket("files"),
    "pages": lambda p: c.Bucket("pages", served=True),
    "sender": lambda p: c.EmailSender("sender", "no-reply@shop.example"),
    "users": _users,
    "save": lambda p: c.Function("save", "functions.save:handle"),
    "cluster": lambda p: c.Cluster("cluster"),
    "image": lambda p: c.Container("image", command=("python", "-m", "app")),
    "web": lambda p: c.Service("web", p.image, p.network.private, cluster=p.cluster, port=8080),
    "zone": lambda p: c.Zone("zone", "shop.example"),
    "certificate": lambda p: c.Certificate("certificate", "shop.example", also=["*.shop.example"], zone=p.zone),
    "alerts": lambda p: c.Alerts("alerts", email="ops@shop.example", severities=("critical", "warning", "info")),
    "bus": lambda p: c.EventBus("bus"),
    "world_certificate": lambda p: c.Certificate(
        "world-certificate", "shop.example", also=["*.shop.example"], zone=p.zone, region="us-east-1"),
    "front": lambda p: c.LoadBalancer("front", p.network.public, certificate=p.certificate),
    "rest": lambda p: c.RestApi("rest").route("GET /", p.save),
    "http": lambda p: c.HttpApi("http", authorizer=p.users),
    "sockets": lambda p: c.WebSocketApi("sockets"),
    "secret": lambda p: c.Secret("secret", keys=["token"]),
    "site": lambda p: c.Cdn("site", bucket=p.pages),
    "rules": lambda p: c.WebAcl("rules"),
    "plan": lambda p: c.BackupPlan("plan", protects=[p.orders]),
    "counted": lambda p: c.LogMetric("counted", p.save, "{ $.event = 1 }"),
    "model": lambda p: c.LanguageModel("model", "amazon.nova-lite-v1:0"),
})


def _alerts(p: Parts, n: str) -> None:
    # A system has one: here the parts' own, which every alarm of the other examples goes through.
    p.alerts.watch(n, c.metric(p.save, "Duration", "p95"), above=500)
    p.alerts.watch(f"{n}-2", [c.metric(p.save, "Errors"), c.metric(p.save, "Invocations")], formula="m1 / m2", above=0.1)
    c.Function(f"{n}-teller", "functions.tell:handle", uses=[p.alerts.publish])


def _bucket(p: Parts, n: str) -> None:
    bucket = c.Bucket(n, cors=c.Cors(["https://shop.example"], methods=["PUT"]), versioning=True,
                      lifecycle=[c.LifecycleRule("old", move={"STANDARD_IA": 30}, expire=365, old_versions=90)])
    c.Function(f"{n}-reader", "functions.read:handle", uses=[bucket.read])
    c.Function(f"{n}-writer", "functions.write:handle", uses=[bucket.write])
    c.Function(f"{n}-both", "functions.write:handle", uses=[bucket.read_write])
    c.Bucket(f"{n}-any", random_suffix=True)


def _cache(p: Parts, n: str) -> None:
    cache = c.Cache(n, p.network.isolated, nodes=2, parameters={"maxmemory-policy": "allkeys-lru"})
    c.Function(f"{n}-user", "functions.a:handle", network=p.network.private, uses=[cache.connect])


def _cdn(p: Parts, n: str) -> None:
    pages = c.Bucket(f"{n}-pages", served=True)
    site = c.Cdn(n, bucket=pages, domains=["shop.example"], certificate=p.world_certificate, single_page=True,
                 firewall=c.WebAcl(f"{n}-rules", scope="cdn"))
    site.route("/v1/*", p.rest, headers={"x-from": "cdn"}).route("/web/*", p.front)
    site.route("/files/*", c.Bucket(f"{n}-files", served=True))
    c.Function(f"{n}-clearer", "functions.clear:handle", uses=[site.address, site.invalidate])


def _database(p: Parts, n: str) -> None:
    database = c.Database(n, p.network.isolated, monitoring=60, replicas=1, most_storage=40, rotate_every="30d")
    c.Database(f"{n}-mysql", p.network.isolated, engine="mysql", database="shop", user="shop")
    c.Service(f"{n}-user", p.image, p.network.private, cluster=p.cluster, uses=[database.connect])


def _email(p: Parts, n: str) -> None:
    sender = c.EmailSender(n, "hello@shop.example", domain=True)
    c.Function(f"{n}-mailer", "functions.mail:handle", uses=[sender.send])


def _function(p: Parts, n: str) -> None:
    failed = c.Queue(f"{n}-failed")
    work = c.Function(
        n, "functions.work:handle", network=p.network.private, failures=failed, retries=1,
        sources=[c.EventSource(p.jobs, batch=20, window=1), c.EventSource(p.orders)],
        rollout=c.Rollout(provisioned=1), uses=[p.orders.read_write, p.jobs.send, p.news.publish])
    c.Function(f"{n}-cleaner", "functions.clean:handle", uses=[work.invoke, work.prune])


def _http_api(p: Parts, n: str) -> None:
    inside = c.LoadBalancer(f"{n}-inside", p.network.private)
    inside.route("/*", p.web)
    api = c.HttpApi(n, authorizer=p.users, cors=c.Cors(["https://shop.example"]))
    api.route("POST /orders", p.save).route("GET /orders/{id}", p.save).route("GET /open", p.save, authorize=False)
    api.route("ANY /inside/{proxy+}", inside)


def _key(p: Parts, n: str) -> None:
    key = c.Key(n, services=("logs.us-east-1.amazonaws.com",))
    table = c.Table(f"{n}-table", key="Id", encryption=key)
    queue, topic = c.Queue(f"{n}-queue", encryption=key), c.Topic(f"{n}-topic", encryption=key)
    c.Container(f"{n}-image", command=("app",), encryption=key)
    c.Function(f"{n}-user", "functions.a:handle", uses=[table.read_write, queue.consume, topic.publish])


def _language_model(p: Parts, n: str) -> None:
    guarded = c.LanguageModel(n, "us.amazon.nova-lite-v1:0", regions=("us-east-1", "us-west-2"),
                              guardrail=c.Guardrail(f"{n}-guardrail", refusal="No.", topics={"Diagnosis": "Illnesses."}))
    c.Function(f"{n}-asker", "functions.ask:handle", uses=[guarded.invoke])
    c.Dashboard(f"{n}-board", graphs={"Tokens": [guarded.metric("InputTokenCount")]})


def _load_balancer(p: Parts, n: str) -> None:
    balancer = c.LoadBalancer(n, p.network.public, domain="other.example", zone="Z0123456789", access_logs=c.Bucket(
        f"{n}-logs", served=True))
    service = c.Service(f"{n}-web", p.image, p.network.private, cluster=p.cluster, port=8080,
                        scale=c.Scale(max=4, cpu=60, memory=70, requests=1000))
    balancer.route("/*", service, health=c.HealthCheck("/healthz"), sticky="1h")
    balancer.route("/api/*", service, host="api.other.example")
    balancer.redirect("www.other.example", "other.example")
    inside = c.LoadBalancer(f"{n}-inside", p.network.private)
    inside.route("/*", service)
    c.Service(f"{n}-caller", p.image, p.network.private, cluster=p.cluster, uses=[inside.reach])


def _machine(p: Parts, n: str) -> None:
    store = c.Machine(n, p.network.private, type="t4g.medium", command=("chroma", "run"), port=8000,
                      packages=["chromadb==1.3.4"], volumes=[c.Volume("/data", 50)])
    c.Machine(f"{n}-own", p.network.private, type="t4g.small", command=("app",), releases=p.files, spot=True,
              uses=[store.reach, p.secret.read])


def _machine_group(p: Parts, n: str) -> None:
    group = c.MachineGroup(n, p.network.private, types=["t4g.micro", "t4g.small"], command=("app",), port=8080,
                           releases=p.files, include=["services"], uses=[p.orders.read])
    balancer = c.LoadBalancer(f"{n}-front", p.network.private)
    balancer.route("/*", group)


def _network(p: Parts, n: str) -> None:
    network = c.Network(n, cidr="10.1.0.0/16", zones=3, isolated=True, endpoints=("sqs",), flow_logs=True)
    network.peer("other", network="vpc-0123456789abcdef0", cidr="10.2.0.0/16")
    c.Network(f"{n}-alone", cidr="10.3.0.0/16", nat=0)


def _queue(p: Parts, n: str) -> None:
    dead = c.Queue(f"{n}-dead")
    queue = c.Queue(n, visibility="1m", dead_letter=dead)
    c.Service(f"{n}-worker", p.image, p.network.private, cluster=p.cluster, scale=queue.backlog(per_task=5, max=4),
              uses=[queue.consume, dead.redrive])
    c.Function(f"{n}-sender", "functions.send:handle", uses=[queue.send])


def _rest_api(p: Parts, n: str) -> None:
    api = c.RestApi(n, authorizer=p.users, cors=c.Cors(["https://shop.example", "https://www.shop.example"]))
    api.route("ANY /jobs", p.save).route("GET /jobs/{id}", p.save, authorize=False, key=True)
    api.usage_plan("partners", keys=["one"], burst=1, rate=1, quota=10)
    api.domain("api.shop.example", p.certificate, zone=p.zone)
    c.RestApi(f"{n}-guarded", authorizer=p.save).route("GET /", p.save)


def _rollout(p: Parts, n: str) -> None:
    c.Function(n, "functions.work:handle", rollout=c.Rollout(shift="10% every minute"))


def _schedule(p: Parts, n: str) -> None:
    c.Schedule(n, "rate(1 day)", p.save, group=c.ScheduleGroup(f"{n}-group"), dead_letter=p.dead, window=15)
    c.Schedule(f"{n}-queued", "cron(0 6 ? * MON *)", p.jobs, input={"task": "plan"})


def _secret(p: Parts, n: str) -> None:
    secret = c.Secret(n, generate=["token"], keys=["provider"], rotation=c.Function(f"{n}-rotate", "functions.rotate:handle"))
    c.Service(f"{n}-user", p.image, p.network.private, cluster=p.cluster,
              uses=[secret.inject({"TOKEN": "token"}), secret.read])


def _serverless_database(p: Parts, n: str) -> None:
    database = c.ServerlessDatabase(n, p.network.isolated, rotate_every="30d")
    c.Function(f"{n}-user", "functions.a:handle", network=p.network.private, uses=[database.connect])


def _service(p: Parts, n: str) -> None:
    service = c.Service(n, p.image, p.network.private, cluster=p.cluster, port=8080, shell=True, spot=True,
                        scale=c.Scale(max=4, cpu=60), uses=[p.orders.scan, p.users.verify, p.save.invoke, p.secret.read])
    c.LoadBalancer(f"{n}-front", p.network.private).route("/*", service)


def _migration(p: Parts, n: str) -> None:
    c.Migration(n, c.Function(f"{n}-run", "functions.save:handle", uses=[p.orders.read_write]),
                before=[c.Function(f"{n}-user", "functions.save:handle", uses=[p.orders.read])])
    task = c.Task(f"{n}-task", p.image, p.network.public, cluster=p.cluster, uses=[p.orders.read_write])
    c.Migration(f"{n}-long", task, before=[c.Function(f"{n}-reader", "functions.save:handle", uses=[p.orders.read])])


def _sms(p: Parts, n: str) -> None:
    sms = c.SmsSender(n, inbound=p.news)
    c.Function(f"{n}-texter", "functions.text:handle", uses=[sms.send])


def _table(p: Parts, n: str) -> None:
    table = c.Table(n, key=("Id", "At"), indexes=[c.Index("ByUser", ("User", "At"))], types={"At": "N"},
                    time_to_live="Gone", stream=True, replicas=["us-west-2"])
    c.Table(f"{n}-even", key="Id", indexes=[c.Index("ByDay", ("Day",))], capacity=c.Capacity((1, 10), (2, 5)))
    for verb in ("read", "write", "read_write", "scan"):
        c.Function(f"{n}-{verb.replace('_', '-')}", "functions.a:handle", uses=[getattr(table, verb)])


def _topic(p: Parts, n: str) -> None:
    topic = c.Topic(n, emails=["a@shop.example"])
    topic.subscribe(p.save, only={"kind": ["paid"]}, dead_letter=p.dead).subscribe(c.Queue(f"{n}-copies"))


def _user_pool(p: Parts, n: str) -> None:
    users = c.UserPool(n, password=c.Password(length=12), attributes=("given_name",), email=c.EmailSender(
        f"{n}-sender", "users@shop.example"))
    users.client("app", sign_in=("srp", "password"))
    c.Function(f"{n}-manager", "functions.manage:handle", uses=[users.manage, users.verify])


def _web_sockets(p: Parts, n: str) -> None:
    api = c.WebSocketApi(n, authorizer=c.Function(f"{n}-gate", "functions.gate:handle"))
    api.route("$connect", p.save).route("$default", p.save).domain("ws.shop.example", p.certificate, zone=p.zone)
    c.Function(f"{n}-pusher", "functions.push:handle", uses=[api.push])


def _zone(p: Parts, n: str) -> None:
    zone = c.Zone(n, "other.example")
    zone.point("", p.front, check=c.DnsHealthCheck(f"{n}-check", "other.example"), failover="PRIMARY")
    zone.point("cdn", p.site)
    zone.record("", "TXT", ["v=spf1 -all"])


def _composite(p: Parts, n: str) -> None:
    alarms = [p.alerts.watch(f"{n}-{letter}", c.metric(p.save, "Errors"), above=1, severity=None) for letter in "ab"]
    c.CompositeAlarm(n, p.alerts, any=alarms, all=alarms[:1])


EXAMPLES: Mapping[str, Callable[[Parts, str], Any]] = MappingProxyType({
    "Alarm": lambda p, n: c.Table(n, key="Id"),  # what `Table.alarms` gives; `Alerts` turns each into a CloudWatch alarm
    "Alerts": _alerts,
    "AuditTrail": lambda p, n: c.AuditTrail(n, c.Bucket(f"{n}-files"), watch=True, data_of=[p.orders, p.files, p.save]),
    "BackupPlan": lambda p, n: c.BackupPlan(
        n, protects=[p.orders, p.files], copy_to="us-west-2", cold_after=30, keep=120, alerts=p.alerts),
    "BackupSettings": lambda p, n: c.BackupSettings(n),
    "Bucket": _bucket,
    "Budget": lambda p, n: c.Budget(n, limit=50, alerts=p.alerts, emails=["money@shop.example"]),
    "Cache": _cache,
    "Capacity": lambda p, n: c.Table(n, key="Id", capacity=c.Capacity((1, 10), (2, 5))),
    "Cdn": _cdn,
    "Certificate": lambda p, n: c.Certificate(n, "c.shop.example", also=["d.shop.example"], zone=p.zone, region="us-east-1"),
    "Cluster": lambda p, n: c.Cluster(n),
    "CompositeAlarm": _composite,
    "ConfigRecorder": lambda p, n: c.ConfigRecorder(n, c.Bucket(f"{n}-files")),
    "ConfigRule": lambda p, n: c.ConfigRecorder(n, c.Bucket(f"{n}-files"), rules=[
        c.ConfigRule("tls", "S3_BUCKET_SSL_REQUESTS_ONLY", types=("AWS::S3::Bucket",), mend="AWS-EnableS3BucketEncryption",
                     mend_parameter="BucketName", mend_actions={"arn:aws:s3:::*": ("s3:PutEncryptionConfiguration",)})]),
    "Container": lambda p, n: c.Container(n, command=("app",), keep_releases=5),
    "Cors": lambda p, n: c.HttpApi(n, cors=c.Cors(["https://shop.example"])),
    "CostAnomalies": lambda p, n: (c.CostAnomalies(n, alerts=p.alerts),
                                   c.CostAnomalies(f"{n}-mail", emails=["money@shop.example"])),
    "CostTags": lambda p, n: c.CostTags(n),
    "Dashboard": lambda p, n: c.Dashboard(n, shows=[p.save, p.orders, p.jobs], graphs={"Counted": [p.counted.metric()]},
                                          queries={"Errors": ([p.save], "filter level = 'ERROR'")}),
    "Database": _database,
    "Deployer": lambda p, n: c.Deployer(n, repository="acme/shop"),
    "DnsHealthCheck": lambda p, n: c.DnsHealthCheck(n, "shop.example", email="ops@shop.example"),
    "EmailSender": _email,
    "EventBus": lambda p, n: c.Function(f"{n}-teller", "functions.tell:handle", uses=[c.EventBus(n, archive=30).publish]),
    "EventRule": lambda p, n: c.EventRule(n, bus=p.bus, pattern={"source": ["shop"]}, targets=[p.jobs, p.news, p.save],
                                          dead_letter=p.dead),
    "EventSource": lambda p, n: c.Function(n, "functions.work:handle", sources=[c.EventSource(p.jobs, concurrency=5)]),
    "ExistingNetwork": lambda p, n: c.Function(f"{n}-user", "functions.a:handle", network=c.ExistingNetwork(
        n, vpc="vpc-0123456789abcdef0", private=["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]).private),
    "Function": _function,
    "Guardrail": lambda p, n: c.Guardrail(n, refusal="No."),
    "HealthCheck": lambda p, n: c.LoadBalancer(n, p.network.private).route("/*", p.web, health=c.HealthCheck("/up")),
    "HttpApi": _http_api,
    "Index": lambda p, n: c.Table(n, key="Id", indexes=[c.Index("ByDay", ("Day",), projection=["Total"])]),
    "Key": _key,
    "LanguageModel": _language_model,
    "LifecycleRule": lambda p, n: c.Bucket(n, lifecycle=[c.LifecycleRule("gone", expire=30)]),
    "LoadBalancer": _load_balancer,
    "LogMetric": lambda p, n: p.alerts.watch(n, c.LogMetric(f"{n}-metric", p.save, "{ $.event = 1 }").metric(), above=1),
    "Machine": _machine,
    "MachineGroup": _machine_group,
    "Metric": lambda p, n: c.Dashboard(n, graphs={"Mine": [c.Metric("Shop", "Orders").labelled("orders")]}),
    "ModelLog": lambda p, n: c.ModelLog(n),
    "Network": _network,
    "Parameter": lambda p, n: c.Function(f"{n}-user", "functions.a:handle", uses=[c.Parameter(n, value={"on": True}).read]),
    "Password": lambda p, n: c.UserPool(n, password=c.Password(length=14, symbol=False)),
    "Queue": _queue,
    "RestApi": _rest_api,
    "RestoreTest": lambda p, n: c.RestoreTest(n, p.plan),
    "Rollout": _rollout,
    "SavedQuery": lambda p, n: c.SavedQuery(n, [p.save], "filter level = 'ERROR'"),
    "Scale": lambda p, n: c.Service(n, p.image, p.network.private, cluster=p.cluster, scale=c.Scale(max=3, cpu=50)),
    "Migration": _migration,
    "Schedule": _schedule,
    "ScheduleGroup": lambda p, n: c.ScheduleGroup(n),
    "Secret": _secret,
    "SecurityHub": lambda p, n: c.SecurityHub(n, standards=["best-practices", "cis"]),
    "ServerlessDatabase": _serverless_database,
    "Service": _service,
    "SmsSender": _sms,
    "Table": _table,
    "Task": lambda p, n: c.Task(n, p.image, p.network.private, cluster=p.cluster, command=("app", "migrate"), timeout="2h",
                                uses=[p.orders.read_write, p.secret.inject({"APP_TOKEN": "token"})]),
    "ThreatDetection": lambda p, n: c.ThreatDetection(n),
    "Topic": _topic,
    "Traces": lambda p, n: c.Traces(n),
    "UserPool": _user_pool,
    "Volume": lambda p, n: c.Machine(n, p.network.private, type="t4g.small", command=("app",), packages=["app==1"],
                                     volumes=[c.Volume("/a", 10), c.Volume("/b", 10)]),
    "WebAcl": lambda p, n: c.WebAcl(n).protect(p.rest).protect(p.front).protect(p.users),
    "WebSocketApi": _web_sockets,
    "Zone": _zone,
    "metric": lambda p, n: c.Dashboard(n, graphs={"Errors": [c.metric(p.save, "Errors")]}),
    "output": lambda p, n: c.output("out_" + n.replace("-", "_"), p.rest.url, "Where it is"),
})

# Of these an account and region, or a thing that they are put in front of, has one.
ONCE = ("BackupSettings", "ConfigRecorder", "ConfigRule", "Deployer", "ModelLog", "WebAcl")


def example_name(component: str) -> str:
    """The name under which an example is made, for example ``x-queue``."""
    return f"{'x' if component[0].isupper() else 'f'}-{component.lower()}"


def every_component(stage: Stage) -> Parts:
    """One of everything, wired."""
    parts = Parts().make_all()
    for component, make in EXAMPLES.items():
        make(parts, example_name(component))
    return parts
