"""Rules of the house for Lambda functions, which the packs do not see."""

import json
import re
from copy import replace
from pathlib import Path

import pytest

from infra.configuration import OwnContactFlow, Sandbox, load
from infra.functions.sources import SOURCES
from tests.infra.synthesis import CHECKOUT, Properties, Synthesis, synthesize, synthesize_unchecked

# API Gateway gives up after this.
GATEWAY_SECONDS = 29


def functions(synthesis: Synthesis) -> dict[str, Properties]:
    """Those of this project: the CDK has one of its own for custom resources."""
    return {
        id_: function
        for id_, function in synthesis.resources("AWS::Lambda::Function").items()
        if function["Runtime"].startswith("python")
    }


def package(function: Properties) -> str:
    name: str = function["Handler"].removesuffix(".handler.handler")
    return name


def test_a_deployment_has_these_functions(native: Synthesis) -> None:
    of_an_issuer = set() if native.issuer is not None else {"authorizer"}
    assert sorted(map(package, functions(native).values())) == sorted(set(SOURCES) - of_an_issuer)


def test_every_function_runs_python_3_13_on_arm64(synthesis: Synthesis) -> None:
    for function in functions(synthesis).values():
        assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])


def test_every_function_has_the_configured_size(synthesis: Synthesis) -> None:
    settings = synthesis.configuration.functions
    for function in functions(synthesis).values():
        assert function["MemorySize"] == settings.memory_mib


def test_functions_that_callers_wait_for_have_the_configured_concurrency(native: Synthesis) -> None:
    for function in functions(native).values():
        if package(function) != "contact_events":
            expected = native.configuration.functions.reserved_concurrency
            assert function["ReservedConcurrentExecutions"] == expected


def event_concurrency(synthesis: Synthesis) -> tuple[int, int]:
    """How many batches of contact events are taken from the queue at once, and how many functions may run."""
    (function,) = [of for of in functions(synthesis).values() if package(of) == "contact_events"]
    mapping = synthesis.the("AWS::Lambda::EventSourceMapping")
    return mapping["ScalingConfig"]["MaximumConcurrency"], function["ReservedConcurrentExecutions"]


def test_the_queue_is_read_by_as_many_functions_as_may_run(synthesis: Synthesis) -> None:
    configured = synthesis.configuration.functions.event_concurrency
    assert event_concurrency(synthesis) == (configured, configured)


def test_contact_events_are_handled_in_as_many_batches_at_once_as_the_setting_says(tmp_path: Path) -> None:
    configuration = load(CHECKOUT, "dev")
    raised = replace(configuration.functions, event_concurrency=7)
    synthesis = synthesize_unchecked(replace(configuration, functions=raised), tmp_path)
    assert event_concurrency(synthesis) == (7, 7)
    # The other functions are as many as before.
    others = [of for of in functions(synthesis).values() if package(of) != "contact_events"]
    assert {of["ReservedConcurrentExecutions"] for of in others} == {raised.reserved_concurrency}


def test_every_function_is_traced_and_logs_json_to_a_group_of_its_own(synthesis: Synthesis) -> None:
    groups = []
    for function in synthesis.resources("AWS::Lambda::Function").values():
        assert function["TracingConfig"] == {"Mode": "Active"}
        assert function["LoggingConfig"]["LogFormat"] == "JSON"
        groups.append(function["LoggingConfig"]["LogGroup"]["Ref"])
    assert len(set(groups)) == len(groups)
    assert set(groups) <= set(synthesis.resources("AWS::Logs::LogGroup"))


def test_every_function_answers_before_its_caller_gives_up(native: Synthesis) -> None:
    timeouts = {package(function): function["Timeout"] for function in functions(native).values()}
    # One after the other, where the gateway asks who calls before it asks what for.
    first = timeouts.pop("authorizer", 0)
    assert first <= 5
    assert all(timeout < GATEWAY_SECONDS for timeout in timeouts.values())
    for document in (CHECKOUT / "infra").rglob("contact_flows/**/*.json"):
        for block in json.loads(document.read_text(encoding="utf-8"))["Actions"]:
            if block["Type"] == "InvokeLambdaFunction":
                assert timeouts["caller_context"] <= int(block["Parameters"]["InvocationTimeLimitSeconds"])


def test_a_start_is_given_up_only_after_its_function_has_ended(synthesis: Synthesis) -> None:
    (start_call,) = [of for of in functions(synthesis).values() if package(of) == "start_call"]
    assert synthesis.configuration.calls.start_lease_seconds > start_call["Timeout"]


def test_every_function_is_invoked_behind_its_alias(synthesis: Synthesis) -> None:
    aliases = synthesis.resources("AWS::Lambda::Alias")
    assert {alias["FunctionName"]["Ref"] for alias in aliases.values()} == set(functions(synthesis))
    for alias in aliases.values():
        assert alias["Name"] == "live"
        version, attribute = alias["FunctionVersion"]["Fn::GetAtt"]
        assert attribute == "Version"
        assert synthesis.resources("AWS::Lambda::Version")[version]["FunctionName"] == alias["FunctionName"]
    for permission in synthesis.resources("AWS::Lambda::Permission").values():
        assert permission["FunctionName"]["Ref"] in aliases
    for method in synthesis.resources("AWS::ApiGateway::Method").values():
        if method["Integration"]["Type"] != "MOCK":
            uri = json.dumps(method["Integration"]["Uri"])
            assert any(f'{{"Ref": "{alias}"}}' in uri for alias in aliases)


@pytest.mark.slow  # synth after synth
def test_another_sandbox_instance_makes_new_versions_of_its_functions(
    tmp_path: Path,
) -> None:
    configuration = load(CHECKOUT, "local")
    connect = replace(configuration.connect, sandbox=Sandbox(instance_alias="another"))
    one, other = (
        synthesize_unchecked(each, tmp_path / str(number)).resources("AWS::Lambda::Version")
        for number, each in enumerate([configuration, replace(configuration, connect=connect)])
    )
    assert len(one) == len(other) == 5
    assert not one.keys() & other.keys()


def test_functions_that_callers_wait_for_start_from_a_configured_snapshot(native: Synthesis) -> None:
    snapshots = {package(function): function.get("SnapStart") for function in functions(native).values()}
    assert snapshots.pop("contact_events") is None
    wanted = {"ApplyOn": "PublishedVersions"} if native.configuration.functions.snap_start else None
    assert [*snapshots.values()] == [wanted] * len(snapshots)
    # SnapStart and provisioned concurrency exclude each other.
    assert "ProvisionedConcurren" not in json.dumps(native.resources("AWS::Lambda::Alias"))


def test_every_permission_names_who_may_invoke(native: Synthesis) -> None:
    permissions = native.resources("AWS::Lambda::Permission").values()
    account = native.configuration.account
    assert {permission["Action"] for permission in permissions} == {"lambda:InvokeFunction"}
    assert {permission["Principal"] for permission in permissions} == {
        "apigateway.amazonaws.com",
        "connect.amazonaws.com",
    }
    for permission in permissions:
        if permission["Principal"] == "connect.amazonaws.com":
            assert permission["SourceAccount"] == account
            assert permission["SourceArn"] == native.outputs["ConnectInstanceArn"]["Value"]
        else:
            # The ARN of an API holds the account.
            arn = json.dumps(permission["SourceArn"])
            assert f":{account}:" in arn
            assert re.search(
                r"/(POST/start-call|GET/availability|(GET|DELETE)/calls/\*|POST/calls/\*/(connection|digits))\""
                r'|"/authorizers/", {"Ref": "\w+"}]]}$',
                arn,
            )
            alias = native.resources("AWS::Lambda::Alias")[permission["FunctionName"]["Ref"]]
            asked = package(functions(native)[alias["FunctionName"]["Ref"]])
            assert ("/authorizers/" in arn) == (asked == "authorizer")


def test_each_function_of_a_flow_is_associated_with_the_instance_before_it(synthesis: Synthesis) -> None:
    aliases = synthesis.resources("AWS::Lambda::Alias")
    # Flows invoke the aliases that they may invoke; the functions themselves are associated.
    invocable = {
        permission["FunctionName"]["Ref"]: aliases[permission["FunctionName"]["Ref"]]["FunctionName"]["Ref"]
        for permission in synthesis.resources("AWS::Lambda::Permission").values()
        if permission["Principal"] == "connect.amazonaws.com"
    }
    associations = {}
    for id_, association in synthesis.resources("AWS::Connect::IntegrationAssociation").items():
        assert association["IntegrationType"] == "LAMBDA_FUNCTION"
        assert association["InstanceId"] == synthesis.outputs["ConnectInstanceArn"]["Value"]
        assert "Tags" not in association
        function, attribute = association["IntegrationArn"]["Fn::GetAtt"]
        assert attribute == "Arn"
        associations[function] = id_
    assert sorted(associations) == sorted(invocable.values())
    by_package = {package(functions(synthesis)[function]): id_ for function, id_ in associations.items()}
    # An adopted flow may ask who calls, as soon as there is a deployment.
    assert {"caller_context"} <= by_package.keys() <= {"caller_context", "availability"}

    flows = [of for _, of in synthesis.declarations() if of["Type"] == "AWS::Connect::ContactFlow"]
    invoked = set()
    for flow in flows:
        content = json.dumps(flow["Properties"]["Content"])
        named = {alias for alias in aliases if json.dumps({"Ref": alias}) in content}
        assert bool(named) == ("InvokeLambdaFunction" in content)
        assert by_package["caller_context"] in flow["DependsOn"]
        for alias in named:
            assert associations[invocable[alias]] in flow["DependsOn"]
        invoked |= named
    if flows:
        assert {invocable[alias] for alias in invoked} == associations.keys()
    connect = synthesis.configuration.connect
    own = {
        flow for flow in (connect.contact_flow, *connect.topics.values()) if isinstance(flow, OwnContactFlow)
    }
    # A transport may have one more.
    assert len(flows) >= len(own)


def test_every_setting_is_read_by_its_function(synthesis: Synthesis) -> None:
    for function in functions(synthesis).values():
        shipped = synthesis.asset(function["Code"])
        sources = "".join(content.decode() for name, content in shipped.items() if name.endswith(".py"))
        for setting in function["Environment"]["Variables"]:
            assert setting.startswith("POWERTOOLS_") or f'"{setting}"' in sources


@pytest.fixture(scope="module")
def unreserved(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """prod without reserved concurrency, which is what a configuration has by default."""
    configuration = load(CHECKOUT, "prod")
    settings = replace(configuration.functions, reserved_concurrency=None)
    return synthesize(replace(configuration, functions=settings), tmp_path_factory.mktemp("unreserved"))


def test_without_reserved_concurrency_no_function_has_any(unreserved: Synthesis) -> None:
    """A new account, whose limit is ten, could not be deployed to otherwise."""
    assert not any("ReservedConcurrentExecutions" in of for of in functions(unreserved).values())
    for alarm in unreserved.resources("AWS::CloudWatch::Alarm").values():
        if alarm.get("MetricName") == "Throttles":
            quota = "the account's quota of concurrent executions of AWS Lambda."
            assert f": raise {quota} Runbook: " in alarm["AlarmDescription"]


def test_that_no_concurrency_is_reserved_is_acknowledged(unreserved: Synthesis) -> None:
    open_, acknowledged = unreserved.findings()
    assert not open_
    found = {finding.resource for finding in acknowledged if finding.rule.endswith("LambdaConcurrency")}
    assert len(found) == len(functions(unreserved))
