#include "finewatt/data/dataset.h"

#include "finewatt/base/file.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/shared_data.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>
#include <vector>

namespace finewatt {
namespace {

using ::testing::ElementsAre;

/// Compress with zlib's own gzip writer.
std::string gzip(const std::string& plain) {
    testing::TempTree tree;
    const auto path = tree.path() / "x.gz";
    gzFile file = gzopen(path.c_str(), "wb");
    gzwrite(file, plain.data(), static_cast<unsigned>(plain.size()));
    gzclose(file);
    return read_file(path).value();
}

/// Read a data set by one set of column names; all labels must be there.
Result<Dataset> read_texts(
    const std::filesystem::path& path, const ColumnNames& columns,
    const std::optional<std::vector<std::string>>& label_names = std::nullopt) {
    return read_dataset(path, {.columns = {columns}, .label_names = label_names});
}

/// Write `content` under `name` and read it with the default columns (text, label).
Result<Dataset> read_content(const std::string& name, const std::string& content,
                             const ColumnNames& columns = {}) {
    testing::TempTree tree;
    return read_texts(tree.write(name, content), columns);
}

ColumnNames pair_columns() {
    return {.text = "a", .pair = "b", .label = "label"};
}

TEST(DatasetTsv, QuotesAreText) {
    ASSERT_OK_AND_ASSIGN(const Dataset data,
                         read_content("d.tsv", "id\ttext\tlabel\n1\t\"x, y\tb\n2\t z \ta\n"));
    ASSERT_EQ(data.examples.size(), 2U);
    EXPECT_EQ(data.examples[0].text, "\"x, y");
    EXPECT_EQ(data.examples[1].text, " z ");
    EXPECT_FALSE(data.examples[0].pair.has_value());
    EXPECT_THAT(data.label_names, ElementsAre("a", "b"));
    EXPECT_EQ(data.examples[0].label, 1);
    EXPECT_EQ(data.examples[1].label, 0);
}

TEST(DatasetTsv, ByteOrderMarkCrlfAndMissingLastLineEndAreAccepted) {
    ASSERT_OK_AND_ASSIGN(const Dataset data,
                         read_content("d.tsv", "\xEF\xBB\xBFtext\tlabel\r\none\tx\r\n\r\ntwo\ty"));
    ASSERT_EQ(data.examples.size(), 2U);
    EXPECT_EQ(data.examples[1].text, "two");
    EXPECT_THAT(data.label_names, ElementsAre("x", "y"));
}

TEST(DatasetCsv, QuotedFieldsMayHoldCommasAndLineEnds) {
    ASSERT_OK_AND_ASSIGN(const Dataset data,
                         read_content("d.csv",
                                      "\xEF\xBB\xBF"
                                      "label,a,b\r\n1,\"x, \"\"y\"\"\nz\",p\r\n0,u,\"v\"\r\n",
                                      pair_columns()));
    ASSERT_EQ(data.examples.size(), 2U);
    EXPECT_EQ(data.examples[0].text, "x, \"y\"\nz");
    EXPECT_EQ(data.examples[0].pair, "p");
    EXPECT_EQ(data.examples[0].label, 1);
    EXPECT_EQ(data.examples[1].pair, "v");
}

TEST(DatasetJson, ArrayOfObjectsIsRead) {
    ASSERT_OK_AND_ASSIGN(const Dataset data,
                         read_content("d.json",
                                      "\xEF\xBB\xBF[{\"text\": \"caf\\u00e9\", \"label\": 10},\n"
                                      "{\"label\": 9, \"text\": \"a\\nb\", \"more\": null}]\n"));
    ASSERT_EQ(data.examples.size(), 2U);
    EXPECT_EQ(data.examples[0].text, "caf\xC3\xA9");
    EXPECT_EQ(data.examples[1].text, "a\nb");
    EXPECT_THAT(data.label_names, ElementsAre("9", "10"));
    EXPECT_EQ(data.examples[0].label, 1);
}

TEST(DatasetJsonl, ObjectsOfLinesAreRead) {
    ASSERT_OK_AND_ASSIGN(const Dataset data,
                         read_content("d.jsonl",
                                      "{\"a\": \"1\", \"b\": \"2\", \"label\": \"no\"}\r\n\r\n"
                                      "{\"a\": \"3\", \"b\": \"4\", \"label\": \"yes\"}",
                                      pair_columns()));
    ASSERT_EQ(data.examples.size(), 2U);
    EXPECT_EQ(data.examples[1].text, "3");
    EXPECT_EQ(data.examples[1].pair, "4");
    EXPECT_EQ(data.examples[1].label, 1);
}

TEST(DatasetGzip, EveryFormatMayBeCompressed) {
    const std::string tsv = "text\tlabel\na\t0\nb\t1\n";
    const std::string jsonl = "{\"text\":\"a\",\"label\":0}\n{\"text\":\"b\",\"label\":1}\n";
    const std::string json = "[{\"text\":\"a\",\"label\":0},{\"text\":\"b\",\"label\":1}]";
    const std::vector<std::pair<std::string, std::string>> files = {
        {"d.tsv.gz", tsv},
        {"d.csv.gz", "text,label\na,0\nb,1\n"},
        {"d.json.gz", json},
        {"d.jsonl.gz", jsonl}};
    for (const auto& [name, content] : files) {
        SCOPED_TRACE(name);
        ASSERT_OK_AND_ASSIGN(const Dataset data, read_content(name, gzip(content)));
        EXPECT_EQ(data.examples.size(), 2U);
    }
}

TEST(DatasetGzip, MembersFollowEachOther) {
    const std::string both = gzip("text\tlabel\na\t0\n") + gzip("b\t1\n");
    ASSERT_OK_AND_ASSIGN(const Dataset data, read_content("d.tsv.gz", both));
    EXPECT_EQ(data.examples.size(), 2U);
}

TEST(DatasetGzip, LargeFileIsReadWhole) {
    std::string tsv = "text\tlabel\n";
    for (int i = 0; i < 100000; ++i) {
        tsv += fmt::format("text number {}\t{}\n", i, i % 3);
    }
    ASSERT_OK_AND_ASSIGN(const Dataset data, read_content("d.tsv.gz", gzip(tsv)));
    ASSERT_EQ(data.examples.size(), 100000U);
    EXPECT_EQ(data.examples.back().text, "text number 99999");
}

TEST(DatasetGzip, BrokenFilesAreCorrupt) {
    const std::string whole = gzip("text\tlabel\nsome text\t0\nother text\t1\n");
    std::string wrong_checksum = whole;
    wrong_checksum[whole.size() - 8] ^= 1;
    const std::vector<std::pair<std::string, std::string>> rows = {
        {"text\tlabel\na\t0\n", "incorrect header check"},
        {whole.substr(0, whole.size() / 2), "found its end"},
        {whole.substr(0, whole.size() - 4), "found its end"},
        {wrong_checksum, "incorrect data check"},
        {whole + "xyz", "expected a whole gzip file"},
        {"", "an empty file"},
        {gzip(""), "found an empty file"}};
    for (const auto& [bytes, text] : rows) {
        EXPECT_TRUE(testing::has_error(read_content("d.tsv.gz", bytes), ErrorCode::kCorrupt, text));
    }
}

struct BadContent {
    const char* name;
    std::string content;
    ErrorCode code;
    const char* text;
};

TEST(DatasetErrors, NameFileAndRow) {
    const ErrorCode corrupt = ErrorCode::kCorrupt;
    const ErrorCode invalid = ErrorCode::kInvalidArgument;
    const std::vector<BadContent> rows = {
        {"d.tsv", "", corrupt, "empty file"},
        {"d.tsv", "text\tlabel\n", corrupt, "expected rows of data, found none"},
        {"d.tsv", "sentence\tlabel\na\t1\n", invalid, "the columns are: sentence, label"},
        {"d.tsv", "text\ttext\tlabel\na\tb\t1\n", invalid, "one column 'text', found 2"},
        {"d.tsv", "text\tlabel\na\t1\nb\n", corrupt, "row 3: expected 2 fields"},
        {"d.tsv", "text\tlabel\na\t1\t2\n", corrupt, "row 2: expected 2 fields as in the header"},
        {"d.tsv", "text\tlabel\na\t1\n\nb\xFF\t0\n", corrupt, "line 4: expected UTF-8"},
        {"d.tsv", "text\tlabel\na\t1\n \t0\n", invalid, "row 3: column 'text': expected a text"},
        {"d.tsv", "text\tlabel\na\t1\nb\t\n", invalid, "row 3: column 'label'"},
        {"d.tsv", "text\tlabel\na\t1\nb\t1\n", invalid, "at least two classes, found only '1'"},
        {"d.csv", "text,label\na,1\nb\n", corrupt, "row 3: expected 2 fields"},
        {"d.csv", "text,label\n\"a,1\n", corrupt, "row 2"},
        {"d.csv", "text,label\na,1\n\xC3,0\n", corrupt, "line 3: expected UTF-8"},
        {"d.csv", "text,label\na,1\n\"\",0\n", invalid, "row 3: column 'text'"},
        {"d.json", "[{\"text\": \"a\", ", corrupt, "expected JSON"},
        {"d.json", "[\n{\"text\": \"\xFF\"}]", corrupt, "line 2: expected UTF-8"},
        {"d.json", "{\"text\": \"a\", \"label\": 1}", corrupt, "expected an array of objects"},
        {"d.json", "[]", corrupt, "found none"},
        {"d.json", "[3]", corrupt, "row 1: expected an object, found a number"},
        {"d.json", "[{\"text\": \"a\", \"label\": 1}, {\"text\": \"b\", \"x\": 1}]", corrupt,
         "row 2: column 'label': expected a label (a string or a whole number), found nothing"},
        {"d.json", "[{\"text\": \"a\", \"x\": 1}]", invalid,
         "expected a column 'label', found none; the columns are: text, x"},
        {"d.json", "[{\"text\": 5, \"label\": 1}]", corrupt, "row 1: column 'text'"},
        {"d.jsonl", "{\"text\": \"a\", \"label\": 1}\n{\"text\": }\n", corrupt,
         "row 2: expected JSON"},
        {"d.jsonl", "{\"text\": \"a\", \"label\": 1.5}\n", corrupt, "found a number"},
        {"d.jsonl", "{\"text\": \"a\", \"label\": null}\n", corrupt, "found nothing"},
        {"d.jsonl", "{\"text\": \"a\", \"label\": 1}\n\n{\"text\": \"\xC3\x28\"}\n", corrupt,
         "line 3: expected UTF-8"},
        {"d.txt", "text\tlabel\na\t1\n", invalid, "found '.txt'"},
        {"d.gz", "text\tlabel\na\t1\n", invalid, "found ''"},
    };
    for (const BadContent& row : rows) {
        SCOPED_TRACE(fmt::format("{}: {}", row.name, row.text));
        const Result<Dataset> data = read_content(row.name, row.content);
        EXPECT_TRUE(testing::has_error(data, row.code, row.text));
        EXPECT_TRUE(testing::has_error(data, row.code, row.name));
    }
}

TEST(DatasetErrors, EmptyPairIsAnError) {
    EXPECT_ERROR(kInvalidArgument,
                 read_content("d.tsv", "a\tb\tlabel\nx\ty\t0\nx\t\t1\n", pair_columns()),
                 "row 3: column 'b'");
}

TEST(DatasetErrors, MissingFileIsNotFound) {
    EXPECT_ERROR(kNotFound, read_texts("/nowhere/d.tsv", {}), "/nowhere/d.tsv");
}

TEST(DatasetLabels, NumbersAreSortedByValueAndOtherNamesByText) {
    ASSERT_OK_AND_ASSIGN(const Dataset numbers,
                         read_content("d.tsv", "text\tlabel\na\t10\nb\t9\nc\t-1\n"));
    EXPECT_THAT(numbers.label_names, ElementsAre("-1", "9", "10"));
    ASSERT_OK_AND_ASSIGN(const Dataset names,
                         read_content("d.tsv", "text\tlabel\na\t10\nb\t9\nc\tx\n"));
    EXPECT_THAT(names.label_names, ElementsAre("10", "9", "x"));
}

TEST(DatasetLabels, GivenNamesFixTheOrder) {
    testing::TempTree tree;
    const auto path = tree.write("d.tsv", "text\tlabel\na\tno\n");
    ASSERT_OK_AND_ASSIGN(const Dataset data,
                         read_texts(path, {}, std::vector<std::string>{"yes", "no"}));
    EXPECT_EQ(data.examples[0].label, 1);
    EXPECT_THAT(data.label_names, ElementsAre("yes", "no"));
}

TEST(DatasetLabels, LabelThatWasNotGivenIsAnError) {
    testing::TempTree tree;
    const auto path = tree.write("d.tsv", "text\tlabel\na\tyes\nb\tmaybe\n");
    EXPECT_ERROR(kInvalidArgument, read_texts(path, {}, std::vector<std::string>{"yes", "no"}),
                 "row 3: label 'maybe' is not known; the labels are: yes, no");
    EXPECT_ERROR(kInvalidArgument, read_texts(path, {}, std::vector<std::string>{"yes", "yes"}),
                 "'yes' is given twice");
}

TEST(DatasetLabels, IdsStandForFixedNames) {
    testing::TempTree tree;
    const std::vector<std::string> names = {"yes", "no"};
    const auto path =
        tree.write("d.jsonl",
                   "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"label\": 0.0}\n"
                   "{\"text\": \"c\", \"label\": \"no\"}\n");
    ASSERT_OK_AND_ASSIGN(const Dataset data, read_texts(path, {}, names));
    EXPECT_EQ(data.examples[0].label, 1);
    EXPECT_EQ(data.examples[1].label, 0);
    EXPECT_EQ(data.examples[2].label, 1);
}

TEST(DatasetLabels, IdsBeyondTheNamesAreAnError) {
    testing::TempTree tree;
    const auto path = tree.write("d.tsv", "text\tlabel\na\t0\nb\t2\n");
    EXPECT_ERROR(kInvalidArgument, read_texts(path, {}, std::vector<std::string>{"yes", "no"}),
                 "row 3: label id 2 is not one of 0 to 1 (yes, no)");
    const auto negative = tree.write("n.tsv", "text\tlabel\na\t-1\n");
    EXPECT_ERROR(kInvalidArgument, read_texts(negative, {}, std::vector<std::string>{"yes", "no"}),
                 "row 2: label id -1 is not one of 0 to 1");
}

/// Read for prediction.
Result<Dataset> read_unlabelled(const std::string& content) {
    testing::TempTree tree;
    return read_dataset(
        tree.write("d.tsv", content),
        {.label_names = std::vector<std::string>{"yes", "no"}, .label_rule = LabelRule::kOptional});
}

TEST(DatasetLabels, MayBeMissingForPrediction) {
    ASSERT_OK_AND_ASSIGN(const Dataset no_column, read_unlabelled("text\na\nb\n"));
    EXPECT_FALSE(no_column.has_labels);
    EXPECT_EQ(no_column.examples[1].label, kNoLabel);
    ASSERT_OK_AND_ASSIGN(const Dataset hub, read_unlabelled("text\tlabel\na\t-1\nb\t\n"));
    EXPECT_FALSE(hub.has_labels);
    EXPECT_EQ(hub.examples[0].label, kNoLabel);
    EXPECT_EQ(hub.examples[1].label, kNoLabel);
    ASSERT_OK_AND_ASSIGN(const Dataset labelled, read_unlabelled("text\tlabel\na\tno\n"));
    EXPECT_TRUE(labelled.has_labels);
    EXPECT_EQ(labelled.examples[0].label, 1);
    EXPECT_ERROR(kInvalidArgument, read_unlabelled("text\tlabel\na\tmaybe\n"), "'maybe'");
}

TEST(DatasetColumns, TheFirstSetThatIsThereIsRead) {
    testing::TempTree tree;
    const DatasetOptions options{
        .columns = {{.text = "premise", .pair = "hypothesis", .label = "label"},
                    {.text = "sentence1", .pair = "sentence2", .label = "gold_label"}}};
    const auto glue = tree.write("g.tsv", "sentence1\tsentence2\tgold_label\na\tb\tx\nc\td\ty\n");
    ASSERT_OK_AND_ASSIGN(const Dataset data, read_dataset(glue, options));
    EXPECT_EQ(data.examples[1].pair, "d");
    const auto other = tree.write("o.tsv", "premise\tq\tlabel\na\tb\tx\n");
    EXPECT_ERROR(kInvalidArgument, read_dataset(other, options),
                 "expected a column 'hypothesis', found none; the columns are: premise, q, label");
}

TEST(DatasetLines, MayBeTenMegabytesLong) {
    const std::string text(10'000'000, 'x');
    ASSERT_OK_AND_ASSIGN(const Dataset data,
                         read_content("d.tsv", "text\tlabel\n" + text + "\t0\nb\t1\n"));
    EXPECT_EQ(data.examples[0].text.size(), text.size());
    ASSERT_OK_AND_ASSIGN(
        const Dataset lines,
        read_content("d.jsonl",
                     "{\"text\":\"" + text + "\",\"label\":0}\n{\"text\":\"b\",\"label\":1}"));
    EXPECT_EQ(lines.examples[0].text.size(), text.size());
}

TEST(DatasetErrors, NulBytesNameTheLine) {
    const std::string content = std::string("text\tlabel\na\t0\nb") + '\0' + "c\t1\n";
    EXPECT_ERROR(kCorrupt, read_content("d.tsv", content), "line 3: expected text, found a NUL");
}

TEST(DatasetErrors, ListsWhereATextBelongsAreNamed) {
    EXPECT_ERROR(kCorrupt, read_content("d.jsonl", "{\"text\": [\"a\"], \"label\": 1}\n"),
                 "row 1: column 'text': expected a string, found a list of strings");
    EXPECT_ERROR(kCorrupt, read_content("d.jsonl", "{\"text\": {\"a\": 1}, \"label\": 1}\n"),
                 "row 1: column 'text': expected a string, a whole number, or a list of either, "
                 "found an object");
}

TEST(DatasetShared, RteTrainIsRead) {
    FINEWATT_SHARED_OR_SKIP(file, "data/rte/train.tsv.gz");
    const ColumnNames columns{.text = "sentence1", .pair = "sentence2", .label = "label"};
    ASSERT_OK_AND_ASSIGN(const Dataset data, read_texts(file, columns));
    EXPECT_EQ(data.examples.size(), 2490U);
    EXPECT_THAT(data.label_names, ElementsAre("entailment", "not_entailment"));
}

TEST(DatasetShared, Sst2TrainIsRead) {
    FINEWATT_SHARED_OR_SKIP(file, "data/sst2/train.tsv.gz");
    ASSERT_OK_AND_ASSIGN(const Dataset data,
                         read_texts(file, {.text = "sentence", .label = "label"}));
    EXPECT_EQ(data.examples.size(), 67349U);
    EXPECT_THAT(data.label_names, ElementsAre("0", "1"));
}

TEST(DatasetShared, MnliAndImdbAreRead) {
    FINEWATT_SHARED_OR_SKIP(mnli_file, "data/mnli/dev_matched.tsv.gz");
    const ColumnNames columns{.text = "sentence1", .pair = "sentence2", .label = "gold_label"};
    ASSERT_OK_AND_ASSIGN(const Dataset mnli, read_texts(mnli_file, columns));
    EXPECT_EQ(mnli.examples.size(), 6560U);
    EXPECT_THAT(mnli.label_names, ElementsAre("contradiction", "entailment", "neutral"));
    FINEWATT_SHARED_OR_SKIP(imdb_file, "data/imdb/imdb_4k.tsv.gz");
    ASSERT_OK_AND_ASSIGN(const Dataset imdb, read_texts(imdb_file, {}));
    EXPECT_EQ(imdb.examples.size(), 4000U);
}

}  // namespace
}  // namespace finewatt
