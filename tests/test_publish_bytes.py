"""The same records give the same documents to the byte, at another place, time, user and processor."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import committed
import jupytext
import pytest

from study import parts, paths, profile, runs
from study.publish import assemble

# The cheapest to execute, and it computes with NumPy and PyTorch; others: BYTES_OF="part2 part4".
PARTS = os.environ.get("BYTES_OF", "part3").split()
# A build shuts these out; let in here, they stand for an older processor.
INSTRUCTIONS = {
    "OPENBLAS_CORETYPE": "Nehalem",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    "ATEN_CPU_CAPABILITY": "default",
}


def built(part: str, folder: Path, umask: int, command: tuple[str, ...] = (), **given: str) -> dict[str, bytes]:
    """What a build of one part writes in a copy of this checkout: the content of each file by its name."""
    unneeded = lambda name: name.startswith(("figures/", "report/runs/")) and f"/runs/{part}-" not in name  # noqa: E731
    committed.checkout(folder, unneeded)
    environment = folder / "study" / "environment.py"
    text = environment.read_text(encoding="utf-8")
    assert text.count("KEPT = {\n") == 1
    environment.write_text(text.replace("KEPT = {\n", f"KEPT = {{\n    *{list(INSTRUCTIONS)},\n"), encoding="utf-8")
    env = {name: value for name, value in os.environ.items() if name not in ("DATA", "STUDY_STARTED")} | given
    build = [sys.executable, "-I", "-X", "utf8", "study/environment.py", "study.build", "--part", part]
    done = subprocess.run([*command, *build], cwd=folder, env=env, capture_output=True, text=True, umask=umask)
    assert done.returncode == 0, done.stdout + done.stderr
    files = [*(folder / "figures").iterdir(), *(folder / "report" / f"{part}.{kind}" for kind in ("html", "pdf"))]
    return {file.name: file.read_bytes() for file in files}


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_two_builds_give_the_same_bytes(part, tmp_path):
    here = built(part, tmp_path / "here", 0o022)
    hostile = {"TZ": "Asia/Tokyo", "LANG": "tr_TR.UTF-8", "LC_ALL": "tr_TR.UTF-8", "HOME": str(tmp_path / "nobody")}
    one_core = ("taskset", "-c", str(min(os.sched_getaffinity(0)))) if shutil.which("taskset") else ()
    there = built(part, tmp_path / "there" / "in a folder", 0o077, one_core, **hostile, **INSTRUCTIONS)
    assert len(here) > 4 and set(here) == set(there)
    assert [name for name, content in here.items() if content != there[name]] == []


@pytest.mark.slow
def test_the_committed_report_is_made_of_these_notebooks_and_records():
    chosen = profile.load("full")
    store = runs.Store(chosen.records)
    records = [store.load(spec) for part in parts.PARTS for spec in part.experiments.specs(chosen)]
    source = assemble.digest((jupytext.read(part.source) for part in parts.PARTS), records)
    told = json.loads((paths.REPORT / "results.json").read_text(encoding="utf-8"))["source"]
    assert told == source, (
        "the documents are of other notebooks or records: run `make report` and commit what it writes"
    )
