"""What others published: the original report's numbers and claims, and public references (data/published.toml)."""

import tomllib
from functools import cache

import pandas as pd

from study import paths


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
