#include "finewatt/calibration_loads.h"

#include "finewatt/base/file.h"
#include "finewatt/engine_program.h"

#include <fmt/format.h>

#include <utility>

namespace finewatt::app {
namespace {

/// A part of the free memory, large enough to leave every cache, small enough to disturb nobody.
constexpr std::size_t kMemoryLoadBytes = std::size_t{512} << 20;

constexpr int kWords = 200;

/// The shape of BERT-small (google-research/bert, README of 2020-03-11): 4 layers, hidden 512.
constexpr std::string_view kConfig =
    R"({"model_type":"bert","vocab_size":205,"hidden_size":512,"num_hidden_layers":4,)"
    R"("num_attention_heads":8,"intermediate_size":2048,"max_position_embeddings":128,)"
    R"("type_vocab_size":2,"initializer_range":0.02,"hidden_dropout_prob":0.1,)"
    R"("attention_probs_dropout_prob":0.1})";

Status write_job(const std::filesystem::path& folder) {
    std::string vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
    for (int i = 0; i < kWords; ++i) {
        vocabulary += fmt::format("w{}\n", i);
    }
    std::string data = "text\tlabel\n";
    constexpr int kExamples = 2048;
    constexpr int kLength = 100;
    for (int example = 0; example < kExamples; ++example) {
        for (int i = 0; i < kLength; ++i) {
            data += fmt::format("{}w{}", i == 0 ? "" : " ", (example * 31 + i * 7) % kWords);
        }
        data += fmt::format("\t{}\n", example % 2);
    }
    FINEWATT_TRY(write_file_atomically(folder / "vocab.txt", vocabulary));
    FINEWATT_TRY(write_file_atomically(folder / "config.json", kConfig));
    return write_file_atomically(folder / "train.tsv", data);
}

Result<std::unique_ptr<Load>> make_gpu_load(const LoadSite& site) {
    if (!site.has_gpu) {
        return FINEWATT_ERROR(kUnsupported, "no GPU was found");
    }
    FINEWATT_ASSIGN(const std::string engine, find_engine(site.program_path));
    FINEWATT_TRY(write_job(site.scratch));
    const auto file = [&site](const char* name) { return (site.scratch / name).string(); };
    return make_command_load({engine, "finetune", "--device", "cuda", "--model",
                              "random:" + file("config.json"), "--vocab", file("vocab.txt"),
                              "--data", file("train.tsv"), "--epochs", "1000000", "--batch", "64"});
}

}  // namespace

const std::vector<std::string>& load_kinds() {
    static const std::vector<std::string> kKinds{"idle", "cpu", "memory", "gpu"};
    return kKinds;
}

LoadFactory make_loads(LoadSite site) {
    return [site = std::move(site)](std::string_view kind) -> Result<std::unique_ptr<Load>> {
        if (kind == "idle") {
            return make_idle_load();
        }
        if (kind == "cpu") {
            return make_cpu_load(usable_cpus());
        }
        if (kind == "memory") {
            return make_memory_load(usable_cpus(), kMemoryLoadBytes);
        }
        return make_gpu_load(site);
    };
}

}  // namespace finewatt::app
