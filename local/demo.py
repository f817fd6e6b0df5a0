"""The main job on a laptop: deploy the app into an empty local AWS, call, and follow the call to its queue.

Every step is checked; the exit status is 0 only if all of them held.
"""

import json
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

import boto3
import requests
from rich.console import Console
from rich.table import Table

from local.environment import ACCOUNT, LocalAws, LocalAwsError, local_aws
from local.observer import Observer, eventually
from local.phone import Phone, SignedIn

CALLER = "ada@example.com"
# What must not end in a recording of somebody's terminal, and what nobody needs to see whole.
_SHORTENED = frozenset({"JoinToken", "ParticipantToken", "auth_token"})
_WIDTH_OF_A_PIPE = 110


class NotAsExpectedError(Exception):
    """A step did not hold: what it was, what should have been and what was."""

    def __init__(self, what: str, *, expected: object, seen: object) -> None:
        super().__init__(f"{what}\n  expected: {expected}\n  seen:     {seen}")


def expect(what: str, *, expected: object, seen: object) -> None:
    """Raises NotAsExpectedError unless both are equal."""
    if seen != expected:
        raise NotAsExpectedError(what, expected=expected, seen=seen)


class Demo:
    """The steps, in their order, told to somebody who has never seen the project."""

    def __init__(self, console: Console, aws: LocalAws) -> None:
        """`aws` has the app deployed."""
        self._console = console
        self._outputs = aws.outputs
        self._stacks = aws.stacks
        self._phone = Phone(aws.outputs)
        self._observer = Observer(aws.endpoint_url)
        self._steps = 0

    def run(self) -> None:
        """Goes through all steps; raises NotAsExpectedError at the first that does not hold."""
        self._show_deployment()
        caller = self._sign_in()
        contact_id = self._call(caller)
        self._follow(contact_id, caller)
        self._send_again(contact_id, caller)
        self._impersonate(caller)
        self._answer(contact_id, caller)
        self._send_digits(contact_id, caller)
        self._drop_and_rejoin(contact_id, caller)
        self._hang_up(contact_id, caller)

    def _title(self, title: str) -> None:
        self._steps += 1
        self._console.print(f"\n[bold]{self._steps}. {title}[/bold]")

    def _show_deployment(self) -> None:
        self._title("What was deployed")
        self._console.print(f"The stacks {' and '.join(self._stacks)}. What they tell the app's developers:")
        table = Table(box=None, show_header=False, padding=(0, 2))
        for name in ("ApiUrl", "Region", "UserPoolId", "UserPoolClientId"):
            table.add_row(name, self._outputs[name])
        self._console.print(table)

    def _sign_in(self) -> SignedIn:
        self._title("Who calls")
        password = self._phone.sign_up(CALLER)
        caller = self._phone.sign_in(CALLER, password)
        expect("The identity token names the user.", expected=CALLER, seen=caller.claims["email"])
        self._console.print(
            f"{CALLER} signed up in the user pool, confirmed the address, and signed in by SRP: the password "
            f"never left the phone. The identity token says sub = {caller.user_id}."
        )
        return caller

    def _call(self, caller: SignedIn) -> str:
        self._title("Ada taps “call”: the app's one request")
        body = {"DisplayName": "Ada", "Attributes": {"order_id": "A-1042"}}
        self._console.print("POST /start-call")
        self._console.print("Authorization: <the identity token>")
        self._console.print("Idempotency-Key: tap-1")
        self._show(body)
        began = time.monotonic()
        response = self._phone.start_call(caller.id_token, body, key="tap-1")
        milliseconds = round((time.monotonic() - began) * 1000)
        expect("The call is created.", expected=201, seen=_status_of(response))
        self._console.print(
            f"\n{response.status_code} after {milliseconds} ms, the cold start of the function included. It "
            "is what the Amazon Chime SDK needs to join:"
        )
        answer = response.json()
        self._show(answer)
        return str(answer["ContactId"])

    def _follow(self, contact_id: str, caller: SignedIn) -> None:
        self._title("The contact's way through the contact flow")
        contact = self._observer.contact(contact_id)
        self._show_way(contact)
        expect("The contact waits in the verified queue.", expected=True, seen=_is_verified(contact))
        expect("Its customer_id.", expected=caller.user_id, seen=contact["Attributes"]["customer_id"])
        self._console.print("\nThe agent sees who calls, without a question asked:")
        self._show(contact["Attributes"])

    def _send_again(self, contact_id: str, caller: SignedIn) -> None:
        self._title("The network dropped the answer: the app sends the same request again")
        body = {"DisplayName": "Ada", "Attributes": {"order_id": "A-1042"}}
        response = self._phone.start_call(caller.id_token, body, key="tap-1")
        expect("The same request is answered again.", expected=200, seen=_status_of(response))
        expect("It is the same contact.", expected=contact_id, seen=response.json()["ContactId"])
        started = [each["ContactId"] for each in self._observer.contacts()]
        expect("There is one contact.", expected=[contact_id], seen=started)
        self._console.print("200, the same call; Connect still has one contact.")

    def _impersonate(self, caller: SignedIn) -> None:
        self._title("Somebody else starts a contact of their own and says to be Ada")
        forged = {"customer_id": caller.user_id, "auth_status": "verified", "auth_token": "an-invented-one"}
        self._console.print("Directly in Connect, past the backend, with these attributes:")
        self._show(forged)
        connect = boto3.client(
            "connect",
            region_name=self._outputs["Region"],
            endpoint_url=self._outputs["EndpointUrl"],
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="local",  # noqa: S106 any secret will do
        )
        started = connect.start_web_rtc_contact(
            InstanceId=self._outputs["ConnectInstanceArn"].rpartition("/")[2],
            ContactFlowId=self._outputs["ContactFlowArn"].rpartition("/")[2],
            ParticipantDetails={"DisplayName": "Ada"},
            Attributes=forged,
        )
        contact = self._observer.contact(started["ContactId"])
        self._show_way(contact)
        expect("The forged contact counts as verified.", expected=False, seen=_is_verified(contact))
        status = contact["Attributes"]["auth_status"]
        expect("What the agent of the forged contact sees.", expected="unverified", seen=status)
        self._observer.happen(started["ContactId"], "CustomerDisconnected")
        self._console.print("\nThe caller is not turned away, but this agent knows that nothing is proved.")

    def _answer(self, contact_id: str, caller: SignedIn) -> None:
        self._title("An agent takes the call")
        self._expect_state("QUEUED", contact_id, caller)
        self._observer.happen(contact_id, "AgentConnected")
        self._expect_state("CONNECTED", contact_id, caller)

    def _send_digits(self, contact_id: str, caller: SignedIn) -> None:
        self._title("Ada presses keys")
        response = self._phone.send_digits(caller.id_token, contact_id, "42#")
        expect("The digits are sent.", expected=204, seen=_status_of(response))
        heard = self._observer.contact(contact_id)["Digits"]
        expect("What the call heard.", expected=["42#"], seen=heard)
        self._console.print("POST /calls/{ContactId}/digits 42#  →  204; the call heard 42#.")

    def _drop_and_rejoin(self, contact_id: str, caller: SignedIn) -> None:
        self._title("Ada's train is in a tunnel for two minutes")
        self._observer.happen(contact_id, "CustomerDropped")
        self._expect_state("CONNECTED", contact_id, caller)
        response = self._phone.rejoin(caller.id_token, contact_id)
        expect("The app gets back into the call.", expected=200, seen=_status_of(response))
        answer = response.json()
        expect("It is the same call.", expected=contact_id, seen=answer["ContactId"])
        self._console.print(
            "POST /calls/{ContactId}/connection  →  200: Connect had given up Ada's place, the backend got "
            f"her another in the same call, participant {answer['ParticipantId']}."
        )

    def _hang_up(self, contact_id: str, caller: SignedIn) -> None:
        self._title("Ada hangs up")
        response = self._phone.hang_up(caller.id_token, contact_id)
        expect("The call is over.", expected=204, seen=_status_of(response))
        self._expect_state("ENDED", contact_id, caller)
        left = [each["ContactId"] for each in self._observer.contacts() if each["State"] != "ended"]
        expect("No contact is left.", expected=[], seen=left)
        self._console.print("DELETE /calls/{ContactId}  →  204. No contact is left.")

    def _expect_state(self, state: str, contact_id: str, caller: SignedIn) -> None:
        """The state that the app reads; Connect's events take a moment to move it."""

        def read() -> requests.Response | None:
            response = self._phone.read_call(caller.id_token, contact_id)
            return response if response.ok and response.json()["State"] == state else None

        response = eventually(read)
        if response is None:
            seen = _status_of(self._phone.read_call(caller.id_token, contact_id))
            raise NotAsExpectedError("The state of the call.", expected=state, seen=seen)
        times = {name: value for name, value in response.json().items() if name.endswith("At")}
        shown = ", ".join(f"{name} {value[11:]}" for name, value in times.items())
        self._console.print(f"GET /calls/{{ContactId}}  →  [bold]{state}[/bold]  ({shown})")

    def _show_way(self, contact: Mapping[str, Any]) -> None:
        table = Table(box=None, padding=(0, 2), header_style="dim")
        for heading in ("Block of the flow", "Type", "Result"):
            table.add_column(heading)
        for block in contact["Way"]:
            table.add_row(block["Block"], block["Type"], block["Result"])
        self._console.print(table)
        self._console.print(f"  [bold]→ queue “{contact['Queue']['Name']}”[/bold]")

    def _show(self, document: Mapping[str, Any]) -> None:
        self._console.print_json(json.dumps(_shortened(document)))


def _is_verified(contact: Mapping[str, Any]) -> bool:
    return str(contact["Queue"]["Name"]).endswith(": verified") and contact["State"] == "queued"


def _status_of(response: requests.Response) -> int | str:
    """The status, with the problem where there is one."""
    return response.status_code if response.ok else f"{response.status_code} {response.text}"


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: f"{inner[:8]}…" if name in _SHORTENED else _shortened(inner)
            for name, inner in value.items()
        }
    return value


def main() -> int:
    """Runs the demo; returns the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    console = Console(
        soft_wrap=False, highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE
    )
    try:
        with local_aws() as aws:
            aws.deploy()
            Demo(console, aws).run()
    except (LocalAwsError, NotAsExpectedError, TimeoutError) as error:
        console.print(f"\nThe demo failed. {error}", style="bold red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("\nstopped")
        return 130
    console.print(
        "\n[bold green]All of it held.[/bold green] The local AWS is stopped; `make local` keeps it."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
