"""Which files are read: folders, imports, standard input; one that cannot be read hides no other."""

import os

import pytest

from resbench.errors import ResbenchError
from resbench.lint.files import read_cards
from resbench.lint.lint import lint
from resbench.lint.problem import Level

FALSE = "| Model | Params (M) |\n| - | - |\n| resnet50 | 37.00 |\n"


def levels(targets, folder) -> list[Level]:
    return [
        problem.level for problem in lint(read_cards([str(target) for target in targets]), records=folder / "absent")
    ]


def test_a_file_that_cannot_be_read_hides_no_other(tmp_path):
    (tmp_path / "a.md").write_bytes(b"caf\xe9")
    (tmp_path / "b.md").write_text(FALSE)
    (tmp_path / "c.md").write_text("<!--\nModels: [\n-->\n" + FALSE)
    assert levels([tmp_path], tmp_path).count(Level.FALSE) == 2
    assert levels([tmp_path], tmp_path).count(Level.UNREADABLE) == 2


def test_each_way_of_not_being_readable_is_one_line(tmp_path):
    (tmp_path / "text.md").write_bytes(b"\xff\xfe")
    os.mkfifo(tmp_path / "pipe.md")
    reasons = {"text.md": "not UTF-8 text", "pipe.md": "not a regular file", "absent.md": "No such file or directory"}
    for name, reason in reasons.items():
        (problem,) = lint(read_cards([str(tmp_path / name)]), records=tmp_path / "absent")
        assert (problem.code, problem.message) == ("F001", f"not readable: {reason}")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ResbenchError, match="no cards in it"):
        read_cards([str(tmp_path / "empty")])


def test_a_pipe_in_a_folder_of_cards_is_passed_over(tmp_path):
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "a.md").write_text(FALSE)
    assert levels([tmp_path], tmp_path) == [Level.FALSE]


def test_imports_that_go_in_a_circle_are_each_read_once(tmp_path):
    (tmp_path / "sub").mkdir()
    loop = ["a.yml", "./a.yml", "sub/../a.yml", "sub/b.yml", "sub/./b.yml", "*.yml", "sub/*.yml"]
    (tmp_path / "a.yml").write_text("Import:\n" + "".join(f"- {name!r}\n" for name in loop) + "Models: []\n")
    (tmp_path / "sub" / "b.yml").write_text("Import: [b.yml, c.yml]\nModels: []\n")
    (tmp_path / "sub" / "c.yml").write_text("Import: [b.yml]\nModels: []\n")
    names = [document.path.name for document in read_cards([str(tmp_path / "a.yml")])]
    assert sorted(names) == ["a.yml", "b.yml", "c.yml"]


@pytest.mark.parametrize(
    "name", ["../secret.yml", "/SECRET", "../*.yml", "sub/../../secret.yml", "link.yml", "**/*.yml"]
)
def test_nothing_outside_of_the_cards_folder_is_imported(name, tmp_path):
    secret = tmp_path / "secret.yml"
    secret.write_text("Models:\n- Name: resnet50\n  Metadata:\n    Parameters: 1\n")
    home = tmp_path / "home"
    home.mkdir()
    (home / "link.yml").symlink_to(secret)
    name = name.replace("/SECRET", str(secret))
    (home / "index.yml").write_text(f"Import:\n- {name!r}\nModels: []\n")
    assert secret.resolve() not in {document.path.resolve() for document in read_cards([str(home / "index.yml")])}


def test_names_that_no_file_can_have_are_no_crash(tmp_path):
    names = ['"\\0"', "'[['", "''", ".", "..", "'" + "a" * 5000 + "'", "'**/**/**'", "//", "~"]
    (tmp_path / "index.yml").write_text("Import:\n" + "".join(f"- {name}\n" for name in names) + "Models: []\n")
    found = lint(read_cards([str(tmp_path / "index.yml")]), records=tmp_path / "absent")
    assert {problem.code for problem in found} == {"F005"}
