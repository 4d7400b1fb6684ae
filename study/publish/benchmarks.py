"""The page of benchmarks: what `make bench` measured, beside the common ways."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from study.page import table_markdown
from study.prose import count, number, percent
from study.publish.chapters import PublishError

HEADING = "## Speed"
HEAVIEST = 6
"""Operators of each way that the page names."""


def page(file: Path) -> str:
    """The page as pandoc Markdown, empty before the first `make bench`.

    Raises PublishError for a file that `make bench` did not write.
    """
    if not file.exists():
        return ""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return "\n\n".join([HEADING, _said(found), _texts(found), _operators(found), _growth(found), _others(found)])
    except (KeyError, TypeError, ValueError) as error:
        raise PublishError(
            f"{file} is not what `make bench` writes ({error!r}); delete it and run `make bench` again"
        ) from error


def _said(found: dict) -> str:
    ours, build = found["transformer"], found["build"]
    reached = ours["operations_per_text"] * np.median(ours["ours"]) / ours["peak_operations_per_second"]
    peak = number(ours["peak_operations_per_second"] / 1e9)
    to_common, to_keras = _faster(found)
    return (
        f"`make bench` measured this in one go, {ours['started'][:10]}, on {count(ours['threads'], 'thread')} "
        f"({ours['device']}). Part IV and the Bonus part tell of measurements of their own, made with their records on "
        "other machines: rates belong to a machine, ratios differ less. "
        f"Our loop trains the text classifier of Part IV {number(to_common, 1)} times as fast as the same "
        f"layers from `torch.nn` in the common loop, and {number(to_keras, 1)} times as fast as Keras' own layers "
        "([@tbl:bench-texts]). Its matrix products run at "
        f"{percent(reached)} of the {peak} GFLOP/s that one large product reaches on this machine: matrices of width "
        f"{ours['settings']['width']} are small, and much of the time goes to softmax, norms, embeddings and the "
        f"optimiser. `make report` takes {number(np.median(build['nothing to do']), 1)} s when nothing is to do and "
        f"{number(np.median(build['prose changed']), 1)} s after a change of prose, in at most "
        f"{number(build['peak_bytes'] / 1e9, 1)} GB of memory a process."
    )


def _faster(found: dict) -> tuple[float, float]:
    """How many times as fast ours is: as the common way, pair by pair as they ran in turn, and as Keras."""
    ours, keras = found["transformer"], found["keras_models"]
    pairs = np.array(ours["ours"]) / np.array(ours["common"])
    return float(np.median(pairs)), float(np.median(ours["ours"]) / np.median(keras["texts"]))


def _texts(found: dict) -> str:
    ours, keras = found["transformer"], found["keras_models"]
    to_common, to_keras = _faster(found)
    ways = {
        "This report": (ours["ours"], 1.0, ours["peak_bytes"]),
        "torch.nn.TransformerEncoder, common loop": (ours["common"], to_common, ours["peak_bytes"]),
        "Keras layers, model.fit": (keras["texts"], to_keras, keras["peak_bytes"]),
    }
    table = pd.DataFrame(
        {
            "Way": list(ways),
            "Texts per second": [number(np.median(rates)) for rates, _, _ in ways.values()],
            "from – to": [f"{number(min(rates))} – {number(max(rates))}" for rates, _, _ in ways.values()],
            "Ours is faster by": [f"{number(faster, 1)}×" for _, faster, _ in ways.values()],
            "Peak memory": [f"{number(peak / 1e9, 1)} GB" for _, _, peak in ways.values()],
        }
    )
    caption = (
        f"Training throughput on {number(ours['rows'])} texts of AG's news, width {ours['settings']['width']}, "
        f"batches of {ours['settings']['batch']}. The first two ways ran in turn in one process, are compared pair by "
        "pair (median), and share its peak memory; Keras ran in its own."
    )
    return table_markdown(table, "bench-texts", caption, align="lrrrr")


def _operators(found: dict) -> str:
    ours, common = (found["transformer"]["operators"][way] for way in ("ours", "common"))
    heaviest = {name for way in (ours, common) for name in sorted(way, key=way.get)[-HEAVIEST:]}
    named = sorted(heaviest, key=lambda name: -common.get(name, 0.0))
    sums = {
        **{name: (common.get(name, 0.0), ours.get(name, 0.0)) for name in named},
        "all others": tuple(sum(s for name, s in way.items() if name not in heaviest) for way in (common, ours)),
        "together": (sum(common.values()), sum(ours.values())),
    }
    table = pd.DataFrame(
        {
            "Operator": list(sums),
            "Common": [number(1e6 * before) for before, _ in sums.values()],
            "Ours": [number(1e6 * after) for _, after in sums.values()],
        }
    )
    caption = (
        "Where the time goes: microseconds per text in each of PyTorch's operators itself, by PyTorch's profiler, "
        "which slows both ways."
    )
    return table_markdown(table, "bench-operators", caption, align="lrr")


def _growth(found: dict) -> str:
    grown = found["transformer"]["grown"]
    rows = [
        {
            "Grows": what,
            "To": number(int(size)),
            "Ours": number(rates["ours"]),
            "Common": number(rates["common"]),
            "Ratio": number(rates["ours"] / rates["common"], 1),
        }
        for what, name in (("longest text, tokens", "length"), ("texts", "rows"))
        for size, rates in grown[name].items()
    ]
    caption = (
        "Texts per second as texts grow longer and more: the common way pays for the longest text that is allowed, "
        "ours for those that occur. Time grows nearly in proportion to the texts; an epoch more is the same work again."
    )
    return table_markdown(pd.DataFrame(rows), "bench-growth", caption, align="lrrrr")


def _others(found: dict) -> str:
    images, windows = found["images"], found["keras_models"]["autoencoders"]
    rates = {f"{name.replace('-', ' ').capitalize()}, windows (Keras)": rate for name, rate in windows.items()}
    ways = {"plain": "plain way", "ours": "ours", "progressive": "ours, small images first"}
    rates |= {f"ResNet-18, images, {said}": float(np.median(images[way])) for way, said in ways.items()}
    table = pd.DataFrame({"Training": list(rates), "Per second": [number(rate) for rate in rates.values()]})
    return table_markdown(
        table, "bench-others", "Training throughput of the other networks, examples per second.", align="lr"
    )
