#include "finewatt/base/file.h"
#include "finewatt/engine/model_files_internal.h"

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <string_view>
#include <utility>

namespace finewatt {
namespace {

/// TensorFlow's names, which old converted files kept.
std::string with_old_layer_norm_name(std::string name) {
    const std::pair<std::string_view, std::string_view> renames[] = {
        {"LayerNorm.weight", "LayerNorm.gamma"}, {"LayerNorm.bias", "LayerNorm.beta"}};
    for (const auto& [now, before] : renames) {
        if (name.ends_with(now)) {
            name.replace(name.size() - now.size(), now.size(), before);
            break;
        }
    }
    return name;
}

/// The name of the encoder in front of its weights; a file of the bare encoder lacks it.
std::string prefix_of(ModelFamily family) {
    return std::string(model_family_name(family)) + ".";
}

/// Return the name under which a file holds one of our weights, or nothing.
std::optional<std::string> name_in_file(const WeightFiles& files, const std::string& prefix,
                                        const std::string& name) {
    const std::string bare = name.starts_with(prefix) ? name.substr(prefix.size()) : name;
    for (const std::string& candidate :
         {name, bare, with_old_layer_norm_name(name), with_old_layer_norm_name(bare)}) {
        if (files.find(candidate) != nullptr) {
            return candidate;
        }
    }
    return std::nullopt;
}

/// A parameter of the model, or a third of one, as a file has it.
struct WantedWeight {
    std::string name;
    at::Tensor target;
    ParameterRole role;
    bool is_of_head;
};

std::vector<WantedWeight> wanted_weights(const Model& model) {
    std::vector<WantedWeight> wanted;
    const std::vector<NamedTensor> named = model.named_tensors();
    std::size_t next = 0;
    for (const ParameterSpec& spec : model.layout().specs()) {
        const std::size_t parts = std::max<std::size_t>(spec.part_names.size(), 1);
        for (std::size_t part = 0; part < parts; ++part, ++next) {
            wanted.push_back({named[next].name, named[next].tensor, spec.role, spec.is_of_head()});
        }
    }
    return wanted;
}

/// Return whether the weight is looked for in the file. BERT's pooler belongs to the encoder's
/// file, so it is taken from a model with any head; other head weights only from the same kind of
/// head.
bool is_taken(const WantedWeight& wanted, const ModelConfig& config, HeadKind head) {
    const bool is_pooler =
        wanted.role == ParameterRole::kHeadDense && config.family == ModelFamily::kBert;
    return !wanted.is_of_head || is_pooler || !names_another_head(config.architecture, head);
}

Status copy_into(const WeightFiles& files, const std::string& name, const at::Tensor& target) {
    FINEWATT_ASSIGN(const std::vector<float> values,
                    files.read_float32(name, target.sizes().vec()));
    std::copy(values.begin(), values.end(), target.mutable_data_ptr<float>());
    return {};
}

}  // namespace

Result<std::optional<std::int64_t>> head_labels(const WeightFiles& weights,
                                                const ModelConfig& config, HeadKind head) {
    const std::string name =
        head == HeadKind::kQuestionAnswering ? "qa_outputs.weight" : "classifier.weight";
    const TensorView* weight = weights.find(name);
    if (weight == nullptr || names_another_head(config.architecture, head)) {
        return std::optional<std::int64_t>();
    }
    if (weight->shape.size() != 2 || weight->shape[0] < 1) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "{}: {}: expected shape [labels, hidden], found [{}]",
                              weights.path().string(), name, fmt::join(weight->shape, ", "));
    }
    return std::optional<std::int64_t>(weight->shape[0]);
}

Result<WeightReport> load_weights(const std::filesystem::path& folder_or_file, const Model& model) {
    FINEWATT_ASSIGN(const WeightFiles files, WeightFiles::open(folder_or_file));
    const ModelConfig& config = model.config();
    const std::string prefix = prefix_of(config.family);
    WeightReport report;
    std::vector<std::string> missing;
    std::set<std::string> used = {"embeddings.position_ids", prefix + "embeddings.position_ids"};
    for (const WantedWeight& wanted : wanted_weights(model)) {
        const std::optional<std::string> name = is_taken(wanted, config, model.head_kind())
                                                    ? name_in_file(files, prefix, wanted.name)
                                                    : std::nullopt;
        if (name) {
            FINEWATT_TRY(copy_into(files, *name, wanted.target));
            used.insert(*name);
        } else {
            (wanted.is_of_head ? report.initialised : missing).push_back(wanted.name);
        }
    }
    if (!missing.empty()) {
        return FINEWATT_ERROR(
            kCorrupt,
            "{}: expected the weights of a {} with {} layers, found {} missing: {}; check that "
            "config.json belongs to this file",
            files.path().string(), model_family_name(config.family), config.num_hidden_layers,
            missing.size(), fmt::join(missing, ", "));
    }
    for (const std::string& name : files.names()) {
        if (!used.contains(name)) {
            report.unused.push_back(name);
        }
    }
    return report;
}

OutputFolder::OutputFolder(std::filesystem::path folder, bool is_new)
    : folder_(std::move(folder)),
      staging_(folder_ / fmt::format(".finewatt-{}", ::getpid())),
      is_new_(is_new) {}

OutputFolder::OutputFolder(OutputFolder&& other) noexcept
    : folder_(std::move(other.folder_)),
      staging_(std::exchange(other.staging_, {})),
      is_new_(other.is_new_) {}

OutputFolder::~OutputFolder() {
    if (staging_.empty()) {
        return;  // moved from
    }
    std::error_code ignored;
    std::filesystem::remove_all(staging_, ignored);
    if (is_new_) {
        ::rmdir(folder_.c_str());  // only succeeds when it is empty
    }
}

Result<OutputFolder> OutputFolder::prepare(const std::filesystem::path& folder) {
    std::error_code error;
    const bool is_new = std::filesystem::create_directories(folder, error);
    if (error) {
        return error_from_errno(error.value(),
                                fmt::format("--out {}: making the folder", folder.string()));
    }
    OutputFolder output(folder, is_new);
    if (::mkdir(output.staging_.c_str(), 0777) != 0) {
        return error_from_errno(errno,
                                fmt::format("--out {}: writing into the folder", folder.string()));
    }
    return output;
}

Status OutputFolder::publish() {
    std::error_code error;
    for (std::filesystem::directory_iterator it(staging_, error), end; !error && it != end;
         it.increment(error)) {
        const std::filesystem::path target = folder_ / it->path().filename();
        if (::rename(it->path().c_str(), target.c_str()) != 0) {
            return error_from_errno(errno, fmt::format("moving {} into place", target.string()));
        }
    }
    if (error) {
        return error_from_errno(error.value(), fmt::format("reading {}", staging_.string()));
    }
    return {};
}

Status write_model_folder(const std::filesystem::path& folder, const Model& model,
                          const std::vector<std::string>& label_names,
                          const WordPieceTokenizer& tokenizer) {
    ModelConfig config = model.config();
    config.architecture = architecture_name(config.family, model.head_kind());
    config.label_names = label_names;
    FINEWATT_TRY(write_model_config(folder / "config.json", config));
    std::vector<TensorToWrite> tensors;
    const std::vector<NamedTensor> named = model.named_tensors();
    for (const NamedTensor& weight : named) {
        tensors.push_back({weight.name,
                           weight.tensor.sizes().vec(),
                           {weight.tensor.const_data_ptr<float>(),
                            static_cast<std::size_t>(weight.tensor.numel())}});
    }
    FINEWATT_TRY(write_tensor_file(folder / "model.safetensors", std::move(tensors)));
    return tokenizer.save(folder);
}

}  // namespace finewatt
