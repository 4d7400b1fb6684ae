"""What a notebook cell shows: one item, drawn for JupyterLab and written for the report in pandoc Markdown.

Every method of `Page` displays MIME bundles. Beside what JupyterLab shows, a bundle holds `text/x-pandoc`, the item's
source for the report; `study.publish` needs nothing else. It is empty where JupyterLab needs two bundles for one item.
Figures are referred to by file name and lie in the folder that the page was given.
"""

import base64
import json
import numbers
import re
from collections.abc import Callable, Mapping
from functools import partial
from html import escape as escape_html
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from IPython import get_ipython
from IPython.display import display
from markdown_it import MarkdownIt
from matplotlib.figure import Figure
from mdit_py_plugins.dollarmath import dollarmath_plugin

from study import figures, links, profile
from study.files import write_atomically, writing
from study.prose import NO_BREAK_SPACE

PANDOC = "text/x-pandoc"
PLOTLY = "application/vnd.plotly.v1+json"
PNG_DPI = 200
# A larger SVG (dense series) would slow the reader down more than it sharpens the picture.
SVG_LIMIT_BYTES = 600_000

Bundle = dict[str, Any]

_to_front_end = partial(display, raw=True)
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_NUMERIC_CELL = re.compile(r"[≈~<>≤≥]?\s?[-−+]?\d(?!\d{3}-\d\d).*|[-–—]?")  # not a date
_INTERVAL = re.compile(rf"(?:^|[ {NO_BREAK_SPACE}])([\[(][−\d][^][()]* to [−\d][^][()]*[\])])")

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table").use(
    # JupyterLab typesets mathematics itself.
    dollarmath_plugin, renderer=lambda formula, options: escape_html(f"${formula}$", quote=False)
)  # fmt: skip


class Page:
    """Shows report items from a notebook cell.

    `figures_dir` receives `<name>.png` and `<name>.svg` of every figure (and `<name>.json` of an interactive one).
    With `synthetic`, figures and tables say that their data are synthetic. `show` takes each bundle; the default
    displays it. `numbers` are those of figures and tables in the report; the default reads what the last whole build
    wrote. JupyterLab shows them; an item without one has its caption alone. Without `documents` nothing is drawn for
    them alone, which takes half the time: no SVG, and no twin of an interactive figure.
    """

    def __init__(
        self,
        figures_dir: Path,
        synthetic: bool = False,
        show: Callable[[Bundle], object] = _to_front_end,
        numbers: Mapping[str, str] | None = None,
        documents: bool = True,
    ) -> None:
        self.figures_dir = Path(figures_dir)
        self.synthetic = synthetic
        self.numbers = links.of_report() if numbers is None else numbers
        self.documents = documents
        self._show = show

    @classmethod
    def of(cls, profile_name: str) -> "Page":
        """The page of a notebook under a profile, with the report's style for all figures.

        Raises ValueError for an unknown profile.
        """
        chosen = profile.load(profile_name)
        figures.use_style()
        shell = get_ipython()
        if shell is not None:
            shell.display_formatter.formatters["text/plain"].for_type(str, _print_text)
        return cls(chosen.figures, chosen.synthetic, documents=not profile.run_by_hand())

    def say(self, text: str) -> None:
        """Prose in pandoc Markdown, for the documents alone."""
        self._show({PANDOC: text})

    def note(self, text: str) -> None:
        """A note on what follows, in Markdown; nothing for an empty text."""
        if text:
            self._show({"text/markdown": f"> **Note.** {text}", PANDOC: f"::: {{.note}}\n{text}\n:::"})

    def figure(self, fig: Figure, name: str, caption: str, alt: str) -> None:
        """A Matplotlib figure, saved as PNG (200 dpi) and for the documents as SVG, and closed.

        `name` is the file name and the target of `[…](#name)`; `caption` (pandoc Markdown) states the finding;
        `alt` describes the picture to who cannot see it. Raises ValueError for a bad name or an empty text.
        """
        _check("fig", name, caption, alt)
        source = self._save(fig, name, caption, alt)
        self._show({"text/html": _item(name, self._image(name, alt), self._figcaption(name, caption)), PANDOC: source})

    def plot(self, plotly_fig: Any, name: str, caption: str, alt: str, twin: Figure) -> None:
        """An interactive Plotly figure for the screen; its Matplotlib `twin` stands in print, PDF and without script.

        Otherwise as `figure`.
        """
        _check("fig", name, caption, alt)
        if self.synthetic:
            plotly_fig = type(plotly_fig)(plotly_fig).add_annotation(
                text="SYNTHETIC DATA", xref="paper", yref="paper", x=0.5, y=0.5, textangle=-20, showarrow=False,
                opacity=0.25, font_size=36,
            )  # fmt: skip
        spec = plotly_fig.to_json()
        write_atomically(self.figures_dir / f"{name}.json", spec.encode())
        source, picture = "", escape_html(alt)
        if self.documents:
            source = self._save(twin, name, caption, alt, plotly=f"{name}.json")
            picture = self._image(name, alt)
        plt.close(twin)
        # In place of a bundle's HTML, JupyterLab shows the chart: links lead to a place above it.
        self._show({"text/html": f'<div id="{name}"></div>', PANDOC: ""})
        self._show({PLOTLY: json.loads(spec), "text/html": picture, PANDOC: ""})
        self._show({"text/html": self._figcaption(name, caption), PANDOC: source})

    def table(self, df: pd.DataFrame, name: str, caption: str, align: str | None = None) -> None:
        """A data frame of texts and whole numbers as a table; see `table_markdown`."""
        _check("tbl", name, caption)
        html = _item(name, self._figcaption(name, caption), _MARKDOWN.render(_pipe_table(df, name, align)))
        self._show({"text/html": html, PANDOC: table_markdown(df, name, self._caption(caption), align)})

    def _figcaption(self, name: str, caption: str) -> str:
        number = f"<b>{escape_html(self.numbers[name])}.</b> " if name in self.numbers else ""
        text = inline_html(links.numbered(self._caption(caption), self.numbers))
        return f"<figcaption>{number}{text}</figcaption>"

    def _image(self, name: str, alt: str) -> str:
        data = base64.b64encode((self.figures_dir / f"{name}.png").read_bytes()).decode("ascii")
        return f'<img src="data:image/png;base64,{data}" alt="{escape_html(alt)}" style="max-width: 100%">'

    def _caption(self, caption: str) -> str:
        return f"**Synthetic data.** {caption}" if self.synthetic else caption

    def _save(self, fig: Figure, name: str, caption: str, alt: str, **also: str) -> str:
        """Write PNG and SVG, the same bytes for the same figure; return the figure as the report reads it.

        That is a div with the image's file name, whose content is the caption.
        """
        width_cm = fig.get_size_inches()[0] * 2.54
        if self.synthetic:
            fig.text(
                0.5, 0.5, "SYNTHETIC DATA", rotation=20, alpha=0.25, fontsize=3 * width_cm**0.8,
                ha="center", va="center", weight="bold", in_layout=False,
            )  # fmt: skip
        self.figures_dir.mkdir(parents=True, exist_ok=True)
        svg, png = (self.figures_dir / f"{name}.{kind}" for kind in ("svg", "png"))
        # Text as outlines: the picture is the same whatever fonts the reader has.
        with writing(svg), mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
            if self.documents:
                fig.savefig(svg, metadata={"Date": None, "Creator": None})
            fig.savefig(png, dpi=PNG_DPI, metadata={"Software": None})
        plt.close(fig)
        image = png.name
        if self.documents:
            limit = max(SVG_LIMIT_BYTES, png.stat().st_size)  # photographs are smaller as PNG
            image = svg.name if svg.stat().st_size <= limit else png.name
        attributes = {"image": image, "width": f"{width_cm:.2f}", "alt": alt, **also}
        pairs = " ".join(f'{key}="{_quoted(value)}"' for key, value in attributes.items())
        return f"::: {{#fig:{name} .figure {pairs}}}\n{self._caption(caption).strip()}\n:::"


def _check(kind: str, name: str, *texts: str) -> None:
    """Raise ValueError for a bad name or an empty text; that no two items share a name, the documents' build sees."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{kind} name {name!r}: use lower-case letters, digits and single hyphens")
    if not all(text.strip() for text in texts):
        raise ValueError(f"{kind}:{name} needs a caption, and a figure needs an alternative text")


def table_markdown(df: pd.DataFrame, name: str, caption: str, align: str | None = None) -> str:
    """A data frame of texts and whole numbers, without its index, as a captioned pipe table.

    `align` is one letter of l, r, c per column; without it, columns that look numeric stand right.
    Cell text is data: it appears as it is, whatever Markdown, HTML or Typst would read into it. Raises ValueError or
    TypeError for a missing value, an unformatted number or columns that do not fit.
    """
    return f"::: {{#tbl:{name} .table}}\n{caption.strip()}\n\n{_pipe_table(df, name, align)}\n:::"


def _pipe_table(df: pd.DataFrame, name: str, align: str | None) -> str:
    cells = as_texts(df)
    letters = align or "".join("r" if all(map(_NUMERIC_CELL.fullmatch, cells[column])) else "l" for column in cells)
    if len(letters) != len(cells.columns) or set(letters) - set("lrc"):
        raise ValueError(
            f"tbl:{name}: align {letters!r} must be one of l, r, c for each of {len(cells.columns)} columns"
        )
    rule = {"l": ":---", "r": "---:", "c": ":---:"}
    lines = [list(cells.columns), *cells.itertuples(index=False)]
    rows = ["| " + " | ".join(escape(_INTERVAL.sub(_whole, text)) for text in line) + " |" for line in lines]
    rows.insert(1, "|" + "|".join(rule[letter] for letter in letters) + "|")
    return "\n".join(rows)


def _whole(interval: re.Match) -> str:
    """An interval such as [0.90 to 0.93] that a narrow column breaks before, not within."""
    return " " + interval[1].replace(" ", NO_BREAK_SPACE)


def _item(name: str, *content: str) -> str:
    """An item for JupyterLab, to which links lead by its name."""
    return f'<figure id="{name}" style="margin: 0">{"".join(content)}</figure>'


def as_texts(df: pd.DataFrame) -> pd.DataFrame:
    """The data frame with every cell as text; see `table_markdown`."""
    if df.empty or not all(isinstance(column, str) for column in df.columns) or not df.columns.is_unique:
        raise ValueError("a table needs rows, and columns with distinct names that are text")
    return pd.DataFrame({column: [_cell(value, column) for value in df[column]] for column in df}, dtype=object)


def _cell(value: Any, column: str) -> str:
    if pd.isna(value):
        raise ValueError(f"column {column!r} has a missing value: say in words what it means")
    if isinstance(value, str):
        return value
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return str(int(value)).replace("-", "−")
    raise TypeError(
        f"column {column!r} holds {type(value).__name__} {value!r}: put it into words, such as number(x, 2), "
        "all of a frame by frame.map(lambda x: number(x, 2))"
    )


def escape(text: str) -> str:
    """Text as pandoc Markdown that shows exactly this text, on one line."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", re.sub(r"[ \t\r\n]+", " ", text.strip()))


def fenced(text: str, language: str) -> str:
    """A code block whose fence is longer than any run of backticks in the text."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence} {language}\n{text}\n{fence}"


def _quoted(value: str) -> str:
    return " ".join(value.split()).replace("\\", "\\\\").replace('"', '\\"')


def inline_html(markdown: str) -> str:
    """Markdown of one paragraph as HTML; mathematics stays in dollars, HTML is shown as text."""
    return _MARKDOWN.renderInline(markdown.strip())


def _print_text(text: str, printer: Any, cycle: bool) -> None:
    """Text in quotes as Python does, but with no-break spaces as they are: JupyterLab shows inline values so."""
    plain = repr(text)
    printer.text(plain.replace(r"\xa0", NO_BREAK_SPACE) if "\\" not in text else plain)
