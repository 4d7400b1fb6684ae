"""Images a second of our loop and of the plain way."""

from pathlib import Path

from study.profile import Profile
from study.vision import experiments

IMAGES, REPEATS = 512, 2


def measure(chosen: Profile, work: Path) -> dict:
    """The measurement of the Bonus part on fewer images."""
    spec = next(s for s in experiments.ALL.specs(chosen) if s["task"] == "bonus-speed")
    few = {"images": min(IMAGES, spec["settings"]["images"]), "repeats": REPEATS}
    metrics, _ = experiments.ALL.train(spec | {"settings": spec["settings"] | few}, work)
    return metrics
