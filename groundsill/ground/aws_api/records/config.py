"""AWS Config, what the emulator leaves out: tags, remediations, and taking recorders and channels away ("AWS Config API
Reference"). Nothing is evaluated or remedied.
"""

from __future__ import annotations

from typing import Any

from groundsill.ground.aws_api.records.service import Tagged, found
from groundsill.ground.aws_api.records.wire import Refused

Given = dict[str, Any]


class Config(Tagged):
    """Beside the emulator's rules, recorders and channels."""

    service = "config"

    def put_config_rule(self, given: Given) -> None:
        module = self._emulator.service("config")
        rule: Given = dict(given["ConfigRule"])
        name = rule["ConfigRuleName"]
        if not list(module._recorders.keys()):
            raise Refused("NoAvailableConfigurationRecorderException",
                          "a configuration recorder must exist before a rule is made")
        module._put_config_rule({"ConfigRule": {"EvaluationModes": [{"Mode": "DETECTIVE"}], **rule}})
        self.give_tags(module._config_rules[name]["ConfigRuleArn"], given.get("Tags"))

    def delete_config_rule(self, given: Given) -> None:
        module, name = self._emulator.service("config"), given["ConfigRuleName"]
        if name in self.kept("remediations"):
            raise Refused("ResourceInUseException", "the rule has a remediation: delete that first")
        rule = found(module._config_rules, name, "rule", "NoSuchConfigRuleException")
        del module._config_rules[name]
        self.forget_tags(rule["ConfigRuleArn"])

    def delete_configuration_recorder(self, given: Given) -> None:
        recorders, name = self._emulator.service("config")._recorders, given["ConfigurationRecorderName"]
        found(recorders, name, "recorder", "NoSuchConfigurationRecorderException")
        del recorders[name]

    def delete_delivery_channel(self, given: Given) -> None:
        module, name = self._emulator.service("config"), given["DeliveryChannelName"]
        found(module._delivery_channels, name, "channel", "NoSuchDeliveryChannelException")
        if any(recorder["recording"] for recorder in module._recorders.values()):
            raise Refused("LastDeliveryChannelDeleteFailedException", "the configuration recorder still runs")
        del module._delivery_channels[name]

    def put_remediation_configurations(self, given: Given) -> Given:
        rules = self._emulator.service("config")._config_rules
        for item in given["RemediationConfigurations"]:
            rule = found(rules, item["ConfigRuleName"], "rule", "NoSuchConfigRuleException")
            arn = f"{rule['ConfigRuleArn'].replace(':config-rule/', ':remediation-configuration/')}"
            self.kept("remediations")[item["ConfigRuleName"]] = {**item, "Arn": arn}
        return {"FailedBatches": []}

    def describe_remediation_configurations(self, given: Given) -> Given:
        kept = self.kept("remediations")
        return {"RemediationConfigurations": [kept[name] for name in given["ConfigRuleNames"] if name in kept]}

    def delete_remediation_configuration(self, given: Given) -> None:
        name = given["ConfigRuleName"]
        found(self.kept("remediations"), name, "remediation", "NoSuchRemediationConfigurationException")
        del self.kept("remediations")[name]

    def list_tags_for_resource(self, given: Given) -> Given:
        return {"Tags": self.tag_list(given["ResourceArn"])}

    def tag_resource(self, given: Given) -> None:
        self.give_tags(given["ResourceArn"], given["Tags"])

    def untag_resource(self, given: Given) -> None:
        self.take_tags(given["ResourceArn"], given["TagKeys"])
