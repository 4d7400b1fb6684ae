"""Checks: comparisons that stand in a sentence and show whether the data still bear it out."""

import math
import numbers
import operator
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any

import numpy as np

from study.prose import MINUS, NO_BREAK_SPACE, scientific
from study.prose import within as is_within

CHECK = "application/vnd.study.check+json"
"""MIME type under which the documents find a check."""

DIGITS = 4
"""Significant digits of a compared number, unless more are needed to tell the two apart."""
_EXACT = 17  # digits that tell any two floats apart

ABOUT = "about"
_RELATIONS = {
    "<": ("<", operator.lt, "is not below"),
    "<=": ("≤", operator.le, "is above"),
    ">": (">", operator.gt, "is not above"),
    ">=": ("≥", operator.ge, "is below"),
    "=": ("=", operator.eq, "is not"),
    "!=": ("≠", operator.ne, "equals"),
    ABOUT: ("≈", is_within, "is not about"),
}
"""By the name of each: its sign, what compares, and what denies it in words."""


@dataclass(frozen=True)
class Check:
    """A comparison that was made: its text, such as "1.65 > 0.15", and whether it holds."""

    compared: str
    ok: bool

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return "✓" if self.ok else f"✗ not so here: {_denied(self.compared)}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """What JupyterLab shows, and under CHECK what the documents read."""
        kind = "check" if self.ok else "check failed"
        title = f' title="{escape(self.compared)}"' if self.ok else ""
        return {
            "text/plain": str(self),
            "text/html": f'<span class="{kind}"{title}>{escape(str(self))}</span>',
            CHECK: {"compared": self.compared, "holds": self.ok},
        }


def holds(a: Any, relation: str, b: Any, *, within: float | None = None) -> Check:
    """Compare two values, as a sentence says that they compare: `holds(best.nab, "<", threshold.nab)`.

    `relation` is one of `<  <=  >  >=  =  !=`, or `"about"`, which allows a difference of `within` (absolute, in the
    values' own unit). Numbers are compared exactly, NumPy's scalars by their value; text and truth values can only be
    equal or not. Raises ValueError for None, NaN, an unknown relation, or `within` where it does not belong, and
    TypeError for values of two kinds or of another kind: several values are compared by their `min()` or `max()`.
    """
    a, b = _value(a), _value(b)
    if _kind(a) != _kind(b):
        raise TypeError(f"holds compares {_kind(a)} with {_kind(b)} ({a!r} {relation} {b!r}): give both as one kind")
    if relation not in _RELATIONS:
        raise ValueError(f"holds: unknown relation {relation!r}, expected one of  {'  '.join(_RELATIONS)}")
    if (relation == ABOUT) != (within is not None):
        raise ValueError('holds: "about" needs `within`, the largest difference allowed; other relations take none')
    if relation not in ("=", "!=") and _kind(a) != "a number":
        raise TypeError(f"holds orders numbers only, not {_kind(a)} ({a!r} {relation} {b!r})")
    sign, compare, _ = _RELATIONS[relation]
    allowed = [] if within is None else [_value(within)]
    compared = " ± ".join([_compared(a, sign, b), *(_number(value, DIGITS) for value in allowed)])
    return Check(compared, bool(compare(a, b, *allowed)))


def _denied(compared: str) -> str:
    """A comparison that does not hold, in words: "1.65 is not below 0.15"."""
    denials = {f" {sign} ": f" {denial} " for sign, _, denial in _RELATIONS.values()}
    sign = min((one for one in denials if one in compared), key=compared.index)
    return compared.replace(sign, denials[sign], 1)


def _value(value: Any) -> Any:
    """A number, text or truth value, taken out of NumPy's scalars."""
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        value = value.item()
    if value is None or (isinstance(value, numbers.Real) and math.isnan(value)):
        raise ValueError(f"holds cannot compare {value}: the value is missing")
    if not isinstance(value, str | bool | numbers.Real):
        raise TypeError(
            f"holds compares single numbers, text or truth values, not {type(value).__name__}; "
            "take the min() or max() of several values"
        )
    return value if isinstance(value, str | bool | int) else float(value)


def _kind(value: str | bool | float) -> str:
    if isinstance(value, str):
        return "text"
    return "a truth value" if isinstance(value, bool) else "a number"


def _compared(a: Any, sign: str, b: Any) -> str:
    if _kind(a) != "a number":
        return f" {sign} ".join(f"“{v}”" if isinstance(v, str) else str(v).lower() for v in (a, b))

    def tell_apart(digits: int) -> bool:
        # Whole numbers are not rounded, so rounding the other number may even turn the order round.
        x, y = (float(_figures(value, digits)) for value in (a, b))
        return (x < y, x > y) == (a < b, a > b)

    digits = next((digits for digits in range(DIGITS, _EXACT) if tell_apart(digits)), _EXACT)
    return f"{_number(a, digits)} {sign} {_number(b, digits)}"


def _figures(value: float, digits: int) -> str:
    """Decimal figures: all of a whole number's, `digits` significant ones of any other."""
    if value % 1 == 0 and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.{digits}g}" if digits < _EXACT else repr(value)


def _number(value: float, digits: int) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    figures = Decimal(_figures(value, digits))
    if value and not 1e-4 <= abs(value) < 1e12:
        decimals = len(figures.normalize().as_tuple().digits) - 1
        return scientific(value, decimals).replace(NO_BREAK_SPACE, " ")
    return f"{figures:,f}".replace("-", MINUS)
