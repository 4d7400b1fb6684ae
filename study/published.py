"""What others published: the original report's numbers and claims, and public references (data/published.toml)."""

import tomllib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from statistics import fmean

import numpy as np
import pandas as pd

from study import paths
from study.prose import Judged, significant, verdict


@cache
def everything() -> dict:
    """The whole of data/published.toml as written."""
    return tomllib.loads(paths.PUBLISHED.read_text(encoding="utf-8"))


def value(key: str) -> float:
    """A number of the original, such as `part2.base.train_loss`. Raises KeyError that names the key."""
    found = everything()
    for step in key.split("."):
        if not isinstance(found, dict) or step not in found:
            raise KeyError(f"{key} is not in {paths.PUBLISHED}")
        found = found[step]
    return found["value"]


def numbers(section: str) -> list[str]:
    """The keys of all numbers of a section, such as `part2`, in the file's order; none for a section that is not there.

    A section is a part of the original report.
    """

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
    tolerance: float,
    centre: Callable[[Sequence[float]], float] = fmean,
    show: Callable[[float], str] = significant,
    obstacle: str | None = None,
    cause: str = "",
) -> Judged:
    """A number of the original, judged by the `centre` of what the seeds give; see `study.prose.verdict`.

    `values` may be empty if there is an obstacle.
    """
    said, ours = value(key), centre(values) if len(values) else None
    decided = verdict(said, ours, tolerance, obstacle, cause, show)
    return Judged(model, quantity, said, tuple(values), decided, ours, key, tolerance, show)


def claim(name: str) -> str:
    """The words of a claim of the original. Raises KeyError that names the claim."""
    if name not in everything()["claims"]:
        raise KeyError(f"claims.{name} is not in {paths.PUBLISHED}")
    return everything()["claims"][name]["text"]


def tolerance(own: float, values: Sequence[float]) -> float:
    """`own`, or half the interquartile range over seeds where that is wider.

    Unlike the whole range, it grows neither with the number of seeds nor with one training that fails.
    """
    low, high = np.percentile(values, (25, 75))
    return max(own, float(high - low) / 2)


def with_verdict(name: str, status: str) -> str:
    """A claim of the original in its own words, and the verdict on it, as Markdown."""
    return f"*Published: “{claim(name)}”* — **{status.capitalize()}**"


def nab_detectors() -> pd.DataFrame:
    """NAB's own results on Twitter_volume_AAPL, standard profile, indexed by detector."""
    return pd.DataFrame(everything()["nab"]).set_index("detector")


def table(name: str) -> pd.DataFrame:
    """A list of public references: `protocol`, `nab_events`, `ag_news` or `networks`."""
    return pd.DataFrame(everything()[name])
