// The thermal design power of processors by name, from data/cpu_tdp, embedded at build time.
//
// Main function: find_cpu_tdp. A TDP is a design limit: what it is worth as a model is said in
// cpu_model_source.h. Source of the numbers: data/cpu_tdp/SOURCE.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace finewatt {

/// What the table knows of one processor model.
struct CpuTdp {
    std::string name;      ///< the entry, or the entries, that matched
    double tdp_w = 0;      ///< per processor (socket); a plain number because the table is text
    double tdp_w_low = 0;  ///< equal to tdp_w for an exact match
    double tdp_w_high = 0;
    unsigned cores = 0;  ///< physical cores per processor; 0 = unknown
    bool is_exact = false;
};

/// Return a CPU name in the form that is compared: lower case, without "(R)", "(TM)", "CPU",
/// "Processor", "N-Core", "11th Gen", and without what follows "@" or "with".
std::string normalised_cpu_name(std::string_view name);

/// Return N of "N-Core" in a model name, or 0.
unsigned cores_in_cpu_name(std::string_view name);

/// Look a processor up by the kernel's model name. First an exact match of the normalised names.
/// Else all entries that are equal but for letters after the model number ("8275CL" and "8275"):
/// their geometric middle, with the smallest and the largest value. Nothing for names without a
/// model number, such as the "AMD EPYC" or "Intel Xeon" that hypervisors show.
std::optional<CpuTdp> find_cpu_tdp(std::string_view model_name);

}  // namespace finewatt
