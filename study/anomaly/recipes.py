"""The runs of Part II: which there are, and how each is made.

Tasks: `part2-dataset` describes the AAPL series; `part2-published` trains the four autoencoders as the original did;
`part2-stream` judges every detector by NAB's protocol; `part2-scorer` checks the scorer against NAB's own figures.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from tqdm.auto import tqdm

from study import catalog, published
from study.anomaly import baselines, description, detection, scoring
from study.anomaly.series import AAPL, ALL, OTHERS, WINDOW, Series, data_names, load, windows_of
from study.profile import Profile
from study.runs import Outcome, Record

AUTOENCODERS = ("base", "version-1", "version-2", "version-3")
"""The original's, judged by its protocol and by NAB's."""
ADDED: tuple[str, ...] = ()
"""The reader's own, by their names in `autoencoders.MODELS`: judged by NAB's protocol beside them; see README."""
BASELINES = tuple(baselines.BASELINES)
OWN = "own"
NO_NETWORK = "own-no-network"  # the ablation: the same scoring on deviations from the running mean
DETECTORS = (*AUTOENCODERS, *ADDED, OWN, NO_NETWORK, *BASELINES)
CHECKED_DETECTORS = ("numenta", "windowedGaussian")

# Raise the version of a task when what it computes changes.
VERSIONS = {"part2-dataset": 1, "part2-published": 2, "part2-stream": 2, "part2-left-out": 1, "part2-scorer": 1}


def specs(profile: Profile) -> list[dict]:
    """Every run of Part II under a profile, cheap ones first."""
    sizes = profile.part2
    made = [_spec(profile, "part2-dataset", "aapl", 0, [AAPL])]
    if not profile.synthetic:
        made.append(_scorer_spec(profile))
    for model in AUTOENCODERS:
        made += [_spec(profile, "part2-published", model, seed, [AAPL], epochs=sizes.epochs) for seed in sizes.seeds]
    for model in BASELINES:
        made.append(_spec(profile, "part2-stream", model, 0, ALL))
    for model in (*AUTOENCODERS, *ADDED):
        made += [_spec(profile, "part2-stream", model, seed, ALL, epochs=sizes.stream_epochs) for seed in sizes.seeds]
    made.append(_spec(profile, "part2-stream", NO_NETWORK, 0, ALL))
    made += [_spec(profile, "part2-stream", OWN, seed, ALL, epochs=sizes.own_epochs) for seed in sizes.seeds]
    made.append(_spec(profile, "part2-left-out", OWN, 0, OTHERS, epochs=sizes.own_epochs))
    return made


def sentinel(profile: Profile) -> dict:
    """The small run that is made again on the reader's machine: the Base autoencoder as published, first seed."""
    return next(s for s in specs(profile) if s["task"] == "part2-published")


def train(spec: dict, scratch: Path) -> Outcome:
    """Make one run. Raises catalog.DataError when its data can't be had."""
    makers = {
        "part2-dataset": _dataset,
        "part2-scorer": _scorer,
        "part2-published": _published,
        "part2-stream": _stream,
        "part2-left-out": _left_out,
    }
    return makers[spec["task"]](spec, scratch)


def _spec(profile: Profile, task: str, model: str, seed: int, names: list[str], **settings) -> dict:
    if profile.synthetic:
        settings["synthetic_rows"] = profile.part2.synthetic_rows
    return {
        "task": task,
        "model": model,
        "data": sorted({file for name in names for file in data_names(name, profile.data)}),
        "profile": profile.name,
        "seed": seed,
        "version": VERSIONS[task],
        "settings": settings,
    }


def _scorer_spec(profile: Profile) -> dict:
    spec = _spec(profile, "part2-scorer", "nab", 0, [AAPL])
    return {**spec, "data": spec["data"] + [_output_file(name) for name in CHECKED_DETECTORS]}


def _output_file(detector: str) -> str:
    return f"nab/detectors/{detector}_Twitter_volume_AAPL.csv"


def _series(spec: dict, name: str) -> Series:
    rows = spec["settings"].get("synthetic_rows", 0)
    return load(name, "synthetic" if rows else "real", rows)


def _dataset(spec: dict, scratch: Path) -> Outcome:
    return description.describe(_series(spec, AAPL))


def _scorer(spec: dict, scratch: Path) -> Outcome:
    """Score the per-row outputs that NAB publishes for two detectors, beside the sums of NAB's own S(t) columns."""
    series, metrics, arrays = _series(spec, AAPL), {}, {}
    for detector in CHECKED_DETECTORS:
        table = pd.read_csv(catalog.fetch(_output_file(detector)))
        scores = table["anomaly_score"].to_numpy()
        above = scores >= published.nab_detectors().loc[detector, "threshold"]
        paused = scoring.alarms(scores, published.nab_detectors().loc[detector, "threshold"], detection.DAY_ROWS)
        metrics[detector] = {
            **detection.verdicts(scores, above, above, series),
            "nab_of_columns": {name: float(table[f"S(t)_{name}"].sum()) for name in scoring.PROFILES},
            "with_pause": detection.verdicts(scores, above, paused, series),
        }
        arrays[f"{detector}_rows"] = np.flatnonzero(above).astype(np.int32)
    return metrics, arrays


def parts(n: int) -> dict[str, slice]:
    """The original's chronological 70/15/15 split of n rows."""
    first, second = int(0.7 * n), int(0.85 * n)
    return {"train": slice(0, first), "middle": slice(first, second), "last": slice(second, n)}


def _published(spec: dict, scratch: Path) -> Outcome:
    """Train as the original did and measure all three parts; the scale comes from the training part."""
    from study.anomaly import autoencoders

    series = _series(spec, AAPL)
    split = parts(len(series))
    low, high = series.values[split["train"]].min(), series.values[split["train"]].max()
    windows = {name: windows_of((series.values[rows] - low) / (high - low)) for name, rows in split.items()}
    model = autoencoders.build(spec["model"], spec["seed"])
    history = autoencoders.fit(
        model,
        windows["train"],
        spec["settings"]["epochs"],
        spec["seed"],
        {"last": windows["last"], "middle": windows["middle"]},
        scratch,
    )
    errors = {name: autoencoders.errors(model, part) for name, part in windows.items()}
    # Predicting the training part's mean everywhere is the floor that a reconstruction has to beat.
    floor = {name: float(np.square(part - windows["train"].mean()).mean()) for name, part in windows.items()}
    loss = {name: float(e.mean()) for name, e in errors.items()}
    metrics = {
        "parameters": model.count_params(),
        "train_loss_first": history["loss"][0],
        "train_loss": history["loss"][-1],
        "middle_loss": loss["middle"],
        "last_loss": loss["last"],
        "train_loss_after": loss["train"],
        "constant_loss": floor,
        "r2": {name: 1 - loss[name] / float(part.var()) for name, part in windows.items()},
        "energy_correlation": _rank_correlation(errors["last"], np.square(windows["last"]).mean(axis=(1, 2))),
        "rmse_tweets": {name: float(np.sqrt(value) * (high - low)) for name, value in loss.items()},
    }
    # Row of a window = its last row; the values there are kept for detected windows only.
    rows = {name: np.arange(split[name].start + WINDOW - 1, split[name].stop) for name in split}
    limit = min(e.mean() + 2 * e.std() for e in errors.values())
    kept = np.concatenate([rows[name][errors[name] > limit] for name in ("middle", "last")])
    arrays = {f"errors_{name}": e.astype(np.float32) for name, e in errors.items()}
    arrays |= {f"history_{name}": np.array(values) for name, values in history.items()}
    arrays |= {"kept_rows": kept.astype(np.int32), "kept_values": series.values[kept].astype(np.float32)}
    return metrics, arrays


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(stats.spearmanr(a, b).statistic)


def _stream(spec: dict, scratch: Path) -> Outcome:
    """Score all ten series causally, choose the alarm rule on nine, judge AAPL."""
    series = {name: _series(spec, name) for name in ALL}
    if spec["model"] in baselines.BASELINES:
        score = baselines.BASELINES[spec["model"]]
        return detection.judge({name: score(one.values) for name, one in series.items()}, series)
    if spec["model"] == NO_NETWORK:
        from study.anomaly import own

        return detection.judge({name: own.score_without_network(one.values) for name, one in series.items()}, series)
    make_scores = _own_scores if spec["model"] == OWN else _autoencoder_scores
    scores, loss = make_scores(spec, series, scratch)
    metrics, arrays = detection.judge(scores, series)
    return {"train_loss": loss, **metrics}, arrays


def _autoencoder_scores(spec: dict, series: dict[str, Series], scratch: Path) -> tuple[dict[str, np.ndarray], float]:
    """One model fitted on the probation rows of all series, each scaled by its own; no label is read.

    The score of a row is the error of the window that ends there, over the median error of the series' probation.
    """
    from study.anomaly import autoencoders

    windows, head = {}, {}
    for name, one in series.items():
        head[name] = scoring.probation_rows(len(one)) - WINDOW + 1
        probation = one.values[: scoring.probation_rows(len(one))]
        windows[name] = windows_of((one.values - probation.min()) / max(np.ptp(probation), 1.0))
    pooled = np.concatenate([windows[name][: head[name]] for name in series])
    model = autoencoders.build(spec["model"], spec["seed"])
    history = autoencoders.fit(model, pooled, spec["settings"]["epochs"], spec["seed"], {}, scratch)
    scores = {}
    for name in series:
        errors = autoencoders.errors(model, windows[name]).astype(np.float64)
        relative = errors / np.median(errors[: head[name]])
        scores[name] = np.concatenate([np.full(WINDOW - 1, relative.min()), relative])
    return scores, history["loss"][-1]


def _own_scores(spec: dict, series: dict[str, Series], scratch: Path) -> tuple[dict[str, np.ndarray], float]:
    """The report's own detector, fitted without labels on the nine other series and on AAPL's probation rows."""
    from study.anomaly import own

    model, losses = own.fit(_training_pairs(series, AAPL), spec["seed"], spec["settings"]["epochs"])
    return {name: own.score(model, one.timestamps, one.values) for name, one in series.items()}, losses[-1]


def _training_pairs(series: dict[str, Series], judged: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """All of the other series, and of the judged one its probation rows, where they last longer than a day."""
    pairs = [(one.timestamps, one.values) for name, one in series.items() if name != judged]
    head = scoring.probation_rows(len(series[judged]))
    if head > detection.DAY_ROWS:
        pairs.append((series[judged].timestamps[:head], series[judged].values[:head]))
    return pairs


def _left_out(spec: dict, scratch: Path) -> Outcome:
    """The own detector on each of the nine other series, with network and alarm rule from the eight others only."""
    from study.anomaly import own

    series = {name: _series(spec, name) for name in OTHERS}
    scores = {}
    for name in tqdm(OTHERS, desc="left out", unit="series", leave=False):
        model, _ = own.fit(_training_pairs(series, name), spec["seed"], spec["settings"]["epochs"])
        scores[name] = own.score(model, series[name].timestamps, series[name].values)
    trials = detection.try_rules(list(scores.values()), list(series.values()))
    chosen = {}
    for out, name in enumerate(OTHERS):
        rule = trials.best("nab", [c for c in range(len(OTHERS)) if c != out])
        chosen[name] = {
            "nab": float(trials.nab[rule, out]),
            "windows": len(series[name].windows),
            "found": int(trials.found[rule, out]),
            "wrong": int(trials.wrong[rule, out]),
        }
    return {"series": chosen}, {}


def compared(record: Record) -> list[tuple[str, float, float]]:
    """What `make reproduce` and the sentinel compare: (name, value, absolute tolerance).

    On the machine of the record all differences are zero. Elsewhere rounding differs and training amplifies it.
    """
    m = record.metrics
    if record.spec["task"] == "part2-dataset":
        return [(name, m[name], 0.0) for name in ("rows", "mean", "sd", "min", "q25", "median", "q75", "max")]
    if record.spec["task"] == "part2-scorer":
        return [(f"NAB score of {name}", m[name]["nab"]["standard"], 1e-9) for name in CHECKED_DETECTORS]
    if record.spec["task"] == "part2-published":
        return [(name, m[name], 0.05 * m[name]) for name in ("train_loss", "last_loss", "middle_loss")]
    if record.spec["task"] == "part2-left-out":
        return [("NAB standard score, sum", sum(one["nab"] for one in m["series"].values()), 3.0)]
    return [("NAB standard score", m["nab"]["standard"], 0.5), ("event F1", m["events"]["f1"], 0.15)]
