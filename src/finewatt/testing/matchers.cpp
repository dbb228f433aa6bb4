#include "finewatt/testing/matchers.h"

#include <algorithm>
#include <cmath>

namespace finewatt::testing {

void expect_near_all(std::span<const float> got, std::span<const float> want, double absolute,
                     double relative, std::string_view what) {
    ASSERT_EQ(got.size(), want.size()) << what << ": number of elements";
    std::size_t mismatches = 0;
    std::size_t first = 0;
    double largest = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
        const double wanted = static_cast<double>(want[i]);
        const double error = std::abs(static_cast<double>(got[i]) - wanted);
        const bool is_near = error <= absolute + relative * std::abs(wanted);
        if (!is_near) {  // also true for NaN
            if (mismatches == 0) {
                first = i;
            }
            ++mismatches;
        }
        largest = std::max(largest, error);
    }
    EXPECT_EQ(mismatches, 0U) << what << ": first at [" << first << "]: got "
                              << (got.empty() ? 0.0F : got[first]) << ", want "
                              << (want.empty() ? 0.0F : want[first]) << "; largest error "
                              << largest << ", allowed " << absolute << " + " << relative
                              << " x |want|";
}

}  // namespace finewatt::testing
