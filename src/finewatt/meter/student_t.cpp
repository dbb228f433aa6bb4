#include "finewatt/meter/student_t_internal.h"

#include <array>
#include <cmath>

namespace finewatt {

double student_t_975(std::uint64_t degrees) {
    // Exact values where the series below is not good enough: the closed forms of the distribution
    // (Abramowitz and Stegun, Handbook of Mathematical Functions, 1964, 26.7.3 and 26.7.4), solved
    // for 0.975.
    constexpr std::array<double, 6> kSmall{12.706205, 4.302653, 3.182446,
                                           2.776445,  2.570582, 2.446912};
    if (degrees <= kSmall.size()) {
        return kSmall.at(degrees == 0 ? 0 : degrees - 1);
    }
    // Expansion around the normal quantile x = z(0.975): Abramowitz and Stegun, 26.7.5.
    constexpr double x = 1.959963984540054;
    constexpr double x2 = x * x;
    constexpr double g1 = x * (x2 + 1) / 4;
    constexpr double g2 = x * ((5 * x2 + 16) * x2 + 3) / 96;
    constexpr double g3 = x * (((3 * x2 + 19) * x2 + 17) * x2 - 15) / 384;
    constexpr double g4 = x * ((((79 * x2 + 776) * x2 + 1482) * x2 - 1920) * x2 - 945) / 92160;
    const auto v = static_cast<double>(degrees);
    return x + (g1 + (g2 + (g3 + g4 / v) / v) / v) / v;
}

}  // namespace finewatt
