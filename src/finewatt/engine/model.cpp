#include "finewatt/base/check.h"
#include "finewatt/engine/model_internal.h"

#include <ATen/ops/from_blob.h>

#include <sys/mman.h>

#include <cmath>
#include <cstddef>

namespace finewatt {
namespace {

/// Return `count` floats of 0 that take memory only where something is written: a model that is
/// never trained then pays nothing for its gradients.
at::Tensor untouched_zeros(std::int64_t count) {
    const auto bytes = static_cast<std::size_t>(count) * sizeof(float);
    void* memory =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return at::zeros({count});  // takes the memory now, or says that there is none
    }
    ::madvise(memory, bytes, MADV_HUGEPAGE);  // fewer page faults; no harm where it is refused
    return at::from_blob(
        memory, {count}, [bytes](void* pages) { ::munmap(pages, bytes); },
        at::TensorOptions().dtype(at::kFloat));
}

/// Return the place of a parameter among the tensors of a model.
at::Tensor& place_of(ModelTensors& tensors, const ParameterSpec& spec) {
    const auto part = [&](auto& weights) -> at::Tensor& {
        return spec.is_bias ? weights.bias : weights.weight;
    };
    const auto layer = static_cast<std::size_t>(spec.layer);
    switch (spec.role) {
        case ParameterRole::kWordEmbeddings:
            return tensors.word_embeddings;
        case ParameterRole::kPositionEmbeddings:
            return tensors.position_embeddings;
        case ParameterRole::kTypeEmbeddings:
            return tensors.type_embeddings;
        case ParameterRole::kEmbeddingNorm:
            return part(tensors.embedding_norm);
        case ParameterRole::kQueryKeyValue:
            return part(tensors.blocks[layer].query_key_value);
        case ParameterRole::kAttentionOutput:
            return part(tensors.blocks[layer].attention_output);
        case ParameterRole::kAttentionNorm:
            return part(tensors.blocks[layer].attention_norm);
        case ParameterRole::kIntermediate:
            return part(tensors.blocks[layer].intermediate);
        case ParameterRole::kOutput:
            return part(tensors.blocks[layer].output);
        case ParameterRole::kOutputNorm:
            return part(tensors.blocks[layer].output_norm);
        case ParameterRole::kHeadDense:
            return part(tensors.head_dense);
        case ParameterRole::kHead:
            return part(tensors.head);
    }
    FINEWATT_CHECK(false, "every role has a place");
}

/// Position p, column j: sin(p / 10000^(j / H)) for even j, cos(p / 10000^((j - 1) / H)) for odd j
/// (Vaswani et al. 2017, section 3.5).
void fill_sinusoidal(at::Tensor& table) {
    const std::int64_t hidden = table.size(1);
    float* out = table.mutable_data_ptr<float>();
    for (std::int64_t position = 0; position < table.size(0); ++position) {
        for (std::int64_t column = 0; column < hidden; ++column) {
            const double exponent =
                static_cast<double>(column - column % 2) / static_cast<double>(hidden);
            const double angle = static_cast<double>(position) / std::pow(10000.0, exponent);
            const double value = column % 2 == 0 ? std::sin(angle) : std::cos(angle);
            out[position * hidden + column] = static_cast<float>(value);
        }
    }
}

/// Fill all parameters. One generator for all: the order of the layout is part of the result.
void fill_new(const ModelConfig& config, const ParameterLayout& layout, const at::Tensor& flat,
              std::uint64_t seed) {
    at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
    for (const ParameterSpec& spec : layout.specs()) {
        at::Tensor parameter = parameter_view(flat, spec);
        switch (spec.init) {
            case ParameterInit::kNormal:
                parameter.normal_(0, config.initializer_range, generator);
                break;
            case ParameterInit::kZero:
                break;  // new memory is 0
            case ParameterInit::kOne:
                parameter.fill_(1);
                break;
            case ParameterInit::kSinusoidal:
                fill_sinusoidal(parameter);
                break;
        }
        if (spec.role == ParameterRole::kWordEmbeddings && config.pad_token_id) {
            parameter[*config.pad_token_id].zero_();
        }
    }
}

}  // namespace

at::Tensor parameter_view(const at::Tensor& flat, const ParameterSpec& spec) {
    return flat.narrow(0, spec.offset, spec.element_count()).view(spec.shape);
}

Model::Model(const ModelConfig& config, HeadKind head, std::int64_t labels, std::uint64_t seed)
    : config_(config),
      head_(head),
      labels_(labels),
      layout_(ParameterLayout::make(config, head, labels)),
      flat_values_(untouched_zeros(layout_.size())),
      flat_gradients_(untouched_zeros(layout_.size())) {
    const c10::NoGradGuard no_grad;
    fill_new(config_, layout_, flat_values_, seed);
    bind();
}

void Model::bind() {
    const auto layers = static_cast<std::size_t>(config_.num_hidden_layers);
    values_.blocks.resize(layers);
    gradients_.blocks.resize(layers);
    for (const ParameterSpec& spec : layout_.specs()) {
        place_of(values_, spec) = parameter_view(flat_values_, spec);
        place_of(gradients_, spec) = parameter_view(flat_gradients_, spec);
    }
}

void Model::clear_gradients() const {
    flat_gradients_.zero_();
}

ModelTensors Model::autograd_leaves() const {
    ModelTensors leaves;
    leaves.blocks.resize(values_.blocks.size());
    for (const ParameterSpec& spec : layout_.specs()) {
        at::Tensor leaf = parameter_view(flat_values_, spec).detach().set_requires_grad(true);
        // Where a gradient is there already, the backward pass adds to it in place.
        leaf.mutable_grad() = parameter_view(flat_gradients_, spec);
        place_of(leaves, spec) = leaf;
    }
    return leaves;
}

std::vector<NamedTensor> Model::by_name(const at::Tensor& flat) const {
    std::vector<NamedTensor> named;
    for (const ParameterSpec& spec : layout_.specs()) {
        const at::Tensor tensor = parameter_view(flat, spec);
        if (spec.part_names.empty()) {
            named.push_back({spec.name, tensor});
            continue;
        }
        const std::vector<at::Tensor> parts =
            tensor.chunk(static_cast<std::int64_t>(spec.part_names.size()), 0);
        for (std::size_t part = 0; part < parts.size(); ++part) {
            named.push_back({spec.part_names[part], parts[part]});
        }
    }
    return named;
}

std::vector<NamedTensor> Model::named_tensors() const {
    return by_name(flat_values_);
}

std::vector<NamedTensor> Model::named_gradients() const {
    return by_name(flat_gradients_);
}

void Model::convert_to(at::ScalarType type) {
    flat_values_ = flat_values_.to(type, false, true);
    flat_gradients_ = flat_gradients_.to(type, false, true);
    bind();
}

}  // namespace finewatt
