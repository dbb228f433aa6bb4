// Finished runs in Prometheus's text format, for the textfile collector of node_exporter.
//
// Source: prometheus.io, "Exposition formats" (text format 0.0.4) and "Metric and label naming":
// base units (joules, seconds, grams), "_total" on counters. What is unknown has no sample.
#pragma once

#include "finewatt/exchange/formats.h"

#include <span>
#include <string>

namespace finewatt::exchange {

/// Return all samples, grouped by metric. A run that is given twice is an error (invalid
/// argument): the collector refuses files with a sample that is there twice.
Result<std::string> write_prometheus(std::span<const RunRecord> runs, const ExtraFacts& facts);

}  // namespace finewatt::exchange
