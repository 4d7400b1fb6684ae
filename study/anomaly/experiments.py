"""The experiments of Part II on NAB's series; `study.anomaly.trainings` makes their runs."""

from study import definitions, paths
from study.anomaly import detection
from study.anomaly.baselines import BASELINES as SCORES
from study.anomaly.detectors import (
    AUTOENCODERS,
    BASELINES,
    CHECKED_DETECTORS,
    NOTEBOOK,
    PUBLISHED,
    SURGE_AE,
    SURGE_MEAN,
    function_of,
    output_file,
    scores_file,
)  # fmt: skip
from study.anomaly.series import AAPL, OTHERS, data_names
from study.anomaly.series import ALL as SERIES
from study.experiments import Compared, Experiment, Experiments, Run
from study.profile import Part2, Profile
from study.runs import Record


def definition(model: str) -> str | None:
    """The digest of a model's definition by its key, or of what computes a detector's scores; None without one."""
    ours = {SURGE_AE: "fit_and_score", SURGE_MEAN: "score_without_network"}
    if model in AUTOENCODERS:
        return definitions.in_file(paths.NOTEBOOKS / f"{NOTEBOOK}.py", function_of(model))
    if model in ours:
        return definitions.in_file(paths.STUDY / "anomaly" / "own.py", ours[model])
    if model in BASELINES:
        return definitions.in_file(paths.STUDY / "anomaly" / "baselines.py", SCORES[model].__name__)
    return None


def _data(profile: Profile, names: tuple[str, ...]) -> list[str]:
    """The files behind series, by their companies, and other files that are named in full."""
    series = {file for name in names if name in SERIES for file in data_names(name, profile.data)}
    return sorted(series) + [name for name in names if name not in SERIES]


def _published_detectors(sizes: Part2) -> list[Run]:
    return [Run(detector, data=(*SERIES, scores_file(detector))) for detector in PUBLISHED]


def _published(sizes: Part2) -> list[Run]:
    settings = {"epochs": sizes.epochs}
    return [Run(model, seed, settings, (AAPL,)) for model in AUTOENCODERS for seed in sizes.seeds]


def _surge(sizes: Part2) -> dict:
    return {"epochs": sizes.surge_epochs, "networks": sizes.surge_networks}


def _stream(sizes: Part2) -> list[Run]:
    settings = {"epochs": sizes.stream_epochs}
    return [
        *(Run(model, data=SERIES) for model in (*BASELINES, SURGE_MEAN)),
        *(Run(model, seed, settings, SERIES) for model in AUTOENCODERS for seed in sizes.seeds),
        *(Run(SURGE_AE, seed, _surge(sizes), SERIES) for seed in sizes.seeds),
    ]


def _description(record: Record) -> Compared:
    names = ("rows", "mean", "sd", "min", "q25", "median", "q75", "max")
    return [(name, record.metrics[name], 0.0) for name in names]


def _losses(record: Record) -> Compared:
    names = ("train_loss", "last_loss", "middle_loss")
    return [(name, record.metrics[name], 0.05 * record.metrics[name]) for name in names]


def _scores(record: Record, nab: float, pr: float) -> Compared:
    """NAB's scores and VUS-PR, with these tolerances."""
    m = record.metrics
    scores = [(f"NAB standard score, {c}", m[c]["nab"]["standard"], nab) for c in detection.COLUMNS]
    return [*scores, ("VUS-PR", m["vus_pr"], pr)]


def _sums(record: Record) -> Compared:
    sums = {column: sum(one["nab"] for one in record.metrics[column].values()) for column in detection.COLUMNS}
    return [(f"NAB standard score, {column}, sum", value, 3.0) for column, value in sums.items()]


ALL = Experiments(
    part="part2",
    trainings="study.anomaly.trainings",
    rows=(
        Experiment(
            "part2-dataset", 1, "describe_series",
            lambda sizes: [Run("aapl", data=(AAPL,))],
            _description,
        ),
        Experiment(  # the scorer against NAB's own figures
            "part2-scorer", 2, "check_scorer",
            lambda sizes: [Run("nab", data=(AAPL, *map(output_file, CHECKED_DETECTORS)))],
            lambda r: [(f"NAB score of {n}", r.metrics[n]["nab"]["standard"], 1e-9) for n in CHECKED_DETECTORS],
            real=True,
        ),
        Experiment(  # detectors whose scores NAB publishes, by NAB's protocol
            "part2-published-detectors", 1, "judge_published_detector",
            _published_detectors,
            lambda record: _scores(record, 1e-9, 1e-9),
            real=True,
        ),
        Experiment(  # the four autoencoders, trained as the original did
            "part2-published", 3, "train_as_published",
            _published,
            _losses,
        ),
        Experiment(  # every detector of this report, by NAB's protocol
            "part2-stream", 3, "judge_on_stream",
            _stream,
            lambda record: _scores(record, 0.5, 0.05),
        ),
        Experiment(  # Surge-AE on series that its networks have not seen
            "part2-left-out", 2, "leave_series_out",
            lambda sizes: [Run(SURGE_AE, 0, _surge(sizes), OTHERS)],
            _sums,
        ),
    ),
    smoke_task="part2-published",
    definition=lambda spec: definition(spec["model"]),
    data=_data,
    settings=lambda profile: {"synthetic_rows": profile.part2.synthetic_rows} if profile.synthetic else {},
)  # fmt: skip
