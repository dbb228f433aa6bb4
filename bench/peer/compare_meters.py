"""finewatt's meter beside CodeCarbon's (and, for sampling, carbontracker's) on this machine.

    compare_meters.py --finewatt PROGRAM --python PYTHON [--rounds 5] [--keep-traces FOLDER]

Cost: whole wall time of metering `true`, resident memory, and CPU time over an idle stretch, each
program in turn. Errors: simulated counters with a known energy, the same readings for everybody;
`--keep-traces` leaves them as finewatt traces. Status 1 when a program fails.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from peer_counters import load_of
from simulated_counter import Counter, write_trace

HERE = os.path.dirname(os.path.abspath(__file__))

CASES = [
    ("wraps, 200 W for 10 min", {"load": {"kind": "constant", "watts": 200}, "duration_s": 600}),
    ("wraps, 280 W for 10 min", {"load": {"kind": "constant", "watts": 280}, "duration_s": 600}),
    ("wraps, 200 W for 2 h", {"load": {"kind": "constant", "watts": 200}, "duration_s": 7200}),
    (
        "one failed read in 60 s at 100 W",
        {"load": {"kind": "constant", "watts": 100}, "duration_s": 60, "failing": [29.95, 30.05]},
    ),
    (
        "square load of 2 s, 60/260 W, in phase",
        {
            "load": {"kind": "square", "low_w": 60, "high_w": 260, "period_s": 2, "phase_s": 0},
            "duration_s": 120,
        },
    ),
    (
        "square load of 2 s, 60/260 W, half a period later",
        {
            "load": {"kind": "square", "low_w": 60, "high_w": 260, "period_s": 2, "phase_s": 1},
            "duration_s": 120,
        },
    ),
]


def peak_resident_kib(pid):
    """Largest resident set so far, of the program itself. (wait4's figure would include this Python,
    whose memory the child shares until it has started the program.)"""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


def run_once(command, env=None, look_at_s=None):
    """(wall s, CPU s of the process and its children, peak resident KiB after `look_at_s`)."""
    begin = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env, cwd=tempfile.gettempdir()
    )
    resident = None
    if look_at_s is not None:
        time.sleep(look_at_s)
        resident = peak_resident_kib(process.pid)
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.monotonic() - begin
    if status != 0:
        sys.exit(f"bench: status {status} from {' '.join(command)}: {process.stderr.read().decode()}")
    return wall_s, usage.ru_utime + usage.ru_stime, resident


def median(values):
    return statistics.median(values)


def compare_cost(args, scratch):
    finewatt = [args.finewatt, "--store", f"sqlite:{scratch}/ledger.db", "measure"]
    codecarbon = [
        os.path.join(os.path.dirname(args.python), "codecarbon"),
        "monitor", "--offline", "--country-iso-code", "FRA", "--no-api",
    ]  # fmt: skip
    commands = {
        "plain": (["true"], ["sleep", str(args.idle_s)]),
        "finewatt": (finewatt + ["--", "true"], finewatt + ["--", "sleep", str(args.idle_s)]),
        "finewatt at 1 s": (
            None,
            finewatt + ["--interval", "1s", "--", "sleep", str(args.idle_s)],
        ),
        "codecarbon at 1 s": (
            codecarbon + ["--", "true"],
            codecarbon + ["--measure-power-secs", "1", "--", "sleep", str(args.idle_s)],
        ),
    }
    env = dict(os.environ, HOME=scratch, XDG_DATA_HOME=scratch, XDG_STATE_HOME=scratch)
    start = {name: [] for name in commands}
    idle = {name: [] for name in commands}
    for _ in range(args.rounds):
        for name, (short, _) in commands.items():
            if short:
                start[name].append(run_once(short, env))
    for name, (_, long) in commands.items():
        idle[name].append(run_once(long, env, look_at_s=args.idle_s - 0.5))
    print(f"cost: medians of {args.rounds} starts in turn; one idle stretch of {args.idle_s} s each")
    print(f"{'':20s} {'start + stop':>14s} {'resident':>12s} {'CPU share of a core':>22s}")
    plain_s = median([wall for wall, _, _ in start["plain"]])
    for name in list(commands)[1:]:
        if start[name]:
            extra_ms = (median([wall for wall, _, _ in start[name]]) - plain_s) * 1e3
            cpu_at_start = median([cpu for _, cpu, _ in start[name]])
        else:
            extra_ms, cpu_at_start = None, median([cpu for _, cpu, _ in start["finewatt"]])
        wall, cpu, rss = idle[name][0]
        # What starting and stopping cost is not part of the steady share.
        share = max(0.0, cpu - cpu_at_start) / wall
        shown = f"{extra_ms:11.1f} ms" if extra_ms is not None else "             -"
        print(f"{name:20s} {shown:>14s} {rss / 1024:8.1f} MiB {share:21.4%}")
    ours = median([wall for wall, _, _ in start["finewatt"]]) - plain_s
    theirs = median([wall for wall, _, _ in start["codecarbon at 1 s"]]) - plain_s
    print(f"ratio: start {theirs / ours:.0f}x, "
          f"memory {idle['codecarbon at 1 s'][0][2] / idle['finewatt'][0][2]:.1f}x (codecarbon over finewatt)")


def finewatt_joules(args, counter, case, path):
    write_trace(path, counter, case["duration_s"])
    done = subprocess.run(
        [args.finewatt, "replay", path, "--json"], stdout=subprocess.PIPE, check=False
    )
    if done.returncode != 0:
        sys.exit(f"bench: finewatt replay ended with {done.returncode}")
    channel = json.loads(done.stdout)["channels"][0]
    return channel["energy_j"], channel["energy_j_low"], channel["energy_j_high"]


def compare_errors(args, folder):
    cases = [case for _, case in CASES]
    done = subprocess.run(
        [args.python, os.path.join(HERE, "peer_counters.py")],
        input=json.dumps(cases), stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    answers = json.loads(done.stdout)
    print("\nerror of the energy of a simulated counter (65.5 kJ range), in % of the truth")
    head = ("finewatt", "(its range)", "codecarbon 15 s", "codecarbon task", "carbontracker")
    print(f"{'':50s}" + "".join(f"{name:>19s}" for name in head))
    for number, ((name, case), answer) in enumerate(zip(CASES, answers)):
        counter = Counter(load_of(case), case.get("failing"))
        truth = counter.load(case["duration_s"])
        ours, low, high = finewatt_joules(
            args, counter, case, os.path.join(folder, f"case-{number}.jsonl")
        )
        values = [ours, None, answer["codecarbon_15s"], answer["codecarbon_task"], answer["carbontracker"]]
        cells = [f"{(v - truth) / truth:+.3%}" if v is not None else "-" for v in values]
        cells[1] = f"{(low - truth) / truth:+.3%}/{(high - truth) / truth:+.3%}"
        print(f"{name:50s}" + "".join(f"{cell:>19s}" for cell in cells))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--finewatt", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--idle-s", type=int, default=20)
    parser.add_argument("--keep-traces", metavar="FOLDER")
    args = parser.parse_args()
    args.finewatt = os.path.abspath(args.finewatt)
    args.python = os.path.abspath(args.python)
    with tempfile.TemporaryDirectory() as scratch:
        compare_cost(args, scratch)
        folder = args.keep_traces or scratch
        os.makedirs(folder, exist_ok=True)
        compare_errors(args, folder)


if __name__ == "__main__":
    main()
