// A model that finewatt-train saved, loaded in transformers: the same logits.
#include "finewatt/base/file.h"
#include "finewatt/engine/tiny_job_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace finewatt {
namespace {

std::filesystem::path venv_python() {
    const char* venv = std::getenv("FINEWATT_VENV");
    const std::filesystem::path folder =
        venv != nullptr ? std::filesystem::path(venv)
                        : std::filesystem::path(FINEWATT_SOURCE_DIR) / "build/venv";
    return folder / "bin/python";
}

int shell(const std::string& command) {
    return std::system(command.c_str());  // NOLINT(cert-env33-c): fixed command lines of this test
}

TEST(SavedModel, GivesTheSameLogitsInTransformers) {
    const auto python = venv_python();
    if (!std::filesystem::exists(python) ||
        shell(python.string() + " -c 'import transformers, torch'") != 0) {
        GTEST_SKIP() << "no Python with transformers at " << python
                     << "; scripts/setup makes it, FINEWATT_VENV names it";
    }
    const testing::TempTree tree;
    const testing::TinyJob job(tree.path());
    const std::string dir = job.file(".").string();
    const std::string train = fmt::format("{}/finewatt-train", FINEWATT_BIN_DIR);
    ASSERT_EQ(shell(fmt::format("{0} finetune --model random:{1}/config.json --vocab "
                                "{1}/vocab.txt --data {1}/train.tsv --max-length 16 --epochs 2 "
                                "--batch 8 --lr 5e-3 --out {1}/out >/dev/null",
                                train, dir)),
              0);
    ASSERT_EQ(shell(fmt::format("{0} infer --model {1}/out --data {1}/eval.tsv --logits "
                                "--max-length 16 --predictions {1}/predictions.jsonl >/dev/null",
                                train, dir)),
              0);
    EXPECT_EQ(shell(fmt::format("{0} {1}/tests/parity/peer/compare_logits.py {2}/out {2}/eval.tsv "
                                "{2}/predictions.jsonl 1e-4",
                                python.string(), FINEWATT_SOURCE_DIR, dir)),
              0);
}

}  // namespace
}  // namespace finewatt
