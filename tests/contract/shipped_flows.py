"""The contact flows of `infra/contact_flows` as a deployment has them, played for one caller: from the flow
that the call enters to what the agent hears and sees. Parts of the real thing: the files, what a deployment
makes of them, and the local engine. Fakes: the caller, the queues, the function that says who calls.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from infra.assets.contact_flow_lint import (
    FEATURES,
    FlowType,
    declared_flow_type,
    faults,
    read_contact_flow,
    without_unwanted,
)
from infra.constructs.contact_flow import filled, with_attributes
from local.emulator.connect import contact_flow, flow_language
from local.emulator.connect.contact_flow import BlockError, ContactFlow, Step
from tests.local.emulator.flows import FUNCTION, FakeContact

FOLDER = Path(__file__).parents[2] / "infra" / "contact_flows"
FILES = tuple(sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.json")))
ALL = frozenset(FEATURES)

_INSTANCE = "arn:aws:connect:eu-west-2:000000000000:instance/i"
# One is the beginning of the others: to contain it is not to be it.
QUEUES = {
    name: f"{_INSTANCE}/queue/{number}"
    for name, number in (("overflow", 1), ("verified", 11), ("unverified", 12), ("smoke", 13))
}
_FLOWS = {
    "AgentGuideFlowArn": "shared/agent_guide",
    "AgentWhisperFlowArn": "shared/agent_whisper",
    "ClosedFlowArn": "shared/closed",
    "CustomerQueueFlowArn": "shared/customer_queue",
    "InboundContactFlowArn": "inbound",
}
_FLOW_ARNS = {f"{_INSTANCE}/contact-flow/{name}": name for name in _FLOWS.values()}
ARNS = {
    "AvailabilityFunctionArn": FUNCTION.replace("caller-context", "Availability"),
    "CallerContextFunctionArn": FUNCTION.replace("caller-context", "CallerContext"),
    "DetailViewArn": "arn:aws:connect:eu-west-2:aws:view/detail:1",
    "MusicPromptArn": f"{_INSTANCE}/prompt/music",
    **{f"{name.capitalize()}QueueArn": arn for name, arn in QUEUES.items()},
    **{placeholder: f"{_INSTANCE}/contact-flow/{name}" for placeholder, name in _FLOWS.items()},
}
VALUES = {
    "BusyText": "Nobody can take the call.",
    "ClosedText": "We are closed.",
    "Language": "en-GB",
    "OpeningDays": "today, tomorrow, on Monday",
    "OpeningText": "We open {day}.",
    "OverflowSeconds": "90",
    "RecordingText": "This call is recorded.",
    "Voice": "Amy",
    "VoiceEngine": "Neural",
    "WaitingText": "Please wait.",
}
# Blocks whose success the engine never follows to their NextAction: they branch, or hand the caller over.
BRANCHING = frozenset({"CheckHoursOfOperation", "CheckMetricData", "Compare", "ShowView"})
HANDING_OVER = frozenset({"DequeueContactAndTransferToQueue", "TransferContactToQueue", "TransferToFlow"})
# What configures media and routing, and does nothing in the engine.
_NOTED = frozenset(
    {
        "UpdateContactRecordingAndAnalyticsBehavior",
        "UpdateContactRoutingBehavior",
        "UpdateContactTextToSpeechVoice",
    }
)
_LOOKED_FOR = frozenset({"CheckHoursOfOperation", "TransferContactToQueue", "UpdateContactEventHooks"})
_ABOUT_SOMEBODY = re.compile(r"\$\.(?:Attributes|External|Name|CustomerId)\b")

_MAX_STEPS = 200

type Documents = Mapping[str, Mapping[str, Any]]
type Edge = tuple[str, str, str]
"""File, block and result: Success, the type of an error, or the operand that matched."""


@cache
def documents(features: frozenset[str] = ALL) -> Documents:
    """Every file as a deployment with these features has it, with its ARNs; as JSON."""
    return MappingProxyType({name: deployed(_file(name), features) for name in FILES})


@cache
def _file(name: str) -> Mapping[str, Any]:
    return read_contact_flow(FOLDER / f"{name}.json")


def deployed(flow: Mapping[str, Any], features: frozenset[str]) -> Mapping[str, Any]:
    """A file's content as `deployed_flow` makes it, unchecked, and its ARNs filled in."""
    wanted = with_attributes(deepcopy(without_unwanted(flow, features)), ["customer_email"], ["order_id"])
    return filled(filled(wanted, VALUES), ARNS)  # type: ignore[no-any-return]


@cache
def flow_types() -> Mapping[str, FlowType]:
    """The type of each file."""
    return {name: declared_flow_type(_file(name)) for name in FILES}


def read(name: str, document: Mapping[str, Any]) -> ContactFlow:
    """A flow as the local Amazon Connect takes it. Raises InvalidContactFlowError."""
    return flow_language.read(json.dumps(document), str(flow_types()[name]))


@cache
def flows(features: frozenset[str] = ALL) -> Mapping[str, ContactFlow]:
    """Every file, read."""
    return {name: read(name, document) for name, document in documents(features).items()}


def is_refused(name: str, document: Mapping[str, Any]) -> bool:
    """Whether the check of flows has anything against a flow: the shipped ones have not even a warning."""
    return any(faults(document, (), flow_types()[name]))


FORGED = (
    "customer_id", "auth_time", "signed_in_at", "display_name", "name_source", "came_back", "topic",
    "customer_email", "profileSearchKey", "profileSearchValue",
)  # fmt: skip
PRETENDED = {"auth_status": "verified", "order_id": "A-1"}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Who calls, and how the contact center is: what a caller's way depends on."""

    entry: str = "inbound"
    features: frozenset[str] = ALL
    answer: Mapping[str, str] = field(default_factory=dict)
    opening: Mapping[str, str] = field(default_factory=dict)
    """What the function answers that knows when a closed queue opens."""
    failing: Mapping[str, str] = field(default_factory=dict)
    """Blocks that fail, with the type of the error."""
    full: Collection[str] = ()
    """Queues that take nobody."""
    is_open: bool = True
    staffed: int = 1
    interruptions: int = 0
    """How often `overflow_seconds` pass before an agent takes the call."""
    brings: Mapping[str, str] = field(
        default_factory=lambda: {**dict.fromkeys(FORGED, "FORGED"), **PRETENDED}
    )
    """Attributes that the contact is started with."""
    later: Mapping[str, str] = field(default_factory=dict)
    """Attributes that something else sets before an agent takes the call."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a caller, as far as anybody can notice it."""

    queue: str | None
    """Where an agent takes the call; None where it has been ended before."""
    attributes: Mapping[str, str]
    data: Mapping[str, Any]
    heard: tuple[str, ...] = ()
    agent_heard: tuple[str, ...] = ()
    views: tuple[Mapping[str, Any], ...] = ()
    settings: tuple[Mapping[str, Any], ...] = ()
    """Of voice, priority and recording, in their order."""
    invoked: tuple[Any, ...] = ()
    waited: tuple[float | None, ...] = ()
    logs: str = "Enabled"
    """Of flows, when the caller is in a queue or gone, and after the whisper."""
    shown_logs: str | None = None
    """Of the guide's own contact."""
    leaks: tuple[str, ...] = ()
    """Blocks that had to do with the caller's identity while flows were logged."""
    unlogged: tuple[str, ...] = ()
    """Blocks that an operator looks for in the logs, passed while there were none."""
    failed: tuple[str, ...] = ()
    """Blocks that failed though the scenario does not say so."""
    returns: int = 0
    """How often the loop of the queue was entered again."""
    repeated: tuple[str, ...] = ()
    """Blocks that were passed more than once, but for the loop of a queue."""


class Caller(FakeContact):
    """A contact that brings forged attributes and a forged description, and what becomes of it."""

    def __init__(self, scenario: Scenario, played: Mapping[str, ContactFlow]) -> None:
        super().__init__({"$.Name": "FORGED"}, answer=scenario.answer)
        self.attributes = dict(scenario.brings)
        self.data = {"Name": "FORGED", "Description": "FORGED"}
        self.logs = "unset"
        self.queue: str | None = None
        self.said: list[str] = self.heard
        self.settings: list[Mapping[str, Any]] = []
        self.leaks: list[str] = []
        self.unlogged: list[str] = []
        self.failed: list[str] = []
        self.edges: list[Edge] = []
        self.flow_name = ""
        self._scenario, self._played = scenario, played
        self._waits = scenario.interruptions

    def play(self, name: str) -> None:
        """Runs a flow of the contact."""
        self.flow_name = name
        contact_flow.run(self._played[name], self)

    def wait_in_queue(self) -> None:
        """Runs the queue flow until an agent takes the call."""
        if (name := self._hooked("CustomerQueue")) is not None:
            self.play(name)

    def meet_agent(self) -> tuple[list[str], list[tuple[str, dict[str, Any]]], str | None]:
        """What the agent hears and sees, and whether the guide was logged at its end."""
        self.attributes |= self._scenario.later
        logs = self.logs
        shown_logs = None
        if (name := self._hooked("DefaultAgentUI")) is not None:
            self.play(name)
            shown_logs, self.logs, self.disconnected = self.logs, logs, False
        self.heard = whisper = []
        if (name := self._hooked("AgentWhisper")) is not None:
            self.play(name)
        else:
            whisper.append(f"queue {self.queue}")
        self.heard = self.said
        return whisper, self.views, shown_logs

    def _hooked(self, event: str) -> str | None:
        return _FLOW_ARNS[self.hooks[event]] if event in self.hooks else None

    # What a flow does

    def invoke_function(
        self, function_arn: str, parameters: Mapping[str, str], *, seconds: float, nested: bool
    ) -> None:
        asks_for_hours = function_arn == ARNS["AvailabilityFunctionArn"]
        self._answer = dict(self._scenario.opening if asks_for_hours else self._scenario.answer)
        # The next answer takes the place of the last.
        self._references = {
            path: value for path, value in self._references.items() if not path.startswith("$.External.")
        }
        super().invoke_function(function_arn, parameters, seconds=seconds, nested=nested)

    def try_block(self, identifier: str) -> None:
        if (error_type := self._scenario.failing.get(identifier)) is not None:
            raise BlockError("it is to fail", error_type=error_type)

    def is_over(self) -> bool:
        return self.disconnected

    def reference(self, path: str) -> str:
        if path == "$.Queue.ARN":
            return QUEUES[self.queue] if self.queue else ""
        name = path.removeprefix("$.Attributes.")
        return self.attributes.get(name, "") if name != path else super().reference(path)

    def set_data(self, data: Mapping[str, Any]) -> None:
        self.data = {**self.data, **data}

    def enter_queue(self) -> None:
        self._place(self.target_queue)

    def change_queue(self, queue_id: str | None) -> None:
        self._place(queue_id or self.target_queue)

    def _place(self, queue_id: str | None) -> None:
        name = next((name for name, arn in QUEUES.items() if arn == queue_id), None)
        if name is None:
            raise BlockError(f"there is no queue {queue_id}")
        if name in self._scenario.full:
            raise BlockError("it is full", error_type="QueueAtCapacity")
        self.queue = name

    def is_open(self, hours_id: str | None) -> bool:
        if hours_id is not None or self.target_queue is None:
            raise BlockError("these are no hours of the queue")
        return self._scenario.is_open

    def metric(self, metric_type: str, queue_id: str | None) -> int:
        if metric_type != "NumberOfAgentsStaffed" or queue_id is not None or self.target_queue is None:
            raise BlockError("that is another metric")
        return self._scenario.staffed

    def enter_flow(self, flow_id: str) -> ContactFlow:
        if flow_id not in _FLOW_ARNS:
            raise BlockError(f"there is no flow {flow_id}")
        self._next_name = _FLOW_ARNS[flow_id]
        return self._played[self._next_name]

    def pass_block(self, step: Step) -> None:
        if len(self.edges) > _MAX_STEPS:
            raise AssertionError("the flows go round")
        action = self._played[self.flow_name].actions[step.identifier]
        if step.type == "UpdateFlowLoggingBehavior":
            self.logs = action.parameters["FlowLoggingBehavior"]
        about = step.type == "InvokeLambdaFunction" or _ABOUT_SOMEBODY.search(json.dumps(action.parameters))
        if about and self.logs != "Disabled":
            self.leaks.append(step.identifier)
        if step.type in _LOOKED_FOR and self.logs != "Enabled":
            self.unlogged.append(step.identifier)
        is_error = step.result in action.errors and step.result != "NoMatchingCondition"
        if is_error and step.identifier not in self._scenario.failing:
            self.failed.append(step.identifier)
        if step.type in _NOTED and step.result == "Success":
            self.settings.append(dict(action.parameters))
        self.edges.append((self.flow_name, step.identifier, step.result))
        if step.type == "TransferToFlow" and step.result == "Success":
            self.flow_name = self._next_name
        super().pass_block(step)


def play(scenario: Scenario, played: Mapping[str, ContactFlow] | None = None) -> tuple[Outcome, list[Edge]]:
    """What becomes of the caller, and the branches that were taken on the way."""
    caller = Caller(scenario, flows(scenario.features) if played is None else played)
    caller.play(scenario.entry)
    logs = caller.logs
    whisper: list[str] = []
    views: list[tuple[str, dict[str, Any]]] = []
    shown_logs = None
    passed = [(name, block) for name, block, _ in caller.edges]
    if caller.queue is not None:
        if caller.disconnected:
            raise AssertionError("a caller who is in a queue was ended")
        caller.wait_in_queue()
        whisper, views, shown_logs = caller.meet_agent()
        if logs != caller.logs:
            logs = f"{logs}, then {caller.logs}"
        looped = {block for name, block, _ in caller.edges if name == "shared/customer_queue"}
        passed = [(name, block) for name, block, _ in caller.edges if block not in looped]
    outcome = Outcome(
        queue=caller.queue,
        attributes=caller.attributes,
        data=caller.data,
        heard=tuple(caller.said),
        agent_heard=tuple(whisper),
        views=tuple({"View": view, **data} for view, data in views),
        settings=tuple(caller.settings),
        invoked=tuple(caller.invoked),
        waited=tuple(caller.waited),
        logs=logs,
        shown_logs=shown_logs,
        leaks=tuple(caller.leaks),
        unlogged=tuple(caller.unlogged),
        failed=tuple(caller.failed),
        returns=sum(edge[:2] == ("shared/customer_queue", "go-on-waiting") for edge in caller.edges),
        repeated=tuple(sorted({block for (_, block), times in Counter(passed).items() if times > 1})),
    )
    return outcome, caller.edges


def branches(features: frozenset[str]) -> set[Edge]:
    """Every branch of the files as deployed with these features, but for those that nothing ever takes."""
    found: set[Edge] = set()
    for name, flow in flows(features).items():
        for action in flow.actions.values():
            if action.type not in BRANCHING and action.type != "MessageParticipantIteratively":
                found.add((name, action.identifier, "Success"))
            found |= {(name, action.identifier, error) for error in action.errors}
            found |= {(name, action.identifier, condition.operand) for condition in action.conditions}
    return found


# Changes of flows


@dataclass(frozen=True)
class Mutant:
    """A file with one change; `block` is where it can be noticed first, `change` says what it is.

    `result` is that of the branch that was led elsewhere, None where something else was changed.
    """

    file: str
    block: str
    change: str
    document: Mapping[str, Any]
    result: str | None = None

    def played(self, features: frozenset[str]) -> Mapping[str, ContactFlow]:
        """All flows, this one among them. Raises InvalidContactFlowError."""
        if self.result is None:
            return {**flows(features), self.file: read(self.file, self.document)}
        # To read a flow takes longer than to play it, and this one can be read: it leads to known blocks.
        flow = flows(features)[self.file]
        block = next(each for each in self.document["Actions"] if each["Identifier"] == self.block)
        changed = flow_language.read_action(block)
        return {**flows(features), self.file: replace(flow, actions={**flow.actions, self.block: changed})}


def branch_mutants(features: frozenset[str]) -> Iterator[Mutant]:
    """Each transition of each flow led to each other block."""
    for name, document in documents(features).items():
        names = [block["Identifier"] for block in document["Actions"]]
        for number, block in enumerate(document["Actions"]):
            for path, result, target in _transitions(block):
                for other in names:
                    if other != target:
                        changed = _with(block, ("Transitions", *path, "NextAction"), other)
                        change = f"{result} leads to {other}"
                        yield Mutant(
                            name, block["Identifier"], change, _put(document, number, changed), result
                        )
        for other in names:
            if other != document["StartAction"]:
                yield Mutant(name, "", f"it starts with {other}", {**document, "StartAction": other})


def parameter_mutants(features: frozenset[str]) -> Iterator[Mutant]:
    """Each text in a parameter and in a condition changed, and each parameter left out."""
    for name, document in documents(features).items():
        for number, block in enumerate(document["Actions"]):
            identifier = block["Identifier"]
            for path, text in _texts(block["Parameters"]):
                if block["Type"] == "ShowView" and path == ("InvocationTimeLimitSeconds",):
                    continue  # how long a view stays decides nothing
                whole = ("Parameters", *path)
                for other in _others(text):
                    yield Mutant(
                        name,
                        identifier,
                        f"{path} = {other}",
                        _put(document, number, _with(block, whole, other)),
                    )
                if isinstance(path[-1], str) and path != ("TargetContact",):  # Connect's default is this one
                    yield Mutant(
                        name, identifier, f"no {path}", _put(document, number, _without(block, whole))
                    )
            for index, branch in enumerate(block["Transitions"].get("Conditions", [])):
                for path, text in _texts(branch["Condition"]):
                    for other in _others(text):
                        whole = ("Transitions", "Conditions", index, "Condition", *path)
                        yield Mutant(
                            name,
                            identifier,
                            f"condition {path} = {other}",
                            _put(document, number, _with(block, whole, other)),
                        )


def option_mutants() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Each block that can be left out: needing something else, or giving its place to each other block.

    File, what was changed, and the file's content.
    """
    for name in FILES:
        file = _file(name)
        metadata = file["Metadata"]
        for block, entry in metadata.get("optional", {}).items():
            names = [each["Identifier"] for each in file["Actions"]]
            changes = [{"otherwise": other} for other in names if other not in {block, entry["otherwise"]}]
            changes += [{"needs": other} for other in FEATURES if other != entry["needs"]]
            for change in changes:
                optional = {**metadata["optional"], block: {**entry, **change}}
                yield name, f"{block}: {change}", {**file, "Metadata": {**metadata, "optional": optional}}


def _others(text: str) -> Iterator[str]:
    """Values that would do something else."""
    swaps = {
        "Enabled": "Disabled", "Disabled": "Enabled", "True": "False", "False": "True", "Agent": "Customer",
        "Customer": "Agent", "verified": "unverified", "unverified": "verified", "unknown": "verified",
        "Equals": "TextContains", "NumberGreaterThan": "NumberLessThan", "Current": "Related",
    }  # fmt: skip
    if text in swaps:
        yield swaps[text]
    if text.startswith("$.External."):
        yield text.replace("$.External.", "$.Attributes.")
    yield from (arn for arn in (*QUEUES.values(), *_FLOW_ARNS) if arn != text and text.startswith(_INSTANCE))
    yield f"{text}1"


def _transitions(block: Mapping[str, Any]) -> Iterator[tuple[tuple[Any, ...], str, str]]:
    transitions = block["Transitions"]
    if "NextAction" in transitions:
        yield (), "Success", transitions["NextAction"]
    for index, branch in enumerate(transitions.get("Errors", [])):
        yield ("Errors", index), branch["ErrorType"], branch["NextAction"]
    for index, branch in enumerate(transitions.get("Conditions", [])):
        yield ("Conditions", index), branch["Condition"]["Operands"][0], branch["NextAction"]


def _texts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _texts(member, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))


def _with(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    if not path:
        return other
    key, *rest = path
    if isinstance(value, list):
        return [_with(item, tuple(rest), other) if index == key else item for index, item in enumerate(value)]
    return {**value, key: _with(value[key], tuple(rest), other)}


def _without(value: Any, path: tuple[Any, ...]) -> Any:
    key, *rest = path
    if not rest:
        return {name: member for name, member in value.items() if name != key}
    if isinstance(value, list):
        return [_without(item, tuple(rest)) if index == key else item for index, item in enumerate(value)]
    return {**value, key: _without(value[key], tuple(rest))}


def _put(document: Mapping[str, Any], number: int, block: Mapping[str, Any]) -> Mapping[str, Any]:
    actions = [block if index == number else other for index, other in enumerate(document["Actions"])]
    return {**document, "Actions": actions}


def varied(outcome: Outcome, **changes: Any) -> Outcome:
    """Another outcome; `attributes` and `data` are changes of these."""
    for name in ("attributes", "data"):
        if name in changes:
            changes[name] = {**getattr(outcome, name), **changes[name]}
    return replace(outcome, **changes)
