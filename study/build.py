"""`make report`: runs -> executed notebooks -> figures, HTML and PDF. Does only what its inputs call for.

Whether a step is due is decided by content, not by time: file dates mean nothing after a clone. This module imports
little, so that finding nothing to do is quick.
"""

import importlib
import json
import os
import sys
from pathlib import Path

from study import catalog, commands, parts, paths, profile
from study.files import digest_of, noted, write_atomically

READ_BY_NOTEBOOKS = (paths.CATALOG, paths.PUBLISHED, *sorted(paths.REPORT.glob("*.csv")))


@commands.entry
def main(arguments: list[str] | None = None) -> None:
    parser = commands.parser("build", __doc__)
    parser.add_argument("--no-code", action="store_true", help="leave the source of the notebooks' cells out")
    parser.add_argument("--notebooks", action="store_true", help="write the executed notebooks as HTML, too")
    given = parser.parse_args(arguments)
    chosen, wanted = commands.chosen(given)
    catalog.verify_cached()
    name = f"{given.part or 'report'}{'-no-code' if given.no_code else ''}"
    stamp_file = chosen.work / f"stamp-{name}.json"
    stamp, data = noted(stamp_file), data_chosen(chosen)
    sources = digest_of(sources_of(chosen), data)
    if stamp and _up_to_date(stamp, sources, digest_of(_records(chosen))):
        print(f"Nothing to do: {', '.join(stamp['outputs'])} are up to date.")
    else:
        from study.publish import making  # heavy; finding nothing to do must be quick

        key = lambda part: digest_of(read_by(part, chosen), data)  # noqa: E731
        outputs, lines = making.make(chosen, wanted, name, not given.no_code, key)
        names = [str(path.relative_to(paths.ROOT)) for path in outputs]
        # The build has added records; what else has changed since it began calls for another.
        inputs = {"sources": sources, "records": digest_of(_records(chosen))}
        stamp = inputs | {"outputs": names, "digest": digest_of(outputs)}
        write_atomically(stamp_file, json.dumps(stamp, indent=1).encode())
        sizes = [f"{name}  {path.stat().st_size / 1e6:.1f} MB" for name, path in zip(names, outputs, strict=True)]
        print(*lines, *sizes, sep="\n")
    if given.notebooks:
        from study.publish import notebooks  # as heavy

        for part in wanted:
            page = notebooks.write(chosen.executed / f"{part.notebook}.ipynb", chosen.report / "notebooks")
            print(page.relative_to(paths.ROOT))


def sources_of(chosen: profile.Profile) -> list[Path]:
    """Every file whose content the report depends on, but for the records, which a build adds to."""
    return [
        *sorted(paths.NOTEBOOKS.glob("*.py")),
        *sorted(paths.STUDY.rglob("*.py")),
        *sorted(p for p in paths.TEMPLATES.rglob("*") if p.is_file()),
        paths.BIBLIOGRAPHY,
        paths.ASSIGNMENT,
        paths.CHANGED_VERDICTS,
        *([paths.BENCHMARKS] if paths.BENCHMARKS.exists() else []),
        *READ_BY_NOTEBOOKS,
        *catalog.committed(),
        *sorted(chosen.reproductions.glob("*.json")),
        *sorted(chosen.audits.glob("*.json")),
    ]


def read_by(part: parts.Part, chosen: profile.Profile) -> list[Path]:
    """Every file beside the notebook that the execution of one part's notebook depends on."""
    building = {paths.STUDY / f"{name}.py" for name in ("build", "commands", "parts", "sweep")}
    apart = {paths.STUDY / "publish", paths.STUDY / "bench"}
    code = [p for p in sorted(paths.STUDY.rglob("*.py")) if p not in building and not apart & set(p.parents)]
    return [*code, *READ_BY_NOTEBOOKS, *_records(chosen, f"{part.tasks}*")]


def _records(chosen: profile.Profile, tasks: str = "*") -> list[Path]:
    stored = [p for folder in (chosen.records, chosen.drafts) for p in sorted(folder.glob(f"{tasks}/*"))]
    return [p for p in stored if p.suffix in (".json", ".npz")]


def data_chosen(chosen: profile.Profile) -> str:
    """What the variables that are set choose of data, files of one's own by content. Raises ValueError."""
    modules = [importlib.import_module(profile.DATA_CHOICES[name]) for name in chosen.other_data]
    return json.dumps([module.data_names(chosen.data) for module in modules])


def _up_to_date(stamp: dict, sources: str, records: str) -> bool:
    outputs = [paths.ROOT / name for name in stamp["outputs"]]
    same = (stamp.get("sources"), stamp.get("records")) == (sources, records)
    return same and all(map(Path.exists, outputs)) and digest_of(outputs) == stamp["digest"]


if __name__ == "__main__":
    os.chdir(paths.ROOT)
    sys.exit(main())
