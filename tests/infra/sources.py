"""What the Rust sources use of AWS and of the environment."""

import re
from pathlib import Path

import botocore
import botocore.session

import cfn

#: The fields of the AWS world that hold an SDK client: field -> (botocore's name, IAM's name).
CLIENTS = {
    "autoscaling": ("autoscaling", "autoscaling"),
    "dynamodb": ("dynamodb", "dynamodb"),
    "ec2": ("ec2", "ec2"),
    "events": ("events", "events"),
    "route53": ("route53", "route53"),
}
#: Methods of a client that call nothing.
NO_CALLS = {"clone", "config"}
#: Transactions have no right of their own: each kind of item in them asks for one.
TRANSACTION_ITEMS = {
    "ConditionCheck": "dynamodb:ConditionCheckItem",
    "Delete": "dynamodb:DeleteItem",
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
}
_CALL = re.compile(rf"\.\s*({'|'.join(CLIENTS)})\s*\.\s*([a-z][a-z0-9_]*)\s*\(")
_ITEM = re.compile(rf"\b({'|'.join(TRANSACTION_ITEMS)})::builder\s*\(")
_VARIABLE = re.compile(r'"(STATEFUL_ASG_[A-Z0-9_]+)"')


class UnknownCall(Exception):
    """A method of a client that is no operation of its service."""


def without_comments(text):
    return re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)


def rust(folder):
    """The text of all Rust sources under `folder`, by path, without comments."""
    return {path: without_comments(path.read_text()) for path in sorted((cfn.ROOT / folder).rglob("*.rs"))}


def _operations(service):
    model = botocore.session.get_session().get_service_model(service)
    return {botocore.xform_name(name): name for name in model.operation_names}


def actions(texts):
    """IAM action -> the paths that need it, for sources that call `<something>.<client>.<operation>()`."""
    operations = {field: _operations(service) for field, (service, _) in CLIENTS.items()}
    needed = {}
    for path, text in texts.items():
        for field, method in _CALL.findall(text):
            if method in NO_CALLS:
                continue
            if method not in operations[field]:
                raise UnknownCall(f"{path}: `.{field}.{method}()` is no operation of {CLIENTS[field][0]}")
            if method == "transact_write_items":
                continue
            name = "GetItem" if method == "transact_get_items" else operations[field][method]
            needed.setdefault(f"{CLIENTS[field][1]}:{name}", set()).add(path)
        for item in _ITEM.findall(text):
            needed.setdefault(TRANSACTION_ITEMS[item], set()).add(path)
    return needed


def variables(path: Path):
    """The names of our environment variables in one source file."""
    return set(_VARIABLE.findall(without_comments(path.read_text())))
