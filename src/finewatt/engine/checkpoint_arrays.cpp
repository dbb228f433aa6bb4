#include "finewatt/data/tensor_file.h"
#include "finewatt/engine/checkpoint_arrays_internal.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace finewatt {
namespace {

constexpr const char* kFile = "optimizer.safetensors";

/// The arrays under their names in the file.
std::vector<std::pair<const char*, std::span<float>>> named(const CheckpointArrays& arrays) {
    std::vector<std::pair<const char*, std::span<float>>> list = {
        {"first_moments", arrays.first_moments}, {"second_moments", arrays.second_moments}};
    if (arrays.best_values) {
        list.emplace_back("best_values", *arrays.best_values);
    }
    return list;
}

}  // namespace

Status write_checkpoint_arrays(const std::filesystem::path& folder,
                               const CheckpointArrays& arrays) {
    std::vector<TensorToWrite> tensors;
    for (const auto& [name, values] : named(arrays)) {
        tensors.push_back({name, {std::ssize(values)}, values});
    }
    return write_tensor_file(folder / kFile, std::move(tensors));
}

Status read_checkpoint_arrays(const std::filesystem::path& folder, const CheckpointArrays& arrays) {
    FINEWATT_ASSIGN(const TensorFile file, TensorFile::open(folder / kFile));
    for (const auto& [name, values] : named(arrays)) {
        FINEWATT_ASSIGN(const std::vector<float> read,
                        file.read_float32(name, {std::ssize(values)}));
        std::copy(read.begin(), read.end(), values.begin());
    }
    return {};
}

}  // namespace finewatt
