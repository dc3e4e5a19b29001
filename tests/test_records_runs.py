import subprocess
from dataclasses import replace

import pytest

from resbench.errors import ResbenchError
from resbench.records.jsonio import dumps, read_record
from resbench.records.pool import add
from resbench.records.record import SCHEMA
from resbench.records.runs import WINDOW, is_run, read_baseline, read_new, read_pool, run_files
from resbench.records.store import path_of, save
from tests.examples import PROFILE

PATH = path_of(PROFILE).as_posix()


def run(number):
    started = f"2026-01-{1 + number // 1440:02}T{number // 60 % 24:02}:{number % 60:02}:00+00:00"
    return replace(PROFILE, run=replace(PROFILE.run, started=started))


def git(folder, *words):
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    """Three versions of a record; the first in a format that is no longer read."""
    git(tmp_path, "init", "-q")
    path = save(run(0), tmp_path / "results")
    path.write_text(path.read_text().replace(f'"schema": {SCHEMA}', '"schema": 0'))
    for number in (0, 1, 2):
        if number:
            save(run(number), tmp_path / "results")
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-qm", f"run {number}")
    return tmp_path


def test_committed_versions_are_the_runs_oldest_first(repository):
    save(run(9), repository / "results")
    assert read_baseline("git:HEAD", repository / "results") == {PATH: [run(1), run(2)]}
    assert read_baseline("git:HEAD~1", repository / "results") == {PATH: [run(1)]}
    assert read_baseline("git:HEAD", repository / "results" / PATH) == {PATH: [run(1), run(2)]}
    assert read_record(repository / "results" / PATH) == run(9)


def test_the_revision_itself_must_be_readable(repository):
    with pytest.raises(ResbenchError, match=r"HEAD~2:.*format 0"):
        dict(read_baseline("git:HEAD~2", repository / "results"))


@pytest.mark.parametrize("revision", ["nonesuch", "--output=x", "", "HEAD:results"])
def test_an_unknown_revision_is_one_line(repository, revision):
    with pytest.raises(ResbenchError, match="name one that it knows"):
        read_baseline(f"git:{revision}", repository / "results")


def test_a_shallow_clone_says_that_it_lacks_earlier_revisions(repository, tmp_path_factory):
    clone = tmp_path_factory.mktemp("clone")
    git(clone, "clone", "-q", "--depth", "1", repository.as_uri(), ".")
    assert read_baseline("git:HEAD", clone / "results") == {PATH: [run(2)]}
    with pytest.raises(ResbenchError, match="fetch it: this clone is shallow"):
        read_baseline("git:HEAD~1", clone / "results")


def test_a_damaged_repository_is_one_line_in_gits_own_words(repository):
    for file in (repository / ".git" / "objects").glob("??/*"):
        file.chmod(0o644)
        file.write_bytes(b"damaged")
    with pytest.raises(ResbenchError) as caught:
        read_baseline("git:HEAD", repository / "results")
    assert "\n" not in str(caught.value)


def test_inside_a_hook_of_a_linked_work_tree_the_same_records_are_found(repository, tmp_path_factory, monkeypatch):
    linked = tmp_path_factory.mktemp("linked") / "tree"
    git(repository, "worktree", "add", str(linked))
    monkeypatch.setenv("GIT_DIR", str(repository / ".git" / "worktrees" / "tree"))  # as git sets it for hooks
    assert read_baseline("git:HEAD", linked / "results") == {PATH: [run(1), run(2)]}


def test_a_folder_that_is_not_there_says_so(repository):
    with pytest.raises(ResbenchError, match=r"none: no such file or folder"):
        read_baseline("git:HEAD", repository / "none")


def test_a_revision_without_records_says_so(repository):
    (repository / "empty").mkdir()
    with pytest.raises(ResbenchError, match="no records at git revision HEAD"):
        read_baseline("git:HEAD", repository / "empty")


def test_a_record_that_was_deleted_is_still_in_the_baseline(repository):
    other = replace(PROFILE, network="resnet18")
    save(other, repository / "results")
    (repository / "results" / PATH).unlink()
    assert set(read_new(repository / "results")) == {path_of(other).as_posix()}
    assert set(read_baseline("git:HEAD", repository / "results")) == {PATH}


def test_names_in_other_scripts_are_found(tmp_path):
    git(tmp_path, "init", "-q")
    name = 'größe "1"\t.json'
    (tmp_path / name).write_text(dumps(PROFILE))
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "run")
    assert read_baseline("git:HEAD", tmp_path) == {name: [PROFILE]}


def test_a_pool_keeps_every_run_and_reads_the_newest(tmp_path):
    for number in reversed(range(WINDOW + 3)):
        add(run(number), tmp_path)
    runs = read_baseline(str(tmp_path), tmp_path)[PATH]
    assert runs == [run(number) for number in range(3, WINDOW + 3)]
    assert len(list(tmp_path.rglob("*.json"))) == WINDOW + 3
    assert read_new(tmp_path) == {PATH: run(WINDOW + 2)}


def test_a_record_is_compared_with_its_own_runs_only(tmp_path):
    add(PROFILE, tmp_path / "pool")
    add(replace(PROFILE, network="resnet18"), tmp_path / "pool")
    new = save(PROFILE, tmp_path / "new")
    assert read_baseline(str(tmp_path / "pool"), new) == {PATH: [PROFILE]}
    assert read_baseline(str(new), new) == {PATH: [PROFILE]}
    assert read_new(new) == {PATH: PROFILE}


def test_a_folder_is_compared_with_one_record(tmp_path):
    old = save(run(0), tmp_path / "old")
    save(run(1), tmp_path / "new")
    old = old.rename(tmp_path / "main.json")
    assert read_baseline(str(old), tmp_path / "new") == {PATH: [run(0)]}


def test_an_unreadable_run_is_an_error_but_one_that_is_pruned_meanwhile_is_not(tmp_path, monkeypatch):
    add(run(0), tmp_path)
    add(run(1), tmp_path)
    (_, broken) = run_files(tmp_path)[PATH]
    assert is_run(broken)
    broken.write_text("{")
    with pytest.raises(ResbenchError, match="not JSON"):
        dict(read_pool(tmp_path))
    broken.unlink()
    broken.symlink_to(tmp_path / "gone")  # listed, but not there when it is opened
    assert read_pool(tmp_path) == {PATH: [run(0)]}


def test_names_with_newlines_or_patterns_in_them_get_their_own_records(repository):
    folder = repository / "results"
    names = ("a\nHEAD:b.json", "*.json", ":(exclude)c.json", "-d.json", "e f\t.json")
    for number, name in enumerate(names, 20):
        (folder / name).write_text(dumps(run(number)))
        git(repository, "add", "-A")
        git(repository, "commit", "-qm", name)
    (folder / "link.json").symlink_to("-d.json")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "a link")
    found = read_baseline("git:HEAD", folder)
    assert {name: runs for name, runs in found.items() if name != PATH} == {
        name: [run(number)] for number, name in enumerate(names, 20)
    }
    for number, name in enumerate(names, 20):
        assert list(read_baseline("git:HEAD", folder / name).values()) == [[run(number)]]


def test_a_file_that_was_renamed_or_put_back_has_each_version_once(repository):
    path = repository / "results" / PATH
    for number in (5, 6, 5):
        path.write_text(dumps(run(number)))
        git(repository, "commit", "-qam", "put back")
    assert read_baseline("git:HEAD", repository / "results") == {PATH: [run(1), run(2), run(6), run(5)]}
