// A power series as compressed bytes, and back. Exact to the last bit. The layout is in
// docs/formats/store.md.
#pragma once

#include "finewatt/base/result.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// The two columns of a PowerSeries; both have the same length.
struct SeriesColumns {
    std::vector<double> t_s;
    std::vector<double> power_w;
};

/// Compress. Errors: invalid argument when the lengths differ; internal from zlib.
Result<std::string> encode_series(const std::vector<double>& t_s,
                                  const std::vector<double>& power_w);

/// Decompress `points` pairs. Error: corrupt, when the bytes do not hold just that many.
Result<SeriesColumns> decode_series(std::string_view bytes, std::size_t points);

}  // namespace finewatt
