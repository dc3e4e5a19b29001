"""Numbers for people."""

import pytest

from resbench import units
from resbench.judging.stats import Interval
from resbench.words.measured import rate_words


def test_one_thing_is_singular():
    assert [units.count_of(number, "image") for number in (0, 1, 1000)] == ["0 images", "1 image", "1,000 images"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.00123456, "0.001235"),
        (51.7312, "51.73"),
        (999.94, "999.9"),
        (999.96, "1,000"),
        (1000.4, "1,000"),
        (13168.2, "13,168"),
        (-13168.2, "-13,168"),
        (2.5e9, "2,500,000,000"),
    ],
)
def test_a_figure_has_no_exponent_however_large_it_is(value, text):
    assert units.figure(value) == text


def test_rounding_up_to_a_thousand_makes_no_exponent_either():
    assert [units.figure(value, 3) for value in (99.96, 999.4, 999.6)] == ["100", "999", "1,000"]


def test_images_per_second_of_a_fast_device_are_readable():
    assert rate_words(Interval(13168.2, 13160.4, 13171.9)) == "13,168 [13,160, 13,172]"
