import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from start_call.display_name import MAX_DISPLAY_NAME, clean_display_name, is_display_name

READABLE = [
    "Ada",
    "Zoë 👩‍🚀",
    "❤️",
    "🏳️‍🌈",
    "👍🏽",
    "1️⃣",
    "علی‌رضا",
    "क्‍ष",
    "രമേശന്‍",
    "葛\U000e0100城",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f Harry",
    "e\u0301",
    "\u06dd1",
    "\U0001fae9",
    "名 前",
    "a" * MAX_DISPLAY_NAME,
]
INVISIBLE = [
    "",
    " ",
    "\u00a0",
    "\u3000",
    "\u200b\u200b",
    "\u2060",
    "\ufeff",
    "\u00ad",
    "\u3164",
    "\u180e",
    "\u2800",
    "\u115f",
    "\u1160",
    "\uffa0",
    "\u17b4",
    "\u200d",
    "\ufe0f",
    "\u034f",
    "\ue000",
    "\u0378",
    "\x00",
    "\ud800",
    "\U000e0067",
    "\U000e0100",
]
CLEANED = [
    ("\u202eadmin", "admin"),
    ("a\u2028b", "a b"),
    ("a\nb", "a b"),
    ("Ada\u200b", "Ada"),
    ("\u2066Ada\u2069", "Ada"),
    ("Ada\u200d", "Ada"),
    ("\u200dAda", "Ada"),
    ("a\u200d\u200db", "a\u200db"),
    ("Ada \ufe0f", "Ada"),
    ("❤\ufe0f\ufe0f", "❤\ufe0f"),
    ("Ada\U000e0067", "Ada"),
    ("🏴\U000e0067\U000e007f\U000e0067", "🏴\U000e0067\U000e007f"),
    ("A\u3164da", "Ada"),
    ("Ada\ud800", "Ada"),
    ("Ada\uffff\ufff9", "Ada"),
    ("Ada\U000e0001", "Ada"),
]


@pytest.mark.parametrize("name", READABLE, ids=ascii)
def test_a_name_of_any_script_stays_as_it_is(name: str) -> None:
    assert is_display_name(name)
    assert clean_display_name(name) == name


@pytest.mark.parametrize("name", INVISIBLE, ids=ascii)
def test_a_name_of_which_nothing_is_seen_is_none(name: str) -> None:
    assert not is_display_name(name)
    assert clean_display_name(name) == ""


@pytest.mark.parametrize(("name", "cleaned"), CLEANED, ids=ascii)
def test_what_is_not_seen_is_refused_in_a_request_and_cleaned_in_a_token(name: str, cleaned: str) -> None:
    assert not is_display_name(name)
    assert clean_display_name(name) == cleaned


def test_a_name_that_is_cut_parts_no_joined_characters() -> None:
    assert not is_display_name("a" * (MAX_DISPLAY_NAME + 1))
    assert clean_display_name("a" * (MAX_DISPLAY_NAME - 1) + "\u200db") == "a" * (MAX_DISPLAY_NAME - 1)
    assert clean_display_name(" " + "a" * MAX_DISPLAY_NAME) == "a" * MAX_DISPLAY_NAME


@pytest.mark.parametrize("value", [None, 7, ["Ada"]])
def test_what_is_no_text_is_no_name(value: object) -> None:
    assert not is_display_name(value)


SHAPING = st.sampled_from(
    [
        "a",
        " ",
        "\u200d",
        "\u200c",
        "\ufe0f",
        "\u094d",
        "\u0301",
        "\u200b",
        "\ue000",
        "\n",
        "🏴",
        "\U000e0067",
        "\U000e007f",
        "\u202e",
    ]
)
NAMES = (
    st.text(max_size=300)
    | st.lists(SHAPING, max_size=9).map("".join)
    | st.text(st.characters(codec=None), max_size=9)
)


@given(name=NAMES)
def test_a_cleaned_name_is_a_name_or_nothing_and_cleaning_it_again_changes_nothing(name: str) -> None:
    cleaned = clean_display_name(name)
    assert cleaned == "" or is_display_name(cleaned)
    assert clean_display_name(cleaned) == cleaned
    assert not {unicodedata.category(character) for character in cleaned} & {"Cc", "Zl", "Zp", "Cs"}


@given(name=NAMES)
def test_a_name_that_is_accepted_is_shown_as_it_was_sent(name: str) -> None:
    if is_display_name(name):
        assert clean_display_name(name) == name.strip()
