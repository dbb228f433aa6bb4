# Every third-party library, found once. CMake downloads nothing: scripts/setup installs.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(tl-expected REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(simdjson REQUIRED)
find_package(date REQUIRED)
find_package(CLI11 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
# Only the headers of libcurl: the library is opened at run time (base/http_client.cpp).
find_path(CURL_INCLUDE_DIR curl/curl.h REQUIRED)

# Only the headers of libarchive, too (data/archive.cpp).
find_path(LIBARCHIVE_INCLUDE_DIR archive.h REQUIRED)
# Only the header of libpq, too (store/libpq.cpp), and only with the PostgreSQL store.
set(FINEWATT_HAS_POSTGRES OFF)
if(FINEWATT_WITH_POSTGRES)
    find_path(LIBPQ_INCLUDE_DIR libpq-fe.h PATH_SUFFIXES postgresql pgsql)
    if(LIBPQ_INCLUDE_DIR)
        set(FINEWATT_HAS_POSTGRES ON)
    elseif(NOT FINEWATT_WITH_POSTGRES STREQUAL "AUTO")
        message(FATAL_ERROR
            "PostgreSQL: expected libpq-fe.h, found none. Run scripts/setup (package libpq-dev), or "
            "build without that store: -DFINEWATT_WITH_POSTGRES=OFF.")
    endif()
endif()
# xxHash is compiled in from its header (data/feature_cache.cpp).
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)

# Boost.Math is headers only (stats/).
find_path(BOOST_MATH_INCLUDE_DIR boost/math/distributions/students_t.hpp REQUIRED)

# libcsv ships neither a CMake nor a pkg-config file.
find_path(CSV_INCLUDE_DIR csv.h REQUIRED)
find_library(CSV_LIBRARY csv REQUIRED)
add_library(finewatt_libcsv INTERFACE)
target_include_directories(finewatt_libcsv SYSTEM INTERFACE "${CSV_INCLUDE_DIR}")
target_link_libraries(finewatt_libcsv INTERFACE "${CSV_LIBRARY}")

# utf8proc of Debian has a pkg-config file only.
find_path(UTF8PROC_INCLUDE_DIR utf8proc.h REQUIRED)
find_library(UTF8PROC_LIBRARY utf8proc REQUIRED)
add_library(finewatt_utf8proc INTERFACE)
target_include_directories(finewatt_utf8proc SYSTEM INTERFACE "${UTF8PROC_INCLUDE_DIR}")
target_link_libraries(finewatt_utf8proc INTERFACE "${UTF8PROC_LIBRARY}")

if(BUILD_TESTING)
    find_package(GTest REQUIRED)
    include(GoogleTest)
endif()
if(FINEWATT_WITH_TORCH)
    include(FinewattTorch)
    if(FINEWATT_WITH_CUDA)
        include(FinewattCuda)
    endif()
endif()
include(FinewattArrow)
include(FinewattWeb)
