"""The number of cores knows affinity and quota."""

import os
from pathlib import Path

import pytest

from swqr_adapters.execution.cores import usable_cores

ALL = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("max 100000", ALL),
        ("50000 100000", 1),
        ("100000 100000", 1),
        ("100000000 100000", ALL),
        ("nonsense", ALL),
    ],
)
def test_a_containers_quota_bounds_the_cores(tmp_path: Path, quota: str, cores: int) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(quota, encoding="ascii")

    assert usable_cores(quota_file=file) == cores


def test_without_a_quota_the_affinity_counts(tmp_path: Path) -> None:
    assert usable_cores(quota_file=tmp_path / "none") == ALL
