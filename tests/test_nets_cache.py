"""Fetching checkpoints, against a server on this machine that can be made to misbehave."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

from resbench.counting.counted import counted
from resbench.errors import ResbenchError
from resbench.nets import cache
from resbench.zoo.find import find_weights
from resbench.zoo.weights import WEIGHTS

CONTENT = bytes(range(256)) * 12_000  # about 3 MB: several chunks
HALF = ("wide_resnet50_2-95faca4d.pth", "wide_resnet101_2-32ee1156.pth")  # published in float16
HASH = hashlib.sha256(CONTENT).hexdigest()


class Server(BaseHTTPRequestHandler):
    """Serves `content`, whole or from the byte asked for; `stop_after` breaks the connection, once."""

    protocol_version = "HTTP/1.0"

    def do_GET(self):
        state = self.server.state
        state["ranges"].append(self.headers.get("Range"))
        content = state["content"]
        start = int(self.headers["Range"][len("bytes=") : -1]) if "Range" in self.headers and state["resumes"] else 0
        if not self.path.endswith("/weights.pth"):
            self.send_error(404)
            return
        if start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if state["tells_length"]:
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        stop = state.pop("stop_after", None)
        end = len(content) if stop is None else start + stop
        for at in range(start, end, 1 << 20):
            with suppress(BrokenPipeError, ConnectionResetError):  # of a client that was killed, or has enough
                self.wfile.write(content[at : min(end, at + (1 << 20))])
            time.sleep(state["pause_s"])

    def log_message(self, *arguments):
        pass


FETCH = """
import sys
from dataclasses import replace
from resbench.nets import cache
from resbench.zoo.find import find_weights
url, prefix = sys.argv[1:]
print(cache.fetch(replace(find_weights("resnet50"), url=url, sha256_prefix=prefix), lambda here, total: None))
"""


def fetching(weights, hub):
    """A process of its own that fetches `weights`."""
    command = [sys.executable, "-c", FETCH, weights.url, weights.sha256_prefix]
    surroundings = {**os.environ, "TORCH_HOME": str(hub.parent.parent), "no_proxy": "127.0.0.1"}
    return subprocess.Popen(command, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as one:
        one.state = {"content": CONTENT, "ranges": [], "resumes": True, "tells_length": True, "pause_s": 0}
        thread = threading.Thread(target=one.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield one
        one.shutdown()
        thread.join()


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path / "hub" / "checkpoints"


def row(server, path="/weights.pth", prefix=HASH[:8]):
    url = f"http://127.0.0.1:{server.server_address[1]}{path}"
    return replace(find_weights("resnet50"), url=url, sha256_prefix=prefix)


def quiet(here, total):
    pass


def test_a_file_is_fetched_whole_into_torch_hubs_folder(server, hub):
    seen = []
    path = cache.fetch(row(server), lambda here, total: seen.append((here, total)))
    assert path == hub / "weights.pth"
    assert path.read_bytes() == CONTENT
    assert [file.name for file in hub.iterdir()] == ["weights.pth"]
    assert (seen[0], seen[-1]) == ((0, len(CONTENT)), (len(CONTENT), len(CONTENT)))
    assert seen == sorted(seen)
    assert len(seen) > 2


def test_a_file_that_is_here_is_not_fetched_again(server, hub):
    cache.fetch(row(server), quiet)
    cache.fetch(row(server), quiet)
    assert len(server.state["ranges"]) == 1


def test_a_server_that_does_not_tell_the_length_serves_too(server, hub):
    server.state["tells_length"] = False
    seen = []
    path = cache.fetch(row(server), lambda here, total: seen.append(total))
    assert path.read_bytes() == CONTENT
    assert set(seen) == {None}


def test_a_broken_connection_is_continued_where_it_broke(server, hub):
    server.state["stop_after"] = 1_000_000
    with pytest.raises(ResbenchError, match="1,000,000 of 3,072,000 bytes"):
        cache.fetch(row(server), quiet)
    assert [file.name for file in hub.iterdir()] == ["weights.pth.part"]
    seen = []
    path = cache.fetch(row(server), lambda here, total: seen.append((here, total)))
    assert server.state["ranges"] == [None, "bytes=1000000-"]
    assert seen[0] == (1_000_000, len(CONTENT))
    assert path.read_bytes() == CONTENT
    assert [file.name for file in hub.iterdir()] == ["weights.pth"]


def test_an_interruption_by_the_user_loses_nothing(server, hub):
    def interrupt(here, total):
        if here > 2_000_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.fetch(row(server), interrupt)
    kept = (hub / "weights.pth.part").stat().st_size
    assert kept > 2_000_000
    cache.fetch(row(server), quiet)
    assert server.state["ranges"][-1] == f"bytes={kept}-"
    assert (hub / "weights.pth").read_bytes() == CONTENT


def test_a_server_that_cannot_continue_starts_again(server, hub):
    server.state |= {"resumes": False, "stop_after": 1000}
    with pytest.raises(ResbenchError):
        cache.fetch(row(server), quiet)
    assert cache.fetch(row(server), quiet).read_bytes() == CONTENT


@pytest.mark.parametrize("excess", [0, 5])
def test_a_part_that_is_already_whole_or_too_long_is_settled(server, hub, excess):
    hub.mkdir(parents=True)
    (hub / "weights.pth.part").write_bytes(CONTENT + bytes(excess))
    assert cache.fetch(row(server), quiet).read_bytes() == CONTENT


def test_a_wrong_hash_never_gets_the_name_and_leaves_nothing(server, hub):
    with pytest.raises(ResbenchError, match=f"its SHA-256 begins with {HASH[:8]}, not with 00000000"):
        cache.fetch(row(server, prefix="00000000"), quiet)
    assert list(hub.iterdir()) == []


def test_a_part_of_another_file_is_found_out_by_the_hash(server, hub):
    hub.mkdir(parents=True)
    (hub / "weights.pth.part").write_bytes(b"something else")
    with pytest.raises(ResbenchError, match="SHA-256"):
        cache.fetch(row(server), quiet)
    assert cache.fetch(row(server), quiet).read_bytes() == CONTENT


def test_a_damaged_file_under_the_name_is_replaced(server, hub):
    hub.mkdir(parents=True)
    (hub / "weights.pth").write_bytes(CONTENT[:-1])
    assert cache.fetch(row(server), quiet).read_bytes() == CONTENT


@pytest.mark.parametrize("count", [4, pytest.param(8, marks=pytest.mark.nightly)])
def test_several_processes_fetch_one_file_at_once(count, server, hub):
    server.state["pause_s"] = 0.05
    processes = [fetching(row(server), hub) for _ in range(count)]
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert (out.strip(), err) == (str(hub / "weights.pth"), "")
    assert (hub / "weights.pth").read_bytes() == CONTENT
    assert [file.name for file in hub.iterdir()] == ["weights.pth"]
    assert len(server.state["ranges"]) == 1


def test_a_killed_download_blocks_nobody_and_is_continued(server, hub):
    server.state["pause_s"] = 1
    process = fetching(row(server), hub)
    part = hub / "weights.pth.part"
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    server.state["pause_s"] = 0
    assert part.stat().st_size
    assert cache.fetch(row(server), quiet).read_bytes() == CONTENT
    assert server.state["ranges"][-1].startswith("bytes=")
    assert [file.name for file in hub.iterdir()] == ["weights.pth"]


def test_parts_that_nobody_continued_for_a_week_are_removed(server, hub):
    hub.mkdir(parents=True)
    for name, age_days in {"resnet18-f37072fd.pth.part": 8, "resnet34-b627a593.pth.part": 1, "mine.part": 8}.items():
        (hub / name).write_bytes(b"begun")
        os.utime(hub / name, (time.time() - age_days * 86_400,) * 2)
    cache.fetch(row(server), quiet)
    assert sorted(file.name for file in hub.iterdir()) == ["mine.part", "resnet34-b627a593.pth.part", "weights.pth"]


def test_a_download_stops_at_the_published_size(server, hub, monkeypatch):
    claim = replace(find_weights("resnet50").claim("file_size"), value=1_500_000)
    small = replace(row(server), claims=(claim,))
    with pytest.raises(ResbenchError, match="sends more than the 1,500,001 bytes"):
        cache.fetch(small, quiet)
    assert list(hub.iterdir()) == []
    monkeypatch.setattr(cache, "MAX_BYTES", 1_000_000)
    with pytest.raises(ResbenchError, match="sends more than the 1,000,000 bytes"):
        cache.fetch(replace(row(server), claims=()), quiet)


def test_every_published_size_leaves_room_for_the_weights():
    for weights in WEIGHTS:
        halved = 2 if weights.url.endswith(HALF) else 1
        assert cache.most_bytes(weights) > 4 * counted(weights.network).params // halved, weights.name
        assert cache.most_bytes(weights) <= cache.MAX_BYTES


def test_without_a_published_hash_the_user_must_say_trust(server, hub):
    server.state["content"] = b"PK" + CONTENT
    unhashed = row(server, prefix="")
    with pytest.raises(ResbenchError, match="no hash is published, so a download cannot be verified; --trust"):
        cache.fetch(unhashed, quiet)
    assert server.state["ranges"] == []
    assert cache.fetch(unhashed, quiet, trust=True).read_bytes() == b"PK" + CONTENT


@pytest.mark.parametrize("prefix", ["", HASH[:8]])
def test_a_web_page_is_never_a_checkpoint(server, hub, prefix):
    server.state["content"] = b"<!DOCTYPE html><title>Sign in to continue"
    with pytest.raises(ResbenchError, match="the server sent no weights: a web page"):
        cache.fetch(row(server, prefix=prefix), quiet, trust=True)
    assert list(hub.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "used"),
    [
        ("http://data.lip6.fr/cadene/a.pth", "https://data.lip6.fr/cadene/a.pth"),
        ("https://example.org/a.pth", "https://example.org/a.pth"),
        ("http://127.0.0.1:8000/a.pth", "http://127.0.0.1:8000/a.pth"),
        ("http://127.0.0.1.example.org/a.pth", "https://127.0.0.1.example.org/a.pth"),
    ],
)
def test_plain_http_becomes_https_except_on_this_machine(url, used):
    assert cache.secure(url) == used
    redirect = cache._SecureRedirects()
    request = cache.urllib.request.Request("https://example.org/b.pth")
    assert redirect.redirect_request(request, None, 302, "Found", {}, url).full_url == used


def by_hand(weights, hub, message):
    """What the user needs to get the file elsewhere."""
    return (
        all(part in message for part in (weights.url, weights.url.rpartition("/")[2], str(hub))) and "\n" not in message
    )


def test_a_file_that_is_not_there_is_said_to_be_missing(server, hub):
    weights = row(server, "/gone.pth")
    with pytest.raises(ResbenchError, match="the server says 404") as caught:
        cache.fetch(weights, quiet)
    assert by_hand(weights, hub, str(caught.value))
    assert list(hub.iterdir()) == []


def test_without_a_network_the_message_says_what_to_put_where(server, hub):
    weights = row(server)
    server.shutdown()
    server.server_close()
    with pytest.raises(ResbenchError, match="refused") as caught:
        cache.fetch(weights, quiet)
    assert by_hand(weights, hub, str(caught.value))


def test_a_folder_that_cannot_be_written_to_is_named(server, hub):
    hub.parent.mkdir(parents=True)
    hub.write_text("a file where the folder should be")
    with pytest.raises(ResbenchError, match="not fetched"):
        cache.fetch(row(server), quiet)


@pytest.mark.parametrize(
    "variables", [{}, {"TORCH_HOME": "/elsewhere"}, {"XDG_CACHE_HOME": "/caches"}, {"TORCH_HOME": "~/weights"}]
)
def test_the_folder_is_torch_hubs_with_and_without_torch(monkeypatch, variables):
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with_torch = cache.folder()
    monkeypatch.delitem(cache.sys.modules, "torch")
    assert str(cache.folder()) == str(with_torch)
    assert with_torch.name == "checkpoints"
