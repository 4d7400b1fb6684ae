"""Runs every section in a process of its own, because TensorFlow and PyTorch do not share one, and writes
report/benchmarks.json when all are done."""

import argparse
import importlib
import json
import resource
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from study import environment, paths, profile, runs
from study.files import write_atomically

SECTIONS = ("build", "transformer", "keras_models", "images")
"""Modules of this package. `transformer` goes before `keras_models`, which trains on the texts that it leaves."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m study.bench", description=__doc__)
    parser.add_argument("--section", choices=SECTIONS, help="measure one section into WORK alone")
    parser.add_argument("--work", type=Path)
    given = parser.parse_args(arguments)
    if given.section:
        write_atomically(given.work / f"{given.section}.json", json.dumps(measured(given.section, given.work)).encode())
        return 0
    found = {}
    with tempfile.TemporaryDirectory() as work:
        for number, section in enumerate(SECTIONS, start=1):
            print(f"[{number}/{len(SECTIONS)}] {section}", flush=True)
            command = environment.command("study.bench", "--section", section, "--work", work)
            done = subprocess.run(command, cwd=paths.ROOT)
            if done.returncode:
                print(f"error: the section {section} failed; {paths.BENCHMARKS} is as it was", file=sys.stderr)
                return 1
            found[section] = json.loads((Path(work) / f"{section}.json").read_text(encoding="utf-8"))
    write_atomically(paths.BENCHMARKS, (json.dumps(found, indent=1) + "\n").encode())
    print(f"Wrote {paths.BENCHMARKS.relative_to(paths.ROOT)}; `make report` shows it.")
    return 0


def measured(section: str, work: Path) -> dict:
    """What one section measures, the peak memory of its largest process (bytes), and where and when it ran."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    found = importlib.import_module(f"study.bench.{section}").measure(profile.load("full"), work)
    largest = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    peak = largest * (1 if sys.platform == "darwin" else 1024)
    return found | {"peak_bytes": peak, "started": started} | runs.surroundings()


if __name__ == "__main__":
    sys.exit(main())
