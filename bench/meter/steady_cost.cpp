// What a running meter costs: share of one core and resident memory at 10 Hz with eight powercap
// counters on a memory file system and a journal. The aim is below 0.1 % of one core.
//
//     meter_steady_cost [SECONDS]      (default 30)
#include "finewatt/meter/meter.h"
#include "finewatt/sensor/powercap_source.h"

#include <fmt/format.h>

#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "meter/fake_tree.h"

namespace {

double process_cpu_s() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::string resident_memory() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmRSS:")) {
            return line.substr(line.find_first_not_of(" \t", 6));
        }
    }
    return "unknown";
}

}  // namespace

int main(int argc, char** argv) {
    const int seconds = argc > 1 ? std::atoi(argv[1]) : 30;
    const finewatt::bench::FakeTree tree;
    const finewatt::SystemClock clock;
    const finewatt::DiscoveryOptions machine{.root = finewatt::SysRoot(tree.root()),
                                             .clock = clock};
    std::vector<std::unique_ptr<finewatt::Source>> sources;
    sources.push_back(finewatt::PowercapSource::probe(machine).source);
    if (!sources[0] || seconds < 1) {
        fmt::print(stderr, "expected eight counters in {} and a time of 1 s or more\n",
                   tree.root().string());
        return 1;
    }
    const std::size_t channels = sources[0]->channels().size();
    finewatt::MeterOptions options;
    options.journal_path = tree.root() / "journal.jsonl";
    auto meter = finewatt::Meter::start(std::move(sources), options, clock);
    if (!meter) {
        fmt::print(stderr, "{}\n", meter.error().describe());
        return 1;
    }
    const double cpu_before_s = process_cpu_s();
    std::this_thread::sleep_for(std::chrono::seconds(seconds));
    const double cpu_s = process_cpu_s() - cpu_before_s;
    const std::string resident = resident_memory();
    const finewatt::MeterResult result = (*meter)->stop();
    fmt::print("channels            {}\n", channels);
    fmt::print("time                {} s, {} polls\n", seconds, result.statistics.rounds);
    fmt::print("CPU of the process  {:.4f} % of one core\n", 100 * cpu_s / seconds);
    fmt::print("CPU it states       {:.4f} % of one core\n",
               100 * result.statistics.cpu_s / seconds);
    fmt::print("time of one poll    {:.1f} us mean, {:.1f} us at most\n",
               1e6 * result.statistics.round_time_s_mean, 1e6 * result.statistics.round_time_s_max);
    fmt::print("resident            {}\n", resident);
    fmt::print("journal             {:.0f} bytes a second\n",
               static_cast<double>(std::filesystem::file_size(options.journal_path)) / seconds);
    return 0;
}
