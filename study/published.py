"""What others published: the original report's numbers and claims, and public references (data/published.toml)."""

import tomllib
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import cache

import pandas as pd

from study import paths, verdicts
from study.prose import number, percent, scientific, significant
from study.verdicts import Judged, Kind


@cache
def everything() -> dict:
    """The whole of data/published.toml."""
    return tomllib.loads(paths.PUBLISHED.read_text(encoding="utf-8"))


@cache
def _entries() -> dict[str, dict]:
    """Every number of the original by its key, with all its digits, those that are zero too."""

    def below(found: dict, key: str) -> Iterator[tuple[str, dict]]:
        if "value" in found:
            yield key, found
        for name, inner in found.items():
            if isinstance(inner, dict):
                yield from below(inner, f"{key}.{name}".removeprefix("."))

    return dict(below(tomllib.loads(paths.PUBLISHED.read_text(encoding="utf-8"), parse_float=Decimal), ""))


def _entry(key: str) -> dict:
    if key not in _entries():
        raise KeyError(f"{key} is not in {paths.PUBLISHED}")
    return _entries()[key]


def value(key: str) -> float:
    """A number of the original, such as `part2.base.train_loss`. Raises KeyError that names the key, as the next do."""
    written = _entry(key)["value"]
    return written if isinstance(written, int) else float(written)


def where(key: str) -> str:
    """The place of a number in the original's text."""
    return _entry(key)["where"]


def rounding(key: str) -> float:
    """Half a unit of a number's last printed digit: 0.00005 of 0.0017; 0 of a whole number."""
    written = _entry(key)["value"]
    return 0.0 if isinstance(written, int) else float(Decimal(5).scaleb(written.as_tuple().exponent - 1))


def printed(key: str, show: Callable[[float], str] = significant) -> str:
    """A number with the original's own digits, as a percentage or power of ten where `show` gives one."""
    written, shown = _entry(key)["value"], show(value(key))
    if isinstance(written, int):
        return shown
    decimals = -written.as_tuple().exponent
    if shown.endswith("%"):
        return percent(float(written), max(decimals - 2, 0))
    if "×" in shown:
        return scientific(float(written), len(written.as_tuple().digits) - 1)
    return number(float(written), decimals)


def numbers(section: str) -> list[str]:
    """The keys of all numbers of a section, such as `part2`, in the file's order; none for a section that is not there.

    A section is a part of the original report. Numbers that only repeat another one (`repeats`) are left out.
    """
    return [key for key, entry in _of(section) if "repeats" not in entry]


def repeats(section: str) -> dict[str, str]:
    """Numbers of a section that say another one over again, in another unit or by an identity, with its key."""
    return {key: entry["repeats"] for key, entry in _of(section) if "repeats" in entry}


def _of(section: str) -> list[tuple[str, dict]]:
    return [(key, entry) for key, entry in _entries().items() if key.startswith(f"{section}.")]


def judge(
    key: str,
    model: str,
    quantity: str,
    values: Sequence[float],
    kind: Kind,
    show: Callable[[float], str] = significant,
    obstacle: str | None = None,
    cause: str = "",
) -> Judged:
    """A number of the original, judged by what our seeds give (`values`); see `study.verdicts`.

    `values` may be empty if there is an obstacle. Raises KeyError for an unknown number.
    """
    decided = verdicts.of_number(value(key), values, kind, rounding(key), obstacle, cause)
    interval = None if kind is Kind.FACT else verdicts.prediction_interval(values, kind)
    return Judged(
        key, model, quantity, kind, value(key), tuple(values), interval, decided, cause, show, printed(key, show)
    )


def claim(name: str) -> str:
    """The words of a claim of the original. Raises KeyError that names the claim."""
    if name not in everything()["claims"]:
        raise KeyError(f"claims.{name} is not in {paths.PUBLISHED}")
    return everything()["claims"][name]["text"]


def table(name: str) -> pd.DataFrame:
    """A list of public references: `ag_news` or `networks`."""
    return pd.DataFrame(everything()[name])
