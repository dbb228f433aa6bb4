// ConfigKeys: under which key of config.json each family keeps a field of ModelConfig. The one list
// that reading, writing and checking go through.
#pragma once

#include "finewatt/data/model_config.h"

#include <cstdint>
#include <span>

namespace finewatt {

/// A size: its key and its place.
struct SizeField {
    const char* key;
    std::int64_t ModelConfig::*member;
};

/// A probability or another number: its key and its place.
struct NumberField {
    const char* key;
    double ModelConfig::*member;
};

/// The keys of one family.
struct ConfigKeys {
    std::span<const SizeField> sizes;       ///< must all be in a file
    std::span<const NumberField> dropouts;  ///< probabilities; the reference's value where missing
    std::span<const NumberField> numbers;   ///< others, the same
    const char* activation;
    bool has_classifier_dropout;    ///< key classifier_dropout, which may be null
    bool has_sinusoidal_positions;  ///< key sinusoidal_pos_embds
};

/// Return the keys of a family. Lives as long as the program.
const ConfigKeys& config_keys(ModelFamily family);

/// Return the key of a size in the family's file.
const char* key_of(ModelFamily family, std::int64_t ModelConfig::*member);

}  // namespace finewatt
