"""What Part II's notebook works with: NAB's series as tables, trainings that are kept or made, the evidence.

A training is found by all that decides it (the model's definition, data, epochs, seed), so a stored result stands
beside the code that made it or not at all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from study import definitions, lab, parts, profile, published, runs
from study.anomaly import (
    analysis,
    detectors,
    experiments,
    fitting,
    leaderboard,
    own,
    reading,
    scoring,
    series,
    thresholds,
    trainings,
)
from study.anomaly.diagrams import narrowest
from study.anomaly.series import AAPL, WINDOW
from study.keras_training import with_weights
from study.prose import join_list
from study.runs import Record
from study.verdicts import Judged, Verdict

Make = Callable[[], keras.Model]
"""A function that returns a Keras model, not compiled, for windows of shape (30, 1)."""


@dataclass(frozen=True)
class Run:
    """One training: the function that defines the model, and the record of what came out."""

    make: Make
    record: Record

    @property
    def metrics(self) -> dict:
        """Losses, R² and the rest, by name."""
        return self.record.metrics

    @property
    def history(self) -> pd.DataFrame:
        """Mean squared error after each epoch (from 1): `loss` in training, `last` and `middle` on those parts."""
        return lab.history(self.record, "loss", "last", "middle")

    @cached_property
    def network(self) -> keras.Model:
        """The trained Keras model, from its kept weights."""
        return with_weights(self.make, self.record)

    def reconstruct(self, inputs: np.ndarray) -> np.ndarray:
        """Windows (n, 30, 1) as the network rebuilds them, same shape, float64."""
        return np.asarray(self.network(inputs, training=False))

    @property
    def errors(self) -> dict[str, np.ndarray]:
        """Mean squared error of every window, by part of the split: (windows,) float32 each."""
        return thresholds.errors_of(self.record)

    def codes(self, inputs: np.ndarray) -> np.ndarray:
        """What the `bottleneck` holds of windows (n, 30, 1): (n, units) float64."""
        encoder = keras.Model(self.network.inputs[0], narrowest(self.network.layers).output)
        return np.asarray(encoder(inputs, training=False))


class Nab:
    """NAB's Twitter series and everything that was trained on them, for one profile of the report."""

    def __init__(self, profile_name: str) -> None:
        self.profile = profile.load(profile_name)
        self._store = runs.Store(self.profile.records, self.profile.drafts)
        self._specs = experiments.ALL.specs(self.profile)

    def series(self, name: str = AAPL) -> series.Series:
        """A company's series with its labelled windows as rows. Raises ValueError for an unknown name."""
        return series.load(name, self.profile.data, self.profile.part2.synthetic_rows)

    def load(self, name: str = AAPL) -> pd.DataFrame:
        """A company's series as a table with the columns `timestamp` (datetime64) and `value` (int64)."""
        one = self.series(name)
        return pd.DataFrame({"timestamp": one.timestamps, "value": one.values.astype(np.int64)})

    def windows(self, name: str = AAPL) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
        """First and last time of each window that NAB's authors labelled as anomalous."""
        one = self.series(name)
        return [(pd.Timestamp(one.timestamps[a]), pd.Timestamp(one.timestamps[b])) for a, b in one.windows]

    def train(self, make: Make, windows: Mapping[str, np.ndarray], epochs: int | None = None, seed: int = 0) -> Run:
        """A model trained to rebuild `windows["train"]` (n, 30, 1), measured on `last` and `middle` after each epoch.

        The kept result if this definition was trained on these windows for so many epochs with this seed; otherwise
        it is trained here, with a progress bar, and kept below build/. Without `epochs` it is the profile's number,
        the original's ten in the report.
        """
        here = partial(trainings.train_as_published, make=make, windows=windows)
        return Run(make, self._store.by_hand(self._training(make, windows, epochs, seed), here))

    def repeat(self, make: Make, windows: Mapping[str, np.ndarray], epochs: int | None = None) -> list[Run]:
        """All seeds of the profile for which this training is kept; if there is none, the first one is trained."""
        kept = map(self._store.load, self._trainings(make, windows, epochs))
        found = [Run(make, record) for record in kept if record is not None]
        return found or [self.train(make, windows, epochs, self.profile.part2.seeds[0])]

    def changed(self, models: Mapping[str, Make]) -> list[str]:
        """The names of those models that no committed record is of: changed ones, and new ones."""
        store, seed = runs.Store(self.profile.records), self.profile.part2.seeds[0]
        return [n for n, make in models.items() if store.load(self._spec("part2-published", make, seed)) is None]

    def note(self, models: Mapping[str, Make]) -> str:
        """What to keep in mind where models were changed; empty where none was."""
        changed = self.changed(models)
        if not changed:
            return ""
        verb = "was" if len(changed) == 1 else "were"
        return (
            f"{join_list(changed)} {verb} changed or added. What is judged of the original, and the bands of seeds "
            "beside a curve, rest on the published models; all else shows the models as they are defined above."
        )

    def committed(self, make: Make, windows: Mapping[str, np.ndarray]) -> list[Record]:
        """The committed trainings of the model of this name, whatever its definition was; none of a new one."""
        found = map(self._of_any_definition, self._trainings(make, windows))
        return [record for record in found if record is not None]

    def _of_any_definition(self, spec: dict) -> Record | None:
        """The committed record of a run, or else that of an earlier definition of its model."""
        store = runs.Store(self.profile.records)
        return store.load(spec) or store.before(spec)

    def judge(self, make: Make, seed: int = 0) -> Record:
        """A model under NAB's streaming protocol: kept, or fitted and judged here on all ten series."""
        here = partial(trainings.judge_on_stream, make=make)
        return self._store.by_hand(self._spec("part2-stream", make, seed), here)

    @cached_property
    def _committed(self) -> list[Record]:
        """The committed records, read once. Raises ValueError if there are none."""
        return lab.kept(self.profile, self._specs, "Part II", self._of_any_definition)

    def records(self, models: Mapping[str, Make] | None = None) -> list[Record]:
        """The committed records of Part II; of `models` (by name) that have no streaming result, one is made.

        Of a model that the notebook's file now defines otherwise, the records of its earlier definition stand.
        """
        makes = {_key(make): make for make in (models or {}).values()}
        live = {key: definitions.of(make) for key, make in makes.items()}

        def changed(record: Record) -> bool:
            now = record.spec.get("definition")
            return record.spec["task"] == "part2-stream" and live.get(record.spec["model"], now) != now

        # A changed model stands for itself, never pooled with what its earlier definition gave.
        found = [record for record in self._committed if not changed(record)]
        judged = {record.spec.get("definition") for record in found if record.spec["task"] == "part2-stream"}
        return found + [self.judge(make) for key, make in makes.items() if live[key] not in judged]

    def board(self, models: Mapping[str, Make] | None = None) -> pd.DataFrame:
        """The leaderboard by name: medians over seeds, best NAB score without a pause first; see `leaderboard`."""
        board = leaderboard.leaderboard(self.records(models), by="unpaused_nab").set_index("model")
        return board.rename(index={_key(make): name for name, make in (models or {}).items()})

    def landmarks(self, board: pd.DataFrame) -> pd.DataFrame:
        """The rows of a leaderboard for the detectors that NAB publishes; on synthetic series, of the baselines."""
        return board[board.kind == ("baseline" if self.profile.synthetic else "published")]

    def dataset(self) -> Record:
        """The record that describes the series: statistics, patterns, bursts."""
        return runs.of(self.records(), "part2-dataset", "aapl")[0]

    def detector(self, key: str) -> list[Record]:
        """The streaming results of a detector of this report, by its key such as `surge-mean`, one a seed."""
        return runs.of(self.records(), "part2-stream", key)

    def false_alarms(self, key: str) -> pd.DataFrame:
        """The alarms of a detector outside every window of AAPL without a pause, a row a seed.

        `rows` is their number, `run` that of the most which lie less than an hour apart, and `day` when these begin.
        """
        times, found = pd.DatetimeIndex(self.series().timestamps), []
        labels = scoring.window_of_rows(len(times), self.dataset().metrics["windows"]) >= 0
        for record in self.detector(key):
            rows = record.arrays["unpaused_alarm_rows"]
            outside = rows[~labels[rows]]
            begun = np.searchsorted(outside, scoring.first_rows(outside))
            longest = max(np.split(outside, begun[1:]), key=len)
            day = f"{times[longest[0]]:%-d %B}" if len(longest) else ""
            found.append({"rows": len(outside), "run": len(longest), "day": day})
        return pd.DataFrame(found)

    def scored(self, names: Sequence[str]) -> dict[str, Record]:
        """The streaming results of this report's detectors, by name; first seed."""
        keys = {name: key for key, name in detectors.NAMES.items()}
        return {name: self.detector(keys[name])[0] for name in names}

    @property
    def ours(self) -> str:
        """The name of the detector that this report puts forward."""
        return detectors.NAMES[detectors.OURS]

    def surge_design(self) -> tuple[Sequence[int], int, int, int, int]:
        """What `charts.mask` draws of Surge-AE: rows in each block, hidden blocks, units, code, calendar."""
        design = own.DESIGN
        return own.BLOCKS, design.hidden_blocks, design.units, design.code, own.CALENDAR

    def read(self, file: str | Path) -> pd.DataFrame:
        """A series of one's own, from a CSV file with a time and a value in each row; see `reading.read`."""
        return reading.read(file)

    def surge_mean(self, table: pd.DataFrame) -> pd.DataFrame:
        """A table of `timestamp` and `value` with the `score` of Surge-mean and whether it raises an `alarm`.

        The series is put on an even grid of 5 to 60 minutes first; what is done to it is printed. The threshold and the
        pause are those chosen on the nine series. Raises catalog.DataError for a series that has no such grid.
        """
        table, counts = fitting.regular(table)
        scores, notes = fitting.score(table, counts)
        for note in (*table.attrs["notes"], *notes):
            print(f"Note: {note}.")
        rule = self.detector(detectors.SURGE_MEAN)[0].metrics["paused"]["rules"]["nab"]
        pause = round(rule["refractory_rows"] * series.STEP / table["timestamp"].diff().mode()[0])
        return table.assign(score=scores, alarm=scoring.alarms(scores, rule["threshold"], pause))

    def left_out(self) -> pd.DataFrame:
        """Surge-AE on each of the nine other series, no pause: `nab`, `nab_100`, `windows`, `found`, `false`."""
        found = pd.DataFrame(runs.of(self.records(), "part2-left-out")[0].metrics["unpaused"]).T
        return found.astype({"windows": int, "found": int, "false": int})

    def threshold_rules(self) -> pd.DataFrame:
        """Threshold rules, the nearest to Base's reported number of anomalies first; see `thresholds.rule_table`."""
        return thresholds.rule_table(self.records())

    def statistics(self) -> list[Judged]:
        """The original's statistics of the series, judged."""
        return analysis.judged_dataset(self.dataset().metrics)

    def judged_losses(self) -> list[Judged]:
        """The original's losses and numbers of anomalies, judged."""
        return analysis.judged_losses(self.records())

    def reported(self, key: str) -> float:
        """A number of the original, such as `base.train_loss`."""
        return published.value(f"part2.{key}")

    def verdicts(self) -> dict[str, str]:
        """The verdict on each claim of the original about this part, by its name in data/published.toml."""
        return {name: verdict.status for name, verdict in self._claims.items()}

    def claims_table(self, *places: str) -> pd.DataFrame:
        """The claims of the original at these places of its text, each with its verdict and the first reason for it."""
        stated = published.everything()["claims"]
        rows = [
            (f"“{stated[name]['text']}”", one.status, one.reason.partition(". ")[0].removesuffix(".") + ".")
            for name, one in self._claims.items()
            if stated[name]["where"].endswith(places)
        ]
        return pd.DataFrame(rows, columns=["The original", "Verdict", "Why"])

    @cached_property
    def _claims(self) -> dict[str, Verdict]:
        return parts.find("part2").claims(self.records())

    def _spec(self, task: str, make: Make, seed: int) -> dict:
        """The spec of a run with this model; of all settings but model and seed there is one choice a task."""
        pattern = next(spec for spec in self._specs if spec["task"] == task and "epochs" in spec["settings"])
        return {**pattern, "model": _key(make), "seed": seed, "definition": definitions.of(make)}

    def _trainings(self, make: Make, windows: Mapping[str, np.ndarray], epochs: int | None = None) -> list[dict]:
        """The specs of a training with all seeds of the profile."""
        return [self._training(make, windows, epochs, seed) for seed in self.profile.part2.seeds]

    def _training(self, make: Make, windows: Mapping[str, np.ndarray], epochs: int | None, seed: int) -> dict:
        spec = self._spec("part2-published", make, seed)
        settings = {**spec["settings"], "epochs": epochs or self.profile.part2.epochs}
        given = _digests(windows)
        if given != self._original_windows:
            settings["windows"] = given
        return {**spec, "settings": settings}

    @cached_property
    def _original_windows(self) -> dict[str, str]:
        return _digests(series.original_windows(self.series().values)[0])


def _key(make: Make) -> str:
    """A model's name in the run store."""
    return make.__name__.replace("_", "-")


def _digests(windows: Mapping[str, np.ndarray]) -> dict[str, str]:
    return {name: series.digest_of(part) for name, part in windows.items()}


def constant_losses(windows: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Mean squared error, on each part, of a model that answers every window with the mean of the training part."""
    mean = windows["train"].mean()
    return {name: float(np.square(part - mean).mean()) for name, part in windows.items()}


def labelled_by_part(one: series.Series) -> dict[str, int]:
    """How many labelled windows touch each part of the original's split."""
    split = series.parts(len(one))
    return {name: sum(a < rows.stop and b >= rows.start for a, b in one.windows) for name, rows in split.items()}


def example_windows(windows: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Three of the windows (n, 30, 1), and their titles: a usual one, one busier than 19 of 20, one with the highest
    burst midway.
    """
    ranked = np.argsort(windows.mean(axis=(1, 2)), kind="stable")
    # The first window that holds the highest count ends with it.
    burst = min(int(windows.max(axis=(1, 2)).argmax()) + WINDOW // 2, len(windows) - 1)
    rows = [ranked[len(ranked) // 2], ranked[int(0.95 * len(ranked))], burst]
    return windows[rows], ("a usual window", "a busy window", "the burst")
