"""End User Messaging SMS: configuration sets, opt-out lists and phone numbers ("AWS End User Messaging SMS v2 API
Reference"). A number is made up, is active at once, and no message is ever sent.
"""

from __future__ import annotations

import secrets
from typing import Any

from groundsill.ground.aws_api.records.service import Tagged, found, now
from groundsill.ground.aws_api.records.wire import Refused

Given = dict[str, Any]
_MADE_UP = "+1555010"
"""North America keeps 555-0100 to 555-0199 for made-up numbers (ATIS-0300115, NANPA)."""


class SmsVoice(Tagged):
    """Sets and lists by name, numbers by id."""

    service = "pinpoint-sms-voice-v2"

    # -- configuration sets --------------------------------------------------------------------------------------------

    def create_configuration_set(self, given: Given) -> Given:
        name = given["ConfigurationSetName"]
        made: Given = {"ConfigurationSetName": name, "ConfigurationSetArn": self.arn("sms-voice", f"configuration-set/{name}"),
                "EventDestinations": [], "CreatedTimestamp": now()}
        return self._make("sets", name, made, made["ConfigurationSetArn"], given)

    def describe_configuration_sets(self, given: Given) -> Given:
        return {"ConfigurationSets": self._named("sets", given.get("ConfigurationSetNames"))}

    def set_default_message_type(self, given: Given) -> Given:
        return self._set_default(given, "DefaultMessageType", given["MessageType"])

    def delete_default_message_type(self, given: Given) -> Given:
        return self._set_default(given, "DefaultMessageType", None)

    def set_default_sender_id(self, given: Given) -> Given:
        return self._set_default(given, "DefaultSenderId", given["SenderId"])

    def delete_default_sender_id(self, given: Given) -> Given:
        return self._set_default(given, "DefaultSenderId", None)

    def delete_configuration_set(self, given: Given) -> Given:
        return self._delete("sets", given["ConfigurationSetName"], "ConfigurationSetArn")

    def _set_default(self, given: Given, attribute: str, value: str | None) -> Given:
        name = self._key(given["ConfigurationSetName"])
        changed = {**found(self.kept("sets"), name, "configuration set"), attribute: value}
        self.kept("sets")[name] = changed
        return changed

    # -- opt-out lists -------------------------------------------------------------------------------------------------

    def create_opt_out_list(self, given: Given) -> Given:
        name = given["OptOutListName"]
        made: Given = {"OptOutListName": name, "OptOutListArn": self.arn("sms-voice", f"opt-out-list/{name}"),
                "CreatedTimestamp": now()}
        return self._make("lists", name, made, made["OptOutListArn"], given)

    def describe_opt_out_lists(self, given: Given) -> Given:
        return {"OptOutLists": self._named("lists", given.get("OptOutListNames"))}

    def delete_opt_out_list(self, given: Given) -> Given:
        return self._delete("lists", given["OptOutListName"], "OptOutListArn")

    # -- phone numbers -------------------------------------------------------------------------------------------------

    def request_phone_number(self, given: Given) -> Given:
        name = f"phone-{secrets.token_hex(16)}"
        made: Given = {
            "DeletionProtectionEnabled": False, **{key: value for key, value in given.items() if key != "Tags"},
            "PhoneNumberId": name, "PhoneNumberArn": self.arn("sms-voice", f"phone-number/{name}"), "Status": "ACTIVE",
            "PhoneNumber": f"{_MADE_UP}{100 + secrets.randbelow(100)}"[:12], "MonthlyLeasingPrice": "0.00",
            "TwoWayEnabled": False, "SelfManagedOptOutsEnabled": False, "CreatedTimestamp": now(),
            "OptOutListName": self._key(given.get("OptOutListName") or "Default")}
        return self._make("numbers", name, made, made["PhoneNumberArn"], given)

    def describe_phone_numbers(self, given: Given) -> Given:
        return {"PhoneNumbers": self._named("numbers", given.get("PhoneNumberIds"))}

    def update_phone_number(self, given: Given) -> Given:
        name = self._key(given["PhoneNumberId"])
        changed = {**found(self.kept("numbers"), name, "phone number"), **given, "PhoneNumberId": name}
        self.kept("numbers")[name] = changed
        return changed

    def release_phone_number(self, given: Given) -> Given:
        number = found(self.kept("numbers"), self._key(given["PhoneNumberId"]), "phone number")
        if number["DeletionProtectionEnabled"]:
            raise Refused("ConflictException", "deletion protection is enabled")
        return self._delete("numbers", number["PhoneNumberId"], "PhoneNumberArn")

    # -- all -----------------------------------------------------------------------------------------------------------

    def list_tags_for_resource(self, given: Given) -> Given:
        return {"ResourceArn": given["ResourceArn"], "Tags": self.tag_list(given["ResourceArn"])}

    def tag_resource(self, given: Given) -> None:
        self.give_tags(given["ResourceArn"], given["Tags"])

    def untag_resource(self, given: Given) -> None:
        self.take_tags(given["ResourceArn"], given["TagKeys"])

    def _make(self, store: str, name: str, made: Given, arn: str, given: Given) -> Given:
        if name in self.kept(store):
            raise Refused("ConflictException", f"{name} exists")
        self.kept(store)[name] = made
        self.give_tags(arn, given.get("Tags"))
        return {**made, "Tags": self.tag_list(arn)}

    def _named(self, store: str, names: list[str] | None) -> list[Given]:
        if not names:
            return list(self.kept(store).values())
        return [found(self.kept(store), self._key(name), store) for name in names]

    def _delete(self, store: str, name: str, arn: str) -> Given:
        gone = found(self.kept(store), self._key(name), store)
        del self.kept(store)[self._key(name)]
        self.forget_tags(gone[arn])
        return gone

    def _key(self, name: str) -> str:
        """A name, where an ARN may stand for it."""
        return name.rpartition("/")[2] if name.startswith("arn:") else name
