"""What CodeCarbon's and carbontracker's own code makes of a simulated counter.

    peer_counters.py          a JSON list of cases on standard input, a list of joules on the output

Run by compare_meters.py in the peers' Python. The peers' classes read real files in a temporary
folder; time is virtual: files change and clocks move when the peer would sleep.
"""

import json
import os
import sys
import tempfile
import types

from simulated_counter import Counter, constant_load, square_load


def load_of(case):
    load = case["load"]
    if load["kind"] == "constant":
        return constant_load(load["watts"])
    return square_load(load["low_w"], load["high_w"], load["period_s"], load["phase_s"])


class CounterFiles:
    """energy_uj and max_energy_range_uj of one zone; an unreadable counter is a missing file."""

    def __init__(self, folder, counter):
        self.zone = os.path.join(folder, "intel-rapl:0")
        self.counter = counter
        os.makedirs(self.zone, exist_ok=True)
        self._write("name", "package-0")
        self._write("max_energy_range_uj", counter.range_uj)
        self.path = os.path.join(self.zone, "energy_uj")
        self.range_path = os.path.join(self.zone, "max_energy_range_uj")

    def _write(self, name, value):
        with open(os.path.join(self.zone, name), "w", encoding="ascii") as out:
            out.write(f"{value}\n")

    def show(self, t_s):
        raw = self.counter.read(t_s)
        if raw is not None:
            self._write("energy_uj", raw)
        elif os.path.exists(self.path):
            os.remove(self.path)


def codecarbon_joules(counter, duration_s, interval_s):
    """RAPLFile read at the start, every interval and at the end, as the tracker does; tasks read at
    start and end only (interval = duration)."""
    from codecarbon.core.rapl import RAPLFile
    from codecarbon.core.units import Time

    with tempfile.TemporaryDirectory() as folder:
        files = CounterFiles(folder, counter)
        files.show(0)
        rapl = RAPLFile(name="package", path=files.path, max_path=files.range_path)
        rapl.start()
        joules = 0.0
        last = 0.0
        while last < duration_s:
            now = min(last + interval_s, duration_s)
            files.show(now)
            rapl.delta(Time.from_seconds(now - last))
            joules += rapl.energy_delta.kWh * 3.6e6
            last = now
        return joules


def carbontracker_joules(counter, duration_s):
    """IntelCPU.power_usage (two reads 1 s apart), then the tracker's wait of 1 s; the energy of an
    epoch is the mean of the powers times its duration (Component.energy_usage)."""
    from carbontracker.components.cpu import intel

    with tempfile.TemporaryDirectory() as folder:
        files = CounterFiles(folder, counter)
        now = 0.0
        files.show(now)

        def sleep(seconds):
            nonlocal now
            now += seconds
            files.show(now)

        intel.RAPL_DIR = folder
        intel.time = types.SimpleNamespace(sleep=sleep)
        cpu = intel.IntelCPU(pids=[], devices_by_pid=False)
        cpu.init()
        powers = []
        while now < duration_s:
            powers.append(sum(cpu.power_usage()))
            sleep(1)  # CarbonTrackerThread waits update_interval = 1 s
        return sum(powers) / len(powers) * duration_s


def main():
    answers = []
    for case in json.load(sys.stdin):
        counter = Counter(load_of(case), case.get("failing"))
        answers.append(
            {
                "codecarbon_15s": codecarbon_joules(counter, case["duration_s"], 15),
                "codecarbon_task": codecarbon_joules(
                    counter, case["duration_s"], case["duration_s"]
                ),
                "carbontracker": carbontracker_joules(counter, case["duration_s"])
                if not case.get("failing")
                else None,
            }
        )
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
