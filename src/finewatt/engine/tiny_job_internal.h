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

/// Writes vocab.txt, config.json, and train and eval data of every head into a folder.
class TinyJob {
  public:
    explicit TinyJob(std::filesystem::path folder) : folder_(std::move(folder)) {
        write("vocab.txt", vocabulary());
        write("config.json", config());
        write("train.tsv", examples(64, 1));
        write("eval.tsv", examples(24, 2));
        write("train.conll", tagged(64, 3));
        write("eval.conll", tagged(24, 4));
        write("train.json", questions(48, 5));
        write("eval.json", questions(16, 6));
    }

    std::filesystem::path file(const std::string& name) const { return folder_ / name; }

    std::filesystem::path write(const std::string& name, const std::string& content) const {
        std::ofstream(file(name), std::ios::binary) << content;
        return file(name);
    }

    /// Random weights, two epochs of eight steps.
    FinetuneOptions options(const std::string& task = "classification") const {
        FinetuneOptions options;
        options.task = find_task(task).value();
        options.model = {file("config.json"), true, file("vocab.txt")};
        options.data = file("train" + extension(task));
        options.epochs = 2;
        options.batch = 8;
        options.max_length = 16;
        options.doc_stride = options.task.recipe.doc_stride > 0 ? 4 : 0;
        options.lr = 5e-3;
        options.settings_toml = "epochs = 2\n";
        return options;
    }

    /// How the files of a task end: .tsv, .conll or .json.
    static std::string extension(const std::string& task) {
        switch (find_task(task).value().kind) {
            case TaskKind::kClassification:
                return ".tsv";
            case TaskKind::kTokenClassification:
                return ".conll";
            case TaskKind::kQuestionAnswering:
                break;
        }
        return ".json";
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

    /// Sentences in which good words are persons and bad ones are places; the word decides.
    static std::string tagged(int count, unsigned seed) {
        std::mt19937 random(seed);
        std::string text;
        for (int i = 0; i < count; ++i) {
            const std::size_t length = 2 + random() % 6;
            for (std::size_t w = 0; w < length; ++w) {
                const std::size_t word = random() % 16;
                text += words()[word];
                text += word < 3 ? " B-PER\n" : word < 6 ? " B-LOC\n" : " O\n";
            }
            text += "\n";
        }
        return text;
    }

    /// SQuAD documents of 6 to 13 words with one good word, which answers the question. In every
    /// fourth there is none: it has no answer.
    static std::string questions(int count, unsigned seed) {
        std::mt19937 random(seed);
        std::string text = R"({"data": [{"title": "t", "paragraphs": [)";
        for (int i = 0; i < count; ++i) {
            const bool has_answer = i % 4 != 3;
            const std::size_t length = 6 + random() % 8;
            const std::size_t place = random() % length;
            const std::string answer = words()[random() % 3];
            std::string context;
            std::size_t start = 0;
            for (std::size_t w = 0; w < length; ++w) {
                context += w == 0 ? "" : " ";
                if (w == place) {
                    start = context.size();
                }
                context += w == place && has_answer ? answer : words()[6 + random() % 10];
            }
            text += std::string(i == 0 ? "" : ", ") + R"({"context": ")" + context +
                    R"(", "qas": [{"id": "q)" + std::to_string(i) +
                    R"(", "question": "the cast", "is_impossible": )" +
                    (has_answer ? "false" : "true") + R"(, "answers": [)" +
                    (has_answer ? R"({"text": ")" + answer + R"(", "answer_start": )" +
                                      std::to_string(start) + "}"
                                : std::string()) +
                    "]}]}";
        }
        return text + "]}]}";
    }

    std::filesystem::path folder_;
};

}  // namespace finewatt::testing
