"""What the parts' laboratories share: a part's kept records, and the curves of a training."""

from collections.abc import Callable, Iterable, Sequence

import pandas as pd

from study import parts, runs
from study.profile import Profile
from study.runs import Record

NOT_JUDGED = "not judged here"


def kept(
    profile: Profile, specs: Iterable[dict], part: str, load: Callable[[dict], Record | None] | None = None
) -> list[Record]:
    """Those records of a part, named as in a sentence, that are kept; `load` finds one, by default drafts too.

    Raises ValueError if there are none.
    """
    load = load or runs.Store(profile.records, profile.drafts).load
    found = [record for record in map(load, specs) if record is not None]
    if not found:
        verb = "make quick" if profile.name == "quick" else "make report"
        raise ValueError(f"There are no records of {part} in {profile.records} yet: run `{verb}` first.")
    return found


def statuses(key: str, records: Sequence[Record]) -> dict[str, str]:
    """The verdict on each claim about a part, by name, from the part's records; none on data of one's own."""
    part = parts.find(key)
    if not all(runs.can_be_judged(record.spec) for record in records):
        return dict.fromkeys(part.judges.CLAIMS, NOT_JUDGED)
    return {name: verdict.status for name, verdict in part.claims(records).items()}


def history(record: Record, *names: str) -> pd.DataFrame:
    """What a record holds of each epoch (from 1), such as `loss`: a column a name."""
    columns = {name: record.arrays[f"history_{name}"] for name in names}
    return pd.DataFrame(columns, index=pd.RangeIndex(1, len(columns[names[0]]) + 1, name="epoch"))
