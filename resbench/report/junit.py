"""Findings as JUnit XML, which every CI system reads."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from resbench.judging.finding import Finding, Verdict
from resbench.words import findings as wording
from resbench.words.escaped import visible

# How a test can end that is not passed. What cannot be compared is an error: nothing was tested.
_OUTCOME = {
    Verdict.INVALID: "error",
    Verdict.NOT_COMPARABLE: "error",
    Verdict.REGRESSED: "failure",
    Verdict.INCONCLUSIVE: "skipped",
}
_PROPERTIES = (
    "verdict", "before", "after", "unit", "ratio", "ratio_low", "ratio_high", "points_low", "points_high", "limit",
    "detectable",
)  # fmt: skip
_FORBIDDEN = re.compile("[\ufffe\uffff]")  # what XML 1.0 cannot hold, not even escaped, and people can see


def junit_xml(findings: Sequence[Finding]) -> str:
    """Return a suite with a case for every finding, its figures as properties."""
    outcomes = [_OUTCOME.get(finding.verdict) for finding in findings]
    suite = ET.Element(
        "testsuite",
        name="resbench",
        tests=str(len(findings)),
        failures=str(outcomes.count("failure")),
        errors=str(outcomes.count("error")),
        skipped=str(outcomes.count("skipped")),
    )
    for finding in findings:
        suite.append(_case(finding))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _case(finding: Finding) -> ET.Element:
    name = f"{finding.metric} [{finding.record}]"
    case = ET.Element("testcase", classname=_clean(f"resbench.{finding.network}"), name=_clean(name))
    properties = ET.SubElement(case, "properties")
    for key in _PROPERTIES:
        value = getattr(finding, key)
        if value not in (None, ""):
            ET.SubElement(properties, "property", name=key, value=_clean(str(value)))
    if outcome := _OUTCOME.get(finding.verdict):
        message = _clean(wording.sentence(finding))
        ET.SubElement(case, outcome, message=message, type=str(finding.verdict)).text = message
    return case


def _clean(value: str) -> str:
    return _FORBIDDEN.sub("\ufffd", visible(value))
