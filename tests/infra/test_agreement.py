"""The template against the code: every variable and every right that the code uses, and no other."""

import re

import pytest

import cfn
import sources

CONFIG = cfn.ROOT / "shared/runtime/src/config.rs"
#: Rights that no call of ours names: Lambda and EC2 use them in our functions' name.
USED_FOR_US = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:SendMessage",
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
}
#: Calls that the command line makes with the rights of the person at it.
PERSONS = "person.rs"
#: What the sweep may call: it finds groups and wakes them, and changes nothing of theirs.
SWEEP = {
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeWarmPool",
    "dynamodb:Query",
    "events:PutEvents",
}
#: What the snapshot function may call: it writes slots and takes snapshots, and touches nothing else.
SNAPSHOT = {
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "ec2:CreateSnapshot",
    "ec2:CreateSnapshots",
    "ec2:CreateTags",
    "ec2:DescribeInstances",
    "ec2:DescribeSnapshots",
    "ec2:DescribeVolumes",
}
SETTLE_POLICIES = {"ObservePolicy", "ServePolicy", "UpkeepPolicy", "RecordPolicy"}
DELETE_POLICIES = {"DeletePolicy", "DeleteSnapshotsPolicy"}


def test_the_template_sets_the_variables_that_the_code_reads(template):
    read = {name for name in sources.variables(CONFIG) if not name.startswith("STATEFUL_ASG_SIM_")}
    given = set(template["Globals"]["Function"]["Environment"]["Variables"])
    assert read, f"{CONFIG} names no variable"
    assert sorted(read - given) == [], "read by the code, not set by the template"
    assert sorted(given - read) == [], "set by the template, not read by the code"


def test_no_function_sets_variables_of_its_own(template):
    own = [n for n, r in template["Resources"].items() if "Environment" in r.get("Properties", {})]
    assert own == []


def test_the_handlers_are_those_of_the_binary(template):
    text = sources.without_comments(CONFIG.read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            handler = resource["Properties"]["Handler"]
            assert f'"{handler}"' in text, f"{CONFIG} knows no handler `{handler}`"


def test_the_rights_are_those_that_the_code_uses(everything):
    by_functions = {p: t for p, t in sources.rust("shared/aws/src").items() if p.name != PERSONS}
    needed = sources.actions(by_functions)
    granted = cfn.actions(cfn.statements(everything)) - USED_FOR_US
    missing = {a: sorted(str(p.relative_to(cfn.ROOT)) for p in needed[a]) for a in sorted(set(needed) - granted)}
    assert missing == {}, "used by the code, not granted by the template"
    assert sorted(granted - set(needed)) == [], "granted by the template, not used by the code"


def test_what_is_granted_to_whom(everything):
    settle = cfn.actions(s for s in cfn.statements(everything) if s[0] in SETTLE_POLICIES)
    sweep = cfn.actions(s for s in cfn.statements(everything) if s[0] == "SweepRole")
    snapshot = cfn.actions(s for s in cfn.statements(everything) if s[0] == "SnapshotRole")
    assert sweep - USED_FOR_US == SWEEP
    assert snapshot - USED_FOR_US == SNAPSHOT
    deletes = cfn.actions(s for s in cfn.statements(everything) if s[0] in DELETE_POLICIES)
    assert {action for action in settle | sweep | snapshot if ":Delete" in action} == {"dynamodb:DeleteItem"}
    assert deletes == {"ec2:DeleteNetworkInterface", "ec2:DeleteSnapshot", "ec2:DeleteVolume"}
    assert "events:PutEvents" not in settle
    for role in ("LifecycleRole", "InstanceRole"):
        policies = everything.resource(role)["ManagedPolicyArns"]
        assert sorted(policies) == sorted(f"<{name}>" for name in SETTLE_POLICIES), role
        own = cfn.actions(s for s in cfn.statements(everything) if s[0] == role)
        assert own == {"logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage"}, role


@pytest.mark.parametrize("folder", ["cli/src", "functions/src", "shared/core/src", "shared/runtime/src"])
def test_only_one_crate_calls_aws(folder):
    naming = [str(path) for path, text in sources.rust(folder).items() if re.search(r"\baws_sdk_\w+", text)]
    assert naming == [], "the rights are derived from shared/aws only"


# --- the derivation itself


def test_calls_are_found_over_lines_and_not_in_comments():
    text = sources.without_comments(
        """
        // self.ec2.delete_volume() is what we never do
        let pages = self.ec2.describe_volumes().into_paginator();
        let done = self
            .autoscaling
            .complete_lifecycle_action()
            .send();
        let again = self.dynamodb.clone();
        world.clients.dynamodb.transact_write_items().send();
        TransactWriteItem::builder().put(Put::builder().build()).build();
        types::ConditionCheck::builder();
        DeleteRequest::builder();
        """
    )
    assert set(sources.actions({"x.rs": text})) == {
        "ec2:DescribeVolumes",
        "autoscaling:CompleteLifecycleAction",
        "dynamodb:PutItem",
        "dynamodb:ConditionCheckItem",
    }


def test_an_unknown_call_is_refused():
    with pytest.raises(sources.UnknownCall, match="describe_volume_s"):
        sources.actions({"x.rs": "self.ec2.describe_volume_s()"})
