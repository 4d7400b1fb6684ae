"""What the Bonus part's notebook works with: trainings that are kept or made, their evidence, pictures of one's own.

A training is found by all that decides it (the network's definition, images, settings, seed), so a stored result stands
beside the code that made it or not at all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor, nn

from study import definitions, lab, profile, published, runs
from study.catalog import DataError
from study.comparison import frequent_mistake as _frequent_mistake
from study.comparison import mean, points
from study.evaluation import probabilities
from study.prose import duration
from study.runs import Record
from study.vision import evaluation, experiments, images, rollout, trainings
from study.vision.charts import Classified
from study.vision.claims import STEADY
from study.vision.evaluation import (
    ONE_TRAINING,
    ORIGINALS,
    attention_gain,
    compare,
    concentration,
    first_whole,
    gap_difference,
    origins,
    reported,
    train_test_gap,
    trial_difference,
)
from study.vision.experiments import NETWORKS, WEIGHT
from study.vision.sources import classes_of
from study.vision.trainings import GLIMPSED

__all__ = [
    "GLIMPSED", "ONE_TRAINING", "ORIGINALS", "STEADY", "Run", "Vision", "accuracies", "attention_gain", "compare",
    "concentration", "frequent_mistake", "gap_difference", "history", "origins", "parameters_in_paper", "points",
    "reported", "rises", "share_of", "train_test_gap", "trial_difference",
]  # fmt: skip

Make = Callable[..., nn.Module]
"""A class or function of a network: its first argument is the number of classes; it maps images to logits."""


@dataclass(frozen=True)
class Run:
    """One training: the class of the network, and the record of what came out."""

    make: Make
    record: Record

    @property
    def history(self) -> pd.DataFrame:
        """After each epoch (from 1): training `loss` and `accuracy`, `validation_loss` and `validation_accuracy`."""
        return history(self.record)

    @property
    def weights(self) -> dict[str, Tensor]:
        """The trained weights by name, float32; none where the record does not keep them."""
        arrays = self.record.arrays.items()
        return {name.removeprefix(WEIGHT): torch.from_numpy(a).float() for name, a in arrays if name.startswith(WEIGHT)}

    @property
    def network(self) -> nn.Module:
        """The trained network, in evaluation mode. Raises ValueError where its weights are not kept, or do not fit."""
        weights = self.weights
        if not weights:
            raise ValueError(self.kept())
        network = trainings.network(self.record.spec["settings"], self.make)
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise ValueError(f"The kept weights are those of another network: {error}. Train this one.") from error
        return network.eval()

    def kept(self) -> str:
        """Whether the record keeps the network, and otherwise how to make one that does; a sentence."""
        spec = self.record.spec
        if self.weights:
            return "Its record keeps them."
        name = f"{spec['task']}/{spec['model']}-{runs.digest(spec)}"
        return (
            f"Its record does not keep them yet: delete {name}.json and .npz in the run store and train again, by "
            "make sweep PART=bonus."
        )


class Vision:
    """The images of the part and everything that was trained on them, for one profile of the report."""

    def __init__(self, profile_name: str) -> None:
        self.profile = profile.load(profile_name)
        self._store = runs.Store(self.profile.records, self.profile.drafts)

    @cached_property
    def records(self) -> list[Record]:
        """The kept records of the part, of the definitions in the files. Raises ValueError if there are none."""
        return lab.kept(self.profile, experiments.ALL.specs(self.profile), "the Bonus")

    @property
    def dataset(self) -> Record:
        """The record that describes the images."""
        return runs.of(self.records, "bonus-dataset")[0]

    @property
    def classes(self) -> tuple[str, ...]:
        return classes_of(self.dataset.spec)

    @property
    def stand_in(self) -> bool:
        """Whether the images are the set that stands for the original's: not synthetic, not the reader's own."""
        return self.dataset.spec["data"] == [images.ZIP]

    @property
    def comparable(self) -> bool:
        """Whether the images are the original's own, so that its numbers can be compared."""
        return evaluation.obstacle(self.records) is None

    def train(self, make: Make, seed: int = 0, epochs: int | None = None) -> Run:
        """A network trained on the training split and measured on all three.

        The kept result if this definition was trained so; otherwise it is trained here, with a progress bar, and kept
        below build/. That takes the better part of an hour on two cores, so `epochs` may ask for fewer. Raises
        catalog.DataError where the images are not at hand, and in a build ValueError, since that does not wait so long.
        """
        spec = self._spec(make, seed, epochs)
        kept = self._store.load(spec)
        if kept is None and not profile.run_by_hand():
            raise ValueError(f"{runs.label(spec)} is not trained yet: `make sweep PART=bonus` makes what is missing.")
        if kept is None and (before := self._store.before(spec)) is not None:
            took = duration(before.provenance["wall_seconds"])
            print(
                f"This is not the {before.spec['model']} of the kept record, so it is trained here; that one took "
                f"{took}. Interrupt the kernel to stop; the next time it goes on."
            )

        def here(spec: dict, scratch: Path) -> runs.Outcome:
            return trainings.train_network(spec, scratch, make)

        return Run(make, kept or self._store.by_hand(spec, here))

    def results(self, networks: Mapping[str, Make]) -> dict[str, list[Record]]:
        """The records of networks, by name, a record a seed that is kept; where there is none, one is trained."""
        found = {}
        for name, make in networks.items():
            kept = [self._store.load(self._spec(make, seed, None)) for seed in self.profile.bonus.seeds]
            found[name] = [record for record in kept if record is not None] or [self.train(make).record]
        return found

    def stored(self, *names: str) -> dict[str, list[Record]]:
        """The kept records of networks, by name, of the definitions in the files."""
        return {name: records for name, records in evaluation.networks(self.records).items() if name in names}

    def without_attention(self) -> dict[str, list[Record]]:
        """The kept records of the transformers that were trained without attention, by name."""
        return {
            f"{evaluation.NAMES[network]} without attention": runs.of(self.records, "bonus-ablation", key)
            for network, key in evaluation.WITHOUT_ATTENTION.items()
        }

    def trials(self) -> pd.DataFrame:
        """The trainings before the recorded ones; see `evaluation.trials`."""
        return evaluation.trials()

    def build(self, make: Make) -> nn.Module:
        """A network with fresh weights, of the profile's sizes."""
        return trainings.network(self._spec(make, 0, None)["settings"], make)

    def load(self, count: int, split: str = "train") -> tuple[Tensor, Tensor]:
        """Images of a split, drawn from a fixed seed: (count, 3, 64, 64) float32, normalised, and classes (count,).

        Raises catalog.DataError, which says what to do, where the images are not at hand.
        """
        found = trainings.splits(self.dataset.spec)
        rows = np.random.default_rng(0).permutation(getattr(found, split))[:count]
        return self._inputs(found.images.pixels[rows]), torch.from_numpy(found.images.classes[rows])

    def examples(self) -> tuple[np.ndarray, np.ndarray]:
        """Training images of the contact sheet (n, 64, 64, 3) uint8, and their classes (n,)."""
        return self.dataset.arrays["sheet_pixels"], self.dataset.arrays["sheet_classes"]

    def classify(self, run: Run, picture: str | Path | np.ndarray) -> Classified | None:
        """A picture, its file or (64, 64, 3) uint8, classified by a ViT whose weights are kept.

        A file is treated as most training images were: cut to its centre square, and resized; by the nearest pixel if
        they were the report's. Without weights, says how to make them. Raises DataError for a file that is broken or
        not there.
        """
        if not run.weights:
            print(run.kept())
            return None
        if isinstance(picture, np.ndarray):
            pixels = picture
        else:
            how = Image.Resampling.NEAREST if self.stand_in else Image.Resampling.LANCZOS
            file = Path(picture)
            if not file.is_file():
                raise DataError(f"{file.absolute()} is no file. Put the picture there, or give its whole path.")
            pixels = images.decode(file.read_bytes(), str(picture), how)
        network, inputs = run.network, self._inputs(pixels[None])
        with torch.no_grad():
            found = probabilities(network(inputs).numpy())[0]
            attended = rollout.seen(network.attention(inputs), class_token=True)[0].numpy()
        return Classified(pixels, dict(zip(classes_of(run.record.spec), map(float, found), strict=True)), attended)

    def speed(self, way: str) -> float:
        """Training images a second of our loop over those of the plain way; median of repeats.

        `way`: "ours", all at full size, or "progressive", smaller ones in the early epochs.
        """
        measured = runs.of(self.records, "bonus-speed")[0].metrics
        return float(np.median(np.divide(measured[way], measured["plain"])))

    def verdicts(self) -> dict[str, str]:
        return lab.statuses("bonus", self.records)

    def _inputs(self, pixels: np.ndarray) -> Tensor:
        """Pixels (n, 64, 64, 3) uint8 as networks take them, normalised by the training split's colours."""
        colours = self.dataset.metrics["pixels"]
        mean, deviation = (np.asarray(colours[name], dtype=np.float32) for name in ("mean", "deviation"))
        return torch.from_numpy((pixels.astype(np.float32) / 255 - mean) / deviation).permute(0, 3, 1, 2).contiguous()

    def _spec(self, make: Make, seed: int, epochs: int | None) -> dict:
        """The spec of a training; of all settings but network, seed and epochs there is one choice a network."""
        keys = {name: key for key, name in NETWORKS.items()}
        key = keys.get(make.__name__, make.__name__.lower().replace("_", "-"))
        changed: dict = {} if epochs is None else {"epochs": epochs}
        run = experiments.Run(key, seed, experiments.network_settings(self.profile.bonus, key, **changed))
        return experiments.ALL.spec(self.profile, "bonus-models", run) | {"definition": definitions.of(make)}


def accuracies(found: Mapping[str, Sequence[Record]], quantity: str = "test_accuracy") -> dict[str, float]:
    """One of `study.comparison.QUANTITIES` of networks, by name, mean over seeds."""
    return {name: mean(records, quantity) for name, records in found.items()}


def history(record: Record, full_size: bool = False) -> pd.DataFrame:
    """What a record holds of each epoch (see `Run.history`), or of those on full-size images and the one before."""
    found = lab.history(record, "loss", "accuracy", "validation_loss", "validation_accuracy")
    return found.iloc[max(0, first_whole(record) - 1) :] if full_size else found


def rises(records: Sequence[Record]) -> list[float]:
    """By how much the validation accuracy of each training rises with its first epoch on full-size images."""
    return [history(record, full_size=True).validation_accuracy.diff().iloc[1] for record in records]


def frequent_mistake(records: Sequence[Record]) -> tuple[str, str]:
    """The most frequent mistake on the test split: the true class and the predicted one."""
    true, predicted, _ = _frequent_mistake(records)
    names = classes_of(records[0].spec)
    return names[true], names[predicted]


def share_of(network: nn.Module, part: str) -> float:
    """The share of a network's parameters that one of its parts has, by the part's name."""
    counts = [sum(p.numel() for p in one.parameters()) for one in (network.get_submodule(part), network)]
    return counts[0] / counts[1]


def parameters_in_paper(name: str) -> float:
    """Parameters of the network in its paper; of the ViT those of ViT-Base."""
    return published.table("networks").set_index("network").parameters[name]
