"""The data sets that accuracies are measured on, by one name each however a card writes them."""

import re

_KNOWN = (  # the first that fits; ImageNet stands last, since networks were pretrained on it
    ("imagenet-v2", r"imagenet-?v2|\binv2\b|in-v2\b|matched-?frequency"),
    ("imagenet-real", r"imagenet-?real|\breal-labels|reassessed"),
    ("imagenet-sketch", r"imagenet-?sketch|\bin-sketch"),
    ("imagenet-a", r"imagenet-?a\b|imagenet-?adv"),
    ("imagenet-r", r"imagenet-?r\b|rendition"),
    ("imagenet-c", r"imagenet-?c\b|imagenet-?corr"),
    ("imagenet-21k", r"imagenet-?2[12]k|in-?2[12]k|fall11"),
    ("imagenet-subset", r"imagenet-?(100|50|200|32|64)\b|tiny-?imagenet|imagenet-?tiny|imagenette|imagewoof"),
    ("cifar100", r"cifar-?100|\bc100\b"),
    ("cifar10", r"cifar-?10\b|\bc10\b"),
    ("cub", r"\bcub\b"),
    ("inaturalist", r"inaturalist|\binat"),
    ("places365", r"places-?365"),
    ("kinetics", r"kinetics|\bk[467]00\b"),
    ("something-something", r"something-?something|\bssv[12]\b|sth-?v[12]"),
    ("coco", r"\bcoco\b"),
    ("voc", r"\bvoc\b|pascal"),
    ("cityscapes", r"cityscapes"),
    ("ade20k", r"\bade20k\b"),
    ("svhn", r"\bsvhn\b"),
    ("mnist", r"mnist"),
    ("flowers", r"flowers?\b"),
    ("food101", r"food-?101"),
    ("stanford-cars", r"stanford-?cars"),
    ("pets", r"\bpets?\b"),
    ("beans", r"\bbeans\b"),
    ("imagenet-1k", r"imagenet|ilsvrc|\bin-?1k\b|\bi1k\b"),
)


def data_set(text: str) -> str:
    """Return one name for the data set that `text` names: "ILSVRC 2012 val" is imagenet-1k; empty for no text."""
    return known_in(text) or re.sub(r"[\s_/]+", "-", text.strip().lower()[:100])


def known_in(text: str) -> str:
    """Return the name of the first known data set that `text` speaks of; empty when it speaks of none."""
    if re.search(r"\bReaL\b", text[:1000]):
        return "imagenet-real"
    words = re.sub(r"[\s_/]+", "-", text.lower()[:1000])
    return next((name for name, pattern in _KNOWN if re.search(pattern, words)), "")
