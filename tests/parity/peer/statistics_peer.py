"""Answers of scipy to the cases in a JSON file, for stats_peer_test: python statistics_peer.py FILE."""

import json
import sys

import numpy as np
from scipy import optimize, stats
from scipy.special import gammaln


def mean_interval(a):
    return stats.t.interval(0.95, len(a) - 1, loc=np.mean(a), scale=stats.sem(a))


def fieller(a, b):
    """Roots of (A - rB)^2 = t^2 (va + r^2 vb) by search, degrees as Tamhane and Logan."""
    if np.ptp(a) == 0 and np.ptp(b) == 0:
        return None
    ma, mb = np.mean(a), np.mean(b)
    va, vb = stats.sem(a) ** 2, stats.sem(b) ** 2
    r = ma / mb
    degrees = (va + r * r * vb) ** 2 / (va**2 / (len(a) - 1) + r**4 * vb**2 / (len(b) - 1))
    t = stats.t.ppf(0.975, degrees)
    gap = lambda x: (ma - x * mb) ** 2 - t * t * (va + x * x * vb)
    reach = abs(r) * 1e-9
    while gap(r - reach) < 0 or gap(r + reach) < 0:
        reach *= 1.5
        if reach > 1e6 * abs(r):
            return None
    find = lambda low, high: optimize.brentq(gap, low, high, xtol=1e-14, rtol=1e-14)
    return [find(r - reach, r), find(r, r + reach)]


def hedges(a, b):
    na, nb = len(a), len(b)
    degrees = na + nb - 2
    pooled = np.sqrt(((na - 1) * np.var(a, ddof=1) + (nb - 1) * np.var(b, ddof=1)) / degrees)
    if pooled == 0:
        return None, None
    d = (np.mean(a) - np.mean(b)) / pooled
    root = np.sqrt(na * nb / (na + nb))
    factor = np.exp(gammaln(degrees / 2) - gammaln((degrees - 1) / 2)) / np.sqrt(degrees / 2)
    bounds = []
    for share in (0.975, 0.025):
        gap = lambda nc: stats.nct.cdf(d * root, degrees, nc) - share
        reach = 5 + abs(d * root)
        try:
            bounds.append(optimize.brentq(gap, d * root - reach, d * root + reach, xtol=1e-12))
        except ValueError:  # scipy's noncentral t gives NaN for large noncentralities
            return factor * d, None
    return factor * d, [factor * bound / root for bound in bounds]


def compare(case):
    a, b = np.array(case["a"]), np.array(case["b"])
    welch = stats.ttest_ind(a, b, equal_var=False)
    interval = welch.confidence_interval()
    has_ties = len(set(np.concatenate([a, b]))) < len(a) + len(b)
    rank = stats.mannwhitneyu(a, b, method="asymptotic" if has_ties else "exact")
    g, bounds = hedges(a, b)
    return {
        "mean_interval": mean_interval(a),
        "welch_interval": [interval.low, interval.high],
        "welch_degrees": welch.df,
        "welch_p": welch.pvalue,
        "fieller": fieller(a, b),
        "mann_whitney_u": rank.statistic,
        "mann_whitney_p": rank.pvalue,
        "hedges_g": g,
        "hedges_interval": bounds,
    }


def bootstrap(case):
    a, b = np.array(case["a"]), np.array(case["b"])
    ratio = lambda x, y, axis=-1: np.mean(x, axis=axis) / np.mean(y, axis=axis)
    answers = {}
    for name, method in (("bca", "BCa"), ("percentile", "percentile")):
        settings = {"method": method, "n_resamples": 20000, "rng": np.random.default_rng(3)}
        one = stats.bootstrap((a,), np.mean, **settings).confidence_interval
        two = stats.bootstrap((a, b), ratio, **settings).confidence_interval
        answers["mean_" + name] = [one.low, one.high]
        answers["ratio_" + name] = [two.low, two.high]
    return answers


def answer(case):
    if "nc" in case:
        return {"noncentral_t": stats.nct.cdf(case["t"], case["degrees"], case["nc"])}
    return bootstrap(case) if case.get("bootstrap") else compare(case)


def plain(value):
    """As JSON holds it; what is not a number becomes null."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return None if value is None or not np.isfinite(value) else float(value)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        cases = json.load(file)
    print(json.dumps([plain(answer(case)) for case in cases]))


if __name__ == "__main__":
    main()
