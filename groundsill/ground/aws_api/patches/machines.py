"""EC2: machines and launch templates as they were given.

Of a machine whose network interface is spelled out, which is how the provider asks for none or for a public address, the
emulator dropped subnet and security groups; and of every machine whether it is optimized for EBS, what its root volume
is, and how its metadata is reached ("RunInstances", Amazon EC2 API Reference). Of a launch template's network interfaces
it dropped the security groups and whether they go with the machine ("CreateLaunchTemplate", same). No machine runs.

A machine that is protected from termination is not terminated ("TerminateInstances", same: ``OperationNotPermitted``);
the emulator forgot the protection.
"""

from __future__ import annotations

import re
from typing import Any

_INTERFACE = "NetworkInterface.1"
_INTERFACES = re.compile(r"<networkInterfaceSet>.*?</networkInterfaceSet>", re.DOTALL)
_EMPTY = re.compile(r"<(ipAddress|dnsName)></\1>")
_METADATA = {
    # Of a machine that does not say: "InstanceMetadataOptionsRequest".
    "HttpTokens": "optional", "HttpPutResponseHopLimit": "1", "HttpEndpoint": "enabled", "HttpProtocolIpv6": "disabled",
    "InstanceMetadataTags": "disabled"}
_OF_INTERFACES = {
    "DeviceIndex": "deviceIndex", "SubnetId": "subnetId", "AssociatePublicIpAddress": "associatePublicIpAddress",
    "DeleteOnTermination": "deleteOnTermination", "Description": "description"}


_PROTECTIONS = {"disableApiTermination": "DisableApiTermination", "disableApiStop": "DisableApiStop"}


def apply(module: Any) -> None:
    """Mend the emulator's EC2 module."""
    _instances(module)
    _protections(module)
    _launch_templates(module)


def _instances(module: Any) -> None:
    run, shown = module._ACTION_MAP["RunInstances"], module._instance_xml
    starting: list[dict[str, Any]] = []

    def run_instances(given: dict[str, Any]) -> Any:
        groups = module._parse_member_list(given, f"{_INTERFACE}.SecurityGroupId")
        subnet = module._p(given, f"{_INTERFACE}.SubnetId")
        whole = {**given, **({"SubnetId": [subnet]} if subnet else {}),
                 **{f"SecurityGroupId.{number}": [name] for number, name in enumerate(groups, 1)}}
        starting.append(whole)
        try:
            return run(whole)
        finally:
            starting.clear()

    def instance_xml(instance: dict[str, Any]) -> str:
        if starting and "MetadataOptions" not in instance:
            _as_given(module, instance, starting[0])
        options = {**_METADATA, **instance.get("MetadataOptions", {})}
        metadata = "".join(_element(f"{name[0].lower()}{name[1:]}", value) for name, value in options.items())
        recovery = _element("autoRecovery", instance.get("AutoRecovery", "default"))
        more = (_element("ebsOptimized", _text(instance.get("EbsOptimized", False)))
                + _element("metadataOptions", f"{_element('state', 'applied')}{metadata}")
                + _element("maintenanceOptions", recovery))
        whole = _EMPTY.sub("", str(shown(instance)))
        return f"{whole.rstrip().removesuffix('</item>')}{more}</item>"

    module._instance_xml = instance_xml
    module._ACTION_MAP["RunInstances"] = run_instances


def _as_given(module: Any, instance: dict[str, Any], given: dict[str, Any]) -> None:
    subnet: dict[str, Any] = module._subnets.get(instance["SubnetId"]) or {}
    public = module._p(given, f"{_INTERFACE}.AssociatePublicIpAddress")
    if not (public == "true" if public else subnet.get("MapPublicIpOnLaunch", True)):
        instance["PublicIpAddress"] = instance["PublicDnsName"] = ""
    if subnet.get("AvailabilityZone"):
        instance["Placement"] = {**instance["Placement"], "AvailabilityZone": subnet["AvailabilityZone"]}
    for name in _PROTECTIONS.values():
        instance[name] = module._p(given, name) == "true"
    instance["EbsOptimized"] = module._p(given, "EbsOptimized") == "true"
    instance["AutoRecovery"] = module._p(given, "MaintenanceOptions.AutoRecovery") or "default"
    instance["MetadataOptions"] = {
        name: value for name in _METADATA if (value := module._p(given, f"MetadataOptions.{name}"))}
    _root_volume(module, instance, given)


def _root_volume(module: Any, instance: dict[str, Any], given: dict[str, Any]) -> None:
    root = instance["BlockDeviceMappings"][0]
    volume = module._volumes[root["Ebs"]["VolumeId"]]
    volume["AvailabilityZone"] = instance["Placement"]["AvailabilityZone"]
    number = 1
    while device := module._p(given, f"BlockDeviceMapping.{number}.DeviceName"):
        ebs = f"BlockDeviceMapping.{number}.Ebs"
        number += 1
        if device != root["DeviceName"]:
            continue
        for name in ("VolumeType", "KmsKeyId"):
            volume[name] = module._p(given, f"{ebs}.{name}") or volume.get(name, "")
        for name, stored in (("VolumeSize", "Size"), ("Iops", "Iops"), ("Throughput", "Throughput")):
            volume[stored] = int(module._p(given, f"{ebs}.{name}") or volume[stored])
        volume["Encrypted"] = module._p(given, f"{ebs}.Encrypted") == "true"
        root["Ebs"]["DeleteOnTermination"] = module._p(given, f"{ebs}.DeleteOnTermination") != "false"


def _protections(module: Any) -> None:
    actions = module._ACTION_MAP
    describe, terminate, modify = actions["DescribeInstanceAttribute"], actions["TerminateInstances"], (
        actions.get("ModifyInstanceAttribute"))

    def describe_attribute(given: Any) -> Any:
        name, instance = module._p(given, "Attribute"), module._instances.get(module._p(given, "InstanceId"))
        if name not in _PROTECTIONS or instance is None:
            return describe(given)
        value = _element("value", _text(bool(instance.get(_PROTECTIONS[name]))))
        return module._xml(200, "DescribeInstanceAttributeResponse",
                           f"{_element('instanceId', instance['InstanceId'])}{_element(name, value)}")

    def modify_attribute(given: Any) -> Any:
        instance = module._instances.get(module._p(given, "InstanceId"))
        named = [name for name in _PROTECTIONS.values() if module._p(given, f"{name}.Value")]
        if instance is None or (not named and modify is not None):
            return modify(given) if modify else module._error(
                "InvalidInstanceID.NotFound", "The instance ID does not exist", 400)
        for name in named:
            instance[name] = module._p(given, f"{name}.Value") == "true"
        return module._xml(200, "ModifyInstanceAttributeResponse", "<return>true</return>")

    def terminate_instances(given: Any) -> Any:
        instances: dict[str, dict[str, Any]] = module._instances
        for name in module._parse_member_list(given, "InstanceId"):
            if instances.get(name, {}).get("DisableApiTermination"):
                return module._error("OperationNotPermitted", f"The instance '{name}' may not be terminated. Modify its "
                                                              "'disableApiTermination' instance attribute and try again.", 400)
        return terminate(given)

    actions.update({"DescribeInstanceAttribute": describe_attribute, "ModifyInstanceAttribute": modify_attribute,
                    "TerminateInstances": terminate_instances})


def _launch_templates(module: Any) -> None:
    parse, shown = module._parse_lt_data, module._lt_data_xml

    def parse_data(given: Any, prefix: str = "LaunchTemplateData") -> Any:
        data: dict[str, Any] = parse(given, prefix)
        for number, interface in enumerate(data.get("NetworkInterfaces", ()), 1):
            goes = module._p(given, f"{prefix}.NetworkInterface.{number}.DeleteOnTermination")
            if goes:
                interface["DeleteOnTermination"] = goes == "true"
        return data

    def data_xml(data: dict[str, Any]) -> str:
        whole = str(shown(data))
        items = "".join(map(_interface_xml, data.get("NetworkInterfaces", ())))
        return _INTERFACES.sub(lambda _: f"<networkInterfaceSet>{items}</networkInterfaceSet>", whole)

    module._parse_lt_data, module._lt_data_xml = parse_data, data_xml


def _interface_xml(interface: dict[str, Any]) -> str:
    groups = "".join(f"<groupId>{name}</groupId>" for name in interface.get("Groups", ()))
    inner = "".join(_element(tag, _text(interface[name])) for name, tag in _OF_INTERFACES.items() if name in interface)
    return f"<item>{inner}<groupSet>{groups}</groupSet></item>"


def _element(name: str, inner: str) -> str:
    return f"<{name}>{inner}</{name}>"


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
