"""The page of `make local` in Chromium: a caller in one browser, an agent in another."""

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.clients.observer import eventually
from local.console.actions import Actions
from local.console.server import console
from local.launcher.local_aws import LocalAws
from operations.media.program import Program
from tests.e2e.aws import Aws
from tests.e2e.media.browsers import Browser
from tests.e2e.media.participants import Call, Heard, Somebody

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parents[3]
PAGE = CHECKOUT / "build" / "console"
PICTURE = CHECKOUT / "docs" / "pictures" / "make-local.png"
PHONE, DESK = "phone-audio", "desk-audio"
CALLER_TONE, AGENT_TONE = 440, 880
MAX_CONCEALED = 0.01  # of the samples that are played


@pytest.fixture(scope="module")
def link(running: LocalAws) -> Iterator[str]:
    assert (PAGE / "index.html").exists(), "Run `make test-slow`: it builds the page."
    with console(Actions(running), port=0, folder=PAGE) as opened:
        yield opened


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    with Program(Path(__file__).parent / "browsers.ts") as started:
        yield started


@pytest.fixture
def new_browser(program: Program, link: str, aws: Aws) -> Iterator[Callable[..., Browser]]:
    """Opens browsers on the page; at the end none of them has requested anything of another machine."""
    for left in aws.contacts():
        if left["State"] != "ended":
            aws.happen(left["ContactId"], "CustomerDisconnected")
    opened: list[Browser] = []

    def open_one(tone: int = CALLER_TONE, **more: object) -> Browser:
        browser = Browser.open(program, str(uuid.uuid4()), link, tone=tone, **more)
        opened.append(browser)
        return browser

    yield open_one
    for browser in reversed(opened):
        foreign = browser.foreign_requests
        browser.close()
        assert foreign == []


@pytest.fixture
def caller(new_browser: Callable[..., Browser]) -> Browser:
    browser = new_browser(CALLER_TONE)
    browser.sign_in(f"{uuid.uuid4()}@example.com")
    return browser


@pytest.fixture
def agent(new_browser: Callable[..., Browser]) -> Browser:
    return new_browser(AGENT_TONE)


def comes_to_hear(browser: Browser, audio: str, condition: Callable[[Heard], bool]) -> bool:
    return eventually(lambda: condition(browser.hear(audio)), seconds=20)


def talk(caller: Browser, agent: Browser) -> None:
    caller.call()
    agent.answer()
    caller.sees("Talking", within="#phone-status")


def test_two_pages_hear_each_other(caller: Browser, agent: Browser) -> None:
    caller.sees("Now: open", within="#availability")
    caller.call()
    # A question has Connect asked about one who waits, and shows what was known before; the page asks every
    # ten seconds, and may ask first before the call is in the queue.
    assert eventually(lambda: "number 1 in the queue" in caller.text("#phone-status"), seconds=60)
    assert comes_to_hear(caller, PHONE, lambda heard: heard.level > 0.01)  # music
    agent.answer()
    caller.sees("Talking", within="#phone-status")
    assert comes_to_hear(caller, PHONE, lambda heard: heard.has(AGENT_TONE))
    assert comes_to_hear(agent, DESK, lambda heard: heard.has(CALLER_TONE))
    # The way through the flow, and the whisper to the agent alone.
    caller.sees("choose-verified-queue", within="#way")
    agent.sees("Whisper", within="#desk-captions")
    assert "Verified" not in caller.text("#phone-captions")
    caller.click("Mute")
    assert comes_to_hear(agent, DESK, lambda heard: heard.is_silence)
    for _ in range(12):
        caller.click("5")
    assert comes_to_hear(agent, DESK, lambda heard: heard.has(770, 1336))
    caller.click("Mute")
    agent.click("Hold")
    assert comes_to_hear(caller, PHONE, lambda heard: heard.level > 0.002 and not heard.has(AGENT_TONE))
    agent.click("Hold")
    assert comes_to_hear(caller, PHONE, lambda heard: heard.has(AGENT_TONE))
    caller.click("Hang up")
    caller.sees("The call has ended (CALLER)", within="#phone-status")
    agent.sees("Nobody calls", within="#desk-status")
    assert caller.errors == []
    assert agent.errors == []


def test_ten_seconds_without_a_network_are_survived(caller: Browser, agent: Browser) -> None:
    talk(caller, agent)
    caller.click("Drop the network")
    assert comes_to_hear(agent, DESK, lambda heard: heard.is_silence)
    caller.sees("Coming back", within="#phone-status")
    time.sleep(10)
    caller.click("Drop the network")
    caller.sees("Talking", within="#phone-status")
    assert comes_to_hear(caller, PHONE, lambda heard: heard.has(AGENT_TONE))
    assert comes_to_hear(agent, DESK, lambda heard: heard.has(CALLER_TONE))


@pytest.mark.parametrize("behaviour", ["ContactStays", "ContactEnds"])
def test_ninety_seconds_without_a_network_are_what_connect_makes_of_them(
    behaviour: str, caller: Browser, agent: Browser, aws: Aws
) -> None:
    with aws.behaving(LostCustomer=behaviour):
        talk(caller, agent)
        caller.click("Drop the network")
        assert comes_to_hear(agent, DESK, lambda heard: heard.is_silence)
        caller.click("Let 90 seconds pass for Connect")
        caller.sees("Ninety seconds have passed", within="#lab-status")
        if behaviour == "ContactStays":
            caller.click("Drop the network")
            # The old place is lost: the phone gets another one in the same call.
            caller.sees("Talking", within="#phone-status")
            assert comes_to_hear(caller, PHONE, lambda heard: heard.has(AGENT_TONE))
            assert comes_to_hear(agent, DESK, lambda heard: heard.has(CALLER_TONE))
        else:
            caller.sees("The call has ended", within="#phone-status")
            agent.sees("Nobody calls", within="#desk-status")


def test_an_agent_who_hangs_up_ends_the_callers_session(caller: Browser, agent: Browser) -> None:
    talk(caller, agent)
    agent.click("Hang up")
    caller.sees("The call has ended", within="#phone-status")
    agent.sees("Nobody calls", within="#desk-status")
    # Whoever calls again is answered again.
    talk(caller, agent)
    assert comes_to_hear(caller, PHONE, lambda heard: heard.has(AGENT_TONE))


def test_a_transferred_caller_is_offered_anew(caller: Browser, agent: Browser) -> None:
    talk(caller, agent)
    agent.click("Transfer")
    agent.answer()
    assert comes_to_hear(caller, PHONE, lambda heard: heard.has(AGENT_TONE))


def test_a_stranger_goes_the_other_way(caller: Browser, agent: Browser) -> None:
    caller.click("A stranger says to be the caller")
    caller.sees("unverified", within="#flow-status")
    agent.sees("Not verified", within="#offers")
    agent.sees("unverified", within="#offers")


def test_a_fault_is_seen_by_the_phone(caller: Browser, agent: Browser) -> None:
    caller.do("select", name="Fault", value="Connect throttles the next two starts")
    caller.click("Switch on")
    caller.sees("Switched on", within="#lab-status")
    caller.call()
    # The app repeats the request, and it is the same tap.
    caller.sees("POST /start-call → 201", within="#answers")
    assert "POST /start-call → 4" in caller.text("#answers") or "POST /start-call → 5" in caller.text(
        "#answers"
    )
    caller.click("Switch off")


def test_the_page_is_for_everybody(new_browser: Callable[..., Browser], agent: Browser) -> None:
    for more in ({"dark": False}, {"dark": True}, {"width": 360, "height": 740}):
        browser = new_browser(CALLER_TONE, **more)
        browser.sign_in(f"{uuid.uuid4()}@example.com")
        assert browser.do("axe")["violations"] == []
        browser.call()
        assert browser.do("axe")["violations"] == []
        agent.answer()
        browser.sees("Talking", within="#phone-status")
        assert browser.do("axe")["violations"] == []
        assert agent.do("axe")["violations"] == []
        assert browser.do("size", width=360, height=740)["overflows"] is False
        browser.click("Hang up")
        browser.sees("has ended", within="#phone-status")
        agent.sees("Nobody calls", within="#desk-status")


def test_the_keyboard_is_enough(new_browser: Callable[..., Browser]) -> None:
    browser = new_browser(CALLER_TONE)
    browser.do("press", key="Tab")
    browser.do("press", key="ControlOrMeta+a")
    for letter in f"{uuid.uuid4()}@example.com":
        browser.do("press", key=letter)
    browser.do("press", key="Enter")
    browser.sees("has signed in", within="#caller")
    assert browser.do("focused")["text"] == "Call"
    browser.do("press", key="Enter")
    browser.sees("Waiting", within="#phone-status")
    for _ in range(20):
        browser.do("press", key="Tab")
        if browser.do("focused")["text"] == "Hang up":
            break
    browser.do("press", key="Enter")
    browser.sees("has ended", within="#phone-status")


def test_the_page_has_no_token_of_the_run_and_needs_the_link(
    running: LocalAws, link: str, caller: Browser, new_browser: Callable[..., Browser]
) -> None:
    assert caller.do("run", value="location.href")["value"] == link.partition("#")[0]
    seen = caller.do(
        "run",
        value="document.documentElement.outerHTML + JSON.stringify({...sessionStorage, ...localStorage})",
    )
    assert running.access.control_token not in seen["value"]
    assert running.access.secret_access_key not in seen["value"]
    stranger = new_browser(url=link.partition("#")[0])
    stranger.sees("open the page by the link", within="#failure")


def test_five_calls_at_once_are_heard_without_gaps(
    caller: Browser, agent: Browser, new_call: Callable[..., Call]
) -> None:
    """One between two pages, four by the same SDK in Node: ten Chromiums are too much for two cores."""
    talk(caller, agent)
    beside: list[tuple[Somebody, int]] = []
    for _ in range(4):
        call = new_call(CALLER_TONE)
        beside += [(call.answer_by(AGENT_TONE), CALLER_TONE), (call.customer, AGENT_TONE)]
    everybody: list[Browser | Somebody] = [caller, agent, *(somebody for somebody, _ in beside)]
    before = [one.played() for one in everybody]
    time.sleep(20)
    after = [one.played() for one in everybody]
    shares = [end.since(begin).concealed_share for begin, end in zip(before, after, strict=True)]
    assert max(shares) < MAX_CONCEALED, [f"{share:.2%}" for share in shares]
    assert comes_to_hear(caller, PHONE, lambda heard: heard.has(AGENT_TONE))
    assert comes_to_hear(agent, DESK, lambda heard: heard.has(CALLER_TONE))
    assert eventually(lambda: all(somebody.hear().has(tone) for somebody, tone in beside))


def test_the_picture_of_the_readme(new_browser: Callable[..., Browser]) -> None:
    """Made anew where there is none: remove it to have it made."""
    browser = new_browser(CALLER_TONE, width=1120, height=880)
    browser.sign_in("grace@example.com")
    # Both sides on one page, for once.
    talk(browser, browser)
    browser.sees("Whisper", within="#desk-captions")
    if not PICTURE.exists():
        PICTURE.parent.mkdir(exist_ok=True)
        browser.screenshot(PICTURE)
    assert PICTURE.read_bytes().startswith(b"\x89PNG")
    assert PICTURE.stat().st_size < 200_000
