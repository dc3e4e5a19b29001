"""What an element of a feature map sees of the image: receptive fields, window by window."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Pair = tuple[int, int]  # (height, width)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How a sliding window moves: it spans `reach` elements beyond its first, and steps by `stride`."""

    reach: Pair
    stride: Pair


@dataclass(frozen=True, slots=True)
class View:
    """What an element of a feature map sees of the image, and how far apart the views of neighbours lie."""

    size_px: Pair = (1, 1)
    step_px: Pair = (1, 1)

    def through(self, window: Window) -> "View":
        """Return what the output of `window` sees."""
        (tall, wide), (down, across) = self.size_px, self.step_px
        size = (tall + window.reach[0] * down, wide + window.reach[1] * across)
        return View(size, (down * window.stride[0], across * window.stride[1]))

    def covers(self, grid: Pair, image: Pair) -> bool:
        """Whether a feature map of `grid` elements, each with this view, can be one of `image` pixels.

        It cannot where pixels were rearranged on the way (space to depth, patches cut by a reshape).
        """
        sides = zip(grid, image, self.step_px, self.size_px, strict=True)
        return all(abs(elements * step - side) <= max(size, step) for elements, side, step, size in sides)


def window(kernel: Any, stride: Any, dilation: Any = 1) -> Window:
    """Return the window of a layer of two dimensions, its arguments as torch takes them."""
    (tall, wide), (down, across), (high, broad) = pair(kernel), pair(stride), pair(dilation)
    return Window(reach=((tall - 1) * high, (wide - 1) * broad), stride=(down, across))


def pair(value: Any) -> Pair:
    """Return 3, (3,) and (3, 3) as (3, 3)."""
    values = (value,) if isinstance(value, int) else tuple(value)
    return values[0], values[-1]


def widest_view(views: Sequence[View]) -> View | None:
    """Return the view of what is computed from tensors with `views`: on a residual path, the longest way counts."""
    if not views:
        return None
    talls, wides = zip(*(view.size_px for view in views), strict=True)
    downs, acrosses = zip(*(view.step_px for view in views), strict=True)
    return View((max(talls), max(wides)), (max(downs), max(acrosses)))
