"""The model against which platforms are held."""

from swqr_core.testing.model import ModelCloud


def test_what_ends_at_one_moment_has_ended_before_the_outcome_of_what_starts_then_is_told() -> None:
    cloud = ModelCloud()
    for instance, backend in (("ada", "one"), ("bob", "two")):
        cloud.decide(cloud.submit(instance=instance, backend=backend), "completed", 1.0)
    fails = cloud.submit(instance="bob", backend="one")
    cloud.decide(fails, "failed")
    ada, bob = (cloud.submit(instance=instance, backend="one") for instance in ("ada", "bob"))

    cloud.advance_to(1_000_000)

    # By then both have used one second, so it is the turn of whoever came first.
    assert (fails.state, ada.state, bob.state) == ("failed", "running", "queued")
