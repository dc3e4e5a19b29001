"""No value can break out of its place: Markdown line, table cell, code span, link, YAML, HTML comment."""

import html
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from resbench.cards import markup


class PurePython(yaml.SafeDumper):
    """The dumper of cards where PyYAML was built without libyaml."""

    ignore_aliases = markup._Dumper.ignore_aliases


PurePython.add_representer(str, markup._string)
NASTY = st.text() | st.text(alphabet="-->!<|`_*[]()\\&#\n\r\t'\"{}% ~$:/.\u2028\x85é中") | st.from_regex(r"<!--.*-->")
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")


def shown(rendered: str) -> str:
    """The text that a reader of rendered HTML sees."""
    return html.unescape(re.sub(r"<[^>]*>", "", rendered)).strip()


@given(NASTY)
def test_text_renders_as_itself_on_one_line(value):
    rendered = MARKDOWN.render(f"start {markup.escaped(value)} end")
    assert rendered.count("<") == 2  # <p>, </p>
    assert shown(rendered).split() == ["start", *markup.one_line(value).split(), "end"]


@given(NASTY)
def test_text_at_the_start_of_a_line_opens_nothing(value):
    rendered = MARKDOWN.render(f"{markup.escaped(value)}")
    assert re.findall(r"<(\w+)", rendered) in ([], ["p"])


@given(NASTY, NASTY)
def test_a_table_row_keeps_its_cells(first, second):
    cell = markup.code(second) if markup.one_line(second) else ""
    rendered = MARKDOWN.render(f"| a | b |\n| --- | --- |\n| {markup.escaped(first)} | {cell} |\n")
    assert rendered.count("<td") == 2
    cells = [shown(cell) for cell in re.findall(r"<td>(.*?)</td>", rendered, re.DOTALL)]
    assert [cell.split() for cell in cells] == [markup.one_line(first).split(), markup.one_line(second).split()]


@given(NASTY, NASTY)
def test_a_link_leads_nowhere_but_to_web_addresses_and_files(label, url):
    rendered = MARKDOWN.render(f"x {markup.link(label, url)} y")
    for target in re.findall(r'href="([^"]*)"', rendered):
        assert re.match(r"https?://|(?![a-z][a-z0-9+.-]*:)", target, re.IGNORECASE)
    assert set(re.findall(r"<(\w+)", rendered)) <= {"p", "a"}


def test_a_link_keeps_its_address():
    assert markup.link("model", "https://a.b/c_d/e-f.pth?x=1#L2") == "[model](https://a.b/c_d/e-f.pth?x=1#L2)"
    assert markup.link("model", "javascript:alert(1)") == "model (javascript:alert(1))"


@given(
    st.recursive(NASTY | st.integers() | st.booleans(), lambda inner: st.lists(inner) | st.dictionaries(NASTY, inner))
)
def test_yaml_in_an_html_comment_reads_back_the_same_and_the_comment_ends_where_it_should(data):
    page = f"# title\n\n{markup.comment(markup.yaml_text({'Models': data}))}\n\nafter\n"
    assert page.count("-->") == 1
    body = re.search(r"<!--\n(.*?)-->", page, re.DOTALL)[1]
    assert ">" not in body
    assert yaml.safe_load(body) == {"Models": data}


@given(st.lists(NASTY | st.text("ab 😀中é") | st.floats(0, 1e9) | st.integers()))
def test_yaml_has_the_same_bytes_without_libyaml(values):
    data = {"Name": "a", "In Collection": values, "Metadata": [{"FLOPs": value, "Again": values} for value in values]}
    with pytest.MonkeyPatch.context() as patch:
        usual = markup.yaml_text(data)
        patch.setattr(markup, "_Dumper", PurePython)
        assert markup.yaml_text(data) == usual


@given(NASTY)
def test_a_fence_holds_what_is_in_it(value):
    (token,) = MARKDOWN.parse(str(markup.fenced(value.replace("\r", "").replace("\x00", ""), "text")))
    assert token.type == "fence"
