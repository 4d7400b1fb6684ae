"""Labelled faults for the simulated line: five kinds, each with a severity from 0 (nothing) to 1 (gross)."""

import numpy as np

from study.manufacturing.line import SHAPE, STEPS, Line, as_stations

KINDS = ("spike", "drift", "stuck sensor", "broken correlation", "joint shift")

SPIKE = 0.5
"""Height of a spike of severity 1, over two time steps of one gauge."""
DRIFT = 0.2
"""How far a gauge of severity 1 has drifted at the cycle's end."""
JOINT_SHIFT = 0.01
"""Shift of every gauge at severity 1, up or down by a fixed pattern: one standard deviation of its noise."""


Cycles = tuple[np.ndarray, np.ndarray]
"""Readings (n, 1000) and products (n,)."""


def inject(
    readings: np.ndarray, product: np.ndarray, line: Line, kind: str, severity: float, rng: np.random.Generator,
    recurring: bool = False, donors: Cycles | None = None,
) -> np.ndarray:  # fmt: skip
    """A copy of sound readings (n, 1000) with one fault of that kind in every cycle, again within [0, 1].

    A fault strikes a random place among the sound gauges of the line; a `recurring` one strikes the same place in the
    same direction every time, as a worn machine does. Only a broken correlation needs `product` (n,): it gives a
    station's thermometers, by `severity`, the temperatures of a cycle of another product, all of them ordinary values;
    it comes from the `donors`, by default these cycles. Raises ValueError for an unknown kind,
    a severity outside 0 to 1, or donors of no other product.
    """
    if kind not in KINDS:
        raise ValueError(f"Unknown kind of fault '{kind}'. Choose one of: {', '.join(KINDS)}.")
    if not 0 <= severity <= 1:
        raise ValueError(f"A severity lies between 0 and 1, not at {severity}.")
    faulty = as_stations(readings.astype(np.float64))
    places = np.random.default_rng([line.seed, KINDS.index(kind)]) if recurring else rng
    count = 1 if recurring else len(readings)
    if kind == "broken correlation":
        _broken_correlation(faulty, product, donors or (readings, product), line, severity, places, count, rng)
    else:
        strike = {"spike": _spike, "drift": _drift, "stuck sensor": _stuck, "joint shift": _joint_shift}[kind]
        strike(faulty, line, severity, places, count)
    return faulty.clip(0, 1).reshape(readings.shape).astype(np.float32)


def mixture(
    readings: np.ndarray, product: np.ndarray, line: Line, severity: float, rng: np.random.Generator,
    recurring: bool = False, donors: Cycles | None = None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Every kind of fault in equal shares: faulty readings (n, 1000) and each row's index in KINDS (n,).

    Arguments as of `inject`.
    """
    kinds = np.arange(len(readings)) % len(KINDS)
    faulty = np.empty_like(readings)
    for i, kind in enumerate(KINDS):
        rows = kinds == i
        faulty[rows] = inject(
            readings[rows], product[rows], line, kind, severity, rng, recurring, donors or (readings, product)
        )
    return faulty, kinds


def _gauge(line: Line, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Random sound gauges: station and gauge index, each (count,)."""
    stations, gauges = np.nonzero(line.sound)
    chosen = rng.integers(len(stations), size=count)
    return stations[chosen], gauges[chosen]


def _spike(x: np.ndarray, line: Line, severity: float, rng: np.random.Generator, count: int) -> None:
    """Two neighbouring readings of one gauge jump towards the far side of its range."""
    station, gauge = _gauge(line, rng, count)
    start = rng.integers(STEPS - 1, size=count)
    rows = np.arange(len(x))
    for step in (start, start + 1):
        here = x[rows, station, gauge, step]
        x[rows, station, gauge, step] = here + severity * SPIKE * np.where(here < 0.5, 1, -1)


def _drift(x: np.ndarray, line: Line, severity: float, rng: np.random.Generator, count: int) -> None:
    """One gauge departs steadily during the cycle."""
    station, gauge = _gauge(line, rng, count)
    sign = rng.choice([-1.0, 1.0], size=count)
    x[np.arange(len(x)), station, gauge] += severity * DRIFT * sign[:, None] * np.linspace(0, 1, STEPS)


def _stuck(x: np.ndarray, line: Line, severity: float, rng: np.random.Generator, count: int) -> None:
    """One gauge keeps, by `severity`, the value that it had at some time in the first half of the cycle."""
    station, gauge = _gauge(line, rng, count)
    start = np.broadcast_to(rng.integers(STEPS // 2, size=count), len(x))[:, None]
    struck = np.arange(len(x)), station, gauge
    sound = x[struck]
    stuck = (1 - severity) * sound + severity * np.take_along_axis(sound, start, axis=1)
    x[struck] = np.where(np.arange(STEPS) < start, sound, stuck)


def _broken_correlation(
    x: np.ndarray, product: np.ndarray, donors: Cycles, line: Line, severity: float, places: np.random.Generator,
    count: int, rng: np.random.Generator,
) -> None:  # fmt: skip
    """The thermometers of one station show the temperatures of a cycle of another product."""
    readings, made = as_stations(donors[0]), donors[1]
    candidates = {own: np.flatnonzero(made != own) for own in np.unique(product)}
    if not all(len(found) for found in candidates.values()):
        raise ValueError("A broken correlation needs donors of another product, to take temperatures from.")
    stations = np.flatnonzero(line.sound[:, :2].all(axis=1))
    station = np.broadcast_to(stations[places.integers(len(stations), size=count)], len(x))
    donor = np.array([rng.choice(candidates[own]) for own in product], dtype=int)
    struck = np.arange(len(x)), station, slice(2)
    x[struck] = (1 - severity) * x[struck] + severity * readings[donor, station, :2]


def _joint_shift(x: np.ndarray, line: Line, severity: float, rng: np.random.Generator, count: int) -> None:
    """Every sound gauge of the line is off by less than its noise, each in a direction of its own."""
    pattern = rng.choice([-1.0, 1.0], size=(count, *SHAPE[:2])) * line.sound
    x += severity * JOINT_SHIFT * pattern[..., None]
