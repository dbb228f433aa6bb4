#include "finewatt/meter/phase_book_internal.h"

#include <algorithm>

namespace finewatt {

std::optional<PhaseSpan> PhaseBook::add(std::string_view name, PhaseEdge edge, MonoTime time) {
    const auto open = open_.find(name);
    const bool is_open = open != open_.end();
    if (is_open == (edge == PhaseEdge::kBegin)) {
        return std::nullopt;
    }
    if (edge == PhaseEdge::kBegin) {
        const auto ended = ended_.find(name);
        const MonoTime begin = ended == ended_.end() ? time : std::max(time, ended->second);
        open_.emplace(name, phases_.size());
        phases_.push_back({std::string(name), begin, begin, false, phases_.size()});
        return phases_.back();
    }
    PhaseSpan& phase = phases_[open->second];
    open_.erase(open);
    phase.end = std::max(time, phase.begin);
    ended_.insert_or_assign(phase.name, phase.end);
    phase.is_closed = true;
    return phase;
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
