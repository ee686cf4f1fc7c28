"""What template.yaml deploys, as far as the simulated AWS plays it: functions, their events, their rights.

The simulated AWS reads it from a file, so that it needs no Python: `UPDATE=1 pytest tests/infra/test_stack.py` writes it.
What is known only when it runs stands there as `${Name}`.
"""

import json

import cfn

FILE = cfn.ROOT / "shared/sim/src/stack/stack.json"

#: Every limit that the simulated AWS can check, and the rights to delete. Keys are EC2's own business there.
PARAMETERS = {
    "Deployment": "${Deployment}",
    "AllowedZones": "${Zone}",
    "AllowedNames": "${Names}",
    "AllowDeletes": "true",
}


class Placeholders(cfn.Evaluator):
    """Leaves names in place of what only a Region, an account or a deployed stack knows."""

    def __init__(self, template, **given):
        super().__init__(template, **given)
        self.values |= {
            "AWS::Partition": "aws",
            "AWS::Region": "${Region}",
            "AWS::AccountId": "${Account}",
        }

    def _ref(self, name):
        value = super()._ref(name)
        return f"${{{name}}}" if value == f"<{name}>" else value

    def _getatt(self, argument):
        super()._getatt(argument)
        return f"${{{'.'.join(argument)}}}"


def _shared(template, name):
    return template["Globals"]["Function"][name]


def _function(evaluator, name):
    template, properties = evaluator.template, evaluator.resource(name)
    rules, schedules = {}, {}
    for event, described in properties["Events"].items():
        if described["Type"] == "Schedule":
            schedules[event] = described["Properties"]["Schedule"]
        else:
            rules[event] = described["Properties"]["Pattern"]
    return {
        "role": properties["Role"].removeprefix("${").removesuffix(".Arn}"),
        "timeout": properties.get("Timeout", _shared(template, "Timeout")),
        "memory": properties.get("MemorySize", _shared(template, "MemorySize")),
        "retries": properties["EventInvokeConfig"]["MaximumRetryAttempts"],
        "rules": rules,
        "schedules": schedules,
    }


def _normal(statement):
    """Lists where IAM takes a single value too, none of them twice."""
    listed = {key: list(dict.fromkeys(cfn.as_list(statement[key]))) for key in ("Action", "Resource")}
    conditions = {
        operator: {key: cfn.as_list(wanted) for key, wanted in keys.items()}
        for operator, keys in statement.get("Condition", {}).items()
    }
    return {"Sid": statement["Sid"], "Effect": statement["Effect"], **listed, "Condition": conditions}


def _policies(evaluator, role):
    """(name, document) of every policy of a role."""
    properties = evaluator.resource(role)
    for policy in properties.get("Policies", []):
        yield f"{role}/{policy['PolicyName']}", policy["PolicyDocument"]
    attached = {arn.removeprefix("${").removesuffix("}") for arn in properties.get("ManagedPolicyArns", [])}
    for name, resource in evaluator.template["Resources"].items():
        if resource["Type"] != "AWS::IAM::ManagedPolicy":
            continue
        policy = evaluator.resource(name)
        if policy and (name in attached or f"${{{role}}}" in policy.get("Roles", [])):
            yield name, policy["PolicyDocument"]


def stack(template):
    evaluator = Placeholders(template, **PARAMETERS)
    functions = {
        resource["Properties"]["Handler"]: _function(evaluator, name)
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    roles = {
        function["role"]: [
            {"policy": name, **_normal(statement)}
            for name, document in _policies(evaluator, function["role"])
            for statement in document["Statement"]
        ]
        for function in functions.values()
    }
    return {"functions": functions, "roles": roles}


def text(template):
    return json.dumps(stack(template), indent=1) + "\n"
