"""Text that somebody else wrote (names, cards, checkpoints, records), made harmless for terminals and CI logs."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

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


def visible_csv(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return CSV whose texts hide nothing."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(titles)
    writer.writerows([visible(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return out.getvalue()


def _named(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def _numbered(match: re.Match[str]) -> str:
    return "".join(f"\\u{ord(letter):04x}" for letter in match[0])
