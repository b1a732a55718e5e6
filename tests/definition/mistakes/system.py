"""A definition with a mistake on every line that ends in a code: what a user gets wrong, all at once."""

from __future__ import annotations

from pydantic import BaseModel

from groundsill import EmailAddress, Stage, System, aws
from groundsill.components import (
    BackupPlan,
    Cluster,
    Container,
    Cors,
    Deployer,
    EmailSender,
    Function,
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
from groundsill.graph import Reference


class Settings(BaseModel):
    sender: EmailAddress
    tasks: int = 1


system = System("mistaken", settings=Settings)


@system.define
def define(stage: Stage) -> None:
    # what everything below uses
    orders = Table("orders", key=("Id", "At"))
    jobs = Queue("jobs")
    network = Network("main", zones=2)
    narrow = Network("narrow", cidr="10.1.0.0/16", zones=1)
    cluster = Cluster("cluster")
    image = Container("image", command=("python", "-m", "app"))
    api = HttpApi("api")
    front = LoadBalancer("front", network.private)
    quick = Function("quick", "functions.quick:handle")
    slow = Function("slow", "functions.slow:handle", timeout="5m")

    # settings and stages
    sender = stage.setting("sender")  # GS1301
    stage.setting("sendr")  # GS1302
    stage.setting("tasks")  # GS1305
    stage.pick(staging=1, prod=2)  # GS1303

    # arguments
    Table("unknown-argument", key="Id", hash_keys="Id")  # GS1201
    Function("missing-argument")  # GS1202
    Queue("superfluous-argument", "extra")  # GS1202
    Table("missing-key")  # GS1202
    Table("wrong-type", key="Id", name=42)  # GS1206
    Function("wrong-memory-type", "functions.quick:handle", memory="much")  # GS1206
    Table("wrong-kind", key="Id", encryption=jobs)  # GS1206
    Table("orders", key="Id")  # GS1205
    Table("a-name-that-is-longer-than-the-sixty-four-characters-that-fit-everywhere", key="Id")  # GS1203
    Queue("")  # GS1203
    Table("misspelt-key", key="Id", types={"Idd": "N"})  # GS1321
    Table("three-keys", key=("A", "B", "C"))  # GS1322
    Index("misspelt-argument", ("Id",), projections="ALL")  # GS1201
    Password(length="long")  # GS1206
    Cors()  # GS1202
    Table("after-a-mistake", key="Id", indexes=[Index("wrong-projection", ("Id",), projection="SOME")])  # GS1206

    # queues and durations
    Queue("no-duration", visibility="soon")  # GS1207
    Queue("too-long", retention="15d")  # GS1331
    Queue("expires-first", visibility="12h", retention="1d", dead_letter=jobs)  # GS1330
    jobs.backlog(per_task=0, max=5)  # GS1376
    jobs.backlog(per_tusk=5, per_task=5, max=5)  # GS1201

    # functions
    Function("unknown-runtime", "functions.quick:handle", runtime="nodejs18.x")  # GS1342
    Function("unknown-architecture", "functions.quick:handle", architecture="mips")  # GS1342
    Function("no-handler", "functions/quick.py")  # GS1343
    Function("too-long-running", "functions.quick:handle", timeout="16m")  # GS1340
    Function("too-large", "functions.quick:handle", memory=20_480)  # GS1341

    # networks
    Network("no-range", cidr="ten dot zero")  # GS1357
    Network("too-large-range", cidr="10.0.0.0/8")  # GS1351
    Network("too-many-zones", zones=9)  # GS1350
    Network("too-many-gateways", zones=2, nat=3)  # GS1352
    Network("too-few-ranges", zones=2, public=["10.0.1.0/24"])  # GS1353
    Network("outside", zones=1, public=["10.9.1.0/24"])  # GS1354
    Network("overlapping", zones=2, public=["10.0.1.0/24", "10.0.1.128/25"])  # GS1355
    Network("no-room", cidr="10.0.0.0/28", zones=2)  # GS1356

    # identity and mail
    EmailSender("no-address", "nobody at home")  # GS1360
    UserPool("short-passwords", password=Password(length=3))  # GS1361
    users = UserPool("users", email=EmailSender("sender", sender))
    users.client("magic", sign_in=["magic"])  # GS1362
    HttpApi("nobody-can-call", authorizer=users)  # GS1390
    Deployer("deployer", repository="just-a-name")  # GS1399
    BackupPlan("empty", protects=[])  # GS1398

    # containers and load balancing
    Container("unknown-platform", command=("app",), platform="plan9/mips")  # GS1370
    Container("no-command", command=())  # GS1371
    Service("low-port", image, network.private, cluster=cluster, port=80)  # GS1373
    Service("odd-cpu", image, network.private, cluster=cluster, cpu=300)  # GS1374
    Service("odd-memory", image, network.private, cluster=cluster, cpu=256, memory=8192)  # GS1375
    LoadBalancer("single-zone", narrow.public, domain="shop.example")  # GS1380
    LoadBalancer("unreachable", network.private, internal=False)  # GS1381
    worker = Service("worker", image, network.private, cluster=cluster, uses=[jobs.consume])
    front.route("/*", worker)  # GS1382

    # routes
    api.route("GET /quick", quick)
    api.route("GET /quick", quick)  # GS1392
    api.route("FETCH /quick", quick)  # GS1391
    api.route("GET /slow", slow)  # GS1394
    api.route("GET /guarded", quick, authorize=True)  # GS1395
    api.route("GET /table", orders)  # GS1206
    api.route("GET /nothing")  # GS1202

    # grants
    Function("no-verb", "functions.quick:handle", uses=[orders])  # GS1401
    Function("ungrantable", "functions.quick:handle", uses=[network])  # GS1401
    Function("no-grant", "functions.quick:handle", uses=["orders"])  # GS1402
    Function("not-a-list", "functions.quick:handle", uses=orders.read)  # GS1206
    Function("unknown-verb", "functions.quick:handle", uses=[orders.reed])  # GS1208
    Function("two-names", "functions.quick:handle", uses=[orders.read.env("A", "B")])  # GS1404
    Function("no-name", "functions.quick:handle", uses=[orders.read.env("A-B")])  # GS1405
    Function("conflict", "functions.quick:handle", environment={"ORDERS_TABLE": "x"}, uses=[orders.read])  # GS1403

    # the AWS surface
    aws.sqs_queue("a", naem="a")  # GS1101
    aws.sqs_queue("b", delay_seconds="a while")  # GS1102
    aws.sqs_queue_policy("c", queue_url="https://queue.example")  # GS1103
    aws.lb_listener("d", load_balancer_arn="arn", port=80)  # GS1103
    aws.sqs_queue("e", arn="arn:aws:sqs:us-east-1:123456789012:e")  # GS1105
    aws.sqs_queues("f", name="f")  # GS1107
    output("attribute", aws.sqs_queue("g", name="g").urll)  # GS1108
    aws.sqs_queue("h h", name="h")  # GS1109
    aws.sqs_queue("i", name="i", lifecycle="forever")  # GS1110
    aws.sqs_queue("a", name="again")  # GS1001
    aws.sqs_queue_policy("j", queue_url=Reference("aws_sqs_queue.gone", ("url",)), policy="{}")  # GS1002
    aws.sns_topic("k", display_name=Reference("aws_sns_topic.l", ("name",)))  # GS1003
    aws.sns_topic("l", display_name=Reference("aws_sns_topic.k", ("name",)))
    output("dangling", Reference("aws_sns_topic.gone", ("name",)))  # GS1002
    output("two words", "value")  # GS1410
    output("unwritable", 1j)  # GS1411

    # the stand-ins of all the mistakes above, used: none of them is reported a second time
    broken = Table("wrong-again", key=42)  # GS1206
    handler = Function("uses-broken", "functions.quick:handle", uses=[broken.read, broken.write.env("A")])
    api.route("GET /broken", Function("broken", 42))  # GS1206
    api.route("GET /fine", handler).route("GET /fine/too", handler)
    EmailSender("also-broken", sender)
    output("broken", f"{broken.resource['name']}/x")
    raise RuntimeError("the last one")  # GS1314
