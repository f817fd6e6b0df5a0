"""Reads a TOML file: its values, where each stands, and what is usual where it is no TOML."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from infra.configuration.faults import ConfigurationError, Fault, Quotation, shorten

_BYTE_ORDER_MARK = "\ufeff"
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]")
_ENTRY = re.compile(rf"\s*({_DOTTED})\s*=")

# What a line looks like, and what is usual there; the first that fits is said.
_HINTS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), hint)
    for pattern, hint in (
        ("[\u201c\u201d\u201e\u2018\u2019]", 'straight quotes, not those of a word processor: key = "value"'),
        (r"\s*[{}]\s*,?\s*$", 'this is JSON; TOML has a line for each value: key = "value", below [section]'),
        (r"\s*\[+[^\[\]]*$", "a section's name goes in brackets, both of them: [connect]"),
        (rf"\s*{_DOTTED}\s*:", 'an equals sign, not a colon: key = "value"'),
        (rf"\s*{_DOTTED}\s*=\s*$", 'a value behind the equals sign: "text", 7, true or ["a", "b"]'),
        (rf"\s*{_DOTTED}\s*=\s*(True|False|yes|no|on|off)\s*(#.*)?$", "true or false, in lower case"),
        (rf"\s*{_DOTTED}\s*=\s*(null|None|nil)\b", "leave the key out: TOML has no word for nothing"),
        (
            rf"\s*{_DOTTED}\s*=\s*[+-]?0[0-9]+",
            'an account, or whatever begins with 0, goes in quotes: "012345678901"',
        ),
        (rf"\s*{_DOTTED}\s*=\s*[0-9]+(,[0-9]{{3}})+", "a number without commas: 14400 or 14_400"),
        (rf"\s*{_DOTTED}\s*=\s*[0-9]+\s*[A-Za-z%]", "a number without a unit: 120; text goes in quotes"),
        (
            rf"\s*{_DOTTED}\s*=\s*(\"[^\"]*|'[^']*)$",
            'quotes on both sides of a text, and on one line: key = "value"',
        ),
        (rf"\s*{_DOTTED}\s*=\s*\[?\s*[A-Za-z/<*@]", 'text goes in quotes: key = "value", or ["a", "b"]'),
        (
            rf"\s*{_DOTTED}\s*=\s*\"[^\"]*\\",
            "a backslash is written twice in double quotes, or once in single ones",
        ),
        (rf"\s*{_DOTTED}\s*=.*[;,]\s*$", "nothing behind the value: no comma, no semicolon"),
        (r"\s*(//|;|--|/\*)", "a comment begins with #"),
        (r".*(\]|\"|'|[0-9])\s+\S", "one value on a line, entries of a list between commas"),
        (r"\s*[^=]*$", 'each line is a [section], a key = "value", or a # comment'),
        (r"\s*[^A-Za-z0-9_\"'\[#-]", "a key of A-Z a-z 0-9 _ -, or one in quotes"),
        (rf"\s*{_KEY}(\s+{_KEY})+\s*=", 'a key without spaces, or in quotes: "my key" = "value"'),
    )
)


@dataclass(frozen=True, kw_only=True)
class Document:
    """What a file says, the line of each key and table, and what may be meant otherwise."""

    values: Mapping[str, Any]
    lines: Mapping[tuple[str, ...], int]
    warnings: tuple[str, ...] = ()


def read_document(file: str, content: bytes) -> Document:
    """The document of a file's bytes; `file` is its name in errors. Raises ConfigurationError."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in content[:200]:
        _refuse(file, "UTF-16, or no text", "save the file as UTF-8 (in PowerShell: Out-File -Encoding utf8)")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        shown = content.splitlines()[line - 1].decode("latin-1").strip()
        _refuse(
            file,
            f"line {line}: {shown}",
            "save the file as UTF-8: this line has a character of another encoding",
        )
    warnings: tuple[str, ...] = ()
    if text.startswith(_BYTE_ORDER_MARK):
        text = text.removeprefix(_BYTE_ORDER_MARK)
        warnings = (
            "the file begins with a byte order mark, which other tools refuse: save it as UTF-8 without BOM",
        )
    # TOML ends a line with LF or CRLF alone; old editors with CR.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        _refuse_line(file, str(error), lines)
    return Document(values=values, lines=_lines_of(lines), warnings=warnings)


def _refuse(file: str, value: str, fix: str) -> NoReturn:
    raise ConfigurationError(file, Fault(key="", value=Quotation(shorten(value)), fix=fix))


def _refuse_line(file: str, message: str, lines: list[str]) -> NoReturn:
    place = _PLACE.search(message)
    # At the end of a document something that was opened on a line before is still open.
    number = int(place[1]) if place and place[1] else len("\n".join(lines).rstrip().split("\n"))
    reason = _PLACE.sub("", message)
    line = lines[number - 1].strip() if number <= len(lines) else ""
    if not line and number > 1:
        number, line = number - 1, lines[number - 2].strip()
    _refuse(file, f"line {number}: {line}", _usual(reason, line, number, lines))


def _usual(reason: str, line: str, number: int, lines: list[str]) -> str:
    if re.match(r"\[[^\[\]\"']*\s[^\[\]]*\]", line):
        return "a section's name has no spaces: [connect.quotas]"
    if reason.startswith("Cannot overwrite a value"):
        key = _ENTRY.match(line)
        first = _first_line_of(_path_at(number, lines), lines)
        also = f" and on line {first}" if first and first != number else ""
        name = key[1] if key else line
        return f"remove one: {name} is here{also}, and a key has one value"
    if reason.startswith("Cannot declare"):
        first = _first_line_of(_path_at(number, lines), lines)
        also = f" and on line {first}" if first and first != number else ""
        return f"put the keys below one of them: {line} is here{also}, and a section appears once"
    for pattern, hint in _HINTS:
        if pattern.match(line) or (pattern is _HINTS[0][0] and pattern.search(line)):
            return f"{hint} ({reason})"
    if reason == "Unclosed array":
        return 'a list ends with a bracket: ["a", "b"]'
    return f"make it valid TOML 1.0 ({reason})"


def _first_line_of(path: tuple[str, ...], lines: list[str]) -> int | None:
    return _lines_of(lines).get(path)


def _path_at(number: int, lines: list[str]) -> tuple[str, ...]:
    path: tuple[str, ...] = ()
    latest = 0
    for candidate, line in _all_lines_of(lines):
        if latest <= line <= number:
            path, latest = candidate, line
    return path


def _lines_of(lines: list[str]) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}
    for path, number in _all_lines_of(lines):
        found.setdefault(path, number)
    return found


def _all_lines_of(lines: list[str]) -> list[tuple[tuple[str, ...], int]]:
    """The path and line of each table and key, as far as lines by themselves show it."""
    found: list[tuple[tuple[str, ...], int]] = []
    table: tuple[str, ...] = ()
    counts: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(lines, 1):
        if header := _HEADER.match(line):
            table = _parts(header[2])
            if header[1] == "[[":
                count = counts.get(table, 0)
                counts[table] = count + 1
                found.append((table, number))
                table = (*table, f"[{count}]")
            found.append((table, number))
        elif entry := _ENTRY.match(line):
            found.append(((*table, *_parts(entry[1])), number))
    return found


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_KEY, dotted))
