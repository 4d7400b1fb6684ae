"""From the records of the Bonus part to its verdicts, and to what the front page says of it."""

from collections.abc import Sequence
from functools import partial

from study import published
from study.comparison import QUANTITIES, mean, measured
from study.prose import Highlight, join_list, number, percent
from study.runs import Record, of
from study.verdicts import CONFIRMED, Judged, Kind
from study.vision.claims import claims as claims
from study.vision.evaluation import NAMES, ahead, networks, obstacle
from study.vision.experiments import IMPROVED, MODELS


def judged(records: Sequence[Record]) -> list[Judged]:
    """Every number that the original prints of its four networks; comparable on its own images alone."""
    found, other = [], obstacle(records)
    for key in published.numbers("bonus"):
        _, model, quantity = key.split(".")
        values = [measured(r, quantity) for r in of(records, "bonus-models", model)]
        loss = "loss" in quantity
        kind, show = Kind.LOSS if loss else Kind.SHARE, partial(number if loss else percent, digits=2)
        found.append(published.judge(key, NAMES[model], QUANTITIES[quantity], values, kind, show, other))
    return found


def finding(records: Sequence[Record]) -> str:
    """The part in two sentences."""
    found = networks(records)
    improved = NAMES[IMPROVED]
    shares = {name: mean(runs, "test_accuracy") for name, runs in found.items()}
    first, *rest = sorted((name for name in shares if name != improved), key=shares.get, reverse=True)
    others = join_list([f"{name} {percent(shares[name])}" for name in rest])
    clearly = "clearly" if ahead(found[improved], found["ViT"]) == CONFIRMED else "not clearly"
    return (
        f"Trained from random weights on images that stand for the original's, {first} classifies "
        f"{percent(shares[first])} of the test images correctly, {others}. With a light "
        f"convolutional stem the Vision Transformer reaches {percent(shares[improved])}, {clearly} more than without."
    )


def highlights(records: Sequence[Record]) -> list[Highlight]:
    """The part on the front page: the network of the highest published test accuracy, and the best one."""
    reported, found = {m: published.value(f"bonus.{m}.test_accuracy") for m in MODELS}, networks(records)
    leader = max(reported, key=reported.get)
    shares = {name: mean(runs, "test_accuracy") for name, runs in found.items()}
    best, name = max(shares, key=shares.get), NAMES[leader]
    ours = f"{best} {percent(shares[best], 2)}"
    elsewhere = " (other images)" if obstacle(records) else ""
    published_share = f"{percent(reported[leader], 2)}{elsewhere}"
    return [Highlight(f"test accuracy of {name}", published_share, percent(shares[name], 2), ours)]
