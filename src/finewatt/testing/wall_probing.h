// Helpers for tests of wall meters: looking for one meter as discovery does, on a fake machine.
// Header-only; a test that uses it links finewatt::sensor.
#pragma once

#include "finewatt/sensor/wall_meter.h"
#include "finewatt/testing/fake_machine.h"

#include <string>
#include <utility>
#include <vector>

namespace finewatt::testing {

/// Ask for one wall meter on a fake machine.
inline SourceProbe probe_wall(FakeMachine& machine, const std::string& spec) {
    DiscoveryOptions options = machine.options();
    options.wall_meters = {spec};
    std::vector<SourceProbe> probes = probe_wall_meters(options);
    return std::move(probes.at(0));
}

/// A reading as text: "ok 1234" or its error code.
inline std::string shown(const Reading& reading) {
    return reading.outcome == PollOutcome::kOk ? fmt::format("ok {}", reading.raw)
                                               : std::string(reading.error);
}

/// Poll once and return every channel's reading as text.
inline std::vector<std::string> poll_shown(Source& source) {
    std::vector<std::string> texts;
    for (const Reading& reading : poll_all(source)) {
        texts.push_back(shown(reading));
    }
    return texts;
}

}  // namespace finewatt::testing
