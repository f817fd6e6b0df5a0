"""The environment of config/ with a SIP bridge, and variants of it, each synthesized once."""

from __future__ import annotations

from collections.abc import Callable
from copy import replace

import pytest

from infra.configuration import Configuration, Transport, load
from infra.sip_bridge.section import (
    AdoptedCallerNumber,
    AdoptedConnectNumber,
    AdoptedVoiceConnector,
    ClaimedConnectNumber,
    OrderedCallerNumber,
    OwnVoiceConnector,
    SipBridge,
    section_of,
)
from tests.infra.synthesis import CHECKOUT, Synthesis, synthesize_unchecked

ENVIRONMENT = "local-bridge"


@pytest.fixture(scope="session")
def bridged(synthesized: Callable[[str], Synthesis]) -> Synthesis:
    return synthesized(ENVIRONMENT)


def with_section(section: SipBridge | None) -> Configuration:
    """The environment with another section, or with none."""
    transport = None if section is None else Transport("sip_bridge", section)
    return replace(load(CHECKOUT, ENVIRONMENT), transport=transport)


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """The same environment without [sip_bridge]."""
    return synthesize_unchecked(with_section(None), tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="session")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """With numbers and a Voice Connector that exist already."""
    section = section_of(load(CHECKOUT, ENVIRONMENT))
    settings = replace(
        section,
        caller_number=AdoptedCallerNumber(number="+12065550100"),
        connect_number=AdoptedConnectNumber(
            arn="arn:aws:connect:us-east-1:000000000000:phone-number/11111111-1111-4111-8111-111111111111",
            number="+12065550101",
        ),
        voice_connector=AdoptedVoiceConnector(
            arn="arn:aws:chime:us-east-1:000000000000:vc/abcdef1ghij2klmno3pqr4"
        ),
    )
    return synthesize_unchecked(with_section(settings), tmp_path_factory.mktemp("adopted"))


@pytest.fixture(scope="session")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """With a log of SIP messages, and so without headers."""
    section = section_of(load(CHECKOUT, ENVIRONMENT))
    assert isinstance(section.voice_connector, OwnVoiceConnector)
    settings = replace(
        section, voice_connector=replace(section.voice_connector, sip_message_logs=True), headers={}
    )
    return synthesize_unchecked(with_section(settings), tmp_path_factory.mktemp("logged"))


@pytest.fixture(scope="session")
def renumbered(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """With other numbers, which are ordered and claimed too."""
    section = section_of(load(CHECKOUT, ENVIRONMENT))
    settings = replace(
        section,
        caller_number=OrderedCallerNumber(country="US", type="TollFree"),
        connect_number=ClaimedConnectNumber(country="US", type="TOLL_FREE"),
    )
    return synthesize_unchecked(with_section(settings), tmp_path_factory.mktemp("renumbered"))
