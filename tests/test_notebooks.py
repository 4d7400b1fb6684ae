"""The notebooks as their author has them: text and .ipynb in step, no outputs, no result typed by hand."""

import ast
import os
import re
import shutil
import subprocess
import time
import tomllib

import jupytext
import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

from study import contents, environment, links, pairing, parts, paths, profile
from study.publish import front
from study.publish.errors import PublishError

NUMBERS = links.of_report()
SOURCES = sorted(paths.NOTEBOOKS.glob("*.py"))


def test_every_part_has_its_notebook():
    assert {part.source for part in parts.PARTS} == set(SOURCES)


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_the_ipynb_collapses_what_readers_need_not_see(source):
    paired = pairing.paired(source)
    for cell in paired.cells:
        collapsed = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        tags = set(cell.metadata.get("tags", []))
        hidden = {"hide-input", "setup", "parameters"} if cell.cell_type == "code" else {"answer"}
        assert collapsed == bool(tags & hidden)


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_saving_in_jupyterlab_changes_nothing_but_what_the_author_changed(source):
    notebook = pairing.paired(source)
    contents.decorate(notebook, NUMBERS)
    answers = [cell for cell in notebook.cells if "answer" in cell.metadata.get("tags", [])]
    assert answers and all(cell.source.startswith(":::{dropdown} Answer: ") for cell in answers)
    for cell in notebook.cells:  # as JupyterLab keeps it after Run All
        cell.metadata |= {"trusted": True, "scrolled": False, "user_expressions": [{"expression": "x", "result": {}}]}
        if cell.cell_type == "code":
            cell.execution_count, cell.outputs = 1, [nbformat.v4.new_output("stream", text="shown")]
    notebook.metadata["language_info"] = {"name": "python", "version": "3.11.7"}
    saved = contents.plain(notebook, NUMBERS)
    assert jupytext.writes(saved, fmt="py:percent") == source.read_text(encoding="utf-8")
    paired = source.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert nbformat.writes(saved) + "\n" == paired, f"run `make pair` after a change of {source.name}"


def test_jupyterlab_shows_numbers_and_the_cited_sources():
    notebook = pairing.paired(parts.find("part2").source)
    contents.decorate(notebook, {"nab-series": "Figure 1", "nab-losses": "Table 2"})
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert prose[0] == contents.HINT and "[Table 2](#nab-losses)" in " ".join(prose)
    assert "(lavin2015evaluating)=\nLavin, Alexander, and Subutai Ahmad. 2015." in prose[-1]
    assert prose[-1].count(")=\n") == len(set(re.findall(r"\]\(#([a-z]+\d{4}\w*)\)", " ".join(prose))))


def written(folder, old="", new=""):
    """A pair of files that are in step, of which the text was then changed."""
    source = folder / "part.py"
    shutil.copy(paths.NOTEBOOKS / "part3_self_attention_theory.py", source)
    assert pairing.bring_in_step(source)
    assert not pairing.bring_in_step(source) and not pairing.renew(source)
    text = source.read_text(encoding="utf-8")
    assert old in text
    source.write_text(text.replace(old, new, 1), encoding="utf-8")
    return source


def test_a_typo_mended_in_the_text_leaves_no_stale_ipynb_and_keeps_outputs(tmp_path):
    source = written(tmp_path)
    target = source.with_suffix(".ipynb")
    run = nbformat.read(target, as_version=4)
    code = [cell for cell in run.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, start=1):
        cell.execution_count, cell.outputs = number, [nbformat.v4.new_output("stream", text="shown")]
    nbformat.write(run, target)
    assert not pairing.bring_in_step(source)  # outputs alone are no difference
    text = source.read_text(encoding="utf-8")
    source.write_text(text.replace("Theoretical part", "Theory", 1).replace("import math", "import cmath", 1))
    assert pairing.bring_in_step(source)
    renewed = nbformat.read(target, as_version=4)
    assert "Theory" in renewed.cells[0].source
    assert [bool(cell.get("outputs")) for cell in renewed.cells if cell.cell_type == "code"].count(True) >= len(
        code
    ) - 1
    assert jupytext.writes(renewed, fmt="py:percent") == source.read_text()
    assert pairing.renew(source)
    assert target.read_text() == nbformat.writes(pairing.paired(source)) + "\n"


def test_a_change_made_in_the_ipynb_alone_is_not_lost(tmp_path, capsys, monkeypatch):
    source = written(tmp_path)
    target = source.with_suffix(".ipynb")
    changed = target.read_text().replace("Theoretical part", "Theory", 1)
    target.write_text(changed)
    os.utime(source, (time.time() - 60,) * 2)
    with pytest.raises(pairing.PairingError, match="was changed after part.py.*jupytext --to py:percent.*make pair"):
        pairing.bring_in_step(source)
    assert target.read_text() == changed
    target.write_text("{")
    with pytest.raises(pairing.PairingError, match="part.ipynb is no notebook.*`make pair`"):
        pairing.bring_in_step(source)
    monkeypatch.setattr(paths, "NOTEBOOKS", tmp_path)
    assert pairing.main(["--in-step"]) == 1 and "part.ipynb is no notebook" in capsys.readouterr().err


def told_by_a_kernel(**variables):
    """The profile that a notebook's `profile.load("full")` gives in a kernel, and where its figures go."""
    manager, client = start_new_kernel(kernel_name="python3", env=os.environ | variables)
    try:
        code = (
            "from study import profile; chosen = profile.load('full'); print(chosen.name, chosen.figures.name, end='')"
        )
        said = []
        client.execute_interactive(code, output_hook=lambda message: said.append(message["content"].get("text")))
        return "".join(filter(None, said))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_student_takes_another_profile_without_an_edit_and_a_build_its_own():
    assert told_by_a_kernel(STUDY_PROFILE="quick") == "quick lab-figures"
    assert told_by_a_kernel(STUDY_PROFILE="quick", **{environment.BUILDING: "yes"}) == "full figures"
    assert profile.load("full").name == "full" and profile.load("full").figures.name == "figures"


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
@pytest.mark.parametrize(("given", "expected"), [((), False), (("PROFILE=full",), False), (("PROFILE=quick",), True)])
def test_make_lab_hands_the_profile_on_and_works_as_root(given, expected):
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "PROFILE")}
    shown = subprocess.check_output(["make", "-n", "lab", *given], cwd=paths.ROOT, env=env, text=True)
    assert ("STUDY_PROFILE=quick" in shown) == expected == ("STUDY_PROFILE" in shown)
    assert ("--allow-root" in shown) == (os.getuid() == 0)
    assert "study.pairing --in-step" in shown


SHOWS = ("say", "figure", "plot", "table")  # methods of study.page.Page that take text


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_no_measured_result_is_typed_by_hand(source):
    """Decimals and percentages with a decimal in prose, or in the fixed text of sentences and captions, are results."""
    typed = re.compile(r"(?<![\w.=-])\d+\.\d+(?!\w*[)\]}])|\d+\.\d+ ?%")
    for cell in jupytext.read(source).cells:
        text = cell.source if cell.cell_type != "code" else " ".join(_fixed_text(cell.source))
        found = typed.findall(re.sub(r"`[^`]*`|“[^”]*”|\[[^\]]*\]\([^)]*\)|\$[^$]*\$", "", text))
        assert not found, f"{source.name}: typed by hand: {found}"


def _fixed_text(code):
    """The text in what a cell shows that is not computed."""
    for call in ast.walk(ast.parse(code)):
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") in SHOWS:
            for value in (*call.args, *(keyword.value for keyword in call.keywords)):
                for part in [value] if not isinstance(value, ast.JoinedStr) else value.values:
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield part.value


@pytest.mark.parametrize("part", parts.PARTS, ids=lambda p: p.key)
def test_every_question_of_the_assignment_has_its_heading(part):
    assigned = tomllib.loads(paths.ASSIGNMENT.read_text(encoding="utf-8"))
    assert part.key in assigned, f"{paths.ASSIGNMENT.name} lacks the points and questions of {part.key}"
    assert len(front.questions(part)) == 1 + len(assigned[part.key]["questions"])


def test_a_question_without_its_heading_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "ASSIGNMENT", tmp_path / "assignment.toml")
    paths.ASSIGNMENT.write_text('[part1]\ntitle = "Part I"\npoints = 10\nquestions = ["Why?"]\n')
    with pytest.raises(PublishError, match="no heading “Why\\?”: repeat the question there, or correct .*assignment"):
        front.questions(parts.find("part1"))
