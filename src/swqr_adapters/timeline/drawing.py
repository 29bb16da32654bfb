"""From a session's life to an SVG document."""

import math
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.job import Job
from swqr_core.model.session import Session, SessionMode

from .life import Bar, Life, Limit, Span, life_of

__all__ = ["draw_timeline"]

_WIDTH: Final = 800
_LEFT: Final = 76
_RIGHT: Final = _WIDTH - 16
_STATES: Final = 48  # where the band of states begins, from above
_BAND: Final = 22
_LANES: Final = _STATES + _BAND + 10
_MOST: Final = 600  # as high as all lanes may be together
_PITCH: Final = (3.0, 20.0)  # the height of one lane, at least and at most
_LETTER: Final = 7.2  # the width of one
_LONGEST: Final = 48  # letters
_FEW_TICKS: Final = 8
_UNITS: Final = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (0.001, "ms"))

# Every class begins alike: in a notebook the style is the whole page's.
_STYLE: Final = """
.swqr-timeline{max-width:100%;height:auto;font:11px system-ui,sans-serif}
.swqr-timeline text{fill:#1f2328}
.swqr-timeline .swqr-quiet{fill:#59636e}
.swqr-timeline .swqr-in{fill:#fff}
.swqr-page{fill:#fff}.swqr-grid{stroke:#d1d9e0}
.swqr-limit{stroke:#b3261e;stroke-dasharray:4 3}.swqr-timeline .swqr-limit-name{fill:#b3261e}
.swqr-wait{fill:#9aa4af;fill-opacity:.45}
.swqr-s-open{fill:#57606a}.swqr-s-busy{fill:#1a7f37}.swqr-s-idle{fill:#8a6100}
.swqr-s-inactive{fill:#6e5494}.swqr-s-draining{fill:#0b6e99}.swqr-s-closed{fill:#24292f}
.swqr-s-untold{fill:#8c959f}
.swqr-j-queued{fill:#9aa4af}.swqr-j-running{fill:#0969da}.swqr-j-completed{fill:#1a7f37}
.swqr-j-failed{fill:#cf222e}.swqr-j-cancelled{fill:#6e7781}.swqr-j-timed_out{fill:#bc4c00}
.swqr-charge{fill:#8250df}
@media (prefers-color-scheme:dark){
.swqr-timeline text{fill:#e6edf3}.swqr-timeline .swqr-quiet{fill:#9198a1}
.swqr-page{fill:#0d1117}.swqr-grid{stroke:#3d444d}
.swqr-limit{stroke:#ff7b72}.swqr-timeline .swqr-limit-name{fill:#ff7b72}
.swqr-s-closed{fill:#484f58}
}
"""


def draw_timeline(session: Session, jobs: Iterable[Job], *, now: datetime) -> str:
    """Draw a session's life: states, jobs as bars on lanes, time limits, charged time.

    A limit that lies far beyond the life so far stands at the right edge with its time, lest the
    rest shrink to a line.

    Args:
        session: The session.
        jobs: Its jobs, in any order.
        now: How far the life of a session goes that has not ended, UTC.

    Returns:
        An SVG document that stands alone: its style is in it, scripts and links are not.
    """
    life = life_of(session, jobs, now=now)
    return _Picture(session, life).text()


class _Picture:
    """One drawing: a scale, and what has been drawn."""

    def __init__(self, session: Session, life: Life) -> None:
        self._session, self._life = session, life
        lived = (life.end - life.start).total_seconds() or 0.001
        near = [self._since_start(limit.at) for limit in life.limits]
        self._seconds = max([lived, *(at for at in near if at <= 2 * lived)])
        self._lane = min(max(_MOST / max(life.lanes, 1), _PITCH[0]), _PITCH[1])
        self._charge = _LANES + life.lanes * self._lane + 8
        self._axis = self._charge + 22
        height = math.ceil(self._axis + 44)
        self._root = ET.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "class": "swqr-timeline",
                "role": "img",
                "width": str(_WIDTH),
                "height": str(height),
                "viewBox": f"0 0 {_WIDTH} {height}",
            },
        )
        self._height = height

    def text(self) -> str:
        """Draw all of it."""
        _told(self._root, "title", f"Life of {_kind(self._session)} {self._session.id}")
        _told(self._root, "desc", self._account())
        ET.SubElement(self._root, "style").text = _STYLE
        self._rect("swqr-page", 0, 0, _WIDTH, self._height)
        self._head()
        self._ticks()
        for span in self._life.spans:
            self._span(span)
        for bar in self._life.bars:
            self._bar(bar)
        self._charged()
        far = [limit for limit in self._life.limits if not self._limit(limit)]
        for number, limit in enumerate(far):
            words = f"{limit.name} ends {_moment(limit.at)} \N{RIGHTWARDS ARROW}"
            self._write(_RIGHT, 40 - 12 * number, words, "swqr-limit-name", anchor="end")
        self._legend()
        return ET.tostring(self._root, encoding="unicode")

    # --- parts -----------------------------------------------------------------------------------

    def _account(self) -> str:
        """Tell in words what the picture shows."""
        session, life = self._session, self._life
        counts = Counter(bar.job.state.value for bar in life.bars)
        jobs = ", ".join(f"{number} {state}" for state, number in sorted(counts.items())) or "none"
        parts = [
            f"{_kind(session)} on {session.backend or 'a backend not yet known'}",
            f"state {session.state.value}" + (f" ({session.reason})" if session.reason else ""),
            f"from {_moment(life.start)} to {_moment(life.end)}",
            f"jobs: {jobs}",
            *(f"{limit.name} ends {_moment(limit.at)}" for limit in life.limits),
            self._bill(),
        ]
        return "; ".join(parts) + "."

    def _bill(self) -> str:
        amount = f"{self._life.charged:.6g} s"
        return f"charged {amount}" if self._life.final else f"jobs have used {amount} so far"

    def _head(self) -> None:
        session = self._session
        self._write(12, 18, _short(f"{_kind(session)} {session.id}"), weight="bold")
        where = f"{session.backend or '-'}, {session.state.value}"
        self._write(12, 34, _short(where), "swqr-quiet")
        self._write(_RIGHT, 18, f"from {_moment(self._life.start)}", "swqr-quiet", anchor="end")
        self._write(12, _STATES + 15, "states")
        if self._life.bars:
            self._write(12, _LANES + 12, f"jobs ({len(self._life.bars)})")

    def _ticks(self) -> None:
        step = _step(self._seconds)
        for number in range(math.floor(self._seconds / step) + 1):
            x = self._x(number * step)
            line = {"x1": _n(x), "x2": _n(x), "y1": str(_STATES), "y2": _n(self._axis)}
            ET.SubElement(self._root, "line", {"class": "swqr-grid", **line})
            anchor = "middle" if x < _RIGHT - 20 else "end"
            self._write(
                x, self._axis + 13, _length(number * step, step), "swqr-quiet", anchor=anchor
            )

    def _span(self, span: Span) -> None:
        word = "untold" if span.state is None else span.state.value
        why = f": {span.reason}" if span.reason else ""
        x, width = self._stretch(span.start, span.end)
        note = f"{word} from {_moment(span.start)}, {_between(span.start, span.end)}{why}"
        self._rect(f"swqr-s-{word}", x, _STATES, width, _BAND, note=note)
        self._inside(x, width, _STATES + 15, word)

    def _bar(self, bar: Bar) -> None:
        job = bar.job
        y, height = _LANES + bar.lane * self._lane, max(self._lane - 2, 1.5)
        began = bar.end if bar.running is None else bar.running
        note = f"{job.id}, {job.spec.program_id}: {job.state.value}"
        if bar.start < began:
            x, width = self._stretch(bar.start, began)
            waited = f"{note}; waited {_between(bar.start, began)}"
            self._rect("swqr-wait", x, y + height / 3, width, height / 3, note=waited)
        x, width = self._stretch(began, bar.end)
        note += f"; {_between(began, bar.end)}, used {job.usage.quantum_seconds:.6g} s"
        note += f"; {job.reason}" if job.reason else ""
        self._rect(f"swqr-job swqr-j-{job.state.value}", x, y, width, height, note=note)
        if height > _LETTER + 5:
            self._inside(x, width, y + height - 4, job.id)

    def _charged(self) -> None:
        started = self._session.started_at or self._life.start
        x = self._x(self._since_start(started))
        full = self._life.charged / self._seconds * (_RIGHT - _LEFT)
        width = min(full, _RIGHT - x)
        self._write(12, self._charge + 10, "charged")
        self._rect("swqr-charge", x, self._charge, width, 12, note=self._bill())
        words = self._bill() + (" \N{RIGHTWARDS ARROW}" if full > width else "")
        if x + width + 6 + len(words) * _LETTER < _RIGHT:
            self._write(x + width + 6, self._charge + 10, words)
        else:
            inside = "swqr-in" if width > len(words) * _LETTER else ""
            self._write(x + width - 6, self._charge + 10, words, inside, anchor="end")

    def _limit(self, limit: Limit) -> bool:
        """Draw a limit if it lies within the picture."""
        at = self._since_start(limit.at)
        if at > self._seconds:
            return False
        x = _n(self._x(at))
        line = {"x1": x, "x2": x, "y1": str(_STATES - 6), "y2": _n(self._axis)}
        drawn = ET.SubElement(self._root, "line", {"class": "swqr-limit", **line})
        _told(drawn, "title", f"{limit.name} of {limit.seconds} s ends {_moment(limit.at)}")
        anchor = "end" if self._x(at) > _WIDTH / 2 else "start"
        self._write(self._x(at), _STATES - 8, limit.name, "swqr-limit-name", anchor=anchor)
        return True

    def _legend(self) -> None:
        x, y = float(_LEFT), self._axis + 26
        states = {bar.job.state for bar in self._life.bars}
        shown = [(f"swqr-j-{one.value}", one.value) for one in JobState if one in states]
        spans = {span.state for span in self._life.spans}
        shown += [(f"swqr-s-{one.value}", one.value) for one in SessionState if one in spans]
        for look, word in shown:
            self._rect(look, x, y, 9, 9)
            self._write(x + 12, y + 9, word, "swqr-quiet")
            x += 12 + len(word) * _LETTER + 12

    # --- strokes ---------------------------------------------------------------------------------

    def _since_start(self, at: datetime) -> float:
        return (at - self._life.start).total_seconds()

    def _x(self, seconds: float) -> float:
        return _LEFT + seconds / self._seconds * (_RIGHT - _LEFT)

    def _stretch(self, start: datetime, end: datetime) -> tuple[float, float]:
        """Return where a stretch begins and how wide it is: never so narrow that it vanishes."""
        x = self._x(self._since_start(start))
        return min(x, _RIGHT - 2), max(self._x(self._since_start(end)) - x, 2)

    def _rect(
        self, look: str, x: float, y: float, width: float, height: float, *, note: str = ""
    ) -> None:
        sides = {"x": _n(x), "y": _n(y), "width": _n(width), "height": _n(height)}
        drawn = ET.SubElement(self._root, "rect", {"class": look, **sides})
        if note:
            _told(drawn, "title", note)

    def _inside(self, x: float, width: float, y: float, words: str) -> None:
        words = _short(words)
        if width > len(words) * _LETTER + 8:
            self._write(x + 4, y, words, "swqr-in")

    def _write(
        self,
        x: float,
        y: float,
        words: str,
        look: str = "",
        *,
        anchor: str = "start",
        weight: str = "normal",
    ) -> None:
        place = {"x": _n(x), "y": _n(y), "text-anchor": anchor, "font-weight": weight}
        if look:
            place["class"] = look
        _told(self._root, "text", words, place)


def _told(
    parent: ET.Element, tag: str, words: str, attributes: dict[str, str] | None = None
) -> None:
    """Add an element with text; what XML cannot hold, or what turns text around, is replaced."""
    made = ET.SubElement(parent, tag, attributes or {})
    made.text = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in words)


def _kind(session: Session) -> str:
    return "batch" if session.mode is SessionMode.BATCH else "session"


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _short(words: str) -> str:
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _between(start: datetime, end: datetime) -> str:
    return _length((end - start).total_seconds())


def _length(seconds: float, like: float | None = None) -> str:
    """Return a duration for people, in the unit that suits it, or that suits another."""
    size = seconds if like is None else like
    unit, name = next((one for one in _UNITS if size >= one[0]), _UNITS[-1])
    return "0" if not seconds else f"{seconds / unit:.4g} {name}"


def _step(seconds: float) -> float:
    """Return a round number of seconds of which a few fit."""
    unit = next((one for one, _ in _UNITS if seconds >= 2 * one), _UNITS[-1][0])
    rounds = (1, 2, 5, 10, 15, 30) if unit in {60.0, 1.0} else (1, 2, 3, 6, 12, 50, 100, 200)
    fitting = [unit * one for one in rounds if seconds / (unit * one) <= _FEW_TICKS]
    return fitting[0] if fitting else seconds / 4
