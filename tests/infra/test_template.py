"""infra/template.yaml: what is deployed, and what it may do."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cfn
from conftest import EVERYTHING

BIN = Path(sys.executable).parent
#: Calls for which AWS offers no resource narrower than all.
NO_NARROWER_RESOURCE = {
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeLifecycleHooks",
    "autoscaling:DescribeWarmPool",
    "ec2:DescribeInstances",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSnapshots",
    "ec2:DescribeSubnets",
    "ec2:DescribeVolumes",
    "ec2:DescribeVolumesModifications",
}
#: Statements that need no condition, because their resource is one that the deployment made or was given, and which.
EXACT_RESOURCE = {
    "OwnLog": "the function's own log group",
    "FailedEvents": "the stack's queue",
    "ReadGroups": "the stack's table",
    "KeepTable": "the stack's table",
}
#: Statements without a condition, and why.
NO_CONDITION = {
    "SecurityGroupsOfInterfaces": "the groups of instances are users' own, and bear none of our tags",
}
#: Statements that change EC2 and are not held to our deployment by a tag, and what holds them.
NOT_BY_TAG = {
    "SubnetsOfInterfaces": "the parameter AllowedSubnets",
    "SecurityGroupsOfInterfaces": "the interface that is made, in NewInterfaces",
    "TagWhatWeCreate": "the action that creates, which stands in a statement of its own",
}
FUNCTIONS = {
    "LifecycleFunction": "lifecycle",
    "InstanceFunction": "instance",
    "SweepFunction": "sweep",
    "SnapshotFunction": "snapshot",
}


def run(*command):
    environment = dict(os.environ, AWS_DEFAULT_REGION="eu-central-1", SAM_CLI_TELEMETRY="0")
    return subprocess.run(command, cwd=cfn.ROOT, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("name", ["template.yaml", "group.yaml"])
def test_cfn_lint_finds_nothing(name):
    done = run(BIN / "cfn-lint", f"infra/{name}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_sam_accepts_the_template():
    done = run(BIN / "sam", "validate", "--lint", "--region", "eu-central-1")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["template.yaml", "group.yaml"])
def test_no_partition_is_written_out(name):
    assert "arn:aws" not in (cfn.INFRA / name).read_text(), "write ${AWS::Partition}"


# --- the functions


def test_four_functions_are_one_binary(template):
    functions = {n: r for n, r in template["Resources"].items() if r["Type"] == "AWS::Serverless::Function"}
    assert {n: r["Properties"]["Handler"] for n, r in functions.items()} == FUNCTIONS
    for name, function in functions.items():
        assert function["Metadata"] == {
            "BuildMethod": "rust-cargolambda",
            "BuildProperties": {"Binary": "stateful-asg-functions"},
        }, name
    shared = template["Globals"]["Function"]
    assert shared["Runtime"] == "provided.al2023"
    assert template["Parameters"]["Architecture"]["Default"] == "arm64"
    roles = [json.dumps(f["Properties"]["Role"]) for f in functions.values()]
    assert len(set(roles)) == len(roles), "one role a function"


def test_failed_events_are_kept(default, template):
    for name in FUNCTIONS:
        properties = default.resource(name)
        failure = properties["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]
        assert failure == {"Type": "SQS", "Destination": "<DeadLetters.Arn>"}, name
        for event, described in properties["Events"].items():
            assert described["Properties"]["DeadLetterConfig"] == {"Arn": "<DeadLetters.Arn>"}, (name, event)
            retries = described["Properties"]["RetryPolicy"]
            assert retries["MaximumRetryAttempts"] <= 20, (name, event)
            assert 60 <= retries["MaximumEventAgeInSeconds"] <= 3600, (name, event)
        role = template["Resources"][name]["Properties"]["Role"]["Fn::GetAtt"][0]
        allowed = [s for n, s in cfn.statements(default) if n == role and s["Action"] == "sqs:SendMessage"]
        assert [s["Resource"] for s in allowed] == ["<DeadLetters.Arn>"], name
    queue = default.resource("DeadLettersPolicy")["PolicyDocument"]["Statement"]
    assert [s["Principal"] for s in queue] == [{"Service": "events.amazonaws.com"}]


def test_a_sweep_is_not_repeated_and_ends_within_its_minute(default):
    sweep = default.resource("SweepFunction")
    assert sweep["Timeout"] <= 60
    assert sweep["EventInvokeConfig"]["MaximumRetryAttempts"] == 0
    assert sweep["Events"]["EveryMinute"]["Properties"]["Schedule"] == "rate(1 minute)"


def test_snapshots_run_on_the_minutes_that_their_timetables_lie_between(default):
    snapshot = default.resource("SnapshotFunction")
    assert snapshot["Timeout"] < 300
    assert snapshot["EventInvokeConfig"]["MaximumRetryAttempts"] == 0
    assert snapshot["Events"]["EveryFiveMinutes"]["Properties"]["Schedule"] == "cron(0/5 * * * ? *)"


def pattern(evaluator, function, event):
    return evaluator.resource(function)["Events"][event]["Properties"]["Pattern"]


def test_events_are_those_that_the_functions_answer(template):
    evaluator = cfn.Evaluator(template, Deployment="prod", EventBusName="ours")
    assert pattern(evaluator, "LifecycleFunction", "Hooks") == {
        "source": ["aws.autoscaling"],
        "detail-type": ["EC2 Instance-launch Lifecycle Action", "EC2 Instance-terminate Lifecycle Action"],
        "detail": {"LifecycleHookName": [{"prefix": "stateful-asg-prod-"}]},
    }
    assert pattern(evaluator, "LifecycleFunction", "Results") == {
        "source": ["aws.autoscaling"],
        "detail-type": [
            f"EC2 Instance {what} {how}" for what in ("Launch", "Terminate") for how in ("Successful", "Unsuccessful")
        ],
    }
    assert pattern(evaluator, "LifecycleFunction", "Settle") == {
        "source": ["stateful-asg"],
        "detail-type": ["Settle"],
        "detail": {"deployment": ["prod"]},
    }
    assert pattern(evaluator, "InstanceFunction", "States") == {
        "source": ["aws.ec2"],
        "detail-type": ["EC2 Instance State-change Notification"],
        "detail": {"state": ["stopping", "stopped", "shutting-down", "terminated"]},
    }
    assert pattern(evaluator, "InstanceFunction", "Warnings") == {
        "source": ["aws.ec2"],
        "detail-type": ["EC2 Spot Instance Interruption Warning", "EC2 Instance Rebalance Recommendation"],
    }
    buses = {
        event: described["Properties"].get("EventBusName")
        for event, described in evaluator.resource("LifecycleFunction")["Events"].items()
    }
    assert buses == {"Hooks": None, "Results": None, "Settle": "ours"}, "AWS's events come on the default bus only"


# --- the table


def test_the_table_outlives_the_stack(template):
    table = template["Resources"]["Table"]
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    properties = table["Properties"]
    assert properties["DeletionProtectionEnabled"] is True
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert [key["AttributeName"] for key in properties["KeySchema"]] == ["pk", "sk"]


# --- rights


def test_no_right_is_a_pattern(everything):
    assert [a for a in cfn.actions(cfn.statements(everything)) if "*" in a] == []


def test_only_what_has_no_narrower_resource_is_allowed_on_all(everything):
    for name, statement in cfn.statements(everything):
        if "*" in cfn.as_list(statement["Resource"]):
            wide = set(cfn.as_list(statement["Action"])) - NO_NARROWER_RESOURCE
            assert not wide, f"{name}/{statement['Sid']}: {sorted(wide)} take a narrower resource"


def test_every_right_is_narrowed(everything):
    for name, statement in cfn.statements(everything):
        if statement["Sid"] not in {**EXACT_RESOURCE, **NO_CONDITION}:
            assert statement.get("Condition"), f"{name}/{statement['Sid']} has no condition"
        if statement["Sid"] in EXACT_RESOURCE:
            assert all(r.startswith("<") for r in cfn.as_list(statement["Resource"])), statement


def test_no_exception_is_for_a_statement_that_is_gone(everything):
    sids = {statement["Sid"] for _, statement in cfn.statements(everything)}
    assert {*EXACT_RESOURCE, *NO_CONDITION, *NOT_BY_TAG} <= sids


def test_ec2_changes_touch_only_our_deployment(template):
    evaluator = cfn.Evaluator(template, **EVERYTHING, Deployment="prod")
    for name, statement in cfn.statements(evaluator):
        changes = [a for a in cfn.as_list(statement["Action"]) if a.startswith("ec2:") and ":Describe" not in a]
        if not changes or statement["Sid"] in NOT_BY_TAG:
            continue
        equal = statement["Condition"]["StringEquals"]
        tags = [equal.get(f"aws:{where}Tag/stateful-asg:deployment") for where in ("Resource", "Request")]
        assert "prod" in tags, f"{name}/{statement['Sid']} is not held to our deployment"


def by_sid(evaluator, sid):
    found = [s for _, s in cfn.statements(evaluator) if s["Sid"] == sid]
    assert len(found) == 1, (sid, found)
    return found[0]


def test_tags_are_set_on_creation_or_on_what_is_ours_and_never_move_a_thing(everything):
    tagging = [s for _, s in cfn.statements(everything) if "ec2:CreateTags" in cfn.as_list(s["Action"])]
    assert {s["Sid"] for s in tagging} == {"TagWhatWeCreate", "TagWhatIsOurs", "NameSnapshots"}
    created = {
        name: s["Condition"]["StringEquals"]["ec2:CreateAction"]
        for name, s in cfn.statements(everything)
        if s["Sid"] == "TagWhatWeCreate"
    }
    assert created == {
        "ServePolicy": ["CreateVolume", "CreateNetworkInterface"],
        "UpkeepPolicy": "CreateSnapshot",
        "SnapshotRole": ["CreateSnapshot", "CreateSnapshots"],
    }
    named = by_sid(everything, "NameSnapshots")["Condition"]
    assert named["ForAllValues:StringEquals"] == {"aws:TagKeys": "stateful-asg:volume"}
    ours = by_sid(everything, "TagWhatIsOurs")["Condition"]
    assert ours["ForAllValues:StringLike"] == {"aws:TagKeys": "stateful-asg:*"}
    assert ours["Null"] == {
        "aws:TagKeys": "false",
        "aws:RequestTag/stateful-asg:deployment": "true",
        "aws:RequestTag/stateful-asg:group": "true",
    }


def test_limits_stand_in_the_environment_and_in_the_rights(everything, template):
    environment = everything.resolve(template["Globals"]["Function"]["Environment"]["Variables"])
    assert environment["STATEFUL_ASG_ALLOWED_ZONES"] == "Z1,Z2"
    assert set(by_sid(everything, "Names")["Resource"]) == {
        "arn:aws-test:route53:::hostedzone/Z1",
        "arn:aws-test:route53:::hostedzone/Z2",
    }
    keys, aliases = EVERYTHING["AllowedKmsKeys"], EVERYTHING["AllowedKmsAliases"]
    assert environment["STATEFUL_ASG_ALLOWED_KMS_KEYS"] == f"{keys},{aliases}"
    for sid in ("UseKeys", "LendKeys"):
        assert by_sid(everything, sid)["Resource"] == keys.split(",")
        condition = by_sid(everything, f"{sid}ByAlias")["Condition"]
        assert condition["ForAnyValue:StringEquals"] == {"kms:ResourceAliases": aliases.split(",")}
    for sid in ("LendKeys", "LendKeysByAlias"):
        assert by_sid(everything, sid)["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}
    assert environment["STATEFUL_ASG_ALLOWED_SUBNETS"] == "subnet-1,subnet-2"
    assert by_sid(everything, "SubnetsOfInterfaces")["Condition"] == {
        "StringLike": {"ec2:SubnetID": ["subnet-1", "subnet-2"]}
    }
    assert environment["STATEFUL_ASG_ALLOWED_GROUPS"] == "cass-*,kafka"
    assert by_sid(everything, "NewVolumes")["Condition"] == {
        "StringEquals": {"aws:RequestTag/stateful-asg:deployment": "main"},
        "StringLike": {"aws:RequestTag/stateful-asg:group": ["cass-*", "kafka"]},
        "NumericLessThanEquals": {"ec2:VolumeSize": "500"},
    }
    assert environment["STATEFUL_ASG_MAX_VOLUME_GIB"] == "500"


@pytest.mark.parametrize(
    ("keys", "aliases", "expected"), [("", "", ""), ("k", "", "k"), ("", "alias/a", "alias/a"), ("k", "alias/a", "k,alias/a")]
)
def test_the_list_of_keys_has_no_empty_places(template, keys, aliases, expected):
    evaluator = cfn.Evaluator(template, AllowedKmsKeys=keys, AllowedKmsAliases=aliases)
    variables = evaluator.resolve(template["Globals"]["Function"]["Environment"]["Variables"])
    assert variables["STATEFUL_ASG_ALLOWED_KMS_KEYS"] == expected


@pytest.mark.parametrize("count", range(1, 6))
def test_every_number_of_zones_gets_exactly_its_rights(template, count):
    zones = [f"Z{number}" for number in range(count)]
    evaluator = cfn.Evaluator(template, AllowedZones=",".join(zones))
    resources = by_sid(evaluator, "Names")["Resource"]
    assert set(resources) == {f"arn:aws-test:route53:::hostedzone/{zone}" for zone in zones}


def test_without_limits_there_are_no_rights_to_names_or_keys(default):
    services = {action.split(":")[0] for action in cfn.actions(cfn.statements(default))}
    assert services == {"autoscaling", "dynamodb", "ec2", "events", "logs", "sqs"}


def test_records_are_never_overwritten_blindly(everything):
    condition = by_sid(everything, "Names")["Condition"]["ForAllValues:StringEquals"]
    assert condition == {
        "route53:ChangeResourceRecordSetsRecordTypes": ["A"],
        "route53:ChangeResourceRecordSetsActions": ["CREATE", "DELETE"],
    }


@pytest.mark.parametrize(
    ("names", "expected"),
    [("", "*"), ("*.db.example.com", ["*.db.example.com"]), ("a-*.x,b.x", ["a-*.x", "b.x"])],
)
def test_names_are_limited_in_the_environment_and_in_the_rights(template, names, expected):
    evaluator = cfn.Evaluator(template, AllowedZones="Z1", AllowedNames=names)
    condition = by_sid(evaluator, "Names")["Condition"]["ForAllValues:StringLike"]
    assert condition == {"route53:ChangeResourceRecordSetsNormalizedRecordNames": expected}
    variables = evaluator.resolve(template["Globals"]["Function"]["Environment"]["Variables"])
    assert variables["STATEFUL_ASG_ALLOWED_NAMES"] == names


def test_only_names_as_route_53_writes_them_are_taken(template):
    """https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-conditions-route53.html"""
    allowed = template["Parameters"]["AllowedNames"]["AllowedPattern"]
    for good in ("", "*", "*.db.example.com", "cass-*.x,seeds.x", "_a.b"):
        assert re.match(allowed, good), good
    for bad in ("*.Db.example.com", "a.b.", "a.b, c.d", "a..b", ".a", ",", "a,", "a?", "\\052.x"):
        assert not re.match(allowed, bad), bad


def test_deleting_is_a_policy_of_its_own_and_off(default, everything):
    roles = {"DeletePolicy": ["<LifecycleRole>", "<InstanceRole>"], "DeleteSnapshotsPolicy": ["<SnapshotRole>"]}
    for policy, expected in roles.items():
        assert default.resource(policy) is None
        assert everything.resource(policy)["Roles"] == expected
    deleting = {
        name
        for name, statement in cfn.statements(everything)
        if any(":Delete" in a and not a.startswith("dynamodb:") for a in cfn.as_list(statement["Action"]))
    }
    assert deleting == set(roles)


def test_every_role_is_bounded_where_asked(everything, group):
    bounded = cfn.Evaluator(group, PermissionsBoundary=EVERYTHING["PermissionsBoundary"])
    for evaluator in (everything, bounded):
        for name, resource in evaluator.template["Resources"].items():
            if resource["Type"] == "AWS::IAM::Role":
                assert evaluator.resource(name)["PermissionsBoundary"] == EVERYTHING["PermissionsBoundary"], name


def test_policies_fit_into_iam(template):
    """Managed policies hold 6,144 characters besides white space, inline ones of a role 10,240 together."""
    longest = template["Parameters"]["AllowedNames"]["MaxLength"]
    names = ",".join("*.x" for _ in range((longest + 1) // 4))
    parameters = dict(EVERYTHING, AllowedZones=",".join(f"Z{n}{'X' * 30}" for n in range(5)), AllowedNames=names)
    evaluator = cfn.Evaluator(template, **parameters)
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            length = len(json.dumps(evaluator.resource(name)["PolicyDocument"], separators=(",", ":")))
            assert length <= 6144, f"{name} has {length} characters"
