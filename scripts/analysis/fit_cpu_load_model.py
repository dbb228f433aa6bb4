"""Fit the linear CPU load model to load sweeps with RAPL readings, and print its error band.

Usage: fit_cpu_load_model.py FOLDER   (CSV files of mlco2/codecarbon, MIT, commit b05965e4,
codecarbon/data/hardware/cpu_load_profiling: columns cpu_load in % and rapl_power in W)

Model: power / P_max = s + (1 - s) x load, P_max = TDP x sockets. Only points above 8 % load take
part: below, RAPL shows deep sleep states that no share of the TDP describes.
"""
import csv
import glob
import os
import sys

# W per machine: vendor data sheets; the E5-2620 v3 machine has two sockets of 85 W.
MAX_POWER_W = {"8024P": 90.0, "1950X": 180.0, "E3-1240": 69.0, "E5-2620": 170.0}
MIN_LOAD = 0.08


def read_points(folder):
    points = []
    for path in sorted(glob.glob(os.path.join(folder, "*.csv"))):
        cpu = next(key for key in MAX_POWER_W if key in path)
        with open(path, newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                load = float(row["cpu_load"]) / 100
                if load > MIN_LOAD:
                    points.append((cpu, load, float(row["rapl_power"]) / MAX_POWER_W[cpu]))
    return points


def fit_idle_share(points):
    """Return the least-squares s of power / P_max = load + s x (1 - load)."""
    return (sum((power - load) * (1 - load) for _, load, power in points)
            / sum((1 - load) ** 2 for _, load, _ in points))


def describe(points, share):
    ratios = sorted(power / (share + (1 - share) * load) for _, load, power in points)
    error = sum(abs(1 / ratio - 1) for ratio in ratios) / len(ratios)
    return (f"{len(points)} points, s {share:.3f}: true / model from {ratios[0]:.3f} to "
            f"{ratios[-1]:.3f}, median {ratios[len(ratios) // 2]:.3f}, "
            f"mean absolute error {100 * error:.1f} %")


def main():
    points = read_points(sys.argv[1])
    share = fit_idle_share(points)
    print("all:", describe(points, share))
    print("rounded:", describe(points, 0.10))
    for cpu in MAX_POWER_W:
        others = fit_idle_share([point for point in points if point[0] != cpu])
        print(f"left out {cpu}:", describe([point for point in points if point[0] == cpu], others))


if __name__ == "__main__":
    main()
