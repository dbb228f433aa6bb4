// The scripts of a page: Chart.js and our own, embedded when the program was built.
#pragma once

#include <string_view>
#include <vector>

namespace finewatt::report {

/// A script, and how a content security policy names it ("sha256-…").
struct PageScript {
    std::string_view text;
    std::string_view hash;
};

/// Return the scripts in the order in which they run; nothing in a build without them.
std::vector<PageScript> page_scripts();

}  // namespace finewatt::report
