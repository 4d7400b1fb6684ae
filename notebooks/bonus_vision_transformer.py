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
# # Bonus: Vision Transformer and EfficientNet

# %% tags=["parameters"]
profile = "full"

# %% tags=["setup", "allow-stderr"]
import itertools

import numpy as np
import pandas as pd

from study import classifier_charts, comparison, figures, published, reproduce, runs
from study import parts as parts_of_report
from study import profile as profiles
from study.comparison import compare, points
from study.evaluation import share_interval
from study.page import Page
from study.prose import CONFIRMED, REPRODUCED, count, duration, interval, join_list, number, p_value, percent
from study.vision import analysis, charts, convnets, recipes, vit
from study.vision.sources import CLASSES

P = profiles.load(profile)
page = Page(P.figures, P.synthetic)
figures.use_style()
store = runs.Store(P.records)
records = store.get_all(recipes.specs(P), recipes.train)

sizes = P.bonus
dataset = runs.of(records, "bonus-dataset")[0]
D = dataset.metrics
models = analysis.models(records)
VGG, RESNET, VIT, EFFICIENTNET, IMPROVED = models
judged = analysis.judged(records)
said = {name: found.status for name, found in analysis.claims(records).items()}
accuracy = {name: comparison.mean(found, "test_accuracy") for name, found in models.items()}
tested, validated = D["images"]["test"], D["images"]["validation"]
half = share_interval(round(accuracy[VGG] * tested), tested).half_width
told = {name: published.with_verdict(name, status) for name, status in said.items()}

# %% tags=["hide-input"]
fit_again = sum(j.verdict.status == REPRODUCED for j in judged)
best = max(accuracy, key=accuracy.get)
improved_vgg, vit_vgg = compare(models[IMPROVED], models[VGG]), compare(models[VIT], models[VGG])
order = sorted((n for n in models if n != IMPROVED), key=accuracy.get, reverse=True)
ties = [(a, b) for a, b in itertools.pairwise(order) if compare(models[a], models[b]).direction not in ("higher", "lower")]
tied = [f"{a} and {b}" for a, b in ties]
trials = analysis.trials()
page.say(f"""
**In short.** The four networks of the original, trained from random weights on an equivalent of its images, classify {join_list([f"{percent(accuracy[n])} ({n})" for n in order])} of {number(tested)} test images correctly; the original printed {join_list([percent(published.value(f"bonus.{m}.test_accuracy")) for n in order for m in recipes.MODELS if analysis.NAMES[m] == n])}.
{"Its order comes out again" if order == sorted(order, key=lambda n: -published.value(f"bonus.{next(m for m, name in analysis.NAMES.items() if name == n)}.test_accuracy")) else "Its order does not come out again"}{f", though {join_list(tied)} cannot be told apart" if tied else ""}: the Vision Transformer is {vit_vgg.than} VGG.
A Vision Transformer made for few images reaches **{percent(accuracy[IMPROVED], 2)}** and is {improved_vgg.than} VGG: the difference is {points(improved_vgg.difference)}.
""")

# %% [markdown]
# ## The problem and its images

# %% tags=["hide-input"]
total = sum(D["images"].values())
judged_trials = trials[trials.change.str.contains("judged on the test split")]
share_resized = {kind: one["resized"] / max(1, one["resized"] + one["native"]) for kind, one in D["origin"].items()}
page.say(f"""
Part I of the course's first assignment is the classification of images of {join_list(list(CLASSES))}, 64×64 pixels in three colours. {
    "Its images are not public. Those used here pose the same task with the same sizes and counts; they are composed of" if not P.synthetic else "Simulated images stand in for"}
Tiny ImageNet [@deng2009imagenet], ImageWoof, Imagenette, Food-101 [@bossard2014food] and Stanford Cars [@krause2013object] (`data/README.md` names source and licence of each).
So no published number must come out to the digit; what can be judged is the pattern. `IMAGES=path make report PART=bonus` trains everything on other images, such as the course's own.

{number(total)} images are split by class and a fixed seed into {number(D["images"]["train"])} for training, {number(validated)} for validation, which chooses epochs and recipes, and {number(tested)} for the test, which chooses nothing: each network is judged on it when its training is over{f" (so were {count(len(judged_trials), 'earlier training')} that `report/vision_trials.csv` names)" if len(judged_trials) else ""}.
{f"{count(D['near_duplicates']['images'], 'image')} in {count(D['near_duplicates']['groups'], 'group')} of near-duplicates stay on one side of the split." if D["near_duplicates"]["images"] else "No two images are near-duplicates."}
With {number(tested)} test images the 95% interval of one accuracy is about ±{number(100 * half, 1)} points; brackets hold 95% intervals throughout.
""")
page.table(
    pd.DataFrame(
        {
            "Class": list(CLASSES),
            **{name.capitalize(): [number(D["classes"][split][i]) for i in range(len(CLASSES))] for split, name in (("train", "training"), ("validation", "validation"), ("test", "test"))},
            "Kinds": [number(D["labels"][kind]) for kind in CLASSES],
            "Resized": [percent(share_resized[kind], 0) for kind in CLASSES],
            "Mean R, G, B": [" ".join(number(255 * v) for v in D["pixels_of_class"][kind]["mean"]) for kind in CLASSES],
            "Standard deviation": [" ".join(number(255 * v) for v in D["pixels_of_class"][kind]["deviation"]) for kind in CLASSES],
        }
    ),
    "vision-classes",
    "The classes: images of each split, how many kinds (breeds, dishes, makes) they show, the share that was cut and resized to 64×64, and mean and standard deviation of the training pixels' red, green and blue (0 to 255).",
    align="lrrrrrrr",
)
page.figure(
    charts.contact_sheet(dataset),
    "vision-sheet",
    "Training images, drawn at random. Some show their subject small, hidden or not at all: a network cannot be right about all of them.",
    f"Three rows of small photographs: {join_list(list(CLASSES))}.",
)
page.figure(
    charts.colours(dataset),
    "vision-colours",
    f"Mean training image of each class, and the brightness of its pixels. Colour and layout alone tell little: {max(CLASSES, key=lambda k: D['pixels_of_class'][k]['mean'][0] - D['pixels_of_class'][k]['mean'][2])} is the reddest class.",
    "Three blurred mean images and a line chart of the distribution of brightness of the three classes.",
)

# %% [markdown]
# ## Implement a vision transformer paper to solve a problem defined in Assignment 1, Part I. Compare the results with VGG and ResNet.

# %% tags=["hide-input"]
architecture = vit.Architecture(width=sizes.width, depth=sizes.depth, heads=sizes.heads, hidden=sizes.hidden, classes=len(CLASSES))
in_papers = published.table("networks").set_index("network").parameters
parameters = {name: found[0].metrics["parameters"] for name, found in models.items()}
page.say(f"""
**Answer.** The paper is Dosovitskiy et al. [-@dosovitskiy2021image]. An image is cut into {architecture.grid}×{architecture.grid} patches of {architecture.patch}×{architecture.patch} pixels; one linear map makes each a token of {architecture.width} numbers, to which a learned position is added. A class token is put in front; {count(architecture.depth, "pre-norm block")} of self-attention with {count(architecture.heads, "head")} (Part III, `study/attention.py`) and an MLP of two layers with GELU follow, and the class is read off the class token.
The smallest model of the paper, ViT-Base, has {number(in_papers[VIT] / 1e6)} million parameters and was trained on millions of images; this one has {number(parameters[VIT])}, a size that {number(D["images"]["train"])} images and two processor cores allow.
Given equal weights it gives the outputs of `transformers`' `ViTForImageClassification` (`tests/with_torch/test_vision_models.py`).

On the test split it reaches **{percent(accuracy[VIT], 2)}**, against {percent(accuracy[VGG], 2)} of VGG and {percent(accuracy[RESNET], 2)} of ResNet: {points(vit_vgg.difference)} from VGG. Convolutions know that neighbouring pixels belong together and that a dog is a dog anywhere; a transformer must learn both from the images, and {number(D["images"]["train"])} are few.
""")
page.code(vit.Patches, vit.EncoderBlock, vit.VisionTransformer)

# %% [markdown]
# ### The networks beside it

# %% tags=["hide-input"]
frame = models[VGG][0].spec["settings"]
longer_whole = {trial.network: trial for name, trial in trials.iterrows() if name.endswith("-longer-whole")}
page.say(f"""
VGG-13 with batch normalisation [@simonyan2015very; @ioffe2015batch] and ResNet-18 [@he2016deep] are written out for 64×64 pixels: VGG ends with a mean over its 2×2 positions instead of two layers of 4096 units, ResNet begins with one 3×3 convolution that halves the image instead of the two halvings meant for 224 pixels. EfficientNet-B0 [@tan2019efficientnet] is the pre-defined one of `transformers`, from its configuration, with random weights.

All are trained in one frame: AdamW [@loshchilov2019decoupled], linear warm-up and cosine decay [@smith2018super], batches of {frame["batch"]}, label smoothing of {frame["label_smoothing"]}, random shifts of up to {frame["augmentation"]["crop"]} pixels, horizontal flips, and random changes of brightness, contrast and saturation by up to {percent(frame["augmentation"]["jitter"], 0)}; small images first and full size last [@touvron2019fixing]; stopping after {count(sizes.patience, "epoch")} without a lower validation loss. What differs stands in [@tbl:vision-trainings]. It was chosen on the validation split, in {count(len(trials), "trial")} that `report/vision_trials.csv` lists; none of them chose anything on the test split. To save time, whole images come in the last third or quarter of the epochs alone: {join_list([f"{n} reaches {percent(comparison.mean(models[n], 'validation_accuracy'))} on validation ({percent(trial.validation_accuracy)})" for n, trial in longer_whole.items()])}; in brackets, what they had reached with the last half of the epochs on whole images, and {count(int(longer_whole[IMPROVED].epochs), "epoch")} of {IMPROVED}.
""")
page.code(convnets.VGG, convnets.ResidualBlock, convnets.ResNet18, convnets.EfficientNetB0)

# %% tags=["hide-input"]
settings = {name: found[0].spec["settings"] for name, found in models.items()}
page.table(
    pd.DataFrame(
        {
            "Network": list(models),
            "Parameters": [number(parameters[n]) for n in models],
            "In its paper, millions": [number(in_papers[n] / 1e6, 1) if n in in_papers else "–" for n in models],
            "Multiply-adds, millions": [number(found[0].metrics["multiply_adds"] / 1e6, 0) for found in models.values()],
        }
    ),
    "vision-networks",
    "The networks. Parameters of the papers are for 1000 classes and images of 224×224 (ViT: ViT-Base); multiply-adds are of one image of 64×64.",
    align="lrrr",
)
page.table(
    pd.DataFrame(
        {
            "Network": list(models),
            "Epochs": [f"{found[0].metrics['epochs']} of {settings[n]['epochs']}" for n, found in models.items()],
            "Epochs × image side": [", ".join(f"{n}×{side}" for side, n in analysis.epochs_by_side(found[0]).items()) for found in models.values()],
            "Learning rate": [f"{settings[n]['learning_rate']:g}" for n in models],
            "Precision": ["bf16" if settings[n]["bf16"] else "float32" for n in models],
            "Threads": [str(found[0].provenance["threads"]) for found in models.values()],
            "Images per second": [number(found[0].metrics["images_per_second"]) for found in models.values()],
            "Minutes": [number(found[0].metrics["seconds"] / 60) for found in models.values()],
        }
    ),
    "vision-trainings",
    f"What differs in their trainings. Images per second and minutes are of the whole training with its validation; other trainings shared the machine ({models[VGG][0].provenance['device']}).",
    align="lrrrlrrr",
)

# %% [markdown]
# ### Results of all networks

# %% tags=["hide-input"]
page.table(
    pd.DataFrame(
        {
            "Quantity": [j.quantity for j in judged],
            "Network": [j.model for j in judged],
            "Published": [number(j.published, 2) if "loss" in j.quantity else percent(j.published, 2) for j in judged],
            "Regenerated": [number(np.mean(j.values), 2) if "loss" in j.quantity else percent(np.mean(j.values), 2) for j in judged],
            "Verdict": [j.verdict.status for j in judged],
        }
    ).sort_values("Quantity", key=lambda q: q.map(list(comparison.QUANTITIES.values()).index), kind="stable"),
    "vision-published",
    f"Every number that the original prints, beside ours: {fit_again} of {len(judged)} {'lies' if fit_again == 1 else 'lie'} within {number(100 * analysis.SHARE_TOLERANCE)} points (losses: {percent(analysis.LOSS_TOLERANCE, 0)}). Precision, recall and F1 are means over the classes on the test split. Ours are of finished trainings, EfficientNet's of the original of its tenth epoch. The images are others, so a difference accuses neither side.",
    align="llrrl",
)
page.table(
    pd.DataFrame(
        {
            "Network": list(models),
            **{
                f"{title} {what}": [(percent if what == "accuracy" else number)(comparison.mean(found, f"{split}_{what}"), 2 if what == "accuracy" else 3) for found in models.values()]
                for split, title in (("train", "Training"), ("validation", "Validation"), ("test", "Test"))
                for what in ("accuracy", "loss")
            },
            **{title: [percent(comparison.mean(found, q), 2) for found in models.values()] for q, title in (("precision", "Precision"), ("recall", "Recall"), ("f1", "F1"))},
        }
    ),
    "vision-results",
    f"All networks on all splits, measured on the finished model and unchanged images: accuracy, cross-entropy (nats), and precision, recall and F1 of the test split (means over the classes). {best} has the highest test accuracy.",
    align="lrrrrrrrrr",
)
odd = analysis.inconsistent()
reported = next((m for m, n in analysis.NAMES.items() if odd and n == odd[0]), "vgg")
page.say(f"""
{f"A number of the original contradicts another: over classes of equal size, the mean recall *is* the accuracy. For {join_list(odd)} it prints a recall of {percent(published.value(f'bonus.{reported}.recall'), 2)} beside a test accuracy of {percent(published.value(f'bonus.{reported}.test_accuracy'), 2)}; the two cannot come from one run on balanced classes. For the others they agree." if odd else "Its recalls agree with its accuracies, as they must over classes of equal size."}
""")
whole = analysis.first_whole(models[EFFICIENTNET][0])
curve = models[EFFICIENTNET][0].arrays["history_validation_accuracy"]
jump = f", which a network that trains on smaller ones may get wrong: EfficientNet has {percent(curve[whole - 1])} after epoch {whole}, the last of smaller images, and {percent(curve[whole])} after the next" if whole else ""
page.plot(
    classifier_charts.history_interactive(models, "accuracy"),
    "vision-history-accuracy",
    f"Accuracy over epochs. Training images are augmented and at first small, so that training accuracy lies below what the finished model has on unchanged images. Validation images always have their full size{jump}.",
    "Five panels, one a network, each with training and validation accuracy over epochs, rising.",
    classifier_charts.history(models, "accuracy"),
)
lowest = join_list([f"{found[0].metrics['best_epoch']} ({n})" for n, found in models.items()])
page.plot(
    classifier_charts.history_interactive(models, "loss"),
    "vision-history-loss",
    f"Cross-entropy over epochs; the training loss includes the smoothing of labels, the validation loss does not. The lowest validation loss is reached in epoch {lowest}.",
    "Five panels, one a network, each with training and validation loss over epochs, falling.",
    classifier_charts.history(models, "loss"),
)

# %% tags=["hide-input"]
worst = {n: comparison.frequent_mistake(found) for n, found in models.items()}
page.plot(
    classifier_charts.confusion_interactive(models, CLASSES),
    "vision-confusion",
    f"Confusion matrices on the test split. The most frequent mistake is {join_list([f'{CLASSES[true]} called {CLASSES[called]} ({n}, {number(times)})' for n, (true, called, times) in worst.items()])}.",
    "Five matrices of three by three counts; the diagonal is far the largest in each.",
    classifier_charts.confusion(models, CLASSES),
)
page.figure(
    charts.mistakes(models[best][0]),
    "vision-mistakes",
    f"The mistakes of {best} of which it is most certain: what the image shows by its label, its class, and what the network calls it.",
    "Fifteen small photographs, each with its label above.",
)

# %% [markdown]
# ### Comparison with VGG and ResNet

# %% tags=["hide-input"]
pairs = [(a, b) for i, a in enumerate(models) for b in list(models)[i + 1 :]]
compared_pairs = {pair: compare(models[pair[0]], models[pair[1]]) for pair in pairs}
page.table(
    pd.DataFrame(
        {
            "Network": [a for a, _ in pairs],
            "against": [b for _, b in pairs],
            "Difference, points": [f"{number(100 * c.difference.mean, 2)} ({interval(100 * c.difference.low, 100 * c.difference.high)})" for c in compared_pairs.values()],
            "McNemar's p": ["; ".join(p_value(p).removeprefix("p\N{NO-BREAK SPACE}").removeprefix("=\N{NO-BREAK SPACE}") for p in c.p_values) for c in compared_pairs.values()],
            "Direction": [c.direction for c in compared_pairs.values()],
        }
    ),
    "vision-pairs",
    f"Differences of test accuracy between the networks on the same {number(tested)} images: 95% bootstrap intervals over the images and McNemar's exact test [@mcnemar1947note]. They say what other images would change, not what another seed would: each network was trained {'once' if len(sizes.seeds) == 1 else f'{len(sizes.seeds)} times'}.",
    align="llrrl",
)
short_vit = trials.loc[analysis.SHORT_VIT]
gaps = {n: analysis.train_test_gap(found) for n, found in models.items()}
page.say(f"""
{told["vgg_generalises"]}. Between training and test its accuracy falls by {points(gaps[VGG])}; “well-balanced” is taken to mean at most {number(100 * analysis.BALANCED)} points.

{told["resnet_overfits"]}. ResNet's accuracy falls by {points(gaps[RESNET])}, which is {points(analysis.gap_difference(models[RESNET], models[VGG]))} more than VGG's.

{told["resnet_like_vgg"]}. Their recalls differ by {points(compare(models[RESNET], models[VGG]).difference)}; “very similar” is taken to mean at most {number(100 * analysis.SIMILAR)} points.

{told["vit_lower"]}. VGG is {points(compare(models[VGG], models[VIT]).difference)} above it, ResNet {points(compare(models[RESNET], models[VIT]).difference)}.

{told["vit_declines"]}. The validation accuracy of the ViT is highest, at {percent(np.max(models[VIT][0].arrays["history_validation_accuracy"]), 2)}, in epoch {number(int(np.argmax(models[VIT][0].arrays["history_validation_accuracy"])) + 1)} of {number(models[VIT][0].metrics["epochs"])}, and ends at {percent(models[VIT][0].arrays["history_validation_accuracy"][-1], 2)}.

{told["vit_tuning"]}. A trial of {count(short_vit.epochs, "epoch")} ended at {percent(short_vit.validation_accuracy)} on validation, this training of {number(models[VIT][0].metrics["epochs"])} at {percent(comparison.mean(models[VIT], "validation_accuracy"))}. What is made for few images below has convolutions in front, not other settings alone; it gains {points(compare(models[IMPROVED], models[VIT]).difference)} on the test split.
""")

# %% [markdown]
# ## Use EfficientNet to solve a problem defined in Assignment 1, Part I. Compare the results with VGG and ResNet. You can use pre-defined EfficientNet models.

# %% tags=["hide-input"]
strides = {n: runs.of(records, "bonus-stride", n) for n in recipes.STRIDES}
paper, late, forgetful = strides.values()
stride_changes = analysis.changes(records, "bonus-stride", "paper")
longer = analysis.longer(models[EFFICIENTNET], paper)
sixteen = trials.loc["efficientnet-16"]
recall_of = {n: analysis.recalls(models[n]) for n in (EFFICIENTNET, VGG)}
behind = {n: compare(models[n], models[EFFICIENTNET]).difference for n in (VGG, RESNET)}
validation = {n: comparison.mean(found, "validation_accuracy") for n, found in models.items()}
page.say(f"""
**Answer.** EfficientNet-B0 reaches **{percent(accuracy[EFFICIENTNET], 2)}** on the test split (published: {percent(published.value("bonus.efficientnet.test_accuracy"), 2)}), with {number(parameters[EFFICIENTNET])} parameters and {percent(models[EFFICIENTNET][0].metrics["multiply_adds"] / models[VGG][0].metrics["multiply_adds"], 1)} of VGG's multiply-adds. That is {points(behind[VGG])} below VGG and {points(behind[RESNET])} below ResNet. Its results stand beside those of VGG and ResNet in [@tbl:vision-results; @fig:vision-history-accuracy; @fig:vision-confusion].

{told["efficientnet_lower"]}.

{told["vgg_resnet_robust"]}. On validation the differences are {join_list([points(compare(models[n], models[EFFICIENTNET], "validation").difference) for n in (VGG, RESNET)])}.

{told["efficientnet_epoch_10"]}. Epoch 10 was the end of the original's training; at the end of ours, after {number(models[EFFICIENTNET][0].metrics["epochs"])} epochs of EfficientNet and {number(models[VGG][0].metrics["epochs"])} of VGG and ResNet, EfficientNet is at {percent(validation[EFFICIENTNET])} on validation, VGG at {percent(validation[VGG])} and ResNet at {percent(validation[RESNET])}. (Its own tenth epoch, {percent(curve[min(10, len(curve)) - 1])}, still trains on small images.)

{told["efficientnet_class_2"]}. Class 2 is {CLASSES[2]}: {percent(recall_of[EFFICIENTNET][2][0])} of its images are recognised, against {join_list([f"{percent(recall_of[EFFICIENTNET][k][0])} of the {CLASSES[k]}" for k in (0, 1)])}; VGG recognises {percent(recall_of[VGG][2][0])}, {join_list([percent(recall_of[VGG][k][0]) for k in (0, 1)])}.

{told["efficientnet_longer"]}. {count(models[EFFICIENTNET][0].metrics["epochs"], "epoch")} instead of {paper[0].metrics["epochs"]} change the validation accuracy by {points(longer.difference)}; a trial of {sixteen.epochs} ended at {percent(sixteen.validation_accuracy)}, this training at {percent(comparison.mean(models[EFFICIENTNET], "validation_accuracy"))}.

{told["efficientnet_pretraining"]}. Everything here starts from random weights.

{told["vgg_resnet_best"]}. {"A transformer made for the task" if improved_vgg.direction != "lower" else "Even a transformer made for the task"} is {improved_vgg.than} VGG.
""")

# %% [markdown]
# ### What small images do to EfficientNet

# %% tags=["hide-input"]
stride_names = {"late": "last stride of 2 taken away", "statistics": "pre-defined running statistics"}
page.say(f"""
EfficientNet halves the image five times: of 64×64 pixels 2×2 positions are left to the last stages, which it was not meant for. Taking the last halving away leaves 4×4. In trainings of {count(paper[0].metrics["epochs"], "epoch")} this changes the validation accuracy from {percent(comparison.mean(paper, "validation_accuracy"), 2)} by {points(stride_changes["late"].difference)} ({stride_changes["late"].direction}), for {number(late[0].metrics["multiply_adds"] / paper[0].metrics["multiply_adds"], 2)} times the multiply-adds.

There is a trap in the pre-defined model: its batch normalisation has a momentum of {recipes.STRIDES["statistics"]["momentum"]}, which in TensorFlow means that the running statistics change slowly; PyTorch reads the number the other way round, so that only the last batch counts. With it the validation accuracy changes by {points(stride_changes["statistics"].difference)}; all other trainings use PyTorch's default.
""")
page.figure(
    charts.change({stride_names[n]: c for n, c in stride_changes.items()}),
    "vision-stride",
    f"EfficientNet-B0 with one change, in trainings of {count(paper[0].metrics['epochs'], 'epoch')}: change of validation accuracy with its 95% bootstrap interval over {number(validated)} images. Filled: clear.",
    "Two points with error bars beside a line at zero.",
)

# %% [markdown]
# ## Beyond the original
#
# ### A Vision Transformer for few images

# %% tags=["hide-input"]
ablation_names = {
    "none": "none of them (plain ViT)",
    "without-convolutions": "patches instead of convolutions",
    "shifted": "shifted patches with local attention",
    "stem-alone": "no attention behind the convolutions",
    "without-mean": "class token instead of the mean",
    "without-early-head": "no early head",
    "without-augmentation": "nothing erased",
}
back = analysis.changes(records, "bonus-ablation", "all")
every = runs.of(records, "bonus-ablation", "all")
found = {way: [name for n, name in ablation_names.items() if back[n].direction == way and n not in ("none", "stem-alone")] for way in ("lower", "higher")}
trial_accuracy = trials.validation_accuracy
unchanged, zoomed = trial_accuracy["improved-erase"], trials.loc["improved-zoom-short"]
best_trial = trials[trials.network == IMPROVED].sort_values("validation_accuracy").iloc[-1]
page.say(f"""
**Answer.** The improved transformer has the same width, depth and heads, and four changes. Its tokens come from the first four blocks of VGG-13, whose last pooling is left out, instead of flat patches [convolutions should come first: @xiao2021early]; the class is read off the mean of all tokens [@beyer2022better], and by a second head off the tokens before attention as well, with a loss of its own [@lee2015deeply], so that convolutions learn fast; a quarter of the training images lose a rectangle [@zhong2020random].
With the full training it reaches {percent(accuracy[IMPROVED], 2)} on the test split, {points(compare(models[IMPROVED], models[VIT]).difference)} more than the plain one, and is {improved_vgg.than} VGG ({points(improved_vgg.difference)}; {percent(comparison.mean(models[IMPROVED], "validation_accuracy"), 2)} and {percent(comparison.mean(models[VGG], "validation_accuracy"), 2)} on validation), with {percent(parameters[IMPROVED] / parameters[VGG], 0)} of its parameters and {percent(models[IMPROVED][0].metrics["multiply_adds"] / models[VGG][0].metrics["multiply_adds"], 0)} of its multiply-adds. The two trainings are not equally long ([@tbl:vision-trainings]), and VGG's images are augmented lightly: the comparison is one of recipes, not of architectures alone.

[@fig:vision-ablation] takes the changes back one at a time, in trainings of {count(every[0].metrics["epochs"], "epoch")} on images of {join_list([str(side) for side in analysis.epochs_by_side(every[0])])} pixels, judged on validation images of {every[0].spec["settings"]["sizes"][-1]}; beside flat patches it tries what Lee et al. propose for few images [-@lee2021vision], patches beside shifted copies of themselves and attention that is kept local.
{f"Clearly worse: {join_list(found['lower'])}." if found["lower"] else "No single change is clearly worse in so short a training."} {f"Clearly better: {join_list(found['higher'])}." if found["higher"] else "None is clearly better."} Without any attention, the class read off the mean of the convolutions' tokens, the accuracy changes by {points(back["stem-alone"].difference)}: {"so soon, the convolutions do nearly all of the work" if back["stem-alone"].direction != "lower" else "attention adds to what the convolutions see"}. All rows share the learning rate of {settings[IMPROVED]["learning_rate"]:g}, at which patches hardly learn (the plain ViT has {settings[VIT]["learning_rate"]:g}).
Three more recommendations were tried in trainings of as many epochs, the last one on whole images, and left out: locality in the attention beside the convolutions ({percent(trial_accuracy["improved-local"])} on validation; {percent(unchanged)} without any), a moving average of the weights ({percent(trial_accuracy["improved-average"])}), which lags behind weights that still move fast, and mixing images [@zhang2018mixup; @yun2019cutmix] ({percent(trial_accuracy["improved-mixed"])}), which has hundreds of epochs in the literature.
{f"Zooming in as well, by up to a third, was tried and left out: trainings of {count(zoomed.epochs, 'epoch')} end at {percent(zoomed.validation_accuracy)} with it and at {percent(unchanged)} without. Enlarged images are smoother, and show their subject larger, than those that are judged." if zoomed.validation_accuracy < unchanged else ""}
{f"The recipe is not the last word: a trial of other settings ({best_trial.change}) had reached {percent(best_trial.validation_accuracy)} on validation, this training {percent(comparison.mean(models[IMPROVED], 'validation_accuracy'))}." if best_trial.validation_accuracy > comparison.mean(models[IMPROVED], "validation_accuracy") else ""}
""")
page.code(vit.Convolutions)
page.figure(
    charts.change({name: back[n] for n, name in ablation_names.items()}),
    "vision-ablation",
    f"The improved ViT with changes taken back, {count(every[0].metrics['epochs'], 'epoch')} each: change of validation accuracy (with all changes {percent(comparison.mean(every, 'validation_accuracy'), 2)}) with its 95% bootstrap interval over {number(validated)} images. Filled: clear.",
    "Seven points with error bars beside a line at zero.",
)

# %% [markdown]
# ### Where does it look?

# %% tags=["hide-input"]
focus = analysis.concentration(models[IMPROVED][0])
page.say(f"""
**Answer.** {"At few places" if min(focus.values()) > 0.5 else "All over the image"}: the quarter of the patches that counts most holds {join_list([f"{percent(share)} of the map where the network is {'right' if is_right else 'wrong'}" for is_right, share in focus.items()])}; {percent(0.25, 0)} would be even.
Attention roll-out [@abnar2020quantifying] multiplies the attention of all layers, with half of each layer passing by it, into one map: how much of each patch enters what the class is read off, here the mean of all tokens. It says where information could come from, not that it was used.
""")
page.figure(
    charts.attention(models[IMPROVED][0]),
    "vision-attention",
    f"Test images and what of them {IMPROVED} takes in (bright), by roll-out. Left: right ones; right: the most confident mistakes, with what they are called.",
    "Pairs of rows of small photographs for the three classes: the images, and below them the images lit where the network looks.",
)

# %% [markdown]
# ### Do the networks lean on how an image was made?

# %% tags=["hide-input"]
table = analysis.origins(models, dataset)
if table.empty:
    page.say("It is not known which of these images were resized, so this stays open.")
else:
    native = {n: analysis.native_accuracy(found[0], dataset) for n, found in models.items()}
    mean_of = lambda i: i.mean  # noqa: E731
    share = lambda i: f"{percent(i.mean)} ({number(100 * i.low, 1)} to {number(100 * i.high, 1)})"  # noqa: E731
    page.say(f"""
{percent(share_resized["dogs"], 0)} of the dogs were resized to 64×64, but only {join_list([f"{percent(share_resized[k], 0)} of the {k}" for k in CLASSES[1:]])}. A network that saw traces of resizing could guess “dog” from them. If so, resized {CLASSES[1]} and {CLASSES[2]} would be called dogs more often than native ones, and native dogs would be recognised less often than resized ones, but not native {CLASSES[1]} and {CLASSES[2]}.
[@tbl:vision-origin] shows: {join_list([f"{n} calls {percent(np.mean(table[(table.model == n) & (table['class'] != 'dogs')].resized_dogs))} of the resized and {percent(np.mean(table[(table.model == n) & (table['class'] != 'dogs')].native_dogs))} of the native others dogs" for n in (VGG, IMPROVED)])}. Native images are recognised less often than resized ones by {join_list([f"{(table[table['class'] == k].native.map(mean_of) < table[table['class'] == k].resized.map(mean_of)).sum()} of {len(models)} networks ({k})" for k in CLASSES])}: what holds for other classes, too, is no sign of a leak. The two groups also come from different collections, which differ in difficulty.
On images of native size alone, the mean accuracy over the classes is {join_list([f"{percent(native[n])} ({n})" for n in models])}.
""")
    page.table(
        pd.DataFrame(
            {
                "Network": table.model,
                "Class": table["class"],
                "Native": table.native.map(share),
                "Resized": table.resized.map(share),
                "Native called dogs": table.native_dogs.map(percent),
                "Resized called dogs": table.resized_dogs.map(percent),
            }
        ),
        "vision-origin",
        "Test accuracy by how an image was made, with Wilson's 95% intervals, and the share called dogs.",
        align="llrrrr",
    )

# %% [markdown]
# ### Speed and cost

# %% tags=["hide-input"]
speed = runs.of(records, "bonus-speed")[0]
rate = {way: float(np.median(speed.metrics[way])) for way in ("plain", "ours", "progressive")}
ratio = np.array(speed.metrics["ours"]) / np.array(speed.metrics["plain"])
staged = np.array(speed.metrics["progressive"]) / np.array(speed.metrics["plain"])
wall = sum(r.provenance["wall_seconds"] for r in records)
page.say(f"""
**Answer.** Our loop trains ResNet-18 on {number(rate["ours"])} images of 64×64 a second, {number(np.median(ratio), 1)} times (between {number(ratio.min(), 1)} and {number(ratio.max(), 1)}) as many as the plain way ({number(rate["plain"])}/s: JPEGs decoded and augmented one at a time in a `DataLoader`, 32-bit floating point); with small images first it is {number(rate["progressive"])}/s, {number(np.median(staged), 1)} times. Both ways ran in turn in one process on {count(speed.provenance["threads"], "thread")} ({speed.provenance["device"]}).
All images lie decoded in memory as bytes, whole batches are augmented at once, and convolutions run on 16-bit floating point with channels last. All {count(len(records), "run")} of this part together took {duration(wall)}.
""")
page.figure(
    charts.training_time(models),
    "vision-time",
    f"Validation accuracy against training time, an epoch a step; large marks: test accuracy of the finished model. {min(models, key=lambda n: models[n][0].metrics['seconds'])} was trained fastest, {best} is the most accurate.",
    "Five rising lines, one a network, with a large mark at the end of each.",
)

# %% [markdown]
# ## Summary

# %% tags=["hide-input"]
confirmed = [k for k, v in said.items() if v == CONFIRMED]
page.say(f"""
Of the original's {len(said)} claims on this part, {len(confirmed)} are confirmed; {fit_again} of its {len(judged)} numbers {"comes" if fit_again == 1 else "come"} out again on other images. The best of its four networks is {order[0]} at {percent(accuracy[order[0]])}; the transformer made for few images reaches {percent(accuracy[IMPROVED])}.
""")
page.say(reproduce.told_again(parts_of_report.find("bonus"), P, "the images were read, split and described"))
