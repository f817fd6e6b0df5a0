"""One simulated course of calls over the bridge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from tests.lambdas.fake_dynamodb import FakeDynamoDb
from tests.lambdas.sip_bridge.backend import BRIDGED_TABLE
from tests.simulation.aws import Service
from tests.simulation.simulation import SERVICES, Simulation
from tests.simulation.sip_bridge.contact_center import BridgedContactCenter
from tests.simulation.sip_bridge.functions import BridgedFunctions
from tests.simulation.sip_bridge.invariants import BridgedInvariants
from tests.simulation.sip_bridge.users import BridgedUser

_INDEX_LAGS = (0, 30, 400, 1_000)  # milliseconds


def _meetings(read_timeout: int) -> Service:
    return Service(
        name="chime-sdk-meetings",
        operations=("CreateMeetingWithAttendees", "DeleteMeeting", "GetAttendee", "CreateAttendee"),
        read_timeout=read_timeout,
        lacks_members=True,
        facts=frozenset(
            (operation, "NotFoundException")
            for operation in ("DeleteMeeting", "GetAttendee", "CreateAttendee")
        ),
    )


def _voice(attempts: int) -> Service:
    return Service(
        name="chime-sdk-voice",
        operations=("CreateSipMediaApplicationCall", "UpdateSipMediaApplicationCall"),
        read_timeout=4000,
        attempts=attempts,
        lacks_members=True,
        facts=frozenset({("UpdateSipMediaApplicationCall", "NotFoundException")}),
    )


class BridgedSimulation(Simulation):
    """Everything of one course, in a deployment with the bridge."""

    services: ClassVar[Mapping[str, Service]] = {
        **SERVICES,
        "meetings": _meetings(2000),
        "hurried meetings": _meetings(1000),
        "phone calls": _voice(2),
        "dialling": _voice(1),
    }
    contact_center: BridgedContactCenter
    functions: BridgedFunctions
    invariants: BridgedInvariants

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._bridged_calls = FakeDynamoDb(BRIDGED_TABLE, "Reference", {"ByMeetingId": "MeetingId"})
        self._stored_at: dict[str, int] = {}
        super().__init__(*arguments, **options)

    def make_invariants(self) -> BridgedInvariants:
        return BridgedInvariants(self)

    def make_contact_center(self) -> BridgedContactCenter:
        return BridgedContactCenter(self)

    def make_functions(self) -> BridgedFunctions:
        return BridgedFunctions(self)

    def make_user(self, user: str) -> BridgedUser:
        return BridgedUser(self, user)

    def perform_on_table(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Does what a request to DynamoDB asks for, of either table."""
        if parameters["TableName"] != BRIDGED_TABLE:
            return super().perform_on_table(operation, parameters)
        perform: Callable[[dict[str, Any]], dict[str, Any]] = getattr(self._bridged_calls, f"_{operation}")
        answer = perform(parameters)
        if operation == "UpdateItem":
            item = answer["Attributes"]
            self.invariants.bridged(item)
            if "MeetingId" in item:
                self._stored_at.setdefault(item["MeetingId"]["S"], self.now)
        if operation == "Query":
            return self._as_indexed(parameters, answer)
        return answer

    def _as_indexed(self, parameters: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        """What the index has, which is perhaps not yet what the table has."""
        (meeting,) = parameters["ExpressionAttributeValues"].values()
        invocation = self.invocation_or_none
        name = "" if invocation is None else f"{invocation.name}.{invocation.requests}"
        lag = _INDEX_LAGS[self.decide(f"{name} index", len(_INDEX_LAGS), self._delays)]
        if self._stored_at.get(meeting["S"], 0) <= self.now - lag:
            return answer
        return {"Items": [], "Count": 0, "ScannedCount": 0}
