"""Figures on cards: what is true is said to be so and how, every planted lie is caught, no true card is accused."""

from dataclasses import replace
from pathlib import Path

import pytest

from resbench.judging.claims import reproduction
from resbench.lint.files import read_cards
from resbench.lint.lint import lint
from resbench.lint.parse import parse
from resbench.lint.problem import Level, Problem, lint_exit_code
from resbench.records.store import save
from tests import card_corpus, examples


def problems(text: str, path: str = "card.md", **options) -> list[Problem]:
    return lint([parse(Path(path), text)], **{"records": Path("absent"), **options})


def worst(found: list[Problem]) -> list[Problem]:
    return [problem for problem in found if problem.level in (Level.FALSE, Level.UNREADABLE)]


def said(found: list[Problem], code: str, model: str) -> list[str]:
    return [problem.message for problem in found if (problem.code, problem.model) == (code, model)]


def test_timms_page_is_true_at_another_input_and_says_which():
    found = problems(card_corpus.TIMM, "-")
    assert lint_exit_code(found) == 0
    assert said(found, "T002", "gluon_seresnext50_32x4d") == [
        "FLOPs 5475179184: true at 224x285 under the timm-card convention; at the stated 224: 4,261,896,192 (fvcore)"
    ]
    assert said(found, "T001", "gluon_seresnext50_32x4d") == ["parameters 27560000: true, rounded from 27,559,896"]
    assert {problem.code for problem in found} == {"T001", "T002"}


def test_open_mmlabs_rows_are_true_under_mmcv_without_the_head(tmp_path):
    found = lint(read_cards([str(card_corpus.mmpretrain(tmp_path))]), records=tmp_path / "absent")
    assert lint_exit_code(found) == 0
    flops = [problem for problem in found if problem.code == "T002"]
    assert len(flops) == 8
    assert all("under mmcv without head" in problem.message for problem in flops)
    assert not [problem for problem in found if problem.level is Level.WARNING]


def test_a_hub_card_is_true():
    found = problems(card_corpus.HUB)
    assert [problem for problem in found if problem.level is not Level.NOTE] == []
    assert "true to the printed digits" in said(found, "T002", "gluon_seresnext50_32x4d")[0]


LIES = {
    "parameters wrong by one": ("Parameters: 27560000", "Parameters: 27559897", "T001"),
    "parameters of another row": ("Parameters: 27560000", "Parameters: 48960000", "T001"),
    "parameters wrong in the last printed digit": ("Parameters: 27560000", "Parameters: 27570000", "T001"),
    "parameters of one digit": ("Parameters: 27560000", "Parameters: 30000000", "T001"),
    "parameters of two digits": ("Parameters: 27560000", "Parameters: 27000000", "T001"),
    "operations wrong by one": ("FLOPs: 5475179184", "FLOPs: 5475179185", "T002"),
    "operations of another row": ("FLOPs: 5475179184", "FLOPs: 10302923504", "T002"),
    "operations in another unit": ("FLOPs: 5475179184", "FLOPs: 5.475", "T002"),
    "operations in millions": ("FLOPs: 5475179184", "FLOPs: 5475", "T002"),
    "operations that are no number": ("FLOPs: 5475179184", "FLOPs: 5.4 billion", "T002"),
    "one per cent accuracy": ("Top 1 Accuracy: 79.92%", "Top 1 Accuracy: 0.95%", "T006"),
    "a fraction for per cent": ("Top 1 Accuracy: 79.92%", "Top 1 Accuracy: 0.7992", "T007"),
    "top-5 below top-1": ("Top 5 Accuracy: 94.82%", "Top 5 Accuracy: 74.82%", "T004"),
    "accuracy above 100 %": ("Top 5 Accuracy: 94.82%", "Top 5 Accuracy: 194.82%", "T005"),
    "accuracy that is no number": ("Top 5 Accuracy: 94.82%", "Top 5 Accuracy: good", "T005"),
}


@pytest.mark.parametrize(("true", "lie", "code"), LIES.values(), ids=LIES)
def test_a_lie_on_a_timm_page_is_caught(true, lie, code):
    assert card_corpus.TIMM.count(true) == 1
    found = problems(card_corpus.TIMM.replace(true, lie), "-")
    assert code in {problem.code for problem in worst(found)}
    assert {problem.model for problem in worst(found)} == {"gluon_seresnext50_32x4d"}
    line = card_corpus.TIMM[: card_corpus.TIMM.index(true)].count("\n") + 1
    assert line in {problem.line for problem in worst(found)}
    assert lint_exit_code(found) == 1


TABLE_LIES = {
    "parameters off by a printed digit": ("| 25.03 |", "| 25.04 |", "T001"),
    "parameters in thousands": ("Params (M)", "Params (K)", "T001"),
    "operations off by a printed digit": ("| 8.03 |", "| 8.13 |", "T002"),
    "operations in millions": ("Flops (G)", "Flops (M)", "T002"),
    "operations called MACs and doubled": ("| 25.03 | 4.27 |", "| 25.03 | 8.46 |", "T002"),
    "accuracy unlike the metafile's": ("| 77.90 |", "| 78.90 |", "T008"),
    "accuracies swapped between rows": ("| 88.79 | 16.5 | 79.27 |", "| 88.79 | 16.5 | 78.61 |", "T008"),
    "rows swapped": ("| 44.18 | 8.03 |", "| 88.79 | 16.5 |", "T001"),
}


@pytest.mark.parametrize(("true", "lie", "code"), TABLE_LIES.values(), ids=TABLE_LIES)
def test_a_lie_in_a_readme_beside_its_metafile_is_caught(true, lie, code, tmp_path):
    assert card_corpus.README.count(true) == 1
    readme = card_corpus.README.replace(true, lie)
    if lie.endswith("8.46 |"):
        readme = readme.replace("Flops (G)", "MACs (G)")
    found = lint(read_cards([str(card_corpus.mmpretrain(tmp_path, readme=readme))]), records=tmp_path / "absent")
    assert code in {problem.code for problem in worst(found)}


HUB_LIES = {
    "a fraction beside per cent": ("value: 94.82", "value: 0.9482", "T007"),
    "near chance": ("value: 79.92", "value: 0.0092", "T006"),
    "GFLOPs for MACs": ("4.23G", "8.47G", "T002"),
    "MMACs for GFLOPs": ("4.23G", "4.23M", "T002"),
}


@pytest.mark.parametrize(("true", "lie", "code"), HUB_LIES.values(), ids=HUB_LIES)
def test_a_lie_on_a_hub_card_is_caught(true, lie, code):
    assert code in {problem.code for problem in worst(problems(card_corpus.HUB.replace(true, lie)))}


@pytest.mark.parametrize(("top1", "codes"), [("0.0", set()), ("0.75", {"T007"})])
def test_an_accuracy_of_zero_has_either_unit(top1, codes):
    page = card_corpus.HUB.replace("type: imagenet-1k", "type: pets").replace("name: ImageNet", "name: Pets")
    assert {problem.code for problem in worst(problems(page.replace("value: 79.92", f"value: {top1}")))} == codes


def test_a_list_of_counts_is_true_at_its_first_size():
    found = problems(card_corpus.LISTS)
    assert [problem for problem in found if problem.level is not Level.NOTE] == []
    assert said(found, "T001", "resnet50.a3_in1k") == ["parameters 25.6 M: true, rounded from 25,557,032"]
    (message,) = said(found, "T002", "resnet50.a3_in1k")
    assert message == "MACs 2.1 G: true to the printed digits under macs, 2,087,321,600 at 160x160"


LIST_LIES = {
    "parameters off by a printed digit": ("Params (M): 25.6", "Params (M): 25.7", "T001"),
    "MACs doubled": ("GMACs: 2.1", "GMACs: 4.2", "T002"),
    "another network": ("for resnet50.a3_in1k", "for resnet101.a3_in1k", "T001"),
    "MACs of another size in the table": ("| 95.11 | 6.8 |", "| 95.11 | 6.9 |", "T002"),
}


@pytest.mark.parametrize(("true", "lie", "code"), LIST_LIES.values(), ids=LIST_LIES)
def test_a_lie_in_a_list_of_counts_is_caught(true, lie, code):
    assert card_corpus.LISTS.count(true) == 1
    assert code in {problem.code for problem in worst(problems(card_corpus.LISTS.replace(true, lie)))}


def test_a_list_under_no_known_title_is_left_alone():
    page = "# My fine-tuned model\n\n- Params (M): 23.5\n- Accuracy: 0.93\n"
    assert [problem.code for problem in problems(page)] == ["F011"]
    assert problems("# A page\n\n- Accuracy: 0.93\n- Parameters: see below\n") == []


def test_the_unit_that_would_make_a_figure_true_is_named():
    found = problems(card_corpus.README.replace("Flops (G)", "Flops (M)"))
    assert "true in billions (G)" in worst(found)[0].message


def test_a_share_of_the_parameters_is_no_count():
    assert problems("| Model | Params (%) |\n| --- | --- |\n| resnet50 | 50 |\n") == []


def test_a_figure_without_a_unit_is_a_warning_and_still_checked():
    found = problems(card_corpus.README.replace("Flops (G)", "Flops"))
    assert [problem.level for problem in found if problem.code == "T003"] == [Level.WARNING] * 4
    assert not worst(found)


def test_a_known_misprint_is_false_with_its_reason():
    page = "| Model | Params (M) |\n| --- | --- |\n| resnet34_8xb32_in1k | 2.18 |\n"
    (problem,) = worst(problems(page))
    assert problem.message == "parameters 2.18 M: false, resnet34 has 21,797,672; a misprint of 21.80 M"


def test_a_size_that_the_card_states_is_counted_there():
    page = card_corpus.TIMM_ONE.replace("Image Size: '224'", "Image Size: '288'").replace("5475179184", "4261896192")
    (message,) = said(problems(page, "-"), "T002", "gluon_seresnext50_32x4d")
    assert message.startswith("FLOPs 4261896192: true at 224x224 under fvcore; at the stated 288: 7,0")


@pytest.mark.parametrize(
    "name", ["resnet50", "`resnet50`", "[`resnet50`](cards/resnet50.md)", "**resnet50**", "resnet50\\*"]
)
def test_a_name_is_read_however_it_is_dressed(name):
    page = f"| Network | Params (M) | Best published top-1 (%) |\n| :--- | ---: | ---: |\n| {name} | 25.56 | 81.14 |\n"
    assert said(problems(page), "T001", "resnet50") == ["parameters 25.56 M: true, rounded from 25,557,032"]
    assert len(problems(page)) == 1


@pytest.mark.parametrize(
    ("name", "network", "params"),
    [
        ("ResNet-50", "resnet50", "25.56"),
        ("timm/resnet50.a1_in1k", "resnet50", "25.56"),
        ("ResNeXt-50 (32x4d)", "resnext50_32x4d", "25.03"),
        ("SE-ResNet-50", "seresnet50", "28.09"),
        ("Wide ResNet-50-2", "wide_resnet50_2", "68.88"),
    ],
)
def test_a_network_is_known_however_its_name_is_written(name, network, params):
    page = "| Method | Model | Params (M) |\n| --- | --- | --- |\n| x | {} | {} |\n"
    assert "true, rounded from" in problems(page.format(name, params))[0].message
    (problem,) = worst(problems(page.format(name, "37.00")))
    assert f"{network} has" in problem.message


@pytest.mark.parametrize(
    "head",
    ["| Weight | Params | GFLOPS |", "| **Weight** | **Params** | **GFLOPS** |", "| Checkpoint | Params | GFLOPS |"],
)
def test_a_table_of_checkpoints_is_read_as_torchvisions_is(head):
    page = f"{head}\n| - | - | - |\n| ResNet50_Weights.IMAGENET1K_V1 | 25.6M | {{}} |\n"
    assert [problem.level for problem in problems(page.format("4.09"))] == [Level.NOTE, Level.NOTE]
    assert [problem.code for problem in worst(problems(page.format("4.49")))] == ["T002"]


def test_a_column_of_checkpoints_beside_the_models_is_of_downloads():
    page = "| Model | Params (M) | Checkpoint |\n| - | - | - |\n| resnet50 | 37.00 | [model](x.pth) |\n"
    assert [problem.code for problem in worst(problems(page))] == ["T001"]


def test_a_header_that_names_no_unit_gives_none():
    head = "| Model | Accuracy (testA) | Accuracy (testB) | Params (millions) |\n| - | - | - | - |\n"
    page = f"{head}| resnet50 | 90 | 83 | 25.56 |\n"
    assert [problem.message for problem in problems(page)] == ["parameters 25.56 M: true, rounded from 25,557,032"]


@pytest.mark.parametrize("figure", ["4.14", "4.1426", "4142627840"])
def test_operations_by_thop_of_2019_are_true_and_named(figure):
    card = f"| Model | Params | GFLOPs |\n|---|---|---|\n| ResNet-50 | 25.56M | {figure} |\n"
    found = problems(card if len(figure) < 8 else card.replace("GFLOPs", "FLOPs"))
    assert [problem for problem in found if problem.level is not Level.NOTE] == []
    (message,) = [problem.message for problem in found if problem.code == "T002"]
    assert message.startswith(f"FLOPs {figure}")
    assert "true to the printed digits under thop-0.0." in message


def test_figures_of_an_unknown_network_are_left_alone():
    found = problems("| Model | Params (M) | Top-1 (%) |\n| --- | --- | --- |\n| vit_huge | 1.0 | 88.5 |\n")
    assert [(problem.code, problem.level) for problem in found] == [("F011", Level.NOTE)]


def test_a_figure_that_the_publisher_did_not_publish_is_a_warning():
    found = problems(card_corpus.TIMM.replace("79.92%", "80.92%"), "-")
    (problem,) = [problem for problem in found if problem.code == "T012"]
    assert problem.level is Level.WARNING
    assert "79.92 % was published" in problem.message


def test_two_tables_of_one_page_may_hold_two_recipes():
    head = "| Model | Top-1 (%) |\n| --- | --- |\n"
    assert problems(f"{head}| resnet50 | 79.04 |\n\ntext\n\n{head}| resnet50 | 76.13 |\n") == []


def test_a_file_of_another_size_or_hash_is_caught_on_disk(tmp_path):
    name = "gluon_seresnext50_32x4d-90cf2d6e.pth"
    (tmp_path / name).write_bytes(b"not the weights")
    found = worst(problems(card_corpus.TIMM, "-", weights=tmp_path))
    assert {problem.code for problem in found} == {"T010", "T011"}
    assert all(problem.model == "gluon_seresnext50_32x4d" for problem in found)


def test_a_file_with_the_promised_hash_and_size_passes(tmp_path):
    import hashlib

    content = b"these are the weights"
    digest = hashlib.sha256(content).hexdigest()[:8]
    page = card_corpus.TIMM.replace("90cf2d6e", digest).replace("110578827", str(len(content)))
    (tmp_path / f"gluon_seresnext50_32x4d-{digest}.pth").write_bytes(content)
    assert not worst(problems(page, "-", weights=tmp_path))


def test_a_stale_hash_in_an_address_is_a_warning_without_the_file():
    found = problems(card_corpus.TIMM.replace("90cf2d6e", "0123abcd"), "-")
    assert [problem.level for problem in found if problem.code == "T011"] == [Level.WARNING]


def test_a_local_validation_that_contradicts_a_claim_is_false(tmp_path):
    record = replace(
        examples.EVALUATION,
        network="seresnext50_32x4d",
        weights="gluon_seresnext50_32x4d",
        dataset=replace(examples.EVALUATION.dataset, name="ImageNet-1k"),
        images=50_000,
        top1_right=39_500,
        top5_right=47_410,
    )
    save(record, tmp_path)
    (problem,) = worst(problems(card_corpus.TIMM, "-", records=tmp_path))
    assert problem.code == "T009"
    assert "a validation here gave 79.00 %" in problem.message


@pytest.mark.parametrize("images", ["part of ImageNet-1k", "val"])
def test_a_validation_on_other_images_contradicts_nothing(images, tmp_path):
    data = replace(examples.EVALUATION.dataset, name=images)
    save(replace(examples.EVALUATION, weights="gluon_seresnext50_32x4d", dataset=data), tmp_path)
    assert not worst(problems(card_corpus.TIMM, "-", records=tmp_path))


def test_a_validation_at_another_size_than_the_card_states_contradicts_nothing(tmp_path):
    data = replace(examples.EVALUATION.dataset, name="ImageNet-1k")
    save(replace(examples.EVALUATION, network="resnet50", weights="tv_resnet50", dataset=data), tmp_path)
    page = "| Model | img_size | Top-1 (%) |\n| --- | --- | --- |\n| tv_resnet50 | {} | 70.00 |\n"
    assert [problem.code for problem in problems(page.format(224), records=tmp_path)] == ["T009", "T012"]
    assert problems(page.format(288), records=tmp_path) == []


OTHER_HEADS = {
    "ten classes": ("| resnet50 | 23.53 |", "true for 10 classes"),
    "a hundred": ("| ResNet-101 | 42.71 |", "true for 100 classes"),
    "iNaturalist's": ("| ResNet-152 | 68.57 |", "true for 5,089 classes"),
    "birds": ("| ResNet-34 | 21.39 |", "true for 200 classes"),
    "the stem for 32 px": ("| ResNet-18 | 11.17 |", "true as parameters of resnet18_cifar10"),
}


@pytest.mark.parametrize(("row", "words"), OTHER_HEADS.values(), ids=OTHER_HEADS)
def test_another_head_is_true_and_the_number_of_classes_is_named(row, words):
    (problem,) = problems(f"| Model | Params (M) |\n| --- | --- |\n{row}\n")
    assert problem.level is Level.NOTE
    assert words in problem.message


def test_a_number_of_classes_that_a_heading_states_is_believed():
    page = "### Moths (2,997 classes)\n\n| Model | Params (M) |\n| --- | --- |\n| ResNet-50 | 29.65 |\n"
    (problem,) = problems(page)
    assert "true for 2,997 classes" in problem.message
    (without,) = problems(page.replace("(2,997 classes)", ""))
    assert without.level is Level.FALSE


NOT_FALSE = {
    "half a per cent from the double": ("resnet50", "FLOPs (G)", "8.19"),
    "one per cent from a count": ("ResNet-101", "FLOPs (G)", "7.95"),
    "twice the multiply-adds, called MACs": ("ResNet-50", "MACs (G)", "8.18"),
    "another input": ("resnet18", "FLOPs (G)", "2.37"),
    "a network that others build too": ("ResNet-26", "Params", "17,960,232"),
    "inside a detector": ("Faster R-CNN", "Params (M)", "41.5"),
}


@pytest.mark.parametrize(("name", "column", "figure"), NOT_FALSE.values(), ids=NOT_FALSE)
def test_what_is_not_known_is_not_called_false(name, column, figure):
    page = f"| Model | {column} |\n| --- | --- |\n| {name} | {figure} |\n"
    (problem,) = problems(page)
    assert problem.level is Level.WARNING or problem.code == "F011"


def test_a_false_figure_says_which_readings_were_tried():
    (problem,) = worst(problems("| Model | FLOPs (G) |\n| --- | --- |\n| resnet50 | 6.02 |\n"))
    assert "conventions, doubled and halved, at 224" in problem.message


def test_megabytes_of_parameters_are_the_size_of_a_file_or_false():
    page = "| Model | Params |\n| --- | --- |\n| resnet50 | {} |\n"
    (size,) = problems(page.format("102.2 MB"))
    assert size.level is Level.WARNING
    assert "25,557,032 parameters of 32 bits" in size.message
    assert worst(problems(page.format("61 MB")))


ELSEWHERE = {
    "flowers": "dataset: {type: flowers, name: Oxford flowers}",
    "CIFAR-10": "dataset: {type: cifar10, name: CIFAR-10}",
    "ImageNet-V2": "dataset: {type: imagenet-v2, name: ImageNet-V2}",
    "ImageNet-A": "dataset: {type: imagenet-a, name: ImageNet-A}",
}


@pytest.mark.parametrize("dataset", ELSEWHERE.values(), ids=ELSEWHERE)
@pytest.mark.parametrize("name", ["resnet50", "tv_resnet50"])
def test_an_accuracy_on_other_data_gets_no_figure_of_imagenet(name, dataset):
    page = (
        f"---\nlicense: mit\nmodel-index:\n- name: {name}\n  results:\n  - task: {{type: image-classification}}\n"
        f"    {dataset}\n    metrics:\n    - {{type: accuracy, value: 63.21}}\n---\n"
    )
    assert [problem for problem in problems(page) if problem.code.startswith("T")] == []


def test_a_bare_name_is_anybodys_training_and_is_never_mended():
    page = "| Model | Top-1 (%) |\n| --- | --- |\n| resnet50 | 77.31 |\n"
    (problem,) = problems(page)
    assert (problem.code, problem.level, problem.fix, problem.edit) == ("T012", Level.NOTE, "", None)
    (named,) = problems(page.replace("resnet50", "tv_resnet50"))
    assert (named.level, named.fix) == (Level.WARNING, "76.16 %")


def test_a_known_misprint_near_chance_is_one_finding():
    page = "| Model | Top-1 (%) |\n| --- | --- |\n| inception_resnet_v2 | 0.95 |\n"
    assert [problem.code for problem in problems(page)] == ["T012"]


def test_the_page_itself_is_not_cited_as_the_source(tmp_path):
    page = tmp_path / "models" / "gloun-seresnext.mdx"
    page.parent.mkdir()
    page.write_text(card_corpus.TIMM.replace("79.92%", "80.92%"))
    (problem,) = [problem for problem in lint(read_cards([str(page)]), records=tmp_path) if problem.code == "T012"]
    assert "an earlier version of this page said 79.92 %" in problem.message


def test_one_tolerance_for_published_accuracies(tmp_path):
    data = replace(examples.EVALUATION.dataset, name="ImageNet-1k")
    record = replace(
        examples.EVALUATION, network="resnet50", weights="tv_resnet50", dataset=data, images=50_000, top5_right=47_000
    )
    page = "| Model | Top-1 (%) |\n| --- | --- |\n| tv_resnet50 | 76.16 |\n"
    for right, differs in ((38_080 + 40, True), (38_080 + 20, False)):  # 0.08 and 0.04 points above 76.16 %
        save(replace(record, top1_right=right), tmp_path)
        found = reproduction(replace(record, top1_right=right), "top1")
        assert found.missed is differs
        assert ("T009" in {problem.code for problem in problems(page, records=tmp_path)}) is differs


@pytest.mark.parametrize(
    ("name", "figure", "network"),
    [("ResNet-50", "3.8", "resnet50"), ("ResNet-101", "7.6", "resnet101"), ("ResNet-152", "11.3", "resnet152")],
)
def test_the_papers_own_stride_is_true(name, figure, network):
    (problem,) = problems(f"| Model | FLOPs (G) |\n| --- | --- |\n| {name} | {figure} |\n")
    assert problem.level is Level.NOTE
    assert f"of {network}_v1" in problem.message


def test_a_row_whose_network_has_other_counts_in_other_rows_is_doubtful_and_alone_false():
    head, half = "| Arch | Method | #Params |\n|---|---|---|\n", "| ResNet-50 | two halves | 12M |\n"
    (alone,) = problems(head + half)
    assert (alone.level, alone.code) == (Level.FALSE, "T001")
    whole, doubtful = problems(f"{head}| ResNet-50 | one | 25.6M |\n{half}")
    assert (whole.level, doubtful.level) == (Level.NOTE, Level.WARNING)
    assert doubtful.message.startswith("parameters 12 M: resnet50 has 25,557,032; ")
    assert doubtful.message.endswith("; other rows give this network another count")
    assert doubtful.edit is None


def test_a_count_at_224_pixels_is_not_false_for_a_network_that_is_trained_at_another_size():
    (found,) = problems("| Model | FLOPs (G) |\n|---|---|\n| ResNeSt-269 | 22.58 |\n")
    assert found.level is Level.WARNING
    assert "at 224x224" in found.message
