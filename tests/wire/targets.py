"""Where the contract's cases can be carried out."""

import os
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVE = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "examples" / "serve"


class Target:
    client = {}
    cleans = False
    instance_type = "m7i.large"

    def image(self, ec2):
        return "ami-0123456789abcdef0"

    def allow(self, operation, arguments):
        """Refuses what must not be asked for here."""

    def launch(self, fixtures, zone):
        made = fixtures.run.call("ec2:RunInstances", {
            "ImageId": self.image(fixtures.ec2), "InstanceType": self.instance_type, "MinCount": 1, "MaxCount": 1,
            "SubnetId": fixtures.subnets[zone]["SubnetId"],
        })  # fmt: skip
        return made["Instances"][0]["InstanceId"]


class Simulated(Target):
    """The simulated AWS on loopback. Its clock stands still, and is put forward when a case waits."""

    name = "wire"

    def __init__(self):
        if not SERVE.exists():
            raise RuntimeError(f"{SERVE} is missing: run `cargo build --workspace --example serve` first")
        self.serve = subprocess.Popen([SERVE, "0", "0.001"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        told = dict(line.strip().split("=", 1) for line in iter(self.serve.stdout.readline, "\n"))
        self.client = {
            "endpoint_url": told["AWS_ENDPOINT_URL"], "region_name": told["AWS_REGION"],
            "aws_access_key_id": "SIMULATED-contract", "aws_secret_access_key": "simulated",
        }  # fmt: skip
        self.now = 0

    def time(self):
        return self.now

    def wait(self, seconds):
        if seconds:
            self.serve.stdin.write(f"{seconds}\n")
            self.serve.stdin.flush()
            assert self.serve.stdout.readline().strip() == str(seconds)
            self.now += seconds
        return True

    def launch(self, fixtures, zone):
        """It launches instances in groups alone; one that was detached is like any other."""
        group = fixtures.group(zone)
        instance = fixtures.member(group, "InService")
        fixtures.autoscaling.detach_instances(
            InstanceIds=[instance], AutoScalingGroupName=group, ShouldDecrementDesiredCapacity=True
        )
        return instance

    def close(self):
        self.serve.stdin.close()
        self.serve.wait(timeout=20)


class Moto(Target):
    """moto, in this process. Nothing in it takes time."""

    name = "moto"
    client = {"region_name": "eu-central-1", "aws_access_key_id": "moto", "aws_secret_access_key": "moto"}

    def image(self, ec2):
        return "ami-12c6146b"

    def time(self):
        return 0

    def wait(self, seconds):
        return seconds == 0

    def close(self):
        pass


class MiniStack(Moto):
    """MiniStack, in a process of its own. Nothing in it takes time either."""

    name = "ministack"

    def __init__(self, python):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        env = {**os.environ, "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1"}
        self.process = subprocess.Popen(
            [python, "-m", "ministack"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.client = {**Moto.client, "endpoint_url": f"http://127.0.0.1:{port}"}
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(0.1)
        raise RuntimeError("MiniStack does not listen")

    def image(self, ec2):
        return Target.image(self, ec2)

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=20)


class Endpoint(Target):
    """An emulator of AWS's, or anything else that speaks its protocols, with credentials of the environment."""

    name = "endpoint"
    cleans = True

    def __init__(self, url):
        self.client = {"endpoint_url": url}

    def image(self, ec2):
        return os.environ.get("STATEFUL_ASG_CONTRACT_IMAGE") or super().image(ec2)

    def time(self):
        return time.monotonic()

    def wait(self, seconds):
        time.sleep(seconds)
        return True

    def close(self):
        pass


class Account(Endpoint):
    """A real account. It must be named, and what is made in it is little and small."""

    name = "account"
    instance_type = "t3.nano"
    MOST_CREATED = 300
    LARGEST_GIB = 3

    def __init__(self, account, caller):
        if account != caller:
            raise RuntimeError(f"STATEFUL_ASG_CONTRACT_ACCOUNT is {account}, but the credentials are of {caller}: nothing is done")
        self.client, self.created = {}, 0

    def image(self, ec2):
        image = os.environ.get("STATEFUL_ASG_CONTRACT_IMAGE")
        if not image:
            raise RuntimeError("name a small Linux image of the account's Region in STATEFUL_ASG_CONTRACT_IMAGE")
        return image

    def allow(self, operation, arguments):
        if arguments.get("Size", 1) > self.LARGEST_GIB:
            raise RuntimeError(f"{operation} of {arguments['Size']} GiB: at most {self.LARGEST_GIB} here")
        if operation.split(":")[1].startswith(("Create", "Run")) and operation != "ec2:CreateTags":
            self.created += 1
            if self.created > self.MOST_CREATED:
                raise RuntimeError(f"more than {self.MOST_CREATED} objects were created: the rest is not run")
