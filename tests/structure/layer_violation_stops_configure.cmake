# The layer check must bite: a tiny tree configures, and each way to break the layers stops it.
set(tree "${BINARY_DIR}/tests/structure/tiny_tree")

function(write_tree units_depends_on base_includes)
    file(REMOVE_RECURSE "${tree}")
    file(COPY "${SOURCE_DIR}/cmake/FinewattTargets.cmake" DESTINATION "${tree}")
    file(WRITE "${tree}/CMakeLists.txt"
        "cmake_minimum_required(VERSION 3.25)\nproject(tiny LANGUAGES NONE)\n"
        "include(\${CMAKE_SOURCE_DIR}/FinewattTargets.cmake)\n"
        "finewatt_library(base)\nfinewatt_library(record)\n"
        "finewatt_library(units DEPS ${units_depends_on})\nfinewatt_check_layers()\n")
    file(WRITE "${tree}/src/finewatt/base/thing.h" "${base_includes}\n")
    file(WRITE "${tree}/src/finewatt/units/thing_internal.h" "#pragma once\n")
endfunction()

# expect(<case> <wanted message, empty for success>)
function(expect case wanted)
    execute_process(COMMAND "${CMAKE_COMMAND}" -S "${tree}" -B "${tree}/build"
        RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE err)
    # CMake wraps its messages; a line break counts as a space.
    string(REGEX REPLACE "[ \n]+" " " text "${out} ${err}")
    if("${wanted}" STREQUAL "")
        if(NOT status EQUAL 0)
            message(FATAL_ERROR "${case}: expected the tree to configure:\n${out}${err}")
        endif()
    elseif(status EQUAL 0 OR NOT text MATCHES "${wanted}")
        message(FATAL_ERROR "${case}: expected '${wanted}', status ${status}:\n${out}${err}")
    endif()
endfunction()

write_tree(base "#include \"finewatt/base/other.h\"")
expect("clean tree" "")

write_tree(record "")
expect("DEPS names a higher layer" "Layer error: library 'units' may depend on 'base'")

write_tree(base "#include \"finewatt/record/run.h\"")
expect("a header of a higher layer" "'base' must not include from 'record'")

write_tree(base "")
file(WRITE "${tree}/src/finewatt/record/thing.h" "#include \"finewatt/units/thing_internal.h\"\n")
expect("a private header of another library" "private header of 'units'")

file(REMOVE_RECURSE "${tree}")
