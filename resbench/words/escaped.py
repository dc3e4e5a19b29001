"""Text that somebody else wrote (names, cards, checkpoints, records), made harmless for terminals and CI logs."""

import re

# Control characters but the tab, line separators, lone surrogates, and the marks that turn the direction of writing.
_INVISIBLE = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
_IN_TEXT = re.compile(f"[\x00-\x08\x0a-\x1f{_INVISIBLE}]")
_IN_JSON = re.compile(f"[{_INVISIBLE}]")  # which has escapes of its own for the rest
# How commands to the services that run CI begin: "::error ...::" (GitHub), "##[error]" and "##vso[...]" (Azure too).
_COMMAND = re.compile(r":(?=:)|##(?=\w*\[)")


def visible(text: str) -> str:
    r"""Return `text` as one line that hides nothing, "a\nb" -> "a\\nb", and that no CI service takes for a command."""
    if text.isprintable() and "::" not in text and "##" not in text:  # as nearly all is, ten times faster
        return text
    return _COMMAND.sub(r"\g<0>\\", _IN_TEXT.sub(_named, text))


def visible_json(text: str) -> str:
    """Return JSON of the same meaning as `text` that hides nothing and that no CI service takes for a command."""
    return _COMMAND.sub(_numbered, _IN_JSON.sub(_numbered, text))


def _named(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def _numbered(match: re.Match[str]) -> str:
    return "".join(f"\\u{ord(letter):04x}" for letter in match[0])
