"""A series of one's own, read from a CSV file where its text has one meaning.

What has two meanings is refused with file, line and remedy; what was read into it is noted in words.
"""

import re
from pathlib import Path

import pandas as pd

from study.catalog import DataError
from study.own_data import cells_of, numbers, refuse_cells
from study.prose import join_list

_EPOCH = r"\d{10}(?:\.\d+)?|\d{13}"
_LOOKS_LIKE_TIME = re.compile(
    rf"\d{{1,4}}[-./]\d{{1,2}}[-./]\d{{1,4}}|\d{{8}}T|\d{{1,2}}[ -][A-Za-z]{{3}}|[A-Za-z]{{3,9}} \d|(?:{_EPOCH})$"
)
_CLOCK = r"\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[AaPp][Mm])?"
_TWO_ORDERS = r"^(\d{1,2})[-./](\d{1,2})[-./](\d{4})(?:[ ,T]+(.*))?$"
_YEAR_OR_MONTH = r"^\d{4}[-./]?\d{1,2}|[A-Za-z]{3}.*\d{4}"
_OFFSET = r"\d:\d\d.*?(?:Z|[+-]\d\d(?::?\d\d)?)$"


def read(file: str | Path) -> pd.DataFrame:
    """The columns `timestamp` (datetime64, UTC where it has offsets) and `value` (float64, NaN where empty) of a file.

    Rows are indexed by their lines, counted from 1; `attrs["notes"]` says what was read into it. Raises
    catalog.DataError, naming file, line and remedy.
    """
    file, notes = Path(file), []
    delimiter, names, cells = _table(file, notes)
    times, values = _columns(file, names, cells, notes)
    table = pd.DataFrame({"timestamp": _times(times, file, notes), "value": numbers(values, delimiter, file, notes)})
    table.attrs |= {"file": str(file), "notes": notes}
    return table


def _table(file: Path, notes: list[str]) -> tuple[str, list[str], pd.DataFrame]:
    """Delimiter, names of the columns and cells of a file, indexed by line."""
    delimiter, _, names, rows = cells_of(file, notes, _is_header)
    if not rows or len(set(names)) < len(names):
        fault = f"names a column twice: {', '.join(names)}" if rows else "holds no row"
        raise DataError(f"{file} {fault}. Give it a header and rows such as 2015-02-26 21:42:53,104.")
    return delimiter, names, pd.DataFrame.from_dict(rows, orient="index", columns=names)


def _is_header(first: list[str]) -> bool:
    return not any(_LOOKS_LIKE_TIME.match(cell) or re.fullmatch(r"[\d.,+-]+", cell) for cell in first)


def _columns(file: Path, names: list[str], cells: pd.DataFrame, notes: list[str]) -> tuple[pd.Series, pd.Series]:
    """The columns of times, a date joined with its clock, and of values: called so, or the only ones that look so."""
    first = cells.iloc[0]
    looks = {
        "timestamp": [n for n in names if _LOOKS_LIKE_TIME.match(first[n])],
        "value": [n for n in names if re.fullmatch(r"[\d\s.,'eE+-]+", first[n])],
    }
    chosen = []
    for role, found in looks.items():
        named = [name for name in names if name.lower() == role]
        found = named or [name for name in found if name not in chosen]
        if not named and len(names) == 2 and chosen:
            found = [name for name in names if name not in chosen]
        if len(found) != 1:
            raise DataError(
                f"{file} has {len(found) or 'no'} columns that may be the {role}"
                f"{': ' * bool(found)}{', '.join(found)}; all: {', '.join(names)}. Name one of them '{role}'."
            )
        chosen += found
    (time, value), times = chosen, cells[chosen[0]]
    clocks = [name for name in names if re.fullmatch(_CLOCK, first[name])]
    if len(clocks) == 1 and ":" not in first[time]:
        times = times + " " + cells[clocks[0]]
        chosen.insert(1, clocks[0])
    if len(names) > 2:
        notes.append(f"columns {join_list(chosen)} of {len(names)}")
    return times, cells[value]


def _times(cells: pd.Series, file: Path, notes: list[str]) -> pd.Series:
    def parsed(texts: pd.Series) -> pd.Series:
        return pd.to_datetime(texts, format="mixed", errors="coerce", utc=True).dt.tz_localize(None)

    if cells.str.fullmatch(_EPOCH).all():
        notes.append("times are seconds or milliseconds since 1970, UTC")
        seconds = pd.to_numeric(cells)
        return pd.to_datetime(seconds.where(seconds < 1e11, seconds / 1000), unit="s").astype("datetime64[us]")
    offset = cells.str.contains(_OFFSET)
    if offset.any():
        refuse_cells(cells, ~offset, file, "time", "an offset, as other lines have", "Add it.")
        notes.append("times with an offset are in UTC")
    orders = cells.str.extract(_TWO_ORDERS)
    both = orders[0].notna()
    refuse_cells(
        cells, ~both & ~cells.str.contains(_YEAR_OR_MONTH), file, "time", "a time such as 2015-02-26 21:42:53",
        "Write it so, with a year of four digits.",
    )  # fmt: skip
    if not both.any():
        times = parsed(cells)
        refuse_cells(cells, times.isna(), file, "time", "a time such as 2015-02-26 21:42:53", "Correct the line.")
        return times
    readings = {}
    for name, day, month in (("day first", 0, 1), ("month first", 1, 0)):
        iso = orders[2] + "-" + orders[month].str.zfill(2) + "-" + orders[day].str.zfill(2)
        readings[name] = parsed((iso + " " + orders[3].fillna("00:00")).where(both, cells))
    whole = {name: times for name, times in readings.items() if times.notna().all()}
    if not whole:
        least = min(readings.values(), key=lambda times: times.isna().sum())
        refuse_cells(
            cells, least.isna(), file, "time", "a date in the order of the other lines", "Write 2015-02-26 21:42."
        )
    # A date that may be two days is read as the one that leaves the smaller hole beside its neighbours.
    holes = {name: times.diff().abs().max() for name, times in whole.items()}
    if (
        len(whole) == 2
        and holes["day first"] == holes["month first"]
        and not whole["day first"].equals(whole["month first"])
    ):
        refuse_cells(cells, both, file, "time", "a date of one meaning (day or month first?)", "Write 2015-02-26.")
    best = min(holes, key=holes.get)
    notes.append(f"dates are read {best}")
    return whole[best]
