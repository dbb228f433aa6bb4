// PowerThinner: the power of one channel for figures, thinned while it grows. Private to the meter.
#pragma once

#include "finewatt/meter/channel_energy.h"
#include "finewatt/meter/counter_step_internal.h"
#include "finewatt/meter/window_internal.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace finewatt {

/// Takes the steps of a channel in time order. When there are too many points, neighbours are
/// merged in pairs and later points cover twice the time. Used by one thread at a time.
class PowerThinner {
  public:
    /// `spec` must outlive the thinner. `max_points` is 2 or more.
    PowerThinner(const ChannelSpec& spec, double usual_spacing_ns, std::size_t max_points);

    void add(const Step& step);

    /// Return the points so far; `t_s` counts from `origin`.
    PowerPoints points(MonoTime origin) const;

  private:
    /// Raw units of energy (of a gauge: raw x seconds) over a stretch.
    struct Point {
        std::int64_t end_ns = 0;
        std::int64_t length_ns = 0;
        long double raw = 0;
    };

    std::optional<long double> energy_of(const Step& step) const;
    void merge_pairs();

    const ChannelSpec* spec_;
    CounterRule rule_;
    double usual_spacing_ns_;
    double least_ns_;
    std::size_t max_points_;
    Point open_;  ///< being filled
    std::vector<Point> points_;
};

}  // namespace finewatt
