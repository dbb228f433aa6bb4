// Tests only: compares epoch_order and epoch_batches with what golden/generate_order.py printed.
#pragma once

#include <string>

namespace finewatt {

/// Fail the running test at the first case that differs, or when there is no case.
void expect_orders_equal(const std::string& json_text);

}  // namespace finewatt
