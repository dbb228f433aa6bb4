#include "finewatt/base/check.h"
#include "finewatt/data/features.h"
#include "finewatt/engine/cuda/device_input_internal.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace finewatt {
namespace {

constexpr std::int64_t round_up(std::int64_t value, std::int64_t step) {
    return (value + step - 1) / step * step;
}

/// Rows of a bucket are a multiple of this.
std::int64_t row_step(std::int64_t rows) {
    const auto below = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(rows)));
    return std::clamp<std::int64_t>(below / 16, 64, 1024);
}

std::int64_t length_bucket(std::int64_t length) {
    for (const std::int64_t bucket : {64, 128, 256, 384, 512}) {
        if (length <= bucket) {
            return bucket;
        }
    }
    return round_up(length, 256);
}

/// A label as int32, kIgnoredLabel for those outside: the kernels leave them out.
std::int32_t label_of(std::int64_t label) {
    return label < 0 ? kIgnoredLabel : static_cast<std::int32_t>(label);
}

/// Where an answer lies: clamped to [0, length]; `length` means that it is not in this text.
std::int32_t answer_of(std::int64_t position, std::int64_t length) {
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(position, 0, length));
}

/// Writes the arrays of one block.
class InputWriter {
  public:
    InputWriter(const InputLayout& layout, const PassInput& input, std::span<std::int32_t> block)
        : layout_(layout),
          input_(input),
          block_(block) {}

    std::int32_t* at(std::int64_t offset) const { return block_.data() + offset; }

    void write_rows(const HeadTargets& targets) const {
        const std::int64_t rows = input_.rows;
        std::copy_n(input_.ids, rows, at(layout_.ids));
        std::copy_n(input_.type_ids, rows, at(layout_.type_ids));
        std::copy_n(input_.positions, rows, at(layout_.positions));
        std::copy_n(input_.places, 2 * rows, at(layout_.places));
        for (std::int64_t r = 0; r < layout_.shape.rows; ++r) {
            const bool has_label = targets.token_labels != nullptr && r < rows;
            at(layout_.token_labels)[r] =
                has_label ? label_of(targets.token_labels[r]) : kIgnoredLabel;
        }
    }

    void write_sequences(const HeadTargets& targets) {
        for (std::int64_t s = 0; s < input_.sequences; ++s) {
            const std::int32_t* sequence = input_.sequence_table + 4 * s;
            const std::int32_t first = sequence[0];
            const std::int32_t length = sequence[1];
            const std::int64_t place = sequence[3];
            add_packed(first, length, sequence[2]);
            set_place(place, first, length);
            if (targets.labels != nullptr) {
                at(layout_.labels)[place] = label_of(targets.labels[place]);
            }
            if (targets.starts != nullptr) {
                at(layout_.labels)[place] = answer_of(targets.starts[place], length);
                at(layout_.ends)[place] = answer_of(targets.ends[place], length);
            }
        }
    }

    /// Sequences of a made-up token take the rest of the rows; the rest of the places is empty.
    void fill_up() {
        std::int64_t row = input_.rows;
        for (std::int64_t s = input_.sequences; s < layout_.shape.sequences; ++s) {
            const std::int64_t length = std::min(layout_.shape.longest, layout_.shape.rows - row);
            add_packed(static_cast<std::int32_t>(row), static_cast<std::int32_t>(length),
                       static_cast<std::int32_t>(length));
            set_place(s, length == 0 ? 0 : static_cast<std::int32_t>(row),
                      static_cast<std::int32_t>(length));
            for (std::int64_t position = 0; position < length; ++position, ++row) {
                at(layout_.places)[2 * row] = static_cast<std::int32_t>(s);
            }
        }
        FINEWATT_CHECK(row == layout_.shape.rows, "a bucket has sequences enough to fill its rows");
        at(layout_.begins)[packed_] = static_cast<std::int32_t>(row);
        at(layout_.key_begins)[packed_] = static_cast<std::int32_t>(keys_);
    }

    std::int64_t keys() const { return keys_; }

  private:
    void add_packed(std::int32_t first, std::int32_t length, std::int32_t key_length) {
        at(layout_.begins)[packed_] = first;
        at(layout_.key_begins)[packed_] = static_cast<std::int32_t>(keys_);
        packed_ += 1;
        for (std::int32_t key = 0; key < std::min(length, key_length); ++key, ++keys_) {
            at(layout_.key_rows)[keys_] = first + key;
        }
    }

    void set_place(std::int64_t place, std::int32_t first, std::int32_t length) const {
        at(layout_.first_rows)[place] = first;
        at(layout_.lengths)[place] = length;
        at(layout_.first_places)[2 * place] = static_cast<std::int32_t>(place);
        at(layout_.labels)[place] = kIgnoredLabel;
        at(layout_.ends)[place] = kIgnoredLabel;
    }

    const InputLayout& layout_;
    const PassInput& input_;
    std::span<std::int32_t> block_;
    std::int64_t packed_ = 0;  ///< sequences written
    std::int64_t keys_ = 0;
};

}  // namespace

InputShape exact_shape(const PassInput& input) {
    InputShape shape{input.rows, input.sequences, 0};
    for (std::int64_t s = 0; s < input.sequences; ++s) {
        shape.longest = std::max<std::int64_t>(shape.longest, input.sequence_table[4 * s + 1]);
    }
    return shape;
}

InputShape bucket_of(const InputShape& exact) {
    const std::int64_t step = row_step(exact.rows);
    const std::int64_t longest = length_bucket(exact.longest);
    const std::int64_t most_filling = (step - 1 + longest - 1) / longest;
    return {round_up(exact.rows, step), round_up(exact.sequences, 8) + most_filling, longest};
}

InputLayout::InputLayout(const InputShape& of) : shape(of) {
    constexpr std::int64_t kAlignment = 16 / sizeof(std::int32_t);
    static_assert(sizeof(StepValues) % (kAlignment * sizeof(std::int32_t)) == 0);
    size = sizeof(StepValues) / sizeof(std::int32_t);
    const auto take = [&](std::int64_t count) {
        const std::int64_t offset = size;
        size += round_up(count, kAlignment);
        return offset;
    };
    ids = take(shape.rows);
    type_ids = take(shape.rows);
    positions = take(shape.rows);
    places = take(2 * shape.rows);
    token_labels = take(shape.rows);
    key_rows = take(shape.rows);
    begins = take(shape.sequences + 1);
    key_begins = take(shape.sequences + 1);
    first_rows = take(shape.sequences);
    lengths = take(shape.sequences);
    first_places = take(2 * shape.sequences);
    labels = take(shape.sequences);
    ends = take(shape.sequences);
}

std::int64_t fill_input(const InputLayout& layout, const StepValues& values, const PassInput& input,
                        const HeadTargets& targets, std::span<std::int32_t> block) {
    FINEWATT_CHECK(std::ssize(block) >= layout.size, "the block has room for the layout");
    std::fill_n(block.data(), layout.size, 0);
    std::memcpy(block.data(), &values, sizeof values);
    InputWriter writer(layout, input, block);
    writer.write_rows(targets);
    writer.write_sequences(targets);
    writer.fill_up();
    return writer.keys();
}

}  // namespace finewatt
