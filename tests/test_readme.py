"""README keeps its word: its results are those of the records, its map and its verbs are those of the tree."""

import re
import shutil
import subprocess

import pytest

from study import paths, results

README = (paths.ROOT / "README.md").read_text(encoding="utf-8")


def test_results_are_those_of_the_records():
    assert results.updated(README) == README, "run `python -m study.results`"


def test_the_layout_names_what_is_there():
    layout = README.split("## Repository layout")[1].split("```")[1]
    named, inside = set(), ""
    for line in layout.strip().splitlines():
        words = re.split(r"\s{3,}", line.strip())[0].split()
        inside = inside if line.startswith(" ") else ""
        named |= {f"{inside}{word}" for word in words}
        inside = inside or (words[0] if words[0] == "study/" else "")
    assert [name for name in named if not (paths.ROOT / name).exists()] == []
    folders = {f"{path.name}/" for path in paths.ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    tracked = subprocess.run(["git", "ls-files"], cwd=paths.ROOT, capture_output=True, text=True, check=True).stdout
    kept = {name for name in folders if re.search(f"^{name}", tracked, flags=re.M)}
    parts = {f"study/{path.name}/" for path in paths.STUDY.iterdir() if (path / "__init__.py").exists()}
    assert kept | parts <= named


def test_links_and_pictures_are_there():
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", README) if not target.startswith("https://")]
    assert len(targets) > 5 and [t for t in targets if not (paths.ROOT / t).exists()] == []


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
def test_the_verbs_are_those_that_make_lists():
    told = set(re.findall(r"^\| `make ([\w-]+)`", README, flags=re.M))
    listed = subprocess.run(["make", "-s"], cwd=paths.ROOT, capture_output=True, text=True, check=True).stdout
    assert told == set(re.findall(r"^make ([\w-]+) +\S", listed, flags=re.M)) - {"help"}
