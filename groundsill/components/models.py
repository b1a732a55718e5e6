"""Language models on Amazon Bedrock: the right to call one, what it must not say, and a record of what it was asked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from groundsill import aws
from groundsill.components.keys import account_id, key_of_tier
from groundsill.components.logs import log_group, write_log
from groundsill.components.metrics import Metric
from groundsill.components.roles import require, workload_role
from groundsill.definition.component import Component, Mistake, step
from groundsill.definition.grant import Grant, Statement
from groundsill.definition.naming import environment_name
from groundsill.graph import Reference, did_you_mean

_MODEL = re.compile(r"((?P<area>apac|eu|global|us|us-gov)\.)?(?P<model>[a-z0-9-]+\.[a-z0-9][a-z0-9.:-]*)")
_INVOKE = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
# Amazon Bedrock API: GuardrailContentFilterConfig, Type; and GuardrailPiiEntityConfig.
_FILTERS = ("HATE", "INSULTS", "MISCONDUCT", "PROMPT_ATTACK", "SEXUAL", "VIOLENCE")
_NUMBERS = ("CREDIT_DEBIT_CARD_NUMBER", "US_BANK_ACCOUNT_NUMBER", "US_SOCIAL_SECURITY_NUMBER")


class Guardrail(Component):
    """What a model is not asked and does not answer: harmful content, attacks on its instructions, certain topics.

    Arguments:
        component: unique in the system.
        refusal: what people read in place of an answer, at most 500 characters.
        topics: topics that are refused, by name: what each means, for example ``{"Diagnosis": "Telling a person which
            illness they have."}``.
        mask: kinds of personal numbers that are masked in answers, default card, bank account and social security numbers.

    Resources created: ``aws_bedrock_guardrail``.

    Costs: per 1,000 text units that it reads.

    Example:
        ``Guardrail("advice", refusal="I can only talk about food.", topics={"Diagnosis": "Which illness a person has."})``
    """

    def __init__(
        self, component: str, /, *, refusal: str, topics: Mapping[str, str] | None = None, mask: Sequence[str] = _NUMBERS,
    ) -> None:
        super().__init__(component)
        if not refusal:
            raise Mistake("GS1690", "a guardrail that refuses without a word", mend='write for example refusal="Not that."')
        key = key_of_tier()
        self.resource = aws.bedrock_guardrail(
            self.terraform_name(), name=self.physical_name("aws_bedrock_guardrail"), blocked_input_messaging=refusal,
            blocked_outputs_messaging=refusal, kms_key_arn=key.arn if key else None,
            content_policy_config=[{"filters_config": [
                # An attack on instructions is in what people send, never in an answer.
                {"type": kind, "input_strength": "HIGH", "output_strength": "NONE" if kind == "PROMPT_ATTACK" else "HIGH"}
                for kind in _FILTERS]}],
            sensitive_information_policy_config=[{
                "pii_entities_config": [{"type": kind, "action": "ANONYMIZE"} for kind in mask]}] if mask else None,
            topic_policy_config=[{"topics_config": [
                {"name": name, "definition": meaning, "type": "DENY"} for name, meaning in topics.items()]}]
            if topics else None,
        )

    @property
    def arn(self) -> Reference:
        """ARN of the guardrail."""
        return self.resource["guardrail_arn"]


class LanguageModel(Component):
    """The right to call one language model of Amazon Bedrock, and no other.

    Prompt caching is a matter of each call and needs nothing here. Some models must first be allowed for the account, in
    the console.

    Arguments:
        component: unique in the system.
        model: model id, for example ``amazon.nova-lite-v1:0``; or an inference profile, for example
            ``us.amazon.nova-lite-v1:0``, which lets AWS choose among several regions.
        regions: regions that the profile chooses from; needed with one, for example ``("us-east-1", "us-west-2")``.
        guardrail: a `Guardrail` that the workload applies; default none.

    Verbs for `uses`: ``invoke``. Passes the model's id as ``<NAME>_MODEL_ID`` and the guardrail's as ``<NAME>_GUARDRAIL_ID``.

    Resources created: none: AWS has the model already.

    Costs: per thousand tokens in and out; cached tokens cost less.

    Example:
        ``LanguageModel("model", "amazon.nova-lite-v1:0")``
    """

    def __init__(
        self, component: str, model: str, /, *, regions: Sequence[str] = (), guardrail: Guardrail | None = None,
    ) -> None:
        super().__init__(component)
        match = _MODEL.fullmatch(model) if isinstance(model, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
        if match is None:
            raise Mistake("GS1691", f"{model!r} is not the id of a model", mend="write for example amazon.nova-lite-v1:0")
        if bool(match["area"]) != bool(regions):
            raise Mistake("GS1692", f"{model} is {'an inference profile' if match['area'] else 'no inference profile'}, and "
                          f"{'no' if not regions else 'some'} regions are named",
                          mend="name the regions that the profile chooses from, and none for a model itself")
        if guardrail is not None:
            require(guardrail, Guardrail, "guardrail", self)
        self.model, self.guardrail, self._profile, self._regions = model, guardrail, bool(match["area"]), tuple(regions)
        self._base = match["model"]

    def _arns(self) -> tuple[str, ...]:
        home = self.building.graph.region
        models = tuple(f"arn:aws:bedrock:{region}::foundation-model/{self._base}" for region in self._regions or (home,))
        profile = (f"arn:aws:bedrock:{home}:{account_id()}:inference-profile/{self.model}",) if self._profile else ()
        return (*profile, *models)

    @property
    def invoke(self) -> Grant:
        """Call the model, through the guardrail where there is one."""
        statements = [Statement(_INVOKE, self._arns())]
        environment: dict[str, object] = {environment_name(self.name, "model-id"): self.model}
        if self.guardrail is not None:
            statements.append(Statement(("bedrock:ApplyGuardrail",), (self.guardrail.arn,)))
            key = key_of_tier()
            if key:
                statements.append(key.read_statement())
            environment[environment_name(self.name, "guardrail-id")] = self.guardrail.resource["guardrail_id"]
        return Grant(self.name, "invoke", tuple(statements), environment)

    @step
    def metric(self, name: str, statistic: str = "Sum") -> Metric:
        """A metric of the model's calls.

        Arguments:
            name: for example ``Invocations``, ``InputTokenCount`` or ``InvocationLatency``.
            statistic: see `Metric`, default ``Sum``.
        """
        return Metric("AWS/Bedrock", name, {"ModelId": self.model}, statistic)


class ModelLog(Component):
    """A record of everything that models of the account are asked and answer. One for an account and region.

    It holds what people wrote. Keep it off where that is personal, unless they agreed.

    Arguments:
        component: unique in the system.
        kinds: ``text`` (default), ``image``, ``embedding``.

    Resources created: ``aws_bedrock_model_invocation_logging_configuration``, ``aws_cloudwatch_log_group``,
    ``aws_iam_role``, ``aws_iam_role_policy``.

    Costs: per GB of log.

    Example:
        ``ModelLog("model-log")``
    """

    def __init__(self, component: str, /, *, kinds: Sequence[str] = ("text",)) -> None:
        super().__init__(component)
        known = ("embedding", "image", "text")
        unknown = [kind for kind in kinds if kind not in known]
        if unknown:
            raise Mistake("GS1693", f"unknown kind of data {unknown[0]!r}", mend=did_you_mean(unknown[0], known, what="Known"))
        self.log_group = log_group(self, f"/bedrock/{self.building.system}-{self.stage.name}")
        role = workload_role(
            self, "bedrock.amazonaws.com", (), own=[write_log(self.log_group)], own_sid="WriteLog",
            conditions={"StringEquals": {"aws:SourceAccount": account_id()}},
            description=f"Record of model calls of {self.building.system}",
        )
        logging: Any = {f"{kind}_data_delivery_enabled": kind in kinds for kind in known}
        logging["cloudwatch_config"] = {"log_group_name": self.log_group["name"], "role_arn": role["arn"]}
        self.resource = aws.bedrock_model_invocation_logging_configuration(
            self.terraform_name(), depends_on=[f"aws_iam_role_policy.{self.terraform_name()}"],
            logging_config=[logging],
        )
