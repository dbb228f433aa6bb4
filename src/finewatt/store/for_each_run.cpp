#include "finewatt/store/store.h"

#include <algorithm>

namespace finewatt {

Status for_each_run(Store& store, const RunFilter& filter,
                    const std::function<Status(const RunRecord& run)>& visit) {
    constexpr std::size_t kRecordsAtOnce = 64;
    FINEWATT_ASSIGN(const std::vector<std::string> ids, store.list_ids(filter));
    for (std::size_t i = 0; i < ids.size(); i += kRecordsAtOnce) {
        const std::size_t size = std::min(kRecordsAtOnce, ids.size() - i);
        FINEWATT_ASSIGN(const std::vector<RunRecord> runs,
                        store.get_all(std::span(ids).subspan(i, size)));
        for (const RunRecord& run : runs) {
            FINEWATT_TRY(visit(run));
        }
    }
    return {};
}

}  // namespace finewatt
