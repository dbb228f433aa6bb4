// A model in a Hugging Face folder, in and out: weights from safetensors files into a Model, and a
// trained model back into a folder that transformers loads. Main functions: load_weights,
// write_model_folder.
//
// Not for the tokenizer's files (token/tokenizer.h) nor for config.json (data/model_config.h),
// which are only called from here. Shards are weight_files.h's business.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/engine/model_internal.h"
#include "finewatt/engine/weight_files.h"
#include "finewatt/token/tokenizer.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace finewatt {

/// What loading found.
struct WeightReport {
    std::vector<std::string> initialised;  ///< head weights the file lacks; they stay random
    std::vector<std::string> unused;       ///< tensors of the file that the model has no place for
};

/// Return the number of labels of a trained head of this kind, or nothing when the weights have
/// none: no tensor of its name, or `config` names a model with another head, whose tensors may bear
/// the same names. Error: invalid argument when its weight is not [labels, hidden].
Result<std::optional<std::int64_t>> head_labels(const WeightFiles& weights,
                                                const ModelConfig& config, HeadKind head);

/// Fill `model` from a folder or file as WeightFiles::open takes it. float32, float16, bfloat16 and
/// float64 are converted. Names may lack "bert." or "distilbert."; old files may call a LayerNorm's
/// weight and bias gamma and beta; position ids are passed over. A head that is missing, or that
/// belongs to another kind of model by model.config().architecture, keeps its new values. Errors:
/// as WeightFiles::open; corrupt when another weight is missing, with the list; invalid argument
/// when a shape or type does not fit.
Result<WeightReport> load_weights(const std::filesystem::path& folder_or_file, const Model& model);

/// A folder that results are put into. Files are written into a hidden folder inside it and renamed
/// one by one at the end, so that a file in it is whole or as it was before.
class OutputFolder {
  public:
    /// Make the folder and the hidden one, to learn before the work whether they can be written.
    /// Errors: permission, io, invalid argument when a file is in the way.
    static Result<OutputFolder> prepare(const std::filesystem::path& folder);

    OutputFolder(OutputFolder&& other) noexcept;
    OutputFolder& operator=(OutputFolder&&) = delete;
    /// Remove what was not published, and the folder itself when it was made here and is empty.
    ~OutputFolder();

    const std::filesystem::path& staging() const { return staging_; }

    /// Move every file from staging() into the folder. Error: io.
    Status publish();

  private:
    OutputFolder(std::filesystem::path folder, bool is_new);

    std::filesystem::path folder_;
    std::filesystem::path staging_;
    bool is_new_ = false;
};

/// Write config.json, model.safetensors, vocab.txt, tokenizer.json and tokenizer_config.json.
/// `label_names` become id2label; none for question answering. Errors: io, permission.
Status write_model_folder(const std::filesystem::path& folder, const Model& model,
                          const std::vector<std::string>& label_names,
                          const WordPieceTokenizer& tokenizer);

}  // namespace finewatt
