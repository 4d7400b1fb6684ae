"""Checks compare what a sentence compares, and say it in numbers that a reader can tell apart."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.formatters import DisplayFormatter

from study.checks import CHECK, Check, holds


@pytest.mark.parametrize(
    ("a", "relation", "b", "compared", "ok"),
    [
        (1.65, ">", 0.15, "1.65 > 0.15", True),
        (1.65, "<", 0.15, "1.65 < 0.15", False),
        (2, "<=", 2, "2 ≤ 2", True),
        (2, ">=", 2, "2 ≥ 2", True),
        (2, ">=", 2.5, "2 ≥ 2.5", False),
        (15902, "=", np.int64(15902), "15,902 = 15,902", True),
        (15902.4, "!=", 15902, "15,902.4 ≠ 15,902", True),
        (15902.4, ">", 15902, "15,902.4 > 15,902", True),
        (15902.4, ">", 0.5, "15,900 > 0.5", True),
        (15902.0, "<", 10**12, "15,902 < 1 × 10¹²", True),
        (0.123456, "<", 0.123457, "0.123456 < 0.123457", True),
        (3, "=", 3.0000001, "3 = 3.0000001", False),
        (0.1 + 0.2, "=", 0.3, "0.30000000000000004 = 0.3", False),
        (np.float32(0.5), ">", np.array(-0.25), "0.5 > −0.25", True),
        (-4.62e-5, "<", 0.0, "−4.62 × 10⁻⁵ < 0", True),
        (float("inf"), ">", 2e12, "∞ > 2 × 10¹²", True),
        (Fraction(1, 3), "<", 0.5, "0.3333 < 0.5", True),
        ("a", "=", np.str_("a"), "“a” = “a”", True),
        (np.bool_(True), "=", False, "true = false", False),
    ],
)
def test_a_comparison_and_its_text(a, relation, b, compared, ok):
    assert holds(a, relation, b) == Check(compared, ok)
    assert bool(holds(a, relation, b)) is ok


def test_about_takes_an_absolute_difference():
    assert holds(1.65, "about", 1.7, within=0.05) == Check("1.65 ≈ 1.7 ± 0.05", True)
    assert not holds(1.65, "about", 1.7, within=0.049).ok
    assert holds(0.4, "about", 0.3, within=0.1).ok  # though 0.4 - 0.3 is a little more in binary


@pytest.mark.parametrize("missing", [None, float("nan"), np.float32("nan"), np.array(np.nan)])
def test_missing_values_are_no_comparison(missing):
    for values in ((missing, 1.0), (1.0, missing)):
        with pytest.raises(ValueError, match="the value is missing"):
            holds(values[0], "<", values[1])


@pytest.mark.parametrize(
    ("a", "relation", "b", "error", "message"),
    [
        (1, "==", 1, ValueError, "unknown relation '=='"),
        (1, "about", 1, ValueError, "needs `within`"),
        ("10", "<", "9", TypeError, "orders numbers only, not text"),
        (True, ">", False, TypeError, "orders numbers only, not a truth value"),
        ("1.65", "=", 1.65, TypeError, "compares text with a number"),
        (True, "=", 1, TypeError, "compares a truth value with a number"),
        ([1, 2], ">", 0, TypeError, r"not list; take the min\(\) or max\(\)"),
        (np.array([1.0]), ">", 0, TypeError, "not ndarray"),
        (1 + 2j, "=", 1, TypeError, "not complex"),
    ],
)
def test_what_cannot_be_compared_is_refused(a, relation, b, error, message):
    with pytest.raises(error, match=message):
        holds(a, relation, b)


def test_within_belongs_to_about():
    with pytest.raises(ValueError, match="other relations take none"):
        holds(1, "<", 2, within=0.1)


numbers = st.integers(-(10**6), 10**6) | st.floats(
    allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12
)


@given(numbers, numbers)
def test_the_text_shows_different_numbers_differently(a, b):
    left, right = holds(a, "!=", b).compared.split(" ≠ ")
    assert (left != right) == (a != b)


def test_jupyter_gets_a_mark_and_the_documents_its_comparison():
    formatter = DisplayFormatter()
    good, _ = formatter.format(holds(2, ">", 1))
    assert good["text/plain"] == "✓" and good[CHECK] == {"compared": "2 > 1", "holds": True}
    assert good["text/html"] == '<span class="check" title="2 &gt; 1">✓</span>'
    bad, _ = formatter.format(holds('"<b>', "=", "x"))
    assert bad["text/plain"] == '✗ not so here: “"<b>” is not “x”' and not bad[CHECK]["holds"]
    assert bad["text/html"] == '<span class="check failed">✗ not so here: “&quot;&lt;b&gt;” is not “x”</span>'


@pytest.mark.parametrize(
    ("check", "shown"),
    [
        (holds(1.65, "<", 0.15), "1.65 is not below 0.15"),
        (holds(1, ">=", 2), "1 is below 2"),
        (holds(1, "!=", 1), "1 equals 1"),
        (holds(1, "about", 2, within=0.5), "1 is not about 2 ± 0.5"),
    ],
)
def test_what_does_not_hold_is_said_in_words(check, shown):
    assert str(check) == f"✗ not so here: {shown}"
