"""Fuzzes the server's surface from its OpenAPI document, and all that reads bytes, for a while.

    python -m reliability.fuzz --seconds 60

Exit status 0 says that nothing was found. What is found is kept in the folder ``.fuzz``.
"""

import argparse
import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from reliability._worlds import KEY, RUNS, open_world

__all__ = ["main"]

_FOUND: Final = Path(".fuzz")
_TARGETS: Final = ("payload", "body", "address", "answer", "text")
_CHECKS: Final = "not_a_server_error,content_type_conformance,response_schema_conformance"


def _read_bytes(target: str, seconds: int) -> bool:
    command = [
        sys.executable, "-m", "reliability._fuzz_bytes", target,
        f"-max_total_time={seconds}", f"-artifact_prefix={_FOUND}/{target}-", "-timeout=20",
        "-rss_limit_mb=2048", "-verbosity=0", "-print_final_stats=1",
    ]  # fmt: skip
    return subprocess.run(command, check=False).returncode == 0


async def _ask_everything(seconds: int, seed: int) -> bool:
    """Ask a server that runs nothing whatever its document allows, and what it does not."""
    async with open_world(RUNS[0], seed) as world:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "schemathesis.cli", "run", f"{world.url}/openapi.json",
            "--url", world.url,
            "-H", f"Authorization: apikey {KEY}", "-H", f"Service-CRN: {world.crn}",
            "--checks", _CHECKS, "--max-time", str(seconds), "--seed", str(seed),
            "--max-examples", "50", "--report", "junit", "--report-dir", str(_FOUND),
            "--exclude-path-regex", "^/_swqr",
        )  # fmt: skip
        return await process.wait() == 0


def main(args: Sequence[str] | None = None) -> bool:
    """Fuzz; return whether nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m reliability.fuzz")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(args)
    _FOUND.mkdir(exist_ok=True)
    found = [name for name in _TARGETS if not _read_bytes(name, options.seconds)]
    if not asyncio.run(_ask_everything(options.seconds, options.seed)):
        found.append("the server's surface")
    print(f"found something: {', '.join(found)}" if found else "nothing was found")
    return not found


if __name__ == "__main__":
    sys.exit(not main())
