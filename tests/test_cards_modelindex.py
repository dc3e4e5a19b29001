"""The model-index block against what timm published, and against the loader of the model-index package."""

import re
from dataclasses import replace
from pathlib import Path

import modelindex
import pytest
import yaml

from resbench.cards import facts, render
from resbench.cards.modelindex import index, index_block
from resbench.counting.figures import parameters
from resbench.zoo.find import find
from resbench.zoo.spec import Claim
from resbench.zoo.weights import WEIGHTS
from tests.observed import cases

# Published in timm's documentation (gluon SE-ResNeXt); its collection is misspelt there.
PUBLISHED = (Path(__file__).parent / "data" / "seresnext_model_index.yml").read_text().replace("Gloun", "Gluon")
SEEDS = [model["Name"] for model in yaml.safe_load(PUBLISHED)["Models"]]


def card(name: str) -> facts.Card:
    return facts.gather(find(name), {})


def load(text: str, path: Path):
    path.write_text(text, encoding="utf-8")
    return modelindex.load(str(path))


def gluon(name: str) -> facts.Card:
    whole = card(name)
    return replace(whole, weights=tuple(row for row in whole.weights if row.collection == "Gluon SEResNeXt"))


def test_three_models_on_one_page_give_the_published_block_byte_for_byte():
    yaml_lines = re.fullmatch(r"<!--\n(.*)-->", index_block(gluon(name) for name in SEEDS), re.DOTALL)[1]
    assert yaml_lines == "".join(line for line in PUBLISHED.splitlines(keepends=True) if not line.startswith("#"))


@pytest.mark.parametrize("name", SEEDS)
def test_each_card_gives_the_published_data_back_through_the_package(name, tmp_path):
    loaded = load(render.card_text(card(name)), tmp_path / "card.md")
    (ours,) = [model for model in loaded.models if model.name == name]
    (theirs,) = [model for model in load(PUBLISHED, tmp_path / "published.yml").models if model.name == name]
    # The package adds the page that it read the model from.
    assert {key: value for key, value in ours.data.items() if key != "README"}.keys() == theirs.data.keys()
    for key in ("Name", "In Collection", "Code", "Weights"):
        assert ours.data[key] == theirs.data[key]
    assert ours.metadata.data == theirs.metadata.data
    assert [result.data for result in ours.results] == [result.data for result in theirs.results]


@pytest.mark.parametrize("variant", cases())
def test_every_card_loads_without_complaint(variant, tmp_path):
    loaded = load(render.card_text(facts.gather(variant, {})), tmp_path / f"{variant.name}.md")
    loaded.build_models_with_collections()
    assert loaded.check(silent=True) == []
    assert len(loaded.models) == max(1, len(facts.gather(variant, {}).weights))


@pytest.mark.parametrize("variant", cases())
def test_every_block_has_the_published_keys_in_the_published_order(variant):
    witness = yaml.safe_load(PUBLISHED)["Models"][0]
    for model in index([facts.gather(variant, {})])["Models"]:
        assert list(model) == [key for key in witness if key in model]
        assert list(model["Metadata"]) == [key for key in witness["Metadata"] if key in model["Metadata"]]
        for key, value in model["Metadata"].items():
            assert type(value) is type(witness["Metadata"][key])


def test_flops_hold_at_the_size_that_each_checkpoint_wants():
    networks = dict.fromkeys(weights.network for weights in WEIGHTS)
    models = {model["Name"]: model for model in index(card(name) for name in networks)["Models"]}
    for weights in WEIGHTS:
        assert_flops_hold(weights, models[weights.name]["Metadata"])


def assert_flops_hold(weights, metadata):
    claim = weights.claim("flops")
    assert metadata["Image Size"] == str(weights.preprocess.crop_px), weights.name
    # thop missed some of the norms in timm 0.4.3's selective kernels; the convention does not know that.
    if claim and claim.convention == "timm-card" and not weights.network.startswith("sk"):
        assert metadata["FLOPs"] == claim.value, weights.name
        if not weights.claim("params").error:
            assert metadata["Parameters"] == weights.claim("params").value, weights.name


def test_a_network_without_a_checkpoint_has_no_weights_results_or_file_size():
    (model,) = index([card("plain34")])["Models"]
    assert model.keys() == {"Name", "In Collection", "Metadata"}
    assert model["Metadata"].keys().isdisjoint({"File Size", "Training Data", "Crop Pct", "Interpolation"})


def test_a_figure_known_to_be_false_is_not_passed_on():
    whole = gluon("gluon_seresnext50_32x4d")
    claims = tuple(
        replace(claim, value=0.0095, error="label offset") if claim.metric == "top1" else claim
        for claim in whole.weights[0].claims
    )
    (model,) = index([replace(whole, weights=(replace(whole.weights[0], claims=claims),))])["Models"]
    assert model["Results"][0]["Metrics"] == {"Top 5 Accuracy": "94.82%"}


def test_a_rounded_file_size_is_left_out():
    whole = gluon("gluon_seresnext50_32x4d")
    claims = (Claim(metric="file_size", value=110_000_000, quantum=1_000_000, source="somewhere"),)
    (model,) = index([replace(whole, weights=(replace(whole.weights[0], claims=claims),))])["Models"]
    assert "File Size" not in model["Metadata"]
    assert "Results" not in model


@pytest.mark.parametrize(
    ("exact", "published"),
    [(27_559_896, 27_560_000), (48_955_416, 48_960_000), (66_821_848, 66_819_999), (115_088_984, 115_090_000)],
)
def test_parameters_round_as_timms_table_does(exact, published):
    assert parameters(exact) == published


@pytest.mark.parametrize(
    ("value", "text"), [(0.8087, "80.87%"), (0.793, "79.3%"), (0.8, "80.0%"), (0.69758, "69.758%")]
)
def test_accuracies_print_as_on_timms_cards(value, text):
    whole = gluon("gluon_seresnext50_32x4d")
    weights = replace(whole.weights[0], claims=(Claim(metric="top1", value=value, source="x"),))
    (model,) = index([replace(whole, weights=(weights,))])["Models"]
    assert model["Results"][0]["Metrics"] == {"Top 1 Accuracy": text}
