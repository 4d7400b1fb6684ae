"""The whole road on small synthetic data: make-like verbs, nothing-to-do, prose-only change, both documents."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from study import build, parts, paths, profile
from study.publish import front


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A copy of the tracked and new files, as a fresh clone would have them, without records, report and figures."""
    folder = tmp_path_factory.mktemp("clone") / "project"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=paths.ROOT, capture_output=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.decode().split("\0")):
        source = paths.ROOT / name
        if source.is_file() and not name.startswith(("report/runs", "figures/", "report/report.")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / name)
    return folder


def run(clone: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    env = {k: v for k, v in os.environ.items() if k not in ("DATA", "DATA_MIRROR")}
    env |= {"PYTHONPATH": str(clone), **environment}
    return subprocess.run([sys.executable, *arguments], cwd=clone, env=env, capture_output=True, text=True)


@pytest.fixture(scope="module")
def built(clone):
    done = run(clone, "-m", "study.build", "--profile", "quick")
    assert done.returncode == 0, done.stdout + done.stderr
    return clone, done.stdout


def outputs(clone):
    folder = clone / "build" / "quick-synthetic" / "output" / "report"
    return folder / "report.html", folder / "report.pdf"


def test_quick_trains_executes_and_renders_from_nothing(built):
    clone, printed = built
    html, pdf = outputs(clone)
    assert pdf.read_bytes().startswith(b"%PDF")
    text = html.read_text(encoding="utf-8")
    assert "SYNTHETIC" in text
    for part in parts.PARTS:
        title = re.search(r"^# # (.+)$", part.source.read_text(), flags=re.M)[1]
        assert title in text
    soup = BeautifulSoup(text, "html.parser")
    assert "nothing here is a finding" in soup.find(class_="abstract").get_text()
    answers = [a["href"][1:] for a in soup.select("#where-each-question-is-answered + ul a")]
    assert len(answers) == sum(len(front.questions(part)) for part in parts.PARTS)
    assert all(soup.find(id=target).name in ("h2", "h3", "h4") for target in answers)
    for key in ("fig:scorecard", *(f"tbl:scorecard-claims-{part.key}" for part in parts.PARTS)):
        assert soup.find(id=key) is not None
    figures = list((clone / "build" / "quick-synthetic" / "output" / "figures").glob("*.png"))
    assert figures and all(f.with_suffix(".svg").exists() for f in figures)
    steps = re.findall(r"^\[(\d+)/(\d+)\] .+ \(about \d+ s to the end\)$", printed, flags=re.M)
    assert [int(a) for a, _ in steps] == list(range(1, len(parts.PARTS) + 2))


def test_nothing_outside_build_was_written(built):
    clone, _ = built
    assert not (clone / "figures").exists() or not any((clone / "figures").iterdir())
    assert not (clone / "report" / "report.html").exists() and not (clone / "report" / "runs").exists()


def test_nothing_to_do_is_noticed_quickly_and_touches_nothing(built):
    clone, _ = built
    before = {p: p.stat().st_mtime_ns for p in outputs(clone)}
    start = time.perf_counter()
    again = run(clone, "-m", "study.build", "--profile", "quick")
    seconds = time.perf_counter() - start
    assert again.returncode == 0 and again.stdout.startswith("Nothing to do")
    assert {p: p.stat().st_mtime_ns for p in outputs(clone)} == before
    assert seconds < 10  # measured at well under two; a loaded machine gets room


def _start_times(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text())["cells"]
    return [c["metadata"]["papermill"]["start_time"] for c in cells if c["cell_type"] == "code"]


def test_a_damaged_output_is_made_again_and_prose_runs_no_cell(built):
    clone, _ = built
    html, _ = outputs(clone)
    html.write_text("damaged")
    source = clone / "notebooks" / "part2_nab_autoencoders.py"
    text = source.read_text()
    assert "Accuracy does not apply." in text
    source.write_text(text.replace("Accuracy does not apply.", "Accuracy is of no use here."))
    executed = clone / "build" / "quick-synthetic" / "executed" / "part2_nab_autoencoders.ipynb"
    before = _start_times(executed)
    again = run(clone, "-m", "study.build", "--profile", "quick")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Executing" not in again.stderr
    # papermill's own cell with the given parameters goes; every other cell is the one that ran before.
    assert before and _start_times(executed) == before[:1] + before[2:], "a cell ran again"
    assert "Accuracy is of no use here." in html.read_text(encoding="utf-8")
    source.write_text(text)


def test_one_part_alone_has_its_own_front_page_and_scorecard(built):
    clone, _ = built
    done = run(clone, "-m", "study.build", "--profile", "quick", "--part", "part2")
    assert done.returncode == 0, done.stdout + done.stderr
    page = outputs(clone)[0].with_name("part2.html").read_text(encoding="utf-8")
    soup = BeautifulSoup(page, "html.parser")
    tables = [t["id"] for t in soup.select("table[id^='tbl:scorecard']")]
    assert tables == ["tbl:scorecard-numbers-part2", "tbl:scorecard-claims-part2"]
    assert soup.find(id="fig:scorecard") is None
    assert {td.get_text() for td in soup.select("table[id='tbl:glance'] td:first-child")} == {"Part II"}


def test_without_code_the_cells_show_what_they_made_and_no_source(built):
    clone, _ = built
    pages = {}
    for chosen, name in (((), "part3"), (("--no-code",), "part3-no-code")):
        done = run(clone, "-m", "study.build", "--profile", "quick", "--part", "part3", *chosen)
        assert done.returncode == 0, done.stdout + done.stderr
        pages[name] = BeautifulSoup(outputs(clone)[0].with_name(f"{name}.html").read_text("utf-8"), "html.parser")
    with_code, without = pages.values()
    assert with_code.select("pre.source") and not without.select("pre.source")
    assert len(without.select("figure")) == len(with_code.select("figure"))
    assert len(without.select("pre.definition")) == len(with_code.select("pre.definition")) > 0


def test_reproduce_agrees_on_the_same_machine(built):
    clone, _ = built
    done = run(clone, "-m", "study.reproduce", "--profile", "quick", "--part", "part2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ numbers compared, 0 outside their tolerance", done.stdout)
    table = done.stdout.splitlines()
    assert sum(line.endswith(" agrees") for line in table) > 10
    assert all(line.split()[-3] == "0" for line in table if line.endswith(" agrees")), (
        "same machine, same seed: identical"
    )


def test_a_number_outside_its_tolerance_fails_reproduction(built):
    clone, _ = built
    program = (
        "import sys; from study import parts, profile, reproduce, runs\n"
        "from study.anomaly import recipes\n"
        "P = profile.load('quick'); part = parts.find('part2'); store = runs.Store(P.records)\n"
        "old = store.load(recipes.sentinel(P))\n"
        "new = runs.Record(old.spec, {**old.metrics, 'last_loss': old.metrics['last_loss'] * 1.2}, old.arrays, {})\n"
        "rows = reproduce.rows_of(part, old, new)\n"
        "print([(r.quantity, r.agrees) for r in rows])"
    )
    done = run(clone, "-c", program)
    assert "('train_loss', True), ('last_loss', False), ('middle_loss', True)" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["--profile", "fulll"], {}, "Unknown profile 'fulll'. Choose one of: full, quick."),
        (["--part", "part9"], {}, "Unknown part 'part9'."),
        (["--profile", "quick"], {"DATA": "fake"}, "DATA=fake is unknown."),
        (["--profile", "quick"], {"DATA": "real", "IMAGES": "gone"}, "IMAGES=gone is not there."),
        (["--profile", "quick"], {"DATA": "real", "NEWS_TRAIN": "all"}, "NEWS_TRAIN=all is unknown."),
    ],
)
def test_bad_settings_are_refused(clone, arguments, environment, said):
    done = run(clone, "-m", "study.build", *arguments, **environment)
    assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", ["sweep", "reproduce"])
def test_images_that_are_not_there_are_told(clone, verb):
    choice = {"DATA": "real", "IMAGES": "gone"}
    done = run(clone, "-m", f"study.{verb}", "--profile", "quick", "--part", "bonus", **choice)
    assert done.returncode == 1 and "IMAGES=gone is not there." in done.stderr and "Traceback" not in done.stderr


def test_a_choice_of_other_data_makes_the_report_due(monkeypatch):
    chosen, made = profile.load("full"), []
    stamp = {"inputs": build.digest_of(build.everything_read(chosen), build.data_chosen(chosen)), "outputs": []}
    monkeypatch.setattr(build, "_noted", lambda file: stamp | {"digest": build.digest_of([])})
    monkeypatch.setattr(build, "_build", lambda *given: made.append(given) or 0)
    assert build.main([]) == 0 and not made
    monkeypatch.setenv("NEWS_TRAIN", "official")
    assert build.main([]) == 0 and len(made) == 1


def test_images_of_ones_own_are_known_by_their_content(monkeypatch, tmp_path):
    (tmp_path / "dogs").mkdir()
    (tmp_path / "dogs" / "1.jpg").write_bytes(b"one")
    monkeypatch.setenv("IMAGES", str(tmp_path))
    chosen = profile.load("full")
    before = build.data_chosen(chosen)
    (tmp_path / "dogs" / "1.jpg").write_bytes(b"two")
    assert build.data_chosen(chosen) != before


def test_without_records_and_data_the_build_says_what_to_do(clone, tmp_path):
    """A clone with no record, no data and no network: clear message, exit code, no document."""
    (tmp_path / "empty").mkdir()
    blocked = {
        "DATA_MIRROR": str(tmp_path / "empty"),
        "https_proxy": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    done = run(clone, "-m", "study.build", "--profile", "full", "--part", "part2", **blocked)
    assert done.returncode == 1
    assert "can't be had" in done.stderr and "make quick" in done.stderr
    assert not (clone / "report" / "report.html").exists()


def test_two_profiles_never_share_an_output():
    places = [
        getattr(profile.load(name), kind)
        for name in profile.PROFILES
        for kind in ("report", "published_figures", "records", "executed", "figures", "sentinels")
    ]
    assert len(set(places)) == len(places)


def test_make_alone_lists_the_verbs():
    listed = subprocess.run(["make", "-s"], cwd=paths.ROOT, capture_output=True, text=True, check=True).stdout
    for verb in ("report", "test", "lab", "reproduce", "quick", "data", "bench", "clean", "help"):
        assert re.search(rf"^make {verb}\s+\S", listed, flags=re.M), verb


def test_a_model_of_ones_own_joins_the_leaderboard_as_the_readme_says(built):
    """Last, because it changes the clone's code."""
    clone, _ = built
    recipe = next(block for block in paths.ROOT.joinpath("README.md").read_text().split("```") if "def wide" in block)
    for file, body in re.findall(r"^# (study/\S+\.py), .+\n((?:(?!# study/).*\n)+)", recipe, flags=re.M):
        text = (clone / file).read_text()
        empty = re.search(r"^ADDED.* = \(\)$", text, flags=re.M)
        (clone / file).write_text(text.replace(empty[0], body) if "ADDED" in body else text + body)
    done = run(clone, "-m", "study.build", "--profile", "quick", "--part", "part2")
    assert done.returncode == 0, done.stdout + done.stderr
    page = BeautifulSoup(outputs(clone)[0].with_name("part2.html").read_text("utf-8"), "html.parser")
    board = page.find("table", id="tbl:nab-board")
    assert "Wide" in {row.find("td").get_text(strip=True) for row in board.select("tbody tr")}
