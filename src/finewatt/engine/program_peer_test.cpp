// Against transformers: a model that finewatt-train saved gives the same logits there, and its
// Trainer has the same losses, step by step.
#include "finewatt/base/file.h"
#include "finewatt/engine/tiny_job_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/places.h"
#include "finewatt/testing/temp_tree.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace finewatt {
namespace {

int shell(const std::string& command) {
    return std::system(command.c_str());  // NOLINT(cert-env33-c): fixed command lines of this test
}

bool has_transformers() {
    const auto python = testing::venv_python();
    return std::filesystem::exists(python) &&
           shell(python.string() + " -c 'import transformers, torch, accelerate'") == 0;
}

class TrainingSteps : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

// Dynamic padding: what the reference's question answering loss depends on.
TEST_P(TrainingSteps, HaveTheLossesOfTheTrainer) {
    if (!has_transformers()) {
        GTEST_SKIP() << "no Python with transformers and accelerate; scripts/setup makes it";
    }
    const auto& [task, file] = GetParam();
    const testing::TempTree tree;
    const testing::TinyJob job(tree.path());
    const std::string dir = job.file(".").string();
    const std::string common = fmt::format(
        "{0}/finewatt-train finetune --task {1} --data {2}/{3} --max-length 32 --batch 8 "
        "--dropout 0 --batching dynamic --threads 1 --no-cache {4}",
        testing::bin_dir(), task, dir, file,
        std::string(task) == "squad_v2" ? "--doc-stride 4 " : "");
    // A step of rate 0 leaves the weights as they were drawn.
    ASSERT_EQ(shell(fmt::format("{0} --model random:{1}/config.json --vocab {1}/vocab.txt "
                                "--max-steps 1 --lr 0 --out {1}/start >/dev/null",
                                common, dir)),
              0);
    ASSERT_EQ(shell(fmt::format("{0} --model {1}/start --max-steps 10 --lr 1e-3 --log "
                                "{1}/steps.jsonl >/dev/null",
                                common, dir)),
              0);
    EXPECT_EQ(
        shell(fmt::format("HF_HUB_OFFLINE=1 {0} {1}/tests/parity/peer/train_steps.py {2} "
                          "{3}/start {3}/{4} {3}/steps.jsonl 1e-4",
                          testing::venv_python().string(), testing::source_dir(), task, dir, file)),
        0);
}

INSTANTIATE_TEST_SUITE_P(Heads, TrainingSteps,
                         ::testing::Values(std::pair{"classification", "train.tsv"},
                                           std::pair{"ner", "train.conll"},
                                           std::pair{"squad_v2", "train.json"}),
                         [](const auto& tested) { return std::string(tested.param.first); });

TEST(SavedModel, GivesTheSameLogitsInTransformers) {
    const auto python = testing::venv_python();
    if (!std::filesystem::exists(python) ||
        shell(python.string() + " -c 'import transformers, torch'") != 0) {
        GTEST_SKIP() << "no Python with transformers at " << python
                     << "; scripts/setup makes it, FINEWATT_VENV names it";
    }
    const testing::TempTree tree;
    const testing::TinyJob job(tree.path());
    const std::string dir = job.file(".").string();
    const std::string train = fmt::format("{}/finewatt-train", testing::bin_dir());
    ASSERT_EQ(shell(fmt::format("{0} finetune --model random:{1}/config.json --vocab "
                                "{1}/vocab.txt --data {1}/train.tsv --max-length 16 --epochs 2 "
                                "--batch 8 --lr 5e-3 --no-cache --out {1}/out >/dev/null",
                                train, dir)),
              0);
    ASSERT_EQ(shell(fmt::format("{0} infer --model {1}/out --data {1}/eval.tsv --logits "
                                "--max-length 16 --no-cache --predictions {1}/predictions.jsonl "
                                ">/dev/null",
                                train, dir)),
              0);
    EXPECT_EQ(shell(fmt::format("{0} {1}/tests/parity/peer/compare_logits.py {2}/out {2}/eval.tsv "
                                "{2}/predictions.jsonl 1e-4",
                                python.string(), testing::source_dir(), dir)),
              0);
}

}  // namespace
}  // namespace finewatt
