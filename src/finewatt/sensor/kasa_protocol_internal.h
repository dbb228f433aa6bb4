// The framing of TP-Link Kasa's local protocol: a length of 4 bytes, then JSON whose bytes are
// chained by XOR. Source: "Reverse Engineering the TP-Link HS110", softScheck, 2016.
#pragma once

#include "finewatt/base/result.h"

#include <optional>
#include <string>
#include <string_view>

namespace finewatt {

/// Return the frame of a message: length (big-endian), then each byte XOR the byte sent before it,
/// the first one XOR 171.
std::string kasa_frame(std::string_view message);

/// Return the message of a frame; nothing while bytes are missing. Error: corrupt, when the length
/// is above 64 KiB, which no plug sends.
Result<std::optional<std::string>> kasa_message(std::string_view frame);

}  // namespace finewatt
