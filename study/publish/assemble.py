"""The whole report of a profile: chapters, front matter, provenance; published together with its figures."""

import json
from pathlib import Path

from study import parts, profile, runs
from study.files import write_atomically
from study.publish import provenance, render

TITLE = "Autoencoders and transformers"
SUBTITLE = "A reproducible notebook report"
AUTHORS = ["Charvi Kusuma", "Tarun Reddi"]
FIGURE_KINDS = (".png", ".svg")


def assemble(chosen: profile.Profile, wanted: tuple[parts.Part, ...], name: str) -> list[Path]:
    """Write HTML, PDF and figures of the wanted parts to the profile's places; returns the HTML and the PDF.

    Figures are published after both documents are complete. Raises PublishError, and then nothing has changed.
    """
    meta = {
        "title": TITLE,
        "subtitle": SUBTITLE + (" — on SYNTHETIC data" if chosen.synthetic else ""),
        "author": AUTHORS,
        "lang": "en-GB",
        "commit": runs.commit(),
    }
    notebooks = [chosen.executed / f"{part.notebook}.ipynb" for part in wanted]
    outputs = render.build(
        notebooks,
        chosen.report,
        figures=chosen.figures,
        meta=meta,
        back=provenance.page(chosen, wanted),
        name=name,
    )
    _publish_figures(chosen, notebooks)
    return list(outputs)


def _publish_figures(chosen: profile.Profile, notebooks: list[Path]) -> None:
    """Copy the figures that the notebooks show; a full build also removes those that none shows any more."""
    shown = {name for notebook in notebooks for name in _figure_names(notebook)}
    chosen.published_figures.mkdir(parents=True, exist_ok=True)
    for name in sorted(shown):
        for kind in FIGURE_KINDS:
            content = (chosen.figures / f"{name}{kind}").read_bytes()
            write_atomically(chosen.published_figures / f"{name}{kind}", content)
    if len(notebooks) == len(parts.PARTS):
        for file in chosen.published_figures.iterdir():
            if file.suffix in FIGURE_KINDS and file.stem not in shown:
                file.unlink()


def _figure_names(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    sources = [
        "".join(output["data"]["text/x-pandoc"])
        for cell in cells
        for output in cell.get("outputs", [])
        if "text/x-pandoc" in output.get("data", {})
    ]
    return [s.split("{#fig:")[1].split()[0] for s in sources if s.startswith("::: {#fig:")]
