// Deliberate bug for AddressSanitizer: reads one element past a heap array.
#include <cstddef>
#include <memory>

int main(int argc, char**) {
    const auto count = static_cast<std::size_t>(argc);
    const std::unique_ptr<int[]> values(new int[count]());
    return values[count];
}
