#include "finewatt/stats/rank.h"

#include "finewatt/stats/distributions_internal.h"
#include "finewatt/stats/interval_internal.h"
#include "finewatt/stats/summary.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace finewatt::stats {
namespace {

/// Up to so many values a sample, the p value is counted out.
constexpr std::size_t kMostForExact = 50;

/// Return how likely each value of U is when both samples come from one population without ties,
/// from 0 to na * nb. The last value of all is of `a` with na / (na + nb), which leads to the
/// recurrence of Mann and Whitney (1947), section 3, here in probabilities.
std::vector<double> u_probabilities(std::size_t na, std::size_t nb) {
    // table[j] = distribution for i values of a and j of b.
    std::vector<std::vector<double>> table(nb + 1, std::vector<double>(1, 1.0));
    for (std::size_t i = 1; i <= na; ++i) {
        std::vector<std::vector<double>> next(nb + 1);
        next[0] = {1.0};
        for (std::size_t j = 1; j <= nb; ++j) {
            next[j].assign(i * j + 1, 0.0);
            const double share_a = static_cast<double>(i) / static_cast<double>(i + j);
            // The largest value is one of a: larger than all j values of b.
            for (std::size_t u = 0; u < table[j].size(); ++u) {
                next[j][u + j] += share_a * table[j][u];
            }
            // It is one of b: adds no pair.
            for (std::size_t u = 0; u < next[j - 1].size(); ++u) {
                next[j][u] += (1 - share_a) * next[j - 1][u];
            }
        }
        table = std::move(next);
    }
    return table[nb];
}

double exact_p_value(double u, std::size_t na, std::size_t nb) {
    const std::vector<double> probabilities = u_probabilities(na, nb);
    const double pairs = static_cast<double>(na) * static_cast<double>(nb);
    const auto larger = static_cast<std::size_t>(std::max(u, pairs - u));
    const double tail = std::accumulate(probabilities.begin() + static_cast<std::ptrdiff_t>(larger),
                                        probabilities.end(), 0.0);
    return std::min(1.0, 2 * tail);
}

/// The sum of t^3 - t over groups of t equal values.
double tie_term(std::span<const double> values) {
    std::vector<double> ordered(values.begin(), values.end());
    std::sort(ordered.begin(), ordered.end());
    double sum = 0;
    for (std::size_t i = 0; i < ordered.size();) {
        std::size_t end = i;
        while (end < ordered.size() && ordered[end] == ordered[i]) {
            ++end;
        }
        const auto size = static_cast<double>(end - i);
        sum += size * size * size - size;
        i = end;
    }
    return sum;
}

double normal_p_value(double u, double na, double nb, double ties) {
    const double all = na + nb;
    const double variance = na * nb / 12 * (all + 1 - ties / (all * (all - 1)));
    const double distance = std::max(0.0, std::abs(u - na * nb / 2) - 0.5);
    return std::min(1.0, 2 * normal_cdf(-distance / std::sqrt(variance)));
}

}  // namespace

Result<std::vector<double>> ranks(std::span<const double> values) {
    FINEWATT_TRY(check_sample(values, 1, "ranks"));
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t i, std::size_t j) { return values[i] < values[j]; });
    std::vector<double> result(values.size());
    for (std::size_t begin = 0; begin < order.size();) {
        std::size_t end = begin;
        while (end < order.size() && values[order[end]] == values[order[begin]]) {
            ++end;
        }
        // Places begin..end-1 hold ranks begin+1..end.
        const double shared = static_cast<double>(begin + 1 + end) / 2;
        for (; begin < end; ++begin) {
            result[order[begin]] = shared;
        }
    }
    return result;
}

Result<MannWhitney> mann_whitney(std::span<const double> a, std::span<const double> b) {
    FINEWATT_TRY(check_sample(a, 1, "comparison by ranks"));
    FINEWATT_TRY(check_sample(b, 1, "comparison by ranks"));
    std::vector<double> both(a.begin(), a.end());
    both.insert(both.end(), b.begin(), b.end());
    FINEWATT_ASSIGN(const std::vector<double> all_ranks, ranks(both));
    const double ties = tie_term(both);
    const auto na = static_cast<double>(a.size());
    const auto nb = static_cast<double>(b.size());
    if (std::all_of(both.begin(), both.end(), [&](double v) { return v == both.front(); })) {
        return no_spread();
    }
    const double rank_sum = std::accumulate(
        all_ranks.begin(), all_ranks.begin() + static_cast<std::ptrdiff_t>(a.size()), 0.0);
    MannWhitney result;
    result.u = rank_sum - na * (na + 1) / 2;
    result.superiority = result.u / (na * nb);
    result.is_exact = ties == 0 && std::max(a.size(), b.size()) <= kMostForExact;
    result.p_value = result.is_exact ? exact_p_value(result.u, a.size(), b.size())
                                     : normal_p_value(result.u, na, nb, ties);
    return result;
}

Result<double> spearman(std::span<const double> x, std::span<const double> y) {
    if (x.size() != y.size()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "rank correlation: expected pairs, found {} and {} values", x.size(),
                              y.size());
    }
    FINEWATT_TRY(check_sample(x, 3, "rank correlation"));
    FINEWATT_ASSIGN(const std::vector<double> rank_x, ranks(x));
    FINEWATT_ASSIGN(const std::vector<double> rank_y, ranks(y));
    const double centre = static_cast<double>(x.size() + 1) / 2;
    double xy = 0;
    double xx = 0;
    double yy = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        xy += (rank_x[i] - centre) * (rank_y[i] - centre);
        xx += (rank_x[i] - centre) * (rank_x[i] - centre);
        yy += (rank_y[i] - centre) * (rank_y[i] - centre);
    }
    if (xx <= 0 || yy <= 0) {
        return no_spread();
    }
    return std::clamp(xy / std::sqrt(xx * yy), -1.0, 1.0);
}

}  // namespace finewatt::stats
