"""DynamoDB, SSM and Amazon Connect on loopback: always the same answers, over TLS.

TLS, because a function pays for it: botocore reads the 120 or so root certificates that it ships for each new
connection. The functions trust those, as on AWS, and this server's own.
"""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tools.bench.loopback import Handler, running

INSTANCE_ARN = "arn:aws:connect:eu-west-2:111122223333:instance/0f000000-0000-4000-8000-000000000001"
CONTACT_FLOW_ARN = f"{INSTANCE_ARN}/contact-flow/0f000000-0000-4000-8000-000000000002"
USER_ID = "0f000000-0000-4000-8000-000000000011"
REFERENCE = "reference-of-32-characters-xxxxx"

_PLACEMENT = {
    "AudioHostUrl": "0f00000000000000.k.m1.ew2.app.chime.aws:3478",
    "AudioFallbackUrl": "wss://haxrp.m1.ew2.app.chime.aws:443/calls/0f000000-0000-4000-8000-000000000012",
    "SignalingUrl": "wss://signal.m1.ew2.app.chime.aws/control/0f000000-0000-4000-8000-000000000012",
    "TurnControlUrl": "https://ccp.cp.ue1.app.chime.aws/v2/turn_sessions",
    "EventIngestionUrl": "https://data.svc.ew2.ingest.chime.aws/v1/client-events",
}
_STARTED = {
    "ConnectionData": {
        "Attendee": {"AttendeeId": "0f000000-0000-4000-8000-000000000013", "JoinToken": "j" * 160},
        "Meeting": {
            "MeetingId": "0f000000-0000-4000-8000-000000000012",
            "MediaRegion": "eu-west-2",
            "MediaPlacement": _PLACEMENT,
            "MeetingFeatures": {"Audio": {"EchoReduction": "AVAILABLE"}},
        },
    },
    "ContactId": "0f000000-0000-4000-8000-000000000010",
    "ParticipantId": "0f000000-0000-4000-8000-000000000014",
    "ParticipantToken": "p" * 400,
}
_NOW = int(time.time())
# What a write returns that asks for the item: a record as `lambdas/calls/table.py` writes it.
_CALL = {
    "UserId": {"S": USER_ID},
    "Transport": {"S": "webrtc"},
    "StartedAt": {"N": f"{_NOW}000"},
    "IdempotencyKey": {"S": "tap-1"},
    "RequestHash": {"S": "0" * 64},
    "Reference": {"S": REFERENCE},
    "ReferenceUntil": {"N": f"{_NOW + 3600}000"},
    "Context": {"M": {"customer_id": {"S": USER_ID}, "customer_email": {"S": "ada@example.com"}}},
    "SlotUntil": {"N": f"{_NOW + 3600}000"},
    "Starts": {"L": [{"N": f"{_NOW}000"}]},
    "DisplayName": {"S": "Ada"},
    "Capabilities": {"L": []},
    "ExpiresAt": {"N": str(_NOW + 7200)},
}
# DynamoDB and SSM name their operation in a header, Connect in the path.
_CONNECT_PATHS = {"/contact/webrtc": "StartWebRTCContact"}
_ANSWERS: dict[str, dict[str, Any]] = {
    "GetParameter": {"Parameter": {"Name": "/in-app-calling/bench/Calling", "Type": "String", "Value": "on"}},
    "PutItem": {},
    "StartWebRTCContact": _STARTED,
    "UpdateItem": {},
}


@dataclass
class AwsServer:
    """A server that runs; `operations` are those that were called, oldest first."""

    environment: dict[str, str]
    """What functions need in order to find and trust it."""
    operations: list[str] = field(default_factory=list)
    delays: Mapping[str, float] = field(default_factory=dict)
    """Seconds that it takes to answer an operation; none unless said."""


@contextmanager
def serving(directory: Path) -> Iterator[AwsServer]:
    """Runs the server, and beside it a socket for the datagrams of traces, which nobody reads.

    Writes into `directory` what TLS needs, with a key that is made for this run.
    """
    certificate, key = _certificate()
    (directory / "server.pem").write_bytes(certificate + key)
    (directory / "certificate.pem").write_bytes(certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem")
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as http,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as traces,
    ):
        traces.bind(("127.0.0.1", 0))
        http.socket = context.wrap_socket(http.socket, server_side=True)
        server = AwsServer(
            {
                "AWS_ENDPOINT_URL": f"https://127.0.0.1:{http.server_port}",
                "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{traces.getsockname()[1]}",
            }
        )
        _Handler.aws = server
        with running(http):
            yield server


class _Handler(Handler):
    aws: AwsServer

    def do_POST(self) -> None:  # noqa: N802 - the base class's names
        sent = json.loads(self.read_body())
        target = self.headers.get("X-Amz-Target", "")
        operation = target.rpartition(".")[2] if target else _CONNECT_PATHS[self.path]
        self.aws.operations.append(operation)
        time.sleep(self.aws.delays.get(operation, 0))
        answer = {"Attributes": _CALL} if sent.get("ReturnValues") == "ALL_NEW" else _ANSWERS[operation]
        body = json.dumps(answer).encode()
        headers = {
            "Content-Type": "application/x-amz-json-1.0" if target else "application/json",
            "x-amzn-RequestId": "0f000000-0000-4000-8000-000000000015",
        }
        self.answer(200, body, headers)

    do_PUT = do_POST  # noqa: N815 - the base class's names


def _certificate() -> tuple[bytes, bytes]:
    """A certificate of 127.0.0.1 that vouches for itself, good for a day, and its key; both PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "make bench")])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(hours=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private
