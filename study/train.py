"""Make runs of one part: `python -m study.train --part part2`. One process per part, so one framework per process."""

import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from study import catalog, commands, drafts, parts, profile, runs

DRAFT_SECONDS = 600
"""How long `make report` makes runs of models that were changed, by the time that their records took."""


def make_missing(part: parts.Part, chosen: profile.Profile, store: runs.Store) -> None:
    """Make every run of a part that the store lacks; of models that were changed those that fit DRAFT_SECONDS."""
    specs = part.experiments.specs(chosen)
    missing = store.missing(specs)
    changed = [spec for spec in missing if store.before(spec) is not None]
    new = [spec for spec in missing if spec not in changed]
    if not missing:
        print(f"{part.key}: all {len(specs)} records are in {store.folder}", flush=True)
    if new:
        print(f"{part.key}: making {len(new)} runs into {store.target(new[0]).folder}", flush=True)
        store.get_all(new, part.experiments.train)
    if changed:
        make_drafts(part, changed, store)


def make_drafts(part: parts.Part, changed: Sequence[dict], store: runs.Store, limit: float = DRAFT_SECONDS) -> None:
    """Make the runs of changed models that fit the limit (in seconds), all first seeds before all second ones."""
    print(f"{part.key}: {drafts.names(changed)} changed; making runs for a draft, at most {limit:g} s", flush=True)
    start = time.perf_counter()
    for spec in sorted(changed, key=lambda spec: spec["seed"]):
        if time.perf_counter() - start + drafts.expected_seconds([spec], store) <= limit:
            store.get_all([spec], part.experiments.train)


def make_smoke_run(part: parts.Part, chosen: profile.Profile) -> None:
    """Make the part's small run again on this machine, if its data are at hand; the report compares the records."""
    spec = part.experiments.smoke_run(chosen)
    shutil.rmtree(chosen.smoke_runs / spec["task"], ignore_errors=True)
    if not catalog.at_hand(catalog.listed(spec["data"])):
        print(f"{part.key}: no smoke run, its data are not on this machine", flush=True)
        return
    print(f"{part.key}: smoke run ({runs.label(spec)})", flush=True)
    runs.Store(chosen.smoke_runs).get(spec, part.experiments.train)


def check_digests(part: parts.Part, chosen: profile.Profile, store: runs.Store) -> None:
    """Raise catalog.DataError, with the remedy, for a record of other data than the catalog names now."""
    for spec in part.experiments.specs(chosen):
        record = store.load(spec)
        for name, was in (record.provenance["data"] if record else {}).items():
            if catalog.digests([name])[name] != was:
                raise catalog.DataError(
                    f"{store.file(spec)} was made from another {name} than data/catalog.toml names. "
                    "Delete such records and run `make report`, which makes them again, or restore the catalog."
                )


@commands.entry
def main(arguments: list[str] | None = None) -> None:
    parser = commands.parser("train", __doc__, part_required=True)
    parser.add_argument("--store", type=Path, help="another run store than the profile's")
    parser.add_argument("--smoke-run", action="store_true", help="make the part's smoke run too")
    parser.add_argument("--spec", type=json.loads, help="make this one run alone, given as JSON")
    given = parser.parse_args(arguments)
    chosen, (part,) = commands.chosen(given)
    store = runs.Store(given.store) if given.store else runs.Store(chosen.records, chosen.drafts)
    if given.spec:
        store.get(given.spec, part.experiments.train)
        return
    check_digests(part, chosen, store)
    make_missing(part, chosen, store)
    if given.smoke_run:
        make_smoke_run(part, chosen)


if __name__ == "__main__":
    sys.exit(main())
