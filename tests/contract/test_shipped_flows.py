"""What the shipped contact flows do for each caller and each state of the contact center, and that a change
of any of their branches and parameters is noticed: verified is only who was proved.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from infra.assets.contact_flow_lint import FEATURES, faults
from local.emulator.connect.contact_flow import ContactFlow
from local.emulator.connect.flow_language import InvalidContactFlowError
from tests.contract.shipped_flows import (
    ALL,
    ARNS,
    BRANCHING,
    FILES,
    FORGED,
    HANDING_OVER,
    PRETENDED,
    VALUES,
    Edge,
    Mutant,
    Outcome,
    Scenario,
    branch_mutants,
    branches,
    deployed,
    documents,
    flow_types,
    flows,
    is_refused,
    option_mutants,
    parameter_mutants,
    play,
    read,
    varied,
)

ANSWER = {
    "auth_status": "verified",
    "customer_id": "user-1",
    "auth_time": "1790000000",
    "signed_in_at": "2026-09-21 14:13 UTC",
    "display_name": "Ada",
    "name_source": "token",
    "came_back": "false",
    "topic": "billing",
    "customer_email": "ada@example.com",
}
RECORDED = VALUES["RecordingText"]
WAITING = (VALUES["WaitingText"], f"[prompt {ARNS['MusicPromptArn']}]")
BUSY, CLOSED = VALUES["BusyText"], VALUES["ClosedText"]
RETURNING = {**ANSWER, "came_back": "true"}

VOICE = {"TextToSpeechVoice": "Amy", "TextToSpeechEngine": "Neural"}
FIRST = {"QueuePriority": "1"}
BOTH = {"RecordedParticipants": ["Agent", "Customer"], "IVRRecordingBehavior": "Disabled"}
RECORD = {"VoiceBehavior": {"VoiceRecordingBehavior": BOTH}}
ANALYSE = {
    "VoiceBehavior": {
        "VoiceRecordingBehavior": BOTH,
        "VoiceAnalyticsBehavior": {
            "Enabled": "True",
            "AnalyticsLanguage": "en-GB",
            "AnalyticsModes": ["PostContact"],
            "ConversationalAnalyticsRedactionConfiguration": {
                "Enabled": "True",
                "RedactionResults": "RedactedOnly",
                "RedactionMaskMode": "EntityType",
            },
        },
    }
}


def references(verified: str, customer_id: str) -> dict[str, Any]:
    return {
        "verified": {"Type": "STRING", "Value": verified},
        "customer_id": {"Type": "STRING", "Value": customer_id},
    }


def view(heading: str, sections: str, **shown: str) -> dict[str, Any]:
    bar = [{"Label": label, "Value": value} for label, value in shown.items()]
    data = {"Heading": heading, **({"AttributeBar": bar} if bar else {}), "Sections": sections}
    return {"View": ARNS["DetailViewArn"], **data, "Actions": ["Done"]}


SURE = "This person has signed in to the app, and this call is theirs. Ask no identification questions."


def verified_view(name: str = "Name", sections: str = SURE, **changed: str) -> dict[str, Any]:
    shown = {
        name: "Ada",
        "Signed in": "2026-09-21 14:13 UTC",
        "Customer id": "user-1",
        "Topic": "billing",
        "Came back": "false",
        "customer_email": "ada@example.com",
        "order_id, the app's word": "A-1",
    }
    return view("Verified caller", sections, **{**shown, **changed})


PROVED = Outcome(
    queue="verified",
    attributes={**ANSWER, "profileSearchKey": "_account", "profileSearchValue": "user-1", "order_id": "A-1"},
    data={
        "Name": "Ada",
        "Description": "Verified: signed in to the app.",
        "CustomerId": "user-1",
        "References": references("yes", "user-1"),
        "LanguageCode": "en-GB",
    },
    heard=(RECORDED, *WAITING),
    agent_heard=("Verified.", "billing"),
    views=(verified_view(),),
    settings=(VOICE, RECORD, ANALYSE),
    invoked=((ARNS["CallerContextFunctionArn"], {}, 7.0),),
    waited=(90.0,),
    shown_logs="Disabled",
)
_NOTHING = dict.fromkeys([*ANSWER, "profileSearchValue"], "unknown")
UNPROVED = varied(
    PROVED,
    queue="unverified",
    attributes={**_NOTHING, "auth_status": "unverified"},
    data={
        "Name": "Unverified caller",
        "Description": "Not verified: ask who is calling.",
        "CustomerId": "unknown",
        "References": references("no", "unknown"),
    },
    agent_heard=("Not verified.",),
    views=(
        view(
            "Not verified",
            "Nothing proves who calls. Identify this person before you talk about an account.",
        ),
    ),
)
UNPROVED_BY_ERROR = replace(UNPROVED, invoked=())
_LEFT: dict[str, Any] = {"agent_heard": (), "views": (), "waited": (), "shown_logs": None, "queue": None}
_FORGED_SILENT = {"Name": "FORGED", "Description": "FORGED"}
_FORGED_DATA = {**_FORGED_SILENT, "LanguageCode": "en-GB"}
# Of whom nothing was written before they went.
ABANDONED = replace(
    PROVED,
    **_LEFT,
    attributes={**dict.fromkeys(FORGED, "FORGED"), **PRETENDED},
    data=_FORGED_DATA,
    heard=(),
    settings=(VOICE,),
    logs="Disabled",
)
_OPENS = "We open tomorrow."
_OPENING = {"opening": "known", "opening_text": _OPENS}
_ASKED = (
    *PROVED.invoked,
    (ARNS["AvailabilityFunctionArn"], {"text": VALUES["OpeningText"], "days": VALUES["OpeningDays"]}, 7.0),
)
# Nothing of such a call is recorded, so nobody is told so.
_CLOSED: dict[str, Any] = {**_LEFT, "settings": (VOICE,), "invoked": _ASKED, "logs": "Disabled"}
CLOSED_DOWN = varied(PROVED, **_CLOSED, heard=(CLOSED,))
TURNED_AWAY = varied(PROVED, **_LEFT, heard=(RECORDED, BUSY))
OVERFLOWED = replace(PROVED, queue="overflow")


def proved(**more: Any) -> Scenario:
    return Scenario(**{"answer": ANSWER, **more})


def failing(*blocks: str, error: str = "NoMatchingError", **more: Any) -> Scenario:
    return proved(failing=dict.fromkeys(blocks, error), **more)


def without(*features: str) -> dict[str, Any]:
    return {"features": ALL - set(features)}


_OWN_NAME = {**ANSWER, "name_source": "caller"}
_NO_TOPIC = {**ANSWER, "topic": "none"}
_UNVERIFIED = {"auth_status": "unverified"}
_ANSWERED_ALL = {**ANSWER, "auth_status": "unverified"}
_GREETING = "You have reached billing."

_OWN_LABEL = "Name, the caller's own word"
OWN_NAME = varied(
    PROVED,
    attributes={"name_source": "caller"},
    data={
        "Name": "FORGED",  # as the contact was started
        "Description": "Verified: signed in to the app. The name is the caller's own word.",
    },
    views=(verified_view(_OWN_LABEL, f"{SURE} Nothing proves the name."),),
)
RETURNED = varied(
    PROVED,
    attributes={"came_back": "true"},
    agent_heard=("Verified.", "billing", "Came back."),
    views=(verified_view(**{"Came back": "true"}),),
    settings=(VOICE, FIRST, RECORD, ANALYSE),
)
OWN_NAME_RETURNED = varied(
    OWN_NAME,
    attributes={"came_back": "true"},
    agent_heard=RETURNED.agent_heard,
    views=(verified_view(_OWN_LABEL, f"{SURE} Nothing proves the name.", **{"Came back": "true"}),),
    settings=RETURNED.settings,
)
_TWICE: dict[str, Any] = {"heard": (RECORDED, *WAITING, *WAITING), "waited": (90.0, 90.0), "returns": 1}
_SILENT = {name: of for name, of in PROVED.data.items() if name != "LanguageCode"}

PLAIN = replace(PROVED, heard=(WAITING[0],), settings=(), views=(), shown_logs=None, data=_SILENT)

# Calls that only test: nobody takes one, so of the caller nothing but the proof is written.
_SMOKE_ENDED = Outcome(
    queue=None,
    attributes={**dict.fromkeys(FORGED, "FORGED"), **PRETENDED},
    data=_FORGED_SILENT,
    invoked=PROVED.invoked,
    logs="Disabled",
)
SMOKE = replace(
    _SMOKE_ENDED,
    queue="smoke",
    attributes={
        **_SMOKE_ENDED.attributes,
        "auth_status": "verified",
        "topic": "billing",
        "customer_email": "ada@example.com",
    },
    agent_heard=("queue smoke",),
    logs="Enabled",
)
SMOKE_UNPROVED = varied(
    SMOKE, attributes={"auth_status": "unverified", "topic": "unknown", "customer_email": "unknown"}
)


def smoking(*blocks: str, error: str = "NoMatchingError", **more: Any) -> Scenario:
    return failing(*blocks, error=error, entry="shared/smoke", **more)


SCENARIOS: Mapping[str, tuple[Scenario, Outcome]] = {
    "a smoke test": (smoking(), SMOKE),
    "a smoke test, as the backend starts a call": (
        smoking(brings={"order_id": "A-1"}),
        replace(
            SMOKE,
            attributes={
                "auth_status": "verified",
                "topic": "billing",
                "customer_email": "ada@example.com",
                "order_id": "A-1",
            },
        ),
    ),
    "a smoke test without proof": (smoking(answer=_UNVERIFIED), SMOKE_UNPROVED),
    "a smoke test of which much is said": (smoking(answer=_ANSWERED_ALL), SMOKE_UNPROVED),
    "a smoke test that cannot be asked about": (
        smoking("ask-who-calls"),
        replace(SMOKE_UNPROVED, invoked=()),
    ),
    "a smoke test with an answer that nobody knows": (
        smoking(answer={**ANSWER, "auth_status": "not abandoned"}),
        SMOKE_UNPROVED,
    ),
    "a smoke test that nobody can join": (smoking(answer={"auth_status": "abandoned"}), _SMOKE_ENDED),
    "a smoke test whose proof cannot be written": (smoking("mark-verified"), SMOKE_UNPROVED),
    "a smoke test of which nothing can be written": (
        smoking("mark-verified", "mark-unverified"),
        _SMOKE_ENDED,
    ),
    "a smoke test without its queue": (
        smoking("choose-queue"),
        replace(SMOKE, queue=None, agent_heard=(), logs="Disabled"),
    ),
    "a smoke test and a full queue": (
        smoking(full=["smoke"]),
        replace(SMOKE, queue=None, agent_heard=(), failed=("enter-queue",)),
    ),
    "a smoke test that no queue takes": (
        smoking("enter-queue"),
        replace(SMOKE, queue=None, agent_heard=()),
    ),
    # Who calls.
    "a proved caller": (proved(), PROVED),
    "a returning caller": (proved(answer=RETURNING), RETURNED),
    "a caller without a topic": (
        proved(answer=_NO_TOPIC),
        varied(
            PROVED,
            attributes={"topic": "none"},
            agent_heard=("Verified.",),
            views=(verified_view(Topic="none"),),
        ),
    ),
    "a proved caller, as the backend starts a call": (
        proved(brings={"order_id": "A-1"}),
        PROVED,
    ),
    "a caller whose name is their own word": (proved(answer=_OWN_NAME), OWN_NAME),
    "a returning caller whose name is their own word": (
        proved(answer={**_OWN_NAME, "came_back": "true"}),
        OWN_NAME_RETURNED,
    ),
    "a returning caller without a topic": (
        proved(answer={**RETURNING, "topic": "none"}),
        varied(
            RETURNED,
            attributes={"topic": "none"},
            agent_heard=("Verified.", "Came back."),
            views=(verified_view(Topic="none", **{"Came back": "true"}),),
        ),
    ),
    # Words that only contain those that decide.
    "an answer that nobody knows": (proved(answer={**ANSWER, "auth_status": "not abandoned"}), UNPROVED),
    "a source of names that nobody knows": (
        proved(answer={**ANSWER, "name_source": "no token"}),
        varied(OWN_NAME, attributes={"name_source": "no token"}),
    ),
    "a return that is none": (
        proved(answer={**ANSWER, "came_back": "untrue"}),
        varied(PROVED, attributes={"came_back": "untrue"}, views=(verified_view(**{"Came back": "untrue"}),)),
    ),
    "a topic that begins with none": (
        proved(answer={**ANSWER, "topic": "nonesuch"}),
        varied(
            PROVED,
            attributes={"topic": "nonesuch"},
            agent_heard=("Verified.", "nonesuch"),
            views=(verified_view(Topic="nonesuch"),),
        ),
    ),
    "an unproved caller of whom something else says more": (
        proved(answer=_UNVERIFIED, later={"came_back": "true", "topic": "billing", "name_source": "token"}),
        varied(UNPROVED, attributes={"came_back": "true", "topic": "billing", "name_source": "token"}),
    ),
    "an unproved caller": (proved(answer=_UNVERIFIED), UNPROVED),
    "an unproved caller of whom much is said": (proved(answer=_ANSWERED_ALL), UNPROVED),
    "a caller of whom nothing is said": (proved(answer={}), UNPROVED),
    "a caller who cannot be asked about": (failing("ask-who-calls"), UNPROVED_BY_ERROR),
    "a contact that nobody can join": (proved(answer={"auth_status": "abandoned"}), ABANDONED),
    "a call about billing": (
        proved(entry="billing"),
        varied(PROVED, heard=(_GREETING, *PROVED.heard), settings=(VOICE, *PROVED.settings)),
    ),
    # Attributes and contact data that cannot be written.
    "a proof that cannot be written": (failing("mark-verified"), UNPROVED),
    "nothing that can be written": (
        failing("mark-verified", "mark-unverified"),
        replace(ABANDONED, heard=(BUSY,)),
    ),
    "a description that cannot be written": (
        failing("describe-verified-caller"),
        replace(PROVED, data=_FORGED_DATA),
    ),
    "a description of an own name that cannot be written": (
        failing("describe-caller-by-own-name", answer=_OWN_NAME),
        replace(OWN_NAME, data=_FORGED_DATA),
    ),
    "a description of a returning caller that cannot be written": (
        failing("describe-verified-caller", answer=RETURNING),
        replace(RETURNED, data=_FORGED_DATA),
    ),
    "a description of a returning own name that cannot be written": (
        failing("describe-caller-by-own-name", answer={**_OWN_NAME, "came_back": "true"}),
        replace(OWN_NAME_RETURNED, data=_FORGED_DATA),
    ),
    "an unproved caller who cannot be described": (
        failing("describe-unverified-caller", answer=_UNVERIFIED),
        replace(UNPROVED, data=_FORGED_DATA),
    ),
    # Hours, staff, room.
    "closed": (
        proved(is_open=False, opening=_OPENING),
        replace(CLOSED_DOWN, heard=(CLOSED, _OPENS)),
    ),
    "closed for an unproved caller": (
        proved(is_open=False, answer=_UNVERIFIED, opening=_OPENING),
        replace(UNPROVED, **_CLOSED, heard=(CLOSED, _OPENS)),
    ),
    "closed, and nobody knows until when": (
        proved(is_open=False, opening={**_OPENING, "opening": "unknown"}),
        CLOSED_DOWN,
    ),
    "closed, and the hours do not answer": (
        failing("ask-when-it-opens", is_open=False, opening=_OPENING),
        replace(CLOSED_DOWN, invoked=PROVED.invoked),
    ),
    # The answer of before may still be there.
    "closed, and only an older answer says until when": (
        failing("ask-when-it-opens", is_open=False, answer={**ANSWER, **_OPENING}),
        replace(CLOSED_DOWN, invoked=PROVED.invoked),
    ),
    "closed, and the opening cannot be said": (
        failing("say-when-it-opens", is_open=False, opening=_OPENING),
        CLOSED_DOWN,
    ),
    "hours that fail": (failing("is-the-queue-open", is_open=False), PROVED),
    "closed without its flow": (
        failing("go-to-closed", is_open=False),
        replace(TURNED_AWAY, heard=(BUSY,), settings=(VOICE,)),
    ),
    "closed without a voice": (
        failing("say-closed", is_open=False, opening=_OPENING),
        replace(CLOSED_DOWN, heard=(_OPENS,)),
    ),
    "nobody staffed": (proved(staffed=0), OVERFLOWED),
    "nobody staffed, and a full overflow queue": (
        proved(staffed=0, full=["overflow"]),
        replace(TURNED_AWAY, failed=("enter-overflow-queue",)),
    ),
    "nobody staffed, and hours that fail": (failing("is-the-queue-open", staffed=0), OVERFLOWED),
    "staff that cannot be counted": (failing("is-anybody-staffed", staffed=0), PROVED),
    "a full queue": (proved(full=["verified"]), replace(OVERFLOWED, failed=("enter-queue",))),
    "a full queue of unproved callers": (
        proved(full=["unverified"], answer=_UNVERIFIED),
        replace(UNPROVED, queue="overflow", failed=("enter-queue",)),
    ),
    "full queues": (
        proved(full=["verified", "overflow"]),
        replace(TURNED_AWAY, failed=("enter-queue", "enter-overflow-queue")),
    ),
    "a queue that fails": (failing("enter-queue"), OVERFLOWED),
    "two queues that fail": (failing("enter-queue", "enter-overflow-queue"), TURNED_AWAY),
    "an overflow queue that is gone": (
        failing("choose-overflow-queue", full=["verified"]),
        replace(TURNED_AWAY, failed=("enter-queue",)),
    ),
    "a verified queue that is gone": (
        failing("choose-verified-queue"),
        replace(OVERFLOWED, failed=("is-the-queue-open", "is-anybody-staffed", "enter-queue")),
    ),
    "an unverified queue that is gone": (
        failing("choose-unverified-queue", answer=_UNVERIFIED),
        replace(
            UNPROVED,
            queue="overflow",
            failed=("is-the-queue-open", "is-anybody-staffed", "enter-queue"),
        ),
    ),
    "an apology that fails": (
        failing("apologise", full=["verified", "overflow"]),
        replace(TURNED_AWAY, heard=(RECORDED,), failed=("enter-queue", "enter-overflow-queue")),
    ),
    # Waiting.
    "a long wait": (proved(interruptions=1), OVERFLOWED),
    "a long wait for a full overflow queue": (
        proved(interruptions=1, full=["overflow"]),
        replace(PROVED, **_TWICE, failed=("move-to-overflow-queue",)),
    ),
    "a long wait that cannot be ended": (
        failing("move-to-overflow-queue", interruptions=1),
        replace(PROVED, **_TWICE),
    ),
    "a long wait in the overflow queue": (
        proved(interruptions=1, full=["verified"]),
        replace(OVERFLOWED, **_TWICE, failed=("enter-queue",)),
    ),
    # Recording, voice, hooks: what fails is left out, and the call goes on.
    "a recording that cannot be announced is none": (
        failing("announce-recording"),
        replace(PROVED, heard=WAITING, settings=(VOICE,)),
    ),
    "a recording that fails": (failing("record"), replace(PROVED, settings=(VOICE,))),
    "a recording of another channel": (
        failing("record", error="ChannelMismatch"),
        replace(PROVED, settings=(VOICE,)),
    ),
    "an analysis that fails": (failing("record-and-analyse"), replace(PROVED, settings=(VOICE, RECORD))),
    "an analysis of another channel": (
        failing("record-and-analyse", error="ChannelMismatch"),
        replace(PROVED, settings=(VOICE, RECORD)),
    ),
    **{
        f"nobody staffed, where {block} fails by {error}": (
            failing(block, error=error, staffed=0),
            replace(OVERFLOWED, heard=(*heard, *WAITING), settings=(VOICE, *settings)),
        )
        for block, error, heard, settings in (
            ("announce-recording", "NoMatchingError", (), ()),
            ("record", "NoMatchingError", (RECORDED,), ()),
            ("record", "ChannelMismatch", (RECORDED,), ()),
            ("record-and-analyse", "NoMatchingError", (RECORDED,), (RECORD,)),
            ("record-and-analyse", "ChannelMismatch", (RECORDED,), (RECORD,)),
        )
    },
    "a voice that fails": (failing("speak-with-voice"), replace(PROVED, settings=(RECORD, ANALYSE))),
    "a language that fails": (
        failing("speak-language"),
        replace(PROVED, data=_SILENT),
    ),
    "no whisper": (failing("set-agent-whisper"), replace(PROVED, agent_heard=("queue verified",))),
    "no guide": (failing("set-agent-guide"), replace(PROVED, views=(), shown_logs=None)),
    "no queue flow": (failing("set-queue-flow"), replace(PROVED, heard=(RECORDED,), waited=())),
    # The flow of a topic.
    "billing, where the voice fails": (
        failing("speak-with-voice", entry="billing"),
        replace(PROVED, heard=(_GREETING, *PROVED.heard), settings=(RECORD, ANALYSE)),
    ),
    "billing, where the greeting fails": (
        failing("greet", entry="billing"),
        replace(PROVED, settings=(VOICE, *PROVED.settings)),
    ),
    "billing, where the flow of all calls is gone": (
        failing("go-on", entry="billing"),
        replace(ABANDONED, heard=(_GREETING, BUSY), invoked=(), logs="unset", data=_FORGED_SILENT),
    ),
    "billing, where nothing works": (
        failing("go-on", "apologise", entry="billing"),
        replace(ABANDONED, heard=(_GREETING,), invoked=(), logs="unset", data=_FORGED_SILENT),
    ),
    # The whisper and the guide.
    "a whisper that does not say verified": (
        failing("say-verified", answer=RETURNING),
        replace(RETURNED, agent_heard=("billing", "Came back.")),
    ),
    "a whisper that says nothing of a caller without a topic": (
        failing("say-verified", answer=_NO_TOPIC),
        varied(
            PROVED,
            attributes={"topic": "none"},
            agent_heard=(),
            views=(verified_view(Topic="none"),),
        ),
    ),
    "a whisper that says nothing but verified": (
        failing("say-topic"),
        replace(PROVED, agent_heard=("Verified.",)),
    ),
    "a whisper that does not say the topic": (
        failing("say-topic", answer=RETURNING),
        replace(RETURNED, agent_heard=("Verified.", "Came back.")),
    ),
    "a whisper that says nothing": (
        failing("say-verified", "say-topic", "say-came-back", answer=RETURNING),
        replace(RETURNED, agent_heard=()),
    ),
    "a whisper that says nothing of an unproved caller": (
        failing("say-unverified", answer=_UNVERIFIED, later={"came_back": "true"}),
        varied(UNPROVED, attributes={"came_back": "true"}, agent_heard=()),
    ),
    **{
        f"a view by {error}": (failing("show-verified-caller", error=error), replace(PROVED, views=()))
        for error in ("NoMatchingError", "TimeLimitExceeded")
    },
    **{
        f"a view of an own name by {error}": (
            failing("show-caller-by-own-name", error=error, answer=_OWN_NAME),
            replace(OWN_NAME, views=()),
        )
        for error in ("NoMatchingError", "TimeLimitExceeded")
    },
    **{
        f"a view of an unproved caller by {error}": (
            failing("show-unverified-caller", error=error, answer=_UNVERIFIED),
            replace(UNPROVED, views=()),
        )
        for error in ("NoMatchingError", "TimeLimitExceeded")
    },
    # What a configuration leaves out.
    "without music": (proved(**without("music")), replace(PROVED, heard=(RECORDED, WAITING[0]))),
    "without music, a long wait": (
        proved(**without("music"), interruptions=1),
        replace(PROVED, queue="overflow", heard=(RECORDED, WAITING[0])),
    ),
    "without an overflow queue, a full queue": (
        proved(**without("overflow"), full=["verified"]),
        replace(TURNED_AWAY, failed=("enter-queue",)),
    ),
    "without an overflow queue, nobody staffed": (proved(**without("overflow"), staffed=0), PROVED),
    "without an overflow queue, a long wait": (
        proved(**without("overflow"), interruptions=2),
        replace(PROVED, heard=(RECORDED, *WAITING * 3), waited=(90.0,) * 3, returns=2),
    ),
    "without hours, nobody staffed": (proved(**without("hours"), staffed=0), OVERFLOWED),
    "without a recording, closed": (
        proved(**without("recording", "analytics"), is_open=False),
        CLOSED_DOWN,
    ),
    "an analysis without a recording is none": (
        proved(**without("recording")),
        replace(PROVED, heard=WAITING, settings=(VOICE,)),
    ),
    "without a recording, nobody staffed": (
        proved(**without("recording"), staffed=0),
        replace(OVERFLOWED, heard=WAITING, settings=(VOICE,)),
    ),
    "without an analysis, nobody staffed": (
        proved(**without("analytics"), staffed=0),
        replace(OVERFLOWED, settings=(VOICE, RECORD)),
    ),
    "without a voice, billing": (
        proved(**without("voice"), entry="billing"),
        replace(PROVED, heard=(_GREETING, *PROVED.heard), settings=(RECORD, ANALYSE), data=_SILENT),
    ),
    "without hours, closed": (proved(**without("hours"), is_open=False), PROVED),
    "without a recording": (
        proved(**without("recording", "analytics")),
        replace(PROVED, heard=WAITING, settings=(VOICE,)),
    ),
    "without an analysis": (proved(**without("analytics")), replace(PROVED, settings=(VOICE, RECORD))),
    "without a guide": (proved(**without("agent_guide")), replace(PROVED, views=(), shown_logs=None)),
    "without a voice": (
        proved(**without("voice")),
        replace(
            PROVED,
            settings=(RECORD, ANALYSE),
            data=_SILENT,
        ),
    ),
    "without anything": (proved(features=frozenset()), PLAIN),
    "without anything, a full queue": (
        proved(features=frozenset(), full=["verified"]),
        replace(PLAIN, **_LEFT, heard=(BUSY,), failed=("enter-queue",)),
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_caller_comes_where_the_flows_promise(name: str) -> None:
    scenario, expected = SCENARIOS[name]
    outcome, _ = play(scenario)
    assert outcome == expected


def test_what_nobody_may_see_is_expected_nowhere() -> None:
    for _, expected in SCENARIOS.values():
        assert (expected.leaks, expected.unlogged, expected.repeated) == ((), (), ())
        is_proved = expected.attributes["auth_status"] == "verified" and expected.queue is not None
        assert ("Verified." in expected.agent_heard) <= is_proved
        assert (expected.queue == "verified") <= is_proved
        assert (expected.queue == "unverified") <= (not is_proved)


def _played() -> Mapping[str, tuple[Outcome, list[Edge]]]:
    return {name: play(scenario) for name, (scenario, _) in SCENARIOS.items()}


def test_every_branch_of_the_shipped_flows_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    taken = {edge for _, edges in _played().values() for edge in edges}
    variants = {scenario.features for scenario, _ in SCENARIOS.values()}
    wanted = {edge for features in variants for edge in branches(features)}
    with capsys.disabled():
        print()  # noqa: T201
        for name in FILES:
            of_file = {edge for edge in wanted if edge[0] == name}
            share = len(of_file & taken) / len(of_file)
            print(f"{name}: {len(of_file & taken)} of {len(of_file)} branches, {share:.0%}")  # noqa: T201
    assert wanted - taken == set()


def oddities(name: str, document: Mapping[str, Any]) -> list[str]:
    """What can be seen of a flow without playing it."""
    found = []
    for block in document["Actions"]:
        transitions = block["Transitions"]
        if block["Type"] in BRANCHING | HANDING_OVER:
            # Nothing follows a NextAction of these: it is there because Connect wants one.
            errors = {each["ErrorType"]: each["NextAction"] for each in transitions["Errors"]}
            kind = "NoMatchingCondition" if block["Type"] == "Compare" else "NoMatchingError"
            if transitions["NextAction"] != errors[kind]:
                found.append(f"{block['Identifier']}: NextAction")
        if name in {"inbound", "billing"} and "$.Attributes." in json.dumps(block):
            found.append(f"{block['Identifier']}: an attribute that anybody may have set")
    return found


@pytest.mark.parametrize("name", FILES)
def test_a_flow_reads_nothing_that_anybody_may_have_set(name: str) -> None:
    assert oddities(name, documents()[name]) == []


def test_the_check_finds_nothing_in_any_variant_of_the_shipped_flows() -> None:
    for number in range(1 << len(FEATURES)):
        features = frozenset(name for bit, name in enumerate(FEATURES) if number >> bit & 1)
        for name, document in documents(features).items():
            assert list(faults(document, (), flow_types()[name])) == [], (name, features)
            flows(features)


def _is_noticed(
    mutant: Mutant, features: frozenset[str], ways: Mapping[str, tuple[Outcome, list[Edge]]]
) -> bool:
    """Whether a scenario ends otherwise, or the local Connect or the check of flows refuses the change."""
    if oddities(mutant.file, mutant.document):
        return True
    try:
        changed = mutant.played(features)
    except InvalidContactFlowError:
        return True
    near = [
        SCENARIOS[name]
        for name, (_, edges) in ways.items()
        if SCENARIOS[name][0].features == features and _passes(edges, mutant)
    ]
    return _ends_otherwise(near, changed) or is_refused(mutant.file, mutant.document)


def _ends_otherwise(
    scenarios: Iterable[tuple[Scenario, Outcome]], changed: Mapping[str, ContactFlow]
) -> bool:
    """Whether one of the scenarios fails as a test."""
    for scenario, expected in scenarios:
        try:
            outcome, _ = play(scenario, changed)
        except Exception:  # noqa: BLE001 a test that fails, however
            return True
        if outcome != expected:
            return True
    return False


def _passes(edges: list[Edge], mutant: Mutant) -> bool:
    """Whether a caller's way comes to what was changed: nothing else can differ."""
    return any(
        name == mutant.file
        and (not mutant.block or (block == mutant.block and mutant.result in {None, result}))
        for name, block, result in edges
    )


def _survivors(features: frozenset[str], mutants: Iterable[Mutant]) -> list[str]:
    ways = _played()
    return [
        f"{mutant.file}: {mutant.block}: {mutant.change}"
        for mutant in mutants
        if not _is_noticed(mutant, features, ways)
    ]


def _all_mutants(
    of: Callable[[frozenset[str]], Iterator[Mutant]],
) -> Iterator[tuple[frozenset[str], list[Mutant]]]:
    """Of the variants whose blocks together are all blocks of the files, once each."""
    yield ALL, list(of(ALL))
    silent = ALL - {"music"}
    yield silent, [mutant for mutant in of(silent) if mutant.block == "wait"]


@pytest.mark.slow
@pytest.mark.parametrize("of", [branch_mutants, parameter_mutants], ids=["branches", "parameters"])
def test_whatever_is_changed_in_a_flow_is_noticed(
    of: Callable[[frozenset[str]], Iterator[Mutant]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each branch led to each other block; each text of a parameter or a condition changed or left out."""
    count, survivors = 0, []
    for features, mutants in _all_mutants(of):
        count += len(mutants)
        survivors += _survivors(features, mutants)
    with capsys.disabled():
        print(f"\n{count} changes, {len(survivors)} unnoticed")  # noqa: T201
    assert survivors == []


@pytest.mark.slow
def test_whatever_is_changed_in_what_is_left_out_is_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    variants = {scenario.features for scenario, _ in SCENARIOS.values()}
    count, survivors = 0, []
    for name, change, content in option_mutants():
        count += 1
        changed = {features: deployed(content, features) for features in variants}
        differs = {features for features in variants if changed[features] != documents(features)[name]}
        if not any(
            _ends_otherwise(
                [of for of in SCENARIOS.values() if of[0].features == features],
                {**flows(features), name: read(name, changed[features])},
            )
            for features in differs
        ):
            survivors.append(f"{name}: {change}")
    with capsys.disabled():
        print(f"\n{count} changes of what is left out, {len(survivors)} unnoticed")  # noqa: T201
    assert survivors == []
