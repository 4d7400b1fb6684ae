"""A report from its parts: what is due of runs and notebooks, then figures and both documents, each step announced."""

import json
import subprocess
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from study import drafts, environment, pairing, parts, paths, profile, repeats
from study.files import alone, noted, write_atomically
from study.publish import assemble
from study.publish.errors import PublishError
from study.publish.execute import execute, is_fresh, refresh_prose, stand_in

# Seconds on two cores with stored records, until a build here has measured its own.
TYPICAL_SECONDS = {"notebook": 25, "prose": 1, "render": 15}


def make(
    chosen: profile.Profile,
    wanted: tuple[parts.Part, ...],
    name: str,
    code: bool,
    key: Callable[[parts.Part], str],
) -> tuple[list[Path], list[str]]:
    """Bring the wanted parts up to date and write their documents; of a draft under a name of its own.

    `key` is the digest of what a part's notebook depends on beside its text; the rest as `assemble` takes it. Returns
    HTML and PDF, and lines for the end of the build. Raises PublishError, OSError, or CalledProcessError.
    """
    for source in pairing.sources():
        pairing.bring_in_step(source)
    parameters = {"profile": chosen.name}
    targets = {part: chosen.executed / f"{part.notebook}.ipynb" for part in wanted}
    trainer, children, drafted = ThreadPoolExecutor(1), [], []  # makes the next part's runs beside this part's notebook
    with alone(chosen.work / "build.lock", f"the report of the profile {chosen.name}"):
        try:
            due = [p for p in wanted if not is_fresh(p.source, targets[p], parameters, key(p), chosen.figures)]
            kinds = ["notebook" if part in due else "prose" for part in wanted]
            steps = _Steps(chosen.work / "seconds.json", [*kinds, "render"])
            trained = {part: trainer.submit(_train, part, chosen, children) for part in due}
            for part, target in targets.items():
                with steps.step(f"{part.key}: {'runs and notebook' if part in due else 'prose'}"):
                    if part in due:
                        trained[part].result()
                        steps.start = time.perf_counter()  # trainings tell their own time
                    draft = drafts.of(part, chosen)
                    drafted += [draft] if draft else []
                    if part not in due:
                        refresh_prose(part.source, target)
                        continue
                    try:
                        execute(part.source, target, parameters, key(part), chosen.figures)
                    except PublishError as error:
                        if not (draft and draft.missing):
                            raise
                        stand_in(part.title, target, str(error))
            with steps.step("figures, HTML and PDF"):
                title = f"draft-{name}".replace("-report", "", 1) if drafted else name
                outputs, warnings = assemble.assemble(chosen, wanted, title, code, drafted)
        finally:
            trainer.shutdown(wait=False, cancel_futures=True)
            for child in children:
                child.terminate()
    smoke = [repeats.smoke_run(part, chosen) for part in due]
    return outputs, [*smoke, *warnings, *(f"DRAFT. {draft.summary()}" for draft in drafted)]


def _train(part: parts.Part, chosen: profile.Profile, children: list[subprocess.Popen]) -> None:
    """Make a part's missing runs and its smoke run in a process, which stands in `children`."""
    command = environment.command("study.train", "--part", part.key, "--profile", chosen.name, "--smoke-run")
    with subprocess.Popen(command, cwd=paths.ROOT) as child:
        children.append(child)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)


class _Steps:
    """Says what is being done, how far it is and how long the rest should take, learning from earlier builds."""

    def __init__(self, file: Path, kinds: list[str]) -> None:
        self.file, self.kinds, self.number, self.start = file, kinds, 0, 0.0
        self.seconds = noted(file)

    @contextmanager
    def step(self, title: str) -> Generator[None]:
        kind, *_ = left = self.kinds[self.number :]
        self.number += 1
        rest = sum(self.seconds.get(k, TYPICAL_SECONDS[k]) for k in left)
        print(f"[{self.number}/{len(self.kinds)}] {title} (about {max(1, round(rest))} s to the end)", flush=True)
        self.start = time.perf_counter()
        yield
        self.seconds[kind] = time.perf_counter() - self.start
        write_atomically(self.file, json.dumps(self.seconds).encode())
