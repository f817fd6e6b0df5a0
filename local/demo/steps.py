"""The demo's steps: each is printed, and checked."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import requests
from rich.console import Console
from rich.table import Table

from local.clients.identities import SignedIn
from local.clients.observer import Observer, eventually
from local.clients.phone import Phone
from local.launcher.local_aws import LocalAws

CALLER = "ada@example.com"
_TIMES = ("StartedAt", "QueuedAt", "ConnectedAt", "EndedAt")
# 95 seconds, as the app reads them.
_OPEN_AND_STAFFED = {"Open": True, "Staffed": True, "ExpectedWaitSeconds": 120}
# What must not end in a recording of somebody's terminal, and what nobody needs to see whole.
_SHORTENED = frozenset({"JoinToken", "ParticipantToken", "auth_token"})


class NotAsExpectedError(Exception):
    """A step did not hold: what it was, what should have been and what was."""

    def __init__(self, what: str, *, expected: object, seen: object) -> None:
        super().__init__(f"{what}\n  expected: {expected}\n  seen:     {seen}")


def expect(what: str, *, expected: object, seen: object) -> None:
    """Raises NotAsExpectedError unless both are equal."""
    if seen != expected:
        raise NotAsExpectedError(what, expected=expected, seen=seen)


class Demo:
    """The steps of a WebRTC call, in their order, printed for somebody who has never seen the project."""

    shown_outputs: tuple[str, ...] = (
        "ApiUrl", "Region", "UserPoolId", "UserPoolClientId", "Issuer", "Audience", "Scope", "SigningKeyArn",
    )  # fmt: skip

    def __init__(self, console: Console, aws: LocalAws) -> None:
        """`aws` has the app deployed."""
        self._aws = aws
        self._console = console
        self._outputs = aws.outputs
        self._stacks = aws.stacks
        self._phone = Phone(aws.outputs)
        self._observer = Observer(aws.endpoint_url, aws.access)
        self._steps = 0
        self._whispers = self._asks_hours = False  # an adopted flow may do neither
        self._queue_arn = ""
        # What the app says about the call, where it may say anything.
        about = dict.fromkeys(aws.caller_attributes[:1], "A-1042")
        self._request: dict[str, Any] = {"DisplayName": "Ada", **({"Attributes": about} if about else {})}

    def run(self) -> None:
        """Goes through all steps; raises NotAsExpectedError at the first that does not hold."""
        self._show_deployment()
        caller = self._sign_in()
        self._see_availability(caller)
        call_id = self._call(caller)
        contact_id = self._follow(call_id, caller)
        self._send_again(call_id, contact_id, caller)
        self._impersonate(caller)
        self._wait(call_id, caller)
        self._answer(call_id, contact_id, caller)
        self._send_digits(call_id, contact_id, caller)
        self._drop_and_rejoin(call_id, caller)
        self._hang_up(call_id, caller)
        self._come_back(caller)
        if self._asks_hours:
            self._close(caller)
            self._fill_queue(caller)

    def _title(self, title: str) -> None:
        self._steps += 1
        self._console.print(f"\n[bold]{self._steps}. {title}[/bold]")

    def _show_deployment(self) -> None:
        self._title("What was deployed")
        *others, last = self._stacks
        stacks = f"The stacks {', '.join(others)} and {last}" if others else f"The stack {last}"
        self._console.print(f"{stacks}. The outputs that an app needs:")
        table = Table(box=None, show_header=False, padding=(0, 2))
        for name in self.shown_outputs:
            if self._outputs.get(name):
                table.add_row(name, self._outputs[name])
        self._console.print(table)

    def _sign_in(self) -> SignedIn:
        self._title("Who calls")
        password = self._phone.sign_up(CALLER)
        caller = self._phone.sign_in(CALLER, password)
        expect("The token names the user.", expected=CALLER, seen=caller.claims["email"])
        self._console.print(f"{CALLER} {self._phone.identity.story} The token says sub = {caller.user_id}.")
        return caller

    def _see_availability(self, caller: SignedIn) -> None:
        self._title("Before the call: is anybody there?")
        instance_id = self._outputs["ConnectInstanceArn"].rpartition("/")[2]
        queues = self._aws.client("connect").list_queues(InstanceId=instance_id)["QueueSummaryList"]
        staffed = {"AgentsOnline": 3, "AgentsStaffed": 3, "AgentsAvailable": 0, "EstimatedWaitTime": 95}
        of_callers = {queue["Arn"]: staffed for queue in queues if queue["Name"].endswith(": verified")}
        self._observer.set_contact_center(Queues=of_callers)
        is_configured = self._queue_of_callers() in of_callers
        response = self._phone.availability(caller.token)
        expect("The availability is answered.", expected=200, seen=_status_of(response))
        known = response.json()
        self._console.print("GET /availability  →  200. What Amazon Connect says, read once for all callers:")
        self._show(known)
        if is_configured:
            shown = {name: known.get(name) for name in ("Open", "Staffed", "ExpectedWaitSeconds")}
            expect("What the app shows.", expected=_OPEN_AND_STAFFED, seen=shown)
        again = self._phone.availability(caller.token, etag=response.headers["ETag"])
        expect("The same answer is not sent again.", expected=304, seen=again.status_code)
        self._console.print("With its ETag in If-None-Match  →  304, as long as nothing has changed.")

    def _queue_of_callers(self) -> str:
        """The queue that stands for calls, empty where every contact flow is adopted and none is named."""
        pages = self._aws.client("lambda").get_paginator("list_functions").paginate()
        [function] = [
            each for page in pages for each in page["Functions"] if "Availability" in each["FunctionName"]
        ]
        queue_arn: str = function["Environment"]["Variables"]["QUEUE_ARN"]
        return queue_arn

    def _call(self, caller: SignedIn) -> str:
        self._title("Ada taps “call”: the app's one request")
        self._console.print("POST /start-call")
        self._console.print("Authorization: <the token>")
        self._console.print("Idempotency-Key: tap-1")
        self._show(self._request)
        began = time.monotonic()
        response = self._phone.start_call(caller.token, self._request, key="tap-1")
        milliseconds = round((time.monotonic() - began) * 1000)
        expect("The call is created.", expected=201, seen=_status_of(response))
        self._console.print(
            f"\n{response.status_code} after {milliseconds} ms, the cold start of the function included. It "
            "is what the Amazon Chime SDK needs to join:"
        )
        answer = response.json()
        self._show(answer)
        self._show_verification()
        call_id = str(answer["ContactId"])
        self._join(call_id)
        return call_id

    def _join(self, call_id: str) -> None:
        """The app does with the answer what it is for."""
        self._observer.join(call_id)
        self._console.print("The app joins the meeting with it. By that the contact reaches its flow.")

    def _show_verification(self) -> None:
        """Who verified the token, and with which keys."""
        if "UserPoolId" in self._outputs:
            by = "API Gateway verified the token itself: the user pool is its own."
        elif key_arn := self._outputs.get("SigningKeyArn"):
            reads = [call for call in self._observer.calls() if call["Operation"] == "GetPublicKey"]
            expect(
                "The keys that were read.",
                expected=[key_arn],
                seen=[arn for call in reads for arn in call["Resources"]],
            )
            by = f"The API's authorizer verified the token with the public key that KMS gave it: {key_arn}"
        else:
            fetched = self._observer.issuer()["KeyRequests"]
            expect("How often the issuer's keys were fetched.", expected=1, seen=fetched)
            issuer = self._outputs["Issuer"]
            by = f"The API's authorizer verified the token with the issuer's keys, fetched once from {issuer}"
        self._console.print(f"\n{by}")

    def _follow(self, call_id: str, caller: SignedIn) -> str:
        """Returns the id of Connect's contact."""
        self._title("The contact's way through the contact flow")
        contact = self._observer.contact(call_id)
        self._show_verified(contact, caller)
        return call_id

    def _show_verified(self, contact: Mapping[str, Any], caller: SignedIn) -> None:
        self._show_way(contact)
        self._whispers = "AgentWhisper" in contact["Hooks"]
        self._asks_hours = any(block["Type"] == "CheckHoursOfOperation" for block in contact["Way"])
        self._queue_arn = contact["Queue"]["Arn"]
        expect("The contact waits in the verified queue.", expected=True, seen=_is_verified(contact))
        expect("Its customer_id.", expected=caller.user_id, seen=contact["Attributes"]["customer_id"])
        self._show_heard("Ada", contact["Heard"])
        self._console.print("\nWhat a desktop or a CRM can read:")
        self._show(contact["Attributes"])

    def _send_again(self, call_id: str, contact_id: str, caller: SignedIn) -> None:
        self._title("The network dropped the answer: the app sends the same request again")
        response = self._phone.start_call(caller.token, self._request, key="tap-1")
        expect("The same request is answered again.", expected=200, seen=_status_of(response))
        expect("It is the same call.", expected=call_id, seen=response.json()["ContactId"])
        started = [each["ContactId"] for each in self._observer.contacts()]
        expect("There is one contact.", expected=[contact_id], seen=started)
        self._console.print("200, the same call; Connect still has one contact.")

    def _impersonate(self, caller: SignedIn) -> None:
        self._title("Somebody else starts a contact of their own and says to be Ada")
        forged = {"customer_id": caller.user_id, "auth_status": "verified", "auth_token": "an-invented-one"}
        self._console.print("Directly in Connect, past the backend, with these attributes:")
        self._show(forged)
        started = self._aws.client("connect").start_web_rtc_contact(
            InstanceId=self._outputs["ConnectInstanceArn"].rpartition("/")[2],
            ContactFlowId=self._outputs["ContactFlowArn"].rpartition("/")[2],
            ParticipantDetails={"DisplayName": "Ada"},
            Attributes=forged,
        )
        self._observer.join(started["ContactId"])
        self._show_unverified(self._observer.contact(started["ContactId"]))
        self._take(started["ContactId"], says=["Not verified."])
        self._observer.happen(started["ContactId"], "CustomerDisconnected")

    def _show_unverified(self, contact: Mapping[str, Any]) -> None:
        self._show_way(contact)
        expect("The forged contact counts as verified.", expected=False, seen=_is_verified(contact))
        status = contact["Attributes"]["auth_status"]
        expect("What the agent of the forged contact sees.", expected="unverified", seen=status)
        self._console.print("\nThe caller is not turned away, but the agent sees that nothing is proved.")

    def _wait(self, call_id: str, caller: SignedIn) -> None:
        self._title("Ada waits, and knows for how long")
        self._expect_state("QUEUED", call_id, caller)

        def waiting() -> dict[str, Any] | None:
            call: dict[str, Any] = self._phone.read_call(caller.token, call_id).json()
            return call if "PositionInQueue" in call else None

        call = eventually(waiting) or {}
        shown = {name: call.get(name) for name in ("ExpectedWaitSeconds", "PositionInQueue")}
        expect("What the app shows.", expected={"ExpectedWaitSeconds": 120, "PositionInQueue": 1}, seen=shown)
        self._show({name: value for name, value in call.items() if name != "ContactId"})

    def _answer(self, call_id: str, contact_id: str, caller: SignedIn) -> None:
        self._title("An agent takes the call")
        self._take(contact_id, says=["Verified."])
        self._expect_state("CONNECTED", call_id, caller)

    def _take(self, contact_id: str, *, says: Sequence[str]) -> None:
        """An agent takes a call: what they hear before they talk, and what the workspace shows them."""
        contact = self._observer.happen(contact_id, "AgentConnected")
        if not self._whispers:
            return
        expect("What the agent hears.", expected=list(says), seen=contact["AgentHeard"])
        self._show_heard("The agent", contact["AgentHeard"])
        for view in contact["Views"]:
            data = view["Data"]
            self._console.print(f"The agent workspace shows: [bold]{data['Heading']}[/bold]")
            table = Table(box=None, show_header=False, padding=(0, 2))
            for entry in data.get("AttributeBar", []):
                table.add_row(entry["Label"], entry["Value"])
            self._console.print(table)
            self._console.print(f"  {data['Sections']}")

    def _show_heard(self, who: str, texts: Sequence[str]) -> None:
        if texts:
            self._console.print(f"\n{who} hears: “{' '.join(texts)}”")

    def _send_digits(self, call_id: str, contact_id: str, caller: SignedIn) -> None:
        self._title("Ada presses keys")
        response = self._phone.send_digits(caller.token, call_id, "42#")
        expect("The digits are sent.", expected=204, seen=_status_of(response))
        heard = eventually(lambda: self._observer.contact(contact_id)["Digits"])
        expect("What the call heard.", expected=["42#"], seen=heard)
        self._console.print("POST /calls/{ContactId}/digits 42#  →  204; the call heard 42#.")

    def _drop_and_rejoin(self, call_id: str, caller: SignedIn) -> None:
        self._title("Ada's train is in a tunnel for two minutes")
        self._observer.happen(call_id, "CustomerDropped")
        answer = self._rejoin(call_id, caller)
        self._console.print(
            "POST /calls/{ContactId}/connection  →  200: Connect had given up Ada's place, the backend got "
            f"her another in the same call, participant {answer['ParticipantId']}."
        )

    def _rejoin(self, call_id: str, caller: SignedIn) -> dict[str, Any]:
        self._expect_state("CONNECTED", call_id, caller)
        response = self._phone.rejoin(caller.token, call_id)
        expect("The app gets back into the call.", expected=200, seen=_status_of(response))
        answer: dict[str, Any] = response.json()
        expect("It is the same call.", expected=call_id, seen=answer["ContactId"])
        return answer

    def _come_back(self, caller: SignedIn) -> None:
        self._title("Ada's phone loses a call, and she calls back")
        lost_id = self._call_again(caller)
        self._lose(lost_id)
        self._expect_state("ENDED", lost_id, caller)
        # As an app does: it tries to get back into the call, and is answered that this has ended.
        response = self._phone.rejoin(caller.token, lost_id)
        expect("There is no way back.", expected=(409, True), seen=_conflict(response, "call-ended"))
        self._console.print("POST /calls/{ContactId}/connection  →  409 call-ended")
        call_id = self._call_again(caller, PreviousContactId=lost_id)
        self._console.print("POST /start-call with PreviousContactId  →  201")
        contact = self._contact_of(call_id)
        expect("It waits in the same queue.", expected=self._queue_arn, seen=contact["Queue"]["Arn"])
        self._take(contact["ContactId"], says=["Verified.", "Came back."])
        self._end(call_id, caller)

    def _lose(self, call_id: str) -> None:
        """The phone is gone before its app has joined the call."""
        self._observer.happen(call_id, "CustomerDisconnected")

    def _contact_of(self, call_id: str) -> dict[str, Any]:
        """The contact of a call that the app joins, once its flow has come to its last block."""
        self._observer.join(call_id)
        return self._observer.contact(call_id)

    def _call_again(self, caller: SignedIn, **more: Any) -> str:
        response = self._phone.start_call(caller.token, {**self._request, **more})
        if response.status_code == 429:
            # So many calls at once are more than the environment's quotas: an app waits as it is told.
            time.sleep(float(response.headers["Retry-After"]))
            response = self._phone.start_call(caller.token, {**self._request, **more})
        expect("The call is created.", expected=201, seen=_status_of(response))
        return str(response.json()["ContactId"])

    def _end(self, call_id: str, caller: SignedIn) -> None:
        response = self._phone.hang_up(caller.token, call_id)
        expect("The call is over.", expected=204, seen=_status_of(response))

    def _close(self, caller: SignedIn) -> None:
        self._title("Ada calls when the queue is closed")
        instance_id, _, queue_id = self._queue_arn.split("instance/")[1].split("/")
        described = self._aws.client("connect").describe_queue(InstanceId=instance_id, QueueId=queue_id)
        hours = described["Queue"]["HoursOfOperationId"]
        self._observer.set_contact_center(Hours={hours: "Closed"})
        call_id = self._call_again(caller)
        contact = self._contact_of(call_id)
        self._observer.set_contact_center(Hours={hours: "Open"})
        self._show_heard("Ada", contact["Heard"])
        opening = [block["Result"] for block in contact["Way"] if block["Block"] == "is-the-opening-known"]
        if opening:
            expect("Whether the flow knows when the queue opens.", expected=["known"], seen=opening)
            self._console.print("When it opens the flow asked the function behind GET /availability.")
        self._expect_state("ENDED", call_id, caller)

    def _fill_queue(self, caller: SignedIn) -> None:
        self._title("Ada calls when the queue is full")
        self._observer.set_contact_center(Queues={self._queue_arn: {"MaxContacts": 0}})
        call_id = self._call_again(caller)
        contact = self._contact_of(call_id)
        self._observer.set_contact_center(Queues={self._queue_arn: {"MaxContacts": None}})
        status = contact["Attributes"]["auth_status"]
        expect("The proof is kept.", expected="verified", seen=status)
        self._show_heard("Ada", contact["Heard"])
        if contact["State"] == "queued":
            self._console.print(f"  [bold]→ queue “{contact['Queue']['Name']}”[/bold], still verified")
            self._take(contact["ContactId"], says=["Verified."])
            self._end(call_id, caller)

    def _hang_up(self, call_id: str, caller: SignedIn) -> None:
        self._title("Ada hangs up")
        self._end(call_id, caller)
        self._console.print("DELETE /calls/{ContactId}  →  204")
        self._expect_state("ENDED", call_id, caller)
        expect("What is left.", expected=[], seen=eventually_nothing(self._left))
        self._console.print(self._nothing_is_left)

    _nothing_is_left = "No contact is left."

    def _left(self) -> list[str]:
        """What goes on, and costs."""
        return [
            f"contact {each['ContactId']}" for each in self._observer.contacts() if each["State"] != "ended"
        ]

    def _expect_state(self, state: str, call_id: str, caller: SignedIn) -> None:
        """The state that the app reads; events take a moment to move it."""

        def read() -> requests.Response | None:
            response = self._phone.read_call(caller.token, call_id)
            return response if response.ok and response.json()["State"] == state else None

        response = eventually(read)
        if response is None:
            seen = _status_of(self._phone.read_call(caller.token, call_id))
            raise NotAsExpectedError("The state of the call.", expected=state, seen=seen)
        times = {name: response.json()[name] for name in _TIMES if name in response.json()}
        shown = ", ".join(f"{name} {value[11:]}" for name, value in times.items())
        self._console.print(f"GET /calls/{{ContactId}}  →  [bold]{state}[/bold]  ({shown})")

    def _show_way(self, contact: Mapping[str, Any]) -> None:
        table = Table(box=None, padding=(0, 2), header_style="dim")
        for heading in ("Block of the flow", "Type", "Result"):
            table.add_column(heading)
        for block in contact["Way"]:
            table.add_row(block["Block"], block["Type"], _result_in_words(block))
        self._console.print(table)
        self._console.print(f"  [bold]→ queue “{contact['Queue']['Name']}”[/bold]")

    def _show(self, document: Mapping[str, Any]) -> None:
        self._console.print_json(json.dumps(_shortened(document)))


def eventually_nothing(left: Callable[[], list[str]]) -> list[str]:
    """What is left after some time: nothing, as soon as nothing is."""
    eventually(lambda: not left())
    return left()


def _legs_up(call: Mapping[str, Any]) -> list[str]:
    return [leg["ParticipantTag"] for leg in call["Legs"] if leg["Status"] == "Connected"]


def _conflict(response: requests.Response, slug: str) -> tuple[int | str, bool]:
    """The status, and whether it is this problem."""
    return response.status_code, slug in response.text


def _result_in_words(block: Mapping[str, Any]) -> str:
    """The branch that was taken. Of a check of figures the emulator has the figure that was compared with."""
    result = str(block["Result"])
    return f"more than {result}" if block["Type"] == "CheckMetricData" and result.isdigit() else result


def _is_verified(contact: Mapping[str, Any]) -> bool:
    return str(contact["Queue"]["Name"]).endswith(": verified") and contact["State"] == "queued"


def _status_of(response: requests.Response) -> int | str:
    """The status, with the problem where there is one."""
    return response.status_code if response.ok else f"{response.status_code} {response.text}"


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: f"{inner[: min(8, len(inner) // 3)]}…" if name in _SHORTENED else _shortened(inner)
            for name, inner in value.items()
        }
    return value
