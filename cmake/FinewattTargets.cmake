# The one table of layers, and the functions every library, test and program is made with.
#
# An entry lists what a library may depend on. Anything not listed is forbidden: finewatt_library()
# refuses a DEPS entry that is not in the table, and finewatt_check_layers() refuses an #include of
# "finewatt/<library>/..." that is not. docs/architecture.md shows the same table.
set(FINEWATT_ALLOWED_base "")
set(FINEWATT_ALLOWED_units base)
set(FINEWATT_ALLOWED_stats base)
set(FINEWATT_ALLOWED_token base)
set(FINEWATT_ALLOWED_hub base)
set(FINEWATT_ALLOWED_record base units)
set(FINEWATT_ALLOWED_data base token)
set(FINEWATT_ALLOWED_sensor base units record)
set(FINEWATT_ALLOWED_carbon base units record)
set(FINEWATT_ALLOWED_store base units record)
set(FINEWATT_ALLOWED_meter base units record sensor)
set(FINEWATT_ALLOWED_engine base record token data)
set(FINEWATT_ALLOWED_study base units record token data sensor meter carbon store)
set(FINEWATT_ALLOWED_report base units record carbon store)
set(FINEWATT_ALLOWED_exchange base units record carbon)

# Every library, lower layers first.
set(FINEWATT_LIBRARIES
    base units stats token hub record data sensor carbon store meter engine study report exchange)

# What runs once per command, or a few times a second, is compiled for size: at -O2 such code is two
# to three times as big, and the pages of a meter's code are most of the memory it holds. For the
# property COMPILE_OPTIONS of single files, and by the word SMALL for all files of a target.
# g++ 12 takes std::optional for uninitialised at -Os, where it does not at -O2.
set(FINEWATT_SMALL_CODE "$<$<CONFIG:Release,RelWithDebInfo>:-Os;-Wno-maybe-uninitialized>")

# finewatt_library(<name> [SMALL] [SOURCES ...] [DEPS <library> ...] [EXTERNAL <target> ...]
#                  [EXTERNAL_PUBLIC <target> ...])
# Makes finewatt_<name> and finewatt::<name>. DEPS are finewatt libraries (linked PUBLIC), EXTERNAL
# are third-party targets (linked PRIVATE).
function(finewatt_library name)
    cmake_parse_arguments(PARSE_ARGV 1 ARG "SMALL" "" "SOURCES;DEPS;EXTERNAL;EXTERNAL_PUBLIC")
    if(ARG_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "finewatt_library(${name}): unknown arguments: ${ARG_UNPARSED_ARGUMENTS}")
    endif()
    foreach(dependency IN LISTS ARG_DEPS)
        if(NOT dependency IN_LIST FINEWATT_ALLOWED_${name})
            message(FATAL_ERROR
                "Layer error: library '${name}' may depend on '${FINEWATT_ALLOWED_${name}}', "
                "but DEPS names '${dependency}'. See cmake/FinewattTargets.cmake.")
        endif()
    endforeach()
    set(target finewatt_${name})
    if(ARG_SOURCES)
        add_library(${target} STATIC ${ARG_SOURCES})
        set(scope PUBLIC)
        # Warnings are for our own build: an installed library does not ask for them.
        target_link_libraries(${target} PRIVATE
            $<BUILD_INTERFACE:finewatt_build_flags> ${ARG_EXTERNAL})
    else()
        add_library(${target} INTERFACE)
        set(scope INTERFACE)
    endif()
    add_library(finewatt::${name} ALIAS ${target})
    target_include_directories(${target} ${scope} "$<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/src>")
    foreach(dependency IN LISTS ARG_DEPS)
        target_link_libraries(${target} ${scope} finewatt::${dependency})
    endforeach()
    target_link_libraries(${target} ${scope} ${ARG_EXTERNAL_PUBLIC})
    if(ARG_SMALL)
        target_compile_options(${target} PRIVATE "${FINEWATT_SMALL_CODE}")
    endif()
    if(ARG_SOURCES)
        finewatt_group_sources(${target} "${FINEWATT_GROUP_ALL}")
    endif()
endfunction()

# finewatt_program(<name> [SMALL] SOURCES ... DEPS ... [EXTERNAL ...])
function(finewatt_program name)
    cmake_parse_arguments(PARSE_ARGV 1 ARG "SMALL" "" "SOURCES;DEPS;EXTERNAL")
    add_executable(${name} ${ARG_SOURCES})
    foreach(dependency IN LISTS ARG_DEPS)
        target_link_libraries(${name} PRIVATE finewatt::${dependency})
    endforeach()
    if(ARG_SMALL)
        target_compile_options(${name} PRIVATE "${FINEWATT_SMALL_CODE}")
    endif()
    target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}/apps")
    target_link_libraries(${name} PRIVATE finewatt_build_flags ${ARG_EXTERNAL})
    target_compile_definitions(${name} PRIVATE FINEWATT_VERSION="${FINEWATT_VERSION}")
    finewatt_group_sources(${name} "${FINEWATT_GROUP_ALL}")
    install(TARGETS ${name} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endfunction()

# finewatt_test(<name> [OPTIMIZED] [WHOLE] SOURCES ... DEPS ... [EXTERNAL ...] [LABELS ...]
#               [TIMEOUT <s>])
# One GoogleTest program; each TEST in it becomes one ctest test. WHOLE: the program is one ctest
# test, for tests that share something costly, such as a server. Its own files are not optimised,
# which halves their compile time, unless it says OPTIMIZED: for slow twins of fast code.
function(finewatt_test name)
    if(NOT BUILD_TESTING)
        return()
    endif()
    cmake_parse_arguments(PARSE_ARGV 1 ARG
        "OPTIMIZED;WHOLE" "TIMEOUT" "SOURCES;DEPS;EXTERNAL;LABELS")
    # Comparisons with Python packages are run on what people get: not under a sanitizer.
    if(FINEWATT_SANITIZE AND "peer" IN_LIST ARG_LABELS)
        return()
    endif()
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 120)
    endif()
    add_executable(${name} ${ARG_SOURCES})
    foreach(dependency IN LISTS ARG_DEPS)
        target_link_libraries(${name} PRIVATE finewatt::${dependency})
    endforeach()
    target_link_libraries(${name} PRIVATE
        finewatt_build_flags finewatt::testing ${ARG_EXTERNAL} GTest::gmock)
    if(ARG_WHOLE)
        target_sources(${name} PRIVATE
            "${CMAKE_SOURCE_DIR}/src/finewatt/testing/whole_program_main.cpp")
    else()
        target_link_libraries(${name} PRIVATE GTest::gtest_main)
    endif()
    finewatt_group_sources(${name} "${FINEWATT_GROUP_TESTS}")
    if(NOT ARG_OPTIMIZED)
        target_compile_options(${name} PRIVATE "$<$<CONFIG:Release,RelWithDebInfo>:-O0>")
    endif()
    if(ARG_WHOLE)
        add_test(NAME ${name} COMMAND ${name})
        # whole_program_main.cpp: skipped where every test in it was.
        set_tests_properties(${name} PROPERTIES
            TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}" SKIP_RETURN_CODE 77)
        return()
    endif()
    # A test with parameters has the name that its own generator gives.
    gtest_discover_tests(${name} NO_PRETTY_VALUES
        DISCOVERY_TIMEOUT 120
        PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
endfunction()

# Stops the configuration when a file of a library includes a header of a library that the table
# does not allow, or a private header (*_internal.h) of another library.
function(finewatt_check_layers)
    set(errors "")
    foreach(library IN LISTS FINEWATT_LIBRARIES)
        set(allowed ${FINEWATT_ALLOWED_${library}} ${library})
        file(GLOB_RECURSE files CONFIGURE_DEPENDS
            "${CMAKE_SOURCE_DIR}/src/finewatt/${library}/*.h"
            "${CMAKE_SOURCE_DIR}/src/finewatt/${library}/*.cpp")
        foreach(file IN LISTS files)
            set(allowed_here ${allowed})
            if(file MATCHES "_test(_[a-z]+)*\\.(cpp|h)$")
                list(APPEND allowed_here testing)
            endif()
            file(STRINGS "${file}" includes REGEX "^#include \"finewatt/")
            foreach(include IN LISTS includes)
                string(REGEX REPLACE "^#include \"finewatt/([^/]+)/.*" "\\1" used "${include}")
                if(NOT used IN_LIST allowed_here)
                    list(APPEND errors "${file}: '${library}' must not include from '${used}'")
                elseif(NOT used STREQUAL library AND include MATCHES "_internal\\.h\"")
                    list(APPEND errors "${file}: private header of '${used}': ${include}")
                endif()
            endforeach()
        endforeach()
    endforeach()
    if(errors)
        list(JOIN errors "\n  " text)
        message(FATAL_ERROR "Layer errors (the table is in cmake/FinewattTargets.cmake):\n  ${text}")
    endif()
endfunction()

function(finewatt_print_summary)
    message(STATUS "finewatt ${FINEWATT_VERSION}")
    message(STATUS "  build type   ${CMAKE_BUILD_TYPE}")
    if(FINEWATT_WITH_TORCH)
        message(STATUS "  engine       on, LibTorch ${FINEWATT_TORCH_VERSION} in ${FINEWATT_TORCH_DIR}")
    else()
        message(STATUS "  engine       off (FINEWATT_WITH_TORCH=OFF)")
    endif()
    if(TARGET finewatt_arrow)
        message(STATUS "  Parquet      on, Arrow in ${FINEWATT_ARROW_FOUND_DIR}")
    else()
        message(STATUS "  Parquet      off (${FINEWATT_ARROW_WHY})")
    endif()
    if(FINEWATT_CHART_JS)
        message(STATUS "  web figures  on, ${FINEWATT_CHART_JS}")
    else()
        message(STATUS "  web figures  off (${FINEWATT_WEB_WHY})")
    endif()
    message(STATUS "  PostgreSQL   ${FINEWATT_HAS_POSTGRES}")
    message(STATUS "  sanitizers   ${FINEWATT_SANITIZE}")
    message(STATUS "  ccache       ${FINEWATT_CCACHE}")
endfunction()

if(BUILD_TESTING)
    # Matchers, temporary trees and clocks for tests; linked by finewatt_test only.
    add_subdirectory(${CMAKE_SOURCE_DIR}/src/finewatt/testing)
endif()
