// Measures the energy of a block of C++ code with whatever this machine can tell.
#include <cmath>
#include <cstdio>
#include <finewatt/meter/meter.h>
#include <finewatt/sensor/discovery.h>

int main() {
    const finewatt::SystemClock clock;
    auto meter = finewatt::Meter::start(finewatt::discover({.clock = clock}).sources, {}, clock);
    if (!meter) {
        std::fprintf(stderr, "%s\n", meter.error().describe().c_str());
        return 1;
    }

    double sum = 0;
    for (int i = 1; i < 50'000'000; ++i) {
        sum += std::sqrt(static_cast<double>(i));
    }

    const finewatt::EnergySummary energy = (*meter)->stop().energy;
    if (!energy.energy || !energy.energy_low || !energy.energy_high) {
        std::printf("energy unknown: %s\n", energy.reason.value_or("no reason").c_str());
        return 0;
    }
    std::printf("sum %.6g, energy %.3f J (%.3f to %.3f), %s\n", sum, energy.energy->as_joules(),
                energy.energy_low->as_joules(), energy.energy_high->as_joules(),
                energy.provenance.c_str());
}
