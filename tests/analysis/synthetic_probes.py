"""What the probes of a synthetic member found, from what is true of its cell."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from lstm_bench.records.plan import JobPlan

MOMENTS = {"initial": 0.0, "at_75": 0.3, "at_25": 0.7, "final": 1.0}  # and how far training is
DELAYS = 60
H = 8  # units whose time constants are written
MULTIPLES = (0.5, 1.0, 2.0, 4.0)
Table = tuple[str, str, np.ndarray, np.ndarray]  # probe, quantity, at, values


def probe_metrics(job: JobPlan, decays: dict[str, float], status: str) -> dict[str, float]:
    """Return the metrics at every moment that a member reached; `decays` are those of "initial" and "final"."""
    metrics = _all_metrics(job, decays, status)
    return {name: value for name, value in metrics.items() if status != "untrained" or name.endswith("_initial")}


def _all_metrics(job: JobPlan, decays: dict[str, float], status: str) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for moment, decay in decay_at(decays).items():
        metrics[f"grad/decay_{moment}"] = decay
        for name, share in (("horizon", 1e-3), ("horizon_e", 1 / math.e)):
            horizon = math.ceil(math.log(share) / math.log(decay))
            if horizon <= job.length:
                metrics[f"grad/{name}_{moment}"] = float(horizon)
        if is_gated(job):
            metrics |= {f"grad/decay_h_path_{moment}": 0.3 * decay, f"grad/decay_c_path_{moment}": decay}
    for moment in ("initial", "final"):
        metrics |= {f"{name}_{moment}": value for name, value in _at_the_ends(job, decays[moment]).items()}
    recalled = half_life(job, status)
    metrics["memory/half_life_final"] = min(recalled, distances(job)[-1])
    metrics["memory/half_life_open_final"] = float(recalled > distances(job)[-1])
    if status == "solved":
        metrics |= {f"memory/score_at_{m:g}x_final": score for m, score in zip(MULTIPLES, scores(), strict=True)}
    return metrics


def decay_at(decays: dict[str, float]) -> dict[str, float]:
    ends = decays["initial"], decays["final"]
    return {moment: ends[0] ** (1 - way) * ends[1] ** way for moment, way in MOMENTS.items()}


def is_gated(job: JobPlan) -> bool:
    return job.cell.startswith("lstm")


def _at_the_ends(job: JobPlan, decay: float) -> dict[str, float]:
    r2 = squared_correlations(decay)
    metrics = {
        "memory/capacity": float(r2.sum()),
        "memory/capacity_span": float((r2 >= 0.5).sum()),
        "memory/capacity_span_open": float(bool(r2[-1] >= 0.5)),
        "memory/state_size": float(job.hidden_size * (2 if is_gated(job) else 1)),
        "memory/lyapunov": math.log(decay),
        "memory/lyapunov_horizon": -1 / math.log(decay),
        "grad/spectral_decay": decay,
        "gates/state_h_rms": 0.4,
    }
    if is_gated(job):
        for gate, mean in (("i", 0.5), ("f", decay), ("o", 0.6)):
            metrics |= {f"gates/{gate}_mean": mean, f"gates/{gate}_shut_share": 0.1, f"gates/{gate}_open_share": 0.2}
        scales = time_constants(decay)
        metrics |= {
            "gates/state_c_rms": 2.0,
            "gates/time_constant_median": float(np.median(scales)),
            "gates/time_constant_shortest": float(scales[0]),
            "gates/time_constant_longest": float(scales[-1]),
        }
    return metrics


def squared_correlations(decay: float) -> np.ndarray:
    return decay ** (2.0 * np.arange(DELAYS))


def time_constants(decay: float) -> np.ndarray:
    return -1 / np.log(decay) * np.linspace(0.5, 2.0, H)


def distances(job: JobPlan) -> list[int]:
    return sorted({max(1, round(job.lag * multiple)) + 3 for multiple in (0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4)})


def half_life(job: JobPlan, status: str) -> float:
    return {"solved": 2.5 * (job.lag + 3), "learning": 0.8 * (job.lag + 3)}.get(status, 0.0)


def scores() -> tuple[float, ...]:
    return (0.98, 0.995, 0.8, 0.4)


def probe_tables(job: JobPlan, last_step: int, decays: dict[str, float], status: str) -> pd.DataFrame:
    """Return the curves that a member's `probes.parquet` holds."""
    curves = [
        (moment, round(MOMENTS[moment] * last_step), *curve)
        for moment, decay in decay_at(decays).items()
        if status != "untrained" or moment == "initial"
        for curve in _curves(job, moment, decay, status)
    ]
    moments, steps, probes, quantities, at, values = zip(*curves, strict=True)
    points = [len(curve) for curve in at]
    return pd.DataFrame({
        "moment": np.repeat(np.array(moments, dtype=object), points), "step": np.repeat(steps, points),
        "probe": np.repeat(np.array(probes, dtype=object), points),
        "quantity": np.repeat(np.array(quantities, dtype=object), points),
        "at": np.concatenate(at), "value": np.concatenate(values),
    })  # fmt: skip


def _curves(job: JobPlan, moment: str, decay: float, status: str) -> Iterator[Table]:
    back = np.arange(job.length + 1.0)
    yield "gradient_flow", "joint", back, decay**back
    if is_gated(job):
        yield "gradient_flow", "h path", back, (0.3 * decay) ** back
        yield "gradient_flow", "c path", back, decay**back
    if moment not in ("initial", "final"):
        return
    distances_back = np.unique(np.round(job.length ** np.linspace(0, 1, 8)))
    yield "jacobian", "spectral", distances_back, decay**distances_back
    yield "jacobian", "frobenius", distances_back, math.sqrt(job.hidden_size) * decay**distances_back
    yield "memory_capacity", "r2", np.arange(1.0, DELAYS + 1), squared_correlations(decay)
    yield "lyapunov", "spectrum", np.arange(1.0, 5), math.log(decay) - 0.1 * np.arange(4)
    yield from _state_and_gates(job, decay)
    if moment == "final":
        at = np.array(distances(job), dtype=float)
        recall = 1 / (1 + (at / max(half_life(job, status), 0.1)) ** 4)
        yield "forgetting", "recall", at, recall
        for cue in (1, 2, 3):
            yield "forgetting", f"recall of cue {cue}", at, recall
        if status == "solved":
            yield "length_generalisation", "score", np.array(MULTIPLES), np.array(scores())


def _state_and_gates(job: JobPlan, decay: float) -> Iterator[Table]:
    time = np.arange(float(job.length))
    yield "state_and_gates", "h rms", time, 0.4 * np.ones(job.length)
    if not is_gated(job):
        return
    yield "state_and_gates", "c rms", time, 2.0 - np.exp(-time)
    for gate, mean in (("i", 0.5), ("f", decay), ("o", 0.6)):
        yield "state_and_gates", f"{gate} mean", time, mean * np.ones(job.length)
        yield "state_and_gates", f"{gate} distribution", (np.arange(20) + 0.5) / 20, np.full(20, 0.05)
    yield "state_and_gates", "time constant", np.arange(1.0, H + 1), time_constants(decay)
