// Deliberate bug for ThreadSanitizer: two threads write one int without a lock.
#include <thread>

int shared_value = 0;

int main() {
    std::thread writer([] { ++shared_value; });
    ++shared_value;
    writer.join();
    return 0;
}
