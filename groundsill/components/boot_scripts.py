"""What a machine does when it starts: the script that becomes its user data.

The script holds no reference and no secret: it reads a parameter, so that a changed address never replaces a machine. It
may be run again at any time: a volume with a filesystem is never formatted, and a line is never written twice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from shlex import join, quote
from typing import NamedTuple

SCRIPT_LIMIT = 16_384  # Amazon EC2 user guide: user data is limited to 16 KB before it is encoded


class Boot(NamedTuple):
    """What a boot script is made of.

    Arguments:
        name: component name; the systemd unit is named after it.
        region: AWS region.
        parameter: path of the parameter with environment, secrets, volumes and the releases' bucket.
        folder: where the program lies, for example ``/opt/backend``.
        command: the program and its arguments; the first word is looked up in the program's own environment.
        packages: Python packages, for a program that comes from the package index.
        releases: whether the program comes from releases of the user's files.
        mounts: folders that volumes are mounted at.
        log_group: name of the log group.
    """

    name: str
    region: str
    parameter: str
    folder: str
    command: tuple[str, ...]
    packages: tuple[str, ...]
    releases: bool
    mounts: tuple[str, ...]
    log_group: str


_HEAD = """#!/bin/bash
# Made from the definition. Safe to run again.
set -euo pipefail
NAME={name} REGION={region} PARAMETER={parameter} FOLDER={folder}
export AWS_DEFAULT_REGION=$REGION

packages() {{
  if command -v dnf >/dev/null; then
    dnf install -y -q python3.11 python3.11-pip amazon-cloudwatch-agent
  else
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q && apt-get install -y -q python3 python3-venv
    local deb="https://amazoncloudwatch-agent-$REGION.s3.$REGION.amazonaws.com/ubuntu/$(dpkg --print-architecture)"
    [ -x /opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent ] || {{
      curl -fsS -o /tmp/agent.deb "$deb/latest/amazon-cloudwatch-agent.deb" && dpkg -i /tmp/agent.deb; }}
  fi
}}

# A value of the parameter, by its path: parameter volumes /data
parameter() {{
  aws ssm get-parameter --name "$PARAMETER" --query Parameter.Value --output text |
    python3 -c 'import json,sys
value = json.load(sys.stdin)
for step in sys.argv[1:]:
    value = value[step]
print(value)' "$@"
}}
"""

_MOUNT = """
mount_volume() {
  local id device uuid end=$((SECONDS + 600))
  id=$(parameter volumes "$1")
  device=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${id//-/}
  until [ -b "$device" ]; do
    [ $SECONDS -lt $end ] || { echo "volume $id of $1 is not attached after 10 minutes" >&2; return 1; }
    sleep 2
  done
  blkid "$device" >/dev/null || mkfs.ext4 -q "$device"
  uuid=$(blkid -s UUID -o value "$device")
  mkdir -p "$1"
  grep -q "UUID=$uuid" /etc/fstab || echo "UUID=$uuid $1 ext4 defaults,nofail 0 2" >>/etc/fstab
  mountpoint -q "$1" || mount "$1"
}
"""

_UNIT = """
id -u "$NAME" >/dev/null 2>&1 || useradd --system --home-dir "$FOLDER" --shell /usr/sbin/nologin "$NAME"
mkdir -p "$FOLDER" "/var/log/$NAME"
chown "$NAME" "$FOLDER" "/var/log/$NAME"

# Written at every start into memory, readable by root alone: a changed secret is there after a restart.
cat >"/usr/local/bin/$NAME-environment" <<'END'
{environment}END
cat >"/etc/systemd/system/$NAME.service" <<'END'
[Unit]
Description={name}
After=network-online.target
Wants=network-online.target

[Service]
User={name}
WorkingDirectory={working}
RuntimeDirectory={name}
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
ExecStartPre=+/usr/local/bin/{name}-environment
EnvironmentFile=-/run/{name}/environment
ExecStart={command}
Restart=always
RestartSec=2
StandardOutput=append:/var/log/{name}/service.log
StandardError=append:/var/log/{name}/service.log
NoNewPrivileges=yes
ProtectSystem=full

[Install]
WantedBy=multi-user.target
END
chmod 755 "/usr/local/bin/$NAME-environment"
"""

_ENVIRONMENT = """#!/usr/bin/env python3
import json, os, subprocess
def aws(*words):
    return subprocess.run(("aws", "--region", {region}, *words, "--output", "text"), check=True, capture_output=True,
                          text=True).stdout.rstrip("\\n")
told = json.loads(aws("ssm", "get-parameter", "--name", {parameter}, "--query", "Parameter.Value"))
values = dict(told["environment"])
for variable, place in told["secrets"].items():
    arn, key = place.rstrip(":").rsplit(":", 1)
    secret = aws("secretsmanager", "get-secret-value", "--secret-id", arn, "--query", "SecretString")
    values[variable] = json.loads(secret)[key]
os.umask(0o077)
beside = "/run/{name}/environment.new"
with open(beside, "w") as file:
    file.writelines(f"{{name}}={{json.dumps(str(value), ensure_ascii=False)}}\\n" for name, value in sorted(values.items()))
os.rename(beside, "/run/{name}/environment")
"""

_RELEASE = """
cat >"/usr/local/bin/$NAME-release" <<'END'
#!/bin/bash
# Take the current release, install it beside the old one, start it. Without a release the unit stays stopped.
set -euo pipefail
{settings}
bucket=$(aws ssm get-parameter --name "$PARAMETER" --query Parameter.Value --output text |
  python3 -c 'import json,sys; print(json.load(sys.stdin)["releases"])')
key="releases/$NAME/current.tar.gz"
tag=$(aws s3api head-object --bucket "$bucket" --key "$key" --query ETag --output text 2>/dev/null | tr -d '"') || {{
  echo "there is no release of $NAME yet"; exit 0; }}
target="$FOLDER/releases/$tag"
if [ ! -e "$target/.ready" ]; then
  rm -rf "$target" && mkdir -p "$target"
  aws s3 cp --quiet "s3://$bucket/$key" - | tar -xz -C "$target"
  $(command -v python3.11 || command -v python3) -m venv "$target/.venv"
  [ ! -e "$target/requirements.txt" ] || "$target/.venv/bin/pip" install -q -r "$target/requirements.txt"
  touch "$target/.ready"
fi
ln -sfn "$target" "$FOLDER/current.new" && mv -T "$FOLDER/current.new" "$FOLDER/current"
systemctl enable "$NAME" && systemctl restart "$NAME"
END
chmod 755 "/usr/local/bin/$NAME-release"
systemctl daemon-reload
"/usr/local/bin/$NAME-release"
"""

_PACKAGES = """
[ -d "$FOLDER/current/.venv" ] || {{
  mkdir -p "$FOLDER/current"
  $(command -v python3.11 || command -v python3) -m venv "$FOLDER/current/.venv"; }}
"$FOLDER/current/.venv/bin/pip" install -q {packages}
systemctl daemon-reload
systemctl enable --now "$NAME"
"""


def boot_script(boot: Boot) -> str:
    """The script.

    Example:
        >>> boot = Boot("web", "us-east-1", "/shop/dev/web", "/opt/web", ("python", "-m", "web"), (), True, (), "/web")
        >>> boot_script(boot).splitlines()[0]
        '#!/bin/bash'
    """
    working = f"{boot.folder}/current"
    named = {name: quote(value) for name, value in {
        "name": boot.name, "region": boot.region, "parameter": boot.parameter, "folder": boot.folder}.items()}
    environment = _ENVIRONMENT.format(region=json.dumps(boot.region), parameter=json.dumps(boot.parameter), name=boot.name)
    command = join((f"{working}/.venv/bin/{boot.command[0]}", *boot.command[1:]))
    parts = [_HEAD.format(**named), "packages\n"]
    if boot.mounts:
        parts += [_MOUNT, *(f"mount_volume {quote(mount)}\n" for mount in boot.mounts)]
    parts += [_agent(boot), _UNIT.format(name=boot.name, working=working, command=command, environment=environment)]
    # A program that keeps data writes it as its own user.
    parts += [f'chown "$NAME" {quote(mount)}\n' for mount in boot.mounts]
    if boot.releases:
        settings = f"NAME={named['name']} PARAMETER={named['parameter']} FOLDER={named['folder']}\n"
        settings += f"export AWS_DEFAULT_REGION={named['region']}"
        parts.append(_RELEASE.format(settings=settings))
    else:
        parts.append(_PACKAGES.format(packages=join(boot.packages)))
    return "".join(parts)


def _agent(boot: Boot) -> str:
    """The CloudWatch agent: the service's log, the boot log, memory and disks."""
    files: Sequence[tuple[str, str]] = (
        (f"/var/log/{boot.name}/service.log", "{instance_id}/service"), ("/var/log/cloud-init-output.log", "{instance_id}/boot"))
    configuration = {
        "logs": {"logs_collected": {"files": {"collect_list": [
            {"file_path": path, "log_group_name": boot.log_group, "log_stream_name": stream} for path, stream in files]}}},
        "metrics": {
            "append_dimensions": {"InstanceId": "${aws:InstanceId}"},
            "metrics_collected": {"mem": {"measurement": ["mem_used_percent"]},
                                  "disk": {"measurement": ["disk_used_percent"], "resources": ["/", *boot.mounts]}}},
    }
    return (
        "\ncat >/opt/aws/amazon-cloudwatch-agent/etc/groundsill.json <<'END'\n"
        f"{json.dumps(configuration, indent=1)}\nEND\n"
        "/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s "
        "-c file:/opt/aws/amazon-cloudwatch-agent/etc/groundsill.json\n"
    )
