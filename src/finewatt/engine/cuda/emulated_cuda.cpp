// The answers of a machine with an emulated GPU, for tests: linked in the place of no_cuda.cpp.
#include "finewatt/engine/compute_device.h"
#include "finewatt/engine/cuda/cuda_probe_internal.h"
#include "finewatt/engine/cuda/emulated_runtime_internal.h"
#include "finewatt/engine/cuda/queued_trainer_internal.h"

namespace finewatt {

Result<CudaGpu> find_cuda_gpu() {
    return CudaGpu{"emulated GPU", 9, 0};
}

std::optional<std::string> built_cuda_version() {
    return "emulated";
}

Result<std::unique_ptr<DeviceTrainer>> make_cuda_trainer(const Model& model, Precision precision,
                                                         const AdamWOptions& options) {
    FINEWATT_TRY(check_device_model(model.config()));
    return make_queued_trainer(model, precision, options,
                               std::make_unique<testing::EmulatedRuntime>());
}

Result<CudaForward> make_cuda_forward(const Model& model, Precision precision) {
    FINEWATT_TRY(check_device_model(model.config()));
    return make_queued_forward(model, precision, std::make_unique<testing::EmulatedRuntime>());
}

}  // namespace finewatt
