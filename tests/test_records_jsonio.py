import json
import math
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resbench.errors import ResbenchError
from resbench.judging.exact import obstacle_to_comparing
from resbench.records import record as r
from resbench.records.jsonio import dumps, loads, read_record
from resbench.records.store import path_of
from tests.examples import EVALUATION, PROFILE, STAGE_TIMES
from tests.made import EVALUATIONS, PROFILES


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(EVALUATIONS, PROFILES))
def test_any_record_survives_writing_and_reading(record):
    record = replace(record, schema=r.SCHEMA, kind="profile" if isinstance(record, r.Profile) else "evaluation")
    text = dumps(record)
    assert loads(text) == record
    assert dumps(loads(text)) == text


def test_a_record_of_the_first_format_is_read_as_it_was():
    older = json.loads(dumps(replace(PROFILE, schema=1)))
    del older["stages"]
    assert loads(json.dumps(older)) == replace(PROFILE, schema=1)
    assert replace(PROFILE, schema=1).stages == ()


@pytest.mark.parametrize(
    ("example", "name"),
    [
        (PROFILE, "profile-fp32-224px-winograd-1t-b1.json"),
        (EVALUATION, "evaluation-resnet18.pth-val-256-bilinear-fp32-224px-winograd.json"),
    ],
)
def test_records_in_winograds_algorithm_which_is_gone_are_read_and_are_no_plain_ones(example, name):
    plain = json.loads(dumps(replace(example, schema=3)))
    older = loads(json.dumps(plain | {"settings": plain["settings"] | {"winograd": True}}))
    assert older == replace(example, schema=3, engine=r.Engine(options={"convolutions": "Winograd"}))
    assert older.settings == example.settings
    assert path_of(older).name == name  # as version 0.1.0 called it
    assert loads(dumps(older)) == older
    for fields in ({"winograd": False}, {}):
        settings = plain["settings"] | fields
        assert loads(json.dumps(plain | {"settings": settings})) == replace(example, schema=3)


def test_timings_in_winograds_algorithm_are_not_compared_with_plain_ones():
    older = replace(PROFILE, engine=r.Engine(options={"convolutions": "Winograd"}))
    assert obstacle_to_comparing(older, PROFILE) == "convolutions Winograd -> none"


@pytest.mark.parametrize(
    "change",
    [
        lambda times: times["stages"][0]["wall_ns"].pop(),
        lambda times: times["operators"][1]["cpu_ns"].clear(),
        lambda times: times["whole"]["cpu_ns"].pop(),
        lambda times: times["whole"]["cpu_ns"].clear(),
    ],
)
def test_parts_of_passes_have_as_many_times_as_the_whole(change):
    data = json.loads(dumps(replace(PROFILE, stages=(STAGE_TIMES,))))
    assert loads(json.dumps(data)).stages == (STAGE_TIMES,)
    change(data["stages"][0])
    with pytest.raises(ResbenchError, match="stages or operators have different lengths"):
        loads(json.dumps(data))


def test_plain_lists_take_one_line_so_that_a_diff_shows_a_cluster():
    assert '"wall_ns": [1000000, 1001000, 1002000]' in dumps(PROFILE)


def test_what_any_json_reader_sees_is_what_was_observed():
    data = json.loads(dumps(EVALUATION))
    assert (data["top1_right"], data["images"], data["kind"], data["schema"]) == (158, 200, "evaluation", r.SCHEMA)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_not_a_number_is_never_written(value):
    with pytest.raises(ValueError, match="JSON compliant"):
        dumps(replace(PROFILE, run=replace(PROFILE.run, duration_s=value)))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not a resbench record"),
        ("[]", "not a resbench record"),
        ('{"kind": "sonnet"}', "not a resbench record"),
        ('{"kind": ["profile"]}', "not a resbench record"),
        ('{"kind": "profile", "schema": 0}', "measure again"),
        ('{"kind": "profile", "schema": 999}', "update resbench"),
        (f'{{"kind": "profile", "schema": {r.SCHEMA}}}', "network"),
        (dumps(PROFILE).replace("25028904", '"many"'), "params"),
        (dumps(PROFILE).replace("[1000000, ", "[null, "), "wall_ns"),
        (dumps(EVALUATION).replace('"top1_right": 158', '"top1_right": 158.5'), "top1_right"),
        (dumps(EVALUATION).replace('"top1_right": 158', '"top1_right": -1'), "top1_right"),
        (dumps(EVALUATION).replace('"top5_right": 190', '"top5_right": 201'), "top5_right"),
        (dumps(EVALUATION).replace('"resize_px": 256', '"resize_px": 0'), "resize_px"),
        (dumps(PROFILE).replace('"calls": 1', '"calls": 0'), "calls"),
        (dumps(PROFILE).replace(PROFILE.run.started, "../../../elsewhere"), "isoformat"),
        ('{"kind": "profile", "schema": "a\\nb"}', "measure again"),
    ],
)
def test_what_is_no_record_is_refused_in_one_line_that_names_the_file(tmp_path, text, says):
    path = tmp_path / "record.json"
    path.write_text(text)
    with pytest.raises(ResbenchError) as caught:
        read_record(path)
    message = str(caught.value)
    assert says in message
    assert str(path) in message
    assert "\n" not in message


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "record.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ResbenchError, match="not JSON"):
        read_record(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ResbenchError, match=r"nowhere\.json: No such file"):
        read_record(tmp_path / "nowhere.json")


def test_a_validation_says_by_metric_how_many_are_right() -> None:
    assert [EVALUATION.right(metric) for metric in r.TOP_K] == [158, 190]
