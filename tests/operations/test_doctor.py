"""What the doctor says of an account: green where all is ready, and red, with the fix, for each fault."""

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from click.testing import CliRunner

from infra.configuration import AdoptedContactFlow, Configuration, Issuer, load
from infra.configuration.user_pool import ManagedLogin, UserPool
from infra.outputs import Output, parameter_name
from operations.commands import doctor as command
from operations.deployment import CHECKOUT
from operations.doctor.check import Status
from operations.doctor.checks import CHECKS, policies
from operations.doctor.examination import Examined, examine, examine_account
from operations.doctor.policy import policy
from operations.doctor.subject import Subject
from tests.operations import ready_account as ready
from tests.operations.fake_aws import Answer, AwsRefusal, FakeAws

_NOT_FOUND = AwsRefusal("ResourceNotFoundException", status=404)
_FLOW = "arn:aws:connect:eu-west-2:444455556666:instance/1/contact-flow/flow-9"


def examined(
    changes: Mapping[str, Answer] | None = None,
    configuration: Configuration | None = None,
) -> list[Examined]:
    aws = FakeAws({**ready.answers(), **(changes or {})})
    return examine_account(CHECKS, configuration or ready.production(), aws.session)


def not_passed(found: list[Examined]) -> dict[str, Status]:
    return {check: finding.status for check, finding in found if finding.status is not Status.PASS}


def fix_of(found: list[Examined]) -> str:
    return "".join(finding.fix for _, finding in found if finding.status is not Status.PASS)


def with_flow(configuration: Configuration) -> Configuration:
    topics = {"billing": AdoptedContactFlow(arn=_FLOW)}
    return copy.replace(configuration, connect=copy.replace(configuration.connect, topics=topics))


def with_pool(**changes: Any) -> Configuration:
    configuration = ready.production()
    pool = copy.replace(UserPool(), **changes)
    identity = copy.replace(configuration.identity, user_pool=pool)
    return copy.replace(configuration, identity=identity)


def signed_by(**keys: Any) -> Configuration:
    """With an issuer of such keys in place of the user pool."""
    configuration = ready.production()
    issuer = copy.replace(load(CHECKOUT, "local-issuer", transports={}).identity.source, jwks_url=None)
    assert isinstance(issuer, Issuer)
    identity = copy.replace(configuration.identity, issuer=copy.replace(issuer, **keys))
    return copy.replace(configuration, identity=identity)


def smoking(queue_arn: str | None) -> Configuration:
    """With a queue of calls that only test."""
    configuration = ready.production()
    return copy.replace(configuration, smoke=copy.replace(configuration.smoke, queue_arn=queue_arn))


def without_reserved() -> Configuration:
    configuration = ready.production()
    functions = copy.replace(configuration.functions, reserved_concurrency=None)
    return copy.replace(configuration, functions=functions)


def without_email() -> Configuration:
    configuration = ready.production()
    return copy.replace(configuration, alarms=copy.replace(configuration.alarms, email=None))


def web_acl(value: str) -> Configuration:
    configuration = ready.production()
    return copy.replace(configuration, api=copy.replace(configuration.api, web_acl=value))


def flow(**changes: str) -> Answer:
    block = {
        "Type": "InvokeLambdaFunction",
        "Parameters": {"LambdaFunctionARN": f"arn:aws:lambda:eu-west-2:1:function:{ready.FUNCTION}:live"},
    }
    found = {
        "Name": "theirs",
        "State": "ACTIVE",
        "Status": "PUBLISHED",
        "Type": "CONTACT_FLOW",
        "Content": json.dumps({"Actions": [block]}),
    }
    return {"ContactFlow": found | changes}


def switch(value: str) -> Answer:
    def answer(given: Mapping[str, Any]) -> Mapping[str, Any]:
        if given["Name"].startswith("/cdk-bootstrap"):
            return ready.parameter(given)
        return {"Parameter": {"Name": given["Name"], "Value": value}}

    return answer


def bootstrap(version: str | None) -> Answer:
    def answer(given: Mapping[str, Any]) -> Mapping[str, Any]:
        if not given["Name"].startswith("/cdk-bootstrap"):
            return ready.parameter(given)
        if version is None:
            raise AwsRefusal("ParameterNotFound")
        return {"Parameter": {"Name": given["Name"], "Value": version}}

    return answer


def instance(**changes: Any) -> Answer:
    found = {"InstanceStatus": "ACTIVE", "InboundCallsEnabled": True, **changes}
    return {"Instance": found}


def queue(**changes: Any) -> Answer:
    return lambda given: {"Queue": {**ready.queue(given)["Queue"], **changes}}


def hours(config: list[Any]) -> Answer:
    return {"HoursOfOperation": {"Name": "Office", "TimeZone": "Europe/London", "Config": config}}


def limits(total: int, free: int) -> Answer:
    return {"AccountLimit": {"ConcurrentExecutions": total, "UnreservedConcurrentExecutions": free}}


def quotas(**changes: float) -> Answer:
    return ready.quota(ready.QUOTAS | {code.replace("_", "-"): value for code, value in changes.items()})


def test_an_account_where_all_is_ready_is_green() -> None:
    found = examined()
    assert not_passed(found) == {}
    assert {check for check, _ in found} >= {"account", "bootstrap", "instance", "contact events"}


def test_every_queue_that_the_configuration_names_is_looked_at() -> None:
    connect = ready.production().connect
    own, other = (f"{connect.instance_arn}/queue/{name}" for name in ("own", "other"))
    named = copy.replace(connect, queue_arn=own, topic_queue_arns={"sales": other, "billing": own})
    subject = Subject(copy.replace(ready.production(), connect=named), FakeAws({}).session)
    of_flows = (connect.verified_queue_arn, connect.unverified_queue_arn, connect.flow.overflow_queue_arn)
    assert subject.queue_arns == (*of_flows, own, other)


def test_a_queue_of_calls_that_only_test_is_to_exist_and_not_to_be_served() -> None:
    instance_arn = ready.production().connect.instance_arn
    aws = FakeAws(ready.answers())
    configuration = smoking(f"{instance_arn}/queue/quiet")
    assert not_passed(examine_account(CHECKS, configuration, aws.session)) == {}
    read = [given["QueueId"] for name, given in aws.calls if name == "connect.DescribeQueue"]
    assert "quiet" in read


def test_before_the_first_deployment_it_is_green_too() -> None:
    """Nothing is deployed, so nothing of a deployment is looked at."""
    found = examined(
        {
            "ssm.GetParametersByPath": {"Parameters": []},
            "cloudformation.DescribeStacks": ready.nothing_deployed,
            "cloudformation.ListStackResources": ready.nothing_deployed,
            "connect.ListLambdaFunctions": {"LambdaFunctions": []},
            "connect.ListContactFlows": {"ContactFlowSummaryList": []},
        }
    )
    assert not_passed(found) == {}
    assert not {check for check, _ in found} & {check.name for check in CHECKS if check.of_deployment}


@pytest.mark.parametrize("used", [49, 50])
def test_no_room_for_two_more_functions_fails_before_the_first_deployment(used: int) -> None:
    """The one that proves who calls, and the one that knows when a closed queue opens."""
    found = examined(
        {
            "ssm.GetParametersByPath": {"Parameters": []},
            "cloudformation.ListStackResources": ready.nothing_deployed,
            "connect.ListLambdaFunctions": {"LambdaFunctions": [f"arn:{n}" for n in range(used)]},
            "service-quotas.GetServiceQuota": quotas(L_E3D2F503=50),
        }
    )
    assert not_passed(found) == {"instance room": Status.FAIL}
    assert "L-E3D2F503" in fix_of(found)


_FAULTS: dict[str, tuple[str, Status, dict[str, Answer], str]] = {
    "a Region that is not enabled": (
        "region",
        Status.FAIL,
        {"account.GetRegionOptStatus": {"RegionName": "x", "RegionOptStatus": "DISABLED"}},
        "aws account enable-region",
    ),
    "no bootstrap": ("bootstrap", Status.FAIL, {"ssm.GetParameter": bootstrap(None)}, "make bootstrap"),
    "an old bootstrap": ("bootstrap", Status.FAIL, {"ssm.GetParameter": bootstrap("7")}, "make bootstrap"),
    "a bootstrap that cannot roll back": (
        "bootstrap",
        Status.WARN,
        {"ssm.GetParameter": bootstrap("22")},
        "make bootstrap",
    ),
    "a deployment under way": (
        "stacks",
        Status.FAIL,
        {"cloudformation.DescribeStacks": ready.stack("UPDATE_IN_PROGRESS")},
        "aws cloudformation wait",
    ),
    "a rollback that failed": (
        "stacks",
        Status.FAIL,
        {"cloudformation.DescribeStacks": ready.stack("UPDATE_ROLLBACK_FAILED")},
        "cdk rollback",
    ),
    "what a failed first deployment left": (
        "stacks",
        Status.FAIL,
        {"cloudformation.DescribeStacks": ready.stack("ROLLBACK_FAILED")},
        "A first deployment fails",
    ),
    "no role for logs": ("api log role", Status.FAIL, {"apigateway.GetAccount": {}}, "log role"),
    "a role for logs that was deleted": (
        "api log role",
        Status.FAIL,
        {"iam.GetRole": AwsRefusal("NoSuchEntity", status=404)},
        "log role",
    ),
    "no web ACL on the stage": (
        "web acl",
        Status.FAIL,
        {"wafv2.GetWebACLForResource": AwsRefusal("WAFNonexistentItemException")},
        "associate-web-acl",
    ),
    "no room for what is reserved": (
        "lambda concurrency",
        Status.FAIL,
        {"lambda.GetAccountSettings": limits(100, 80)},
        "L-B99A9384",
    ),
    "an instance that does not exist": (
        "instance",
        Status.FAIL,
        {"connect.DescribeInstance": _NOT_FOUND},
        "connect.instance_arn",
    ),
    "an instance that is being made": (
        "instance",
        Status.FAIL,
        {"connect.DescribeInstance": instance(InstanceStatus="CREATION_IN_PROGRESS")},
        "wait",
    ),
    "an instance without inbound calls": (
        "instance",
        Status.FAIL,
        {"connect.DescribeInstance": instance(InboundCallsEnabled=False)},
        "incoming calls",
    ),
    "no coming back into a call": (
        "instance attributes",
        Status.WARN,
        {"connect.ListInstanceAttributes": {"Attributes": []}},
        "multi-party",
    ),
    "no room for the flows": (
        "instance room",
        Status.FAIL,
        {"service-quotas.GetServiceQuota": quotas(L_22922690=1)},
        "L-22922690",
    ),
    "a function that flows may not invoke": (
        "function association",
        Status.FAIL,
        {"connect.ListLambdaFunctions": {"LambdaFunctions": []}},
        "associate-lambda-function",
    ),
    "queues that do not exist": (
        "queues",
        Status.FAIL,
        {"connect.DescribeQueue": _NOT_FOUND},
        "aws connect list-queues",
    ),
    "queues that are disabled": (
        "queues",
        Status.FAIL,
        {"connect.DescribeQueue": queue(Status="DISABLED")},
        "enable it",
    ),
    "hours that do not exist": (
        "queues",
        Status.FAIL,
        {"connect.DescribeHoursOfOperation": _NOT_FOUND},
        "choose others",
    ),
    "hours that are never open": (
        "queues",
        Status.FAIL,
        {"connect.DescribeHoursOfOperation": hours([])},
        "add some",
    ),
    "queues that nobody answers": (
        "routing profiles",
        Status.WARN,
        {"connect.ListRoutingProfileQueues": {"RoutingProfileQueueConfigSummaryList": []}},
        "add the queue",
    ),
    "a rate above the quota": (
        "connect rates",
        Status.WARN,
        {"service-quotas.GetServiceQuota": quotas(L_5CFC10A5=1)},
        "lower connect.quotas.start_webrtc_contact_rate",
    ),
    "no concurrent calls at all": (
        "concurrent calls",
        Status.FAIL,
        {"service-quotas.GetServiceQuota": quotas(L_12AB7C57=0)},
        "L-12AB7C57",
    ),
    "fewer concurrent calls than may start at once": (
        "concurrent calls",
        Status.WARN,
        {"service-quotas.GetServiceQuota": quotas(L_12AB7C57=4)},
        "L-12AB7C57",
    ),
    "a rule that is disabled": (
        "contact events",
        Status.FAIL,
        {"events.DescribeRule": {"Name": "x", "State": "DISABLED"}},
        "aws events enable-rule",
    ),
    "a rule without its queue": (
        "contact events",
        Status.FAIL,
        {"events.ListTargetsByRule": {}},
        "aws events enable-rule",
    ),
    "a mapping that is disabled": (
        "contact events",
        Status.FAIL,
        {"lambda.GetEventSourceMapping": {"UUID": ready.MAPPING, "State": "Disabled"}},
        "update-event-source-mapping",
    ),
    "events that were given up": (
        "dead letters",
        Status.WARN,
        {"sqs.GetQueueAttributes": {"Attributes": {"ApproximateNumberOfMessages": "2"}}},
        "ContactEventsGivenUp",
    ),
    "calling that is off": (
        "calling switch",
        Status.WARN,
        {"ssm.GetParameter": switch("off")},
        "make resume-calls ENV=prod",
    ),
    "a subscription that nobody confirmed": (
        "alarm recipients",
        Status.WARN,
        {"sns.ListSubscriptionsByTopic": {"Subscriptions": [{"SubscriptionArn": "PendingConfirmation"}]}},
        "confirm the mail",
    ),
    "an alarm that is on": (
        "alarms",
        Status.WARN,
        {"cloudwatch.DescribeAlarms": {"MetricAlarms": [{"AlarmName": "InAppCalling-prod-Calling-x"}]}},
        "docs/operations.md",
    ),
}


@pytest.mark.parametrize(
    ("check", "status", "changes", "fix"), _FAULTS.values(), ids=[name.replace(" ", "-") for name in _FAULTS]
)
def test_a_fault_is_one_finding_with_its_fix(
    check: str, status: Status, changes: dict[str, Answer], fix: str
) -> None:
    found = examined(changes)
    assert not_passed(found) == {check: status}
    assert fix in fix_of(found)


_CONFIGURED: dict[str, tuple[Configuration, str, Status, dict[str, Answer], str]] = {
    "agents who serve the queue of calls that only test": (
        smoking(ready.production().connect.verified_queue_arn),
        "routing profiles",
        Status.WARN,
        {},
        "remove the queue",
    ),
    "an adopted flow that does not exist": (
        with_flow(ready.production()),
        "adopted flows",
        Status.FAIL,
        {"connect.DescribeContactFlow": _NOT_FOUND},
        "list-contact-flows",
    ),
    "an adopted flow that is not published": (
        with_flow(ready.production()),
        "adopted flows",
        Status.FAIL,
        {"connect.DescribeContactFlow": AwsRefusal("ContactFlowNotPublishedException", status=404)},
        "publish it",
    ),
    "an adopted flow that is archived": (
        with_flow(ready.production()),
        "adopted flows",
        Status.FAIL,
        {"connect.DescribeContactFlow": flow(State="ARCHIVED")},
        "publish it",
    ),
    "an adopted flow of another kind": (
        with_flow(ready.production()),
        "adopted flows",
        Status.FAIL,
        {"connect.DescribeContactFlow": flow(Type="CUSTOMER_QUEUE")},
        "publish it",
    ),
    "an adopted flow that does not ask who calls": (
        with_flow(ready.production()),
        "adopted flows",
        Status.WARN,
        {"connect.DescribeContactFlow": flow(Content="{}")},
        "docs/agents.md",
    ),
    "SES in its sandbox": (
        with_pool(self_sign_up=True),
        "mail",
        Status.WARN,
        {
            "sesv2.GetAccount": {"ProductionAccessEnabled": False},
            "cognito-idp.DescribeUserPool": {
                "UserPool": {"EmailConfiguration": {"EmailSendingAccount": "DEVELOPER"}}
            },
        },
        "production access",
    ),
    "a user pool that mails by itself": (
        with_pool(self_sign_up=True),
        "mail",
        Status.WARN,
        {
            "sesv2.GetAccount": {"ProductionAccessEnabled": True},
            "cognito-idp.DescribeUserPool": {"UserPool": {}},
        },
        "Mail",
    ),
    "a domain prefix of another pool": (
        with_pool(
            managed_login=ManagedLogin.model_construct(domain_prefix="acme", callback_urls=(), logout_urls=())
        ),
        "sign-in domain",
        Status.FAIL,
        {"cognito-idp.DescribeUserPoolDomain": {"DomainDescription": {"UserPoolId": "eu-west-2_left"}}},
        "delete-user-pool-domain --domain acme",
    ),
    "a signing key that does not exist": (
        signed_by(kms_keys=("arn:aws:kms:eu-west-2:1:key/1",)),
        "issuer keys",
        Status.FAIL,
        {"kms.GetPublicKey": AwsRefusal("NotFoundException")},
        "identity.issuer.kms_keys",
    ),
    "a key that does not sign": (
        signed_by(kms_keys=("arn:aws:kms:eu-west-2:1:key/1",)),
        "issuer keys",
        Status.FAIL,
        {"kms.GetPublicKey": {"KeyUsage": "ENCRYPT_DECRYPT"}},
        "identity.issuer.kms_keys",
    ),
    "a new account's concurrency": (
        without_reserved(),
        "lambda concurrency",
        Status.WARN,
        {"lambda.GetAccountSettings": limits(10, 10)},
        "L-B99A9384",
    ),
    "alarms that go nowhere": (without_email(), "alarm recipients", Status.WARN, {}, "alarms.email"),
    "another web ACL than the configured one": (
        web_acl("arn:aws:wafv2:eu-west-2:1:regional/webacl/theirs/2"),
        "web acl",
        Status.FAIL,
        {},
        "associate-web-acl",
    ),
    "no web ACL of the organisation": (
        web_acl("none"),
        "web acl",
        Status.WARN,
        {"wafv2.GetWebACLForResource": {}},
        "Firewall Manager",
    ),
}


@pytest.mark.parametrize(
    ("configuration", "check", "status", "changes", "fix"),
    _CONFIGURED.values(),
    ids=[name.replace(" ", "-") for name in _CONFIGURED],
)
def test_a_fault_of_what_is_configured_is_one_finding_with_its_fix(
    configuration: Configuration, check: str, status: Status, changes: dict[str, Answer], fix: str
) -> None:
    found = examined(changes, configuration)
    assert not_passed(found) == {check: status}
    assert fix in fix_of(found)


@pytest.mark.parametrize(
    ("configuration", "changes"),
    [
        (with_flow(ready.production()), {"connect.DescribeContactFlow": flow()}),
        (
            with_pool(
                managed_login=ManagedLogin.model_construct(
                    domain_prefix="acme", callback_urls=(), logout_urls=()
                )
            ),
            {"cognito-idp.DescribeUserPoolDomain": {"DomainDescription": {"UserPoolId": ready.POOL_ID}}},
        ),
        (
            with_pool(
                managed_login=ManagedLogin.model_construct(
                    domain_prefix="acme", callback_urls=(), logout_urls=()
                )
            ),
            {"cognito-idp.DescribeUserPoolDomain": {"DomainDescription": {}}},
        ),
        (
            signed_by(kms_keys=("arn:aws:kms:eu-west-2:1:key/1",)),
            {"kms.GetPublicKey": {"KeyUsage": "SIGN_VERIFY"}},
        ),
    ],
    ids=["adopted flow", "own domain", "free domain", "key of KMS"],
)
def test_what_is_configured_and_ready_is_green(
    configuration: Configuration, changes: dict[str, Answer]
) -> None:
    assert not_passed(examined(changes, configuration)) == {}


def test_a_closed_queue_is_a_warning_that_says_when(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the time is now: no day of the week has hours but one of half a minute, long past midnight."""
    never = [{**day, "EndTime": {"Hours": 0, "Minutes": 0}, "Day": "NEVER"} for day in ready.ALWAYS[:1]]
    aws = FakeAws(ready.answers())
    aws.answers["connect.DescribeHoursOfOperation"] = hours(never)
    monkeypatch.setattr("tests.operations.fake_aws.ParamValidator", _Unchecked)
    found = examine_account(CHECKS, ready.production(), aws.session)
    assert not_passed(found) == {"queues": Status.WARN}


class _Unchecked:
    def validate(self, *_: object) -> Any:
        return self

    def has_errors(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("document", "status"),
    [(b'{"keys": [{}]}', Status.PASS), (b'{"keys": []}', Status.FAIL), (b"<html>", Status.FAIL)],
)
def test_published_keys_of_an_issuer_are_fetched(document: bytes, status: Status) -> None:
    configuration = signed_by(jwks_url="https://login.example.com/jwks")
    (check,) = [check for check in CHECKS if check.name == "issuer keys"]
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return document

    ((_, finding),) = examine([check], Subject(configuration, FakeAws({}).session, fetch=fetch))
    assert finding.status is status
    assert asked == ["https://login.example.com/jwks"]


def test_an_issuer_that_cannot_be_reached_fails() -> None:
    def fetch(_url: str) -> bytes:
        raise TimeoutError("timed out")

    (check,) = [check for check in CHECKS if check.name == "issuer keys"]
    configuration = signed_by(jwks_url="https://login.example.com/jwks")
    ((_, finding),) = examine([check], Subject(configuration, FakeAws({}).session, fetch=fetch))
    assert (finding.status, "timed out" in finding.read) == (Status.FAIL, True)


def test_credentials_of_another_account_are_the_only_finding() -> None:
    other = {"Account": "999999999999", "Arn": "arn:aws:iam::999999999999:user/x", "UserId": "x"}
    found = examined({"sts.GetCallerIdentity": other})
    assert not_passed(found) == {"account": Status.FAIL}
    assert len(found) == 1


def test_what_may_not_be_read_is_unknown_and_names_the_action() -> None:
    denied = AwsRefusal(
        "AccessDeniedException", "User: x is not authorized to perform: connect:DescribeQueue on y", 403
    )
    found = examined({"connect.DescribeQueue": denied})
    assert not_passed(found) == {"queues": Status.UNKNOWN}
    assert "connect:DescribeQueue" in fix_of(found)


def test_every_check_runs_though_all_may_read_nothing() -> None:
    denied = AwsRefusal("AccessDeniedException", "not authorized to perform: x:Y on z", 403)
    changes: dict[str, Answer] = dict.fromkeys(ready.answers(), denied)
    del changes["sts.GetCallerIdentity"]
    found = examined(changes)
    assert set(not_passed(found).values()) == {Status.UNKNOWN}
    assert {"outputs", "region", "bootstrap", "instance", "api log role"} <= set(not_passed(found))


def test_a_quota_that_is_not_applied_yet_is_unknown() -> None:
    found = examined(
        {
            "service-quotas.GetServiceQuota": AwsRefusal("NoSuchResourceException"),
            "service-quotas.GetAWSDefaultServiceQuota": {"Quota": {"Value": 50.0}},
        }
    )
    assert set(not_passed(found)) == {"connect rates", "concurrent calls"}
    assert set(not_passed(found).values()) == {Status.UNKNOWN}


def test_a_deployment_is_not_held_up_by_what_runs() -> None:
    """A rule that somebody disabled does not keep a new deployment from succeeding."""
    before = [check for check in CHECKS if not check.of_deployment]
    aws = FakeAws({**ready.answers(), "events.DescribeRule": {"Name": "x", "State": "DISABLED"}})
    assert not_passed(examine_account(before, ready.production(), aws.session)) == {}


def _run(monkeypatch: pytest.MonkeyPatch, aws: FakeAws, *arguments: str) -> Any:
    monkeypatch.setattr(command, "open_session", lambda _region: aws.session)
    return CliRunner().invoke(command.doctor, ["--environment", "prod", *arguments], standalone_mode=True)


def test_its_json_has_every_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    result = _run(monkeypatch, FakeAws(ready.answers()), "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["ok"], document["environment"]) == (0, True, "prod")
    assert {finding["status"] for finding in document["findings"]} == {"pass"}
    assert set(document["findings"][0]) == {"check", "status", "read", "wanted", "fix"}


def test_a_failure_is_its_exit_status_and_in_the_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from operations.__main__ import main  # noqa: PLC0415  # with the session replaced

    aws = FakeAws({**ready.answers(), "apigateway.GetAccount": {}})
    monkeypatch.setattr(command, "open_session", lambda _region: aws.session)
    assert main(["doctor", "--environment", "prod"]) == 1
    said = capsys.readouterr()
    assert "api log role" in said.out
    assert "1 fail" in said.out
    assert "prod is not ready" in said.err


@pytest.mark.parametrize(
    "error", [NoCredentialsError(), EndpointConnectionError(endpoint_url="https://sts")], ids=type
)
def test_where_nothing_can_be_read_it_says_so_by_its_exit_status(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    result = _run(monkeypatch, FakeAws({"sts.GetCallerIdentity": error}))
    assert result.exit_code == 2


def test_the_policies_are_those_of_the_checks() -> None:
    """After a change: python -m operations.doctor."""
    for path, reads in policies().items():
        assert json.loads(path.read_text()) == policy(reads)


def test_the_policies_only_read_and_fit_into_a_managed_policy() -> None:
    for reads in policies().values():
        document = policy(reads)
        sids = [statement["Sid"] for statement in document["Statement"]]
        assert len(set(sids)) == len(sids)
        assert len(json.dumps(document, separators=(",", ":"))) <= 6_144
        for read in reads:
            assert read.action.partition(":")[2].startswith(("Get", "List", "Describe", "GET"))


_ACTION_OF = {
    "apigateway.GetAccount": "apigateway:GET",
    "sesv2.GetAccount": "ses:GetAccount",
}
_PREFIXES = {"service-quotas": "servicequotas", "chime-sdk-voice": "chime"}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name.replace(" ", "-"))
def test_a_check_reads_no_more_than_it_declares(check: Any) -> None:
    aws = FakeAws(
        ready.answers()
        | {
            "connect.DescribeContactFlow": flow(),
            "sesv2.GetAccount": {"ProductionAccessEnabled": True},
            "cognito-idp.DescribeUserPool": {"UserPool": {}},
        }
    )
    configuration = with_flow(with_pool(self_sign_up=True))
    examine([check], Subject(configuration, aws.session, ready.outputs()))
    declared = {read.action for read in check.reads}
    called = {name for name, _ in aws.calls}
    for name in called:
        service, _, operation = name.partition(".")
        assert _ACTION_OF.get(name, f"{_PREFIXES.get(service, service)}:{operation}") in declared


def test_parameters_of_an_environment_are_where_the_policy_says() -> None:
    assert parameter_name("prod", Output.API_URL).startswith("/in-app-calling/")
