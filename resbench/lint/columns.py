"""What a column of a table holds, by its heading: a quantity, its unit, its data set, its input size."""

import html
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from resbench.lint.datasets import known_in
from resbench.lint.figure import COUNTS
from resbench.words.quantities import Quantity

ColumnKind = (
    Quantity | Literal["model", "checkpoint", "config", "download", "size", "dataset", "pair", ""]
)  # empty: unknown
LONGEST = 300  # characters of a cell that are looked at

# Of several columns of models, the first kind here names the model and the others describe it.
_MODELS = (
    re.compile(
        r"^(pre-?trained |base )?(model|network|net)s?( ?(name|id|variant|type|architecture))?( ?[(/&,](?!.*\d).*)?$|"
        r"^模型(名称)?$"
    ),
    re.compile(r"^(arch(itecture)?|variant|cnn)s?\.?( ?name)?$"),
    re.compile(r"^(backbone|encoder|trunk)s?( ?(name|architecture|network))?$|^(骨干|主干)网络$"),
    re.compile(r"^(name|method|algorithm)s?$"),
)
_TOP1 = r"top[ -]?@?1\b|(acc(uracy)?|prec(ision)?|err(or)?)[ .]{0,2}@?(top-?)?1\b|(?<!\w)p@1\b"
_TOP5 = r"top[ -]?@?5\b|(acc(uracy)?|prec(ision)?|err(or)?)[ .]{0,2}@?(top-?)?5\b|(?<!\w)p@5\b"
_PIXELS = r"(size|res(olution)?|px|pixels?|shape|dim(ension)?s?)"
_IN_PIXELS = r"([ ,]*\(?(px|pixels?|h ?x ?w)\)?)"
_DATA = r"(?:(?:imagenet|cifar|svhn)[ -]?\d{0,3}k?|test|val\.?|eval|validation|classification|fp32|clean|\d+-crop)"
_SET = rf"((?:{_DATA} ){{1,3}})"
_PER_CENT = r"([ ,]*\(?%\)?)"
_ERROR = re.compile(r"(?<![a-z])err(or)?s?\b|misclass|错误率")
_ACCURACY = re.compile(r"acc|prec|准确率|精度")
_HEADINGS: tuple[tuple[ColumnKind, re.Pattern[str]], ...] = (
    ("checkpoint", re.compile(r"^(checkpoint|weight)s?$")),
    (
        "file_size",
        re.compile(
            r"\b(file|model|weights?|storage|checkpoint|disk|params?) ?(size|mem(ory)?)|^size \(?[mgk]i?b\b|模型大小"
        ),
    ),
    ("params", re.compile(r"\b[kmg]?param(eter)?s?\b|^param|params?\.?\b|参数量")),
    ("macs", re.compile(r"\b[kmgt]?macc?s?\b|multipl(y|ie)s?[ -]|mult[. -]{0,2}adds?")),
    ("macs", re.compile(r"\b[mg]{1,2}-?adds?\b|flops? ?/ ?2\b")),
    ("flops", re.compile(r"flop|\b[kmgt]?ops\b|浮点运算|^complexity \([mg]")),
    ("activations", re.compile(r"^(infer |test )?(#? ?[km]?acts?|activations?)( size)?([ ,]*[(\[].*)?$")),
    ("pair", re.compile(rf"({_TOP1}).{{0,12}}[/,&].{{0,12}}({_TOP5}|\b5\b)")),
    ("top5", re.compile(_TOP5)),
    ("top1", re.compile(_TOP1)),
    ("top1", re.compile(rf"^{_SET}?acc(uracy)?\.?{_PER_CENT}?$")),
    ("top1", re.compile(rf"^{_SET}err(or)?\.?( rate)?{_PER_CENT}?$")),
    ("top1", re.compile(rf"^err(or)?( rate)?{_PER_CENT}$")),
    ("top1", re.compile(r"准确率")),
    ("config", re.compile(r"^config")),
    ("download", re.compile(r"download|weights|checkpoint|^ckpt|^url$|^link$")),
    ("dataset", re.compile(r"^((test|val|eval|evaluation|validation) ?)?(set|data|data ?set|split)s?( name)?$")),
    ("dataset", re.compile(r"^(evaluated|tested) on$|数据集")),
    ("dataset", re.compile(r"^train(ed|ing)? ?(on|set|data|dataset)$")),
    (
        "size",
        re.compile(
            r"^(?=.*(inp|image|img|\bim\b|crop|size|res|px|pixel|shape|dim))"
            r"((input|inp|image|img|im|crop|test|eval|val|inference|center)[ .-]{0,2}){1,3}"
            rf"{_PIXELS}?\.?{_IN_PIXELS}?$|^({_PIXELS}\.?|h ?x ?w|分辨率){_IN_PIXELS}?$"
        ),
    ),
)  # fmt: skip
# Figures of another kind although a quantity is named: of training, of another model, a change.
_OTHER = re.compile(
    r"\btrain(ing)? ?(acc|err|top)|\bbest\b|gain|drop|\bdiff|\bgap\b|improve|\bvs\b|pruned|delta|[δ∆]|reduc|saving|"
    r"speed|ratio|remain|relative|teacher|reference|baseline|loss|recall|\bmap\b|throughput|\btflop|"
    r"flops ?/ ?(params|s\b)|/s\b|learnable %|trainable %|original|paper|official|\bknn\b|k-nn|linear|参考|增益"
)
_UNITS = re.compile(
    r"[(\[,/]\s{0,5}(?:in |x ?|count in )?([kmgbt])(?:flops?|macs?|ops|adds?|acts?|illions?|illiards?)?\.?"
    r"\s{0,5}(?:[)\]]|$)|"
    r"[(\[,]\s{0,5}([kmg]i?b|bytes)\s{0,5}(?:[)\]]|$)|"
    r"\b([kmgbt])[ -]?(?:flops?|macc?s?|ops|params?|parameters?|m?-?adds?|acts?)\b|"
    r"\b(thousand|million|billion|giga|mio|mil|mn)s?\b|(?:[x*]\s{0,3})?(?:10\^?|1?e\+?)0?([369]|12)\b|(%)"
)
_WORDS = {
    "THOUSAND": "K",
    "MILLION": "M",
    "BILLION": "G",
    "GIGA": "G",
    "MIO": "M",
    "MIL": "M",
    "MN": "M",
    "3": "K",
    "6": "M",
    "9": "G",
    "12": "T",
}
_AT_SIZE = re.compile(r"(?:@|\bon|\bat|_)\s?(\d{2,3})(?!\d)|\b(\d{2,3})\s?(?:px|x\s?\d{2,3}\b)|\b(\d{3})[²^]")
_ARGUMENTS = re.compile(r"int8|fp16|bf16|fp8|w8a8|quanti[sz]ed|\bs8\b|(?:10|12|ten|multi)-?crop|\bema\b|\btta\b|flip")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: what it holds, in which unit, measured on what."""

    kind: ColumnKind
    heading: str  # as printed
    unit: str = ""
    is_error_rate: bool = False
    says_accuracy: bool = False  # so that a caption that speaks of errors means other columns
    with_error: bool = False  # the error rate stands behind the accuracy, in parentheses
    dataset: str = ""
    arguments: str = ""
    image_px: int | None = None
    decimal_comma: bool | None = None  # None: its cells could be either
    rank: int = 0  # of columns of models: the lowest names the model


@lru_cache(maxsize=10_000)
def bare(text: str) -> str:
    """Return the words of a cell without dress: bold, code, links, tags, notes; in the simplest characters."""
    text = re.sub(r"<(su[pb])>\s*[\^]?\[?[\d*†‡a-z]?\]?\s*</\1>", "", text[:LONGEST], flags=re.IGNORECASE)
    text = re.sub(r"!?\[([^\[\]]*)\]\([^()]*\)", r"\1", re.sub(r"\[\^[^\[\]]*\]", "", text))
    text = re.sub(r"(?<=[_-])<br */?>", "", text)
    text = re.sub(r"</?[A-Za-z][^<>]*>", " ", text)
    text = unicodedata.normalize("NFKC", html.unescape(text).replace("²", "^2")).replace("×", "x")
    return " ".join(re.sub(r"[`*$\\†‡§]", " ", text).split())


def column(heading: str) -> Column:
    """Return what the column under `heading` holds."""
    words = re.sub(r"#p\b", "params", bare(heading).lower())
    is_marked, words = bool(re.search("[↓↑]", words)), re.sub("[↓↑]", "", words)
    words = " ".join(re.sub(r"[#_]", " ", words).strip(" :").split())
    rank = next((rank for rank, pattern in enumerate(_MODELS) if pattern.search(words)), None)
    if rank is not None:
        return Column(kind="model", heading=heading, rank=rank)
    kind: ColumnKind = next((kind for kind, pattern in _HEADINGS if pattern.search(words)), "")
    if kind in (*COUNTS, "top1", "top5", "pair") and _OTHER.search(words):
        return Column(kind="", heading=heading)
    if kind not in ("top1", "top5", "pair"):
        unit = _unit(words, kind)
        is_share = kind in COUNTS and ("%" in words or (is_marked and not unit))
        if kind == "file_size" and re.search("storage|file|disk", words):
            unit = {"K": "KB", "M": "MB", "G": "GB"}.get(unit, unit)
        is_unclear = kind == "file_size" and unit in ("K", "M", "G")  # of parameters, or of bytes
        return Column(kind="" if is_share or is_unclear else kind, heading=heading, unit=unit, image_px=_size(words))
    in_parentheses = bool(_ACCURACY.search(words)) and bool(re.search(r"\(err", words))
    return Column(
        kind=kind,
        heading=heading,
        unit=_unit(words, kind),
        is_error_rate=bool(_ERROR.search(words)) and not in_parentheses,
        says_accuracy=bool(_ACCURACY.search(words)),
        with_error=in_parentheses,
        dataset=known_in(bare(heading)),
        arguments=" ".join(match[0] for match in _ARGUMENTS.finditer(words)),
        image_px=_size(words),
    )


def _unit(words: str, kind: ColumnKind) -> str:
    if kind in ("top1", "top5", "pair"):
        return "%" if "%" in words else ""
    match = _UNITS.search(words)
    unit = next((group.upper() for group in match.groups() if group), "") if match else ""
    return _WORDS.get(unit, unit)


def _size(words: str) -> int | None:
    match = _AT_SIZE.search(words)
    digits = next((group for group in match.groups() if group), "") if match else ""
    return int(digits) if digits and 28 <= int(digits) <= 999 else None
