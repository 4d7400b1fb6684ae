"""`make reproduce`: every run made again in a fresh store, and each compared number beside its record.

What it finds also goes to report/reproductions, a file for each part and device, which the report shows.
"""

import argparse
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from study import parts, paths, profile, runs, sweep
from study.files import write_atomically
from study.prose import join_list, significant

KEPT = "reproduced"
"""Where below build/ the runs of a reproduction lie, by the digest of the code that made them."""


@dataclass(frozen=True)
class Row:
    """One compared number: its record's value, the new one, and the absolute tolerance between them."""

    run: str
    quantity: str
    recorded: float
    repeated: float
    tolerance: float

    @property
    def difference(self) -> float:
        return abs(self.repeated - self.recorded)

    @property
    def agrees(self) -> bool:
        # Rounding in the difference itself must not decide.
        return self.difference <= self.tolerance * (1 + 1e-9)

    @property
    def share(self) -> float:
        """The difference as a share of the tolerance."""
        return self.difference / self.tolerance if self.tolerance else math.inf if self.difference else 0.0


def rows_of(part: parts.Part, recorded: runs.Record, repeated: runs.Record) -> list[Row]:
    """The compared numbers of one run. Raises ValueError when the two are of different specs."""
    if recorded.spec != repeated.spec:
        raise ValueError(f"two records of different specs: {recorded.spec} and {repeated.spec}")
    compared = part.experiments.compared
    return [
        Row(runs.label(recorded.spec), name, old, new, tolerance)
        for (name, old, tolerance), (_, new, _) in zip(compared(recorded), compared(repeated), strict=True)
    ]


def recorded_run(spec: dict, store: runs.Store) -> runs.Record:
    """The record that a new run is compared with. Raises ValueError if there is none."""
    found = store.load(spec)
    if found is None:
        raise ValueError(f"{runs.label(spec)} has no record in {store.folder}; run `make report` first.")
    return found


def smoke_run(part: parts.Part, chosen: profile.Profile) -> str:
    """A line on whether the part's small run came out again on this machine."""
    spec = part.experiments.smoke_run(chosen)
    again, recorded = runs.Store(chosen.smoke_runs).load(spec), runs.Store(chosen.records).load(spec)
    if again is None or recorded is None:
        return f"{part.key}: no smoke run was made here (its data are not at hand, or its model was changed)"
    rows = rows_of(part, recorded, again)
    agrees = "agrees with its record" if all(row.agrees for row in rows) else "DISAGREES with its record"
    numbers = [f"{r.quantity} {significant(r.repeated)} (recorded {significant(r.recorded)})" for r in rows]
    return f"{part.key}: the smoke run ({runs.label(spec)}) {agrees}: {join_list(numbers)}"


@dataclass(frozen=True)
class Reproduction:
    """Runs repeated on one machine: the part or `all`, on what, how long it took, and what came out.

    `device` is the one that computed longest, `workers` the runs at a time, `seconds` from the first start to the last
    end, `runs` the digests of their specs.
    """

    part: str
    device: str
    workers: int
    started: str
    seconds: float
    runs: tuple[str, ...]
    surroundings: dict
    rows: tuple[Row, ...]

    def write(self, folder: Path) -> Path:
        """Keep it, in place of an earlier one of this part and device."""
        name = "-".join([self.part, *re.findall(r"[a-z0-9]+", self.device.lower())])
        file = folder / f"{name}.json"
        write_atomically(file, (json.dumps(asdict(self), indent=1, allow_nan=False) + "\n").encode())
        return file

    @classmethod
    def read(cls, file: Path) -> "Reproduction":
        """What `write` wrote. Raises ValueError, KeyError or TypeError for anything else."""
        content = json.loads(file.read_text(encoding="utf-8"))
        rows = tuple(Row(**row) for row in content["rows"])
        return cls(**content | {"runs": tuple(content["runs"]), "rows": rows})


def summarised(part: str, repeated: Sequence[runs.Record], rows: Sequence[Row], workers: int) -> Reproduction:
    """A reproduction from its records and compared numbers."""
    busy, spans = Counter(), []
    for record in repeated:
        made = record.provenance
        start = datetime.fromisoformat(made["started"])
        spans.append((start, start + timedelta(seconds=made["wall_seconds"])))
        busy[made["device"]] += made["wall_seconds"]
    first, (device, _) = min(start for start, _ in spans), busy.most_common(1)[0]
    seconds = (max(end for _, end in spans) - first).total_seconds()
    where = next(r.provenance for r in repeated if r.provenance["device"] == device)
    surroundings = {name: where[name] for name in ("threads", "python", "libraries", "commit")}
    specs = tuple(runs.digest(record.spec) for record in repeated)
    return Reproduction(part, device, workers, first.isoformat(), seconds, specs, surroundings, tuple(rows))


def table(rows: list[Row]) -> str:
    """The comparison as text, one line a number."""
    frame = pd.DataFrame(
        {
            "run": [r.run for r in rows],
            "quantity": [r.quantity for r in rows],
            "recorded": [f"{r.recorded:.6g}" for r in rows],
            "repeated": [f"{r.repeated:.6g}" for r in rows],
            "difference": [f"{r.difference:.2g}" for r in rows],
            "tolerance": [f"{r.tolerance:.2g}" for r in rows],
            "verdict": ["agrees" if r.agrees else "DIFFERS" for r in rows],
        }
    )
    return frame.to_string(index=False)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m study.reproduce", description=__doc__)
    parser.add_argument("--profile", default="full")
    parser.add_argument("--part")
    parser.add_argument("--workers", type=int, default=sweep.WORKERS, help="runs at a time")
    given = parser.parse_args(arguments)
    try:
        chosen = profile.load(given.profile)
        wanted = (parts.find(given.part),) if given.part else parts.PARTS
        store, fresh = runs.Store(chosen.records), runs.Store(paths.BUILD / KEPT / sweep.project())
        # Read before the trainings: a record that is missing is reported now, not hours later.
        recorded = [(part, [recorded_run(spec, store) for spec in part.experiments.specs(chosen)]) for part in wanted]
        report = fresh.folder / f"report-{chosen.name}-{given.part or 'all'}.txt"
        # An interrupted reproduction goes on; a finished one starts over.
        if report.exists():
            for _, records in recorded:
                for record in records:
                    fresh.file(record.spec).unlink(missing_ok=True)
            report.unlink()
        threads = sweep.threads_each(given.workers)
        with sweep.workers(given.workers, None) as executor:
            failed = [
                reason
                for part, records in recorded
                for reason in sweep.sweep(part, [r.spec for r in records], fresh, executor, threads, KEPT)
            ]
        if failed:
            return sweep.exit_code(failed)
        pairs = [(part, r, fresh.load(r.spec)) for part, records in recorded for r in records]
        rows = [row for pair in pairs for row in rows_of(*pair)]
        found = summarised(given.part or "all", [repeated for _, _, repeated in pairs], rows, given.workers)
        shown = found.write(chosen.reproductions)
    except (ValueError, OSError, sweep.RunError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    differing = sum(not row.agrees for row in rows)
    summary = f"{len(rows)} numbers compared, {differing} outside their tolerance"
    write_atomically(report, f"{table(rows)}\n\n{summary}\n".encode())
    print(f"{table(rows)}\n\n{summary}\n{report}\n{shown}, which `make report` shows")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
