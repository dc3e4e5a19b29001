"""The data sets that accuracies are measured on, by one name each however a card writes them."""

import re

_KNOWN = (  # the first that fits; variants of ImageNet stand before ImageNet
    ("imagenet-v2", r"imagenet-?v2|inv2|imagenetv2|matched-?frequency"),
    ("imagenet-real", r"(imagenet-?)?\breal\b(-?labels)?|reassessed"),
    ("imagenet-sketch", r"sketch"),
    ("imagenet-a", r"imagenet-?a\b|adversarial"),
    ("imagenet-r", r"imagenet-?r\b|rendition"),
    ("imagenet-c", r"imagenet-?c\b|corruption"),
    ("imagenet-21k", r"imagenet-?2[12]k|in-?2[12]k|fall11"),
    ("imagenet-100", r"imagenet-?100\b"),
    ("imagenet-tiny", r"tiny-?imagenet|imagenet-?tiny|imagenette|imagewoof|imagenet-?(32|64)"),
    ("imagenet-1k", r"imagenet|ilsvrc|\bin-?1k\b|_in1k"),
    ("cifar100", r"cifar-?100"),
    ("cifar10", r"cifar-?10"),
    ("cub", r"\bcub\b"),
)


def data_set(text: str) -> str:
    """Return one name for the data set that `text` names: "ILSVRC 2012 val" is imagenet-1k; empty for no text."""
    plain = re.sub(r"[\s_/]+", "-", text.strip().lower())
    return next((name for name, pattern in _KNOWN if re.search(pattern, plain)), plain)
