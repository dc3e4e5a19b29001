"""A plan, as a file or a command line, becomes jobs."""

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
import typer.main

from resbench.bench.profiling import Profiling
from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.running.settings import Running
from resbench.sweep import options, plan
from resbench.sweep.jobs import Job, together
from resbench.sweep.options import profiling_of, validating_of
from resbench.zoo import find
from tests import planted
from tests.test_running_arm import TINY

NOT_SETTINGS = {
    *("names", "every", "save", "output", "resume", "as_json", "quiet", "explain_gap", "against", "max_loss"),
    "tuned",  # stands for other options
}


@pytest.fixture(autouse=True)
def small_networks(monkeypatch):
    monkeypatch.setattr(find, "VARIANTS", (*find.VARIANTS, TINY, replace(TINY, name="tiny2")))


def jobs(text, tmp_path):
    (tmp_path / "plan.toml").write_text(text)
    return plan.jobs_of(plan.tables_of([str(tmp_path / "plan.toml")], [], []))


def refused(text, tmp_path):
    with pytest.raises(ResbenchError) as caught:
        jobs(text, tmp_path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def shown(made):
    return [(job.name, job.words) for job in made]


def test_names_times_settings_are_jobs_and_a_list_takes_each_value_in_turn(tmp_path):
    made = jobs('names = ["tiny*"]\n[profile]\nbatch-size = [1, "1,8"]\nfuse = [false, true]\nthreads = 2', tmp_path)
    assert shown(made) == [
        (name, words)
        for sizes in ("1", "1,8")
        for fuse in ("", "fuse, ")
        for name in ("tiny", "tiny2")
        for words in [f"batch-size {sizes}, {fuse}threads 2"]
    ]
    assert {job.kind for job in made} == {"profile"}
    how = profiling_of(made[-1])
    assert how == Profiling(running=Running(fuse=True, threads=2), batch_sizes=(1, 8))


def test_the_command_line_makes_the_jobs_of_the_plan_that_says_the_same(tmp_path):
    made = jobs(
        'names = ["tiny"]\n[profile]\ndtype = ["fp32", "bf16"]\nchannels-last = true\ninput-px = "32x48"', tmp_path
    )
    pairs = [("dtype", "fp32"), ("dtype", "bf16"), *plan.pairs_of(["channels-last", "input-px=32x48"])]
    assert plan.jobs_of(plan.tables_of(["tiny"], [], pairs)) == made
    assert profiling_of(made[1]).running == Running(dtype="bf16", channels_last=True, input_px=(32, 48))


def test_names_and_combinations_are_left_out_and_added(tmp_path):
    made = jobs(
        """
        names = ["tiny*"]
        exclude = ["*2"]
        [profile]
        dtype = ["fp32", "bf16"]
        fuse = [false, true]
        threads = 1
        exclude = [{ dtype = "bf16", fuse = true }, { name = "resnet*" }]
        include = [{ name = "resnet18", dtype = "fp16" }]
        """,
        tmp_path,
    )
    assert shown(made) == [
        ("tiny", "threads 1"),
        ("tiny", "fuse, threads 1"),
        ("tiny", "dtype bf16, threads 1"),
        ("resnet18", "threads 1, dtype fp16"),
    ]


def test_settings_that_mean_the_same_are_one_job(tmp_path):
    made = jobs('names = ["tiny", "tiny"]\n[profile]\ndtype = ["fp32", "fp32"]\nfuse = false\nlaunches = 1', tmp_path)
    assert made == [Job(kind="profile", name="tiny")]


def test_validations_are_of_checkpoints_on_images(tmp_path):
    planted.write(tmp_path / "val" / "n01440764" / "a.JPEG", 5)
    text = f"""
        names = ["resnet18.tv_in1k", "gluon_resnet18_v1b"]
        [validate]
        data = "{tmp_path / "val"}"
        mean = [0.5, 0.5, 0.5]
        crop-pct = [0.875, 1.0]
    """
    made = jobs(text, tmp_path)
    assert [(job.name, job.options["crop-pct"]) for job in made] == [
        (name, share) for share in (0.875, 1.0) for name in ("resnet18.tv_in1k", "gluon_resnet18_v1b")
    ]
    assert validating_of(made[0]).mean == (0.5, 0.5, 0.5)
    passes = list(together(made))
    assert [[job.options["crop-pct"] for job in jobs] for jobs in passes] == [[0.875, 0.875], [1.0, 1.0]]
    assert [len(jobs) for jobs in together(made, most=1)] == [1, 1, 1, 1]


def test_profiles_never_share_a_process(tmp_path):
    made = jobs('names = ["tiny*"]\n[profile]\nthreads = 1', tmp_path)
    assert [len(jobs) for jobs in together(made)] == [1, 1]


@pytest.mark.parametrize("kind", ["profile", "validate"])
def test_every_option_of_the_command_is_one_of_plans(kind):
    command = typer.main.get_command(app).commands[kind]
    settings = {parameter.name: parameter.opts for parameter in command.params if parameter.name not in NOT_SETTINGS}
    known = options._fields(kind)
    spelled = {name for name, opts in settings.items() if any(opt.removeprefix("--") in known for opt in opts)}
    assert set(settings) == spelled
    assert {field.name.replace("_", "-") for field in fields(Running)} <= set(known)


@pytest.mark.parametrize("kind", ["profile", "validate"])
def test_a_plan_refuses_the_numbers_that_the_command_refuses(kind):
    refused_numbers = []
    for parameter in typer.main.get_command(app).commands[kind].params:
        keys = {opt.removeprefix("--") for opt in parameter.opts} & set(options._fields(kind))
        number = getattr(parameter, "type", parameter)  # older versions of typer keep its limits apart
        least, most = getattr(number, "min", None), getattr(number, "max", None)
        beyond = [value for limit, value in ((least, (least or 0) - 1), (most, (most or 0) + 1)) if limit is not None]
        for key, value in ((key, value) for key in keys for value in beyond):
            with pytest.raises(ResbenchError, match=f"{key} = {value}: at (least|most) "):
                options.option(kind, key, value, "the plan")
            refused_numbers.append((key, value))
    assert ("threads", 0) in refused_numbers


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nmes = []\n[profile]", "unknown field `nmes`"),
        ('names = ["tiny"]', "neither [profile] nor [validate]"),
        ('names = "tiny"\n[profile]', "Expected `array`, got `str`"),
        ('names = ["tiny"]\n[profile]\ndtyp = "bf16"', "unknown option 'dtyp' of profile; did you mean dtype?"),
        ('names = ["tiny"]\n[profile]\nthreads = "two"', "threads = two: Expected `int | null`, got `str`"),
        ('names = ["tiny"]\n[profile]\nthreads = 0', "threads = 0: at least 1"),
        ('names = ["tiny"]\n[profile]\ntime-budget = -1', "time-budget = -1: at least 0.1"),
        ('names = ["tiny"]\n[profile]\nbatch-size = "x"', "batch size 'x'"),
        ('names = ["tiny"]\n[profile]\ninput-px = "big"', "input-px = big"),
        ('names = ["tiny"]\n[profile]\ndtype = []', "dtype is an empty list"),
        ('names = ["tiny"]\n[profile]\ninclude = [{ dtype = "bf16" }]', "a row needs the name of a network"),
        ('names = ["tiny"]\n[profile]\nexclude = [{ dtyp = "bf16" }]', "unknown option 'dtyp'"),
        ('names = ["tiny"]\n[profile]\nexclude = "bf16"', "[profile] exclude: Expected `array`"),
        ('names = ["tiny"]\nexclude = ["*"]\n[profile]', "the plan has no jobs"),
        ('names = ["tinny"]\n[profile]', "unknown network 'tinny'; did you mean tiny"),
        ("names = []\n[profile]", "no networks given"),
        ('names = ["tiny"]\n[validate]\ndtype = "bf16"', "validations need images"),
        ('names = ["tiny"]\n[validate]\ndata = "nowhere"', "nowhere"),
        ('names = ["tiny"]\n[validate]\ndata = "a"\ntta = "flip"', "tta = flip: Invalid enum value"),
        ('names = ["tiny"]\n[validate]\nbatch-sizes = 1', "did you mean batch-size?"),
        ("names = [", "not TOML"),
    ],
)
def test_a_bad_plan_is_one_line(text, message, tmp_path):
    line = refused(text, tmp_path)
    assert message in line
    assert line.startswith((str(tmp_path / "plan.toml"), "the plan", "unknown network", "no networks", "nowhere"))


def test_a_product_of_a_million_jobs_is_refused_with_the_number(tmp_path):
    axis = ", ".join(map(str, range(1, 1001)))
    line = refused(f'names = ["tiny"]\n[profile]\nthreads = [{axis}]\nbatch-size = [{axis}]', tmp_path)
    assert "1 names times 1,000,000 settings make 1,000,000 jobs" in line


def test_a_plan_beside_options_is_refused(tmp_path):
    with pytest.raises(ResbenchError, match="give it alone"):
        plan.tables_of([str(tmp_path / "plan.toml")], [], [("dtype", "bf16")])


def test_a_plan_that_is_not_there_is_one_line():
    with pytest.raises(ResbenchError, match=r"no-such\.toml: No such file or directory; give a plan"):
        plan.tables_of(["no-such.toml"], [], [])


def test_the_plan_of_the_documentation_means_what_the_page_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    planted.write(tmp_path / "imagenet" / "val" / "n01440764" / "a.JPEG", 5)
    page = (Path(__file__).parent.parent / "docs" / "sweeping.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    made = jobs(text, tmp_path)
    profiles = [job for job in made if job.kind == "profile"]
    assert {job.name for job in made if job.kind == "validate"} == {"resnet18.tv_in1k", "resnet50.tv_in1k"}
    assert [job.options for job in profiles if job.name == "resnet101"] == [{"time-budget": 5, "threads": 1}]
    assert not any(job.name.startswith("resnet1") for job in profiles if job.name != "resnet101")
    own = [job.options for job in profiles if job.name == "seresnext50_32x4d"]
    assert len(own) == 6  # two batch sizes times fp32 in both layouts and bf16 in one
    assert not any(options.get("dtype") == "bf16" and "channels-last" not in options for options in own)
