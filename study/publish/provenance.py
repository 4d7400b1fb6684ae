"""The provenance page: what was run, on what, from which data, and how to do it again."""

from collections.abc import Sequence

import pandas as pd

from study import catalog, parts, paths, profile, repeats, runs
from study.page import escape, table_markdown
from study.prose import count, duration, join_list, number, percent, significant
from study.publish import benchmarks
from study.repeats import Reproduction


def page(chosen: profile.Profile, records: list[runs.Record]) -> str:
    """The page as pandoc Markdown, from all records of the report."""
    return "\n\n".join(
        [
            "# Provenance {#sec:provenance}",
            _summary(chosen, records),
            table_markdown(_runs_table(records), "runs", "Runs behind this report, by task."),
            *_data(chosen, records),
            table_markdown(_environments(records), "environments", "Where the runs were made.", align="lllll"),
            "`make reproduce` repeats every run and compares it with these records, row by row.",
            *_reproductions(repeats.kept(chosen.reproductions), {runs.digest(r.spec) for r in records}),
            *_audits(repeats.kept(chosen.audits), records),
            benchmarks.page(paths.BENCHMARKS),
        ]
    )


def _summary(chosen: profile.Profile, records: list[runs.Record]) -> str:
    seconds = sum(r.provenance["wall_seconds"] for r in records)
    seeds = sorted({r.spec["seed"] for r in records})
    files = not chosen.synthetic and any(r.provenance["data"] for r in records)
    read = "on the files of [@tbl:data-files] and " if files else ""
    return (
        f"The report is built from {count(len(records), 'stored run')} of the profile `{chosen.name}`, which took "
        f"{duration(seconds)} of training and measuring in all ([@tbl:runs]), {read}on the devices of "
        f"[@tbl:environments], with seeds {join_list([str(s) for s in seeds])}. "
        "The HTML document alone says at its end where the time of a training goes, and how it grows with the texts."
    )


def _runs_table(records: list[runs.Record]) -> pd.DataFrame:
    rows = pd.DataFrame(
        [(r.spec["task"], r.spec["model"], r.spec["seed"], r.provenance["wall_seconds"]) for r in records],
        columns=["Task", "Models", "Seeds", "Time"],
    )
    found = rows.groupby("Task", sort=False).agg(
        {"Models": lambda names: ", ".join(dict.fromkeys(names)), "Seeds": ["nunique", "size"], "Time": "sum"}
    )
    table = found.reset_index().set_axis(["Task", "Models", "Seeds", "Runs", "Wall time"], axis=1)
    return table.assign(**{"Wall time": table["Wall time"].map(duration)})


def _data(chosen: profile.Profile, records: list[runs.Record]) -> list[str]:
    if chosen.synthetic:
        return ["All data are **SYNTHETIC**, made from seeds; no number of this report is a finding."]
    files = {name: was for r in records for name, was in r.provenance["data"].items()}
    if not files:
        return ["These runs read no data file."]
    licence = lambda name: catalog.datasets()[name.partition("/")[0]]["licence"]  # noqa: E731
    rows = [(name, f"{was['bytes']:,}", _digest(was), licence(name)) for name, was in files.items()]
    table = pd.DataFrame(rows, columns=["File", "Bytes", "Digest (first 16 digits)", "Licence"])
    return [table_markdown(table, "data-files", "Data files, as the records saw them.")]


def _digest(was: dict) -> str:
    return f"SHA-256 {was['sha256'][:16]}" if "sha256" in was else f"MD5 {was['md5'][:16]}"


def _environments(records: list[runs.Record]) -> pd.DataFrame:
    """A row for each device, Python and set of libraries, with the numbers of threads and the commits used there."""
    used: dict[tuple[str, ...], list[dict]] = {}
    for was in (r.provenance for r in records):
        libraries = ", ".join(f"{name} {version}" for name, version in was["libraries"].items())
        used.setdefault((was["device"], was["python"], libraries), []).append(was)
    listed = lambda values: ", ".join(sorted(set(values)))  # noqa: E731
    rows = [
        (*where, listed(str(was["threads"]) for was in found), listed(was["commit"][:7] for was in found))
        for where, found in sorted(used.items())
    ]
    return pd.DataFrame(rows, columns=["Device", "Python", "Libraries", "Threads", "Commits"])


def _audits(found: Sequence[Reproduction], records: Sequence[runs.Record]) -> list[str]:
    """What share of the records audits have repeated since, and what came out; nothing before the first."""
    made = repeats.audited(found, records)
    again = [record for record in records if made[runs.digest(record.spec)]]
    if not again:
        return []
    useful = [audit for audit in found if made.keys() & set(audit.runs)]
    machines = {(audit.device, audit.surroundings["machine"]) for audit in useful}
    rows = [row for audit in useful for row in audit.rows if row.run in {runs.label(record.spec) for record in again}]
    differing = [_beside(row) for row in rows if not row.agrees]
    seconds = lambda some: sum(record.provenance["wall_seconds"] for record in some)  # noqa: E731
    return [
        "`make audit` repeats runs drawn at random and compares them in the same way. Since the records were made, "
        f"{count(len(useful), 'audit')} on {count(len(machines), 'machine')} covered "
        f"{percent(len(again) / len(records))} of them and {percent(seconds(again) / seconds(records))} of their time: "
        f"{number(len(rows) - len(differing))} of {count(len(rows), 'number')} agree within their tolerance."
        + (f" The others: {escape(join_list(differing))}." if differing else "")
    ]


def _beside(row: repeats.Row) -> str:
    return (
        f"{row.run}, {row.quantity}: {significant(row.repeated)} (recorded {significant(row.recorded)} ± "
        f"{significant(row.tolerance)})"
    )


def _reproductions(found: Sequence[Reproduction], known: set[str]) -> list[str]:
    """A row for each kept reproduction that repeated runs of this report; `known` are the digests of their specs."""
    found = [one for one in found if known & set(one.runs)]
    if not found:
        return []
    caption = (
        "Runs repeated by `make reproduce` on other machines or later, each number beside its record: how many agree "
        "within their tolerance, and which one uses up most of it."
    )
    rows = pd.DataFrame([_reproduction(one, known) for one in found])
    return [table_markdown(rows, "reproductions", caption, align="lllll")]


def _reproduction(found: Reproduction, known: set[str]) -> dict:
    old = sum(digest not in known for digest in found.runs)
    made = count(len(found.runs), "run") + (f" ({number(old)} of an earlier version)" if old else "")
    agreeing, farthest = len(found.rows) - len(found.differing), max(found.rows, key=lambda row: row.share)
    torch = found.surroundings["libraries"].get("torch")
    part = "all parts" if found.part == "all" else parts.find(found.part).short_title
    return {
        "Repeated": f"{part}, {made}, {found.started[:10]}",
        "On": f"{found.device}; Python {found.surroundings['python']}" + (f", torch {torch}" if torch else ""),
        "Time": f"{duration(found.seconds)}, {found.workers} at a time",
        "Numbers that agree": f"{agreeing} of {len(found.rows)}",
        "Nearest to its tolerance": _beside(farthest),
    }
