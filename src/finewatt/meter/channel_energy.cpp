#include "finewatt/meter/channel_energy.h"

#include "finewatt/base/check.h"
#include "finewatt/meter/running_window_internal.h"
#include "finewatt/meter/window_internal.h"

#include <algorithm>

namespace finewatt {
namespace {

/// Gaps before the first and after the last good reading that overlap the window.
std::uint64_t outer_gaps(const ChannelTrace& trace, const WindowFrame& frame) {
    const auto failed = trace.failed_reads();
    const std::size_t good = trace.samples().size();
    const auto overlaps = [&frame](std::int64_t first_ns, std::int64_t last_ns) {
        const bool begins_inside =
            first_ns < frame.end_ns || (frame.is_closed && first_ns == frame.end_ns);
        return begins_inside && last_ns >= frame.begin_ns;
    };
    const auto by_position = [](const FailedRead& read, std::size_t position) {
        return read.good_before < position;
    };
    const auto after_head =
        std::lower_bound(failed.begin(), failed.end(), std::size_t{1}, by_position);
    std::uint64_t gaps = 0;
    if (after_head != failed.begin() && overlaps(failed.front().t_ns, (after_head - 1)->t_ns)) {
        ++gaps;
    }
    const auto tail = std::lower_bound(after_head, failed.end(), good, by_position);
    if (good > 0 && tail != failed.end() && overlaps(tail->t_ns, failed.back().t_ns)) {
        ++gaps;
    }
    return gaps;
}

/// Index of the first step (between samples i and i + 1) that may touch the window.
std::size_t first_step(std::span<const RawSample> samples, std::int64_t begin_ns) {
    const auto at = std::lower_bound(
        samples.begin(), samples.end(), begin_ns,
        [](const RawSample& sample, std::int64_t t_ns) { return sample.t_ns < t_ns; });
    const auto index = static_cast<std::size_t>(at - samples.begin());
    return index == 0 ? 0 : index - 1;
}

ChannelEnergy energy_in(const ChannelTrace& trace, const WindowFrame& frame) {
    const auto samples = trace.samples();
    RunningWindow window(trace, frame);
    if (samples.size() >= 2) {
        window.add_steps(trace, first_step(samples, frame.begin_ns), samples.size() - 1);
    }
    return window.energy(trace, frame.end_ns);
}

}  // namespace

RunningWindow::RunningWindow(const ChannelTrace& trace, const WindowFrame& frame) : frame_(frame) {
    frame_.usual_spacing_ns = trace.usual_spacing_ns().value_or(0);
    if (trace.spec().kind == ChannelKind::kCounter) {
        counter_.emplace(trace.spec(), frame_);
    } else {
        gauge_.emplace(trace.spec(), frame_);
    }
}

void RunningWindow::add_steps(const ChannelTrace& trace, std::size_t first, std::size_t end) {
    const auto samples = trace.samples();
    const auto failed = trace.failed_reads();
    auto next_failed = std::lower_bound(
        failed.begin(), failed.end(), first + 1,
        [](const FailedRead& read, std::size_t position) { return read.good_before < position; });
    for (std::size_t i = first; i < end && samples[i].t_ns <= frame_.end_ns; ++i) {
        bool has_failed = false;
        while (next_failed != failed.end() && next_failed->good_before == i + 1) {
            has_failed = true;
            ++next_failed;
        }
        if (counter_) {
            counter_->add(samples[i], samples[i + 1]);
            has_failed = has_failed && cut_step(frame_, samples[i], samples[i + 1]).is_touched;
            gaps_ += has_failed ? 1U : 0U;
        } else {
            gaps_ += gauge_->add(samples[i], samples[i + 1], has_failed) ? 1U : 0U;
        }
    }
}

ChannelEnergy RunningWindow::energy(const ChannelTrace& trace, std::int64_t end_ns) const {
    ChannelEnergy energy;
    WindowFrame frame = frame_;
    frame.end_ns = end_ns;
    energy.gaps = gaps_ + outer_gaps(trace, frame);
    if (trace.has_ignored_lines()) {
        energy.notes.emplace_back("readings after the channel was gone are ignored");
    }
    if (trace.samples().size() < 2) {
        energy.reason = "fewer than two good readings";
        return energy;
    }
    std::int64_t covered_ns = 0;
    if (counter_) {
        counter_->finish(energy, covered_ns);
    } else {
        gauge_->finish(energy, covered_ns, trace.largest_raw());
    }
    const std::int64_t length_ns = end_ns - frame.begin_ns;
    if (length_ns > 0) {
        energy.coverage = static_cast<double>(covered_ns) / static_cast<double>(length_ns);
    } else {
        energy.coverage = energy.energy ? 1 : 0;
    }
    return energy;
}

ChannelEnergy energy_between(const ChannelTrace& trace, MonoTime begin, MonoTime end) {
    FINEWATT_CHECK(begin <= end, "a window must not end before it begins");
    WindowFrame frame;
    frame.begin_ns = begin.as_ns();
    frame.end_ns = end.as_ns();
    return energy_in(trace, frame);
}

ChannelEnergy energy_of(const ChannelTrace& trace) {
    WindowFrame frame;
    frame.is_closed = true;
    if (!trace.is_empty()) {
        frame.begin_ns = trace.first_time().as_ns();
        frame.end_ns = trace.last_time().as_ns();
    }
    return energy_in(trace, frame);
}

}  // namespace finewatt
