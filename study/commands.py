"""What the commands share: the options that choose what is worked on, and how they fail."""

import argparse
import sys
from collections.abc import Callable
from functools import wraps
from subprocess import CalledProcessError

from study import parts, profile


def parser(name: str, description: str, part_required: bool = False) -> argparse.ArgumentParser:
    """The parser of `python -m study.<name>`, with a profile and a part; without a part all are meant."""
    found = argparse.ArgumentParser(prog=f"python -m study.{name}", description=description)
    found.add_argument("--profile", default="full")
    found.add_argument("--part", required=part_required, help="one part alone, such as part2")
    return found


def chosen(given: argparse.Namespace) -> tuple[profile.Profile, tuple[parts.Part, ...]]:
    """The profile and the parts that were asked for. Raises ValueError for an unknown one."""
    return profile.load(given.profile), (parts.find(given.part),) if given.part else parts.PARTS


def entry(main: Callable[[list[str] | None], int | None]) -> Callable[..., int]:
    """A command that ends with 1 and a line on standard error where its user can do something about it."""

    @wraps(main)
    def run(arguments: list[str] | None = None) -> int:
        try:
            return main(arguments) or 0
        except (ValueError, OSError, FloatingPointError, CalledProcessError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1

    return run
