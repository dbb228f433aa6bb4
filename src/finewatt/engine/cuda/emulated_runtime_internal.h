// EmulatedRuntime: the CPU as a device for the queue of steps, so that trainings on a GPU are run
// and tested where none is. It computes at once, but lets nobody know: a mark is passed only when
// several later ones are set, or when somebody waits for it. For tests only.
#pragma once

#include "finewatt/base/check.h"
#include "finewatt/engine/cuda/device_runtime_internal.h"
#include "finewatt/engine/cuda/host_ops_internal.h"

#include <memory>
#include <utility>

namespace finewatt::testing {

/// Marks that are set later before a mark counts as passed.
constexpr std::int64_t kEmulatedLag = 3;

class EmulatedMark final : public DeviceMark {
  public:
    explicit EmulatedMark(std::shared_ptr<std::int64_t> marks_set) : set_(std::move(marks_set)) {}

    void set() override { number_ = ++*set_; }

    bool is_passed() const override { return *set_ >= number_ + kEmulatedLag; }

    void wait() override {}

  private:
    std::shared_ptr<std::int64_t> set_;  ///< how many, by all marks of a runtime
    std::int64_t number_ = 0;
};

/// Work that is done anew by each replay.
class EmulatedWork final : public RecordedWork {
  public:
    explicit EmulatedWork(std::function<void()> work) : work_(std::move(work)) {}

    void replay() override { work_(); }

  private:
    std::function<void()> work_;
};

class EmulatedRuntime final : public DeviceRuntime {
  public:
    std::string name() const override { return "cuda: emulated GPU (sm_90)"; }

    c10::Stream stream() const override {
        return c10::Stream(c10::Stream::DEFAULT, at::Device(at::kCPU));
    }

    const DeviceOps& ops() const override { return ops_; }

    at::Tensor host_block(std::int64_t size) const override { return at::zeros({size}, at::kInt); }

    std::unique_ptr<DeviceMark> make_mark() const override {
        return std::make_unique<EmulatedMark>(marks_set_);
    }

    std::unique_ptr<RecordedWork> record(const std::function<void()>& work) override {
        return std::make_unique<EmulatedWork>(work);
    }

    void seed_attention(std::uint64_t seed) override { ops_.seed(seed); }

    void check_launches() const override {}

    void synchronize() override {}

  private:
    HostOps ops_;
    std::shared_ptr<std::int64_t> marks_set_ = std::make_shared<std::int64_t>(0);
};

}  // namespace finewatt::testing
