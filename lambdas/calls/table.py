"""The table of calls: one item per user, each change one conditional write."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from runtime import aws
from runtime.telemetry import traced

from calls.errors import CallerBlocked
from calls.record import NATIVE_TRANSPORT, Call, QueuedContact, Rate

_Item = Mapping[str, Any]

# A finished call's times and credentials must not show through into the next one.
_LEFT_BY_EARLIER_CALL = (
    "BlockedUntil, CallId, ContactId, Answer, ReplayUntil, QueuedAt, WaitsIn, ConnectedAt, EndedAt, EndedBy,"
    " FreeAt, HungUp, Legs, Reasons, ConnectionToken, ConnectionTokenUntil"
)

# The official sample repeats a failed start at once, twice at most: the contacts of two may still be on their
# way to the flow when the third has taken the record.
_REMEMBER_ABANDONED = (
    "AbandonedReference = #Reference, AbandonedBefore = if_not_exists(AbandonedReference, :none)"
)

CONTACT_INDEX = "ByContactId"
"""The index from a contact to its user."""

_TOKEN = ("ConnectionToken", "ConnectionTokenUntil")
_CONNECT = "CONNECT"
_CONDITION_NOT_MET = frozenset({"ConditionalCheckFailedException"})


class CallTable:
    """Reads and writes `Call`s in DynamoDB.

    Every method raises `CapacityReached`, `Unavailable`, `TimedOut`, `AnswerIncomplete` or
    `ConfigurationFault` when DynamoDB fails. A write that botocore repeats after a lost answer does no harm:
    it recognises its own earlier effect, sets the same values again, or takes itself for somebody faster.
    Then a crashed start waits for one lease more, and the metrics of a call that has just ended are not
    counted.
    """

    def __init__(self, client: Any, table: str, *, retention_seconds: int = 0) -> None:
        """`client` is a botocore DynamoDB client, `table` the table's name.

        `retention_seconds` is how long an item outlives its last change before the time to live removes it.
        """
        self._client = client
        self._table = table
        self._retention_seconds = retention_seconds

    @traced
    @aws.reads_answer
    def claim(self, call: Call, rates: Sequence[Rate], *, cleared: str = "") -> Call | None:
        """Gives the user's slot to `call`: idempotency, one active call, all `rates` and the operator's block
        in one write.

        Returns None when `call` has the slot now, else the record that stands in the way: also that of a
        failed start, whose contact may go on, but not of the one with the reference `cleared`, whose contact
        has been stopped. Raises `CallerBlocked` too.
        """
        now = call.started_at
        previous = _previous(call)
        within_rates = " AND ".join(
            f"(attribute_not_exists(Starts[{rate.calls - 1}]) OR Starts[{rate.calls - 1}] <= :since_{number})"
            for number, rate in enumerate(rates)
        )
        try:
            self._update(
                call.user_id,
                "SET StartedAt = :now, IdempotencyKey = :key, RequestHash = :hash, #Reference = :reference,"
                " ReferenceUntil = :reference_until, #Context = :context, SlotUntil = :slot_until,"
                " #Transport = :transport, DisplayName = :display_name, #Capabilities = :capabilities,"
                " Starts = list_append(:start, if_not_exists(Starts, :no_starts)), ExpiresAt = :expires"
                + (", Previous = :previous" if previous else "")
                + f" REMOVE {_LEFT_BY_EARLIER_CALL}"
                + ("" if previous else ", Previous"),
                "(attribute_not_exists(BlockedUntil) OR BlockedUntil <= :now)"
                # A request of this claim that timed out can arrive when its start has long been abandoned.
                " AND (attribute_not_exists(#Reference) OR (#Reference <> :reference AND"
                # The slot is free, or was never given back by a call that ended long ago. A crashed start is
                # not free: its contact may exist and must be found first.
                " ((attribute_exists(EndedAt) AND (attribute_not_exists(FreeAt) OR FreeAt <= :now)"
                # `Call.is_failed_start`.
                " AND (attribute_exists(Answer) OR attribute_not_exists(ContactId)"
                " OR #Reference = :cleared))"
                " OR (SlotUntil <= :now AND attribute_exists(Answer)))"
                " AND NOT (IdempotencyKey = :key AND ReplayUntil > :now)"
                f" AND {within_rates}))",
                {
                    ":now": _number(now),
                    ":key": {"S": call.idempotency_key},
                    ":hash": {"S": call.request_hash},
                    ":reference": {"S": call.reference},
                    ":cleared": {"S": cleared},
                    ":reference_until": _number(call.reference_until),
                    ":context": _map(call.context),
                    ":slot_until": _number(call.slot_until),
                    ":transport": {"S": call.transport},
                    ":display_name": {"S": call.display_name},
                    ":capabilities": {"L": [{"S": name} for name in call.capabilities]},
                    ":start": {"L": [_number(now)]},
                    ":no_starts": {"L": []},
                    **{
                        f":since_{number}": _number(now - rate.seconds * 1000)
                        for number, rate in enumerate(rates)
                    },
                    ":expires": self._expiry(now),
                    **({":previous": previous} if previous else {}),
                },
                names={f"#{name}": name for name in ("Capabilities", "Context", "Reference", "Transport")},
            )
        except _ConditionNotMet as not_met:
            if _blocked_until(not_met.item) > now:
                raise CallerBlocked from None
            standing = _to_call(not_met.item)
            # The write arrived, its answer was lost, and botocore repeated it.
            return None if standing.reference == call.reference else standing
        return None

    @traced
    @aws.reads_answer
    def take_over(self, crashed: Call, *, slot_until: int, reference_until: int) -> Call | None:
        """Renews the lease of a crashed start, so that it is repeated as the same contact.

        Returns the call as it is then, or None when another request was faster.
        """
        try:
            item = self._update_referenced(
                crashed.user_id,
                crashed.reference,
                "SET SlotUntil = :slot_until, ReferenceUntil = :reference_until",
                "SlotUntil = :old_slot_until AND attribute_not_exists(Answer)"
                " AND attribute_not_exists(EndedAt)",
                {
                    ":old_slot_until": _number(crashed.slot_until),
                    ":slot_until": _number(slot_until),
                    ":reference_until": _number(reference_until),
                },
                returned="ALL_NEW",
            )
        except _ConditionNotMet:
            return None
        return _to_call(item)

    @traced
    @aws.reads_answer
    def store_answer(self, call: Call, rates: Sequence[Rate]) -> bool:
        """Stores the call's ids, its answer and their times; False when the call is no longer the user's.

        It is not when it ended meanwhile, when the user was blocked meanwhile, or when its reference was
        presented by another contact. A contact that `call` does not have is left as `bind` stores it.
        """
        ids = {"CallId": call.call_id, "ContactId": call.contact_id}
        known = {name: {"S": value} for name, value in ids.items() if value is not None}
        return self._update_call(
            call,
            f"SET {''.join(f'{name} = :{name}, ' for name in known)}Answer = :answer,"
            " ReplayUntil = :replay_until, ReferenceUntil = :reference_until, SlotUntil = :slot_until,"
            f" ExpiresAt = :expires REMOVE {_old_starts(rates)}",
            "attribute_not_exists(EndedAt) AND attribute_not_exists(BlockedUntil)"
            + "".join(f" AND (attribute_not_exists({name}) OR {name} = :{name})" for name in known),
            {
                **{f":{name}": value for name, value in known.items()},
                ":answer": {"S": call.answer},
                ":replay_until": _number(call.replay_until),
                ":reference_until": _number(call.reference_until),
                ":slot_until": _number(call.slot_until),
                ":expires": self._expiry(call.slot_until),
            },
        )

    @traced
    @aws.reads_answer
    def end(self, call: Call, now: int, *, hung_up: bool = False) -> None:
        """Marks `call` as ended, by its caller if `hung_up`; frees the slot and removes the token for digits.

        No later event of Connect takes this end back, also where one of Connect came first. Nothing happens
        when it is no longer the user's call, or was marked before.
        """
        self._update_call(
            call,
            "SET EndedAt = if_not_exists(EndedAt, :now)"
            + (", HungUp = :hung_up" if hung_up else "")
            + " REMOVE EndedBy, FreeAt, ConnectionToken, ConnectionTokenUntil",
            "(attribute_not_exists(EndedAt) OR attribute_exists(EndedBy))",
            {":now": _number(now), **({":hung_up": _number(now)} if hung_up else {})},
        )

    @traced
    @aws.reads_answer
    def abandon(self, call: Call, now: int, *, counted: Sequence[Rate] = ()) -> Call | None:
        """Ends a start that was never answered; its contact, if known, stays known to events and operators.

        It is not counted for the user's rates, but for those in `counted`, all or none of them: of a start
        that Connect refused.

        Returns the call as it is then, or None when it is no longer the user's. It goes on, untouched, when
        it has an answer: that was written though its writer may have had no confirmation, and may have been
        replayed since.
        """
        values = {":now": _number(now), ":none": {"S": ""}}
        sets = f"EndedAt = :now, {_REMEMBER_ABANDONED}"
        if call.contact_id is not None:
            sets += ", ContactId = if_not_exists(ContactId, :contact)"
            values[":contact"] = {"S": call.contact_id}
        if counted:
            sets += ", RefusedBefore = if_not_exists(RefusedAt, :never), RefusedAt = :now"
            values[":never"] = _number(0)
        try:
            item = self._update_referenced(
                call.user_id,
                call.reference,
                f"SET {sets} REMOVE {_old_starts(counted) if counted else 'Starts[0]'}",
                "attribute_not_exists(EndedAt) AND attribute_not_exists(Answer)",
                values,
                returned="ALL_NEW",
            )
        except _ConditionNotMet as not_met:
            item = not_met.item
            if item.get("Reference") != {"S": call.reference}:
                return None
        return _to_call(item)

    @traced
    @aws.reads_answer
    def give_up(self, call: Call, now: int) -> bool:
        """Ends a start that was never answered, unless a request has taken it over meanwhile."""
        return self._update_call(
            call,
            f"SET EndedAt = :now, {_REMEMBER_ABANDONED}",
            "SlotUntil = :slot_until AND attribute_not_exists(Answer) AND attribute_not_exists(EndedAt)",
            {":slot_until": _number(call.slot_until), ":now": _number(now), ":none": {"S": ""}},
        )

    @traced
    @aws.reads_answer
    def find(self, user_id: str, now: int) -> Call | None:
        """The user's latest call; None when there was none, or when its record has expired."""
        answer = self._call(
            "GetItem", TableName=self._table, Key={"UserId": {"S": user_id}}, ConsistentRead=True
        )
        item: _Item | None = answer.get("Item")
        # DynamoDB removes an expired item within days. One without a call only holds a block.
        if item is None or "Reference" not in item or int(item["ExpiresAt"]["N"]) <= now // 1000:
            return None
        return _to_call(item)

    @traced
    @aws.reads_answer
    def find_user(self, contact_id: str) -> str | None:
        """The user whose latest call a contact is; None when there is none, or became so a moment ago."""
        answer = self._call(
            "Query",
            TableName=self._table,
            IndexName=CONTACT_INDEX,
            KeyConditionExpression="ContactId = :contact",
            ExpressionAttributeValues={":contact": {"S": contact_id}},
        )
        user_id: str | None = next((item["UserId"]["S"] for item in answer.get("Items") or ()), None)
        return user_id

    @traced
    @aws.reads_answer
    def store_events(self, before: Call, after: Call) -> bool:
        """Stores what events have changed; False when the record is no longer as in `before`."""
        stored = _event_attributes(before)
        changed = _event_attributes(after)
        values: dict[str, Any] = {f":new{name}": value for name, value in changed.items()}
        conditions = []
        for name in ("EndedAt", "EndedBy", "QueuedAt", "WaitsIn", "ConnectedAt", "Legs", "Reasons"):
            if name in stored:
                conditions.append(f"{name} = :old{name}")
                values[f":old{name}"] = stored[name]
            else:
                conditions.append(f"attribute_not_exists({name})")
        sets = ", ".join(f"{name} = :new{name}" for name in changed)
        removes = [name for name in stored if name not in changed]
        if after.ended_at is not None:
            removes += _TOKEN
        update = f"SET {sets}" + (f" REMOVE {', '.join(removes)}" if removes else "")
        return self._update_call(before, update, " AND ".join(conditions), values)

    @traced
    @aws.reads_answer
    def store_connection(self, call: Call, answer: str) -> bool:
        """Stores the answer of a rejoin; False when the call has ended or is no longer the user's."""
        return self._update_call(
            call,
            "SET Answer = :answer REMOVE ConnectionToken, ConnectionTokenUntil",
            # Nor is it over while Connect may have transferred it.
            "(attribute_not_exists(EndedAt) OR attribute_exists(FreeAt))",
            {":answer": {"S": answer}},
        )

    @traced
    @aws.reads_answer
    def store_connection_token(self, call: Call, token: str, until: int) -> None:
        """Keeps a token for later digits, unless its participant was replaced meanwhile."""
        self._update_call(
            call,
            "SET ConnectionToken = :token, ConnectionTokenUntil = :until",
            "Answer = :answer",
            {":answer": {"S": call.answer}, ":token": {"S": token}, ":until": _number(until)},
        )

    @traced
    @aws.reads_answer
    def bind(self, user_id: str, reference: str, contact_id: str, now: int) -> Call | None:
        """Binds a reference to the contact that presents it, once.

        Returns the call when the reference is this user's, unexpired, and was bound to no other contact: also
        after an event of Connect has ended it, for the contact that it was bound to, since events may come
        before that of a transfer, and whoever asks lives. A call that the backend has ended is returned too,
        unbound, with its `ended_at` and not `ended_by_connect`. So is the user's latest call, as one of
        those, where the reference is that of a start that was abandoned shortly before it. Otherwise None.
        """
        try:
            item = self._update_referenced(
                user_id,
                reference,
                "SET ContactId = :contact",
                "ReferenceUntil > :now"
                " AND ((attribute_not_exists(EndedAt) AND attribute_not_exists(ContactId))"
                " OR (ContactId = :contact AND (attribute_not_exists(EndedAt) OR EndedBy = :connect)))",
                {":contact": {"S": contact_id}, ":now": _number(now), ":connect": {"S": _CONNECT}},
                returned="ALL_NEW",
            )
        except _ConditionNotMet as not_met:
            if "Reference" not in not_met.item:
                return None
            call = _to_call(not_met.item)
            abandoned = [not_met.item.get(name) for name in ("AbandonedReference", "AbandonedBefore")]
            if {"S": reference} in abandoned:
                return replace(call, ended_at=call.ended_at or now, ended_by_connect=False)
            if call.reference != reference or call.ended_at is None:
                return None
            if call.contact_id is None:
                # What has ended before it came to a contact has nobody to talk to, whoever ended it.
                return replace(call, ended_by_connect=False)
            return call if call.contact_id == contact_id and not call.ended_by_connect else None
        return _to_call(item)

    def _expiry(self, last_use: int) -> dict[str, str]:
        """The value of `ExpiresAt`, DynamoDB's time to live in seconds since the epoch."""
        return _number(last_use // 1000 + self._retention_seconds)

    def _update_call(self, call: Call, update: str, condition: str, values: Mapping[str, Any]) -> bool:
        """Updates the user's item if it is still that of `call` and meets the condition; False if not."""
        try:
            self._update_referenced(call.user_id, call.reference, update, condition, values)
        except _ConditionNotMet:
            return False
        return True

    def _update_referenced(
        self,
        user_id: str,
        reference: str,
        update: str,
        condition: str,
        values: Mapping[str, Any],
        *,
        returned: str = "NONE",
    ) -> _Item:
        """Updates the user's item if it has the reference and meets the condition."""
        return self._update(
            user_id,
            update,
            f"#Reference = :reference AND {condition}",
            {":reference": {"S": reference}, **values},
            names={"#Reference": "Reference"},
            returned=returned,
        )

    def _update(
        self,
        user_id: str,
        update: str,
        condition: str,
        values: Mapping[str, Any],
        *,
        names: Mapping[str, str],
        returned: str = "NONE",
    ) -> _Item:
        """Updates the user's item and returns what DynamoDB's `ReturnValues` says. Raises `_ConditionNotMet`.

        To parse an item that nobody reads takes a thirtieth of a warm request.
        """
        answer = self._call(
            "UpdateItem",
            TableName=self._table,
            Key={"UserId": {"S": user_id}},
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            ReturnValues=returned,
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        item: _Item = answer.get("Attributes") or {}
        return item

    def _call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        try:
            return aws.call(self._client, operation, expected_errors=_CONDITION_NOT_MET, **parameters)
        except aws.ExpectedError as error:
            raise _ConditionNotMet(error.answer.get("Item", {})) from None


class _ConditionNotMet(Exception):
    """A conditional write that was refused; `item` is the item that stood against it."""

    def __init__(self, item: _Item) -> None:
        super().__init__()
        self.item = item


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _map(texts: Mapping[str, str]) -> dict[str, Any]:
    return {"M": {name: {"S": text} for name, text in texts.items()}}


def _previous(call: Call) -> dict[str, Any] | None:
    """The call that `call` continues."""
    if call.previous_id is None:
        return None
    texts = {"Id": call.previous_id, "ContactId": call.related_contact_id}
    return {
        "M": {
            "EndedAt": _number(call.previous_ended_at or 0),
            **{name: {"S": text} for name, text in texts.items() if text is not None},
        }
    }


def _old_starts(rates: Sequence[Rate]) -> str:
    """What to remove of the list of starts, which grows by one in each claim: what no rate looks at any more,
    with room for starts that crashed before they came this far.
    """
    most = max(rate.calls for rate in rates)
    return ", ".join(f"Starts[{most + extra}]" for extra in range(3))


def _to_call(item: _Item) -> Call:
    def text(name: str) -> str | None:
        value: str | None = item[name]["S"] if name in item else None
        return value

    def number(name: str) -> int | None:
        return int(item[name]["N"]) if name in item else None

    previous = item.get("Previous", {"M": {}})["M"]
    return Call(
        user_id=item["UserId"]["S"],
        started_at=int(item["StartedAt"]["N"]),
        idempotency_key=item["IdempotencyKey"]["S"],
        request_hash=item["RequestHash"]["S"],
        reference=item["Reference"]["S"],
        reference_until=int(item["ReferenceUntil"]["N"]),
        context={name: value["S"] for name, value in item["Context"]["M"].items()},
        slot_until=int(item["SlotUntil"]["N"]),
        starts=[int(start["N"]) for start in item["Starts"]["L"]],
        transport=text("Transport") or NATIVE_TRANSPORT,
        call_id=text("CallId"),
        contact_id=text("ContactId"),
        answer=text("Answer"),
        replay_until=number("ReplayUntil") or 0,
        display_name=text("DisplayName") or "",
        capabilities=[name["S"] for name in item.get("Capabilities", {"L": []})["L"]],
        queued_at=number("QueuedAt"),
        queued=_to_queued(item),
        connected_at=number("ConnectedAt"),
        ended_at=number("EndedAt"),
        ended_by_connect=text("EndedBy") == _CONNECT,
        legs={leg: int(ended["N"]) for leg, ended in item.get("Legs", {"M": {}})["M"].items()},
        reasons={leg: reason["S"] for leg, reason in item.get("Reasons", {"M": {}})["M"].items()},
        hung_up="HungUp" in item,
        previous_id=previous["Id"]["S"] if previous else None,
        previous_ended_at=int(previous["EndedAt"]["N"]) if previous else None,
        related_contact_id=previous["ContactId"]["S"] if "ContactId" in previous else None,
        refused_before=number("RefusedBefore") or 0,
        connection_token=text("ConnectionToken"),
        connection_token_until=number("ConnectionTokenUntil") or 0,
        blocked_until=_blocked_until(item),
    )


def _to_queued(item: _Item) -> QueuedContact | None:
    if "WaitsIn" not in item:
        return None
    members = item["WaitsIn"]["M"]
    return QueuedContact(int(members["At"]["N"]), members["QueueArn"]["S"], members["ContactId"]["S"])


def _blocked_until(item: _Item) -> int:
    return int(item["BlockedUntil"]["N"]) if "BlockedUntil" in item else 0


def _event_attributes(call: Call) -> dict[str, Any]:
    """The attributes that events change, where they have a value."""
    times = {"QueuedAt": call.queued_at, "ConnectedAt": call.connected_at, "EndedAt": call.ended_at}
    attributes: dict[str, Any] = {name: _number(value) for name, value in times.items() if value is not None}
    if call.ended_by_connect:
        attributes["EndedBy"] = {"S": _CONNECT}
    if call.queued is not None:
        attributes["WaitsIn"] = {
            "M": {
                "At": _number(call.queued.at),
                "QueueArn": {"S": call.queued.queue_arn},
                "ContactId": {"S": call.queued.contact_id},
            }
        }
    if call.legs:
        attributes["Legs"] = {"M": {leg: _number(ended) for leg, ended in call.legs.items()}}
    if call.reasons:
        attributes["Reasons"] = {"M": {leg: {"S": reason} for leg, reason in call.reasons.items()}}
    if call.free_at != call.ended_at:
        attributes["FreeAt"] = _number(call.free_at or 0)
    return attributes
