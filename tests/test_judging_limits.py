from typing import get_args

import pytest

from resbench.errors import ResbenchError
from resbench.judging.limits import Config, Limits, load_limits
from resbench.records.record import Speed


@pytest.fixture(autouse=True)
def _in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_the_defaults_hold():
    assert load_limits() == Config()
    assert load_limits().of("resnet18") == Limits()


def test_limits_are_read_from_pyproject_and_from_resbench_toml(tmp_path):
    write(tmp_path / "pyproject.toml", "[tool.resbench.check]\nlatency = 0.1\n")
    assert load_limits().of("resnet18") == Limits(latency=0.1)
    write(tmp_path / "resbench.toml", "[check]\nlatency = 0.2\n")
    assert load_limits().of("resnet18") == Limits(latency=0.2)


def test_the_nearest_file_with_limits_counts(tmp_path, monkeypatch):
    write(tmp_path / "resbench.toml", "[check]\nlatency = 0.2\n")
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    write(inner / "pyproject.toml", "[project]\nname = 'x'\n")
    monkeypatch.chdir(inner)
    assert load_limits().of("resnet18").latency == 0.2


def test_every_speed_that_a_profile_can_have_has_a_limit():
    limits = Limits(train=0.5, throughput=0.25)
    found = {speed: limits.of_speed(speed) for speed in get_args(Speed)}
    assert found["train_backward"] == 0.5
    assert found["throughput"] == 0.25
    assert len(found) >= 7


def test_patterns_change_only_what_they_name_and_the_later_wins(tmp_path):
    write(
        tmp_path / "resbench.toml",
        '[check]\nlatency = 0.2\n[check.networks."resnet*"]\ncounts = 0.1\n[check.networks.resnet18]\ncounts = 0.3\n',
    )
    config = load_limits()
    assert config.of("resnet18") == Limits(latency=0.2, counts=0.3)
    assert config.of("resnet50") == Limits(latency=0.2, counts=0.1)
    assert config.of("seresnext50_32x4d") == Limits(latency=0.2)


@pytest.mark.parametrize("text", ["latency = 0.1", "[chek]\nlatency = 0.1", "[tool.resbench.check]\nlatency = 0.1"])
def test_what_a_file_of_limits_does_not_mean_is_not_passed_over(tmp_path, monkeypatch, text):
    write(tmp_path / "resbench.toml", text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ResbenchError, match=r"is an unknown key here; write the limits below \[check\]"):
        load_limits()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("latncy = 0.1", "unknown limit 'latncy'; did you mean latency?"),
        ("nonsense = 0.1", "choose from counts, weights"),
        ("latency = -0.1", "`$.latency`"),
        ("latency = nan", "`$.latency`"),
        ("latency = '5 %'", "Expected `float`, got `str` - at `$.latency`"),
        ("accuracy_drop = 5", "`$.accuracy_drop`"),
        ("weights = 'some'", "`$.weights`"),
        ("networks = 3", "networks is not a table"),
        ('[check.networks."resnxt*"]\nlatency = 0.1', "[check.networks.\"resnxt*\"]: no network matches 'resnxt*'"),
        ("[check.networks.resnet18]\nlatncy = 0.1", 'networks."resnet18"]: unknown limit'),
        ("[check.networks]\nresnet18 = 3", 'networks."resnet18"]: Expected `object`, got `int`'),
        ("latency = ", "not TOML"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_its_place(tmp_path, text, says):
    path = write(tmp_path / "resbench.toml", f"[check]\n{text}\n")
    for given in (None, path):
        with pytest.raises(ResbenchError) as raised:
            load_limits(given)
        message = str(raised.value)
        assert says in message
        assert str(path) in message
        assert "\n" not in message


def test_a_named_file_must_exist_and_have_limits(tmp_path):
    with pytest.raises(ResbenchError, match="No such file"):
        load_limits(tmp_path / "none.toml")
    with pytest.raises(ResbenchError, match=r"has no table \[check\]"):
        load_limits(write(tmp_path / "empty.toml", ""))
    with pytest.raises(ResbenchError, match=r"has no table \[tool.resbench.check\]"):
        load_limits(write(tmp_path / "pyproject.toml", "[tool]\nresbench = 3\n"))
    with pytest.raises(ResbenchError, match="check is not a table"):
        load_limits(write(tmp_path / "resbench.toml", "check = 3\n"))


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "latency = " + "9" * 5000,
        "a = " + "[" * 50_000,
        "a = " + "{a=" * 50_000,
        "a" + ".a" * 100_000 + " = 1",
        "#" * 2**20,
    ],
    ids=["number", "nested arrays", "nested tables", "nested keys", "huge"],
)
def test_toml_that_would_take_all_time_or_memory_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "resbench.toml"
    path.write_text(f"[check]\n{text}\n")
    with pytest.raises(ResbenchError) as caught:
        load_limits(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
