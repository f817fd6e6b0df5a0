"""What the account has before anything is deployed into it: by ARNs, of whatever service they are."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ministack.core import responses
from ministack.services import acm, cognito, iam, secretsmanager, waf

from local.emulator.cloudformation.provisioners import accepted
from local.emulator.connect.connect import Connect
from local.emulator.connect.instance import Kind
from local.emulator.kms import keys

_ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
# Until the app is deployed, an adopted flow hangs up.
_EMPTY_FLOW = json.dumps({
    "Version": "2019-10-30",
    "StartAction": "end",
    "Metadata": {},
    "Actions": [
        {"Identifier": "end", "Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {}}
    ],
})  # fmt: skip
_AUTH_FLOWS = ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_AUTH"]


@dataclass(frozen=True)
class Existing:
    """ARNs, and what more is known of some: `local.launcher.existing` says where from."""

    arns: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    signing_keys: Mapping[str, str] = field(default_factory=dict)
    clients: Mapping[str, Any] = field(default_factory=dict)
    sections: Mapping[str, Any] = field(default_factory=dict)
    """Of the optional rooms, which make what these name beside."""

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "Existing":
        """What the launcher passes."""
        return cls(
            tuple(document["Arns"]),
            document["Names"],
            document["SigningKeys"],
            document["Clients"],
            document["Sections"],
        )

    def of(self, part: str) -> list[str]:
        """The ARNs that contain this."""
        return [arn for arn in self.arns if part in arn]


def make(existing: Existing, connect: Connect, *, account: str, region: str) -> None:
    """Make all of it, but for what is the optional rooms' own."""
    _make_instances(existing, connect)
    with responses.request_scope(account, region):
        for arn in existing.of(":kms:"):
            keys.make(arn, existing.signing_keys.get(arn))
        for part, maker in _MAKERS.items():
            for arn in existing.of(part):
                maker(arn, existing)


def _make_instances(existing: Existing, connect: Connect) -> None:
    """The instances, before what they consist of."""
    instances = connect.instances
    of_instances = [arn for arn in existing.of(":connect:") if ":instance/" in arn]
    for instance_arn in dict.fromkeys("/".join(arn.split("/")[:2]) for arn in of_instances):
        attributes = {
            "InboundCalls": True,
            "OutboundCalls": False,
            "ContactflowLogs": True,
            "EnhancedContactMonitoring": True,
        }
        instances.adopt(Kind.INSTANCE, instance_arn, {
            "Attributes": attributes,
            "IdentityManagementType": "CONNECT_MANAGED",
            "InstanceAlias": f"played-{instance_arn.rpartition('/')[2][:8]}",
        })  # fmt: skip
        always = {"Hours": 0, "Minutes": 0}
        config = [
            {"Day": day, "StartTime": always, "EndTime": always}
            for day in ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
        ]
        hours = {"InstanceArn": instance_arn, "TimeZone": "UTC", "Config": config}
        for arn in [each for each in of_instances if each.startswith(f"{instance_arn}/operating-hours/")]:
            name = f"played: hours {arn.rpartition('/')[2][:8]}"
            instances.adopt(Kind.HOURS_OF_OPERATION, arn, {**hours, "Name": name})
        hours_arn = instances.create(Kind.HOURS_OF_OPERATION, {**hours, "Name": "played: always"}).arn
        for arn in [each for each in of_instances if each.startswith(f"{instance_arn}/queue/")]:
            name = existing.names.get(arn, f"played: queue {arn.rpartition('/')[2][:8]}")
            queue = {"InstanceArn": instance_arn, "Name": name, "HoursOfOperationArn": hours_arn}
            instances.adopt(Kind.QUEUE, arn, queue)
        for arn in [each for each in of_instances if each.startswith(f"{instance_arn}/contact-flow/")]:
            flow = {"InstanceArn": instance_arn, "Type": "CONTACT_FLOW", "Content": _EMPTY_FLOW}
            name = f"played: flow {arn.rpartition('/')[2][:8]}"
            instances.adopt(Kind.CONTACT_FLOW, arn, {**flow, "Name": name})


def _make_user_pool(arn: str, existing: Existing) -> None:
    pool_id = arn.partition("userpool/")[2]
    request = {
        "PoolName": f"played-{pool_id}",
        "UsernameAttributes": ["email"],
        "AutoVerifiedAttributes": ["email"],
    }
    made = accepted(cognito._create_user_pool(request))["UserPool"]["Id"]
    pool = cognito._user_pools.pop(made)
    cognito._user_pools[pool_id] = {**pool, "Id": pool_id, "Arn": arn}
    if client := existing.clients.get(arn):
        writes = client["WriteAttributes"]
        request = {"UserPoolId": pool_id, "ClientName": "played", "ExplicitAuthFlows": _AUTH_FLOWS}
        made = accepted(cognito._create_user_pool_client({**request, "WriteAttributes": writes}))
        clients = cognito._user_pools[pool_id]["_clients"]
        client_id = client["ClientId"]
        clients[client_id] = {**clients.pop(made["UserPoolClient"]["ClientId"]), "ClientId": client_id}


def _make_certificate(arn: str, _existing: Existing) -> None:
    made = accepted(acm._request_certificate({"DomainName": "played.example.com"}))["CertificateArn"]
    acm._certificates[arn] = {**acm._certificates.pop(made), "CertificateArn": arn, "Status": "ISSUED"}


def _make_web_acl(arn: str, _existing: Existing) -> None:
    scope, _, name, acl_id = arn.rpartition(":")[2].split("/")
    given = {"DefaultAction": {"Allow": {}}, "VisibilityConfig": {}, "Rules": []}
    made, _, acl = waf.create_web_acl_record(name, scope.upper(), given)
    waf._web_acls.pop(made)
    waf._web_acls[acl_id] = {**acl, "Id": acl_id, "ARN": arn}


def _make_policy(arn: str, _existing: Existing) -> None:
    if ":aws:policy/" in arn:
        return  # AWS's own, which every account has
    name = arn.rpartition("/")[2]
    given = {"PolicyName": [name], "PolicyDocument": [json.dumps(_ALLOW_ALL)]}
    path = arn.partition(":policy")[2].removesuffix(name)
    status, _, body = iam._create_policy({**given, "Path": [path]})
    if status >= 400:
        raise ValueError(body)


def _make_secret(arn: str, _existing: Existing) -> None:
    name = arn.rpartition(":secret:")[2].rpartition("-")[0]
    made = accepted(secretsmanager._create_secret({"Name": name, "SecretString": "played"}))
    for secret in secretsmanager._secrets.values():
        if secret["ARN"] == made["ARN"]:
            secret["ARN"] = arn


_MAKERS: dict[str, Callable[[str, Existing], None]] = {
    ":acm:": _make_certificate,
    ":cognito-idp:": _make_user_pool,
    ":iam:": _make_policy,
    ":secretsmanager:": _make_secret,
    ":wafv2:": _make_web_acl,
}
