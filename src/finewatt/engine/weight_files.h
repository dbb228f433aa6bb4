// WeightFiles: the tensors of a model folder, whether they lie in one model.safetensors or in
// shards with a model.safetensors.index.json. Torch-free.
//
// Main type: WeightFiles. Not for what the tensors mean (model_files_internal.h).
// Source: transformers 5.17, modeling_utils.py (which file is taken) and the index that its
// save_pretrained writes.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/tensor_file.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace finewatt {

/// Mapped, validated weights. Views live as long as the object. Any thread may read it.
class WeightFiles {
  public:
    /// Open the weights of a model folder: model.safetensors where it is there, else the shards
    /// that model.safetensors.index.json names; or a single safetensors file given by its path.
    ///
    /// Errors: as TensorFile::open; not found, naming what a folder must hold, or a shard that is
    /// missing; corrupt when the index is no such JSON, when a tensor lies in two shards, or when
    /// the index names tensors that their shard does not have; invalid argument for a shard's name
    /// that leaves the folder.
    static Result<WeightFiles> open(const std::filesystem::path& folder_or_file);

    /// Return the file that messages name: the single file or the index.
    const std::filesystem::path& path() const { return path_; }

    /// Return all names, sorted.
    std::vector<std::string> names() const;

    /// Return a tensor, or nullptr when it is not there.
    const TensorView* find(const std::string& name) const;

    /// Return a tensor's elements as float32. Errors: as TensorFile::read_float32.
    Result<std::vector<float>> read_float32(const std::string& name,
                                            const std::vector<std::int64_t>& shape) const;

  private:
    explicit WeightFiles(std::filesystem::path path) : path_(std::move(path)) {}

    static Result<WeightFiles> open_shards(const std::filesystem::path& index);
    Status add(TensorFile file);

    std::filesystem::path path_;
    std::vector<TensorFile> files_;
    std::map<std::string, std::size_t> file_of_;  ///< index into files_
};

}  // namespace finewatt
