"""What cards print is read as people mean it: columns, cells, data sets, inputs, names; or is counted as not read."""

from fractions import Fraction
from pathlib import Path

import pytest

from resbench.lint.figure import StatedFigure
from resbench.lint.names import network_named
from resbench.lint.parse import Document, parse


def page(text: str) -> Document:
    return parse(Path("card.md"), text)


def figures(text: str) -> list[StatedFigure]:
    return [figure for entry in page(text).entries for figure in entry.figures]


def under(heading: str, *cells: str, name: str = "resnet34", caption: str = "") -> list[StatedFigure]:
    rows = "".join(f"| {name} | {cell} |\n" for cell in cells)
    return figures(f"{caption}\n\n| Model | {heading} |\n| --- | --- |\n{rows}")


M, G = 10**6, 10**9
COUNTS = {  # heading, cell: quantity, count
    ("Params (M)", "21.80"): ("params", 21_800_000),
    ("#Params", "21.8M"): ("params", 21_800_000),
    ("Params, M", "21.8"): ("params", 21_800_000),
    ("#P", "21.8M"): ("params", 21_800_000),
    ("Million Parameters", "21.8"): ("params", 21_800_000),
    ("param_count", "21.80"): ("params", Fraction("21.8")),
    ("Parameters (10^6)", "21.8"): ("params", 21_800_000),
    ("Parameters (in millions)", "21.8"): ("params", 21_800_000),
    ("Params（M）", "21.8"): ("params", 21_800_000),
    ("Params<sub>(M)</sub>", "21.8"): ("params", 21_800_000),
    ("Parameters", "21,797,672"): ("params", 21_797_672),
    ("Parameters", "21.797.672"): ("params", 21_797_672),
    ("Parameters", "21 797 672"): ("params", 21_797_672),
    ("Parameters", "21_797_672"): ("params", 21_797_672),
    ("Parameters (M)", "21,8"): ("params", 21_800_000),
    ("Params", "~21.8M"): ("params", 21_800_000),
    ("Params", "≈ 21.8 M"): ("params", 21_800_000),
    ("Params", "21.8 million"): ("params", 21_800_000),
    ("Params", "**21.8M**"): ("params", 21_800_000),
    ("Params", "[21.8M](x.md)"): ("params", 21_800_000),
    ("Params", "`21.8M`[^1]"): ("params", 21_800_000),
    ("Params", "21.8M<sup>2</sup>"): ("params", 21_800_000),
    ("Params", "21.8M<sub>(+1 %)</sub>"): ("params", 21_800_000),
    ("Params", "21.8M (ours)"): ("params", 21_800_000),
    ("Params", "21.8 (M)"): ("params", 21_800_000),
    ("Params", "2.18e7"): ("params", 21_800_000),
    ("Params", "2.18 x 10^7"): ("params", 21_800_000),
    ("Params", "2.18×10<sup>9</sup>"): ("params", 2_180_000_000),
    ("FLOPs (G)", "3.68"): ("flops", 3_680_000_000),
    ("FLOPs (G)", "3.68e9"): ("flops", 3_680_000_000 * G),  # the column's unit counts
    ("FLOPs (G)", "3680M"): ("flops", 3_680_000_000),  # and that of the cell before it
    ("FLOPs (x10^9)", "3.68"): ("flops", 3_680_000_000),
    ("GFLOPs", "3.68"): ("flops", 3_680_000_000),
    ("FLOPS", "3.68 GFLOPs"): ("flops", 3_680_000_000),
    ("OPs", "3.68 B"): ("flops", 3_680_000_000),
    ("MACs (B)", "3.68"): ("macs", 3_680_000_000),
    ("GMACs", "3.68"): ("macs", 3_680_000_000),
    ("GMac", "3.68"): ("macs", 3_680_000_000),
    ("GMACC", "3.68"): ("macs", 3_680_000_000),
    ("BFLOPs", "3.68"): ("flops", 3_680_000_000),
    ("FLOPs (G) ↓", "3.68"): ("flops", 3_680_000_000),
    ("M-Adds (M)", "3680"): ("macs", 3_680_000_000),
    ("Params (Mio)", "21.8"): ("params", 21_800_000),
    ("Mult-Adds (M)", "3680"): ("macs", 3_680_000_000),
    ("MAdds", "3,680.5M"): ("macs", 3_680_500_000),
    ("FLOPs/2", "3,680.5M"): ("macs", 3_680_500_000),
    ("Million MACs", "3680"): ("macs", 3_680_000_000),
    ("Model size (MB)", "87.3"): ("file_size", 87_300_000),
    ("File Size", "83 MiB"): ("file_size", 83 * 2**20),
    ("Storage size (M)", "87.3"): ("file_size", 87_300_000),
    ("param mem", "83 MB"): ("file_size", 83_000_000),
}


def test_a_count_is_read_however_it_is_written():
    read = {printed: under(*printed) for printed in COUNTS}
    assert {key: [(own.quantity, own.value) for own in found] for key, found in read.items()} == {
        key: [meant] for key, meant in COUNTS.items()
    }
    assert [key for key, (own,) in read.items() if own.text not in key[1]] == []  # so that it can be replaced


ACCURACIES = {  # heading, cell: quantity, right of 100
    ("Top-1", "73.31"): ("top1", "73.31"),
    ("top-1 (%)", "73.31"): ("top1", "73.31"),
    ("Acc@1", "73.31 %"): ("top1", "73.31"),
    ("Prec@1", "73,31"): ("top1", "73.31"),
    ("Acc@Top1", "73.31"): ("top1", "73.31"),
    ("Top1 Acc", "73.31 ± 0.2"): ("top1", "73.31"),
    ("Accuracy (%)", "73.31"): ("top1", "73.31"),
    ("Top-1 准确率", "73.31"): ("top1", "73.31"),
    ("Top-5 accuracy", "91.42"): ("top5", "91.42"),
    ("Top-1 error (%)", "26.69"): ("top1", "73.31"),
    ("top1_err", "26.69"): ("top1", "73.31"),
    ("Err@1", "26.69"): ("top1", "73.31"),
    ("1-crop top-1 error", "26.69%"): ("top1", "73.31"),
    ("error (top-5)", "8.58"): ("top5", "91.42"),
    ("Error, %", "26.69"): ("top1", "73.31"),
    ("test err", "26.69"): ("top1", "73.31"),
    ("Top-1 ↑", "73.31"): ("top1", "73.31"),
    ("acc. @1", "73.31"): ("top1", "73.31"),
    ("1-crop val error", "26.69"): ("top1", "73.31"),
    ("ImageNet error (%)", "26.69"): ("top1", "73.31"),
}


@pytest.mark.parametrize(("printed", "meant"), ACCURACIES.items(), ids=[" ".join(key) for key in ACCURACIES])
def test_an_accuracy_is_read_from_columns_of_accuracies_and_of_errors(printed, meant):
    (figure,) = under(*printed)
    assert (figure.quantity, figure.value) == (meant[0], Fraction(meant[1]) / 100)
    assert figure.is_error_rate == ("err" in printed[0].lower())


@pytest.mark.parametrize("caption", ["### Error rates on the validation set", "Table 3. Single-crop top-1 err."])
def test_a_caption_that_speaks_of_errors_makes_the_columns_errors(caption):
    first, second = under("Top-1", "26.69", "24.0", caption=caption)
    assert first.is_error_rate
    assert second.is_error_rate
    below = figures(f"| Model | Top-1 |\n| - | - |\n| resnet34 | 26.69 |\n\nTable 1: {caption}\n")
    assert below[0].is_error_rate
    assert not under("Top-1 acc", "26.69", caption=caption)[0].is_error_rate
    for cell in ("73.31", "0.7331"):
        assert not under("Top-1", cell, caption="We fixed an error in this table.")[0].is_error_rate
    assert under("Top-1", "0.2669", caption=caption)[0].value == Fraction("0.7331")


def test_columns_whose_top_5_is_always_the_smaller_are_errors():
    rows = ["| Model | top1 | top5 |", "| - | - | - |", "| a | 30.2 | 10.1 |", "| b | 61.3 | 32.0 |"]
    assert all(figure.is_error_rate for figure in figures("\n".join(rows)))
    assert not any(figure.is_error_rate for figure in figures("\n".join(rows[:3])))  # one row may be a mistake


def test_accuracy_and_error_side_by_side_are_each_themselves():
    text = "| Model | top1 | top1_err | Acc@5 (err) |\n| - | - | - | - |\n| x | 73.31 | 26.69 | 91.42 (8.58) |\n"
    values = [(figure.quantity, figure.is_error_rate, figure.value) for figure in figures(text)]
    one, five = Fraction("0.7331"), Fraction("0.9142")
    assert values == [("top1", False, one), ("top1", True, one), ("top5", False, five), ("top5", True, five)]


def test_two_accuracies_in_one_cell_are_two_figures():
    first, fifth = under("Top-1 / Top-5", "73.31 / 91.42")
    assert (first.quantity, first.value, fifth.quantity, fifth.value) == (
        "top1",
        Fraction("0.7331"),
        "top5",
        Fraction("0.9142"),
    )


def test_a_column_and_not_a_cell_decides_between_fraction_and_per_cent():
    assert [figure.unit for figure in under("Top-1", "0.7331", "0.7615")] == ["1", "1"]
    assert [figure.unit for figure in under("Top-1", "0.7331", "76.15")] == ["", ""]
    assert [figure.value for figure in under("Top-1 err", "0.2669")] == [Fraction("0.7331")]
    assert [figure.unit for figure in under("Top-1 (%)", "0.7331")] == ["%"]  # it says per cent
    index = "<!--\nModels:\n- Name: a\n  Results:\n    Task: x\n    Dataset: y\n    Metrics: {Top 1 Accuracy: 0.7}\n-->"
    assert [figure.value for figure in figures(index)] == [Fraction("0.7")]


def test_the_cells_of_a_column_share_its_unit_and_its_decimal_comma():
    assert [figure.value for figure in under("Params", "21.8M", "25.6")] == [21_800_000, 25_600_000]
    assert [figure.value for figure in under("Params (M)", "21,797", "25,6")] == [21_797_000, 25_600_000]
    assert [figure.value for figure in under("MFLOPs", "3,680", "512.5")] == [3_680_000_000, 512_500_000]


NOT_UNDERSTOOD = [
    ("Params (M)", "21,797"),  # decimals or thousands
    ("Params", "21-26M"),
    ("Params", "<30M"),
    ("Params", "21.8M / 3.6G"),
    ("Params", "21.8M + 3M"),
    ("Top-1", "73.31 (91.42)"),
    ("Top-1", "73.31 → 74"),
    ("Top-1 / Top-5", "73.31"),
    ("FLOPs", "3.6 to 4.1 G"),
    ("Params", "9" * 400),
]


@pytest.mark.parametrize(("heading", "cell"), NOT_UNDERSTOOD, ids=str)
def test_what_is_not_understood_is_counted_and_not_half_read(heading, cell):
    document = page(f"| Model | {heading} |\n| - | - |\n| resnet34 | {cell} |\n")
    assert document.entries == ()
    assert [unread.line for unread in document.not_understood] == [3]


@pytest.mark.parametrize("cell", ["", "-", "–", "N/A", "n/a", "?", "TBD", "none"])
def test_a_cell_that_says_nothing_is_no_figure(cell):
    document = page(f"| Model | Params |\n| - | - |\n| resnet34 | {cell} |\n")
    assert (document.entries, document.not_understood) == ((), ())


@pytest.mark.parametrize(
    "heading",
    ["Top-1 gain", "Top1 Diff", "Δ top-1", "Top-1 drop", "Gap in top-1", "FLOPs ↓", "Params ratio", "FLOPs reduction",
     "Train acc1", "best top-1", "Teacher top-1", "Params (%)", "linear top-1",
     "Model size (M)", "Recall@1", "mAP@1", "Throughput"],
)  # fmt: skip
def test_differences_and_figures_of_another_kind_are_left_alone(heading):
    document = page(f"| Model | {heading} |\n| - | - |\n| resnet34 | 1.5 |\n")
    assert (document.entries, document.not_understood) == ((), ())


def test_megabytes_of_parameters_have_a_unit_that_is_none_of_theirs():
    megabytes, plain = under("Params", "87.3 MB", "21.8M")
    assert (megabytes.unit, megabytes.unit_is_foreign, plain.unit_is_foreign) == ("MB", True, False)


INPUT_HEADINGS = [
    "Input", "Input size", "Size", "Test size", "Res.", "Resolution", "Crop", "Crop size", "img size", "img_size",
    "Image size (px)", "input res.", "img-size", "HxW", "Input image size", "Test crop", "eval res", "分辨率",
]  # fmt: skip
INPUT_CELLS = ["288", "288x288", "288×288", "3x288x288", "(288, 288)", "288 px", "288²"]


def test_an_input_is_read_from_any_column_of_inputs():
    def inputs(heading, cell):
        document = page(f"| Model | {heading} | FLOPs (G) |\n| - | - | - |\n| resnet34 | {cell} | 6.05 |\n")
        return [entry.figures[0].image_px for entry in document.entries]

    wrong = [(heading, cell) for heading in INPUT_HEADINGS for cell in INPUT_CELLS if inputs(heading, cell) != [288]]
    assert wrong == []


def test_operations_at_an_input_that_is_not_understood_are_not_understood():
    document = page("| Model | Input | Params | FLOPs |\n| - | - | - | - |\n| resnet34 | 224 x 320 | 21.8M | 5 G |\n")
    assert [figure.quantity for entry in document.entries for figure in entry.figures] == ["params"]
    assert [unread.heading for unread in document.not_understood] == ["FLOPs"]


@pytest.mark.parametrize("heading", ["Top-1 @ 288", "Top-1 (288px)", "acc1 on 288", "Top-1 288x288"])
def test_a_column_says_its_own_input(heading):
    assert under(heading, "73.31")[0].image_px == 288


DATA_SETS = {
    "### Results on CIFAR-10\n\n| Model | Acc. |\n| - | - |\n| resnet34 | 93 |": "cifar10",
    "ILSVRC 2012 val:\n\n| Model | Top-1 |\n| - | - |\n| resnet34 | 73 |": "imagenet-1k",
    "| Model | ImageNet-V2 top-1 |\n| - | - |\n| resnet34 | 61 |": "imagenet-v2",
    "| Model | ReaL top-1 |\n| - | - |\n| resnet34 | 80 |": "imagenet-real",
    "| Model | Dataset | Top-1 |\n| - | - | - |\n| resnet34 | Oxford Flowers | 93 |": "flowers",
    "| Model | Trained on | Top-1 |\n| - | - | - |\n| resnet34 | iNat 2017 | 60 |": "inaturalist",
    "---\ndatasets:\n- beans\n---\n| Model | Top-1 |\n| - | - |\n| resnet34 | 98 |": "beans",
    "# Pretrained on ImageNet, fine-tuned on CUB\n\n| Model | Acc |\n| - | - |\n| resnet34 | 84 |": "cub",
    "| Model | Top-1 |\n| - | - |\n| resnet34 | 73 |": "",
    "| Backbone | Frames | Top-1 |\n| - | - | - |\n| resnet34 | 8 | 70 |": "another-task",
}


@pytest.mark.parametrize(("text", "data"), DATA_SETS.items())
def test_an_accuracy_knows_its_data_set(text, data):
    assert [figure.data_set for figure in figures(text)] == [data]


def test_results_that_differ_in_their_arguments_are_different_results():
    one = "  - task: {type: t}\n    dataset: {name: ImageNet, type: imagenet-1k, config: %s, args: {crop: %s}}\n"
    metric = "    metrics:\n    - {type: accuracy, value: %s}\n"
    results = one % ("a", 1) + metric % 70 + one % ("a", 2) + metric % 71 + one % ("b", 1) + metric % 72
    read = figures(f"---\nmodel-index:\n- name: resnet34\n  results:\n{results}---\n")
    assert [figure.data_set for figure in read] == ["imagenet-1k"] * 3
    assert len({figure.arguments for figure in read}) == 3


def test_a_table_of_html_is_read_with_its_spans():
    text = """<table>
<thead><tr><th rowspan="2">Model</th><th colspan=2>Error (%)</th></tr>
<tr><th>top-1</th><th>top-5</th></tr></thead>
<tr><td rowspan="2"><b>resnet34</b></td><td>26.69</td><td>8.58</td></tr>
<tr><td>26.70</td><td>8.59</td></tr>
<TR><TD>resnet18<TD>30.24<TD>10.92
</table>"""
    entries = page(text).entries
    assert [entry.name for entry in entries] == ["resnet34", "resnet34", "resnet18"]
    assert [entry.line for entry in entries] == [4, 5, 6]
    assert [float(figure.value) for figure in entries[0].figures] == [0.7331, 0.9142]
    assert all(figure.is_error_rate for entry in entries for figure in entry.figures)


@pytest.mark.parametrize("text", ["<tables of 9 models", "<table>", "<table><tr>", "<table><td>5", "</table>"])
def test_what_only_begins_like_a_table_of_html_is_none(text):
    assert page(text).entries == ()


def test_a_table_whose_columns_are_models_is_turned():
    text = "| | ResNet-18 | ResNet-34 |\n| - | - | - |\n| Params (M) | 11.7 | 21.8 |\n| Top-1 | 69.8 | 73.3 |\n"
    small, large = page(text).entries
    assert (small.name, large.name) == ("ResNet-18", "ResNet-34")
    assert [(figure.line, figure.text) for figure in large.figures] == [(3, "21.8"), (4, "73.3")]


def test_a_table_of_metrics_and_values_is_about_the_pages_title():
    (entry,) = page("# resnet34\n\n| Metric | Value |\n| - | - |\n| GFLOPs | 7.3 |\n| MParams | 21.8 |\n").entries
    assert [(figure.quantity, figure.value) for figure in entry.figures] == [("flops", 7.3 * G), ("params", 21.8 * M)]


@pytest.mark.parametrize(
    "heading",
    ["Model", "Network", "Backbone", "Architecture", "Arch.", "Model name", "Models/Links", "Backbone network", "模型"],
)
def test_a_column_of_models_goes_by_many_names(heading):
    assert page(f"| {heading} | Params |\n| - | - |\n| resnet34 | 21.8M |\n").entries[0].name == "resnet34"


def test_of_several_columns_that_could_name_the_model_the_best_does():
    text = "| Backbone | Model | Params |\n| - | - | - |\n| resnet34 | Faster R-CNN | 41.8M |\n"
    assert [entry.name for entry in page(text).entries] == ["Faster R-CNN"]


def test_the_counts_of_a_detector_are_not_those_of_its_backbone():
    document = page("| Backbone | box AP | Params |\n| - | - | - |\n| R-50 | 37.4 | 41.5M |\n")
    assert document.entries == ()
    assert len(document.not_understood) == 1


def test_figures_in_a_table_without_models_are_counted_as_not_understood():
    document = page("| Epoch | Accuracy |\n| - | - |\n| 1 | 0.80 |\n| 2 | 0.85 |\n")
    assert len(document.not_understood) == 2
    assert document.fractions == ()


NAMES = {
    "resnet50": ["R50", "R-50", "ResNet-50-B", "ResNet-50 (v1.5)", "ResNet50 v1.5", "resnet50-int8", "ResNet-50*",
                 "torchvision.models.resnet50", "microsoft/resnet-50", "resnet50.a1_in1k", "ResNet-50 (ours)"],
    "resnext50_32x4d": ["ResNeXt-50 32x4d", "ResNeXt-32x4d-50", "ResNeXt50 (32×4d)", "X-50-32x4d"],
    "resnext101_64x4d": ["X101-64x4d", "ResNeXt-101 (64 x 4d, int8)"],
    "seresnext50_32x4d": ["SE-ResNeXt-50 (32 x 4d)", "SE_ResNeXt50_32x4d"],
    "wide_resnet50_2": ["WRN-50-2", "Wide ResNet-50-2", "wide-resnet50"],
    "resnet50d": ["ResNet50_vd", "ResNet-50-D", "ResNetV1D-50"],
    "resnest50d": ["ResNeSt-50"],
    "resnet56_cifar10": ["ResNet-56"],
    "inception_resnet_v2": ["Inception-ResNet-v2", "InceptionResNetV2"],
}  # fmt: skip


def test_a_papers_name_is_a_network_of_the_table():
    expected = {name: network for network, names in NAMES.items() for name in names}
    assert {name: getattr(network_named(name), "name", None) for name in expected} == expected


DOUBTFUL = [
    "ResNet-50 (pruned)", "ResNet-50 v2", "ResNet-50-A", "ResNet-50 v1", "R50-FPN", "R50-C4", "ResNet-50x1", "RN50",
    "ResNeXt-50", "ResNet-10 1", "ResNet-50 + SE", "PreResNet-50", "ResNet-RS-50", "R(2+1)D-18", "X3D-50", "ResNet",
    "Faster R-CNN R50", "ResNet-50 0.5x", "ResNet34_vd", "ResNet200_vd", "SE-ResNet50-D", "", "50",
]  # fmt: skip


def test_a_name_in_doubt_is_none():
    assert [name for name in DOUBTFUL if network_named(name)] == []


@pytest.mark.parametrize(
    ("heading", "cell", "right", "written"),
    [
        ("Params (M)", "2.18", 21_797_672, "21.80"),
        ("Params", "2.18", 21_797_672, "21.80"),
        ("Params (M)", "2.180", 21_797_672, "21.798"),
        ("Params (M)", "2,18", 21_797_672, "21,80"),
        ("Params", "2.18M", 21_797_672, "21.80"),
        ("Params", "2,180,000", 21_797_672, "21,797,672"),
        ("Params", "2,180,007", 21_797_672, "21,797,672"),
        ("Params", "2_180_007", 21_797_672, "21_797_672"),
        ("Params", "2180007", 21_797_672, "21797672"),
        ("MFLOPs", "3679", 3_664_000_000, "3664"),
        ("Top-1", "37.31", Fraction("0.7331"), "73.31"),
        ("Top-1", "0.3731", Fraction("0.7331"), "0.7331"),
        ("Top-1 err", "37.31", Fraction("0.7331"), "26.69"),
    ],
)
def test_a_right_value_is_written_as_the_wrong_one_was(heading, cell, right, written):
    assert under(heading, cell)[0].written(right) == written


def test_a_list_under_a_title_is_read_in_its_units():
    text = "# Model card for resnet34.a1_in1k\n- **Model size (MB):** 87.3\n- Params: 21,8 M\n- GMACs: ~3.7\n"
    assert [(figure.quantity, float(figure.value)) for figure in figures(text)] == [
        ("file_size", 87.3e6), ("params", 21.8e6), ("macs", 3.7e9)
    ]  # fmt: skip
