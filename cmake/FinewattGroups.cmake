# Compiling several files of a target as one ("unity build"), which saves more than half of a build's
# time: what a file includes costs more than what it says.
#
# FINEWATT_GROUP_SOURCES: OFF (presets dev and lint: a changed file is compiled alone), TESTS (test
# programs only), ALL. `scripts/lint` sees each file alone, so a missing #include is found there.
set(FINEWATT_GROUP_SOURCES OFF CACHE STRING "Compile several files as one: OFF, TESTS or ALL")
set(FINEWATT_GROUP_TESTS OFF)
set(FINEWATT_GROUP_ALL OFF)
if(FINEWATT_GROUP_SOURCES STREQUAL "TESTS")
    set(FINEWATT_GROUP_TESTS ON)
elseif(FINEWATT_GROUP_SOURCES STREQUAL "ALL")
    set(FINEWATT_GROUP_TESTS ON)
    set(FINEWATT_GROUP_ALL ON)
elseif(FINEWATT_GROUP_SOURCES)
    message(FATAL_ERROR "FINEWATT_GROUP_SOURCES=${FINEWATT_GROUP_SOURCES}: expected OFF, TESTS or ALL")
endif()

# Files that keep to themselves: their own (unnamed namespace's) names are also those of another file
# of the same target. A compiler's "redefinition" in a grouped build means: rename, or add it here.
set(FINEWATT_UNGROUPED_FILES
    apps/finewatt/cmd_report.cpp
    apps/finewatt/cmd_runs_delete.cpp
    apps/finewatt/cmd_runs_export.cpp
    apps/finewatt/cmd_runs_import.cpp
    apps/finewatt/cmd_runs_list.cpp
    apps/finewatt/cmd_runs_recover.cpp
    apps/finewatt/cmd_runs_tag.cpp
    apps/finewatt/runs_common.cpp
    apps/finewatt/tokenize_lines.cpp
    src/finewatt/carbon/intensity_series_test.cpp
    src/finewatt/carbon/locate_test.cpp
    src/finewatt/carbon/watttime.cpp
    src/finewatt/carbon/watttime_test.cpp
    src/finewatt/data/feature_cache_limit.cpp
    src/finewatt/data/question_data.cpp
    src/finewatt/data/question_data_test.cpp
    src/finewatt/data/squad_data.cpp
    src/finewatt/data/squad_peer_test.cpp
    src/finewatt/data/task_data_test.cpp
    src/finewatt/data/token_data.cpp
    src/finewatt/data/token_data_test.cpp
    src/finewatt/data/token_peer_test.cpp
    src/finewatt/engine/kernels/attention_test.cpp
    src/finewatt/engine/kernels/cpu_kernels_test.cpp
    src/finewatt/engine/kernels/norm_test.cpp
    src/finewatt/exchange/codecarbon_read.cpp
    src/finewatt/exchange/prometheus_text_test.cpp
    src/finewatt/exchange/rows.cpp
    src/finewatt/exchange/sci_record_test.cpp
    src/finewatt/exchange/zeus_log.cpp
    src/finewatt/exchange/zeus_log_test.cpp
    src/finewatt/engine/plain_model_test.cpp
    src/finewatt/meter/channel_stream.cpp
    src/finewatt/meter/journal_writer.cpp
    src/finewatt/meter/replay.cpp
    src/finewatt/meter/sampler_test.cpp
    src/finewatt/meter/trace_writer.cpp
    src/finewatt/report/page_data_test.cpp
    src/finewatt/report/table_formats.cpp
    src/finewatt/report/table_formats_property_test.cpp
    src/finewatt/report/token_figure.cpp
    src/finewatt/sensor/discovery.cpp
    src/finewatt/sensor/discovery_gpu_test.cpp
    src/finewatt/sensor/gpu_discovery_test.cpp
    src/finewatt/sensor/gpu_name.cpp
    src/finewatt/sensor/gpu_process_reader.cpp
    src/finewatt/sensor/hwmon_source.cpp
    src/finewatt/sensor/hwmon_source_test.cpp
    src/finewatt/sensor/ipmi_meter.cpp
    src/finewatt/sensor/json_meter.cpp
    src/finewatt/sensor/kasa_meter.cpp
    src/finewatt/sensor/level_zero_source.cpp
    src/finewatt/sensor/msr_source.cpp
    src/finewatt/sensor/nvml_queries.cpp
    src/finewatt/sensor/nvml_sensor_table.cpp
    src/finewatt/sensor/nvml_source.cpp
    src/finewatt/sensor/nvml_source_test.cpp
    src/finewatt/sensor/perf_energy_source.cpp
    src/finewatt/sensor/perf_energy_source_test.cpp
    src/finewatt/sensor/powercap_source.cpp
    src/finewatt/sensor/redfish_meter.cpp
    src/finewatt/sensor/rocm_smi_source.cpp
    src/finewatt/sensor/sensor_garbage_property_test.cpp
    src/finewatt/sensor/tasmota_meter.cpp
    src/finewatt/sensor/wall_readings_test.cpp
    src/finewatt/sensor/wall_time.cpp
    src/finewatt/store/store_contract_test.cpp
    src/finewatt/store/store_list_contract_test.cpp
    src/finewatt/study/workload.cpp
    src/finewatt/token/trie.cpp)

# finewatt_group_sources(<target> <ON|OFF>)
function(finewatt_group_sources target grouped)
    if(NOT grouped)
        return()
    endif()
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    get_target_property(sources ${target} SOURCES)
    foreach(source IN LISTS sources)
        cmake_path(ABSOLUTE_PATH source NORMALIZE OUTPUT_VARIABLE path)
        cmake_path(RELATIVE_PATH path BASE_DIRECTORY "${CMAKE_SOURCE_DIR}")
        if(path IN_LIST FINEWATT_UNGROUPED_FILES)
            set_source_files_properties("${source}" PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
        endif()
    endforeach()
endfunction()
