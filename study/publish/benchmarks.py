"""The page of benchmarks: what `make bench` measured, beside the common ways."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from study.page import table_markdown
from study.prose import count, number, percent
from study.publish.errors import PublishError

HEADING = "## Speed"
HEAVIEST = 6
"""Operators of each way that the page names."""


def page(file: Path) -> str:
    """The page as pandoc Markdown, empty before the first `make bench`; its last tables are for the screen alone.

    Raises PublishError for a file that `make bench` did not write.
    """
    if not file.exists():
        return ""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        details = f"::: {{.screen}}\n{_operators(found)}\n\n{_growth(found)}\n:::"
        return "\n\n".join([HEADING, _said(found), _texts(found), _others(found), details])
    except (KeyError, TypeError, ValueError) as error:
        raise PublishError(
            f"{file} is not what `make bench` writes ({error!r}); delete it and run `make bench` again"
        ) from error


def _said(found: dict) -> str:
    ours, build, peak = found["transformer"], found["build"], found["transformer"]["peak_operations_per_second"]
    reached = ours["operations_per_text"] * np.median(ours["ours"]) / peak
    to_common, to_keras = _faster(found)
    return (
        f"`make bench` measured this in one go, {ours['started'][:10]}, on {count(ours['threads'], 'thread')} "
        f"({ours['device']}). The speeds in Part IV and the Bonus part were measured on other machines, together "
        "with their runs: rates belong to a machine, ratios differ less ([@tbl:bench-others] has the other networks). "
        f"Our loop trains the text classifier of Part IV {number(to_common, 1)} times as fast as the same "
        f"layers from `torch.nn` in the common loop, and {number(to_keras, 1)} times as fast as Keras' own layers "
        "([@tbl:bench-texts]). Its matrix products run at "
        f"{percent(reached)} of the {number(peak / 1e9)} GFLOP/s that one large product reaches on this machine: "
        f"matrices of width {ours['settings']['width']} are small, and much of the time goes to softmax, norms, "
        "embeddings and the "
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
    rows = [
        (
            way, number(np.median(rates)), f"{number(min(rates))} – {number(max(rates))}",
            f"{number(faster, 1)}×" if faster else "–", f"{number(peak / 1e9, 1)} GB",
        )
        for way, rates, faster, peak in (
            ("This report", ours["ours"], None, ours["peak_bytes"]),
            ("torch.nn.TransformerEncoder, common loop", ours["common"], to_common, ours["peak_bytes"]),
            ("Keras layers, model.fit", keras["texts"], to_keras, keras["peak_bytes"]),
        )
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["Way", "Texts per second", "from – to", "Ours is faster by", "Peak memory"])
    caption = (
        f"Training throughput on {number(ours['rows'])} texts of AG's news, width {ours['settings']['width']}, "
        f"batches of {ours['settings']['batch']}. The first two ways ran in turn in one process, are compared pair by "
        "pair (median), and share its peak memory; Keras ran in its own."
    )
    return table_markdown(table, "bench-texts", caption, align="lrrrr")


def _operators(found: dict) -> str:
    times = pd.DataFrame(found["transformer"]["operators"])[["common", "ours"]].fillna(0.0)
    named = times.index.isin({name for way in times for name in times[way].nlargest(HEAVIEST).index})
    heaviest = times[named].sort_values("common", ascending=False, kind="stable")
    sums = pd.DataFrame({"all others": times[~named].sum(), "together": times.sum()}).T
    table = (1e6 * pd.concat([heaviest, sums])).map(number).rename(columns=str.capitalize).reset_index(names="Operator")
    caption = (
        "Where the time goes: microseconds per text in each of PyTorch's operators itself, by PyTorch's profiler, "
        "which slows both ways."
    )
    return table_markdown(table, "bench-operators", caption, align="lrr")


def _growth(found: dict) -> str:
    rows = [
        (what, number(int(size)), number(r["ours"]), number(r["common"]), number(r["ours"] / r["common"], 1))
        for what, name in (("longest text, tokens", "length"), ("texts", "rows"))
        for size, r in found["transformer"]["grown"][name].items()
    ]
    caption = (
        "Texts per second as texts grow longer and more: the common way pays for the longest text that is allowed, "
        "ours for those that occur. Time grows nearly in proportion to the texts; an epoch more is the same work again."
    )
    table = pd.DataFrame(rows, columns=["Grows", "To", "Ours", "Common", "Ratio"])
    return table_markdown(table, "bench-growth", caption, align="lrrrr")


def _others(found: dict) -> str:
    images, windows = found["images"], found["keras_models"]["autoencoders"]
    ways = {"plain": "plain way", "ours": "ours", "progressive": "ours, small images first"}
    rows = [
        *((f"{name.replace('-', ' ').capitalize()}, windows (Keras)", number(rate)) for name, rate in windows.items()),
        *((f"ResNet-18, images, {words}", number(np.median(images[way]))) for way, words in ways.items()),
    ]
    caption = "Training throughput of the other networks, examples per second."
    return table_markdown(pd.DataFrame(rows, columns=["Training", "Per second"]), "bench-others", caption, align="lr")
