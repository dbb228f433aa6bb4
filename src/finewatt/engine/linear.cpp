#include "finewatt/engine/linear_internal.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sum.h>
#include <torch/csrc/autograd/custom_function.h>

#include <optional>
#include <string_view>

namespace finewatt {
namespace {

/// mkldnn::_linear_pointwise(X, W, B?, attr, scalars, algorithm?); not a documented operator, so it
/// is looked up by name and may be absent.
using OneDnnLinear = at::Tensor(const at::Tensor&, const at::Tensor&,
                                const std::optional<at::Tensor>&, std::string_view,
                                c10::List<std::optional<at::Scalar>>,
                                std::optional<std::string_view>);

std::optional<c10::TypedOperatorHandle<OneDnnLinear>> find_onednn_linear() {
    if (!__builtin_cpu_is("amd")) {
        return std::nullopt;
    }
    const auto handle = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
    if (!handle) {
        return std::nullopt;
    }
    return handle->typed<OneDnnLinear>();
}

const std::optional<c10::TypedOperatorHandle<OneDnnLinear>>& onednn_linear() {
    static const auto found = find_onednn_linear();
    return found;
}

at::Tensor product(const at::Tensor& x, const at::Tensor& weight,
                   const std::optional<at::Tensor>& bias) {
    return onednn_linear()->call(x, weight, bias, "none", c10::List<std::optional<at::Scalar>>(),
                                 std::nullopt);
}

/// The dense layer as one node of the autograd graph.
struct LinearFunction : torch::autograd::Function<LinearFunction> {
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                              const at::Tensor& weight, const at::Tensor& bias) {
        context->save_for_backward({x, weight});
        return product(x, weight, bias);
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   torch::autograd::variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const at::Tensor gradient = gradients[0].contiguous();
        at::Tensor gradient_x;
        if (context->needs_input_grad(0)) {
            gradient_x = product(gradient, saved[1].t(), std::nullopt);
        }
        return {gradient_x, at::mm(gradient.t(), saved[0]), at::sum(gradient, 0)};
    }
};

}  // namespace

bool has_onednn_linear() {
    return onednn_linear().has_value();
}

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
    if (x.scalar_type() != at::kFloat || !has_onednn_linear()) {
        return at::linear(x, weight, bias);
    }
    return LinearFunction::apply(x, weight, bias);
}

}  // namespace finewatt
