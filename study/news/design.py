"""What is chosen about the report's own classifier of news, and the rows of its ablation; `study.news.own` makes it."""

from dataclasses import asdict, dataclass

GRAMS = {
    "words": {"ngram_range": (1, 2), "token_pattern": r"(?u)\b\w+\b", "min_df": 2},
    "characters": {"analyzer": "char_wb", "ngram_range": (3, 5), "lowercase": False, "min_df": 3},
}
"""What the wide towers count: words and pairs of them, and three to five characters of a word in its case."""


@dataclass(frozen=True)
class Design:
    """Everything that is chosen about the model; the defaults are the choice.

    `grams` names the wide towers, each n-gram of which is left out of a text with probability `gram_dropout`. The deep
    tower has vectors of `width` numbers for `vocabulary` words, which with `started` begin as what the words are seen
    together with, and reads the first `longest` words. `convolution` and `attention` are its two ways of reading.
    """

    grams: tuple[str, ...] = ("words", "characters")
    gram_dropout: float = 0.2
    vocabulary: int = 30_000
    longest: int = 100
    width: int = 96
    heads: int = 4
    started: bool = True
    convolution: bool = True
    attention: bool = True
    word_dropout: float = 0.12
    dropout: float = 0.3
    head_dropout: float = 0.5
    batch: int = 128

    def __post_init__(self) -> None:
        unknown = [name for name in self.grams if name not in GRAMS]
        if unknown or len(set(self.grams)) < len(self.grams):
            raise ValueError(f"grams are {self.grams}: choose among {', '.join(GRAMS)}, each once")
        for name in ("gram_dropout", "word_dropout", "dropout", "head_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: expected at least 0 and below 1")
        if min(self.vocabulary, self.longest, self.width) < 3:
            raise ValueError(f"vocabulary, longest and width must be 3 or more: {self}")


TRAINING: dict[str, object] = {
    "epochs": 4, "learning_rate": 2e-3, "weight_decay": 0.01, "decoupled": True, "schedule": "one-cycle",
    "warmup": 0.15, "label_smoothing": 0.1, "average": 0.995, "clip": 5.0,
}  # fmt: skip
"""The recipe, by the names of `study.training.Recipe`."""

ABLATIONS: dict[str, dict[str, object]] = {
    "without-n-grams": {"grams": ()},
    "without-convolution": {"convolution": False},
    "without-attention": {"attention": False},
    "without-co-occurrence": {"started": False},
    "without-label-smoothing": {"label_smoothing": 0.0},
    "without-weight-averaging": {"average": None},
    "without-one-cycle": {"schedule": "constant"},
}
"""Each row's one change of the chosen design or recipe."""


def settings(**changes: object) -> dict:
    """Every choice of design and recipe by its name, with changes, as JSON values.

    Raises ValueError for a change of something else.
    """
    chosen = asdict(Design()) | TRAINING
    unknown = set(changes) - set(chosen)
    if unknown:
        raise ValueError(f"the own classifier has no {', '.join(sorted(unknown))}")
    return {name: list(value) if isinstance(value, tuple) else value for name, value in (chosen | changes).items()}
