"""What the report's front page and scorecard take from the records of Part III."""

from collections.abc import Sequence

from study.prose import Highlight, join_list, significant
from study.runs import Record, of
from study.theory.claims import claims, gather
from study.verdicts import CONFIRMED, PARTLY, Judged


def judged(records: Sequence[Record]) -> list[Judged]:
    """The original gives no numbers in Part III."""
    return []


def finding(records: Sequence[Record]) -> str:
    """The part in two sentences."""
    verdicts = claims(records)
    statuses = [verdict.status for verdict in verdicts.values()]
    whole, half = statuses.count(CONFIRMED), statuses.count(PARTLY)
    rest = len(statuses) - whole - half
    counted = [f"{whole} are confirmed", f"{half} partly", *([f"{rest} not"] if rest else [])]
    reason = verdicts["attention_gradients"]
    limit = ": it does in wide heads, and narrow ones do without it" if reason.status == PARTLY else ""
    return (
        f"Of the original's {len(statuses)} statements about self-attention {join_list(counted)}. That dividing by √dₖ "
        f"keeps the softmax's gradients from vanishing is {reason.status}{limit}."
    )


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
