"""Part I to the scorecard and the front page: its numbers and claims with their verdicts, and its finding."""

from collections.abc import Sequence

from study import published
from study.manufacturing.detectors import AUTOENCODER, PCA_NAME
from study.manufacturing.evaluation import FALSE_ALARMS, Evidence, shown
from study.manufacturing.line import WIDTH
from study.prose import NOTHING, Highlight, number, percent
from study.runs import Record, of
from study.verdicts import Judged, Kind

LAYERS = {"hidden_1": 512, "bottleneck": 32, "hidden_2": 512, "output": WIDTH}
"""Units of the assignment's layers."""


def counted_parameters(records: Sequence[Record]) -> int:
    """Parameters of the model that was trained."""
    return of(records, "part1-latency", "single-vector")[0].metrics["parameters"]


def judged(records: Sequence[Record]) -> list[Judged]:
    """The published parameter counts: of each layer by m × n + n, in all as the trained model has them."""
    widths, found, forgotten = [WIDTH, *LAYERS.values()], [], ""
    for layer, inputs, units in zip(LAYERS, widths[:-1], widths[1:], strict=True):
        key = f"part1.{layer}.total"
        if published.value(key) == inputs * units:
            forgotten = f"the {number(units)} biases of the layer {layer} are left out"
        name, count = f"parameters of layer {layer}", (inputs + 1) * units
        found.append(published.judge(key, "Autoencoder", name, [count], Kind.FACT, show=number, cause=forgotten))
    total = [counted_parameters(records)]
    counted = published.judge("part1.total", "Autoencoder", "parameters", total, Kind.FACT, number, cause=forgotten)
    return [*found, counted]


def highlights(records: Sequence[Record]) -> list[Highlight]:
    """The part on the front page."""
    e, counted = Evidence(records), number(counted_parameters(records))
    found = {name: e.rate(name, "detection") for name in (AUTOENCODER, PCA_NAME)}
    best = max(found, key=lambda name: found[name].mean)
    return [
        Highlight("parameters of the autoencoder", number(published.value("part1.total")), counted, NOTHING),
        Highlight(
            f"faults detected at {percent(FALSE_ALARMS, 0)} false alarms, simulated line",
            NOTHING,
            f"{AUTOENCODER} {shown(found[AUTOENCODER])}",
            f"{best} {shown(found[best])}",
        ),
    ]
