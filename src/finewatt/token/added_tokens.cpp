#include "finewatt/base/check.h"
#include "finewatt/base/utf8.h"
#include "finewatt/token/added_tokens_internal.h"

#include <algorithm>
#include <utility>

namespace finewatt::token {
namespace {

/// Return where the white space at the end of `text` begins.
std::size_t trailing_space_begin(std::string_view text) {
    std::size_t begin = text.size();
    std::size_t at = begin;
    while (at > 0) {
        --at;
        const DecodedCodePoint step = decode_utf8_front(text.substr(at));
        if (step.length == 0) {
            continue;  // inside a character
        }
        if (!is_white_space(step.code_point)) {
            break;
        }
        begin = at;
    }
    return begin;
}

/// Return the length of the white space that `text` begins with.
std::size_t leading_space_length(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const DecodedCodePoint step = decode_utf8_front(text.substr(at));
        if (!is_white_space(step.code_point)) {
            break;
        }
        at += step.length;
    }
    return at;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<Pattern> patterns) : patterns_(std::move(patterns)) {
    std::stable_sort(patterns_.begin(), patterns_.end(), [](const Pattern& a, const Pattern& b) {
        return a.text.size() > b.text.size();
    });
    for (const Pattern& pattern : patterns_) {
        FINEWATT_CHECK(!pattern.text.empty(), "an empty pattern would be found everywhere");
        bool& is_known = is_first_byte_[static_cast<unsigned char>(pattern.text.front())];
        if (!is_known) {
            first_bytes_.push_back(pattern.text.front());
        }
        is_known = true;
    }
}

const AddedTokens::Pattern* AddedTokens::longest_at(std::string_view text) const {
    if (!is_first_byte_[static_cast<unsigned char>(text.front())]) {
        return nullptr;
    }
    for (const Pattern& pattern : patterns_) {
        if (text.substr(0, pattern.text.size()) == pattern.text) {
            return &pattern;
        }
    }
    return nullptr;
}

bool AddedTokens::may_be_in(std::string_view text) const {
    if (first_bytes_.size() == 1) {
        return text.find(first_bytes_.front()) != std::string_view::npos;
    }
    return std::any_of(text.begin(), text.end(),
                       [&](char c) { return is_first_byte_[static_cast<unsigned char>(c)]; });
}

void AddedTokens::cut(std::string_view text, std::vector<TextPiece>& out) const {
    std::size_t plain_begin = 0;
    std::size_t at = 0;
    while (at < text.size()) {
        const Pattern* found = longest_at(text.substr(at));
        if (found == nullptr) {
            ++at;
            continue;
        }
        std::size_t begin = at;
        std::size_t end = at + found->text.size();
        at = end;
        if (found->token.lstrip) {
            begin = std::max(trailing_space_begin(text.substr(0, begin)), plain_begin);
        }
        if (found->token.rstrip) {
            end += leading_space_length(text.substr(end));
        }
        if (plain_begin < begin) {
            out.push_back({{plain_begin, begin}, std::nullopt});
        }
        out.push_back({{begin, end}, found->token.id});
        plain_begin = end;
    }
    if (plain_begin < text.size()) {
        out.push_back({{plain_begin, text.size()}, std::nullopt});
    }
}

}  // namespace finewatt::token
