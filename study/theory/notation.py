"""Matrices and estimates as the page shows them."""

import math
from collections.abc import Mapping

from torch import Tensor

from study.prose import number


def matrices(named: Mapping[str, Tensor], digits: int = 0) -> str:
    """Displayed equations `name = matrix` on one line, for pandoc; a vector becomes a row.

    Names are LaTeX. Numbers show `digits` decimals; infinity is shown as such.
    """
    return "$$" + r"\qquad ".join(f"{name} = {_matrix(value, digits)}" for name, value in named.items()) + "$$"


def _matrix(value: Tensor, digits: int) -> str:
    rows = value if value.dim() == 2 else value[None]
    body = r" \\ ".join(" & ".join(_number(x, digits) for x in row) for row in rows.tolist())
    return rf"\begin{{pmatrix}} {body} \end{{pmatrix}}"


def _number(x: float, digits: int) -> str:
    if x in (float("inf"), float("-inf")):
        return r"\infty" if x > 0 else r"-\infty"
    text = f"{x:.{digits}f}"
    # A value that rounds to zero has no sign worth telling.
    return text if float(text) else text.removeprefix("-")


def estimate(mean: float, half_width: float) -> str:
    """An estimate and half of its interval, both to the interval's first significant figure: "1,023 ± 6".

    Raises ValueError for a negative half width.
    """
    if half_width < 0:
        raise ValueError(f"half of an interval cannot be negative: {half_width}")
    digits = max(0, -math.floor(math.log10(half_width))) if half_width else 0
    return f"{number(mean, digits)} ± {number(half_width, digits)}"
