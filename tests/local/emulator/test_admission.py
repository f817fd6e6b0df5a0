"""Whatever a browser can be made to send to this machine, and whoever may call the local AWS."""

import hashlib
import json
import socket
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
import requests
from botocore import UNSIGNED
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from local.launcher.local_aws import LocalAws
from tests.local.control_endpoints import ControlEndpoints
from tests.local.emulator.stacks import as_role, deploy, function_of, get, resource

EVIL = "https://evil.example"
PAGE = "http://localhost:5173"
JSON_1_1 = "application/x-amz-json-1.1"


def fetch(mode: str, dest: str, site: str = "cross-site") -> dict[str, str]:
    """What a browser adds to a request: https://www.w3.org/TR/fetch-metadata/."""
    return {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}


ORIGIN = {"Origin": EVIL}
NAVIGATION = fetch("navigate", "document") | {"Upgrade-Insecure-Requests": "1", "Sec-Fetch-User": "?1"}

# By what a page does, the method and the headers that the browser sends then.
OF_A_PAGE: dict[str, tuple[str, dict[str, str]]] = {
    "image": ("GET", fetch("no-cors", "image")),
    "script": ("GET", fetch("no-cors", "script")),
    "style": ("GET", fetch("no-cors", "style")),
    "media": ("GET", fetch("no-cors", "video") | {"Range": "bytes=0-"}),
    "image with crossorigin": ("GET", ORIGIN | fetch("cors", "image")),
    "link": ("GET", NAVIGATION),
    "frame": ("GET", fetch("navigate", "iframe")),
    "object": ("GET", fetch("navigate", "object")),
    "prefetch": ("GET", fetch("no-cors", "empty") | {"Sec-Purpose": "prefetch"}),
    "form, urlencoded": (
        "POST",
        ORIGIN | fetch("navigate", "document") | {"Content-Type": "application/x-www-form-urlencoded"},
    ),
    "form, multipart": (
        "POST", ORIGIN | fetch("navigate", "document") | {"Content-Type": "multipart/form-data; boundary=x"},
    ),
    "form, text": ("POST", ORIGIN | fetch("navigate", "document") | {"Content-Type": "text/plain"}),
    "form of a sandboxed frame": (
        "POST", {"Origin": "null", "Content-Type": "text/plain"} | fetch("navigate", "iframe"),
    ),
    "fetch, no-cors, GET": ("GET", fetch("no-cors", "empty")),
    "fetch, no-cors, POST": ("POST", ORIGIN | fetch("no-cors", "empty") | {"Content-Type": "text/plain"}),
    "fetch, cors": ("GET", ORIGIN | fetch("cors", "empty")),
    "fetch, cors, POST": ("POST", ORIGIN | fetch("cors", "empty") | {"Content-Type": "text/plain"}),
    "fetch, preflight": (
        "OPTIONS",
        ORIGIN | fetch("cors", "empty") | {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,x-amz-date,x-amz-target,x-local-token",
        },
    ),
    "sendBeacon": ("POST", ORIGIN | fetch("no-cors", "empty") | {"Content-Type": "text/plain;charset=UTF-8"}),
    "ping of a link": (
        "POST",
        ORIGIN | fetch("no-cors", "empty") | {"Content-Type": "text/ping", "Ping-From": EVIL},
    ),
    "report": ("POST", ORIGIN | fetch("no-cors", "report") | {"Content-Type": "application/reports+json"}),
    "EventSource": ("GET", ORIGIN | fetch("cors", "empty") | {"Accept": "text/event-stream"}),
    "WebSocket": (
        "GET",
        ORIGIN | fetch("websocket", "websocket") | {
            "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        },
    ),
    "DNS rebinding": ("GET", {"Host": "evil.example:4566"} | fetch("cors", "empty", "same-origin")),
    "DNS rebinding, POST": (
        "POST",
        {"Host": "evil.example:4566", "Origin": "http://evil.example:4566", "Content-Type": "text/plain"}
        | fetch("cors", "empty", "same-origin"),
    ),
    "DNS rebinding, old browser": ("GET", {"Host": "127.0.0.1.nip.io:4566"}),
    "page of this machine, no-cors": ("GET", fetch("no-cors", "image", "same-site")),
    "page of this machine": ("POST", {"Origin": PAGE, "Content-Type": "text/plain"} | fetch("cors", "empty")),
}  # fmt: skip


def presigned(running: LocalAws, secret: str, *, method: str = "GET", queue: str = "made-by-a-page") -> str:
    """A URL that makes a queue, for whoever opens it."""
    url = f"{running.endpoint_url}/?Action=CreateQueue&Version=2012-11-05&QueueName={queue}"
    request = AWSRequest(method, url)
    SigV4QueryAuth(Credentials(running.account, secret), "sqs", running.region).add_auth(request)
    return str(request.url)


def queues(running: LocalAws) -> list[str]:
    listed: list[str] = running.client("sqs").list_queues().get("QueueUrls", [])
    return listed


@pytest.fixture
def no_queue(running: LocalAws) -> Iterator[None]:
    """None is there before, and none afterwards."""
    before = queues(running)
    yield
    assert queues(running) == before


@pytest.mark.parametrize("what", OF_A_PAGE)
@pytest.mark.usefixtures("no_queue")
def test_no_page_reaches_aws_even_with_the_secret(what: str, running: LocalAws) -> None:
    method, headers = OF_A_PAGE[what]
    url = presigned(running, running.access.secret_access_key, method=method)
    answer = requests.request(
        method, url, headers=headers, data=b"" if method == "GET" else b"a=b", timeout=5
    )
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("path", ["/_local/contacts", "/_local/faults", "/_local", "/_local/issuer/rotate"])
@pytest.mark.parametrize("what", OF_A_PAGE)
def test_no_page_reaches_the_control_endpoints_even_with_the_token(
    what: str, path: str, running: LocalAws
) -> None:
    method, headers = OF_A_PAGE[what]
    answer = requests.request(
        method, f"{running.endpoint_url}{path}", headers=headers | running.access.control_headers, timeout=5
    )
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("what", [each for each in OF_A_PAGE if not each.startswith("page of this machine")])
@pytest.mark.parametrize("path", ["/_aws/execute-api/abc123/v1/start-call", "/participant/connection"])
def test_what_pages_may_call_answers_no_page_from_elsewhere(what: str, path: str, running: LocalAws) -> None:
    method, headers = OF_A_PAGE[what]
    answer = requests.request(method, f"{running.endpoint_url}{path}", headers=headers, timeout=5)
    assert answer.status_code == 403
    # By what stands before MiniStack.
    said = ("pages of this machine", "names of this machine", "no web browser", "sign the request")
    assert what == "WebSocket" or any(each in answer.text for each in said)
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_a_link_that_the_run_signed_works_for_programs(running: LocalAws) -> None:
    queue = f"made-{uuid.uuid4()}"
    answer = requests.get(presigned(running, running.access.secret_access_key, queue=queue), timeout=5)
    assert answer.status_code == 200
    [made] = [url for url in queues(running) if url.endswith(queue)]
    running.client("sqs").delete_queue(QueueUrl=made)


@pytest.mark.parametrize("secret", ["local", "any", "test", "", "000000000000"])
@pytest.mark.usefixtures("no_queue")
def test_a_secret_that_everybody_could_guess_is_none(secret: str, running: LocalAws) -> None:
    """An old browser sends neither Origin nor Sec-Fetch with an image: the signature is what stops it."""
    answer = requests.get(presigned(running, secret), timeout=5)
    assert answer.status_code == 403
    assert "SignatureDoesNotMatch" in answer.text


@pytest.mark.parametrize("key", ["test", "111122223333", "AKIAIOSFODNN7EXAMPLE", "ASIA0000000000000000"])
def test_the_runs_secret_belongs_to_its_key_alone(key: str, running: LocalAws) -> None:
    with pytest.raises(ClientError) as caught:
        client(running, "sts", key, running.access.secret_access_key).get_caller_identity()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert caught.value.response["Error"]["Code"] in {"InvalidClientTokenId", "UnrecognizedClientException"}


def client(running: LocalAws, service: str, key: str, secret: str, token: str | None = None) -> Any:
    session: Any = boto3.Session(
        region_name=running.region,
        aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token,
    )  # fmt: skip
    config = Config(retries={"total_max_attempts": 1})
    return session.client(service, endpoint_url=running.endpoint_url, config=config)


@pytest.mark.parametrize(
    ("service", "operation"),
    [("sts", "get_caller_identity"), ("s3", "list_buckets"), ("dynamodb", "list_tables"),
     ("lambda", "list_functions"), ("sqs", "list_queues"), ("iam", "list_roles"),
     ("connect", "list_instances")],
)  # fmt: skip
def test_the_sdk_of_each_protocol_reads_why_it_was_refused(
    service: str, operation: str, running: LocalAws
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(client(running, service, running.account, "local"), operation)()
    assert caught.value.response["Error"]["Code"] == "SignatureDoesNotMatch"
    assert "not signed with the secret" in caught.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/"), ("GET", "/2015-03-31/functions/"), ("POST", "/2015-03-31/functions/f/invocations"),
        ("GET", "/a-bucket/an-object"), ("PUT", "/a-bucket"), ("POST", "/_ministack/reset"),
        ("POST", "/_ministack/config"), ("GET", "/_ministack/lambda-layers/a"), ("GET", "/_aws/sqs/messages"),
        ("GET", "/?Action=AssumeRoleWithWebIdentity&RoleArn=arn:aws:iam::0:role/r&WebIdentityToken=t"),
        ("GET", "/?Action=ConfirmSubscription&TopicArn=t&Token=t"), ("GET", "/latest/meta-data/iam/"),
        ("GET", "/restapis/abc/v1/_user_request_/start-call"), ("POST", "/_aws/execute-api/abc"),
        ("PUT", "/_ministack/cfn-signal/x"), ("POST", "/participant/anything"), ("GET", "/_localhost"),
    ],
)  # fmt: skip
def test_what_is_not_signed_is_refused(method: str, target: str, running: LocalAws) -> None:
    answer = requests.request(method, f"{running.endpoint_url}{target}", timeout=5)
    assert (answer.status_code, answer.json()["__type"]) == (403, "MissingAuthenticationToken")


@pytest.mark.parametrize(
    "target",
    ["AWSCognitoIdentityProviderService.AdminGetUser", "AWSCognitoIdentityProviderService.", "TagQueue"],
)
def test_an_operation_that_the_app_must_sign_is_refused_unsigned(target: str, running: LocalAws) -> None:
    headers = {"X-Amz-Target": target, "Content-Type": JSON_1_1}
    answer = requests.post(running.endpoint_url, headers=headers, data=b"{}", timeout=5)
    assert (answer.status_code, answer.json()["__type"]) == (403, "MissingAuthenticationToken")


def test_an_operation_of_the_app_is_no_way_to_another_service(running: LocalAws) -> None:
    headers = {
        "X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    body = b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn&WebIdentityToken=t"
    answer = requests.post(running.endpoint_url, headers=headers, data=body, timeout=5)
    assert answer.status_code >= 400
    assert "AccessKeyId" not in answer.text


@pytest.mark.parametrize("value", [None, "", "guessed", "ü"])
def test_the_control_endpoints_take_the_runs_token_alone(value: str | None, running: LocalAws) -> None:
    headers = {} if value is None else {"X-Local-Token": value.encode()}
    url = f"{running.endpoint_url}/_local/contacts"
    answer = requests.get(url, headers=headers, timeout=5)
    assert (answer.status_code, answer.json()["__type"]) == (403, "AccessDenied")
    assert "-H @.local/control-header" in answer.json()["message"]


def test_the_control_endpoints_answer_programs_on_this_machine(running: LocalAws) -> None:
    headers = running.access.control_headers
    answer = requests.get(f"{running.endpoint_url}/_local/contacts", headers=headers, timeout=5)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    refused = requests.post(f"{running.endpoint_url}/_local/faults", headers=headers, data=b"{", timeout=5)
    assert (refused.status_code, refused.json()) == (400, {"message": "the body is not a JSON object"})


def test_no_web_socket_is_opened_by_anybody(running: LocalAws) -> None:
    for origin in (f"Origin: {EVIL}\r\n", f"Origin: {PAGE}\r\n", ""):
        with socket.create_connection(("127.0.0.1", running.port), timeout=5) as connection:
            connection.sendall(
                f"GET /_aws/execute-api/abc/v1 HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\n{origin}"
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
            )
            assert connection.recv(1024).startswith(b"HTTP/1.1 403 ")


def test_two_hosts_are_no_host(running: LocalAws) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=5) as connection:
        connection.sendall(
            b"GET /_ministack/health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"
        )
        assert connection.recv(1024).split(b" ")[1] in {b"400", b"403"}


# Those who may


def test_a_page_of_this_machine_signs_up_and_in_and_reads_the_answers(running: LocalAws) -> None:
    cognito = running.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="of-a-page")["UserPool"]["Id"]
    app = cognito.create_user_pool_client(UserPoolId=pool, ClientName="page")["UserPoolClient"]["ClientId"]
    target = {"X-Amz-Target": "AWSCognitoIdentityProviderService.SignUp", "Content-Type": JSON_1_1}
    asked = {
        "Origin": PAGE, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-amz-target",
    }  # fmt: skip
    allowed = requests.options(running.endpoint_url, headers=asked | fetch("cors", "empty"), timeout=5)
    assert (allowed.status_code, allowed.headers["Access-Control-Allow-Origin"]) == (200, PAGE)
    assert allowed.headers["Access-Control-Allow-Headers"] == "content-type,x-amz-target"
    body = json.dumps({"ClientId": app, "Username": "ada", "Password": "Not-a-real-1"})
    for origin in ("http://127.0.0.1:1234", "http://[::1]:1", PAGE):
        headers = {"Origin": origin, **target} | fetch("cors", "empty")
        answer = requests.post(running.endpoint_url, headers=headers, data=body, timeout=5)
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert answer.json().get("__type") in {None, "UsernameExistsException"}
    keys = requests.get(
        f"{running.endpoint_url}/{pool}/.well-known/jwks.json", headers={"Origin": PAGE}, timeout=5
    )
    assert (keys.status_code, keys.headers["Access-Control-Allow-Origin"]) == (200, PAGE)
    refused = requests.post(running.endpoint_url, headers={**target, "Origin": EVIL}, data=body, timeout=5)
    assert refused.status_code == 403


def test_a_page_of_this_machine_calls_the_participant_service(running: LocalAws) -> None:
    answer = requests.post(
        f"{running.endpoint_url}/participant/connection",
        headers={"Origin": PAGE, "X-Amz-Bearer": "guessed", "Content-Type": "application/json"},
        data=b'{"Type": ["WEBRTC_CONNECTION"]}',
        timeout=5,
    )
    assert (answer.status_code, answer.headers["x-amzn-ErrorType"]) == (403, "AccessDeniedException")
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE


API = {
    "Resources": {
        "Api": resource("AWS::ApiGateway::RestApi", Name="pages"),
        "Method": resource(
            "AWS::ApiGateway::Method",
            RestApiId={"Ref": "Api"},
            ResourceId=get("Api", "RootResourceId"),
            HttpMethod="GET",
            AuthorizationType="NONE",
            Integration={
                "Type": "MOCK",
                "RequestTemplates": {"application/json": '{"statusCode": 200}'},
                "IntegrationResponses": [{"StatusCode": "200"}],
            },
            MethodResponses=[{"StatusCode": "200"}],
        ),
        "Deployment": resource("AWS::ApiGateway::Deployment", RestApiId={"Ref": "Api"})
        | {"DependsOn": "Method"},
        "Stage": resource(
            "AWS::ApiGateway::Stage",
            RestApiId={"Ref": "Api"}, DeploymentId={"Ref": "Deployment"}, StageName="v1",
        ),
        "Published": resource(
            "AWS::SSM::Parameter", Type="String", Name="/pages/ApiUrl",
            Value={"Fn::Sub": "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/${Stage}/"},
        ),
        "Pool": resource("AWS::Cognito::UserPool"),
        "Domain": resource(
            "AWS::Cognito::UserPoolDomain", UserPoolId={"Ref": "Pool"}, Domain="pages-of-acme"
        ),
        "Literal": resource(
            "AWS::SSM::Parameter", Type="String", Name="/pages/Literal",
            Value="https://abc.execute-api.eu-west-2.amazonaws.com",
        ),
    },
    "Outputs": {
        "ApiUrl": {
            "Value": {"Fn::Join": ["", ["https://", {"Ref": "Api"}, ".execute-api.eu-west-2.",
                      {"Ref": "AWS::URLSuffix"}, "/", {"Ref": "Stage"}, "/"]]},
        },
        "ManagedLoginUrl": {
            "Value": {"Fn::Join": ["", ["https://", {"Ref": "Domain"}, ".auth.eu-west-2.amazoncognito.com"]]},
        },
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def outputs(running: LocalAws) -> Mapping[str, str]:
    """Those of a stack with an API and the pages of a user pool."""
    stack = deploy(running, "pages", API)
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    return {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}


def test_outputs_and_parameters_lead_to_this_machine(running: LocalAws, outputs: Mapping[str, str]) -> None:
    assert outputs["ApiUrl"].startswith(f"{running.endpoint_url}/_aws/execute-api/")
    assert outputs["ApiUrl"].endswith("/v1/")
    assert outputs["ManagedLoginUrl"] == running.endpoint_url
    ssm = running.client("ssm")
    assert ssm.get_parameter(Name="/pages/ApiUrl")["Parameter"]["Value"] == outputs["ApiUrl"]
    # A text that somebody wrote is theirs.
    assert "amazonaws.com" in ssm.get_parameter(Name="/pages/Literal")["Parameter"]["Value"]


def test_a_page_of_this_machine_calls_the_api(outputs: Mapping[str, str]) -> None:
    asked = {
        "Origin": PAGE, "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization,idempotency-key",
    }  # fmt: skip
    allowed = requests.options(outputs["ApiUrl"], headers=asked, timeout=5)
    assert (allowed.status_code, allowed.headers["Access-Control-Allow-Origin"]) == (200, PAGE)
    answer = requests.get(outputs["ApiUrl"], headers={"Origin": PAGE}, timeout=5)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, PAGE)
    assert requests.get(outputs["ApiUrl"], timeout=5).status_code == 200
    # Node's fetch says no more of itself.
    assert requests.get(outputs["ApiUrl"], headers={"Sec-Fetch-Mode": "cors"}, timeout=5).status_code == 200


@pytest.mark.parametrize("page", ["/login", "/oauth2/authorize"])
def test_anybody_may_visit_a_sign_in_page_and_nobody_embeds_it(page: str, running: LocalAws) -> None:
    url = f"{running.endpoint_url}{page}?client_id=none&response_type=code&redirect_uri=http://localhost:1"
    visited = requests.get(url, headers=NAVIGATION, allow_redirects=False, timeout=5)
    assert visited.status_code != 403
    for headers in (fetch("navigate", "iframe"), fetch("no-cors", "image"), ORIGIN | fetch("cors", "empty")):
        assert requests.get(url, headers=headers, timeout=5).status_code == 403
    sent = requests.post(f"{running.endpoint_url}/login", headers=ORIGIN | NAVIGATION, timeout=5)
    assert sent.status_code == 403


def test_a_role_needs_the_token_of_its_session(running: LocalAws) -> None:
    with as_role(running, f"session-{uuid.uuid4()}", service="sts") as sts:
        assert sts.get_caller_identity()["Arn"].endswith("/test")
        given = sts._request_signer._credentials
        for token in (None, "another"):
            with pytest.raises(ClientError):
                client(running, "sts", given.access_key, given.secret_key, token).get_caller_identity()


def test_a_functions_credentials_work_and_cannot_be_calculated(running: LocalAws) -> None:
    name = f"credentials-{uuid.uuid4()}"
    code = "import os\ndef handler(event, context): return [os.environ[name] for name in event]"
    names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
    with function_of(running, name, code) as invoke:
        key, secret, token = invoke(names)
        arn = client(running, "sts", key, secret, token).get_caller_identity()["Arn"]
        assert arn == f"arn:aws:sts::{running.account}:assumed-role/{name}/{name}"
        # As MiniStack has them by itself.
        function = f"arn:aws:lambda:{running.region}:{running.account}:function:{name}"
        digest = hashlib.sha256(f"{function}:arn:aws:iam::{running.account}:role/{name}".encode()).hexdigest()
        calculated = [
            f"ASIA{digest[:16].upper()}",
            hashlib.sha256(f"secret:{digest}".encode()).hexdigest(),
            hashlib.sha256(f"token:{digest}".encode()).hexdigest(),
        ]
        with pytest.raises(ClientError):
            client(running, "sts", *calculated).get_caller_identity()


def test_a_function_sees_no_secret_of_the_run(running: LocalAws) -> None:
    code = "import os\ndef handler(event, context): return dict(os.environ)"
    with function_of(running, f"environment-{uuid.uuid4()}", code) as invoke:
        environment = invoke({})
    text = json.dumps(environment)
    assert running.access.secret_access_key not in text
    assert running.access.control_token not in text
    assert str(running.directory / "credentials") not in text


def test_a_person_without_credentials_is_refused_by_name(running: LocalAws) -> None:
    session: Any = boto3.Session(region_name=running.region)
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    for service, operation in (("dynamodb", "list_tables"), ("s3", "list_buckets")):
        anonymous = session.client(service, endpoint_url=running.endpoint_url, config=config)
        with pytest.raises(ClientError) as caught:
            getattr(anonymous, operation)()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_the_files_of_the_run_are_its_owners(running: LocalAws, observer: ControlEndpoints) -> None:
    assert observer.contacts() is not None
    for path in (running.directory, running.directory / "credentials", running.directory / "control-header"):
        assert path.stat().st_mode & 0o077 == 0
    log = (running.directory / "server.log").read_text()
    assert running.access.secret_access_key not in log
    assert running.access.control_token not in log
