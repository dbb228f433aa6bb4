"""Make data/cpu_tdp/cpu_tdp_watts.csv: clean a table `Name,TDP` and join known core counts.

Usage: make_cpu_tdp_table.py SOURCE_TDP_CSV server_cpu_cores.csv > cpu_tdp_watts.csv
Rows are dropped when the TDP is not a plain number or the name holds a comma, quote or line end.
A name that occurs twice with two values is dropped as well. Prints quantiles of the TDP per core
of the joined rows to stderr: they are the constants of cpu_power.cpp.
"""
import csv
import sys


def read_tdps(path):
    tdps, dropped = {}, []
    with open(path, newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            name = row["Name"].replace("\n", ",").replace("\u200b", "").replace("\u00ae", "")
            name = " ".join(name.split())
            try:
                watts = float(row["TDP"])
            except (TypeError, ValueError):
                dropped.append(name)
                continue
            if "," in name or '"' in name or watts <= 0 or tdps.get(name, watts) != watts:
                dropped.append(name)
                tdps.pop(name, None)
                continue
            tdps[name] = watts
    return tdps, dropped


def quantile(values, share):
    values = sorted(values)
    position = share * (len(values) - 1)
    low = int(position)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (position - low)


def main():
    tdps, dropped = read_tdps(sys.argv[1])
    with open(sys.argv[2], newline="", encoding="utf-8") as file:
        cores = {row["name"]: int(row["cores"]) for row in csv.DictReader(file)}
    print("name,tdp_w,cores")
    for name in sorted(tdps):
        print(f"{name},{tdps[name]:g},{cores.get(name, '')}")
    lower = {name.lower(): name for name in tdps}
    missing = [name for name in cores if name not in tdps]
    joined = [tdps[name] / count for name, count in cores.items() if name in tdps]
    print(f"{len(tdps)} rows, dropped {len(dropped)}: {dropped}", file=sys.stderr)
    print(f"core counts without a TDP: {missing} "
          f"{[lower.get(name.lower()) for name in missing]}", file=sys.stderr)
    print(f"TDP per core over {len(joined)} server models: "
          + ", ".join(f"{q:g}: {quantile(joined, q):.2f} W" for q in (0, 0.05, 0.5, 0.95, 1)),
          file=sys.stderr)


if __name__ == "__main__":
    main()
