// The tokenizer against answers of the reference that are committed (testdata/, made by
// generate/make_golden.py), and against the shared golden file where it is at hand.
#include "finewatt/base/file.h"
#include "finewatt/base/utf8.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/shared_data.h"
#include "finewatt/token/normalizer_internal.h"
#include "finewatt/token/token_test_support_internal.h"

#include <nlohmann/json.hpp>
#include <zlib.h>

#include <sstream>

namespace finewatt::token {
namespace {

using nlohmann::json;

constexpr char32_t kBlock = 256;

/// The contexts of make_golden.py, as what stands before and after a code point.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kContexts = {
    {{"", ""}, {"a", "b"}, {"e\u0316\u0301", "\u0323x"}}};

/// Every code point of a block in every context, parted by spaces.
std::string block_text(char32_t first) {
    std::string text;
    for (const auto& [before, after] : kContexts) {
        for (char32_t c = first; c < first + kBlock; ++c) {
            if (c >= 0xD800 && c < 0xE000) {
                continue;
            }
            text += text.empty() ? "" : " ";
            text += before;
            append_utf8(text, c);
            text += after;
        }
    }
    return text;
}

/// Add three little-endian numbers to a CRC-32.
std::uint32_t add_to_checksum(std::uint32_t checksum, const std::array<std::uint32_t, 3>& numbers) {
    std::array<unsigned char, 12> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<unsigned char>(numbers[i / 4] >> (8 * (i % 4)));
    }
    return static_cast<std::uint32_t>(crc32(checksum, bytes.data(), bytes.size()));
}

/// The CRC-32 that block_checksum() of make_golden.py describes: here from the words themselves,
/// since with every character as a piece, pieces are characters.
std::uint32_t block_checksum(const Normalizer& normalizer, char32_t first) {
    NormalizedText normalized;
    normalizer.append(block_text(first), 0, normalized);
    const std::string_view bytes = normalized.bytes;
    std::vector<ByteSpan> words;
    split_words(bytes, {0, bytes.size()}, words);
    std::uint32_t checksum = 0;
    for (const ByteSpan& word : words) {
        std::size_t at = word.begin;
        while (at < word.end) {
            const auto [c, length] = decode_utf8_front(bytes.substr(at));
            const bool is_in_block = c >= first && c < first + kBlock;
            const std::uint32_t value =
                (is_in_block ? c - first + 0x220000 : c) + (at == word.begin ? 0 : 0x110000);
            checksum = add_to_checksum(
                checksum, {value, normalized.source[at], normalized.source[at + length - 1] + 1});
            at += length;
        }
    }
    return checksum;
}

/// From one block to the next. Under AddressSanitizer, where all of them take minutes, only the
/// first and last of those that are alike.
char32_t block_step(char32_t begin, char32_t end) {
#ifdef __SANITIZE_ADDRESS__
    return std::max<char32_t>(1, end - begin);
#else
    static_cast<void>(begin);
    static_cast<void>(end);
    return 1;
#endif
}

TEST(TokenizerGolden, EveryCodePointIsTreatedAsTheReferenceTreatsIt) {
    ASSERT_OK_AND_ASSIGN(const std::string text, read_file(testdata("golden_sweep.txt")));
    std::istringstream in(text);
    std::string line;
    char32_t next_block = 0;
    while (std::getline(in, line)) {
        if (line.front() == '#') {
            continue;
        }
        std::istringstream fields(line);
        std::uint32_t begin = 0;
        std::uint32_t end = 0;
        fields >> std::hex >> begin >> end;
        ASSERT_EQ(begin, next_block) << "blocks follow each other";
        next_block = end + 1;
        for (const GoldenSetting& setting : golden_settings()) {
            std::uint32_t want = 0;
            ASSERT_TRUE(fields >> std::hex >> want) << line;
            const Normalizer normalizer(setting.options);
            for (char32_t block = begin; block <= end; block += block_step(begin, end)) {
                ASSERT_EQ(block_checksum(normalizer, block * kBlock), want)
                    << "a code point from " << std::hex << block * kBlock << " on, setting "
                    << setting.name;
            }
        }
    }
    EXPECT_EQ(next_block, 0x110000 / kBlock);
}

TEST(TokenizerGolden, TextsGiveTheReferencesIdsTypesAndOffsets) {
    ASSERT_OK_AND_ASSIGN(const std::string text, read_file(testdata("golden_texts.jsonl")));
    std::istringstream in(text);
    std::string line;
    int rows = 0;
    for (const GoldenSetting& setting : golden_settings()) {
        ASSERT_OK_AND_ASSIGN(const auto tokenizer, WordPieceTokenizer::from_vocab_file(
                                                       testdata("vocab.txt"), setting.options));
        in.clear();
        in.seekg(0);
        while (std::getline(in, line)) {
            const json row = json::parse(line);
            if (row["setting"] != setting.name) {
                continue;
            }
            EncodeOptions options;
            options.add_special_tokens = row["special"].get<bool>();
            if (!row["max_length"].is_null()) {
                options.max_length = row["max_length"].get<std::int32_t>();
            }
            const auto first = row["text"].get<std::string>();
            const auto got =
                row.contains("pair")
                    ? tokenizer.encode_pair(first, row["pair"].get<std::string>(), options)
                    : tokenizer.encode(first, options);
            ASSERT_OK(got);
            EXPECT_EQ(json(got->ids), row["ids"]) << line;
            EXPECT_EQ(json(got->type_ids), row["type_ids"]) << line;
            EXPECT_EQ(json(got->offsets), row["offsets"]) << line;
            ++rows;
        }
    }
    EXPECT_EQ(rows, 681) << "every row belongs to a setting";
}

std::string read_gzip(const std::filesystem::path& path) {
    std::string text;
    gzFile file = gzopen(path.c_str(), "rb");
    std::array<char, 65536> buffer{};
    int n = 0;
    while (file != nullptr && (n = gzread(file, buffer.data(), buffer.size())) > 0) {
        text.append(buffer.data(), static_cast<std::size_t>(n));
    }
    if (file != nullptr) {
        gzclose(file);
    }
    return text;
}

void expect_shared_golden(const std::filesystem::path& vocab, const std::filesystem::path& golden,
                          const TokenizerOptions& options, const char* key,
                          std::int32_t vocabulary_size) {
    ASSERT_OK_AND_ASSIGN(const auto tokenizer, WordPieceTokenizer::from_vocab_file(vocab, options));
    EXPECT_EQ(tokenizer.vocabulary_size(), vocabulary_size);
    std::istringstream in(read_gzip(golden));
    std::string line;
    int rows = 0;
    while (std::getline(in, line)) {
        const json row = json::parse(line);
        const auto got = tokenizer.encode(row["text"].get<std::string>(), plain());
        ASSERT_OK(got);
        EXPECT_EQ(json(got->ids), row[key]) << row["text"];
        ++rows;
    }
    EXPECT_EQ(rows, 400);
}

TEST(TokenizerGolden, BertUncasedGivesTheSharedIds) {
    FINEWATT_SHARED_OR_SKIP(vocab, "data/vocab/bert-base-uncased-vocab.txt");
    FINEWATT_SHARED_OR_SKIP(golden, "data/vocab/tokenizer_golden_400.jsonl.gz");
    expect_shared_golden(vocab, golden, {true, std::nullopt, true}, "uncased", 30522);
}

TEST(TokenizerGolden, BertCasedGivesTheSharedIds) {
    FINEWATT_SHARED_OR_SKIP(vocab, "data/vocab/bert-base-cased-vocab.txt");
    FINEWATT_SHARED_OR_SKIP(golden, "data/vocab/tokenizer_golden_400.jsonl.gz");
    expect_shared_golden(vocab, golden, {false, std::nullopt, true}, "cased", 28996);
}

}  // namespace
}  // namespace finewatt::token
