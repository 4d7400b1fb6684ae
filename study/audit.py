"""`make audit`: runs drawn at random are made again, and each compared number stands beside its record.

What it finds goes to build/audits and, with --keep, to report/audits, whose coverage the report shows.
"""

import heapq
import random
import sys
from collections import Counter
from collections.abc import Sequence

from study import catalog, commands, parts, paths, profile, repeats, runs, sweep
from study.files import alone, noted
from study.prose import count, duration

KEPT = "audited"
"""Where below build/ the runs of an audit lie, by the digest of the code that made them."""


def draw(
    records: Sequence[runs.Record], audits: Sequence[repeats.Reproduction], seconds: float, workers: int, seed: int
) -> list[runs.Record]:
    """As many records at random as can be made again in so many seconds, by the times in them.

    Those that the fewest audits have made again come first, so every record's turn comes; among them the chance to be
    next grows with the training time (Efraimidis and Spirakis 2006, https://doi.org/10.1016/j.ipl.2005.11.003).
    """
    generator, done = random.Random(seed), repeats.audited(audits, records)
    found = {runs.digest(record.spec): record for record in records}
    turns = sorted((done[name], generator.expovariate(_seconds(found[name])), name) for name in sorted(found))
    busy, drawn = [0.0] * workers, []  # until when each worker is
    for record in (found[name] for *_, name in turns):
        if busy[0] + _seconds(record) <= seconds:
            heapq.heapreplace(busy, busy[0] + _seconds(record))
            drawn.append(record)
    return drawn


def _seconds(record: runs.Record) -> float:
    return max(record.provenance["wall_seconds"], 0.01)


def reason_against(record: runs.Record, seconds: float) -> str | None:
    """Why a record is not drawn from, if so."""
    if not parts.of(record.spec).experiments.compared(record):
        return "that hold times alone, which belong to a machine"
    if not catalog.at_hand(catalog.listed(record.spec["data"])):
        return "whose data are not here; `make data` gets them"
    if _seconds(record) > seconds:
        return f"longer than {duration(seconds)}; give more MINUTES"
    return None


def audit(
    wanted: Sequence[parts.Part], chosen: profile.Profile, minutes: float, workers: int, seed: int | None
) -> repeats.Reproduction:
    """Draw, make again, compare; an interrupted audit of these settings goes on with its draw. Raises ValueError."""
    settings = {
        "profile": [chosen.name, chosen.data], "parts": [part.key for part in wanted], "minutes": minutes,
        "workers": workers,
    }  # fmt: skip
    before = noted(repeats.begun(repeats.fresh_store(KEPT), "audit"))
    if seed is None:
        interrupted = before == settings | {"seed": before.get("seed")}
        seed = before["seed"] if interrupted else random.randrange(10**6)
    recorded = repeats.recorded(wanted, chosen)
    against = [reason_against(record, 60 * minutes) for record in recorded]
    for reason, number in Counter(filter(None, against)).items():
        print(f"left out: {count(number, 'run')} {reason}", flush=True)
    possible = [record for record, reason in zip(recorded, against, strict=True) if reason is None]
    drawn = draw(possible, repeats.kept(paths.BUILD / "audits", chosen.audits), 60 * minutes, workers, seed)
    if not drawn:
        raise ValueError(f"MINUTES={minutes:g}: no run fits")
    expected = duration(sum(map(_seconds, drawn)))
    print(f"SEED={seed} draws {len(drawn)} of {count(len(possible), 'run')}, which took {expected}", flush=True)
    found = repeats.repeat("audit", drawn, KEPT, workers, settings | {"seed": seed}, seed)
    found.write(paths.BUILD / "audits")
    return found


@commands.entry
def main(arguments: list[str] | None = None) -> int:
    parser = commands.parser("audit", __doc__)
    parser.add_argument("--minutes", type=float, default=10, help="as many runs as fit, by the times in their records")
    parser.add_argument("--seed", type=int, help="of the draw; without it a new one")
    parser.add_argument("--workers", type=int, default=sweep.WORKERS, help="runs at a time")
    parser.add_argument("--keep", action="store_true", help="add what is found to report/audits")
    given = parser.parse_args(arguments)
    chosen, wanted = commands.chosen(given)
    with alone(paths.BUILD / "locks" / "audit.lock", "an audit"):
        found = audit(wanted, chosen, given.minutes, given.workers, given.seed)
    print(repeats.comparison(found))
    if given.keep:
        print(f"{found.write(chosen.audits)}, which `make report` shows")
    return 1 if found.differing else 0


if __name__ == "__main__":
    sys.exit(main())
