"""The whole road on small synthetic data: make-like verbs, nothing-to-do, prose-only change, both documents."""

import json
import os
import re
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from study import audit, build, files, parts, paths, profile, reproduce, sweep
from study.publish import front, making


def run(clone: Path, module: str, *arguments: str, **given: str) -> subprocess.CompletedProcess:
    """A command as make gives it, of an account whose new files nobody else may read."""
    env = {k: v for k, v in os.environ.items() if k not in ("DATA", "DATA_MIRROR")} | given
    command = [sys.executable, "-I", "-X", "utf8", "study/environment.py", module, *arguments]
    return subprocess.run(command, cwd=clone, env=env, capture_output=True, text=True, umask=0o077)


@pytest.fixture(scope="module")
def built(clone):
    done = run(clone, "study.build", "--profile", "quick")
    assert done.returncode == 0, done.stdout + done.stderr
    return clone, done.stdout


def outputs(clone):
    folder = clone / "build" / "quick-synthetic" / "output" / "report"
    return folder / "report.html", folder / "report.pdf"


@pytest.mark.slow
def test_quick_trains_executes_and_renders_from_nothing(built):
    clone, printed = built
    html, pdf = outputs(clone)
    assert pdf.read_bytes().startswith(b"%PDF")
    text = html.read_text(encoding="utf-8")
    assert "SYNTHETIC" in text
    assert all(part.title in text for part in parts.PARTS)
    soup = BeautifulSoup(text, "html.parser")
    assert "nothing here is a finding" in soup.main.get_text()
    answers = [a["href"][1:] for a in soup.select("#where-each-question-is-answered ~ .questions a")]
    assert len(answers) == sum(len(front.questions(part)) for part in parts.PARTS)
    assert all(soup.find(id=target).name in ("h2", "h3", "h4") for target in answers)
    for key in ("fig:scorecard", *(f"tbl:scorecard-claims-{part.key}" for part in parts.PARTS)):
        assert soup.find(id=key) is not None
    figures = list((clone / "build" / "quick-synthetic" / "output" / "figures").glob("*.png"))
    assert figures and all(f.with_suffix(".svg").exists() for f in figures)
    drawn = {f"vision-{name}" for name in ("patches", "history", "confusion", "attention")}
    assert drawn <= {f.stem for f in figures}
    written = [p for folder in (html.parent, html.parent.with_name("figures")) for p in folder.glob("*.*")]
    assert {stat.S_IMODE(p.stat().st_mode) for p in written} == {0o644}
    assert len(re.findall(r"^\w+: the smoke run .+ agrees with its record", printed, flags=re.M)) == len(parts.PARTS)
    steps = re.findall(r"^\[(\d+)/(\d+)\] .+ \(about \d+ s to the end\)$", printed, flags=re.M)
    assert [int(a) for a, _ in steps] == list(range(1, len(parts.PARTS) + 2))

    assert not any((clone / "figures").glob("*")), "nothing outside build/ was written"
    assert not (clone / "report" / "report.html").exists() and not (clone / "report" / "runs").exists()


@pytest.mark.slow
def test_nothing_to_do_is_noticed_quickly_and_touches_nothing(built):
    clone, _ = built
    before = {p: p.stat().st_mtime_ns for p in outputs(clone)}
    start = time.perf_counter()
    again = run(clone, "study.build", "--profile", "quick")
    seconds = time.perf_counter() - start
    assert again.returncode == 0 and again.stdout.startswith("Nothing to do")
    assert {p: p.stat().st_mtime_ns for p in outputs(clone)} == before
    assert seconds < 10  # measured at well under two; a loaded machine gets room


def _start_times(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text())["cells"]
    return [c["metadata"]["papermill"]["start_time"] for c in cells if c["cell_type"] == "code"]


@pytest.mark.slow
def test_one_part_alone_has_its_own_front_page_and_scorecard_and_changed_prose_runs_no_cell(built):
    clone, _ = built
    source = clone / "notebooks" / "part2_nab_autoencoders.py"
    text = source.read_text()
    assert "Accuracy does not apply: it counts right answers" in text
    source.write_text(text.replace("Accuracy does not apply: it", "Accuracy is of no use here: it"))
    executed = clone / "build" / "quick-synthetic" / "executed" / "part2_nab_autoencoders.ipynb"
    before = _start_times(executed)
    done = run(clone, "study.build", "--profile", "quick", "--part", "part2")
    source.write_text(text)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Executing" not in done.stderr
    # papermill's own cell with the given parameters goes; every other cell is the one that ran before.
    assert before and _start_times(executed) == before[:1] + before[2:], "a cell ran again"
    page = BeautifulSoup(outputs(clone)[0].with_name("part2.html").read_text("utf-8"), "html.parser")
    assert "Accuracy is of no use here: it counts right" in " ".join(page.get_text().split())
    tables = [t["id"] for t in page.select("table[id^='tbl:scorecard']")]
    assert tables == ["tbl:scorecard-numbers-part2", "tbl:scorecard-claims-part2", "tbl:scorecard-changed"]
    assert page.find(id="fig:scorecard") is None
    assert {td.get_text() for td in page.select("table[id='tbl:highlights'] td:first-child")} == {"Part II"}
    assert page.select("pre.source") and page.select("pre.definition")


@pytest.mark.parametrize(
    ("arguments", "chosen", "said"),
    [
        (["--profile", "fulll"], {}, "Unknown profile 'fulll'. Choose one of: full, quick."),
        (["--part", "part9"], {}, "Unknown part 'part9'."),
        (["--profile", "quick"], {"DATA": "fake"}, "DATA=fake is unknown."),
        (["--profile", "quick"], {"DATA": "real", "IMAGES": "gone"}, "IMAGES=gone is not there."),
        (["--profile", "quick"], {"DATA": "real", "NEWS_TRAIN": "all"}, "NEWS_TRAIN=all is unknown."),
    ],
)
def test_bad_settings_are_refused(arguments, chosen, said, monkeypatch, capsys):
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    assert build.main(arguments) == 1 and said in capsys.readouterr().err


@pytest.mark.parametrize("verb", [sweep, reproduce, audit])
def test_images_that_are_not_there_are_told(verb, monkeypatch, capsys):
    monkeypatch.setenv("DATA", "real")
    monkeypatch.setenv("IMAGES", "gone")
    assert verb.main(["--profile", "quick", "--part", "bonus"]) == 1
    assert "IMAGES=gone is not there." in capsys.readouterr().err


def test_a_renamed_file_is_another_input(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    one, other = tmp_path / "one", tmp_path / "other"
    for file in (one, other):
        file.write_text("alike")
    assert files.digest_of([one]) != files.digest_of([other])


@pytest.fixture
def up_to_date(monkeypatch, tmp_path):
    """A report that nothing is due for; returns the builds that are made all the same."""
    made = []
    monkeypatch.setattr(making, "make", lambda *given: made.append(given) or ([], []))
    monkeypatch.setattr(build, "write_atomically", lambda file, content: (tmp_path / file.name).write_bytes(content))
    monkeypatch.setattr(build, "noted", lambda file: files.noted(tmp_path / file.name))
    assert build.main([]) == 0 and len(made) == 1
    made.clear()
    return made


def test_what_changes_during_a_build_makes_the_next_one_due(up_to_date, monkeypatch):
    read = [paths.CATALOG]
    monkeypatch.setattr(build, "sources_of", lambda chosen: read)

    def changed(*given):
        up_to_date.append(given)
        read[:] = [paths.PUBLISHED]
        return [], []

    monkeypatch.setattr(making, "make", changed)
    for builds in (1, 2, 2):
        assert build.main([]) == 0 and len(up_to_date) == builds


def test_a_choice_of_other_data_makes_the_report_due(up_to_date, monkeypatch):
    assert build.main([]) == 0 and not up_to_date
    monkeypatch.setenv("NEWS_TRAIN", "official")
    assert build.main([]) == 0 and len(up_to_date) == 1


def test_without_code_it_is_another_document(up_to_date):
    assert build.main(["--no-code"]) == build.main(["--no-code"]) == 0
    assert [given[2:4] for given in up_to_date] == [("report-no-code", False)]


def test_a_damaged_or_missing_document_is_made_again(up_to_date, monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "ROOT", Path(tmp_path.anchor))  # below which every file lies
    document = tmp_path / "report.html"

    def render(*given):
        up_to_date.append(given)
        document.write_text("whole")
        return [document], []

    monkeypatch.setattr(making, "make", render)
    assert build.main([]) == 0
    for harm, builds in (
        (lambda: os.utime(document, (0, 0)), 1),  # file dates mean nothing
        (lambda: document.write_text("damaged"), 2),
        (document.unlink, 3),
    ):
        harm()
        assert build.main([]) == 0 and len(up_to_date) == builds and document.read_text() == "whole"


def test_changed_data_are_noticed_when_nothing_is_due(up_to_date, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(paths, "RAW", tmp_path)
    assert build.main([]) == 0
    (tmp_path / "ag_news").mkdir()
    (tmp_path / "ag_news" / "test.csv").write_text("changed")
    assert build.main([]) == 1
    assert f"{tmp_path / 'ag_news' / 'test.csv'}: wrong content" in capsys.readouterr().err


def test_images_of_ones_own_are_known_by_their_content(monkeypatch, tmp_path):
    (tmp_path / "dogs").mkdir()
    (tmp_path / "dogs" / "1.jpg").write_bytes(b"one")
    monkeypatch.setenv("IMAGES", str(tmp_path))
    chosen = profile.load("full")
    before = build.data_chosen(chosen)
    (tmp_path / "dogs" / "1.jpg").write_bytes(b"two")
    assert build.data_chosen(chosen) != before


@pytest.mark.slow
def test_without_records_and_data_the_build_says_what_to_do(clone, tmp_path):
    """A clone with no record, no data and no network: clear message, exit code, no document."""
    (tmp_path / "empty").mkdir()
    blocked = {
        "DATA_MIRROR": str(tmp_path / "empty"),
        "https_proxy": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    done = run(clone, "study.build", "--profile", "full", "--part", "part2", **blocked)
    assert done.returncode == 1
    assert "can't be had" in done.stderr and "make quick" in done.stderr
    assert not (clone / "report" / "report.html").exists()


def test_two_profiles_never_share_an_output():
    places = [
        getattr(profile.load(name), kind)
        for name in profile.PROFILES
        for kind in ("report", "published_figures", "records", "executed", "figures", "smoke_runs")
    ]
    assert len(set(places)) == len(places)


def test_documents_of_other_data_lie_under_build(monkeypatch):
    committed = profile.load("full")
    monkeypatch.setenv("IMAGES", "mine")
    other = profile.load("full")
    assert (other.records, other.audits) == (committed.records, committed.audits)
    assert other.report.is_relative_to(paths.BUILD) and other.published_figures.is_relative_to(paths.BUILD)
    monkeypatch.setenv("DATA", "synthetic")
    assert profile.load("full").other_data == {}


LISTED = "# %%\ndense_models ="
WIDE = '''# %% tags=["model"]
def wide():
    """A model of the reader's own."""
    return keras.Sequential(
        [
            keras.Input((WINDOW, 1)),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(4, name="bottleneck"),
            layers.Dense(WINDOW),
            layers.Reshape((WINDOW, 1)),
        ]
    )


'''


@pytest.mark.slow
def test_a_changed_and_an_added_model_make_a_draft_that_can_be_adopted(built):
    """Last, because it changes the clone's notebook."""
    clone, _ = built
    source, records = clone / "notebooks" / "part2_nab_autoencoders.py", outputs(clone)[0].parent / "runs"
    committed = {path: path.read_bytes() for path in records.rglob("*") if path.is_file()}
    text = source.read_text()
    narrow = 'layers.Dense(2, activation="relu", name="bottleneck")'
    changed = text.replace(narrow, 'layers.Dense(6, name="bottleneck")', 1)
    changed = changed.replace("models = {", 'models = {"Wide": wide, ', 1).replace(LISTED, WIDE + LISTED, 1)
    assert changed.count("wide") >= 3 and changed.count("Dense(6, name") == 1
    source.write_text(changed)
    done = run(clone, "study.build", "--profile", "quick", "--part", "part2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DRAFT. Part II: base changed" in done.stdout and "make adopt PART=part2" in done.stdout
    page = BeautifulSoup(outputs(clone)[0].with_name("draft-part2.html").read_text("utf-8"), "html.parser")
    assert "DRAFT" in page.get_text()
    for table in ("tbl:nab-r2-table", "tbl:nab-metrics"):
        assert "Wide" in {row.find("td").get_text(strip=True) for row in page.find(id=table).select("tbody tr")}
    assert {path: path.read_bytes() for path in records.rglob("*") if path.is_file()} == committed
    adopted = run(clone, "study.drafts", "--profile", "quick", "--part", "part2")
    assert adopted.returncode == 0, adopted.stderr
    # Those of the changed model stand in the place of the earlier ones.
    assert len([path for path in records.rglob("*") if path.is_file()]) == len(committed)
    assert {path: path.read_bytes() for path in records.rglob("*") if path.is_file()} != committed
