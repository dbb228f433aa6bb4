// Which database the contract suite (store_contract_test.cpp) runs against: each test program that
// holds the suite defines contract_ledger() once.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/store/store.h"

#include <functional>
#include <memory>
#include <string>

namespace finewatt {

/// One empty ledger.
struct ContractLedger {
    /// Open it; every call gives a connection of its own.
    std::function<Result<std::unique_ptr<Store>>()> open;
    /// Run SQL beside the store, to do damage.
    std::function<void(const std::string& sql)> run_sql;
    /// Keeps what lies under it.
    std::shared_ptr<void> keeper;
};

/// Make a new empty ledger. Error: unsupported, with the reason, where the database is not
/// installed.
Result<ContractLedger> make_contract_ledger();

}  // namespace finewatt
