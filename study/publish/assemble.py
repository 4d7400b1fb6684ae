"""The whole report of a profile: front page, chapters, scorecard, provenance; published together with its figures."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import nbformat

from study import parts, paths, profile, runs
from study.checks import CHECK
from study.drafts import Draft
from study.files import write_atomically, writing
from study.links import NUMBERS
from study.page import PANDOC, Page
from study.prose import join_list
from study.publish import filling, front, inline, outputs, provenance, render, results, scorecard
from study.publish.chapters import answers, warnings
from study.publish.errors import PublishError

META = {
    "title": "Autoencoders and transformers",
    "subtitle": "A reproducible notebook report",
    "author": ["Charvi Kusuma", "Tarun Reddi"],
    "contributions": "Contributions, as the original states them: Charvi Kusuma and Tarun Reddi 50% each of Parts I, "
    "II, III, IV and of the Bonus part. Instructor: Alina Vereshchaka.",
    "lang": "en-GB",
}
FIGURE_KINDS = (".png", ".svg")
RESULTS = "results.json"


def assemble(
    chosen: profile.Profile,
    wanted: tuple[parts.Part, ...],
    name: str,
    code: bool = True,
    drafted: Sequence[Draft] = (),
) -> tuple[list[Path], list[str]]:
    """Write HTML, PDF and figures of the wanted parts to the profile's places.

    Returns the HTML and the PDF, and a line for each warning of a notebook. Without `code` the source of the notebooks'
    cells is left out. `drafted` are the parts with changed models, which make the report a draft without front page and
    verdicts, as data of the user's own do. The numbers of figures and tables, and all results
    (`study.publish.results`), are noted beside a whole report of the committed records. All are replaced together, when
    all are complete, and then the figures. Raises PublishError, and then nothing has changed; also when a check fails
    on the committed records.
    """
    whole = len(wanted) == len(parts.PARTS)
    strict = (chosen.name, chosen.data) == ("full", "real") and not drafted and not chosen.other_data
    records = {part: _records(chosen, part, drafted) for part in wanted}
    notebooks = {part: nbformat.read(chosen.executed / _file(part), as_version=4) for part in wanted}
    replies = {part: _replies(notebook) for part, notebook in notebooks.items()}
    found = [record for some in records.values() for record in some]
    source = digest(notebooks.values(), found)
    meta = META | {
        "subtitle": META["subtitle"] + (" — on SYNTHETIC data" if chosen.synthetic else ""),
        "source": source,
        "notebooks": os.path.relpath(paths.NOTEBOOKS, chosen.report),
    }
    answered = _answers(notebooks)
    opening, judgement, verdicts = "", "", []
    if drafted:
        meta["draft"] = _draft_line(drafted)
    elif all(runs.can_be_judged(record.spec) for record in found):
        verdicts = scorecard.collect(records)
        opening = _written(chosen, lambda page: front.write(page, records, verdicts, whole and strict, bool(answered)))
        judgement = _written(chosen, lambda page: scorecard.write(page, verdicts))
    listed = opening or any(CHECK in reply.get("data", ()) for some in replies.values() for reply in some)
    checks = filling.appendix() if listed else ""
    noted = [part for part in wanted if replies[part] or part in [draft.part for draft in drafted]]
    made = render.render(
        {_file(part): notebook for part, notebook in notebooks.items()},
        chosen.figures,
        meta,
        front=opening,
        back="\n\n".join([answered, judgement, provenance.page(chosen, found) if found else "", checks]),
        code=code,
        strict=strict,
        notes={_file(part): note for part in noted if (note := _note(chosen, part, drafted))},
    )
    documents = [chosen.report / f"{name}.html", chosen.report / f"{name}.pdf"]
    contents = dict(zip(documents, [made.html, made.pdf], strict=True))
    if whole and strict:
        contents[chosen.report / NUMBERS] = results.as_json(filling.numbers(made.blocks))
        everything = results.collect(records, verdicts, source, made.checked)
        contents[chosen.report / RESULTS] = results.as_json(everything)
    _replace(contents)
    texts = [judgement, *(text for notebook in notebooks.values() for text in outputs.items_of(notebook))]
    if not drafted:
        _publish_figures(chosen, texts, whole)
    warned = [line for part, notebook in notebooks.items() for line in warnings(notebook, _file(part))]
    return documents, [f"Warning in {line}" for line in warned]


def _file(part: parts.Part) -> str:
    return f"{part.notebook}.ipynb"


def _replace(contents: Mapping[Path, bytes]) -> None:
    """Write every file under a temporary name, then move all into place."""
    # The same names each time: what a killed build leaves, the next one overwrites.
    temporary = {path: path.with_name(f".{path.name}.part") for path in contents}
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with writing(path):
                temporary[path].write_bytes(content)
        for path, written in temporary.items():
            os.replace(written, path)
    finally:
        for written in temporary.values():
            written.unlink(missing_ok=True)


def digest(notebooks: Iterable[nbformat.NotebookNode], records: Iterable[runs.Record]) -> str:
    """The first digits of a SHA-256 over what the report is made from: the notebooks' cells and all records."""
    total = hashlib.sha256()
    for notebook in notebooks:
        total.update("\0".join(cell.source for cell in notebook.cells if not inline.is_injected(cell)).encode())
    for record in records:
        total.update(json.dumps([record.spec, record.metrics, record.provenance], sort_keys=True).encode())
        for name in sorted(record.arrays):
            total.update(name.encode() + record.arrays[name].tobytes())
    return total.hexdigest()[:12]


def _records(chosen: profile.Profile, part: parts.Part, drafted: Sequence[Draft]) -> list[runs.Record]:
    """The records of a part; of one with changed models those that are there."""
    store = runs.Store(chosen.records, chosen.drafts)
    found = [store.load(spec) for spec in part.experiments.specs(chosen)]
    if None in found and part not in [draft.part for draft in drafted]:
        raise PublishError(f"{chosen.records}: records of {part.key} are missing; run `make report` again")
    return [record for record in found if record is not None]


def _answers(notebooks: Mapping[parts.Part, nbformat.NotebookNode]) -> str:
    """The appendix of answers to “Try it”, a section a part; empty if there are none."""
    found = {part: answers(notebook, part.notebook) for part, notebook in notebooks.items()}
    sections = [
        "\n\n".join([f"## {part.short_title}: answers", *replies]) for part, replies in found.items() if replies
    ]
    return "\n\n".join(["# Answers to “Try it” {#sec:answers}", *sections]) if sections else ""


def _draft_line(drafted: Sequence[Draft]) -> str:
    """What a draft lacks, in the line that stands on every page; the notes of the chapters say more."""
    changed, missing = (sum(len(getattr(draft, kind)) for draft in drafted) for kind in ("changed", "missing"))
    lacking = f"{missing} of {changed}" if missing else f"none of {changed}"
    return (
        f"{join_list([draft.part.short_title for draft in drafted])}: models were changed; {lacking} runs are missing."
    )


def _note(chosen: profile.Profile, part: parts.Part, drafted: Sequence[Draft]) -> str:
    """What a chapter's text was written for, and what it is shown on, in pandoc Markdown; empty where these agree."""
    here = [draft.summary() for draft in drafted if draft.part == part]
    for name, value in chosen.other_data.items():
        if profile.DATA_CHOICES[name].startswith(f"{part.package}."):
            here.append(f"It is shown on other data: `{name}={value}`.")
    if chosen.synthetic:
        here.append(f"It is shown on synthetic data of the profile `{chosen.name}`.")
    elif chosen.name != "full":
        here.append(f"It is shown on records of the profile `{chosen.name}`.")
    if not here:
        return ""
    return (
        f"The text of this chapter was written for the committed records of the profile `full`. {' '.join(here)} "
        "A statement that does not hold on them is marked ✗; what has no mark may not fit either."
    )


def _replies(notebook: nbformat.NotebookNode) -> list[Mapping]:
    return [reply for cell in notebook.cells for reply in inline.replies_of(cell).values()]


def _written(chosen: profile.Profile, write: Callable[[Page], None]) -> str:
    """The pandoc Markdown of what `write` shows on a page."""
    shown = []
    write(Page(chosen.figures, chosen.synthetic, show=shown.append))
    return "\n\n".join(bundle[PANDOC] for bundle in shown)


def _publish_figures(chosen: profile.Profile, texts: Sequence[str], whole: bool) -> None:
    """Copy the figures that the texts show; if they are the whole report, also remove those that none shows."""
    shown = outputs.figures_in(texts)
    chosen.published_figures.mkdir(parents=True, exist_ok=True)
    for name in shown:
        for kind in FIGURE_KINDS:
            content = (chosen.figures / f"{name}{kind}").read_bytes()
            write_atomically(chosen.published_figures / f"{name}{kind}", content)
    if whole:
        for file in chosen.published_figures.iterdir():
            if file.suffix in FIGURE_KINDS and file.stem not in shown:
                file.unlink()
