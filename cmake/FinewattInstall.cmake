# Installs the libraries that a C++ program needs to measure its own code: finewatt::meter and what
# it stands on, with their headers and a package that find_package(finewatt) finds. Programs are
# installed where they are made (finewatt_program).
include(CMakePackageConfigHelpers)

set(finewatt_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/finewatt")

foreach(library base units record sensor meter)
    set_target_properties(finewatt_${library} PROPERTIES EXPORT_NAME ${library})
    target_include_directories(finewatt_${library} INTERFACE
        "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
    target_compile_features(finewatt_${library} INTERFACE cxx_std_20)
    install(TARGETS finewatt_${library} EXPORT finewatt
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
    install(DIRECTORY "${CMAKE_SOURCE_DIR}/src/finewatt/${library}"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/finewatt"
        FILES_MATCHING PATTERN "*.h"
        PATTERN "*_internal.h" EXCLUDE
        PATTERN "testing_stub" EXCLUDE)
endforeach()
install(TARGETS finewatt_libcsv EXPORT finewatt)

install(EXPORT finewatt NAMESPACE finewatt:: DESTINATION "${finewatt_package_dir}"
    FILE finewattTargets.cmake)
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/finewattConfig.cmake.in"
    "${CMAKE_BINARY_DIR}/finewattConfig.cmake"
    INSTALL_DESTINATION "${finewatt_package_dir}")
write_basic_package_version_file("${CMAKE_BINARY_DIR}/finewattConfigVersion.cmake"
    VERSION "${PROJECT_VERSION}" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/finewattConfig.cmake"
    "${CMAKE_BINARY_DIR}/finewattConfigVersion.cmake"
    DESTINATION "${finewatt_package_dir}")
