"""Lies planted in every form of card that people publish: each is found, and no true card is accused.

The figures are torchvision's and timm's, the tables and words are ours. Multiply-adds are fvcore's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from resbench.lint.lint import lint
from resbench.lint.parse import parse
from resbench.lint.problem import Level, Problem


@dataclass(frozen=True, slots=True)
class Row:
    """What a card says of one network."""

    name: str
    params: int
    macs: int  # at 224x224
    top1_percent: float
    top5_percent: float


TRUE = (
    Row("resnet18", 11_689_512, 1_819_065_856, 69.76, 89.08),
    Row("resnet50", 25_557_032, 4_111_512_576, 76.13, 92.86),
    Row("resnext50_32x4d", 25_028_904, 4_259_381_248, 77.62, 93.70),
    Row("resnet152", 60_192_808, 11_558_835_200, 78.31, 94.05),
)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "# Networks\n\n" + "".join("| " + " | ".join(line) + " |\n" for line in lines)


def millions(row: Row) -> str:
    return f"{row.params / 1e6:.2f}"


def giga(row: Row) -> str:
    return f"{row.macs / 1e9:.2f}"


def percent(share: float) -> str:
    return f"{share:.2f}"


def plain(rows: Sequence[Row]) -> str:
    head = ["Model", "Params (M)", "FLOPs (G)", "Top-1 (%)", "Top-5 (%)"]
    return table(head, [[r.name, millions(r), giga(r), percent(r.top1_percent), percent(r.top5_percent)] for r in rows])


def units_in_cells(rows: Sequence[Row]) -> str:
    head = ["Network", "#Params", "MACs", "Acc@1", "Acc@5"]
    cells = [[r.name, millions(r) + "M", giga(r) + "G", percent(r.top1_percent), percent(r.top5_percent)] for r in rows]
    return table(head, cells)


def without_edges(rows: Sequence[Row]) -> str:
    return "\n".join(line.removeprefix("| ").removesuffix(" |") for line in units_in_cells(rows).splitlines())


def backbones(rows: Sequence[Row]) -> str:
    return plain(rows).replace("| Model |", "| Backbone |")


def whole_counts(rows: Sequence[Row]) -> str:
    return table(["Architecture", "Parameters"], [[r.name, f"{r.params:,}"] for r in rows])


def errors(rows: Sequence[Row]) -> str:
    head = ["Model", "Top-1 err.", "Top-5 err.", "Params", "FLOPs"]
    return table(head, [[r.name, *_errors(r), f"{r.params:,}", giga(r) + "G"] for r in rows])


def _errors(row: Row) -> list[str]:
    return [percent(100 - row.top1_percent), percent(100 - row.top5_percent)]


def accuracies_and_errors(rows: Sequence[Row]) -> str:
    head = ["model", "top1", "top1_err", "top5", "top5_err", "param_count"]
    cells = []
    for r in rows:
        (err1, err5), own = _errors(r), (percent(r.top1_percent), percent(r.top5_percent))
        cells.append([r.name, own[0], err1, own[1], err5, millions(r)])
    return table(head, cells)


def fractions(rows: Sequence[Row]) -> str:
    head = ["Model", "Top-1", "Top-5", "Params (M)"]
    cells = [[r.name, f"{r.top1_percent / 100:.4f}", f"{r.top5_percent / 100:.4f}", millions(r)] for r in rows]
    return table(head, cells)


def decimal_commas(rows: Sequence[Row]) -> str:
    return plain(rows).replace(".", ",")


def transposed(rows: Sequence[Row]) -> str:
    lines = {"Params (M)": millions, "FLOPs (G)": giga}
    return table(["", *(r.name for r in rows)], [[head, *map(say, rows)] for head, say in lines.items()])


def html(rows: Sequence[Row]) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("Model", "Params (M)", "FLOPs (G)", "Top-1 (%)", "Top-5 (%)"))
    body = "".join(
        f"<tr>\n<td>{r.name}</td>\n<td>{millions(r)}</td>\n<td>{giga(r)}</td>\n"
        f"<td>{percent(r.top1_percent)}</td>\n<td>{percent(r.top5_percent)}</td>\n</tr>\n"
        for r in rows
    )
    return f"# Networks\n\n<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"


def timm_page(rows: Sequence[Row]) -> str:
    return f"# Networks\n\n<!--\nType: model-index\n{_models(rows)}-->\n"


def _models(rows: Sequence[Row]) -> str:
    return "Models:\n" + "".join(
        f"""- Name: {r.name}
  Metadata:
    FLOPs: {r.macs}
    Parameters: {r.params}
  Results:
  - Task: Image Classification
    Dataset: ImageNet-1k
    Metrics:
      Top 1 Accuracy: {percent(r.top1_percent)}
      Top 5 Accuracy: {percent(r.top5_percent)}
"""
        for r in rows
    )


def hub(rows: Sequence[Row]) -> str:
    results = "".join(
        f"""- name: {r.name}
  results:
  - task: {{type: image-classification}}
    dataset: {{type: imagenet-1k, name: ImageNet}}
    metrics:
    - {{type: accuracy, name: Top-1 accuracy, value: {percent(r.top1_percent)}}}
    - {{type: top_5_accuracy, name: Top-5 accuracy, value: {percent(r.top5_percent)}}}
"""
        for r in rows
    )
    return f"---\nlicense: apache-2.0\nmodel-index:\n{results}---\n\n{units_in_cells(rows)}"


COUNTS, ACCURACIES = {"params", "flops"}, {"accuracy"}
FORMS: dict[Callable[[Sequence[Row]], str], set[str]] = {
    plain: COUNTS | ACCURACIES,
    units_in_cells: COUNTS | ACCURACIES,
    without_edges: COUNTS | ACCURACIES,
    backbones: COUNTS | ACCURACIES,
    whole_counts: {"params"},
    errors: COUNTS | ACCURACIES,
    accuracies_and_errors: {"params"} | ACCURACIES,
    fractions: {"params"} | ACCURACIES,
    decimal_commas: COUNTS | ACCURACIES,
    transposed: COUNTS,
    html: COUNTS | ACCURACIES,
    timm_page: COUNTS | ACCURACIES,
    hub: COUNTS | ACCURACIES,
}

# What is changed in a row, the figure that this makes false, and the code that says so.
LIES: dict[str, tuple[Callable[[Row], Row], str, str]] = {
    "parameters a tenth": (lambda row: replace(row, params=row.params // 10), "params", "T001"),
    "parameters a thousandfold": (lambda row: replace(row, params=row.params * 1000), "params", "T001"),
    "parameters with another digit": (lambda row: replace(row, params=row.params - 2_000_000 * 2), "params", "T001"),
    "operations with another digit": (lambda row: replace(row, macs=row.macs + 10**9 // 3), "flops", "T002"),
    "operations a tenth": (lambda row: replace(row, macs=row.macs // 10), "flops", "T002"),
    "top-1 and top-5 exchanged": (
        lambda row: replace(row, top1_percent=row.top5_percent, top5_percent=row.top1_percent),
        "accuracy",
        "T004",
    ),
    "an accuracy beyond 100 %": (lambda row: replace(row, top5_percent=192.86), "accuracy", "T005"),
}
FITTING = [(form, name) for form, figures in FORMS.items() for name, lie in LIES.items() if lie[1] in figures]
PLANTED = [  # in one row in the plain run, in the other in the nightly run
    pytest.param(
        form,
        name,
        index,
        id=f"{form.__name__}-{name}-{TRUE[index].name}".replace(" ", "_"),
        marks=() if index == 1 + number % 2 else (pytest.mark.nightly,),
    )
    for number, (form, name) in enumerate(FITTING)
    for index in (1, 2)
]


def problems(text: str) -> list[Problem]:
    return lint([parse(Path("card.md"), text)], records=Path("absent"))


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_a_true_card_is_not_accused(form):
    found = problems(form(TRUE))
    assert not [p for p in found if p.level is Level.FALSE or (p.level is Level.WARNING and p.code in ("T001", "T002"))]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_every_figure_of_a_true_card_is_read(form):
    codes = [(p.code, p.model) for p in problems(form(TRUE))]
    for row in TRUE:
        assert "params" not in FORMS[form] or ("T001", row.name) in codes
        assert "flops" not in FORMS[form] or ("T002", row.name) in codes


@pytest.mark.parametrize(("form", "name", "index"), PLANTED)
def test_a_lie_is_found_where_it_was_planted_and_nowhere_else(form, name, index):
    change, _, code = LIES[name]
    rows = [change(row) if place == index else row for place, row in enumerate(TRUE)]
    accused = {(p.model, p.code) for p in problems(form(rows)) if p.level in (Level.FALSE, Level.WARNING)}
    assert (TRUE[index].name, code) in accused
    assert {model for model, found in accused if found in ("T001", "T002", "T004", "T005")} == {TRUE[index].name}
