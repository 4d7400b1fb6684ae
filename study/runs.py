"""A training run as a value: a spec goes in, a record comes out; only what is missing is trained.

A spec is a plain mapping of what the author decides (task, model, data, profile, seed, version, settings).
Its canonical JSON is hashed, and the record lies under `<store>/<task>/<model>-<hash>`: JSON beside one `.npz`.
The JSON, which holds the digests of the `.npz` and of itself, is written last, so a record exists whole or not at all.

A spec that trains a model holds the digest of the model's definition (`definition`, see study/definitions): a model
that is changed has no record, whatever its name.
"""

import hashlib
import importlib.metadata
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from study import catalog, definitions, environment, paths
from study.files import alone, write_atomically

REQUIRED = {"task", "model", "data", "profile", "seed", "version"}

Outcome = tuple[dict, dict[str, np.ndarray]]
"""What a training returns: metrics (JSON values) and arrays for later figures and tables."""

Train = Callable[[dict, Path], Outcome]
"""A training: (spec, scratch folder for resuming) -> outcome."""


@dataclass(frozen=True)
class Record:
    """A finished run. `metrics` holds JSON values, `arrays` NumPy arrays, `provenance` how it came about."""

    spec: dict
    metrics: dict
    arrays: dict[str, np.ndarray]
    provenance: dict

    def __repr__(self) -> str:
        return f"Record({label(self.spec)})"


def of(records: Sequence[Record], task: str, model: str | None = None) -> list[Record]:
    """The records of a task (and model), by seed. Raises KeyError if there are none."""
    found = [r for r in records if r.spec["task"] == task and model in (None, r.spec["model"])]
    if not found:
        raise KeyError(f"no record of {task}, {model}")
    return sorted(found, key=lambda r: r.spec["seed"])


def of_ones_own(spec: Mapping) -> bool:
    """Whether a run is on data of the user's, which nobody else has."""
    return any(name.startswith("own/") for name in spec["data"])


def can_be_judged(spec: Mapping) -> bool:
    """Whether a run says something of the original: one on the user's data does where these are the course's."""
    return not of_ones_own(spec) or any(name.startswith("own/course:") for name in spec["data"])


def canonical(spec: Mapping) -> str:
    """The one JSON text of a spec. Raises ValueError for missing keys or values that JSON can't hold exactly."""
    missing = REQUIRED - set(spec)
    if missing:
        raise ValueError(f"The spec lacks {', '.join(sorted(missing))}: {dict(spec)}")
    try:
        return json.dumps(spec, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"The spec isn't plain JSON ({error}): {dict(spec)}") from error


def digest(spec: Mapping) -> str:
    """The first twelve hexadecimal digits of the SHA-256 of the canonical spec."""
    return hashlib.sha256(canonical(spec).encode()).hexdigest()[:12]


def check_definition(spec: Mapping, definition: str | None) -> None:
    """Raise ValueError for a run of another definition than the model has here, in its file and as it was imported."""
    if spec.get("definition") != definition:
        raise ValueError(
            f"{label(spec)}: asked for with the definition {spec.get('definition')}, but the model here has "
            f"{definition}; make it where notebooks/ and study/ are those that it was asked for with"
        )
    if definition is not None:
        definitions.check_imported(definition)


def label(spec: Mapping) -> str:
    return f"{spec['task']}: {spec['model']}, seed {spec['seed']}"


@dataclass(frozen=True)
class Store:
    """A folder of records.

    `drafts` is a second folder, for runs of models that were changed since the records in `folder` were made: they are
    read like the others, and never written between them.
    """

    folder: Path
    drafts: Path | None = None

    def file(self, spec: Mapping) -> Path:
        """Where the JSON of this spec's record lies, or would lie."""
        return self.folder / spec["task"] / f"{spec['model']}-{digest(spec)}.json"

    def before(self, spec: Mapping) -> Record | None:
        """The record of this run with an earlier definition of its model: then the model has been changed."""
        wanted = json.loads(canonical(spec))
        for file in sorted((self.folder / spec["task"]).glob(f"{spec['model']}-*.json")):
            try:
                found = json.loads(file.read_text(encoding="utf-8"))["spec"]
                earlier = found | {"definition": None} == wanted | {"definition": None} and found != wanted
            except (OSError, ValueError, KeyError, TypeError):  # which `load` tells
                continue
            if earlier:
                return self._load(found)
        return None

    def load(self, spec: Mapping) -> Record | None:
        """The record of this spec; None if there is none or, with a word on standard error, if it is damaged."""
        return self._load(spec) or (Store(self.drafts).load(spec) if self.drafts else None)

    def _load(self, spec: Mapping) -> Record | None:
        file = self.file(spec)
        if not file.exists():
            return None
        try:
            return _read(file, json.loads(canonical(spec)))
        except (OSError, ValueError, KeyError, TypeError) as error:
            tqdm.write(f"Damaged record {file} ({error}); the run is made again.", file=sys.stderr)
            return None

    def require(self, spec: Mapping) -> Record:
        """The record of this spec. Raises ValueError if there is none, or a damaged one."""
        found = self.load(spec)
        if found is None:
            raise ValueError(f"{label(spec)} has no sound record in {self.folder}; run `make report` first.")
        return found

    def missing(self, specs: Sequence[dict]) -> list[dict]:
        return [spec for spec in specs if self.load(spec) is None]

    def get(self, spec: Mapping, train: Train) -> Record:
        """The record of this spec, made by `train` if there is none yet.

        `train` is given a scratch folder that survives a kill, so that it can go on where it stopped. The record of a
        changed model or of the user's own data goes to `drafts`; raises ValueError if there is no such folder.
        """
        found = self.load(spec)
        if found is not None:
            return found
        target = self.target(spec)
        with _alone(spec):
            # Another process may have made it in the meantime.
            return target.load(spec) or target._make(spec, train)

    def by_hand(self, spec: Mapping, train: Train) -> Record:
        """The record of this spec; if there is none, `train` makes one as `get` does, and it is kept in `drafts`."""
        return self.load(spec) or Store(self.drafts or self.folder).get(spec, train)

    def replace(self, record: Record) -> None:
        """Keep a record in place of that of the same run with an earlier definition of its model."""
        earlier = self.before(record.spec)
        self._write(record)
        if earlier is not None:
            for file in (self.file(earlier.spec), self.file(earlier.spec).with_suffix(".npz")):
                file.unlink()

    def target(self, spec: Mapping) -> "Store":
        """The store that a new record of this spec belongs to."""
        if self.drafts is not None and of_ones_own(spec):
            return Store(self.drafts)
        if self.before(spec) is None:
            return self
        if self.drafts is None:
            raise ValueError(
                f"{label(spec)}: the model has been changed since its records in {self.folder} were made. "
                "`make report` makes a draft with it; to keep the records, take the change back."
            )
        return Store(self.drafts)

    def put(self, record: Record) -> None:
        """Keep a record that was made elsewhere, unless there is a sound one of its spec."""
        with _alone(record.spec):
            if self.load(record.spec) is None:
                self.target(record.spec)._write(record)

    def get_all(self, specs: list[dict], train: Train) -> list[Record]:
        """The records of all specs, in order, with a progress bar over those that must be made."""
        found = [self.load(spec) for spec in specs]
        missing = [i for i, record in enumerate(found) if record is None]
        bar = tqdm(missing, desc="runs", unit="run", disable=not missing)
        made = {}
        for i in bar:
            bar.set_description(label(specs[i]))
            made[i] = self.get(specs[i], train)
        return [record or made[i] for i, record in enumerate(found)]

    def _make(self, spec: Mapping, train: Train) -> Record:
        scratch = paths.BUILD / "scratch" / f"{spec['model']}-{state_digest(spec)}"
        scratch.mkdir(parents=True, exist_ok=True)
        # The commit that computes: another one may be checked out before the training ends.
        start, began, made_by = datetime.now(UTC), time.perf_counter(), commit()
        metrics, arrays = train(json.loads(canonical(spec)), scratch)
        # After a kill, PyTorch's loop has counted its earlier epochs in `seconds`; Keras' has not.
        seconds = max(time.perf_counter() - began, metrics.get("seconds", 0.0))
        provenance = {
            "started": start.isoformat(timespec="seconds"),
            "wall_seconds": round(seconds, 2),
            **surroundings(),
            "commit": made_by,
            "data": catalog.digests(catalog.listed(spec["data"])),
        }
        record = self._write(Record(dict(spec), metrics, arrays, provenance))
        shutil.rmtree(scratch)
        return record

    def _write(self, record: Record) -> Record:
        """Keep a record; returns it as it will be read back: JSON turns tuples into lists and all keys into texts."""
        file = self.file(record.spec)
        packed = io.BytesIO()
        np.savez_compressed(packed, allow_pickle=False, **record.arrays)
        written = {"spec": record.spec, "metrics": record.metrics, "provenance": record.provenance}
        content = json.loads(json.dumps(written, allow_nan=False))
        plain = Record(arrays=record.arrays, **content)
        content["arrays_sha256"] = hashlib.sha256(packed.getvalue()).hexdigest()
        content["sha256"] = _sha256(content)
        text = json.dumps(content, indent=1, allow_nan=False)
        write_atomically(file.with_suffix(".npz"), packed.getvalue())
        write_atomically(file, text.encode())
        return plain


def _alone(spec: Mapping) -> AbstractContextManager[None]:
    """A run has one scratch folder, whichever store its record goes to, so one process at a time makes it."""
    return alone(paths.BUILD / "locks" / f"{spec['model']}-{digest(spec)}.lock", label(spec))


def state_digest(spec: Mapping) -> str:
    """Like `digest`, and of the data's digests: a training never goes on with a state made from other data."""
    data = json.dumps(catalog.digests(catalog.listed(spec["data"])), sort_keys=True)
    return hashlib.sha256((canonical(spec) + data).encode()).hexdigest()[:12]


def _read(file: Path, spec: dict) -> Record:
    content = json.loads(file.read_text(encoding="utf-8"))
    if content.pop("sha256") != _sha256(content):
        raise ValueError("it has a wrong digest")
    if content["spec"] != spec:
        raise ValueError("its spec is another one")
    packed = file.with_suffix(".npz").read_bytes()
    if hashlib.sha256(packed).hexdigest() != content["arrays_sha256"]:
        raise ValueError(f"{file.with_suffix('.npz').name} has a wrong digest")
    with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
        return Record(content["spec"], content["metrics"], dict(arrays), content["provenance"])


def _sha256(content: dict) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()


def surroundings() -> dict:
    """On what this process computes: device, threads, Python, versions of the libraries, commit.

    The device is a GPU only if the process took hold of one. Threads are those at hand; Part III's runs take one.
    """
    torch = sys.modules.get("torch")
    on_gpu = torch is not None and torch.cuda.is_initialized()
    return {
        "device": torch.cuda.get_device_name() if on_gpu else f"CPU, {platform.machine()}, {platform.system()}",
        "threads": environment.threads() or os.cpu_count() if torch is None else torch.get_num_threads(),
        "python": platform.python_version(),
        "libraries": _versions(),
        "commit": commit(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in (
        "keras", "numpy", "pillow", "scikit-learn", "scipy", "tensorflow", "tensorflow-cpu", "tokenizers", "torch",
        "transformers",
    ):  # fmt: skip
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def commit() -> str:
    """The checkout's commit, with `+changes` when tracked files differ from it; `unknown` outside git.

    A repository around the checkout, whose commit says nothing of it, does not count.
    """
    if not (paths.ROOT / ".git").exists():
        return "unknown"
    try:
        run = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=+changes", "--exclude=*"],
            cwd=paths.ROOT, capture_output=True, text=True, check=True, env=environment.clean(os.environ),
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return run.stdout.strip()
