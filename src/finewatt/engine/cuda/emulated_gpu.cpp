#include "finewatt/base/check.h"
#include "finewatt/engine/cuda/emulated_gpu_internal.h"

#include <algorithm>
#include <csetjmp>
#include <memory>
#include <ucontext.h>
#include <vector>

namespace finewatt {

EmulatedIndex threadIdx;
EmulatedIndex blockIdx;
EmulatedIndex blockDim;
EmulatedIndex gridDim;

namespace {

constexpr std::size_t kStackBytes = std::size_t{64} << 10;
constexpr std::size_t kLanes = 32;

/// Counts who waits; a new turn begins when all have come.
struct Barrier {
    unsigned alive = 0;
    unsigned waiting = 0;
    unsigned turn = 0;

    void pass_if_full() {
        if (waiting >= alive) {
            waiting = 0;
            turn += 1;
        }
    }
};

/// A stack and the place on it where its thread goes on. It is started once and then used by block
/// after block: swapcontext asks the kernel for the signal mask each time, a jump does not.
struct Thread {
    std::unique_ptr<std::byte[]> stack;  ///< null until it is started
    ucontext_t start{};
    std::jmp_buf place{};
    bool has_ended = false;
    float shared_values[2] = {};  ///< of this shuffle and of the one before
};

/// The block that runs.
struct Block {
    std::jmp_buf scheduler{};
    std::vector<Thread> threads;  ///< of this block or of a larger one before
    unsigned thread_count = 0;
    Barrier barrier;
    std::vector<Barrier> warps;
    const std::function<void()>* kernel = nullptr;
    unsigned current = 0;
};

Block running;

// NOLINTBEGIN(cert-err52-cpp): jumps between stacks; no frame is left behind
void yield() {
    if (_setjmp(running.threads[running.current].place) == 0) {
        _longjmp(running.scheduler, 1);
    }
}

void wait_at(Barrier& barrier) {
    const unsigned turn = barrier.turn;
    barrier.waiting += 1;
    barrier.pass_if_full();
    while (barrier.turn == turn) {
        yield();
    }
}

void leave(Barrier& barrier) {
    barrier.alive -= 1;
    barrier.pass_if_full();
}

void thread_main() {
    while (true) {
        (*running.kernel)();
        running.threads[running.current].has_ended = true;
        leave(running.barrier);
        leave(running.warps[running.current / kLanes]);
        yield();
    }
}

/// Let a thread run until it waits or ends.
void give_turn(Thread& thread) {
    if (_setjmp(running.scheduler) != 0) {
        return;
    }
    if (thread.stack != nullptr) {
        _longjmp(thread.place, 1);
    }
    thread.stack = std::make_unique<std::byte[]>(kStackBytes);
    FINEWATT_CHECK(::getcontext(&thread.start) == 0, "a context can be made");
    thread.start.uc_stack.ss_sp = thread.stack.get();
    thread.start.uc_stack.ss_size = kStackBytes;
    ::makecontext(&thread.start, thread_main, 0);
    ::setcontext(&thread.start);
}

// NOLINTEND(cert-err52-cpp)

void start_threads(unsigned count) {
    running.threads.resize(std::max<std::size_t>(running.threads.size(), count));
    running.thread_count = count;
    running.barrier = {count, 0, 0};
    running.warps.assign(count / kLanes, {kLanes, 0, 0});
    for (Thread& thread : running.threads) {
        thread.has_ended = false;
    }
}

/// Give every thread turns until all have ended.
void run_threads() {
    bool is_running = true;
    while (is_running) {
        is_running = false;
        for (unsigned t = 0; t < running.thread_count; ++t) {
            if (!running.threads[t].has_ended) {
                is_running = true;
                running.current = t;
                threadIdx.x = t;
                give_turn(running.threads[t]);
            }
        }
    }
}

}  // namespace

void emulate(const LaunchShape& shape, const std::function<void()>& kernel) {
    FINEWATT_CHECK(shape.threads % kLanes == 0 && shape.threads <= 1024,
                   "a block has whole warps and at most 1,024 threads");
    running.kernel = &kernel;
    blockDim = {shape.threads, 1};
    gridDim = {shape.blocks_x, shape.blocks_y};
    for (blockIdx.y = 0; blockIdx.y < shape.blocks_y; ++blockIdx.y) {
        for (blockIdx.x = 0; blockIdx.x < shape.blocks_x; ++blockIdx.x) {
            start_threads(shape.threads);
            run_threads();
        }
    }
}

void __syncthreads() {
    wait_at(running.barrier);
}

void __syncwarp() {
    wait_at(running.warps[running.current / kLanes]);
}

float __shfl_xor_sync(unsigned mask, float value, int lanes) {
    FINEWATT_CHECK(mask == 0xFFFFFFFFU, "all lanes take part");
    const unsigned me = running.current;
    // The place is written again two barriers later, when all have read it.
    const unsigned place = running.warps[me / kLanes].turn % 2;
    running.threads[me].shared_values[place] = value;
    __syncwarp();
    return running.threads[me ^ static_cast<unsigned>(lanes)].shared_values[place];
}

}  // namespace finewatt
