#include "finewatt/base/code_pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <link.h>

namespace finewatt {
namespace {

/// Drop the pages of one program or library that the loader maps and never writes.
int release_object(dl_phdr_info* object, std::size_t /*size*/, void* /*data*/) {
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    for (std::size_t i = 0; i < object->dlpi_phnum; ++i) {
        const ElfW(Phdr)& segment = object->dlpi_phdr[i];
        // A segment with the right to write may hold relocated addresses, which are in no file.
        if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) {
            continue;
        }
        const std::uintptr_t begin = object->dlpi_addr + segment.p_vaddr;
        const std::uintptr_t first = begin & ~(page - 1);
        const std::uintptr_t last = (begin + segment.p_memsz + page - 1) & ~(page - 1);
        // Where the kernel refuses, the pages stay, and nothing is lost.
        ::madvise(reinterpret_cast<void*>(first),  // NOLINT(performance-no-int-to-ptr): ELF address
                  last - first, MADV_DONTNEED);
    }
    return 0;
}

}  // namespace

void release_code_pages() {
    ::dl_iterate_phdr(release_object, nullptr);
}

}  // namespace finewatt
