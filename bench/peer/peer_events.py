"""Phases and totals of a peer for the meter around it: JSON lines on FINEWATT_EVENT_FD.

Without that variable nothing is written. Field names: docs/formats, "events".
"""

import contextlib
import json
import os
import time

_FD = int(os.environ["FINEWATT_EVENT_FD"]) if os.environ.get("FINEWATT_EVENT_FD") else None


def write_event(event, **fields):
    """One event with the time of now, in one write."""
    if _FD is None:
        return
    line = {"event": event, "t_mono_ns": time.clock_gettime_ns(time.CLOCK_MONOTONIC), **fields}
    os.write(_FD, (json.dumps(line) + "\n").encode())


@contextlib.contextmanager
def phase(name):
    """A phase of the run record, from enter to exit."""
    write_event("phase", name=name, edge="begin")
    try:
        yield
    finally:
        write_event("phase", name=name, edge="end")


def process_seconds():
    """Seconds since this process was started, interpreter start included."""
    with open("/proc/self/stat", encoding="ascii") as stat:
        # Field 22, counted after the command name, which may contain spaces.
        start_ticks = int(stat.read().rsplit(")", 1)[1].split()[19])
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    return now - start_ticks / os.sysconf("SC_CLK_TCK")


def peak_memory_mb():
    """The largest resident size so far, MB (10^6 bytes)."""
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    return None
