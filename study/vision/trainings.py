"""How the runs of the Bonus part are made: images in, metrics and arrays out. `study.vision.experiments` lists them."""

import copy
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from study import training
from study.definitions import notebook
from study.evaluation import kept, scores
from study.runs import Outcome
from study.vision import description, examples, images, speed
from study.vision.augment import Augmentation, ImageBatches, on_device
from study.vision.cost import multiply_adds
from study.vision.dataset import SIDE, Splits
from study.vision.experiments import NETWORKS, NOTEBOOK, WEIGHT
from study.vision.sources import classes_of

GLIMPSED = 500
"""Validation images of the epochs on smaller images."""


@lru_cache(maxsize=1)
def _loaded(names: tuple[str, ...], synthetic_rows: int) -> Splits:
    return images.load(list(names), synthetic_rows)


def splits(spec: dict) -> Splits:
    """The images of a run, split; read once for all runs on the same. Raises catalog.DataError."""
    settings = spec["settings"]
    return _loaded(tuple(spec["data"]), settings.get("synthetic_rows", 0))


def describe_images(spec: dict, scratch: Path) -> Outcome:
    return description.describe(splits(spec), classes_of(spec))


def network(settings: dict, make: Callable | None = None):
    """The network that settings name, or that `make` returns, with starting weights from PyTorch's generator."""
    make = make or getattr(notebook(NOTEBOOK), NETWORKS[settings["network"]])
    return make(len(classes_of({"settings": settings})), **settings["arguments"])


def train_network(spec: dict, scratch: Path, make: Callable | None = None) -> Outcome:
    """Train a network; measure all three splits once at its end, and keep what it gets wrong and its attention.

    `make` is a live class of a notebook; without it the file's is taken. The weights of the first ViT are kept, so that
    it can classify other pictures.
    """
    model, batches, metrics, arrays, logits = _trained(spec, scratch, ("train", "validation", "test"), make)
    found = splits(spec).images
    for name in ("validation", "test"):
        arrays |= kept(name, logits[name], found.classes[batches[name].rows])
    metrics["mistakes"], arrays["mistakes_pixels"] = examples.mistakes(
        found, classes_of(spec), batches["test"].rows, logits["test"]
    )
    if spec["settings"]["network"] == "vit" and hasattr(model, "attention"):
        metrics["attention"], maps = examples.attention(model, batches["test"], found, classes_of(spec), logits["test"])
        arrays |= maps
    if spec["settings"]["network"] == spec["model"] == "vit" and spec["seed"] == 0:
        arrays |= {f"{WEIGHT}{name}": w.half().cpu().numpy() for name, w in model.state_dict().items()}
    return metrics, arrays


def train_for_comparison(spec: dict, scratch: Path) -> Outcome:
    """Train a network for a comparison with others, without a look at the test split."""
    _, batches, metrics, arrays, logits = _trained(spec, scratch, ("validation",))
    classes = splits(spec).images.classes[batches["validation"].rows]
    return metrics, arrays | kept("validation", logits["validation"], classes)


def _trained(spec: dict, scratch: Path, measured: tuple[str, ...], make: Callable | None = None) -> tuple:
    """The trained model, the batches, metrics, arrays for later figures, and logits of the `measured` splits."""
    s = spec["settings"]
    torch.manual_seed(spec["seed"])
    model = network(s, make)
    cost = multiply_adds(model, SIDE)
    model = model.to(memory_format=torch.channels_last)
    batches = _batches(spec)
    history = training.fit(model, batches["train"], _held_out(batches["validation"]), _recipe(s), spec["seed"], scratch)
    metrics, arrays = training.summary(model, history)
    metrics["multiply_adds"] = cost
    metrics["in_bf16"] = s["bf16"] and training.has_bf16()
    logits = {}
    for name in measured:
        if make:  # a person waits, and the training's bar is gone
            print(f"measured on the {name} split, {len(batches[name]):,} images", flush=True)
        logits[name], classes = training.predict(model, batches[name], s["bf16"])
        metrics[name] = scores(classes, logits[name])
    return model, batches, metrics, arrays, logits


def _recipe(s: dict) -> training.Recipe:
    return training.Recipe(
        s["epochs"], s["learning_rate"], weight_decay=s["weight_decay"], decoupled=True, schedule="one-cycle",
        label_smoothing=s["label_smoothing"], clip=1.0, bf16=s["bf16"], replayed=True,
    )  # fmt: skip


def _held_out(validation: ImageBatches) -> Callable[[int], ImageBatches]:
    """What is validated after an epoch: all images at the last size, before that GLIMPSED ones, since they only give
    the curve. The last epoch's weights are kept, whatever the curve.
    """
    few = copy.copy(validation)
    few.rows = np.sort(np.random.default_rng(0).permutation(validation.rows)[:GLIMPSED])
    return lambda epoch: validation if validation.size(epoch) == validation.sizes[-1] else few


def _batches(spec: dict) -> dict:
    """Each split as batches, normalised by the training split's colours; training is augmented."""
    s, found = spec["settings"], splits(spec)
    shared = on_device(found.images.pixels), found.images.classes
    colours = description.statistics(found.images.pixels, found.train)
    augmentation = Augmentation(**s["augmentation"])
    return {
        name: ImageBatches(
            *shared, rows, *colours, s["batch"], spec["seed"], augmentation if name == "train" else None,
            tuple(s["sizes"]), s["epochs"],
        )
        for name, rows in found.rows().items()
    }  # fmt: skip


def measure_speed(spec: dict, scratch: Path) -> Outcome:
    """Images a second of our loop and of the plain way, in turn on the same images and threads."""
    s, split = spec["settings"], splits(spec)
    rows = np.random.default_rng(0).permutation(split.train)[: s["images"]]
    pixels, classes = split.images.pixels[rows], split.images.classes[rows]
    colours = description.statistics(split.images.pixels, rows)
    augmentation = Augmentation(**s["augmentation"])
    found = speed.throughput(
        lambda: network(s), pixels, classes, colours, _recipe(s), augmentation, s["batch"], tuple(s["sizes"]),
        s["repeats"],
    )  # fmt: skip
    return {**found, "images": len(rows)}, {}
