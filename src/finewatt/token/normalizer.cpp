#include "finewatt/base/utf8.h"
#include "finewatt/token/char_table_internal.h"
#include "finewatt/token/normalizer_internal.h"

#include <algorithm>

namespace finewatt::token {
namespace {

bool has(char32_t c, std::uint8_t flag) {
    return (char_properties(c).flags & flag) != 0;
}

}  // namespace

void NormalizedText::push_back(char32_t c, std::uint32_t index) {
    append_utf8(bytes, c);
    source.resize(bytes.size(), index);
}

/// Neighbouring characters without ASCII or space between them: what canonical reordering of
/// combining marks may mix.
class Normalizer::MarkRun {
  public:
    /// Add the canonical decomposition of a character.
    void add(char32_t c, std::uint32_t index) {
        sources_.push_back(index);
        bool is_first = true;
        const auto add_part = [&](char32_t part) {
            parts_.push_back({part, char_properties(part).combining_rank, is_first});
            is_first = false;
        };
        if (is_hangul_syllable(c)) {
            const HangulJamo jamo = decompose_hangul(c);
            add_part(jamo.leading);
            add_part(jamo.vowel);
            if (jamo.trailing != 0) {
                add_part(jamo.trailing);
            }
        } else if (has(c, kCharDecomposes)) {
            for (const char32_t part : canonical_decomposition(c)) {
                add_part(part);
            }
        } else {
            add_part(c);
        }
    }

    /// Order the marks, drop the non-spacing ones, hand the rest to `push` and become empty.
    ///
    /// The reference reorders the parts together with the note whether a part stands for a new
    /// original character, and only then counts. So after reordering the k-th such part belongs
    /// to the k-th character, whichever character it came from.
    template <class Push>
    void flush(const Push& push) {
        sort_marks();
        std::size_t characters = 0;
        for (const Part& part : parts_) {
            characters += part.is_first ? 1U : 0U;
            if (!has(part.c, kCharMark)) {
                push(part.c, sources_[characters == 0 ? 0 : characters - 1]);
            }
        }
        parts_.clear();
        sources_.clear();
    }

    bool is_empty() const { return parts_.empty(); }

  private:
    struct Part {
        char32_t c;
        std::uint8_t rank;  ///< 0 = a starter, which marks do not cross
        bool is_first;      ///< the first part of an original character
    };

    void sort_marks() {
        auto begin = parts_.begin();
        while (begin != parts_.end()) {
            if (begin->rank == 0) {
                ++begin;
                continue;
            }
            const auto end =
                std::find_if(begin, parts_.end(), [](const Part& part) { return part.rank == 0; });
            std::stable_sort(begin, end,
                             [](const Part& a, const Part& b) { return a.rank < b.rank; });
            begin = end;
        }
    }

    std::vector<Part> parts_;
    std::vector<std::uint32_t> sources_;
};

Normalizer::Normalizer(const TokenizerOptions& options)
    : lowercase_(options.lowercase),
      strip_accents_(options.strip_accents.value_or(options.lowercase)),
      handle_chinese_chars_(options.handle_chinese_chars),
      ascii_{} {
    for (std::size_t i = 0; i < ascii_.size(); ++i) {
        const auto c = static_cast<char32_t>(i);
        char32_t to = c;
        if (has(c, kCharRemoved)) {
            to = 0;
        } else if (has(c, kCharWhitespace)) {
            to = U' ';
        } else if (lowercase_ && has(c, kCharLowers)) {
            to = lower_case(c).front();
        }
        ascii_[i] = static_cast<char>(to);
    }
}

std::uint32_t Normalizer::append(std::string_view text, std::uint32_t first_index,
                                 NormalizedText& out) const {
    MarkRun run;
    const auto push = [&](char32_t c, std::uint32_t at) { push_cased(c, at, out); };
    std::uint32_t index = first_index;
    std::size_t at = 0;
    for (; at < text.size(); ++index) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte >= ascii_.size()) {
            const DecodedCodePoint step = decode_utf8_front(text.substr(at));
            append_non_ascii(step.code_point, index, run, out);
            at += step.length;
            continue;
        }
        ++at;
        const char to = ascii_[byte];
        if (to == 0) {
            continue;  // a dropped character does not end a run: cleaning comes before ordering
        }
        if (!run.is_empty()) {
            run.flush(push);
        }
        out.bytes.push_back(to);
        out.source.push_back(index);
    }
    run.flush(push);
    return index;
}

void Normalizer::append_non_ascii(char32_t c, std::uint32_t index, MarkRun& run,
                                  NormalizedText& out) const {
    const auto push = [&](char32_t part, std::uint32_t at) { push_cased(part, at, out); };
    const std::uint8_t flags = char_properties(c).flags;
    if ((flags & kCharRemoved) != 0) {
        return;
    }
    if ((flags & kCharWhitespace) != 0) {
        run.flush(push);
        out.push_back(U' ', index);
        return;
    }
    const bool is_spaced_out = handle_chinese_chars_ && (flags & kCharChinese) != 0;
    if (is_spaced_out) {
        run.flush(push);
        out.push_back(U' ', index);
    }
    // A character that is nothing but itself, between spaces, needs no run of its own.
    const bool is_alone = is_spaced_out && (flags & (kCharDecomposes | kCharMark)) == 0;
    if (strip_accents_ && !is_alone) {
        run.add(c, index);
    } else {
        push_cased(c, index, out);
    }
    if (is_spaced_out) {
        run.flush(push);
        out.push_back(U' ', index);
    }
}

void Normalizer::push_cased(char32_t c, std::uint32_t index, NormalizedText& out) const {
    if (!lowercase_ || !has(c, kCharLowers)) {
        out.push_back(c, index);
        return;
    }
    for (const char32_t lower : lower_case(c)) {
        out.push_back(lower, index);
    }
}

void split_words(std::string_view normalized, ByteSpan range, std::vector<ByteSpan>& words) {
    std::size_t word_begin = range.begin;
    const auto end_word = [&](std::size_t at) {
        if (at > word_begin) {
            words.push_back({word_begin, at});
        }
    };
    std::size_t at = range.begin;
    while (at < range.end) {
        const auto byte = static_cast<unsigned char>(normalized[at]);
        const DecodedCodePoint step =
            byte < 0x80 ? DecodedCodePoint{byte, 1} : decode_utf8_front(normalized.substr(at));
        const std::size_t next = at + step.length;
        if (byte == ' ') {
            end_word(at);
            word_begin = next;
        } else if (has(step.code_point, kCharPunctuation)) {
            end_word(at);
            words.push_back({at, next});
            word_begin = next;
        }
        at = next;
    }
    end_word(range.end);
}

std::uint32_t count_code_points(std::string_view text) {
    const auto is_lead = [](char byte) {
        return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80;
    };
    return static_cast<std::uint32_t>(std::count_if(text.begin(), text.end(), is_lead));
}

bool is_white_space(char32_t c) {
    // Line tabulation, form feed and next line are dropped when a text is cleaned, so the table
    // does not call them white space. The Unicode property does.
    return has(c, kCharWhitespace) || c == 0x0B || c == 0x0C || c == 0x85;
}

}  // namespace finewatt::token
