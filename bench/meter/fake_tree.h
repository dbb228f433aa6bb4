// FakeTree: powercap counters of four packages and their memory, on a memory file system.
#pragma once

#include <fmt/format.h>

#include <system_error>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace finewatt::bench {

/// A fake powercap tree in /dev/shm, removed with the object.
class FakeTree {
  public:
    FakeTree() : root_(fmt::format("/dev/shm/finewatt_bench.{}", ::getpid())) {
        constexpr int kPackages = 4;  // each with its memory: eight channels
        for (int i = 0; i < kPackages; ++i) {
            write_zone(fmt::format("intel-rapl:{}", i), fmt::format("package-{}", i));
            write_zone(fmt::format("intel-rapl:{}:0", i), "dram");
        }
    }

    FakeTree(const FakeTree&) = delete;
    FakeTree& operator=(const FakeTree&) = delete;

    ~FakeTree() {
        std::error_code ignored;
        std::filesystem::remove_all(root_, ignored);
    }

    const std::filesystem::path& root() const { return root_; }

  private:
    void write_zone(const std::string& folder, const std::string& name) const {
        const std::filesystem::path zone = root_ / "sys/class/powercap" / folder;
        std::filesystem::create_directories(zone);
        std::ofstream(zone / "name") << name << '\n';
        std::ofstream(zone / "energy_uj") << "123456789012\n";
        std::ofstream(zone / "max_energy_range_uj") << "262143328850\n";
    }

    std::filesystem::path root_;
};

}  // namespace finewatt::bench
