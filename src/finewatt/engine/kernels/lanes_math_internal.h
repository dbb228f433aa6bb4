// Functions of vectors of floats: exp, tanh, the normal distribution. For the *_body.cpp files
// only; see lanes_internal.h. Errors are absolute unless it says relative.
#pragma once

#include "finewatt/engine/kernels/lanes_internal.h"

namespace finewatt::FINEWATT_KERNELS_NAME {
namespace {

/// e^x for x <= 88; 0 below -87.7; NaN stays NaN. x = n ln 2 + r with |r| <= ln 2 / 2, the two
/// parts of ln 2 and the polynomial of degree 6 as in Cephes' expf (Moshier 1992); relative error
/// below 2e-7.
FINEWATT_INLINE Lanes exp_of(Lanes x) {
    // At -88, n is -127, whose power of two below comes out as 0.
    const Lanes bounded = select(x < -88.0F, all(-88.0F), x);
    // Adding 1.5 x 2^23 rounds to an integer and leaves it in the lowest bits.
    constexpr float kRounder = 12582912.0F;
    const Lanes rounded = bounded * 1.44269504F + kRounder;
    const Lanes n = rounded - kRounder;
    const Lanes r = bounded - n * 0.693359375F + n * 2.12194440e-4F;
    Lanes p = all(1.9875691500e-4F);
    p = p * r + 1.3981999507e-3F;
    p = p * r + 8.3334519073e-3F;
    p = p * r + 4.1665795894e-2F;
    p = p * r + 1.6666665459e-1F;
    p = p * r + 5.0000001201e-1F;
    p = p * r * r + r + 1.0F;
    const WordLanes power = (same_bits<WordLanes>(rounded) + 127U) << 23;
    return p * same_bits<Lanes>(power);
}

FINEWATT_INLINE Lanes magnitude_of(Lanes x) {
    return same_bits<Lanes>(same_bits<WordLanes>(x) & 0x7FFFFFFFU);
}

/// tanh x: Cephes' tanhf (Moshier 1992), a polynomial below 0.625 and 1 - 2 / (e^2x + 1) above;
/// relative error below 2e-7.
FINEWATT_INLINE Lanes tanh_of(Lanes x) {
    const Lanes magnitude = magnitude_of(x);
    const Lanes square = x * x;
    Lanes p = all(-5.70498872745e-3F);
    p = p * square + 2.06390887954e-2F;
    p = p * square - 5.37397155531e-2F;
    p = p * square + 1.33314422036e-1F;
    p = p * square - 3.33332819422e-1F;
    const Lanes near = p * square * x + x;
    const Lanes bounded = select(magnitude > 20.0F, all(20.0F), magnitude);
    const Lanes far = 1.0F - 2.0F / (exp_of(2.0F * bounded) + 1.0F);
    return select(magnitude < 0.625F, near, select(x < 0.0F, -far, far));
}

/// Phi(x), the normal distribution function, and e^(-x^2/2). Formula 7.1.26 of Abramowitz and
/// Stegun for erfc, whose error is below 1.5e-7 and small in the far tail too.
struct Normal {
    Lanes distribution;
    Lanes bell;
};

FINEWATT_INLINE Normal normal_of(Lanes x) {
    const Lanes magnitude = magnitude_of(x) * 0.707106781F;
    const Lanes t = 1.0F / (1.0F + 0.3275911F * magnitude);
    const Lanes bell = exp_of(-magnitude * magnitude);
    Lanes p = all(1.061405429F);
    p = p * t - 1.453152027F;
    p = p * t + 1.421413741F;
    p = p * t - 0.284496736F;
    p = p * t + 0.254829592F;
    const Lanes half_erfc = 0.5F * p * t * bell;
    return {select(x < 0.0F, half_erfc, 1.0F - half_erfc), bell};
}

}  // namespace
}  // namespace finewatt::FINEWATT_KERNELS_NAME
