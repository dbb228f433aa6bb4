#include "finewatt/meter/channel_stream.h"

#include "finewatt/base/check.h"
#include "finewatt/meter/power_thinner_internal.h"
#include "finewatt/meter/window_internal.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <limits>
#include <utility>
#include <vector>

namespace finewatt {
namespace {

/// Spacings that the usual spacing is the median of (docs/measuring.md, rules).
constexpr std::size_t kSpacings = 101;
/// Stretch that live power is the mean of, and age at which a channel has none any more.
constexpr std::int64_t kLiveStretchNs = 1'000'000'000;
constexpr std::int64_t kLiveAgeNs = 3'000'000'000;
constexpr double kLiveSpacings = 3;

constexpr std::int64_t kOpenEnd = std::numeric_limits<std::int64_t>::max();

/// A run of failed reads at the begin or at the end of a channel.
struct OuterGap {
    std::int64_t first_ns = 0;
    std::int64_t last_ns = 0;
    bool is_there = false;

    void extend(std::int64_t t_ns) {
        first_ns = is_there ? first_ns : t_ns;
        last_ns = t_ns;
        is_there = true;
    }
};

}  // namespace

/// A good reading, and what lies between it and the one before.
struct ChannelStream::Kept {
    RawSample sample;
    std::uint32_t gaps = 0;
    std::uint32_t wraps = 0;
    StepDoubt doubt = StepDoubt::kNone;
    bool is_unseen = false;
};

/// One window; its sums are made with the first step, when the usual spacing is known.
struct ChannelStream::Window {
    std::int64_t begin_ns = 0;
    std::int64_t end_ns = kOpenEnd;
    std::optional<CounterWindow> counter;
    std::optional<GaugeWindow> gauge;

    bool is_made() const { return counter || gauge; }

    void make(const ChannelSpec& spec, double usual_spacing_ns) {
        WindowFrame frame;
        frame.begin_ns = begin_ns;
        frame.end_ns = end_ns;
        frame.is_closed = begin_ns == kOwnSpan;
        frame.usual_spacing_ns = usual_spacing_ns;
        if (spec.kind == ChannelKind::kCounter) {
            counter.emplace(spec, frame);
        } else {
            gauge.emplace(spec, frame);
        }
    }

    void set_end(std::int64_t t_ns) {
        end_ns = t_ns;
        if (counter) {
            counter->set_end(t_ns);
        } else if (gauge) {
            gauge->set_end(t_ns);
        }
    }

    void add(const Step& step) {
        if (counter) {
            counter->add(step);
        } else {
            gauge->add(step);
        }
    }

    void finish(ChannelEnergy& energy, std::int64_t& covered_ns, std::uint64_t largest_raw) const {
        if (counter) {
            counter->finish(energy, covered_ns);
        } else {
            gauge->finish(energy, covered_ns, largest_raw);
        }
    }
};

struct ChannelStream::State {
    /// Recent good readings from index `first` on; all of them while the usual spacing is unknown.
    std::vector<Kept> recent;
    std::size_t first = 0;
    std::deque<Window> windows;
    std::vector<Window*> fed;  ///< windows that steps still go to
    std::optional<PowerThinner> thinner;
    std::size_t most_points = 0;  ///< 0: no series
    OuterGap head;                ///< failed reads before the first good one
    OuterGap tail;                ///< failed reads after the last good one

    std::size_t size() const { return recent.size() - first; }

    /// The step from kept reading i to i + 1.
    Step step(std::size_t i) const {
        const Kept& to = recent[first + i + 1];
        return {recent[first + i].sample, to.sample, to.gaps, to.wraps, to.doubt, to.is_unseen};
    }

    void drop_first() {
        constexpr std::size_t kMostDropped = 64;
        ++first;
        if (first >= kMostDropped && 2 * first >= recent.size()) {
            recent.erase(recent.begin(), recent.begin() + static_cast<std::ptrdiff_t>(first));
            first = 0;
        }
    }

    void feed(const Step& next, const ChannelSpec& spec, double usual_spacing_ns) {
        if (most_points > 0) {
            if (!thinner) {
                thinner.emplace(spec, usual_spacing_ns, most_points);
            }
            thinner->add(next);
        }
        for (std::size_t i = 0; i < fed.size();) {
            Window& window = *fed[i];
            if (next.from.t_ns > window.end_ns) {
                fed.erase(fed.begin() + static_cast<std::ptrdiff_t>(i));
                continue;
            }
            if (!window.is_made()) {
                window.make(spec, usual_spacing_ns);
            }
            window.add(next);
            ++i;
        }
    }

    /// Feed a copy of a window with the steps that have not reached it yet.
    void feed_recent(Window& window) const {
        for (std::size_t i = 0; i + 1 < size(); ++i) {
            const Step next = step(i);
            if (next.from.t_ns > window.end_ns) {
                return;
            }
            window.add(next);
        }
    }
};

ChannelStream::ChannelStream(ChannelSpec spec)
    : spec_(std::move(spec)),
      state_(std::make_unique<State>()) {}

ChannelStream::~ChannelStream() = default;

void ChannelStream::add(const Reading& reading, MonoTime settled) {
    if (is_closed_) {
        has_ignored_lines_ = true;
        return;
    }
    std::int64_t t_ns = reading.time.as_ns();
    if (has_line_) {
        t_ns = std::max(t_ns, last_ns_);
    } else {
        first_ns_ = t_ns;
        has_line_ = true;
    }
    last_ns_ = t_ns;
    if (reading.outcome != PollOutcome::kOk || (spec_.range && reading.raw > *spec_.range)) {
        is_closed_ =
            reading.outcome == PollOutcome::kGone || reading.outcome == PollOutcome::kFatal;
        count_failure(t_ns);
        return;
    }
    Kept kept;
    kept.sample = {t_ns, reading.raw};
    kept.gaps = state_->tail.is_there ? 1 : 0;
    keep(kept, settled);
}

void ChannelStream::add(const JournalStep& step, MonoTime settled) {
    Kept kept;
    kept.sample.t_ns = has_line_ ? std::max(step.time.as_ns(), last_ns_) : step.time.as_ns();
    kept.sample.raw = step.energy_uj;
    kept.gaps = step.gaps;
    kept.wraps = step.wraps;
    kept.doubt = step.is_unknown ? StepDoubt::kJournal : StepDoubt::kNone;
    kept.is_unseen = step.is_unseen;
    first_ns_ = has_line_ ? first_ns_ : kept.sample.t_ns;
    has_line_ = true;
    last_ns_ = kept.sample.t_ns;
    keep(kept, settled);
}

void ChannelStream::count_failure(std::int64_t t_ns) {
    ++failed_reads_;
    (good_reads_ == 0 ? state_->head : state_->tail).extend(t_ns);
}

void ChannelStream::keep(const Kept& kept, MonoTime settled) {
    state_->tail = {};
    state_->recent.push_back(kept);
    first_good_ns_ = good_reads_ == 0 ? kept.sample.t_ns : first_good_ns_;
    last_good_ns_ = kept.sample.t_ns;
    largest_raw_ = std::max(largest_raw_, kept.sample.raw);
    ++good_reads_;
    if (good_reads_ == kSpacings + 1) {
        settled_spacing_ns_ = usual_spacing_ns();
    }
    if (settled_spacing_ns_) {
        pass_steps(settled.as_ns());
    }
}

void ChannelStream::pass_steps(std::int64_t settled_ns) {
    State& state = *state_;
    // The last step stays in any case: live power is made of it.
    while (state.size() > 2 && state.recent[state.first + 1].sample.t_ns < settled_ns) {
        state.feed(state.step(0), spec_, *settled_spacing_ns_);
        state.drop_first();
    }
}

std::optional<double> ChannelStream::usual_spacing_ns() const {
    if (settled_spacing_ns_ || good_reads_ < 2) {
        return settled_spacing_ns_;
    }
    // All good readings are still kept here.
    const State& state = *state_;
    const std::size_t count = std::min(state.size() - 1, kSpacings);
    std::vector<std::int64_t> spacings(count);
    for (std::size_t i = 0; i < count; ++i) {
        spacings[i] = state.recent[i + 1].sample.t_ns - state.recent[i].sample.t_ns;
    }
    std::sort(spacings.begin(), spacings.end());
    const auto upper = static_cast<double>(spacings[count / 2]);
    if (count % 2 == 1) {
        return upper;
    }
    return (static_cast<double>(spacings[count / 2 - 1]) + upper) / 2;
}

std::size_t ChannelStream::open_window(std::int64_t begin_ns) {
    State& state = *state_;
    Window& window = state.windows.emplace_back();
    window.begin_ns = begin_ns;
    state.fed.push_back(&window);
    return state.windows.size() - 1;
}

void ChannelStream::close_window(std::size_t window, std::int64_t end_ns) {
    state_->windows.at(window).set_end(end_ns);
}

ChannelEnergy ChannelStream::energy(std::size_t window, std::int64_t end_ns) const {
    ChannelEnergy energy;
    Window copy = state_->windows.at(window);
    const bool is_own_span = copy.begin_ns == kOwnSpan;
    const std::int64_t begin_ns = is_own_span ? first_ns_ : copy.begin_ns;
    const std::int64_t last_ns = is_own_span ? last_ns_ : end_ns;
    copy.set_end(std::max(begin_ns, std::min(copy.end_ns, last_ns)));
    energy.gaps = outer_gaps(begin_ns, copy.end_ns, is_own_span);
    if (has_ignored_lines_) {
        energy.notes.emplace_back("readings after the channel was gone are ignored");
    }
    if (good_reads_ < 2) {
        energy.reason = "fewer than two good readings";
        return energy;
    }
    if (!copy.is_made()) {
        copy.make(spec_, usual_spacing_ns().value_or(0));
    }
    state_->feed_recent(copy);
    std::int64_t covered_ns = 0;
    copy.finish(energy, covered_ns, largest_raw_);
    const std::int64_t length_ns = copy.end_ns - begin_ns;
    if (length_ns > 0) {
        energy.coverage = static_cast<double>(covered_ns) / static_cast<double>(length_ns);
    } else {
        energy.coverage = energy.energy ? 1 : 0;
    }
    return energy;
}

std::uint64_t ChannelStream::outer_gaps(std::int64_t begin_ns, std::int64_t end_ns,
                                        bool is_closed) const {
    const auto overlaps = [&](const OuterGap& gap) {
        const bool begins_inside = gap.first_ns < end_ns || (is_closed && gap.first_ns == end_ns);
        return gap.is_there && begins_inside && gap.last_ns >= begin_ns;
    };
    return (overlaps(state_->head) ? 1U : 0U) + (overlaps(state_->tail) ? 1U : 0U);
}

std::optional<Watts> ChannelStream::recent_power(MonoTime now) const {
    const State& state = *state_;
    const double usual_ns = usual_spacing_ns().value_or(0);
    const auto age_ns = static_cast<double>(now.as_ns() - last_good_ns_);
    if (state.size() < 2 ||
        age_ns > std::max(static_cast<double>(kLiveAgeNs), kLiveSpacings * usual_ns)) {
        return std::nullopt;
    }
    Window window;
    window.begin_ns =
        std::max(state.recent[state.first].sample.t_ns, last_good_ns_ - kLiveStretchNs);
    window.end_ns = last_good_ns_;
    window.make(spec_, usual_ns);
    state.feed_recent(window);
    ChannelEnergy energy;
    std::int64_t covered_ns = 0;
    window.finish(energy, covered_ns, largest_raw_);
    return energy.power_mean;
}

void ChannelStream::keep_series(std::size_t max_points) {
    FINEWATT_CHECK(!has_line_ && max_points >= 2, "a series begins with the readings");
    state_->most_points = max_points;
}

PowerPoints ChannelStream::series(MonoTime origin) const {
    if (state_->most_points == 0 || good_reads_ < 2) {
        return {};
    }
    PowerThinner thinner =
        state_->thinner ? *state_->thinner
                        : PowerThinner(spec_, usual_spacing_ns().value_or(0), state_->most_points);
    for (std::size_t i = 0; i + 1 < state_->size(); ++i) {
        thinner.add(state_->step(i));
    }
    return thinner.points(origin);
}

std::optional<std::uint64_t> ChannelStream::raw_at(MonoTime time) const {
    const State& state = *state_;
    if (good_reads_ == 0 || spec_.kind == ChannelKind::kGauge ||
        time.as_ns() < state.recent[state.first].sample.t_ns) {
        return std::nullopt;
    }
    std::size_t i = state.size() - 1;
    while (state.recent[state.first + i].sample.t_ns > time.as_ns()) {
        --i;
    }
    const RawSample& before = state.recent[state.first + i].sample;
    if (i + 1 == state.size() || before.t_ns == time.as_ns()) {
        return before.raw;
    }
    const Step step = state.step(i);
    const CounterStep moved = counter_step(CounterRule(spec_), step.from, step.to);
    if (moved.doubt != StepDoubt::kNone) {
        return std::nullopt;
    }
    const long double part = static_cast<long double>(time.as_ns() - step.from.t_ns) /
                             static_cast<long double>(step.to.t_ns - step.from.t_ns);
    const auto inside = static_cast<std::uint64_t>(static_cast<long double>(moved.low) * part);
    const Uint128 raw = Uint128{step.from.raw} + inside;
    return static_cast<std::uint64_t>(spec_.range ? raw % *spec_.range : raw);
}

}  // namespace finewatt
