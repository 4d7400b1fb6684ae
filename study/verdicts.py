"""Verdicts on the original: one rule for its numbers and one set of words for its claims, the same in every part.

A number that a training gave is asked whether it could be one more training beside ours. *Reproduced*: it lies in the
95% prediction interval for one more seed (`prediction_interval`). *Close*: outside, but near (`NEAR`). Else it is *not
reproduced*; *not comparable*, where an obstacle stands between the two. With fewer than `LEAST` seeds there is no
interval, and close is the best a number can be. A published number stands for all that round to it.

A fact (a statistic of the data, a number of parameters) follows from data and definition alone: it is *exact* or *not
exact* to the digits printed, and is tallied apart.

A claim is *confirmed* or *contradicted* by a measurement that decides, *partly confirmed* if a part of what it says
holds or if it depends on the seed, *unclear* if the measurement does not decide, *not tested* if there is none.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median

import numpy as np
from scipy import stats

from study.evaluation import share_interval
from study.prose import significant, within

EXACT, NOT_EXACT = "exact", "not exact"
REPRODUCED, CLOSE, NOT_REPRODUCED, NOT_COMPARABLE = "reproduced", "close", "not reproduced", "not comparable"
CONFIRMED, PARTLY, UNCLEAR = "confirmed", "partly confirmed", "unclear"
CONTRADICTED, NOT_TESTED = "contradicted", "not tested"


class Kind(Enum):
    """What a number is, which decides how it is judged."""

    FACT = "fact"
    LOSS = "loss"
    COUNT = "count"
    SHARE = "share"
    """An accuracy, another score between 0 and 1, as a fraction."""


LEAST = 3
"""Seeds that an interval needs: with two, Student's factor is 12.7 and the interval excludes nothing."""
COLLAPSED = 5.0
"""A loss above so many times the median over seeds is that of a training that failed; it widens no interval."""
NEAR = {Kind.LOSS: 0.10, Kind.COUNT: 0.10, Kind.SHARE: 0.01}
"""How far the median over seeds may lie from a number that is close: relative to it; for shares in their own unit."""
CLAIM_LEVEL = 0.05
"""The level of tests that compare seeds of two models."""


@dataclass(frozen=True)
class Verdict:
    """A status and the reason for it: of a number a phrase, of a claim plain sentences."""

    status: str
    reason: str


@dataclass(frozen=True)
class Judged:
    """A published number beside what our seeds give; `study.published.judge` makes it.

    `key` is its place in data/published.toml. `values` has one entry a seed, none if there is nothing to compare;
    `interval` is that for one more seed. `cause` is what is known of a difference; `show` puts a value into words, and
    `printed` is the published one with the original's own digits.
    """

    key: str
    model: str
    quantity: str
    kind: Kind
    published: float
    values: tuple[float, ...]
    interval: tuple[float, float] | None
    verdict: Verdict
    cause: str
    show: Callable[[float], str]
    printed: str

    @property
    def regenerated(self) -> float:
        """The median over seeds. Raises ValueError if there is none."""
        return median(self.values)


def prediction_interval(values: Sequence[float], kind: Kind) -> tuple[float, float] | None:
    """The ends between which one more seed lies with a probability of 95%; None for fewer than LEAST values.

    Student's interval with n - 1 degrees of freedom, m ± t s √(1 + 1/n): of losses on a logarithmic scale, of counts,
    which may be 0, on that of count + 1, of shares as they are. Collapsed trainings are left out. Shares end at 0 and
    1, counts at 0. Raises ValueError for a loss of 0 or below, and for a fact, which does not depend on a seed.
    """
    if kind is Kind.FACT:
        raise ValueError("a fact has no interval: it does not depend on a seed")
    if kind is Kind.LOSS and min(values, default=1) <= 0:
        raise ValueError(f"a loss must be above 0 to be judged on a logarithmic scale, not {min(values)}")
    kept = [value for value in values if value not in collapsed(values, kind)]
    if len(kept) < LEAST:
        return None
    scaled, back = {Kind.LOSS: (np.log, math.exp), Kind.COUNT: (np.log1p, math.expm1)}.get(kind, (np.asarray, float))
    found, n = np.asarray(scaled(kept), dtype=np.float64), len(kept)
    half = float(stats.t.ppf(0.975, n - 1) * found.std(ddof=1) * math.sqrt(1 + 1 / n))
    low, high = back(found.mean() - half), back(found.mean() + half)
    return max(low, 0.0), min(high, 1.0) if kind is Kind.SHARE else high


def collapsed(values: Sequence[float], kind: Kind) -> list[float]:
    """The losses of trainings that failed: above COLLAPSED times the median over seeds."""
    if kind is not Kind.LOSS or not values:
        return []
    return [value for value in values if value > COLLAPSED * median(values)]


def of_number(
    published: float,
    values: Sequence[float],
    kind: Kind,
    rounding: float = 0.0,
    obstacle: str | None = None,
    cause: str = "",
) -> Verdict:
    """The verdict on a published number beside the `values` of our seeds, in the same unit.

    `rounding` is half a unit of its last printed digit. `obstacle` is why the two cannot be compared; then `values`
    may be empty. `cause` is what is known of a difference. Raises ValueError for a missing or infinite number.
    """
    if obstacle is not None:
        return Verdict(NOT_COMPARABLE, obstacle)
    if not values or not all(math.isfinite(number) for number in (published, *values)):
        raise ValueError(f"cannot judge {published} by {list(values)}: a value is missing")
    middle = median(values)
    difference = f"differs by {_apart(published, middle, kind)}"
    because = f": {cause}" if cause else ""
    if kind is Kind.FACT:
        if within(middle, published, rounding):
            return Verdict(EXACT, "equal to the digits printed" if rounding else "equal")
        return Verdict(NOT_EXACT, difference + because)
    failed = len(collapsed(values, kind))
    note = f"; {failed} of {len(values)} trainings collapsed and is left out of the interval" if failed else ""
    note = note.replace(" is left", " are left") if failed > 1 else note
    interval = prediction_interval(values, kind)
    if interval is None:
        difference = f"{'one seed' if len(values) == 1 else 'too few seeds'}, so no interval; {difference}"
    elif _overlaps(interval, published, rounding):
        return Verdict(REPRODUCED, difference + note)
    bound = NEAR[kind] if kind is Kind.SHARE else NEAR[kind] * abs(published)
    if within(middle, published, bound):
        return Verdict(CLOSE, difference + note)
    return Verdict(NOT_REPRODUCED, difference + note + because)


def _overlaps(interval: tuple[float, float], published: float, rounding: float) -> bool:
    """Whether a number that rounds to the published one lies in the interval."""
    slack = 1e-9 * abs(published)  # sums of binary fractions must not decide
    low, high = interval
    return published + rounding + slack >= low and published - rounding - slack <= high


def _apart(published: float, ours: float, kind: Kind) -> str:
    """The difference in words: facts in their unit, shares in points, else in per cent or, beyond 100%, a factor."""
    difference = abs(ours - published)
    if kind is Kind.FACT or (kind is not Kind.SHARE and published == 0):
        return f"{difference:,.0f}" if float(difference).is_integer() else significant(difference)
    if kind is not Kind.SHARE and difference > abs(published):
        return f"a factor of {significant(ours / published)}"
    size, unit, bound = (
        (100 * difference, " points", 1) if kind is Kind.SHARE else (100 * difference / abs(published), "%", 10)
    )
    beyond = size > bound and not math.isclose(size, bound)
    slightly = "slightly more than " if beyond and round(size, 1) == bound else ""
    return f"{slightly}{size:,.1f}{unit}"


def by_seed(holds: Sequence[bool]) -> str:
    """The verdict on a claim about a model, from whether it holds in each of its trainings."""
    return by_share(sum(holds), len(holds))


def by_share(holding: int, of: int) -> str:
    """The verdict on a claim about what is usual, which holds in `holding` independent cases.

    Wilson's 95% interval of that share decides: above one half *confirmed*, below *contradicted*. Otherwise it holds
    in some cases and not in others, *partly confirmed*; with too few cases all alike, it is *unclear*.
    """
    found = share_interval(holding, of)
    if found.low > 0.5:
        return CONFIRMED
    if found.high < 0.5:
        return CONTRADICTED
    return PARTLY if 0 < holding < of else UNCLEAR


def higher(ours: Sequence[float], others: Sequence[float]) -> str:
    """The verdict on a claim that one model's values over seeds are higher than another's, by the Mann-Whitney test.

    Where the other has one value only, a detector without a seed, the share of ours above it decides (`by_share`).
    """
    if len(others) == 1:
        return by_seed([value > others[0] for value in ours])
    test = stats.mannwhitneyu(ours, others)
    if test.pvalue >= CLAIM_LEVEL:
        return UNCLEAR
    return CONFIRMED if test.statistic > len(ours) * len(others) / 2 else CONTRADICTED


def lower(ours: Sequence[float], others: Sequence[float]) -> str:
    """The same for a claim that ours are lower."""
    return higher([-value for value in ours], [-value for value in others])


def all_of(*statuses: str) -> str:
    """The verdict on a claim of several parts: theirs if they agree, *partly* if one holds in part, else *unclear*."""
    if len(set(statuses)) == 1:
        return statuses[0]
    return PARTLY if {CONFIRMED, PARTLY} & set(statuses) else UNCLEAR


def with_point(point: str, *others: str) -> str:
    """The same for a claim that has a point, without which the rest is worth nothing: contradicted with it."""
    return CONTRADICTED if point == CONTRADICTED else all_of(point, *others)


def ahead_of_all(*statuses: str) -> str:
    """The verdict on a claim that one model is ahead of all others, from those on being ahead of each."""
    return next((worst for worst in (CONTRADICTED, UNCLEAR, PARTLY) if worst in statuses), CONFIRMED)


def fact(holds: bool | np.bool) -> str:
    """The verdict on a claim that can be read off the data."""
    return CONFIRMED if holds else CONTRADICTED
