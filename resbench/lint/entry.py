"""A model on a card and the figures that the card states about it."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from resbench.lint.figure import StatedFigure
from resbench.lint.names import checkpoint_named, checkpoint_of_file, network_named
from resbench.words.quantities import Quantity
from resbench.zoo.spec import Variant, Weights

CardStyle = Literal["index", "huggingface", "results", "table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """A model on a card: what is stated about it, where."""

    style: CardStyle
    path: Path
    line: int
    name: str
    figures: tuple[StatedFigure, ...] = ()  # in the order of the card; a quantity may come more than once
    names: tuple[str, ...] = ()  # further names by which the table may know it: ID, config, file
    weights_url: str = ""
    image_px: int | None = None
    section: str = ""  # the headings and the caption that it stands under
    classes: int | None = None  # that the card states
    conventions: frozenset[str] = frozenset()  # of counting, that its page names

    def figure(self, quantity: Quantity) -> StatedFigure | None:
        """Return the first figure of `quantity`; None when there is none."""
        return next((figure for figure in self.figures if figure.quantity == quantity), None)

    @property
    def dataset(self) -> str:
        """The data set of its accuracies, as the first of them says."""
        return next((figure.dataset for figure in self.figures if figure.dataset), "")

    @property
    def weights(self) -> Weights | None:
        """The published checkpoint that this is."""
        named = (checkpoint_named(name) for name in self._spellings)
        return next((weights for weights in named if weights), checkpoint_of_file(file_name(self.weights_url)))

    @property
    def network(self) -> Variant | None:
        """The network of the table that this is, however its name is written: ResNeXt-50 (32x4d)."""
        if weights := self.weights:
            return network_named(weights.name)
        return next((network for name in self._spellings if (network := network_named(name))), None)

    @property
    def _spellings(self) -> tuple[str, ...]:
        """The names, also without an owner in front ("timm/")."""
        names = [name for name in (self.name, *self.names) if name]
        return tuple(dict.fromkeys([*names, *(name.rpartition("/")[2] for name in names)]))


def side(text: str) -> int | None:
    """Return a size in pixels; None for what no image has."""
    return int(text) if re.fullmatch(r"[1-9]\d{1,3}", text, re.ASCII) else None


def stem(path: str) -> str:
    """Return the last part of a path without its suffix."""
    return PurePosixPath(file_name(path)).stem


def file_name(url: str) -> str:
    """Return the last part of a URL's or a file's path."""
    return re.split(r"[?#]", url, maxsplit=1)[0].rpartition("/")[2]
