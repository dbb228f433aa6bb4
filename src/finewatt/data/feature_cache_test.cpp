#include "finewatt/data/feature_cache.h"

#include "finewatt/base/file.h"
#include "finewatt/data/feature_cache_file_internal.h"
#include "finewatt/data/feature_cache_limit_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
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

class CachedFeatures : public ::testing::Test {
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
    FeatureCache cache_{.folder = folder_};
    FeatureOptions options_{.max_length = 9, .doc_stride = 1};
    std::optional<WordPieceTokenizer> tokenizer_;
};

TEST_F(CachedFeatures, MapsWhatWasMadeForEveryKind) {
    for (const TaskData& data : {texts_data(), tokens_data(), questions_data()}) {
        ASSERT_OK_AND_ASSIGN(const FeatureSet plain, make_features(data, *tokenizer_, options_));
        ASSERT_OK_AND_ASSIGN(const FeatureSet first,
                             make_cached_features(data, *tokenizer_, options_, cache_));
        expect_equal(first, plain);
        EXPECT_FALSE(first.is_mapped());
        ASSERT_OK_AND_ASSIGN(
            FeatureSet mapped,
            FeatureCacheFile::open(folder_ / key(data, options_), key(data, options_)));
        const FeatureSet moved = std::move(mapped);
        expect_equal(moved, plain);
    }
    EXPECT_EQ(files_in(folder_).size(), 3U);
}

TEST_F(CachedFeatures, TakesTheFileAndNotTheTextsTheSecondTime) {
    const TaskData data = texts_data();
    ASSERT_OK(make_cached_features(data, *tokenizer_, options_, cache_));
    // Put the features of other texts under the same key: they come back.
    FeatureSetBuilder builder(TaskKind::kClassification);
    const std::vector<std::int32_t> ids = {7, 7, 7};
    builder.add({.ids = ids, .type_ids = ids});
    const std::string name = key(data, options_);
    ASSERT_OK(FeatureCacheFile::write(folder_ / name, name, std::move(builder).finish()));
    ASSERT_OK_AND_ASSIGN(const FeatureSet again,
                         make_cached_features(data, *tokenizer_, options_, cache_));
    ASSERT_EQ(again.size(), 1U);
    EXPECT_TRUE(again.is_mapped());
    EXPECT_THAT(again[0].ids, ::testing::ElementsAre(7, 7, 7));
}

TEST_F(CachedFeatures, KeyChangesWithEverythingThatMatters) {
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
    keys.push_back(key(questions_data(), options_));
    options = options_;
    options.doc_stride = 2;
    keys.push_back(key(questions_data(), options));
    options = options_;
    options.is_training = false;
    keys.push_back(key(questions_data(), options));
    options = options_;
    options.answer_check = AnswerCheck::kCount;
    keys.push_back(key(questions_data(), options));
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

TEST_F(CachedFeatures, OptionsOfQuestionsDoNotChangeTheKeyOfTexts) {
    // Training, evaluation and inference on one file share its features.
    FeatureOptions options = options_;
    options.doc_stride = 2;
    options.is_training = false;
    options.answer_check = AnswerCheck::kCount;
    EXPECT_EQ(key(texts_data(), options), key(texts_data(), options_));
    EXPECT_EQ(key(tokens_data(), options), key(tokens_data(), options_));
}

TEST_F(CachedFeatures, BrokenFilesAreMadeAnew) {
    const TaskData data = tokens_data();
    ASSERT_OK(make_cached_features(data, *tokenizer_, options_, cache_));
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
                         make_cached_features(data, *tokenizer_, options_, cache_));
    expect_equal(rebuilt, plain);
    ASSERT_OK_AND_ASSIGN(const std::string mended, read_file(folder_ / name));
    EXPECT_EQ(mended, whole);
}

TEST_F(CachedFeatures, FolderThatCannotBeWrittenIsNoFailure) {
    const auto file = tree_.write("taken", "a file");
    ASSERT_OK_AND_ASSIGN(
        const FeatureSet features,
        make_cached_features(texts_data(), *tokenizer_, options_, {.folder = file}));
    EXPECT_EQ(features.size(), 2U);
}

TEST_F(CachedFeatures, OffLeavesNoFile) {
    ASSERT_OK(make_cached_features(texts_data(), *tokenizer_, options_, {}));
    EXPECT_FALSE(fs::exists(folder_));
}

TEST_F(CachedFeatures, SeveralWritersLeaveOneWholeFile) {
    const TaskData data = texts_data();
    ASSERT_OK_AND_ASSIGN(const FeatureSet plain, make_features(data, *tokenizer_, options_));
    {
        std::vector<std::jthread> writers;
        for (int i = 0; i < 4; ++i) {
            writers.emplace_back([&] {
                for (int round = 0; round < 5; ++round) {
                    EXPECT_OK(make_cached_features(data, *tokenizer_, options_, cache_));
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

/// A file of the cache, of so many bytes, last used so many hours ago.
fs::path put(const fs::path& folder, const std::string& name, std::size_t bytes, int hours_ago) {
    fs::create_directories(folder);
    EXPECT_OK(write_file_atomically(folder / name, std::string(bytes, 'x')));
    fs::last_write_time(folder / name,
                        fs::file_time_type::clock::now() - std::chrono::hours(hours_ago));
    return folder / name;
}

std::string digits(char digit) {
    return std::string(32, digit);
}

TEST_F(CachedFeatures, TheLastUsedSetsStayBelowTheLimit) {
    const fs::path oldest = put(folder_, digits('a'), 400, 30);
    const fs::path middle = put(folder_, digits('b'), 400, 20);
    const fs::path newest = put(folder_, digits('c'), 400, 10);
    keep_below_limit(folder_, 1200);
    EXPECT_EQ(files_in(folder_).size(), 3U);
    mark_as_used(oldest);
    keep_below_limit(folder_, 1199);
    EXPECT_TRUE(fs::exists(oldest));
    EXPECT_FALSE(fs::exists(middle));
    EXPECT_TRUE(fs::exists(newest));
}

TEST_F(CachedFeatures, ASetAboveTheLimitDoesNotDriveTheOthersOut) {
    const fs::path small = put(folder_, digits('a'), 10, 30);
    const fs::path large = put(folder_, digits('b'), 4000, 1);
    keep_below_limit(folder_, 1000);
    EXPECT_TRUE(fs::exists(small));
    EXPECT_FALSE(fs::exists(large));
}

TEST_F(CachedFeatures, OnlyOwnFilesAreDeleted) {
    const fs::path notes = put(folder_, "notes.txt", 10, 99);
    const fs::path dead = put(folder_, digits('a') + ".x1Y2z3", 10, 25);
    const fs::path written_now = put(folder_, digits('b') + ".x1Y2z3", 10, 1);
    keep_below_limit(folder_, 0);
    EXPECT_TRUE(fs::exists(notes));
    EXPECT_FALSE(fs::exists(dead));
    EXPECT_TRUE(fs::exists(written_now));
    keep_below_limit(folder_ / "nowhere", 0);
}

TEST_F(CachedFeatures, MakingFeaturesDeletesWhatNoLongerFits) {
    const fs::path old = put(folder_, digits('a'), 5000, 1);
    cache_.limit_bytes = 4000;
    ASSERT_OK(make_cached_features(texts_data(), *tokenizer_, options_, cache_));
    EXPECT_FALSE(fs::exists(old));
    EXPECT_TRUE(fs::exists(folder_ / key(texts_data(), options_)));
    cache_.limit_bytes = 0;
    ASSERT_OK(make_cached_features(tokens_data(), *tokenizer_, options_, cache_));
    EXPECT_TRUE(files_in(folder_).empty());
}

TEST_F(CachedFeatures, AHitCountsAsAUse) {
    ASSERT_OK(make_cached_features(texts_data(), *tokenizer_, options_, cache_));
    const fs::path file = folder_ / key(texts_data(), options_);
    const auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours(100);
    fs::last_write_time(file, long_ago);
    ASSERT_OK(make_cached_features(texts_data(), *tokenizer_, options_, cache_));
    EXPECT_GT(fs::last_write_time(file), long_ago + std::chrono::hours(99));
}

TEST_F(CachedFeatures, DeletionByAnotherProcessLeavesMappedFeaturesWhole) {
    const TaskData data = texts_data();
    ASSERT_OK_AND_ASSIGN(const FeatureSet plain, make_features(data, *tokenizer_, options_));
    ASSERT_OK(make_cached_features(data, *tokenizer_, options_, cache_));
    ASSERT_OK_AND_ASSIGN(const FeatureSet mapped,
                         make_cached_features(data, *tokenizer_, options_, cache_));
    ASSERT_TRUE(mapped.is_mapped());
    keep_below_limit(folder_, 0);
    EXPECT_TRUE(files_in(folder_).empty());
    expect_equal(mapped, plain);
}

TEST_F(CachedFeatures, WritersAndDeletersMayWorkAtOnce) {
    const TaskData data = texts_data();
    ASSERT_OK_AND_ASSIGN(const FeatureSet plain, make_features(data, *tokenizer_, options_));
    std::vector<std::jthread> workers;
    for (int i = 0; i < 4; ++i) {
        workers.emplace_back([&, i] {
            FeatureCache cache = cache_;
            cache.limit_bytes = i % 2 == 0 ? 0 : 1 << 20;
            for (int round = 0; round < 5; ++round) {
                const auto features = make_cached_features(data, *tokenizer_, options_, cache);
                ASSERT_OK(features);
                expect_equal(*features, plain);
            }
        });
    }
}

TEST(FeatureCacheLimit, IsBytesOrHasAPowerOf1024) {
    const std::pair<const char*, std::int64_t> cases[] = {{"0", 0},
                                                          {"1000", 1000},
                                                          {"2K", 2048},
                                                          {"500M", 524'288'000},
                                                          {"4GiB", 4'294'967'296},
                                                          {"1T", 1'099'511'627'776}};
    for (const auto& [text, bytes] : cases) {
        EXPECT_EQ(parse_cache_limit(text), bytes) << text;
    }
    for (const char* text : {"", "G", "-1", "4 G", "4GB", "4g", "1.5G", "99999999T", "x"}) {
        EXPECT_ERROR(kInvalidArgument, parse_cache_limit(text), "such as 4G") << text;
    }
}

TEST(FeatureCacheLimit, ComesFromTheEnvironment) {
    // NOLINTBEGIN(concurrency-mt-unsafe): one thread
    ::setenv("FINEWATT_CACHE_LIMIT", "3M", 1);
    EXPECT_EQ(default_feature_cache().limit_bytes, 3 << 20);
    ::setenv("FINEWATT_CACHE_LIMIT", "much", 1);
    EXPECT_EQ(default_feature_cache().limit_bytes, FeatureCache().limit_bytes);
    ::unsetenv("FINEWATT_CACHE_LIMIT");
    // NOLINTEND(concurrency-mt-unsafe)
}

}  // namespace
}  // namespace finewatt
