# Installs the build into an empty folder, configures and builds the example against that folder
# alone, and runs it. Any step that fails ends the test with the step's own message.
file(REMOVE_RECURSE "${WORK_DIR}")

function(run_step)
    execute_process(COMMAND ${ARGV} RESULT_VARIABLE status OUTPUT_VARIABLE output
        ERROR_VARIABLE output)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "${ARGV}\nended with ${status}:\n${output}")
    endif()
    set(output "${output}" PARENT_SCOPE)
endfunction()

run_step("${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${WORK_DIR}/prefix")
file(GLOB_RECURSE private_headers "${WORK_DIR}/prefix/include/*_internal.h")
if(private_headers)
    message(FATAL_ERROR "private headers were installed: ${private_headers}")
endif()
run_step("${CMAKE_COMMAND}" -S "${SOURCE_DIR}/examples/measure_block" -B "${WORK_DIR}/build"
    -G Ninja "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix")
run_step("${CMAKE_COMMAND}" --build "${WORK_DIR}/build")
run_step("${WORK_DIR}/build/measure_block")
if(NOT output MATCHES "energy (unknown: .+|[0-9.]+ J)")
    message(FATAL_ERROR "the example printed no energy: ${output}")
endif()
