"""Everything that a network can do wrong, beside what is right. Never deploy it."""

from __future__ import annotations

from groundsill import Stage, System, aws

system = System("faulty-network", region="us-east-1", stages={"prod": "enterprise"})


@system.define
def define(stage: Stage) -> None:
    vpc = aws.vpc("main", cidr_block="10.0.0.0/16")
    subnet = aws.subnet("public", vpc_id=vpc.id, cidr_block="10.0.1.0/24", map_public_ip_on_launch=True)
    quiet = aws.subnet("quiet", vpc_id=vpc.id, cidr_block="10.0.2.0/24", map_public_ip_on_launch=False)
    gateway = aws.internet_gateway("main", vpc_id=vpc.id)
    table = aws.route_table("public", vpc_id=vpc.id)
    aws.route("internet", route_table_id=table.id, destination_cidr_block="0.0.0.0/0", gateway_id=gateway.id)
    aws.route_table_association("public", subnet_id=subnet.id, route_table_id=table.id)

    ssh = aws.security_group("ssh", vpc_id=vpc.id, description="Shell", ingress=[
        {"from_port": 22, "to_port": 22, "protocol": "tcp", "cidr_blocks": ["0.0.0.0/0"], "description": "Shell"}])
    everything = aws.security_group("everything", vpc_id=vpc.id, ingress=[
        {"from_port": 0, "to_port": 0, "protocol": "-1", "cidr_blocks": ["0.0.0.0/0"]}])
    desktop = aws.security_group("desktop", vpc_id=vpc.id, description="Desktop")
    aws.vpc_security_group_ingress_rule("desktop", security_group_id=desktop.id, cidr_ipv4="0.0.0.0/0", ip_protocol="tcp",
                                        from_port=3389, to_port=3389)
    right = aws.security_group("right", vpc_id=vpc.id, description="From inside")
    aws.vpc_security_group_ingress_rule("right", security_group_id=right.id, referenced_security_group_id=ssh.id,
                                        ip_protocol="tcp", from_port=443, to_port=443, description="From the shell group")
    aws.security_group("unused", vpc_id=vpc.id, description="Nobody uses it")

    aws.instance("open", ami="ami-12345678", instance_type="t3.micro", subnet_id=subnet.id, associate_public_ip_address=True,
                 vpc_security_group_ids=[ssh.id, everything.id, desktop.id],
                 user_data="#!/bin/bash\nexport AWS_ACCESS_KEY_ID=AKIAQZXCVBNMASDFGH23\n",
                 root_block_device={"encrypted": False}, metadata_options={"http_tokens": "optional"})
    aws.instance("right", ami="ami-12345678", instance_type="t3.micro", subnet_id=quiet.id, associate_public_ip_address=False,
                 vpc_security_group_ids=[right.id], iam_instance_profile="right", monitoring=True, ebs_optimized=True,
                 root_block_device={"encrypted": True}, metadata_options={"http_tokens": "required"})
    aws.launch_template("open", name="open", image_id="ami-12345678", metadata_options={
        "http_tokens": "optional", "http_put_response_hop_limit": 3}, network_interfaces={"associate_public_ip_address": "true"})
    aws.ebs_volume("plain", availability_zone="us-east-1a", size=10)
    aws.ebs_volume("right", availability_zone="us-east-1a", size=10, encrypted=True, kms_key_id="arn:aws:kms:us-east-1:1:key/a")

    plain = aws.lb("plain", name="plain", subnets=[subnet.id, quiet.id], security_groups=[everything.id])
    target = aws.lb_target_group("plain", name="plain", port=80, protocol="HTTP", vpc_id=vpc.id)
    aws.lb_listener("plain", load_balancer_arn=plain.arn, port=80, protocol="HTTP",
                    default_action={"type": "forward", "target_group_arn": target.arn})
    aws.lb_listener("old", load_balancer_arn=plain.arn, port=443, protocol="HTTPS", ssl_policy="ELBSecurityPolicy-2016-08",
                    certificate_arn="arn:aws:acm:us-east-1:123456789012:certificate/a",
                    default_action={"type": "forward", "target_group_arn": target.arn})
    aws.autoscaling_group("one", name="one", min_size=1, max_size=2, vpc_zone_identifier=[quiet.id],
                          target_group_arns=[target.arn], launch_template={"id": "lt-1", "version": "1"})
