"""Deploying again, destroying, and bringing back. Runs last: nobody finds the old stacks after."""

import json
import re

import pytest

from local.clients.phone import Phone
from local.launcher.checkout import LocalAwsError
from local.launcher.local_aws import LocalAws
from tests.e2e.answers import assert_call
from tests.e2e.aws import Aws, Caller, with_the_templates_of_before
from tests.e2e.held_properties import READERS, deployed, left

CALLING = "InAppCalling-local-Calling"
IDENTITY = "InAppCalling-local-Identity"
OUTPUTS = {
    "ApiUrl",
    "CallTransport",
    "CallingParameter",
    "CallsTable",
    "ConnectInstanceArn",
    "ContactFlowArn",
    "Region",
}
OUTPUTS_OF_POOL = {"UserPoolClientId", "UserPoolId"}
# A user's account must outlive a mistake with a stack.
RETAINED = {"AWS::Cognito::UserPool", "AWS::Cognito::UserPoolClient"}


def _aws(running: LocalAws) -> Aws:
    return Aws(running.outputs, running.stacks)


@pytest.mark.slow
def test_a_second_deployment_changes_nothing(running: LocalAws) -> None:
    cloudformation = running.client("cloudformation")
    before = {stack: cloudformation.describe_stack_events(StackName=stack) for stack in running.stacks}
    said = running.cdk("deploy", "--all")
    unchanged = {line.strip() for line in said if "(no changes)" in line}
    assert unchanged == {f"✅  {stack} (no changes)" for stack in running.stacks}
    for stack, events in before.items():
        now = cloudformation.describe_stack_events(StackName=stack)
        assert now["StackEvents"] == events["StackEvents"]


def test_each_output_is_a_parameter_too(running: LocalAws) -> None:
    stacks = running.client("cloudformation").describe_stacks()["Stacks"]
    outputs = {
        output["OutputKey"]: output["OutputValue"]
        for stack in stacks
        if stack["StackName"] in running.stacks
        for output in stack["Outputs"]
        if not output["OutputKey"].startswith("ExportsOutput")
    }
    assert outputs.keys() == OUTPUTS | (OUTPUTS_OF_POOL if len(running.stacks) > 1 else {"Issuer"})
    path = f"/in-app-calling/{running.environment}"
    pages = running.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True)
    parameters = {
        item["Name"].rpartition("/")[2]: item["Value"] for page in pages for item in page["Parameters"]
    }
    assert parameters.pop("Calling") == "on"  # the switch
    assert parameters == outputs


def test_an_app_is_given_the_api_and_the_users_of_this_machine(running: LocalAws) -> None:
    folder = running.write_app_outputs()
    flat = json.loads((folder / "outputs.json").read_text(encoding="utf-8"))
    assert flat.items() <= running.outputs.items()
    assert flat.keys() >= OUTPUTS
    amplify = json.loads((folder / "amplify_outputs.json").read_text(encoding="utf-8"))
    assert amplify["custom"]["API"]["InAppCalling"]["endpoint"] == running.outputs["ApiUrl"].rstrip("/")
    if IDENTITY in running.stacks:
        assert amplify["custom"]["Auth"]["Cognito"]["userPoolEndpoint"] == running.endpoint_url
        assert amplify["auth"]["user_pool_id"] == running.outputs["UserPoolId"]
        assert amplify["auth"]["user_pool_client_id"] == running.outputs["UserPoolClientId"]
        assert amplify["auth"]["username_attributes"] == ["email"]
        assert amplify["auth"]["password_policy"]["min_length"] >= 8
    else:
        assert "auth" not in amplify


def test_nothing_that_is_published_leads_to_the_internet(running: LocalAws) -> None:
    assert running.outputs["ApiUrl"].startswith(f"{running.endpoint_url}/_aws/execute-api/")
    for value in running.outputs.values():
        assert not re.search(r"://(?!127\.0\.0\.1[:/])", value) or value == running.outputs.get("Issuer"), (
            value
        )


@pytest.mark.slow
def test_stacks_that_are_destroyed_leave_the_users_alone_and_can_come_back(running: LocalAws) -> None:
    if IDENTITY not in running.stacks:
        pytest.skip("an issuer has the users of this environment")
    aws = _aws(running)
    resources = deployed(aws)
    assert left(aws, resources) == {resource.type for resource in resources} & READERS.keys()
    email = "survivor@example.com"
    password = Phone(running.outputs).sign_up(email)
    templates = with_the_templates_of_before(running)

    # Blocks of users lie in the table: nobody loses it by a slip.
    with pytest.raises(LocalAwsError, match="rotect"):
        running.cdk("destroy", CALLING, *templates)
    assert running.client("dynamodb").describe_table(TableName=running.outputs["CallsTable"])
    running.client("dynamodb").update_table(
        TableName=running.outputs["CallsTable"], DeletionProtectionEnabled=False
    )
    running.cdk("destroy", CALLING, *templates)
    # Parameters: those of the other stack.
    assert left(aws, resources) == RETAINED | {"AWS::SSM::Parameter"}

    with pytest.raises(LocalAwsError, match="rotect"):
        running.cdk("destroy", IDENTITY, *templates)
    running.client("cloudformation").update_termination_protection(
        StackName=IDENTITY, EnableTerminationProtection=False
    )
    running.cdk("destroy", IDENTITY, *templates)
    assert left(aws, resources) == RETAINED
    assert Phone(running.outputs).sign_in(email, password).email == email

    running.deploy()
    phone = Phone(running.outputs)
    caller = Caller(phone=phone, user=phone.sign_in(email, phone.sign_up(email)), password="")
    assert_call(caller.start())
