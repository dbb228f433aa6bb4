#include "finewatt/data/features.h"

#include <utility>

namespace finewatt {

Result<std::vector<Feature>> encode_dataset(const Dataset& dataset,
                                            const WordPieceTokenizer& tokenizer,
                                            std::int32_t max_length) {
    const EncodeOptions options{.add_special_tokens = true, .max_length = max_length};
    std::vector<Feature> features;
    features.reserve(dataset.examples.size());
    for (const Example& example : dataset.examples) {
        Result<Encoding> encoding =
            example.pair ? tokenizer.encode_pair(example.text, *example.pair, options)
                         : tokenizer.encode(example.text, options);
        if (!encoding) {
            return Error(std::move(encoding).error())
                .with_context(fmt::format("example {}", features.size() + 1));
        }
        features.push_back(
            {std::move(encoding->ids), std::move(encoding->type_ids), example.label});
    }
    return features;
}

}  // namespace finewatt
