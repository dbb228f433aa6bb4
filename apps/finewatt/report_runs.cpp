#include "finewatt/report_runs.h"

#include "finewatt/report/run_tables.h"
#include "finewatt/report/text.h"

#include <fmt/format.h>

#include <set>
#include <utility>

namespace finewatt::app {
namespace {

std::optional<std::string> unless_empty(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

Result<RunFilter> make_filter(const RunSelection& selection) {
    RunFilter filter;
    filter.tag = unless_empty(selection.tag);
    filter.name = unless_empty(selection.name);
    filter.kind = unless_empty(selection.kind);
    filter.status = unless_empty(selection.status);
    if (!selection.since.empty()) {
        FINEWATT_ASSIGN(filter.since, WallTime::parse_iso8601(selection.since));
    }
    filter.limit = selection.limit + 1;  // one more tells whether there are more
    return filter;
}

Error nothing_matched(const RunSelection& selection) {
    std::string wanted;
    for (const auto& [option, value] :
         {std::pair("--tag", selection.tag), std::pair("--name", selection.name),
          std::pair("--kind", selection.kind), std::pair("--status", selection.status),
          std::pair("--since", selection.since)}) {
        if (!value.empty()) {
            wanted += fmt::format(" {} '{}'", option, safe_text(value));
        }
    }
    if (wanted.empty()) {
        return Error(ErrorCode::kNotFound,
                     "a report needs at least one run, and the ledger has none; `finewatt measure "
                     "-- CMD` stores the first");
    }
    return Error(ErrorCode::kNotFound,
                 fmt::format("a report needs at least one run, and none matches{}; `finewatt runs "
                             "list` shows what there is",
                             wanted));
}

}  // namespace

Result<SelectedRuns> select_runs(Store& store, const RunSelection& selection) {
    SelectedRuns selected;
    std::set<std::string> ids;
    for (const std::string& key : selection.keys) {
        FINEWATT_ASSIGN(const std::string id, store.resolve(key));
        ids.insert(id);
    }
    if (selection.keys.empty() || selection.has_filter()) {
        FINEWATT_ASSIGN(const RunFilter filter, make_filter(selection));
        FINEWATT_ASSIGN(const std::vector<RunOverview> found, store.list(filter));
        selected.has_more = found.size() > selection.limit;
        const std::size_t count = selected.has_more ? selection.limit : found.size();
        for (std::size_t i = 0; i < count; ++i) {
            ids.insert(found[i].run_id);
        }
    }
    if (ids.empty()) {
        return nothing_matched(selection);
    }
    for (const std::string& id : ids) {
        FINEWATT_ASSIGN(RunRecord run, store.get(id));
        selected.runs.push_back(std::move(run));
    }
    selected.runs = in_report_order(std::move(selected.runs));
    return selected;
}

}  // namespace finewatt::app
