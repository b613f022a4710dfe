"""How findings are printed: for people, or as one JSON document."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from piragua.check.finding import Finding

FORMAT = "piragua-check"
FORMAT_VERSION = 1
_MOST_ITEMS = 20


@dataclass(frozen=True)
class AppliedFix:
    """What --fix did about a finding. error: why it failed, or "" if it came to its end."""

    precondition: str
    what: str
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """What programs get of it."""
        return {"precondition": self.precondition, "what": self.what, "error": self.error or None}


def status(found: Sequence[Finding]) -> int:
    """The exit status: 0 only if nothing is wrong."""
    return 0 if all(finding.holds for finding in found) else 1


def show(found: Sequence[Finding], applied_fixes: Sequence[AppliedFix] | None) -> None:
    """Prints the findings for people. applied_fixes: what was done; None: nothing was to be changed."""
    for finding in found:
        _show(finding, planned=applied_fixes is None)
    for applied in applied_fixes or ():
        outcome = f"FAILED: {applied.error}" if applied.error else "done"
        click.echo(
            f"{'fixed' if not applied.error else 'tried'}  {applied.precondition}: {applied.what}: {outcome}"
        )
    if applied_fixes is None and any(finding.fix and not finding.holds for finding in found):
        click.echo("nothing was changed; `piragua check --fix` does what it says above")


def _show(finding: Finding, *, planned: bool) -> None:
    click.echo(f"{'ok  ' if finding.holds else 'FAIL'}  {finding.precondition}: {finding.detail}")
    if finding.holds:
        return
    if finding.mend:
        click.echo(f"      mend it with: {finding.mend}")
    if finding.fix is not None and planned:
        click.echo(f"      --fix {finding.fix.what}")
    for item in finding.items[:_MOST_ITEMS]:
        click.echo(f"        {_printable(item)}")
    if len(finding.items) > _MOST_ITEMS:
        click.echo(f"        and {len(finding.items) - _MOST_ITEMS} more; --json has all")


def _printable(text: str) -> str:
    """Names of tenants' files can hold anything, and must not look like lines of ours."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def show_json(found: Sequence[Finding], applied_fixes: Sequence[AppliedFix] | None) -> None:
    """Prints everything as one JSON document, in one line."""
    document = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "well": status(found) == 0,
        "findings": [finding.as_json() for finding in found],
        "deeds": [applied.as_json() for applied in applied_fixes or ()],
    }
    click.echo(json.dumps(document))
