#include "finewatt/report/page_scripts_internal.h"

#ifdef FINEWATT_PAGE_JS_HASH

namespace finewatt::embedded {
std::string_view chart_js();
std::string_view page_js();
}  // namespace finewatt::embedded

namespace finewatt::report {

std::vector<PageScript> page_scripts() {
    return {{embedded::chart_js(), FINEWATT_CHART_JS_HASH},
            {embedded::page_js(), FINEWATT_PAGE_JS_HASH}};
}

}  // namespace finewatt::report

#else

namespace finewatt::report {

std::vector<PageScript> page_scripts() {
    return {};
}

}  // namespace finewatt::report

#endif
