"""What API Gateway makes of requests before a function sees them: bodies, headers, unknown paths."""

import http.client
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.launcher.local_aws import LocalAws
from tests.local.emulator.stacks import deploy, get, resource, trust

ECHO = """
import json

def handler(event, context):
    shown = {"body": event["body"], "values": event["multiValueHeaders"].get("x-key")}
    return {"statusCode": 200, "body": json.dumps(shown)}
"""
INVOKED = "arn:aws:apigateway:eu-west-2:lambda:path/2015-03-31/functions/${Echo.Arn}/invocations"
API = {"RestApiId": {"Ref": "Api"}}
MODEL = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "Name": {"type": "string", "minLength": 1, "maxLength": 5},
        "Kind": {"enum": ["a", "b"]},
        "Code": {"type": "string", "pattern": "^[0-9]+$"},
    },
}


def template(name: str, *, catches_all: bool) -> dict[str, Any]:
    """An API with POST /echo, whose body is a MODEL; and with an answer of its own to all else."""
    resources = {
        "Role": resource("AWS::IAM::Role", AssumeRolePolicyDocument=trust(Service="lambda.amazonaws.com")),
        "Echo": resource(
            "AWS::Lambda::Function",
            Code={"ZipFile": ECHO}, Handler="index.handler", Role=get("Role", "Arn"), Runtime="python3.13",
        ),
        "Api": resource("AWS::ApiGateway::RestApi", Name=name),
        "MayEcho": resource(
            "AWS::Lambda::Permission",
            Action="lambda:InvokeFunction",
            FunctionName={"Ref": "Echo"},
            Principal="apigateway.amazonaws.com",
            SourceArn={"Fn::Sub": "arn:aws:execute-api:eu-west-2:000000000000:${Api}/*"},
        ),
        "Model": resource(
            "AWS::ApiGateway::Model", **API, ContentType="application/json", Name="Echo", Schema=MODEL
        ),
        "Validator": resource(
            "AWS::ApiGateway::RequestValidator", **API, Name="body", ValidateRequestBody=True
        ),
        "Refusal": resource(
            "AWS::ApiGateway::GatewayResponse",
            **API, ResponseType="BAD_REQUEST_BODY", StatusCode="400",
            ResponseTemplates={"application/json": '{"why": "$context.error.validationErrorString"}'},
        ),
        "Path": resource(
            "AWS::ApiGateway::Resource", **API, ParentId=get("Api", "RootResourceId"), PathPart="echo"
        ),
        "Method": resource(
            "AWS::ApiGateway::Method",
            **API, ResourceId={"Ref": "Path"}, HttpMethod="POST", AuthorizationType="NONE",
            RequestModels={"application/json": {"Ref": "Model"}}, RequestValidatorId={"Ref": "Validator"},
            Integration={"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": {"Fn::Sub": INVOKED}},
        ),
        "Deployment": {**resource("AWS::ApiGateway::Deployment", **API), "DependsOn": ["Method"]},
        "Stage": resource(
            "AWS::ApiGateway::Stage", **API, StageName="v1", DeploymentId={"Ref": "Deployment"}
        ),
    }  # fmt: skip
    if catches_all:
        resources["Rest"] = resource(
            "AWS::ApiGateway::Resource", **API, ParentId=get("Api", "RootResourceId"), PathPart="{proxy+}"
        )
        resources["Anything"] = resource(
            "AWS::ApiGateway::Method",
            **API, ResourceId={"Ref": "Rest"}, HttpMethod="ANY", AuthorizationType="NONE",
            MethodResponses=[{"StatusCode": "404"}],
            Integration={
                "Type": "MOCK",
                "RequestTemplates": {"application/json": '{"statusCode": 404}'},
                "IntegrationResponses": [
                    {"StatusCode": "404", "ResponseTemplates": {"application/json": '{"type": "not-found"}'}}
                ],
            },
        )  # fmt: skip
        resources["Deployment"]["DependsOn"].append("Anything")
    return {"Resources": resources, "Outputs": {"Api": {"Value": {"Ref": "Api"}}}}


Send = Any


def _sender(running: LocalAws, name: str, *, catches_all: bool) -> Send:
    stack = deploy(running, name, template(name, catches_all=catches_all))
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    api_id = stack["Outputs"][0]["OutputValue"]
    port = urlsplit(running.endpoint_url).port

    def send(
        method: str, path: str, headers: Sequence[tuple[str, str]] = (), body: bytes = b""
    ) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.putrequest(method, f"/_aws/execute-api/{api_id}/v1{path}")
        for header, value in headers:
            connection.putheader(header, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        document = json.loads(answer.read())
        connection.close()
        return answer.status, document

    return send


@pytest.fixture(scope="module")
def send(running: LocalAws) -> Send:
    """Requests as they are, also such as no library would make."""
    return _sender(running, "gateway-requests", catches_all=False)


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Length", "0")],
        [],
        [("Content-Type", "application/json"), ("Content-Length", "0")],
        [("Content-Type", "text/plain"), ("Content-Length", "0")],
    ],
    ids=["length 0", "no header", "JSON of no length", "text of no length"],
)
def test_no_body_is_the_same_as_an_empty_object(headers: list[tuple[str, str]], send: Send) -> None:
    status, document = send("POST", "/echo", headers)
    assert (status, document["body"]) == (200, None)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (
            {"Nam": "Ada"},
            '[object instance has properties which are not allowed by the schema: ["Nam"]]',
        ),
        (
            {"Name": 1},
            '[instance type (integer) does not match any allowed primitive type (allowed: ["string"])]',
        ),
        ({"Name": ""}, '[string "" is too short (length: 0, required minimum: 1)]'),
        ({"Name": "Adalina"}, '[string "Adalina" is too long (length: 7, maximum allowed: 5)]'),
        ({"Kind": "c"}, '[instance value ("c") not found in enum (possible values: ["a", "b"])]'),
        ({"Code": "x"}, '[ECMA 262 regex "^[0-9]+$" does not match input string "x"]'),
    ],
)
def test_a_refused_body_is_explained_as_the_gateway_words_it(
    body: dict[str, Any], why: str, send: Send
) -> None:
    content = json.dumps(body).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
    assert send("POST", "/echo", headers, content) == (400, {"why": why})


def test_headers_beyond_the_limit_are_refused(send: Send) -> None:
    def filled(size: int) -> int:
        return int(send("POST", "/echo", [("Content-Length", "0"), ("X-Fill", "a" * size)])[0])

    assert filled(9_000) == 200
    assert filled(10_240) == 431
    assert filled(12_000) == 431


def test_a_header_that_comes_twice_has_two_values(send: Send) -> None:
    headers = [("X-Key", "one"), ("X-Key", "two"), ("Content-Length", "0")]
    assert send("POST", "/echo", headers)[1]["values"] == ["one", "two"]


@pytest.mark.parametrize(("method", "path"), [("POST", "/nothing"), ("DELETE", "/echo")])
@pytest.mark.parametrize("token", ["a.b.c", "Bearer a.b.c"])
def test_a_token_on_an_unknown_path_or_method_is_no_signature(
    method: str, path: str, token: str, send: Send
) -> None:
    status, document = send(method, path, [("Authorization", token), ("Content-Length", "0")])
    assert (status, document) == (403, {"message": "Missing Authentication Token"})


def test_an_api_can_answer_whatever_it_does_not_know(running: LocalAws) -> None:
    send = _sender(running, "gateway-catch-all", catches_all=True)
    for method in ("GET", "POST", "DELETE"):
        headers = [("Authorization", "Bearer a.b.c"), ("Content-Length", "0")]
        assert send(method, "/what/ever", headers) == (404, {"type": "not-found"})
    assert send("POST", "/echo", [("Content-Length", "0")])[0] == 200
