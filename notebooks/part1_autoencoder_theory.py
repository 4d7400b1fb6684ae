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
# # Part I: Autoencoders for anomaly detection in manufacturing

# %% tags=["parameters"]
profile = "full"

# %% tags=["setup", "allow-stderr"]
import pandas as pd

from study import figures, published, reproduce, runs
from study import parts as parts_of_report
from study import profile as profiles
from study.manufacturing import analysis, charts, detectors, measures, recipes
from study.manufacturing import line as simulator
from study.manufacturing import model as electroguard
from study.manufacturing.analysis import (
    at_severity,
    difference,
    direction,
    labelled,
    last_month,
    monthly,
    of,
    over_seeds,
    score,
    shown,
    standard,
)
from study.manufacturing.detectors import AUTOENCODER, ENSEMBLE, FOREST, LIMITS, PCA_NAME, SINGLE
from study.manufacturing.faults import KINDS
from study.manufacturing.recipes import STANDARD_SEVERITY
from study.page import Page
from study.prose import count, join_list, number, percent, significant

P = profiles.load(profile)
S = P.part1
page = Page(P.figures, P.synthetic)
figures.use_style()
store = runs.Store(P.records)
records = store.get_all(recipes.specs(P), recipes.train)

clean = of(records, "part1-severity", "clean")
contaminated = {share: of(records, "part1-contamination", f"share-{round(100 * share)}") for share in S.contamination}
noisy = {factor: of(records, "part1-noise", f"times-{factor:g}") for factor in S.noise}
broken = {share: of(records, "part1-broken-gauges", f"share-{round(100 * share)}") for share in S.broken_gauges}
knowledge = of(records, "part1-knowledge", "heat-balance")
year = of(records, "part1-drift", "year")
patient = of(records, "part1-patience", "long-training")[0]
patient_contaminated = of(records, "part1-contamination", "long-training")[0]
milliseconds = of(records, "part1-latency", "single-vector")[0].metrics["milliseconds"]
usual = {name: {q: over_seeds(clean, standard(name, q)) for q in ("auroc", "detection")} for name in (*SINGLE, ENSEMBLE)}
best = analysis.winner({name: usual[name]["auroc"] for name in SINGLE})

model = electroguard.build(0)
layers = analysis.parameters(
    electroguard.counted(model), analysis.formula([model.input_shape[1], *electroguard.counted(model).outputs])
)
total = layers.iloc[-1]

# %% tags=["hide-input"]
behind = difference(clean, standard(PCA_NAME, "auroc"), clean, standard(AUTOENCODER, "auroc"))
page.say(f"""
**In short.** The autoencoder has **{number(total.total)} parameters**; the published total, {number(total.published)}, {
"leaves out the biases of the output layer" if total.published != total.total else "is the same"}. The challenges and improvements are
not only discussed here but measured, on a simulated production line and with this very model. {
f"There the simplest linear method, {best}, finds more than the autoencoder: at the standard severity its AUROC is {shown(usual[best]['auroc'])}, the autoencoder's {analysis.with_patience(records)}" if best != AUTOENCODER
else f"There the autoencoder has the highest AUROC of all single detectors, {shown(usual[best]['auroc'])}"}.
""")

# %% [markdown]
# **Scenario.** ElectroGuard Innovations collects temperature, pressure and voltage readings from its production line, as vectors of 1000 values, and wants faults found automatically. The prescribed autoencoder has 1000 inputs, 512 units with ReLU, a bottleneck of 32 units, again 512 units with ReLU, and 1000 sigmoid outputs, and is trained with mean squared error. The assignment names no activation for the bottleneck; so it is linear here.

# %% tags=["hide-input"]
page.code(electroguard.autoencoder)

# %% [markdown]
# ## Question 1. Calculate the total number of parameters in the autoencoder, including weights and biases.
#
# A fully connected layer from $m$ to $n$ values has $m \times n$ weights and $n$ biases, one for each of its units. The output layer is no exception.

# %% tags=["hide-input"]
wrong = layers[layers.total != layers.published].iloc[:-1]
total_verdict = analysis.judged(records)[-1].verdict
page.say(f"""
**{number(total.total)} parameters**: {number(total.weights)} weights and {number(total.biases)} biases. [@tbl:part1-parameters] counts them by the formula and in the Keras model;
both agree in every layer. The published total is {number(total.published)}: {
f"it is {total_verdict.status}, because its last line, `512 × 1000 = {number(wrong.iloc[0].published)}`, forgets the {number(wrong.iloc[0].biases)} biases of layer `{wrong.iloc[0].layer}`, exactly the difference of {number(total.total - total.published)}."
if len(wrong) == 1 and wrong.iloc[0].biases == total.total - total.published else f"the verdict is {total_verdict.status}."}
""")
page.table(
    pd.DataFrame(
        {
            "Layer": layers.layer,
            "Formula": [f"{r.inputs} × {r.outputs} + {r.biases}" if r.inputs else "" for r in layers.itertuples()],
            "Weights": layers.weights.map(number),
            "Biases": layers.biases.map(number),
            "Parameters": layers.total.map(number),
            "Published": layers.published.map(number),
            "Published − counted": [number(r.published - r.total) for r in layers.itertuples()],
        }
    ),
    "part1-parameters",
    "Parameters of every layer, from the model and from the formula, beside the published ones.",
    align="llrrrrr",
)
costs = electroguard.costs(model)
page.table(
    pd.DataFrame(
        {
            "Quantity": ["Parameters", "Activations of one vector", "Training, batch of " + str(electroguard.BATCH), "Multiply-adds per vector"],
            "Rule": [
                "parameters × 4 bytes",
                "(inputs + outputs of all layers) × 4 bytes",
                "parameters, gradients and two Adam moments, and a batch of activations",
                "one for each weight",
            ],
            "Value": [
                f"{number(costs['parameter_bytes'] / 1e6, 2)} MB",
                f"{number(costs['activation_bytes'] / 1e3, 2)} kB",
                f"{number(costs['training_bytes'] / 1e6, 2)} MB",
                f"{number(costs['multiply_adds'] / 1e6, 3)} million",
            ],
        }
    ),
    "part1-costs",
    "Memory in single precision (32 bits), and arithmetic. The model is small: a programmable controller with a few megabytes can hold it.",
    align="llr",
)

# %% [markdown]
# ## Question 2. Generate a computational graph for the autoencoder.

# %% tags=["hide-input"]
page.say("""
[@fig:part1-graph] is drawn from the Keras model itself; another layer or width there changes the figure. Forwards, every layer multiplies by its weights, adds its biases and applies its activation.
Backwards, the chain rule passes the gradient of the loss up the same edges; where an edge leaves for a parameter, the gradient has that parameter's shape, and Adam [@kingma2015adam] uses it for the update.
""")
page.figure(
    charts.graph(model),
    "part1-graph",
    f"Computational graph of the autoencoder: {len(electroguard.dense_layers(model))} layers from top to bottom (solid arrows), gradients from the loss back up (dashed). n is the batch; the bottleneck is yellow. The input is also the target of the loss.",
    "Vertical graph: input x, then for each of four layers a product with W, a sum with b and an activation, down to the mean squared error; green boxes hold the parameters with their shapes, dashed arrows lead the gradients back to all of them.",
)

# %% [markdown]
# ## The simulated line on which questions 3 and 4 are measured
#
# The company's data do not exist, so a seeded simulator stands in. One cycle makes one component. Ten stations each read two thermometers, two pressure gauges and a voltmeter at twenty time steps: 1000 readings, scaled to [0, 1] by the gauges' ranges. A few process states drive them all (product, ambient temperature, load, material, supply voltage, regulation of the heaters). Voltage heats a station by a first-order heat balance; material and load shape the pressure pulse. Wear lowers the heaters' efficiency, the controller answers with more voltage, and valves leak.

# %% tags=["hide-input"]
example = simulator.Line(S.seeds[0])
page.figure(
    charts.production(example),
    "part1-line",
    "Three gauges of one station: mean of each product's cycles when the line is new (solid, with the middle 90%) and after a year of wear (dashed). Temperatures hardly change, because the controller raises the voltage.",
    "Three panels over twenty time steps, temperature, pressure and voltage, with three coloured curves for the products and dashed curves for the worn line; the voltage curves lie higher when worn.",
)
page.figure(
    charts.fault_examples(example, STANDARD_SEVERITY),
    "part1-faults",
    f"The five kinds of fault at the standard severity ({STANDARD_SEVERITY:g}): the same cycle normal and faulty, at the gauge that changes most. A joint shift moves every gauge of the line by less than its noise.",
    "Five small panels, normal line and dashed faulty line: a spike, a slow departure, a reading that stays constant, a temperature that belongs to another product, and two lines that nearly coincide.",
)
page.say(f"""
**How it is measured.** A fault has a severity from 0 to 1; where something else varies it is {STANDARD_SEVERITY:g}. All detectors are fitted on the same {number(S.cycles)} unlabelled cycles. The *AUROC* is the probability that a faulty cycle scores higher than a normal one;
the *detection rate* is the share of faults above a threshold that {percent(measures.FALSE_ALARMS, 0)} of {number(S.judged)} separate normal cycles exceed. {count(len(S.seeds), "seed")} stand for as many plants, each with its own constants, production, faults and network; brackets and bands are Student's 95% intervals of the mean over them.
Beside the autoencoder ({S.epochs} epochs of Adam) stand PCA with {detectors.COMPONENTS} components, as many as the bottleneck has units, an isolation forest [@liu2008isolation], and the traditional limit check: the largest deviation of any one reading from its mean, in standard deviations.
All choices were made on a further plant that is not judged. What follows is true of this simulated line; a real line may differ.
""")
page.table(
    pd.DataFrame(
        {
            "Detector": list(SINGLE),
            "AUROC": [shown(usual[n]["auroc"]) for n in SINGLE],
            "Detection rate": [shown(usual[n]["detection"]) for n in SINGLE],
            "False alarms": [percent(over_seeds(clean, standard(n, "false_alarms")).mean) for n in SINGLE],
        }
    ),
    "part1-reference",
    f"The reference: clean training, standard severity, detection at {percent(measures.FALSE_ALARMS, 0)} false alarms (those on fresh cycles beside it). {best} has the highest AUROC.",
    align="lrrr",
)
of_kind = {kind: {n: over_seeds(clean, standard(n, "detection", kind)) for n in SINGLE} for kind in KINDS}
leaders = {kind: analysis.winner(found) for kind, found in of_kind.items()}
page.table(
    pd.DataFrame({"Detector": list(SINGLE)} | {kind.capitalize(): [number(found[n].mean, 2) for n in SINGLE] for kind, found in of_kind.items()}),
    "part1-kinds",
    f"Detection rate for each kind of fault under the same conditions. {f'{best} finds the most of every kind' if set(leaders.values()) == {best} else 'The most is found by ' + join_list([f'{n} ({kind})' for kind, n in leaders.items()])}.",
    align="l" + "r" * len(KINDS),
)
long_ae = patient.metrics["scores"][AUTOENCODER]
page.say(f"""
{f"**PCA wins**, by {shown(behind)} in AUROC." if behind.low > 0 else f"PCA's AUROC differs from the autoencoder's by {shown(behind)}."} The line's few states move its readings nearly linearly, PCA finds the best linear reconstruction exactly (mean squared error {significant(over_seeds(clean, lambda m: m["pca_loss"]).mean)} on fresh cycles),
and the autoencoder only approaches one by gradient steps ({significant(over_seeds(clean, lambda m: m["validation_loss"]).mean)}). How far it gets is a matter of patience: after {number(S.patient_epochs)} epochs instead of {S.epochs} (one plant), its AUROC is {number(long_ae["auroc"], 3)} and its detection rate {number(long_ae["detection"], 2)},
{"still below" if long_ae["auroc"] < patient.metrics["scores"][PCA_NAME]["auroc"] else "above"} PCA's {number(patient.metrics["scores"][PCA_NAME]["auroc"], 3)} and {number(patient.metrics["scores"][PCA_NAME]["detection"], 2)}, in {number(patient.provenance["wall_seconds"])} s of training.
The experiments below use the short training, the same for all of them, so they show directions; absolute rates would be higher with patience.
The isolation forest {"is hardly better than guessing" if usual[FOREST]["auroc"].mean < 0.6 else "is better than guessing"} ({shown(usual[FOREST]["auroc"])}): each of its cuts sees one reading of a thousand, and the faults hide in relations between readings.
""")

# %% [markdown]
# ## Question 3. Discuss potential challenges and limitations (at least 4) of using autoencoders for anomaly detection in manufacturing.

# %% tags=["hide-input"]
low_share, high_share = min(S.contamination), max(S.contamination)
shares = sorted(S.contamination)


def in_text(name):
    return name if name == PCA_NAME else f"the {name.lower()}"


def year_end(strategy, name, quantity):
    return over_seeds(year, last_month(strategy, name, quantity))


harm = {name: analysis.harms(records, S, name) for name in (AUTOENCODER, PCA_NAME)}
challenges = analysis.challenge_verdicts(harm[AUTOENCODER])
verdicts = {name: found.status for name, found in challenges.items()}
CHALLENGES = {"errors_learnt": "faults in the training data", "subtle_missed": "subtle faults", "messy_sensors": "noisy sensors", "conditions_change": "changing conditions"}
full = [CHALLENGES[k] for k, v in verdicts.items() if v == "confirmed"]
page.say(f"""
**In short:** measured with the autoencoder, {len(full)} of the original's {len(verdicts)} challenges {"is" if len(full) == 1 else "are"} confirmed{": " + join_list(full) if full else ""}. {" ".join(f"That of {CHALLENGES[k]} is {v}." for k, v in verdicts.items() if v != "confirmed")}

### Challenge 1: training data that contain faults

{published.with_verdict("errors_learnt", verdicts["errors_learnt"])}: {challenges["errors_learnt"].reason}.
""")
by_share = {
    "Scattered faults": {
        n: ([0, *shares], [usual[n]["auroc"], *(over_seeds(contaminated[s], score(n, "auroc", group="scattered")) for s in shares)]) for n in SINGLE
    },
    "Recurring faults": {
        n: (shares, [over_seeds(contaminated[s], score(n, "auroc", group="recurring")) for s in shares]) for n in SINGLE
    },
}
page.figure(
    charts.panels(by_share, "share of faulty cycles", "AUROC", [0, *shares], columns=2, height_cm=7),
    "part1-contamination",
    f"AUROC against the share of faulty cycles in the training data, half of them scattered (another place every time), half recurring (always the same). From {percent(low_share, 0)} to {percent(high_share, 0)}, the AUROC for recurring faults changes by {shown(harm[AUTOENCODER]['recurring'])} with the autoencoder and by {shown(harm[PCA_NAME]['recurring'])} with PCA.",
    "Two panels of lines with bands, one line a detector: nearly level for scattered faults; for recurring faults PCA falls with the share.",
)
long_recurring = patient_contaminated.metrics["recurring"]
long_scattered = patient_contaminated.metrics["scattered"]
page.say(f"""
It depends on the fault. Faults that strike another place every time leave no direction to be learnt: with {percent(high_share, 0)} faulty cycles, the autoencoder's AUROC for them is {direction(harm[AUTOENCODER]["scattered"])} that after clean training ({shown(harm[AUTOENCODER]["scattered"], 3)}).
A defect that recurs in the same place is a pattern like any other. With {percent(high_share, 0)}, PCA's AUROC for it is {direction(harm[PCA_NAME]["recurring"])} that with {percent(low_share, 0)} ({shown(harm[PCA_NAME]["recurring"])}); the autoencoder's, trained briefly, is {direction(harm[AUTOENCODER]["recurring"])} it ({shown(harm[AUTOENCODER]["recurring"])}).
{"That is no virtue: it has not yet learnt fine patterns at all. " if harm[AUTOENCODER]["recurring"].high >= 0 else ""}Trained for {number(S.patient_epochs)} epochs on {percent(high_share, 0)} faulty cycles (one plant), it scores {number(long_recurring[AUTOENCODER]["auroc"], 2)} on recurring and {number(long_scattered[AUTOENCODER]["auroc"], 2)} on scattered faults, against {number(long_ae["auroc"], 2)} after clean training:
{"**the better it learns, the more it takes a recurring defect for normal**, as the original says" if long_recurring[AUTOENCODER]["auroc"] < long_scattered[AUTOENCODER]["auroc"] - 0.02 else "even then recurring faults are found about as well as scattered ones"}.
What suffers at once is the **threshold**: set on data as unclean as the training data, it lies among the faults. At {percent(high_share, 0)}, detection changes by {shown(harm[AUTOENCODER]["threshold"])} for the autoencoder and by {shown(harm[PCA_NAME]["threshold"])} for PCA, although the models and their ranking of cycles are the same.
""")

# %% tags=["hide-input"]
page.say(f"""
### Challenge 2: subtle faults

{published.with_verdict("subtle_missed", verdicts["subtle_missed"])}.
""")
by_severity = {
    kind: {n: (recipes.SEVERITIES, [over_seeds(clean, at_severity(s, n, "auroc", kind)) for s in recipes.SEVERITIES]) for n in SINGLE} for kind in KINDS
}
hardest = min(KINDS, key=lambda k: over_seeds(clean, standard(AUTOENCODER, "auroc", k)).mean)
page.figure(
    charts.panels(by_severity, "severity", "AUROC", recipes.SEVERITIES[1:], columns=3, height_cm=10.5),
    "part1-severity",
    f"AUROC against severity for each kind of fault. For the autoencoder the hardest kind at the standard severity is the {hardest} ({shown(over_seeds(clean, standard(AUTOENCODER, 'auroc', hardest)))}).",
    "Five panels, one a kind of fault, with a rising line for each detector; PCA rises first nearly everywhere, the isolation forest hardly at all.",
)
page.table(
    pd.DataFrame(
        [
            {"Severity": f"{s:g}", **{n: shown(over_seeds(clean, at_severity(s, n, "detection"))) for n in SINGLE}} for s in recipes.SEVERITIES
        ]
    ),
    "part1-severity-detection",
    f"Detection rate at {percent(measures.FALSE_ALARMS, 0)} false alarms, all kinds together.",
    align="r" * 5,
)
page.say(f"""
At severity {recipes.SEVERITIES[1]:g} the autoencoder finds {percent(harm[AUTOENCODER]["gentle"].mean)} of the faults, {"no more than it raises false alarms" if harm[AUTOENCODER]["gentle"].low <= measures.FALSE_ALARMS else "against a false-alarm rate of " + percent(measures.FALSE_ALARMS, 0)}. The reason is arithmetic: its score is a mean over a thousand readings, in which a fault of one gauge (twenty readings) counts a fiftieth, while the misfit of ordinary cycles varies.
It is not a property of reconstruction as such, since PCA, with the same score, finds {percent(over_seeds(clean, at_severity(recipes.SEVERITIES[1], PCA_NAME, "detection")).mean)}: its misfit of ordinary cycles is smaller and steadier.
""")

# %% tags=["hide-input"]
page.say(f"""
### Challenge 3: noisy and uninformative sensors

{published.with_verdict("messy_sensors", verdicts["messy_sensors"])}.
""")
factors, lost = [1.0, *sorted(noisy)], [0.0, *sorted(broken)]
page.figure(
    charts.two_axes(
        ("noise of all gauges, × normal", {n: (factors, [usual[n]["auroc"], *(over_seeds(noisy[f], score(n, "auroc")) for f in factors[1:])]) for n in SINGLE}),
        ("share of gauges that read noise alone", {n: (lost, [usual[n]["auroc"], *(over_seeds(broken[s], score(n, "auroc")) for s in lost[1:])]) for n in SINGLE}),
        "AUROC",
    ),
    "part1-noise",
    f"AUROC against sensor noise, and against the share of gauges without information (faults strike working gauges only). The autoencoder's changes by {shown(harm[AUTOENCODER]['noise'])} at {max(noisy):g}-fold noise and by {shown(harm[AUTOENCODER]['broken'])} with {percent(max(broken), 0)} broken gauges.",
    "Two panels of lines with bands that fall to the right; in the right panel autoencoder and PCA fall together to little above one half, the limit check stays nearly level.",
)
blurred = [n for n in SINGLE if difference(noisy[max(noisy)], score(n, "auroc"), clean, standard(n, "auroc")).high < 0]
with_broken = {n: over_seeds(broken[max(broken)], score(n, "auroc")) for n in SINGLE}
page.say(f"""
{max(noisy):g}-fold noise lowers the AUROC of {join_list([in_text(n) for n in blurred]) if blurred else "no detector"} (PCA's by {shown(harm[PCA_NAME]["noise"])}). Broken gauges do {"more" if harm[AUTOENCODER]["broken"].mean < harm[AUTOENCODER]["noise"].mean else "less"} harm than that to the autoencoder: what nobody can predict fills the mean squared error and drowns the rest. With {percent(max(broken), 0)} of the gauges broken,
the highest AUROC is that of {in_text(analysis.winner(with_broken))} ({shown(with_broken[analysis.winner(with_broken)])}){", because it weighs every reading by its own standard deviation" if analysis.winner(with_broken) == LIMITS else ""}. The remedy is cheap: inputs or errors have to be weighted by what is normal for each gauge, and gauges without information removed.
""")

# %% tags=["hide-input"]
page.say(f"""
### Challenge 4: conditions that change after deployment

{published.with_verdict("conditions_change", verdicts["conditions_change"])}.
""")
in_service = (AUTOENCODER, PCA_NAME, FOREST)
page.figure(
    charts.drift(
        {
            "false alarms": {n: {s: monthly(year, s, n, "false_alarms") for s in recipes.STRATEGIES} for n in in_service},
            "AUROC": {n: {s: monthly(year, s, n, "auroc") for s in recipes.STRATEGIES} for n in in_service},
        },
        recipes.RETRAINING_MONTHS,
    ),
    "part1-drift",
    f"A year of wear: share of normal cycles that raise an alarm, and AUROC, as deployed (black), with a new threshold every quarter (orange) and retrained every quarter (green; dotted lines mark the quarters). After a year {percent(harm[AUTOENCODER]['alarms'].mean, 0)} of all normal cycles raise an alarm of the deployed autoencoder and {percent(year_end('fixed', PCA_NAME, 'false_alarms').mean, 0)} of the deployed PCA.",
    "Two rows of three panels over twelve months: the black false-alarm curves of autoencoder and PCA rise towards one, the orange and green ones are thrown back every three months; the AUROC falls except where retrained.",
)
half_year = over_seeds(year, lambda m: m["months"][recipes.RETRAINING_MONTHS[1]]["fixed"][PCA_NAME]["false_alarms"])
half_year_ae = over_seeds(year, lambda m: m["months"][recipes.RETRAINING_MONTHS[1]]["fixed"][AUTOENCODER]["false_alarms"])
page.say(f"""
Wear within the limits is no fault, but it is new. After {recipes.RETRAINING_MONTHS[1]} months {shown(half_year_ae)} of the normal cycles raise an alarm with the autoencoder and {shown(half_year)} with PCA; after a year the autoencoder's AUROC is {direction(harm[AUTOENCODER]["wear"])} that at the start ({shown(harm[AUTOENCODER]["wear"])}).
{"**The sharper detector fails first**: PCA's tight fit, which finds subtle faults, also makes an alarm of the first sign of wear." if half_year.low > half_year_ae.high else ""} The isolation forest, which notices little, notices wear little too.

**Summary of question 3.** {len(full)} of the {len(verdicts)} challenges are confirmed for the autoencoder on this line. At its worst, its AUROC changes by {shown(harm[AUTOENCODER]["broken"])} with broken gauges, by {shown(harm[AUTOENCODER]["wear"])} through a year of wear, by {shown(harm[AUTOENCODER]["noise"])} with noise and by {shown(harm[AUTOENCODER]["recurring"])} for faults that recur in the training data; PCA's by {shown(harm[PCA_NAME]["broken"])}, {shown(harm[PCA_NAME]["wear"])}, {shown(harm[PCA_NAME]["noise"])} and {shown(harm[PCA_NAME]["recurring"])}.
""")

# %% [markdown]
# ## Question 4. Propose potential improvements or extensions (at least 4) to the system to enhance its effectiveness in detecting anomalies.

# %% tags=["hide-input"]
few, many = min(recipes.LABELS), max(recipes.LABELS)
gain = {name: analysis.gains(records, name) for name in (AUTOENCODER, PCA_NAME)}
fewer_alarms = {name: difference(year, last_month("retrained", name, "false_alarms"), year, last_month("fixed", name, "false_alarms")) for name in gain}
improvement_verdicts = {name: found.status for name, found in analysis.improvement_verdicts(gain[AUTOENCODER]).items()}
helpful = sum(v == "confirmed" for v in improvement_verdicts.values())
IMPROVEMENTS = {"input": "the heat balance as input", "check": "the heat-balance check", "labels": f"{few} labels", "ensemble": "the ensemble", "retraining": "retraining"}
strongest = sorted(IMPROVEMENTS, key=lambda k: -gain[AUTOENCODER][k]["detection"].mean)[:2]
raised = [name for key, name in IMPROVEMENTS.items() if gain[PCA_NAME][key]["auroc"].low > 0]
all_gains = [
    (title.format(name), name, *gain[name][key].values())
    for key, title in (
        ("input", "{}, heat balance as input"),
        ("check", "{} or heat-balance check"),
        ("labels", "{}, " + f"{few} labels"),
        ("ensemble", "Ensemble, against {}"),
    )
    for name in gain
]
page.say(f"""
**In short:** measured against the plain autoencoder, {helpful} of the original's {len(improvement_verdicts)} improvements {"helps" if helpful == 1 else "help"}. [@fig:part1-gains] shows by how much, beside what the same idea does for PCA; retraining has its own figure above ([@fig:part1-drift]).
The isolation forest has no residuals to which labels or a heat balance could be added; as it is, it finds {shown(usual[FOREST]["detection"])} of all faults.
""")
page.figure(
    charts.gains(all_gains),
    "part1-gains",
    f"Change of AUROC and of the detection rate by each improvement, paired by plant, with 95% intervals. What helps the autoencoder need not help PCA: {sum(g[2].high < 0 for g in all_gains if g[1] == PCA_NAME)} of {sum(g[1] == PCA_NAME for g in all_gains)} ideas lower PCA's AUROC, {sum(g[2].low > 0 for g in all_gains if g[1] == PCA_NAME)} raise it.",
    "Two panels of dots with error bars around a zero line, one row an improvement; blue dots of the autoencoder lie to the right, PCA's near zero or left.",
)

# %% tags=["hide-input"]
page.say(f"""
### Improvement 1: domain knowledge

{published.with_verdict("expert_knowledge", improvement_verdicts["expert_knowledge"])}.

Engineers know that voltage heats: from a station's temperature and voltage follows its next temperature. The departure from this heat balance, 19 numbers a station, enters as further inputs of the model ({number(simulator.WIDTH + simulator.STATIONS * (simulator.STEPS - 1))} instead of {number(simulator.WIDTH)}), or stands beside the model as a check of its own, an alarm being raised by either.
The knowledge is imperfect: the law uses the mean ambient temperature and the new line's constants.
""")
knowledge_looks = {recipes.KNOWLEDGE_INPUT: "Autoencoder with help", recipes.EITHER: "Ensemble"}
page.figure(
    charts.by_kind(
        {n: {k: over_seeds(knowledge, score(n, "detection", k)) for k in KINDS} for n in (AUTOENCODER, recipes.KNOWLEDGE_INPUT, recipes.KNOWLEDGE_CHECK, recipes.EITHER, PCA_NAME)}
        | {FOREST: {k: over_seeds(clean, standard(FOREST, "detection", k)) for k in KINDS}},  # fitted on the same vectors
        f"detection rate at {percent(measures.FALSE_ALARMS, 0)} false alarms",
        knowledge_looks,
    ),
    "part1-knowledge",
    f"Detection rate by kind of fault. With the heat balance as input the autoencoder finds {shown(over_seeds(knowledge, score(recipes.KNOWLEDGE_INPUT, 'detection', 'broken correlation')))} of the broken correlations, without it {shown(over_seeds(knowledge, score(AUTOENCODER, 'detection', 'broken correlation')))}.",
    "Dots with intervals for five kinds of fault; with the heat balance the dots of broken correlation lie far to the right of the plain autoencoder's, for joint shift they do not.",
)
page.say(f"""
As input the heat balance changes the autoencoder's AUROC by {shown(gain[AUTOENCODER]["input"]["auroc"])} and its detection by {shown(gain[AUTOENCODER]["input"]["detection"])}; the check beside it changes detection by {shown(gain[AUTOENCODER]["check"]["detection"])}. It helps where the law is broken (thermometers, voltmeters) and not elsewhere.
PCA, which has found that relation by itself, {"loses" if gain[PCA_NAME]["input"]["auroc"].high < 0 else "gains" if gain[PCA_NAME]["input"]["auroc"].low > 0 else "hardly changes"}: {shown(gain[PCA_NAME]["input"]["auroc"], 3)} in AUROC, since the departures are mostly noise to it.
""")

# %% tags=["hide-input"]
unseen = {k: (over_seeds(clean, lambda m, k=k: m["labels"][AUTOENCODER]["unseen"][k]["seen"]), over_seeds(clean, lambda m, k=k: m["labels"][AUTOENCODER]["unseen"][k]["detection"])) for k in KINDS}
blind = [k for k in KINDS if unseen[k][0].mean < 0.5]
worst_unseen = max(KINDS, key=lambda k: unseen[k][0].mean - unseen[k][1].mean)
page.say(f"""
### Improvement 2: a few labels

{published.with_verdict("few_labels", improvement_verdicts["few_labels"])}.

The network stays as it is. A logistic regression reads nine summaries of its residuals (largest reading, largest gauge, trend and so on, wherever they occur) and learns from {few} to {many} labelled faults and 500 normal cycles what a fault looks like.
""")
page.figure(
    charts.labels(
        {name: (recipes.LABELS, [over_seeds(clean, labelled(name, n, "detection")) for n in recipes.LABELS]) for name in (AUTOENCODER, PCA_NAME)},
        {name: usual[name]["detection"] for name in (AUTOENCODER, PCA_NAME)},
        unseen,
    ),
    "part1-labels",
    f"Detection rate at {percent(measures.FALSE_ALARMS, 0)} false alarms. Left: {few} labels take the autoencoder from {number(usual[AUTOENCODER]['detection'].mean, 2)} to {number(over_seeds(clean, labelled(AUTOENCODER, few, 'detection')).mean, 2)}. Right: autoencoder with {many} labels, for each kind with and without labels of that kind; {worst_unseen} suffers most. For comparison, the isolation forest, which takes no labels, finds {shown(usual[FOREST]['detection'])} of all faults.",
    "Left panel: two rising lines over the number of labelled faults. Right panel: pairs of dots for five kinds of fault, close together except for the kind that suffers.",
)
page.say(f"""
{few} labelled faults, {number(few / len(KINDS))} of each kind, change detection by {shown(gain[AUTOENCODER]["labels"]["detection"])} ({"more than any other improvement here" if gain[AUTOENCODER]["labels"]["detection"].mean >= max(g[3].mean for g in all_gains if g[1] == AUTOENCODER and "PCA" not in g[0] and "Ensemble" not in g[0]) else "less than another improvement here"}, the ensemble aside): the residuals held the information all along, and the plain mean wasted it.
The price shows on the right: a {worst_unseen} that was never labelled is found at {shown(unseen[worst_unseen][1])} instead of {shown(unseen[worst_unseen][0])}. Labels should therefore add to the unsupervised alarm, not replace it. {f"What the residuals do not hold, labels do not bring either: {join_list([f'the {k} is found at {shown(unseen[k][0])}' for k in blind])} even with labels of its own." if blind else ""}
""")

# %% tags=["hide-input"]
page.say(f"""
### Improvement 3: an ensemble of different detectors

{published.with_verdict("combined_methods", improvement_verdicts["combined_methods"])}{", but not against its best member" if gain[PCA_NAME]["ensemble"]["auroc"].high < 0 else ""}.
""")
page.figure(
    charts.by_kind(
        {n: {k: over_seeds(clean, standard(n, "detection", k)) for k in KINDS} for n in (AUTOENCODER, PCA_NAME, FOREST, LIMITS, ENSEMBLE)},
        f"detection rate at {percent(measures.FALSE_ALARMS, 0)} false alarms",
    ),
    "part1-ensemble",
    f"Detection rate by kind of fault of the four detectors and of their ensemble (the largest of their standardised scores). Over all kinds the ensemble finds {shown(usual[ENSEMBLE]['detection'])}, PCA alone {shown(usual[PCA_NAME]['detection'])}.",
    "Dots with intervals for five kinds of fault and five detectors; the ensemble's stars lie close to PCA's crosses, slightly left of them.",
)
page.say(f"""
The ensemble's AUROC is {direction(gain[AUTOENCODER]["ensemble"]["auroc"])} the autoencoder's ({shown(gain[AUTOENCODER]["ensemble"]["auroc"])}) and {direction(gain[PCA_NAME]["ensemble"]["auroc"])} PCA's ({shown(gain[PCA_NAME]["ensemble"]["auroc"], 3)}).
{"Members see things differently, but here PCA sees nearly all that the others see; the rest only add false alarms, for which the threshold must rise. " if gain[PCA_NAME]["ensemble"]["detection"].high < 0 else ""}An ensemble is an insurance for those who cannot know which detector suits their line.
""")

# %% tags=["hide-input"]
page.say(f"""
### Improvement 4: periodic retraining

{published.with_verdict("keep_teaching", improvement_verdicts["keep_teaching"])}.

Every quarter the detectors are fitted again on the last month's production, unlabelled and with {percent(recipes.UNNOTICED_FAULTS, 0)} unnoticed faults among it ([@fig:part1-drift]). After a year this changes the autoencoder's false alarms by {shown(fewer_alarms[AUTOENCODER])} and PCA's by {shown(fewer_alarms[PCA_NAME])} against the detectors as deployed.
A new threshold every quarter costs no training, but at the year's end {shown(year_end("new threshold", AUTOENCODER, "false_alarms"))} of the normal cycles raise an alarm with the autoencoder and {shown(year_end("new threshold", PCA_NAME, "false_alarms"))} with PCA, and it cannot restore the ranking, which retraining does (AUROC: {shown(gain[AUTOENCODER]["retraining"]["auroc"])} against a new threshold alone for the autoencoder, {shown(gain[PCA_NAME]["retraining"]["auroc"])} for PCA).
A quarter is {"too long" if year_end("retrained", PCA_NAME, "false_alarms").low > measures.FALSE_ALARMS or year_end("retrained", AUTOENCODER, "false_alarms").low > measures.FALSE_ALARMS else "short enough"}: three months after the last retraining, {shown(year_end("retrained", AUTOENCODER, "false_alarms"))} of the normal cycles raise an alarm with the autoencoder and {shown(year_end("retrained", PCA_NAME, "false_alarms"))} with PCA.
And retraining has a danger that challenge 1 shows: a defect that recurs unnoticed is learnt. Data for retraining need a check by other means.

**Summary of question 4.** {helpful} of the {len(improvement_verdicts)} improvements {"helps" if helpful == 1 else "help"} the autoencoder, whose detection gains most by {join_list([f"{IMPROVEMENTS[k]} ({shown(gain[AUTOENCODER][k]['detection'])})" for k in strongest])}. The AUROC of PCA, which starts higher, is raised by {join_list(raised) if raised else "none of them"} alone.
""")

# %% [markdown]
# ## What a plant would do with this

# %% tags=["hide-input"]
prices = analysis.Economy()
shown_detectors = (*SINGLE, ENSEMBLE)
chosen = {n: analysis.by_cost(clean, n, prices) for n in shown_detectors}
page.say(f"""
**Short answer:** choose the threshold by cost, check it against the alarms that people can handle, and do not worry about computing time. Assume that {percent(prices.faulty_share)} of the components are faulty, that an alarm costs one inspection, and a cycle every {prices.seconds_per_cycle:g} s, that is {number(prices.cycles_per_shift)} components a shift of {prices.hours_per_shift:g} hours.
""")
page.figure(
    charts.economy(clean, shown_detectors, prices),
    "part1-economy",
    f"Detection rate and expected cost (in inspections) against false alarms a shift, means over plants at the standard severity. Dotted: a budget of {prices.alarm_budget:g} false alarms a shift; dashed: the cost without any detector.",
    "Two panels with a logarithmic axis of false alarms a shift: detection rates rise, PCA's and the ensemble's are high throughout; cost curves have a minimum, below the dashed line.",
)
page.table(
    pd.DataFrame(
        [
            {
                "Detector": name,
                "A missed fault costs": f"{c.missed:g} inspections",
                "False-alarm rate": percent(c.false_alarms),
                "Detection rate": percent(c.detection),
                "Cost per 1,000": number(c.cost, 1),
                "Without detector": number(c.without, 1),
            }
            for name in shown_detectors
            for c in chosen[name]
        ]
    ),
    "part1-thresholds",
    "Thresholds of least expected cost, chosen on one half of the faults and judged on the other; a rate of zero means that no alarm is cheaper.",
    align="llrrrr",
)
slowest = max(v["p99"] for v in milliseconds.values())
page.table(
    pd.DataFrame(
        {
            "Detector": list(SINGLE),
            "One vector, median (ms)": [number(milliseconds[n]["median"], 2) for n in SINGLE],
            "99th percentile (ms)": [number(milliseconds[n]["p99"], 2) for n in SINGLE],
            "One of a batch of 1,000 (ms)": [number(milliseconds[n]["in_batch"], 3) for n in SINGLE],
        }
    ),
    "part1-latency",
    f"Time to score a vector on {of(records, 'part1-latency', 'single-vector')[0].provenance['threads']} threads of a processor. A cycle takes {prices.seconds_per_cycle:g} s: {'all answer' if slowest < 1000 * prices.seconds_per_cycle else 'NOT all answer'} before the next component comes.",
    align="lrrr",
)
dear = {n: chosen[n][-1] for n in shown_detectors}
page.say(f"""
- **Threshold by cost.** The dearer a missed fault, the more false alarms pay. For a missed fault of {prices.missed[0]:g} inspections the autoencoder {"is not worth its alarms" if not chosen[AUTOENCODER][0].worth_it else f"saves {percent(1 - chosen[AUTOENCODER][0].cost / chosen[AUTOENCODER][0].without, 0)} of the cost"}; for {prices.missed[-1]:g} it saves {percent(1 - dear[AUTOENCODER].cost / dear[AUTOENCODER].without, 0)}, and {min(dear, key=lambda n: dear[n].cost)} saves {percent(1 - min(d.cost for d in dear.values()) / dear[AUTOENCODER].without, 0)}.
- **Alarm budget.** If a shift can inspect {prices.alarm_budget:g} false alarms, the false-alarm rate is {percent(prices.affordable, 2)}, and detection {join_list([f"{shown(analysis.detection_at(clean, n, prices.affordable))} with {in_text(n)}" for n in shown_detectors])}. With {percent(prices.faulty_share)} faulty components, most alarms of a weak detector are false ones.
- **Latency.** Arithmetic is {"no obstacle" if slowest < 1000 * prices.seconds_per_cycle else "an obstacle"}: the slowest detector needs {number(slowest, 1)} ms at the 99th percentile.
- **Bad input.** Vectors of another width, readings outside [0, 1] and missing values are refused with an error that says which reading is wrong, since a score of nonsense looks like any other score.
""")

# %% [markdown]
# ## Summary of Part I

# %% tags=["hide-input"]
alone = max((k for k in IMPROVEMENTS if k != "ensemble"), key=lambda k: gain[AUTOENCODER][k]["detection"].mean)
page.say(f"""
The autoencoder has {number(total.total)} parameters, {number(total.total - total.published)} more than published, and its graph is drawn from the model. Of the original's claims, {sum(v == "confirmed" for v in (verdicts | improvement_verdicts).values())} of {len(verdicts | improvement_verdicts)} are confirmed on the simulated line{", one of them only against the autoencoder: the ensemble does not beat its best member" if improvement_verdicts["combined_methods"] == "confirmed" and gain[PCA_NAME]["ensemble"]["auroc"].high < 0 else ""};
the strongest lessons are that {f"PCA with {detectors.COMPONENTS} components beats the briefly trained autoencoder" if best == PCA_NAME else "the autoencoder leads"}, that of what needs no other detector {IMPROVEMENTS[alone]} {"help" if alone == "labels" else "helps"} the autoencoder's detection most ({shown(gain[AUTOENCODER][alone]["detection"])}), and that {"without retraining PCA raises an alarm for " + percent(year_end("fixed", PCA_NAME, "false_alarms").mean, 0) + " of all normal cycles after a year of wear, the autoencoder for " + percent(harm[AUTOENCODER]["alarms"].mean, 0)}.
""")
page.say(reproduce.told_again(parts_of_report.find("part1"), P, "a short training was made"))
