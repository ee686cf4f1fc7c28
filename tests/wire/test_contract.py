"""The contract of tests/contract through boto3: on the simulated AWS, on moto, and where it is asked for elsewhere.

STATEFUL_ASG_CONTRACT_MINISTACK=PYTHON runs it on MiniStack, whose package cannot be installed beside boto3's: an
environment of its own has it.

STATEFUL_ASG_CONTRACT_ENDPOINT=URL runs it on an emulator, with credentials of the environment.
STATEFUL_ASG_CONTRACT_ACCOUNT=NUMBER runs it on that real account, which costs a little.
"""

import os

import boto3
import pytest
from moto import mock_aws

import contract
from targets import Account, Endpoint, MiniStack, Moto, Simulated

CASES = [case for case in contract.cases() if "boto3" in case.get("faces", ["boto3"])]
ENDPOINT = os.environ.get("STATEFUL_ASG_CONTRACT_ENDPOINT")
MINISTACK = os.environ.get("STATEFUL_ASG_CONTRACT_MINISTACK")
ACCOUNT = os.environ.get("STATEFUL_ASG_CONTRACT_ACCOUNT")


def each_case(test):
    return pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])(test)


@pytest.fixture(scope="module")
def simulated():
    target = Simulated()
    yield target
    target.close()


@pytest.fixture(scope="module")
def moto():
    with mock_aws():
        yield Moto()


@pytest.fixture(scope="module")
def ministack():
    target = MiniStack(MINISTACK)
    yield target
    target.close()


@pytest.fixture(scope="module")
def endpoint():
    return Endpoint(ENDPOINT)


@pytest.fixture(scope="module")
def account():
    return Account(ACCOUNT, boto3.client("sts").get_caller_identity()["Account"])


def as_listed(target, case):
    differs = case.get("differs", {}).get(target.name, {}).get("outcome", contract.RIGHT)
    assert contract.Run(target, case).outcome() == differs, case["source"]


@each_case
def test_on_the_simulated_aws(simulated, case):
    as_listed(simulated, case)


@each_case
def test_on_moto(moto, case):
    as_listed(moto, case)


@pytest.mark.skipif(not MINISTACK, reason="STATEFUL_ASG_CONTRACT_MINISTACK names no Python that has MiniStack")
@each_case
def test_on_ministack(ministack, case):
    as_listed(ministack, case)


@pytest.mark.skipif(not ENDPOINT, reason="STATEFUL_ASG_CONTRACT_ENDPOINT names no endpoint")
@each_case
def test_on_an_endpoint(endpoint, case):
    as_listed(endpoint, case)


@pytest.mark.skipif(not ACCOUNT, reason="STATEFUL_ASG_CONTRACT_ACCOUNT names no account")
@each_case
def test_on_an_account(account, case):
    as_listed(account, case)


def test_another_account_than_the_named_one_is_refused():
    with pytest.raises(RuntimeError, match="nothing is done"):
        Account("111111111111", "222222222222")


def test_too_much_in_an_account_is_refused():
    account = Account("1", "1")
    with pytest.raises(RuntimeError, match="at most"):
        account.allow("ec2:CreateVolume", {"Size": 500})
    account.created = account.MOST_CREATED
    with pytest.raises(RuntimeError, match="more than"):
        account.allow("ec2:RunInstances", {})
