"""Seconds of the build's steps."""

import subprocess
from pathlib import Path

from study import environment, paths
from study.bench import seconds
from study.profile import Profile


def measure(chosen: Profile, work: Path) -> dict:
    """Seconds of `make report`'s program with nothing to do, and after a change of prose alone (both documents)."""

    def build() -> None:
        command = environment.command("study.build", "--profile", chosen.name)
        subprocess.run(command, cwd=paths.ROOT, check=True, stdout=subprocess.DEVNULL)

    def render() -> None:
        (chosen.work / "stamp-report.json").unlink()
        build()

    build()
    return {"nothing to do": seconds(build), "prose changed": seconds(render)}
