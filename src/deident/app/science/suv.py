"""The factor from stored activity to SUV by body weight, from the header alone.

After the vendor-neutral pseudo-code of the Quantitative Imaging Biomarkers Alliance (QIBA) for
Positron Emission Tomography Image Storage (PS3.3 C.8.9.1): factor = weight in g / (injected dose in
Bq, decayed to the time that the pixels are corrected to). Only differences of times enter.
"""

from __future__ import annotations

import math
from typing import NamedTuple

_SECONDS_PER_DAY = 86_400


class Inputs(NamedTuple):
    """What the factor is computed from; `None` where the header has no usable value.

    Attributes:
        units, decay_correction: Units (0054,1001), Decay Correction (0054,1102).
        corrected: values of Corrected Image (0028,0051).
        weight: in kg. dose: in Bq. half_life: in s.
        injected, injected_clock: time of injection in s since any fixed day; in s since midnight.
        series, acquisition, ge_scan: when the series, the frame, GE's scan began, in s.
        reference, duration: Frame Reference Time, Actual Frame Duration in ms.
        philips_factor: private (7053,xx00).
    """

    units: str
    decay_correction: str
    corrected: tuple[str, ...]
    weight: float | None
    dose: float | None
    half_life: float | None
    injected: float | None
    injected_clock: float | None
    series: float | None
    acquisition: float | None
    ge_scan: float | None
    reference: float | None
    duration: float | None
    philips_factor: float | None


class Factor(NamedTuple):
    """An SUV factor; `None` where it cannot be computed, and the attributes that are missing."""

    value: float | None
    missing: tuple[str, ...] = ()


def factor(inputs: Inputs) -> Factor:
    """The SUV factor; with neither value nor missing inputs there is none to compute."""
    if inputs.units == "GML":
        return Factor(1.0)
    if inputs.units == "CNTS":
        if inputs.philips_factor:
            return Factor(inputs.philips_factor)
        return Factor(None, ("Philips SUV factor",))
    corrected = {"ATTN", "DECY"} <= set(inputs.corrected)
    if inputs.units != "BQML" or not corrected or inputs.decay_correction not in ("START", "ADMIN"):
        return Factor(None)
    missing = _missing(inputs)
    if missing:
        return Factor(None, missing)
    dose, half_life = inputs.dose or 0.0, inputs.half_life or 1.0
    decayed = dose * 2 ** -(_decay_time(inputs) / half_life)
    return Factor(1000 * (inputs.weight or 0.0) / decayed if decayed else None)


def _missing(inputs: Inputs) -> tuple[str, ...]:
    wanted = {
        "PatientWeight": inputs.weight,
        "RadionuclideTotalDose": inputs.dose,
        "RadionuclideHalfLife": inputs.half_life,
    }
    found = [name for name, value in wanted.items() if not value]
    if inputs.decay_correction == "START":
        if inputs.injected is None and inputs.injected_clock is None:
            found.append("RadiopharmaceuticalStartTime")
        if _scan_time(inputs) is None:
            found.append("SeriesTime")
    return tuple(found)


def _decay_time(inputs: Inputs) -> float:
    """Seconds from injection to the time that decay is corrected to."""
    scan = _scan_time(inputs)
    if inputs.decay_correction == "ADMIN" or scan is None:
        return 0.0
    if inputs.injected is not None:
        return scan - inputs.injected
    return (scan - (inputs.injected_clock or 0.0)) % _SECONDS_PER_DAY


def _scan_time(inputs: Inputs) -> float | None:
    """When the scan began: Series Time, unless later processing has overwritten it."""
    series, acquisition = inputs.series, inputs.acquisition
    if series is not None and (acquisition is None or series <= acquisition):
        return series
    if inputs.ge_scan is not None:
        return inputs.ge_scan
    if acquisition is None or inputs.reference is None or not inputs.duration:
        return None
    decay = math.log(2) / (inputs.half_life or 1.0)
    turn = decay * inputs.duration / 1000
    average = math.log(turn / (1 - math.exp(-turn))) / decay if turn > 0 else 0.0
    return acquisition - (inputs.reference / 1000 - average)
