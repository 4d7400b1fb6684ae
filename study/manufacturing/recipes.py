"""The runs of Part I on the simulated line: which there are, and how each is made.

A run's seed makes its plant, its production, its faults and its network. Tasks: `part1-severity` (the reference, the
ensemble, labels and costs), `part1-contamination`, `part1-noise`, `part1-broken-gauges`, `part1-knowledge`,
`part1-drift`, `part1-patience` (a short and a long training) and `part1-latency`. All detectors of a run are fitted on
the same vectors. Choices such as the standard severity were made on the plant of seed 100, which no run uses.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from study.manufacturing import detectors, measures
from study.manufacturing.detectors import AUTOENCODER, ENSEMBLE, PCA_NAME, Autoencoder, Pca
from study.manufacturing.faults import KINDS, mixture
from study.manufacturing.line import WIDTH, Line
from study.profile import Profile
from study.runs import Outcome, Record

SEVERITIES = (0.1, 0.2, 0.4, 0.7, 1.0)
STANDARD_SEVERITY = 0.7
"""Severity of the faults in every experiment that varies something else."""

LABELS = (10, 30, 100)
MONTHS = 12
RETRAINING_MONTHS = (3, 6, 9)
UNNOTICED_FAULTS = 0.01
"""Share of faulty cycles in the unlabelled production that a deployed system is retrained on."""

KNOWLEDGE_INPUT, KNOWLEDGE_CHECK, EITHER = "With heat balance as input", "Heat-balance check", "Autoencoder or check"
PCA_INPUT, PCA_EITHER = "PCA with heat balance as input", "PCA or check"
STRATEGIES = ("fixed", "new threshold", "retrained")

# Independent random streams of a plant.
TRAINING, CALIBRATION, NORMAL, FAULTY, CONTAMINANT, LABELLED_FAULTY, LABELLED_NORMAL = range(1, 8)
DRIFT = 100

# Raise the version of a task when what it computes changes.
VERSIONS = {
    "part1-severity": 1,
    "part1-contamination": 1,
    "part1-noise": 1,
    "part1-broken-gauges": 1,
    "part1-knowledge": 1,
    "part1-drift": 1,
    "part1-patience": 1,
    "part1-latency": 1,
}


def specs(profile: Profile) -> list[dict]:
    """Every run of Part I under a profile."""
    sizes, made = profile.part1, [sentinel(profile), _spec(profile, "part1-latency", "single-vector", 0)]
    for seed in sizes.seeds:
        made.append(_spec(profile, "part1-severity", "clean", seed))
        made += [
            _spec(profile, "part1-contamination", f"share-{round(100 * share)}", seed, share=share)
            for share in sizes.contamination
        ]
        made += [_spec(profile, "part1-noise", f"times-{factor:g}", seed, noise=factor) for factor in sizes.noise]
        made += [
            _spec(profile, "part1-broken-gauges", f"share-{round(100 * share)}", seed, broken_gauges=share)
            for share in sizes.broken_gauges
        ]
        made.append(_spec(profile, "part1-knowledge", "heat-balance", seed))
        made.append(_spec(profile, "part1-drift", "year", seed))
    first, most = sizes.seeds[0], max(sizes.contamination)
    long = [
        _spec(profile, "part1-patience", "long-training", first),
        _spec(profile, "part1-contamination", "long-training", first, share=most),
    ]
    for spec in long:
        spec["settings"]["epochs"] = sizes.patient_epochs
    return [*made, *long]


def sentinel(profile: Profile) -> dict:
    """The small run that is made again on the reader's machine: one short training, judged as all others."""
    spec = _spec(profile, "part1-patience", "short-training", profile.part1.seeds[0])
    spec["settings"] |= {"epochs": 2, "cycles": 1000}
    return spec


def train(spec: dict, scratch: Path) -> Outcome:
    """Make one run."""
    makers = {
        "part1-severity": _severity,
        "part1-contamination": _contamination,
        "part1-noise": _standard,
        "part1-broken-gauges": _standard,
        "part1-knowledge": _knowledge,
        "part1-drift": _drift,
        "part1-patience": _standard,
        "part1-latency": _latency,
    }
    return makers[spec["task"]](spec, scratch)


def compared(record: Record) -> list[tuple[str, float, float]]:
    """What `make reproduce` and the sentinel compare: (name, value, absolute tolerance).

    On the machine of the record all differences are zero. Elsewhere rounding differs and training amplifies it; times
    are not compared.
    """
    m, task = record.metrics, record.spec["task"]
    if task == "part1-latency":
        return [("parameters", m["parameters"], 0.0)]
    if task == "part1-drift":
        last = m["months"][-1]
        return [(f"AUROC in the last month, {s}", last[s][AUTOENCODER]["auroc"], 0.1) for s in ("fixed", "retrained")]
    if task == "part1-severity":
        m = m["severities"][SEVERITIES.index(STANDARD_SEVERITY)]
    name = KNOWLEDGE_INPUT if task == "part1-knowledge" else AUTOENCODER
    pca = PCA_INPUT if task == "part1-knowledge" else PCA_NAME
    found = m["scattered"] if task == "part1-contamination" else m["scores"]
    return [(f"AUROC of {name}", found[name]["auroc"], 0.1), (f"AUROC of {pca}", found[pca]["auroc"], 1e-4)]


def _spec(profile: Profile, task: str, model: str, seed: int, **settings) -> dict:
    sizes = profile.part1
    return {
        "task": task,
        "model": model,
        "data": [],
        "profile": profile.name,
        "seed": seed,
        "version": VERSIONS[task],
        "settings": {"cycles": sizes.cycles, "epochs": sizes.epochs, "judged": sizes.judged, **settings},
    }


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


def _line(spec: dict) -> Line:
    settings = spec["settings"]
    return Line(spec["seed"], settings.get("noise", 1.0), settings.get("broken_gauges", 0.0))


def _fit(vectors: np.ndarray, spec: dict, scratch: Path) -> tuple[Autoencoder, dict, dict[str, list[float]]]:
    """The autoencoder, all four detectors' score functions, and the autoencoder's loss per epoch."""
    model = Autoencoder(vectors.shape[1], spec["seed"])
    history = model.fit(vectors, spec["settings"]["epochs"], scratch)
    return model, {AUTOENCODER: model.score, **detectors.fit_others(vectors, spec["seed"])}, history


def _scores(fitted: dict[str, Callable], vectors: np.ndarray) -> dict[str, np.ndarray]:
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


def _standard(spec: dict, scratch: Path) -> Outcome:
    """Fit on sound production of the plant, judge on faults of the standard severity."""
    line = _line(spec)
    vectors, _ = line.produce(spec["settings"]["cycles"], TRAINING)
    _, fitted, history = _fit(vectors, spec, scratch)
    judge = _Judge(spec, line)
    faulty, kinds = judge.faulty()
    sets = [_scores(fitted, x) for x in (judge.calibration, judge.normal, faulty)]
    return {"loss": history["loss"][-1], "scores": _rates(*sets, kinds)}, {"history_loss": np.array(history["loss"])}


def _severity(spec: dict, scratch: Path) -> Outcome:
    """The reference: faults of every severity, with the ensemble; then labels, and the curves that costs need."""
    line = _line(spec)
    vectors, _ = line.produce(spec["settings"]["cycles"], TRAINING)
    model, fitted, history = _fit(vectors, spec, scratch)
    judge = _Judge(spec, line)
    calibration = _scores(fitted, judge.calibration)

    def with_ensemble(x: np.ndarray) -> dict[str, np.ndarray]:
        scores = _scores(fitted, x)
        return {**scores, ENSEMBLE: detectors.ensemble(scores, calibration)}

    reference, normal = with_ensemble(judge.calibration), with_ensemble(judge.normal)
    severities, arrays = [], {"history_loss": np.array(history["loss"])}
    for severity in SEVERITIES:
        faulty, kinds = judge.faulty(severity)
        scores = with_ensemble(faulty)
        severities.append({"severity": severity, "scores": _rates(reference, normal, scores, kinds)})
        if severity == STANDARD_SEVERITY:
            arrays |= _curves(reference, normal, scores)
    metrics = {
        "loss": history["loss"][-1],
        "pca_loss": float(calibration[PCA_NAME].mean()),
        "validation_loss": float(calibration[AUTOENCODER].mean()),
        "severities": severities,
        "labels": {
            AUTOENCODER: _labels(spec, line, judge, model.residuals),
            PCA_NAME: _labels(spec, line, judge, Pca(vectors).residuals),
        },
    }
    return metrics, arrays


FALSE_ALARM_GRID = np.geomspace(1e-3, 0.5, 80)


def _curves(calibration: dict, normal: dict, faulty: dict) -> dict[str, np.ndarray]:
    """At thresholds for each rate of the grid, set on calibration cycles: false alarms and detection of fresh cycles.

    The second half of the faulty cycles is kept apart under `chosen_`, to choose a threshold on it.
    """
    arrays = {}
    for name, scores in faulty.items():
        limits = np.quantile(calibration[name], 1 - FALSE_ALARM_GRID)[:, None]
        key = name.lower().replace(" ", "_")
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


def _contamination(spec: dict, scratch: Path) -> Outcome:
    """Fit on production of which a share is faulty: half scattered faults, half one recurring fault of every kind.

    `scattered` and `recurring` judge by thresholds of sound cycles; `own_threshold` sets the threshold for scattered
    faults on cycles as contaminated as those that the detectors were fitted on.
    """
    line, share = _line(spec), spec["settings"]["share"]
    vectors = _contaminated(line, spec["settings"]["cycles"], TRAINING, share, [spec["seed"], 1])
    _, fitted, history = _fit(vectors, spec, scratch)
    judge = _Judge(spec, line)
    calibration, normal = _scores(fitted, judge.calibration), _scores(fitted, judge.normal)
    unclean = _scores(fitted, _contaminated(line, len(judge.calibration), CONTAMINANT, share, [spec["seed"], 2]))
    metrics = {"loss": history["loss"][-1]}
    for name, recurring in (("scattered", False), ("recurring", True)):
        faulty, kinds = judge.faulty(recurring=recurring)
        scores = _scores(fitted, faulty)
        metrics[name] = _rates(calibration, normal, scores, kinds)
        if not recurring:
            metrics["own_threshold"] = _rates(unclean, normal, scores, kinds)
    return metrics, {"history_loss": np.array(history["loss"])}


def _contaminated(
    line: Line, cycles: int, stream: int, share: float, seed: list[int], age: float = 0.0, recurring: bool = True
) -> np.ndarray:
    """Production with a share of faulty cycles, in no order; half of them recurring ones unless told otherwise."""
    vectors, product = line.produce(cycles, stream, age)
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(cycles)[: round(share * cycles)]
    parts = np.array_split(chosen, 2) if recurring else [chosen]
    sound = vectors.copy()
    for part, again in zip(parts, (False, True), strict=False):
        donors = (sound, product)
        vectors[part] = mixture(sound[part], product[part], line, STANDARD_SEVERITY, rng, again, donors)[0]
    return vectors


def _knowledge(spec: dict, scratch: Path) -> Outcome:
    """The heat balance of every station, which engineers know: as further inputs, and as a check of its own."""
    line = _line(spec)
    judge = _Judge(spec, line)

    def widened(x: np.ndarray) -> np.ndarray:
        return np.concatenate([x, line.heat_balance(x)], axis=1)

    vectors, _ = line.produce(spec["settings"]["cycles"], TRAINING)
    plain, wide = Autoencoder(WIDTH, spec["seed"]), Autoencoder(widened(vectors).shape[1], spec["seed"])
    plain.fit(vectors, spec["settings"]["epochs"], scratch / "plain")
    history = wide.fit(widened(vectors), spec["settings"]["epochs"], scratch / "wide")
    plain_pca, wide_pca = Pca(vectors), Pca(widened(vectors))

    def singles(x: np.ndarray) -> dict[str, np.ndarray]:
        return {AUTOENCODER: plain.score(x), PCA_NAME: plain_pca.score(x), KNOWLEDGE_CHECK: line.heat_check(x)}

    on_normal = singles(judge.calibration)

    def scored(x: np.ndarray) -> dict[str, np.ndarray]:
        found = singles(x)
        for name, other in ((EITHER, AUTOENCODER), (PCA_EITHER, PCA_NAME)):
            pair = {key: found[key] for key in (other, KNOWLEDGE_CHECK)}
            found[name] = detectors.ensemble(pair, on_normal)
        return {**found, KNOWLEDGE_INPUT: wide.score(widened(x)), PCA_INPUT: wide_pca.score(widened(x))}

    faulty, kinds = judge.faulty()
    sets = [scored(x) for x in (judge.calibration, judge.normal, faulty)]
    return {"loss": history["loss"][-1], "scores": _rates(*sets, kinds)}, {"history_loss": np.array(history["loss"])}


def _drift(spec: dict, scratch: Path) -> Outcome:
    """A year in service: detectors as deployed, with a new threshold every quarter, and retrained every quarter.

    New thresholds and retraining use the production of the month before, unlabelled, with a few unnoticed faults. The
    autoencoder is trained on from its weights for half as many epochs; the others are fitted anew.
    """
    line, settings = _line(spec), spec["settings"]
    vectors, _ = line.produce(settings["cycles"], TRAINING)
    model, deployed, history = _fit(vectors, spec, scratch / "deployed")
    deployed = {name: deployed[name] for name in (PCA_NAME, detectors.FOREST)}
    sets = []
    for month in range(MONTHS + 1):
        normal, _ = line.produce(settings["judged"] // 2, DRIFT + month, month / MONTHS)
        base = line.produce(settings["judged"] // 4, DRIFT + 20 + month, month / MONTHS)
        faulty, _ = mixture(*base, line, STANDARD_SEVERITY, np.random.default_rng([spec["seed"], 3, month]))
        sets.append((normal, faulty))
    calibration, _ = line.produce(settings["judged"], CALIBRATION)
    months: list[dict] = [{} for _ in sets]
    as_deployed = {AUTOENCODER: model.score, **deployed}
    reference = _scores(as_deployed, calibration)
    fixed = [(_scores(as_deployed, normal), _scores(as_deployed, faulty)) for normal, faulty in sets]
    recent = reference
    for month, (normal, faulty) in enumerate(fixed):
        if month in RETRAINING_MONTHS:
            recent = _scores(as_deployed, _recent(line, settings["judged"], spec["seed"], month, DRIFT + 40))
        months[month]["fixed"] = _rates(reference, normal, faulty)
        months[month]["new threshold"] = _rates(recent, normal, faulty)
    current, recent = as_deployed, reference
    for month, (normal, faulty) in enumerate(sets):
        if month in RETRAINING_MONTHS:
            again = _recent(line, settings["cycles"], spec["seed"], month, DRIFT + 60)
            model.fit(again, max(1, settings["epochs"] // 2), scratch / f"month-{month}")
            others = detectors.fit_others(again, spec["seed"])
            current = {AUTOENCODER: model.score, **{name: others[name] for name in deployed}}
            recent = _scores(current, _recent(line, settings["judged"], spec["seed"], month, DRIFT + 40))
        found = _rates(recent, _scores(current, normal), _scores(current, faulty))
        months[month]["retrained"] = found
    return {"loss": history["loss"][-1], "months": months}, {"history_loss": np.array(history["loss"])}


def _recent(line: Line, cycles: int, seed: int, month: int, stream: int) -> np.ndarray:
    """Unlabelled production of the month before, with its unnoticed faults."""
    age = (month - 0.5) / MONTHS
    return _contaminated(line, cycles, stream + month, UNNOTICED_FAULTS, [seed, stream, month], age, recurring=False)


def _latency(spec: dict, scratch: Path) -> Outcome:
    """Milliseconds to score one vector, and one of a batch of 1000: median and 99th percentile of repeated calls."""
    line = _line(spec)
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
