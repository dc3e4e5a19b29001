"""The styles that people publish: read back by the programs that read them, equal to one another in every figure."""

import functools
import re
from dataclasses import replace
from pathlib import Path

import modelindex as model_index_package
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import resbench
from resbench.cards import facts, files, huggingface, mmpretrain, modelindex, render, timm
from resbench.errors import ResbenchError
from resbench.lint.lint import lint
from resbench.lint.parse import parse
from resbench.lint.problem import Level
from resbench.zoo.find import find, find_weights
from resbench.zoo.spec import Claim
from resbench.zoo.variants import VARIANTS
from tests import examples
from tests.observed import share

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")


@functools.cache
def every_card(flops_convention="timm-card"):
    return [facts.gather(variant, {}, flops_convention) for variant in VARIANTS]


def test_a_timm_page_holds_its_whole_collection_and_the_published_data():
    page = timm.timm_pages(every_card())["gluon-seresnext.md"]
    published = (Path(__file__).parent / "data" / "seresnext_model_index.yml").read_text().replace("Gloun", "Gluon")
    assert yaml.safe_load(re.search(r"<!--\n(Type.*?)-->", page, re.DOTALL)[1]) == yaml.safe_load(published)
    assert "| `gluon_seresnext50_32x4d` | 27,559,896 | 4,232,994,816 at 224x224 | 5,475,179,184 at 224x285 |" in page


def test_every_timm_page_loads_in_the_model_index_package(tmp_path):
    for name, page in timm.timm_pages(every_card()).items():
        (tmp_path / name).write_text(page, encoding="utf-8")
        loaded = model_index_package.load(str(tmp_path / name))
        loaded.build_models_with_collections()
        assert loaded.check(silent=True) == []
        assert len(loaded.models) == page.count("\n- Name: ") - 1


def test_mmpretrains_files_give_the_published_figures(tmp_path):
    pages = mmpretrain.mmpretrain_pages(every_card("mmcv")) | mmpretrain.mmpretrain_index(every_card("mmcv"))
    for path, text in pages.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    loaded = model_index_package.load(str(tmp_path / "model-index.yml"))
    for model in loaded.models:
        weights = find_weights(model.name)
        for field, metric in (("Parameters", "params"), ("FLOPs", "flops")):
            claim = weights.claim(metric)
            if not claim.error:
                assert model.metadata.data[field] == claim.value
        top1 = model.results[0].metrics["Top 1 Accuracy"]
        assert top1 == round(100 * weights.claim("top1").value, 6)
    assert len(loaded.models) == sum(
        weights.source == "mmpretrain" for card in every_card() for weights in card.weights
    )


def test_mmpretrains_tables_hold_the_checkpoints_of_one_data_set_each():
    sections = re.split(r"\n### ", mmpretrain.mmpretrain_pages(every_card("mmcv"))["configs/resnet/README.md"])[1:]
    sets = {section.partition("\n")[0]: re.findall(r"(?m)^\| `([^`]+)`", section) for section in sections}
    assert list(sets) == ["ImageNet-1k", "CUB-200-2011", "CIFAR-10", "CIFAR-100"]
    for data, names in sets.items():
        assert names
        assert {facts.full_dataset(find_weights(name)) for name in names} == {data}


def test_one_caveat_of_several_checkpoints_is_said_once():
    page = mmpretrain.mmpretrain_pages(every_card("mmcv"))["configs/resnet/README.md"]
    assert page.count("OpenCV") == 1
    assert "> resnet18_8xb32_in1k, resnet34_8xb32_in1k, resnet50_8xb32_in1k, " in page


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.nightly)])
def test_the_styles_agree_and_lint_without_a_false_figure(every):
    for style, pages, table in (
        (timm, timm.timm_pages, every_card()),
        (mmpretrain, mmpretrain.mmpretrain_pages, every_card("mmcv")),
        (huggingface, huggingface.huggingface_pages, every_card()),
    ):
        cards = [card for card in table if every or card.variant.name in share()]
        texts = {path: text for path, text in pages(cards).items() if not path.endswith(".svg")}
        documents = [parse(Path("x") / path, text) for path, text in texts.items()]
        found = lint(documents, records=Path("absent"))
        assert [problem for problem in found if problem.level in (Level.FALSE, Level.UNREADABLE)] == []
        shown = {
            row.name for card in cards for row in card.weights if style is huggingface or row.source == style.SOURCE
        }
        for code in ("T001", "T002"):
            assert {problem.model for problem in found if problem.code == code} == shown


def test_another_convention_can_be_asked_for(tmp_path):
    arguments = {"every": False, "output": tmp_path, "update": [], "results": tmp_path / "results"}
    (page,) = files.wanted(["seresnext101_64x4d"], **arguments, style="timm", flops="fvcore").values()
    assert "FLOPs: 15527532544" in page
    assert page.count("- Name: gluon_seresnext") == 3  # its collection is whole, whichever network was named
    with pytest.raises(ResbenchError, match=r"unknown convention 'fvcor'; --flops takes macs, fvcore"):
        files.wanted(["resnet50"], **arguments, flops="fvcor")


def test_a_network_that_a_style_cannot_show_is_an_error(tmp_path):
    with pytest.raises(ResbenchError, match="no checkpoint that style timm could show"):
        files.wanted(["plain34"], every=False, output=tmp_path, update=[], results=tmp_path / "results", style="timm")


def test_a_file_that_somebody_else_wrote_is_not_overwritten(tmp_path):
    (tmp_path / "resnet50.md").write_text("# Mine\n")
    with pytest.raises(ResbenchError, match="was not written by resbench"):
        files.wanted(["resnet50"], every=False, output=tmp_path, update=[], results=tmp_path / "results")


def measured(name: str, images: str = "val") -> facts.Card:
    variant = find(name)
    data = replace(examples.EVALUATION.dataset, name=images)
    record = replace(examples.EVALUATION, network=variant.name, weights=name, dataset=data)
    smaller = replace(record, pixels=replace(record.pixels, crop_px=192))
    return facts.gather(variant, {"a.json": record, "b.json": smaller})


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.nightly)])
def test_a_hub_card_goes_through_the_hubs_own_reader_without_loss(every):
    hub = pytest.importorskip("huggingface_hub")
    cards = [card for card in every_card() if every or card.variant.name in share()]
    for card in (*cards, measured("gluon_seresnext50_32x4d")):
        for path, text in huggingface.huggingface_pages([card]).items():
            if path.endswith(".svg"):
                continue
            front = yaml.safe_load(text.split("---\n")[1]) if path.endswith(".md") else yaml.safe_load(text)
            if path.endswith(".md") and "model-index" in front:
                data = hub.ModelCard(text).data
                assert data.to_dict() == front
                assert data.model_name == front["model-index"][0]["name"]
                metrics = [metric for result in front["model-index"][0]["results"] for metric in result["metrics"]]
                assert [one.metric_value for one in data.eval_results] == [metric["value"] for metric in metrics]
                identities = {one.unique_identifier for one in data.eval_results}
                assert len(identities) == len(front["model-index"][0]["results"])
            elif path.endswith(".yaml"):
                assert hub.eval_result_entries_to_yaml(hub.parse_eval_result_entries(front)) == front


def test_measured_accuracies_of_two_sizes_stay_two_results_for_the_hub():
    text = huggingface.huggingface_pages([measured("gluon_seresnext50_32x4d")])["gluon_seresnext50_32x4d/README.md"]
    results = yaml.safe_load(text.split("---\n")[1])["model-index"][0]["results"]
    assert [result["metrics"][0]["value"] for result in results] == [79.92, 79.0, 79.0]
    assert len({result["dataset"]["config"] for result in results}) == 3
    assert "Measured with resbench on 200 images of val: top-1 79.00 %, top-5 95.00 % (`a.json`)." in text


@pytest.mark.parametrize(("images", "credited"), [("val", 0), ("part of ImageNet-1k", 0), ("ImageNet-1k", 4)])
def test_what_was_measured_on_other_images_is_no_result_of_the_hubs_data_set(images, credited):
    card = measured("gluon_seresnext50_32x4d", images)
    pages = huggingface.huggingface_pages([card])
    entries = yaml.safe_load(pages["gluon_seresnext50_32x4d/.eval_results/imagenet-1k.yaml"])
    assert [entry["value"] for entry in entries] == [79.92, 94.82, *[79.0, 95.0, 79.0, 95.0][:credited]]
    front = yaml.safe_load(pages["gluon_seresnext50_32x4d/README.md"].split("---\n")[1])
    sets = [result["dataset"]["name"] for result in front["model-index"][0]["results"]]
    assert sets == ["ImageNet-1k", images, images]


def test_a_record_that_saw_no_image_gives_no_accuracy():
    card = facts.gather(
        find("resnet18"), {"a.json": replace(examples.EVALUATION, images=0, top1_right=0, top5_right=0)}
    )
    assert "Accuracy: not measured." in render.card_text(card)
    assert "Measured: not measured." in huggingface.huggingface_pages([card])["resnet18/README.md"]


def test_the_split_is_the_one_that_the_data_set_has():
    card = facts.gather(find("resnet20_cifar10"), {})
    front = yaml.safe_load(huggingface.huggingface_pages([card])["akamaster_resnet20/README.md"].split("---\n")[1])
    assert front["model-index"][0]["results"][0]["dataset"]["split"] == "test"


@pytest.mark.parametrize(
    ("page", "snippets"),
    [
        (lambda card: render.card_text(card), 2),
        (lambda card: timm.timm_pages([published_by(card, "timm")])["resnet-for-cifar-10.md"], 1),
        (
            lambda card: mmpretrain.mmpretrain_pages([published_by(card, "mmpretrain")])[
                "configs/resnet-for-cifar-10/README.md"
            ],
            1,
        ),
        (lambda card: huggingface.huggingface_pages([card])["akamaster_resnet20/README.md"], 1),
    ],
    ids=["default", "timm", "mmpretrain", "huggingface"],
)
def test_the_code_on_a_page_runs_once_the_checkpoint_is_here(page, snippets, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("resbench.nets.cache.check_file", lambda *_: None)  # the published file is not ours to keep
    here = tmp_path / "hub" / "checkpoints"
    here.mkdir(parents=True)
    network = resbench.build("resnet20_cifar10")
    torch.save(network.state_dict(), here / "resnet20-12fca82f.th")
    monkeypatch.chdir(here)
    found = re.findall(r"```python\n(.*?)```", page(facts.gather(find("resnet20_cifar10"), {})), re.DOTALL)
    assert len(found) == snippets
    for snippet in found:
        names: dict = {}
        exec(snippet, names)
        assert names["model"](torch.zeros(1, 3, 32, 32)).shape == (1, 10)
        assert "logits" not in names or names["logits"].shape == (1, 10)
    weights = names["model"].state_dict()
    assert all(torch.equal(weights[name], tensor) for name, tensor in network.state_dict().items())


def published_by(card: facts.Card, source: str) -> facts.Card:
    return replace(card, weights=tuple(replace(row, source=source) for row in card.weights))


BREAKS = ["-->", "<!-- x", "a|b", "`x`", "```\n# x", "\n---\n", "x\r\ny", '"; import os', "{{ x }}", "{% x %}", "&amp;"]
OTHERS = [
    "</svg><script>",
    "[a](javascript:b)",
    "1e999",
    "null",
    "- x: y",
    "#",
    "A" * 999,
    "\x00\x07",
    "é中\u2028",
    "\\",
]
NASTY = st.text(min_size=1) | st.sampled_from(BREAKS + OTHERS)
HUGE = st.integers(1, 10**15)


@given(name=NASTY, collection=NASTY, url=NASTY, terms=NASTY, title=NASTY, about=NASTY, path=NASTY, huge=HUGE)
def test_nothing_breaks_out_of_its_place_in_any_style(name, collection, url, terms, title, about, path, huge):
    whole = facts.gather(find("seresnext50_32x4d"), {})
    size = Claim(metric="file_size", value=huge, source=url)
    claims = (size, *(claim for claim in whole.weights[0].claims if claim.metric != "file_size"))
    held = replace(whole.weights[0], name=name, collection=collection, url=url, code=url, license=terms, caveat=about)
    held = replace(held, claims=claims)
    paper = replace(whole.variant.paper, title=title, bibtex=about)
    record = replace(
        examples.EVALUATION,
        weights=name,
        images=huge,
        top1_right=huge,
        top5_right=huge,
        run=replace(examples.RUN, command=about),
    )
    card = replace(
        whole, variant=replace(whole.variant, about=about, paper=paper), weights=(held,), records={path: record}
    )
    check_comment(render.card_text(card), [card], count=9)
    assert modelindex.index([card])["Models"][0]["Metadata"]["File Size"] == huge
    (page,) = timm.timm_pages([card]).values()
    check_comment(page, [card], count=5)
    hub = huggingface.huggingface_pages([card])
    (readme,) = [text for file, text in hub.items() if file.endswith(".md")]
    front = yaml.safe_load(re.match(r"---\n(.*?)\n---\n", readme, re.DOTALL)[1])
    assert front["model-index"][0]["name"] == name
    assert headings(readme.split("\n---\n", 1)[1]) == 5
    ours = replace(card, weights=(replace(held, source="mmpretrain"),), flops_convention="mmcv")
    for file, text in mmpretrain.mmpretrain_pages([ours]).items():
        if file.endswith("metafile.yml"):
            (model,) = yaml.safe_load(text)["Models"]
            assert (model["Name"], model["In Collection"], model["Weights"]) == (name, collection, url)
        elif file.endswith(".md"):
            assert headings(text) == 6


def check_comment(page: str, cards: list[facts.Card], *, count: int) -> None:
    body = re.search(r"<!--\n(Type: model-index\n.*?)-->", page, re.DOTALL)[1]
    assert yaml.safe_load(body) == modelindex.index(cards)
    assert page.count("-->") == page.count("<!--") == 2
    assert "<script" not in MARKDOWN.render(page)
    assert headings(page) == count


def headings(page: str) -> int:
    return sum(token.type == "heading_open" for token in MARKDOWN.parse(page))
