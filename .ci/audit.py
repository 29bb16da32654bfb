"""Asks whether a locked version has a known weakness.

pip-audit is asked about every line of constraints.txt, those for other platforms and Pythons too.
Before that it is asked about a version whose weakness everybody knows: silence about ours means
something only from a service that names this one.

    python .ci/audit.py                   0: nothing known; 1: a weakness; 2: nobody could be asked
    python .ci/audit.py --where-possible  the same, but 0 and a line on stderr instead of 2
"""

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

LOCKED = Path(__file__).with_name("constraints.txt")

# The package, the weakness by one of its ids, and why it does not matter here. What is no longer
# told about has to go.
ACCEPTED = {
    # Signing tells the key by its time; there is no release without this, and none is planned.
    # python-jose asks for it, for which the Strangeworks SDK asks and which it never imports;
    # nothing here signs.
    ("ecdsa", "CVE-2024-23342"),
}

KNOWN_TO_EVERYBODY = ("pyyaml", "5.1", "CVE-2020-14343")

OPTIONS = ["--strict", "--disable-pip", "--no-deps"]
OUTPUT = ["--format=json", "--aliases=on", "--desc=off", "--progress-spinner=off"]
SERVICES = {"OSV": ["--vulnerability-service=osv"], "PyPI": ["--vulnerability-service=pypi"]}
PATIENCE = 600.0  # seconds for one question; pip-audit gives up on a connection after 15


class NoAnswerError(Exception):
    """Nothing is known about at least one version; says why."""


def ask(pins: list[str], service: list[str]) -> list[dict[str, Any]]:
    """Return what *service* knows about each of *pins*, each ``name==version``.

    Raises:
        NoAnswerError: it did not answer about every one.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder, "pins.txt")
        file.write_text("\n".join(pins), "utf-8")
        options = [*OPTIONS, *OUTPUT, f"--cache-dir={folder}", f"--requirement={file}", *service]
        try:
            done = subprocess.run(
                [sys.executable, "-m", "pip_audit", *options],
                check=False,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
            )
        except subprocess.TimeoutExpired:
            raise NoAnswerError(f"no end after {PATIENCE:.0f} s") from None
    try:
        told: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise NoAnswerError(lines[-1]) from None
    missing = set(pins) - {f"{about['name']}=={about.get('version')}" for about in told}
    if missing:
        raise NoAnswerError(f"nothing about {', '.join(sorted(missing))}")
    return told


def weaknesses(told: Iterable[dict[str, Any]]) -> Iterator[tuple[str, str, set[str], str]]:
    """Yield the package, version, ids and remedy of each weakness in an answer."""
    for about in told:
        for found in about["vulns"]:
            remedy = " or ".join(found["fix_versions"]) or "no release yet"
            yield about["name"], about["version"], {found["id"], *found["aliases"]}, remedy


def rounds(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield lists of pins that name no package twice, whatever the platform of a pin is."""
    versions: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        pin = line.partition(";")[0].strip()
        if pin and not pin.startswith("#"):
            versions[pin.partition("==")[0]].append(pin)
    for pins in zip_longest(*versions.values()):
        yield [pin for pin in pins if pin is not None]


def answers(service: list[str], locked: Path) -> list[dict[str, Any]]:
    """Return what *service* knows about every line of *locked*, if it knows anything at all."""
    name, version, weakness = KNOWN_TO_EVERYBODY
    known = weaknesses(ask([f"{name}=={version}"], service))
    if not any(weakness in ids for _, _, ids, _ in known):
        raise NoAnswerError(f"does not know of {weakness} in {name} {version}")
    lines = locked.read_text("utf-8").splitlines()
    return [about for pins in rounds(lines) for about in ask(pins, service)]


def judge(told: list[dict[str, Any]], by: str) -> int:
    """Print what was found; return how many weaknesses nobody has accepted."""
    found = list(weaknesses(told))
    bad = [(n, v, i, r) for n, v, i, r in found if not any((n, a) in ACCEPTED for a in i)]
    for name, version, ids, remedy in bad:
        print(f"{name} {version}: {', '.join(sorted(ids))}; mended in: {remedy}")
    for name, weakness in sorted(ACCEPTED):
        if not any(name == n and weakness in ids for n, _, ids, _ in found):
            print(f"{weakness} in {name} is not told of any more: take it out of ACCEPTED")
    print(
        f"audit: {by} was asked about {len(told)} locked versions: {len(bad)} known weaknesses,"
        f" {len(found) - len(bad)} accepted"
    )
    return len(bad)


def main() -> int:
    """Ask the first service that knows anything."""
    parser = argparse.ArgumentParser(description="whether a locked version has a known weakness")
    parser.add_argument("--where-possible", action="store_true", help="no answer is no failure")
    parser.add_argument("--locked", type=Path, default=LOCKED, help="the file of versions")
    parser.add_argument("--osv-url", help="ask this instead of OSV and PyPI")
    asked = parser.parse_args()
    services = SERVICES
    if asked.osv_url:
        services = {asked.osv_url: [*SERVICES["OSV"], f"--osv-url={asked.osv_url}"]}
    reasons = []
    for name, service in services.items():
        try:
            told = answers(service, asked.locked)
        except NoAnswerError as error:
            reasons.append(f"{name}: {error}")
        else:
            return 1 if judge(told, name) else 0
    print(f"audit: NOTHING WAS AUDITED: {'; '.join(reasons)}", file=sys.stderr)
    return 0 if asked.where_possible else 2


if __name__ == "__main__":
    sys.exit(main())
