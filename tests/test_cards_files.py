"""`resbench card`: what is written, what is stale, and how the process exits."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from resbench.cards import files
from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.records.store import save
from resbench.zoo import find
from resbench.zoo.find import checkpoints
from tests import examples
from tests.imported import modules_after

FEW = ("resnet18", "resnet34", "resnet50", "seresnext50_32x4d", "plain34")


@pytest.fixture(autouse=True)
def without_records(tmp_path_factory, monkeypatch):
    """The current folder has no records that could reach a card."""
    monkeypatch.chdir(tmp_path_factory.mktemp("current"))


@pytest.fixture
def few(monkeypatch):
    """A table of few networks, whose cards take little time."""
    monkeypatch.setattr(find, "VARIANTS", tuple(find.find(name) for name in FEW))


def card(*words: object):
    return CliRunner().invoke(app, ["card", *map(str, words)])


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def cards_of(*names: str) -> set[str]:
    pictures = {f"img/{name}.svg" for name in names} | {f"img/{name}-accuracy.svg" for name in names if claimed(name)}
    return {f"{name}.md" for name in names} | pictures


ALONE = ("resnet50_cub", "resnet50_cifar100")  # on their images, nothing was published of three networks


def claimed(name: str) -> bool:
    """Whether an accuracy of the network was published, which is not known to be false, and of others to compare."""
    if name in ALONE:
        return False
    claims = [weights.claim("top1") for weights in checkpoints(name)]
    return any(claim and not claim.error for claim in claims)


def test_named_networks_are_written_and_then_up_to_date(tmp_path):
    assert card("resnet18", "gluon_seresnext50_32x4d", "--output", tmp_path).exit_code == 0
    assert snapshot(tmp_path).keys() == cards_of("resnet18", "seresnext50_32x4d")
    done = card("resnet18", "gluon_seresnext50_32x4d", "--output", tmp_path, "--check")
    assert (done.exit_code, done.stdout) == (0, "")


@pytest.mark.usefixtures("few")
def test_all_writes_every_network_and_the_index(tmp_path):
    assert card("--all", "--output", tmp_path).exit_code == 0
    assert snapshot(tmp_path).keys() == cards_of(*FEW) | {"README.md"}
    assert card("--all", "--output", tmp_path, "--check").exit_code == 0


@pytest.mark.usefixtures("few")
def test_check_shows_a_stale_a_missing_and_an_extra_card_and_writes_nothing(tmp_path):
    card("--all", "--output", tmp_path)
    stale = tmp_path / "resnet18.md"
    stale.write_text(stale.read_text().replace("11,689,512", "11,689,513"))
    (tmp_path / "resnet34.md").unlink()
    (tmp_path / "resnet35.md").write_text((tmp_path / "resnet50.md").read_text())
    (tmp_path / "img" / "resnet35.svg").write_text((tmp_path / "img" / "resnet50.svg").read_text())
    (tmp_path / "notes.md").write_text("# written by hand\n")
    before = snapshot(tmp_path)
    done = card("--all", "--output", tmp_path, "--check")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert any(line.startswith("-| 11,689,513") for line in lines)
    assert any(line.startswith("+| 11,689,512") for line in lines)
    assert f"+++ {tmp_path / 'resnet34.md'}" in lines
    assert f"--- {tmp_path / 'resnet35.md'}" in lines
    assert f"--- {tmp_path / 'img' / 'resnet35.svg'}" in lines
    assert (lines.count("--- /dev/null"), lines.count("+++ /dev/null")) == (1, 2)
    assert "written by hand" not in done.stdout
    assert snapshot(tmp_path) == before


@pytest.mark.usefixtures("few")
def test_check_without_names_is_about_the_cards_that_are_there(tmp_path):
    def check():
        done = card("--check", "--output", tmp_path)
        return done.exit_code, [line for line in done.stdout.splitlines() if line.startswith("+++ ")], done.stderr

    with pytest.raises(ResbenchError, match="no such folder"):
        files.there(tmp_path / "none", tmp_path)
    (tmp_path / "resnet50.md").write_text("# written by hand\n")
    assert check() == (0, [], "no cards here that resbench wrote\n")
    card("resnet18", "resnet34", "--output", tmp_path)
    assert check() == (0, [], "")
    stale = tmp_path / "resnet18.md"
    stale.write_text(stale.read_text().replace("11,689,512", "11,689,513"))
    assert check() == (1, [f"+++ {stale}"], "")
    (tmp_path / "resnet50.md").unlink()
    card("--all", "--output", tmp_path)
    (tmp_path / "resnet50.md").unlink()
    assert check() == (1, [f"+++ {tmp_path / 'resnet50.md'}"], "")


def test_records_below_the_results_folder_reach_the_card(tmp_path):
    save(examples.PROFILE, tmp_path / "results")
    card("resnext50_32x4d", "--output", tmp_path / "cards", "--results", tmp_path / "results")
    assert "Speed: not measured." not in (tmp_path / "cards" / "resnext50_32x4d.md").read_text()


def test_update_replaces_the_regions_of_a_file_and_check_only_looks(tmp_path):
    page = tmp_path / "README.md"
    page.write_bytes(
        b"# mine\r\n<!-- resbench:networks begin -->\r\n<!-- resbench:networks end -->\r\n"
        b"<!-- resbench:resnext50_32x4d begin -->\r\nold\r\n<!-- resbench:resnext50_32x4d end -->\r\nlast"
    )
    before = page.read_bytes()
    assert card("--update", page, "--check").exit_code == 1
    assert page.read_bytes() == before
    assert card("--update", page).exit_code == 0
    after = page.read_bytes()
    assert after.startswith(b"# mine\r\n")
    assert after.endswith(b"end -->\r\nlast")
    assert after.count(b"\n") == after.count(b"\r\n")
    assert b"(cards/resnet18.md)" in after
    assert b"| `resnext50-32x4d_8xb32_in1k` | 25.03 | 4.27 | 77.90 | 93.66 |" in after
    assert card("--update", page, "--check").exit_code == 0


@pytest.mark.usefixtures("few")
def test_regions_of_many_networks_look_through_the_records_once(tmp_path, monkeypatch):
    save(examples.PROFILE, tmp_path / "results")
    seen = []
    monkeypatch.setattr(files, "speed_rows", lambda records, *, cpu: seen.append(len(records)) or [])
    page = tmp_path / "page.md"
    names = ("networks", "resnet18", "resnet50")
    page.write_text("".join(f"<!-- resbench:{name} begin -->\n<!-- resbench:{name} end -->\n" for name in names))
    assert card("--update", page, "--results", tmp_path / "results").exit_code == 0
    assert seen == [1]


def test_a_card_through_a_symbolic_link_stays_a_link(tmp_path):
    page, link = tmp_path / "page.md", tmp_path / "link.md"
    page.write_text("<!-- resbench:networks begin -->\n<!-- resbench:networks end -->\n")
    link.symlink_to(page)
    card("--update", link)
    assert link.is_symlink()
    assert "resnet18" in page.read_text()


@pytest.mark.parametrize(("names", "every"), [([], False), (["resnet18"], True)])
def test_what_to_write_must_be_said_once(names, every):
    with pytest.raises(ResbenchError, match="no networks given"):
        files.wanted(names, every=every, output=Path("x"), update=[], results=Path("y"))


def test_an_unknown_region_is_an_error_with_a_suggestion(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- resbench:resnet51 begin -->\n<!-- resbench:resnet51 end -->\n")
    with pytest.raises(ResbenchError, match=r"did you mean resnet"):
        files.wanted([], every=False, output=Path("x"), update=[page], results=Path("y"))


def test_all_cards_are_made_without_torch_and_scipy(tmp_path):
    save(examples.PROFILE, tmp_path / "results")
    few = "from resbench.zoo import variants\nvariants.VARIANTS = variants.VARIANTS[:9]"
    words = ("card", "--all", "--output", f"{tmp_path}/cards", "--results", f"{tmp_path}/results")
    found = modules_after(*words, before=few)
    assert len(list((tmp_path / "cards").glob("*.md"))) == 9 + 1
    assert found.isdisjoint({"torch", "numpy", "pandas", "scipy"})


def test_the_committed_cards_are_what_the_facts_give():
    root = Path(__file__).parent.parent
    wanted = files.wanted([], every=True, output=root / "cards", update=[], results=root / "results")
    assert files.stale(wanted) == ""
