#include "finewatt/engine/fast_options.h"

namespace finewatt {

Result<Precision> parse_precision(std::string_view name) {
    if (name == "fp32") {
        return Precision::kFloat32;
    }
    if (name == "bf16") {
        return Precision::kBfloat16;
    }
    return FINEWATT_ERROR(kInvalidArgument, "precision: expected fp32 or bf16, found '{}'", name);
}

std::string_view precision_name(Precision precision) {
    return precision == Precision::kFloat32 ? "fp32" : "bf16";
}

Status check_precision(Precision precision) {
    if (precision == Precision::kFloat32) {
        return {};
    }
#if defined(__x86_64__)
    // CPUs with AMX have these instructions too.
    if (__builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
        return {};
    }
#endif
    return FINEWATT_ERROR(kUnsupported,
                          "precision bf16: expected a CPU with avx512_bf16 or AMX, found one "
                          "without; products would be slower than in fp32, so use fp32");
}

}  // namespace finewatt
