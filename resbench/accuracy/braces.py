"""Several files in one word, as shells and WebDataset write them: shard-{000..063}.tar."""

import re
from collections.abc import Iterator

from resbench.errors import ResbenchError

_BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}|\{([^{}]*,[^{}]*)\}")
_MOST = 100_000  # files


def expanded(text: str) -> list[str]:
    """Return what `text` stands for: {000..063} for numbers of that many digits, {a,b} for either.

    Raises ResbenchError for more files than anybody has.
    """
    words = [text]
    while match := next((match for word in words if (match := _BRACES.search(word))), None):
        choices = list(_choices(match))
        if len(words) * len(choices) > _MOST:
            raise ResbenchError(f"{text}: stands for more than {_MOST:,} files; give a folder")
        words = [word.replace(match[0], choice, 1) for word in words for choice in choices]
    return words


def _choices(match: re.Match[str]) -> Iterator[str]:
    if match[3] is not None:
        yield from match[3].split(",")
        return
    first, last = int(match[1]), int(match[2])
    width = len(match[1]) if match[1].startswith("0") else 0
    if abs(last - first) > _MOST:
        raise ResbenchError(f"{match[0]}: stands for more than {_MOST:,} files; give a folder")
    step = 1 if last >= first else -1
    yield from (f"{number:0{width}d}" for number in range(first, last + step, step))
