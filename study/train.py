"""Make runs of one part: `python -m study.train --part part2`. One process per part, so one framework per process."""

import argparse
import json
import shutil
import sys
from pathlib import Path

from study import catalog, parts, profile, runs


def missing(part: parts.Part, chosen: profile.Profile, store: runs.Store) -> list[dict]:
    """The specs of a part that have no sound record in a store."""
    return [spec for spec in part.module().specs(chosen) if store.load(spec) is None]


def make_missing(part: parts.Part, chosen: profile.Profile, store: runs.Store) -> None:
    """Make every run of a part that the store lacks."""
    wanted = missing(part, chosen, store)
    if not wanted:
        print(f"{part.key}: all {len(part.module().specs(chosen))} records are in {store.folder}", flush=True)
        return
    print(f"{part.key}: making {len(wanted)} runs into {store.folder}", flush=True)
    store.get_all(wanted, part.module().train)


def make_sentinel(part: parts.Part, chosen: profile.Profile) -> None:
    """Make the part's small run again on this machine, if its data are at hand; the report compares the records."""
    spec = part.module().sentinel(chosen)
    shutil.rmtree(chosen.sentinels / spec["task"], ignore_errors=True)
    if not catalog.at_hand(catalog.listed(spec["data"])):
        print(f"{part.key}: no sentinel run, its data are not on this machine", flush=True)
        return
    print(f"{part.key}: sentinel run ({runs.label(spec)})", flush=True)
    runs.Store(chosen.sentinels).get(spec, part.module().train)


def check_digests(part: parts.Part, chosen: profile.Profile, store: runs.Store) -> None:
    """Refuse records that were made from other data than the catalog names now.

    Raises catalog.DataError that names the record, the file and the remedy.
    """
    for spec in part.module().specs(chosen):
        record = store.load(spec)
        for name, was in (record.provenance["data"] if record else {}).items():
            if catalog.digests([name])[name] != was:
                raise catalog.DataError(
                    f"{store.file(spec)} was made from another {name} than data/catalog.toml names. "
                    "Delete such records and run `make report`, which makes them anew, or restore the catalog."
                )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m study.train", description=__doc__)
    parser.add_argument("--part", required=True)
    parser.add_argument("--profile", default="full")
    parser.add_argument("--store", type=Path, help="another run store than the profile's")
    parser.add_argument("--sentinel", action="store_true", help="make the part's sentinel run too")
    parser.add_argument("--spec", type=json.loads, help="make this one run alone, given as JSON")
    given = parser.parse_args(arguments)
    try:
        part, chosen = parts.find(given.part), profile.load(given.profile)
        store = runs.Store(given.store or chosen.records)
        if given.spec:
            store.get(given.spec, part.module().train)
            return 0
        check_digests(part, chosen, store)
        make_missing(part, chosen, store)
        if given.sentinel:
            make_sentinel(part, chosen)
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
