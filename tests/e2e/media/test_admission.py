"""Who is let into the media plane: what a browser can send, from where, and who else is on the machine."""

import http.client
import json
import re
from collections.abc import Callable, Mapping
from contextlib import closing

import pytest

from local.launcher.local_aws import LocalAws
from operations.media.program import Program
from tests.e2e.media.participants import Call, Somebody

EVIL = "https://evil.example"
PAGE = "http://localhost:5173"
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol": "_aws_wt_session, an-invented-token",
}


def answer(
    running: LocalAws, method: str, path: str, headers: Mapping[str, str], body: str = ""
) -> http.client.HTTPResponse:
    """What the plane answers; its body is not read."""
    assert running.media_port
    with closing(http.client.HTTPConnection("127.0.0.1", running.media_port, timeout=10)) as connection:
        connection.request(method, path, body=body or None, headers=dict(headers))
        with connection.getresponse() as response:
            return response


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 101),
        ({"Origin": PAGE}, 101),
        ({"Origin": "http://[::1]:8080"}, 101),
        ({"Origin": EVIL}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "http://localhost@evil.example"}, 403),
        ({"Origin": "file://"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.nip.io"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_a_page_of_this_machine_may_open_a_web_socket_and_no_other(
    headers: dict[str, str], status: int, running: LocalAws
) -> None:
    # Without a place it is closed when it joins: `test_media.py`.
    assert answer(running, "GET", "/control/a-meeting", {**UPGRADE, **headers}).status == status


def test_a_web_socket_leads_to_meetings_alone(running: LocalAws) -> None:
    assert answer(running, "GET", "/elsewhere", UPGRADE).status == 404
    assert answer(running, "GET", "/control/", UPGRADE).status == 404


def test_what_the_sdk_reports_is_taken_from_pages_of_this_machine(running: LocalAws) -> None:
    path = "/v1/client-events"
    preflight = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    allowed = answer(running, "OPTIONS", path, preflight)
    assert (allowed.status, allowed.headers["Access-Control-Allow-Origin"]) == (204, PAGE)
    taken = answer(running, "POST", path, {"Origin": PAGE}, "{}")
    assert (taken.status, taken.headers["Access-Control-Allow-Origin"]) == (200, PAGE)
    for headers in ({"Origin": EVIL}, {"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        refused = answer(running, "POST", path, headers, "{}")
        assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (403, None)
    assert answer(running, "POST", path, {}, "x" * 1_100_000).status == 413


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 404),  # nobody of that id is in a meeting
        ({"X-Local-Token": "an-invented-one"}, 403),
        ({"X-Local-Token": ""}, 403),
        ({"Origin": PAGE}, 403),
        ({"Sec-Fetch-Mode": "cors"}, 403),
        ({"Host": "evil.example"}, 403),
    ],
)
def test_a_network_is_cut_with_the_token_of_the_run_and_by_no_browser(
    headers: dict[str, str], status: int, running: LocalAws
) -> None:
    body = json.dumps({"AttendeeId": "nobody", "Up": False})
    given = {**running.access.control_headers, **headers}
    assert answer(running, "POST", "/network", given, body).status == status


@pytest.mark.parametrize("body", ["", "[]", "null", "{}", '{"AttendeeId": 5, "Up": true}', "{"])
def test_a_request_that_is_none_is_refused(body: str, running: LocalAws) -> None:
    assert answer(running, "POST", "/network", running.access.control_headers, body).status == 400


def test_a_place_in_one_meeting_is_none_in_another(
    new_call: Callable[[], Call], participants: Program
) -> None:
    mine, other = new_call(), new_call()
    place = {"Attendee": mine.customer.place["Attendee"], "Meeting": other.customer.place["Meeting"]}
    intruder = Somebody(participants, place)
    intruder.join(440)
    assert intruder.notes("stopped: AudioAuthenticationRejected")


def test_no_token_is_written_anywhere(running: LocalAws) -> None:
    log = (running.directory / "media.log").read_text()
    assert not re.search(r"[\w-]{60}", log)
    assert running.access.control_token not in log
