"""A powercap energy counter with a known load, in virtual time.

A load is a function from seconds to the true energy in joules since 0. The counter counts
microjoules, wraps like a RAPL register, and can fail between two times. Its readings can be taken as
a finewatt trace, or be written to the files that a peer reads.
"""

import json
import math

SMALL_RANGE_UJ = 65_532_610_987  # max_energy_range_uj of a 32-bit register of 15.3 uJ


def constant_load(watts):
    return lambda t_s: watts * t_s


def square_load(low_w, high_w, period_s, phase_s):
    """`high_w` in the first half of each period; the period begins `phase_s` before 0."""

    def from_period_begin(t_s):
        whole, rest = divmod(t_s, period_s)
        half = period_s / 2
        return whole * half * (low_w + high_w) + min(rest, half) * high_w + max(0, rest - half) * low_w

    return lambda t_s: from_period_begin(t_s + phase_s) - from_period_begin(phase_s)


class Counter:
    """Reads as the kernel's energy_uj does. `failing` is a pair of times between which it fails."""

    def __init__(self, load, failing=None, range_uj=SMALL_RANGE_UJ):
        self.load = load
        self.failing = failing
        self.range_uj = range_uj

    def read(self, t_s):
        """Microjoules, or None where the read fails."""
        if self.failing and self.failing[0] <= t_s < self.failing[1]:
            return None
        return math.floor(self.load(t_s) * 1e6) % (self.range_uj + 1)


def write_trace(path, counter, duration_s, step_s=0.1, max_power_w=500):
    """The counter as finewatt's sampler sees it, as a trace file (docs/formats/trace.md)."""
    channel = {
        "id": "package-0",
        "kind": "counter",
        "unit": "uJ",
        "range": counter.range_uj + 1,
        "max_power_w": max_power_w,
        "domain": "package",
        "device": "cpu0",
        "update_ms": 1,
    }
    with open(path, "w", encoding="utf-8") as out:
        header = {"finewatt_trace": 1, "started_at": "2026-01-01T00:00:00Z", "channels": [channel]}
        out.write(json.dumps(header) + "\n")
        for step in range(round(duration_s / step_s) + 1):
            t_s = step * step_s
            raw = counter.read(t_s)
            line = {"t_ns": round(t_s * 1e9), "id": "package-0"}
            line.update({"error": "EIO"} if raw is None else {"raw": raw})
            out.write(json.dumps(line) + "\n")
