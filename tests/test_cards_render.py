"""The card for people: what it shows, and what it admits."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from resbench.cards import facts, render
from resbench.lint.lint import lint
from resbench.lint.parse import parse
from resbench.lint.problem import Level
from resbench.records.record import ChosenOptions, Memory, Pipeline
from resbench.records.store import write_text
from resbench.report.page.details import details
from resbench.zoo.find import find
from resbench.zoo.variants import VARIANTS
from tests import examples
from tests.observed import cases

# Open-MMLab's table of its ResNeXt checkpoints (the README of its configs/resnext).
RESNEXT_TABLE = [
    ("resnext50_32x4d", "resnext50-32x4d_8xb32_in1k", "25.03", "4.27", "77.90", "93.66"),
    ("resnext101_32x4d", "resnext101-32x4d_8xb32_in1k", "44.18", "8.03", "78.61", "94.17"),
    ("resnext101_32x8d", "resnext101-32x8d_8xb32_in1k", "88.79", "16.5", "79.27", "94.58"),
    ("resnext152_32x4d", "resnext152-32x4d_8xb32_in1k", "59.95", "11.8", "78.88", "94.33"),
]


def card(name: str, records=None) -> facts.Card:
    return facts.gather(find(name), records or {})


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


@pytest.mark.parametrize(("network", "model", *("params", "flops", "top1", "top5")), RESNEXT_TABLE)
def test_the_results_table_gives_the_published_row(network, model, params, flops, top1, top5):
    rows = [cells(line) for line in render.card_text(card(network)).splitlines() if line.startswith(f"| `{model}` |")]
    ((_, *figures, config, download),) = rows
    assert figures == [params, flops, top1, top5]
    assert re.fullmatch(r"\[config\]\(https://\S+/resnext/" + model + r"\.py\)", config)
    assert re.fullmatch(r"\[model\]\(https://download\.openmmlab\.com/\S+\.pth\)", download)


@pytest.mark.parametrize("variant", cases())
def test_a_card_without_records_says_that_nothing_was_measured(variant):
    text = render.card_text(facts.gather(variant, {}))
    assert "Accuracy: not measured." in text
    assert "Speed: not measured." in text
    assert f"{facts.gather(variant, {}).counts.params:,}" in text
    assert text.endswith("-->\n")
    assert not re.search(r"\n\n\n|[ \t]\n", text)


def test_macs_stand_beside_the_flops_of_timms_cards_with_their_inputs():
    text = render.card_text(card("seresnext50_32x4d"))
    assert "| `macs` | 4,232,994,816 | 224x224 |" in text
    assert "| `timm-card` | 5,475,179,184 | 224x285 |" in text
    assert "| `fvcore` | 4,261,896,192 | 224x224 |" in text


def test_records_are_quoted_with_their_paths_and_only_on_their_networks_card():
    records = {
        "cpu/resnext50_32x4d/profile.json": examples.PROFILE,
        "cpu/resnet18/evaluation.json": examples.EVALUATION,
    }
    speed, accuracy = render.card_text(card("resnext50_32x4d", records)), render.card_text(card("resnet18", records))
    assert "Speed: not measured." not in speed
    assert "`cpu/resnext50_32x4d/profile.json`" in speed
    assert "cpu/resnet18" not in speed
    assert "Measured: `resnet18.pth` on 200 images of val (`cpu/resnet18/evaluation.json`):" in accuracy
    assert "| top-1 | 158 | 79.00 % | 72.84 to 84.07 % | nothing | nothing to compare with |" in accuracy
    assert "| latency | 1 | 1.01 ms |" in speed
    assert "Speed: not measured." in accuracy


def test_a_checkpoint_named_to_break_out_stays_in_its_cell():
    record = replace(examples.EVALUATION, weights="a|b`--><script>\n| x |", network="resnet18")
    text = render.card_text(card("resnet18", {"r.json": record}))
    assert "<script>" not in text
    assert text.count("-->") == 2
    (line,) = [line for line in text.splitlines() if line.startswith("Measured:")]
    assert line.endswith("on 200 images of val (`r.json`):")


def test_a_published_figure_known_to_be_false_is_named_so():
    whole = card("gluon_seresnext101_64x4d")
    claims = tuple(
        replace(claim, value=0.0095, error="labels off by one") if claim.metric == "top1" else claim
        for claim in whole.weights[0].claims
    )
    text = render.card_text(replace(whole, weights=(replace(whole.weights[0], claims=claims),)))
    assert "| false | 95.31 |" in text
    assert "published with top-1 0.95 %, which is false: labels off by one" in text


def test_the_index_lists_every_card():
    cards = [facts.gather(variant, {}) for variant in VARIANTS]
    text = render.default_index(cards)["README.md"]
    assert all(f"| [`{variant.name}`]({variant.name}.md) |" in text for variant in VARIANTS)
    assert len([line for line in text.splitlines() if line.startswith("| [`")]) == len(VARIANTS)


def test_every_row_of_the_index_is_checked_and_true():
    text = render.default_index([facts.gather(variant, {}) for variant in VARIANTS])["README.md"]
    found = lint([parse(Path("-"), text)], records=Path("absent"))
    assert {problem.level for problem in found} == {Level.NOTE}
    for code in ("T001", "T002"):
        assert [problem.model for problem in found if problem.code == code] == [variant.name for variant in VARIANTS]


def test_measured_and_published_stand_side_by_side_with_a_verdict():
    pixels = replace(examples.EVALUATION.pixels, interpolation="bicubic")
    whole = replace(examples.EVALUATION.dataset, name="ImageNet-1k", images=50_000, classes=1000)
    record = replace(
        examples.EVALUATION,
        network="seresnext50_32x4d",
        weights="gluon_seresnext50_32x4d",
        dataset=whole,
        pixels=pixels,
        images=50_000,
        top1_right=39_962,
        top5_right=46_000,
    )
    text = render.card_text(card("seresnext50_32x4d", {"r.json": record}))
    (first,) = [cells(line) for line in text.splitlines() if line.startswith("| top-1 |")]
    assert first[2:] == ["79.92 %", "79.57 to 80.27 %", "79.92 %", "reproduced (+0.00 points)"]
    assert "differs by -2.82 points" in text


def test_speeds_at_several_batch_sizes_are_plotted_and_tabled_with_intervals():
    series = tuple(
        replace(examples.series("throughput", scale=size), batch_size=size, drifting=size == 1) for size in (1, 8)
    )
    record = replace(examples.PROFILE, series=series)
    files = render.default_pages([card("resnext50_32x4d", {"p.json": record})])
    plots = [f"img/resnext50_32x4d{part}.svg" for part in ("-accuracy", "-throughput", "")]
    assert sorted(files) == [*plots, "resnext50_32x4d.md"]
    text = files["resnext50_32x4d.md"]
    assert "(img/resnext50_32x4d.svg)" in text
    assert "![images per second over the batch size](img/resnext50_32x4d-throughput.svg)" in text
    assert "<svg" not in text
    (row,) = [cells(line) for line in text.splitlines() if line.startswith("| throughput | 8 |")]
    assert row[2:4] == ["8.09 ms", "8.04 ms to 8.13 ms"]  # of the call, not of one of its images
    assert text.count("still changing") == 1
    assert "`resnext50_32x4d` on cpu-example-cpu-2c, 224x224 px, fp32, 1 thread, noise quiet (`p.json`):" in text
    assert "- `p.json`: 2026-01-01T00:00:00+00:00, Example CPU (2 cores), torch 2.13.0, noise quiet" in text


def test_a_speed_on_images_says_in_words_which_they_were():
    data = Pipeline(data="val", fingerprint="ab" * 32, images=1024, pixels=examples.EVALUATION.pixels, workers=2)
    fed = replace(examples.series("end_to_end"), pipeline=data)
    text = render.card_text(card("resnext50_32x4d", {"p.json": replace(examples.PROFILE, series=(fed,))}))
    assert "| end to end | 1 |" in text
    assert "1024 images of val from the page cache, fingerprint abababababababab" in text
    assert "shorter side to 256 px (bilinear, pillow 11), centre crop 224 px; threads that decode: 2" in text


def test_images_that_were_squashed_are_not_said_to_be_resized_by_their_shorter_side():
    pixels = replace(examples.EVALUATION.pixels, crop_mode="squash")
    text = render.card_text(card("resnet18", {"r.json": replace(examples.EVALUATION, pixels=pixels)}))
    assert "both sides to 256 px (bilinear, pillow 11), centre crop 224 px" in text


def test_options_that_a_validation_chose_by_itself_are_named():
    chosen = ChosenOptions(options=("fuse",), images=32, differing=0, difference=2e-6)
    record = replace(examples.EVALUATION, chosen=chosen)
    words = "fuse: the five best classes of plain torch on the first 32 images, logits within 2e-06 of the largest"
    assert f"; chosen by the run: {words}" in render.card_text(card("resnet18", {"r.json": record}))
    assert ("chosen by the run", words) in details("r.json", record)["facts"]


def test_peak_memory_stands_beside_the_speed_of_its_batch():
    on_gpu = Memory(batch_size=8, allocated_bytes=2**30, reserved_bytes=2**31)
    series = tuple(replace(examples.series("throughput"), batch_size=size) for size in (1, 8, 16))
    record = replace(examples.PROFILE, series=series, memory=(*examples.PROFILE.memory, on_gpu))
    text = render.card_text(card("resnext50_32x4d", {"p.json": record}))
    rows = [cells(line) for line in text.splitlines() if line.startswith("| throughput |")]
    assert [row[-1] for row in rows] == ["381 MiB resident", "1.00 GiB allocated", "not measured"]


@pytest.mark.parametrize("variant", cases())
def test_our_own_cards_lint_without_a_false_figure(variant, tmp_path):
    for path, text in render.default_pages([facts.gather(variant, {})]).items():
        write_text(tmp_path / path, text)
    page = tmp_path / f"{variant.name}.md"
    found = lint([parse(page, page.read_text())], records=Path("absent"))
    assert [problem for problem in found if problem.level is not Level.NOTE] == []
