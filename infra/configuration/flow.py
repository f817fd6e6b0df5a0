"""`[connect.flow]`: what the contact flows of this app do beside proving who calls."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ValidationInfo, field_validator

from infra.configuration.faults import refuse
from infra.configuration.instance_arn import ArnWithin
from infra.configuration.section import Section
from infra.configuration.values import OneOf, Switch, Text, Whole

_SPOKEN = Text(
    "1 to 500 characters on one line, without < > & $ { }: a text that needs these goes into the flow's file",
    r"(?=.*\S)[^<>&${}\x00-\x1f]{1,500}",
)

_OPENING = Text(
    "1 to 500 characters on one line with {day} and {time} or {time_12}, and else without < > & $ { }",
    r"(?=.*\{day\})(?=.*\{time(?:_12)?\})(?:[^<>&${}\x00-\x1f]|\{(?:day|time|time_12)\}){1,500}",
)
_NINE_DAYS = Text(
    "nine texts with commas between, each without < > & $ { }: today, tomorrow, and from Monday to Sunday",
    r"(?:[^,<>&${}\x00-\x1f]{1,50},){8}[^,<>&${}\x00-\x1f]{1,50}",
)


class VoiceEngine(StrEnum):
    """How Amazon Polly makes speech."""

    STANDARD = "standard"
    NEURAL = "neural"
    GENERATIVE = "generative"


class Flow(Section):
    """What the contact flows of this app do beside proving who calls. Adopted flows are left as they are."""

    recording: Annotated[bool, Switch()] = False
    """Whether calls are recorded, after `recording_text`. The instance needs storage for them."""

    analytics: Annotated[bool, Switch()] = False
    """Whether recordings are analyzed after the call, with what they hold of persons removed."""

    language: Annotated[
        str,
        Text(
            'a language and a country, such as "en-GB"',
            r"[a-z]{2,3}-[A-Z]{2}",
            'Amazon Connect administrator guide, "Languages supported by Amazon Connect features"',
        ),
    ] = "en-US"
    """The language of the voice and of the analysis."""

    voice: (
        Annotated[
            str,
            Text(
                'the name of a voice of Amazon Polly for `language`, such as "Amy"',
                r"[A-Z][A-Za-z]{1,29}",
                'Amazon Polly developer guide, "Available voices"',
            ),
        ]
        | None
    ) = None
    """Who speaks to callers, in place of the instance's voice."""

    voice_engine: Annotated[
        VoiceEngine, OneOf(VoiceEngine, '"standard", "neural" or "generative", which `voice` must have')
    ] = VoiceEngine.NEURAL
    """How the voice is made."""

    hours: Annotated[bool, Switch()] = True
    """Whether callers outside the hours of their queue hear `closed_text`. They wait if the hours fail."""

    overflow_queue_arn: Annotated[str, ArnWithin(kind="queue")] | None = None
    """Where callers go whose queue is full, has nobody staffed, or kept them for `overflow_seconds`."""

    overflow_seconds: Annotated[
        int,
        Whole(
            21,
            3_600,
            "seconds in a queue",
            'Amazon Connect administrator guide, "Flow block: Loop prompts"',
        ),
    ] = 120
    """After how long a caller goes to the overflow queue."""

    music_prompt_arn: Annotated[str, ArnWithin(kind="prompt")] | None = None
    """A prompt of the instance that callers hear in a queue. Without one `waiting_text` is repeated."""

    agent_guide: Annotated[bool, Switch()] = False
    """Whether the agent workspace shows who calls. Each is a chat contact: billed, and counted as one."""

    recording_text: Annotated[str, _SPOKEN] = "This call is recorded."
    """What callers hear before the recording."""

    waiting_text: Annotated[str, _SPOKEN] = "Thank you for waiting. An agent will be with you soon."
    """What callers hear in a queue."""

    closed_text: Annotated[str, _SPOKEN] = (
        "We are closed at the moment. Please call again during our opening hours."
    )
    """What callers hear outside the hours of their queue. Then `opening_text` follows, and the call ends."""

    opening_text: Annotated[str, _OPENING] = "We open {day} at {time_12}."
    """What they hear next, if it opens within a week. `{time}` is 14:30 there, `{time_12}` is 2:30 PM."""

    opening_days: Annotated[str, _NINE_DAYS] = (
        "today, tomorrow, on Monday, on Tuesday, on Wednesday, on Thursday, on Friday, on Saturday, on Sunday"
    )
    """What `{day}` is: today, tomorrow, and the days from Monday to Sunday, with commas between."""

    busy_text: Annotated[str, _SPOKEN] = "We cannot connect your call right now. Please try again later."
    """What callers hear whom no queue takes, neither theirs nor the overflow queue, before the call ends."""

    @field_validator("analytics")
    @classmethod
    def _of_recordings(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  # pydantic's
        if value and info.data.get("recording") is False:
            refuse("also recording = true: what is analyzed is the recording")
        return value
