#include "finewatt/tokenize_lines.h"

#include "finewatt/base/file.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <sstream>

namespace finewatt::app {
namespace {

constexpr const char* kVocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhel\n##lo\nA\na\nb\n";

struct Outcome {
    Status status;
    std::string text;
};

Outcome run(TokenizeOptions options, const std::string& input) {
    const testing::TempTree tree;
    if (options.vocab.empty()) {
        options.vocab = tree.write("vocab.txt", kVocabulary);
    }
    std::istringstream in(input);
    std::ostringstream out;
    Status status = run_tokenize(options, in, out);
    return {std::move(status), out.str()};
}

TokenizeOptions json_options() {
    TokenizeOptions options;
    options.json = true;
    return options;
}

TEST(TokenizeLines, JsonGivesIdsOffsetsAndTypeIds) {
    TokenizeOptions options = json_options();
    options.special = true;
    const Outcome outcome = run(options, "{\"text\":\"é Hello\",\"pair\":\"a b\"}\r\n");
    ASSERT_OK(outcome.status);
    EXPECT_EQ(outcome.text,
              "{\"ids\":[2,1,5,6,3,8,9,3],"
              "\"offsets\":[[0,0],[0,1],[2,5],[5,7],[0,0],[0,1],[2,3],[0,0]],"
              "\"type_ids\":[0,0,0,0,0,1,1,1]}\n");
}

TEST(TokenizeLines, ReadableTokensOneLineEach) {
    const Outcome outcome = run({}, "{\"text\":\"hello A\"}\n{\"text\":\"\",\"pair\":null}\n");
    ASSERT_OK(outcome.status);
    EXPECT_EQ(outcome.text, "hel ##lo a\n\n");
}

TEST(TokenizeLines, NoTokensAreEmptyLists) {
    const Outcome outcome = run(json_options(), "{\"text\":\" \"}\n");
    ASSERT_OK(outcome.status);
    EXPECT_EQ(outcome.text, "{\"ids\":[],\"offsets\":[],\"type_ids\":[]}\n");
}

TEST(TokenizeLines, AByteOrderMarkInFrontIsPassedOver) {
    const Outcome outcome = run({}, "\xEF\xBB\xBF{\"text\":\"a\"}\n");
    ASSERT_OK(outcome.status);
    EXPECT_EQ(outcome.text, "a\n");
}

TEST(TokenizeLines, CasedAndTheLimitAreObeyed) {
    TokenizeOptions options;
    options.cased = true;
    options.max_length_tokens = 2;
    const Outcome outcome = run(options, "{\"text\":\"A a b\", \"label\": 1}");
    ASSERT_OK(outcome.status);
    EXPECT_EQ(outcome.text, "A a\n");
}

TEST(TokenizeLines, AFolderSaysItsOwnCase) {
    const testing::TempTree tree;
    tree.write("vocab.txt", kVocabulary);
    tree.write("tokenizer_config.json", R"({"do_lower_case": true})");
    TokenizeOptions options;
    options.vocab = tree.path();
    EXPECT_EQ(run(options, "{\"text\":\"A\"}").text, "a\n");
    options.cased = true;
    EXPECT_EQ(run(options, "{\"text\":\"A\"}").text, "A\n");
}

TEST(TokenizeLines, ABadLineIsNamedAndLinesBeforeItStand) {
    for (const char* bad :
         {"{\"text\":", "[]", "{}", "{\"text\":1}", "", "{\"text\":\"a\",\"pair\":1}",
          "{\"text\":\"a\"} x", "{\"text\":\"\xff\"}"}) {
        const Outcome outcome = run({}, std::string("{\"text\":\"a\"}\n") + bad + "\n");
        EXPECT_ERROR(kCorrupt, outcome.status, "input line 2") << bad;
        EXPECT_EQ(outcome.text, "a\n") << bad;
    }
}

TEST(TokenizeLines, ALimitBelowTheSpecialTokensIsAnError) {
    TokenizeOptions options;
    options.special = true;
    options.max_length_tokens = 1;
    EXPECT_ERROR(kInvalidArgument, run(options, "{\"text\":\"a\"}").status, "max_length");
}

TEST(TokenizeLines, AMissingVocabularyIsAnError) {
    TokenizeOptions options;
    options.vocab = "/nonexistent/vocab.txt";
    EXPECT_ERROR(kNotFound, run(options, "").status, "/nonexistent/vocab.txt");
}

}  // namespace
}  // namespace finewatt::app
