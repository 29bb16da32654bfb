"""What every test shares: how long hypothesis may look, chosen by ``HYPOTHESIS_PROFILE``."""

import os

from hypothesis import HealthCheck, settings

_SLOW_MACHINE = [HealthCheck.too_slow]

# No profile has a deadline: a test must not fail because the machine is busy.
settings.register_profile("default", deadline=None, suppress_health_check=_SLOW_MACHINE)
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,  # the same examples on every run: a red build is red again
    print_blob=True,
    suppress_health_check=_SLOW_MACHINE,
)
settings.register_profile(
    "nightly",
    deadline=None,
    max_examples=2000,
    stateful_step_count=100,
    print_blob=True,
    suppress_health_check=_SLOW_MACHINE,
)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "default")
)
