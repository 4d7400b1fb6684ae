"""The figures of Part IV: values in, a Matplotlib figure (or its interactive Plotly twin) out.

Models are known by name, with a record a seed. Where seeds are drawn over epochs, the line is their median and the band
their range, of those that are still training.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.ticker import PercentFormatter

from study import classifier_charts, figures
from study.classifier_charts import SPLITS
from study.evaluation import Interval
from study.news import measures
from study.news.variants import added
from study.runs import Record

CLASS_LOOKS = tuple(zip(figures.NO_MODEL, ("-", "--", "-.", ":"), strict=True))
"""Colour and style of a class by its number; of more than four classes they come again."""
UNITS = {"accuracy": "accuracy", "loss": "cross-entropy (nats)"}
DIGITS = {"accuracy": ".1%", "loss": ".3f"}
"""How the screen shows a value of a curve."""

Runs = Mapping[str, Sequence[Record]]


# The classifier and our own, drawn


def layers(model: Any, ids: Any, lengths: Any) -> Figure:
    """The classifier's computation from top to bottom, read from a run of the model itself.

    Modules appear in the order in which they are called, each with the shape of its result and its parameters; the
    block's residual connections are drawn beside it.
    """
    steps = _called(model, ids, lengths)
    fig, axis = _drawing(0.8 * len(steps) + 0.6, (-0.5, 15.5), (-len(steps) + 0.4, 0.6))
    centre, width = 6.2, 6.0
    for i, (name, shape, parameters) in enumerate(steps):
        _box(axis, (centre, -i), width, 0.6, _SHOWN[name], parameters > 0)
        axis.text(centre + width / 2 + 0.3, -i, shape, va="center", fontsize=7)
        axis.text(15.4, -i, f"{parameters:,}" if parameters else "–", va="center", ha="right", fontsize=7)
        if i:
            _arrow(axis, (centre, -i + 0.7), (centre, -i + 0.3))
    names = [name for name, _, _ in steps]
    for part in ("block.attention", "block.feed_forward"):
        start, end, left = names.index(part), names.index(f"{part}_norm"), centre - width / 2
        axis.plot([left, left - 1.1, left - 1.1], [-start + 0.5, -start + 0.5, -end], color="black", lw=0.9)
        axis.plot([centre, left], [-start + 0.5, -start + 0.5], color="black", lw=0.9)
        _arrow(axis, (left - 1.1, -end), (left, -end))
        axis.text(left - 1.2, -(start + end) / 2, "residual", fontsize=7, ha="right", va="center", rotation=90)
    axis.text(centre + width / 2 + 0.3, 0.48, "result", fontsize=7, weight="bold")
    axis.text(15.4, 0.48, "parameters", fontsize=7, weight="bold", ha="right")
    return fig


_SHOWN = {
    "embedding.tokens": "token embedding", "embedding.positions": "position embedding, added",
    "block.attention": "multi-head self-attention", "block.attention_norm": "add, layer normalisation",
    "block.feed_forward": "feed-forward, ReLU", "block.feed_forward_norm": "add, layer normalisation",
    "head": "mean over the text's tokens, dense head",
}  # fmt: skip


def _called(model: Any, ids: Any, lengths: Any) -> list[tuple[str, str, int]]:
    """The modules of _SHOWN that a call of the model runs, in order: name, shape of the result, parameters."""
    found = []

    def note(name: str, module: Any, inputs: Any, result: Any) -> None:
        examples = "B" if name == "head" else "B, N"
        parameters = sum(p.numel() for p in module.parameters())
        found.append((name, f"({examples}, {result.shape[-1]})", parameters))

    modules = [(name, module) for name, module in model.named_modules() if name in _SHOWN]
    hooks = [module.register_forward_hook(partial(note, name)) for name, module in modules]
    model.eval()(ids, lengths)
    for hook in hooks:
        hook.remove()
    return found


def towers(settings: Mapping) -> Figure:
    """Our own classifier from text to logits: two wide towers and the deep one; `settings` are those of its record."""
    width, longest = settings["width"], settings["longest"]
    deep = [
        f"first {longest} words, {settings['vocabulary']:,} known",
        f"vectors of {width}, begun from co-occurrence",
        "convolution of 3, halved by a maximum",
        f"pre-norm block, {settings['heads']} heads",
        "max and mean over the text",
        "dense head",
    ]
    wide = {2.7: "words and\npairs of words", 6.9: "3 to 5 characters\nof a word"}
    fig, axis = _drawing(6.8, (0, 16), (-7.6, 0.5))
    _box(axis, (8, 0), 3.0, 0.6, "text", False)
    for x, counted in wide.items():
        _box(axis, (x, -1.5), 3.6, 1.0, counted, False)
        _box(axis, (x, -3.5), 3.6, 1.0, "TF-IDF weights,\nnormalised", False)
        _box(axis, (x, -5.5), 3.6, 1.0, "linear layer", True)
        for above, below in ((-2.0, -3.0), (-4.0, -5.0)):
            _arrow(axis, (x, above), (x, below))
        _arrow(axis, (x, -6.0), (8 - 0.15 * (8 - x), -6.85))
        _arrow(axis, (8, -0.3), (x, -1.0))
    for i, text in enumerate(deep):
        _box(axis, (12.3, -1.25 - 0.9 * i), 6.2, 0.58, text, i in (1, 2, 3, 5))
        if i:
            _arrow(axis, (12.3, -1.25 - 0.9 * i + 0.61), (12.3, -1.25 - 0.9 * i + 0.29))
    _arrow(axis, (8, -0.3), (12.3, -0.96))
    _arrow(axis, (12.3, -6.04), (8.65, -6.85))
    _box(axis, (8, -7.15), 6.0, 0.6, "mean of the three towers' logits", False)
    return fig


def _drawing(height_cm: float, xlim: tuple[float, float], ylim: tuple[float, float]) -> tuple[Figure, Axes]:
    fig, axis = figures.new(height_cm=height_cm)
    axis.set_axis_off()
    axis.set(xlim=xlim, ylim=ylim)
    return fig, axis


def _box(axis: Axes, centre: tuple[float, float], width: float, height: float, text: str, filled: bool) -> None:
    """A box with rounded corners; those with parameters are filled blue."""
    (x, y), colour = centre, "blue" if filled else "grey"
    axis.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2), width, height, boxstyle="round,pad=0,rounding_size=0.12",
            facecolor="#E8F1F8" if filled else "#F4F4F4", edgecolor=figures.PALETTE[colour],
        )
    )  # fmt: skip
    axis.text(x, y, text, ha="center", va="center", fontsize=7.5)


def _arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axis.add_patch(
        FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=6, lw=0.9, shrinkA=0, shrinkB=0, color="black")
    )


# Trainings


def over_epochs(records: Sequence[Record], name: str) -> pd.DataFrame:
    """Median, lowest and highest value of a history after each epoch (index, from 1), of the seeds that reach it."""
    histories = pd.concat([pd.Series(r.arrays[f"history_{name}"].astype(float)) for r in records], axis=1)
    found = histories.agg(["median", "min", "max"], axis=1).set_axis(["median", "low", "high"], axis=1)
    return found.set_axis(pd.RangeIndex(1, len(found) + 1, name="epoch"))


def kept_epochs(records: Sequence[Record]) -> list[int]:
    """The epochs to which early stopping returned, by seed; none without it."""
    return [r.metrics["best_epoch"] for r in records if r.spec["settings"].get("patience")]


def curves(runs: Runs, quantity: str) -> Figure:
    """Training and validation `accuracy` or `loss` against epochs, a panel a model; arrows mark the kept epochs."""
    fig, axes = figures.new(height_cm=4.7, cols=len(runs), sharex=True, sharey=True, squeeze=False)
    for axis, (title, records) in zip(axes[0], _by_step(runs).items(), strict=True):
        for label, (prefix, colour, style) in SPLITS.items():
            found = over_epochs(records, f"{prefix}{quantity}")
            axis.fill_between(found.index, found.low, found.high, color=colour, alpha=0.2, lw=0)
            axis.plot(found.index, found["median"], style, color=colour, label=label)
        for epoch, seeds in Counter(kept_epochs(records)).items():
            heights = 0.03 + 0.06 * np.arange(seeds)
            axis.plot([epoch] * seeds, heights, "^", color="black", ms=4, transform=axis.get_xaxis_transform())
        axis.set_title(title)
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
    axes[0, 0].set_ylabel(UNITS[quantity])
    if quantity == "accuracy":
        axes[0, 0].yaxis.set_major_formatter(PercentFormatter(1))
    handles, _ = axes[0, 0].get_legend_handles_labels()
    if any(map(kept_epochs, runs.values())):
        handles.append(Line2D([], [], color="black", marker="^", ms=4, ls="none", label="epoch kept, by seed"))
    fig.legend(handles=handles, ncols=3, loc="outside upper center")
    return fig


def curves_interactive(runs: Runs, quantity: str) -> go.Figure:
    """The same for the screen; grey for black, which a dark page would swallow."""
    fig, places = figures.panels(list(_by_step(runs)), "all")
    digits = DIGITS[quantity]
    for i, (place, records) in enumerate(zip(places, runs.values(), strict=True)):
        for label, (prefix, colour, style) in SPLITS.items():
            found = over_epochs(records, f"{prefix}{quantity}").round(4)
            group = {"x": list(found.index), "legendgroup": label, **place}
            figures.band(fig, found.low.tolist(), found.high.tolist(), label, colour, **group)
            fig.add_scatter(
                y=found["median"].tolist(), mode="lines", name=label, showlegend=i == 0, **group,
                line={"color": colour, "width": 1.5, "dash": "dash" if style == "--" else "solid"},
                customdata=found[["low", "high"]].to_numpy().tolist(),
                hovertemplate=f"{label}, epoch %{{x}}: median %{{y:{digits}}} "
                f"(%{{customdata[0]:{digits}}} to %{{customdata[1]:{digits}}})<extra></extra>",
            )  # fmt: skip
        kept = {"color": figures.PALETTE["grey"], "width": 0.8, "dash": "dot"}
        for epoch in kept_epochs(records):
            fig.add_vline(x=epoch, line=kept, **place)
    if any(map(kept_epochs, runs.values())):
        fig.add_scatter(x=[None], y=[None], name="epoch kept, by seed", mode="lines", line=kept)
    figures.epoch_axes(fig)
    fig.update_yaxes(title_text=UNITS[quantity], col=1)
    if quantity == "accuracy":
        fig.update_yaxes(tickformat=".0%")
    figures.legend_below(fig, 35)
    return fig


def _by_step(runs: Runs) -> dict[str, Sequence[Record]]:
    """The variants by titles that fit a narrow panel: what each adds to the one before."""
    return {added(name): records for name, records in runs.items()}


def confusion(runs: Runs) -> Figure:
    """Confusion matrices on the test split, mean over seeds, a panel a model."""
    return classifier_charts.confusion(_by_step(runs), measures.classes(runs))


def confusion_interactive(runs: Runs) -> go.Figure:
    """The same for the screen."""
    return classifier_charts.confusion_interactive(_by_step(runs), measures.classes(runs))


def sweep(table: pd.DataFrame, used: float) -> Figure:
    """Validation accuracy and loss against the penalty's strength, means with intervals over seeds."""
    fig, axes = figures.new(height_cm=4.3, cols=2)
    at = np.arange(len(table))
    for axis, (name, title) in zip(axes, {"accuracy": "accuracy", "loss": "loss (nats)"}.items(), strict=True):
        mean = table[f"{name}_mean"]
        error = [mean - table[f"{name}_low"], table[f"{name}_high"] - mean]
        axis.errorbar(at, mean, error, fmt="D", color=figures.PALETTE["purple"], capsize=2)
        at_used = int(np.argmin(np.abs(table.l2 - used)))
        axis.axvline(at_used, color=figures.PALETTE["grey"], lw=0.8, ls=":", label="strength in the fourth variant")
        axis.set_xticks(at, ["none" if v == 0 else f"{v:.0e}".replace("e-0", "e−") for v in table.l2])
        axis.set(ylabel=f"validation {title}", xlabel="strength λ of the penalty")
    axes[0].yaxis.set_major_formatter(PercentFormatter(1))
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center")
    return fig


def roc(runs: Runs) -> Figure:
    """ROC curves of each class against the rest, first seed, a panel a model, with the corner enlarged."""
    fig, axes = figures.new(height_cm=5.2, cols=len(runs), sharey=True, squeeze=False)
    for axis, (title, records) in zip(axes[0], _by_step(runs).items(), strict=True):
        corner = axis.inset_axes((0.4, 0.14, 0.57, 0.57))
        for place in (axis, corner):
            for kind, label in enumerate(measures.classes(runs)):
                x, y = measures.roc(records[0], kind)
                colour, style = CLASS_LOOKS[kind % len(CLASS_LOOKS)]
                place.plot(x, y, style, color=figures.PALETTE[colour], lw=1.1, label=label)
        axis.plot([0, 1], [0, 1], color="#C8C8C8", lw=0.8, label="chance")
        axis.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="false positive rate", xticks=[0, 0.5, 1])
        corner.set(xlim=(0, 0.2), ylim=(0.8, 1.003), xticks=[0, 0.2], yticks=[0.8, 1])
        corner.tick_params(labelsize=7, pad=1)
        axis.set_title(title)
    axes[0, 0].set_ylabel("true positive rate")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), ncols=5, loc="outside upper center")
    return fig


# What a classifier looks at

_IN_LINE = 8  # tokens
_MOST = 4.0  # multiples of an even share at which the colour ends


def attention(tokens: Sequence[str], received: np.ndarray, title: str = "") -> Figure:
    """A text's tokens, coloured by the attention (heads, N) they receive relative to an even share, mean over heads."""
    lines = -(-len(tokens) // _IN_LINE)
    shares, words = np.full(lines * _IN_LINE, np.nan), np.full(lines * _IN_LINE, "", dtype=object)
    shares[: len(tokens)], words[: len(tokens)] = received.mean(axis=0) * len(tokens), tokens
    fig, axis = figures.new(height_cm=0.6 * lines + 1.9)
    figures.heatmap(
        axis, shares.reshape(lines, -1), words.reshape(lines, -1), "", "Blues", vmin=0, vmax=_MOST, cbar=True,
        cbar_kws={"orientation": "horizontal", "label": "attention received, in multiples of an even share"},
    )  # fmt: skip
    axis.set_title(title, fontsize=7.5)
    return fig


# Beyond the original


def sizes(curves: Mapping[str, tuple[Sequence[int], Sequence[float | Interval]]]) -> Figure:
    """Validation accuracy against the number of training texts, a line a model; bands are 95% intervals over seeds."""
    fig, axis = figures.new(height_cm=4.5)
    for name, (rows, values) in curves.items():
        look = figures.look_of(name)
        means = [v.mean if isinstance(v, Interval) else v for v in values]
        axis.plot(rows, means, look.linestyle, marker=look.marker, color=look.colour, label=name)
        if isinstance(values[0], Interval):
            low, high = ([getattr(v, end) for v in values] for end in ("low", "high"))
            axis.fill_between(rows, low, high, color=look.colour, alpha=0.15, lw=0)
    axis.set(xscale="log", xlabel="training texts", ylabel="validation accuracy")
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.yaxis.set_major_formatter(PercentFormatter(1))
    axis.legend(loc="lower right")
    return fig


def field(ours: Mapping[str, Sequence[float]], literature: pd.DataFrame) -> Figure:
    """Test accuracy of this report's models (a mark a seed) among published ones (grey diamonds), best at the top."""
    rows = [(name, list(values), figures.colour_of(name)) for name, values in ours.items()]
    rows += [(r.model, [r.accuracy], figures.PALETTE["grey"]) for r in literature.itertuples()]
    rows.sort(key=lambda row: np.median(row[1]))
    fig, axis = figures.new(height_cm=0.36 * len(rows) + 1.5)
    for y, (name, values, colour) in enumerate(rows):
        marks = {"marker": "o", "mfc": colour} if name in ours else {"marker": "D", "mfc": "none"}
        axis.plot(values, [y] * len(values), ls="none", color=colour, **marks)
    axis.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    for label, (name, _, _) in zip(axis.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if name in ours else "normal")
    axis.set(xlabel="test accuracy", ylim=(-0.7, len(rows) - 0.3))
    axis.xaxis.set_major_formatter(PercentFormatter(1))
    marks = {"a seed of this report": ("o", "black", "black"), "published": ("D", figures.PALETTE["grey"], "none")}
    shown = [Line2D([], [], ls="none", marker=m, color=c, mfc=f, label=label) for label, (m, c, f) in marks.items()]
    axis.legend(handles=shown, loc="lower right")
    return fig
