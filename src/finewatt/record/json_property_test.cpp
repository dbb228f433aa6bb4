// Property: reading what was written gives the same record, for random records.
#include "finewatt/record/calibration.h"
#include "finewatt/record/json.h"
#include "finewatt/testing/matchers.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <random>
#include <string>
#include <type_traits>

namespace finewatt {
namespace {

template <class T>
concept HasFields = requires {
    T::fields();
};

/// Fills and compares records through their field tables, so a new field is covered by itself.
class RandomRecord {
  public:
    explicit RandomRecord(std::uint64_t seed) : random_(seed) {}

    void fill(double& out) {
        // Any bit pattern that is a finite number, or a small whole number.
        do {
            out = chance() ? static_cast<double>(below(1000)) : std::bit_cast<double>(random_());
        } while (!std::isfinite(out));
    }

    void fill(bool& out) { out = chance(); }

    void fill(int& out) { out = static_cast<int>(below(511)) - 255; }

    void fill(std::string& out) {
        static constexpr std::array<std::string_view, 8> kPieces{
            "a", "Z", "\"", "\\", "\n", "é", "\xF0\x9F\x94\x8B", "0"};
        out.clear();
        for (std::uint64_t i = below(6); i > 0; --i) {
            out += kPieces[below(kPieces.size())];
        }
    }

    void fill(WallTime& out) {
        out =
            WallTime::from_unix_ns(static_cast<std::int64_t>(below(4'000'000'000'000)) * 1'000'000);
    }

    void fill(SettingValue& out) {
        switch (below(5)) {
            case 0:
                out = std::monostate{};
                break;
            case 1:
                fill(out.emplace<bool>());
                break;
            case 2:
                out = static_cast<std::int64_t>(random_());
                break;
            case 3:
                fill(out.emplace<double>());
                break;
            default:
                fill(out.emplace<std::string>());
        }
    }

    template <class Tag>
    void fill(Quantity<Tag>& out) {
        double number = 0;
        fill(number);
        out = Quantity<Tag>::from_stored(number);
    }

    template <class T>
    void fill(std::optional<T>& out) {
        out.reset();
        if (chance()) {
            fill(out.emplace());
        }
    }

    template <class T>
    void fill(std::vector<T>& out) {
        out.resize(below(4));
        for (T& element : out) {
            fill(element);
        }
    }

    template <class T>
    void fill(std::map<std::string, T>& out) {
        for (std::uint64_t i = below(4); i > 0; --i) {
            std::string key;
            fill(key);
            fill(out[key]);
        }
    }

    template <HasFields T>
    void fill(T& out) {
        std::apply([&](const auto&... fields) { (fill(out.*(fields.member)), ...); }, T::fields());
    }

  private:
    bool chance() { return (random_() & 1U) != 0; }

    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

    std::mt19937_64 random_;
};

/// Same in every field; doubles to the last bit. Static members see each other in any order.
struct Same {
    template <class T>
    static bool of(const T& a, const T& b) {
        if constexpr (HasFields<T>) {
            return std::apply(
                [&](const auto&... fields) {
                    return (of(a.*(fields.member), b.*(fields.member)) && ...);
                },
                T::fields());
        } else if constexpr (std::is_same_v<T, double>) {
            return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
        } else {
            return a == b;
        }
    }

    template <class T>
    static bool of(const std::optional<T>& a, const std::optional<T>& b) {
        return a.has_value() == b.has_value() && (!a || of(*a, *b));
    }

    template <class T>
    static bool of(const std::vector<T>& a, const std::vector<T>& b) {
        return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                          [](const T& x, const T& y) { return of(x, y); });
    }
};

TEST(RunJsonProperty, ReadingWhatWasWrittenGivesTheSameRecord) {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        RunRecord run;
        RandomRecord(seed).fill(run);
        run.run_id = "id";
        run.kind = "command";
        run.status = "complete";
        const std::string text = to_json(run, static_cast<int>(seed % 3));
        ASSERT_OK_AND_ASSIGN(const RunRecord back, run_from_json(text));
        ASSERT_TRUE(Same::of(run, back)) << "seed " << seed << ": " << text;
        ASSERT_EQ(to_json(back, static_cast<int>(seed % 3)), text) << "seed " << seed;
    }
}

TEST(RunJsonProperty, ReadingWhatWasWrittenGivesTheSameCalibration) {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        WallCalibration wall;
        RandomRecord(seed).fill(wall);
        wall.format = kCalibrationFormat;
        wall.type = kWallType;
        wall.id = "id";
        ASSERT_OK_AND_ASSIGN(const WallCalibration wall_back, calibration_from_json(to_json(wall)));
        ASSERT_TRUE(Same::of(wall, wall_back)) << "seed " << seed << ": " << to_json(wall);
        IdleBaseline idle;
        RandomRecord(seed).fill(idle);
        idle.format = kCalibrationFormat;
        idle.type = kIdleType;
        idle.id = "id";
        ASSERT_OK_AND_ASSIGN(const IdleBaseline idle_back, baseline_from_json(to_json(idle)));
        ASSERT_TRUE(Same::of(idle, idle_back)) << "seed " << seed << ": " << to_json(idle);
    }
}

}  // namespace
}  // namespace finewatt
