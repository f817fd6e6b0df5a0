"""Chromium on the page of `make local`."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from operations.media.program import Program
from tests.e2e.media.participants import Heard, Played


def chromium() -> str:
    """Where Chromium is; skips the test where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("There is no Chromium here (Debian: apt install chromium).")
    return found


@dataclass
class Browser:
    """One with a profile and a microphone of its own."""

    program: Program
    name: str

    @classmethod
    def open(cls, program: Program, name: str, link: str, *, tone: int, **more: Any) -> "Browser":
        """`more`: another `url`, `dark`, `width`, `height`."""
        program.do("open", name, **{"url": link, "tone": tone, "executable": chromium(), **more})
        return cls(program, name)

    def do(self, what: str, **more: Any) -> dict[str, Any]:
        return self.program.do(what, self.name, **more)

    def click(self, name: str) -> None:
        """Press the button of that name."""
        self.do("click", name=name)

    def sees(self, text: str, *, within: str) -> None:
        """Wait until the element shows it."""
        self.do("sees", text=text, within=within)

    def text(self, within: str) -> str:
        return str(self.do("text", within=within)["text"])

    def hear(self, audio: str) -> Heard:
        """What an audio element plays, by its id."""
        return Heard(**self.do("hear", within=audio))

    def played(self) -> Played:
        """Since the page was opened."""
        return Played(**self.do("played"))

    def sign_in(self, email: str) -> None:
        self.do("fill", name="Email of the caller", value=email)
        self.click("Sign in")
        self.sees(f"{email} has signed in", within="#caller")

    def call(self) -> None:
        self.click("Call")
        self.sees("Waiting", within="#phone-status")

    def answer(self) -> None:
        """Take the first contact that is offered."""
        self.sees("offered", within="#desk-status")
        self.do("run", value="document.querySelector('#offers button').click()")
        self.sees("In a call", within="#desk-status")

    def screenshot(self, path: Path) -> None:
        self.do("screenshot", path=str(path))

    @property
    def foreign_requests(self) -> list[str]:
        """The addresses on other machines that were requested."""
        foreign: list[str] = self.do("seen")["foreign"]
        return foreign

    @property
    def errors(self) -> list[str]:
        errors: list[str] = self.do("seen")["errors"]
        return errors

    def close(self) -> None:
        self.do("close")
