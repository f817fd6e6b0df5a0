import pytest

from local.emulator.origins import refusal


@pytest.mark.parametrize("host", ["127.0.0.1:4566", "localhost:4566", "[::1]:4566", "localhost"])
def test_programs_on_this_machine_are_answered(host: str) -> None:
    assert refusal("/_local/contacts", {"host": host}) is None


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:4566", "127.0.0.1.evil.example", "10.0.0.5:4566", "", "[", "a@b"]
)
@pytest.mark.parametrize("path", ["/_local/contacts", "/", "/_aws/execute-api/abc/v1/start-call"])
def test_a_name_that_merely_leads_here_is_refused(host: str, path: str) -> None:
    assert refusal(path, {"host": host})


def test_a_request_without_a_host_is_refused() -> None:
    assert refusal("/_local/faults", {})


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "", "http://localhost.evil.example", "file://", "http://["]
)
@pytest.mark.parametrize("path", ["/_local/faults", "/2015-03-31/functions", "/"])
def test_a_page_from_elsewhere_is_refused(origin: str, path: str) -> None:
    assert refusal(path, {"host": "127.0.0.1:4566", "origin": origin})


def test_a_page_that_is_developed_here_may_use_it() -> None:
    headers = {"host": "localhost:4566", "origin": "http://localhost:5173"}
    assert refusal("/", headers) is None


def test_a_deployed_api_may_be_called_by_pages_from_elsewhere() -> None:
    headers = {"host": "127.0.0.1:4566", "origin": "https://shop.example"}
    assert refusal("/_aws/execute-api/abc/v1/start-call", headers) is None
    assert refusal("/_local/_aws/execute-api/", headers)
