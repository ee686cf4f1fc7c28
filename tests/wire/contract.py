"""The contract's cases, read from tests/contract, and what carries them out through boto3."""

import json
import re
import time
import uuid
from functools import cache
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from fixtures import Fixtures

CASES = Path(__file__).resolve().parents[1] / "contract"
# What boto3 would not even send is for AWS to refuse.
CONFIG = Config(retries={"max_attempts": 1, "mode": "standard"}, read_timeout=30, parameter_validation=False)
SERVICES = ("ec2", "autoscaling", "route53", "dynamodb", "sts")
# How long, in AWS's own seconds, anything may take.
PATIENCE = 1800
RIGHT = "as AWS"


def cases():
    return [case for path in sorted(CASES.glob("*.json")) for case in json.loads(path.read_text())]


@cache
def clients(**where):
    return {name: boto3.client(name, config=CONFIG, **where) for name in SERVICES}


class Wrong(Exception):
    """A step came out otherwise than AWS would have had it."""


class Run:
    """One case on one target."""

    def __init__(self, target, case):
        self.target, self.case = target, case
        self.clients = clients(**target.client)
        self.names = {"run": uuid.uuid4().hex[:12]}
        self.fixtures = Fixtures(self)

    def outcome(self):
        """`as AWS`, or the first step that was not and what it did."""
        try:
            self.fixtures.make(self.case["given"])
            for number, step in enumerate(self.case["steps"], 1):
                try:
                    self.step(step)
                except Wrong as wrong:
                    # Outcomes are compared with those on the list: no names that are made up anew each time.
                    return re.sub(r"\b([a-z]+)-[0-9a-f]{8,}", r"\1-…", f"step {number}: {wrong}")
            return RIGHT
        except (ClientError, NotImplementedError) as error:
            return f"setup: {getattr(error, 'response', {}).get('Error', {}).get('Code', type(error).__name__)}"
        finally:
            self.fixtures.clean()

    def step(self, step):
        self.target.wait(step.get("after", 0))
        wanted = {key: self.told(step[key]) for key in ("expect", "raw", "until") if key in step}
        end = self.target.time() + PATIENCE
        while True:
            answer = self.answer(step)
            if "until" not in wanted or fits(wanted["until"], answer):
                break
            if self.target.time() >= end or not self.target.wait(1):
                raise Wrong("never came")
        for key in ("expect", "raw"):
            if key in wanted and not fits(wanted[key], answer):
                raise Wrong(f"answered {json.dumps(shown(wanted[key], answer), default=str, ensure_ascii=False)}")
        for name, path in step.get("save", {}).items():
            self.names[name] = at(path, answer)

    def answer(self, step):
        try:
            answer = self.call(step["call"], self.told(step.get("with", {})))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code != step.get("error"):
                raise Wrong(code) from error
            reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
            if "reasons" in step and reasons != step["reasons"]:
                raise Wrong(f"reasons {reasons}") from error
            return {}
        except NotImplementedError as error:
            raise Wrong("not implemented") from error
        except Exception as error:  # a mock that breaks is not as AWS either
            raise Wrong(type(error).__name__) from error
        if "error" in step:
            raise Wrong("answered")
        return answer

    def told(self, value):
        """The value with the case's names in it replaced by what they stand for."""
        if isinstance(value, dict):
            return {self.told(key): self.told(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.told(inner) for inner in value]
        if not isinstance(value, str):
            return value
        value = re.sub(r"^\$([a-z_.]+)$", lambda found: self.names[found[1]], value)
        return re.sub(r"\$\{([a-z_.]+)\}", lambda found: self.names[found[1]], value)

    def call(self, operation, arguments):
        service, name = operation.split(":")
        self.target.allow(operation, arguments)
        arguments = spelled_out(name, arguments)
        method = getattr(self.clients[service], re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower())
        answer = method(**arguments)
        self.fixtures.remember(operation, answer)
        return simplified(name, arguments, answer)


def tags(tags):
    return [{"Key": key, "Value": value} for key, value in tags.items()]


KINDS = {"CreateVolume": "volume", "CreateSnapshot": "snapshot", "CreateNetworkInterface": "network-interface"}


def spelled_out(name, arguments):
    """The short forms of the cases, as the API has them."""
    arguments = dict(arguments)
    if "Filters" in arguments:
        arguments["Filters"] = [{"Name": key, "Values": values} for key, values in arguments["Filters"].items()]
    if name in KINDS and "Tags" in arguments:
        arguments["TagSpecifications"] = [{"ResourceType": KINDS[name], "Tags": tags(arguments.pop("Tags"))}]
    if name == "CreateTags":
        return {"Resources": [arguments["Resource"]], "Tags": tags(arguments["Tags"])}
    if name == "ModifyInstanceAttribute":
        device = {"DeviceName": arguments["Device"], "Ebs": {"DeleteOnTermination": False}}
        return {"InstanceId": arguments["InstanceId"], "BlockDeviceMappings": [device]}
    if name == "ModifyNetworkInterfaceAttribute":
        attachment = {"AttachmentId": arguments["AttachmentId"], "DeleteOnTermination": False}
        return {"NetworkInterfaceId": arguments["NetworkInterfaceId"], "Attachment": attachment}
    if name == "DescribeAutoScalingGroups":
        return {"AutoScalingGroupNames": [arguments["Name"]]}
    if name == "CompleteLifecycleAction" and "LifecycleActionToken" in arguments:
        del arguments["InstanceId"]
    if name == "ListResourceRecordSets":
        start = {"StartRecordName": arguments["Name"], "StartRecordType": "A", "MaxItems": "1"}
        return {"HostedZoneId": arguments["HostedZoneId"], **start}
    if name == "ChangeResourceRecordSets":
        changes = [
            {
                "Action": action,
                "ResourceRecordSet": {
                    "Name": record, "Type": "A", "TTL": ttl, "ResourceRecords": [{"Value": value} for value in values],
                },
            }
            for action, record, ttl, values in arguments["Changes"]
        ]  # fmt: skip
        return {"HostedZoneId": arguments["HostedZoneId"], "ChangeBatch": {"Changes": changes}}
    return arguments


def simplified(name, arguments, answer):
    """The answer in the short forms of the cases."""
    if name == "ListResourceRecordSets":
        wanted = arguments["StartRecordName"].rstrip(".").lower()
        found = [r for r in answer["ResourceRecordSets"] if r["Name"].rstrip(".").lower() == wanted and r["Type"] == "A"]
        values = [{"TTL": r["TTL"], "Values": sorted(v["Value"] for v in r["ResourceRecords"])} for r in found]
        return {"Record": values[0] if values else None}
    if name == "DescribeAutoScalingGroups":
        groups = answer["AutoScalingGroups"]
        return {"Members": {i["InstanceId"]: i["LifecycleState"] for i in groups[0]["Instances"]} if groups else None}
    if name == "DescribeInstances":
        found = [instance for r in answer["Reservations"] for instance in r["Instances"]]
        return {"Instances": [{**plain(i), "State": i["State"]["Name"]} for i in found]}
    return plain(answer)


def plain(value):
    if isinstance(value, dict):
        value = {"Tags" if key == "TagSet" else key: plain(inner) for key, inner in value.items()}
        if isinstance(value.get("Tags"), list):
            value["Tags"] = {tag["Key"]: tag["Value"] for tag in value["Tags"]}
        return value
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def fits(wanted, got):
    """Everything that is wanted is there; what else is there does not count."""
    if isinstance(wanted, dict):
        if "Without" in wanted:
            return wanted["Without"] not in (got.get("Members") or {})
        if not isinstance(got, dict):
            return False
        return all(fits(inner, got.get(key)) for key, inner in wanted.items())
    if isinstance(wanted, list):
        return isinstance(got, list) and len(got) == len(wanted) and all(map(fits, wanted, got))
    return wanted == got


def shown(wanted, got):
    """Of the answer, what was asked about."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        return {key: shown(inner, got.get(key)) for key, inner in wanted.items()}
    if isinstance(wanted, list) and isinstance(got, list):
        return [shown(a, b) for a, b in zip(wanted, got)] if len(wanted) == len(got) else "another number of them"
    return got if wanted != got else "…"


def at(path, answer):
    for part in path.split("."):
        answer = answer[int(part)] if part.isdigit() else answer[part]
    return answer


def pause(seconds):
    time.sleep(seconds)
    return True
