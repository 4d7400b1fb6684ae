"""The experiments of the Bonus part; `study.vision.trainings` makes their runs.

Only `bonus-models` looks at the test split, once, when a training is over.
"""

from dataclasses import asdict

from study import definitions, paths
from study.experiments import Compared, Experiment, Experiments, Run, accuracies
from study.profile import Bonus, Profile
from study.runs import Record
from study.vision import images

NOTEBOOK = "bonus_vision_transformer"
NETWORKS = {
    "vgg": "VGG",
    "resnet": "ResNet18",
    "vit": "VisionTransformer",
    "efficientnet": "EfficientNetB0",
    "vit-c": "ConvolutionalTransformer",
    "bag-of-patches": "BagOfPatches",
}
"""The networks' classes in the notebook."""
MODELS = "vgg", "resnet", "vit", "efficientnet"
"""The original's four networks."""
IMPROVED, BAG = "vit-c", "bag-of-patches"

AUGMENTATION = {"crop": 6, "flip": True, "jitter": 0.2}
"""What all networks share; the improved ViT's training images also lose a rectangle at times."""
ERASED = AUGMENTATION | {"erase": 0.25}

WEIGHT = "weight_"
"""Before a weight's name in the arrays of a record that keeps its network, in 16-bit floating point."""


def network_settings(bonus: Bonus, network: str, **changed) -> dict:
    """The settings of a training; a network that is none of the report's is trained as ResNet is."""
    training = getattr(bonus, network.replace("-", "_"), bonus.resnet)
    transformer = {"width": bonus.width, "depth": bonus.depth, "heads": bonus.heads, "hidden": bonus.hidden}
    settings: dict = asdict(training) | {
        "network": network,
        "arguments": transformer if network in ("vit", IMPROVED, BAG) else {},
        "sizes": list(training.sizes),
        "batch": bonus.batch,
        "label_smoothing": bonus.label_smoothing,
        "augmentation": ERASED if network == IMPROVED else AUGMENTATION,
    }
    return settings | changed


def _speed(sizes: Bonus) -> list[Run]:
    settings = network_settings(sizes, "resnet", images=sizes.speed_images, repeats=sizes.repeats)
    return [Run("throughput", settings=settings)]


def _models(sizes: Bonus) -> list[Run]:
    return [Run(model, seed, network_settings(sizes, model)) for model in (*MODELS, IMPROVED) for seed in sizes.seeds]


def _without_attention(sizes: Bonus) -> list[Run]:
    """Both transformers without attention, their perceptrons widened to as many parameters, trained as with it."""
    widened = {"hidden": sizes.hidden + 2 * sizes.width}
    improved, plain = network_settings(sizes, IMPROVED), network_settings(sizes, "vit") | {"network": BAG}
    improved["arguments"] |= widened | {"attention": False}
    plain["arguments"] |= widened
    return [
        Run(model, seed, settings)
        for seed in sizes.seeds
        for model, settings in (("without-attention", improved), (BAG, plain))
    ]


def _settings(profile: Profile) -> dict:
    synthetic = {"synthetic_rows": profile.bonus.synthetic_rows} if profile.synthetic else {}
    return synthetic | images.settings(profile.data)


def _definition(spec: dict) -> str | None:
    """The digest of the network that a run trains; None for a run without one, or with one of a reader's own."""
    name = NETWORKS.get(spec["settings"].get("network"))
    return name and definitions.in_file(paths.NOTEBOOKS / f"{NOTEBOOK}.py", name)


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
        Experiment("bonus-dataset", 2, "describe_images", lambda sizes: [Run("images")], _description),
        Experiment("bonus-speed", 2, "measure_speed", _speed),
        Experiment("bonus-models", 2, "train_network", _models, accuracies(0.015)),
        Experiment("bonus-ablation", 4, "train_for_comparison", _without_attention, accuracies(0.015)),
    ),
    smoke_task="bonus-dataset",
    definition=_definition,
    data=lambda profile, names: images.data_names(profile.data),
    settings=_settings,
)  # fmt: skip
