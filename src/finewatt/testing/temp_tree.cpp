#include "finewatt/testing/temp_tree.h"

#include "finewatt/base/check.h"

#include <cstdlib>
#include <fstream>

namespace finewatt::testing {

TempTree::TempTree() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "finewatt-test-XXXXXX").string();
    FINEWATT_CHECK(::mkdtemp(pattern.data()) != nullptr, "tests need a temporary folder");
    path_ = pattern;
}

TempTree::~TempTree() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path TempTree::write(const std::string& relative, std::string_view content) const {
    const auto start = relative.find_first_not_of('/');
    const std::filesystem::path file = path_ / relative.substr(start);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out << content;
    out.close();
    FINEWATT_CHECK(out.good(), "a test file must be writable");
    return file;
}

}  // namespace finewatt::testing
