#include "finewatt/base/file.h"
#include "finewatt/data/tensor_file.h"
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

bool is_head(std::string_view name) {
    return name.starts_with("classifier.") || name.starts_with("bert.pooler.") ||
           name.starts_with("pre_classifier.") || name.starts_with("qa_outputs.");
}

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

/// Return the name under which a file holds one of our weights, or nothing.
std::optional<std::string> name_in_file(const TensorFile& file, const std::string& name) {
    const std::string_view kPrefix = "bert.";
    const std::string bare =
        name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : std::string(name);
    for (const std::string& candidate :
         {name, bare, with_old_layer_norm_name(name), with_old_layer_norm_name(bare)}) {
        if (file.tensors().contains(candidate)) {
            return candidate;
        }
    }
    return std::nullopt;
}

Status copy_into(const TensorFile& file, const std::string& name, const at::Tensor& target) {
    FINEWATT_ASSIGN(const std::vector<float> values, file.read_float32(name, target.sizes().vec()));
    at::Tensor contiguous = target;  // a part of query, key and value is contiguous, too
    std::copy(values.begin(), values.end(), contiguous.mutable_data_ptr<float>());
    return {};
}

}  // namespace

Result<std::optional<std::int64_t>> classes_in_weights(const std::filesystem::path& weights) {
    FINEWATT_ASSIGN(const TensorFile file, TensorFile::open(weights));
    const auto found = file.tensors().find("classifier.weight");
    if (found == file.tensors().end()) {
        return std::optional<std::int64_t>();
    }
    if (found->second.shape.size() != 2 || found->second.shape[0] < 1) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "{}: classifier.weight: expected shape [classes, hidden], found [{}]",
                              weights.string(), fmt::join(found->second.shape, ", "));
    }
    return std::optional<std::int64_t>(found->second.shape[0]);
}

Result<WeightReport> load_weights(const std::filesystem::path& weights, Model& model) {
    FINEWATT_ASSIGN(const TensorFile file, TensorFile::open(weights));
    WeightReport report;
    std::vector<std::string> missing;
    std::set<std::string> used = {"embeddings.position_ids", "bert.embeddings.position_ids"};
    for (const NamedTensor& wanted : model.named_tensors()) {
        const std::optional<std::string> name = name_in_file(file, wanted.name);
        if (name) {
            FINEWATT_TRY(copy_into(file, *name, wanted.tensor));
            used.insert(*name);
        } else {
            (is_head(wanted.name) ? report.initialised : missing).push_back(wanted.name);
        }
    }
    if (!missing.empty()) {
        return FINEWATT_ERROR(
            kCorrupt,
            "{}: expected the weights of a model with {} layers, found {} missing: "
            "{}; check that config.json belongs to this file",
            weights.string(), model.config().num_hidden_layers, missing.size(),
            fmt::join(missing, ", "));
    }
    for (const auto& entry : file.tensors()) {
        if (!used.contains(entry.first)) {
            report.unused.push_back(entry.first);
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
