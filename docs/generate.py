"""Writes into the pages what the code knows better: diagrams and tables of the lifecycles.

``python docs/generate.py`` rewrites what stands between the marks of each page, and
``python docs/generate.py --check`` only says whether a page is out of date (exit code 1).
"""

import re
import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from swqr_core.lifecycle import job, session
from swqr_core.lifecycle.diagram import mermaid

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)

DOCS = Path(__file__).parent
MARKS = re.compile(
    r"(?P<begin><!-- generated: (?P<name>[a-z-]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL
)


def diagram(transitions: Mapping[tuple[S, E], S], first: S) -> str:
    """Return a diagram that both Sphinx and a Git forge draw."""
    return f"```mermaid\n{mermaid(transitions, first=first)}```\n"


def table(transitions: Mapping[tuple[S, E], S], states: type[S]) -> str:
    """Return what follows from each event in each state; a dash is a refusal."""
    events = list(dict.fromkeys(event for _, event in transitions))
    head = ["event", *(f"`{state}`" for state in states)]
    rows = [
        [f"`{event}`", *(transitions.get((state, event), "–") for state in states)]
        for event in events
    ]
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


GENERATED: Mapping[str, Callable[[], str]] = {
    "session-diagram": lambda: diagram(session.TRANSITIONS, session.SessionState.OPEN),
    "session-table": lambda: table(session.TRANSITIONS, session.SessionState),
    "job-diagram": lambda: diagram(job.TRANSITIONS, job.JobState.QUEUED),
    "job-table": lambda: table(job.TRANSITIONS, job.JobState),
}


def rendered(page: str) -> str:
    """Return the page with everything between marks written anew."""
    return MARKS.sub(lambda m: f"{m['begin']}{GENERATED[m['name']]()}{m['end']}", page)


def main(arguments: list[str]) -> int:
    """Rewrite the pages, or only compare; return the exit code."""
    check = "--check" in arguments
    stale = []
    for path in sorted(DOCS.rglob("*.md")):
        page = path.read_text(encoding="utf-8")
        if (new := rendered(page)) != page:
            stale.append(path.relative_to(DOCS).as_posix())
            if not check:
                path.write_text(new, encoding="utf-8")
    for name in stale:
        print(f"docs/{name}: {'out of date, run docs/generate.py' if check else 'rewritten'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
