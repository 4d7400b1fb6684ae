"""`make bench`: seconds of the build's steps and of training, measured here, as a table and as JSON in build/."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from study import paths, profile
from study.files import write_atomically


def seconds(work: Callable[[], object], repeats: int = 3) -> list[float]:
    """Wall seconds of each of several calls."""
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return found


def main() -> int:
    chosen = profile.load("full")
    build = [sys.executable, "-m", "study.build"]

    def run(*arguments: str) -> None:
        subprocess.run([*build, *arguments], cwd=paths.ROOT, check=True, stdout=subprocess.DEVNULL)

    def without_stamp() -> None:
        for stamp in chosen.work.glob("stamp-*.json"):
            stamp.unlink()
        run()

    run()
    rows = {"nothing to do": seconds(run), "prose changed: new HTML and PDF": seconds(without_stamp, 1)}
    from study.anomaly import autoencoders, series

    windows = series.windows_of(series.synthetic("AAPL", 4_000).values / 10_000)
    for name in autoencoders.MODELS:
        model = autoencoders.build(name, 0)
        with tempfile.TemporaryDirectory() as scratch:
            autoencoders.fit(model, windows[:320], 1, 0, {}, Path(scratch))  # compiles
        with tempfile.TemporaryDirectory() as scratch:
            taken = seconds(lambda m=model, s=scratch: autoencoders.fit(m, windows, 1, 0, {}, Path(s)), 1)
        rows[f"{name}: one epoch of {len(windows):,} windows"] = taken
    width = max(map(len, rows))
    for name, taken in rows.items():
        print(f"{name:<{width}}  {np.median(taken):7.2f} s")
    content = json.dumps({name: taken for name, taken in rows.items()}, indent=1)
    write_atomically(paths.BUILD / "benchmarks.json", content.encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
