#include "finewatt/engine/attention_pass_internal.h"

#include <cmath>
#include <omp.h>

namespace finewatt {
namespace {

/// One head of one sequence: where its first row lies in each array.
struct HeadPlace {
    std::int64_t query = 0;   ///< offset in the query array
    std::int64_t key = 0;     ///< offset in the key and value arrays
    std::int64_t result = 0;  ///< offset in [result_rows, H]
    std::int64_t sum = 0;     ///< offset in logsumexp
};

template <class T>
HeadPlace place_of(const AttentionWork<T>& work, const std::int32_t* sequence, std::int64_t head) {
    const std::int64_t hidden = work.heads * work.head_size;
    const std::int64_t column = head * work.head_size;
    const std::int64_t row = sequence[0];
    const std::int64_t result_row = work.has_first_rows_only ? sequence[3] : row;
    HeadPlace place;
    place.key = row * work.stride + column;
    place.query = work.has_first_rows_only ? result_row * hidden + column : place.key;
    place.result = result_row * hidden + column;
    place.sum = head * work.result_rows + result_row;
    return place;
}

template <class T>
AttentionHead<T> head_of(const AttentionWork<T>& work, const std::int32_t* sequence,
                         std::int64_t head, const HeadPlace& place, std::uint64_t* keys) {
    AttentionHead<T> made;
    made.query = work.in.query + place.query;
    made.key = work.in.key + place.key;
    made.value = work.in.value + place.key;
    made.stride = work.stride;
    made.length = sequence[1];
    made.key_length = sequence[2];
    made.query_length = work.has_first_rows_only ? 1 : made.length;
    made.head_size = work.head_size;
    made.scale = 1 / std::sqrt(static_cast<float>(work.head_size));
    if (work.has_dropout) {
        for (std::int64_t query = 0; query < made.query_length; ++query) {
            keys[query] = attention_key(work.dropout_base, sequence[3], head, query);
        }
        made.mask_keys = keys;
        made.mask = work.mask;
    }
    return made;
}

/// Call run(head, place, scratch) for every head of every sequence, on all threads.
template <class T, class Run>
void for_heads(const AttentionWork<T>& work, const PassTools& tools, const Run& run) {
    const std::int64_t tasks = work.sequences * work.heads;
#pragma omp parallel if (tasks > 1)
    {
        const std::int64_t thread = omp_get_thread_num();
        float* scratch = tools.attention_scratch + thread * tools.attention_floats;
        std::uint64_t* keys = tools.attention_keys + thread * tools.longest;
        // Long sequences last in the packed order: hand out the work from there.
#pragma omp for schedule(dynamic, 2)
        for (std::int64_t task = 0; task < tasks; ++task) {
            const std::int64_t s = work.sequences - 1 - task / work.heads;
            const std::int64_t head = task % work.heads;
            const std::int32_t* sequence = work.sequence_table + 4 * s;
            const HeadPlace place = place_of(work, sequence, head);
            run(head_of(work, sequence, head, place, keys), place, scratch);
        }
    }
}

}  // namespace

void plan_attention(std::int64_t longest, std::int64_t head_size, PassTools& tools,
                    ArenaPlan& plan) {
    constexpr std::int64_t kLine = 16;  // floats: threads share no cache line
    const std::int64_t floats = tools.kernels.attention_scratch(longest, head_size);
    const std::int64_t threads = omp_get_max_threads();
    tools.attention_floats = (floats + kLine - 1) / kLine * kLine;
    tools.longest = (longest + kLine - 1) / kLine * kLine;
    tools.attention_scratch = plan.take<float>(threads * tools.attention_floats);
    tools.attention_keys = plan.take<std::uint64_t>(threads * tools.longest);
}

template <class T>
void attend(const AttentionWork<T>& work, const PassTools& tools) {
    const std::int64_t hidden = work.heads * work.head_size;
    const auto& kernels = tools.kernels.of<T>();
    for_heads(
        work, tools, [&](const AttentionHead<T>& head, const HeadPlace& place, float* scratch) {
            float* sums = work.logsumexp == nullptr ? nullptr : work.logsumexp + place.sum;
            kernels.attention_forward(head, work.context + place.result, hidden, sums, scratch);
        });
}

template <class T>
void attend_backward(const AttentionWork<T>& work, const T* context_gradient,
                     const AttentionArrays<T>& gradients, const PassTools& tools) {
    const std::int64_t hidden = work.heads * work.head_size;
    const auto& kernels = tools.kernels.of<T>();
    for_heads(
        work, tools, [&](const AttentionHead<T>& head, const HeadPlace& place, float* scratch) {
            kernels.attention_backward(head, work.context + place.result,
                                       context_gradient + place.result, hidden,
                                       work.logsumexp + place.sum,
                                       {gradients.query + place.query, gradients.key + place.key,
                                        gradients.value + place.key},
                                       scratch);
        });
}

template void attend(const AttentionWork<float>&, const PassTools&);
template void attend(const AttentionWork<Bfloat16>&, const PassTools&);
template void attend_backward(const AttentionWork<float>&, const float*,
                              const AttentionArrays<float>&, const PassTools&);
template void attend_backward(const AttentionWork<Bfloat16>&, const Bfloat16*,
                              const AttentionArrays<Bfloat16>&, const PassTools&);

}  // namespace finewatt
