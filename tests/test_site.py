"""The documentation as a site: built with warnings as errors, and whole without a network."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("material", reason="needs mkdocs-material: pip install '.[docs]'")
build = pytest.importorskip("mkdocs.commands.build")
config = pytest.importorskip("mkdocs.config")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    with (ROOT / "mkdocs.yml").open("rb") as file:
        build.build(config.load_config(file, strict=True, site_dir=str(folder)))
    return folder


class Loaded(HTMLParser):
    """Collects what a page loads: scripts, styles, images, fonts; not what it links to."""

    def __init__(self):
        super().__init__()
        self.addresses = []

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        if tag == "link" and named.get("rel") not in ("canonical", "next", "prev"):
            self.addresses.append(named["href"])
        elif tag != "a" and "src" in named:
            self.addresses.append(named["src"])


def test_every_page_is_built(site):
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert len(pages) > 15
    assert {path.stem for path in site.glob("*.html")} == pages | {"404"}


def test_pages_load_nothing_from_elsewhere(site):
    found = 0
    for page in site.glob("*.html"):
        loaded = Loaded()
        loaded.feed(page.read_text(encoding="utf-8"))
        found += len(loaded.addresses)
        assert [address for address in loaded.addresses if re.match(r"(https?:)?//", address)] == [], page.name
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style.read_text(encoding="utf-8")), style.name
    assert found > 50


def test_programs_and_cards_with_errors_are_no_part_of_the_site(site):
    assert (site / "examples" / "tinynet.py").exists()
    assert [
        path.name for path in site.rglob("*") if path.name in ("reference", "__init__.py", "card.html", "card.md")
    ] == []
