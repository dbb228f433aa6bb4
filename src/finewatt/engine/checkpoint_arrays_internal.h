// The arrays of a checkpoint beside the weights, in the file optimizer.safetensors: the moments of
// AdamW, and the best weights so far where early stopping keeps them. Torch-free.
#pragma once

#include "finewatt/base/result.h"

#include <filesystem>
#include <optional>
#include <span>

namespace finewatt {

/// Arrays of one size, that of the model's flat buffer.
struct CheckpointArrays {
    std::span<float> first_moments;
    std::span<float> second_moments;
    std::optional<std::span<float>> best_values;
};

/// Write the arrays into a checkpoint's folder. Errors: as write_tensor_file.
Status write_checkpoint_arrays(const std::filesystem::path& folder, const CheckpointArrays& arrays);

/// Fill the arrays from a checkpoint's folder. Errors: as TensorFile::open; corrupt or invalid
/// argument where an array is missing or has another size.
Status read_checkpoint_arrays(const std::filesystem::path& folder, const CheckpointArrays& arrays);

}  // namespace finewatt
