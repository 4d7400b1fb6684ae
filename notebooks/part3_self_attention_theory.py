# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,-all
#     formats: ipynb,py:percent
#     notebook_metadata_filter: kernelspec,jupytext,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Part III: Theoretical part, transformers

# %% tags=["parameters"]
profile = "full"

# %% tags=["setup", "allow-stderr"]
import math

import numpy as np
import pandas as pd
import torch

from study import figures, published, runs
from study import profile as profiles
from study.attention import SelfAttention, causal_mask, scaled_dot_product
from study.page import Page
from study.prose import CONFIRMED, count, duration, interval, join_list, number, percent, scientific, significant
from study.theory import analysis, charts, graph, identities, recipes, scaling
from study.theory.notation import estimate, matrices

P = profiles.load(profile)
page = Page(P.figures, P.synthetic)
figures.use_style()
records = runs.Store(P.records).get_all(recipes.specs(P), recipes.train)

sizes = P.part3
agreement = analysis.agreement(records)
softmaxes = analysis.scaling(records)
mixed = analysis.mixing(records)
costs = analysis.cost(records)
widest, longest = max(sizes.d_k), max(sizes.tokens)
at = lambda kind, statistic, width=widest: analysis.pick(softmaxes, kind, statistic).loc[width]  # noqa: E731
spent = lambda model, quantity, n=longest: float(costs[(costs.model == model) & (costs.tokens == n)][quantity].iloc[0])  # noqa: E731
two, three = lambda v: number(v, 2), lambda v: number(v, 3)

# %% tags=["hide-input"]
said = {name: found.status for name, found in analysis.claims(records).items()}
told = {name: published.with_verdict(name, status) for name, status in said.items()}
frozen = said["attention_gradients"] == CONFIRMED
faults = {
    "attention_score": "the softmax sums over the wrong index",
    "attention_product": "the product of queries and keys lacks a transpose",
    "attention_sum": "the weighted sum multiplies by the values twice",
}
wrong = [fault for name, fault in faults.items() if said[name] != CONFIRMED]
reach = mixed[mixed.variant == "two-heads-mixed"]
page.say(f"""
**In short.** Self-attention lets every token fetch information from every other: it compares queries with keys, turns the comparison
into weights that sum to one, and averages the values with them. The original's four stages are the right ones, {f"but {len(wrong)} of its formulas {'is' if len(wrong) == 1 else 'are'} not: as printed, {join_list(wrong)}" if wrong else "and so are its formulas"}. Its reason for dividing by $\\sqrt{{d_k}}$ is
{"**right for most queries**" if frozen else "**not confirmed**"}: at $d_k = {widest}$ the median gradient of the unscaled softmax is {scientific(at("raw", "jacobian_median")["mean"])}, of the scaled one {two(at("scaled", "jacobian_median")["mean"])}.
What the original does not say is what $W_o$ is for: it lets heads be added and subtracted, which raises what two heads can explain of a test task from
one half to {"all" if reach.explained.max() > 0.99 else percent(reach.explained.max(), 0)}. Inputs are simulated from seeds; every formula below is run.
""")

# %% [markdown]
# ## Question 1. Break down the mathematical operations involved in self-attention. Explain how the input sequence $x = (x_1, x_2, \dots, x_N)$ is processed through these stages.
#
# The four stages, with one notation throughout: a token $x_i$ is a row of $d$ numbers, the rows make the matrix $X$ of shape $N \times d$, $i$ counts queries and $j$ counts keys.
#
# 1. **Linear transformations**: $q_i = x_i W_q + b_q$, likewise $k_i$ and $v_i$; for all tokens $Q = X W_q + b_q$, of shape $N \times d_k$.
# 2. **Scaled dot-product attention**: $a_{ij}$ is the softmax over $j$ of $q_i \cdot k_j / \sqrt{d_k}$; for all tokens $A = \operatorname{softmax}(Q K^\top / \sqrt{d_k})$, row by row, of shape $N \times N$.
# 3. **Weighted sum**: $c_i = \sum_j a_{ij} v_j$; for all tokens $C = A V$, of shape $N \times d_v$.
# 4. **Optional output transformation**: $z_i = c_i W_o + b_o$; for all tokens $Z = C W_o + b_o$, of shape $N \times d$.
#
# The assignment calls the result of the last stage the latent representation $z$; the original used $z$ for the weighted sum and $o$ for the result. With $h$ heads, each head has its own $W_q$, $W_k$, $W_v$ of width $d_k = d_v = d / h$, and their sums are joined to $N \times d$ before $W_o$ [@vaswani2017attention].
#
# The worked example has four tokens of width $d = 4$ and one head, with weights that are small whole numbers. The columns of $X$ may be read as *article*, *thing*, *action*, *living*.

# %%
tokens = ["the", "cat", "sees", "itself"]
X = torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0]])
W_q = torch.tensor([[0.0, 2, 0, 0], [0, 0, 0, 2], [0, 2, 0, 2], [0, 0, 2, -2]])
W_k = torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 2]])
W_v = torch.tensor([[1.0, 0, 0, 0], [0, 2, 0, 0], [0, 0, 1, 1], [0, 0, 1, 0]])
W_o = torch.tensor([[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, -1], [0, 0, 0, 1]])
b_q, b_k = torch.tensor([0.0, 0, 2, 0]), torch.tensor([0.0, 1, 0, 0])
b_v, b_o = torch.tensor([0.0, 0, 0, 1]), torch.tensor([0.0, 0, 1, 0])

# %% [markdown]
# ### Linear transformations. Describe how three linear transformations project the input sequence into query, key and value.
#
# **Answer.** Each token is multiplied by three learnt matrices. The **query** $q_i$ says what token $i$ looks for, the **key** $k_j$ what token $j$ offers to be found by, the **value** $v_j$ what it hands over when it is found:
#
# $$q_i = x_i W_q + b_q, \qquad k_i = x_i W_k + b_k, \qquad v_i = x_i W_v + b_v.$$
#
# $X$ is $N \times d$; $W_q$ and $W_k$ are $d \times d_k$, $W_v$ is $d \times d_v$; $b_q$, $b_k$, $b_v$ are vectors that are added to every row. Queries and keys need the same width, because they are multiplied with each other; values may have another. The same three matrices serve all positions, so their number of parameters does not depend on $N$, and the $N$ equations per projection are one matrix product:

# %%
Q = X @ W_q + b_q
K = X @ W_k + b_k
V = X @ W_v + b_v

# %% tags=["hide-input"]
page.say(matrices({"X": X}))
page.say(matrices({"W_q": W_q, "W_k": W_k, "W_v": W_v}))
page.say(matrices({"b_q": b_q, "b_k": b_k, "b_v": b_v}))
page.say(matrices({"Q": Q, "K": K, "V": V}))
page.say(f"""
By hand, for *itself*, the last row: $x_4$ picks the second row of each matrix. $q_4$ is that of $W_q$ plus $b_q$, $({", ".join(f"{v:g}" for v in Q[3])})$; $k_4$ is $({", ".join(f"{v:g}" for v in K[3])})$ and $v_4$ is $({", ".join(f"{v:g}" for v in V[3])})$.

{told["attention_weight_vector"]}: with a weight *vector*, $q_i$ would be a single number ($d_k = 1$), and $q \\cdot k$ would be a plain product. $W_q$ is a matrix of {W_q.shape[0]} × {W_q.shape[1]} here.
The $N$ equations that the original writes out for each projection are right, and they share one $W$ and one $b$.
""")

# %% [markdown]
# ### Scaled dot-product attention. Explain how the model calculates attention scores using the query ($q_i$) and key ($k_j$) vectors, with the formula and the role of the square root of the key dimension ($d_k$).
#
# **Answer.** The logit $s_{ij}$ is the dot product of query $i$ with key $j$, large when they point the same way, divided by $\sqrt{d_k}$. For each query, the softmax turns its $N$ logits into weights that are positive and sum to one:
#
# $$s_{ij} = \frac{q_i \cdot k_j}{\sqrt{d_k}}, \qquad a_{ij} = \frac{e^{s_{ij}}}{\sum_{l=1}^{N} e^{s_{il}}}.$$
#
# The sum runs over the **keys** $l$ while the query $i$ stays. $S$ and $A$ are $N \times N$: row $i$ tells how token $i$ shares out its attention.

# %%
d_k = K.shape[-1]
S = Q @ K.T / math.sqrt(d_k)
A = torch.exp(S) / torch.exp(S).sum(dim=1, keepdim=True)

# %% tags=["hide-input"]
page.say(matrices({"Q K^\\top": Q @ K.T, "S": S}))
page.say(matrices({"A": A}, 3))
page.figure(
    charts.weights({"Logits $S$": S.numpy(), "Weights $A$": A.numpy()}, tokens),
    "attention-example",
    f"The worked example: a row is a query, a column a key. *Itself* looks at *{tokens[int(A[3].argmax())]}* with weight {two(A[3].max())}; every row of $A$ sums to one.",
    "Two heat maps of four by four numbers with the words the, cat, sees, itself on both axes: logits on the left, softmax weights on the right.",
)
exponentials = torch.exp(S[3])
page.say(f"""
By hand, for *itself*: the logits are $({", ".join(f"{v:g}" for v in S[3])})$, their exponentials {join_list([three(v) for v in exponentials])}, together {three(exponentials.sum())}; divided by that, the weights are {join_list([three(v) for v in A[3]])}.
""")

# %% tags=["hide-input"]
diagonal = torch.softmax(S.diagonal(), dim=0)
over_queries = torch.softmax(S, dim=0)
page.say(f"""
**The original's formula.**

- {told["attention_score"]}, by a wrong index. With $i$ on both sides a query meets only the key of its own position, and the sum runs over positions. In the example that gives {count(diagonal.numel(), "number")} ({join_list([two(v) for v in diagonal])}) in place of a
  matrix of {A.shape[0]} × {A.shape[1]}: no token ever looks at another. Reading $k_j$ but keeping the sum over $i$ normalises over the queries; then the rows of the example sum to {join_list([two(v) for v in over_queries.sum(dim=1)])}, and are no weights. The sum must run over the keys.
- {told["attention_every_key"]}, and at odds with the formula beside it.
- {told["attention_softmax_of_scores"]}: exponentials divided by their sum are a softmax, over the wrong index as said.
- {told["attention_product"]}: for whole sequences the keys must be transposed, $\\operatorname{{softmax}}(Q K^\\top / \\sqrt{{d_k}})\\, V$.
""")

# %% [markdown]
# #### Why the square root of $d_k$
#
# **Derivation.** Let the components of $q$ and $k$ be independent with mean 0 and variance 1. Each product $q_m k_m$ then has mean 0 and variance 1, and their sum over $d_k$ components has variance
#
# $$\operatorname{Var}(q \cdot k) = \sum_{m=1}^{d_k} \operatorname{Var}(q_m k_m) = d_k, \qquad \operatorname{Var}\left(\frac{q \cdot k}{\sqrt{d_k}}\right) = 1.$$
#
# Without the division, wider heads have larger logits. What that does to the softmax $a$ follows from its Jacobian,
#
# $$\frac{\partial a_j}{\partial s_l} = a_j (\delta_{jl} - a_l),$$
#
# which is zero as soon as one weight is 1 and the others are 0: then no gradient reaches queries and keys. How near it comes to that depends on the variance $\sigma^2$ of the logits. For many independent normal logits the entropy of the weights is $\ln N - \sigma^2/2$ up to $\sigma^2 = 2 \ln N$, where the largest logit takes all; this is the random energy model of [Derrida (1981)](https://doi.org/10.1103/PhysRevB.24.2613).

# %% tags=["hide-input"]
covered = {kind: 0 for kind in scaling.KINDS}
for kind in covered:
    rows_ = analysis.pick(softmaxes, kind, "variance")
    truth = np.ones(len(rows_)) if kind == "scaled" else rows_.index.to_numpy(dtype=float)
    covered[kind] = int(((rows_.low <= truth) & (truth <= rows_.high)).sum())
entropies = analysis.pick(softmaxes, "scaled", "entropy")["mean"]
raw_mean = analysis.pick(softmaxes, "raw", "jacobian_mean")["mean"]
steepness = float(np.polyfit(np.log(raw_mean.index[-3:]), np.log(raw_mean.iloc[-3:]), 1)[0])
threshold = analysis.freezing_variance(sizes.keys)
page.figure(
    charts.scaling(softmaxes, sizes.keys),
    "attention-scaling",
    f"The softmax over {sizes.keys} keys with and without the division by $\\sqrt{{d_k}}$: means over {count(sizes.scaling_seeds, 'seed')} of {count(sizes.queries, 'query', 'queries')} each, 95% intervals shaded (mostly narrower than the line). "
    f"Scaled, nothing depends on $d_k$; unscaled, {percent(at('raw', 'saturated')['mean'], 0)} of the queries look at one key only at $d_k = {widest}$.",
    "Four panels against d_k on a logarithmic axis. Unscaled logit variance rises along the diagonal, entropy falls towards zero, the median gradient falls by orders of magnitude, the share of saturated queries rises; all scaled curves are flat.",
)
shown_widths = [w for w in sizes.d_k if w in (4, 64, 256, 1024)]
cell = lambda kind, statistic, w: estimate(at(kind, statistic, w)["mean"], at(kind, statistic, w)["high"] - at(kind, statistic, w)["mean"])  # noqa: E731
page.table(
    pd.DataFrame(
        {
            "Quantity": [f"{title}, {name}" for title in ("variance", "entropy", "mean gradient", "median gradient") for name in ("q·k", "scaled")],
            **{
                f"dₖ = {w}": [
                    cell(kind, statistic, w)
                    for statistic in ("variance", "entropy", "jacobian_mean", "jacobian_median")
                    for kind in ("raw", "scaled")
                ]
                for w in shown_widths
            },
        }
    ),
    "attention-scaling",
    "Variance of the logits, mean entropy of the weights (nats) and Frobenius norm of the softmax's Jacobian (mean and median over queries), with 95% intervals over seeds.",
    align="l" + "r" * len(shown_widths),
)

# %% tags=["hide-input"]
first_low = next((w for w in sizes.d_k if at("raw", "jacobian_median", w)["mean"] < at("scaled", "jacobian_median", w)["mean"]), None)
higher = [w for w in sizes.d_k if at("raw", "jacobian_mean", w)["mean"] > at("scaled", "jacobian_mean", w)["mean"]]
start_variance = scaling.variance_at_start(256, 4, 0)
grows = at("raw", "gradient_mean")["mean"] > at("raw", "gradient_mean", min(sizes.d_k))["mean"]
page.say(f"""
**Where theory and measurement agree.** The variance of $q \\cdot k$ is $d_k$: the interval holds the theoretical value for {covered["raw"]} of {len(sizes.d_k)} widths without and {covered["scaled"]} of {len(sizes.d_k)} with scaling (at 95%, about one in twenty should miss).
Scaled, the entropy lies at {interval(entropies.min(), entropies.max())} nats for all widths; theory says {two(analysis.expected_entropy(1.0, sizes.keys))}. A fresh layer of `study.attention` fulfils the derivation's assumption well enough: its scaled logits start with variance {two(start_variance)}.

**Where they do not.**

- *The predicted collapse is gradual.* For {sizes.keys} keys theory puts it at $d_k = 2 \\ln {sizes.keys} \\approx {number(threshold, 1)}$. Measured, the entropy at $d_k = 16$ is still {two(at("raw", "entropy", 16)["mean"])} nats, and falls smoothly: the formula holds for $\\ln N \\gg 1$ only.
- *Moderate widths gain nothing.* {f"Up to $d_k = {max(higher)}$ the mean gradient of the unscaled softmax is larger than that of the scaled one: few competing keys give a steeper softmax than many equal ones." if higher else "At no width is the unscaled gradient the larger one."} {f"The median query loses from $d_k = {first_low}$ on." if first_low else ""}
- *The mean does not vanish as the median does.* From $d_k = {sizes.d_k[-3]}$ on, the mean gradient falls like $d_k^{{{number(steepness, 2)}}}$: the logits' spread grows like $\\sqrt{{d_k}}$, so a share of about $1/\\sqrt{{d_k}}$ of the queries keeps two keys in a near tie, and these carry the mean. For the others the gradient falls exponentially with the lead of the largest logit: the median is {scientific(at("raw", "jacobian_median")["mean"])} at $d_k = {widest}$.
  With regard to the query itself the chain rule multiplies by the keys: there the unscaled mean {"even grows" if grows else "falls"}, from {two(at("raw", "gradient_mean", min(sizes.d_k))["mean"])} to {two(at("raw", "gradient_mean")["mean"])}, while the median falls to {significant(at("raw", "gradient_median")["mean"], 2)}: a few queries get all of the gradient and most get none.

{told["attention_gradients"]}{" for most queries and wide keys" if frozen else ""}: at $d_k = {widest}$ the median gradient is {significant(at("raw", "jacobian_median")["mean"] / at("scaled", "jacobian_median")["mean"], 2)} times that of the scaled softmax, and {percent(at("raw", "saturated")["mean"], 0)} of the queries are saturated against {percent(at("scaled", "saturated")["mean"], 0)}.
The original names the effect without its cause, the variance $d_k$ of the dot product.
""")

# %% [markdown]
# ### Weighted sum. Describe how the calculated attention scores are used to weight the value vectors ($v_j$), with the formula.
#
# **Answer.** The result for token $i$ is the average of all values, each with its weight. Values of keys that match the query dominate, the others fade:
#
# $$c_i = \sum_{j=1}^{N} a_{ij} v_j, \qquad C = A V .$$
#
# $A$ is $N \times N$, $V$ is $N \times d_v$, $C$ is $N \times d_v$. Since the weights are positive and sum to one, each component of $c_i$ lies between the smallest and the largest of that component among the values: attention mixes what is there, and adds nothing of its own.

# %%
C = A @ V

# %% tags=["hide-input"]
terms = [f"{three(a)} \\cdot {v:g}" for a, v in zip(A[3], V[:, 1], strict=True)]
inside = bool(((V.amin(dim=0) <= C + 1e-6) & (C - 1e-6 <= V.amax(dim=0))).all())
if not inside:
    raise ValueError("a weighted sum lies outside of its values")
page.say(matrices({"C": C}, 3))
page.say(f"""
By hand, the second component for *itself*: ${" + ".join(terms)} = {three(C[3, 1])}$.

- {told["attention_sum"]}: right with one meaning of “Attention”, wrong with the other. Above, the original defines Attention as the softmax *times* $v$; put into this sum, the values would be multiplied twice. The factor must be the weight $a_{{ij}}$ alone.
- {told["attention_after_softmax"]} for the weight, which shows the first meaning was not intended; $j$ counts the keys and values.
""")

# %% [markdown]
# ### Optional output transformation. Explain the purpose of the optional final linear transformation ($W_o$) and bias term ($b_o$) in generating the latent representation $z$. How does this step potentially impact the final representation?
#
# **Answer.** $W_o$ mixes the heads. Joined side by side, each head fills components of its own; multiplied by $W_o$, each component of $z$ can add and subtract what all heads found, and the result has the model's width $d$ again, ready to be added to the residual stream. $b_o$ shifts all tokens alike:
#
# $$z_i = c_i W_o + b_o = \sum_{r=1}^{h} c_i^{(r)} W_o^{(r)} + b_o,$$
#
# where $c_i^{(r)}$, of width $d_v = d/h$, is the sum of head $r$ and $W_o^{(r)}$, of shape $d_v \times d$, its rows of $W_o$. In the example, with one head:

# %%
Z = C @ W_o + b_o

# %% tags=["hide-input"]
page.say(matrices({"W_o": W_o, "b_o": b_o}))
page.say(matrices({"Z": Z}, 3))

# %% [markdown]
# The four stages by hand and the module `SelfAttention` of this project, given the same weights (PyTorch's `nn.Linear` keeps $W^\top$):

# %%
module = SelfAttention(width=4, heads=1)
by_hand = {"query": (W_q, b_q), "key": (W_k, b_k), "value": (W_v, b_v), "output": (W_o, b_o)}
with torch.no_grad():
    for name, (W, b) in by_hand.items():
        getattr(module, name).weight.copy_(W.T)
        getattr(module, name).bias.copy_(b)
    z, weights = module(X[None], return_weights=True)

# %% tags=["hide-input"]
apart = max((z[0] - Z).abs().max().item(), (weights[0, 0] - A).abs().max().item())
if apart > 1e-5:
    raise ValueError(f"the worked example and the module differ by {apart}")
page.say(f"The largest difference between both, over all weights and outputs, is {scientific(apart) if apart else 'exactly zero'}.")

# %% [markdown]
# #### What $W_o$ and the biases can do, and what they cannot
#
# The formulas imply more than the assignment asks. With one head, $(A V) W_o = A (V W_o)$, so $W_o$ can be folded into $W_v$ and adds nothing. With several, head $r$ contributes through $W_v^{(r)} W_o^{(r)}$, a map of rank $d_v$ at most. Since weights sum to one, $b_v$ passes through every sum unchanged and $b_o$ can take its place. And $q_i \cdot b_k$ is the same for all keys, so that the softmax ignores $b_k$ altogether.

# %% tags=["hide-input"]
width, heads = 32, 4
head_ranks, joint_rank = identities.ranks(width, heads, 0)
checks = [
    ("Wₒ folded into Wᵥ, one head", "equal", identities.folded_output(width, 1, 0)),
    (f"Wₒ folded into Wᵥ, {heads} heads", "different", identities.folded_output(width, heads, 0)),
    ("bᵥ moved into bₒ", "equal", identities.value_bias(width, heads, 0)),
    ("bₖ set to zero", "equal", identities.key_bias(width, heads, 0)),
]
held = lambda expected, difference: (difference < 1e-9) == (expected == "equal")  # noqa: E731
page.table(
    pd.DataFrame(
        {
            "Change": [name for name, _, _ in checks],
            "Output by theory": [expected for _, expected, _ in checks],
            "Largest difference": [significant(d, 2) for _, _, d in checks],
            "Measured": ["as expected" if held(e, d) else "NOT as expected" for _, e, d in checks],
        }
    ),
    "attention-identities",
    f"Changes to a random layer (d = {width}, float64) and the largest difference in its output: {sum(held(e, d) for _, e, d in checks)} of {len(checks)} as the theory says.",
    align="llrl",
)
page.say(f"""
The maps $W_v^{{(r)}} W_o^{{(r)}}$ of the {heads} heads have the ranks {join_list([str(r) for r in head_ranks])}, where $d_v = {width // heads}$; side by side their rank is {joint_rank} of {width}. No head alone can hand on the whole of a token.

**A task that needs $W_o$.** Tokens are random numbers on a ring of {sizes.ring} places, and each is to become the difference of its neighbours, $y_i = x_{{i-1}} - x_{{i+1}}$. Weights are never negative, so a component that one head alone fills can follow one neighbour only: half of the variance. Two heads
whose results $W_o$ adds with signs can explain all of it, as far as the $d_k$ components of a head carry the token. One head with $W_o$ has exactly as many parameters as two: the gain is the mixing, not the size.
""")

# %% tags=["hide-input"]
reached = reach[(reach.explained - reach.expected).abs() < 0.02]
missed = reach.drop(reached.index)
others = mixed[mixed.variant != "two-heads-mixed"]
same_place = bool((missed.places == 1).all() and (reached.places == 2).all())
page.figure(
    charts.mixing(mixed),
    "attention-mixing",
    f"Share of the variance of the neighbours' difference that is explained on unseen tokens, one point a run ({count(sizes.mixing_seeds, 'seed')}). "
    f"Only two heads with $W_o$ exceed one half; {len(reached)} of {len(reach)} of those runs reach the theory's level (dashed).",
    "Points for three widths of token. Two heads with the output transformation lie high at the theoretical level or, in some runs, at one half; the two other variants all lie at one half.",
)
page.table(
    pd.DataFrame(
        {
            "Variant": [analysis.VARIANT_NAMES[v] for v, _ in mixed.groupby(["variant", "content"], sort=False).groups],
            "Components": [c for _, c in mixed.groupby(["variant", "content"], sort=False).groups],
            "dₖ": [int(g.d_k.iloc[0]) for _, g in mixed.groupby(["variant", "content"], sort=False)],
            "Parameters": [int(g.parameters.iloc[0]) for _, g in mixed.groupby(["variant", "content"], sort=False)],
            "Theory": [three(g.expected.iloc[0]) for _, g in mixed.groupby(["variant", "content"], sort=False)],
            "Best run": [three(g.explained.max()) for _, g in mixed.groupby(["variant", "content"], sort=False)],
            "Runs at the theory's level": [f"{int(((g.explained - g.expected).abs() < 0.02).sum())} of {len(g)}" for _, g in mixed.groupby(["variant", "content"], sort=False)],
        }
    ),
    "attention-mixing",
    "Share of variance explained against theory. The level of two heads with $W_o$ falls with the rank of a head: $d_k$ against the token's components.",
    align="lrrrrrr",
)
page.say(f"""
Theory says what can be reached, and training need not find it: {f"in {len(missed)} of {len(reach)} runs with two heads and $W_o$ the result stays at one half. " if len(missed) else "here every run finds it. "}{"In exactly these runs both heads look at the same neighbour, and $W_o$ has nothing to subtract." if len(missed) and same_place else ""}
No run without $W_o$, or with one head, exceeds {three(others.explained.max())}.

{told["attention_output"]}, but no answer: the original gives the formula and leaves the purpose and the impact open.

**Summary of question 1.** Queries, keys and values are three linear images of the tokens; the softmax over the keys of $q \\cdot k / \\sqrt{{d_k}}$ gives weights, and the weights average the values. Dividing by $\\sqrt{{d_k}}$ keeps the logits' variance at one for every width, and $W_o$ turns separate heads into one representation that can add and subtract what they found.
""")

# %% [markdown]
# ### Beyond the question: what follows from these formulas
#
# #### The order of the tokens does not matter, so positions must be told
#
# A permutation $P$ of the rows of $X$ permutes the rows of $Q$, $K$ and $V$, hence rows and columns of $S$ and $A$; in $A V$ the inner permutations cancel, and what comes out is the old result in the new order: $f(P X) = P f(X)$. On the example:

# %%
order = torch.tensor([3, 0, 2, 1])
with torch.no_grad():
    shuffled = module(X[None, order])[0]
    difference = (shuffled - Z[order]).abs().max().item()

# %% tags=["hide-input"]
plain, placed = identities.permutation(32, 4, 0), identities.permutation(32, 4, 0, positions=True)
page.say(f"""
For *{" ".join(tokens[i] for i in order)}* each word gets the vector it had before, up to {scientific(difference) if difference else "nothing"}; for random tokens in a layer of 4 heads (float64) the largest difference is {scientific(plain)}. To self-attention alone, “dog bites man” and “man bites dog” are the same.
Add a vector for each place to the tokens first, and the equality is gone: the largest difference is {two(placed)}. That is why transformers add positions to their tokens.
""")

# %% [markdown]
# #### Masks: who may be seen
#
# A mask sets logits to $-\infty$ before the softmax, so that the weight is exactly 0 and the rest still sums to one. **Padding** hides the filling tokens of short sequences from all; a **causal** mask hides the future, $j > i$. A query from which everything is hidden would have the weights $0/0$; `study.attention` refuses such a mask and says which row it is.

# %%
present = torch.tensor([True, True, True, False])
padded, padded_weights = scaled_dot_product(Q, K, V, mask=present.expand(4, 4))
causal, causal_weights = scaled_dot_product(Q, K, V, mask=causal_mask(4))

# %% tags=["hide-input"]
leak = identities.padding(32, 4, 0)
page.figure(
    charts.weights({"No mask": A.numpy(), "Padding: 4th token": padded_weights.numpy(), "Causal": causal_weights.numpy()}, tokens, height_cm=5.2),
    "attention-masks",
    f"The same weights under no mask, with the last token taken for padding, and under a causal mask: hidden weights are exactly 0, every row still sums to one. Under the causal mask *the* can only look at itself (weight {number(causal_weights[0, 0])}).",
    "Three heat maps of four by four weights: full, with the last column zero, and with zeros above the diagonal.",
)
page.say(f"""
What stands in the padding has no influence: replaced by other numbers, it changes the outputs of the tokens that are there {f"by {scientific(leak)} at most" if leak else "not in a single digit"}.
""")

# %% [markdown]
# #### Cost: $O(N^2 d)$ in time, and memory that depends on who computes it
#
# $Q K^\top$ and $A V$ take $2 N^2 d$ floating-point operations each (a multiply-add counted as two), over all heads; the four projections take $8 N d^2$ together. So attention outweighs the projections from $N = 2 d$ on. Kept for the backward pass, the weights take $4 h N^2$ bytes. PyTorch's fused kernel, `scaled_dot_product_attention`, computes them block by block and keeps none, as [FlashAttention (Dao et al., 2022)](https://arxiv.org/abs/2205.14135) does.

# %% tags=["hide-input"]
arrays = spent("explicit", "peak") / analysis.weights_bytes(longest, sizes.heads)
exponents = {m: analysis.exponent(costs, m, "forward") for m in recipes.COSTS}
peak_exponents = {m: analysis.exponent(costs, m, "peak") for m in ("explicit", "fused")}
page.figure(
    charts.cost(costs),
    "attention-cost",
    f"Time and peak memory against the number of tokens (d = {sizes.width}, {count(sizes.heads, 'head')}, one sequence, float32). At N = {longest:,} the fused kernel needs {percent(spent('fused', 'forward') / spent('explicit', 'forward'), 0)} of the time and {percent(spent('fused', 'peak') / spent('explicit', 'peak'), 1)} of the memory of explicit weights.",
    "Two panels on logarithmic axes. Left: time of explicit attention and of the fused kernel rises about quadratically, that of the linear maps linearly. Right: memory of explicit attention rises quadratically, that of the fused kernel and the maps linearly.",
)
page.table(
    pd.DataFrame(
        {
            "N": [f"{n:,}" for n in sizes.tokens],
            **{f"{analysis.COST_NAMES[m]}, ms": [significant(1e3 * spent(m, "forward", n)) for n in sizes.tokens] for m in recipes.COSTS},
            **{f"{analysis.COST_NAMES[m]}, MiB": [significant(spent(m, "peak", n) / 2**20) for n in sizes.tokens] for m in ("explicit", "fused")},
        }
    ),
    "attention-cost",
    "Forward pass (fastest of repeated runs, one thread) and peak memory of forward and backward together, from PyTorch's profiler.",
    align="r" * 7,
)
crossing = next((n for n in sizes.tokens if spent("fused", "forward", n) > spent("projections", "forward", n)), None)
excess = exponents["explicit"] - exponents["reused"] > 0.2
page.say(f"""
**Memory agrees with theory.** Explicit attention holds {two(arrays)} arrays of weights at its peak (the weights, their gradient and that of the logits), and grows as $N^{{{two(peak_exponents["explicit"])}}}$; the fused kernel grows as $N^{{{two(peak_exponents["fused"])}}}$. The $N^2$ in memory belongs to the implementation; the $N^2$ in time belongs to the mathematics.

**{"Time agrees once memory is reused." if abs(exponents["reused"] - 2) < 0.25 else "Time does not quite follow the operations."}** Over the last three lengths, explicit attention grows as $N^{{{two(exponents["explicit"])}}}$, the fused kernel as $N^{{{two(exponents["fused"])}}}$ and the projections as $N^{{{two(exponents["projections"])}}}$, where counting operations says 2, 2 and 1.
The same explicit operations, in buffers made beforehand, grow as $N^{{{two(exponents["reused"])}}}$. {f"So the excess is not arithmetic: at N = {longest:,} one array of weights takes {number(analysis.weights_bytes(longest, sizes.heads) / 2**20)} MiB, and asking the operating system for such arrays anew in every call, page by page, costs {percent(1 - spent('reused', 'forward') / spent('explicit', 'forward'), 0)} of the time." if excess else "Asking for memory anew in every call costs little here."}
{f"The fused kernel takes longer than the projections from N = {crossing:,} on, {'as the operations say' if crossing == 2 * sizes.width else f'where operations alone say from N = {2 * sizes.width:,} on'}." if crossing else "The fused kernel takes less time than the projections at every length measured."}
""")

# %% [markdown]
# #### The module, and whether it is the same function as PyTorch's
#
# This is the attention that Part IV and the Vision Transformer use. Asked for weights, or with weights to drop, it takes the four stages one by one; otherwise it calls the fused kernel.

# %% tags=["hide-input"]
page.code(scaled_dot_product, SelfAttention)

# %% tags=["hide-input"]
largest = float(agreement[["output", "gradient"]].to_numpy().max())
page.table(
    pd.DataFrame(
        {
            "PyTorch's function": agreement.reference,
            "B": agreement.batch,
            "N": agreement.tokens,
            "d": agreement.width,
            "h": agreement.heads,
            "Output": [scientific(v) if v else "0" for v in agreement.output],
            "Gradient": [scientific(v) if v else "0" for v in agreement.gradient],
        }
    ),
    "attention-agreement",
    f"Largest absolute differences of `study.attention` from PyTorch's own functions, float32, with random padding: {'all within' if largest <= 1e-5 else 'NOT all within'} the tolerance of 10⁻⁵.",
    align="lrrrrrr",
)

# %% [markdown]
# ## Question 2. Draw the computational graph that depicts the flow of data through the self-attention mechanism. Include all the transformations mentioned in Question 1.
#
# **Answer.** The figure is read off the module: `torch.export` runs it once and records every operation with the shape of its result. The colours are the four stages of question 1, found from the structure: what comes before the first product, from there to the softmax, from the softmax to the joined heads, and the map after that.

# %%
letters = {2: "B", 7: "N", 12: "d", 3: "h", 4: "d_k"}
attention, x = SelfAttention(width=12, heads=3), torch.randn(2, 7, 12)
traced = graph.trace(attention, x, ["z", "weights A"], return_weights=True)

# %% tags=["hide-input"]
operations = [node for node in traced.values() if node.kind == "operation"]
page.figure(
    graph.draw(traced, letters, height_cm=16.5),
    "attention-graph",
    f"Computational graph of multi-head self-attention, from the tokens $x$ to the latent representation $z$: {count(len(operations), 'operation')}, with the shape of what flows on every edge and parameters in dashed boxes. $B$ sequences, $N$ tokens, width $d$, $h$ heads, $d_k = d/h$; `nn.Linear` keeps $W^\\top$.",
    "Flow chart from top to bottom: x goes into three linear maps with weights and biases; queries and keys are split into heads and multiplied, divided by the root of d_k, put through a softmax; the weights multiply the values; heads are joined and go through the output map to z.",
)

# %% [markdown]
# Because the figure follows the module, another module gives another figure. Below are one head without biases and without output transformation, under a causal mask:

# %%
small = SelfAttention(width=12, heads=1, bias=False, output=False)
masked = graph.trace(small, x, ["z", "weights A"], return_weights=True, mask=causal_mask(7))

# %% tags=["hide-input"]
page.figure(
    graph.draw(masked, {2: "B", 7: "N", 12: "d"}, height_cm=14),
    "attention-graph-masked",
    f"The graph of one head without biases and $W_o$, with a mask: {count(sum(n.kind == 'parameter' for n in masked.values()), 'parameter')} in place of {sum(n.kind == 'parameter' for n in traced.values())}, no fourth stage, and the mask joins before the softmax.",
    "Flow chart as before with three weight matrices only, a mask entering from the right before the softmax, and no output map.",
)
page.say(f"""
**Summary of question 2.** Data flow from $x$ through three parallel linear maps; queries and keys meet in a product, a division and a softmax, whose weights meet the values in a second product, and the joined heads go through $W_o$ and $b_o$ to $z$. Of the {count(sum(n.kind == "parameter" for n in traced.values()), "parameter array")} all belong to the linear maps: attention itself learns nothing, it only compares and averages.
""")
total = sum(r.provenance["wall_seconds"] for r in records)
page.say(f"The {count(len(records), 'run')} behind this chapter took {duration(total)}; `make reproduce` makes them anew and compares all but the times.")
