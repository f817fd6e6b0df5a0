import pytest

from local import origins


@pytest.mark.parametrize(
    "host", ["127.0.0.1:4566", "localhost:4566", "LOCALHOST", "[::1]:4566", "[::1]", "localhost"]
)
def test_a_name_of_this_machine_is_recognized(host: str) -> None:
    assert origins.is_this_machine(host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:4566", "127.0.0.1.evil.example", "127.0.0.1.nip.io:4566", "10.0.0.5",
        "0.0.0.0:4566", "2130706433", "", "[", "a@b", "evil@127.0.0.1", "127.0.0.1:x", "127.0.0.1/x", "[::]",
        "localhost.",
    ],
)  # fmt: skip
def test_another_name_that_leads_here_is_not(host: str) -> None:
    assert not origins.is_this_machine(host)


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:5173",
        "http://127.0.0.1:3000",
        "http://[::1]:8080",
        "https://localhost",
        "http://localhost",
    ],
)
def test_a_page_of_this_machine_may_have_any_port(origin: str) -> None:
    # To a browser, one port is "same-site" with another, and one name is "cross-site" with another.
    for site in ("same-site", "cross-site"):
        assert not origins.is_of_a_foreign_page({"origin": origin, "sec-fetch-site": site})


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example", "null", "", "http://localhost.evil.example", "http://evil.example:80", "file://",
        "http://[", "http://localhost@evil.example", "http://a@localhost", "http://localhost/", "localhost",
        "capacitor://localhost", "chrome-extension://abc", "http://127.0.0.1:x",
    ],
)  # fmt: skip
def test_any_other_page_is_foreign(origin: str) -> None:
    assert origins.is_of_a_foreign_page({"origin": origin})


def test_what_a_foreign_page_embeds_is_foreign_without_an_origin() -> None:
    assert origins.is_of_a_foreign_page({"sec-fetch-site": "cross-site", "sec-fetch-dest": "image"})
    assert origins.is_of_a_foreign_page({"sec-fetch-site": "same-site"})


@pytest.mark.parametrize(
    "headers", [{}, {"sec-fetch-mode": "cors"}, {"sec-fetch-site": "none"}, {"sec-fetch-site": "same-origin"}]
)
def test_a_program_and_a_person_are_no_foreign_page(headers: dict[str, str]) -> None:
    assert not origins.is_of_a_foreign_page(headers)


@pytest.mark.parametrize("headers", [{"origin": "http://localhost"}, {"sec-fetch-mode": "cors"}])
def test_a_browser_is_known_by_either_header(headers: dict[str, str]) -> None:
    assert origins.is_of_a_browser(headers)
    assert not origins.is_of_a_browser({"user-agent": "Mozilla/5.0", "host": "localhost"})


def test_a_visit_shows_its_address_to_the_person() -> None:
    visit = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert origins.is_a_visit(visit)
    assert not origins.is_a_visit({**visit, "sec-fetch-dest": "iframe"})
    assert not origins.is_a_visit({**visit, "origin": "https://evil.example"})
    assert not origins.is_a_visit({})


def test_a_page_is_allowed_no_cookies_and_no_other_page_is_named() -> None:
    page = {"origin": "http://localhost:5173", "access-control-request-headers": "authorization"}
    for allowed in (origins.preflight_headers(page), origins.cors_headers(page)):
        assert allowed["Access-Control-Allow-Origin"] == "http://localhost:5173"
        assert allowed["Vary"] == "Origin"
        assert "Access-Control-Allow-Credentials" not in allowed
    assert origins.cors_headers({}) == {}
