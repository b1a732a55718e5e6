"""The figures of each system's document, from its requirement rows, and why ours differ."""

from __future__ import annotations

from scripts.cost_page import (
    PRICES,
    Chosen,
    Row,
    Section,
    component,
    dollars,
    money,
    one,
    parrot_load,
    saves,
    service,
    sum_of,
)

TASKS = service(types=("aws_ecs_service",))
ADDRESSES = service(types=("aws_eip", "aws_lb", "aws_ecs_service"), what="IPv4")
OPEN_METABOLICS = Section(
    "open_metabolics",
    "dev",
    (
        "The document states no totals and no traffic. Its resources are those of `dev`; the figures beside ours are the fixed "
        "costs that its requirement row works out, before usage."
    ),
    (
        Row(
            "OM-S13",
            "API task",
            "36.04",
            "ARM64 in place of x86: a fifth less",
            lambda line: line.resource.component == "energy-api" and TASKS(line),
        ),
        Row(
            "OM-S13",
            "worker",
            "9.01",
            "ARM64 in place of x86: a fifth less",
            lambda line: line.resource.component == "energy-worker" and TASKS(line),
        ),
        Row(
            "OM-S13",
            "load balancer",
            "16.43",
            "the same, and capacity units by traffic",
            service("Elastic Load Balancing", without=("IPv4", "internet")),
        ),
        Row(
            "OM-S13",
            "NAT gateway",
            "32.85",
            "the same; its traffic is a line of its own",
            service(types=("aws_nat_gateway",), what="hours"),
        ),
        Row(
            "OM-S13",
            "public IPv4 addresses",
            "14.60 for four",
            "one: that of the NAT gateway. Tasks have none (OM-C08), and without a "
            "domain the load balancer stands inside the network",
            ADDRESSES,
        ),
        Row(
            "OM-S13", "tables on demand", "no figure", "by traffic: reads, writes, storage", service("Amazon DynamoDB")
        ),
        Row("OM-S13", "functions by request and duration", "no figure", "by traffic", service("AWS Lambda")),
        Row(
            "OM-S13",
            "metrics, alarms and logs",
            "not named",
            "detailed metrics of twelve routes, and an alarm for each part that can fail (OM-S06)",
            service("Amazon CloudWatch", "Amazon API Gateway", what="", without=("requests", "internet", "messages")),
        ),
        Row(
            "OM-S13",
            "everything",
            "about 109 before usage",
            "less for tasks and addresses, more for what the document does not name",
        ),
    ),
)
OPEN_METABOLICS_PROD = Section(
    "open_metabolics",
    "prod",
    (
        "A million requests a day of 20 KB, and 30 GB of new sessions a month. AWS Backup keeps 35 whole copies of every table, "
        "beside point-in-time recovery for 35 days: the copies are most of the cost, and grow with the tables."
    ),
    (
        Row(
            "OM-S13",
            "requests of the API",
            "no figure",
            "30.4 million at $1.00",
            service("Amazon API Gateway", what="requests"),
        ),
        Row(
            "OM-S13",
            "raw samples",
            "no figure",
            "storage of 12 months, continuous backups, writes",
            component("raw-sensor-data"),
        ),
        Row(
            "OM-S14",
            "daily backups",
            "suggested, no figure",
            "35 copies of each table, each of them whole",
            component("daily"),
        ),
        Row(
            "OM-S13",
            "two NAT gateways",
            "32.85 for one",
            "one in each zone",
            service(types=("aws_nat_gateway",), what="hours"),
        ),
        Row("OM-S13", "everything", "no figure", "at the traffic above"),
    ),
)
PARROT = Section(
    "parrot",
    "dev",
    (
        "The document's table is for one development environment and adds up to 110. With list prices its resources are about 66 "
        "before usage (PA-C03). Traffic: 100 users with 100 requests a day each."
    ),
    (
        Row(
            "PA-S01, PA-C03",
            "Fargate, two tasks",
            "30 (18.02 by list price)",
            "the document's figure is not the list price; ours is ARM64, a fifth less again",
            lambda line: TASKS(line) and line.what in ("vCPU", "memory"),
        ),
        Row(
            "PA-S01, PA-C03",
            "database",
            "12 (13.14 + 2.30 storage)",
            "db.t4g.micro in place of db.t3.micro; gp3 costs what gp2 does (PA-C33)",
            service("Amazon RDS", without=("password",)),
        ),
        Row(
            "PA-S01, PA-C03",
            "load balancer",
            "16 (16.43)",
            "the same, and capacity units by traffic",
            service("Elastic Load Balancing", without=("IPv4", "internet")),
        ),
        Row(
            "PA-S01, PA-C02",
            "Route 53",
            "40",
            "a zone is 0.50, and a million queries 0.40; a domain's fee is paid once a year to the registrar",
            service("Amazon Route 53"),
        ),
        Row(
            "PA-S01",
            "logs",
            "8",
            "by what is written: 0.50 for a GB; 8 would be 16 GB a month",
            service("Amazon CloudWatch", what="logs"),
        ),
        Row(
            "PA-S01",
            "images (ECR)",
            "4",
            "4 would be 40 GB; ours is half of the images that the lifecycle keeps, 100 MB each",
            service("Amazon ECR"),
        ),
        Row(
            "PA-C03",
            "secrets",
            "absent (0.80)",
            "the same, and reads",
            service("AWS Secrets Manager", "Amazon RDS", what="", without=("hours", "storage", "backups")),
        ),
        Row(
            "PA-C03, PA-C19",
            "public IPv4 addresses",
            "absent (14.60)",
            "the same: two of the load balancer, one of each task",
            ADDRESSES,
        ),
        Row(
            "PA-R48",
            "alarms, metrics, dashboard",
            "absent",
            "none in the document; ours watches what can fail",
            service("Amazon CloudWatch", without=("logs",)),
        ),
        Row("PA-S01, PA-C03", "everything", "110 (about 66 before usage)", "as itemised"),
        Row(
            "PA-S02",
            "NAT off saves",
            "about 32",
            "one NAT gateway with its address; the two addresses that tasks need without it are 7.30 (PA-C19)",
            figure=lambda: money(32.85 + 3.65),
        ),
        Row(
            "PA-S02, PA-C35",
            "Redis off saves",
            "about 15",
            "cache.t4g.micro is 11.68, cache.t3.micro 12.41",
            figure=saves("parrot", "dev", {"redis": True}),
        ),
        Row(
            "PA-S02",
            "single-AZ saves",
            "about 12",
            "a standby doubles instance and storage",
            figure=lambda: money(
                sum_of(PRICES.of("parrot", "prod"), service("Amazon RDS", without=("password",))).expected
                - sum_of(PRICES.of("parrot", "dev"), service("Amazon RDS", without=("password",))).expected
            ),
        ),
        Row("PA-S03", "1 user", "110", "nearly all of it is fixed", figure=parrot_load(1)),
        Row("PA-S03", "100 users", "120", "requests cost cents", figure=parrot_load(100)),
        Row(
            "PA-S03",
            "1,000 users",
            "180",
            "two tasks of each part",
            figure=parrot_load(1000, backend_desired_count=2, frontend_desired_count=2),
        ),
        Row(
            "PA-S03",
            "10,000 users",
            "600-800",
            "eight tasks of each part with 1 vCPU, db.t4g.small; data to the internet and its capacity units",
            figure=parrot_load(
                10_000,
                backend_desired_count=8,
                frontend_desired_count=8,
                task_size="large",
                database_class="db.t4g.small",
            ),
        ),
    ),
)
SECURITY = ("AWS KMS", "AWS WAF", "Amazon GuardDuty", "AWS Security Hub", "AWS Config", "AWS CloudTrail")
NETWORK = ("Amazon VPC",)


def nutritionist_tiers(label: str, document: str, why: str, chosen: Chosen | None, ids: str = "AN-S21") -> Row:
    """A row with a figure for each tier."""

    def figure() -> str:
        return " / ".join(
            money(sum_of(PRICES.of("ai_nutritionist", "prod", tier=tier), chosen).expected)
            for tier in ("basic", "standard", "enterprise")
        )

    return Row(ids, label, document, why, figure=figure)


NUTRITIONIST = Section(
    "ai_nutritionist",
    "prod",
    (
        "500 people who send two texts a day; the document states no traffic, and three tables of costs that "
        "contradict each other (AN-C05, AN-C06, AN-C07). By tier, figures are basic / standard / enterprise."
    ),
    (
        nutritionist_tiers(
            "Lambda",
            "50 / 100 / 200",
            "30,000 texts a month run for 13 hours together: 50 dollars would be a hundred times that",
            service("AWS Lambda", without=("tokens",)),
        ),
        nutritionist_tiers(
            "DynamoDB",
            "25 / 50 / 100",
            "by traffic: 10 GB and millions of requests would be needed; the replica in another "
            "region writes everything twice",
            service("Amazon DynamoDB"),
        ),
        nutritionist_tiers(
            "ElastiCache", "0 / 30 / 60", "Valkey on cache.t4g.micro is 9.34 a node", service("Amazon ElastiCache")
        ),
        nutritionist_tiers(
            "network",
            "0 / 45 / 90",
            "AN-C29: a NAT gateway is 32.85, its address 3.65, and five interface endpoints "
            "in two zones 73.00, which the document leaves out",
            service(*NETWORK),
            "AN-S21, AN-C29",
        ),
        nutritionist_tiers(
            "security",
            "0 / 25 / 75",
            "keys and firewalls here; GuardDuty, Security Hub and Config are the account's, in `account/system.py`",
            service(*SECURITY),
        ),
        Row(
            "AN-S21",
            "security services of the account",
            "in the row above",
            "GuardDuty, Security Hub, Config and the audit trail of `account/system.py`: paid by what happens in an account, "
            "so the estimate is wide",
            figure=lambda: " / ".join(
                dollars(PRICES.of("ai_nutritionist/account", "prod", tier=tier).total)
                for tier in ("basic", "standard", "enterprise")
            ),
        ),
        nutritionist_tiers(
            "everything",
            "75 / 250 / 525",
            "AN-C07: the document leaves out API Gateway, CloudFront, S3, WAF, KMS, backups, Bedrock and texts",
            None,
            "AN-S21, AN-C07",
        ),
        Row("AN-S23", "Lambda", "15-40", "by traffic", service("AWS Lambda", without=("tokens",))),
        Row("AN-S23", "DynamoDB", "15-50", "by traffic", service("Amazon DynamoDB")),
        Row(
            "AN-S23",
            "API",
            "10-25",
            "30,000 requests are 0.11; detailed metrics of its methods are the rest",
            service("Amazon API Gateway"),
        ),
        Row(
            "AN-S23",
            "CloudFront",
            "5-15",
            "100,000 requests of 60 KB; eight further metrics are 2.40",
            service("Amazon CloudFront"),
        ),
        Row(
            "AN-S23",
            "Bedrock",
            "10-30",
            "Nova Lite at 0.06 and 0.24 for a million tokens; the cache answers four of five",
            service("AWS Lambda", what="tokens"),
        ),
        Row(
            "AN-S23, AN-C05",
            "everything",
            "50-150 (the items add up to 65-180)",
            "the network with its endpoints, which the document leaves out, is most of it",
        ),
        Row(
            "AN-S22, AN-C06",
            "development, everything",
            "20-40 (the items add up to 20-45)",
            "five dashboards, two firewalls, a key, and alarms make most of it; functions and tables cost cents",
            figure=one("ai_nutritionist", "dev"),
        ),
        Row(
            "AN-S24",
            "arm64 in place of x86",
            "20 % cheaper",
            "a GB-second is a fifth cheaper, a request is not; functions run for so short a time that it is cents",
            figure=lambda: (
                money(
                    sum_of(
                        PRICES.of("ai_nutritionist", "prod", lambda_architecture="x86_64"), service("AWS Lambda")
                    ).expected
                    - sum_of(PRICES.of("ai_nutritionist", "prod"), service("AWS Lambda")).expected
                )
                + " saved"
            ),
        ),
        Row(
            "AN-S24, AN-C08",
            "what the cache saves at the model",
            "70 % of calls, 23-70",
            "without it every text asks the model; it pays for itself from about four times this traffic on",
            figure=lambda: (
                money(
                    sum_of(
                        PRICES.of("ai_nutritionist", "prod", given={"universal-message-handler.model_calls": "1"}),
                        service("AWS Lambda", what="tokens"),
                    ).expected
                    - sum_of(PRICES.of("ai_nutritionist", "prod"), service("AWS Lambda", what="tokens")).expected
                )
                + " against 18.69"
            ),
        ),
    ),
)
MACHINES = service(types=("aws_instance", "aws_autoscaling_group"), what="hours")
IMAGES = Section(
    "image_understander",
    "prod",
    (
        "50 people who ask 20 questions each working day. The document's total is below the list price of the model's machine "
        "alone (IU-C01)."
    ),
    (
        Row(
            "IU-S01, IU-C01",
            "model machine (g5.xlarge)",
            "about 400 (734 by list price)",
            "730 hours at 1.006",
            lambda line: line.resource.component == "llm" and MACHINES(line),
        ),
        Row(
            "IU-C01, IU-C14",
            "ChromaDB machine",
            "30.37",
            "t4g.medium in place of t3.medium",
            lambda line: line.resource.component == "chromadb" and MACHINES(line),
        ),
        Row(
            "IU-C01, IU-C32",
            "frontend and backend machines",
            "3.68 (a Spot pair)",
            "two of each, one of them no Spot machine; a highest price saves nothing, so none is set",
            lambda line: line.resource.component in ("frontend", "backend") and MACHINES(line),
        ),
        Row(
            "IU-C01",
            "database",
            "27.96",
            "the same: db.t4g.micro Multi-AZ and 20 GB",
            service("Amazon RDS", without=("password", "Monitoring")),
        ),
        Row(
            "IU-C01",
            "load balancers",
            "16.43 (one)",
            "a second one inside, since machines of a group come and go",
            service("Elastic Load Balancing", without=("IPv4", "internet")),
        ),
        Row(
            "IU-C01",
            "NAT gateways",
            "32.85 (one)",
            "one in each zone",
            service(types=("aws_nat_gateway",), what="hours"),
        ),
        Row(
            "IU-C01, IU-C02",
            "interface endpoints",
            "43.80",
            "none: behind a NAT gateway they cost more than they save",
            service(types=("aws_vpc_endpoint",)),
        ),
        Row(
            "IU-C01",
            "volumes and roots",
            "12 + about 7",
            "150 GB of data, four roots, and 14 daily snapshots",
            service("Amazon EC2", without=("hours", "IPv4", "internet")),
        ),
        Row(
            "IU-C01",
            "public IPv4 addresses",
            "10.95 (three)",
            "two of the load balancer, two of NAT gateways",
            ADDRESSES,
        ),
        Row(
            "IU-C01",
            "secrets",
            "0.80",
            "the same, and reads",
            service("AWS Secrets Manager", "Amazon RDS", without=("hours", "storage", "backups", "Monitoring")),
        ),
        Row(
            "IU-C22",
            "Route 53",
            "about 1, and 0.50",
            "a zone 0.50, queries 0.04, a check of another's endpoint 0.75 with HTTPS 2.00",
            service("Amazon Route 53"),
        ),
        Row("IU-S01, IU-C01", "everything", "about 521 (about 920 by list price)", "as itemised"),
        Row(
            "IU-S02, IU-C01",
            "stopping the model outside working hours saves",
            "about 380",
            "180 hours in place of 730",
            figure=lambda: money(
                PRICES.of("image_understander", "dev", given={"llm.hours": "730 h/month"}).total.expected
                - PRICES.of("image_understander", "dev").total.expected
            ),
        ),
        Row(
            "IU-S02",
            "single-AZ database saves",
            "about 14",
            "instance and storage",
            figure=saves("image_understander", "prod", {"db_multi_az": True}, {"db_multi_az": False}),
        ),
        Row(
            "IU-S02, IU-S03",
            "Spot for the model saves",
            "about 260 (70 %)",
            "Spot floats: 30 % to 70 % of the list price, 40 % expected",
            figure=saves("image_understander", "prod", {"llm_spot": False}, {"llm_spot": True}),
        ),
        Row(
            "IU-S02, IU-C21",
            "logs for 7 days in place of 30 save",
            "about 5",
            "keeping a GB costs 0.03, taking it in 0.50",
            figure=saves("image_understander", "prod", {"log_retention_days": 30}, {"log_retention_days": 7}),
        ),
        Row(
            "IU-S02",
            "external DNS saves",
            "0.50",
            "the zone, and its queries",
            figure=saves("image_understander", "staging", {}, {"create_hosted_zone": False}),
        ),
        Row(
            "IU-S03",
            "Reserved Instances and Savings Plans",
            "up to 72 %",
            "no list price: what you agreed on goes into `[prices]`",
            figure=lambda: "not in list prices",
        ),
    ),
)
MULTITASK = Section(
    "multitask",
    "prod",
    (
        "2,000 active people. The document has no table of costs, and a budget of 100 for each stage, which the "
        "database of production alone is above."
    ),
    (
        Row(
            "MT-C14",
            "functions kept warm",
            "263 (10 x 512 MB x 6)",
            "the same: five with 10 x 512 MB, chat with 5 x 1,024 MB",
            service("AWS Lambda", what="provisioned concurrency"),
        ),
        Row(
            "MT-S13",
            "database",
            "no figure",
            "at least 2 ACU in each of two instances: 350.40; expected is a tenth of the way to 16",
            component("catalog-database"),
        ),
        Row("MT-C37", "table streams", "cost-free", "the same: functions read them for free", figure=lambda: "free"),
        Row("MT-C12", "tables on demand", "no figure", "by traffic", service("Amazon DynamoDB")),
        Row(
            "MT-C12",
            "tables with provisioned capacity",
            "5 to 100 of each",
            "18.98 for 5 of each, and as much for every index",
            figure=one("multitask", "prod", service("Amazon DynamoDB"), table_capacity="provisioned"),
        ),
        Row(
            "MT-S09",
            "development",
            "budget 100",
            "a NAT gateway, two firewalls and an Aurora instance that never sleeps: above it",
            figure=one("multitask", "dev"),
        ),
        Row("MT-S09", "staging", "budget 100 (ours 250)", "at its budget", figure=one("multitask", "staging")),
        Row(
            "MT-S09",
            "production",
            "budget 100 (ours 1,000)",
            "above it in the expected case: the database's capacity decides",
        ),
    ),
)
SECTIONS = (OPEN_METABOLICS, OPEN_METABOLICS_PROD, PARROT, NUTRITIONIST, IMAGES, MULTITASK)
