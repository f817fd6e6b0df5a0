"""Rules of the house for the REST API."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from infra.assets.request_models import ContractError, read_operation
from infra.configuration import load
from infra.constructs import call_api
from tests.infra.synthesis import CHECKOUT, Properties, Synthesis, synthesize_unchecked
from tests.openapi import CONTRACT

# Every type that API Gateway has (developer guide, "Gateway response types"), but for REQUEST_TOO_LARGE,
# whose body an API cannot choose.
GATEWAY_RESPONSES = {
    "ACCESS_DENIED",
    "API_CONFIGURATION_ERROR",
    "AUTHORIZER_CONFIGURATION_ERROR",
    "AUTHORIZER_FAILURE",
    "BAD_REQUEST_BODY",
    "BAD_REQUEST_PARAMETERS",
    "DEFAULT_4XX",
    "DEFAULT_5XX",
    "EXPIRED_TOKEN",
    "INTEGRATION_FAILURE",
    "INTEGRATION_TIMEOUT",
    "INVALID_API_KEY",
    "INVALID_SIGNATURE",
    "MISSING_AUTHENTICATION_TOKEN",
    "QUOTA_EXCEEDED",
    "RESOURCE_NOT_FOUND",
    "THROTTLED",
    "UNAUTHORIZED",
    "UNSUPPORTED_MEDIA_TYPE",
    "WAF_FILTERED",
}


def methods(synthesis: Synthesis) -> list[Properties]:
    """Those that reach a function."""
    return [method for method in guarded(synthesis) if method["HttpMethod"] != "ANY"]


def guarded(synthesis: Synthesis) -> list[Properties]:
    """Those that no preflight is for: each wants a token."""
    return [
        method
        for method in synthesis.resources("AWS::ApiGateway::Method").values()
        if method["HttpMethod"] != "OPTIONS"
    ]


def test_the_api_has_the_contracts_paths_and_methods(synthesis: Synthesis) -> None:
    found = {(path_of(synthesis, method), method["HttpMethod"]) for method in methods(synthesis)}
    assert found == {
        (path, method.upper())
        for path, operations in CONTRACT["paths"].items()
        for method in operations
        if method != "parameters"
    }


def path_of(synthesis: Synthesis, method: Properties) -> str:
    """The path of a method, with placeholders: "/calls/{ContactId}"."""
    resources = synthesis.resources("AWS::ApiGateway::Resource")
    path, at = "", method["ResourceId"]
    while "Ref" in at:
        resource = resources[at["Ref"]]
        path, at = f"/{resource['PathPart']}{path}", resource["ParentId"]
    return path


def test_every_method_wants_a_signed_in_user(synthesis: Synthesis) -> None:
    ((id_, authorizer),) = synthesis.resources("AWS::ApiGateway::Authorizer").items()
    assert authorizer["IdentitySource"] == "method.request.header.Authorization"
    assert authorizer["Type"] == ("COGNITO_USER_POOLS" if synthesis.issuer is None else "TOKEN")
    for method in guarded(synthesis):
        assert method["AuthorizationType"] == ("COGNITO_USER_POOLS" if synthesis.issuer is None else "CUSTOM")
        assert method["AuthorizerId"] == {"Ref": id_}
        # With scopes it would be a user pool's access token that is wanted.
        assert "AuthorizationScopes" not in method


def test_unknown_paths_and_methods_are_a_problem(synthesis: Synthesis) -> None:
    """API Gateway answers a token there as a malformed signature otherwise, with 400 or 403."""
    unknown = {
        path_of(synthesis, method): method for method in guarded(synthesis) if method["HttpMethod"] == "ANY"
    }
    # A request whose path has no such method goes to the greedy path as well.
    assert set(unknown) == {"", "/{proxy+}"}
    origins = synthesis.configuration.api.allowed_origins
    for method in unknown.values():
        integration = method["Integration"]
        # Whatever is sent there runs no function, and is not read for what to answer.
        assert (integration["Type"], integration["PassthroughBehavior"]) == ("MOCK", "NEVER")
        assert integration["RequestTemplates"] == {"application/json": '{"statusCode": 404}'}
        (answer,) = integration["IntegrationResponses"]
        assert answer["StatusCode"] == "404"
        problem = json.loads(answer["ResponseTemplates"]["application/json"])
        assert (problem["status"], problem["type"]) == (404, "urn:in-app-calling:problem:not-found")
        headers = {
            name.removeprefix("method.response.header."): value.strip("'")
            for name, value in answer["ResponseParameters"].items()
        }
        assert (headers["Content-Type"], headers["Cache-Control"]) == ("application/problem+json", "no-store")
        assert ("Access-Control-Allow-Origin" in headers) == bool(origins)
        (declared,) = method["MethodResponses"]
        assert (declared["StatusCode"], set(declared["ResponseParameters"])) == (
            "404",
            set(answer["ResponseParameters"]),
        )


def test_identity_tokens_of_the_own_user_pools_client_are_taken(synthesis: Synthesis) -> None:
    if synthesis.issuer is not None:
        return
    authorizer = synthesis.the("AWS::ApiGateway::Authorizer")
    (pool,), (client,) = (
        synthesis.resources(f"AWS::Cognito::{type_}") for type_ in ("UserPool", "UserPoolClient")
    )
    assert pool in json.dumps(authorizer["ProviderARNs"])
    # Of the token's aud, from the first letter to the last.
    begin, imported, end = authorizer["IdentityValidationExpression"]["Fn::Join"][1]
    assert (begin, end) == ("^", "$")
    assert client in imported["Fn::ImportValue"]
    # A cached answer would outlive the token.
    assert authorizer["AuthorizerResultTtlInSeconds"] == 0


def test_tokens_of_an_issuer_are_looked_at_by_a_function(synthesis: Synthesis) -> None:
    if synthesis.issuer is None:
        return
    assert not [type_ for _, of in synthesis.declarations() if "Cognito" in (type_ := of["Type"])]
    assert "Identity" not in synthesis.templates
    authorizer = synthesis.the("AWS::ApiGateway::Authorizer")
    (alias,) = (id_ for id_ in synthesis.resources("AWS::Lambda::Alias") if id_.startswith("Authorizer"))
    assert {"Ref": alias} in authorizer["AuthorizerUri"]["Fn::Join"][1]
    assert authorizer["AuthorizerResultTtlInSeconds"] == synthesis.issuer.cache_seconds
    # API Gateway takes 0 to 3,600.
    assert 0 <= synthesis.issuer.cache_seconds <= 300


def test_what_is_no_token_costs_no_function(synthesis: Synthesis) -> None:
    expression = synthesis.the("AWS::ApiGateway::Authorizer")["IdentityValidationExpression"]
    if synthesis.issuer is not None:
        taken = ["a.b.c", "Bearer a.b.c", "bearer e30.e30.c2ln", "BEARER aA0-_.e30.-_"]
        refused = [
            *("", "a", "a.b", "a.b.", "a.b.c.d", ".b.c", "a..c", "a.b.c=", "a.b.c\n", "a.b.é", "a.b .c"),
            *("Bearer", "Bearer ", "Bearer  a.b.c", "Basic a.b.c", " a.b.c", "a.b.c "),
        ]
        assert [text for text in taken + refused if re.fullmatch(expression, text)] == taken
        # API Gateway says nothing of whether it looks for a match or at the whole.
        assert (expression[0], expression[-1]) == ("^", "$")


def test_a_bad_token_differs_from_one_that_cannot_be_verified(synthesis: Synthesis) -> None:
    """Where a function looks at tokens, the gateway's own words for both are others."""
    answers = {
        response["ResponseType"]: json.loads(response["ResponseTemplates"]["application/json"])
        for response in synthesis.resources("AWS::ApiGateway::GatewayResponse").values()
    }
    details = {
        type_: (answers[type_]["status"], answers[type_]["type"].rpartition(":")[2])
        for type_ in ("ACCESS_DENIED", "AUTHORIZER_CONFIGURATION_ERROR", "AUTHORIZER_FAILURE", "UNAUTHORIZED")
    }
    assert details == {
        "ACCESS_DENIED": (403, "forbidden") if synthesis.issuer is None else (401, "unauthorized"),
        "AUTHORIZER_CONFIGURATION_ERROR": (500, "internal-error"),
        "AUTHORIZER_FAILURE": (500, "internal-error") if synthesis.issuer is None else (503, "unavailable"),
        "UNAUTHORIZED": (401, "unauthorized"),
    }
    if synthesis.issuer is not None:
        # Whether the gateway or the function refused it is nothing to a stranger.
        assert answers["ACCESS_DENIED"] == answers["UNAUTHORIZED"]
        assert "identity token" not in json.dumps(answers)


def test_every_method_has_its_request_checked(synthesis: Synthesis) -> None:
    ((validator, checks),) = synthesis.resources("AWS::ApiGateway::RequestValidator").items()
    assert checks["ValidateRequestBody"] is checks["ValidateRequestParameters"] is True
    models = synthesis.resources("AWS::ApiGateway::Model")
    for method in methods(synthesis):
        assert method["RequestValidatorId"] == {"Ref": validator}
        operation = CONTRACT["paths"][path_of(synthesis, method)][method["HttpMethod"].lower()]
        if "requestBody" in operation:
            assert method["RequestModels"]["application/json"]["Ref"] in models
        parameters = {
            ("/start-call", "POST"): ["header.Idempotency-Key"],
            ("/calls/{ContactId}/digits", "POST"): ["header.Idempotency-Key"],
            ("/calls/{ContactId}", "GET"): ["header.If-None-Match"],
            ("/availability", "GET"): ["header.If-None-Match", "querystring.Topic"],
        }.get((path_of(synthesis, method), method["HttpMethod"]), [])
        # None of them must be there.
        assert method.get("RequestParameters", {}) == {f"method.request.{name}": False for name in parameters}


CAPABILITIES: list[Any] = [{"Video": 1}, {"Audio": True}, [], None]
BODIES: list[Any] = [
    {},
    {"DisplayName": "Ada", "Topic": "billing", "Attributes": {"order_id": "A-1"}},
    {"Capabilities": {"Video": True, "ScreenShare": False}},
    *({"DisplayName": name} for name in ("", " ", "a" * 256, "a" * 257, "a\x00", " Ada ", None, 1)),
    *({"Topic": topic} for topic in ("", "a b", "x" * 65, 1)),
    *({"Attributes": {"page": value}} for value in ("", "x" * 32_768, 1, None)),
    *({"Capabilities": value} for value in CAPABILITIES),
    {"ConnectInstanceId": "", "ContactFlowId": ""},
    *({"Digits": digits} for digits in ("1", "0123456789*#,", "1" * 20, "1" * 21, "", "a", 1, None)),
    {"displayName": "Ada"},
    [],
    "x",
    1,
    None,
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: json.dumps(body)[:40])
def test_the_gateway_takes_a_body_exactly_if_the_contract_does(synthesis: Synthesis, body: object) -> None:
    models = synthesis.resources("AWS::ApiGateway::Model")
    for method in methods(synthesis):
        if "RequestModels" in method:
            model = models[method["RequestModels"]["application/json"]["Ref"]]["Schema"]
            jsonschema_rs.meta.validate(model)
            operation = CONTRACT["paths"][path_of(synthesis, method)][method["HttpMethod"].lower()]
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            contract = {**schema, "components": CONTRACT["components"]}
            assert jsonschema_rs.Draft4Validator(model).is_valid(body) == (
                jsonschema_rs.Draft202012Validator(contract).is_valid(body)
            )


def test_the_answer_to_a_refused_body_lists_the_members_of_each_method(synthesis: Synthesis) -> None:
    """API Gateway's own words name no place, and hold what was sent."""
    (refusal,) = (
        response
        for response in synthesis.resources("AWS::ApiGateway::GatewayResponse").values()
        if response["ResponseType"] == "BAD_REQUEST_BODY"
    )
    problem = json.loads(refusal["ResponseTemplates"]["application/json"])
    ((error),) = problem["errors"]
    assert error["pointer"] == ""
    for path, item in CONTRACT["paths"].items():
        if "requestBody" in item.get("post", {}):
            (reference,) = item["post"]["requestBody"]["content"]["application/json"]["schema"].values()
            schema = CONTRACT["components"]["schemas"][reference.rpartition("/")[2]]
            members = ", ".join(sorted(schema.get("properties", {}))) or "none"
            assert f"POST {path}: {members}" in error["detail"]


def throttles_of(synthesis: Synthesis) -> dict[tuple[str, str], tuple[int, int]]:
    """Rate and burst of each method that has its own, by path and method; ("*", "*") is for the rest."""
    return {
        (settings["ResourcePath"].replace("~1", "/").removeprefix("/"), settings["HttpMethod"]): (
            settings["ThrottlingRateLimit"],
            settings["ThrottlingBurstLimit"],
        )
        for settings in synthesis.the("AWS::ApiGateway::Stage")["MethodSettings"]
    }


def test_the_gateway_throttles_at_connects_quota(native: Synthesis) -> None:
    quotas, api = native.configuration.connect.quotas, native.configuration.api
    throttles = throttles_of(native)
    start = (quotas.start_webrtc_contact_rate, quotas.start_webrtc_contact_burst)
    hang_up = (quotas.stop_contact_rate, quotas.stop_contact_burst)
    control = (quotas.call_control_rate, quotas.call_control_burst)
    assert throttles == {
        ("*", "*"): (api.status_rate, api.status_burst),
        ("/start-call", "POST"): start,
        # Apart from what else is done to calls: hanging up gets through.
        ("/calls/{ContactId}", "DELETE"): hang_up,
        ("/calls/{ContactId}/connection", "POST"): control,
        ("/calls/{ContactId}/digits", "POST"): control,
    }
    # What has no throttle of its own calls nothing of Connect, but once for all callers.
    apart = {(path_of(native, method), method["HttpMethod"]) for method in methods(native)} - set(throttles)
    assert apart == {("/availability", "GET"), ("/calls/{ContactId}", "GET")}


def test_no_log_of_the_gateway_holds_a_body(synthesis: Synthesis) -> None:
    for settings in synthesis.the("AWS::ApiGateway::Stage")["MethodSettings"]:
        assert (settings["LoggingLevel"], settings["DataTraceEnabled"]) == ("ERROR", False)
        assert settings["MetricsEnabled"] is True


def test_the_access_log_holds_no_token_claim_or_text_of_the_request(synthesis: Synthesis) -> None:
    setting = synthesis.the("AWS::ApiGateway::Stage")["AccessLogSetting"]
    variables = json.loads(setting["Format"])
    assert all(re.fullmatch(r"\$context\.[A-Za-z.]+", variable) for variable in variables.values())
    for prefix in ("claims", "principalId", "error.message", "validationError", "identity.user", "path"):
        # The path of the resource is the contract's, the path of the request is the caller's.
        assert not any(
            variable.removeprefix("$context.").startswith(prefix) or f".{prefix}" in variable
            for variable in variables.values()
            if variable != "$context.resourcePath"
        )
    (group,) = [part["Ref"] for part in setting["DestinationArn"]["Fn::Join"][1] if isinstance(part, dict)]
    assert group in synthesis.resources("AWS::Logs::LogGroup")


def test_requests_are_traced(synthesis: Synthesis) -> None:
    assert synthesis.the("AWS::ApiGateway::Stage")["TracingEnabled"] is True


def test_the_api_speaks_tls_1_2_or_better(synthesis: Synthesis) -> None:
    api = synthesis.the("AWS::ApiGateway::RestApi")
    assert api["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert re.match(r"SecurityPolicy_TLS13_1_[23]_", api["SecurityPolicy"])
    assert api["EndpointAccessMode"] == "STRICT"


def test_every_answer_of_the_gateway_is_a_problem_that_nobody_stores(synthesis: Synthesis) -> None:
    responses = list(synthesis.resources("AWS::ApiGateway::GatewayResponse").values())
    assert sorted(response["ResponseType"] for response in responses) == sorted(GATEWAY_RESPONSES)
    for response in responses:
        headers = response["ResponseParameters"]
        assert headers["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
        assert headers["gatewayresponse.header.Cache-Control"] == "'no-store'"
        problem = json.loads(response["ResponseTemplates"]["application/json"])
        assert response["StatusCode"] == str(problem["status"])
        assert (problem["status"] in {429, 503, 504}) == ("gatewayresponse.header.Retry-After" in headers)
        # What went wrong inside, or what was sent, is not the caller's to read.
        assert re.findall(r"\$[\w.]+", json.dumps(problem)) == ["$context.extendedRequestId"]
        problem_schema = {"$ref": "#/components/schemas/Problem", "components": CONTRACT["components"]}
        jsonschema_rs.Draft202012Validator(problem_schema).validate(problem)


def test_without_origins_there_is_no_cors(synthesis: Synthesis) -> None:
    origins = synthesis.configuration.api.allowed_origins
    every_method = synthesis.resources("AWS::ApiGateway::Method").values()
    assert any(method["HttpMethod"] == "OPTIONS" for method in every_method) == bool(origins)
    for template in synthesis.templates.values():
        assert ("Access-Control-Allow-Origin" in json.dumps(template)) <= bool(origins)


def test_a_browser_of_a_configured_origin_may_send_what_the_contract_takes(synthesis: Synthesis) -> None:
    for method in synthesis.resources("AWS::ApiGateway::Method").values():
        if method["HttpMethod"] == "OPTIONS":
            (answer,) = method["Integration"]["IntegrationResponses"]
            headers = answer["ResponseParameters"]
            header = "method.response.header.Access-Control-Allow-"
            sent = "Authorization,Content-Type,Idempotency-Key,If-None-Match"
            assert headers[f"{header}Headers"] == f"'{sent}'"
            assert headers[f"{header}Methods"] == "'DELETE,GET,POST'"
            assert headers[f"{header}Origin"].strip("'") in synthesis.configuration.api.allowed_origins


def test_a_browser_may_read_when_to_come_back_to_a_gateway_or_firewall_that_refused(
    synthesis: Synthesis,
) -> None:
    origins = synthesis.configuration.api.allowed_origins
    allow = "Access-Control-Allow-Origin"
    for answer in synthesis.resources("AWS::ApiGateway::GatewayResponse").values():
        headers = {
            name.removeprefix("gatewayresponse.header."): value.strip("'")
            for name, value in answer["ResponseParameters"].items()
        }
        assert (allow in headers) == bool(origins)
        assert headers.get("Access-Control-Expose-Headers") == ("Retry-After" if origins else None)
    (firewall,) = synthesis.resources("AWS::WAFv2::WebACL").values()
    refusals = [
        response
        for rule in firewall["Rules"]
        if (response := rule.get("Action", {}).get("Block", {}).get("CustomResponse"))
    ]
    assert refusals
    for response in refusals:
        headers = {header["Name"]: header["Value"] for header in response.get("ResponseHeaders", [])}
        assert (allow in headers) == bool(origins)
        assert headers.get("Access-Control-Expose-Headers") == ("Retry-After" if origins else None)


def deployment_id(synthesis: Synthesis) -> str:
    (id_,) = synthesis.resources("AWS::ApiGateway::Deployment")
    return id_


def test_what_a_stage_serves_makes_a_new_deployment_when_it_changes(
    synthesized: Callable[[str], Synthesis], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stage goes on as it was deployed, whatever has become of its API."""

    def another_id(directory: str) -> str:
        return deployment_id(synthesize_unchecked(load(CHECKOUT, "prod"), tmp_path / directory))

    before = deployment_id(synthesized("prod"))
    monkeypatch.setattr(call_api, "SECURITY_POLICY", "SecurityPolicy_TLS13_1_3_2025_09")
    assert another_id("policy") != before
    monkeypatch.undo()
    monkeypatch.setattr(call_api, "ENDPOINT_ACCESS_MODE", "BASIC")
    assert another_id("mode") != before


def test_nothing_of_a_stage_is_made_anew_while_it_stays_as_it_is(
    synthesized: Callable[[str], Synthesis], prod_again: Synthesis
) -> None:
    assert deployment_id(prod_again) == deployment_id(synthesized("prod"))


def test_a_deployment_waits_for_everything_it_takes_a_snapshot_of(synthesis: Synthesis) -> None:
    (deployment,) = [of for _, of in synthesis.declarations() if of["Type"] == "AWS::ApiGateway::Deployment"]
    parts = synthesis.resources(
        *(
            f"AWS::ApiGateway::{kind}"
            for kind in ("Authorizer", "GatewayResponse", "Method", "Model", "RequestValidator", "Resource")
        )
    )
    assert set(parts) <= set(deployment["DependsOn"])


def test_the_execution_log_is_there_before_the_gateway_makes_one_of_its_own(synthesis: Synthesis) -> None:
    (stage,) = [of for _, of in synthesis.declarations() if of["Type"] == "AWS::ApiGateway::Stage"]
    groups = synthesis.resources("AWS::Logs::LogGroup")
    (name,) = [groups[id_]["LogGroupName"] for id_ in stage["DependsOn"] if id_ in groups]
    (api,) = synthesis.resources("AWS::ApiGateway::RestApi")
    assert name == {"Fn::Join": ["", ["API-Gateway-Execution-Logs_", {"Ref": api}, "/v1"]]}


def write_contract(schema: Mapping[str, Any], path: Any) -> None:
    document = {
        "paths": {"/a": {"post": {"requestBody": {"content": {"application/json": {"schema": schema}}}}}},
        "components": {"schemas": {"Name": {"type": "string", "title": "A name"}}},
    }
    path.write_text(yaml.safe_dump(document), encoding="utf-8")


def test_references_and_constants_become_draft_4(tmp_path: Any) -> None:
    write_contract(
        {
            "type": "object",
            "properties": {
                "Name": {"$ref": "#/components/schemas/Name"},
                "Kind": {"const": "call"},
                "Any": {"anyOf": [{"type": "string"}, {"items": {"type": "integer"}, "type": "array"}]},
            },
            "additionalProperties": False,
        },
        tmp_path / "openapi.yaml",
    )
    assert read_operation(tmp_path / "openapi.yaml", "/a", "post").body_schema == {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "type": "object",
        "properties": {
            "Name": {"type": "string"},
            "Kind": {"enum": ["call"]},
            "Any": {"anyOf": [{"type": "string"}, {"items": {"type": "integer"}, "type": "array"}]},
        },
        "additionalProperties": False,
    }


def test_what_draft_4_cannot_say_is_refused_by_place(tmp_path: Any) -> None:
    write_contract({"properties": {"Name": {"exclusiveMinimum": 1}}}, tmp_path / "openapi.yaml")
    with pytest.raises(ContractError, match=r"openapi\.yaml, post /a Name: .*'exclusiveMinimum'"):
        read_operation(tmp_path / "openapi.yaml", "/a", "post")
