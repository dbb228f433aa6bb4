#include "finewatt/base/check.h"
#include "finewatt/data/gzip_internal.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace finewatt {
namespace {

/// Owns zlib's state for reading gzip.
class Inflater {
  public:
    Inflater() : state_() {
        // 16 asks for the gzip wrapper (zlib.h, inflateInit2).
        constexpr int kGzipWrapper = 16;
        FINEWATT_CHECK(inflateInit2(&state_, MAX_WBITS + kGzipWrapper) == Z_OK,
                       "zlib starts unless memory is out or the library is another version");
    }

    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    ~Inflater() { inflateEnd(&state_); }

    z_stream& state() { return state_; }

  private:
    z_stream state_;
};

Error gzip_error(std::string_view what, std::size_t position) {
    return FINEWATT_ERROR(kCorrupt, "expected a whole gzip file, found {} at compressed byte {}",
                          what, position);
}

}  // namespace

Result<std::string> decompress_gzip(std::string_view compressed) {
    if (compressed.empty()) {
        return gzip_error("an empty file", 0);
    }
    Inflater inflater;
    z_stream& state = inflater.state();
    std::string plain;
    std::vector<Bytef> block(1 << 18);
    std::size_t position = 0;
    while (true) {
        const std::size_t piece = std::min<std::size_t>(compressed.size() - position, 1 << 20);
        // zlib does not write through next_in; its type is not const for old compilers.
        state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data())) + position;
        state.avail_in = static_cast<uInt>(piece);
        state.next_out = block.data();
        state.avail_out = static_cast<uInt>(block.size());
        const int code = inflate(&state, Z_NO_FLUSH);
        position += piece - state.avail_in;
        const std::size_t made = block.size() - state.avail_out;
        plain.append(reinterpret_cast<const char*>(block.data()), made);
        if (code == Z_STREAM_END) {
            if (position == compressed.size()) {
                return plain;
            }
            inflateReset(&state);  // the next member of the file
        } else if (code == Z_BUF_ERROR || (code == Z_OK && made == 0 && piece == 0)) {
            return gzip_error("its end", position);
        } else if (code != Z_OK) {
            return gzip_error(state.msg == nullptr ? "broken data" : state.msg, position);
        }
    }
}

}  // namespace finewatt
