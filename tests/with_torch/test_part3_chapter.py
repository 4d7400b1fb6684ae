"""Part III's sentences follow the records: altered copies break the checks and turn the verdicts that rest on them.

The notebook's cells are run without drawing, on the committed records of the full profile.
"""

from copy import copy
from dataclasses import replace
from functools import partial

import chapter
import committed
import pytest
from chapter import altered, assert_broken, assert_sound, broken

from study import parts
from study.theory import claims
from study.verdicts import CONFIRMED, CONTRADICTED, PARTLY, UNCLEAR


@pytest.fixture(scope="module")
def records():
    return committed.records("part3")


@pytest.fixture(scope="module")
def names():
    """The notebook's names after all its cells."""
    with pytest.MonkeyPatch.context() as patch:
        return chapter.evaluated(patch, "part3", ignored=("page", "charts", "graph"))[1]


def evaluated(names, records):
    """The value of each inline expression of the chapter on these records."""
    measured = copy(names["measured"])
    vars(measured).update(records=records)
    vars(measured).pop("softmax")
    return chapter.again("part3", names, measured=measured)


def test_every_value_is_one_that_the_documents_take_and_every_check_holds(names, records):
    assert_sound(evaluated(names, records), more_than=19)


def scaling(kind, **statistics):
    """Other values of statistics of one softmax, each made from what is recorded for that softmax."""
    made = {name: lambda m, make=make: make(m[kind]) for name, make in statistics.items()}
    return altered("part3-scaling", kind, **made)


def same(value):
    """The same value for each size."""
    return lambda m: [value] * len(next(iter(m.values())))


mixing, cost = partial(altered, "part3-mixing"), partial(altered, "part3-cost")
CASES = {
    "the division changes nothing": (
        altered("part3-scaling", raw=lambda m: m["scaled"]),
        ["unscaled.variance[widest]", "unscaled.saturated[widest]", "0.1 * scaled.jacobian_median[widest]"],
        {"attention_gradients": UNCLEAR, "attention_scaled": UNCLEAR},
    ),
    "the two softmaxes swapped": (
        altered("part3-scaling", raw=lambda m: m["scaled"], scaled=lambda m: m["raw"]),
        ["0.1 * scaled.jacobian_median[widest]", "(slope > scaled.jacobian_median)"],
        {"attention_gradients": UNCLEAR, "attention_scaled": UNCLEAR},
    ),
    "unscaled scores of half the variance": (
        scaling("raw", variance=lambda m: [v / 2 for v in m["variance"]]),
        ["unscaled.variance[widest]"], {"attention_scaled": CONFIRMED},
    ),
    "scaled scores of twice the variance": (
        scaling("scaled", variance=lambda m: [2 * v for v in m["variance"]]), [], {"attention_scaled": UNCLEAR},
    ),
    "the mean gradient vanishes, too": (
        scaling("raw", jacobian_mean=lambda m: m["jacobian_median"]),
        ["unscaled.jacobian_mean[widest]"], {"attention_gradients": PARTLY},
    ),
    "half the gradient without the division": (
        altered("part3-scaling", "raw", jacobian_median=lambda m: [v / 2 for v in m["scaled"]["jacobian_median"]]),
        ["0.1 * scaled.jacobian_median[widest]"], {"attention_gradients": UNCLEAR, "attention_scaled": CONFIRMED},
    ),
    "narrow heads gain": (
        scaling("raw", jacobian_median=lambda m: [0.1, *m["jacobian_median"][1:]]),
        ["(slope > scaled.jacobian_median)"], {"attention_gradients": CONFIRMED},
    ),
    "the chain rule takes what the division brings": (
        scaling("scaled", jacobian_median=lambda m: [0.1 * v for v in m["jacobian_median"]]), ["rest"], {},
    ),
    "one head subtracts": (mixing(model="one-head-mixed", explained=same(0.9)), ["others.explained.max()"], {}),
    "two heads never subtract": (
        mixing(model="two-heads-mixed", explained=same(0.5)), ["subtracting.explained.max()"], {},
    ),
    "stuck with two neighbours": (mixing(model="two-heads-mixed", places=same(2)), ["stuck.places"], {}),
    "our attention is another function": (
        altered("part3-agreement", model="MultiheadAttention", gradient=same(1e-3)), ["furthest"], {},
    ),
    "explicit attention in linear time": (
        cost(model="explicit", forward=lambda m: [2.0**i for i in range(len(m["forward"]))]),
        ['growth["explicit"]'], {},
    ),
    "explicit attention keeps six arrays": (
        cost(model="explicit", peak=lambda m: [2 * p for p in m["peak"]]), ["arrays"], {},
    ),
    "a fused kernel that keeps its weights": (
        cost(model="fused", peak=lambda m: [100 * p for p in m["peak"]]), ["kernel.peak"], {},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("alter", "checks", "verdicts"), CASES.values(), ids=CASES)
def test_an_altered_record_breaks_what_rests_on_it(names, records, alter, checks, verdicts):
    changed = [alter(record) for record in records]
    found = evaluated(names, changed)
    assert_broken(found, {"this": checks})
    assert checks or not broken(found) - {'holds(len(set(statuses)), "=", 2)'}
    statuses = parts.find("part3").claims(changed)
    assert {name: statuses[name].status for name in verdicts} == verdicts


# The verdicts on the original's formulas


@pytest.mark.parametrize(
    ("other", "contradicted"),
    [
        (lambda e: {"weights": e.weights.T}, ["score", "every_key", "softmax_of_scores", "sum", "after_softmax"]),
        (lambda e: {"sums": 2 * e.sums}, ["product", "sum"]),
        (lambda e: {"v": e.v**2}, ["product", "sum"]),
        (lambda e: {"k": e.k[::-1]}, ["product"]),
    ],
    ids=["weights over queries", "sums doubled", "values squared", "keys reversed"],
)
def test_a_formula_is_compared_with_attention_written_out(records, other, contradicted):
    evidence = claims.gather(records)
    evidence = replace(evidence, **other(evidence))
    found = {name: judge(evidence).status for name, judge in claims.CLAIMS.items()}
    turned = [name.removeprefix("attention_") for name, status in found.items() if status == CONTRADICTED]
    assert turned == contradicted
