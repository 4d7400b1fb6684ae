"""The runs of the Bonus part: which there are, and how each is made.

Tasks: `bonus-dataset` describes the images; `bonus-models` trains the four networks of the original in one frame;
`bonus-improved` is the ViT made right for few images, and `bonus-ablation` a short training of it with one change
taken back; `bonus-stride` trains EfficientNet with other strides and statistics; `bonus-speed` measures throughput.
Only `bonus-models` and `bonus-improved` look at the test split, once, when their training is over.
"""

from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

import numpy as np

from study.evaluation import kept, scores
from study.profile import Profile, Schooling
from study.runs import Outcome, Record
from study.vision import images
from study.vision.sources import CLASSES

MODELS = ("vit", "vgg", "resnet", "efficientnet")
"""The original's four networks."""
IMPROVED = "vit-improved"

LIGHT = {"crop": 6, "flip": True, "jitter": 0.2}
"""The augmentation that all four share."""
STRONG = LIGHT | {"erase": 0.25}
"""What is added for the improved ViT."""

CHANGES = ("convolutions", "mean", "early-head", "augmentation")
"""What makes the improved ViT: each is one of its settings, and can be taken back."""

STRIDES = {
    "paper": {"strides": "paper"},
    "late": {"strides": "late"},
    "statistics": {"strides": "paper", "momentum": 0.99},
}
"""EfficientNet's rows: the paper's strides, the last stride of 2 taken away (which costs a quarter more time, the first
four times), and the pre-defined running statistics of batch normalisation."""

# Raise the version of a task when what it computes changes.
VERSIONS = {
    "bonus-dataset": 1, "bonus-models": 1, "bonus-improved": 2, "bonus-ablation": 3, "bonus-stride": 2,
    "bonus-speed": 1,
}  # fmt: skip


def specs(profile: Profile) -> list[dict]:
    """Every run of the Bonus part under a profile, cheap ones first."""
    sizes = profile.bonus
    made = [_spec(profile, "bonus-dataset", "images", 0)]
    made.append(
        _network_spec(
            profile, "bonus-speed", "throughput", 0, "resnet", images=sizes.speed_images, repeats=sizes.repeats
        )
    )
    made += [_network_spec(profile, "bonus-models", model, seed, model) for model in MODELS for seed in sizes.seeds]
    made += [_network_spec(profile, "bonus-improved", IMPROVED, seed, IMPROVED) for seed in sizes.seeds]
    short = {"epochs": sizes.ablation_epochs, "sizes": list(sizes.ablation_sizes), "patience": None}
    for name, changes in _ablations().items():
        made.append(_network_spec(profile, "bonus-ablation", name, 0, IMPROVED, changes, **short))
    short = {"epochs": sizes.stride_epochs, "sizes": list(sizes.stride_sizes), "patience": None}
    for name, choice in STRIDES.items():
        made.append(_network_spec(profile, "bonus-stride", name, 0, "efficientnet", arguments=choice, **short))
    data = images.data_names(profile.data)  # once: it reads all of a folder of one's own
    return [spec | {"data": data} for spec in made]


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


def _network_spec(
    profile: Profile, task: str, name: str, seed: int, network: str, changes: tuple[str, ...] = CHANGES, **changed
) -> dict:
    """The spec of a training; `changes` count for the improved ViT alone."""
    sizes = profile.bonus
    transformer = {"width": sizes.width, "depth": sizes.depth, "heads": sizes.heads, "hidden": sizes.hidden}
    arguments = {"vit": transformer, "vgg": {}, "resnet": {"stem": "halving"}, "efficientnet": {"strides": "paper"}}
    schooling: Schooling = sizes.improved if network == IMPROVED else getattr(sizes, network)
    settings = asdict(schooling) | {
        "network": "vit" if network == IMPROVED else network,
        "arguments": arguments.get(network, transformer),
        "batch": sizes.batch, "label_smoothing": sizes.label_smoothing, "patience": sizes.patience,
        "augmentation": LIGHT,
    }  # fmt: skip
    settings["sizes"] = list(schooling.sizes)
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
    return _spec(profile, task, name, seed, **(settings | changed))


def _spec(profile: Profile, task: str, model: str, seed: int, **settings) -> dict:
    if profile.synthetic:
        settings["synthetic_rows"] = profile.bonus.synthetic_rows
    return {
        "task": task,
        "model": model,
        "profile": profile.name,
        "seed": seed,
        "version": VERSIONS[task],
        "settings": settings,
    }


def train(spec: dict, scratch: Path) -> Outcome:
    """Make one run. Raises catalog.DataError when its images can't be had."""
    makers = {
        "bonus-dataset": _dataset,
        "bonus-models": _judged,
        "bonus-improved": _judged,
        "bonus-ablation": _compared_on_validation,
        "bonus-stride": _compared_on_validation,
        "bonus-speed": _speed,
    }
    return makers[spec["task"]](spec, scratch)


@lru_cache(maxsize=1)
def _loaded(names: tuple[str, ...], synthetic_rows: int) -> images.Splits:
    return images.load(list(names), synthetic_rows)


def _splits(spec: dict) -> images.Splits:
    return _loaded(tuple(spec["data"]), spec["settings"].get("synthetic_rows", 0))


def _dataset(spec: dict, scratch: Path) -> Outcome:
    from study.vision import description

    return description.describe(_splits(spec))


def network(settings: dict):
    """The network that settings name, with starting weights from PyTorch's generator."""
    from study.vision import convnets, vit

    kind, arguments = settings["network"], settings["arguments"]
    if kind == "vit":
        return vit.VisionTransformer(vit.Architecture(**arguments, classes=len(CLASSES)))
    kinds = {"vgg": convnets.VGG, "resnet": convnets.ResNet18, "efficientnet": convnets.EfficientNetB0}
    return kinds[kind](len(CLASSES), **arguments)


def _judged(spec: dict, scratch: Path) -> Outcome:
    """Train a network; measure all three splits once at its end, and keep what it gets wrong and where it looks."""
    from study.vision import looks

    model, batches, metrics, arrays, logits = _trained(spec, scratch, ("train", "validation", "test"))
    found = _splits(spec).images
    for name in ("validation", "test"):
        arrays |= kept(name, logits[name], found.classes[batches[name].rows])
    metrics["mistakes"], arrays["mistakes_pixels"] = looks.mistakes(found, batches["test"].rows, logits["test"])
    if spec["settings"]["network"] == "vit":
        metrics["attention"], maps = looks.attention(model, batches["test"], found, logits["test"])
        arrays |= maps
    return metrics, arrays


def _compared_on_validation(spec: dict, scratch: Path) -> Outcome:
    """Train a network for a comparison with others, without a look at the test split."""
    _, batches, metrics, arrays, logits = _trained(spec, scratch, ("validation",))
    classes = _splits(spec).images.classes[batches["validation"].rows]
    return metrics, arrays | kept("validation", logits["validation"], classes)


def _trained(spec: dict, scratch: Path, measured: tuple[str, ...]) -> tuple:
    """The trained model, the batches, metrics, arrays for later figures, and logits of the `measured` splits."""
    import torch

    from study import training
    from study.vision.cost import multiply_adds

    s = spec["settings"]
    torch.manual_seed(spec["seed"])
    model = network(s)
    cost = multiply_adds(model, images.SIDE)
    model = model.to(memory_format=torch.channels_last)
    batches = _batches(spec)
    history = training.fit(model, batches["train"], batches["validation"], _recipe(s), spec["seed"], scratch)
    metrics, arrays = training.summary(model, history)
    metrics["multiply_adds"] = cost
    metrics["images_per_second"] = len(batches["train"]) * metrics["epochs"] / metrics["seconds"]
    logits = {}
    for name in measured:
        logits[name], classes = training.predict(model, batches[name], s["bf16"])
        metrics[name] = scores(classes, logits[name])
    return model, batches, metrics, arrays, logits


def _recipe(s: dict):
    from study.training import Recipe

    return Recipe(
        s["epochs"], s["learning_rate"], weight_decay=s["weight_decay"], decoupled=True, schedule="one-cycle",
        label_smoothing=s["label_smoothing"], patience=s["patience"], average=s["average"], clip=1.0, bf16=s["bf16"],
        replayed=True,
    )  # fmt: skip


def _batches(spec: dict) -> dict:
    """Each split as batches, normalised by the training split's colours; training is augmented."""
    from study.vision.augment import Augmentation, ImageBatches, on_device
    from study.vision.description import statistics

    s, splits = spec["settings"], _splits(spec)
    shared = on_device(splits.images.pixels), splits.images.classes
    colours = statistics(splits.images.pixels, splits.train)
    augmentation = Augmentation(**s["augmentation"])
    return {
        name: ImageBatches(
            *shared, rows, *colours, s["batch"], spec["seed"], augmentation if name == "train" else None,
            tuple(s["sizes"]), s["epochs"],
        )
        for name, rows in splits.rows().items()
    }  # fmt: skip


def _speed(spec: dict, scratch: Path) -> Outcome:
    """Images a second of our loop and of the plain way, in turn on the same images and threads."""
    from study.vision import speed
    from study.vision.augment import Augmentation
    from study.vision.description import statistics

    s, splits = spec["settings"], _splits(spec)
    rows = np.random.default_rng(0).permutation(splits.train)[: s["images"]]
    pixels, classes = splits.images.pixels[rows], splits.images.classes[rows]
    colours = statistics(splits.images.pixels, rows)
    augmentation = Augmentation(**s["augmentation"])
    found = speed.throughput(
        lambda: network(s), pixels, classes, colours, _recipe(s), augmentation, s["batch"], tuple(s["sizes"]),
        s["repeats"],
    )  # fmt: skip
    return {**found, "images": len(rows)}, {}


def sentinel(profile: Profile) -> dict:
    """The small run that is made again on the reader's machine: the description of the images."""
    return next(s for s in specs(profile) if s["task"] == "bonus-dataset")


def compared(record: Record) -> list[tuple[str, float, float]]:
    """What `make reproduce` and the sentinel compare: (name, value, absolute tolerance).

    Another machine adds in another order, and training makes much of the rounding: accuracies get the tolerance that
    seeds need. Throughput belongs to a machine and is not compared.
    """
    m, task = record.metrics, record.spec["task"]
    if task == "bonus-dataset":
        return [
            ("near-duplicate images", m["near_duplicates"]["images"], 0.0),
            ("mean of red", m["pixels"]["mean"][0], 1e-6),
        ]
    if task == "bonus-speed":
        return []
    tolerance = 0.015 if "test" in m else 0.04
    return [(f"{split} accuracy", m[split]["accuracy"], tolerance) for split in ("validation", "test") if split in m]
