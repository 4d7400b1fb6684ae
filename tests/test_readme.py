"""README keeps its word: its results are those of the records, its map and its verbs are those of the tree."""

import re
import subprocess
import sys

from study import paths

README = (paths.ROOT / "README.md").read_text(encoding="utf-8")


def test_results_are_those_of_the_records():
    from study import results

    assert results.updated(README) == README, "run `python -m study.results`"


def test_the_table_needs_neither_framework():
    check = "import sys; from study import results; assert not {'tensorflow', 'keras', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], cwd=paths.ROOT, check=True)


def test_the_map_names_what_is_there():
    house = README.split("## Map of the house")[1].split("```")[1]
    folder, named = "", set()
    for line in house.strip().splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            folder = name
        named.add(paths.ROOT / (name if name == folder else folder + name))
    assert [str(path) for path in named if not path.exists()] == []
    assert {path for path in paths.STUDY.glob("[!_]*") if any(path.rglob("*.py")) or path.suffix == ".py"} <= named


def test_links_and_pictures_are_there():
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", README) if not target.startswith("https://")]
    assert len(targets) > 5 and [t for t in targets if not (paths.ROOT / t).exists()] == []


def test_the_verbs_are_those_of_the_makefile():
    told = set(re.findall(r"^\| `make (\w+)`", README, flags=re.M))
    made = set(re.findall(r"^(\w+):.*##", (paths.ROOT / "Makefile").read_text(), flags=re.M))
    assert told == made - {"help"}


def test_ci_calls_the_test_command_of_the_readme():
    assert "make test" in README and "make test" in (paths.ROOT / ".ci" / "run").read_text()
