"""What the classes are called: facts about ImageNet as small data files, read on first use.

`imagenet.tsv`: the 1000 classes in the order of the networks' outputs, WordNet id and names.
"""

from functools import cache
from importlib.resources import files


@cache
def imagenet() -> dict[str, str]:
    """Return {WordNet id: names} of the 1000 classes of ImageNet-1k, in the order of the networks' outputs."""
    lines = files(__name__).joinpath("imagenet.tsv").read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines)


@cache
def class_of() -> dict[str, int]:
    """Return {WordNet id: class}."""
    return {wnid: index for index, wnid in enumerate(imagenet())}
