"""README's few lines for a series of one's own do what they say."""

import numpy as np
import pandas as pd

from study import paths
from study.anomaly import series


def test_the_lines_of_the_readme_score_a_series(tmp_path, monkeypatch):
    lines = next(block for block in paths.ROOT.joinpath("README.md").read_text().split("```") if "mine.csv" in block)
    one = series.synthetic("AAPL", 4_000)
    table = pd.DataFrame({"timestamp": pd.to_datetime(one.timestamps), "value": one.values.astype(int)})
    monkeypatch.chdir(tmp_path)
    table.to_csv("mine.csv", index=False)
    told = {}
    exec(lines.removeprefix("python\n"), told)
    scores = told["scores"]
    assert scores.shape == (4_000,) and np.isfinite(scores).all()
    assert len(told["losses"]) > 1 and told["losses"][-1] < told["losses"][0]
