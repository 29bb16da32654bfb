"""Asks whether a locked version has a known weakness, or was withdrawn.

pip-audit is asked about every line of constraints.txt, those for other platforms and Pythons too.
Before that it is asked about a version whose weakness everybody knows: silence about ours means
something only from a service that names this one.

The index of packages is asked too. It knows no weaknesses, but what was withdrawn, and which
versions are the newest: those have at most weaknesses that no release mends.

    python .ci/audit.py                   0: nothing known; 1: a weakness, or a withdrawn version;
                                          2: nobody who knows weaknesses could be asked
    python .ci/audit.py --where-possible  the same, but 0 and a line on stderr instead of 2
"""

import argparse
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

LOCKED = Path(__file__).with_name("constraints.txt")

# The package, the weakness by one of its ids, and why it does not matter here.
ACCEPTED = {
    # The Strangeworks SDK asks for python-jose, which asks for ecdsa. It imports neither, and
    # nothing here signs with them or checks a signature. No release is without these.
    ("ecdsa", "CVE-2024-23342"),
    ("python-jose", "CVE-2026-85394"),
    ("python-jose", "CVE-2026-120459"),
    # Mended in 3.2.12, and gql 3, for which the Strangeworks SDK asks, wants less than 3.2.7. What
    # our server reads is bounded before the library follows it: server/platform/documents.py.
    ("graphql-core", "CVE-2026-75507"),
    ("graphql-core", "CVE-2026-75508"),
    # Mended in versions for Python 3.11.5 and later; before, building the docs takes an older one,
    # and furo selects by words of its own from pages of ours.
    ("soupsieve", "CVE-2026-126189"),
    ("soupsieve", "CVE-2026-126190"),
    ("soupsieve", "CVE-2026-126191"),
}

KNOWN_TO_EVERYBODY = ("pyyaml", "5.1", "CVE-2020-14343")

OPTIONS = ["--strict", "--disable-pip", "--no-deps"]
OUTPUT = ["--format=json", "--aliases=on", "--desc=off", "--progress-spinner=off"]
SERVICES = {"OSV": ["--vulnerability-service=osv"], "PyPI": ["--vulnerability-service=pypi"]}
PATIENCE = 600.0  # seconds for one question; pip-audit gives up on a connection after 15

INDEX = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple")
INDEX_FORM = "application/vnd.pypi.simple.v1+json"  # PEP 691
INDEX_PATIENCE = 15.0  # seconds without a byte


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


def read(locked: Path) -> dict[str, list[str]]:
    """Return the versions of each package in *locked*, whatever their platforms."""
    versions: dict[str, list[str]] = defaultdict(list)
    for line in locked.read_text("utf-8").splitlines():
        pin = line.partition(";")[0].strip()
        if pin and not pin.startswith("#"):
            name, _, version = pin.partition("==")
            versions[name].append(version)
    return versions


def rounds(locked: dict[str, list[str]]) -> Iterator[list[str]]:
    """Yield lists of pins that name no package twice."""
    pins = ([f"{name}=={version}" for version in versions] for name, versions in locked.items())
    for taken in zip_longest(*pins):
        yield [pin for pin in taken if pin is not None]


def answers(service: list[str], locked: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Return what *service* knows about every version in *locked*, if it knows anything at all."""
    name, version, weakness = KNOWN_TO_EVERYBODY
    known = weaknesses(ask([f"{name}=={version}"], service))
    if not any(weakness in ids for _, _, ids, _ in known):
        raise NoAnswerError(f"does not know of {weakness} in {name} {version}")
    return [about for pins in rounds(locked) for about in ask(pins, service)]


def judge(told: list[dict[str, Any]], by: str) -> int:
    """Print what was found; return how many weaknesses nobody has accepted."""
    found = list(weaknesses(told))
    bad = [(n, v, i, r) for n, v, i, r in found if not any((n, a) in ACCEPTED for a in i)]
    for name, version, ids, remedy in bad:
        print(f"{name} {version}: {', '.join(sorted(ids))}; mended in: {remedy}")
    for name, weakness in sorted(ACCEPTED):
        if not any(name == n and weakness in ids for n, _, ids, _ in found):
            print(f"{weakness} in {name} is accepted and was not told of: does it still apply?")
    print(
        f"audit: {by} was asked about {len(told)} locked versions: {len(bad)} known weaknesses,"
        f" {len(found) - len(bad)} accepted"
    )
    return len(bad)


def releases(index: str, name: str) -> dict[Version, str | None]:
    """Return what *index* has of a package: why each version was withdrawn, or None.

    Raises:
        NoAnswerError: it did not answer in the form of PEP 691.
    """
    page = f"{index.rstrip('/')}/{name}/"
    try:
        answer = requests.get(page, headers={"Accept": INDEX_FORM}, timeout=INDEX_PATIENCE)
        answer.raise_for_status()
        files = [(file["filename"], file.get("yanked", False)) for file in answer.json()["files"]]
    except (requests.RequestException, KeyError, TypeError) as error:
        # Not its words: they have the address, which may have a password.
        raise NoAnswerError(f"{type(error).__name__} for {name}") from None
    withdrawn: dict[Version, str | None] = {}
    for file, why in files:
        try:
            parse = parse_wheel_filename if file.endswith(".whl") else parse_sdist_filename
            version = parse(file)[1]
        except (InvalidSdistFilename, InvalidWheelFilename):
            continue  # forms of long ago
        # A version is withdrawn when all its files are (PEP 592).
        reason = (why if isinstance(why, str) else "no reason given") if why else None
        withdrawn[version] = reason and withdrawn.get(version, reason)
    return withdrawn


def compare(index: str, locked: dict[str, list[str]]) -> int:
    """Print which versions are withdrawn or not the newest; return how many are withdrawn."""
    try:
        with ThreadPoolExecutor(8) as pool:
            known = dict(pool.map(lambda name: (name, releases(index, name)), locked))
    except NoAnswerError as error:
        print(f"audit: the index did not answer: {error}", file=sys.stderr)
        return 0
    bad, behind = 0, []
    for name, versions in locked.items():
        standing = [v for v, why in known[name].items() if why is None and not v.is_prerelease]
        for version in versions:
            newer = max((v for v in standing if v > Version(version)), default=None)
            why = known[name].get(Version(version), "the index does not have it")
            if why is not None:
                bad += 1
                print(f"{name} {version} was withdrawn: {why}")
            if newer is not None:
                behind.append(f"{name} {version} ({newer})")
    total = sum(map(len, locked.values()))
    print(f"audit: {total - len(behind)} of {total} locked versions are the newest", end="")
    print(f"; not {', '.join(behind)}" if behind else "")
    return bad


def main() -> int:
    """Ask the first service that knows anything, and the index."""
    parser = argparse.ArgumentParser(description="whether a locked version has a known weakness")
    parser.add_argument("--where-possible", action="store_true", help="no answer is no failure")
    parser.add_argument("--locked", type=Path, default=LOCKED, help="the file of versions")
    parser.add_argument("--osv-url", help="ask this instead of OSV and PyPI")
    parser.add_argument("--index-url", default=INDEX, help="where packages are listed")
    asked = parser.parse_args()
    services = SERVICES
    if asked.osv_url:
        services = {asked.osv_url: [*SERVICES["OSV"], f"--osv-url={asked.osv_url}"]}
    locked = read(asked.locked)
    reasons = []
    bad = compare(asked.index_url, locked)
    for name, service in services.items():
        try:
            told = answers(service, locked)
        except NoAnswerError as error:
            reasons.append(f"{name}: {error}")
        else:
            return 1 if judge(told, name) + bad else 0
    print(f"audit: NOTHING WAS AUDITED: {'; '.join(reasons)}", file=sys.stderr)
    if bad:
        return 1
    return 0 if asked.where_possible else 2


if __name__ == "__main__":
    sys.exit(main())
