#include "finewatt/engine/runtime.h"

#include "finewatt/engine/torch_internal.h"

#include <algorithm>
#include <cstdlib>
#include <thread>

namespace finewatt {

int start_runtime(std::int64_t threads) {
    // Before the first large tensor: LibTorch's allocator then asks for huge pages. Packed weights
    // are read once per pass, so that every page costs a miss. An own setting of the user stays.
    ::setenv("THP_MEM_ALLOC_ENABLE", "1", 0);  // NOLINT(concurrency-mt-unsafe): no threads yet
    // Before the pool exists: its threads inherit the setting. Denormals slow steps by a lot and
    // change nothing that training could show.
    at::globalContext().setFlushDenormal(true);
    // hardware_concurrency counts the cores in the affinity mask, so not more than we may use.
    const auto cores = static_cast<std::int64_t>(std::max(1U, std::thread::hardware_concurrency()));
    const std::int64_t used = threads == 0 ? cores : threads;
    at::set_num_threads(static_cast<int>(used));
    return at::get_num_threads();
}

std::string torch_version() {
    return TORCH_VERSION;
}

}  // namespace finewatt
