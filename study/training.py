"""How every PyTorch model is trained: one loop, resumable after each epoch, the same numbers after a kill.

A model is any module that maps the inputs of a batch to logits (B, classes). In training, a model of several towers may
give those of each tower (B, towers, classes); every tower then has a loss of its own (deep supervision, Lee et al.
2015). Data come as `Batches`: a split that lies in memory and is cut for every epoch by (seed, epoch) alone.
"""

import io
import json
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm.auto import tqdm

from study.files import keep_state, kept_state, unusable_state

Batch = tuple[tuple[Tensor, ...], Tensor]
"""The inputs of a model, and the classes (B,) int64."""

History = dict[str, list[float]]


class Batches(Protocol):
    """A split of a dataset in memory."""

    def training(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch, in an order (and with an augmentation) that depends on seed and epoch alone."""

    def steps(self) -> int:
        """How many batches `training` yields."""

    def in_order(self) -> Iterator[tuple[tuple[Tensor, ...], Tensor, np.ndarray]]:
        """Every example once, unchanged: inputs, classes (B,) int64, and the examples' rows (B,)."""

    def __len__(self) -> int:
        """The number of examples."""


@dataclass(frozen=True)
class Recipe:
    """What the author decides about a training.

    With `decoupled` the weight decay is AdamW's (Loshchilov & Hutter 2019), else the gradient of an L2 penalty
    `weight_decay`/2 · ‖w‖², which leaves embeddings out. Parameters of one dimension (biases, norms) are not decayed; a
    ViT's positions, class token and temperatures have more and are. `one-cycle` warms up over the share `warmup` of all
    steps and falls to zero along a cosine (Smith & Topin 2018; momentum stays). `patience` stops after so many epochs
    without a lower validation loss and returns to the best one (Prechelt 1998). `average` is the decay per step of an
    exponential moving average of the weights, which then is the model. `clip` bounds the gradient norm. `replayed` says
    that batches have few different shapes: on a GPU their steps are then recorded and replayed. `bf16` computes in
    bfloat16 where `has_bf16`.
    """

    epochs: int
    learning_rate: float
    weight_decay: float = 0.0
    decoupled: bool = False
    schedule: Literal["constant", "one-cycle"] = "constant"
    warmup: float = 0.1
    label_smoothing: float = 0.0
    patience: int | None = None
    average: float | None = None
    clip: float | None = None
    bf16: bool = False
    replayed: bool = False

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.learning_rate <= 0 or (self.patience is not None and self.patience < 1):
            raise ValueError(f"a training needs an epoch, a positive learning rate and a patience of 1 or more: {self}")
        if self.schedule not in ("constant", "one-cycle"):
            raise ValueError(f"schedule {self.schedule!r} is unknown: choose constant or one-cycle")


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def has_bf16() -> bool:
    """Whether this machine multiplies in bfloat16 faster than in float32; a processor without units for it takes twenty
    times as long instead.
    """
    return torch.cuda.is_available() or bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def _autocast(bf16: bool) -> torch.autocast:
    return torch.autocast(device().type, torch.bfloat16, enabled=bf16 and has_bf16())


def fit(
    model: nn.Module,
    train: Batches,
    validation: Batches | Callable[[int], Batches],
    recipe: Recipe,
    seed: int,
    scratch: Path,
    watched: Mapping[str, Batches] | None = None,
) -> History:
    """Train `model` in place and return its history, one value an epoch.

    `loss` and `accuracy` are means over the epoch's batches as they were trained (with dropout and smoothing);
    `validation_loss` and `validation_accuracy` are measured after it, and so are the loss and accuracy of each
    `watched` split, which decide nothing; `learning_rate` and `seconds` are the epoch's. `validation` may be a function
    from the epoch (from 0) to what is validated after it.
    The state is kept in `scratch` after every epoch, and dropout is drawn from (seed, epoch), so that a killed training
    ends at the same numbers. Raises FloatingPointError when the loss is no longer finite.
    """
    model.to(device())
    state = _State(model, recipe, train.steps(), scratch / "state.pt")
    state.restore()
    gradients = _Replayed(state) if recipe.replayed and device().type == "cuda" else partial(_gradients, state)
    done = len(state.history["loss"])
    bar = tqdm(
        total=recipe.epochs * len(train), initial=done * len(train), unit=" examples", unit_scale=True,
        desc=type(model).__name__, leave=False, mininterval=0.5 if sys.stderr.isatty() else 20.0,
    )  # fmt: skip
    for epoch in range(done, recipe.epochs):
        if recipe.patience is not None and state.epochs_since_best() >= recipe.patience:
            break
        start = time.perf_counter()
        loss, accuracy = _epoch(state, gradients, train, seed, epoch, bar)
        measured = {}
        held_out = validation(epoch) if callable(validation) else validation
        for name, split in {"validation": held_out, **(watched or {})}.items():
            logits, targets = predict(state.current(), split, recipe.bf16)
            measured[f"{name}_loss"] = cross_entropy(logits, targets)
            measured[f"{name}_accuracy"] = float((logits.argmax(1) == targets).mean())
        state.keep(
            loss=loss,
            accuracy=accuracy,
            **measured,
            learning_rate=state.optimiser.param_groups[0]["lr"],
            seconds=time.perf_counter() - start,
        )
        last = state.history["validation_loss"][-1], state.history["validation_accuracy"][-1]
        bar.set_postfix_str(f"validation loss {last[0]:.3f}, accuracy {last[1]:.4f}")
    bar.close()
    state.finish()
    return state.history


@torch.no_grad()
def predict(model: nn.Module, split: Batches, bf16: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Logits (n, classes) float32 and classes (n,) int64 of every example, in the split's order."""
    model.eval()
    found, classes = np.empty((0, 0), dtype=np.float32), np.empty(len(split), dtype=np.int64)
    for inputs, targets, rows in split.in_order():
        with _autocast(bf16):
            logits = model(*inputs)
        if not found.size:
            found = np.empty((len(split), logits.shape[1]), dtype=np.float32)
        found[rows] = logits.float().cpu().numpy()
        classes[rows] = targets.cpu().numpy()
    return found, classes


def cross_entropy(logits: np.ndarray, classes: np.ndarray) -> float:
    """Mean negative log likelihood in nats of classes (n,) under logits (n, classes)."""
    return float(functional.cross_entropy(torch.from_numpy(logits).double(), torch.from_numpy(classes)))


def count_parameters(model: nn.Module) -> int:
    """The number of trainable numbers; one that serves twice counts once."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def plain_epoch(model: nn.Module, loader: Iterable, optimiser: torch.optim.Optimizer, smoothing: float = 0.0) -> float:
    """Seconds of an epoch over a `DataLoader` of (input, class), the way a training loop is commonly written."""
    loss_of = nn.CrossEntropyLoss(label_smoothing=smoothing)
    start = time.perf_counter()
    model.train()
    total = 0.0
    for inputs, targets in loader:
        inputs, targets = inputs.to(device()), targets.to(device())
        optimiser.zero_grad()
        loss = loss_of(model(inputs), targets)
        loss.backward()
        optimiser.step()
        total += loss.item()
    return time.perf_counter() - start


def summary(model: nn.Module, history: History) -> tuple[dict, dict[str, np.ndarray]]:
    """What a record tells of a training: parameters, epochs, the best one, seconds; the history as float32 arrays."""
    losses = history["validation_loss"]
    metrics = {
        "parameters": count_parameters(model),
        "epochs": len(losses),
        "best_epoch": int(np.argmin(losses)) + 1,
        "seconds": float(sum(history["seconds"])),
    }
    return metrics, {f"history_{name}": np.array(values, dtype=np.float32) for name, values in history.items()}


def _epoch(
    state: "_State", gradients: Callable, train: Batches, seed: int, epoch: int, bar: tqdm
) -> tuple[float, float]:
    torch.manual_seed(int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0]))
    state.model.train()
    recipe, losses, right, seen = state.recipe, 0.0, 0, 0
    for inputs, classes in train.training(epoch):
        loss, logits = gradients(inputs, classes)
        if recipe.clip:
            nn.utils.clip_grad_norm_(state.model.parameters(), recipe.clip)
        state.optimiser.step()
        state.schedule.step()
        if state.averaged is not None:
            state.averaged.update_parameters(state.model)
        # Summed where they are: a GPU would wait for each number that is fetched.
        losses += loss.double() * len(classes)
        shared = logits if logits.dim() == 2 else logits.mean(1)
        right += (shared.argmax(1) == classes).sum()
        seen += len(classes)
        bar.update(len(classes))
    losses, right = float(losses), float(right)
    if not math.isfinite(losses):
        raise FloatingPointError(
            f"the training loss of epoch {epoch + 1} is {losses}: lower the learning rate ({recipe.learning_rate:g})"
        )
    return losses / seen, right / seen


def _gradients(state: "_State", inputs: tuple[Tensor, ...], classes: Tensor) -> tuple[Tensor, Tensor]:
    """Loss () and logits of a batch, without their history; the gradients are left with the parameters."""
    with _autocast(state.recipe.bf16):
        logits = state.model(*inputs)
    loss = _loss(logits.float(), classes, state.recipe.label_smoothing)
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    return loss.detach(), logits.detach()


class _Replayed:
    """`_gradients` as CUDA graphs, because a CPU takes longer to launch a small network's kernels one by one than a GPU
    takes to compute them.

    Of each shape of batch the first is computed as ever, which warms up; the second is recorded, and from then on
    replayed on that recording's own tensors.
    """

    def __init__(self, state: "_State") -> None:
        self.state, self.seen, self.recorded = state, set(), {}

    def __call__(self, inputs: tuple[Tensor, ...], classes: Tensor) -> tuple[Tensor, Tensor]:
        shapes = tuple(tensor.shape for tensor in (*inputs, classes))
        if shapes not in self.seen:
            self.seen.add(shapes)
            return _gradients(self.state, inputs, classes)
        if shapes not in self.recorded:
            self.recorded[shapes] = self._record(tuple(tensor.clone() for tensor in inputs), classes.clone())
        graph, held, gradients, found = self.recorded[shapes]
        for tensor, given in zip(held, (*inputs, classes), strict=True):
            tensor.copy_(given)
        graph.replay()
        for parameter, gradient in zip(self.state.model.parameters(), gradients, strict=True):
            parameter.grad = gradient
        return found

    def _record(self, inputs: tuple[Tensor, ...], classes: Tensor) -> tuple:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):  # computes nothing yet
            found = _gradients(self.state, inputs, classes)
        return graph, (*inputs, classes), [parameter.grad for parameter in self.state.model.parameters()], found


def _loss(logits: Tensor, classes: Tensor, smoothing: float) -> Tensor:
    """Cross-entropy of logits (B, classes), or its mean over towers (B, towers, classes)."""
    if logits.dim() == 3:
        classes = classes.repeat_interleave(logits.shape[1], dim=0)
        logits = logits.flatten(0, 1)
    return functional.cross_entropy(logits, classes, label_smoothing=smoothing)


class _State:
    """All that a training must remember between two epochs, and its file."""

    def __init__(self, model: nn.Module, recipe: Recipe, steps: int, file: Path) -> None:
        self.model, self.recipe, self.file = model, recipe, file
        self.optimiser = _optimiser(model, recipe)
        self.schedule = _schedule(self.optimiser, recipe, recipe.epochs * steps)
        ema = None if recipe.average is None else get_ema_multi_avg_fn(recipe.average)
        self.averaged = None if ema is None else AveragedModel(model, multi_avg_fn=ema, use_buffers=True)
        self.history: History = {"loss": [], "validation_loss": []}
        self.best: dict[str, Tensor] | None = None

    def current(self) -> nn.Module:
        """The model to be judged: the moving average, where there is one."""
        return self.model if self.averaged is None else self.averaged.module

    def epochs_since_best(self) -> int:
        losses = self.history["validation_loss"]
        return len(losses) - 1 - int(np.argmin(losses)) if losses else 0

    def _stateful(self) -> dict:
        found = {"model": self.model, "optimiser": self.optimiser, "schedule": self.schedule}
        return found if self.averaged is None else found | {"averaged": self.averaged}

    def keep(self, **values: float) -> None:
        """Append an epoch to the history and write the state."""
        for name, value in values.items():
            self.history.setdefault(name, []).append(value)
        if self.recipe.patience is not None and self.epochs_since_best() == 0:
            self.best = {name: value.detach().clone() for name, value in self.current().state_dict().items()}
        packed = io.BytesIO()
        kept = {name: one.state_dict() for name, one in self._stateful().items()}
        torch.save(kept | {"best": self.best, "history": json.dumps(self.history)}, packed)
        keep_state(self.file, packed.getvalue())

    def restore(self) -> None:
        content = kept_state(self.file)
        if content is None:
            return
        try:
            kept = torch.load(io.BytesIO(content), map_location=device(), weights_only=True)
            for name, one in self._stateful().items():
                one.load_state_dict(kept[name])
            self.best, self.history = kept["best"], json.loads(kept["history"])
        except (UnpicklingError, RuntimeError, KeyError, ValueError) as error:
            raise unusable_state(self.file, str(error).splitlines()[0]) from error

    def finish(self) -> None:
        """Give the model the weights that it is judged by: the best epoch's with patience, else the last ones."""
        chosen = self.best if self.recipe.patience is not None else self.current().state_dict()
        self.model.load_state_dict(chosen)


def _optimiser(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    # Adam divides a gradient by its own size: the penalty alone would pull the vectors of rare tokens to zero.
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    decayed: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for p in model.parameters():
        if p.requires_grad:
            decayed[p.dim() > 1 and (recipe.decoupled or id(p) not in embeddings)].append(p)
    decays = {True: recipe.weight_decay, False: 0.0}
    groups = [{"params": found, "weight_decay": decays[key]} for key, found in decayed.items() if found]
    kind = torch.optim.AdamW if recipe.decoupled else torch.optim.Adam
    return kind(groups, lr=recipe.learning_rate, fused=True)


def _schedule(optimiser: torch.optim.Optimizer, recipe: Recipe, steps: int) -> torch.optim.lr_scheduler.LRScheduler:
    if recipe.schedule == "constant":
        return torch.optim.lr_scheduler.ConstantLR(optimiser, factor=1.0)
    # One step more than there are, because the schedule steps once after the last one.
    return torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=steps + 1, pct_start=recipe.warmup, cycle_momentum=False,
        final_div_factor=1e3,
    )  # fmt: skip
