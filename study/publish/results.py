"""`report/results.json`: the report's results for programs, in the words and digits of both documents.

source       digest of the notebooks and records that the report is made from
runs         digest of a run's spec -> its part, task, model and seed
numbers      each published number: `key` and `where` (its place in the original), `part`, `model`, `quantity`,
             `kind` (fact, loss, count or share, which is its unit: losses are mean squared errors or cross-entropies,
             shares are fractions of one), `published`, `values` (ours, one a seed), `regenerated` (their median),
             `interval` (95%, for one more seed), `verdict`, `reason`, `runs` (digests of the runs of that model, or,
             where a number names no model, of all of the part), and `printed`: published, regenerated and interval
             as the scorecard prints them
claims       each claim: `name`, `where`, `part`, `text`, `verdict`, `reason`; they rest on the runs of their part
highlights   the front page's table, as printed
statements   each sentence with checks: `where`, `section`, `sentence`, `compared`, `holds`
"""

import json
from collections.abc import Mapping, Sequence

from study import published, runs
from study.parts import Part
from study.publish.filling import Checked
from study.publish.scorecard import Verdicts, interval_in_words, regenerated_in_words
from study.runs import Record
from study.verdicts import Judged


def collect(
    records: Mapping[Part, Sequence[Record]], verdicts: Sequence[Verdicts], source: str, checked: Sequence[Checked]
) -> dict:
    """The file's content; JSON's types alone."""
    claims = published.everything()["claims"]
    return {
        "source": source,
        "runs": {
            runs.digest(record.spec): {"part": part.key, **{key: record.spec[key] for key in ("task", "model", "seed")}}
            for part, found in records.items()
            for record in found
        },
        "numbers": [_number(judged, one.part, records[one.part]) for one in verdicts for judged in one.numbers],
        "claims": [
            {"name": name, "part": one.part.key, **{key: claims[name][key] for key in ("where", "text")}}
            | {"verdict": verdict.status, "reason": verdict.reason}
            for one in verdicts
            for name, verdict in one.claims.items()
        ],
        "highlights": [
            {"part": part.key, **line._asdict()}
            for part, found in records.items()
            for line in part.analysis().highlights(found)
        ],
        "statements": [
            {
                "where": one.where,
                "section": str(one.section),
                "sentence": one.sentence,
                "compared": [check.compared for check in one.checks],
                "holds": not one.failed,
            }
            for one in checked
        ],
    }


def as_json(content: dict) -> bytes:
    """Raises ValueError for a number that is none, such as NaN."""
    return f"{json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)}\n".encode()


def _number(judged: Judged, part: Part, records: Sequence[Record]) -> dict:
    steps = judged.key.split(".")
    mine = [record for record in records if record.spec["model"] in steps] or records
    return {
        "key": judged.key,
        "where": published.where(judged.key),
        "part": part.key,
        "model": judged.model,
        "quantity": judged.quantity,
        "kind": judged.kind.value,
        "published": judged.published,
        "values": [float(value) for value in judged.values],
        "regenerated": float(judged.regenerated) if judged.values else None,
        "interval": judged.interval and [float(end) for end in judged.interval],
        "verdict": judged.verdict.status,
        "reason": judged.verdict.reason,
        "runs": sorted(runs.digest(record.spec) for record in mine),
        "printed": {
            "published": judged.printed,
            "regenerated": regenerated_in_words(judged),
            "interval": interval_in_words(judged),
        },
    }
