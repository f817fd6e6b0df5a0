"""Callers and agents that speak and hear: the Amazon Chime SDK in Node, and the calls that they are in."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from local.clients.observer import eventually
from local.launcher.local_aws import LocalAws
from operations.media.program import Program
from tests.e2e.answers import assert_call
from tests.e2e.aws import Aws, Caller

SILENCE = 0.002  # of the loudest possible; a tone of the tests has 0.17
TOLERANCE = 2.0  # Hz
_names = itertools.count(1)


@dataclass(frozen=True)
class Heard:
    """The loudest tones in some 0.7 s, in Hz, and how loud it was on the whole, 0 to 1."""

    tones: list[float]
    level: float

    def has(self, *tones: float) -> bool:
        """Whether these are the loudest."""
        loudest = sorted(self.tones[: len(tones)])
        found = zip(loudest, sorted(tones), strict=True)
        return self.level > SILENCE and all(abs(seen - wanted) <= TOLERANCE for seen, wanted in found)

    @property
    def is_silence(self) -> bool:
        return self.level < SILENCE


@dataclass(frozen=True)
class Played:
    """Samples that were played in a time, and those of them that were made up since none came."""

    received: int
    concealed: int

    def since(self, before: "Played") -> "Played":
        return Played(self.received - before.received, self.concealed - before.concealed)

    @property
    def concealed_share(self) -> float:
        return self.concealed / self.received


@dataclass
class Somebody:
    """Somebody in a meeting: each says one tone."""

    participants: Program
    place: Mapping[str, Any]  # Meeting and Attendee
    name: str = field(default_factory=lambda: f"participant {next(_names)}")

    def join(self, tone: int) -> None:
        self.participants.do("join", self.name, ConnectionData=self.place, tone=tone)

    def hears(self, condition: Callable[[Heard], bool]) -> bool:
        """Whether they come to hear that, within some seconds."""
        return eventually(lambda: condition(self.hear()))

    def hear(self) -> Heard:
        return Heard(**self.participants.do("hear", self.name))

    def played(self) -> Played:
        """Since they joined."""
        return Played(**self.participants.do("played", self.name))

    def do(self, what: str, **more: Any) -> None:
        self.participants.do(what, self.name, **more)

    def notes(self, event: str) -> bool:
        """Whether the SDK comes to report that."""
        return eventually(lambda: event in self.state("events"))

    def state(self, kind: str) -> list[str]:
        """Their `events`, the `captions` or the `messages` that came."""
        seen: list[str] = self.participants.do("state", self.name)[kind]
        return seen

    @property
    def attendee_id(self) -> str:
        return str(self.place["Attendee"]["AttendeeId"])


class Call:
    """A call that somebody has started; `join` makes them heard."""

    def __init__(self, running: LocalAws, aws: Aws, caller: Caller, participants: Program) -> None:
        self._running, self._aws, self.caller, self._participants = running, aws, caller, participants
        self.answer = assert_call(caller.start_alone({}))
        self.id = str(self.answer["ContactId"])
        self.customer = Somebody(participants, self.answer["ConnectionData"])
        self._agents: list[Somebody] = []

    def join(self, tone: int) -> None:
        self.customer.join(tone)
        assert self.caller.comes_to(self.id, "QUEUED"), self.customer.state("events")

    def come_back(self, tone: int) -> Somebody:
        """By what POST …/connection answers."""
        self.customer = Somebody(self._participants, self.caller.rejoin(self.id).json()["ConnectionData"])
        self.customer.join(tone)
        return self.customer

    def answer_by(self, tone: int, contact_id: str | None = None) -> Somebody:
        """An agent takes it."""
        agent = Somebody(self._participants, self._aws.place(contact_id or self.id))
        self._agents.append(agent)
        agent.join(tone)
        assert agent.notes("started")
        assert self.caller.comes_to(self.id, "CONNECTED"), agent.state("events")
        return agent

    def add_customer(self, tone: int) -> Somebody:
        """Somebody joins on the customer's side."""
        outputs = self._running.outputs
        created = self._aws.client("connect").create_participant(
            InstanceId=outputs["ConnectInstanceArn"].rpartition("/")[2],
            ContactId=self.id,
            ParticipantDetails={"ParticipantRole": "CUSTOMER", "DisplayName": "Grace"},
        )
        connection = self._aws.client("connectparticipant").create_participant_connection(
            ParticipantToken=created["ParticipantCredentials"]["ParticipantToken"],
            Type=["WEBRTC_CONNECTION"],
        )["WebRTCConnection"]
        somebody = Somebody(self._participants, connection)
        self._agents.append(somebody)
        somebody.join(tone)
        assert somebody.notes("started")
        return somebody

    def cut(self, somebody: Somebody, *, up: bool = False) -> None:
        """Somebody's network goes down, or is there again."""
        response = requests.post(
            f"http://127.0.0.1:{self._running.media_port}/network",
            json={"AttendeeId": somebody.attendee_id, "Up": up},
            headers=self._running.access.control_headers,
            timeout=5,
        )
        assert response.status_code == 200

    def leave(self) -> None:
        for somebody in (self.customer, *self._agents):
            somebody.do("leave")
        self.caller.hang_up(self.id)
