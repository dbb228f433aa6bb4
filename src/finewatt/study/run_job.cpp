#include "finewatt/study/run_job.h"

#include "finewatt/base/code_pages.h"
#include "finewatt/meter/journal.h"
#include "finewatt/sensor/discovery.h"
#include "finewatt/sensor/process_stat.h"
#include "finewatt/sensor/wall_meter.h"
#include "finewatt/study/attributor.h"
#include "finewatt/study/machine_facts.h"
#include "finewatt/study/recover_run.h"
#include "finewatt/study/signal_watch.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <deque>
#include <memory>

namespace finewatt {
namespace {

/// Real tokens per second are shown over this stretch.
constexpr std::chrono::seconds kRateWindow{10};
/// Signals and events wake the follower; it looks by itself only in case one was lost.
constexpr std::chrono::seconds kLongestWait{10};

void keep(std::optional<double>& total, const std::optional<double>& latest) {
    if (latest) {
        total = latest;
    }
}

/// What the workload reported so far.
class WorkloadReports {
  public:
    void take(const Event& event, Meter& meter) {
        meter.journal_event(event.line);
        if (const auto* phase = std::get_if<PhaseEvent>(&event.body)) {
            take_phase(*phase, event.time, meter);
        } else if (const auto* work = std::get_if<WorkEvent>(&event.body)) {
            take_work(*work, event.time);
        } else if (const auto* score = std::get_if<ScoreEvent>(&event.body)) {
            scores_[score->name] = score->value;
        } else if (const auto* progress = std::get_if<ProgressEvent>(&event.body)) {
            progress_ = *progress;
        } else if (const auto* engine = std::get_if<EngineEvent>(&event.body)) {
            add_engine_facts(*engine, software_);
        }
    }

    /// What the engine said about itself.
    const SettingMap& software() const { return software_; }

    const std::map<std::string, double>& scores() const { return scores_; }

    const std::optional<WorkEvent>& work() const { return work_; }

    const std::optional<ProgressEvent>& progress() const { return progress_; }

    std::string open_phase() const { return open_phases_.empty() ? "" : open_phases_.back(); }

    std::optional<double> tokens_per_s() const {
        if (rates_.size() < 2) {
            return std::nullopt;
        }
        const double seconds = as_seconds(rates_.back().time - rates_.front().time);
        if (seconds <= 0) {
            return std::nullopt;
        }
        return (rates_.back().tokens - rates_.front().tokens) / seconds;
    }

  private:
    struct TokenMark {
        MonoTime time;
        double tokens = 0;
    };

    void take_phase(const PhaseEvent& phase, MonoTime time, Meter& meter) {
        meter.phase_edge(phase.name, phase.is_begin ? PhaseEdge::kBegin : PhaseEdge::kEnd, time);
        const auto open = std::find(open_phases_.begin(), open_phases_.end(), phase.name);
        if (phase.is_begin && open == open_phases_.end()) {
            open_phases_.push_back(phase.name);
        } else if (!phase.is_begin && open != open_phases_.end()) {
            open_phases_.erase(open);
        }
        // Progress and rate speak of one phase; another one starts afresh.
        progress_.reset();
        rates_.clear();
    }

    void take_work(const WorkEvent& latest, MonoTime time) {
        WorkEvent total = work_.value_or(WorkEvent{});
        keep(total.steps, latest.steps);
        keep(total.examples, latest.examples);
        keep(total.epochs, latest.epochs);
        keep(total.tokens_real, latest.tokens_real);
        keep(total.tokens_padded, latest.tokens_padded);
        keep(total.tokens_padded_would_be, latest.tokens_padded_would_be);
        keep(total.flops_model, latest.flops_model);
        work_ = total;
        if (latest.tokens_real) {
            rates_.push_back({time, *latest.tokens_real});
            while (rates_.size() > 2 && rates_.back().time - rates_.front().time > kRateWindow) {
                rates_.pop_front();
            }
        }
    }

    SettingMap software_;
    std::map<std::string, double> scores_;
    std::optional<WorkEvent> work_;
    std::optional<ProgressEvent> progress_;
    std::vector<std::string> open_phases_;
    std::deque<TokenMark> rates_;
};

/// Follows one workload from its start to its end.
class JobFollower {
  public:
    /// `attributor` may be null.
    JobFollower(const JobOptions& options, const Clock& clock, Meter& meter, Workload& workload,
                SignalWatch& signals, Attributor* attributor)
        : options_(options),
          clock_(clock),
          meter_(meter),
          workload_(workload),
          signals_(signals),
          attributor_(attributor),
          begin_(clock.mono_now()) {}

    /// Wait for the workload's end, taking its events and passing signals on.
    Result<WorkloadEnd> follow() {
        MonoTime next_progress = begin_ + options_.progress_interval;
        MonoTime next_sample = begin_ + kAttributionPeriod;
        while (true) {
            MonoTime next = clock_.mono_now() + kLongestWait;
            next = options_.on_progress ? std::min(next, next_progress) : next;
            wait_until(attributor_ != nullptr ? std::min(next, next_sample) : next);
            take_signals();
            take_events();
            const bool has_ended = workload_.has_ended();
            if (attributor_ != nullptr && (has_ended || clock_.mono_now() >= next_sample)) {
                attributor_->sample();
                next_sample = clock_.mono_now() + kAttributionPeriod;
            }
            if (has_ended) {
                FINEWATT_ASSIGN(const std::optional<WorkloadEnd> end, workload_.poll_end());
                take_events();  // what it wrote last
                return end.value_or(WorkloadEnd{});
            }
            if (options_.on_progress && clock_.mono_now() >= next_progress) {
                report_progress();
                next_progress = clock_.mono_now() + options_.progress_interval;
            }
        }
    }

    const WorkloadReports& reports() const { return reports_; }

    bool was_interrupted() const { return signals_taken_ > 0; }

  private:
    void wait_until(MonoTime time) {
        std::array<pollfd, 2> waited{
            {{signals_.fd(), POLLIN, 0}, {workload_.event_fd(), POLLIN, 0}}};
        // A closed pipe would be ready for ever; signals still tell of the end.
        const nfds_t count = events_are_open_ ? 2 : 1;
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(time - clock_.mono_now()).count();
        ::poll(waited.data(), count, static_cast<int>(std::max<std::int64_t>(left, 0)));
    }

    void take_signals() {
        while (const std::optional<ArrivedSignal> signal = signals_.take()) {
            if (signal->number == SIGCHLD) {
                continue;
            }
            ++signals_taken_;
            if (signals_taken_ > 1) {
                workload_.send_signal(SIGKILL);
            } else if (!signal->is_from_terminal) {
                workload_.send_signal(signal->number);
            }
        }
    }

    void take_events() {
        std::array<char, 8192> buffer;
        while (events_are_open_) {
            const ssize_t n = ::read(workload_.event_fd(), buffer.data(), buffer.size());
            if (n == 0) {
                events_are_open_ = false;
            }
            if (n <= 0) {
                return;
            }
            const std::string_view bytes(buffer.data(), static_cast<std::size_t>(n));
            for (const Event& event : reader_.feed(bytes, clock_.mono_now())) {
                reports_.take(event, meter_);
            }
        }
    }

    void report_progress() {
        JobProgress now;
        now.elapsed_s = as_seconds(clock_.mono_now() - begin_);
        now.energy = meter_.live();
        now.phase = reports_.open_phase();
        now.progress = reports_.progress();
        now.work = reports_.work();
        now.tokens_per_s = reports_.tokens_per_s();
        expect_end(now);
        options_.on_progress(now);
    }

    /// Extend the pace of the phase that reports progress, in a straight line to its end.
    void expect_end(JobProgress& now) {
        if (!now.progress || now.progress->done <= 0 || now.progress->of <= 0) {
            pace_.reset();
            return;
        }
        if (!pace_ || pace_->phase != now.phase) {
            pace_ = Pace{now.phase, now.elapsed_s, now.progress->done, now.energy.energy};
        }
        const double done = now.progress->done - pace_->done;
        if (done <= 0) {
            return;
        }
        const double factor = (now.progress->of - now.progress->done) / done;
        now.expected_s = now.elapsed_s + (now.elapsed_s - pace_->elapsed_s) * factor;
        if (!now.energy.energy || !pace_->energy || *now.energy.energy <= joules(0)) {
            return;
        }
        now.expected_energy = *now.energy.energy + (*now.energy.energy - *pace_->energy) * factor;
        const double growth = *now.expected_energy / *now.energy.energy;
        if (now.energy.energy_low && now.energy.energy_high) {
            now.expected_energy_low = *now.energy.energy_low * growth;
            now.expected_energy_high = *now.energy.energy_high * growth;
        }
    }

    /// Where the phase that reports progress was first seen.
    struct Pace {
        std::string phase;
        double elapsed_s = 0;
        double done = 0;
        std::optional<Joules> energy;
    };

    const JobOptions& options_;
    const Clock& clock_;
    Meter& meter_;
    Workload& workload_;
    SignalWatch& signals_;
    Attributor* attributor_;
    MonoTime begin_;
    EventReader reader_;
    WorkloadReports reports_;
    std::optional<Pace> pace_;
    bool events_are_open_ = true;
    int signals_taken_ = 0;
};

/// Name in the record what exists and could not be measured; the total is then unknown.
void add_unmeasured(EnergySummary& energy, const std::vector<UnmeasuredComponent>& unmeasured) {
    for (const UnmeasuredComponent& missing : unmeasured) {
        ComponentEnergy component;
        component.component = missing.component;
        component.device = missing.device;
        component.domain = missing.component;
        component.source = "none";
        component.reason = missing.reason + "; " + missing.advice;
        energy.components.push_back(component);
        energy.energy.reset();
        energy.energy_low.reset();
        energy.energy_high.reset();
        energy.reason = fmt::format("{} {}: {}", missing.component, missing.device, missing.reason);
    }
}

std::map<std::string, double> meter_figures(const MeterStatistics& statistics) {
    double lost = 0;
    for (const auto& channel : statistics.lost_samples) {
        lost += static_cast<double>(channel.second);
    }
    return {{"rounds", static_cast<double>(statistics.rounds)},
            {"samples", static_cast<double>(statistics.samples)},
            {"lost_samples", lost},
            {"cpu_s", statistics.cpu_s},
            {"round_time_s_mean", statistics.round_time_s_mean},
            {"round_time_s_max", statistics.round_time_s_max},
            {"suspends", static_cast<double>(statistics.suspends)},
            {"interval_s", statistics.interval_s},
            {"seed", static_cast<double>(statistics.seed)}};
}

void set_status(RunRecord& record, const WorkloadEnd& end, bool was_interrupted) {
    record.exit_status = end.exit_status;
    if (was_interrupted) {
        record.status = "interrupted";
        record.status_reason = "stopped by a signal";
    } else if (end.exit_status == 0) {
        record.status = "complete";
    } else {
        record.status = "failed";
        record.status_reason = end.signal
                                   ? fmt::format("killed by signal {}", *end.signal)
                                   : fmt::format("ended with exit status {}", end.exit_status);
    }
}

void set_derived(RunRecord& record) {
    if (!record.work) {
        return;
    }
    const WorkTotals& work = *record.work;
    if (record.energy.energy) {
        const double energy_j = record.energy.energy->as_joules();
        if (work.examples && *work.examples > 0) {
            record.derived.j_per_1k_examples = 1000 * energy_j / *work.examples;
        }
        if (work.tokens_padded && *work.tokens_padded > 0) {
            record.derived.j_per_million_tokens_padded = 1e6 * energy_j / *work.tokens_padded;
        }
        if (work.flops_model && energy_j > 0) {
            record.derived.flops_per_j = *work.flops_model / energy_j;
        }
    }
    double seconds = record.duration_s.value_or(0);
    for (const PhaseRecord& phase : record.phases) {
        if (phase.name == "train" || phase.name == "infer") {
            seconds = phase.duration_s;
        }
    }
    if (work.tokens_real && seconds > 0) {
        record.derived.tokens_per_s = *work.tokens_real / seconds;
    }
}

WorkTotals work_totals(const WorkEvent& work) {
    return {.examples = work.examples,
            .steps = work.steps,
            .epochs = work.epochs,
            .tokens_real = work.tokens_real,
            .tokens_padded = work.tokens_padded,
            .tokens_padded_would_be = work.tokens_padded_would_be,
            .flops_model = work.flops_model};
}

/// Return whether a sensor was found, rather than models alone.
bool has_measured_channel(const std::vector<std::unique_ptr<Source>>& sources) {
    for (const std::unique_ptr<Source>& source : sources) {
        for (const ChannelSpec& channel : source->channels()) {
            if (channel.provenance == Provenance::kMeasured ||
                channel.provenance == Provenance::kDerived) {
                return true;
            }
        }
    }
    return false;
}

/// What is known of a run before it begins.
RunRecord record_at_start(const JobOptions& options) {
    RunRecord record;
    record.run_id = options.run_id;
    record.name = options.name;
    record.kind = options.kind;
    record.settings = options.settings;
    record.software = options.software;
    return record;
}

MeterOptions meter_options_of(const JobOptions& options, const Clock& clock) {
    MeterOptions meter;
    meter.interval = options.interval;
    meter.seed = static_cast<std::uint64_t>(clock.wall_now().as_unix_ns());
    meter.run_id = options.run_id;
    meter.boot_id = read_boot_id().value_or("");
    meter.journal_path = options.journal_path;
    meter.journal_facts = journal_facts(record_at_start(options));
    if (!options.run_directory.empty()) {
        meter.node_claims = NodeClaimOptions{options.run_directory};
    }
    if (options.trace_path) {
        meter.trace_path = *options.trace_path;
    }
    return meter;
}

std::vector<DeviceClaim> claims_of(const std::vector<NodeShare>& shares) {
    std::vector<DeviceClaim> claims;
    for (const NodeShare& share : shares) {
        DeviceClaim claim;
        claim.device = share.device;
        claim.is_owner = share.is_counted_here;
        if (!share.owner_run_id.empty()) {
            claim.owner_run_id = share.owner_run_id;
        }
        if (share.owner_pid != 0) {
            claim.owner_pid = static_cast<int>(share.owner_pid);
        }
        claims.push_back(std::move(claim));
    }
    return claims;
}

/// Lay what the meter measured and what the workload reported into one record.
RunRecord assemble_record(const JobOptions& options, MeterResult&& metered,
                          const WorkloadReports& reports,
                          const std::vector<UnmeasuredComponent>& unmeasured) {
    RunRecord record = record_at_start(options);
    record.started_at = metered.started_at;
    record.duration_s = as_seconds(metered.end - metered.begin);
    record.energy = std::move(metered.energy);
    record.phases = std::move(metered.phases);
    add_unmeasured(record.energy, unmeasured);
    for (PhaseRecord& phase : record.phases) {
        add_unmeasured(phase.energy, unmeasured);
    }
    if (reports.work()) {
        record.work = work_totals(*reports.work());
    }
    set_derived(record);
    record.scores = reports.scores();
    for (const auto& [name, value] : reports.software()) {
        record.software[name] = value;
    }
    record.claims = claims_of(metered.node_shares);
    record.meter = meter_figures(metered.statistics);
    record.notes = std::move(metered.notes);
    if (metered.stopped_reason) {
        record.notes.push_back("metering stopped early: " + *metered.stopped_reason);
    }
    return record;
}

/// Begin to count the run's processes, where that was asked for.
std::optional<Attributor> prepare_attribution(const JobOptions& options,
                                              const DiscoveryOptions& sensors, bool has_gpu,
                                              const Clock& clock) {
    if (!options.attribute) {
        return std::nullopt;
    }
    std::unique_ptr<GpuProcessReader> gpus;
    std::string gpu_reason;
    if (has_gpu && !sees_host_pids()) {
        gpu_reason = "the process ids that the GPU driver gives are hidden in this container";
    } else if (has_gpu && options.open_gpu_processes) {
        Result<std::unique_ptr<GpuProcessReader>> opened = options.open_gpu_processes(sensors);
        if (opened) {
            gpus = *std::move(opened);
        } else {
            gpu_reason = opened.error().describe();
        }
    } else if (has_gpu) {
        gpu_reason = "no reader of GPU processes in this build";
    }
    return Attributor::prepare(options.sysroot, options.run_id, std::move(gpus),
                               std::move(gpu_reason), clock);
}

/// Put beside the total what calibrations and process counts say of it.
void put_beside_total(const JobOptions& options, const std::optional<MeasuredShares>& shares,
                      JobResult& result) {
    RunRecord& record = result.record;
    const StoredCalibrations& stored = options.calibrations;
    apply_baseline(record, stored.idle, options.calibration_max_age_days);
    apply_wall_calibration(record, stored.wall, options.calibration_max_age_days);
    if (shares) {
        const IdleBaseline* baseline =
            find_baseline(stored.idle, record, options.calibration_max_age_days);
        record.attribution = attribute_energy(record.energy, record.duration_s.value_or(0), *shares,
                                              baseline, result.series);
    }
}

}  // namespace

SettingValue setting_from_text(const std::string& text) {
    const char* const end = text.data() + text.size();
    std::int64_t whole = 0;
    if (const auto parsed = std::from_chars(text.data(), end, whole);
        parsed.ec == std::errc() && parsed.ptr == end) {
        return whole;
    }
    double number = 0;
    if (const auto parsed = std::from_chars(text.data(), end, number);
        parsed.ec == std::errc() && parsed.ptr == end) {
        return number;
    }
    return text;
}

Result<JobResult> run_job(const JobOptions& options, const Clock& clock) {
    // Signals first: threads made later must not take them.
    FINEWATT_ASSIGN(SignalWatch signals, SignalWatch::start());
    DiscoveryOptions sensors{.root = options.sysroot, .clock = clock};
    sensors.all_sources = options.all_sources;
    sensors.wall_meters = options.wall_meters;
    Discovery discovery = discover(sensors);
    FINEWATT_TRY(require_wall_meters(discovery.reports));
    if (options.require_measured && !has_measured_channel(discovery.sources)) {
        return FINEWATT_ERROR(kUnsupported,
                              "nothing can be measured here, only modelled, and --require-measured "
                              "was given; `finewatt doctor` says why and what mends it");
    }
    FINEWATT_ASSIGN(
        const std::unique_ptr<Meter> meter,
        Meter::start(std::move(discovery.sources), meter_options_of(options, clock), clock));
    std::optional<Attributor> attributor =
        prepare_attribution(options, sensors, !discovery.gpus.empty(), clock);
    Result<Workload> workload =
        Workload::start(options.argv, options.environment, signals.previous_mask(),
                        attributor ? attributor->cgroup_fd() : std::nullopt);
    if (!workload) {
        meter->stop();
        std::error_code ignored;
        std::filesystem::remove(options.journal_path, ignored);
        return Error(std::move(workload).error());
    }
    if (attributor) {
        attributor->start(workload->pid(), workload->is_in_cgroup());
    }
    // The command is the one to have the memory now; what started the meter does not run again.
    release_code_pages();
    JobFollower follower(options, clock, *meter, *workload, signals,
                         attributor ? &*attributor : nullptr);
    FINEWATT_ASSIGN(const WorkloadEnd end, follower.follow());
    const std::optional<MeasuredShares> shares =
        attributor ? std::optional<MeasuredShares>(attributor->finish(end.cpu_s)) : std::nullopt;
    MeterResult metered = meter->stop();

    JobResult result;
    result.end = end;
    result.was_interrupted = follower.was_interrupted();
    result.journal_path = options.journal_path;
    result.series = std::move(metered.series);
    result.record =
        assemble_record(options, std::move(metered), follower.reports(), discovery.unmeasured);
    set_status(result.record, end, result.was_interrupted);
    result.record.machine = machine_facts(sensors, discovery.gpus);
    put_beside_total(options, shares, result);
    FINEWATT_TRY(set_carbon(result.record, options.place, {}));
    return result;
}

}  // namespace finewatt
