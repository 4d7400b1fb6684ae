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
def _as_printed() -> dict:
    """The same with all digits of a number, those that are zero too."""
    return tomllib.loads(paths.PUBLISHED.read_text(encoding="utf-8"), parse_float=Decimal)


def value(key: str) -> float:
    """A number of the original, such as `part2.base.train_loss`. Raises KeyError that names the key."""
    return _entry(everything(), key)["value"]


def where(key: str) -> str:
    """The place of a number in the original's text. Raises KeyError that names the key."""
    return _entry(everything(), key)["where"]


def rounding(key: str) -> float:
    """Half a unit of a number's last printed digit: 0.00005 of 0.0017; 0 of a whole number. Raises KeyError."""
    printed = _entry(_as_printed(), key)["value"]
    return 0.0 if isinstance(printed, int) else float(Decimal(5).scaleb(printed.as_tuple().exponent - 1))


def printed(key: str, show: Callable[[float], str] = significant) -> str:
    """A number with the original's own digits, as a percentage or power of ten where `show` gives one. KeyError."""
    written = _entry(_as_printed(), key)["value"]
    if isinstance(written, int):
        return show(written)
    decimals, shown = -written.as_tuple().exponent, show(float(written))
    if shown.endswith("%"):
        return percent(float(written), max(decimals - 2, 0))
    if "×" in shown:
        return scientific(float(written), len(written.as_tuple().digits) - 1)
    return number(float(written), decimals)


def _entry(found: dict, key: str) -> dict:
    for step in key.split("."):
        if not isinstance(found, dict) or step not in found:
            raise KeyError(f"{key} is not in {paths.PUBLISHED}")
        found = found[step]
    return found


def numbers(section: str) -> list[str]:
    """The keys of all numbers of a section, such as `part2`, in the file's order; none for a section that is not there.

    A section is a part of the original report. Numbers that only repeat another one (`repeats`) are left out.
    """
    return [key for key in _keys(section) if "repeats" not in _entry(everything(), key)]


def repeats(section: str) -> dict[str, str]:
    """Numbers of a section that say another one over again, in another unit or by an identity, with its key."""
    found = {key: _entry(everything(), key).get("repeats") for key in _keys(section)}
    return {key: other for key, other in found.items() if other}


def _keys(section: str) -> list[str]:
    def below(found: dict, key: str) -> Iterator[str]:
        if "value" in found:
            yield key
        for name, inner in found.items():
            if isinstance(inner, dict):
                yield from below(inner, f"{key}.{name}")

    return list(below(everything().get(section, {}), section))


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
    original, half_unit = value(key), rounding(key)
    decided = verdicts.of_number(original, values, kind, half_unit, obstacle, cause)
    seeded = kind is not Kind.FACT and len(values) > 0
    interval = verdicts.prediction_interval(values, kind) if seeded else None
    return Judged(
        key, model, quantity, kind, original, tuple(values), interval, decided, cause, show, printed(key, show)
    )


def claim(name: str) -> str:
    """The words of a claim of the original. Raises KeyError that names the claim."""
    if name not in everything()["claims"]:
        raise KeyError(f"claims.{name} is not in {paths.PUBLISHED}")
    return everything()["claims"][name]["text"]


def nab_detectors() -> pd.DataFrame:
    """NAB's own results on Twitter_volume_AAPL, standard profile, indexed by detector."""
    return pd.DataFrame(everything()["nab"]).set_index("detector")


def table(name: str) -> pd.DataFrame:
    """A list of public references: `protocol`, `nab_events`, `ag_news` or `networks`."""
    return pd.DataFrame(everything()[name])
