"""What the tests of infra/ share."""

import pytest

import cfn

#: Every limit set, so that every conditional statement is there.
EVERYTHING = {
    "AllowedZones": "Z1,Z2",
    "AllowedNames": "*.db.example.com,seeds.example.com",
    "AllowedKmsKeys": "arn:aws-test:kms:eu-central-1:123456789012:key/1,arn:aws-test:kms:eu-central-1:123456789012:key/2",
    "AllowedKmsAliases": "alias/a,alias/b",
    "AllowedSubnets": "subnet-1,subnet-2",
    "AllowedGroups": "cass-*,kafka",
    "MaxVolumeGib": 500,
    "AllowDeletes": "true",
    "PermissionsBoundary": "arn:aws-test:iam::123456789012:policy/bound",
}


@pytest.fixture(scope="session")
def template():
    return cfn.load("template.yaml")


@pytest.fixture(scope="session")
def group():
    return cfn.load("group.yaml")


@pytest.fixture(scope="session")
def default(template):
    """The template with its parameters' defaults."""
    return cfn.Evaluator(template)


@pytest.fixture(scope="session")
def everything(template):
    """The template with every limit set and every option on."""
    return cfn.Evaluator(template, **EVERYTHING)
