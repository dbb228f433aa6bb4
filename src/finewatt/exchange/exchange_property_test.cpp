// Properties over random runs: what is written reads back as the same figures, nothing that a text
// holds moves a value into another column, and no bytes make a reader fail in a bad way.
#include "finewatt/base/csv.h"
#include "finewatt/exchange/codecarbon_csv_internal.h"
#include "finewatt/exchange/model_card.h"
#include "finewatt/exchange/rows_internal.h"
#include "finewatt/exchange/sample_runs_internal.h"
#include "finewatt/exchange/zeus_log_internal.h"
#include "finewatt/record/ulid.h"
#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace finewatt::exchange {
namespace {

class RandomRuns {
  public:
    explicit RandomRuns(std::uint64_t seed) : random_(seed) {}

    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

    /// A figure between 1e-6 and 1e12.
    double figure() {
        return std::pow(10.0, static_cast<double>(below(18'000)) / 1000.0 - 6.0) *
               (1 + static_cast<double>(below(1000)) / 977.0);
    }

    std::string text() {
        std::string out;
        for (std::uint64_t i = below(4); i > 0; --i) {
            out += kHostileTexts.at(below(kHostileTexts.size()));
        }
        return out;
    }

    std::optional<Joules> energy() {
        return below(8) == 0 ? std::nullopt : std::optional<Joules>(joules(figure()));
    }

    RunRecord run() {
        RunRecord run = hostile_run(text());
        run.run_id[25] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[below(32)];
        run.started_at = WallTime::from_unix_ns(
            static_cast<std::int64_t>(1'700'000'000 + below(100'000'000)) * 1'000'000'000);
        run.duration_s = static_cast<double>(below(1'000'000));
        run.energy.energy = energy();
        for (ComponentEnergy& part : run.energy.components) {
            part.energy = energy();
        }
        run.carbon->co2_kg = below(8) == 0 ? std::nullopt : std::optional<double>(figure());
        run.carbon->pue = 1 + static_cast<double>(below(100)) / 64.0;
        return run;
    }

  private:
    std::mt19937_64 random_;
};

void expect_near(std::optional<Joules> got, std::optional<Joules> want) {
    ASSERT_EQ(got.has_value(), want.has_value());
    if (want) {
        EXPECT_NEAR(got->as_joules() / want->as_joules(), 1, 1e-14);
    }
}

TEST(ExchangeProperty, CodecarbonGivesBackTheFigures) {
    RandomRuns random(1);
    for (int i = 0; i < 300; ++i) {
        const RunRecord run = random.run();
        ASSERT_OK_AND_ASSIGN(const std::string text, write_codecarbon(std::vector{run}, {}));
        ASSERT_OK_AND_ASSIGN(const auto back, read_codecarbon(text, "e.csv", {}));
        ASSERT_EQ(back.size(), 1U);
        const RunRecord& read = back[0].run;
        EXPECT_EQ(read.run_id, run.run_id);
        EXPECT_EQ(read.duration_s, run.duration_s);
        EXPECT_EQ(read.started_at, run.started_at);
        expect_near(read.energy.energy, run.energy.energy);
        ASSERT_EQ(read.carbon.has_value(), run.carbon->co2_kg.has_value());
        if (read.carbon) {
            EXPECT_EQ(read.carbon->co2_kg, run.carbon->co2_kg);
            EXPECT_EQ(read.carbon->pue, run.carbon->pue);
        }
        for (const ComponentEnergy& part : read.energy.components) {
            for (const ComponentEnergy& was : run.energy.components) {
                if (was.counted && was.component == part.component) {
                    expect_near(part.energy, was.energy);
                }
            }
        }
    }
}

TEST(ExchangeProperty, GrowingFileNeverShiftsARow) {
    RandomRuns random(2);
    std::string file;
    std::vector<RunRecord> runs;
    for (int i = 0; i < 40; ++i) {
        RunRecord run = random.run();
        run.run_id[24] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[i % 32];
        run.run_id[23] = i < 32 ? 'A' : 'B';
        ASSERT_OK_AND_ASSIGN(file, extend_codecarbon(file, "e.csv", std::vector{run}));
        runs.push_back(std::move(run));
    }
    ASSERT_OK_AND_ASSIGN(const auto back, read_codecarbon(file, "e.csv", {}));
    ASSERT_EQ(back.size(), runs.size());
    for (std::size_t i = 0; i < runs.size(); ++i) {
        EXPECT_EQ(back[i].run.run_id, runs[i].run_id);
        expect_near(back[i].run.energy.energy, runs[i].energy.energy);
    }
}

TEST(ExchangeProperty, TasksGiveBackTheirPhases) {
    RandomRuns random(3);
    for (int i = 0; i < 100; ++i) {
        RunRecord run = random.run();
        run.carbon->pue = 1;  // a task file does not tell it
        for (PhaseRecord& phase : run.phases) {
            phase.t_begin_s = std::floor(phase.t_begin_s);
            phase.energy.energy = random.energy();
        }
        ASSERT_OK_AND_ASSIGN(const std::string text, write_codecarbon_tasks(std::vector{run}, {}));
        ASSERT_OK_AND_ASSIGN(const auto back, read_codecarbon(text, "e.csv", {}));
        ASSERT_EQ(back.size(), 1U);
        ASSERT_EQ(back[0].run.phases.size(), run.phases.size());
        for (std::size_t p = 0; p < run.phases.size(); ++p) {
            expect_near(back[0].run.phases[p].energy.energy, run.phases[p].energy.energy);
            EXPECT_EQ(back[0].run.phases[p].duration_s, run.phases[p].duration_s);
        }
    }
}

TEST(ExchangeProperty, CsvRowsGiveBackTheFullFigures) {
    RandomRuns random(4);
    for (int i = 0; i < 200; ++i) {
        const RunRecord run = random.run();
        ASSERT_OK_AND_ASSIGN(const std::string text, write_csv(std::vector{run}, {}));
        ASSERT_OK_AND_ASSIGN(const CsvTable table, parse_csv(text, "t"));
        ASSERT_EQ(table.rows.size(), 1U);
        ASSERT_OK_AND_ASSIGN(const std::size_t energy, table.column("energy_j"));
        const std::string& cell = table.rows[0][energy];
        ASSERT_EQ(cell.empty(), !run.energy.energy.has_value());
        if (run.energy.energy) {
            EXPECT_EQ(std::stod(cell), run.energy.energy->as_joules());
        }
    }
}

TEST(ExchangeProperty, ModelCardKeepsEveryOtherByte) {
    RandomRuns random(5);
    for (int i = 0; i < 200; ++i) {
        RunRecord run = random.run();
        run.carbon->co2_kg = 1;
        const std::string head = "---\nlicense: mit\n";
        const std::string tail = "language:\n- en\n---\n" + random.text();
        ASSERT_OK_AND_ASSIGN(const std::string block, model_card_block(run, {}));
        ASSERT_OK_AND_ASSIGN(
            const std::string card,
            update_model_card(head + "co2_eq_emissions:\n  emissions: 3\n" + tail, run, {}));
        EXPECT_EQ(card, head + block + tail);
    }
}

/// A text with some bytes changed, cut or doubled.
std::string damaged(std::string text, RandomRuns& random) {
    for (std::uint64_t i = 1 + random.below(4); i > 0 && !text.empty(); --i) {
        const std::size_t at = random.below(text.size());
        switch (random.below(4)) {
            case 0:
                text[at] = static_cast<char>(random.below(256));
                break;
            case 1:
                text.erase(at, 1 + random.below(20));
                break;
            case 2:
                text.insert(at, std::string(kHostileTexts.at(random.below(kHostileTexts.size()))));
                break;
            default:
                text.resize(at);
        }
    }
    return text;
}

TEST(ExchangeProperty, DamagedFilesGiveAnErrorOrPlausibleRuns) {
    RandomRuns random(6);
    const std::vector<RunRecord> runs{sample_run(), unknown_run()};
    const std::string codecarbon = write_codecarbon(runs, {}).value();
    const std::string tasks = write_codecarbon_tasks(runs, {}).value();
    const std::string zeus =
        "start_time,window_name,elapsed_time,gpu0_energy\n1,a,2,3\n4,b,1,2\n0,c,9,30\n";
    for (int i = 0; i < 3000; ++i) {
        for (const std::string* text : {&codecarbon, &tasks, &zeus}) {
            const std::string bytes = damaged(*text, random);
            const auto read = text == &zeus ? read_zeus_log(bytes, "f.csv", {})
                                            : read_codecarbon(bytes, "f.csv", {});
            if (!read) {
                EXPECT_EQ(read.error().code(), ErrorCode::kCorrupt) << read.error().describe();
                continue;
            }
            for (const ImportedRun& run : *read) {
                EXPECT_TRUE(is_ulid(run.run.run_id)) << run.run.run_id;
                EXPECT_GE(run.run.duration_s.value_or(-1), 0);
                EXPECT_GE(run.run.energy.energy.value_or(joules(0)).as_joules(), 0);
            }
        }
    }
}

}  // namespace
}  // namespace finewatt::exchange
