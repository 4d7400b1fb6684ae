"""What the report's front page and scorecard take from the records of Part III."""

from collections.abc import Sequence

from study.prose import Highlight, significant
from study.runs import Record, of
from study.theory.claims import gather
from study.verdicts import Judged


def judged(records: Sequence[Record]) -> list[Judged]:
    """The original gives no numbers in Part III."""
    return []


def highlights(records: Sequence[Record]) -> list[Highlight]:
    """The part on the front page."""
    evidence = gather(records)
    raw, scaled = (evidence.median(kind, "jacobian_median") for kind in ("raw", "scaled"))
    widest = max(of(records, "part3-scaling")[0].spec["settings"]["d_k"])
    return [
        Highlight(
            f"median norm of the softmax’s Jacobian, dₖ = {widest}",
            "“extremely small” unscaled",
            f"{significant(raw, 2)} unscaled",
            f"{significant(scaled, 2)} scaled",
        ),
    ]
