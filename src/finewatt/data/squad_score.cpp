#include "finewatt/data/squad_score.h"

#include "finewatt/base/utf8.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

namespace finewatt {
namespace {

/// Python's str.isalnum() or '_': what \w stands for in its regular expressions.
bool is_word(char32_t c) {
    if (c == U'_') {
        return true;
    }
    switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
        case UTF8PROC_CATEGORY_LU:
        case UTF8PROC_CATEGORY_LL:
        case UTF8PROC_CATEGORY_LT:
        case UTF8PROC_CATEGORY_LM:
        case UTF8PROC_CATEGORY_LO:
        case UTF8PROC_CATEGORY_ND:
        case UTF8PROC_CATEGORY_NL:
        case UTF8PROC_CATEGORY_NO:
            return true;
        default:
            return false;
    }
}

/// Python's str.isspace(): bidirectional class WS, B or S, or category Zs.
bool is_space(char32_t c) {
    return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_ascii_punctuation(char32_t c) {
    return (c >= U'!' && c <= U'/') || (c >= U':' && c <= U'@') || (c >= U'[' && c <= U'`') ||
           (c >= U'{' && c <= U'~');
}

bool is_cased(char32_t c) {
    const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
    return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
           category == UTF8PROC_CATEGORY_LT;
}

/// Python's str.lower(): simple mappings, but two characters for U+0130, and a final sigma at the
/// end of a word (Unicode 15, SpecialCasing.txt).
std::u32string lower(const std::u32string& text) {
    std::u32string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char32_t c = text[i];
        if (c == 0x130) {
            out += {U'i', char32_t{0x307}};
        } else if (c == 0x3A3) {
            const bool is_after_letter = i > 0 && is_cased(text[i - 1]);
            const bool is_before_letter = i + 1 < text.size() && is_cased(text[i + 1]);
            out += is_after_letter && !is_before_letter ? char32_t{0x3C2} : char32_t{0x3C3};
        } else {
            out += static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
        }
    }
    return out;
}

/// Replace the whole words a, an and the by a space (\b(a|an|the)\b).
std::u32string without_articles(const std::u32string& text) {
    std::u32string out;
    std::size_t i = 0;
    while (i < text.size()) {
        if (!is_word(text[i])) {
            out += text[i++];
            continue;
        }
        std::size_t end = i;
        while (end < text.size() && is_word(text[end])) {
            ++end;
        }
        const std::u32string word = text.substr(i, end - i);
        const bool is_article = word == U"a" || word == U"an" || word == U"the";
        out += is_article ? U" " : word;
        i = end;
    }
    return out;
}

std::u32string normalise(std::string_view answer) {
    Result<std::u32string> decoded = decode_utf8(answer);
    if (!decoded) {
        return {};  // text out of a JSON parser is valid UTF-8
    }
    std::u32string text = lower(*decoded);
    text.erase(std::remove_if(text.begin(), text.end(), is_ascii_punctuation), text.end());
    return without_articles(text);
}

using Words = std::vector<std::u32string>;

Words split(const std::u32string& text) {
    Words words;
    std::u32string word;
    for (const char32_t c : text) {
        if (!is_space(c)) {
            word += c;
        } else if (!word.empty()) {
            words.push_back(std::move(word));
            word.clear();
        }
    }
    if (!word.empty()) {
        words.push_back(std::move(word));
    }
    return words;
}

/// Number of words that both have, counted as often as both have them.
std::size_t shared_words(const Words& a, const Words& b) {
    std::map<std::u32string, std::size_t> left;
    for (const auto& word : a) {
        ++left[word];
    }
    std::size_t shared = 0;
    for (const auto& word : b) {
        const auto it = left.find(word);
        if (it != left.end() && it->second > 0) {
            --it->second;
            ++shared;
        }
    }
    return shared;
}

struct AnswerScore {
    double exact = 0;
    double f1 = 0;
};

AnswerScore score_answer(const Words& predicted, const Words& reference, bool is_v2) {
    AnswerScore score;
    score.exact = predicted == reference ? 1 : 0;
    if (is_v2 && (predicted.empty() || reference.empty())) {
        score.f1 = score.exact;
        return score;
    }
    const auto shared = static_cast<double>(shared_words(predicted, reference));
    if (shared > 0) {
        const double precision = shared / static_cast<double>(predicted.size());
        const double recall = shared / static_cast<double>(reference.size());
        score.f1 = 2 * precision * recall / (precision + recall);
    }
    return score;
}

AnswerScore best_score(const Words& predicted, const std::vector<Words>& references, bool is_v2) {
    AnswerScore best;
    for (const Words& reference : references) {
        const AnswerScore score = score_answer(predicted, reference, is_v2);
        best.exact = std::max(best.exact, score.exact);
        best.f1 = std::max(best.f1, score.f1);
    }
    return best;
}

std::vector<Words> references_of(const SquadExample& example) {
    std::vector<Words> references;
    for (const SquadAnswer& answer : example.answers) {
        references.push_back(split(normalise(answer.text)));
    }
    return references;
}

/// What v2.0 keeps of one scored question.
struct ScoredQuestion {
    AnswerScore score;
    bool has_answer = false;
    bool is_predicted_empty = false;
};

/// In the order of the data.
struct ScoredQuestions {
    std::vector<ScoredQuestion> all;
    std::unordered_map<std::string, std::size_t> by_id;
    std::size_t without_answer = 0;  ///< among all questions of the data, scored or not
};

Result<ScoredQuestions> score_questions(const SquadData& data,
                                        const SquadPredictions& predictions) {
    ScoredQuestions scored;
    for (const SquadExample& example : data.examples) {
        scored.without_answer += example.answers.empty() ? 1U : 0U;
        const auto predicted = predictions.find(example.id);
        if (predicted == predictions.end()) {
            continue;
        }
        // References of nothing but articles and punctuation do not count; none left means "".
        std::vector<Words> references = references_of(example);
        references.erase(std::remove_if(references.begin(), references.end(),
                                        [](const Words& words) { return words.empty(); }),
                         references.end());
        if (references.empty()) {
            references.emplace_back();
        }
        ScoredQuestion question;
        question.score = best_score(split(normalise(predicted->second)), references, true);
        question.has_answer = !example.answers.empty();
        question.is_predicted_empty = predicted->second.empty();
        scored.by_id.emplace(example.id, scored.all.size());
        scored.all.push_back(question);
    }
    if (scored.all.empty()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "expected predictions for the data's questions, found none; the ids "
                              "are those of another file");
    }
    return scored;
}

void add_means(const ScoredQuestions& scored, const std::string& prefix,
               std::optional<bool> has_answer, NamedScores& scores) {
    AnswerScore sum;
    double total = 0;
    for (const ScoredQuestion& question : scored.all) {
        if (!has_answer || *has_answer == question.has_answer) {
            sum.exact += question.score.exact;
            sum.f1 += question.score.f1;
            total += 1;
        }
    }
    if (total == 0) {
        return;
    }
    scores.emplace_back(prefix + "exact", 100.0 * sum.exact / total);
    scores.emplace_back(prefix + "f1", 100.0 * sum.f1 / total);
    scores.emplace_back(prefix + "total", total);
}

/// Every scored question needs one no-answer value.
Status check_complete(const ScoredQuestions& scored, const SquadNoAnswerScores& no_answer) {
    std::vector<bool> is_known(scored.all.size());
    for (const auto& [id, value] : no_answer) {
        const auto it = scored.by_id.find(id);
        if (it == scored.by_id.end()) {
            continue;
        }
        if (is_known[it->second]) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "question '{}': expected one no-answer value, found two", id);
        }
        is_known[it->second] = true;
    }
    const auto known = std::count(is_known.begin(), is_known.end(), true);
    if (static_cast<std::size_t>(known) < scored.all.size()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "expected a no-answer value for each of the {} predictions, found {}",
                              scored.all.size(), known);
    }
    return {};
}

/// Score the questions above the threshold as if "" had been their answer
/// (apply_no_ans_threshold).
void answer_nothing_above(double threshold, const SquadNoAnswerScores& no_answer,
                          ScoredQuestions& scored) {
    for (const auto& [id, value] : no_answer) {
        const auto it = scored.by_id.find(id);
        if (it != scored.by_id.end() && value > threshold) {
            ScoredQuestion& question = scored.all[it->second];
            question.score.exact = question.has_answer ? 0 : 1;
            question.score.f1 = question.score.exact;
        }
    }
}

/// Walk through the questions by rising probability of "no answer" and keep the best cut
/// (find_best_thresh).
BestThreshold best_threshold(const ScoredQuestions& scored, SquadNoAnswerScores no_answer,
                             double AnswerScore::*figure) {
    std::stable_sort(no_answer.begin(), no_answer.end(),
                     [](const auto& a, const auto& b) { return a.second < b.second; });
    auto current = static_cast<double>(scored.without_answer);
    BestThreshold best{current, std::nullopt};
    for (const auto& [id, probability] : no_answer) {
        const auto it = scored.by_id.find(id);
        if (it == scored.by_id.end()) {
            continue;
        }
        const ScoredQuestion& question = scored.all[it->second];
        if (question.has_answer) {
            current += question.score.*figure;
        } else if (!question.is_predicted_empty) {
            current -= 1;
        }
        if (current > best.score) {
            best = {current, probability};
        }
    }
    best.score = 100.0 * best.score / static_cast<double>(scored.all.size());
    return best;
}

NoAnswerThresholds best_thresholds(const ScoredQuestions& scored,
                                   const SquadNoAnswerScores& no_answer) {
    return {best_threshold(scored, no_answer, &AnswerScore::exact),
            best_threshold(scored, no_answer, &AnswerScore::f1)};
}

}  // namespace

std::string normalise_answer(std::string_view answer) {
    std::string out;
    for (const std::u32string& word : split(normalise(answer))) {
        if (!out.empty()) {
            out += ' ';
        }
        for (const char32_t c : word) {
            append_utf8(out, c);
        }
    }
    return out;
}

NamedScores score_squad_v1(const SquadData& data, const SquadPredictions& predictions) {
    AnswerScore sum;
    for (const SquadExample& example : data.examples) {
        const auto predicted = predictions.find(example.id);
        if (predicted != predictions.end()) {
            const AnswerScore score =
                best_score(split(normalise(predicted->second)), references_of(example), false);
            sum.exact += score.exact;
            sum.f1 += score.f1;
        }
    }
    const auto total = static_cast<double>(data.examples.size());
    return {{"exact_match", 100.0 * sum.exact / total}, {"f1", 100.0 * sum.f1 / total}};
}

Result<NamedScores> score_squad_v2(const SquadData& data, const SquadPredictions& predictions,
                                   const std::optional<SquadNoAnswerScores>& no_answer,
                                   double threshold) {
    FINEWATT_ASSIGN(const ScoredQuestions scored, score_questions(data, predictions));
    ScoredQuestions cut = scored;
    if (no_answer) {
        FINEWATT_TRY(check_complete(scored, *no_answer));
        answer_nothing_above(threshold, *no_answer, cut);
    }
    NamedScores scores;
    add_means(cut, "", std::nullopt, scores);
    add_means(cut, "HasAns_", true, scores);
    add_means(cut, "NoAns_", false, scores);
    if (no_answer) {
        const NoAnswerThresholds best = best_thresholds(scored, *no_answer);
        scores.emplace_back("best_exact", best.exact.score);
        scores.emplace_back("best_exact_thresh", best.exact.threshold.value_or(0));
        scores.emplace_back("best_f1", best.f1.score);
        scores.emplace_back("best_f1_thresh", best.f1.threshold.value_or(0));
    }
    return scores;
}

Result<NoAnswerThresholds> search_no_answer_thresholds(const SquadData& data,
                                                       const SquadPredictions& predictions,
                                                       const SquadNoAnswerScores& no_answer) {
    FINEWATT_ASSIGN(const ScoredQuestions scored, score_questions(data, predictions));
    FINEWATT_TRY(check_complete(scored, no_answer));
    return best_thresholds(scored, no_answer);
}

}  // namespace finewatt
