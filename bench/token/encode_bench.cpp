// How many texts a second one core turns into token ids. Prints one JSON line, with a checksum of
// the ids that bench/peer/compare_tokenizers.py compares with the peer's.
#include "finewatt/base/file.h"
#include "finewatt/token/tokenizer.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <zlib.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace {

using finewatt::EncodeOptions;
using finewatt::Encoding;
using finewatt::Result;
using finewatt::Status;
using finewatt::WordPieceTokenizer;

struct Settings {
    std::string vocab;
    std::string texts;
    bool cased = false;
    bool with_offsets = false;
    bool one_by_one = false;
    int passes = 1;
};

std::vector<std::string_view> split_lines(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

/// Encode every text into flat arrays, or each into an Encoding of its own. Return the token count.
Result<std::size_t> encode_all(const WordPieceTokenizer& tokenizer, const Settings& settings,
                               const std::vector<std::string_view>& texts, Encoding& flat) {
    EncodeOptions options;
    options.with_offsets = settings.with_offsets;
    flat.ids.clear();
    flat.type_ids.clear();
    flat.offsets.clear();
    std::size_t tokens = 0;
    for (const std::string_view text : texts) {
        if (settings.one_by_one) {
            FINEWATT_ASSIGN(const Encoding encoding, tokenizer.encode(text, options));
            tokens += encoding.ids.size();
        } else {
            FINEWATT_TRY(tokenizer.append_encoded(text, options, flat));
        }
    }
    return settings.one_by_one ? tokens : flat.ids.size();
}

std::uint32_t checksum(const std::vector<std::int32_t>& ids) {
    std::vector<unsigned char> bytes;
    bytes.reserve(ids.size() * 4);
    for (const std::int32_t id : ids) {
        for (unsigned shift = 0; shift < 32; shift += 8) {
            bytes.push_back(static_cast<unsigned char>(static_cast<std::uint32_t>(id) >> shift));
        }
    }
    return static_cast<std::uint32_t>(crc32_z(0, bytes.data(), bytes.size()));
}

Status run(const Settings& settings) {
    finewatt::TokenizerOptions options;
    options.lowercase = !settings.cased;
    FINEWATT_ASSIGN(const WordPieceTokenizer tokenizer,
                    WordPieceTokenizer::from_vocab_file(settings.vocab, options));
    FINEWATT_ASSIGN(const std::string content, finewatt::read_file(settings.texts));
    const std::vector<std::string_view> texts = split_lines(content);
    Encoding flat;
    // The pass that is not timed touches the memory and gives the checksum.
    Settings warm = settings;
    warm.one_by_one = false;
    FINEWATT_ASSIGN(const std::size_t tokens, encode_all(tokenizer, warm, texts, flat));
    const std::uint32_t ids_crc32 = checksum(flat.ids);

    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < settings.passes; ++i) {
        FINEWATT_TRY(encode_all(tokenizer, settings, texts, flat));
    }
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
    const double pass_s = wall.count() / settings.passes;
    fmt::print(
        R"({{"texts":{},"tokens":{},"bytes":{},"wall_s":{},"texts_per_s":{:.0f},"ids_crc32":{}}})"
        "\n",
        texts.size(), tokens, content.size(), pass_s, static_cast<double>(texts.size()) / pass_s,
        ids_crc32);
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    Settings settings;
    CLI::App app("Tokenize the lines of a file on one core, and say how fast.");
    app.add_option("vocab", settings.vocab, "a vocab.txt")->required();
    app.add_option("texts", settings.texts, "a file with one text a line")->required();
    app.add_option("--passes", settings.passes, "timed passes over the file; default 1")
        ->check(CLI::PositiveNumber);
    app.add_flag("--cased", settings.cased, "keep case and accents");
    app.add_flag("--offsets", settings.with_offsets, "find the offsets too");
    app.add_flag("--one-by-one", settings.one_by_one, "an Encoding for each text, no flat arrays");
    CLI11_PARSE(app, argc, argv);
    const Status status = run(settings);
    if (!status) {
        fmt::print(stderr, "error: {}\n", status.error().describe());
        return 1;
    }
    return 0;
}
