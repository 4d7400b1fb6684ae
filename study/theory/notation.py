"""Matrices as mathematics for the page."""

from collections.abc import Mapping

from torch import Tensor


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
