"""The experiments of the Bonus part; `study.vision.trainings` makes their runs.

Only `bonus-models` and `bonus-improved` look at the test split, once, when their training is over.
"""

from collections.abc import Sequence
from dataclasses import asdict

from study import definitions, paths
from study.experiments import Compared, Experiment, Experiments, Run, accuracies
from study.profile import Bonus, Profile, Training
from study.runs import Record
from study.vision import images

MODELS = ("vit", "vgg", "resnet", "efficientnet")
"""The original's four networks."""
IMPROVED = "vit-improved"

NOTEBOOK = "bonus_vision_transformer"
NETWORKS = {"vit": "VisionTransformer", "vgg": "VGG", "resnet": "ResNet18", "efficientnet": "EfficientNetB0"}
"""The original's networks, as the notebook defines them; the hybrid ViT is study.vision.vit's."""

LIGHT = {"crop": 6, "flip": True, "jitter": 0.2}
"""The augmentation that all four share."""
STRONG = LIGHT | {"erase": 0.25}
"""What is added for the hybrid ViT."""

CHANGES = ("convolutions", "mean", "early-head", "augmentation")
"""What makes the hybrid ViT: each is one of its settings, and can be left out."""

STRIDES = {
    "paper": {"strides": "paper"},
    "late": {"strides": "late"},
    "statistics": {"strides": "paper", "momentum": 0.99},
}
"""EfficientNet's rows: the paper's strides, the last stride of 2 taken away (which costs a quarter more time, the first
four times), and the pre-defined running statistics of batch normalisation."""

WEIGHT = "weight_"
"""Before a weight's name in the arrays of a record that keeps its network, in 16-bit floating point."""


def _ablations() -> dict[str, tuple[str, ...]]:
    """Each row of the ablation and its changes; `shifted` takes the tokens and the attention of Lee et al. (2021) in
    place of convolutions, `stem-alone` has no attention behind them, and so one head.
    """
    without = {left: tuple(c for c in CHANGES if c != left) for left in CHANGES}
    rows = {"all": CHANGES, "none": ()} | {f"without-{left}": changes for left, changes in without.items()}
    return rows | {
        "shifted": (*without["convolutions"], "shifted", "local"),
        "stem-alone": (*without["early-head"], "stem-alone"),
    }


def network_settings(bonus: Bonus, network: str, changes: Sequence[str] = CHANGES, **changed) -> dict:
    """The settings of a training; `changes` count for the hybrid ViT alone.

    A network that is none of the report's is trained as ResNet is, and takes no argument but the number of classes.
    """
    transformer = {"width": bonus.width, "depth": bonus.depth, "heads": bonus.heads, "hidden": bonus.hidden}
    arguments = {"vit": transformer, "vgg": {}, "resnet": {"stem": "halving"}, "efficientnet": {"strides": "paper"}}
    training: Training = bonus.improved if network == IMPROVED else getattr(bonus, network, bonus.resnet)
    settings: dict = asdict(training) | {
        "network": "vit" if network == IMPROVED else network,
        "arguments": arguments.get(network, {}),
        "batch": bonus.batch, "label_smoothing": bonus.label_smoothing, "patience": bonus.patience,
        "augmentation": LIGHT,
    }  # fmt: skip
    settings["sizes"] = list(training.sizes)
    if network == IMPROVED:
        tokens = next((c for c in changes if c in ("convolutions", "shifted")), "patches")
        settings["arguments"] = transformer | {
            "tokens": tokens,
            "pooling": "mean" if "mean" in changes else "class token",
            "early_head": "early-head" in changes,
            "local": "local" in changes,
        }
        if "stem-alone" in changes:
            settings["arguments"]["depth"] = 0
        settings["augmentation"] = STRONG if "augmentation" in changes else LIGHT
    return settings | changed


def _speed(sizes: Bonus) -> list[Run]:
    settings = network_settings(sizes, "resnet", images=sizes.speed_images, repeats=sizes.repeats)
    return [Run("throughput", settings=settings)]


def _changes(sizes: Bonus) -> list[Run]:
    short = {"epochs": sizes.ablation_epochs, "sizes": list(sizes.ablation_sizes), "patience": None}
    rows = _ablations().items()
    return [Run(name, settings=network_settings(sizes, IMPROVED, changes, **short)) for name, changes in rows]


def _strides(sizes: Bonus) -> list[Run]:
    short = {"epochs": sizes.stride_epochs, "sizes": list(sizes.stride_sizes), "patience": None}
    return [
        Run(name, settings=network_settings(sizes, "efficientnet", arguments=choice, **short))
        for name, choice in STRIDES.items()
    ]


def _settings(profile: Profile) -> dict:
    synthetic = {"synthetic_rows": profile.bonus.synthetic_rows} if profile.synthetic else {}
    return synthetic | ({"mirrored": True} if profile.bonus.mirrored else {}) | images.settings(profile.data)


def _definition(spec: dict) -> str | None:
    """The digest of the network that a run trains; None for a run without one, or with one of a reader's own."""
    settings = spec["settings"]
    if settings.get("network") not in NETWORKS:
        return None
    if is_hybrid(settings):
        return definitions.in_file(paths.STUDY / "vision" / "vit.py", "VisionTransformer")
    return definitions.in_file(paths.NOTEBOOKS / f"{NOTEBOOK}.py", NETWORKS[settings["network"]])


def is_hybrid(settings: dict) -> bool:
    """Whether the network is the hybrid ViT, in any of its ablations."""
    return "tokens" in settings["arguments"]


def _description(record: Record) -> Compared:
    m = record.metrics
    return [
        ("near-duplicate images", m["near_duplicates"]["images"], 0.0),
        ("mean of red", m["pixels"]["mean"][0], 1e-6),
    ]


ALL = Experiments(
    part="bonus",
    trainings="study.vision.trainings",
    rows=(
        Experiment(
            "bonus-dataset", 1, "describe_images",
            lambda sizes: [Run("images")],
            _description,
        ),
        Experiment(
            "bonus-speed", 1, "measure_speed",
            _speed,
        ),
        Experiment(  # the original's four networks, trained alike
            "bonus-models", 1, "train_network",
            lambda sizes: [Run(m, seed, network_settings(sizes, m)) for m in MODELS for seed in sizes.seeds],
            accuracies(0.015),
        ),
        Experiment(  # the hybrid ViT
            "bonus-improved", 2, "train_network",
            lambda sizes: [Run(IMPROVED, seed, network_settings(sizes, IMPROVED)) for seed in sizes.seeds],
            accuracies(0.015),
        ),
        Experiment(  # short trainings of it without one of its changes
            "bonus-ablation", 3, "train_for_comparison",
            _changes,
            accuracies(0.04),
        ),
        Experiment(  # EfficientNet with other strides and statistics
            "bonus-stride", 2, "train_for_comparison",
            _strides,
            accuracies(0.04),
        ),
    ),
    smoke_task="bonus-dataset",
    definition=_definition,
    data=lambda profile, names: images.data_names(profile.data),
    settings=_settings,
)  # fmt: skip
