"""Runs the code blocks of the README and of the pages in docs/.

The Python blocks of one page run one after the other in one fresh process. Every other line of the
page counts as an empty one, so a traceback names the line of the page.
"""

import doctest
import itertools
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TIMEOUT = 300.0  # seconds for one page

FENCE = re.compile(r"^ {0,3}(?P<fence>`{3,}|:{3,})(?P<language>[^`]*)$")
REMARK = re.compile(r"^<!-- (?P<text>.+) -->$")


@attrs.frozen
class Block:
    """A fenced block.

    Attributes:
        language: What stands behind the fence.
        lines: The text between the fences.
        line: The number of its first line on the page, from 1.
        remark: The comment right before the fence, or an empty text.
    """

    language: str
    lines: tuple[str, ...]
    line: int
    remark: str

    @property
    def is_left_out(self) -> bool:
        return self.remark.startswith("not run: ")


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page; what stands inside a block is no block."""
    remark = ""
    lines = enumerate(text.splitlines(), start=1)
    for number, line in lines:
        if fence := FENCE.match(line):
            inside = itertools.takewhile(lambda rest: rest[1].strip() != fence["fence"], lines)
            content = tuple(text for _, text in inside)
            yield Block(fence["language"].strip(), content, number + 1, remark)
            remark = ""
        elif comment := REMARK.match(line):
            remark = comment["text"]
        elif line.strip():
            remark = ""


def python_program(page: str) -> str:
    """Return the page's Python blocks, each on its own lines, and nothing else."""
    lines = [""] * (len(page.splitlines()) + 1)
    for block in blocks(page):
        if block.language == "python" and not block.is_left_out:
            lines[block.line - 1 : block.line - 1 + len(block.lines)] = block.lines
    return "\n".join(lines)


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Yield each command of a console block with the output that should follow it."""
    command, output = "", list[str]()
    for line in block.lines:
        if line.startswith("$ "):
            if command:
                yield command, "".join(output)
            command, output = line.removeprefix("$ "), []
        else:
            output.append(f"{line}\n")
    if command:
        yield command, "".join(output)


def pages_with(language: str, remark: str) -> list[str]:
    return [
        page.relative_to(ROOT).as_posix()
        for page in PAGES
        if any(
            b.language == language and b.remark.startswith(remark) and not b.is_left_out
            for b in blocks(page.read_text(encoding="utf-8"))
        )
    ]


def environment() -> dict[str, str]:
    """Return the environment in which the commands of *this* Python come first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "PYTHONWARNINGS": "error::DeprecationWarning:__main__"}


EXAMPLE_PAGE = """\
```python
x = 1
```

<!-- not run: needs an account -->
```python
boom
```

````markdown
```python
inside
```
````

<!-- run -->

```console
$ echo one
one
$ true
```
"""


def test_a_page_becomes_a_program_with_the_lines_where_they_were() -> None:
    assert python_program(EXAMPLE_PAGE).split("\n")[:3] == ["", "x = 1", ""]


def test_what_is_marked_or_stands_inside_another_block_is_no_part_of_the_program() -> None:
    program = python_program(EXAMPLE_PAGE)

    assert "boom" not in program
    assert "inside" not in program


def test_a_console_block_gives_its_commands_with_their_output() -> None:
    (block,) = (b for b in blocks(EXAMPLE_PAGE) if b.language == "console")

    assert block.remark == "run"
    assert list(commands(block)) == [("echo one", "one\n"), ("true", "")]


@pytest.mark.parametrize("page", pages_with("python", ""))
def test_the_python_of_a_page_runs(page: str, tmp_path: Path) -> None:
    path = ROOT / page
    program = tmp_path / path.with_suffix(".py").name
    program.write_text(python_program(path.read_text(encoding="utf-8")), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )

    assert done.returncode == 0, f"{page} failed:\n{done.stderr}"


@pytest.mark.parametrize("page", pages_with("console", "run"))
def test_the_commands_of_a_page_print_what_it_shows(page: str, tmp_path: Path) -> None:
    marked = [
        block
        for block in blocks((ROOT / page).read_text(encoding="utf-8"))
        if block.language == "console" and block.remark == "run"
    ]
    for command, expected in (pair for block in marked for pair in commands(block)):
        done = subprocess.run(
            shlex.split(command),
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

        assert done.returncode == 0, f"{command}\n{done.stderr}"
        if expected:
            flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            shown = doctest.OutputChecker().check_output(expected, done.stdout, flags)
            assert shown, f"{command}\nexpected:\n{expected}\ngot:\n{done.stdout}"


@pytest.mark.parametrize("page", [p.relative_to(ROOT).as_posix() for p in PAGES])
def test_a_block_that_is_left_out_says_why(page: str) -> None:
    remarks = {b.remark for b in blocks((ROOT / page).read_text(encoding="utf-8"))}

    assert not [r for r in remarks if r.startswith("not run") and len(r) < len("not run: why")]
