"""How ``swqr demo`` looks."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from .demo import DemoReport

__all__ = ["show"]

_BAR = 32  # characters


def show(report: DemoReport, console: Console | None = None) -> None:
    """Print the report for a person."""
    console = console or Console(highlight=False)
    noise = "with its noise" if report.noise else "without noise"
    console.print(f"[bold]Backend[/]  {report.backend}: {report.num_qubits} qubits, {noise}")
    console.print(f"[bold]Session[/]  {report.session['id']}")
    for job in report.jobs:
        console.print(
            f"[bold]Job[/]      {job['id']}  {job['program']}, {job['state']}, "
            f"{_seconds(job['usage_seconds'])} on the device"
        )
    console.print()
    console.print(_counts(report.counts))
    console.print(_values(report))
    console.print(_life(report.session))


def _seconds(value: object) -> str:
    return "-" if value is None else f"{float(str(value)):.2f} s"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in ("shots", "angle", "XX") else "left")
    return table


def _counts(counts: Mapping[str, int]) -> Table:
    table = _table("A Bell state, sampled", "bits", "shots", "")
    total, most = sum(counts.values()), max(counts.values(), default=1)
    for bits, count in counts.items():
        bar = "█" * max(1, round(_BAR * count / most))
        table.add_row(bits, str(count), f"{bar} {count / total:.1%}")
    return table


def _values(report: DemoReport) -> Table:
    table = _table("XX while one qubit turns", "angle", "XX", "standard error")
    for angle, value, error in zip(report.angles, report.evs, report.stds, strict=True):
        table.add_row(f"{angle:.3f}", f"{value:+.3f}", f"± {error:.3f}")
    return table


def _life(session: Mapping[str, Any]) -> Table:
    usage = _seconds(session["usage_seconds"])
    table = _table(f"The session's life ({usage} charged)", "state", "at", "why")
    for step in session["timeline"]:
        at = datetime.fromisoformat(step["at"])
        table.add_row(step["state"], f"{at:%H:%M:%S.%f} UTC", step["reason"] or "")
    return table
