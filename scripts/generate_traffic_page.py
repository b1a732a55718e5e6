"""Makes `docs/traffic.md`: what can be said in a `traffic.toml`, type by type: `python scripts/generate_traffic_page.py`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from groundsill.cost.meters import every_service  # noqa: E402
from groundsill.cost.model import Parameter  # noqa: E402
from groundsill.cost.quantities import amount_text  # noqa: E402

PAGE = ROOT / "docs" / "traffic.md"
HEAD = """# Saying what traffic to reckon with

`groundsill cost` reckons with what is said in `traffic.toml` beside the system (or in `--traffic FILE`). Say how much comes
in; the graph carries it on: from APIs, load balancers, CDNs, queues, schedules and user pools over routes to functions and
services, and from there, as their policies let them, to tables, buckets, queues, logs, keys and NAT gateways. Whatever nobody
says and the graph does not tell is assumed, and every assumption is listed with the word that says it better.

```toml
[units]                        # what cost is also told for
user = 1000
session = "30k/month"

[assume]
months = 12                    # stored data is that of so many months

[traffic.api]                  # a component's name, or a Terraform address
requests = "1M/day"
request_size = "20 KB"
routes = { "POST /save-raw-sensor-data" = "97%" }  # the rest is spread evenly

[traffic.save-raw-sensor-data]
duration = "30 ms..60 ms..150 ms"                  # low..expected..high
uses = { "raw-sensor-data.write" = 1 }             # as `uses=[raw.write]` in the definition

[traffic.raw-sensor-data]
growth = "30 GB/month"

[stage.dev.traffic.api]        # in one stage; `[tier.basic...]` in one tier
requests = "10k/day"

[prices]                       # what you pay in place of the list price
"ec2.g5.xlarge" = 0.61
```

A stage's table goes before a tier's, both before the general one, and `--set-traffic api.requests=2M/day` before all. In a
definition a component says the same: `api.traffic(requests="1M/day")`. What is said of a component holds for each of its
resources that know the word; name a Terraform address to say it of one.
`groundsill cost --write-traffic FILE` writes a file to fill in. KB, MB and GB are powers of 1,024, as AWS bills them; a month
has 730 hours.

This page is made by `python scripts/generate_traffic_page.py`.
"""


def page() -> str:
    """The text of the page."""
    parts = [HEAD]
    for service in sorted(every_service(), key=lambda item: item.name):
        for type, parameters in service.parameters.items():
            if parameters:
                parts += ["", f"## {type} ({service.name})", "", "| word | meaning | written as | assumed |",
                          "| --- | --- | --- | --- |", *_rows(parameters)]
    return "\n".join(parts) + "\n"


def _rows(parameters: tuple[Parameter, ...]) -> Iterator[str]:
    for parameter in parameters:
        default = amount_text(parameter.default, parameter.dimension) if parameter.default else (
            "unknown until it is said" if parameter.entry else "as the graph tells")
        meaning = parameter.what.rstrip(":,")
        yield f"| `{parameter.name}` | {meaning} | {parameter.dimension.value} | {default} |"


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
