// Deliberate bug for UndefinedBehaviorSanitizer: adds past the largest int.
#include <limits>

int main(int argc, char**) {
    const volatile int sum = std::numeric_limits<int>::max() + argc;
    return sum == 0 ? 1 : 0;
}
