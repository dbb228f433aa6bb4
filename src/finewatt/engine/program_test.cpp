// The real finewatt-train, started through a shell: exit statuses, messages, signals, full disk.
#include "finewatt/base/file.h"
#include "finewatt/engine/tiny_job_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/places.h"
#include "finewatt/testing/temp_tree.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sys/wait.h>

#include <cstdio>
#include <string>

namespace finewatt {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Outcome {
    int status = -1;
    std::string output;  ///< standard output and error
};

/// Run a shell command line; `$train` is the program and `$dir` the job's folder.
Outcome run_shell(const std::filesystem::path& directory, const std::string& command) {
    const std::string line = fmt::format(
        "export XDG_CACHE_HOME='{1}/cache' FINEWATT_NO_CACHE= FINEWATT_CACHE_LIMIT=; "
        "train='{0}/finewatt-train'; dir='{1}'; {{ {2}; }} 2>&1",
        testing::bin_dir(), directory.string(), command);
    Outcome outcome;
    // NOLINTNEXTLINE(cert-env33-c): the shell sets limits and sends signals for these tests
    FILE* pipe = ::popen(line.c_str(), "r");
    if (pipe == nullptr) {
        return outcome;
    }
    char buffer[4096];
    for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
        outcome.output.append(buffer, n);
    }
    const int status = ::pclose(pipe);
    outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return outcome;
}

class Program : public ::testing::Test {
  protected:
    Outcome run(const std::string& command) const { return run_shell(job_.file("."), command); }

    static constexpr const char* kTrain =
        "$train finetune --model random:$dir/config.json --vocab $dir/vocab.txt "
        "--data $dir/train.tsv --batch 8 --max-length 16 --epochs 1 --threads 1 ";

    testing::TempTree tree_;
    testing::TinyJob job_{tree_.path()};
};

TEST_F(Program, TrainsAndPrintsAShortSummary) {
    const Outcome outcome = run(std::string(kTrain) + "--eval-data $dir/eval.tsv --out $dir/out");
    EXPECT_EQ(outcome.status, 0) << outcome.output;
    EXPECT_THAT(outcome.output, HasSubstr("trained    8 of 8 steps, 64 examples"));
    EXPECT_THAT(outcome.output, HasSubstr("accuracy   "));
    ASSERT_OK_AND_ASSIGN(const std::string settings, read_file(job_.file("out/settings.toml")));
    EXPECT_THAT(settings, HasSubstr("batch = 8"));
}

TEST_F(Program, WritesEventsToTheDescriptorItIsGiven) {
    const Outcome outcome =
        run("FINEWATT_EVENT_FD=7 " + std::string(kTrain) + "7>$dir/events.jsonl");
    EXPECT_EQ(outcome.status, 0) << outcome.output;
    ASSERT_OK_AND_ASSIGN(const std::string events, read_file(job_.file("events.jsonl")));
    for (const char* text : {R"("name":"startup")", R"("event":"engine")", R"("torch_version":)",
                             R"("name":"train")", R"("event":"work")", R"("event":"progress")"}) {
        EXPECT_THAT(events, HasSubstr(text));
    }
}

TEST_F(Program, SaysWhetherFeaturesCameFromTheCache) {
    const std::string train =
        "FINEWATT_EVENT_FD=7 " + std::string(kTrain) + "--max-steps 1 7>$dir/events.jsonl ";
    const Outcome first = run(train);
    EXPECT_THAT(first.output, HasSubstr("for features (tokenized)"));
    const Outcome second = run(train + "--eval-data $dir/eval.tsv");
    EXPECT_THAT(second.output, HasSubstr("for features (1 of 2 sets from the cache)"));
    const Outcome third = run(train + "--eval-data $dir/eval.tsv");
    EXPECT_THAT(third.output, HasSubstr("for features (from the cache)"));
    ASSERT_OK_AND_ASSIGN(const std::string events, read_file(job_.file("events.jsonl")));
    EXPECT_THAT(events, HasSubstr(R"("features":"from the cache")"));
    const auto after_cache = [](const std::string& text) { return text.substr(text.find("loss")); };
    const Outcome without = run(train + "--eval-data $dir/eval.tsv --no-cache");
    EXPECT_THAT(without.output, HasSubstr("for features (tokenized)"));
    EXPECT_EQ(after_cache(without.output), after_cache(third.output));
}

TEST_F(Program, PrintsItsVersions) {
    const Outcome outcome = run("$train --version");
    EXPECT_EQ(outcome.status, 0);
    EXPECT_THAT(outcome.output, HasSubstr("LibTorch 2."));
    EXPECT_THAT(outcome.output, HasSubstr("devices cpu"));
}

TEST_F(Program, WrongUsageIsTwo) {
    for (const char* arguments :
         {"", "finetune", "finetune --model m", "finetune --no-such-option", "train",
          "finetune --model m --data d --batching odd", "finetune --model m --data d --task dance",
          "finetune --model m --data d --resume", "finetune --model m --data d --nproc 2",
          "infer --model m --data d", "finetune --model m --data d --epochs many"}) {
        EXPECT_EQ(run("$train " + std::string(arguments)).status, 2) << arguments;
    }
}

TEST_F(Program, BadInputIsFourAndNamesTheFile) {
    job_.write("broken.json", "{");
    job_.write("one_class.tsv", "text\tlabel\na\tx\nb\tx\n");
    job_.write("spec.toml", "bacth = 3\n");
    const std::pair<const char*, const char*> cases[] = {
        {"$train finetune --model $dir/nowhere --data $dir/train.tsv", "nowhere"},
        {"$train finetune --model random:$dir/broken.json --vocab $dir/vocab.txt --data "
         "$dir/train.tsv",
         "broken.json"},
        {"$train finetune --model random:$dir/config.json --vocab $dir/vocab.txt --data "
         "$dir/one_class.tsv --max-length 16",
         "one_class.tsv"},
        {"$train finetune --model random:$dir/config.json --vocab $dir/vocab.txt --data "
         "$dir/train.tsv --max-length 64",
         "max_position_embeddings"},
        {"$train finetune --model m --data d --spec $dir/spec.toml", "line 1"},
        {"$train infer --model $dir --data d --predictions p --max-length 16", "safetensors"},
    };
    for (const auto& [command, text] : cases) {
        const Outcome outcome = run(command);
        EXPECT_EQ(outcome.status, 4) << outcome.output;
        EXPECT_THAT(outcome.output, HasSubstr(text));
    }
}

TEST_F(Program, AGpuThatIsNotThereIsFourAndSaysWhatToDo) {
    const std::string infer =
        "$train infer --model $dir --data $dir/eval.tsv --predictions $dir/p --max-length 16 ";
    for (const std::string& command : {std::string(kTrain) + "--out $dir/out ", infer}) {
        // Empty: a build with CUDA finds no GPU either.
        const Outcome outcome = run("CUDA_VISIBLE_DEVICES= " + command + "--device cuda");
        EXPECT_EQ(outcome.status, 4) << outcome.output;
        EXPECT_THAT(outcome.output, HasSubstr("--device cuda: expected a "));
        EXPECT_THAT(outcome.output, HasSubstr("use --device cpu"));
        EXPECT_THAT(outcome.output, Not(HasSubstr("bug")));
    }
    EXPECT_FALSE(std::filesystem::exists(job_.file("out")));
    EXPECT_EQ(run(std::string(kTrain) + "--max-steps 1 --device cpu").status, 0);
}

TEST_F(Program, AFullDiskIsFiveAndKeepsTheOldModel) {
    ASSERT_EQ(run(std::string(kTrain) + "--out $dir/out").status, 0);
    ASSERT_OK_AND_ASSIGN(const std::string before, read_file(job_.file("out/model.safetensors")));
    // Files may grow to 8 blocks of 512 or 1024 bytes; the weights need more.
    const Outcome outcome =
        run("trap '' XFSZ; ulimit -f 8; " + std::string(kTrain) + "--seed 5 --out $dir/out");
    EXPECT_EQ(outcome.status, 5) << outcome.output;
    EXPECT_THAT(outcome.output, HasSubstr("--out"));
    ASSERT_OK_AND_ASSIGN(const std::string after, read_file(job_.file("out/model.safetensors")));
    EXPECT_EQ(before, after);
    EXPECT_EQ(run("ls -A $dir/out | wc -l").output, "6\n");  // no temporary file left
}

TEST_F(Program, DivergenceIsFiveAndNamesTheStep) {
    const Outcome outcome = run(std::string(kTrain) + "--lr 1e30");
    EXPECT_EQ(outcome.status, 5) << outcome.output;
    EXPECT_THAT(outcome.output, HasSubstr("not finite at step"));
    EXPECT_THAT(outcome.output, HasSubstr("examples (from 0)"));
}

TEST_F(Program, TrainsAndInfersWithEveryHead) {
    const std::pair<const char*, const char*> cases[] = {
        {"classification", "tsv"}, {"ner", "conll"}, {"squad_v2", "json"}};
    for (const auto& [task, ending] : cases) {
        const std::string stride = std::string(task) == "squad_v2" ? " --doc-stride 4" : "";
        const Outcome trained = run(fmt::format(
            "$train finetune --task {0} --model random:$dir/config.json --vocab $dir/vocab.txt "
            "--data $dir/train.{1} --eval-data $dir/eval.{1} --batch 8 --max-length 16{2} "
            "--epochs 1 --threads 1 --grad-accumulation 2 --checkpoint-every 2 --eval-every 2 "
            "--out $dir/{0}",
            task, ending, stride));
        EXPECT_EQ(trained.status, 0) << trained.output;
        const Outcome inferred = run(fmt::format(
            "$train infer --task {0} --model $dir/{0} --data $dir/eval.{1} --max-length 16{2} "
            "--predictions $dir/{0}.out --threads 1 --latency",
            task, ending, stride));
        EXPECT_EQ(inferred.status, 0) << inferred.output;
        EXPECT_THAT(inferred.output, HasSubstr("ms p50"));
        EXPECT_TRUE(std::filesystem::exists(job_.file(std::string(task) + ".out")));
    }
    const Outcome other =
        run("$train infer --task squad_v2 --model $dir/ner --data $dir/eval.json --max-length 16 "
            "--doc-stride 4 --predictions $dir/wrong.out");
    EXPECT_EQ(other.status, 4) << other.output;
    EXPECT_THAT(other.output, HasSubstr("BertForTokenClassification"));
    EXPECT_FALSE(std::filesystem::exists(job_.file("wrong.out")));
}

// Starts an endless training, waits until its first step is logged, and runs the commands in $3.
constexpr const char* kWhileTraining = R"(
train=$1; dir=$2
$train finetune --model random:$dir/config.json --vocab $dir/vocab.txt --data $dir/train.tsv \
    --batch 8 --max-length 16 --epochs 1000000 --threads 2 --out $dir/out --log $dir/steps.jsonl &
pid=$!
until [ -s $dir/steps.jsonl ]; do kill -0 $pid || exit 99; sleep 0.05; done
eval "$3"
wait $pid
)";

TEST_F(Program, FirstSignalSavesTheModelAndTheStatusNamesTheSignal) {
    job_.write("while_training.sh", kWhileTraining);
    const std::pair<const char*, int> cases[] = {{"INT", 130}, {"TERM", 143}};
    for (const auto& [signal, status] : cases) {
        const Outcome outcome =
            run(fmt::format("bash $dir/while_training.sh $train $dir 'kill -{} $pid'", signal));
        EXPECT_EQ(outcome.status, status) << outcome.output;
        EXPECT_THAT(outcome.output, HasSubstr("saved"));
        EXPECT_TRUE(std::filesystem::exists(job_.file("out/model.safetensors")));
        std::filesystem::remove_all(job_.file("out"));
        std::filesystem::remove(job_.file("steps.jsonl"));
    }
}

TEST_F(Program, HasOneThreadPool) {
    job_.write("while_training.sh", kWhileTraining);
    const Outcome outcome =
        run("bash $dir/while_training.sh $train $dir 'ls /proc/$pid/task | wc -l; kill $pid'");
    // Two compute threads, and perhaps one of autograd. A second OpenMP runtime would add its own
    // pool, and a pool of the wrong size one thread per core.
    const int threads = std::stoi(outcome.output);
    EXPECT_GE(threads, 2) << outcome.output;
    EXPECT_LE(threads, 3) << outcome.output;
}

}  // namespace
}  // namespace finewatt
