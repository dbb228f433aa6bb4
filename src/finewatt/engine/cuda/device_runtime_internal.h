// DeviceRuntime: what the queue of steps (queued_trainer_internal.h) needs of a device: memory that
// copies may overlap with, marks to wait for, and work that is recorded once and replayed. Main
// types: DeviceRuntime, DeviceMark, RecordedWork. cuda_runtime.cpp has it for GPUs; the tests run
// the same queue over a model of one (emulated_runtime_internal.h).
#pragma once

#include "finewatt/engine/cuda/device_pass_internal.h"

#include <c10/core/Stream.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace finewatt {

/// A place in the stream. It can be set again and again.
class DeviceMark {
  public:
    DeviceMark() = default;
    DeviceMark(const DeviceMark&) = delete;
    DeviceMark& operator=(const DeviceMark&) = delete;
    DeviceMark(DeviceMark&&) = delete;
    DeviceMark& operator=(DeviceMark&&) = delete;
    virtual ~DeviceMark() = default;

    /// Set it behind everything that was queued so far.
    virtual void set() = 0;

    /// Return whether the device has passed it.
    virtual bool is_passed() const = 0;

    /// Wait until it has. The thread sleeps.
    virtual void wait() = 0;
};

/// Work that was recorded. Destroying it waits until it does not run any more.
class RecordedWork {
  public:
    RecordedWork() = default;
    RecordedWork(const RecordedWork&) = delete;
    RecordedWork& operator=(const RecordedWork&) = delete;
    RecordedWork(RecordedWork&&) = delete;
    RecordedWork& operator=(RecordedWork&&) = delete;
    virtual ~RecordedWork() = default;

    /// Queue it once more.
    virtual void replay() = 0;
};

/// A device with its one stream. One thread at a time. Failures are exceptions of LibTorch.
class DeviceRuntime {
  public:
    DeviceRuntime() = default;
    DeviceRuntime(const DeviceRuntime&) = delete;
    DeviceRuntime& operator=(const DeviceRuntime&) = delete;
    DeviceRuntime(DeviceRuntime&&) = delete;
    DeviceRuntime& operator=(DeviceRuntime&&) = delete;
    virtual ~DeviceRuntime() = default;

    /// Return the name, for people: "cuda: " with that of the GPU.
    virtual std::string name() const = 0;

    /// Return the stream that everything is queued on; whoever queues makes it the current one.
    virtual c10::Stream stream() const = 0;

    virtual const DeviceOps& ops() const = 0;

    /// Return int32 [size] of the host's memory that the device reads and writes by itself.
    virtual at::Tensor host_block(std::int64_t size) const = 0;

    virtual std::unique_ptr<DeviceMark> make_mark() const = 0;

    /// Record what `work` queues, without doing it. What it reads and writes must outlive the
    /// result. It must have run once before: libraries set themselves up in a first run, which
    /// cannot be recorded.
    virtual std::unique_ptr<RecordedWork> record(const std::function<void()>& work) = 0;

    /// From here on the masks of attention follow from this seed, also those of replayed work.
    virtual void seed_attention(std::uint64_t seed) = 0;

    /// Throw if something that was queued could not be started.
    virtual void check_launches() const = 0;

    /// Wait for everything.
    virtual void synchronize() = 0;
};

}  // namespace finewatt
