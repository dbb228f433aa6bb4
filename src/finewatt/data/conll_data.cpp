#include "finewatt/data/conll_data.h"

#include "finewatt/data/text_file_internal.h"

#include <optional>
#include <string_view>
#include <utility>

namespace finewatt {
namespace {

// Columns of CoNLL-2012 files (conll.cemantix.org/2012/data.html), counted from 0.
constexpr std::size_t kWordColumn2012 = 3;
constexpr std::size_t kEntityColumn2012 = 10;

std::vector<std::string_view> split_columns(std::string_view line) {
    const std::string_view dividers = line.find('\t') == std::string_view::npos ? " " : "\t";
    std::vector<std::string_view> columns;
    std::size_t begin = line.find_first_not_of(dividers);
    while (begin != std::string_view::npos) {
        const std::size_t end = line.find_first_of(dividers, begin);
        columns.push_back(line.substr(begin, end - begin));
        begin = end == std::string_view::npos ? end : line.find_first_not_of(dividers, end);
    }
    return columns;
}

/// How to read a file's lines.
struct Layout {
    bool is_2012 = false;
    bool has_tags = true;
    std::size_t columns = 0;
    std::size_t word = 0;
};

Result<Layout> find_layout(const std::vector<std::string_view>& first, bool is_2012,
                           LabelRule label_rule) {
    Layout layout;
    layout.is_2012 = is_2012;
    layout.columns = first.size();
    if (is_2012) {
        if (first.size() <= kEntityColumn2012) {
            return FINEWATT_ERROR(kCorrupt, "expected at least {} columns, found {}",
                                  kEntityColumn2012 + 1, first.size());
        }
        layout.word = kWordColumn2012;
        return layout;
    }
    layout.has_tags = first.size() >= 2;
    if (!layout.has_tags && label_rule == LabelRule::kRequired) {
        return FINEWATT_ERROR(kCorrupt, "expected a word and its tag, found {} column(s)",
                              first.size());
    }
    layout.word = first.size() == 3 && first[0] == "0" ? 1 : 0;
    return layout;
}

/// Entities in brackets: "(PER*" opens, "*)" closes, "(GPE)" is one word.
class BracketReader {
  public:
    Result<std::string> tag_of(std::string_view cell) {
        const bool opens = cell.starts_with('(');
        const bool closes = cell.ends_with(')');
        std::string_view type = cell;
        type.remove_prefix(opens ? 1 : 0);
        type.remove_suffix(closes ? 1 : 0);
        if (type.ends_with('*')) {
            type.remove_suffix(1);
        }
        if (type.find_first_of("()*") != std::string_view::npos || opens == type.empty() ||
            (opens && open_) || (!opens && closes && !open_)) {
            return FINEWATT_ERROR(kCorrupt,
                                  "expected an entity as (TYPE), (TYPE*, * or *), found '{}'{}",
                                  cell, open_ ? " inside " + *open_ : std::string());
        }
        if (!opens && !open_) {
            return std::string("O");
        }
        std::string tag = (opens ? "B-" : "I-") + (opens ? std::string(type) : *open_);
        if (opens && !closes) {
            open_ = std::string(type);
        } else if (closes) {
            open_.reset();
        }
        return tag;
    }

    const std::optional<std::string>& open() const { return open_; }

  private:
    std::optional<std::string> open_;
};

/// Reads lines into sentences.
class ConllReader {
  public:
    explicit ConllReader(LabelRule label_rule) : label_rule_(label_rule) {}

    Status add_line(std::string_view line) {
        ++line_number_;
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        if (line.starts_with("#begin document")) {
            is_2012_ = true;
            return {};
        }
        if (line.starts_with("#end document") || line.starts_with("-DOCSTART-")) {
            return end_sentence();
        }
        const std::vector<std::string_view> columns = split_columns(line);
        if (columns.empty()) {
            return end_sentence();
        }
        if (!layout_) {
            FINEWATT_ASSIGN(layout_, find_layout(columns, is_2012_, label_rule_));
        }
        return add_word(columns);
    }

    Status end_sentence() {
        if (brackets_.open()) {
            return FINEWATT_ERROR(kCorrupt, "expected *) before the sentence ends: {} is open",
                                  *brackets_.open());
        }
        if (!sentence_.words.empty()) {
            if (!layout_->is_2012 && layout_->has_tags) {
                sentence_.tags = to_iob2(sentence_.tags);
            }
            sentences_.push_back(std::exchange(sentence_, {}));
        }
        return {};
    }

    std::vector<TaggedSentence> take() { return std::move(sentences_); }

  private:
    Status add_word(const std::vector<std::string_view>& columns) {
        if (layout_->is_2012 ? columns.size() <= kEntityColumn2012
                             : columns.size() != layout_->columns) {
            return FINEWATT_ERROR(kCorrupt, "expected {} columns as in the first line, found {}",
                                  layout_->columns, columns.size());
        }
        if (sentence_.words.empty()) {
            sentence_.line = line_number_;
        }
        sentence_.words.emplace_back(columns[layout_->word]);
        if (!layout_->has_tags) {
            return {};
        }
        if (layout_->is_2012) {
            FINEWATT_ASSIGN(std::string tag, brackets_.tag_of(columns[kEntityColumn2012]));
            sentence_.tags.push_back(std::move(tag));
        } else if (!is_entity_tag(columns.back())) {
            return FINEWATT_ERROR(kCorrupt,
                                  "expected a tag O or B-, I-, E-, S-, L- or U- with a type, found "
                                  "'{}'",
                                  columns.back());
        } else {
            sentence_.tags.emplace_back(columns.back());
        }
        return {};
    }

    LabelRule label_rule_;
    std::size_t line_number_ = 0;
    bool is_2012_ = false;
    std::optional<Layout> layout_{};
    BracketReader brackets_{};
    TaggedSentence sentence_{};
    std::vector<TaggedSentence> sentences_{};
};

Result<std::vector<TaggedSentence>> read(const std::filesystem::path& file, LabelRule label_rule) {
    FINEWATT_ASSIGN(const std::string text, read_text_file(file));
    ConllReader reader(label_rule);
    std::string_view rest = text;
    for (std::size_t number = 1; !rest.empty(); ++number) {
        const std::size_t end = rest.find('\n');
        FINEWATT_TRY_CONTEXT(reader.add_line(rest.substr(0, end)), "line {}", number);
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
    FINEWATT_TRY_CONTEXT(reader.end_sentence(), "the last line");
    std::vector<TaggedSentence> sentences = reader.take();
    if (sentences.empty()) {
        return FINEWATT_ERROR(kCorrupt, "expected tagged words, found none");
    }
    return sentences;
}

}  // namespace

bool is_entity_tag(std::string_view tag) {
    constexpr std::string_view kPrefixes = "BIESLU";
    return tag == "O" ||
           (tag.size() > 2 && tag[1] == '-' && kPrefixes.find(tag[0]) != std::string_view::npos);
}

Result<std::vector<TaggedSentence>> read_conll(const std::filesystem::path& file,
                                               LabelRule label_rule) {
    Result<std::vector<TaggedSentence>> sentences = read(file, label_rule);
    if (!sentences) {
        return Error(std::move(sentences).error()).with_context(file.string());
    }
    return sentences;
}

std::vector<std::string> to_iob2(const std::vector<std::string>& tags) {
    std::vector<std::string> iob2;
    std::string_view open;  // type of the entity that the last tag belongs to
    bool has_ended = true;
    for (const std::string& tag : tags) {
        if (tag.size() < 3) {
            iob2.emplace_back("O");
            has_ended = true;
            continue;
        }
        const char prefix = tag[0];
        const std::string_view type = std::string_view(tag).substr(2);
        const bool begins =
            prefix == 'B' || prefix == 'S' || prefix == 'U' || has_ended || type != open;
        iob2.push_back((begins ? "B-" : "I-") + std::string(type));
        open = type;
        has_ended = prefix == 'E' || prefix == 'L' || prefix == 'S' || prefix == 'U';
    }
    return iob2;
}

}  // namespace finewatt
