"""The experiments of Part II on NAB's series; `study.anomaly.trainings` makes their runs."""

from study import definitions, paths
from study.anomaly import baselines, detection, detectors, series
from study.anomaly.detectors import AUTOENCODERS, PUBLISHED, SURGE_AE, SURGE_MEAN
from study.experiments import Compared, Experiment, Experiments, Run
from study.profile import Part2, Profile
from study.runs import Record


def definition(model: str) -> str | None:
    """The digest of a model's definition by its key, or of what computes a detector's scores; None without one."""
    ours = {SURGE_AE: "fit_and_score", SURGE_MEAN: "score_without_network"}
    if model in AUTOENCODERS:
        return definitions.in_file(paths.NOTEBOOKS / f"{detectors.NOTEBOOK}.py", detectors.function_of(model))
    if model in ours:
        return definitions.in_file(paths.STUDY / "anomaly" / "own.py", ours[model])
    if model in detectors.BASELINES:
        return definitions.in_file(paths.STUDY / "anomaly" / "baselines.py", baselines.BASELINES[model].__name__)
    return None


def _data(profile: Profile, names: tuple[str, ...]) -> list[str]:
    """The files behind series, by their companies, and other files that are named in full."""
    files = {file for name in names if name in series.ALL for file in series.data_names(name, profile.data)}
    return sorted(files) + [name for name in names if name not in series.ALL]


def _surge(sizes: Part2) -> dict:
    return {"epochs": sizes.surge_epochs, "networks": sizes.surge_networks}


def _stream(sizes: Part2) -> list[Run]:
    settings = {"epochs": sizes.stream_epochs}
    return [
        *(Run(model, data=series.ALL) for model in (*detectors.BASELINES, SURGE_MEAN)),
        *(Run(model, seed, settings, series.ALL) for model in AUTOENCODERS for seed in sizes.seeds),
        *(Run(SURGE_AE, seed, _surge(sizes), series.ALL) for seed in sizes.seeds),
    ]


def _scores(record: Record, nab: float, pr: float) -> Compared:
    """NAB's scores and VUS-PR, with these tolerances."""
    m = record.metrics
    scores = [(f"NAB standard score, {c}", m[c]["nab"]["standard"], nab) for c in detection.COLUMNS]
    return [*scores, ("VUS-PR", m["vus_pr"], pr)]


ALL = Experiments(
    part="part2",
    trainings="study.anomaly.trainings",
    rows=(
        Experiment(
            "part2-dataset", 1, "describe_series",
            lambda sizes: [Run("aapl", data=(series.AAPL,))],
            lambda r: [(n, r.metrics[n], 0.0) for n in ("rows", "mean", "sd", "min", "q25", "median", "q75", "max")],
        ),
        Experiment(  # detectors whose scores NAB publishes, by NAB's protocol
            "part2-published-detectors", 1, "judge_published_detector",
            lambda sizes: [Run(name, data=(*series.ALL, detectors.scores_file(name))) for name in PUBLISHED],
            lambda record: _scores(record, 1e-9, 1e-9),
            real=True,
        ),
        Experiment(  # the four autoencoders, trained as the original did
            "part2-published", 3, "train_as_published",
            lambda sizes: [
                Run(model, seed, {"epochs": sizes.epochs}, (series.AAPL,))
                for model in AUTOENCODERS
                for seed in sizes.seeds
            ],
            lambda r: [(n, r.metrics[n], 0.05 * r.metrics[n]) for n in ("train_loss", "last_loss", "middle_loss")],
        ),
        Experiment(  # every detector of this report, by NAB's protocol
            "part2-stream", 3, "judge_on_stream",
            _stream,
            lambda record: _scores(record, 0.5, 0.05),
        ),
        Experiment(  # Surge-AE on series that its networks have not seen
            "part2-left-out", 2, "leave_series_out",
            lambda sizes: [Run(SURGE_AE, 0, _surge(sizes), series.OTHERS)],
            lambda r: [
                (f"NAB standard score, {column}, sum", sum(one["nab"] for one in r.metrics[column].values()), 3.0)
                for column in detection.COLUMNS
            ],
        ),
    ),
    smoke_task="part2-published",
    definition=lambda spec: definition(spec["model"]),
    data=_data,
    settings=lambda profile: {"synthetic_rows": profile.part2.synthetic_rows} if profile.synthetic else {},
)  # fmt: skip
