"""Users and their devices: what their apps request, how they repeat it, and how they join and leave."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from operations import blocks
from tests.lambdas.conftest import TABLE
from tests.simulation.course import Step

if TYPE_CHECKING:
    from tests.simulation.contact_center import Contact
    from tests.simulation.simulation import Simulation

CALL = "/calls/{ContactId}"
_ATTEMPTS = 6
_LONGEST_WAIT = 20  # seconds
_TWIN_AFTER = (0, 1, 12, 90)  # milliseconds
_JOINS_AFTER = (300, 0, 3_000, 20_000, -1)
"""Milliseconds; the last: never."""
# After how long the next step is done: most races need two at once.
_GAPS = (0, 3, 12, 60, 400, 2_000, 6_000, 20_000, 27_000, 45_000, 130_000)
_REACTIONS = ("tap", "hang up", "rejoin", "send digits")
_REACTS_AFTER = (0, 40, 900, 3_000)
ACTIONS = {
    "tap": 30,
    "tap again": 14,
    "tap with another body": 2,
    "come back": 6,
    "hang up": 14,
    "rejoin": 8,
    "send digits": 8,
    "read the status": 6,
    "drop": 6,
    "leave": 4,
    "pry": 3,
    "forge": 4,
    "block": 1,
}


def random_steps(source: random.Random) -> list[Step]:
    """What some users do."""
    users = source.choice((1, 1, 1, 2))
    devices = source.choice((1, 2, 2))
    gaps = source.sample(_GAPS, 4)
    actions = source.choices([*ACTIONS], [*ACTIONS.values()], k=source.randint(1, 7))
    at, steps = 0, []
    for number, action in enumerate(["tap", *actions]):
        steps.append(
            Step(
                name=f"{action}-{number}",
                at=at,
                action=action,
                user=source.randrange(users),
                device=source.randrange(devices),
                key=f"key-{number}",
            )
        )
        at += source.choice(gaps)
    return steps


@dataclass
class Device:
    """An app, and the call that it knows of."""

    contact_id: str = ""


class User:
    """Somebody with devices."""

    def __init__(self, simulation: Simulation, user_id: str) -> None:
        self.user_id = user_id
        self._simulation = simulation
        self._devices: dict[int, Device] = {}
        self._latest_key = ""
        self._reactions = 0
        self.latest_contact_id = ""

    def act(self, step: Step) -> None:
        """Does what a step says."""
        device = self._devices.setdefault(step.device, Device())
        # Another device of the user has the call's id from the first one's backend, or from `call-active`.
        contact_id = device.contact_id or self.latest_contact_id or "contact-0"
        actions: dict[str, Callable[[], None]] = {
            "tap": lambda: self._tap(step, device, {}),
            "come back": lambda: self._tap(step, device, {"PreviousContactId": contact_id}),
            "tap again": lambda: self._start(step, device, self._latest_key or step.key, {}),
            "tap with another body": lambda: self._start(
                step, device, self._latest_key or step.key, {"Topic": "billing"}
            ),
            "hang up": lambda: self._hang_up(step, contact_id),
            "rejoin": lambda: self._control(
                step,
                "POST",
                f"{CALL}/connection",
                contact_id,
                lambda response: self._rejoined(response, step),
            ),
            "send digits": lambda: self._send_digits(step, contact_id),
            "read the status": lambda: self._read_status(step, contact_id),
            "drop": lambda: self._with_media(contact_id, self._simulation.contact_center.drop),
            "leave": lambda: self._with_media(contact_id, self._simulation.contact_center.leave),
            "pry": lambda: self._pry(step),
            "forge": self._forge,
            "block": lambda: self._block(step),
        }
        actions[step.action]()

    def _tap(self, step: Step, device: Device, body: dict[str, Any]) -> None:
        self._latest_key = step.key
        self._start(step, device, step.key, body)

    def _with_media(self, contact_id: str, act: Callable[[Contact], None]) -> None:
        if contact := self._simulation.contact_center.contacts.get(contact_id):
            act(contact)

    def react(self, happening: str) -> None:
        """Something has happened in a call: its user may do something just now."""
        chosen = self._decide(f"{happening} provokes", 1 + len(_REACTIONS) * len(_REACTS_AFTER), 0.1)
        if not chosen:
            return
        kind, delay = divmod(chosen - 1, len(_REACTS_AFTER))
        action = _REACTIONS[kind]
        self._reactions += 1
        step = Step(
            f"{action} as {happening}-{90 + self._reactions}",
            0,
            action,
            key=f"key as {happening}".replace(" ", "-"),
        )
        self._simulation.after(_REACTS_AFTER[delay], lambda: self.act(step))

    def call_at_last(self) -> None:
        """A start when all is over, which must succeed."""

        def answered(response: dict[str, Any] | None) -> None:
            self._simulation.invariants.check_new_call(self.user_id, response)
            assert response is not None
            contact = self._simulation.invariants.call_answered(self.user_id, "last", response)
            self._request(f"end-{self.user_id}", "DELETE", CALL, contact.contact_id, lambda _: ended(contact))
            self._simulation.invariants.hang_up_asked(contact)

        def ended(contact: Contact) -> None:
            self._simulation.invariants.hung_up(contact)

        self._send(f"last-{self.user_id}", {"Idempotency-Key": "last"}, {}, answered)

    def _start(self, step: Step, device: Device, key: str, body: dict[str, Any], attempt: int = 1) -> None:
        """Starts a call, and repeats the request as the contract advises."""

        def answered(response: dict[str, Any] | None) -> None:
            status = 0 if response is None else response["statusCode"]
            if response is not None and status in {200, 201}:
                contact = self._simulation.invariants.call_answered(self.user_id, key, response)
                device.contact_id = contact.contact_id
                self.latest_contact_id = contact.contact_id
                self._join(contact, step.name)
                return
            problem = json.loads(response["body"]) if response is not None else {}
            if active := problem.get("ContactId"):
                self._simulation.invariants.owned(self.user_id, active)
                device.contact_id = active
            is_passing = status in {0, 429, 500, 502, 503, 504} or problem["type"].endswith(
                "request-in-progress"
            )
            if is_passing and attempt < _ATTEMPTS and not self._decide(f"{name} is given up", 2, 0.35):
                advised = int(response["headers"].get("Retry-After", "1")) if response is not None else 1
                # For the minute that the contract allows, which is longer than a lease.
                wait = min(max(advised, 2**attempt), _LONGEST_WAIT)
                self._simulation.after(wait * 1000, lambda: self._start(step, device, key, body, attempt + 1))

        name = step.name if attempt == 1 else f"{step.name}, attempt {attempt}"
        self._send(name, {"Idempotency-Key": key}, body, answered)
        if twin := self._decide(f"{name} is sent twice", len(_TWIN_AFTER), 0.08):
            self._simulation.after(
                _TWIN_AFTER[twin],
                lambda: self._send(
                    f"{name} (twin)", {"Idempotency-Key": key}, body, self._twin_answered(key)
                ),
            )

    def _twin_answered(self, key: str) -> Callable[[dict[str, Any] | None], None]:
        """Networks and libraries send a request twice, of which no app knows."""

        def answered(response: dict[str, Any] | None) -> None:
            if response is not None and response["statusCode"] in {200, 201}:
                self._simulation.invariants.call_answered(self.user_id, key, response)

        return answered

    def _send(
        self, name: str, headers: dict[str, str], body: dict[str, Any], answered: Callable[[Any], None]
    ) -> None:
        self._request(name, "POST", "/start-call", "", answered, body=json.dumps(body), headers=headers)

    def _join(self, contact: Contact, name: str) -> None:
        wait = _JOINS_AFTER[self._decide(f"{name} joins", len(_JOINS_AFTER), 0.35)]
        if wait >= 0:
            self._simulation.after(wait, lambda: self._simulation.contact_center.join(contact))

    def _hang_up(self, step: Step, contact_id: str, attempt: int = 1) -> None:
        contact = self._simulation.contact_center.contacts.get(contact_id)

        def answered(response: dict[str, Any] | None) -> None:
            if response is None or response["statusCode"] in {409, 429, 500, 502, 503, 504}:
                if attempt < _ATTEMPTS and not self._decide(f"{name} is given up", 2, 0.35):
                    self._simulation.after(2_000, lambda: self._hang_up(step, contact_id, attempt + 1))
            elif response["statusCode"] == 204 and contact is not None:
                self._simulation.invariants.hung_up(contact)

        name = step.name if attempt == 1 else f"{step.name}, attempt {attempt}"
        if contact is not None:
            self._simulation.invariants.hang_up_asked(contact)
            self._simulation.after(500, lambda: self._simulation.contact_center.leave(contact))
        self._request(name, "DELETE", CALL, contact_id, answered)

    def _send_digits(self, step: Step, contact_id: str, attempt: int = 1) -> None:
        digits = f"{step.name.rpartition('-')[2]}#"

        def answered(response: dict[str, Any] | None) -> None:
            contact = self._simulation.contact_center.contacts.get(contact_id)
            if response is None or response["statusCode"] in {429, 500, 502, 503, 504}:
                if attempt < _ATTEMPTS:
                    self._simulation.after(2_000, lambda: self._send_digits(step, contact_id, attempt + 1))
            elif response["statusCode"] == 204 and contact is not None:
                self._simulation.invariants.digits_sent(contact, digits)

        name = step.name if attempt == 1 else f"{step.name}, attempt {attempt}"
        self._request(
            name, "POST", f"{CALL}/digits", contact_id, answered,
            body=json.dumps({"Digits": digits}), headers={"Idempotency-Key": step.key},
        )  # fmt: skip

    def _rejoined(self, response: dict[str, Any], step: Step) -> None:
        contact = self._simulation.invariants.owned(self.user_id, json.loads(response["body"])["ContactId"])
        self._simulation.invariants.one_call(self.user_id)
        self._join(contact, step.name)

    def _read_status(self, step: Step, contact_id: str) -> None:
        invariants = self._simulation.invariants
        before = invariants.state_read_before(contact_id)

        def read(response: dict[str, Any]) -> None:
            invariants.status_read(self.user_id, contact_id, json.loads(response["body"]), before)

        self._control(step, "GET", CALL, contact_id, read)

    def _control(
        self, step: Step, method: str, resource: str, contact_id: str, done: Callable[[dict[str, Any]], None]
    ) -> None:
        def answered(response: dict[str, Any] | None) -> None:
            if response is not None and response["statusCode"] == 200:
                done(response)

        self._request(step.name, method, resource, contact_id, answered)

    def _pry(self, step: Step) -> None:
        """Requests about the calls of others."""
        for other in self._simulation.users.values():
            if other is self or not other.latest_contact_id:
                continue
            for number, (method, resource, body) in enumerate(
                (
                    ("GET", CALL, None),
                    ("DELETE", CALL, None),
                    ("POST", f"{CALL}/connection", None),
                    ("POST", f"{CALL}/digits", '{"Digits": "1"}'),
                )
            ):
                self._request(
                    f"{step.name} {number}",
                    method,
                    resource,
                    other.latest_contact_id,
                    self._not_found,
                    body=body,
                )

    def _not_found(self, response: dict[str, Any] | None) -> None:
        if response is not None and response["statusCode"] not in {404, 429, 500, 502, 503, 504}:
            self._simulation.invariants.break_(f"Another user's call was answered {response['statusCode']}")

    def _forge(self) -> None:
        """Somebody with access to Connect starts contacts with what earlier ones carried."""
        center = self._simulation.contact_center
        for contact in [each for each in center.contacts.values() if each.user == self.user_id]:
            is_used = contact.status == "verified" or self._simulation.item(self.user_id).get(
                "Reference"
            ) != {"S": contact.attributes["auth_token"]}
            forged = {"customer_id": self.user_id, "auth_token": contact.attributes["auth_token"]}
            if not is_used:
                forged["auth_token"] = "reference-0"
            center.join(center.make(forged, user=None))

    def _block(self, step: Step) -> None:
        client = self._simulation.client("dynamodb", faults={})
        until = self._simulation.now + 1_000_000
        self._simulation.blocked[self.user_id] = until
        self._simulation.functions.run(
            step.name, self.user_id, lambda: _blocked(blocks.block(client, TABLE, self.user_id, until=until))
        )

    def _request(
        self,
        name: str,
        method: str,
        resource: str,
        contact_id: str,
        answered: Callable[[dict[str, Any] | None], None],
        **parts: Any,
    ) -> None:
        """A request, whose answer can be lost on its way to the app."""

        def arrives(response: dict[str, Any] | None) -> None:
            self._simulation.note(lambda: f"{name} is answered {_told(response)}")
            if response is not None:
                self._simulation.invariants.answered(method, resource, response)
            is_lost = (
                response is not None
                and not self._simulation.is_over
                and self._decide(f"{name} is not heard", 2, self._simulation.deafness)
            )
            answered(None if is_lost else response)

        self._simulation.note(lambda: f"{name}: {self.user_id} {method} {resource} {contact_id} {parts}")
        self._simulation.functions.request(
            name, method, resource, self.user_id, arrives, contact_id=contact_id, **parts
        )

    def _decide(self, name: str, number: int, chance: float) -> int:
        return self._simulation.decide(name, number, chance)


def _blocked(_: str | None) -> None:
    """What a block returns is for its operator."""


def _told(response: dict[str, Any] | None) -> str:
    if response is None:
        return "not at all"
    body = json.loads(response["body"]) if response["body"] else {}
    return f"{response['statusCode']} {body.get('type', '').rpartition(':')[2]} {body.get('ContactId', '')}"
