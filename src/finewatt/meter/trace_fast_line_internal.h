// The fast way through the common line of a trace:
//     {"t_ns":123,"id":"pkg0","raw":456}
// with at most one space after each ':' and ','. Anything else, right or wrong, is left to
// TraceLineParser. Private to the meter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// A reading out of a common line.
struct FastReading {
    std::int64_t t_ns = 0;
    std::uint64_t raw = 0;
    std::size_t channel = 0;
};

/// Parses common lines. Used by one thread.
class FastLineParser {
  public:
    /// Ids of the channels in the header's order, each one once.
    explicit FastLineParser(std::vector<std::string> ids);

    /// Parse the line at `text`. Somewhere after it a byte '\0' must follow, with kTraceLinePadding
    /// readable bytes from there. Returns the begin of the next line, or null when this line is
    /// not a common one.
    const char* parse(const char* text, FastReading& reading);

  private:
    const char* parse_id(const char* at, std::size_t& channel);

    std::vector<std::string> ids_;
    std::map<std::string, std::size_t, std::less<>> index_;
    std::vector<std::size_t> next_after_;  ///< the channel that followed each one last time
    std::size_t last_ = 0;
};

}  // namespace finewatt
