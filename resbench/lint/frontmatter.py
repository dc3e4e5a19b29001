"""The block of YAML at the head of a Markdown card, as huggingface_hub finds it."""

import re
from dataclasses import dataclass

_OPENING = re.compile(r"\s*---([ \t]*)(\r\n|\r|\n)")
_CLOSING = re.compile(r"(?:\r\n|\r|\n)---([ \t]*)(?=\r\n|\r|\n|\Z)")
_KEY = re.compile(r"\s*(#[^\n]*\n\s*){0,20}([\"']?[\w-]{1,100}[\"']?\s{0,9}:(\s|$)|\{)")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontMatter:
    """What stands between the lines `---` at the head of a card."""

    text: str
    line: int  # of its first line
    end: int  # offset in the card of what is behind it
    error: str = ""  # why huggingface_hub finds no metadata here
    warning: str = ""  # why its older versions do not


def find_front_matter(text: str) -> FrontMatter | None:
    """Return the front matter of a card; None when it has none.

    Source: huggingface_hub 2.4 (repocard.py) reads it behind blank lines and before a closing line with blanks;
    versions up to 1.0 do not read the latter.
    """
    opening = _OPENING.match(text)
    if not opening or not _KEY.match(text, opening.end(), opening.end() + 2000):
        return None
    line = text.count("\n", 0, opening.end()) + 1
    closing = _CLOSING.search(text, opening.end() - len(opening[2]))
    if closing is None:
        message = "the front matter is not closed by a line ---, so that the hub reads no metadata"
        return FrontMatter(text="", line=line, end=len(text), error=message)
    block = text[opening.end() : max(opening.end(), closing.start())]
    if opening[1]:
        message = "blanks behind the opening ---, so that the hub reads no metadata"
        return FrontMatter(text=block, line=line, end=closing.end(), error=message)
    warning = "blanks behind the closing ---: huggingface_hub up to 1.0 finds no metadata" if closing[1] else ""
    return FrontMatter(text=block, line=line, end=closing.end(), warning=warning)
