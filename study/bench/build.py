"""Seconds of the build's steps."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from study import paths
from study.profile import Profile


def seconds(work: Callable[[], object], repeats: int = 3) -> list[float]:
    """Wall seconds of each of several calls."""
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return found


def measure(chosen: Profile, work: Path) -> dict:
    """Seconds of `make report`'s program with nothing to do, and after a change of prose alone (both documents)."""

    def build() -> None:
        command = [sys.executable, "-m", "study.build", "--profile", chosen.name]
        subprocess.run(command, cwd=paths.ROOT, check=True, stdout=subprocess.DEVNULL)

    def render() -> None:
        (chosen.work / "stamp-report.json").unlink()
        build()

    build()
    return {"nothing to do": seconds(build), "prose changed": seconds(render, 1)}
