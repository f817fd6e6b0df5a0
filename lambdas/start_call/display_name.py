"""Names that an agent can read: as they are shown, with nothing in them that is not shown.

Invisible characters make two users look alike, and bidirectional controls turn round what stands beside
them (Unicode Standard Annex 9; Unicode Technical Report 36, section 2).
"""

import unicodedata

MAX_DISPLAY_NAME = 256
"""Characters (Amazon Connect API Reference, ParticipantDetails)."""

# Letters and marks by their category, but blank wherever they are shown.
_BLANK = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# They shape what stands before and after them: Persian and Indic words, families of emoji.
_JOINERS = frozenset("\u034f\u200c\u200d")
# Formats by their category, but signs that are shown (prepended concatenation marks).
_SIGNS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
_VIRAMA = 9
"""The combining class of signs after which a joiner shapes what stands before it, also at a word's end."""
# Unassigned as yet where emoji are added each year, which this Python need not have heard of.
_EMOJI = range(0x1F000, 0x20000)
_BLACK_FLAG, _CANCEL_TAG = "\U0001f3f4", "\U000e007f"


def is_display_name(value: object) -> bool:
    """Whether `value` is a name of 1 to 256 characters that cleaning would leave as it is."""
    return isinstance(value, str) and 1 <= len(value) <= MAX_DISPLAY_NAME and _readable(value) == value


def clean_display_name(name: str) -> str:
    """`name` without what cannot be seen in it, at most 256 characters; "" when nothing visible is left."""
    # Twice, since the cut can part what belongs together.
    return _readable(_readable(name).strip()[:MAX_DISPLAY_NAME]).strip()


def _readable(name: str) -> str:
    """`name` without its invisible characters; "" when it has no visible one.

    Joiners and variation selectors stay where they shape a visible character, and so do the tags of the flags
    of England, Scotland and Wales.
    """
    text = "".join(_kept(name))
    return text if any(map(_is_visible, text)) else ""


def _kept(name: str) -> list[str]:
    kept: list[str] = []
    held = ""
    for character in name:
        before = kept[-1] if kept else " "
        if character in _JOINERS:
            if unicodedata.combining(before) == _VIRAMA:
                kept.append(character)
            elif _can_be_shaped(before) or _is_selector(before):
                # It is kept with the next visible character, if that follows at once.
                held = character
        elif _is_selector(character):
            kept += [character] if not held and _can_be_shaped(before) else []
        elif _is_tag(character):
            kept += [character] if _is_in_flag(kept) else []
            held = ""
        elif character.isspace():
            # Line breaks are blanks to a screen that has one line.
            kept.append(" " if unicodedata.category(character) in {"Cc", "Zl", "Zp"} else character)
            held = ""
        elif _is_shown(character):
            kept += [held, character] if held else [character]
            held = ""
    return kept


def _can_be_shaped(character: str) -> bool:
    """Whether a joiner or a selector after `character` changes what is shown."""
    return not (character.isspace() or character in _JOINERS or _is_selector(character) or _is_tag(character))


def _is_shown(character: str) -> bool:
    """Whether `character` is one that a screen shows in some way, if only as a box."""
    category = unicodedata.category(character)
    if character in _BLANK or _is_reserved(character):
        return False
    return category[0] != "C" or category in {"Cn", "Co"} or character in _SIGNS


def _is_visible(character: str) -> bool:
    """Whether it is one that every reader sees: blanks, private and unassigned characters are not."""
    if character in _JOINERS or _is_selector(character) or _is_tag(character):
        return False
    return unicodedata.category(character)[0] not in "CZ" or ord(character) in _EMOJI or character in _SIGNS


def _is_selector(character: str) -> bool:
    """Whether it chooses between forms of the character before it."""
    return (
        "\ufe00" <= character <= "\ufe0f"
        or "\U000e0100" <= character <= "\U000e01ef"
        or character in "\u180b\u180c\u180d\u180f"
    )


def _is_tag(character: str) -> bool:
    return "\U000e0020" <= character <= _CANCEL_TAG


def _is_in_flag(kept: list[str]) -> bool:
    """Whether a tag may follow: after the black flag, up to the tag that ends it."""
    for character in reversed(kept):
        if not _is_tag(character):
            return character == _BLACK_FLAG
        if character == _CANCEL_TAG:
            return False
    return False


def _is_reserved(character: str) -> bool:
    """Whether it is reserved for characters that are never shown, or is none at all."""
    code = ord(character)
    return (
        code == 0x2065
        or 0xFFF0 <= code <= 0xFFFB
        or 0xE0000 <= code <= 0xE0FFF
        or 0xFDD0 <= code <= 0xFDEF
        or code & 0xFFFE == 0xFFFE
    )
