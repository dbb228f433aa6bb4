// QueuedTrainer: training steps as a queue that a device works off beside the host. Main functions:
// make_queued_trainer, make_queued_forward. Nothing in it knows CUDA: the device is a
// DeviceRuntime.
#pragma once

#include "finewatt/engine/cuda/device_runtime_internal.h"
#include "finewatt/engine/device_trainer_internal.h"

#include <memory>

namespace finewatt {

/// Copy the weights to the device, to train them there. The model must outlive the result, must be
/// float32 and of a shape that check_device_model takes.
std::unique_ptr<DeviceTrainer> make_queued_trainer(const Model& model, Precision precision,
                                                   const AdamWOptions& options,
                                                   std::unique_ptr<DeviceRuntime> runtime);

/// The same for inference: without memory for gradients and moments.
CudaForward make_queued_forward(const Model& model, Precision precision,
                                std::unique_ptr<DeviceRuntime> runtime);

}  // namespace finewatt
