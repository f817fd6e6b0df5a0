"""What a configuration names by ARN: read, shown, and there before anything is deployed."""

import json
import tomllib
from pathlib import Path

import pytest

from local.emulator.connect import flow_language
from local.issuer.issuer import CLIENT_ID, ISSUER
from local.issuer.stand_in import StandIn
from local.launcher import checkout
from local.launcher.checkout import LocalAwsError
from local.launcher.existing import FLOWS, read_existing
from local.launcher.local_aws import local_aws
from local.launcher.target import read_target

PLACE = "eu-west-2:111122223333"
INSTANCE = f"arn:aws:connect:{PLACE}:instance/11111111-1111-4111-8111-111111111111"
VERIFIED, UNVERIFIED = (f"{INSTANCE}/queue/22222222-2222-4222-8222-22222222222{n}" for n in (1, 2))
FLOW_ID = "33333333-3333-4333-8333-333333333333"
FLOW = f"{INSTANCE}/contact-flow/{FLOW_ID}"
POOL = f"arn:aws:cognito-idp:{PLACE}:userpool/eu-west-2_Existing1"
KEY = f"arn:aws:kms:{PLACE}:key/44444444-4444-4444-8444-444444444444"
CERTIFICATE = f"arn:aws:acm:{PLACE}:certificate/55555555-5555-4555-8555-555555555555"
WEB_ACL = f"arn:aws:wafv2:{PLACE}:regional/webacl/ours/66666666-6666-4666-8666-666666666666"
BOUNDARY = "arn:aws:iam::111122223333:policy/teams/boundary"
FUNCTION = f"arn:aws:lambda:{PLACE}:function:InAppCalling-acme-CallerContext-1:live"
EVERYTHING = f"""
[connect]
instance_arn = "{INSTANCE}"
verified_queue_arn = "{VERIFIED}"
unverified_queue_arn = "{UNVERIFIED}"
topics = {{ billing = "{FLOW}", inbound = "inbound" }}

[identity.existing_user_pool]
arn = "{POOL}"
client_id = "client1"
client_writes = ["name"]

[api]
web_acl = "{WEB_ACL}"
domain = {{ name = "calls.example.com", certificate_arn = "{CERTIFICATE}" }}

[platform]
kms_key_arn = "{KEY}"
permissions_boundary_arn = "{BOUNDARY}"
"""
ISSUER_OF_ACME = f"""
[connect]
instance_arn = "{INSTANCE}"

[identity.issuer]
issuer = "https://login.acme.example/"
audiences = ["calls"]
token_use = "id"
algorithms = ["ES256"]
required_claims = {{ tenant = "acme" }}
jwks_url = "https://login.acme.example/keys"
"""
OTHER_INSTANCE = INSTANCE.replace("1111-4111", "9999-4111")
EXPORT = {
    "Version": "2019-10-30",
    "StartAction": "who",
    "Metadata": {},
    "Actions": [
        {
            "Identifier": "who",
            "Type": "InvokeLambdaFunction",
            "Parameters": {
                "LambdaFunctionARN": FUNCTION.replace(":live", "-of-the-account:live"),
                "InvocationTimeLimitSeconds": "7",
            },
            "Transitions": {
                "NextAction": "choose",
                "Errors": [{"NextAction": "choose", "ErrorType": "NoMatchingError"}],
            },
        },
        {
            "Identifier": "choose",
            "Type": "UpdateContactTargetQueue",
            "Parameters": {"QueueId": f"{OTHER_INSTANCE}/queue/77777777-7777-4777-8777-777777777777"},
            "Transitions": {
                "NextAction": "end",
                "Errors": [{"NextAction": "end", "ErrorType": "NoMatchingError"}],
            },
        },
        {"Identifier": "end", "Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {}},
    ],
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with configurations and flows of its own."""
    monkeypatch.setattr(checkout, "CONFIGURATIONS", tmp_path)
    monkeypatch.setattr(checkout, "CHECKOUT", tmp_path)
    (tmp_path / "acme.toml").write_text(EVERYTHING)
    (tmp_path / "issued.toml").write_text(ISSUER_OF_ACME)
    return tmp_path


@pytest.mark.usefixtures("here")
def test_account_and_region_are_the_instances() -> None:
    target = read_target("acme")
    assert (target.account, target.region) == ("111122223333", "eu-west-2")
    assert target.identity == {"UserPoolId": "eu-west-2_Existing1", "UserPoolClientId": "client1"}


@pytest.mark.usefixtures("here")
def test_every_arn_of_a_configuration_exists_and_is_said_to_be_played() -> None:
    existing = read_target("acme").existing
    arns = {INSTANCE, VERIFIED, UNVERIFIED, FLOW, POOL, KEY, CERTIFICATE, WEB_ACL, BOUNDARY}
    assert set(existing.arns) == arns
    shown = dict(line.rsplit(": ", 1) for line in existing.described() if FLOW in line)
    assert shown == {f"{FLOW}: a contact flow": "identifies the caller, then queues"}
    assert not [line for line in existing.described() if "nothing knows it" in line]


@pytest.mark.parametrize(("environment", "named"), [("dev", 3), ("prod", 5)])
def test_the_environments_that_are_shipped_can_be_played(environment: str, named: int) -> None:
    existing = read_target(environment).existing
    assert not [line for line in existing.described() if "nothing knows it" in line]
    assert len(existing.arns) == named
    assert set(existing.names.values()) >= {"played: verified", "played: unverified"}
    assert ("played: overflow" in existing.names.values()) == (environment == "prod")


@pytest.mark.usefixtures("here")
def test_an_adopted_flow_asks_who_calls_and_queues() -> None:
    content = read_target("acme").existing.flow_contents(FUNCTION)[FLOW]
    flow = flow_language.read(content)
    first = flow.actions[flow.start_action]
    assert first.parameters["LambdaFunctionARN"] == FUNCTION
    queues = {each.parameters.get("QueueId") for each in flow.actions.values()}
    assert {VERIFIED, UNVERIFIED} <= queues


@pytest.mark.parametrize("name", [FLOW_ID, "billing"])
def test_an_export_is_played_with_the_functions_and_the_instance_of_here(name: str, here: Path) -> None:
    folder = here / FLOWS
    folder.mkdir(parents=True)
    (folder / f"{name}.json").write_text(json.dumps(EXPORT), encoding="utf-8-sig")
    existing = read_target("acme").existing
    flow = flow_language.read(existing.flow_contents(FUNCTION)[FLOW])
    assert flow.actions["who"].parameters["LambdaFunctionARN"] == FUNCTION
    queue = f"{INSTANCE}/queue/77777777-7777-4777-8777-777777777777"
    assert flow.actions["choose"].parameters["QueueId"] == queue
    assert queue in existing.arns
    assert f"{FLOW}: a contact flow: as local/flows/{name}.json says" in existing.described()


def test_an_export_that_is_none_is_named(here: Path) -> None:
    folder = here / FLOWS
    folder.mkdir(parents=True)
    (folder / f"{FLOW_ID}.json").write_text("{")
    with pytest.raises(LocalAwsError, match=f"{FLOW_ID}.json is no contact flow"):
        read_existing(tomllib.loads(EVERYTHING), {})


@pytest.mark.usefixtures("here")
def test_any_issuer_is_played_by_the_local_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OIDC_ISSUER", raising=False)
    target = read_target("issued")
    assert target.identity["Issuer"] == ISSUER
    assert target.stand_in is not None
    assert target.stand_in.client_id == "calls", "what ID tokens say as aud"
    assert target.stand_in.described() == [f"https://login.acme.example/: the local issuer, {ISSUER}"]
    deployed = {"ISSUER": "https://login.acme.example/", "JWKS_URL": "https://login.acme.example/keys",
                "JWKS_FRESH_SECONDS": "60", "ALGORITHMS": '["ES256"]', "AUDIENCES": '["calls"]'}  # fmt: skip
    seen = target.stand_in.variables(deployed)
    assert seen == {
        "ISSUER": ISSUER,
        "JWKS_URL": f"{ISSUER}jwks",
        "JWKS_FRESH_SECONDS": "60",
        "JWKS_STALE_SECONDS": "3600",
        "ALGORITHMS": '["RS256"]',
        "AUDIENCES": '["calls"]',
    }
    other_function = {"ISSUER": "https://elsewhere.example/", "CALLS_TABLE": "calls"}
    assert target.stand_in.variables(other_function) == other_function


@pytest.mark.usefixtures("here")
def test_a_provider_on_loopback_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDC_ISSUER", "http://127.0.0.1:8080/realms/acme")
    target = read_target("issued")
    assert target.identity["ExternalIssuer"] == "http://127.0.0.1:8080/realms/acme"
    assert target.stand_in is not None
    seen = target.stand_in.variables({"ISSUER": "https://login.acme.example/", "ALGORITHMS": '["ES256"]'})
    assert seen["ISSUER"] == "http://127.0.0.1:8080/realms/acme"
    assert seen["JWKS_URL"] == f"{ISSUER}external/jwks"
    assert seen["ALGORITHMS"] == '["ES256"]', "the provider's own"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "issuer",
    ["https://login.acme.example/", "http://10.0.0.1:8080", "127.0.0.1:8080", "http://127.0.0.1/?a=b"],
)
def test_a_provider_elsewhere_does_not_stand_in(issuer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDC_ISSUER", issuer)
    with pytest.raises(LocalAwsError, match="name an OpenID provider on this machine"):
        read_target("issued")


def test_an_access_tokens_client_is_the_local_issuers_own() -> None:
    configured = {"issuer": "https://a.example/", "audiences": ["api"], "token_use": "access"}
    assert StandIn.choose(configured, "").client_id == CLIENT_ID


def test_what_exists_is_there_before_anything_is_deployed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkout, "CONFIGURATIONS", tmp_path)
    (tmp_path / "acme.toml").write_text(EVERYTHING)
    said: list[str] = []
    with local_aws("acme", port=0, directory=tmp_path / "run", progress=said.append) as aws:
        connect = aws.client("connect")
        instance_id = INSTANCE.rpartition("/")[2]
        assert connect.describe_instance(InstanceId=instance_id)["Instance"]["Arn"] == INSTANCE
        queues = connect.list_queues(InstanceId=instance_id)["QueueSummaryList"]
        assert {each["Arn"]: each["Name"] for each in queues} == {
            VERIFIED: "played: verified",
            UNVERIFIED: "played: unverified",
        }
        flow = connect.describe_contact_flow(InstanceId=instance_id, ContactFlowId=FLOW_ID)["ContactFlow"]
        assert (flow["Arn"], flow["State"]) == (FLOW, "ACTIVE")
        queue_id = VERIFIED.rpartition("/")[2]
        hours_id = connect.describe_queue(InstanceId=instance_id, QueueId=queue_id)["Queue"][
            "HoursOfOperationId"
        ]
        hours = connect.describe_hours_of_operation(InstanceId=instance_id, HoursOfOperationId=hours_id)
        assert len(hours["HoursOfOperation"]["Config"]) == 7
        cognito = aws.client("cognito-idp")
        assert cognito.describe_user_pool(UserPoolId="eu-west-2_Existing1")["UserPool"]["Arn"] == POOL
        client = cognito.describe_user_pool_client(UserPoolId="eu-west-2_Existing1", ClientId="client1")
        assert client["UserPoolClient"]["WriteAttributes"] == ["name"]
        key = aws.client("kms").describe_key(KeyId=KEY)["KeyMetadata"]
        assert (key["Arn"], key["KeyUsage"]) == (KEY, "ENCRYPT_DECRYPT")
        certificate = aws.client("acm").describe_certificate(CertificateArn=CERTIFICATE)["Certificate"]
        assert certificate["Status"] == "ISSUED"
        acl = aws.client("wafv2").get_web_acl(Name="ours", Id=WEB_ACL.rpartition("/")[2], Scope="REGIONAL")
        assert acl["WebACL"]["ARN"] == WEB_ACL
        assert aws.client("iam").get_policy(PolicyArn=BOUNDARY)["Policy"]["PolicyName"] == "boundary"
    assert f"    {INSTANCE}: an instance: empty, it takes inbound calls" in said
