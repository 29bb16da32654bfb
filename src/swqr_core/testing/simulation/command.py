"""The command that plays worlds."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence

from attrs import evolve

from swqr_core.errors import ConfigurationError, InvalidInputError
from swqr_core.testing.assertions import need_assertions
from swqr_core.testing.platforms import find_harness

from .world import Settings, simulate

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Play worlds, and say what happened in them; the exit code is 1 if something was wrong.

    It is 2 if there can be no such world.

    Raises:
        ConfigurationError: Assertions are left out here.
    """
    need_assertions()
    usual = Settings()
    parser = argparse.ArgumentParser(prog="python -m swqr_core.testing.simulation")
    parser.add_argument("--seed", type=int, default=0, help="the first world's seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many worlds, one seed each")
    parser.add_argument("--hours", type=float, default=usual.hours, help="hours of cloud time")
    parser.add_argument("--clients", type=int, default=usual.clients)
    parser.add_argument("--loss", type=float, default=usual.loss, help="probability of a loss")
    parser.add_argument("--platform", default="memory", help="an entry point, or module:name")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.ERROR)  # that a network breaks is no news here
    if chosen.seeds < 1:
        parser.error("--seeds must be 1 or more")
    try:
        make = find_harness(chosen.platform)
        usual = Settings(hours=chosen.hours, clients=chosen.clients, loss=chosen.loss)
    except (ConfigurationError, InvalidInputError) as error:
        parser.error(str(error))
    code = 0
    for seed in range(chosen.seed, chosen.seed + chosen.seeds):
        settings = evolve(usual, seed=seed)
        try:
            sys.stdout.write(f"{asyncio.run(simulate(make, settings))}\n")
        except ConfigurationError as error:
            parser.error(str(error))
        except AssertionError as error:
            again = (
                f"{parser.prog} --platform {chosen.platform} --seed {seed} --hours {chosen.hours:g}"
                f" --clients {chosen.clients} --loss {chosen.loss:g}"
            )
            sys.stdout.write(f"seed {seed}: {error}\nplay it again: {again}\n")
            code = 1
    return code
