"""infra/group.yaml: the example group keeps what the functions rely on."""

import json
import os
import subprocess

import pytest

import cfn


def evaluated(group, **parameters):
    return cfn.Evaluator(group, **parameters)


def hooks(evaluator):
    listed = evaluator.resource("NodeGroup")["LifecycleHookSpecificationList"]
    return {hook["LifecycleTransition"].split("_")[-1].lower(): hook for hook in listed}


def test_hooks_exist_before_the_first_instance(group):
    assert not [n for n, r in group["Resources"].items() if r["Type"] == "AWS::AutoScaling::LifecycleHook"]
    assert set(hooks(evaluated(group))) == {"launching", "terminating"}


def test_hooks_answer_to_the_deployment(group, template):
    prefix = cfn.Evaluator(template, Deployment="prod").resource("LifecycleFunction")
    prefix = prefix["Events"]["Hooks"]["Properties"]["Pattern"]["detail"]["LifecycleHookName"][0]["prefix"]
    found = hooks(evaluated(group, Deployment="prod"))
    assert found["launching"]["LifecycleHookName"] == f"{prefix}launch"
    assert found["terminating"]["LifecycleHookName"] == f"{prefix}terminate"
    pattern = template["Parameters"]["Deployment"]["AllowedPattern"]
    assert group["Parameters"]["Deployment"]["AllowedPattern"] == pattern


def test_what_happens_when_nobody_answers_a_hook(group):
    found = hooks(evaluated(group))
    assert {name: (hook["HeartbeatTimeout"], hook["DefaultResult"]) for name, hook in found.items()} == {
        "launching": (900, "ABANDON"),
        "terminating": (900, "CONTINUE"),
    }


def test_replacements_come_after_and_in_the_same_zone(group):
    properties = evaluated(group).resource("NodeGroup")
    assert properties["AvailabilityZoneDistribution"] == {"CapacityDistributionStrategy": "balanced-only"}
    policy = properties["InstanceMaintenancePolicy"]
    assert policy["MaxHealthyPercentage"] == 100, "above 100 the new node comes before the old one goes"
    assert "InstanceLifecyclePolicy" not in properties
    keeper = evaluated(group).resource("KeepZones")["Target"]
    assert keeper["Arn"].endswith(":aws-sdk:autoscaling:suspendProcesses")
    assert json.loads(keeper["Input"]) == {"AutoScalingGroupName": "<NodeGroup>", "ScalingProcesses": ["AZRebalance"]}


def test_nodes_bear_the_tags_and_can_read_them(group):
    evaluator = evaluated(group, Deployment="prod", Group="cass")
    tags = {t["Key"]: (t["Value"], t["PropagateAtLaunch"]) for t in evaluator.resource("NodeGroup")["Tags"]}
    assert tags == {"stateful-asg:deployment": ("prod", True), "stateful-asg:group": ("cass", True)}
    options = evaluator.resource("NodeTemplate")["LaunchTemplateData"]["MetadataOptions"]
    assert options == {"HttpTokens": "required", "InstanceMetadataTags": "enabled"}


def test_a_node_may_only_report_on_itself(group):
    found = [s for name, s in cfn.statements(evaluated(group)) if name == "NodeRole"]
    assert [s["Action"] for s in found] == ["ec2:CreateTags"]
    instance = "arn:aws-test:ec2:eu-central-1:123456789012:instance/"
    assert found[0]["Resource"] == f"{instance}*"
    assert found[0]["Condition"] == {
        "ArnEquals": {"ec2:SourceInstanceARN": instance + "${ec2:InstanceID}"},
        "Null": {"aws:TagKeys": "false"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["stateful-asg:mounted", "stateful-asg:released"]},
    }


def test_no_right_of_the_group_is_wide(group):
    for name, statement in cfn.statements(evaluated(group)):
        assert all("*" not in action for action in cfn.as_list(statement["Action"])), name
        assert "*" not in cfn.as_list(statement["Resource"]), name


def test_user_data_is_the_script(group):
    embedded = evaluated(group).resource("NodeTemplate")["LaunchTemplateData"]["UserData"]
    assert embedded == (cfn.INFRA / "guest/first-boot.sh").read_text(), (
        "group.yaml embeds another script: copy infra/guest/first-boot.sh into it, indented"
    )
    assert len(embedded.encode()) <= 16384, "EC2 takes 16 KB of user data"


@pytest.mark.parametrize("parameters", [{}, {"HostedZone": "Z0123456789ABCDEFGHIJ", "VolumeGib": 500, "Group": "cass"}])
def test_the_spec_is_valid(group, parameters, tmp_path):
    metadata = hooks(evaluated(group, **parameters))["launching"]["NotificationMetadata"]
    assert len(metadata) <= 4000 and metadata.isascii()
    assert ("dns" in json.loads(metadata)) == bool(parameters)
    target = cfn.ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
    checker = target / "debug" / "stateful-asg"
    if not checker.exists():
        pytest.skip(f"{checker} is not built: run `cargo build --workspace --bins` (`make test` does)")
    spec = tmp_path / "spec.json"
    spec.write_text(metadata)
    done = subprocess.run([checker, "spec", "check", spec], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
