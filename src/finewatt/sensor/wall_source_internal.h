// WallSource: the Source of one wall meter. It asks the meter's reader and makes readings of the
// answers: scaled to integers, refused where they cannot be true, and stamped when they came.
#pragma once

#include "finewatt/sensor/source.h"
#include "finewatt/sensor/wall_reader_internal.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace finewatt {

/// How a meter counts in the total of its machine.
struct WallPlace {
    Domain domain = Domain::kNode;
    std::string device;
    std::string reason;  ///< why it is counted so, one sentence
};

/// At most two channels, NAME/power (a gauge in mW) and NAME/energy (a counter in ticks). Used by
/// one thread at a time.
///
/// A reading's time is when the answer came. The figure in it is older by up to the meter's own
/// renewal and the time of the request, so `update_ms` of a channel is the renewal plus an
/// allowance for the request. A counter's value from an answer slower than the allowance is
/// dropped (LATE), since nobody can tell when it was counted; its power is kept.
class WallSource : public Source {
  public:
    /// Ask the meter twice, to see which figures it has and how fast it answers. Errors: those of
    /// WallReader::read(); not found when it has none of the figures that the spec asks for.
    static Result<std::unique_ptr<WallSource>> open(const WallMeterSpec& spec,
                                                    std::unique_ptr<WallReader> reader,
                                                    WallPlace place, const Clock& clock);

    std::string_view name() const override { return spec_.name; }

    std::span<const ChannelSpec> channels() const override { return channels_; }

    /// Outcomes: always a value or a retry, since meters come back. Codes: ETIMEDOUT, ECONNREFUSED
    /// (nobody answers), EACCES (password), EBADMSG (rubbish), EIO, ENODATA (the answer lacks the
    /// figure), LATE, RANGE (more power than the ceiling allows).
    void poll(std::span<Reading> readings) override;

    /// About the meter's own renewal of power, and a second where that is unknown or longer.
    std::chrono::nanoseconds poll_period() const override { return facts_.poll_period; }

  private:
    WallSource(const WallMeterSpec& spec, std::unique_ptr<WallReader> reader, WallPlace place,
               const Clock& clock);

    Result<WallSample> ask();
    void take_facts();
    void make_channels(const WallSample& first);
    void add_power_channel(double allowance_ms);
    void add_energy_channel(double allowance_ms);
    ChannelSpec common_channel() const;
    Reading power_reading(const WallSample& sample) const;
    Reading energy_reading(const WallSample& sample);
    /// Whether a counter moved further ahead than the outlet can deliver: it changed its unit or
    /// its mind, and stays refused until it is back. (The meter's rules catch one that goes back.)
    bool has_jumped_to(const Reading& reading);
    void tell_change(const Result<WallSample>& sample);

    WallMeterSpec spec_;
    std::unique_ptr<WallReader> reader_;
    WallFacts facts_;
    WallPlace place_;
    const Clock& clock_;
    std::vector<ChannelSpec> channels_;
    double max_power_w_ = 0;
    std::chrono::nanoseconds allowance_{};
    MonoTime answer_time_{};
    std::chrono::nanoseconds answer_duration_{};
    std::optional<Reading> last_energy_;       ///< the last good one
    std::optional<std::uint64_t> jumped_raw_;  ///< where a counter jumped to
    bool is_silent_ = false;                   ///< whether the last question failed
};

}  // namespace finewatt
