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
#
# In *cat sees itself* the last word has no meaning of its own: it points to the first. Self-attention, the core of the transformer ([Vaswani et al. 2017](#vaswani2017attention)), lets every token of a sequence fetch what it lacks from the others. It works like looking something up. A token poses a question, its *query*; every token has a label by which it is found, its *key*, and a content that it hands over, its *value*. A dictionary returns the value of the one key that fits. Self-attention returns an average of all values, in which a value counts the more, the better its key fits the query.

# %% tags=["parameters"]
profile = "full"

# %% tags=["setup"]
import inspect
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from study.notebook import Page, count, holds, number, percent, significant
from study.theory import charts, graph, lab, tables, vectors

page = Page.of(profile)
measured = lab.Measured(profile)

# %% [markdown]
# ## Self-attention in four steps
#
# > *Break down the mathematical operations involved in self-attention. Explain how the input sequence $x = (x_1, x_2, \dots, x_N)$ is processed through these stages:*
#
# **Answer.** The $N$ tokens are the rows of a matrix $X$. Three linear maps make queries, keys and values of it; their scaled products become weights by a softmax over the keys; the weights average the values; and a last linear map gives the representation $Z$:
#
# $$\begin{aligned} &Q = X W_q + b_q, \quad K = X W_k + b_k, \quad V = X W_v + b_v, \\ &S = Q K^\top / \sqrt{d_k}, \quad A = \operatorname{softmax}(S), \quad C = A V, \quad Z = C W_o + b_o . \end{aligned}$$
#
# | Symbol | Shape | Row $i$ holds |
# |:--|:--|:--|
# | $X$ | $N \times d$ | token $x_i$, $d$ numbers |
# | $Q$, $K$ | $N \times d_k$ | query $q_i$ and key $k_i$ of token $i$ |
# | $V$ | $N \times d_v$ | value $v_i$ of token $i$ |
# | $S$, $A$ | $N \times N$ | scores $s_{ij}$ and weights $a_{ij}$ of query $i$ for every key $j$ |
# | $C$ | $N \times d_v$ | weighted sum $c_i$ |
# | $Z$ | $N \times d$ | latent representation $z_i$ |
# | $W_q$, $W_k$, $W_v$ | $d \times d_k$, $d \times d_k$, $d \times d_v$ | |
# | $W_o$ | $d_v \times d$ | |
#
# $N$ is the number of tokens, $d$ their width, $d_k$ the width of queries and keys, $d_v$ that of values. The biases are rows as long as what they are added to. The assignment calls the result $z$; the original used $z$ for the weighted sum and $o$ for the result.
#
# The four steps follow on three tokens of width $d = 4$, with $d_k = d_v = 2$. The columns of $X$ stand for *thing*, *action*, *living* and *points back*. The weights are chosen by hand; a model learns them. The sentences below speak of this example.

# %%
tokens, meanings = ["cat", "sees", "itself"], ["thing", "action", "living", "points back"]
X = torch.tensor([[1.0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
W_q, b_q = torch.tensor([[0.0, 1], [1, 0], [0, 0], [2, 0]]), torch.tensor([0.0, 1])
W_k, b_k = torch.tensor([[0.0, 0], [0, 1], [1, 0], [0, 0]]), torch.tensor([1.0, 0])
W_v, b_v = torch.tensor([[1.0, 0], [0, 2], [1, 0], [0, 0]]), torch.tensor([0.0, 1])
W_o, b_o = torch.tensor([[1.0, 0, 1, 0], [0, 1, 0, 0]]), torch.tensor([0.0, -1, 0, 0])

# %% [markdown]
# ### Linear transformations
#
# > *Linear transformations. Describe how three linear transformations project the input sequence into:*
# >
# > *Query ($q$): this vector plays the role of “asking questions” about the sequence elements. Key ($k$): this vector helps determine which elements in the sequence are relevant for answering the queries. Value ($v$): this vector contains the actual information from each element in the sequence. Briefly explain how these transformations are typically performed using weight matrices (denoted by $W_q$, $W_k$, and $W_v$) and bias vectors (optional).*
#
# **Answer.** Each token is multiplied by three learnt matrices, and a learnt bias vector may be added:
#
# $$q_i = x_i W_q + b_q, \qquad k_i = x_i W_k + b_k, \qquad v_i = x_i W_v + b_v .$$
#
# $W_q$ and $W_k$ are $d \times d_k$, because queries and keys will be multiplied with each other; $W_v$ is $d \times d_v$. All positions share the same matrices, so the number of parameters does not depend on $N$, and all $N$ equations are one matrix product:

# %%
Q = X @ W_q + b_q
K = X @ W_k + b_k
V = X @ W_v + b_v

# %% [markdown]
# The two components of queries and keys stand for *living* and *action*, those of values for *living thing* and *action*. Take *itself*. Its query {eval}`lab.vector(Q[2])` asks for something living, half as loudly for an action ([Figure](#attention-projections)). The key of *cat*, {eval}`lab.vector(K[0])`, answers to *living* more than any other does; its value {eval}`lab.vector(V[0])` says that it is a living thing. Its 1 for *action* is the bias $b_v$, which all values share; $b_k$ likewise gives all keys 1 for *living*. What becomes of both stands below, under the output transformation.

# %% tags=["hide-input"]
# What the columns stand for
asked, held = ["living", "action"], ["living thing", "action"]
columns = {"$X$": meanings, "$Q$": asked, "$K$": asked, "$V$": held, "$C$": held, "$Z$": meanings}
page.figure(
    charts.matrices({"$X$": X, "$Q$": Q, "$K$": K, "$V$": V}, tokens, columns, height_cm=3.3),
    "attention-projections",
    "Step 1 of the example: each row of $X$ gives one row of $Q$, $K$ and $V$. Compare the query of *itself* with the key of *cat*.",
    "Four small matrices of numbers with rows cat, sees, itself.",
)

# %% [markdown]
# ### Scaled dot-product attention
#
# > *Scaled dot-product attention. Explain how the model calculates attention scores using the query ($q_i$) and key ($k_j$) vectors. Include the formula for this step and discuss the role of the square root of the key vector dimension ($d_k$) in the normalization process.*
#
# **Answer.** The score $s_{ij}$ is the dot product of query $i$ and key $j$ over $\sqrt{d_k}$; it is large when both are long and point the same way. For each query, a softmax over the keys $j$ turns the scores into weights that are positive and sum to one:
#
# $$s_{ij} = \frac{q_i \cdot k_j}{\sqrt{d_k}}, \qquad a_{ij} = \frac{e^{s_{ij}}}{\sum_{l=1}^{N} e^{s_{il}}} .$$
#
# If the components of queries and keys are independent, with mean 0 and variance 1, the division keeps the scores' variance at one, whatever $d_k$ is. Without it wide heads would have large scores, the softmax would put nearly all weight on one key, and its gradient would nearly vanish.

# %%
d_k = K.shape[1]
S = Q @ K.T / math.sqrt(d_k)
A = torch.softmax(S, dim=1)  # over the keys: every row sums to one

# %% tags=["hide-input"]
# The weights of the last query, step by step
exponentials = torch.exp(S[2])
most = tokens[int(A[2].argmax())]

# %% [markdown]
# For *itself* the dot products with the three keys are {eval}`lab.vector(Q[2] @ K.T)`, the scores {eval}`lab.vector(S[2], 2)`, their exponentials {eval}`lab.vector(exponentials, 2)` with the sum {eval}`number(exponentials.sum(), 2)`, and the weights {eval}`lab.vector(A[2], 3)`. It looks at *cat* most {eval}`holds(most, "=", "cat")`.
#
# **Try it.** Give the last row of `W_q` the numbers `[0, 2]` and run the cells from there to this one, the collapsed ones, too: which token does *itself* look at now? Then put `dim=0` into the softmax, run its cell, and look at `A.sum(dim=1)` in a new one. Take both changes back and run the cells once more.

# %% [markdown] tags=["answer"]
# **Answer: another query.**
# The query of *itself* becomes $(0, 3)$ and asks for an action alone. Only the key of *sees* has one, so *itself* looks at *sees*. The check above then shows “not so here”, because the text was written for the other weights. With `dim=0` the columns sum to one and the rows do not: each key shares itself out among the queries, and what a token collects is no average any more.

# %% [markdown]
# #### Why the square root
#
# Let the components of $q$ and $k$ be independent, with mean 0 and variance 1. Then
#
# $$\begin{aligned} \operatorname{Var}(q_m k_m) &= \operatorname{E}[q_m^2] \operatorname{E}[k_m^2] - (\operatorname{E}[q_m] \operatorname{E}[k_m])^2 = 1, \\ \operatorname{Var}(q \cdot k) &= \sum_{m=1}^{d_k} \operatorname{Var}(q_m k_m) = d_k, \\ \operatorname{Var}\left(q \cdot k / \sqrt{d_k}\right) &= d_k / d_k = 1 . \end{aligned}$$

# %%
width = 256
q, k = np.random.default_rng(0).normal(size=(2, 10_000, width))
dots = (q * k).sum(axis=1)
print(f"variance of q·k: {dots.var():.0f}, divided by √d_k: {(dots / math.sqrt(width)).var():.2f}")

# %% [markdown]
# What large scores do to learning follows from the derivative of the softmax, $\partial a_j / \partial s_l = a_j (\delta_{jl} - a_l)$, where $\delta_{jl}$ is 1 for $j = l$ and otherwise 0. When one weight is 1 and the others are 0, all these derivatives are 0, and no gradient reaches queries and keys.

# %% tags=["hide-input"]
# The softmax with and without the division
sizes = measured.profile.part3
widest = max(sizes.d_k)
softmaxes = tables.softmax(measured.records)
medians = softmaxes["median"]
unscaled, scaled = medians["raw"].unstack("statistic"), medians["scaled"].unstack("statistic")
chained = scaled.filter(like="jacobian").div(np.sqrt(scaled.index), axis=0)  # by q·k, not by the score
slope, slope_chained = unscaled.jacobian_median, chained.jacobian_median
narrow, middling = (
    max(slope.index[slope > other], default=0) for other in (scaled.jacobian_median, slope_chained)
)
rest = slope_chained[widest] / slope[widest]

# %% [markdown]
# Random queries and keys show the effect ([Figure](#attention-scaling)). At $d_k =$ {eval}`widest` the unscaled scores have a variance of {eval}`number(unscaled.variance[widest])` {eval}`holds(unscaled.variance[widest], "about", widest, within=0.1 * widest)`, and {eval}`percent(unscaled.saturated[widest], 0)` of the queries give more than 99% of their weight to one key {eval}`holds(unscaled.saturated[widest], ">", 0.5)`. The median norm of the softmax's Jacobian, the matrix of these derivatives, is {eval}`significant(unscaled.jacobian_median[widest], 2)`, against {eval}`significant(scaled.jacobian_median[widest], 2)` with the division {eval}`holds(unscaled.jacobian_median[widest], "<", 0.1 * scaled.jacobian_median[widest])`.
#
# The argument has limits. Up to $d_k =$ {eval}`int(narrow)` the unscaled norm is the larger one {eval}`holds((slope > scaled.jacobian_median).loc[:narrow].all(), "=", True)`, so with such random inputs narrow heads gain nothing. The division also costs gradient: it reaches queries and keys through $q \cdot k / \sqrt{d_k}$, and the chain rule adds a factor $1 / \sqrt{d_k}$. With it the scaled median at $d_k =$ {eval}`widest` is {eval}`significant(slope_chained[widest], 2)`, still {eval}`number(rest)` times the unscaled one {eval}`holds(rest, ">", 10)`, but up to $d_k =$ {eval}`int(middling)` it is smaller {eval}`holds((slope > slope_chained).loc[:middling].all(), "=", True)`. And the unscaled *mean* at $d_k =$ {eval}`widest` is {eval}`significant(unscaled.jacobian_mean[widest], 2)`, more than the scaled one with that factor, {eval}`significant(chained.jacobian_mean[widest], 2)` {eval}`holds(unscaled.jacobian_mean[widest], ">", chained.jacobian_mean[widest])`: a few queries whose two best keys nearly tie carry it. So the division keeps most queries of a wide head learning; it does not make gradients larger on average.

# %% tags=["hide-input"]
page.figure(
    charts.scaling(softmaxes),
    "attention-scaling",
    f"The softmax over {sizes.keys} keys with and without the division, for random queries: median and range of {count(sizes.scaling_seeds, 'seed')} with {sizes.queries} queries each. The gradient is the Frobenius norm (root of the sum of squares) of the softmax's Jacobian, its median over queries; a query is on one key if that has more than 99% of its weight. Compare the two curves as $d_k$ grows.",
    "Three panels against d_k: unscaled, the variance rises, more queries look at one key and the gradient falls; scaled, all stay level.",
)

# %% [markdown]
# ### Weighted sum
#
# > *Weighted sum. Describe how the calculated attention scores are used to weight the value vectors ($v_j$). Essentially, this step focuses on the relevant elements in the sequence based on the attention scores. Explain the mathematical formula for this weighted sum.*
#
# **Answer.** The result for token $i$ is the average of all values, each taken with its weight. Values whose keys fit the query dominate, the others fade:
#
# $$c_i = \sum_{j=1}^{N} a_{ij} v_j, \qquad C = A V .$$
#
# Since the weights are positive and sum to one, each component of $c_i$ lies between the smallest and the largest of that component among the values. Attention selects and mixes; it adds no content beyond the values.


# %%
def attend(q, k, v):
    """Steps 2 and 3: queries and keys (N, d_k), values (N, d_v) -> weighted sums (N, d_v)."""
    return torch.softmax(q @ k.T / math.sqrt(k.shape[1]), dim=1) @ v


C = A @ V

# %% tags=["hide-input"]
# PyTorch's function on the example
theirs_at_once = functional.scaled_dot_product_attention(Q, K, V)
apart = max((C - theirs_at_once).abs().max().item(), (C - attend(Q, K, V)).abs().max().item())
terms = " + ".join(f"{number(a, 3)} · {number(v)}" for a, v in zip(A[2], V[:, 0], strict=True))

# %% [markdown]
# For *itself* the first component is {eval}`terms` = {eval}`number(C[2, 0], 3)`. PyTorch's `scaled_dot_product_attention`, which takes steps 2 and 3 at once like `attend`, gives the same $C$ {eval}`holds(round(apart, 5), "=", 0)`.
#
# ### Output transformation
#
# > *Optional output transformation: Explain the purpose of the optional final linear transformation ($W_o$) and bias term ($b_o$) in generating the latent representation $z$. How does this step potentially impact the final representation?*
#
# **Answer.** $W_o$ brings the weighted sums back to the width $d$ of the tokens and mixes the heads. Each of $h$ heads has its own $W_q$, $W_k$, $W_v$, usually of width $d_k = d_v = d / h$, and fills its own components; after $W_o$, every component of $z_i$ can add and subtract what all heads found. $b_o$ shifts all tokens alike:
#
# $$z_i = \left[c_i^{(1)}, \dots, c_i^{(h)}\right] W_o + b_o = \sum_{r=1}^{h} c_i^{(r)} W_o^{(r)} + b_o,$$
#
# where $c_i^{(r)}$ is the weighted sum of head $r$ and $W_o^{(r)}$, of shape $d_v \times d$, the rows of $W_o$ that belong to it; $W_o$ as a whole is then $h d_v \times d$. In the example, with one head:

# %%
Z = C @ W_o + b_o

# %% [markdown]
# At the input, the row of *itself* says only that it points back. In $Z$ its row is mostly a living thing ([Figure](#attention-example)): the columns *thing* and *living* hold {eval}`number(Z[2, 0], 2)` and {eval}`number(Z[2, 2], 2)`, all of it fetched from *cat* {eval}`holds((A[2, 0] * V[0, 0]).item(), "about", Z[2, 0].item(), within=1e-6)`. The column *action* holds {eval}`number(Z[2, 1], 2)`, fetched from *sees* {eval}`holds((A[2, 1] * (V[1, 1] - b_v[1])).item(), "about", Z[2, 1].item(), within=1e-6)`.

# %% tags=["hide-input"]
page.figure(
    charts.matrices({"$S$": S, "$A$": A, "$C$": C, "$Z$": Z}, tokens, columns, height_cm=3.1),
    "attention-example",
    "Steps 2 to 4 of the example: scores, weights, weighted sums and result. Follow the last row, *itself*, from left to right.",
    "Four small matrices of numbers: scores, weights, weighted sums, output.",
)

# %% [markdown]
# Several heads are the same steps side by side. With the weights of a new `nn.MultiheadAttention` of two heads:

# %%
torch.manual_seed(0)
theirs = nn.MultiheadAttention(embed_dim=4, num_heads=2)
nn.init.normal_(theirs.in_proj_bias)  # zero at first
joined = X @ theirs.in_proj_weight.T + theirs.in_proj_bias  # Q, K and V of both heads
q, k, v = joined.chunk(3, dim=1)  # (3, 4) each
heads = [part.chunk(theirs.num_heads, dim=1) for part in (q, k, v)]  # two columns a head
sums = [attend(*head) for head in zip(*heads, strict=True)]
ours = torch.cat(sums, dim=1) @ theirs.out_proj.weight.T + theirs.out_proj.bias

# %% tags=["hide-input"]
# The difference from PyTorch's module
multihead_apart = (ours - theirs(X, X, X)[0]).abs().max().item()

# %% [markdown]
# PyTorch's module gives the same output {eval}`holds(round(multihead_apart, 5), "=", 0)`.
#
# What the last step adds depends on the number of heads. With one head $(A V) W_o = A (V W_o)$, so that $W_o$ could be part of $W_v$; there the step is optional. Two of the biases are redundant: $b_k$ adds $q_i \cdot b_k$ to all scores of a query, which the softmax ignores, and $b_v$ passes through every average unchanged, so that $b_o$ can hold it:

# %%
same = {
    "W_o within W_v": A @ (V @ W_o) + b_o,
    "b_k left out": attend(Q, K - b_k, V) @ W_o + b_o,
    "b_v within b_o": attend(Q, K, V - b_v) @ W_o + (b_v @ W_o + b_o),
}

# %% [markdown]
# In the example each of the three changes leaves $Z$ as it was {eval}`holds(all(torch.allclose(one, Z) for one in same.values()), "=", True)`.
#
# #### A task that needs the last step

# %% tags=["hide-input"]
# Sizes of the task
content, steps = min(sizes.content), sizes.steps

# %% [markdown]
# Eight tokens lie on a ring. Each holds {eval}`int(content)` random numbers $x_i$ and, beside them, its place as a one-hot vector, and each is to be replaced by the difference of its two neighbours, $y_i = x_{i-1} - x_{i+1}$. A head's weights are not negative and sum to one. If they depend on the places alone, a component that one head fills is an average of values, the same function of each: it can follow one neighbour, which contributes half of the variance of $y_i$, but not subtract the other. The sum over two heads can, if one of them has the opposite sign, in $W_v$ or $W_o$. Half is the limit of weights by place, not of attention: weights that depend on the numbers can do more, and one head can be built that comes near the difference (`tests/with_torch/test_part3.py` builds it).

# %% tags=["hide-input"]
# Trainings with and without the last step
mixed = tables.mixing(measured.records)
subtracting, others = (mixed[(mixed.variant == "two-heads-mixed") == with_both] for with_both in (True, False))
stuck = subtracting[subtracting.explained < 0.52]
page.table(
    lab.mixing_table(mixed),
    "attention-mixing",
    f"Share of the variance of the neighbours' difference that trained layers explain on unseen tokens: the best of {count(len(subtracting), 'training')} of each layer, each of {steps} steps of Adam.",
    align="lrrrr",
)

# %% [markdown]
# The trainings agree ([Table](#attention-mixing)). Two heads with $W_o$ explain up to {eval}`percent(subtracting.explained.max())` {eval}`holds(subtracting.explained.max(), ">", 0.98)`; without $W_o$, or with one head, none of {eval}`len(others)` trainings exceeds {eval}`percent(others.explained.max())` {eval}`holds(others.explained.max(), "<", 0.52)`, though their weights may depend on the numbers. One head with $W_o$ has as many parameters as two: adding the heads makes the difference, not the size. Training does not always find what the layer can do: {eval}`len(stuck)` of {eval}`len(subtracting)` trainings of the winning layer stay at one half {eval}`holds(len(stuck), "=", (~subtracting.reached).sum())`, because both heads look at the same neighbour {eval}`holds((stuck.places == 1).sum(), "=", len(stuck))`.

# %% [markdown]
# ## Computational graph
#
# > *Draw the computational graph that depicts the flow of data through the self-attention mechanism. Include all the transformations mentioned in Question 1.*
#
# **Answer.** [The graph](#attention-graph) shows all four steps for a batch of $B$ sequences and $h$ heads, with the shape of what flows along each arrow. It is not drawn by hand: `torch.export` runs `SelfAttention`, the module that Part IV and the Vision Transformer use, and records every operation. Its code stands in `study/attention.py`.

# %%
from study.attention import SelfAttention

attention, x = SelfAttention(width=12, heads=3), torch.randn(5, 7, 12)
traced = graph.trace(attention, x, ["Z", "A"], return_weights=True)
letters = {12 // attention.heads: "d_k", attention.heads: "h", 5: "B", 7: "N", 12: "d"}  # sizes

# %% tags=["hide-cell"]
# The forward pass of the module
print(inspect.getsource(SelfAttention.forward))

# %% tags=["hide-input"]
page.figure(
    graph.draw(traced, letters, height_cm=10.3),
    "attention-graph",
    "Computational graph of self-attention, from the tokens $X$ to the representation $Z$. Parameters (dashed boxes) belong to the linear maps alone. $W_q$, $W_k$ and $W_v$ hold those of all $h$ heads side by side, $d = h d_k$.",
    "Flow chart: X through three linear maps to Q, K, V; product, division and softmax to S and A; product with V to C; output map to Z.",
)
agreement = tables.agreement(measured.records)
furthest = agreement[["output", "gradient"]].to_numpy().max()

# %% [markdown]
# Attention itself has no parameters: it only compares and averages. The module is the same function as PyTorch's own: in {eval}`len(agreement)` comparisons with random padding, outputs and gradients differ by {eval}`significant(furthest, 2)` at most, in absolute terms {eval}`holds(furthest, "<=", 1e-5)`.
#
# **Try it.** The picture follows the module. Put `SelfAttention(width=12, heads=1, bias=False, output=False)` into the cell that traces it, and run that cell and the collapsed one that draws: which boxes go, and which stay though one head has nothing to split? Take the change back and run both again.

# %% [markdown] tags=["answer"]
# **Answer: another graph.**
# The four biases, $W_o$ and the whole fourth step go; five dashed boxes vanish, three stay. The boxes that split and join the heads stay, because the module rearranges its arrays for one head as for many.

# %% [markdown]
# ## What follows from the formulas
#
# ### Order and masks
#
# Reorder the rows of $X$, and the rows of $Z$ are reordered alike: nothing in the formulas knows a token's place.

# %%
order = torch.tensor([3, 0, 2, 6, 1, 5, 4])
moved = (attention(x[:, order]) - attention(x)[:, order]).abs().max().item()

# %% [markdown]
# `attention(x[:, order])` and `attention(x)[:, order]` agree to five decimals {eval}`holds(round(moved, 5), "=", 0)`. From self-attention alone each word gets the same vector in *dog bites man* and in *man bites dog*. The transformer therefore adds a vector for the position to every token.
#
# A mask says which keys a query may see. It sets the hidden scores to $-\infty$ before the softmax, so that their weights are exactly 0 and the rest still sums to one. A *causal* mask hides the future, a *padding* mask the tokens that only fill up a short sequence:

# %%
n = len(tokens)
future = torch.ones(n, n, dtype=torch.bool).triu(diagonal=1)
filling = torch.arange(n) == n - 1  # the last token
causal = S.masked_fill(future, -math.inf).softmax(dim=1)
padded = S.masked_fill(filling, -math.inf).softmax(dim=1)

# %% [markdown]
# The keys that remain visible keep the proportions of their weights; under the causal mask the first token, *cat*, attends to its own value alone ([Figure](#attention-masks)).

# %% tags=["hide-input"]
page.figure(
    charts.matrices({"$A$, no mask": A, "causal": causal, "padding: last token": padded}, tokens, height_cm=2.5),
    "attention-masks",
    "The example's weights without and with a mask. Compare what is left in each row; it sums to one.",
    "Three matrices of weights: full, zero above the diagonal, last column zero.",
)

# %% [markdown]
# ### Cost
#
# $Q K^\top$ and $A V$ take $2 N^2 d$ floating-point operations each, the four linear maps $8 N d^2$ together. Doubling $N$ should therefore multiply the time of the former by four and of the latter by two. Memory depends on the program: explicit weights take $4 h N^2$ bytes, while a fused kernel computes them block by block and keeps none ([Dao et al. 2022](#dao2022flashattention)).

# %% tags=["hide-input"]
# Cost by the number of tokens, and verdicts
costs, longest = tables.cost(measured.records), max(sizes.tokens)
growth = lab.growth(costs.forward)
explicit, kernel = costs.loc[("explicit", longest)], costs.loc[("fused", longest)]
arrays = explicit.peak / (4 * sizes.heads * longest**2)
verdict = measured.verdicts()
statuses = list(verdict.values())

# %% [markdown]
# From half the longest sequence to the longest, $N =$ {eval}`number(longest)`, the time of a forward pass grows {eval}`number(growth["explicit"], 1)`-fold with explicit weights, {eval}`number(growth["fused"], 1)`-fold with the fused kernel and {eval}`number(growth["projections"], 1)`-fold for the linear maps, as counted {eval}`holds(growth["explicit"], "about", 4, within=0.5)`{eval}`holds(growth["fused"], "about", 4, within=0.5)`{eval}`holds(growth["projections"], "about", 2, within=0.5)` ([Figure](#attention-cost)). At the longest the kernel's forward pass takes {eval}`percent(kernel.forward / explicit.forward, 0)` of the time with explicit weights. In training, forward and backward, explicit weights hold {eval}`number(arrays)` arrays of $h N^2$ numbers at once {eval}`holds(arrays, "about", 3, within=0.2)`, and the kernel's memory peaks at {eval}`percent(kernel.peak / explicit.peak)` of that {eval}`holds(kernel.peak, "<", 0.05 * explicit.peak)`.

# %% tags=["hide-input"]
page.figure(
    charts.cost(costs),
    "attention-cost",
    f"Time and memory against the number of tokens, one sequence, $d = {sizes.width}$, {count(sizes.heads, 'head')}, float32, one thread. A line twice as steep as that of the linear maps grows with $N^2$.",
    "Two panels with logarithmic axes; explicit attention rises steepest in both.",
)

# %% [markdown]
# **Vectors of your own.** Without learnt maps, with $Q = K = X$, tokens attend to vectors that point their way; in the example each looks at itself most {eval}`holds(((X @ X.T).argmax(dim=1) == torch.arange(n)).all().item(), "=", True)`. A cell of the notebook takes yours.

# %% tags=["hide-cell"]
# Weights without learnt maps
words, given = tokens, X  # or vectors.read("mine.csv")
A_given = torch.softmax(given @ given.T / math.sqrt(given.shape[1]), dim=1)
charts.matrices({"$A$": A_given}, words, height_cm=2.7)

# %% [markdown]
# ## The original's formulas
#
# The original takes the same four steps, names no purpose of $W_o$ and $b_o$, and its graph is missing in our copy. Of its {eval}`len(verdict)` statements {eval}`statuses.count("confirmed")` are confirmed and {eval}`statuses.count("partly confirmed")` in part {eval}`holds(len(set(statuses)), "=", 2)`. We comment on three; the scorecard has all.
#
# - *“Query (q) will have its own weight vector w_q”* — **{eval}`verdict["attention_weight_vector"]`.** With a vector every query would be a single number. $W_q$ is a matrix.
# - *“Score(q_i, k_i) = exp(q_i·k_i / √d_k) / Σ_i exp(q_i·k_i / √d_k)”* — **{eval}`verdict["attention_score"]`.** As printed, with $i$ everywhere, a query meets only the key of its own position, which is no attention. With $j$ for the key and the sum over $j$, which the text beside it suggests, it is the normalised weight.
# - *“It is used to prevent from having extremely small gradients in softmax.”* — **{eval}`verdict["attention_gradients"]`**: it does in wide heads ([Figure](#attention-scaling)). The cause, the variance of the dot product, is not named.

# %% [markdown] tags=["summary"]
# ## Summary
#
# Self-attention compares queries with keys, turns the scores into weights by a softmax over the keys, and averages the values with them. Dividing by $\sqrt{d_k}$ keeps the variance of the scores at one if the components are independent, of mean 0 and variance 1. Without the division, at $d_k =$ {eval}`widest`, the median norm of the softmax's Jacobian falls from {eval}`significant(scaled.jacobian_median[widest], 2)` to {eval}`significant(unscaled.jacobian_median[widest], 2)` {eval}`holds(unscaled.jacobian_median[widest], "<", 0.1 * scaled.jacobian_median[widest])`. $W_o$ adds what several heads found, each with a sign; without it, or with one head, none of {eval}`len(others)` trainings explained more than about half of a difference of neighbours {eval}`holds(others.explained.max(), "<", 0.52)`. The original's formulas are right but for two slips: it calls the matrix $W_q$ a vector, and the index in its softmax is not that of the key.
