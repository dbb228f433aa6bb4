#include "finewatt/data/entity_score.h"

#include "finewatt/data/conll_data.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/shared_data.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <set>

namespace finewatt {
namespace {

using Tags = std::vector<std::string>;

TEST(FindEntities, InsideTagAfterOutsideOrAnotherTypeBeginsAnEntity) {
    EXPECT_EQ(find_entities({{"I-PER", "I-PER", "O", "I-LOC", "I-PER"}}),
              (std::vector<Entity>{{"PER", 0, 1}, {"LOC", 3, 3}, {"PER", 4, 4}}));
}

TEST(FindEntities, EntitiesDoNotCrossSentences) {
    EXPECT_EQ(find_entities({{"B-PER"}, {"I-PER"}}),
              (std::vector<Entity>{{"PER", 0, 0}, {"PER", 2, 2}}));
}

TEST(FindEntities, TypesMayHoldHyphensAndTagsMayLackOne) {
    EXPECT_EQ(find_entities({{"B-A-B", "I-A-B", "B"}}),
              (std::vector<Entity>{{"A-B", 0, 1}, {"_", 2, 2}}));
}

TEST(ScoreEntities, CountsWholeEntitiesOnly) {
    const std::vector<Tags> want = {{"B-PER", "I-PER", "O", "B-LOC"}};
    const std::vector<Tags> got = {{"B-PER", "O", "O", "B-LOC"}};
    ASSERT_OK_AND_ASSIGN(const EntityScores scores, score_entities(want, got));
    EXPECT_DOUBLE_EQ(scores.precision, 0.5);
    EXPECT_DOUBLE_EQ(scores.recall, 0.5);
    EXPECT_DOUBLE_EQ(scores.f1, 0.5);
    EXPECT_DOUBLE_EQ(scores.accuracy, 0.75);
}

TEST(ScoreEntities, NothingFoundIsZeroAndUnequalSizesAreRefused) {
    ASSERT_OK_AND_ASSIGN(const EntityScores scores, score_entities({{"O"}}, {{"O"}}));
    EXPECT_EQ(scores.f1, 0);
    EXPECT_EQ(scores.accuracy, 1);
    EXPECT_ERROR(kInvalidArgument, score_entities({{"O"}}, {{"O", "O"}}), "sentence 0");
}

TEST(Iob2, ComesFromIob1AndBioesAlike) {
    EXPECT_EQ(to_iob2({"I-PER", "I-PER", "B-PER", "O", "I-LOC"}),
              (Tags{"B-PER", "I-PER", "B-PER", "O", "B-LOC"}));
    EXPECT_EQ(to_iob2({"S-PER", "B-PER", "E-PER", "S-PER", "U-LOC", "B-LOC", "L-LOC"}),
              (Tags{"B-PER", "B-PER", "I-PER", "B-PER", "B-LOC", "B-LOC", "I-LOC"}));
    EXPECT_EQ(to_iob2({"B-PER", "I-PER", "O"}), (Tags{"B-PER", "I-PER", "O"}));
}

class ConllFile : public ::testing::Test {
  protected:
    Result<std::vector<TaggedSentence>> read(const std::string& text) {
        return read_conll(tree_.write("data.conll", text));
    }

    testing::TempTree tree_;
};

TEST_F(ConllFile, FourColumnsWithDocumentMarks) {
    ASSERT_OK_AND_ASSIGN(
        const auto sentences,
        read("-DOCSTART- -X- O O\n\nAnn NNP - I-PER\nsings VB - O\n\n#tag NN - O\n"));
    ASSERT_EQ(sentences.size(), 2U);
    EXPECT_EQ(sentences[0].words, (Tags{"Ann", "sings"}));
    EXPECT_EQ(sentences[0].tags, (Tags{"B-PER", "O"}));
    EXPECT_EQ(sentences[1].words, (Tags{"#tag"}));
}

TEST_F(ConllFile, CountedThreeColumnsHaveTheWordSecond) {
    ASSERT_OK_AND_ASSIGN(const auto sentences, read("0\tIn\tO\n1\tRome\tB-LOC\n"));
    EXPECT_EQ(sentences[0].words, (Tags{"In", "Rome"}));
}

TEST_F(ConllFile, BracketsOfConll2012BecomeTags) {
    const auto line = [](const std::string& word, const std::string& entity) {
        return "doc 0 0 " + word + " - * - - - - " + entity + " * -\n";
    };
    ASSERT_OK_AND_ASSIGN(
        const auto sentences,
        read("#begin document (doc); part 000\n" + line("Old", "(PER*") + line("Ann", "*)") +
             line("saw", "*") + line("Rome", "(GPE)") + "\n#end document\n"));
    EXPECT_EQ(sentences[0].tags, (Tags{"B-PER", "I-PER", "O", "B-GPE"}));
}

TEST_F(ConllFile, BrokenLinesAreNamed) {
    EXPECT_ERROR(kCorrupt, read("Ann B-PER\nsings\n"), "line 2: expected 2 columns");
    EXPECT_ERROR(kCorrupt, read("Ann person\n"), "line 1: expected a tag");
    EXPECT_ERROR(kCorrupt, read("#begin document (d); part 0\nd 0 0 Ann - * - - - - (PER* * -\n\n"),
                 "PER is open");
    EXPECT_ERROR(kCorrupt, read("\n\n"), "found none");
}

TEST_F(ConllFile, RealFilesOfEveryFormAreRead) {
    FINEWATT_SHARED_OR_SKIP(folder, "data/ner");
    const auto types_of = [&](const std::string& name) {
        std::set<std::string> types;
        const auto sentences = read_conll(folder / name);
        EXPECT_OK(sentences);
        for (const TaggedSentence& sentence : *sentences) {
            EXPECT_EQ(sentence.words.size(), sentence.tags.size());
            for (const Entity& entity : find_entities({sentence.tags})) {
                types.insert(entity.type);
            }
        }
        return types;
    };
    const std::set<std::string> four = {"LOC", "MISC", "ORG", "PER"};
    EXPECT_EQ(types_of("sec_fin_train.conll.gz"), four);
    EXPECT_EQ(types_of("wikigold.conll.gz"), four);
    EXPECT_EQ(types_of("wikineural_en_a.conll.gz"), four);
    EXPECT_EQ(types_of("litbank_conll2012_80docs.gold_conll.gz"),
              (std::set<std::string>{"FAC", "GPE", "LOC", "ORG", "PER", "VEH"}));
}

TEST(PredictedWords, AreScoredUpToTheCutOfTheirSentence) {
    const std::vector<Tags> references = {{"B-PER", "O", "B-LOC", "I-LOC"}, {"B-PER"}};
    // The second place is cut in two: what is left of it counts.
    const std::vector<PredictedTags> predictions = {{"B-PER", std::nullopt, "B-LOC"},
                                                    {std::nullopt}};
    ASSERT_OK_AND_ASSIGN(const WordScores scored, score_predicted_words(references, predictions));
    EXPECT_EQ(scored.scores.f1, 1);
    EXPECT_EQ(scored.scores.accuracy, 1);
    EXPECT_EQ(scored.words_left_out, 3U);
}

TEST(PredictedWords, ThatTheSentencesDoNotHaveAreRefused) {
    const std::vector<Tags> one = {{"O"}};
    const std::vector<Tags> two = {{"O"}, {"O"}};
    const std::vector<PredictedTags> for_one = {{"O"}};
    const std::vector<PredictedTags> for_two = {{"O"}, {"O"}};
    const std::vector<PredictedTags> too_long = {{"O", "O"}};
    EXPECT_ERROR(kInvalidArgument, score_predicted_words(one, too_long),
                 "sentence 0: expected at most 1 tags, found 2");
    EXPECT_ERROR(kInvalidArgument, score_predicted_words(two, for_one), "2 sentences");
    EXPECT_ERROR(kInvalidArgument, score_predicted_words(one, for_two), "1 sentences");
}

}  // namespace
}  // namespace finewatt
