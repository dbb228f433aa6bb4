// `finewatt data stats` as a real program.

#include "finewatt/testing/shared_data.h"

#include <gtest/gtest.h>

#include "program.h"

namespace finewatt::e2e {
namespace {

class DataStats : public ProgramTest {
  protected:
    void SetUp() override {
        extra_environment_ = {{"XDG_CACHE_HOME", cache().parent_path().parent_path().string()},
                              {"FINEWATT_NO_CACHE", ""}};
    }

    std::filesystem::path cache() const { return tree_.path() / "cache/finewatt/features"; }

    std::string vocabulary() {
        return tree_
            .write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\none\ntwo\nthree\n##s\n")
            .string();
    }

    SubprocessResult stats(const std::string& task, const std::string& data,
                           const std::vector<std::string>& more = {}) {
        std::vector<std::string> arguments = {"data",   "stats", "--task",  task,
                                              "--data", data,    "--vocab", vocabulary()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return finewatt(arguments);
    }

    std::size_t cached_files() const {
        std::size_t count = 0;
        std::error_code ignored;
        for (const auto& entry : std::filesystem::directory_iterator(cache(), ignored)) {
            count += entry.is_regular_file() ? 1U : 0U;
        }
        return count;
    }

    testing::TempTree data_;
};

TEST_F(DataStats, CountsAnEpochForEveryWayOfBatching) {
    const std::string file =
        data_.write("d.tsv", "sentence\tlabel\none\t0\none two three one\t1\ntwo two\t0\n")
            .string();
    const auto result = stats("sst2", file, {"--json", "--batch", "2", "--max-length", "5"});
    ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
    const nlohmann::json json = last_line_json(result.stdout_text);
    EXPECT_EQ(json["examples"], 3);
    EXPECT_EQ(json["features"], 3);
    EXPECT_EQ(json["tokens_max"], 5);  // six, cut
    EXPECT_EQ(json["tokens_median"], 4.0);
    EXPECT_DOUBLE_EQ(json["tokens_mean"].get<double>(), 4.0);
    EXPECT_EQ(json["batches"], 2);
    EXPECT_EQ(json["real_tokens_per_epoch"], 12);
    EXPECT_EQ(json["batching"], "dynamic");
    EXPECT_EQ(json["modes"]["dynamic"]["padded_tokens_per_epoch"], json["padded_tokens_per_epoch"]);
    EXPECT_EQ(json["modes"]["fixed"]["padded_tokens_per_epoch"], 15);
    EXPECT_EQ(json["modes"]["unpadded"]["padded_tokens_per_epoch"], 12);
    EXPECT_EQ(json["modes"]["unpadded"]["padding_share"], 0.0);
    const auto grouped_tokens = json["modes"]["grouped"]["padded_tokens_per_epoch"].get<int>();
    EXPECT_GE(grouped_tokens, 13);  // two batches of lengths 3, 4 and 5
    EXPECT_LE(grouped_tokens, 15);

    const auto grouped = stats(
        "sst2", file, {"--json", "--batching", "grouped", "--batch", "2", "--max-length", "5"});
    EXPECT_EQ(last_line_json(grouped.stdout_text)["padded_tokens_per_epoch"], grouped_tokens);
    const auto table = stats("sst2", file);
    for (const char* word : {"3 examples", "dynamic", "fixed", "grouped", "unpadded"}) {
        EXPECT_NE(table.stdout_text.find(word), std::string::npos) << table.stdout_text;
    }
}

TEST_F(DataStats, EveryKindOfTaskIsCounted) {
    const std::string tagged = data_.write("d.conll", "ones B-X\ntwo O\n\nthree B-X\n").string();
    nlohmann::json json = last_line_json(stats("ner", tagged, {"--json"}).stdout_text);
    EXPECT_EQ(json["examples"], 2);
    EXPECT_EQ(json["real_tokens_per_epoch"], 5 + 3);
    const std::string questions =
        data_
            .write("d.jsonl", R"({"question": "two", "context": "one two three one two three",)"
                              R"( "answers": {"text": ["three"], "answer_start": [8]}})")
            .string();
    json = last_line_json(
        stats("qa", questions, {"--json", "--max-length", "8", "--doc-stride", "2"}).stdout_text);
    EXPECT_EQ(json["examples"], 1);
    EXPECT_EQ(json["features"], 2);  // [CLS] two [SEP] and 4 of 6 words, two of them shared
    EXPECT_EQ(json["real_tokens_per_epoch"], 8 + 8);
}

TEST_F(DataStats, TheSecondRunTakesTheCacheAndGivesTheSame) {
    const std::string file = data_.write("d.tsv", "sentence\tlabel\none\t0\none two\t1\n").string();
    const auto first = stats("sst2", file, {"--json"});
    EXPECT_EQ(cached_files(), 1U);
    const auto second = stats("sst2", file, {"--json"});
    EXPECT_EQ(cached_files(), 1U);
    EXPECT_EQ(first.stdout_text, second.stdout_text);
    EXPECT_EQ(second.stderr_text, "");
    for (const auto& entry : std::filesystem::directory_iterator(cache())) {
        std::filesystem::resize_file(entry.path(), 30);
    }
    const auto third = stats("sst2", file, {"--json"});
    EXPECT_EQ(third.stdout_text, first.stdout_text);
    EXPECT_NE(third.stderr_text.find("made anew"), std::string::npos) << third.stderr_text;
}

TEST_F(DataStats, CacheCanBeTurnedOff) {
    const std::string file = data_.write("d.tsv", "sentence\tlabel\none\t0\none two\t1\n").string();
    EXPECT_EQ(stats("sst2", file, {"--no-cache"}).exit_status, 0);
    extra_environment_.back() = {"FINEWATT_NO_CACHE", "1"};
    EXPECT_EQ(stats("sst2", file).exit_status, 0);
    EXPECT_EQ(cached_files(), 0U);
}

TEST_F(DataStats, BadInputIsStatusFourAndPrintsNothing) {
    struct Bad {
        std::string task;
        std::string name;
        std::string content;
        std::string message;
    };

    for (const Bad& bad : std::vector<Bad>{
             {"rte", "d.tsv", "sentence1\tsentence2\tlabel\na\tb\tmaybe\n", "row 2: label 'maybe'"},
             {"rte", "d.tsv", "sentence1\tsentence2\tlabel\na\tb\t7\n", "row 2: label id 7"},
             {"rte", "d.tsv", "sentence1\tsentence2\tlabel\na\tb\n", "row 2: expected 3 fields"},
             {"sst2", "d.tsv", "sentence\tlabel\n\xFF\t1\n", "line 2: expected UTF-8"},
             {"sst2", "d.tsv", "", "empty file"},
             {"sst2", "d.tsv", "text_of_mine\tlabel\na\t1\n", "the columns are: text_of_mine"},
             {"ner", "d.conll", "Ann B-X\nLee NOUN\n", "line 2"},
             {"squad", "d.json", "{\"data\": 3}", "expected 'data' to be a list"}}) {
        const auto result = stats(bad.task, data_.write(bad.name, bad.content).string());
        EXPECT_EQ(result.exit_status, 4) << bad.message;
        EXPECT_EQ(result.stdout_text, "");
        EXPECT_NE(result.stderr_text.find(bad.message), std::string::npos) << result.stderr_text;
        EXPECT_NE(result.stderr_text.find(bad.name), std::string::npos) << result.stderr_text;
    }
    EXPECT_EQ(stats("sst2", "/nowhere/d.tsv").exit_status, 4);
    EXPECT_EQ(stats("dancing", "d.tsv").exit_status, 2);
    EXPECT_EQ(stats("sst2", "d.tsv", {"--batching", "tight"}).exit_status, 2);
    EXPECT_EQ(stats("sst2", "d.tsv", {"--batch", "0"}).exit_status, 2);
}

TEST_F(DataStats, RteHasTheBatchLengthOfThePaper) {
    FINEWATT_SHARED_OR_SKIP(file, "data/rte/train.tsv.gz");
    FINEWATT_SHARED_OR_SKIP(vocab, "data/vocab/bert-base-uncased-vocab.txt");
    const auto result =
        finewatt({"data", "stats", "--task", "rte", "--data", file.string(), "--vocab",
                  vocab.string(), "--batch", "32", "--max-length", "128", "--json"});
    ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
    const nlohmann::json json = last_line_json(result.stdout_text);
    EXPECT_EQ(json["examples"], 2490);
    EXPECT_EQ(json["tokens_median"], 56.0);
    // 0.1: the rounding of the expected figure.
    EXPECT_NEAR(json["padded_batch_length_mean"].get<double>(), 127.9, 0.1);
}

}  // namespace
}  // namespace finewatt::e2e
