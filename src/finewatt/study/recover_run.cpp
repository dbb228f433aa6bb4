#include "finewatt/study/recover_run.h"

#include "finewatt/meter/channel_stream.h"
#include "finewatt/meter/energy_total.h"
#include "finewatt/meter/journal.h"
#include "finewatt/record/json.h"
#include "finewatt/store/store.h"
#include "finewatt/study/event_reader.h"
#include "finewatt/study/keep_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace finewatt {
namespace {

/// Work, scores and software as the workload reported them last.
void take_events(const std::vector<std::string>& events, RunRecord& record) {
    EventReader reader;
    WorkTotals totals;
    bool has_work = false;
    const auto keep = [](std::optional<double>& total, const std::optional<double>& latest) {
        total = latest ? latest : total;
    };
    for (const std::string& line : events) {
        for (const Event& event : reader.feed(line + "\n", MonoTime{})) {
            if (const auto* work = std::get_if<WorkEvent>(&event.body)) {
                has_work = true;
                keep(totals.steps, work->steps);
                keep(totals.examples, work->examples);
                keep(totals.epochs, work->epochs);
                keep(totals.tokens_real, work->tokens_real);
                keep(totals.tokens_padded, work->tokens_padded);
                keep(totals.tokens_padded_would_be, work->tokens_padded_would_be);
                keep(totals.flops_model, work->flops_model);
            } else if (const auto* score = std::get_if<ScoreEvent>(&event.body)) {
                record.scores[score->name] = score->value;
            } else if (const auto* engine = std::get_if<EngineEvent>(&event.body)) {
                add_engine_facts(*engine, record.software);
            }
        }
    }
    if (has_work) {
        record.work = totals;
    }
}

/// Whether a counter goes on while no process reads it. A perf counter begins at 0 with the process
/// that opens it.
bool outlives_its_reader(const ChannelSpec& spec) {
    return spec.kind == ChannelKind::kCounter && spec.provenance == Provenance::kMeasured &&
           spec.source != "perf";
}

bool is_same_counter(const ChannelSpec& a, const ChannelSpec& b) {
    return a.id == b.id && a.kind == b.kind && a.unit_size == b.unit_size && a.range == b.range;
}

/// Poll every source once and give the good readings of counters by channel id.
std::map<std::string, std::pair<ChannelSpec, Reading>> read_counters(
    const std::vector<std::unique_ptr<Source>>& sources) {
    std::map<std::string, std::pair<ChannelSpec, Reading>> counters;
    for (const std::unique_ptr<Source>& source : sources) {
        const auto specs = source->channels();
        std::vector<Reading> readings(specs.size());
        source->poll(readings);
        for (std::size_t i = 0; i < specs.size(); ++i) {
            if (readings[i].outcome == PollOutcome::kOk) {
                counters.insert({specs[i].id, {specs[i], readings[i]}});
            }
        }
    }
    return counters;
}

/// The energy of a counter from its last checkpoint to a reading of now.
ChannelEnergy energy_since(const ChannelSpec& spec, const ChannelCheckpoint& last,
                           const Reading& now) {
    Reading before;
    before.time = *last.time;
    before.raw = *last.raw;
    before.outcome = PollOutcome::kOk;
    ChannelStream stream(spec);
    stream.open_window(kOwnSpan);
    stream.add(before, before.time);
    stream.add(now, before.time);
    return stream.energy(0, now.time.as_ns());
}

std::optional<DeadTime> read_dead_time(const JournalContents& journal,
                                       const RecoverOptions& options) {
    const bool is_same_boot = !options.boot_id.empty() && journal.header.boot_id == options.boot_id;
    if (!is_same_boot || journal.is_complete || !journal.last_checkpoint || !options.find_sources) {
        return std::nullopt;
    }
    const std::vector<std::unique_ptr<Source>> sources = options.find_sources();
    const auto counters = read_counters(sources);
    std::vector<ChannelSpec> specs;
    std::vector<ChannelEnergy> energies;
    DeadTime dead;
    for (std::size_t i = 0; i < journal.header.channels.size(); ++i) {
        const ChannelSpec& spec = journal.header.channels[i];
        const ChannelCheckpoint& last = journal.last_checkpoint->channels[i];
        const auto now = counters.find(spec.id);
        if (!outlives_its_reader(spec) || !last.time || !last.raw || now == counters.end() ||
            !is_same_counter(spec, now->second.first)) {
            continue;
        }
        const Reading& reading = now->second.second;
        dead.duration_s = std::max(dead.duration_s, as_seconds(reading.time - *last.time));
        specs.push_back(spec);
        energies.push_back(energy_since(spec, last, reading));
    }
    if (specs.empty()) {
        return std::nullopt;
    }
    dead.energy = summarize_energy(specs, energies);
    return dead;
}

std::string dead_time_note(const DeadTime& dead) {
    const std::string_view tail =
        "between its last checkpoint and its recovery; that is no part of the run";
    if (!dead.energy.energy) {
        return fmt::format("the energy of the {:.1f} s {} is unknown: {}", dead.duration_s, tail,
                           dead.energy.reason.value_or("no reason"));
    }
    return fmt::format("the machine used {:.6g} J ({:.6g} to {:.6g}) in the {:.1f} s {}",
                       dead.energy.energy->as_joules(), dead.energy.energy_low->as_joules(),
                       dead.energy.energy_high->as_joules(), dead.duration_s, tail);
}

bool has_finished_run(const std::filesystem::path& journal) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(finished_run_path(journal), ignored);
}

/// Read the one run of the ledger beside a journal.
Result<RecoveredRun> read_finished_run(const std::filesystem::path& journal) {
    const std::filesystem::path file = finished_run_path(journal);
    FINEWATT_ASSIGN(const std::unique_ptr<Store> store, open_store("sqlite:" + file.string()));
    FINEWATT_ASSIGN(const std::vector<std::string> ids, store->list_ids({}));
    if (ids.size() != 1) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected one finished run, found {}", file.string(),
                              ids.size());
    }
    RecoveredRun run;
    FINEWATT_ASSIGN(run.record, store->get(ids.front()));
    FINEWATT_ASSIGN(run.series, store->power_series(ids.front()));
    return run;
}

}  // namespace

Result<std::filesystem::path> default_journal_folder(
    const std::function<const char*(const char* name)>& environment) {
    std::filesystem::path base;
    if (const char* state = environment("XDG_STATE_HOME"); state != nullptr && *state != '\0') {
        base = state;
    } else if (const char* home = environment("HOME"); home != nullptr && *home != '\0') {
        base = std::filesystem::path(home) / ".local" / "state";
    } else {
        return FINEWATT_ERROR(kNotFound,
                              "journals: expected XDG_STATE_HOME or HOME to be set, found neither");
    }
    return base / "finewatt" / "journal";
}

std::vector<FoundJournal> find_journals(const std::filesystem::path& folder,
                                        const std::string& boot_id) {
    std::vector<FoundJournal> found;
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
        if (entry.path().extension() != ".jsonl") {
            continue;
        }
        FoundJournal& journal = found.emplace_back();
        journal.path = entry.path();
        const Result<JournalHeader> header = read_journal_header(entry.path());
        if (!header && has_finished_run(entry.path())) {
            journal.state = JournalState::kLeft;
            journal.run_id = entry.path().stem();
            continue;
        }
        if (!header) {
            journal.state = JournalState::kBroken;
            journal.reason = header.error().describe();
            continue;
        }
        journal.run_id = header->run_id;
        journal.pid = header->process.pid;
        const bool may_run = header->boot_id == boot_id || header->boot_id.empty();
        journal.state =
            may_run && is_running(header->process) ? JournalState::kRunning : JournalState::kLeft;
    }
    std::sort(found.begin(), found.end(),
              [](const FoundJournal& a, const FoundJournal& b) { return a.path < b.path; });
    return found;
}

std::string journal_facts(const RunRecord& record) {
    return to_json(record);
}

Result<RecoveredRun> recover_run(const std::filesystem::path& path, const RecoverOptions& options) {
    std::optional<std::string> why_not_finished;
    if (has_finished_run(path)) {
        Result<RecoveredRun> finished = read_finished_run(path);
        if (finished) {
            return finished;
        }
        why_not_finished = finished.error().describe();
    }
    FINEWATT_ASSIGN(JournalContents journal, read_journal(path));
    RecoveredRun run;
    // Facts of another version that do not fit cost the name, not the run.
    if (auto facts = run_from_json(journal.header.facts)) {
        run.record = *std::move(facts);
    }
    RunRecord& record = run.record;
    record.run_id = journal.header.run_id;
    record.status = "recovered";
    record.status_reason = journal.is_complete
                               ? "the run ended, but it was not stored; taken from its journal"
                               : "the meter was killed; taken from its journal, without at most "
                                 "about the last second";
    record.started_at = journal.header.started_at;
    record.duration_s = as_seconds(journal.duration());
    run.dead_time = read_dead_time(journal, options);
    record.energy = std::move(journal.energy);
    record.phases = std::move(journal.phases);
    take_events(journal.events, record);
    record.notes.insert(record.notes.end(), journal.notes.begin(), journal.notes.end());
    if (run.dead_time) {
        record.notes.push_back(dead_time_note(*run.dead_time));
    }
    if (why_not_finished) {
        record.notes.push_back(
            "taken from its journal, since the finished run beside it cannot "
            "be read: " +
            *why_not_finished);
    }
    if (!record.carbon && !record.carbon_reason) {
        record.carbon_reason = "the journal of a recovered run does not hold its place";
    }
    run.series = std::move(journal.series);
    return run;
}

}  // namespace finewatt
