"""Readings of one's own: what is read from a file, what is refused, and that a fault among them raises the alarm."""

import numpy as np
import pandas as pd
import pytest

from study.catalog import DataError
from study.manufacturing import readings

NAMES = ["oven", "press", "volts", "flow"]


def production(rows=200, seed=0):
    """Four readings of components that two states drive."""
    rng = np.random.default_rng(seed)
    states = rng.normal(size=(rows, 2)) @ [[1.0, 0.5, 0.2, 1.0], [0.0, 1.0, 1.0, -0.5]]
    return pd.DataFrame(20 + states + 0.05 * rng.normal(size=(rows, 4)), columns=NAMES).round(4)


@pytest.fixture
def place(tmp_path):
    return tmp_path / "mine.csv"


TABLE = production()
TIMES = pd.date_range("2026-01-05 06:00", periods=200, freq="min").astype(str)
READ = {  # the table as a file, and the notes
    "plain": (TABLE.to_csv(index=False), []),
    "semicolons and decimal comma": (
        TABLE.to_csv(index=False, sep=";", decimal=","), ["the comma is the decimal sign"],
    ),
    "times and names": (
        TABLE.assign(time=TIMES, shift="early").to_csv(index=False),
        ["mostly without numbers, so left out: time and shift"],
    ),
    "no header": (
        TABLE.to_csv(index=False, header=False), ["without a header, columns are named by their places"],
    ),
    "a header of numbers": (TABLE.set_axis(range(4), axis=1).to_csv(index=False), []),
}  # fmt: skip


@pytest.mark.parametrize("kind", READ)
def test_a_file_of_one_meaning_is_read_and_noted(place, kind):
    text, notes = READ[kind]
    place.write_text(text, encoding="utf-8")
    found = readings.read(place)
    np.testing.assert_allclose(found.to_numpy(), TABLE.to_numpy())
    assert found.attrs["notes"] == notes
    assert found.index[0] == (1 if kind == "no header" else 2)  # the line in the file


def changed(**columns):
    return TABLE.assign(**columns).to_csv(index=False)


REFUSED = {
    "a word among numbers": (changed(oven=["20.1", "much", *["20.2"] * 198]), "line 3: the value is 'much'; expected"),
    "infinite": (changed(oven=["inf", *["20.2"] * 199]), "line 2: the value is 'inf'"),
    "no numbers": ("time,name\n2026-01-05,a\n2026-01-06,b\n", "holds no column of numbers. Give it a column for each"),
    "header alone": ("oven,press\n", "holds no column of numbers"),
    "twice the name": (TABLE.set_axis(["oven", "press", "oven", "flow"], axis=1).to_csv(index=False),
                       "line 1: names columns twice: oven. Give"),
    "decimal comma between commas": ("oven,press\n" + "20,1,3,2\n" * 50, "line 2: 4 columns, not 2"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_has_no_one_meaning_is_refused_with_file_line_and_remedy(place, kind):
    text, said = REFUSED[kind]
    place.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=f"(?s){said}") as refusal:
        readings.read(place)
    assert str(place) in str(refusal.value)


def test_rows_and_columns_that_no_detector_can_use_are_left_out_and_noted(place):
    gaps = TABLE["oven"].astype(object).where(np.arange(200) != 7, "")
    valve = [0.5] * 150 + [0.7] * 50
    TABLE.assign(oven=gaps, cycle=range(200), valve=valve).to_csv(place, index=False)
    found, notes = readings.usable(readings.read(place))
    assert list(found) == NAMES and len(found) == 199 and 9 not in found.index
    assert notes == [
        "1\u00a0row without some reading left out, first line 9",
        "constant in the first half, so left out: valve",
        "rising from row to row, as times do, so left out: cycle",
    ]


UNUSABLE = {
    "few rows": (TABLE.head(39), "The table: 39 rows are too few. Give 40 or more"),
    "many gaps": (TABLE.assign(oven=TABLE["oven"].where(np.arange(200) % 5 > 0)), "40 of 200 rows .*often oven. Fill"),
    "infinite": (TABLE.assign(flow=np.where(np.arange(200) == 3, np.inf, 1.0)), "line 3: a reading is infinite"),
    "one reading": (TABLE.assign(press=1.0, volts=2.0, flow=3.0), "1\u00a0column can be used. Give two or more"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_table_that_no_detector_can_use_is_refused_with_a_remedy(kind):
    table, said = UNUSABLE[kind]
    with pytest.raises(DataError, match=said):
        readings.usable(table)


def test_a_fault_raises_the_alarm_and_names_the_reading_that_departs():
    table = production(400)
    table.loc[350:354, "volts"] += 1.0  # inside the range of this reading, but not of the others beside it
    assert table["volts"][350:355].max() < table["volts"][:200].max()
    found, notes = readings.judge(table)
    assert found.part.tolist() == ["fit"] * 200 + ["threshold"] * 100 + ["judged"] * 100
    assert found.alarm[350:355].all() and found.alarm.sum() <= 5 + 4 and not found.alarm[:300].any()
    assert set(found.worst[350:355]) == {"volts"} and "PCA with 2\u00a0components" in notes[-1]
    assert found.threshold.nunique() == 1 and found.threshold[0] == found.score[200:300].max()


def test_the_threshold_is_exceeded_by_one_row_in_a_hundred_at_most():
    found, _ = readings.judge(production(2000))
    beyond = found.score[1000:1500] > found.threshold[0]
    assert 3 <= beyond.sum() <= 5 and found.alarm.sum() < 20


@pytest.mark.parametrize(("rows", "width", "most"), [(50, 100, 5), (600, 200, 32), (600, 6, 3), (600, 2, 1)])
def test_components_are_fewer_than_columns_and_rows_allow(rows, width, most):
    noise = np.random.default_rng(0).normal(size=(rows, width))  # nothing to compress, so the bound decides
    rebuild, words = readings.pca(noise)
    assert np.linalg.matrix_rank(rebuild(noise) - noise.mean(axis=0)) == most and f"PCA with {most}\u00a0comp" in words


def test_another_detector_may_take_the_place_of_pca():
    seen = []
    table = production()
    found, notes = readings.judge(
        table, lambda vectors: (seen.append(vectors) or (lambda x: 0 * x + 0.5), "a constant")
    )
    assert seen[0].min() == 0 and seen[0].max() == 1 and seen[0].shape == (100, 4)
    assert found.score[0] == pytest.approx(((seen[0][0] - 0.5) ** 2).mean()) and notes[-1].startswith("a constant; 100")


def test_a_reading_far_from_the_others_in_the_first_half_is_noted():
    """It widens the range that all readings of its column are scaled to, and so hides faults."""
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(120, 3)), columns=["a", "b", "c"])
    assert not any("far from" in note for note in readings.judge(table)[1])
    table.loc[7, "b"] = -999.0
    (note,) = (note for note in readings.judge(table)[1] if "far from" in note)
    assert "b, first in line 7" in note
    late = table.copy()
    late.loc[[7, 110], "b"] = 0.0, -999.0
    assert not any("far from" in note for note in readings.judge(late)[1])  # a fault to be judged, not a scale
