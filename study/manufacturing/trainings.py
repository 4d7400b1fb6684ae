"""How the runs of Part I are made: detectors fitted on a plant's production, and judged on its later cycles."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from study.keras_training import weights_of
from study.manufacturing import detectors, measures
from study.manufacturing.detectors import AUTOENCODER, ENSEMBLE, PCA_NAME, Pca, Score
from study.manufacturing.experiments import (
    BROKEN_GAUGES,
    CALIBRATION,
    CONTAMINANT,
    DRIFT,
    FALSE_ALARM_GRID,
    FAULTY,
    HEAT_CHECK,
    IN_SERVICE,
    LABELLED_FAULTY,
    LABELLED_NORMAL,
    LABELS,
    MONTHS,
    NOISE,
    NORMAL,
    OR_CHECK,
    PRICED,
    RETRAINING_MONTHS,
    RETRAINING_SHARE,
    SEVERITIES,
    STANDARD_SEVERITY,
    TRAINING,
    UNNOTICED_FAULTS,
    VALIDATION,
    WORST,
    key_of,
)
from study.manufacturing.faults import KINDS, mixture
from study.manufacturing.line import WIDTH, Line
from study.manufacturing.model import Autoencoder
from study.runs import Outcome


class _Judge:
    """The cycles that detectors of one plant are judged on: for calibration, normal, and faulty."""

    def __init__(self, spec: dict, line: Line) -> None:
        judged = spec["settings"]["judged"]
        self.line, self.seed = line, spec["seed"]
        self.calibration, _ = line.produce(judged, CALIBRATION)
        self.normal, _ = line.produce(judged, NORMAL)
        self._base = line.produce(judged // 2, FAULTY)

    def faulty(self, severity: float = STANDARD_SEVERITY, recurring: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Faults of every kind, (n, 1000), and their kinds (n,): the same places at every severity."""
        rng = np.random.default_rng([self.seed, 0, FAULTY])
        return mixture(*self._base, self.line, severity, rng, recurring)


def _fit(vectors: np.ndarray, spec: dict, scratch: Path) -> tuple[dict[str, Score], list[float]]:
    """The score functions of all detectors, fitted on the same vectors, and the autoencoder's loss per epoch."""
    network = Autoencoder(vectors.shape[1], spec["seed"])
    history = network.fit(vectors, spec["settings"]["epochs"], scratch)
    return _detectors(network, vectors, spec["seed"]), history["loss"]


def _detectors(network: Autoencoder, vectors: np.ndarray, seed: int) -> dict[str, Score]:
    """A trained network beside the detectors that need none, and the worst gauge of what reconstructs."""
    found = {AUTOENCODER: network.score, **detectors.fit_others(vectors, seed)}
    found[WORST.format(AUTOENCODER)] = detectors.worst_gauge(network.residuals, vectors)
    found[WORST.format(PCA_NAME)] = detectors.worst_gauge(Pca(vectors).residuals, vectors)
    return found


def _scores(fitted: Mapping[str, Score], vectors: np.ndarray) -> dict[str, np.ndarray]:
    return {name: score(vectors) for name, score in fitted.items()}


def _rates(calibration: dict, normal: dict, faulty: dict, kinds: np.ndarray | None = None) -> dict:
    """Rates of every detector over all faults and, where `kinds` are given, under `kinds` for each kind of fault."""
    found = {}
    for name in faulty:
        sound = calibration[name], normal[name]
        found[name] = measures.rates(*sound, faulty[name])
        if kinds is not None:
            by_kind = {kind: measures.rates(*sound, faulty[name][kinds == i]) for i, kind in enumerate(KINDS)}
            found[name]["kinds"] = by_kind
    return found


def standard(spec: dict, scratch: Path) -> Outcome:
    """Fit on sound production of the plant, judge on faults of the standard severity."""
    line = Line(spec["seed"])
    vectors, _ = line.produce(spec["settings"]["cycles"], TRAINING)
    fitted, losses = _fit(vectors, spec, scratch)
    judge = _Judge(spec, line)
    faulty, kinds = judge.faulty()
    sets = [_scores(fitted, x) for x in (judge.calibration, judge.normal, faulty)]
    metrics = {
        "loss": losses[-1],
        "validation_loss": _validation_loss(fitted, spec, line),
        "scores": _rates(*sets, kinds),
    }
    return metrics, {"history_loss": np.array(losses)}


def _validation_loss(fitted: Mapping[str, Score], spec: dict, line: Line) -> float:
    """The autoencoder's loss on sound cycles that nothing was fitted or judged on."""
    return float(fitted[AUTOENCODER](_validation(spec, line)).mean())


def _validation(spec: dict, line: Line) -> np.ndarray:
    return line.produce(spec["settings"]["judged"] // 2, VALIDATION)[0]


def plant_year(spec: dict, scratch: Path, make: Callable | None = None) -> Outcome:
    """The reference: fit on a new plant's sound production, judge on faults of every severity; then a year of service.

    `make` defines the network, by default the notebook's. With the setting `weights` the record keeps the network.
    """
    line, settings = Line(spec["seed"]), spec["settings"]
    vectors, _ = line.produce(settings["cycles"], TRAINING)
    network = Autoencoder(WIDTH, spec["seed"], make)
    history = network.fit(vectors, settings["epochs"], scratch / "deployed", _validation(spec, line))
    fitted = _detectors(network, vectors, spec["seed"])
    kept = weights_of(network.model, "float16") if settings["weights"] else {}
    judge = _Judge(spec, line)
    scored = _with_combinations(fitted, line, judge.calibration)
    calibration, normal = scored(judge.calibration), scored(judge.normal)
    severities = []
    for severity in SEVERITIES:
        faulty, kinds = judge.faulty(severity)
        found = scored(faulty)
        severities.append({"severity": severity, "scores": _rates(calibration, normal, found, kinds)})
        if severity == STANDARD_SEVERITY:
            curves = _curves(calibration, normal, found)
    recurring, _ = judge.faulty(recurring=True)
    metrics = {
        "loss": history["loss"][-1],
        "validation_loss": history["validation"][-1],
        "pca_loss": float(fitted[PCA_NAME](_validation(spec, line)).mean()),
        "scores": severities[SEVERITIES.index(STANDARD_SEVERITY)]["scores"],
        "severities": severities,
        "conditions": _conditions(spec, line, {name: fitted[name] for name in IN_SERVICE}),
        "recurring": _rates(calibration, normal, scored(recurring)),
        "thresholds": {name: measures.threshold(calibration[name]) for name in (AUTOENCODER, PCA_NAME)},
        "labels": {
            AUTOENCODER: _labels(spec, line, judge, network.residuals),
            PCA_NAME: _labels(spec, line, judge, Pca(vectors).residuals),
        },
        "months": _months(spec, line, network, Pca(vectors).score, scratch),
    }
    histories = {f"history_{name}": np.array(losses) for name, losses in history.items()}
    return metrics, histories | curves | kept


def _with_combinations(fitted: Mapping[str, Score], line: Line, calibration: np.ndarray) -> Callable:
    """Scores of all detectors, the engineers' check, and what is combined of them, on vectors (n, 1000)."""

    def singles(x: np.ndarray) -> dict[str, np.ndarray]:
        return {**_scores(fitted, x), HEAT_CHECK: line.heat_check(x)}

    on_normal = singles(calibration)

    def scored(x: np.ndarray) -> dict[str, np.ndarray]:
        found = singles(x)
        together = {ENSEMBLE: detectors.SINGLE}
        together |= {OR_CHECK.format(name): (name, HEAT_CHECK) for name in (AUTOENCODER, PCA_NAME)}
        members = {name: {one: found[one] for one in ones} for name, ones in together.items()}
        return found | {name: detectors.ensemble(scores, on_normal) for name, scores in members.items()}

    return scored


def _curves(calibration: dict, normal: dict, faulty: dict) -> dict[str, np.ndarray]:
    """At thresholds for each rate of the grid, set on calibration cycles: false alarms and detection of fresh cycles.

    The second half of the faulty cycles is kept apart under `chosen_`, to choose a threshold on it.
    """
    arrays = {}
    for name in PRICED:
        scores = faulty[name]
        limits = np.quantile(calibration[name], 1 - FALSE_ALARM_GRID)[:, None]
        key = key_of(name)
        # Kinds alternate in the mixture, so that both halves hold all of them.
        half = len(scores) // 2
        arrays[f"false_alarms_{key}"] = (normal[name] > limits).mean(axis=1).astype(np.float32)
        arrays[f"detection_{key}"] = (scores[:half] > limits).mean(axis=1).astype(np.float32)
        arrays[f"chosen_detection_{key}"] = (scores[half:] > limits).mean(axis=1).astype(np.float32)
    return arrays


def _labels(spec: dict, line: Line, judge: _Judge, residuals: Callable) -> dict:
    """A classifier of residuals that learns from a few labelled faults, of all kinds or of all but one.

    `all` maps the number of labelled faults to rates; `unseen` maps a kind to the rates for it when it had no label.
    """
    rng = np.random.default_rng([spec["seed"], 0, LABELLED_FAULTY])
    labelled, kinds = mixture(*line.produce(max(LABELS), LABELLED_FAULTY), line, STANDARD_SEVERITY, rng)
    known_normal, _ = line.produce(500, LABELLED_NORMAL)
    faulty, judged_kinds = judge.faulty()
    sets = (known_normal, labelled, judge.calibration, judge.normal, faulty)
    features = [detectors.residual_features(residuals(x)) for x in sets]

    def learnt(chosen: np.ndarray, judged: np.ndarray) -> dict:
        score = detectors.learn_from_labels(features[0], features[1][chosen])
        return measures.rates(score(features[2]), score(features[3]), score(features[4][judged]))

    rows, everything = np.arange(len(labelled)), np.ones(len(faulty), dtype=bool)
    unseen = {
        kind: learnt(kinds != i, judged_kinds == i) | {"seen": learnt(rows >= 0, judged_kinds == i)["detection"]}
        for i, kind in enumerate(KINDS)
    }
    return {"all": {str(count): learnt(rows < count, everything) for count in LABELS}, "unseen": unseen}


def contamination(spec: dict, scratch: Path) -> Outcome:
    """Fit on production of which a share is faulty: half scattered faults, half one recurring fault of every kind.

    `scores` (scattered faults) and `recurring` judge by thresholds of sound cycles; `own_threshold` sets the threshold
    for scattered faults on cycles as contaminated as those that the detectors were fitted on.
    """
    line, share = Line(spec["seed"]), spec["settings"]["share"]
    vectors = _contaminated(line, spec["settings"]["cycles"], TRAINING, share, [spec["seed"], 1])
    fitted, losses = _fit(vectors, spec, scratch)
    judge = _Judge(spec, line)
    calibration, normal = _scores(fitted, judge.calibration), _scores(fitted, judge.normal)
    unclean = _scores(fitted, _contaminated(line, len(judge.calibration), CONTAMINANT, share, [spec["seed"], 2]))
    scattered, recurring = (_scores(fitted, judge.faulty(recurring=again)[0]) for again in (False, True))
    metrics = {
        "loss": losses[-1],
        "scores": _rates(calibration, normal, scattered),
        "conditions": _conditions(spec, line, {name: fitted[name] for name in IN_SERVICE}),
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
    parts = np.array_split(chosen, 2) if recurring else [chosen]
    sound = vectors.copy()
    for part, again in zip(parts, (False, True), strict=False):
        donors = (sound, product)
        vectors[part] = mixture(sound[part], product[part], line, STANDARD_SEVERITY, rng, again, donors)[0]
    return vectors


def _conditions(spec: dict, line: Line, fitted: Mapping[str, Score]) -> dict[str, dict]:
    """Rates where the gauges get worse after the fit, thresholds being set again on normal cycles of that condition."""
    changed = {f"noise-{factor:g}": replace(line, noise=factor) for factor in NOISE}
    changed |= {f"broken-{share:g}": replace(line, broken_gauges=share) for share in BROKEN_GAUGES}
    found = {}
    for name, one in changed.items():
        judge = _Judge(spec, one)
        sets = (judge.calibration, judge.normal, judge.faulty()[0])
        found[name] = _rates(*(_scores(fitted, x) for x in sets))
    return found


def _months(spec: dict, line: Line, network: Autoencoder, pca: Score, scratch: Path) -> list[dict]:
    """A year in service: detectors as deployed, with a new threshold every quarter, and retrained every quarter.

    New thresholds and retraining use the production of the month before, unlabelled, with a few unnoticed faults. The
    network is trained on from its weights; PCA is fitted again.
    """
    settings, seed = spec["settings"], spec["seed"]
    sets = []
    for month in range(MONTHS + 1):
        normal, _ = line.produce(settings["judged"] // 2, DRIFT + month, month / MONTHS)
        base = line.produce(settings["judged"] // 4, DRIFT + 20 + month, month / MONTHS)
        faulty, _ = mixture(*base, line, STANDARD_SEVERITY, np.random.default_rng([seed, 3, month]))
        sets.append((normal, faulty))
    calibration, _ = line.produce(settings["judged"], CALIBRATION)
    current = {AUTOENCODER: network.score, PCA_NAME: pca}
    reference = recent = _scores(current, calibration)
    months: list[dict] = []
    for month, pair in enumerate(sets):
        if month in RETRAINING_MONTHS:
            recent = _scores(current, _recent(line, settings["judged"], seed, month, DRIFT + 40))
        scores = [_scores(current, x) for x in pair]
        months.append({"fixed": _rates(reference, *scores), "new threshold": _rates(recent, *scores)})
    recent = reference
    for month, pair in enumerate(sets):
        if month in RETRAINING_MONTHS:
            vectors = _recent(line, settings["cycles"], seed, month, DRIFT + 60)
            epochs = max(1, settings["epochs"] // RETRAINING_SHARE)
            network.fit(vectors, epochs, scratch / f"month-{month}")
            current = {AUTOENCODER: network.score, PCA_NAME: Pca(vectors).score}
            recent = _scores(current, _recent(line, settings["judged"], seed, month, DRIFT + 40))
        months[month]["retrained"] = _rates(recent, *(_scores(current, x) for x in pair))
    return months


def _recent(line: Line, cycles: int, seed: int, month: int, stream: int) -> np.ndarray:
    """Unlabelled production of the month before, with its unnoticed faults."""
    age = (month - 0.5) / MONTHS
    return _contaminated(line, cycles, stream + month, UNNOTICED_FAULTS, [seed, stream, month], age, recurring=False)


def latency(spec: dict, scratch: Path) -> Outcome:
    """Milliseconds to score one vector, and one of a batch of 1000: median and 99th percentile of repeated calls."""
    line = Line(spec["seed"])
    vectors, _ = line.produce(1000, TRAINING)
    model = Autoencoder(WIDTH, spec["seed"])
    fitted = {AUTOENCODER: model.score, **detectors.fit_others(vectors, spec["seed"])}
    found = {}
    for name, score in fitted.items():
        single = _milliseconds(lambda i, score=score: score(vectors[i : i + 1]), 100)
        batch = _milliseconds(lambda i, score=score: score(vectors), 10)
        found[name] = {
            "median": float(np.median(single)),
            "p99": float(np.quantile(single, 0.99)),
            "in_batch": float(np.median(batch)) / len(vectors),
        }
    return {"parameters": model.model.count_params(), "milliseconds": found}, {}


def _milliseconds(call: Callable[[int], object], repeats: int) -> list[float]:
    call(0)
    taken = []
    for i in range(repeats):
        start = time.perf_counter()
        call(i)
        taken.append(1e3 * (time.perf_counter() - start))
    return taken
