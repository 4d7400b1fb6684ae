"""A seeded simulator of the ElectroGuard production line.

One cycle makes one component. Ten stations each read two thermometers, two pressure gauges and a voltmeter at 20 time
steps: 10 x 5 x 20 = 1000 readings, each scaled to [0, 1] by its gauge's measuring range. A few process states (product,
ambient temperature, load, material, supply voltage, mains and heater regulation) drive all readings through simple
physics: the heater's voltage warms a station (a first-order heat balance), and material and load shape the pressure
pulse. Wear lowers the heaters' efficiency, which the controller answers with more voltage, and lets valves leak.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
from scipy.signal import lfilter
from scipy.special import expit

STATIONS = 10
STEPS = 20
GAUGES = ("temperature A", "temperature B", "pressure in", "pressure out", "voltage")
WIDTH = STATIONS * len(GAUGES) * STEPS
SHAPE = (STATIONS, len(GAUGES), STEPS)
"""A vector of 1000 readings seen as (station, gauge, time step); the vector is its row-major order."""

NOISE = 0.01
"""Standard deviation of a sound gauge's noise, as a fraction of its range."""

PRODUCT_SHARES = (0.5, 0.35, 0.15)
HEAT_BALANCE_SCALE = 2.0
"""By how much a departure from the heat balance is multiplied."""

# Heater voltage of each product: level before and after a step, and the step's time.
_VOLTAGE = np.array([(0.50, 0.62, 8.0), (0.66, 0.48, 11.0), (0.42, 0.70, 5.0)])
# Pressure pulse of each product: height, begin and end in time steps.
_PULSE = np.array([(0.60, 4.0, 15.0), (0.48, 6.0, 17.0), (0.70, 3.0, 12.0)])


class Stream(IntEnum):
    """Independent random streams of a plant. From DRIFT on each month has one."""

    TRAINING = 1
    CALIBRATION = 2
    NORMAL = 3
    FAULTY = 4
    CONTAMINANT = 5
    LABELLED_FAULTY = 6
    LABELLED_NORMAL = 7
    VALIDATION = 8
    DRIFT = 100


@dataclass(frozen=True)
class Line:
    """One plant, its constants drawn from `seed`.

    `noise` multiplies the gauges' noise. `broken_gauges` is the share of the 50 gauges that carry no information:
    they read white noise about mid-range. Raises ValueError for a negative noise or a share outside 0 to 0.9.
    """

    seed: int
    noise: float = 1.0
    broken_gauges: float = 0.0

    def __post_init__(self) -> None:
        if self.noise < 0 or not 0 <= self.broken_gauges <= 0.9:
            given = f"noise={self.noise} and broken_gauges={self.broken_gauges}"
            raise ValueError(f"noise must be at least 0 and broken_gauges between 0 and 0.9, got {given}")

    @cached_property
    def _constants(self) -> dict[str, np.ndarray]:
        rng = np.random.default_rng([self.seed, 0])
        return {
            "cooling": rng.uniform(0.12, 0.25, STATIONS),
            "heating": rng.uniform(0.16, 0.24, STATIONS),
            "power": rng.uniform(0.9, 1.1, STATIONS),
            "drop": rng.uniform(0.1, 0.3, STATIONS),
            "warmth": rng.uniform(0.05, 0.25, STATIONS),
            "ageing": rng.uniform(0.5, 1.5, STATIONS),
            "gain": rng.uniform(0.85, 1.0, SHAPE[:2]),
            "offset": rng.uniform(0.0, 0.08, SHAPE[:2]),
            "order": rng.permutation(STATIONS * len(GAUGES)),
        }

    @property
    def sound(self) -> np.ndarray:
        """Which gauges carry information: bool of shape (10, 5)."""
        broken = self._constants["order"][: round(self.broken_gauges * STATIONS * len(GAUGES))]
        return ~np.isin(np.arange(STATIONS * len(GAUGES)), broken).reshape(SHAPE[:2])

    def produce(self, cycles: int, stream: int, age: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Sound cycles: readings (cycles, 1000) float32 in [0, 1], and each cycle's product (cycles,) int.

        `stream` (at least 1) names an independent random stream of this plant. `age` is the line's wear: 0 is new, 1
        is a year of production. Raises ValueError for no cycles, a bad stream or a negative age.
        """
        if cycles < 1 or stream < 1 or age < 0:
            given = f"{cycles}, {stream} and {age}"
            raise ValueError(f"cycles and stream must be at least 1 and age at least 0, got {given}")
        rng = np.random.default_rng([self.seed, stream])
        product = rng.choice(len(PRODUCT_SHARES), size=cycles, p=PRODUCT_SHARES)
        readings = self._read(self._physics(product, rng, age), rng)
        return readings.reshape(cycles, WIDTH).astype(np.float32), product

    def _physics(self, product: np.ndarray, rng: np.random.Generator, age: float) -> np.ndarray:
        """The true quantities of the cycles, (n, 10, 5, 20)."""
        c, n = self._constants, len(product)
        ambient, load, material, supply = rng.standard_normal((4, n)).clip(-2.5, 2.5)
        time = np.arange(STEPS)
        ageing = age * c["ageing"][:, None]

        before, after, at = (column[:, None] for column in _VOLTAGE[product].T)
        wanted = before + (after - before) * expit((time - at - 0.5 * load[:, None]) / 0.8)
        disturbed = 1 + 0.03 * supply[:, None] + 0.02 * _smooth_noise(rng, (n, STEPS))
        regulation = 0.02 * _smooth_noise(rng, (n, STATIONS, STEPS))
        voltage = c["power"][:, None] * (wanted * disturbed)[:, None] * (1 + regulation) * (1 + 0.08 * ageing)

        efficiency = 1 - 0.12 * ageing[:, 0]
        temperature = np.empty((n, STATIONS, STEPS))
        surroundings = 0.15 + 0.02 * ambient[:, None]
        temperature[..., 0] = surroundings + 0.1 + 0.02 * load[:, None]
        for t in range(STEPS - 1):
            now = temperature[..., t]
            heat = c["heating"] * efficiency * voltage[..., t] ** 2
            temperature[..., t + 1] = now + c["cooling"] * (surroundings - now) + heat

        height, begin, end = (column[:, None] for column in _PULSE[product].T)
        begin = begin + 0.8 * material[:, None]
        pulse = expit((time - begin) / 0.9) * expit((end + 0.5 * load[:, None] - time) / 0.9)
        flow = (0.1 + height * (1 + 0.06 * load[:, None]) * pulse)[:, None]
        pressure_in = flow * (1 + c["warmth"][:, None] * (temperature - 0.4)) * (1 - 0.05 * ageing)
        lost = c["drop"][:, None] * (1 + 0.15 * np.tanh(material))[:, None, None] + 0.1 * ageing
        pressure_out = pressure_in * (1 - lost)
        return np.stack([temperature, temperature, pressure_in, pressure_out, voltage], axis=2)

    def _read(self, true: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        readings = self._constants["offset"][..., None] + self._constants["gain"][..., None] * true
        readings += self.noise * NOISE * rng.standard_normal(true.shape)
        lost = ~self.sound
        readings[:, lost] = 0.5 + 0.15 * rng.standard_normal((len(true), lost.sum(), STEPS))
        return readings.clip(0, 1)

    def heat_balance(self, readings: np.ndarray) -> np.ndarray:
        """How far each station departs from its heat balance, (n, 1000) to (n, 10, 19), scaled to [0, 1] about 0.5.

        Known to the plant's engineers: the calibration of its gauges, and cooling and heating of each station when new.
        From them and the voltage follows each next temperature; the departure is that of the mean of both thermometers.
        Not known: the ambient temperature of a cycle, wear, and which gauges are broken.
        """
        c = self._constants
        true = (as_stations(readings) - c["offset"][..., None]) / c["gain"][..., None]
        temperature, voltage = true[:, :, :2].mean(axis=2), true[:, :, 4]
        now, then = temperature[..., :-1], temperature[..., 1:]
        expected = now + c["cooling"][:, None] * (0.15 - now) + c["heating"][:, None] * voltage[..., :-1] ** 2
        return (0.5 + HEAT_BALANCE_SCALE * (then - expected)).clip(0, 1).astype(np.float32)

    def heat_check(self, readings: np.ndarray) -> np.ndarray:
        """A rule of the plant's engineers, (n,): the worst station's mean squared departure from its heat balance."""
        return np.square(self.heat_balance(readings) - 0.5, dtype=np.float64).mean(axis=2).max(axis=1)


def as_stations(readings: np.ndarray) -> np.ndarray:
    """A view of readings (n, 1000) as (n, station, gauge, time step)."""
    return readings.reshape(len(readings), *SHAPE)


def _smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], memory: float = 0.8) -> np.ndarray:
    """First-order autoregressive noise of unit variance along the last axis."""
    shocks = rng.standard_normal(shape)
    shocks[..., 1:] *= np.sqrt(1 - memory**2)
    return lfilter([1], [1, -memory], shocks)
