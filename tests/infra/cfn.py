"""Reads CloudFormation templates, and evaluates their functions for given parameters."""

import json
import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"

PSEUDO = {
    "AWS::Partition": "aws-test",
    "AWS::Region": "eu-central-1",
    "AWS::AccountId": "123456789012",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "stack",
}
NO_VALUE = object()


class _Loader(yaml.SafeLoader):
    """Turns `!Name x` into `{"Fn::Name": x}`, and refuses what CloudFormation refuses."""

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            raise ValueError(f"CloudFormation takes no YAML aliases: {self.peek_event().start_mark}")
        return super().compose_node(parent, index)


def _function(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _function)


def load(name):
    """The template `infra/<name>`, functions as one-key objects."""
    return yaml.load((INFRA / name).read_text(), _Loader)  # noqa: S506 (a SafeLoader)


class Evaluator:
    """Evaluates a template's functions, with defaults for the parameters that are not given."""

    def __init__(self, template, **given):
        self.template = template
        self.values = dict(PSEUDO)
        for name, parameter in template.get("Parameters", {}).items():
            value = given.pop(name, parameter.get("Default", f"<{name}>"))
            value = str(value)
            if parameter["Type"] == "CommaDelimitedList" or parameter["Type"].startswith("List<"):
                value = [part.strip() for part in value.split(",")]
            self.values[name] = value
        if given:
            raise ValueError(f"no such parameters: {sorted(given)}")

    def condition(self, name):
        return self.resolve(self.template["Conditions"][name])

    def resource(self, name):
        """The resource's properties, or None where its condition is false."""
        resource = self.template["Resources"][name]
        if "Condition" in resource and not self.condition(resource["Condition"]):
            return None
        return self.resolve(resource["Properties"])

    def resolve(self, value):
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (key, argument), = value.items()
            if key == "Ref":
                return self._ref(argument)
            if key.startswith("Fn::"):
                return getattr(self, "_" + key[4:].lower())(argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def _ref(self, name):
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.values:
            return self.values[name]
        if name not in self.template["Resources"]:
            raise KeyError(f"Ref to {name}, which the template does not define")
        return f"<{name}>"

    def _getatt(self, argument):
        name, attribute = argument
        if name not in self.template["Resources"]:
            raise KeyError(f"GetAtt of {name}, which the template does not define")
        return f"<{name}.{attribute}>"

    def _sub(self, argument):
        text, extra = (argument, {}) if isinstance(argument, str) else (argument[0], self.resolve(argument[1]))

        def replace(match):
            name = match.group(1)
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in extra:
                return extra[name]
            return str(self._getatt(name.split(".", 1)) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", replace, text)

    def _if(self, argument):
        return self.resolve(argument[1] if self.condition(argument[0]) else argument[2])

    def _join(self, argument):
        return argument[0].join(self.resolve(argument[1]))

    def _split(self, argument):
        return self.resolve(argument[1]).split(argument[0])

    def _select(self, argument):
        return self.resolve(argument[1])[int(argument[0])]

    def _not(self, argument):
        return not self.resolve(argument[0])

    def _equals(self, argument):
        return self.resolve(argument[0]) == self.resolve(argument[1])

    def _base64(self, argument):
        return self.resolve(argument)

    def _tojsonstring(self, argument):
        return json.dumps(self.resolve(argument), separators=(",", ":"))


def as_list(value):
    return value if isinstance(value, list) else [value]


def statements(evaluator):
    """Every IAM statement of the template as (name of its resource, statement)."""
    for name, resource in evaluator.template["Resources"].items():
        properties = evaluator.resource(name)
        if properties is None:
            continue
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            documents.append(properties["PolicyDocument"])
        for document in documents:
            for statement in document["Statement"]:
                yield name, statement


def actions(found):
    """The set of actions in statements as `statements` gives them."""
    return {action for _, statement in found for action in as_list(statement["Action"])}
