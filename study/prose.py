"""Values into words: number formats and sentences whose claim follows the data.

Every function is pure and returns text that pandoc Markdown shows as it stands. A missing value (None, NaN,
infinity) raises ValueError, because a sentence around "nan" is a false sentence.
"""

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import NamedTuple

MINUS = "\N{MINUS SIGN}"
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _finite(value: float | None) -> float:
    if value is None or not math.isfinite(value):
        raise ValueError(f"cannot put {value} into a sentence: the measured value is missing")
    return value


def number(value: float, digits: int = 0) -> str:
    """`1234.5` with one digit: "1,234.5"."""
    text = f"{_finite(value):,.{digits}f}"
    # A value that rounds to zero has no sign worth telling.
    negative = text.startswith("-") and any(figure in text for figure in "123456789")
    return (MINUS if negative else "") + text.removeprefix("-")


def percent(fraction: float, digits: int = 1) -> str:
    """A fraction of one as a percentage: `0.9176` gives "91.8%"."""
    return number(100 * _finite(fraction), digits) + "%"


def scientific(value: float, digits: int = 1) -> str:
    """Mantissa with `digits` decimals and power of ten: `0.00046` gives "4.6 × 10⁻⁴"."""
    mantissa, exponent = f"{_finite(value):.{digits}e}".split("e")
    times = f"{NO_BREAK_SPACE}×{NO_BREAK_SPACE}"
    return f"{mantissa.replace('-', MINUS)}{times}10{str(int(exponent)).translate(_SUPERSCRIPT)}"


def significant(value: float, digits: int = 3) -> str:
    """`digits` significant figures; outside 0.001 to 1,000,000 as a power of ten. Meant for losses and errors."""
    if _finite(value) == 0:
        return "0"
    exponent = int(f"{value:.{digits - 1}e}".split("e")[1])
    if not -3 <= exponent < 6:
        return scientific(value, digits - 1)
    return number(round(value, digits - 1 - exponent), max(digits - 1 - exponent, 0))


def mean_sd(fractions: Sequence[float], digits: int = 2) -> str:
    """Fractions as mean ± sample standard deviation, "91.00 ± 2.00%", or a single one as "91.00%"."""
    if len(fractions) == 1:
        return percent(fractions[0], digits)
    scaled = [100 * _finite(fraction) for fraction in fractions]
    return f"{NO_BREAK_SPACE}±{NO_BREAK_SPACE}".join(number(f(scaled), digits) for f in (fmean, stdev)) + "%"


def interval(low: float, high: float, digits: int = 2, as_percent: bool = False) -> str:
    """The ends of an interval: "0.90 to 0.93"; fractions as "90.0% to 93.0%". Raises ValueError if low > high."""
    if _finite(low) > _finite(high):
        raise ValueError(f"an interval's lower end {low} lies above its upper end {high}")
    show = percent if as_percent else number
    return f"{show(low, digits)} to {show(high, digits)}"


def count(n: int, noun: str, plural: str | None = None) -> str:
    """A count with its noun: "1 window", "3 windows", "2 series" with `plural="series"`."""
    if n != int(_finite(n)) or n < 0:
        raise ValueError(f"a count of {noun} must be a whole number of at least 0, not {n}")
    return f"{n:,.0f}{NO_BREAK_SPACE}{noun if n == 1 else plural or noun + 's'}"


def p_value(p: float) -> str:
    """As "p = 0.032", or "p < 0.001". Raises ValueError outside 0 to 1."""
    if not 0 <= _finite(p) <= 1:
        raise ValueError(f"a p-value lies between 0 and 1, not at {p}")
    sign, shown = ("<", "0.001") if p < 0.001 else ("=", f"{p:.2f}" if p >= 0.1 else f"{p:.3f}")
    return f"p{NO_BREAK_SPACE}{sign}{NO_BREAK_SPACE}{shown}"


def duration(seconds: float) -> str:
    """Wall time in its two largest units: "4.2 s", "3 min 20 s", "1 h 12 min". Raises ValueError below zero."""
    if _finite(seconds) < 0:
        raise ValueError(f"a duration cannot be negative: {seconds} s")
    if round(seconds, 1) < 60:
        return f"{seconds:.1f}{NO_BREAK_SPACE}s"
    if round(seconds) < 3600:
        large, small, units = *divmod(round(seconds), 60), ("min", "s")
    else:
        large, small, units = *divmod(round(seconds / 60), 60), ("h", "min")
    return f"{large:,}{NO_BREAK_SPACE}{units[0]} {small}{NO_BREAK_SPACE}{units[1]}"


def join_list(items: Sequence[str]) -> str:
    """As "a", "a and b", "a, b and c". Raises ValueError for no items."""
    if not items:
        raise ValueError("cannot list nothing: the sequence is empty")
    *head, last = items
    return f"{', '.join(head)} and {last}" if head else last


def sentence(phrase: str) -> str:
    """A phrase as a sentence: with a capital letter and a full stop. Raises ValueError for an empty one."""
    if not phrase:
        raise ValueError("an empty phrase is no sentence")
    return phrase[0].upper() + phrase[1:] + ("" if phrase.endswith((".", "?", "!")) else ".")


def within(value: float, published: float, tolerance: float) -> bool:
    """Whether two numbers differ by `tolerance` at most (absolute, in their own unit)."""
    # Differences such as 0.3 - 0.2 carry a rounding error that must not decide.
    difference = abs(_finite(value) - _finite(published))
    return difference <= tolerance or math.isclose(difference, tolerance, rel_tol=1e-9)


class Highlight(NamedTuple):
    """A line of the front page's table of results, as text; NOTHING where there is nothing to show."""

    measure: str
    published: str
    regenerated: str
    best: str


NOTHING = "–"
