// Reporter: sends totals and progress of a job to its events, at most once per second.
#pragma once

#include "finewatt/engine/step_log.h"
#include "finewatt/engine/trainer.h"

#include <chrono>
#include <cstdint>

namespace finewatt {

/// One thread at a time. The context must outlive it.
class Reporter {
  public:
    Reporter(JobContext& context, std::int64_t steps_planned)
        : context_(context),
          steps_planned_(steps_planned) {}

    /// After a training step.
    void after_step(const StepRecord& record, const EngineWork& work) {
        if (is_due(record.time, work)) {
            context_.events.work(work, false);
            context_.events.progress(record.step, steps_planned_, record.loss, record.lr);
        }
    }

    /// After a forward pass of an inference.
    void after_batch(MonoTime now, const EngineWork& work) {
        if (is_due(now, work)) {
            context_.events.work(work, false);
            context_.events.progress(work.steps, steps_planned_);
        }
    }

  private:
    static constexpr std::chrono::nanoseconds kInterval = std::chrono::seconds(1);

    bool is_due(MonoTime now, const EngineWork& work) {
        if (work.steps > 1 && now - last_ < kInterval) {
            return false;
        }
        last_ = now;
        return true;
    }

    JobContext& context_;
    std::int64_t steps_planned_;
    MonoTime last_{};
};

}  // namespace finewatt
