#include "finewatt/data/feature_cache.h"

#include "finewatt/base/file.h"
#include "finewatt/data/feature_cache_file_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace finewatt {
namespace {

namespace fs = std::filesystem;

Result<WordPieceTokenizer> tokenizer_of(const std::vector<std::string>& words, bool lowercase) {
    std::vector<std::string> tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    tokens.insert(tokens.end(), words.begin(), words.end());
    TokenizerOptions options;
    options.lowercase = lowercase;
    return WordPieceTokenizer::from_tokens(tokens, options);
}

TaskData texts_data() {
    TaskData data;
    data.label_names = {"no", "yes"};
    data.examples = Dataset{{{"one two", std::nullopt, 1}, {"two", "one", 0}}, {"no", "yes"}};
    return data;
}

TaskData tokens_data() {
    TaskData data;
    data.kind = TaskKind::kTokenClassification;
    data.label_names = {"O", "B-X"};
    data.examples =
        std::vector<TaggedSentence>{{{"one", "two", "one"}, {"O", "B-X", "O"}}, {{"two"}, {"B-X"}}};
    return data;
}

TaskData questions_data() {
    TaskData data;
    data.kind = TaskKind::kQuestionAnswering;
    SquadData squad;
    squad.contexts = {"one two one two one two"};
    squad.examples = {{"a", "two", 0, {{"two", 4}}}, {"b", "one", 0, {}}};
    data.examples = squad;
    return data;
}

/// Two sets with the same content.
void expect_equal(const FeatureSet& got, const FeatureSet& want) {
    ASSERT_EQ(got.kind(), want.kind());
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < want.size(); ++i) {
        const FeatureView a = got[i];
        const FeatureView b = want[i];
        EXPECT_TRUE(std::ranges::equal(a.ids, b.ids));
        EXPECT_TRUE(std::ranges::equal(a.type_ids, b.type_ids));
        EXPECT_TRUE(std::ranges::equal(a.token_labels, b.token_labels));
        EXPECT_TRUE(std::ranges::equal(a.word_ids, b.word_ids));
        EXPECT_TRUE(std::ranges::equal(a.offset_begins, b.offset_begins));
        EXPECT_TRUE(std::ranges::equal(a.offset_ends, b.offset_ends));
        EXPECT_EQ(a.label, b.label);
        EXPECT_EQ(a.answer_start, b.answer_start);
        EXPECT_EQ(a.answer_end, b.answer_end);
        EXPECT_EQ(a.example, b.example);
    }
}

std::vector<fs::path> files_in(const fs::path& folder) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder)) {
        files.push_back(entry.path());
    }
    return files;
}

class FeatureCache : public ::testing::Test {
  protected:
    void SetUp() override {
        auto made = tokenizer_of({"one", "two"}, true);
        ASSERT_OK(made);
        tokenizer_.emplace(std::move(made).value());
    }

    std::string key(const TaskData& data, const FeatureOptions& options) {
        const auto made = feature_cache_key(data, *tokenizer_, options);
        EXPECT_OK(made);
        return made ? *made : std::string();
    }

    testing::TempTree tree_;
    fs::path folder_ = tree_.path() / "cache" / "features";
    FeatureOptions options_{.max_length = 9, .doc_stride = 1};
    std::optional<WordPieceTokenizer> tokenizer_;
};

TEST_F(FeatureCache, MapsWhatWasMadeForEveryKind) {
    for (const TaskData& data : {texts_data(), tokens_data(), questions_data()}) {
        ASSERT_OK_AND_ASSIGN(const FeatureSet plain, make_features(data, *tokenizer_, options_));
        ASSERT_OK_AND_ASSIGN(const FeatureSet first,
                             make_cached_features(data, *tokenizer_, options_, folder_));
        expect_equal(first, plain);
        ASSERT_OK_AND_ASSIGN(
            FeatureSet mapped,
            FeatureCacheFile::open(folder_ / key(data, options_), key(data, options_)));
        const FeatureSet moved = std::move(mapped);
        expect_equal(moved, plain);
    }
    EXPECT_EQ(files_in(folder_).size(), 3U);
}

TEST_F(FeatureCache, TakesTheFileAndNotTheTextsTheSecondTime) {
    const TaskData data = texts_data();
    ASSERT_OK(make_cached_features(data, *tokenizer_, options_, folder_));
    // Put the features of other texts under the same key: they come back.
    FeatureSetBuilder builder(TaskKind::kClassification);
    const std::vector<std::int32_t> ids = {7, 7, 7};
    builder.add({.ids = ids, .type_ids = ids});
    const std::string name = key(data, options_);
    ASSERT_OK(FeatureCacheFile::write(folder_ / name, name, std::move(builder).finish()));
    ASSERT_OK_AND_ASSIGN(const FeatureSet again,
                         make_cached_features(data, *tokenizer_, options_, folder_));
    ASSERT_EQ(again.size(), 1U);
    EXPECT_THAT(again[0].ids, ::testing::ElementsAre(7, 7, 7));
}

TEST_F(FeatureCache, KeyChangesWithEverythingThatMatters) {
    std::vector<std::string> keys = {key(texts_data(), options_)};
    TaskData data = texts_data();
    std::get<Dataset>(data.examples).examples[0].text = "one twO";
    keys.push_back(key(data, options_));
    data = texts_data();
    std::get<Dataset>(data.examples).examples[0].label = 0;
    keys.push_back(key(data, options_));
    data = texts_data();
    // The same bytes, cut into text and pair at another place.
    std::get<Dataset>(data.examples).examples[1] = {"tw", "oone", 0};
    keys.push_back(key(data, options_));
    data = texts_data();
    data.label_names = {"yes", "no"};
    keys.push_back(key(data, options_));
    FeatureOptions options = options_;
    options.max_length = 10;
    keys.push_back(key(texts_data(), options));
    options = options_;
    options.doc_stride = 2;
    keys.push_back(key(texts_data(), options));
    options = options_;
    options.is_training = false;
    keys.push_back(key(texts_data(), options));
    for (const auto& [words, lowercase] : std::vector<std::pair<std::vector<std::string>, bool>>{
             {{"one", "two"}, false}, {{"two", "one"}, true}}) {
        auto other = tokenizer_of(words, lowercase);
        ASSERT_OK(other);
        tokenizer_.emplace(std::move(other).value());
        keys.push_back(key(texts_data(), options_));
    }
    for (const std::string& digits : keys) {
        EXPECT_EQ(digits.size(), 32U);
    }
    std::sort(keys.begin(), keys.end());
    EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
}

TEST_F(FeatureCache, BrokenFilesAreMadeAnew) {
    const TaskData data = tokens_data();
    ASSERT_OK(make_cached_features(data, *tokenizer_, options_, folder_));
    const std::string name = key(data, options_);
    ASSERT_OK_AND_ASSIGN(const std::string whole, read_file(folder_ / name));
    ASSERT_OK_AND_ASSIGN(const FeatureSet plain, make_features(data, *tokenizer_, options_));
    std::vector<std::string> broken = {"", whole.substr(0, 20), whole.substr(0, whole.size() - 8),
                                       whole + "12345678"};
    for (std::size_t i = 0; i < whole.size(); ++i) {
        std::string changed = whole;
        changed[i] = static_cast<char>(changed[i] ^ 0x10);
        broken.push_back(changed);
    }
    for (const std::string& content : broken) {
        ASSERT_OK(write_file_atomically(folder_ / name, content));
        const auto opened = FeatureCacheFile::open(folder_ / name, name);
        EXPECT_TRUE(testing::has_error(opened, ErrorCode::kCorrupt, "expected"));
    }
    ASSERT_OK_AND_ASSIGN(const FeatureSet rebuilt,
                         make_cached_features(data, *tokenizer_, options_, folder_));
    expect_equal(rebuilt, plain);
    ASSERT_OK_AND_ASSIGN(const std::string mended, read_file(folder_ / name));
    EXPECT_EQ(mended, whole);
}

TEST_F(FeatureCache, FolderThatCannotBeWrittenIsNoFailure) {
    const auto file = tree_.write("taken", "a file");
    ASSERT_OK_AND_ASSIGN(const FeatureSet features,
                         make_cached_features(texts_data(), *tokenizer_, options_, file));
    EXPECT_EQ(features.size(), 2U);
}

TEST_F(FeatureCache, OffLeavesNoFile) {
    ASSERT_OK(make_cached_features(texts_data(), *tokenizer_, options_, std::nullopt));
    EXPECT_FALSE(fs::exists(folder_));
}

TEST_F(FeatureCache, SeveralWritersLeaveOneWholeFile) {
    const TaskData data = texts_data();
    ASSERT_OK_AND_ASSIGN(const FeatureSet plain, make_features(data, *tokenizer_, options_));
    {
        std::vector<std::jthread> writers;
        for (int i = 0; i < 4; ++i) {
            writers.emplace_back([&] {
                for (int round = 0; round < 5; ++round) {
                    EXPECT_OK(make_cached_features(data, *tokenizer_, options_, folder_));
                }
            });
        }
    }
    EXPECT_EQ(files_in(folder_).size(), 1U);
    ASSERT_OK_AND_ASSIGN(
        const FeatureSet mapped,
        FeatureCacheFile::open(folder_ / key(data, options_), key(data, options_)));
    expect_equal(mapped, plain);
}

}  // namespace
}  // namespace finewatt
