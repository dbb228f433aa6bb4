// The run record: everything one execution of one job left behind, as docs/reference/fields.md
// lists it. Plain structs with one field table each (field.h); record/json.h turns them into the
// document that `finewatt runs show ID --json` prints.
//
// Unknown is an empty optional, or an empty plain text (both null in JSON), with a reason beside
// it, never 0.
#pragma once

#include "finewatt/record/channel.h"
#include "finewatt/record/field.h"
#include "finewatt/units/quantity.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

namespace finewatt {

/// A setting or a fact about machine or software, with its natural type. Nothing (monostate) means
/// unknown: null in JSON. Assign a bool, an int, a double or a string; an unsigned 64-bit number
/// needs a cast to std::int64_t.
using SettingValue = std::variant<std::monostate, bool, std::int64_t, double, std::string>;
using SettingMap = std::map<std::string, SettingValue>;

/// Energy of one component (one channel) over a run or a phase.
struct ComponentEnergy {
    std::string component;  ///< "cpu", "dram", "gpu", "node" or "other"
    std::string device;
    std::string domain;
    std::string source;  ///< channel id, e.g. "powercap:package-0"
    std::optional<Joules> energy;
    std::optional<Joules> energy_low;
    std::optional<Joules> energy_high;
    std::optional<Watts> power_mean;
    std::optional<Watts> power_max;
    std::string provenance;
    std::optional<double> coverage;
    std::optional<Joules> resolution;
    bool counted = true;  ///< part of the total; what is left out says why in `reason`
    std::optional<std::string> reason;
    std::vector<std::string> notes;

    static constexpr auto fields() {
        using C = ComponentEnergy;
        return std::make_tuple(
            field("component", &C::component, "", "cpu, dram, gpu, node or other"),
            field("device", &C::device, "", "the hardware the channel reads"),
            field("domain", &C::domain, "", "package, dram, core, psys, gpu, node or other"),
            field("source", &C::source, "", "the channel the figure comes from"),
            field("energy_j", &C::energy, "J", "best estimate of the energy"),
            field("energy_j_low", &C::energy_low, "J", "lower end of its range"),
            field("energy_j_high", &C::energy_high, "J", "upper end of its range"),
            field("power_w_mean", &C::power_mean, "W", "energy over duration"),
            field("power_w_max", &C::power_max, "W", "largest mean power between two samples"),
            field("provenance", &C::provenance, "", "measured, derived, modelled or assumed"),
            field("coverage", &C::coverage, "1", "share of the window that was really seen"),
            field("resolution", &C::resolution, "J", "smallest step the source can show"),
            field("counted", &C::counted, "", "whether the figure is part of the total"),
            field("reason", &C::reason, "", "why a figure is unknown, modelled or left out"),
            field("notes", &C::notes, "", "caveats on a known figure"));
    }
};

/// Energy of a run or a phase: the total over domains that do not overlap, and its parts.
struct EnergySummary {
    std::optional<Joules> energy;
    std::optional<Joules> energy_low;
    std::optional<Joules> energy_high;
    std::string provenance;
    std::optional<double> coverage;
    std::vector<std::string> domains;  ///< what the total contains
    std::optional<std::string> reason;
    std::vector<ComponentEnergy> components;

    static constexpr auto fields() {
        using E = EnergySummary;
        return std::make_tuple(
            field("energy_j", &E::energy, "J", "total over the counted domains"),
            field("energy_j_low", &E::energy_low, "J", "lower end of its range"),
            field("energy_j_high", &E::energy_high, "J", "upper end of its range"),
            field("provenance", &E::provenance, "",
                  "measured, derived, modelled, assumed, or mixed when the parts differ"),
            field("coverage", &E::coverage, "1", "smallest coverage of a counted part"),
            field("domains", &E::domains, "", "the domains that the total contains"),
            field("reason", &E::reason, "", "why the total is unknown"),
            field("components", &E::components, "", "one entry per channel"));
    }
};

/// Wall calibration that was applied to a run. The machine's own total stays as it is; the adjusted
/// figure stands beside it. Where no calibration fits, RunRecord::calibration_reason says why.
struct CalibrationUse {
    std::string id;
    double coefficient = 1;
    double coefficient_low = 1;
    double coefficient_high = 1;
    std::optional<Joules> energy_adjusted;
    std::optional<Joules> energy_adjusted_low{};
    std::optional<Joules> energy_adjusted_high{};
    std::string kind{};        ///< load kind of the coefficient, "all" for the pooled one
    std::string provenance{};  ///< "derived" where there is an adjusted figure
    std::optional<std::string> reason{};

    static constexpr auto fields() {
        using C = CalibrationUse;
        return std::make_tuple(
            field("id", &C::id, "", "the stored calibration"),
            field("coefficient", &C::coefficient, "1", "wall energy over software energy"),
            field("coefficient_low", &C::coefficient_low, "1", "lower end of its interval"),
            field("coefficient_high", &C::coefficient_high, "1", "upper end of its interval"),
            field("energy_j_adjusted", &C::energy_adjusted, "J", "coefficient times total"),
            field("energy_j_adjusted_low", &C::energy_adjusted_low, "J",
                  "lower end of coefficient times lower end of total"),
            field("energy_j_adjusted_high", &C::energy_adjusted_high, "J",
                  "upper end of coefficient times upper end of total"),
            field("kind", &C::kind, "", "load kind the coefficient was taken for; all = pooled"),
            field("provenance", &C::provenance, "", "derived, where the adjusted figure is known"),
            field("reason", &C::reason, "",
                  "why this kind was chosen, or why the adjusted figure is unknown"));
    }
};

/// Idle baseline of the machine that was applied to a run: what it would have used at rest in the
/// run's time, and what the run used on top of that. A baseline that does not fit is named in
/// RunRecord::notes instead.
struct BaselineUse {
    std::string id;
    std::optional<Watts> power;
    std::optional<Watts> power_low;
    std::optional<Watts> power_high;
    std::optional<Joules> energy_idle;
    std::optional<Joules> energy_idle_low;
    std::optional<Joules> energy_idle_high;
    std::optional<Joules> energy_net;
    std::optional<Joules> energy_net_low;
    std::optional<Joules> energy_net_high;
    std::string provenance;
    std::optional<std::string> reason;

    static constexpr auto fields() {
        using B = BaselineUse;
        return std::make_tuple(
            field("id", &B::id, "", "the stored baseline"),
            field("power_w_idle", &B::power, "W", "power at rest of the counted channels"),
            field("power_w_idle_low", &B::power_low, "W", "lower end of its range"),
            field("power_w_idle_high", &B::power_high, "W", "upper end of its range"),
            field("energy_j_idle", &B::energy_idle, "J", "power at rest times the run's time"),
            field("energy_j_idle_low", &B::energy_idle_low, "J", "lower end of its range"),
            field("energy_j_idle_high", &B::energy_idle_high, "J", "upper end of its range"),
            field("energy_j_net", &B::energy_net, "J", "total less energy at rest"),
            field("energy_j_net_low", &B::energy_net_low, "J", "lower end of its range"),
            field("energy_j_net_high", &B::energy_net_high, "J", "upper end of its range"),
            field("provenance", &B::provenance, "", "derived, where the net figure is known"),
            field("reason", &B::reason, "", "why the net figure is unknown"));
    }
};

/// The part of the machine's energy that goes to the run's own processes. Stands beside the total
/// and never replaces it.
struct Attribution {
    std::string method;  ///< "cgroup", "process-tree" or "waited-children"
    std::optional<double> cpu_s;
    std::optional<double> machine_cpu_s;
    std::optional<double> cpu_share;
    std::optional<double> gpu_share;
    std::optional<Joules> energy;
    std::optional<Joules> energy_low;
    std::optional<Joules> energy_high;
    std::optional<Joules> idle_energy;
    std::string provenance;
    std::optional<std::string> reason;

    static constexpr auto fields() {
        using A = Attribution;
        return std::make_tuple(
            field("method", &A::method, "",
                  "how CPU time was counted: cgroup, process-tree or waited-children"),
            field("cpu_s", &A::cpu_s, "s", "CPU time of the run's processes"),
            field("machine_cpu_s", &A::machine_cpu_s, "s", "busy CPU time of the machine"),
            field("cpu_share", &A::cpu_share, "1", "the run's part of the busy CPU time"),
            field("gpu_share", &A::gpu_share, "1",
                  "the run's part of the busy GPU time; null without a GPU or where it is unknown"),
            field("energy_j", &A::energy, "J",
                  "the run's part of the active energy; without a baseline of the whole energy"),
            field("energy_j_low", &A::energy_low, "J", "lower end of its range"),
            field("energy_j_high", &A::energy_high, "J", "upper end of its range"),
            field("idle_energy_j", &A::idle_energy, "J",
                  "energy at rest, which is nobody's; null without a baseline"),
            field("provenance", &A::provenance, "", "derived"),
            field("reason", &A::reason, "", "what the figures rest on, or why they are unknown"));
    }
};

/// A device of which one process counts the energy for a node's total (several ranks, nested
/// trackers). Reading is free for all; only the owner counts.
struct DeviceClaim {
    std::string device;
    bool is_owner = false;
    std::optional<std::string> owner_run_id;
    std::optional<int> owner_pid;

    static constexpr auto fields() {
        using D = DeviceClaim;
        return std::make_tuple(
            field("device", &D::device, "", "the hardware that is counted once"),
            field("is_owner", &D::is_owner, "", "whether this run counts it in the node's total"),
            field("owner_run_id", &D::owner_run_id, "", "the run that counts it"),
            field("owner_pid", &D::owner_pid, "1", "the process that counts it"));
    }
};

/// Carbon of a run, and what else its energy brings with it: water and money. Of a run without a
/// place there is one only when something beyond operation was asked for; then, and when the run's
/// energy is unknown, `co2_kg` is empty and `reason` says why (see also RunRecord::carbon_reason).
struct CarbonSummary {
    std::optional<double> co2_kg;
    std::optional<double> co2_kg_low;
    std::optional<double> co2_kg_high;
    std::optional<CarbonIntensity> intensity;
    std::optional<CarbonIntensity> intensity_low{};
    std::optional<CarbonIntensity> intensity_high{};
    /// "average" or "marginal"; empty for a factor that does not say.
    std::optional<std::string> intensity_kind{};
    std::optional<std::string> zone;
    std::optional<std::string> edition;
    std::optional<std::string> basis;
    std::optional<std::string> source;
    double pue = 1;
    std::optional<Joules> facility_energy{};
    std::optional<Joules> facility_energy_low{};
    std::optional<Joules> facility_energy_high{};
    std::optional<double> embodied_kg;
    std::optional<double> embodied_kg_low{};
    std::optional<double> embodied_kg_high{};
    std::optional<std::string> embodied_provenance{};
    std::optional<std::string> embodied_source{};
    std::optional<std::string> embodied_reason{};
    std::optional<double> sci;
    std::optional<double> sci_low{};
    std::optional<double> sci_high{};
    std::optional<std::string> sci_per{};
    std::optional<std::string> sci_reason{};
    std::optional<double> water_l{};
    std::optional<double> water_l_low{};
    std::optional<double> water_l_high{};
    std::optional<std::string> water_source{};
    std::optional<double> cost{};
    std::optional<double> cost_low{};
    std::optional<double> cost_high{};
    std::optional<std::string> cost_currency{};
    std::optional<std::string> cost_source{};
    std::optional<std::string> reason;

    static constexpr auto fields() {
        using C = CarbonSummary;
        return std::make_tuple(
            field("co2_kg", &C::co2_kg, "kg", "operational emissions"),
            field("co2_kg_low", &C::co2_kg_low, "kg", "lower end of their range"),
            field("co2_kg_high", &C::co2_kg_high, "kg", "upper end of their range"),
            field("intensity_g_per_kwh", &C::intensity, "g/kWh",
                  "carbon intensity used; of a time series the mean weighted by energy"),
            field("intensity_g_per_kwh_low", &C::intensity_low, "g/kWh", "lower end of its range"),
            field("intensity_g_per_kwh_high", &C::intensity_high, "g/kWh",
                  "upper end of its range"),
            field("intensity_kind", &C::intensity_kind, "",
                  "average (all load) or marginal (one kWh more or less); never mixed"),
            field("zone", &C::zone, "", "grid zone or zones the intensity belongs to"),
            field("edition", &C::edition, "", "edition of the table, or hours of the time series"),
            field("basis", &C::basis, "", "co2 or co2e; null when an intensity was given as is"),
            field("source", &C::source, "", "where the intensity comes from"),
            field("pue", &C::pue, "1", "power usage effectiveness applied"),
            field("facility_energy_j", &C::facility_energy, "J",
                  "energy of the facility: the run's total times the PUE"),
            field("facility_energy_j_low", &C::facility_energy_low, "J", "lower end of its range"),
            field("facility_energy_j_high", &C::facility_energy_high, "J",
                  "upper end of its range"),
            field("embodied_kg", &C::embodied_kg, "kg", "share of the emissions of making, CO2e"),
            field("embodied_kg_low", &C::embodied_kg_low, "kg", "lower end of their range"),
            field("embodied_kg_high", &C::embodied_kg_high, "kg", "upper end of their range"),
            field("embodied_provenance", &C::embodied_provenance, "",
                  "modelled (figures of this hardware) or assumed (figures of its class)"),
            field("embodied_source", &C::embodied_source, "",
                  "footprints, lifetime and shares they rest on"),
            field("embodied_reason", &C::embodied_reason, "", "why they are unknown"),
            field("sci", &C::sci, "g", "software carbon intensity: CO2e per unit of work"),
            field("sci_low", &C::sci_low, "g", "lower end of its range"),
            field("sci_high", &C::sci_high, "g", "upper end of its range"),
            field("sci_per", &C::sci_per, "",
                  "unit of work: run, 1k-examples, million-tokens or million-tokens-padded"),
            field("sci_reason", &C::sci_reason, "", "why it is unknown"),
            field("water_l", &C::water_l, "l", "water used for the energy"),
            field("water_l_low", &C::water_l_low, "l", "lower end of its range"),
            field("water_l_high", &C::water_l_high, "l", "upper end of its range"),
            field("water_source", &C::water_source, "",
                  "litres per kWh it rests on, or why it is unknown"),
            field("cost", &C::cost, "currency", "price of the facility's energy"),
            field("cost_low", &C::cost_low, "currency", "lower end of its range"),
            field("cost_high", &C::cost_high, "currency", "upper end of its range"),
            field("cost_currency", &C::cost_currency, "", "ISO 4217 code of the currency"),
            field("cost_source", &C::cost_source, "",
                  "price per kWh it rests on, or why it is unknown"),
            field("reason", &C::reason, "", "why the emissions are unknown"));
    }
};

/// A named window of the run, reported by the workload.
struct PhaseRecord {
    std::string name;
    double t_begin_s = 0;  ///< seconds since the run's start
    double duration_s = 0;
    EnergySummary energy;
    std::optional<std::string> note;

    static constexpr auto fields() {
        using P = PhaseRecord;
        return std::make_tuple(
            field("name", &P::name, "", "the phase's name"),
            field("t_begin_s", &P::t_begin_s, "s", "begin, since the run's start"),
            field("duration_s", &P::duration_s, "s", "length of the phase"),
            field("energy", &P::energy, "", "energy of the phase"),
            field("note", &P::note, "", "e.g. phase not closed"));
    }
};

/// Running totals of the work done, as the workload reported them last.
struct WorkTotals {
    std::optional<double> examples;
    std::optional<double> steps;
    std::optional<double> epochs;
    std::optional<double> tokens_real;
    std::optional<double> tokens_padded;
    std::optional<double> tokens_padded_would_be;
    std::optional<double> flops_model;

    static constexpr auto fields() {
        using W = WorkTotals;
        return std::make_tuple(
            field("examples", &W::examples, "1", "examples seen"),
            field("steps", &W::steps, "1", "optimiser updates"),
            field("epochs", &W::epochs, "1", "passes over the data"),
            field("tokens_real", &W::tokens_real, "1", "tokens of the texts"),
            field("tokens_padded", &W::tokens_padded, "1", "tokens computed, with padding"),
            field("tokens_padded_would_be", &W::tokens_padded_would_be, "1",
                  "tokens that padding each batch to its longest sequence would have computed"),
            field("flops_model", &W::flops_model, "1", "floating-point operations of the model"));
    }
};

/// Ratios of energy and work.
struct DerivedFigures {
    std::optional<double> j_per_1k_examples;
    std::optional<double> j_per_million_tokens_padded;
    std::optional<double> tokens_per_s;
    std::optional<double> flops_per_j;

    static constexpr auto fields() {
        using D = DerivedFigures;
        return std::make_tuple(
            field("j_per_1k_examples", &D::j_per_1k_examples, "J", "energy per 1,000 examples"),
            field("j_per_million_tokens_padded", &D::j_per_million_tokens_padded, "J",
                  "energy per million computed tokens"),
            field("tokens_per_s", &D::tokens_per_s, "1/s", "real tokens per second of training"),
            field("flops_per_j", &D::flops_per_j, "1/J", "model operations per joule"));
    }
};

/// What was predicted before the run, kept beside its result.
struct PredictionSummary {
    std::optional<Joules> energy;
    std::optional<Joules> energy_low;
    std::optional<Joules> energy_high;
    std::optional<double> duration_s;
    std::optional<double> duration_s_low;
    std::optional<double> duration_s_high;
    std::optional<double> co2_kg;
    std::optional<double> co2_kg_low;
    std::optional<double> co2_kg_high;
    std::vector<std::string> basis;
    std::optional<std::string> reason;

    static constexpr auto fields() {
        using P = PredictionSummary;
        return std::make_tuple(
            field("energy_j", &P::energy, "J", "predicted energy"),
            field("energy_j_low", &P::energy_low, "J", "lower end of its range"),
            field("energy_j_high", &P::energy_high, "J", "upper end of its range"),
            field("duration_s", &P::duration_s, "s", "predicted wall time"),
            field("duration_s_low", &P::duration_s_low, "s", "lower end of its range"),
            field("duration_s_high", &P::duration_s_high, "s", "upper end of its range"),
            field("co2_kg", &P::co2_kg, "kg", "predicted operational emissions"),
            field("co2_kg_low", &P::co2_kg_low, "kg", "lower end of their range"),
            field("co2_kg_high", &P::co2_kg_high, "kg", "upper end of their range"),
            field("basis", &P::basis, "", "what the prediction rests on"),
            field("reason", &P::reason, "", "why a figure is unknown"));
    }
};

/// One execution of one job.
struct RunRecord {
    std::string run_id;  ///< ULID
    std::optional<std::string> name;
    std::string kind = "command";
    std::string status = "running";
    std::optional<std::string> status_reason;
    WallTime started_at{};
    std::optional<double> duration_s;
    EnergySummary energy;
    std::optional<CalibrationUse> calibration;
    std::optional<std::string> calibration_reason;  ///< set where one was refused
    std::optional<BaselineUse> baseline;
    std::optional<Attribution> attribution;
    std::vector<DeviceClaim> claims;
    std::optional<CarbonSummary> carbon;
    std::optional<std::string> carbon_reason;  ///< set where `carbon` is not
    std::vector<PhaseRecord> phases;
    std::optional<WorkTotals> work;
    DerivedFigures derived;
    std::map<std::string, double> scores;
    SettingMap settings;
    SettingMap machine;
    SettingMap software;
    std::optional<PredictionSummary> prediction;
    /// Cost of the meter itself and lost samples, by name ("samples", "lost_samples", "cpu_s", …).
    std::map<std::string, double> meter;
    std::vector<std::string> notes;  ///< what happened to the metering, e.g. a journal lost
    std::vector<std::string> tags;
    std::vector<std::string> artifacts;  ///< paths of what the run left: model, report, trace
    std::optional<int> exit_status;

    static constexpr auto fields() {
        using R = RunRecord;
        return std::make_tuple(
            field("run_id", &R::run_id, "", "ULID of the run"),
            field("name", &R::name, "", "name the user gave"),
            field("kind", &R::kind, "",
                  "fine-tuning, pre-training, distillation, inference or command"),
            field("status", &R::status, "", "running, complete, interrupted, failed or recovered"),
            field("status_reason", &R::status_reason, "", "why a run is not complete"),
            field("started_at", &R::started_at, "", "UTC time of the start"),
            field("duration_s", &R::duration_s, "s", "wall time of the run"),
            field("energy", &R::energy, "", "energy of the whole run"),
            field("calibration", &R::calibration, "", "wall calibration applied, if any"),
            field("calibration_reason", &R::calibration_reason, "",
                  "why a wall calibration was refused"),
            field("baseline", &R::baseline, "",
                  "energy at rest and net energy, where a baseline of this machine is stored"),
            field("attribution", &R::attribution, "",
                  "part of the energy that goes to the run's own processes, where asked for"),
            field("claims", &R::claims, "",
                  "devices whose energy only one process counts in the node's total"),
            field("carbon", &R::carbon, "", "carbon of the run; null when its place is unknown"),
            field("carbon_reason", &R::carbon_reason, "",
                  "why carbon is null, and how to name the place"),
            field("phases", &R::phases, "", "windows the workload reported"),
            field("work", &R::work, "", "work totals the workload reported"),
            field("derived", &R::derived, "", "ratios of energy and work"),
            field("scores", &R::scores, "1", "task scores by name"),
            field("settings", &R::settings, "", "settings of the job"),
            field("machine", &R::machine, "", "what the run was executed on"),
            field("software", &R::software, "", "versions of what executed it"),
            field("prediction", &R::prediction, "", "what was predicted before the run"),
            field("meter", &R::meter, "1", "the meter's own cost and losses"),
            field("notes", &R::notes, "", "what happened to the metering"),
            field("tags", &R::tags, "", "labels the user gave"),
            field("artifacts", &R::artifacts, "", "files the run left"),
            field("exit_status", &R::exit_status, "1", "exit status of the measured command"));
    }
};

/// Power of one channel over the run, for figures: mean power between consecutive samples.
struct PowerSeries {
    std::string channel;
    std::string component;
    std::string provenance;
    std::vector<double> t_s;      ///< end of each interval, seconds since the run's start
    std::vector<double> power_w;  ///< mean power over the interval that ends there
};

}  // namespace finewatt
