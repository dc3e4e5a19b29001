"""`resbench card --push`: huggingface_hub itself uploads, to a server here that answers as the hub does."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.records.store import save
from tests import examples

hub = pytest.importorskip("huggingface_hub", reason="needs huggingface_hub: pip install '.[hub]'")
REPOSITORY = "me/my-resnet"


class Hub(ThreadingHTTPServer):
    """What the hub knows (a README.md, or none) and what it was sent."""

    readme: str | None = None
    status = 200
    files: dict[str, str]
    address: str


class Answers(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.resolve()

    def do_GET(self):
        self.resolve()

    def resolve(self):
        content = (self.server.readme or "").encode()
        if self.server.status == 404:
            self.answer(404, {}, {"X-Error-Code": "RepoNotFound"})
        elif self.server.readme is None:
            self.answer(404, {}, {"X-Error-Code": "EntryNotFound"})
        else:
            self.send_response(200)
            for name, value in {
                "ETag": '"abc"',
                "X-Repo-Commit": "1" * 40,
                "Content-Length": str(len(content)),
            }.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/preupload/main"):
            files = json.loads(body)["files"]
            self.answer(
                200,
                {"files": [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False} for file in files]},
            )
        elif self.path == "/api/validate-yaml":
            self.answer(200, {"warnings": [], "errors": []})
        elif self.path == f"/api/models/{REPOSITORY}/commit/main" and self.server.status == 200:
            header, *entries = map(json.loads, body.splitlines())
            assert header["value"]["summary"].startswith("Model card by resbench ")
            for entry in entries:
                assert entry["key"] == "file"
                self.server.files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"]).decode()
            url = f"{self.server.address}/{REPOSITORY}/commit/{'1' * 40}"
            self.answer(200, {"success": True, "commitOid": "1" * 40, "commitUrl": url, "hookOutput": ""})
        else:
            self.answer(self.server.status if self.server.status != 200 else 404, {"error": "no right\nto write"})

    def answer(self, status: int, content: dict, headers: dict[str, str] | None = None):
        body = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@pytest.fixture
def server(monkeypatch):
    running = Hub(("127.0.0.1", 0), Answers)
    running.files, running.address = {}, f"http://127.0.0.1:{running.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", running.address)
    monkeypatch.setenv("HF_TOKEN", "hf_nothing")
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


def push(*words: object):
    return CliRunner().invoke(app, ["card", *map(str, words), "--push", REPOSITORY])


def test_the_files_of_one_checkpoint_arrive_as_the_style_writes_them(server, tmp_path):
    save(examples.PROFILE, tmp_path / "results")
    done = push("gluon_resnext50_32x4d", "--results", tmp_path / "results")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, f"{server.address}/{REPOSITORY}/commit/{'1' * 40}")
    style = ("--style", "huggingface", "--output", tmp_path / "hub", "--results", tmp_path / "results")
    CliRunner().invoke(app, ["card", "resnext50_32x4d", *map(str, style)])
    folder = tmp_path / "hub" / "gluon_resnext50_32x4d"
    written = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert server.files == written
    assert {"README.md", ".eval_results/imagenet-1k.yaml", "img/resnext50_32x4d-accuracy.svg"} <= written.keys()
    assert "| latency | 1 | 1.01 ms |" in server.files["README.md"]


def test_a_card_of_ours_is_replaced_and_one_of_somebody_else_is_not(server):
    server.readme = "# Mine\n"
    with pytest.raises(ResbenchError, match=r"me/my-resnet: its README\.md was not written by resbench"):
        raise push("gluon_resnext50_32x4d").exception
    assert server.files == {}
    server.readme = "<!-- Generated by `resbench card`; edits are overwritten. -->\n"
    assert push("gluon_resnext50_32x4d").exit_code == 0
    assert "README.md" in server.files


@pytest.mark.parametrize(("status", "line"), [(404, "no such repository on the hub"), (403, "the hub refused: ")])
def test_what_the_hub_refuses_is_one_line(server, status, line):
    server.status = status
    error = push("gluon_resnext50_32x4d").exception
    assert isinstance(error, ResbenchError)
    assert line in str(error)
    assert "\n" not in str(error)


@pytest.mark.nightly  # huggingface_hub tries again for 25 seconds
def test_a_server_that_is_not_there_is_one_line(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    error = push("gluon_resnext50_32x4d").exception
    assert isinstance(error, ResbenchError)
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "one checkpoint"),
        (("resnet18", "resnet34"), "one checkpoint"),
        (("resnext50_32x4d",), None),
        (("wide_resnet50_2",), None),
        (("plain34",), "none is known"),
        (("gluon_resnext50_32x4d", "--check"), "leave out"),
    ],
)
def test_one_checkpoint_must_be_named(server, words, line):
    done = push(*words)
    if line is None:  # the name of a checkpoint too
        assert done.exit_code == 0
    else:
        assert line in str(done.exception)
        assert server.files == {}


def test_without_the_library_the_next_step_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    assert "pip install huggingface_hub" in str(push("gluon_resnext50_32x4d").exception)


def test_nothing_is_written_here(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert push("gluon_resnext50_32x4d").exit_code == 0
    assert list(Path().iterdir()) == []
