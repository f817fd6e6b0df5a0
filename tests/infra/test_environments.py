"""What holds for an environment's stacks as a whole."""

import json
import re
from copy import replace
from pathlib import Path

import pytest

from infra.configuration import AdoptedContactFlow, Issuer, UserPool, load
from infra.outputs import Output
from tests.infra.synthesis import CHECKOUT, Synthesis, synthesize_unchecked

# Names that are chosen here and not by CloudFormation, each for a reason.
NAMED = {
    # API Gateway's names need not be unique.
    ("AWS::ApiGateway::Authorizer", "Name"),
    ("AWS::ApiGateway::RestApi", "Name"),
    # Part of the address.
    ("AWS::ApiGateway::Stage", "StageName"),
    # The Amazon Chime SDK wants them, and changes them in place.
    ("AWS::Chime::SipMediaApplication", "Name"),
    ("AWS::Chime::VoiceConnector", "Name"),
    # Amazon Connect wants them, and changes them in place.
    ("AWS::Connect::ContactFlow", "Name"),
    ("AWS::Connect::HoursOfOperation", "Name"),
    ("AWS::Connect::Queue", "Name"),
    ("AWS::Lambda::Alias", "Name"),
    # AWS WAF, API Gateway and the Amazon Chime SDK prescribe theirs.
    ("AWS::Logs::LogGroup", "LogGroupName"),
    # The dead-letter queue has to name it before it is there. Nothing that is configured replaces it.
    ("AWS::SQS::Queue", "QueueName"),
    # Found by it.
    ("AWS::SSM::Parameter", "Name"),
}


def test_no_physical_name_stands_in_the_way_of_a_replacement(synthesis: Synthesis) -> None:
    named = {
        (declaration["Type"], name)
        for _, declaration in synthesis.declarations()
        # A custom resource's name is its own affair.
        if not declaration["Type"].startswith("Custom::")
        for name in declaration.get("Properties", {})
        if name in {"Name", "ClientName", declaration["Type"].rpartition("::")[2] + "Name"}
    }
    assert named <= NAMED


def published(synthesis: Synthesis) -> set[str]:
    """The outputs that every deployment has, and those of its users."""
    source = synthesis.configuration.identity.source
    if isinstance(source, Issuer):
        of_users = {Output.ISSUER}
    else:
        assert isinstance(source, UserPool)
        of_users = {Output.USER_POOL_ID, Output.USER_POOL_CLIENT_ID}
        if source.managed_login is not None:
            of_users.add(Output.MANAGED_LOGIN_URL)
    return {
        Output.API_URL,
        Output.REGION,
        Output.CONNECT_INSTANCE_ARN,
        Output.CONTACT_FLOW_ARN,
        Output.CALLS_TABLE,
        Output.CALLING_PARAMETER,
        Output.CALL_TRANSPORT,
        *of_users,
    }


def test_every_environment_publishes_the_same_names(synthesis: Synthesis) -> None:
    assert set(synthesis.outputs) >= published(synthesis)


def test_without_another_transport_nothing_else_is_published(native: Synthesis) -> None:
    assert set(native.outputs) == published(native)


def test_the_transport_is_published_for_the_next_deployment(synthesis: Synthesis) -> None:
    assert synthesis.outputs["CallTransport"]["Value"] == synthesis.configuration.transport_name


def test_the_issuer_is_published_as_it_is_configured(synthesis: Synthesis) -> None:
    if synthesis.issuer is not None:
        assert synthesis.outputs["Issuer"]["Value"] == synthesis.issuer.issuer


def test_every_output_is_a_parameter_of_the_same_name_and_value(synthesis: Synthesis) -> None:
    parameters = {
        parameter["Name"]: parameter["Value"]
        for parameter in synthesis.resources("AWS::SSM::Parameter").values()
    }
    del parameters[f"/in-app-calling/{synthesis.environment}/Calling"]
    assert parameters == {
        f"/in-app-calling/{synthesis.environment}/{name}": output["Value"]
        for name, output in synthesis.outputs.items()
    }


def test_calling_is_switched_on_until_an_operator_switches_it_off(synthesis: Synthesis) -> None:
    ((id_, switch),) = (
        (id_, parameter)
        for id_, parameter in synthesis.resources("AWS::SSM::Parameter").items()
        if parameter["Name"] == f"/in-app-calling/{synthesis.environment}/Calling"
    )
    assert (switch["Type"], switch["Value"], switch["AllowedPattern"]) == ("String", "on", "^(on|off)$")
    assert synthesis.outputs["CallingParameter"]["Value"] == {"Ref": id_}
    table = synthesis.outputs["CallsTable"]["Value"]["Ref"]
    assert synthesis.resources("AWS::DynamoDB::Table")[table] == synthesis.table_of_calls


def test_every_output_says_what_it_is(synthesis: Synthesis) -> None:
    assert all(output["Description"] for output in synthesis.outputs.values())


def test_everything_is_tagged_with_application_and_environment(synthesis: Synthesis) -> None:
    for type_ in ("AWS::Lambda::Function", "AWS::DynamoDB::Table", "AWS::KMS::Key"):
        for properties in synthesis.resources(type_).values():
            assert {tag["Key"]: tag["Value"] for tag in properties["Tags"]} == {
                "Application": "in-app-calling",
                "Environment": synthesis.environment,
            }


def test_a_topic_may_lead_to_a_flow_that_the_instance_has(tmp_path: Path) -> None:
    configuration = load(CHECKOUT, "prod")
    flow = "arn:aws:connect:eu-west-2:444455556666:instance/44444444/contact-flow/77777777"
    connect = replace(configuration.connect, topics={"sales": AdoptedContactFlow(arn=flow)})
    synthesis = synthesize_unchecked(replace(configuration, connect=connect), tmp_path)
    variables = synthesis.variables("start_call")
    assert json.loads(variables["TOPIC_CONTACT_FLOW_ARNS"]) == {"sales": flow}
    (start,) = (
        statement
        for policy in synthesis.resources("AWS::IAM::ManagedPolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Action"] == "connect:StartWebRTCContact"
    )
    assert flow in start["Resource"]


@pytest.mark.slow  # another synth of each environment
def test_two_environments_of_the_same_values_differ_in_their_names_alone(
    synthesis: Synthesis, tmp_path: Path
) -> None:
    environment = synthesis.environment
    other = synthesize_unchecked(replace(synthesis.configuration, environment="zzzzz"), tmp_path)

    def templates(of: Synthesis) -> str:
        files = sorted(of.directory.glob("*.template.json"))
        return "".join(file.read_text(encoding="utf-8") for file in files)

    def nameless(templates: str) -> str:
        without_names = templates.replace("zzzzz", "…")
        for name in (environment, environment.replace("-", "")):
            without_names = without_names.replace(name, "…")
        # Hashes of what holds the name.
        return re.sub(r"(?<=[A-Za-z0-9])([0-9a-f]{32}|[0-9A-F]{8})", "#", without_names)

    assert nameless(templates(synthesis)) == nameless(templates(other))
