#include "finewatt/meter/phase_book_internal.h"

#include <algorithm>

namespace finewatt {

bool PhaseBook::add(std::string_view name, PhaseEdge edge, MonoTime time) {
    // Open phases are few and recent: look from the back.
    const auto open = std::find_if(phases_.rbegin(), phases_.rend(), [name](const PhaseSpan& p) {
        return !p.is_closed && p.name == name;
    });
    const bool is_open = open != phases_.rend();
    if (is_open == (edge == PhaseEdge::kBegin)) {
        return false;
    }
    if (edge == PhaseEdge::kBegin) {
        phases_.push_back({std::string(name), time, time, false});
        return true;
    }
    open->end = std::max(time, open->begin);
    open->is_closed = true;
    return true;
}

std::vector<PhaseSpan> PhaseBook::spans(MonoTime end) const {
    std::vector<PhaseSpan> spans = phases_;
    for (PhaseSpan& span : spans) {
        if (!span.is_closed) {
            span.end = std::max(end, span.begin);
        }
    }
    std::stable_sort(spans.begin(), spans.end(),
                     [](const PhaseSpan& a, const PhaseSpan& b) { return a.begin < b.begin; });
    return spans;
}

}  // namespace finewatt
