"""Amazon Bedrock: tokens of language models, which workloads pay for as they call them.

"Amazon Bedrock Pricing" (aws.amazon.com/bedrock/pricing): input and output tokens, on demand.
"""

from __future__ import annotations

from groundsill.cost.amount import Amount
from groundsill.cost.context import Context, counted, title
from groundsill.cost.model import Factor, Lines, Parameter, Service, unknown
from groundsill.cost.quantities import Dimension
from groundsill.graph.resource import Resource

service = Service("Amazon Bedrock",
    free={"aws_bedrock_model_invocation_logging_configuration": "only the logs that it writes cost something"})
MODEL_PARAMETERS = (
    Parameter("model_calls", Dimension.COUNT, "how often one call asks a language model", Amount(0, 1, 3)),
    Parameter("input_tokens", Dimension.COUNT, "tokens given to a language model each time", Amount(200, 1000, 8000)),
    Parameter("output_tokens", Dimension.COUNT, "tokens that a language model answers with each time",
              Amount(50, 300, 2000)),
)
# The beginning of a model's identifier, and of its prices in the book. A region's prefix (`us.`) is a profile across regions.
MODELS = {
    "amazon.nova-micro": "nova_micro_{}", "amazon.nova-lite": "nova_lite_{}", "amazon.nova-pro": "nova_pro_{}",
    "anthropic.claude-haiku-4-5": "claude_haiku_4_5_{}_global", "anthropic.claude-sonnet-4-6": "claude_sonnet_4_6_{}_global",
    "anthropic.claude-opus-4-5": "claude_opus_4_5_{}_global", "amazon.titan-embed-text-v2": "titan_embed_v2_{}",
}
_REGIONS = ("us.", "eu.", "apac.", "global.")


def model_lines(context: Context, workload: Resource, invocations: Factor) -> Lines:
    """Tokens of every model that a workload may call; where it may call several, it calls one of them each time."""
    found: dict[str, str] = {}
    for name in context.grants.models(workload):
        for prefix in _REGIONS:
            name = name.removeprefix(prefix)
        found.setdefault(next((key for start, key in MODELS.items() if name.startswith(start)), name), name)
    for key, name in found.items():
        if "{}" not in key:
            yield context.not_known(workload, f"tokens of {name}", "the price book does not have this model")
            continue
        asked = context.measure(workload, "model_calls", "calls of the model")
        share = counted(1 / len(found), "of them") if len(found) > 1 else None
        for kind in ("input", "output"):
            tokens = context.measure(workload, f"{kind}_tokens", f"{kind} tokens / 1M").scaled(1e-6)
            factors = [factor for factor in (invocations, asked, share, tokens) if factor is not None]
            yield context.line(workload, f"{kind} tokens of {name}", f"bedrock.{key.format(kind)}", *factors)


@service.meter("aws_bedrock_guardrail")
def guardrail(context: Context, guardrail: Resource) -> Lines:
    """Text that a guardrail looks at is paid by the 1,000 characters, by each kind of policy."""
    yield context.line(guardrail, "text units", "bedrock.guardrail_text_unit",
                       unknown(f"the price book has no price of guardrails; {title(guardrail)} is paid by 1,000 characters"))
