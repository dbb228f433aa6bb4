#include "finewatt/engine/weight_files.h"

#include "finewatt/base/file.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <set>
#include <utility>

namespace finewatt {
namespace {

constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";

/// Tensor name -> name of the file it lies in.
using WeightMap = std::map<std::string, std::string>;

Result<WeightMap> read_index(const std::filesystem::path& path) {
    FINEWATT_ASSIGN(const std::string text, read_file(path));
    WeightMap map;
    try {
        const nlohmann::json index = nlohmann::json::parse(text);
        map = index.at("weight_map").get<WeightMap>();
    } catch (const nlohmann::json::exception& error) {
        return FINEWATT_ERROR(kCorrupt,
                              "{}: expected JSON with a weight_map of tensor names and file names, "
                              "found: {}",
                              path.string(), error.what());
    }
    for (const auto& [tensor, file] : map) {
        if (std::filesystem::path(file).filename() != file || file == ".." || file == ".") {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "{}: tensor '{}': expected the name of a file beside the index, "
                                  "found '{}'",
                                  path.string(), tensor, file);
        }
    }
    return map;
}

Error no_weights_in(const std::filesystem::path& folder) {
    const char* advice = std::filesystem::exists(folder / "pytorch_model.bin")
                             ? "convert pytorch_model.bin to safetensors first (transformers' "
                               "save_pretrained does)"
                             : "give the folder of a saved model";
    return FINEWATT_ERROR(kNotFound, "{}: expected {} or {}, found neither; {}", folder.string(),
                          kSingleFile, kIndexFile, advice);
}

}  // namespace

Result<WeightFiles> WeightFiles::open(const std::filesystem::path& folder_or_file) {
    const bool is_folder = std::filesystem::is_directory(folder_or_file);
    const std::filesystem::path single = is_folder ? folder_or_file / kSingleFile : folder_or_file;
    const std::filesystem::path index = folder_or_file / kIndexFile;
    if (is_folder && !std::filesystem::exists(single)) {
        if (!std::filesystem::exists(index)) {
            return no_weights_in(folder_or_file);
        }
        return open_shards(index);
    }
    WeightFiles weights(single);
    FINEWATT_ASSIGN(TensorFile file, TensorFile::open(single));
    FINEWATT_TRY(weights.add(std::move(file)));
    return weights;
}

Result<WeightFiles> WeightFiles::open_shards(const std::filesystem::path& index) {
    FINEWATT_ASSIGN(const WeightMap map, read_index(index));
    std::set<std::string> shards;
    for (const auto& entry : map) {
        shards.insert(entry.second);
    }
    WeightFiles weights(index);
    for (const std::string& shard : shards) {
        Result<TensorFile> file = TensorFile::open(index.parent_path() / shard);
        if (!file) {
            return Error(std::move(file).error())
                .with_context(fmt::format("{}: a shard", index.string()));
        }
        FINEWATT_TRY_CONTEXT(weights.add(std::move(*file)), "{}", index.string());
    }
    std::vector<std::string> absent;
    for (const auto& [tensor, shard] : map) {
        const auto found = weights.file_of_.find(tensor);
        if (found == weights.file_of_.end() ||
            weights.files_[found->second].path().filename() != shard) {
            absent.push_back(fmt::format("{} in {}", tensor, shard));
        }
    }
    if (!absent.empty()) {
        return FINEWATT_ERROR(kCorrupt,
                              "{}: expected the tensors of the index in their shards, found {} of "
                              "them missing: {}; copy the shards that belong to the index",
                              index.string(), absent.size(), fmt::join(absent, ", "));
    }
    return weights;
}

Status WeightFiles::add(TensorFile file) {
    for (const auto& entry : file.tensors()) {
        const auto placed = file_of_.emplace(entry.first, files_.size());
        if (!placed.second) {
            return FINEWATT_ERROR(
                kCorrupt, "tensor '{}': expected in one shard, found in {} and {}", entry.first,
                files_[placed.first->second].path().string(), file.path().string());
        }
    }
    files_.push_back(std::move(file));
    return {};
}

std::vector<std::string> WeightFiles::names() const {
    std::vector<std::string> names;
    for (const auto& entry : file_of_) {
        names.push_back(entry.first);
    }
    return names;
}

const TensorView* WeightFiles::find(const std::string& name) const {
    const auto found = file_of_.find(name);
    return found == file_of_.end() ? nullptr : &files_[found->second].tensors().at(name);
}

Result<std::vector<float>> WeightFiles::read_float32(const std::string& name,
                                                     const std::vector<std::int64_t>& shape) const {
    const auto found = file_of_.find(name);
    if (found == file_of_.end()) {
        return FINEWATT_ERROR(kNotFound, "{}: tensor '{}' is not there ({} others are)",
                              path_.string(), name, file_of_.size());
    }
    return files_[found->second].read_float32(name, shape);
}

}  // namespace finewatt
