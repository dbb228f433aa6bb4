#include "finewatt/data/batch.h"
#include "finewatt/data/order_golden_internal.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <utility>
#include <vector>

namespace finewatt {
namespace {

using nlohmann::json;

void expect_order_equal(const json& golden) {
    const std::vector<std::int64_t> order =
        epoch_order(golden["n"].get<std::int64_t>(), golden["seed"].get<std::uint64_t>(),
                    golden["epoch"].get<std::int64_t>());
    std::uint64_t checksum = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
        checksum += (i + 1) * static_cast<std::uint64_t>(order[i]);
    }
    const auto head = golden["head"].get<std::vector<std::int64_t>>();
    ASSERT_LE(head.size(), order.size());
    const std::vector<std::int64_t> got(order.begin(),
                                        order.begin() + static_cast<std::ptrdiff_t>(head.size()));
    ASSERT_EQ(got, head) << golden.dump();
    ASSERT_EQ(checksum, golden["checksum"].get<std::uint64_t>()) << golden.dump();
}

void expect_grouping_equal(const json& golden) {
    FeatureSetBuilder builder(TaskKind::kClassification);
    for (const std::size_t length : golden["lengths"].get<std::vector<std::size_t>>()) {
        const std::vector<std::int32_t> zeros(length);
        builder.add({.ids = zeros, .type_ids = zeros});
    }
    const FeatureSet features = std::move(builder).finish();
    const auto batch_size = golden["batch_size"].get<std::int32_t>();
    const auto batches =
        epoch_batches(features, batch_size, BatchingMode::kGrouped,
                      golden["seed"].get<std::uint64_t>(), golden["epoch"].get<std::int64_t>());
    std::vector<std::int64_t> order;
    for (const std::vector<std::int64_t>& batch : batches) {
        ASSERT_LE(batch.size(), static_cast<std::size_t>(batch_size));
        order.insert(order.end(), batch.begin(), batch.end());
    }
    ASSERT_EQ(order, golden["order"].get<std::vector<std::int64_t>>())
        << features.size() << " examples, batch size " << batch_size;
}

}  // namespace

void expect_orders_equal(const std::string& json_text) {
    const json golden = json::parse(json_text, nullptr, false);
    ASSERT_TRUE(golden.is_object())
        << "expected a JSON object, found: " << json_text.substr(0, 200);
    ASSERT_FALSE(golden["orders"].empty());
    ASSERT_FALSE(golden["grouped"].empty());
    for (const json& item : golden["orders"]) {
        ASSERT_NO_FATAL_FAILURE(expect_order_equal(item));
    }
    for (const json& item : golden["grouped"]) {
        ASSERT_NO_FATAL_FAILURE(expect_grouping_equal(item));
    }
}

}  // namespace finewatt
