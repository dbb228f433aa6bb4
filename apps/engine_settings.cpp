#include <algorithm>

#include "engine_settings_internal.h"

namespace finewatt {
namespace {

constexpr std::string_view kTaskHelp =
    "rte, mnli, sst2, imdb, squad, squad_v2, conll2003 or conll2012; or a plain kind: "
    "classification, pair-classification, qa or ner";
constexpr std::string_view kTextColumnHelp =
    "Column with the text, the words or the question (default: the task's own)";
constexpr std::string_view kPairColumnHelp =
    "Column with the second text or the context (default: the task's own)";
constexpr std::string_view kLabelColumnHelp =
    "Column with the class, the tags or the answers (default: the task's own)";
constexpr std::string_view kMaxLengthHelp =
    "Longest input in tokens, special tokens included; longer ones are cut, or divided where "
    "questions are answered (default: the task's recipe)";
constexpr std::string_view kDocStrideHelp =
    "Question answering: tokens that two windows of a context share (default: the task's recipe)";
constexpr std::string_view kPrecisionHelp =
    "Matrix products in fp32, or in bf16 where the CPU has instructions for it";
constexpr std::string_view kThreadsHelp = "Threads; 0 = one per core that this process may use";
constexpr std::string_view kDeviceHelp =
    "Where to compute: auto (a GPU, where this build has CUDA and one is there), cpu or cuda";
constexpr std::string_view kNoCacheHelp =
    "Tokenize again, and keep nothing (environment: FINEWATT_NO_CACHE=1; FINEWATT_CACHE_LIMIT "
    "bounds what is kept, default 4G)";

}  // namespace

const std::vector<Setting<EngineOptions>>& finetune_settings() {
    using O = EngineOptions;
    static const std::vector<Setting<O>> settings = {
        {"task", &O::task, kTaskHelp},
        {"text_column", &O::text_column, kTextColumnHelp},
        {"text_pair_column", &O::text_pair_column, kPairColumnHelp},
        {"label_column", &O::label_column, kLabelColumnHelp},
        {"model", &O::model,
         "Model to start from: a Hugging Face folder, a name that `finewatt fetch` has fetched, or "
         "random:CONFIG.json for random weights of that shape (required), e.g. bert-base-uncased"},
        {"vocab", &O::vocab,
         "vocab.txt, or a folder that holds one (default: the model's folder; random: needs it)"},
        {"data", &O::data,
         "Training data: .tsv .csv .json .jsonl .parquet, also with .gz, SQuAD JSON, CoNLL "
         "columns, "
         "a folder of texts (required), e.g. train.tsv"},
        {"eval_data", &O::eval_data,
         "Data to evaluate on, in the same forms; may be given twice or more, and the scores of "
         "the "
         "second end with _mm for mnli, else with _2 (default: no evaluation)"},
        {"epochs", &O::epochs, "Passes over the training data (default: the task's recipe)"},
        {"max_steps", &O::max_steps,
         "Stop after this many steps; the schedule ends there too (default: no limit), e.g. 100"},
        {"batch", &O::batch, "Examples per batch (default: the task's recipe)"},
        {"grad_accumulation", &O::grad_accumulation,
         "Batches per step; the loss is the mean over all their examples"},
        {"max_length", &O::max_length, kMaxLengthHelp},
        {"doc_stride", &O::doc_stride, kDocStrideHelp},
        {"lr", &O::lr,
         "Highest learning rate, falling linearly to 0 (default: the task's recipe), e.g. 5e-5"},
        {"warmup", &O::warmup,
         "Steps over which the learning rate rises; below 1 a share of all steps, e.g. 0.06"},
        {"weight_decay", &O::weight_decay,
         "Weight decay of AdamW, not for biases and LayerNorm, e.g. 0.01"},
        {"seed", &O::seed, "Seed of new weights, data order and dropout, 0 or more"},
        {"batching", &O::batching,
         "Padding: unpadded (none), dynamic (to the longest of the batch), fixed (to --max-length) "
         "or grouped (like lengths together, then dynamic)"},
        {"precision", &O::precision, kPrecisionHelp},
        {"dropout", &O::dropout,
         "Dropout probability everywhere, 0 to below 1 (default: what the model's config says)"},
        {"eval_every", &O::eval_every,
         "Also evaluate after every so many steps (default: only at the end), e.g. 500"},
        {"early_stop", &O::early_stop,
         "Stop after so many evaluations without a better score (accuracy, else f1, of the first "
         "--eval-data) and keep the best model; needs --eval-every (default: never), e.g. 3"},
        {"checkpoint_every", &O::checkpoint_every,
         "Write OUT/checkpoint-STEP after every so many steps, and when interrupted; then drop the "
         "one before (default: none), e.g. 500"},
        {"resume", &O::resume,
         "Go on from the newest checkpoint in --out, with the settings that it was made with"},
        {"threads", &O::threads, kThreadsHelp},
        {"nproc", &O::nproc, "Processes; more than 1 is not yet possible"},
        {"device", &O::device, kDeviceHelp},
        {"no_cache", &O::no_cache, kNoCacheHelp},
        {"out", &O::out, "Folder for the trained model (default: nothing is saved)"},
        {"log", &O::log, "File for one JSON line a step (default: none), e.g. steps.jsonl"},
        {"spec", &O::spec,
         "TOML file with these settings, '_' for '-', e.g. max_length = 256; the command line "
         "wins"},
    };
    return settings;
}

const std::vector<Setting<InferOptions>>& infer_settings() {
    using O = InferOptions;
    static const std::vector<Setting<O>> settings = {
        {"task", &O::task, kTaskHelp},
        {"model", &O::model,
         "Model with the task's head: a Hugging Face folder, or a name that `finewatt fetch` has "
         "fetched (required)"},
        {"data", &O::data,
         "Examples, in the forms of finetune; labels may be missing, and give scores where they "
         "are there (required)"},
        {"predictions", &O::predictions,
         "File to write: JSON lines {id, label, scores} or {id, tags}; question answering: one "
         "object {id: answer} (required), e.g. out.jsonl"},
        {"logits", &O::logits,
         "Also write the logits; question answering: into FILE.nbest.json, with "
         "FILE.null_odds.json "
         "where questions may have no answer"},
        {"latency", &O::latency,
         "Also report the times of single examples: mean and percentiles, also among the scores of "
         "the record (latency_ms_p50 ...)"},
        {"text_column", &O::text_column, kTextColumnHelp},
        {"text_pair_column", &O::text_pair_column, kPairColumnHelp},
        {"label_column", &O::label_column, kLabelColumnHelp},
        {"batch", &O::batch, "Examples per forward pass"},
        {"max_length", &O::max_length, kMaxLengthHelp},
        {"doc_stride", &O::doc_stride, kDocStrideHelp},
        {"precision", &O::precision, kPrecisionHelp},
        {"threads", &O::threads, kThreadsHelp},
        {"device", &O::device, kDeviceHelp},
        {"no_cache", &O::no_cache, kNoCacheHelp},
    };
    return settings;
}

std::string flag_of(std::string_view key) {
    std::string flag = "--" + std::string(key);
    std::replace(flag.begin(), flag.end(), '_', '-');
    return flag;
}

}  // namespace finewatt
