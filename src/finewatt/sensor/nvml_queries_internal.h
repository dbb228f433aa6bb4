// The ways in which NVML tells the energy or the power of a GPU, from the best to the worst, and
// what its return codes mean for a reading.
//
// Main functions: ask, reader_of. Not for choosing among them: nvml_source.cpp.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/sensor/gpu_source_internal.h"
#include "finewatt/sensor/nvml_library_internal.h"
#include "finewatt/sensor/nvml_sensor_table.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace finewatt::nvml {

/// Counters in mJ: the function, field 83. Power in mW: field 186, field 185, the driver's buffer
/// of samples, nvmlDeviceGetPowerUsage.
enum class Query {
    kEnergyCounter,
    kEnergyField,
    kPowerInstant,
    kPowerAverage,
    kPowerSamples,
    kPowerUsage
};

/// What a query reads, for people.
std::string_view query_text(Query query);

/// Which column of the sensor table speaks of this query.
NvidiaPowerField sensor_field(Query query);

/// Our own code, beside nvmlReturn_t: a value that makes no sense for a GPU (negative, no number,
/// above 10 kW).
inline constexpr int kOutOfRange = -1;

/// What one call gave: a code and, with kSuccess, the raw value (mJ or mW).
struct Answer {
    int code = kFunctionNotFound;
    std::uint64_t raw = 0;
};

/// Ask once. A function that the library lacks answers kFunctionNotFound.
Answer ask(const Library& library, Device device, Query query);

/// Whether a query is worth keeping after this first answer: it gave a value, or failed in a way
/// that passes (time-out, unknown).
bool may_work(const Answer& answer);

/// Return what a code means for a reading: time-outs, unknown errors and absurd values are retries;
/// a lost GPU, a missing right and a call that is not supported any more end the channel.
GpuAnswer outcome_of(const Answer& answer);

/// Return the call that reads a channel. Keeps the library open. Reading the buffer of samples
/// gives the mean of the samples since the last call, so that nothing between two polls is missed;
/// without a new one the last value stays for two seconds, then the reading is a retry (EAGAIN).
GpuRead reader_of(std::shared_ptr<const Library> library, Device device, Query query,
                  const Clock& clock);

}  // namespace finewatt::nvml
