#include "finewatt/hub/repo.h"

#include "finewatt/testing/matchers.h"

namespace finewatt::hub {
namespace {

TEST(Repo, NameAndRevisionArePartedAtTheAt) {
    ASSERT_OK_AND_ASSIGN(const Repo plain, parse_repo("bert-base-uncased"));
    EXPECT_EQ(plain.name, "bert-base-uncased");
    EXPECT_EQ(plain.revision, "main");
    ASSERT_OK_AND_ASSIGN(const Repo pinned, parse_repo("google-bert/bert-base_v1.5@refs/pr/1"));
    EXPECT_EQ(pinned.name, "google-bert/bert-base_v1.5");
    EXPECT_EQ(pinned.revision, "refs/pr/1");
    EXPECT_EQ(pinned.text(), "google-bert/bert-base_v1.5@refs/pr/1");
}

TEST(Repo, FolderIsThatOfTheCacheLayout) {
    EXPECT_EQ(parse_repo("julien-c/EsperBERTo-small")->folder_name(),
              "models--julien-c--EsperBERTo-small");
    EXPECT_EQ(parse_repo("gpt2")->folder_name(), "models--gpt2");
    EXPECT_EQ(parse_repo("a/b", RepoType::kDataset)->folder_name(), "datasets--a--b");
}

TEST(Repo, WhatIsNoNameIsRefused) {
    for (const char* text :
         {"",   "/",         "a/",   "/a",     "a/b/c",  "./a", "../a",
          "-a", "a.",        "a--b", "a..b",   "a.git",  "a b", "caf\xC3\xA9",
          "a@", "a@../../x", "a@/x", "a@x//y", "a@x\ny", "~/a", "random:c.json"}) {
        EXPECT_ERROR(kInvalidArgument, parse_repo(text), "on the hub") << text;
        EXPECT_FALSE(is_hub_name(text)) << text;
    }
    EXPECT_ERROR(kInvalidArgument, parse_repo(std::string(97, 'a')), "1 to 96");
    EXPECT_OK(parse_repo(std::string(96, 'a')));
}

TEST(Repo, FetchArgumentsNameTypeAndRevision) {
    EXPECT_EQ(parse_repo("a/b@v2", RepoType::kDataset)->fetch_arguments(), "a/b@v2 --dataset");
    EXPECT_EQ(parse_repo("a/b")->fetch_arguments(), "a/b");
}

TEST(Repo, CommitIsFortyLowerCaseDigits) {
    EXPECT_TRUE(is_commit("0123456789abcdef0123456789abcdef01234567"));
    EXPECT_FALSE(is_commit("0123456789ABCDEF0123456789abcdef01234567"));
    EXPECT_FALSE(is_commit("0123456789abcdef"));
    EXPECT_FALSE(is_commit("main"));
}

TEST(Repo, PathsThatLeadOutOfTheFolderAreNotSafe) {
    for (const char* path : {"config.json", "data/train.tsv", "...", "a/.b"}) {
        EXPECT_TRUE(is_safe_path(path)) << path;
    }
    for (const char* path : {"", ".", "..", "/etc/passwd", "a/../b", "a//b", "a/", "a/.", "a\tb"}) {
        EXPECT_FALSE(is_safe_path(path)) << path;
    }
}

}  // namespace
}  // namespace finewatt::hub
