"""An operator's AWS CLI builds a group on the simulated AWS, kills a node, and sees its volume come back.

The functions are the compiled binary; nothing here knows how they work.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PROGRAM = TARGET / "debug" / "stateful-asg"
AWS = Path(sys.executable).with_name("aws")
# Real seconds; the simulated AWS runs twenty times faster.
PATIENCE = 120

SPEC = {"v": 1, "volumes": {"data": {"size": "20GiB", "mount": "/data"}}, "address": {"kind": "eni"}}


def hook(word, **more):
    return {
        "LifecycleHookName": f"stateful-asg-sim-{word}",
        "LifecycleTransition": {
            "launch": "autoscaling:EC2_INSTANCE_LAUNCHING",
            "terminate": "autoscaling:EC2_INSTANCE_TERMINATING",
        }[word],
        "HeartbeatTimeout": 900,
        **more,
    }


class Shell:
    """A shell with the simulated AWS's `export` lines pasted into it."""

    def __init__(self, exports):
        self.env = {**os.environ, **exports, "AWS_PAGER": "", "HOME": "/nonexistent"}

    def aws(self, *words):
        done = subprocess.run([AWS, *words, "--output", "json"], env=self.env, capture_output=True, text=True)
        assert done.returncode == 0, f"aws {' '.join(words)}: {done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    def members(self):
        group = self.aws("autoscaling", "describe-auto-scaling-groups", "--auto-scaling-group-names", "db")
        instances = group["AutoScalingGroups"][0]["Instances"]
        return {member["InstanceId"]: member["LifecycleState"] for member in instances}

    def volumes(self):
        found = self.aws("ec2", "describe-volumes", "--filters", "Name=tag:stateful-asg:group,Values=db")
        return {
            volume["VolumeId"]: next((a["InstanceId"] for a in volume["Attachments"] if a["State"] == "attached"), None)
            for volume in found["Volumes"]
        }

    def addresses(self):
        found = self.aws("ec2", "describe-network-interfaces", "--filters", "Name=tag:stateful-asg:group,Values=db")
        return {
            interface["PrivateIpAddress"]: interface.get("Attachment", {}).get("InstanceId")
            for interface in found["NetworkInterfaces"]
        }


@pytest.fixture
def shell():
    if not PROGRAM.exists():
        pytest.fail(f"{PROGRAM} is missing: run `cargo build --workspace --bins` first")
    serve = subprocess.Popen(
        [PROGRAM, "sim", "serve", "--speed", "20"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        exports = {}
        while "STATEFUL_ASG_TABLE" not in exports:
            line = serve.stdout.readline()
            assert line, "`sim serve` ended"
            if line.startswith("export "):
                name, value = line.removeprefix("export ").strip().split("=", 1)
                exports[name] = value
        yield Shell(exports)
    finally:
        serve.terminate()
        serve.wait(timeout=20)


def eventually(look, holds):
    """Looks until it holds, and returns what was seen."""
    deadline = time.monotonic() + PATIENCE
    while True:
        seen = look()
        if holds(seen):
            return seen
        assert time.monotonic() < deadline, f"not within {PATIENCE} s; last seen: {seen}"
        time.sleep(0.2)


def create_group(shell):
    shell.aws(
        "ec2", "create-launch-template", "--launch-template-name", "nodes",
        "--launch-template-data", json.dumps({"ImageId": "ami-0123456789abcdef0", "InstanceType": "m7i.large"}),
    )  # fmt: skip
    subnets = shell.aws("ec2", "describe-subnets")["Subnets"]
    shell.aws(
        "autoscaling", "create-auto-scaling-group", "--auto-scaling-group-name", "db",
        "--min-size", "0", "--max-size", "3", "--desired-capacity", "2",
        "--vpc-zone-identifier", ",".join(subnet["SubnetId"] for subnet in subnets),
        "--launch-template", "LaunchTemplateName=nodes,Version=$Latest",
        "--availability-zone-distribution", "CapacityDistributionStrategy=balanced-only",
        "--lifecycle-hook-specification-list",
        json.dumps([hook("launch", NotificationMetadata=json.dumps(SPEC)), hook("terminate", DefaultResult="CONTINUE")]),
        "--tags", "Key=stateful-asg:group,Value=db,PropagateAtLaunch=true",
        "Key=stateful-asg:deployment,Value=sim,PropagateAtLaunch=true",
    )  # fmt: skip


def test_a_terminated_node_gets_its_volume_and_address_back(shell):
    create_group(shell)
    before = eventually(shell.members, lambda seen: list(seen.values()) == ["InService"] * 2)
    volumes, addresses = shell.volumes(), shell.addresses()
    assert set(volumes.values()) == set(addresses.values()) == set(before)

    dead = min(before)
    shell.aws("ec2", "terminate-instances", "--instance-ids", dead)
    after = eventually(
        shell.members, lambda seen: dead not in seen and list(seen.values()) == ["InService"] * 2
    )

    (heir,) = set(after) - set(before)

    def passed_on(held):
        return {thing: heir if holder == dead else holder for thing, holder in held.items()}

    assert shell.volumes() == passed_on(volumes), "the same volumes, each with the node it belongs to"
    assert shell.addresses() == passed_on(addresses), "the same addresses"
