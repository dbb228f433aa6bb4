#include "finewatt/engine/preparation.h"

#include <gtest/gtest.h>

namespace finewatt {
namespace {

TEST(PreparationOfAJob, NamesWhereTheFeaturesCameFrom) {
    EXPECT_EQ(features_source({.sets = 2, .mapped_sets = 0}), "tokenized");
    EXPECT_EQ(features_source({.sets = 2, .mapped_sets = 1}), "1 of 2 sets from the cache");
    EXPECT_EQ(features_source({.sets = 2, .mapped_sets = 2}), "from the cache");
}

}  // namespace
}  // namespace finewatt
