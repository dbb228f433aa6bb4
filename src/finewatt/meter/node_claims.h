// Node claims: which meter of a node counts which device in the node's total. Every meter measures
// all it can; a device that several of them see is counted by the one that holds its claim.
//
// Main types: NodeClaims, NodeShare. A claim is a small file in a run directory that all users of
// the node share, made without locks or waiting; a claim whose owner died is passed on. Nothing
// here stops parallel or nested runs.
#pragma once

#include "finewatt/record/channel.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace finewatt {

/// Where claims are kept.
struct NodeClaimOptions {
    std::filesystem::path run_directory;  ///< see node_run_directory()
};

/// Who counts the device of one channel in the node's total.
struct NodeShare {
    std::string channel;  ///< id of the channel
    /// What is claimed: "cpu" (all packages, whatever reads them), "dram" or "gpu-" and a UUID.
    std::string device;
    bool is_counted_here = true;
    std::string owner_run_id;         ///< of the run that counts it, when it is another one
    std::int64_t owner_pid = 0;       ///< its process, when it is another one
    std::optional<std::string> note;  ///< what a record should say, when there is anything
};

/// Looks up an environment variable; nothing when unset.
using EnvironmentValue = std::function<std::optional<std::string>(const std::string& name)>;

/// Return the directory of this node's claims, made when it is not there: FINEWATT_RUN_DIR, else
/// /run/finewatt if this user may write there, else /tmp/finewatt-<beginning of the boot id> with
/// mode 1777. It may turn out to be unusable; NodeClaims then says so.
std::filesystem::path node_run_directory(const EnvironmentValue& environment,
                                         const std::string& boot_id);

/// The claims of one meter. Claims are made at construction and given back at destruction. Used by
/// one thread at a time.
class NodeClaims {
  public:
    /// Claim the devices of `counted`, the channels of a total. What another running meter holds is
    /// left to it. Where no claim can be made (no run directory), the channel counts, with a note.
    NodeClaims(const NodeClaimOptions& options, const std::string& run_id,
               const std::string& boot_id, std::span<const ChannelSpec> counted);
    NodeClaims(const NodeClaims&) = delete;
    NodeClaims& operator=(const NodeClaims&) = delete;
    ~NodeClaims();

    /// One per channel, in the order given.
    const std::vector<NodeShare>& shares() const { return shares_; }

  private:
    std::vector<NodeShare> shares_;
    std::vector<std::filesystem::path> held_;
};

}  // namespace finewatt
