// finewatt carbon: the real program, energy and place in, emissions out.

#include "finewatt/store/store.h"
#include "finewatt/testing/local_server.h"

#include <algorithm>
#include <set>

#include "program.h"

namespace finewatt::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class CarbonCommand : public ProgramTest {
  protected:
    nlohmann::json carbon(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"carbon", "--json"});
        const SubprocessResult result = finewatt(arguments);
        EXPECT_EQ(result.exit_status, 0) << result.stderr_text;
        EXPECT_EQ(std::count(result.stdout_text.begin(), result.stdout_text.end(), '\n'), 1);
        return last_line_json(result.stdout_text);
    }

    /// Expect a failure with nothing on standard output, and a message that holds all the parts.
    void expect_refused(const std::vector<std::string>& arguments, int exit_status,
                        const std::vector<std::string>& parts) {
        std::vector<std::string> all{"carbon"};
        all.insert(all.end(), arguments.begin(), arguments.end());
        const SubprocessResult result = finewatt(all);
        EXPECT_EQ(result.exit_status, exit_status) << ::testing::PrintToString(arguments);
        EXPECT_THAT(result.stdout_text, IsEmpty());
        for (const std::string& part : parts) {
            EXPECT_THAT(result.stderr_text, HasSubstr(part));
        }
    }

    /// Write a file into the temporary home and return its path.
    std::string write_series(const std::string& rows) {
        tree_.write("hours.csv", "datetime,intensity_g_per_kwh,basis\n" + rows);
        return (tree_.path() / "hours.csv").string();
    }

    /// Store a run with a range of energy.
    void store_run(const std::string& run_id, const std::string& name,
                   std::optional<Joules> energy) {
        RunRecord run;
        run.run_id = run_id;
        run.name = name;
        run.status = "complete";
        run.started_at = WallTime::parse_iso8601("2026-11-23T04:28:00Z").value();
        run.duration_s = 3600;
        run.energy.energy = energy;
        if (energy) {
            run.energy.energy_low = *energy * 0.5;
            run.energy.energy_high = *energy * 2;
        } else {
            run.energy.reason = "no sensor may be read";
        }
        ASSERT_OK_AND_ASSIGN(const auto store, open_store("sqlite:" + store_path().string()));
        ASSERT_OK(store->insert(run, {}));
    }
};

TEST_F(CarbonCommand, PaperPairIsReproducedWithAllKeysOfTheContract) {
    const nlohmann::json document =
        carbon({"--kwh", "368.0", "--zip", "15213", "--edition", "eGRID2021", "--basis", "co2"});
    EXPECT_NEAR(document.at("co2_kg"), 174.6, 0.05);
    EXPECT_EQ(document.at("co2_kg_low"), document.at("co2_kg"));
    EXPECT_EQ(document.at("co2_kg_high"), document.at("co2_kg"));
    EXPECT_EQ(document.at("energy_kwh"), 368.0);
    EXPECT_EQ(document.at("facility_kwh"), 368.0);
    EXPECT_NEAR(document.at("intensity_g_per_kwh"), 1046.1 * 0.45359237, 1e-9);
    EXPECT_EQ(document.at("zone"), "RFCW");
    EXPECT_EQ(document.at("edition"), "eGRID2021");
    EXPECT_EQ(document.at("basis"), "co2");
    EXPECT_THAT(document.at("source").get<std::string>(), HasSubstr("paper-note"));
    ASSERT_FALSE(document.at("equivalents").empty());
    for (const nlohmann::json& equivalent : document.at("equivalents")) {
        for (const char* key : {"name", "value", "unit", "edition"}) {
            EXPECT_TRUE(equivalent.contains(key)) << key;
        }
    }
    EXPECT_EQ(document.at("reason"), nullptr);
}

TEST_F(CarbonCommand, HaverfordHasItsOwnFactor) {
    const nlohmann::json document =
        carbon({"--kwh", "1000", "--zip", "19041", "--edition", "2021", "--basis", "CO2"});
    EXPECT_NEAR(document.at("co2_kg").get<double>() / 0.45359237, 672.8, 1e-9);
}

TEST_F(CarbonCommand, ZipPlusFourIsCutToFive) {
    const nlohmann::json nine = carbon({"--kwh", "1", "--zip", "152133890"});
    EXPECT_EQ(nine.at("zone"), "RFCW");
    EXPECT_EQ(carbon({"--kwh", "1", "--zip", "15213-3890"}), nine);
}

TEST_F(CarbonCommand, PueIsAppliedOnce) {
    const nlohmann::json document =
        carbon({"--joules", "3600000", "--intensity", "500", "--pue", "1.5"});
    EXPECT_EQ(document.at("energy_kwh"), 1.0);
    EXPECT_EQ(document.at("facility_kwh"), 1.5);
    EXPECT_EQ(document.at("co2_kg"), 0.75);
    EXPECT_EQ(document.at("zone"), nullptr);
    EXPECT_EQ(document.at("edition"), nullptr);
    EXPECT_EQ(document.at("basis"), nullptr);
}

TEST_F(CarbonCommand, EveryKindOfPlaceHasItsOption) {
    for (const auto& [option, name, zone] :
         std::vector<std::array<std::string, 3>>{{"--zip", "15007", "RFCE/RFCW"},
                                                 {"--subregion", "RFCW", "RFCW"},
                                                 {"--state", "pa", "PA"},
                                                 {"--country", "fr", "FRA"},
                                                 {"--region", "CA-ON", "CA-ON"},
                                                 {"--cloud", "gcp/us-central1", "gcp/us-central1"},
                                                 {"--place", "state:PA", "PA"}}) {
        const nlohmann::json document = carbon({"--kwh", "1", option, name});
        EXPECT_EQ(document.at("zone"), zone) << option;
        EXPECT_LE(document.at("co2_kg_low"), document.at("co2_kg")) << option;
        EXPECT_LE(document.at("co2_kg"), document.at("co2_kg_high")) << option;
    }
}

TEST_F(CarbonCommand, PlaceComesFromTheEnvironmentWhereNoneIsNamed) {
    extra_environment_ = {{"FINEWATT_PLACE", "country:FRA"}};
    EXPECT_EQ(carbon({"--kwh", "1"}).at("zone"), "FRA");
    EXPECT_EQ(carbon({"--kwh", "1", "--state", "PA"}).at("zone"), "PA");
}

TEST_F(CarbonCommand, WithoutAPlaceCarbonIsNullAndOneLineSaysHowToNameOne) {
    const nlohmann::json document = carbon({"--kwh", "2"});
    for (const char* key : {"co2_kg", "co2_kg_low", "co2_kg_high", "intensity_g_per_kwh", "zone",
                            "edition", "basis", "source"}) {
        EXPECT_EQ(document.at(key), nullptr) << key;
    }
    EXPECT_EQ(document.at("energy_kwh"), 2.0);
    EXPECT_THAT(document.at("equivalents"), IsEmpty());
    EXPECT_THAT(document.at("reason").get<std::string>(), HasSubstr("--place zip:15213"));
    const SubprocessResult text = finewatt({"carbon", "--kwh", "2"});
    EXPECT_EQ(text.exit_status, 0);
    EXPECT_THAT(text.stdout_text, HasSubstr("unknown: no place named"));
}

TEST_F(CarbonCommand, HumanOutputShowsTheRange) {
    const SubprocessResult result =
        finewatt({"carbon", "--kwh", "100", "--zip", "15007", "--edition", "2023"});
    EXPECT_EQ(result.exit_status, 0);
    EXPECT_THAT(result.stdout_text, HasSubstr("Carbon of 100.0 kWh at zip:15007\n"));
    EXPECT_THAT(result.stdout_text, HasSubstr("34.2 kg CO2 (27.1 to 41.3 kg)"));
    EXPECT_THAT(result.stdout_text, HasSubstr("RFCE/RFCW"));
    EXPECT_THAT(result.stdout_text, HasSubstr("eGRID2023"));
}

TEST_F(CarbonCommand, StoredRunKeepsTheRangeOfItsEnergy) {
    store_run("01KAQW0000000000000000000A", "a run", kwh(10));
    const nlohmann::json document = carbon({"--run", "01KAQW", "--intensity", "100", "--pue", "2"});
    EXPECT_DOUBLE_EQ(document.at("co2_kg"), 2.0);
    EXPECT_DOUBLE_EQ(document.at("co2_kg_low"), 1.0);
    EXPECT_DOUBLE_EQ(document.at("co2_kg_high"), 4.0);
    EXPECT_EQ(document.at("run_id"), "01KAQW0000000000000000000A");
    expect_refused({"--run", "nothing-of-the-kind", "--zip", "15213"}, 4, {"nothing-of-the-kind"});
}

TEST_F(CarbonCommand, RunOfUnknownEnergyHasUnknownCarbonWithTheReason) {
    store_run("01KAQW0000000000000000000B", "dark", std::nullopt);
    const nlohmann::json document = carbon({"--run", "dark", "--zip", "15213"});
    EXPECT_EQ(document.at("energy_kwh"), nullptr);
    EXPECT_EQ(document.at("facility_kwh"), nullptr);
    EXPECT_EQ(document.at("co2_kg"), nullptr);
    EXPECT_THAT(document.at("reason").get<std::string>(), HasSubstr("no sensor may be read"));
}

TEST_F(CarbonCommand, HostileRunNameCannotSteerTheTerminal) {
    const std::string name = "\x1b[2J\x1b]0;x\x07<script>'; DROP TABLE runs;--\n\\input{x}";
    store_run("01KAQW0000000000000000000C", name, kwh(1));
    const SubprocessResult text = finewatt({"carbon", "--run", "01KAQW", "--zip", "15213"});
    EXPECT_EQ(text.exit_status, 0);
    EXPECT_THAT(text.stdout_text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(text.stdout_text, Not(HasSubstr("\x07")));
    expect_refused({"--kwh", "1", "--place", "country:\x1b[31mFRA"}, 4, {"not printable ASCII"});
    expect_refused({"--kwh", "1", "--country", "';DROP TABLE x;--"}, 4, {"is not in the tables"});
}

TEST_F(CarbonCommand, WrongPlacesListNearMatches) {
    expect_refused({"--kwh", "1", "--zip", "15200"}, 4, {"near matches: 15201"});
    expect_refused({"--kwh", "1", "--zip", ""}, 4, {"expected five digits"});
    expect_refused({"--kwh", "1", "--place", ""}, 4, {"place: expected zip:15213"});
    expect_refused({"--kwh", "1", "--zip", "1521A"}, 4, {"expected five digits"});
    expect_refused({"--kwh", "1", "--zip", "1521338901"}, 4, {"expected five digits"});
    expect_refused({"--kwh", "1", "--subregion", "RFCX"}, 4, {"RFCW (RFC West)"});
    expect_refused({"--kwh", "1", "--state", "Ohoi"}, 4, {"OH (Ohio)"});
    expect_refused({"--kwh", "1", "--country", "Germany"}, 4, {"DEU (Germany)"});
    expect_refused({"--kwh", "1", "--region", "ontaro"}, 4, {"CA-ON (Ontario)"});
    expect_refused({"--kwh", "1", "--cloud", "us-east-1"}, 4, {"aws/us-east-1"});
}

TEST_F(CarbonCommand, WrongEditionsListThoseThatAreThere) {
    expect_refused({"--kwh", "1", "--zip", "15213", "--edition", "eGRID1999"}, 4,
                   {"editions that have: eGRID2023"});
    expect_refused({"--kwh", "1", "--zip", "15213", "--edition", "eGRID2018", "--basis", "co2"}, 4,
                   {"with --basis co2e: eGRID2021, eGRID2020, eGRID2019, eGRID2018"});
    expect_refused({"--kwh", "1", "--country", "FRA", "--basis", "co2"}, 4, {"co2e only"});
}

TEST_F(CarbonCommand, AbsurdNumbersAreRefused) {
    expect_refused({"--kwh", "1", "--intensity", "-5"}, 4, {"0 or more"});
    expect_refused({"--kwh", "1", "--intensity", "474500"}, 4, {"another unit"});
    expect_refused({"--kwh", "1", "--intensity", "nan"}, 4, {"carbon intensity"});
    for (const char* pue : {"0.9", "0", "-1", "11", "nan", "inf"}) {
        expect_refused({"--kwh", "1", "--zip", "15213", "--pue", pue}, 4, {"PUE"});
        expect_refused({"--kwh", "1", "--pue", pue}, 4, {"PUE"});
    }
    for (const char* energy : {"-1", "nan", "inf"}) {
        expect_refused({"--kwh", energy, "--zip", "15213"}, 4, {"energy"});
    }
    EXPECT_EQ(carbon({"--kwh", "0", "--zip", "15213"}).at("co2_kg"), 0.0);
    EXPECT_EQ(carbon({"--kwh", "1", "--intensity", "0"}).at("co2_kg"), 0.0);
}

TEST_F(CarbonCommand, WrongUsageIsExitStatusTwo) {
    expect_refused({}, 2, {"--kwh, --joules and --run, found none"});
    expect_refused({"--kwh", "1", "--joules", "1"}, 2, {"found several"});
    expect_refused({"--kwh", "1", "--zip", "15213", "--state", "PA"}, 2, {"found several"});
    expect_refused({"--kwh", "1", "--basis", "co3"}, 2, {"--basis"});
    expect_refused({"--kwh", "much"}, 2, {"--kwh"});
}

TEST_F(CarbonCommand, HoursOfASeriesAreWeighted) {
    const std::string file =
        write_series("2026-11-23T04:00:00Z,100,co2e\n2026-11-23T05:00:00Z,300,co2e\n");
    const std::vector<std::string> when{"--start", "2026-11-23T04:30:00Z", "--hours", "1"};
    std::vector<std::string> arguments{"--kwh", "2", "--series", file, "--pue", "1.5"};
    arguments.insert(arguments.end(), when.begin(), when.end());
    const nlohmann::json document = carbon(arguments);
    EXPECT_NEAR(document.at("co2_kg"), 2 * 1.5 * 0.2, 1e-12);
    EXPECT_NEAR(document.at("intensity_g_per_kwh"), 200, 1e-9);
    EXPECT_EQ(document.at("basis"), "co2e");
    EXPECT_EQ(document.at("facility_kwh"), 3.0);
}

TEST_F(CarbonCommand, StoredRunMeetsTheHoursThatItRanIn) {
    store_run("01KAQW0000000000000000000D", "timed", kwh(1));  // 04:28 to 05:28
    const std::string file =
        write_series("2026-11-23T04:00:00Z,60,co2e\n2026-11-23T05:00:00Z,120,co2e\n");
    const nlohmann::json document = carbon({"--run", "timed", "--series", file});
    EXPECT_NEAR(document.at("intensity_g_per_kwh"), (32 * 60 + 28 * 120) / 60.0, 1e-9);
    EXPECT_NEAR(document.at("co2_kg_high").get<double>(), 2 * document.at("co2_kg").get<double>(),
                1e-12);
}

TEST_F(CarbonCommand, EnergyOutsideTheSeriesIsAnErrorUnlessAskedFor) {
    const std::string file = write_series("2026-11-23T04:00:00Z,100,co2e\n");
    const std::vector<std::string> arguments{
        "--kwh", "1", "--series", file, "--start", "2026-11-23T04:00:00Z", "--hours", "2"};
    expect_refused(arguments, 4, {"2026-11-23T05:00"});
    std::vector<std::string> asked = arguments;
    asked.emplace_back("--extrapolate");
    EXPECT_NEAR(carbon(asked).at("co2_kg"), 0.1, 1e-12);
    expect_refused({"--kwh", "1", "--series", file}, 4, {"--start and --hours"});
    expect_refused({"--kwh", "1", "--series", file, "--zip", "15213"}, 2, {"found both"});
    expect_refused({"--kwh", "1", "--series", "/nowhere.csv", "--start", "2026-11-23T04:00:00Z",
                    "--hours", "1"},
                   4, {"/nowhere.csv"});
}

TEST_F(CarbonCommand, ProviderIsAskedForTheHoursAndItsTokenIsNeverShown) {
    testing::LocalHttpServer server([](const testing::ServedRequest&) {
        return testing::ServedAnswer{
            .body = R"({"zone":"DE","carbonIntensity":250,"datetime":"2026-11-23T04:00:00.000Z"})"};
    });
    extra_environment_ = {{"ELECTRICITYMAPS_ENDPOINT", server.url("")},
                          {"ELECTRICITYMAPS_TOKEN", "s3cr3t-t0ken"}};
    const std::vector<std::string> arguments{"--kwh",       "4", "--provider", "electricity-maps",
                                             "--grid-zone", "DE"};
    const nlohmann::json document = carbon(arguments);
    EXPECT_NEAR(document.at("co2_kg"), 1.0, 1e-12);
    EXPECT_EQ(document.at("zone"), "DE");
    EXPECT_EQ(document.at("intensity_kind"), "average");
    ASSERT_EQ(server.requests().size(), 1U);
    EXPECT_EQ(server.requests()[0].headers.at("auth-token"), "s3cr3t-t0ken");

    server.set_handler([](const testing::ServedRequest& request) {
        return testing::ServedAnswer{.status = 401,
                                     .body = "no " + request.headers.at("auth-token")};
    });
    std::vector<std::string> all{"carbon", "-v"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const SubprocessResult refused = finewatt(all);
    EXPECT_EQ(refused.exit_status, 4);
    EXPECT_THAT(refused.stderr_text, HasSubstr("ELECTRICITYMAPS_TOKEN"));
    EXPECT_THAT(refused.stderr_text, Not(HasSubstr("s3cr3t")));

    server.set_handler(
        [](const testing::ServedRequest&) { return testing::ServedAnswer{.status = 500}; });
    expect_refused(arguments, 5, {"Electricity Maps"});
    expect_refused({"--kwh", "4", "--provider", "electricity-maps"}, 4, {"--grid-zone"});
    expect_refused({"--kwh", "4", "--provider", "watttime", "--grid-zone", "X"}, 4,
                   {"--start and --hours"});
}

TEST_F(CarbonCommand, PlaceOfThePublicAddressIsTakenWhereAskedFor) {
    testing::LocalHttpServer server([](const testing::ServedRequest&) {
        return testing::ServedAnswer{.body = R"({"country":"US","postal":"15213"})"};
    });
    extra_environment_ = {{"FINEWATT_LOCATE_ENDPOINT", server.url("/json")}};
    const nlohmann::json document = carbon({"--kwh", "368", "--locate", "--edition", "eGRID2021"});
    EXPECT_EQ(document, carbon({"--kwh", "368", "--zip", "15213", "--edition", "eGRID2021"}));
    EXPECT_EQ(server.requests().size(), 1U) << "a place that was named needs no service";
    EXPECT_THAT(finewatt({"carbon", "--kwh", "368", "--locate"}).stdout_text,
                HasSubstr("located by its public address"));

    expect_refused({"--kwh", "1", "--locate", "--zip", "15213"}, 2, {"--locate", "several"});
    server.set_handler([](const testing::ServedRequest&) {
        return testing::ServedAnswer{.body = R"({"country":"US"})"};
    });
    expect_refused({"--kwh", "1", "--locate"}, 4, {"expected a ZIP code"});
    server.stop();
    expect_refused({"--kwh", "1", "--locate"}, 4, {server.url("/json"), "nobody answers"});
}

TEST_F(CarbonCommand, NoServiceIsAskedWithoutTheOption) {
    testing::LocalHttpServer server(
        [](const testing::ServedRequest&) { return testing::ServedAnswer{}; });
    extra_environment_ = {{"ELECTRICITYMAPS_ENDPOINT", server.url("")},
                          {"ELECTRICITYMAPS_TOKEN", "t"},
                          {"FINEWATT_LOCATE_ENDPOINT", server.url("")}};
    carbon({"--kwh", "1"});
    carbon({"--kwh", "1", "--zip", "15213"});
    EXPECT_TRUE(server.requests().empty());
}

TEST_F(CarbonCommand, BeyondOperationIsAddedWhereAskedFor) {
    const nlohmann::json document = carbon({"--kwh",       "2",
                                            "--intensity", "500",
                                            "--basis",     "co2e",
                                            "--pue",       "1.5",
                                            "--start",     "2026-11-23T04:00:00Z",
                                            "--hours",     "10",
                                            "--embodied",  "--wue",
                                            "2",           "--off-site-water",
                                            "3",           "--price-per-kwh",
                                            "0.5",         "--currency",
                                            "eur",         "--sci-per",
                                            "run"});
    EXPECT_GT(document.at("embodied_kg"), 0);
    EXPECT_LT(document.at("embodied_kg_low"), document.at("embodied_kg"));
    EXPECT_NEAR(document.at("water_l"), 2 * 2 + 3 * 3, 1e-12);
    EXPECT_NEAR(document.at("cost"), 1.5, 1e-12);
    EXPECT_EQ(document.at("cost_currency"), "EUR");
    EXPECT_EQ(document.at("sci_per"), "run");
    EXPECT_NEAR(document.at("sci").get<double>(),
                1000 * (1.5 + document.at("embodied_kg").get<double>()), 1e-6);
    const nlohmann::json plain = carbon({"--kwh", "2", "--intensity", "500"});
    for (const char* key : {"embodied_kg", "water_l", "cost", "sci"}) {
        EXPECT_FALSE(plain.contains(key)) << key;
    }
}

TEST_F(CarbonCommand, WaterAndPriceNeedNoPlace) {
    const nlohmann::json document =
        carbon({"--kwh", "2", "--pue", "2", "--price-per-kwh", "0.25", "--currency", "USD"});
    EXPECT_EQ(document.at("co2_kg"), nullptr);
    EXPECT_THAT(document.at("reason").get<std::string>(), HasSubstr("--place"));
    EXPECT_NEAR(document.at("cost"), 1.0, 1e-12);
    expect_refused({"--kwh", "2", "--price-per-kwh", "0.25"}, 2, {"--currency"});
    expect_refused({"--kwh", "2", "--wue", "-1"}, 4, {"litres per kWh"});
    expect_refused({"--kwh", "2", "--sci-per", "fortnight"}, 4, {"million-tokens"});
}

TEST_F(CarbonCommand, EditionsListsEveryTable) {
    const SubprocessResult result = finewatt({"carbon", "editions", "--json"});
    EXPECT_EQ(result.exit_status, 0);
    const nlohmann::json document = last_line_json(result.stdout_text);
    std::set<std::string> names;
    for (const nlohmann::json& edition : document) {
        names.insert(edition.at("edition"));
        EXPECT_GT(edition.at("places"), 0);
        EXPECT_FALSE(edition.at("source").get<std::string>().empty());
    }
    for (const char* name :
         {"eGRID2018", "eGRID2023", "CodeCarbon eGRID2016", "Ember 2023", "EEA 2000",
          "Canada mix 2023", "ENTSO-E 2024", "Google 2023", "mlco2"}) {
        EXPECT_TRUE(names.contains(name)) << name;
    }
    const SubprocessResult text = finewatt({"carbon", "editions"});
    EXPECT_EQ(text.exit_status, 0);
    EXPECT_THAT(text.stdout_text, HasSubstr("Canada mix 2023"));
}

TEST_F(CarbonCommand, PlacesAreSearched) {
    const nlohmann::json found =
        last_line_json(finewatt({"carbon", "places", "stockholm", "--json"}).stdout_text);
    EXPECT_TRUE(std::any_of(found.begin(), found.end(), [](const nlohmann::json& known) {
        return known.at("place") == "region:SE3";
    }));
    EXPECT_THAT(finewatt({"carbon", "places", "xyzxyz"}).stdout_text, HasSubstr("No place"));
}

}  // namespace
}  // namespace finewatt::e2e
