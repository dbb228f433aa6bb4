#include "finewatt/base/pending_file.h"
#include "finewatt/base/result.h"
#include "finewatt/data/tensor_file.h"
#include "finewatt/data/tensor_header_internal.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstring>

namespace finewatt {
namespace {

// Keeps the order of insertion, so that the header reads in the order of the buffer.
using nlohmann::ordered_json;

Status check_tensor(const TensorToWrite& tensor) {
    if (tensor.name.empty() || tensor.name == "__metadata__") {
        return FINEWATT_ERROR(kInvalidArgument, "tensor '{}': this name cannot be used",
                              tensor.name);
    }
    std::int64_t count = 1;
    bool fits = true;
    for (const std::int64_t size : tensor.shape) {
        fits = fits && size >= 0 && !__builtin_mul_overflow(count, size, &count);
    }
    if (!fits || static_cast<std::uint64_t>(count) != tensor.values.size()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "tensor '{}': expected as many values as its shape [{}] says, found "
                              "{}",
                              tensor.name, fmt::join(tensor.shape, ", "), tensor.values.size());
    }
    return {};
}

/// Return length prefix and header of tensors that are in their final order.
Result<std::string> header_bytes(const std::vector<TensorToWrite>& tensors) {
    ordered_json header = ordered_json::object();
    header["__metadata__"] = {{"format", "pt"}};
    std::uint64_t begin = 0;
    for (const TensorToWrite& tensor : tensors) {
        const std::uint64_t end = begin + tensor.values.size_bytes();
        ordered_json info = ordered_json::object();
        info["dtype"] = "F32";
        info["shape"] = tensor.shape;
        info["data_offsets"] = std::array<std::uint64_t, 2>{begin, end};
        header[tensor.name] = std::move(info);
        begin = end;
    }
    std::string text;
    try {
        text = header.dump();
    } catch (const ordered_json::exception& error) {
        return FINEWATT_ERROR(kInvalidArgument, "a tensor's name is not valid UTF-8: {}",
                              error.what());
    }
    text.resize((text.size() + 7) / 8 * 8, ' ');
    if (text.size() > kMaxTensorHeaderBytes) {
        return FINEWATT_ERROR(kInvalidArgument, "expected a header of at most {} bytes, found {}",
                              kMaxTensorHeaderBytes, text.size());
    }
    const auto size = static_cast<std::uint64_t>(text.size());
    std::string prefix(sizeof(size), '\0');
    std::memcpy(prefix.data(), &size, sizeof(size));
    return prefix + text;
}

Status write_tensors(const std::filesystem::path& path, const std::vector<TensorToWrite>& tensors) {
    FINEWATT_ASSIGN(PendingFile file, PendingFile::create(path));
    FINEWATT_ASSIGN(const std::string header, header_bytes(tensors));
    FINEWATT_TRY(file.write(header));
    for (const TensorToWrite& tensor : tensors) {
        // Straight from the caller's memory: no second copy of the model is made.
        const std::span<const std::byte> bytes = std::as_bytes(tensor.values);
        FINEWATT_TRY(file.write({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
    }
    return file.commit();
}

}  // namespace

Status write_tensor_file(const std::filesystem::path& path, std::vector<TensorToWrite> tensors) {
    std::sort(tensors.begin(), tensors.end(),
              [](const TensorToWrite& a, const TensorToWrite& b) { return a.name < b.name; });
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        FINEWATT_TRY_CONTEXT(check_tensor(tensors[i]), "writing {}", path.string());
        if (i > 0 && tensors[i].name == tensors[i - 1].name) {
            return FINEWATT_ERROR(kInvalidArgument, "writing {}: tensor '{}' is given twice",
                                  path.string(), tensors[i].name);
        }
    }
    FINEWATT_TRY_CONTEXT(write_tensors(path, tensors), "writing {}", path.string());
    return {};
}

}  // namespace finewatt
