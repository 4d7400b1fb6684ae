"""Values into words, sentences that turn round with the data, and no sentence around a missing value."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study import prose

NBSP = "\N{NO-BREAK SPACE}"


def spaced(text: str) -> str:
    return text.replace(NBSP, " ")


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (prose.number(13479), "13,479"),
        (prose.number(1234.56, 1), "1,234.6"),
        (prose.number(-0.25, 2), "−0.25"),
        (prose.number(-0.001, 1), "0.0"),
        (prose.percent(0.9176), "91.8%"),
        (prose.percent(0.9176, 2), "91.76%"),
        (prose.scientific(0.00046), "4.6 × 10⁻⁴"),
        (prose.scientific(-1_234_567, 2), "−1.23 × 10⁶"),
        (prose.significant(0.0017), "0.00170"),
        (prose.significant(0.000117), "1.17 × 10⁻⁴"),
        (prose.significant(321.05), "321"),
        (prose.significant(15902), "15,900"),
        (prose.significant(999.6), "1,000"),
        (prose.significant(0), "0"),
        (prose.mean_sd([0.90, 0.92]), "91.00 ± 1.41%"),
        (prose.mean_sd([0.90]), "90.00%"),
        (prose.interval(0.9, 0.93), "0.90 to 0.93"),
        (prose.interval(0.9, 0.93, 1, as_percent=True), "90.0% to 93.0%"),
        (prose.count(1, "window"), "1 window"),
        (prose.count(0, "window"), "0 windows"),
        (prose.count(15902, "entry", "entries"), "15,902 entries"),
        (prose.p_value(0.0321), "p = 0.032"),
        (prose.p_value(0.43), "p = 0.43"),
        (prose.p_value(1e-9), "p < 0.001"),
        (prose.duration(4.21), "4.2 s"),
        (prose.duration(59.97), "1 min 0 s"),
        (prose.duration(200), "3 min 20 s"),
        (prose.duration(3599.7), "1 h 0 min"),
        (prose.duration(4320), "1 h 12 min"),
        (prose.join_list(["a"]), "a"),
        (prose.join_list(["a", "b", "c"]), "a, b and c"),
    ],
)
def test_formats(shown, expected):
    assert spaced(shown) == expected


@pytest.mark.parametrize("missing", [None, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "say",
    [
        prose.number,
        prose.percent,
        prose.scientific,
        prose.significant,
        prose.duration,
        prose.p_value,
        lambda v: prose.mean_sd([v, 1.0]),
        lambda v: prose.interval(0.0, v),
        lambda v: prose.count(v, "window"),
    ],
)
def test_a_missing_value_is_an_error_and_never_a_word(say, missing):
    with pytest.raises(ValueError, match="missing"):
        say(missing)


@pytest.mark.parametrize(
    "say",
    [
        lambda: prose.interval(2, 1),
        lambda: prose.count(1.5, "window"),
        lambda: prose.count(-1, "window"),
        lambda: prose.p_value(1.2),
        lambda: prose.duration(-1),
        lambda: prose.join_list([]),
        lambda: prose.mean_sd([]),
        lambda: prose.sentence(""),
    ],
)
def test_nonsense_is_an_error(say):
    with pytest.raises(ValueError):
        say()


@given(st.floats(min_value=1e-12, max_value=1e12))
def test_significant_keeps_three_figures(value):
    text = prose.significant(value).replace(",", "").replace(NBSP, "")
    mantissa, _, exponent = text.partition("×10")
    power = int(exponent.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))) if exponent else 0
    assert float(mantissa) * 10.0**power == pytest.approx(value, rel=5.1e-3)


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [("the gap is 3", "The gap is 3."), ("R² is 0.5.", "R² is 0.5."), ("so why?", "So why?"), ("x", "X.")],
)
def test_a_phrase_becomes_a_sentence(phrase, expected):
    assert prose.sentence(phrase) == expected
