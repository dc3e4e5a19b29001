"""Kinds of corruption that are made faster than by the library: to the last pixel as the library makes them."""

import numpy as np
import pytest

from resbench.accuracy.quick_kinds import QUICK
from resbench.records.corruptions import SEVERITIES
from tests.test_accuracy_corruption import library_pixels, photograph

pytest.importorskip("imagecorruptions", exc_type=ImportError)


def varied(side):
    """A photograph, noise, and areas of one colour each, some of them black, white or grey."""
    levels = photograph(side=side).copy()
    half = side // 2
    levels[:half, :half] = np.random.default_rng(1).integers(0, 256, (half, half, 3))
    colours = [(0, 0, 0), (255, 255, 255), (90, 90, 90), (200, 100, 50), (50, 200, 200), (0, 0, 255), (1, 1, 0)]
    for number, colour in enumerate(colours):
        levels[half + 2 * number : half + 2 * number + 3, :half] = colour
    return levels


@pytest.mark.parametrize("side", [33, 48, *(pytest.param(side, marks=pytest.mark.nightly) for side in (224, 299))])
@pytest.mark.parametrize("kind", QUICK)
def test_a_quick_kind_has_the_librarys_pixels(kind, side):
    for severity in SEVERITIES:
        made = QUICK[kind](varied(side), severity, np.random.RandomState(severity))
        assert np.array_equal(np.uint8(made), library_pixels(kind, severity, varied(side), severity)), severity
