"""What the report's front page and scorecard take from the records of Part III."""

from collections import Counter
from collections.abc import Sequence

from study.prose import Highlight, join_list, significant
from study.runs import Record, of
from study.theory.claims import CLAIMS, gather
from study.verdicts import CONFIRMED, PARTLY, Judged


def judged(records: Sequence[Record]) -> list[Judged]:
    """The original gives no numbers in Part III."""
    return []


def finding(records: Sequence[Record]) -> str:
    """The part in two sentences."""
    evidence = gather(records)
    statuses = {name: judge(evidence).status for name, judge in CLAIMS.items()}
    counted = Counter(statuses.values())
    rest = len(statuses) - counted[CONFIRMED] - counted[PARTLY]
    words = [f"{counted[CONFIRMED]} are confirmed", f"{counted[PARTLY]} partly", *([f"{rest} not"] if rest else [])]
    reason = statuses["attention_gradients"]
    limit = ": it does in wide heads, and narrow ones do without it" if reason == PARTLY else ""
    return (
        f"Of the original's {len(statuses)} statements about self-attention {join_list(words)}. That dividing by √dₖ "
        f"keeps the softmax's gradients from vanishing is {reason}{limit}."
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
