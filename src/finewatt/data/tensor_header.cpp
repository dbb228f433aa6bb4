#include "finewatt/data/tensor_header_internal.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <string_view>

namespace finewatt {
namespace {

using nlohmann::json;

/// A type name of the format with its size. Only some have a TensorType of their own.
struct TypeRow {
    std::string_view name;
    TensorType type;
    std::int64_t size_bytes;
};

// safetensors 0.8, enum Dtype. Types of less than a byte (F4, F6_*) are not listed: like unknown
// names, they are kept without a check of their size.
constexpr std::array<TypeRow, 17> kTypes = {{
    {"F32", TensorType::kF32, 4},
    {"F16", TensorType::kF16, 2},
    {"BF16", TensorType::kBf16, 2},
    {"I64", TensorType::kI64, 8},
    {"I32", TensorType::kI32, 4},
    {"U8", TensorType::kU8, 1},
    {"F64", TensorType::kF64, 8},
    {"BOOL", TensorType::kOther, 1},
    {"I8", TensorType::kOther, 1},
    {"F8_E5M2", TensorType::kOther, 1},
    {"F8_E4M3", TensorType::kOther, 1},
    {"F8_E8M0", TensorType::kOther, 1},
    {"I16", TensorType::kOther, 2},
    {"U16", TensorType::kOther, 2},
    {"U32", TensorType::kOther, 4},
    {"U64", TensorType::kOther, 8},
    {"C64", TensorType::kOther, 8},
}};

const TypeRow* find_type(std::string_view name) {
    const auto* it = std::find_if(kTypes.begin(), kTypes.end(),
                                  [&](const TypeRow& row) { return row.name == name; });
    return it == kTypes.end() ? nullptr : it;
}

/// Where a tensor's bytes lie in the buffer, [begin, end).
struct Extent {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::string name{};
};

/// Return a whole number from 0 to the largest int64, or nothing.
std::optional<std::int64_t> as_count(const json& value) {
    if (!value.is_number_integer() || value < 0 ||
        value > std::numeric_limits<std::int64_t>::max()) {
        return std::nullopt;
    }
    return value.get<std::int64_t>();
}

/// Return the bytes of a shape, or nothing when the number does not fit int64. The sizes are
/// multiplied in their order, as the reference does: [2^40, 2^40, 0] does not fit.
std::optional<std::int64_t> byte_count(const std::vector<std::int64_t>& shape,
                                       std::int64_t element_bytes) {
    std::int64_t count = 1;
    for (const std::int64_t size : shape) {
        if (__builtin_mul_overflow(count, size, &count)) {
            return std::nullopt;
        }
    }
    if (__builtin_mul_overflow(count, element_bytes, &count)) {
        return std::nullopt;
    }
    return count;
}

Status check_metadata(const json& metadata) {
    if (!metadata.is_object()) {
        return FINEWATT_ERROR(kCorrupt, "__metadata__: expected an object of strings, found {}",
                              metadata.type_name());
    }
    for (const auto& [key, value] : metadata.items()) {
        if (!value.is_string()) {
            return FINEWATT_ERROR(kCorrupt, "__metadata__: '{}': expected a string, found {}", key,
                                  value.type_name());
        }
    }
    return {};
}

Result<std::vector<std::int64_t>> parse_counts(const json& info, const char* key) {
    const auto it = info.find(key);
    if (it == info.end() || !it->is_array()) {
        return FINEWATT_ERROR(kCorrupt, "'{}': expected a list of whole numbers, found {}", key,
                              it == info.end() ? "none" : it->type_name());
    }
    std::vector<std::int64_t> counts;
    for (const json& item : *it) {
        const std::optional<std::int64_t> count = as_count(item);
        if (!count) {
            return FINEWATT_ERROR(kCorrupt,
                                  "'{}': expected whole numbers from 0 to 2^63 - 1, found {}", key,
                                  item.is_primitive() ? item.dump() : item.type_name());
        }
        counts.push_back(*count);
    }
    return counts;
}

/// Parse one entry of the header: {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}.
Result<TensorView> parse_tensor(const json& info, std::span<const std::byte> buffer,
                                Extent& extent) {
    if (!info.is_object()) {
        return FINEWATT_ERROR(kCorrupt, "expected an object, found {}", info.type_name());
    }
    const auto dtype = info.find("dtype");
    if (dtype == info.end() || !dtype->is_string()) {
        return FINEWATT_ERROR(kCorrupt, "'dtype': expected a string, found {}",
                              dtype == info.end() ? "none" : dtype->type_name());
    }
    TensorView view;
    view.type = TensorType::kOther;
    view.type_name = dtype->get<std::string>();
    FINEWATT_ASSIGN(view.shape, parse_counts(info, "shape"));
    FINEWATT_ASSIGN(const std::vector<std::int64_t> offsets, parse_counts(info, "data_offsets"));
    if (offsets.size() != 2) {
        return FINEWATT_ERROR(kCorrupt, "'data_offsets': expected begin and end, found {} numbers",
                              offsets.size());
    }
    extent.begin = offsets[0];
    extent.end = offsets[1];
    if (extent.begin > extent.end || extent.end > static_cast<std::int64_t>(buffer.size())) {
        return FINEWATT_ERROR(kCorrupt,
                              "'data_offsets': expected begin <= end <= {} (the bytes there are), "
                              "found [{}, {}]",
                              buffer.size(), extent.begin, extent.end);
    }
    const TypeRow* type = find_type(view.type_name);
    const std::optional<std::int64_t> bytes =
        byte_count(view.shape, type == nullptr ? 1 : type->size_bytes);
    if (!bytes) {
        return FINEWATT_ERROR(kCorrupt, "'shape': the number of bytes does not fit 63 bits");
    }
    if (type != nullptr) {
        view.type = type->type;
        if (*bytes != extent.end - extent.begin) {
            return FINEWATT_ERROR(kCorrupt, "expected {} bytes for its shape and type {}, found {}",
                                  *bytes, view.type_name, extent.end - extent.begin);
        }
    }
    view.bytes = buffer.subspan(static_cast<std::size_t>(extent.begin),
                                static_cast<std::size_t>(extent.end - extent.begin));
    return view;
}

/// Check that the tensors fill the buffer: no overlap, no gap, nothing after the last one.
Status check_extents(std::vector<Extent> extents, std::size_t buffer_size) {
    std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) {
        return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
    });
    std::int64_t end = 0;
    for (const Extent& extent : extents) {
        if (extent.begin != end) {
            return FINEWATT_ERROR(kCorrupt,
                                  "tensor '{}': expected to begin at byte {}, where the one before "
                                  "it ends, found {} ({})",
                                  extent.name, end, extent.begin,
                                  extent.begin < end ? "they overlap" : "a gap");
        }
        end = extent.end;
    }
    if (end != static_cast<std::int64_t>(buffer_size)) {
        return FINEWATT_ERROR(kCorrupt,
                              "expected the tensors to end with the file, found {} bytes after the "
                              "last one",
                              static_cast<std::int64_t>(buffer_size) - end);
    }
    return {};
}

/// Parse the JSON text; a name that stands twice is an error (a JSON library would drop one).
Result<json> parse_header_json(std::string_view text) {
    if (!text.starts_with('{')) {
        return FINEWATT_ERROR(kCorrupt, "header: expected JSON that begins with '{{'");
    }
    std::set<std::string> names;
    std::optional<std::string> twice;
    const json::parser_callback_t note_names = [&](int depth, json::parse_event_t event,
                                                   json& parsed) {
        if (event == json::parse_event_t::key && depth == 1 &&
            !names.insert(parsed.get<std::string>()).second) {
            twice = parsed.get<std::string>();
        }
        return true;
    };
    json header;
    try {
        header = json::parse(text.begin(), text.end(), note_names);
    } catch (const json::exception& error) {
        return FINEWATT_ERROR(kCorrupt, "header: expected JSON, found: {}", error.what());
    }
    if (twice) {
        return FINEWATT_ERROR(kCorrupt, "header: expected different names, found '{}' twice",
                              *twice);
    }
    return header;
}

/// Return the header's length in bytes, after checking that the file holds it.
Result<std::size_t> parse_header_size(std::span<const std::byte> file) {
    if (file.size() < kTensorHeaderPrefixBytes) {
        return FINEWATT_ERROR(kCorrupt,
                              "expected a safetensors file of at least {} bytes, found {} bytes",
                              kTensorHeaderPrefixBytes, file.size());
    }
    std::uint64_t size = 0;
    std::memcpy(&size, file.data(), sizeof(size));
    if (size > kMaxTensorHeaderBytes) {
        return FINEWATT_ERROR(kCorrupt,
                              "expected a header of at most {} bytes, found {}; is it a "
                              "safetensors file?",
                              kMaxTensorHeaderBytes, size);
    }
    if (size > file.size() - kTensorHeaderPrefixBytes) {
        return FINEWATT_ERROR(kCorrupt,
                              "expected a header of {} bytes, found {} bytes; the file is cut off",
                              size, file.size() - kTensorHeaderPrefixBytes);
    }
    return static_cast<std::size_t>(size);
}

}  // namespace

Result<std::map<std::string, TensorView>> parse_tensor_file(std::span<const std::byte> file) {
    FINEWATT_ASSIGN(const std::size_t header_size, parse_header_size(file));
    const auto header_bytes = file.subspan(kTensorHeaderPrefixBytes, header_size);
    const auto buffer = file.subspan(kTensorHeaderPrefixBytes + header_size);
    FINEWATT_ASSIGN(
        const json header,
        parse_header_json({reinterpret_cast<const char*>(header_bytes.data()), header_size}));

    std::map<std::string, TensorView> tensors;
    std::vector<Extent> extents;
    for (const auto& [name, info] : header.items()) {
        if (name == "__metadata__") {
            FINEWATT_TRY(check_metadata(info));
            continue;
        }
        Extent extent{.name = name};
        Result<TensorView> view = parse_tensor(info, buffer, extent);
        if (!view) {
            return Error(std::move(view).error()).with_context(fmt::format("tensor '{}'", name));
        }
        tensors.emplace(name, std::move(*view));
        extents.push_back(std::move(extent));
    }
    FINEWATT_TRY(check_extents(std::move(extents), buffer.size()));
    return tensors;
}

}  // namespace finewatt
