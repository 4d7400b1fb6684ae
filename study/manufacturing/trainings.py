"""How the runs of Part I are made: detectors fitted on a plant's production, and judged on its later cycles."""

import timeit
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from study.keras_training import weights_of
from study.manufacturing import detectors, evaluation
from study.manufacturing.detectors import AUTOENCODER, FOREST, HEAT_CHECK, IN_SERVICE, LIMITS, PCA_NAME, Pca, Score
from study.manufacturing.experiments import (
    BROKEN_GAUGES,
    FALSE_ALARM_GRID,
    LABELS,
    MONTHS,
    NOISE,
    RETRAINING_MONTHS,
    RETRAINING_SHARE,
    SEVERITIES,
    STANDARD_SEVERITY,
    UNNOTICED_FAULTS,
    key_of,
)
from study.manufacturing.faults import KINDS, mixture
from study.manufacturing.line import WIDTH, Line, Stream
from study.manufacturing.model import Autoencoder
from study.runs import Outcome

Scores = dict[str, np.ndarray]
"""Scores (n,) of each detector."""


class _Judge:
    """The cycles that detectors of one plant are judged on: for calibration, normal, and faulty."""

    def __init__(self, spec: dict, line: Line) -> None:
        judged = spec["settings"]["judged"]
        self.line = line
        self.calibration, _ = line.produce(judged, Stream.CALIBRATION)
        self.normal, _ = line.produce(judged, Stream.NORMAL)
        self._base = line.produce(judged // 2, Stream.FAULTY)

    def faulty(self, severity: float = STANDARD_SEVERITY, recurring: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Faults of every kind, (n, 1000), and their kinds (n,): the same places at every severity."""
        rng = np.random.default_rng([self.line.seed, 0, Stream.FAULTY])
        return mixture(*self._base, self.line, severity, rng, recurring)


def _rebuilding(network: Autoencoder, vectors: np.ndarray) -> dict[str, Autoencoder | Pca]:
    """What rebuilds vectors, and so has residuals: the network, and PCA fitted on the vectors."""
    return {AUTOENCODER: network, PCA_NAME: Pca(vectors)}


def _detectors(rebuilding: Mapping[str, Autoencoder | Pca], vectors: np.ndarray, seed: int) -> dict[str, Score]:
    """All detectors fitted on the same vectors, and the worst gauge of those that rebuild."""
    return {
        **{name: one.score for name, one in rebuilding.items()},
        FOREST: detectors.isolation_forest(vectors, seed),
        LIMITS: detectors.limit_check(vectors),
        **{detectors.WORST.format(n): detectors.worst_gauge(one.residuals, vectors) for n, one in rebuilding.items()},
    }


def _fit(vectors: np.ndarray, spec: dict, scratch: Path) -> tuple[dict[str, Score], list[float]]:
    """The score functions of all detectors, fitted on the same vectors, and the autoencoder's loss per epoch."""
    network = Autoencoder(WIDTH, spec["seed"])
    history = network.fit(vectors, spec["settings"]["epochs"], scratch)
    return _detectors(_rebuilding(network, vectors), vectors, spec["seed"]), history["loss"]


def _scores(fitted: Mapping[str, Score], vectors: np.ndarray) -> Scores:
    return {name: score(vectors) for name, score in fitted.items()}


def _rates(calibration: Scores, normal: Scores, faulty: Scores, *, kinds: np.ndarray | None = None) -> dict[str, dict]:
    """Rates of every detector over all faults and, where `kinds` are given, under `kinds` for each kind of fault."""
    found: dict[str, dict] = {}
    for name, scores in faulty.items():
        rates = partial(evaluation.rates, calibration[name], normal[name])
        found[name] = rates(scores)
        if kinds is not None:
            found[name]["kinds"] = {kind: rates(scores[kinds == i]) for i, kind in enumerate(KINDS)}
    return found


def _validation(spec: dict, line: Line) -> np.ndarray:
    """Sound cycles that nothing is fitted or judged on."""
    return line.produce(spec["settings"]["judged"] // 2, Stream.VALIDATION)[0]


def standard(spec: dict, scratch: Path) -> Outcome:
    """Fit on sound production of the plant, judge on faults of the standard severity."""
    line = Line(spec["seed"])
    fitted, losses = _fit(line.produce(spec["settings"]["cycles"], Stream.TRAINING)[0], spec, scratch)
    judge = _Judge(spec, line)
    faulty, kinds = judge.faulty()
    metrics = {
        "loss": losses[-1],
        "validation_loss": float(fitted[AUTOENCODER](_validation(spec, line)).mean()),
        "scores": _rates(*(_scores(fitted, x) for x in (judge.calibration, judge.normal, faulty)), kinds=kinds),
    }
    return metrics, {"history_loss": np.array(losses)}


def _deployed(spec: dict, scratch: Path, make: Callable | None = None) -> tuple[Autoencoder, np.ndarray, dict]:
    """The network trained on a new plant's sound production, that production, and the losses per epoch."""
    line, settings = Line(spec["seed"]), spec["settings"]
    vectors, _ = line.produce(settings["cycles"], Stream.TRAINING)
    network = Autoencoder(WIDTH, spec["seed"], make)
    return network, vectors, network.fit(vectors, settings["epochs"], scratch / "deployed", _validation(spec, line))


def _histories(losses: Mapping[str, list[float]]) -> dict[str, np.ndarray]:
    return {f"history_{name}": np.array(values) for name, values in losses.items()}


def by_hand(spec: dict, scratch: Path, make: Callable) -> Outcome:
    """A reader's training of a network that `make` defines: losses, threshold, weights."""
    network, _, losses = _deployed(spec, scratch, make)
    threshold = evaluation.threshold(network.score(_Judge(spec, Line(spec["seed"])).calibration))
    metrics = {"validation_loss": losses["validation"][-1], "thresholds": {AUTOENCODER: threshold}}
    return metrics, _histories(losses) | weights_of(network.model, "float16")


def plant_year(spec: dict, scratch: Path) -> Outcome:
    """The reference: fit on a new plant's sound production, judge on faults of every severity; then a year of service.

    With the setting `weights` the record keeps the network.
    """
    line = Line(spec["seed"])
    network, vectors, history = _deployed(spec, scratch)
    kept = weights_of(network.model, "float16") if spec["settings"]["weights"] else {}
    rebuilding = _rebuilding(network, vectors)
    fitted = _detectors(rebuilding, vectors, spec["seed"])
    judge = _Judge(spec, line)
    singles = fitted | {HEAT_CHECK: line.heat_check}
    on_normal = _scores(singles, judge.calibration)

    def scored(x: np.ndarray) -> Scores:
        found = _scores(singles, x)
        members = {name: {one: found[one] for one in ones} for name, ones in detectors.COMBINED.items()}
        return found | {name: detectors.ensemble(scores, on_normal) for name, scores in members.items()}

    calibration, normal = scored(judge.calibration), scored(judge.normal)
    severities = []
    for severity in SEVERITIES:
        faulty, kinds = judge.faulty(severity)
        found = scored(faulty)
        severities.append({"scores": _rates(calibration, normal, found, kinds=kinds)})
        if severity == STANDARD_SEVERITY:
            curves = _curves(calibration, normal, found)
    recurring, _ = judge.faulty(recurring=True)
    metrics = {
        "loss": history["loss"][-1],
        "validation_loss": history["validation"][-1],
        "pca_loss": float(fitted[PCA_NAME](_validation(spec, line)).mean()),
        "scores": severities[SEVERITIES.index(STANDARD_SEVERITY)]["scores"],
        "severities": severities,
        "conditions": _conditions(spec, line, fitted),
        "recurring": _rates(calibration, normal, scored(recurring)),
        "thresholds": {name: evaluation.threshold(calibration[name]) for name in rebuilding},
        "labels": {name: _labels(line, judge, one.residuals) for name, one in rebuilding.items()},
        "months": _months(spec, line, network, rebuilding, scratch),
    }
    return metrics, _histories(history) | curves | kept


def _curves(calibration: Scores, normal: Scores, faulty: Scores) -> dict[str, np.ndarray]:
    """At thresholds for each rate of the grid, set on calibration cycles: false alarms and detection of fresh cycles.

    The second half of the faulty cycles is kept apart under `chosen_`, to choose a threshold on it.
    """
    arrays = {}
    for name in detectors.PRICED:
        # Kinds alternate in the mixture, so that both halves hold all of them.
        half = len(faulty[name]) // 2
        judged = {
            "false_alarms": normal[name],
            "detection": faulty[name][:half],
            "chosen_detection": faulty[name][half:],
        }
        limits = np.quantile(calibration[name], 1 - FALSE_ALARM_GRID)[:, None]
        for part, scores in judged.items():
            arrays[f"{part}_{key_of(name)}"] = (scores > limits).mean(axis=1).astype(np.float32)
    return arrays


def _labels(line: Line, judge: _Judge, residuals: Callable) -> dict:
    """A classifier of residuals that learns from a few labelled faults, of all kinds or of all but one.

    `all` maps the number of labelled faults to rates; `unseen` maps a kind to the rates for it when it had no label.
    """
    rng = np.random.default_rng([line.seed, 0, Stream.LABELLED_FAULTY])
    labelled, kinds = mixture(*line.produce(max(LABELS), Stream.LABELLED_FAULTY), line, STANDARD_SEVERITY, rng)
    known_normal, _ = line.produce(500, Stream.LABELLED_NORMAL)
    faulty, judged_kinds = judge.faulty()
    known_normal, labelled, *judged = (
        detectors.residual_features(residuals(x))
        for x in (known_normal, labelled, judge.calibration, judge.normal, faulty)
    )

    def learnt(chosen: slice | np.ndarray, of_kind: slice | np.ndarray) -> dict:
        score = detectors.learn_from_labels(known_normal, labelled[chosen])
        calibration, normal, faulty_scores = (score(x) for x in judged)
        return evaluation.rates(calibration, normal, faulty_scores[of_kind])

    unseen = {
        kind: learnt(kinds != i, judged_kinds == i) | {"seen": learnt(slice(None), judged_kinds == i)["detection"]}
        for i, kind in enumerate(KINDS)
    }
    return {"all": {str(count): learnt(slice(count), slice(None)) for count in LABELS}, "unseen": unseen}


def contamination(spec: dict, scratch: Path) -> Outcome:
    """Fit on production of which a share is faulty: half scattered faults, half one recurring fault of every kind.

    `scores` (scattered faults) and `recurring` judge by thresholds of sound cycles; `own_threshold` sets the threshold
    for scattered faults on cycles as contaminated as those that the detectors were fitted on.
    """
    line, share = Line(spec["seed"]), spec["settings"]["share"]
    vectors = _contaminated(line, spec["settings"]["cycles"], Stream.TRAINING, share, [spec["seed"], 1])
    fitted, losses = _fit(vectors, spec, scratch)
    judge = _Judge(spec, line)
    unclean = _contaminated(line, len(judge.calibration), Stream.CONTAMINANT, share, [spec["seed"], 2])
    cycles = judge.calibration, unclean, judge.normal, judge.faulty()[0], judge.faulty(recurring=True)[0]
    calibration, unclean, normal, scattered, recurring = (_scores(fitted, x) for x in cycles)
    metrics = {
        "loss": losses[-1],
        "scores": _rates(calibration, normal, scattered),
        "recurring": _rates(calibration, normal, recurring),
        "own_threshold": _rates(unclean, normal, scattered),
    }
    return metrics, {"history_loss": np.array(losses)}


def _contaminated(
    line: Line, cycles: int, stream: int, share: float, seed: list[int], age: float = 0.0, recurring: bool = True
) -> np.ndarray:
    """Production with a share of faulty cycles, in no order; half of them recurring ones by default."""
    vectors, product = line.produce(cycles, stream, age)
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(cycles)[: round(share * cycles)]
    donors = sound, _ = vectors.copy(), product
    for again, rows in enumerate(np.array_split(chosen, 2) if recurring else [chosen]):
        faulty, _ = mixture(sound[rows], product[rows], line, STANDARD_SEVERITY, rng, bool(again), donors)
        vectors[rows] = faulty
    return vectors


def _conditions(spec: dict, line: Line, fitted: Mapping[str, Score]) -> dict[str, dict]:
    """Rates where the gauges get worse after the fit, thresholds being set again on normal cycles of that condition."""
    fitted = {name: fitted[name] for name in IN_SERVICE}
    changed = {f"noise-{factor:g}": replace(line, noise=factor) for factor in NOISE}
    changed |= {f"broken-{share:g}": replace(line, broken_gauges=share) for share in BROKEN_GAUGES}
    judges = {name: _Judge(spec, one) for name, one in changed.items()}
    return {
        name: _rates(*(_scores(fitted, x) for x in (judge.calibration, judge.normal, judge.faulty()[0])))
        for name, judge in judges.items()
    }


def _months(
    spec: dict, line: Line, network: Autoencoder, rebuilding: Mapping[str, Autoencoder | Pca], scratch: Path
) -> list[dict]:
    """A year in service: detectors as deployed, with a new threshold every quarter, and retrained every quarter.

    New thresholds and retraining use the production of the month before, unlabelled, with a few unnoticed faults. The
    network is trained on from its weights; PCA is fitted again.
    """
    cycles, epochs, judged = (spec["settings"][name] for name in ("cycles", "epochs", "judged"))
    sets = []
    for month in range(MONTHS + 1):
        normal, _ = line.produce(judged // 2, Stream.DRIFT + month, month / MONTHS)
        base = line.produce(judged // 4, Stream.DRIFT + 20 + month, month / MONTHS)
        faulty, _ = mixture(*base, line, STANDARD_SEVERITY, np.random.default_rng([line.seed, 3, month]))
        sets.append((normal, faulty))

    def recent(cycles: int, month: int, stream: int) -> np.ndarray:
        """Unlabelled production of the month before, with its unnoticed faults."""
        age, seed = (month - 0.5) / MONTHS, [line.seed, stream, month]
        return _contaminated(line, cycles, stream + month, UNNOTICED_FAULTS, seed, age, recurring=False)

    def scored(x: np.ndarray) -> Scores:
        return _scores({name: one.score for name, one in rebuilding.items()}, x)

    reference = calibration = scored(line.produce(judged, Stream.CALIBRATION)[0])
    months: list[dict] = []
    for month, pair in enumerate(sets):
        if month in RETRAINING_MONTHS:
            calibration = scored(recent(judged, month, Stream.DRIFT + 40))
        scores = [scored(x) for x in pair]
        months.append({"fixed": _rates(reference, *scores), "new threshold": _rates(calibration, *scores)})
    calibration = reference
    for month, pair in enumerate(sets):
        if month in RETRAINING_MONTHS:
            vectors = recent(cycles, month, Stream.DRIFT + 60)
            network.fit(vectors, max(1, epochs // RETRAINING_SHARE), scratch / f"month-{month}")
            rebuilding = _rebuilding(network, vectors)
            calibration = scored(recent(judged, month, Stream.DRIFT + 40))
        months[month]["retrained"] = _rates(calibration, *(scored(x) for x in pair))
    return months


def latency(spec: dict, scratch: Path) -> Outcome:
    """Milliseconds to score one vector, the median of repeated calls."""
    vectors, _ = Line(spec["seed"]).produce(1000, Stream.TRAINING)
    network = Autoencoder(WIDTH, spec["seed"])
    fitted = _detectors(_rebuilding(network, vectors), vectors, spec["seed"])
    found = {}
    for name in detectors.SINGLE:
        seconds = timeit.repeat(partial(fitted[name], vectors[:1]), number=1, repeat=101)[1:]
        found[name] = {"median": 1e3 * float(np.median(seconds))}
    return {"parameters": network.model.count_params(), "milliseconds": found}, {}
