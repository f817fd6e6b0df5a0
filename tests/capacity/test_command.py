"""`python -m capacity`, as a person meets it."""

import pytest

from capacity import side_by_side
from capacity.__main__ import main
from capacity.load import Load, Settings
from capacity.plan import Plan

ASKED = ["--calls-per-hour", "1000", "--aht-seconds", "300"]


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    return " ".join(capsys.readouterr().err.split())


def test_it_tells_what_a_load_asks_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(ASKED) == 0
    told = capsys.readouterr().out
    for part in (
        "agents of all at once",
        "StartWebRTCContact",
        "start_call",
        "Connect: voice",
        "from memory, check",
    ):
        assert part in told
    assert "**" not in told


def test_it_tells_what_an_environment_lets_through(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ASKED, "--environment", "local"]) == 0
    told = capsys.readouterr().out
    assert "config/local.toml today" in told
    assert "connect.quotas.start_webrtc_contact_rate" in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "CALLS_PER_HOUR and AHT_SECONDS are needed: make capacity CALLS_PER_HOUR=1000 AHT_SECONDS=300"),
        (ASKED[:2], "CALLS_PER_HOUR and AHT_SECONDS are needed"),
        ([*ASKED, "--calls-per-hour", "many"], "'many': give a number from 1 to 10,000,000"),
        ([*ASKED, "--aht-seconds", "0"], "'0': give a number from 1 to 86,400"),
        ([*ASKED, "--patience-seconds", "nan"], "'nan': give a number from 1 to 86,400"),
        ([*ASKED, "--answered-in-time-percent", "100"], "'100': give a number from 1 to 99.99"),
        ([*ASKED, "--instances", "1.5"], "'1.5': give a whole number from 1 to 1,000"),
        ([*ASKED, "--wrap-up-seconds", "300"], "WRAP_UP_SECONDS=300 is not less than AHT_SECONDS=300"),
        ([*ASKED, "--environment", "nowhere"], "one of: dev"),
        ([*ASKED, "--environment", "local-bridge"], "name an environment without [sip_bridge]"),
    ],
)
def test_what_it_cannot_use_is_told_with_the_fix(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert message in refused(capsys, *arguments)


def test_the_help_names_every_option_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    told = " ".join(capsys.readouterr().out.split())
    for name in Load.__dataclass_fields__:
        assert f"--{name.replace('_', '-')}" in told
    assert "(default 180)" in told


def test_a_simulation_stands_beside_the_calculation(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_by_side, "_CALLS", 500)
    assert main([*ASKED, "--calls-per-hour", "7200", "--simulate"]) == 0
    told = capsys.readouterr().out
    for part in (
        "calculated",
        "Erlang A: give up",
        "3 starts a second, 2 admitted, 5 at once",
        "100 Erlangs",
    ):
        assert part in told


def test_a_load_that_would_not_settle_is_simulated_smaller() -> None:
    large = side_by_side.simulated_load(Load(calls_per_hour=100_000, aht_seconds=300, instances=4))
    assert Plan(large, Settings()).offered == pytest.approx(side_by_side.LARGEST_LOAD)
    small = Load(calls_per_hour=100, aht_seconds=300)
    assert side_by_side.simulated_load(small) == small
