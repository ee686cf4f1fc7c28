"""The simulated AWS plays what the template deploys."""

import os

import pytest

import cfn
import stack


def test_the_simulated_aws_has_the_templates_functions_events_and_rights(template):
    wanted = stack.text(template)
    if os.environ.get("UPDATE"):
        stack.FILE.write_text(wanted)
    assert stack.FILE.read_text() == wanted, "run UPDATE=1 pytest tests/infra/test_stack.py, and the Rust tests again"


def test_every_statement_reaches_its_role(template):
    roles = stack.stack(template)["roles"]
    placed = {(s["policy"].split("/")[0], s["Sid"]) for statements in roles.values() for s in statements}
    evaluator = stack.Placeholders(template, **stack.PARAMETERS)
    assert placed == {(name, statement["Sid"]) for name, statement in cfn.statements(evaluator)}
    for role, statements in roles.items():
        names = [(s["policy"], s["Sid"]) for s in statements]
        assert len(set(names)) == len(names), f"two statements of {role} have one name"


@pytest.mark.parametrize("name", ["LifecycleRole", "InstanceRole"])
def test_both_roles_that_settle_have_the_rights_to_delete(template, name):
    assert "DeletePolicy" in {s["policy"] for s in stack.stack(template)["roles"][name]}
