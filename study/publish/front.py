"""The front pages: abstract, limitations, results, main claims, how to read, and where each question is answered.

For one part alone they tell of that part, without abstract, main claims and limitations.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from study import paths, published
from study import verdicts as words
from study.anomaly.analysis import LOSSES
from study.anomaly.detectors import BASELINES, OURS
from study.anomaly.leaderboard import leaderboard
from study.checks import holds
from study.comparison import compare, mean
from study.manufacturing.detectors import AUTOENCODER, PCA_NAME
from study.manufacturing.evaluation import Evidence
from study.news.experiments import VARIANTS
from study.news.variants import NAMES
from study.page import Page
from study.parts import Part
from study.prose import NO_BREAK_SPACE, number, percent, significant
from study.publish.errors import PublishError
from study.publish.scorecard import Records, Verdicts, facts, measured
from study.runs import Record, of
from study.theory import claims as theory
from study.vision import evaluation as images

MAIN_CLAIMS = {
    "part1": ("errors_learnt", "combined_methods"),
    "part2": ("base_good_fit", "lstm_highest", "outliers_found"),
    "part3": ("attention_gradients",),
    "part4": ("base_overfits", "early_stopping_best"),
    "bonus": ("vit_lower", "vgg_resnet_best"),
}
"""The ten claims of the original on which most of it rests, by their names in data/published.toml."""

SPLIT_LOSSES = (LOSSES["last_loss"], LOSSES["middle_loss"])
"""What the original reports of two parts of Part II's series, which tells how long they are."""

HOW_TO_READ = f"""\
**How to read.**

- [✓]{{.sign}}: an automatic test checked the statement's direction or margin; a false one stops the build, and what rests on two comparisons has two marks. All digits are inserted from the data. [@sec:checks] of the HTML lists what each mark compared. *✗ not so here* appears only on other data or with another model.
- A published number from a training is *{words.REPRODUCED}* if it could be one more training of ours (to its printed digits it lies in the 95% prediction interval of our seeds), *{words.CLOSE}* if it only lies near the median, else *{words.NOT_REPRODUCED}*; it is *{words.NOT_COMPARABLE}* if its data or its rule are not available. A fact, such as a number of parameters, is *{words.EXACT}* or not.
- A claim is *{words.CONFIRMED}*, *{words.PARTLY}*, *{words.UNCLEAR}* (the measurement does not decide), *{words.CONTRADICTED}* or *not tested*. [@sec:scorecard] has the rules and every verdict.
- 84% [82 to 86] is a mean or a difference with its 95% confidence interval, 90.8 ± 0.2 a mean with the standard deviation over seeds.
"""  # noqa: E501

TRY_IT = (
    "- *Try it* marks an exercise for JupyterLab, where the code can be changed and run; answers are in [@sec:answers]."
)

LIMITATIONS = """
## Limitations

- The original names no seeds and leaves out some settings; each part says what we chose instead.
- The production line of Part I is simulated and nearly linear, which favours PCA; its rates are those of the simulation, not of a plant.
- Part II rests on one series with few labelled windows; scores on it vary with the seed and with the rule for alarms. Our detector was designed on the nine other series and trained on more rows than the original's four, and its last step was redesigned after a look at this series: its scores are optimistic.
- Part IV trains on what public subsets hold of AG's news; techniques are judged in two guesses at the original's settings, chosen by its training and validation scores.
- The Bonus part has other images than the original, so accuracies are not comparable. Each network was trained twice, EfficientNet without an adaptation to small images: small differences may be chance. Some trials that led to its settings had looked at test images of an earlier split.
"""  # noqa: E501


def write(page: Page, records: Records, verdicts: Sequence[Verdicts], whole: bool, answered: bool = False) -> None:
    """Show the front pages; of a `whole` report with abstract, main claims and limitations.

    `answered` says whether the report has an appendix of answers. Raises PublishError as `questions` does.
    """
    page.say("# Summary {.unnumbered}")
    if page.synthetic:
        page.say("**All data are SYNTHETIC: nothing here is a finding.**")
    if whole:
        page.say(abstract(records, verdicts))
        page.say(LIMITATIONS)
    page.say("## Results {#sec:results}")
    rows = [(part.short_title, *line) for part, found in records.items() for line in part.analysis().highlights(found)]
    page.table(
        pd.DataFrame(rows, columns=["Part", "Measure", "Published", "Regenerated", "For comparison"]),
        "highlights",
        "Central results: as published, as regenerated (over seeds: mean ± standard deviation, or median and range), "
        "and for comparison other models of ours and of the literature by the same measure; in brackets 95% intervals.",
        align="lllll",
    )
    if whole:
        page.say("## Main claims of the original")
        page.table(
            main_claims(verdicts),
            "main-claims",
            "Ten claims on which most of the original rests, in its words. [@sec:scorecard] gives the measurements.",
            align="lll",
        )
    page.say(f"::: {{.panel}}\n{HOW_TO_READ}{TRY_IT if answered else ''}\n:::")
    mapped = "\n".join(line for part in records for line in questions(part))
    answers = "answers to “Try it” ([@sec:answers]), " if answered else ""
    appendices = "scorecard ([@sec:scorecard]), provenance ([@sec:provenance]), checks ([@sec:checks])"
    behind = f"- Appendices: {answers}{appendices}" if whole else ""
    page.say(f"## Where each question is answered\n\n::: {{.questions}}\n{mapped}\n{behind}\n:::")


def abstract(records: Records, verdicts: Sequence[Verdicts]) -> str:
    """The whole report in short, with checks; pandoc Markdown."""
    trained = Counter(j.verdict.status for one in verdicts for j in measured(one.numbers))
    found = Counter(j.verdict.status for one in verdicts for j in facts(one.numbers))
    exact, inexact = found[words.EXACT], found[words.NOT_EXACT]
    claimed = Counter(verdict.status for one in verdicts for verdict in one.claims.values())
    comparable = trained.total() - trained[words.NOT_COMPARABLE]
    near = trained[words.REPRODUCED] + trained[words.CLOSE]
    judged = next(one.numbers for one in verdicts if one.part.key == "part2")
    chose = sum(
        j.quantity in SPLIT_LOSSES and j.verdict.status in (words.REPRODUCED, words.CLOSE) for j in measured(judged)
    )
    borne_out = claimed[words.CONFIRMED] + claimed[words.PARTLY]
    by_part = {part.key: some for part, some in records.items()}
    return f"""::: {{.abstract}}
The original is the authors' first report on a course assignment about autoencoders for anomaly detection, \
self-attention, text classification and vision transformers; its text is at hand, without code, seeds and images. This \
report answers the questions again and retrains the models: \
{number(sum(map(len, records.values())))} stored runs judge {trained.total() + found.total()} numbers and \
{claimed.total()} claims of the original.

- **Numbers.** Of {comparable} training results that can be compared, {near} are reproduced or \
close{_mark(near, ">", comparable / 2)} ({chose} of them, validation and testing losses of Part II, also chose its \
split); {trained[words.NOT_COMPARABLE]} cannot be compared. Of {found.total()} facts {exact} are \
exact{_mark(exact, ">", inexact)}, {inexact} are not, and {found[words.NOT_COMPARABLE]} cannot be compared.
- **Claims.** {claimed[words.CONFIRMED]} are confirmed and {claimed[words.PARTLY]} hold in \
part{_mark(borne_out, ">", claimed.total() / 2)}; {claimed[words.CONTRADICTED]} are contradicted, and \
{claimed[words.UNCLEAR] + claimed[words.NOT_TESTED]} are undecided or untested.
- **Production line.** {_production(by_part["part1"])}
- **Tweets.** {_detectors(by_part["part2"])}
- **Attention.** {_attention(by_part["part3"])}
- **News.** {_classifiers(by_part["part4"])}
- **Images.** {_networks(by_part["bonus"])}

The sign ✓ marks a statement that the build has checked; how to read the rest stands below the main claims.
:::"""


def _production(records: Sequence[Record]) -> str:
    """Part I's autoencoder against PCA."""
    e = Evidence(records)
    found = {name: percent(e.rate(name, "detection").mean, 0) for name in (PCA_NAME, AUTOENCODER)}
    return (
        f"On a simulated, nearly linear line PCA detects {found[PCA_NAME]} of the faults, the assignment's autoencoder "
        f"{found[AUTOENCODER]}{_mark(e.ahead(PCA_NAME).low, '>', 0)}."
    )


def _detectors(records: Sequence[Record]) -> str:
    """Part II's autoencoders against a threshold on the counts, with a pause and without."""
    board = leaderboard(records).set_index("key")
    value, ours = (board.loc[key] for key in (BASELINES[0], OURS))
    four = board[board.kind == "original"]
    windows = len(of(records, "part2-dataset")[0].metrics["windows"])
    highest = [_mark(value[score], ">", four[score].max()) for score in ("unpaused_nab", "paused_nab")]
    return (
        "On the original's one series a plain threshold on the counts has a higher score of the Numenta Anomaly "
        f"Benchmark (NAB; {windows} is perfect, {number(-windows)} silence) than its four autoencoders, trained again "
        f"for this{''.join(highest)}. Our own autoencoder, {ours.model}, is ahead of the threshold, "
        f"{number(ours.unpaused_nab, 2)} to {number(value.unpaused_nab, 2)}"
        f"{_mark(ours.unpaused_nab, '>', value.unpaused_nab)}, but behind it, {number(ours.paused_nab, 2)} to "
        f"{number(value.paused_nab, 2)}{_mark(ours.paused_nab, '<', value.paused_nab)}, if every detector stays silent "
        "for some time after an alarm."
    )


def _attention(records: Sequence[Record]) -> str:
    """What the division by the square root of d_k does to the gradients of wide and of narrow heads."""
    e = theory.gather(records)
    scaled, raw, narrow_scaled, narrow_raw = (
        e.median(kind, "jacobian_median", narrow) for narrow in (False, True) for kind in ("scaled", "raw")
    )
    return (
        "Dividing by √dₖ keeps the softmax's gradients from vanishing in wide heads, "
        f"{significant(scaled, 2)} against {significant(raw, 2)}{_mark(scaled, '>', raw)}; narrow ones do "
        f"without it{_mark(narrow_scaled, '<', narrow_raw)}."
    )


def _networks(records: Sequence[Record]) -> str:
    """The best and the worst of the Bonus part's networks by what the original reports; ViT-C, and attention."""
    found = images.networks(records)
    best, worst = (pick(images.ORIGINALS, key=images.reported) for pick in (max, min))
    improved = images.NAMES[images.IMPROVED]
    shares = {name: percent(mean(found[name], "test_accuracy")) for name in (best, worst, improved)}
    behind, ahead = (images.compare(found[name], found[worst]) for name in (best, improved))
    gains = [images.attention_gain(records, network) for network in images.WITHOUT_ATTENTION]
    return (
        f"{best} classifies {shares[best]} of our test images correctly and the {worst} "
        f"{shares[worst]}{_mark(behind.low, '>', 0)}, in the original's order. {improved}, a {worst} with a "
        f"convolutional stem and other changes, reaches {shares[improved]}{_mark(ahead.low, '>', 0)}. Attention does "
        f"not clearly raise the validation accuracy of either{''.join(_mark(gain.low, '<=', 0) for gain in gains)}."
    )


def _classifiers(records: Sequence[Record]) -> str:
    """Part IV's classifier against the best retrained variant and a linear model.

    The lowest seed of ours must be above the highest one of the variant.
    """
    reported = {name: published.value(f"part4.{name}.test_accuracy") for name in VARIANTS}
    leader = max(reported, key=reported.get)
    again = [record.metrics["test"]["accuracy"] for record in of(records, "part4-variants", leader)]
    ours, best, linear = (_best_accuracies(records, f"part4-{task}") for task in ("own", "variants", "baselines"))
    lead = compare(of(records, "part4-own"), of(records, "part4-baselines", "tfidf"))
    shown = [percent(float(np.mean(shares))) for shares in (again, best, linear, ours)]
    return (
        f"The original's best news classifier, {NAMES[leader]}, has a test accuracy of {shown[0]} when trained again "
        f"({percent(reported[leader])} as reported), and the best of its four then {shown[1]}. A linear model on words "
        f"has {shown[2]}, our own classifier {shown[3]}: more than the four{_mark(min(ours), '>', max(best))}, not "
        f"clearly more than the linear model{_mark(lead.low, '<=', 0)}."
    )


def _best_accuracies(records: Sequence[Record], task: str) -> list[float]:
    """The test accuracies, one a seed, of the model of a task whose mean is highest."""
    found: dict[str, list[float]] = {}
    for record in of(records, task):
        found.setdefault(record.spec["model"], []).append(record.metrics["test"]["accuracy"])
    return max(found.values(), key=np.mean)


def _mark(a: float, relation: str, b: float) -> str:
    """A check in pandoc Markdown, as those of notebooks come out."""
    check = holds(a, relation, b)
    kind = ".check" if check.ok else ".check .failed"
    return f'{NO_BREAK_SPACE}[{check}]{{{kind} compared="{check.compared}"}}'


def main_claims(verdicts: Sequence[Verdicts]) -> pd.DataFrame:
    """The words of each of the MAIN_CLAIMS and its verdict. Raises PublishError for one that was not judged."""
    rows = []
    for one in verdicts:
        for name in MAIN_CLAIMS[one.part.key]:
            if name not in one.claims:
                raise PublishError(
                    f"the front page names the claim {name}, which {one.part.short_title} does not judge"
                )
            rows.append((one.part.short_title, f"“{published.claim(name)}”", one.claims[name].status))
    return pd.DataFrame(rows, columns=["Part", "Claim", "Verdict"])


def questions(part: Part) -> list[str]:
    """The part's questions with links to their answers, as a Markdown list.

    A question stands in the part's notebook as a block quote, or as a heading. Raises PublishError for one that does
    neither.
    """
    asked = tomllib.loads(paths.ASSIGNMENT.read_text(encoding="utf-8")).get(part.key)
    if asked is None:
        return [f"- {_heading(part.title)}: **{part.title}**"]
    text = part.source.read_text(encoding="utf-8")
    headings = set(re.findall(r"^# #+ (.+)$", text, flags=re.M))
    quoted = {spelt(quotation) for quotation in _quotations(text)}
    lines = [f"- {_heading(part.title)}: **{asked['title']}** [{asked['points']} points]"]
    for question in asked["questions"]:
        if question in headings:
            answer = _heading(question)
        elif spelt(question) in quoted:
            answer = f"[§](#asked:{spelt(part.title)}:{spelt(question)})"
        else:
            raise PublishError(
                f"{part.source} has no quotation and no heading “{question}”: repeat the question there, or correct "
                f"{paths.ASSIGNMENT}"
            )
        lines.append(f"    - {answer}: {question}")
    return lines


def _quotations(text: str) -> list[str]:
    """The paragraphs of the block quotes of a notebook's Markdown cells, in the percent format."""
    quotes = [re.sub(r"^# > ?", "", quote, flags=re.M) for quote in re.findall(r"(?:^# >.*\n?)+", text, flags=re.M)]
    return [paragraph for quote in quotes for paragraph in re.split(r"\n\s*\n", quote)]


def spelt(text: str) -> str:
    """Lower-case letters and digits of a text alone, as the report's filter compares quoted questions."""
    return re.sub("[^a-z0-9]", "", text.lower())


def _heading(title: str) -> str:
    """A link to a heading by its words, which the report's filter turns into its number."""
    return f"[§][{title}]"
