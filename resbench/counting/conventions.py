"""What "FLOPs" meant to whom: every published convention as one row of coefficients over the terms of a tally."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from resbench.records.record import Terms


def square(input_px: int) -> tuple[int, int]:
    """Return the input that most tools count at: the network's own size, both ways."""
    return input_px, input_px


def dog_photo(input_px: int) -> tuple[int, int]:
    """Return the input of timm's cards: the 1213 x 1546 pixels of PyTorch Hub's dog.jpg, shorter side resized."""
    return input_px, input_px * 1546 // 1213


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """A way of counting operations: how often it counts each term, and at which input its figures hold.

    A historic one explains published figures; it is on no card, and `resbench count` shows it only when asked to.
    """

    name: str
    coefficients: Terms
    meaning: str
    source: str
    input_rule: Callable[[int], tuple[int, int]] = square
    historic: bool = False
    undefined: tuple[str, ...] = ()  # terms that its tool skips, or counts by rules of its own that are not here

    def missing(self, terms: Terms) -> tuple[str, ...]:
        """Return the terms of a network that this convention was not defined on."""
        return tuple(term for term in self.undefined if getattr(terms, term))


# What tools that look up layers by their classes do not see as this package does: functions without a layer.
BY_CLASS = ("blur", "matmul", "attention", "norm", "interpolated")
# What thop counted in most of 2019; the products of a linear layer take one addition less than there are.
THOP_2019 = Terms(conv=1, fc=2, fc_bias=-1, linear=2, linear_bias=-1, bn=4, avgpool_out=1, avgpool_side=1)

CONVENTIONS: tuple[Convention, ...] = (
    Convention(
        name="macs",
        coefficients=Terms(conv=1, blur=1, fc=1, linear=1, matmul=1, attention=1),
        meaning="multiply-adds of convolutions, linear layers and matrix products; torchvision's _ops",
        source="torchvision 0.28.0, torchvision/models/resnet.py (_ops, in billions)",
    ),
    Convention(
        name="fvcore",
        coefficients=Terms(
            **{"conv": 1, "blur": 1, "fc": 1, "linear": 1, "matmul": 1},
            **{"bn": 2, "norm": 4, "norm_affine": 1, "gap_in": 1, "adaptive_in": 1, "interpolated": 1},
        ),
        meaning="multiply-adds, two per batch-normed element, one per element that the final pool reads",
        undefined=("attention",),
        source="fvcore 0.1.5.post20221221, FlopCountAnalysis in eval mode",
    ),
    Convention(
        name="mmcv",
        coefficients=Terms(
            **{"conv": 1, "conv_bias": 1, "bn": 2, "relu": 1, "maxpool_in": 1, "avgpool_in": 1, "gap_in": 1},
            **{"se_in": 1, "linear": 1, "linear_bias": 1},
        ),
        undefined=BY_CLASS,
        meaning="the backbone and its pool without the classifier, with biases, norms, ReLUs and pools; MMPretrain's",
        source="mmcv 1.x, get_model_complexity_info over extract_feat (mmcls tools/get_flops.py before 2022-08-31)",
    ),
    Convention(
        name="timm-card",
        coefficients=Terms(conv=1, conv_bias=1, bn=2, avgpool_out=1, gap_in=1, gap_out=1, linear=1),
        undefined=BY_CLASS,
        meaning="thop 0.0.31 without the classifier, on an input 1.27 times as wide as high; timm's model cards",
        source="thop 0.0.31.post2005241907 on timm 0.4.3 (d8e69206)",
        input_rule=dog_photo,
    ),
    Convention(
        name="torch",
        coefficients=Terms(conv=2, blur=2, fc=2, linear=2, matmul=2, attention=2),
        meaning="two operations per multiply-add; PyTorch's own counter",
        source="torch.utils.flop_counter.FlopCounterMode",
    ),
    Convention(
        name="ptflops-aten",
        coefficients=Terms(conv=1, blur=1, conv_bias=1, fc=1, fc_bias=1, linear=1, linear_bias=1, matmul=1),
        undefined=("attention",),
        meaning="multiply-adds and biases",
        source="ptflops 0.7.5, backend aten",
    ),
    Convention(
        name="ptflops-pytorch",
        coefficients=Terms(
            **{"conv": 1, "conv_bias": 1, "fc": 1, "fc_bias": 1, "bn": 2, "relu": 2, "maxpool_in": 2, "avgpool_in": 2},
            **{"gap_in": 2, "linear": 1, "linear_bias": 1},
        ),
        undefined=BY_CLASS,
        meaning="multiply-adds, biases and norms, with ReLUs and pools counted twice (module hook and function)",
        source="ptflops 0.7.5, backend pytorch",
    ),
    Convention(
        name="thop",
        coefficients=Terms(conv=1, fc=1, bn=4, avgpool_out=1, gap_in=1, gap_out=1, linear=1),
        undefined=BY_CLASS,
        meaning="multiply-adds, four per batch-normed element, the outputs of average pools",
        source="thop 0.1.1",
    ),
    Convention(
        name="thop-0.0.31",
        coefficients=Terms(conv=1, conv_bias=1, fc=1, bn=2, avgpool_out=1, gap_in=1, gap_out=1, linear=1),
        undefined=BY_CLASS,
        meaning="multiply-adds, biases of convolutions, two per batch-normed element, the outputs of average pools",
        source="thop 0.0.31.post2005241907",
    ),
    Convention(
        name="thop-0.0.31-2001",
        coefficients=Terms(conv=1, conv_bias=1, fc=2, linear=2, bn=2, avgpool_out=1, gap_in=1, gap_out=1),
        meaning="two operations per multiply-add of linear layers, one of convolutions; two per batch-normed element",
        source="thop 0.0.31.post2001170342",
        undefined=BY_CLASS,
        historic=True,
    ),
    Convention(
        name="thop-0.0.31-1910",
        coefficients=Terms(
            conv=1, conv_bias=1, fc=2, linear=2, bn=4, avgpool_out=1, gap_in=1, gap_out=1, avgpool_side=1
        ),
        meaning="as thop-0.0.23, with the biases of linear layers",
        source="thop 0.0.31.post1910280903 to post1912272122",
        undefined=BY_CLASS,
        historic=True,
    ),
    Convention(
        name="thop-0.0.23",
        coefficients=replace(THOP_2019, conv_bias=1, gap_in=1, gap_out=1),
        meaning="two operations per multiply-add of linear layers, one of convolutions; four per batch-normed element",
        source="thop 0.0.23.post1908061459 to 0.0.31.post1909230639",
        undefined=BY_CLASS,
        historic=True,
    ),
    Convention(
        name="thop-0.0.22",
        coefficients=replace(THOP_2019, bias_macs=1, relu_last=1, maxpool_side=1, gap_in=1, gap_out=1),
        meaning="as thop-0.0.23, with max pools and the last ReLU of each block",
        source="thop 0.0.22 on torchvision 0.2.2 and newer, whose final pool is adaptive",
        undefined=BY_CLASS,
        historic=True,
    ),
    Convention(
        name="thop-0.0.22-avgpool7",
        coefficients=replace(THOP_2019, bias_macs=1, relu_last=1, maxpool_side=1, gap_out=8),
        meaning="as thop-0.0.22, with eight operations per output of the final pool, AvgPool2d(7)",
        source="thop 0.0.22 on torchvision 0.2.1",
        undefined=BY_CLASS,
        historic=True,
    ),
)
NAMES = tuple(convention.name for convention in CONVENTIONS)
CURRENT = tuple(convention.name for convention in CONVENTIONS if not convention.historic)
HISTORIC = tuple(convention.name for convention in CONVENTIONS if convention.historic)


def convention(name: str) -> Convention:
    """Return the convention called `name`. Raises ValueError for any other name."""
    for row in CONVENTIONS:
        if row.name == name:
            return row
    raise ValueError(f"convention {name!r} is none of {', '.join(NAMES)}")


def operations(terms: Terms, name: str) -> int:
    """Return what `terms` come to by the convention called `name`.

    Raises ValueError for an unknown name, and for terms that were not counted and that the convention counts.
    """
    weights = convention(name).coefficients
    counting = {field.name: times for field in fields(Terms) if (times := getattr(weights, field.name))}
    if missing := [term for term in counting if getattr(terms, term) is None]:
        raise ValueError(f"convention {name!r} counts {', '.join(missing)}, and the record is from before that")
    return sum(getattr(terms, term) * times for term, times in counting.items())
