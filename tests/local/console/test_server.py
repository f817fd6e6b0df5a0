"""Who gets what of the page's server: browsers that show other pages too, other users of the machine."""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from local.console.actions import RefusedError
from local.console.server import KEY_HEADER, MAX_BODY_BYTES, console

EVIL = "https://evil.example"


class FakeActions:
    """Everything can be done, and is noted."""

    def __init__(self) -> None:
        self.performed: list[tuple[str, str, Mapping[str, Any]]] = []

    def perform(self, method: str, path: str, document: Mapping[str, Any]) -> Any:
        if path == "refused":
            raise RefusedError(HTTPStatus.CONFLICT, "not now")
        self.performed.append((method, path, document))
        return {"Done": path}


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Page:
    """The server, and its key."""

    def __init__(self, link: str, actions: FakeActions) -> None:
        address, _, self.key = link.partition("#")
        self.origin = address.rstrip("/")
        self.port = int(self.origin.rpartition(":")[2])
        self.actions = actions

    def send(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: str | None = None
    ) -> Answer:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            with connection.getresponse() as response:
                return Answer(response.status, response.headers, response.read())

    def send_as_page(self, method: str, path: str, body: str | None = None, **changed: str) -> Answer:
        """As the page itself sends it, but for what is changed."""
        headers = {
            "Host": f"127.0.0.1:{self.port}",
            "Origin": self.origin,
            "Sec-Fetch-Site": "same-origin",
            KEY_HEADER: self.key,
            **{name.replace("_", "-"): value for name, value in changed.items()},
        }
        return self.send(method, path, headers, body)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    folder = tmp_path / "console"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>page</title>")
    (folder / "assets" / "main.js").write_text("'use strict'")
    (tmp_path / "secret").write_text("secret")
    actions = FakeActions()
    with console(actions, port=0, folder=folder) as link:
        yield Page(link, actions)


def test_the_page_does_what_it_may(page: Page) -> None:
    answer = page.send_as_page("POST", "/api/contacts/1/events", '{"Event": "AgentConnected"}')
    assert (answer.status, json.loads(answer.body)) == (200, {"Done": "contacts/1/events"})
    assert page.actions.performed == [("POST", "contacts/1/events", {"Event": "AgentConnected"})]
    refused = page.send_as_page("POST", "/api/refused")
    assert (refused.status, json.loads(refused.body)) == (409, {"message": "not now"})


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"Host": "evil.example"}, 403),  # a name that leads here
        ({"Host": "127.0.0.1.nip.io"}, 403),
        ({"Origin": EVIL}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),  # another page of this machine
        ({"Origin": "http://localhost"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Sec_Fetch_Site": "none"}, 403),  # an address that a person was made to type
        ({KEY_HEADER: ""}, 401),
        ({KEY_HEADER: "an-invented-one"}, 401),
    ],
)
def test_nobody_else_does(changed: dict[str, str], status: int, page: Page) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = page.send_as_page(method, "/api/contacts", None, **changed)
        assert answer.status == status
    assert page.actions.performed == []


def test_another_user_of_the_machine_has_no_key(page: Page) -> None:
    assert page.send("GET", "/api/contacts").status == 401
    assert page.send("GET", f"/api/contacts?key={page.key}").status == 401
    assert page.send("GET", "/api/contacts", {"Cookie": f"key={page.key}"}).status == 401


def test_no_other_page_may_read_or_prepare_anything(page: Page) -> None:
    for method in ("GET", "OPTIONS"):
        preflight = {"Origin": EVIL, "Access-Control-Request-Method": "POST"}
        answer = page.send(method, "/api/contacts", preflight)
        assert answer.status in {401, 403}
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}
    assert page.send("GET", "/assets/main.js", embedded).status == 403
    framed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    assert page.send("GET", "/", framed).status == 403


def test_whoever_follows_the_link_sees_the_page_and_no_secret_in_it(page: Page) -> None:
    visit = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    answer = page.send("GET", "/", visit)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html")
    assert page.key not in answer.body.decode()
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert page.send("GET", "/assets/main.js").status == 200


@pytest.mark.parametrize(
    "path", ["/../secret", "/%2e%2e/secret", "/assets/../../secret", "//secret", "/assets", "/..", "/assets/"]
)
def test_only_files_of_the_page_are_read(path: str, page: Page) -> None:
    answer = page.send("GET", path)
    assert answer.status == 404


def test_a_request_that_is_none_gets_a_clear_answer(page: Page) -> None:
    assert page.send_as_page("POST", "/api/clock", "[]").status == 400
    assert page.send_as_page("POST", "/api/clock", "{").status == 400
    assert page.send_as_page("POST", "/api/clock", "x" * (MAX_BODY_BYTES + 1)).status == 413
    assert page.send_as_page("POST", "/api/clock", None, Content_Length="many").status == 411
    assert page.send("POST", "/").status == 405


def test_each_run_has_a_key_of_its_own(page: Page, tmp_path: Path) -> None:
    with console(FakeActions(), port=0, folder=tmp_path) as link:
        another = link.partition("#")[2]
    assert another != page.key
    assert len(another) >= 40
