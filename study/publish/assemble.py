"""The whole report of a profile: front page, chapters, scorecard, provenance; published together with its figures."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from study import parts, profile, runs
from study.files import write_atomically
from study.page import PANDOC, Page
from study.publish import PublishError, front, provenance, render, scorecard

TITLE = "Autoencoders and transformers"
SUBTITLE = "A reproducible notebook report"
AUTHORS = ["Charvi Kusuma", "Tarun Reddi"]
FIGURE_KINDS = (".png", ".svg")


def assemble(chosen: profile.Profile, wanted: tuple[parts.Part, ...], name: str, code: bool = True) -> list[Path]:
    """Write HTML, PDF and figures of the wanted parts to the profile's places; returns the HTML and the PDF.

    Without `code` the source of the notebooks' cells is left out. Figures are published after both documents are
    complete. Raises PublishError, and then nothing has changed.
    """
    records = {part: _records(chosen, part) for part in wanted}
    verdicts = scorecard.collect(records)
    meta = {
        "title": TITLE,
        "subtitle": SUBTITLE + (" — on SYNTHETIC data" if chosen.synthetic else ""),
        "author": AUTHORS,
        "lang": "en-GB",
        "abstract": front.abstract(records, verdicts, chosen.synthetic),
        "commit": runs.commit(),
    }
    opening = _written(chosen, lambda page: front.write(page, records))
    judgement = _written(chosen, lambda page: scorecard.write(page, verdicts))
    notebooks = [chosen.executed / f"{part.notebook}.ipynb" for part in wanted]
    outputs = render.build(
        notebooks,
        chosen.report,
        figures=chosen.figures,
        meta=meta,
        front=opening,
        back=f"{judgement}\n\n{provenance.page(chosen, [r for found in records.values() for r in found])}",
        code=code,
        name=name,
    )
    texts = [judgement, *(text for notebook in notebooks for text in _shown_by(notebook))]
    _publish_figures(chosen, texts, whole=len(wanted) == len(parts.PARTS))
    return list(outputs)


def _records(chosen: profile.Profile, part: parts.Part) -> list[runs.Record]:
    store = runs.Store(chosen.records)
    found = [store.load(spec) for spec in part.module().specs(chosen)]
    if None in found:
        raise PublishError(f"{chosen.records}: records of {part.key} are missing; run `make report` again")
    return found


def _written(chosen: profile.Profile, write: Callable[[Page], None]) -> str:
    """The pandoc Markdown of what `write` shows on a page."""
    shown = []
    write(Page(chosen.figures, chosen.synthetic, show=shown.append))
    return "\n\n".join(bundle[PANDOC] for bundle in shown)


def _publish_figures(chosen: profile.Profile, texts: Sequence[str], whole: bool) -> None:
    """Copy the figures that the texts show; if they are the whole report, also remove those that none shows."""
    shown = {name for text in texts for name in re.findall(r"^::: \{#fig:(\S+)", text, flags=re.M)}
    chosen.published_figures.mkdir(parents=True, exist_ok=True)
    for name in sorted(shown):
        for kind in FIGURE_KINDS:
            content = (chosen.figures / f"{name}{kind}").read_bytes()
            write_atomically(chosen.published_figures / f"{name}{kind}", content)
    if whole:
        for file in chosen.published_figures.iterdir():
            if file.suffix in FIGURE_KINDS and file.stem not in shown:
                file.unlink()


def _shown_by(notebook: Path) -> list[str]:
    """The pandoc Markdown of the items that an executed notebook shows."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    bundles = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    return ["".join(bundle[PANDOC]) for bundle in bundles if PANDOC in bundle]
