// RepoCache: one repository's folder in the cache, in the layout of the Python package
// huggingface_hub, which reads and writes the same folders:
//
//   models--org--name/refs/main                          the commit that a revision stands for
//   models--org--name/snapshots/COMMIT/config.json  ->   ../../blobs/ETAG
//   models--org--name/blobs/ETAG                         the bytes
//   .locks/models--org--name/ETAG.lock                   held by who downloads that blob
//
// Paths and lookups only; nothing here asks the network. Any thread may use it.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/hub/repo.h"
#include "finewatt/hub/settings.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt::hub {

/// Paths of one repository in the cache. `file` is a path inside the repository, such as
/// "config.json" or "data/train.tsv".
class RepoCache {
  public:
    RepoCache(const HubSettings& settings, Repo repo);

    const Repo& repo() const { return repo_; }

    const std::filesystem::path& folder() const { return folder_; }

    std::filesystem::path blob(std::string_view etag) const { return folder_ / "blobs" / etag; }

    std::filesystem::path lock(std::string_view etag) const;
    std::filesystem::path snapshot(std::string_view commit) const;
    std::filesystem::path file(std::string_view commit, std::string_view file) const;

    /// Return the commit that the repository's revision stands for: itself when it is one, else
    /// what refs/ says, or nothing.
    std::optional<std::string> commit() const;

    /// Return whether a file of a commit is there, link and bytes.
    bool has_file(std::string_view commit, std::string_view file) const;

    /// Return the files of a commit that are there, sorted; empty without a snapshot.
    std::vector<std::string> files(std::string_view commit) const;

    /// Remember which commit the revision stands for. Writes only when that changed.
    Status set_commit(const std::string& commit) const;

    /// Make a file of a commit a relative link to a blob, instead of what was there; on a file
    /// system without links a copy.
    Status link_file(std::string_view commit, std::string_view file, std::string_view etag) const;

  private:
    Repo repo_;
    std::filesystem::path folder_;
    std::filesystem::path locks_;
};

/// Return the snapshot folder of a repository in the cache, without asking the network. Error: not
/// found, with the place where it was looked for and the command that fetches it.
Result<std::filesystem::path> find_snapshot(const HubSettings& settings, const Repo& repo);

/// The same for a model, whose configuration and weights must be there too. Error: not found, with
/// the files that are missing.
Result<std::filesystem::path> find_model(const HubSettings& settings, const Repo& repo);

/// Return which of config.json and the safetensors files (all parts that
/// model.safetensors.index.json names) a folder lacks.
std::vector<std::string> missing_model_files(const std::filesystem::path& folder);

}  // namespace finewatt::hub
