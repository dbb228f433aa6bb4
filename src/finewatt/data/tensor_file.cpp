#include "finewatt/data/tensor_file.h"

#include "finewatt/data/tensor_header_internal.h"

#include <fmt/ranges.h>

#include <bit>
#include <cstring>

namespace finewatt {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the format is little-endian and values are copied as they are");

/// Return the float32 of IEEE 754 binary16 bits; every value of binary16 is exact in float32.
float float_from_half(std::uint16_t half) {
    const std::uint32_t sign = (half & 0x8000U) << 16U;
    const std::uint32_t exponent = (half >> 10U) & 0x1FU;
    const std::uint32_t mantissa = half & 0x3FFU;
    if (exponent == 0x1FU) {  // infinity and NaN
        return std::bit_cast<float>(sign | 0x7F800000U | (mantissa << 13U));
    }
    if (exponent == 0U) {  // zero and subnormals: mantissa x 2^-24
        const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
        return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
    }
    // The exponent's bias goes from 15 to 127.
    return std::bit_cast<float>(sign | ((exponent + 112U) << 23U) | (mantissa << 13U));
}

/// bfloat16 is the upper half of a float32.
float float_from_bfloat(std::uint16_t bfloat) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bfloat) << 16U);
}

/// Convert each stored element; the bytes need not be aligned. Stored is the type in the file.
template <class Stored, class Convert>
void convert_elements(std::span<const std::byte> bytes, std::vector<float>& out, Convert convert) {
    for (std::size_t i = 0; i < out.size(); ++i) {
        Stored stored{};
        std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
        out[i] = convert(stored);
    }
}

bool is_floating(TensorType type) {
    return type == TensorType::kF32 || type == TensorType::kF16 || type == TensorType::kBf16 ||
           type == TensorType::kF64;
}

/// Return the elements of a floating tensor.
std::vector<float> to_float32(const TensorView& tensor) {
    std::vector<float> values(static_cast<std::size_t>(tensor.element_count()));
    if (tensor.type == TensorType::kF16) {
        convert_elements<std::uint16_t>(tensor.bytes, values, float_from_half);
    } else if (tensor.type == TensorType::kBf16) {
        convert_elements<std::uint16_t>(tensor.bytes, values, float_from_bfloat);
    } else if (tensor.type == TensorType::kF64) {
        // Rounds to the nearest float32; what is too large becomes infinite.
        convert_elements<double>(tensor.bytes, values,
                                 [](double value) { return static_cast<float>(value); });
    } else if (!values.empty()) {
        std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
    }
    return values;
}

}  // namespace

std::int64_t TensorView::element_count() const {
    std::int64_t count = 1;
    for (const std::int64_t size : shape) {
        count *= size;
    }
    return count;
}

Result<TensorFile> TensorFile::open(const std::filesystem::path& path) {
    FINEWATT_ASSIGN(MappedFile mapped, MappedFile::open(path));
    TensorFile file(path, std::move(mapped));
    Result<std::map<std::string, TensorView>> tensors = parse_tensor_file(file.file_.bytes());
    if (!tensors) {
        return Error(std::move(tensors).error()).with_context(path.string());
    }
    file.tensors_ = std::move(*tensors);
    return file;
}

Result<std::vector<float>> TensorFile::read_float32(const std::string& name,
                                                    const std::vector<std::int64_t>& shape) const {
    const auto it = tensors_.find(name);
    if (it == tensors_.end()) {
        return FINEWATT_ERROR(kNotFound, "{}: tensor '{}' is not there ({} others are)",
                              path_.string(), name, tensors_.size());
    }
    const TensorView& tensor = it->second;
    if (tensor.shape != shape) {
        return FINEWATT_ERROR(kInvalidArgument, "{}: tensor '{}': expected shape [{}], found [{}]",
                              path_.string(), name, fmt::join(shape, ", "),
                              fmt::join(tensor.shape, ", "));
    }
    if (!is_floating(tensor.type)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "{}: tensor '{}': expected elements of type F32, F16, BF16 or F64, "
                              "found {}; convert the model first",
                              path_.string(), name, tensor.type_name);
    }
    return to_float32(tensor);
}

}  // namespace finewatt
