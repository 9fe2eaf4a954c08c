"""The diagnosis as JUnit XML, for the test view of a CI: a test case for each rule, failed where it found a fault."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from diagnose.finding import Diagnosis, Finding
from diagnose.report.words import plain, statement, verdict

SUFFIXES = (".xml",)
UNWRITABLE = re.compile("[\ufffe\uffff]")  # characters that XML 1.0 has no way to write, beside those `plain` escapes


def render(diagnosis: Diagnosis) -> str:
    """Errors and warnings are failures; notes pass and are told in the output; a rule that could not speak is skipped."""
    run = diagnosis.run
    suite = ElementTree.Element("testsuite", name="diagnose", time=f"{run.seconds:.3f}")
    if re.fullmatch(r"[\dT:.-]+Z?", run.started):
        suite.set("timestamp", run.started.removesuffix("Z"))
    if diagnosis.level == "nothing-observed":
        case = ElementTree.SubElement(suite, "testcase", classname="diagnose", name="training-observed")
        ElementTree.SubElement(case, "error", message=_text(verdict(diagnosis)), type="nothing-observed")
    for finding in diagnosis.findings:
        _finding(suite, finding)
    found = {finding.rule for finding in diagnosis.findings}
    for rule in dict.fromkeys(diagnosis.checked):
        if rule not in found:
            ElementTree.SubElement(suite, "testcase", classname="diagnose", name=_text(rule))
    told = found | set(diagnosis.checked)
    for missed in {missed.rule: missed for missed in diagnosis.not_checked if missed.rule not in told}.values():
        case = ElementTree.SubElement(suite, "testcase", classname="diagnose", name=_text(missed.rule))
        ElementTree.SubElement(case, "skipped", message=_text(f"{missed.code}: {missed.message}"))
    for attribute, tag in {
        "failures": ".//failure",
        "errors": ".//error",
        "skipped": ".//skipped",
        "tests": "testcase",
    }.items():
        suite.set(attribute, str(len(suite.findall(tag))))
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _finding(suite: ElementTree.Element, finding: Finding) -> None:
    classname = f"diagnose.{finding.family}" if finding.family else "diagnose"
    case = ElementTree.SubElement(suite, "testcase", classname=_text(classname), name=_text(finding.id))
    if finding.source:
        case.set("file", _text(finding.source.file))
        case.set("line", str(finding.source.line))
    lines = [statement(seen) for seen in finding.evidence]
    if finding.fix:
        lines += [f"fix: {plain(finding.fix.text)}"]
        lines += [plain(line) for line in (finding.fix.code or "").splitlines()]
    if finding.symptom_of:
        lines += [f"follows from {', '.join(plain(cause) for cause in finding.symptom_of)}"]
    if finding.loud:
        told = ElementTree.SubElement(case, "failure", message=_text(finding.message), type=finding.severity)
    else:
        told = ElementTree.SubElement(case, "system-out")
        lines.insert(0, plain(finding.message))
    told.text = UNWRITABLE.sub("\ufffd", "\n".join(lines))


def _text(text: str) -> str:
    return UNWRITABLE.sub("\ufffd", plain(text))
