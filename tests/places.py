"""What each place that people look at says of findings: (verdict, record, metric) for all that are not ok, sorted."""

import html
import re
from urllib.parse import unquote

from junitparser import Error, Failure, JUnitXml, Skipped

OUTCOME = {"regressed": Failure, "not comparable": Error, "invalid": Error, "inconclusive": Skipped}
KIND = {"regressed": "error", "not comparable": "error", "invalid": "error", "inconclusive": "warning"}
ANNOTATION = re.compile(r"::(error|warning) (?:file=[^,]*,)?title=([a-z ]+)%3A (.*?)::(.*?): ")


def in_json(findings):
    return _sorted((f["verdict"], f["record"], f["metric"]) for f in findings)


def in_terminal(stdout):
    return _sorted(_cells(line, "│") for line in stdout.splitlines() if "│" in line)


def in_summary(text):
    header, _, *rows = [line for line in text.splitlines() if line.startswith("|")]
    assert header.startswith("| verdict | record | metric |")
    return _sorted(tuple(map(html.unescape, _cells(row, "|"))) for row in rows)


def in_junit(path):
    found = []
    for suite in JUnitXml.fromfile(str(path)):
        for case in suite:
            for result in case.result:
                assert isinstance(result, OUTCOME[result.type])
                metric, record = re.fullmatch(r"(.*?) \[(.*)\]", case.name).groups()
                found.append((result.type, record, metric))
    return sorted(found)


def in_annotations(stderr):
    """As many of them as GitHub shows; how many more there are is in the last of each kind."""
    found = []
    for line in stderr.splitlines():
        if line.startswith("::") and "title=resbench::+" not in line:
            kind, verdict, record, metric = ANNOTATION.match(line).groups()
            assert kind == KIND[verdict]
            found.append((verdict, unquote(record), unquote(metric)))
    return sorted(found)


def _sorted(rows):
    return sorted(row for row in rows if row[0] not in ("ok", "improved"))


def _cells(line, bar):
    return tuple(cell.strip() for cell in line.split(bar)[1:4])
