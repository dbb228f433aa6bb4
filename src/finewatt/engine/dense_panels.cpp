#include "finewatt/engine/dense_panels_internal.h"
#include "finewatt/engine/kernels/cpu_kernels.h"

namespace finewatt {

namespace {

std::int64_t panel_count(std::int64_t out) {
    const std::int64_t columns = cpu_kernels().dense_panel;
    return (out + columns - 1) / columns;
}

}  // namespace

DensePanels::DensePanels(const float* weight, std::int64_t out, std::int64_t in)
    : out_(out),
      in_(in) {
    const CpuKernels& kernels = cpu_kernels();
    const std::int64_t panels = panel_count(out);
    const std::int64_t floats = panels * kernels.dense_panel * in + kDenseSlack;
    auto* const to =
        reinterpret_cast<float*>(memory_.reserve(static_cast<std::size_t>(floats) * sizeof(float)));
#pragma omp parallel for schedule(static)
    for (std::int64_t p = 0; p < panels; ++p) {
        kernels.pack_dense_panel({.in = in, .out = out}, weight, p, to);
    }
    panels_ = to;
}

void DensePanels::multiply(const float* x, std::int64_t rows, const float* bias, float* scratch,
                           float* y) const {
    const CpuKernels& kernels = cpu_kernels();
    const DenseRows dense{rows, in_, out_, scratch, panels_, bias, y};
    kernels.pack_dense_rows(dense, x, scratch);
    const std::int64_t panels = panel_count(out_);
#pragma omp parallel for schedule(static)
    for (std::int64_t p = 0; p < panels; ++p) {
        kernels.dense_forward(dense, p);
    }
}

}  // namespace finewatt
