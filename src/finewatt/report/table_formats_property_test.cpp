// Random hostile texts through each format: what comes out must be the text again, and nothing
// else.
#include "finewatt/base/csv.h"
#include "finewatt/report/html_internal.h"
#include "finewatt/report/table_formats.h"
#include "finewatt/report/text.h"
#include "finewatt/testing/matchers.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <array>
#include <random>

namespace finewatt {
namespace {

constexpr int kTexts = 3'000;

/// Texts out of what is dangerous in one format or another.
class HostileTexts {
  public:
    explicit HostileTexts(std::uint32_t seed) : random_(seed) {}

    std::string next() {
        static constexpr std::array<std::string_view, 46> kPieces{
            "<script>", "</script>", "<!--",  "-->",  "&amp;", "\"",        "'",      "`",
            "|",        "\\",        "\\\\",  "{",    "}",     "$",         "%",      "#",
            "_",        "^",         "~",     "[",    "]",     "*",         "--",     "\n",
            "\r\n",     "\t",        "\x1b[", "\x07", ",",     ";",         "=",      "+",
            "@",        "://",       "www.",  "é",    "漢",    "\u202e",    "\u2028", "\xff",
            "\xc3",     "'; DROP",   "a",     "0",    " ",     "\\input{x}"};
        std::string text;
        const std::size_t count = 1 + random_() % 12;
        for (std::size_t i = 0; i < count; ++i) {
            text += kPieces[random_() % kPieces.size()];
        }
        return text;
    }

  private:
    std::mt19937 random_;
};

ReportTable table_of(const std::string& text) {
    return {"runs",
            "Runs",
            {{"name", "Name"}, {"energy_j", "Energy", true}},
            {{{text, text}, {"1 J", 1.0}}, {{"plain", std::string("plain")}, {"2 J", 2.0}}},
            {}};
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
    for (std::size_t at = text.find(what); at != std::string::npos;
         at = text.find(what, at + with.size())) {
        text.replace(at, what.size(), with);
    }
    return text;
}

std::size_t count_of(std::string_view text, std::string_view what) {
    std::size_t count = 0;
    for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) {
        ++count;
    }
    return count;
}

/// Undo escape_markdown: a backslash before punctuation is not shown (CommonMark, 2.4).
std::string shown_markdown(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size() && std::ispunct(text[i + 1]) != 0) {
            ++i;
        }
        out += text[i];
    }
    return out;
}

class HostileTextProperty : public ::testing::Test {
  protected:
    /// Call `check` with many texts; the seed is in the message of a failure.
    template <class Check>
    void for_each_text(Check check) {
        const std::uint32_t seed = std::random_device()();
        HostileTexts texts(seed);
        for (int i = 0; i < kTexts; ++i) {
            const std::string text = texts.next();
            check(text);
            ASSERT_FALSE(HasFailure())
                << "seed " << seed << ", text number " << i << ": " << safe_text(text);
        }
    }
};

TEST_F(HostileTextProperty, TerminalGetsNoControlCharacters) {
    for_each_text([](const std::string& text) {
        const std::string shown = render_terminal(std::vector{table_of(text)}, 80);
        EXPECT_EQ(count_of(shown, "\n"), 4U);
        EXPECT_EQ(safe_text(replaced(shown, "\n", " ")), replaced(shown, "\n", " "));
    });
}

TEST_F(HostileTextProperty, MarkdownShowsTheTextInOneCell) {
    for_each_text([](const std::string& text) {
        const std::string table = render_markdown(std::vector{table_of(text)});
        EXPECT_EQ(count_of(table, "\n"), 6U);
        const std::string escaped = escape_markdown(text);
        EXPECT_EQ(shown_markdown(escaped), safe_text(text));
        // Two backslashes show one, so what is left of bars must have one each.
        EXPECT_EQ(count_of(replaced(escaped, "\\\\", ""), "|"),
                  count_of(replaced(escaped, "\\\\", ""), "\\|"));
        EXPECT_EQ(count_of(replaced(escaped, "\\\\", ""), "<"),
                  count_of(replaced(escaped, "\\\\", ""), "\\<"));
    });
}

TEST_F(HostileTextProperty, LatexTypesetsTheText) {
    for_each_text([](const std::string& text) {
        std::string escaped = escape_latex(text);
        const std::string table = render_latex(std::vector{table_of(text)});
        EXPECT_EQ(count_of(table, " \\\\\n"), 3U);
        for (const auto& [latex, plain] :
             std::initializer_list<std::pair<const char*, const char*>>{
                 {"\\textasciitilde{}", "\x01"},
                 {"\\textasciicircum{}", "\x02"},
                 {"\\textless{}", "<"},
                 {"\\textgreater{}", ">"},
                 {"\\textbar{}", "|"},
                 {"\\textquotedbl{}", "\""},
                 {"\\textasciigrave{}", "`"},
                 {"\\textbackslash{}", "\x03"},
                 {"-{}", "-"},
                 {"{[}", "["},
                 {"{]}", "]"},
                 {"{*}", "*"},
                 {"\\{", "\x04"},
                 {"\\}", "\x05"},
                 {"\\#", "\x06"},
                 {"\\$", "\x07"},
                 {"\\%", "\x08"},
                 {"\\&", "\x0b"},
                 {"\\_", "\x0c"}}) {
            escaped = replaced(std::move(escaped), latex, plain);
        }
        // Nothing that LaTeX would act on is left.
        EXPECT_EQ(escaped.find_first_of("\\{}#$%&_~^"), std::string::npos) << escaped;
        for (const auto& [mark, plain] :
             std::initializer_list<std::pair<const char*, const char*>>{{"\x01", "~"},
                                                                        {"\x02", "^"},
                                                                        {"\x03", "\\"},
                                                                        {"\x04", "{"},
                                                                        {"\x05", "}"},
                                                                        {"\x06", "#"},
                                                                        {"\x07", "$"},
                                                                        {"\x08", "%"},
                                                                        {"\x0b", "&"},
                                                                        {"\x0c", "_"}}) {
            escaped = replaced(std::move(escaped), mark, plain);
        }
        EXPECT_EQ(escaped, replaced(safe_text(text), "\uFFFD", "?"));
    });
}

TEST_F(HostileTextProperty, CsvReadsBackAsTheText) {
    for_each_text([](const std::string& text) {
        const std::string csv = render_csv(table_of(text));
        auto table = parse_csv(csv, "test");
        ASSERT_OK(table);
        ASSERT_EQ(table->rows.size(), 2U);
        std::string read = table->rows[0][0];
        const std::string safe = safe_text(text);
        if (!safe.empty() && std::string_view("=+-@").find(safe[0]) != std::string_view::npos) {
            ASSERT_EQ(read.front(), '\'');
            read.erase(0, 1);
        }
        EXPECT_EQ(read, safe);
        EXPECT_EQ(table->rows[0][1], "1");
    });
}

TEST_F(HostileTextProperty, JsonHoldsTheText) {
    for_each_text([](const std::string& text) {
        const auto document = nlohmann::json::parse(
            render_json(std::vector{table_of(text)}, std::vector<std::string>{}), nullptr, false);
        ASSERT_FALSE(document.is_discarded());
        EXPECT_EQ(document["runs"].size(), 2U);
        EXPECT_EQ(document["runs"][1]["name"], "plain");
    });
}

TEST_F(HostileTextProperty, HtmlHasNoTagsButItsOwn) {
    const std::string plain = report::html_table({"t", {{"Name"}, {"x"}}, {{"a", "b"}}});
    for_each_text([&](const std::string& text) {
        const std::string html = report::html_table({text, {{text}, {"x"}}, {{text, text}}});
        EXPECT_EQ(count_of(html, "<"), count_of(plain, "<"));
        EXPECT_EQ(count_of(html, ">"), count_of(plain, ">"));
        EXPECT_EQ(count_of(html, "\""), count_of(plain, "\""));
        EXPECT_EQ(count_of(html, "\x1b"), 0U);
    });
}

}  // namespace
}  // namespace finewatt
