"""What a reader has changed: models whose committed records no longer fit, and the runs that a draft still lacks.

`make adopt PART=part2` (`python -m study.drafts`) takes a complete draft's runs over into the committed records.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from study import commands, parts, profile, runs
from study.prose import count, duration


@dataclass(frozen=True)
class Draft:
    """A part with changed models: the specs that have no committed record, and those of them not made here either."""

    part: parts.Part
    changed: tuple[dict, ...]
    missing: tuple[dict, ...]
    seconds: float  # that the missing runs should take, by their earlier records

    def summary(self) -> str:
        """In a sentence or two, what has changed, what was made, and the command for the rest."""
        made = len(self.changed) - len(self.missing)
        changed = (
            f"{self.part.short_title}: {names(self.changed)} changed, {made} of {count(len(self.changed), 'run')} made."
        )
        if not self.missing:
            return f"{changed} `make adopt PART={self.part.key}` takes them over into the records."
        return f"{changed} The rest takes about {duration(self.seconds)}: `make sweep PART={self.part.key}`."


def of(part: parts.Part, chosen: profile.Profile) -> Draft | None:
    """The draft of a part; None where every run has a committed record, or is on the user's own data."""
    store = runs.Store(chosen.records, chosen.drafts)
    specs = [spec for spec in part.experiments.specs(chosen) if not runs.of_ones_own(spec)]
    changed = runs.Store(chosen.records).missing(specs)
    missing = store.missing(changed)
    return Draft(part, tuple(changed), tuple(missing), expected_seconds(missing, store)) if changed else None


def names(specs: Sequence[dict]) -> str:
    return ", ".join(dict.fromkeys(spec["model"] for spec in specs))


def expected_seconds(specs: Sequence[dict], store: runs.Store) -> float:
    """How long runs should take, by the records of their models' earlier definitions."""
    earlier = (store.before(spec) for spec in specs)
    return sum(record.provenance["wall_seconds"] for record in earlier if record is not None)


def adopt(part: parts.Part, chosen: profile.Profile) -> int:
    """Put the draft's records in the place of the earlier ones; returns how many. Raises ValueError if some lack."""
    draft = of(part, chosen)
    if draft is None:
        return 0
    if draft.missing:
        raise ValueError(draft.summary())
    store, committed = runs.Store(chosen.records, chosen.drafts), runs.Store(chosen.records)
    for spec in draft.changed:
        committed.replace(store.require(spec))
    return len(draft.changed)


@commands.entry
def main(arguments: list[str] | None = None) -> None:
    chosen, (part,) = commands.chosen(commands.parser("drafts", __doc__, part_required=True).parse_args(arguments))
    print(f"{count(adopt(part, chosen), 'record')} taken over into {chosen.records}")


if __name__ == "__main__":
    sys.exit(main())
