// The runtime of a real GPU: one stream, events, CUDA graphs; and what is made with it.
#include "finewatt/base/check.h"
#include "finewatt/engine/compute_device.h"
#include "finewatt/engine/cuda/cuda_ops_internal.h"
#include "finewatt/engine/cuda/queued_trainer_internal.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

#include <cuda_runtime_api.h>
#include <mutex>
#include <utility>

namespace finewatt {
namespace {

/// An event that is waited for with a sleeping thread: a spinning core is wasted energy.
class CudaMark final : public DeviceMark {
  public:
    explicit CudaMark(c10::cuda::CUDAStream stream) : stream_(stream) {
        C10_CUDA_CHECK(
            cudaEventCreateWithFlags(&event_, cudaEventDisableTiming | cudaEventBlockingSync));
    }

    CudaMark(const CudaMark&) = delete;
    CudaMark& operator=(const CudaMark&) = delete;
    CudaMark(CudaMark&&) = delete;
    CudaMark& operator=(CudaMark&&) = delete;

    ~CudaMark() override { static_cast<void>(cudaEventDestroy(event_)); }

    void set() override { C10_CUDA_CHECK(cudaEventRecord(event_, stream_.stream())); }

    bool is_passed() const override {
        const cudaError_t status = cudaEventQuery(event_);
        if (status != cudaErrorNotReady) {
            C10_CUDA_CHECK(status);
        }
        return status == cudaSuccess;
    }

    void wait() override { C10_CUDA_CHECK(cudaEventSynchronize(event_)); }

  private:
    c10::cuda::CUDAStream stream_;
    cudaEvent_t event_ = nullptr;
};

/// A CUDA graph.
class CudaRecordedWork final : public RecordedWork {
  public:
    CudaRecordedWork(c10::cuda::CUDAStream stream, c10::MempoolId_t pool,
                     const std::function<void()>& work)
        : stream_(stream) {
        graph_.capture_begin(pool, cudaStreamCaptureModeThreadLocal);
        work();
        graph_.capture_end();
    }

    CudaRecordedWork(const CudaRecordedWork&) = delete;
    CudaRecordedWork& operator=(const CudaRecordedWork&) = delete;
    CudaRecordedWork(CudaRecordedWork&&) = delete;
    CudaRecordedWork& operator=(CudaRecordedWork&&) = delete;

    ~CudaRecordedWork() override {
        static_cast<void>(cudaStreamSynchronize(stream_.stream()));  // it may still run
    }

    void replay() override { graph_.replay(); }

  private:
    c10::cuda::CUDAStream stream_;
    at::cuda::CUDAGraph graph_;
};

class CudaRuntime final : public DeviceRuntime {
  public:
    explicit CudaRuntime(std::string name)
        : name_(std::move(name)),
          stream_(c10::cuda::getStreamFromPool()) {}

    std::string name() const override { return name_; }

    c10::Stream stream() const override { return stream_.unwrap(); }

    const DeviceOps& ops() const override { return ops_; }

    at::Tensor host_block(std::int64_t size) const override {
        return at::empty({size}, at::TensorOptions().dtype(at::kInt).pinned_memory(true));
    }

    std::unique_ptr<DeviceMark> make_mark() const override {
        return std::make_unique<CudaMark>(stream_);
    }

    std::unique_ptr<RecordedWork> record(const std::function<void()>& work) override {
        return std::make_unique<CudaRecordedWork>(stream_, pool_, work);
    }

    void seed_attention(std::uint64_t seed) override {
        const std::lock_guard<std::mutex> lock(generator_.mutex());
        generator_.set_current_seed(seed);  // a graph reads it when it is replayed
    }

    void check_launches() const override { C10_CUDA_CHECK(cudaGetLastError()); }

    void synchronize() override { stream_.synchronize(); }

  private:
    std::string name_;
    /// First, for it sets LibTorch's CUDA up.
    at::Generator generator_ = at::globalContext().defaultGenerator(at::Device(at::kCUDA, 0));
    c10::cuda::CUDAStream stream_;
    CudaOps ops_;
    /// Graphs run one after the other and leave nothing behind, so that they share their memory.
    c10::MempoolId_t pool_ = at::cuda::graph_pool_handle();
};

/// Open the first GPU for a model. Errors: as make_cuda_trainer.
Result<std::unique_ptr<DeviceRuntime>> open_gpu(const Model& model, Precision precision) {
    FINEWATT_CHECK(model.flat_values().scalar_type() == at::kFloat,
                   "models are trained from float32");
    FINEWATT_ASSIGN(const ComputeDevice device, choose_device("cuda"));
    FINEWATT_TRY(check_device_precision(device, precision));
    FINEWATT_TRY(check_device_model(model.config()));
    // Waiting threads sleep. Without effect where something set the device up before.
    static_cast<void>(cudaSetDeviceFlags(cudaDeviceScheduleBlockingSync));
    static_cast<void>(cudaGetLastError());
    return std::make_unique<CudaRuntime>(device.description);
}

}  // namespace

Result<std::unique_ptr<DeviceTrainer>> make_cuda_trainer(const Model& model, Precision precision,
                                                         const AdamWOptions& options) {
    FINEWATT_ASSIGN(std::unique_ptr<DeviceRuntime> gpu, open_gpu(model, precision));
    return make_queued_trainer(model, precision, options, std::move(gpu));
}

Result<CudaForward> make_cuda_forward(const Model& model, Precision precision) {
    FINEWATT_ASSIGN(std::unique_ptr<DeviceRuntime> gpu, open_gpu(model, precision));
    return make_queued_forward(model, precision, std::move(gpu));
}

}  // namespace finewatt
