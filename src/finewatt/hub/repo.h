// Repo: the name of a model or data set on a model hub, with its revision, as users write it:
// "org/name", "name" or either with "@revision".
//
// Names only; where its files are is cache.h. Rules of names: validate_repo_id of the Python
// package huggingface_hub 1.33 (utils/_validators.py).
#pragma once

#include "finewatt/base/result.h"

#include <string>
#include <string_view>

namespace finewatt::hub {

enum class RepoType { kModel, kDataset };

/// Return "model" or "data set", for messages.
std::string_view repo_type_name(RepoType type);

/// One repository of the hub at one revision.
struct Repo {
    RepoType type = RepoType::kModel;
    std::string name;               ///< "org/name" or "name"
    std::string revision = "main";  ///< branch, tag or commit

    /// Return the name, with "@revision" unless that is main.
    std::string text() const;

    /// Return the name of its folder in the cache, e.g. "models--org--name".
    std::string folder_name() const;

    /// Return the arguments that make `finewatt fetch` get it: "org/name@v2 --dataset".
    std::string fetch_arguments() const;
};

/// Parse "name", "org/name", "org/name@revision". Error: invalid argument, with the rule broken.
Result<Repo> parse_repo(std::string_view text, RepoType type = RepoType::kModel);

/// Return whether a text has the form of a hub name, with or without a revision. "./x", "/x",
/// "a/b/c" have not.
bool is_hub_name(std::string_view text);

/// Return whether a revision is a whole commit id: 40 lower-case hexadecimal digits.
bool is_commit(std::string_view revision);

/// Return whether a path that a server gave stays inside the folder it is put into: relative, with
/// no empty, "." or ".." part, no control character.
bool is_safe_path(std::string_view path);

}  // namespace finewatt::hub
