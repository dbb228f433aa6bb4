// finewatt carbon: energy and place in, emissions out, with their range and what they are like.

#include "finewatt/carbon/carbon.h"
#include "finewatt/carbon/equivalents.h"
#include "finewatt/carbon/facility.h"
#include "finewatt/carbon/locate.h"
#include "finewatt/carbon_extras.h"
#include "finewatt/carbon_tables.h"
#include "finewatt/carbon_view.h"
#include "finewatt/command.h"
#include "finewatt/report/format.h"
#include "finewatt/store/store.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

namespace finewatt::app {
namespace {

/// The options that name a place of one kind.
struct PlaceOption {
    PlaceKind kind;
    const char* name;
    const char* meaning;
    const char* type;
};

constexpr std::array<PlaceOption, 7> kPlaceOptions{
    {{PlaceKind::kZip, "--zip", "US ZIP code, five digits; ZIP+4 is cut to five", "ZIP"},
     {PlaceKind::kSubregion, "--subregion", "eGRID subregion such as RFCW", "CODE"},
     {PlaceKind::kState, "--state", "US state such as PA", "CODE"},
     {PlaceKind::kCountry, "--country", "ISO 3166-1 code such as FRA or FR", "CODE"},
     {PlaceKind::kRegion, "--region", "Canadian province (CA-ON), Nordic zone (SE3) or EU-27",
      "CODE"},
     {PlaceKind::kCloud, "--cloud", "Region of a cloud provider such as gcp/us-central1",
      "PROVIDER/REGION"},
     {PlaceKind::kIntensity, "--intensity", "The carbon intensity itself", "G_PER_KWH"}}};

struct CarbonFlags {
    std::optional<double> kwh;
    std::optional<double> joules;
    std::optional<std::string> run;
    std::array<std::optional<std::string>, kPlaceOptions.size()> places;
    std::optional<std::string> place;
    bool is_locating = false;
    std::optional<std::string> edition;
    std::string basis;
    double pue = 1;
    CarbonExtras extras;
};

/// The run whose carbon is asked for, or an empty one with the energy that was named.
struct Subject {
    RunRecord run;
    std::vector<PowerSeries> power;  ///< of a stored run, where it is needed
};

/// A failure, and the exit status that it means.
struct Failure {
    int exit_status = kBadInput;
    Error error;
};

/// Where a web service says that this machine is.
Result<std::optional<Place>> located_place() {
    FINEWATT_ASSIGN(const ProviderSettings settings, locate_settings());
    FINEWATT_ASSIGN(const std::unique_ptr<HttpClient> http, HttpClient::create());
    FINEWATT_ASSIGN(Place place, locate(*http, settings));
    return std::optional(std::move(place));
}

/// Return the place that the options name, else that of FINEWATT_PLACE, else none. Asks the network
/// only with --locate.
Result<std::optional<Place>> chosen_place(const CarbonFlags& flags) {
    if (flags.is_locating) {
        return located_place();
    }
    std::optional<std::string> text = flags.place;
    for (std::size_t i = 0; i < kPlaceOptions.size(); ++i) {
        if (flags.places[i]) {
            text = fmt::format("{}:{}", place_kind_name(kPlaceOptions[i].kind), *flags.places[i]);
        }
    }
    const char* from_environment = std::getenv("FINEWATT_PLACE");
    if (!text && from_environment != nullptr && *from_environment != '\0') {
        text = from_environment;
    }
    if (!text) {
        return std::optional<Place>();
    }
    FINEWATT_ASSIGN(Place place, parse_place(*text));
    return std::optional(std::move(place));
}

Result<CarbonOptions> carbon_options(const CarbonFlags& flags) {
    CarbonOptions options;
    options.edition = flags.edition;
    if (!flags.basis.empty()) {
        FINEWATT_ASSIGN(options.basis, parse_carbon_basis(flags.basis));
    }
    options.pue = flags.pue;
    return options;
}

/// A record that holds nothing but an energy.
Result<RunRecord> record_of(Joules energy) {
    if (!std::isfinite(energy.as_joules()) || energy < joules(0)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "energy: expected a number of 0 or more, found {} kWh",
                              energy.as_kwh());
    }
    RunRecord run;
    run.energy.energy = run.energy.energy_low = run.energy.energy_high = energy;
    return run;
}

Result<Subject> stored_run(const CommandContext& context, const CarbonFlags& flags) {
    std::string url = context.common.store_url;
    if (url.empty()) {
        FINEWATT_ASSIGN(url, default_store_url(::getenv));
    }
    FINEWATT_ASSIGN(const std::unique_ptr<Store> store, open_store(url));
    Subject subject;
    FINEWATT_ASSIGN(subject.run, store->get(*flags.run));
    if (flags.extras.is_over_time()) {
        FINEWATT_ASSIGN(subject.power, store->power_series(subject.run.run_id));
    }
    subject.run.carbon.reset();  // what was stored then is not what is asked for now
    subject.run.carbon_reason.reset();
    return subject;
}

tl::expected<Subject, Failure> subject_of(const CommandContext& context, const CarbonFlags& flags) {
    if (flags.run) {
        Result<Subject> stored = stored_run(context, flags);
        if (!stored) {
            const ErrorCode code = stored.error().code();
            const bool is_input =
                code == ErrorCode::kNotFound || code == ErrorCode::kInvalidArgument;
            return tl::unexpected(Failure{is_input ? kBadInput : kStoreFailed, stored.error()});
        }
        return *std::move(stored);
    }
    Result<RunRecord> run = record_of(flags.kwh ? kwh(*flags.kwh) : joules(*flags.joules));
    if (!run) {
        return tl::unexpected(Failure{kBadInput, run.error()});
    }
    if (const Status times = set_times(*run, flags.extras); !times) {
        return tl::unexpected(Failure{kBadInput, times.error()});
    }
    return Subject{*std::move(run), {}};
}

std::string title_of(const CarbonFlags& flags, const RunRecord& run,
                     const std::optional<Place>& place) {
    std::string title = run.energy.energy
                            ? fmt::format("{} kWh", format_number(run.energy.energy->as_kwh()))
                            : "an unknown energy";
    if (flags.run) {
        title = fmt::format("run {}{}", run.run_id,
                            run.name ? fmt::format(" ({})", *run.name) : std::string());
    }
    if (place) {
        title += fmt::format(" at {}{}", place_text(*place),
                             flags.is_locating ? " (located by its public address)" : "");
    }
    return title;
}

Result<CarbonView> carbon_view(const CarbonFlags& flags, Subject subject) {
    FINEWATT_TRY(Pue::of(flags.pue));
    RunRecord& run = subject.run;
    std::optional<Place> place;
    if (flags.extras.is_over_time()) {
        FINEWATT_TRY(set_carbon_by_hour(run, subject.power, flags.pue, flags.extras));
    } else {
        FINEWATT_ASSIGN(place, chosen_place(flags));
        FINEWATT_ASSIGN(const CarbonOptions options, carbon_options(flags));
        FINEWATT_TRY(set_carbon(run, place, options));
    }
    FINEWATT_TRY(set_extras(run, flags.pue, flags.extras));
    CarbonView view;
    view.pue = flags.pue;
    view.title = title_of(flags, run, place);
    if (run.carbon && run.carbon->co2_kg) {
        constexpr double kGramsPerKilogram = 1000;
        FINEWATT_ASSIGN(view.equivalents,
                        equivalents_of(grams(*run.carbon->co2_kg * kGramsPerKilogram)));
    }
    view.run = std::move(run);
    return view;
}

/// Return what is wrong with the options as a whole, or nothing.
std::optional<std::string> usage_mistake(const CarbonFlags& flags) {
    const int energies = (flags.kwh ? 1 : 0) + (flags.joules ? 1 : 0) + (flags.run ? 1 : 0);
    if (energies != 1) {
        return fmt::format("energy: expected one of --kwh, --joules and --run, found {}",
                           energies == 0 ? "none" : "several");
    }
    int places = (flags.place ? 1 : 0) + (flags.is_locating ? 1 : 0);
    for (const std::optional<std::string>& place : flags.places) {
        places += place ? 1 : 0;
    }
    if (places > 1) {
        return "place: expected one option that names it (--zip, --subregion, --state, --country, "
               "--region, --cloud, --intensity, --place or --locate), found several";
    }
    if (flags.extras.is_over_time() && (places > 0 || flags.edition || !flags.basis.empty())) {
        return "intensity: expected a place or the hours of --series or --provider, found both; "
               "leave the place, --edition and --basis away";
    }
    if (flags.run && (!flags.extras.start.empty() || flags.extras.hours)) {
        return "time: a stored run knows its own; leave --start and --hours away";
    }
    return std::nullopt;
}

/// A service that cannot be reached or answers rubbish is a failed job, the rest is bad input.
int exit_status_of(const Error& error, const CarbonFlags& flags) {
    const ErrorCode code = error.code();
    const bool is_service =
        code == ErrorCode::kIo || code == ErrorCode::kBusy || code == ErrorCode::kCorrupt;
    const bool is_asking = flags.is_locating || !flags.extras.provider.empty();
    return is_service && is_asking ? kJobFailed : kBadInput;
}

void print_carbon(CommandContext& context, const CarbonFlags& flags) {
    if (const std::optional<std::string> mistake = usage_mistake(flags)) {
        fail(context, kWrongUsage, FINEWATT_ERROR(kInvalidArgument, "{}", *mistake));
        return;
    }
    tl::expected<Subject, Failure> subject = subject_of(context, flags);
    if (!subject) {
        fail(context, subject.error().exit_status, subject.error().error);
        return;
    }
    const Result<CarbonView> view = carbon_view(flags, *std::move(subject));
    if (!view) {
        fail(context, exit_status_of(view.error(), flags), view.error());
        return;
    }
    if (context.common.json) {
        print_line(stdout, carbon_json(*view));
    } else {
        print_text(stdout, carbon_text(*view, static_cast<std::size_t>(terminal_columns())));
    }
}

void add_flags(CLI::App& command, CarbonFlags& flags) {
    command.add_option("--kwh", flags.kwh, "Energy of the machines in kWh");
    command.add_option("--joules", flags.joules, "Energy of the machines in joules");
    command.add_option("--run", flags.run, "Energy of a stored run, with its range")
        ->type_name("ID");
    for (std::size_t i = 0; i < kPlaceOptions.size(); ++i) {
        command.add_option(kPlaceOptions[i].name, flags.places[i], kPlaceOptions[i].meaning)
            ->type_name(kPlaceOptions[i].type);
    }
    command
        .add_option("--place", flags.place,
                    fmt::format("The same in one word: {}. Without any of these options: "
                                "environment FINEWATT_PLACE",
                                place_forms()))
        ->type_name("KIND:NAME");
    command.add_flag("--locate", flags.is_locating,
                     "Ask a web service where this machine's public address is (ipinfo.io, or "
                     "environment FINEWATT_LOCATE_ENDPOINT)");
    command
        .add_option("--edition", flags.edition,
                    "Edition of the table, e.g. eGRID2021 or 2021; `finewatt carbon editions` "
                    "lists them. Default: the newest that knows the place")
        ->type_name("NAME");
    command
        .add_option("--basis", flags.basis,
                    "Gases that count: co2 (default for ZIP codes and subregions) or co2e (for the "
                    "rest)")
        ->check(CLI::IsMember({"co2", "co2e"}, CLI::ignore_case));
    command
        .add_option("--pue", flags.pue,
                    "Power usage effectiveness: energy of the facility over that of the machines")
        ->capture_default_str();
}

}  // namespace

void register_carbon(CLI::App& app, CommandContext& context) {
    auto* command = app.add_subcommand("carbon", "Emissions of an energy at a place");
    const auto flags = std::make_shared<CarbonFlags>();  // shared with the callback below
    add_flags(*command, *flags);
    add_carbon_extras(*command, flags->extras);
    add_carbon_editions(*command, context);
    add_carbon_places(*command, context);
    command->require_subcommand(0, 1);
    command->footer(
        "Nothing is guessed: an unknown place is an error with near matches, no place gives no\n"
        "carbon, and no web service is asked without --provider or --locate.\n"
        "Examples:\n"
        "  finewatt carbon --kwh 368 --zip 15213 --edition eGRID2021 --basis co2\n"
        "  finewatt carbon --run 01KAQ --cloud gcp/europe-west9 --pue 1.1 --json\n"
        "  finewatt carbon --run 01KAQ --series hours.csv --embodied --sci-per 1k-examples\n"
        "  finewatt carbon editions\n"
        "  finewatt carbon places stockholm");
    command->callback([command, flags, &context] {
        if (command->get_subcommands().empty()) {
            print_carbon(context, *flags);
        }
    });
}

}  // namespace finewatt::app
