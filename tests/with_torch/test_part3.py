"""Part III: measurements by hand and by autograd, the graph that follows the module, the worked example, the runs."""

import math

import numpy as np
import pytest
import torch
from chapter import cells
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path
from torch import nn

from study import paths, profile
from study.attention import SelfAttention, scaled_dot_product
from study.experiments import Run
from study.runs import Record, Store
from study.theory import agreement, charts, cost, experiments, graph, lab, mixing, scaling, tables

CAUSAL = torch.ones(7, 7, dtype=torch.bool).tril()


# The softmax with and without √d_k


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-30, 30), min_size=1, max_size=8))
def test_jacobian_norm_is_that_of_autograd(logits):
    logits = torch.tensor(logits, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda s: s.softmax(dim=-1), logits)
    measured = scaling.jacobian_norm(logits.softmax(dim=-1))
    torch.testing.assert_close(measured, jacobian.norm(), atol=1e-15, rtol=1e-6)


def test_jacobian_norm_of_an_almost_saturated_softmax():
    # Two logits s apart: each of the four entries of the Jacobian is a (1 - a), nearly exp(-s).
    weights = torch.tensor([0.0, -60.0], dtype=torch.float64).softmax(dim=-1)
    assert scaling.jacobian_norm(weights).item() == pytest.approx(2 * math.exp(-60), rel=1e-9)


def test_scaling_divides_the_variance_by_the_width_and_saves_the_gradient():
    found = scaling.measure(width=256, keys=32, queries=200, seed=1)
    assert found["raw"]["variance"] == pytest.approx(256 * found["scaled"]["variance"])
    assert found["scaled"]["variance"] == pytest.approx(1, abs=0.1)
    assert found["raw"]["jacobian_median"] < 0.5 * found["scaled"]["jacobian_median"]
    assert found["raw"]["saturated"] > 0.2 > found["scaled"]["saturated"]
    # Scores of variance 1 cost about half a nat of the entropy of 32 keys that are all alike.
    assert found["raw"]["entropy"] < 1 < found["scaled"]["entropy"] == pytest.approx(math.log(32) - 0.5, abs=0.1)


# What W_o is for


def test_target_is_the_difference_of_the_neighbours_on_the_ring():
    x = torch.tensor([[[1.0], [2.0], [4.0]]])
    assert mixing.target(x).flatten().tolist() == [4 - 2, 1 - 4, 2 - 1]


def test_one_head_subtracts_neighbours_when_its_weights_depend_on_contents():
    """Values take their signs from the places (+ + − −), scores are small multiples of the contents."""
    x = torch.randn(256, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    signs = torch.tensor([1.0, 1, -1, -1] * 2, dtype=torch.float64)
    places = torch.arange(8)
    neighbours = ((places[:, None] - places).abs() % 6) == 1
    before = signs.roll(1)  # the sign of the place before, opposite to that of the place after
    scores = 0.01 * before[:, None] * x[:, None, :]
    weights = scores.masked_fill(~neighbours, -torch.inf).softmax(-1)
    found = weights @ (200 * signs)
    wanted = mixing.target(x[..., None])[..., 0]
    assert 1 - ((found - wanted) ** 2).mean() / wanted.var() > 0.999


def test_only_mixed_heads_learn_the_difference():
    mixed = mixing.train(heads=2, output=True, tokens=5, content=5, steps=250, seed=0)
    joined = mixing.train(heads=2, output=False, tokens=5, content=5, steps=250, seed=0)
    assert mixed["places"] == 2 and mixed["explained"] > 0.9
    assert joined["explained"] < 0.55
    assert joined["parameters"] == mixed["parameters"] - 10 * 11


def test_followed_counts_places_ahead_on_the_ring():
    model = mixing.Neighbours(tokens=4, content=2, heads=1, output=True)
    with torch.no_grad():
        for p in (model.attention.query, model.attention.key):
            nn.init.zeros_(p.weight)
        # The query asks for the place after its own: keys show their place, queries the next one.
        model.attention.key.weight[2:, 2:] = 10 * torch.eye(4)
        model.attention.query.weight[2:, 2:] = 10 * torch.eye(4).roll(1, dims=0)
    assert model.followed(torch.randn(3, 4, 2)) == [1]


@pytest.mark.parametrize(
    ("heads", "output", "content", "share"),
    [(2, True, 8, 1.0), (2, True, 16, 0.75), (2, True, 24, 2 / 3), (2, False, 8, 0.5), (1, True, 24, 0.5)],
)
def test_expected_share(heads, output, content, share):
    assert tables.expected_share(heads, output, 8, content) == pytest.approx(share)


# Agreement and cost


@pytest.mark.parametrize("reference", experiments.REFERENCES)
def test_agreement_with_torch_and_that_a_fault_is_seen(reference, monkeypatch):
    assert max(agreement.differences(reference, 3, 9, 12, 3, 0).values()) < 1e-5

    def unscaled(q, k, v, mask=None, **options):
        return scaled_dot_product(q, k, v, mask, scaled=False)

    monkeypatch.setattr(agreement, "scaled_dot_product", unscaled)
    monkeypatch.setattr("study.attention.scaled_dot_product", unscaled)
    assert max(agreement.differences(reference, 3, 9, 12, 3, 0).values()) > 1e-3


def test_peak_counts_what_lives_at_the_same_time(tmp_path):
    def work():
        first = torch.empty(1000, 250)  # a million bytes
        second = first + 1
        del first
        third = second + 1
        del second, third

    assert cost.peak_bytes(work, tmp_path) == pytest.approx(2_000_000, rel=0.01)
    assert not list(tmp_path.iterdir())


def test_explicit_attention_needs_quadratic_memory_and_the_fused_kernel_linear(tmp_path):
    def peak(model, tokens):
        return cost.measure(model, tokens, 16, 2, 0.001, 0, tmp_path)["peak"]

    assert peak("explicit", 512) == pytest.approx(3 * 4 * 2 * 512**2, rel=0.05)  # three arrays of 4 h N² bytes
    assert peak("explicit", 512) > 3.5 * peak("explicit", 256)
    assert peak("fused", 2048) < 3 * peak("fused", 1024)
    assert peak("fused", 1024) < 0.2 * peak("explicit", 1024)


def test_unknown_models_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Unknown model 'sparse'.*explicit"):
        cost.measure("sparse", 8, 8, 2, 0.01, 0, tmp_path)
    with pytest.raises(ValueError, match="Unknown reference 'keras'"):
        agreement.differences("keras", 1, 2, 4, 2, 0)


# The graph


def traced(**options):
    attention = SelfAttention(12, options.pop("heads", 3), **options)
    return graph.trace(attention, torch.randn(2, 7, 12), ["z", "A"], return_weights=True)


def texts(nodes, kind):
    return [node.text for node in nodes.values() if node.kind == kind]


def test_graph_has_the_four_stages_with_their_shapes():
    nodes = traced()
    assert sorted(texts(nodes, "parameter")) == sorted(
        f"{name}.{kind}" for name in ("query", "key", "value", "output") for kind in ("weight", "bias")
    )
    operations = [(node.stage, node.text, node.shape) for node in nodes.values() if node.kind == "operation"]
    assert sorted(o[0] for o in operations) == [1] * 6 + [2] * 3 + [3] * 2 + [4]
    assert [o[1:] for o in operations if o[0] == 2] == [
        ("matmul", (2, 3, 7, 7)), ("÷ √4", (2, 3, 7, 7)), ("softmax", (2, 3, 7, 7))
    ]  # fmt: skip
    assert [o[1:] for o in operations if o[0] == 4] == [("linear", (2, 7, 12))]
    assert nodes["output z"].shape == (2, 7, 12) and nodes["output A"].shape == (2, 3, 7, 7)
    names = list(nodes)
    assert all(names.index(source) < names.index(name) for name, node in nodes.items() for source in node.sources)


def test_graph_changes_with_the_module():
    assert len(texts(traced(bias=False), "parameter")) == 4
    without = traced(output=False)
    assert 4 not in {node.stage for node in without.values()}
    assert "÷ √6" in texts(traced(heads=2), "operation")
    masked = graph.trace(SelfAttention(12, 3), torch.randn(2, 7, 12), ["z"], mask=CAUSAL)
    assert "scaled_dot_product_attention" in texts(masked, "operation") and "mask" in texts(masked, "input")


def test_a_mask_joins_the_graph_before_the_softmax():
    arguments = {"mask": CAUSAL, "return_weights": True}
    nodes = graph.trace(SelfAttention(12, 3), torch.randn(2, 7, 12), ["z", "A"], **arguments)
    (softmax,) = (node for node in nodes.values() if node.text == "softmax")
    divided, hiding = (nodes[source] for source in nodes[softmax.sources[0]].sources)
    assert divided.text == "÷ √4" and divided.shape == (2, 3, 7, 7)
    assert "−∞ where hidden" in hiding.text and hiding.shape == (7, 7) and hiding.sources == ["mask"]
    assert hiding.stage == 2 and "to" not in texts(nodes, "operation")


@pytest.mark.usefixtures("legible")
def test_drawn_graph_shows_every_box_and_shape():
    nodes = traced()
    fig = graph.draw(nodes, {2: "B", 7: "N", 12: "d", 3: "h", 4: "d_k"}, height_cm=16)
    shown = [text.get_text() for text in fig.axes[0].texts]
    edges = sum(nodes[s].kind != "parameter" for node in nodes.values() for s in node.sources)
    assert len(shown) == len(nodes) + edges
    assert sum(r"$B{\times}h{\times}N{\times}N$" in text for text in shown) == 4
    assert r"÷ $\sqrt{d_k}$" in shown and any("$b_o$" in text for text in shown)
    assert {name for name in "QKVSAC" if any(rf"\mathbf{{{name}}}" in text for text in shown)} == set("QKVSAC")


@pytest.mark.parametrize("options", [{}, {"heads": 1, "bias": False, "output": False}])
def test_shapes_beside_arrows_stand_clear_of_arrows_and_boxes(options):
    """At the height in print."""
    fig = graph.draw(traced(**options), {2: "B", 7: "N", 12: "d", 3: "h", 4: "d_k"}, height_cm=10.3)
    fig.draw_without_rendering()
    (axis,) = fig.axes
    texts = [text.get_window_extent() for text in axis.texts]
    boxes = [patch.get_window_extent() for patch in axis.patches if isinstance(patch, FancyBboxPatch)]
    arrows = [patch for patch in axis.patches if isinstance(patch, FancyArrowPatch)]
    drawn = [arrow.get_transform().transform_path(arrow.get_path()).to_polygons(closed_only=False) for arrow in arrows]
    lines = [Path(points) for one in drawn for points in one]
    within = [any(box.contains(*text.get_points().mean(axis=0)) for box in boxes) for text in texts]
    outside = [text.padded(1) for text, inside in zip(texts, within, strict=True) if not inside]
    assert len(texts) == len(boxes) + len(outside) and len(outside) > 10
    assert not any(text.overlaps(box) for text in outside for box in boxes)
    assert not any(line.intersects_bbox(text, filled=False) for text in outside for line in lines)


def test_names_of_the_formulas_stand_at_their_results():
    named = {node.symbol: node for node in traced().values() if node.symbol}
    assert {symbol: node.shape for symbol, node in named.items()} == {
        "Q": (2, 7, 12), "K": (2, 7, 12), "V": (2, 7, 12), "S": (2, 3, 7, 7), "A": (2, 3, 7, 7), "C": (2, 7, 12),
    }  # fmt: skip
    assert (named["S"].text, named["A"].text) == ("÷ √4", "softmax")
    masked = graph.trace(SelfAttention(12, 3), torch.randn(2, 7, 12), ["Z", "A"], mask=CAUSAL, return_weights=True)
    assert next(node for node in masked.values() if node.symbol == "S").text == "add"


def test_graph_refuses_unnamed_results():
    with pytest.raises(ValueError, match="returns 2 results, but 1 are named"):
        graph.trace(SelfAttention(4, 1), torch.randn(1, 2, 4), ["z"], return_weights=True)


# The worked example


def test_the_worked_example_by_hand():
    scope = {"math": math, "torch": torch, "nn": nn, "np": np}
    for cell in cells("part3"):
        if cell.cell_type == "code" and not cell.metadata.get("tags") and "graph." not in cell.source:
            exec(cell.source, scope)
        if "same" in scope:
            break
    a, b, c = (math.exp(s / math.sqrt(2)) for s in (4, 3, 2))
    expected = torch.tensor([a, b, c]) / (a + b + c)
    torch.testing.assert_close(scope["A"][2], expected)
    torch.testing.assert_close(
        scope["C"][2], torch.stack([2 * expected[0], expected[0] + 3 * expected[1] + expected[2]])
    )
    who, does = scope["C"][2]
    torch.testing.assert_close(scope["Z"][2], torch.stack([who, does - 1, who, torch.tensor(0.0)]))
    assert all(torch.allclose(changed, scope["Z"]) for changed in scope["same"].values())


# The runs


SMALL = {"d_k": [4, 64], "keys": 16, "queries": 50}


def run_of(task, model, **values):
    return experiments.ALL.spec(profile.load("quick"), task, Run(model, settings=values))


def test_golden_scaling_run(tmp_path):
    """An experiment that computes something else needs a new version."""
    spec = run_of("part3-scaling", "softmax", **SMALL)
    metrics, _ = experiments.ALL.train(spec, tmp_path)
    assert experiments.ALL["part3-scaling"].version == 1
    golden = {
        "raw": ([4.546916, 63.438382], [0.313075, 0.185198]),
        "scaled": ([1.136729, 0.991225], [0.297337, 0.308071]),
    }
    for kind, (variance, gradient) in golden.items():
        assert metrics[kind]["variance"] == pytest.approx(variance, rel=1e-5)
        assert metrics[kind]["jacobian_mean"] == pytest.approx(gradient, rel=1e-5)


@pytest.mark.parametrize(
    "spec",
    [
        run_of("part3-agreement", "MultiheadAttention", shapes=[[2, 3, 4, 2]]),
        run_of("part3-scaling", "softmax", **SMALL),
        run_of("part3-mixing", "two-heads-mixed", heads=2, output=True, tokens=4, content=[4], steps=5),
        run_of("part3-cost", "fused", tokens=[8, 16], width=8, heads=2, seconds=0.001),
    ],
    ids=lambda spec: spec["task"],
)
def test_runs_come_out_again_and_leave_the_threads_alone(spec, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    before = torch.get_num_threads()
    first = Store(tmp_path / "a").get(spec, experiments.ALL.train)
    second = Store(tmp_path / "b").get(spec, experiments.ALL.train)
    assert torch.get_num_threads() == before
    pairs = list(zip(experiments.ALL.compared(first), experiments.ALL.compared(second), strict=True))
    assert pairs
    for (name, old, tolerance), (again, new, _) in pairs:
        assert name == again and abs(old - new) <= tolerance


def record(task, model, seed, metrics, **values):
    return Record({**run_of(task, model, **values), "seed": seed}, metrics, {}, {})


def test_tables_hold_what_the_records_say():
    kinds = [{"raw": {"variance": [v, 9.0]}, "scaled": {"variance": [1.0, 1.0]}} for v in (3.0, 5.0, 10.0)]
    found = tables.softmax([record("part3-scaling", "softmax", i, m, d_k=[4, 8]) for i, m in enumerate(kinds)])
    assert list(found.loc[("raw", "variance", 4)]) == [5, 3, 10]
    assert list(found.loc[("scaled", "variance", 8)]) == [1, 1, 1]
    spent = {"forward": [1.0, 4.0], "both": [2.0, 8.0], "peak": [10, 40]}
    costs = tables.cost([record("part3-cost", "explicit", 0, spent, tokens=[64, 128])])
    assert costs.loc[("explicit", 128), "forward"] == 4
    with pytest.raises(KeyError, match="no record of part3-mixing"):
        tables.mixing([])


def test_the_table_of_the_mixing_task_counts_trainings_at_the_level():
    def trained(model, seed, explained, heads, output):
        metrics = {"explained": [explained, 0.6], "places": [2, 2], "parameters": [90, 190]}
        return record("part3-mixing", model, seed, metrics, heads=heads, output=output, tokens=8, content=[8, 16])

    records = [
        *(trained("two-heads-mixed", i, share, 2, True) for i, share in enumerate((0.99, 0.5))),
        trained("two-heads-joined", 0, 0.49, 2, False),
        trained("one-head-mixed", 0, 0.4, 1, True),
    ]
    table = lab.mixing_table(tables.mixing(records))
    assert list(table["Trainings that reach it"]) == ["1 of 2", "1 of 1", "0 of 1"]
    assert list(table["Limit by place"]) == ["100%", "50%", "50%"] and table["Best training"][0] == "99.0%"


def test_growth_is_that_of_the_last_doubling():
    costs = tables.cost([record("part3-cost", "explicit", 0, {"forward": [9.0, 2.0, 7.0]}, tokens=[64, 128, 256])])
    assert lab.growth(costs.forward)["explicit"] == 3.5


def test_a_vector_in_a_sentence():
    assert lab.vector(torch.tensor([2.0, -0.5]), 1) == "(2.0, −0.5)"


def test_columns_of_a_matrix_keep_their_names_however_many_tokens_there_are():
    tokens = ["dog", "and", "cat", "sees"]
    fig = charts.matrices({"X": np.eye(4), "A": np.eye(4)}, tokens, {"X": ["a", "b", "c", "d"]})
    named, keys = fig.axes
    assert [label.get_text() for label in named.get_xticklabels()] == ["a", "b", "c", "d"] and not named.get_xlabel()
    assert [label.get_text() for label in keys.get_xticklabels()] == tokens and keys.get_xlabel() == "key"
    with pytest.raises(ValueError, match="X: .* each of the 3 tokens"):
        charts.matrices({"X": np.eye(4)}, tokens[:3])
