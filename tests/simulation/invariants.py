"""What must hold, whatever happens: checked at each step, and once the dust has settled."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

import jsonschema_rs

from calls.record import TRANSFER_GRACE
from tests.openapi import CONTRACT, resolved
from tests.simulation.errors import BrokenError
from tests.simulation.functions import LIMITS

if TYPE_CHECKING:
    from tests.simulation.aws import Invocation
    from tests.simulation.contact_center import Contact
    from tests.simulation.simulation import Simulation

_RANKS = ["CONNECTING", "QUEUED", "CONNECTED", "ENDED"]


@cache
def _contract(resource: str, method: str, status: int) -> tuple[Any, frozenset[str], bool] | None:
    """How an answer has to be: a validator of its body or None, the headers that it must have, and whether it
    is a problem. None for a status that the contract does not have.
    """
    response = CONTRACT["paths"][resource][method.lower()]["responses"].get(str(status))
    if response is None:
        return None
    response = resolved(response)
    required = {
        name.lower() for name, header in response.get("headers", {}).items() if resolved(header)["required"]
    }
    content = response.get("content", {})
    for media_type in ("application/problem+json", "application/json"):
        if media_type in content:
            schema = {**content[media_type]["schema"], "components": CONTRACT["components"]}
            validator = jsonschema_rs.validator_for(schema)
            return validator, frozenset(required), media_type == "application/problem+json"
    return None, frozenset(required), False


@dataclass
class _Kept:
    """What is known of one contact, or of the call that it began."""

    answered_at: int | None = None
    """When an app was answered with it first."""
    hang_up_at: int | None = None
    """When its user first asked to hang up."""
    hung_up: bool = False
    """Whether that was answered as done."""
    stopped_by: Invocation | None = None
    """Whose request stopped it."""
    flow: Invocation | None = None
    lost: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    rank: int = 0


class Invariants:
    """Watches a simulation. Raises `BrokenError`."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._kept: dict[str, _Kept] = {}
        self._answers: dict[tuple[str, str], list[tuple[int, str]]] = {}
        self._claims: dict[str, list[tuple[int, str]]] = {}
        self._typed: Counter[tuple[str, str]] = Counter()
        self._verified: dict[str, str] = {}
        self._started: dict[str, list[int]] = {}

    def kept(self, contact: Contact) -> _Kept:
        """What is known of the call that a contact is part of."""
        return self._kept.setdefault(contact.call.contact_id, _Kept())

    # What the users are answered.

    def answered(self, method: str, resource: str, response: dict[str, Any]) -> None:
        """Every answer is within the contract."""
        status, headers = (
            response["statusCode"],
            {name.lower(): value for name, value in response["headers"].items()},
        )
        known = _contract(resource, method, status)
        if known is None:
            self.break_(f"{method} {resource} has no answer {status} in the contract")
        validator, required, is_problem = known
        if missing := required - headers.keys():
            self.break_(f"The answer {status} lacks {', '.join(missing)}")
        if validator is None:
            if response["body"]:
                self.break_(f"The answer {status} has no body in the contract")
            return
        body = json.loads(response["body"])
        if not validator.is_valid(body):
            self.break_(f"The body of the answer {status} is not that of the contract")
        if is_problem and body["status"] != status:
            self.break_(f"A problem says {body['status']}, its answer {status}")

    def call_answered(self, user: str, key: str, response: dict[str, Any]) -> Contact:
        """A start was answered with a call: of the user, the same for the same key, and the only one."""
        body = json.loads(response["body"])
        contact = self.owned(user, body["ContactId"])
        self._credentials(contact, body)
        now = self._simulation.now
        earlier = self._answers.setdefault((user, key), [])
        for moment, contact_id in earlier:
            # openapi.yaml: until the user starts another call with another key, be it one that fails.
            is_kept = now - moment < LIMITS.replay_seconds * 1000 and not any(
                claimed_at >= moment and other != key for claimed_at, other in self._claims.get(user, ())
            )
            if is_kept and contact_id != contact.contact_id:
                self.break_(f"The key {key} has two calls, {contact_id} and {contact.contact_id}")
        is_new = contact.contact_id not in {contact_id for _, contact_id in earlier}
        if is_new:
            earlier.append((contact.started_at, contact.contact_id))
        kept = self.kept(contact)
        self._check_not_cut(contact, kept, response["statusCode"])
        if kept.answered_at is None:
            kept.answered_at = now
            starts = self._started.setdefault(user, [])
            starts.append(contact.started_at)
            for rate in LIMITS.rates:
                within = [start for start in starts if contact.started_at - rate.seconds * 1000 < start]
                # A start that was repeated after a crash began some time before its contact.
                if len(within) > rate.calls + 1:
                    self.break_(f"{user} has started {len(within)} calls within {rate.seconds} s")
        self.one_call(user)
        return contact

    def _check_not_cut(self, contact: Contact, kept: _Kept, status: int) -> None:
        """No start is answered with a call that another function has cut meanwhile."""
        cutter = kept.stopped_by
        if status == 201 and cutter is not None and not cutter.faults and kept.hang_up_at is None:
            self.break_(f"{contact.contact_id} was cut ({cutter.name}) while it was being started")

    def _credentials(self, contact: Contact, body: dict[str, Any]) -> None:
        if body["ContactId"] != contact.contact_id or not self._simulation.contact_center.speaks(
            contact, body["ParticipantToken"]
        ):
            self.break_("The credentials are of another call")

    def owned(self, user: str, contact_id: str) -> Contact:
        """A contact that `user` was named is one of theirs."""
        contact = self._simulation.contact_center.contacts.get(contact_id)
        if contact is None or contact.user != user:
            self.break_(f"{user} was named {contact_id}, which is not theirs")
        return contact

    def one_call(self, user: str) -> None:
        """A user has at most one call that an app was answered with and that goes on."""
        going_on = [
            contact
            for contact in self._calls_of(user)
            if contact.is_live
            and self.kept(contact).answered_at is not None
            and not self._may_be_double(contact)
        ]
        if len(going_on) > 1:
            self.break_(
                f"{user} has {len(going_on)} calls at once: {', '.join(c.contact_id for c in going_on)}"
            )

    def _calls_of(self, user: str | None) -> list[Contact]:
        """The contacts that the calls of a user began with."""
        contacts = self._simulation.contact_center.contacts.values()
        return [contact for contact in contacts if contact.user == user and contact.first is None]

    def _may_be_double(self, contact: Contact) -> bool:
        """A call whose transfer became known too late, or which has lasted longer than any may."""
        if self._simulation.now - contact.started_at > LIMITS.max_call_seconds * 1000:
            return True
        return contact.following is not None and not self._transfer_was_known(contact)

    def _transfer_was_known(self, contact: Contact) -> bool:
        """Whether the events of a transfer came in time."""
        record = self._simulation.item(contact.user)
        legs = record.get("Legs", {"M": {}})["M"] if record else {}
        return contact.last.contact_id in legs

    def state_read_before(self, contact_id: str) -> int:
        """The furthest state that a user has been answered, by its place in the order of states."""
        contact = self._simulation.contact_center.contacts.get(contact_id)
        return 0 if contact is None else self.kept(contact).rank

    def status_read(self, user: str, contact_id: str, body: dict[str, Any], before: int) -> None:
        """A state never goes back from one that was answered before this was asked, but from the end of a
        contact that was transferred."""
        contact = self.owned(user, contact_id)
        rank = _RANKS.index(body["State"])
        if rank < before and not (before == 3 and contact.following is not None):
            self.break_(f"The state of {contact_id} went back from {_RANKS[before]} to {body['State']}")
        kept = self.kept(contact)
        kept.rank = rank if rank < before else max(rank, kept.rank)

    def hang_up_asked(self, contact: Contact) -> None:
        """From now on the call may end."""
        kept = self.kept(contact)
        kept.hang_up_at = kept.hang_up_at or self._simulation.now

    def hung_up(self, contact: Contact) -> None:
        """The answer to a hang-up: the contact is over, but for what a transfer began."""
        self.kept(contact).hung_up = True
        if contact.ended_at is None:
            self.break_(f"{contact.contact_id} goes on although its hang-up was answered")

    # What the functions do to calls.

    def contact_started(self, contact: Contact, parameters: dict[str, Any]) -> None:
        """A contact is for the user whose request it was."""
        invocation = self._simulation.invocation_or_none
        if invocation is not None and invocation.user != contact.user:
            self.break_(f"{invocation.user}'s request started a contact for {contact.user}")
        for other in self._calls_of(contact.user):
            # Of its first transfer: a second one can be of a contact that became known too late.
            since = self._simulation.now - (other.ended_at or 0)
            is_asked_to_end = self.kept(other).hang_up_at is not None
            is_transferred = other.following is not None and other.is_live and not is_asked_to_end
            if is_transferred and since < TRANSFER_GRACE:
                self.break_(f"{contact.user} calls a second time while {other.contact_id} is transferred")
        if parameters["ParticipantDetails"]["DisplayName"] != contact.user:
            self.break_("A contact has another's name")

    def touched(self, contact: Contact, how: str) -> None:
        """Nobody else's call is ever touched."""
        invocation = self._simulation.invocation_or_none
        if contact.user is None or (
            invocation is not None and invocation.user is not None and invocation.user != contact.user
        ):
            self.break_(f"{contact.contact_id} was touched ({how}) for somebody else")

    def contact_stopped(self, contact: Contact) -> None:
        """No call is cut that its caller was answered with, unless the caller or a failure had it."""
        invocation = self._simulation.invocation_or_none
        kept = self.kept(contact)
        kept.stopped_by = invocation
        if kept.answered_at is None or kept.hang_up_at is not None or invocation is None or invocation.faults:
            return
        if self._simulation.is_blocked(contact.user):
            return
        record = self._simulation.item(contact.user)
        if record.get("ContactId") == {"S": contact.contact_id} and "EndedAt" not in record:
            self.break_(f"{contact.contact_id} was cut while it went on")

    def digits_typed(self, contact: Contact, digits: str) -> None:
        """Digits are typed once for each key press."""
        self._typed[contact.contact_id, digits] += 1
        if self._typed[contact.contact_id, digits] > 1:
            self.break_(f"The digits {digits} were typed twice into {contact.contact_id}")

    def digits_sent(self, contact: Contact, digits: str) -> None:
        """The answer to digits: they are typed."""
        if not self._typed[contact.contact_id, digits]:
            self.break_(f"The digits {digits} were not typed into {contact.contact_id}")

    # Who is proved.

    def flow_asked(self, contact: Contact, invocation: Invocation) -> None:
        """A contact's flow asks who calls."""
        self.kept(contact).flow = invocation

    def flow_answered(self, contact: Contact, answer: dict[str, str]) -> None:
        """Nobody is verified who was not proved; who is, in a call that goes on, is verified."""
        if answer["auth_status"] == "verified":
            if contact.user is None or answer["customer_id"] != contact.user:
                self.break_(f"{contact.contact_id} was verified as {answer.get('customer_id')}")
            if answer["customer_email"] != f"{contact.user}@example.com":
                self.break_("A contact was verified with another's claims")
            reference = contact.attributes["auth_token"]
            if self._verified.setdefault(reference, contact.contact_id) != contact.contact_id:
                self.break_("One reference has verified two contacts")
            return
        if contact.user is None:
            return
        kept = self.kept(contact)
        flow = kept.flow
        is_undisturbed = flow is not None and not flow.faults and contact.ended_at is None
        record = self._simulation.item(contact.user)
        is_current = record.get("ContactId") == {"S": contact.contact_id} and "EndedAt" not in record
        in_time = int(record["ReferenceUntil"]["N"]) > self._simulation.now
        if is_undisturbed and is_current and in_time:
            self.break_(
                f"{contact.contact_id} is its caller's call, and was answered {answer['auth_status']}"
            )

    # What the table and the queue hold.

    def written(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        """A record changes in one direction, and another call takes its place only when it is over."""
        now = self._simulation.now
        if "Reference" in after and before.get("Reference") != after["Reference"]:
            self._claims.setdefault(after["UserId"]["S"], []).append((now, after["IdempotencyKey"]["S"]))
        if "Reference" not in before or "Reference" not in after:
            return
        if before["Reference"] != after["Reference"]:
            is_free = "EndedAt" in before and _number(before, "FreeAt") <= now
            if not is_free and _number(before, "SlotUntil") > now:
                self.break_("A call took the place of one that goes on")
            if "EndedAt" not in before and "Answer" not in before:
                self.break_("A call took the place of a start that crashed and was not cleared away")
            return
        self._check_same_call(before, after)
        self._check_start(before, after)

    def _check_same_call(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        for name in ("Answer", "ContactId", "CallId", "HungUp", "QueuedAt", "ConnectedAt"):
            if name in before and name not in after:
                self.break_(f"{name} was taken back")
        for name in ("ContactId", "CallId"):
            if name in before and before[name] != after[name]:
                self.break_(f"{name} changed")
        for name in ("QueuedAt", "ConnectedAt"):
            if name in before and _number(before, name) < _number(after, name):
                self.break_(f"{name} became later")
        if "EndedAt" in before and "EndedAt" not in after and "EndedBy" not in before:
            self.break_("A call that the backend had ended goes on")
        legs, legs_after = (item.get("Legs", {"M": {}})["M"] for item in (before, after))
        if any(
            leg not in legs_after or (ended != {"N": "0"} and legs_after[leg] == {"N": "0"})
            for leg, ended in legs.items()
        ):
            self.break_("The end of a contact was forgotten")

    def _check_start(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        """A start belongs to one function at a time, and an answer is its end."""
        invocation = self._simulation.invocation_or_none
        function = "" if invocation is None else invocation.function
        is_leased = _number(before, "SlotUntil") > self._simulation.now
        is_ended = "EndedAt" in after and "EndedAt" not in before and "EndedBy" not in after
        if "Answer" in before:
            if is_ended and function in {"start_call", "contact_events"}:
                self.break_(f"{function} ended a call that had been answered")
        elif "Answer" in after:
            if "EndedAt" in before:
                self.break_("A start was answered that had ended")
        elif is_ended and function == "contact_events":
            if is_leased:
                self.break_("A start was given up while its function may run")
        elif is_leased and before["SlotUntil"] != after["SlotUntil"]:
            self.break_("A start was taken over while its function may run")

    def event_lost(self, contact: Contact, event_type: str) -> None:
        """An event that never comes to the function, or only in vain."""
        self.kept(contact).lost[f"{contact.contact_id} {event_type}"] += 1

    def event_taken(self, contact: Contact, event_type: str) -> None:
        """An event that the function is done with."""
        self.kept(contact).taken[f"{contact.contact_id} {event_type}"] += 1
        record = self._simulation.item(contact.user)
        is_latest = record.get("ContactId") == {"S": contact.call.contact_id}
        if contact.first is not None and contact.ended_at is None and is_latest and "EndedBy" in record:
            self.break_(f"The record has the call ended that goes on as {contact.contact_id}")

    # In the end.

    def check_settled(self) -> None:
        """When all retries are over: nothing goes on that nobody can join or end."""
        for contact in self._simulation.contact_center.contacts.values():
            if contact.user is not None and contact.ended_at is None and contact.first is None:
                self._check_live(contact)

    def _check_live(self, contact: Contact) -> None:
        kept = self.kept(contact)
        if contact.flow_at is None or contact.queued_at is None:
            return  # rings nowhere: its customer never came, and Connect ends it
        record = self._simulation.item(contact.user)
        if (
            record.get("ContactId") == {"S": contact.contact_id}
            and "EndedAt" not in record
            and "Answer" in record
        ):
            return
        # Nobody can know of a contact whose start died, whose flow had no answer and which no event tells of.
        progress = f"{contact.contact_id} QUEUED", f"{contact.contact_id} CONNECTED_TO_AGENT"
        has_failed = kept.flow is not None and kept.flow.faults
        if has_failed or not any(kept.taken[name] for name in progress):
            return
        self.break_(f"{contact.contact_id} rings on although nobody can join it")

    def check_records(self) -> None:
        """When every contact has ended and every event has come: no record says that a call goes on."""
        contacts = self._simulation.contact_center.contacts
        for user in self._simulation.users:
            record = self._simulation.item(user)
            contact = contacts.get(record.get("ContactId", {"S": ""})["S"])
            if contact is None or "Answer" not in record:
                continue
            kept = self.kept(contact)
            if any(kept.lost.values()):
                continue
            if "EndedAt" not in record:
                self.break_(f"The record of {user} holds on to {contact.contact_id}, which has ended")
            if contact.following is None:
                for name, moment in (("QueuedAt", contact.queued_at), ("ConnectedAt", contact.connected_at)):
                    if moment is not None and _number(record, name) != moment:
                        self.break_(f"{name} of {contact.contact_id} is not what its events say")

    def check_new_call(self, user: str, response: dict[str, Any] | None) -> None:
        """In the end every user can call again."""
        if response is None or response["statusCode"] != 201:
            status = response and response["statusCode"]
            body = response and response["body"]
            self.break_(f"{user} cannot call any more: {status} {body}")

    def break_(self, what: str) -> NoReturn:
        """Ends the simulation."""
        raise BrokenError(what)


def _number(item: dict[str, Any], name: str) -> int:
    return int(item[name]["N"]) if name in item else 0
