// safetensors files: reading with full validation, and writing as the reference does.
//
// Main type: TensorFile. Not for the names that a model gives its tensors, nor for models cut into
// several files: that is the engine's business.
// Source: huggingface/safetensors 0.8, README.md ("Format") and safetensors/src/tensor.rs.
#pragma once

#include "finewatt/base/file.h"
#include "finewatt/base/result.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace finewatt {

/// Element types that models use. Others in a file are kept by name and refused on reading.
enum class TensorType { kF32, kF16, kBf16, kI64, kI32, kU8, kF64, kOther };

/// One tensor of a file: its type, shape and bytes (C order).
struct TensorView {
    TensorType type = TensorType::kF32;
    std::string type_name;  ///< as written in the file, e.g. "F32"
    std::vector<std::int64_t> shape;
    std::span<const std::byte> bytes;

    /// Return the product of the shape; 1 for a scalar.
    std::int64_t element_count() const;
};

/// A mapped safetensors file. Views live as long as the object. Any thread may read it. Nobody may
/// shorten the file meanwhile; a writer that replaces it, as write_tensor_file does, is no problem.
class TensorFile {
  public:
    /// Map and validate. Errors: not found; corrupt, naming what was expected and found, for an
    /// empty or cut-off file, a header over 100 MB or beyond the file, broken JSON, a tensor whose
    /// size does not fit shape and type, overlaps, gaps, or offsets past the end.
    static Result<TensorFile> open(const std::filesystem::path& path);

    /// Return all tensors by name.
    const std::map<std::string, TensorView>& tensors() const { return tensors_; }

    /// Return the path it was opened with.
    const std::filesystem::path& path() const { return path_; }

    /// Return a tensor's elements as float32 (converting F16, BF16, F64). Errors: not found;
    /// invalid argument when the shape or type is not the expected one.
    Result<std::vector<float>> read_float32(const std::string& name,
                                            const std::vector<std::int64_t>& shape) const;

  private:
    TensorFile(std::filesystem::path path, MappedFile file)
        : path_(std::move(path)),
          file_(std::move(file)) {}

    std::filesystem::path path_;
    MappedFile file_;
    std::map<std::string, TensorView> tensors_;
};

/// A float32 tensor to write; `values` are its elements in C order.
struct TensorToWrite {
    std::string name;
    std::vector<std::int64_t> shape;
    std::span<const float> values;
};

/// Write a safetensors file with __metadata__ {"format":"pt"}, atomically. Tensors are sorted by
/// name; the header is padded with spaces to a multiple of 8. Values go straight from memory to the
/// file, so no second copy of a model is held.
///
/// Errors: invalid argument for values that do not fit their shape and for names that are empty,
/// given twice or not UTF-8; not found, permission, io (full disk) from the file system. Then
/// `path` is as it was and no temporary file is left.
Status write_tensor_file(const std::filesystem::path& path, std::vector<TensorToWrite> tensors);

}  // namespace finewatt
