// Parquet files that pyarrow writes, read by us. Skipped where the Python environment has no
// pyarrow, or the build no Parquet module.
#include "finewatt/data/parquet_rows_internal.h"
#include "finewatt/data/peer_test_script_internal.h"
#include "finewatt/data/task_data.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <fstream>

namespace finewatt {
namespace {

using Texts = std::vector<std::string>;
using Integers = std::vector<std::int64_t>;

/// The files of write_parquet.py, written once for all tests.
class ParquetFile : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        tree_ = std::make_unique<testing::TempTree>();
        is_written_ =
            peer::has_module("pyarrow.parquet") && peer::run("write_parquet.py", {tree_->path()});
    }

    static void TearDownTestSuite() { tree_.reset(); }

    void SetUp() override {
#ifndef FINEWATT_HAS_PARQUET
        GTEST_SKIP() << "built without the Parquet module (FINEWATT_WITH_ARROW)";
#endif
        FINEWATT_SKIP_WITHOUT_MODULE("pyarrow.parquet");
        ASSERT_TRUE(is_written_);
    }

    static std::filesystem::path path(const std::string& name) {
        return tree_->path() / (name + ".parquet");
    }

    static Result<std::vector<DataRow>> read(const std::string& name, const Texts& columns) {
        return read_parquet_rows(path(name),
                                 [&](const Texts&) -> Result<Texts> { return columns; });
    }

    static std::unique_ptr<testing::TempTree> tree_;
    static bool is_written_;
};

std::unique_ptr<testing::TempTree> ParquetFile::tree_;
bool ParquetFile::is_written_ = false;

const Texts& expected_texts() {
    static const Texts kTexts = {"a fine film", "caf\u00E9, \u4E2D\u6587 \U0001F600", "dull", "",
                                 "a fine film"};
    return kTexts;
}

/// Texts and labels of the rows; `labels` are the expected cells.
void expect_rows(const Result<std::vector<DataRow>>& rows, const std::vector<DataCell>& labels) {
    ASSERT_OK(rows);
    ASSERT_EQ(rows->size(), 5U);
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_EQ((*rows)[i].number, i + 1);
        EXPECT_EQ((*rows)[i].cells[0], DataCell(expected_texts()[i])) << "row " << i + 1;
        EXPECT_EQ((*rows)[i].cells[1], labels[i]) << "row " << i + 1;
    }
}

const std::vector<DataCell> kNamed = {"positive", "positive", "negative", {}, "positive"};
const std::vector<DataCell> kNumbers = {std::int64_t{1}, std::int64_t{1}, std::int64_t{0},
                                        std::int64_t{-1}, std::int64_t{1}};

TEST_F(ParquetFile, EveryCompressionAndLayoutGivesTheSameRows) {
    for (const char* name : {"codec_none", "codec_snappy", "codec_gzip", "codec_zstd", "codec_lz4",
                             "codec_brotli", "row_groups", "plain_encoding"}) {
        SCOPED_TRACE(name);
        expect_rows(read(name, {"sentence", "label"}), kNamed);
    }
}

TEST_F(ParquetFile, DictionariesAndOtherStringTypesAreStringsAndBareNumbersStay) {
    for (const char* name : {"dictionary", "text_large", "text_view", "text_binary"}) {
        SCOPED_TRACE(name);
        expect_rows(read(name, {"sentence", "label"}), kNumbers);
    }
}

TEST_F(ParquetFile, ColumnsComeInTheOrderAskedForAndAreOfferedByName) {
    Texts offered;
    ASSERT_OK_AND_ASSIGN(
        const auto rows,
        read_parquet_rows(path("questions"), [&](const Texts& names) -> Result<Texts> {
            offered = names;
            return Texts{"answers.answer_start", "id", "answers.text"};
        }));
    EXPECT_EQ(offered, (Texts{"id", "context", "question", "answers", "answers.text",
                              "answers.answer_start"}));
    EXPECT_EQ(rows[0].cells[0], DataCell(Integers{0, 0}));
    EXPECT_EQ(rows[0].cells[1], DataCell("q1"));
    EXPECT_EQ(rows[0].cells[2], DataCell(Texts{"Ann", "Ann saw"}));
    EXPECT_EQ(rows[1].cells[0], DataCell(Integers{}));
    EXPECT_EQ(rows[1].cells[2], DataCell(Texts{}));
}

TEST_F(ParquetFile, ListsHoldNamesOfClassesWhereTheMetadataNameThem) {
    ASSERT_OK_AND_ASSIGN(const auto rows, read("entities", {"tokens", "ner_tags", "names"}));
    EXPECT_EQ(rows[0].cells[0], DataCell(Texts{"Ann", "saw", "Rome"}));
    EXPECT_EQ(rows[0].cells[1], DataCell(Texts{"B-PER", "O", "B-LOC"}));
    EXPECT_EQ(rows[0].cells[2], DataCell(Texts{"B-PER", "O", "B-LOC"}));
    EXPECT_EQ(rows[1].cells[1], DataCell(Texts{"O"}));
}

TEST_F(ParquetFile, NullsAreEmptyCellsAndErrorsWhereAValueIsNeeded) {
    ASSERT_OK_AND_ASSIGN(const auto rows, read("nulls", {"sentence", "label"}));
    EXPECT_EQ(rows[0].cells[1], DataCell());
    EXPECT_EQ(rows[1].cells[0], DataCell());
    EXPECT_ERROR(kCorrupt, text_of(rows[1], 0, "sentence"), "row 2: column 'sentence'");
    EXPECT_ERROR(kCorrupt, read("null_in_list", {"tokens"}),
                 "column 'tokens': row 1: expected a list without nulls");
}

TEST_F(ParquetFile, WhatCannotBeReadIsNamed) {
    EXPECT_ERROR(kInvalidArgument, read("codec_none", {"score"}),
                 "column 'score': row 1: expected strings, whole numbers or lists of them, found "
                 "double");
    EXPECT_ERROR(kInvalidArgument, read("codec_none", {"nothing"}), "column 'nothing': expected");
    EXPECT_ERROR(kCorrupt, read("huge", {"label"}), "below 2^63");
    EXPECT_ERROR(kCorrupt, read("wrong_class", {"label"}),
                 "row 3: column 'label': expected a class number below 2");
    EXPECT_ERROR(kNotFound, read("no such file", {"label"}), "found none");
    ASSERT_OK_AND_ASSIGN(const auto rows, read("empty", {"label"}));
    EXPECT_TRUE(rows.empty());
}

TEST_F(ParquetFile, BrokenFilesAreRefused) {
    ASSERT_OK_AND_ASSIGN(const std::string whole, read_file(path("codec_snappy")));
    const auto read_bytes = [&](const std::string& bytes) {
        return read_parquet_rows(tree_->write("broken.parquet", bytes),
                                 [](const Texts&) -> Result<Texts> { return Texts{"sentence"}; });
    };
    EXPECT_ERROR(kCorrupt, read_bytes(""), "expected a whole Parquet file");
    EXPECT_ERROR(kCorrupt, read_bytes("sentence\tlabel\n"), "expected a whole Parquet file");
    EXPECT_ERROR(kCorrupt, read_bytes(whole.substr(0, whole.size() / 2)),
                 "expected a whole Parquet file");
    // A byte of the data pages, whose beginning the file's own head is.
    std::string damaged = whole;
    for (std::size_t i = 4; i < 40; ++i) {
        damaged[i] = static_cast<char>(damaged[i] ^ 0x55);
    }
    EXPECT_ERROR(kCorrupt, read_bytes(damaged), "expected a whole Parquet file");
}

TEST_F(ParquetFile, TasksReadItLikeAnyOtherFormat) {
    ASSERT_OK_AND_ASSIGN(const TaskData texts, read_task_data(*find_task("rte"), path("pairs")));
    const auto& dataset = std::get<Dataset>(texts.examples);
    EXPECT_EQ(dataset.label_names, (Texts{"entailment", "not_entailment"}));
    EXPECT_EQ(dataset.examples[1].text, "Nobody came.");
    EXPECT_EQ(dataset.examples[1].pair, "All came.");
    EXPECT_EQ(dataset.examples[1].label, 1);

    ASSERT_OK_AND_ASSIGN(const TaskData tags,
                         read_task_data(*find_task("conll2003"), path("entities")));
    const auto& sentences = std::get<std::vector<TaggedSentence>>(tags.examples);
    EXPECT_EQ(sentences[0].tags, (Texts{"B-PER", "O", "B-LOC"}));

    ASSERT_OK_AND_ASSIGN(const TaskData squad,
                         read_task_data(*find_task("squad_v2"), path("questions")));
    const auto& questions = std::get<SquadData>(squad.examples);
    EXPECT_TRUE(questions.is_v2);
    EXPECT_EQ(questions.contexts, (Texts{"Ann saw Rome", "Nobody"}));
    EXPECT_EQ(questions.examples[2].answers[0].text, "Nobody");
}

}  // namespace
}  // namespace finewatt
