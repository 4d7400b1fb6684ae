"""What `make bench` measured is told as it was measured, and a file that it did not write is named."""

import json
from types import SimpleNamespace

import pytest

from study import paths, profile
from study.bench import __main__ as bench
from study.bench import build
from study.page import escape
from study.publish import benchmarks
from study.publish.errors import PublishError

FOUND = {
    "build": {"nothing to do": [1.0, 0.8, 0.9], "prose changed": [12.0], "peak_bytes": 6e8},
    "transformer": {
        "ours": [3_000, 3_200, 3_100],
        "common": [1_000, 1_600, 1_000],
        "rows": 20_000,
        "settings": {"width": 64, "batch": 64},
        "operations_per_text": 20e6,
        "started": "2026-11-26T16:59:30+00:00",
        "peak_operations_per_second": 124e9,
        "grown": {
            "length": {"16": {"ours": 8_000, "common": 4_000}},
            "rows": {"5000": {"ours": 3_000, "common": 1_000}},
        },
        "operators": {
            "ours": {"aten::addmm": 5e-5, "aten::fill_": 1e-6, **{f"aten::x{i}": 2e-5 for i in range(6)}},
            "common": {"aten::addmm": 1.5e-4, "DataLoader": 1e-3, **{f"aten::x{i}": 2e-5 for i in range(6)}},
        },
        "peak_bytes": 1.5e9,
        "threads": 2,
        "device": "CPU",
    },
    "keras_models": {"texts": [500, 620, 700], "peak_bytes": 2e9, "autoencoders": {"base": 900.0}},
    "images": {"plain": [10.0], "ours": [40.0], "progressive": [60.0]},
}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "benchmarks.json"


def test_ratios_and_the_share_of_the_peak_are_computed(file):
    file.write_text(json.dumps(FOUND))
    page = " ".join(benchmarks.page(file).split())
    assert "3.0 times as fast as the same layers" in page  # the median of 3, 2 and 3.1 in turn
    assert "5.0 times as fast as Keras' own layers" in page  # 3,100 by 620
    assert "50.0% of the 124 GFLOP/s" in page  # 20e6 operations a text, 3,100 texts a second
    assert "0.9 s when nothing is to do and 12.0 s after a change of prose, in at most 0.6 GB of memory" in page
    operators = "DataLoader | 1,000 | 0", "aten::addmm | 150 | 50", "all others | 20 | 21", "together | 1,270 | 171"
    rates = "torch.nn.TransformerEncoder, common loop | 1,000 | 1,000 – 1,600 | 3.0×"  # the same ratio as in the text
    for row in (*operators, rates, "16 | 8,000 | 4,000 | 2.0", "ResNet-18, images, ours | 40"):
        assert " | ".join(escape(cell) for cell in row.split(" | ")) in page


def test_before_the_first_measurement_the_page_is_empty(file):
    assert benchmarks.page(file) == ""


@pytest.mark.parametrize("content", ["", "[]", '{"build": {}}', "{"])
def test_a_file_of_another_kind_is_named(file, content):
    file.write_text(content)
    with pytest.raises(PublishError, match=r"benchmarks\.json is not what .*; delete it and run `make bench` again"):
        benchmarks.page(file)


def test_something_is_due_in_each_build_after_a_change_of_prose_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    stamp, due = profile.load("full").work / "stamp-report.json", []

    def built(command, **options):
        due.append(not stamp.exists())
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text("{}")

    monkeypatch.setattr(build.subprocess, "run", built)
    build.measure(profile.load("full"), tmp_path)
    assert due == [True, *3 * [False], *3 * [True]]


def test_a_failed_section_leaves_the_benchmarks_as_they_were(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(paths, "BENCHMARKS", tmp_path / "benchmarks.json")
    monkeypatch.setattr(bench.subprocess, "run", lambda command, **options: SimpleNamespace(returncode=1))
    assert bench.main([]) == 1 and not paths.BENCHMARKS.exists()
    assert "the section build failed" in capsys.readouterr().err
