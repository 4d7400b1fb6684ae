"""Runs made again, each compared number beside its record: what `make reproduce` and `make audit` share."""

import json
import math
import os
import platform
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from study import parts, paths, profile, runs, sweep
from study.files import noted, write_atomically
from study.prose import join_list, significant


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


def rows_of(recorded: runs.Record, repeated: runs.Record) -> list[Row]:
    """The compared numbers of one run. Raises ValueError when the two are of different specs."""
    if recorded.spec != repeated.spec:
        raise ValueError(f"two records of different specs: {recorded.spec} and {repeated.spec}")
    compared = parts.of(recorded.spec).experiments.compared
    return [
        Row(runs.label(recorded.spec), name, old, new, tolerance)
        for (name, old, tolerance), (_, new, _) in zip(compared(recorded), compared(repeated), strict=True)
    ]


def recorded(wanted: Sequence[parts.Part], chosen: profile.Profile) -> list[runs.Record]:
    """The records of parts, which new runs are compared with. Raises ValueError if one is missing or damaged."""
    store = runs.Store(chosen.records)
    return [store.require(spec) for part in wanted for spec in part.experiments.specs(chosen)]


def smoke_run(part: parts.Part, chosen: profile.Profile) -> str:
    """A line on whether the part's small run came out again on this machine."""
    spec = part.experiments.smoke_run(chosen)
    again, recorded = runs.Store(chosen.smoke_runs).load(spec), runs.Store(chosen.records).load(spec)
    if again is None or recorded is None:
        return f"{part.key}: no smoke run was made here (its data are not at hand, or its model was changed)"
    rows = rows_of(recorded, again)
    agrees = "agrees with its record" if all(row.agrees for row in rows) else "DISAGREES with its record"
    numbers = [f"{r.quantity} {significant(r.repeated)} (recorded {significant(r.recorded)})" for r in rows]
    return f"{part.key}: the smoke run ({runs.label(spec)}) {agrees}: {join_list(numbers)}"


@dataclass(frozen=True)
class Reproduction:
    """Runs repeated on one machine: the part or `all`, on what, how long it took, and what came out.

    `device` is the one that computed longest, `workers` the runs at a time, `seconds` from the first start to the last
    end, `runs` the digests of their specs. `seed` is that of an audit's draw.
    """

    part: str
    device: str
    workers: int
    started: str
    seconds: float
    runs: tuple[str, ...]
    surroundings: dict
    rows: tuple[Row, ...]
    seed: int | None = None

    @property
    def differing(self) -> list[Row]:
        return [row for row in self.rows if not row.agrees]

    def write(self, folder: Path) -> Path:
        """Keep it: an audit beside the others, anything else in place of an earlier one of this part and device."""
        name = [self.part, self.device] if self.seed is None else [self.started.partition("+")[0], str(self.seed)]
        file = folder / f"{'-'.join(re.findall(r'[a-z0-9]+', ' '.join(name).lower()))}.json"
        write_atomically(file, (json.dumps(asdict(self), indent=1, allow_nan=False) + "\n").encode())
        return file

    @classmethod
    def read(cls, file: Path) -> "Reproduction":
        """What `write` wrote. Raises ValueError, KeyError or TypeError for anything else."""
        content = json.loads(file.read_text(encoding="utf-8"))
        rows = tuple(Row(**row) for row in content["rows"])
        return cls(**content | {"runs": tuple(content["runs"]), "rows": rows})


def summarised(
    part: str, repeated: Sequence[runs.Record], rows: Sequence[Row], workers: int, seed: int | None = None
) -> Reproduction:
    made = [record.provenance for record in repeated]
    spans = [(datetime.fromisoformat(one["started"]), timedelta(seconds=one["wall_seconds"])) for one in made]
    first, last = min(start for start, _ in spans), max(start + seconds for start, seconds in spans)
    device = pd.DataFrame(made).groupby("device", sort=False)["wall_seconds"].sum().idxmax()
    where = next(one for one in made if one["device"] == device)
    surroundings = {name: where[name] for name in ("threads", "python", "libraries", "commit")} | {"machine": machine()}
    specs = tuple(runs.digest(record.spec) for record in repeated)
    seconds = (last - first).total_seconds()
    return Reproduction(part, device, workers, first.isoformat(), seconds, specs, surroundings, tuple(rows), seed)


def machine() -> str:
    """This machine in words: processor, cores, memory; neither its name nor its owner's."""
    listed = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)$", listed.read_text(), flags=re.M) if listed.exists() else None
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{found[1] if found else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB"


def fresh_store(kept: str) -> runs.Store:
    """Where below build/ the runs lie that this checkout's code has made again."""
    return runs.Store(paths.BUILD / kept / sweep.project())


def begun(fresh: runs.Store, part: str) -> Path:
    """The file with the settings of a repetition, from its beginning to its end."""
    return fresh.folder / f"begun-{part}.json"


def repeat(
    part: str, recorded: Sequence[runs.Record], kept: str, workers: int, settings: dict, seed: int | None = None
) -> Reproduction:
    """Make runs again and compare them; where one of the same settings was interrupted, go on with it.

    Raises ValueError if a run fails, and for no worker.
    """
    fresh, threads = fresh_store(kept), sweep.threads_each(workers)
    note = begun(fresh, part)
    if noted(note) != settings:
        for record in recorded:
            fresh.file(record.spec).unlink(missing_ok=True)
        write_atomically(note, json.dumps(settings).encode())
    with sweep.workers(workers, None) as executor:
        sweep.check(sweep.sweep([record.spec for record in recorded], fresh, executor, threads, kept))
    repeated = [fresh.require(record.spec) for record in recorded]
    rows = [row for pair in zip(recorded, repeated, strict=True) for row in rows_of(*pair)]
    note.unlink()
    return summarised(part, repeated, rows, workers, seed)


def kept(*folders: Path) -> list[Reproduction]:
    """What `write` left in folders, a file of the same name once. Raises ValueError that names any other file."""
    found = []
    for file in {file.name: file for folder in folders for file in sorted(folder.glob("*.json"))}.values():
        try:
            found.append(Reproduction.read(file))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{file} holds no repeated runs ({error!r}); delete it and say the same again") from error
    return found


def audited(audits: Sequence[Reproduction], records: Sequence[runs.Record]) -> Counter[str]:
    """How many audits have made each record's run again since, by the digest of its spec."""
    made = {runs.digest(record.spec): record.provenance["started"] for record in records}
    return Counter(run for audit in audits for run in audit.runs if run in made and audit.started >= made[run])


def comparison(found: Reproduction) -> str:
    """The comparison as text, one line a number and one for all."""
    table = pd.DataFrame(
        {
            "run": row.run,
            "quantity": row.quantity,
            "recorded": f"{row.recorded:.6g}",
            "repeated": f"{row.repeated:.6g}",
            "difference": f"{row.difference:.2g}",
            "tolerance": f"{row.tolerance:.2g}",
            "verdict": "agrees" if row.agrees else "DIFFERS",
        }
        for row in found.rows
    )
    summary = f"{len(found.rows)} numbers compared, {len(found.differing)} outside their tolerance"
    return f"{table.to_string(index=False)}\n\n{summary}"
