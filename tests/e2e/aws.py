"""The local AWS with the real app deployed into it, and the people who call through it."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import boto3
import requests

from local.access import Access
from local.clients.identities import SignedIn
from local.clients.observer import eventually
from local.clients.phone import Phone
from local.launcher.local_aws import LocalAws
from tests.e2e.answers import assert_problem
from tests.local.control_endpoints import ControlEndpoints


class Aws(ControlEndpoints):
    """What tests may ask and do besides calling: the services' own APIs, and the control endpoints."""

    joins_contacts = True
    """Whether a call's contact reaches its flow when the app has joined it."""

    policy_prefixes: Mapping[str, str] = {}
    """What policies call a service, where that is not what the SDK does."""

    def __init__(self, outputs: Mapping[str, str], stacks: Sequence[str]) -> None:
        access = Access.read(Path(outputs["AccessFolder"]))
        super().__init__(outputs["EndpointUrl"], access)
        self.outputs = outputs
        self.stacks = stacks
        self._session: Any = boto3.Session(
            region_name=outputs["Region"],
            aws_access_key_id=access.access_key_id,
            aws_secret_access_key=access.secret_access_key,
        )

    @cached_property
    def client(self) -> Callable[[str], Any]:
        """A service's client of the account's root user, the same each time."""
        return cache(partial(self._session.client, endpoint_url=self.outputs["EndpointUrl"]))

    @cached_property
    def resources(self) -> list[dict[str, str]]:
        """Every resource of every stack of the app: LogicalResourceId, PhysicalResourceId, ResourceType."""
        cloudformation = self.client("cloudformation")
        return [
            resource
            for stack in self.stacks
            for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
            for resource in page["StackResourceSummaries"]
        ]

    def physical_id(self, resource_type: str, containing: str = "") -> str:
        """The id of the one resource of this type whose logical id contains these letters."""
        found = [
            resource["PhysicalResourceId"]
            for resource in self.resources
            if resource["ResourceType"] == resource_type and containing in resource["LogicalResourceId"]
        ]
        assert len(found) == 1, f"{resource_type} {containing}: {found}"
        return found[0]

    def invocations(self, function: str) -> int:
        """How often the function whose logical id contains `function` has been invoked."""
        now = datetime.now(UTC)
        statistics = self.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="Invocations",
            Dimensions=[
                {"Name": "FunctionName", "Value": self.physical_id("AWS::Lambda::Function", function)}
            ],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(minutes=1),
            Period=7200,
            Statistics=["Sum"],
        )
        return int(sum(point["Sum"] for point in statistics["Datapoints"]))

    def log_messages(self, function: str) -> list[str]:
        """What the function whose logical id contains `function` has logged."""
        configuration = self.client("lambda").get_function_configuration(
            FunctionName=self.physical_id("AWS::Lambda::Function", function)
        )
        pages = self.client("logs").get_paginator("filter_log_events")
        return [
            event["message"]
            for page in pages.paginate(logGroupName=configuration["LoggingConfig"]["LogGroup"])
            for event in page["events"]
        ]

    def _policies_of(self, function: str) -> list[str]:
        """The ARNs of the managed policies of the function whose logical id contains `function`."""
        return [
            resource["PhysicalResourceId"]
            for resource in self.resources
            if resource["ResourceType"] == "AWS::IAM::ManagedPolicy"
            and function in resource["LogicalResourceId"]
        ]

    @contextmanager
    def without_grant(self, function: str, action: str) -> Iterator[None]:
        """Takes one action out of the managed policies of a function's role, and puts it back."""
        documents = {arn: self._document_of(arn) for arn in self._policies_of(function)}
        reduced = {
            arn: {**document, "Statement": _without(document["Statement"], action)}
            for arn, document in documents.items()
        }
        changed = [arn for arn in documents if reduced[arn] != documents[arn]]
        assert changed, f"{function} had no {action}"
        for arn in changed:
            self._replace(arn, reduced[arn])
        try:
            yield
        finally:
            for arn in changed:
                self._replace(arn, documents[arn])

    def _document_of(self, policy_arn: str) -> dict[str, Any]:
        iam = self.client("iam")
        version = iam.get_policy(PolicyArn=policy_arn)["Policy"]["DefaultVersionId"]
        document: dict[str, Any] = iam.get_policy_version(PolicyArn=policy_arn, VersionId=version)[
            "PolicyVersion"
        ]["Document"]
        return document

    def _replace(self, policy_arn: str, document: Mapping[str, Any]) -> None:
        iam = self.client("iam")
        old = iam.get_policy(PolicyArn=policy_arn)["Policy"]["DefaultVersionId"]
        iam.create_policy_version(
            PolicyArn=policy_arn, PolicyDocument=json.dumps(document), SetAsDefault=True
        )
        iam.delete_policy_version(PolicyArn=policy_arn, VersionId=old)

    @contextmanager
    def started_anew(self, function: str, **variables: str) -> Iterator[None]:
        """The function whose logical id contains `function` forgets what it has in memory, and has other
        environment variables if given; as deployed afterwards.
        """
        client = self.client("lambda")
        name = self.physical_id("AWS::Lambda::Function", function)
        version = client.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
        deployed = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        # A version is published only of what has changed.
        changed = {**deployed, **variables, "STARTED_ANEW": str(time.time_ns())}
        client.update_function_configuration(FunctionName=name, Environment={"Variables": changed})
        published = client.publish_version(FunctionName=name)["Version"]
        client.update_alias(FunctionName=name, Name="live", FunctionVersion=published)
        try:
            yield
        finally:
            client.update_function_configuration(FunctionName=name, Environment={"Variables": deployed})
            client.update_alias(FunctionName=name, Name="live", FunctionVersion=version)

    @contextmanager
    def nothing_read(self) -> Iterator[None]:
        """Within it nothing is known of queues and positions but what is read from now on."""
        table = self.physical_id("AWS::DynamoDB::Table", "Waiting")
        client = self.client("dynamodb")
        with self.started_anew("Availability"), self.started_anew("CallControl"):
            for item in client.scan(TableName=table)["Items"]:
                client.delete_item(TableName=table, Key={"Id": item["Id"]})
            yield

    @contextmanager
    def contact_center(self, **state: Mapping[str, Any]) -> Iterator[None]:
        """Within it hours and queues are so: Hours={arn: "Closed"}, Queues={arn: {"AgentsStaffed": 0}}; and
        blocks of flows fail: Failures={"enter-queue": "QueueAtCapacity"}.
        """
        self.request("POST", "contact-center", state)
        try:
            yield
        finally:
            usual = {
                "Hours": dict.fromkeys(state.get("Hours", {}), "Open"),
                "Queues": {
                    arn: {"AgentsStaffed": 1, "EstimatedWaitTime": 0, "MaxContacts": None}
                    for arn in state.get("Queues", {})
                },
                "Failures": dict.fromkeys(state.get("Failures", {})),
            }
            self.request("POST", "contact-center", usual)

    def change_record(self, user_id: str, update: str) -> None:
        """Changes a user's record as a function that dies between two writes would leave it."""
        self.client("dynamodb").update_item(
            TableName=self.outputs["CallsTable"],
            Key={"UserId": {"S": user_id}},
            UpdateExpression=update,
        )

    def contact_of(self, call_id: str) -> dict[str, Any]:
        """The contact of a call that an app has started, once its flow has come to its last block."""
        return self.contact(call_id)

    def is_over(self, call_id: str) -> bool:
        """Whether nothing is left of a call."""
        return bool(self.current(call_id)["State"] == "ended")

    def contacts_of(self, user_id: str) -> list[dict[str, Any]]:
        """The contacts that were started for a user."""
        return [
            contact
            for contact in self.contacts()
            if contact["Parameters"].get("Attributes", {}).get("customer_id") == user_id
        ]

    def queue(self, containing: str) -> str:
        """The ARN of the Verified or the Unverified queue."""
        return self.physical_id("AWS::Connect::Queue", containing)

    def active_contacts_of(self, user_id: str) -> list[dict[str, Any]]:
        """Those of them that still occupy Connect."""
        return [contact for contact in self.contacts_of(user_id) if contact["State"] != "ended"]


@dataclass(frozen=True)
class Caller:
    """A user who has signed in, with the phone in hand; the password is empty where none is used.

    `join` is what the app does with a call that it has started.
    """

    phone: Phone
    user: SignedIn
    password: str
    join: Callable[[str], object] | None = None

    @classmethod
    def sign_up_and_in(
        cls, phone: Phone, join: Callable[[str], object] | None = None, **attributes: str
    ) -> "Caller":
        """Somebody new, known by a random email alone unless `attributes` say more."""
        email = attributes.pop("email", f"{uuid.uuid4()}@example.com")
        password = phone.sign_up(email, **attributes)
        return cls(phone=phone, user=phone.sign_in(email, password), password=password, join=join)

    def start(self, body: Mapping[str, Any] | None = None, *, key: str | None = None) -> requests.Response:
        """POST /start-call with this user's token, again while API Gateway throttles; the app joins."""
        response = self.start_alone(body, key=key)
        if response.status_code == 201 and self.join:
            self.join(response.json()["ContactId"])
        return response

    def start_after_an_end(self) -> requests.Response:
        """Starts a call after one whose end only Connect has reported: within five seconds it may still turn
        out to be a transfer, and the answer is 409 with Retry-After.
        """
        response = self.start()
        for _attempt in range(10):
            if response.status_code != 409 or "Retry-After" not in response.headers:
                break
            time.sleep(1)
            response = self.start()
        return response

    def start_alone(
        self, body: Mapping[str, Any] | None = None, *, key: str | None = None
    ) -> requests.Response:
        """The same by an app that does not join."""
        return unthrottled(lambda: self.phone.start_call(self.user.token, body, key=key))

    def tap_two_hundred_times(self) -> tuple[list[requests.Response], int]:
        """Sends one request 200 times at once with one key, each until it is answered with a call or refused.

        Returns the last answers, and how many were 504 on the way.
        """
        timed_out: list[requests.Response] = []

        def tap(_: int) -> requests.Response:
            response = self.start({"DisplayName": "Ada"}, key="one-tap")
            for _attempt in range(30):
                # The first request is still running, or a small machine is too slow for so many: come back
                # when the answer says so, as an app would.
                match response.status_code:
                    case 409:
                        assert_problem(response, 409, "request-in-progress")
                    case 504:
                        assert_problem(response, 504, "timeout")
                        timed_out.append(response)
                    case _:
                        break
                time.sleep(min(float(response.headers["Retry-After"]), 1))
                response = self.start({"DisplayName": "Ada"}, key="one-tap")
            return response

        with ThreadPoolExecutor(200) as taps:
            return list(taps.map(tap, range(200))), len(timed_out)

    def availability(self, topic: str | None = None, *, etag: str | None = None) -> requests.Response:
        """GET /availability; this and the next again while API Gateway throttles."""
        return unthrottled(lambda: self.phone.availability(self.user.token, topic, etag=etag))

    def read(self, contact_id: str, *, etag: str | None = None) -> requests.Response:
        """GET /calls/{ContactId}."""
        return unthrottled(lambda: self.phone.read_call(self.user.token, contact_id, etag=etag))

    def hang_up(self, contact_id: str) -> requests.Response:
        """DELETE /calls/{ContactId}."""
        return unthrottled(lambda: self.phone.hang_up(self.user.token, contact_id))

    def rejoin(self, contact_id: str) -> requests.Response:
        """POST /calls/{ContactId}/connection."""
        return unthrottled(lambda: self.phone.rejoin(self.user.token, contact_id))

    def send_digits(self, contact_id: str, digits: str) -> requests.Response:
        """POST /calls/{ContactId}/digits."""
        return unthrottled(lambda: self.phone.send_digits(self.user.token, contact_id, digits))

    def state(self, contact_id: str) -> str:
        """The state that the app reads."""
        return str(self.read(contact_id).json()["State"])

    def comes_to(self, contact_id: str, state: str) -> bool:
        """Whether the app reads this state within some seconds: events take a moment."""
        return eventually(lambda: self.state(contact_id) == state)

    def send(
        self, headers: Mapping[str, str], body: bytes | None, *, method: str = "POST"
    ) -> requests.Response:
        """Any request; what it proves of its sender is in `headers`. Again while API Gateway throttles."""
        return unthrottled(lambda: self.phone.send(method, headers=headers, body=body))


def unthrottled(send: Callable[[], requests.Response]) -> requests.Response:
    """The first answer that is not API Gateway's own 429; at the latest the 40th."""
    response = send()
    for _ in range(39):
        if response.status_code != 429 or not response.json()["type"].endswith(":throttled"):
            break
        # The bucket refills within a second.
        time.sleep(min(float(response.headers["Retry-After"]), 1))
        response = send()
    return response


def with_the_templates_of_before(running: LocalAws) -> tuple[str, str]:
    """Spares `running.cdk` a synthesis: that it writes the same again is tested elsewhere."""
    return "--app", str(running.directory / "cdk.out")


def _without(statements: list[dict[str, Any]], action: str) -> list[dict[str, Any]]:
    """Statements of a policy that allow all but one action."""
    kept = []
    for statement in statements:
        named = statement["Action"]
        actions = named if isinstance(named, list) else [named]
        left = [name for name in actions if name != action]
        if left == actions:
            kept.append(statement)
        elif left:
            kept.append({**statement, "Action": left})
    # A policy cannot be empty; this allows nothing that a function needs.
    return kept or [{"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}]
