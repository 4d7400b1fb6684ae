"""The text classifier in PyTorch: our loop beside the common way, how both grow, and how near to the machine's peak."""

from pathlib import Path

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from study import training
from study.bench import TEXTS, seconds
from study.definitions import notebook
from study.news import experiments, speed, trainings
from study.news.tokens import Encoded, TextBatches
from study.profile import Profile

LENGTHS = (16, 32, 64, 128)
ROWS = (2_500, 5_000, 10_000, 20_000)
PROFILED = 2_000  # texts
_SIDE = 2_048  # of the square matrices whose product is the machine's peak


def measure(chosen: Profile, work: Path) -> dict:
    """Texts a second of both ways, with all rows and growing; floating-point operations beside the machine's peak.

    Leaves the encoded texts in `work` for the same measurement in Keras.
    """
    spec = next(s for s in experiments.ALL.specs(chosen) if s["task"] == "part4-speed")
    metrics, _ = experiments.ALL.train(spec, work)
    encoded, classes, settings = trainings.timed(spec)
    np.savez(work / TEXTS, ids=encoded.ids, lengths=encoded.lengths, classes=classes)
    operations = operations_of(encoded, classes, settings)
    peak = matmul_peak()
    n = min(PROFILED, len(encoded))
    grown = {
        "length": {str(n): _rates(cut(encoded, n), classes, settings | {"longest": n}) for n in LENGTHS},
        "rows": {str(n): _rates(encoded.rows(np.arange(n)), classes[:n], settings) for n in ROWS if n <= len(encoded)},
    }
    return {
        "ours": metrics["ours"], "common": metrics["common"], "rows": metrics["rows"],
        "settings": {name: settings[name] for name in ("vocabulary", "longest", "width", "heads", "hidden", "batch")},
        "operations_per_text": operations, "peak_operations_per_second": peak, "grown": grown,
        "operators": {way: operators(way, encoded.rows(np.arange(n)), classes[:n], settings) for way in speed.WAYS},
    }  # fmt: skip


def cut(encoded: Encoded, longest: int) -> Encoded:
    return Encoded(encoded.ids[:, :longest], np.minimum(encoded.lengths, longest))


def operations_of(encoded: Encoded, classes: np.ndarray, settings: dict, batches: int = 50) -> float:
    """Floating-point operations of matrix products in a training step, forward and backward, per text of our batches.

    A multiplication with its addition counts as two, as PyTorch's counter does.
    """
    sizes = [settings[name] for name in ("vocabulary", "longest", "width", "heads", "hidden")]
    model = notebook("part4_ag_news_transformer").TextClassifier(*sizes, 4).to(training.device())
    texts = 0
    # The counter does not see into the fused kernels of attention.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        for done, (inputs, targets) in enumerate(TextBatches(encoded, classes, settings["batch"], 0).training(0)):
            if done == batches:
                break
            torch.nn.functional.cross_entropy(model(*inputs), targets).backward()
            texts += len(targets)
    return counter.get_total_flops() / texts


def operators(way: str, encoded: Encoded, classes: np.ndarray, settings: dict) -> dict[str, float]:
    """Seconds per text that one way spends in each of PyTorch's operators itself, by PyTorch's profiler."""
    model = speed.network(way, settings, 0)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as record:
        speed.WAYS[way](model, encoded, classes, settings)
    return {event.key: event.self_cpu_time_total / 1e6 / len(encoded) for event in record.key_averages()}


def matmul_peak(repeats: int = 10) -> float:
    """Floating-point operations a second of a large matrix product in 32-bit numbers, the best of several."""
    a, b = torch.randn(2, _SIDE, _SIDE, device=training.device()).unbind()

    def product() -> float:
        return float((a @ b)[0, 0])  # reading a number waits for the device

    product()
    return 2 * _SIDE**3 / min(seconds(product, repeats))


def _rates(encoded: Encoded, classes: np.ndarray, settings: dict) -> dict[str, float]:
    found = speed.throughput(encoded, classes, settings, 1, 0)
    return {way: found[way][0] for way in ("ours", "common")}
