"""The command that looks at what a maintainer would ask about, and says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wetlands._cli.instance import pass_instance
from wetlands._cli.tables import as_json, show_json

if TYPE_CHECKING:
    from wetlands._cli.instance import Instance

__all__ = ["COMMANDS"]

_SIGNS = {"ok": ("ok  ", "green"), "note": ("note", "yellow"), "fail": ("FAIL", "red")}


@click.command()
@click.option("--offline", is_flag=True, help="Do not try to reach channels and indexes.")
@as_json
@pass_instance
def doctor(instance: Instance, *, as_json: bool, offline: bool) -> None:
    """Examine this machine and the instance.

    Put the output into a bug report. Nothing is changed. The exit code is 1 when something must be corrected.
    """
    from wetlands._cli.examination import examine  # noqa: PLC0415 - imports every backend

    findings = examine(instance.folder, offline=offline)
    if as_json:
        show_json(findings)
    else:
        for finding in findings:
            sign, color = _SIGNS[finding.verdict]
            click.echo(f"{click.style(sign, fg=color)}  {finding.subject:<20}  {finding.found}")
            if finding.advice:
                click.echo(f"{'':28}{click.style('->', bold=True)} {finding.advice}")
    if any(finding.verdict == "fail" for finding in findings):
        raise click.exceptions.Exit(1)


COMMANDS = (doctor,)
