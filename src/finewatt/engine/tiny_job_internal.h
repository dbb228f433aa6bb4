// A tiny training job for tests: vocabulary, config, and data that a tiny model can learn.
#pragma once

#include "finewatt/engine/trainer.h"

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace finewatt::testing {

/// Writes vocab.txt, config.json, train.tsv and eval.tsv into a folder.
class TinyJob {
  public:
    explicit TinyJob(std::filesystem::path folder) : folder_(std::move(folder)) {
        write("vocab.txt", vocabulary());
        write("config.json", config());
        write("train.tsv", examples(64, 1));
        write("eval.tsv", examples(24, 2));
    }

    std::filesystem::path file(const std::string& name) const { return folder_ / name; }

    std::filesystem::path write(const std::string& name, const std::string& content) const {
        std::ofstream(file(name), std::ios::binary) << content;
        return file(name);
    }

    /// Random weights, two epochs of eight steps.
    FinetuneOptions options() const {
        FinetuneOptions options;
        options.model = {file("config.json"), true, file("vocab.txt")};
        options.data = file("train.tsv");
        options.epochs = 2;
        options.batch = 8;
        options.max_length = 16;
        options.lr = 5e-3;
        options.settings_toml = "epochs = 2\n";
        return options;
    }

    static std::string vocabulary() {
        std::string text = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
        for (const std::string& word : words()) {
            text += word + "\n";
        }
        return text;
    }

    static std::string config(const std::string& more = "") {
        return R"({"model_type": "bert", "vocab_size": 40, "hidden_size": 16,
            "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
            "max_position_embeddings": 32, "type_vocab_size": 2, "initializer_range": 0.1,
            "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1)" +
               more + "}";
    }

  private:
    static const std::vector<std::string>& words() {
        static const std::vector<std::string> list = {
            "bright", "warm", "clever", "dull", "cold", "lazy",  // three good ones, three bad ones
            "the",    "film", "plot",   "cast", "was",  "and",  "a", "scene", "very", "light"};
        return list;
    }

    /// Lines of random filler words with one word that gives the class away. Lengths differ.
    static std::string examples(int count, unsigned seed) {
        std::mt19937 random(seed);
        std::string text = "text\tlabel\n";
        for (int i = 0; i < count; ++i) {
            const bool is_good = i % 2 == 0;
            std::vector<std::string> line(1 + random() % 9);
            for (std::string& word : line) {
                word = words()[6 + random() % 10];
            }
            line[random() % line.size()] = words()[(is_good ? 0 : 3) + random() % 3];
            for (std::size_t w = 0; w < line.size(); ++w) {
                text += (w == 0 ? "" : " ") + line[w];
            }
            text += is_good ? "\tgood\n" : "\tbad\n";
        }
        return text;
    }

    std::filesystem::path folder_;
};

}  // namespace finewatt::testing
