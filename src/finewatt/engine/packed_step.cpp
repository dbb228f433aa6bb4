#include "finewatt/engine/packed_step_internal.h"

namespace finewatt {

PackedStep pack_step(const Model& model, std::span<const Batch> batches, double rate) {
    PackedStep step{{}, {0, 0, false}, {}};
    step.record.lr = rate;
    for (const Batch& batch : batches) {
        step.inputs.push_back(pack_input(batch));
        const LossScale one = mean_loss(model, step.inputs.back());
        step.scale.divisor += one.divisor;
        step.scale.ends_divisor += one.ends_divisor;
        step.record.tokens_real += batch.tokens_real;
        step.record.tokens_padded += batch.tokens_padded;
    }
    return step;
}

}  // namespace finewatt
