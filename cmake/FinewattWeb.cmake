# Interactive figures of the report page: Chart.js out of the system's package libjs-chart.js, and
# our own scripts as one file. docs/decisions/chart-js.md says why.
#
# FINEWATT_WITH_WEB is AUTO, ON or OFF. Sets FINEWATT_CHART_JS to the file, or empty, and
# FINEWATT_WEB_WHY to the reason of an empty one.
set(FINEWATT_CHART_JS "")
set(FINEWATT_WEB_WHY "FINEWATT_WITH_WEB=OFF")
if(NOT FINEWATT_WITH_WEB STREQUAL "OFF")
    find_file(FINEWATT_CHART_JS_FILE chart.min.js
        PATHS /usr/share/javascript/chart.js /usr/share/nodejs/chart.js/dist NO_DEFAULT_PATH)
    if(FINEWATT_CHART_JS_FILE)
        # Our scripts use the options of Chart.js 3.
        file(READ "${FINEWATT_CHART_JS_FILE}" head LIMIT 200)
        if(head MATCHES "Chart\\.js v3\\.")
            set(FINEWATT_CHART_JS "${FINEWATT_CHART_JS_FILE}")
        else()
            set(FINEWATT_WEB_WHY "${FINEWATT_CHART_JS_FILE} is not Chart.js 3")
        endif()
    else()
        set(FINEWATT_WEB_WHY "chart.min.js not found; install libjs-chart.js")
    endif()
    if(FINEWATT_WITH_WEB STREQUAL "ON" AND NOT FINEWATT_CHART_JS)
        message(FATAL_ERROR "FINEWATT_WITH_WEB=ON: ${FINEWATT_WEB_WHY}")
    endif()
endif()

# finewatt_join_scripts(<output> <file> ...)
# Writes the scripts, relative to the current source folder, into one function of its own scope.
function(finewatt_join_scripts output)
    set(script "(() => {\n\"use strict\";\n")
    foreach(file IN LISTS ARGN)
        set(path "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
        file(READ "${path}" text)
        string(APPEND script "${text}")
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${path}")
    endforeach()
    string(APPEND script "})();\n")
    file(CONFIGURE OUTPUT "${output}" CONTENT "@script@" @ONLY NEWLINE_STYLE UNIX)
endfunction()

# finewatt_script_hash(<variable> <file>)
# Sets <variable> to "sha256-…" as a content security policy names a script (CSP Level 3, 2.3.1):
# the digest in base64.
function(finewatt_script_hash variable file)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
    file(SHA256 "${file}" hex)
    set(alphabet "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    set(text "")
    string(APPEND hex "00")  # 32 bytes are ten groups of three and two more
    foreach(group RANGE 10)
        math(EXPR at "${group} * 6")
        string(SUBSTRING "${hex}" ${at} 6 bytes)
        foreach(shift 18 12 6 0)
            math(EXPR index "(0x${bytes} >> ${shift}) & 63")
            string(SUBSTRING "${alphabet}" ${index} 1 letter)
            string(APPEND text "${letter}")
        endforeach()
    endforeach()
    string(REGEX REPLACE ".$" "=" text "${text}")
    set(${variable} "sha256-${text}" PARENT_SCOPE)
endfunction()
