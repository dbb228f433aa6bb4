#include "finewatt/engine/parameter_layout.h"

#include "finewatt/base/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace finewatt {
namespace {

/// The names of a family's layers, below its prefix and without ".weight" and ".bias".
struct LayerNames {
    const char* prefix;  ///< of the encoder
    const char* blocks;  ///< "{}" stands for the number of the block
    const char* query;
    const char* key;
    const char* value;
    const char* query_key_value;  ///< made up: no file has it
    const char* attention_output;
    const char* attention_norm;
    const char* intermediate;
    const char* output;
    const char* output_norm;
    const char* head_dense;  ///< with the prefix, if it has one
};

constexpr LayerNames kBertNames = {
    "bert.",
    "bert.encoder.layer.{}.",
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.self.query_key_value",
    "attention.output.dense",
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
    "bert.pooler.dense",
};

constexpr LayerNames kDistilBertNames = {
    "distilbert.",       "distilbert.transformer.layer.{}.",
    "attention.q_lin",   "attention.k_lin",
    "attention.v_lin",   "attention.qkv_lin",
    "attention.out_lin", "sa_layer_norm",
    "ffn.lin1",          "ffn.lin2",
    "output_layer_norm", "pre_classifier",
};

/// Collects the parameters in the order of the model.
class SpecList {
  public:
    void embedding(ParameterRole role, const std::string& name, std::int64_t rows,
                   std::int64_t hidden, ParameterInit init = ParameterInit::kNormal) {
        ParameterSpec& spec = add(role, name + ".weight", {rows, hidden});
        spec.init = init;
    }

    void norm(ParameterRole role, const std::string& name, std::int64_t hidden) {
        ParameterSpec& gain = add(role, name + ".weight", {hidden});
        gain.init = ParameterInit::kOne;
        gain.is_decayed = false;
        bias(role, name, hidden);
    }

    void linear(ParameterRole role, const std::string& name, std::int64_t out, std::int64_t in) {
        add(role, name + ".weight", {out, in});
        bias(role, name, out);
    }

    /// Name the parts of the dense layer that was added last.
    void split_last_linear(const std::vector<std::string>& parts) {
        for (const std::string& part : parts) {
            specs_[specs_.size() - 2].part_names.push_back(part + ".weight");
            specs_[specs_.size() - 1].part_names.push_back(part + ".bias");
        }
    }

    void set_layer(std::int64_t layer) { layer_ = layer; }

    std::vector<ParameterSpec> take() { return std::move(specs_); }

  private:
    ParameterSpec& add(ParameterRole role, std::string name, std::vector<std::int64_t> shape) {
        ParameterSpec spec;
        spec.role = role;
        spec.layer = layer_;
        spec.name = std::move(name);
        spec.shape = std::move(shape);
        return specs_.emplace_back(std::move(spec));
    }

    void bias(ParameterRole role, const std::string& name, std::int64_t size) {
        ParameterSpec& shift = add(role, name + ".bias", {size});
        shift.is_bias = true;
        shift.init = ParameterInit::kZero;
        shift.is_decayed = false;
    }

    std::vector<ParameterSpec> specs_;
    std::int64_t layer_ = 0;
};

void add_embeddings(const ModelConfig& config, const LayerNames& names, SpecList& list) {
    const std::string prefix = std::string(names.prefix) + "embeddings.";
    const std::int64_t hidden = config.hidden_size;
    list.embedding(ParameterRole::kWordEmbeddings, prefix + "word_embeddings", config.vocab_size,
                   hidden);
    list.embedding(
        ParameterRole::kPositionEmbeddings, prefix + "position_embeddings",
        config.max_position_embeddings, hidden,
        config.has_sinusoidal_positions ? ParameterInit::kSinusoidal : ParameterInit::kNormal);
    if (config.family == ModelFamily::kBert) {
        list.embedding(ParameterRole::kTypeEmbeddings, prefix + "token_type_embeddings",
                       config.type_vocab_size, hidden);
    }
    list.norm(ParameterRole::kEmbeddingNorm, prefix + "LayerNorm", hidden);
}

void add_block(const ModelConfig& config, const LayerNames& names, std::int64_t layer,
               SpecList& list) {
    const std::string block = fmt::format(fmt::runtime(names.blocks), layer);
    const std::int64_t hidden = config.hidden_size;
    list.set_layer(layer);
    list.linear(ParameterRole::kQueryKeyValue, block + names.query_key_value, 3 * hidden, hidden);
    list.split_last_linear({block + names.query, block + names.key, block + names.value});
    list.linear(ParameterRole::kAttentionOutput, block + names.attention_output, hidden, hidden);
    list.norm(ParameterRole::kAttentionNorm, block + names.attention_norm, hidden);
    list.linear(ParameterRole::kIntermediate, block + names.intermediate, config.intermediate_size,
                hidden);
    list.linear(ParameterRole::kOutput, block + names.output, hidden, config.intermediate_size);
    list.norm(ParameterRole::kOutputNorm, block + names.output_norm, hidden);
    list.set_layer(0);
}

void add_head(const ModelConfig& config, const LayerNames& names, HeadKind head,
              std::int64_t labels, SpecList& list) {
    if (head == HeadKind::kClassification) {
        list.linear(ParameterRole::kHeadDense, names.head_dense, config.hidden_size,
                    config.hidden_size);
    }
    list.linear(ParameterRole::kHead,
                head == HeadKind::kQuestionAnswering ? "qa_outputs" : "classifier", labels,
                config.hidden_size);
}

std::int64_t aligned(std::int64_t floats) {
    constexpr std::int64_t kStep = ParameterLayout::kAlignment;
    return (floats + kStep - 1) / kStep * kStep;
}

}  // namespace

std::int64_t ParameterSpec::element_count() const {
    std::int64_t count = 1;
    for (const std::int64_t size : shape) {
        count *= size;
    }
    return count;
}

bool ParameterSpec::is_of_head() const {
    return role == ParameterRole::kHeadDense || role == ParameterRole::kHead;
}

ParameterLayout ParameterLayout::make(const ModelConfig& config, HeadKind head,
                                      std::int64_t labels) {
    FINEWATT_CHECK(labels >= 1, "a head has at least one output");
    FINEWATT_CHECK(head != HeadKind::kQuestionAnswering || labels == 2,
                   "question answering has two outputs per token: begin and end");
    const LayerNames& names = config.family == ModelFamily::kBert ? kBertNames : kDistilBertNames;
    SpecList list;
    add_embeddings(config, names, list);
    for (std::int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
        add_block(config, names, layer, list);
    }
    add_head(config, names, head, labels, list);

    ParameterLayout layout;
    layout.specs_ = list.take();
    const auto others =
        std::stable_partition(layout.specs_.begin(), layout.specs_.end(),
                              [](const ParameterSpec& spec) { return spec.is_decayed; });
    for (auto spec = layout.specs_.begin(); spec != layout.specs_.end(); ++spec) {
        if (spec == others) {
            layout.decayed_size_ = layout.size_;
        }
        spec->offset = layout.size_;
        layout.size_ += aligned(spec->element_count());
    }
    return layout;
}

std::int64_t ParameterLayout::parameter_count() const {
    std::int64_t count = 0;
    for (const ParameterSpec& spec : specs_) {
        count += spec.element_count();
    }
    return count;
}

}  // namespace finewatt
