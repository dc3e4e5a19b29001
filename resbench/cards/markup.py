"""Text in its place: what goes into Markdown, an HTML comment or YAML cannot break out of it.

Every value that a template prints passes `text` unless it is already `Markdown`.
"""

import json
import re
from typing import Any

import yaml

# Punctuation that means something to Markdown or HTML inside a line. An underscore between letters does not, and is
# left alone so that names stay readable and searchable. The expression begins with the characters and excepts that
# underscore after them, which is searched for several times as fast as the other way round.
_SPECIAL = re.compile(r"[!#$&*<>\[\\\]^_`{|}~](?<![^\W_]_(?=[^\W_]))")
# What would open a list, a rule or a heading at the start of a line.
_OPENING = re.compile(r"[-+=]|\d+[.)](?=\s|$)")
# Strings that some reader takes for a number: 1e3 is one in YAML 1.2, and none in 1.1.
_NUMERIC = re.compile(r"[-+.\d][-+.\d_eExXoOa-fA-F]*")
_PLAIN_CODE = re.compile(r"[\w./:@+%=, ()-]+", re.ASCII)


class Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


def escaped(value: object) -> Markdown:
    """Return `value` for a line of Markdown or a table cell: one line, special characters as HTML references."""
    if isinstance(value, Markdown):
        return value
    line = _SPECIAL.sub(_reference, one_line(str(value)))
    if opening := _OPENING.match(line):
        line = line[: opening.end() - 1] + _references(opening[0][-1]) + line[opening.end() :]
    return Markdown(line)


def code(value: object) -> Markdown:
    """Return `value` as a code span."""
    line = one_line(str(value))
    if _PLAIN_CODE.fullmatch(line):
        return Markdown(f"`{line}`")
    return Markdown(f"<code>{re.sub(r'[^0-9A-Za-z ./]', _reference, line)}</code>")


def link(label: object, url: str) -> Markdown:
    """Return a link; a URL that is not http(s) or relative is shown as text, since it could run something."""
    target = re.sub(r"[^\w./:?=&#%~@+,;-]", lambda match: _percent(match[0]), url, flags=re.ASCII)
    if re.match(r"[a-z][a-z0-9+.-]*:(?!//)", target, re.IGNORECASE) or not re.match(r"https?://|[\w./#]", target):
        return Markdown(f"{escaped(label)} ({escaped(url)})")
    return Markdown(f"[{escaped(label)}]({target.replace('&', '&amp;')})")


def paper(title: str, url: str) -> Markdown:
    """Return the link to a paper; words where there is no address, or no paper."""
    return link(title or url, url) if url else Markdown(escaped(title or "not published"))


def image(words: str, path: str) -> Markdown:
    """Return the picture in the file `path`, with `words` for those who cannot see it."""
    return Markdown(f"![{escaped(words)}]({path})")


def quoted(value: object) -> Markdown:
    """Return `value` as a string literal of Python, on one line, for a block of code."""
    literal = json.dumps(one_line(str(value)), ensure_ascii=False)
    return Markdown(literal.replace("<", r"\u003c").replace(">", r"\u003e"))


def fenced(value: str, language: str = "") -> Markdown:
    """Return `value` as a code block whose fence is longer than any inside it.

    Marks of HTML comments are taken apart, since some readers look for comments in code too.
    """
    value = value.replace("<!--", "<! --").replace("-->", "-- >")
    longest = max((len(ticks) for ticks in re.findall(r"`{3,}", value)), default=2)
    fence = "`" * (longest + 1)
    return Markdown(f"{fence}{language}\n{value.rstrip()}\n{fence}")


def yaml_text(data: Any) -> str:
    """Return `data` as YAML in block style, keys in their order, every value on one line, for any place.

    `<` and `>` are always inside double quotes and written as escapes, so the text can stand in an HTML comment.
    """
    dumped: str = yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=2**31 - 1
    )
    return dumped.replace("<", r"\x3C").replace(">", r"\x3E")


def comment(yaml_lines: str) -> Markdown:
    """Return an HTML comment that holds `yaml_text`."""
    return Markdown(f"<!--\n{yaml_lines}-->")


def one_line(value: str) -> str:
    """Return `value` with every run of white space and control characters as one space."""
    if value.isprintable() and "  " not in value:  # as nearly all is; the expression takes ten times as long
        return value.strip()
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff]+", " ", value).strip()


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """A dumper that quotes what another reader or an HTML comment could take for something else.

    It is libyaml's where PyYAML has that: four times as fast, and it writes the same bytes.
    """

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  the signature is PyYAML's
        return True


def _string(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    clean = value.encode("utf-8", "replace").decode()
    # Above U+FFFF libyaml writes escapes, and PyYAML only in double quotes.
    special = not clean.isprintable() or any(char in "<>" or char > "\uffff" for char in clean)
    style = '"' if special else "'" if _NUMERIC.fullmatch(clean) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", clean, style=style)


_Dumper.add_representer(str, _string)


def _reference(match: re.Match[str]) -> str:
    return _references(match[0])


def _references(characters: str) -> str:
    return "".join(f"&#{ord(char)};" for char in characters)


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "replace"))
