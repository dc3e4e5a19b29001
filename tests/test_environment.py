import platform
import subprocess
import sys

import pytest
import torch

from resbench import environment
from resbench.environment import Counters

CPU = torch.device("cpu")


def counters(time_s, pressure_s=0.0, steal_s=0.0, switches=0):
    return Counters(time_s=time_s, pressure_s=pressure_s, steal_s=steal_s, involuntary_switches=switches)


def test_shares_are_taken_over_the_run_and_not_since_boot(monkeypatch):
    readings = iter([counters(100, 50, 400, 7), counters(110, 55, 400 + 0.4, 19)])
    monkeypatch.setattr(environment, "counters", lambda: next(readings))
    monkeypatch.setattr(environment.os, "cpu_count", lambda: 4)
    conditions = environment.watch(CPU).environment().conditions
    assert conditions.pressure_share == 0.5
    assert conditions.steal_share == 0.01
    assert conditions.involuntary_switches == 12
    assert conditions.noise == "overloaded"


def test_what_the_system_does_not_tell_is_none_and_the_grade_unknown(monkeypatch):
    readings = iter([counters(1, None, None, None), counters(2, None, None, None)])
    monkeypatch.setattr(environment, "counters", lambda: next(readings))
    conditions = environment.watch(CPU).environment().conditions
    assert (conditions.pressure_share, conditions.steal_share, conditions.involuntary_switches) == (None, None, None)
    assert conditions.noise == "unknown"


@pytest.mark.parametrize(
    ("pressure", "steal", "grade"),
    [
        (0.0, 0.0, "quiet"),
        (0.019, 0.009, "quiet"),
        (0.02, 0.0, "busy"),
        (0.0, 0.01, "busy"),
        (0.2, 0.0, "busy"),
        (0.21, 0.0, "overloaded"),
        (0.0, 0.3, "overloaded"),
        (0.01, None, "quiet"),
        (None, 0.0, "unknown"),
    ],
)
def test_noise_grades(pressure, steal, grade):
    assert environment.noise_grade(pressure, steal) == grade


def test_machine_agrees_with_torch_and_the_operating_system():
    machine = environment.machine(CPU)
    assert machine.torch == torch.__version__
    assert machine.device_kind == "cpu"
    assert machine.device_name == machine.cpu_model
    assert 1 <= machine.cpu_cores <= torch.multiprocessing.cpu_count()
    assert machine.cuda is machine.driver is machine.cudnn is None


def test_a_control_groups_quota_limits_the_cores(monkeypatch):
    monkeypatch.setattr(environment.os, "sched_getaffinity", lambda pid: set(range(16)), raising=False)
    files = {"/sys/fs/cgroup/cpu.max": "350000 100000\n"}
    monkeypatch.setattr(environment, "_read", lambda path: files.get(path, ""))
    assert environment.cpu_cores() == 4
    files["/sys/fs/cgroup/cpu.max"] = "max 100000\n"
    assert environment.cpu_cores() == 16
    files.clear()
    files["/sys/fs/cgroup/cpu/cpu.cfs_quota_us"], files["/sys/fs/cgroup/cpu/cpu.cfs_period_us"] = "50000\n", "100000\n"
    assert environment.cpu_cores() == 1


def test_library_versions_are_read_from_torchs_build_description():
    show = (
        "  - Intel(R) oneAPI Math Kernel Library Version 2024.2-Product\n  - Intel(R) MKL-DNN v3.12.0 (Git Hash 80af)\n"
    )
    assert environment._math_libraries(show) == "oneDNN 3.12.0, MKL 2024.2-Product"
    assert environment._math_libraries("nothing of the kind") == "none"


def test_the_nvidia_driver_is_read_from_both_forms_of_the_kernels_file(monkeypatch):
    for line in (
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build  (dvs)\n",
    ):
        monkeypatch.setattr(environment, "_read", lambda path, line=line: line)
        assert environment._nvidia_driver() in ("535.104.05", "570.86.15")


def test_the_hosts_name_is_hashed_and_variables_that_do_not_matter_are_left_out(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    monkeypatch.setenv("MY_SECRET_TOKEN", "hush")
    conditions = environment.watch(CPU).environment().conditions
    assert platform.node() not in conditions.host
    assert conditions.variables["OMP_WAIT_POLICY"] == "PASSIVE"
    assert "MY_SECRET_TOKEN" not in conditions.variables


def test_a_run_says_which_program_ran_when_and_how_long(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/resbench", "profile", "my net"])
    run = environment.watch(CPU).run()
    assert run.command == "resbench profile 'my net'"
    assert run.started.endswith("+00:00")
    assert 0 <= run.duration_s < 60


def test_the_git_revision_is_of_the_current_folder_and_marks_changes(monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert environment._git_revision() is None

    def git(*words):
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        return subprocess.run(["git", *who, *words], check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-qm", "one")
    assert environment._git_revision() == git("rev-parse", "HEAD")
    (tmp_path / "file").write_text("two")
    assert environment._git_revision() == git("rev-parse", "HEAD") + "+dirty"


def test_a_machine_without_git_has_no_revision(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert environment._git_revision() is None
