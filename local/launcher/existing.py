"""What a configuration names by ARN: the local account has it before the app is deployed.

Every ARN in the file stands for something that exists: an instance, queues, contact flows, hours, numbers, a
user pool, keys, certificates, web ACLs, policies. An adopted contact flow is played as "identifies the
caller, then queues", or as an export of it says: `local/flows/<id of the flow>.json`, or `<topic>.json`.
"""

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local import optional_rooms
from local.launcher import checkout
from local.launcher.checkout import LocalAwsError

FLOWS = Path("local/flows")
DEFAULT_FLOW = "default"  # how the file of the flow is called that calls without a topic enter

_ARN = re.compile(r"arn:aws:[a-z0-9-]+:[a-z0-9-]*:(?:\d{12}|aws)?:[^\s\"]+")
_INSTANCE = re.compile(r"arn:aws:connect:[a-z0-9-]+:\d{12}:instance/[0-9a-f-]{36}")
_FUNCTION = re.compile(r"arn:aws:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+(?::[\w$-]+)?")
# What is written into a flow until the function is deployed that it invokes.
_CALLER_CONTEXT = "arn:aws:lambda:eu-west-2:000000000000:function:caller-context:live"

_PLAYED_AS = {
    "/contact-flow/": "a contact flow",
    "/operating-hours/": "hours of operation: always open",
    "/prompt/": "a prompt: its name is heard",
    "/queue/": "a queue: without a limit, always open",
    ":acm:": "a certificate of a domain",
    ":chime:": "a Voice Connector: its SIP host sends every call on",
    ":cognito-idp:": "a user pool: empty, with the client that is named",
    ":iam:": "a managed policy: it allows everything",
    ":instance/": "an instance: empty, it takes inbound calls",
    ":kms:": "a key, with the policy that docs/deploy.md asks for",
    ":phone-number/": "a phone number of the instance",
    ":secretsmanager:": "a secret: of random content",
    ":wafv2:": "a web ACL: it blocks nothing",
}


@dataclass(frozen=True)
class Existing:
    """What exists: ARNs, and by ARN what more is known of some. `flows` are the contents of adopted flows."""

    arns: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)  # of queues, by ARN
    signing_keys: Mapping[str, str] = field(default_factory=dict)  # specs, by ARN
    clients: Mapping[str, Any] = field(default_factory=dict)  # of user pools: id and write attributes, by ARN
    flows: Mapping[str, str] = field(default_factory=dict)
    exports: Mapping[str, Path] = field(default_factory=dict)  # where a flow's content was found, by ARN
    sections: Mapping[str, Any] = field(default_factory=dict)  # of the optional rooms, as configured

    def document(self) -> dict[str, Any]:
        """What the emulator needs of it."""
        return {
            "Arns": list(self.arns),
            "Names": dict(self.names),
            "SigningKeys": dict(self.signing_keys),
            "Clients": dict(self.clients),
            "Sections": dict(self.sections),
        }

    def described(self) -> list[str]:
        """What is played and how, a line each."""
        numbers = [f"{number}: a phone number of the account" for number in _numbers_in(self.sections)]
        return [f"{arn}: {self._played_as(arn)}" for arn in self.arns] + numbers

    def _played_as(self, arn: str) -> str:
        if arn in self.exports:
            return f"a contact flow: as {self.exports[arn]} says"
        if arn in self.flows:
            return "a contact flow: identifies the caller, then queues"
        if arn in self.signing_keys:
            return f"a key that signs: {self.signing_keys[arn]}"
        # The first that fits, and of an instance's parts the part.
        return next((how for part, how in _PLAYED_AS.items() if part in arn), "nothing knows it")

    def flow_contents(self, function_arn: str) -> dict[str, str]:
        """The contents of the adopted flows, which invoke the function that is deployed by now."""
        return {arn: _FUNCTION.sub(function_arn, content) for arn, content in self.flows.items()}


def read_existing(configuration: Mapping[str, Any], signing_keys: Mapping[str, str]) -> Existing:
    """What the configuration of an environment names; LocalAwsError for an export that cannot be read."""
    connect = configuration.get("connect", {})
    instance_arn = connect.get("instance_arn")
    arns = list(dict.fromkeys([*_arns_in(configuration), *signing_keys]))
    names: dict[str, str] = {}
    flows: dict[str, str] = {}
    exports: dict[str, Path] = {}
    adopted = _adopted_flows(connect)
    if isinstance(instance_arn, str) and _INSTANCE.fullmatch(instance_arn):
        queues = _queues(connect, instance_arn)
        names = {arn: f"played: {name}" for name, arn in queues.items()}
        for topic, arn in adopted.items():
            file = _export_of(arn, topic)
            if file is None:
                flows.setdefault(arn, _played_flow(queues))
            else:
                exports[arn] = file.relative_to(checkout.CHECKOUT)
                flows[arn] = _INSTANCE.sub(instance_arn, _read_export(file))
        if adopted or names.keys() & set(arns):
            arns += [each for each in names if each not in arns]
        in_flows = (each for content in flows.values() for each in _ARN.findall(content))
        arns += [each for each in dict.fromkeys(in_flows) if each not in arns and "/queue/" in each]
    return Existing(
        arns=tuple(arns),
        names=names,
        signing_keys=signing_keys,
        clients=_clients(configuration),
        flows=flows,
        exports=exports,
        sections=optional_rooms.sections_of(configuration),
    )


def _arns_in(value: Any) -> Iterator[str]:
    if isinstance(value, str) and _ARN.fullmatch(value):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _arns_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _arns_in(item)


def _numbers_in(value: Any) -> Iterator[str]:
    """Those that stand alone: of a number with an ARN, that is said."""
    if not isinstance(value, dict):
        return
    if isinstance(value.get("number"), str) and "arn" not in value:
        yield value["number"]
    for item in value.values():
        yield from _numbers_in(item)


def _adopted_flows(connect: Mapping[str, Any]) -> dict[str, str]:
    """The ARNs by the topics whose calls enter the flows."""
    topics = connect.get("topics", {})
    given = {DEFAULT_FLOW: connect.get("contact_flow_arn"), **(topics if isinstance(topics, dict) else {})}
    return {topic: arn for topic, arn in given.items() if isinstance(arn, str) and arn.startswith("arn:")}


def _queues(connect: Mapping[str, Any], instance_arn: str) -> dict[str, str]:
    """Those of the configuration, or where every flow is adopted, two of the instance."""
    invented = {name: uuid.uuid5(uuid.NAMESPACE_URL, name) for name in ("verified", "unverified")}
    flow = connect.get("flow")
    overflow = flow.get("overflow_queue_arn") if isinstance(flow, dict) else None
    return {
        **{
            name: str(connect.get(f"{name}_queue_arn") or f"{instance_arn}/queue/{queue_id}")
            for name, queue_id in invented.items()
        },
        **({"overflow": overflow} if isinstance(overflow, str) else {}),
    }


def _clients(configuration: Mapping[str, Any]) -> dict[str, Any]:
    pool = configuration.get("identity", {}).get("existing_user_pool")
    if not isinstance(pool, dict) or not isinstance(pool.get("arn"), str):
        return {}
    client = {"ClientId": pool.get("client_id"), "WriteAttributes": pool.get("client_writes", [])}
    return {pool["arn"]: client}


def _export_of(arn: str, topic: str) -> Path | None:
    folder = checkout.CHECKOUT / FLOWS
    files = (folder / f"{arn.rpartition('/')[2]}.json", folder / f"{topic}.json")
    return next((file for file in files if file.exists()), None)


def _read_export(file: Path) -> str:
    content = file.read_text(encoding="utf-8-sig")
    try:
        json.loads(content)
    except ValueError as error:
        raise LocalAwsError(f"{file} is no contact flow as Amazon Connect exports it: {error}.") from None
    return content


def _played_flow(queues: Mapping[str, str]) -> str:
    """A flow that a contact center may have: it invokes the function, keeps the answer, and queues."""
    blocks = [
        _block("who", "InvokeLambdaFunction", "which", LambdaFunctionARN=_CALLER_CONTEXT,
               InvocationTimeLimitSeconds="7", ResponseValidation={"ResponseType": "STRING_MAP"}),
        {
            "Identifier": "which",
            "Type": "Compare",
            "Parameters": {"ComparisonValue": "$.External.auth_status"},
            "Transitions": {
                "NextAction": "unverified",
                "Errors": [{"NextAction": "unverified", "ErrorType": "NoMatchingCondition"}],
                "Conditions": [
                    {"NextAction": next_action, "Condition": {"Operator": "Equals", "Operands": [status]}}
                    for status, next_action in (("verified", "verified"), ("abandoned", "end"))
                ],
            },
        },
        _block("verified", "UpdateContactAttributes", "choose-verified", TargetContact="Current",
               Attributes={"auth_status": "verified", "customer_id": "$.External.customer_id"}),
        _block("choose-verified", "UpdateContactTargetQueue", "queue", QueueId=queues["verified"]),
        _block("unverified", "UpdateContactAttributes", "choose-unverified", "end", TargetContact="Current",
               Attributes={"auth_status": "unverified", "customer_id": "unknown"}),
        _block("choose-unverified", "UpdateContactTargetQueue", "queue", "end", QueueId=queues["unverified"]),
        {
            "Identifier": "queue",
            "Type": "TransferContactToQueue",
            "Parameters": {},
            "Transitions": {
                "NextAction": "end",
                "Errors": [
                    {"NextAction": "end", "ErrorType": "QueueAtCapacity"},
                    {"NextAction": "end", "ErrorType": "NoMatchingError"},
                ],
            },
        },
        {"Identifier": "end", "Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {}},
    ]  # fmt: skip
    return json.dumps({"Version": "2019-10-30", "StartAction": "who", "Metadata": {}, "Actions": blocks})


def _block(
    identifier: str, kind: str, next_action: str, on_error: str = "unverified", **parameters: Any
) -> dict[str, Any]:
    errors = [{"NextAction": on_error, "ErrorType": "NoMatchingError"}]
    return {
        "Identifier": identifier,
        "Type": kind,
        "Parameters": parameters,
        "Transitions": {"NextAction": next_action, "Errors": errors},
    }
