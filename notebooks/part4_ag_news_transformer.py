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
# # Part IV: Build a transformer with PyTorch

# %% tags=["parameters"]
profile = "full"

# %% tags=["setup", "allow-stderr"]
from collections import Counter

import numpy as np
import pandas as pd
import torch
from torch import nn

from study import classifier_charts, comparison, figures, paths, published, reproduce, runs
from study import parts as parts_of_report
from study import profile as profiles
from study.comparison import points
from study.evaluation import share_interval
from study.news import analysis, charts, corpus, design, recipes
from study.news import own as own_model
from study.news import variants as news_variants
from study.news.classifier import TextClassifier, TokenAndPosition, TransformerBlock
from study.page import Page
from study.prose import (
    CONFIRMED,
    NOT_COMPARABLE,
    NOT_REPRODUCED,
    REFUTED,
    REPRODUCED,
    count,
    duration,
    interval,
    join_list,
    mean_sd,
    number,
    percent,
    significant,
)

P = profiles.load(profile)
page = Page(P.figures, P.synthetic)
figures.use_style()
store = runs.Store(P.records)
records = store.get_all(recipes.specs(P), recipes.train)

sizes = P.part4
dataset = analysis.of(records, "part4-dataset")[0]
D = dataset.metrics
variants = {analysis.NAMES[m]: analysis.of(records, "part4-variants", m) for m in recipes.VARIANTS}
base, dropout, stopped, regularised = variants.values()
names = dict(zip(("base", "dropout", "stopped", "regularised"), variants, strict=True))
tfidf = analysis.of(records, "part4-baselines", "tfidf")
majority = analysis.of(records, "part4-baselines", "majority")
own = analysis.of(records, "part4-own")
judged = analysis.judged(records)
techniques = news_variants.steps(records)
said = {name: found.status for name, found in analysis.claims(records).items()}
accuracy = {name: comparison.mean(found, "test_accuracy") for name, found in (variants | {"Own": own, "TF-IDF": tfidf}).items()}
tested = D["rows"]["test"]
half = share_interval(round(accuracy[names["stopped"]] * tested), tested).half_width
validated = lambda r: r.metrics["validation"]["accuracy"]  # noqa: E731

# %% tags=["hide-input"]
comparable = [j for j in judged if j.verdict.status != NOT_COMPARABLE]
fit_again = sum(j.verdict.status == REPRODUCED for j in comparable)
best = max(variants, key=accuracy.get)
against_tfidf = comparison.compare(variants[best], tfidf)
own_tfidf = comparison.compare(own, tfidf)
page.say(f"""
**In short.** The original's four classifiers were built again and trained from {count(len(sizes.seeds), "seed")} each on {number(D["rows"]["train"])} texts. Of its {number(len(comparable))} numbers that can be compared, {fit_again} come out again.
{"The base model overfits as described" if said["base_overfits"] == CONFIRMED else "The base model does not overfit clearly"}; of the three techniques, {["dropout", "early stopping", "the L2 penalty"][int(np.argmax([t.test.difference.mean for t in techniques]))]} gains most on the test split.
The best of the four, {best}, classifies {percent(accuracy[best])} of the test texts correctly; a linear model on word pairs, without any network, reaches {percent(accuracy["TF-IDF"])}: {
    "the original's transformer does **not** beat it" if against_tfidf.direction == "lower" else "the transformer is better" if against_tfidf.direction == "higher" else "the two cannot be told apart"}.
A classifier of our own, also trained from nothing, reaches **{percent(accuracy["Own"], 2)}**, {own_tfidf.than} the linear model.
With {number(tested)} test texts, the 95% interval of one accuracy is about ±{number(100 * half, 1)} points; differences inside the noise are called that. Brackets hold 95% intervals throughout.
""")

# %% [markdown]
# ## Dataset

# %% tags=["hide-input"]
splits_named = {"train": "training", "validation": "validation", "test": "test"}
source = "the official training split" if recipes.corpus.TRAINING["official"] in dataset.spec["data"] else "a training split recovered from public subsets of the official one" if not P.synthetic else "simulated texts"
page.say(f"""
AG's news [@zhang2015character] holds headlines with the first sentences of news articles, in four classes: {join_list([f"*{c}*" for c in corpus.CLASSES])}. The original does not say which rows it trained on.
Every number below comes from {source}: {number(D["rows"]["train"] + D["rows"]["validation"])} texts, of which a tenth, drawn with equal shares of the classes and a fixed seed, is the validation split, and from the official test split of {number(tested)} texts.
Stopping, penalties and the own model's design are chosen on the validation split; the test split is looked at once a model, at its end.
`NEWS_TRAIN=official make report` downloads the official {number(120_000)} rows and trains on them instead.
""")
page.table(
    pd.DataFrame(
        {
            "Split": [splits_named[s] for s in D["rows"]],
            "Texts": [number(n) for n in D["rows"].values()],
            **{name: [number(D["classes"][s][i]) for s in D["rows"]] for i, name in enumerate(corpus.CLASSES)},
            "Mean words": [number(D["lengths"][s]["mean"], 1) for s in D["rows"]],
            "99% have at most": [number(D["lengths"][s]["q99"]) for s in D["rows"]],
            "Unknown tokens": [percent(D["coverage"][s]["unknown"], 2) for s in D["rows"]],
        }
    ),
    "news-splits",
    f"The three splits. The vocabulary of {number(D['vocabulary'])} tokens, words in lower case and punctuation, is learnt from the training texts alone; texts are cut after {number(sizes.longest)} tokens, which {percent(max(D['cut'].values()), 2)} of the texts of a split reach.",
    align="lrrrrrrrr",
)

# %% tags=["hide-input"]
page.figure(
    charts.lengths(dataset),
    "news-lengths",
    f"Words of a text. Half of the training texts have at most {number(D['lengths']['train']['q50'])} words, one in a hundred more than {number(D['lengths']['train']['q99'])}: a batch of texts of similar length needs little padding.",
    "Line chart of the share of texts by number of words for the training, validation and test split; the three lines lie on each other.",
)
first_words = {name: found[0]["word"] for name, found in D["words"].items() if found}
page.figure(
    charts.telling_words(D["words"]),
    "news-words",
    f"The words that tell each class from the others: z-scores of the log-odds ratio, with the corpus as prior [@monroe2008fightin]. First come {join_list([f'“{w}” for {n}' for n, w in first_words.items()])}.",
    "Four horizontal bar charts, one a class, each with its twelve most telling words.",
)

# %% tags=["hide-input"]
copies = D["duplicates"]
near = dataset.arrays["near_test"]
near_found = analysis.near_accuracy(stopped[0], near) if 0 < near.sum() < len(near) else None
page.say(f"""
**Duplicates.** But for case and punctuation, {number(copies["within_train"])} training texts repeat another one, and {number(copies["contradicting"])} have a copy with another class. Across the splits, {number(copies["exact_test"])} test texts stand word for word among the training texts,
and {number(copies["near_test"])} ({percent(copies["near_test"] / tested)}) have a near-duplicate there: half or more of their word five-grams are shared [@broder1997resemblance]. They are rewritten agency reports, and {
    f"only {percent(copies['near_test_same_class'] / copies['near_test'])} of them have the class of their near-duplicate, which says how far the labels can be trusted. They are {'easier' if near_found[0] > near_found[1] else 'not easier'} than the rest: {names['stopped']} classifies {percent(near_found[0])} of them correctly, and {percent(near_found[1])} of the others."
    if near_found else "too few to say more."}
They stay in, because the published numbers include them.

**Cleaning.** The files carry artefacts of their web pages. One function takes them out, before anything else reads a text:
""")
page.code(corpus.clean)

# %% [markdown]
# ## Describe the Transformer architecture you have defined

# %% tags=["hide-input"]
torch.manual_seed(0)
model = TextClassifier(D["vocabulary"], sizes.longest, sizes.width, sizes.heads, sizes.hidden, len(corpus.CLASSES))
parameters = sum(p.numel() for p in model.parameters())
block = sum(p.numel() for p in model.block.parameters())
page.say(f"""
**Answer.** As the original describes, the model has two main parts: an embedding of tokens and positions, and one transformer block. Each token becomes a vector of {sizes.width} numbers, to which the vector of its position is added. The block
[@vaswani2017attention] lets every token attend to all tokens of its text with {count(sizes.heads, "head")} (Part III, `study/attention.py`), then passes each through a feed-forward network of {sizes.hidden} units with ReLU; both steps have a residual connection with layer normalisation after it.
The mean over the text's own tokens, not the padding, goes through a dense head to four logits. The original states no sizes; these are ours: **{number(parameters)} parameters**, of which {percent(1 - block / parameters, 0)} are embeddings and only {number(block)} the block.
""")
page.code(TokenAndPosition, TransformerBlock, TextClassifier)

# %% tags=["hide-input"]
ids = torch.randint(2, D["vocabulary"], (5, 12))
page.figure(
    charts.layers(model, ids, torch.full((5,), 12)),
    "news-architecture",
    f"The classifier, read from a run of the model itself: modules in the order of their calls, the shapes of their results for $B$ texts of $N$ tokens, and their parameters, {number(parameters)} in all.",
    "Flow chart from top to bottom: token embedding, position embedding, self-attention, layer normalisation, feed-forward network, layer normalisation, mean and dense head; two residual connections lead around attention and feed-forward network.",
)

# %% [markdown]
# Is it the transformer block that everybody means? Given the same weights, it must equal `torch.nn.TransformerEncoderLayer`, with padding; and padding must not change a prediction.

# %%
theirs = nn.TransformerEncoderLayer(sizes.width, sizes.heads, sizes.hidden, dropout=0.0, batch_first=True)
with torch.no_grad():
    attention = model.block.attention
    theirs.self_attn.in_proj_weight.copy_(torch.cat([attention.query.weight, attention.key.weight, attention.value.weight]))
    theirs.self_attn.in_proj_bias.copy_(torch.cat([attention.query.bias, attention.key.bias, attention.value.bias]))
    theirs.self_attn.out_proj.load_state_dict(attention.output.state_dict())
    theirs.linear1.load_state_dict(model.block.feed_forward[0].state_dict())
    theirs.linear2.load_state_dict(model.block.feed_forward[3].state_dict())
    lengths = torch.tensor([12, 9, 7, 3, 1])
    present = torch.arange(12) < lengths[:, None]
    x = model.eval().embedding(ids)
    ours, reference = model.block(x, present), theirs.train()(x, src_key_padding_mask=~present)
    apart = float((ours - reference)[present].abs().max())
    alone = torch.cat([model(ids[i : i + 1, :n], lengths[i : i + 1]) for i, n in enumerate(lengths)])
    moved = float((model(ids, lengths) - alone).abs().max())

# %% tags=["hide-input"]
page.say(f"The largest difference from PyTorch's layer is {significant(apart, 2)}, and a text's logits alone and in a padded batch differ by {significant(moved, 2)} at most: both are within the rounding of 32-bit numbers." if max(apart, moved) < 1e-5 else f"**The models DISAGREE**: {significant(apart, 2)}, {significant(moved, 2)}.")

# %% [markdown]
# ## Describe how the techniques (regularization, dropout, early stopping) have impacted the performance of the model.

# %% tags=["hide-input"]
label = lambda v: "0" if v == 0 else f"$10^{{{round(np.log10(v))}}}$"  # noqa: E731
effect = lambda c: {"higher": "a clear gain", "lower": "a clear fall"}.get(c.direction, "no clear change")  # noqa: E731
most_helpful = ["dropout", "early stopping", "the L2 penalty"][int(np.argmax([t.test.difference.mean for t in techniques]))]
weaker = published.value("part4.dropout.train_accuracy") - comparison.mean(dropout, "train_accuracy")
page.say(f"""
**Answer.** Dropout at {sizes.dropout} {"narrows" if techniques[0].gap.high < 0 else "does not clearly narrow"} the gap between training and validation and changes the test accuracy by {points(techniques[0].test.difference)}. Early stopping, on top of it, changes it by {points(techniques[1].test.difference)}, {effect(techniques[1].test)}, and the test loss by {number(techniques[1].test_loss.mean, 2)}; the L2 penalty of strength {label(sizes.l2)} changes it by {points(techniques[2].test.difference)}, {effect(techniques[2].test)}. So **{most_helpful} is what matters here**{"" if most_helpful == "early stopping" else ", not early stopping as in the original"}.

One rule decides in all sentences and verdicts of this part: a difference is clear if its 95% interval leaves zero out. That of an accuracy covers other seeds and other texts alike. [@tbl:news-techniques] measures each variant against the one before it; McNemar's test stands beside it as a count, because it judges one training at a time, and tells {techniques[1].test.told_apart} seeds apart for early stopping and {techniques[2].test.told_apart} for the L2 penalty.

What the original leaves open is ours: a dropout of {sizes.dropout} after the embedding, in the attention, after each sublayer and before the head; stopping after {count(sizes.patience, "epoch")} without a lower validation loss, and going back to the best epoch; an L2 penalty on all matrices but the embeddings; Adam at {sizes.learning_rate:g}, batches of {sizes.batch}, at most {sizes.epochs} epochs.
{f"The original's dropout was probably weaker: with it, its training accuracy still came to {percent(published.value('part4.dropout.train_accuracy'))} with a validation loss of {published.value('part4.dropout.validation_loss')}, against {percent(comparison.mean(dropout, 'train_accuracy'))} and {number(comparison.mean(dropout, 'validation_loss'), 3)} here. So its model with dropout still overfitted, and early stopping had something left to repair; ours has not." if weaker > analysis.SHARE_TOLERANCE else ""}
""")
shown = lambda i, scale=100, digits=2: f"{number(scale * i.mean, digits)} ({interval(scale * i.low, scale * i.high, digits)})"  # noqa: E731
page.table(
    pd.DataFrame(
        {
            "Technique": ["Dropout", "Early stopping", "L2 penalty"],
            "Gap, points": [shown(t.gap) for t in techniques],
            "Validation accuracy, points": [shown(t.validation.difference) for t in techniques],
            "Test accuracy, points": [shown(t.test.difference) for t in techniques],
            "Test loss, nats": [shown(t.test_loss, 1) for t in techniques],
            "Seeds with p < .05": [t.test.told_apart for t in techniques],
        }
    ),
    "news-techniques",
    f"Each technique against the variant before it: change with its 95% interval (accuracies: bootstrap over seeds and texts; gap and loss: Student's over {count(len(sizes.seeds), 'seed')}), and the seeds that McNemar's exact test on the test split tells apart [@mcnemar1947note]. The gap is training minus validation accuracy.",
    align="lrrrrr",
)

# %% tags=["hide-input"]
told = {name: published.with_verdict(name, status) for name, status in said.items()}
page.say(f"""
**Base model.** {told["base_overfits"]}. Training accuracy is {percent(comparison.mean(base, "train_accuracy"))}, validation accuracy {percent(comparison.mean(base, "validation_accuracy"))}; the validation loss is lowest after {join_list([str(e) for e in sorted({r.metrics["best_epoch"] for r in base})])} epochs and then grows to {number(comparison.mean(base, "validation_loss"), 2)}, {number(comparison.mean(base, "validation_loss") / np.mean([r.arrays["history_validation_loss"].min() for r in base]), 1)} times its lowest.

**Dropout model.** {told["dropout_helps"]}. Training accuracy changes by {points(techniques[0].train)}, validation accuracy by {points(techniques[0].validation.difference)}, test accuracy by {points(techniques[0].test.difference)}.

**Dropout and early stopping.** {told["early_stopping_helps"]}. Test accuracy changes by {points(techniques[1].test.difference)}, the test loss by {number(techniques[1].test_loss.mean, 2)} [{interval(techniques[1].test_loss.low, techniques[1].test_loss.high)}]. Trainings stop after {join_list([str(r.metrics["epochs"]) for r in stopped])} epochs and keep the weights of epoch {join_list([str(r.metrics["best_epoch"]) for r in stopped])}.

**Regularised model.** {told["regularisation_reduces_gap"]}. The gap changes by {points(techniques[2].gap)}.

{told["all_better_than_base"]}. Against Base, {join_list([f"{n} gains {points(comparison.compare(found, base).difference)}" for n, found in variants.items() if n != names["base"]])}.

{told["early_stopping_best"]}. By test accuracy the order is {join_list([f"{n} ({percent(accuracy[n], 2)})" for n in sorted(variants, key=accuracy.get, reverse=True)])}; {names["stopped"]} differs from {names["regularised"]} by {points(comparison.compare(stopped, regularised).difference)}.
""")

# %% [markdown]
# ### Was the regularisation too strong?

# %% tags=["hide-input"]
swept = news_variants.sweep(records)
strengths = swept[swept.l2 > 0]
best_strength = strengths.loc[strengths.accuracy_mean.idxmax()]
used = swept[swept.l2 == sizes.l2].iloc[0]
none = swept[swept.l2 == 0].iloc[0]
accuracy_changes, loss_changes = ({s: news_variants.change(records, f"validation_{what}", s, 0.0) for s in strengths.l2} for what in ("accuracy", "loss"))
better, worse = ([s for s, change in accuracy_changes.items() if comparison.is_positive(change) == status] for status in (CONFIRMED, REFUTED))
lower_loss = [f"{label(s)} ({number(swept[swept.l2 == s].iloc[0].loss_mean, 3)})" for s, change in loss_changes.items() if change.high < 0]
listed = lambda found: join_list([label(s) for s in found])  # noqa: E731
page.say(f"""
{told["regularisation_too_strong"]}. The original does not print the strength. [@fig:news-l2] sweeps it, judged on the validation split alone. By accuracy, {f"clearly better than none: {listed(better)}" if better else "no strength is clearly better than none"}, {f"clearly worse: {listed(worse)}" if worse else "and none is clearly worse"}; the highest is {percent(best_strength.accuracy_mean, 2)}, at {label(best_strength.l2)}, {"the strength of the variant above" if best_strength.l2 == used.l2 else f"{percent(used.accuracy_mean, 2)} at that of the variant above"}, against {percent(none.accuracy_mean, 2)} without a penalty.
By loss, {f"clearly better than none ({number(none.loss_mean, 3)}) {'is' if len(lower_loss) == 1 else 'are'} {join_list(lower_loss)}" if lower_loss else "no strength is clearly better than none"}.
""")
page.figure(
    charts.sweep(swept, sizes.l2),
    "news-l2",
    f"The strength of the L2 penalty, from none to {label(swept.l2.max())}: means and 95% intervals over seeds on the validation split. The dotted line marks the fourth variant.",
    "Three panels with points and error bars against the strength of the penalty: validation accuracy, validation loss, and the gap between training and validation accuracy.",
)

# %% [markdown]
# ## Discuss the results and provide the relevant graphs

# %% tags=["hide-input"]
reason = f"Of {number(len(comparable))} published numbers that can be compared, {fit_again} are reproduced: accuracies, precision, recall, F1 and AUC within {number(100 * analysis.SHARE_TOLERANCE)} point, losses within {percent(analysis.LOSS_TOLERANCE, 0)}, or within half the interquartile range over seeds if that is wider."
far = [j for j in judged if j.verdict.status == NOT_REPRODUCED]
seen = [j for j in far if j.quantity.startswith(("training", "validation"))]
rest = Counter(j.quantity.replace(", ", " of ") for j in far if j not in seen)
told_far = [f"{len(seen)} are accuracies and losses in training and validation, of {join_list(list(dict.fromkeys(j.model for j in seen)))}"] if seen else []
told_far += [f"the rest are {join_list([f'{quantity} ({n})' for quantity, n in rest.items()])}"] if rest else []
page.say(f"""
**Answer.** {reason} {f"Of the {len(far)} others, {'; '.join(told_far)}." if far else ""}
The original prints one run, and neither its training rows, vocabulary, sizes nor epochs; a rerun with other ones can match its pattern, not each digit.
""")

# %% [markdown]
# ### Report training accuracy, training loss, validation accuracy, validation loss, testing accuracy, and testing loss.

# %% tags=["hide-input"]
def beside(quantities):
    """Published and regenerated numbers of these quantities, a row each."""
    rows = [j for q in quantities for j in judged if j.quantity == q]
    return pd.DataFrame(
        {
            "Quantity": [j.quantity for j in rows],
            "Model": [j.model for j in rows],
            "Published": [j.show(j.published) for j in rows],
            "Regenerated": [mean_sd(j.values, 3 if "loss" in j.quantity else 2, "loss" not in j.quantity) for j in rows],
            "Verdict": [j.verdict.status for j in rows],
        }
    )


page.table(
    beside(list(analysis.QUANTITIES.values())[:6]),
    "news-accuracies",
    f"Accuracies and losses (cross-entropy, nats) of the original beside ours, mean ± standard deviation over {count(len(sizes.seeds), 'seed')}, all measured on the finished model without dropout.",
    align="llrrl",
)
accuracies = {n: {s: published.value(f"part4.{m}.{s}_accuracy") for s in splits_named} for m, n in zip(recipes.VARIANTS, variants, strict=True)}
page.figure(
    charts.splits(variants, accuracies),
    "news-accuracy-splits",
    f"Accuracy on the three splits, a mark a seed; crosses are the published numbers. The gap between training and test closes from {number(100 * (comparison.mean(base, 'train_accuracy') - accuracy[names['base']]), 1)} to {number(100 * (comparison.mean(stopped, 'train_accuracy') - accuracy[names['stopped']]), 1)} points with dropout and early stopping.",
    "Marks for training, validation and test accuracy of four models with the published values as crosses.",
)

# %% [markdown]
# ### Plot the training and validation accuracy over time (epochs).

# %% tags=["hide-input"]
peak = {n: float(np.mean([r.arrays["history_validation_accuracy"].max() for r in found])) for n, found in variants.items()}
page.plot(
    classifier_charts.history_interactive(variants, "accuracy"),
    "news-history-accuracy",
    f"Accuracy over epochs; training accuracy is the mean over the epoch's batches, with dropout. Base reaches its highest validation accuracy, {percent(peak[names['base']])}, early and ends at {percent(comparison.mean(base, 'validation_accuracy'))}. Dots mark the epochs that early stopping keeps.",
    "Four panels, one a model, each with the training and the validation accuracy of every seed over epochs.",
    classifier_charts.history(variants, "accuracy"),
)

# %% [markdown]
# ### Plot the training and validation loss over time (epochs).

# %% tags=["hide-input"]
lowest_loss = {n: float(np.mean([r.arrays["history_validation_loss"].min() for r in found])) for n, found in (("base", base), ("dropout", dropout))}
page.plot(
    classifier_charts.history_interactive(variants, "loss"),
    "news-history-loss",
    f"Cross-entropy over epochs. The validation loss of Base is lowest at {number(lowest_loss['base'], 2)} and ends at {number(comparison.mean(base, 'validation_loss'), 2)}"
    + (f", while its accuracy falls by {number(100 * (peak[names['base']] - comparison.mean(base, 'validation_accuracy')), 1)} points only: it becomes surer of its mistakes" if comparison.mean(base, "validation_loss") > 1.5 * lowest_loss["base"] else "")
    + f". With dropout it is lowest at {number(lowest_loss['dropout'], 2)} and ends at {number(comparison.mean(dropout, 'validation_loss'), 2)}.",
    "Four panels, one a model, each with the training and the validation loss of every seed over epochs.",
    classifier_charts.history(variants, "loss"),
)

# %% [markdown]
# ### Generate a confusion matrix using the model's predictions on the test set.

# %% tags=["hide-input"]
true, called, _ = comparison.frequent_mistake(stopped)
counts = comparison.mean_confusion(stopped)
business, science = corpus.CLASSES.index("Business"), corpus.CLASSES.index("Sci/Tech")
pair = (counts[business, science] + counts[science, business]) / (counts.sum() - np.trace(counts))
lowest = min(accuracy[n] for n in variants)
page.plot(
    classifier_charts.confusion_interactive(variants, corpus.CLASSES),
    "news-confusion",
    f"Confusion matrices on the test split, mean over seeds. The most frequent mistake of {names['stopped']} is to call {corpus.CLASSES[true]} {corpus.CLASSES[called]}.",
    "Four matrices of four by four counts; the diagonal is far the largest in each.",
    classifier_charts.confusion(variants, corpus.CLASSES),
)
page.say(f"""
{told["diagonal"]}. {percent(lowest)} to {percent(max(accuracy[n] for n in variants))} of the predictions are on the diagonal: about one in {number(1 / (1 - np.mean([accuracy[n] for n in variants])))} is not. {percent(pair, 0)} of the mistakes of {names["stopped"]} confuse Business with Sci/Tech, in either direction; news of technology companies belongs to both.
""")

# %% [markdown]
# ### Provide the Precision, recall and F1 score.

# %% tags=["hide-input"]
page.table(
    beside(list(analysis.QUANTITIES.values())[6:]),
    "news-precision",
    "Precision, recall and F1 on the test split, plain means over the four classes, beside the published ones; mean ± standard deviation over seeds.",
    align="llrrl",
)
printed = [published.value(f"part4.{m}.f1") for m in recipes.VARIANTS]
f1_means = {n: comparison.mean(found, "f1") for n, found in variants.items()}
highest = max(f1_means, key=f1_means.get)
page.say(f"""
{told["metrics_improve"]}. {"Its own table says otherwise: the published F1 falls" if printed[-1] < printed[-2] else "The published F1 rises"} from {percent(printed[-2], 2)} to {percent(printed[-1], 2)} in the last step. Ours, in the order of the table, are {join_list([percent(f1, 2) for f1 in f1_means.values()])}: {"this model has the highest" if highest == names["stopped"] else f"{highest} has the highest, not {names['stopped']}, so that half of the claim fails"}.
""")

# %% [markdown]
# ### Plot the ROC curve

# %% tags=["hide-input"]
area = {c: [r.metrics["test"]["auc"][i] for found in variants.values() for r in found] for i, c in enumerate(corpus.CLASSES)}
page.figure(
    charts.roc(variants),
    "news-roc",
    f"One-vs-rest ROC curves on the test split, first seed; only the corner where the curves differ is drawn. Sports is told apart best, with an AUC of at least {number(min(area['Sports']), 3)} in every run.",
    "Four panels with four curves each near the upper left corner; the curve of Sports lies highest.",
)
page.table(
    pd.DataFrame(
        {
            "Class": list(corpus.CLASSES),
            "Published, all models": [number(published.value(f"part4.auc.class-{i}"), 2) for i in range(len(corpus.CLASSES))],
            **{n: [mean_sd([r.metrics["test"]["auc"][i] for r in found], 3) for i in range(len(corpus.CLASSES))] for n, found in variants.items()},
        }
    ),
    "news-auc",
    f"Area under the ROC curve, mean ± standard deviation over seeds: {sum(j.verdict.status == 'reproduced' for j in judged if 'AUC' in j.quantity)} of {sum('AUC' in j.quantity for j in judged)} are reproduced by all models.",
    align="lrrrrr",
)
sports = {n: np.mean([r.metrics["test"]["auc"][1] for r in found]) for n, found in variants.items()}
by_print = {two: [n for n, v in sports.items() if number(v, 2) == two] for two in (number(v, 2) for v in sports.values())}
page.say(f"""
{told["auc_perfect"]}. Class 1 is Sports. Its AUC, the mean over seeds, is {"; ".join(f"{join_list(sorted({number(sports[n], 3) for n in found}))} for {join_list(found)}, which prints as {two}" for two, found in by_print.items())}. None is perfect: {number(tested // 4 - np.mean([r.metrics["test"]["confusion"][1][1] for r in stopped]))} of {number(tested // 4)} Sports texts are called something else by {names["stopped"]}.
""")

# %% [markdown]
# ## Beyond the original
#
# ### How good is that? Models without a network, and the literature

# %% tags=["hide-input"]
literature = published.table("ag_news")
known = literature.set_index("model", drop=False).loc["n-grams, TF-IDF"]
beaten = literature[literature.accuracy < accuracy[best]]
ours_now = {n: [r.metrics["test"]["accuracy"] for r in found] for n, found in (variants | {"Own": own, "TF-IDF + linear SVM": tfidf}).items()}
page.say(f"""
**Answer.** Always naming the most frequent class gives {percent(comparison.mean(majority, "test_accuracy"))}. A linear support-vector machine on TF-IDF of words and word pairs, trained in {duration(tfidf[0].metrics["seconds"])}, gives {percent(accuracy["TF-IDF"], 2)}; a model of the same kind, “{known.model}”, has {percent(known.accuracy, 2)} in the literature [@{known.citation}, Table 4]. The difference of {best} to our linear SVM is {points(against_tfidf.difference)}: {
    "**the transformer of the original does not beat TF-IDF**" if against_tfidf.direction == "lower" else "it is better" if against_tfidf.direction == "higher" else "the two cannot be told apart"}. Which words and pairs of words occur in a text is all that the linear model knows.
""")
page.figure(
    charts.field(ours_now, literature),
    "news-field",
    f"Test accuracy of this report's models, a mark a seed, among numbers of the literature (diamonds, as published, all trained on the official {number(120_000)} rows [{'; '.join('@' + key for key in dict.fromkeys(literature.citation))}]; those called pre-trained have seen other text before). {names['stopped']} is above {number((literature.accuracy < accuracy[names['stopped']]).sum())} of the {number(len(literature))}.",
    "Dot chart of test accuracies in rising order; this report's models are in colour among grey diamonds of the literature.",
)

# %% [markdown]
# ### A classifier of our own

# %% tags=["hide-input"]
literature_scratch = literature[~literature.model.str.contains("pre-trained")]
above = literature_scratch[literature_scratch.accuracy > accuracy["Own"]].model
trials = pd.read_csv(paths.CLASSIFIER_TRIALS)
own_vs_best, own_on_validation = comparison.compare(own, variants[best]), comparison.compare(own, tfidf, "validation")
settings = own[0].spec["settings"]
page.say(f"""
**Answer.** The linear model knows n-grams by heart and cannot read; the transformer reads and must first learn every word. Our classifier does both: it has {count(len(settings["grams"]) + 1, "tower")}, each with a loss of its own [@lee2015deeply], whose logits are averaged.
Two wide towers [@cheng2016wide] are linear in TF-IDF weights, one of words and pairs, one of characters in their case, three to five at a time. The deep tower reads {number(settings["longest"])} words: their initial embeddings are factors of a co-occurrence matrix of the training texts [@levy2014neural], a convolution joins neighbours and halves their number [@hassani2021escaping],
one pre-norm block of {count(settings["heads"], "head")} of self-attention follows, then max and mean pooling. Whole words are dropped at {percent(settings["word_dropout"], 0)} [@iyyer2015deep], with label smoothing of {settings["label_smoothing"]}; weights are averaged, and the learning rate goes through one cycle in {settings["epochs"]} epochs. Nothing is pre-trained on other text.

It reaches **{mean_sd([r.metrics["test"]["accuracy"] for r in own], 2, True)}** on the test split (mean ± standard deviation of {count(len(own), "seed")}), {percent(comparison.mean(own, "validation_accuracy"), 2)} on validation. Against TF-IDF with a linear SVM, the difference is {points(own_tfidf.difference)}, {"clear" if own_tfidf.direction != "not clearly different" else "**not clear on the test split**"} (McNemar's test tells {own_tfidf.told_apart} seeds apart), and {points(own_on_validation.difference)} on validation, where the design was chosen; against {best}, it is {points(own_vs_best.difference)}.
Of the {number(len(literature_scratch))} published models without pre-training in [@fig:news-field], all of which saw {number(120_000 / (D["rows"]["train"]), 1)} times as many texts, {f"{join_list([f'“{name}”' for name in above])} {'is' if len(above) == 1 else 'are'} above it" if len(above) else "none is above it"}. A training takes {duration(np.mean([r.metrics["seconds"] for r in own]))} on {count(own[0].provenance["threads"], "thread")}, for {number(own[0].metrics["parameters"])} parameters.
The design was chosen on the validation split in {count(len(trials), "trial")}, all listed in `report/own_classifier_trials.csv`; the test split was looked at once a seed, after that.
""")
page.code(own_model.WideTower, own_model.DeepTower, own_model.OwnClassifier)

# %% tags=["hide-input"]
ablated = {n: analysis.of(records, "part4-ablation", n) for n in design.ABLATIONS}
with_all = own[: len(sizes.ablation_seeds)]
changes = {n: comparison.compare(found, with_all, "validation").difference for n, found in ablated.items()}
costly = [n for n, c in changes.items() if c.high < 0]
in_words = {"without-n-grams": "both wide towers", "without-one-cycle": "the one-cycle schedule", "without-co-occurrence": "embeddings from co-occurrence"}
plain = lambda n: in_words.get(n, n.removeprefix("without-").replace("-", " "))  # noqa: E731
page.table(
    pd.DataFrame(
        {
            "Taken back": [plain(n) for n in changes],
            "Validation accuracy": [percent(np.mean([validated(r) for r in found]), 2) for found in ablated.values()],
            "Change, points": [shown(c) for c in changes.values()],
            "Validation loss": [number(comparison.mean(found, "validation_loss"), 3) for found in ablated.values()],
        }
    ),
    "news-ablation",
    f"The own classifier (validation accuracy {percent(np.mean([validated(r) for r in with_all]), 2)}, loss {number(comparison.mean(with_all, 'validation_loss'), 3)}) with one change taken back at a time: means over {count(len(with_all), 'seed')}, and the change of accuracy with its 95% interval by bootstrap over seeds and the {number(D['rows']['validation'])} validation texts. "
    + (f"Clearly worse without: {'; '.join(plain(n) for n in costly)}." if costly else "No single change is clearly needed."),
    align="lrrr",
)
members = [*own, *(r for found in ablated.values() for r in found)]
of_all, gain = analysis.pooled(members, own)
page.say(f"""
{"More of the same would help" if gain.low > 0 else "More of the same would not help"}: the mean of the probabilities of all {count(len(members), "training")} of this classifier and its ablation classifies {percent(of_all, 2)} of the validation texts correctly, {points(gain)} from one training alone. {"" if gain.low > 0 else "What is left is no matter of chance in training: it needs more texts, other knowledge, or better labels."}
""")

# %% [markdown]
# ### What does the attention look at?

# %% tags=["hide-input"]
examples = stopped[0].metrics["attention"]
most = [max(zip(np.mean(e["received"], axis=0) * len(e["tokens"]), e["tokens"], strict=True)) for e in examples]
on_content, elsewhere = zip(*map(analysis.attention_on_content, examples), strict=True)
favoured = sum(a > b for a, b in zip(on_content, elsewhere, strict=True))
page.say(f"""
**Answer.** {"More" if 2 * favoured > len(examples) else "Not more"} at content words than at function words: in {favoured} of the {count(len(examples), "text")} of [@fig:news-attention], content words receive more attention than stop words and punctuation, on average {number(np.mean(on_content), 1)} against {number(np.mean(elsewhere), 1)} times an even share. The token that a text looks at most receives {interval(min(most)[0], max(most)[0], 1)} times an even share.
""")
page.figure(
    charts.attention(examples),
    "news-attention",
    f"Test texts as {names['stopped']} (first seed) reads them: the attention that each token receives, mean over queries and heads, in multiples of an even share. The most looked-at tokens are {join_list([f'“{token}” ({number(share, 1)})' for share, token in most])}.",
    "Lines of words, each on a blue background whose depth is the attention it receives; names and topic words are darkest.",
)

# %% [markdown]
# ### The most confident mistakes: model or label?

# %% tags=["hide-input"]
wrong = analysis.shared_mistakes(records)
pairs = wrong.attrs["pairs"]
read = wrong[wrong.reading != ""]
readings = read.reading.value_counts()
rank = max(read.index, default=-1) + 1
of_which = f"{number(len(read))} of the {number(rank)}" if len(read) < rank else f"the {number(rank)}"
together = [*analysis.of(records, "part4-variants"), *tfidf, *own]
page.say(f"""
**Answer.** {number(pairs.total())} test texts are given the same wrong class by all {count(len(together), "run")}: {percent(pairs.total() / tested)} of the split, and {percent(pairs.total() / (tested * (1 - accuracy["Own"])), 0)} of what our classifier gets wrong. {
    f"One reader, who saw both classes, read {of_which} of which the variants are most certain (`report/mistakes_read.csv`): {join_list([f'{number(n)} times {analysis.READINGS[k]}' for k, n in readings.items()])}. Among the most confident mistakes, the label is the usual culprit: no model will reach full accuracy on this split, and differences between good models lie near its noise."
    if len(read) and readings.idxmax() != "model" else "They have not been read, so it stays open whether model or label is wrong." if not len(read) else "Most labels that were read are right."}
""")

# %% tags=["hide-input"]
examples_of = [one for kind in analysis.READINGS for one in read[read.reading == kind].head(4).itertuples()]
if examples_of:
    page.table(
        pd.DataFrame(
            {
                "Text": [one.text[:150] + ("…" if len(one.text) > 150 else "") for one in examples_of],
                "Label": [one.true for one in examples_of],
                "All models": [one.predicted for one in examples_of],
                "Reading": [analysis.READINGS[one.reading] for one in examples_of],
            }
        ),
        "news-mistakes",
        f"Mistakes that all models share, up to four of each reading, the most certain first. The most frequent of all {number(pairs.total())} is {pairs.most_common(1)[0][0][0]} called {pairs.most_common(1)[0][0][1]} ({number(pairs.most_common(1)[0][1])}).",
        align="llll",
    )

# %% [markdown]
# ### Is the confidence worth something? Calibration

# %% tags=["hide-input"]
calibrations = {n: analysis.calibrated(found[0]) for n, found in {names["base"]: base, names["stopped"]: stopped, "Own": own}.items()}
sides = {
    "overconfident": [n for n, c in calibrations.items() if c.temperature > 1],
    "underconfident": [n for n, c in calibrations.items() if c.temperature < 1],
}
page.figure(
    charts.reliability(calibrations),
    "news-calibration",
    f"Reliability on the test split, first seed: accuracy against confidence in bins, before and after temperature scaling [@guo2017calibration], whose temperature comes from the validation split. The expected calibration error (ECE) of Base falls from {percent(calibrations[names['base']].before.error)} to {percent(calibrations[names['base']].after.error)}.",
    f"Panels with accuracy against confidence: before scaling the curves of overconfident models ({', '.join(sides['overconfident']) or 'none'}) lie below the diagonal and those of underconfident ones ({', '.join(sides['underconfident']) or 'none'}) above it; after it they lie near it.",
)
page.say(f"""
Before scaling, {join_list([f"{join_list([f'{n} (temperature {number(calibrations[n].temperature, 2)}, ECE {percent(calibrations[n].before.error)})' for n in found])} {'is' if len(found) == 1 else 'are'} {side}" for side, found in sides.items() if found])}. Scaling changes no prediction, but lowers the test loss of Base (first seed) from {number(calibrations[names["base"]].loss_before, 3)} to {number(calibrations[names["base"]].loss_after, 3)}:
{percent(1 - (calibrations[names["base"]].loss_after - calibrations[names["stopped"]].loss_after) / (calibrations[names["base"]].loss_before - calibrations[names["stopped"]].loss_before), 0)} of its distance to {names["stopped"]} in loss is confidence, not mistakes.
""")

# %% [markdown]
# ### How much do more data and more epochs bring?

# %% tags=["hide-input"]
rows_of = [*sizes.sizes, D["rows"]["train"]]
by_size = {
    names["stopped"]: (rows_of, [news_variants.over_seeds(analysis.of(records, "part4-sizes", f"early-stopping-{n}"), validated) for n in sizes.sizes] + [news_variants.over_seeds(stopped, validated)]),
    "TF-IDF + linear SVM": (rows_of, [validated(analysis.of(records, "part4-sizes", f"tfidf-{n}")[0]) for n in sizes.sizes] + [validated(tfidf[0])]),
    "Own": ([*sizes.own_sizes, rows_of[-1]], [comparison.mean(found, "validation_accuracy") for found in (*(analysis.of(records, "part4-sizes", f"own-{n}") for n in sizes.own_sizes), with_all)]),
}
page.figure(
    charts.sizes(by_size),
    "news-sizes",
    f"Validation accuracy against the number of training texts, with 95% intervals over seeds for the transformer. With {number(rows_of[0])} texts it has {percent(by_size[names['stopped']][1][0].mean)}, the linear model {percent(by_size['TF-IDF + linear SVM'][1][0])}; with all, {percent(by_size[names['stopped']][1][-1].mean)} and {percent(by_size['TF-IDF + linear SVM'][1][-1])}. The own classifier is trained in as many steps on fewer texts as on all.",
    "Three rising lines on a logarithmic axis of training texts; the linear model lies above the transformer, they come closer with more texts, and the own classifier lies above both.",
)
official = round(120_000 * rows_of[-1] / (rows_of[-1] + D["rows"]["validation"]))
further = ""
if official > rows_of[-1] and not P.synthetic:
    expected = analysis.extrapolated(*by_size["Own"], official)
    hoped = accuracy["Own"] + expected - by_size["Own"][1][-1]
    further = f"If it goes on as a power of their number [@hestness2017deep], it would be {percent(1 - expected)} on the {number(official)} that the official split has for training; as many points more on the test split would make {percent(hoped)}, above {(literature_scratch.accuracy < hoped).sum()} of the {number(len(literature_scratch))} published models without pre-training, instead of {(literature_scratch.accuracy < accuracy['Own']).sum()}: part of the distance to them is data."
gain = [by_size[names["stopped"]][1][-1].mean - by_size[names["stopped"]][1][-2].mean, by_size["TF-IDF + linear SVM"][1][-1] - by_size["TF-IDF + linear SVM"][1][-2]]
page.say(f"""
From {number(rows_of[-2])} to {number(rows_of[-1])} texts the transformer gains {number(100 * gain[0], 1)} points, the linear model {number(100 * gain[1], 1)}: {"a network that must learn what each word means from the labels alone is hungrier" if gain[0] > gain[1] else "both profit alike"}.
The own classifier's validation error is {join_list([percent(1 - a) for a in by_size["Own"][1]])} on {join_list([number(n) for n in by_size["Own"][0]])} texts (means over its first {count(len(with_all), "seed")}). {further}
{"More epochs do harm" if peak[names["base"]] > comparison.mean(base, "validation_accuracy") else "More epochs do no harm"}: Base has its highest validation accuracy after {join_list([str(int(r.arrays["history_validation_accuracy"].argmax()) + 1) for r in base])} of {sizes.epochs} epochs (by seed), and ends {number(100 * (peak[names["base"]] - comparison.mean(base, "validation_accuracy")), 1)} points below it ([@fig:news-history-accuracy]).
""")

# %% [markdown]
# ### Speed

# %% tags=["hide-input"]
speed = analysis.of(records, "part4-speed")[0]
ratios = np.array(speed.metrics["ours"]) / np.array(speed.metrics["common"])
trained_epochs = sum(r.metrics["epochs"] for r in analysis.of(records, "part4-variants"))
wall = lambda task: sum(r.provenance["wall_seconds"] for r in analysis.of(records, task))  # noqa: E731
page.say(f"""
**Answer.** Training runs at {number(np.median(speed.metrics["ours"]))} texts a second on {count(speed.provenance["threads"], "thread")}, {number(np.median(ratios), 1)} times (between {number(ratios.min(), 1)} and {number(ratios.max(), 1)} in {count(len(ratios), "repetition")}) the rate of the same model written the common way: `nn.TransformerEncoder`, every text padded to {sizes.longest} tokens, a `DataLoader` over single examples. These are rates of the machine and day of their record ({speed.provenance["started"][:10]}); `make bench` measures both ways again at a time of its own.
The gain comes from not computing padding: texts lie encoded in memory as 16-bit integers, batches hold texts of similar length and are as long as their longest text. Both ways run in turn in one process on {number(speed.metrics["rows"])} texts, with {number(speed.metrics["parameters"]["ours"])} parameters each.
The {count(len(analysis.of(records, "part4-variants")), "training")} of the four variants trained for {number(trained_epochs)} epochs, which at this rate is {duration(trained_epochs * D["rows"]["train"] / np.median(speed.metrics["ours"]))}; when the records were made, other work shared the machine ({speed.provenance["device"]}), and they took {duration(wall("part4-variants"))} of wall time on {count(stopped[0].provenance["threads"], "thread")}. `make reproduce` makes them anew. 16-bit floating point (bf16) does not pay here: matrices of width {sizes.width} are too small for it.

How soon a model is good counts more than how many texts it sees a second: [@tbl:news-time].
""")
goals = (0.90, 0.91, 0.92)
def soonest(found, goal):
    """The median seconds to an accuracy over the seeds, if most of them reach it."""
    taken = [t for r in found if (t := comparison.seconds_to(r, goal)) is not None]
    return duration(float(np.median(taken))) if 2 * len(taken) > len(found) else "never"


timed = {names["stopped"]: stopped, "Own": own, "TF-IDF + linear SVM": tfidf}
page.table(
    pd.DataFrame(
        {
            "Model": list(timed),
            **{f"to {percent(goal, 0)}": [soonest(found, goal) for found in timed.values()] for goal in goals},
            "whole training": [duration(np.mean([r.metrics["seconds"] for r in found])) for found in timed.values()],
            "its validation accuracy": [percent(comparison.mean(found, "validation_accuracy"), 2) for found in timed.values()],
            "threads": [str(found[0].provenance["threads"]) for found in timed.values()],
        }
    ),
    "news-time",
    "Training time until the validation accuracy first reaches a value (median over seeds; the linear model is fitted at once, the choice of its penalty included).",
    align="lrrrrrr",
)

# %% [markdown]
# ## Summary

# %% tags=["hide-input"]
confirmed = [k for k, v in said.items() if v == CONFIRMED]
page.say(f"""
Of the original's {len(said)} claims on this part, {len(confirmed)} are confirmed, and {fit_again} of its {len(comparable)} comparable numbers are reproduced; {best} is the best of its four variants at {percent(accuracy[best])}, and the linear model reaches {percent(accuracy["TF-IDF"])}.
A classifier of our own, from scratch and chosen on validation, reaches {percent(accuracy["Own"], 2)} on the test split.
""")
page.say(reproduce.told_again(parts_of_report.find("part4"), P, "a small transformer was trained"))
