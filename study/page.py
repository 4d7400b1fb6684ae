"""What a notebook cell shows: one item, drawn for JupyterLab and told to the report in pandoc Markdown.

Every method of `Page` displays one MIME bundle. Beside what JupyterLab shows, the bundle holds `text/x-pandoc`, the
item's source for the report; `study.publish` needs nothing else. Figures are referred to by file name and lie in the
folder that the page was given.
"""

import base64
import inspect
import json
import numbers
import re
import textwrap
from collections.abc import Callable, Mapping
from html import escape as escape_html
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from IPython import get_ipython
from IPython.display import display
from matplotlib.figure import Figure

PANDOC = "text/x-pandoc"
PLOTLY = "application/vnd.plotly.v1+json"
PNG_DPI = 200
# A larger SVG (dense series) would slow the reader down more than it sharpens the picture.
SVG_LIMIT_BYTES = 400_000
CODE_COLUMNS = 100
"""The longest line of code that a page of the PDF holds."""

Bundle = dict[str, Any]
Format = str | Callable[[Any], str]

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_NUMERIC_CELL = re.compile(r"[≈~<>≤≥]?\s?[-−+]?\d(?!\d{3}-\d\d).*|[-–—]?")  # not a date


def show_bundle(bundle: Bundle) -> None:
    """Send a MIME bundle to the notebook's front end."""
    display(bundle, raw=True)


class Page:
    """Shows report items from a notebook cell.

    `figures_dir` receives `<name>.png` and `<name>.svg` of every figure (and `<name>.json` of an interactive one).
    With `synthetic`, figures and tables say that their data are synthetic. `show` takes each bundle; the default
    displays it.
    """

    def __init__(
        self, figures_dir: Path, synthetic: bool = False, show: Callable[[Bundle], None] = show_bundle
    ) -> None:
        self.figures_dir = Path(figures_dir)
        self.synthetic = synthetic
        self._show = show
        self._shown: dict[str, tuple[str | None, int | None]] = {}

    def say(self, text: str) -> None:
        """Prose in pandoc Markdown: citations `[@key]`, references `[@fig:name]`, mathematics `$x$`."""
        text = inspect.cleandoc(text)
        self._show({"text/markdown": text, PANDOC: text})

    def code(self, *objects: Any) -> None:
        """The source of functions, classes or modules, which stays visible in every variant of the report.

        Raises ValueError for a line that is too long for the PDF's page.
        """
        source = "\n\n\n".join(textwrap.dedent(inspect.getsource(item)).strip() for item in objects)
        for line in source.splitlines():
            if len(line) > CODE_COLUMNS:
                raise ValueError(f"code of {len(line)} columns, shown at most {CODE_COLUMNS}: break {line.strip()!r}")
        self._show({"text/markdown": fenced(source, "python"), PANDOC: fenced(source, "{.python .definition}")})

    def figure(self, fig: Figure, name: str, caption: str, alt: str) -> None:
        """A Matplotlib figure, saved as PNG (200 dpi) and SVG, and closed.

        `name` is the file name and the target of `[@fig:name]`; `caption` (pandoc Markdown) states the finding;
        `alt` describes the picture to who cannot see it. Raises ValueError for a bad or used name or an empty text.
        """
        self._claim("fig", name, caption, alt)
        image = self._save(fig, name)
        source = figure_markdown(name, self._caption(caption), alt, image, _width_cm(fig))
        self._show({"text/html": self._html(name, caption, alt), PANDOC: source})

    def plot(self, plotly_fig: Any, name: str, caption: str, alt: str, twin: Figure) -> None:
        """An interactive Plotly figure for the screen; its Matplotlib `twin` stands in print, PDF and without script.

        Otherwise as `figure`.
        """
        self._claim("fig", name, caption, alt)
        if self.synthetic:
            plotly_fig = type(plotly_fig)(plotly_fig).add_annotation(
                text="SYNTHETIC DATA", xref="paper", yref="paper", x=0.5, y=0.5, textangle=-20, showarrow=False,
                opacity=0.25, font_size=36,
            )  # fmt: skip
        spec = plotly_fig.to_json()
        image = self._save(twin, name)
        (self.figures_dir / f"{name}.json").write_text(spec, encoding="utf-8")
        source = figure_markdown(name, self._caption(caption), alt, image, _width_cm(twin), plotly=f"{name}.json")
        self._show({PLOTLY: json.loads(spec), "text/html": self._html(name, caption, alt), PANDOC: source})

    def table(
        self,
        df: pd.DataFrame,
        name: str,
        caption: str,
        formats: Mapping[str, Format] | None = None,
        align: str | None = None,
    ) -> None:
        """A data frame as a table, without its index; see `table_markdown` for formats and alignment."""
        self._claim("tbl", name, caption)
        cells = format_cells(df, formats or {})
        source = table_markdown(cells, name, self._caption(caption), align=align)
        html = cells.to_html(index=False, border=0, escape=True)
        self._show({"text/html": f"<p>{escape_html(self._caption(caption))}</p>\n{html}", PANDOC: source})

    def _html(self, name: str, caption: str, alt: str) -> str:
        return _figure_html(self.figures_dir / f"{name}.png", self._caption(caption), alt)

    def _caption(self, caption: str) -> str:
        return f"**Synthetic data.** {caption}" if self.synthetic else caption

    def _claim(self, kind: str, name: str, *texts: str) -> None:
        """Check an item's name and texts, and that no other item has the name.

        Running a cell again in JupyterLab, which names its cells, is no second item.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"{kind} name {name!r}: use lower-case letters, digits and single hyphens")
        if not all(text.strip() for text in texts):
            raise ValueError(f"{kind}:{name} needs a caption, and a figure needs an alternative text")
        shell = get_ipython()
        parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
        here = (parent.get("metadata", {}).get("cellId"), getattr(shell, "execution_count", None))
        cell, execution = self._shown.get(f"{kind}:{name}", (None, None))
        run_again = cell is not None and cell == here[0] and execution != here[1]
        if f"{kind}:{name}" in self._shown and not run_again:
            raise ValueError(f"{kind}:{name} is already on this page: give each item its own name")
        self._shown[f"{kind}:{name}"] = here

    def _save(self, fig: Figure, name: str) -> str:
        """Write PNG and SVG, the same bytes for the same figure; return the file name that the report shows."""
        if self.synthetic:
            fig.text(
                0.5, 0.5, "SYNTHETIC DATA", rotation=20, alpha=0.25, fontsize=3 * _width_cm(fig) ** 0.8,
                ha="center", va="center", weight="bold", in_layout=False,
            )  # fmt: skip
        self.figures_dir.mkdir(parents=True, exist_ok=True)
        svg = self.figures_dir / f"{name}.svg"
        # Text as outlines: the picture is the same whatever fonts the reader has.
        with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
            fig.savefig(svg, metadata={"Date": None, "Creator": None})
        fig.savefig(svg.with_suffix(".png"), dpi=PNG_DPI, metadata={"Software": None})
        plt.close(fig)
        smaller = svg.stat().st_size <= svg.with_suffix(".png").stat().st_size  # photographs
        return svg.name if smaller or svg.stat().st_size <= SVG_LIMIT_BYTES else f"{name}.png"


def figure_markdown(name: str, caption: str, alt: str, image: str, width_cm: float, plotly: str | None = None) -> str:
    """A figure as the report reads it: a div with the image's file name, whose content is the caption."""
    attributes = {"image": image, "width": f"{width_cm:.2f}", "alt": alt} | ({"plotly": plotly} if plotly else {})
    pairs = " ".join(f'{key}="{_quoted(value)}"' for key, value in attributes.items())
    return f"::: {{#fig:{name} .figure {pairs}}}\n{caption.strip()}\n:::"


def table_markdown(
    df: pd.DataFrame,
    name: str,
    caption: str,
    formats: Mapping[str, Format] | None = None,
    align: str | None = None,
) -> str:
    """A data frame, without its index, as a captioned pipe table.

    `formats` maps a column to a format specification (`".3f"`) or a function of the value; other columns hold text
    or whole numbers. `align` is one letter of l, r, c per column; without it, columns that look numeric stand right.
    Cell text is data: it appears as it is, whatever Markdown, HTML or Typst would read into it. Raises ValueError or
    TypeError for a missing value, an unformatted number or columns that do not fit.
    """
    cells = format_cells(df, formats or {})
    letters = align or "".join("r" if _looks_numeric(cells[column]) else "l" for column in cells)
    if len(letters) != len(cells.columns) or set(letters) - set("lrc"):
        raise ValueError(
            f"tbl:{name}: align {letters!r} must be one of l, r, c for each of {len(cells.columns)} columns"
        )
    rule = {"l": ":---", "r": "---:", "c": ":---:"}
    lines = [list(cells.columns), *cells.itertuples(index=False)]
    rows = ["| " + " | ".join(escape(text) for text in line) + " |" for line in lines]
    rows.insert(1, "|" + "|".join(rule[letter] for letter in letters) + "|")
    return f"::: {{#tbl:{name} .table}}\n{caption.strip()}\n\n" + "\n".join(rows) + "\n:::"


def format_cells(df: pd.DataFrame, formats: Mapping[str, Format]) -> pd.DataFrame:
    """The data frame with every cell as text; see `table_markdown`."""
    unknown = set(formats) - set(df.columns)
    if unknown:
        raise ValueError(f"formats for columns that the table lacks: {', '.join(map(str, sorted(unknown)))}")
    if df.empty or not all(isinstance(column, str) for column in df.columns) or not df.columns.is_unique:
        raise ValueError("a table needs rows, and columns with distinct names that are text")
    return pd.DataFrame(
        {column: [_cell(value, column, formats.get(column)) for value in df[column]] for column in df.columns},
        dtype=object,
    )


def _cell(value: Any, column: str, how: Format | None) -> str:
    if callable(how):
        return how(value)
    if pd.isna(value):
        raise ValueError(f"column {column!r} has a missing value: say what it means, as text or by a format function")
    if how is not None:
        return re.sub(r"^-(?=[\d.])", "−", format(value, how))
    if isinstance(value, str):
        return value
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return str(int(value)).replace("-", "−")
    raise TypeError(f"column {column!r} holds {type(value).__name__} {value!r}: give the column a format")


def _looks_numeric(texts: pd.Series) -> bool:
    return all(_NUMERIC_CELL.fullmatch(text) for text in texts)


def escape(text: str) -> str:
    """Text as pandoc Markdown that shows exactly this text, on one line."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(text.split()))


def fenced(text: str, language: str) -> str:
    """A code block whose fence is longer than any run of backticks in the text."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence} {language}\n{text}\n{fence}"


def _quoted(value: str) -> str:
    return " ".join(value.split()).replace("\\", "\\\\").replace('"', '\\"')


def _width_cm(fig: Figure) -> float:
    return fig.get_size_inches()[0] * 2.54


def _figure_html(png: Path, caption: str, alt: str) -> str:
    data = base64.b64encode(png.read_bytes()).decode("ascii")
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{escape_html(alt)}" style="max-width: 100%">'
        f"<figcaption>{escape_html(caption)}</figcaption></figure>"
    )
