#include "finewatt/engine/dense_panels_internal.h"
#include "finewatt/engine/gemm_internal.h"
#include "finewatt/engine/kernels/cpu_kernels.h"
#include "finewatt/engine/part_timer_internal.h"
#include "finewatt/engine/placed_memory_internal.h"
#include "finewatt/engine/torch_internal.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <string_view>
#include <time.h>
#include <utility>
#include <variant>
#include <vector>

namespace finewatt {

/// In panels of our own or in oneDNN's layout.
class PackedWeight {
  public:
    explicit PackedWeight(std::variant<DensePanels, at::Tensor> weight)
        : weight_(std::move(weight)) {}

    const DensePanels* panels() const { return std::get_if<DensePanels>(&weight_); }

    const at::Tensor& tensor() const { return std::get<at::Tensor>(weight_); }

  private:
    std::variant<DensePanels, at::Tensor> weight_;
};

/// Memory that products need beside their operands.
class Gemm::Scratch {
  public:
    at::Tensor low_gradient(std::int64_t out, std::int64_t in) {
        if (!memory_.defined() || memory_.numel() < out * in) {
            memory_ = at::empty({out * in}, at::kBFloat16);
        }
        return memory_.narrow(0, 0, out * in).view({out, in});
    }

    float* floats(std::int64_t count) {
        return reinterpret_cast<float*>(
            floats_.reserve(static_cast<std::size_t>(count) * sizeof(float)));
    }

  private:
    at::Tensor memory_;
    Arena floats_;
};

namespace {

/// mkldnn::_linear_pointwise(X, W, B?, attr, scalars, algorithm?) and _reorder_linear_weight(W,
/// rows?) are not documented operators, so they are looked up by name and may be absent.
using LinearOperator = at::Tensor(const at::Tensor&, const at::Tensor&,
                                  const std::optional<at::Tensor>&, std::string_view,
                                  c10::List<std::optional<at::Scalar>>,
                                  std::optional<std::string_view>);
using ReorderOperator = at::Tensor(const at::Tensor&, std::optional<std::int64_t>);

template <class Signature>
std::optional<c10::TypedOperatorHandle<Signature>> find_operator(const char* name) {
    const auto handle = c10::Dispatcher::singleton().findSchema({name, ""});
    return handle ? std::optional(handle->template typed<Signature>()) : std::nullopt;
}

const std::optional<c10::TypedOperatorHandle<LinearOperator>>& linear_operator() {
    static const auto found = find_operator<LinearOperator>("mkldnn::_linear_pointwise");
    return found;
}

const std::optional<c10::TypedOperatorHandle<ReorderOperator>>& reorder_operator() {
    static const auto found = find_operator<ReorderOperator>("mkldnn::_reorder_linear_weight");
    return found;
}

at::ScalarType scalar_type(GemmType type) {
    return type == GemmType::kFloat32 ? at::kFloat : at::kBFloat16;
}

/// A tensor over memory of the caller. ATen has no tensor type for constant memory.
at::Tensor over(const void* data, at::IntArrayRef shape, GemmType type) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): the operands are only read
    return at::from_blob(const_cast<void*>(data), shape, scalar_type(type));
}

std::optional<at::Tensor> bias_of(const DenseWeights& weights) {
    if (weights.bias == nullptr) {
        return std::nullopt;
    }
    return over(weights.bias, {weights.out}, weights.type);
}

/// Write from [rows, columns], float32, transposed to `to`, and return that as a tensor.
at::Tensor transposed(const void* from, std::int64_t rows, std::int64_t columns, float* to) {
    // Neighbouring columns lie in one line of memory: one thread reads it.
    constexpr std::int64_t kColumns = 64;
    const auto transpose = cpu_kernels().transpose;
#pragma omp parallel for schedule(static)
    for (std::int64_t begin = 0; begin < columns; begin += kColumns) {
        transpose(rows, columns, begin, std::min(begin + kColumns, columns),
                  static_cast<const float*>(from), to);
    }
    return over(to, {columns, rows}, GemmType::kFloat32);
}

/// Write x W^T + b to y by the oneDNN operator, which makes its own result: it is asked to put it
/// where y is, and copied in case it did not.
void onednn_linear(const at::Tensor& x, const at::Tensor& w, const std::optional<at::Tensor>& bias,
                   at::Tensor& y) {
    const PlacedMemory place(y.mutable_data_ptr(), y.nbytes());
    const at::Tensor result = linear_operator()->call(
        x, w, bias, "none", c10::List<std::optional<at::Scalar>>(), std::nullopt);
    if (result.const_data_ptr() != y.const_data_ptr()) {
        y.copy_(result);
    }
}

}  // namespace

std::string_view provider_name(const PackedWeight& weight) {
    return weight.panels() != nullptr ? "finewatt" : "onednn";
}

bool has_onednn_operator() {
    return linear_operator().has_value();
}

Gemm::Gemm(GemmChoices choices) : choices_(choices), scratch_(std::make_unique<Scratch>()) {
    for (auto& by_size : choices_.choices) {
        for (GemmChoices::Choice& choice : by_size) {
            if (!has_onednn_operator()) {
                choice.provider = GemmProvider::kAten;
            }
        }
    }
}

Gemm::Gemm(Gemm&&) noexcept = default;
Gemm& Gemm::operator=(Gemm&&) noexcept = default;
Gemm::~Gemm() = default;

GemmWork Gemm::take_work() {
    return std::exchange(work_, {});
}

/// Count a product's operations and return where its time is to be added.
double& Gemm::count(GemmDirection direction, std::int64_t rows, const DenseWeights& weights) {
    const auto index = static_cast<std::size_t>(direction);
    work_.operations[index] += 2 * static_cast<double>(rows) * static_cast<double>(weights.out) *
                               static_cast<double>(weights.in);
    return work_.seconds[index];
}

void Gemm::forward(const void* x, std::int64_t rows, const DenseWeights& weights, void* y) {
    const c10::NoGradGuard no_grad;
    const PartTimer timer(count(GemmDirection::kForward, rows, weights));
    if (weights.packed && weights.packed->panels() != nullptr) {
        weights.packed->panels()->multiply(
            static_cast<const float*>(x), rows, static_cast<const float*>(weights.bias),
            scratch_->floats(rows * weights.in), static_cast<float*>(y));
        return;
    }
    const at::Tensor from = over(x, {rows, weights.in}, weights.type);
    at::Tensor to = over(y, {rows, weights.out}, weights.type);
    const std::optional<at::Tensor> bias = bias_of(weights);
    if (weights.packed) {
        onednn_linear(from, weights.packed->tensor(), bias, to);
        return;
    }
    const at::Tensor weight = over(weights.weight, {weights.out, weights.in}, weights.type);
    const bool is_onednn =
        weights.type == GemmType::kFloat32 &&
        choices_.at(GemmDirection::kForward, gemm_size(rows)).provider == GemmProvider::kOneDnn;
    if (is_onednn) {
        onednn_linear(from, weight, bias, to);
    } else if (bias) {
        at::addmm_out(to, *bias, from, weight.t());
    } else {
        at::mm_out(to, from, weight.t());
    }
}

void Gemm::input_gradient(const void* dy, std::int64_t rows, const DenseWeights& weights,
                          void* dx) {
    const c10::NoGradGuard no_grad;
    const PartTimer timer(count(GemmDirection::kInputGradient, rows, weights));
    const at::Tensor from = over(dy, {rows, weights.out}, weights.type);
    const at::Tensor weight = over(weights.weight, {weights.out, weights.in}, weights.type);
    at::Tensor to = over(dx, {rows, weights.in}, weights.type);
    const bool is_onednn = weights.type == GemmType::kFloat32 &&
                           choices_.at(GemmDirection::kInputGradient, gemm_size(rows)).provider ==
                               GemmProvider::kOneDnn;
    if (is_onednn) {
        onednn_linear(from, weight.t(), std::nullopt, to);
    } else {
        at::mm_out(to, from, weight);
    }
}

void Gemm::weight_gradient(const void* dy, const void* x, std::int64_t rows,
                           const DenseWeights& weights, bool is_added, float* dw) {
    const c10::NoGradGuard no_grad;
    const PartTimer timer(count(GemmDirection::kWeightGradient, rows, weights));
    const at::Tensor gradient = over(dy, {rows, weights.out}, weights.type).t();
    const at::Tensor from = over(x, {rows, weights.in}, weights.type);
    at::Tensor to = over(dw, {weights.out, weights.in}, GemmType::kFloat32);
    if (weights.type == GemmType::kBfloat16) {
        at::Tensor low = scratch_->low_gradient(weights.out, weights.in);
        at::mm_out(low, gradient, from);
        is_added ? to.add_(low) : to.copy_(low);
        return;
    }
    const bool is_onednn = choices_.at(GemmDirection::kWeightGradient, gemm_size(rows)).provider ==
                           GemmProvider::kOneDnn;
    if (!is_onednn) {
        is_added ? at::addmm_out(to, to, gradient, from) : at::mm_out(to, gradient, from);
        return;
    }
    // oneDNN reads both operands column by column here, which holds its threads up: transposed
    // before, the product takes a fifth less time on two cores of Zen 5 (docs/status.md).
    float* const scratch = scratch_->floats(rows * (weights.out + weights.in));
    const at::Tensor dy_turned = transposed(dy, rows, weights.out, scratch);
    const at::Tensor x_turned = transposed(x, rows, weights.in, scratch + rows * weights.out);
    if (is_added) {
        at::Tensor product = at::empty(to.sizes(), at::kFloat);
        onednn_linear(dy_turned, x_turned, std::nullopt, product);
        to.add_(product);
    } else {
        onednn_linear(dy_turned, x_turned, std::nullopt, to);
    }
}

std::shared_ptr<const PackedWeight> Gemm::pack(const DenseWeights& weights,
                                               std::int64_t rows) const {
    const GemmChoices::Choice& choice = choices_.at(GemmDirection::kForward, GemmSize::kFewRows);
    if (choices_.is_pinned && choice.provider == GemmProvider::kAten) {
        return nullptr;
    }
    if (weights.type == GemmType::kFloat32 && !choices_.is_pinned) {
        return std::make_shared<PackedWeight>(
            DensePanels(static_cast<const float*>(weights.weight), weights.out, weights.in));
    }
    if (!reorder_operator() || !has_onednn_operator()) {
        return nullptr;
    }
    const c10::NoGradGuard no_grad;
    return std::make_shared<PackedWeight>(reorder_operator()->call(
        over(weights.weight, {weights.out, weights.in}, weights.type), rows));
}

// ---- the measurement ----

namespace {

// One product of about this many operations takes a few milliseconds at most.
constexpr double kMeasuredFlop = 3e8;
// Below this a call's fixed cost is what would be measured; the default stands.
constexpr double kLeastFlop = 2e6;
constexpr std::int64_t kFewRows = 20;
constexpr int kLeastRepeats = 3;
// For both providers of one direction and size; there are six.
constexpr double kTimePerProduct_s = 0.02;

struct Shape {
    std::int64_t rows, in, out;
};

/// The operands of one dense layer, random.
struct Operands {
    std::vector<float> x, w, y, dw;

    explicit Operands(const Shape& s)
        : x(static_cast<std::size_t>(s.rows * s.in), 0.5F),
          w(static_cast<std::size_t>(s.out * s.in), 0.25F),
          y(static_cast<std::size_t>(s.rows * s.out), 0.125F),
          dw(w.size()) {}
};

/// CPU time of the calling thread: what others do on the machine hardly shows in it.
double thread_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double seconds_of(Gemm& gemm, GemmDirection direction, const Shape& shape, Operands& o) {
    const DenseWeights weights{o.w.data(), nullptr, shape.out, shape.in, GemmType::kFloat32, {}};
    const double begin = thread_seconds();
    switch (direction) {
        case GemmDirection::kForward:
            gemm.forward(o.x.data(), shape.rows, weights, o.y.data());
            break;
        case GemmDirection::kInputGradient:
            gemm.input_gradient(o.y.data(), shape.rows, weights, o.x.data());
            break;
        case GemmDirection::kWeightGradient:
            gemm.weight_gradient(o.y.data(), o.x.data(), shape.rows, weights, false, o.dw.data());
            break;
    }
    return thread_seconds() - begin;
}

/// One thread for the life of this object.
class OneThread {
  public:
    OneThread() : before_(at::get_num_threads()) { at::set_num_threads(1); }

    OneThread(const OneThread&) = delete;
    OneThread& operator=(const OneThread&) = delete;
    OneThread(OneThread&&) = delete;
    OneThread& operator=(OneThread&&) = delete;

    ~OneThread() { at::set_num_threads(before_); }

  private:
    int before_;
};

GemmChoices all_of(GemmProvider provider) {
    GemmChoices choices;
    for (auto& by_size : choices.choices) {
        by_size.fill({provider, std::nullopt});
    }
    return choices;
}

/// Best times of both providers on one thread. They take turns, so that a change of clock hits
/// both.
GemmRates measure(GemmDirection direction, const Shape& shape) {
    const OneThread one_thread;
    Gemm aten(all_of(GemmProvider::kAten));
    Gemm onednn(all_of(GemmProvider::kOneDnn));
    Operands operands(shape);
    // The first call builds kernels and is not counted.
    seconds_of(aten, direction, shape, operands);
    seconds_of(onednn, direction, shape, operands);
    double aten_s = 1e9;
    double onednn_s = 1e9;
    double spent_s = 0;
    for (int i = 0; i < kLeastRepeats || (i < 20 && spent_s < kTimePerProduct_s); ++i) {
        const double a = seconds_of(aten, direction, shape, operands);
        const double b = seconds_of(onednn, direction, shape, operands);
        aten_s = std::min(aten_s, a);
        onednn_s = std::min(onednn_s, b);
        spent_s += a + b;
    }
    const double gflop = 2e-9 * static_cast<double>(shape.rows) * static_cast<double>(shape.in) *
                         static_cast<double>(shape.out);
    return {gflop / aten_s, gflop / onednn_s};
}

GemmProvider processor_default(GemmDirection direction) {
    return default_provider(direction, __builtin_cpu_is("amd") != 0);
}

/// The rule of gemm_choice.h for one model.
GemmChoices measured_choices(std::int64_t hidden, std::int64_t feed_forward) {
    const double flop_per_row = 2 * static_cast<double>(hidden) * static_cast<double>(feed_forward);
    const auto many = std::clamp(static_cast<std::int64_t>(kMeasuredFlop / flop_per_row),
                                 std::int64_t{96}, std::int64_t{512});
    GemmChoices choices;
    for (std::size_t d = 0; d < kGemmDirections; ++d) {
        const auto direction = static_cast<GemmDirection>(d);
        for (const GemmSize size : {GemmSize::kFewRows, GemmSize::kManyRows}) {
            const std::int64_t rows = size == GemmSize::kFewRows ? kFewRows : many;
            GemmChoices::Choice& choice = choices.at(direction, size);
            choice.provider = processor_default(direction);
            if (flop_per_row * static_cast<double>(rows) < kLeastFlop) {
                continue;
            }
            choice.rates = measure(direction, {rows, hidden, feed_forward});
            choice.provider = decide_provider(choice.provider, *choice.rates);
        }
    }
    return choices;
}

GemmChoices pinned_choices(GemmSetting setting) {
    GemmChoices choices =
        all_of(setting == GemmSetting::kAten ? GemmProvider::kAten : GemmProvider::kOneDnn);
    choices.is_pinned = true;
    return choices;
}

}  // namespace

Gemm Gemm::make_for_inference(GemmSetting setting) {
    return Gemm(setting == GemmSetting::kAuto ? all_of(processor_default(GemmDirection::kForward))
                                              : pinned_choices(setting));
}

Gemm Gemm::make(GemmSetting setting, std::int64_t hidden, std::int64_t feed_forward) {
    if (setting != GemmSetting::kAuto) {
        return Gemm(pinned_choices(setting));
    }
    if (!has_onednn_operator()) {
        return Gemm(all_of(GemmProvider::kAten));
    }
    // All models of one shape in a process get one choice.
    static std::mutex mutex;
    static std::map<std::pair<std::int64_t, std::int64_t>, GemmChoices> known;
    const std::lock_guard lock(mutex);
    const auto found = known.find({hidden, feed_forward});
    if (found != known.end()) {
        return Gemm(found->second);
    }
    return Gemm(known[{hidden, feed_forward}] = measured_choices(hidden, feed_forward));
}

}  // namespace finewatt
