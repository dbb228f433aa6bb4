// DeviceInput: a batch in the form that the kernels read, as one block of int32 values: one copy
// brings it to the device. Main types: InputShape, InputLayout; main functions: bucket_of,
// fill_input. Torch-free. Shapes are rounded up to few buckets, so that a captured graph serves
// many batches; what fills a bucket up are sequences without targets, which change nothing.
#pragma once

#include "finewatt/engine/cuda/device_kernels_internal.h"
#include "finewatt/engine/head_pass_internal.h"

#include <cstdint>
#include <span>

namespace finewatt {

/// The sizes that a step's kernels are launched with.
struct InputShape {
    std::int64_t rows = 0;       ///< T, packed rows with those that fill up
    std::int64_t sequences = 0;  ///< S: B, those that fill up, and empty ones
    std::int64_t longest = 0;    ///< at least the length of every sequence

    friend bool operator==(const InputShape&, const InputShape&) = default;
};

/// Return the shape of a batch as it is.
InputShape exact_shape(const PassInput& input);

/// Return the shape rounded up: lengths to 64, 128, 256, 384, 512 or a multiple of 256, rows to
/// about a sixteenth (at least 64), sequences to a multiple of 8 and as many as the rows that fill
/// up can need.
InputShape bucket_of(const InputShape& exact);

/// Where each array begins in the block, in int32 values; each begins on 16 bytes. The block begins
/// with a StepValues.
struct InputLayout {
    explicit InputLayout(const InputShape& of);

    InputShape shape;
    std::int64_t ids = 0;           ///< [T]
    std::int64_t type_ids = 0;      ///< [T]
    std::int64_t positions = 0;     ///< [T]
    std::int64_t places = 0;        ///< [T, 2], row in the batch and position
    std::int64_t token_labels = 0;  ///< [T]
    std::int64_t key_rows = 0;      ///< [T], the rows that are keys; only so many as there are
    std::int64_t begins = 0;        ///< [S + 1] in packed order, T at the end
    std::int64_t key_begins = 0;    ///< [S + 1], the same for keys
    // By place in the batch; behind it the sequences that fill up.
    std::int64_t first_rows = 0;    ///< [S]
    std::int64_t lengths = 0;       ///< [S]
    std::int64_t first_places = 0;  ///< [S, 2]
    std::int64_t labels = 0;        ///< [S]; question answering: the starts
    std::int64_t ends = 0;          ///< [S]
    std::int64_t size = 0;
};

/// Write a batch into a block of layout.size values. Targets may have null arrays for inference.
/// Returns the number of keys: all T rows unless the batch has padding.
std::int64_t fill_input(const InputLayout& layout, const StepValues& values, const PassInput& input,
                        const HeadTargets& targets, std::span<std::int32_t> block);

}  // namespace finewatt
