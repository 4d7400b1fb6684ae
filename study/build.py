"""`make report`: runs -> executed notebooks -> figures, HTML and PDF. Does only what its inputs call for.

Whether a step is due is told by content, not by time: file dates mean nothing after a clone. This module imports
little, so that finding nothing to do is quick.
"""

import argparse
import hashlib
import importlib
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from study import parts, paths, profile
from study.files import alone, write_atomically

# Seconds on two cores with stored records, until a build here has measured its own.
TYPICAL_SECONDS = {"notebook": 25, "prose": 1, "render": 15}

DATA_CHOICES = {"IMAGES": "study.vision.images", "NEWS_TRAIN": "study.news.corpus"}
"""Environment variables that choose data, and the modules that know what they mean."""

READ_BY_NOTEBOOKS = (
    paths.CATALOG, paths.PUBLISHED, paths.DETECTOR_TRIALS, paths.CLASSIFIER_TRIALS, paths.VISION_TRIALS,
    paths.MISTAKES_READ,
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m study.build", description=__doc__)
    parser.add_argument("--profile", default="full")
    parser.add_argument("--part", help="one part alone, such as part2; without it the whole report")
    parser.add_argument("--no-code", action="store_true", help="leave the source of the notebooks' cells out")
    given = parser.parse_args(arguments)
    try:
        chosen = profile.load(given.profile)
        wanted = (parts.find(given.part),) if given.part else parts.PARTS
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    name = f"{given.part or 'report'}{'-no-code' if given.no_code else ''}"
    stamp_file = chosen.work / f"stamp-{name}.json"
    try:
        stamp, data = _noted(stamp_file), data_chosen(chosen)
        if stamp and _up_to_date(stamp, digest_of(everything_read(chosen), data)):
            print(f"Nothing to do: {', '.join(stamp['outputs'])} are up to date.")
            return 0
        return _build(chosen, wanted, data, name, not given.no_code, stamp_file)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def everything_read(chosen: profile.Profile) -> list[Path]:
    """Every file whose content the report depends on."""
    return [
        *sorted(paths.NOTEBOOKS.glob("*.py")),
        *sorted(paths.STUDY.rglob("*.py")),
        *sorted(p for p in paths.TEMPLATES.rglob("*") if p.is_file()),
        paths.BIBLIOGRAPHY,
        paths.ASSIGNMENT,
        *([paths.BENCHMARKS] if paths.BENCHMARKS.exists() else []),
        *READ_BY_NOTEBOOKS,
        *sorted(chosen.reproductions.glob("*.json")),
        *sorted(chosen.records.rglob("*.json")),
        *sorted(chosen.records.rglob("*.npz")),
    ]


def read_by(part: parts.Part, chosen: profile.Profile) -> list[Path]:
    """Every file beside the notebook that the execution of one part's notebook depends on."""
    building = {paths.STUDY / f"{name}.py" for name in ("build", "parts", "sweep")}
    apart = {paths.STUDY / "publish", paths.STUDY / "bench"}
    code = [p for p in sorted(paths.STUDY.rglob("*.py")) if p not in building and not apart & set(p.parents)]
    records = sorted(p for p in chosen.records.glob(f"{part.tasks}*/*") if p.suffix in (".json", ".npz"))
    return [*code, *READ_BY_NOTEBOOKS, *records]


def data_chosen(chosen: profile.Profile) -> str:
    """What the variables in DATA_CHOICES that are set choose, images of one's own by their content.

    Raises ValueError or catalog.DataError when one of them names nothing that can be read.
    """
    modules = [importlib.import_module(module) for name, module in DATA_CHOICES.items() if os.environ.get(name)]
    return json.dumps([module.data_names(chosen.data) for module in modules])


def digest_of(files: list[Path], also: str = "") -> str:
    """One SHA-256 over the names and contents of files, and over a text."""
    total = hashlib.sha256(also.encode())
    for file in files:
        total.update(str(file.relative_to(paths.ROOT)).encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def _up_to_date(stamp: dict, inputs: str) -> bool:
    present = all((paths.ROOT / name).exists() for name in stamp["outputs"])
    return (
        stamp["inputs"] == inputs
        and present
        and digest_of([paths.ROOT / n for n in stamp["outputs"]]) == stamp["digest"]
    )


def _build(
    chosen: profile.Profile, wanted: tuple[parts.Part, ...], data: str, name: str, code: bool, stamp_file: Path
) -> int:
    # Heavy imports wait until something is due.
    from study.publish import PublishError, assemble
    from study.publish.execute import execute, is_fresh, refresh_prose

    chosen.work.mkdir(parents=True, exist_ok=True)
    parameters = {"profile": chosen.name}
    key = lambda part: digest_of(read_by(part, chosen), data)  # noqa: E731
    targets = {part: chosen.executed / f"{part.notebook}.ipynb" for part in wanted}
    with alone(chosen.work / "build.lock", f"the report of the profile {chosen.name}"):
        trainer, children = ThreadPoolExecutor(1), []  # makes the next part's runs while a notebook is executed
        try:
            due = [p for p in wanted if not is_fresh(p.source, targets[p], parameters, key(p))]
            kinds = ["notebook" if part in due else "prose" for part in wanted]
            steps = _Steps(chosen.work / "seconds.json", [*kinds, "render"])
            trained = {part: trainer.submit(_train, part, chosen, children) for part in due}
            for part, target in targets.items():
                with steps.step(f"{part.key}: {'runs and notebook' if part in due else 'prose'}"):
                    if part in due:
                        trained[part].result()
                        steps.start = time.perf_counter()  # trainings tell their own time
                        execute(part.source, target, parameters, key(part))
                    else:
                        refresh_prose(part.source, target)
            with steps.step("figures, HTML and PDF"):
                outputs = assemble.assemble(chosen, wanted, name, code)
        except (PublishError, subprocess.CalledProcessError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        finally:
            trainer.shutdown(wait=False, cancel_futures=True)
            for child in children:
                child.terminate()
    names = [str(path.relative_to(paths.ROOT)) for path in outputs]
    # Training may have added records, so the inputs are read again.
    stamp = {
        "inputs": digest_of(everything_read(chosen), data), "outputs": names,
        "digest": digest_of([paths.ROOT / n for n in names]),
    }  # fmt: skip
    write_atomically(stamp_file, json.dumps(stamp, indent=1).encode())
    for path in outputs:
        print(f"{path.relative_to(paths.ROOT)}  {path.stat().st_size / 1e6:.1f} MB")
    return 0


def _noted(file: Path) -> dict:
    """What an earlier build noted; nothing if there is no such file or, said on standard error, if it is damaged."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        print(f"Damaged note {file} ({error}); it is written anew.", file=sys.stderr)
        return {}


def _train(part: parts.Part, chosen: profile.Profile, children: list[subprocess.Popen]) -> None:
    """Make a part's missing runs and its sentinel in a process, which stands in `children`."""
    command = [sys.executable, "-m", "study.train", "--part", part.key, "--profile", chosen.name, "--sentinel"]
    with subprocess.Popen(command, cwd=paths.ROOT) as child:
        children.append(child)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)


class _Steps:
    """Says what is being done, how far it is and how long the rest should take, learning from earlier builds."""

    def __init__(self, file: Path, kinds: list[str]) -> None:
        self.file, self.kinds, self.number = file, kinds, 0
        self.seconds = _noted(file)

    def step(self, title: str) -> "_Steps":
        self.title = title
        return self

    def __enter__(self) -> None:
        self.number += 1
        rest = sum(self.seconds.get(k, TYPICAL_SECONDS[k]) for k in self.kinds[self.number - 1 :])
        print(f"[{self.number}/{len(self.kinds)}] {self.title} (about {max(1, round(rest))} s to the end)", flush=True)
        self.start = time.perf_counter()

    def __exit__(self, kind, error, trace) -> None:
        if error is None:
            self.seconds[self.kinds[self.number - 1]] = time.perf_counter() - self.start
            write_atomically(self.file, json.dumps(self.seconds).encode())


if __name__ == "__main__":
    os.chdir(paths.ROOT)
    sys.exit(main())
