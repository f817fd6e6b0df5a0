"""What breaks the promise of this project though Connect takes it: a caller who is dropped, a contact that is
marked verified without proof, claims in the flow's logs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto

from infra.assets.contact_flow_lint.block_types import FlowType
from infra.assets.contact_flow_lint.blocks import Block, closure, condition
from infra.assets.contact_flow_lint.fault import Fault, Severity
from infra.assets.contact_flow_lint.form import texts, type_of

# Blocks that hand the caller over, to an agent's queue or to another flow.
_HAND_OVER = frozenset(
    {
        "DequeueContactAndTransferToQueue",
        "TransferContactToQueue",
        "TransferToFlow",
        "TransferParticipantToThirdParty",
    }
)
_ENDS = (
    "DisconnectParticipant, TransferContactToQueue, TransferToFlow, in whispers and queues EndFlowExecution"
)

_VERIFIED_QUEUE = "${VerifiedQueueArn}"
_STATUS = "$.External.auth_status"
# What the answer of the caller_context function says of nobody.
_NO_CLAIM = frozenset({"auth_status", "contact_flow_arn"})
_ANSWER = re.compile(r"\$\.External\.([\w.-]+)")
_ABOUT_SOMEBODY = re.compile(r"\$\.(?:Attributes\.|Customer\.|CustomerId\b|Name\b|External\.)")

_ONLY_BY_PROOF = (
    "a contact is marked verified only where Compare finds $.External.auth_status Equals verified, and this "
    "project's function was the last to answer: whoever starts a contact may set its attributes"
)


_ALONE = (
    "set it in a block of its own, after the one that marks the contact verified: its size is not counted "
    "when the call starts, and over 32,768 bytes of attributes the block fails, so that a proved caller goes "
    "on as any other"
)

_VERIFIED_QUEUE_FIX = "prove the caller before: agents ask nobody of the verified queue who they are"


class _Answer(Enum):
    """Whose answer $.External is."""

    NONE = auto()
    CALLER_CONTEXT = auto()
    PROOF = auto()  # that function's, and it said "verified"
    OTHER = auto()


@dataclass(frozen=True)
class _State:
    """What is certain of a contact when it comes to a block."""

    answer: _Answer = _Answer.NONE
    is_proved: bool = False
    logs_off: bool = False


def way_faults(starts: Iterable[str], blocks: Mapping[str, Block]) -> Iterator[Fault]:
    """Blocks that nothing leads to, and ways that never end."""
    reached = closure(starts, {name: block.targets for name, block in blocks.items()})
    leads_to: dict[str, list[str]] = {name: [] for name in blocks}
    for name, block in blocks.items():
        for target in block.targets:
            leads_to.setdefault(target, []).append(name)
    ending = closure({name for name, block in blocks.items() if _ends(block)}, leads_to)
    for name, block in blocks.items():
        if name not in reached:
            yield Fault(
                block=name,
                what="Identifier",
                value=name,
                fix="lead a branch to it, or remove it: none does",
                severity=Severity.WARNING,
            )
        elif name not in ending:
            fix = f"lead to a block that ends the caller's way: {_ENDS}"
            yield Fault(block=name, what="Transitions", value=block.targets, fix=fix)


def _ends(block: Block) -> bool:
    type_ = type_of(block)
    if type_ is None:
        return not block.targets
    return type_.is_terminal or block.type in _HAND_OVER or (type_.may_hold and not block.has_next)


def proof_faults(start: str, blocks: Mapping[str, Block], flow_type: FlowType) -> Iterator[Fault]:
    """Ways to a block that marks the contact verified, puts it into the verified queue, hands a code over to
    another flow, or holds a claim, which lack what must have come before.
    """
    ways = _ways(start, blocks)
    said: set[tuple[str, str, str]] = set()
    for source, target, state in ways:
        for fault in _way_faults(source, blocks[target], state, flow_type):
            key = (source if fault.block == source else "", target, fault.fix)
            if key not in said:
                said.add(key)
                yield fault


def _ways(start: str, blocks: Mapping[str, Block]) -> list[tuple[str, str, _State]]:
    """Every step from block to block with every state in which it can be taken; the first comes from ""."""
    wanted = [("", start, _State())]
    found: dict[tuple[str, str, _State], None] = {}
    while wanted:
        step = wanted.pop()
        _, name, state = step
        if step in found or name not in blocks:
            continue
        found[step] = None
        wanted += [(name, target, after) for target, after in _steps(blocks[name], state)]
    return list(found)


def _steps(block: Block, state: _State) -> Iterator[tuple[str, _State]]:
    """Where the block leads from a state, and the state there."""
    succeeded, failed = state, state
    if block.type == "InvokeLambdaFunction":
        ours = _is_caller_context(block)
        succeeded = replace(state, answer=_Answer.CALLER_CONTEXT if ours else _Answer.OTHER)
        failed = replace(state, answer=_Answer.NONE)
    elif block.type == "UpdateFlowLoggingBehavior":
        succeeded = replace(state, logs_off=block.member("FlowLoggingBehavior") == "Disabled")
    elif block.member("Attributes", "auth_status") == "unverified":
        succeeded = replace(state, is_proved=False)
    if block.has_next:
        yield str(block.next_action), succeeded
    for branch in block.errors:
        yield str(branch.get("NextAction")), failed
    proved = replace(state, answer=_Answer.PROOF, is_proved=True)
    for branch in block.conditions:
        proves = (
            state.answer is _Answer.CALLER_CONTEXT
            and block.type == "Compare"
            and block.member("ComparisonValue") == _STATUS
            and condition(branch) == ("Equals", ["verified"])
        )
        yield str(branch.get("NextAction")), proved if proves else succeeded


def _is_caller_context(block: Block) -> bool:
    """Whether the block invokes the function of this project: its placeholder, or the name that it gets."""
    return "CallerContext" in str(block.member("LambdaFunctionARN"))


def _way_faults(source: str, block: Block, state: _State, flow_type: FlowType) -> Iterator[Fault]:
    def fault(fix: str, severity: Severity = Severity.ERROR) -> Fault:
        what = "NextAction" if source else "StartAction"
        return Fault(block=source or block.name, what=what, value=block.name, fix=fix, severity=severity)

    if not _may_mark(block, state):
        yield fault(_ONLY_BY_PROOF)
    yield from _uncounted_faults(block)
    if block.member("QueueId") == _VERIFIED_QUEUE and not state.is_proved:
        yield fault(_VERIFIED_QUEUE_FIX, Severity.WARNING)
    if not state.logs_off:
        yield from _log_faults(block, flow_type)


def _may_mark(block: Block, state: _State) -> bool:
    attributes = block.member("Attributes")
    if not isinstance(attributes, dict):
        return True
    status = attributes.get("auth_status")
    if "auth_token" in attributes or status == "verified":
        return state.answer is _Answer.PROOF
    if status == _STATUS:
        return state.answer in {_Answer.CALLER_CONTEXT, _Answer.PROOF}
    return not isinstance(status, str) or "$." not in status


def _uncounted_faults(block: Block) -> Iterator[Fault]:
    """Values beside the proof in the block that sets it, of which only the run of the flow has the size."""
    attributes = block.member("Attributes")
    if not isinstance(attributes, dict) or attributes.get("auth_status") not in {"verified", _STATUS}:
        return
    for name, value in attributes.items():
        if isinstance(value, str) and value.startswith("$.") and not value.startswith("$.External."):
            what = f"Attributes.{name}"
            yield Fault(block=block.name, what=what, value=value, fix=_ALONE, severity=Severity.WARNING)


def _log_faults(block: Block, flow_type: FlowType) -> Iterator[Fault]:
    """Parameters of blocks, and what functions answer, are in the flow's logs unless these are off."""
    held = list(texts(block.parameters))
    claims = {name for text in held for name in _ANSWER.findall(text)} - _NO_CLAIM
    off = (
        'before it, "UpdateFlowLoggingBehavior" with "Disabled": the flow\'s logs hold parameters and answers'
    )
    if block.type == "InvokeLambdaFunction" and _is_caller_context(block):
        yield Fault(block=block.name, what="flow logs", value="on", fix=off)
        return
    shows = flow_type is FlowType.AGENT_WHISPER or block.type in {"ShowView", "UpdateContactData"} or claims
    if shows and any(_ABOUT_SOMEBODY.search(text) for text in held):
        yield Fault(block=block.name, what="flow logs", value="on", fix=off, severity=Severity.WARNING)
