"""`make sweep`: the missing runs of one part, several at a time, on this machine or on a Dask cluster.

A run is an independent value, so it may be made anywhere: its spec goes out, its record comes back and is stored here.
Each is made in a process of its own: PyTorch and TensorFlow never meet, and a crash ends one run only.
"""

import concurrent.futures
import json
import os
import platform
import re
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

from tqdm.auto import tqdm

from study import catalog, commands, definitions, environment, parts, paths, profile, runs
from study.files import digest_of
from study.prose import count, join_list

WORKERS = 2
"""Runs at a time on this machine, by default: two with half the cores each outpace one with all."""
TRIES = 3
CONNECTION_SECONDS = 10
KILLED = {-signal.SIGKILL, -signal.SIGSEGV, -signal.SIGBUS, -signal.SIGABRT}
"""Exit codes of a process that did not end by itself: out of memory, a crash of native code."""


class RunError(ValueError):
    """A run that can't be made; the message says where and why."""


def with_seeds(chosen: profile.Profile, part: parts.Part, seeds: tuple[int, ...]) -> profile.Profile:
    """The profile with other seeds for one part. Raises ValueError for a part without a list of seeds."""
    settings = getattr(chosen, part.key)
    if "seeds" not in {field.name for field in fields(settings)}:
        raise ValueError(f"{part.key} has no list of seeds in study/profile.py; leave SEEDS out")
    return replace(chosen, **{part.key: replace(settings, seeds=seeds)})


def seeds_of(text: str) -> tuple[int, ...]:
    """Seeds from `0-9` or `0,3,5`. Raises ValueError for anything else."""
    if not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", text):
        raise ValueError(f"SEEDS={text} is no list of seeds. Write 0-9 or 0,3,5.")
    found = set()
    for first, _, last in (piece.partition("-") for piece in text.split(",")):
        found |= set(range(int(first), int(last or first) + 1))
    return tuple(sorted(found))


def project() -> str:
    """A digest of this checkout's code, catalog and models, as they are now; the notebooks' prose is left aside."""
    models = [definitions.in_notebook(file) for file in sorted(paths.NOTEBOOKS.glob("*.py"))]
    return digest_of([*sorted(paths.STUDY.rglob("*.py")), paths.CATALOG], json.dumps(models))[:12]


def make(spec: dict, expected: str, threads: int | None = None, kept: str = "sweep") -> runs.Record:
    """Make one run on the machine where this is called, from verified data, in a process with so many threads.

    `expected` is the caller's `project()`. A process that is killed is started again and goes on at its last epoch; a
    record that was made but did not arrive is in the folder `kept` below `build/` and is not made again. Raises
    RunError.
    """
    where = f"{runs.label(spec)}, on {platform.node()}"
    for obstacle in _obstacles(expected, catalog.listed(spec["data"])):
        raise RunError(f"{where}: {obstacle}")
    store = runs.Store(paths.BUILD / kept / expected)
    command = environment.command(
        "study.train", "--part", parts.of(spec).key, "--store", str(store.folder), "--spec", runs.canonical(spec)
    )
    variables = dict(os.environ) | ({"OMP_NUM_THREADS": str(threads)} if threads else {})
    for _ in range(TRIES):
        done = subprocess.run(command, cwd=paths.ROOT, env=variables, capture_output=True, text=True)
        if done.returncode not in KILLED:
            break
    record = store.load(spec) if done.returncode == 0 else None
    if record is None:
        raise RunError(f"{where}: ended with {done.returncode}. {done.stderr.strip()[-2000:]}")
    return record


def sweep(
    specs: Sequence[dict],
    store: runs.Store,
    executor: concurrent.futures.Executor,
    threads: int | None = None,
    kept: str = "sweep",
) -> list[str]:
    """Make the runs that the store lacks, each once as `make` does, and store each as it comes; returns what failed."""
    wanted = {runs.digest(spec): spec for spec in store.missing(specs)}
    print(f"{count(len(wanted), 'run')} to be made", flush=True)
    expected, failed = project(), []
    # Nothing else may hold a future that has ended: a cluster that loses its worker would make that run again.
    ended = concurrent.futures.as_completed(
        [executor.submit(make, spec, expected, threads, kept) for spec in wanted.values()]
    )
    with tqdm(total=len(wanted), desc="runs", unit="run") as bar:
        for future in ended:
            try:
                record = future.result()
            except concurrent.futures.CancelledError:
                failed.append("lost with its scheduler")
            except Exception as error:
                # Whatever ended one run (its worker, itself), the records of the others are still kept.
                failed.append(str(error) or f"a run was lost: {type(error).__name__}")
                tqdm.write(f"error: {failed[-1]}", file=sys.stderr)
            else:
                store.put(record)
            del future
            bar.update()
    return failed


def threads_each(workers: int) -> int:
    """The threads of each of so many runs at a time on this machine. Raises ValueError for no worker."""
    if workers < 1:
        raise ValueError(f"WORKERS={workers} makes nothing. Give 1 or more.")
    return max(1, (os.cpu_count() or 1) // workers)


def _obstacles(expected: str, files: Sequence[str]) -> Iterator[str]:
    """What keeps this machine from making runs: a `project()` other than expected, files that can't be had."""
    if project() != expected:
        yield (
            "its code, a model or data/catalog.toml differs from the sweep's, which is to run from one commit "
            "everywhere: check it out there, or sweep in a clone that nobody edits"
        )
    try:
        for name in files:
            catalog.fetch(name)
    except (OSError, ValueError) as error:
        yield str(error)


def differences(expected: str, libraries: dict[str, str], files: Sequence[str]) -> list[str]:
    """Called on a worker of a cluster: its host and folder, and why it can't make the runs of a sweep.

    `expected` is the sweep's `project()`, `libraries` its versions; `files` are those of the catalog that are read.
    """
    found = [f"{platform.node()}, {paths.ROOT}", *_obstacles(expected, files)]
    here = runs.surroundings()["libraries"]
    other = [f"{name} {here.get(name)} for {was}" for name, was in libraries.items() if here.get(name) != was]
    return [*found, f"{join_list(other)}; `make data` installs the sweep's versions there"] if other else found


@contextmanager
def workers(number: int, scheduler: str | None, files: Sequence[str] = ()) -> Generator[concurrent.futures.Executor]:
    """An executor that makes `number` runs at a time here, or as many as those workers of a Dask cluster that match.

    `files` are those of the catalog that the runs read. Raises RunError or OSError when there is no such cluster.
    """
    if scheduler is None:
        with concurrent.futures.ThreadPoolExecutor(number) as pool:
            try:
                yield pool
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return
    try:
        from study import cluster
    except ImportError as error:
        raise RunError("SCHEDULER needs the package distributed: .venv/bin/pip install -r requirements.txt") from error
    expected = project()
    same = partial(differences, expected, runs.surroundings()["libraries"], files)
    with cluster.executor(scheduler, f"study-{expected}", same, CONNECTION_SECONDS) as executor:
        yield executor


def check(failed: Sequence[str]) -> None:
    """Raises RunError if runs failed."""
    if failed:
        raise RunError(f"{count(len(failed), 'run')} failed; the same command makes what failed")


@commands.entry
def main(arguments: list[str] | None = None) -> None:
    parser = commands.parser("sweep", __doc__, part_required=True)
    parser.add_argument("--seeds", help="0-9 or 0,3,5; without it the profile's seeds")
    parser.add_argument("--store", type=Path, help="another run store than the profile's")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--workers", type=int, default=WORKERS, help="runs at a time on this machine")
    place.add_argument("--scheduler", help="address of a Dask scheduler, such as tcp://host:8786")
    given = parser.parse_args(arguments)
    chosen, (part,) = commands.chosen(given)
    if given.seeds:
        chosen = with_seeds(chosen, part, seeds_of(given.seeds))
    threads = None if given.scheduler else threads_each(given.workers)
    store = runs.Store(given.store or chosen.records)
    specs = store.missing(part.experiments.specs(chosen))
    files = sorted({name for spec in specs for name in catalog.listed(spec["data"])})
    with workers(given.workers, given.scheduler, files) as executor:
        check(sweep(specs, store, executor, threads))


if __name__ == "__main__":
    sys.exit(main())
