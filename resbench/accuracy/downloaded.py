"""ImageNet-C as it is downloaded: folders or archives of corrupted images, by kind and severity."""

import re
from collections import defaultdict
from pathlib import Path

from resbench.accuracy import official
from resbench.accuracy.annotations import annotated_sample
from resbench.accuracy.corruption import Corruption
from resbench.accuracy.dataset import ImageSet, Sample
from resbench.accuracy.labels import class_of
from resbench.accuracy.listing import listing
from resbench.accuracy.published import corrupted_name
from resbench.errors import ResbenchError
from resbench.records.corruptions import COMMON_KINDS, EXTRA_KINDS

DOWNLOADED = "ImageNet-C as downloaded"
_KINDS = "|".join((*COMMON_KINDS, *EXTRA_KINDS))
_PLACE = re.compile(rf"(?:.*/)?({_KINDS})/([1-5])/(?:.*/)?(n\d{{8}})/[^/]+")


def downloaded_sets(path: Path) -> dict[Corruption, ImageSet]:
    """Return the images of each kind and severity at `path`: a folder, an archive, or a folder of archives.

    Raises ResbenchError when there are none, or when WordNet ids contradict the official labels.
    """
    archives = sorted(path.glob("*.tar")) if path.is_dir() else []
    samples: dict[Corruption, list[Sample]] = defaultdict(list)
    for place in archives or [path]:
        above = "/".join(path.resolve().parts[-2:]) if place == path else ""
        for file in listing(place).images:
            match = _PLACE.fullmatch(f"{above}/{file.name}")
            if match and match[3] in class_of():
                corruption = Corruption(kind=match[1], severity=int(match[2]))
                samples[corruption].append(annotated_sample(file, class_of()[match[3]]))
    if not samples:
        raise ResbenchError(
            f"--corruptions {path}: no images in folders such as fog/3/n01440764; give ImageNet-C's folder or archive, "
            "or all, common or the names of kinds"
        )
    order = [*COMMON_KINDS, *EXTRA_KINDS]
    corruptions = sorted(samples, key=lambda corruption: (order.index(corruption.kind), corruption.severity))
    for corruption in corruptions:
        official.refuse_misplaced(path, samples[corruption])
    return {
        corruption: ImageSet(
            name=corrupted_name(corruption.kind, corruption.severity),
            layout="wnid folders",
            classes=1000,
            samples=tuple(samples[corruption]),
        )
        for corruption in corruptions
    }
