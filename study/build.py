"""`make report`: runs -> executed notebooks -> figures, HTML and PDF. Does only what its inputs call for.

Whether a step is due is decided by content, not by time: file dates mean nothing after a clone. This module imports
little, so that finding nothing to do is quick.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

from study import catalog, parts, paths, profile
from study.files import digest_of, noted, write_atomically

DATA_CHOICES = {"IMAGES": "study.vision.images", "NEWS_TRAIN": "study.news.corpus"}
"""Environment variables that choose data, and the modules that know what they mean."""

READ_BY_NOTEBOOKS = (
    paths.CATALOG, paths.PUBLISHED, paths.DETECTOR_TRIALS, paths.SURGE_TRIALS, paths.CLASSIFIER_TRIALS,
    paths.VISION_TRIALS, paths.MISTAKES_READ,
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m study.build", description=__doc__)
    parser.add_argument("--profile", default="full")
    parser.add_argument("--part", help="one part alone, such as part2; without it the whole report")
    parser.add_argument("--no-code", action="store_true", help="leave the source of the notebooks' cells out")
    parser.add_argument("--notebooks", action="store_true", help="write the executed notebooks as HTML, too")
    given = parser.parse_args(arguments)
    try:
        chosen = profile.load(given.profile)
        wanted = (parts.find(given.part),) if given.part else parts.PARTS
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    name = f"{given.part or 'report'}{'-no-code' if given.no_code else ''}"
    stamp_file = chosen.work / f"stamp-{name}.json"
    try:
        catalog.verify_cached()
        stamp, data = noted(stamp_file), data_chosen(chosen)
        if stamp and _up_to_date(stamp, digest_of(everything_read(chosen), data)):
            print(f"Nothing to do: {', '.join(stamp['outputs'])} are up to date.")
        else:
            _build(chosen, wanted, data, name, not given.no_code, stamp_file)
        if given.notebooks:
            _write_pages(chosen, wanted)
    except (ValueError, OSError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def everything_read(chosen: profile.Profile) -> list[Path]:
    """Every file whose content the report depends on."""
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
        *(file for folder in (chosen.records, chosen.drafts) for file in _records_in(folder, "*")),
    ]


def read_by(part: parts.Part, chosen: profile.Profile) -> list[Path]:
    """Every file beside the notebook that the execution of one part's notebook depends on."""
    building = {paths.STUDY / f"{name}.py" for name in ("build", "parts", "sweep")}
    apart = {paths.STUDY / "publish", paths.STUDY / "bench"}
    code = [p for p in sorted(paths.STUDY.rglob("*.py")) if p not in building and not apart & set(p.parents)]
    records = [p for folder in (chosen.records, chosen.drafts) for p in _records_in(folder, f"{part.tasks}*")]
    return [*code, *READ_BY_NOTEBOOKS, *records]


def _records_in(folder: Path, tasks: str) -> list[Path]:
    return sorted(p for p in folder.glob(f"{tasks}/*") if p.suffix in (".json", ".npz"))


def data_chosen(chosen: profile.Profile) -> str:
    """What the variables in DATA_CHOICES that are set choose, images of one's own by their content.

    Raises ValueError or catalog.DataError when one of them names nothing that can be read.
    """
    modules = [importlib.import_module(module) for name, module in DATA_CHOICES.items() if os.environ.get(name)]
    return json.dumps([module.data_names(chosen.data) for module in modules])


def _other_data() -> str:
    """The variables that choose other data than the report's own, as they are set."""
    return ", ".join(f"{name}={os.environ[name]}" for name in DATA_CHOICES if os.environ.get(name))


def _up_to_date(stamp: dict, inputs: str) -> bool:
    outputs = [paths.ROOT / name for name in stamp["outputs"]]
    return stamp["inputs"] == inputs and all(map(Path.exists, outputs)) and digest_of(outputs) == stamp["digest"]


def _build(
    chosen: profile.Profile, wanted: tuple[parts.Part, ...], data: str, name: str, code: bool, stamp_file: Path
) -> None:
    from study.publish import making  # heavy; finding nothing to do must be quick

    key = lambda part: digest_of(read_by(part, chosen), data)  # noqa: E731
    outputs, lines = making.make(chosen, wanted, name, code, key, _other_data())
    names = [str(path.relative_to(paths.ROOT)) for path in outputs]
    # Training may have added records, so the inputs are read again.
    stamp = {"inputs": digest_of(everything_read(chosen), data), "outputs": names, "digest": digest_of(outputs)}
    write_atomically(stamp_file, json.dumps(stamp, indent=1).encode())
    sizes = [f"{name}  {path.stat().st_size / 1e6:.1f} MB" for name, path in zip(names, outputs, strict=True)]
    print(*lines, *sizes, sep="\n")


def _write_pages(chosen: profile.Profile, wanted: tuple[parts.Part, ...]) -> None:
    from study.publish import notebooks  # as heavy

    for part in wanted:
        page = notebooks.write(chosen.executed / f"{part.notebook}.ipynb", chosen.report / "notebooks")
        print(page.relative_to(paths.ROOT))


if __name__ == "__main__":
    os.chdir(paths.ROOT)
    sys.exit(main())
