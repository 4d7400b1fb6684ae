"""The experiments of Part IV; `study.news.trainings` makes their runs.

Only `part4-variants`, `part4-baselines`, `part4-own` and those seeds of `part4-conditions` that chose nothing look at
the test split.
"""

from study import definitions, paths
from study.experiments import Experiment, Experiments, Run, accuracies
from study.news import conditions, corpus, design
from study.profile import Part4, Profile

VARIANTS = {
    "base": {"dropout": False, "early_stopping": False, "l2": False},
    "dropout": {"dropout": True, "early_stopping": False, "l2": False},
    "early-stopping": {"dropout": True, "early_stopping": True, "l2": False},
    "regularised": {"dropout": True, "early_stopping": True, "l2": True},
}
"""The original's variants, each with one technique more than the one before."""
BASELINES = ("majority", "tfidf")
OWN = "own"

NOTEBOOK = "part4_ag_news_transformer"


def _variant(sizes: Part4, variant: str, **changes) -> dict:
    chosen = VARIANTS[variant]
    shared = ("vocabulary", "longest", "width", "heads", "hidden", "batch", "learning_rate", "epochs")
    return (
        {name: getattr(sizes, name) for name in shared}
        | {
            "dropout": sizes.dropout if chosen["dropout"] else 0.0,
            "patience": sizes.patience if chosen["early_stopping"] else None,
            "l2": sizes.l2 if chosen["l2"] else 0.0,
        }
        | changes
    )


def _variants(sizes: Part4) -> list[Run]:
    """All variants and seeds; the first training with dropout keeps its weights, to classify texts of one's own."""
    order = ("base", "early-stopping", "dropout", "regularised")  # dropout goes on from early stopping
    kept = {("dropout", sizes.seeds[0]): {"weights": "float16"}}
    return [
        Run(model, seed, _variant(sizes, model, **kept.get((model, seed), {})))
        for model in order
        for seed in sizes.seeds
    ]


def _strengths(sizes: Part4) -> list[Run]:
    return [
        Run(f"strength-{strength:g}", seed, _variant(sizes, "regularised", l2=strength))
        for strength in sizes.l2_sweep
        if strength != sizes.l2
        for seed in sizes.sweep_seeds
    ]


def _sizes(sizes: Part4) -> list[Run]:
    own = design.settings(**sizes.own)
    return [
        *(
            Run(f"early-stopping-{rows}", seed, _variant(sizes, "early-stopping", rows=rows))
            for rows in sizes.sizes
            for seed in sizes.sweep_seeds
        ),
        *(Run(f"tfidf-{rows}", settings={"rows": rows}) for rows in sizes.sizes),
        *(
            Run(f"{OWN}-{rows}", seed, own | {"rows": rows})
            for rows in sizes.own_sizes
            for seed in sizes.ablation_seeds
        ),
    ]


def _ablations(sizes: Part4) -> list[Run]:
    return [
        Run(name, seed, design.settings(**sizes.own | change))
        for name, change in design.ABLATIONS.items()
        for seed in sizes.ablation_seeds
    ]


def _conditions(sizes: Part4) -> list[Run]:
    """The trainings of the grid's settings, first seed, then of the chosen ones those that are tested, other seeds."""
    settings = conditions.grid(sizes)
    wanted = [(setting, 0) for setting in settings.values()]
    wanted += [(settings[name], seed) for name in sizes.tested for seed in sizes.tested_seeds]
    made = {}
    for setting, seed in wanted:
        for training, chosen in conditions.trainings(setting, sizes.l2).items():
            name = conditions.name_of(training, chosen)
            patience = max(conditions.PATIENCES) if training == "penalty" else None
            more = {"tested": True} if seed else {}
            run = Run(name, seed, chosen | {"epochs": sizes.grid_epochs, "patience": patience} | more)
            made.setdefault((name, seed), run)
    return list(made.values())


def weights_spec(profile: Profile) -> dict:
    return next(spec for spec in ALL.specs(profile) if "weights" in spec["settings"])


def _definition(spec: dict) -> str | None:
    """The digest of the network that a run trains; None for a run without one."""
    if "grams" in spec["settings"]:
        return definitions.in_file(paths.STUDY / "news" / "own.py", "OwnClassifier")
    if "epochs" in spec["settings"]:
        return definitions.in_file(paths.NOTEBOOKS / f"{NOTEBOOK}.py", "TextClassifier")
    return None


def _settings(profile: Profile) -> dict:
    synthetic = {"synthetic_rows": profile.part4.synthetic_rows} if profile.synthetic else {}
    return synthetic | corpus.settings(profile.data)


ALL = Experiments(
    part="part4",
    trainings="study.news.trainings",
    rows=(
        Experiment(
            "part4-dataset", 1, "describe_corpus",
            lambda sizes: [Run("ag-news", settings={"vocabulary": sizes.vocabulary, "longest": sizes.longest})],
            lambda r: [
                ("near-duplicates in test", r.metrics["duplicates"]["near_test"], 0.0),
                ("tokens in test", r.metrics["coverage"]["test"]["tokens"], 0.0),
            ],
        ),
        Experiment(  # models without a network
            "part4-baselines", 1, "fit_baseline",
            lambda sizes: [Run(model) for model in BASELINES],
            accuracies(0.01),
        ),
        Experiment(  # throughput
            "part4-speed", 1, "measure_speed",
            lambda sizes: [Run("throughput", settings=_variant(sizes, "base", repeats=sizes.repeats))],
        ),
        Experiment("part4-variants", 3, "train_variant", _variants, accuracies(0.01)),  # the original's four
        Experiment("part4-l2", 3, "train_strength", _strengths, accuracies(0.01)),  # strengths of the penalty
        Experiment("part4-sizes", 3, "train_on_fewer_rows", _sizes, accuracies(0.03)),  # on fewer rows
        Experiment(  # the report's own classifier
            "part4-own", 1, "train_own",
            lambda sizes: [Run(OWN, seed, design.settings(**sizes.own)) for seed in sizes.seeds],
            accuracies(0.01),
        ),
        Experiment("part4-ablation", 1, "train_ablation", _ablations, accuracies(0.01)),  # the same with one change
        Experiment(  # under conditions that the original may have had
            "part4-conditions", 1, "train_under_condition",
            _conditions,
            lambda r: [("last validation accuracy", float(r.arrays["history_validation_accuracy"][-1]), 0.01)],
        ),
    ),
    smoke_task="part4-sizes",
    definition=_definition,
    data=lambda profile, names: corpus.data_names(profile.data),
    settings=_settings,
)  # fmt: skip
