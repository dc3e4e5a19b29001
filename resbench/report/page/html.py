"""The page as one file: template, style, scripts and data together, with a policy that lets nothing else run."""

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from resbench import __version__

_SCRIPTS = ("store", "table", "plot", "reach", "scatter", "others", "record", "main")
GENERATOR = '<meta name="generator" content="resbench '


def page(title: str, summary: str, data: dict[str, Any], details: Iterable[dict[str, Any]]) -> str:
    """Return the HTML of the report of `data`; `details` are packed, since only one of them is read at a time."""
    plotting = _part("vendor/uPlot.iife.min.js")
    own = "(() => {\n" + "\n".join(_part(f"{name}.js") for name in _SCRIPTS) + "\n})();\n"
    style = _part("vendor/uPlot.min.css") + "\n" + _part("page.css")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("resbench.report.page", ""), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("page.html.j2").render(
        title=title,
        summary=summary,
        version=__version__,
        uplot=re.search(r"\(v([\d.]+)\)", plotting)[1],  # type: ignore[index]  # its first line
        policy=_policy([plotting, own], style),
        style=Markup(style),
        uplot_script=Markup(plotting),
        script=Markup(own),
        data=Markup(_inert(json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False))),
        details=Markup("\n".join(map(_packed, details))),
    )


def _policy(scripts: Sequence[str], style: str) -> str:
    """Return a Content-Security-Policy: the page's own scripts and style by their hashes, nothing from elsewhere."""
    return (
        f"default-src 'none'; script-src {' '.join(map(_hash, scripts))}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _inert(text: str) -> str:
    r"""Return JSON of the same meaning that no HTML parser sees anything in: "</script>" -> "\u003c/script>"."""
    escapes = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}
    return re.sub(r"[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text).translate(escapes)


def _packed(record: dict[str, Any]) -> str:
    """Return a record as deflated JSON in base64, which is a fifth of its size and a line of letters."""
    return base64.b64encode(zlib.compress(json.dumps(record, separators=(",", ":")).encode(), 9)).decode()


def _part(name: str) -> str:
    return (files("resbench.report.page") / name).read_text(encoding="utf-8")
