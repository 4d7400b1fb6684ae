"""The figures of Part IV: values in, a Matplotlib figure (or its interactive Plotly twin) out."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from study import figures
from study.evaluation import Interval
from study.news import analysis
from study.news.corpus import CLASSES
from study.runs import Record

CLASS_COLOURS = {
    name: figures.PALETTE[colour] for name, colour in zip(CLASSES, ("blue", "green", "orange", "purple"), strict=True)
}
def lengths(dataset: Record) -> Figure:
    """Share of texts by number of words, one line a split."""
    fig, axis = figures.new(height_cm=5.5)
    looks = {"train": ("blue", "-"), "validation": ("orange", "--"), "test": ("green", ":")}
    for split, (colour, style) in looks.items():
        found = dataset.arrays[f"lengths_{split}"]
        axis.plot(found / found.sum(), style, color=figures.PALETTE[colour], label=split.replace("train", "training"))
    axis.set(xlabel="words", ylabel="share of texts", xlim=(0, 100), ylim=(0, None))
    axis.yaxis.set_major_formatter(lambda y, _: f"{100 * y:g}%")
    axis.legend()
    return fig


def telling_words(words: Mapping[str, Sequence[dict]]) -> Figure:
    """For each class a panel of its most telling words and their z-scores."""
    fig, axes = figures.new(height_cm=7.5, cols=len(words))
    for axis, (name, found) in zip(axes, words.items(), strict=True):
        at = np.arange(len(found))
        axis.barh(at, [w["z"] for w in found], color=CLASS_COLOURS[name], height=0.7)
        axis.set_yticks(at, [w["word"] for w in found])
        axis.invert_yaxis()
        axis.grid(axis="y", visible=False)
        axis.set(title=name, xlabel="z-score")
    return fig


def layers(model, ids, lengths) -> Figure:
    """The classifier's computation from top to bottom, read from a run of the model itself.

    Modules appear in the order in which they are called, each with the shape of its result and its parameters; the
    block's residual connections are drawn beside it.
    """
    steps = _called(model, ids, lengths)
    fig, axis = figures.new(height_cm=0.82 * len(steps) + 0.6)
    axis.set_axis_off()
    axis.set(xlim=(-0.5, 15.5), ylim=(-len(steps) + 0.4, 0.6))
    centre, width = 6.2, 6.0
    for i, step in enumerate(steps):
        inside = step["name"].startswith("block")
        axis.add_patch(
            FancyBboxPatch(
                (centre - width / 2, -i - 0.3), width, 0.6, boxstyle="round,pad=0,rounding_size=0.12",
                facecolor="#E8F1F8" if inside else "#F4F4F4", edgecolor=figures.PALETTE["blue" if inside else "grey"],
            )
        )  # fmt: skip
        axis.text(centre, -i, step["text"], ha="center", va="center", fontsize=7.5)
        axis.text(centre + width / 2 + 0.3, -i, step["shape"], va="center", fontsize=7)
        axis.text(
            15.4, -i, f"{step['parameters']:,}" if step["parameters"] else "–", va="center", ha="right", fontsize=7
        )
        if i:
            _arrow(axis, (centre, -i + 0.7), (centre, -i + 0.3))
    names = [step["name"] for step in steps]
    for norm, before in (
        ("block.attention_norm", "block.attention"),
        ("block.feed_forward_norm", "block.feed_forward"),
    ):
        start, end = names.index(before), names.index(norm)
        left = centre - width / 2
        axis.plot([left, left - 1.1, left - 1.1], [-start + 0.5, -start + 0.5, -end], color="black", lw=0.9)
        axis.plot([centre, left], [-start + 0.5, -start + 0.5], color="black", lw=0.9)
        _arrow(axis, (left - 1.1, -end), (left, -end))
        axis.text(left - 1.2, -(start + end) / 2, "residual", fontsize=7, ha="right", va="center", rotation=90)
    axis.text(centre + width / 2 + 0.3, 0.48, "result", fontsize=7, weight="bold")
    axis.text(15.4, 0.48, "parameters", fontsize=7, weight="bold", ha="right")
    return fig


def _called(model, ids, lengths) -> list[dict]:
    """The modules that a call of the model runs, in order: name, text, shape of the result, parameters."""
    shown = {
        "embedding.tokens": "token embedding", "embedding.positions": "position embedding, added",
        "block.attention": "multi-head self-attention", "block.attention_norm": "layer normalisation",
        "block.feed_forward": "feed-forward, ReLU", "block.feed_forward_norm": "layer normalisation",
        "head": "mean over the text's tokens, dense head",
    }  # fmt: skip
    letters = {ids.shape[0]: "B", ids.shape[1]: "N"}
    found, hooks = [], []
    for name, module in model.named_modules():
        if name in shown:

            def note(module, inputs, result, name=name):
                sizes = [letters.get(n, str(n)) if i < 2 else str(n) for i, n in enumerate(result.shape)]
                sizes = sizes if result.dim() > 2 or name != "embedding.positions" else ["N", str(result.shape[-1])]
                parameters = sum(p.numel() for p in module.parameters())
                found.append(
                    {"name": name, "text": shown[name], "shape": f"({', '.join(sizes)})", "parameters": parameters}
                )

            hooks.append(module.register_forward_hook(note))
    model.eval()(ids, lengths)
    for hook in hooks:
        hook.remove()
    return found


def _arrow(axis, start, end) -> None:
    axis.add_patch(
        FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=6, lw=0.9, shrinkA=0, shrinkB=0, color="black")
    )


def splits(runs: Mapping[str, Sequence[Record]], published_values: Mapping[str, Mapping[str, float]]) -> Figure:
    """Accuracy on the three splits of every model: one small mark a seed, a cross for the published number."""
    fig, axis = figures.new(height_cm=6)
    looks = {"train": ("blue", "o", -0.2), "validation": ("vermillion", "s", 0.0), "test": ("green", "^", 0.2)}
    for i, (name, records) in enumerate(runs.items()):
        for split, (colour, marker, offset) in looks.items():
            values = [r.metrics[split]["accuracy"] for r in records]
            label = split.replace("train", "training") if i == 0 else None
            axis.plot(
                [i + offset] * len(values), values, marker, color=figures.PALETTE[colour], mfc="none", label=label
            )
            said = published_values[name][split]
            axis.plot(i + offset, said, "x", color="black", ms=6, label="published" if i + offset == 0.2 else None)
    axis.set_xticks(range(len(runs)), [figures.broken(n) for n in runs])
    axis.set(ylabel="accuracy", ylim=(0.87, 1.0))
    axis.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.5, 1.18))
    return fig


def roc(runs: Mapping[str, Sequence[Record]]) -> Figure:
    """ROC curves of each class against the rest, first seed, a panel a model; the part that matters."""
    fig, axes = figures.new(height_cm=6.6, cols=len(runs), sharey=True)
    styles = dict(zip(CLASSES, ("-", "--", "-.", ":"), strict=True))
    for axis, (name, records) in zip(axes, runs.items(), strict=True):
        for kind, label in enumerate(CLASSES):
            axis.plot(*analysis.roc(records[0], kind), styles[label], color=CLASS_COLOURS[label], lw=1.2, label=label)
        axis.set(xlim=(0, 0.3), ylim=(0.7, 1.003), xlabel="false positive rate")
        axis.set_title(figures.broken(name))
    axes[0].set_ylabel("true positive rate")
    fig.legend(*axes[0].get_legend_handles_labels(), ncols=4, loc="outside upper center")
    return fig


def sweep(table: pd.DataFrame, used: float) -> Figure:
    """Validation accuracy, validation loss and gap against the penalty's strength, with intervals over seeds."""
    fig, axes = figures.new(height_cm=5.4, cols=3)
    at = np.arange(len(table))
    titles = {
        "accuracy": "validation accuracy",
        "loss": "validation loss (nats)",
        "gap": "gap in accuracy",
    }
    for axis, (name, title) in zip(axes, titles.items(), strict=True):
        mean = table[f"{name}_mean"]
        error = [mean - table[f"{name}_low"], table[f"{name}_high"] - mean]
        axis.errorbar(at, mean, error, fmt="D", color=figures.PALETTE["purple"], capsize=2)
        axis.axvline(int(np.argmin(np.abs(table.l2 - used))), color=figures.PALETTE["grey"], lw=0.8, ls=":")
        axis.set_xticks(at, ["0" if v == 0 else f"{v:.0e}".replace("e-0", "e−") for v in table.l2])
        axis.set(title=title, xlabel="strength of the L2 penalty")
    return fig


def attention(examples: Sequence[dict]) -> Figure:
    """Each example's tokens, coloured by the attention they receive relative to an even share, mean over heads."""
    rows = [_lines(e) for e in examples]
    height = sum(len(lines) + 1.0 for lines in rows)
    fig, axis = figures.new(height_cm=0.55 * height + 1.2)
    axis.set_axis_off()
    axis.set(xlim=(0, _LINE), ylim=(-height, 0.2))
    colours, y = mpl.colormaps["Blues"], 0.0
    for example, lines in zip(examples, rows, strict=True):
        correct = example["true"] == example["predicted"]
        verdict = "right" if correct else f"wrong, labelled {example['true']}"
        axis.text(
            0, y - 0.5, f"{example['predicted']} ({example['confidence']:.0%}), {verdict}", fontsize=7.5, weight="bold",
            va="center", color="black" if correct else figures.PALETTE["vermillion"],
        )  # fmt: skip
        y -= 1
        for line in lines:
            x = 0.0
            for token, share in line:
                width, colour = _width(token), colours(share / _MOST)
                ground = FancyBboxPatch(
                    (x, y - 0.85), width - 0.35, 0.74, boxstyle="square,pad=0", lw=0, facecolor=colour
                )
                axis.add_patch(ground)
                ink = "white" if np.mean(colour[:3]) < 0.5 else "black"
                axis.text(x + (width - 0.35) / 2, y - 0.5, token, fontsize=7, ha="center", va="center", color=ink)
                x += width
            y -= 1
    scale = ScalarMappable(Normalize(0, _MOST), cmap="Blues")
    bar = fig.colorbar(scale, ax=axis, orientation="horizontal", fraction=0.03, pad=0.01, aspect=50)
    bar.set_label("attention received, in multiples of an even share", fontsize=7)
    return fig


_LINE = 105.0  # characters of a line
_MOST = 4.0  # multiples of an even share at which the colour ends


def _width(token: str) -> float:
    return len(token) + 1.6


def _lines(example: dict) -> list[list[tuple[str, float]]]:
    """The tokens with their shares, in lines that fit."""
    received = np.mean(example["received"], axis=0) * len(example["tokens"])
    lines, used = [[]], 0.0
    for token, share in zip(example["tokens"], received, strict=True):
        if used + _width(token) > _LINE:
            lines.append([])
            used = 0.0
        lines[-1].append((token, float(share)))
        used += _width(token)
    return lines


def reliability(found: Mapping[str, analysis.Calibrated]) -> Figure:
    """Accuracy against confidence on the test split before and after temperature scaling, a panel a model."""
    fig, axes = figures.new(height_cm=6.2, cols=len(found), sharey=True)
    for axis, (name, one) in zip(axes, found.items(), strict=True):
        axis.plot([0, 1], [0, 1], color=figures.PALETTE["grey"], lw=0.8)
        for part, colour, marker in (("before", "vermillion", "o"), ("after", "blue", "s")):
            c = getattr(one, part)
            axis.plot(
                c.confidence,
                c.accuracy,
                marker=marker,
                color=figures.PALETTE[colour],
                lw=1,
                label=f"{part} (ECE {c.error:.3f})",
            )
        axis.set(title=figures.broken(name), xlabel="confidence", xlim=(0.2, 1.01), ylim=(0.1, 1.01))
        axis.legend(loc="upper left", fontsize=6.5)
    axes[0].set_ylabel("accuracy")
    return fig


def sizes(curves: Mapping[str, tuple[Sequence[int], Sequence[float | Interval]]]) -> Figure:
    """Validation accuracy against the number of training texts, a line a model."""
    fig, axis = figures.new(height_cm=5.2)
    for name, (rows, values) in curves.items():
        look = figures.look_of(name)
        means = [v.mean if isinstance(v, Interval) else v for v in values]
        axis.plot(rows, means, look.linestyle, marker=look.marker, color=look.colour, label=name)
        if isinstance(values[0], Interval):
            axis.fill_between(
                rows, [v.low for v in values], [v.high for v in values], color=look.colour, alpha=0.15, lw=0
            )
    axis.set(xscale="log", xlabel="training texts", ylabel="validation accuracy")
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.legend(loc="lower right")
    return fig


def field(ours: Mapping[str, Sequence[float]], literature: pd.DataFrame) -> Figure:
    """Test accuracy of this report's models (marks a seed) among published ones (grey), best at the top."""
    rows = [(name, list(values), figures.colour_of(name)) for name, values in ours.items()]
    rows += [(r.model, [r.accuracy], figures.PALETTE["grey"]) for r in literature.itertuples()]
    rows.sort(key=lambda row: np.mean(row[1]))
    fig, axis = figures.new(height_cm=0.52 * len(rows) + 1.5)
    for y, (name, values, colour) in enumerate(rows):
        axis.plot(
            values,
            [y] * len(values),
            "o" if name in ours else "D",
            color=colour,
            mfc=colour if name in ours else "none",
        )
    axis.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    for label, (name, _, _) in zip(axis.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if name in ours else "normal")
    axis.set(xlabel="test accuracy", ylim=(-0.7, len(rows) - 0.3))
    return fig
