"""WAF, what the emulator leaves out: where a web ACL logs to ("AWS WAFV2 API Reference"). Nothing is logged."""

from __future__ import annotations

from typing import Any

from groundsill.ground.aws_api.records.service import Recorded, found
from groundsill.ground.aws_api.records.wire import Refused

Given = dict[str, Any]
_NAME = "aws-waf-logs-"
"""How the name of a destination begins ("Logging AWS WAF web ACL traffic", AWS WAF Developer Guide)."""


class Waf(Recorded):
    """Beside the emulator's web ACLs."""

    service = "wafv2"

    def put_logging_configuration(self, given: Given) -> Given:
        configuration: Given = given["LoggingConfiguration"]
        arn = configuration["ResourceArn"]
        if not any(acl.get("ARN") == arn for acl in self._emulator.service("waf")._web_acls.values()):
            raise Refused("WAFNonexistentItemException", f"there is no web ACL {arn}")
        for destination in configuration["LogDestinationConfigs"]:
            if _NAME not in destination:
                raise Refused("WAFInvalidParameterException", f"the name of {destination} must begin with {_NAME}")
        kept = {"LogType": "WAF_LOGS", "LogScope": "CUSTOMER", "ManagedByFirewallManager": False, **configuration}
        self.kept("logging")[arn] = kept
        return {"LoggingConfiguration": kept}

    def get_logging_configuration(self, given: Given) -> Given:
        return {"LoggingConfiguration": found(self.kept("logging"), given["ResourceArn"], "logging of",
                                              "WAFNonexistentItemException")}

    def list_logging_configurations(self, given: Given) -> Given:
        return {"LoggingConfigurations": list(self.kept("logging").values())}

    def delete_logging_configuration(self, given: Given) -> None:
        found(self.kept("logging"), given["ResourceArn"], "logging of", "WAFNonexistentItemException")
        del self.kept("logging")[given["ResourceArn"]]
