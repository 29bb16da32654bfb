"""The kit without the packages that it needs."""

import sys

import pytest

from swqr_core import testing
from swqr_core.errors import MissingExtraError


@pytest.mark.parametrize("package", ["pytest", "hypothesis"])
def test_what_is_missing_is_named_with_the_command_that_brings_it(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "TransportContract" if package == "pytest" else "lifecycle_test"
    for module in [m for m in sys.modules if m.startswith("swqr_core.testing.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(vars(testing), name, raising=False)

    with pytest.raises(MissingExtraError, match=r"pip install 'swqr\[testing\]'"):
        getattr(testing, name)
