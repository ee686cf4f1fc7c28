"""The alarms of infra/template.yaml against the metrics that there are, and against docs/alarms.md."""

import re

import pytest

import cfn

PAGE = (cfn.ROOT / "docs/alarms.md").read_text()
TOPIC = "arn:aws-test:sns:eu-central-1:123456789012:pager"
#: What Lambda and SQS count of our functions and our queue, and its dimension.
#: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
OF_AWS = {
    ("AWS/Lambda", "Errors"): "FunctionName",
    ("AWS/Lambda", "Throttles"): "FunctionName",
    ("AWS/Lambda", "Invocations"): "FunctionName",
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): "QueueName",
}
#: Alarms on what happens even when all is well, so that silence is the alarm.
SILENCE = {"SweepSilentAlarm", "SnapshotSilentAlarm"}
QUERY = re.compile(
    r"SELECT (?:SUM|MAX)\(\"(?P<metric>\w+)\"\) FROM SCHEMA\(\"(?P<namespace>\w+)\", (?P<dimensions>[\w\", ]+)\)"
    r" WHERE \"service\" = '(?P<service>[\w-]+)' GROUP BY \"group\""
)


@pytest.fixture(scope="module")
def alarms(template):
    evaluator = cfn.Evaluator(template, Deployment="prod", AlarmTopic=TOPIC)
    names = [n for n, r in template["Resources"].items() if r["Type"] == "AWS::CloudWatch::Alarm"]
    return {name: evaluator.resource(name) for name in names}


def ours():
    """Our metrics as their page lists them, which a test writes from the code: name -> dimensions."""
    rows = re.findall(r"^\| `([\w.]+)` \| \w+ \| (.+?) \|", PAGE.split("| metric |")[1], re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", dimensions)) for name, dimensions in rows}


def watched(alarm):
    """What an alarm watches, as (namespace, metric, dimensions, Metrics Insights or not)."""
    if "MetricName" in alarm:
        yield alarm["Namespace"], alarm["MetricName"], alarm["Dimensions"], False
    for part in alarm.get("Metrics", []):
        if "MetricStat" in part:
            metric = part["MetricStat"]["Metric"]
            yield metric["Namespace"], metric["MetricName"], metric["Dimensions"], False
        elif part["Expression"].startswith("SELECT"):
            found = QUERY.fullmatch(part["Expression"])
            assert found, part["Expression"]
            values = {"service": found["service"], "group": None}
            dimensions = [{"Name": n, "Value": values[n]} for n in re.findall(r"\w+", found["dimensions"])]
            yield found["namespace"], found["metric"], dimensions, True


def test_every_alarm_watches_what_is_counted(alarms):
    counted = ours()
    assert len(counted) == 20
    for name, alarm in alarms.items():
        found = list(watched(alarm))
        assert found, name
        for namespace, metric, dimensions, _ in found:
            values = {d["Name"]: d["Value"] for d in dimensions}
            if namespace == "StatefulAsg":
                assert metric in counted, f"{name}: nobody counts {metric}"
                assert set(values) == counted[metric], name
                assert values["service"] == "stateful-asg-prod", name
            else:
                assert list(values) == [OF_AWS[namespace, metric]], name


def test_what_is_counted_by_group_is_looked_at_in_all_groups(alarms):
    """An alarm names its dimensions in full, and the template knows no groups."""
    for name, alarm in alarms.items():
        for namespace, metric, _, by_query in watched(alarm):
            assert by_query == (namespace == "StatefulAsg" and "group" in ours()[metric]), name


def test_the_functions_and_the_queue_are_those_of_the_stack(alarms, template):
    functions = {n for n, r in template["Resources"].items() if r["Type"] == "AWS::Serverless::Function"}
    seen = {}
    for alarm in alarms.values():
        for namespace, metric, dimensions, _ in watched(alarm):
            if namespace.startswith("AWS/"):
                seen.setdefault(metric, set()).add(dimensions[0]["Value"])
    every = {f"<{name}>" for name in functions}
    assert seen["Errors"] == seen["Throttles"] == every
    assert seen["Invocations"] == {"<SweepFunction>", "<SnapshotFunction>"}, "the functions on a schedule"
    assert seen["ApproximateNumberOfMessagesVisible"] == {"<DeadLetters.QueueName>"}


def test_expressions_add_up_all_their_metrics_where_some_are_missing(alarms):
    for name, alarm in alarms.items():
        parts = {part["Id"]: part for part in alarm.get("Metrics", [])}
        metrics = {part for part in parts if "MetricStat" in parts[part]}
        returned = [part for part in parts.values() if part.get("ReturnData", True)]
        assert len(returned) == (1 if parts else 0), name
        if metrics:
            assert set(re.findall(r"FILL\((\w+), 0\)", returned[0]["Expression"])) == metrics, name


def test_missing_data_is_silence_only_where_something_always_happens(alarms):
    for name, alarm in alarms.items():
        if name in SILENCE:
            assert (alarm["TreatMissingData"], alarm["ComparisonOperator"]) == ("breaching", "LessThanThreshold"), name
            assert alarm["Threshold"] == 1
        else:
            expected = ("notBreaching", "GreaterThanThreshold", 0)
            assert (alarm["TreatMissingData"], alarm["ComparisonOperator"], alarm["Threshold"]) == expected, name


def test_silence_is_longer_than_a_schedule(alarms):
    for name, minutes in {"SweepSilentAlarm": 1, "SnapshotSilentAlarm": 5}.items():
        assert alarms[name]["Period"] >= 3 * 60 * minutes, name


def test_alarms_call_a_person_where_a_topic_is_given(alarms, default):
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [TOPIC], name
        assert "AlarmActions" not in default.resource(name), name


def test_the_page_says_what_to_do_about_each_alarm(alarms):
    rows = re.findall(r"^\| `([a-z-]+)` \|", PAGE.split("## Metrics")[0], re.MULTILINE)
    assert sorted(rows) == sorted(alarm["AlarmName"].removeprefix("stateful-asg-prod-") for alarm in alarms.values())
