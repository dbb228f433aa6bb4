// Texts and numbers made fit for the formats of this folder: safe_text() of finewatt/base, and the
// escapes of each language.
//
// Not for reading: what is read is kept as it is.
#pragma once

#include "finewatt/base/safe_text.h"

#include <optional>
#include <string>
#include <string_view>

namespace finewatt::exchange {

/// safe_text() for a cell of a Markdown table: what Markdown or HTML would read as markup is
/// escaped.
std::string markdown_cell(std::string_view text);

/// safe_text() for LaTeX text: its ten special characters are escaped, and characters outside ASCII
/// are kept (LaTeX reads UTF-8 since 2018).
std::string latex_text(std::string_view text);

/// safe_text() as a double-quoted YAML scalar, quotes included.
std::string yaml_text(std::string_view text);

/// The text as the value of a Prometheus label, without its quotes. Line ends are escaped, bytes
/// that are not UTF-8 become U+FFFD.
std::string prometheus_label(std::string_view text);

/// The shortest text that reads back as the same double; with an exponent where that is shorter.
std::string number_text(double value);

/// The same without an exponent, as YAML 1.1 readers need it.
std::string fixed_number_text(double value);

/// A figure for people, without its range: four significant digits. With a range: as many decimals
/// as give the wider half two significant digits, at most six significant digits in all. "unknown"
/// for what is not finite.
std::string figure_text(double value, std::optional<double> low, std::optional<double> high);

/// The range "LOW to HIGH" in the decimals of figure_text; empty where there is none.
std::string range_text(double value, std::optional<double> low, std::optional<double> high);

/// Read a whole text as a finite number, as C writes it. Nothing when it is something else.
std::optional<double> parse_number(std::string_view text);

}  // namespace finewatt::exchange
