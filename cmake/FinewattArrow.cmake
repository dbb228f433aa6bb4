# Arrow C++ out of an installed pyarrow wheel, as the target finewatt_arrow; for reading Parquet.
#
# FINEWATT_WITH_ARROW: AUTO takes it where it is found, ON stops where it is not, OFF never looks.
# FINEWATT_ARROW_DIR: the folder .../site-packages/pyarrow. Empty: the virtual environment that
# scripts/setup makes (build/venv, or FINEWATT_VENV).
set(FINEWATT_ARROW_DIR "" CACHE PATH "Folder of the installed pyarrow wheel (…/site-packages/pyarrow)")
set(FINEWATT_ARROW_WHY "FINEWATT_WITH_ARROW=OFF")

if(FINEWATT_WITH_ARROW STREQUAL "AUTO" AND FINEWATT_SANITIZE)
    # Arrow is built without them, and sanitizers misread what crosses.
    set(FINEWATT_ARROW_WHY "this is a sanitizer build")
elseif(FINEWATT_WITH_ARROW)
    set(finewatt_arrow_dir "${FINEWATT_ARROW_DIR}")
    if(NOT finewatt_arrow_dir)
        set(finewatt_arrow_venv "$ENV{FINEWATT_VENV}")
        if(NOT finewatt_arrow_venv)
            set(finewatt_arrow_venv "${CMAKE_SOURCE_DIR}/build/venv")
        endif()
        file(GLOB finewatt_arrow_dir "${finewatt_arrow_venv}/lib/python3*/site-packages/pyarrow")
    endif()
    # The wheel's libraries bear their version in their names only: libarrow.so.2600.
    file(GLOB finewatt_arrow_libraries
        "${finewatt_arrow_dir}/libarrow.so.*" "${finewatt_arrow_dir}/libparquet.so.*")
    list(LENGTH finewatt_arrow_libraries finewatt_arrow_count)
    if(finewatt_arrow_count EQUAL 2 AND EXISTS "${finewatt_arrow_dir}/include/parquet/arrow/reader.h")
        add_library(finewatt_arrow INTERFACE)
        target_include_directories(finewatt_arrow SYSTEM INTERFACE "${finewatt_arrow_dir}/include")
        target_link_libraries(finewatt_arrow INTERFACE ${finewatt_arrow_libraries})
        set(FINEWATT_ARROW_FOUND_DIR "${finewatt_arrow_dir}")
    elseif(FINEWATT_WITH_ARROW STREQUAL "AUTO")
        set(FINEWATT_ARROW_WHY "no pyarrow wheel; scripts/setup installs it")
    else()
        message(FATAL_ERROR
            "Arrow: expected the pyarrow wheel, found none in '${finewatt_arrow_dir}'. Run "
            "scripts/setup, name another folder with -DFINEWATT_ARROW_DIR=…/site-packages/pyarrow, or "
            "build without Parquet: -DFINEWATT_WITH_ARROW=OFF.")
    endif()
endif()
