"""What all services of the emulator share: settings, Connect, the control endpoints, MiniStack."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
from ministack import app
from ministack.core import responses, router
from ministack.services import eventbridge

from local.access import Access
from local.emulator import media
from local.emulator.aws_service import AwsError, Call, RestJsonService
from local.emulator.cloudformation.records import Records
from local.emulator.cloudformation.registry import Registry
from local.emulator.connect.connect import Connect
from local.emulator.connect.instances import Instances
from local.emulator.connect.media_placement import MediaPlane
from local.emulator.connect.operators import Operators
from local.emulator.connect.presence import Meetings
from local.emulator.control import Control
from local.emulator.existing import Existing
from local.emulator.iam import permissions
from local.emulator.lambda_ import functions
from local.emulator.rest_of_aws import RestOfAws
from local.issuer.issuer import Issuer
from local.issuer.stand_in import StandIn


@dataclass(frozen=True)
class Settings:
    """Where this emulator stands and what it pretends to be."""

    port: int
    account: str
    region: str
    functions_python: Path
    functions_node: Path
    existing: Existing
    stand_in: StandIn | None
    folder: Path
    access: Access
    media_port: int | None  # of the media plane, where one runs

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read the settings; KeyError where one is missing."""
        stand_in = json.loads(os.environ["LOCAL_STAND_IN"])
        return cls(
            port=int(os.environ["GATEWAY_PORT"]),
            account=os.environ["MINISTACK_ACCOUNT_ID"],
            region=os.environ["MINISTACK_REGION"],
            functions_python=Path(os.environ["LOCAL_FUNCTIONS_PYTHON"]),
            functions_node=Path(os.environ["LOCAL_FUNCTIONS_NODE"]),
            existing=Existing.read(json.loads(os.environ["LOCAL_EXISTING"])),
            stand_in=StandIn(**stand_in) if stand_in else None,
            folder=Path(os.environ["TMPDIR"]),
            access=Access.read(Path(os.environ["LOCAL_ACCESS"])),
            media_port=int(os.environ["LOCAL_MEDIA_PORT"]) if "LOCAL_MEDIA_PORT" in os.environ else None,
        )


class _Surroundings:
    """The rest of AWS for one service: functions, in the name of `principal`, and EventBridge."""

    def __init__(self, settings: Settings, *, principal: str, event_source: str) -> None:
        self._settings = settings
        self._principal = principal
        self._event_source = event_source

    def invoke_function(self, function_arn: str, event: Mapping[str, Any], *, source_arn: str) -> object:
        with responses.request_scope(self._settings.account, self._settings.region):
            return functions.invoke(
                function_arn,
                event,
                service=self._principal,
                source_arn=source_arn,
                account=self._settings.account,
                region=self._settings.region,
            )

    def publish_event(self, detail_type: str, detail: Mapping[str, Any], resources: list[str]) -> None:
        entry = {
            "Source": self._event_source,
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
            "Resources": resources,
        }
        with responses.request_scope(self._settings.account, self._settings.region):
            eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


class Emulator:
    """One emulator; `services` adds to it what MiniStack lacks."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.account, self.region = settings.account, settings.region
        # What a request is signed for says which service it is for. MiniStack would look for the names in the
        # models of all services at the first that it does not play, and answer nothing for some seconds.
        router._KNOWN_AWS_SERVICE_NAMES = frozenset(botocore.session.get_session().get_available_services())
        self.endpoint_url = f"http://127.0.0.1:{settings.port}"
        self.registry = Registry(settings.region)
        self.records = Records(self.registry)
        self.media = MediaPlane.at(settings.media_port)
        self.connect = Connect(
            region=settings.region,
            instances=Instances(region=settings.region, account=settings.account),
            rest=self.rest_of_aws(principal="connect.amazonaws.com", event_source="aws.connect"),
            media=self.media,
        )
        self.connect_service = RestJsonService(
            "connect", self.connect.instances, self.connect, Operators(self.connect)
        )
        self.issuer = Issuer()
        if stand_in := settings.stand_in:
            self.issuer.client_id = stand_in.client_id
            self.issuer.external = stand_in.issuer if stand_in.is_external else ""
        self.control = Control(self.connect, self.records.listed, issuer=self.issuer)
        media.serve(Meetings(self.connect), self.control)
        self.issuer.take_fault = self.control.take_fault

    def rest_of_aws(self, *, principal: str, event_source: str) -> RestOfAws:
        """Functions and the default event bus, as the service of that principal reaches them."""
        return _Surroundings(self.settings, principal=principal, event_source=event_source)

    def serve(
        self, service: RestJsonService, arns_of: Callable[[Call], list[str]], *, namespace: str
    ) -> None:
        """Let MiniStack answer for a service.

        `arns_of` gives the resources that IAM decides about, `namespace` is how policies call the service.
        """

        def resources(
            method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]
        ) -> tuple[str, list[str]]:
            try:
                call = service.read(method, path, headers, body, query)
            except AwsError:
                # The service refuses it anyway; whoever may do nothing there is refused before.
                return "Unknown", ["*"]
            return call.operation, arns_of(call)

        async def handle(
            method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]
        ) -> tuple[int, dict[str, str], bytes]:
            operation, arns = resources(method, path, headers, body, query)
            access_key_id = router.extract_access_key_id(headers, query)
            for arn in arns[1:]:
                refusal: tuple[int, dict[str, str], bytes] | None = permissions.refusal(
                    access_key_id, service.name, operation, arn, region=self.region, request_id=""
                )
                if refusal is not None:
                    return refusal
            answer = service.answer(method, path, headers, body, query)
            return answer.status, answer.headers, answer.body

        app.SERVICE_HANDLERS[service.name] = handle
        permissions.govern(service.name, resources, namespace=namespace)
