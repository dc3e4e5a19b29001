"""Marked regions: only they change, line ends stay, and doing it twice changes nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resbench.cards.regions import replace
from resbench.errors import ResbenchError
from resbench.records.files import read_exactly

BEGIN, END = "<!-- resbench:networks begin -->", "<!-- resbench:networks end -->"


@given(
    st.text().filter(lambda text: "resbench:" not in text and "`" not in text and "~" not in text),
    st.text(),
    st.sampled_from(["\n", "\r\n"]),
)
def test_nothing_outside_the_markers_changes_and_twice_is_once(around, inside, newline):
    inside = inside.replace("resbench:", "").replace("`", "").replace("~", "")
    before = f"{around}{newline}{BEGIN}{newline}"
    after = f"{newline}{END}{newline}{around}"
    once = replace(f"{before}{inside}{after}", lambda name: f"new {name}\nlines", "x")
    assert once == f"{before}new networks{newline}lines{after}"
    assert replace(once, lambda name: f"new {name}\nlines", "x") == once


def test_several_regions_are_each_replaced():
    source = f"{BEGIN}\n{END}\ntext\n<!-- resbench:resnet50 begin -->\nold\n<!-- resbench:resnet50 end -->"
    assert replace(source, str.upper, "x") == source.replace("old", "RESNET50").replace(
        f"{BEGIN}\n", f"{BEGIN}\nNETWORKS\n"
    )


def test_markers_in_fenced_code_are_text():
    fenced = f"```html\n{BEGIN}\n```\n"
    assert replace(f"{fenced}{BEGIN}\n{END}\n", lambda name: "x", "f") == f"{fenced}{BEGIN}\nx\n{END}\n"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("no markers", "f: no regions to update"),
        (f"a\n{BEGIN}\nb\n", "f:2: marker `networks begin` without its partner"),
        (f"a\n{END}\n", "f:2: marker `networks end` without its partner"),
        (f"{BEGIN}\n{BEGIN}\n{END}\n", "f:2: marker `networks begin` without its partner"),
        (f"{BEGIN}\n<!-- resbench:other end -->\n", "f:2: marker `other end` without its partner"),
    ],
)
def test_a_lone_marker_is_an_error_with_its_line(source, problem):
    with pytest.raises(ResbenchError, match="^" + problem):
        replace(source, lambda name: "x", "f")


def test_a_file_that_is_not_text_is_an_error(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ResbenchError, match="not UTF-8"):
        read_exactly(tmp_path / "binary")
    with pytest.raises(ResbenchError, match="No such file"):
        read_exactly(tmp_path / "absent")
