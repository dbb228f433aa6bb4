// A machine for tests of calibration: a package counter and a wall meter that follow a load, on a
// clock that the test moves. Header-only; tests of study only.
#pragma once

#include "finewatt/sensor/source.h"
#include "finewatt/study/load_generator.h"

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace finewatt {

/// Draws power as the load says; keeps the energy. Any thread.
class LoadedMachine {
  public:
    explicit LoadedMachine(const Clock& clock) : clock_(clock), last_(clock.mono_now()) {}

    void set_power(double power_w) {
        const std::lock_guard lock(mutex_);
        advance();
        power_w_ = power_w;
    }

    double energy_j() {
        const std::lock_guard lock(mutex_);
        advance();
        return energy_j_;
    }

  private:
    void advance() {
        const MonoTime now = clock_.mono_now();
        energy_j_ += power_w_ * as_seconds(now - last_);
        last_ = now;
    }

    std::mutex mutex_;
    const Clock& clock_;
    MonoTime last_;
    double power_w_ = 0;
    double energy_j_ = 1;
};

/// One counter in microjoules over a LoadedMachine: energy x gain.
class LoadedSource : public Source {
  public:
    LoadedSource(LoadedMachine& machine, const Clock& clock, const std::string& id, Domain domain,
                 double gain, double update_ms)
        : machine_(machine),
          clock_(clock),
          name_(id),
          gain_(gain) {
        ChannelSpec spec;
        spec.id = id;
        spec.unit = "uJ";
        spec.unit_size = 1e-6;
        spec.max_power_w = 10'000;
        spec.domain = domain;
        spec.device = "cpu0";
        spec.update_ms = update_ms;
        spec.source = id;
        channels_.push_back(spec);
    }

    std::string_view name() const override { return name_; }

    std::span<const ChannelSpec> channels() const override { return channels_; }

    void poll(std::span<Reading> readings) override {
        readings[0].raw = static_cast<std::uint64_t>(gain_ * machine_.energy_j() * 1e6);
        readings[0].time = clock_.mono_now();
        readings[0].outcome = PollOutcome::kOk;
    }

  private:
    LoadedMachine& machine_;
    const Clock& clock_;
    std::string name_;
    double gain_;
    std::vector<ChannelSpec> channels_;
};

}  // namespace finewatt
