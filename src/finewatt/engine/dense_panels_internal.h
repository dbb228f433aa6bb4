// DensePanels: the weights of a dense layer in the order in which the kernel for few rows reads
// them. Inference makes one per layer: a pass over one text then takes little more than reading the
// weights once. Torch-free.
#pragma once

#include "finewatt/engine/arena_internal.h"

#include <cstdint>

namespace finewatt {

/// Owns a copy of one weight. const members: any thread; each call brings its own scratch.
class DensePanels {
  public:
    /// Copy `weight` [out, in]. Throws std::bad_alloc.
    DensePanels(const float* weight, std::int64_t out, std::int64_t in);

    /// Write y [rows, out] = x [rows, in] W^T + bias [out]; bias may be null. `scratch` has rows *
    /// in floats. Works with the threads of OpenMP; the sums do not depend on their number.
    void multiply(const float* x, std::int64_t rows, const float* bias, float* scratch,
                  float* y) const;

  private:
    Arena memory_;
    const float* panels_ = nullptr;
    std::int64_t out_;
    std::int64_t in_;
};

}  // namespace finewatt
