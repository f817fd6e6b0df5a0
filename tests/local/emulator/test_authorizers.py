"""Lambda authorizers of API Gateway, as a REST API of the running emulator invokes them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from local.clients.observer import eventually
from local.launcher.local_aws import LocalAws
from tests.local.emulator.stacks import deploy, get, resource, trust

# What it answers to a token is what the token says, and how often it has been asked so far.
AUTHORIZING = """
import time
ASKED = 0

def handler(event, context):
    global ASKED
    ASKED += 1
    word, method = event["authorizationToken"].split("-")[0], event["methodArn"]
    everything = "/".join(method.split("/")[:2]) + "/*"
    if word == "unauthorized":
        raise Exception("Unauthorized")
    if word == "almost":
        raise Exception("unauthorized")
    if word == "slow":
        time.sleep(3)
    if word == "text":
        return "no policy"
    if word == "nothing":
        return {"principalId": "user"}
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": everything}
    statement |= {
        "deny": {"Effect": "Deny"},
        "this": {"Resource": method},
        "other": {"Resource": method.replace("/GET/", "/POST/")},
        "act": {"Action": "execute-api:ManageConnections"},
        "all": {"Action": ["s3:*", "execute-api:*"], "Resource": ["arn:aws:s3:::x", everything]},
    }.get(word, {})
    values = {"asked": ASKED, "is": True, "claims": '{"sub": "ada"}'}
    values |= {"object": {"an": {}}, "list": {"a": []}}.get(word, {})
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": "user", "policyDocument": policy, "context": values}
"""
ECHO = """
import json

def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event["requestContext"]["authorizer"])}
"""
INVOKED = "arn:aws:apigateway:eu-west-2:lambda:path/2015-03-31/functions/${%s.Arn}/invocations"
FORMAT = {name: f"$context.{name}" for name in ("status", "authorizer.principalId", "authorizer.error")}


def function(code: str, **properties: Any) -> dict[str, Any]:
    return resource(
        "AWS::Lambda::Function",
        Code={"ZipFile": code}, Handler="index.handler", Role=get("Role", "Arn"), Runtime="python3.13",
        **properties,
    )  # fmt: skip


def permission(name: str, source: str) -> dict[str, Any]:
    return resource(
        "AWS::Lambda::Permission",
        Action="lambda:InvokeFunction",
        FunctionName={"Ref": name},
        Principal="apigateway.amazonaws.com",
        SourceArn={"Fn::Sub": "arn:aws:execute-api:eu-west-2:000000000000:${Api}" + source},
    )


def authorizer(name: str, seconds: int) -> dict[str, Any]:
    return resource(
        "AWS::ApiGateway::Authorizer",
        RestApiId={"Ref": "Api"}, Name=name, Type="TOKEN", AuthorizerResultTtlInSeconds=seconds,
        AuthorizerUri={"Fn::Sub": INVOKED % "Authorizing"},
        IdentitySource="method.request.header.Authorization", IdentityValidationExpression="[a-z]+(-.*)?",
    )  # fmt: skip


def path(name: str) -> dict[str, Any]:
    parent = get("Api", "RootResourceId")
    return resource("AWS::ApiGateway::Resource", RestApiId={"Ref": "Api"}, ParentId=parent, PathPart=name)


def method(name: str, path_name: str, authorizer_name: str) -> dict[str, Any]:
    return resource(
        "AWS::ApiGateway::Method",
        RestApiId={"Ref": "Api"}, ResourceId={"Ref": path_name}, HttpMethod=name,
        AuthorizationType="CUSTOM", AuthorizerId={"Ref": authorizer_name},
        Integration={"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST",
                     "Uri": {"Fn::Sub": INVOKED % "Echo"}},
    )  # fmt: skip


TEMPLATE = {
    "Resources": {
        "Role": resource("AWS::IAM::Role", AssumeRolePolicyDocument=trust(Service="lambda.amazonaws.com")),
        "Authorizing": function(AUTHORIZING, Timeout=1),
        "Echo": function(ECHO),
        "Api": resource("AWS::ApiGateway::RestApi", Name="authorized"),
        "Kept": authorizer("kept", 60),
        "Asked": authorizer("asked", 0),
        "Unpermitted": authorizer("unpermitted", 0),
        "MayKeep": permission("Authorizing", "/authorizers/${Kept}"),
        "MayAsk": permission("Authorizing", "/authorizers/${Asked}"),
        "MayEcho": permission("Echo", "/*"),
        "KeptPath": path("kept"),
        "AskedPath": path("asked"),
        "UnpermittedPath": path("unpermitted"),
        "KeptGet": method("GET", "KeptPath", "Kept"),
        "KeptPost": method("POST", "KeptPath", "Kept"),
        "AskedGet": method("GET", "AskedPath", "Asked"),
        "UnpermittedGet": method("GET", "UnpermittedPath", "Unpermitted"),
        "Log": resource("AWS::Logs::LogGroup", LogGroupName="authorized"),
        "Deployment": {
            **resource("AWS::ApiGateway::Deployment", RestApiId={"Ref": "Api"}),
            "DependsOn": ["KeptGet", "KeptPost", "AskedGet", "UnpermittedGet"],
        },
        "Stage": resource(
            "AWS::ApiGateway::Stage",
            RestApiId={"Ref": "Api"}, DeploymentId={"Ref": "Deployment"}, StageName="v1",
            AccessLogSetting={"DestinationArn": get("Log", "Arn"), "Format": json.dumps(FORMAT)},
        ),
    },
    "Outputs": {"Api": {"Value": {"Ref": "Api"}}},
}  # fmt: skip

Ask = Callable[..., requests.Response]


@pytest.fixture(scope="module")
def ask(running: LocalAws) -> Ask:
    """Sends a request to a path, with a token if one is given."""
    [output] = deploy(running, "authorizers", TEMPLATE)["Outputs"]
    url = f"{running.endpoint_url}/_aws/execute-api/{output['OutputValue']}/v1"

    def send(token: str | None, path: str = "asked", verb: str = "GET") -> requests.Response:
        headers = {} if token is None else {"Authorization": token}
        return requests.request(verb, f"{url}/{path}", headers=headers, timeout=15)

    return send


@pytest.mark.parametrize("token", ["allow", "this", "all", "allow-with-more"])
def test_who_is_allowed_gets_through_with_what_the_authorizer_says_in_texts(token: str, ask: Ask) -> None:
    response = ask(token)
    assert response.status_code == 200, response.text
    context = response.json()
    assert (context["principalId"], context["is"], context["claims"]) == ("user", "true", '{"sub": "ada"}')
    assert context["asked"].isdigit()
    assert isinstance(context["integrationLatency"], int)


def refusal(response: requests.Response) -> tuple[int, str, object]:
    body = response.json()
    return (
        response.status_code,
        response.headers["x-amzn-ErrorType"],
        body.get("message", body.get("Message")),
    )


@pytest.mark.parametrize("token", [None, "", "NOT", "with space", "1"])
def test_a_token_of_the_wrong_form_never_reaches_the_authorizer(token: str | None, ask: Ask) -> None:
    before = int(ask("allow").json()["asked"])
    assert refusal(ask(token)) == (401, "UnauthorizedException", "Unauthorized")
    assert int(ask("allow").json()["asked"]) == before + 1


@pytest.mark.parametrize(("token", "explicit"), [("deny", True), ("other", False), ("act", False)])
def test_who_is_not_allowed_this_method_is_denied(token: str, explicit: bool, ask: Ask) -> None:
    status, error, message = refusal(ask(token))
    assert (status, error) == (403, "AccessDeniedException")
    assert ("explicit deny" in str(message)) == explicit


def test_an_exception_that_says_unauthorized_is_the_callers_fault_and_no_other(ask: Ask) -> None:
    assert refusal(ask("unauthorized"))[0] == 401
    assert refusal(ask("almost")) == (500, "AuthorizerConfigurationException", None)


def test_an_authorizer_that_takes_too_long_fails(ask: Ask) -> None:
    """Its own time-out; that of the gateway is longer."""
    assert refusal(ask("slow")) == (500, "AuthorizerConfigurationException", None)


@pytest.mark.parametrize("token", ["text", "nothing", "object", "list"])
def test_an_answer_that_is_none_is_the_apis_error(token: str, ask: Ask) -> None:
    assert refusal(ask(token)) == (500, "AuthorizerConfigurationException", "Internal server error")


def test_an_authorizer_without_the_functions_permission_is_the_apis_error(ask: Ask) -> None:
    refused = refusal(ask("allow", "unpermitted"))
    assert refused == (500, "AuthorizerConfigurationException", "Internal server error")


def test_an_answer_is_kept_for_its_token_and_for_every_method(ask: Ask) -> None:
    first, again, post = (ask("allow-1", "kept", verb).json() for verb in ("GET", "GET", "POST"))
    assert first["asked"] == again["asked"] == post["asked"]
    assert again["integrationLatency"] == post["integrationLatency"] == 0
    another = ask("allow-2", "kept").json()
    assert another["asked"] != first["asked"]
    assert ask("allow-1", "asked").json()["asked"] != first["asked"]


def test_a_kept_answer_that_names_one_method_holds_for_no_other(ask: Ask) -> None:
    assert ask("this-1", "kept").status_code == 200
    assert ask("this-1", "kept", "POST").status_code == 403
    assert ask("this-1", "kept").status_code == 200


def test_a_denial_is_kept_too_and_a_failure_is_not(ask: Ask) -> None:
    before = int(ask("allow").json()["asked"])
    for token in ("deny-1", "deny-1", "text-1", "text-1"):
        assert ask(token, "kept").status_code in {403, 500}
    assert int(ask("allow").json()["asked"]) == before + 4


def test_the_access_log_has_the_authorizers_result(running: LocalAws, ask: Ask) -> None:
    logs = running.client("logs")
    ask("allow")
    ask("deny")
    ask("almost")

    def logged() -> set[tuple[str, ...]]:
        events = logs.filter_log_events(logGroupName="authorized")["events"]
        return {tuple(json.loads(event["message"]).values()) for event in events}

    wanted = {("200", "user", "-"), ("500", "-", "-")}
    assert eventually(lambda: wanted <= logged()), logged()
    assert any(status == "403" and "explicit deny" in error for status, _, error in logged())
