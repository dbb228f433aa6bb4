// What the tests of the kernels share: random arrays in both element types, comparison with twins
// computed in double precision, and slopes by central differences. For tests only.
#pragma once

#include "finewatt/engine/kernels/cpu_kernels_sets.h"
#include "finewatt/engine/kernels/mask_value.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <ostream>
#include <random>
#include <string>
#include <vector>

namespace finewatt {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

/// How GoogleTest shows a set.
inline void PrintTo(const CpuKernels& set, std::ostream* out) {
    *out << set.name;
}

/// One instance of each test for each set of kernels that this CPU runs.
class KernelSet : public ::testing::TestWithParam<CpuKernels> {
  protected:
    const CpuKernels& kernels() const { return GetParam(); }
};

inline std::string kernel_set_name(const ::testing::TestParamInfo<CpuKernels>& set) {
    return set.param.name;
}

inline std::size_t count_of(std::int64_t size) {
    return static_cast<std::size_t>(size);
}

inline float to_float(float value) {
    return value;
}

inline float to_float(Bfloat16 value) {
    const std::uint32_t bits = static_cast<std::uint32_t>(value.bits) << 16;
    float result = 0;
    std::memcpy(&result, &bits, sizeof result);
    return result;
}

/// The float whose lower half is cut off, or the float itself: exact in T.
template <class T>
T exact(float value) {
    if constexpr (std::is_same_v<T, float>) {
        return value;
    } else {
        std::uint32_t bits = 0;
        std::memcpy(&bits, &value, sizeof bits);
        return {static_cast<std::uint16_t>(bits >> 16)};
    }
}

/// Normal random numbers.
template <class T>
std::vector<T> random_values(std::int64_t size, std::mt19937& random, float scale = 1) {
    std::normal_distribution<float> normal(0, scale);
    std::vector<T> values(count_of(size));
    for (T& value : values) {
        value = exact<T>(normal(random));
    }
    return values;
}

inline std::vector<std::uint64_t> random_keys(std::int64_t size, std::mt19937& random) {
    std::vector<std::uint64_t> keys(count_of(size));
    for (std::uint64_t& key : keys) {
        key = (static_cast<std::uint64_t>(random()) << 32) | random();
    }
    return keys;
}

template <class T>
Doubles doubles_of(const std::vector<T>& values) {
    Doubles result;
    for (const T& value : values) {
        result.push_back(static_cast<double>(to_float(value)));
    }
    return result;
}

/// Relative error of a rounded T; float sums may err by a few units.
template <class T>
constexpr double kRounding = std::is_same_v<T, float> ? 0 : 1.0 / 256;

/// Each value differs from the expected by at most `tolerance` x max(1, |expected|), and T's
/// rounding.
template <class T>
void expect_close(const std::vector<T>& actual, const Doubles& expected, double tolerance,
                  const std::string& what) {
    ASSERT_EQ(actual.size(), expected.size()) << what;
    for (std::size_t i = 0; i < actual.size(); ++i) {
        const double size = std::abs(expected[i]);
        ASSERT_NEAR(static_cast<double>(to_float(actual[i])), expected[i],
                    tolerance * std::max(1.0, size) + kRounding<T> * size)
            << what << ", element " << i;
    }
}

/// d f / d x by central differences; the error is of the order of 1e-9.
template <class Function>
double slope_of(const Function& f, double& x) {
    const double before = x;
    const double step = 1e-5;
    x = before + step;
    const double above = f();
    x = before - step;
    const double below = f();
    x = before;
    return (above - below) / (2 * step);
}

/// `gradient` is the slope of f along each of some elements of x; f reads x.
template <class T, class Function>
void expect_slopes(const std::vector<T>& gradient, const Function& f, Doubles& x, double tolerance,
                   std::mt19937& random, const std::string& what, std::size_t most = 24) {
    ASSERT_EQ(gradient.size(), x.size()) << what;
    for (std::size_t n = 0; n < std::min(most, x.size()); ++n) {
        const std::size_t i = x.size() <= most ? n : random() % x.size();
        const double slope = slope_of(f, x[i]);
        ASSERT_NEAR(static_cast<double>(to_float(gradient[i])), slope,
                    tolerance * std::max(1.0, std::abs(slope)) + kRounding<T> * std::abs(slope))
            << what << ", element " << i;
    }
}

/// The sum of weights x values: a loss whose gradient by `values` is `weights`.
inline double dot(const Doubles& weights, const Doubles& values) {
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        sum += weights[i] * values[i];
    }
    return sum;
}

/// Dropout of p = 0.25.
inline MaskRule quarter_dropped() {
    return {1U << 30, 1 / 0.75F};
}

inline double mask_at(std::uint64_t key, std::int64_t column, const MaskRule& rule) {
    return static_cast<double>(
        mask_value(key, static_cast<std::uint32_t>(column), rule.threshold, rule.kept));
}

template <class T>
std::string type_name() {
    return std::is_same_v<T, float> ? "float32" : "bf16";
}

}  // namespace finewatt
