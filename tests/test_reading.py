"""A series of one's own: what has one meaning is read, what has two is refused with line and remedy."""

import io

import numpy as np
import pandas as pd
import pytest

from study.anomaly import reading
from study.catalog import DataError

TIMES = pd.date_range("2015-02-26 21:40", periods=6, freq="5min")
VALUES = [104, 100, 99, 154, 91, 1087]


def written(folder, lines, encoding="utf-8"):
    file = folder / "mine.csv"
    file.write_bytes(lines if isinstance(lines, bytes) else "\n".join(lines).encode(encoding))
    return file


def rows(time="%Y-%m-%d %H:%M:%S", sign=",", values=VALUES, times=TIMES):
    return [f"{t.strftime(time)}{sign}{v}" for t, v in zip(times, values, strict=True)]


HEADED = ["timestamp,value", *rows()]
READ = {  # lines, encoding, the one note
    "plain": (HEADED, "utf-8", None),
    "BOM": (HEADED, "utf-8-sig", None),
    "UTF-16": (HEADED, "utf-16", "read as utf-16"),
    "Latin-1": (["zeit;größe", *rows(sign=";")], "latin-1", "read as cp1252"),
    "Windows": ("\r\n".join(HEADED).encode(), "", None),
    "no header": (rows(), "utf-8", None),
    "T": (["timestamp,value", *rows("%Y-%m-%dT%H:%M:%S")], "utf-8", None),
    "Z": (["timestamp,value", *rows("%Y-%m-%dT%H:%M:%SZ")], "utf-8", "times with an offset are in UTC"),
    "tabs": (["timestamp\tvalue", *rows(sign="\t")], "utf-8", None),
    "bars": (["timestamp|value", *rows(sign=" | ")], "utf-8", None),
    "other names": (["When,Tweets", *rows()], "utf-8", None),
    "values first": (["n,at", *(f"{v},{t}" for t, v in zip(TIMES, VALUES, strict=True))], "utf-8", None),
    "more columns": (["id,timestamp,place,value", *(f"7,{t},Rome,{v}" for t, v in zip(TIMES, VALUES, strict=True))],
                     "utf-8", "columns timestamp and value of 4"),
    "date and clock": (["Date,Time,Tweets", *(f"{t:%Y-%m-%d,%H:%M},{v}" for t, v in zip(TIMES, VALUES, strict=True))],
                       "utf-8", "columns Date, Time and Tweets of 3"),
    "numbered rows": ([",timestamp,value", *(f"{i},{r}" for i, r in enumerate(rows()))], "utf-8",
                      "columns timestamp and value of 3"),
    "NAB's first form": (["timestamp,value,label,", *(f"{r},0," for r in rows("%Y-%m-%d %H:%M:%S.%f"))], "utf-8",
                         "columns timestamp and value of 4"),
    "UTC in words": (["timestamp,value", *rows("%Y-%m-%d %H:%M:%S UTC")], "utf-8", None),
    "ctime": (["timestamp,value", *rows("%a %b %d %H:%M:%S %Y")], "utf-8", None),
    "basic ISO": (["timestamp,value", *rows("%Y%m%dT%H%M%SZ")], "utf-8", None),
    "old Mac": ("\r".join(HEADED).encode(), "", None),
    "apostrophes": (["t;v", *rows(sign=";", values=[f"{v:,}".replace(",", "'") for v in VALUES])], "utf-8",
                    "signs between thousands are left out"),
    "day first": (["timestamp;value", *rows("%d.%m.%Y %H:%M", ";")], "utf-8", "dates are read day first"),
    "month first": (["timestamp,value", *rows("%m/%d/%Y %I:%M %p")], "utf-8", "dates are read month first"),
    "month by name": (["timestamp,value", *rows("%d %b %Y %H:%M")], "utf-8", None),
    "Unix": (["timestamp,value", *(f"{t.timestamp():.0f},{v}" for t, v in zip(TIMES, VALUES, strict=True))], "utf-8",
             "times are seconds or milliseconds since 1970, UTC"),
    "milliseconds": (["t,v", *(f"{1000 * t.timestamp():.0f},{v}" for t, v in zip(TIMES, VALUES, strict=True))], "utf-8",
                     "times are seconds or milliseconds since 1970, UTC"),
    "decimal comma": (["timestamp;value", *rows(sign=";", values=[f"{v},0" for v in VALUES])], "utf-8",
                      "the comma is the decimal sign"),
    "thousands": (["timestamp,value", *rows(values=[f'"{v:,}"' for v in VALUES])], "utf-8",
                  "signs between thousands are left out"),
    "spaces": (["timestamp,value", *rows(values=[f"{v:,}".replace(",", "\u202f") for v in VALUES])], "utf-8",
               "signs between thousands are left out"),
    "exponent": (["timestamp,value", *rows(values=[f"{v:e}" for v in VALUES])], "utf-8", None),
    "blank lines": (["", *HEADED[:3], "", " , ", *HEADED[3:], ""], "utf-8", None),
    "quoted": (['"timestamp","value"', *(f'"{t}","{v}"' for t, v in zip(TIMES, VALUES, strict=True))], "utf-8", None),
}  # fmt: skip


@pytest.mark.parametrize("kind", READ)
def test_what_has_one_meaning_is_read_and_noted(tmp_path, kind):
    lines, encoding, note = READ[kind]
    table = reading.read(written(tmp_path, lines, encoding))
    assert table["timestamp"].tolist() == TIMES.tolist() and table["value"].tolist() == VALUES
    assert table.attrs["notes"] == ([note] if note else [])


def test_offsets_of_a_clock_change_are_brought_to_utc(tmp_path):
    times = ["2015-03-29T01:55:00+01:00", "2015-03-29T03:00:00+02:00", "2015-03-29T03:05:00+02:00"]
    table = reading.read(written(tmp_path, ["timestamp,value", *(f"{t},1" for t in times)]))
    assert table["timestamp"].tolist() == pd.date_range("2015-03-29 00:55", periods=3, freq="5min").tolist()


def test_the_order_of_day_and_month_is_told_by_the_neighbours(tmp_path):
    times = pd.date_range("2015-04-03", periods=900, freq="10min")  # 3 to 9 April, or 4 March to 4 September
    table = reading.read(written(tmp_path, rows("%d/%m/%Y %H:%M", times=times, values=range(900))))
    assert table["timestamp"].tolist() == times.tolist() and table.attrs["notes"] == ["dates are read day first"]


def test_floats_negatives_and_empty_values_are_kept(tmp_path):
    table = reading.read(written(tmp_path, rows(values=["0.134", "\u22122.5", "", "NaN", "1e3", "-"])))
    assert table["value"].tolist() == pytest.approx([0.134, -2.5, np.nan, np.nan, 1000, np.nan], nan_ok=True)
    assert table.attrs["notes"] == []


def changed(line, text):
    return [*HEADED[:line], text, *HEADED[line + 1 :]]


REFUSED = {
    "no number": (changed(3, "2015-02-26 21:50:00,many"), "line 4: the value is 'many'; expected a number"),
    "a unit": (["timestamp,value", *rows(values=[f"{v} °C" for v in VALUES])], r"line 2 \(and 5 more\): .*°C"),
    "infinite": (changed(3, "2015-02-26 21:50:00,inf"), "line 4: the value is 'inf'"),
    "after blank lines": (["", *HEADED[:3], "", "", "yesterday,3"], "line 7: the time is 'yesterday'"),
    "no such day": (changed(3, "2015-02-30 21:50:00,1"), "line 4: the time is '2015-02-30"),
    "a time alone": (changed(3, "21:50:00,1"), "line 4: the time is '21:50:00'"),
    "a zone by name": (changed(3, "2015-02-26 21:50:00 CET,1"), "line 4: the time is '2015-02-26 21:50:00 CET'"),
    "days as numbers": ([f"{42061.9 + i / 288:.5f},{v}" for i, v in enumerate(VALUES)], "no columns .* the timestamp"),
    "two unnamed values": ([",when,tweets", *(f"{i},{r}" for i, r in enumerate(rows()))], "value: column 1, tweets"),
    "a remark above": (["# exported", *HEADED], "'# exported' has one column"),
    "two figures of the year": (["timestamp,value", *rows("%d/%m/%y %H:%M")], "line 2 .*year of four digits"),
    "day or month": (rows("%d/%m/%Y %H:%M", times=TIMES.shift(-20, "D").shift(-2, "h")[:2], values=[1, 2]),
                     "line 1 .*day or month first.* Write 2015-02-26"),
    "no month at all": (["timestamp,value", *rows("%d/%m/%Y %H:%M")[:2], "13/13/2015 21:50,3"], "line 4: .*13/13/2015"),
    "some offsets": (changed(3, "2015-02-26 21:50:00+01:00,1"), r"line 2 \(and 4 more\): .*an offset"),
    "decimal or thousands": (rows(sign=";", values=["1.234", "2.345", "3.456", "987", "1.001", "5.000"]),
                             r"line 1 \(and 4 more\): .*a decimal sign or one of thousands.* Write 1234, or 1.2340"),
    "cut": (changed(6, "2015-02-26 2"), r"line 7: 1 columns, not 2"),
    "unquoted thousands": (changed(6, "2015-02-26 22:05:00,1,087"), "complete the others..*line 7: 3 columns, not 2"),
    "an open quote": (changed(3, '2015-02-26 21:50:00,"99'), "line 7: unexpected end of data. Correct"),
    "two values": (["timestamp,in,out", *(f"{r},1" for r in rows())], "2 columns that may be the value: in, out"),
    "two times": (["begin,end,value", *(f"2015-02-26,{r}" for r in rows())], "2 columns that may be the timestamp"),
    "one column": (["value", "1", "2"], "'value' has one column. Give it rows of two"),
    "twice the name": (["timestamp,value,value", *(f"{r},1" for r in rows())], "names a column twice"),
    "header alone": (["timestamp,value"], "holds no row"),
    "nothing": (b"", "has one column|holds no row"),
    "blank": (b"\n\n", "has one column|holds no row"),
    "a workbook": (b"PK\x03\x04xl/workbook.xml", "is a workbook or packed. Save it as CSV"),
    "no text": (b"a,b\n\x81\x8d,2\n", "line 2: is not UTF-8 .*Save the file as UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_has_no_one_meaning_is_refused_with_line_and_remedy(tmp_path, kind):
    lines, said = REFUSED[kind]
    file = written(tmp_path, lines)
    with pytest.raises(DataError, match=f"(?s){said}") as refusal:
        reading.read(file)
    assert str(file) in str(refusal.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match="gone.csv is no file"):
        reading.read(tmp_path / "gone.csv")


def test_a_table_of_pandas_and_its_file_are_the_same(tmp_path):
    file = written(tmp_path, HEADED)
    theirs = pd.read_csv(io.StringIO("\n".join(HEADED)), parse_dates=["timestamp"])
    assert (reading.read(file).to_numpy() == theirs.to_numpy()).all()
