"""Part III: measurements by hand and by autograd, the graph that follows the module, the worked example, the runs."""

import math

import jupytext
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from study import paths, profile
from study.attention import SelfAttention, causal_mask, scaled_dot_product
from study.prose import CONFIRMED, HALF, OPEN, REFUTED, Verdict
from study.runs import Record, Store, canonical
from study.theory import agreement, analysis, claims, cost, graph, identities, mixing, notation, recipes, scaling

NOTEBOOK = paths.NOTEBOOKS / "part3_self_attention_theory.py"


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


def test_entropy_of_all_alike_and_of_one_alone():
    weights = torch.tensor([[0.25] * 4, [1.0, 0, 0, 0]])
    torch.testing.assert_close(scaling.entropy(weights), torch.tensor([math.log(4), 0.0]))


def test_scaling_divides_the_variance_by_the_width_and_saves_the_gradient():
    found = scaling.measure(width=256, keys=32, queries=200, seed=1)
    assert found["raw"]["variance"] == pytest.approx(256 * found["scaled"]["variance"])
    assert found["scaled"]["variance"] == pytest.approx(1, abs=0.1)
    assert found["raw"]["jacobian_median"] < 0.5 * found["scaled"]["jacobian_median"]
    assert found["raw"]["saturated"] > 0.2 > found["scaled"]["saturated"]
    assert found["scaled"]["entropy"] == pytest.approx(analysis.expected_entropy(1.0, 32), abs=0.1)


def test_a_fresh_layer_starts_with_logits_of_variance_one():
    assert scaling.variance_at_start(256, 4, 0) == pytest.approx(1, abs=0.15)


def test_expected_entropy():
    assert analysis.expected_entropy(0, 64) == pytest.approx(math.log(64))
    assert analysis.expected_entropy(2, 64) == pytest.approx(math.log(64) - 1)
    assert analysis.expected_entropy(analysis.freezing_variance(64), 64) == 0


# What W_o is for


def test_target_is_the_difference_of_the_neighbours_on_the_ring():
    x = torch.tensor([[[1.0], [2.0], [4.0]]])
    assert mixing.target(x).flatten().tolist() == [4 - 2, 1 - 4, 2 - 1]


def test_only_mixed_heads_learn_the_difference(one_thread):
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
    assert analysis.expected_share(heads, output, 8, content) == pytest.approx(share)


def test_identities_hold_where_theory_says_and_only_there():
    assert identities.permutation(12, 3, 0) < 1e-12 < 0.1 < identities.permutation(12, 3, 0, positions=True)
    assert identities.folded_output(12, 1, 0) < 1e-12 < 0.01 < identities.folded_output(12, 3, 0)
    assert max(identities.key_bias(12, 3, 0), identities.value_bias(12, 3, 0), identities.padding(12, 3, 0)) < 1e-12
    assert identities.ranks(12, 3, 0) == ([4, 4, 4], 12)


# Agreement and cost


@pytest.mark.parametrize("reference", recipes.REFERENCES)
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

    assert peak("explicit", 512) == pytest.approx(3 * analysis.weights_bytes(512, 2), rel=0.05)
    assert peak("explicit", 512) > 3.5 * peak("explicit", 256)
    assert peak("fused", 2048) < 3 * peak("fused", 1024)
    assert peak("fused", 1024) < 0.2 * peak("explicit", 1024)


def test_buffers_hold_the_same_attention():
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 1, 2, 5, 4)
    work = cost._in_buffers(q, k, v)
    work()
    torch.testing.assert_close(work(), scaled_dot_product(q, k, v)[0])


def test_unknown_models_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Unknown model 'sparse'.*explicit"):
        cost.measure("sparse", 8, 8, 2, 0.01, 0, tmp_path)
    with pytest.raises(ValueError, match="Unknown reference 'keras'"):
        agreement.differences("keras", 1, 2, 4, 2, 0)


# The original's formulas


def test_a_formula_holds_as_printed_with_a_symbol_read_otherwise_or_not():
    found = {name: verdict.status for name, verdict in claims.about_formulas().items()}
    half = {"attention_weight_vector", "attention_product", "attention_sum"}
    assert {name for name, status in found.items() if status == HALF} == half
    assert {name for name, status in found.items() if status == REFUTED} == {"attention_score"}
    assert all(found[name] == CONFIRMED for name in found.keys() - half - {"attention_score"})


def test_the_finding_counts_what_holds_as_printed(monkeypatch):
    said = {"attention_gradients": CONFIRMED, "a": CONFIRMED, "b": HALF, "c": REFUTED, "d": OPEN}
    monkeypatch.setattr(analysis, "claims", lambda _: {name: Verdict(status, "so") for name, status in said.items()})
    assert "5 statements about self-attention 2 hold as printed, 1 with a symbol read otherwise, 2 not;" in (
        analysis.finding([])
    )


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
    masked = graph.trace(SelfAttention(12, 3), torch.randn(2, 7, 12), ["z"], mask=causal_mask(7))
    assert "scaled_dot_product_attention" in texts(masked, "operation") and "mask" in texts(masked, "input")


def test_a_mask_joins_the_graph_before_the_softmax():
    arguments = {"mask": causal_mask(7), "return_weights": True}
    nodes = graph.trace(SelfAttention(12, 3), torch.randn(2, 7, 12), ["z", "A"], **arguments)
    (softmax,) = (node for node in nodes.values() if node.text == "softmax")
    divided, hiding = (nodes[source] for source in nodes[softmax.sources[0]].sources)
    assert divided.text == "÷ √4" and divided.shape == (2, 3, 7, 7)
    assert "−∞ where hidden" in hiding.text and hiding.shape == (7, 7) and hiding.sources == ["mask"]
    assert hiding.stage == 2 and "to" not in texts(nodes, "operation")


def test_drawn_graph_shows_every_box_and_shape():
    nodes = traced()
    fig = graph.draw(nodes, {2: "B", 7: "N", 12: "d", 3: "h", 4: "d_k"}, height_cm=16)
    shown = [text.get_text() for text in fig.axes[0].texts]
    edges = sum(nodes[s].kind != "parameter" for node in nodes.values() for s in node.sources)
    assert len(shown) == len(nodes) + edges
    assert shown.count(r"$B{\times}h{\times}N{\times}N$") == 4
    assert r"÷ $\sqrt{d_k}$" in shown and any("$b_o$" in text for text in shown)


def test_graph_refuses_unnamed_results():
    with pytest.raises(ValueError, match="returns 2 results, but 1 are named"):
        graph.trace(SelfAttention(4, 1), torch.randn(1, 2, 4), ["z"], return_weights=True)


# The page


def test_matrices_and_estimates_as_shown():
    shown = notation.matrices({"A": torch.tensor([[1.0, -0.001], [2, -math.inf]])}, 1)
    assert shown == r"$$A = \begin{pmatrix} 1.0 & 0.0 \\ 2.0 & -\infty \end{pmatrix}$$"
    assert notation.estimate(1022.64, 6.2) == "1,023 ± 6"
    assert notation.estimate(0.06685, 0.0041) == "0.067 ± 0.004"
    assert notation.estimate(0.0, 0.0) == "0 ± 0"


def test_worked_example_of_the_notebook_by_hand():
    scope = {"math": math, "torch": torch, "SelfAttention": SelfAttention, "causal_mask": causal_mask}
    scope["scaled_dot_product"] = scaled_dot_product
    for cell in jupytext.read(NOTEBOOK).cells:
        if cell.cell_type == "code" and not cell.metadata.get("tags") and "graph." not in cell.source:
            exec(cell.source, scope)
    e = math.e
    assert scope["S"][3].tolist() == [0, 2, 1, 0]
    expected = torch.tensor([1, e**2, e, 1]) / (2 + e + e**2)
    torch.testing.assert_close(scope["A"][3], expected)
    torch.testing.assert_close(scope["C"][3, 1], 2 * expected[1] + 2 * expected[3])
    torch.testing.assert_close(scope["z"][0], scope["Z"])
    assert scope["difference"] < 1e-5
    assert scope["padded_weights"][:, 3].tolist() == [0] * 4
    assert scope["causal_weights"][0].tolist() == [1, 0, 0, 0]


def test_questions_stand_as_headings_in_their_order():
    text = NOTEBOOK.read_text()
    headings = (
        "# ## Question 1. Break down the mathematical operations involved in self-attention.",
        "# ### Linear transformations.",
        "# ### Scaled dot-product attention.",
        "# ### Weighted sum.",
        "# ### Optional output transformation.",
        "# ## Question 2. Draw the computational graph that depicts the flow of data through the self-attention "
        "mechanism. Include all the transformations mentioned in Question 1.",
    )
    found = [text.find(f"\n{heading}") for heading in headings]
    assert -1 not in found and found == sorted(found)


# The runs


def test_specs_are_distinct_and_the_sentinel_is_one_of_them():
    for name in ("quick", "full"):
        specs = recipes.specs(profile.load(name))
        assert len({canonical(spec) for spec in specs}) == len(specs)
        assert recipes.sentinel(profile.load(name)) in specs
        assert all(spec["task"].startswith("part3-") for spec in specs)


SMALL = {"d_k": [4, 64], "keys": 16, "queries": 50}


def run_of(task, model, **values):
    return {
        "task": task, "model": model, "data": [], "profile": "quick", "seed": 0, "version": recipes.VERSIONS[task],
        "settings": values,
    }  # fmt: skip


def test_golden_scaling_run(tmp_path):
    """A recipe that computes something else needs a new version, here and in VERSIONS."""
    spec = run_of("part3-scaling", "softmax", **SMALL)
    metrics, _ = recipes.train(spec, tmp_path)
    assert recipes.VERSIONS["part3-scaling"] == 1
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
    first = Store(tmp_path / "a").get(spec, recipes.train)
    second = Store(tmp_path / "b").get(spec, recipes.train)
    assert torch.get_num_threads() == before
    pairs = list(zip(recipes.compared(first), recipes.compared(second), strict=True))
    assert pairs
    for (name, old, tolerance), (again, new, _) in pairs:
        assert name == again and abs(old - new) <= tolerance


def test_tables_are_told_from_records():
    def record(task, model, seed, metrics, **values):
        return Record({**run_of(task, model, **values), "seed": seed}, metrics, {}, {})

    softmax = [
        record("part3-scaling", "softmax", seed, {"raw": {"variance": [v]}, "scaled": {"variance": [1.0]}}, d_k=[4])
        for seed, v in enumerate((3.0, 5.0))
    ]
    table = analysis.scaling(softmax)
    assert analysis.pick(table, "raw", "variance").loc[4, "mean"] == 4
    assert analysis.pick(table, "scaled", "variance").loc[4, "low"] == 1
    with pytest.raises(KeyError, match="no entropy of the raw softmax"):
        analysis.pick(table, "raw", "entropy")
    tokens = [64, 128, 256, 512]
    # The slope is that of the last three lengths; the first may be anything.
    seconds = [9.0] + [n**2 for n in tokens[1:]]
    quadratic = record("part3-cost", "explicit", 0, {"forward": seconds}, tokens=tokens)
    assert analysis.exponent(analysis.cost([quadratic]), "explicit", "forward") == pytest.approx(2)
    with pytest.raises(KeyError, match="no record of part3-mixing"):
        analysis.mixing([quadratic])
    with pytest.raises(ValueError, match="two seeds"):
        analysis.scaling(softmax[:1])
    np.testing.assert_equal(analysis.weights_bytes(10, 3), 4 * 3 * 100)
